// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "proof.h"
#include "report.h"

/* Of the part of a figure that is drawn on, in percent. */
#define WIDTH 97.0

static json_t *percent(double share)
{
	return json_sprintf("%.2f%%", 100 * share);
}

static json_t *figure(double v, const char *unit)
{
	char value[32];
	const char *human = vp_verify_human(v, unit, value, sizeof(value));

	return json_sprintf("%s %s", value, human);
}

static json_t *loss_text(const struct vp_compared *c)
{
	if (isinf(c->low) || isinf(c->high))
		return json_sprintf("%.1f %% [?]", 100 * c->loss);
	return json_sprintf("%.1f %% [%.1f, %.1f]", 100 * c->loss, 100 * c->low, 100 * c->high);
}

/* --- Bars: a group each, from zero, with its interval and every run --- */

/* 1, 2 or 5 times a power of ten, so that three to six of it make the axis. */
static double step_for(double top)
{
	double power = pow(10, floor(log10(top / 3))), m = top / 3 / power;

	return power * (m >= 5 ? 5 : m >= 2 ? 2 : 1);
}

static json_t *axis(double top, const char *unit)
{
	json_t *ticks = json_array();
	double step = step_for(top);

	for (int i = 0; i * step <= top * 1.0001; i++)
		json_array_append_new(ticks, json_pack("{s:o, s:o, s:b}", "at", percent(i * step / top * WIDTH / 100), "text",
						       json_sprintf("%g", i * step), "first", i == 0));
	return json_pack("{s:o, s:s}", "ticks", ticks, "unit", unit);
}

/* What a chart's figures are divided by, so that its unit is the one people read. */
static double scale_of(double top, const char **unit)
{
	char value[32];
	const char *human = vp_verify_human(top, *unit, value, sizeof(value));
	double scale = strcmp(human, *unit) ? top / strtod(value, NULL) : 1;

	*unit = human;
	/* Of rounded figures: to the exact factor. */
	return scale > 1e6 ? 1048576 : scale > 1010 ? 1024 : scale > 500 ? 1000 : 1;
}

static json_t *bar(const struct vp_group *g, const char *unit, double top, size_t i)
{
	json_t *dots = json_array(), *j;
	double low, high;

	for (size_t k = 0; k < g->n; k++)
		json_array_append_new(dots, json_pack("{s:o, s:i}", "x", percent(g->x[k] / top * WIDTH / 100), "y", 9 + (int)(k * 7 % 17)));
	j = json_pack("{s:s, s:i, s:o, s:o, s:o, s:o, s:o, s:b}", "label", g->label, "tone", (int)(i % 6), "width",
		      percent(g->median / top * WIDTH / 100), "median", figure(g->median, unit), "n", json_integer((json_int_t)g->n), "dots", dots,
		      "cv", isnan(g->cv) ? json_string("") : json_sprintf("CV %.1f %%", 100 * g->cv), "reference", g->reference);
	json_object_set_new(j, "loss", g->reference ? json_string("") : loss_text(&g->against));
	json_object_set_new(j, "odd", json_boolean(g->odd));
	json_object_set_new(j, "rank", g->rank ? json_sprintf("%u", g->rank) : json_string(""));
	if (vp_stat_median_interval(g->x, g->n, &low, &high))
		json_object_set_new(j, "interval",
				    json_pack("{s:o, s:o}", "low", percent(low / top * WIDTH / 100), "high", percent(high / top * WIDTH / 100)));
	return j;
}

/* --- Losses: what the bars hide where all of them are long --- */

/* From -span to span. */
static json_t *place(double loss, double span)
{
	return percent(0.5 + 0.48 * loss / span);
}

static double span_of(const struct vp_comparison *c)
{
	double most = 0;

	for (size_t i = 0; i < c->n; i++) {
		const struct vp_compared *l = &c->groups[i].against;

		if (c->groups[i].reference)
			continue;
		most = fmax(most, fabs(l->loss));
		if (!isinf(l->low) && !isinf(l->high))
			most = fmax(most, fmax(fabs(l->low), fabs(l->high)));
	}
	return most > 0 ? ceil(100 * most / step_for(100 * most)) * step_for(100 * most) / 100 : 0.01;
}

