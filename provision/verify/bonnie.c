// SPDX-License-Identifier: Apache-2.0
/*
 * bonnie++ -q: a row of CSV for each run. The number of fields tells the format: 27 up to 1.03e, 48 from 1.93c to 1.97, 50 since 1.98, which added
 * two on seeks. Its own header (-x) has 48 names over 50 fields, so names are not relied on.
 */
#include <math.h>
#include <string.h>

#include "tools.h"

/* Figures come in pairs with a percentage of CPU, which is no share of anything and may exceed 100. */
static const struct layout {
	size_t fields;
	/* What its first field begins with: the version of the format, once there was one. */
	const char *version;
	/* Of the size of the file, the first of six figures on data, the first of six on files. */
	size_t size, data, files;
} layouts[] = { { 27, "", 1, 2, 15 }, { 48, "1.9", 5, 7, 24 }, { 50, "1.9", 5, 9, 26 } };

/* A line with so many commas is meant to be a row. */
#define ROW_COMMAS 3

static bool is_row(const char *line)
{
	size_t commas = 0;

	if (!strncmp(line, "format_version,", 15))
		return false;
	for (const char *p = line; *p && *p != '\n'; p++)
		commas += *p == ',';
	return commas >= ROW_COMMAS;
}

/* A row that was cut may end in the middle of a number: only the line's end says that it is whole. */
static bool is_whole(const char *line)
{
	return line[strcspn(line, "\n")] == '\n';
}

/* bonnie++ prints pluses for a phase of less than half a second: not measured, not zero. An empty one was not asked for. */
static int figure(struct vp_reading *r, const char *name, const char *unit, struct vp_field f, struct vp_err *err)
{
	char rest;
	double v = NAN;

	if (!f.len)
		return 0;
	if (strspn(f.text, "+") < f.len) {
		v = vp_field_number(f, &rest);
		if (isnan(v) || rest)
			return vp_fail(err, VP_E_VERIFY, "'%s' for %s is no figure", vp_printable(r->arena, vp_strndup(r->arena, f.text, f.len), 40),
				       name);
	}
	return vp_figure_add(r, name, unit, v, false, err);
}

static int file_size(struct vp_reading *r, struct vp_field f, struct vp_err *err)
{
	char unit;
	double n;

	/* -s 0: no data was written. */
	if (!f.len)
		return 0;
	n = vp_field_number(f, &unit);
	if (isnan(n) || (unit && !strchr("kKmMgG", unit)))
		return vp_fail(err, VP_E_VERIFY, "'%s' is no size of a file", vp_printable(r->arena, vp_strndup(r->arena, f.text, f.len), 40));
	r->with = vp_printf(r->arena, "file=%.*s", (int)f.len, f.text);
	return 0;
}

static int row(struct vp_reading *r, const char *line, struct vp_err *err)
{
	static const char *const data[] = { "putc", "put_block", "rewrite", "getc", "get_block", "seeks" };
	static const char *const files[] = { "seq_create", "seq_stat", "seq_del", "ran_create", "ran_stat", "ran_del" };
	struct vp_field f[50];
	size_t n = vp_fields(line, f, vp_count(f)), i = 0;

	while (i < vp_count(layouts) && layouts[i].fields != n)
		i++;
	if (i == vp_count(layouts))
		return vp_fail(err, VP_E_VERIFY, "a row has 27, 48 or 50 fields, this one %s%zu", n > vp_count(f) ? "at least " : "", n);
	if (strncmp(line, layouts[i].version, strlen(layouts[i].version)) != 0)
		return vp_fail(err, VP_E_VERIFY, "a row of format '%s'", vp_printable(r->arena, vp_strndup(r->arena, line, f[0].len), 20));
	if (file_size(r, f[layouts[i].size], err))
		return -1;
	for (size_t k = 0; k < vp_count(data); k++)
		if (figure(r, data[k], k == 5 ? "1/s" : "KiB/s", f[layouts[i].data + 2 * k], err))
			return -1;
	for (size_t k = 0; k < vp_count(files); k++)
		if (figure(r, files[k], "1/s", f[layouts[i].files + 2 * k], err))
			return -1;
	return 0;
}

int vp_tool_bonnie(const struct vp_asked *asked, const char *text, struct vp_reading *out, struct vp_err *err)
{
	size_t rows = 0;
	const char *with = "";

	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		if (!is_row(line))
			continue;
		if (!is_whole(line))
			return vp_fail(err, VP_E_VERIFY, "its last row is cut short");
		if (row(out, line, err))
			return -1;
		if (rows && strcmp(with, out->with) != 0)
			return vp_fail(err, VP_E_VERIFY, "rows of different tests: %s, %s", with, out->with);
		with = out->with;
		rows++;
	}
	if (!rows)
		return vp_fail(err, VP_E_VERIFY, "no row of figures");
	if (asked->streams && rows != asked->streams)
		return vp_fail(err, VP_E_VERIFY, "%zu rows of %u", rows, asked->streams);
	return out->n ? 0 : vp_fail(err, VP_E_VERIFY, "it was asked to measure nothing");
}
