// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>

#include "network.h"
#include "persist.h"

const char *const vp_persist_tools[] = { "networkd", "ifupdown", "NetworkManager", "ifcfg", NULL };

/* One file: a template for each link that it is for, or for all of them at once. */
struct file {
	const char *tool, *template;
	/* With the link's name for %s; without it, one file holds all. */
	const char *path;
	/* "" for any link; "made": those that do not exist without it; "routes": those that have some. */
	const char *of;
};
static const struct file files[] = {
	{ "networkd", "network-networkd-netdev", "/etc/systemd/network/10-vprov-%s.netdev", "made" },
	{ "networkd", "network-networkd-network", "/etc/systemd/network/10-vprov-%s.network", "" },
	{ "ifupdown", "network-ifupdown", "/etc/network/interfaces.d/vprov", NULL },
	{ "NetworkManager", "network-nm", "/etc/NetworkManager/system-connections/vprov-%s.nmconnection", "" },
	{ "ifcfg", "network-ifcfg", "/etc/sysconfig/network-scripts/ifcfg-%s", "" },
	{ "ifcfg", "network-ifcfg-route", "/etc/sysconfig/network-scripts/route-%s", "routes4" },
	{ "ifcfg", "network-ifcfg-route6", "/etc/sysconfig/network-scripts/route6-%s", "routes6" },
};

const char *vp_persist_detect(struct vp_arena *a)
{
	/* What runs first, then what is installed. */
	if (vp_exists("/run/NetworkManager/NetworkManager.pid") || vp_exists("/run/NetworkManager/no-stub-resolv.conf"))
		return vp_exists("/etc/sysconfig/network-scripts/ifcfg-lo") ? "ifcfg" : "NetworkManager";
	if (vp_exists("/run/systemd/netif/state"))
		return "networkd";
	if (vp_exists("/etc/sysconfig/network-scripts"))
		return "ifcfg";
	return vp_which(a, "ifup") ? "ifupdown" : NULL;
}

static json_t *text_or_false(const char *text)
{
	return *text ? json_string(text) : json_false();
}

/* "10.0.0.1/24" in its parts. */
static json_t *net_json(struct vp_arena *a, const char *text)
{
	const char *slash = strchr(text, '/');
	const char *ip = vp_strndup(a, text, (size_t)(slash - text));
	unsigned prefix = (unsigned)atoi(slash + 1);
	bool v6 = strchr(ip, ':');
	uint32_t mask = prefix ? ~UINT32_C(0) << (32 - (prefix < 32 ? prefix : 32)) : 0;

	return json_pack("{s:s, s:s, s:i, s:b, s:b, s:s}", "text", text, "ip", ip, "prefix", (int)prefix, "v4", !v6, "v6", v6, "netmask",
			 v6 ? "" : vp_ip4_text(a, mask));
}

/* Numbered from 1 within their family, as keyfiles and ifcfg want them. */
static void number(json_t *item, size_t n)
{
	json_object_set_new(item, "number", json_integer((json_int_t)n + 1));
	json_object_set_new(item, "index", json_integer((json_int_t)n));
	json_object_set_new(item, "first", json_boolean(!n));
}

static json_t *addrs_json(struct vp_arena *a, const struct vp_lan *l, const char *dev, bool v6)
{
	json_t *list = json_array();

	/* In the order in which the profile has them: the first is what the host speaks as. */
	for (unsigned seq = 0; seq <= l->naddrs; seq++)
		for (size_t i = 0; i < l->naddrs; i++) {
			json_t *one;

			if (l->addrs[i].seq != seq || strcmp(l->addrs[i].dev, dev) || !!strchr(l->addrs[i].text, ':') != v6)
				continue;
			one = net_json(a, l->addrs[i].text);
			number(one, json_array_size(list));
			json_array_append_new(list, one);
		}
	return list;
}

