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
/* Nothing escaped, but line breaks and other control characters become blanks: for line-based configuration files. */
vp_escape_fn vp_escape_line;

/* Text of a partial (owned by the source), or NULL where there is none: renders as nothing, as the spec says. */
typedef const char *vp_partial_fn(void *arg, const char *name);

/* Renders; 0 or -1 with VP_E_TEMPLATE ("NAME:LINE: unclosed section ..."). out gets nothing on failure. */
int vp_mustache(const char *name, const char *text, json_t *data, vp_escape_fn *escape, vp_partial_fn *partial, void *arg, struct vp_buf *out,
		struct vp_err *err);

#endif
