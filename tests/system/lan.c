// SPDX-License-Identifier: Apache-2.0
/*
 * lan PAIRS [SEED] : in a network namespace of its own, from random networks to other random ones on the real kernel. Each time: it ends equal, by as
 * few steps as there are differences, a second look finds none, and after k steps (every k) undoing them gives back exactly what was. Where the
 * kernel has VLANs, bonds and VLAN filtering they are among what is made. Ends with one line of totals; exit status 0 where all of it held.
 */
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "../../bridge/lan.h"

#define MARK  "vprov:0123456789abcdef/host"
#define PORTS 4
#define DIE(...)                                                                                                                                     \
	do {                                                                                                                                         \
		fprintf(stderr, __VA_ARGS__);                                                                                                        \
		exit(1);                                                                                                                             \
	} while (0)

static struct vp_net *net;
static struct vp_arena *arena;
static bool has_vlan, has_bond, has_filtering;
static unsigned wrong, steps_done, undone;

static unsigned pick(unsigned n)
{
	return (unsigned)random() % n;
}

static void number(struct vp_lan_link *l, enum vp_lan_attr attr, unsigned n)
{
	char text[18];

	snprintf(text, sizeof(text), "%u", n);
	vp_lan_set(l, attr, text);
}

static void random_mac(struct vp_lan_link *l)
{
	char text[18];

	snprintf(text, sizeof(text), "02:00:00:00:%02x:%02x", pick(3), 1 + pick(200));
	vp_lan_set(l, VP_LAN_MAC, text);
}

static const unsigned mtus[] = { 1400, 1500, 2000, 4000 };

static void common(struct vp_lan_link *l)
{
	l->exact = true;
	random_mac(l);
	number(l, VP_LAN_MTU, mtus[pick(4)]);
	vp_lan_set(l, VP_LAN_UP, pick(5) ? "1" : "0");
	vp_lan_set(l, VP_LAN_MASTER, "");
}

static void random_vlans(struct vp_lan_link *l)
{
	static const char *const all[] = { "", "1pu", "7pu,10-20", "1-2u,30-40,41p", "2-4094", "10-19,20u,100-200", "1,5pu" };

	vp_lan_set(l, VP_LAN_VLANS, all[pick(vp_count(all))]);
}

/* What it is as a port of a bridge. */
static void random_part(const struct vp_lan *n, struct vp_lan_link *l)
{
	const struct vp_lan_link *master = vp_lan_find(n, vp_lan_get(l, VP_LAN_MASTER));

	if (!master || !vp_lan_is(master, "bridge"))
		return;
	number(l, VP_LAN_PATH_COST, 1 + pick(3));
	number(l, VP_LAN_PORT_PRIORITY, 31 + pick(3));
	if (has_filtering)
		random_vlans(l);
}

static void random_bridge(struct vp_lan *n, const char *name)
{
	struct vp_lan_link *l = vp_lan_add(n, name);
	bool stp = pick(2);

	common(l);
	vp_lan_set(l, VP_LAN_KIND, "bridge");
	number(l, VP_LAN_STP, stp);
	number(l, VP_LAN_FORWARD_DELAY, stp || pick(2) ? 200 + 100 * pick(29) : 0);
	number(l, VP_LAN_HELLO_TIME, 100 * (1 + pick(10)));
	number(l, VP_LAN_MAX_AGE, 100 * (6 + pick(35)));
	/* With a spanning tree it is not always told. */
	if (!stp)
		number(l, VP_LAN_AGEING_TIME, 1000 * pick(40));
	number(l, VP_LAN_PRIORITY, 4096 * pick(16));
	number(l, VP_LAN_SNOOPING, pick(2));
	if (has_filtering) {
		number(l, VP_LAN_VLAN_FILTERING, pick(2));
		number(l, VP_LAN_DEFAULT_PVID, pick(3));
		random_vlans(l);
	}
}

