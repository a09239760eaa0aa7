// SPDX-License-Identifier: Apache-2.0
/* Phases of an installation: what enters them, what is kept, deadlines given, learnt and by default, the verdict. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../provision/state/phase.h"

struct fixture {
	struct vp_arena *a;
	char dir[64];
	struct vp_state *s;
	struct vp_err err;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	const char *tmp = getenv("TMPDIR");

	snprintf(f->dir, sizeof(f->dir), "%s/vpphase.XXXXXX", tmp && strlen(tmp) < 40 ? tmp : "/tmp");
	assert_non_null(mkdtemp(f->dir));
	f->a = vp_arena_new();
	f->s = vp_state_open(f->dir, false, &f->err);
	assert_non_null(f->s);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	vp_state_close(f->s);
	vp_remove_tree(f->dir, NULL);
	vp_arena_free(f->a);
	free(f);
	return 0;
}

static void arm(struct fixture *f, const char *name, const char *json)
{
	const struct vp_node_row row = { .name = name,
					 .mac = "02:00:00:00:00:0a",
					 .ip = "10.0.0.5",
					 .virt = "kvm",
					 .life = VP_ARMED,
					 .armed = true,
					 .token_live = true,
					 .token = "t",
					 .json = json };

	assert_int_equal(vp_state_put(f->s, &row, &f->err), 0);
	assert_int_equal(vp_phase_begin(f->s, name, "switched on", &f->err), 0);
}

static void see(struct fixture *f, const char *name, enum vp_evidence ev, const char *word, const char *text)
{
	assert_int_equal(vp_state_evidence(f->s, name, ev, word, word ? 10 : -1, text, &f->err), 0);
}

static struct vp_node_row get(struct fixture *f, const char *name)
{
	struct vp_node_row row;

	assert_int_equal(vp_state_node(f->s, f->a, name, &row, &f->err), 1);
	return row;
}

/* "power dhcp loader*": the phases of the newest run, or of all; a star where the node is in it. */
static const char *phases(struct fixture *f, const char *name, bool all)
{
	struct vp_phase_rows rows = { 0 };
	char *text = vp_strdup(f->a, "");

	assert_int_equal(vp_phase_rows(f->s, f->a, name, all, &rows, &f->err), 0);
	for (size_t i = 0; i < rows.n; i++)
		text = vp_printf(f->a, "%s%s%s%s", text, *text ? " " : "", vp_phase_info(rows.items[i].phase)->name,
				 rows.items[i].ended > 0 ? "" : "*");
	return text;
}

static void test_table(void **state)
{
	(void)state;
	for (int i = 0; i < VP_PHASE__COUNT; i++) {
		const struct vp_phase_info *info = vp_phase_info((enum vp_phase)i);

		assert_int_equal(vp_phase_find(info->name), i);
		assert_true(*info->entered);
		/* Emulation is slower; only the end of it all has no deadline. */
		assert_true(i == VP_PHASE_UP ? !info->hardware && !info->emulated : info->hardware && info->emulated > info->hardware);
	}
	assert_int_equal(vp_phase_find("nonsense"), -1);
	assert_int_equal(vp_phase_of(VP_EV_PHASE, "unpack"), VP_PHASE_PACKAGES);
	assert_int_equal(vp_phase_of(VP_EV_PHASE, "nonsense"), -1);
	assert_int_equal(vp_phase_of(VP_EV_PHASE, NULL), -1);
	assert_int_equal(vp_phase_of(VP_EV_FAILED, "unpack"), -1);
	assert_int_equal(vp_phase_of(VP_EV_LEASE, NULL), VP_PHASE_DHCP);
}

