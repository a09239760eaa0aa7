// SPDX-License-Identifier: Apache-2.0
/* Live back end: rtnetlink over libmnl; taps by ioctl, because rtnetlink cannot make them. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/if_tun.h>
#include <linux/rtnetlink.h>

#include "rtnl.h"

/* Dumps are repeated when the kernel says that the table changed under them; a busy host calms down long before. */
#define DUMP_TRIES 20

static struct vp_rtnl *rtnl_of(struct vp_net *net)
{
	return &((struct vp_live *)net)->nl;
}

static struct nlmsghdr *begin_link(struct vp_rtnl *l, uint16_t type, uint16_t flags, int index)
{
	struct nlmsghdr *nlh = vp_rtnl_begin(l, type, flags | NLM_F_ACK);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));

	ifi->ifi_index = index;
	return nlh;
}

/* 0 or an errno; EINTR: the table changed meanwhile. */
static int dump(struct vp_rtnl *l, uint16_t type, vp_rtnl_row *row, struct vp_links *out)
{
	struct nlmsghdr *nlh = vp_rtnl_begin(l, type, NLM_F_DUMP);
	struct rtgenmsg *gen = mnl_nlmsg_put_extra_header(nlh, sizeof(*gen));

	gen->rtgen_family = AF_UNSPEC;
	return vp_rtnl_dump(l, nlh, row, out);
}

static void read_linkinfo(const struct nlattr *info, struct vp_link *link)
{
	const struct nlattr *attr, *data = NULL;
	const char *kind = "";

	mnl_attr_for_each_nested(attr, info)
	{
		if (mnl_attr_get_type(attr) == IFLA_INFO_KIND)
			kind = mnl_attr_get_str(attr);
		if (mnl_attr_get_type(attr) == IFLA_INFO_DATA)
			data = attr;
	}
	if (!strcmp(kind, "bridge"))
		link->kind = VP_LINK_BRIDGE;
	if (strcmp(kind, "tun") || !data)
		return;
	mnl_attr_for_each_nested(attr, data)
	{
		switch (mnl_attr_get_type(attr)) {
		case IFLA_TUN_TYPE:
			if (mnl_attr_get_u8(attr) == IFF_TAP)
				link->kind = VP_LINK_TAP;
			break;
		case IFLA_TUN_OWNER: link->tap.owner = mnl_attr_get_u32(attr); break;
		case IFLA_TUN_GROUP: link->tap.group = mnl_attr_get_u32(attr); break;
		case IFLA_TUN_MULTI_QUEUE: link->tap.multi_queue = mnl_attr_get_u8(attr); break;
		default: break;
		}
	}
}

/* The master is known by its index only: its name is filled in when all rows are there. */
static void read_link(const struct nlmsghdr *nlh, void *arg)
{
	struct vp_links *out = arg;
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	struct vp_link *link;
	const struct nlattr *attr;

	if (nlh->nlmsg_type != RTM_NEWLINK)
		return;
	link = vp_links_add(out);
	link->index = ifi->ifi_index;
	link->tap = (struct vp_tap){ .owner = (uid_t)-1, .group = (gid_t)-1 };
	link->up = ifi->ifi_flags & IFF_UP;
	mnl_attr_for_each(attr, nlh, sizeof(*ifi))
	{
		switch (mnl_attr_get_type(attr)) {
		case IFLA_IFNAME: snprintf(link->name, sizeof(link->name), "%s", mnl_attr_get_str(attr)); break;
		case IFLA_IFALIAS: snprintf(link->alias, sizeof(link->alias), "%s", mnl_attr_get_str(attr)); break;
		case IFLA_MTU: link->mtu = mnl_attr_get_u32(attr); break;
		/* IFF_RUNNING says the same, but up to a second later. */
		case IFLA_CARRIER: link->carrier = mnl_attr_get_u8(attr); break;
		case IFLA_LINKINFO: read_linkinfo(attr, link); break;
		case IFLA_MASTER: snprintf(link->master, sizeof(link->master), "%u", mnl_attr_get_u32(attr)); break;
		case IFLA_ADDRESS:
			if (mnl_attr_get_payload_len(attr) == 6)
				vp_net_mac_text(mnl_attr_get_payload(attr), link->mac);
			break;
		default: break;
		}
	}
}

