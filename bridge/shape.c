// SPDX-License-Identifier: Apache-2.0
/*
 * Traffic control. What is vprov's has the handle 7670: ("vp"), since a queueing discipline can carry no other mark.
 *
 * An uplink is shared by HTB: of transmitted frames on the uplink itself, by the sender's MAC; of received ones on an ifb device that they are led
 * through, by the receiver's MAC. A class is guaranteed next to nothing: it borrows from the whole, and those that borrow take turns of equal size.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include <linux/if_ether.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>

#include "rtnl.h"
#include "rules.h"

#define MAJOR	   0x76700000u
#define PRIORITY   0x7670u
#define ALL	   (MAJOR | 1u)
#define HOST_CLASS (MAJOR | 0x7000u)
#define INGRESS	   0xffff0000u
/*
 * Of the link's rate: queues have to build up here, not at the card (frame check and gaps between frames are not counted), and not at the other end
 * of the wire, where frames are lost without regard to whose they are.
 */
#define TRANSMIT_PERCENT 98
#define RECEIVE_PERCENT	 96
/* Of a class's turn, in bytes. A frame may be a whole segment of TCP: smaller turns would favour those who send larger frames. */
#define TURN	 70000
#define GUARANTY 1000 /* bytes/s */
/* The kernel's unit of time here (PSCHED_SHIFT). */
#define TICK_NS	    64
#define BYTES(mbit) ((uint64_t)(mbit)*125000)

static struct vp_rtnl *rtnl_of(struct vp_net *net)
{
	return &((struct vp_live *)net)->nl;
}

struct tc_name {
	int index;
	uint32_t parent, handle, info;
	const char *kind;
};

static struct nlmsghdr *begin_tc(struct vp_rtnl *r, uint16_t type, uint16_t flags, const struct tc_name *n)
{
	struct nlmsghdr *nlh = vp_rtnl_begin(r, type, flags);
	struct tcmsg *tc = mnl_nlmsg_put_extra_header(nlh, sizeof(*tc));

	tc->tcm_ifindex = n->index;
	tc->tcm_parent = n->parent;
	tc->tcm_handle = n->handle;
	tc->tcm_info = n->info;
	if (n->kind)
		mnl_attr_put_strz(nlh, TCA_KIND, n->kind);
	return nlh;
}

/* --- What is there. --- */

struct qdisc {
	int index;
	uint32_t parent, handle;
	char kind[16];
	/* Of a token bucket: bytes/s, ticks. */
	uint64_t rate, peak;
	uint32_t buffer;
};
struct qdiscs {
	struct qdisc *items;
	size_t n, cap;
};

static void read_tbf(const struct nlattr *options, struct qdisc *q)
{
	const struct nlattr *attr;
	const struct tc_tbf_qopt *opt;

	mnl_attr_for_each_nested(attr, options)
	{
		switch (mnl_attr_get_type(attr)) {
		case TCA_TBF_PARMS:
			opt = mnl_attr_get_payload(attr);
			q->rate = q->rate ? q->rate : opt->rate.rate;
			q->peak = q->peak ? q->peak : opt->peakrate.rate;
			q->buffer = opt->buffer;
			break;
		case TCA_TBF_RATE64: q->rate = mnl_attr_get_u64(attr); break;
		case TCA_TBF_PRATE64: q->peak = mnl_attr_get_u64(attr); break;
		default: break;
		}
	}
}

static void read_qdisc(const struct nlmsghdr *nlh, void *arg)
{
	const struct tcmsg *tc = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr, *options = NULL;
	struct qdiscs *out = arg;
	struct qdisc *q;

	out->items = vp_grow(out->items, out->n, &out->cap, sizeof(*out->items));
	q = &out->items[out->n++];
	*q = (struct qdisc){ .index = tc->tcm_ifindex, .parent = tc->tcm_parent, .handle = tc->tcm_handle };
	mnl_attr_for_each(attr, nlh, sizeof(*tc))
	{
		if (mnl_attr_get_type(attr) == TCA_KIND)
			snprintf(q->kind, sizeof(q->kind), "%s", mnl_attr_get_str(attr));
		if (mnl_attr_get_type(attr) == TCA_OPTIONS)
			options = attr;
	}
	if (options && !strcmp(q->kind, "tbf"))
		read_tbf(options, q);
}

