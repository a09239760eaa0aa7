/* SPDX-License-Identifier: Apache-2.0 */
/* Raw outputs of the tools -> metrics -> a table. */
#ifndef VP_VERIFY_H
#define VP_VERIFY_H

#include <jansson.h>

#include "../state/state.h"

enum vp_verdict { VP_PASS, VP_FAIL, VP_INCONCLUSIVE, VP_VOID };

struct vp_metric {
	/* "cpu.laps", "net.send", "net.receive", "disk.put_block" ... */
	const char *name;
	/* "laps/s", "Mbit/s", "KiB/s" ... */
	const char *unit;
	/* Median of the samples; NaN where missing. */
	double value;
	double *samples;
	size_t nsamples;
	enum vp_verdict verdict;
	/* Why it is not PASS, or a remark on how sure it is; "" where there is nothing to say. */
	const char *reason;
};

struct vp_verification {
	const char *node;
	const char *run;
	struct vp_metric *metrics;
	size_t n, cap;
	/* The worst of the metrics: void beats fail beats inconclusive beats pass. */
	enum vp_verdict verdict;
	/* What was measured, in the guest's words: "vda (virtio_blk), ens2 (virtio_net), TCGTCGTCGTCG, kernel 6.1.0". */
	const char *object;
};

/* "pass", "fail", "inconclusive", "void" */
const char *vp_verdict_name(enum vp_verdict v);

/*
 * Parses one run: results "proof", "cpu", "bonnie", "iperf3_send", "iperf3_receive" and "timings". expect is the node's JSON
 * (vp_node_json()): the right disk, NIC and hypervisor are checked against it, and everything is void where they are not the ones.
 */
void vp_verify_judge(struct vp_arena *a, const char *node, const struct vp_results *raw, json_t *expect, struct vp_verification *out);
/* For people; and {"name","verdict","metrics":[...]} (new reference). */
void vp_verify_print(const struct vp_verification *v, FILE *f);
json_t *vp_verify_json(const struct vp_verification *v);

#endif
