// SPDX-License-Identifier: Apache-2.0
/* What more guests at once bring: the total by their number, beside what it would be if each had a processor for itself. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "proof.h"
#include "report.h"

#define MAX_POINTS 32
/* Of the figure, in pixels; x is in percent. */
#define TOP    12.0
#define BOTTOM 200.0

struct point {
	unsigned vms;
	double total, low, high, sum;
	size_t n;
};

struct curve {
	const char *metric, *unit;
	struct point points[MAX_POINTS];
	size_t n;
	/* Of the machine, and of one guest. */
	unsigned cpus, vcpus;
};

/* "together.cpu", not "together.cpu.each" */
static bool is_total(const char *metric)
{
	return !strncmp(metric, "together.", 9) && !strchr(metric + 9, '.');
}

static unsigned number_of(struct vp_arena *a, const struct vp_sample *s, const char *key)
{
	return (unsigned)strtoul(vp_proof_get(a, s->env, key), NULL, 10);
}

static void add_point(struct vp_arena *a, struct curve *c, const struct vp_sample *s)
{
	const char *machine = strrchr(vp_proof_get(a, s->env, "machine"), ',');
	unsigned vms = number_of(a, s, "vms");
	size_t at = 0;

	while (at < c->n && c->points[at].vms < vms)
		at++;
	if (at == c->n || c->points[at].vms != vms) {
		if (c->n == MAX_POINTS || !vms)
			return;
		memmove(&c->points[at + 1], &c->points[at], (c->n++ - at) * sizeof(struct point));
		c->points[at] = (struct point){ .vms = vms, .low = INFINITY };
	}
	c->points[at].sum += s->value;
	c->points[at].n++;
	c->points[at].low = fmin(c->points[at].low, s->value);
	c->points[at].high = fmax(c->points[at].high, s->value);
	c->points[at].total = c->points[at].sum / (double)c->points[at].n;
	c->cpus = machine ? (unsigned)strtoul(machine + 1, NULL, 10) : c->cpus;
	c->vcpus = number_of(a, s, "cpus");
}

static json_t *x_of(const struct curve *c, size_t i)
{
	return json_sprintf("%.2f%%", c->n > 1 ? 13 + 74 * (double)i / (double)(c->n - 1) : 50.0);
}

static json_t *y_of(double value, double top)
{
	return json_sprintf("%.1f", BOTTOM - (BOTTOM - TOP) * value / top);
}

static json_t *line(const struct curve *c, size_t i, double from, double to, double top)
{
	return json_pack("{s:o, s:o, s:o, s:o}", "x1", x_of(c, i), "y1", y_of(from, top), "x2", x_of(c, i + 1), "y2", y_of(to, top));
}

/* Of so many guests, from what one of them does by itself. */
static double ideal(const struct curve *c, size_t i)
{
	double most = c->cpus && c->vcpus ? (double)c->cpus / c->vcpus : c->points[i].vms;

	return c->points[0].total * fmax(fmin(c->points[i].vms, fmax(most, 1)) / c->points[0].vms, 1);
}

static json_t *picture(const struct curve *c)
{
	json_t *points = json_array(), *lines = json_array(), *ideals = json_array();
	bool cpu = !strcmp(c->metric, "together.cpu");
	double top = 0;

	for (size_t i = 0; i < c->n; i++)
		top = fmax(top, fmax(c->points[i].high, cpu ? ideal(c, i) : 0) * 1.12);
	for (size_t i = 0; i < c->n; i++) {
		const struct point *p = &c->points[i];
		char value[32];
		const char *unit = vp_verify_human(p->total, c->unit, value, sizeof(value));

		json_array_append_new(points, json_pack("{s:i, s:o, s:o, s:o, s:o, s:o, s:b, s:i}", "vms", (int)p->vms, "x", x_of(c, i), "y",
							y_of(p->total, top), "low", y_of(p->low, top), "high", y_of(p->high, top), "text",
							json_sprintf("%s %s", value, unit), "more", p->vms != 1, "n", (int)p->n));
		if (i + 1 < c->n)
			json_array_append_new(lines, line(c, i, p->total, c->points[i + 1].total, top));
		if (i + 1 < c->n && cpu)
			json_array_append_new(ideals, line(c, i, ideal(c, i), ideal(c, i + 1), top));
	}
	return json_pack("{s:s, s:o, s:o, s:o, s:b, s:i}", "metric", c->metric, "points", points, "lines", lines, "ideals", ideals, "cpu", cpu,
			 "cpus", (int)c->cpus);
}

json_t *vp_report_curves(struct vp_arena *a, const struct vp_samples *s)
{
	struct curve *curves = vp_alloc(a, MAX_POINTS * sizeof(*curves));
	json_t *list = json_array();
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++) {
		const struct vp_sample *x = &s->items[i];
		size_t k = 0;

		if (!is_total(x->metric))
			continue;
		while (k < n && strcmp(curves[k].metric, x->metric) != 0)
			k++;
		if (k == n && n < MAX_POINTS)
			curves[n++] = (struct curve){ .metric = x->metric, .unit = x->unit };
		if (k < n)
			add_point(a, &curves[k], x);
	}
	for (size_t k = 0; k < n; k++)
		if (curves[k].n > 1)
			json_array_append_new(list, picture(&curves[k]));
	return list;
}
