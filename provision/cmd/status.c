// SPDX-License-Identifier: Apache-2.0
/* What the state database says of the nodes, corrected by what their hypervisors say now. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "../apply/post.h"
#include "../fetch/fetch.h"
#include "../state/phase.h"
#include "../state/row_json.h"
#include "cmd.h"
#include "table.h"

#define WATCH_MS 1000

/* One node as it is shown. */
struct view {
	struct vp_node_row *row;
	/* Runs with other memory or CPUs than it would be started with. */
	bool pending;
	/* Of its last installation; seconds until it is up, -1 where that is not known. */
	struct vp_phase_rows phases;
	double eta;
	/* What is kept of its failure; "" where it has not failed. */
	const char *bundle;
};

struct views {
	struct view *items;
	size_t n;
};

struct peek {
	struct vp_ctx *c;
	struct views *views;
	const char *uri;
};

static void set_health(struct vp_ctx *c, struct view *v, enum vp_health health, const char *reason)
{
	v->row->health = health;
	v->row->reason = vp_strdup(c->arena, reason);
}

/* From the first lease on there has to be a domain; but between ack and the start from disk it is down for a moment. */
static bool needs_domain(const struct vp_node_row *r)
{
	return r->life > VP_ARMED && r->life != VP_ACKED && r->health != VP_FAILED && r->health != VP_STALLED;
}

static bool is_pending(const struct vp_node_row *r, const struct vp_virt_dom *dom)
{
	json_t *node = json_loads(r->json, 0, NULL);
	uint64_t mib = (uint64_t)json_integer_value(json_object_get(node, "memory_mib"));
	uint64_t vcpus = (uint64_t)json_integer_value(json_object_get(node, "vcpus"));

	json_decref(node);
	return dom->active && mib && vcpus && (!vp_virt_same_memory(dom->memory, mib * VP_MIB) || dom->vcpus != vcpus);
}

static void correct(struct vp_ctx *c, struct view *v, bool found, const struct vp_virt_dom *dom)
{
	if (found)
		v->pending = is_pending(v->row, dom);
	if (!needs_domain(v->row))
		return;
	if (!found)
		set_health(c, v, VP_UNKNOWN, "its domain is gone");
	else if (strcmp(dom->uuid, v->row->uuid) != 0)
		set_health(c, v, VP_UNKNOWN, "its domain is gone; another one has its name");
	else if (strstr(dom->state, "crashed"))
		set_health(c, v, VP_FAILED, vp_printf(c->arena, "its domain is %s", dom->state));
	else if (!dom->active || !strncmp(dom->state, "paused", 6) || !strncmp(dom->state, "suspended", 9))
		set_health(c, v, VP_UNKNOWN, vp_printf(c->arena, "its domain is %s", dom->state));
}

static int look(struct vp_hv *hv, void *arg, struct vp_err *err)
{
	struct peek *p = arg;

	for (size_t i = 0; i < p->views->n; i++) {
		struct view *v = &p->views->items[i];
		struct vp_virt_dom dom;
		int found;

		if (strcmp(v->row->host, p->uri) != 0)
			continue;
		found = hv->ops->lookup(hv, v->row->name, &dom, err);
		if (found < 0)
			return -1;
		correct(p->c, v, found, &dom);
	}
	return 0;
}

/* Asks each hypervisor once. One that another vprov works with needs no look: that vprov keeps the database right. */
static void look_at_hosts(struct vp_ctx *c, struct views *views)
{
	for (size_t i = 0; i < views->n; i++) {
		struct peek p = { c, views, views->items[i].row->host };
		struct vp_err err = { 0 };
		size_t first = 0;

		while (strcmp(views->items[first].row->host, p.uri) != 0)
			first++;
		if (first < i || !*p.uri || !vp_ctx_peek(c, p.uri, look, &p, &err))
			continue;
		vp_debug("%s: %s", p.uri, err.msg);
		for (size_t k = i; k < views->n && err.code == VP_E_NOHYPERVISOR; k++)
			if (!strcmp(views->items[k].row->host, p.uri) && needs_domain(views->items[k].row))
				set_health(c, &views->items[k], VP_UNKNOWN, err.msg);
	}
}

static bool wanted(const struct vp_ctx *c, const char *name)
{
	for (size_t i = 0; i < c->nargs; i++)
		if (!strcmp(c->args[i], name))
			return true;
	return !c->nargs;
}

