// SPDX-License-Identifier: Apache-2.0
/* Status, log and console over a state database of their own; hypervisors are libvirt's test driver. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../provision/cmd/cmd.h"

#define UUID(n) "6ba7b810-9dad-11d1-80b4-00c04fd430" n

struct world {
	struct vp_ctx c;
	struct vp_state *state;
	const char *dir, *uri;
	/* What the command wrote to stdout. */
	struct vp_buf out;
};

/* run states of libvirt's test driver: 1 running, 3 paused, 5 shut off, 6 crashed */
#define DOMAIN(name, uuid, state)                                                                                                                    \
	"<domain type='test' xmlns:test='http://libvirt.org/schemas/domain/test/1.0'><name>" name "</name><uuid>" uuid "</uuid>"                     \
	"<memory unit='MiB'>512</memory><vcpu>2</vcpu><os><type>hvm</type></os><test:runstate>" state "</test:runstate></domain>"
static const char hypervisor[] = "<node>" DOMAIN("good", UUID("01"), "1") DOMAIN("paused", UUID("02"), "3") DOMAIN("off", UUID("03"), "5")
	DOMAIN("crashed", UUID("04"), "6") DOMAIN("other", UUID("ff"), "1") DOMAIN("small", UUID("06"), "1") "</node>";

static void add(struct world *w, const char *name, const char *uuid, enum vp_life life, unsigned mib)
{
	struct vp_err err = { 0 };
	struct vp_node_row row = {
		.name = name,
		.uuid = uuid,
		.virt = "qemu",
		.host = w->uri,
		.life = life,
		.phase = life == VP_INSTALLING ? "unpack" : "",
		.percent = life == VP_INSTALLING ? 40 : 0,
		.since = 1795290000,
		.reason = "",
		.json = vp_printf(w->c.arena, "{\"memory_mib\":%u,\"vcpus\":2}", mib),
	};

	assert_int_equal(vp_state_put(w->state, &row, &err), 0);
}

static int setup(void **state)
{
	struct world *w = vp_xcalloc(1, sizeof(*w));
	const char *tmp = getenv("TMPDIR");
	struct vp_err err = { 0 };
	char *dir;

	w->c = (struct vp_ctx){ .command = "test", .arena = vp_arena_new(), .virt = -1 };
	dir = vp_printf(w->c.arena, "%s/vprov-cmd.XXXXXX", tmp ? tmp : "/tmp");
	*state = w;
	if (!mkdtemp(dir) || vp_write_file(vp_printf(w->c.arena, "%s/test.xml", dir), hypervisor, strlen(hypervisor), 0644, &err))
		return -1;
	w->dir = dir;
	w->uri = vp_printf(w->c.arena, "test://%s/test.xml", dir);
	w->c.state_dir = vp_printf(w->c.arena, "%s/state", dir);
	w->state = vp_state_open(w->c.state_dir, false, &err);
	vp_interrupted = 0;
	vp_out = (struct vp_out){ 0 };
	return w->state ? 0 : -1;
}

static int teardown(void **state)
{
	struct world *w = *state;
	struct vp_err err = { 0 };
	int rc;

	vp_state_close(w->state);
	rc = vp_remove_tree(w->dir, &err);
	vp_buf_free(&w->out);
	vp_arena_free(w->c.arena);
	free(w);
	return rc;
}

/* Runs a command with these arguments, catching what it writes. */
static int run(struct world *w, int (*cmd)(struct vp_ctx *), const char *const *args, size_t n)
{
	const char *path = vp_printf(w->c.arena, "%s/out", w->dir);
	struct vp_err err = { 0 };
	int saved = dup(STDOUT_FILENO), rc;

	fflush(stdout);
	assert_non_null(freopen(path, "w", stdout));
	w->c.args = args;
	w->c.nargs = n;
	rc = cmd(&w->c);
	fflush(stdout);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	w->out.len = 0;
	assert_int_equal(vp_read_file(path, 1u << 20, &w->out, &err), 0);
	return rc;
}

/* The one node of `status --json NAME`. */
static json_t *status_of(struct world *w, const char *name)
{
	json_t *root, *node;

	w->c.json = true;
	assert_int_equal(run(w, vp_cmd_status, &name, 1), 0);
	root = json_loads(vp_buf_str(&w->out), 0, NULL);
	assert_int_equal(json_array_size(json_object_get(root, "nodes")), 1);
	node = json_incref(json_array_get(json_object_get(root, "nodes"), 0));
	json_decref(root);
	return node;
}

