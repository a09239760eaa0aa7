/* SPDX-License-Identifier: Apache-2.0 */
/* Small helpers over SQLite, for the files of this directory only. */
#ifndef VP_DB_H
#define VP_DB_H

#include <sqlite3.h>

#include "state.h"

struct vp_state {
	sqlite3 *db;
	char id[17];
	char *dir;
	/* Whom changes are asked of (ask.h), -1 where they are made here. */
	int helper;
};

/* Fails with SQLite's words; SQLITE_FULL is VP_E_NOSPACE, damage is VP_E_STATE, another process that does not end its change VP_E_LOCKED. */
int vp_db_fail(struct vp_state *s, const char *what, struct vp_err *err);
/*
 * Runs one statement that gives no rows. fmt has one letter per bound value: s text (NULL: SQL NULL), i int64_t, d double,
 * b const void * and size_t.
 */
int vp_db_exec(struct vp_state *s, struct vp_err *err, const char *sql, const char *fmt, ...);
/* Prepares and binds in the same way; NULL on failure. Step it yourself, then sqlite3_finalize(). */
sqlite3_stmt *vp_db_query(struct vp_state *s, struct vp_err *err, const char *sql, const char *fmt, ...);
/* Text of a column in the arena, "" for NULL. */
const char *vp_db_text(struct vp_arena *a, sqlite3_stmt *st, int col);
void vp_db_finalizep(sqlite3_stmt **st);
int vp_db_begin(struct vp_state *s, struct vp_err *err);
/* Commits where rc is 0, rolls back otherwise; answers rc or -1. */
int vp_db_end(struct vp_state *s, int rc, struct vp_err *err);

#endif
