// SPDX-License-Identifier: Apache-2.0
/* The host's own network over rtnetlink: reading it, and doing one step of a change. */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "lan.h"
#include "rtnl.h"

/* Dumps are repeated when the kernel says that the table changed under them. */
#define DUMP_TRIES 20

static struct vp_rtnl *rtnl_of(struct vp_net *net)
{
	return &((struct vp_live *)net)->nl;
}

/* --- Reading. --- */

static void number_text(const struct vp_lan_row *row, uint64_t n, char text[21])
{
	const char *word = row->words;

	for (uint64_t i = 0; word && i < n; i++)
		word = strchr(word, ' ') ? strchr(word, ' ') + 1 : NULL;
	if (word)
		snprintf(text, 21, "%.*s", (int)strcspn(word, " "), word);
	else
		snprintf(text, 21, "%llu", (unsigned long long)n);
}

/* A link's name is known by its index only: it is filled in when all rows are there. */
static void read_attr(struct vp_lan_link *link, int i, const struct nlattr *attr)
{
	const struct vp_lan_row *row = &vp_lan_rows[i];
	char text[21] = "";

	switch (row->type) {
	case VP_LAN_U8: number_text(row, mnl_attr_get_u8(attr), text); break;
	case VP_LAN_U16: number_text(row, mnl_attr_get_u16(attr), text); break;
	case VP_LAN_U32:
	case VP_LAN_NAME: number_text(row, mnl_attr_get_u32(attr), text); break;
	case VP_LAN_HWADDR:
		if (mnl_attr_get_payload_len(attr) != 6)
			return;
		vp_net_mac_text(mnl_attr_get_payload(attr), text);
		break;
	default: return;
	}
	vp_lan_set(link, (enum vp_lan_attr)i, text);
}

static void unset(struct vp_lan_link *link, int attr)
{
	link->has &= ~(1u << attr);
}

static void read_attrs(struct vp_lan_link *link, const char *kind, const struct nlattr *attr)
{
	/* What a VLAN is on is said beside its data; others have the same attribute, with another meaning. */
	for (int i = 0; i < VP_LAN__COUNT; i++) {
		const struct vp_lan_row *row = &vp_lan_rows[i];
		bool beside = !row->kind || row->type == VP_LAN_NAME;

		if (row->nla && row->nla == mnl_attr_get_type(attr) && beside == !kind &&
		    (!row->kind || (kind ? !strcmp(row->kind, kind) : vp_lan_is(link, row->kind))))
			read_attr(link, i, attr);
	}
}

static void read_link(const struct nlmsghdr *nlh, void *arg)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr, *inner, *info = NULL, *data = NULL, *member = NULL;
	struct vp_lan_link *link;
	const char *kind = "ethernet", *member_of = "";
	bool changing = false;

	if (nlh->nlmsg_type != RTM_NEWLINK)
		return;
	link = vp_lan_add(arg, "");
	link->index = ifi->ifi_index;
	mnl_attr_for_each(attr, nlh, sizeof(*ifi)) if (mnl_attr_get_type(attr) == IFLA_LINKINFO) info = attr;
	if (info)
		mnl_attr_for_each_nested(inner, info)
		{
			if (mnl_attr_get_type(inner) == IFLA_INFO_KIND)
				kind = mnl_attr_get_str(inner);
			if (mnl_attr_get_type(inner) == IFLA_INFO_DATA)
				data = inner;
			if (mnl_attr_get_type(inner) == IFLA_INFO_SLAVE_KIND)
				member_of = mnl_attr_get_str(inner);
			if (mnl_attr_get_type(inner) == IFLA_INFO_SLAVE_DATA)
				member = inner;
		}
	vp_lan_set(link, VP_LAN_KIND, ifi->ifi_flags & IFF_LOOPBACK ? "loopback" : kind);
	vp_lan_set(link, VP_LAN_UP, ifi->ifi_flags & IFF_UP ? "1" : "0");
	vp_lan_set(link, VP_LAN_MASTER, "");
	mnl_attr_for_each(attr, nlh, sizeof(*ifi))
	{
		if (mnl_attr_get_type(attr) == IFLA_IFNAME)
			snprintf(link->name, sizeof(link->name), "%s", mnl_attr_get_str(attr));
		else if (mnl_attr_get_type(attr) == IFLA_IFALIAS)
			snprintf(link->alias, sizeof(link->alias), "%s", mnl_attr_get_str(attr));
		else
			read_attrs(link, NULL, attr);
	}
	if (data)
		mnl_attr_for_each_nested(attr, data)
		{
			read_attrs(link, kind, attr);
			changing |= !strcmp(kind, "bridge") && mnl_attr_get_type(attr) == IFLA_BR_TOPOLOGY_CHANGE && mnl_attr_get_u8(attr);
		}
	/* While its spanning tree settles, a bridge ages by the forward delay, and does not tell what comes after. */
	if (changing)
		unset(link, VP_LAN_AGEING_TIME);
	if (member && !strcmp(member_of, "bridge"))
		mnl_attr_for_each_nested(attr, member)
		{
			read_attrs(link, VP_LAN_PORT, attr);
		}
	/* Its own MAC is the one that it has without the bond. */
	if (member && !strcmp(member_of, "bond"))
		mnl_attr_for_each_nested(attr, member) if (mnl_attr_get_type(attr) == IFLA_BOND_SLAVE_PERM_HWADDR) read_attr(link, VP_LAN_MAC, attr);
}

static const char *name_of(const struct vp_lan *l, unsigned index)
{
	for (size_t i = 0; i < l->nlinks; i++)
		if (l->links[i].index == (int)index)
			return l->links[i].name;
	return "";
}