/* Of one device, or of all (index 0). */
static int list_qdiscs(struct vp_rtnl *r, struct qdiscs *out, struct vp_err *err)
{
	int error = vp_rtnl_dump(r, begin_tc(r, RTM_GETQDISC, NLM_F_DUMP, &(struct tc_name){ 0 }), read_qdisc, out);

	return error ? vp_net_refuse(err, error, r->why, "list queueing disciplines") : 0;
}

static const struct qdisc *qdisc_at(const struct qdiscs *q, int index, uint32_t parent)
{
	for (size_t i = 0; i < q->n; i++)
		if (q->items[i].index == index && q->items[i].parent == parent)
			return &q->items[i];
	return NULL;
}

static void qdiscs_free(struct qdiscs *q)
{
	free(q->items);
}

/* What the kernel gives a device by itself has no handle. */
static bool is_foreign(const struct qdisc *q)
{
	return q && q->handle && q->handle != MAJOR;
}

/* A filter that leads a MAC to a class, or all frames to another device. */
struct filter {
	uint32_t handle, class;
	unsigned char mac[6];
	int redirect;
};

/* One device whose classes share. */
struct side {
	int index;
	/* The MAC is that of the receiver. */
	bool receive;
	uint64_t rate;
	bool host;
	struct filter *filters;
	size_t n, cap;
	/* Of other priorities than vprov's. */
	size_t others;
	/* By minor. */
	bool classes[0x10000];
};

static void read_class(const struct nlmsghdr *nlh, void *arg)
{
	const struct tcmsg *tc = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr, *option;
	struct side *s = arg;

	if ((tc->tcm_handle & 0xffff0000u) != MAJOR)
		return;
	s->classes[tc->tcm_handle & 0xffff] = true;
	s->host |= tc->tcm_handle == HOST_CLASS;
	mnl_attr_for_each(attr, nlh, sizeof(*tc))
	{
		if (tc->tcm_handle != ALL || mnl_attr_get_type(attr) != TCA_OPTIONS)
			continue;
		mnl_attr_for_each_nested(option, attr)
		{
			if (mnl_attr_get_type(option) == TCA_HTB_PARMS && !s->rate)
				s->rate = ((const struct tc_htb_opt *)mnl_attr_get_payload(option))->ceil.rate;
			if (mnl_attr_get_type(option) == TCA_HTB_CEIL64)
				s->rate = mnl_attr_get_u64(option);
		}
	}
}

/* Where the MAC's bytes are, as u32 wants it: words of four, counted from the IP header. */
static void mac_words(bool receive, const unsigned char mac[6], struct tc_u32_key key[2])
{
	unsigned char word[2][4] = { { 0 }, { 0 } };

	memcpy(receive ? word[0] + 2 : word[0], mac, receive ? 2 : 4);
	memcpy(word[1], mac + (receive ? 2 : 4), receive ? 4 : 2);
	memset(key, 0, 2 * sizeof(*key));
	memcpy(&key[0].val, word[0], 4);
	memcpy(&key[1].val, word[1], 4);
	key[0].mask = htonl(receive ? 0x0000ffff : 0xffffffff);
	key[1].mask = htonl(receive ? 0xffffffff : 0xffff0000);
	key[0].off = receive ? -16 : -8;
	key[1].off = receive ? -12 : -4;
}

static void read_mac(const struct tc_u32_sel *sel, bool receive, unsigned char mac[6])
{
	const unsigned char *first = (const unsigned char *)&sel->keys[0].val, *second = (const unsigned char *)&sel->keys[1].val;

	memcpy(mac, receive ? first + 2 : first, receive ? 2 : 4);
	memcpy(mac + (receive ? 2 : 4), second, receive ? 4 : 2);
}

static int read_redirect(const struct nlattr *acts)
{
	const struct nlattr *act, *attr, *option;
	const struct tc_mirred *mirred = NULL;

	mnl_attr_for_each_nested(act, acts)
	{
		mnl_attr_for_each_nested(attr, act)
		{
			if (mnl_attr_get_type(attr) != TCA_ACT_OPTIONS)
				continue;
			mnl_attr_for_each_nested(option, attr)
			{
				if (mnl_attr_get_type(option) == TCA_MIRRED_PARMS)
					mirred = mnl_attr_get_payload(option);
			}
		}
	}
	return mirred ? (int)mirred->ifindex : 0;
}

