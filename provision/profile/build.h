/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the readers of the formats share: building a tree within limits, with the
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
	/* Added to the message about a key that is there twice: what this format may have wanted instead. */
	const char *twice;
	struct vp_val *root;
	struct vp_level stack[VP_MAX_DEPTH];
	unsigned depth;
	size_t count;
	/* Zeroed values that are not yet in the tree. */
	struct vp_val *fresh;
	unsigned nfresh;
	/* Bytes that came out of packed values so far; at most VP_MAX_PROFILE of them all. */
	size_t inflated;
	/* Errors so far: any of them makes the tree unusable. */
	unsigned errors;
};

/* Dict that is being filled, or list, or NULL outside of the root. */
static inline struct vp_val *vp_build_current(const struct vp_builder *b)
{
	return b->depth ? b->stack[b->depth - 1].val : NULL;
}

/* A copy in the arena for the functions below, without NUL characters; what no key may have counts as an error. NULL above VP_MAX_KEY: a limit. */
const char *vp_build_key(struct vp_builder *b, const char *key, size_t len, unsigned line);
/*
 * key is from vp_build_key(), NULL for list items and the root; text is copied. -1 where reading on makes no sense (a limit, or
 * VP_MAX_DIAGS errors); what is merely wrong counts as an error.
 */
int vp_build_open(struct vp_builder *b, enum vp_type type, const char *key, unsigned line);
int vp_build_scalar(struct vp_builder *b, enum vp_type type, const char *key, const char *text, size_t len, unsigned line);
void vp_build_close(struct vp_builder *b);
/* One error at the value that is being built. Always -1. */
int vp_build_fail(struct vp_builder *b, enum vp_code code, unsigned line, const char *fmt, ...) VP_PRINTF(4, 5);

/* Each fills b->root, or leaves an error. data is valid UTF-8 without NUL characters, whatever an XML declaration says. */
void vp_xml_read(struct vp_builder *b, const char *data, size_t len);
void vp_json_read(struct vp_builder *b, const char *data, size_t len);

/* gzip; at most max bytes are added to out. NULL, or what is wrong with the data; *limit tells that it is their size. */
const char *vp_inflate(const void *data, size_t len, size_t max, struct vp_buf *out, bool *limit);

/*
 * UTF-8 without a mark of byte order from UTF-8, UTF-16, ISO-8859-1, or UTF-8 that is partly Latin-1 (a warning). *data then is where it was, or in
 * converted. -1 with an error.
 */
int vp_to_utf8(struct vp_builder *b, const char **data, size_t *len, struct vp_buf *converted);
/* Length of the valid UTF-8 at the start. */
size_t vp_utf8_valid(const char *s, size_t len);
/* Bytes that are not part of valid UTF-8 become the characters that they are in Latin-1. False where there was nothing to do. */
bool vp_utf8_repair(struct vp_buf *b);
/* c is a Unicode scalar value. */
void vp_utf8_add(struct vp_buf *b, unsigned c);
/* The line of what follows. */
unsigned vp_count_lines(const char *s, size_t len);

#endif
