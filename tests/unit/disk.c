// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <linux/loop.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../provision/disk/disk.h"

struct world {
	char dir[512];
	char path[600];
	struct vp_err err;
};

static int setup(void **state)
{
	struct world *w = vp_xcalloc(1, sizeof(*w));

	snprintf(w->dir, sizeof(w->dir), "%s/vprov-disk.XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	*state = w;
	if (!mkdtemp(w->dir))
		return -1;
	snprintf(w->path, sizeof(w->path), "%s/disks/a:b,c.qcow2", w->dir);
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	int rc = vp_remove_tree(w->dir, &w->err);

	free(w);
	return rc;
}

static unsigned entries(const char *dir)
{
	unsigned n = 0;
	DIR *d = opendir(dir);

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

static void need_qemu_img(void)
{
	char *path;
	struct vp_arena *a = vp_arena_new();

	path = vp_which(a, "qemu-img");
	vp_arena_free(a);
	if (path)
		return;
	print_message("qemu-img is not installed\n");
	skip();
}

static void test_create(void **state)
{
	struct world *w = *state;
	struct vp_disk_info info = { 0 };
	struct stat st;

	need_qemu_img();
	assert_int_equal(vp_disk_live.info(NULL, w->path, &info, &w->err), 0);
	assert_int_equal(vp_disk_live.create(NULL, w->path, "qcow2", 4096 * VP_MIB, &w->err), 0);
	assert_int_equal(vp_disk_live.info(NULL, w->path, &info, &w->err), 1);
	assert_string_equal(info.format, "qcow2");
	assert_true(info.size == 4096 * VP_MIB);
	assert_true(info.used < VP_MIB);
	assert_int_equal(stat(w->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	/* Nothing but the image in its directory. */
	snprintf(w->path, sizeof(w->path), "%s/disks", w->dir);
	assert_int_equal(entries(w->path), 3);
}

static void test_never_overwrites(void **state)
{
	struct world *w = *state;
	struct vp_disk_info info;

	need_qemu_img();
	assert_int_equal(vp_disk_live.create(NULL, w->path, "raw", VP_MIB, &w->err), 0);
	assert_int_equal(vp_disk_live.create(NULL, w->path, "qcow2", 2 * VP_MIB, &w->err), -1);
	assert_int_equal(w->err.code, VP_E_IO);
	assert_non_null(strstr(w->err.msg, "exists"));
	assert_int_equal(vp_disk_live.info(NULL, w->path, &info, &w->err), 1);
	assert_string_equal(info.format, "raw");
	assert_true(info.size == VP_MIB);
}

static void test_remove(void **state)
{
	struct world *w = *state;
	char left[640];
	int fd;

	need_qemu_img();
	assert_int_equal(vp_disk_live.remove(NULL, w->path, &w->err), 0);
	assert_int_equal(vp_disk_live.create(NULL, w->path, "qcow2", VP_MIB, &w->err), 0);
	/* As a create that was killed leaves it. */
	snprintf(left, sizeof(left), "%s.new", w->path);
	fd = open(left, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(vp_disk_live.remove(NULL, w->path, &w->err), 0);
	assert_false(vp_exists(w->path));
	assert_false(vp_exists(left));
	assert_int_equal(vp_disk_live.remove(NULL, w->path, &w->err), 0);
}

static void test_no_space(void **state)
{
	struct world *w = *state;
	uint64_t total, avail;

	assert_int_equal(vp_disk_room(w->path, &total, &avail, &w->err), 0);
	assert_true(total > 0 && avail <= total);
	assert_int_equal(vp_disk_live.create(NULL, w->path, "qcow2", total + 1, &w->err), -1);
	assert_int_equal(w->err.code, VP_E_NOSPACE);
	assert_int_equal(entries(w->dir), 2);
}

static void test_tool_failure(void **state)
{
	struct world *w = *state;
	struct vp_disk_info info;
	int fd;

	need_qemu_img();
	assert_int_equal(vp_disk_live.create(NULL, w->path, "no-such-format", VP_MIB, &w->err), -1);
	assert_int_equal(w->err.code, VP_E_TOOL);
	assert_non_null(strstr(w->err.msg, "no-such-format"));
	assert_false(vp_exists(w->path));
	/* A header that promises qcow2 over rubbish. */
	fd = open(w->path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "QFI\xfb\xff\xff\xff\xff", 8), 8);
	close(fd);
	w->err = (struct vp_err){ 0 };
	assert_int_equal(vp_disk_live.info(NULL, w->path, &info, &w->err), -1);
	assert_int_equal(w->err.code, VP_E_TOOL);
}

/* Images are blank until a guest writes, wherever it does. */
static void test_blank_images(void **state)
{
	static const char *const formats[] = { "qcow2", "raw" };
	struct world *w = *state;

	need_qemu_img();
	for (size_t i = 0; i < vp_count(formats); i++) {
		const char *const argv[] = { "qemu-io", "-f", formats[i], "-c", "write 5M 4k", w->path, NULL };
		const struct vp_child write = { .argv = argv, .timeout_ms = 60000 };
		struct vp_disk_info info;

		snprintf(w->path, sizeof(w->path), "%s/blank.%s", w->dir, formats[i]);
		assert_int_equal(vp_disk_live.create(NULL, w->path, formats[i], 64 * VP_MIB, &w->err), 0);
		assert_int_equal(vp_disk_live.info(NULL, w->path, &info, &w->err), 1);
		assert_true(info.blank);
		assert_int_equal(vp_run(&write, &w->err), 0);
		assert_int_equal(vp_disk_live.info(NULL, w->path, &info, &w->err), 1);
		assert_false(info.blank);
	}
}

/* A loop device of a sparse file: blank until something is written at its beginning. */
static void test_blank(void **state)
{
	struct world *w = *state;
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC), number = control < 0 ? -1 : ioctl(control, LOOP_CTL_GET_FREE);
	struct vp_disk_info info;
	char loop[32];
	int file, dev;

	need_qemu_img();

	close(control);
	snprintf(loop, sizeof(loop), "/dev/loop%d", number);
	dev = number < 0 ? -1 : open(loop, O_RDWR | O_CLOEXEC);
	snprintf(w->path, sizeof(w->path), "%s/volume", w->dir);
	file = open(w->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(ftruncate(file, 4 << 20), 0);
	if (dev < 0 || ioctl(dev, LOOP_SET_FD, file)) {
		print_message("no loop device can be had here\n");
		skip();
	}
	assert_int_equal(vp_disk_live.info(NULL, loop, &info, &w->err), 1);
	assert_true(info.blank);
	assert_int_equal(info.size, 4 << 20);
	assert_int_equal(pwrite(dev, "LABELONE", 8, 512), 8);
	assert_int_equal(vp_disk_live.info(NULL, loop, &info, &w->err), 1);
	assert_false(info.blank);
	assert_int_equal(ioctl(dev, LOOP_CLR_FD, 0), 0);
	close(dev);
	close(file);
}

static void test_fake(void **state)
{
	struct vp_disk_fake *f = vp_disk_fake_new();
	struct vp_buf list = { 0 };
	struct vp_err err;
	struct vp_disk_info info;

	(void)state;
	assert_int_equal(vp_disk_fake.create(f, "/b", "qcow2", 5, &err), 0);
	assert_int_equal(vp_disk_fake.create(f, "/a", "raw", 7, &err), 0);
	assert_int_equal(vp_disk_fake.create(f, "/a", "raw", 7, &err), -1);
	vp_disk_fake_fail(f, 2);
	assert_int_equal(vp_disk_fake.create(f, "/c", "raw", 9, &err), 0);
	assert_int_equal(vp_disk_fake.remove(f, "/c", &err), -1);
	assert_int_equal(err.code, VP_E_IO);
	assert_int_equal(vp_disk_fake.info(f, "/c", &info, &err), 1);
	assert_int_equal(vp_disk_fake.remove(f, "/c", &err), 0);
	assert_int_equal(vp_disk_fake.info(f, "/c", &info, &err), 0);
	vp_disk_fake_list(f, &list);
	assert_string_equal(list.data, "/a raw 7\n/b qcow2 5\n");
	vp_buf_free(&list);
	vp_disk_fake_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_create, setup, teardown),
		cmocka_unit_test_setup_teardown(test_never_overwrites, setup, teardown),
		cmocka_unit_test_setup_teardown(test_remove, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_space, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tool_failure, setup, teardown),
		cmocka_unit_test_setup_teardown(test_blank_images, setup, teardown),
		cmocka_unit_test_setup_teardown(test_blank, setup, teardown),
		cmocka_unit_test(test_fake),
	};

	return cmocka_run_group_tests_name("disk", tests, NULL, NULL);
}
