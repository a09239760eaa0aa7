// SPDX-License-Identifier: Apache-2.0
/* Input: what guests that worked together may tell, one after the other, with lines "---" between them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../../provision/verify/together.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char proof[] = "disk=vda\n";
	struct vp_arena *a = vp_arena_new();
	struct vp_part parts[4] = { 0 };
	struct vp_result items[4][2];
	struct vp_results raw[4];
	struct vp_together t;
	const char *at = vp_strndup(a, (const char *)data, size), *end;
	json_t *expect = json_pack("{s:s}", "virt", "host");
	size_t n = 0;

	for (; n < vp_count(parts) && at; n++, at = end ? end + 5 : NULL) {
		end = strstr(at, "\n---\n");
		items[n][0] = (struct vp_result){ .run = "r", .name = "proof", .data = proof, .len = strlen(proof) };
		items[n][1] = (struct vp_result){ .run = "r", .name = "together", .data = at, .len = end ? (size_t)(end - at) + 1 : strlen(at) };
		raw[n] = (struct vp_results){ .items = items[n], .n = 2 };
		parts[n] = (struct vp_part){ .node = "n", .raw = &raw[n], .expect = expect };
	}
	vp_together_judge(a, "r", "cpu", parts, n, &t);
	/* A figure or a reason, and the figures fit. */
	must(t.verdict == VP_PASS ? !*t.reason && t.total > 0 && isfinite(t.total) && t.overlap <= 1.0001 && t.fairness <= 1.0001
				  : t.reason[0] != '\0');
	for (size_t i = 0; i < n; i++)
		must(isfinite(parts[i].rate) && isfinite(parts[i].alone));
	json_decref(vp_together_json(&t));
	json_decref(expect);
	vp_arena_free(a);
	return 0;
}
