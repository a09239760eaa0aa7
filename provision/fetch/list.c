// SPDX-License-Identifier: Apache-2.0
/* Names of profiles: which files are profiles, which of several is meant, and what a host name or pattern stands for. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "inside.h"

#define PREFIX "profile_"
/* What one run of the compiler writes is equally new. */
#define SAME_BUILD_MS 60000u

/* In this order of preference where the same profile is there in several formats. */
static const char *const suffixes[] = { ".xml", ".json", ".xml.gz", ".json.gz" };

/* Position in suffixes[], -1 where there is none; *stem is the length of the name without it. */
static int suffix_of(const char *name, size_t *stem)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < vp_count(suffixes); i++) {
		size_t n = strlen(suffixes[i]);

		if (len > n && !strcmp(name + len - n, suffixes[i])) {
			*stem = len - n;
			return (int)i;
		}
	}
	return -1;
}

bool vp_has_suffix(const char *name)
{
	size_t stem;

	return suffix_of(name, &stem) >= 0;
}

bool vp_is_pattern(const char *name)
{
	return name[strcspn(name, "*?[")] != '\0';
}

static const char *base_of(const char *name)
{
	const char *slash = strrchr(name, '/');

	return slash ? slash + 1 : name;
}

bool vp_list_add(struct vp_arena *a, struct vp_listing *l, const char *name, uint64_t mtime)
{
	const char *base = base_of(name);
	size_t stem = 0;
	int rank = suffix_of(name, &stem);

	if (rank < 0 || base[0] == '.' || name + stem == base || !strncmp(base, "profiles-info.", 14))
		return false;
	l->items = vp_grow_in(a, l->items, l->n, &l->cap, sizeof(*l->items));
	l->items[l->n++] = (struct vp_listed){ vp_strdup(a, name), vp_strndup(a, name, stem), rank, mtime };
	return true;
}

static int by_stem(const void *left, const void *right)
{
	const struct vp_listed *a = left, *b = right;
	int rc = strcmp(a->stem, b->stem);

	return rc ? rc : a->rank - b->rank;
}

void vp_list_finish(struct vp_listing *l)
{
	size_t n = 0;

	if (l->n)
		qsort(l->items, l->n, sizeof(*l->items), by_stem);
	for (size_t i = 0; i < l->n; i++)
		if (!n || strcmp(l->items[n - 1].stem, l->items[i].stem))
			l->items[n++] = l->items[i];
		else if (l->items[i].mtime > l->items[n - 1].mtime + SAME_BUILD_MS)
			l->items[n - 1] = l->items[i];
	l->n = n;
}

/* The host that a stem is named after, as far as the name that is looked for goes: with its directories only where that has some. */
static const char *host_in(struct vp_arena *a, const char *stem, bool whole)
{
	const char *base = base_of(stem);
	const char *host = !strncmp(base, PREFIX, strlen(PREFIX)) && base[strlen(PREFIX)] ? base + strlen(PREFIX) : base;

	return whole ? vp_printf(a, "%.*s%s", (int)(base - stem), stem, host) : host;
}

static size_t short_len(const char *name)
{
	return strcspn(name, ".");
}

/* How well a stem fits: 0 not at all, 1 one of the two has no domain, 2 exactly. */
static int fits(struct vp_arena *a, const char *stem, const char *name)
{
	bool whole = strchr(name, '/');
	const char *host = host_in(a, stem, whole);
	size_t n = short_len(name);

	if (vp_is_pattern(name))
		return vp_glob(name, host) || vp_glob(name, whole ? stem : base_of(stem)) ? 2 : 0;
	if (!strcasecmp(name, host) || !strcasecmp(name, whole ? stem : base_of(stem)))
		return 2;
	return n == short_len(host) && !strncasecmp(name, host, n) && (!name[n] || !host[n]) ? 1 : 0;
}

static void add(struct vp_arena *a, struct vp_listing *out, const struct vp_listed *item)
{
	out->items = vp_grow_in(a, out->items, out->n, &out->cap, sizeof(*out->items));
	out->items[out->n++] = *item;
}

static int ambiguous(const struct vp_listing *l, size_t first, struct vp_err *err)
{
	vp_fail(err, VP_E_READ, "the name is that of several: %s, %s%s", l->items[first].stem, l->items[first + 1].stem,
		l->n > first + 2 ? " ..." : "");
	return -1;
}

int vp_list_find(struct vp_arena *a, const struct vp_listing *l, const char *name, struct vp_listing *out, struct vp_err *err)
{
	size_t stem = 0, first = out->n;
	int best = 1;

	if (suffix_of(name, &stem) >= 0)
		name = vp_strndup(a, name, stem);
	for (size_t i = 0; i < l->n; i++) {
		int how = fits(a, l->items[i].stem, name);

		if (how > best) {
			best = how;
			out->n = first;
		}
		if (how == best)
			add(a, out, &l->items[i]);
	}
	if (out->n > first + 1 && !vp_is_pattern(name)) {
		ambiguous(out, first, err);
		out->n = first;
		return -1;
	}
	return (int)(out->n - first);
}

void vp_list_choose(struct vp_arena *a, const struct vp_listing *all, const char *where, const char *const *names, size_t n, struct vp_listing *out,
		    struct vp_diags *diags)
{
	if (!n)
		*out = *all;
	for (size_t i = 0; i < n; i++) {
		struct vp_err err = { 0 };
		int found = vp_list_find(a, all, names[i], out, &err);
		const char *why = found < 0 ? err.msg : vp_is_pattern(names[i]) ? "no profile has such a name" : "there is no profile of that name";

		if (found <= 0)
			vp_diag(diags, VP_ERROR, VP_E_READ, names[i], 0, "", "%s (%s)", why, where);
	}
}
