// SPDX-License-Identifier: Apache-2.0
/*
 * A site on a server, as one version: its list of profiles, all profiles that are wanted, and the list once more. Whatever fails on the way
 * leaves the copy that is there as it is.
 */
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "inside.h"

#define MAX_ATTEMPTS 3
/* A clock may be wrong by this much without being worth a word. */
#define CLOCK_SECONDS 300

struct remote {
	struct vp_fetch *f;
	/* Of this URL only. */
	struct vp_arena *a;
	const struct vp_get_opts *http;
	const char *shown;
	struct vp_url u;
	const char *const *names;
	size_t n;
	struct vp_store s;
	/* At hand, and the one that is being made. */
	struct vp_version whole, hosts, now;
	/* Something else than "not modified" was answered. */
	bool changed;
	/* Of the last answer that something is not there. */
	const char *absent;
	unsigned files;
	/* What servers say about dates that cannot be: how many profiles, and the first. */
	unsigned ahead, back;
	const char *first_ahead, *first_back;
	uint64_t begun;
	bool progress;
};

static const char *url_of(const struct remote *r, const char *name)
{
	return r->u.profile ? vp_printf(r->a, "%s%s", r->u.base, name) : vp_url_join(r->a, r->u.base, name);
}

static const char *new_file(struct remote *r)
{
	return vp_printf(r->a, "%s/tmp.%d.%u", r->s.objects, (int)getpid(), r->files++);
}

/* --- One answer --- */

static void judge_dates(struct remote *r, const struct vp_get *g, const struct vp_kept *old, const char *sha)
{
	if (g->modified_at > (int64_t)time(NULL) + CLOCK_SECONDS) {
		if (!r->ahead++)
			r->first_ahead = vp_url_shown(r->f->a, g->url);
	} else if (old && g->modified_at >= 0 && g->modified_at < old->modified_at && strcmp(old->sha, sha) != 0) {
		if (!r->back++)
			r->first_back = vp_url_shown(r->f->a, g->url);
	}
}

/* What can be kept of a new content. Its dates are good for asking only if another content could not have the same ones. */
static int keep(struct remote *r, const struct vp_get *g, const struct vp_kept *old, struct vp_kept *k, struct vp_err *err)
{
	char sha[65];
	bool settled = g->modified_at < 0 || g->modified_at < g->date - 1;

	if (vp_object_put(r->a, &r->s, g->file, sha, err))
		return -1;
	judge_dates(r, g, old, sha);
	k->sha = vp_strdup(r->a, sha);
	k->etag = settled ? g->etag : "";
	k->modified = settled ? g->modified : "";
	k->modified_at = g->modified_at;
	return 0;
}

/* --- The list of profiles --- */

/* Gets it, under one of its names; 1: it is another one than *index was. */
static int ask_index(struct remote *r, struct vp_kept *index, struct vp_err *err)
{
	const char *names[] = { *r->u.name ? r->u.name : "profiles-info.xml", *r->u.name ? NULL : "profiles-info.xml.gz" };
	struct vp_get g = { .outcome = VP_GET_ABSENT };

	for (size_t i = 0; i < vp_count(names) && names[i] && g.outcome == VP_GET_ABSENT; i++) {
		bool same = !strcmp(names[i], index->name);

		g = (struct vp_get){ .url = url_of(r, names[i]),
				     .file = new_file(r),
				     .max = VP_MAX_INDEX,
				     .etag = same ? index->etag : "",
				     .modified = same ? index->modified : "" };
		if (vp_get_all(r->a, r->http, &g, 1, NULL, NULL, err))
			return -1;
		if (g.outcome == VP_GET_NEW) {
			struct vp_kept old = *index;

			*index = (struct vp_kept){ .name = names[i], .real = names[i] };
			return keep(r, &g, NULL, index, err) ? -1 : strcmp(old.sha, index->sha) != 0;
		}
	}
	return g.outcome == VP_GET_SAME ? 0 : vp_fail(err, VP_E_FETCH, "%s: the server has no profiles-info.xml there", r->shown);
}

/* The list of a version. */
static int read_index(struct remote *r, const struct vp_version *v, struct vp_listing *out, struct vp_diags *diags, struct vp_err *err)
{
	vp_cleanup(vp_buf_free) struct vp_buf data = { 0 };

	if (r->u.profile) {
		out->items = vp_alloc(r->a, sizeof(*out->items));
		out->items[0] = (struct vp_listed){ .name = r->u.name, .stem = r->u.name };
		out->n = 1;
		return 0;
	}
	if (vp_read_file(vp_object_path(r->a, &r->s, v->index.sha), VP_MAX_INDEX, &data, err))
		return -1;
	return vp_index_read(r->a, vp_url_shown(r->a, url_of(r, v->index.name)), vp_buf_str(&data), data.len, out, diags, err);
}

