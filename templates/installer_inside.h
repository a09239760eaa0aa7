/* SPDX-License-Identifier: Apache-2.0 */
/* What the makers of installers' configurations share; for the files of this directory only. */
#ifndef VP_INSTALLER_INSIDE_H
#define VP_INSTALLER_INSIDE_H

#include "installer.h"

/* What lies below a file system that is not to be formatted: by kind and index. */
struct vp_kept {
	bool of[VP_BLOCK_FILESYSTEM + 1][VP_MAX_BLOCKS];
};

/* What a partition is for: "bios", "esp", "lvm", "raid", "swap", "extended"; "" for a file system. */
const char *vp_partition_use(const struct vp_node *n, unsigned partition);
/* A BIOS has nowhere else to put GRUB on a disk with a GPT; false where the profile has such a partition. */
bool vp_needs_bios_partition(const struct vp_node *n, unsigned disk);
/* List of strings, each an item of curtin's storage configuration in JSON; new reference. */
json_t *vp_curtin_storage(const struct vp_node *n, const struct vp_kept *k);

#endif
