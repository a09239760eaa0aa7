// SPDX-License-Identifier: Apache-2.0
#include <stddef.h>
#include <string.h>

#include "life.h"

static const char *const life_names[VP_LIFE__COUNT] = { "defined",    "armed", "dhcp",	    "loader", "kernel",	 "config",
							"installing", "acked", "disk-boot", "up",     "verified" };
static const char *const health_names[VP_HEALTH__COUNT] = { "ok", "slow", "stalled", "failed", "unknown" };

/* One row per kind of evidence: from which states (inclusive) it leads to which; with `fails`, it ends the installation instead. */
static const struct rule {
	enum vp_life first, last, to;
	bool fails;
	const char *source;
} rules[VP_EV__COUNT] = {
	[VP_EV_LEASE] = { VP_ARMED, VP_ARMED, VP_DHCP, false, "dhcp" },
	[VP_EV_LOADER] = { VP_ARMED, VP_DHCP, VP_LOADER, false, "loader" },
	[VP_EV_KERNEL] = { VP_ARMED, VP_LOADER, VP_KERNEL, false, "http" },
	[VP_EV_INITRD] = { VP_ARMED, VP_KERNEL, VP_KERNEL, false, "http" },
	[VP_EV_CONFIG] = { VP_ARMED, VP_KERNEL, VP_CONFIG, false, "http" },
	[VP_EV_PHASE] = { VP_CONFIG, VP_INSTALLING, VP_INSTALLING, false, "installer" },
	[VP_EV_ACK] = { VP_LOADER, VP_INSTALLING, VP_ACKED, false, "installer" },
	[VP_EV_FAILED] = { VP_ARMED, VP_DISK_BOOT, VP_INSTALLING, true, "installer" },
	[VP_EV_NETBOOT_AGAIN] = { VP_CONFIG, VP_INSTALLING, VP_INSTALLING, true, "loader" },
	[VP_EV_DISK] = { VP_INSTALLING, VP_ACKED, VP_DISK_BOOT, false, "console" },
	/* A lost ack does not matter: the installed system that reports from its own disk proves more. */
	[VP_EV_UP] = { VP_CONFIG, VP_DISK_BOOT, VP_UP, false, "node" },
	[VP_EV_VERIFIED] = { VP_UP, VP_VERIFIED, VP_VERIFIED, false, "vprov" },
	[VP_EV_VERIFY_FAILED] = { VP_UP, VP_VERIFIED, VP_UP, true, "vprov" },
};

enum vp_life vp_life_next(enum vp_life from, enum vp_evidence ev, enum vp_health *health)
{
	const struct rule *r = &rules[ev];

	if (from < r->first || from > r->last)
		return from;
	if (r->fails) {
		*health = VP_FAILED;
		return from;
	}
	/* Progress clears "slow" and "stalled"; a failed verification is cleared by a passed one; a failed installation stays failed. */
	if (*health != VP_FAILED || ev == VP_EV_VERIFIED)
		*health = VP_OK;
	return *health == VP_FAILED ? from : r->to;
}

static int find(const char *const *names, int n, const char *name)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(names[i], name))
			return i;
	return -1;
}

const char *vp_life_name(enum vp_life l)
{
	return life_names[l];
}

int vp_life_find(const char *name)
{
	return find(life_names, VP_LIFE__COUNT, name);
}

const char *vp_health_name(enum vp_health h)
{
	return health_names[h];
}

int vp_health_find(const char *name)
{
	return find(health_names, VP_HEALTH__COUNT, name);
}

const char *vp_evidence_source(enum vp_evidence ev)
{
	return rules[ev].source;
}
