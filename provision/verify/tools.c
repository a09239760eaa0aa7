// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools.h"

static const struct {
	const char *name;
	vp_tool_fn *parse;
} tools[] = {
	{ "bonnie", vp_tool_bonnie }, { "iperf2", vp_tool_iperf2 }, { "iperf3", vp_tool_iperf3 },
	{ "fio", vp_tool_fio },	      { "hs06", vp_tool_hs06 },	    { "hepscore", vp_tool_hepscore },
	{ "cpu", vp_tool_cpu },	      { "lines", vp_tool_lines },   { "clock", vp_tool_clock },
};

size_t vp_fields(const char *line, struct vp_field *out, size_t max)
{
	size_t n = 0;

	for (const char *p = line;; p++) {
		size_t len = strcspn(p, ",\r\n");

		if (n == max)
			return max + 1;
		out[n++] = (struct vp_field){ p, len };
		p += len;
		if (*p != ',')
			return n;
	}
}

double vp_field_number(struct vp_field f, char *rest)
{
	char text[64], *end;
	double v;

	*rest = '\0';
	/* strtod() would take hexadecimal ones, and words. */
	if (!f.len || f.len >= sizeof(text) || strspn(f.text, "0123456789.eE+-") + 1 < f.len || f.text[0] < '0' || f.text[0] > '9')
		return NAN;
	memcpy(text, f.text, f.len);
	text[f.len] = '\0';
	v = strtod(text, &end);
	*rest = *end;
	return isfinite(v) && (!*end || !end[1]) ? v : NAN;
}

int vp_figure_add(struct vp_reading *r, const char *name, const char *unit, double value, bool less, struct vp_err *err)
{
	if (!isnan(value) && (!(value > 0) || isinf(value)))
		return vp_fail(err, VP_E_VERIFY, "%s: %g is no figure", name, value);
	r->items = vp_grow_in(r->arena, r->items, r->n, &r->cap, sizeof(*r->items));
	r->items[r->n++] = (struct vp_figure){ name, unit, value, less };
	return 0;
}

const struct vp_figure *vp_reading_find(const struct vp_reading *r, const char *name)
{
	for (size_t i = 0; i < r->n; i++)
		if (!strcmp(r->items[i].name, name))
			return &r->items[i];
	return NULL;
}

bool vp_tool_known(const char *tool)
{
	for (size_t i = 0; i < vp_count(tools); i++)
		if (!strcmp(tools[i].name, tool))
			return true;
	return false;
}

int vp_tool_read(struct vp_arena *a, const char *tool, const struct vp_asked *asked, const char *text, struct vp_reading *out, struct vp_err *err)
{
	static const struct vp_asked nothing = { 0 };
	size_t i = 0;

	*out = (struct vp_reading){ .arena = a, .with = "" };
	while (i < vp_count(tools) && strcmp(tools[i].name, tool) != 0)
		i++;
	if (i == vp_count(tools))
		return vp_fail(err, VP_E_BUG, "there is no parser for '%s'", tool);
	if (!text[strspn(text, " \t\r\n")])
		return vp_fail(err, VP_E_VERIFY, "%s: it printed nothing", tool);
	if (!tools[i].parse(asked ? asked : &nothing, text, out, err))
		return 0;
	out->n = 0;
	return vp_context(err, "%s", tool);
}
