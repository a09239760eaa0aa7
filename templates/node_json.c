// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "../provision/model/bind.h"
#include "render.h"

/* JSON holds UTF-8 only: what is something else keeps its ASCII. */
static json_t *text(const char *given)
{
	vp_cleanup(vp_buf_free) struct vp_buf ascii = { 0 };
	const char *s = given ? given : "";
	json_t *j = json_string(s);

	if (j)
		return j;
	for (; *s; s++)
		vp_buf_add(&ascii, *s & 0x80 ? "?" : s, 1);
	return json_string(vp_buf_str(&ascii));
}

static json_t *number(uint64_t n)
{
	return json_integer((json_int_t)n);
}

static json_t *mib(uint64_t bytes)
{
	return number(bytes / VP_MIB);
}

static json_t *texts(const char *const *items, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, text(items[i]));
	return list;
}

/* The nth word of a blank-separated list. */
static json_t *nth_word(const char *words, int n)
{
	while (n-- > 0)
		words += strcspn(words, " ") + 1;
	return json_stringn(words, strcspn(words, " "));
}

static json_t *pairs(const struct vp_words *list)
{
	json_t *o = json_object();

	for (size_t i = 0; i + 1 < list->n; i += 2)
		json_object_set_new(o, list->items[i], text(list->items[i + 1]));
	return o;
}

/* What a row has put into its object; NULL: it was not given. */
static json_t *row_value(const struct vp_row *row, const void *base)
{
	const void *at = (const char *)base + row->offset;
	const struct vp_words *list = at;

	if (row->given && !*((const bool *)base + row->given))
		return NULL;
	switch (row->kind) {
	case VP_K_BOOL: return json_boolean(*(const bool *)at);
	case VP_K_UINT: return row->given || *(const unsigned *)at ? number(*(const unsigned *)at) : NULL;
	case VP_K_MIB: return *(const uint64_t *)at ? mib(*(const uint64_t *)at) : NULL;
	case VP_K_DOUBLE: return json_real(*(const double *)at);
	case VP_K_ENUM: return nth_word(row->choices, *(const int *)at);
	case VP_K_STRINGS: return list->n ? texts(list->items, list->n) : NULL;
	case VP_K_PAIRS: return list->n ? pairs(list) : NULL;
	case VP_K_STRING:
	case VP_K_CHOICE: break;
	}
	return *(const char *const *)at && **(const char *const *)at ? text(*(const char *const *)at) : NULL;
}

/* Everything that rows have filled into one object, into j, below what its fields say after their first `skip` dots. */
static void add_rows(json_t *j, enum vp_object object, const void *base, unsigned skip)
{
	const struct vp_rows_index *x = vp_rows_of(object);

	for (size_t i = 0; i < x->n; i++) {
		const char *name = x->rows[i]->field, *dot;
		char key[64];
		json_t *to = j, *value = name && x->first[i] == i ? row_value(x->rows[i], base) : NULL;

		if (!value)
			continue;
		for (unsigned k = 0; k < skip; k++)
			name = strchr(name, '.') + 1;
		for (; (dot = strchr(name, '.')); name = dot + 1) {
			if (!json_object_getn(to, name, (size_t)(dot - name)))
				json_object_setn_new(to, name, (size_t)(dot - name), json_object());
			to = json_object_getn(to, name, (size_t)(dot - name));
		}
		snprintf(key, sizeof(key), "%s%s", name, x->rows[i]->kind == VP_K_MIB ? "_mib" : "");
		json_object_set_new(to, key, value);
	}
}

static json_t *from_rows(enum vp_object object, const void *base, unsigned skip)
{
	json_t *j = json_object();

	add_rows(j, object, base, skip);
	return j;
}

static json_t *cpus(const struct vp_node *n)
{
	json_t *list = json_array();

	for (size_t i = 0; n->cpus && i < n->sockets; i++)
		json_array_append_new(list, from_rows(VP_O_CPU, &n->cpus[i], 2));
	return list;
}

static json_t *ram(const struct vp_node *n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n->nram; i++)
		json_array_append_new(list, from_rows(VP_O_RAM, &n->ram[i], 2));
	return list;
}

static json_t *aliases(const struct vp_interface *in)
{
	json_t *list = json_array();

	for (size_t i = 0; i < in->naliases; i++) {
		json_t *j = json_pack("{so}", "name", text(in->aliases[i].name));

		add_rows(j, VP_O_ALIAS, &in->aliases[i], 2);
		json_array_append_new(list, j);
	}
	return list;
}

