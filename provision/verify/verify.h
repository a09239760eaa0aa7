/* SPDX-License-Identifier: Apache-2.0 */
/* Raw outputs of the tools -> metrics -> a verdict that can be defended: with its interval, its baseline, and the reason. */
#ifndef VP_VERIFY_H
#define VP_VERIFY_H

#include <jansson.h>

#include "../state/sample.h"
#include "stat.h"

/* The node is bad; it cannot be told; the measurement is not to be relied on. */
enum vp_verdict { VP_PASS, VP_FAIL, VP_INCONCLUSIVE, VP_VOID };

struct vp_metric {
	/* "cpu.variates", "net.send", "net.receive", "disk.put_block" ... */
	const char *name;
	/* "M/s", "Mbit/s", "KiB/s" ... */
	const char *unit;
	/* A smaller value is the better one. */
	bool less;
	/* Median of the samples; NaN where missing. */
	double value;
	/* One value a run, each the median of what the tool printed; of which runs. */
	double *samples;
	const char **runs;
	size_t nsamples;
	/* What the host left each of them of itself, at least, as a share; NaN where nobody knows. */
	double *left;
	/* What it was compared with, in words ("bare metal"); "" for nothing. The samples are of `known`, in the arena. */
	const char *base;
	double *base_samples;
	size_t nbase;
	/* Of the comparison; NaN or infinite where there is none. What may be lost; NaN: anything. */
	struct vp_compared compared;
	double tolerance;
	/* As in vp_sample. */
	const char *key, *work, *env;
	/* How busy the host's processors were at the end of the busiest run, in percent of a minute that something waited for one. */
	double pressure;
	enum vp_verdict verdict;
	/* Why it is not PASS, or a remark on how sure it is; "" where there is nothing to say. */
	const char *reason;
};

struct vp_verification {
	const char *node;
	/* The run, or the session of several. */
	const char *run;
	size_t nruns;
	/* Of the session, after which block of runs this is (vp_stat_compare()). */
	unsigned look;
	struct vp_metric *metrics;
	size_t n, cap;
	/* The worst of the metrics: void beats fail beats inconclusive beats pass. */
	enum vp_verdict verdict;
	/* What was measured, in the guest's words: "vda (virtio_blk), ens2 (virtio_net), TCGTCGTCGTCG, kernel 6.1.0". */
	const char *object;
};

/* "pass", "fail", "inconclusive", "void" */
const char *vp_verdict_name(enum vp_verdict v);
/* Void beats fail beats inconclusive beats pass. */
enum vp_verdict vp_verdict_worse(enum vp_verdict a, enum vp_verdict b);

/*
 * Judges the runs of one session, in the order of their names: results "proof", "cpu", "bonnie", "iperf3_send", "iperf3_receive", "timings", "host",
 * and any "NAME.TOOL" of a site's own (vp_tool_known()). "design" says how many runs were meant, at most, and which groups of metrics ("cpu", "disk",
 * "net", "clock"): "runs=6\nonly=cpu,net\n"; without it all of them. expect is the node's JSON (vp_node_json()): the right disk, NIC and hypervisor
 * are checked against it, what is void where they are not the ones; what it is compared with and what it may lose is in its "verify". known are the
 * samples to compare with, its own left out; may be NULL. Pure: the same input gives the same verdict.
 */
void vp_verify_judge(struct vp_arena *a, const char *node, const struct vp_results *raw, json_t *expect, const struct vp_samples *known,
		     struct vp_verification *out);
/* The part of a run's name that a session's runs share. */
const char *vp_verify_session(struct vp_arena *a, const char *run);
/* Four figures, in the unit that keeps them short, which it answers. */
const char *vp_verify_human(double v, const char *unit, char *value, size_t size);
/* For people; and {"name","verdict","metrics":[...]} (new reference). */
void vp_verify_print(const struct vp_verification *v, FILE *f);
json_t *vp_verify_json(const struct vp_verification *v);

/* --- With the state database. --- */
/* Judges a stored run or session (NULL: the newest) against what is known. VP_E_NOTFOUND where there is none. raw and known may be NULL. */
int vp_verify_stored(struct vp_state *s, struct vp_arena *a, const char *node, const char *run, json_t *expect, struct vp_results *raw,
		     struct vp_samples *known, struct vp_verification *out, struct vp_err *err);
/* The same for the newest session once its last run is in; keeps what this machine is beside it, and its samples, for later comparisons. */
int vp_verify_finish(struct vp_state *s, struct vp_arena *a, const char *node, json_t *expect, struct vp_verification *out, struct vp_err *err);
/* What this machine is, as the result "host": KEY=VALUE lines. */
const char *vp_verify_host(struct vp_arena *a);

#endif
