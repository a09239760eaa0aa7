// SPDX-License-Identifier: Apache-2.0
/* What the arguments name. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "inside.h"

enum kind {
	/* A file of a profile, or stdin. */
	FILE_,
	/* The URL of a profile. */
	ONE,
	/* Where profiles are. */
	PLACE,
	CCM,
	/* What is looked for there. */
	NAME,
	/* Cannot be anything. */
	WRONG,
};

/* --- Each profile once --- */

static size_t hash_of(const char *s)
{
	uint64_t h = 14695981039346656037u;

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 1099511628211u;
	return (size_t)h;
}

/* Where it is, or where it would be. */
static const char **slot_of(const char **table, size_t cap, const char *place)
{
	size_t i = hash_of(place) & (cap - 1);

	while (table[i] && strcmp(table[i], place))
		i = (i + 1) & (cap - 1);
	return &table[i];
}

static void grow_seen(struct vp_fetch *f)
{
	size_t cap = f->seen_cap ? 2 * f->seen_cap : 256;
	const char **table = vp_alloc(f->a, cap * sizeof(*table));

	for (size_t i = 0; i < f->seen_cap; i++)
		if (f->seen[i])
			*slot_of(table, cap, f->seen[i]) = f->seen[i];
	f->seen = table;
	f->seen_cap = cap;
}

/* It was found beside another one, and is asked for now. */
static void ask_for(struct vp_sources *out, const char *path)
{
	for (size_t i = 0; i < out->n; i++)
		if (out->items[i].beside && !strcmp(out->items[i].path, path))
			out->items[i].beside = false;
}

void vp_fetch_add(struct vp_fetch *f, const char *place, const char *label, const char *path, bool beside)
{
	struct vp_sources *out = f->out;
	const char **slot;

	if (2 * f->nseen >= f->seen_cap)
		grow_seen(f);
	slot = slot_of(f->seen, f->seen_cap, place);
	if (*slot) {
		if (!beside && f->beside)
			ask_for(out, path);
		return;
	}
	f->beside |= beside;
	*slot = vp_strdup(f->a, place);
	f->nseen++;
	out->items = vp_grow_in(f->a, out->items, out->n, &out->cap, sizeof(*out->items));
	out->items[out->n++] = (struct vp_source){ label, path, beside };
}

/* --- Directories --- */

static const char *join(struct vp_arena *a, const char *dir, const char *name)
{
	return vp_printf(a, "%s%s%s", dir, dir[strlen(dir) - 1] == '/' ? "" : "/", name);
}

static int scan(struct vp_fetch *f, const char *dir, struct vp_listing *out)
{
	DIR *d = opendir(dir);
	const struct dirent *e;

	if (!d)
		return -1;
	while ((e = readdir(d)))
		vp_list_add(f->a, out, e->d_name, 0);
	closedir(d);
	vp_list_finish(out);
	return 0;
}

static void add_files(struct vp_fetch *f, const char *dir, const struct vp_listing *files, bool beside)
{
	vp_cleanup(vp_freep) char *real = realpath(dir, NULL);

	for (size_t i = 0; i < files->n; i++) {
		const char *path = join(f->a, dir, files->items[i].name);

		vp_fetch_add(f, real ? join(f->a, real, files->items[i].name) : path, path, path, beside);
	}
}

/* Where hosts were chosen by n names, the others come along. */
static void add_chosen(struct vp_fetch *f, const char *dir, const struct vp_listing *all, const struct vp_listing *chosen, size_t n)
{
	struct vp_listing others = { 0 };

	add_files(f, dir, chosen, false);
	if (!n || !chosen->n)
		return;
	vp_list_choose(f->a, all, dir, NULL, 0, &others, f->diags);
	add_files(f, dir, &others, true);
}

static int take_dir(struct vp_fetch *f, const char *dir, const char *const *names, size_t n, struct vp_err *err)
{
	struct vp_listing all = { 0 }, chosen = { 0 };

	if (scan(f, dir, &all))
		return vp_fail_errno(err, VP_E_READ, "%s", dir);
	if (!all.n)
		return vp_fail(err, VP_E_READ, "%s: the directory holds no profiles (.xml, .json, also .gz)", dir);
	vp_list_choose(f->a, &all, dir, names, n, &chosen, f->diags);
	add_chosen(f, dir, &all, &chosen, n);
	return 0;
}