/* --- Profiles --- */

/* The newest copy of one. Where not all are of the version of this list, "not modified" from all does not make them one. */
static const struct vp_kept *at_hand(struct remote *r, const struct vp_version *last, const char *name)
{
	const struct vp_version *const all[] = { last, &r->hosts, &r->whole };

	for (size_t i = 0; i < vp_count(all); i++) {
		const struct vp_kept *k = vp_version_find(all[i], name);

		if (!k || !*k->sha)
			continue;
		r->changed |= strcmp(all[i]->index.sha, r->now.index.sha) != 0;
		return k;
	}
	r->changed = true;
	return NULL;
}

static void show_progress(void *arg, size_t done)
{
	struct remote *r = arg;

	if (vp_out.level < 0 || !isatty(STDERR_FILENO) || vp_now_ns() - r->begun < 500000000u)
		return;
	r->progress = true;
	fprintf(stderr, "\r\033[Kfetching %s: %zu of %zu", r->shown, done, r->now.n);
}

static void end_progress(struct remote *r)
{
	if (r->progress)
		fputs("\r\033[K", stderr);
	r->progress = false;
}

/* Takes the answers into the version. */
static int take_answers(struct remote *r, const struct vp_get *gets, struct vp_kept *const *items, size_t n, struct vp_err *err)
{
	for (size_t i = 0; i < n; i++) {
		struct vp_kept *k = items[i], old = *k;

		if (gets[i].outcome == VP_GET_SAME)
			continue;
		r->changed = true;
		if (gets[i].outcome == VP_GET_NEW) {
			if (keep(r, &gets[i], &old, k, err))
				return -1;
		} else {
			r->absent = gets[i].why;
			*k = (struct vp_kept){ k->name, k->real, "", "", "", -1 };
		}
	}
	return 0;
}

static int get_items(struct remote *r, struct vp_kept *const *items, size_t n, struct vp_err *err)
{
	struct vp_get *gets = vp_alloc(r->a, (n + 1) * sizeof(*gets));
	int rc;

	for (size_t i = 0; i < n; i++)
		gets[i] = (struct vp_get){ .url = url_of(r, items[i]->real),
					   .file = new_file(r),
					   .max = VP_MAX_PROFILE,
					   .etag = items[i]->etag,
					   .modified = items[i]->modified };
	rc = vp_get_all(r->a, r->http, gets, n, show_progress, r, err);
	end_progress(r);
	if (!rc)
		return take_answers(r, gets, items, n, err);
	for (size_t i = 0; i < n; i++)
		if (gets[i].outcome == VP_GET_NEW)
			unlink(gets[i].file);
	return -1;
}

static bool is_gz(const char *name)
{
	size_t len = strlen(name);

	return len > 3 && !strcmp(name + len - 3, ".gz");
}

/* All that were chosen. What is listed as .xml may be there as .xml.gz only, for servers that translate. */
static int get_profiles(struct remote *r, const struct vp_listing *chosen, const struct vp_version *last, struct vp_err *err)
{
	struct vp_kept **items = vp_alloc(r->a, (chosen->n + 1) * sizeof(*items));
	size_t n = 0;

	for (size_t i = 0; i < chosen->n; i++) {
		const char *name = chosen->items[i].name;
		const struct vp_kept *old = at_hand(r, last, name);

		vp_version_add(r->a, &r->now, old ? old : &(struct vp_kept){ name, name, "", "", "", -1 });
	}
	for (size_t i = 0; i < r->now.n; i++)
		items[i] = &r->now.items[i];
	if (get_items(r, items, r->now.n, err))
		return -1;
	/* Absent under that name. */
	for (size_t i = 0; i < r->now.n; i++) {
		struct vp_kept *k = &r->now.items[i];

		if (*k->sha)
			continue;
		k->real = is_gz(k->real) ? k->name : vp_printf(r->a, "%s.gz", k->name);
		items[n++] = k;
	}
	if (n && get_items(r, items, n, err))
		return -1;
	vp_version_sort(&r->now);
	return 0;
}

/* --- A version --- */

