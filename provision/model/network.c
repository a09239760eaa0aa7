// SPDX-License-Identifier: Apache-2.0
/* Interfaces: what a profile configures above the cards. */
#include <ctype.h>
#include <string.h>

#include "bind.h"

static size_t count(const struct vp_val *v)
{
	size_t n = 0;

	for (const struct vp_val *c = v && v->type < VP_STRING ? v->child : NULL; c; c = c->next)
		n++;
	return n;
}

/* "eth0.alias.web": part of one interface, for the names of fields. */
static const char *part_of(struct vp_bind *b, const struct vp_interface *in, const char *what, const struct vp_val *v)
{
	return v->key ? vp_printf(b->a, "%s.%s.%s", in->name, what, v->key) : vp_printf(b->a, "%s.%s.%u", in->name, what, v->index);
}

static void read_aliases(struct vp_bind *b, struct vp_interface *in, const struct vp_val *dict)
{
	in->aliases = vp_alloc(b->a, count(dict) * sizeof(*in->aliases));
	for (const struct vp_val *v = dict && dict->type == VP_DICT ? dict->child : NULL; v; v = v->next) {
		struct vp_alias *alias = &in->aliases[in->naliases++];

		alias->name = vp_strdup(b->a, v->key);
		vp_fill(b, &(struct vp_target){ .object = VP_O_ALIAS, .base = alias, .at = v, .name = part_of(b, in, "alias", v) });
		vp_note_origin(b, vp_field(b, "interface.*.name", part_of(b, in, "alias", v)), alias->name, NULL, v);
	}
}

static void read_routes(struct vp_bind *b, struct vp_interface *in, const struct vp_val *list)
{
	in->routes = vp_alloc(b->a, count(list) * sizeof(*in->routes));
	for (const struct vp_val *v = list && list->type == VP_LIST ? list->child : NULL; v; v = v->next)
		vp_fill(b,
			&(struct vp_target){ .object = VP_O_ROUTE, .base = &in->routes[in->nroutes++], .at = v, .name = part_of(b, in, "route", v) });
}

/* The 101 of "eth0.101" and "vlan101"; 0 for other names. *below is the length of "eth0", 0 where the name does not say it. */
static unsigned vlan_of(const char *name, size_t *below)
{
	const char *dot = strrchr(name, '.'), *digits = dot ? dot + 1 : !strncmp(name, "vlan", 4) ? name + 4 : "";
	uint64_t id;

	*below = dot ? (size_t)(dot - name) : 0;
	return vp_parse_u64(digits, 1, 4094, &id) ? (unsigned)id : 0;
}

static bool is_named(const char *by, const struct vp_interface *in)
{
	return *by && !strcmp(by, in->name);
}

static void add_once(struct vp_bind *b, struct vp_words *list, const char *name)
{
	for (size_t i = 0; i < list->n; i++)
		if (!strcmp(list->items[i], name))
			return;
	vp_words_add(b->a, list, name);
}

/* What names this one as its bridge or bond, or what this one names as the device below it. */
static void find_ports(struct vp_bind *b, struct vp_interface *in)
{
	const struct vp_network *net = &b->node->n.network;
	size_t below;

	for (size_t i = 0; i < net->ninterfaces; i++) {
		const struct vp_interface *other = &net->interfaces[i];

		if (is_named(other->bridge, in) || is_named(other->master, in) || is_named(other->ovs_bridge, in))
			add_once(b, &in->ports, other->name);
	}
	for (size_t i = 0; i < in->bond_ifaces.n; i++)
		add_once(b, &in->ports, in->bond_ifaces.items[i]);
	in->vlan_id = vlan_of(in->name, &below);
	if (*in->physdev)
		add_once(b, &in->ports, in->physdev);
	else if (in->vlan_id && below)
		add_once(b, &in->ports, vp_strndup(b->a, in->name, below));
}

static bool has_members(struct vp_bind *b, const struct vp_interface *in)
{
	const struct vp_network *net = &b->node->n.network;

	for (size_t i = 0; i < net->ninterfaces; i++)
		if (is_named(net->interfaces[i].master, in))
			return true;
	return false;
}