/* What a whole installation sends, with repetitions and stragglers. */
static void install(struct fixture *f, const char *name)
{
	see(f, name, VP_EV_LEASE, NULL, "lease");
	see(f, name, VP_EV_LOADER, NULL, "boot loader sent");
	see(f, name, VP_EV_LEASE, NULL, "lease again");
	see(f, name, VP_EV_KERNEL, NULL, "GET /boot/vmlinuz");
	see(f, name, VP_EV_INITRD, NULL, "GET /boot/initrd");
	see(f, name, VP_EV_KERNEL, NULL, "GET /boot/vmlinuz");
	see(f, name, VP_EV_CONFIG, NULL, "configuration handed out");
	see(f, name, VP_EV_PHASE, "partition", "partition");
	see(f, name, VP_EV_PHASE, "format", "format");
	see(f, name, VP_EV_PHASE, "unpack", "unpack 10 %");
	see(f, name, VP_EV_PHASE, "format", "late");
	see(f, name, VP_EV_PHASE, "bootloader", "bootloader");
	see(f, name, VP_EV_PHASE, "ack", "ack");
	see(f, name, VP_EV_PHASE, "reboot", "reboot");
	see(f, name, VP_EV_ACK, NULL, "acknowledged");
	see(f, name, VP_EV_DISK, NULL, "GRUB loading");
}

static void test_run(void **state)
{
	struct fixture *f = *state;

	arm(f, "n", "{}");
	assert_string_equal(phases(f, "n", true), "power*");
	install(f, "n");
	assert_string_equal(phases(f, "n", true), "power dhcp loader kernel initrd config partition packages post ack reboot disk*");
	see(f, "n", VP_EV_UP, NULL, "up");
	assert_string_equal(phases(f, "n", true), "power dhcp loader kernel initrd config partition packages post ack reboot disk up");
	/* Its lease is renewed, it boots again: no news for the phases. */
	see(f, "n", VP_EV_LEASE, NULL, "lease");
	see(f, "n", VP_EV_DISK, NULL, "login");
	see(f, "n", VP_EV_UP, NULL, "up");
	assert_string_equal(phases(f, "n", true), "power dhcp loader kernel initrd config partition packages post ack reboot disk up");
	/* Installed once more: a run of its own, found first. */
	arm(f, "n", "{}");
	see(f, "n", VP_EV_LEASE, NULL, "lease");
	assert_string_equal(phases(f, "n", false), "power dhcp*");
	/* All that is kept of it goes with it. */
	assert_int_equal(vp_state_drop(f->s, "n", &f->err), 0);
	assert_string_equal(phases(f, "n", true), "");
}

/* A machine that vprov does not switch on is first heard of by its lease. */
static void test_run_without_power(void **state)
{
	struct fixture *f = *state;
	struct vp_node_row row;

	arm(f, "n", "{}");
	install(f, "n");
	see(f, "n", VP_EV_UP, NULL, "up");
	row = get(f, "n");
	row.life = VP_ARMED;
	assert_int_equal(vp_state_put(f->s, &row, &f->err), 0);
	see(f, "n", VP_EV_LEASE, NULL, "lease");
	assert_string_equal(phases(f, "n", false), "dhcp*");
}

static void test_ends(void **state)
{
	struct fixture *f = *state;

	arm(f, "n", "{}");
	see(f, "n", VP_EV_LEASE, NULL, "lease");
	see(f, "n", VP_EV_FAILED, NULL, "no disk");
	assert_string_equal(phases(f, "n", false), "power dhcp");
	/* What failed goes nowhere any more. */
	see(f, "n", VP_EV_LOADER, NULL, "boot loader sent");
	assert_string_equal(phases(f, "n", true), "power dhcp");

	arm(f, "m", "{}");
	see(f, "m", VP_EV_LEASE, NULL, "lease");
	assert_int_equal(vp_state_health(f->s, "m", VP_STALLED, "why", &f->err), 0);
	assert_string_equal(phases(f, "m", false), "power dhcp");
	/* Late, but it comes. */
	see(f, "m", VP_EV_LOADER, NULL, "boot loader sent");
	assert_string_equal(phases(f, "m", true), "power dhcp loader*");
	assert_int_equal(get(f, "m").health, VP_OK);
	assert_int_equal(vp_state_health(f->s, "m", VP_STALLED, "why", &f->err), 0);
	assert_int_equal(vp_phase_again(f->s, "m", &f->err), 0);
	assert_string_equal(phases(f, "m", true), "power dhcp loader loader*");
	assert_int_equal(get(f, "m").health, VP_OK);
	assert_string_equal(get(f, "m").reason, "");
}

