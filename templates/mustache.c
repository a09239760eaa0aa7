// SPDX-License-Identifier: Apache-2.0
/*
 * Two passes: the text becomes a flat list of tokens in which each section knows where it ends; then the list is walked with a
 * stack of contexts. A partial is a text of its own, parsed where it is used, so that its indentation is part of it.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "mustache.h"

enum kind { TEXT = 'T', VARIABLE = 'v', RAW = '&', SECTION = '#', INVERTED = '^', END = '/', PARTIAL = '>' };

struct token {
	enum kind kind;
	/* The text, or the name. */
	const char *at;
	size_t len;
	unsigned line;
	/* Index of the END of a section. */
	size_t end;
	/* The blanks before a partial that is alone on its line. */
	const char *indent;
	size_t nindent;
};

struct parser {
	const char *name;
	const char *text;
	/* Where parsing is; its line, from 1. */
	const char *pos;
	unsigned line;
	char open[16], close[16];
	struct token *tokens;
	size_t n, cap;
	size_t sections[VP_MAX_PARTIALS];
	unsigned depth;
	struct vp_err *err;
};

struct renderer {
	vp_escape_fn *escape;
	const struct vp_mustache_source *source;
	struct vp_buf *out;
	size_t start;
	json_t *stack[VP_MAX_PARTIALS + 1];
	unsigned depth;
	/* Bytes parsed and tokens rendered so far: bounds partials that call each other in a tree, and long lists of nothing. */
	size_t work;
	struct vp_err *err;
};

static int wrong(const struct parser *p, unsigned line, const char *what, const char *name, size_t len)
{
	return vp_fail(p->err, VP_E_TEMPLATE, "%s:%u: %s%.*s", p->name, line, what, (int)(len > 60 ? 60 : len), name);
}

static bool blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool space(char c)
{
	return blank(c) || c == '\n' || c == '\r';
}

static struct token *add(struct parser *p, enum kind kind, const char *at, size_t len)
{
	struct token *t;

	p->tokens = vp_grow(p->tokens, p->n, &p->cap, sizeof(*p->tokens));
	t = &p->tokens[p->n++];
	*t = (struct token){ .kind = kind, .at = at, .len = len, .line = p->line };
	return t;
}

static void move_to(struct parser *p, const char *to)
{
	for (; p->pos < to; p->pos++)
		p->line += *p->pos == '\n';
}

/* Blanks between the start of the line and the tag; -1 where there is anything else. */
static ssize_t blanks_before(const struct parser *p, const char *tag)
{
	const char *s = tag;

	while (s > p->text && blank(s[-1]))
		s--;
	return s == p->text || s[-1] == '\n' ? tag - s : -1;
}

/* The start of the next line; NULL where anything but blanks is left on this one. */
static const char *blanks_after(const char *s)
{
	while (blank(*s))
		s++;
	if (s[0] == '\r' && s[1] == '\n')
		return s + 2;
	return *s == '\n' ? s + 1 : *s ? NULL : s;
}

/* "{{=<% %>=}}": body is what stands between the equals signs. */
static int set_delimiters(struct parser *p, const char *body, size_t len)
{
	const char *end = body + len, *a = body, *b, *close;

	while (a < end && space(*a))
		a++;
	for (b = a; b < end && !space(*b); b++)
		;
	for (close = b; close < end && space(*close); close++)
		;
	while (end > close && space(end[-1]))
		end--;
	if (a == b || close == end || (size_t)(b - a) >= sizeof(p->open) || (size_t)(end - close) >= sizeof(p->close))
		return wrong(p, p->line, "delimiters are two words of up to 15 bytes", "", 0);
	for (const char *s = a; s < end; s++)
		if (*s == '=' || (s > close && space(*s)))
			return wrong(p, p->line, "delimiters hold neither blanks nor '='", "", 0);
	snprintf(p->open, sizeof(p->open), "%.*s", (int)(b - a), a);
	snprintf(p->close, sizeof(p->close), "%.*s", (int)(end - close), close);
	return 0;
}

static int open_section(struct parser *p, size_t token)
{
	if (p->depth == VP_MAX_PARTIALS)
		return wrong(p, p->line, "sections are nested too deeply", "", 0);
	p->sections[p->depth++] = token;
	return 0;
}

static int close_section(struct parser *p, const char *name, size_t len)
{
	struct token *open;

	if (!p->depth)
		return wrong(p, p->line, "end of a section that was not opened: ", name, len);
	open = &p->tokens[p->sections[--p->depth]];
	if (open->len != len || memcmp(open->at, name, len))
		return wrong(p, p->line, "end of another section than the open one: ", name, len);
	open->end = p->n - 1;
	return 0;
}