static void random_bond(struct vp_lan *n)
{
	static const char *const modes[] = { "balance-rr", "active-backup", "balance-xor", "802.3ad" };
	struct vp_lan_link *l = vp_lan_add(n, "bond0");

	common(l);
	vp_lan_set(l, VP_LAN_KIND, "bond");
	vp_lan_set(l, VP_LAN_UP, "1");
	vp_lan_set(l, VP_LAN_BOND_MODE, modes[pick(4)]);
	if (!strcmp(vp_lan_get(l, VP_LAN_BOND_MODE), "802.3ad"))
		vp_lan_set(l, VP_LAN_LACP_RATE, pick(2) ? "fast" : "slow");
	number(l, VP_LAN_MIIMON, 100 * (1 + pick(2)));
	vp_lan_set(l, VP_LAN_XMIT_HASH, pick(2) ? "layer2" : "layer3+4");
}

static const char *random_of(const struct vp_lan *n, const char *kind)
{
	const char *found = "";

	for (size_t i = 0; i < n->nlinks; i++)
		if (vp_lan_is(&n->links[i], kind) && pick(2))
			found = n->links[i].name;
	return found;
}

static void random_port(struct vp_lan *n, unsigned i)
{
	char name[16];
	struct vp_lan_link *l;
	const char *master = pick(3) ? random_of(n, pick(2) ? "bridge" : "bond") : "";

	snprintf(name, sizeof(name), "p%u", i);
	master = strdup(master);
	l = vp_lan_add(n, name);
	common(l);
	vp_lan_set(l, VP_LAN_MASTER, master);
	/* A bond decides these. */
	if (!strcmp(master, "bond0"))
		l->has = 1u << VP_LAN_MASTER;
	random_part(n, l);
	free((char *)master);
}

static bool in_bond(const struct vp_lan *n, const struct vp_lan_link *l)
{
	const struct vp_lan_link *m = vp_lan_find(n, vp_lan_get(l, VP_LAN_MASTER));

	return m && vp_lan_is(m, "bond");
}

static void random_vlan(struct vp_lan *n, unsigned i)
{
	struct vp_lan_link parent = n->links[pick((unsigned)n->nlinks)], *l;
	unsigned most = (unsigned)atoi(vp_lan_get(&parent, VP_LAN_MTU)), mtu = mtus[pick(4)], id = 5 + pick(3);
	char name[16], text[18];

	snprintf(text, sizeof(text), "%u", id);
	for (size_t k = 0; k < n->nlinks; k++)
		if (!strcmp(vp_lan_get(&n->links[k], VP_LAN_PARENT), parent.name) && !strcmp(vp_lan_get(&n->links[k], VP_LAN_VLAN_ID), text))
			return;
	if (in_bond(n, &parent) || vp_lan_is(&parent, "vlan"))
		return;
	snprintf(name, sizeof(name), "v%u", i);
	l = vp_lan_add(n, name);
	common(l);
	vp_lan_set(l, VP_LAN_KIND, "vlan");
	vp_lan_set(l, VP_LAN_PARENT, parent.name);
	vp_lan_set(l, VP_LAN_VLAN_ID, text);
	number(l, VP_LAN_MTU, mtu > most ? most : mtu);
	if (strcmp(vp_lan_get(&parent, VP_LAN_UP), "1"))
		vp_lan_set(l, VP_LAN_UP, "0");
	if (!vp_lan_is(&parent, "bridge"))
		vp_lan_set(l, VP_LAN_MASTER, pick(3) ? "" : random_of(n, "bridge"));
	random_part(n, l);
}

static void random_addrs(struct vp_lan *n, const char *dev)
{
	unsigned net4 = pick(4), net6 = 1 + pick(4), host = 1 + pick(3);
	char text[64], gw[64], to[64];

	if (pick(2)) {
		snprintf(text, sizeof(text), "10.%u.0.%u/24", net4, host);
		vp_lan_add_addr(n, dev, text);
		if (!pick(3)) {
			snprintf(text, sizeof(text), "10.%u.0.%u/24", net4, host + 10);
			vp_lan_add_addr(n, dev, text);
		}
		snprintf(gw, sizeof(gw), "10.%u.0.254", net4);
		snprintf(to, sizeof(to), "172.16.%u.0/24", pick(3));
		for (size_t i = 0; i < n->nroutes; i++)
			if (!strcmp(n->routes[i].to, to))
				return;
		if (pick(2))
			vp_lan_add_route(n, dev, to, gw, 0);
	}
	if (pick(2)) {
		snprintf(text, sizeof(text), "fd00:%u::%u/64", net6, host);
		vp_lan_add_addr(n, dev, text);
		snprintf(gw, sizeof(gw), "fd00:%u::fe", net6);
		snprintf(to, sizeof(to), "fd99:%u::/64", 1 + pick(3));
		for (size_t i = 0; i < n->nroutes; i++)
			if (!strcmp(n->routes[i].to, to))
				return;
		if (pick(2))
			vp_lan_add_route(n, dev, to, gw, 100 * (1 + pick(2)));
	}
}

