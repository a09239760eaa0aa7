// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "network.h"

struct wanting {
	struct vp_arena *a;
	const struct vp_node *n;
	const struct vp_lan *live;
	const char *mark;
	struct vp_lan *want, *carried;
	vp_lack_fn *say;
	void *arg;
};

bool vp_network_here(const struct vp_node *n)
{
	char name[256] = "";

	if (n->machine != VP_HYPERVISOR || gethostname(name, sizeof(name) - 1))
		return false;
	return !strcasecmp(name, n->name) || !strcasecmp(name, n->hostname);
}

bool vp_network_managed(const struct vp_node *n)
{
	return n->network.manage && vp_network_here(n);
}

const char *vp_network_mark(struct vp_arena *a, const char *mark)
{
	return vp_printf(a, "%s/host", mark);
}

const char *vp_network_file(struct vp_arena *a, const char *state_dir)
{
	return vp_printf(a, "%s/network.before", state_dir);
}

const char *vp_network_carried(struct vp_world *w)
{
	vp_cleanup(vp_buf_free) struct vp_buf text = { 0 };

	if (vp_read_file(vp_printf(w->arena, "%s/network.carried", w->state_dir), VP_MIB, &text, NULL))
		return "";
	return vp_strdup(w->arena, vp_buf_str(&text));
}

static void say(struct wanting *w, const struct vp_interface *in, const char *field, const char *what)
{
	w->say(w->arg, vp_printf(w->a, "interface.%s.%s", in->name, field), what);
}

static const char *device(const struct vp_interface *in)
{
	return *in->device ? in->device : in->name;
}

static const struct vp_interface *interface_of(const struct vp_node *n, const char *name)
{
	for (size_t i = 0; i < n->network.ninterfaces; i++)
		if (!strcmp(n->network.interfaces[i].name, name))
			return &n->network.interfaces[i];
	return NULL;
}

static const char *device_of(const struct wanting *w, const char *name)
{
	const struct vp_interface *in = interface_of(w->n, name);

	return in ? device(in) : name;
}

static bool is_kind(const struct vp_interface *in, const char *kind)
{
	return !strcmp(in->kind, kind);
}

static bool taken(const struct vp_interface *in)
{
	return (is_kind(in, "ethernet") || is_kind(in, "bridge") || is_kind(in, "bond") || is_kind(in, "vlan")) && (in->onboot || !in->has_onboot);
}

static void set_number(struct vp_lan_link *link, enum vp_lan_attr attr, unsigned n)
{
	char text[18];

	snprintf(text, sizeof(text), "%u", n);
	vp_lan_set(link, attr, text);
}

/* A word that the kernel knows, given as itself or as its number. */
static bool set_option(struct vp_lan_link *link, int attr, const char *value)
{
	const char *word = vp_lan_rows[attr].words;
	uint64_t n;

	if (!word)
		return vp_parse_u64(value, 0, UINT32_MAX, &n) && (set_number(link, (enum vp_lan_attr)attr, (unsigned)n), true);
	for (unsigned i = 0; *word; i++) {
		size_t len = strcspn(word, " ");

		if ((strlen(value) == len && !strncmp(value, word, len)) || (vp_parse_u64(value, i, i, &n))) {
			link->has |= 1u << attr;
			snprintf(link->value[attr], sizeof(link->value[attr]), "%.*s", (int)len, word);
			return true;
		}
		word += len + (word[len] == ' ');
	}
	return false;
}

/* bridging_opts and bonding_opts name attributes as sysfs does. */
static void set_options(struct wanting *w, struct vp_lan_link *link, const struct vp_interface *in, const struct vp_words *opts, const char *field)
{
	for (size_t i = 0; i + 1 < opts->n; i += 2) {
		int attr = 0;

		while (attr < VP_LAN__COUNT &&
		       (!vp_lan_rows[attr].kind || strcmp(vp_lan_rows[attr].kind, in->kind) || strcmp(vp_lan_rows[attr].name, opts->items[i])))
			attr++;
		if (attr == VP_LAN__COUNT)
			say(w, in, field, vp_printf(w->a, "%s is none of the options of a %s that vprov sets", opts->items[i], in->kind));
		else if (!set_option(link, attr, opts->items[i + 1]))
			say(w, in, field, vp_printf(w->a, "%s cannot be \"%s\"", opts->items[i], opts->items[i + 1]));
	}
}

