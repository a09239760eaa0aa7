// SPDX-License-Identifier: Apache-2.0
/*
 * What is kept of servers. A version is one file that names its objects; it is published by rename, after all of them are there. Objects are
 * never written twice, so that a content that stays keeps its inode and its time.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "inside.h"

#define HEADER	 "vprov-fetch 1\n"
#define MAX_FILE (256u << 20)
#define NCOLUMNS 6

const struct vp_version vp_no_version = { .index = { .name = "", .real = "", .sha = "", .etag = "", .modified = "", .modified_at = -1 } };

static const char *const parts[] = { [VP_WHOLE] = "whole", [VP_HOSTS] = "hosts" };

/* While it is held, shared, nobody removes objects: until this process ends, for it may still have to open them. */
static int use_lock = -1;

static int lock(const char *file, const char *url, const volatile int *stop, struct vp_err *err)
{
	int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return vp_fail_errno(err, VP_E_IO, "%s", file);
	for (bool said = false; flock(fd, LOCK_EX | LOCK_NB); said = true) {
		if (!said)
			vp_debug("waiting for another vprov that fetches from %s", url);
		if (stop && *stop) {
			close(fd);
			return vp_fail(err, VP_E_FETCH, "interrupted");
		}
		poll(NULL, 0, 100);
	}
	return fd;
}

