// SPDX-License-Identifier: Apache-2.0
/* The binding table as a whole: finding rows, storing values, printing the schema. The rows are in rows_*.c. */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bind.h"

#define MAX_STEPS (VP_MAX_ROWS * 4)

static const struct vp_row *all[VP_MAX_ROWS];
static unsigned short first[VP_MAX_ROWS];
static struct vp_rows_index objects[VP_O__COUNT];
static struct vp_step steps[MAX_STEPS];
static unsigned short nsteps;

static unsigned short new_step(const char *name, size_t len)
{
	static char names[MAX_STEPS * 12];
	static size_t used;
	char *copy = names + used;

	assert(nsteps < MAX_STEPS && used + len < sizeof(names));
	memcpy(copy, name, len);
	used += len + 1;
	steps[nsteps] = (struct vp_step){ .name = copy, .star = !strcmp(copy, "*"), .row = -1 };
	return nsteps++;
}

/* The child of that name, made where it is not there yet. */
static unsigned short step_to(unsigned short at, const char *name, size_t len)
{
	unsigned short *link = &steps[at].child;

	while (*link && (strncmp(steps[*link].name, name, len) || steps[*link].name[len]))
		link = &steps[*link].next;
	if (!*link)
		*link = new_step(name, len);
	return *link;
}

static void add_path(unsigned short at, const char *path, short row)
{
	while (*path) {
		size_t len = strcspn(++path, "/");

		at = step_to(at, path, len);
		path += len;
	}
	/* One path is bound once. */
	assert(steps[at].row < 0);
	steps[at].row = row;
}

static void index_object(struct vp_rows_index *x)
{
	size_t start = (size_t)(x->rows - all);

	x->first = first + start;
	x->steps = new_step("", 0);
	for (size_t i = 0; i < x->n; i++) {
		size_t k = 0;

		while (x->rows[k]->offset != x->rows[i]->offset)
			k++;
		first[start + i] = (unsigned short)k;
		if (*x->rows[i]->path == '/')
			add_path(x->steps, x->rows[i]->path, (short)i);
	}
}

/* Sorted by object, in the order of the tables: done once, before any thread or child is there. */
static void __attribute__((constructor)) index_rows(void)
{
	static const struct vp_rows *const tables[] = { &vp_rows_site, &vp_rows_node, &vp_rows_hardware, &vp_rows_net,
							&vp_rows_disk, &vp_rows_aii,  &vp_rows_place };
	size_t total = 0;

	for (size_t o = 0; o < VP_O__COUNT; o++) {
		objects[o].rows = all + total;
		for (size_t t = 0; t < vp_count(tables); t++)
			for (size_t i = 0; i < tables[t]->n; i++)
				if (tables[t]->rows[i].object == o) {
					assert(total < VP_MAX_ROWS);
					all[total++] = &tables[t]->rows[i];
					objects[o].n++;
				}
		index_object(&objects[o]);
	}
}

const struct vp_row *const *vp_rows_all(size_t *n)
{
	const struct vp_rows_index *last = &objects[VP_O__COUNT - 1];

	*n = (size_t)(last->rows - all) + last->n;
	return all;
}

const struct vp_rows_index *vp_rows_of(enum vp_object object)
{
	return &objects[object];
}

const struct vp_step *vp_step_at(unsigned short step)
{
	return &steps[step];
}

_Static_assert(offsetof(struct vp_node, nssh_keys) == offsetof(struct vp_node, ssh_keys) + sizeof(char *), "VP_K_STRINGS");
_Static_assert(offsetof(struct vp_node, npackages) == offsetof(struct vp_node, packages) + sizeof(char *), "VP_K_STRINGS");
_Static_assert(offsetof(struct vp_verify, ntolerances) == offsetof(struct vp_verify, tolerances) + sizeof(char *), "VP_K_STRINGS");
_Static_assert(offsetof(struct vp_node, nnameservers) == offsetof(struct vp_node, nameservers) + sizeof(char *), "VP_K_STRINGS");

bool vp_path_match(const char *pattern, const char *path)
{
	for (;;) {
		size_t n = strcspn(pattern, "/"), m = strcspn(path, "/");

		if (!(n == 1 && *pattern == '*' && m) && (n != m || strncmp(pattern, path, n)))
			return false;
		pattern += n;
		path += m;
		if (!*pattern || !*path)
			return *pattern == *path;
		pattern++;
		path++;
	}
}