static void test_seen(void **state)
{
	struct fixture *f = *state;

	arm(f, "n", "{}");
	assert_string_equal(get(f, "n").seen, "");
	see(f, "n", VP_EV_LEASE, NULL, "lease 10.0.0.5");
	assert_string_equal(get(f, "n").seen, "dhcp: lease 10.0.0.5");
	assert_int_equal(vp_phase_seen(f->s, "n", "http: GET /x: 404\n\033[m", &f->err), 0);
	assert_string_equal(get(f, "n").seen, "http: GET /x: 404??[m");
	assert_int_equal(vp_phase_enter(f->s, "n", VP_PHASE_CONFIG, "http: GET /x: 404", &f->err), 0);
	assert_int_equal(vp_phase_enter(f->s, "n", VP_PHASE_LOADER, "late", &f->err), 0);
	assert_string_equal(phases(f, "n", true), "power dhcp config*");
}

static void test_choice(void **state)
{
	double few[] = { 1, 2, 3, 4 }, many[] = { 9, 1, 8, 2, 7, 3, 6, 4, 5, 100 }, quick[] = { 1, 1, 1, 1, 1 },
	       long_ago[] = { 900, 900, 900, 900, 900 }, hundred[100];
	struct vp_limit l;

	(void)state;
	vp_limit_choose(0, 60, NULL, 0, &l);
	assert_int_equal(l.from, VP_LIMIT_DEFAULT);
	assert_true(l.seconds == 60 && !l.runs);
	vp_limit_choose(0, 60, few, 4, &l);
	assert_int_equal(l.from, VP_LIMIT_DEFAULT);
	assert_true(l.seconds == 60 && l.runs == 4 && l.median == 3);
	vp_limit_choose(0, 200, many, 10, &l);
	assert_int_equal(l.from, VP_LIMIT_LEARNT);
	assert_true(l.p95 == 100 && l.seconds == 300 && l.median == 6);
	/* What was said decides over what was learnt. */
	vp_limit_choose(7, 200, many, 10, &l);
	assert_int_equal(l.from, VP_LIMIT_GIVEN);
	assert_true(l.seconds == 7 && l.p95 == 100);
	vp_limit_choose(0, 60, quick, 5, &l);
	assert_true(l.from == VP_LIMIT_LEARNT && l.seconds == 30);
	vp_limit_choose(0, 60, long_ago, 5, &l);
	assert_true(l.from == VP_LIMIT_LEARNT && l.seconds == 240);
	for (int i = 0; i < 100; i++)
		hundred[i] = 100 - i;
	vp_limit_choose(0, 1000, hundred, 100, &l);
	assert_true(l.p95 == 95 && l.seconds == 285);
	/* A phase without a deadline stays without. */
	vp_limit_choose(0, 0, long_ago, 5, &l);
	assert_true(l.seconds == 0 && l.from == VP_LIMIT_DEFAULT);
}

