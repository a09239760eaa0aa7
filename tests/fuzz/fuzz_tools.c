// SPDX-License-Identifier: Apache-2.0
/* Input: a line with the name of a tool, then its output. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../../provision/verify/tools.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct vp_asked asked[] = { { 0 }, { .seconds = 10, .streams = 1, .port = 5001, .bits = 32 } };
	struct vp_arena *a = vp_arena_new();
	char *text = vp_strndup(a, (const char *)data, size), *end = strchr(text, '\n');

	for (size_t k = 0; end && k < vp_count(asked); k++) {
		struct vp_reading r;
		struct vp_err err = { 0 };
		int rc;

		*end = '\0';
		rc = vp_tool_read(a, text, &asked[k], end + 1, &r, &err);
		/* Figures or a reason, never both, never neither. */
		must(rc ? !r.n && err.msg[0] : r.n && r.with);
		for (size_t i = 0; i < r.n; i++)
			must(r.items[i].name[0] && r.items[i].unit[0] &&
			     (isnan(r.items[i].value) || (r.items[i].value > 0 && isfinite(r.items[i].value))));
	}
	vp_arena_free(a);
	return 0;
}