/* A spanning tree is off where nothing is said: a port that waits before it forwards makes PXE ROMs give up. */
static void want_bridge(struct wanting *w, struct vp_lan_link *link, const struct vp_interface *in)
{
	set_number(link, VP_LAN_STP, in->stp);
	set_number(link, VP_LAN_FORWARD_DELAY, in->has_delay ? in->delay * 100 : in->stp ? 1500 : 0);
	set_options(w, link, in, &in->bridging_opts, "bridging_opts");
}

static void mark_vlans(const struct vp_words *list, unsigned char flags, unsigned char vlans[VP_LAN_NVLANS])
{
	for (size_t i = 0; i < list->n; i++) {
		unsigned first = (unsigned)atoi(list->items[i]), last = first;
		const char *dash = strchr(list->items[i], '-');

		if (dash)
			last = (unsigned)atoi(dash + 1);
		for (unsigned v = first; v <= last; v++)
			vlans[v] = flags;
	}
}

/* Which VLANs a port belongs to: where one is named, those and no others. */
static void want_vlans(struct wanting *w, struct vp_lan_link *link, const struct vp_interface *in)
{
	static const char *const fields[] = { "pvid", "untagged", "tagged" };
	const char *field = fields[in->has_pvid ? 0 : in->untagged.n ? 1 : 2];
	unsigned char vlans[VP_LAN_NVLANS] = { 0 };
	char text[VP_LAN_VALUE];

	if (!in->has_pvid && !in->untagged.n && !in->tagged.n)
		return;
	if (!*in->bridge && !is_kind(in, "bridge")) {
		say(w, in, field, "it is no port of a bridge");
		return;
	}
	if (in->pvid)
		vlans[in->pvid] = VP_LAN_TAGGED | VP_LAN_UNTAGGED;
	mark_vlans(&in->untagged, VP_LAN_TAGGED | VP_LAN_UNTAGGED, vlans);
	mark_vlans(&in->tagged, VP_LAN_TAGGED, vlans);
	if (in->pvid)
		vlans[in->pvid] |= VP_LAN_PVID;
	if (vp_lan_vlans_text(vlans, text))
		vp_lan_set(link, VP_LAN_VLANS, text);
	else
		say(w, in, field, "so many VLANs: they have to be fewer ranges");
}

/* A port's bridging_opts are what sysfs has below brport. */
static void want_port(struct wanting *w, struct vp_lan_link *link, const struct vp_interface *in)
{
	static const struct {
		const char *name;
		enum vp_lan_attr attr;
		unsigned max;
	} options[] = { { "path_cost", VP_LAN_PATH_COST, 65535 }, { "priority", VP_LAN_PORT_PRIORITY, 63 } };

	for (size_t i = 0; i + 1 < in->bridging_opts.n; i += 2) {
		const char *name = in->bridging_opts.items[i], *value = in->bridging_opts.items[i + 1];
		size_t k = 0;
		uint64_t n;

		while (k < vp_count(options) && strcmp(options[k].name, name))
			k++;
		if (k == vp_count(options))
			say(w, in, "bridging_opts", vp_printf(w->a, "%s is none of the options of a port that vprov sets", name));
		else if (!vp_parse_u64(value, !k, options[k].max, &n))
			say(w, in, "bridging_opts", vp_printf(w->a, "%s cannot be \"%s\"", name, value));
		else
			set_number(link, options[k].attr, (unsigned)n);
	}
}

static void want_vlan(struct wanting *w, struct vp_lan_link *link, const struct vp_interface *in)
{
	if (!in->vlan_id || !in->ports.n) {
		say(w, in, "name", "neither its name nor physdev says which VLAN of what it is");
		return;
	}
	vp_lan_set(link, VP_LAN_PARENT, device_of(w, in->ports.items[0]));
	set_number(link, VP_LAN_VLAN_ID, in->vlan_id);
}

