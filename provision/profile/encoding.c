// SPDX-License-Identifier: Apache-2.0
/*
 * Whatever encoding -> UTF-8, before any reader of a format sees it. Three encodings, converted here: neither libxml2 nor iconv, whose many
 * converters are code of their own for hostile bytes, choose one by what a profile says.
 */
#include <string.h>
#include <strings.h>

#include "build.h"

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

/* In large steps: nearly all of every profile is ASCII. */
static size_t ascii(const char *s, size_t len)
{
	uint64_t words[4];
	size_t at = 0;

	for (; len - at >= sizeof(words); at += sizeof(words)) {
		memcpy(words, s + at, sizeof(words));
		if ((words[0] | words[1] | words[2] | words[3]) & UINT64_C(0x8080808080808080))
			break;
	}
	return at;
}

size_t vp_utf8_valid(const char *s, size_t len)
{
	size_t at = ascii(s, len), n;

	while (at < len && (n = sequence((const unsigned char *)s + at, len - at))) {
		at += n;
		if (n > 1)
			at += ascii(s + at, len - at);
	}
	return at;
}

void vp_utf8_add(struct vp_buf *b, unsigned c)
{
	static const unsigned char lead[] = { 0, 0xc0, 0xe0, 0xf0 };
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	char s[4];

	for (size_t i = n; i-- > 1; c >>= 6)
		s[i] = (char)(0x80 | (c & 0x3f));
	s[0] = (char)(lead[n - 1] | c);
	vp_buf_add(b, s, n);
}

bool vp_utf8_repair(struct vp_buf *b)
{
	struct vp_buf out = { 0 };
	size_t at = 0, good = vp_utf8_valid(vp_buf_str(b), b->len);

	if (good == b->len)
		return false;
	while (at < b->len) {
		good = vp_utf8_valid(b->data + at, b->len - at);
		vp_buf_add(&out, b->data + at, good);
		at += good;
		if (at < b->len)
			vp_utf8_add(&out, (unsigned char)b->data[at++]);
	}
	vp_buf_free(b);
	*b = out;
	return true;
}

unsigned vp_count_lines(const char *s, size_t len)
{
	unsigned n = 1;

	for (size_t i = 0; i < len; i++)
		n += s[i] == '\n';
	return n;
}

/* By the mark of byte order, or by the first character, which is ASCII in every format: 0 where it is not UTF-16, 1 high byte first, 2 low byte
 * first. */
static int utf16_order(const unsigned char *s, size_t len)
{
	if (len < 2)
		return 0;
	if ((s[0] == 0xfe && s[1] == 0xff) || (!s[0] && s[1]))
		return 1;
	return (s[0] == 0xff && s[1] == 0xfe) || (s[0] && !s[1]) ? 2 : 0;
}

static int from_utf16(struct vp_builder *b, const unsigned char *s, size_t len, int order, struct vp_buf *out)
{
	unsigned high = 0;
	size_t at = 0;

	for (; len - at >= 2; at += 2) {
		unsigned c = order == 1 ? (unsigned)s[at] << 8 | s[at + 1] : (unsigned)s[at + 1] << 8 | s[at];

		if (!high != (c < 0xdc00 || c > 0xdfff))
			break;
		if (c >= 0xd800 && c < 0xdc00) {
			high = c;
			continue;
		}
		if (high)
			c = 0x10000 + ((high - 0xd800) << 10 | (c - 0xdc00));
		high = 0;
		if (at || c != 0xfeff)
			vp_utf8_add(out, c);
	}
	if (!high && at == len)
		return 0;
	return vp_build_fail(b, VP_E_SYNTAX, vp_count_lines(vp_buf_str(out), out->len), "UTF-16 with half of a character");
}

static void from_latin1(const char *s, size_t len, struct vp_buf *out)
{
	for (size_t at = 0, n; at < len; at += n) {
		n = ascii(s + at, len - at);
		vp_buf_add(out, s + at, n);
		if (at + n < len)
			vp_utf8_add(out, (unsigned char)s[at + n++]);
	}
}

/* What an XML declaration at the start names, "" where there is none. */
static void declared(const char *s, size_t len, char name[32])
{
	const char *end = memchr(s, '>', len < 200 ? len : 200), *at;
	size_t n = 0;

	*name = '\0';
	if (!end || strncmp(s, "<?xml", 5))
		return;
	at = memmem(s, (size_t)(end - s), "encoding", 8);
	for (at = at ? at + 8 : end; at < end && strchr(" \t\r\n=\"'", *at); at++)
		;
	while (at + n < end && n < 31 && !strchr(" \t\r\n\"'?", at[n]))
		n++;
	memcpy(name, at, n);
	name[n] = '\0';
}

static bool is_any(const char *name, const char *const *names)
{
	for (; *names; names++)
		if (!strcasecmp(name, *names))
			return true;
	return false;
}

/* The compiler's .gz writers use the locale of the build host, and declare UTF-8 all the same. */
static int from_bytes(struct vp_builder *b, const char *s, size_t len, struct vp_buf *out)
{
	static const char *const utf8[] = { "", "UTF-8", "UTF8", "US-ASCII", "ASCII", NULL }, *const latin1[] = { "ISO-8859-1", "ISO8859-1", "latin1",
														  NULL };
	char name[32];
	size_t good;

	declared(s, len, name);
	if (is_any(name, latin1)) {
		from_latin1(s, len, out);
		return 0;
	}
	if (!is_any(name, utf8))
		return vp_build_fail(b, VP_E_SYNTAX, 1,
				     "it declares the encoding \"%s\", which it does not have or which is unknown; UTF-8, UTF-16 and "
				     "ISO-8859-1 are known",
				     name);
	good = vp_utf8_valid(s, len);
	if (good == len)
		return 0;
	vp_diag(b->diags, VP_WARNING, VP_E_ODD, b->file, vp_count_lines(s, good), "", "not UTF-8: read as Latin-1 where it is not");
	vp_buf_add(out, s, len);
	vp_utf8_repair(out);
	return 0;
}

int vp_to_utf8(struct vp_builder *b, const char **data, size_t *len, struct vp_buf *converted)
{
	int order = utf16_order((const unsigned char *)*data, *len);
	const char *nul;

	if (*len >= 3 && !memcmp(*data, "\xef\xbb\xbf", 3)) {
		*data += 3;
		*len -= 3;
	}
	if (order ? from_utf16(b, (const unsigned char *)*data, *len, order, converted) : from_bytes(b, *data, *len, converted))
		return -1;
	if (converted->len) {
		*data = converted->data;
		*len = converted->len;
	}
	nul = memchr(*data, '\0', *len);
	if (nul)
		return vp_build_fail(b, VP_E_SYNTAX, vp_count_lines(*data, (size_t)(nul - *data)), "a NUL character");
	return *len > VP_MAX_PROFILE ? vp_build_fail(b, VP_E_LIMIT, 0, "larger than 64 MiB in UTF-8") : 0;
}
