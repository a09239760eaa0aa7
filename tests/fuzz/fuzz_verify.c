// SPDX-License-Identifier: Apache-2.0
/* Input: what a guest may send: its results one after the other, with lines "---" between them. */
#include <stdlib.h>
#include <string.h>

#include "../../provision/verify/verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void check(const struct vp_verification *v)
{
	json_t *j = vp_verify_json(v);
	enum vp_verdict worst = VP_PASS;

	for (size_t i = 0; i < v->n; i++) {
		const struct vp_metric *m = &v->metrics[i];

		/* A verdict that is no pass says why; a pass has a figure. */
		must(m->verdict == VP_PASS ? m->nsamples && m->value > 0 : m->reason[0]);
		worst = m->verdict == VP_PASS ? worst : m->verdict;
	}
	must((v->verdict == VP_PASS) == (worst == VP_PASS));
	must(json_array_size(json_object_get(j, "metrics")) == v->n);
	json_decref(j);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "proof", "cpu", "bonnie", "iperf3_send", "iperf3_receive", "timings" };
	struct vp_arena *a = vp_arena_new();
	struct vp_result items[vp_count(names)] = { 0 };
	struct vp_results raw = { .items = items };
	struct vp_verification v = { 0 };
	const char *at = vp_strndup(a, (const char *)data, size), *end;
	json_t *expect =
		json_pack("{s:s, s:s, s:i, s:i, s:[{s:s, s:s, s:i}], s:[{s:s, s:s}]}", "hostname", "n", "virt", "qemu", "vcpus", 1, "memory_mib", 512,
			  "disks", "target", "vda", "bus", "virtio", "size_mib", 1, "nics", "mac", "02:00:00:00:00:01", "model", "virtio");

	while (raw.n < vp_count(names) && at) {
		end = strstr(at, "\n---\n");
		items[raw.n] = (struct vp_result){ .run = "r", .name = names[raw.n], .data = at, .len = end ? (size_t)(end - at) + 1 : strlen(at) };
		raw.n++;
		at = end ? end + 5 : NULL;
	}
	vp_verify_judge(a, "n", &raw, expect, NULL, &v);
	check(&v);
	json_decref(expect);
	vp_arena_free(a);
	return 0;
}