static int read_views(struct vp_ctx *c, struct vp_state *s, struct views *out, struct vp_err *err)
{
	struct vp_node_rows rows = { 0 };

	out->n = 0;
	if (s && vp_state_nodes(s, c->arena, &rows, err))
		return -1;
	out->items = vp_alloc(c->arena, (rows.n + 1) * sizeof(*out->items));
	for (size_t i = 0; i < rows.n; i++) {
		struct view *v = &out->items[out->n];

		if (!wanted(c, rows.items[i].name))
			continue;
		v->row = &rows.items[i];
		out->n++;
		/* Nobody may have looked for long: what its deadlines say now. */
		if (vp_phase_check(s, c->arena, v->row, true, 0, false, err) || vp_phase_rows(s, c->arena, v->row->name, false, &v->phases, err) ||
		    vp_phase_eta(s, c->arena, v->row, &v->eta, err))
			return -1;
		v->bundle = v->row->health == VP_FAILED || v->row->health == VP_STALLED ? vp_bundle_find(c->arena, c->state_dir, v->row->name) : "";
	}
	return 0;
}

/* --- What is shown --- */

/* The root of an embedded driver is the state directory that was asked for: nothing new. */
static const char *host_of(struct vp_ctx *c, const struct vp_node_row *r)
{
	return vp_strndup(c->arena, r->host, strcspn(r->host, "?"));
}

static const char *duration(struct vp_ctx *c, double s)
{
	static const struct {
		const char *unit;
		double seconds;
	} units[] = { { "d", 86400 }, { "h", 3600 }, { "min", 60 }, { "s", 1 } };
	size_t i = 0;

	while (i + 1 < vp_count(units) && s < 2 * units[i].seconds)
		i++;
	return vp_printf(c->arena, "%.0f %s", s < 0 ? 0 : s / units[i].seconds, units[i].unit);
}

/* "loader", "packages: unpack 40%, 2 min left"; the state, where health stands in its place. */
static const char *progress_of(struct vp_ctx *c, const struct view *v)
{
	const struct vp_node_row *r = v->row;
	const struct vp_phase_row *in = v->phases.n ? &v->phases.items[v->phases.n - 1] : NULL;
	/* Being unwell is more than how far it came. */
	const char *at = r->health == VP_OK ? "" : vp_life_name(r->life), *installer = "", *left = "";

	if (r->life >= VP_ARMED && r->life < VP_UP && in)
		at = vp_phase_info(in->phase)->name;
	if (r->life == VP_ARMED && r->armed && r->health == VP_OK && (!in || in->ended > 0))
		at = "not switched on yet";
	if (*r->phase)
		installer = vp_printf(c->arena, "%s%s %u%%", *at ? ": " : "", r->phase, r->percent);
	if (v->eta >= 0)
		left = vp_printf(c->arena, "%s%s left", *at || *installer ? ", " : "", duration(c, v->eta));
	return vp_printf(c->arena, "%s%s%s", at, installer, left);
}

static const char *reason_of(struct vp_ctx *c, const struct view *v)
{
	if (!v->pending)
		return *v->bundle ? vp_printf(c->arena, "%s; kept in %s", v->row->reason, v->bundle) : v->row->reason;
	return vp_printf(c->arena, "%s%srestart pending: it runs with other memory or CPUs", v->row->reason, *v->row->reason ? "; " : "");
}

static json_t *view_json(struct vp_ctx *c, const struct view *v)
{
	json_t *j = vp_node_row_json(v->row);

	json_object_set_new(j, "reason", json_string(v->pending ? reason_of(c, v) : v->row->reason));
	json_object_set_new(j, "restart_pending", json_boolean(v->pending));
	json_object_set_new(j, "phases", vp_phase_json(&v->phases));
	json_object_set_new(j, "bundle", *v->bundle ? json_string(v->bundle) : json_null());
	json_object_set_new(j, "eta", v->eta >= 0 ? json_real(v->eta) : json_null());
	return j;
}

static json_t *views_json(struct vp_ctx *c, const struct views *views)
{
	json_t *list = json_array();

	for (size_t i = 0; i < views->n; i++)
		json_array_append_new(list, view_json(c, &views->items[i]));
	return json_pack("{s:o}", "nodes", list);
}

static void print_views(struct vp_ctx *c, const struct views *views)
{
	static const char *const columns[] = { "NODE", "STATE", "PROGRESS", "SINCE", "VIRT", "HOST", "REASON", NULL };
	struct vp_table *t;

	if (!views->n) {
		puts("no nodes");
		return;
	}
	t = vp_table_new(columns);
	for (size_t i = 0; i < views->n; i++) {
		const struct vp_node_row *r = views->items[i].row;

		vp_table_row(t, (const char *const[]){ r->name, vp_node_state(r), progress_of(c, &views->items[i]), duration(c, vp_wall() - r->since),
						       r->virt, host_of(c, r), reason_of(c, &views->items[i]), NULL });
	}
	vp_table_print(t, stdout);
}