/* What a filter does. True where it is one: the first row of each priority is the table that filters are in. */
static bool read_options(const struct nlattr *options, bool receive, struct filter *f)
{
	const struct nlattr *option;
	bool whole = false;

	mnl_attr_for_each_nested(option, options)
	{
		switch (mnl_attr_get_type(option)) {
		case TCA_U32_CLASSID: f->class = mnl_attr_get_u32(option); break;
		case TCA_U32_ACT: f->redirect = read_redirect(option); break;
		case TCA_U32_SEL:
			whole = true;
			if (mnl_attr_get_payload_len(option) >= sizeof(struct tc_u32_sel) + 2 * sizeof(struct tc_u32_key))
				read_mac(mnl_attr_get_payload(option), receive, f->mac);
			break;
		default: break;
		}
	}
	return whole;
}

static void read_filter(const struct nlmsghdr *nlh, void *arg)
{
	const struct tcmsg *tc = mnl_nlmsg_get_payload(nlh);
	struct filter f = { .handle = tc->tcm_handle };
	const struct nlattr *attr;
	struct side *s = arg;
	bool whole = false;

	if (tc->tcm_info >> 16 != PRIORITY) {
		s->others++;
		return;
	}
	mnl_attr_for_each(attr, nlh, sizeof(*tc))
	{
		if (mnl_attr_get_type(attr) == TCA_OPTIONS)
			whole = read_options(attr, s->receive, &f);
	}
	if (!whole)
		return;
	s->filters = vp_grow(s->filters, s->n, &s->cap, sizeof(*s->filters));
	s->filters[s->n++] = f;
}

static void side_free(struct side **s)
{
	if (*s)
		free((*s)->filters);
	free(*s);
}

/* Classes and filters below one parent. */
static struct side *read_side(struct vp_rtnl *r, int index, uint32_t parent, bool receive, struct vp_err *err)
{
	struct side *s = vp_xcalloc(1, sizeof(*s));
	int error;

	s->index = index;
	s->receive = receive;
	error = parent == MAJOR ? vp_rtnl_dump(r, begin_tc(r, RTM_GETTCLASS, NLM_F_DUMP, &(struct tc_name){ .index = index }), read_class, s) : 0;
	if (!error)
		error = vp_rtnl_dump(r, begin_tc(r, RTM_GETTFILTER, NLM_F_DUMP, &(struct tc_name){ .index = index, .parent = parent }), read_filter,
				     s);
	if (!error)
		return s;
	vp_net_refuse(err, error, r->why, "list classes and filters");
	side_free(&s);
	return NULL;
}

/* The ifb of an uplink: readable where the name leaves room. */
static void ifb_name(const char *uplink, char name[IFNAMSIZ])
{
	char hex[65];

	vp_sha256_hex(uplink, strlen(uplink), hex);
	snprintf(name, IFNAMSIZ, "ifb-%.11s", strlen(uplink) > 11 ? hex : uplink);
}

static unsigned percent(bool receive)
{
	return receive ? RECEIVE_PERCENT : TRANSMIT_PERCENT;
}

static void print_side(const struct side *s, struct vp_buf *out)
{
	struct vp_share share = { .rate = (unsigned)(s->rate * 100 / percent(s->receive) / BYTES(1)) };

	for (size_t i = 0; i < s->n; i++)
		if (s->classes[s->filters[i].class & 0xffff])
			vp_share_add(&share, s->filters[i].mac, s->filters[i].class & 0xffff);
	vp_share_print(&share, out);
	vp_share_free(&share);
}

static bool redirects(const struct side *ingress, int to)
{
	return ingress->n == 1 && ingress->filters[0].redirect == to;
}

/* A class that nothing leads to. */
static bool has_stray(const struct side *s)
{
	bool used[0x10000] = { false };

	for (size_t i = 0; i < s->n; i++)
		used[s->filters[i].class & 0xffff] = true;
	for (uint32_t c = VP_CLASS_FIRST; c <= VP_CLASS_LAST; c++)
		if (s->classes[c] && !used[c])
			return true;
	return false;
}

/* The share as it works on an uplink: the same in both directions, or damaged. */
static int live_share(struct vp_rtnl *r, int index, const char *name, struct vp_buf *out, struct vp_err *err)
{
	vp_cleanup(vp_buf_free) struct vp_buf other = { 0 };
	vp_cleanup(side_free) struct side *transmit = NULL, *receive = NULL, *ingress = NULL;
	char ifb[IFNAMSIZ];
	int below;

	ifb_name(name, ifb);
	below = (int)if_nametoindex(ifb);
	transmit = read_side(r, index, MAJOR, false, err);
	receive = below ? read_side(r, below, MAJOR, true, err) : NULL;
	ingress = read_side(r, index, INGRESS, false, err);
	if (!transmit || (below && !receive) || !ingress)
		return -1;
	print_side(transmit, out);
	if (receive)
		print_side(receive, &other);
	if (!receive || !transmit->host || !receive->host || has_stray(transmit) || has_stray(receive) ||
	    strcmp(vp_buf_str(out), vp_buf_str(&other)) || !redirects(ingress, below))
		vp_buf_adds(out, VP_RULE_DAMAGED);
	return 0;
}

