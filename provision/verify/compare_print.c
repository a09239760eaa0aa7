// SPDX-License-Identifier: Apache-2.0
#include <libsmartcols.h>
#include <math.h>
#include <string.h>

#include "compare.h"
#include "verify.h"

static const char *const columns[] = { "", "N", "MEDIAN", "UNIT", "CV", "LOSS", "RANK" };

static void loss_of(const struct vp_group *g, char *text, size_t size)
{
	if (g->reference)
		snprintf(text, size, "reference");
	else if (isinf(g->against.low) || isinf(g->against.high))
		snprintf(text, size, "%.1f %% [?]", 100 * g->against.loss);
	else
		snprintf(text, size, "%.1f %% [%.1f, %.1f]", 100 * g->against.loss, 100 * g->against.low, 100 * g->against.high);
}

static void add_group(struct libscols_table *t, const struct vp_comparison *c, const struct vp_group *g)
{
	struct libscols_line *line = scols_table_new_line(t, NULL);
	const char *unit;
	char n[24], median[32], cv[24] = "-", loss[64], rank[16] = "-";

	snprintf(n, sizeof(n), "%zu", g->n);
	unit = vp_verify_human(g->median, c->unit, median, sizeof(median));
	if (!isnan(g->cv))
		snprintf(cv, sizeof(cv), "%.1f %%", 100 * g->cv);
	loss_of(g, loss, sizeof(loss));
	if (g->rank)
		snprintf(rank, sizeof(rank), "%u", g->rank);
	scols_line_set_data(line, 0, g->label);
	scols_line_set_data(line, 1, n);
	scols_line_set_data(line, 2, median);
	scols_line_set_data(line, 3, unit);
	scols_line_set_data(line, 4, cv);
	scols_line_set_data(line, 5, loss);
	scols_line_set_data(line, 6, rank);
}

static void print_one(const struct vp_comparison *c, const char *by, FILE *f)
{
	struct libscols_table *t = scols_new_table();

	fprintf(f, "%s by %s\n", c->metric, by);
	for (size_t i = 0; i < vp_count(columns); i++)
		scols_table_new_column(t, i ? columns[i] : by, 0, i && i != 3 ? SCOLS_FL_RIGHT : 0);
	scols_table_set_stream(t, f);
	for (size_t i = 0; i < c->n; i++)
		add_group(t, c, &c->groups[i]);
	scols_print_table(t);
	scols_unref_table(t);
	for (size_t i = 0; i < c->n; i++)
		if (c->groups[i].odd)
			fprintf(f, "odd one out: %s, %.1f robust standard deviations from the others\n", c->groups[i].label, c->groups[i].z);
	if (*c->also)
		fprintf(f, "not only %s differs: also %s\n", by, c->also);
	fputc('\n', f);
}

void vp_compare_print(const struct vp_comparisons *c, FILE *f)
{
	for (size_t i = 0; i < c->n; i++)
		print_one(&c->items[i], c->by, f);
	if (c->n)
		fputs("A group without a rank cannot be told from another one (95 %, all pairs together), or it or the other was measured in one "
		      "session only:\n"
		      "then the hour and its load may make the difference.\n",
		      f);
}

static json_t *number(double v)
{
	return isfinite(v) ? json_real(v) : json_null();
}

static json_t *group_json(const struct vp_group *g)
{
	json_t *samples = json_array();

	for (size_t i = 0; i < g->n; i++)
		json_array_append_new(samples, json_real(g->x[i]));
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:b, s:o}", "label", g->label, "median", number(g->median), "cv", number(g->cv),
			 "loss", g->reference ? json_null() : number(g->against.loss), "low", g->reference ? json_null() : number(g->against.low),
			 "high", g->reference ? json_null() : number(g->against.high), "reference", g->reference, "rank",
			 g->rank ? json_integer(g->rank) : json_null(), "odd", g->odd, "samples", samples);
}

json_t *vp_compare_json(const struct vp_comparisons *c)
{
	json_t *list = json_array();

	for (size_t i = 0; i < c->n; i++) {
		json_t *groups = json_array();

		for (size_t k = 0; k < c->items[i].n; k++)
			json_array_append_new(groups, group_json(&c->items[i].groups[k]));
		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:b, s:s, s:s, s:o}", "metric", c->items[i].metric, "unit", c->items[i].unit, "less",
						c->items[i].less, "work", c->items[i].work, "also", c->items[i].also, "groups", groups));
	}
	return json_pack("{s:s, s:o}", "by", c->by, "metrics", list);
}