static json_t *routes_json(struct vp_arena *a, const struct vp_lan *l, const char *dev, bool v6)
{
	json_t *list = json_array();

	for (size_t i = 0; i < l->nroutes; i++) {
		const struct vp_lan_route *r = &l->routes[i];
		json_t *one;

		if (strcmp(r->dev, dev) || !!strchr(r->to, ':') != v6)
			continue;
		one = net_json(a, r->to);
		json_object_set_new(one, "via", text_or_false(r->via));
		json_object_set_new(one, "metric", json_integer(r->metric));
		json_object_set_new(one, "default", json_boolean(!json_integer_value(json_object_get(one, "prefix"))));
		number(one, json_array_size(list));
		json_array_append_new(list, one);
	}
	return list;
}

/* Names of the links that say this attribute of themselves is that one: ports of a bridge, VLANs on a link. */
static json_t *who(const struct vp_lan *l, enum vp_lan_attr attr, const char *name)
{
	json_t *list = json_array();

	for (size_t i = 0; i < l->nlinks; i++)
		if (!strcmp(vp_lan_get(&l->links[i], attr), name))
			json_array_append_new(list, json_string(l->links[i].name));
	return list;
}

static const struct vp_interface *interface_of(const struct vp_node *n, const char *dev)
{
	for (size_t i = 0; i < n->network.ninterfaces; i++) {
		const struct vp_interface *in = &n->network.interfaces[i];

		if (!strcmp(*in->device ? in->device : in->name, dev))
			return in;
	}
	return NULL;
}

/* Only one that the profile gives: what vprov would make up is not the card's. */
static const char *card_mac(struct vp_arena *a, const struct vp_node *n, const char *dev)
{
	const struct vp_origin *o = vp_origin_of(n, vp_printf(a, "nic.%s.mac", dev));

	for (size_t i = 0; o && o->path[0] == '/' && i < n->nnics; i++)
		if (!strcmp(n->nics[i].name, dev))
			return n->nics[i].mac;
	return "";
}

/* As vp_network_want() would take it from the live network, or a bond by itself: of the first port, or what that is made of. */
static const char *port_mac(struct vp_arena *a, const struct vp_node *n, const char *dev)
{
	const struct vp_interface *in = interface_of(n, dev);

	for (int deep = 0; in && in->ports.n && deep < 8; deep++)
		in = interface_of(n, in->ports.items[0]);
	return in ? card_mac(a, n, in->name) : "";
}

/* A tool's own units: milliseconds and seconds beside the kernel's hundredths. */
static void add_attr(json_t *j, int attr, const char *value)
{
	const struct vp_lan_row *row = &vp_lan_rows[attr];
	bool timer = attr == VP_LAN_FORWARD_DELAY || attr == VP_LAN_HELLO_TIME || attr == VP_LAN_MAX_AGE || attr == VP_LAN_AGEING_TIME;
	json_int_t n = atoll(value);

	json_object_set_new(j, row->name,
			    json_pack("{s:s, s:b, s:I, s:I}", "is", value, "on", n != 0, "ms", timer ? n * 10 : n, "s", timer ? (n + 99) / 100 : n));
}

/* A port's VLANs as ranges, and which one untagged frames belong to. */
static void add_vlans(json_t *j, const char *text)
{
	unsigned char vlans[VP_LAN_NVLANS];
	json_t *list = json_array();

	vp_lan_vlans_parse(text, vlans);
	for (unsigned first = 1, last; first < VP_LAN_NVLANS - 1; first = last + 1) {
		char range[12];

		for (last = first; last + 1 < VP_LAN_NVLANS - 1 && vlans[last + 1] == vlans[first];)
			last++;
		if (!vlans[first])
			continue;
		snprintf(range, sizeof(range), first == last ? "%u" : "%u-%u", first, last);
		json_array_append_new(list, json_pack("{s:s, s:b, s:b}", "range", range, "pvid", vlans[first] & VP_LAN_PVID, "untagged",
						      vlans[first] & VP_LAN_UNTAGGED));
	}
	json_object_set_new(j, "vlans", json_pack("{s:b, s:o}", "any", json_array_size(list) != 0, "ranges", list));
}

