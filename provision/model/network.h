/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a profile configures above the cards: interfaces of every kind, as they are in the node itself once it runs. The virtual machine
 * has the cards only (struct vp_nic). Strings are never NULL, "" means not given; numbers and booleans that may be 0 have a has_.
 */
#ifndef VP_NETWORK_H
#define VP_NETWORK_H

#include "../base/base.h"
#include "words.h"

struct vp_alias {
	/* Key in the profile. */
	const char *name;
	const char *ip, *netmask, *broadcast;
};

struct vp_route {
	/* IPv4 or IPv6, or "default"; with `prefix` or `netmask`, or as one word "10.0.0.0/8". */
	const char *address;
	const char *netmask, *gateway;
	unsigned prefix;
	bool has_prefix;
	/* Arguments of ip(8), instead of all others. */
	const char *command;
};

struct vp_interface {
	const char *name;
	/* ethernet, bridge, bond, vlan, loopback, or `type` in lower case: ovsbridge, ovsport, ipip, infiniband ... */
	const char *kind;
	/* What it is made of: the ports of a bridge, the members of a bond, the device below a VLAN. */
	struct vp_words ports;
	unsigned vlan_id;
	const char *type, *device;
	const char *ip, *netmask, *broadcast, *gateway, *bootproto;
	bool onboot, has_onboot, set_hwaddr, has_set_hwaddr, nmcontrolled, has_nmcontrolled, defroute, has_defroute;
	unsigned mtu;
	/* The bridge or bond it is part of. */
	const char *bridge, *master;
	bool stp, has_stp;
	unsigned delay, linkdelay;
	bool has_delay, has_linkdelay;
	struct vp_words bridging_opts, bonding_opts;
	/* VLANs that it belongs to as a port of a bridge that filters them, or (of the bridge's name) the host on that bridge. */
	unsigned pvid;
	bool has_pvid;
	struct vp_words untagged, tagged;
	bool vlan, has_vlan;
	const char *physdev;
	const char *ovs_bridge, *ovs_opts, *ovs_extra, *ovs_tunnel_type, *ovs_tunnel_opts, *ovs_patch_peer;
	struct vp_words bond_ifaces;
	const char *ipv6addr, *ipv6_defaultgw;
	struct vp_words ipv6addr_secondaries;
	bool ipv6init, has_ipv6init, ipv6_autoconf, has_ipv6_autoconf, ipv6_failure_fatal, has_ipv6_failure_fatal, ipv6_rtr, has_ipv6_rtr;
	unsigned ipv6_mtu;
	/* IPIP tunnels. */
	const char *my_inner_ipaddr, *my_outer_ipaddr, *peer_outer_ipaddr;
	unsigned my_inner_prefix;
	/* Aquilon's. */
	const char *fqdn, *network_environment, *network_type;
	struct vp_alias *aliases;
	size_t naliases;
	struct vp_route *routes;
	size_t nroutes;
};

struct vp_network {
	/* The NIC in whose subnet the gateway lies has it, or the one named by gatewaydev. */
	const char *default_gateway, *gatewaydev;
	const char *realhostname, *nisdomain, *primary_ip;
	bool guess_default_gateway, has_guess_default_gateway;
	struct {
		bool enabled, has_enabled;
		const char *default_gateway, *gatewaydev;
	} ipv6;
	/* vprov makes it so on the machine itself, where that is this one; hosts whose answers show that it can still be reached. */
	bool manage;
	struct vp_words answers;
	/* Sorted by name. */
	struct vp_interface *interfaces;
	size_t ninterfaces;
};

/* text.c: IPv4 as numbers in host order. */
bool vp_ip4(const char *text, uint32_t *out);
char *vp_ip4_text(struct vp_arena *a, uint32_t ip);
bool vp_netmask(const char *text, unsigned *prefix);
bool vp_cidr(const char *text, uint32_t *ip, unsigned *prefix);
bool vp_same_net(uint32_t a, uint32_t b, unsigned prefix);

#endif
