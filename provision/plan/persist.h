/* SPDX-License-Identifier: Apache-2.0 */
/* The host's own network as files of the host's own tools, so that it is there after a reboot without vprov. */
#ifndef VP_PERSIST_H
#define VP_PERSIST_H

#include "../../templates/render.h"

/* Names of the tools, NULL at the end: networkd, ifupdown, NetworkManager, ifcfg. */
extern const char *const vp_persist_tools[];
/* What runs on this machine; NULL where none of them does. */
const char *vp_persist_detect(struct vp_arena *a);

/* Each file as "# FILE: PATH" and its text; VP_E_NOTFOUND for an unknown tool. */
int vp_persist_render(const struct vp_render *r, struct vp_arena *a, const struct vp_node *n, const char *tool, struct vp_buf *out,
		      struct vp_err *err);

#endif
