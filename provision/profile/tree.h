/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The neutral profile tree: what pan XML, XMLDB and JSON all become. Values live in
 * the arena given to the reader and are never changed afterwards.
 */
#ifndef VP_TREE_H
#define VP_TREE_H

#include "../base/base.h"
#include "diag.h"

enum vp_type { VP_DICT, VP_LIST, VP_STRING, VP_LONG, VP_DOUBLE, VP_BOOL };

struct vp_val {
	enum vp_type type;
	/* Line in the file, from 1. */
	unsigned line;
	/* Position in the parent, from 0. */
	unsigned index;
	/* Key in the parent dict (as in the file: escaped keys stay escaped); NULL for list items and the root. */
	const char *key;
	/* Text of a scalar as written (numbers keep their text; booleans are "true"/"false"); NUL-terminated. */
	const char *text;
	size_t len;
	struct vp_val *parent;
	struct vp_val *child;
	struct vp_val *next;
};

struct vp_profile {
	/* As given on the command line, "-" for stdin. */
	const char *file;
	struct vp_val *root;
	/* SHA-256 of the bytes. */
	char digest[65];
};

/*
 * Parses one profile: pan XML, XMLDB or JSON, gzip or not: by what is in it, never by its name. `file` is only its name in messages. Problems
 * go to diags, with line and path. NULL if there is no usable tree. Everything returned is in the arena. What others wrote is parsed by
 * children (reader.h); in this process only by them, tests and fuzzers.
 */
struct vp_profile *vp_profile_parse(struct vp_arena *a, const char *file, const void *data, size_t len, struct vp_diags *diags);

/* The value at "/hardware/ram/0/size" below root, or NULL. Path elements are matched as written (no unescaping). */
const struct vp_val *vp_get(const struct vp_val *root, const char *path);
/* Full path of a value, "/" for the root. */
char *vp_path_of(struct vp_arena *a, const struct vp_val *v);
/* pan unescape(): "_2fdev" -> "/dev". For the few paths that are known to hold escaped keys. */
char *vp_unescape(struct vp_arena *a, const char *key);
const char *vp_type_name(enum vp_type type);

#endif