static json_t *routes(const struct vp_interface *in)
{
	json_t *list = json_array();

	for (size_t i = 0; i < in->nroutes; i++)
		json_array_append_new(list, from_rows(VP_O_ROUTE, &in->routes[i], 2));
	return list;
}

static json_t *interfaces(const struct vp_node *n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n->network.ninterfaces; i++) {
		const struct vp_interface *in = &n->network.interfaces[i];
		json_t *j = json_pack("{so so so so}", "name", text(in->name), "kind", text(in->kind), "ports", texts(in->ports.items, in->ports.n),
				      "vlan_id", number(in->vlan_id));

		add_rows(j, VP_O_INTERFACE, in, 2);
		json_object_set_new(j, "aliases", aliases(in));
		json_object_set_new(j, "routes", routes(in));
		json_array_append_new(list, j);
	}
	return list;
}

static json_t *drive(const struct vp_drive *d)
{
	json_t *j = json_pack("{so}", "port", text(d->port));

	add_rows(j, VP_O_DRIVE, d, 3);
	return j;
}

static json_t *disks(const struct vp_node *n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n->ndisks; i++) {
		const struct vp_disk *d = &n->disks[i];

		json_array_append_new(list,
				      json_pack("{so so so so so so so so so so so sb sb so so}", "cache", text(d->cache ? d->cache : "writeback"),
						"io", text(d->io), "discard", text(d->discard ? d->discard : "unmap"), "name", text(d->name),
						"target", text(d->target), "slot", text(d->slot ? d->slot : d->target), "type",
						text(d->block ? "block" : "file"), "bus", text(d->bus), "format", text(d->format), "path",
						text(d->path), "size_mib", mib(d->size), "boot", d->boot, "readonly", d->readonly, "label",
						text(n->devices ? n->devices[i].label : ""), "drive", drive(&d->drive)));
	}
	return list;
}

/* Only what is said. */
static json_t *direct(const struct vp_direct *d)
{
	const char *const members[][2] = { { "kernel", d->kernel },
					   { "initrd", d->initrd },
					   { "cmdline", d->cmdline },
					   { "bootloader", d->bootloader },
					   { "bootargs", d->bootargs } };
	json_t *j = json_object();

	for (size_t i = 0; i < vp_count(members); i++)
		if (members[i][1] && *members[i][1])
			json_object_set_new(j, members[i][0], text(members[i][1]));
	return j;
}

/* Only what is said. */
static json_t *netboot(const struct vp_node *n)
{
	const struct vp_netboot *nb = &n->netboot;
	const char *const members[][2] = { { "kernel", nb->kernel }, { "initrd", nb->initrd }, { "args", nb->args },
					   { "mirror", nb->mirror }, { "suite", nb->suite },   { "iso", nb->iso } };
	json_t *j = json_object();

	for (size_t i = 0; i < vp_count(members); i++)
		if (members[i][1] && *members[i][1])
			json_object_set_new(j, members[i][0], text(members[i][1]));
	return j;
}

/* "255.255.240.0" */
static json_t *netmask(unsigned prefix)
{
	uint32_t m = prefix ? ~UINT32_C(0) << (32 - (prefix > 32 ? 32 : prefix)) : 0;

	return json_sprintf("%u.%u.%u.%u", m >> 24, m >> 16 & 255, m >> 8 & 255, m & 255);
}

/* NULL: no limit. */
static json_t *bandwidth(const struct vp_bandwidth *w)
{
	return w->average ? json_pack("{so so so}", "average", number(w->average), "peak", number(w->peak), "burst", number(w->burst)) : NULL;
}

static json_t *nics(const struct vp_node *n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n->nnics; i++) {
		const struct vp_nic *c = &n->nics[i];

		json_array_append_new(list, json_pack("{so so so so so so so so so sb sb so so* so* so}", "name", text(c->name), "mac", text(c->mac),
						      "model", text(c->model), "bridge", text(c->bridge), "tap", text(c->tap), "ip", text(c->ip),
						      "prefix", number(c->prefix), "netmask", c->prefix ? netmask(c->prefix) : text(""), "gateway",
						      text(c->gateway), "dhcp", c->dhcp, "boot", c->boot, "mtu", number(c->mtu), "queues",
						      c->queues > 1 ? number(c->queues) : NULL, "bandwidth", bandwidth(&c->bandwidth), "card",
						      from_rows(VP_O_CARD, &c->card, 3)));
	}
	return list;
}

