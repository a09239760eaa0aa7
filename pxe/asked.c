// SPDX-License-Identifier: Apache-2.0
/* A node asks the network for a boot loader: what that says of it. */
#include "dhcp.h"

void vp_loader_asked(struct vp_state *s, struct vp_arena *a, const struct vp_node_row *row, const char *how)
{
	/* Once installed, the firmware may look at the network before the disk: no failure, for the answer is the disk. */
	bool again = row->life >= VP_CONFIG && row->life < VP_ACKED;

	vp_state_evidence(s, row->name, again ? VP_EV_NETBOOT_AGAIN : VP_EV_LOADER, NULL, -1,
			  again ? "the node asked the network for a boot loader again: it did not boot from its disk"
				: vp_printf(a, "boot loader sent: %s", how),
			  NULL);
}
