/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A site as one thing: all profiles that the user names, read, bound, placed on their hypervisors, and checked against each other. What is
 * kept of each host for that is small, and remembered between runs, so that only what changed is read again.
 */
#ifndef VP_FLEET_H
#define VP_FLEET_H

#include "../model/place.h"

/* What a machine claims for itself alone: on all hosts; from TAP on, on its hypervisor. A card is a hypervisor's own. */
enum vp_claim_kind { VP_CLAIM_NAME, VP_CLAIM_MAC, VP_CLAIM_IP, VP_CLAIM_UUID, VP_CLAIM_TAP, VP_CLAIM_DISK, VP_CLAIM_BRIDGE, VP_CLAIM_CARD };

struct vp_claim {
	enum vp_claim_kind kind;
	/* 0 where no line of the profile says it. */
	unsigned line;
	const char *value;
	/* Of a bridge: "ADDRESS/PREFIX", or "". */
	const char *address;
	const char *path;
};

/* A machine in a cluster's profile has none of its own; a cluster is none at all. */
enum vp_brief_kind { VP_BRIEF_HOST, VP_BRIEF_CLUSTER, VP_BRIEF_MACHINE };

/* Memory, CPU and names of one host: enough for clashes, references, capacity and the line that `check` prints. Strings are never NULL. */
struct vp_brief {
	enum vp_brief_kind kind;
	/* As far as known, where there were errors. */
	const char *name;
	/* Label of the profile (fetch.h). */
	const char *file;
	/* Profile path of a machine in a cluster's profile, else "". */
	const char *at;
	unsigned errors, warnings;
	/* It claims what another one claims, too. */
	bool clashes;
	/* Position of the profile among those that were named. */
	size_t order;
	/* The rest only where there were no errors. */
	enum vp_machine machine;
	enum vp_virt virt;
	enum vp_install install;
	const char *role, *host;
	uint64_t memory, disk;
	unsigned vcpus, ndisks;
	const char *boot_nic, *ip;
	struct vp_claim *claims;
	size_t nclaims;
	/* Packed problems; brief.c alone knows how. */
	const void *problems;
	size_t nproblems;
	/* What opts.make made of it, or why it could not; both NULL where there was nothing to make it of. */
	const char *made;
	const struct vp_err *failure;
};

struct vp_fleet_opts {
	const struct vp_site *site;
	/* placement is not looked at. */
	struct vp_bind_opts bind;
	/* Directory for what is remembered and fetched; NULL: nothing is. */
	const char *cache;
	/* As vp_fetch_opts.stop. */
	const volatile int *stop;
	/* Whole nodes are wanted, not only the problems and briefs. */
	bool nodes;
	/*
	 * What is to be made of each machine that is right, while others are still being read: much less to keep than nodes. Called in no order, and
	 * again for a machine that turns out to be placed by others. 0, or -1 with err. May be NULL.
	 */
	int (*make)(void *arg, const struct vp_node *n, struct vp_buf *out, struct vp_err *err);
	void *arg;
	/* 0: one per CPU. */
	unsigned workers;
};

struct vp_fleet {
	/* Where opts.nodes: hypervisors before guests, then by name. Guests whose profile names no errors. */
	struct vp_nodes nodes;
	/* Sorted like nodes; hosts with errors are there, too. */
	struct vp_brief **briefs;
	size_t nbriefs;
};

/*
 * Loads what the arguments name (fetch.h). Everything wrong goes to diags, with clashes, dangling references, guests without a host and
 * hosts without capacity at the end. Everything lives in a. -1 with err where nothing could be read at all, or it was interrupted.
 */
int vp_fleet_load(struct vp_arena *a, const char *const *args, size_t n, const struct vp_fleet_opts *o, struct vp_fleet *out, struct vp_diags *diags,
		  struct vp_err *err);

#endif
