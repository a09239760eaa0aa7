/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host network: bridges, taps, ports, addresses. The operations are a table with
 * a live (rtnetlink over libmnl) and a fake back end, which answers with the same
 * errno as the kernel. Everything vprov makes is marked by its ifalias
 * "vprov:STATE-ID", and only what carries the mark is ever changed or removed.
 */
#ifndef VP_NET_H
#define VP_NET_H

#include "rules.h"

enum vp_link_kind { VP_LINK_OTHER, VP_LINK_BRIDGE, VP_LINK_TAP };

struct vp_addr {
	/* Dotted IPv4 or RFC 5952 IPv6. */
	char ip[46];
	unsigned prefix;
};

/* How a tap is made: this cannot be changed while a program has it open. */
struct vp_tap {
	/* Who may open it without privilege; (uid_t)-1 and (gid_t)-1: not asked for, both: root only. */
	uid_t owner;
	gid_t group;
	/* It can be opened several times, once for each queue. */
	bool multi_queue;
};

struct vp_link {
	char name[16];
	enum vp_link_kind kind;
	int index;
	bool up;
	/* The other end is there: for a tap, a program (a guest) that has it open. */
	bool carrier;
	/* Name of the bridge it is a port of, "" for none. */
	char master[16];
	/* ifalias: the mark of ownership, "" for none. */
	char alias[64];
	char mac[18];
	unsigned mtu;
	struct vp_addr *addrs;
	size_t naddrs;
	/* Of a tap. */
	struct vp_tap tap;
};

struct vp_links {
	struct vp_link *items;
	size_t n, cap;
};

struct vp_net;

struct vp_net_ops {
	/* All links with their addresses (without IPv6 link-local ones), sorted by name, in place of what out held; free with vp_links_free(). */
	int (*list)(struct vp_net *net, struct vp_links *out, struct vp_err *err);
	/* Each answers 0, or -1 with err filled and errno as the kernel gave it. */
	/* No STP, no forward delay. */
	int (*bridge_add)(struct vp_net *net, const char *name, const char *alias, struct vp_err *err);
	/* Persistent tap, with room for the virtio header (vnet_hdr), which whoever opens it may leave out. */
	int (*tap_add)(struct vp_net *net, const char *name, const struct vp_tap *how, const char *alias, struct vp_err *err);
	int (*link_del)(struct vp_net *net, const char *name, struct vp_err *err);
	/* Moves a port of another bridge. bridge NULL or "": leaves its bridge. */
	int (*set_master)(struct vp_net *net, const char *port, const char *bridge, struct vp_err *err);
	int (*set_up)(struct vp_net *net, const char *name, bool up, struct vp_err *err);
	int (*set_mtu)(struct vp_net *net, const char *name, unsigned mtu, struct vp_err *err);
	int (*addr_add)(struct vp_net *net, const char *name, const char *ip, unsigned prefix, struct vp_err *err);
	int (*addr_del)(struct vp_net *net, const char *name, const char *ip, unsigned prefix, struct vp_err *err);
	/* All rules of traffic, added to out; free with vp_rules_free(). */
	int (*rules)(struct vp_net *net, const char *mark, struct vp_rules *out, struct vp_err *err);
	/* Makes the rule exactly what text says (rules.h); NULL: none. What carries another mark is refused. */
	int (*rule_set)(struct vp_net *net, enum vp_rule_kind kind, const char *dev, const char *text, const char *mark, struct vp_err *err);
	void (*close)(struct vp_net *net);
};

/* How many tables of the kernel this process has had listed. */
extern unsigned vp_net_dumps;

struct vp_net {
	const struct vp_net_ops *ops;
};

/* Live network of the caller's network namespace; NULL with err. Close with net->ops->close(). */
struct vp_net *vp_net_open(struct vp_err *err);
/* An empty fake world; never fails. */
struct vp_net *vp_net_fake(void);
/* The k-th change from now on (1: the next) of a fake world fails with EIO and changes nothing; 0: none. */
void vp_net_fake_fail(struct vp_net *net, unsigned k);

void vp_links_free(struct vp_links *l);
/* NULL where absent. */
const struct vp_link *vp_link_find(const struct vp_links *l, const char *name);
/*
 * Whether it carries the mark. The kernel takes no alias when it makes a bridge: one that was made, but because of a kill not marked
 * yet, is known by its MAC, which is derived from its name and the mark.
 */
bool vp_link_owned(const struct vp_link *l, const char *mark);
bool vp_link_has_addr(const struct vp_link *l, const char *ip, unsigned prefix);

#endif
