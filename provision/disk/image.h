/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The root image and the installer ramdisk, built from this machine's own package
 * sources and cached by a digest of their inputs. DIR/DIGEST.tar.zst is the root
 * file system; DIR/KEY/{vmlinuz,initrd,image.json} belong to it. The inputs are the
 * suite, the package list, the source lines and the installer's files, not the state
 * of the archive: the same image serves until it is removed or an input changes.
 * The cache may be removed at any time when nothing installs.
 */
#ifndef VP_IMAGE_H
#define VP_IMAGE_H

#include "../base/base.h"

struct vp_image_opts {
	/* Cache: VPROV_CACHE, or /var/cache/vprov (root), or $XDG_CACHE_HOME/vprov. */
	const char *dir;
	/* Debian suite, "bookworm". */
	const char *suite;
	/* Beyond the standard list. */
	const char **packages;
	size_t npackages;
	/* Where vprov's own parts are: the directory of vprov-guest, and of the installer's init (vp_ctx_lib() "guest", "installer"). */
	const char *guest_dir;
	const char *installer_dir;
	/* Told about 5 times a second: phase ("packages", "archive", "ramdisk") and percent (-1 unknown). May be NULL. */
	int (*progress)(void *arg, const char *phase, int percent);
	void *arg;
};

struct vp_image {
	/* Directory that holds vmlinuz and initrd, and the image itself; in the arena. */
	const char *dir;
	const char *vmlinuz;
	const char *initrd;
	const char *root;
	/* SHA-256 of the root image, and its bytes packed and unpacked. */
	char digest[65];
	uint64_t packed, unpacked;
	/* False where it came from the cache. */
	bool built;
};

/* Path where the image of these options is or would be, without building; 1 it is there (out filled), 0 not, -1 error. */
int vp_image_find(struct vp_arena *a, const struct vp_image_opts *o, struct vp_image *out, struct vp_err *err);
/* Builds it unless cached. Safe against a second builder (lock) and against being killed (published by rename). */
int vp_image_build(struct vp_arena *a, const struct vp_image_opts *o, struct vp_image *out, struct vp_err *err);

#endif
