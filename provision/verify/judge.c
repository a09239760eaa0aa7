// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "proof.h"
#include "tools.h"
#include "verify.h"

struct judge {
	struct vp_arena *arena;
	const struct vp_results *raw;
	struct vp_verification *v;
};

/* A result as text; NULL where it did not arrive. The tools speak ASCII: anything else must reach neither terminals nor JSON. */
static const char *raw_text(const struct judge *j, const char *name)
{
	for (size_t i = 0; i < j->raw->n; i++) {
		const struct vp_result *r = &j->raw->items[i];
		char *text;

		if (strcmp(r->name, name) != 0)
			continue;
		text = vp_alloc(j->arena, r->len + 1);
		for (size_t k = 0; k < r->len; k++) {
			char ch = r->data[k];

			text[k] = (ch >= ' ' && ch <= '~') || ch == '\n' || ch == '\r' || ch == '\t' ? ch : '?';
		}
		return text;
	}
	return NULL;
}

static struct vp_metric *add_metric(struct judge *j, const char *name, const char *unit)
{
	struct vp_verification *v = j->v;
	struct vp_metric *m;

	v->metrics = vp_grow_in(j->arena, v->metrics, v->n, &v->cap, sizeof(*m));
	m = &v->metrics[v->n++];
	*m = (struct vp_metric){ .name = name, .unit = unit, .value = NAN, .verdict = VP_PASS, .reason = "" };
	return m;
}

static void doubt(struct vp_metric *m, enum vp_verdict verdict, const char *reason)
{
	m->verdict = verdict;
	m->reason = reason;
}

/* The exit status that the guest told of a measurement; 0 where it told none. */
static int status_of(const struct judge *j, const char *result)
{
	const char *timings = raw_text(j, "timings"), *line;
	int status = 0;

	line = timings ? strstr(timings, vp_printf(j->arena, "name=%s ", result)) : NULL;
	return line && sscanf(line, "name=%*s start=%*s end=%*s status=%d", &status) == 1 ? status : 0;
}

/* What is measured always, in this order. */
static const struct row {
	const char *metric, *unit;
	/* Which output, of which tool, and which figure in it. */
	const char *result, *tool, *figure;
} rows[] = {
	{ "cpu.variates", "M/s", "cpu", "cpu", "variates" },
	{ "disk.put_block", "KiB/s", "bonnie", "bonnie", "put_block" },
	{ "disk.rewrite", "KiB/s", "bonnie", "bonnie", "rewrite" },
	{ "disk.get_block", "KiB/s", "bonnie", "bonnie", "get_block" },
	{ "disk.seeks", "1/s", "bonnie", "bonnie", "seeks" },
	{ "net.send", "Mbit/s", "iperf3_send", "iperf3", "send" },
	{ "net.receive", "Mbit/s", "iperf3_receive", "iperf3", "receive" },
};

/* Reads an output; where it holds nothing to rely on, m says why. A status above 0 is believed, 0 is not. */
static bool read_output(const struct judge *j, struct vp_metric *m, const struct row *row, struct vp_reading *out)
{
	const char *text = raw_text(j, row->result);
	int status = status_of(j, row->result);
	struct vp_err err = { 0 };

	if (status == 127)
		doubt(m, VP_INCONCLUSIVE, vp_printf(j->arena, "its tool for '%s' is not installed in the guest", row->result));
	else if (!text)
		doubt(m, VP_VOID, vp_printf(j->arena, "the guest sent no '%s'", row->result));
	else if (vp_tool_read(j->arena, row->tool, NULL, text, out, &err) && out->wrong)
		doubt(m, VP_FAIL, out->wrong);
	else if (err.msg[0])
		doubt(m, VP_VOID, vp_strdup(j->arena, err.msg));
	else if (status)
		doubt(m, VP_VOID, vp_printf(j->arena, "'%s' failed in the guest (status %d)", row->result, status));
	return m->verdict == VP_PASS;
}

static void judge_row(struct judge *j, const struct row *row)
{
	struct vp_metric *m = add_metric(j, row->metric, row->unit);
	struct vp_reading reading = { 0 };
	bool there = false;

	if (!read_output(j, m, row, &reading))
		return;
	m->samples = vp_alloc(j->arena, (reading.n + 1) * sizeof(double));
	for (size_t i = 0; i < reading.n; i++) {
		if (strcmp(reading.items[i].name, row->figure) != 0)
			continue;
		there = true;
		if (!isnan(reading.items[i].value))
			m->samples[m->nsamples++] = reading.items[i].value;
	}
	if (!there)
		doubt(m, VP_VOID, vp_printf(j->arena, "%s measured something else", row->tool));
	else if (!m->nsamples)
		doubt(m, VP_INCONCLUSIVE, "too short to be measured: it needs a larger file");
}

static int by_size(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double median(struct vp_arena *a, const double *samples, size_t n)
{
	double *sorted = vp_alloc(a, (n ? n : 1) * sizeof(*sorted));

	if (!n)
		return NAN;
	memcpy(sorted, samples, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), by_size);
	return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

static enum vp_verdict worse(enum vp_verdict a, enum vp_verdict b)
{
	static const int rank[] = { [VP_PASS] = 0, [VP_INCONCLUSIVE] = 1, [VP_FAIL] = 2, [VP_VOID] = 3 };

	return rank[a] > rank[b] ? a : b;
}

static const char *object_of(struct vp_arena *a, const char *proof)
{
	const char *hypervisor = vp_proof_get(a, proof, "hypervisor");

	return vp_printf(a, "%s (%s), %s (%s), %s, kernel %s", vp_proof_get(a, proof, "disk"), vp_proof_get(a, proof, "disk_driver"),
			 vp_proof_get(a, proof, "nic"), vp_proof_get(a, proof, "nic_driver"),
			 *hypervisor ? hypervisor : vp_proof_get(a, proof, "hypervisor_type"), vp_proof_get(a, proof, "kernel"));
}

void vp_verify_judge(struct vp_arena *a, const char *node, const struct vp_results *raw, json_t *expect, struct vp_verification *out)
{
	struct judge j = { a, raw, out };
	const char *proof, *wrong;

	*out = (struct vp_verification){ .node = node, .run = raw->n ? raw->items[0].run : "", .verdict = VP_PASS, .object = "" };
	proof = raw_text(&j, "proof");
	wrong = vp_proof_check(a, proof ? proof : "", expect);
	if (proof)
		out->object = object_of(a, proof);
	for (size_t i = 0; i < vp_count(rows); i++)
		judge_row(&j, &rows[i]);
	for (size_t i = 0; i < out->n; i++) {
		struct vp_metric *m = &out->metrics[i];

		m->value = median(a, m->samples, m->nsamples);
		if (*wrong)
			doubt(m, VP_VOID, vp_printf(a, "not the node that was meant: %s", wrong));
		out->verdict = worse(out->verdict, m->verdict);
	}
}