static void random_lan(struct vp_lan *n)
{
	static const char *const bridges[] = { "br0", "br1", "br2" };

	*n = (struct vp_lan){ 0 };
	for (size_t i = 0; i < vp_count(bridges); i++)
		if (pick(3))
			random_bridge(n, bridges[i]);
	if (has_bond && pick(2)) {
		random_bond(n);
		vp_lan_set(vp_lan_find(n, "bond0"), VP_LAN_MASTER, pick(2) ? "" : random_of(n, "bridge"));
		random_part(n, vp_lan_find(n, "bond0"));
	}
	for (unsigned i = 0; i < PORTS; i++)
		random_port(n, i);
	for (unsigned i = 0; has_vlan && i < 3; i++)
		if (pick(2))
			random_vlan(n, i);
	/* What is down keeps nothing; ports have no addresses of their own, as on a host that is in order. */
	for (size_t i = 0; i < n->nlinks; i++)
		if (!strcmp(vp_lan_get(&n->links[i], VP_LAN_UP), "1") && !*vp_lan_get(&n->links[i], VP_LAN_MASTER))
			random_addrs(n, n->links[i].name);
	vp_lan_sort(n);
}

/*
 * --- What there is, as text: of the links that this is about everything that is known, or what `like` asks for; without the ageing time where it is
 * not known beside it. ---
 */

static bool ours(const char *name)
{
	return strchr("pbv", name[0]) != NULL;
}

static char *text_of(const struct vp_lan *l, const struct vp_lan *like, const struct vp_lan *beside)
{
	struct vp_lan part = { 0 };
	struct vp_buf text = { 0 };
	char *out;

	for (size_t i = 0; i < l->nlinks; i++) {
		const struct vp_lan_link *other = like ? vp_lan_find(like, l->links[i].name) : &l->links[i];
		const struct vp_lan_link *known = beside ? vp_lan_find(beside, l->links[i].name) : NULL;
		struct vp_lan_link *one;

		if (!ours(l->links[i].name))
			continue;
		one = vp_lan_add(&part, "");
		*one = l->links[i];
		one->has &= other ? other->has : ~0u;
		if (known && !(known->has & 1u << VP_LAN_AGEING_TIME))
			one->has &= ~(1u << VP_LAN_AGEING_TIME);
	}
	for (size_t i = 0; i < l->naddrs; i++)
		if (ours(l->addrs[i].dev))
			vp_lan_add_addr(&part, l->addrs[i].dev, l->addrs[i].text);
	for (size_t i = 0; i < l->nroutes; i++)
		vp_lan_add_route(&part, l->routes[i].dev, l->routes[i].to, l->routes[i].via, l->routes[i].metric);
	vp_lan_sort(&part);
	vp_lan_print(&part, &text);
	out = vp_strdup(arena, vp_buf_str(&text));
	vp_buf_free(&text);
	vp_lan_free(&part);
	return out;
}

static void look(struct vp_lan *out)
{
	struct vp_err err = { 0 };

	if (vp_lan_read(net, out, &err))
		DIE("%s\n", err.msg);
}

static bool equal(const char *what, const char *got, const char *want)
{
	if (!strcmp(got, want))
		return true;
	wrong++;
	fprintf(stderr, "--- %s: is\n%s--- should be\n%s", what, got, want);
	return false;
}

static bool run(const struct vp_lan_step *s, bool back)
{
	struct vp_err err = { 0 };

	back ? undone++ : steps_done++;
	if (!vp_lan_do(net, s->dev, back ? s->to : s->from, back ? s->from : s->to, MARK, &err))
		return true;
	wrong++;
	fprintf(stderr, "%s %s (order %u): %s\n  from %s\n  to %s\n", back ? "undo" : "do", s->dev, s->order, err.msg, s->from ? s->from : "-",
		s->to ? s->to : "-");
	return false;
}

/* --- As few steps as possible, counted without regard to how they are found. --- */

