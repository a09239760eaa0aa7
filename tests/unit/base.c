// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../provision/base/base.h"

static struct vp_arena *arena;
static char dir[64];

static int setup(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	arena = vp_arena_new();
	snprintf(dir, sizeof(dir), "%s/vpbase.XXXXXX", tmp && strlen(tmp) < 40 ? tmp : "/tmp");
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	vp_arena_free(arena);
	return vp_remove_tree(dir, NULL);
}

/* RFC 9562, appendix A.4: the name www.example.com in the DNS name space. */
static void test_uuid5(void **state)
{
	char uuid[37];

	(void)state;
	vp_uuid5("6ba7b810-9dad-11d1-80b4-00c04fd430c8", "www.example.com", uuid);
	assert_string_equal(uuid, "2ed6657d-e927-568b-95e1-2665a8aea6a2");
}

/* FIPS 180-2, appendix B.1. */
static void test_sha256(void **state)
{
	char hex[65], again[65], *path = vp_printf(arena, "%s/abc", dir);
	struct vp_err err;

	(void)state;
	vp_sha256_hex("abc", 3, hex);
	assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_int_equal(vp_write_file(path, "abc", 3, 0600, &err), 0);
	assert_int_equal(vp_sha256_file(path, again, &err), 0);
	assert_string_equal(hex, again);
}

static void test_printable(void **state)
{
	static const char *const cases[][2] = {
		{ "caf\xc3\xa9", "caf\xc3\xa9" },
		{ "a\nb\033[2J", "a?b?[2J" },
		{ "\xff\xfe", "??" },
		{ "\xc3", "?" },
		{ "\xc2\x9b", "??" },
		{ "\xc0\xaf", "??" },
		{ "\xed\xa0\x80", "???" },
		{ "\xf0\x9f\x98\x80!", "\xf0\x9f\x98\x80!" },
	};

	(void)state;
	for (size_t i = 0; i < vp_count(cases); i++)
		assert_string_equal(vp_printable(arena, cases[i][0], 100), cases[i][1]);
	/* Cut at a character, not inside one. */
	assert_string_equal(vp_printable(arena, "caf\xc3\xa9", 4), "caf");
	assert_string_equal(vp_printable(arena, "caf\xc3\xa9", 5), "caf\xc3\xa9");
}

static void test_numbers(void **state)
{
	uint64_t v;

	(void)state;
	assert_true(vp_parse_u64("18446744073709551615", 0, UINT64_MAX, &v) && v == UINT64_MAX);
	assert_false(vp_parse_u64("18446744073709551616", 0, UINT64_MAX, &v));
	assert_false(vp_parse_u64("", 0, 9, &v));
	assert_false(vp_parse_u64("-1", 0, 9, &v));
	assert_false(vp_parse_u64("1 ", 0, 9, &v));
	assert_false(vp_parse_u64("10", 0, 9, &v));
	assert_string_equal(vp_size_text(arena, 1536), "1.5 KiB");
	assert_string_equal(vp_size_text(arena, 1024 * VP_MIB), "1 GiB");
	assert_true(vp_equal_secret("abc", "abc"));
	assert_false(vp_equal_secret("abc", "abd"));
	assert_false(vp_equal_secret("abc", "ab"));
}

static void test_publish(void **state)
{
	char *path = vp_printf(arena, "%s/f", dir);
	struct vp_buf b = { 0 };
	struct vp_err err;
	struct stat st;

	(void)state;
	assert_int_equal(vp_write_file(path, "old", 3, 0644, &err), 0);
	assert_int_equal(vp_write_file(path, "new!", 4, 0600, &err), 0);
	assert_int_equal(vp_read_file(path, 4, &b, &err), 0);
	assert_string_equal(b.data, "new!");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	/* One byte past the limit. */
	assert_int_equal(vp_read_file(path, 3, &b, &err), -1);
	assert_int_equal(err.code, VP_E_LIMIT);
	vp_buf_free(&b);
	assert_int_equal(vp_write_file(vp_printf(arena, "%s/absent/f", dir), "x", 1, 0600, &err), -1);
	assert_int_equal(err.code, VP_E_IO);
}

static void test_remove(void **state)
{
	char *tree = vp_printf(arena, "%s/tree/a/b", dir), *outside = vp_printf(arena, "%s/outside", dir);
	struct vp_err err;

	(void)state;
	assert_int_equal(vp_mkdirs(tree, 0755, &err), 0);
	assert_int_equal(vp_mkdirs(tree, 0755, &err), 0);
	assert_int_equal(vp_write_file(outside, "x", 1, 0600, &err), 0);
	assert_int_equal(symlink(outside, vp_printf(arena, "%s/link", tree)), 0);
	assert_int_equal(symlink(dir, vp_printf(arena, "%s/up", tree)), 0);
	assert_int_equal(vp_remove_tree(vp_printf(arena, "%s/tree", dir), &err), 0);
	assert_false(vp_exists(vp_printf(arena, "%s/tree", dir)));
	assert_true(vp_exists(outside));
	assert_int_equal(vp_remove_tree(vp_printf(arena, "%s/tree", dir), &err), 0);
	assert_int_equal(vp_mkdirs(vp_printf(arena, "%s/x", outside), 0755, &err), -1);
}

