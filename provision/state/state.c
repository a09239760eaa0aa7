// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "db.h"
#include "phase.h"

#define COLUMNS                                                                                                                                      \
	"name, uuid, virt, host, mac, ip, life, health, phase, percent, since, last_evidence, reason, token, armed, token_live,"                     \
	" installs, json, config, image, task, method, kernel, initrd, cmdline, armed_until, rescue_until, seen, before, script"

static void read_row(struct vp_arena *a, sqlite3_stmt *st, struct vp_node_row *r)
{
	*r = (struct vp_node_row){
		.name = vp_db_text(a, st, 0),
		.uuid = vp_db_text(a, st, 1),
		.virt = vp_db_text(a, st, 2),
		.host = vp_db_text(a, st, 3),
		.mac = vp_db_text(a, st, 4),
		.ip = vp_db_text(a, st, 5),
		.life = (enum vp_life)sqlite3_column_int(st, 6),
		.health = (enum vp_health)sqlite3_column_int(st, 7),
		.phase = vp_db_text(a, st, 8),
		.percent = (unsigned)sqlite3_column_int(st, 9),
		.since = sqlite3_column_double(st, 10),
		.last_evidence = sqlite3_column_double(st, 11),
		.reason = vp_db_text(a, st, 12),
		.token = vp_db_text(a, st, 13),
		.armed = sqlite3_column_int(st, 14),
		.token_live = sqlite3_column_int(st, 15),
		.installs = (unsigned)sqlite3_column_int(st, 16),
		.json = vp_db_text(a, st, 17),
		.config = vp_db_text(a, st, 18),
		.image = vp_db_text(a, st, 19),
		.task = vp_db_text(a, st, 20),
		.method = vp_db_text(a, st, 21),
		.kernel = vp_db_text(a, st, 22),
		.initrd = vp_db_text(a, st, 23),
		.cmdline = vp_db_text(a, st, 24),
		.armed_until = sqlite3_column_double(st, 25),
		.rescue_until = sqlite3_column_double(st, 26),
		.seen = vp_db_text(a, st, 27),
		.before = vp_db_text(a, st, 28),
		.script = vp_db_text(a, st, 29),
	};
}

static int all_rows(struct vp_state *s, struct vp_arena *a, sqlite3_stmt *st, struct vp_node_rows *out, struct vp_err *err)
{
	struct vp_node_row row;
	int rc;

	if (!st)
		return -1;
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		read_row(a, st, &row);
		out->items = vp_grow_in(a, out->items, out->n, &out->cap, sizeof(*out->items));
		out->items[out->n++] = row;
	}
	return rc == SQLITE_DONE ? 0 : vp_db_fail(s, "reading nodes", err);
}

int vp_state_nodes(struct vp_state *s, struct vp_arena *a, struct vp_node_rows *out, struct vp_err *err)
{
	vp_cleanup(vp_db_finalizep) sqlite3_stmt *st = vp_db_query(s, err, "SELECT " COLUMNS " FROM node ORDER BY name", "");

	return all_rows(s, a, st, out, err);
}

int vp_state_installing(struct vp_state *s, struct vp_arena *a, struct vp_node_rows *out, struct vp_err *err)
{
	vp_cleanup(vp_db_finalizep) sqlite3_stmt *st =
		vp_db_query(s, err, "SELECT " COLUMNS " FROM node WHERE life >= ?1 AND life < ?2 AND health <= ?3 ORDER BY name", "iii",
			    (int64_t)VP_ARMED, (int64_t)VP_UP, (int64_t)VP_SLOW);

	return all_rows(s, a, st, out, err);
}

static int one_row(struct vp_state *s, struct vp_arena *a, const char *sql, const char *key, struct vp_node_row *out, struct vp_err *err)
{
	vp_cleanup(vp_db_finalizep) sqlite3_stmt *st = vp_db_query(s, err, sql, "s", key);
	int rc;

	if (!st)
		return -1;
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		read_row(a, st, out);
	return rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : vp_db_fail(s, "reading a node", err);
}

int vp_state_node(struct vp_state *s, struct vp_arena *a, const char *name, struct vp_node_row *out, struct vp_err *err)
{
	return one_row(s, a, "SELECT " COLUMNS " FROM node WHERE name = ?1", name, out, err);
}

int vp_state_node_by_mac(struct vp_state *s, struct vp_arena *a, const char *mac, struct vp_node_row *out, struct vp_err *err)
{
	return one_row(s, a, "SELECT " COLUMNS " FROM node WHERE mac = lower(?1)", mac, out, err);
}

int vp_state_node_by_ip(struct vp_state *s, struct vp_arena *a, const char *ip, struct vp_node_row *out, struct vp_err *err)
{
	return one_row(s, a, "SELECT " COLUMNS " FROM node WHERE ip = ?1 AND ip <> ''", ip, out, err);
}