/* What it is as a port of its bridge. */
static void add_port(json_t *j, const struct vp_lan_link *link)
{
	bool cost = link->has & 1u << VP_LAN_PATH_COST, priority = link->has & 1u << VP_LAN_PORT_PRIORITY;

	if (cost)
		add_attr(j, VP_LAN_PATH_COST, vp_lan_get(link, VP_LAN_PATH_COST));
	if (priority)
		add_attr(j, VP_LAN_PORT_PRIORITY, vp_lan_get(link, VP_LAN_PORT_PRIORITY));
	json_object_set_new(j, "tuned", json_boolean(cost || priority));
	if (link->has & 1u << VP_LAN_VLANS)
		add_vlans(j, vp_lan_get(link, VP_LAN_VLANS));
}

/* For ifupdown, whose ports are there as such only when their bridge is. */
static json_t *members_json(const struct vp_lan *l, const char *bridge)
{
	json_t *list = json_array();

	for (size_t i = 0; i < l->nlinks; i++)
		if (!strcmp(vp_lan_get(&l->links[i], VP_LAN_MASTER), bridge)) {
			json_t *one = json_pack("{s:s}", "name", l->links[i].name);

			add_port(one, &l->links[i]);
			json_array_append_new(list, one);
		}
	return list;
}

/* What a tool has no words for is said; where it is not there after the next boot, `vprov net up` has to be what makes the network. */
static void tell_lacks(const char *tool, const struct vp_lan *l)
{
	for (size_t i = 0; i < l->nlinks; i++) {
		const struct vp_lan_link *link = &l->links[i], *bridge = vp_lan_find(l, vp_lan_get(link, VP_LAN_MASTER));
		const char *pvid = vp_lan_get(bridge ? bridge : link, VP_LAN_DEFAULT_PVID);
		unsigned char vlans[VP_LAN_NVLANS];

		if (!(link->has & 1u << VP_LAN_VLANS) || !vp_lan_vlans_parse(vp_lan_get(link, VP_LAN_VLANS), vlans))
			continue;
		if (!strcmp(tool, "ifcfg"))
			vp_warn("%s: the network scripts of RHEL know no VLANs of a bridge's port: its VLANs are not in these files", link->name);
		else if (!strcmp(tool, "networkd") && strcmp(pvid, "0") && !vlans[*pvid ? atoi(pvid) : 1])
			vp_warn("%s: systemd-networkd leaves the bridge's default VLAN %s on it; `default_pvid` 0 among its bridging_opts takes that "
				"away",
				link->name, *pvid ? pvid : "1");
	}
}

static json_t *link_json(struct vp_arena *a, const struct vp_node *n, const struct vp_lan *l, const struct vp_lan_link *link)
{
	const char *kind = *vp_lan_get(link, VP_LAN_KIND) ? vp_lan_get(link, VP_LAN_KIND) : "ethernet";
	const struct vp_lan_link *master = vp_lan_find(l, vp_lan_get(link, VP_LAN_MASTER));
	const struct vp_interface *in = interface_of(n, link->name);
	const char *mac = !strcmp(kind, "bridge") || !strcmp(kind, "bond") ? port_mac(a, n, link->name) : "";
	char uuid[37];
	json_t *j;

	vp_uuid5("6ba7b810-9dad-11d1-80b4-00c04fd430c8", vp_printf(a, "vprov/%s/%s", n->name, link->name), uuid);
	j = json_pack("{s:s, s:s, s:s, s:b, s:b, s:o, s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b}", "name", link->name, "kind", kind, "uuid",
		      uuid, kind, 1, "made", !!(link->has & 1u << VP_LAN_KIND), "master", text_or_false(vp_lan_get(link, VP_LAN_MASTER)), "of_bridge",
		      master && vp_lan_is(master, "bridge"), "of_bond", master && vp_lan_is(master, "bond"), "link",
		      text_or_false(vp_lan_get(link, VP_LAN_PARENT)), "ports", who(l, VP_LAN_MASTER, link->name), "above",
		      who(l, VP_LAN_PARENT, link->name), "addresses4", addrs_json(a, l, link->name, false), "addresses6",
		      addrs_json(a, l, link->name, true), "routes4", routes_json(a, l, link->name, false), "routes6",
		      routes_json(a, l, link->name, true), "dhcp", in && (!strcmp(in->bootproto, "dhcp") || !strcmp(in->bootproto, "bootp")));
	json_object_set_new(j, "mac", text_or_false(mac));
	for (int i = 0; i < VP_LAN__COUNT; i++)
		if (link->has & 1u << i && i != VP_LAN_KIND && i != VP_LAN_PARENT && i != VP_LAN_MASTER && i != VP_LAN_MAC && !vp_lan_of_port(i))
			add_attr(j, i, link->value[i]);
	add_port(j, link);
	json_object_set_new(j, "members", members_json(l, link->name));
	return j;
}

