// SPDX-License-Identifier: Apache-2.0
/*
 * Partitions and file systems of a node, and how it gets its system. What the
 * install method `image` cannot make decides the method where the profile does
 * not: such a node is defined but not installed, and the user is told.
 */
#include <stdlib.h>
#include <string.h>

#include "bind.h"

/* Kept back for the partition tables at both ends of a disk. */
#define TABLE_SIZE (2 * VP_MIB)
/* Of a gpt table; the method image keeps number 128 for the boot loader. */
#define MAX_PARTITIONS	     127
#define MAX_MSDOS_PARTITIONS 4
/* Above this size an msdos partition table cannot describe the disk. */
#define MSDOS_MAX (UINT64_C(2) << 40)

struct trouble {
	/* Only what `image` lacks, not a mistake of the profile. */
	bool lacking;
	enum vp_code code;
	const struct vp_val *at;
	const char *text;
};

struct layout {
	struct vp_bind *b;
	struct vp_partition_in *parts;
	size_t nparts;
	struct vp_filesystem_in *systems;
	size_t nsystems;
	struct trouble *troubles;
	size_t ntroubles, cap;
};

static void trouble(struct layout *l, bool lacking, enum vp_code code, const struct vp_val *at, const char *text)
{
	l->troubles = vp_grow_in(l->b->a, l->troubles, l->ntroubles, &l->cap, sizeof(*l->troubles));
	l->troubles[l->ntroubles++] = (struct trouble){ lacking, code, at, text };
}

static unsigned count_children(const struct vp_val *v)
{
	unsigned n = 0;

	for (const struct vp_val *c = v && v->type < VP_STRING ? v->child : NULL; c; c = c->next)
		n++;
	return n;
}

/* Index of the disk with that key, or -1. */
static int find_disk(const struct layout *l, const char *key)
{
	for (size_t i = 0; i < l->b->node->n.ndisks; i++)
		if (!strcmp(l->b->disks[i].key, key))
			return (int)i;
	return -1;
}

/* The 2 of "sda2" and "nvme0n1p2"; 0 where the name ends otherwise. */
static unsigned number_of(const struct vp_partition_in *p)
{
	size_t len = strlen(p->holding_dev);
	const char *rest = p->key + len;
	uint64_t number;

	if (strncmp(p->key, p->holding_dev, len))
		return 0;
	return vp_parse_u64(*rest == 'p' ? rest + 1 : rest, 1, MAX_PARTITIONS, &number) ? (unsigned)number : 0;
}

static void read_partition(struct layout *l, const struct vp_val *v)
{
	struct vp_partition_in in = { .key = v->key, .at = v };
	int disk;

	vp_fill(l->b, &(struct vp_target){ .object = VP_O_PARTITION, .base = &in, .key = v->key });
	if (!in.aii)
		return;
	disk = find_disk(l, in.holding_dev);
	in.p.name = vp_unescape(l->b->a, v->key);
	in.p.number = number_of(&in);
	if (disk < 0)
		trouble(l, false, VP_E_REFERENCE, v,
			vp_printf(l->b->a, "its holding_dev \"%s\" is no disk below /hardware/harddisks", in.holding_dev));
	else if (!in.p.number)
		trouble(l, false, VP_E_VALUE, v, vp_printf(l->b->a, "the name does not say which partition of %s it is", in.holding_dev));
	if (strcmp(in.type, "primary"))
		trouble(l, true, VP_E_VALUE, v, vp_printf(l->b->a, "the method image makes no %s partitions", in.type));
	if (disk < 0)
		return;
	in.p.disk = (unsigned)disk;
	l->parts[l->nparts++] = in;
}

static int by_position(const void *left, const void *right)
{
	const struct vp_partition_in *a = left, *b = right;

	if (a->p.disk != b->p.disk)
		return a->p.disk < b->p.disk ? -1 : 1;
	return (a->p.number > b->p.number) - (a->p.number < b->p.number);
}

