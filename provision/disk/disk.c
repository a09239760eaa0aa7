// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "disk.h"

#define QEMU_IMG_TIMEOUT_MS 60000
/* An image without data takes up its tables only: 320 KiB for a qcow2 of 1 TiB. */
#define MAX_BLANK (4 * VP_MIB)

static void buf_freep(struct vp_buf *b)
{
	vp_buf_free(b);
}

/* "/a/b/c" -> "/a/b", "/a" -> "/" */
static char *parent_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t n = !slash ? 0 : slash == path ? 1 : (size_t)(slash - path);
	char *dir = vp_xcalloc(n + 2, 1);

	memcpy(dir, n ? path : ".", n ? n : 1);
	return dir;
}

int vp_disk_room(const char *path, uint64_t *total, uint64_t *avail, struct vp_err *err)
{
	vp_cleanup(vp_freep) char *dir = parent_of(path);
	struct statvfs st;

	while (statvfs(dir, &st)) {
		char *up;

		if (errno != ENOENT || !strcmp(dir, "/") || !strcmp(dir, "."))
			return vp_fail_errno(err, VP_E_IO, "space at %s", dir);
		up = parent_of(dir);
		free(dir);
		dir = up;
	}
	*total = (uint64_t)st.f_blocks * st.f_frsize;
	*avail = (uint64_t)st.f_bavail * st.f_frsize;
	return 0;
}

/* Strings of qemu-img's JSON -> *out. */
static int parse_info(const char *text, const char *path, struct vp_disk_info *out, struct vp_err *err)
{
	json_t *root = json_loads(text, 0, NULL);
	const char *format = NULL;
	json_int_t size = -1, used = 0;
	int rc = root ? json_unpack(root, "{s:s, s:I, s?:I}", "format", &format, "virtual-size", &size, "actual-size", &used) : -1;

	if (!rc && size >= 0) {
		snprintf(out->format, sizeof(out->format), "%s", format);
		out->size = (uint64_t)size;
		out->used = (uint64_t)used;
	}
	json_decref(root);
	if (rc || size < 0)
		return vp_fail(err, VP_E_TOOL, "%s: cannot read the answer of qemu-img info", path);
	return 1;
}

