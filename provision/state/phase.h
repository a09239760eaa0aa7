/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The phases of an installation: finer than the states of the life cycle, each
 * entered on evidence, each with a deadline. What an installation went through
 * is kept with its times; what installations of one class took is what their
 * deadlines are learnt from.
 *
 * A run is one power-on that leads, or does not lead, to a node that is up. In
 * it phases only move forward.
 */
#ifndef VP_PHASE_H
#define VP_PHASE_H

#include <jansson.h>

#include "state.h"

enum vp_phase {
#define VP_PHASE(symbol, name, hardware, emulated, entered) VP_PHASE_##symbol,
#include "../model/phases.def"
#undef VP_PHASE
	/* The installed system reports from its disk: the end of the run. */
	VP_PHASE_UP,
	VP_PHASE__COUNT
};

struct vp_phase_info {
	const char *name;
	/* Default deadline in seconds, on hardware and under software emulation; 0: none. */
	unsigned hardware, emulated;
	/* What it is entered on, in words. */
	const char *entered;
};
const struct vp_phase_info *vp_phase_info(enum vp_phase p);
/* -1 where there is none of that name. */
int vp_phase_find(const char *name);
/* The phase that a piece of evidence leads to, -1 none. word is what an installer calls its phase (VP_EV_PHASE), else NULL. */
int vp_phase_of(enum vp_evidence ev, const char *word);

/* --- What is kept --- */

struct vp_phase_row {
	int64_t run;
	enum vp_phase phase;
	/* Seconds since 1970; ended is 0 as long as the node is in it. */
	double began, ended;
	/* What it was entered on: "dhcp: lease 10.9.8.10 for 52:54:00:00:00:01". */
	const char *evidence;
};
struct vp_phase_rows {
	struct vp_phase_row *items;
	size_t n, cap;
};
/* Of a node's newest run, or (all) of every one that is kept; oldest first. */
int vp_phase_rows(struct vp_state *s, struct vp_arena *a, const char *node, bool all, struct vp_phase_rows *out, struct vp_err *err);
/* [{"phase","began","ended","seconds","evidence"}] of the newest run; ended and the seconds are null where it is still in it. New reference. */
json_t *vp_phase_json(const struct vp_phase_rows *rows);

/* A new run: the machine was switched on. how: "switched on", or why again. */
int vp_phase_begin(struct vp_state *s, const char *node, const char *how, struct vp_err *err);
/* The node enters a phase, if that is forward. */
int vp_phase_enter(struct vp_state *s, const char *node, enum vp_phase phase, const char *evidence, struct vp_err *err);
/*
 * What evidence means for the phases, given the row before and after it; word as for vp_phase_of(). A node that is up ends its run, whose times
 * become history.
 */
int vp_phase_note(struct vp_state *s, const struct vp_node_row *before, const struct vp_node_row *after, enum vp_evidence ev, const char *word,
		  const char *evidence, struct vp_err *err);
/* 1 an installation is under way: its newest phase has not ended; 0 none, -1 error. */
int vp_phase_open(struct vp_state *s, const char *node, struct vp_err *err);
/* The installation ended without success in the phase it is in. */
int vp_phase_stop(struct vp_state *s, const char *node, struct vp_err *err);
/* What was given up is waited for anew: health and the clocks of silence and phase start over. */
int vp_phase_again(struct vp_state *s, const char *node, struct vp_err *err);
/*
 * Before a machine that never had its configuration is restarted: from now on nobody gets it. 1 held, 0 it was handed out, or the node is not armed;
 * -1 error. Then, with the machine off: armed anew with the same token, a new run, and what the row keeps of an earlier life.
 */
int vp_phase_hold(struct vp_state *s, const char *node, struct vp_err *err);
int vp_phase_rearm(struct vp_state *s, const char *node, const char *how, const char *before, struct vp_err *err);
/* News of a node that change neither state nor phase: the last evidence in words, for the verdict. */
int vp_phase_seen(struct vp_state *s, const char *node, const char *what, struct vp_err *err);

/* --- Deadlines --- */

enum vp_limit_from { VP_LIMIT_DEFAULT, VP_LIMIT_GIVEN, VP_LIMIT_LEARNT };
struct vp_limit {
	/* 0: none. */
	double seconds;
	enum vp_limit_from from;
	/* Of how many runs of its class it was learnt, their median and 95th percentile; runs is 0 where there are none. */
	size_t runs;
	double median, p95;
};
/* "kvm/image/bios/worker": what installations are alike by. */
char *vp_phase_class(struct vp_arena *a, const struct vp_node_row *row);
/* The deadline of a phase: given by profile or site, else learnt, else the default. */
int vp_phase_limit(struct vp_state *s, struct vp_arena *a, const struct vp_node_row *row, enum vp_phase phase, struct vp_limit *out,
		   struct vp_err *err);
/* The same as a pure function of the seconds that earlier runs took (sorted by this). */
void vp_limit_choose(double given, double fallback, double *seconds, size_t n, struct vp_limit *out);
/* "learnt from 7 runs, p95 12 s" */
char *vp_limit_text(struct vp_arena *a, const struct vp_limit *l);
/* Seconds until the node is up, by the medians of its class; -1 where that is not known. */
int vp_phase_eta(struct vp_state *s, struct vp_arena *a, const struct vp_node_row *row, double *seconds, struct vp_err *err);

/* --- The verdict --- */

struct vp_phase_clock {
	/* Seconds since 1970: when the phase began, and the last news of any kind. */
	double began, news;
	/* Seconds the phase may take, and that it may be silent for; 0: without end. */
	double limit, silence;
	/* Disk or network counters move, or nobody can tell: it may take three times as long. */
	bool moving;
};
/* VP_OK, VP_SLOW (half of a deadline has passed) or VP_STALLED. */
enum vp_health vp_phase_judge(const struct vp_phase_clock *c, double now);
/*
 * Judges a node between armed and up by the phase it is in; *row gets what it is then, and the database, too, where `write`. Clocks start at `from`
 * at the earliest: who has just begun to look gives the node time. Answers 0, or -1.
 */
int vp_phase_check(struct vp_state *s, struct vp_arena *a, struct vp_node_row *row, bool moving, double from, bool write, struct vp_err *err);
/* "stopped in phase config after GET /boot/ce01/config: 409 (12 s ago)" */
char *vp_phase_words(struct vp_arena *a, const struct vp_node_row *row, const struct vp_phase_row *last, double now);

#endif
