// SPDX-License-Identifier: Apache-2.0
/* Many profiles: files and directories, and what no two nodes may share. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bind.h"

/* In this order of preference where a directory holds the same profile in several formats. */
static const char *const suffixes[] = { ".xml", ".json", ".xml.gz", ".json.gz" };

struct loader {
	struct vp_arena *a;
	const struct vp_site *site;
	const struct vp_bind_opts *opts;
	struct vp_nodes *out;
	struct vp_diags *diags;
};

static void load_file(struct loader *l, const char *file)
{
	struct vp_profile *p = vp_profile_read(l->a, file, l->diags);
	struct vp_node *n = p ? vp_bind(l->a, p, l->site, l->opts, l->diags) : NULL;

	if (!n)
		return;
	if (l->out->n == VP_MAX_NODES) {
		vp_diag(l->diags, VP_ERROR, VP_E_LIMIT, file, 0, "", "more than %d nodes", VP_MAX_NODES);
		return;
	}
	l->out->items = vp_grow_in(l->a, l->out->items, l->out->n, &l->out->cap, sizeof(struct vp_node *));
	l->out->items[l->out->n++] = n;
}

/* Position in suffixes[], -1 for files that are no profiles; *stem is the length of the name without it. */
static int suffix_of(const char *name, size_t *stem)
{
	size_t len = strlen(name);

	if (name[0] == '.' || !strncmp(name, "profiles-info.", 14))
		return -1;
	for (size_t i = 0; i < vp_count(suffixes); i++) {
		size_t n = strlen(suffixes[i]);

		if (len > n && !strcmp(name + len - n, suffixes[i])) {
			*stem = len - n;
			return (int)i;
		}
	}
	return -1;
}

static int is_profile(const struct dirent *d)
{
	size_t stem;

	return suffix_of(d->d_name, &stem) >= 0;
}

/* By stem, then by preference. */
static int by_stem(const struct dirent **left, const struct dirent **right)
{
	size_t a = 0, b = 0;
	int sa = suffix_of((*left)->d_name, &a), sb = suffix_of((*right)->d_name, &b);
	int rc = strncmp((*left)->d_name, (*right)->d_name, a < b ? a : b);

	if (!rc)
		rc = (a > b) - (a < b);
	return rc ? rc : sa - sb;
}

static void load_dir(struct loader *l, const char *dir)
{
	struct dirent **list = NULL;
	int n = scandir(dir, &list, is_profile, by_stem);
	const char *last = "";
	size_t last_stem = 0;

	if (n <= 0)
		vp_diag(l->diags, VP_ERROR, VP_E_READ, dir, 0, "", "%s",
			n ? strerror(errno) : "the directory holds no profiles (.xml, .json, also .gz)");
	for (int i = 0; i < n; i++) {
		const char *name = list[i]->d_name;
		size_t stem = 0;

		suffix_of(name, &stem);
		if (stem != last_stem || strncmp(name, last, stem))
			load_file(l, vp_printf(l->a, "%s%s%s", dir, dir[strlen(dir) - 1] == '/' ? "" : "/", name));
		last = vp_strdup(l->a, name);
		last_stem = stem;
	}
	for (int i = 0; i < n; i++)
		free(list[i]);
	free(list);
}

/* One thing that a node claims for itself alone. */
struct claim {
	const char *what, *value;
	const struct vp_node *node;
	const struct vp_origin *origin;
	/* Order of reading: the later one is blamed. */
	size_t order;
};

struct claims {
	struct claim *items;
	size_t n, cap;
};

static void claim(struct claims *c, const struct vp_node *n, const char *what, const char *value, const char *field)
{
	if (!*value)
		return;
	c->items = vp_grow(c->items, c->n, &c->cap, sizeof(*c->items));
	c->items[c->n] = (struct claim){ what, value, n, vp_origin_of(n, field), c->n };
	c->n++;
}

static void claim_all(struct vp_arena *a, struct claims *c, const struct vp_node *n)
{
	claim(c, n, "name", n->name, "hostname");
	claim(c, n, "UUID", n->uuid, "hostname");
	for (size_t i = 0; i < n->nnics; i++) {
		claim(c, n, "MAC address", n->nics[i].mac, vp_printf(a, "nic.%s.mac", n->nics[i].name));
		claim(c, n, "IP address", n->nics[i].ip, vp_printf(a, "nic.%s.ip", n->nics[i].name));
		claim(c, n, "tap name", n->nics[i].tap, vp_printf(a, "nic.%s.tap", n->nics[i].name));
	}
	for (size_t i = 0; i < n->ndisks; i++)
		claim(c, n, "disk image", n->disks[i].path, vp_printf(a, "disk.%s.path", n->disks[i].name));
}

static int by_claim(const void *left, const void *right)
{
	const struct claim *a = left, *b = right;
	int rc = strcmp(a->what, b->what);

	if (!rc)
		rc = strcmp(a->value, b->value);
	return rc ? rc : (a->order > b->order) - (a->order < b->order);
}

/* Nodes of one name have the same UUID, taps and disks as well: the name alone is said. */
static bool follows_from_name(const struct claim *a, const struct claim *b)
{
	return a->what[0] != 'n' && a->node != b->node && !strcmp(a->node->name, b->node->name) &&
	       (!a->origin || !a->origin->line || !strcmp(a->what, "UUID"));
}

static void find_clashes(struct vp_nodes *nodes, struct vp_arena *a, struct vp_diags *diags)
{
	struct claims c = { 0 };

	for (size_t i = 0; i < nodes->n; i++)
		claim_all(a, &c, nodes->items[i]);
	if (c.n)
		qsort(c.items, c.n, sizeof(*c.items), by_claim);
	for (size_t i = 1; i < c.n; i++) {
		const struct claim *x = &c.items[i - 1], *y = &c.items[i];
		const char *file = x->node->profile->file;

		if (strcmp(x->what, y->what) || strcmp(x->value, y->value) || follows_from_name(x, y))
			continue;
		vp_diag(diags, VP_ERROR, VP_E_CLASH, y->node->profile->file, y->origin ? y->origin->line : 0, y->origin ? y->origin->path : "",
			"the %s %s of %s is that of %s, too (%s:%u)", y->what, y->value, y->node->name, x->node->name, file,
			x->origin ? x->origin->line : 0);
	}
	free(c.items);
}

static int by_name(const void *left, const void *right)
{
	return strcmp((*(const struct vp_node *const *)left)->name, (*(const struct vp_node *const *)right)->name);
}

void vp_nodes_load(struct vp_arena *a, const char *const *paths, size_t n, const struct vp_site *site, const struct vp_bind_opts *opts,
		   struct vp_nodes *out, struct vp_diags *diags)
{
	struct loader l = { a, site, opts, out, diags };
	struct stat st;

	for (size_t i = 0; i < n; i++)
		if (strcmp(paths[i], "-") && !stat(paths[i], &st) && S_ISDIR(st.st_mode))
			load_dir(&l, paths[i]);
		else
			load_file(&l, paths[i]);
	find_clashes(out, a, diags);
	if (out->n)
		qsort(out->items, out->n, sizeof(struct vp_node *), by_name);
}
