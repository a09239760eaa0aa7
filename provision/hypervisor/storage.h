/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Disks on the machine of a hypervisor, through libvirt's storage pools. A path belongs to the pool whose target is its directory: a directory's
 * files are a pool of type dir, a volume group's volumes (/dev/GROUP/NAME) one of type logical. Where no pool has the directory of a file, one is
 * made for it ("vprov-var-lib-vprov-guests"), and goes with its last volume; a volume group has to exist.
 */
#ifndef VP_HV_STORAGE_H
#define VP_HV_STORAGE_H

#include "../disk/disk.h"
#include "virt.h"

/* ctx is a struct vp_hv of libvirt's. A volume that exists is never made anew; blank is as with files here. */
extern const struct vp_disk_ops vp_hv_disk;

/* Puts a copy of a file of this machine to path there, in place of what that was. */
int vp_hv_upload(struct vp_hv *hv, const char *file, const char *path, struct vp_err *err);
/* Bytes that the pool of path could ever hold, and bytes free now: 1; 0 where nobody knows, since there is no pool yet. */
int vp_hv_room(struct vp_hv *hv, const char *path, uint64_t *total, uint64_t *avail, struct vp_err *err);

#endif
