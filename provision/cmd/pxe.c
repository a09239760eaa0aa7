// SPDX-License-Identifier: Apache-2.0
/* vprov pxe list|arm|disarm|rescue: what the boot service answers, and how to change it by hand. */
#include <string.h>

#include "../../pxe/boot.h"
#include "../state/service.h"
#include "table.h"
#include "world.h"

/* --- list --- */

static json_t *node_json(struct vp_ctx *c, const struct vp_node_row *r, double now)
{
	const char *why;
	enum vp_boot_answer a = vp_boot_decide(r, now, &why);
	double until = vp_boot_until(r, now);

	return json_pack("{s:s, s:s, s:s, s:s, s:s*}", "name", r->name, "mac", r->mac, "answer", vp_boot_answer_name(a), "reason", why, "until",
			 until > 0 ? vp_ctx_time(c, until) : NULL);
}

static void print_nodes(struct vp_ctx *c, const struct vp_node_rows *rows, double now)
{
	struct vp_table *t = vp_table_new((const char *const[]){ "NAME", "MAC", "ANSWER", "UNTIL", "WHY", NULL });

	for (size_t i = 0; i < rows->n; i++) {
		const struct vp_node_row *r = &rows->items[i];
		const char *why;
		enum vp_boot_answer a = vp_boot_decide(r, now, &why);
		double until = vp_boot_until(r, now);

		vp_table_row(
			t, (const char *const[]){ r->name, r->mac, vp_boot_answer_name(a), until > 0 ? vp_ctx_local_time(c, until) : "", why, NULL });
	}
	vp_table_print(t, stdout);
}

static void print_strangers(struct vp_ctx *c, const struct vp_strangers *s)
{
	struct vp_table *t;

	if (!s->n) {
		vp_say("no unknown machine has asked for an address");
		return;
	}
	t = vp_table_new((const char *const[]){ "UNKNOWN MAC", "BRIDGE", "REQUESTS", "FIRST", "LAST", NULL });
	for (size_t i = 0; i < s->n; i++) {
		const struct vp_stranger *x = &s->items[i];

		vp_table_row(t, (const char *const[]){ x->mac, x->bridge, vp_printf(c->arena, "%lld", (long long)x->requests),
						       vp_ctx_local_time(c, x->first), vp_ctx_local_time(c, x->last), NULL });
	}
	vp_table_print(t, stdout);
}

static void print_json(struct vp_ctx *c, const struct vp_node_rows *rows, const struct vp_strangers *strangers, double now)
{
	json_t *nodes = json_array(), *all = json_pack("{s:o}", "nodes", nodes), *list = json_array();

	for (size_t i = 0; i < rows->n; i++)
		json_array_append_new(nodes, node_json(c, &rows->items[i], now));
	for (size_t i = 0; i < strangers->n; i++) {
		const struct vp_stranger *x = &strangers->items[i];

		json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:s, s:s}", "mac", x->mac, "bridge", x->bridge, "requests",
						      (json_int_t)x->requests, "first", vp_ctx_time(c, x->first), "last", vp_ctx_time(c, x->last)));
	}
	if (c->adopt)
		json_object_set(all, "strangers", list);
	json_decref(list);
	vp_print_json(all);
}

static int list(struct vp_ctx *c)
{
	struct vp_strangers strangers = { 0 };
	vp_cleanup(vp_state_closep) struct vp_state *s = NULL;
	struct vp_node_rows rows = { 0 };
	struct vp_err err = { 0 };
	double now = vp_wall();
	int rc = vp_ctx_state(c, false, &s);

	if (rc)
		return rc;
	if (s && (vp_state_nodes(s, c->arena, &rows, &err) || (c->adopt && vp_state_strangers(s, c->arena, &strangers, &err))))
		return vp_ctx_error(c, &err);
	if (c->json) {
		print_json(c, &rows, &strangers, now);
		return VP_EXIT_OK;
	}
	if (rows.n)
		print_nodes(c, &rows, now);
	else
		vp_say("no nodes");
	if (c->adopt)
		print_strangers(c, &strangers);
	return VP_EXIT_OK;
}

/* --- arm, disarm, rescue --- */