/* 1: the list was another one at the end. */
static int attempt(struct remote *r, struct vp_kept *index, struct vp_err *err)
{
	struct vp_diags unheard = { .arena = r->a };
	struct vp_listing all = { 0 }, chosen = { 0 };
	struct vp_version last = r->now;
	int rc;

	r->now = (struct vp_version){ .index = *index };
	rc = read_index(r, &r->now, &all, &unheard, err);
	if (!rc) {
		vp_list_choose(r->a, &all, "", r->names, r->n, &chosen, &unheard);
		rc = get_profiles(r, &chosen, &last, err);
	}
	vp_diags_free(&unheard);
	if (rc || !r->changed || r->u.profile)
		return rc;
	return ask_index(r, index, err);
}

static int make_version(struct remote *r, struct vp_err *err)
{
	struct vp_kept index = *r->hosts.index.name ? r->hosts.index : r->whole.index;
	int rc = 1;

	if (!r->u.profile) {
		rc = ask_index(r, &index, err);
		if (rc < 0)
			return -1;
		r->changed = rc;
	}
	rc = 1;
	for (unsigned i = 0; i < MAX_ATTEMPTS && rc == 1; i++)
		rc = attempt(r, &index, err);
	if (rc == 1)
		return vp_fail(err, VP_E_FETCH, "%s: its list of profiles changed while they were fetched, %d times", r->shown, MAX_ATTEMPTS);
	if (!rc && r->u.profile && !*r->now.items[0].sha)
		return vp_fail(err, VP_E_FETCH, "%s: %s", r->shown, r->absent);
	return rc;
}

/* Single hosts are added to those of the same list; any other list makes them another version. */
static int publish(struct remote *r, struct vp_err *err)
{
	enum vp_part part = r->n ? VP_HOSTS : VP_WHOLE;
	struct vp_version v = r->now;

	/* Single hosts are as new as the whole, or newer. */
	if (!r->changed && !(part == VP_WHOLE && r->hosts.n)) {
		vp_version_confirm(r->a, &r->s, part);
		return 0;
	}
	v.cap = v.n;
	for (size_t i = 0; part == VP_HOSTS && i < r->hosts.n && !strcmp(r->hosts.index.sha, r->now.index.sha); i++)
		if (!vp_version_find(&r->now, r->hosts.items[i].name))
			vp_version_add(r->a, &v, &r->hosts.items[i]);
	if (vp_version_save(r->a, &r->s, part, &v, err))
		return -1;
	vp_store_clean(r->a, &r->s);
	return 0;
}

/* --- What is found --- */

/* True where every profile that is wanted is in the version. */
static bool covers(struct remote *r, const struct vp_version *v)
{
	struct vp_diags unheard = { .arena = r->a };
	struct vp_listing all = { 0 }, chosen = { 0 };
	bool good = !read_index(r, v, &all, &unheard, NULL);

	if (good)
		vp_list_choose(r->a, &all, "", r->names, r->n, &chosen, &unheard);
	for (size_t i = 0; i < chosen.n; i++)
		good &= !!vp_version_find(v, chosen.items[i].name);
	vp_diags_free(&unheard);
	return good;
}

static int hand_out(struct remote *r, const struct vp_version *v, struct vp_err *err)
{
	struct vp_listing all = { 0 }, chosen = { 0 };

	if (read_index(r, v, &all, r->f->diags, err))
		return -1;
	if (!all.n)
		vp_diag(r->f->diags, VP_ERROR, VP_E_READ, r->shown, 0, "", "the list of profiles names none");
	else
		vp_list_choose(r->a, &all, r->shown, r->names, r->n, &chosen, r->f->diags);
	for (size_t i = 0; i < chosen.n; i++) {
		const struct vp_kept *k = vp_version_find(v, chosen.items[i].name);
		const char *url = url_of(r, k ? k->real : chosen.items[i].name), *label = vp_url_shown(r->f->a, url);

		if (k && *k->sha)
			vp_fetch_add(r->f, url, label, vp_object_path(r->f->a, &r->s, k->sha), false);
		else
			vp_diag(r->f->diags, VP_ERROR, VP_E_READ, vp_url_shown(r->a, url_of(r, chosen.items[i].name)), 0, "",
				"it is in the list of profiles, but the server does not have it");
	}
	return 0;
}

static const char *and_others(struct remote *r, unsigned n)
{
	return n > 1 ? vp_printf(r->a, ", here and in %u other answer%s", n - 1, n == 2 ? "" : "s") : "";
}

