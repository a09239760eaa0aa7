// SPDX-License-Identifier: Apache-2.0
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

static json_t *disks(const struct vp_node *n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n->ndisks; i++) {
		const struct vp_disk *d = &n->disks[i];

		json_array_append_new(list, json_pack("{so so so so so so sb so}", "name", text(d->name), "target", text(d->target), "bus",
						      text(d->bus), "format", text(d->format), "path", text(d->path), "size_mib", mib(d->size),
						      "boot", d->boot, "label", text(n->labels ? n->labels[i] : "")));
	}
	return list;
}

/* "255.255.240.0" */
static json_t *netmask(unsigned prefix)
{
	uint32_t m = prefix ? ~UINT32_C(0) << (32 - (prefix > 32 ? 32 : prefix)) : 0;

	return json_sprintf("%u.%u.%u.%u", m >> 24, m >> 16 & 255, m >> 8 & 255, m & 255);
}

static json_t *nics(const struct vp_node *n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n->nnics; i++) {
		const struct vp_nic *c = &n->nics[i];

		json_array_append_new(list, json_pack("{so so so so so so so so so sb sb so}", "name", text(c->name), "mac", text(c->mac), "model",
						      text(c->model), "bridge", text(c->bridge), "tap", text(c->tap), "ip", text(c->ip), "prefix",
						      number(c->prefix), "netmask", netmask(c->prefix), "gateway", text(c->gateway), "dhcp", c->dhcp,
						      "boot", c->boot, "mtu", number(c->mtu)));
	}
	return list;
}

static json_t *bridges(const struct vp_node *n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n->nbridges; i++) {
		const struct vp_bridge *b = &n->bridges[i];

		json_array_append_new(list, json_pack("{so so so}", "name", text(b->name), "address", text(b->address), "prefix", number(b->prefix)));
	}
	return list;
}

/* What the guest calls a partition: "vda1". */
static json_t *device(const struct vp_node *n, const struct vp_partition *p)
{
	vp_cleanup(vp_buf_free) struct vp_buf b = { 0 };

	vp_buf_addf(&b, "%s%u", n->disks[p->disk].target, p->number);
	return text(b.data);
}

static json_t *partitions(const struct vp_node *n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n->npartitions; i++) {
		const struct vp_partition *p = &n->partitions[i];

		json_array_append_new(list, json_pack("{so so so so so sb}", "name", text(p->name), "disk", text(n->disks[p->disk].target), "device",
						      device(n, p), "number", number(p->number), "size_mib", mib(p->size), "bootable", p->bootable));
	}
	return list;
}

static json_t *filesystems(const struct vp_node *n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n->nfilesystems; i++) {
		const struct vp_filesystem *f = &n->filesystems[i];

		json_array_append_new(list, json_pack("{so so so so so sb sb}", "device", device(n, &n->partitions[f->partition]), "mountpoint",
						      text(f->mountpoint), "type", text(f->type), "options", text(f->options), "label",
						      text(f->label), "format", f->format, "preserve", f->preserve));
	}
	return list;
}

static json_t *origins(const struct vp_node *n)
{
	json_t *o = json_object();

	for (size_t i = 0; i < n->norigins; i++)
		json_object_set_new(o, n->origins[i].field, text(n->origins[i].path));
	return o;
}

static json_t *verify(const struct vp_verify *v)
{
	return json_pack("{sb so so so}", "enabled", v->enabled, "cpu_laps", number(v->cpu_laps), "net_seconds", number(v->net_seconds), "disk_mib",
			 number(v->disk_mib));
}

json_t *vp_node_json(const struct vp_node *n)
{
	const struct {
		const char *key;
		json_t *value;
	} members[] = {
		{ "name", text(n->name) },
		{ "hostname", text(n->hostname) },
		{ "domain", text(n->domain) },
		{ "uuid", text(n->uuid) },
		{ "virt", text(vp_virt_name(n->virt)) },
		{ "firmware", text(vp_firmware_name(n->firmware)) },
		{ "install", text(vp_install_name(n->install)) },
		{ "vcpus", number(n->vcpus) },
		{ "sockets", number(n->sockets) },
		{ "memory_mib", mib(n->memory) },
		{ "disks", disks(n) },
		{ "nics", nics(n) },
		{ "boot_nic", text(n->nnics ? n->nics[n->boot_nic].name : "") },
		{ "bridges", bridges(n) },
		{ "partitions", partitions(n) },
		{ "filesystems", filesystems(n) },
		{ "nameservers", texts(n->nameservers, n->nnameservers) },
		{ "rootpw", text(n->rootpw) },
		{ "ssh_keys", texts(n->ssh_keys, n->nssh_keys) },
		{ "kernel_args", text(n->kernel_args) },
		{ "packages", texts(n->packages, n->npackages) },
		{ "verify", verify(&n->verify) },
		{ "deadline", number(n->deadline) },
		{ "profile", text(n->profile ? n->profile->file : "") },
		{ "profile_digest", text(n->profile ? n->profile->digest : "") },
		{ "origin", origins(n) },
	};
	json_t *j = json_object();

	for (size_t i = 0; i < vp_count(members); i++)
		json_object_set_new(j, members[i].key, members[i].value);
	return j;
}
