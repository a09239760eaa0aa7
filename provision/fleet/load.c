// SPDX-License-Identifier: Apache-2.0
/*
 * Two passes. The first has a record of each profile, from the cache or by reading it. Then it is known what profiles say about each other; the
 * second reads those again whose machine is placed by others (and, where whole nodes are wanted, those that only the cache knew).
 */
#include <stdlib.h>
#include <string.h>

#include "../fetch/fetch.h"
#include "../profile/reader.h"
#include "brief.h"
#include "cache.h"

struct host {
	const struct vp_source *source;
	struct vp_record record;
	/* What others say about it, and its digest; NULL and "" for nothing. */
	const struct vp_placement *placement;
	const char *digest;
	/* It was read in this run; with one node for each brief of the record, where wanted and right. */
	bool bound;
	struct vp_node **nodes;
};

struct load {
	struct vp_arena *a;
	const struct vp_fleet_opts *o;
	struct host *hosts;
	size_t n;
	struct vp_cache *cache;
	/* Statements of all profiles, and of those that were asked for. */
	struct vp_placements says, own_says;
	/* Of this pass: positions in hosts. */
	size_t *jobs;
	size_t njobs;
};

/* --- One profile. --- */

/* What comes of one profile before it is packed. */
struct making {
	struct load *l;
	struct host *h;
	/* Lives as long as this profile; nodes that are wanted live longer. */
	struct vp_arena *scratch;
	const struct vp_profile *p;
	struct vp_brief_in *in;
	size_t n, cap;
	struct vp_placements says;
};

static struct vp_brief_in *add_brief(struct making *m, enum vp_brief_kind kind, const char *name, const char *at)
{
	m->in = vp_grow_in(m->scratch, m->in, m->n, &m->cap, sizeof(*m->in));
	m->in[m->n] = (struct vp_brief_in){ .kind = kind, .name = name, .at = at, .diags = { .arena = m->scratch } };
	return &m->in[m->n++];
}

static void bind(struct making *m, struct vp_brief_in *in, const struct vp_profile *p, const struct vp_placement *placement, struct vp_diags *diags)
{
	const struct vp_fleet_opts *o = m->l->o;
	struct vp_bind_opts opts = o->bind;

	opts.placement = placement;
	in->node = vp_bind(o->nodes ? m->l->a : m->scratch, p, o->site, &opts, diags);
}

/* "/dir/profile_wn01.example.org.xml.gz" -> "wn01.example.org" */
static const char *name_of_file(struct vp_arena *a, const char *file)
{
	static const char *const ends[] = { ".gz", ".xml", ".json" };
	const char *slash = strrchr(file, '/');
	char *name = vp_strdup(a, slash ? slash + 1 : file);

	for (size_t i = 0; i < vp_count(ends); i++) {
		size_t len = strlen(name), cut = strlen(ends[i]);

		if (len > cut && !strcmp(name + len - cut, ends[i]))
			name[len - cut] = '\0';
	}
	return strncmp(name, "profile_", 8) ? name : name + 8;
}

/* For those that could not be bound: what the profile says, else what its file is called. */
static const char *likely_name(struct making *m)
{
	const struct vp_val *host = m->p ? vp_get(m->p->root, "/system/network/hostname") : NULL;
	const struct vp_val *domain = m->p ? vp_get(m->p->root, "/system/network/domainname") : NULL;

	if (!host || !host->text || !*host->text)
		return name_of_file(m->scratch, m->h->source->label);
	if (!domain || !domain->text || !*domain->text)
		return host->text;
	return vp_printf(m->scratch, "%s.%s", host->text, domain->text);
}

/* Virtual machines that have no profile but their part of the cluster's. */
static void bind_parts(struct making *m)
{
	for (size_t i = 0; i < m->says.n; i++) {
		const struct vp_placement *s = &m->says.items[i];
		struct vp_profile part = *m->p;
		struct vp_brief_in *in;

		part.root = (struct vp_val *)(uintptr_t)vp_get(m->p->root, s->path);
		if (!s->whole || !part.root)
			continue;
		in = add_brief(m, VP_BRIEF_MACHINE, s->guest, s->path);
		bind(m, in, &part, s, &in->diags);
	}
}