static const char *text(const char *s)
{
	return s ? s : "";
}

int vp_state_put(struct vp_state *s, const struct vp_node_row *r, struct vp_err *err)
{
	return vp_db_exec(s, err,
			  "INSERT OR REPLACE INTO node (" COLUMNS ") VALUES (?1,?2,?3,?4,lower(?5),?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,"
			  "?19,?20,?21,?22,?23,?24,?25,?26,?27,?28,?29,?30)",
			  "ssssssiisiddssiiissssssssddsss", r->name, text(r->uuid), text(r->virt), text(r->host), text(r->mac), text(r->ip),
			  (int64_t)r->life, (int64_t)r->health, text(r->phase), (int64_t)r->percent, r->since, r->last_evidence, text(r->reason),
			  text(r->token), (int64_t)r->armed, (int64_t)r->token_live, (int64_t)r->installs, text(r->json), text(r->config),
			  text(r->image), text(r->task), text(r->method), text(r->kernel), text(r->initrd), text(r->cmdline), r->armed_until,
			  r->rescue_until, text(r->seen), text(r->before), text(r->script));
}

int vp_state_drop(struct vp_state *s, const char *name, struct vp_err *err)
{
	if (vp_db_begin(s, err))
		return -1;
	return vp_db_end(s,
			 vp_db_exec(s, err, "DELETE FROM node WHERE name = ?1", "s", name) ||
					 vp_db_exec(s, err, "DELETE FROM result WHERE node = ?1", "s", name) ||
					 vp_db_exec(s, err, "DELETE FROM event WHERE node = ?1", "s", name) ||
					 vp_db_exec(s, err, "DELETE FROM phase WHERE node = ?1", "s", name)
				 ? -1
				 : 0,
			 err);
}

int vp_state_event(struct vp_state *s, const char *node, const char *source, const char *what, struct vp_err *err)
{
	vp_cleanup(vp_arena_freep) struct vp_arena *a = vp_arena_new();

	if (s->helper >= 0)
		return vp_ask(s, &(struct vp_ask){ .what = VP_ASK_EVENT, .text = { node, source, text(what) } }, err);
	return vp_db_exec(s, err, "INSERT INTO event (time, node, source, text) VALUES (?1, ?2, ?3, ?4)", "dsss", vp_wall(), text(node), source,
			  vp_printable_lines(a, text(what), VP_MAX_EVENT, "; "));
}

/* Writes the outcome of one piece of evidence into the row. */
static void advance(struct vp_node_row *r, enum vp_evidence ev, const char *phase, int percent, const char *why)
{
	/* NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Assign): vp_state_node() fills the row where it answers 1 */
	enum vp_health health = r->health;
	enum vp_life life = vp_life_next(r->life, ev, &health);
	double now = vp_wall();

	if (life != r->life)
		r->since = now;
	if (health == VP_FAILED && r->health != VP_FAILED)
		r->reason = why;
	else if (health == VP_OK)
		r->reason = "";
	if (ev == VP_EV_PHASE && life == VP_INSTALLING) {
		r->phase = phase ? phase : r->phase;
		r->percent = percent < 0 ? r->percent : (unsigned)percent;
	} else if (life != r->life) {
		r->phase = "";
		r->percent = 0;
	}
	r->life = life;
	r->health = health;
	r->last_evidence = now;
	/* Once it has acked, or runs from its disk, nothing may install it again. */
	if (life >= VP_ACKED)
		r->armed = false;
}

/* A reason is one line: the first. The rest is in the events. */
static char *first_line(struct vp_arena *a, const char *what)
{
	return vp_printable(a, vp_strndup(a, what, strcspn(what, "\n")), VP_MAX_EVENT);
}

static bool worth_an_event(const struct vp_node_row *before, const struct vp_node_row *after, enum vp_evidence ev)
{
	return ev != VP_EV_PHASE || strcmp(before->phase, after->phase) || after->percent / 25 != before->percent / 25;
}

int vp_state_evidence(struct vp_state *s, const char *node, enum vp_evidence ev, const char *phase, int percent, const char *what, struct vp_err *err)
{
	vp_cleanup(vp_arena_freep) struct vp_arena *a = vp_arena_new();
	struct vp_node_row row, before;
	const char *line;
	int rc;

	if (s->helper >= 0)
		return vp_ask(s, &(struct vp_ask){ .what = VP_ASK_EVIDENCE, .text = { node, phase, what }, .number = { ev, percent } }, err);
	if (vp_db_begin(s, err))
		return -1;
	rc = vp_state_node(s, a, node, &row, err);
	if (rc == 1) {
		before = row;
		line = first_line(a, text(what));
		advance(&row, ev, phase, percent, line);
		row.seen = vp_printf(a, "%s: %s", vp_evidence_source(ev), line);
		rc = vp_state_put(s, &row, err);
		if (!rc && row.life != before.life)
			rc = vp_state_event(s, node, "life", vp_life_name(row.life), err);
		if (!rc && worth_an_event(&before, &row, ev))
			rc = vp_state_event(s, node, vp_evidence_source(ev), what, err);
		if (!rc)
			rc = vp_phase_note(s, &before, &row, ev, phase, row.seen, err);
	} else if (!rc) {
		rc = vp_fail(err, VP_E_NOTFOUND, "no node '%s'", node);
	}
	return vp_db_end(s, rc, err);
}

