// SPDX-License-Identifier: Apache-2.0
/*
 * frames TAP DEVICE : sends frames of honest and of other kinds as the guest on TAP would, and tells for each whether it reached DEVICE. The guest is
 * 02:00:00:00:00:01, 10.99.0.11 and 2001:db8::11; what is said to be another's ends in 99.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define WAIT_MS	   150
#define VNET_BYTES 10

struct frame {
	unsigned char data[256];
	size_t len;
};

static void put(struct frame *f, const void *data, size_t len)
{
	memcpy(f->data + f->len, data, len);
	f->len += len;
}

/* Hexadecimal, with blanks. */
static void hex(struct frame *f, const char *text)
{
	unsigned byte;
	int used;

	for (; sscanf(text, " %2x%n", &byte, &used) == 1; text += used)
		f->data[f->len++] = (unsigned char)byte;
}

static void address(struct frame *f, const char *text)
{
	unsigned char bytes[16];
	int family = strchr(text, ':') ? AF_INET6 : AF_INET;

	if (inet_pton(family, text, bytes) == 1)
		put(f, bytes, family == AF_INET6 ? 16 : 4);
}

static void arp(struct frame *f, const char *mac, const char *ip)
{
	hex(f, "08 06 00 01 08 00 06 04 00 01");
	hex(f, mac);
	address(f, ip);
	hex(f, "00 00 00 00 00 00");
	address(f, "10.99.0.1");
}

