/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's own network: links with their attributes, addresses and routes. Desired and live are the same struct, and what lies between them is a
 * list of steps, each of which can be done and undone by itself. What a link can have is one table, which reading, writing, comparing and printing
 * go by.
 */
#ifndef VP_LAN_H
#define VP_LAN_H

#include "net.h"

enum vp_lan_attr {
	/* As the kernel names it: bridge, bond, vlan; "ethernet" and all others can only be found, not made. */
	VP_LAN_KIND,
	VP_LAN_PARENT,
	VP_LAN_VLAN_ID,
	VP_LAN_BOND_MODE,
	VP_LAN_LACP_RATE,
	VP_LAN_MIIMON,
	VP_LAN_XMIT_HASH,
	VP_LAN_MAC,
	VP_LAN_MTU,
	VP_LAN_FORWARD_DELAY,
	VP_LAN_HELLO_TIME,
	VP_LAN_MAX_AGE,
	VP_LAN_AGEING_TIME,
	VP_LAN_PRIORITY,
	VP_LAN_STP,
	VP_LAN_VLAN_FILTERING,
	VP_LAN_SNOOPING,
	VP_LAN_DEFAULT_PVID,
	VP_LAN_PATH_COST,
	VP_LAN_PORT_PRIORITY,
	/* Of a bridge's port, and of the bridge as a port of itself: "1pu,10-20", p: untagged frames belong to it, u: they leave without a tag. */
	VP_LAN_VLANS,
	/* The bridge or bond it is part of; "" for none. */
	VP_LAN_MASTER,
	VP_LAN_UP,
	VP_LAN__COUNT
};

/* How an attribute is written in netlink. */
enum vp_lan_type { VP_LAN_U8, VP_LAN_U16, VP_LAN_U32, VP_LAN_HWADDR, VP_LAN_NAME, VP_LAN_FLAG, VP_LAN_WORD };

/* The longest value, of VLANs; a live port with more is one whose VLANs are not known. */
#define VP_LAN_VALUE 128
/* The kind of rows that only a bridge's port has: they come and go with its master. */
#define VP_LAN_PORT "port"

struct vp_lan_row {
	const char *name;
	/* The kind of link that has it; NULL: any. */
	const char *kind;
	enum vp_lan_type type;
	/* Number of the netlink attribute, inside the link's own data or (kind NULL) beside it. */
	unsigned short nla;
	/* It cannot be changed: the link has to be made anew. */
	bool recreate;
	/* Words for the numbers from 0 on, blank-separated; NULL: numbers. */
	const char *words;
};
extern const struct vp_lan_row vp_lan_rows[VP_LAN__COUNT];

struct vp_lan_link {
	char name[16];
	int index;
	/* 1 << attribute: known, of a live one; asked for, of a desired one. */
	uint32_t has;
	char value[VP_LAN__COUNT][VP_LAN_VALUE];
	/* Live: its ifalias. */
	char alias[64];
	/* Desired: addresses and routes that are not asked for go. */
	bool exact;
};

struct vp_lan_addr {
	char dev[16];
	/* "10.0.0.1/24" */
	char text[52];
	/* The first of a link is what it speaks as: lower first. */
	unsigned seq;
};

struct vp_lan_route {
	char dev[16];
	/* "0.0.0.0/0", "::/0", "10.0.0.0/8" */
	char to[52];
	/* "" where what it leads to is on the link. */
	char via[46], src[46];
	unsigned metric;
	/* Who made it (rtnetlink's number); not compared. */
	unsigned char proto;
};

struct vp_lan {
	/* All sorted: links by name, the others by device and text. */
	struct vp_lan_link *links;
	size_t nlinks, linkscap;
	struct vp_lan_addr *addrs;
	size_t naddrs, addrscap;
	struct vp_lan_route *routes;
	size_t nroutes, routescap;
};

/* Behind a master in a step: the link is down. What it is as a port of that bridge follows, "path_cost=100 vlans=1pu". */
#define VP_LAN_AND_DOWN " -"
void vp_lan_print_port(const struct vp_lan_link *port, struct vp_buf *out);
bool vp_lan_parse_port(const char *text, struct vp_lan_link *out);
bool vp_lan_of_port(int attr);

