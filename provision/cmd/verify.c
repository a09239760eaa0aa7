// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../verify/verify.h"
#include "world.h"

/* The node's agent asks for a task at least once a minute: it is left in its row. */
static int ask(struct vp_world *w, struct vp_node_row *row, struct vp_err *err)
{
	json_t *j = json_loads(row->json, 0, NULL), *v = json_object_get(j, "verify");
	time_t now = (time_t)vp_wall();
	char stamp[32];

	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", gmtime(&now));
	row->task = vp_printf(w->arena, "verify %s %lld %lld %lld", stamp, (long long)json_integer_value(json_object_get(v, "cpu_laps")),
			      (long long)json_integer_value(json_object_get(v, "net_seconds")),
			      (long long)json_integer_value(json_object_get(v, "disk_mib")));
	json_decref(j);
	row->life = VP_UP;
	row->health = VP_OK;
	row->last_evidence = vp_wall();
	return vp_state_put(w->state, row, err) || w->service(w, err) ? -1 : 0;
}

/* A stored run, judged again from its raw outputs. */
static int print_stored(struct vp_ctx *c, struct vp_state *s, const char *node, json_t *list, struct vp_err *err)
{
	struct vp_results raw = { 0 };
	struct vp_verification v = { 0 };
	struct vp_node_row row;
	json_t *expect;

	if (vp_state_node(s, c->arena, node, &row, err) != 1)
		return vp_fail(err, VP_E_NOTFOUND, "there is no node '%s'", node);
	if (vp_state_results(s, c->arena, node, c->run && strcmp(c->run, "last") ? c->run : NULL, &raw, err))
		return -1;
	if (!raw.n)
		return vp_fail(err, VP_E_NOTFOUND, "node %s has no such run", node);
	expect = json_loads(row.json, 0, NULL);
	vp_verify_judge(c->arena, node, &raw, expect, &v);
	json_decref(expect);
	json_array_append_new(list, vp_verify_json(&v));
	if (!c->json && vp_out.level >= 0)
		vp_verify_print(&v, stdout);
	return v.verdict == VP_PASS || v.verdict == VP_INCONCLUSIVE ? 0 : vp_fail(err, VP_E_VERIFY, "node %s: verification failed", node);
}

static int measure(struct vp_ctx *c, struct vp_err *err)
{
	struct vp_world w;
	struct vp_node_row row;
	bool json = c->json;
	int rc = vp_world_open(c, true, &w);

	if (rc)
		return rc;
	for (size_t i = 0; !rc && i < c->nargs; i++) {
		if (vp_state_node(w.state, w.arena, c->args[i], &row, err) != 1)
			rc = vp_fail(err, VP_E_NOTFOUND, "there is no node '%s'", c->args[i]);
		else if (row.life < VP_UP)
			rc = vp_fail(err, VP_E_VERIFY, "node %s is not up (%s)", row.name, vp_life_name(row.life));
		else
			rc = ask(&w, &row, err);
	}
	if (rc) {
		rc = vp_ctx_error(c, err);
	} else {
		/* With --json the table of vp_watch() would be in the way. */
		int level = vp_out.level;

		vp_out.level = json ? -1 : level;
		rc = vp_watch(&w, c->args, NULL, c->nargs, err);
		vp_out.level = level;
	}
	if (rc != VP_EXIT_INTERRUPTED && vp_service_idle(&w) && vp_service_stop(w.state_dir, err))
		vp_warn("%s", err->msg);
	vp_world_close(&w);
	return rc;
}

int vp_cmd_verify(struct vp_ctx *c)
{
	vp_cleanup(vp_state_closep) struct vp_state *s = NULL;
	json_t *list = json_array();
	struct vp_err err = { 0 };
	int rc = c->run ? 0 : measure(c, &err);

	if ((c->run || c->json) && rc != VP_EXIT_FAILED && rc != VP_EXIT_INTERRUPTED) {
		s = vp_state_open(c->state_dir, true, &err);
		for (size_t i = 0; i < c->nargs; i++)
			if (!s || print_stored(c, s, c->args[i], list, &err))
				rc = vp_ctx_error(c, &err);
	}
	if (c->json)
		vp_print_json(json_pack("{s:O}", "nodes", list));
	json_decref(list);
	return rc;
}
