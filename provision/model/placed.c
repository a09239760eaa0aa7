// SPDX-License-Identifier: Apache-2.0
/* What other profiles say about a node (place.h), into the node. What it says itself, and the site configuration, were bound before. */
#include <ctype.h>
#include <string.h>

#include "bind.h"
#include "place.h"
#include "role.h"

/* The statement that decides over one kind of value; NULL where none says it. */
#define DECIDES(b, s, says)                                                                                                                          \
	const struct vp_placement *s = (b)->opts->placement;                                                                                         \
	while (s && !(says))                                                                                                                         \
	s = s->next

static void note(struct vp_bind *b, const char *field, const char *value, const struct vp_placement *s, const char *below)
{
	vp_replace_origin(b, (struct vp_origin){ .field = field,
						 .value = value,
						 .path = vp_printf(b->a, "%s%s", s->path, s->how == VP_PLACE_XEN ? below : ""),
						 .file = vp_strdup(b->a, s->file),
						 .line = s->line });
}

static void note_default(struct vp_bind *b, const char *field, const char *value)
{
	vp_replace_origin(b, (struct vp_origin){ .field = field, .value = value, .path = "default", .file = "" });
}

/* The hypervisor decides over the guest's own hardware: the guest's profile is what the warning is about. */
static void warn(struct vp_bind *b, const struct vp_placement *s, const char *path, const char *own, const char *given)
{
	const struct vp_val *v = vp_find(b, "%s", path);

	vp_problem(b, VP_WARNING, VP_E_ODD, v, path, "%s here, but %s by the %s of %s (%s:%u), which decides", own, given, vp_convention_name(s->how),
		   s->host, s->file, s->line);
}

const char *vp_placed_name(const struct vp_bind *b)
{
	DECIDES(b, s, s->whole);
	return s ? vp_strdup(b->a, s->guest) : "";
}

/* What an earlier --virt made it, -1 where none did. */
static int kept_virt(const struct vp_bind *b)
{
	const struct vp_bind_opts *o = b->opts;

	for (size_t i = 0; i < o->nchosen; i++)
		if (!strcmp(o->chosen[i].name, b->node->n.name) && o->chosen[i].own == (int)b->node->n.own_virt)
			return o->chosen[i].virt;
	return -1;
}

static void choose_virt(struct vp_bind *b, int virt, const char *origin)
{
	b->node->n.virt = (enum vp_virt)virt;
	vp_replace_origin(b, (struct vp_origin){ "virt", vp_virt_name(b->node->n.virt), origin, "", 0 });
}

static void place_virt(struct vp_bind *b)
{
	struct vp_node *n = &b->node->n;
	DECIDES(b, s, s->virt >= 0);
	int kept;

	if (!b->node->virt_given && s) {
		n->virt = (enum vp_virt)s->virt;
		note(b, "virt", vp_virt_name(n->virt), s, "/options");
	} else if (!b->node->virt_given) {
		n->virt = VP_KVM;
		note_default(b, "virt", vp_virt_name(n->virt));
	}
	n->own_virt = n->virt;
	kept = kept_virt(b);
	n->virt_kept = b->opts->virt < 0 && kept >= 0 && kept != (int)n->own_virt;
	if (b->opts->virt >= 0)
		choose_virt(b, b->opts->virt, VP_VIRT_CHOSEN);
	else if (kept >= 0)
		choose_virt(b, kept, VP_VIRT_CHOSEN ", of an earlier apply");
}

/* A guest that could be a hypervisor itself is made all the same: somebody placed it. */
static void place_machine(struct vp_bind *b)
{
	static const char *const names[] = { "guest", "hypervisor" };
	const struct vp_val *sign = vp_place_hypervisor(b->profile);
	struct vp_node *n = &b->node->n;
	DECIDES(b, s, s->how != VP_PLACE_HOST && s->how != VP_PLACE_GUEST_MAP);

	if (b->node->machine_given)
		return;
	n->machine = s ? (s->member ? VP_HYPERVISOR : VP_GUEST) : sign ? VP_HYPERVISOR : VP_GUEST;
	if (s)
		note(b, "machine", names[n->machine], s, "");
	else if (sign)
		vp_note_origin(b, "machine", names[n->machine], NULL, sign);
	else
		note_default(b, "machine", names[n->machine]);
}