static void test_learning(void **state)
{
	struct fixture *f = *state;
	const char *json = "{\"firmware\": \"bios\", \"role\": \"worker\"}";
	struct vp_node_row row;
	struct vp_limit l;
	double eta;

	arm(f, "n", json);
	row = get(f, "n");
	assert_string_equal(vp_phase_class(f->a, &row), "kvm/image/bios/worker");
	assert_int_equal(vp_phase_eta(f->s, f->a, &row, &eta, &f->err), 0);
	assert_true(eta < 0);
	for (int i = 0; i < 60; i++) {
		arm(f, "n", json);
		install(f, "n");
		/* The third is waited for twice, the fourth fails: neither is history. */
		if (i == 2)
			assert_int_equal(vp_phase_again(f->s, "n", &f->err), 0);
		see(f, "n", i == 3 ? VP_EV_FAILED : VP_EV_UP, NULL, "end");
		row = get(f, "n");
		assert_int_equal(vp_phase_limit(f->s, f->a, &row, VP_PHASE_DHCP, &l, &f->err), 0);
		assert_int_equal(l.runs, i < 2 ? i + 1 : i < 4 ? 2 : i - 1 > 50 ? 50 : i - 1);
		assert_int_equal(l.from, l.runs < 5 ? VP_LIMIT_DEFAULT : VP_LIMIT_LEARNT);
	}
	assert_non_null(strstr(vp_limit_text(f->a, &l), "learnt from 50 runs, p95 "));
	/* Of the class, whatever the node; another class knows nothing. */
	arm(f, "m", json);
	row = get(f, "m");
	assert_int_equal(vp_phase_eta(f->s, f->a, &row, &eta, &f->err), 0);
	assert_true(eta >= 0 && eta < 60);
	arm(f, "o", "{\"firmware\": \"uefi\", \"role\": \"worker\"}");
	row = get(f, "o");
	assert_int_equal(vp_phase_limit(f->s, f->a, &row, VP_PHASE_DHCP, &l, &f->err), 0);
	assert_int_equal(l.runs, 0);
	/* What is learnt outlives the node. */
	assert_int_equal(vp_state_drop(f->s, "n", &f->err), 0);
	row = get(f, "m");
	assert_int_equal(vp_phase_limit(f->s, f->a, &row, VP_PHASE_DHCP, &l, &f->err), 0);
	assert_int_equal(l.runs, 50);
}

static void test_defaults(void **state)
{
	static const struct {
		const char *virt, *method, *json;
		enum vp_phase phase;
		double seconds;
	} cases[] = {
		{ "kvm", "", "{}", VP_PHASE_DHCP, 60 },
		{ "qemu", "", "{}", VP_PHASE_DHCP, 600 },
		{ "kvm", "kickstart", "{}", VP_PHASE_DHCP, 60 },
		{ "kvm", "image", "{}", VP_PHASE_CONFIG, 60 },
		/* The whole of anaconda may be in it. */
		{ "kvm", "kickstart", "{}", VP_PHASE_CONFIG, 4 * 3600 },
		/* Without a ROM what others show is in the first phase. */
		{ "xen-para", "", "{}", VP_PHASE_POWER, 90 + 60 + 60 + 60 + 120 },
		{ "kvm", "", "{\"deadlines\": {\"dhcp\": 7}}", VP_PHASE_DHCP, 7 },
		{ "kvm", "", "{\"deadlines\": {\"dhcp\": 7}}", VP_PHASE_LOADER, 60 },
		{ "kvm", "", "no JSON", VP_PHASE_LOADER, 60 },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < vp_count(cases); i++) {
		const struct vp_node_row row = { .virt = cases[i].virt, .method = cases[i].method, .json = cases[i].json };
		struct vp_limit l;

		assert_int_equal(vp_phase_limit(f->s, f->a, &row, cases[i].phase, &l, &f->err), 0);
		if (l.seconds != cases[i].seconds)
			fail_msg("case %zu: %g s", i, l.seconds);
	}
}

static void test_judge(void **state)
{
	static const struct {
		double began, news, limit, silence;
		bool moving;
		enum vp_health want;
	} cases[] = {
		{ 100, 100, 60, 90, false, VP_STALLED },
		{ 150, 150, 60, 90, false, VP_SLOW },
		{ 180, 180, 60, 90, false, VP_OK },
		{ 180, 110, 60, 90, false, VP_STALLED },
		{ 180, 150, 60, 90, false, VP_SLOW },
		{ 180, 160, 60, 90, false, VP_OK },
		/* News do not excuse a phase that never ends. */
		{ 140, 200, 60, 90, false, VP_STALLED },
		{ 140, 140, 0, 0, false, VP_OK },
		{ 100, 100, 60, 90, true, VP_SLOW },
		{ 20, 200, 60, 90, true, VP_STALLED },
		{ 150, -70, 60, 90, true, VP_STALLED },
		{ 180, 180, 60, 90, true, VP_OK },
	};

	(void)state;
	for (size_t i = 0; i < vp_count(cases); i++) {
		const struct vp_phase_clock c = { cases[i].began, cases[i].news, cases[i].limit, cases[i].silence, cases[i].moving };

		if (vp_phase_judge(&c, 200) != cases[i].want)
			fail_msg("case %zu: %s", i, vp_health_name(vp_phase_judge(&c, 200)));
	}
}