static void make(struct making *m, const struct vp_diags *found)
{
	bool cluster = m->p && vp_is_cluster(m->p);
	struct vp_brief_in *own = add_brief(m, cluster ? VP_BRIEF_CLUSTER : VP_BRIEF_HOST, likely_name(m), "");
	struct vp_diags diags = { .arena = m->scratch };

	vp_diags_add(&diags, found);
	if (m->p && !cluster)
		bind(m, own, m->p, m->h->placement, &diags);
	if (m->p)
		vp_placements_of(m->scratch, m->p, &m->says, &diags);
	own->diags = diags;
	if (m->p)
		bind_parts(m);
}

/* What is made of a node while it is there: the briefs of the record have it. */
static void make_of(const struct load *l, const struct vp_node *n, struct vp_brief *b)
{
	vp_cleanup(vp_buf_free) struct vp_buf text = { 0 };
	struct vp_err err = { 0 };

	if (l->o->make(l->o->arg, n, &text, &err))
		b->failure = memcpy(vp_alloc(l->a, sizeof(err)), &err, sizeof(err));
	else
		b->made = vp_strdup(l->a, vp_buf_str(&text));
}

static bool wants_nodes(const struct load *l)
{
	return l->o->nodes || l->o->make;
}

static void keep_nodes(struct making *m)
{
	const struct load *l = m->l;

	m->h->bound = true;
	if (l->o->nodes)
		m->h->nodes = vp_alloc(l->a, m->n * sizeof(struct vp_node *));
	for (size_t i = 0; i < m->n; i++) {
		if (l->o->nodes)
			m->h->nodes[i] = m->in[i].node;
		if (l->o->make && m->in[i].node)
			make_of(l, m->in[i].node, &m->h->record.briefs[i]);
	}
}

static struct vp_cache_key key_of(const struct host *h)
{
	return (struct vp_cache_key){ h->source->label, h->source->path, h->digest };
}

static bool parser_failed(const struct vp_diags *d)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->items[i].code == VP_E_PARSER)
			return true;
	return false;
}

static int take(void *arg, size_t job, const struct vp_profile *p, const struct stat *st, const struct vp_diags *found)
{
	struct load *l = arg;
	struct host *h = &l->hosts[l->jobs[job]];
	vp_cleanup(vp_arena_freep) struct vp_arena *scratch = vp_arena_new();
	struct making m = { .l = l, .h = h, .scratch = scratch, .p = p };
	vp_cleanup(vp_buf_free) struct vp_buf bytes = { 0 };
	struct vp_cache_key key = key_of(h);
	void *kept;

	make(&m, found);
	vp_record_pack(&bytes, h->source->label, m.in, m.n, &m.says);
	/* What a killed child did not do is not true of the file. */
	if (!parser_failed(found))
		vp_cache_put(l->cache, &key, st, bytes.data, bytes.len);
	kept = memcpy(vp_alloc(l->a, bytes.len), bytes.data, bytes.len);
	vp_record_unpack(l->a, kept, bytes.len, h->source->label, &h->record);
	keep_nodes(&m);
	for (size_t i = 0; i < m.n; i++)
		vp_diags_free(&m.in[i].diags);
	return 0;
}

/* --- All of them. --- */

/* The record that this profile had with the placement that it has now; false where it has to be read. */
static bool remembered(struct load *l, struct host *h)
{
	struct vp_cache_key key = key_of(h);
	const void *data;
	struct stat st;
	size_t len;

	if (!l->cache || !strcmp(h->source->path, "-") || stat(h->source->path, &st))
		return false;
	data = vp_cache_get(l->cache, l->a, &key, &st, &len);
	return data && vp_record_unpack(l->a, data, len, h->source->label, &h->record);
}

