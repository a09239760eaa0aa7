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

/* Parsers, each on the tool's own output; 0 or -1 with VP_E_VERIFY. */
struct vp_bonnie {
	/* KiB/s (seeks: 1/s); NaN where bonnie++ printed +++++ (too fast to measure) or nothing. */
	double putc, put_block, rewrite, getc, get_block, seeks;
	double size_mib;
};
/* One row, up to the end of the text or line: of 48 fields (1.93c to 1.97) or 50 (1.98, 2.00). */
int vp_bonnie_parse(const char *csv, struct vp_bonnie *out, struct vp_err *err);

struct vp_iperf {
	/* bits per second as the receiver saw it */
	double bps;
	double seconds;
	/* The server sent (-R). */
	bool reverse;
	/* Of the sender; results of different ones are not comparable. "" where not told. */
	char congestion[32];
};
int vp_iperf3_parse(const char *json, struct vp_iperf *out, struct vp_err *err);

/* What the CPU kernel of vprov-guest prints: one line per lap. */
struct vp_cpu_lap {
	double wall, cpu, iterations;
};
struct vp_cpu {
	struct vp_cpu_lap *laps;
	size_t n, cap;
	/* The one of every lap, or of the first that differs from VP_CPU_CHECKSUM. */
	char checksum[64];
};
/* Of the seeded kernel (provision/guest/cpu.c) on a machine that computes rightly. */
#define VP_CPU_CHECKSUM "277485097.246616"
/* Laps are in the arena. */
int vp_cpu_parse(struct vp_arena *a, const char *text, struct vp_cpu *out, struct vp_err *err);

#endif
