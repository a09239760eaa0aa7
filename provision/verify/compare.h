/* SPDX-License-Identifier: Apache-2.0 */
/* Samples side by side, by any property of their environment; and what others have published, beside them. */
#ifndef VP_COMPARE_H
#define VP_COMPARE_H

#include <jansson.h>

#include "../state/sample.h"
#include "stat.h"

/* All samples of a metric that have one value of the property. */
struct vp_group {
	/* "kvm" */
	const char *label;
	double *x;
	size_t n;
	/* How many sessions these are of: runs of one share the hour, the load and the boot, so that one session proves nothing of the group. */
	size_t sessions;
	const char *last_session;
	double median, cv;
	/* Against the reference; it has none of its own. */
	struct vp_compared against;
	bool reference;
	/* 1 for the best; 0 where it cannot be told from every other group, or was measured in one session only, or the other one was. */
	unsigned rank;
	/* How far its median is from those of the others, robustly (vp_stat_robust_z()); odd where that is too far, over all metrics together. */
	double z;
	bool odd;
};

/* One metric, of one kind of work: only that is comparable. */
struct vp_comparison {
	const char *metric, *unit, *work;
	bool less;
	struct vp_group *groups;
	size_t n, cap;
	/* Properties that differ, too: then it is not only the one that was asked for that makes the difference. "" for none. */
	const char *also;
};

struct vp_comparisons {
	const char *by;
	struct vp_comparison *items;
	size_t n, cap;
};

/*
 * Groups samples by a key of their environment ("virt", "disk_driver", "disk_format", "nic_driver", "kernel" ...) or "node". The reference is the
 * bare machine, else the group with the best median. Samples judged bad are in it.
 */
void vp_compare(struct vp_arena *a, const struct vp_samples *samples, const char *by, struct vp_comparisons *out);
/* Value of a line KEY=VALUE of an environment; "" for none. */
const char *vp_compare_value(struct vp_arena *a, const struct vp_sample *s, const char *key);
void vp_compare_print(const struct vp_comparisons *c, FILE *f);
json_t *vp_compare_json(const struct vp_comparisons *c);

/* A row that somebody published: the share that was lost against bare metal. */
struct vp_published {
	const char *source;
	/* As ours: metric, kind of virtual machine. */
	const char *metric, *virt;
	/* The benchmark, and what it ran on. */
	const char *benchmark, *setup;
	/* Percent; low and high are equal where no error was given. */
	double low, high;
};
extern const struct vp_published vp_published[];
extern const size_t vp_published_n;
/* "consistent", "better", "worse" or "incomparable: why", of the comparisons by virt. */
const char *vp_published_verdict(struct vp_arena *a, const struct vp_published *p, const struct vp_comparisons *c);

#endif
