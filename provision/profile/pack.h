/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A profile as bytes, from the child that parsed it to the parent. Both run the same program: numbers are as the machine has them.
 * Private to provision/profile.
 */
#ifndef VP_PACK_H
#define VP_PACK_H

#include "tree.h"

/* Appends tree and diagnostics. p is NULL where there is no usable tree; not whole: only what the model reads (vp_prune). */
void vp_pack(struct vp_buf *out, const struct vp_profile *p, const struct vp_diags *diags, bool whole);
/*
 * Hostile bytes back into a tree in a and diagnostics, all named `file`; *p NULL where the sender had no tree. -1 where they are not what
 * vp_pack() writes: then diags holds nothing that means anything. diags is empty before.
 */
int vp_unpack(struct vp_arena *a, const char *file, const void *data, size_t len, struct vp_profile **p, struct vp_diags *diags);

enum vp_keep { VP_KEEP_NONE, VP_KEEP_KEY, VP_KEEP_WHOLE, VP_KEEP_SOME };
/* Whether the model reads the value: not at all, its key alone, all of it, or that has to be asked of its children. keys: from the root down. */
enum vp_keep vp_prune(const char *const *keys, size_t n);

#endif
