// SPDX-License-Identifier: Apache-2.0
/* A program that the boot service starts: what it may do, and that it ends with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <linux/landlock.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../pxe/dhcp.h"
#include "arena.h"

/* What sh -c SCRIPT writes to stderr, line by line with '/' between; it may write below DIR. */
static const char *said(const char *script, const char *dir)
{
	const char *const argv[] = { "sh", "-c", script, "sh", dir, NULL };
	struct vp_proc p = { .fd = -1 };
	struct vp_err err = { 0 };
	const char *line, *all = "";

	assert_int_equal(vp_proc_start(&p, argv, dir, false, -1, &err), 0);
	for (bool ended = false; !ended;) {
		ended = vp_proc_ended(&p);
		while ((line = vp_proc_line(&p)))
			all = vp_printf(arena, "%s%s/", all, line);
		usleep(1000);
	}
	vp_proc_stop(&p);
	return all;
}

static void it_sees_and_writes_its_own_directory_only(void **state)
{
	char top[] = "/tmp/vprov-proc-XXXXXX";
	vp_cleanup(vp_buf_free) struct vp_buf left = { 0 };
	const char *dir, *db;

	(void)state;
	if (syscall(SYS_landlock_create_ruleset, NULL, 0u, LANDLOCK_CREATE_RULESET_VERSION) < 1)
		skip();
	assert_non_null(mkdtemp(top));
	chmod(top, 0777);
	dir = vp_printf(arena, "%s/dnsmasq", top);
	db = vp_printf(arena, "%s/vprov.db", top);
	mkdir(dir, 0777);
	chmod(dir, 0777);
	assert_int_equal(vp_write_file(db, "secret\n", 7, 0666, NULL), 0);
	chmod(db, 0666);
	assert_string_equal(said("echo mine >$1/file && cat $1/file >&2", dir), "mine/");
	/* The rights of files would let it. */
	assert_non_null(strstr(said("cat $1/../vprov.db", dir), "vprov.db: Permission denied/"));
	assert_non_null(strstr(said("echo x >>$1/../vprov.db", dir), "Permission denied/"));
	assert_non_null(strstr(said("rm $1/../vprov.db", dir), "Permission denied/"));
	assert_non_null(strstr(said("echo x >$1/../new", dir), "Permission denied/"));
	assert_int_equal(vp_read_file(db, 100, &left, NULL), 0);
	assert_string_equal(vp_buf_str(&left), "secret\n");
	vp_remove_tree(top, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(it_sees_and_writes_its_own_directory_only, setup, teardown),
	};

	return cmocka_run_group_tests_name("proc", tests, NULL, NULL);
}
