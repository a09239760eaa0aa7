/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mustache (https://mustache.github.io/mustache.5.html, spec v1.x core modules:
 * comments, delimiters, interpolation, inverted, partials, sections) over jansson
 * values. Logic-less and bounded: no template can loop for ever or read a file.
 * Where the spec leaves a choice: "", 0 and {} are false like false, null and [];
 * a list or an object as text, and inheritance tags, are errors.
 */
#ifndef VP_MUSTACHE_H
#define VP_MUSTACHE_H

#include <jansson.h>

#include "../provision/base/base.h"

/* Escapes one interpolated value for what is produced. */
typedef void vp_escape_fn(struct vp_buf *out, const char *text, size_t len);
/* XML text and attributes, as the spec's HTML escaping; control characters XML forbids become '?'. */
vp_escape_fn vp_escape_xml;
/* One shell word in single quotes. */
vp_escape_fn vp_escape_shell;
/* A string of JSON, with its quotes: also YAML. */
vp_escape_fn vp_escape_json;
/* Nothing escaped, but line breaks and other control characters become blanks: for line-based configuration files. */
vp_escape_fn vp_escape_line;

/* Text of a partial (owned by the source), or NULL where there is none: renders as nothing, as the spec says. */
typedef const char *vp_partial_fn(void *arg, const char *name);

/* New reference to a member of the data that was left out, NULL where there is none. Asked once for each name that no context knows. */
typedef json_t *vp_member_fn(void *arg, const char *name);

/* Where a template's parts come from. arg is the functions' first argument; each may be NULL. */
struct vp_mustache_source {
	vp_partial_fn *partial;
	vp_member_fn *member;
	void *arg;
};

/* Renders; 0 or -1 with VP_E_TEMPLATE ("NAME:LINE: unclosed section ..."). out gets nothing on failure. source may be NULL. */
int vp_mustache(const char *name, const char *text, json_t *data, vp_escape_fn *escape, const struct vp_mustache_source *source, struct vp_buf *out,
		struct vp_err *err);

#endif
