/* SPDX-License-Identifier: Apache-2.0 */
/* What a node is for in a grid: recognised by the components and packages of its profile. */
#ifndef VP_ROLE_H
#define VP_ROLE_H

#include "../profile/tree.h"

/*
 * Name of the role ("wn", "ce", "se-head", ...), "" where none is recognised. *why is the path of the value that decided. Static string;
 * *why lives as long as p. The table is in role.c; /system/vprov/role and the site configuration decide over it.
 */
const char *vp_role_of(const struct vp_profile *p, const struct vp_val **why);
/* The roles that are recognised, in the order of the table; NULL past the end. */
const char *vp_role_name(unsigned i);

#endif