static int read_jobs(struct load *l, struct vp_err *err)
{
	const struct vp_read_opts opts = { .workers = l->o->workers };
	struct vp_read_job *jobs = vp_xcalloc(l->njobs, sizeof(*jobs));
	int rc;

	vp_cache_rest(l->cache);
	for (size_t i = 0; i < l->njobs; i++) {
		const struct vp_source *s = l->hosts[l->jobs[i]].source;

		jobs[i] = (struct vp_read_job){ s->label, s->path };
	}
	rc = l->njobs ? vp_read_profiles(jobs, l->njobs, &opts, take, l, err) : 0;
	free(jobs);
	l->njobs = 0;
	return rc;
}

static int first_pass(struct load *l, struct vp_err *err)
{
	for (size_t i = 0; i < l->n; i++)
		if (!remembered(l, &l->hosts[i]))
			l->jobs[l->njobs++] = i;
	vp_debug("%zu profiles: %zu as they were, %zu to be read", l->n, l->n - l->njobs, l->njobs);
	return read_jobs(l, err);
}

static void add_statements(struct load *l, struct vp_placements *to, const struct vp_placements *s)
{
	for (size_t k = 0; k < s->n; k++) {
		to->items = vp_grow_in(l->a, to->items, to->n, &to->cap, sizeof(*to->items));
		to->items[to->n++] = s->items[k];
	}
}

static void gather_statements(struct load *l)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct vp_placements *s = &l->hosts[i].record.says;

		add_statements(l, &l->says, s);
		if (!l->hosts[i].source->beside)
			add_statements(l, &l->own_says, s);
	}
}

/* Asks what others say; true where that makes its record another one. */
static bool place(struct load *l, struct host *h, struct vp_diags *diags)
{
	const struct vp_brief *b = &h->record.briefs[0];
	vp_cleanup(vp_buf_free) struct vp_buf text = { 0 };
	char hex[65];

	if (!l->says.n || b->kind != VP_BRIEF_HOST)
		return false;
	h->placement = vp_placement_merge(l->a, &l->says, b->name, b->host, diags);
	if (!h->placement)
		return false;
	for (const struct vp_placement *p = h->placement; p; p = p->next)
		vp_placement_pack(&text, p);
	vp_sha256_hex(text.data, text.len, hex);
	h->digest = vp_strndup(l->a, hex, 32);
	return true;
}

static int second_pass(struct load *l, struct vp_diags *diags, struct vp_err *err)
{
	gather_statements(l);
	for (size_t i = 0; i < l->n; i++) {
		struct host *h = &l->hosts[i];
		bool known;

		if (h->source->beside)
			continue;
		known = !place(l, h, diags) || remembered(l, h);

		if (!known || (wants_nodes(l) && !h->bound && !h->record.briefs[0].errors))
			l->jobs[l->njobs++] = i;
	}
	return read_jobs(l, err);
}

/* --- What comes out. --- */

/* One machine with its node, until both are sorted. */
struct found {
	struct vp_brief *brief;
	struct vp_node *node;
};

/* Hypervisors before guests, then by name. */
static int by_work(const void *left, const void *right)
{
	const struct found *a = left, *b = right;
	int rc = (int)b->brief->machine - (int)a->brief->machine;

	if (!rc)
		rc = strcmp(a->brief->name, b->brief->name);
	return rc ? rc : (a->brief->order > b->brief->order) - (a->brief->order < b->brief->order);
}

/* Their problems are said on the way: those of one profile together, in the order in which profiles were named. */
static size_t collect(struct load *l, struct found *all, struct vp_diags *diags)
{
	struct vp_index own = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		if (l->hosts[i].record.briefs[0].kind == VP_BRIEF_HOST)
			vp_index_add(&own, &l->hosts[i].record.briefs[0]);
	for (size_t i = 0; i < l->n; i++)
		for (size_t k = 0; !l->hosts[i].source->beside && k < l->hosts[i].record.nbriefs; k++) {
			const struct host *h = &l->hosts[i];
			struct vp_brief *b = &h->record.briefs[k];

			/* A virtual machine with a profile of its own is that one, not its part of the cluster's. */
			if (b->kind == VP_BRIEF_MACHINE && vp_index_find(&own, b->name))
				continue;
			b->order = i;
			vp_brief_problems(b, diags);
			if (b->kind != VP_BRIEF_CLUSTER)
				all[n++] = (struct found){ b, h->nodes ? h->nodes[k] : NULL };
		}
	vp_index_free(&own);
	return n;
}

