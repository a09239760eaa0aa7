/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nodes that worked at the same time: what they did, each and all of them, while everybody worked. The sum of speeds that each of them measured by
 * itself is no aggregate: who comes first has the machine for itself, and so has who is left at the end.
 */
#ifndef VP_TOGETHER_H
#define VP_TOGETHER_H

#include "verify.h"

/* Share of the whole time in which all worked: below this it was not together. */
#define VP_TOGETHER_OVERLAP 0.95

/* One node's part. */
struct vp_part {
	const char *node;
	/* Results "proof", "together" and "host" of the run; what the node should be. */
	const struct vp_results *raw;
	json_t *expect;
	/* Its machine is off by now. */
	bool gone;

	/* Why it does not count; "" where it does. wrong: the machine computes wrongly, which is the node's failure. */
	const char *reason;
	bool wrong;
	unsigned workers;
	/* By the host's clock: when all its workers were at work, within the time that counts. */
	double from, to;
	/* How sure a time of its clock is, in seconds, and how much faster than the host's it runs. */
	double slack, drift;
	/* A second, in the common window; and as it would have said by itself. */
	double rate, alone;
	const char *env;
};

struct vp_together {
	/* "cpu", "disk", "net" */
	const char *kind, *unit;
	const char *run;
	struct vp_part *parts;
	size_t n;
	/* Seconds in which all worked, and their share of the time in which any did. */
	double window, overlap;
	/* A second: all that was done in the window; and the sum of what each says by itself. */
	double total, naive;
	/* Smallest by mean, and Jain's index. */
	double fairness, jain;
	enum vp_verdict verdict;
	/* "" for a pass. */
	const char *reason;
};

/* Fills in all but node, raw, expect and gone of the parts. Pure. */
void vp_together_judge(struct vp_arena *a, const char *run, const char *kind, struct vp_part *parts, size_t n, struct vp_together *out);
void vp_together_print(const struct vp_together *t, FILE *f);
json_t *vp_together_json(const struct vp_together *t);
/*
 * As samples "together.KIND", "together.KIND.fairness" and "together.KIND.jain" of "N together", and "together.KIND.each" of every node, with "vms=N"
 * in their environments.
 */
int vp_together_keep(struct vp_state *s, struct vp_arena *a, const struct vp_together *t, struct vp_err *err);
/*
 * What a session's runs say of totals and fairness against what may be lost ("verify" of expect): a total against known ones of as many such nodes, a
 * smallest share against the mean itself, which "together.KIND.fairness=10%" allows it to be a tenth below. Runs that are void are left out. Pure.
 */
void vp_together_gate(struct vp_arena *a, const struct vp_together *runs, size_t n, json_t *expect, const struct vp_samples *known,
		      struct vp_verification *out);

#endif
