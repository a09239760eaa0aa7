/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VP_CMD_TOGETHER_H
#define VP_CMD_TOGETHER_H

#include "world.h"

/* Measures the nodes of c->args while all of them work, `runs` times; prints and keeps what comes of it. Exit status. */
int vp_together(struct vp_ctx *c, const char *session, unsigned runs, struct vp_err *err);
/* VP_E_NOTFOUND where there is no such node. */
int vp_find_node(struct vp_state *s, struct vp_arena *a, const char *name, struct vp_node_row *row, struct vp_err *err);

#endif
