// SPDX-License-Identifier: Apache-2.0
/*
 * How a node gets its system. What the install method `image` cannot make of its block devices and file systems decides the method where the
 * profile does not: such a node is defined but not installed, and the user is told.
 */
#include <string.h>

#include "bind.h"

#define MAX_MSDOS_PARTITIONS 4
/* Above this size an msdos partition table cannot describe the disk. */
#define MSDOS_MAX (UINT64_C(2) << 40)
/* What mkfs.xfs takes. */
#define MAX_XFS_LABEL 12
/* The installer mounts so many. */
#define MAX_LEVELS 8

static const struct vp_partition_in *partition(const struct vp_blockdev *d)
{
	return d->in;
}

static bool on_disk(const struct vp_layout *l, const struct vp_blockdev *d, unsigned disk)
{
	return l->blocks[d->parts[0]].index == disk;
}

/* Primary ones only, numbered 1, 2, 3 ... on each disk. */
static void check_partitions(struct vp_layout *l, unsigned disk)
{
	const struct vp_blockdev *d = NULL;
	unsigned expected = 0;

	while ((d = vp_block_next(l, VP_BLOCK_PARTITION, d))) {
		const struct vp_partition *p = &partition(d)->p;

		if (!on_disk(l, d, disk))
			continue;
		if (strcmp(p->type, "primary"))
			vp_trouble(l, true, VP_E_VALUE, d->at, "the method image makes no %s partitions", p->type);
		if (p->number != ++expected)
			vp_trouble(l, true, VP_E_VALUE, d->at, "the method image numbers partitions from 1 without gaps; %u is due", expected);
		if (p->offset)
			vp_trouble(l, true, VP_E_VALUE, d->at, "the method image leaves no gaps between partitions");
		expected = p->number;
	}
}

bool vp_is_esp(const struct vp_node *n, const struct vp_filesystem *f)
{
	return n->firmware == VP_UEFI && !strcmp(f->mountpoint, "/boot/efi");
}

/* Where none is asked for, what the firmware, the size of the disk and the number of its partitions allow. */
static void settle_label(struct vp_layout *l, unsigned disk)
{
	struct vp_node *n = &l->b->node->n;
	const struct vp_val *at = vp_child(l->blocks[disk].at, "label");
	const struct vp_blockdev *d = NULL;
	const char *label = n->devices[disk].label;
	bool large = n->disks[disk].size > MSDOS_MAX, many, uefi = n->firmware == VP_UEFI && n->disks[disk].boot;
	unsigned count = 0;
	const char *field;

	while ((d = vp_block_next(l, VP_BLOCK_PARTITION, d)))
		count += on_disk(l, d, disk);
	many = count > MAX_MSDOS_PARTITIONS;
	if (!strcmp(label, "msdos") && large)
		vp_trouble(l, false, VP_E_VALUE, at, "a disk of more than 2 TiB needs gpt");
	else if (!strcmp(label, "msdos") && many)
		vp_trouble(l, true, VP_E_VALUE, at, "the method image makes four partitions in an msdos table; gpt has room for more");
	else if (!strcmp(label, "msdos") && uefi)
		vp_trouble(l, true, VP_E_VALUE, at, "the method image boots UEFI from a disk with a partition table of the type gpt");
	else if (*label && strcmp(label, "none") && strcmp(label, "msdos") && strcmp(label, "gpt"))
		vp_trouble(l, true, VP_E_VALUE, at, "the method image makes partition tables of the types msdos and gpt only");
	if (!strcmp(label, "msdos") || !strcmp(label, "gpt"))
		return;
	n->devices[disk].label = large || many || uefi ? "gpt" : "msdos";
	field = vp_field(l->b, "disk.*.label", n->disks[disk].name);
	vp_drop_origin(l->b, field);
	vp_note_origin(l->b, field, n->devices[disk].label, uefi ? "derived: the firmware" : "derived: size of the disk and number of its partitions",
		       NULL);
}

