// SPDX-License-Identifier: Apache-2.0
/* vprov net up|down|show|confirm|rollback: the host's own network, bridges and taps alone, by the same plan and the same journal as apply. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../plan/network.h"
#include "lan.h"
#include "table.h"

static bool of_network(enum vp_kind k)
{
	return k >= VP_KIND_LINK && k <= VP_KIND_GUARD;
}

/* "vprov" for this state directory's ("vprov, orphan" where its node is gone), "vprov, other state" for another one's, "" for anybody else's. */
static const char *owner_of(struct vp_world *w, const struct vp_link *l)
{
	struct vp_resources made = { 0 };

	if (w->state && !vp_resources(w->state, w->arena, NULL, &made, NULL) && vp_link_orphan(l, vp_mark(w), &made))
		return "vprov, orphan";
	if (w->state && (vp_link_owned(l, vp_mark(w)) || !strcmp(l->alias, vp_network_mark(w->arena, vp_mark(w)))))
		return "vprov";
	return strncmp(l->alias, "vprov:", 6) ? "" : "vprov, other state";
}

static const char *addrs_text(struct vp_arena *a, const struct vp_link *l)
{
	const char *text = "";

	for (size_t i = 0; i < l->naddrs; i++)
		text = vp_printf(a, "%s%s%s/%u", text, i ? " " : "", l->addrs[i].ip, l->addrs[i].prefix);
	return text;
}

static const char *ports_text(struct vp_arena *a, const struct vp_links *links, const char *bridge)
{
	const char *text = "";

	for (size_t i = 0; i < links->n; i++)
		if (!strcmp(links->items[i].master, bridge))
			text = vp_printf(a, "%s%s%s", text, *text ? " " : "", links->items[i].name);
	return text;
}

/* Bridges, and the taps that are vprov's. */
static bool worth_showing(struct vp_world *w, const struct vp_link *l)
{
	return l->kind == VP_LINK_BRIDGE || (l->kind == VP_LINK_TAP && *owner_of(w, l));
}

static const char *state_text(const struct vp_link *l)
{
	if (!l->up)
		return "down";
	return l->kind == VP_LINK_TAP && l->carrier ? "up, in use" : "up";
}

static json_t *link_json(struct vp_world *w, const struct vp_links *links, const struct vp_link *l)
{
	json_t *addrs = json_array(), *ports = json_array();

	for (size_t i = 0; i < l->naddrs; i++)
		json_array_append_new(addrs, json_sprintf("%s/%u", l->addrs[i].ip, l->addrs[i].prefix));
	for (size_t i = 0; i < links->n; i++)
		if (!strcmp(links->items[i].master, l->name))
			json_array_append_new(ports, json_string(links->items[i].name));
	return json_pack("{s:s, s:s, s:s, s:b, s:b, s:s, s:i, s:s, s:o, s:o}", "name", l->name, "kind", l->kind == VP_LINK_BRIDGE ? "bridge" : "tap",
			 "owner", owner_of(w, l), "up", l->up, "carrier", l->carrier, "mac", l->mac, "mtu", (int)l->mtu, "bridge", l->master,
			 "addresses", addrs, "ports", ports);
}

static void print_links(struct vp_world *w, const struct vp_links *links)
{
	struct vp_table *t = vp_table_new((const char *const[]){ "DEVICE", "KIND", "OWNER", "STATE", "BRIDGE", "ADDRESSES", "PORTS", NULL });

	for (size_t i = 0; i < links->n; i++) {
		const struct vp_link *l = &links->items[i];

		if (worth_showing(w, l))
			vp_table_row(t, (const char *const[]){ l->name, l->kind == VP_LINK_BRIDGE ? "bridge" : "tap", owner_of(w, l), state_text(l),
							       l->master, addrs_text(w->arena, l), ports_text(w->arena, links, l->name), NULL });
	}
	vp_table_print(t, stdout);
}

