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
	/* Why it is not PASS; "" otherwise. */
	const char *reason;
};

struct vp_verification {
	const char *node;
	const char *run;
	struct vp_metric *metrics;
	size_t n, cap;
	/* The worst of the metrics: void beats fail beats inconclusive beats pass. */
	enum vp_verdict verdict;
};

/* Parses one run. expect is the node's JSON (vp_node_json()): the right disk, NIC and hypervisor are checked against it. */
void vp_verify_judge(struct vp_arena *a, const char *node, const struct vp_results *raw, json_t *expect, struct vp_verification *out);
/* For people; and {"name","verdict","metrics":[...]} (new reference). */
void vp_verify_print(const struct vp_verification *v, FILE *f);
json_t *vp_verify_json(const struct vp_verification *v);

/* Parsers, each on the tool's own output; 0 or -1 with VP_E_VERIFY. */
struct vp_bonnie {
	/* KiB/s; NaN where bonnie++ printed +++++ (too fast to measure) or nothing. */
	double putc, put_block, rewrite, getc, get_block, seeks;
	double size_mib;
};
int vp_bonnie_parse(const char *csv, struct vp_bonnie *out, struct vp_err *err);
struct vp_iperf {
	/* bits per second as the receiver saw it */
	double bps;
	double seconds;
};
int vp_iperf3_parse(const char *json, struct vp_iperf *out, struct vp_err *err);

#endif