static void read_addr(const struct nlmsghdr *nlh, void *arg)
{
	struct vp_lan *l = arg;
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr, *local = NULL, *peer = NULL;
	char ip[INET6_ADDRSTRLEN], text[64];

	/* Link-local ones are the kernel's own doing, those that end by themselves are a lease's or a router's. */
	if (nlh->nlmsg_type != RTM_NEWADDR || ifa->ifa_scope == RT_SCOPE_LINK || ifa->ifa_scope == RT_SCOPE_HOST ||
	    !(ifa->ifa_flags & IFA_F_PERMANENT))
		return;
	mnl_attr_for_each(attr, nlh, sizeof(*ifa))
	{
		if (mnl_attr_get_type(attr) == IFA_LOCAL)
			local = attr;
		if (mnl_attr_get_type(attr) == IFA_ADDRESS)
			peer = attr;
	}
	local = local ? local : peer;
	if (!local || !inet_ntop(ifa->ifa_family, mnl_attr_get_payload(local), ip, sizeof(ip)))
		return;
	snprintf(text, sizeof(text), "%s/%u", ip, ifa->ifa_prefixlen);
	vp_lan_add_addr(l, name_of(l, ifa->ifa_index), text);
}

/* Of the main table, made by somebody: not by the kernel, a router or a lease. */
static bool configured(const struct rtmsg *rtm)
{
	return rtm->rtm_table == RT_TABLE_MAIN && rtm->rtm_type == RTN_UNICAST && !(rtm->rtm_flags & RTM_F_CLONED) &&
	       (rtm->rtm_protocol == RTPROT_STATIC || rtm->rtm_protocol == RTPROT_BOOT);
}

static void read_route(const struct nlmsghdr *nlh, void *arg)
{
	struct vp_lan *l = arg;
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;
	char to[INET6_ADDRSTRLEN] = "", via[INET6_ADDRSTRLEN] = "", src[INET6_ADDRSTRLEN] = "", net[64];
	unsigned metric = 0, dev = 0;

	if (nlh->nlmsg_type != RTM_NEWROUTE || !configured(rtm))
		return;
	mnl_attr_for_each(attr, nlh, sizeof(*rtm))
	{
		switch (mnl_attr_get_type(attr)) {
		case RTA_DST: inet_ntop(rtm->rtm_family, mnl_attr_get_payload(attr), to, sizeof(to)); break;
		case RTA_GATEWAY: inet_ntop(rtm->rtm_family, mnl_attr_get_payload(attr), via, sizeof(via)); break;
		case RTA_PREFSRC: inet_ntop(rtm->rtm_family, mnl_attr_get_payload(attr), src, sizeof(src)); break;
		case RTA_PRIORITY: metric = mnl_attr_get_u32(attr); break;
		case RTA_OIF: dev = mnl_attr_get_u32(attr); break;
		default: break;
		}
	}
	/* One over several devices has none of its own: it is left alone. */
	if (!*name_of(l, dev))
		return;
	snprintf(net, sizeof(net), "%s/%u", *to ? to : rtm->rtm_family == AF_INET6 ? "::" : "0.0.0.0", rtm->rtm_dst_len);
	if (!vp_lan_add_route(l, name_of(l, dev), net, via, metric))
		return;
	l->routes[l->nroutes - 1].proto = rtm->rtm_protocol;
	snprintf(l->routes[l->nroutes - 1].src, sizeof(l->routes[0].src), "%s", src);
}

/* --- VLANs of ports: a dump of their own. --- */

static void read_vlan_range(unsigned char vlans[VP_LAN_NVLANS], const struct bridge_vlan_info *info, unsigned *begin)
{
	unsigned char flags = VP_LAN_TAGGED | (info->flags & BRIDGE_VLAN_INFO_UNTAGGED ? VP_LAN_UNTAGGED : 0) |
			      (info->flags & BRIDGE_VLAN_INFO_PVID ? VP_LAN_PVID : 0);

	if (info->flags & BRIDGE_VLAN_INFO_RANGE_BEGIN) {
		*begin = info->vid;
		return;
	}
	for (unsigned v = info->flags & BRIDGE_VLAN_INFO_RANGE_END ? *begin : info->vid; v <= info->vid && v < VP_LAN_NVLANS; v++)
		vlans[v] = flags;
}

static void read_vlans(const struct nlmsghdr *nlh, void *arg)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	unsigned char vlans[VP_LAN_NVLANS] = { 0 };
	const struct nlattr *attr, *inner;
	char text[VP_LAN_VALUE];
	struct vp_lan *l = arg;
	unsigned begin = 0;

	if (nlh->nlmsg_type != RTM_NEWLINK || ifi->ifi_family != AF_BRIDGE)
		return;
	mnl_attr_for_each(attr, nlh, sizeof(*ifi))
	{
		if (mnl_attr_get_type(attr) != IFLA_AF_SPEC)
			continue;
		mnl_attr_for_each_nested(inner, attr) if (mnl_attr_get_type(inner) == IFLA_BRIDGE_VLAN_INFO)
			read_vlan_range(vlans, mnl_attr_get_payload(inner), &begin);
	}
	if (!vp_lan_vlans_text(vlans, text))
		return;
	for (size_t i = 0; i < l->nlinks; i++)
		if (l->links[i].index == ifi->ifi_index)
			vp_lan_set(&l->links[i], VP_LAN_VLANS, text);
}

/* Only where the kernel has VLAN filtering, which bridges show. */
static bool has_filtering(const struct vp_lan *l)
{
	for (size_t i = 0; i < l->nlinks; i++)
		if (l->links[i].has & 1u << VP_LAN_VLAN_FILTERING)
			return true;
	return false;
}

static int dump_vlans(struct vp_rtnl *r, struct vp_lan *out)
{
	struct nlmsghdr *nlh = vp_rtnl_begin(r, RTM_GETLINK, NLM_F_DUMP);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));

	ifi->ifi_family = AF_BRIDGE;
	mnl_attr_put_u32(nlh, IFLA_EXT_MASK, RTEXT_FILTER_BRVLAN_COMPRESSED);
	return vp_rtnl_dump(r, nlh, read_vlans, out);
}

