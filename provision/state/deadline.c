// SPDX-License-Identifier: Apache-2.0
/* How long a phase may take, and what is said of a node that takes longer. */
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "db.h"
#include "phase.h"

/* Fewer runs than these teach nothing. */
#define LEARN_RUNS 5
/* A learnt deadline is so many times the 95th percentile, not below the floor, and not above so many times the default. */
#define LEARN_FACTOR 3
#define LEARN_FLOOR  30
#define LEARN_CAP    4
/* Traffic stretches a deadline so far. */
#define STRETCH	   3
#define SLOW_SHARE 0.5
/* Seconds without news, where nothing else is said. */
#define SILENCE		 90
#define SILENCE_EMULATED 600
/* Where an installer that is not vprov's says nothing between its configuration and its end. */
#define FOREIGN_CONFIG (4 * 3600)

static bool emulated(const struct vp_node_row *row)
{
	return row->virt && !strcmp(row->virt, "qemu");
}

/* vprov's own installer tells of each phase; that of an operating system may not. */
static bool foreign(const struct vp_node_row *row)
{
	return row->method && *row->method && strcmp(row->method, "image") != 0;
}

char *vp_phase_class(struct vp_arena *a, const struct vp_node_row *row)
{
	json_t *node = json_loads(row->json ? row->json : "", 0, NULL);
	const char *firmware = json_string_value(json_object_get(node, "firmware")), *role = json_string_value(json_object_get(node, "role"));
	char *class = vp_printf(a, "%s/%s/%s/%s", row->virt ? row->virt : "", row->method && *row->method ? row->method : "image",
				firmware ? firmware : "", role ? role : "");

	json_decref(node);
	return class;
}

static double default_of(const struct vp_node_row *row, enum vp_phase phase)
{
	double sum = 0;
	/* Without a boot ROM the kernel is there at once: what the network would have shown is in the first phase. */
	enum vp_phase last = phase == VP_PHASE_POWER && row->virt && !strcmp(row->virt, "xen-para") ? VP_PHASE_INITRD : phase;

	for (int p = (int)phase; p <= (int)last; p++)
		sum += emulated(row) ? vp_phase_info((enum vp_phase)p)->emulated : vp_phase_info((enum vp_phase)p)->hardware;
	return phase == VP_PHASE_CONFIG && foreign(row) ? FOREIGN_CONFIG : sum;
}

static int by_value(const void *x, const void *y)
{
	double a = *(const double *)x, b = *(const double *)y;

	return a < b ? -1 : a > b;
}

void vp_limit_choose(double given, double fallback, double *seconds, size_t n, struct vp_limit *out)
{
	double learnt;

	*out = (struct vp_limit){ .seconds = given > 0 ? given : fallback, .from = given > 0 ? VP_LIMIT_GIVEN : VP_LIMIT_DEFAULT, .runs = n };
	if (!n)
		return;
	qsort(seconds, n, sizeof(*seconds), by_value);
	out->median = seconds[n / 2];
	/* Nearest rank: the smallest that 95 of 100 do not exceed. */
	out->p95 = seconds[(n * 95 + 99) / 100 - 1];
	if (given > 0 || n < LEARN_RUNS || fallback <= 0)
		return;
	learnt = out->p95 * LEARN_FACTOR;
	out->from = VP_LIMIT_LEARNT;
	out->seconds = learnt < LEARN_FLOOR ? LEARN_FLOOR : learnt > fallback * LEARN_CAP ? fallback * LEARN_CAP : learnt;
}

char *vp_limit_text(struct vp_arena *a, const struct vp_limit *l)
{
	if (l->from == VP_LIMIT_LEARNT)
		return vp_printf(a, "learnt from %zu runs, p95 %.1f s", l->runs, l->p95);
	return vp_strdup(a, l->from == VP_LIMIT_GIVEN ? "given" : "default");
}

