/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of a kickstart's data: what templates cannot compute. Private to kickstart*.c; each adds members to ks, borrowed. */
#ifndef VP_KICKSTART_H
#define VP_KICKSTART_H

#include "../provision/model/bind.h"
#include "render.h"

/* One rendering. */
struct vp_ks {
	const struct vp_node *n;
	/* 5 to 10: Enterprise Linux N. */
	unsigned el;
	struct vp_arena *a;
	json_t *ks;
	struct vp_err *err;
};

/* A word of shell and kickstart, in quotes where it needs them. In the arena. */
const char *vp_ks_word(const struct vp_ks *k, const char *text);
vp_escape_fn vp_escape_word;

/* kickstart_disks.c: devices, and how they are removed, made and formatted. */
int vp_ks_disks(struct vp_ks *k);
/* The guest's name of a disk that the profile calls so; NULL where it has none. */
const char *vp_ks_disk(const struct vp_ks *k, const char *name);

/* kickstart_repos.c: the source of the installation, repositories, what yum installs after anaconda. */
int vp_ks_repos(struct vp_ks *k, const struct vp_words *later);

#endif
