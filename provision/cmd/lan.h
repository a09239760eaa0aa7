/* SPDX-License-Identifier: Apache-2.0 */
/* The host's own network, as `net show` and `net up` have it. */
#ifndef VP_CMD_LAN_H
#define VP_CMD_LAN_H

#include "../apply/network.h"
#include "world.h"

/* Live and wanted side by side, for the profile of this machine; nothing for others. json (may be NULL) gets a row for each value. */
int vp_lan_show(struct vp_world *w, const struct vp_node *n, json_t *json, struct vp_err *err);
/* The rules of traffic; nothing where they cannot be read. */
void vp_rules_show(struct vp_world *w, json_t *json);

#endif
