// SPDX-License-Identifier: Apache-2.0
/* Reconciling: live and desired are sorted, and merged to the steps between them. */
#include <stdlib.h>
#include <string.h>

#include "lan.h"

/*
 * The order of steps. What one needs of another comes before it: a parent is up and large enough before its VLAN is made, an address is there before
 * a route through it, and before it goes elsewhere.
 */
enum {
	ORDER_CLEAR,
	ORDER_LEAVE,
	ORDER_UP,
	ORDER_GROW,
	ORDER_CREATE,
	ORDER_SET,
	ORDER_MASTER,
	ORDER_VLAN,
	ORDER_ADDR,
	ORDER_ROUTE,
	ORDER_UNROUTE,
	ORDER_UNADDR,
	ORDER_JOIN,
	ORDER_DOWN,
	ORDER_DELETE
};
/* Steps of one phase by how far down the link is: a VLAN of a VLAN of a bond has 2. */
#define DEPTH	  8
#define AT(o, d)  ((o)*64u + (d)*4u)
#define AFTER(at) ((at) + 1)
#define LATE(at)  ((at) + 2)

struct diff {
	struct vp_arena *a;
	const struct vp_lan *live, *want;
	const char *mark;
	struct vp_lan_steps *out;
	/* By position in live: it goes, or goes and comes back. */
	bool *gone;
};

static struct vp_lan_step *add(struct diff *d, const char *dev, const char *from, const char *to, unsigned order)
{
	struct vp_lan_steps *out = d->out;
	struct vp_lan_step *s;

	out->items = vp_grow_in(d->a, out->items, out->n, &out->cap, sizeof(*out->items));
	s = &out->items[out->n++];
	*s = (struct vp_lan_step){ .from = from, .to = to, .order = order };
	snprintf(s->dev, sizeof(s->dev), "%s", dev);
	return s;
}

static unsigned depth(const struct vp_lan *l, const struct vp_lan_link *link)
{
	unsigned n = 0;

	while (link && n < DEPTH - 1 && *vp_lan_get(link, VP_LAN_PARENT)) {
		link = vp_lan_find(l, vp_lan_get(link, VP_LAN_PARENT));
		n++;
	}
	return n;
}

static bool makeable(const char *kind)
{
	return !strcmp(kind, "bridge") || !strcmp(kind, "bond") || !strcmp(kind, "vlan");
}

static bool differs(const struct vp_lan_link *live, const struct vp_lan_link *want, int attr)
{
	/* Not told for a while, by a spanning tree that stays, or that has been switched off meanwhile. */
	if (attr == VP_LAN_AGEING_TIME && !(live->has & 1u << attr) &&
	    (!*vp_lan_get(want, VP_LAN_STP) || !strcmp(vp_lan_get(live, VP_LAN_STP), vp_lan_get(want, VP_LAN_STP))))
		return false;
	/* What no kernel of this kind tells cannot be compared, and what was never said is the kernel's default. */
	return want->has & 1u << attr && (!(live->has & 1u << attr) || strcmp(live->value[attr], want->value[attr]));
}

static bool must_recreate(const struct vp_lan_link *live, const struct vp_lan_link *want)
{
	for (int i = 0; i < VP_LAN__COUNT; i++)
		if (vp_lan_rows[i].recreate && differs(live, want, i))
			return true;
	return false;
}

static const char *link_text(struct diff *d, const struct vp_lan *l, const struct vp_lan_link *link)
{
	vp_cleanup(vp_buf_free) struct vp_buf text = { 0 };

	vp_lan_print_link(l, link, &text);
	return vp_strdup(d->a, vp_buf_str(&text));
}

/* What a new link is made with: its addresses and ports are steps of their own. */
static const char *new_text(struct diff *d, const struct vp_lan_link *link)
{
	vp_cleanup(vp_buf_free) struct vp_buf text = { 0 };
	struct vp_lan alone = { .links = (struct vp_lan_link *)link, .nlinks = 1 };

	vp_lan_print(&alone, &text);
	return vp_strdup(d->a, vp_buf_str(&text));
}

/*
 * VLANs go at once, children first: another one may want their number; and bonds, whose members are their own again only then. Bridges stay until
 * what they carry is elsewhere.
 */
static bool goes_first(const struct vp_lan_link *live, bool comes_back)
{
	return comes_back || vp_lan_is(live, "vlan") || vp_lan_is(live, "bond");
}