static void warn_of_dates(struct remote *r)
{
	if (r->ahead)
		vp_diag(r->f->diags, VP_WARNING, VP_E_ODD, r->first_ahead, 0, "",
			"Last-Modified is in the future%s: what changed is told by the content", and_others(r, r->ahead));
	if (r->back)
		vp_diag(r->f->diags, VP_WARNING, VP_E_ODD, r->first_back, 0, "",
			"another content has an older Last-Modified than before%s: taken as new", and_others(r, r->back));
}

static void load(struct remote *r)
{
	vp_version_load(r->a, &r->s, VP_WHOLE, &r->whole);
	vp_version_load(r->a, &r->s, VP_HOSTS, &r->hosts);
}

static int from_server(struct remote *r, struct vp_err *err)
{
	load(r);
	if (make_version(r, err) || publish(r, err) || hand_out(r, &r->now, err))
		return -1;
	warn_of_dates(r);
	return 0;
}

static const char *age_of(struct vp_arena *a, double since)
{
	static const struct {
		const char *unit;
		double seconds;
	} units[] = { { "days", 86400 }, { "hours", 3600 }, { "minutes", 60 } };
	double age = vp_wall() - since;

	for (size_t i = 0; i < vp_count(units); i++)
		if (age >= 2 * units[i].seconds)
			return vp_printf(a, "%.0f %s", age / units[i].seconds, units[i].unit);
	return vp_printf(a, "%.0f seconds", age < 0 ? 0 : age);
}

/* -1: there is no copy. */
static int from_copy(struct remote *r, const char *reason, struct vp_err *err)
{
	const struct vp_version *v;

	load(r);
	v = r->n && r->hosts.n && covers(r, &r->hosts) ? &r->hosts : r->whole.n ? &r->whole : NULL;
	if (!v || hand_out(r, v, err))
		return -1;
	vp_diag(r->f->diags, VP_WARNING, VP_E_FETCH, r->shown, 0, "", "%s; using the copy that was right %s ago", reason, age_of(r->a, v->asked));
	return 0;
}

/* --- One URL after the other --- */

static int try_url(struct vp_fetch *f, const char *url, const char *const *names, size_t n, const char *reason, struct vp_err *err)
{
	vp_cleanup(vp_arena_freep) struct vp_arena *a = vp_arena_new();
	struct remote r = { .f = f, .a = a, .http = &f->http, .now = vp_no_version, .names = names, .n = n, .begun = vp_now_ns() };
	const char *pattern;
	int rc;

	r.shown = vp_url_shown(f->a, url);
	vp_url_split(a, url, &r.u);
	if (vp_is_pattern(r.u.name) && !r.u.profile) {
		pattern = r.u.name;
		r.u.name = "";
		r.names = &pattern;
		r.n = 1;
	}
	if (vp_store_open(f->a, f->o->cache, r.u.profile ? url : r.u.base, f->http.stop, &r.s, err))
		return -1;
	rc = reason ? from_copy(&r, reason, err) : from_server(&r, err);
	vp_store_close(&r.s);
	if (!rc && r.n && !r.u.profile)
		vp_diag(f->diags, VP_NOTE, VP_E_ODD, r.shown, 0, "",
			"hosts of it are taken by themselves: where its other profiles place them is known when all of it is asked for");
	return rc;
}

void vp_remote_find(struct vp_fetch *f, const char *const *places, size_t nplaces, const char *const *names, size_t n)
{
	const char *reasons = "";

	for (size_t i = 0; i < nplaces; i++) {
		struct vp_err err = { 0 };
		int rc = vp_is_local(places[i]) ? vp_local_find(f, places[i], names, n, &err) : try_url(f, places[i], names, n, NULL, &err);

		if (!rc) {
			if (*reasons)
				vp_diag(f->diags, VP_WARNING, VP_E_FETCH, vp_url_shown(f->a, places[i]), 0, "", "asked instead, because %s", reasons);
			return;
		}
		reasons = vp_printf(f->a, "%s%s%s", reasons, *reasons ? "; " : "", err.msg);
	}
	/* Whoever interrupts does not want the copy instead. */
	for (size_t i = 0; i < nplaces && !(f->http.stop && *f->http.stop); i++)
		if (!vp_is_local(places[i]) && !try_url(f, places[i], names, n, reasons, NULL))
			return;
	vp_diag(f->diags, VP_ERROR, VP_E_FETCH, vp_url_shown(f->a, places[0]), 0, "", "%s; and there is no copy of it", reasons);
}