static void read_partitions(struct layout *l)
{
	const struct vp_val *dict = vp_find(l->b, "/system/blockdevices/partitions");

	l->parts = vp_alloc(l->b->a, (count_children(dict) + 1) * sizeof(*l->parts));
	if (dict && dict->type != VP_DICT)
		vp_problem(l->b, VP_ERROR, VP_E_TYPE, dict, "", "is a %s; it has to be a dict", vp_type_name(dict->type));
	else
		for (const struct vp_val *v = dict ? dict->child : NULL; v; v = v->next)
			read_partition(l, v);
	qsort(l->parts, l->nparts, sizeof(*l->parts), by_position);
}

/* Numbers 1, 2, 3 ... on each disk; the sum within the disk; at most one "rest". */
static void check_disk(struct layout *l, unsigned disk)
{
	struct vp_bind *b = l->b;
	uint64_t sum = TABLE_SIZE, size = b->node->n.disks[disk].size;
	struct vp_partition_in *rest = NULL;
	const struct vp_partition_in *last = NULL;
	unsigned expected = 0;

	for (size_t i = 0; i < l->nparts; i++) {
		struct vp_partition_in *p = &l->parts[i];

		if (p->p.disk != disk)
			continue;
		last = p;
		sum += p->p.size;
		if (p->p.number && p->p.number != ++expected) {
			trouble(l, true, VP_E_VALUE, p->at,
				vp_printf(b->a, "the method image numbers partitions from 1 without gaps; %u is due", expected));
			expected = p->p.number;
		}
		if (!p->p.size && rest)
			trouble(l, false, VP_E_VALUE, p->at, vp_printf(b->a, "has no size, as %s: only one can be the rest of the disk", rest->key));
		if (!p->p.size)
			rest = p;
	}
	if (last && size && (rest ? sum >= size : sum > size))
		trouble(l, false, VP_E_SPACE, last->at,
			vp_printf(b->a, "the partitions of %s need more than its %s (%s%s with the partition table)", b->disks[disk].d.name,
				  vp_size_text(b->a, size), vp_size_text(b->a, sum), rest ? " and a rest" : ""));
	else if (rest && rest != last)
		/* Partitions are made in order: what follows the rest needs its room. */
		rest->p.size = (size - sum) / VP_MIB * VP_MIB;
}

static int find_partition(const struct layout *l, const char *key)
{
	for (size_t i = 0; i < l->nparts; i++)
		if (!strcmp(l->parts[i].key, key))
			return (int)i;
	return -1;
}

static void check_system_type(struct layout *l, const struct vp_filesystem_in *in)
{
	static const char *const known[] = { "ext2", "ext3", "ext4", "xfs", "swap" };

	for (size_t i = 0; i < vp_count(known); i++)
		if (!strcmp(in->f.type, known[i])) {
			if (!strcmp(in->f.type, "swap") != !strcmp(in->f.mountpoint, "swap"))
				trouble(l, false, VP_E_VALUE, in->at, "swap is both the type and the mount point, or neither");
			return;
		}
	trouble(l, true, VP_E_VALUE, in->at, vp_printf(l->b->a, "the method image makes no file systems of type %s", in->f.type));
}

/* On which partition; -1 where that is impossible, which was said then. */
static int system_partition(struct layout *l, const struct vp_filesystem_in *in)
{
	const char *dev = in->block_device;
	int part;

	if (strncmp(dev, "partitions/", 11)) {
		trouble(l, true, VP_E_VALUE, in->at, vp_printf(l->b->a, "the method image makes plain partitions only, not %s", dev));
		return -1;
	}
	part = find_partition(l, dev + 11);
	if (part < 0)
		trouble(l, false, VP_E_REFERENCE, in->at, vp_printf(l->b->a, "its block_device %s does not exist", dev));
	return part;
}

static void read_system(struct layout *l, const struct vp_val *v)
{
	struct vp_filesystem_in in = { .at = v };
	int part;

	vp_fill(l->b, &(struct vp_target){ .object = VP_O_FILESYSTEM, .base = &in, .key = vp_printf(l->b->a, "%u", v->index) });
	if (!in.aii || !*in.block_device || !*in.f.mountpoint || !*in.f.type)
		return;
	part = system_partition(l, &in);
	if (part < 0)
		return;
	in.f.partition = (unsigned)part;
	if (!in.mount)
		in.f.options = vp_printf(l->b->a, "noauto,%s", in.f.options);
	check_system_type(l, &in);
	for (size_t i = 0; i < l->nsystems; i++) {
		const struct vp_filesystem *other = &l->systems[i].f;

		if (other->partition == in.f.partition)
			trouble(l, false, VP_E_VALUE, v, vp_printf(l->b->a, "%s holds another file system already", in.block_device));
		if (!strcmp(other->mountpoint, in.f.mountpoint) && strcmp(in.f.mountpoint, "swap"))
			trouble(l, false, VP_E_VALUE, v, vp_printf(l->b->a, "%s is mounted twice", in.f.mountpoint));
	}
	l->systems[l->nsystems++] = in;
}