static void place_host(struct vp_bind *b)
{
	struct vp_node *n = &b->node->n;
	DECIDES(b, s, s->how != VP_PLACE_HOST);

	if (*n->host)
		return;
	if (s) {
		n->host = vp_strdup(b->a, s->host);
		note(b, "host", n->host, s, "");
	} else {
		note_default(b, "host", "");
	}
}

/* The bridge of NICs that name none. */
static void place_bridge(struct vp_bind *b)
{
	const struct vp_placement *p = b->opts->placement;
	struct vp_node_in *in = b->node;

	in->bridge_given = *in->bridge_name;
	if (in->bridge_given)
		return;
	in->bridge_name = p && p->nbridges ? vp_strdup(b->a, p->bridges[0].name) : "vprov0";
	if (p && p->nbridges)
		vp_note_origin(b, "bridge.name", in->bridge_name, vp_printf(b->a, "derived: bridge of %s", in->n.host), NULL);
	else
		note_default(b, "bridge.name", in->bridge_name);
}

static const char *keep(struct vp_bind *b, const struct vp_placement *s, const char *field, const char *value, const char *below)
{
	if (*value)
		note(b, field, value, s, below);
	return vp_strdup(b->a, value);
}

static struct vp_direct direct(struct vp_bind *b, const struct vp_placement *s, const struct vp_direct *d, const char *prefix, const char *below)
{
	struct vp_direct out;

	out.kernel = keep(b, s, vp_printf(b->a, "%s.kernel", prefix), d->kernel, vp_printf(b->a, "%s/kernel", below));
	out.initrd = keep(b, s, vp_printf(b->a, "%s.initrd", prefix), d->initrd, vp_printf(b->a, "%s/ramdisk", below));
	out.cmdline = keep(b, s, vp_printf(b->a, "%s.cmdline", prefix), d->cmdline, below);
	out.bootloader = keep(b, s, vp_printf(b->a, "%s.bootloader", prefix), d->bootloader, vp_printf(b->a, "%s/bootloader", below));
	out.bootargs = keep(b, s, vp_printf(b->a, "%s.bootargs", prefix), d->bootargs, vp_printf(b->a, "%s/bootargs", below));
	return out;
}

static void place_boot(struct vp_bind *b)
{
	static const struct vp_direct nothing = { "", "", "", "", "" };
	struct vp_node *n = &b->node->n;
	DECIDES(b, s, s->virt == VP_XEN_PARA);

	n->boot = n->boot_install = nothing;
	if (!s || n->virt != VP_XEN_PARA)
		return;
	n->boot = direct(b, s, &s->boot, "boot", "/options");
	n->boot_install = direct(b, s, &s->install, "boot_install", "/install_options");
}

void vp_placed_node(struct vp_bind *b)
{
	place_virt(b);
	place_machine(b);
	place_host(b);
	place_bridge(b);
	place_boot(b);
}

static void place_memory(struct vp_bind *b)
{
	struct vp_node *n = &b->node->n;
	DECIDES(b, s, s->memory);
	const char *given;

	if (!s || s->how == VP_PLACE_HOST)
		return;
	given = vp_size_text(b->a, s->memory);
	if (n->memory && n->memory != s->memory)
		warn(b, s, "/hardware/ram", vp_size_text(b->a, n->memory), given);
	n->memory = s->memory;
	note(b, "memory", given, s, "/options/memory");
}

static void place_vcpus(struct vp_bind *b)
{
	struct vp_node *n = &b->node->n;
	DECIDES(b, s, s->vcpus);
	const char *given;

	if (!s)
		return;
	given = vp_printf(b->a, "%u", s->vcpus);
	if (n->vcpus && n->vcpus != s->vcpus)
		warn(b, s, "/hardware/cpu", vp_printf(b->a, "%u cores", n->vcpus), given);
	n->vcpus = s->vcpus;
	note(b, "vcpus", given, s, "/options/vcpus");
}

