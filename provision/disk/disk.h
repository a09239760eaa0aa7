/* SPDX-License-Identifier: Apache-2.0 */
/* Disk images of nodes, by qemu-img. An image that exists is never made anew. */
#ifndef VP_DISK_H
#define VP_DISK_H

#include "../base/base.h"

struct vp_disk_info {
	/* qcow2, raw */
	char format[16];
	/* Bytes the guest sees; bytes used on the file system. */
	uint64_t size, used;
	/* Nothing was ever written to it; of a block device: its first MiB is zero, so no table, file system or volume begins on it. */
	bool blank;
};

struct vp_disk_ops {
	/* 1 found, 0 none, -1 error. */
	int (*info)(void *ctx, const char *path, struct vp_disk_info *out, struct vp_err *err);
	/* Sparse; fails with VP_E_IO where path exists, VP_E_NOSPACE where the file system could never hold the size. */
	int (*create)(void *ctx, const char *path, const char *format, uint64_t size, struct vp_err *err);
	/* Absent is success. */
	int (*remove)(void *ctx, const char *path, struct vp_err *err);
};

/* ctx is not used. Missing parent directories are made by create and stay. */
extern const struct vp_disk_ops vp_disk_live;

/* Bytes that the file system of path could ever hold, and bytes free now; path and its parents need not exist yet. */
int vp_disk_room(const char *path, uint64_t *total, uint64_t *avail, struct vp_err *err);

/* In memory, for tests; ctx is a struct vp_disk_fake. */
struct vp_disk_fake;
extern const struct vp_disk_ops vp_disk_fake;
struct vp_disk_fake *vp_disk_fake_new(void);
void vp_disk_fake_free(struct vp_disk_fake *f);
/* The k-th create or remove from now on (from 1) fails with VP_E_IO; 0: none. */
void vp_disk_fake_fail(struct vp_disk_fake *f, unsigned k);
/* One line per image, sorted by path: "PATH FORMAT SIZE\n". */
void vp_disk_fake_list(const struct vp_disk_fake *f, struct vp_buf *out);

#endif
