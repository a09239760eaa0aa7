/* SPDX-License-Identifier: Apache-2.0 */
/* What the live and the fake back end share, so that both give the same answers in the same words. */
#ifndef VP_LINKS_H
#define VP_LINKS_H

#include "net.h"

struct vp_ip {
	int family;
	unsigned char bytes[16];
	size_t len;
	/* Canonical: dotted, or RFC 5952. */
	char text[46];
};

/* False where it is no address, or the prefix is too long for it. */
bool vp_ip_parse(const char *ip, unsigned prefix, struct vp_ip *out);
/* A name that the kernel takes as it is: it would replace "%d" by a number. */
bool vp_net_name_ok(const char *name);
/*
 * A bridge without an address of its own takes the lowest one of its ports, so that the guests' ARP entries for the host go stale with
 * each tap. This one stays, and it tells a bridge that was made but not marked yet from a foreign one.
 */
void vp_net_bridge_mac(const char *name, const char *alias, unsigned char mac[6]);
void vp_net_mac_text(const unsigned char mac[6], char text[18]);
struct vp_link *vp_links_add(struct vp_links *l);
void vp_link_add_addr(struct vp_link *l, const char *ip, unsigned prefix);
void vp_links_sort(struct vp_links *l);
/* "WHAT: reason (the kernel's words)"; why may be "". Sets errno to error and returns -1. */
int vp_net_refuse(struct vp_err *err, int error, const char *why, const char *what, ...) VP_PRINTF(4, 5);
int vp_net_vrefuse(struct vp_err *err, int error, const char *why, const char *what, va_list ap) VP_PRINTF(4, 0);

#endif
