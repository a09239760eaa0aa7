// SPDX-License-Identifier: Apache-2.0
/* Profile -> node: what the rows of the table cannot say. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "bind.h"
#include "place.h"

/* Namespace of the nodes' UUIDs where the site names none. */
#define NAMESPACE "5e0b1c1e-6c0a-4d5f-9b1e-7d2f3c5a9e41"

static size_t count_children(const struct vp_val *v)
{
	size_t n = 0;

	for (const struct vp_val *c = v && v->type >= VP_STRING ? NULL : v ? v->child : NULL; c; c = c->next)
		n++;
	return n;
}

static int by_key(const void *left, const void *right)
{
	return strcmp((*(const struct vp_val *const *)left)->key, (*(const struct vp_val *const *)right)->key);
}

const struct vp_val **vp_sorted_children(struct vp_bind *b, const char *path)
{
	const struct vp_val *dict = vp_get(b->profile->root, path);
	const struct vp_val **list = vp_alloc(b->a, (count_children(dict) + 1) * sizeof(void *));
	size_t n = 0;

	if (dict && dict->type != VP_DICT)
		vp_problem(b, VP_ERROR, VP_E_TYPE, dict, "", "is a %s; it has to be a dict", vp_type_name(dict->type));
	else if (dict)
		for (const struct vp_val *c = dict->child; c; c = c->next)
			list[n++] = c;
	qsort(list, n, sizeof(void *), by_key);
	return list;
}

static size_t count(const struct vp_val *const *list)
{
	size_t n = 0;

	while (list[n])
		n++;
	return n;
}

