// SPDX-License-Identifier: Apache-2.0
/* Guests whose work is known, as they would tell it: what comes of it together, and what of those that lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../../provision/verify/together.h"
#include "../../provision/verify/tools.h"
#include "arena.h"

/* A guest: begins so many seconds after the instant, and takes so long for a piece. */
struct guest {
	double late, piece;
	/* Its clock: what it says at the host's second 0, and how much faster it runs. */
	double clock, drift;
	unsigned workers;
	/* Seconds that it works, and how much later than usual what it tells comes. */
	double seconds, late_result;
	/* One text in it changed. */
	const char *from, *to;
};

#define GO 1000.0

static double tells(const struct guest *g, double host)
{
	return g->clock + host * (1 + g->drift);
}

static const char *changed(const struct guest *g, const char *text)
{
	const char *at = g->from ? strstr(text, g->from) : NULL;

	if (!g->from)
		return text;
	assert_non_null(at);
	return vp_printf(arena, "%.*s%s%s", (int)(at - text), text, g->to, at + strlen(g->from));
}

static void clock_lines(struct vp_buf *b, const struct guest *g, double host)
{
	for (int i = 0; i < 3; i++)
		vp_buf_addf(b, "clock %.6f %.6f %.6f\n", tells(g, host + i), host + i + 0.001 + (i == 1 ? 0.05 : 0),
			    tells(g, host + i) + 0.002 + (i == 1 ? 0.1 : 0));
}

static const char *tale(const struct guest *g)
{
	struct vp_buf b = { 0 };
	const char *text;

	vp_buf_addf(&b, "kind=cpu warm=4 seconds=20 workers=%u\n", g->workers);
	clock_lines(&b, g, GO - 5);
	vp_buf_addf(&b, "go %.6f %.6f\n", GO, tells(g, GO));
	for (unsigned w = 0; w < g->workers; w++)
		for (unsigned k = 0; g->late + k * g->piece < g->seconds; k++)
			vp_buf_addf(&b, "lap %u %.6f %.6f 1.250000 " VP_CPU_CHECKSUM "\n", w, tells(g, GO + g->late + k * g->piece),
				    tells(g, GO + g->late + (k + 1) * g->piece));
	clock_lines(&b, g, GO + g->seconds + 1);
	vp_buf_adds(&b, "end\n");
	text = changed(g, vp_strdup(arena, vp_buf_str(&b)));
	vp_buf_free(&b);
	return text;
}

static const char proof[] = "hostname=n\nhypervisor=TCGTCGTCGTCG\ncpus=1\nmemory_kib=400000\ndisk=vda\ndisk_driver=virtio_blk\ndisk_bytes=1048576\n"
			    "mac=02:00:00:00:00:01\nnic_driver=virtio_net\n";

/* Judges them. */
static struct vp_together judge(const struct guest *guests, size_t n)
{
	struct vp_part *parts = vp_alloc(arena, n * sizeof(*parts));
	struct vp_together t;

	for (size_t i = 0; i < n; i++) {
		struct vp_result *items = vp_alloc(arena, 2 * sizeof(*items));
		struct vp_results *raw = vp_alloc(arena, sizeof(*raw));
		const char *text = tale(&guests[i]);

		items[0] = (struct vp_result){ .run = "r", .name = "proof", .data = proof, .len = strlen(proof) };
		items[1] = (struct vp_result){
			.run = "r", .name = "together", .data = text, .len = strlen(text), .time = GO + guests[i].seconds + 5 + guests[i].late_result
		};
		*raw = (struct vp_results){ .items = items, .n = 2 };
		parts[i] = (struct vp_part){ .node = vp_printf(arena, "n%zu", i), .raw = raw };
		parts[i].expect = json_pack("{s:s, s:s, s:i, s:i, s:[{s:s, s:s, s:i}], s:[{s:s, s:s}]}", "hostname", "n", "virt", "qemu", "vcpus", 1,
					    "memory_mib", 512, "disks", "target", "vda", "bus", "virtio", "size_mib", 1, "nics", "mac",
					    "02:00:00:00:00:01", "model", "virtio");
	}
	vp_together_judge(arena, "r", "cpu", parts, n, &t);
	for (size_t i = 0; i < n; i++)
		json_decref(parts[i].expect);
	return t;
}

static void assert_near(double got, double want, double share)
{
	if (!(fabs(got - want) <= share * fabs(want)))
		fail_msg("%g instead of %g", got, want);
}