/* null where there is nothing beside a reference. */
static json_t *losses(const struct vp_comparison *c)
{
	json_t *list = json_array(), *ticks = json_array();
	double span = span_of(c);

	for (size_t i = 0; i < c->n; i++) {
		const struct vp_compared *l = &c->groups[i].against;
		json_t *j;

		if (c->groups[i].reference)
			continue;
		j = json_pack("{s:s, s:i, s:o, s:o}", "label", c->groups[i].label, "tone", (int)(i % 6), "at", place(l->loss, span), "loss",
			      loss_text(l));
		if (!isinf(l->low) && !isinf(l->high))
			json_object_set_new(j, "interval", json_pack("{s:o, s:o}", "low", place(l->low, span), "high", place(l->high, span)));
		json_array_append_new(list, j);
	}
	for (int i = -2; i <= 2; i++)
		json_array_append_new(ticks, json_pack("{s:o, s:o, s:b}", "at", place(i * span / 2, span), "text",
						       json_sprintf("%g %%", 50 * i * span), "zero", i == 0));
	return json_pack("{s:o, s:o}", "rows", list, "ticks", ticks);
}

static json_t *chart(const struct vp_comparison *c, const char *by)
{
	json_t *bars = json_array();
	const char *unit = c->unit;
	double top = 0, scale;

	for (size_t i = 0; i < c->n; i++)
		for (size_t k = 0; k < c->groups[i].n; k++)
			top = fmax(top, c->groups[i].x[k]);
	scale = scale_of(top, &unit);
	/* The axis ends at a round figure. */
	top = ceil(top / scale / (step_for(top / scale) / 2)) * step_for(top / scale) / 2 * scale;
	for (size_t i = 0; i < c->n; i++)
		json_array_append_new(bars, bar(&c->groups[i], c->unit, top, i));
	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:s, s:b, s:o}", "metric", c->metric, "by", by, "unit", unit, "bars", bars, "axis",
			 axis(top / scale, unit), "also", c->also, "less", c->less, "losses", c->n > 1 ? losses(c) : json_null());
}

/* --- Runs over time: a strip for each node and metric --- */

static json_t *strip_dots(const double *x, size_t n, double low, double high, json_t *lines)
{
	json_t *dots = json_array();
	double span = high > low ? high - low : 1, before_x = 0, before_y = 0;

	for (size_t i = 0; i < n; i++) {
		double at = n > 1 ? 0.02 + 0.96 * (double)i / (double)(n - 1) : 0.5, y = 40 - 32 * (x[i] - low) / span;

		json_array_append_new(dots, json_pack("{s:o, s:o}", "x", percent(at), "y", json_sprintf("%.1f", y)));
		if (i)
			json_array_append_new(lines, json_pack("{s:o, s:o, s:o, s:o}", "x1", percent(before_x), "y1", json_sprintf("%.1f", before_y),
							       "x2", percent(at), "y2", json_sprintf("%.1f", y)));
		before_x = at;
		before_y = y;
	}
	return dots;
}

static json_t *strip(const char *node, const char *metric, const char *unit, const double *x, size_t n)
{
	struct vp_drift d = vp_stat_cusum(x, n, n > 20 ? 20 : n / 2);
	json_t *lines = json_array();
	double low = INFINITY, high = 0;

	for (size_t i = 0; i < n; i++) {
		low = fmin(low, x[i]);
		high = fmax(high, x[i]);
	}
	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:i, s:o}", "node", node, "metric", metric, "dots", strip_dots(x, n, low, high, lines),
			 "lines", lines, "low", figure(low, unit), "high", figure(high, unit), "n", (int)n, "drift",
			 d.direction && n >= 12 ? json_sprintf("drifts %s since run %zu", d.direction > 0 ? "up" : "down", d.since + 1)
						: json_string(""));
}

static json_t *strips(struct vp_arena *a, const struct vp_samples *s)
{
	json_t *list = json_array();
	double *x = vp_alloc(a, (s->n + 1) * sizeof(*x));

	for (size_t i = 0; i < s->n; i++) {
		const struct vp_sample *first = &s->items[i];
		bool again = false;
		size_t n = 0;

		for (size_t k = 0; k < s->n; k++) {
			const struct vp_sample *at = &s->items[k];

			if (strcmp(at->node, first->node) != 0 || strcmp(at->metric, first->metric) != 0)
				continue;
			again = again || k < i;
			x[n++] = at->value;
		}
		if (!again && n > 1)
			json_array_append_new(list, strip(first->node, first->metric, first->unit, x, n));
	}
	return list;
}