static const char *member(json_t *node, const char *key)
{
	const char *s = json_string_value(json_object_get(node, key));

	return s ? s : "(none)";
}

static void test_json_keys(void **state)
{
	struct world *w = *state;
	json_t *node;

	add(w, "good", UUID("01"), VP_INSTALLING, 512);
	node = status_of(w, "good");
	assert_string_equal(member(node, "name"), "good");
	assert_string_equal(member(node, "state"), "installing");
	assert_string_equal(member(node, "since"), "2026-11-21T19:40:00Z");
	assert_string_equal(member(node, "reason"), "");
	assert_string_equal(member(node, "virt"), "qemu");
	assert_string_equal(member(node, "host"), w->uri);
	assert_string_equal(member(node, "phase"), "unpack");
	assert_int_equal(json_integer_value(json_object_get(node, "progress")), 40);
	assert_true(json_is_false(json_object_get(node, "restart_pending")));
	json_decref(node);
}

static void test_health_decides(void **state)
{
	struct world *w = *state;
	struct vp_err err = { 0 };
	json_t *node;

	add(w, "good", UUID("01"), VP_KERNEL, 512);
	assert_int_equal(vp_state_health(w->state, "good", VP_STALLED, "no news for 600 s", &err), 0);
	node = status_of(w, "good");
	assert_string_equal(member(node, "state"), "stalled");
	assert_string_equal(member(node, "life"), "kernel");
	assert_string_equal(member(node, "reason"), "no news for 600 s");
	json_decref(node);
}

/* The database says up; the hypervisor knows better. */
static void test_hypervisor_decides(void **state)
{
	static const struct {
		const char *name, *uuid, *said, *reason;
		enum vp_life life;
	} cases[] = {
		{ "good", UUID("01"), "up", "", VP_UP },
		{ "absent", UUID("09"), "unknown", "is gone", VP_UP },
		{ "off", UUID("03"), "unknown", "shut off", VP_UP },
		{ "off", UUID("03"), "unknown", "shut off", VP_INSTALLING },
		{ "off", UUID("03"), "defined", "", VP_DEFINED },
		{ "off", UUID("03"), "armed", "", VP_ARMED },
		{ "off", UUID("03"), "acked", "", VP_ACKED },
		{ "paused", UUID("02"), "unknown", "paused", VP_VERIFIED },
		{ "crashed", UUID("04"), "failed", "crashed", VP_VERIFIED },
		{ "other", UUID("05"), "unknown", "another one has its name", VP_UP },
	};
	struct world *w = *state;

	for (size_t i = 0; i < vp_count(cases); i++) {
		json_t *node;

		add(w, cases[i].name, cases[i].uuid, cases[i].life, 512);
		node = status_of(w, cases[i].name);
		if (strcmp(member(node, "state"), cases[i].said) != 0)
			print_error("%s in %s: %s\n", cases[i].name, vp_life_name(cases[i].life), member(node, "state"));
		assert_string_equal(member(node, "state"), cases[i].said);
		assert_non_null(strstr(member(node, "reason"), cases[i].reason));
		json_decref(node);
	}
}

static void test_restart_pending(void **state)
{
	struct world *w = *state;
	json_t *node;

	add(w, "small", UUID("06"), VP_UP, 1024);
	node = status_of(w, "small");
	assert_string_equal(member(node, "state"), "up");
	assert_true(json_is_true(json_object_get(node, "restart_pending")));
	assert_non_null(strstr(member(node, "reason"), "restart pending"));
	json_decref(node);
}

static void test_no_hypervisor(void **state)
{
	struct world *w = *state;
	json_t *node;

	w->uri = "test:///no/such/file.xml";
	add(w, "good", UUID("01"), VP_UP, 512);
	node = status_of(w, "good");
	assert_string_equal(member(node, "state"), "unknown");
	assert_non_null(strstr(member(node, "reason"), "no/such/file"));
	json_decref(node);
}

static void test_table(void **state)
{
	struct world *w = *state;

	add(w, "good", UUID("01"), VP_INSTALLING, 512);
	add(w, "off", UUID("03"), VP_UP, 512);
	assert_int_equal(run(w, vp_cmd_status, NULL, 0), 0);
	assert_non_null(strstr(w->out.data, "NODE"));
	assert_non_null(strstr(w->out.data, "unpack 40%"));
	assert_non_null(strstr(w->out.data, "shut off"));
}

