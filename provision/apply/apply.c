// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "apply.h"

struct done {
	const struct vp_step *step;
	int64_t id;
	/* What was recorded before and after. */
	const char *before, *after;
	/* It failed half-way: there may be something to clean up, or nothing. */
	bool failed;
};

/* Power is a state, not a thing: it has no row of its own. */
static bool recorded(enum vp_kind k)
{
	return k != VP_KIND_POWER;
}

static int journal_done(struct vp_world *w, const struct vp_step *s, int64_t id, const char *data, struct vp_err *err)
{
	/* A record of a kind without a row is closed with a row that never existed. */
	return vp_journal_done(w->state, id, vp_kind_name(s->kind), s->name, s->node, recorded(s->kind) ? data : NULL, err);
}

static int run_step(struct vp_world *w, const struct vp_step *s, struct done *d, struct vp_err *err)
{
	const struct vp_record record = { .kind = vp_kind_name(s->kind),
					  .action = vp_action_name(s->action),
					  .name = s->name,
					  .node = s->node,
					  .before = s->before ? s->before : "",
					  .after = s->after ? s->after : "" };

	*d = (struct done){ .step = s, .before = s->before };
	if (vp_journal_start(w->state, &record, &d->id, err))
		return -1;
	d->failed = true;
	if (vp_kind_ops[s->kind].set(w, s, s->before, s->after, &d->after, err))
		return -1;
	d->failed = false;
	return journal_done(w, s, d->id, d->after, err);
}

static int undo_step(struct vp_world *w, const struct done *d, struct vp_err *err)
{
	const struct vp_step *s = d->step;
	const char *data = d->before;

	/* An image comes into being whole or not at all; what is there after a failure is somebody else's. */
	if (d->failed && s->kind == VP_KIND_DISK)
		return vp_journal_undone(w->state, d->id, vp_kind_name(s->kind), s->name, s->node, data, err);
	if (vp_kind_ops[s->kind].set(w, s, d->after ? d->after : s->after, d->before, &data, err))
		return vp_context(err, "undoing %s %s %s", vp_action_name(s->action), vp_kind_name(s->kind), s->name);
	return vp_journal_undone(w->state, d->id, vp_kind_name(s->kind), s->name, s->node, recorded(s->kind) ? data : NULL, err);
}

/* A change of the definition carries the record of its node along: one line of the plan, but a step of its own for the undo. */
static int run_record(struct vp_world *w, const struct vp_step *domain, struct done *d, struct vp_err *err)
{
	struct vp_step *s = vp_alloc(w->arena, sizeof(*s));
	struct vp_resources made = { 0 };
	const struct vp_resource *old;

	if (vp_resources(w->state, w->arena, domain->node, &made, err))
		return -1;
	old = vp_resource_find(&made, "node", domain->name);
	*s = *domain;
	s->kind = VP_KIND_NODE;
	s->before = old ? old->data : NULL;
	s->after = vp_node_record(w->arena, domain->want);
	return run_step(w, s, d, err);
}

static bool lifecycle(enum vp_kind k)
{
	return k == VP_KIND_IMAGE || k == VP_KIND_VERIFY;
}

int vp_apply(struct vp_world *w, const struct vp_plan *p, vp_step_fn *report, struct vp_err *err)
{
	struct done *done = vp_alloc(w->arena, (2 * p->n + 1) * sizeof(*done));
	struct vp_err undo = { 0 };
	size_t n = 0, failed = 0;

	for (size_t i = 0; i < p->n; i++) {
		const struct vp_step *s = &p->items[i];

		/* The image is a cache and verification changes nothing that could be undone: the caller does both. */
		if (lifecycle(s->kind))
			continue;
		if (run_step(w, s, &done[n++], err) ||
		    (s->kind == VP_KIND_DOMAIN && s->want && s->action == VP_CHANGE && run_record(w, s, &done[n++], err))) {
			const char *path = vp_plan_path(s);

			vp_context(err, "%s %s %s%s%s%s", vp_action_name(s->action), vp_kind_name(s->kind), s->name, *path ? " (" : "", path,
				   *path ? ")" : "");
			failed = n;
			break;
		}
		if (report)
			report(s);
	}
	if (!failed)
		return vp_journal_end(w->state, err);
	while (n--) {
		struct vp_err one = { 0 };

		if (done[n].id && undo_step(w, &done[n], &one) && undo.code == VP_E_NONE)
			undo = one;
	}
	if (undo.code != VP_E_NONE) {
		size_t len = strlen(err->msg);

		snprintf(err->msg + len, sizeof(err->msg) - len, "; and %.900s (run the command again to clean up)", undo.msg);
		return -2;
	}
	return -1;
}

int vp_apply_removal(struct vp_world *w, const struct vp_plan *p, vp_step_fn *report, struct vp_err *err)
{
	int rc = 0;

	for (size_t i = 0; i < p->n; i++) {
		const struct vp_step *s = &p->items[i];
		struct vp_err one = { 0 };
		struct done d;

		if (run_step(w, s, &d, &one)) {
			vp_context(&one, "%s %s %s", vp_action_name(s->action), vp_kind_name(s->kind), s->name);
			if (!rc)
				*err = one;
			rc = -1;
			/* A guest that cannot be removed keeps what it runs on, and its record. */
			if (s->kind == VP_KIND_POWER || s->kind == VP_KIND_DOMAIN)
				break;
		} else if (report) {
			report(s);
		}
	}
	return rc ? rc : vp_journal_end(w->state, err);
}

int vp_recover(struct vp_world *w, struct vp_err *err)
{
	struct vp_records open = { 0 };

	if (vp_journal_open(w->state, w->arena, &open, err))
		return -1;
	for (size_t i = 0; i < open.n; i++) {
		const struct vp_record *r = &open.items[i];
		int kind = vp_kind_find(r->kind);
		const char *data = NULL;
		int rc;

		if (r->done) {
			if (vp_journal_forget(w->state, r->id, err))
				return -1;
			continue;
		}
		if (kind < 0 || !vp_kind_ops[kind].probe)
			return vp_fail(err, VP_E_STATE, "the journal has a step of unknown kind '%s'", r->kind);
		rc = vp_kind_ops[kind].probe(w, r->name, &data, err);
		if (rc < 0)
			return vp_context(err, "recovering %s %s", r->kind, r->name);
		if (vp_journal_undone(w->state, r->id, r->kind, r->name, r->node, rc ? data : NULL, err))
			return -1;
		vp_debug("recovered %s %s: %s", r->kind, r->name, rc ? "it is there" : "it is not there");
	}
	return 0;
}