static void remove_link(struct diff *d, const struct vp_lan_link *live, bool comes_back)
{
	bool first = goes_first(live, comes_back);
	unsigned deep = DEPTH - 1 - depth(d->live, live);

	d->gone[live - d->live->links] = true;
	add(d, live->name, link_text(d, d->live, live), NULL, AT(first ? ORDER_CLEAR : ORDER_DELETE, deep));
}

static void create_link(struct diff *d, const struct vp_lan_link *want)
{
	unsigned at = AT(vp_lan_is(want, "vlan") ? ORDER_VLAN : ORDER_CREATE, depth(d->want, want));

	/* A bond may be part of a bridge. */
	add(d, want->name, NULL, new_text(d, want), vp_lan_is(want, "bond") ? AFTER(at) : at);
}

static bool is_bond(const struct vp_lan *l, const char *name)
{
	const struct vp_lan_link *link = vp_lan_find(l, name);

	return link && vp_lan_is(link, "bond");
}

/* It is part of a bond that stays. What is set of it then, is lost when it leaves. */
static bool in_bond(struct diff *d, const struct vp_lan_link *live)
{
	const char *master = vp_lan_get(live, VP_LAN_MASTER);

	return is_bond(d->live, master) && !d->gone[vp_lan_find(d->live, master) - d->live->links];
}

/* Joining a bond takes a link down, and with it what it carries: that has to be elsewhere. */
static unsigned master_order(struct diff *d, const struct vp_lan_link *live, const struct vp_lan_link *want)
{
	const char *master = vp_lan_get(want, VP_LAN_MASTER);

	if (is_bond(d->want, master))
		return AT(ORDER_JOIN, 0);
	return !*master && in_bond(d, live) ? AT(ORDER_LEAVE, 0) : AT(ORDER_MASTER, 0);
}

static unsigned set_order(struct diff *d, const struct vp_lan_link *live, const struct vp_lan_link *want, int attr)
{
	unsigned deep = depth(d->want, want), up = DEPTH - 1 - deep;
	bool on = strcmp(want->value[attr], "0");

	if (attr == VP_LAN_MASTER)
		return master_order(d, live, want);
	if (*vp_lan_get(want, VP_LAN_MASTER) && in_bond(d, live))
		return AT(attr == VP_LAN_UP && !on ? ORDER_DOWN : ORDER_MASTER, 1);
	switch (attr) {
	case VP_LAN_UP: return on ? AT(ORDER_UP, deep) : AT(ORDER_DOWN, up);
	case VP_LAN_MTU: return atoi(want->value[attr]) > atoi(vp_lan_get(live, VP_LAN_MTU)) ? AT(ORDER_GROW, deep) : AT(ORDER_SET, up);
	/* With a spanning tree the kernel is strict about the forward delay. */
	case VP_LAN_STP: return on ? LATE(AT(ORDER_SET, 0)) : AT(ORDER_SET, 0);
	default: return AFTER(AT(ORDER_SET, 0));
	}
}

static const char *named(struct diff *d, const struct vp_lan_link *link, int attr)
{
	return link->has & 1u << attr ? vp_printf(d->a, "%s %s", vp_lan_rows[attr].name, link->value[attr]) : NULL;
}

static bool lost(struct diff *d, const struct vp_lan_link *live)
{
	return d->gone[live - d->live->links];
}

/* It goes before anything else is done, and takes its routes and ports along. */
static bool cleared(struct diff *d, const char *dev)
{
	const struct vp_lan_link *live = vp_lan_find(d->live, dev);

	return live && lost(d, live) && goes_first(live, vp_lan_find(d->want, dev));
}

/* What it is as a port of that bridge goes with it, and comes with it. */
static const char *master_text(struct diff *d, const struct vp_lan_link *link, const char *master, bool down)
{
	vp_cleanup(vp_buf_free) struct vp_buf text = { 0 };

	vp_buf_addf(&text, "%s %s%s", vp_lan_rows[VP_LAN_MASTER].name, master, down ? VP_LAN_AND_DOWN : "");
	if (*master && !vp_lan_is(link, "bridge"))
		vp_lan_print_port(link, &text);
	return vp_strdup(d->a, vp_buf_str(&text));
}

/*
 * One that was down before it joined a bond is down when it leaves. What it was part of may be gone by then, and another be there of that name: it is
 * part of none, until the one that went is there again, which has its ports back itself.
 */
static const char *value_now(struct diff *d, const struct vp_lan_link *live, const struct vp_lan_link *want, int attr)
{
	const char *master = vp_lan_get(live, VP_LAN_MASTER);
	bool down = !strcmp(vp_lan_get(live, VP_LAN_UP), "0") && is_bond(d->want, want->value[attr]);

	if (attr != VP_LAN_MASTER)
		return named(d, live, attr);
	return master_text(d, live, cleared(d, master) ? "" : master, down);
}