static unsigned mbit(uint64_t bytes)
{
	return (unsigned)(bytes / BYTES(1));
}

static int live_rule(struct vp_rtnl *r, const struct qdisc *q, struct vp_rules *out, struct vp_err *err)
{
	vp_cleanup(vp_buf_free) struct vp_buf text = { 0 };
	enum vp_rule_kind kind = VP_RULE_SHARE;
	char name[IFNAMSIZ];

	if (q->parent != TC_H_ROOT || !q->handle || !if_indextoname((unsigned)q->index, name))
		return 0;
	if (q->handle != MAJOR) {
		vp_buf_addf(&text, VP_RULE_FOREIGN "%s", q->kind);
	} else if (!strcmp(q->kind, "tbf")) {
		kind = VP_RULE_LIMIT;
		vp_buf_addf(&text, "%u %u %llu", mbit(q->rate), mbit(q->peak),
			    (unsigned long long)((q->buffer * (uint64_t)TICK_NS * (q->rate / 1000) / 1000000 + 512) / 1024));
	} else if (strncmp(name, "ifb-", 4) && live_share(r, q->index, name, &text, err)) {
		return -1;
	}
	if (text.len)
		vp_rules_add(out, kind, name, vp_buf_str(&text));
	return 0;
}

int vp_shape_list(struct vp_net *net, struct vp_rules *out, struct vp_err *err)
{
	vp_cleanup(qdiscs_free) struct qdiscs all = { 0 };

	if (list_qdiscs(rtnl_of(net), &all, err))
		return -1;
	for (size_t i = 0; i < all.n; i++)
		if (live_rule(rtnl_of(net), &all.items[i], out, err))
			return -1;
	return 0;
}

/* --- What shall be. --- */

static void set_rate(struct tc_ratespec *spec, uint64_t bytes)
{
	spec->rate = bytes > UINT32_MAX ? UINT32_MAX : (uint32_t)bytes;
	/* Without a link layer the kernel wants tables of times for each size of frame. */
	spec->linklayer = TC_LINKLAYER_ETHERNET;
}

static uint32_t ticks(uint64_t bytes, uint64_t rate)
{
	uint64_t t = bytes * (1000000000 / TICK_NS) / rate;

	return t > UINT32_MAX ? UINT32_MAX : (uint32_t)t;
}

/* Frames leave in bursts, as timers do not fire for each: a millisecond's worth, and at least one turn. */
static uint64_t burst_of(uint64_t rate)
{
	return rate / 1000 > TURN ? rate / 1000 : TURN;
}

static int put_class(struct vp_rtnl *r, int index, uint32_t parent, uint32_t class, uint64_t rate, uint64_t ceil, struct vp_err *err)
{
	struct nlmsghdr *nlh = begin_tc(r, RTM_NEWTCLASS, NLM_F_ACK | NLM_F_CREATE,
					&(struct tc_name){ .index = index, .parent = parent, .handle = class, .kind = "htb" });
	struct tc_htb_opt opt = { .buffer = ticks(burst_of(rate), rate), .cbuffer = ticks(burst_of(ceil), ceil), .quantum = TURN };
	struct nlattr *options = mnl_attr_nest_start(nlh, TCA_OPTIONS);

	set_rate(&opt.rate, rate);
	set_rate(&opt.ceil, ceil);
	if (rate > UINT32_MAX)
		mnl_attr_put_u64(nlh, TCA_HTB_RATE64, rate);
	if (ceil > UINT32_MAX)
		mnl_attr_put_u64(nlh, TCA_HTB_CEIL64, ceil);
	mnl_attr_put(nlh, TCA_HTB_PARMS, sizeof(opt), &opt);
	mnl_attr_nest_end(nlh, options);
	return vp_rtnl_talk(r, nlh, err, "class %x:%x", class >> 16, class & 0xffff);
}

