// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "proof.h"
#include "verify.h"

/* What may differ beside the property that is asked for, and then is told. */
static const char *const properties[] = { "virt",	"memory_mib", "disk_format", "cpus",	   "disk_driver",
					  "nic_driver", "kernel",     "clocksource", "host_kernel" };

static bool is_bare(const struct vp_sample *s)
{
	return !strncmp(s->node, "host:", 5);
}

const char *vp_compare_value(struct vp_arena *a, const struct vp_sample *s, const char *key)
{
	return strcmp(key, "node") ? vp_proof_get(a, s->env, key) : s->node;
}

static struct vp_comparison *comparison_of(struct vp_arena *a, struct vp_comparisons *c, const struct vp_sample *s)
{
	for (size_t i = 0; i < c->n; i++)
		if (!strcmp(c->items[i].metric, s->metric) && !strcmp(c->items[i].work, s->work))
			return &c->items[i];
	c->items = vp_grow_in(a, c->items, c->n, &c->cap, sizeof(*c->items));
	c->items[c->n] = (struct vp_comparison){ .metric = s->metric, .unit = s->unit, .work = s->work, .less = s->less, .also = "" };
	return &c->items[c->n++];
}

/* Samples come in the order of time, so that those of a session are together. */
static void count_session(struct vp_arena *a, struct vp_group *g, const struct vp_sample *s)
{
	const char *session = vp_printf(a, "%s %s", s->node, vp_verify_session(a, s->run));

	if (!g->last_session || strcmp(g->last_session, session) != 0)
		g->sessions++;
	g->last_session = session;
}

static void add_sample(struct vp_arena *a, struct vp_comparison *c, const char *label, const struct vp_sample *s, size_t most)
{
	struct vp_group *g = NULL;

	for (size_t i = 0; i < c->n; i++)
		if (!strcmp(c->groups[i].label, label))
			g = &c->groups[i];
	if (!g) {
		c->groups = vp_grow_in(a, c->groups, c->n, &c->cap, sizeof(*c->groups));
		g = &c->groups[c->n++];
		*g = (struct vp_group){ .label = label, .x = vp_alloc(a, most * sizeof(double)) };
	}
	g->x[g->n++] = s->value;
	count_session(a, g, s);
}

static bool better(const struct vp_comparison *c, const struct vp_group *x, const struct vp_group *y)
{
	return c->less ? x->median < y->median : x->median > y->median;
}

/* The best first. */
static void sort_groups(struct vp_comparison *c)
{
	for (size_t i = 1; i < c->n; i++)
		for (size_t k = i; k && better(c, &c->groups[k], &c->groups[k - 1]); k--) {
			struct vp_group t = c->groups[k];

			c->groups[k] = c->groups[k - 1];
			c->groups[k - 1] = t;
		}
}

/*
 * A group has a rank where its interval against every other one leaves out equality; all pairs together at 95 %. Two groups of one session each
 * differ in more than was asked for: in the hour, at least.
 */
static void rank(struct vp_comparison *c)
{
	double pairs = (double)c->n * (double)(c->n - 1) / 2;

	for (size_t i = 0; i < c->n; i++) {
		size_t above = 0, below = 0;

		for (size_t k = 0; k < c->n; k++) {
			struct vp_shift s = { 0 };

			if (k != i && c->groups[i].sessions > 1 && c->groups[k].sessions > 1)
				s = vp_stat_shift(c->groups[i].x, c->groups[i].n, c->groups[k].x, c->groups[k].n, 0.025 / pairs);
			above += c->less ? s.low > 0 : s.high < 0;
			below += c->less ? s.high < 0 : s.low > 0;
		}
		c->groups[i].rank = above + below == c->n - 1 && c->n > 1 ? (unsigned)above + 1 : 0;
	}
}

static void against(struct vp_comparison *c)
{
	size_t ref = 0;

	for (size_t i = 0; i < c->n; i++)
		if (!strcmp(c->groups[i].label, "host") || !strncmp(c->groups[i].label, "host:", 5))
			ref = i;
	c->groups[ref].reference = true;
	for (size_t i = 0; i < c->n; i++)
		c->groups[i].against = vp_stat_compare(c->groups[i].x, c->groups[i].n, c->groups[ref].x, c->groups[ref].n, c->less, 1, VP_STAT_LOOKS);
}