/* A name with directories ("clusters/c1") is looked for below `dir`, one without in it. */
static int take_names(struct vp_fetch *f, const char *dir, const char *const *names, size_t n, struct vp_err *err)
{
	for (size_t i = 0; i < n; i++) {
		const char *slash = strrchr(names[i], '/'), *base = slash ? slash + 1 : names[i];
		const char *sub = slash ? vp_strndup(f->a, names[i], (size_t)(slash - names[i])) : NULL;

		if (sub && (strstr(sub, "..") || vp_is_pattern(sub)))
			vp_diag(f->diags, VP_ERROR, VP_E_READ, names[i], 0, "",
				"only the last part of a name can be a pattern, and none can be \"..\"");
		else if (take_dir(f, sub ? join(f->a, dir, sub) : dir, &base, 1, err))
			return -1;
	}
	return 0;
}

/* Those of a profiles-info.xml on this machine. What it lists as .xml may be there as .xml.gz only, for servers that translate. */
static int take_index(struct vp_fetch *f, const char *file, const char *const *names, size_t n, struct vp_err *err)
{
	const char *slash = strrchr(file, '/'), *dir = slash ? vp_strndup(f->a, file, (size_t)(slash - file) + 1) : "./";
	vp_cleanup(vp_buf_free) struct vp_buf data = { 0 };
	struct vp_listing all = { 0 }, chosen = { 0 };

	if (vp_read_file(file, VP_MAX_INDEX, &data, err) || vp_index_read(f->a, file, vp_buf_str(&data), data.len, &all, f->diags, err))
		return -1;
	if (!all.n)
		return vp_fail(err, VP_E_READ, "%s: the list of profiles names none", file);
	for (size_t i = 0; i < all.n; i++) {
		const char *name = all.items[i].name, *gz = vp_printf(f->a, "%s.gz", name);

		if (!vp_exists(join(f->a, dir, name)) && vp_exists(join(f->a, dir, gz)))
			all.items[i].name = gz;
	}
	vp_list_choose(f->a, &all, file, names, n, &chosen, f->diags);
	add_chosen(f, dir, &all, &chosen, n);
	return 0;
}

static int take_file(struct vp_fetch *f, const char *path)
{
	vp_cleanup(vp_freep) char *real = strcmp(path, "-") ? realpath(path, NULL) : NULL;

	vp_fetch_add(f, real ? real : path, path, path, false);
	return 0;
}

bool vp_is_local(const char *place)
{
	return strncasecmp(place, "http://", 7) != 0 && strncasecmp(place, "https://", 8) != 0;
}

static bool is_index(const char *path)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;

	return !strcmp(base, "profiles-info.xml") || !strcmp(base, "profiles-info.xml.gz");
}

/* With file:// a directory's list is asked, as from a server; without, and with dir://, the directory itself. */
static const char *list_in(struct vp_fetch *f, const char *dir)
{
	static const char *const names[] = { "profiles-info.xml", "profiles-info.xml.gz" };

	for (size_t i = 0; i < vp_count(names); i++)
		if (vp_exists(join(f->a, dir, names[i])))
			return join(f->a, dir, names[i]);
	return NULL;
}

int vp_local_find(struct vp_fetch *f, const char *place, const char *const *names, size_t n, struct vp_err *err)
{
	bool url = !strncmp(place, "file://", 7);
	const char *path = url ? vp_url_path(f->a, place) : !strncmp(place, "dir://", 6) ? place + 6 : place;
	const char *list;
	struct stat st;

	if (!path)
		return vp_fail(err, VP_E_READ, "%s: a file:// URL has three slashes and an absolute path", place);
	if (stat(path, &st))
		return vp_fail_errno(err, VP_E_READ, "%s", path);
	if (!S_ISDIR(st.st_mode))
		return is_index(path) ? take_index(f, path, names, n, err) : take_file(f, path);
	list = url ? list_in(f, path) : NULL;
	if (list)
		return take_index(f, list, names, n, err);
	return n ? take_names(f, path, names, n, err) : take_dir(f, path, NULL, 0, err);
}

/* --- Places: where profiles are --- */

