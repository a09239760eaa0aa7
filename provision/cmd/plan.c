// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>

#include "../apply/network.h"
#include "../plan/network.h"
#include "hosts.h"
#include "world.h"

/* A saved plan holds its steps and what it was made from, so that apply can make it again and see whether the world moved. */
static int save(struct vp_ctx *c, const struct vp_plan *p, struct vp_err *err)
{
	json_t *j = vp_plan_json(p), *profiles = json_array();
	char *text;
	int rc;

	for (size_t i = 0; i < c->nargs; i++) {
		vp_cleanup(vp_freep) char *full = realpath(c->args[i], NULL);

		json_array_append_new(profiles, json_string(full ? full : c->args[i]));
	}
	json_object_set_new(j, "vprov_plan", json_integer(1));
	json_object_set_new(j, "profiles", profiles);
	json_object_set_new(j, "virt", json_string(c->virt < 0 ? "" : vp_virt_name((enum vp_virt)c->virt)));
	json_object_set_new(j, "reinstall", json_boolean(c->reinstall));
	text = json_dumps(j, JSON_INDENT(2));
	rc = vp_write_file(c->output, text, strlen(text), 0600, err);
	free(text);
	json_decref(j);
	return rc;
}

static int make_plan(struct vp_ctx *c, struct vp_world *w, struct vp_nodes *nodes, struct vp_plan *plan)
{
	struct vp_diags diags = { .arena = c->arena };
	struct vp_err err = { 0 };
	int rc;

	if (vp_world_fit(w, nodes, &err) || vp_plan_make(w, nodes, plan, &diags, &err))
		return vp_ctx_error(c, &err);
	rc = diags.errors ? VP_EXIT_PROFILE : VP_EXIT_OK;
	if (diags.n)
		vp_diags_print(&diags, stderr);
	vp_diags_free(&diags);
	return rc;
}

/* What one run is about. */
struct job {
	const struct vp_nodes *nodes;
	/* What was wrong with others. */
	int wrong;
	json_t *saved;
};

static struct vp_nodes pick(struct vp_ctx *c, const struct job *j, const size_t *which, size_t n)
{
	struct vp_nodes some = { .n = n, .cap = n, .items = vp_alloc(c->arena, (n + 1) * sizeof(*some.items)) };

	for (size_t i = 0; i < n; i++)
		some.items[i] = j->nodes->items[which[i]];
	return some;
}

static int plan_some(struct vp_ctx *c, const size_t *which, size_t n, void *arg)
{
	const struct job *j = arg;
	struct vp_nodes nodes = pick(c, j, which, n);
	struct vp_plan plan = { 0 };
	struct vp_err err = { 0 };
	struct vp_world w;
	int rc = vp_world_open(c, false, &w);

	if (rc)
		return rc;
	rc = make_plan(c, &w, &nodes, &plan);
	if (!rc && !j->wrong && c->output && save(c, &plan, &err))
		rc = vp_ctx_error(c, &err);
	if (!rc && c->json)
		vp_print_json(vp_plan_json(&plan));
	else if (!rc && vp_out.level >= 0)
		vp_plan_print(&plan, stdout);
	vp_world_close(&w);
	return !rc && c->exit_code && plan.n ? VP_EXIT_PENDING : rc;
}