static void bind_name(struct vp_bind *b)
{
	struct vp_node *n = &b->node->n;
	const char *dot;
	char *name;

	vp_fill(b, &(struct vp_target){ .object = VP_O_NAME, .base = b->node });
	if (!*n->hostname)
		n->hostname = vp_placed_name(b);
	if (!*n->hostname && !vp_find(b, "/system/network/hostname"))
		vp_problem(b, VP_ERROR, VP_E_MISSING, NULL, "/system/network/hostname", "is missing; it has to be a string: %s", vp_is_label.what);
	dot = strchr(n->hostname, '.');
	if (dot && !*n->domain)
		n->domain = dot + 1;
	name = vp_printf(b->a, "%s%s%s", n->hostname, *n->domain && !dot ? "." : "", dot ? "" : n->domain);
	for (char *c = name; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	if (strlen(name) > VP_MAX_NAME)
		vp_problem(b, VP_ERROR, VP_E_VALUE, vp_find(b, "/system/network/domainname"), "", "the node's name is longer than %d bytes",
			   VP_MAX_NAME);
	n->name = name;
	n->hostname = vp_strndup(b->a, name, strcspn(name, "."));
	vp_note_origin(b, "name", n->name, "derived: hostname and domain", NULL);
}

static void bind_uuid(struct vp_bind *b)
{
	const char *space = vp_site_get(b->site, "namespace");
	struct vp_node *n = &b->node->n;

	for (size_t i = 0; i < sizeof(n->uuid) - 1 && *b->node->uuid; i++)
		n->uuid[i] = (char)tolower((unsigned char)b->node->uuid[i]);
	if (*n->uuid)
		return;
	vp_uuid5(space ? space : NAMESPACE, n->name, n->uuid);
	vp_note_origin(b, "uuid", n->uuid, space ? "derived: name and site:namespace" : "derived: name", NULL);
}

/* Position of a list's item, for the names of fields. */
static const char *index_of(struct vp_bind *b, const struct vp_val *item)
{
	return vp_printf(b->a, "%u", item->index);
}

static void bind_cpus(struct vp_bind *b)
{
	const struct vp_val *cpus = vp_find(b, "/hardware/cpu");
	struct vp_node *n = &b->node->n;
	uint64_t sum = 0;

	n->sockets = (unsigned)count_children(cpus);
	if (!n->sockets || cpus->type != VP_LIST) {
		vp_problem(b, VP_ERROR, cpus ? VP_E_TYPE : VP_E_MISSING, cpus, "/hardware/cpu", "there has to be a list with one item per processor");
		return;
	}
	n->cpus = vp_alloc(b->a, n->sockets * sizeof(*n->cpus));
	for (const struct vp_val *at = cpus->child; at; at = at->next) {
		struct vp_socket *cpu = &n->cpus[at->index];

		vp_fill(b, &(struct vp_target){ .object = VP_O_CPU, .base = cpu, .at = at, .name = index_of(b, at) });
		sum += cpu->cores;
	}
	if (sum > VP_MAX_VCPUS)
		vp_problem(b, VP_ERROR, VP_E_VALUE, cpus, "", "%ju cores in all; at most %d are possible", (uintmax_t)sum, VP_MAX_VCPUS);
	n->vcpus = (unsigned)sum;
	vp_note_origin(b, "vcpus", vp_printf(b->a, "%u", n->vcpus), NULL, cpus);
	vp_note_origin(b, "sockets", vp_printf(b->a, "%u", n->sockets), NULL, cpus);
}

static void bind_memory(struct vp_bind *b)
{
	const struct vp_val *ram = vp_find(b, "/hardware/ram");
	uint64_t sum = 0;

	if (!count_children(ram) || ram->type != VP_LIST) {
		vp_problem(b, VP_ERROR, ram ? VP_E_TYPE : VP_E_MISSING, ram, "/hardware/ram",
			   "there has to be a list with one item per module of memory");
		return;
	}
	b->node->n.nram = count_children(ram);
	b->node->n.ram = vp_alloc(b->a, b->node->n.nram * sizeof(*b->node->n.ram));
	for (const struct vp_val *at = ram->child; at; at = at->next) {
		struct vp_module *module = &b->node->n.ram[at->index];

		vp_fill(b, &(struct vp_target){ .object = VP_O_RAM, .base = module, .at = at, .name = index_of(b, at) });
		sum += module->size;
	}
	/* 0 where the modules themselves were wrong, which was said. */
	if (sum && (sum < VP_MIN_MEMORY_MIB * VP_MIB || sum > VP_MAX_MEMORY_MIB * VP_MIB))
		vp_problem(b, VP_ERROR, VP_E_VALUE, ram, "", "%s of memory in all; it has to be from %d MiB to %u MiB", vp_size_text(b->a, sum),
			   VP_MIN_MEMORY_MIB, VP_MAX_MEMORY_MIB);
	b->node->n.memory = sum;
	vp_note_origin(b, "memory", vp_size_text(b->a, sum), NULL, ram);
}

/* What a kind of virtualisation has for a device, its default first. */
struct device_kinds {
	const char *const names[5];
};

static const struct device_kinds buses[] = {
	[VP_KVM] = { { "virtio", "ide", "sata", "scsi" } },
	[VP_QEMU] = { { "virtio", "ide", "sata", "scsi" } },
	[VP_XEN_PARA] = { { "xen" } },
	[VP_XEN_HVM] = { { "ide", "scsi", "xen" } },
};

static const struct device_kinds models[] = {
	[VP_KVM] = { { "virtio", "e1000" } },
	[VP_QEMU] = { { "virtio", "e1000" } },
	[VP_XEN_PARA] = { { "netfront" } },
	[VP_XEN_HVM] = { { "e1000", "netfront" } },
};

/* The wish if this virtualisation has it, so that one profile fits all of them; otherwise its default. */
static const char *choose(struct vp_bind *b, const struct device_kinds *kinds, const char *pattern, const char *name, const char *wish)
{
	const struct device_kinds *k = &kinds[b->node->n.virt];
	const char *virt = vp_virt_name(b->node->n.virt);
	static const char *const from[] = { "derived: virt kvm", "derived: virt qemu", "derived: virt xen-para", "derived: virt xen-hvm" };

	for (size_t i = 0; k->names[i]; i++)
		if (!strcmp(k->names[i], wish))
			return k->names[i];
	if (*wish)
		vp_problem(b, VP_WARNING, VP_E_ODD, NULL,
			   vp_printf(b->a, "%.*s%s%s", (int)strcspn(pattern, "*"), pattern, name, strchr(pattern, '*') + 1),
			   "%s has no %s: it becomes %s", virt, wish, k->names[0]);
	vp_note_origin(b, vp_field(b, pattern, name), k->names[0], from[b->node->n.virt], NULL);
	return k->names[0];
}

/* "vda" for the first disk on virtio, "sdb" for the second on sata or scsi. Xen numbers disks across all buses. */
static const char *slot_name(struct vp_bind *b, size_t i)
{
	static const char *const prefixes[][2] = { { "virtio", "vd" }, { "xen", "xvd" }, { "ide", "hd" }, { "sata", "sd" }, { "scsi", "sd" } };
	const char *prefix = "";
	char letter = 'a';

	for (size_t k = 0; k < vp_count(prefixes); k++)
		if (!strcmp(b->disks[i].d.bus, prefixes[k][0]))
			prefix = prefixes[k][1];
	for (size_t k = 0; k < i; k++)
		letter += b->node->n.virt == VP_XEN_HVM || !strncmp(b->disks[k].d.slot, prefix, strlen(prefix));
	if (!strcmp(prefix, "hd") && letter > 'd')
		vp_problem(b, VP_ERROR, VP_E_VALUE, NULL, vp_printf(b->a, "/hardware/harddisks/%s", b->disks[i].key),
			   "the bus ide has place for 4 disks only");
	return vp_printf(b->a, "%s%c", prefix, letter);
}

static void note_kind(struct vp_bind *b, const struct vp_disk_in *in, const char *slot, const char *kind)
{
	const char *name = in->d.name;

	vp_replace_origin(b, (struct vp_origin){ vp_field(b, "disk.*.slot", name), in->d.slot, slot, "", 0 });
	vp_replace_origin(b, (struct vp_origin){ vp_field(b, "disk.*.type", name), in->d.block ? "block" : "file", kind, "", 0 });
	vp_replace_origin(b, (struct vp_origin){ vp_field(b, "disk.*.readonly", name), in->d.readonly ? "true" : "false", kind, "", 0 });
}

static void place_disk(struct vp_bind *b, size_t i)
{
	struct vp_disk_in *in = &b->disks[i];
	const char *name = in->d.name, *dir = in->dir;

	if (!strcmp(in->d.io, "native") && strcmp(in->d.cache, "none") && strcmp(in->d.cache, "directsync"))
		vp_problem(b, VP_ERROR, VP_E_VALUE, NULL, VP_OWN "disk/io", "disk %s: io native takes cache none or directsync, not %s", name,
			   in->d.cache);
	in->d.bus = choose(b, buses, "disk.*.bus", name, in->d.bus);
	in->d.slot = slot_name(b, i);
	/* Xen's block driver takes the emulated disks over, and calls them its own. */
	in->d.target = b->node->n.virt == VP_XEN_HVM ? vp_printf(b->a, "xvd%c", in->d.slot[strlen(in->d.slot) - 1]) : in->d.slot;
	vp_note_origin(b, vp_field(b, "disk.*.target", name), in->d.target, "derived: bus and position", NULL);
	in->d.path = "";
	note_kind(b, in, "derived: bus and position", "default");
	if (!*dir && vp_placed_disk(b, i)) {
		note_kind(b, in, "derived: path", "derived: path");
		return;
	}
	if (!*dir && b->opts->state_dir)
		dir = vp_printf(b->a, "%s/disks", b->opts->state_dir);
	in->d.block = in->d.volume = !strncmp(dir, "/dev/", 5);
	if (in->d.volume) {
		in->d.format = "raw";
		note_kind(b, in, "derived: bus and position", "derived: disk/dir");
		vp_replace_origin(b, (struct vp_origin){ vp_field(b, "disk.*.format", name), in->d.format, "derived: disk/dir", "", 0 });
	}
	/* Its name in the profile, escaped as there: what the guest calls it depends on the virtualisation, and on how many come before it. */
	if (*dir)
		in->d.path = vp_printf(b->a, in->d.volume ? "%s/%s-%s" : "%s/%s-%s.%s", dir, b->node->n.name, in->key, in->d.format);
	vp_note_origin(b, vp_field(b, "disk.*.path", name), in->d.path, *in->dir ? "derived: disk/dir and names" : "derived: names", NULL);
}

/* Exactly one: the first that says so, else the first. */
static void choose_boot_disk(struct vp_bind *b)
{
	struct vp_node *n = &b->node->n;
	size_t boot = 0;

	for (size_t i = n->ndisks; i-- > 0;) {
		if (n->disks[i].boot)
			boot = i;
		n->disks[i].boot = false;
	}
	n->disks[boot].boot = true;
	for (size_t i = 0; i < n->ndisks; i++)
		vp_note_origin(b, vp_field(b, "disk.*.boot", n->disks[i].name), i == boot ? "true" : "false", "derived: boot, else the first", NULL);
	vp_note_origin(b, "boot_disk", n->disks[boot].name, "derived: boot, else the first", NULL);
}

/* Disks on the ports of cards: /hardware/cards/CARD/N/ports/PORT. By kind of card, card and port; NULL-terminated. */
static const struct vp_val **list_ports(struct vp_bind *b)
{
	static const char *const cards[] = { "raid", "sas", "scsi", "sata", "ide" };
	const struct vp_val **all = NULL, **some;
	size_t n = 0, cap = 0;

	for (size_t k = 0; k < vp_count(cards); k++) {
		const struct vp_val **controllers = vp_sorted_children(b, vp_printf(b->a, "/hardware/cards/%s", cards[k]));

		for (size_t c = 0; controllers[c]; c++) {
			some = vp_sorted_children(b, vp_printf(b->a, "/hardware/cards/%s/%s/ports", cards[k], controllers[c]->key));
			for (size_t i = 0; some[i]; i++) {
				all = vp_grow_in(b->a, all, n, &cap, sizeof(*all));
				all[n++] = some[i];
			}
		}
	}
	all = vp_grow_in(b->a, all, n, &cap, sizeof(*all));
	all[n] = NULL;
	return all;
}

static const char *port_name(struct vp_bind *b, const struct vp_val *port)
{
	const struct vp_val *card = port->parent->parent;

	return vp_printf(b->a, "%s %s port %s", card->parent->key, card->key, port->key);
}

/* The port's own name where it is that of a disk ("sda"); otherwise ports are sda, sdb ... in order, as the kernel counts them. */
static const char *port_key(struct vp_bind *b, const struct vp_val *port, size_t i)
{
	static const char *const prefixes[] = { "sd", "hd", "vd", "nvme", "cciss" };

	for (size_t k = 0; k < vp_count(prefixes); k++)
		if (!strncmp(port->key, prefixes[k], strlen(prefixes[k])))
			return port->key;
	return vp_printf(b->a, "sd%c", 'a' + (int)(i % VP_MAX_DISKS));
}

static void bind_disks(struct vp_bind *b)
{
	const struct vp_val **list = vp_sorted_children(b, "/hardware/harddisks");
	struct vp_node *n = &b->node->n;
	bool ports = !list[0];
	size_t total;

	if (ports)
		list = list_ports(b);
	total = count(list);
	if (!total || total > VP_MAX_DISKS) {
		vp_problem(b, VP_ERROR, total ? VP_E_VALUE : VP_E_MISSING, NULL, "/hardware/harddisks", "there have to be 1 to %d disks",
			   VP_MAX_DISKS);
		return;
	}
	b->disks = vp_alloc(b->a, total * sizeof(*b->disks));
	n->disks = vp_alloc(b->a, total * sizeof(*n->disks));
	n->devices = vp_alloc(b->a, total * sizeof(*n->devices));
	n->ndisks = total;
	for (size_t i = 0; i < total; i++) {
		struct vp_disk_in *in = &b->disks[i];

		in->key = ports ? port_key(b, list[i], i) : list[i]->key;
		in->d.name = vp_unescape(b->a, in->key);
		in->d.drive.port = ports ? port_name(b, list[i]) : "";
		if (!vp_is_diskname.ok(in->d.name))
			vp_problem(b, VP_ERROR, VP_E_VALUE, list[i], "", "\"%s\" has to be %s", in->d.name, vp_is_diskname.what);
		vp_fill(b, &(struct vp_target){ .object = VP_O_DISK, .base = in, .key = in->key, .at = list[i], .name = in->d.name });
		vp_fill(b, &(struct vp_target){ .object = VP_O_DRIVE, .base = &in->d.drive, .key = in->key, .at = list[i], .name = in->d.name });
		vp_note_origin(b, vp_field(b, "disk.*.name", in->d.name), in->d.name, NULL, list[i]);
		place_disk(b, i);
		n->disks[i] = in->d;
	}
	choose_boot_disk(b);
}

/* An interface that stands for a card, not for a bridge, bond, VLAN or tunnel above one. */
static bool is_plain(const struct vp_val *v)
{
	static const char *const above[] = { "bonding_opts", "vlan", "physdev", "bond_ifaces", "ovs_tunnel_type" };
	const struct vp_val *type = vp_get(v, "type");

	for (size_t i = 0; i < vp_count(above); i++)
		if (vp_get(v, above[i]))
			return false;
	return strcmp(v->key, "lo") && !strchr(v->key, '.') && (!type || !type->text || !strcmp(type->text, "Ethernet"));
}

/* Whether another interface names this one as its bridge or bond. */
static bool is_master(const struct vp_val *const *all, const char *name)
{
	static const char *const words[] = { "bridge", "ovs_bridge", "master" };

	for (size_t i = 0; all[i]; i++)
		for (size_t w = 0; w < vp_count(words); w++) {
			const struct vp_val *v = vp_get(all[i], words[w]);

			if (v && v->text && !strcmp(v->text, name))
				return true;
		}
	return false;
}

/*
 * The entry that holds the address: that of the bridge or bond it is part of, where that has one, else the interface's own (as
 * ncm-opennebula has it; some sites give the address to both). NULL where it has no entry.
 */
static const struct vp_val *address_entry(struct vp_bind *b, const char *name)
{
	static const char *const words[] = { "bridge", "ovs_bridge", "master" };
	const struct vp_val *all = vp_find(b, "/system/network/interfaces"), *own = vp_child(all, name), *entry = own, *best = own;

	for (int hops = 0; entry && hops < 4; hops++) {
		const struct vp_val *up = NULL;

		if (vp_child(entry, "ip"))
			best = entry;
		for (size_t w = 0; w < vp_count(words) && !up; w++)
			up = vp_child(entry, words[w]);
		entry = up && up->text ? vp_child(all, up->text) : NULL;
	}
	return best;
}

/* The cards of the profile; where it has none, the interfaces that could be cards. */
static const struct vp_val **list_nics(struct vp_bind *b)
{
	const struct vp_val **cards = vp_sorted_children(b, "/hardware/cards/nic");
	const struct vp_val **interfaces = vp_sorted_children(b, "/system/network/interfaces");
	size_t n = 0;

	if (!cards[0]) {
		const struct vp_val **plain = vp_alloc(b->a, (count(interfaces) + 1) * sizeof(void *));

		for (size_t i = 0; interfaces[i]; i++)
			if (is_plain(interfaces[i]) && !is_master(interfaces, interfaces[i]->key))
				plain[n++] = interfaces[i];
		return plain;
	}
	for (size_t i = 0; interfaces[i]; i++)
		if (is_plain(interfaces[i]) && !is_master(interfaces, interfaces[i]->key) &&
		    !vp_find(b, "/hardware/cards/nic/%s", interfaces[i]->key))
			vp_problem(b, VP_WARNING, VP_E_ODD, interfaces[i], "", "there is no such card below /hardware/cards/nic: left out");
	return cards;
}

static void check_address(struct vp_bind *b, struct vp_nic_in *in, const struct vp_val *at)
{
	uint32_t ip, host, gateway;

	if (!vp_ip4(in->n.ip, &ip))
		return;
	if (!vp_netmask(in->netmask, &in->n.prefix)) {
		if (!*in->netmask)
			vp_problem(b, VP_ERROR, VP_E_MISSING, at, "", "has no netmask beside it");
		return;
	}
	vp_note_origin(b, vp_field(b, "nic.*.prefix", in->n.name), vp_printf(b->a, "%u", in->n.prefix), "derived: netmask", NULL);
	host = ip & (~UINT32_C(0) >> in->n.prefix);
	if (!host || host == ~UINT32_C(0) >> in->n.prefix)
		vp_problem(b, VP_ERROR, VP_E_VALUE, at, "", "%s is the %s address of its subnet", in->n.ip, host ? "broadcast" : "network");
	if (vp_ip4(in->n.gateway, &gateway) && !vp_same_net(ip, gateway, in->n.prefix))
		vp_problem(b, VP_WARNING, VP_E_ODD, at, "", "the gateway %s is outside of the subnet of %s/%u", in->n.gateway, in->n.ip,
			   in->n.prefix);
	if (vp_ip4(in->n.gateway, &gateway) && gateway == ip)
		vp_problem(b, VP_ERROR, VP_E_VALUE, at, "", "%s is also its gateway", in->n.ip);
}

/* Colons and lower case; derived where not given. */
static void settle_mac(struct vp_bind *b, struct vp_nic_in *in)
{
	char *mac;

	if (!*in->n.mac) {
		in->n.mac = vp_derive_mac(b->a, b->node->n.uuid, in->n.name);
		vp_note_origin(b, vp_field(b, "nic.*.mac", in->n.name), in->n.mac, "derived: UUID and NIC name", NULL);
		return;
	}
	mac = vp_strdup(b->a, in->n.mac);
	for (char *c = mac; *c; c++)
		*c = *c == '-' ? ':' : (char)tolower((unsigned char)*c);
	in->n.mac = mac;
}

/* Machines are installed over IPv4: what is IPv6 is there in the interface. */
static const char *only_ip4(struct vp_bind *b, const char *ip, const char *pattern, const char *name)
{
	if (!strchr(ip, ':'))
		return ip;
	vp_drop_origin(b, vp_field(b, pattern, name));
	return "";
}

static void bind_nic(struct vp_bind *b, struct vp_nic_in *in, const struct vp_val *v, size_t i)
{
	const struct vp_val *entry = address_entry(b, v->key);
	const char *name = vp_strdup(b->a, v->key);

	in->n.name = name;
	if (!vp_is_ifname.ok(name))
		vp_problem(b, VP_ERROR, VP_E_VALUE, v, "", "\"%s\" has to be %s", name, vp_is_ifname.what);
	vp_fill(b, &(struct vp_target){ .object = VP_O_NIC, .base = in, .key = name, .at = entry });
	vp_fill(b, &(struct vp_target){ .object = VP_O_CARD, .base = &in->n.card, .key = name });
	vp_note_origin(b, vp_field(b, "nic.*.name", name), name, NULL, v);
	in->n.ip = only_ip4(b, in->n.ip, "nic.*.ip", name);
	in->n.gateway = only_ip4(b, in->n.gateway, "nic.*.gateway", name);
	vp_placed_nic(b, in, i);
	settle_mac(b, in);
	in->n.model = choose(b, models, "nic.*.model", name, in->n.model);
	in->n.tap = vp_derive_tap(b->a, b->node->n.uuid, name);
	vp_note_origin(b, vp_field(b, "nic.*.tap", name), in->n.tap, "derived: UUID and NIC name", NULL);
	in->n.dhcp = !strcmp(in->bootproto, "dhcp") || !strcmp(in->bootproto, "bootp");
	check_address(b, in, vp_child(entry, "ip"));
	if (strcmp(in->n.model, "virtio"))
		in->n.queues = 1;
	vp_bind_bandwidth(b, in);
}

/* The default gateway belongs to the NIC that gatewaydev names, else to that in whose subnet it lies; where there is none, to the NIC it boots from.
 */
static void give_gateway(struct vp_bind *b)
{
	struct vp_node *n = &b->node->n;
	const char *gateway = n->network.default_gateway, *dev = n->network.gatewaydev;
	const struct vp_val *entry = *dev ? vp_find(b, "/system/network/interfaces/%s", dev) : NULL;
	struct vp_nic *to = &n->nics[n->boot_nic];
	uint32_t ip, gw;

	for (size_t i = 0; i < n->nnics; i++)
		if (*n->nics[i].gateway)
			return;
	if (!vp_ip4(gateway, &gw))
		return;
	for (size_t i = n->nnics; i-- > 0;)
		if (n->nics[i].prefix && vp_ip4(n->nics[i].ip, &ip) && vp_same_net(ip, gw, n->nics[i].prefix))
			to = &n->nics[i];
	for (size_t i = n->nnics; entry && i-- > 0;)
		if (address_entry(b, n->nics[i].name) == entry)
			to = &n->nics[i];
	if (!*to->ip)
		return;
	to->gateway = gateway;
	vp_note_origin(b, vp_field(b, "nic.*.gateway", to->name), gateway, NULL, vp_find(b, "/system/network/default_gateway"));
	if (vp_ip4(to->ip, &ip) && to->prefix && !vp_same_net(ip, gw, to->prefix))
		vp_problem(b, VP_WARNING, VP_E_ODD, vp_find(b, "/system/network/default_gateway"), "", "%s is in the subnet of no NIC", gateway);
}

static void choose_boot_nic(struct vp_bind *b)
{
	struct vp_node *n = &b->node->n;
	struct vp_nic *nic;

	for (size_t i = n->nnics; i-- > 0;) {
		if (n->nics[i].boot)
			n->boot_nic = i;
		n->nics[i].boot = false;
	}
	nic = &n->nics[n->boot_nic];
	nic->boot = true;
	/* It has to have an address to be installed at all. */
	nic->dhcp |= !*nic->ip;
	vp_note_origin(b, "boot_nic", nic->name, "derived: boot, else the first", NULL);
	give_gateway(b);
}

static void bind_nics(struct vp_bind *b)
{
	const struct vp_val **list = list_nics(b);
	struct vp_node *n = &b->node->n;

	n->nnics = count(list);
	if (!n->nnics || n->nnics > VP_MAX_NICS) {
		vp_problem(b, VP_ERROR, n->nnics ? VP_E_VALUE : VP_E_MISSING, NULL, "/hardware/cards/nic", "there have to be 1 to %d NICs",
			   VP_MAX_NICS);
		n->nnics = 0;
		return;
	}
	n->nics = vp_alloc(b->a, n->nnics * sizeof(*n->nics));
	for (size_t i = 0; i < n->nnics; i++) {
		struct vp_nic_in in = { 0 };

		bind_nic(b, &in, list[i], i);
		n->nics[i] = in.n;
	}
	choose_boot_nic(b);
	for (size_t i = 0; i < n->nnics; i++) {
		vp_note_origin(b, vp_field(b, "nic.*.dhcp", n->nics[i].name), n->nics[i].dhcp ? "true" : "false", "derived: bootproto", NULL);
		vp_note_origin(b, vp_field(b, "nic.*.boot", n->nics[i].name), n->nics[i].boot ? "true" : "false", "derived: boot, else the first",
			       NULL);
	}
}

static struct vp_bridge *bridge_of(struct vp_node *n, const char *name)
{
	for (size_t i = 0; i < n->nbridges; i++)
		if (!strcmp(n->bridges[i].name, name))
			return &n->bridges[i];
	n->bridges[n->nbridges] = (struct vp_bridge){ .name = name, .address = "", .interface = "", .uplink = "" };
	return &n->bridges[n->nbridges++];
}

/* The host plays the gateway where nothing else was said. */
static void address_from_gateway(struct vp_bind *b, struct vp_bridge *br, const struct vp_nic *nic)
{
	uint32_t ip, gateway;

	if (*br->address || !nic->prefix || !vp_ip4(nic->ip, &ip) || !vp_ip4(nic->gateway, &gateway) || !vp_same_net(ip, gateway, nic->prefix))
		return;
	br->address = nic->gateway;
	br->prefix = nic->prefix;
	vp_note_origin(b, vp_field(b, "bridge.*.address", br->name), vp_printf(b->a, "%s/%u", br->address, br->prefix),
		       vp_printf(b->a, "derived: gateway of %s", nic->name), NULL);
}

static void take_bridge(struct vp_bind *b, struct vp_bridge *br, const struct vp_bridge *known)
{
	br->address = vp_strdup(b->a, known->address);
	br->prefix = known->prefix;
	if (*br->address)
		vp_note_origin(b, vp_field(b, "bridge.*.address", br->name), vp_printf(b->a, "%s/%u", br->address, br->prefix),
			       vp_printf(b->a, "derived: %s has it there", b->node->n.host), NULL);
}

/* Only the host's bridge hands out the address that the boot NIC is installed with. */
static void check_bridge(struct vp_bind *b, const struct vp_bridge *br, const struct vp_nic *nic)
{
	const struct vp_val *at = vp_child(address_entry(b, nic->name), "ip");
	uint32_t ip, host;

	if (!vp_ip4(nic->ip, &ip) || !vp_ip4(br->address, &host))
		return;
	if (ip == host)
		vp_problem(b, VP_ERROR, VP_E_VALUE, at, "", "%s is the host's own address on %s", nic->ip, br->name);
	else if (nic->boot && !vp_same_net(ip, host, br->prefix))
		vp_problem(b, b->node->n.install != VP_INSTALL_NONE ? VP_ERROR : VP_WARNING, VP_E_VALUE, at, "",
			   "%s is outside of the subnet of the bridge %s, %s/%u", nic->ip, br->name, br->address, br->prefix);
}

static void bind_bridges(struct vp_bind *b)
{
	struct vp_node *n = &b->node->n;
	const char *address = b->node->bridge_address;
	uint32_t host;

	n->bridges = vp_alloc(b->a, n->nnics * sizeof(*n->bridges));
	for (size_t i = 0; i < n->nnics; i++) {
		struct vp_bridge *br = bridge_of(n, n->nics[i].bridge);
		const struct vp_bridge *known = vp_placed_bridge(b, br->name);

		if (!*br->address && !strcmp(br->name, b->node->bridge_name) && vp_cidr(address, &host, &br->prefix)) {
			br->address = vp_ip4_text(b->a, host);
			vp_copy_origin(b, "bridge.address", vp_field(b, "bridge.*.address", br->name));
		}
		if (!strcmp(br->name, b->node->bridge_name))
			br->interface = b->node->bridge_interface;
		/* A bridge that its hypervisor has is as it is there. */
		if (known && !*br->address)
			take_bridge(b, br, known);
		if (!known)
			address_from_gateway(b, br, &n->nics[i]);
	}
	vp_bind_uplink(b);
	for (size_t i = 0; i < n->nnics; i++)
		check_bridge(b, bridge_of(n, n->nics[i].bridge), &n->nics[i]);
}

static bool is_known(const char *path)
{
	size_t n;
	const struct vp_row *const *rows = vp_rows_all(&n);

	for (size_t i = 0; i < n; i++)
		if (vp_path_match(rows[i]->path, path))
			return true;
	return false;
}

/* A typing error below /system/vprov must not pass as "not given". */
static void check_unknown(struct vp_bind *b, const struct vp_val *v)
{
	if (is_known(vp_path_of(b->a, v)))
		return;
	if (v->type >= VP_STRING || v->type == VP_LIST)
		vp_problem(b, VP_ERROR, VP_E_VALUE, v, "", "vprov knows no such path");
	for (const struct vp_val *c = v->type == VP_DICT ? v->child : NULL; c; c = c->next)
		check_unknown(b, c);
}

static bool has_disk(const struct vp_bind *b, const char *key)
{
	for (size_t i = 0; i < b->node->n.ndisks; i++)
		if (!strcmp(b->disks[i].key, key))
			return true;
	return false;
}

static void check_references(struct vp_bind *b)
{
	const struct vp_val *nics = vp_find(b, VP_OWN "nics"), *disks = vp_find(b, VP_OWN "disks");

	for (const struct vp_val *v = nics && nics->type == VP_DICT ? nics->child : NULL; v; v = v->next)
		if (!vp_find(b, "/hardware/cards/nic/%s", v->key) && !vp_find(b, "/system/network/interfaces/%s", v->key))
			vp_problem(b, VP_ERROR, VP_E_REFERENCE, v, "", "there is no NIC of that name");
	for (const struct vp_val *v = disks && disks->type == VP_DICT ? disks->child : NULL; v; v = v->next)
		if (!has_disk(b, v->key))
			vp_problem(b, VP_ERROR, VP_E_REFERENCE, v, "", "there is no disk of that name");
}

static struct vp_tweak tweak_of(struct vp_bind *b, const char *text)
{
	struct vp_tweak t = { .file = "" };
	size_t path = 0;

	vp_assignment(text, &path, &t.value);
	t.path = vp_strndup(b->a, text, path);
	return t;
}

/* Each with its own place, in the profile or in the site configuration. */
static void bind_tweaks(struct vp_bind *b)
{
	const struct vp_val *list = vp_find(b, VP_OWN "xml"), *v = list && list->type == VP_LIST ? list->child : list;
	const struct vp_words *words = &b->node->xml;
	struct vp_node *n = &b->node->n;
	size_t pos = 0;

	if (words->n > VP_MAX_ASSIGNMENTS)
		vp_problem(b, VP_ERROR, VP_E_VALUE, list, VP_OWN "xml", "there are %zu of them; at most %d are possible", words->n,
			   VP_MAX_ASSIGNMENTS);
	n->xml = vp_alloc(b->a, (words->n + 1) * sizeof(*n->xml));
	for (n->nxml = 0; n->nxml < words->n && !b->failed; n->nxml++, v = v ? v->next : NULL) {
		const struct vp_site_line *l = list ? NULL : vp_site_next(b->site, n, "xml", &pos);
		struct vp_tweak *t = &n->xml[n->nxml];

		*t = tweak_of(b, words->items[n->nxml]);
		t->file = v ? n->file : b->site->file;
		t->line = v ? v->line : l ? l->line : 0;
		t->origin = v ? vp_path_of(b->a, v) : "site:xml";
	}
}

static void bind_node(struct vp_bind *b)
{
	b->node->install = -1;
	vp_fill(b, &(struct vp_target){ .object = VP_O_NODE, .base = b->node });
	vp_fill(b, &(struct vp_target){ .object = VP_O_TUNING, .base = &b->node->n.tuning });
	bind_tweaks(b);
	bind_uuid(b);
	vp_placed_node(b);
}

/* The machines where guests run are not made by vprov: of their disks nothing is to be known. */
static void bind_hypervisor(struct vp_bind *b)
{
	struct vp_node *n = &b->node->n;

	bind_nics(b);
	for (size_t i = 0; i < n->nnics; i++)
		n->nics[i].bridge = "";
	n->install = VP_INSTALL_NONE;
	n->bridges = vp_place_bridges(b->a, b->profile, &n->nbridges);
}

/* Compilers also write profiles of components or clusters alone; one message for them, instead of one for everything that a machine has. */
static bool is_machine(struct vp_bind *b)
{
	if (vp_find(b, "/hardware"))
		return true;
	vp_problem(b, VP_ERROR, VP_E_MISSING, NULL, "/hardware", "is missing: this profile describes no machine");
	return false;
}

struct vp_node *vp_bind(struct vp_arena *a, const struct vp_profile *p, const struct vp_site *site, const struct vp_bind_opts *opts,
			struct vp_diags *diags)
{
	struct vp_bind b = { .a = a, .profile = p, .site = site, .opts = opts, .diags = diags };
	const struct vp_val *own = vp_get(p->root, VP_OWN);
	unsigned errors = diags->errors;

	if (!is_machine(&b))
		return NULL;
	b.node = vp_alloc(a, sizeof(*b.node));
	b.node->n.file = vp_strdup(a, p->file);
	memcpy(b.node->n.digest, p->digest, sizeof(p->digest));
	bind_name(&b);
	vp_bind_role(&b);
	bind_node(&b);
	vp_fill(&b, &(struct vp_target){ .object = VP_O_HARDWARE, .base = &b.node->n.hardware });
	vp_fill(&b, &(struct vp_target){ .object = VP_O_SYSTEM, .base = &b.node->n.system });
	vp_fill(&b, &(struct vp_target){ .object = VP_O_NETWORK, .base = &b.node->n.network });
	bind_cpus(&b);
	bind_memory(&b);
	vp_placed_size(&b);
	if (b.node->n.machine == VP_HYPERVISOR) {
		bind_hypervisor(&b);
	} else {
		bind_disks(&b);
		vp_bind_layout(&b);
		vp_bind_aii(&b);
		vp_bind_netboot(&b);
		bind_nics(&b);
		bind_bridges(&b);
		vp_placed_unused(&b);
	}
	vp_bind_interfaces(&b);
	if (own)
		check_unknown(&b, own);
	check_references(&b);
	return diags->errors == errors && !b.failed ? &b.node->n : NULL;
}

const struct vp_origin *vp_origin_of(const struct vp_node *n, const char *field)
{
	for (size_t i = 0; i < n->norigins; i++)
		if (!strcmp(n->origins[i].field, field))
			return &n->origins[i];
	return NULL;
}

static const char *const virts[] = { "kvm", "qemu", "xen-para", "xen-hvm" };

const char *vp_virt_name(enum vp_virt v)
{
	return virts[v];
}

int vp_virt_find(const char *name)
{
	for (size_t i = 0; i < vp_count(virts); i++)
		if (!strcmp(virts[i], name))
			return (int)i;
	return -1;
}

const char *vp_firmware_name(enum vp_firmware f)
{
	return f == VP_UEFI ? "uefi" : "bios";
}

static const char *const installs[] = { "image", "kickstart", "preseed", "autoinstall", "none" };

const char *vp_install_name(enum vp_install i)
{
	return installs[i];
}

int vp_install_find(const char *name)
{
	for (size_t i = 0; i < vp_count(installs); i++)
		if (!strcmp(installs[i], name))
			return (int)i;
	return -1;
}

bool vp_install_foreign(enum vp_install i)
{
	return i != VP_INSTALL_IMAGE && i != VP_INSTALL_NONE;
}