static void want_link(struct wanting *w, const struct vp_interface *in)
{
	const char *master = *in->bridge ? in->bridge : in->master;
	struct vp_lan_link *link = vp_lan_add(w->want, device(in));
	const struct vp_interface *bond = interface_of(w->n, in->master);

	vp_lan_set(link, VP_LAN_MASTER, *master ? device_of(w, master) : "");
	if (!is_kind(in, "ethernet"))
		vp_lan_set(link, VP_LAN_KIND, in->kind);
	else if (w->live && !vp_lan_find(w->live, device(in)))
		say(w, in, "name", vp_printf(w->a, "there is no device '%s' on this machine", device(in)));
	want_vlans(w, link, in);
	if (*in->bridge && !is_kind(in, "bridge"))
		want_port(w, link, in);
	/* The rest a bond decides. */
	if (bond && !*in->bridge && is_kind(bond, "bond"))
		return;
	vp_lan_set(link, VP_LAN_UP, "1");
	if (in->mtu)
		set_number(link, VP_LAN_MTU, in->mtu);
	if (is_kind(in, "bridge"))
		want_bridge(w, link, in);
	else if (is_kind(in, "vlan"))
		want_vlan(w, link, in);
	else if (is_kind(in, "bond")) {
		vp_lan_set(link, VP_LAN_BOND_MODE, "balance-rr");
		set_options(w, link, in, &in->bonding_opts, "bonding_opts");
	}
}

/* --- Addresses and routes: those of a port are its bridge's. --- */

static const char *carrier(const struct wanting *w, const struct vp_interface *in)
{
	const struct vp_interface *up = interface_of(w->n, *in->bridge ? in->bridge : in->master);

	return up && up != in ? device(up) : device(in);
}

static void want_addr(struct wanting *w, const struct vp_interface *in, const char *field, const char *ip, const char *mask)
{
	unsigned prefix = 0;

	if (!*ip)
		return;
	if (strchr(ip, '/') || strchr(ip, ':')) {
		if (!vp_lan_add_addr(w->want, carrier(w, in), ip))
			say(w, in, field, vp_printf(w->a, "\"%s\" is no address", ip));
	} else if (!vp_netmask(mask, &prefix)) {
		say(w, in, "netmask", vp_printf(w->a, "%s has no netmask", ip));
	} else {
		vp_lan_add_addr(w->want, carrier(w, in), vp_printf(w->a, "%s/%u", ip, prefix));
	}
}

static bool has_addrs(const struct vp_interface *in)
{
	return !*in->bootproto || !strcmp(in->bootproto, "static") || !strcmp(in->bootproto, "none");
}

static void want_addrs(struct wanting *w, const struct vp_interface *in)
{
	if (!has_addrs(in)) {
		say(w, in, "bootproto", "its address is asked for by DHCP, which is left to the host's own tools");
		return;
	}
	want_addr(w, in, "ip", in->ip, in->netmask);
	for (size_t i = 0; i < in->naliases; i++)
		want_addr(w, in, "ip", in->aliases[i].ip, *in->aliases[i].netmask ? in->aliases[i].netmask : "255.255.255.255");
	want_addr(w, in, "ipv6addr", in->ipv6addr, "");
	for (size_t i = 0; i < in->ipv6addr_secondaries.n; i++)
		want_addr(w, in, "ipv6addr_secondaries", in->ipv6addr_secondaries.items[i], "");
}

/* Two routes to one place would be one to the kernel. */
static bool has_route(const struct vp_lan *l, const struct vp_lan_route *r)
{
	for (size_t i = 0; i < l->nroutes; i++)
		if (&l->routes[i] != r && !strcmp(l->routes[i].to, r->to) && l->routes[i].metric == r->metric)
			return true;
	return false;
}

static void add_route(struct wanting *w, const char *dev, const char *to, const char *via)
{
	if (vp_lan_add_route(w->want, dev, to, via, 0) && has_route(w->want, &w->want->routes[w->want->nroutes - 1]))
		w->want->nroutes--;
}

static void want_routes(struct wanting *w, const struct vp_interface *in)
{
	for (size_t i = 0; i < in->nroutes; i++) {
		const struct vp_route *r = &in->routes[i];
		unsigned prefix = r->prefix;
		const char *to = r->address;

		if (*r->command) {
			say(w, in, "route", vp_printf(w->a, "a route as arguments of ip(8) is not read: %s", r->command));
			continue;
		}
		if (r->has_prefix || (*r->netmask && vp_netmask(r->netmask, &prefix)))
			to = vp_printf(w->a, "%s/%u", r->address, prefix);
		if (!vp_lan_add_route(w->want, carrier(w, in), to, r->gateway, 0))
			say(w, in, "route", vp_printf(w->a, "%s through \"%s\" is no route", to, r->gateway));
	}
	if (*in->gateway)
		add_route(w, carrier(w, in), "default", in->gateway);
	if (*in->ipv6_defaultgw)
		add_route(w, carrier(w, in), "default", in->ipv6_defaultgw);
}