/* An unreadable one is not known to be zero. */
static bool is_zero(const char *path, uint64_t offset, uint64_t length)
{
	static const char zeros[65536];
	vp_cleanup(vp_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	char block[sizeof(zeros)];

	for (uint64_t done = 0; done < length; done += sizeof(block)) {
		size_t n = length - done < sizeof(block) ? (size_t)(length - done) : sizeof(block);

		if (fd < 0 || pread(fd, block, n, (off_t)(offset + done)) != (ssize_t)n || memcmp(block, zeros, n))
			return false;
	}
	return true;
}

/* Of qemu-img map: a part without data, or with zeros (qemu-img writes such a block when it makes a raw image). */
static bool part_blank(const char *path, const json_t *part)
{
	json_int_t offset, length;

	if (!json_is_true(json_object_get(part, "data")) || json_is_true(json_object_get(part, "zero")))
		return true;
	return !json_unpack((json_t *)part, "{s:I, s:I}", "offset", &offset, "length", &length) && is_zero(path, (uint64_t)offset, (uint64_t)length);
}

/* An image that no guest has written to. */
static int image_blank(const char *path, bool *blank, struct vp_err *err)
{
	const char *const argv[] = { "qemu-img", "map", "--output=json", "-U", path, NULL };
	vp_cleanup(buf_freep) struct vp_buf text = { 0 };
	const struct vp_child child = { .argv = argv, .out = &text, .timeout_ms = QEMU_IMG_TIMEOUT_MS };
	json_t *parts, *part;
	size_t i;

	if (vp_run(&child, err))
		return -1;
	parts = json_loads(vp_buf_str(&text), 0, NULL);
	*blank = json_is_array(parts);
	json_array_foreach (parts, i, part)
		*blank &= part_blank(path, part);
	json_decref(parts);
	return 0;
}

static int live_info(void *ctx, const char *path, struct vp_disk_info *out, struct vp_err *err)
{
	/* -U: a running guest holds the lock of its image. */
	const char *const argv[] = { "qemu-img", "info", "--output=json", "-U", path, NULL };
	vp_cleanup(buf_freep) struct vp_buf text = { 0 };
	const struct vp_child child = { .argv = argv, .out = &text, .timeout_ms = QEMU_IMG_TIMEOUT_MS };
	struct stat st;

	(void)ctx;
	if (stat(path, &st)) {
		if (errno == ENOENT)
			return 0;
		return vp_fail_errno(err, VP_E_IO, "%s", path);
	}
	if (vp_run(&child, err))
		return vp_context(err, "disk %s", path);
	if (parse_info(vp_buf_str(&text), path, out, err) < 0)
		return -1;
	out->blank = S_ISBLK(st.st_mode) && is_zero(path, 0, VP_MIB);
	/* What takes much room holds something; below that it has to be looked at. */
	if (!S_ISBLK(st.st_mode) && out->used < MAX_BLANK && image_blank(path, &out->blank, err))
		return vp_context(err, "disk %s", path);
	return 1;
}

/* The one temporary name of an image: what a killed create leaves is found by the next create or remove. */
static char *temporary(const char *path)
{
	size_t n = strlen(path) + sizeof(".new");
	char *tmp = vp_xcalloc(n, 1);

	snprintf(tmp, n, "%s.new", path);
	return tmp;
}

static int make_image(const char *path, const char *format, uint64_t size, struct vp_err *err)
{
	char bytes[32];
	const char *const argv[] = { "qemu-img", "create", "-q", "-f", format, path, bytes, NULL };
	const struct vp_child child = { .argv = argv, .timeout_ms = QEMU_IMG_TIMEOUT_MS };

	snprintf(bytes, sizeof(bytes), "%" PRIu64, size);
	if (unlink(path) && errno != ENOENT)
		return vp_fail_errno(err, VP_E_IO, "%s", path);
	if (vp_run(&child, err))
		return -1;
	/* The guest's secrets are in it. */
	if (chmod(path, 0600))
		return vp_fail_errno(err, VP_E_IO, "%s", path);
	return 0;
}

static int sync_dir(const char *dir, struct vp_err *err)
{
	vp_cleanup(vp_closep) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd))
		return vp_fail_errno(err, VP_E_IO, "%s", dir);
	return 0;
}

/* A name that exists is never replaced: link() is the rename that cannot. */
static int publish(const char *tmp, const char *path, const char *dir, struct vp_err *err)
{
	if (link(tmp, path))
		return vp_fail_errno(err, VP_E_IO, "%s", path);
	if (unlink(tmp))
		return vp_fail_errno(err, VP_E_IO, "%s", tmp);
	return sync_dir(dir, err);
}

static int check_room(const char *path, uint64_t size, struct vp_err *err)
{
	uint64_t total = 0, avail = 0;

	if (vp_disk_room(path, &total, &avail, err))
		return -1;
	if (size > total)
		return vp_fail(err, VP_E_NOSPACE, "%" PRIu64 " MiB are more than its file system could ever hold (%" PRIu64 " MiB)", size / VP_MIB,
			       total / VP_MIB);
	return 0;
}

static int live_create(void *ctx, const char *path, const char *format, uint64_t size, struct vp_err *err)
{
	vp_cleanup(vp_freep) char *dir = parent_of(path);
	vp_cleanup(vp_freep) char *tmp = temporary(path);

	(void)ctx;
	if (vp_exists(path))
		return vp_fail(err, VP_E_IO, "disk %s exists already", path);
	if (check_room(path, size, err) || vp_mkdirs(dir, 0711, err))
		return vp_context(err, "disk %s", path);
	if (!make_image(tmp, format, size, err) && !publish(tmp, path, dir, err))
		return 0;
	unlink(tmp);
	return vp_context(err, "disk %s", path);
}

static int live_remove(void *ctx, const char *path, struct vp_err *err)
{
	vp_cleanup(vp_freep) char *tmp = temporary(path);
	vp_cleanup(vp_freep) char *dir = parent_of(path);

	(void)ctx;
	unlink(tmp);
	if (unlink(path)) {
		if (errno == ENOENT || errno == ENOTDIR)
			return 0;
		return vp_fail_errno(err, VP_E_IO, "disk %s", path);
	}
	return sync_dir(dir, err);
}

const struct vp_disk_ops vp_disk_live = { live_info, live_create, live_remove };
