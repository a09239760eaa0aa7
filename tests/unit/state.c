// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../provision/state/journal.h"
#include "../../provision/state/service.h"

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

	snprintf(f->dir, sizeof(f->dir), "%s/vpstate.XXXXXX", tmp && strlen(tmp) < 40 ? tmp : "/tmp");
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

static void put(struct fixture *f, const char *name, enum vp_life life)
{
	const struct vp_node_row row = { .name = name,
					 .mac = "02:00:00:00:00:0A",
					 .ip = "10.0.0.5",
					 .life = life,
					 .armed = true,
					 .token_live = true,
					 .token = "t",
					 .json = "{}" };

	assert_int_equal(vp_state_put(f->s, &row, &f->err), 0);
}

static struct vp_node_row get(struct fixture *f, const char *name)
{
	struct vp_node_row row;

	assert_int_equal(vp_state_node(f->s, f->a, name, &row, &f->err), 1);
	return row;
}

static void test_life_forward_only(void **state)
{
	static const enum vp_evidence order[] = { VP_EV_LEASE, VP_EV_LOADER, VP_EV_KERNEL, VP_EV_CONFIG,  VP_EV_PHASE,
						  VP_EV_ACK,   VP_EV_DISK,   VP_EV_UP,	   VP_EV_VERIFIED };
	enum vp_life life = VP_ARMED;

	(void)state;
	for (size_t i = 0; i < vp_count(order); i++) {
		enum vp_health health = VP_OK;
		enum vp_life next = vp_life_next(life, order[i], &health);

		assert_int_equal(next, life + 1);
		assert_int_equal(health, VP_OK);
		/* The same again, and everything earlier again, changes nothing. */
		for (size_t k = 0; k <= i; k++)
			assert_int_equal(vp_life_next(next, order[k], &health), next);
		assert_int_equal(health, VP_OK);
		life = next;
	}
}

static void test_life_failures(void **state)
{
	(void)state;
	for (int life = VP_DEFINED; life < VP_LIFE__COUNT; life++) {
		enum vp_health health = VP_OK;

		/* A second network boot is a failure exactly between the configuration and the running system. */
		assert_int_equal(vp_life_next((enum vp_life)life, VP_EV_NETBOOT_AGAIN, &health), life);
		assert_int_equal(health, life >= VP_CONFIG && life <= VP_INSTALLING ? VP_FAILED : VP_OK);
		/* What failed does not go on by itself. */
		health = VP_FAILED;
		for (int ev = 0; ev < VP_EV_VERIFIED; ev++) {
			assert_int_equal(vp_life_next((enum vp_life)life, (enum vp_evidence)ev, &health), life);
			assert_int_equal(health, VP_FAILED);
		}
	}
}

static void test_life_lost_messages(void **state)
{
	enum vp_health health = VP_SLOW;

	(void)state;
	/* No ack and no console line: the system that reports from its disk is up all the same. */
	assert_int_equal(vp_life_next(VP_INSTALLING, VP_EV_UP, &health), VP_UP);
	assert_int_equal(health, VP_OK);
	/* Nothing that an unarmed node sends makes it anything. */
	assert_int_equal(vp_life_next(VP_DEFINED, VP_EV_UP, &health), VP_DEFINED);
	assert_int_equal(vp_life_next(VP_DEFINED, VP_EV_ACK, &health), VP_DEFINED);
	for (int i = 0; i < VP_LIFE__COUNT; i++)
		assert_int_equal(vp_life_find(vp_life_name((enum vp_life)i)), i);
	for (int i = 0; i < VP_HEALTH__COUNT; i++)
		assert_int_equal(vp_health_find(vp_health_name((enum vp_health)i)), i);
	assert_int_equal(vp_life_find("nonsense"), -1);
}

static void test_config_once(void **state)
{
	struct fixture *f = *state;

	put(f, "n", VP_KERNEL);
	assert_int_equal(vp_state_take_config(f->s, "n", &f->err), 1);
	assert_int_equal(vp_state_take_config(f->s, "n", &f->err), 0);
	assert_int_equal(vp_state_take_config(f->s, "other", &f->err), 0);
	assert_int_equal(get(f, "n").installs, 1);
	assert_false(get(f, "n").armed);
}

