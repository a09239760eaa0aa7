// SPDX-License-Identifier: Apache-2.0
#include "ask.h"
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
	if (s->helper >= 0)
		return vp_ask(s, &(struct vp_ask){ .what = VP_ASK_LEASE, .text = { node, ip } }, err);
	return vp_db_exec(s, err, "UPDATE node SET ip = ?2 WHERE name = ?1 AND ip = ''", "ss", node, ip);
}

int vp_state_task_done(struct vp_state *s, const char *node, const char *run, struct vp_err *err)
{
	if (s->helper >= 0)
		return vp_ask(s, &(struct vp_ask){ .what = VP_ASK_TASK_DONE, .text = { node, run } }, err);
	return vp_db_exec(s, err, "UPDATE node SET task = '' WHERE name = ?1 AND instr(task || ' ', 'verify ' || ?2 || ' ') = 1", "ss", node, run);
}

int vp_state_stranger(struct vp_state *s, const char *mac, const char *bridge, struct vp_err *err)
{
	double now = vp_wall();

	if (s->helper >= 0)
		return vp_ask(s, &(struct vp_ask){ .what = VP_ASK_STRANGER, .text = { mac, bridge } }, err);
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

bool vp_state_recording(struct vp_state *s)
{
	vp_cleanup(vp_db_finalizep) sqlite3_stmt *st = vp_db_query(s, NULL, "SELECT kind = 'node' FROM journal ORDER BY id DESC LIMIT 1", "");

	return st && sqlite3_step(st) == SQLITE_ROW && sqlite3_column_int(st, 0);
}

static void add_event(struct vp_arena *a, sqlite3_stmt *st, struct vp_events *out)
{
	out->items = vp_grow_in(a, out->items, out->n, &out->cap, sizeof(*out->items));
	out->items[out->n++] = (struct vp_event){ sqlite3_column_int64(st, 0), sqlite3_column_double(st, 1), vp_db_text(a, st, 2),
						  vp_db_text(a, st, 3), vp_db_text(a, st, 4) };
}

static int read_events(struct vp_state *s, struct vp_arena *a, sqlite3_stmt *st, struct vp_events *out, struct vp_err *err)
{
	int rc = SQLITE_ERROR;

	while (st && (rc = sqlite3_step(st)) == SQLITE_ROW)
		add_event(a, st, out);
	return rc == SQLITE_DONE ? 0 : !st ? -1 : vp_db_fail(s, "reading events", err);
}

int vp_state_last_events(struct vp_state *s, struct vp_arena *a, const char *node, unsigned n, struct vp_events *out, struct vp_err *err)
{
	vp_cleanup(vp_db_finalizep) sqlite3_stmt *st = vp_db_query(
		s, err, "SELECT * FROM (SELECT id, time, node, source, text FROM event WHERE node = ?1 ORDER BY id DESC LIMIT ?2) ORDER BY id", "si",
		node, (int64_t)n);

	return read_events(s, a, st, out, err);
}

int vp_state_news(struct vp_state *s, struct vp_arena *a, int64_t after, struct vp_events *out, struct vp_err *err)
{
	vp_cleanup(vp_db_finalizep) sqlite3_stmt *st =
		vp_db_query(s, err, "SELECT max(id), time, node, source, text FROM event WHERE id > ?1 GROUP BY node", "i", after);

	return read_events(s, a, st, out, err);
}

int vp_state_counters(struct vp_state *s, struct vp_counters *out, struct vp_err *err)
{
	vp_cleanup(vp_db_finalizep) sqlite3_stmt *st = vp_db_query(
		s, err, "SELECT sum(value * (name = 'begun')), sum(value * (name = 'succeeded')), sum(value * (name = 'failed')) FROM counter", "");

	if (!st || sqlite3_step(st) != SQLITE_ROW)
		return st ? vp_db_fail(s, "reading counters", err) : -1;
	*out = (struct vp_counters){ sqlite3_column_int64(st, 0), sqlite3_column_int64(st, 1), sqlite3_column_int64(st, 2) };
	return 0;
}

int vp_state_phases(struct vp_state *s, struct vp_arena *a, struct vp_phase_buckets *out, struct vp_err *err)
{
	vp_cleanup(vp_db_finalizep) sqlite3_stmt *st =
		vp_db_query(s, err, "SELECT phase, le, seconds, n FROM phase_le JOIN phase_sum USING (phase) ORDER BY phase, le", "");
	int rc = SQLITE_ERROR;

	while (st && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		out->items = vp_grow_in(a, out->items, out->n, &out->cap, sizeof(*out->items));
		out->items[out->n++] = (struct vp_phase_bucket){ sqlite3_column_int(st, 0), sqlite3_column_double(st, 1),
								 sqlite3_column_double(st, 2), sqlite3_column_int64(st, 3) };
	}
	return rc == SQLITE_DONE ? 0 : !st ? -1 : vp_db_fail(s, "reading phases", err);
}