/* The bridge it is part of goes, or is made anew: it is part of none then. */
static bool freed(struct diff *d, const struct vp_lan_link *live)
{
	const struct vp_lan_link *master = vp_lan_find(d->live, vp_lan_get(live, VP_LAN_MASTER));

	return master && d->gone[master - d->live->links];
}

static void change_link(struct diff *d, const struct vp_lan_link *live, const struct vp_lan_link *want)
{
	bool joins = want->has & 1u << VP_LAN_MASTER && (freed(d, live) || differs(live, want, VP_LAN_MASTER));

	for (int i = 0; i < VP_LAN__COUNT; i++) {
		bool comes_back = i == VP_LAN_MASTER && freed(d, live);

		if ((comes_back && want->has & 1u << i && !*want->value[i]) || (joins && vp_lan_of_port(i)))
			continue;
		if (!vp_lan_rows[i].recreate && (differs(live, want, i) || (comes_back && want->has & 1u << i)))
			add(d, want->name, value_now(d, live, want, i),
			    i == VP_LAN_MASTER ? master_text(d, want, want->value[i], false) : named(d, want, i), set_order(d, live, want, i));
	}
}

/* A VLAN goes with what it is on, and is made anew. */
static bool parent_gone(struct diff *d, const struct vp_lan_link *live)
{
	const struct vp_lan_link *parent = vp_lan_find(d->live, vp_lan_get(live, VP_LAN_PARENT));

	return parent && d->gone[parent - d->live->links];
}

/* First who goes: what others lose by it is known then. By depth, so that parents are decided before their VLANs. */
static void find_gone(struct diff *d)
{
	for (unsigned deep = 0; deep < DEPTH; deep++)
		for (size_t i = 0; i < d->live->nlinks; i++) {
			const struct vp_lan_link *live = &d->live->links[i], *want = vp_lan_find(d->want, live->name);
			bool ours = *d->mark && !strcmp(live->alias, d->mark);

			if (depth(d->live, live) != deep || (!want && !ours && !parent_gone(d, live)))
				continue;
			if (!want || parent_gone(d, live) || must_recreate(live, want))
				remove_link(d, live, want);
		}
}

static void merge_links(struct diff *d)
{
	size_t l = 0;

	for (size_t w = 0; w < d->want->nlinks; w++) {
		const struct vp_lan_link *want = &d->want->links[w], *live;

		while (l < d->live->nlinks && strcmp(d->live->links[l].name, want->name) < 0)
			l++;
		live = l < d->live->nlinks && !strcmp(d->live->links[l].name, want->name) ? &d->live->links[l] : NULL;
		if (live && !lost(d, live))
			change_link(d, live, want);
		else if (makeable(vp_lan_get(want, VP_LAN_KIND)))
			create_link(d, want);
	}
}

static bool stays(struct diff *d, const char *dev)
{
	const struct vp_lan_link *live = vp_lan_find(d->live, dev);

	return live && !lost(d, live);
}

static bool exact(struct diff *d, const char *dev)
{
	const struct vp_lan_link *want = vp_lan_find(d->want, dev);

	return want && want->exact;
}

static int compare_addr(const struct vp_lan_addr *x, const struct vp_lan_addr *y)
{
	int rc = strcmp(x->dev, y->dev);

	return rc ? rc : strcmp(x->text, y->text);
}

static void merge_addrs(struct diff *d)
{
	const struct vp_lan_addr *live = d->live->addrs, *want = d->want->addrs;
	size_t l = 0, w = 0;

	while (l < d->live->naddrs || w < d->want->naddrs) {
		int rc = l == d->live->naddrs ? 1 : w == d->want->naddrs ? -1 : compare_addr(&live[l], &want[w]);

		/* Those of a link that goes, go with it. The last is taken first, so that undoing it gives the same order. */
		if (rc < 0 && exact(d, live[l].dev) && stays(d, live[l].dev))
			add(d, live[l].dev, vp_printf(d->a, "address %s", live[l].text), NULL, AT(ORDER_UNADDR, 0))->seq = UINT32_MAX - live[l].seq;
		if (rc > 0 || (!rc && !stays(d, want[w].dev)))
			add(d, want[w].dev, NULL, vp_printf(d->a, "address %s", want[w].text), AT(ORDER_ADDR, 0))->seq = want[w].seq;
		l += rc <= 0;
		w += rc >= 0;
	}
}

