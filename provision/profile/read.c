// SPDX-License-Identifier: Apache-2.0
/* Bytes -> tree: what kind of bytes they are, and what has to be done to them first. */
#include <string.h>
#include <strings.h>
#include <zlib.h>

#include "build.h"

/* One member of a gzip file after the other. NULL, or what is wrong. */
static const char *inflate_all(z_stream *z, struct vp_buf *out)
{
	unsigned char block[65536];
	int rc = Z_STREAM_END;

	while (z->avail_in || rc == Z_OK) {
		if (rc == Z_STREAM_END && inflateReset(z) != Z_OK)
			return "the gzip data are damaged";
		z->next_out = block;
		z->avail_out = sizeof(block);
		rc = inflate(z, Z_NO_FLUSH);
		if (rc == Z_BUF_ERROR)
			return "the gzip data end early";
		if (rc != Z_OK && rc != Z_STREAM_END)
			return "the gzip data are damaged";
		if (out->len + (sizeof(block) - z->avail_out) > VP_MAX_PROFILE)
			return "the gzip data inflate to more than 64 MiB";
		vp_buf_add(out, block, sizeof(block) - z->avail_out);
	}
	return rc == Z_STREAM_END ? NULL : "the gzip data end early";
}

const char *vp_inflate(const void *data, size_t len, struct vp_buf *out)
{
	z_stream z = { .next_in = (unsigned char *)(uintptr_t)data, .avail_in = (unsigned)len };
	const char *wrong;

	if (!len)
		return "the gzip data end early";
	if (inflateInit2(&z, 15 + 16) != Z_OK)
		return "zlib could not start";
	wrong = inflate_all(&z, out);
	inflateEnd(&z);
	return wrong;
}

/* Length of the well-formed UTF-8 sequence at s (Unicode 15, table 3-7), 0 where there is none. */
static size_t sequence(const unsigned char *s, size_t len)
{
	size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;

	if (!n || n > len)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

size_t vp_utf8_valid(const char *s, size_t len)
{
	size_t at = 0, n;

	while (at < len && (n = sequence((const unsigned char *)s + at, len - at)))
		at += n;
	return at;
}

/* True where the XML declaration names another encoding than UTF-8: then libxml2 converts. */
static bool declares_other(const char *data, size_t len)
{
	const char *end = memchr(data, '>', len < 200 ? len : 200), *at;

	if (strncmp(data, "<?xml", 5) || !end)
		return false;
	at = memmem(data, (size_t)(end - data), "encoding=", 9);
	return at && strncasecmp(at + 10, "utf-8", 5);
}

static unsigned count_lines(const char *s, size_t len)
{
	unsigned n = 1;

	for (size_t i = 0; i < len; i++)
		n += s[i] == '\n';
	return n;
}

/* The compiler's .gz writers use the locale of the build host: bytes that are not UTF-8 are read as Latin-1, with a warning. */
static void repair_utf8(struct vp_builder *b, struct vp_buf *data)
{
	size_t good = vp_utf8_valid(data->data, data->len), at = 0;
	struct vp_buf out = { 0 };

	if (good == data->len)
		return;
	vp_diag(b->diags, VP_WARNING, VP_E_ODD, b->file, count_lines(data->data, good), "", "not UTF-8: read as Latin-1 where it is not");
	while (at < data->len) {
		unsigned char c;

		good = vp_utf8_valid(data->data + at, data->len - at);
		vp_buf_add(&out, data->data + at, good);
		at += good;
		if (at == data->len)
			break;
		c = (unsigned char)data->data[at++];
		vp_buf_add(&out, (const char[]){ (char)(0xc0 | c >> 6), (char)(0x80 | (c & 0x3f)) }, 2);
	}
	vp_buf_free(data);
	*data = out;
}

/* By the first character that is not blank. */
static void read_text(struct vp_builder *b, struct vp_buf *data)
{
	size_t skip = data->len >= 3 && !memcmp(data->data, "\xef\xbb\xbf", 3) ? 3 : 0;
	const char *text = data->data + skip;
	size_t blank = strspn(text, " \t\r\n");
	bool xml = text[blank] == '<';

	if (skip + blank == data->len) {
		vp_build_fail(b, VP_E_SYNTAX, 1, "the file is empty");
		return;
	}
	if (!xml && text[blank] != '{') {
		vp_build_fail(b, VP_E_SYNTAX, count_lines(text, blank), "neither pan XML (<nlist format=\"pan\" ...) nor JSON ({ ...)");
		return;
	}
	if (!xml || !declares_other(text, data->len - skip))
		repair_utf8(b, data);
	(xml ? vp_xml_read : vp_json_read)(b, data->data + skip, data->len - skip);
}

static void read_bytes(struct vp_builder *b, const char *data, size_t len)
{
	bool gz = len > 1 && !memcmp(data, "\x1f\x8b", 2);
	struct vp_buf buf = { 0 };
	const char *wrong = NULL;

	vp_buf_adds(&buf, "");
	if (gz)
		wrong = vp_inflate(data, len, &buf);
	else
		vp_buf_add(&buf, data, len);
	if (wrong)
		vp_build_fail(b, strstr(wrong, "more than") ? VP_E_LIMIT : VP_E_SYNTAX, 0, "%s", wrong);
	else
		read_text(b, &buf);
	vp_buf_free(&buf);
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

struct vp_profile *vp_profile_read(struct vp_arena *a, const char *file, struct vp_diags *diags)
{
	struct vp_profile *p = NULL;
	struct vp_buf data = { 0 };
	struct vp_err err = { 0 };
	size_t len = strlen(file);

	/* The message begins with the name of the file, which a diagnostic shows anyway. */
	if (vp_read_file(file, VP_MAX_PROFILE, &data, &err))
		vp_diag(diags, VP_ERROR, err.code == VP_E_LIMIT ? VP_E_LIMIT : VP_E_READ, file, 0, "", "%s",
			!strncmp(err.msg, file, len) && !strncmp(err.msg + len, ": ", 2) ? err.msg + len + 2 : err.msg);
	else
		p = vp_profile_parse(a, file, data.data ? data.data : "", data.len, diags);
	vp_buf_free(&data);
	return p;
}