static int put_htb(struct vp_rtnl *r, int index, struct vp_err *err)
{
	struct nlmsghdr *nlh = begin_tc(r, RTM_NEWQDISC, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL,
					&(struct tc_name){ .index = index, .parent = TC_H_ROOT, .handle = MAJOR, .kind = "htb" });
	struct tc_htb_glob glob = { .version = 3, .rate2quantum = 10, .defcls = HOST_CLASS & 0xffff };
	struct nlattr *options = mnl_attr_nest_start(nlh, TCA_OPTIONS);

	mnl_attr_put(nlh, TCA_HTB_INIT, sizeof(glob), &glob);
	mnl_attr_nest_end(nlh, options);
	return vp_rtnl_talk(r, nlh, err, "queueing discipline htb");
}

/*
 * What waits in a class: at most 100 ms of the whole. Measured with one node of eight connections against three of one, through a link of 100 Mbit/s:
 * a queue of 20 ms makes the greedy one's senders repeat so much that the link itself stays full, and others lose their frames there.
 */
static int put_queue(struct vp_rtnl *r, int index, uint32_t class, uint64_t rate, struct vp_err *err)
{
	const uint64_t bytes = rate / 10 > 2 * TURN ? rate / 10 : 2 * TURN;
	const struct tc_fifo_qopt fifo = { .limit = bytes > UINT32_MAX ? UINT32_MAX : (uint32_t)bytes };
	struct nlmsghdr *nlh = begin_tc(r, RTM_NEWQDISC, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE,
					&(struct tc_name){ .index = index, .parent = class, .handle = class << 16, .kind = "bfifo" });

	mnl_attr_put(nlh, TCA_OPTIONS, sizeof(fifo), &fifo);
	return vp_rtnl_talk(r, nlh, err, "queue of class %x:%x", class >> 16, class & 0xffff);
}

/* One that takes part, or the host's. */
static int put_member(struct vp_rtnl *r, struct side *s, uint32_t class, uint64_t rate, struct vp_err *err)
{
	bool there = s->classes[class & 0xffff] && s->rate == rate;

	s->classes[class & 0xffff] = true;
	return put_class(r, s->index, ALL, class, GUARANTY, rate, err) || (!there && put_queue(r, s->index, class, rate, err));
}

/* A u32 filter with n keys, begun; the caller adds what becomes of the frame, and ends both. */
static struct nlmsghdr *begin_filter(struct vp_rtnl *r, int index, uint32_t parent, const struct tc_u32_key *keys, unsigned char n,
				     struct nlattr **options)
{
	struct nlmsghdr *nlh =
		begin_tc(r, RTM_NEWTFILTER, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL,
			 &(struct tc_name){ .index = index, .parent = parent, .info = PRIORITY << 16 | htons(ETH_P_ALL), .kind = "u32" });
	char sel[sizeof(struct tc_u32_sel) + 2 * sizeof(struct tc_u32_key)];
	const struct tc_u32_sel head = { .flags = TC_U32_TERMINAL, .nkeys = n };

	memcpy(sel, &head, sizeof(head));
	memcpy(sel + sizeof(head), keys, n * sizeof(*keys));
	*options = mnl_attr_nest_start(nlh, TCA_OPTIONS);
	mnl_attr_put(nlh, TCA_U32_SEL, sizeof(head) + n * sizeof(*keys), sel);
	return nlh;
}

static int put_sharer(struct vp_rtnl *r, const struct side *s, const struct vp_sharer *one, struct vp_err *err)
{
	struct tc_u32_key keys[2];
	struct nlattr *options;
	struct nlmsghdr *nlh;

	mac_words(s->receive, one->mac, keys);
	nlh = begin_filter(r, s->index, MAJOR, keys, 2, &options);
	mnl_attr_put_u32(nlh, TCA_U32_CLASSID, MAJOR | one->class);
	mnl_attr_nest_end(nlh, options);
	return vp_rtnl_talk(r, nlh, err, "filter of class %x:%x", MAJOR >> 16, one->class);
}

static int put_redirect(struct vp_rtnl *r, int index, int to, struct vp_err *err)
{
	const struct tc_mirred mirred = { .action = TC_ACT_STOLEN, .eaction = TCA_EGRESS_REDIR, .ifindex = (uint32_t)to };
	const struct tc_u32_key any = { 0 };
	struct nlattr *options, *acts, *act, *parms;
	struct nlmsghdr *nlh = begin_filter(r, index, INGRESS, &any, 1, &options);

	acts = mnl_attr_nest_start(nlh, TCA_U32_ACT);
	act = mnl_attr_nest_start(nlh, 1);
	mnl_attr_put_strz(nlh, TCA_ACT_KIND, "mirred");
	parms = mnl_attr_nest_start(nlh, TCA_ACT_OPTIONS);
	mnl_attr_put(nlh, TCA_MIRRED_PARMS, sizeof(mirred), &mirred);
	mnl_attr_nest_end(nlh, parms);
	mnl_attr_nest_end(nlh, act);
	mnl_attr_nest_end(nlh, acts);
	mnl_attr_nest_end(nlh, options);
	return vp_rtnl_talk(r, nlh, err, "received frames go through the ifb");
}