/* NULL: nothing is shared. */
static json_t *share(const struct vp_bridge *b)
{
	return b->rate ? json_pack("{so so}", "uplink", text(b->uplink), "rate", number(b->rate)) : NULL;
}

static json_t *bridges(const struct vp_node *n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n->nbridges; i++) {
		const struct vp_bridge *b = &n->bridges[i];

		json_array_append_new(list, json_pack("{so so so so so*}", "name", text(b->name), "address", text(b->address), "prefix",
						      number(b->prefix), "interface", text(b->interface), "share", share(b)));
	}
	return list;
}

/* What the guest calls it. */
static json_t *device(const struct vp_node *n, struct vp_ref ref)
{
	vp_cleanup(vp_buf_free) struct vp_buf b = { 0 };

	vp_block_path(n, ref, &b);
	return text(vp_buf_str(&b));
}

static json_t *devices(const struct vp_node *n, const struct vp_ref *refs, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, device(n, refs[i]));
	return list;
}

static json_t *partitions(const struct vp_node *n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n->npartitions; i++) {
		const struct vp_partition *p = &n->partitions[i];

		json_array_append_new(list,
				      json_pack("{so so so so so so so sb so so}", "name", text(p->name), "disk", text(n->disks[p->disk].target),
						"device", device(n, (struct vp_ref){ VP_BLOCK_PARTITION, (unsigned)i }), "number", number(p->number),
						"size_mib", mib(p->size), "offset_mib", mib(p->offset), "type", text(p->type), "bootable",
						p->bootable, "flags", texts(p->flags, p->nflags), "ksopts", text(p->ksopts)));
	}
	return list;
}

static json_t *mds(const struct vp_node *n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n->nmds; i++) {
		const struct vp_md *m = &n->mds[i];

		json_array_append_new(list, json_pack("{so so so so so so}", "name", text(m->name), "level", text(m->level), "stripe_kib",
						      number(m->stripe_kib), "spares", number(m->spares), "metadata", text(m->metadata), "devices",
						      devices(n, m->devices, m->ndevices)));
	}
	return list;
}

static json_t *volume_groups(const struct vp_node *n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n->nvgs; i++)
		json_array_append_new(
			list, json_pack("{so so}", "name", text(n->vgs[i].name), "devices", devices(n, n->vgs[i].devices, n->vgs[i].ndevices)));
	return list;
}

static json_t *logical_volumes(const struct vp_node *n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n->nlvs; i++) {
		const struct vp_lv *v = &n->lvs[i];

		json_array_append_new(list, json_pack("{so so so so so so so so so}", "name", text(v->name), "volume_group", text(n->vgs[v->vg].name),
						      "device", device(n, (struct vp_ref){ VP_BLOCK_LV, (unsigned)i }), "size_mib", mib(v->size),
						      "stripe_kib", number(v->stripe_kib), "chunk_kib", number(v->chunk_kib), "type", text(v->type),
						      "cache", device(n, v->cache), "cache_mode", text(v->cache_mode)));
	}
	return list;
}

static json_t *files(const struct vp_node *n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n->nfiles; i++) {
		const struct vp_file *f = &n->files[i];

		json_array_append_new(list, json_pack("{so so so so so}", "name", text(f->name), "size_mib", mib(f->size), "owner", text(f->owner),
						      "group", text(f->group), "permissions", number(f->permissions)));
	}
	return list;
}

static json_t *filesystems(const struct vp_node *n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n->nfilesystems; i++) {
		const struct vp_filesystem *f = &n->filesystems[i];

		json_array_append_new(list, json_pack("{so so so so so so so so sb sb sb sb sb so so so}", "name", text(f->name), "device",
						      device(n, f->on), "on", text(vp_block_name(f->on.kind)), "mountpoint", text(f->mountpoint),
						      "type", text(f->type), "options", text(f->options), "label", text(f->label), "mkfsopts",
						      text(f->mkfsopts), "format", f->format, "preserve", f->preserve, "ksfsformat", f->ksfsformat,
						      "made", vp_block_made(f->on.kind), "esp", vp_is_esp(n, f), "freq", number(f->freq), "pass",
						      number(f->pass), "quota", number(f->quota)));
	}
	return list;
}

/* "lv:vg.01/optvol": what has to be made, one after the other. */
static json_t *creation(const struct vp_node *n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n->ncreation; i++)
		json_array_append_new(list,
				      json_pack("{so so}", "kind", text(vp_block_name(n->creation[i].kind)), "name", device(n, n->creation[i])));
	return list;
}

