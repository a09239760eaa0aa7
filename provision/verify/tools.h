/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What measuring tools print -> figures. Every one of them has been seen to lie: to end with status 0 after a refused connection, to print totals
 * that do not fit their parts, to leave out what it did not measure. An output that is cut short, mixed with something else or at odds with itself
 * gives no figure at all, and the reason.
 */
#ifndef VP_TOOLS_H
#define VP_TOOLS_H

#include "../base/base.h"
#include "stat.h"

struct vp_figure {
	/* Within the tool: "put_block", "send", "write.p99". A name comes once for each sample. */
	const char *name;
	/* "KiB/s", "Mbit/s", "1/s", "us" ... */
	const char *unit;
	/* Above 0; NaN: the tool says that it could not measure this. */
	double value;
	/* A smaller one is the better one. */
	bool less;
};

struct vp_reading {
	struct vp_arena *arena;
	struct vp_figure *items;
	size_t n, cap;
	/* What the figures depend on beside the machine, "congestion=bbr": those with another one are not comparable. "" for nothing. */
	const char *with;
	/* Set where the output proves that the machine itself is bad: a failure of the node, not of the measurement. Else NULL. */
	const char *wrong;
};

/* What the tool was asked to do: what it says has to agree with that. 0: not known. */
struct vp_asked {
	unsigned seconds;
	/* Streams side by side, or copies of a program. */
	unsigned streams;
	/* iperf 2: the port that the server listens on; only by it the two directions of -r and -d are told apart. */
	unsigned port;
	/* HEP-SPEC06: 32 or 64, where its output does not say. */
	unsigned bits;
};

/*
 * Reads the output of a tool: "bonnie" (bonnie++ -q, 1.0x, 1.9x, 2.00), "iperf2" (-y C, 2.0.4 to 2.1), "iperf3" (-J), "fio" (--output-format=json),
 * "hs06" (HEP-SPEC06: SPEC's .txt files, as `tail -v` puts them together), "hepscore" (hep-score's JSON, or that of hep-benchmark-suite 2.0 to 3.1),
 * "cpu" (our own kernel), "clock" (our own comparison of clocks), "lines" (a site's own: "NAME VALUE UNIT [less]", then "end"). 0, or -1 with
 * VP_E_VERIFY and no figures. asked may be NULL. Figures and texts are in the arena.
 */
int vp_tool_read(struct vp_arena *a, const char *tool, const struct vp_asked *asked, const char *text, struct vp_reading *out, struct vp_err *err);
bool vp_tool_known(const char *tool);
/* The figure of that name, the first of several; NULL where there is none. */
const struct vp_figure *vp_reading_find(const struct vp_reading *r, const char *name);

/* Of the seeded kernel (provision/guest/cpu.c) on a machine that computes rightly. */
#define VP_CPU_CHECKSUM "277485097.246616"

/* --- Inside: the parsers, and what they share. --- */
typedef int vp_tool_fn(const struct vp_asked *asked, const char *text, struct vp_reading *out, struct vp_err *err);
vp_tool_fn vp_tool_bonnie, vp_tool_iperf2, vp_tool_iperf3, vp_tool_fio, vp_tool_hs06, vp_tool_hepscore, vp_tool_cpu, vp_tool_clock, vp_tool_lines;

/* A piece of a text, which need not end there. */
struct vp_field {
	const char *text;
	size_t len;
};
/* Splits the line at commas; the number of fields, or max + 1 where there are more. */
size_t vp_fields(const char *line, struct vp_field *out, size_t max);
/* A finite number of at least 0, with at most one letter behind it, which goes to *rest; NaN otherwise. */
double vp_field_number(struct vp_field f, char *rest);
/* Adds a figure. -1 where it is not above 0 (NaN is allowed). */
int vp_figure_add(struct vp_reading *r, const char *name, const char *unit, double value, bool less, struct vp_err *err);

#endif