static void read_addr(const struct nlmsghdr *nlh, void *arg)
{
	struct vp_links *out = arg;
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr, *local = NULL, *peer = NULL;
	char text[INET6_ADDRSTRLEN];

	/* Link-local addresses are the kernel's own doing, not configuration. */
	if (nlh->nlmsg_type != RTM_NEWADDR || (ifa->ifa_family == AF_INET6 && ifa->ifa_scope == RT_SCOPE_LINK))
		return;
	mnl_attr_for_each(attr, nlh, sizeof(*ifa))
	{
		if (mnl_attr_get_type(attr) == IFA_LOCAL)
			local = attr;
		if (mnl_attr_get_type(attr) == IFA_ADDRESS)
			peer = attr;
	}
	if (!local)
		local = peer;
	if (!local || !inet_ntop(ifa->ifa_family, mnl_attr_get_payload(local), text, sizeof(text)))
		return;
	for (size_t i = 0; i < out->n; i++)
		if (out->items[i].index == (int)ifa->ifa_index)
			vp_link_add_addr(&out->items[i], text, ifa->ifa_prefixlen);
}

static void name_masters(struct vp_links *l)
{
	for (size_t i = 0; i < l->n; i++) {
		int index = atoi(l->items[i].master);

		l->items[i].master[0] = '\0';
		for (size_t k = 0; index && k < l->n; k++)
			if (l->items[k].index == index)
				memcpy(l->items[i].master, l->items[k].name, sizeof(l->items[i].master));
	}
}

static int live_list(struct vp_net *net, struct vp_links *out, struct vp_err *err)
{
	struct vp_rtnl *l = rtnl_of(net);
	int error = EINTR;

	for (int i = 0; error == EINTR && i < DUMP_TRIES; i++) {
		vp_links_free(out);
		error = dump(l, RTM_GETLINK, read_link, out);
		if (!error)
			error = dump(l, RTM_GETADDR, read_addr, out);
	}
	if (error)
		return vp_net_refuse(err, error, l->why, "list devices and addresses");
	name_masters(out);
	vp_links_sort(out);
	return 0;
}

/* Index of a device, or 0 with err filled. */
static int index_of(const char *name, struct vp_err *err)
{
	int index = (int)if_nametoindex(name);

	if (!index)
		vp_net_refuse(err, errno, "", "%s", name);
	return index;
}

static int set_alias(struct vp_rtnl *l, const char *name, const char *alias, struct vp_err *err)
{
	int index = index_of(name, err);
	struct nlmsghdr *nlh;

	if (!index)
		return -1;
	nlh = begin_link(l, RTM_NEWLINK, 0, index);
	if (!mnl_attr_put_check(nlh, sizeof(l->request), IFLA_IFALIAS, strlen(alias), alias))
		return vp_net_refuse(err, ERANGE, "", "mark %s", name);
	return vp_rtnl_talk(l, nlh, err, "mark %s as vprov's", name);
}

static int live_link_del(struct vp_net *net, const char *name, struct vp_err *err)
{
	struct vp_rtnl *l = rtnl_of(net);
	int index = index_of(name, err);

	return index ? vp_rtnl_talk(l, begin_link(l, RTM_DELLINK, 0, index), err, "remove %s", name) : -1;
}

/* No spanning tree and no forward delay: a port that waits 15 s before it forwards makes PXE ROMs give up. */
static struct nlmsghdr *bridge_request(struct vp_rtnl *l, const char *name, const unsigned char mac[6])
{
	struct nlmsghdr *nlh = begin_link(l, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0);
	struct nlattr *info, *data;

	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	mnl_attr_put(nlh, IFLA_ADDRESS, 6, mac);
	info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
	mnl_attr_put_strz(nlh, IFLA_INFO_KIND, "bridge");
	data = mnl_attr_nest_start(nlh, IFLA_INFO_DATA);
	mnl_attr_put_u32(nlh, IFLA_BR_STP_STATE, 0);
	mnl_attr_put_u32(nlh, IFLA_BR_FORWARD_DELAY, 0);
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, info);
	return nlh;
}