static unsigned number_of(struct vp_fetch *f, const char *key, const char *site, const char *file, const char *ccm, unsigned fallback)
{
	uint64_t value = fallback;

	if (site)
		vp_parse_u64(site, 0, UINT32_MAX, &value);
	else if (ccm && !vp_parse_u64(ccm, 0, 86400, &value))
		vp_diag(f->diags, VP_WARNING, VP_E_ODD, file, 0, "", "%s = \"%s\" is no number of at most a day: ignored", key, ccm);
	return (unsigned)value;
}

/* Whatever is wrong with it, libcurl's words would not say which file it is. */
static const char *file_of(struct vp_fetch *f, const char *key, const char *site, const char *ccm)
{
	const char *path = site ? site : ccm;

	if (path && access(path, R_OK))
		vp_diag(f->diags, VP_ERROR, VP_E_CONFIG, path, 0, "", "%s: %s", key, strerror(errno));
	return path;
}

/* The site configuration decides over ccm.conf. */
static void set_http(struct vp_fetch *f, const struct vp_ccm *c)
{
	const struct vp_site *s = f->o->site;
	struct vp_get_opts *h = &f->http;

	h->stop = f->o->stop;
	h->cert_file = file_of(f, "cert_file", vp_site_get(s, "cert_file"), c->cert_file);
	h->key_file = file_of(f, "key_file", vp_site_get(s, "key_file"), c->key_file);
	h->ca_file = file_of(f, "ca_file", vp_site_get(s, "ca_file"), c->ca_file);
	h->ca_dir = file_of(f, "ca_dir", vp_site_get(s, "ca_dir"), c->ca_dir);
	h->get_timeout = number_of(f, "get_timeout", vp_site_get(s, "get_timeout"), c->file, c->get_timeout, 30);
	h->retrieve_retries = number_of(f, "retrieve_retries", vp_site_get(s, "retrieve_retries"), c->file, c->retrieve_retries, 3);
	h->retrieve_wait = number_of(f, "retrieve_wait", vp_site_get(s, "retrieve_wait"), c->file, c->retrieve_wait, 2);
	if (!h->get_timeout)
		h->get_timeout = 30;
	f->http_ready = true;
}

static void find_in(struct vp_fetch *f, const char *const *places, size_t nplaces, const char *const *names, size_t n)
{
	struct vp_err err = { 0 };
	unsigned errors = f->diags->errors;
	bool remote = false;

	for (size_t i = 0; i < nplaces; i++)
		remote |= !vp_is_local(places[i]);
	if (remote && !f->http_ready) {
		struct vp_ccm c = { .file = vp_site_get(f->o->site, "ccm") };

		if (!c.file || vp_ccm_read(f->a, c.file, &c, f->diags))
			set_http(f, &c);
	}
	if (f->diags->errors > errors)
		return;
	if (remote && !f->o->cache)
		vp_diag(f->diags, VP_ERROR, VP_E_FETCH, vp_url_shown(f->a, places[0]), 0, "", "there is no directory to keep profiles in");
	else if (remote || nplaces > 1)
		vp_remote_find(f, places, nplaces, names, n);
	else if (vp_local_find(f, places[0], names, n, &err)) {
		size_t len = strlen(places[0]);
		bool told = !strncmp(err.msg, places[0], len) && !strncmp(err.msg + len, ": ", 2);

		vp_diag(f->diags, VP_ERROR, err.code, told ? places[0] : "", 0, "", "%s", told ? err.msg + len + 2 : err.msg);
	}
}

/* The directories of the profile's URLs: where the other hosts' profiles are as well. */
static void find_beside(struct vp_fetch *f, const struct vp_ccm *c, const char *const *names, size_t n)
{
	size_t nurls;
	const char *const *urls = vp_ccm_urls(f->a, c, names[0], &nurls, f->diags);
	const char **places = vp_alloc(f->a, (nurls + 1) * sizeof(*places));

	for (size_t i = 0; i < nurls && urls; i++) {
		struct vp_url u;

		vp_url_split(f->a, urls[i], &u);
		places[i] = u.base;
	}
	if (urls)
		find_in(f, places, nurls, names, n);
}