static bool is_for(const struct file *f, const json_t *link)
{
	return !*f->of || json_is_true(json_object_get(link, f->of)) || json_array_size(json_object_get(link, f->of));
}

static int add_file(const struct vp_render *r, const struct file *f, const char *path, json_t *data, struct vp_buf *out, struct vp_err *err)
{
	vp_buf_addf(out, "# FILE: %s\n", path);
	return vp_render_text(r, f->template, data, vp_escape_line, out, err);
}

static int render_all(const struct vp_render *r, struct vp_arena *a, const char *tool, json_t *links, struct vp_buf *out, struct vp_err *err)
{
	json_t *link;
	size_t i;

	for (size_t k = 0; k < vp_count(files); k++) {
		const struct file *f = &files[k];

		if (strcmp(f->tool, tool))
			continue;
		if (!f->of) {
			json_t *all = json_pack("{s:O}", "links", links);
			int rc = add_file(r, f, f->path, all, out, err);

			json_decref(all);
			if (rc)
				return -1;
			continue;
		}
		json_array_foreach (links, i, link)
			if (is_for(f, link) &&
			    add_file(r, f, vp_printf(a, f->path, json_string_value(json_object_get(link, "name"))), link, out, err))
				return -1;
	}
	return 0;
}

static void ignore(void *arg, const char *field, const char *what)
{
	(void)arg;
	(void)field;
	(void)what;
}

/* What is made of others comes after them: ifupdown goes from the top of its file. */
static void add_links(struct vp_arena *a, const struct vp_node *n, const struct vp_lan *want, json_t *links)
{
	static const struct {
		const char *kind;
		bool on_bridge;
	} order[] = { { "", false }, { "bond", false }, { "vlan", false }, { "bridge", false }, { "vlan", true } };

	for (size_t k = 0; k < vp_count(order); k++)
		for (size_t i = 0; i < want->nlinks; i++) {
			const struct vp_lan_link *link = &want->links[i], *parent = vp_lan_find(want, vp_lan_get(link, VP_LAN_PARENT));

			if (vp_lan_is(link, order[k].kind) && (parent && vp_lan_is(parent, "bridge")) == order[k].on_bridge)
				json_array_append_new(links, link_json(a, n, want, link));
		}
}

int vp_persist_render(const struct vp_render *r, struct vp_arena *a, const struct vp_node *n, const char *tool, struct vp_buf *out,
		      struct vp_err *err)
{
	vp_cleanup(vp_lan_free) struct vp_lan want = { 0 };
	json_t *links = json_array();
	int rc;

	vp_network_want(a, n, NULL, "", "", &want, ignore, NULL);
	tell_lacks(tool, &want);
	add_links(a, n, &want, links);
	rc = render_all(r, a, tool, links, out, err);
	json_decref(links);
	return rc;
}