/* The gateway is reached over the device it is said to be, or else over the one in whose net it lies. */
static void want_gateway(struct wanting *w, const char *gateway, const char *dev)
{
	const struct vp_interface *in = interface_of(w->n, dev);

	if (!*gateway)
		return;
	dev = in ? carrier(w, in) : "";
	for (size_t i = 0; i < w->want->naddrs && !*dev; i++)
		if (vp_lan_within(gateway, w->want->addrs[i].text))
			dev = w->want->addrs[i].dev;
	if (*dev)
		add_route(w, dev, "default", gateway);
}

/* --- What the profile leaves open. --- */

static struct vp_lan_link *wanted(struct wanting *w, const char *dev)
{
	return vp_lan_find(w->want, dev);
}

/* The MAC that leads out: of the port, or what that is made of. */
static const char *mac_below(struct wanting *w, const struct vp_interface *in, unsigned deep)
{
	const struct vp_lan_link *live = vp_lan_find(w->live, device(in));
	const struct vp_interface *below = in->ports.n ? interface_of(w->n, in->ports.items[0]) : NULL;

	if (live && *vp_lan_get(live, VP_LAN_MAC) && !is_kind(in, "bridge"))
		return vp_lan_get(live, VP_LAN_MAC);
	return below && deep < 8 ? mac_below(w, below, deep + 1) : "";
}

/* A bridge takes the least MAC of its ports, which changes with the guests: it gets that of its first port, which the network knows. */
static void settle_mac(struct wanting *w, const struct vp_interface *in)
{
	const struct vp_lan_link *live = vp_lan_find(w->live, device(in));
	const char *mac = is_kind(in, "bridge") ? mac_below(w, in, 0) : "";

	if (*mac && (!live || !strcmp(live->alias, w->mark)))
		vp_lan_set(wanted(w, device(in)), VP_LAN_MAC, mac);
}

/* One that is not told takes the MTU of its first port; so does the kernel, but with each port anew. */
static void settle_mtu(struct wanting *w, const struct vp_interface *in)
{
	const struct vp_interface *port = in->ports.n ? interface_of(w->n, in->ports.items[0]) : NULL;
	const struct vp_lan_link *live = port ? vp_lan_find(w->live, device(port)) : NULL;

	if (!is_kind(in, "bridge") || in->mtu || !port || vp_lan_find(w->live, device(in)))
		return;
	if (port->mtu)
		set_number(wanted(w, device(in)), VP_LAN_MTU, port->mtu);
	else if (live && *vp_lan_get(live, VP_LAN_MTU))
		vp_lan_set(wanted(w, device(in)), VP_LAN_MTU, vp_lan_get(live, VP_LAN_MTU));
}

static bool wanted_anywhere(const struct vp_lan *want, const char *text)
{
	for (size_t i = 0; i < want->naddrs; i++)
		if (!strcmp(want->addrs[i].text, text))
			return true;
	return false;
}

/* An address or a route that the profile does not know of, at a bridge that it does. */
static void carry_addr(struct wanting *w, const char *dev, const char *text)
{
	if (!wanted(w, dev) || wanted_anywhere(w->want, text))
		return;
	vp_lan_add_addr(w->want, dev, text);
	vp_lan_add_addr(w->carried, dev, text);
}

static void carry_route(struct wanting *w, const char *dev, const struct vp_lan_route *r)
{
	struct vp_lan *const both[] = { w->want, w->carried };

	if (!wanted(w, dev) || has_route(w->want, r))
		return;
	for (size_t i = 0; i < vp_count(both); i++)
		if (vp_lan_add_route(both[i], dev, r->to, r->via, r->metric))
			memcpy(both[i]->routes[both[i]->nroutes - 1].src, r->src, sizeof(r->src));
}

/* What a port carries has no effect there: it moves to its bridge, whether the profile knows of it or not. */
static void carry(struct wanting *w, struct vp_lan_link *port)
{
	const char *master = vp_lan_get(port, VP_LAN_MASTER);

	if (!*master || !wanted(w, master))
		return;
	port->exact = true;
	for (size_t i = 0; i < w->live->naddrs; i++)
		if (!strcmp(w->live->addrs[i].dev, port->name))
			carry_addr(w, master, w->live->addrs[i].text);
	for (size_t i = 0; i < w->live->nroutes; i++)
		if (!strcmp(w->live->routes[i].dev, port->name))
			carry_route(w, master, &w->live->routes[i]);
}