/* Counters, which make most of what the kernel has to say of a link, are left out. */
static int dump_links(struct vp_rtnl *r, struct vp_lan *out)
{
	struct nlmsghdr *nlh = vp_rtnl_begin(r, RTM_GETLINK, NLM_F_DUMP);

	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
	mnl_attr_put_u32(nlh, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	return vp_rtnl_dump(r, nlh, read_link, out);
}

static int dump(struct vp_rtnl *r, uint16_t type, vp_rtnl_row *row, struct vp_lan *out)
{
	struct nlmsghdr *nlh = vp_rtnl_begin(r, type, NLM_F_DUMP);
	struct rtgenmsg *gen = mnl_nlmsg_put_extra_header(nlh, sizeof(*gen));

	gen->rtgen_family = AF_UNSPEC;
	return vp_rtnl_dump(r, nlh, row, out);
}

/* Indices become names. What a bond decides about its members is not theirs. */
static void settle(struct vp_lan *l)
{
	for (size_t i = 0; i < l->nlinks; i++) {
		struct vp_lan_link *link = &l->links[i];

		for (int k = 0; k < VP_LAN__COUNT; k++)
			if (vp_lan_rows[k].type == VP_LAN_NAME && link->has & 1u << k && *link->value[k])
				vp_lan_set(link, (enum vp_lan_attr)k, name_of(l, (unsigned)atoi(link->value[k])));
		if (strcmp(vp_lan_get(link, VP_LAN_BOND_MODE), "802.3ad"))
			unset(link, VP_LAN_LACP_RATE);
	}
	for (size_t i = 0; i < l->nlinks; i++) {
		const struct vp_lan_link *master = vp_lan_find(l, vp_lan_get(&l->links[i], VP_LAN_MASTER));

		if (!master || !vp_lan_is(master, "bond"))
			continue;
		unset(&l->links[i], VP_LAN_MTU);
		unset(&l->links[i], VP_LAN_UP);
	}
}

/* What a step has to know of what is there. */
enum { LINKS = 0, VLANS = 1, ADDRS = 2, ROUTES = 4 };

static int read_parts(struct vp_rtnl *r, unsigned parts, struct vp_lan *out, struct vp_err *err)
{
	int error = EINTR;

	for (int i = 0; error == EINTR && i < DUMP_TRIES; i++) {
		vp_lan_free(out);
		error = dump_links(r, out);
		if (!error && parts & VLANS && has_filtering(out))
			error = dump_vlans(r, out);
		if (!error && parts & ADDRS)
			error = dump(r, RTM_GETADDR, read_addr, out);
		if (!error && parts & ROUTES)
			error = dump(r, RTM_GETROUTE, read_route, out);
	}
	if (error)
		return vp_net_refuse(err, error, r->why, "list devices, addresses and routes");
	settle(out);
	vp_lan_sort(out);
	return 0;
}

int vp_lan_read(struct vp_net *net, struct vp_lan *out, struct vp_err *err)
{
	return read_parts(rtnl_of(net), VLANS | ADDRS | ROUTES, out, err);
}

/* --- Writing. --- */

static struct nlmsghdr *begin_link(struct vp_rtnl *r, uint16_t type, uint16_t flags, int index)
{
	struct nlmsghdr *nlh = vp_rtnl_begin(r, type, flags | NLM_F_ACK);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));

	ifi->ifi_index = index;
	return nlh;
}

static uint64_t number_of(const struct vp_lan_row *row, const char *text)
{
	const char *word = row->words;
	size_t n = strlen(text);

	for (uint64_t i = 0; word; i++) {
		if (strcspn(word, " ") == n && !strncmp(word, text, n))
			return i;
		word = strchr(word, ' ') ? strchr(word, ' ') + 1 : NULL;
	}
	return strtoull(text, NULL, 10);
}

static bool mac_bytes(const char *text, unsigned char mac[6])
{
	return sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &mac[0], &mac[1], &mac[2], &mac[3], &mac[4], &mac[5]) == 6;
}

static void put_attr(struct nlmsghdr *nlh, const struct vp_lan_row *row, const char *value)
{
	unsigned char mac[6];

	switch (row->type) {
	case VP_LAN_U8: mnl_attr_put_u8(nlh, row->nla, (uint8_t)number_of(row, value)); break;
	case VP_LAN_U16: mnl_attr_put_u16(nlh, row->nla, (uint16_t)number_of(row, value)); break;
	case VP_LAN_U32: mnl_attr_put_u32(nlh, row->nla, (uint32_t)number_of(row, value)); break;
	case VP_LAN_NAME: mnl_attr_put_u32(nlh, row->nla, *value ? if_nametoindex(value) : 0); break;
	case VP_LAN_HWADDR:
		if (mac_bytes(value, mac))
			mnl_attr_put(nlh, row->nla, 6, mac);
		break;
	default: break;
	}
}

/* Of one kind (NULL: what every link has) the attributes that the link has and that are in mask. */
static void put_attrs(struct nlmsghdr *nlh, const struct vp_lan_link *link, const char *kind, uint32_t mask)
{
	for (int i = 0; i < VP_LAN__COUNT; i++) {
		const struct vp_lan_row *row = &vp_lan_rows[i];
		bool beside = !row->kind || row->type == VP_LAN_NAME;

		if (row->nla && link->has & mask & 1u << i && beside == !kind && (!row->kind || vp_lan_is(link, row->kind)))
			put_attr(nlh, row, link->value[i]);
	}
}

static void put_data(struct nlmsghdr *nlh, const struct vp_lan_link *link, uint32_t mask)
{
	const char *kind = vp_lan_get(link, VP_LAN_KIND);
	struct nlattr *info = mnl_attr_nest_start(nlh, IFLA_LINKINFO), *data;

	mnl_attr_put_strz(nlh, IFLA_INFO_KIND, kind);
	data = mnl_attr_nest_start(nlh, IFLA_INFO_DATA);
	put_attrs(nlh, link, kind, mask);
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, info);
}

