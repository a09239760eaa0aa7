/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The write-ahead journal of one transaction, and the list of what vprov made.
 * A record is written before the world is touched. A resource row is written in
 * the same SQLite transaction that ends the step, so that the list and the world
 * differ by at most the one record that is open.
 */
#ifndef VP_JOURNAL_H
#define VP_JOURNAL_H

#include "state.h"

/* One open record: a step that may or may not have happened. */
struct vp_record {
	int64_t id;
	/* As in struct vp_step. */
	const char *kind, *action, *name, *node;
	/* What was there (for undo) and what shall be (for redo); "" for nothing. */
	const char *before, *after;
	/* True where it was done and recorded, but its transaction had not ended. */
	bool done;
};
struct vp_records {
	struct vp_record *items;
	size_t n, cap;
};

/* Intent: durable when it returns. The id goes to *id. */
int vp_journal_start(struct vp_state *s, const struct vp_record *r, int64_t *id, struct vp_err *err);
/*
 * The step is done: the resource kind/name now has data `after` (NULL: it is gone), owned by `node`; the record is
 * kept as done until vp_journal_end(), for the undo.
 */
int vp_journal_done(struct vp_state *s, int64_t id, const char *kind, const char *name, const char *node, const char *after, struct vp_err *err);
/* Removes one record (after its undo, with the resource set back to `before`; NULL: gone). */
int vp_journal_undone(struct vp_state *s, int64_t id, const char *kind, const char *name, const char *node, const char *before, struct vp_err *err);
/* Removes one record and leaves the resource as recorded. */
int vp_journal_forget(struct vp_state *s, int64_t id, struct vp_err *err);
/* The transaction succeeded: all records go. */
int vp_journal_end(struct vp_state *s, struct vp_err *err);
/* Records left by a run that died, newest first. */
int vp_journal_open(struct vp_state *s, struct vp_arena *a, struct vp_records *out, struct vp_err *err);

struct vp_resource {
	const char *kind, *name, *node, *data;
};
struct vp_resources {
	struct vp_resource *items;
	size_t n, cap;
};
/* All that vprov made, sorted by kind and name; node NULL: of all nodes. */
int vp_resources(struct vp_state *s, struct vp_arena *a, const char *node, struct vp_resources *out, struct vp_err *err);
const struct vp_resource *vp_resource_find(const struct vp_resources *r, const char *kind, const char *name);

/* Called after every write of the journal, for crash tests; NULL for none. */
extern void (*vp_journal_hook)(void);

#endif
