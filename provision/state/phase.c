// SPDX-License-Identifier: Apache-2.0
/* The phases of an installation: which evidence leads where, and what is kept of them. */
#include <string.h>

#include "ask.h"
#include "db.h"
#include "phase.h"

/* Runs of a class that are remembered: old ones say little about today's network and disks. */
#define HISTORY 50

static const struct vp_phase_info infos[VP_PHASE__COUNT] = {
#define VP_PHASE(symbol, name, hardware, emulated, entered) { name, hardware, emulated, entered },
#include "../model/phases.def"
#undef VP_PHASE
	{ "up", 0, 0, "the installed system reports from its disk (HTTP)" },
};

/* What installers call what they do; others are no phase of their own. */
static const struct {
	const char *word;
	enum vp_phase phase;
} words[] = {
	{ "partition", VP_PHASE_PARTITION }, { "format", VP_PHASE_PARTITION }, { "unpack", VP_PHASE_PACKAGES },
	{ "packages", VP_PHASE_PACKAGES },   { "configure", VP_PHASE_POST },   { "post", VP_PHASE_POST },
	{ "bootloader", VP_PHASE_POST },     { "ack", VP_PHASE_ACK },	       { "reboot", VP_PHASE_REBOOT },
};

static const int by_evidence[VP_EV__COUNT] = {
	[VP_EV_LEASE] = VP_PHASE_DHCP,	  [VP_EV_LOADER] = VP_PHASE_LOADER,
	[VP_EV_KERNEL] = VP_PHASE_KERNEL, [VP_EV_INITRD] = VP_PHASE_INITRD,
	[VP_EV_CONFIG] = VP_PHASE_CONFIG, [VP_EV_PHASE] = -1,
	[VP_EV_ACK] = VP_PHASE_ACK,	  [VP_EV_FAILED] = -1,
	[VP_EV_NETBOOT_AGAIN] = -1,	  [VP_EV_DISK] = VP_PHASE_DISK,
	[VP_EV_UP] = VP_PHASE_UP,	  [VP_EV_VERIFIED] = -1,
	[VP_EV_VERIFY_FAILED] = -1,
};

const struct vp_phase_info *vp_phase_info(enum vp_phase p)
{
	return &infos[p];
}

int vp_phase_find(const char *name)
{
	for (int i = 0; i < VP_PHASE__COUNT; i++)
		if (!strcmp(infos[i].name, name))
			return i;
	return -1;
}

int vp_phase_of(enum vp_evidence ev, const char *word)
{
	for (size_t i = 0; ev == VP_EV_PHASE && word && i < vp_count(words); i++)
		if (!strcmp(words[i].word, word))
			return (int)words[i].phase;
	return by_evidence[ev];
}

/* --- Rows --- */

int vp_phase_rows(struct vp_state *s, struct vp_arena *a, const char *node, bool all, struct vp_phase_rows *out, struct vp_err *err)
{
	vp_cleanup(vp_db_finalizep) sqlite3_stmt *st =
		vp_db_query(s, err,
			    "SELECT run, phase, began, ended, evidence FROM phase WHERE node = ?1 AND (?2 OR run = (SELECT max(run) FROM phase WHERE"
			    " node = ?1)) ORDER BY id",
			    "si", node, (int64_t)all);
	int rc;

	if (!st)
		return -1;
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		int64_t phase = sqlite3_column_int64(st, 1);

		/* Of a later version. */
		if (phase < 0 || phase >= VP_PHASE__COUNT)
			continue;
		out->items = vp_grow_in(a, out->items, out->n, &out->cap, sizeof(*out->items));
		out->items[out->n++] = (struct vp_phase_row){ sqlite3_column_int64(st, 0), (enum vp_phase)phase, sqlite3_column_double(st, 2),
							      sqlite3_column_double(st, 3), vp_db_text(a, st, 4) };
	}
	return rc == SQLITE_DONE ? 0 : vp_db_fail(s, "reading phases", err);
}

json_t *vp_phase_json(const struct vp_phase_rows *rows)
{
	json_t *list = json_array();

	for (size_t i = 0; i < rows->n; i++) {
		const struct vp_phase_row *r = &rows->items[i];
		bool ended = r->ended > 0;

		json_array_append_new(list, json_pack("{s:s, s:f, s:o, s:o, s:s}", "phase", infos[r->phase].name, "began", r->began, "ended",
						      ended ? json_real(r->ended) : json_null(), "seconds",
						      ended ? json_real(r->ended - r->began) : json_null(), "evidence", r->evidence));
	}
	return list;
}

