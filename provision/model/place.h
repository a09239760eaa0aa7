/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Placement: where a node runs, as other profiles say it, by the conventions that Quattor sites use (enclosures, ncm-xen, Aquilon's
 * virtual_machine), and their precedence. What a node's own profile says (/system/vprov, /system/opennebula) is bound by rows.
 */
#ifndef VP_PLACE_H
#define VP_PLACE_H

#include "node.h"

/*
 * By precedence: of two that place the same guest, the later here decides, value by value. The first says nothing about a guest: a hypervisor
 * about itself, for the bridges that its guests use.
 */
enum vp_convention { VP_PLACE_HOST, VP_PLACE_GUEST_MAP, VP_PLACE_ENCLOSURE, VP_PLACE_AQUILON, VP_PLACE_XEN };

struct vp_place_disk {
	/* As the guest sees it: "xvda"; "" where not said. */
	const char *target;
	/* "lvm", "phy", "file", "tap:aio" ... */
	const char *type;
	/* Absolute path on the hypervisor (/dev/VG/LV for lvm). */
	const char *path;
	/* Bytes, 0: not said. */
	uint64_t size;
	bool readonly;
};

struct vp_place_nic {
	/* Lower case with colons; "" where not said. */
	const char *mac;
	const char *bridge;
};

/* One statement of one profile about one guest. Strings are never NULL; "" and 0 mean: not said. */
struct vp_placement {
	enum vp_convention how;
	/* As written: host name, FQDN or profile name; "" of VP_PLACE_HOST. */
	const char *guest;
	/* FQDN of the hypervisor, or name of the cluster. */
	const char *host;
	/* Where it is said. */
	const char *file;
	unsigned line;
	const char *path;
	/* -1: not said. */
	int virt;
	uint64_t memory;
	unsigned vcpus;
	struct vp_place_disk *disks;
	size_t ndisks;
	struct vp_place_nic *nics;
	size_t nnics;
	/* What a xen-para guest boots, and what it is installed with; paths on the hypervisor. */
	struct vp_direct boot, install;
	/* Of the host: only of VP_PLACE_HOST, and of what vp_placement_merge() answers. The first is for NICs that name none. */
	struct vp_bridge *bridges;
	size_t nbridges;
	/* Aquilon: the tree at `path` has its own /hardware, and the guest may have no profile of its own. */
	bool whole;
	/* Aquilon: no guest, but one of the hypervisors of the cluster. */
	bool member;
	/* The statement that decides where this one says nothing: only of what vp_placement_merge() answers. */
	const struct vp_placement *next;
};

struct vp_placements {
	struct vp_placement *items;
	size_t n, cap;
	/* Items in order since the last vp_placement_merge(). */
	size_t sorted;
};

/* What this profile says about others, added to out (copied into a). Wrong values are diagnostics at their place and count as not said. */
void vp_placements_of(struct vp_arena *a, const struct vp_profile *p, struct vp_placements *out, struct vp_diags *diags);
/* True where the profile describes no machine but a cluster of them: there is nothing to bind. */
bool vp_is_cluster(const struct vp_profile *p);
/* True where `guest` names the node: its name, host name, or either after "profile_" or a directory; letters of either case. */
bool vp_place_names(const char *guest, const char *node);
/* The value that makes this machine a hypervisor (enclosure, ncm-xen), or NULL. */
const struct vp_val *vp_place_hypervisor(const struct vp_profile *p);
/* The bridges of this machine, those with an address first, then by name; in a. */
struct vp_bridge *vp_place_bridges(struct vp_arena *a, const struct vp_profile *p, size_t *n);
/*
 * All statements about one node, by precedence, linked by `next`; in a. own_host is where its own profile says that it runs, "" for
 * nowhere. NULL where nothing is said. Two hypervisors that claim it are an error; what is merely decided over, a warning.
 * Sorts `all` when something was added to it: O(log n) a node after that.
 */
const struct vp_placement *vp_placement_merge(struct vp_arena *a, struct vp_placements *all, const char *node, const char *own_host,
					      struct vp_diags *diags);
/* "ncm-xen", "Aquilon" ... for messages. */
const char *vp_convention_name(enum vp_convention c);

#endif