/* Two guests, one half as fast, whose clocks have nothing in common: what they did in the time that both worked. */
static void the_total_is_of_the_common_time(void **state)
{
	const struct guest guests[] = { { .piece = 0.25, .clock = 7, .drift = 2e-5, .workers = 1, .seconds = 25 },
					{ .piece = 0.5, .clock = -900, .drift = -3e-5, .workers = 2, .seconds = 25 } };
	struct vp_together t = judge(guests, 2);

	(void)state;
	assert_string_equal(t.reason, "");
	assert_int_equal(t.verdict, VP_PASS);
	assert_true(t.overlap >= 0.95 && t.overlap <= 1);
	assert_near(t.parts[0].rate, 1.25 / 0.25, 1e-4);
	assert_near(t.parts[1].rate, 2 * 1.25 / 0.5, 1e-4);
	assert_near(t.total, 10, 1e-4);
	assert_near(t.fairness, 1, 1e-3);
	assert_near(1e6 * t.parts[0].drift, 20, 0.05);
	assert_near(1e6 * t.parts[1].drift, -30, 0.05);
}

/* The other one is gone for half of the time: the sum of what each says by itself is no total. */
static void what_is_not_together_is_void(void **state)
{
	const struct guest guests[] = { { .piece = 0.25, .workers = 1, .seconds = 25 }, { .late = 12, .piece = 0.25, .workers = 1, .seconds = 25 } };
	struct vp_together t = judge(guests, 2);

	(void)state;
	assert_int_equal(t.verdict, VP_VOID);
	assert_non_null(strstr(t.reason, "they worked at the same time for 6"));
	assert_near(t.overlap, 12.0 / 20, 0.02);
}

static void an_unfair_share_is_told(void **state)
{
	const struct guest guests[] = { { .piece = 0.1, .workers = 1, .seconds = 25 },
					{ .piece = 0.1, .workers = 1, .seconds = 25 },
					{ .piece = 0.4, .workers = 1, .seconds = 25 } };
	struct vp_together t = judge(guests, 3);

	(void)state;
	assert_near(t.fairness, 0.25 / 0.75, 1e-3);
	assert_near(t.jain, 2.25 * 2.25 / (3 * (1 + 1 + 0.0625)), 1e-3);
}

/* Six runs whose smallest share is that of the mean, against what is asked for. */
static void a_share_is_asked_for(void **state)
{
	static const struct {
		const char *tolerance;
		double least;
		size_t n;
		enum vp_verdict verdict;
		const char *words;
	} cases[] = {
		{ "*=50%", 0.33, 6, VP_FAIL, "who had least had 0.33 [0.33, 0.34] of the mean; 0.50 are asked for" },
		{ "together.cpu.fairness=70%", 0.33, 6, VP_PASS, "" },
		{ "together.cpu.fairness=66.7%", 0.33, 6, VP_INCONCLUSIVE, "0.33 are asked for" },
		{ "together.cpu.fairness=50%", 0.33, 5, VP_INCONCLUSIVE, "5 runs cannot tell" },
		{ "disk.*=1%", 0.33, 6, VP_PASS, "" },
	};
	const struct guest guests[] = { { .piece = 0.1, .workers = 1, .seconds = 25 },
					{ .piece = 0.1, .workers = 1, .seconds = 25 },
					{ .piece = 0.4, .workers = 1, .seconds = 25 } };
	struct vp_together one = judge(guests, 3), runs[6];

	(void)state;
	for (size_t i = 0; i < vp_count(cases); i++) {
		json_t *expect = json_pack("{s:{s:[s]}}", "verify", "tolerances", cases[i].tolerance);
		struct vp_verification v;
		const struct vp_metric *m;

		for (size_t k = 0; k < cases[i].n; k++) {
			runs[k] = one;
			runs[k].fairness = cases[i].least + 0.001 * (double)k;
		}
		vp_together_gate(arena, runs, cases[i].n, expect, NULL, &v);
		json_decref(expect);
		assert_int_equal(v.n, 2);
		m = &v.metrics[1];
		assert_string_equal(m->name, "together.cpu.fairness");
		assert_int_equal(m->nsamples, cases[i].n);
		if (m->verdict != cases[i].verdict || !strstr(m->reason, cases[i].words))
			fail_msg("%zu: %s: %s", i, vp_verdict_name(m->verdict), m->reason);
	}
}

/* The total is judged as any metric, against as many such nodes; of runs that were void it needs more than half to be none. */
static void a_total_has_its_past(void **state)
{
	const struct guest guests[] = { { .piece = 0.25, .workers = 1, .seconds = 25 }, { .piece = 0.25, .workers = 1, .seconds = 25 } };
	struct vp_together one = judge(guests, 2), runs[6];
	json_t *expect = json_pack("{s:{s:s, s:[s]}}", "verify", "baseline", "past", "tolerances", "together.cpu=20%");
	struct vp_samples known = { 0 };
	struct vp_verification v;

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		runs[i] = one;
		runs[i].total += 0.001 * (double)i;
	}
	vp_together_gate(arena, runs, 6, expect, NULL, &v);
	assert_int_equal(v.metrics[0].verdict, VP_INCONCLUSIVE);
	known.items = vp_alloc(arena, 10 * sizeof(*known.items));
	for (int i = 0; i < 10; i++)
		known.items[known.n++] = (struct vp_sample){
			"2 together",	   "earlier",	     "together.cpu", "M/s", 2 * one.total + 0.01 * i, false, v.metrics[0].key,
			v.metrics[0].work, v.metrics[0].env, false,	     1
		};
	vp_together_gate(arena, runs, 6, expect, &known, &v);
	assert_int_equal(v.metrics[0].verdict, VP_FAIL);
	assert_int_equal(v.verdict, VP_FAIL);
	assert_non_null(strstr(v.metrics[0].reason, "it loses 50."));
	for (size_t i = 0; i < 3; i++) {
		runs[i].verdict = VP_VOID;
		runs[i].reason = "no";
	}
	vp_together_gate(arena, runs, 6, expect, &known, &v);
	assert_int_equal(v.verdict, VP_VOID);
	json_decref(expect);
}

