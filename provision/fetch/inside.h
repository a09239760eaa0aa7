/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of provision/fetch. Private to it and to its tests. */
#ifndef VP_FETCH_INSIDE_H
#define VP_FETCH_INSIDE_H

#include "../profile/diag.h"
#include "fetch.h"

/* --- list.c: profiles as a directory or an index names them --- */
struct vp_listed {
	/* "wn1.example.org.xml", "clusters/c1.json.gz": relative to where the list is. */
	const char *name;
	/* The name without its suffix. */
	const char *stem;
	/* Position of the suffix in the order of preference. */
	int rank;
	/* Milliseconds since 1970 as the index says; 0 for directories. */
	uint64_t mtime;
};

struct vp_listing {
	struct vp_listed *items;
	size_t n, cap;
};

/* False where the name is that of no profile (.dep, hidden, profiles-info.xml). */
bool vp_list_add(struct vp_arena *a, struct vp_listing *l, const char *name, uint64_t mtime);
/* Sorts by stem; of each stem the preferred suffix stays, unless another is newer by more than a minute. */
void vp_list_finish(struct vp_listing *l);
/*
 * Adds to out what a host name, FQDN or pattern stands for: upper and lower case, the prefix "profile_" and the suffix make no difference.
 * The number of profiles, 0 where there is none; a name that is no pattern and stands for several: -1, and err names them.
 */
int vp_list_find(struct vp_arena *a, const struct vp_listing *l, const char *name, struct vp_listing *out, struct vp_err *err);
/* True where the name has one of the suffixes of a profile. */
bool vp_has_suffix(const char *name);
bool vp_is_pattern(const char *name);

/* --- http.c: the only file that knows libcurl --- */
struct vp_get_opts {
	/* PEM files and a directory of them; NULL: none, and the system's certificate authorities. */
	const char *cert_file, *key_file, *ca_file, *ca_dir;
	/* Seconds without an answer or without data; a whole transfer gets ten times that. */
	unsigned get_timeout;
	/* How often each is tried, and the seconds between. */
	unsigned retrieve_retries, retrieve_wait;
	/* Non-zero there ends everything. May be NULL. */
	const volatile int *stop;
};

enum vp_get_outcome { VP_GET_PENDING, VP_GET_NEW, VP_GET_SAME, VP_GET_ABSENT, VP_GET_FAILED };

struct vp_get {
	const char *url;
	/* Where the body goes; removed unless the outcome is NEW. */
	const char *file;
	/* Bytes, decoded. */
	size_t max;
	/* ETag and Last-Modified of the copy at hand, as they came; "" where there is none. After NEW: those of the answer. */
	const char *etag, *modified;
	enum vp_get_outcome outcome;
	/* Seconds since 1970 of the answer's Last-Modified, -1 where it has none, and of its Date, where it has none by this clock. */
	int64_t modified_at, date;
	unsigned attempts;
	/* Of ABSENT (404, 410) and FAILED. */
	const char *why;
};

/*
 * Gets all, several at once. What fails for a reason that may pass is tried again; -1 with err as soon as one FAILED for good.
 * ABSENT is no failure. `done` (may be NULL) is called with the number of those that are done.
 */
int vp_get_all(struct vp_arena *a, const struct vp_get_opts *o, struct vp_get *items, size_t n, void (*done)(void *arg, size_t n), void *arg,
	       struct vp_err *err);

/* --- One run --- */
struct vp_fetch {
	struct vp_arena *a;
	const struct vp_fetch_opts *o;
	struct vp_sources *out;
	struct vp_diags *diags;
	/* How servers are asked: read when first needed. */
	struct vp_get_opts http;
	bool http_ready;
	/* Hash table of what is in out, by place. */
	const char **seen;
	size_t nseen, seen_cap;
	/* Some were found beside others. */
	bool beside;
};

/* `place` tells whether two are the same: an absolute path or a URL. */
void vp_fetch_add(struct vp_fetch *f, const char *place, const char *label, const char *path, bool beside);
/* Those of the list that the names stand for, all where there are none; problems go to diags, and name `where`. */
void vp_list_choose(struct vp_arena *a, const struct vp_listing *all, const char *where, const char *const *names, size_t n, struct vp_listing *out,
		    struct vp_diags *diags);

/* --- index.c --- */
/*
 * profiles-info.xml as SCDB (milliseconds) and Aquilon (seconds) write it, gzipped or not, into out, finished. What cannot be a profile's
 * name is left out with a warning. -1 with err where the whole is no such list.
 */
int vp_index_read(struct vp_arena *a, const char *label, const void *data, size_t len, struct vp_listing *out, struct vp_diags *diags,
		  struct vp_err *err);