/* Seconds that earlier runs of the class took for the phase; *out is freed by the caller. */
static int history(struct vp_state *s, const char *class, enum vp_phase phase, double **out, size_t *n, struct vp_err *err)
{
	vp_cleanup(vp_db_finalizep) sqlite3_stmt *st =
		vp_db_query(s, err, "SELECT seconds FROM history WHERE class = ?1 AND phase = ?2", "si", class, (int64_t)phase);
	size_t cap = 0;
	int rc;

	if (!st)
		return -1;
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		*out = vp_grow(*out, *n, &cap, sizeof(**out));
		(*out)[(*n)++] = sqlite3_column_double(st, 0);
	}
	return rc == SQLITE_DONE ? 0 : vp_db_fail(s, "reading history", err);
}

static double given_of(const json_t *node, enum vp_phase phase)
{
	return json_number_value(json_object_get(json_object_get(node, "deadlines"), vp_phase_info(phase)->name));
}

int vp_phase_limit(struct vp_state *s, struct vp_arena *a, const struct vp_node_row *row, enum vp_phase phase, struct vp_limit *out,
		   struct vp_err *err)
{
	json_t *node = json_loads(row->json ? row->json : "", 0, NULL);
	vp_cleanup(vp_freep) double *seconds = NULL;
	double given = given_of(node, phase);
	size_t n = 0;

	json_decref(node);
	if (history(s, vp_phase_class(a, row), phase, &seconds, &n, err))
		return -1;
	vp_limit_choose(given, default_of(row, phase), seconds, n, out);
	return 0;
}

int vp_phase_eta(struct vp_state *s, struct vp_arena *a, const struct vp_node_row *row, double *seconds, struct vp_err *err)
{
	struct vp_phase_rows rows = { 0 };
	bool known = false;

	*seconds = -1;
	if (row->life < VP_ARMED || row->life >= VP_UP || row->health > VP_SLOW)
		return 0;
	if (vp_phase_rows(s, a, row->name, false, &rows, err))
		return -1;
	if (!rows.n || rows.items[rows.n - 1].ended > 0)
		return 0;
	for (int p = (int)rows.items[rows.n - 1].phase; p < VP_PHASE_UP; p++) {
		struct vp_limit l;
		double spent = p == (int)rows.items[rows.n - 1].phase ? vp_wall() - rows.items[rows.n - 1].began : 0;

		if (vp_phase_limit(s, a, row, (enum vp_phase)p, &l, err))
			return -1;
		if (!l.runs)
			continue;
		*seconds = (known ? *seconds : 0) + (l.median > spent ? l.median - spent : 0);
		known = true;
	}
	return 0;
}

/* --- The verdict --- */

static bool beyond(double seconds, double limit)
{
	return limit > 0 && seconds >= limit;
}

enum vp_health vp_phase_judge(const struct vp_phase_clock *c, double now)
{
	double stretch = c->moving ? STRETCH : 1, in_phase = now - c->began, quiet = now - c->news;

	if (beyond(in_phase, c->limit * stretch) || beyond(quiet, c->silence * stretch))
		return VP_STALLED;
	return beyond(in_phase, c->limit * stretch * SLOW_SHARE) || beyond(quiet, c->silence * stretch * SLOW_SHARE) ? VP_SLOW : VP_OK;
}

char *vp_phase_words(struct vp_arena *a, const struct vp_node_row *row, const struct vp_phase_row *last, double now)
{
	const char *name = last ? vp_phase_info(last->phase)->name : vp_life_name(row->life);

	if (row->seen && *row->seen)
		return vp_printf(a, "stopped in phase %s after %s (%.0f s ago)", name, row->seen, now - row->last_evidence);
	return vp_printf(a, "stopped in phase %s: nothing was ever heard of it (%.0f s)", name, now - (last ? last->began : row->since));
}

/* Seconds that a node may be silent; 0: no matter how long. */
static double silence_of(const struct vp_node_row *row, enum vp_phase phase)
{
	json_t *node = json_loads(row->json ? row->json : "", 0, NULL);
	double given = json_number_value(json_object_get(node, "deadline"));

	json_decref(node);
	if (given > 0)
		return given;
	return phase >= VP_PHASE_CONFIG && foreign(row) ? 0 : emulated(row) ? SILENCE_EMULATED : SILENCE;
}