/* What is armed is what `apply` made. */
static int read_node(struct vp_ctx *c, struct vp_world *w, const struct vp_node_row *row, struct vp_node **out, struct vp_err *err)
{
	const char *why;

	if (vp_world_node(c, w, row, out, err))
		return -1;
	why = vp_node_why(c->arena, row->json, vp_node_record(c->arena, *out));
	return *why ? vp_fail(err, VP_E_MOVED, "node %s: its profile has changed since it was applied: %s", row->name, why) : 0;
}

static int arm(struct vp_ctx *c, struct vp_world *w, const struct vp_node_row *row, struct vp_err *err)
{
	struct vp_node *n = NULL;
	struct vp_image image = { 0 };
	const char *loss;

	if (read_node(c, w, row, &n, err) || vp_plan_loss(w, n, &loss, err))
		return -1;
	if (*loss)
		vp_say("%s: DESTROYS DATA: %s", n->name, loss);
	/* A machine that is not a guest of ours has disks that nobody can look into. */
	if (vp_plan_consent(w, n->name, n, *loss || row->life >= VP_UP, c->confirm, err))
		return -1;
	if (w->image && !vp_install_foreign(n->install) && w->image(w, n, true, &image, err) < 0)
		return vp_context(err, "building the root image");
	if (vp_rearm(w, n, err) || (w->service && w->service(w, err)))
		return -1;
	vp_say("%s: armed for one installation, for %d hours; `vprov apply` starts a guest", n->name, VP_ARM_SECONDS / 3600);
	return 0;
}

static int disarm(struct vp_ctx *c, struct vp_world *w, const struct vp_node_row *row, struct vp_err *err)
{
	bool rescue = row->rescue_until > vp_wall();

	(void)c;
	if (row->life >= VP_CONFIG && row->life < VP_UP && row->health != VP_FAILED && !rescue)
		return vp_fail(err, VP_E_RUNNING, "node %s has its configuration: its installation (%s) cannot be called back", row->name,
			       vp_life_name(row->life));
	if (!row->armed && !rescue) {
		vp_say("%s: not armed", row->name);
		return 0;
	}
	if (vp_disarm(w, row->name, err) || vp_state_event(w->state, row->name, "vprov", "disarmed", err))
		return -1;
	vp_say("%s: boots its disk", row->name);
	return 0;
}

static int rescue(struct vp_ctx *c, struct vp_world *w, const struct vp_node_row *row, struct vp_err *err)
{
	struct vp_node *n = NULL;

	if (read_node(c, w, row, &n, err) || vp_rescue(w, n, err))
		return -1;
	vp_say("%s: boots the rescue system for %d minutes; `vprov console %s` has its shell, `vprov pxe disarm %s` ends it", n->name,
	       VP_RESCUE_SECONDS / 60, n->name, n->name);
	return 0;
}

static int change(struct vp_ctx *c, int (*fn)(struct vp_ctx *c, struct vp_world *w, const struct vp_node_row *row, struct vp_err *err))
{
	struct vp_world w;
	int rc = vp_world_open(c, true, &w), worst = rc;

	for (size_t i = 1; !rc && i < c->nargs; i++) {
		struct vp_err err = { 0 };
		struct vp_node_row row;
		int found = vp_state_node(w.state, w.arena, c->args[i], &row, &err);

		if (!found)
			vp_fail(&err, VP_E_NOTFOUND, "there is no node '%s'", c->args[i]);
		if (found != 1 || fn(c, &w, &row, &err))
			worst = vp_ctx_error(c, &err);
	}
	if (!rc)
		vp_world_close(&w);
	return worst;
}

int vp_cmd_pxe(struct vp_ctx *c)
{
	const char *verb = c->args[0];

	if (!strcmp(verb, "list") && c->nargs == 1)
		return list(c);
	if (c->nargs > 1 && !strcmp(verb, "arm"))
		return change(c, arm);
	if (c->nargs > 1 && !strcmp(verb, "disarm"))
		return change(c, disarm);
	if (c->nargs > 1 && !strcmp(verb, "rescue"))
		return change(c, rescue);
	fprintf(stderr, "usage: vprov pxe [OPTIONS] list | arm|disarm|rescue NODE...\n");
	return VP_EXIT_USAGE;
}