/* One name token; at and len are the tag without its sigil. */
static int add_name(struct parser *p, enum kind kind, const char *at, size_t len)
{
	while (len && space(*at))
		at++, len--;
	while (len && space(at[len - 1]))
		len--;
	if (!len)
		return wrong(p, p->line, "a tag without a name", "", 0);
	for (size_t i = 0; i < len; i++)
		if (space(at[i]))
			return wrong(p, p->line, "a name with a blank in it: ", at, len);
	add(p, kind, at, len);
	if (kind == SECTION || kind == INVERTED)
		return open_section(p, p->n - 1);
	return kind == END ? close_section(p, at, len) : 0;
}

/* Everything between two delimiters, sigil first. */
static int add_tag(struct parser *p, char sigil, const char *body, size_t len)
{
	switch (sigil) {
	case '!': return 0;
	case '=': return set_delimiters(p, body, len);
	case '{': return add_name(p, RAW, body, len);
	case '&':
	case '#':
	case '^':
	case '/':
	case '>': return add_name(p, (enum kind)sigil, body, len);
	case '<':
	case '$': return wrong(p, p->line, "inheritance is not supported", "", 0);
	default: return add_name(p, VARIABLE, body, len);
	}
}

/* Parses the tag that starts at `tag`; the text before it was not added yet. */
static int parse_tag(struct parser *p, const char *tag)
{
	const char *body = tag + strlen(p->open), *end, *next;
	char sigil, closing[18];
	ssize_t indent;

	while (space(*body))
		body++;
	sigil = *body;
	snprintf(closing, sizeof(closing), "%s%s", sigil == '{' ? "}" : sigil == '=' ? "=" : "", p->close);
	if (sigil && strchr("!={&#^/><$", sigil))
		body++;
	end = strstr(body, closing);
	next = end ? blanks_after(end + strlen(closing)) : NULL;
	indent = blanks_before(p, tag);
	/* Only tags that print nothing themselves take their line away with them. */
	if (!next || indent < 0 || !sigil || !strchr("!=#^/>", sigil)) {
		indent = -1;
		next = end ? end + strlen(closing) : NULL;
	}
	if (tag - (indent < 0 ? 0 : indent) > p->pos)
		add(p, TEXT, p->pos, (size_t)(tag - (indent < 0 ? 0 : indent) - p->pos));
	move_to(p, tag);
	if (!end)
		return wrong(p, p->line, "a tag that is not closed by ", closing, strlen(closing));
	if (add_tag(p, sigil, body, (size_t)(end - body)))
		return -1;
	if (sigil == '>' && indent > 0) {
		p->tokens[p->n - 1].indent = tag - indent;
		p->tokens[p->n - 1].nindent = (size_t)indent;
	}
	move_to(p, next);
	return 0;
}

static int parse(struct parser *p)
{
	const char *tag;

	while ((tag = strstr(p->pos, p->open)))
		if (parse_tag(p, tag))
			return -1;
	if (*p->pos)
		add(p, TEXT, p->pos, strlen(p->pos));
	if (p->depth) {
		const struct token *t = &p->tokens[p->sections[p->depth - 1]];

		return wrong(p, t->line, "unclosed section ", t->at, t->len);
	}
	return 0;
}

static json_t *member(json_t *object, const char *key, size_t len)
{
	char name[256];

	if (len >= sizeof(name))
		return NULL;
	memcpy(name, key, len);
	name[len] = '\0';
	return json_object_get(object, name);
}

/* Bytes up to the first dot. */
static size_t part(const char *at, size_t len)
{
	const char *dot = memchr(at, '.', len);

	return dot ? (size_t)(dot - at) : len;
}

/* It becomes one of the outermost context, also where it is nothing. */
static json_t *late_member(const struct renderer *r, const char *key, size_t len)
{
	char name[256];
	json_t *v;

	if (!r->source->member || len >= sizeof(name))
		return NULL;
	snprintf(name, sizeof(name), "%.*s", (int)len, key);
	v = r->source->member(r->source->arg, name);
	if (!v)
		v = json_null();
	return json_object_set_new(r->stack[0], name, v) ? NULL : v;
}

/* The value of a dotted name: its first part from the innermost context that knows it, the rest from there only. */
static json_t *lookup(const struct renderer *r, const struct token *t)
{
	size_t at = 0, len = part(t->at, t->len);
	json_t *v = NULL;

	if (t->len == 1 && *t->at == '.')
		return r->stack[r->depth];
	for (unsigned i = r->depth + 1; i-- > 0 && !v;)
		v = member(r->stack[i], t->at, len);
	if (!v)
		v = late_member(r, t->at, len);
	while (v && (at += len) < t->len) {
		at++;
		len = part(t->at + at, t->len - at);
		v = member(v, t->at + at, len);
	}
	return v;
}

