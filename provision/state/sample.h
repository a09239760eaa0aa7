/* SPDX-License-Identifier: Apache-2.0 */
/* What was measured, one value a run: what verdicts compare with. Outlives the nodes; the raw outputs go with them. */
#ifndef VP_SAMPLE_H
#define VP_SAMPLE_H

#include "state.h"

struct vp_sample {
	/* "host:NAME" is the bare machine itself. */
	const char *node;
	const char *run;
	/* "disk.put_block" */
	const char *metric;
	const char *unit;
	double value;
	/* A smaller one is the better one. */
	bool less;
	/* Digests: of everything it depends on; and only of the machine and of what the tool was asked for, which is the same on all hypervisors. */
	const char *key;
	const char *work;
	/* KEY=VALUE lines: what `key` is a digest of. */
	const char *env;
	/* It was judged bad, or its host was too busy: nothing to compare others with. */
	bool bad;
	double time;
};

struct vp_samples {
	struct vp_sample *items;
	size_t n, cap;
};

/* Inserts or replaces, by node, run and metric. */
int vp_sample_put(struct vp_state *s, const struct vp_sample *sample, struct vp_err *err);
/* All of them, oldest first. */
int vp_samples(struct vp_state *s, struct vp_arena *a, struct vp_samples *out, struct vp_err *err);

#endif
