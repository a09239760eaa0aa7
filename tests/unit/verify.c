// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The kernel that runs in nodes, built here as it is there. */
#include "../../provision/guest/cpu.c" // NOLINT(bugprone-suspicious-include)
#include "../../provision/verify/tools.h"
#include "../../provision/verify/verify.h"

static struct vp_arena *arena;

static const char *env(const char *name, const char *fallback)
{
	const char *s = getenv(name);

	return s && *s ? s : fallback;
}

/* Text of a file; NULL where there is none. */
static const char *slurp(const char *path)
{
	struct vp_buf b = { 0 };
	struct vp_err err = { 0 };
	const char *text = NULL;

	if (!vp_read_file(path, 1u << 20, &b, &err))
		text = vp_strdup(arena, vp_buf_str(&b));
	vp_buf_free(&b);
	return text;
}

static const char *golden(const char *name)
{
	return vp_printf(arena, "%s/tests/golden/verify/%s", env("VP_TOP", "."), name);
}

static int setup(void **state)
{
	(void)state;
	arena = vp_arena_new();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	vp_arena_free(arena);
	return 0;
}

static void assert_close(double got, double want)
{
	assert_true(fabs(got - want) <= fabs(want) * 1e-9);
}

/* --- CPU kernel --- */

static void test_cpu_kernel(void **state)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);
	struct vp_reading r;
	struct vp_err err;

	(void)state;
	assert_int_equal(vp_guest_cpu(f, 2), 0);
	fclose(f);
	assert_int_equal(strncmp(strstr(text, "checksum=") + 9, VP_CPU_CHECKSUM "\n", sizeof(VP_CPU_CHECKSUM)), 0);
	/* Whether it was disturbed meanwhile is not for us to say. */
	if (vp_tool_read(arena, "cpu", NULL, text, &r, &err))
		assert_non_null(strstr(err.msg, "shared"));
	else
		assert_in_range(r.n, 1, 2);
	free(text);
}

/* --- The judge --- */

/* One text of a run changed: what becomes of the verdict. from NULL: the result did not arrive. */
struct change {
	const char *result, *from, *to;
	enum vp_verdict verdict;
	/* The metric that says why (NULL: any) and words of its reason. */
	const char *metric, *reason;
};

static const char *replaced(const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);

	assert_non_null(at);
	return vp_printf(arena, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
}

static void judge_run(const struct change *c, struct vp_verification *out)
{
	static const char *const names[] = { "proof", "cpu", "bonnie", "iperf3_send", "iperf3_receive", "timings" };
	struct vp_result items[vp_count(names)];
	struct vp_results raw = { .items = items };
	const char *node = slurp(golden("pass/node.json"));
	json_t *expect;

	if (c && !strcmp(c->result, "node"))
		node = replaced(node, c->from, c->to);
	expect = json_loads(node, 0, NULL);
	assert_non_null(expect);
	for (size_t i = 0; i < vp_count(names); i++) {
		const char *text = slurp(golden(vp_printf(arena, "pass/%s", names[i])));

		assert_non_null(text);
		if (c && !strcmp(c->result, names[i])) {
			if (!c->from)
				continue;
			text = replaced(text, c->from, c->to);
		}
		items[raw.n++] = (struct vp_result){ .run = "20261121T210000Z", .name = names[i], .data = text, .len = strlen(text) };
	}
	vp_verify_judge(arena, "ce01.example.org", &raw, expect, out);
	json_decref(expect);
}