static bool same(const struct vp_lan_link *a, const struct vp_lan_link *b, int attr)
{
	/* While a spanning tree settles it is not told. */
	if (attr == VP_LAN_AGEING_TIME && !(a->has & 1u << attr) && same(a, b, VP_LAN_STP))
		return true;
	return !(b->has & 1u << attr) || (a->has & 1u << attr && !strcmp(a->value[attr], b->value[attr]));
}

/* It goes, for ever or to come back. */
static bool goes(const struct vp_lan *live, const struct vp_lan *want, const char *name)
{
	const struct vp_lan_link *l = vp_lan_find(live, name), *w = vp_lan_find(want, name);

	if (!l || !ours(name))
		return false;
	if (!w || !same(l, w, VP_LAN_KIND) || !same(l, w, VP_LAN_PARENT) || !same(l, w, VP_LAN_VLAN_ID) || !same(l, w, VP_LAN_BOND_MODE) ||
	    !same(l, w, VP_LAN_LACP_RATE))
		return true;
	return *vp_lan_get(l, VP_LAN_PARENT) && goes(live, want, vp_lan_get(l, VP_LAN_PARENT));
}

static unsigned fewest_links(const struct vp_lan *live, const struct vp_lan *want)
{
	unsigned n = 0;

	for (size_t i = 0; i < live->nlinks; i++)
		n += goes(live, want, live->links[i].name);
	for (size_t i = 0; i < want->nlinks; i++) {
		const struct vp_lan_link *w = &want->links[i];
		struct vp_lan_link l;

		if (!vp_lan_find(live, w->name) || goes(live, want, w->name)) {
			n++;
			continue;
		}
		l = *vp_lan_find(live, w->name);
		if (goes(live, want, vp_lan_get(&l, VP_LAN_MASTER)))
			vp_lan_set(&l, VP_LAN_MASTER, "");
		for (int a = 0; a < VP_LAN__COUNT; a++)
			n += !same(&l, w, a) && (same(&l, w, VP_LAN_MASTER) || !vp_lan_of_port(a));
	}
	return n;
}

static unsigned fewest(const struct vp_lan *live, const struct vp_lan *want)
{
	unsigned n = fewest_links(live, want);

	for (size_t i = 0; i < live->naddrs; i++)
		n += ours(live->addrs[i].dev) && !goes(live, want, live->addrs[i].dev) &&
		     !vp_lan_has_addr(want, live->addrs[i].dev, live->addrs[i].text);
	for (size_t i = 0; i < want->naddrs; i++)
		n += goes(live, want, want->addrs[i].dev) || !vp_lan_has_addr(live, want->addrs[i].dev, want->addrs[i].text);
	for (size_t i = 0; i < want->nroutes; i++) {
		const struct vp_lan_route *w = &want->routes[i], *l = NULL;

		for (size_t k = 0; k < live->nroutes; k++)
			if (!strcmp(live->routes[k].to, w->to) && live->routes[k].metric == w->metric)
				l = &live->routes[k];
		n += !l || goes(live, want, l->dev) || strcmp(l->dev, w->dev) || strcmp(l->via, w->via);
	}
	for (size_t i = 0; i < live->nroutes; i++) {
		bool wanted = goes(live, want, live->routes[i].dev);

		for (size_t k = 0; k < want->nroutes; k++)
			wanted |= !strcmp(live->routes[i].to, want->routes[k].to) && live->routes[i].metric == want->routes[k].metric;
		n += !wanted;
	}
	return n;
}

/* --- One pair. --- */

static void get_to(const struct vp_lan *want)
{
	struct vp_lan live = { 0 };
	struct vp_lan_steps steps = { 0 };

	look(&live);
	vp_lan_diff(arena, &live, want, MARK, &steps);
	for (size_t i = 0; i < steps.n; i++)
		if (!run(&steps.items[i], false))
			DIE("stuck on the way to a start\n");
	vp_lan_free(&live);
}

