// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "build.h"

int vp_build_fail(struct vp_builder *b, enum vp_code code, unsigned line, const char *fmt, ...)
{
	const struct vp_val *at = vp_build_current(b);
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	b->errors++;
	vp_diag(b->diags, VP_ERROR, code, b->file, line, at && at->parent ? vp_path_of(b->arena, at) : "", "%s", text);
	return -1;
}

/* What would make paths ambiguous or terminals unhappy; panc itself allows far less. */
static bool bad_key(const char *key, size_t len)
{
	static const bool never[256] = { [0 ... ' ' - 1] = true, ['/'] = true, [0x7f] = true };
	bool bad = !len;

	for (size_t i = 0; i < len; i++)
		bad |= never[(unsigned char)key[i]];
	return bad;
}

const char *vp_build_key(struct vp_builder *b, const char *key, size_t len, unsigned line)
{
	if (len > VP_MAX_KEY) {
		vp_build_fail(b, VP_E_LIMIT, line, "the key \"%.30s...\" is longer than %d bytes", key, VP_MAX_KEY);
		return NULL;
	}
	key = vp_strndup(b->arena, key, len);
	if (bad_key(key, len))
		vp_build_fail(b, VP_E_SYNTAX, line, "the key \"%s\" is empty or has a character that no key may have", key);
	return key;
}

static bool bad_long(const char *text, size_t len)
{
	size_t sign = text[0] == '-';

	if (len == sign)
		return true;
	for (size_t i = sign; i < len; i++)
		if (text[i] < '0' || text[i] > '9')
			return true;
	/* 18 digits always fit. */
	if (len < 19)
		return false;
	errno = 0;
	strtoll(text, NULL, 10);
	return errno == ERANGE;
}

static bool bad_double(const char *text, size_t len)
{
	char *end;

	if (!len || strspn(text, "0123456789.eE+-") != len)
		return true;
	strtod(text, &end);
	return end != text + len;
}

/* What is wrong with the text of a scalar of this type, or NULL. */
static const char *bad_scalar(enum vp_type type, const char *text, size_t len)
{
	if (type == VP_LONG && bad_long(text, len))
		return "is not a whole number of 64 bits";
	if (type == VP_DOUBLE && bad_double(text, len))
		return "is not a number";
	if (type == VP_BOOL && strcmp(text, "true") && strcmp(text, "false"))
		return "is neither true nor false";
	return NULL;
}

/* Of many at once: a profile has thousands. */
static struct vp_val *new_value(struct vp_builder *b)
{
	if (!b->nfresh) {
		b->nfresh = 64;
		b->fresh = vp_alloc(b->arena, b->nfresh * sizeof(*b->fresh));
	}
	b->nfresh--;
	return b->fresh++;
}

/* Nearly always the first byte decides. */
static bool before(const char *a, const char *b)
{
	return (unsigned char)*a < (unsigned char)*b || strcmp(a, b) < 0;
}

static struct vp_val *append(struct vp_builder *b, enum vp_type type, const char *key, unsigned line)
{
	struct vp_level *up = b->depth ? &b->stack[b->depth - 1] : NULL;
	struct vp_val *v;

	if (++b->count > VP_MAX_VALUES) {
		vp_build_fail(b, VP_E_LIMIT, line, "more than %d values", VP_MAX_VALUES);
		return NULL;
	}
	if (b->errors > VP_MAX_DIAGS)
		return NULL;
	v = new_value(b);
	v->type = type;
	v->line = line;
	v->key = key;
	if (!up) {
		b->root = v;
		return v;
	}
	v->parent = up->val;
	if (up->last) {
		v->index = up->last->index + 1;
		up->ascending = up->ascending && (!key || before(up->last->key, key));
		up->last->next = v;
	} else {
		up->val->child = v;
	}
	up->last = v;
	return v;
}

int vp_build_open(struct vp_builder *b, enum vp_type type, const char *key, unsigned line)
{
	struct vp_val *v;

	if (b->depth == VP_MAX_DEPTH)
		return vp_build_fail(b, VP_E_LIMIT, line, "nested deeper than %d levels", VP_MAX_DEPTH);
	v = append(b, type, key, line);
	if (!v)
		return -1;
	b->stack[b->depth++] = (struct vp_level){ .val = v, .ascending = true };
	return 0;
}

int vp_build_scalar(struct vp_builder *b, enum vp_type type, const char *key, const char *text, size_t len, unsigned line)
{
	struct vp_val *v = append(b, type, key, line);
	const char *bad;

	if (!v)
		return -1;
	v->text = vp_strndup(b->arena, text, len);
	v->len = len;
	bad = bad_scalar(type, v->text, len);
	if (!bad)
		return 0;
	b->errors++;
	vp_diag(b->diags, VP_ERROR, VP_E_TYPE, b->file, line, vp_path_of(b->arena, v), "%s: \"%.100s\" %s", vp_type_name(type), v->text, bad);
	return 0;
}

static int by_key(const void *left, const void *right)
{
	const struct vp_val *const *a = left, *const *b = right;
	int rc = strcmp((*a)->key, (*b)->key);

	return rc ? rc : ((*a)->index > (*b)->index) - ((*a)->index < (*b)->index);
}

static void find_duplicates(struct vp_builder *b, const struct vp_level *level)
{
	size_t n = level->last->index + 1, i = 0;
	vp_cleanup(vp_freep) void *memory = vp_xcalloc(n, sizeof(struct vp_val *));
	const struct vp_val **all = memory;

	for (const struct vp_val *c = level->val->child; c; c = c->next)
		all[i++] = c;
	qsort(all, n, sizeof(struct vp_val *), by_key);
	for (i = 1; i < n; i++) {
		if (strcmp(all[i - 1]->key, all[i]->key))
			continue;
		b->errors++;
		vp_diag(b->diags, VP_ERROR, VP_E_SYNTAX, b->file, all[i]->line, vp_path_of(b->arena, all[i]), "is there twice; first on line %u%s",
			all[i - 1]->line, b->twice ? b->twice : "");
	}
}

void vp_build_close(struct vp_builder *b)
{
	const struct vp_level *level = &b->stack[--b->depth];

	if (level->val->type == VP_DICT && !level->ascending)
		find_duplicates(b, level);
}