static void give(struct load *l, struct vp_fleet *out, struct vp_diags *diags)
{
	struct found *all;
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		n += l->hosts[i].record.nbriefs;
	all = vp_xcalloc(n, sizeof(*all));
	n = collect(l, all, diags);
	qsort(all, n, sizeof(*all), by_work);
	out->briefs = vp_alloc(l->a, n * sizeof(*out->briefs));
	out->nodes.items = vp_alloc(l->a, l->o->nodes ? n * sizeof(*out->nodes.items) : 0);
	for (size_t i = 0; i < n; i++) {
		out->briefs[out->nbriefs++] = all[i].brief;
		if (all[i].node)
			out->nodes.items[out->nodes.n++] = all[i].node;
	}
	out->nodes.cap = out->nodes.n;
	free(all);
}

/* What is beside counts as there, and is not looked over itself. */
static void look_over(struct load *l, const struct vp_fleet *out, struct vp_diags *diags)
{
	struct vp_index index = { 0 };
	const struct vp_site_view view = { l->a, out->briefs, out->nbriefs, &index, &l->own_says, diags };

	for (size_t i = 0; i < out->nbriefs; i++)
		vp_index_add(&index, out->briefs[i]);
	for (size_t i = 0; i < l->n; i++)
		if (l->hosts[i].source->beside && l->hosts[i].record.briefs[0].kind == VP_BRIEF_HOST)
			vp_index_add(&index, &l->hosts[i].record.briefs[0]);
	vp_fleet_clashes(&view);
	vp_fleet_references(&view);
	vp_index_free(&index);
}

/* Everything beside the profile that decides what comes of it. */
static const char *environment(struct vp_arena *a, const struct vp_fleet_opts *o)
{
	const char *chosen = "";
	struct stat st = { 0 };

	for (size_t i = 0; i < o->bind.nchosen; i++)
		chosen = vp_printf(a, "%s %s %d %d", chosen, o->bind.chosen[i].name, o->bind.chosen[i].virt, o->bind.chosen[i].own);
	/* The program itself: a new build may bind in another way. */
	stat("/proc/self/exe", &st);
	return vp_printf(a, "%s %ju %ju %ju %jd.%09ld\n%d\n%s\n%s%s", VP_VERSION, (uintmax_t)st.st_dev, (uintmax_t)st.st_ino, (uintmax_t)st.st_size,
			 (intmax_t)st.st_ctim.tv_sec, st.st_ctim.tv_nsec, o->bind.virt, o->bind.state_dir ? o->bind.state_dir : "",
			 o->site ? vp_site_digest(o->site) : "", chosen);
}

int vp_fleet_load(struct vp_arena *a, const char *const *args, size_t n, const struct vp_fleet_opts *o, struct vp_fleet *out, struct vp_diags *diags,
		  struct vp_err *err)
{
	const struct vp_fetch_opts fetch = { .site = o->site, .cache = o->cache, .stop = o->stop };
	struct load l = { .a = a, .o = o };
	struct vp_sources sources = { 0 };
	int rc;

	*out = (struct vp_fleet){ 0 };
	vp_sources_find(a, args, n, &fetch, &sources, diags);
	if (sources.n > VP_MAX_NODES) {
		vp_diag(diags, VP_ERROR, VP_E_LIMIT, "", 0, "", "more than %d profiles", VP_MAX_NODES);
		return 0;
	}
	l.n = sources.n;
	l.hosts = vp_xcalloc(l.n, sizeof(*l.hosts));
	l.jobs = vp_xcalloc(l.n, sizeof(*l.jobs));
	for (size_t i = 0; i < l.n; i++)
		l.hosts[i] = (struct host){ .source = &sources.items[i], .digest = "" };
	l.cache = vp_cache_open(o->cache, environment(a, o));
	rc = first_pass(&l, err);
	if (!rc)
		rc = second_pass(&l, diags, err);
	vp_cache_close(l.cache);
	if (!rc) {
		give(&l, out, diags);
		look_over(&l, out, diags);
	}
	free(l.hosts);
	free(l.jobs);
	return rc;
}