static int mark_link(struct vp_rtnl *r, const char *dev, const char *mark, struct vp_err *err)
{
	struct nlmsghdr *nlh = begin_link(r, RTM_NEWLINK, 0, (int)if_nametoindex(dev));

	mnl_attr_put(nlh, IFLA_IFALIAS, strlen(mark), mark);
	return vp_rtnl_talk(r, nlh, err, "mark %s as vprov's", dev);
}

static int set_up(struct vp_rtnl *r, const char *dev, bool up, struct vp_err *err)
{
	struct nlmsghdr *nlh = begin_link(r, RTM_NEWLINK, 0, (int)if_nametoindex(dev));
	struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);

	ifi->ifi_change = IFF_UP;
	ifi->ifi_flags = up ? IFF_UP : 0;
	return vp_rtnl_talk(r, nlh, err, "%s %s", up ? "bring up" : "take down", dev);
}

static int set_mac(struct vp_rtnl *r, const char *dev, const char *mac, struct vp_err *err)
{
	struct nlmsghdr *nlh = begin_link(r, RTM_NEWLINK, 0, (int)if_nametoindex(dev));

	put_attr(nlh, &vp_lan_rows[VP_LAN_MAC], mac);
	return vp_rtnl_talk(r, nlh, err, "MAC %s of %s", mac, dev);
}

static int set_master(struct vp_rtnl *r, const char *dev, const char *master, struct vp_err *err)
{
	struct nlmsghdr *nlh = begin_link(r, RTM_NEWLINK, 0, (int)if_nametoindex(dev));

	put_attr(nlh, &vp_lan_rows[VP_LAN_MASTER], master);
	return vp_rtnl_talk(r, nlh, err, "%s %s%s", dev, *master ? "joins " : "leaves its bridge or bond", master);
}

static int set_mtu(struct vp_rtnl *r, const char *dev, const char *mtu, struct vp_err *err)
{
	struct nlmsghdr *nlh = begin_link(r, RTM_NEWLINK, 0, (int)if_nametoindex(dev));

	put_attr(nlh, &vp_lan_rows[VP_LAN_MTU], mtu);
	return vp_rtnl_talk(r, nlh, err, "MTU %s of %s", mtu, dev);
}

/* A bridge takes the least MTU of its ports, until it was given one of its own. */
static int keep_mtu(struct vp_rtnl *r, const struct vp_lan *now, const char *bridge, struct vp_err *err)
{
	const struct vp_lan_link *link = vp_lan_find(now, bridge);

	return link && vp_lan_is(link, "bridge") ? set_mtu(r, bridge, vp_lan_get(link, VP_LAN_MTU), err) : 0;
}

/* --- A port of a bridge. --- */

/* Ranges of VLANs that are something to one, and not (or not the same) to the other. */
static bool put_vlans(struct nlmsghdr *nlh, const unsigned char vlans[VP_LAN_NVLANS], const unsigned char other[VP_LAN_NVLANS], bool gone)
{
	bool any = false;

	for (unsigned v = 1; v < VP_LAN_NVLANS - 1; v++) {
		struct bridge_vlan_info info = { .vid = (uint16_t)v };
		bool here = vlans[v] && (gone ? !other[v] : vlans[v] != other[v]);
		bool before = v > 1 && vlans[v - 1] == vlans[v] && (gone ? !other[v - 1] : vlans[v - 1] != other[v - 1]);
		bool after = vlans[v + 1] == vlans[v] && (gone ? !other[v + 1] : vlans[v + 1] != other[v + 1]);

		if (!here || (before && after))
			continue;
		info.flags = (uint16_t)((vlans[v] & VP_LAN_UNTAGGED ? BRIDGE_VLAN_INFO_UNTAGGED : 0) |
					(vlans[v] & VP_LAN_PVID ? BRIDGE_VLAN_INFO_PVID : 0) | (after ? BRIDGE_VLAN_INFO_RANGE_BEGIN : 0) |
					(before ? BRIDGE_VLAN_INFO_RANGE_END : 0));
		mnl_attr_put(nlh, IFLA_BRIDGE_VLAN_INFO, sizeof(info), &info);
		any = true;
	}
	return any;
}

static int talk_vlans(struct vp_rtnl *r, const struct vp_lan_link *link, uint16_t type, const unsigned char vlans[VP_LAN_NVLANS],
		      const unsigned char other[VP_LAN_NVLANS], struct vp_err *err)
{
	struct nlmsghdr *nlh = begin_link(r, type, 0, (int)if_nametoindex(link->name));
	struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	struct nlattr *spec = mnl_attr_nest_start(nlh, IFLA_AF_SPEC);

	ifi->ifi_family = AF_BRIDGE;
	/* A bridge is a port of itself. */
	if (vp_lan_is(link, "bridge"))
		mnl_attr_put_u16(nlh, IFLA_BRIDGE_FLAGS, BRIDGE_FLAGS_SELF);
	if (!put_vlans(nlh, vlans, other, type == RTM_DELLINK))
		return 0;
	mnl_attr_nest_end(nlh, spec);
	return vp_rtnl_talk(r, nlh, err, "%s VLANs of %s", type == RTM_DELLINK ? "remove" : "set", link->name);
}

/* What the port has now is asked for: joining a bridge gives it the default one. */
static int set_vlans(struct vp_rtnl *r, const struct vp_lan_link *link, const char *text, struct vp_err *err)
{
	unsigned char want[VP_LAN_NVLANS], have[VP_LAN_NVLANS] = { 0 };
	struct vp_lan now = { 0 };
	int error;

	if (!vp_lan_vlans_parse(text, want))
		return vp_net_refuse(err, EINVAL, "", "VLANs %s of %s", text, link->name);
	vp_lan_add(&now, link->name)->index = (int)if_nametoindex(link->name);
	error = dump_vlans(r, &now);
	/* One with more than can be known is given up whole. */
	if (!error && now.links[0].has & 1u << VP_LAN_VLANS)
		vp_lan_vlans_parse(vp_lan_get(&now.links[0], VP_LAN_VLANS), have);
	else
		memset(have, VP_LAN_TAGGED, sizeof(have));
	vp_lan_free(&now);
	if (error)
		return vp_net_refuse(err, error, r->why, "list VLANs of %s", link->name);
	return talk_vlans(r, link, RTM_DELLINK, have, want, err) || talk_vlans(r, link, RTM_SETLINK, want, have, err) ? -1 : 0;
}

