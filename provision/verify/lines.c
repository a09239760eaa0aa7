// SPDX-License-Identifier: Apache-2.0
/* A site's own test: lines "NAME VALUE UNIT", with "less" behind them where a smaller value is the better one, and "end" last. */
#include <math.h>
#include <string.h>

#include "tools.h"

static int line_of(struct vp_reading *out, const char *line, struct vp_err *err)
{
	char name[64], value[64], unit[32], word[8] = "", more;
	int n = sscanf(line, "%63[a-zA-Z0-9_-] %63s %31s %7s %c", name, value, unit, word, &more);
	struct vp_field f = { value, n > 1 ? strlen(value) : 0 };
	char rest;
	double v = n > 1 ? vp_field_number(f, &rest) : NAN;

	if (n < 3 || n > 4 || (n == 4 && strcmp(word, "less") != 0) || isnan(v) || rest)
		return vp_fail(err, VP_E_VERIFY, "'%s' is not NAME VALUE UNIT [less]", vp_printable(out->arena, line, 60));
	return vp_figure_add(out, vp_strdup(out->arena, name), vp_strdup(out->arena, unit), v, n == 4, err);
}

int vp_tool_lines(const struct vp_asked *asked, const char *text, struct vp_reading *out, struct vp_err *err)
{
	char *copy = vp_strdup(out->arena, text), *save = NULL;
	bool ended = false;

	(void)asked;
	for (char *line = strtok_r(copy, "\r\n", &save); line; line = strtok_r(NULL, "\r\n", &save)) {
		if (ended)
			return vp_fail(err, VP_E_VERIFY, "something follows its end");
		ended = !strcmp(line, "end");
		if (!ended && line_of(out, line, err))
			return -1;
	}
	if (!ended)
		return vp_fail(err, VP_E_VERIFY, "it has no end");
	return out->n ? 0 : vp_fail(err, VP_E_VERIFY, "no figure");
}
