// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../../provision/verify/report.h"

static struct vp_arena *arena;
static struct vp_samples samples;

static int setup(void **state)
{
	(void)state;
	arena = vp_arena_new();
	samples = (struct vp_samples){ 0 };
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	vp_arena_free(arena);
	return 0;
}

/* n runs around a value, 0.1 % apart. */
static void add(const char *metric, const char *virt, const char *driver, double around, int n, bool less, const char *work)
{
	for (int i = 0; i < n; i++) {
		samples.items = vp_grow_in(arena, samples.items, samples.n, &samples.cap, sizeof(*samples.items));
		samples.items[samples.n++] = (struct vp_sample){
			.node = strcmp(virt, "host") ? vp_printf(arena, "%s.example.org", virt) : "host:machine",
			.run = vp_printf(arena, "s%d.%02d", i < n / 2, i),
			.metric = metric,
			.unit = "KiB/s",
			.value = around * (1 + (i - (n - 1) / 2.0) * 1e-3),
			.less = less,
			.key = "k",
			.work = work,
			.env = vp_printf(arena, "virt=%s\ndisk_driver=%s\nmachine=AMD \"EPYC\", 2 CPUs\n", virt, driver),
		};
	}
}

static void test_groups(void **state)
{
	struct vp_comparisons c;
	const struct vp_comparison *m;

	(void)state;
	add("disk.get_block", "qemu", "virtio_blk", 969, 10, false, "w");
	add("disk.get_block", "host", "virtio_blk", 1000, 10, false, "w");
	add("disk.get_block", "kvm", "virtio_blk", 970, 10, false, "w");
	add("disk.get_block", "xen-hvm", "ata_piix", 500, 10, false, "w");
	add("disk.get_block", "kvm", "virtio_blk", 1, 10, false, "other work");
	add("fs.stat", "kvm", "virtio_blk", 10, 6, true, "w");
	add("fs.stat", "qemu", "virtio_blk", 20, 6, true, "w");
	add("fs.stat", "xen-hvm", "virtio_blk", 15, 2, true, "w");
	vp_compare(arena, &samples, "virt", &c);
	assert_int_equal(c.n, 3);
	m = &c.items[0];
	assert_int_equal(m->n, 4);
	assert_string_equal(m->groups[0].label, "host");
	assert_true(m->groups[0].reference && m->groups[0].rank == 1);
	/* These two cannot be told from one another: no rank, though their medians have an order. */
	assert_string_equal(m->groups[1].label, "kvm");
	assert_int_equal(m->groups[1].rank, 0);
	assert_int_equal(m->groups[2].rank, 0);
	assert_int_equal(m->groups[3].rank, 4);
	assert_true(fabs(m->groups[1].against.loss - 0.03) < 1e-6);
	assert_true(m->groups[1].against.low > 0.02 && m->groups[1].against.high < 0.04);
	assert_string_equal(m->also, "disk_driver");
	assert_int_equal(c.items[1].n, 1);
	assert_int_equal(c.items[1].groups[0].rank, 0);
	/* Less is better; and two runs are too few for a rank. */
	m = &c.items[2];
	assert_string_equal(m->groups[0].label, "kvm");
	assert_true(m->groups[0].reference);
	assert_true(fabs(m->groups[2].against.loss - 0.5) < 1e-6);
	assert_int_equal(m->groups[0].rank, 0);
	assert_string_equal(m->also, "");
	vp_compare(arena, &samples, "disk_driver", &c);
	/* The bare machine is no disk driver. */
	assert_string_equal(c.items[0].groups[0].label, "host");
	assert_string_equal(c.items[0].groups[1].label, "virtio_blk");
	assert_string_equal(c.items[0].groups[2].label, "ata_piix");
	assert_int_equal(c.items[0].groups[2].sessions, 2);
	/* Measured in one session only: whatever made it slower, it may have been the hour. */
	for (size_t i = 0; i < samples.n; i++)
		if (!strcmp(samples.items[i].node, "xen-hvm.example.org"))
			samples.items[i].run = "s1.00";
	vp_compare(arena, &samples, "virt", &c);
	assert_int_equal(c.items[0].groups[3].rank, 0);
	assert_int_equal(c.items[0].groups[0].rank, 0);
	vp_compare(arena, &samples, "disk_driver", &c);
	assert_string_equal(c.items[0].also, "virt");
	vp_compare(arena, &samples, "node", &c);
	assert_string_equal(c.items[0].groups[0].label, "host:machine");
}