/* Ten processes want the configuration at the same moment: one gets it. */
static void test_config_once_among_many(void **state)
{
	struct fixture *f = *state;
	int got = 0, status;

	put(f, "n", VP_KERNEL);
	for (int i = 0; i < 10; i++) {
		if (!fork()) {
			struct vp_state *s = vp_state_open(f->dir, false, NULL);

			_exit(s ? vp_state_take_config(s, "n", NULL) == 1 : 2);
		}
	}
	for (int i = 0; i < 10; i++) {
		assert_true(wait(&status) > 0 && WIFEXITED(status) && WEXITSTATUS(status) < 2);
		got += WEXITSTATUS(status);
	}
	assert_int_equal(got, 1);
}

/* Opening while the last user closes: nobody is told that the database is locked. */
static void test_comings_and_goings(void **state)
{
	struct fixture *f = *state;
	int status;

	vp_state_close(f->s);
	for (int i = 0; i < 8; i++) {
		if (fork())
			continue;
		for (int k = 0; k < 40; k++) {
			struct vp_state *s = vp_state_open(f->dir, k & 1, NULL);

			if (!s || vp_state_event(s, "n", "test", "x", NULL))
				_exit(1);
			vp_state_close(s);
		}
		_exit(0);
	}
	for (int i = 0; i < 8; i++)
		assert_true(wait(&status) > 0 && status == 0);
	f->s = vp_state_open(f->dir, false, &f->err);
	assert_non_null(f->s);
}

static void test_evidence(void **state)
{
	struct fixture *f = *state;
	struct vp_events ev = { 0 };

	put(f, "n", VP_CONFIG);
	assert_int_equal(vp_state_evidence(f->s, "n", VP_EV_PHASE, "unpack", 43, "unpack 43", &f->err), 0);
	assert_string_equal(get(f, "n").phase, "unpack");
	assert_int_equal(get(f, "n").percent, 43);
	assert_int_equal(get(f, "n").life, VP_INSTALLING);
	assert_int_equal(vp_state_evidence(f->s, "n", VP_EV_FAILED, NULL, -1, "mkfs failed\033[2J\nmore", &f->err), 0);
	assert_int_equal(get(f, "n").health, VP_FAILED);
	assert_string_equal(get(f, "n").reason, "mkfs failed?[2J");
	assert_int_equal(vp_state_evidence(f->s, "n", VP_EV_ACK, NULL, -1, "late", &f->err), 0);
	assert_int_equal(get(f, "n").life, VP_INSTALLING);
	assert_int_equal(vp_state_evidence(f->s, "absent", VP_EV_ACK, NULL, -1, "", &f->err), -1);
	assert_int_equal(f->err.code, VP_E_NOTFOUND);
	assert_int_equal(vp_state_events(f->s, f->a, "n", 0, &ev, &f->err), 0);
	assert_string_equal(ev.items[0].source, "life");
	assert_string_equal(ev.items[0].text, "installing");
}

static void test_lookup(void **state)
{
	struct fixture *f = *state;
	struct vp_node_row row;

	put(f, "n", VP_ARMED);
	assert_int_equal(vp_state_node_by_mac(f->s, f->a, "02:00:00:00:00:0a", &row, &f->err), 1);
	assert_int_equal(vp_state_node_by_mac(f->s, f->a, "02:00:00:00:00:0A", &row, &f->err), 1);
	assert_int_equal(vp_state_node_by_mac(f->s, f->a, "02:00:00:00:00:0b", &row, &f->err), 0);
	assert_int_equal(vp_state_node_by_ip(f->s, f->a, "10.0.0.5", &row, &f->err), 1);
	assert_int_equal(vp_state_node_by_ip(f->s, f->a, "", &row, &f->err), 0);
	assert_int_equal(vp_state_drop(f->s, "n", &f->err), 0);
	assert_int_equal(vp_state_node(f->s, f->a, "n", &row, &f->err), 0);
}