static int live_bridge_add(struct vp_net *net, const char *name, const char *alias, struct vp_err *err)
{
	struct vp_rtnl *l = rtnl_of(net);
	unsigned char mac[6];
	int error;

	if (!vp_net_name_ok(name))
		return vp_net_refuse(err, EINVAL, "", "create bridge %s", name);
	vp_net_bridge_mac(name, alias, mac);
	if (vp_rtnl_talk(l, bridge_request(l, name, mac), err, "create bridge %s", name))
		return -1;
	if (!set_alias(l, name, alias, err))
		return 0;
	error = errno;
	live_link_del(net, name, NULL);
	errno = error;
	return -1;
}

static int live_tap_add(struct vp_net *net, const char *name, const struct vp_tap *how, const char *alias, struct vp_err *err)
{
	struct ifreq ifr = { .ifr_flags = (short)(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_TUN_EXCL | (how->multi_queue ? IFF_MULTI_QUEUE : 0)) };
	/* Without an owner and a group everybody who can open /dev/net/tun may use it. */
	uid_t owner = how->owner == (uid_t)-1 && how->group == (gid_t)-1 ? 0 : how->owner;
	vp_cleanup(vp_closep) int fd = -1;

	if (!vp_net_name_ok(name))
		return vp_net_refuse(err, EINVAL, "", "create tap %s", name);
	fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return vp_net_refuse(err, errno == EACCES ? EPERM : errno, "", "/dev/net/tun");
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	/* The driver says EBUSY for a name that is taken. */
	if (ioctl(fd, TUNSETIFF, &ifr))
		return vp_net_refuse(err, errno == EBUSY ? EEXIST : errno, "", "create tap %s", name);
	if (owner != (uid_t)-1 && ioctl(fd, TUNSETOWNER, (unsigned long)owner))
		return vp_net_refuse(err, errno, "", "owner of tap %s", name);
	if (how->group != (gid_t)-1 && ioctl(fd, TUNSETGROUP, (unsigned long)how->group))
		return vp_net_refuse(err, errno, "", "group of tap %s", name);
	if (set_alias(rtnl_of(net), name, alias, err))
		return -1;
	/* The last step: until here the kernel removes it together with fd, whatever becomes of us. */
	if (ioctl(fd, TUNSETPERSIST, 1UL))
		return vp_net_refuse(err, errno, "", "keep tap %s", name);
	return 0;
}

static int live_set_master(struct vp_net *net, const char *port, const char *bridge, struct vp_err *err)
{
	struct vp_rtnl *l = rtnl_of(net);
	bool join = bridge && *bridge;
	int master = 0, index = index_of(port, err);
	struct nlmsghdr *nlh;

	if (!index || (join && !(master = index_of(bridge, err))))
		return -1;
	nlh = begin_link(l, RTM_NEWLINK, 0, index);
	mnl_attr_put_u32(nlh, IFLA_MASTER, (uint32_t)master);
	return vp_rtnl_talk(l, nlh, err, "%s %s", port, join ? "joins its bridge" : "leaves its bridge");
}

static int live_set_up(struct vp_net *net, const char *name, bool up, struct vp_err *err)
{
	struct vp_rtnl *l = rtnl_of(net);
	int index = index_of(name, err);
	struct nlmsghdr *nlh;
	struct ifinfomsg *ifi;

	if (!index)
		return -1;
	nlh = begin_link(l, RTM_NEWLINK, 0, index);
	ifi = mnl_nlmsg_get_payload(nlh);
	ifi->ifi_change = IFF_UP;
	ifi->ifi_flags = up ? IFF_UP : 0;
	return vp_rtnl_talk(l, nlh, err, "%s %s", up ? "bring up" : "take down", name);
}

static int live_set_mtu(struct vp_net *net, const char *name, unsigned mtu, struct vp_err *err)
{
	struct vp_rtnl *l = rtnl_of(net);
	int index = index_of(name, err);
	struct nlmsghdr *nlh;

	if (!index)
		return -1;
	nlh = begin_link(l, RTM_NEWLINK, 0, index);
	mnl_attr_put_u32(nlh, IFLA_MTU, mtu);
	return vp_rtnl_talk(l, nlh, err, "MTU %u of %s", mtu, name);
}