static bool has_bridge_ports(struct vp_bind *b, const struct vp_interface *in)
{
	const struct vp_network *net = &b->node->n.network;

	for (size_t i = 0; i < net->ninterfaces; i++)
		if (is_named(net->interfaces[i].bridge, in))
			return true;
	return false;
}

/* The type where it says more than "Ethernet", which sites give to everything; otherwise what the other values show. */
static const char *kind_of(struct vp_bind *b, const struct vp_interface *in)
{
	if (*in->type && strcasecmp(in->type, "Ethernet")) {
		char *kind = vp_strdup(b->a, in->type);

		for (char *c = kind; *c; c++)
			*c = (char)tolower((unsigned char)*c);
		return kind;
	}
	if (!strcmp(in->name, "lo"))
		return "loopback";
	if (*in->ovs_tunnel_type)
		return "ovstunnel";
	if (in->bond_ifaces.n)
		return "ovsbond";
	if (in->bonding_opts.n || has_members(b, in))
		return "bond";
	if (in->vlan || *in->physdev || (in->vlan_id && in->ports.n))
		return "vlan";
	return has_bridge_ports(b, in) || in->has_stp ? "bridge" : "ethernet";
}

static void check_reference(struct vp_bind *b, const struct vp_val *v, const char *what, const char *name)
{
	if (*name && !vp_find(b, "/system/network/interfaces/%s", name) && !vp_find(b, "/hardware/cards/nic/%s", name))
		vp_problem(b, VP_WARNING, VP_E_REFERENCE, vp_child(v, what), "", "there is no interface %s", name);
}

static const char *joined(struct vp_bind *b, const struct vp_words *list)
{
	const char *text = "";

	for (size_t i = 0; i < list->n; i++)
		text = vp_printf(b->a, "%s%s%s", text, i ? ", " : "", list->items[i]);
	return text;
}

static void settle(struct vp_bind *b, struct vp_interface *in, const struct vp_val *v)
{
	find_ports(b, in);
	in->kind = kind_of(b, in);
	check_reference(b, v, "bridge", in->bridge);
	check_reference(b, v, "master", in->master);
	check_reference(b, v, "ovs_bridge", in->ovs_bridge);
	check_reference(b, v, "physdev", in->physdev);
	vp_note_origin(b, vp_field(b, "interface.*.name", in->name), in->name, NULL, v);
	vp_note_origin(b, vp_field(b, "interface.*.kind", in->name), in->kind, "derived: type, name, and what it is made of", NULL);
	if (in->ports.n)
		vp_note_origin(b, vp_field(b, "interface.*.ports", in->name), joined(b, &in->ports), "derived: bridge, master, physdev and names",
			       NULL);
	if (in->vlan_id)
		vp_note_origin(b, vp_field(b, "interface.*.vlan_id", in->name), vp_printf(b->a, "%u", in->vlan_id), "derived: name", NULL);
}

void vp_bind_interfaces(struct vp_bind *b)
{
	const struct vp_val **list = vp_sorted_children(b, "/system/network/interfaces");
	struct vp_network *net = &b->node->n.network;
	size_t n = 0;

	while (list[n])
		n++;
	net->interfaces = vp_alloc(b->a, n * sizeof(*net->interfaces));
	for (size_t i = 0; i < n; i++) {
		struct vp_interface *in = &net->interfaces[net->ninterfaces];

		if (!vp_is_ifname.ok(list[i]->key)) {
			vp_problem(b, VP_WARNING, VP_E_VALUE, list[i], "", "\"%s\" has to be %s: left out", list[i]->key, vp_is_ifname.what);
			continue;
		}
		in->name = vp_strdup(b->a, list[i]->key);
		vp_fill(b, &(struct vp_target){ .object = VP_O_INTERFACE, .base = in, .key = list[i]->key, .at = list[i], .name = in->name });
		read_aliases(b, in, vp_child(list[i], "aliases"));
		read_routes(b, in, vp_child(list[i], "route"));
		net->ninterfaces++;
	}
	for (size_t i = 0; i < net->ninterfaces; i++)
		settle(b, &net->interfaces[i], vp_find(b, "/system/network/interfaces/%s", net->interfaces[i].name));
}