static const char *route_text(struct diff *d, const struct vp_lan_route *r)
{
	return r ? vp_printf(d->a, "route %s dev=%s via=%s metric=%u proto=%u src=%s", r->to, r->dev, r->via, r->metric, r->proto, r->src) : NULL;
}

static int compare_key(const struct vp_lan_route *x, const struct vp_lan_route *y)
{
	int rc = strcmp(x->to, y->to);

	return rc ? rc : x->metric < y->metric ? -1 : x->metric > y->metric;
}

static bool same_route(const struct vp_lan_route *x, const struct vp_lan_route *y)
{
	return !strcmp(x->dev, y->dev) && !strcmp(x->via, y->via) && (!*y->src || !strcmp(x->src, y->src));
}

/* One in the place of another is one step: there is no moment without it. */
static void merge_routes(struct diff *d)
{
	const struct vp_lan_route *live = d->live->routes, *want = d->want->routes;
	size_t l = 0, w = 0;

	while (l < d->live->nroutes || w < d->want->nroutes) {
		int rc = l == d->live->nroutes ? 1 : w == d->want->nroutes ? -1 : compare_key(&live[l], &want[w]);

		if (rc < 0 && exact(d, live[l].dev) && stays(d, live[l].dev))
			add(d, live[l].dev, route_text(d, &live[l]), NULL, AT(ORDER_UNROUTE, 0));
		if (rc > 0 || (!rc && (!stays(d, live[l].dev) || !same_route(&live[l], &want[w]))))
			add(d, want[w].dev, rc || cleared(d, live[l].dev) ? NULL : route_text(d, &live[l]), route_text(d, &want[w]),
			    AT(ORDER_ROUTE, 0));
		l += rc <= 0;
		w += rc >= 0;
	}
}

static int by_order(const void *a, const void *b)
{
	const struct vp_lan_step *x = a, *y = b;

	if (x->order != y->order)
		return x->order < y->order ? -1 : 1;
	if (x->seq != y->seq)
		return x->seq < y->seq ? -1 : 1;
	if (strcmp(x->dev, y->dev))
		return strcmp(x->dev, y->dev);
	return strcmp(x->to ? x->to : x->from, y->to ? y->to : y->from);
}

void vp_lan_diff(struct vp_arena *a, const struct vp_lan *live, const struct vp_lan *want, const char *mark, struct vp_lan_steps *out)
{
	struct diff d = { .a = a, .live = live, .want = want, .mark = mark, .out = out };

	d.gone = vp_alloc(a, live->nlinks + 1);
	find_gone(&d);
	merge_links(&d);
	merge_addrs(&d);
	merge_routes(&d);
	if (out->n)
		qsort(out->items, out->n, sizeof(*out->items), by_order);
}

/* "route 0.0.0.0/0 dev=br0 via=10.0.0.254 metric=0 ..." in words. */
static const char *route_words(struct vp_arena *a, const char *text)
{
	char to[64] = "", dev[16] = "", via[48] = "";

	sscanf(text, "route %63s dev=%15s via=%47[^ ]", to, dev, via);
	return vp_printf(a, "%s%s%s", dev, *via ? " through " : "", via);
}

static const char *route_change(struct vp_arena *a, const char *from, const char *to)
{
	const char *some = to ? to : from, *where = some + strlen("route ");

	return vp_printf(a, "%sroute %.*s over %s%s%s", to ? "" : "no ", (int)strcspn(where, " "), where, route_words(a, some),
			 from && to ? ", before over " : "", from && to ? route_words(a, from) : "");
}

/* A word, or what stands for none. */
static const char *value_words(struct vp_arena *a, const char *value)
{
	size_t n = strcspn(value, " ");

	return n ? vp_strndup(a, value, n) : "none";
}

/* What follows it: how it is a port there. */
static const char *port_words(struct vp_arena *a, const char *value)
{
	const char *rest = value + strcspn(value, " ");

	return *rest && strchr(rest, '=') ? vp_printf(a, " with%s", rest) : "";
}

const char *vp_lan_step_text(struct vp_arena *a, const char *from, const char *to)
{
	const char *some = to ? to : from;
	size_t word = strcspn(some, " "), line = strcspn(some, "\n");

	if (!strncmp(some, "route ", 6))
		return route_change(a, from, to);
	if (from && to && !strncmp(from, to, word + 1))
		return vp_printf(a, "%.*s %s -> %s%s", (int)word, some, value_words(a, from + word + 1), value_words(a, to + word + 1),
				 port_words(a, to + word + 1));
	return vp_printf(a, "%s%.*s", to ? "" : "no ", (int)line, some);
}