static int by_mountpoint(const void *left, const void *right)
{
	const struct vp_filesystem_in *a = left, *b = right;

	return strcmp(a->f.mountpoint, b->f.mountpoint);
}

/* Sorted by mount point: what others are mounted below comes first. */
static void read_systems(struct layout *l)
{
	const struct vp_val *list = vp_find(l->b, "/system/filesystems");
	bool root = false;

	l->systems = vp_alloc(l->b->a, (count_children(list) + 1) * sizeof(*l->systems));
	if (list && list->type != VP_LIST)
		vp_problem(l->b, VP_ERROR, VP_E_TYPE, list, "", "is a %s; it has to be a list", vp_type_name(list->type));
	else
		for (const struct vp_val *v = list ? list->child : NULL; v; v = v->next)
			read_system(l, v);
	qsort(l->systems, l->nsystems, sizeof(*l->systems), by_mountpoint);
	for (size_t i = 0; i < l->nsystems; i++)
		root |= !strcmp(l->systems[i].f.mountpoint, "/");
	if (!root)
		trouble(l, true, VP_E_MISSING, list ? list : vp_find(l->b, "/system"), "the method image needs a file system mounted at /");
}

/* One root on the whole boot disk, for profiles that say nothing. */
static void default_layout(struct layout *l)
{
	struct vp_bind *b = l->b;
	unsigned disk = 0;

	while (disk + 1 < b->node->n.ndisks && !b->node->n.disks[disk].boot)
		disk++;
	l->parts = vp_alloc(b->a, sizeof(*l->parts));
	l->systems = vp_alloc(b->a, sizeof(*l->systems));
	l->parts[l->nparts++].p = (struct vp_partition){
		.name = vp_printf(b->a, "%s%s1", b->disks[disk].d.name,
				  strchr("0123456789", b->disks[disk].d.name[strlen(b->disks[disk].d.name) - 1]) ? "p" : ""),
		.disk = disk,
		.number = 1,
		.bootable = true,
	};
	l->systems[l->nsystems++].f =
		(struct vp_filesystem){ .partition = 0, .mountpoint = "/", .type = "ext4", .options = "defaults", .label = "", .format = true };
	vp_note_origin(b, "filesystem./", "ext4", "default", NULL);
}

static void read_labels(struct vp_bind *b)
{
	struct vp_node *n = &b->node->n;

	for (size_t i = 0; i < n->ndisks; i++) {
		struct vp_device_in in = { 0 };

		vp_fill(b, &(struct vp_target){ .object = VP_O_DEVICE, .base = &in, .key = b->disks[i].key, .name = n->disks[i].name });
		n->labels[i] = in.label;
	}
}

static unsigned partitions_on(const struct layout *l, unsigned disk)
{
	unsigned n = 0;

	for (size_t i = 0; i < l->nparts; i++)
		n += l->parts[i].p.disk == disk;
	return n;
}

/* Where none is asked for, what the size of the disk and the number of its partitions allow. */
static void settle_label(struct layout *l, unsigned disk)
{
	struct vp_node *n = &l->b->node->n;
	const struct vp_val *at = vp_find(l->b, "/system/blockdevices/physical_devs/%s/label", l->b->disks[disk].key);
	const char *label = n->labels[disk];
	bool large = n->disks[disk].size > MSDOS_MAX, many = partitions_on(l, disk) > MAX_MSDOS_PARTITIONS;

	if (!strcmp(label, "msdos") && large)
		trouble(l, false, VP_E_VALUE, at, "a disk of more than 2 TiB needs gpt");
	else if (!strcmp(label, "msdos") && many)
		trouble(l, true, VP_E_VALUE, at, "the method image makes four partitions in an msdos table; gpt has room for more");
	else if (*label && strcmp(label, "none") && strcmp(label, "msdos") && strcmp(label, "gpt"))
		trouble(l, true, VP_E_VALUE, at, "the method image makes partition tables of the types msdos and gpt only");
	if (strcmp(label, "msdos") && strcmp(label, "gpt"))
		n->labels[disk] = large || many ? "gpt" : "msdos";
}