static void interrupt(int sig)
{
	vp_interrupted = sig;
}

/* One line per change, and none where nothing changed. */
static void test_watch(void **state)
{
	struct world *w = *state;
	const char *line;

	add(w, "good", UUID("01"), VP_UP, 512);
	w->c.watch = true;
	signal(SIGALRM, interrupt);
	alarm(2);
	assert_int_equal(run(w, vp_cmd_status, NULL, 0), 0);
	line = strstr(vp_buf_str(&w->out), "good: up");
	assert_non_null(line);
	assert_null(strstr(line + 1, "good"));
}

/* Watching may begin before there is anything. */
static void test_watch_first(void **state)
{
	struct world *w = *state;
	struct vp_err err = { 0 };
	pid_t child;

	vp_state_close(w->state);
	w->state = NULL;
	assert_int_equal(vp_remove_tree(w->c.state_dir, &err), 0);
	fflush(stdout);
	child = fork();
	if (!child) {
		usleep(500000);
		w->state = vp_state_open(w->c.state_dir, false, &err);
		w->uri = "";
		add(w, "late", UUID("01"), VP_ARMED, 512);
		_exit(0);
	}
	w->c.watch = true;
	signal(SIGALRM, interrupt);
	alarm(2);
	assert_int_equal(run(w, vp_cmd_status, NULL, 0), 0);
	waitpid(child, NULL, 0);
	assert_non_null(strstr(vp_buf_str(&w->out), "late: armed"));
}

static void test_log(void **state)
{
	static const char *const good[] = { "good" };
	struct world *w = *state;
	struct vp_err err = { 0 };
	json_t *root, *events;

	add(w, "good", UUID("01"), VP_UP, 512);
	add(w, "off", UUID("03"), VP_UP, 512);
	vp_state_event(w->state, "good", "dhcp", "lease \033[2J", &err);
	vp_state_event(w->state, "off", "tftp", "loader", &err);
	assert_int_equal(run(w, vp_cmd_log, NULL, 0), 0);
	assert_non_null(strstr(w->out.data, "lease ?[2J\n"));
	assert_non_null(strstr(w->out.data, "loader"));
	w->c.json = true;
	assert_int_equal(run(w, vp_cmd_log, good, 1), 0);
	root = json_loads(w->out.data, 0, NULL);
	events = json_object_get(root, "events");
	assert_int_equal(json_array_size(events), 1);
	assert_string_equal(member(json_array_get(events, 0), "source"), "dhcp");
	assert_string_equal(member(json_array_get(events, 0), "node"), "good");
	json_decref(root);
	/* --follow starts with what there is: one document a line. */
	w->c.follow = true;
	signal(SIGALRM, interrupt);
	alarm(1);
	assert_int_equal(run(w, vp_cmd_log, NULL, 0), 0);
	assert_int_equal(strncmp(w->out.data, "{\"id\":", 6), 0);
	assert_non_null(strstr(w->out.data, "}\n{\"id\":"));
}

static void test_console(void **state)
{
	static const char *const good[] = { "good" };
	static const char text[] = "SeaBIOS\033[2J\033[0m\r\nlogin: \033]0;title\ax\033c\n";
	struct world *w = *state;
	struct vp_err err = { 0 };
	const char *path = vp_console_path(w->c.arena, w->c.state_dir, "good");

	add(w, "good", UUID("01"), VP_UP, 512);
	assert_int_equal(vp_mkdirs(vp_printf(w->c.arena, "%s/console", w->c.state_dir), 0755, &err), 0);
	assert_int_equal(vp_write_file(path, text, strlen(text), 0644, &err), 0);
	assert_int_equal(run(w, vp_cmd_console, good, 1), 0);
	assert_string_equal(w->out.data, text);
	/* On a terminal it is read, not replayed. */
	vp_out.tty = true;
	w->c.follow = true;
	signal(SIGALRM, interrupt);
	alarm(1);
	assert_int_equal(run(w, vp_cmd_console, good, 1), 0);
	assert_string_equal(w->out.data, "SeaBIOS\nlogin: x\n");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_json_keys),	    TEST(test_health_decides), TEST(test_hypervisor_decides),
		TEST(test_restart_pending), TEST(test_no_hypervisor),  TEST(test_table),
		TEST(test_watch),	    TEST(test_watch_first),    TEST(test_log),
		TEST(test_console),
	};

	return cmocka_run_group_tests_name("cmd", tests, NULL, NULL);
}