static int drop(struct vp_rtnl *r, uint16_t type, const struct tc_name *n, struct vp_err *err, const char *what)
{
	return vp_rtnl_talk(r, begin_tc(r, type, NLM_F_ACK, n), err, "remove %s", what);
}

/* Filters of MACs that are not wanted, or lead elsewhere, then classes; a class cannot go before what leads to it. */
static int prune(struct vp_rtnl *r, struct side *s, const struct vp_share *want, struct vp_err *err)
{
	bool used[0x10000] = { false };

	for (size_t i = 0; i < want->n; i++)
		used[want->items[i].class] = true;
	for (size_t i = 0; i < s->n; i++) {
		const struct vp_sharer *one = vp_share_find(want, s->filters[i].mac);
		const struct tc_name name = {
			.index = s->index, .parent = MAJOR, .handle = s->filters[i].handle, .info = PRIORITY << 16 | htons(ETH_P_ALL), .kind = "u32"
		};

		if (one && (MAJOR | one->class) == s->filters[i].class)
			continue;
		if (drop(r, RTM_DELTFILTER, &name, err, "filter"))
			return -1;
		s->filters[i--] = s->filters[--s->n];
	}
	for (uint32_t c = VP_CLASS_FIRST; c <= VP_CLASS_LAST; c++)
		if (s->classes[c] && !used[c] &&
		    drop(r, RTM_DELTCLASS, &(struct tc_name){ .index = s->index, .parent = ALL, .handle = MAJOR | c }, err, "class"))
			return -1;
	return 0;
}

static bool has_filter(const struct side *s, const unsigned char mac[6])
{
	for (size_t i = 0; i < s->n; i++)
		if (!memcmp(s->filters[i].mac, mac, 6))
			return true;
	return false;
}

/* One direction, exactly as wanted. */
static int set_side(struct vp_rtnl *r, int index, bool receive, bool there, const struct vp_share *want, struct vp_err *err)
{
	const uint64_t rate = BYTES(want->rate) * percent(receive) / 100;
	vp_cleanup(side_free) struct side *s = NULL;

	if (!there && put_htb(r, index, err))
		return -1;
	s = read_side(r, index, MAJOR, receive, err);
	if (!s || prune(r, s, want, err) || put_class(r, index, MAJOR, ALL, rate, rate, err) || put_member(r, s, HOST_CLASS, rate, err))
		return -1;
	for (size_t i = 0; i < want->n; i++) {
		const struct vp_sharer *one = &want->items[i];

		if (put_member(r, s, MAJOR | one->class, rate, err) || (!has_filter(s, one->mac) && put_sharer(r, s, one, err)))
			return -1;
	}
	return 0;
}

struct ifb {
	int index;
	bool ours;
	const char *name, *mark;
};

/* By its mark; one that was made, but because of a kill not marked yet, by the MAC that follows from it. */
static void read_ifb(const struct nlmsghdr *nlh, void *arg)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;
	struct ifb *out = arg;
	const char *alias = "";
	unsigned char mac[6];
	bool same = false;

	out->index = ifi->ifi_index;
	vp_net_bridge_mac(out->name, out->mark, mac);
	mnl_attr_for_each(attr, nlh, sizeof(*ifi))
	{
		if (mnl_attr_get_type(attr) == IFLA_IFALIAS)
			alias = mnl_attr_get_str(attr);
		if (mnl_attr_get_type(attr) == IFLA_ADDRESS)
			same = mnl_attr_get_payload_len(attr) == 6 && !memcmp(mnl_attr_get_payload(attr), mac, 6);
	}
	out->ours = *alias ? !strcmp(alias, out->mark) : same;
}

/* The ifb of that name; index 0 where there is none, an error where it is not vprov's. */
static int find_ifb(struct vp_rtnl *r, const char *name, const char *mark, struct ifb *out, struct vp_err *err)
{
	struct nlmsghdr *nlh = vp_rtnl_begin(r, RTM_GETLINK, NLM_F_ACK);
	int error;

	*out = (struct ifb){ .name = name, .mark = mark };
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	error = vp_rtnl_dump(r, nlh, read_ifb, out);
	if (error && error != ENODEV)
		return vp_net_refuse(err, error, r->why, "%s", name);
	if (out->index && !out->ours)
		return vp_fail(err, VP_E_NETOWN, "the device '%s' exists and is not vprov's", name);
	return 0;
}