/* Six nodes alike and one that is not: known without any baseline. */
static void test_odd(void **state)
{
	struct vp_comparisons c;

	(void)state;
	for (int i = 0; i < 7; i++)
		add("net.send", vp_printf(arena, "n%d", i), "", i == 3 ? 700 : 1000 + i, 2, false, "w");
	add("net.receive", "n0", "", 5, 2, false, "w");
	add("net.receive", "n1", "", 500, 2, false, "w");
	vp_compare(arena, &samples, "virt", &c);
	for (size_t i = 0; i < 7; i++)
		assert_int_equal(c.items[0].groups[i].odd, !strcmp(c.items[0].groups[i].label, "n3"));
	assert_true(c.items[0].groups[6].z < -3.5);
	/* Of two, nobody can say which one is odd. */
	assert_false(c.items[1].groups[0].odd || c.items[1].groups[1].odd);
}

static const char *verdict_of(const char *virt, double low)
{
	struct vp_comparisons c;

	vp_compare(arena, &samples, "virt", &c);
	for (size_t i = 0; i < vp_published_n; i++)
		if (!strcmp(vp_published[i].virt, virt) && vp_published[i].low >= low && vp_published[i].low <= low)
			return vp_published_verdict(arena, &vp_published[i], &c);
	fail_msg("no published row of %s with %g %%", virt, low);
	return NULL;
}

static void test_published(void **state)
{
	(void)state;
	assert_string_equal(verdict_of("kvm", 3.42), "incomparable: hs06_32 was not measured");
	add("spec.hs06_32", "kvm", "", 965, 10, false, "w");
	assert_string_equal(verdict_of("xen-para", 2.02), "incomparable: no xen-para was measured");
	assert_string_equal(verdict_of("kvm", 3.42), "incomparable: the bare machine was not measured");
	add("spec.hs06_32", "host", "", 1000, 10, false, "w");
	add("spec.hs06_32", "xen-hvm", "", 999, 1, false, "w");
	assert_string_equal(verdict_of("kvm", 3.42), "consistent");
	assert_string_equal(verdict_of("kvm", 7.8), "better");
	assert_string_equal(verdict_of("kvm", 2.5), "worse");
	assert_string_equal(verdict_of("xen-hvm", 4.55), "incomparable: too few runs");
}

static void check_percent(json_t *v)
{
	const char *text = json_string_value(v);
	double p = text ? strtod(text, NULL) : -1;

	assert_true(text && text[strlen(text) - 1] == '%' && p >= 0 && p <= 100);
}

static struct vp_report report(void)
{
	struct vp_report r = {
		.time = "2026-11-25T00:00:00Z", .host = "machine=AMD EPYC, 2 CPUs\nhost_kernel=6.1\n", .samples = &samples, .by = "virt", .n = 1
	};

	r.nodes = vp_alloc(arena, sizeof(*r.nodes));
	r.nodes[0] = (struct vp_report_node){ .row = { .name = "kvm.example.org", .virt = "kvm", .ip = "192.0.2.1" } };
	return r;
}

static void test_page(void **state)
{
	struct vp_report r = report();
	json_t *page, *bars, *bar, *ticks;

	(void)state;
	add("disk.get_block", "host", "virtio_blk", 200000, 10, false, "w");
	add("disk.get_block", "kvm", "virtio_blk", 150000, 5, false, "w");
	page = vp_report_page(arena, &r);
	assert_false(json_is_true(json_object_get(page, "emulated")));
	bars = json_object_get(json_array_get(json_object_get(page, "charts"), 0), "bars");
	assert_int_equal(json_array_size(bars), 2);
	bar = json_array_get(bars, 0);
	/* 195.3 MiB/s of an axis that ends at 200. */
	assert_string_equal(json_string_value(json_object_get(bar, "median")), "195.3 MiB/s");
	assert_string_equal(json_string_value(json_object_get(bar, "width")), "94.73%");
	check_percent(json_object_get(json_object_get(bar, "interval"), "low"));
	for (size_t i = 0; i < json_array_size(json_object_get(bar, "dots")); i++)
		check_percent(json_object_get(json_array_get(json_object_get(bar, "dots"), i), "x"));
	/* Five runs have no interval. */
	bar = json_array_get(bars, 1);
	assert_null(json_object_get(bar, "interval"));
	assert_int_equal(json_array_size(json_object_get(bar, "dots")), 5);
	/* The loss of 25 % on an axis that ends at 30 or so. */
	bar = json_array_get(json_object_get(json_object_get(json_array_get(json_object_get(page, "charts"), 0), "losses"), "rows"), 0);
	check_percent(json_object_get(bar, "at"));
	assert_non_null(strstr(json_string_value(json_object_get(bar, "loss")), "25.0 %"));
	assert_true(strtod(json_string_value(json_object_get(bar, "at")), NULL) > 80);
	ticks = json_object_get(json_object_get(json_array_get(json_object_get(page, "charts"), 0), "axis"), "ticks");
	assert_int_equal(json_array_size(ticks), 5);
	assert_string_equal(json_string_value(json_object_get(json_array_get(ticks, 4), "text")), "200");
	assert_int_equal(json_array_size(json_object_get(page, "published")), vp_published_n);
	assert_int_equal(json_array_size(json_object_get(page, "strips")), 2);
	json_decref(page);
	add("disk.get_block", "qemu", "virtio_blk", 1000, 1, false, "w");
	page = vp_report_page(arena, &r);
	assert_true(json_is_true(json_object_get(page, "emulated")));
	json_decref(page);
}