/* The clocks of a row are set back, as if time had passed. */
static void age(struct fixture *f, const char *name, double seconds)
{
	struct vp_node_row row = get(f, name);

	row.last_evidence -= seconds;
	assert_int_equal(vp_state_put(f->s, &row, &f->err), 0);
}

static void check(struct fixture *f, const char *name, bool moving, double from, enum vp_health want, const char *reason)
{
	struct vp_node_row row = get(f, name), after;

	assert_int_equal(vp_phase_check(f->s, f->a, &row, moving, from, true, &f->err), 0);
	after = get(f, name);
	if (row.health != want || after.health != want)
		fail_msg("%s, in the database %s: %s", vp_health_name(row.health), vp_health_name(after.health), row.reason);
	assert_string_equal(row.reason, after.reason);
	if (!strstr(row.reason, reason))
		fail_msg("'%s' has no '%s'", row.reason, reason);
}

static void test_verdict(void **state)
{
	struct fixture *f = *state;
	struct vp_node_row row;

	arm(f, "n", "{\"deadline\": 1000}");
	check(f, "n", false, 0, VP_OK, "");
	see(f, "n", VP_EV_LEASE, NULL, "lease 10.0.0.5");
	age(f, "n", 600);
	/* Who has just begun to look has to wait. */
	check(f, "n", false, vp_wall(), VP_OK, "");
	check(f, "n", true, 0, VP_OK, "");
	check(f, "n", false, 0, VP_SLOW, "slow in phase dhcp");
	see(f, "n", VP_EV_LOADER, NULL, "boot loader sent");
	assert_int_equal(get(f, "n").health, VP_OK);
	assert_int_equal(vp_phase_seen(f->s, "n", "http: GET /boot/n/config: 404", &f->err), 0);
	age(f, "n", 1012);
	/* Only looked at: nothing is written. */
	row = get(f, "n");
	assert_int_equal(vp_phase_check(f->s, f->a, &row, false, 0, false, &f->err), 0);
	assert_int_equal(row.health, VP_STALLED);
	assert_int_equal(get(f, "n").health, VP_OK);
	check(f, "n", false, 0, VP_STALLED, "stopped in phase loader after http: GET /boot/n/config: 404 (1012 s ago); it may be silent for 1000 s");
	assert_string_equal(phases(f, "n", true), "power dhcp loader");
	/* Nothing was ever heard; an installer of an operating system says nothing for long. */
	arm(f, "m", "{\"deadlines\": {\"power\": 1}}");
	sleep(1);
	check(f, "m", false, 0, VP_STALLED, "stopped in phase power: nothing was ever heard of it (1 s); the deadline of this phase is 1 s (given)");
	arm(f, "k", "{}");
	see(f, "k", VP_EV_CONFIG, NULL, "configuration handed out");
	row = get(f, "k");
	row.method = "kickstart";
	assert_int_equal(vp_state_put(f->s, &row, &f->err), 0);
	age(f, "k", 3000);
	check(f, "k", false, 0, VP_OK, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test_setup_teardown(test_run, setup, teardown),
		cmocka_unit_test_setup_teardown(test_run_without_power, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(test_seen, setup, teardown),
		cmocka_unit_test(test_choice),
		cmocka_unit_test_setup_teardown(test_learning, setup, teardown),
		cmocka_unit_test_setup_teardown(test_defaults, setup, teardown),
		cmocka_unit_test(test_judge),
		cmocka_unit_test_setup_teardown(test_verdict, setup, teardown),
	};

	return cmocka_run_group_tests_name("phase", tests, NULL, NULL);
}
