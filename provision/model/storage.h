/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Block devices and file systems, as /system/blockdevices and /system/filesystems describe them: what an installation makes. What the
 * profile keeps from the installation (aii = false), or what a virtual machine cannot have, is not in here. Sizes are bytes.
 */
#ifndef VP_STORAGE_H
#define VP_STORAGE_H

#include "../base/base.h"

/* Where something is; the index is into the node's array of that kind. VP_BLOCK_NONE: in memory (tmpfs, proc). */
enum vp_block { VP_BLOCK_NONE, VP_BLOCK_DISK, VP_BLOCK_PARTITION, VP_BLOCK_MD, VP_BLOCK_VG, VP_BLOCK_LV, VP_BLOCK_FILE, VP_BLOCK_FILESYSTEM };

struct vp_ref {
	enum vp_block kind;
	unsigned index;
};

/* What is asked of a whole disk; one per disk, in their order. */
struct vp_device {
	/* msdos or gpt */
	const char *label;
	/* Blocks; 0: as the kernel likes. */
	unsigned readahead;
	/* Controller and port, or hardware RAID, on a real machine. */
	const char *hardware;
	/* How far a real disk may be from its capacity: bytes, and a fraction of it; 0: not said. */
	uint64_t diff;
	double fraction;
};

struct vp_partition {
	/* "sda1", unescaped; `disk` indexes vp_node.disks. */
	const char *name;
	unsigned disk;
	/* 0: the rest of the disk. */
	uint64_t size;
	/* Left free before it. */
	uint64_t offset;
	/* Position on its disk, from 1: the number in the partition table. 0: the name does not say it. */
	unsigned number;
	/* primary, extended, logical */
	const char *type;
	/* Those that are set, as parted calls them: "boot", "bios_grub", "LVM". */
	const char **flags;
	size_t nflags;
	bool bootable;
	/* For anaconda. */
	const char *ksopts;
};

/* Software RAID. */
struct vp_md {
	/* Below /dev: "md0", "md/data". */
	const char *name;
	/* RAID0, RAID1, RAID4, RAID5, RAID6, RAID10 */
	const char *level;
	unsigned stripe_kib, spares;
	const char *metadata;
	struct vp_ref *devices;
	size_t ndevices;
};

struct vp_vg {
	const char *name;
	struct vp_ref *devices;
	size_t ndevices;
};

struct vp_lv {
	const char *name;
	/* Indexes vp_node.vgs. */
	unsigned vg;
	/* 0: the rest of the volume group. */
	uint64_t size;
	/* 0: no stripes, the tools' own chunk. */
	unsigned stripe_kib, chunk_kib;
	/* As lvcreate takes it; "" for linear. */
	const char *type;
	/* Its cache pool, another one of vp_node.lvs; VP_BLOCK_NONE: none. */
	struct vp_ref cache;
	const char *cache_mode;
};

/* A file that holds a file system. */
struct vp_file {
	/* Absolute. */
	const char *name;
	uint64_t size;
	const char *owner, *group;
	unsigned permissions;
};

struct vp_filesystem {
	/* In the names of origins: the mount point, or of swap its device as in the profile. */
	const char *name;
	struct vp_ref on;
	/* "/", "/boot", "swap" ... */
	const char *mountpoint;
	/* ext4, ext3, xfs, swap ... */
	const char *type;
	const char *options;
	const char *label;
	/* For mkfs. */
	const char *mkfsopts;
	bool format;
	bool preserve;
	/* Not mounted by itself: in fstab with noauto, which is in `options`. */
	bool unmounted;
	/* anaconda formats it, not the script before it. */
	bool ksfsformat;
	/* Of fstab. */
	unsigned freq, pass;
	/* Percent. */
	unsigned quota;
};

struct vp_node;
/* What the guest calls it: "vda1", "md0", "vg.01/optvol" below /dev, the absolute path of a file; "" in memory. */
void vp_block_path(const struct vp_node *n, struct vp_ref ref, struct vp_buf *out);
/* "logical_volume"; of the device of a file system, and in the order of creation. */
const char *vp_block_name(enum vp_block kind);
/* True where an installation makes what is on it: not in memory, and not in a file. */
bool vp_block_made(enum vp_block kind);
/* The packages of the node's root image: its own, then what its file systems, RAID, volume groups and devices need. In the arena. */
const char **vp_storage_packages(struct vp_arena *a, const struct vp_node *n, size_t *count);
/* The EFI system partition, where the profile has one of its own: made last of all, with the boot loader. */
bool vp_is_esp(const struct vp_node *n, const struct vp_filesystem *f);

#endif