/* Another default VLAN is given to the ports that have the old one: they keep what they have. */
static int keep_vlans(struct vp_rtnl *r, const struct vp_lan *now, const char *bridge, struct vp_err *err)
{
	for (size_t i = 0; i < now->nlinks; i++) {
		const struct vp_lan_link *l = &now->links[i];

		if (l->has & 1u << VP_LAN_VLANS && (!strcmp(l->name, bridge) || !strcmp(vp_lan_get(l, VP_LAN_MASTER), bridge)) &&
		    set_vlans(r, l, vp_lan_get(l, VP_LAN_VLANS), err))
			return -1;
	}
	return 0;
}

static int set_port(struct vp_rtnl *r, const struct vp_lan_link *link, const struct vp_lan_link *port, int attr, struct vp_err *err)
{
	struct nlmsghdr *nlh;
	struct nlattr *info, *data;

	if (attr == VP_LAN_VLANS)
		return set_vlans(r, link, port->value[attr], err);
	nlh = begin_link(r, RTM_NEWLINK, 0, (int)if_nametoindex(link->name));
	info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
	mnl_attr_put_strz(nlh, IFLA_INFO_SLAVE_KIND, "bridge");
	data = mnl_attr_nest_start(nlh, IFLA_INFO_SLAVE_DATA);
	put_attr(nlh, &vp_lan_rows[attr], port->value[attr]);
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, info);
	return vp_rtnl_talk(r, nlh, err, "%s %s of %s", vp_lan_rows[attr].name, port->value[attr], link->name);
}

/* All that text says of it as a port. */
static int set_ports(struct vp_rtnl *r, const char *dev, const char *text, struct vp_err *err)
{
	struct vp_lan_link link = { 0 }, port;

	snprintf(link.name, sizeof(link.name), "%s", dev);
	if (!vp_lan_parse_port(text, &port))
		return vp_net_refuse(err, EINVAL, "", "%s as a port: %s", dev, text);
	for (int i = 0; i < VP_LAN__COUNT; i++)
		if (vp_lan_of_port(i) && port.has & 1u << i && set_port(r, &link, &port, i, err))
			return -1;
	return 0;
}

static bool is_bond(const struct vp_lan *now, const char *name)
{
	const struct vp_lan_link *link = vp_lan_find(now, name);

	return link && vp_lan_is(link, "bond");
}

/*
 * A bond takes only links that are down, brings them up itself, and leaves them down; with its last member it loses its MAC. Neither is what
 * was asked for.
 */
static int change_master(struct vp_rtnl *r, const struct vp_lan *now, const char *dev, const char *to, struct vp_err *err)
{
	char master[IFNAMSIZ] = "";
	const struct vp_lan_link *link = vp_lan_find(now, dev), *old;
	const char *left = link ? vp_lan_get(link, VP_LAN_MASTER) : "";
	const char *port = to + strcspn(to, " ");
	bool down = strstr(to, VP_LAN_AND_DOWN), from_bond = is_bond(now, left), to_bond;

	snprintf(master, sizeof(master), "%.*s", (int)strcspn(to, " "), to);
	to_bond = is_bond(now, master);
	/* A port that is not there comes with a step of its own, which says whose it is: a VLAN that went before its bridge did. */
	if (!link && !if_nametoindex(dev))
		return 0;
	/* The bridge that is there again may have taken it already. */
	if (!strcmp(left, master))
		return set_ports(r, dev, port, err) ? -1 : down ? set_up(r, dev, false, err) : 0;
	if (to_bond && ((*left && set_master(r, dev, "", err)) || set_up(r, dev, false, err)))
		return -1;
	if (set_master(r, dev, master, err) || keep_mtu(r, now, left, err) || keep_mtu(r, now, master, err))
		return -1;
	old = vp_lan_find(now, left);
	if (from_bond && set_mac(r, left, vp_lan_get(old, VP_LAN_MAC), err))
		return -1;
	if (from_bond && !to_bond && !down && set_up(r, dev, true, err))
		return -1;
	return set_ports(r, dev, port, err);
}

/* The same, by what a link's text says of it. */
static int join(struct vp_rtnl *r, const struct vp_lan *now, const struct vp_lan_link *link, const char *master, struct vp_err *err)
{
	vp_cleanup(vp_buf_free) struct vp_buf text = { 0 };

	vp_buf_adds(&text, master);
	vp_lan_print_port(link, &text);
	return change_master(r, now, link->name, vp_buf_str(&text), err);
}

/* What a link can be given while it is made; the rest follows. Without VLAN filtering, kernels refuse to switch it off, too. */
static uint32_t at_birth(const struct vp_lan_link *link)
{
	uint32_t mask = ~(1u << VP_LAN_MASTER);

	return strcmp(vp_lan_get(link, VP_LAN_VLAN_FILTERING), "0") ? mask : mask & ~(1u << VP_LAN_VLAN_FILTERING);
}

/* Only a change of its MTU counts as giving a bridge one of its own. */
static int pin_mtu(struct vp_rtnl *r, const struct vp_lan_link *link, struct vp_err *err)
{
	char other[18];

	if (!vp_lan_is(link, "bridge") || !*vp_lan_get(link, VP_LAN_MTU))
		return 0;
	snprintf(other, sizeof(other), "%d", atoi(vp_lan_get(link, VP_LAN_MTU)) - 1);
	return set_mtu(r, link->name, other, err) || set_mtu(r, link->name, vp_lan_get(link, VP_LAN_MTU), err) ? -1 : 0;
}

