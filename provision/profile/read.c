// SPDX-License-Identifier: Apache-2.0
/* Bytes -> tree: what kind of bytes they are, and what has to be done to them first. */
#include <string.h>
#include <zlib.h>

#include "build.h"

/* One member of a gzip file after the other. NULL, or what is wrong. */
static const char *inflate_all(z_stream *z, size_t max, struct vp_buf *out, bool *limit)
{
	unsigned char block[65536];
	int rc = Z_STREAM_END;

	while (z->avail_in || rc == Z_OK) {
		size_t n;

		if (rc == Z_STREAM_END && inflateReset(z) != Z_OK)
			return "the gzip data are damaged";
		z->next_out = block;
		z->avail_out = sizeof(block);
		rc = inflate(z, Z_NO_FLUSH);
		if (rc == Z_BUF_ERROR)
			return "the gzip data end early";
		if (rc != Z_OK && rc != Z_STREAM_END)
			return "the gzip data are damaged";
		n = sizeof(block) - z->avail_out;
		if (n > max) {
			*limit = true;
			return "the gzip data of this profile inflate to more than 64 MiB";
		}
		max -= n;
		vp_buf_add(out, block, n);
	}
	return rc == Z_STREAM_END ? NULL : "the gzip data end early";
}

const char *vp_inflate(const void *data, size_t len, size_t max, struct vp_buf *out, bool *limit)
{
	z_stream z = { .next_in = (unsigned char *)(uintptr_t)data, .avail_in = (unsigned)len };
	const char *wrong;

	if (!len)
		return "the gzip data end early";
	if (inflateInit2(&z, 15 + 16) != Z_OK)
		return "zlib could not start";
	wrong = inflate_all(&z, max, out, limit);
	inflateEnd(&z);
	return wrong;
}

/* By the first character that is not blank. */
static void read_text(struct vp_builder *b, const char *text, size_t len)
{
	size_t blank = 0;

	while (blank < len && strchr(" \t\r\n", text[blank]))
		blank++;
	if (blank == len)
		vp_build_fail(b, VP_E_SYNTAX, 1, "the file is empty");
	else if (text[blank] == '<')
		vp_xml_read(b, text, len);
	else if (text[blank] == '{')
		vp_json_read(b, text, len);
	else
		vp_build_fail(b, VP_E_SYNTAX, vp_count_lines(text, blank),
			      "neither pan XML (<nlist format=\"pan\" ...) nor XMLDB (<profile format=\"xmldb\"> ...) nor JSON ({ ...)");
}

static void read_bytes(struct vp_builder *b, const char *data, size_t len)
{
	vp_cleanup(vp_buf_free) struct vp_buf inflated = { 0 }, converted = { 0 };
	bool limit = false;

	if (len > 1 && !memcmp(data, "\x1f\x8b", 2)) {
		const char *wrong = vp_inflate(data, len, VP_MAX_PROFILE, &inflated, &limit);

		if (wrong) {
			vp_build_fail(b, limit ? VP_E_LIMIT : VP_E_SYNTAX, 0, "%s", wrong);
			return;
		}
		data = vp_buf_str(&inflated);
		b->inflated = len = inflated.len;
	}
	if (!vp_to_utf8(b, &data, &len, &converted))
		read_text(b, data, len);
}

struct vp_profile *vp_profile_parse(struct vp_arena *a, const char *file, const void *data, size_t len, struct vp_diags *diags)
{
	struct vp_builder b = { .arena = a, .diags = diags, .file = file };
	struct vp_profile *p;

	if (len > VP_MAX_PROFILE)
		vp_build_fail(&b, VP_E_LIMIT, 0, "larger than 64 MiB");
	else
		read_bytes(&b, data, len);
	if (b.errors)
		return NULL;
	p = vp_alloc(a, sizeof(*p));
	p->file = vp_strdup(a, file);
	p->root = b.root;
	vp_sha256_hex(data, len, p->digest);
	return p;
}