/* Only what has to do with the network: steps, and problems of the world. */
static void keep_network(struct vp_plan *p, struct vp_diags *d)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++)
		if (of_network(p->items[i].kind))
			p->items[n++] = p->items[i];
	p->n = n;
	p->nnotes = 0;
	n = d->errors = d->warnings = 0;
	for (size_t i = 0; i < d->n; i++)
		if (d->items[i].code == VP_E_NETOWN || d->items[i].code == VP_E_REFERENCE || d->items[i].code == VP_E_LACK) {
			d->items[n++] = d->items[i];
			d->errors++;
		}
	d->n = n;
}

static const struct vp_step *step_of(const struct vp_plan *p, enum vp_kind kind, const char *name)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->items[i].kind == kind && !strcmp(p->items[i].name, name))
			return &p->items[i];
	return NULL;
}

/* One device that a node wants, beside what is there. */
struct wanted {
	const char *node;
	enum vp_kind kind;
	const char *name;
	const char *want;
};

static const char *live_text(struct vp_world *w, const struct vp_link *l)
{
	const char *owner = l ? owner_of(w, l) : "";

	if (!l)
		return "absent";
	return vp_printf(w->arena, "%s%s%s%s%s%s", state_text(l), *l->master ? " on " : "", l->master, l->naddrs ? " " : "", addrs_text(w->arena, l),
			 *owner ? "" : ", not vprov's");
}

static void show_wanted(struct vp_world *w, const struct vp_links *links, const struct vp_plan *p, const struct wanted *d, struct vp_table *t,
			json_t *json)
{
	const struct vp_link *live = vp_link_find(links, d->name);
	const struct vp_step *s = step_of(p, d->kind, d->name);
	const char *kind = vp_kind_name(d->kind), *action = s ? vp_action_name(s->action) : "";

	if (t)
		vp_table_row(t, (const char *const[]){ d->node, d->name, kind, live_text(w, live), d->want, action, s ? s->why : "", NULL });
	else
		json_array_append_new(json, json_pack("{s:s, s:s, s:s, s:o?, s:s, s:s, s:s}", "node", d->node, "name", d->name, "kind", kind, "live",
						      live ? link_json(w, links, live) : NULL, "wanted", d->want, "action", action, "why",
						      s ? s->why : ""));
}

static void show_node(struct vp_world *w, const struct vp_links *links, const struct vp_plan *p, const struct vp_node *n, struct vp_table *t,
		      json_t *json)
{
	for (size_t i = 0; i < n->nbridges; i++) {
		const struct vp_bridge *b = &n->bridges[i];
		const char *want = *b->address ? vp_printf(w->arena, "%s/%u", b->address, b->prefix) : "as it is";

		show_wanted(w, links, p, &(struct wanted){ n->name, VP_KIND_BRIDGE, b->name, want }, t, json);
	}
	for (size_t i = 0; i < n->nnics; i++) {
		const struct vp_nic *nic = &n->nics[i];

		show_wanted(w, links, p, &(struct wanted){ n->name, VP_KIND_TAP, nic->tap, vp_printf(w->arena, "up on %s", nic->bridge) }, t, json);
	}
}

static size_t hypervisors(const struct vp_nodes *nodes)
{
	size_t n = 0;

	for (size_t i = 0; i < nodes->n; i++)
		n += nodes->items[i]->machine == VP_HYPERVISOR;
	return n;
}

static json_t *show_nodes(struct vp_ctx *c, struct vp_world *w, const struct vp_links *links, const struct vp_plan *p, const struct vp_nodes *nodes)
{
	static const char *const columns[] = { "NODE", "DEVICE", "KIND", "LIVE", "WANTED", "TO DO", "WHY", NULL };
	struct vp_table *t = c->json ? NULL : vp_table_new(columns);
	json_t *json = c->json ? json_array() : NULL;

	for (size_t i = 0; i < nodes->n; i++)
		if (nodes->items[i]->machine != VP_HYPERVISOR)
			show_node(w, links, p, nodes->items[i], t, json);
	if (json)
		return json;
	if (nodes->n > hypervisors(nodes))
		vp_table_print(t, stdout);
	return NULL;
}