/* What the profile or the site says, otherwise `image` where that is possible. */
static enum vp_install choose_method(struct layout *l)
{
	struct vp_bind *b = l->b;
	const struct trouble *first = NULL;
	unsigned n = 0;

	if (b->node->install >= 0)
		return (enum vp_install)b->node->install;
	for (size_t i = 0; i < l->ntroubles; i++)
		if (l->troubles[i].lacking && !n++)
			first = &l->troubles[i];
	vp_note_origin(b, "install", first ? "none" : "image", first ? "derived: what image cannot make" : "default", NULL);
	if (!first)
		return VP_INSTALL_IMAGE;
	vp_problem(b, VP_WARNING, VP_E_ODD, first->at, "/system/filesystems", "%s%s: the node will be defined, but not installed", first->text,
		   n > 1 ? vp_printf(b->a, " (and %u more like this)", n - 1) : "");
	return VP_INSTALL_NONE;
}

static void tell_troubles(struct layout *l, enum vp_install method)
{
	for (size_t i = 0; i < l->ntroubles; i++) {
		const struct trouble *t = &l->troubles[i];

		if (method == VP_INSTALL_IMAGE)
			vp_problem(l->b, VP_ERROR, t->code, t->at, "/system/filesystems", "%s", t->text);
		else if (!t->lacking)
			vp_problem(l->b, VP_WARNING, t->code, t->at, "/system/filesystems", "%s", t->text);
	}
}

static void publish(struct layout *l)
{
	struct vp_node *n = &l->b->node->n;

	n->partitions = vp_alloc(l->b->a, (l->nparts + 1) * sizeof(*n->partitions));
	n->filesystems = vp_alloc(l->b->a, (l->nsystems + 1) * sizeof(*n->filesystems));
	for (size_t i = 0; i < l->nparts; i++)
		n->partitions[n->npartitions++] = l->parts[i].p;
	for (size_t i = 0; i < l->nsystems; i++)
		n->filesystems[n->nfilesystems++] = l->systems[i].f;
}

static void note_systems(struct layout *l)
{
	for (size_t i = 0; i < l->nsystems; i++) {
		const struct vp_filesystem_in *in = &l->systems[i];
		const char *where = *in->f.mountpoint == '/' ? in->f.mountpoint : l->parts[in->f.partition].p.name;

		vp_note_origin(l->b, vp_printf(l->b->a, "filesystem.%s", where),
			       vp_printf(l->b->a, "%s on %s", in->f.type, l->parts[in->f.partition].p.name), NULL, in->at);
	}
}

static const struct vp_val *firmware_of(const struct vp_bind *b)
{
	const struct vp_val *own = vp_find(b, VP_OWN "firmware"), *bios = vp_find(b, "/hardware/bios/bootmode");

	return own ? own : bios ? bios : vp_find(b, "/hardware");
}

void vp_bind_layout(struct vp_bind *b)
{
	struct layout l = { .b = b };
	struct vp_node *n = &b->node->n;

	/* Without a disk, which was said, everything here would be wrong. */
	if (!n->ndisks)
		return;
	read_labels(b);
	if (!count_children(vp_find(b, "/system/filesystems")) && !count_children(vp_find(b, "/system/blockdevices/partitions"))) {
		default_layout(&l);
	} else {
		read_partitions(&l);
		for (unsigned i = 0; i < n->ndisks; i++)
			check_disk(&l, i);
		read_systems(&l);
		note_systems(&l);
	}
	for (unsigned i = 0; i < n->ndisks; i++)
		settle_label(&l, i);
	if (n->firmware == VP_UEFI)
		trouble(&l, true, VP_E_VALUE, firmware_of(b), "the method image installs machines with a BIOS only");
	n->install = choose_method(&l);
	tell_troubles(&l, n->install);
	publish(&l);
}
