/* SPDX-License-Identifier: Apache-2.0 */
/* One rtnetlink socket: requests with their acknowledgements, and dumps. Shared by what changes links, addresses and traffic control. */
#ifndef VP_RTNL_H
#define VP_RTNL_H

#include <libmnl/libmnl.h>

#include "links.h"

struct vp_rtnl {
	struct mnl_socket *nl;
	unsigned seq;
	/* Of the last refusal the name of the request, and the kernel's own words on it (extended ack): "RTM_NEWLINK: Invalid port". */
	char why[256];
	char request[4096];
	/* The kernel puts up to 32 KiB of a dump into one datagram. */
	char answer[32768];
};

/* The live back end. */
struct vp_live {
	struct vp_net net;
	struct vp_rtnl nl;
};

int vp_rtnl_open(struct vp_rtnl *r, struct vp_err *err);
void vp_rtnl_close(struct vp_rtnl *r);

/* A new request in r->request, in place of the one before. */
struct nlmsghdr *vp_rtnl_begin(struct vp_rtnl *r, uint16_t type, uint16_t flags);
/* Sends a change and waits for its acknowledgement, which its flags have to ask for; 0 or an errno, with r->why. */
int vp_rtnl_exchange(struct vp_rtnl *r, const struct nlmsghdr *request);
/* The same, answering 0, or -1 with err ("WHAT: reason") and errno. */
int vp_rtnl_talk(struct vp_rtnl *r, const struct nlmsghdr *request, struct vp_err *err, const char *what, ...) VP_PRINTF(4, 5);

typedef void vp_rtnl_row(const struct nlmsghdr *nlh, void *arg);
/* Calls row for each answer. 0 or an errno; EINTR: the table changed meanwhile. */
int vp_rtnl_dump(struct vp_rtnl *r, const struct nlmsghdr *request, vp_rtnl_row *row, void *arg);

#endif