static void put_broadcast(struct nlmsghdr *nlh, const struct vp_ip *ip, unsigned prefix)
{
	uint32_t addr;

	if (ip->family != AF_INET || prefix > 30)
		return;
	memcpy(&addr, ip->bytes, sizeof(addr));
	mnl_attr_put_u32(nlh, IFA_BROADCAST, addr | htonl(prefix ? (1u << (32 - prefix)) - 1 : ~0u));
}

static int change_addr(struct vp_net *net, bool add, const char *name, const char *ip, unsigned prefix, struct vp_err *err)
{
	struct vp_rtnl *l = rtnl_of(net);
	int index = index_of(name, err);
	struct vp_ip addr;
	struct nlmsghdr *nlh;
	struct ifaddrmsg *ifa;

	if (!index)
		return -1;
	if (!vp_ip_parse(ip, prefix, &addr))
		return vp_net_refuse(err, EINVAL, "", "address %s/%u on %s", ip, prefix, name);
	nlh = vp_rtnl_begin(l, add ? RTM_NEWADDR : RTM_DELADDR, NLM_F_ACK | (add ? NLM_F_CREATE | NLM_F_EXCL : 0));
	ifa = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifa));
	ifa->ifa_family = (uint8_t)addr.family;
	ifa->ifa_prefixlen = (uint8_t)prefix;
	ifa->ifa_index = (uint32_t)index;
	/* Duplicate detection never ends on a bridge without carrier, and nobody could bind to the address. */
	ifa->ifa_flags = add && addr.family == AF_INET6 ? IFA_F_NODAD : 0;
	mnl_attr_put(nlh, IFA_LOCAL, addr.len, addr.bytes);
	mnl_attr_put(nlh, IFA_ADDRESS, addr.len, addr.bytes);
	if (add)
		put_broadcast(nlh, &addr, prefix);
	return vp_rtnl_talk(l, nlh, err, "%s address %s/%u on %s", add ? "add" : "remove", addr.text, prefix, name);
}

static int live_addr_add(struct vp_net *net, const char *name, const char *ip, unsigned prefix, struct vp_err *err)
{
	return change_addr(net, true, name, ip, prefix, err);
}

static int live_addr_del(struct vp_net *net, const char *name, const char *ip, unsigned prefix, struct vp_err *err)
{
	return change_addr(net, false, name, ip, prefix, err);
}

static int live_rules(struct vp_net *net, const char *mark, struct vp_rules *out, struct vp_err *err)
{
	return vp_shape_list(net, out, err) || vp_guard_list(mark, out, err) ? -1 : 0;
}

static int live_rule_set(struct vp_net *net, enum vp_rule_kind kind, const char *dev, const char *text, const char *mark, struct vp_err *err)
{
	switch (kind) {
	case VP_RULE_SHARE: return vp_shape_share(net, dev, text, mark, err);
	case VP_RULE_GUARD: return vp_guard_set(dev, text, mark, err);
	default: return vp_shape_limit(net, dev, text, err);
	}
}

static void live_close(struct vp_net *net)
{
	vp_rtnl_close(rtnl_of(net));
	free(net);
}

static const struct vp_net_ops live_ops = {
	.list = live_list,
	.bridge_add = live_bridge_add,
	.tap_add = live_tap_add,
	.link_del = live_link_del,
	.set_master = live_set_master,
	.set_up = live_set_up,
	.set_mtu = live_set_mtu,
	.addr_add = live_addr_add,
	.addr_del = live_addr_del,
	.rules = live_rules,
	.rule_set = live_rule_set,
	.close = live_close,
};

struct vp_net *vp_net_open(struct vp_err *err)
{
	struct vp_live *l = vp_xcalloc(1, sizeof(*l));

	l->net.ops = &live_ops;
	if (!vp_rtnl_open(&l->nl, err))
		return &l->net;
	free(l);
	return NULL;
}