/* --- url.c --- */
/* The directory of a URL, with a "/" at its end, and what comes after it. */
struct vp_url {
	const char *base, *name;
	/* A profile, and not a directory or its list of profiles. */
	bool profile;
};
void vp_url_split(struct vp_arena *a, const char *url, struct vp_url *out);
/* A name of the list of profiles below a directory, escaped as URLs want it. */
char *vp_url_join(struct vp_arena *a, const char *base, const char *name);
/* Without the user and password that it may hold. */
char *vp_url_shown(struct vp_arena *a, const char *url);
/* The path of a file:// URL, NULL where it is that of another machine. */
char *vp_url_path(struct vp_arena *a, const char *url);

/* --- store.c: what is kept of servers. CACHE/fetch/objects/SHA256, and a directory for each URL with the versions that refer to them. --- */
struct vp_kept {
	/* As the list of profiles names it, and as the server has it: with .gz, it may be. */
	const char *name, *real;
	/* SHA-256 of the content; "" where the server does not have what it lists. */
	const char *sha;
	/* To ask with: "" where it cannot be trusted to tell two contents apart. */
	const char *etag, *modified;
	/* Seconds since 1970; -1 where the server did not say. */
	int64_t modified_at;
};

struct vp_version {
	/* The list of profiles. */
	struct vp_kept index;
	/* Sorted by name. */
	struct vp_kept *items;
	size_t n, cap;
	/* Seconds since 1970 when the server last said so. */
	double asked;
};

extern const struct vp_version vp_no_version;

/* The whole site; single hosts that were fetched since. A version is read from one of them, never from both. */
enum vp_part { VP_WHOLE, VP_HOSTS };

struct vp_store {
	/* Of this URL; of all. */
	const char *dir, *objects;
	int lock;
};

/* Makes the directories; waits for another process that fetches from the same URL, until *stop. */
int vp_store_open(struct vp_arena *a, const char *cache, const char *url, const volatile int *stop, struct vp_store *out, struct vp_err *err);
void vp_store_close(struct vp_store *s);
/* False where there is none, or an object of it is gone. */
bool vp_version_load(struct vp_arena *a, const struct vp_store *s, enum vp_part part, struct vp_version *out);
/* Publishes; whole or not at all. The whole site supersedes single hosts. */
int vp_version_save(struct vp_arena *a, const struct vp_store *s, enum vp_part part, struct vp_version *v, struct vp_err *err);
/* The server said that it still is as it was. */
void vp_version_confirm(struct vp_arena *a, const struct vp_store *s, enum vp_part part);
const struct vp_kept *vp_version_find(const struct vp_version *v, const char *name);
void vp_version_sort(struct vp_version *v);
void vp_version_add(struct vp_arena *a, struct vp_version *v, const struct vp_kept *k);
/* Moves a file among the objects, where the same content is kept but once. */
int vp_object_put(struct vp_arena *a, const struct vp_store *s, const char *file, char sha[65], struct vp_err *err);
char *vp_object_path(struct vp_arena *a, const struct vp_store *s, const char *sha);
/* Removes what no version refers to, unless another process is at work. */
void vp_store_clean(struct vp_arena *a, const struct vp_store *s);

/* --- ccmconf.c --- */
struct vp_ccm {
	const char *file;
	/* NULL where not given. */
	const char *profile, *base_url;
	const char **failover;
	size_t nfailover;
	/* As text; NULL: not given. */
	const char *cert_file, *key_file, *ca_file, *ca_dir, *get_timeout, *retrieve_retries, *retrieve_wait;
};
/* false where the file cannot be read; what is odd in it is a warning. */
bool vp_ccm_read(struct vp_arena *a, const char *file, struct vp_ccm *out, struct vp_diags *diags);
/* The URLs of a host's profile, the first one to be tried first; host NULL: this machine. NULL where the file does not say. */
const char *const *vp_ccm_urls(struct vp_arena *a, const struct vp_ccm *c, const char *host, size_t *n, struct vp_diags *diags);
/* True where the URL depends on the host. */
bool vp_ccm_for_all(const struct vp_ccm *c);

/* --- sources.c --- */
/* Of a directory, list or profile on this machine: 0, or -1 with err where it cannot be opened. Wrong names go to f->diags. */
int vp_local_find(struct vp_fetch *f, const char *place, const char *const *names, size_t n, struct vp_err *err);
bool vp_is_local(const char *place);

/* --- remote.c --- */
/*
 * Adds the profiles that the names stand for (all where n is 0), or that a place itself names, from the first of the places (URLs, paths)
 * that answers, else from a copy, with a warning.
 */
void vp_remote_find(struct vp_fetch *f, const char *const *places, size_t nplaces, const char *const *names, size_t n);

#endif
