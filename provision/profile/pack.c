// SPDX-License-Identifier: Apache-2.0
/*
 * A value is its type, line, key (in a dict) and text (a scalar) or children and END. Unpacking goes through the same builder as parsing does:
 * whatever a tree may not be, it refuses.
 */
#include <string.h>

#include "build.h"
#include "pack.h"

#define END    0xff
#define DIGITS "0123456789abcdef"

static void put_u8(struct vp_buf *out, unsigned v)
{
	vp_buf_add(out, &(unsigned char){ (unsigned char)v }, 1);
}

static void put_u32(struct vp_buf *out, size_t v)
{
	vp_buf_add(out, &(uint32_t){ (uint32_t)v }, sizeof(uint32_t));
}

/* s ends with a NUL. */
static void put_text(struct vp_buf *out, const char *s, size_t len)
{
	put_u32(out, len);
	vp_buf_add(out, s, len + 1);
}

/* keys: n of them, of the value and those above it; looked at only where keep is VP_KEEP_SOME. */
static void put_value(struct vp_buf *out, const struct vp_val *v, const char **keys, size_t n, enum vp_keep keep)
{
	put_u8(out, v->type);
	put_u32(out, v->line);
	if (v->key)
		put_text(out, v->key, strlen(v->key));
	if (v->type >= VP_STRING) {
		put_text(out, v->text, v->len);
		return;
	}
	for (const struct vp_val *c = keep == VP_KEEP_KEY ? NULL : v->child; c; c = c->next) {
		enum vp_keep below = VP_KEEP_WHOLE;

		if (keep == VP_KEEP_SOME && c->key) {
			keys[n] = c->key;
			below = vp_prune(keys, n + 1);
		}
		if (below != VP_KEEP_NONE)
			put_value(out, c, keys, n + 1, below);
	}
	put_u8(out, END);
}

static void put_diags(struct vp_buf *out, const struct vp_diags *d)
{
	put_u32(out, d->n);
	for (size_t i = 0; i < d->n; i++) {
		put_u8(out, d->items[i].severity);
		put_u32(out, d->items[i].code);
		put_u32(out, d->items[i].line);
		put_text(out, d->items[i].path, strlen(d->items[i].path));
		put_text(out, d->items[i].message, strlen(d->items[i].message));
	}
	put_u32(out, d->errors);
	put_u32(out, d->warnings);
	put_u32(out, d->dropped);
}

void vp_pack(struct vp_buf *out, const struct vp_profile *p, const struct vp_diags *diags, bool whole)
{
	const char *keys[VP_MAX_DEPTH];

	put_diags(out, diags);
	if (!p)
		return;
	vp_buf_add(out, p->digest, sizeof(p->digest));
	put_value(out, p->root, keys, 0, whole ? VP_KEEP_WHOLE : VP_KEEP_SOME);
}

struct in {
	const unsigned char *at, *end;
	/* Once set, everything taken is 0 or "". */
	bool bad;
};

static const void *take(struct in *in, size_t n)
{
	const void *p = in->at;

	if (in->bad || (size_t)(in->end - in->at) < n) {
		in->bad = true;
		return NULL;
	}
	in->at += n;
	return p;
}

static unsigned take_u8(struct in *in)
{
	const unsigned char *p = take(in, 1);

	return p ? *p : 0;
}

static uint32_t take_u32(struct in *in)
{
	const void *p = take(in, sizeof(uint32_t));
	uint32_t v = 0;

	if (p)
		memcpy(&v, p, sizeof(v));
	return v;
}

static const char *take_text(struct in *in, size_t *len)
{
	const char *s;

	*len = take_u32(in);
	s = take(in, *len + 1);
	if (s && !s[*len] && vp_utf8_valid(s, *len) == *len)
		return s;
	in->bad = true;
	*len = 0;
	return "";
}

/* A text without any NUL inside. */
static const char *take_string(struct in *in)
{
	size_t len;
	const char *s = take_text(in, &len);

	in->bad |= strlen(s) != len;
	return in->bad ? "" : s;
}

static void take_value(struct in *in, struct vp_builder *b)
{
	const struct vp_val *up = vp_build_current(b);
	unsigned type = take_u8(in), line;
	const char *key = NULL, *text;
	size_t len;

	if (type == END && up) {
		vp_build_close(b);
		return;
	}
	line = take_u32(in);
	if (up && up->type == VP_DICT) {
		text = take_text(in, &len);
		key = vp_build_key(b, text, len, line);
		in->bad |= !key || strlen(key) != len;
	}
	if (in->bad || type > VP_BOOL || (!up && type != VP_DICT)) {
		in->bad = true;
	} else if (type < VP_STRING) {
		in->bad = vp_build_open(b, (enum vp_type)type, key, line);
	} else {
		text = take_text(in, &len);
		in->bad = in->bad || vp_build_scalar(b, (enum vp_type)type, key, text, len, line);
	}
}

static void take_diags(struct in *in, const char *file, struct vp_diags *d)
{
	unsigned errors, warnings;

	for (uint32_t n = take_u32(in); n && !in->bad; n--) {
		unsigned severity = take_u8(in), code = take_u32(in), line = take_u32(in);
		const char *path = take_string(in), *message = take_string(in);

		if (severity > VP_ERROR || code >= VP_E__COUNT || d->n >= 2 * VP_MAX_DIAGS)
			in->bad = true;
		if (!in->bad)
			vp_diag(d, (enum vp_severity)severity, (enum vp_code)code, file, line, path, "%s", message);
	}
	/* Of those that were dropped, too. */
	errors = take_u32(in);
	warnings = take_u32(in);
	in->bad |= errors < d->errors || warnings < d->warnings;
	d->errors = errors;
	d->warnings = warnings;
	d->dropped = take_u32(in);
}

int vp_unpack(struct vp_arena *a, const char *file, const void *data, size_t len, struct vp_profile **p, struct vp_diags *diags)
{
	struct in in = { .at = data, .end = (const unsigned char *)data + len };
	struct vp_builder b = { .arena = a, .diags = diags, .file = file };
	const char *digest;

	*p = NULL;
	take_diags(&in, file, diags);
	/* No tree and no reason, or a tree with errors: nobody above expects that. */
	if (in.bad || (in.at == in.end) != (diags->errors > 0))
		return -1;
	if (in.at == in.end)
		return 0;
	len = sizeof((*p)->digest) - 1;
	digest = take(&in, len + 1);
	do
		take_value(&in, &b);
	while (!in.bad && b.depth);
	if (in.bad || b.errors || in.at != in.end || digest[len] || strspn(digest, DIGITS) != len)
		return -1;
	*p = vp_alloc(a, sizeof(**p));
	(*p)->file = file;
	(*p)->root = b.root;
	memcpy((*p)->digest, digest, sizeof((*p)->digest));
	return 0;
}