/* What was carried earlier stays for as long as nobody else takes it away. */
static void carry_on(struct wanting *w, const char *before)
{
	vp_cleanup(vp_lan_free) struct vp_lan old = { 0 };

	if (!vp_lan_parse(before, &old))
		return;
	for (size_t i = 0; i < old.naddrs; i++)
		if (vp_lan_has_addr(w->live, old.addrs[i].dev, old.addrs[i].text))
			carry_addr(w, old.addrs[i].dev, old.addrs[i].text);
	for (size_t i = 0; i < old.nroutes; i++)
		if (has_route(w->live, &old.routes[i]))
			carry_route(w, old.routes[i].dev, &old.routes[i]);
}

const char *vp_network_want(struct vp_arena *a, const struct vp_node *n, const struct vp_lan *live, const char *mark, const char *carried,
			    struct vp_lan *want, vp_lack_fn *tell, void *arg)
{
	vp_cleanup(vp_lan_free) struct vp_lan moved = { 0 };
	vp_cleanup(vp_buf_free) struct vp_buf text = { 0 };
	struct wanting w = { .a = a, .n = n, .live = live, .mark = mark, .want = want, .carried = &moved, .say = tell, .arg = arg };
	const struct vp_network *net = &n->network;

	for (size_t i = 0; i < net->ninterfaces; i++)
		if (taken(&net->interfaces[i]))
			want_link(&w, &net->interfaces[i]);
	for (size_t i = 0; i < net->ninterfaces; i++)
		if (taken(&net->interfaces[i])) {
			want_addrs(&w, &net->interfaces[i]);
			want_routes(&w, &net->interfaces[i]);
		}
	want_gateway(&w, net->default_gateway, net->gatewaydev);
	want_gateway(&w, net->ipv6.default_gateway, net->ipv6.gatewaydev);
	for (size_t i = 0; live && i < net->ninterfaces; i++)
		if (taken(&net->interfaces[i])) {
			settle_mac(&w, &net->interfaces[i]);
			settle_mtu(&w, &net->interfaces[i]);
		}
	for (size_t i = 0; live && i < want->nlinks; i++) {
		const struct vp_lan_link *now = vp_lan_find(live, want->links[i].name);

		want->links[i].exact = now && !strcmp(now->alias, mark);
		carry(&w, &want->links[i]);
	}
	if (live)
		carry_on(&w, carried);
	vp_lan_sort(want);
	vp_lan_print(&moved, &text);
	return vp_strdup(a, vp_buf_str(&text));
}

/* --- Planning. --- */

const char *vp_network_path(const struct vp_node *n, const char *dev)
{
	for (size_t i = 0; i < n->norigins; i++) {
		const char *field = n->origins[i].field;

		if (!strncmp(field, "interface.", 10) && !strncmp(field + 10, dev, strlen(dev)) && !strcmp(field + 10 + strlen(dev), ".name"))
			return n->origins[i].path;
	}
	return "";
}

struct planning {
	struct vp_arena *a;
	const struct vp_node *n;
	struct vp_diags *diags;
	const struct vp_lan *live, *want;
	const char *mark;
	struct vp_plan *out;
};

static void tell(void *arg, const char *field, const char *what)
{
	const struct planning *p = arg;
	bool absent = strstr(what, "there is no device");

	vp_plan_problem(p->diags, absent ? VP_ERROR : VP_WARNING, p->n, field, absent ? VP_E_REFERENCE : VP_E_VALUE, what);
}

static const char *why_of(struct planning *p, const struct vp_lan_step *s)
{
	const char *text = vp_lan_step_text(p->a, s->from, s->to), *path = p->n ? vp_network_path(p->n, s->dev) : "";

	return *path ? vp_printf(p->a, "%s, by %s", text, path) : text;
}

static void add_steps(struct planning *p, const struct vp_lan_steps *steps)
{
	struct vp_plan *out = p->out;

	for (size_t i = 0; i < steps->n; i++) {
		const struct vp_lan_step *s = &steps->items[i];

		out->items = vp_grow_in(p->a, out->items, out->n, &out->cap, sizeof(*out->items));
		out->items[out->n++] = (struct vp_step){ .kind = VP_KIND_LINK,
							 .action = !s->from ? VP_CREATE
								   : s->to  ? VP_CHANGE
									    : VP_REMOVE,
							 .name = vp_strdup(p->a, s->dev),
							 .node = p->n ? p->n->name : "",
							 .risk = "none",
							 .before = s->from,
							 .after = s->to,
							 .why = why_of(p, s),
							 .want = p->n,
							 .order = (unsigned)i };
	}
}