/* The database first, then the world. */
static int look_at(struct vp_ctx *c, struct vp_state *s, struct views *views, struct vp_err *err)
{
	if (read_views(c, s, views, err))
		return -1;
	look_at_hosts(c, views);
	return 0;
}

/* --- Watching --- */

/* What counts as a change: everything but the age. */
static const char *line_of(struct vp_ctx *c, const struct view *v)
{
	const char *progress = progress_of(c, v), *reason = reason_of(c, v);

	return vp_printf(c->arena, "%s: %s%s%s%s%s%s", v->row->name, vp_node_state(v->row), *progress ? " (" : "", progress, *progress ? ")" : "",
			 *reason ? ": " : "", reason);
}

/* Lines of the last round, in its arena. */
struct lines {
	const char **items;
	size_t n;
};

static bool listed(const struct lines *l, const char *line)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->items[i], line))
			return true;
	return false;
}

/* A terminal shows how it is; a file gets a line (or with --json a document) per change. */
static void show_change(struct vp_ctx *c, const struct views *views, const struct lines *before, const struct lines *now)
{
	bool changed = before->n != now->n;

	if (vp_out.tty && !c->json) {
		fputs("\033[H\033[J", stdout);
		print_views(c, views);
		return;
	}
	for (size_t i = 0; i < now->n; i++) {
		if (listed(before, now->items[i]))
			continue;
		changed = true;
		if (!c->json)
			printf("%s  %s\n", vp_ctx_local_time(c, vp_wall()), now->items[i]);
	}
	if (changed && c->json) {
		json_t *j = views_json(c, views);

		json_dumpf(j, stdout, JSON_COMPACT);
		putchar('\n');
		json_decref(j);
	}
}

/* A boot service that listens already records what it finds, and that is seen here. */
static int listen_for_notes(struct vp_ctx *c)
{
	const char *port = vp_site_get(c->site, "notify_port");
	unsigned number = port ? (unsigned)atoi(port) : VP_NOTIFY_PORT;
	struct vp_err err = { 0 };
	int fd = number && !vp_service_running(c->state_dir) ? vp_notify_open(number, &err) : -1;

	if (err.msg[0])
		vp_warn("%s", err.msg);
	return fd;
}

static int watch(struct vp_ctx *c, struct vp_state **s)
{
	vp_cleanup(vp_closep) int notes = listen_for_notes(c);
	vp_cleanup(vp_arena_freep) struct vp_arena *last = NULL;
	struct lines before = { 0 };
	struct vp_ctx round = *c;
	struct views views;
	struct vp_err err = { 0 };

	while (!vp_interrupted) {
		struct lines now = { 0 };

		round.arena = vp_arena_new();
		/* The first apply may still be ahead. */
		if (!*s)
			*s = vp_state_open(c->state_dir, true, NULL);
		if (look_at(&round, *s, &views, &err)) {
			vp_arena_free(round.arena);
			return vp_ctx_error(c, &err);
		}
		now.items = vp_alloc(round.arena, (views.n + 1) * sizeof(*now.items));
		for (; now.n < views.n; now.n++)
			now.items[now.n] = line_of(&round, &views.items[now.n]);
		show_change(&round, &views, &before, &now);
		vp_arena_free(last);
		last = round.arena;
		before = now;
		if (fflush(stdout))
			return VP_EXIT_FAILED;
		poll(&(struct pollfd){ notes, POLLIN, 0 }, 1, WATCH_MS);
		/* All is shown again. */
		if (notes >= 0 && vp_notify_take(notes))
			before = (struct lines){ 0 };
	}
	return VP_EXIT_OK;
}

int vp_cmd_status(struct vp_ctx *c)
{
	vp_cleanup(vp_state_closep) struct vp_state *s = NULL;
	struct views views;
	struct vp_err err = { 0 };
	int rc = vp_ctx_state(c, true, &s);

	if (rc)
		return rc;
	if (c->watch)
		return (rc = vp_ctx_site(c)) ? rc : watch(c, &s);
	if (look_at(c, s, &views, &err))
		return vp_ctx_error(c, &err);
	if (c->json)
		vp_print_json(views_json(c, &views));
	else if (vp_out.level >= 0)
		print_views(c, &views);
	return VP_EXIT_OK;
}
