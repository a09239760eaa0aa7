// SPDX-License-Identifier: Apache-2.0
/* Who is named and not there, who has no host, who has too many guests. Many of one kind are one line. */
#include <stdlib.h>
#include <string.h>

#include "brief.h"

/* Names in one message; virtual CPUs for each real one before it is worth a word. */
#define NAMES	      5
#define VCPUS_PER_CPU 4

/* "a, b, c and 12 more" */
struct names {
	struct vp_buf text;
	size_t n;
};

static void add_name(struct names *l, const char *name)
{
	if (l->n++ < NAMES)
		vp_buf_addf(&l->text, "%s%s", l->text.len ? ", " : "", name);
}

static const char *names_text(struct names *l)
{
	if (l->n > NAMES)
		vp_buf_addf(&l->text, " and %zu more", l->n - NAMES);
	return vp_buf_str(&l->text);
}

static void names_free(struct names *l)
{
	vp_buf_free(&l->text);
	l->n = 0;
}

const char *vp_fleet_scope(const struct vp_site_view *v, const struct vp_brief *b)
{
	const struct vp_brief *host;

	if (b->machine == VP_HYPERVISOR)
		return b->name;
	host = *b->host ? vp_index_find(v->index, b->host) : NULL;
	return host ? host->name : b->host;
}

/* --- Statements about machines that are not there. --- */

static int by_place(const void *left, const void *right)
{
	const struct vp_placement *a = *(const struct vp_placement *const *)left, *b = *(const struct vp_placement *const *)right;
	int rc = strcmp(a->file, b->file);

	if (!rc)
		rc = (int)a->how - (int)b->how;
	if (!rc)
		rc = (a->line > b->line) - (a->line < b->line);
	return rc ? rc : strcmp(a->guest, b->guest);
}

static void say_absent(const struct vp_site_view *v, const struct vp_placement *const *p, size_t n)
{
	vp_cleanup(names_free) struct names names = { 0 };

	for (size_t i = 0; i < n; i++)
		if (!i || strcmp(p[i]->guest, p[i - 1]->guest))
			add_name(&names, p[i]->guest);
	vp_diag(v->diags, VP_WARNING, VP_E_REFERENCE, p[0]->file, p[0]->line, p[0]->path, "%s names %s here: %s", vp_convention_name(p[0]->how),
		names.n == 1 ? "a machine that has no profile" : "machines that have no profiles", names_text(&names));
}

static void absent_guests(const struct vp_site_view *v)
{
	const struct vp_placement **absent = vp_xcalloc(v->says->n, sizeof(*absent));
	size_t n = 0;

	for (size_t i = 0; i < v->says->n; i++) {
		const struct vp_placement *p = &v->says->items[i];

		if (*p->guest && !vp_index_find(v->index, p->guest))
			absent[n++] = p;
	}
	qsort(absent, n, sizeof(*absent), by_place);
	for (size_t i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && absent[end]->how == absent[i]->how && !strcmp(absent[end]->file, absent[i]->file); end++)
			;
		say_absent(v, absent + i, end - i);
	}
	free(absent);
}

/* --- Guests by their host. --- */

struct guest {
	const struct vp_brief *brief;
	const char *scope;
};

static int by_scope(const void *left, const void *right)
{
	const struct guest *a = left, *b = right;
	int rc = strcmp(a->scope, b->scope);

	return rc ? rc : strcmp(a->brief->name, b->brief->name);
}

static void say_guests(const struct vp_site_view *v, const struct guest *g, size_t n, enum vp_code code, const char *fmt)
{
	vp_cleanup(names_free) struct names names = { 0 };

	for (size_t i = 0; i < n; i++)
		add_name(&names, g[i].brief->name);
	vp_diag(v->diags, VP_WARNING, code, g[0].brief->file, 0, "", fmt, names_text(&names), g[0].scope);
}

static void check_capacity(const struct vp_site_view *v, const struct vp_brief *host, const struct guest *g, size_t n)
{
	uint64_t memory = 0, vcpus = 0;

	for (size_t i = 0; i < n; i++) {
		memory += g[i].brief->memory;
		vcpus += g[i].brief->vcpus;
	}
	if (host->memory && memory > host->memory)
		vp_diag(v->diags, VP_WARNING, VP_E_CAPACITY, host->file, 0, "/hardware/ram", "the %zu guests of %s want %s of memory; it has %s", n,
			host->name, vp_size_text(v->a, memory), vp_size_text(v->a, host->memory));
	if (host->vcpus && vcpus > (uint64_t)VCPUS_PER_CPU * host->vcpus)
		vp_diag(v->diags, VP_NOTE, VP_E_CAPACITY, host->file, 0, "/hardware/cpu", "the %zu guests of %s have %ju virtual CPUs; it has %u", n,
			host->name, (uintmax_t)vcpus, host->vcpus);
}

/* A cluster is no machine, but its profile names it. */
static bool is_cluster(const struct vp_site_view *v, const char *name)
{
	for (size_t i = 0; i < v->says->n; i++)
		if (!strcmp(v->says->items[i].host, name))
			return true;
	return false;
}

static void check_host(const struct vp_site_view *v, const struct guest *g, size_t n, bool some_placed)
{
	const struct vp_brief *host = *g->scope ? vp_index_find(v->index, g->scope) : NULL;

	if (!*g->scope) {
		if (some_placed)
			say_guests(v, g, n, VP_E_ODD, "nothing says where these run (physical machines, or guests without a host): %s%s");
	} else if (host && host->machine == VP_HYPERVISOR) {
		check_capacity(v, host, g, n);
	} else if (host && !host->errors) {
		say_guests(v, g, n, VP_E_REFERENCE, "%s: on %s, whose profile does not say that it is a hypervisor (/system/vprov/machine)");
	} else if (!host && !is_cluster(v, g->scope)) {
		say_guests(v, g, n, VP_E_REFERENCE, "%s: on %s, which has no profile here");
	}
}

static void guests_by_host(const struct vp_site_view *v)
{
	struct guest *g = vp_xcalloc(v->n, sizeof(*g));
	bool some_placed;
	size_t n = 0;

	for (size_t i = 0; i < v->n; i++)
		if (v->briefs[i]->machine == VP_GUEST && !v->briefs[i]->errors)
			g[n++] = (struct guest){ v->briefs[i], vp_fleet_scope(v, v->briefs[i]) };
	qsort(g, n, sizeof(*g), by_scope);
	some_placed = n && *g[n - 1].scope;
	for (size_t i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && !strcmp(g[end].scope, g[i].scope); end++)
			;
		check_host(v, g + i, end - i, some_placed);
	}
	free(g);
}

void vp_fleet_references(const struct vp_site_view *v)
{
	absent_guests(v);
	guests_by_host(v);
}