static void fail_at(const struct vp_lan_steps *steps, size_t k, const struct vp_lan *start)
{
	struct vp_lan live = { 0 };
	char what[64];

	for (size_t i = 0; i < k; i++)
		if (!run(&steps->items[i], false))
			DIE("stuck\n");
	/* The last one may be done twice, by who did not know that it was done. */
	if (k && !run(&steps->items[k - 1], false))
		DIE("stuck when repeating\n");
	for (size_t i = k; i--;)
		if (!run(&steps->items[i], true))
			DIE("stuck on the way back\n");
	look(&live);
	snprintf(what, sizeof(what), "after undoing %zu of %zu steps", k, steps->n);
	if (!equal(what, text_of(&live, NULL, start), text_of(start, NULL, &live))) {
		for (size_t i = 0; i < steps->n; i++)
			fprintf(stderr, "  %s: %s\n", steps->items[i].dev, vp_lan_step_text(arena, steps->items[i].from, steps->items[i].to));
		exit(1);
	}
	vp_lan_free(&live);
}

static size_t one_pair(void)
{
	struct vp_lan start, want, live = { 0 }, end = { 0 };
	struct vp_lan_steps steps = { 0 }, again = { 0 };

	random_lan(&start);
	random_lan(&want);
	get_to(&start);
	look(&live);
	equal("the start", text_of(&live, &start, NULL), text_of(&start, NULL, &live));
	vp_lan_diff(arena, &live, &want, MARK, &steps);
	if (steps.n != fewest(&live, &want)) {
		fprintf(stderr, "%zu steps where %u are enough:\n", steps.n, fewest(&live, &want));
		for (size_t i = 0; i < steps.n; i++)
			fprintf(stderr, "  %s: %s\n", steps.items[i].dev, vp_lan_step_text(arena, steps.items[i].from, steps.items[i].to));
		wrong++;
	}
	for (size_t k = 0; k <= steps.n; k++)
		fail_at(&steps, k, &live);
	for (size_t i = 0; i < steps.n; i++)
		run(&steps.items[i], false);
	look(&end);
	equal("the end", text_of(&end, &want, NULL), text_of(&want, NULL, &end));
	vp_lan_diff(arena, &end, &want, MARK, &again);
	if (again.n) {
		fprintf(stderr, "%zu steps are left: %s %s\n", again.n, again.items[0].dev,
			vp_lan_step_text(arena, again.items[0].from, again.items[0].to));
		wrong++;
	}
	vp_lan_free(&start);
	vp_lan_free(&want);
	vp_lan_free(&live);
	vp_lan_free(&end);
	return steps.n;
}

static bool can(const char *kind, enum vp_lan_attr attr, const char *value)
{
	struct vp_err err = { 0 };
	const char *text = vp_printf(arena, "link btry kind=%s%s%s%s%s\n", kind, !strcmp(kind, "vlan") ? " link=p0 id=99" : "", value ? " " : "",
				     value ? vp_lan_rows[attr].name : "", value ? vp_printf(arena, "=%s", value) : "");
	bool ok = !vp_lan_do(net, "btry", NULL, text, MARK, &err);

	if (ok)
		vp_lan_do(net, "btry", text, NULL, MARK, &err);
	return ok;
}

int main(int argc, char **argv)
{
	unsigned pairs = argc > 1 ? (unsigned)atoi(argv[1]) : 200, seed = argc > 2 ? (unsigned)atoi(argv[2]) : 1;
	struct vp_err err = { 0 };
	size_t steps = 0;

	if (unshare(CLONE_NEWNET))
		DIE("a network namespace needs root\n");
	/* The kernel is given no reason to add routes and addresses by itself. */
	/* NOLINTNEXTLINE(cert-env33-c): a test makes its world. */
	if (system("for i in 0 1 2 3; do /bin/ip link add p$i type veth peer name q$i && /bin/ip link set q$i up || exit 1; done") ||
	    !(net = vp_net_open(&err)))
		DIE("no network: %s\n", err.msg);
	arena = vp_arena_new();
	has_vlan = can("vlan", VP_LAN_KIND, NULL);
	has_bond = can("bond", VP_LAN_KIND, NULL);
	has_filtering = can("bridge", VP_LAN_VLAN_FILTERING, "1");
	srandom(seed);
	for (unsigned i = 0; i < pairs; i++) {
		steps += one_pair();
		vp_arena_free(arena);
		arena = vp_arena_new();
	}
	printf("%u pairs, %zu steps; done %u, undone %u; vlan %d bond %d filtering %d; wrong %u\n", pairs, steps, steps_done, undone, has_vlan,
	       has_bond, has_filtering, wrong);
	net->ops->close(net);
	vp_arena_free(arena);
	return wrong ? 1 : 0;
}
