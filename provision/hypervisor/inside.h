/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files that include libvirt. */
#ifndef VP_VIRT_INSIDE_H
#define VP_VIRT_INSIDE_H

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "virt.h"

virConnectPtr vp_virt_conn(struct vp_hv *hv);
/* libvirt's last error of this thread, with the way out where one is known: "VERB NAME: its words". */
int vp_virt_fail(struct vp_err *err, const char *verb, const char *name);

/* vp_hv_ops.live (live.c) */
int vp_virt_live(struct vp_hv *hv, const char *name, const struct vp_live_op *op, struct vp_err *err);
/* vp_hv_ops.channel (channel.c) */
struct vp_channel *vp_virt_channel(struct vp_hv *hv, const char *name, const char *port, struct vp_err *err);

#endif