static void test_judge_changes(void **state)
{
	static const struct change changes[] = {
		{ "proof", "disk=vda", "disk=", VP_VOID, NULL, "on no disk" },
		{ "proof", "disk=vda", "disk=vdb", VP_VOID, NULL, "on vdb, not on vda" },
		{ "proof", "disk_bytes=4294967296", "disk_bytes=1073741824", VP_VOID, NULL, "1024 MiB, not 4096" },
		{ "proof", "disk_driver=virtio_blk", "disk_driver=ata_piix", VP_VOID, NULL, "ata_piix" },
		{ "proof", "nic_driver=virtio_net", "nic_driver=e1000", VP_VOID, NULL, "e1000" },
		{ "proof", "mac=52:54:00:0a:0b:0c", "mac=52:54:00:0A:0B:0C", VP_PASS, NULL, "" },
		{ "proof", "mac=52:54:00:0a:0b:0c", "mac=52:54:00:00:00:01", VP_VOID, NULL, "none of its own" },
		{ "proof", "mac=52:54:00:0a:0b:0c", "mac=52:54:00:0a:0b:0d", VP_VOID, NULL, "not by e1000" },
		{ "proof", "hypervisor=TCGTCGTCGTCG", "hypervisor=KVMKVMKVM", VP_VOID, NULL, "not qemu" },
		{ "proof", "hostname=ce01", "hostname=localhost", VP_VOID, NULL, "localhost" },
		{ "proof", "cpus=1", "cpus=2", VP_VOID, NULL, "2 CPUs, not 1" },
		{ "proof", "memory_kib=1007584", "memory_kib=503792", VP_VOID, NULL, "491 MiB of memory, not 1024" },
		{ "proof", NULL, NULL, VP_VOID, NULL, "no proof" },
		{ "node", "\"qemu\"", "\"xen-hvm\"", VP_VOID, NULL, "xen-hvm" },
		{ "cpu", "lap=3 iterations=1250000 wall=0.790000000 cpu=0.789000000 checksum=277485097.246616",
		  "lap=3 iterations=1250000 wall=0.790000000 cpu=0.789000000 checksum=277485097.246617", VP_FAIL, "cpu.variates",
		  "computes wrongly" },
		{ "cpu", "wall=0.82", "wall=2.82", VP_PASS, "cpu.variates", "" },
		{ "cpu", NULL, NULL, VP_VOID, "cpu.variates", "sent no 'cpu'" },
		{ "cpu", "cpu=0.815000000", "cpu=0", VP_VOID, "cpu.variates", "took no time" },
		{ "bonnie", "104857,38", "+++++,+++", VP_INCONCLUSIVE, "disk.get_block", "larger file" },
		{ "bonnie", "41984,61", "what,61", VP_VOID, "disk.seeks", "no figure" },
		{ "bonnie", "1.98,", "Can't open file\n,", VP_VOID, "disk.rewrite", "a row of format" },
		{ "bonnie", NULL, NULL, VP_VOID, "disk.put_block", "sent no 'bonnie'" },
		{ "iperf3_send", "\"end\": {", "\"error\": \"refused\", \"end\": {", VP_VOID, "net.send", "refused" },
		{ "iperf3_receive", "\"reverse\": 1", "\"reverse\": 0", VP_VOID, "net.receive", "something else" },
		{ "timings", NULL, NULL, VP_PASS, NULL, "" },
		{ "timings", "end=61.300 status=0", "end=61.300 status=1", VP_VOID, "disk.seeks", "(status 1)" },
		{ "timings", "end=61.300 status=0", "end=61.300 status=127", VP_INCONCLUSIVE, "disk.seeks", "not installed" },
	};

	(void)state;
	for (size_t i = 0; i < vp_count(changes); i++) {
		const struct change *c = &changes[i];
		struct vp_verification v = { 0 };
		bool found = false;

		judge_run(c, &v);
		for (size_t k = 0; k < v.n; k++)
			if (!c->metric || !strcmp(c->metric, v.metrics[k].name))
				found = found || (v.metrics[k].verdict == c->verdict && strstr(v.metrics[k].reason, c->reason));
		if (v.verdict != c->verdict || !found)
			print_error("change %zu of %s: %s\n", i, c->result, vp_verdict_name(v.verdict));
		assert_int_equal(v.verdict, c->verdict);
		assert_true(found);
	}
}