/* NULL where it was not given. */
static json_t *aii_value(enum vp_aii_kind kind, const void *value)
{
	const char *string = kind == VP_AII_STRING ? *(const char *const *)value : NULL;
	const struct vp_words *w = value;

	switch (kind) {
	case VP_AII_STRING: return string && *string ? text(string) : NULL;
	case VP_AII_WORDS: return w->n ? texts(w->items, w->n) : NULL;
	case VP_AII_PAIRS: return w->n ? pairs(w) : NULL;
	case VP_AII_BOOL: return *(const bool *)value ? json_true() : NULL;
	case VP_AII_UINT: return *(const unsigned *)value ? number(*(const unsigned *)value) : NULL;
	}
	return NULL;
}

/* {"ks": {"lang": "en"}, "pxelinux": {...}, "protected": "..."}: only what was given. */
static json_t *aii(const struct vp_node *n)
{
	json_t *all = json_object();
	enum vp_aii_kind kind;
	const void *value;
	const char *name;

	for (size_t i = 0; vp_aii_value(&n->aii, i, &name, &kind, &value); i++) {
		const char *dot = strchr(name, '.');
		char group[16] = "";
		json_t *j = aii_value(kind, value), *in = all;

		if (dot) {
			snprintf(group, sizeof(group), "%.*s", (int)(dot - name), name);
			in = json_object_get(all, group);
			if (!in && j)
				json_object_set_new(all, group, in = json_object());
		}
		if (j)
			json_object_set_new(in, dot ? dot + 1 : name, j);
	}
	return all;
}

/* A path, in the node's own profile or in another's. */
static json_t *origin(const struct vp_node *n, const struct vp_origin *o)
{
	vp_cleanup(vp_buf_free) struct vp_buf b = { 0 };

	if (*o->path != '/' || !strcmp(o->file, n->file))
		return text(o->path);
	vp_buf_addf(&b, "%s, %s", o->file, o->path);
	return text(b.data);
}

static json_t *origins(const struct vp_node *n)
{
	json_t *o = json_object();

	for (size_t i = 0; i < n->norigins; i++)
		json_object_set_new(o, n->origins[i].field, origin(n, &n->origins[i]));
	return o;
}

static bool is_empty(const json_t *v)
{
	return json_is_null(v) || json_is_false(v) || (json_is_string(v) && !*json_string_value(v)) ||
	       (json_is_integer(v) && !json_integer_value(v)) || (json_is_array(v) && !json_array_size(v));
}

static const char *singular(const char *list, size_t *len)
{
	*len = strlen(list);
	if (!strcmp(list, "aliases"))
		return "alias";
	*len -= list[*len - 1] == 's';
	return list;
}

/*
 * Every value has an origin, by its path, where lists are in the singular and their items have their names or else positions. What nothing
 * was noted for follows from values that have theirs: names and numbers of devices, the order of creation. Values not given have none.
 */
static void complete(json_t *origin, json_t *v, const char *path)
{
	const char *key, *last = strrchr(path, '.');
	const char *unit = strrchr(path, '_');
	json_t *child;
	size_t i, len;

	if (is_empty(v) || json_object_get(origin, path))
		return;
	if (unit && !strcmp(unit, "_mib") && json_object_getn(origin, path, (size_t)(unit - path)))
		return;
	if (json_is_object(v)) {
		json_object_foreach (v, key, child) {
			vp_cleanup(vp_buf_free) struct vp_buf name = { 0 };

			vp_buf_addf(&name, "%s%s%s", path, *path ? "." : "", key);
			complete(origin, child, name.data);
		}
	} else if (json_is_array(v) && json_is_object(json_array_get(v, 0))) {
		const char *one = singular(last ? last + 1 : path, &len);

		json_array_foreach (v, i, child) {
			vp_cleanup(vp_buf_free) struct vp_buf name = { 0 };
			const char *id = json_string_value(json_object_get(child, "name"));

			vp_buf_addf(&name, "%.*s%.*s.", last ? (int)(last - path + 1) : 0, path, (int)len, one);
			if (id)
				vp_buf_adds(&name, id);
			else
				vp_buf_addf(&name, "%zu", i);
			complete(origin, child, name.data);
		}
	} else {
		json_object_set_new(origin, path, json_string("derived"));
	}
}