int vp_store_open(struct vp_arena *a, const char *cache, const char *url, const volatile int *stop, struct vp_store *out, struct vp_err *err)
{
	const char *top = vp_printf(a, "%s/fetch", cache);
	char sha[65];

	vp_sha256_hex(url, strlen(url), sha);
	out->dir = vp_printf(a, "%s/sites/%.32s", top, sha);
	out->objects = vp_printf(a, "%s/objects", top);
	/* Profiles hold hashes of passwords. */
	if (vp_mkdirs(cache, 0755, err) || vp_mkdirs(top, 0700, err) || vp_mkdirs(out->objects, 0700, err) || vp_mkdirs(out->dir, 0700, err))
		return -1;
	if (use_lock < 0)
		use_lock = open(vp_printf(a, "%s/lock", top), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (use_lock < 0 || flock(use_lock, LOCK_SH))
		return vp_fail_errno(err, VP_E_IO, "%s/lock", top);
	out->lock = lock(vp_printf(a, "%s/lock", out->dir), vp_url_shown(a, url), stop, err);
	return out->lock < 0 ? -1 : 0;
}

void vp_store_close(struct vp_store *s)
{
	close(s->lock);
	s->lock = -1;
}

char *vp_object_path(struct vp_arena *a, const struct vp_store *s, const char *sha)
{
	return vp_printf(a, "%s/%s", s->objects, sha);
}

int vp_object_put(struct vp_arena *a, const struct vp_store *s, const char *file, char sha[65], struct vp_err *err)
{
	struct stat fresh, kept;
	const char *path;

	if (vp_sha256_file(file, sha, err))
		return -1;
	path = vp_object_path(a, s, sha);
	if (!stat(path, &kept) && !stat(file, &fresh) && kept.st_size == fresh.st_size)
		return unlink(file) ? vp_fail_errno(err, VP_E_IO, "%s", file) : 0;
	return rename(file, path) ? vp_fail_errno(err, VP_E_IO, "%s", path) : 0;
}

/* --- Versions as files: one line for the list of profiles, one for each profile; columns end with a tab. --- */

static int by_name(const void *left, const void *right)
{
	return strcmp(((const struct vp_kept *)left)->name, ((const struct vp_kept *)right)->name);
}

const struct vp_kept *vp_version_find(const struct vp_version *v, const char *name)
{
	const struct vp_kept key = { .name = name };

	return v->n ? bsearch(&key, v->items, v->n, sizeof(key), by_name) : NULL;
}

void vp_version_sort(struct vp_version *v)
{
	if (v->n)
		qsort(v->items, v->n, sizeof(*v->items), by_name);
}

void vp_version_add(struct vp_arena *a, struct vp_version *v, const struct vp_kept *k)
{
	v->items = vp_grow_in(a, v->items, v->n, &v->cap, sizeof(*v->items));
	v->items[v->n++] = *k;
}

static bool is_sha(const char *s)
{
	return strlen(s) == 64 && strspn(s, "0123456789abcdef") == 64;
}

/* False where the line is none of ours. */
static bool read_line(char *line, struct vp_kept *k)
{
	const char *column[NCOLUMNS];

	for (size_t i = 0; i < NCOLUMNS; i++) {
		column[i] = strsep(&line, "\t");
		if (!column[i])
			return false;
	}
	*k = (struct vp_kept){ column[0], column[1], column[2], column[3], column[4], strtoll(column[5], NULL, 10) };
	return !*k->sha || is_sha(k->sha);
}

static bool read_lines(struct vp_arena *a, char *text, struct vp_version *out)
{
	bool first = true;

	for (char *line; (line = strsep(&text, "\n")) && *line;) {
		struct vp_kept k;

		if (!read_line(line, &k))
			return false;
		if (first)
			out->index = k;
		else
			vp_version_add(a, out, &k);
		first = false;
	}
	vp_version_sort(out);
	return !first;
}

static bool has_objects(struct vp_arena *a, const struct vp_store *s, const struct vp_version *v)
{
	if (*v->index.sha && access(vp_object_path(a, s, v->index.sha), R_OK))
		return false;
	for (size_t i = 0; i < v->n; i++)
		if (*v->items[i].sha && access(vp_object_path(a, s, v->items[i].sha), R_OK))
			return false;
	return true;
}

bool vp_version_load(struct vp_arena *a, const struct vp_store *s, enum vp_part part, struct vp_version *out)
{
	const char *file = vp_printf(a, "%s/%s", s->dir, parts[part]);
	vp_cleanup(vp_buf_free) struct vp_buf data = { 0 };
	struct stat st;
	char *text;

	*out = vp_no_version;
	if (stat(file, &st) || vp_read_file(file, MAX_FILE, &data, NULL) || strncmp(vp_buf_str(&data), HEADER, strlen(HEADER)))
		return false;
	text = vp_strdup(a, vp_buf_str(&data) + strlen(HEADER));
	out->asked = (double)st.st_mtime;
	if (read_lines(a, text, out) && has_objects(a, s, out))
		return true;
	*out = vp_no_version;
	return false;
}

static void write_line(struct vp_buf *out, const struct vp_kept *k)
{
	vp_buf_addf(out, "%s\t%s\t%s\t%s\t%s\t%lld\n", k->name, k->real, k->sha, k->etag, k->modified, (long long)k->modified_at);
}

int vp_version_save(struct vp_arena *a, const struct vp_store *s, enum vp_part part, struct vp_version *v, struct vp_err *err)
{
	vp_cleanup(vp_buf_free) struct vp_buf text = { 0 };

	vp_version_sort(v);
	vp_buf_adds(&text, HEADER);
	write_line(&text, &v->index);
	for (size_t i = 0; i < v->n; i++)
		write_line(&text, &v->items[i]);
	/* The objects first: after a loss of power there must be no version without its content. */
	syncfs(s->lock);
	if (vp_write_file(vp_printf(a, "%s/%s", s->dir, parts[part]), text.data, text.len, 0600, err))
		return -1;
	return part == VP_WHOLE ? vp_remove_tree(vp_printf(a, "%s/%s", s->dir, parts[VP_HOSTS]), err) : 0;
}

void vp_version_confirm(struct vp_arena *a, const struct vp_store *s, enum vp_part part)
{
	utimensat(AT_FDCWD, vp_printf(a, "%s/%s", s->dir, parts[part]), NULL, 0);
}

/* --- What no version refers to --- */

static int by_text(const void *left, const void *right)
{
	return strcmp(*(const char *const *)left, *(const char *const *)right);
}

struct names {
	const char **items;
	size_t n, cap;
};

static void keep(struct vp_arena *a, struct names *all, const char *sha)
{
	all->items = vp_grow_in(a, all->items, all->n, &all->cap, sizeof(*all->items));
	all->items[all->n++] = sha;
}

static void keep_version(struct vp_arena *a, const struct vp_store *site, enum vp_part part, struct names *all)
{
	struct vp_version v;

	if (!vp_version_load(a, site, part, &v))
		return;
	keep(a, all, v.index.sha);
	for (size_t i = 0; i < v.n; i++)
		keep(a, all, v.items[i].sha);
}

/* -1 where not all could be seen. */
static int keep_sites(struct vp_arena *a, const struct vp_store *s, struct names *all)
{
	const char *top = vp_printf(a, "%.*s", (int)(strrchr(s->dir, '/') - s->dir), s->dir);
	DIR *d = opendir(top);
	const struct dirent *e;

	if (!d)
		return -1;
	while ((e = readdir(d))) {
		const struct vp_store site = { .dir = vp_printf(a, "%s/%s", top, e->d_name), .objects = s->objects };

		if (e->d_name[0] == '.')
			continue;
		keep_version(a, &site, VP_WHOLE, all);
		keep_version(a, &site, VP_HOSTS, all);
	}
	closedir(d);
	return 0;
}

static void remove_others(const struct vp_store *s, const struct names *all)
{
	DIR *d = opendir(s->objects);
	const struct dirent *e;

	while (d && (e = readdir(d))) {
		const char *name = e->d_name;

		if (name[0] != '.' && (!all->n || !bsearch(&name, all->items, all->n, sizeof(name), by_text)))
			unlinkat(dirfd(d), name, 0);
	}
	if (d)
		closedir(d);
}

void vp_store_clean(struct vp_arena *a, const struct vp_store *s)
{
	struct names all = { 0 };

	if (flock(use_lock, LOCK_EX | LOCK_NB) == 0 && !keep_sites(a, s, &all)) {
		if (all.n)
			qsort(all.items, all.n, sizeof(*all.items), by_text);
		remove_others(s, &all);
	}
	flock(use_lock, LOCK_SH);
}
