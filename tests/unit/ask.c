// SPDX-License-Identifier: Apache-2.0
/* The service and its helper, over the wire: what may be asked is done, and what may not changes nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../provision/state/ask.h"
#include "../../provision/state/phase.h"
#include "../../provision/state/service.h"

#define NODE "n1.example.org"

static struct vp_arena *a;
static char dir[] = "/tmp/vpask.XXXXXX";
static struct vp_state *s;
static struct vp_err err;
static int wire;
static pid_t helper;
/* Whether a right request was the helper's last. */
enum { GONE = 7 };

static int ready(void *arg, unsigned port, struct vp_err *e)
{
	(void)arg;
	return port == 8420 ? 0 : vp_fail(e, VP_E_HTTP, "port %u", port);
}

static void be_helper(int fd)
{
	struct vp_state *own = vp_state_open(dir, false, NULL);

	if (!own || write(fd, "", 1) != 1)
		_exit(1);
	while (!vp_ask_answer(own, fd, ready, NULL))
		;
	vp_state_close(own);
	_exit(GONE);
}

static const char *file(const char *name, const char *text)
{
	char *path = vp_printf(a, "%s/%s", dir, name);

	assert_int_equal(vp_write_file(path, text, strlen(text), 0600, &err), 0);
	return path;
}

static int setup(void **state)
{
	struct vp_node_row row = {
		.name = NODE, .mac = "02:00:00:00:00:0A", .life = VP_ARMED, .armed = true, .token_live = true, .token = "t", .json = "{}"
	};
	int fds[2];
	char up;

	(void)state;
	a = vp_arena_new();
	err = (struct vp_err){ 0 };
	strcpy(dir + sizeof("/tmp/vpask.") - 1, "XXXXXX");
	assert_non_null(mkdtemp(dir));
	assert_int_equal(vp_mkdirs(vp_printf(a, "%s/console", dir), 0755, &err), 0);
	row.kernel = file("kernel", "a kernel");
	row.initrd = dir;
	s = vp_state_open(dir, false, &err);
	assert_non_null(s);
	assert_int_equal(vp_state_put(s, &row, &err), 0);
	vp_state_close(s);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	helper = fork();
	if (!helper) {
		close(fds[0]);
		be_helper(fds[1]);
	}
	close(fds[1]);
	wire = fds[0];
	assert_int_equal(read(wire, &up, 1), 1);
	s = vp_state_open_asking(dir, wire, &err);
	assert_non_null(s);
	return 0;
}

static int teardown(void **state)
{
	int status;

	(void)state;
	vp_state_close(s);
	close(wire);
	waitpid(helper, &status, 0);
	vp_remove_tree(dir, NULL);
	vp_arena_free(a);
	return WIFEXITED(status) && WEXITSTATUS(status) == GONE ? 0 : -1;
}

static struct vp_node_row row_now(void)
{
	struct vp_node_row row;

	assert_int_equal(vp_state_node(s, a, NODE, &row, &err), 1);
	return row;
}

static void what_the_service_asks_is_done(void **state)
{
	struct vp_events events = { 0 };
	struct vp_results results = { 0 };
	char *big = vp_alloc(a, VP_MAX_HTTP_BODY);

	(void)state;
	memset(big, 'x', VP_MAX_HTTP_BODY);
	assert_int_equal(vp_state_lease(s, NODE, "10.0.0.5", &err), 0);
	assert_int_equal(vp_state_evidence(s, NODE, VP_EV_LEASE, NULL, -1, "lease", &err), 0);
	assert_int_equal(vp_phase_seen(s, NODE, "http: GET /", &err), 0);
	assert_int_equal(vp_state_take_config(s, NODE, &err), 1);
	assert_int_equal(vp_state_take_config(s, NODE, &err), 0);
	assert_int_equal(vp_state_event(s, NULL, "dhcp", "of no node", &err), 0);
	assert_int_equal(vp_state_result_put(s, NODE, "run", "cpu", big, VP_MAX_HTTP_BODY, &err), 0);
	assert_int_equal(vp_state_result_put(s, NODE, "run", "empty", NULL, 0, &err), 0);
	assert_int_equal(vp_ask(s, &(struct vp_ask){ .what = VP_ASK_READY, .number = { 8420 } }, &err), 0);
	assert_string_equal(row_now().ip, "10.0.0.5");
	assert_int_equal(row_now().life, VP_DHCP);
	assert_int_equal(row_now().installs, 1);
	assert_string_equal(row_now().seen, "http: GET /");
	assert_int_equal(vp_state_evidence(s, NODE, VP_EV_FAILED, NULL, -1, "mkfs failed\033[2J\n\n+ mkfs\nno space", &err), 0);
	assert_string_equal(row_now().reason, "mkfs failed?[2J");
	assert_int_equal(vp_state_events(s, a, "", 0, &events, &err), 0);
	assert_int_equal(events.n, 1);
	assert_int_equal(vp_state_events(s, a, NODE, 0, &events, &err), 0);
	assert_string_equal(events.items[events.n - 1].text, "mkfs failed?[2J; + mkfs; no space");
	assert_int_equal(vp_state_results(s, a, NODE, "run", &results, &err), 0);
	assert_int_equal(results.n, 2);
	assert_int_equal(results.items[0].len, VP_MAX_HTTP_BODY);
}

