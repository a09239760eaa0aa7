/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life cycle of a node as a pure function: (state, evidence) -> state.
 * States only ever move forward within one installation; what arrives late,
 * twice or out of order changes nothing.
 */
#ifndef VP_LIFE_H
#define VP_LIFE_H

#include <stdbool.h>

enum vp_life {
	VP_DEFINED,
	VP_ARMED,
	VP_DHCP,
	VP_LOADER,
	VP_KERNEL,
	VP_CONFIG,
	VP_INSTALLING,
	VP_ACKED,
	VP_DISK_BOOT,
	VP_UP,
	VP_VERIFIED,
	VP_LIFE__COUNT
};

enum vp_health { VP_OK, VP_SLOW, VP_STALLED, VP_FAILED, VP_UNKNOWN, VP_HEALTH__COUNT };

enum vp_evidence {
	/* A DHCP lease was given to its MAC. */
	VP_EV_LEASE,
	/* The boot loader was sent (TFTP completion). */
	VP_EV_LOADER,
	/* The kernel was asked for. */
	VP_EV_KERNEL,
	/* The ramdisk was asked for. */
	VP_EV_INITRD,
	/* The install configuration was fetched with the right token. */
	VP_EV_CONFIG,
	/* The installer reports a phase. */
	VP_EV_PHASE,
	/* The installer says it is done. */
	VP_EV_ACK,
	/* The installer says it failed. */
	VP_EV_FAILED,
	/* The node asked the network for an installation again after it had its configuration. */
	VP_EV_NETBOOT_AGAIN,
	/* The installed system's loader or kernel was seen on the console. */
	VP_EV_DISK,
	/* The installed system reports in, with proof of the disk it runs from. */
	VP_EV_UP,
	/* Verification passed; or failed. */
	VP_EV_VERIFIED,
	VP_EV_VERIFY_FAILED,
	VP_EV__COUNT
};

/* The state after the evidence; the same where it does not apply. *health is changed where the evidence decides it. */
enum vp_life vp_life_next(enum vp_life from, enum vp_evidence ev, enum vp_health *health);
const char *vp_life_name(enum vp_life l);
int vp_life_find(const char *name);
const char *vp_health_name(enum vp_health h);
int vp_health_find(const char *name);
const char *vp_evidence_source(enum vp_evidence ev);

#endif