/* --- Nodes --- */

static json_t *phases(const struct vp_phase_rows *p, double longest)
{
	json_t *list = json_array();

	for (size_t i = 0; i < p->n; i++) {
		const struct vp_phase_row *r = &p->items[i];

		if (r->ended > r->began)
			json_array_append_new(list, json_pack("{s:s, s:o, s:o, s:o, s:i}", "name", vp_phase_info(r->phase)->name, "x",
							      percent((r->began - p->items[0].began) / longest), "width",
							      percent((r->ended - r->began) / longest), "seconds",
							      json_sprintf("%.1f", r->ended - r->began), "tone", (int)(i % 6)));
	}
	return list;
}

static double seconds_of(const struct vp_phase_rows *p)
{
	return p->n ? fmax(p->items[p->n - 1].ended, p->items[p->n - 1].began) - p->items[0].began : 0;
}

static json_t *metric_row(const struct vp_metric *m)
{
	static const char *const marks[] = { [VP_PASS] = "\u2713", [VP_FAIL] = "\u2717", [VP_INCONCLUSIVE] = "?", [VP_VOID] = "\u2205" };

	return json_pack("{s:s, s:o, s:i, s:o, s:o, s:o, s:s, s:s, s:s}", "metric", m->name, "value", figure(m->value, m->unit), "n",
			 (int)m->nsamples, "loss", m->nbase ? loss_text(&m->compared) : json_string("\u2013"), "against",
			 m->nbase ? json_sprintf("%s, n=%zu", m->base, m->nbase) : json_string("\u2013"), "allowed",
			 isnan(m->tolerance) ? json_string("\u2013") : json_sprintf("%.0f %%", 100 * m->tolerance), "verdict",
			 vp_verdict_name(m->verdict), "mark", marks[m->verdict], "reason", m->reason);
}

static json_t *node_part(const struct vp_report_node *n, double longest)
{
	json_t *metrics = json_array();

	for (size_t i = 0; i < n->v.n; i++)
		json_array_append_new(metrics, metric_row(&n->v.metrics[i]));
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:b, s:o, s:o}", "name", n->row.name, "virt", n->row.virt, "verdict",
			 n->v.n ? vp_verdict_name(n->v.verdict) : "", "run", n->v.n ? n->v.run : "", "object", n->v.n ? n->v.object : "", "metrics",
			 metrics, "measured", n->v.n > 0, "phases", phases(&n->phases, longest), "seconds",
			 json_sprintf("%.0f", seconds_of(&n->phases)));
}

static json_t *published(struct vp_arena *a, const struct vp_samples *samples)
{
	struct vp_comparisons virt;
	json_t *list = json_array();

	vp_compare(a, samples, "virt", &virt);
	for (size_t i = 0; i < vp_published_n; i++) {
		const struct vp_published *p = &vp_published[i];

		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:s}", "source", p->source, "metric", p->metric, "virt",
						      p->virt, "benchmark", p->benchmark, "setup", p->setup, "loss", json_sprintf("%g %%", p->low),
						      "verdict", vp_published_verdict(a, p, &virt)));
	}
	return list;
}

/* Whether any sample is of software emulation, whose speeds say nothing of real machines. */
static bool emulated(struct vp_arena *a, const struct vp_samples *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(vp_compare_value(a, &s->items[i], "virt"), "qemu"))
			return true;
	return false;
}

json_t *vp_report_page(struct vp_arena *a, const struct vp_report *r)
{
	json_t *charts = json_array(), *nodes = json_array(), *curves;
	struct vp_comparisons c;
	double longest = 1;
	bool timed = false;

	vp_compare(a, r->samples, r->by, &c);
	/* What was measured together has figures of its own; a share of next to no drift says nothing. */
	for (size_t i = 0; i < c.n; i++)
		if ((strncmp(c.items[i].metric, "together.", 9) != 0 || !strcmp(r->by, "vms")) && strncmp(c.items[i].metric, "clock.", 6) != 0)
			json_array_append_new(charts, chart(&c.items[i], r->by));
	for (size_t i = 0; i < r->n; i++) {
		longest = fmax(longest, seconds_of(&r->nodes[i].phases));
		timed = timed || r->nodes[i].phases.n;
	}
	for (size_t i = 0; i < r->n; i++)
		json_array_append_new(nodes, node_part(&r->nodes[i], longest));
	curves = vp_report_curves(a, r->samples);
	return json_pack("{s:s, s:s, s:s, s:s, s:b, s:b, s:o, s:o, s:o, s:o, s:b, s:o, s:i}", "time", r->time, "machine",
			 vp_proof_get(a, r->host, "machine"), "kernel", vp_proof_get(a, r->host, "host_kernel"), "version", VP_VERSION, "emulated",
			 emulated(a, r->samples), "timed", timed, "charts", charts, "nodes", nodes, "strips", strips(a, r->samples), "published",
			 published(a, r->samples), "together", json_array_size(curves) > 0, "curves", curves, "samples", (int)r->samples->n);
}