static void test_results(void **state)
{
	struct fixture *f = *state;
	struct vp_results r = { 0 };

	assert_int_equal(vp_state_result_put(f->s, "n", "2026a", "cpu", "old", 3, &f->err), 0);
	assert_int_equal(vp_state_result_put(f->s, "n", "2026b", "cpu", "a\0b", 3, &f->err), 0);
	assert_int_equal(vp_state_result_put(f->s, "n", "2026b", "done", NULL, 0, &f->err), 0);
	assert_int_equal(vp_state_results(f->s, f->a, "n", NULL, &r, &f->err), 0);
	assert_int_equal(r.n, 2);
	assert_int_equal(r.items[0].len, 3);
	assert_memory_equal(r.items[0].data, "a\0b", 3);
	assert_int_equal(r.items[1].len, 0);
}

static void test_lock(void **state)
{
	struct fixture *f = *state;
	int fd = vp_state_lock(f->dir, "apply", &f->err), again;

	assert_true(fd >= 0);
	again = vp_state_lock(f->dir, "destroy", &f->err);
	assert_int_equal(again, -1);
	assert_int_equal(f->err.code, VP_E_LOCKED);
	assert_non_null(strstr(f->err.msg, vp_printf(f->a, "pid %d (vprov apply)", (int)getpid())));
	close(fd);
	again = vp_state_lock(f->dir, "destroy", &f->err);
	assert_true(again >= 0);
	close(again);
}

static void test_journal(void **state)
{
	struct fixture *f = *state;
	const struct vp_record r = { .kind = "tap", .action = "create", .name = "vpt0", .node = "n", .before = "", .after = "br0 0" };
	struct vp_records open = { 0 };
	struct vp_resources made = { 0 };
	int64_t id[2];

	assert_int_equal(vp_journal_start(f->s, &r, &id[0], &f->err), 0);
	assert_int_equal(vp_journal_start(f->s, &r, &id[1], &f->err), 0);
	assert_int_equal(vp_journal_done(f->s, id[0], "tap", "vpt0", "n", "br0 0", &f->err), 0);
	assert_int_equal(vp_journal_open(f->s, f->a, &open, &f->err), 0);
	assert_int_equal(open.n, 2);
	assert_int_equal(open.items[0].id, id[1]);
	assert_false(open.items[0].done);
	assert_true(open.items[1].done);
	assert_int_equal(vp_resources(f->s, f->a, "n", &made, &f->err), 0);
	assert_string_equal(vp_resource_find(&made, "tap", "vpt0")->data, "br0 0");
	assert_int_equal(vp_journal_undone(f->s, id[0], "tap", "vpt0", "n", NULL, &f->err), 0);
	made.n = 0;
	assert_int_equal(vp_resources(f->s, f->a, "n", &made, &f->err), 0);
	assert_int_equal(made.n, 0);
	assert_int_equal(vp_journal_end(f->s, &f->err), 0);
	open.n = 0;
	assert_int_equal(vp_journal_open(f->s, f->a, &open, &f->err), 0);
	assert_int_equal(open.n, 0);
}

static void test_damage(void **state)
{
	struct fixture *f = *state;
	char *dir = vp_printf(f->a, "%s/other", f->dir), *db = vp_printf(f->a, "%s/vprov.db", dir);

	assert_null(vp_state_open(dir, true, &f->err));
	assert_int_equal(f->err.code, VP_E_NOTFOUND);
	assert_int_equal(vp_mkdirs(dir, 0755, &f->err), 0);
	assert_int_equal(vp_write_file(db, "this is no database at all, is it", 33, 0600, &f->err), 0);
	assert_null(vp_state_open(dir, false, &f->err));
	assert_int_equal(f->err.code, VP_E_STATE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life_forward_only),
		cmocka_unit_test(test_life_failures),
		cmocka_unit_test(test_life_lost_messages),
		cmocka_unit_test_setup_teardown(test_config_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_config_once_among_many, setup, teardown),
		cmocka_unit_test_setup_teardown(test_comings_and_goings, setup, teardown),
		cmocka_unit_test_setup_teardown(test_evidence, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lookup, setup, teardown),
		cmocka_unit_test_setup_teardown(test_results, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lock, setup, teardown),
		cmocka_unit_test_setup_teardown(test_journal, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damage, setup, teardown),
	};

	return cmocka_run_group_tests_name("state", tests, NULL, NULL);
}