/* Position of the word in the blank-separated list, -1 for none. */
static int choice(const char *choices, const char *text)
{
	size_t len = strlen(text);
	int at = 0;

	for (const char *p = choices; *p; p += strspn(p, " "), at++) {
		size_t n = strcspn(p, " ");

		if (n == len && !strncmp(p, text, n))
			return at;
		p += n;
	}
	return -1;
}

static bool truth(const char *text, bool *out)
{
	static const char *const words[] = { "false", "true", "no", "yes" };

	for (size_t i = 0; i < vp_count(words); i++)
		if (!strcmp(text, words[i])) {
			*out = i & 1;
			return true;
		}
	return false;
}

/* The room doubles: it is full where the number is a power of two. */
void vp_words_add(struct vp_arena *a, struct vp_words *list, const char *text)
{
	if (!(list->n & (list->n - 1))) {
		const char **more = vp_alloc(a, (list->n ? list->n * 2 : 1) * sizeof(*more));

		if (list->n)
			memcpy(more, list->items, list->n * sizeof(*more));
		list->items = more;
	}
	list->items[list->n++] = text;
}

static bool store_double(const struct vp_row *row, const char *text, double *dest)
{
	size_t len = strspn(text, "0123456789.eE+-");
	char *end;
	double d = strtod(text, &end);

	if (!len || text[len] || *end || !isfinite(d) || d < (double)row->min || (row->max && d > (double)row->max))
		return false;
	*dest = d;
	return true;
}

const char *vp_row_store(struct vp_arena *a, const struct vp_row *row, const char *text, void *dest)
{
	uint64_t number;
	int at = -1;

	switch (row->kind) {
	case VP_K_BOOL: return truth(text, dest) ? NULL : vp_row_wants(a, row);
	case VP_K_UINT:
	case VP_K_MIB:
		if (!vp_parse_u64(text, row->min, row->max, &number))
			return vp_row_wants(a, row);
		if (row->kind == VP_K_MIB)
			*(uint64_t *)dest = number * VP_MIB;
		else
			*(unsigned *)dest = (unsigned)number;
		return NULL;
	case VP_K_DOUBLE: return store_double(row, text, dest) ? NULL : vp_row_wants(a, row);
	case VP_K_CHOICE:
	case VP_K_ENUM:
		at = choice(row->choices, text);
		if (at < 0)
			return vp_row_wants(a, row);
		if (row->kind == VP_K_ENUM)
			*(int *)dest = at;
		else
			*(const char **)dest = vp_strdup(a, text);
		return NULL;
	case VP_K_STRING:
	case VP_K_STRINGS:
	case VP_K_PAIRS: break;
	}
	if (!row->check->ok(text))
		return vp_row_wants(a, row);
	text = vp_strdup(a, text);
	if (row->kind != VP_K_STRING)
		vp_words_add(a, dest, text);
	else
		*(const char **)dest = text;
	return NULL;
}

const char *vp_row_wants(struct vp_arena *a, const struct vp_row *row)
{
	const char *unit = row->kind == VP_K_MIB ? "MiB" : row->unit;

	switch (row->kind) {
	case VP_K_BOOL: return "a boolean";
	case VP_K_UINT:
	case VP_K_MIB: return vp_printf(a, "a long from %ju to %ju%s%s", (uintmax_t)row->min, (uintmax_t)row->max, unit ? " " : "", unit ? unit : "");
	case VP_K_DOUBLE:
		return row->max ? vp_printf(a, "a number from %ju to %ju%s%s", (uintmax_t)row->min, (uintmax_t)row->max, unit ? " " : "",
					    unit ? unit : "")
				: vp_printf(a, "a number of at least %ju%s%s", (uintmax_t)row->min, unit ? " " : "", unit ? unit : "");
	case VP_K_CHOICE:
	case VP_K_ENUM: return vp_printf(a, "one of: %s", row->choices);
	case VP_K_STRINGS: return vp_printf(a, "a list of strings, each %s", row->check->what);
	case VP_K_PAIRS: return vp_printf(a, "a dict of values, each %s", row->check->what);
	case VP_K_STRING: break;
	}
	return vp_printf(a, "a string: %s", row->check->what);
}