static struct nlmsghdr *begin_ifb(struct vp_rtnl *r, uint16_t type, uint16_t flags, int index)
{
	struct nlmsghdr *nlh = vp_rtnl_begin(r, type, NLM_F_ACK | flags);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));

	ifi->ifi_index = index;
	ifi->ifi_flags = ifi->ifi_change = index && type == RTM_NEWLINK ? IFF_UP : 0;
	return nlh;
}

static int make_ifb(struct vp_rtnl *r, const char *name, const char *mark, struct ifb *out, struct vp_err *err)
{
	struct nlmsghdr *nlh;
	struct nlattr *info;
	unsigned char mac[6];

	vp_net_bridge_mac(name, mark, mac);
	if (find_ifb(r, name, mark, out, err))
		return -1;
	if (!out->index) {
		nlh = begin_ifb(r, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0);
		mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
		mnl_attr_put(nlh, IFLA_ADDRESS, 6, mac);
		info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
		mnl_attr_put_strz(nlh, IFLA_INFO_KIND, "ifb");
		mnl_attr_nest_end(nlh, info);
		if (vp_rtnl_talk(r, nlh, err, "create ifb %s", name))
			return -1;
		out->index = (int)if_nametoindex(name);
	}
	nlh = begin_ifb(r, RTM_NEWLINK, 0, out->index);
	mnl_attr_put(nlh, IFLA_IFALIAS, strlen(mark), mark);
	return vp_rtnl_talk(r, nlh, err, "bring up %s", name);
}

/* The ingress of an uplink leads to the ifb and nowhere else. */
static int set_ingress(struct vp_rtnl *r, int index, const char *name, bool there, int ifb, struct vp_err *err)
{
	vp_cleanup(side_free) struct side *s = NULL;
	const struct tc_name qdisc = { .index = index, .parent = TC_H_INGRESS, .handle = INGRESS, .kind = "ingress" };

	if (!there && vp_rtnl_talk(r, begin_tc(r, RTM_NEWQDISC, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, &qdisc), err, "ingress of %s", name))
		return -1;
	s = read_side(r, index, INGRESS, false, err);
	if (!s)
		return -1;
	if (s->others)
		return vp_fail(err, VP_E_NETOWN, "%s: received frames are filtered (tc) by somebody else already", name);
	if (redirects(s, ifb))
		return 0;
	if (s->n &&
	    drop(r, RTM_DELTFILTER, &(struct tc_name){ .index = index, .parent = INGRESS, .info = PRIORITY << 16 | htons(ETH_P_ALL), .kind = "u32" },
		 err, "filter of received frames"))
		return -1;
	return put_redirect(r, index, ifb, err);
}

/* What of it is there, in the order in which frames lose it. */
static int unshare_uplink(struct vp_rtnl *r, int index, const struct qdiscs *all, const char *ifb, const char *mark, struct vp_err *err)
{
	const struct qdisc *root = qdisc_at(all, index, TC_H_ROOT), *in = qdisc_at(all, index, TC_H_INGRESS);
	vp_cleanup(side_free) struct side *s = in ? read_side(r, index, INGRESS, false, err) : NULL;
	struct ifb there;

	if (in && !s)
		return -1;
	if (s && s->n && !s->others &&
	    drop(r, RTM_DELQDISC, &(struct tc_name){ .index = index, .parent = TC_H_INGRESS, .handle = INGRESS }, err, "ingress"))
		return -1;
	if (root && root->handle == MAJOR &&
	    drop(r, RTM_DELQDISC, &(struct tc_name){ .index = index, .parent = TC_H_ROOT, .handle = MAJOR }, err, "htb"))
		return -1;
	if (find_ifb(r, ifb, mark, &there, err))
		return -1;
	return there.index ? vp_rtnl_talk(r, begin_ifb(r, RTM_DELLINK, 0, there.index), err, "remove %s", ifb) : 0;
}

