// SPDX-License-Identifier: Apache-2.0
/* verify --together: all nodes are made ready, begin at one instant, and go on until the last one has done what counts. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../verify/together.h"
#include "together.h"

/* Nodes ask for tasks at least once a minute; then their systems may still start. */
#define READY_SECONDS 400.0
/* From the last one's readiness: so that all have heard of the instant. */
#define LEAD 2.0
/* Beyond the time that was asked for. */
#define END_SECONDS 400.0

struct session {
	struct vp_ctx *c;
	struct vp_world *w;
	const char *kind, *run;
	unsigned warm, seconds;
};

static const char *const kinds[] = { "cpu", "disk", "net" };

/* The longest that one of them asks for: long enough that pieces of work at the edges are few. */
static int find_seconds(struct session *s, struct vp_err *err)
{
	s->seconds = 0;
	for (size_t i = 0; i < s->c->nargs; i++) {
		struct vp_node_row row;
		json_t *j;
		unsigned seconds;

		if (vp_find_node(s->w->state, s->w->arena, s->c->args[i], &row, err))
			return -1;
		j = json_loads(row.json, 0, NULL);
		seconds = (unsigned)json_integer_value(json_object_get(json_object_get(j, "verify"), "together_seconds"));
		s->seconds = seconds > s->seconds ? seconds : s->seconds;
		json_decref(j);
	}
	/* Nodes of a vprov that did not ask. */
	s->seconds = s->seconds ? s->seconds : 30;
	return 0;
}

/* The task of every node; `more` says what they shall do now. NULL takes it away. */
static int say(struct session *s, const char *more, struct vp_err *err)
{
	for (size_t i = 0; i < s->c->nargs; i++) {
		struct vp_node_row row;
		json_t *j;

		if (vp_find_node(s->w->state, s->w->arena, s->c->args[i], &row, err))
			return -1;
		if (row.life < VP_UP)
			return vp_fail(err, VP_E_VERIFY, "node %s is not up (%s)", row.name, vp_life_name(row.life));
		j = json_loads(row.json, 0, NULL);
		row.task = more ? vp_printf(s->w->arena, "verify %s together %s %u %u %lld%s", s->run, s->kind, s->warm, s->seconds,
					    (long long)json_integer_value(json_object_get(json_object_get(j, "verify"), "disk_mib")), more)
				: "";
		json_decref(j);
		row.last_evidence = vp_wall();
		if (vp_state_put(s->w->state, &row, err))
			return -1;
	}
	return 0;
}

static bool is_off(struct session *s, const char *node)
{
	struct vp_virt_dom dom = { 0 };

	return s->w->hv && s->w->hv->ops->lookup(s->w->hv, node, &dom, NULL) == 1 && !dom.active;
}

/* A guest that is off does not come back by being waited for, nor does one that has given up. */
static bool is_lost(struct session *s, const char *node)
{
	struct vp_node_row row;

	return is_off(s, node) || (!vp_find_node(s->w->state, s->w->arena, node, &row, NULL) && !*row.task);
}

static bool has_result(struct session *s, const char *node, const char *name)
{
	struct vp_results raw = { 0 };

	if (vp_state_results(s->w->state, s->w->arena, node, s->run, &raw, NULL))
		return false;
	for (size_t i = 0; i < raw.n; i++)
		if (!strcmp(raw.items[i].name, name))
			return true;
	return false;
}

/* How many nodes have sent that result, and how many never will. */
static size_t count(struct session *s, const char *name, size_t *lost)
{
	struct vp_arena *keep = s->w->arena;
	size_t n = 0;

	*lost = 0;
	s->w->arena = vp_arena_new();
	for (size_t i = 0; i < s->c->nargs; i++) {
		bool there = has_result(s, s->c->args[i], name);

		n += there;
		*lost += !there && is_lost(s, s->c->args[i]);
	}
	vp_arena_free(s->w->arena);
	s->w->arena = keep;
	return n;
}

/* True once every node has sent it. Where one never will, the others are waited for only with patience. */
static bool await(struct session *s, const char *name, double seconds, bool patience)
{
	double end = vp_wall() + seconds;
	size_t n, lost;

	while ((n = count(s, name, &lost)) < s->c->nargs && vp_wall() < end && !vp_interrupted) {
		if (lost && (!patience || n + lost == s->c->nargs))
			return false;
		usleep(100000);
	}
	return n == s->c->nargs;
}

/* To the end, or as far as they come: what came is judged. */
static int conduct(struct session *s, struct vp_err *err)
{
	if (find_seconds(s, err) || say(s, "", err) || s->w->service(s->w, err))
		return -1;
	if (await(s, "ready", READY_SECONDS, false)) {
		if (say(s, vp_printf(s->w->arena, " go %.6f", vp_wall() + LEAD), err))
			return -1;
		await(s, "measured", LEAD + s->warm + s->seconds + END_SECONDS, false);
		if (say(s, " stop", err))
			return -1;
		await(s, "together", END_SECONDS, true);
	}
	return say(s, NULL, err);
}

