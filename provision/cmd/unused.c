// SPDX-License-Identifier: Apache-2.0
/* `show --unused`. Whole profiles are read, not nodes: one that describes no machine can be looked at, too. */
#include "../fetch/fetch.h"
#include "../model/unused.h"
#include "../profile/reader.h"
#include "cmd.h"

struct look {
	struct vp_ctx *c;
	const struct vp_read_job *jobs;
	/* NULL: text. */
	json_t *list;
	int rc;
};

static size_t count(const struct vp_unused *u, bool known)
{
	size_t n = 0;

	for (size_t i = 0; i < u->n; i++)
		n += known == !!u->groups[i].reason ? u->groups[i].n : 0;
	return n;
}

static void print_groups(struct vp_arena *a, const struct vp_unused *u, bool known)
{
	int width = 0;

	for (size_t i = 0; i < u->n; i++) {
		int len = snprintf(NULL, 0, "%s", vp_printable(a, u->groups[i].path, 200));

		width = known == !!u->groups[i].reason && len > width ? len : width;
	}
	printf("  %s:\n", known ? "ignored on purpose" : "unknown");
	for (size_t i = 0; i < u->n; i++) {
		const struct vp_unused_group *g = &u->groups[i];

		if (known != !!g->reason)
			continue;
		printf("  %6zu  %-*s%s%s\n", g->n, g->reason ? width : 0, vp_printable(a, g->path, 200), g->reason ? "  " : "",
		       g->reason ? g->reason : "");
		for (size_t k = 0; vp_out.level > 0 && k < g->n; k++)
			printf("          %s\n", vp_printable(a, g->paths[k], 500));
	}
}

static void print_unused(struct vp_arena *a, const char *file, const struct vp_unused *u)
{
	printf("%s: %zu values are read, %zu ignored on purpose, %zu unknown\n", vp_printable(a, file, 500), u->read, count(u, true),
	       count(u, false));
	if (count(u, true))
		print_groups(a, u, true);
	if (count(u, false))
		print_groups(a, u, false);
}

static json_t *group_json(const struct vp_unused_group *g)
{
	json_t *paths = json_array(), *j;

	for (size_t i = 0; i < g->n; i++)
		json_array_append_new(paths, json_string(g->paths[i]));
	j = json_pack("{s:s, s:I, s:o}", "path", g->path, "count", (json_int_t)g->n, "paths", paths);
	if (g->reason)
		json_object_set_new(j, "reason", json_string(g->reason));
	return j;
}

static json_t *unused_json(const char *file, const struct vp_unused *u)
{
	json_t *known = json_array(), *unknown = json_array();

	for (size_t i = 0; i < u->n; i++)
		json_array_append_new(u->groups[i].reason ? known : unknown, group_json(&u->groups[i]));
	return json_pack("{s:s, s:I, s:o, s:o}", "profile", file, "read", (json_int_t)u->read, "ignored", known, "unknown", unknown);
}

static int one(void *arg, size_t job, const struct vp_profile *p, const struct stat *st, const struct vp_diags *diags)
{
	vp_cleanup(vp_arena_freep) struct vp_arena *a = vp_arena_new();
	struct look *l = arg;
	struct vp_unused u;

	(void)st;
	if (diags->errors || vp_out.level >= 0)
		vp_diags_print(diags, stderr);
	if (!p) {
		l->rc = VP_EXIT_PROFILE;
		return 0;
	}
	vp_unused_find(a, p, &u);
	if (l->list)
		json_array_append_new(l->list, unused_json(l->jobs[job].label, &u));
	else
		print_unused(a, l->jobs[job].label, &u);
	return 0;
}

int vp_show_unused(struct vp_ctx *c)
{
	struct vp_sources found = { 0 };
	struct vp_read_job *jobs;
	size_t n = 0;
	const struct vp_read_opts opts = { .whole = true };
	struct look l = { .c = c, .list = c->json ? json_array() : NULL };
	struct vp_err err = { 0 };
	int rc = vp_ctx_site(c);

	if (rc)
		return rc;
	vp_sources_find(c->arena, c->args, c->nargs, &(struct vp_fetch_opts){ .site = c->site, .cache = vp_ctx_cache(c->arena) }, &found, &c->diags);
	if (c->diags.errors || vp_out.level >= 0)
		vp_diags_print(&c->diags, stderr);
	jobs = vp_alloc(c->arena, found.n * sizeof(*jobs));
	for (size_t i = 0; i < found.n; i++)
		if (!found.items[i].beside)
			jobs[n++] = (struct vp_read_job){ found.items[i].label, found.items[i].path };
	l.jobs = jobs;
	if (vp_read_profiles(jobs, n, &opts, one, &l, &err))
		return vp_ctx_error(c, &err);
	if (l.list)
		vp_print_json(json_pack("{s:o}", "profiles", l.list));
	return c->diags.errors ? VP_EXIT_PROFILE : l.rc;
}
