// SPDX-License-Identifier: Apache-2.0
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "brief.h"

/* The part that all spellings of a name share: "profile_WN01.example.org" and "site/wn01" are "wn01". */
static const char *short_name(const char *name)
{
	const char *slash = strrchr(name, '/');

	name = slash ? slash + 1 : name;
	return strncmp(name, "profile_", 8) ? name : name + 8;
}

static int compare_short(const char *left, const char *right)
{
	const char *a = short_name(left), *b = short_name(right);

	for (;; a++, b++) {
		int x = *a == '.' ? 0 : tolower((unsigned char)*a), y = *b == '.' ? 0 : tolower((unsigned char)*b);

		if (x != y || !x)
			return x - y;
	}
}

static int by_short(const void *left, const void *right)
{
	const struct vp_brief *a = *(const struct vp_brief *const *)left, *b = *(const struct vp_brief *const *)right;
	int rc = compare_short(a->name, b->name);

	if (!rc)
		rc = strcmp(a->name, b->name);
	return rc ? rc : (a->order > b->order) - (a->order < b->order);
}

void vp_index_add(struct vp_index *x, const struct vp_brief *b)
{
	x->items = vp_grow(x->items, x->n, &x->cap, sizeof(*x->items));
	x->items[x->n++] = b;
	x->sorted = false;
}

const struct vp_brief *vp_index_find(struct vp_index *x, const char *name)
{
	size_t low = 0, high = x->n;

	if (!x->sorted && x->n)
		qsort(x->items, x->n, sizeof(*x->items), by_short);
	x->sorted = true;
	while (low < high) {
		size_t middle = (low + high) / 2;

		if (compare_short(x->items[middle]->name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < x->n && !compare_short(x->items[low]->name, name); low++)
		if (vp_place_names(name, x->items[low]->name))
			return x->items[low];
	return NULL;
}

void vp_index_free(struct vp_index *x)
{
	free(x->items);
	*x = (struct vp_index){ 0 };
}