/* What has nothing to show is false: also "", 0 and an empty list or object, so that absent values need no flags of their own. */
static bool truthy(const json_t *v)
{
	switch (v ? json_typeof(v) : JSON_NULL) {
	case JSON_NULL:
	case JSON_FALSE: return false;
	case JSON_STRING: return json_string_length(v) > 0;
	case JSON_INTEGER: return json_integer_value(v) != 0;
	case JSON_REAL: return fpclassify(json_real_value(v)) != FP_ZERO;
	case JSON_ARRAY: return json_array_size(v) > 0;
	case JSON_OBJECT: return json_object_size(v) > 0;
	default: return true;
	}
}

static int broken(const struct renderer *r, const struct parser *p, const struct token *t, const char *what)
{
	return vp_fail(r->err, VP_E_TEMPLATE, "%s:%u: %s (%.*s)", p->name, t->line, what, (int)(t->len > 60 ? 60 : t->len), t->at);
}

/* Charges work and looks at the size of the output. */
static int within(struct renderer *r, const struct parser *p, const struct token *t, size_t work)
{
	r->work += work;
	if (r->work > VP_MAX_RENDER)
		return broken(r, p, t, "this takes too long; partials that use each other?");
	if (r->out->len - r->start > VP_MAX_RENDER)
		return broken(r, p, t, "the text becomes too long");
	return 0;
}

static int put_value(struct renderer *r, const struct parser *p, const struct token *t)
{
	const json_t *v = lookup(r, t);
	char number[40];
	const char *text = number;
	size_t len;

	switch (v ? json_typeof(v) : JSON_NULL) {
	case JSON_NULL: return 0;
	case JSON_STRING: text = json_string_value(v); break;
	case JSON_TRUE: text = "true"; break;
	case JSON_FALSE: text = "false"; break;
	case JSON_INTEGER: snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT, json_integer_value(v)); break;
	case JSON_REAL: snprintf(number, sizeof(number), "%.15g", json_real_value(v)); break;
	default: return broken(r, p, t, "a list or an object is no text");
	}
	len = json_is_string(v) ? json_string_length(v) : strlen(text);
	if (t->kind == RAW)
		vp_buf_add(r->out, text, len);
	else
		r->escape(r->out, text, len);
	return 0;
}

static int render_text(struct renderer *r, const char *name, const char *text, unsigned nesting);

/* The text with the indentation in front of each of its lines; cut where it is too long to be rendered anyway. */
static void indent_lines(struct vp_buf *b, const char *text, const struct token *t)
{
	for (const char *end; *text && b->len <= VP_MAX_RENDER; text = end) {
		end = strchr(text, '\n');
		end = end ? end + 1 : text + strlen(text);
		vp_buf_add(b, t->indent, t->nindent);
		vp_buf_add(b, text, (size_t)(end - text));
	}
}

static int put_partial(struct renderer *r, const struct parser *p, const struct token *t, unsigned nesting)
{
	vp_cleanup(vp_buf_free) struct vp_buf indented = { 0 };
	char name[256];
	const char *text;

	if (t->len >= sizeof(name))
		return broken(r, p, t, "the name of the partial is too long");
	snprintf(name, sizeof(name), "%.*s", (int)t->len, t->at);
	text = r->source->partial ? r->source->partial(r->source->arg, name) : NULL;
	if (!text)
		return 0;
	if (strlen(text) > VP_MAX_TEMPLATE)
		return broken(r, p, t, "the partial is too long");
	indent_lines(&indented, text, t);
	if (render_text(r, name, vp_buf_str(&indented), nesting))
		return vp_context(r->err, "%s:%u", p->name, t->line);
	return 0;
}

static int render_tokens(struct renderer *r, const struct parser *p, size_t from, size_t to, unsigned nesting);

/* Once for each item of a list, once for anything else that is true. */
static int put_section(struct renderer *r, const struct parser *p, size_t i, unsigned nesting)
{
	const struct token *t = &p->tokens[i];
	json_t *v = lookup(r, t);
	size_t n = json_is_array(v) ? json_array_size(v) : truthy(v);
	int rc = 0;

	r->depth++;
	for (size_t k = 0; k < n && !rc; k++) {
		r->stack[r->depth] = json_is_array(v) ? json_array_get(v, k) : v;
		rc = within(r, p, t, 1) ?: render_tokens(r, p, i + 1, t->end, nesting);
	}
	r->depth--;
	return rc;
}