static const char *also_differs(struct vp_arena *a, const struct vp_samples *samples, const struct vp_comparison *c, const char *by)
{
	const char *found = "";

	for (size_t p = 0; p < vp_count(properties); p++) {
		const char *first = NULL;
		bool differs = false;

		for (size_t i = 0; i < samples->n && strcmp(properties[p], by) != 0; i++) {
			const struct vp_sample *s = &samples->items[i];
			const char *value;

			/* The bare machine differs in everything. */
			if (is_bare(s) || strcmp(s->metric, c->metric) != 0 || strcmp(s->work, c->work) != 0)
				continue;
			value = vp_proof_get(a, s->env, properties[p]);
			first = first ? first : value;
			differs = differs || strcmp(first, value) != 0;
		}
		if (differs)
			found = vp_printf(a, "%s%s%s", found, *found ? ", " : "", properties[p]);
	}
	return found;
}

/* The odd ones among at least this many groups, whatever the rest is like: no baseline is needed for it. */
#define FLEET 5
#define ODD   3.5

static void find_odd(struct vp_arena *a, struct vp_comparisons *out)
{
	size_t all = 0, at = 0;
	double *z;
	bool *odd;

	for (size_t i = 0; i < out->n; i++)
		all += out->items[i].n;
	z = vp_alloc(a, (all + 1) * sizeof(*z));
	odd = vp_alloc(a, (all + 1) * sizeof(*odd));
	for (size_t i = 0; i < out->n; at += out->items[i++].n) {
		const struct vp_comparison *c = &out->items[i];
		double *x = vp_alloc(a, (c->n + 1) * sizeof(*x));

		for (size_t k = 0; k < c->n; k++)
			x[k] = log(c->groups[k].median);
		if (c->n >= FLEET)
			vp_stat_robust_z(x, c->n, z + at);
	}
	vp_stat_holm(z, all, 0.01, odd);
	at = 0;
	for (size_t i = 0; i < out->n; i++)
		for (size_t k = 0; k < out->items[i].n; k++, at++) {
			out->items[i].groups[k].z = z[at];
			out->items[i].groups[k].odd = odd[at] && fabs(z[at]) > ODD;
		}
}

void vp_compare(struct vp_arena *a, const struct vp_samples *samples, const char *by, struct vp_comparisons *out)
{
	*out = (struct vp_comparisons){ .by = by };
	for (size_t i = 0; i < samples->n; i++) {
		const struct vp_sample *s = &samples->items[i];
		const char *label = is_bare(s) && strcmp(by, "node") != 0 ? "host" : vp_compare_value(a, s, by);

		if (s->value > 0)
			add_sample(a, comparison_of(a, out, s), *label ? label : "?", s, samples->n);
	}
	for (size_t i = 0; i < out->n; i++) {
		struct vp_comparison *c = &out->items[i];

		for (size_t k = 0; k < c->n; k++) {
			c->groups[k].median = vp_stat_median(c->groups[k].x, c->groups[k].n);
			c->groups[k].cv = vp_stat_cv(c->groups[k].x, c->groups[k].n);
		}
		sort_groups(c);
		rank(c);
		against(c);
		c->also = also_differs(a, samples, c, by);
	}
	find_odd(a, out);
}

/* --- Published --- */

const struct vp_published vp_published[] = {
#define PUBLISHED(source, metric, virt, benchmark, setup, low, high) { source, metric, virt, benchmark, setup, low, high },
#include "published.def"
#undef PUBLISHED
};
const size_t vp_published_n = vp_count(vp_published);

/* Of a site's own test, the figure is what counts, whatever the test is called. */
static bool same_metric(const char *ours, const char *theirs)
{
	size_t n = strlen(ours), m = strlen(theirs);

	return !strcmp(ours, theirs) || (n > m && ours[n - m - 1] == '.' && !strcmp(ours + n - m, theirs));
}

const char *vp_published_verdict(struct vp_arena *a, const struct vp_published *p, const struct vp_comparisons *c)
{
	const struct vp_group *g = NULL;
	bool measured = false, bare = false;

	for (size_t i = 0; i < c->n; i++) {
		if (!same_metric(c->items[i].metric, p->metric))
			continue;
		measured = true;
		for (size_t k = 0; k < c->items[i].n; k++) {
			const struct vp_group *at = &c->items[i].groups[k];

			bare = bare || (at->reference && !strcmp(at->label, "host"));
			g = !strcmp(at->label, p->virt) ? at : g;
		}
	}
	if (!measured)
		return vp_printf(a, "incomparable: %s was not measured", p->metric);
	if (!g)
		return vp_printf(a, "incomparable: no %s was measured", p->virt);
	if (!bare)
		return "incomparable: the bare machine was not measured";
	if (isinf(g->against.low) || isinf(g->against.high))
		return "incomparable: too few runs";
	if (100 * g->against.high < p->low)
		return "better";
	return 100 * g->against.low > p->high ? "worse" : "consistent";
}