static void take_ccm(struct vp_fetch *f, const char *file, const char *const *names, size_t n)
{
	unsigned errors = f->diags->errors;
	const char *const *urls;
	struct vp_ccm c;
	size_t nurls;

	if (!vp_ccm_read(f->a, file, &c, f->diags))
		return;
	set_http(f, &c);
	if (f->diags->errors > errors)
		return;
	for (size_t i = 0; i < n || !i; i++) {
		if (n && (!vp_ccm_for_all(&c) || vp_is_pattern(names[i]))) {
			find_beside(f, &c, names + i, 1);
			continue;
		}
		urls = vp_ccm_urls(f->a, &c, n ? names[i] : NULL, &nurls, f->diags);
		if (urls)
			find_in(f, urls, nurls, NULL, 0);
	}
	f->http_ready = false;
}

/* --- Arguments --- */

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), len = strlen(end);

	return n >= len && !strcmp(s + n - len, end);
}

static enum kind kind_of_url(struct vp_fetch *f, const char *arg)
{
	struct vp_url u;

	if (strncmp(arg, "dir://", 6) && strncmp(arg, "file://", 7) && vp_is_local(arg))
		return WRONG;
	vp_url_split(f->a, arg, &u);
	return u.profile ? ONE : PLACE;
}

static enum kind kind_of(struct vp_fetch *f, const char *arg, bool place)
{
	struct stat st;

	if (!strcmp(arg, "-"))
		return FILE_;
	if (strstr(arg, "://"))
		return kind_of_url(f, arg);
	if (!stat(arg, &st))
		return S_ISDIR(st.st_mode) || is_index(arg) ? PLACE : ends_with(arg, ".conf") ? CCM : FILE_;
	/* Whoever writes a path or a suffix means a file: that it is absent is for its reader to say. */
	if (arg[0] == '/' || !strncmp(arg, "./", 2) || !strncmp(arg, "../", 3) || (!place && vp_has_suffix(arg) && !vp_is_pattern(arg)))
		return FILE_;
	return NAME;
}

/* Names that follow no place are looked for where the site configuration says. */
static void take_names_of_site(struct vp_fetch *f, const char *const *names, size_t n)
{
	size_t nplaces = 0;
	const char *const *places = vp_site_all(f->o->site, f->a, "profiles", &nplaces);
	const char *ccm = vp_site_get(f->o->site, "ccm");

	if (nplaces)
		find_in(f, places, nplaces, names, n);
	else if (ccm)
		take_ccm(f, ccm, names, n);
	for (size_t i = 0; i < n && !nplaces && !ccm; i++)
		vp_diag(f->diags, VP_ERROR, VP_E_READ, names[i], 0, "",
			"no such file or directory, nor is it known where to look for a profile of that name: give the directory or URL before it, "
			"or \"profiles\" in the site configuration");
}

/* The number of names from args[i] on. */
static size_t names_from(struct vp_fetch *f, const char *const *args, size_t n, size_t i, bool place)
{
	size_t first = i;

	while (i < n && kind_of(f, args[i], place) == NAME)
		i++;
	return i - first;
}

void vp_sources_find(struct vp_arena *a, const char *const *args, size_t n, const struct vp_fetch_opts *o, struct vp_sources *out,
		     struct vp_diags *diags)
{
	struct vp_fetch f = { .a = a, .o = o, .out = out, .diags = diags };

	for (size_t i = 0; i < n; i++) {
		enum kind kind = kind_of(&f, args[i], false);
		size_t names = kind == PLACE || kind == CCM ? names_from(&f, args, n, i + 1, true) : 0;

		switch (kind) {
		case FILE_: take_file(&f, args[i]); break;
		case ONE: find_in(&f, &args[i], 1, NULL, 0); break;
		case PLACE: find_in(&f, &args[i], 1, args + i + 1, names); break;
		case CCM: take_ccm(&f, args[i], args + i + 1, names); break;
		case NAME:
			names = names_from(&f, args, n, i, false) - 1;
			take_names_of_site(&f, args + i, names + 1);
			break;
		case WRONG:
			vp_diag(diags, VP_ERROR, VP_E_READ, vp_url_shown(a, args[i]), 0, "",
				"not a URL that profiles can be read from: http, https, file or dir");
			break;
		}
		i += names;
	}
}
