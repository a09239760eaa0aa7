/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of profiles, remembered between runs in one SQLite file (fleet.db in the cache directory). Whatever is wrong with it costs time, never
 * an answer: it is worked without, and -v says so. Private to provision/fleet.
 */
#ifndef VP_FLEET_CACHE_H
#define VP_FLEET_CACHE_H

#include <sys/stat.h>

#include "../base/base.h"

struct vp_cache;

/* What a record was made from, beside the bytes of the file: any difference makes it another one. */
struct vp_cache_key {
	const char *label, *path;
	/* Digest of the placement that was applied; "" for none. */
	const char *placement;
};

/* dir may be NULL. env: everything else that records depend on, as text. NULL where there is no cache. */
struct vp_cache *vp_cache_open(const char *dir, const char *env);
/* The record of exactly this file, as it was when st was taken: copied into a. NULL where there is none. */
const void *vp_cache_get(struct vp_cache *c, struct vp_arena *a, const struct vp_cache_key *key, const struct stat *st, size_t *len);
/* Looking holds a lock against writers, until this (or the end). */
void vp_cache_rest(struct vp_cache *c);
/*
 * Remembers a record. A file that changed less than two seconds before it was read may change again without a trace in its times: it is
 * not remembered.
 */
void vp_cache_put(struct vp_cache *c, const struct vp_cache_key *key, const struct stat *st, const void *data, size_t len);
/* Writes what is still to be written. */
void vp_cache_close(struct vp_cache *c);

#endif
