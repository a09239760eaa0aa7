// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "db.h"
#include "journal.h"

void (*vp_journal_hook)(void);

static int hooked(int rc)
{
	if (!rc && vp_journal_hook)
		vp_journal_hook();
	return rc;
}

int vp_journal_start(struct vp_state *s, const struct vp_record *r, int64_t *id, struct vp_err *err)
{
	if (vp_db_exec(s, err, "INSERT INTO journal (kind, action, name, node, before, after, time) VALUES (?1,?2,?3,?4,?5,?6,?7)", "ssssssd",
		       r->kind, r->action, r->name, r->node, r->before, r->after, vp_wall()))
		return -1;
	*id = sqlite3_last_insert_rowid(s->db);
	return hooked(0);
}

static int set_resource(struct vp_state *s, const char *kind, const char *name, const char *node, const char *data, struct vp_err *err)
{
	if (!data)
		return vp_db_exec(s, err, "DELETE FROM resource WHERE kind = ?1 AND name = ?2", "ss", kind, name);
	return vp_db_exec(s, err, "INSERT OR REPLACE INTO resource (kind, name, node, data) VALUES (?1, ?2, ?3, ?4)", "ssss", kind, name, node, data);
}

int vp_journal_done(struct vp_state *s, int64_t id, const char *kind, const char *name, const char *node, const char *after, struct vp_err *err)
{
	int rc;

	if (vp_db_begin(s, err))
		return -1;
	rc = set_resource(s, kind, name, node, after, err);
	if (!rc)
		rc = vp_db_exec(s, err, "UPDATE journal SET time = NULL WHERE id = ?1", "i", id);
	return hooked(vp_db_end(s, rc, err));
}

int vp_journal_undone(struct vp_state *s, int64_t id, const char *kind, const char *name, const char *node, const char *before, struct vp_err *err)
{
	int rc;

	if (vp_db_begin(s, err))
		return -1;
	rc = set_resource(s, kind, name, node, before, err);
	if (!rc)
		rc = vp_db_exec(s, err, "DELETE FROM journal WHERE id = ?1", "i", id);
	return hooked(vp_db_end(s, rc, err));
}

int vp_journal_forget(struct vp_state *s, int64_t id, struct vp_err *err)
{
	return hooked(vp_db_exec(s, err, "DELETE FROM journal WHERE id = ?1", "i", id));
}

int vp_journal_end(struct vp_state *s, struct vp_err *err)
{
	return hooked(vp_db_exec(s, err, "DELETE FROM journal", ""));
}

int vp_journal_open(struct vp_state *s, struct vp_arena *a, struct vp_records *out, struct vp_err *err)
{
	vp_cleanup(vp_db_finalizep) sqlite3_stmt *st =
		vp_db_query(s, err, "SELECT id, kind, action, name, node, before, after, time IS NULL FROM journal ORDER BY id DESC", "");
	int rc;

	if (!st)
		return -1;
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		out->items = vp_grow_in(a, out->items, out->n, &out->cap, sizeof(*out->items));
		out->items[out->n++] =
			(struct vp_record){ sqlite3_column_int64(st, 0), vp_db_text(a, st, 1), vp_db_text(a, st, 2), vp_db_text(a, st, 3),
					    vp_db_text(a, st, 4),	 vp_db_text(a, st, 5), vp_db_text(a, st, 6), sqlite3_column_int(st, 7) };
	}
	return rc == SQLITE_DONE ? 0 : vp_db_fail(s, "reading the journal", err);
}

int vp_resources(struct vp_state *s, struct vp_arena *a, const char *node, struct vp_resources *out, struct vp_err *err)
{
	vp_cleanup(vp_db_finalizep) sqlite3_stmt *st =
		vp_db_query(s, err, "SELECT kind, name, node, data FROM resource WHERE ?1 IS NULL OR node = ?1 ORDER BY kind, name", "s", node);
	int rc;

	if (!st)
		return -1;
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		out->items = vp_grow_in(a, out->items, out->n, &out->cap, sizeof(*out->items));
		out->items[out->n++] = (struct vp_resource){ vp_db_text(a, st, 0), vp_db_text(a, st, 1), vp_db_text(a, st, 2), vp_db_text(a, st, 3) };
	}
	return rc == SQLITE_DONE ? 0 : vp_db_fail(s, "reading resources", err);
}

const struct vp_resource *vp_resource_find(const struct vp_resources *r, const char *kind, const char *name)
{
	for (size_t i = 0; i < r->n; i++)
		if (!strcmp(r->items[i].kind, kind) && !strcmp(r->items[i].name, name))
			return &r->items[i];
	return NULL;
}