/* 1 the newest row of a node, 0 none, -1 error. */
static int newest(struct vp_state *s, struct vp_arena *a, const char *node, struct vp_phase_row *out, struct vp_err *err)
{
	struct vp_phase_rows rows = { 0 };

	if (vp_phase_rows(s, a, node, false, &rows, err))
		return -1;
	if (rows.n)
		*out = rows.items[rows.n - 1];
	return rows.n > 0;
}

static int close_open(struct vp_state *s, const char *node, double now, struct vp_err *err)
{
	return vp_db_exec(s, err, "UPDATE phase SET ended = ?2 WHERE node = ?1 AND ended = 0", "sd", node, now);
}

static int add(struct vp_state *s, const char *node, int64_t run, enum vp_phase phase, const char *evidence, struct vp_err *err)
{
	double now = vp_wall();

	if (close_open(s, node, now, err))
		return -1;
	return vp_db_exec(s, err, "INSERT INTO phase (node, run, phase, began, ended, evidence) VALUES (?1, ?2, ?3, ?4, ?5, ?6)", "siidds", node, run,
			  (int64_t)phase, now, phase == VP_PHASE_UP ? now : 0.0, evidence);
}

/* All that belongs to one change is one transaction: the caller's, where there is one. */
static int begin(struct vp_state *s, bool *own, struct vp_err *err)
{
	*own = sqlite3_get_autocommit(s->db);
	return *own ? vp_db_begin(s, err) : 0;
}

static int end(struct vp_state *s, bool own, int rc, struct vp_err *err)
{
	return own ? vp_db_end(s, rc, err) : rc;
}

int vp_phase_begin(struct vp_state *s, const char *node, const char *how, struct vp_err *err)
{
	vp_cleanup(vp_arena_freep) struct vp_arena *a = vp_arena_new();
	struct vp_phase_row last = { 0 };
	bool own;
	int rc;

	if (begin(s, &own, err))
		return -1;
	rc = newest(s, a, node, &last, err);
	if (rc >= 0)
		rc = add(s, node, last.run + 1, VP_PHASE_POWER, how, err);
	if (!rc)
		rc = vp_db_exec(s, err, "UPDATE node SET last_evidence = ?2, seen = '', reason = '' WHERE name = ?1", "sd", node, vp_wall());
	return end(s, own, rc, err);
}

/* The times of a run that went through; one in which a phase was waited for twice says nothing. */
static int remember(struct vp_state *s, const struct vp_node_row *row, int64_t run, struct vp_err *err)
{
	vp_cleanup(vp_arena_freep) struct vp_arena *a = vp_arena_new();
	const char *class = vp_phase_class(a, row);

	if (vp_db_exec(s, err,
		       "INSERT INTO history (class, phase, seconds) SELECT ?3, phase, ended - began FROM phase WHERE node = ?1 AND run = ?2 AND "
		       "phase <> ?4"
		       " AND (SELECT count(*) = count(DISTINCT phase) FROM phase WHERE node = ?1 AND run = ?2)",
		       "sisi", row->name, run, class, (int64_t)VP_PHASE_UP))
		return -1;
	return vp_db_exec(
		s, err,
		"DELETE FROM history WHERE class = ?1 AND id IN (SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY phase ORDER BY id"
		" DESC) AS nth FROM history WHERE class = ?1) WHERE nth > ?2)",
		"si", class, (int64_t)HISTORY);
}

/* again: a run that was given up is over, and what does not go on with it begins another. */
static int enter(struct vp_state *s, struct vp_arena *a, const char *node, enum vp_phase phase, const char *evidence, bool again, int64_t *run,
		 struct vp_err *err)
{
	struct vp_phase_row last = { 0 };
	int rc = newest(s, a, node, &last, err);
	bool forward = rc == 1 && last.phase < phase, over = !rc || last.ended > 0;

	*run = forward ? last.run : last.run + 1;
	if (rc < 0 || (!forward && !(over && again)))
		return rc < 0 ? -1 : 0;
	return add(s, node, *run, phase, evidence, err) ? -1 : 1;
}

int vp_phase_enter(struct vp_state *s, const char *node, enum vp_phase phase, const char *evidence, struct vp_err *err)
{
	vp_cleanup(vp_arena_freep) struct vp_arena *a = vp_arena_new();
	int64_t run;
	bool own;
	int rc;

	if (s->helper >= 0)
		return vp_ask(s, &(struct vp_ask){ .what = VP_ASK_ENTER, .text = { node, evidence }, .number = { phase } }, err);
	if (begin(s, &own, err))
		return -1;
	rc = enter(s, a, node, phase, evidence, false, &run, err);
	return end(s, own, rc < 0 ? -1 : 0, err);
}

