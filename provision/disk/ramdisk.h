/* SPDX-License-Identifier: Apache-2.0 */
/* The installer ramdisk, put together from a root image and vprov's own parts. */
#ifndef VP_RAMDISK_H
#define VP_RAMDISK_H

#include "../base/base.h"

/*
 * Reads the root image (tar, any compression) and writes DIR/vmlinuz and DIR/initrd: the image's kernel, the drivers that the file
 * `modules` in installer_dir names with what they depend on, the programs that installing takes with their libraries, vprov-guest
 * and the installer. The same inputs give the same bytes.
 */
int vp_ramdisk_build(const char *root, const char *guest_dir, const char *installer_dir, const char *dir, struct vp_err *err);

/* DT_NEEDED names of a 64-bit little-endian ELF file, given to fn; 0, or -1 where it is none or damaged. */
int vp_elf_needed(const void *data, size_t len, void (*fn)(void *arg, const char *name), void *arg);

#endif
