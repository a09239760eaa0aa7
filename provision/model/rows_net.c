// SPDX-License-Identifier: Apache-2.0
/* Rows of the binding table. Cards and interfaces. */
#include "bind.h"

#define NETWORK(path_, member, check_, help_)                                                                                                        \
	{                                                                                                                                            \
		"/system/network/" path_, VP_O_NETWORK, VP_K_STRING, VP_AT(vp_network, member), .field = "network." #member, .check = check_,        \
												.lenient = true, .help = help_                       \
	}
#define CARD(member, path_, help_)                                                                                                                   \
	{                                                                                                                                            \
		"/hardware/cards/nic/*/" path_, VP_O_CARD, VP_K_STRING, VP_AT(vp_card, member), .field = "nic.*.card." #member,                      \
												.check = &vp_is_line, .lenient = true, .help = help_ \
	}
#define INTERFACE(kind_, member, ...)                                                                                                                \
	{                                                                                                                                            \
		"/system/network/interfaces/*/" #member, VP_O_INTERFACE, kind_, VP_AT(vp_interface, member), .field = "interface.*." #member,        \
													     .lenient = true, __VA_ARGS__            \
	}
#define PORT(kind_, member, ...)                                                                                                                     \
	{                                                                                                                                            \
		VP_OWN "ports/*/" #member, VP_O_INTERFACE, kind_, VP_AT(vp_interface, member), .field = "interface.*." #member, __VA_ARGS__          \
	}
