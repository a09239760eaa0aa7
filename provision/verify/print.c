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
	{ "METRIC", 0 }, { "VALUE", SCOLS_FL_RIGHT }, { "UNIT", 0 }, { "N", SCOLS_FL_RIGHT }, { "VERDICT", 0 }, { "REASON", SCOLS_FL_WRAP },
};

/* Four figures, in the unit that keeps them short. */
static void human(const struct vp_metric *m, char *value, size_t size, const char **unit)
{
	static const struct {
		const char *from, *to;
		double factor;
	} larger[] = { { "KiB/s", "MiB/s", 1024 }, { "MiB/s", "GiB/s", 1024 }, { "Mbit/s", "Gbit/s", 1000 } };
	double v = m->value;

	*unit = m->unit;
	for (size_t i = 0; i < vp_count(larger); i++)
		if (v >= larger[i].factor && !strcmp(*unit, larger[i].from)) {
			v /= larger[i].factor;
			*unit = larger[i].to;
		}
	if (isnan(v))
		snprintf(value, size, "-");
	else
		snprintf(value, size, "%.*f", v < 10 ? 3 : v < 100 ? 2 : v < 1000 ? 1 : 0, v);
}

static void add_line(struct libscols_table *t, const struct vp_metric *m)
{
	struct libscols_line *line = scols_table_new_line(t, NULL);
	const char *unit;
	char value[32], n[24];

	human(m, value, sizeof(value), &unit);
	snprintf(n, sizeof(n), "%zu", m->nsamples);
	scols_line_set_data(line, 0, m->name);
	scols_line_set_data(line, 1, value);
	scols_line_set_data(line, 2, unit);
	scols_line_set_data(line, 3, n);
	scols_line_set_data(line, 4, vp_verdict_name(m->verdict));
	scols_line_set_data(line, 5, m->reason);
	scols_cell_set_color(scols_line_get_cell(line, 4), verdicts[m->verdict].color);
}

void vp_verify_print(const struct vp_verification *v, FILE *f)
{
	struct libscols_table *t = scols_new_table();

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

static json_t *metric_json(const struct vp_metric *m)
{
	json_t *samples = json_array();

	for (size_t i = 0; i < m->nsamples; i++)
		json_array_append_new(samples, json_real(m->samples[i]));
	/* low, high and loss need a baseline: null until there is one. */
	return json_pack("{s:s, s:s, s:o, s:n, s:n, s:n, s:s, s:s, s:o}", "name", m->name, "unit", m->unit, "value",
			 isnan(m->value) ? json_null() : json_real(m->value), "low", "high", "loss", "verdict", vp_verdict_name(m->verdict), "reason",
			 m->reason, "samples", samples);
}

json_t *vp_verify_json(const struct vp_verification *v)
{
	json_t *metrics = json_array();

	for (size_t i = 0; i < v->n; i++)
		json_array_append_new(metrics, metric_json(&v->metrics[i]));
	return json_pack("{s:s, s:s, s:s, s:s, s:o}", "name", v->node, "run", v->run, "verdict", vp_verdict_name(v->verdict), "measured", v->object,
			 "metrics", metrics);
}
