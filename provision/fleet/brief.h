/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is kept of one profile: briefs of its machines, what it says about others, its problems. One flat piece of bytes, which is also what
 * the cache holds; the structs below point into it. Private to provision/fleet, but for struct vp_brief.
 */
#ifndef VP_BRIEF_H
#define VP_BRIEF_H

#include "fleet.h"

/* Record of one profile. The bytes and everything below live in the arena that it was unpacked in. */
struct vp_record {
	/* The first is the profile's own machine (or cluster, or what could not be bound); others are virtual machines in a cluster's profile. */
	struct vp_brief *briefs;
	size_t nbriefs;
	struct vp_placements says;
};

/* One machine on its way into a record. */
struct vp_brief_in {
	enum vp_brief_kind kind;
	/* NULL where it could not be bound; then name is the best that is known, "" for nothing. */
	struct vp_node *node;
	const char *name;
	/* Profile path of a machine in a cluster's profile, else "". */
	const char *at;
	struct vp_diags diags;
};

void vp_record_pack(struct vp_buf *out, const char *file, const struct vp_brief_in *in, size_t n, const struct vp_placements *says);
/* false where the bytes are no record of this version. data must live as long as out; file is the label of the profile. */
bool vp_record_unpack(struct vp_arena *a, const void *data, size_t len, const char *file, struct vp_record *out);
/* Adds the problems of one brief, which say nothing any more once it was bound again. */
void vp_brief_problems(const struct vp_brief *b, struct vp_diags *diags);
/* The bytes of one statement, to tell whether it is still the same. */
void vp_placement_pack(struct vp_buf *out, const struct vp_placement *p);

/* --- Machines by name; what others write of a name is matched as vp_place_names() does. index.c --- */
struct vp_index {
	const struct vp_brief **items;
	size_t n, cap;
	bool sorted;
};
/* {0} is an empty one. */
void vp_index_add(struct vp_index *x, const struct vp_brief *b);
/* The first by name and order of reading; NULL where there is none. */
const struct vp_brief *vp_index_find(struct vp_index *x, const char *name);
void vp_index_free(struct vp_index *x);

/* --- What only all machines together show. --- */
struct vp_site_view {
	struct vp_arena *a;
	struct vp_brief *const *briefs;
	size_t n;
	/* Of all machines; of hypervisors and guests alike. */
	struct vp_index *index;
	const struct vp_placements *says;
	struct vp_diags *diags;
};
/* clash.c: what two claim. */
void vp_fleet_clashes(const struct vp_site_view *v);
/* refs.c: who is named and not there; who has no host; who has too many guests. */
void vp_fleet_references(const struct vp_site_view *v);
/* Name of the hypervisor (or cluster) of a machine, as its own profile has it: the same text for the same host. "" for none. */
const char *vp_fleet_scope(const struct vp_site_view *v, const struct vp_brief *b);

#endif