static json_t *deadlines(const struct vp_node *n)
{
	static const char *const names[VP_DEADLINES] = {
#define VP_PHASE(symbol, name, hardware, emulated, entered) name,
#include "../provision/model/phases.def"
#undef VP_PHASE
	};
	json_t *j = json_object();

	for (size_t i = 0; i < VP_DEADLINES; i++)
		json_object_set_new(j, names[i], number(n->deadlines[i]));
	return j;
}

static json_t *verify(const struct vp_verify *v)
{
	return json_pack("{sb so so so so so ss}", "enabled", v->enabled, "cpu_laps", number(v->cpu_laps), "net_seconds", number(v->net_seconds),
			 "together_seconds", number(v->together_seconds), "disk_mib", number(v->disk_mib), "tolerances",
			 texts(v->tolerances, v->ntolerances), "baseline", v->baseline);
}

static json_t *tweaks(const struct vp_node *n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n->nxml; i++)
		json_array_append_new(list, json_sprintf("%s = %s", n->xml[i].path, n->xml[i].value));
	return list;
}

static json_t *hardware(const struct vp_node *n)
{
	return from_rows(VP_O_HARDWARE, &n->hardware, 1);
}

static json_t *system_of(const struct vp_node *n)
{
	return from_rows(VP_O_SYSTEM, &n->system, 1);
}

static json_t *network(const struct vp_node *n)
{
	return from_rows(VP_O_NETWORK, &n->network, 1);
}

/* What takes time to make, and few templates ask for. */
static const struct part {
	const char *key;
	json_t *(*make)(const struct vp_node *n);
} parts[] = {
	{ "cpus", cpus },
	{ "ram", ram },
	{ "hardware", hardware },
	{ "system", system_of },
	{ "network", network },
	{ "interfaces", interfaces },
	{ "partitions", partitions },
	{ "md", mds },
	{ "volume_groups", volume_groups },
	{ "logical_volumes", logical_volumes },
	{ "files", files },
	{ "filesystems", filesystems },
	{ "creation", creation },
	{ "aii", aii },
	{ "netboot", netboot },
};

json_t *vp_node_part(const struct vp_node *n, const char *key)
{
	for (size_t i = 0; i < vp_count(parts); i++)
		if (!strcmp(parts[i].key, key))
			return parts[i].make(n);
	return NULL;
}

json_t *vp_node_head(const struct vp_node *n)
{
	const struct {
		const char *key;
		json_t *value;
	} members[] = {
		{ "name", text(n->name) },
		{ "hostname", text(n->hostname) },
		{ "domain", text(n->domain) },
		{ "uuid", text(n->uuid) },
		{ "role", text(n->role) },
		{ "machine", text(n->machine == VP_HYPERVISOR ? "hypervisor" : "guest") },
		{ "host", text(n->host) },
		{ "virt", text(n->machine == VP_HYPERVISOR ? "" : vp_virt_name(n->virt)) },
		{ "firmware", text(vp_firmware_name(n->firmware)) },
		{ "install", text(vp_install_name(n->install)) },
		{ "boot", direct(&n->boot) },
		{ "boot_install", direct(&n->boot_install) },
		{ "vcpus", number(n->vcpus) },
		{ "sockets", number(n->sockets) },
		{ "memory_mib", mib(n->memory) },
		{ "tuning", from_rows(VP_O_TUNING, &n->tuning, 1) },
		{ "disks", disks(n) },
		{ "nics", nics(n) },
		{ "boot_nic", text(n->nnics ? n->nics[n->boot_nic].name : "") },
		{ "bridges", bridges(n) },
		{ "nameservers", texts(n->nameservers, n->nnameservers) },
		{ "rootpw", text(n->rootpw) },
		{ "ssh_keys", texts(n->ssh_keys, n->nssh_keys) },
		{ "kernel_args", text(n->kernel_args) },
		{ "xml", tweaks(n) },
		{ "packages", texts(n->packages, n->npackages) },
		{ "verify", verify(&n->verify) },
		{ "deadline", number(n->deadline) },
		{ "deadlines", deadlines(n) },
		{ "retries", number(n->retries) },
	};
	json_t *j = json_object();

	for (size_t i = 0; i < vp_count(members); i++)
		json_object_set_new(j, members[i].key, members[i].value);
	return j;
}

json_t *vp_node_json(const struct vp_node *n)
{
	json_t *j = vp_node_head(n), *origin = origins(n);

	for (size_t i = 0; i < vp_count(parts); i++)
		json_object_set_new(j, parts[i].key, parts[i].make(n));
	if (n->norigins)
		complete(origin, j, "");
	json_object_set_new(j, "origin", origin);
	return j;
}
