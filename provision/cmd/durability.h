/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VP_CMD_DURABILITY_H
#define VP_CMD_DURABILITY_H

#include "world.h"

/* Cuts the power of a guest with such a disk as the node's, everywhere in what it wrote. -1 where a record that was acknowledged may be lost. */
int vp_durability(struct vp_ctx *c, const char *node, struct vp_world *w, json_t *list, struct vp_err *err);

#endif