static int share_uplink(struct vp_rtnl *r, int index, const char *name, const struct qdiscs *all, const char *ifb, const struct vp_share *want,
			const char *mark, struct vp_err *err)
{
	const struct qdisc *root = qdisc_at(all, index, TC_H_ROOT), *in = qdisc_at(all, index, TC_H_INGRESS), *other;
	struct ifb below;

	if (is_foreign(root) || (in && strcmp(in->kind, "ingress")))
		return vp_fail(err, VP_E_NETOWN, "%s has a queueing discipline (tc) of somebody else, %s", name,
			       is_foreign(root) ? root->kind : in->kind);
	if (make_ifb(r, ifb, mark, &below, err))
		return -1;
	other = qdisc_at(all, below.index, TC_H_ROOT);
	return set_side(r, below.index, true, other && other->handle == MAJOR, want, err) ||
	       set_side(r, index, false, root && root->handle == MAJOR, want, err) || set_ingress(r, index, name, in, below.index, err);
}

int vp_shape_share(struct vp_net *net, const char *dev, const char *text, const char *mark, struct vp_err *err)
{
	vp_cleanup(qdiscs_free) struct qdiscs all = { 0 };
	int index = (int)if_nametoindex(dev);
	struct vp_share want = { 0 };
	char ifb[IFNAMSIZ];
	int rc;

	if (text && !index)
		return vp_net_refuse(err, ENODEV, "", "%s", dev);
	ifb_name(dev, ifb);
	if (list_qdiscs(rtnl_of(net), &all, err))
		return -1;
	if (!text) {
		rc = unshare_uplink(rtnl_of(net), index, &all, ifb, mark, err);
	} else if (!vp_share_parse(text, &want) || !want.rate) {
		rc = vp_fail(err, VP_E_STATE, "'%s' is no share of an uplink", text);
	} else {
		rc = share_uplink(rtnl_of(net), index, dev, &all, ifb, &want, mark, err) ? -1 : 0;
	}
	vp_share_free(&want);
	return rc ? vp_context(err, "share %s", dev) : 0;
}

static int put_tbf(struct vp_rtnl *r, int index, uint64_t rate, uint64_t peak, uint64_t burst, struct vp_err *err)
{
	struct nlmsghdr *nlh = begin_tc(r, RTM_NEWQDISC, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE,
					&(struct tc_name){ .index = index, .parent = TC_H_ROOT, .handle = MAJOR, .kind = "tbf" });
	/* At most 50 ms of what was not sent yet; the rest is lost, and whoever sends slows down. */
	struct tc_tbf_qopt opt = { .limit = (uint32_t)(burst + rate / 20 > UINT32_MAX ? UINT32_MAX : burst + rate / 20) };
	struct nlattr *options = mnl_attr_nest_start(nlh, TCA_OPTIONS);

	set_rate(&opt.rate, rate);
	mnl_attr_put_u32(nlh, TCA_TBF_BURST, (uint32_t)burst);
	if (rate > UINT32_MAX)
		mnl_attr_put_u64(nlh, TCA_TBF_RATE64, rate);
	if (peak) {
		set_rate(&opt.peakrate, peak);
		mnl_attr_put_u32(nlh, TCA_TBF_PBURST, (uint32_t)(burst_of(peak) < burst ? burst_of(peak) : burst));
	}
	if (peak > UINT32_MAX)
		mnl_attr_put_u64(nlh, TCA_TBF_PRATE64, peak);
	mnl_attr_put(nlh, TCA_TBF_PARMS, sizeof(opt), &opt);
	mnl_attr_nest_end(nlh, options);
	return vp_rtnl_talk(r, nlh, err, "queueing discipline tbf");
}

int vp_shape_limit(struct vp_net *net, const char *dev, const char *text, struct vp_err *err)
{
	vp_cleanup(qdiscs_free) struct qdiscs all = { 0 };
	struct vp_rtnl *r = rtnl_of(net);
	int index = (int)if_nametoindex(dev), rc = 0;
	unsigned average, peak, burst;
	const struct qdisc *root;

	if (text && !index)
		return vp_net_refuse(err, ENODEV, "", "%s", dev);
	if (list_qdiscs(r, &all, err))
		return -1;
	root = qdisc_at(&all, index, TC_H_ROOT);
	if (text && (sscanf(text, "%u %u %u", &average, &peak, &burst) != 3 || !average || !burst))
		rc = vp_fail(err, VP_E_STATE, "'%s' is no limit", text);
	else if (text)
		rc = put_tbf(r, index, BYTES(average), BYTES(peak), (uint64_t)burst * 1024, err);
	else if (root && root->handle == MAJOR)
		rc = drop(r, RTM_DELQDISC, &(struct tc_name){ .index = index, .parent = TC_H_ROOT, .handle = MAJOR }, err, "tbf");
	return rc ? vp_context(err, "limit %s", dev) : 0;
}
