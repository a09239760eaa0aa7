// SPDX-License-Identifier: Apache-2.0
/* Rows of the binding table. Where a node runs, as its own profile says it, and what it is for. */
#include <string.h>

#include "bind.h"

/* It becomes part of the names of templates. */
static bool is_role(const char *s)
{
	return vp_is_label.ok(s) && !strchr(s, '.');
}

static const struct vp_check role_word = { is_role, "a word of letters, digits and hyphens" };

static const struct vp_row rows[] = {
	{ VP_OWN "role", VP_O_ROLE, VP_K_STRING, VP_AT(vp_node_in, n.role), .field = "role", .check = &role_word,
	  .help = "what the node is for: key of [role ...] sections and of templates; default what its packages and components tell" },
	{ VP_OWN "machine", VP_O_NODE, VP_K_ENUM, VP_AT(vp_node_in, n.machine), .field = "machine", .choices = "guest hypervisor",
	  .given = offsetof(struct vp_node_in, machine_given),
	  .help = "a hypervisor is where guests run, and is not made; default what enclosure, ncm-xen or a cluster's profile says, else guest" },
	{ VP_OWN "host", VP_O_NODE, VP_K_STRING, VP_AT(vp_node_in, n.host), .field = "host", .check = &vp_is_label,
	  .help = "its hypervisor; default the one whose profile names it" },
	/* What OpenNebula was told is weaker than the site that moves its guests to vprov. */
	{ "/system/opennebula/vnet/*", VP_O_NIC, VP_K_STRING, VP_AT(vp_nic_in, vnet), .check = &vp_is_ifname, .lenient = true,
	  .help = "network of one NIC: the bridge of that name" },
	{ "/system/opennebula/diskdriver", VP_O_DISK, VP_K_CHOICE, VP_AT(vp_disk_in, d.format), .field = "disk.*.format", .choices = "raw qcow2",
	  .lenient = true, .late = true, .help = "image format of all disks" },
};
const struct vp_rows vp_rows_place = VP_ROWS(rows);