static int make_link(struct vp_rtnl *r, const struct vp_lan_link *link, const char *mark, struct vp_err *err)
{
	struct nlmsghdr *nlh = begin_link(r, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0);
	struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);

	mnl_attr_put_strz(nlh, IFLA_IFNAME, link->name);
	if (!strcmp(vp_lan_get(link, VP_LAN_UP), "1"))
		ifi->ifi_flags = ifi->ifi_change = IFF_UP;
	put_attrs(nlh, link, NULL, at_birth(link));
	if (vp_lan_is(link, "vlan"))
		put_attr(nlh, &vp_lan_rows[VP_LAN_PARENT], vp_lan_get(link, VP_LAN_PARENT));
	put_data(nlh, link, at_birth(link) & ~(1u << VP_LAN_PARENT));
	if (vp_rtnl_talk(r, nlh, err, "create %s %s", vp_lan_get(link, VP_LAN_KIND), link->name))
		return -1;
	if (!mark_link(r, link->name, mark, err) && !pin_mtu(r, link, err) &&
	    (!vp_lan_is(link, "bridge") || !(link->has & 1u << VP_LAN_VLANS) || !set_port(r, link, link, VP_LAN_VLANS, err)))
		return 0;
	vp_rtnl_exchange(r, begin_link(r, RTM_DELLINK, 0, (int)if_nametoindex(link->name)));
	return -1;
}

/* Taking away an address takes its net's other ones along, unless the kernel is told not to. */
static void keep_secondaries(struct vp_rtnl *r, int index)
{
	struct nlmsghdr *nlh = begin_link(r, RTM_SETLINK, 0, index);
	struct nlattr *spec = mnl_attr_nest_start(nlh, IFLA_AF_SPEC), *inet = mnl_attr_nest_start(nlh, AF_INET),
		      *conf = mnl_attr_nest_start(nlh, IFLA_INET_CONF);

	mnl_attr_put_u32(nlh, IPV4_DEVCONF_PROMOTE_SECONDARIES, 1);
	mnl_attr_nest_end(nlh, conf);
	mnl_attr_nest_end(nlh, inet);
	mnl_attr_nest_end(nlh, spec);
	vp_rtnl_exchange(r, nlh);
}

static void put_broadcast(struct nlmsghdr *nlh, const struct vp_ip *ip, unsigned prefix)
{
	uint32_t addr;

	if (ip->family != AF_INET || prefix > 30)
		return;
	memcpy(&addr, ip->bytes, sizeof(addr));
	mnl_attr_put_u32(nlh, IFA_BROADCAST, addr | htonl(prefix ? (1u << (32 - prefix)) - 1 : ~0u));
}

/* "10.0.0.1/24" */
static bool split(const char *text, struct vp_ip *ip, unsigned *prefix)
{
	char address[46];

	return sscanf(text, "%45[^/]/%u", address, prefix) == 2 && vp_ip_parse(address, *prefix, ip);
}

static int change_addr(struct vp_rtnl *r, bool add, const char *dev, const char *text, struct vp_err *err)
{
	int index = (int)if_nametoindex(dev), error;
	struct ifaddrmsg *ifa;
	struct nlmsghdr *nlh;
	struct vp_ip ip;
	unsigned prefix;

	if (!split(text, &ip, &prefix))
		return vp_net_refuse(err, EINVAL, "", "address %s on %s", text, dev);
	if (!index)
		return add ? vp_net_refuse(err, ENODEV, "", "address %s on %s", text, dev) : 0;
	if (!add && ip.family == AF_INET)
		keep_secondaries(r, index);
	nlh = vp_rtnl_begin(r, add ? RTM_NEWADDR : RTM_DELADDR, NLM_F_ACK | (add ? NLM_F_CREATE | NLM_F_EXCL : 0));
	ifa = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifa));
	ifa->ifa_family = (uint8_t)ip.family;
	ifa->ifa_prefixlen = (uint8_t)prefix;
	ifa->ifa_index = (uint32_t)index;
	/* Duplicate detection never ends on a bridge without carrier, and would find the address that moves at its old place. */
	ifa->ifa_flags = add && ip.family == AF_INET6 ? IFA_F_NODAD : 0;
	mnl_attr_put(nlh, IFA_LOCAL, ip.len, ip.bytes);
	mnl_attr_put(nlh, IFA_ADDRESS, ip.len, ip.bytes);
	if (add)
		put_broadcast(nlh, &ip, prefix);
	error = vp_rtnl_exchange(r, nlh);
	if (!error || error == (add ? EEXIST : EADDRNOTAVAIL))
		return 0;
	return vp_net_refuse(err, error, r->why, "%s address %s on %s", add ? "add" : "remove", text, dev);
}

static int change_route(struct vp_rtnl *r, bool add, const char *dev, const struct vp_lan_route *route, struct vp_err *err)
{
	struct nlmsghdr *nlh = vp_rtnl_begin(r, add ? RTM_NEWROUTE : RTM_DELROUTE, NLM_F_ACK | (add ? NLM_F_CREATE | NLM_F_REPLACE : 0));
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	struct vp_ip to, via, src;
	unsigned prefix = 0;
	int error;

	if (!split(route->to, &to, &prefix))
		return vp_net_refuse(err, EINVAL, "", "route to %s over %s", route->to, dev);
	rtm->rtm_family = (uint8_t)to.family;
	rtm->rtm_dst_len = (uint8_t)prefix;
	rtm->rtm_table = RT_TABLE_MAIN;
	rtm->rtm_protocol = add ? route->proto : RTPROT_UNSPEC;
	rtm->rtm_scope = add ? (*route->via ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK) : RT_SCOPE_NOWHERE;
	rtm->rtm_type = add ? RTN_UNICAST : RTN_UNSPEC;
	if (to.family == AF_INET6 && add)
		rtm->rtm_scope = RT_SCOPE_UNIVERSE;
	if (prefix)
		mnl_attr_put(nlh, RTA_DST, to.len, to.bytes);
	if (*route->via && vp_ip_parse(route->via, 0, &via))
		mnl_attr_put(nlh, RTA_GATEWAY, via.len, via.bytes);
	if (*route->src && vp_ip_parse(route->src, 0, &src))
		mnl_attr_put(nlh, RTA_PREFSRC, src.len, src.bytes);
	if (route->metric)
		mnl_attr_put_u32(nlh, RTA_PRIORITY, route->metric);
	mnl_attr_put_u32(nlh, RTA_OIF, if_nametoindex(dev));
	error = vp_rtnl_exchange(r, nlh);
	if (!error || (!add && (error == ESRCH || error == ENODEV)))
		return 0;
	return vp_net_refuse(err, error, r->why, "%s route to %s%s%s over %s", add ? "set" : "remove", route->to, *route->via ? " through " : "",
			     route->via, dev);
}

