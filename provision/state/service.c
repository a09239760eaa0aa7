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
