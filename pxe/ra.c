// SPDX-License-Identifier: Apache-2.0
/*
 * Answers IPv6 router solicitations with "there is no router here". iPXE asks for one besides DHCP and waits 13 s for the answer before it
 * loads anything; dnsmasq answers only where the bridge has an IPv6 prefix.
 */
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dhcp.h"

int vp_ra_open(const char *bridge)
{
	int fd = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMPV6), hops = 255, index = (int)if_nametoindex(bridge);
	/* ff02::2, all routers */
	const struct ipv6_mreq group = { .ipv6mr_multiaddr.s6_addr = { 0xff, 2, [15] = 2 }, .ipv6mr_interface = (unsigned)index };
	struct icmp6_filter only;

	if (fd < 0)
		return -1;
	ICMP6_FILTER_SETBLOCKALL(&only);
	ICMP6_FILTER_SETPASS(ND_ROUTER_SOLICIT, &only);
	if (!setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &only, sizeof(only)) &&
	    !setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, bridge, (socklen_t)strlen(bridge)) &&
	    !setsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &group, sizeof(group)) &&
	    !setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &index, sizeof(index)) &&
	    !setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof(hops)) &&
	    !setsockopt(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &hops, sizeof(hops)))
		return fd;
	close(fd);
	return -1;
}

void vp_ra_answer(int fd)
{
	/* A lifetime of 0: not a default router. No prefix, no DHCPv6. The kernel fills in the checksum. */
	static const struct nd_router_advert none = { .nd_ra_type = ND_ROUTER_ADVERT };
	struct sockaddr_in6 from = { 0 };
	socklen_t len = sizeof(from);
	char packet[256];

	while (recvfrom(fd, packet, sizeof(packet), 0, (struct sockaddr *)&from, &len) >= 0) {
		/* Who has no address yet is reached as everybody on the link. */
		if (IN6_IS_ADDR_UNSPECIFIED(&from.sin6_addr))
			from.sin6_addr = (struct in6_addr){ .s6_addr = { 0xff, 2, [15] = 1 } };
		sendto(fd, &none, sizeof(none), 0, (struct sockaddr *)&from, len);
		len = sizeof(from);
	}
}
