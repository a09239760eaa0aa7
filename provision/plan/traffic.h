/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of traffic that nodes want, as texts (bridge/rules.h). All text is in the arena. */
#ifndef VP_TRAFFIC_H
#define VP_TRAFFIC_H

#include "plan.h"

/*
 * The share of an uplink, `now` as it is (NULL: none), without the NICs of a node: those in its record (NULL: it has none), and those of n
 * (NULL: unknown), of which those on b (NULL: none) are added. NULL where nobody is left.
 */
const char *vp_share_text(struct vp_arena *a, const char *now, const char *record, const struct vp_node *n, const struct vp_bridge *b);
/* The bridge of the node that this uplink leads out of; NULL for none. */
const struct vp_bridge *vp_uplink_bridge(const struct vp_node *n, const char *uplink);
/* What may come out of a NIC, through a bridge; NULL: everything. */
const char *vp_nic_guard(struct vp_arena *a, const struct vp_node *n, const struct vp_nic *nic);
const char *vp_bridge_guard(struct vp_arena *a, const struct vp_bridge *b);
/* As it is recorded: what is wanted, and from here on how it looks live. */
#define VP_GUARD_LIVE "\t"
const char *vp_guard_record(struct vp_arena *a, const char *want, const char *live);
/* NULL: no limit. */
const char *vp_nic_limit(struct vp_arena *a, const struct vp_nic *nic);

#endif