#define VP_LAN_NVLANS 4096
enum { VP_LAN_TAGGED = 1, VP_LAN_UNTAGGED = 2, VP_LAN_PVID = 4 };
/* What each VLAN is to a port (0: nothing), from its text and back; false: no such text, or too long a one. */
bool vp_lan_vlans_parse(const char *text, unsigned char vlans[VP_LAN_NVLANS]);
bool vp_lan_vlans_text(const unsigned char vlans[VP_LAN_NVLANS], char text[VP_LAN_VALUE]);

void vp_lan_free(struct vp_lan *l);
struct vp_lan_link *vp_lan_add(struct vp_lan *l, const char *name);
void vp_lan_set(struct vp_lan_link *link, enum vp_lan_attr attr, const char *value);
/* Its value; "" where there is none. */
const char *vp_lan_get(const struct vp_lan_link *link, enum vp_lan_attr attr);
/* False where it is no address. Twice the same is once. */
bool vp_lan_add_addr(struct vp_lan *l, const char *dev, const char *text);
bool vp_lan_add_route(struct vp_lan *l, const char *dev, const char *to, const char *via, unsigned metric);
bool vp_lan_is(const struct vp_lan_link *link, const char *kind);
/* NULL where absent. */
struct vp_lan_link *vp_lan_find(const struct vp_lan *l, const char *name);
bool vp_lan_has_addr(const struct vp_lan *l, const char *dev, const char *text);
void vp_lan_sort(struct vp_lan *l);
/* Whether ip lies in the net "10.0.0.1/24". */
bool vp_lan_within(const char *ip, const char *net);

/*
 * As text, a line each: "link br0 kind=bridge mtu=1500", "address br0 10.0.0.1/24", "route br0 0.0.0.0/0 via=10.0.0.254 metric=0". The other way
 * round everything is exact; false where it is no such text.
 */
void vp_lan_print(const struct vp_lan *l, struct vp_buf *out);
bool vp_lan_parse(const char *text, struct vp_lan *out);
/* One link's lines, of its addresses and routes, too, and "port br0 NAME" for what is part of it. */
void vp_lan_print_link(const struct vp_lan *l, const struct vp_lan_link *link, struct vp_buf *out);

struct vp_lan_step {
	char dev[16];
	/*
	 * What is and what shall be, NULL for nothing: "mtu 1500", "address 10.0.0.1/24", "route 0.0.0.0/0 via=...", or the text of a link that is
	 * made or removed, with all that goes with it. Undoing a step is doing it with the two exchanged.
	 */
	const char *from, *to;
	/* Lower first; among equals, by seq. */
	unsigned order, seq;
};
struct vp_lan_steps {
	struct vp_lan_step *items;
	size_t n, cap;
};

/*
 * What turns live into want, in the order in which it is to be done: addresses are added before they are removed elsewhere, and routes are replaced,
 * so that what is reached through a link that becomes a port stays reached. Of want's links only what they ask for is changed. Links that want does
 * not have go where they carry the mark. Everything is in the arena.
 */
void vp_lan_diff(struct vp_arena *a, const struct vp_lan *live, const struct vp_lan *want, const char *mark, struct vp_lan_steps *out);
/* "mtu 1500 -> 9000", for people. */
const char *vp_lan_step_text(struct vp_arena *a, const char *from, const char *to);

/* Live back end. Reading takes three dumps, a fourth where the kernel filters VLANs; what is dynamic (leases, router advertisements) is left out. */
int vp_lan_read(struct vp_net *net, struct vp_lan *out, struct vp_err *err);
/* A step; idempotent. What is made carries the mark. */
int vp_lan_do(struct vp_net *net, const char *dev, const char *from, const char *to, const char *mark, struct vp_err *err);

/*
 * What of the links that want would make the kernel cannot do, tried in a network namespace that nobody sees: told with the link's name and the
 * kernel's words. Where that cannot be tried nothing is told.
 */
void vp_lan_lacks(const struct vp_lan *want, void (*told)(void *arg, const char *dev, const char *what), void *arg);

#endif
