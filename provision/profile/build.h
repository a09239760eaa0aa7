/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the XML and the JSON reader share: building a tree within limits, with the
 * same rules for keys, numbers and duplicates. Private to provision/profile.
 */
#ifndef VP_BUILD_H
#define VP_BUILD_H

#include "tree.h"

struct vp_level {
	struct vp_val *val, *last;
	/* Keys came in ascending order so far, as panc writes them: then none can be there twice. */
	bool ascending;
};

struct vp_builder {
	struct vp_arena *arena;
	struct vp_diags *diags;
	const char *file;
	struct vp_val *root;
	struct vp_level stack[VP_MAX_DEPTH];
	unsigned depth;
	size_t count;
	/* Errors so far: any of them makes the tree unusable. */
	unsigned errors;
};

/* Dict that is being filled, or list, or NULL outside of the root. */
struct vp_val *vp_build_current(const struct vp_builder *b);
/* key is NULL for list items and the root. -1 where reading on makes no sense (a limit); what is merely wrong counts as an error. */
int vp_build_open(struct vp_builder *b, enum vp_type type, const char *key, unsigned line);
int vp_build_scalar(struct vp_builder *b, enum vp_type type, const char *key, const char *text, size_t len, unsigned line);
void vp_build_close(struct vp_builder *b);
/* One error at the value that is being built. Always -1. */
int vp_build_fail(struct vp_builder *b, enum vp_code code, unsigned line, const char *fmt, ...) VP_PRINTF(4, 5);

/* Each fills b->root, or leaves an error. data is valid UTF-8 (XML: or says otherwise) and NUL-terminated. */
void vp_xml_read(struct vp_builder *b, const char *data, size_t len);
void vp_json_read(struct vp_builder *b, const char *data, size_t len);

/* gzip; at most VP_MAX_PROFILE bytes. NULL, or what is wrong with the data. */
const char *vp_inflate(const void *data, size_t len, struct vp_buf *out);
/* Length of the valid UTF-8 at the start. */
size_t vp_utf8_valid(const char *s, size_t len);

#endif
