// SPDX-License-Identifier: Apache-2.0
#include "db.h"
#include "service.h"

int64_t vp_state_version(struct vp_state *s)
{
	vp_cleanup(vp_db_finalizep) sqlite3_stmt *st = vp_db_query(s, NULL, "PRAGMA data_version", "");

	/* The pragma counts what others did, the other what this connection did. */
	return st && sqlite3_step(st) == SQLITE_ROW ? sqlite3_column_int64(st, 0) + sqlite3_total_changes(s->db) : -1;
}

int vp_state_lease(struct vp_state *s, const char *node, const char *ip, struct vp_err *err)
{
	return vp_db_exec(s, err, "UPDATE node SET ip = ?2 WHERE name = ?1 AND ip = ''", "ss", node, ip);
}

int vp_state_task_done(struct vp_state *s, const char *node, const char *run, struct vp_err *err)
{
	return vp_db_exec(s, err, "UPDATE node SET task = '' WHERE name = ?1 AND instr(task || ' ', 'verify ' || ?2 || ' ') = 1", "ss", node, run);
}

int vp_state_stranger(struct vp_state *s, const char *mac, const char *bridge, struct vp_err *err)
{
	double now = vp_wall();

	if (vp_db_exec(s, err,
		       "INSERT INTO stranger (mac, bridge, first, last, requests) VALUES (lower(?1), ?2, ?3, ?3, 1)"
		       " ON CONFLICT (mac) DO UPDATE SET bridge = ?2, last = ?3, requests = requests + 1",
		       "ssd", mac, bridge, now))
		return -1;
	return vp_db_exec(s, err, "DELETE FROM stranger WHERE mac IN (SELECT mac FROM stranger ORDER BY last DESC LIMIT -1 OFFSET ?1)", "i",
			  (int64_t)VP_MAX_STRANGERS);
}

int vp_state_strangers(struct vp_state *s, struct vp_arena *a, struct vp_strangers *out, struct vp_err *err)
{
	vp_cleanup(vp_db_finalizep) sqlite3_stmt *st = vp_db_query(
		s, err, "SELECT mac, bridge, first, last, requests FROM stranger WHERE mac NOT IN (SELECT mac FROM node) ORDER BY last DESC, mac",
		"");
	int rc;

	if (!st)
		return -1;
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		out->items = vp_grow_in(a, out->items, out->n, &out->cap, sizeof(*out->items));
		out->items[out->n++] = (struct vp_stranger){ vp_db_text(a, st, 0), vp_db_text(a, st, 1), sqlite3_column_double(st, 2),
							     sqlite3_column_double(st, 3), sqlite3_column_int64(st, 4) };
	}
	return rc == SQLITE_DONE ? 0 : vp_db_fail(s, "reading strangers", err);
}
