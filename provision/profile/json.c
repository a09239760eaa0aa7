// SPDX-License-Identifier: Apache-2.0
/*
 * Profile JSON. A reader of our own (RFC 8259, strict), because the common
 * libraries tell neither the line of a value nor the text of a number, and keep
 * only one of two equal keys.
 */
#include <string.h>

#include "build.h"

struct reader {
	struct vp_builder *b;
	const char *p, *end;
	unsigned line;
	/* The last string, unescaped. */
	struct vp_buf text;
};

static int fail(struct reader *r, const char *what)
{
	return vp_build_fail(r->b, VP_E_SYNTAX, r->line, "%s", r->p < r->end ? what : "the profile ends early");
}

static void skip_blanks(struct reader *r)
{
	for (; r->p < r->end && (*r->p == ' ' || *r->p == '\n' || *r->p == '\r' || *r->p == '\t'); r->p++)
		r->line += *r->p == '\n';
}

static bool accept(struct reader *r, char c)
{
	skip_blanks(r);
	if (r->p == r->end || *r->p != c)
		return false;
	r->p++;
	return true;
}

/* Four hexadecimal digits, or -1. */
static int hex4(struct reader *r)
{
	int v = 0;

	for (int i = 0; i < 4; i++) {
		const char *digits = "0123456789abcdef", *at;

		if (r->p == r->end || !*r->p)
			return -1;
		at = strchr(digits, *r->p >= 'A' && *r->p <= 'F' ? *r->p + ('a' - 'A') : *r->p);
		if (!at)
			return -1;
		v = v << 4 | (int)(at - digits);
		r->p++;
	}
	return v;
}

/* After "\u". */
static int unicode_escape(struct reader *r)
{
	int high = hex4(r), low = 0;

	if (high >= 0xd800 && high < 0xdc00) {
		if (r->end - r->p < 2 || r->p[0] != '\\' || r->p[1] != 'u')
			return fail(r, "half of a surrogate pair");
		r->p += 2;
		low = hex4(r);
		if (low < 0xdc00 || low > 0xdfff)
			return fail(r, "half of a surrogate pair");
		high = 0x10000 + ((high - 0xd800) << 10 | (low - 0xdc00));
	} else if (high < 0 || (high >= 0xdc00 && high < 0xe000)) {
		return fail(r, "bad \\u escape");
	}
	vp_utf8_add(&r->text, (unsigned)high);
	return 0;
}

static int escape(struct reader *r)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *at;
	char c;

	if (r->p == r->end)
		return fail(r, "");
	c = *r->p++;
	if (c == 'u')
		return unicode_escape(r);
	at = c ? strchr(from, c) : NULL;
	if (!at)
		return fail(r, "unknown escape in a string");
	vp_buf_add(&r->text, &to[at - from], 1);
	return 0;
}

/* After the opening quote, into r->text. */
static int string(struct reader *r)
{
	r->text.len = 0;
	vp_buf_adds(&r->text, "");
	for (;;) {
		const char *from = r->p;

		while (r->p < r->end && *r->p != '"' && *r->p != '\\' && (unsigned char)*r->p >= ' ')
			r->p++;
		vp_buf_add(&r->text, from, (size_t)(r->p - from));
		if (r->p == r->end || (unsigned char)*r->p < ' ')
			return fail(r, "a string with a line break or control character in it, or one that does not end");
		if (*r->p++ == '"')
			return 0;
		if (escape(r))
			return -1;
	}
}

static bool digits(struct reader *r)
{
	const char *from = r->p;

	while (r->p < r->end && *r->p >= '0' && *r->p <= '9')
		r->p++;
	return r->p > from;
}

/* The text of a number decides its type: panc writes a long without, a double with a point or exponent. */
static int number(struct reader *r, const char *key)
{
	enum vp_type type = VP_LONG;
	const char *from = r->p;

	if (*r->p == '-')
		r->p++;
	if (r->end - r->p > 1 && *r->p == '0' && r->p[1] >= '0' && r->p[1] <= '9')
		return fail(r, "a number that begins with 0");
	if (!digits(r))
		return fail(r, "this is no value");
	if (r->p < r->end && *r->p == '.') {
		type = VP_DOUBLE;
		r->p++;
		if (!digits(r))
			return fail(r, "a number without digits after its point");
	}
	if (r->p < r->end && (*r->p == 'e' || *r->p == 'E')) {
		type = VP_DOUBLE;
		r->p++;
		if (r->p < r->end && (*r->p == '+' || *r->p == '-'))
			r->p++;
		if (!digits(r))
			return fail(r, "a number without digits in its exponent");
	}
	return vp_build_scalar(r->b, type, key, from, (size_t)(r->p - from), r->line);
}

static int word(struct reader *r, const char *key)
{
	static const char *const words[] = { "true", "false" };

	for (size_t i = 0; i < vp_count(words); i++) {
		size_t n = strlen(words[i]);

		if ((size_t)(r->end - r->p) < n || strncmp(r->p, words[i], n))
			continue;
		r->p += n;
		return vp_build_scalar(r->b, VP_BOOL, key, words[i], n, r->line);
	}
	return fail(r, *r->p == 'n' ? "null is no value of a profile" : "this is no value");
}

static int value(struct reader *r, const char *key);

/* The next item of a container: a key with its value, or a value. */
static int item(struct reader *r, bool dict)
{
	const char *key;

	if (!dict)
		return value(r, NULL);
	if (!accept(r, '"'))
		return fail(r, "a key in double quotes has to follow here");
	if (string(r))
		return -1;
	if (memchr(r->text.data, '\0', r->text.len))
		return fail(r, "a key with a NUL character");
	key = vp_build_key(r->b, r->text.data, r->text.len, r->line);
	if (!key)
		return -1;
	return accept(r, ':') ? value(r, key) : fail(r, "a colon has to follow here");
}

/* At the opening bracket. Depth is bounded by the builder. */
static int container(struct reader *r, const char *key)
{
	bool dict = *r->p++ == '{', first = true;
	char close = dict ? '}' : ']';

	if (vp_build_open(r->b, dict ? VP_DICT : VP_LIST, key, r->line))
		return -1;
	for (; !accept(r, close); first = false) {
		if (!first && !accept(r, ','))
			return fail(r, dict ? "a comma or } has to follow here" : "a comma or ] has to follow here");
		if (item(r, dict))
			return -1;
	}
	vp_build_close(r->b);
	return 0;
}

static int value(struct reader *r, const char *key)
{
	unsigned line;

	skip_blanks(r);
	if (r->p == r->end)
		return fail(r, "");
	line = r->line;
	switch (*r->p) {
	case '{':
	case '[': return container(r, key);
	case '"': r->p++; return string(r) ? -1 : vp_build_scalar(r->b, VP_STRING, key, r->text.data, r->text.len, line);
	case '-':
	case '0' ... '9': return number(r, key);
	default: return word(r, key);
	}
}

void vp_json_read(struct vp_builder *b, const char *data, size_t len)
{
	struct reader r = { .b = b, .p = data, .end = data + len, .line = 1 };

	skip_blanks(&r);
	if (r.p == r.end || *r.p != '{') {
		fail(&r, "a profile in JSON begins with {");
	} else if (!container(&r, NULL)) {
		skip_blanks(&r);
		if (r.p < r.end)
			fail(&r, "something follows after the end of the profile");
	}
	vp_buf_free(&r.text);
}