void vp_placed_size(struct vp_bind *b)
{
	/* What is true of the machine is not true of its cluster. */
	if (b->node->n.machine == VP_HYPERVISOR)
		return;
	place_memory(b);
	place_vcpus(b);
}

/* By the name that both use, else by position. */
static const struct vp_place_disk *disk_of(const struct vp_placement *s, const char *name, size_t i)
{
	for (size_t k = 0; k < s->ndisks; k++)
		if (!strcmp(s->disks[k].target, name))
			return &s->disks[k];
	return i < s->ndisks ? &s->disks[i] : NULL;
}

/* Under Xen the device has the name that the hypervisor gives it. */
static void name_disk(struct vp_bind *b, struct vp_disk *d, const struct vp_place_disk *p)
{
	const char *letter = p->target + strcspn(p->target, "d") + 1;
	bool para = b->node->n.virt == VP_XEN_PARA;

	if (!para && b->node->n.virt != VP_XEN_HVM)
		return;
	d->slot = vp_strdup(b->a, p->target);
	if (!para)
		d->bus = !strncmp(p->target, "xvd", 3) ? "xen" : !strncmp(p->target, "sd", 2) ? "scsi" : "ide";
	/* The guest's driver calls them all xvd: those of IDE by their letter, those of SCSI after these. */
	if (para && !strncmp(p->target, "sd", 2) && islower((unsigned char)letter[0]) && letter[0] < 'w' && !letter[1])
		d->target = vp_printf(b->a, "xvd%c", letter[0] + 4);
	else if (para)
		d->target = vp_printf(b->a, "xvd%s", letter);
	else
		d->target = d->slot;
}

static void size_disk(struct vp_bind *b, struct vp_disk_in *in, const struct vp_placement *s, const struct vp_place_disk *p, const char *below)
{
	const char *given = vp_size_text(b->a, p->size);

	if (!p->size)
		return;
	if (in->d.size && in->d.size != p->size)
		warn(b, s, vp_printf(b->a, "/hardware/harddisks/%s/capacity", in->key), vp_size_text(b->a, in->d.size), given);
	in->d.size = p->size;
	note(b, vp_field(b, "disk.*.size", in->d.name), given, s, vp_printf(b->a, "%s/size", below));
}

bool vp_placed_disk(struct vp_bind *b, size_t i)
{
	struct vp_disk_in *in = &b->disks[i];
	DECIDES(b, s, s->ndisks);
	const struct vp_place_disk *p = s ? disk_of(s, in->d.name, i) : NULL;
	const char *below, *name = in->d.name;

	if (!p || !*p->path)
		return false;
	below = vp_printf(b->a, "/options/disk/%zu", (size_t)(p - s->disks));
	name_disk(b, &in->d, p);
	size_disk(b, in, s, p, below);
	in->d.path = vp_strdup(b->a, p->path);
	in->d.block = !strncmp(p->path, "/dev/", 5);
	in->d.readonly = p->readonly;
	in->d.format = strstr(p->type, "qcow2") ? "qcow2" : "raw";
	note(b, vp_field(b, "disk.*.path", name), in->d.path, s, below);
	note(b, vp_field(b, "disk.*.format", name), in->d.format, s, below);
	note(b, vp_field(b, "disk.*.target", name), in->d.target, s, below);
	return true;
}

/* By MAC address; where that is not known on one of the sides, by position. */
static const struct vp_place_nic *nic_of(const struct vp_placement *s, const char *mac, size_t i)
{
	const struct vp_place_nic *at = i < s->nnics ? &s->nics[i] : NULL;

	for (size_t k = 0; *mac && k < s->nnics; k++)
		if (!strcmp(s->nics[k].mac, mac))
			return &s->nics[k];
	return at && (!*mac || !*at->mac) ? at : NULL;
}

static const char *unify(struct vp_bind *b, const char *mac)
{
	char *copy = vp_strdup(b->a, mac);

	for (char *c = copy; *c; c++)
		*c = *c == '-' ? ':' : (char)tolower((unsigned char)*c);
	return copy;
}

