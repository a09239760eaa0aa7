// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tree.h"

static const struct vp_val *child_of(const struct vp_val *v, const char *name, size_t len)
{
	const struct vp_val *c = v->child;
	unsigned index = 0;

	if (v->type == VP_DICT) {
		while (c && (strncmp(c->key, name, len) || c->key[len]))
			c = c->next;
		return c;
	}
	if (v->type != VP_LIST || !len || len > 9 || strspn(name, "0123456789") < len)
		return NULL;
	for (size_t i = 0; i < len; i++)
		index = index * 10 + (unsigned)(name[i] - '0');
	while (c && c->index != index)
		c = c->next;
	return c;
}

const struct vp_val *vp_get(const struct vp_val *root, const char *path)
{
	const struct vp_val *v = root;

	for (const char *p = path; v && *p;) {
		size_t len;

		p += strspn(p, "/");
		len = strcspn(p, "/");
		if (len)
			v = child_of(v, p, len);
		p += len;
	}
	return v;
}

/* The element's text, in digits for list items. */
static const char *element_of(const struct vp_val *v, char digits[12])
{
	if (!v->key)
		snprintf(digits, 12, "%u", v->index);
	return v->key ? v->key : digits;
}

char *vp_path_of(struct vp_arena *a, const struct vp_val *v)
{
	char digits[12], *path, *end;
	size_t len = 0;

	if (!v || !v->parent)
		return vp_strdup(a, "/");
	for (const struct vp_val *up = v; up->parent; up = up->parent)
		len += strlen(element_of(up, digits)) + 1;
	path = vp_alloc(a, len + 1);
	end = path + len;
	for (const struct vp_val *up = v; up->parent; up = up->parent) {
		const char *text = element_of(up, digits);
		size_t n = strlen(text);

		end -= n;
		memcpy(end, text, n);
		*--end = '/';
	}
	return path;
}

static int hex_digit(char c)
{
	const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

char *vp_unescape(struct vp_arena *a, const char *key)
{
	char *out = vp_alloc(a, strlen(key) + 1), *o = out;

	/* A lone underscore is how the empty string is escaped. */
	if (!strcmp(key, "_"))
		return out;
	while (*key) {
		int high = *key == '_' ? hex_digit(key[1]) : -1, low = high >= 0 ? hex_digit(key[2]) : -1;

		if (low < 0 || !(high | low)) {
			*o++ = *key++;
			continue;
		}
		*o++ = (char)(high << 4 | low);
		key += 3;
	}
	return out;
}

const char *vp_type_name(enum vp_type type)
{
	static const char *const names[] = { "dict", "list", "string", "long", "double", "boolean" };

	return names[type];
}