/* Of each node; an exit status. */
static int find_hypervisors(struct vp_ctx *c, const struct vp_nodes *nodes, const char **uris)
{
	struct vp_state *s = vp_state_open(c->state_dir, true, NULL);
	struct vp_err err = { 0 };
	int rc = VP_EXIT_OK;

	for (size_t i = 0; i < nodes->n && !rc; i++) {
		const struct vp_node *n = nodes->items[i];
		struct vp_node_row row = { .host = "" };
		bool lost;

		if (s && vp_state_node(s, c->arena, n->name, &row, NULL) != 1)
			row.host = "";
		uris[i] = vp_hypervisor_of(c, n->host, row.host, &lost);
		if (lost && n->machine != VP_HYPERVISOR) {
			vp_fail(&err, VP_E_USAGE, "node %s: %s: say which one it is for (/system/vprov/host)", n->name,
				n->host && *n->host ? vp_printf(c->arena, "none of the hypervisors is '%s'", n->host)
						    : "it names no hypervisor, and there are several");
			rc = vp_ctx_error(c, &err);
		}
		/* Its own network is this machine's, whichever hypervisor comes first. */
		if (lost && n->machine == VP_HYPERVISOR)
			uris[i] = i ? uris[0] : c->nconnects ? c->connects[0] : vp_site_get(c->site, "connect");
	}
	for (size_t i = 1; i < nodes->n && !rc && c->output; i++)
		if (strcmp(uris[i] ? uris[i] : "", uris[0] ? uris[0] : "") != 0) {
			vp_fail(&err, VP_E_USAGE, "a plan of several hypervisors is not saved: plan the nodes of each by themselves");
			rc = vp_ctx_error(c, &err);
		}
	vp_state_close(s);
	return rc;
}

static int on_each(struct vp_ctx *c, struct job *j, vp_some_fn *fn)
{
	const char **uris = vp_alloc(c->arena, (j->nodes->n + 1) * sizeof(*uris));
	int rc = find_hypervisors(c, j->nodes, uris);

	return rc ? rc : vp_each_hypervisor(c, uris, j->nodes->n, fn, j);
}

int vp_cmd_plan(struct vp_ctx *c)
{
	struct vp_nodes nodes = { 0 };
	struct job j = { .nodes = &nodes, .wrong = vp_ctx_nodes(c, &nodes) };
	int rc;

	/* What the right ones need is shown, whatever is wrong with others; apply does nothing then, and no such plan is saved. */
	if (!nodes.n)
		return j.wrong ? j.wrong : plan_some(c, NULL, 0, &j);
	rc = on_each(c, &j, plan_some);
	return rc && rc != VP_EXIT_PENDING ? rc : j.wrong ? j.wrong : rc;
}

/* --- apply --- */

/* A saved plan: its profiles become the arguments, its steps are what the new plan must equal. 1 it is one, 0 not, -1 error. */
static int load_saved(struct vp_ctx *c, json_t **steps, struct vp_err *err)
{
	vp_cleanup(vp_buf_free) struct vp_buf text = { 0 };
	const char **args, *virt;
	json_t *j, *profiles, *one;
	size_t i;

	if (c->nargs != 1 || !strcmp(c->args[0], "-") || vp_read_file(c->args[0], VP_MAX_PROFILE, &text, NULL) ||
	    !strstr(vp_buf_str(&text), "\"vprov_plan\""))
		return 0;
	j = json_loads(text.data, 0, NULL);
	profiles = json_object_get(j, "profiles");
	if (!json_is_array(profiles) || json_integer_value(json_object_get(j, "vprov_plan")) != 1) {
		json_decref(j);
		return vp_fail(err, VP_E_SYNTAX, "%s: not a plan of this version of vprov", c->args[0]);
	}
	args = vp_alloc(c->arena, (json_array_size(profiles) + 1) * sizeof(*args));
	json_array_foreach (profiles, i, one)
		args[i] = vp_strdup(c->arena, json_string_value(one) ? json_string_value(one) : "");
	c->args = args;
	c->nargs = json_array_size(profiles);
	virt = json_string_value(json_object_get(j, "virt"));
	if (c->virt < 0 && virt && *virt)
		c->virt = vp_virt_find(virt);
	c->reinstall |= json_is_true(json_object_get(j, "reinstall"));
	*steps = json_incref(json_object_get(j, "steps"));
	json_decref(j);
	return 1;
}

/* Whether the root image is in the cache by now makes no difference to what is done. */
static void forget_image(json_t *steps)
{
	for (size_t i = json_array_size(steps); i--;) {
		const char *target = json_string_value(json_object_get(json_array_get(steps, i), "target"));

		if (target && !strncmp(target, "image ", 6))
			json_array_remove(steps, i);
	}
}