static void test_tail(void **state)
{
	char *path = vp_printf(arena, "%s/log", dir);
	const char log[] = "one\r\n\033[2J\033[1;31mtwo\033[0m\r\nth\033cree\a\n\n";

	(void)state;
	assert_int_equal(vp_write_file(path, log, sizeof(log) - 1, 0600, NULL), 0);
	assert_string_equal(vp_tail(arena, path, 2), "two\nthree");
	assert_string_equal(vp_tail(arena, path, 9), "one\ntwo\nthree");
	assert_string_equal(vp_tail(arena, vp_printf(arena, "%s/absent", dir), 2), "");
}

static int stop_at_once(void *arg)
{
	(void)arg;
	return 1;
}

static void test_run(void **state)
{
	struct vp_buf out = { 0 };
	struct vp_err err;
	struct vp_child c = { .argv = (const char *const[]){ "cat", NULL }, .input = "through a pipe", .out = &out };

	(void)state;
	assert_int_equal(vp_run(&c, &err), 0);
	assert_string_equal(vp_buf_str(&out), "through a pipe");
	out.len = 0;
	c = (struct vp_child){ .argv = (const char *const[]){ "sh", "-c", "echo one >&2; echo two >&2; exit 3", NULL } };
	assert_int_equal(vp_run(&c, &err), -1);
	assert_int_equal(err.code, VP_E_TOOL);
	assert_non_null(strstr(err.msg, "status 3: two"));
	c = (struct vp_child){ .argv = (const char *const[]){ "no-such-program", NULL } };
	assert_int_equal(vp_run(&c, &err), -1);
	assert_non_null(strstr(err.msg, "no-such-program"));
	/* The whole process group ends, the grandchild with it. */
	c = (struct vp_child){ .argv = (const char *const[]){ "sh", "-c", "sleep 1000 & wait", NULL }, .timeout_ms = 300 };
	assert_int_equal(vp_run(&c, &err), -1);
	assert_non_null(strstr(err.msg, "too long"));
	c.timeout_ms = 0;
	c.tick = stop_at_once;
	assert_int_equal(vp_run(&c, &err), -1);
	/* Nothing of this process's environment but what is documented. */
	setenv("SECRET", "x", 1);
	c = (struct vp_child){ .argv = (const char *const[]){ "env", NULL }, .env = (const char *const[]){ "A=b", NULL }, .out = &out };
	assert_int_equal(vp_run(&c, &err), 0);
	assert_null(strstr(vp_buf_str(&out), "SECRET"));
	assert_non_null(strstr(vp_buf_str(&out), "A=b\n"));
	vp_buf_free(&out);
}

static void test_errors(void **state)
{
	struct vp_err err;

	(void)state;
	assert_int_equal(vp_fail(&err, VP_E_NET, "no %s", "link"), -1);
	vp_context(&err, "node %s", "ce01");
	assert_string_equal(err.msg, "node ce01: no link");
	errno = ENOSPC;
	assert_int_equal(vp_fail_errno(&err, VP_E_IO, "file"), -1);
	assert_int_equal(err.code, VP_E_NOSPACE);
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(vp_fail(NULL, VP_E_NET, "nobody listens"), -1);
	/* Codes are stable, unique and found again. */
	for (int i = 0; i < VP_E__COUNT; i++)
		assert_int_equal(vp_code_find(vp_code_text((enum vp_code)i)), i);
}

static void an_arena_gives_zeroed_memory(void **state)
{
	struct vp_arena *a = vp_arena_new();
	static const size_t sizes[] = { 1, 24, 60000, 65536, 65537, 3 << 20 };

	(void)state;
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < vp_count(sizes); i++) {
			char *p = vp_alloc(a, sizes[i]), *text = vp_strndup(a, "abcdef", 3);

			assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
			for (size_t at = 0; at < sizes[i]; at++)
				assert_int_equal(p[at], 0);
			memset(p, 0xaa, sizes[i]);
			assert_string_equal(text, "abc");
		}
	}
	vp_arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_arena_gives_zeroed_memory),
		cmocka_unit_test(test_uuid5),
		cmocka_unit_test(test_sha256),
		cmocka_unit_test(test_printable),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_publish),
		cmocka_unit_test(test_remove),
		cmocka_unit_test(test_run),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_tail),
	};

	return cmocka_run_group_tests_name("base", tests, setup, teardown);
}
