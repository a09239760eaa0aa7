// SPDX-License-Identifier: Apache-2.0
/*
 * taps ours|bare N : N taps on a new bridge in a network namespace of its own, each up: by vprov's table of operations; by a loop over libmnl and
 * ioctl that does nothing else.
 */
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../../bridge/net.h"

#define MARK "vprov:0123456789abcdef"

static void name_of(char name[16], unsigned i)
{
	snprintf(name, 16, "vt%u", i);
}

static int ours(unsigned n)
{
	struct vp_err err = { 0 };
	struct vp_net *net = vp_net_open(&err);
	char name[16];
	int rc = net ? net->ops->bridge_add(net, "vpbench", MARK, &err) || net->ops->set_up(net, "vpbench", true, &err) : -1;

	for (unsigned i = 0; i < n && !rc; i++) {
		name_of(name, i);
		rc = net->ops->tap_add(net, name, &(struct vp_tap){ .owner = (uid_t)-1, .group = (gid_t)-1 }, MARK, &err) ||
		     net->ops->set_master(net, name, "vpbench", &err) || net->ops->set_up(net, name, true, &err);
	}
	if (rc)
		fprintf(stderr, "taps: %s\n", err.msg);
	return rc ? 1 : 0;
}

/* --- The same without vprov: one request for what takes three above. --- */

static struct mnl_socket *nl;
static unsigned seq;

static struct nlmsghdr *begin(char *buf, uint16_t flags, int index)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct ifinfomsg *ifi;

	nlh->nlmsg_type = RTM_NEWLINK;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	nlh->nlmsg_seq = ++seq;
	ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));
	ifi->ifi_index = index;
	ifi->ifi_flags = ifi->ifi_change = IFF_UP;
	return nlh;
}

static int talk(struct nlmsghdr *nlh)
{
	char answer[8192];
	ssize_t got;

	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0 || (got = mnl_socket_recvfrom(nl, answer, sizeof(answer))) < 0)
		return -1;
	return mnl_cb_run(answer, (size_t)got, seq, 0, NULL, NULL) < 0 ? -1 : 0;
}

static int bare_tap(const char *name, int bridge)
{
	struct ifreq ifr = { .ifr_flags = (short)(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_TUN_EXCL) };
	char buf[1024];
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC), rc;
	struct nlmsghdr *nlh;

	memcpy(ifr.ifr_name, name, 16);
	rc = fd < 0 || ioctl(fd, TUNSETIFF, &ifr) || ioctl(fd, TUNSETOWNER, 0UL) || ioctl(fd, TUNSETPERSIST, 1UL);
	if (!rc) {
		nlh = begin(buf, 0, (int)if_nametoindex(name));
		mnl_attr_put(nlh, IFLA_IFALIAS, strlen(MARK), MARK);
		mnl_attr_put_u32(nlh, IFLA_MASTER, (uint32_t)bridge);
		rc = talk(nlh);
	}
	close(fd);
	return rc;
}

static int bare(unsigned n)
{
	char buf[1024], name[16];
	struct nlmsghdr *nlh;
	struct nlattr *info;
	int rc;

	nl = mnl_socket_open(NETLINK_ROUTE);
	if (!nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0)
		return 1;
	nlh = begin(buf, NLM_F_CREATE | NLM_F_EXCL, 0);
	mnl_attr_put_strz(nlh, IFLA_IFNAME, "vpbench");
	info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
	mnl_attr_put_strz(nlh, IFLA_INFO_KIND, "bridge");
	mnl_attr_nest_end(nlh, info);
	rc = talk(nlh);
	for (unsigned i = 0; i < n && !rc; i++) {
		name_of(name, i);
		rc = bare_tap(name, (int)if_nametoindex("vpbench"));
	}
	return rc ? 1 : 0;
}

int main(int argc, char **argv)
{
	if (argc != 3 || unshare(CLONE_NEWNET))
		return 2;
	return !strcmp(argv[1], "ours") ? ours((unsigned)atoi(argv[2])) : bare((unsigned)atoi(argv[2]));
}