/* Nodes, then the host itself, then rules. */
static int show_all(struct vp_ctx *c, struct vp_world *w, const struct vp_links *links, const struct vp_plan *p, const struct vp_nodes *nodes)
{
	json_t *devices = show_nodes(c, w, links, p, nodes), *host = c->json ? json_array() : NULL, *rules = c->json ? json_array() : NULL;
	struct vp_err err = { 0 };
	int rc = VP_EXIT_OK;

	for (size_t i = 0; i < nodes->n && !rc; i++)
		if (vp_lan_show(w, nodes->items[i], host, &err))
			rc = vp_ctx_error(c, &err);
	vp_rules_show(w, rules);
	if (c->json)
		vp_print_json(json_pack("{s:o, s:o, s:o}", "devices", devices, "host", host, "rules", rules));
	return rc;
}

static void show_links(struct vp_ctx *c, struct vp_world *w, const struct vp_links *links)
{
	json_t *json, *rules;

	if (!c->json) {
		print_links(w, links);
		vp_rules_show(w, NULL);
		return;
	}
	json = json_array();
	rules = json_array();
	vp_rules_show(w, rules);
	for (size_t i = 0; i < links->n; i++)
		if (worth_showing(w, &links->items[i]))
			json_array_append_new(json, link_json(w, links, &links->items[i]));
	vp_print_json(json_pack("{s:o, s:o}", "devices", json, "rules", rules));
}

/* The network's part of the plan; problems are printed, and the status is that of the first. */
static int plan_network(struct vp_ctx *c, struct vp_world *w, const struct vp_nodes *nodes, struct vp_plan *p, struct vp_err *err)
{
	struct vp_diags problems = { .arena = c->arena };
	int rc = VP_EXIT_OK;

	/* Images do not matter here. */
	w->image = NULL;
	if (vp_plan_make(w, nodes, p, &problems, err)) {
		rc = vp_ctx_error(c, err);
	} else {
		keep_network(p, &problems);
		vp_diags_print(&problems, stderr);
		rc = problems.n ? (int)vp_code_exit(problems.items[0].code) : VP_EXIT_OK;
	}
	vp_diags_free(&problems);
	return rc;
}

static int net_show(struct vp_ctx *c, struct vp_world *w, const struct vp_nodes *nodes)
{
	vp_cleanup(vp_links_free) struct vp_links links = { 0 };
	struct vp_plan plan = { 0 };
	struct vp_err err = { 0 };
	int rc, shown;

	if (w->net->ops->list(w->net, &links, &err))
		return vp_ctx_error(c, &err);
	if (!nodes->n) {
		show_links(c, w, &links);
		return VP_EXIT_OK;
	}
	rc = plan_network(c, w, nodes, &plan, &err);
	shown = show_all(c, w, &links, &plan, nodes);
	return rc ? rc : shown;
}

static int net_up(struct vp_ctx *c, struct vp_world *w, const struct vp_nodes *nodes)
{
	struct vp_plan plan = { 0 };
	struct vp_err err = { 0 };
	struct vp_confirm confirm = { .seconds = c->confirm_within, .answers = vp_network_answers(nodes), .fd = -1 };
	int rc = plan_network(c, w, nodes, &plan, &err);
	bool waits;

	if (rc)
		return rc;
	if (vp_network_apply(w, &plan, &confirm, vp_world_report, &waits, &err))
		return vp_ctx_error(c, &err);
	if (!plan.n)
		vp_say("nothing to do");
	if (waits && confirm.answers.n) {
		vp_say("waiting for answers");
		if (vp_network_decided(w, &err))
			return vp_ctx_error(c, &err);
	} else if (waits) {
		vp_say("within %u seconds: vprov net confirm", confirm.seconds);
	}
	return VP_EXIT_OK;
}

/* What the host's own network was before vprov changed it. */
static int host_down(struct vp_ctx *c, struct vp_world *w, const struct vp_node *n, size_t *steps, struct vp_err *err)
{
	const char *file = vp_network_file(c->arena, w->state_dir);
	vp_cleanup(vp_buf_free) struct vp_buf text = { 0 };
	struct vp_plan plan = { 0 };

	if (!vp_network_here(n) || !vp_exists(file))
		return 0;
	if (vp_read_file(file, VP_MIB, &text, err) || vp_plan_network_back(w, n, vp_mark(w), vp_buf_str(&text), &plan, err) ||
	    vp_network_apply(w, &plan, NULL, vp_world_report, NULL, err))
		return -1;
	*steps += plan.n;
	return unlink(file) ? vp_fail_errno(err, VP_E_IO, "%s", file) : 0;
}