/* Each lie, and the words of its reason. */
static void lies_are_void(void **state)
{
	static const struct {
		struct guest g;
		const char *words;
		enum vp_verdict verdict;
	} cases[] = {
		{ { .from = "\nend\n", .to = "\n" }, "cut short", VP_VOID },
		{ { .from = "\nend\n", .to = "\nend\nlap 0 1 2 3 4\n" }, "follows its end", VP_VOID },
		{ { .from = "\nend\n", .to = "\ngiven up\n" }, "gave up waiting", VP_VOID },
		{ { .from = "lap 0 ", .to = "lap 1 " }, "unknown line", VP_VOID },
		{ { .from = "lap 0 ", .to = "lop 0 " }, "unknown line", VP_VOID },
		{ { .from = " 1.250000 ", .to = " -1.25000 " }, "unknown line", VP_VOID },
		{ { .from = " 1.250000 ", .to = " nan " }, "unknown line", VP_VOID },
		{ { .from = "kind=cpu", .to = "kind=disk" }, "something else", VP_VOID },
		{ { .from = "kind=cpu", .to = "Segmentation fault" }, "it did nothing: Segmentation fault", VP_VOID },
		{ { .from = "go 1000.000000", .to = "go 999.000000" }, "another time", VP_VOID },
		{ { .from = VP_CPU_CHECKSUM, .to = "277485097.246617" }, "computes wrongly", VP_FAIL },
		{ { .from = "clock", .to = "lap" }, "unknown line", VP_VOID },
		{ { .drift = 0.02 }, "its clock is wrong: it counted", VP_VOID },
		{ { .drift = -0.5 }, "its clock is wrong: it counted", VP_VOID },
		{ { .seconds = 3 }, "no work in the time", VP_VOID },
	};

	(void)state;
	for (size_t i = 0; i < vp_count(cases); i++) {
		struct guest guests[2] = { { .piece = 0.25, .workers = 1, .seconds = 25 }, cases[i].g };
		struct vp_together t;

		guests[1].piece = 0.25;
		guests[1].workers = 1;
		guests[1].seconds = guests[1].seconds > 0 ? guests[1].seconds : 25;
		t = judge(guests, 2);
		if (t.verdict != cases[i].verdict || !strstr(t.reason, cases[i].words) || strncmp(t.reason, "n1: ", 4) != 0)
			fail_msg("%zu: %s: %s", i, vp_verdict_name(t.verdict), t.reason);
		assert_true(!(t.total > 0));
	}
}

/* A text that came before its work can have been done was timed by a clock that stood still, or was set. */
static void a_result_has_its_time(void **state)
{
	struct guest guests[1] = { { .piece = 0.25, .workers = 1, .seconds = 60 } };
	struct vp_together t;

	(void)state;
	t = judge(guests, 1);
	assert_string_equal(t.reason, "");
	for (int i = 0; i < 2; i++) {
		guests[0].late_result = i ? 60 : -10;
		t = judge(guests, 1);
		assert_int_equal(t.verdict, VP_VOID);
		assert_non_null(strstr(t.reason, "its clock is wrong: it worked until"));
	}
	guests[0].late_result = 0;
	/* Pieces after the end of what was asked for belong to no worker's time. */
	guests[0].from = "lap 0 1001.000000 1001.250000";
	guests[0].to = "lap 0 1001.000000 1081.250000";
	t = judge(guests, 1);
	assert_non_null(strstr(t.reason, "pieces of work overlap"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_total_is_of_the_common_time, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_not_together_is_void, setup, teardown),
		cmocka_unit_test_setup_teardown(an_unfair_share_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(a_share_is_asked_for, setup, teardown),
		cmocka_unit_test_setup_teardown(a_total_has_its_past, setup, teardown),
		cmocka_unit_test_setup_teardown(lies_are_void, setup, teardown),
		cmocka_unit_test_setup_teardown(a_result_has_its_time, setup, teardown),
	};

	return cmocka_run_group_tests_name("together", tests, NULL, NULL);
}