/* Where IPv4 frames on a bridge pass the firewall, the header's checksum is looked at. */
static void checksum(unsigned char ip[20])
{
	unsigned sum = 0;

	for (int i = 0; i < 20; i += 2)
		sum += (unsigned)ip[i] << 8 | ip[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~(sum + (sum >> 16));
	ip[10] = (unsigned char)(sum >> 8);
	ip[11] = (unsigned char)sum;
}

/* IPv4 with UDP. */
static void udp(struct frame *f, const char *from, unsigned sport, unsigned dport)
{
	unsigned char ports[4] = { (unsigned char)(sport >> 8), (unsigned char)sport, (unsigned char)(dport >> 8), (unsigned char)dport };

	hex(f, "08 00 45 00 00 20 00 00 40 00 40 11 00 00");
	address(f, from);
	address(f, "255.255.255.255");
	checksum(f->data + f->len - 20);
	put(f, ports, 4);
	hex(f, "00 0c 00 00 01 02 03 04");
}

/* IPv6 with a payload of 24 bytes that starts with these. */
static void ip6(struct frame *f, const char *from, unsigned char next, const char *payload, const char *target)
{
	size_t end;

	hex(f, "86 dd 60 00 00 00 00 18");
	put(f, &next, 1);
	hex(f, "ff");
	address(f, from);
	address(f, "ff02::1");
	end = f->len + 24;
	hex(f, payload);
	address(f, target);
	f->len = end;
}

#define OWN   "02 00 00 00 00 01"
#define OTHER "02 00 00 00 00 99"
#define LINK  "fe80::1:2:3:4"
#define UDP6  "03 e8 03 e8 00 18 00 00"

enum kind { ARP, UDP, IP6, RAW };

static const struct {
	const char *name, *mac;
	enum kind kind;
	/* Of ARP: whose MAC it speaks of. Else what comes before the packet (RAW: instead of it). */
	const char *bytes;
	const char *from;
	/* UDP: ports; IP6: the next header. */
	unsigned a, b;
	const char *payload, *target;
} frames[] = {
	{ "arp-own", OWN, ARP, OWN, "10.99.0.11", 0, 0, "", "" },
	{ "arp-probe", OWN, ARP, OWN, "0.0.0.0", 0, 0, "", "" },
	{ "arp-ip-other", OWN, ARP, OWN, "10.99.0.99", 0, 0, "", "" },
	{ "arp-hw-other", OWN, ARP, OTHER, "10.99.0.11", 0, 0, "", "" },
	{ "ip-own", OWN, UDP, "", "10.99.0.11", 1000, 1000, "", "" },
	{ "ip-other", OWN, UDP, "", "10.99.0.99", 1000, 1000, "", "" },
	{ "ip-more", OWN, UDP, "", "10.99.0.50", 1000, 1000, "", "" },
	{ "ip-zero", OWN, UDP, "", "0.0.0.0", 1000, 1000, "", "" },
	{ "mac-other", OTHER, UDP, "", "10.99.0.11", 1000, 1000, "", "" },
	{ "dhcp-request", OWN, UDP, "", "0.0.0.0", 68, 67, "", "" },
	{ "dhcp-offer", OWN, UDP, "", "10.99.0.11", 67, 68, "", "" },
	{ "ip6-link", OWN, IP6, "", LINK, 17, 0, UDP6, "::" },
	{ "ip6-own", OWN, IP6, "", "2001:db8::11", 17, 0, UDP6, "::" },
	{ "ip6-other", OWN, IP6, "", "2001:db8::99", 17, 0, UDP6, "::" },
	{ "dhcp6-answer", OWN, IP6, "", LINK, 17, 0, "02 23 02 22 00 18 00 00", "::" },
	{ "router", OWN, IP6, "", LINK, 58, 0, "86 00 00 00 40 00 07 08", "::" },
	{ "neighbour-own", OWN, IP6, "", LINK, 58, 0, "88 00 00 00 20 00 00 00", "2001:db8::11" },
	{ "neighbour-other", OWN, IP6, "", LINK, 58, 0, "88 00 00 00 20 00 00 00", "2001:db8::99" },
	{ "vlan", OWN, UDP, "81 00 00 05", "10.99.0.11", 1000, 1000, "", "" },
	{ "vlan-vlan", OWN, UDP, "88 a8 00 05 81 00 00 06", "10.99.0.11", 1000, 1000, "", "" },
	{ "stp", OWN, RAW, "00 26 42 42 03 00 00 00 00 00 00 00", "", 0, 0, "", "" },
};

static void build(struct frame *f, size_t i)
{
	*f = (struct frame){ 0 };
	/* The receiver's MAC says which one it is: bridges cut off what follows a packet. */
	hex(f, frames[i].kind == RAW ? "01 80 c2 00 00 00" : "03 00 00 00 00 00");
	f->data[5] = frames[i].kind == RAW ? 0 : (unsigned char)(i + 1);
	hex(f, frames[i].mac);
	if (frames[i].kind != ARP)
		hex(f, frames[i].bytes);
	switch (frames[i].kind) {
	case ARP: arp(f, frames[i].bytes, frames[i].from); break;
	case UDP: udp(f, frames[i].from, frames[i].a, frames[i].b); break;
	case IP6: ip6(f, frames[i].from, (unsigned char)frames[i].a, frames[i].payload, frames[i].target); break;
	case RAW: break;
	}
	f->len = f->len < 60 ? 60 : f->len;
}

static int open_tap(const char *name)
{
	struct ifreq ifr = { .ifr_flags = (short)(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR) };
	int fd = open("/dev/net/tun", O_RDWR);

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &ifr)) {
		perror(name);
		exit(2);
	}
	return fd;
}

static int open_device(const char *name)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(3 /* all */), .sll_ifindex = (int)if_nametoindex(name) };
	int fd = socket(AF_PACKET, SOCK_RAW, htons(3));

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at))) {
		perror(name);
		exit(2);
	}
	return fd;
}

static int arrives(int fd, const unsigned char to[6])
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	unsigned char in[2048];
	ssize_t n;

	while (poll(&p, 1, WAIT_MS) == 1) {
		n = recv(fd, in, sizeof(in), 0);
		if (n >= 6 && !memcmp(in, to, 6))
			return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	int tap, device;

	if (argc != 3) {
		fprintf(stderr, "usage: frames TAP DEVICE\n");
		return 2;
	}
	tap = open_tap(argv[1]);
	device = open_device(argv[2]);
	/* The carrier comes with the descriptor. */
	usleep(300000);
	for (size_t i = 0; i < sizeof(frames) / sizeof(*frames); i++) {
		struct frame f, out = { .len = VNET_BYTES };

		build(&f, i);
		put(&out, f.data, f.len);
		if (write(tap, out.data, out.len) != (ssize_t)out.len) {
			perror(frames[i].name);
			return 2;
		}
		printf("%s %s\n", frames[i].name, arrives(device, f.data) ? "passes" : "is lost");
	}
	return 0;
}