/* Exactly what was saved, or nothing. */
static int same_as_saved(const struct vp_plan *plan, json_t *saved, struct vp_err *err)
{
	json_t *now = vp_plan_json(plan);
	bool same;

	forget_image(saved);
	forget_image(json_object_get(now, "steps"));
	same = json_equal(json_object_get(now, "steps"), saved);
	json_decref(now);
	return same ? 0 : vp_fail(err, VP_E_MOVED, "the plan would be another one now");
}

static int build_image(struct vp_world *w, const struct vp_plan *plan, struct vp_err *err)
{
	for (size_t i = 0; i < plan->n; i++) {
		struct vp_image image;
		double begun = vp_wall();

		if (plan->items[i].kind != VP_KIND_IMAGE)
			continue;
		if (w->image(w, plan->items[i].want, true, &image, err) < 0)
			return vp_context(err, "building the root image");
		vp_say("root image: %s, %s, built in %.0f s", image.root, vp_size_text(w->arena, image.packed), vp_wall() - begun);
	}
	return 0;
}

/* Follows every node that has something ahead of it. */
static int follow(struct vp_world *w, const struct vp_plan *plan, struct vp_err *err)
{
	const char **names = vp_alloc(w->arena, (plan->n + 1) * sizeof(*names));
	const struct vp_node **wants = vp_alloc(w->arena, (plan->n + 1) * sizeof(*wants));
	size_t n = 0;
	int rc;

	for (size_t i = 0; i < plan->n; i++) {
		const struct vp_step *s = &plan->items[i];
		struct vp_node_row row;
		bool wait = s->kind == VP_KIND_VERIFY || (s->kind == VP_KIND_POWER && vp_state_node(w->state, w->arena, s->name, &row, err) == 1 &&
							  row.life >= VP_ARMED && row.life < VP_UP);

		for (size_t k = 0; k < n && wait; k++)
			wait = strcmp(names[k], s->name);
		if (!wait)
			continue;
		wants[n] = s->want;
		names[n++] = s->name;
	}
	if (!n)
		return VP_EXIT_OK;
	if (w->service(w, err))
		return vp_ctx_error(NULL, err);
	rc = vp_watch(w, names, wants, n, err);
	/* The service is left to those that still need it; it ends by itself. */
	if (rc != VP_EXIT_INTERRUPTED && vp_service_idle(w) && vp_service_stop(w->state_dir, err))
		vp_warn("%s", err->msg);
	return rc;
}

/* No data goes that nobody has agreed to; what would, is said first. */
static int may_destroy(struct vp_ctx *c, struct vp_world *w, const struct vp_plan *plan, struct vp_err *err)
{
	for (size_t i = 0; i < plan->n; i++)
		if (plan->items[i].loss)
			vp_say("%s: DESTROYS DATA: %s", plan->items[i].node, plan->items[i].loss);
	for (size_t i = 0; i < plan->n; i++) {
		const struct vp_step *s = &plan->items[i];

		if (s->loss && vp_plan_consent(w, s->node, s->want, true, c->confirm, err))
			return -1;
	}
	return 0;
}

static int carry_out(struct vp_ctx *c, struct vp_world *w, struct vp_nodes *nodes, json_t *saved)
{
	struct vp_confirm confirm = { .seconds = c->confirm_within, .answers = vp_network_answers(nodes), .fd = -1 };
	struct vp_plan plan = { 0 };
	struct vp_err err = { 0 };
	int rc = make_plan(c, w, nodes, &plan);
	bool waits;

	if (rc)
		return rc;
	if ((saved && same_as_saved(&plan, saved, &err)) || may_destroy(c, w, &plan, &err))
		return vp_ctx_error(c, &err);
	for (size_t i = 0; i < plan.nnotes; i++)
		vp_say("note: %s", plan.notes[i]);
	if (!plan.n) {
		vp_say("nothing to do");
		return VP_EXIT_OK;
	}
	if (build_image(w, &plan, &err) || vp_network_apply(w, &plan, &confirm, vp_world_report, &waits, &err)) {
		if (vp_interrupted)
			vp_fail(&err, VP_E_INTERRUPTED, "interrupted; what this run had begun was undone");
		return vp_ctx_error(c, &err);
	}
	if (waits && confirm.answers.n && vp_network_decided(w, &err))
		return vp_ctx_error(c, &err);
	if (waits && !confirm.answers.n)
		vp_say("the network: within %u seconds: vprov net confirm", confirm.seconds);
	for (size_t i = 0; i < plan.n; i++)
		if (!strcmp(plan.items[i].risk, "restart") && plan.items[i].kind == VP_KIND_DOMAIN && !w->restart)
			vp_say("%s: takes effect at the next start of the guest (now: vprov apply --restart)%s%s", plan.items[i].name,
			       plan.items[i].later ? ": " : "", plan.items[i].later ? plan.items[i].later : "");
	return follow(w, &plan, &err);
}