/* --- Neighbours of an address that moves: who is known stays known. --- */

struct neighbour {
	int index;
	struct vp_ip ip;
	unsigned char mac[6];
	uint16_t state;
};
struct neighbours {
	struct neighbour *items;
	size_t n, cap;
};

static void read_neighbour(const struct nlmsghdr *nlh, void *arg)
{
	struct neighbours *all = arg;
	const struct ndmsg *nd = mnl_nlmsg_get_payload(nlh);
	struct neighbour one = { .index = nd->ndm_ifindex, .state = nd->ndm_state };
	const struct nlattr *attr;
	bool mac = false, ip = false;

	if (nlh->nlmsg_type != RTM_NEWNEIGH || !(nd->ndm_state & (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT)))
		return;
	one.ip.family = nd->ndm_family;
	one.ip.len = nd->ndm_family == AF_INET6 ? 16 : 4;
	mnl_attr_for_each(attr, nlh, sizeof(*nd))
	{
		if (mnl_attr_get_type(attr) == NDA_DST && mnl_attr_get_payload_len(attr) == one.ip.len) {
			memcpy(one.ip.bytes, mnl_attr_get_payload(attr), one.ip.len);
			ip = inet_ntop(one.ip.family, one.ip.bytes, one.ip.text, sizeof(one.ip.text));
		}
		if (mnl_attr_get_type(attr) == NDA_LLADDR && mnl_attr_get_payload_len(attr) == 6) {
			memcpy(one.mac, mnl_attr_get_payload(attr), 6);
			mac = true;
		}
	}
	if (!mac || !ip)
		return;
	all->items = vp_grow(all->items, all->n, &all->cap, sizeof(*all->items));
	all->items[all->n++] = one;
}

static void put_neighbour(struct vp_rtnl *r, int index, const struct neighbour *one)
{
	struct nlmsghdr *nlh = vp_rtnl_begin(r, RTM_NEWNEIGH, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE);
	struct ndmsg *nd = mnl_nlmsg_put_extra_header(nlh, sizeof(*nd));

	nd->ndm_family = (uint8_t)one->ip.family;
	nd->ndm_ifindex = index;
	/* It is asked for again when it is used: a wrong one does no harm. */
	nd->ndm_state = one->state & NUD_PERMANENT ? NUD_PERMANENT : NUD_STALE;
	mnl_attr_put(nlh, NDA_DST, one->ip.len, one->ip.bytes);
	mnl_attr_put(nlh, NDA_LLADDR, 6, one->mac);
	vp_rtnl_exchange(r, nlh);
}

/* Those of the address's net, from the device that has the address now. */
static void move_neighbours(struct vp_rtnl *r, const struct vp_lan *now, const char *dev, const char *text)
{
	struct neighbours all = { 0 };
	int from = 0, to = (int)if_nametoindex(dev);
	struct nlmsghdr *nlh;
	struct ndmsg *nd;

	for (size_t i = 0; i < now->naddrs; i++)
		if (!strcmp(now->addrs[i].text, text) && strcmp(now->addrs[i].dev, dev))
			from = (int)if_nametoindex(now->addrs[i].dev);
	if (!from || !to)
		return;
	nlh = vp_rtnl_begin(r, RTM_GETNEIGH, NLM_F_DUMP);
	nd = mnl_nlmsg_put_extra_header(nlh, sizeof(*nd));
	nd->ndm_family = strchr(text, ':') ? AF_INET6 : AF_INET;
	vp_rtnl_dump(r, nlh, read_neighbour, &all);
	for (size_t i = 0; i < all.n; i++)
		if (all.items[i].index == from && vp_lan_within(all.items[i].ip.text, text))
			put_neighbour(r, to, &all.items[i]);
	free(all.items);
}

/* --- Steps. --- */

static bool is_word(const char *text, const char *word)
{
	return text && !strncmp(text, word, strlen(word));
}

static int do_routes(struct vp_rtnl *r, const struct vp_lan *want, struct vp_err *err)
{
	for (size_t i = 0; i < want->nroutes; i++)
		if (change_route(r, true, want->routes[i].dev, &want->routes[i], err))
			return -1;
	return 0;
}

/* A link as it was, with all that went with it. */
static int restore(struct vp_rtnl *r, const struct vp_lan *now, const struct vp_lan *want, const char *dev, const char *mark, struct vp_err *err)
{
	const struct vp_lan_link *link = vp_lan_find(want, dev), *old = vp_lan_find(now, dev);
	struct vp_lan with = { .links = (struct vp_lan_link *)link, .nlinks = 1 };

	/* One that is there is what an interrupted step left. */
	if (old && strcmp(old->alias, mark) && *old->alias)
		return vp_net_refuse(err, EEXIST, "", "create %s", dev);
	if (old ? !*old->alias && mark_link(r, dev, mark, err) : make_link(r, link, mark, err))
		return -1;
	for (size_t i = 0; i < want->nlinks; i++)
		if (!strcmp(vp_lan_get(&want->links[i], VP_LAN_MASTER), dev) &&
		    join(r, vp_lan_is(link, "bond") ? &with : now, &want->links[i], dev, err))
			return -1;
	if (*vp_lan_get(link, VP_LAN_MASTER) && join(r, now, link, vp_lan_get(link, VP_LAN_MASTER), err))
		return -1;
	for (unsigned seq = 1; seq <= want->naddrs; seq++)
		for (size_t i = 0; i < want->naddrs; i++)
			if (want->addrs[i].seq == seq && change_addr(r, true, dev, want->addrs[i].text, err))
				return -1;
	return do_routes(r, want, err);
}