/* Unless there was news meanwhile. */
static int stall(struct vp_state *s, const struct vp_node_row *row, struct vp_err *err)
{
	int rc;

	if (vp_db_begin(s, err))
		return -1;
	rc = vp_db_exec(s, err, "UPDATE node SET health = ?2, reason = ?3 WHERE name = ?1 AND last_evidence = ?4 AND health <= ?5", "sisdi",
			row->name, (int64_t)VP_STALLED, row->reason, row->last_evidence, (int64_t)VP_SLOW);
	if (!rc && sqlite3_changes(s->db) == 1)
		rc = vp_state_event(s, row->name, "vprov", row->reason, err) || vp_phase_stop(s, row->name, err) ? -1 : 0;
	return vp_db_end(s, rc, err);
}

static int give_up(struct vp_state *s, struct vp_arena *a, struct vp_node_row *row, const struct vp_phase_row *last, const struct vp_phase_clock *c,
		   const struct vp_limit *l, bool write, struct vp_err *err)
{
	double now = vp_wall(), stretch = c->moving ? STRETCH : 1;
	bool phase = beyond(now - c->began, c->limit * stretch);

	row->health = VP_STALLED;
	row->reason = vp_printf(a, "%s; %s %.0f s (%s%s)", vp_phase_words(a, row, last, now),
				phase ? "the deadline of this phase is" : "it may be silent for", phase ? c->limit : c->silence,
				!phase ? "deadline" : vp_limit_text(a, l), c->moving ? "; three times that while disk or network move" : "");
	return write ? stall(s, row, err) : 0;
}

/* Only what would be changed is asked for. */
static int ask_check(struct vp_state *s, struct vp_arena *a, struct vp_node_row *row, bool moving, double from, struct vp_err *err)
{
	enum vp_health was = row->health;

	if (vp_phase_check(s, a, row, moving, from, false, err))
		return -1;
	return row->health == was ? 0 : vp_ask(s, &(struct vp_ask){ .what = VP_ASK_CHECK, .text = { row->name }, .time = from }, err);
}

int vp_phase_check(struct vp_state *s, struct vp_arena *a, struct vp_node_row *row, bool moving, double from, bool write, struct vp_err *err)
{
	struct vp_phase_rows rows = { 0 };
	const struct vp_phase_row *last;
	struct vp_phase_clock c;
	struct vp_limit l;
	enum vp_health health;

	if (write && s->helper >= 0)
		return ask_check(s, a, row, moving, from, err);
	if (row->life < VP_ARMED || row->life >= VP_UP || row->health > VP_SLOW)
		return 0;
	if (vp_phase_rows(s, a, row->name, false, &rows, err))
		return -1;
	last = rows.n ? &rows.items[rows.n - 1] : NULL;
	if (!last || last->ended > 0)
		return 0;
	if (vp_phase_limit(s, a, row, last->phase, &l, err))
		return -1;
	c = (struct vp_phase_clock){ .began = last->began > from ? last->began : from,
				     .news = row->last_evidence > from ? row->last_evidence : from,
				     .limit = l.seconds,
				     .silence = silence_of(row, last->phase),
				     .moving = moving };
	health = vp_phase_judge(&c, vp_wall());
	if (health == VP_STALLED)
		return give_up(s, a, row, last, &c, &l, write, err);
	if (health == row->health || health == VP_OK)
		return 0;
	row->health = VP_SLOW;
	row->reason = vp_printf(a, "slow in phase %s: half of a deadline has passed", vp_phase_info(last->phase)->name);
	/* No event: each news makes it well again, and that may be many times. */
	return write ? vp_db_exec(s, err, "UPDATE node SET health = ?2, reason = ?3 WHERE name = ?1 AND health = ?4", "sisi", row->name,
				  (int64_t)VP_SLOW, row->reason, (int64_t)VP_OK)
		     : 0;
}