static int apply_some(struct vp_ctx *c, const size_t *which, size_t n, void *arg)
{
	const struct job *j = arg;
	struct vp_nodes nodes = pick(c, j, which, n);
	struct vp_world w;
	int rc = vp_world_open(c, true, &w);

	if (rc)
		return rc;
	rc = carry_out(c, &w, &nodes, j->saved);
	vp_world_close(&w);
	return rc;
}

int vp_cmd_apply(struct vp_ctx *c)
{
	struct vp_nodes nodes = { 0 };
	struct job j = { .nodes = &nodes };
	struct vp_err err = { 0 };
	int rc;

	if (load_saved(c, &j.saved, &err) < 0)
		return vp_ctx_error(c, &err);
	rc = vp_ctx_nodes(c, &nodes);
	if (!rc)
		rc = nodes.n ? on_each(c, &j, apply_some) : apply_some(c, NULL, 0, &j);
	json_decref(j.saved);
	return rc;
}

/* --- rebuild --- */

/* Reads all nodes and asks for consent before the first of them goes. What --keep-disks leaves is asked for by the plan that comes after. */
static int find_nodes(struct vp_ctx *c, struct vp_world *w, struct vp_nodes *out, struct vp_err *err)
{
	out->items = vp_alloc(c->arena, c->nargs * sizeof(*out->items));
	for (size_t i = 0; i < c->nargs; i++) {
		struct vp_plan plan = { 0 };
		struct vp_node_row row;
		int rc = vp_state_node(w->state, w->arena, c->args[i], &row, err);

		if (rc != 1)
			return rc ? -1 : vp_fail(err, VP_E_NOTFOUND, "there is no node '%s'", c->args[i]);
		if (vp_world_node(c, w, &row, &out->items[out->n++], err) || vp_plan_destroy(w, row.name, NULL, c->keep, &plan, err) ||
		    may_destroy(c, w, &plan, err) || vp_plan_consent(w, row.name, out->items[i], row.life >= VP_CONFIG, c->confirm, err))
			return -1;
	}
	return 0;
}

static int rebuild(struct vp_ctx *c, struct vp_world *w)
{
	struct vp_nodes nodes = { 0 };
	struct vp_err err = { 0 };

	if (find_nodes(c, w, &nodes, &err))
		return vp_ctx_error(c, &err);
	for (size_t i = 0; i < nodes.n; i++) {
		struct vp_plan plan = { 0 };

		if (vp_plan_destroy(w, nodes.items[i]->name, NULL, c->keep, &plan, &err) || vp_apply_removal(w, &plan, vp_world_report, &err))
			return vp_ctx_error(c, &err);
	}
	return carry_out(c, w, &nodes, NULL);
}

static int rebuild_some(struct vp_ctx *c, void *arg)
{
	struct vp_world w;
	int rc = vp_world_open(c, true, &w);

	(void)arg;
	if (!rc) {
		rc = rebuild(c, &w);
		vp_world_close(&w);
	}
	return rc;
}

int vp_cmd_rebuild(struct vp_ctx *c)
{
	return vp_on_their_hypervisors(c, rebuild_some, NULL);
}
