// SPDX-License-Identifier: Apache-2.0
/* What the runs of nodes together say: of their total, as of any metric; and of the shares that each had, which need no baseline. */
#include <math.h>
#include <string.h>

#include "environ.h"
#include "gate.h"
#include "together.h"

struct session {
	struct vp_arena *a;
	const struct vp_together *runs;
	size_t n;
	json_t *expect;
	const struct vp_samples *known;
	struct vp_verification *v;
};

static double total_of(const struct vp_together *t)
{
	return t->total;
}

static double fairness_of(const struct vp_together *t)
{
	return t->fairness;
}

static struct vp_metric *add(struct session *s, const char *kind, const char *what, const char *unit, double (*value)(const struct vp_together *t))
{
	struct vp_verification *v = s->v;
	struct vp_metric *m;
	size_t of_kind = 0;

	v->metrics = vp_grow_in(s->a, v->metrics, v->n, &v->cap, sizeof(*m));
	m = &v->metrics[v->n++];
	*m = (struct vp_metric){ .name = vp_printf(s->a, "together.%s%s", kind, what),
				 .unit = unit,
				 .verdict = VP_PASS,
				 .reason = "",
				 .base = "",
				 .tolerance = NAN,
				 .env = "",
				 .key = "",
				 .work = "" };
	m->samples = vp_alloc(s->a, (s->n + 1) * sizeof(*m->samples));
	m->runs = vp_alloc(s->a, (s->n + 1) * sizeof(*m->runs));
	for (size_t i = 0; i < s->n; i++) {
		const struct vp_together *t = &s->runs[i];

		if (strcmp(t->kind, kind) != 0)
			continue;
		of_kind++;
		if (t->verdict == VP_PASS) {
			m->samples[m->nsamples] = value(t);
			m->runs[m->nsamples++] = t->run;
			m->env = vp_printf(s->a, "%svms=%zu\n", t->parts[0].env, t->n);
		} else if (m->verdict != VP_FAIL) {
			m->verdict = t->verdict;
			m->reason = t->reason;
		}
	}
	m->value = vp_stat_median(m->samples, m->nsamples);
	m->key = vp_environ_key(s->a, m->env);
	m->work = vp_environ_work(s->a, m->env);
	/* A run among many that was void is told, and no more. */
	if (m->verdict == VP_VOID && 2 * m->nsamples > of_kind)
		m->verdict = VP_PASS;
	return m;
}

/* Surely below what is asked for, surely not, or neither: one run says nothing of the next. */
static void judge_fairness(struct session *s, struct vp_metric *m)
{
	double least, low, high;
	bool sure = vp_stat_median_interval(m->samples, m->nsamples, &low, &high);

	m->tolerance = vp_gate_tolerance(s->a, json_object_get(s->expect, "verify"), m->name);
	least = 1 - m->tolerance;
	if (isnan(m->tolerance) || !m->nsamples)
		return;
	if (!sure) {
		m->verdict = VP_INCONCLUSIVE;
		m->reason = vp_printf(s->a, "who had least had %.2f of the mean, and %.2f are asked for: %zu runs cannot tell", m->value, least,
				      m->nsamples);
	} else if (low < least) {
		m->verdict = high < least ? VP_FAIL : VP_INCONCLUSIVE;
		m->reason = vp_printf(s->a, "who had least had %.2f [%.2f, %.2f] of the mean; %.2f are asked for", m->value, low, high, least);
	}
}

void vp_together_gate(struct vp_arena *a, const struct vp_together *runs, size_t n, json_t *expect, const struct vp_samples *known,
		      struct vp_verification *out)
{
	struct session s = { a, runs, n, expect, known, out };

	*out = (struct vp_verification){ .node = n ? vp_printf(a, "%zu together", runs[0].n) : "",
					 .run = n ? vp_verify_session(a, runs[0].run) : "",
					 .look = VP_STAT_LOOKS,
					 .nruns = n,
					 .verdict = VP_PASS,
					 .object = "" };
	for (size_t i = 0; i < n; i++) {
		const char *kind = runs[i].kind;
		bool again = false;
		struct vp_metric *m;

		for (size_t k = 0; k < i; k++)
			again = again || !strcmp(runs[k].kind, kind);
		if (again)
			continue;
		m = add(&s, kind, "", runs[i].unit, total_of);
		if (m->verdict == VP_PASS)
			vp_gate(a, out, m, expect, known);
		m = add(&s, kind, ".fairness", "of the mean", fairness_of);
		if (m->verdict == VP_PASS && runs[i].n > 1)
			judge_fairness(&s, m);
	}
	for (size_t i = 0; i < out->n; i++)
		out->verdict = vp_verdict_worse(out->verdict, out->metrics[i].verdict);
}
