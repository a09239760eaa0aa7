/* SPDX-License-Identifier: Apache-2.0 */
/* What a profile says and vprov does not read: on purpose, with a reason, or because no rule knows it. */
#ifndef VP_UNUSED_H
#define VP_UNUSED_H

#include "node.h"

struct vp_unused_group {
	/* What its values have in common: a pattern of the table, or the first elements of their paths. */
	const char *path;
	/* NULL: no rule knows them. */
	const char *reason;
	/* Full paths, in the order of the profile. */
	const char **paths;
	size_t n, cap;
};

struct vp_unused {
	/* Values that are read. */
	size_t read;
	/* Ignored on purpose first, in the order of the table; then the others by path. */
	struct vp_unused_group *groups;
	size_t n, cap;
};

/* Of a whole tree (vp_read_opts.whole). In a, nothing points into p. */
void vp_unused_find(struct vp_arena *a, const struct vp_profile *p, struct vp_unused *out);
/* The table of what is ignored on purpose: false past the end. */
bool vp_ignored_at(size_t i, const char **pattern, const char **reason);

#endif