/* What the steps may touch, as it is. */
static const char *as_it_is(struct planning *p)
{
	vp_cleanup(vp_lan_free) struct vp_lan part = { 0 };
	vp_cleanup(vp_buf_free) struct vp_buf text = { 0 };

	for (size_t i = 0; i < p->live->nlinks; i++) {
		const struct vp_lan_link *link = &p->live->links[i], *want = vp_lan_find(p->want, link->name);

		if (want || !strcmp(link->alias, p->mark))
			*vp_lan_add(&part, link->name) = *link;
	}
	for (size_t i = 0; i < p->live->naddrs; i++)
		if (vp_lan_find(&part, p->live->addrs[i].dev))
			vp_lan_add_addr(&part, p->live->addrs[i].dev, p->live->addrs[i].text);
	for (size_t i = 0; i < p->live->nroutes; i++)
		if (vp_lan_find(&part, p->live->routes[i].dev)) {
			const struct vp_lan_route *r = &p->live->routes[i];

			vp_lan_add_route(&part, r->dev, r->to, r->via, r->metric);
			part.routes[part.nroutes - 1] = *r;
		}
	vp_lan_print(&part, &text);
	return vp_strdup(p->a, vp_buf_str(&text));
}

/* A link of somebody else's is changed where it can be, but neither made anew nor removed. */
static void check_foreign(struct planning *p, const struct vp_lan_steps *steps)
{
	for (size_t i = 0; i < steps->n; i++) {
		const struct vp_lan_step *s = &steps->items[i];
		const struct vp_lan_link *live = vp_lan_find(p->live, s->dev);

		if (!s->to && !strncmp(s->from, "link ", 5) && live && strcmp(live->alias, p->mark))
			vp_plan_problem(p->diags, VP_ERROR, p->n, vp_printf(p->a, "interface.%s.name", s->dev), VP_E_NETOWN,
					vp_printf(p->a, "'%s' is not vprov's, and is another kind of link than the profile asks for", s->dev));
	}
}

static void lacking(void *arg, const char *dev, const char *what)
{
	const struct planning *p = arg;

	vp_plan_problem(p->diags, VP_ERROR, p->n, vp_printf(p->a, "interface.%s.name", dev), VP_E_LACK,
			vp_printf(p->a, "this machine's kernel cannot make %s: %s", dev, what));
}

int vp_plan_network(struct vp_world *w, const struct vp_node *n, const char *mark, struct vp_plan *out, struct vp_diags *diags, struct vp_err *err)
{
	vp_cleanup(vp_lan_free) struct vp_lan live = { 0 }, want = { 0 };
	struct planning p = { .a = w->arena, .n = n, .diags = diags, .live = &live, .want = &want, .out = out };
	struct vp_lan_steps steps = { 0 };

	const char *carried;

	p.mark = vp_network_mark(w->arena, mark);
	if (vp_lan_read(w->net, &live, err))
		return -1;
	carried = vp_network_want(w->arena, n, &live, p.mark, vp_network_carried(w), &want, tell, &p);
	vp_lan_diff(w->arena, &live, &want, p.mark, &steps);
	check_foreign(&p, &steps);
	if (steps.n) {
		vp_lan_lacks(&want, lacking, &p);
		out->network = as_it_is(&p);
		out->carried = carried;
	}
	add_steps(&p, &steps);
	return 0;
}

int vp_plan_network_back(struct vp_world *w, const struct vp_node *n, const char *mark, const char *network, struct vp_plan *out, struct vp_err *err)
{
	vp_cleanup(vp_lan_free) struct vp_lan live = { 0 }, want = { 0 };
	struct planning p = { .a = w->arena, .n = n, .live = &live, .want = &want, .out = out };
	struct vp_lan_steps steps = { 0 };

	p.mark = vp_network_mark(w->arena, mark);
	if (!vp_lan_parse(network, &want))
		return vp_fail(err, VP_E_STATE, "what the network was before cannot be read");
	if (vp_lan_read(w->net, &live, err))
		return -1;
	vp_lan_diff(w->arena, &live, &want, p.mark, &steps);
	if (steps.n)
		out->network = as_it_is(&p);
	add_steps(&p, &steps);
	return 0;
}

struct vp_words vp_network_answers(const struct vp_nodes *nodes)
{
	for (size_t i = 0; i < nodes->n; i++)
		if (vp_network_managed(nodes->items[i]))
			return nodes->items[i]->network.answers;
	return (struct vp_words){ 0 };
}