static void check_type(struct vp_layout *l, const struct vp_filesystem_in *in)
{
	static const char *const known[] = { "ext2", "ext3", "ext4", "xfs", "swap" };

	for (size_t i = 0; i < vp_count(known); i++)
		if (!strcmp(in->f.type, known[i])) {
			if (!strcmp(in->f.type, "swap") != !strcmp(in->f.mountpoint, "swap"))
				vp_trouble(l, false, VP_E_VALUE, in->at, "swap is both the type and the mount point, or neither");
			return;
		}
	vp_trouble(l, true, VP_E_VALUE, in->at, "the method image makes no file systems of type %s", in->f.type);
}

static void check_esp(struct vp_layout *l, const struct vp_filesystem_in *in)
{
	if (strcmp(in->f.type, "vfat"))
		vp_trouble(l, true, VP_E_VALUE, vp_child(in->at, "type"), "UEFI reads vfat only");
	if (in->block < l->nblocks && l->blocks[in->block].kind != VP_BLOCK_PARTITION)
		vp_trouble(l, true, VP_E_VALUE, in->at, "UEFI boots from a partition only");
	if (in->f.preserve || !in->f.format)
		vp_trouble(l, true, VP_E_VALUE, in->at, "the method image makes the EFI system partition anew: it cannot be preserved");
}

static void check_system(struct vp_layout *l, const struct vp_filesystem_in *in)
{
	unsigned levels = 0;

	/* Neither memory nor a file is anything to be made by an installation. */
	if (in->block == l->nblocks || l->blocks[in->block].kind == VP_BLOCK_FILE)
		return;
	if (vp_is_esp(&l->b->node->n, &in->f))
		check_esp(l, in);
	else
		check_type(l, in);
	for (const char *c = in->f.mountpoint; *c; c++)
		levels += *c == '/';
	if (levels > MAX_LEVELS)
		vp_trouble(l, true, VP_E_VALUE, vp_child(in->at, "mountpoint"), "the method image mounts at most eight levels");
	if (!strcmp(in->f.type, "xfs") && strlen(in->f.label) > MAX_XFS_LABEL)
		vp_trouble(l, true, VP_E_VALUE, vp_child(in->at, "label"), "xfs has labels of at most %d letters", MAX_XFS_LABEL);
}

/* Fewer are no RAID of that level. */
static unsigned least_devices(const char *level)
{
	return !strcmp(level, "RAID6") ? 4 : !strcmp(level, "RAID4") || !strcmp(level, "RAID5") ? 3 : 2;
}

static void check_md(struct vp_layout *l, const struct vp_blockdev *d)
{
	const struct vp_md *m = &((const struct vp_md_in *)d->in)->m;

	if (!strcmp(m->metadata, "ddf") || !strcmp(m->metadata, "imsm"))
		vp_trouble(l, true, VP_E_VALUE, vp_child(d->at, "metadata"), "the method image makes no RAID of the kind %s", m->metadata);
	if (d->nparts < least_devices(m->level) + m->spares)
		vp_trouble(l, true, VP_E_VALUE, d->at, "the method image makes %s of at least %u devices beside the spares", m->level,
			   least_devices(m->level));
}

static void check_lv(struct vp_layout *l, const struct vp_blockdev *d)
{
	const struct vp_lv_in *in = d->in;

	if (*in->cache_lv)
		vp_trouble(l, true, VP_E_VALUE, vp_child(d->at, "cache"), "the method image makes no caches");
	if (*in->v.type && strcmp(in->v.type, "linear") && strcmp(in->v.type, "striped"))
		vp_trouble(l, true, VP_E_VALUE, vp_child(d->at, "type"), "the method image makes linear and striped volumes, none of type %s",
			   in->v.type);
}

/* RAID of partitions and disks; groups of these and of RAID. */
static void check_parts(struct vp_layout *l, const struct vp_blockdev *d, enum vp_block highest)
{
	for (unsigned i = 0; i < d->nparts; i++)
		if (l->blocks[d->parts[i]].kind > highest)
			vp_trouble(l, true, VP_E_VALUE, d->at, "the method image makes no %s of %s", d->kind == VP_BLOCK_MD ? "RAID" : "volume group",
				   l->blocks[d->parts[i]].kind == VP_BLOCK_MD ? "RAID" : "logical volumes");
}