/* A tap that a guest has open is its network: that goes with the guest only. */
static int check_unused(const struct vp_links *links, const struct vp_plan *p, struct vp_err *err)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct vp_step *s = &p->items[i];
		const struct vp_link *l = vp_link_find(links, s->name);

		if (s->kind == VP_KIND_TAP && l && l->carrier)
			return vp_fail(err, VP_E_NET, "remove tap %s: a running guest uses it; `vprov destroy %s` removes both", s->name, s->node);
	}
	return 0;
}

static int net_down(struct vp_ctx *c, struct vp_world *w, const struct vp_nodes *nodes)
{
	vp_cleanup(vp_links_free) struct vp_links links = { 0 };
	struct vp_err err = { 0 };
	size_t steps = 0;

	if (w->net->ops->list(w->net, &links, &err))
		return vp_ctx_error(c, &err);
	for (size_t i = 0; i < nodes->n; i++) {
		struct vp_diags none = { .arena = c->arena };
		struct vp_plan plan = { 0 };

		if (nodes->items[i]->machine == VP_HYPERVISOR)
			continue;
		/* Node by node: the last one on a bridge takes it along. */
		if (vp_plan_destroy(w, nodes->items[i]->name, nodes->items[i], true, &plan, &err))
			return vp_ctx_error(c, &err);
		keep_network(&plan, &none);
		if (check_unused(&links, &plan, &err) || vp_apply_removal(w, &plan, vp_world_report, &err))
			return vp_ctx_error(c, &err);
		steps += plan.n;
	}
	/* Last, for nodes may have been on its bridges. */
	for (size_t i = 0; i < nodes->n; i++)
		if (host_down(c, w, nodes->items[i], &steps, &err))
			return vp_ctx_error(c, &err);
	if (!steps)
		vp_say("nothing to do");
	return VP_EXIT_OK;
}

static int net_confirm(struct vp_ctx *c, struct vp_world *w, const struct vp_nodes *nodes)
{
	struct vp_err err = { 0 };

	(void)nodes;
	return vp_network_confirm(c->arena, w->state_dir, &err) ? vp_ctx_error(c, &err) : VP_EXIT_OK;
}

static int net_rollback(struct vp_ctx *c, struct vp_world *w, const struct vp_nodes *nodes)
{
	struct vp_err err = { 0 };

	(void)nodes;
	return vp_network_rollback(w, vp_world_report, &err) ? vp_ctx_error(c, &err) : VP_EXIT_OK;
}

static const struct {
	const char *name;
	bool change;
	/* How many profiles at least, and whether there may be any. */
	bool needs, takes;
	int (*run)(struct vp_ctx *c, struct vp_world *w, const struct vp_nodes *nodes);
} actions[] = {
	{ "show", false, false, true, net_show },	  { "up", true, true, true, net_up },
	{ "down", true, true, true, net_down },		  { "confirm", false, false, false, net_confirm },
	{ "rollback", true, false, false, net_rollback },
};

int vp_cmd_net(struct vp_ctx *c)
{
	const char *what = c->args[0];
	struct vp_nodes nodes = { 0 };
	struct vp_world w;
	size_t i = 0;
	int rc;

	while (i < vp_count(actions) && strcmp(actions[i].name, what))
		i++;
	c->args++;
	c->nargs--;
	if (i == vp_count(actions) || (actions[i].needs && !c->nargs) || (!actions[i].takes && c->nargs)) {
		fprintf(stderr, "usage: vprov net show [PROFILE...]\n       vprov net up|down PROFILE...\n       vprov net confirm|rollback\n");
		return VP_EXIT_USAGE;
	}
	rc = c->nargs ? vp_ctx_nodes(c, &nodes) : VP_EXIT_OK;
	if (!rc)
		rc = vp_world_open(c, actions[i].change, &w);
	if (rc)
		return rc;
	rc = actions[i].run(c, &w, &nodes);
	vp_world_close(&w);
	return rc;
}