static void test_judge_status(void **state)
{
	const struct change c = { "bonnie", NULL, NULL, VP_VOID, NULL, NULL };
	struct vp_results raw = { 0 };
	struct vp_result items[1];
	struct vp_verification v = { 0 };
	json_t *expect = json_object();

	(void)state;
	judge_run(&c, &v);
	assert_int_equal(v.verdict, VP_VOID);
	/* A tool that failed is named with its status; a run of nothing is void. */
	items[0] = (struct vp_result){ .run = "r", .name = "timings", .data = "name=cpu start=1.0 end=2.0 status=127\n", .len = 38 };
	raw = (struct vp_results){ .items = items, .n = 1 };
	vp_verify_judge(arena, "n", &raw, expect, &v);
	assert_int_equal(v.verdict, VP_VOID);
	raw.n = 0;
	vp_verify_judge(arena, "n", &raw, expect, &v);
	assert_int_equal(v.verdict, VP_VOID);
	assert_true(v.n > 0);
	json_decref(expect);
}

static void test_median(void **state)
{
	struct vp_verification v = { 0 };

	(void)state;
	judge_run(NULL, &v);
	assert_int_equal(v.verdict, VP_PASS);
	assert_string_equal(v.metrics[0].name, "cpu.variates");
	assert_int_equal(v.metrics[0].nsamples, 4);
	/* Of 1.25 M over 0.82, 0.80, 0.79 and 0.81 s. */
	assert_close(v.metrics[0].value, (1.25 / 0.80 + 1.25 / 0.81) / 2);
}

/* Compares with the golden file, or writes it. */
static void same_as(const char *name, const char *text)
{
	const char *path = golden(name), *want;
	struct vp_err err;

	if (getenv("VP_REGENERATE"))
		assert_int_equal(vp_write_file(path, text, strlen(text), 0644, &err), 0);
	want = slurp(path);
	assert_non_null(want);
	assert_string_equal(text, want);
}

static void test_golden(void **state)
{
	struct vp_verification v = { 0 };
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);
	json_t *j;

	(void)state;
	judge_run(NULL, &v);
	vp_verify_print(&v, f);
	fclose(f);
	same_as("pass/table.txt", text);
	free(text);
	j = vp_verify_json(&v);
	text = json_dumps(j, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
	json_decref(j);
	same_as("pass/verdict.json", vp_printf(arena, "%s\n", text));
	free(text);
}

/* What a broken guest sends must neither steer a terminal nor break the JSON. */
static void test_hostile_bytes(void **state)
{
	const struct change c = { "proof", "disk=vda", "disk=v\033[2J\xff\x9b", VP_VOID, NULL, NULL };
	struct vp_verification v = { 0 };
	json_t *j;

	(void)state;
	judge_run(&c, &v);
	assert_int_equal(v.verdict, VP_VOID);
	assert_non_null(strstr(v.metrics[0].reason, "v?[2J??"));
	j = vp_verify_json(&v);
	assert_int_equal(json_array_size(json_object_get(j, "metrics")), v.n);
	json_decref(j);
}

static void test_json_missing(void **state)
{
	const struct change c = { "cpu", NULL, NULL, VP_VOID, NULL, NULL };
	struct vp_verification v = { 0 };
	json_t *j, *m;

	(void)state;
	judge_run(&c, &v);
	j = vp_verify_json(&v);
	assert_non_null(j);
	m = json_array_get(json_object_get(j, "metrics"), 0);
	assert_string_equal(json_string_value(json_object_get(m, "name")), "cpu.variates");
	assert_true(json_is_null(json_object_get(m, "value")));
	assert_true(json_is_null(json_object_get(m, "loss")));
	assert_string_equal(json_string_value(json_object_get(j, "verdict")), "void");
	json_decref(j);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_cpu_kernel), TEST(test_judge_changes), TEST(test_judge_status),  TEST(test_median),
		TEST(test_golden),     TEST(test_json_missing),	 TEST(test_hostile_bytes),
	};

	return cmocka_run_group_tests_name("verify", tests, NULL, NULL);
}