/* --- For programs --- */

void vp_report_csv(struct vp_arena *a, const struct vp_report *r, struct vp_buf *out)
{
	static const char *const keys[] = { "virt", "disk_driver", "disk_format", "nic_driver", "cpus", "memory_mib", "kernel", "machine" };

	vp_buf_adds(out, "node,run,metric,value,unit,less_is_better,judged_bad,key,work");
	for (size_t i = 0; i < vp_count(keys); i++)
		vp_buf_addf(out, ",%s", keys[i]);
	vp_buf_adds(out, "\n");
	for (size_t i = 0; i < r->samples->n; i++) {
		const struct vp_sample *s = &r->samples->items[i];

		vp_buf_addf(out, "%s,%s,%s,%.9g,%s,%d,%d,%s,%s", s->node, s->run, s->metric, s->value, s->unit, s->less, s->bad, s->key, s->work);
		for (size_t k = 0; k < vp_count(keys); k++) {
			char *value = vp_strdup(a, vp_proof_get(a, s->env, keys[k]));

			/* Names of processors have commas. */
			for (char *p = value; *p; p++)
				*p = *p == ',' || *p == '"' ? ' ' : *p;
			vp_buf_addf(out, ",%s", value);
		}
		vp_buf_adds(out, "\n");
	}
}

json_t *vp_report_json(struct vp_arena *a, const struct vp_report *r)
{
	json_t *nodes = json_array(), *samples = json_array();
	struct vp_comparisons c;

	vp_compare(a, r->samples, r->by, &c);
	for (size_t i = 0; i < r->n; i++)
		if (r->nodes[i].v.n)
			json_array_append_new(nodes, vp_verify_json(&r->nodes[i].v));
	for (size_t i = 0; i < r->samples->n; i++) {
		const struct vp_sample *s = &r->samples->items[i];

		json_array_append_new(samples, json_pack("{s:s, s:s, s:s, s:f, s:s, s:b, s:b, s:s, s:s, s:s}", "node", s->node, "run", s->run,
							 "metric", s->metric, "value", s->value, "unit", s->unit, "less", s->less, "bad", s->bad,
							 "key", s->key, "work", s->work, "environment", s->env));
	}
	return json_pack("{s:s, s:s, s:o, s:o, s:o}", "time", r->time, "version", VP_VERSION, "nodes", nodes, "comparison", vp_compare_json(&c),
			 "samples", samples);
}

json_t *vp_report_hep(struct vp_arena *a, const struct vp_report *r)
{
	const struct vp_report_node *n = &r->nodes[0];
	const char *machine = vp_proof_get(a, r->host, "machine");
	json_t *profiles = json_object();

	for (size_t i = 0; i < n->v.n; i++) {
		const struct vp_metric *m = &n->v.metrics[i];

		if (m->nsamples && m->verdict != VP_VOID)
			json_object_set_new(profiles, m->name,
					    json_pack("{s:f, s:s, s:s, s:i}", "score", m->value, "unit", m->unit, "status",
						      m->verdict == VP_FAIL ? "failed" : "success", "runs", (int)m->nsamples));
	}
	return json_pack("{s:s, s:s, s:s, s:{s:s, s:s, s:{s:{s:s, s:s}, s:{s:b}}}, s:{s:s}, s:o}", "_id", n->v.n ? n->v.run : "", "_timestamp",
			 r->time, "json_version", "3.1", "host", "hostname", n->row.name, "ip", n->row.ip, "HW", "CPU", "CPU_Model", machine,
			 "Architecture", "x86_64", "SYSTEM", "isVM", strcmp(n->row.virt, "host") != 0, "suite", "version", "vprov " VP_VERSION,
			 "profiles", profiles);
}
