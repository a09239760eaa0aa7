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
#include "../../provision/verify/certificate.h"
#include "../../provision/verify/clock.h"
#include "../../provision/verify/cost.h"
#include "../../provision/verify/tools.h"
#include "../../provision/verify/verify.h"
#include "arena.h"

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

/* --- What it costs the host --- */

static struct vp_result result_at(const char *name, const char *text, double time)
{
	return (struct vp_result){ .run = "r", .name = name, .data = text, .len = strlen(text), .time = time };
}

/* One GiB in four seconds, in which the machine used 5 s of processors, and its own ones 3. */
static void test_cost(void **state)
{
	static const char counters[] =
		VP_COST_HEADER "100 1000000000 900000000 0 0\n101 1000000000 900000000 0 0\n103 2000000000 1900000000 900000000 0\n"
			       "105 6000000000 3900000000 1073741824 0\n106 7000000000 4400000000 1073741824 1073741824\n";
	static const struct {
		const char *text, *what, *why;
		double want;
	} cases[] = {
		{ counters, "bonnie", "", 2 },
		{ counters, "iperf3_send", "", 0.5 },
		{ counters, "iperf3_receive", "do not cover it", NAN },
		{ "source=elsewhere\n100 1 1 1 1\n106 2 2 2 2\n", "bonnie", "do not cover it", NAN },
		{ VP_COST_HEADER "100 0 0 0 0\n", "bonnie", "do not cover it", NAN },
		{ VP_COST_HEADER "100 0 0 0 0\n106 6000000000 3000000000 1000000 0\n", "bonnie", "do not cover it", NAN },
		{ VP_COST_HEADER "101 0 0 0 0\n103 1 1 1 0\n105 6000000000 3000000000 1000000 0\n", "bonnie", "1 MiB are too few", NAN },
		{ VP_COST_HEADER "101 0 0 0 0\n103 1 1 1 0\n105 1000000000 3000000000 1073741824 0\n", "bonnie", "counters are wrong", NAN },
	};

	(void)state;
	for (size_t i = 0; i < vp_count(cases); i++) {
		struct vp_result results[] = { result_at("cpu", "", 101), result_at("bonnie", "", 105), result_at("iperf3_send", "", 106),
					       result_at("cost", cases[i].text, 107) };
		const char *why;
		double got = vp_cost(arena, results, vp_count(results), cases[i].what, &why);

		if (!strstr(why, cases[i].why) || isnan(got) != isnan(cases[i].want))
			fail_msg("%zu: %g: %s", i, got, why);
		if (!isnan(got))
			assert_close(got, cases[i].want);
	}
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

/* --- Clocks --- */

/* As a guest tells it whose clocks gain so many ppm: idle and loaded, of the monotonic and of the raw one. */
static const char *clock_text(const double monotonic[2], const double raw[2], int ntp)
{
	struct vp_buf b = { 0 };
	const char *text;

	vp_buf_addf(&b, "seconds=12 ntp=%d frequency_ppm=0.000 tick=10000\n", ntp);
	for (int i = 0; i < 2; i++)
		for (int k = 0; k < 48; k++) {
			double host = 1e9 + 20 * i + 0.25 * k, ours = 50 + (host - 1e9) * (1 + monotonic[i] / 1e6);
			/* One answer in four is quick, the others are late, each by another time. */
			double way = k % 4 ? 0.02 + 0.003 * (k % 7) : 0.001;

			vp_buf_addf(&b, "%s %.6f %.6f %.6f %.6f %.6f\n", i ? "loaded" : "idle", ours - 0.001, host, ours + way, host + 0.25 + way,
				    70 + (host - 1e9) * (1 + raw[i] / 1e6) + way);
		}
	vp_buf_adds(&b, "end\n");
	text = vp_strdup(arena, vp_buf_str(&b));
	vp_buf_free(&b);
	return text;
}

static double figure_of(const struct vp_reading *r, const char *name)
{
	const struct vp_figure *f = vp_reading_find(r, name);

	return f ? f->value : NAN;
}

static void test_clock_tool(void **state)
{
	const double none[2] = { 0, 0 }, some[2] = { 12, -30 }, much[2] = { 0, 900 };
	const char *good = clock_text(some, some, 0);
	struct vp_reading r;
	struct vp_clocks c;
	struct vp_err err = { 0 };

	(void)state;
	assert_int_equal(vp_tool_read(arena, "clock", NULL, good, &r, &err), 0);
	assert_true(fabs(figure_of(&r, "drift_idle") - 12) < 1 && fabs(figure_of(&r, "drift_loaded") - 30) < 1);
	assert_true(fabs(figure_of(&r, "offset") - 250) < 1);
	assert_true(isnan(figure_of(&r, "ntp_idle")));
	assert_int_equal(vp_clocks_read(arena, good, &c, &err), 0);
	assert_true(fabs(c.monotonic[1].ppm + 30) < 1 && c.monotonic[1].unsure < 1 && !c.ntp);
	assert_int_equal(vp_tool_read(arena, "clock", NULL, clock_text(none, some, 1), &r, &err), 0);
	assert_true(figure_of(&r, "ntp_idle") < 1);
	/* Beyond what NTP holds the node is bad, not the measurement. */
	assert_int_equal(vp_tool_read(arena, "clock", NULL, clock_text(none, much, 0), &r, &err), -1);
	assert_non_null(r.wrong);
	assert_non_null(strstr(r.wrong, "drifts by +900 ppm"));
	for (size_t cut = 0; cut < strlen(good) - 1; cut += 97) {
		assert_int_equal(vp_tool_read(arena, "clock", NULL, vp_strndup(arena, good, cut), &r, &err), -1);
		assert_null(r.wrong);
	}
	assert_int_equal(vp_tool_read(arena, "clock", NULL, replaced(good, "idle ", "idel "), &r, &err), -1);
	assert_int_equal(vp_tool_read(arena, "clock", NULL, vp_printf(arena, "%sidle", good), &r, &err), -1);
}

static const char *const names[] = { "proof", "cpu", "bonnie", "iperf3_send", "iperf3_receive", "timings" };

static void judge_run(const struct change *c, struct vp_verification *out)
{
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
	vp_verify_judge(arena, "ce01.example.org", &raw, expect, NULL, out);
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
	vp_verify_judge(arena, "n", &raw, expect, NULL, &v);
	assert_int_equal(v.verdict, VP_VOID);
	raw.n = 0;
	vp_verify_judge(arena, "n", &raw, expect, NULL, &v);
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
	/* A run is one sample, however many laps it had. */
	assert_int_equal(v.metrics[0].nsamples, 1);
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

/* --- Sessions, baselines, tolerances --- */

#define SESSION "20261121T210000Z"

/* A session of `n` runs of the passing node, whose seeks are seeks[i]; every result came when the guest's clock says that it was ready. */
static struct vp_results session(const double *seeks, size_t n)
{
	struct vp_results raw = { 0 };

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < vp_count(names); k++) {
			static const double times[] = { 1000.1, 1004.1, 1037.3, 1040.5, 1043.7, 1043.7 };
			const char *text = slurp(golden(vp_printf(arena, "pass/%s", names[k])));

			if (!strcmp(names[k], "bonnie"))
				text = replaced(text, "1620.5", vp_printf(arena, "%.1f", seeks[i]));
			raw.items = vp_grow_in(arena, raw.items, raw.n, &raw.cap, sizeof(*raw.items));
			raw.items[raw.n++] = (struct vp_result){ vp_printf(arena, SESSION ".%02zu", i + 1), names[k], text, strlen(text), times[k] };
		}
	return raw;
}

static json_t *expect_with(const char *verify)
{
	json_t *j = json_loads(slurp(golden("pass/node.json")), 0, NULL);

	assert_non_null(j);
	json_object_set_new(j, "verify", json_loads(verify, 0, NULL));
	assert_non_null(json_object_get(j, "verify"));
	return j;
}

static const struct vp_metric *metric(const struct vp_verification *v, const char *name)
{
	for (size_t i = 0; i < v->n; i++)
		if (!strcmp(v->metrics[i].name, name))
			return &v->metrics[i];
	fail_msg("no metric %s", name);
	return NULL;
}

static const double six[] = { 1000, 1003, 998, 1001, 999, 1004 };

static void test_session(void **state)
{
	struct vp_results raw = session(six, 6);
	json_t *expect = expect_with("{}");
	struct vp_verification v;
	const struct vp_metric *m;

	(void)state;
	vp_verify_judge(arena, "ce01.example.org", &raw, expect, NULL, &v);
	m = metric(&v, "disk.seeks");
	assert_string_equal(v.run, SESSION);
	assert_int_equal(v.nruns, 6);
	assert_int_equal(m->nsamples, 6);
	assert_close(m->value, 1000.5);
	assert_string_equal(m->runs[5], SESSION ".06");
	/* One run that is void is left out, and told; three of six are too many. */
	for (size_t i = 0; i < 6; i++) {
		raw.items[i * 6].data = i < 2 ? replaced(raw.items[i * 6].data, "disk=vda", "disk=vdb") : raw.items[i * 6].data;
		vp_verify_judge(arena, "ce01.example.org", &raw, expect, NULL, &v);
		m = metric(&v, "disk.seeks");
		assert_int_equal(m->nsamples, i < 1 ? 5 : 4);
		assert_int_equal(m->verdict, VP_PASS);
		assert_non_null(strstr(m->reason, i < 1 ? "1 of 6 runs left out: not the node" : "2 of 6 runs left out"));
	}
	raw.items[12].len = 0;
	vp_verify_judge(arena, "ce01.example.org", &raw, expect, NULL, &v);
	assert_int_equal(metric(&v, "disk.seeks")->verdict, VP_VOID);
	json_decref(expect);
}

/* The guest's clock against the host's. */
static void test_clocks(void **state)
{
	struct vp_results raw = session(six, 1);
	json_t *expect = expect_with("{}");
	struct vp_verification v;

	(void)state;
	raw.items[4].time += 2;
	vp_verify_judge(arena, "ce01.example.org", &raw, expect, NULL, &v);
	assert_int_equal(v.verdict, VP_PASS);
	/* It counted two thirds of the time: it looks half as fast again as it is. */
	raw.items[4].time += 20;
	vp_verify_judge(arena, "ce01.example.org", &raw, expect, NULL, &v);
	assert_int_equal(v.verdict, VP_VOID);
	assert_string_equal(v.metrics[0].reason, "its clock is wrong: it counted 43.6 s where 65.6 s went by");
	json_decref(expect);
}

static struct vp_samples known;

static void know(const char *node, const char *run, double value, const struct vp_metric *like, const char *key, bool bad)
{
	known.items = vp_grow_in(arena, known.items, known.n, &known.cap, sizeof(*known.items));
	known.items[known.n++] = (struct vp_sample){ node, run, like->name, like->unit, value, like->less, key, like->work, like->env, bad, 0 };
}

/* Ten runs around a value. */
static void know_ten(const char *node, double around, const struct vp_metric *like, const char *key)
{
	for (int i = 0; i < 10; i++)
		know(node, vp_printf(arena, "20261001T000000Z.%02d", i), around * (1 + (i - 4.5) * 1e-3), like, key, false);
}

struct gate {
	const char *verify;
	enum vp_verdict verdict;
	const char *base, *reason;
};

static void check_gates(const struct gate *gates, size_t n)
{
	struct vp_results raw = session(six, 6);

	for (size_t i = 0; i < n; i++) {
		json_t *expect = expect_with(gates[i].verify);
		struct vp_verification v;
		const struct vp_metric *m;

		vp_verify_judge(arena, "ce01.example.org", &raw, expect, &known, &v);
		m = metric(&v, "disk.seeks");
		if (m->verdict != gates[i].verdict || strcmp(m->base, gates[i].base) != 0 || !strstr(m->reason, gates[i].reason))
			fail_msg("%zu: %s against %s: %s", i, vp_verdict_name(m->verdict), m->base, m->reason);
		json_decref(expect);
	}
}

static void test_gate(void **state)
{
	static const struct gate none[] = {
		{ "{}", VP_PASS, "", "" },
		{ "{\"tolerances\": [\"disk.*=5%\"]}", VP_INCONCLUSIVE, "", "no baseline (auto)" },
		{ "{\"tolerances\": [\"cpu.*=5%\"]}", VP_PASS, "", "" },
	};
	/* Against 1100 on bare metal 9 % are lost, against 1020 of the fleet 2 %. */
	static const struct gate some[] = {
		{ "{}", VP_PASS, "bare metal", "" },
		{ "{\"tolerances\": [\"disk.*=5%\"]}", VP_FAIL, "bare metal", "it loses 9." },
		{ "{\"tolerances\": [\"disk.*=12%\"]}", VP_PASS, "bare metal", "" },
		{ "{\"tolerances\": [\"disk.seeks=12%\", \"*=5%\"]}", VP_PASS, "bare metal", "" },
		{ "{\"tolerances\": [\"*=5%\", \"disk.seeks=12%\"]}", VP_FAIL, "bare metal", "surely more than" },
		{ "{\"tolerances\": [\"*=9%\"]}", VP_INCONCLUSIVE, "bare metal", "6 runs against 10 cannot tell" },
		{ "{\"baseline\": \"fleet\", \"tolerances\": [\"*=5%\"]}", VP_PASS, "the fleet", "" },
		{ "{\"baseline\": \"fleet\", \"tolerances\": [\"*=1%\"]}", VP_FAIL, "the fleet", "it loses" },
		{ "{\"baseline\": \"past\", \"tolerances\": [\"*=1%\"]}", VP_INCONCLUSIVE, "", "no baseline (past)" },
		{ "{\"baseline\": \"old.example.org\", \"tolerances\": [\"*=1%\"]}", VP_FAIL, "old.example.org", "it loses 50" },
	};
	struct vp_results raw = session(six, 6);
	json_t *expect = expect_with("{}");
	struct vp_verification v;
	const struct vp_metric *like;

	(void)state;
	known = (struct vp_samples){ 0 };
	vp_verify_judge(arena, "ce01.example.org", &raw, expect, NULL, &v);
	like = metric(&v, "disk.seeks");
	/* Its own session, what was judged bad, and other work are no baseline. */
	know("ce01.example.org", SESSION ".03", 5000, like, like->key, false);
	know("ce02.example.org", "r", 5000, like, like->key, true);
	check_gates(none, vp_count(none));
	know_ten("host:machine", 1100, like, "another key");
	know_ten("ce02.example.org", 1020, like, like->key);
	know_ten("old.example.org", 2000, like, "another key");
	check_gates(some, vp_count(some));
	json_decref(expect);
}

/* A busy neighbour is not the node's fault. */
static void test_busy_host(void **state)
{
	struct vp_results raw = session(six, 6);
	json_t *expect = expect_with("{\"tolerances\": [\"*=5%\"]}");
	struct vp_verification v;

	(void)state;
	known = (struct vp_samples){ 0 };
	for (int busy = 0; busy < 2; busy++) {
		const char *host = busy ? "machine=m\ncpu_pressure=43.2\n" : "machine=m\ncpu_pressure=3.2\n";

		/* In place of the last run's network. */
		raw.items[34] = (struct vp_result){ SESSION ".06", "host", host, strlen(host), 0 };
		vp_verify_judge(arena, "ce01.example.org", &raw, expect, &known, &v);
		if (!busy)
			know_ten("host:machine", 1100, metric(&v, "disk.seeks"), "another key");
		vp_verify_judge(arena, "ce01.example.org", &raw, expect, &known, &v);
		assert_int_equal(metric(&v, "disk.seeks")->verdict, busy ? VP_VOID : VP_FAIL);
		assert_true(!busy || strstr(metric(&v, "disk.seeks")->reason, "for 43 % of a minute"));
	}
	json_decref(expect);
}

/* The same with one more result in every run. */
static struct vp_results with_each(const struct vp_results *raw, const char *name, const char *text)
{
	struct vp_results out = { 0 };

	for (size_t i = 0; i < raw->n; i++) {
		out.items = vp_grow_in(arena, out.items, out.n, &out.cap, sizeof(*out.items));
		out.items[out.n++] = raw->items[i];
		if (i + 1 < raw->n && !strcmp(raw->items[i].run, raw->items[i + 1].run))
			continue;
		out.items = vp_grow_in(arena, out.items, out.n, &out.cap, sizeof(*out.items));
		out.items[out.n++] = (struct vp_result){ raw->items[i].run, name, text, strlen(text), 1044 };
	}
	return out;
}

/* A look a second: its processors ran for `ran` of each, and waited for the rest; all its threads for `waited` of it. */
static const char *counters_of(double begin, double ran, double waited)
{
	vp_cleanup(vp_buf_free) struct vp_buf b = { 0 };

	vp_buf_addf(&b, VP_COST_HEADER);
	for (int i = 0; i < 46; i++)
		vp_buf_addf(&b, "%.3f %.0f %.0f 0 0 %.0f %.0f\n", begin + i, 1e9 * i, 1e9 * ran * i, 1e9 * (1 - ran) * i, 1e9 * waited * i);
	return vp_strdup(arena, vp_buf_str(&b));
}

/* What the host took does not count against the node; what it lost besides does. */
static void test_taken(void **state)
{
	static const struct {
		double ran, waited;
		enum vp_verdict verdict;
		const char *reason;
	} cases[] = {
		{ 1, 0, VP_FAIL, "surely more than" },
		{ 0.99, 0.01, VP_FAIL, "surely more than" },
		{ 0.9, 0.1, VP_VOID, "which kept up to 10 % of itself" },
		{ 0.99, 0.21, VP_VOID, "which kept up to 21 % of itself" },
		{ 0.01, 1.5, VP_VOID, "which kept up to 100 % of itself" },
	};
	struct vp_results raw = session(six, 6);
	json_t *expect = expect_with("{\"tolerances\": [\"disk.seeks=5%\"]}");
	struct vp_verification v;

	(void)state;
	known = (struct vp_samples){ 0 };
	vp_verify_judge(arena, "ce01.example.org", &raw, expect, &known, &v);
	know_ten("host:machine", 1100, metric(&v, "disk.seeks"), "another key");
	for (size_t i = 0; i < vp_count(cases); i++) {
		struct vp_results more = with_each(&raw, "cost", counters_of(1000, cases[i].ran, cases[i].waited));
		const struct vp_metric *m;

		vp_verify_judge(arena, "ce01.example.org", &more, expect, &known, &v);
		m = metric(&v, "disk.seeks");
		if (m->verdict != cases[i].verdict || !strstr(m->reason, cases[i].reason))
			fail_msg("%zu: %s: %s", i, vp_verdict_name(m->verdict), m->reason);
		/* What computes waits for its processors alone. */
		assert_close(metric(&v, "cpu.variates")->left[0], cases[i].ran);
	}
	json_decref(expect);
}

/* What was not asked for is not missed; what may still be measured is not decided as if it were all. */
static void test_design(void **state)
{
	struct vp_results raw = session(six, 6), some = with_each(&raw, "design", "runs=18\nonly=cpu,disk\n");
	json_t *expect = expect_with("{\"tolerances\": [\"disk.seeks=5%\"]}");
	struct vp_verification v;

	(void)state;
	known = (struct vp_samples){ 0 };
	vp_verify_judge(arena, "ce01.example.org", &some, expect, &known, &v);
	assert_int_equal(v.look, 1);
	for (size_t i = 0; i < v.n; i++)
		assert_int_not_equal(strncmp(v.metrics[i].name, "net.", 4), 0);
	assert_int_equal(metric(&v, "cpu.variates")->nsamples, 6);
	/* Of ten one is as bad: sure enough for the last look, which may err most, and not for the first of three. */
	for (int i = 0; i < 10; i++)
		know("host:machine", "r", i ? 1100 + 0.1 * i : 1000, metric(&v, "disk.seeks"), "another key", false);
	vp_verify_judge(arena, "ce01.example.org", &some, expect, &known, &v);
	assert_int_equal(metric(&v, "disk.seeks")->verdict, VP_INCONCLUSIVE);
	vp_verify_judge(arena, "ce01.example.org", &raw, expect, &known, &v);
	assert_int_equal(v.look, VP_STAT_LOOKS);
	assert_int_equal(metric(&v, "disk.seeks")->verdict, VP_FAIL);
	json_decref(expect);
}

/* A disk that makes durable sooner than what is below it does not. */
static void test_floor(void **state)
{
	static const char fio[] = "{\"jobs\": [{\"error\": 0, \"sync\": {\"lat_ns\": {\"N\": 700, \"percentile\": {\"50.000000\": 200000, "
				  "\"99.000000\": 300000}}}}]}";
	struct vp_results raw = session(six, 6), more = with_each(&raw, "fio", fio);
	json_t *expect = expect_with("{\"baseline\": \"past\"}");
	struct vp_verification v;
	struct vp_metric like;

	(void)state;
	known = (struct vp_samples){ 0 };
	vp_verify_judge(arena, "ce01.example.org", &more, expect, &known, &v);
	like = *metric(&v, "disk.fdatasync");
	assert_close(like.value, 200);
	assert_int_equal(like.verdict, VP_PASS);
	for (int slow = 0; slow < 2; slow++) {
		known = (struct vp_samples){ 0 };
		know_ten("host:machine", slow ? 2000 : 220, &like, "another key");
		vp_verify_judge(arena, "ce01.example.org", &more, expect, &known, &v);
		assert_int_equal(metric(&v, "disk.fdatasync")->verdict, slow ? VP_FAIL : VP_PASS);
		assert_true(!slow ||
			    strstr(metric(&v, "disk.fdatasync")->reason, "it calls durable in 200 us what takes the disk of its host 2000 us"));
	}
	json_decref(expect);
}

static void test_environment(void **state)
{
	struct vp_results raw = session(six, 1);
	json_t *expect = expect_with("{\"net_seconds\": 2}");
	struct vp_verification v;
	const struct vp_metric *m;
	const char *key, *work;

	(void)state;
	vp_verify_judge(arena, "n", &raw, expect, NULL, &v);
	m = metric(&v, "disk.seeks");
	assert_non_null(strstr(m->env, "virt=qemu\n"));
	assert_non_null(strstr(m->env, "disk_driver=virtio_blk\n"));
	assert_non_null(strstr(m->env, "with=file=256M\n"));
	assert_non_null(strstr(metric(&v, "net.send")->env, "with=congestion="));
	key = m->key;
	work = m->work;
	assert_int_equal(strlen(key), 12);
	/* Another kernel: other figures may be expected, of the same work. */
	raw.items[0].data = replaced(raw.items[0].data, "kernel=6.1.0", "kernel=6.1.1");
	vp_verify_judge(arena, "n", &raw, expect, NULL, &v);
	m = metric(&v, "disk.seeks");
	assert_string_not_equal(m->key, key);
	assert_string_equal(m->work, work);
	/* A file of another size is other work. */
	raw.items[2].data = replaced(raw.items[2].data, "256M", "512M");
	vp_verify_judge(arena, "n", &raw, expect, NULL, &v);
	assert_string_not_equal(metric(&v, "disk.seeks")->work, work);
	json_decref(expect);
}

/* What a site measures by itself: every figure is a metric; where it could not be read, one metric says why. */
static void test_own(void **state)
{
	struct vp_results raw = session(six, 2);
	json_t *expect = expect_with("{}");
	struct vp_verification v;

	(void)state;
	raw.items[0] = (struct vp_result){ raw.items[0].run, "nfs.lines", "read 80 MiB/s\nstat 12 us less\nend\n", 37, 0 };
	raw.items[6] = (struct vp_result){ raw.items[6].run, "nfs.lines", "read 90 MiB/s\nstat 14 us less\nend\n", 37, 0 };
	raw.items[0].len = raw.items[6].len = strlen(raw.items[0].data);
	/* In place of the proofs, so that all is void. */
	vp_verify_judge(arena, "n", &raw, expect, NULL, &v);
	assert_int_equal(metric(&v, "nfs.read")->verdict, VP_VOID);
	raw = session(six, 2);
	raw.items[5] = (struct vp_result){ raw.items[5].run, "nfs.lines", "read 80 MiB/s\nstat 12 us less\nend\n", 0, 0 };
	raw.items[11] = (struct vp_result){ raw.items[11].run, "nfs.lines", "read 90 MiB/s\nstat 14 us less\nend\n", 0, 0 };
	raw.items[5].len = raw.items[11].len = strlen(raw.items[5].data);
	vp_verify_judge(arena, "n", &raw, expect, NULL, &v);
	assert_close(metric(&v, "nfs.read")->value, 85);
	assert_close(metric(&v, "nfs.stat")->value, 13);
	assert_true(metric(&v, "nfs.stat")->less);
	assert_string_equal(metric(&v, "nfs.stat")->unit, "us");
	raw.items[5].data = raw.items[11].data = "mount: refused\n";
	raw.items[5].len = raw.items[11].len = strlen(raw.items[5].data);
	vp_verify_judge(arena, "n", &raw, expect, NULL, &v);
	assert_int_equal(metric(&v, "nfs")->verdict, VP_VOID);
	assert_non_null(strstr(metric(&v, "nfs")->reason, "mount: refused"));
	json_decref(expect);
}

/* What the profile declares is shown, and decides nothing. */
static void test_declared(void **state)
{
	static const char *const wishes[] = { "{}", "{\"tolerances\": [\"*=1%\"]}" };
	static const char text[] = "hepscore 9 HS23\nend\n";

	(void)state;
	for (size_t i = 0; i < vp_count(wishes); i++) {
		struct vp_results raw = session(six, 6);
		json_t *expect = expect_with(wishes[i]);
		struct vp_samples none = { 0 };
		struct vp_verification v;
		const struct vp_metric *m;

		json_object_set_new(expect, "hardware", json_pack("{s:{s:f}}", "benchmarks", "hepscore23", 10.0));
		for (size_t k = 5; k < raw.n; k += 6)
			raw.items[k] = (struct vp_result){ raw.items[k].run, "suite.lines", text, strlen(text), 0 };
		vp_verify_judge(arena, "n", &raw, expect, &none, &v);
		m = metric(&v, "suite.hepscore");
		assert_string_equal(m->base, "/hardware/benchmarks/hepscore23");
		assert_close(m->compared.loss, 0.1);
		assert_int_equal(m->verdict, i ? VP_INCONCLUSIVE : VP_PASS);
		json_decref(expect);
	}
}

/* --- Certificates --- */

static const char *dumped(json_t *j)
{
	char *text = json_dumps(j, JSON_INDENT(1) | JSON_REAL_PRECISION(17));
	const char *copy = vp_strdup(arena, text);

	free(text);
	return copy;
}

static void test_certificate(void **state)
{
	const char *dir = vp_printf(arena, "%s/certificate", env("TMPDIR", "/tmp")), *other = vp_printf(arena, "%s-other", dir), *text;
	json_t *expect = expect_with("{\"tolerances\": [\"disk.*=5%\"]}"), *j;
	struct vp_results raw = session(six, 6);
	struct vp_verification v;
	struct vp_certificate c;
	struct vp_err err = { 0 };

	(void)state;
	assert_int_equal(vp_mkdirs(dir, 0700, &err) || vp_mkdirs(other, 0700, &err), 0);
	known = (struct vp_samples){ 0 };
	json_object_set_new(expect, "rootpw", json_string("$6$secret"));
	vp_verify_judge(arena, "ce01.example.org", &raw, expect, NULL, &v);
	know_ten("host:machine", 1100, metric(&v, "disk.seeks"), "another key");
	/* A byte that is no UTF-8 comes back as it was. */
	raw.items[6 * 6 - 1].data = "name=proof\xff\n";
	raw.items[6 * 6 - 1].len = strlen(raw.items[6 * 6 - 1].data);
	vp_verify_judge(arena, "ce01.example.org", &raw, expect, &known, &v);
	assert_int_equal(v.verdict, VP_FAIL);
	j = vp_certificate_make(arena, dir, &v, &raw, expect, &known, &err);
	assert_non_null(j);
	text = dumped(j);
	assert_null(strstr(text, "secret"));
	assert_int_equal(vp_certificate_check(arena, dir, text, &c, &err), 0);
	assert_string_equal(c.differs, "");
	assert_true(c.ours);
	assert_int_equal(c.v.verdict, VP_FAIL);
	assert_string_equal(metric(&c.v, "disk.seeks")->reason, metric(&v, "disk.seeks")->reason);
	/* Anybody can check it, and sees whose it is not. */
	assert_int_equal(vp_certificate_check(arena, other, text, &c, &err), 0);
	assert_false(c.ours);
	assert_int_equal(strlen(c.signer), 16);
	/* One byte of the evidence. */
	assert_int_equal(vp_certificate_check(arena, dir, replaced(text, "1003.0", "1903.0"), &c, &err), -1);
	assert_non_null(strstr(err.msg, "was changed"));
	err = (struct vp_err){ 0 };
	assert_int_equal(vp_certificate_check(arena, dir, replaced(text, "\"fail\"", "\"pass\""), &c, &err), -1);
	err = (struct vp_err){ 0 };
	assert_int_equal(vp_certificate_check(arena, dir, "{\"kind\": \"vprov certificate 1\"}", &c, &err), -1);
	assert_non_null(strstr(err.msg, "not signed"));
	err = (struct vp_err){ 0 };
	assert_int_equal(vp_certificate_check(arena, dir, "{}", &c, &err), -1);
	assert_non_null(strstr(err.msg, "no certificate"));
	json_decref(j);
	/* Who has the key can sign a lie, but not one that follows from the evidence. */
	v.metrics[4].verdict = VP_PASS;
	v.metrics[4].reason = "";
	j = vp_certificate_make(arena, dir, &v, &raw, expect, &known, &err);
	assert_int_equal(vp_certificate_check(arena, dir, dumped(j), &c, &err), 0);
	assert_non_null(strstr(c.differs, "disk.seeks was pass, and is fail"));
	json_decref(j);
	json_decref(expect);
	assert_int_equal(vp_remove_tree(dir, &err) || vp_remove_tree(other, &err), 0);
}

/* --- In the database --- */

static void test_stored(void **state)
{
	const char *dir = vp_printf(arena, "%s/stored", env("TMPDIR", "/tmp"));
	struct vp_results raw = session(six, 6), got = { 0 };
	json_t *expect = expect_with("{}");
	struct vp_samples samples = { 0 };
	struct vp_verification v;
	struct vp_err err = { 0 };
	struct vp_state *s = vp_state_open(dir, false, &err);
	const char *counters;
	unsigned seeks = 0;

	(void)state;
	assert_non_null(s);
	assert_int_equal(vp_verify_finish(s, arena, "n", expect, &v, &err), -1);
	assert_int_equal(err.code, VP_E_NOTFOUND);
	assert_int_equal(vp_state_result_put(s, "n", "20250101T000000Z", "cpu", "x", 1, &err), 0);
	for (size_t i = 0; i < raw.n; i++)
		assert_int_equal(vp_state_result_put(s, "n", raw.items[i].run, raw.items[i].name, raw.items[i].data, raw.items[i].len, &err), 0);
	assert_int_equal(vp_state_result_put(s, "m", SESSION ".07", "cpu", "x", 1, &err), 0);
	/* The newest session, all of it, and with what this machine is. Its results came all at once, so that its clock is wrong. */
	assert_int_equal(vp_verify_finish(s, arena, "n", expect, &v, &err), 0);
	assert_int_equal(v.nruns, 6);
	assert_int_equal(v.verdict, VP_VOID);
	assert_int_equal(vp_state_results(s, arena, "n", SESSION ".02", &got, &err), 0);
	assert_int_equal(got.n, 7);
	assert_int_equal(vp_samples(s, arena, &samples, &err), 0);
	assert_int_equal(samples.n, 0);
	for (size_t i = 0; i < raw.n; i++)
		if (!strcmp(raw.items[i].name, "timings"))
			assert_int_equal(vp_state_result_put(s, "n", raw.items[i].run, "timings", "", 0, &err), 0);
	/* Once more changes nothing: a sample is one of a run. */
	for (int i = 0; i < 2; i++)
		assert_int_equal(vp_verify_finish(s, arena, "n", expect, &v, &err), 0);
	assert_int_equal(v.verdict, VP_PASS);
	assert_int_equal(vp_samples(s, arena, &samples, &err), 0);
	assert_int_equal(samples.n, 6 * v.n);
	for (size_t i = 0; i < samples.n; i++)
		if (!strcmp(samples.items[i].metric, "disk.seeks")) {
			assert_close(samples.items[i].value, six[seeks++]);
			assert_non_null(strstr(samples.items[i].env, "machine="));
			assert_false(samples.items[i].bad);
		}
	assert_int_equal(seeks, 6);
	/* Where the host kept most of itself to itself they are no baseline: in run 3, which just came. */
	counters = counters_of(vp_wall() - 20, 0.4, 0.6);
	assert_int_equal(vp_state_result_put(s, "n", SESSION ".03", "cost", counters, strlen(counters), &err), 0);
	assert_int_equal(vp_verify_finish(s, arena, "n", expect, &v, &err), 0);
	samples = (struct vp_samples){ 0 };
	assert_int_equal(vp_samples(s, arena, &samples, &err), 0);
	for (size_t i = 0; i < samples.n; i++)
		if (!strncmp(samples.items[i].metric, "disk.", 5))
			assert_int_equal(samples.items[i].bad, !strcmp(samples.items[i].run, SESSION ".03"));
	/* The samples outlive the node. */
	assert_int_equal(vp_state_drop(s, "n", &err), 0);
	samples = (struct vp_samples){ 0 };
	assert_int_equal(vp_samples(s, arena, &samples, &err), 0);
	assert_int_equal(samples.n, 6 * v.n);
	vp_state_close(s);
	json_decref(expect);
	assert_int_equal(vp_remove_tree(dir, &err), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_cpu_kernel),	 TEST(test_cost),	 TEST(test_declared), TEST(test_clock_tool),   TEST(test_judge_changes),
		TEST(test_judge_status), TEST(test_median),	 TEST(test_golden),   TEST(test_json_missing), TEST(test_hostile_bytes),
		TEST(test_session),	 TEST(test_clocks),	 TEST(test_gate),     TEST(test_environment),  TEST(test_busy_host),
		TEST(test_own),		 TEST(test_certificate), TEST(test_stored),   TEST(test_taken),	       TEST(test_design),
		TEST(test_floor),
	};

	return cmocka_run_group_tests_name("verify", tests, NULL, NULL);
}
