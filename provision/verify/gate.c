// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <string.h>

#include "gate.h"

/* The newest ones of a baseline: machines change, slowly. */
#define MAX_BASE 30

static bool is_host(const struct vp_sample *s)
{
	return !strncmp(s->node, "host:", 5);
}

/*
 * Percent of a minute in which something waited for a processor of the host: above this a loss is not the node's, where nothing better is known. A
 * guest does not see what its host takes from it, under emulation least of all.
 */
#define BUSY 20.0

/* Kinds of baselines; the first two letters of what they want to be equal. */
static const struct kind {
	const char *name, *words;
	/* Same hypervisor and devices, or only same machine and work. */
	bool same_key;
	bool host;
	bool own;
} kinds[] = {
	{ "host", "bare metal", false, true, false },
	{ "past", "its own past", true, false, true },
	{ "fleet", "the fleet", true, false, false },
};

static bool fits(struct vp_arena *a, const struct kind *k, const char *other, const struct vp_verification *v, const struct vp_metric *m,
		 const struct vp_sample *s)
{
	bool own = !strcmp(s->node, v->node);

	if (strcmp(s->metric, m->name) != 0 || s->bad || !(s->value > 0))
		return false;
	if (own && !strcmp(vp_verify_session(a, s->run), vp_verify_session(a, v->run)))
		return false;
	if (!k)
		return !strcmp(s->node, other) && !strcmp(s->work, m->work);
	if (k->same_key ? strcmp(s->key, m->key) != 0 : strcmp(s->work, m->work) != 0)
		return false;
	return is_host(s) == k->host && (own || !k->own);
}

/* Gathers the samples of a baseline, newest last. */
static void gather(struct vp_arena *a, const struct kind *k, const char *other, const struct vp_verification *v, struct vp_metric *m,
		   const struct vp_samples *known)
{
	m->nbase = 0;
	m->base_samples = vp_alloc(a, MAX_BASE * sizeof(*m->base_samples));
	for (size_t i = known->n; i && m->nbase < MAX_BASE; i--)
		if (fits(a, k, other, v, m, &known->items[i - 1]))
			m->base_samples[m->nbase++] = known->items[i - 1].value;
	m->base = m->nbase ? (k ? k->words : other) : "";
}

/*
 * What the profile declares of its hardware: one figure of somebody else's run on a bare machine whose environment nobody noted. It is shown beside
 * ours; of one figure there is no interval, so that it neither passes nor fails anything.
 */
static void declared(struct vp_arena *a, struct vp_metric *m, json_t *expect)
{
	static const struct {
		const char *figure, *name;
	} rows[] = { { ".hs06_32", "hepspec06" }, { ".hepscore", "hepscore23" } };
	json_t *benchmarks = json_object_get(json_object_get(expect, "hardware"), "benchmarks");

	for (size_t i = 0; i < vp_count(rows) && !m->nbase; i++) {
		const char *end = strrchr(m->name, '.');
		double value = json_number_value(json_object_get(benchmarks, rows[i].name));

		if (!end || strcmp(end, rows[i].figure) != 0 || !(value > 0))
			continue;
		m->base_samples = vp_alloc(a, sizeof(*m->base_samples));
		m->base_samples[m->nbase++] = value;
		m->base = vp_printf(a, "/hardware/benchmarks/%s", rows[i].name);
	}
}

static void choose(struct vp_arena *a, const struct vp_verification *v, struct vp_metric *m, const char *wanted, const struct vp_samples *known)
{
	for (size_t i = 0; i < vp_count(kinds); i++)
		if (!strcmp(wanted, kinds[i].name)) {
			gather(a, &kinds[i], NULL, v, m, known);
			return;
		}
	if (strcmp(wanted, "auto") != 0) {
		gather(a, NULL, wanted, v, m, known);
		return;
	}
	gather(a, &kinds[0], NULL, v, m, known);
	if (!m->nbase)
		gather(a, &kinds[2], NULL, v, m, known);
}

double vp_gate_tolerance(struct vp_arena *a, json_t *verify, const char *metric)
{
	json_t *list = json_object_get(verify, "tolerances"), *item;
	size_t i;

	json_array_foreach (list, i, item) {
		const char *text = json_string_value(item), *equals = text ? strchr(text, '=') : NULL;
		double percent;

		if (equals && vp_glob(vp_strndup(a, text, (size_t)(equals - text)), metric) && sscanf(equals + 1, "%lf%%", &percent) == 1 &&
		    percent > 0)
			return percent / 100;
	}
	return NAN;
}

/*
 * Whether the host took so much that a good node would do no better: with all of it given back, the loss is not sure any more. -1 where nobody knows
 * what it took.
 */