static void all_else_it_cannot(void **state)
{
	struct vp_node_row row = row_now();

	(void)state;
	row.json = "{\"profile\": \"/etc/shadow\"}";
	assert_int_equal(vp_state_put(s, &row, &err), -1);
	assert_int_equal(vp_state_drop(s, NODE, &err), -1);
	assert_int_equal(vp_state_health(s, NODE, VP_FAILED, "no", &err), -1);
	assert_string_equal(row_now().json, "{}");
	assert_int_equal(row_now().health, VP_OK);
}

static void what_is_wrong_is_answered(void **state)
{
	static const struct vp_ask wrong[] = {
		{ .what = VP_ASK_NOTHING },
		{ .what = (enum vp_ask_what)99, .text = { NODE, "", "" } },
		{ .what = VP_ASK_EVENT, .text = { NODE, "http" } },
		{ .what = VP_ASK_EVIDENCE, .text = { NODE, NULL, "x" }, .number = { VP_EV__COUNT } },
		{ .what = VP_ASK_EVIDENCE, .text = { NODE, NULL, "x" }, .number = { -1 } },
		{ .what = VP_ASK_EVIDENCE, .text = { NODE } },
		{ .what = VP_ASK_ENTER, .text = { NODE, "x" }, .number = { VP_PHASE__COUNT } },
		{ .what = VP_ASK_TAKE_CONFIG },
		{ .what = VP_ASK_RESULT, .text = { NODE, "run" } },
		{ .what = VP_ASK_FILE, .text = { "../../etc/passwd" }, .number = { VP_FILE_CONSOLE } },
		{ .what = VP_ASK_FILE, .text = { NODE }, .number = { VP_FILE_INITRD } },
		{ .what = VP_ASK_READY, .number = { 1 } },
	};

	(void)state;
	for (size_t i = 0; i < vp_count(wrong); i++) {
		err = (struct vp_err){ 0 };
		assert_int_equal(vp_ask(s, &wrong[i], &err), -1);
		assert_true(err.msg[0]);
	}
	/* A node that has gone meanwhile is no failure. */
	assert_int_equal(vp_ask(s, &(struct vp_ask){ .what = VP_ASK_CHECK, .text = { "gone" } }, &err), 0);
	assert_int_equal(row_now().life, VP_ARMED);
	assert_int_equal(row_now().installs, 0);
}

static void words_are_printable(void **state)
{
	struct vp_events events = { 0 };

	(void)state;
	assert_int_equal(vp_state_event(s, NODE, "ht\033[2Jtp", "a\033]0;b", &err), 0);
	assert_int_equal(vp_state_events(s, a, NODE, 0, &events, &err), 0);
	assert_string_equal(events.items[0].source, "ht?[2Jtp");
	assert_string_equal(events.items[0].text, "a?]0;b");
}

static void files_of_a_node_are_opened(void **state)
{
	char *log = vp_printf(a, "%s/console/" NODE ".log", dir), text[16] = "";
	int fd = vp_state_file(s, NODE, VP_FILE_KERNEL, &err);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(read(fd, text, sizeof(text)), 8);
	assert_string_equal(text, "a kernel");
	close(fd);
	assert_int_equal(vp_state_file(s, NODE, VP_FILE_CONSOLE, &err), -1);
	/* Whoever can write there does not make the helper follow. */
	assert_int_equal(symlink("/etc/passwd", log), 0);
	assert_int_equal(vp_state_file(s, NODE, VP_FILE_CONSOLE, &err), -1);
	assert_int_equal(unlink(log), 0);
	file("console/" NODE ".log", "boot");
	fd = vp_state_file(s, NODE, VP_FILE_CONSOLE, &err);
	assert_true(fd >= 0);
	close(fd);
}

/* The helper hangs up on what is no request, however it is none; teardown sees that it ended by itself. */
static void garbage_ends_it(void **state)
{
	char garbage[4096];

	(void)state;
	memset(garbage, 0xfe, sizeof(garbage));
	assert_int_equal(vp_send_all(wire, garbage, sizeof(garbage)), 0);
	assert_int_equal(vp_state_event(s, NODE, "http", "too late", &err), -1);
	assert_non_null(strstr(err.msg, "does not answer"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_the_service_asks_is_done, setup, teardown),
		cmocka_unit_test_setup_teardown(all_else_it_cannot, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_wrong_is_answered, setup, teardown),
		cmocka_unit_test_setup_teardown(words_are_printable, setup, teardown),
		cmocka_unit_test_setup_teardown(files_of_a_node_are_opened, setup, teardown),
		cmocka_unit_test_setup_teardown(garbage_ends_it, setup, teardown),
	};

	return cmocka_run_group_tests_name("ask", tests, NULL, NULL);
}