int vp_phase_note(struct vp_state *s, const struct vp_node_row *before, const struct vp_node_row *after, enum vp_evidence ev, const char *word,
		  const char *evidence, struct vp_err *err)
{
	vp_cleanup(vp_arena_freep) struct vp_arena *a = vp_arena_new();
	int phase = vp_phase_of(ev, word);
	int64_t run;
	int rc;

	if (after->health == VP_FAILED)
		return before->health == VP_FAILED ? 0 : vp_phase_stop(s, after->name, err);
	/* A renewed lease, or a file asked for once more, leads nowhere where it does not lead to another state. */
	if (phase < 0 || before->life < VP_ARMED || before->life >= VP_UP ||
	    (phase < VP_PHASE_PARTITION && phase != VP_PHASE_INITRD && after->life == before->life))
		return 0;
	rc = enter(s, a, after->name, (enum vp_phase)phase, evidence, before->life < VP_CONFIG, &run, err);
	return rc == 1 && phase == VP_PHASE_UP ? remember(s, after, run, err) : rc < 0 ? -1 : 0;
}

int vp_phase_open(struct vp_state *s, const char *node, struct vp_err *err)
{
	vp_cleanup(vp_db_finalizep) sqlite3_stmt *st = vp_db_query(s, err, "SELECT 1 FROM phase WHERE node = ?1 AND ended = 0", "s", node);
	int rc = st ? sqlite3_step(st) : SQLITE_ERROR;

	if (!st)
		return -1;
	return rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : vp_db_fail(s, "reading phases", err);
}

int vp_phase_stop(struct vp_state *s, const char *node, struct vp_err *err)
{
	return close_open(s, node, vp_wall(), err);
}

int vp_phase_again(struct vp_state *s, const char *node, struct vp_err *err)
{
	vp_cleanup(vp_arena_freep) struct vp_arena *a = vp_arena_new();
	struct vp_phase_row last;
	bool own;
	int rc;

	if (begin(s, &own, err))
		return -1;
	rc = newest(s, a, node, &last, err);
	if (rc == 1)
		rc = last.phase == VP_PHASE_UP ? 0 : add(s, node, last.run, last.phase, "waited for again", err);
	if (!rc)
		rc = vp_db_exec(s, err, "UPDATE node SET health = ?2, reason = '', last_evidence = ?3 WHERE name = ?1", "sid", node, (int64_t)VP_OK,
				vp_wall());
	return end(s, own, rc, err);
}

int vp_phase_seen(struct vp_state *s, const char *node, const char *what, struct vp_err *err)
{
	vp_cleanup(vp_arena_freep) struct vp_arena *a = vp_arena_new();

	if (s->helper >= 0)
		return vp_ask(s, &(struct vp_ask){ .what = VP_ASK_SEEN, .text = { node, what } }, err);
	return vp_db_exec(s, err, "UPDATE node SET seen = ?2, last_evidence = ?3 WHERE name = ?1", "ssd", node, vp_printable(a, what, VP_MAX_EVENT),
			  vp_wall());
}

int vp_phase_hold(struct vp_state *s, const char *node, struct vp_err *err)
{
	if (vp_db_exec(s, err,
		       "UPDATE node SET armed = 0 WHERE name = ?1 AND armed = 1 AND installs = 0 AND life >= ?2 AND life < ?3"
		       " AND (armed_until = 0 OR armed_until > ?4)",
		       "siid", node, (int64_t)VP_ARMED, (int64_t)VP_CONFIG, vp_wall()))
		return -1;
	return sqlite3_changes(s->db) == 1;
}

int vp_phase_rearm(struct vp_state *s, const char *node, const char *how, const char *before, struct vp_err *err)
{
	int rc;

	if (vp_db_begin(s, err))
		return -1;
	rc = vp_db_exec(s, err,
			"UPDATE node SET armed = 1, life = ?2, health = ?3, reason = '', phase = '', percent = 0, since = ?4, before = ?5"
			" WHERE name = ?1 AND installs = 0",
			"siids", node, (int64_t)VP_ARMED, (int64_t)VP_OK, vp_wall(), before);
	if (!rc)
		rc = vp_phase_begin(s, node, how, err) || vp_state_event(s, node, "vprov", how, err) ? -1 : 0;
	return vp_db_end(s, rc, err);
}