static int judge(struct session *s, struct vp_together *t, struct vp_err *err)
{
	struct vp_part *parts = vp_alloc(s->c->arena, s->c->nargs * sizeof(*parts));
	const char *host = vp_verify_host(s->c->arena);

	for (size_t i = 0; i < s->c->nargs; i++) {
		struct vp_results *raw = vp_alloc(s->c->arena, sizeof(*raw));
		struct vp_node_row row;

		*raw = (struct vp_results){ 0 };
		if (vp_state_result_put(s->w->state, s->c->args[i], s->run, "host", host, strlen(host), err) ||
		    vp_find_node(s->w->state, s->c->arena, s->c->args[i], &row, err) ||
		    vp_state_results(s->w->state, s->c->arena, row.name, s->run, raw, err))
			return -1;
		parts[i] = (struct vp_part){ .node = row.name, .raw = raw, .expect = json_loads(row.json, 0, NULL), .gone = is_off(s, row.name) };
	}
	vp_together_judge(s->c->arena, s->run, s->kind, parts, s->c->nargs, t);
	for (size_t i = 0; i < s->c->nargs; i++)
		json_decref(parts[i].expect);
	return vp_together_keep(s->w->state, s->c->arena, t, err);
}

/* An exit status. *gone: one of them is off, and nothing more can be done with all of them. */
static int one_kind(struct session *s, struct vp_together *t, bool *gone, struct vp_err *err)
{
	if (conduct(s, err) || judge(s, t, err)) {
		say(s, NULL, NULL);
		return vp_ctx_error(s->c, err);
	}
	if (!s->c->json && vp_out.level >= 0)
		vp_together_print(t, stdout);
	for (size_t i = 0; i < t->n; i++)
		*gone = *gone || t->parts[i].gone;
	if (vp_interrupted)
		return VP_EXIT_INTERRUPTED;
	return t->verdict == VP_PASS || t->verdict == VP_INCONCLUSIVE ? VP_EXIT_OK : VP_EXIT_VERIFY;
}

/* All runs of the session, under what the first node's profile allows them. An exit status. */
static int conclude(struct vp_ctx *c, struct vp_world *w, const struct vp_together *runs, size_t n, struct vp_err *err)
{
	struct vp_samples known = { 0 };
	struct vp_verification v;
	struct vp_node_row row;
	json_t *expect, *list = json_array();

	if (vp_find_node(w->state, c->arena, c->args[0], &row, err) || vp_samples(w->state, c->arena, &known, err)) {
		json_decref(list);
		return vp_ctx_error(c, err);
	}
	expect = json_loads(row.json, 0, NULL);
	vp_together_gate(c->arena, runs, n, expect, &known, &v);
	json_decref(expect);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, vp_together_json(&runs[i]));
	if (c->json)
		vp_print_json(json_pack("{s:O, s:[o]}", "together", list, "nodes", vp_verify_json(&v)));
	else if (vp_out.level >= 0)
		vp_verify_print(&v, stdout);
	json_decref(list);
	return v.verdict == VP_PASS || v.verdict == VP_INCONCLUSIVE ? VP_EXIT_OK : VP_EXIT_VERIFY;
}

/* Whether a kind of work is among those that were asked for: "cpu,net", NULL for all. */
static bool is_meant(const char *only, const char *kind)
{
	size_t n = strlen(kind);

	for (const char *at = only; at && *at; at += strcspn(at, ","), at += *at == ',')
		if (strcspn(at, ",") == n && !strncmp(at, kind, n))
			return true;
	return !only;
}

int vp_together(struct vp_ctx *c, const char *session, unsigned runs, struct vp_err *err)
{
	struct vp_together *all = vp_alloc(c->arena, runs * vp_count(kinds) * sizeof(*all));
	struct vp_world w;
	int rc, worst = VP_EXIT_OK;
	bool gone = false;
	size_t n = 0, groups = 1, meant = 0;

	for (const char *p = c->only; p && *p; p++)
		groups += *p == ',';
	for (size_t k = 0; k < vp_count(kinds); k++)
		meant += is_meant(c->only, kinds[k]);
	if (c->only && meant != groups) {
		vp_fail(err, VP_E_USAGE, "--only %s: together nodes work on cpu, disk and net", c->only);
		return vp_ctx_error(c, err);
	}
	rc = vp_world_open(c, true, &w);
	for (unsigned i = 1; !rc && i <= runs; i++)
		for (size_t k = 0; !rc && !gone && k < vp_count(kinds); k++) {
			struct session s = { c, &w, kinds[k], vp_printf(c->arena, "together-%s-%s.%02u", session, kinds[k], i), 4, 0 };

			if (!is_meant(c->only, kinds[k]))
				continue;
			rc = one_kind(&s, &all[n], &gone, err);
			worst = rc ? rc : worst;
			n += !rc || rc == VP_EXIT_VERIFY;
			rc = rc == VP_EXIT_VERIFY ? 0 : rc;
		}
	if (!rc && n) {
		int all_told = conclude(c, &w, all, n, err);

		/* One run that is void among several does not decide over the session. */
		worst = runs > 1 || !worst ? all_told : worst;
	}
	if (w.state && rc != VP_EXIT_INTERRUPTED && vp_service_idle(&w) && vp_service_stop(w.state_dir, err))
		vp_warn("%s", err->msg);
	if (w.state)
		vp_world_close(&w);
	return rc ? rc : worst;
}
