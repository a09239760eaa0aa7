/* SPDX-License-Identifier: Apache-2.0 */
/* The host's own network: what its profile asks for, beside what is live. */
#ifndef VP_PLAN_NETWORK_H
#define VP_PLAN_NETWORK_H

#include "../../bridge/lan.h"
#include "plan.h"

/* Whether the profile is that of the machine vprov runs on, and the site wants its network managed. */
bool vp_network_here(const struct vp_node *n);
bool vp_network_managed(const struct vp_node *n);

/*
 * What the profile asks for. live (NULL: nothing is known) decides what it leaves open: the MAC of a bridge is that of its first port, and what a
 * link that becomes a port carries moves to its bridge, as does what was carried earlier (vp_network_carried()); that is the answer, as text. say is
 * told what cannot be taken, with the field it stands in.
 */
const char *vp_network_want(struct vp_arena *a, const struct vp_node *n, const struct vp_lan *live, const char *mark, const char *carried,
			    struct vp_lan *want, vp_lack_fn *say, void *arg);
/* STATE/network.carried; "" where there is none. */
const char *vp_network_carried(struct vp_world *w);
/* Where the profile speaks of a device; "" where it does not. */
const char *vp_network_path(const struct vp_node *n, const char *dev);
/* The mark on the links of the host's own network. */
const char *vp_network_mark(struct vp_arena *a, const char *mark);

/* Adds the steps from what is live to what the profile asks for; what cannot be done is said before anything is. */
int vp_plan_network(struct vp_world *w, const struct vp_node *n, const char *mark, struct vp_plan *out, struct vp_diags *diags, struct vp_err *err);
/* The steps back to a network that was printed. */
int vp_plan_network_back(struct vp_world *w, const struct vp_node *n, const char *mark, const char *network, struct vp_plan *out, struct vp_err *err);

/* Who shows by an answer that the network is right: what this machine's profile names. */
struct vp_words vp_network_answers(const struct vp_nodes *nodes);

/* Where the network as it was before vprov changed it is kept until `net down`: STATE/network.before */
const char *vp_network_file(struct vp_arena *a, const char *state_dir);

#endif