static void check_volumes(struct vp_layout *l)
{
	const struct vp_blockdev *d = NULL;

	while ((d = vp_block_next(l, VP_BLOCK_MD, d))) {
		check_md(l, d);
		check_parts(l, d, VP_BLOCK_PARTITION);
	}
	while ((d = vp_block_next(l, VP_BLOCK_VG, d)))
		check_parts(l, d, VP_BLOCK_MD);
	while ((d = vp_block_next(l, VP_BLOCK_LV, d)))
		check_lv(l, d);
}

/* The loader lies in front of the first partition. */
static void check_bootable(struct vp_layout *l, const struct vp_filesystem_in *in, unsigned block)
{
	const struct vp_blockdev *d = &l->blocks[block];

	if (d->kind == VP_BLOCK_DISK)
		vp_trouble(l, true, VP_E_VALUE, in->at, "the method image boots from partitions: %s is on %s as a whole", in->f.mountpoint, d->key);
	else if (d->kind == VP_BLOCK_LV)
		check_bootable(l, in, d->parts[0]);
	for (unsigned i = 0; i < d->nparts && (d->kind == VP_BLOCK_MD || d->kind == VP_BLOCK_VG); i++)
		check_bootable(l, in, d->parts[i]);
}

static void check_image(struct vp_layout *l)
{
	const struct vp_node *n = &l->b->node->n;
	const struct vp_val *list = vp_find(l->b, "/system/filesystems");
	const struct vp_filesystem_in *root = NULL, *boot = NULL;

	for (unsigned i = 0; i < n->ndisks; i++) {
		check_partitions(l, i);
		settle_label(l, i);
	}
	for (size_t i = 0; i < l->nsystems; i++) {
		check_system(l, &l->systems[i]);
		if (!strcmp(l->systems[i].f.mountpoint, "/"))
			root = &l->systems[i];
		if (!strcmp(l->systems[i].f.mountpoint, "/boot"))
			boot = &l->systems[i];
	}
	check_volumes(l);
	boot = boot ? boot : root;
	if (boot && boot->block < l->nblocks)
		check_bootable(l, boot, boot->block);
	if (!root)
		vp_trouble(l, true, VP_E_MISSING, list ? list : vp_find(l->b, "/system"), "the method image needs a file system mounted at /");
}

/* What the profile or the site says, otherwise `image` where that is possible. */
static enum vp_install choose_method(struct vp_layout *l)
{
	struct vp_bind *b = l->b;
	const struct vp_trouble *first = NULL;
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

static void tell_troubles(struct vp_layout *l, enum vp_install method)
{
	for (size_t i = 0; i < l->ntroubles; i++) {
		const struct vp_trouble *t = &l->troubles[i];

		if (method == VP_INSTALL_IMAGE || (method != VP_INSTALL_NONE && !t->lacking))
			vp_problem(l->b, VP_ERROR, t->code, t->at, "/system/filesystems", "%s", t->text);
		else if (!t->lacking)
			vp_problem(l->b, VP_WARNING, t->code, t->at, "/system/filesystems", "%s", t->text);
	}
}

/* The kernel of the method image drives IDE by libata: what the definition calls hda is sda to it. */
static void name_ide_disks(struct vp_bind *b)
{
	struct vp_node *n = &b->node->n;
	char letter = 'a';

	for (size_t i = 0; i < n->ndisks; i++) {
		struct vp_disk *d = &n->disks[i];

		if (!strcmp(d->bus, "ide"))
			d->target = vp_printf(b->a, "sd%c", letter);
		if (!strcmp(d->bus, "ide"))
			vp_replace_origin(b,
					  (struct vp_origin){ vp_field(b, "disk.*.target", d->name), d->target, "derived: bus and position", "", 0 });
		letter += !strncmp(d->target, "sd", 2);
	}
}

void vp_bind_layout(struct vp_bind *b)
{
	struct vp_layout l = { .b = b };
	struct vp_node *n = &b->node->n;

	/* Without a disk, which was said, everything here would be wrong. */
	if (!n->ndisks)
		return;
	vp_read_storage(&l);
	check_image(&l);
	n->install = choose_method(&l);
	tell_troubles(&l, n->install);
	/* Under Xen its own drivers take them. */
	if (n->install == VP_INSTALL_IMAGE && (n->virt == VP_KVM || n->virt == VP_QEMU))
		name_ide_disks(b);
	vp_publish_storage(&l);
}