static int render_token(struct renderer *r, const struct parser *p, size_t i, unsigned nesting)
{
	const struct token *t = &p->tokens[i];

	if (within(r, p, t, 1))
		return -1;
	switch (t->kind) {
	case TEXT: vp_buf_add(r->out, t->at, t->len); return 0;
	case VARIABLE:
	case RAW: return put_value(r, p, t);
	case END: return 0;
	default: break;
	}
	if (nesting == VP_MAX_PARTIALS)
		return broken(r, p, t, "sections and partials are nested too deeply");
	switch (t->kind) {
	case SECTION: return put_section(r, p, i, nesting + 1);
	case INVERTED: return truthy(lookup(r, t)) ? 0 : render_tokens(r, p, i + 1, t->end, nesting + 1);
	default: return put_partial(r, p, t, nesting + 1);
	}
}

static int render_tokens(struct renderer *r, const struct parser *p, size_t from, size_t to, unsigned nesting)
{
	for (size_t i = from; i < to; i++) {
		if (render_token(r, p, i, nesting))
			return -1;
		if (p->tokens[i].kind == SECTION || p->tokens[i].kind == INVERTED)
			i = p->tokens[i].end;
	}
	return 0;
}

static int render_text(struct renderer *r, const char *name, const char *text, unsigned nesting)
{
	struct parser p = { .name = name, .text = text, .pos = text, .line = 1, .open = "{{", .close = "}}", .err = r->err };
	const struct token whole = { .at = name, .len = strlen(name), .line = 1 };
	int rc;

	rc = within(r, &p, &whole, strlen(text)) ?: parse(&p) ?: render_tokens(r, &p, 0, p.n, nesting) ?: within(r, &p, &whole, 0);
	free(p.tokens);
	return rc;
}

int vp_mustache(const char *name, const char *text, json_t *data, vp_escape_fn *escape, const struct vp_mustache_source *source, struct vp_buf *out,
		struct vp_err *err)
{
	static const struct vp_mustache_source nothing;
	struct renderer r = { .escape = escape, .source = source ? source : &nothing, .out = out, .start = out->len, .stack = { data }, .err = err };

	if (strlen(text) > VP_MAX_TEMPLATE)
		return vp_fail(err, VP_E_TEMPLATE, "%s: longer than %u bytes", name, VP_MAX_TEMPLATE);
	if (!render_text(&r, name, text, 0))
		return 0;
	if (out->data) {
		out->len = r.start;
		out->data[out->len] = '\0';
	}
	return -1;
}

/* One of the two code points below U+10000 that XML forbids beside the control characters: U+FFFE and U+FFFF. */
static bool noncharacter(const char *s, size_t left)
{
	return left >= 3 && !memcmp(s, "\xef\xbf", 2) && ((unsigned char)s[2] == 0xbe || (unsigned char)s[2] == 0xbf);
}

void vp_escape_xml(struct vp_buf *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		switch (c) {
		case '&': vp_buf_adds(out, "&amp;"); break;
		case '<': vp_buf_adds(out, "&lt;"); break;
		case '>': vp_buf_adds(out, "&gt;"); break;
		case '"': vp_buf_adds(out, "&quot;"); break;
		case '\'': vp_buf_adds(out, "&apos;"); break;
		/* As they are, an XML parser would make blanks of them in attributes. */
		case '\t':
		case '\n':
		case '\r': vp_buf_addf(out, "&#%d;", c); break;
		default:
			if (noncharacter(text + i, len - i)) {
				vp_buf_adds(out, "?");
				i += 2;
			} else {
				vp_buf_add(out, c < 0x20 ? "?" : &text[i], 1);
			}
		}
	}
}

void vp_escape_shell(struct vp_buf *out, const char *text, size_t len)
{
	vp_buf_adds(out, "'");
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\'')
			vp_buf_adds(out, "'\\''");
		else
			vp_buf_add(out, text[i] ? &text[i] : "?", 1);
	}
	vp_buf_adds(out, "'");
}

void vp_escape_json(struct vp_buf *out, const char *text, size_t len)
{
	vp_buf_adds(out, "\"");
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c < 0x20 || c == 0x7f)
			vp_buf_addf(out, "\\u%04x", c);
		else if (c == '"' || c == '\\')
			vp_buf_addf(out, "\\%c", c);
		else
			vp_buf_add(out, &text[i], 1);
	}
	vp_buf_adds(out, "\"");
}

void vp_escape_line(struct vp_buf *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		vp_buf_add(out, (unsigned char)text[i] < 0x20 || text[i] == 0x7f ? " " : &text[i], 1);
}