static void place_nic(struct vp_bind *b, struct vp_nic_in *in, size_t i)
{
	bool guest = b->node->n.machine == VP_GUEST;

	for (const struct vp_placement *s = guest ? b->opts->placement : NULL; s; s = s->next) {
		const char *mac = unify(b, in->n.mac);
		const struct vp_place_nic *p = nic_of(s, mac, i);
		const char *below = p ? vp_printf(b->a, "/options/vif/%zu", (size_t)(p - s->nics)) : "";

		if (!p && s->nnics && *mac && s->how != VP_PLACE_GUEST_MAP)
			warn(b, s, vp_printf(b->a, "/hardware/cards/nic/%s", in->n.name), mac, "no card of that address");
		if (p && !*in->n.mac && *p->mac) {
			in->n.mac = vp_strdup(b->a, p->mac);
			note(b, vp_field(b, "nic.*.mac", in->n.name), in->n.mac, s, below);
		}
		if (p && !*in->n.bridge && *p->bridge) {
			in->n.bridge = vp_strdup(b->a, p->bridge);
			note(b, vp_field(b, "nic.*.bridge", in->n.name), in->n.bridge, s, below);
		}
	}
}

void vp_placed_nic(struct vp_bind *b, struct vp_nic_in *in, size_t i)
{
	bool own = *in->n.bridge;

	if (!own && b->node->bridge_given)
		in->n.bridge = b->node->bridge_name;
	else if (!own && *in->vnet)
		in->n.bridge = in->vnet;
	if (!own && !b->node->bridge_given && *in->vnet)
		vp_note_origin(b, vp_field(b, "nic.*.bridge", in->n.name), in->vnet, NULL, vp_find(b, "/system/opennebula/vnet/%s", in->n.name));
	place_nic(b, in, i);
	if (!*in->n.bridge)
		in->n.bridge = b->node->bridge_name;
	if (!own && in->n.bridge == b->node->bridge_name)
		vp_copy_origin(b, "bridge.name", vp_field(b, "nic.*.bridge", in->n.name));
}

const struct vp_bridge *vp_placed_bridge(const struct vp_bind *b, const char *name)
{
	const struct vp_placement *p = b->opts->placement;

	for (size_t i = 0; p && i < p->nbridges; i++)
		if (!strcmp(p->bridges[i].name, name))
			return &p->bridges[i];
	return NULL;
}

static bool has_mac(const struct vp_node *n, const char *mac)
{
	for (size_t i = 0; i < n->nnics; i++)
		if (!strcmp(n->nics[i].mac, mac))
			return true;
	return false;
}

static bool has_path(const struct vp_node *n, const char *path)
{
	for (size_t i = 0; i < n->ndisks; i++)
		if (!strcmp(n->disks[i].path, path))
			return true;
	return false;
}

void vp_placed_unused(struct vp_bind *b)
{
	const struct vp_node *n = &b->node->n;

	for (const struct vp_placement *s = b->opts->placement; s; s = s->next) {
		for (size_t i = 0; i < s->nnics; i++)
			if (*s->nics[i].mac && !has_mac(n, s->nics[i].mac))
				warn(b, s, "/hardware/cards/nic", vp_printf(b->a, "no card %s", s->nics[i].mac), "one");
		/* Where the node itself, or the site, says where its images are, those of the hypervisor are left alone. */
		for (size_t i = 0; i < s->ndisks; i++)
			if (!has_path(n, s->disks[i].path) && i >= n->ndisks)
				warn(b, s, "/hardware/harddisks", vp_printf(b->a, "%zu disks", n->ndisks), vp_printf(b->a, "%zu", s->ndisks));
	}
}

void vp_bind_role(struct vp_bind *b)
{
	struct vp_node *n = &b->node->n;
	const struct vp_val *why = NULL;

	n->role = "";
	vp_fill(b, &(struct vp_target){ .object = VP_O_ROLE, .base = b->node });
	if (*n->role)
		return;
	n->role = vp_role_of(b->profile, &why);
	if (why)
		vp_note_origin(b, "role", n->role, NULL, why);
	else
		note_default(b, "role", "");
}