static int is_taken(struct vp_arena *a, const struct vp_metric *m, unsigned look)
{
	double *x = vp_alloc(a, (m->nsamples + 1) * sizeof(*x));

	for (size_t i = 0; i < m->nsamples; i++) {
		double left = fmax(m->left[i], 1e-3);

		if (isnan(m->left[i]))
			return -1;
		x[i] = m->less ? m->samples[i] * left : m->samples[i] / left;
	}
	return vp_stat_compare(x, m->nsamples, m->base_samples, m->nbase, m->less, m->tolerance, look).gate != VP_GATE_FAIL;
}

static void decide(struct vp_arena *a, struct vp_metric *m, unsigned look)
{
	const struct vp_compared *c = &m->compared;
	const char *loss = isinf(c->high) ? vp_printf(a, "%.1f %%", 100 * c->loss)
					  : vp_printf(a, "%.1f %% [%.1f, %.1f]", 100 * c->loss, 100 * c->low, 100 * c->high);

	int taken = c->gate != VP_GATE_FAIL ? 0 : m->left ? is_taken(a, m, look) : -1;

	if (taken > 0) {
		m->verdict = VP_VOID;
		m->reason =
			vp_printf(a,
				  "it loses %s against %s, but so may any guest of a host as busy as this one, which kept up to %.0f %% of itself "
				  "from it",
				  loss, m->base, 100 * (1 - vp_stat_median(m->left, m->nsamples)));
	} else if (taken < 0 && m->pressure > BUSY) {
		m->verdict = VP_VOID;
		m->reason = vp_printf(
			a,
			"it loses %s against %s, but so may any guest of a host as busy as this one: for %.0f %% of a minute something waited "
			"for a processor",
			loss, m->base, m->pressure);
	} else if (c->gate == VP_GATE_FAIL) {
		m->verdict = VP_FAIL;
		m->reason = vp_printf(a, "it loses %s against %s, surely more than %.1f %%; %.0f %% are allowed", loss, m->base, 100 * c->surely,
				      100 * m->tolerance);
	} else if (c->gate == VP_GATE_UNCLEAR) {
		m->verdict = VP_INCONCLUSIVE;
		m->reason = vp_printf(a, "it may lose %.0f %%, and seems to lose %s against %s: %zu runs against %zu cannot tell", 100 * m->tolerance,
				      loss, m->base, c->n, c->m);
	}
}

/*
 * What a guest calls durable cannot be so sooner than its host's disk makes it: who is surely faster than this by so much drops flushes, or answers
 * before they are done.
 */
#define FLOOR 0.2

static void check_floor(struct vp_arena *a, const struct vp_verification *v, struct vp_metric *m, const struct vp_samples *known)
{
	struct vp_metric floor = *m;
	struct vp_compared c;

	if (strcmp(m->name, "disk.fdatasync") != 0 || !known || m->verdict == VP_VOID)
		return;
	gather(a, &kinds[0], NULL, v, &floor, known);
	if (!floor.nbase)
		return;
	/* By how much the host loses against its guest. */
	c = vp_stat_compare(floor.base_samples, floor.nbase, m->samples, m->nsamples, true, FLOOR, v->look);
	if (c.gate != VP_GATE_FAIL)
		return;
	m->verdict = VP_FAIL;
	m->reason = vp_printf(a, "it calls durable in %.0f us what takes the disk of its host %.0f us: something drops its flushes", m->value,
			      vp_stat_median(floor.base_samples, floor.nbase));
}

static void gate(struct vp_arena *a, const struct vp_verification *v, struct vp_metric *m, json_t *expect, const struct vp_samples *known)
{
	json_t *verify = json_object_get(expect, "verify");
	const char *wanted = json_string_value(json_object_get(verify, "baseline"));

	m->tolerance = vp_gate_tolerance(a, verify, m->name);
	/* Of a drift that is next to nothing a share is lost, or gained, that means nothing. */
	if (isnan(m->tolerance) && !strncmp(m->name, "clock.", 6))
		return;
	if (known)
		choose(a, v, m, wanted ? wanted : "auto", known);
	if (!m->nbase && (!wanted || !strcmp(wanted, "auto")))
		declared(a, m, expect);
	if (m->nbase) {
		m->compared =
			vp_stat_compare(m->samples, m->nsamples, m->base_samples, m->nbase, m->less, isnan(m->tolerance) ? 1 : m->tolerance, v->look);
		if (!isnan(m->tolerance))
			decide(a, m, v->look);
	} else if (!isnan(m->tolerance)) {
		m->verdict = VP_INCONCLUSIVE;
		m->reason = vp_printf(a, "it may lose %.0f %%, but there is no baseline (%s) for its environment %s", 100 * m->tolerance,
				      wanted ? wanted : "auto", m->key);
	}
}

void vp_gate(struct vp_arena *a, const struct vp_verification *v, struct vp_metric *m, json_t *expect, const struct vp_samples *known)
{
	gate(a, v, m, expect, known);
	check_floor(a, v, m, known);
}
