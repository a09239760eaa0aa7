/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From what the user names to files that can be opened: files, directories, URLs, profiles-info.xml, ccm.conf, host names and patterns.
 * What comes from a server is kept in a cache as one version of the site: whole, or not at all.
 */
#ifndef VP_FETCH_H
#define VP_FETCH_H

#include "../model/node.h"

/* One profile. */
struct vp_source {
	/* For messages: the path as given, or the URL. */
	const char *label;
	/* What to open: the file itself, or the copy in the cache. "-" is stdin. */
	const char *path;
	/* Nobody asked for it: it is of the directory in which others were named, and may say where those run. */
	bool beside;
};

struct vp_sources {
	struct vp_source *items;
	size_t n, cap;
};

struct vp_fetch_opts {
	/* May be NULL. */
	const struct vp_site *site;
	/* Directory; NULL: nothing is kept, which is an error for URLs. */
	const char *cache;
	/* Fetching ends early where it becomes non-zero. May be NULL. */
	const volatile int *stop;
};

/*
 * An argument is: "-"; a file; a directory; dir://DIR; a file://, http:// or https:// URL of a profile, of a directory with a
 * profiles-info.xml, or of that file; a ccm.conf; or a host name, FQDN or glob. Names right after a directory or site are looked for
 * there, and it is not taken as a whole; other names are looked for where the site configuration ("profiles", "ccm") says.
 * Adds to out in the order of the arguments, each profile once, those of one directory sorted by name. Problems go to diags; a server that
 * does not answer, where there is an older copy, is a warning that gives the copy's age.
 */
void vp_sources_find(struct vp_arena *a, const char *const *args, size_t n, const struct vp_fetch_opts *o, struct vp_sources *out,
		     struct vp_diags *diags);

/* --- Change notification (cdp-listend's protocol, UDP). A hint: whoever wakes looks for himself. --- */
/* A socket bound to the port on all addresses, non-blocking; -1 with err. */
int vp_notify_open(unsigned port, struct vp_err *err);
/* True where this is a well-formed "cdb" or "ccm" message. */
bool vp_notify_is(const char *data, size_t len);
/*
 * Reads all that is there: true where there was a well-formed message, now or since the last call that said so, which has to be
 * VP_NOTIFY_SECONDS ago: ask again later even if nothing comes.
 */
bool vp_notify_take(int fd);

#endif
