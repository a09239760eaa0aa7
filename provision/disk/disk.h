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
};

struct vp_disk_ops {
	/* 1 found, 0 none, -1 error. */
	int (*info)(void *ctx, const char *path, struct vp_disk_info *out, struct vp_err *err);
	/* Sparse; fails with VP_E_IO where path exists, VP_E_NOSPACE where the file system could never hold the size. */
	int (*create)(void *ctx, const char *path, const char *format, uint64_t size, struct vp_err *err);
	/* Absent is success. */
	int (*remove)(void *ctx, const char *path, struct vp_err *err);
};

extern const struct vp_disk_ops vp_disk_live;

#endif
