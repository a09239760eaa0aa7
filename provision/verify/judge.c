// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "proof.h"
#include "verify.h"

/* Above this the vCPU did something else meanwhile, and the guest knew. */
#define MAX_WALL_PER_CPU 1.02

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

static struct vp_metric *add_metric(struct judge *j, const char *name, const char *unit, size_t max_samples)
{
	struct vp_verification *v = j->v;
	struct vp_metric *m;

	v->metrics = vp_grow_in(j->arena, v->metrics, v->n, &v->cap, sizeof(*m));
	m = &v->metrics[v->n++];
	*m = (struct vp_metric){ .name = name, .unit = unit, .value = NAN, .verdict = VP_PASS, .reason = "" };
	m->samples = vp_alloc(j->arena, (max_samples ? max_samples : 1) * sizeof(double));
	return m;
}

static void doubt(struct vp_metric *m, enum vp_verdict verdict, const char *reason)
{
	m->verdict = verdict;
	m->reason = reason;
}

/* Why there is nothing to read: the tool's exit status, where the guest told it. */
static const char *missing(const struct judge *j, const char *result)
{
	const char *timings = raw_text(j, "timings"), *line;
	int status;

	line = timings ? strstr(timings, vp_printf(j->arena, "name=%s ", result)) : NULL;
	if (line && sscanf(line, "name=%*s start=%*s end=%*s status=%d", &status) == 1 && status)
		return vp_printf(j->arena, "'%s' failed in the guest (status %d)", result, status);
	return vp_printf(j->arena, "the guest sent no '%s'", result);
}

/* The output of a tool that has something in it; otherwise the metric says why not. */
static const char *output_for(const struct judge *j, struct vp_metric *m, const char *result)
{
	const char *text = raw_text(j, result);

	if (text && text[strspn(text, " \r\n")])
		return text;
	doubt(m, VP_INCONCLUSIVE, missing(j, result));
	return NULL;
}

static void judge_cpu(struct judge *j)
{
	const char *text = raw_text(j, "cpu");
	struct vp_cpu cpu = { 0 };
	struct vp_err err;
	int rc = text && *text ? vp_cpu_parse(j->arena, text, &cpu, &err) : 0;
	struct vp_metric *m = add_metric(j, "cpu.variates", "M/s", cpu.n);
	double wall = 0, busy = 0;

	if (!output_for(j, m, "cpu"))
		return;
	for (size_t i = 0; i < cpu.n; i++) {
		m->samples[m->nsamples++] = cpu.laps[i].iterations / cpu.laps[i].wall / 1e6;
		wall += cpu.laps[i].wall;
		busy += cpu.laps[i].cpu;
	}
	if (rc)
		doubt(m, VP_INCONCLUSIVE, vp_strdup(j->arena, err.msg));
	else if (strcmp(cpu.checksum, VP_CPU_CHECKSUM) != 0)
		doubt(m, VP_FAIL, vp_printf(j->arena, "it computes wrongly: checksum %s, not %s", cpu.checksum, VP_CPU_CHECKSUM));
	else if (wall > busy * MAX_WALL_PER_CPU)
		doubt(m, VP_PASS, vp_printf(j->arena, "wall clock %.2f times the CPU time: its vCPU was shared", wall / busy));
}

/* Every row of bonnie++ is a sample; header and banner lines are none. */
static size_t bonnie_rows(const struct judge *j, const char *text, struct vp_bonnie **rows, struct vp_err *err)
{
	size_t n = 0, cap = 0;

	*rows = NULL;
	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		if (strncmp(line, "1.9", 3) != 0)
			continue;
		*rows = vp_grow_in(j->arena, *rows, n, &cap, sizeof(**rows));
		if (vp_bonnie_parse(line, &(*rows)[n++], err))
			return 0;
	}
	if (!n)
		vp_fail(err, VP_E_VERIFY, "bonnie++: no row of figures");
	return n;
}

static void judge_disk(struct judge *j)
{
	static const struct {
		const char *name, *unit;
	} phases[] = { { "disk.put_block", "KiB/s" }, { "disk.rewrite", "KiB/s" }, { "disk.get_block", "KiB/s" }, { "disk.seeks", "1/s" } };
	const char *text = raw_text(j, "bonnie");
	struct vp_bonnie *rows;
	struct vp_err err = { 0 };
	size_t n = bonnie_rows(j, text ? text : "", &rows, &err);

	for (size_t i = 0; i < vp_count(phases); i++) {
		struct vp_metric *m = add_metric(j, phases[i].name, phases[i].unit, n);

		if (!output_for(j, m, "bonnie"))
			continue;
		for (size_t r = 0; r < n; r++) {
			const double figures[vp_count(phases)] = { rows[r].put_block, rows[r].rewrite, rows[r].get_block, rows[r].seeks };

			if (!isnan(figures[i]))
				m->samples[m->nsamples++] = figures[i];
		}
		if (!n)
			doubt(m, VP_INCONCLUSIVE, vp_strdup(j->arena, err.msg));
		else if (!m->nsamples)
			doubt(m, VP_INCONCLUSIVE, "too short for bonnie++ to measure: it needs a larger file");
	}
}

static void judge_net(struct judge *j, const char *name, const char *result, bool reverse)
{
	struct vp_metric *m = add_metric(j, name, "Mbit/s", 1);
	const char *text = output_for(j, m, result);
	struct vp_iperf iperf;
	struct vp_err err;

	if (!text)
		return;
	if (vp_iperf3_parse(text, &iperf, &err)) {
		doubt(m, VP_INCONCLUSIVE, vp_strdup(j->arena, err.msg));
		return;
	}
	m->samples[m->nsamples++] = iperf.bps / 1e6;
	if (iperf.reverse != reverse)
		doubt(m, VP_VOID, "iperf3 measured the other direction");
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
	judge_cpu(&j);
	judge_disk(&j);
	judge_net(&j, "net.send", "iperf3_send", false);
	judge_net(&j, "net.receive", "iperf3_receive", true);
	for (size_t i = 0; i < out->n; i++) {
		struct vp_metric *m = &out->metrics[i];

		m->value = median(a, m->samples, m->nsamples);
		if (*wrong)
			doubt(m, VP_VOID, vp_printf(a, "not the node that was meant: %s", wrong));
		out->verdict = worse(out->verdict, m->verdict);
	}
}
