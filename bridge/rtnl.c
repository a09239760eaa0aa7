// SPDX-License-Identifier: Apache-2.0
#include <errno.h>

#include <linux/rtnetlink.h>

#include "rtnl.h"

struct nlmsghdr *vp_rtnl_begin(struct vp_rtnl *r, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(r->request);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nlh->nlmsg_seq = ++r->seq;
	return nlh;
}

static const char *request_name(uint16_t type)
{
	switch (type) {
#define REQUESTS(what)                                                                                                                               \
	case RTM_NEW##what: return "RTM_NEW" #what;                                                                                                  \
	case RTM_DEL##what: return "RTM_DEL" #what;                                                                                                  \
	case RTM_GET##what: return "RTM_GET" #what
		REQUESTS(LINK);
		REQUESTS(ADDR);
		REQUESTS(ROUTE);
		REQUESTS(NEIGH);
		REQUESTS(QDISC);
		REQUESTS(TCLASS);
		REQUESTS(TFILTER);
#undef REQUESTS
	case RTM_SETLINK: return "RTM_SETLINK";
	default: return "netlink";
	}
}

/* 0, or the errno of the kernel's answer with the request and its words in r->why. */
static int read_ack(struct vp_rtnl *r, const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);
	size_t skip = sizeof(*e);
	const struct nlattr *attr;

	snprintf(r->why, sizeof(r->why), "%s", request_name(e->msg.nlmsg_type));
	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return -e->error;
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED))
		skip += e->msg.nlmsg_len - NLMSG_HDRLEN;
	mnl_attr_for_each(attr, nlh, skip) if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_MSG && mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0)
		snprintf(r->why, sizeof(r->why), "%s: %s", request_name(e->msg.nlmsg_type), mnl_attr_get_str(attr));
	return -e->error;
}

/* Sends a change and waits for its acknowledgement; 0 or an errno. */
int vp_rtnl_exchange(struct vp_rtnl *r, const struct nlmsghdr *request)
{
	const struct nlmsghdr *nlh;
	ssize_t n;
	int left;

	r->why[0] = '\0';
	if (mnl_socket_sendto(r->nl, request, request->nlmsg_len) < 0)
		return errno;
	for (;;) {
		n = mnl_socket_recvfrom(r->nl, r->answer, sizeof(r->answer));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		left = (int)n;
		for (nlh = (const struct nlmsghdr *)r->answer; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left))
			if (nlh->nlmsg_seq == r->seq && nlh->nlmsg_type == NLMSG_ERROR)
				return read_ack(r, nlh);
	}
}

int vp_rtnl_talk(struct vp_rtnl *r, const struct nlmsghdr *request, struct vp_err *err, const char *what, ...)
{
	int error = vp_rtnl_exchange(r, request);
	va_list ap;

	if (!error)
		return 0;
	va_start(ap, what);
	vp_net_vrefuse(err, error, r->why, what, ap);
	va_end(ap);
	return -1;
}

/* One datagram of a dump; true at its end, with *error set. */
static bool read_rows(struct vp_rtnl *r, ssize_t n, vp_rtnl_row *row, void *arg, int *error)
{
	int left = (int)n;

	for (const struct nlmsghdr *nlh = (const struct nlmsghdr *)r->answer; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
		if (nlh->nlmsg_seq != r->seq)
			continue;
		if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
			*error = EINTR;
		if (nlh->nlmsg_type == NLMSG_DONE)
			return true;
		if (nlh->nlmsg_type == NLMSG_ERROR) {
			*error = read_ack(r, nlh);
			return true;
		}
		row(nlh, arg);
	}
	return false;
}

unsigned vp_net_dumps;

int vp_rtnl_dump(struct vp_rtnl *r, const struct nlmsghdr *request, vp_rtnl_row *row, void *arg)
{
	int error = 0;
	ssize_t n;

	r->why[0] = '\0';
	vp_net_dumps++;
	if (mnl_socket_sendto(r->nl, request, request->nlmsg_len) < 0)
		return errno;
	do {
		n = mnl_socket_recvfrom(r->nl, r->answer, sizeof(r->answer));
		if (n < 0 && errno != EINTR)
			return errno;
	} while (!read_rows(r, n, row, arg, &error));
	return error;
}

int vp_rtnl_open(struct vp_rtnl *r, struct vp_err *err)
{
	int on = 1;

	r->nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!r->nl || mnl_socket_bind(r->nl, 0, MNL_SOCKET_AUTOPID) < 0) {
		vp_fail_errno(err, VP_E_NET, "netlink");
		vp_rtnl_close(r);
		return -1;
	}
	/* Both only improve error messages: kernels that lack them do not matter. */
	mnl_socket_setsockopt(r->nl, NETLINK_EXT_ACK, &on, sizeof(on));
	mnl_socket_setsockopt(r->nl, NETLINK_CAP_ACK, &on, sizeof(on));
	return 0;
}

void vp_rtnl_close(struct vp_rtnl *r)
{
	if (r->nl)
		mnl_socket_close(r->nl);
	r->nl = NULL;
}