static int remove_link(struct vp_rtnl *r, const struct vp_lan *now, const char *dev, const char *mark, struct vp_err *err)
{
	const struct vp_lan_link *link = vp_lan_find(now, dev);

	if (!link)
		return 0;
	if (strcmp(link->alias, mark))
		return vp_net_refuse(err, EPERM, "it is not vprov's", "remove %s", dev);
	if (vp_rtnl_talk(r, begin_link(r, RTM_DELLINK, 0, link->index), err, "remove %s", dev))
		return -1;
	/* A bond takes its members down when it goes. */
	for (size_t i = 0; vp_lan_is(link, "bond") && i < now->nlinks; i++)
		if (!strcmp(vp_lan_get(&now->links[i], VP_LAN_MASTER), dev) && set_up(r, now->links[i].name, true, err))
			return -1;
	return 0;
}

static int do_link(struct vp_rtnl *r, const struct vp_lan *now, const char *dev, const char *to, const char *mark, struct vp_err *err)
{
	struct vp_lan want;
	int rc;

	if (!to)
		return remove_link(r, now, dev, mark, err);
	if (!vp_lan_parse(to, &want))
		return vp_net_refuse(err, EINVAL, "", "create %s", dev);
	rc = restore(r, now, &want, dev, mark, err);
	vp_lan_free(&want);
	return rc;
}

static int do_route(struct vp_rtnl *r, const char *dev, const char *from, const char *to, struct vp_err *err)
{
	struct vp_lan l;
	const char *text = to ? to : from;
	/* "route TO dev=DEV ...": the text of a network has the device first. */
	const char *rest = strstr(text, " dev="), *after = rest ? strchr(rest + 1, ' ') : NULL;
	char line[256], on[16] = "";
	int rc;

	if (!after || sscanf(rest, " dev=%15s", on) != 1)
		return vp_net_refuse(err, EINVAL, "", "route over %s", dev);
	snprintf(line, sizeof(line), "route %s %.*s%s", on, (int)(rest - text - 6), text + 6, after);
	if (!vp_lan_parse(line, &l))
		return vp_net_refuse(err, EINVAL, "", "route over %s", dev);
	rc = change_route(r, to, on, &l.routes[0], err);
	vp_lan_free(&l);
	return rc;
}

static int do_set(struct vp_rtnl *r, const struct vp_lan *now, const char *dev, const char *to, struct vp_err *err)
{
	const struct vp_lan_link *live = vp_lan_find(now, dev);
	const char *value = to ? strchr(to, ' ') + 1 : NULL;
	struct vp_lan_link link = { 0 };
	struct nlmsghdr *nlh;
	int i = 0;

	/* What was not known before cannot be had back. */
	if (!to)
		return 0;
	while (i < VP_LAN__COUNT && (strncmp(vp_lan_rows[i].name, to, (size_t)(value - 1 - to)) || vp_lan_rows[i].name[value - 1 - to]))
		i++;
	if (i == VP_LAN__COUNT || !live)
		return vp_net_refuse(err, live ? EINVAL : ENODEV, "", "%s: %s", dev, to);
	if (i == VP_LAN_MASTER)
		return change_master(r, now, dev, value, err);
	if (i == VP_LAN_UP)
		return set_up(r, dev, !strcmp(value, "1"), err);
	if (vp_lan_of_port(i)) {
		vp_lan_set(&link, (enum vp_lan_attr)i, value);
		return set_port(r, live, &link, i, err);
	}
	vp_lan_set(&link, VP_LAN_KIND, vp_lan_get(live, VP_LAN_KIND));
	vp_lan_set(&link, (enum vp_lan_attr)i, value);
	nlh = begin_link(r, RTM_NEWLINK, 0, live->index);
	if (vp_lan_rows[i].kind)
		put_data(nlh, &link, 1u << i);
	else
		put_attrs(nlh, &link, NULL, 1u << i);
	if (vp_rtnl_talk(r, nlh, err, "%s of %s", to, dev))
		return -1;
	if (i == VP_LAN_DEFAULT_PVID)
		return keep_vlans(r, now, dev, err);
	return i == VP_LAN_MTU ? keep_mtu(r, now, vp_lan_get(live, VP_LAN_MASTER), err) : 0;
}

int vp_lan_do(struct vp_net *net, const char *dev, const char *from, const char *to, const char *mark, struct vp_err *err)
{
	struct vp_rtnl *r = rtnl_of(net);
	const char *some = to ? to : from;
	struct vp_lan now = { 0 };
	int rc;

	if (is_word(some, "route "))
		return do_route(r, dev, from, to, err);
	if (is_word(some, "address ") && !to)
		return change_addr(r, false, dev, some + strlen("address "), err);
	if (read_parts(r, is_word(some, "address ") ? ADDRS : is_word(some, vp_lan_rows[VP_LAN_DEFAULT_PVID].name) ? VLANS : LINKS, &now, err))
		return -1;
	if (is_word(some, "address ")) {
		rc = change_addr(r, true, dev, some + strlen("address "), err);
		if (!rc)
			move_neighbours(r, &now, dev, some + strlen("address "));
	} else {
		rc = is_word(some, "link ") ? do_link(r, &now, dev, to, mark, err) : do_set(r, &now, dev, to, err);
	}
	vp_lan_free(&now);
	return rc;
}
