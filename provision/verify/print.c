// SPDX-License-Identifier: Apache-2.0
#include <libsmartcols.h>
#include <math.h>
#include <string.h>

#include "verify.h"

static const struct {
	const char *name, *color;
} verdicts[] = {
	[VP_PASS] = { "pass", "green" },
	[VP_FAIL] = { "fail", "red" },
	[VP_INCONCLUSIVE] = { "inconclusive", "yellow" },
	[VP_VOID] = { "void", "red" },
};

const char *vp_verdict_name(enum vp_verdict v)
{
	return verdicts[v].name;
}

static const struct column {
	const char *name;
	int flags;
} columns[] = {
	{ "METRIC", 0 },  { "VALUE", SCOLS_FL_RIGHT }, { "UNIT", 0 }, { "N", SCOLS_FL_RIGHT }, { "LOSS", SCOLS_FL_RIGHT }, { "AGAINST", 0 },
	{ "VERDICT", 0 }, { "REASON", SCOLS_FL_WRAP },
};

const char *vp_verify_human(double v, const char *unit, char *value, size_t size)
{
	static const struct {
		const char *from, *to;
		double factor;
	} larger[] = { { "KiB/s", "MiB/s", 1024 }, { "MiB/s", "GiB/s", 1024 }, { "Mbit/s", "Gbit/s", 1000 } };

	for (size_t i = 0; i < vp_count(larger); i++)
		if (v >= larger[i].factor && !strcmp(unit, larger[i].from)) {
			v /= larger[i].factor;
			unit = larger[i].to;
		}
	if (isnan(v))
		snprintf(value, size, "-");
	else
		snprintf(value, size, "%.*f", v < 10 ? 3 : v < 100 ? 2 : v < 1000 ? 1 : 0, v);
	return unit;
}

/* "3.4 % [2.9, 4.0]"; without an interval where there are too few runs for one. */
static void loss_text(const struct vp_metric *m, char *text, size_t size)
{
	const struct vp_compared *c = &m->compared;

	if (!m->nbase)
		snprintf(text, size, "-");
	else if (isinf(c->low) || isinf(c->high))
		snprintf(text, size, "%.1f %% [?]", 100 * c->loss);
	else
		snprintf(text, size, "%.1f %% [%.1f, %.1f]", 100 * c->loss, 100 * c->low, 100 * c->high);
}

static void add_line(struct libscols_table *t, const struct vp_metric *m)
{
	struct libscols_line *line = scols_table_new_line(t, NULL);
	const char *unit;
	char value[32], n[24], loss[64], base[96];

	unit = vp_verify_human(m->value, m->unit, value, sizeof(value));
	snprintf(n, sizeof(n), "%zu", m->nsamples);
	loss_text(m, loss, sizeof(loss));
	if (m->nbase)
		snprintf(base, sizeof(base), "%s, n=%zu", m->base, m->nbase);
	else
		snprintf(base, sizeof(base), "-");
	scols_line_set_data(line, 0, m->name);
	scols_line_set_data(line, 1, value);
	scols_line_set_data(line, 2, unit);
	scols_line_set_data(line, 3, n);
	scols_line_set_data(line, 4, loss);
	scols_line_set_data(line, 5, base);
	scols_line_set_data(line, 6, vp_verdict_name(m->verdict));
	scols_line_set_data(line, 7, m->reason);
	scols_cell_set_color(scols_line_get_cell(line, 6), verdicts[m->verdict].color);
}

void vp_verify_print(const struct vp_verification *v, FILE *f)
{
	struct libscols_table *t = scols_new_table();

	if (v->nruns > 1)
		fprintf(f, "%s  %zu runs %s: %s\n", v->node, v->nruns, v->run, vp_verdict_name(v->verdict));
	else
		fprintf(f, "%s  run %s: %s\n", v->node, v->run, vp_verdict_name(v->verdict));
	if (*v->object)
		fprintf(f, "measured: %s\n", v->object);
	for (size_t i = 0; i < vp_count(columns); i++)
		scols_table_new_column(t, columns[i].name, 0, columns[i].flags);
	scols_table_enable_colors(t, vp_out.color);
	scols_table_set_stream(t, f);
	for (size_t i = 0; i < v->n; i++)
		add_line(t, &v->metrics[i]);
	scols_print_table(t);
	scols_unref_table(t);
}

static json_t *figure(double v)
{
	return isfinite(v) ? json_real(v) : json_null();
}

static json_t *figures(const double *x, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_real(x[i]));
	return list;
}

static json_t *metric_json(const struct vp_metric *m)
{
	const struct vp_compared *c = &m->compared;
	bool base = m->nbase > 0;

	return json_pack("{s:s, s:s, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:s, s:s, s:s, s:o, s:s, s:o, s:o}", "name", m->name, "unit", m->unit,
			 "value", figure(m->value), "less", m->less, "loss", base ? figure(c->loss) : json_null(), "low",
			 base ? figure(c->low) : json_null(), "high", base ? figure(c->high) : json_null(), "welch",
			 base ? json_pack("[o, o]", figure(c->welch_low), figure(c->welch_high)) : json_null(), "tolerance", figure(m->tolerance),
			 "key", m->key, "verdict", vp_verdict_name(m->verdict), "reason", m->reason, "samples", figures(m->samples, m->nsamples),
			 "baseline", m->base, "baseline_samples", figures(m->base_samples, m->nbase), "left",
			 figure(m->left ? vp_stat_median(m->left, m->nsamples) : NAN));
}

json_t *vp_verify_json(const struct vp_verification *v)
{
	json_t *metrics = json_array();

	for (size_t i = 0; i < v->n; i++)
		json_array_append_new(metrics, metric_json(&v->metrics[i]));
	return json_pack("{s:s, s:s, s:s, s:s, s:o}", "name", v->node, "run", v->run, "verdict", vp_verdict_name(v->verdict), "measured", v->object,
			 "metrics", metrics);
}