/* The total by the number of guests, and what it would be with a processor each: of two, two. */
static void test_curves(void **state)
{
	static const struct {
		unsigned vms;
		double total;
	} runs[] = { { 4, 30000 }, { 1, 20000 }, { 2, 36000 }, { 4, 34000 } };
	json_t *list, *curve, *points;

	(void)state;
	for (size_t i = 0; i < vp_count(runs); i++) {
		add("together.cpu", "qemu", "", runs[i].total, 1, false, "w");
		samples.items[samples.n - 1].env = vp_printf(arena, "cpus=1\nmachine=EPYC, 2 CPUs\nvms=%u\n", runs[i].vms);
		add("together.cpu.each", "qemu", "", 1, 1, false, "w");
	}
	add("together.disk", "qemu", "", 5, 1, false, "w");
	list = vp_report_curves(arena, &samples);
	assert_int_equal(json_array_size(list), 1);
	curve = json_array_get(list, 0);
	points = json_object_get(curve, "points");
	assert_int_equal(json_array_size(points), 3);
	/* 1, 2, 4 */
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(json_integer_value(json_object_get(json_array_get(points, i), "vms")), 1 << i);
	assert_string_equal(json_string_value(json_object_get(json_array_get(points, 2), "text")), "31.25 MiB/s");
	assert_int_equal(json_integer_value(json_object_get(json_array_get(points, 2), "n")), 2);
	/* From one guest's to twice that, and no further: there are two processors. */
	assert_int_equal(json_array_size(json_object_get(curve, "ideals")), 2);
	assert_string_equal(json_string_value(json_object_get(json_array_get(json_object_get(curve, "ideals"), 1), "y1")),
			    json_string_value(json_object_get(json_array_get(json_object_get(curve, "ideals"), 1), "y2")));
	assert_string_not_equal(json_string_value(json_object_get(json_array_get(json_object_get(curve, "ideals"), 0), "y1")),
				json_string_value(json_object_get(json_array_get(json_object_get(curve, "ideals"), 0), "y2")));
	json_decref(list);
}

static void test_exports(void **state)
{
	struct vp_report r = report();
	double x[] = { 1.5 };
	struct vp_metric m = { .name = "cpu.variates",
			       .unit = "M/s",
			       .value = 1.5,
			       .samples = x,
			       .nsamples = 1,
			       .verdict = VP_PASS,
			       .reason = "",
			       .tolerance = NAN,
			       .base = "",
			       .key = "k",
			       .work = "w",
			       .env = "" };
	struct vp_buf csv = { 0 };
	json_t *j;

	(void)state;
	add("disk.get_block", "kvm", "virtio_blk", 1000, 1, false, "w");
	vp_report_csv(arena, &r, &csv);
	assert_string_equal(vp_buf_str(&csv),
			    "node,run,metric,value,unit,less_is_better,judged_bad,key,work,virt,disk_driver,disk_format,nic_driver,cpus,"
			    "memory_mib,kernel,machine\nkvm.example.org,s0.00,disk.get_block,1000,KiB/s,0,0,k,w,kvm,virtio_blk,,,,,,"
			    "AMD  EPYC   2 CPUs\n");
	vp_buf_free(&csv);
	r.nodes[0].v = (struct vp_verification){ .node = "kvm.example.org", .run = "r", .metrics = &m, .n = 1, .object = "" };
	j = vp_report_hep(arena, &r);
	assert_string_equal(json_string_value(json_object_get(j, "json_version")), "3.1");
	assert_true(json_is_true(json_object_get(json_object_get(json_object_get(json_object_get(j, "host"), "HW"), "SYSTEM"), "isVM")));
	assert_true(json_number_value(json_object_get(json_object_get(json_object_get(j, "profiles"), "cpu.variates"), "score")) > 1.4);
	json_decref(j);
	m.verdict = VP_VOID;
	j = vp_report_hep(arena, &r);
	assert_int_equal(json_object_size(json_object_get(j, "profiles")), 0);
	json_decref(j);
	m.verdict = VP_PASS;
	j = vp_report_json(arena, &r);
	assert_int_equal(json_array_size(json_object_get(j, "samples")), 1);
	assert_int_equal(json_array_size(json_object_get(j, "nodes")), 1);
	json_decref(j);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(test_groups), TEST(test_odd),	  TEST(test_published),
					    TEST(test_page),   TEST(test_curves), TEST(test_exports) };

	return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