int vp_state_health(struct vp_state *s, const char *node, enum vp_health health, const char *reason, struct vp_err *err)
{
	int rc;

	if (vp_db_begin(s, err))
		return -1;
	rc = vp_db_exec(s, err, "UPDATE node SET health = ?2, reason = ?3 WHERE name = ?1", "sis", node, (int64_t)health, text(reason));
	if (!rc)
		rc = vp_state_event(s, node, "vprov", health == VP_OK ? "ok" : reason, err);
	if (!rc && (health == VP_FAILED || health == VP_STALLED))
		rc = vp_phase_stop(s, node, err);
	return vp_db_end(s, rc, err);
}

int vp_state_take_config(struct vp_state *s, const char *node, struct vp_err *err)
{
	if (s->helper >= 0)
		return vp_ask(s, &(struct vp_ask){ .what = VP_ASK_TAKE_CONFIG, .text = { node } }, err);
	/* One statement, hence atomic: whoever changes the row is the one. */
	if (vp_db_exec(s, err,
		       "UPDATE node SET armed = 0, installs = installs + 1 WHERE name = ?1 AND armed = 1 AND (armed_until = 0 OR armed_until > ?2)",
		       "sd", node, vp_wall()))
		return -1;
	return sqlite3_changes(s->db) == 1;
}

int vp_state_events(struct vp_state *s, struct vp_arena *a, const char *node, int64_t after, struct vp_events *out, struct vp_err *err)
{
	vp_cleanup(vp_db_finalizep) sqlite3_stmt *st = vp_db_query(
		s, err, "SELECT id, time, node, source, text FROM event WHERE id > ?1 AND (?2 IS NULL OR node = ?2) ORDER BY id", "is", after, node);
	int rc;

	if (!st)
		return -1;
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		out->items = vp_grow_in(a, out->items, out->n, &out->cap, sizeof(*out->items));
		out->items[out->n++] = (struct vp_event){ sqlite3_column_int64(st, 0), sqlite3_column_double(st, 1), vp_db_text(a, st, 2),
							  vp_db_text(a, st, 3), vp_db_text(a, st, 4) };
	}
	return rc == SQLITE_DONE ? 0 : vp_db_fail(s, "reading events", err);
}

int vp_state_result_put(struct vp_state *s, const char *node, const char *run, const char *name, const void *data, size_t len, struct vp_err *err)
{
	if (s->helper >= 0)
		return vp_ask(s, &(struct vp_ask){ .what = VP_ASK_RESULT, .text = { node, run, name }, .data = data, .len = len }, err);
	return vp_db_exec(s, err, "INSERT OR REPLACE INTO result (node, run, name, time, data) VALUES (?1, ?2, ?3, ?4, ?5)", "sssdb", node, run, name,
			  vp_wall(), len ? data : "", len);
}

int vp_state_results(struct vp_state *s, struct vp_arena *a, const char *node, const char *run, struct vp_results *out, struct vp_err *err)
{
	vp_cleanup(vp_db_finalizep) sqlite3_stmt *st =
		vp_db_query(s, err,
			    "WITH wanted AS (SELECT coalesce(?2, (SELECT substr(max(run), 1, instr(max(run) || '.', '.') - 1) FROM result WHERE node "
			    "= ?1 AND run NOT LIKE 'together-%')) AS run)"
			    " SELECT r.run, name, data, time FROM result r, wanted w WHERE node = ?1 AND (r.run = w.run OR r.run GLOB w.run || '.*')"
			    " ORDER BY r.run, name",
			    "ss", node, run);
	int rc;

	if (!st)
		return -1;
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		size_t len = (size_t)sqlite3_column_bytes(st, 2);
		const char *data = sqlite3_column_blob(st, 2);

		out->items = vp_grow_in(a, out->items, out->n, &out->cap, sizeof(*out->items));
		out->items[out->n++] = (struct vp_result){ vp_db_text(a, st, 0), vp_db_text(a, st, 1), vp_strndup(a, data ? data : "", len), len,
							   sqlite3_column_double(st, 3) };
	}
	return rc == SQLITE_DONE ? 0 : vp_db_fail(s, "reading results", err);
}