#define IF_TEXT(member, help_)	  INTERFACE(VP_K_STRING, member, .check = &vp_is_line, .help = help_)
#define IF_NAME(member, help_)	  INTERFACE(VP_K_STRING, member, .check = &vp_is_ifname, .help = help_)
#define IF_ADDRESS(member, help_) INTERFACE(VP_K_STRING, member, .check = &vp_is_address, .help = help_)
#define IF_BOOL(member, help_)	  INTERFACE(VP_K_BOOL, member, .given = offsetof(struct vp_interface, has_##member), .help = help_)
#define IF_SECONDS(member, help_)                                                                                                                    \
	INTERFACE(VP_K_UINT, member, .given = offsetof(struct vp_interface, has_##member), .max = 86400, .unit = "s", .help = help_)
#define ALIAS(member, check_, help_)                                                                                                                 \
	{                                                                                                                                            \
		"/system/network/interfaces/*/aliases/*/" #member, VP_O_ALIAS, VP_K_STRING, VP_AT(vp_alias, member),                                 \
			.field = "interface.*." #member, .check = check_, .lenient = true, .help = help_                                             \
	}
#define ROUTE(member, check_, help_)                                                                                                                 \
	{                                                                                                                                            \
		"/system/network/interfaces/*/route/*/" #member, VP_O_ROUTE, VP_K_STRING, VP_AT(vp_route, member),                                   \
			.field = "interface.*." #member, .check = check_, .lenient = true, .help = help_                                             \
	}

static const struct vp_row rows[] = {
	{ "/system/network/default_gateway", VP_O_NETWORK, VP_K_STRING, VP_AT(vp_network, default_gateway), .field = "network.default_gateway",
	  .check = &vp_is_ip, .help = "gateway of the NIC that gatewaydev names, else of that in whose subnet it lies" },
	NETWORK("gatewaydev", gatewaydev, &vp_is_ifname, "interface that the default gateway is reached over"),
	{ "/system/network/guess_default_gateway", VP_O_NETWORK, VP_K_BOOL, VP_AT(vp_network, guess_default_gateway),
	  .given = offsetof(struct vp_network, has_guess_default_gateway), .field = "network.guess_default_gateway", .lenient = true,
	  .help = "the node takes a gateway from its interfaces" },
	NETWORK("realhostname", realhostname, &vp_is_domain, "the name the node gives itself, where it is another one"),
	NETWORK("nisdomain", nisdomain, &vp_is_line, "NIS domain"),
	NETWORK("primary_ip", primary_ip, &vp_is_ip, "the address that stands for the node"),
	{ "/system/network/ipv6/enabled", VP_O_NETWORK, VP_K_BOOL, VP_AT(vp_network, ipv6.enabled),
	  .given = offsetof(struct vp_network, ipv6.has_enabled), .field = "network.ipv6.enabled", .lenient = true,
	  .help = "IPv6 in the node; it is installed over IPv4" },
	NETWORK("ipv6/default_gateway", ipv6.default_gateway, &vp_is_ip, "gateway of IPv6"),
	NETWORK("ipv6/gatewaydev", ipv6.gatewaydev, &vp_is_ifname, "interface that it is reached over"),
	{ VP_OWN "network/manage", VP_O_NETWORK, VP_K_BOOL, VP_AT(vp_network, manage), .field = "network.manage", .fallback = "false",
	  .help = "of the hypervisor that vprov runs on: its bridges, bonds, VLANs, addresses and routes are made as its interfaces say" },
	{ VP_OWN "network/answers", VP_O_NETWORK, VP_K_STRINGS, VP_AT(vp_network, answers), .field = "network.answers", .check = &vp_is_ip,
	  .help = "addresses that answer to ping where the network is right: `net up --confirm-within` needs no other confirmation" },
	{ "/system/network/nameserver", VP_O_NODE, VP_K_STRINGS, VP_AT(vp_node_in, n.nameservers), .field = "nameservers", .check = &vp_is_ip,
	  .help = "DNS servers" },
	{ "/hardware/cards/nic/*/hwaddr", VP_O_NIC, VP_K_STRING, VP_AT(vp_nic_in, n.mac), .field = "nic.*.mac", .check = &vp_is_mac,
	  .help = "MAC address; default one that follows from the node's name" },
	{ "/hardware/cards/nic/*/boot", VP_O_NIC, VP_K_BOOL, VP_AT(vp_nic_in, n.boot),
	  .help = "the NIC to boot from: the first by name, else the first of all" },
	{ "/system/network/interfaces/*/ip", VP_O_NIC, VP_K_STRING, VP_AT(vp_nic_in, n.ip), .field = "nic.*.ip", .check = &vp_is_ip,
	  .help = "address, of the bridge or bond where the NIC is part of one" },
	{ "/system/network/interfaces/*/netmask", VP_O_NIC, VP_K_STRING, VP_AT(vp_nic_in, netmask), .field = "nic.*.netmask", .check = &vp_is_netmask,
	  .help = "netmask" },
	{ "/system/network/interfaces/*/gateway", VP_O_NIC, VP_K_STRING, VP_AT(vp_nic_in, n.gateway), .field = "nic.*.gateway", .check = &vp_is_ip,
	  .help = "gateway of this NIC" },
	{ "/system/network/interfaces/*/bootproto", VP_O_NIC, VP_K_CHOICE, VP_AT(vp_nic_in, bootproto), .choices = "static bootp dhcp none",
	  .help = "dhcp and bootp: the installed system asks for its address" },
	{ "/system/network/interfaces/*/mtu", VP_O_NIC, VP_K_UINT, VP_AT(vp_nic_in, n.mtu), .field = "nic.*.mtu", .min = 576, .max = 65535,
	  .unit = "bytes", .help = "largest packet" },
	{ VP_OWN "nics/*/model", VP_O_NIC, VP_K_CHOICE, VP_AT(vp_nic_in, n.model), .field = "nic.*.model", .choices = "virtio e1000 netfront",
	  .help = "model; default virtio (kvm, qemu), netfront (xen-para), e1000 (xen-hvm)" },
	{ VP_OWN "nics/*/bridge", VP_O_NIC, VP_K_STRING, VP_AT(vp_nic_in, n.bridge), .field = "nic.*.bridge", .check = &vp_is_ifname,
	  .help = "bridge of one NIC" },
	{ VP_OWN "nics/*/queues", VP_O_NIC, VP_K_UINT, VP_AT(vp_nic_in, n.queues), .field = "nic.*.queues", .min = 1, .max = 16, .fallback = "1",
	  .help = "pairs of queues of a virtio NIC, one for each processor of the guest that shall work on its packets; others have one" },
	{ VP_OWN "nics/*/bandwidth/average", VP_O_NIC, VP_K_UINT, VP_AT(vp_nic_in, n.bandwidth.average), .field = "nic.*.bandwidth.average", .min = 1,
	  .max = 1000000, .unit = "Mbit/s", .help = "what the NIC may carry each way; default as much as there is" },
	{ VP_OWN "nics/*/bandwidth/peak", VP_O_NIC, VP_K_UINT, VP_AT(vp_nic_in, n.bandwidth.peak), .field = "nic.*.bandwidth.peak", .min = 1,
	  .max = 1000000, .unit = "Mbit/s", .help = "how fast a burst arrives at it; default as fast as it can" },
	{ VP_OWN "nics/*/bandwidth/burst", VP_O_NIC, VP_K_UINT, VP_AT(vp_nic_in, n.bandwidth.burst), .field = "nic.*.bandwidth.burst", .min = 16,
	  .max = 1048576, .unit = "KiB",
	  .help = "how much goes faster than the average after a pause; default what the average carries in 50 ms, at least 64" },
	CARD(description, "name", "what the card is"),
	CARD(driver, "driver", "driver of the real card"),
	CARD(media, "media", "kind of network"),
	CARD(model, "model", "model"),
	CARD(manufacturer, "manufacturer", "manufacturer"),
	CARD(vendor, "vendor", "vendor"),
	CARD(role, "role", "what the network is for"),
	{ "/hardware/cards/nic/*/maxspeed", VP_O_CARD, VP_K_UINT, VP_AT(vp_card, maxspeed), .field = "nic.*.card.maxspeed", .max = 10000000,
	  .unit = "Mbit/s", .lenient = true, .help = "speed of the real card" },
	{ "/hardware/cards/nic/*/pxe", VP_O_CARD, VP_K_BOOL, VP_AT(vp_card, pxe), .given = offsetof(struct vp_card, has_pxe),
	  .field = "nic.*.card.pxe", .lenient = true, .help = "whether the real card can boot; `boot` decides" },
	IF_TEXT(type, "Ethernet, Bridge, OVSBridge, OVSPort, IPIP, Infiniband ..."),
	IF_TEXT(device, "device name, where it is not the key"),
	IF_ADDRESS(ip, "address"),
	IF_ADDRESS(netmask, "netmask"),
	IF_ADDRESS(broadcast, "broadcast address"),
	IF_ADDRESS(gateway, "gateway"),
	IF_TEXT(bootproto, "static, dhcp, bootp or none"),
	IF_BOOL(onboot, "comes up at boot"),
	INTERFACE(VP_K_UINT, mtu, .max = 65536, .unit = "bytes", .help = "largest packet"),
	IF_BOOL(set_hwaddr, "the node names the MAC address in its configuration"),
	IF_BOOL(nmcontrolled, "left to NetworkManager"),
	IF_BOOL(defroute, "has the default route"),
	IF_NAME(bridge, "bridge it is a port of"),
	IF_NAME(master, "bond it is a member of"),
	IF_BOOL(stp, "spanning tree on this bridge"),
	IF_SECONDS(delay, "forward delay of this bridge"),
	IF_SECONDS(linkdelay, "wait for the link"),
	INTERFACE(VP_K_PAIRS, bridging_opts, .check = &vp_is_line, .help = "options of a bridge or its port"),
	INTERFACE(VP_K_PAIRS, bonding_opts, .check = &vp_is_line, .help = "mode, miimon, primary ...: makes it a bond"),
	PORT(VP_K_UINT, pvid, .given = offsetof(struct vp_interface, has_pvid), .max = 4094,
	     .help = "VLAN of untagged frames on this port of a bridge with vlan_filtering, or of the bridge itself; 0: they are dropped"),
	PORT(VP_K_STRINGS, untagged, .check = &vp_is_vlans, .help = "VLANs whose frames leave without a tag; default pvid"),
	PORT(VP_K_STRINGS, tagged, .check = &vp_is_vlans, .help = "VLANs whose frames carry their tag"),
	IF_BOOL(vlan, "a VLAN of physdev, or of the device in its name (eth0.101)"),
	IF_NAME(physdev, "device below a VLAN"),
	IF_NAME(ovs_bridge, "Open vSwitch bridge it is a port of"),
	IF_TEXT(ovs_opts, "options of ovs-vsctl"),
	IF_TEXT(ovs_extra, "further commands of ovs-vsctl"),
	IF_TEXT(ovs_tunnel_type, "gre, vxlan ..."),
	IF_TEXT(ovs_tunnel_opts, "options of the tunnel"),
	IF_TEXT(ovs_patch_peer, "other end of a patch port"),
	INTERFACE(VP_K_STRINGS, bond_ifaces, .check = &vp_is_ifname, .help = "members of an Open vSwitch bond"),
	IF_TEXT(ipv6addr, "IPv6 address and prefix length"),
	INTERFACE(VP_K_STRINGS, ipv6addr_secondaries, .check = &vp_is_line, .help = "further IPv6 addresses"),
	IF_TEXT(ipv6_defaultgw, "gateway of IPv6"),
	IF_BOOL(ipv6init, "IPv6 on this interface"),
	IF_BOOL(ipv6_autoconf, "address from router advertisements"),
	IF_BOOL(ipv6_failure_fatal, "does not come up without IPv6"),
	IF_BOOL(ipv6_rtr, "takes routers from advertisements"),
	INTERFACE(VP_K_UINT, ipv6_mtu, .max = 65536, .unit = "bytes", .help = "largest packet of IPv6"),
	IF_ADDRESS(my_inner_ipaddr, "IPIP tunnel: address inside"),
	IF_ADDRESS(my_outer_ipaddr, "IPIP tunnel: own end"),
	IF_ADDRESS(peer_outer_ipaddr, "IPIP tunnel: other end"),
	INTERFACE(VP_K_UINT, my_inner_prefix, .max = 128, .help = "IPIP tunnel: prefix length inside"),
	IF_TEXT(fqdn, "name of this address"),
	IF_TEXT(network_environment, "Aquilon's name for the network's surroundings"),
	IF_TEXT(network_type, "Aquilon's kind of network"),
	ALIAS(ip, &vp_is_address, "further address"),
	ALIAS(netmask, &vp_is_address, "its netmask"),
	ALIAS(broadcast, &vp_is_address, "its broadcast address"),
	ROUTE(address, &vp_is_line, "destination, or default"),
	ROUTE(netmask, &vp_is_line, "its netmask"),
	{ "/system/network/interfaces/*/route/*/prefix", VP_O_ROUTE, VP_K_UINT, VP_AT(vp_route, prefix),
	  .given = offsetof(struct vp_route, has_prefix), .field = "interface.*.prefix", .max = 128, .lenient = true, .help = "its prefix length" },
	ROUTE(gateway, &vp_is_ip, "where it goes"),
	ROUTE(command, &vp_is_line, "the route as arguments of ip(8)"),
};
const struct vp_rows vp_rows_net = VP_ROWS(rows);
