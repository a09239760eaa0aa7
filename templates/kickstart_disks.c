// SPDX-License-Identifier: Apache-2.0
/*
 * Kickstart: what %pre does to the disks, and what anaconda is told of it. A file system's `preserve` keeps the device that it is on (as does
 * `format` false), `format` false keeps what is in it; so says AII, whose profiles these are.
 */
#include <math.h>
#include <string.h>

#include "kickstart.h"

struct disks {
	struct vp_ks *k;
	const struct vp_node *n;
	json_t *remove, *create, *format, *mounts;
	/* Volume groups and RAIDs that were dealt with, by their index. */
	bool removed[VP_MAX_BLOCKS][2], created[VP_MAX_BLOCKS][2];
	/* For the text of the scripts. */
	unsigned depth;
};

static bool *seen(bool (*flags)[2], struct vp_ref ref)
{
	return &flags[ref.index % VP_MAX_BLOCKS][ref.kind == VP_BLOCK_MD];
}

/* "/dev/vda1" */
static const char *path(const struct vp_ks *k, struct vp_ref ref)
{
	vp_cleanup(vp_buf_free) struct vp_buf b = { 0 };

	vp_buf_adds(&b, "/dev/");
	vp_block_path(k->n, ref, &b);
	return vp_strdup(k->a, b.data);
}

static const char *word(const struct disks *d, struct vp_ref ref)
{
	return vp_ks_word(d->k, path(d->k, ref));
}

static void line(struct disks *d, json_t *list, const char *fmt, ...) VP_PRINTF(3, 4);
static void line(struct disks *d, json_t *list, const char *fmt, ...)
{
	vp_cleanup(vp_buf_free) struct vp_buf b = { 0 };
	va_list ap;

	for (unsigned i = 0; i < d->depth; i++)
		vp_buf_adds(&b, "\t");
	va_start(ap, fmt);
	vp_buf_vaddf(&b, fmt, ap);
	va_end(ap);
	json_array_append_new(list, json_string(b.data));
}

const char *vp_ks_disk(const struct vp_ks *k, const char *name)
{
	name += strncmp(name, "/dev/", 5) ? 0 : 5;
	for (size_t i = 0; i < k->n->ndisks; i++)
		if (!strcmp(k->n->disks[i].name, name) || !strcmp(k->n->disks[i].name, vp_unescape(k->a, name)))
			return k->n->disks[i].target;
	return NULL;
}

static bool is_named(const struct vp_ks *k, const struct vp_words *list, unsigned disk)
{
	for (size_t i = 0; i < list->n; i++)
		if (vp_ks_disk(k, list->items[i]) == k->n->disks[disk].target)
			return true;
	return false;
}

/* Whether a device lies, in part, on a disk that anaconda ignores. */
static bool is_ignored(const struct disks *d, struct vp_ref ref)
{
	const struct vp_node *n = d->n;
	const struct vp_ref *parts = NULL;
	size_t count = 0;

	switch (ref.kind) {
	case VP_BLOCK_PARTITION: return is_named(d->k, &n->aii.ks.ignoredisk, n->partitions[ref.index].disk);
	case VP_BLOCK_LV: return is_ignored(d, (struct vp_ref){ VP_BLOCK_VG, n->lvs[ref.index].vg });
	case VP_BLOCK_VG: parts = n->vgs[ref.index].devices, count = n->vgs[ref.index].ndevices; break;
	case VP_BLOCK_MD: parts = n->mds[ref.index].devices, count = n->mds[ref.index].ndevices; break;
	default: break;
	}
	for (size_t i = 0; i < count; i++)
		if (is_ignored(d, parts[i]))
			return true;
	return false;
}

static const char *devices(const struct disks *d, const struct vp_ref *refs, size_t n)
{
	const char *text = "";

	for (size_t i = 0; i < n; i++)
		text = vp_printf(d->k->a, "%s %s", text, word(d, refs[i]));
	return text;
}

/* --- Removing: what is made of something, then that. --- */

static void remove_block(struct disks *d, struct vp_ref ref);

static void remove_group(struct disks *d, struct vp_ref ref)
{
	const struct vp_vg *g = &d->n->vgs[ref.index];

	line(d, d->remove, "if remove_vg %s; then", vp_ks_word(d->k, g->name));
	d->depth++;
	for (size_t i = 0; i < g->ndevices; i++) {
		line(d, d->remove, "lvm pvremove%s %s", d->n->aii.ks.lvmforce ? " --force" : "", word(d, g->devices[i]));
		remove_block(d, g->devices[i]);
	}
	d->depth--;
	line(d, d->remove, "fi");
}

static void remove_raid(struct disks *d, struct vp_ref ref)
{
	const struct vp_md *m = &d->n->mds[ref.index];

	line(d, d->remove, "remove_raid %s%s", word(d, ref), devices(d, m->devices, m->ndevices));
	for (size_t i = 0; i < m->ndevices; i++)
		remove_block(d, m->devices[i]);
}

static void remove_block(struct disks *d, struct vp_ref ref)
{
	const struct vp_partition *p = &d->n->partitions[ref.index];

	/* Without one logical partition, those behind it get other numbers: what was to be kept would be taken for what is made anew. */
	if (ref.kind == VP_BLOCK_PARTITION && !strcmp(p->type, "logical"))
		line(d, d->remove, "wipe_partition %s", word(d, ref));
	else if (ref.kind == VP_BLOCK_PARTITION)
		line(d, d->remove, "remove_partition %s %s %u", word(d, (struct vp_ref){ VP_BLOCK_DISK, p->disk }), word(d, ref), p->number);
	if ((ref.kind != VP_BLOCK_VG && ref.kind != VP_BLOCK_MD) || *seen(d->removed, ref))
		return;
	*seen(d->removed, ref) = true;
	if (ref.kind == VP_BLOCK_VG)
		remove_group(d, ref);
	else
		remove_raid(d, ref);
}

/* Volumes first, whatever the order of the file systems: a group goes when it is empty. */
static void remove_all(struct disks *d)
{
	for (int volumes = 1; volumes >= 0; volumes--)
		for (size_t i = 0; i < d->n->nfilesystems; i++) {
			const struct vp_filesystem *f = &d->n->filesystems[i];

			if (f->preserve || !f->format)
				continue;
			if (volumes && f->on.kind == VP_BLOCK_LV) {
				const struct vp_lv *v = &d->n->lvs[f->on.index];

				line(d, d->remove, "remove_lv %s %s", vp_ks_word(d->k, d->n->vgs[v->vg].name), vp_ks_word(d->k, v->name));
			} else if (!volumes) {
				remove_block(d, f->on.kind == VP_BLOCK_LV ? (struct vp_ref){ VP_BLOCK_VG, d->n->lvs[f->on.index].vg } : f->on);
			}
		}
}

/* --- Making: what is not there. --- */

static void create_block(struct disks *d, struct vp_ref ref);

static void create_group(struct disks *d, struct vp_ref ref)
{
	const struct vp_vg *g = &d->n->vgs[ref.index];

	line(d, d->create, "if ! has_vg %s; then", vp_ks_word(d->k, g->name));
	d->depth++;
	for (size_t i = 0; i < g->ndevices; i++)
		create_block(d, g->devices[i]);
	line(d, d->create, "make_vg %s%s", vp_ks_word(d->k, g->name), devices(d, g->devices, g->ndevices));
	d->depth--;
	line(d, d->create, "fi");
}

static void create_raid(struct disks *d, struct vp_ref ref)
{
	const struct vp_md *m = &d->n->mds[ref.index];
	const char *level = m->level + strlen("RAID"), *chunk = strcmp(level, "1") ? vp_printf(d->k->a, "%u", m->stripe_kib) : "none";

	line(d, d->create, "if ! has_raid %s; then", word(d, ref));
	d->depth++;
	for (size_t i = 0; i < m->ndevices; i++) {
		const struct vp_partition *p = &d->n->partitions[m->devices[i].index];

		create_block(d, m->devices[i]);
		if (m->devices[i].kind == VP_BLOCK_PARTITION)
			line(d, d->create, "parted %s -s -- set %u raid on", word(d, (struct vp_ref){ VP_BLOCK_DISK, p->disk }), p->number);
	}
	line(d, d->create, "make_raid %s %s %s %s %u%s", word(d, ref), level, m->metadata, chunk, m->spares, devices(d, m->devices, m->ndevices));
	d->depth--;
	line(d, d->create, "fi");
}

static const char *volume_options(const struct disks *d, const struct vp_lv *v)
{
	struct vp_arena *a = d->k->a;
	const char *o = "";

	/* What is left of an older volume at the same place is wiped, where that can be asked for. */
	if (d->n->aii.ks.lvmforce && strcmp(v->type, "cache-pool"))
		o = vp_printf(a, " -W y%s", d->k->el >= 7 ? " --yes" : "");
	if (*v->type)
		o = vp_printf(a, "%s --type %s", o, vp_ks_word(d->k, v->type));
	if (v->size)
		o = vp_printf(a, "%s -L %lluM", o, (unsigned long long)(v->size / VP_MIB));
	else
		o = vp_printf(a, "%s -l 99%%FREE", o);
	if (v->chunk_kib)
		o = vp_printf(a, "%s --chunksize %u", o, v->chunk_kib);
	if (v->stripe_kib)
		o = vp_printf(a, "%s --stripesize %u --stripes %zu", o, v->stripe_kib, d->n->vgs[v->vg].ndevices);
	return o;
}

static void create_volume(struct disks *d, struct vp_ref ref)
{
	const struct vp_lv *v = &d->n->lvs[ref.index];
	const char *group = vp_ks_word(d->k, d->n->vgs[v->vg].name), *name = vp_ks_word(d->k, v->name);

	create_block(d, (struct vp_ref){ VP_BLOCK_VG, v->vg });
	if (v->cache.kind == VP_BLOCK_LV)
		create_volume(d, v->cache);
	line(d, d->create, "has_lv %s %s || make_lv %s %s%s", group, name, group, name, volume_options(d, v));
	if (v->cache.kind == VP_BLOCK_LV)
		line(d, d->create, "cache_lv %s %s %s%s%s", group, name, vp_ks_word(d->k, d->n->lvs[v->cache.index].name),
		     *v->cache_mode ? " --cachemode " : "", v->cache_mode);
}

static void create_block(struct disks *d, struct vp_ref ref)
{
	if (ref.kind == VP_BLOCK_LV) {
		create_volume(d, ref);
		return;
	}
	if ((ref.kind != VP_BLOCK_VG && ref.kind != VP_BLOCK_MD) || *seen(d->created, ref))
		return;
	*seen(d->created, ref) = true;
	if (ref.kind == VP_BLOCK_VG)
		create_group(d, ref);
	else
		create_raid(d, ref);
}

/* Each after those it is made of; those with a size before the one that takes the rest. */
static void create_all(struct disks *d)
{
	for (size_t i = 0; i < d->n->ncreation; i++)
		for (size_t k = 0; k < d->n->nfilesystems; k++)
			if (d->n->filesystems[k].on.kind == d->n->creation[i].kind && d->n->filesystems[k].on.index == d->n->creation[i].index)
				create_block(d, d->n->creation[i]);
}

/* --- File systems --- */

static const struct {
	const char *type, *command, *label;
} makers[] = {
	{ "xfs", "mkfs.xfs -f", "-L" }, { "ext2", "mkfs.ext2", "-L" },	    { "ext3", "mkfs.ext3", "-L" },
	{ "ext4", "mkfs.ext4", "-L" },	{ "btrfs", "mkfs.btrfs -f", "-L" }, { "jfs", "mkfs.jfs -q", "-L" },
	{ "swap", "mkswap", "-L" },	{ "vfat", "mkfs.vfat", "-n" },	    { "reiserfs", "mkfs.reiserfs -q", "-l" },
};

static void format_system(struct disks *d, const struct vp_filesystem *f)
{
	const char *options = "";
	char *rest = vp_strdup(d->k->a, f->mkfsopts), *one;

	while ((one = strsep(&rest, " \t")))
		if (*one)
			options = vp_printf(d->k->a, "%s %s", options, vp_ks_word(d->k, one));
	for (size_t i = 0; i < vp_count(makers); i++)
		if (!strcmp(makers[i].type, f->type))
			line(d, d->format, "format %s %s %s%s%s%s", f->format ? "always" : "new", word(d, f->on), makers[i].command,
			     *f->label ? vp_printf(d->k->a, " %s ", makers[i].label) : "", *f->label ? vp_ks_word(d->k, f->label) : "", options);
}

/* Anaconda of EL7 and later takes no root that it has not made, and forgets a swap that it has not made. */
static bool anaconda_formats(const struct disks *d, const struct vp_filesystem *f)
{
	bool swap = !strcmp(f->type, "swap");

	return f->ksfsformat || (swap && *f->label) || (d->k->el >= 7 && (swap || !strcmp(f->mountpoint, "/")));
}

/* "--fstype=ext4 ...", or that anaconda leaves it as it is. */
static const char *mount_options(const struct disks *d, const struct vp_filesystem *f)
{
	struct vp_arena *a = d->k->a;
	bool volume = f->on.kind != VP_BLOCK_PARTITION;
	const char *o = "--noformat";

	if (anaconda_formats(d, f)) {
		o = vp_printf(a, "--fstype=%s --fsoptions=%s", vp_ks_word(d->k, f->type), vp_ks_word(d->k, f->options));
		if (*f->mkfsopts && d->k->el >= 7)
			o = vp_printf(a, "%s --mkfsoptions=%s", o, vp_ks_word(d->k, f->mkfsopts));
	}
	if (volume && d->k->el >= 7)
		o = vp_printf(a, "%s --useexisting", o);
	if (*f->label && (!volume || d->k->el >= 7))
		o = vp_printf(a, "%s --label=%s", o, vp_ks_word(d->k, f->label));
	return o;
}

static void mount_system(struct disks *d, const struct vp_filesystem *f)
{
	const char *o = mount_options(d, f), *point = vp_ks_word(d->k, f->mountpoint);
	vp_cleanup(vp_buf_free) struct vp_buf name = { 0 };

	vp_block_path(d->n, f->on, &name);
	if (f->on.kind == VP_BLOCK_PARTITION)
		line(d, d->mounts, "part %s --onpart=%s %s", point, vp_ks_word(d->k, name.data), o);
	else if (f->on.kind == VP_BLOCK_MD)
		line(d, d->mounts, "raid %s --device=%s %s", point, vp_ks_word(d->k, name.data + (strncmp(name.data, "md/", 3) ? 0 : 3)), o);
	else if (f->on.kind == VP_BLOCK_LV)
		line(d, d->mounts, "logvol %s --vgname=%s --name=%s %s", point, vp_ks_word(d->k, d->n->vgs[d->n->lvs[f->on.index].vg].name),
		     vp_ks_word(d->k, d->n->lvs[f->on.index].name), o);
}

/* A group is named once, before the first of its volumes. */
static void mount_all(struct disks *d)
{
	bool named[VP_MAX_BLOCKS] = { false };

	for (size_t i = 0; i < d->n->nfilesystems; i++) {
		const struct vp_filesystem *f = &d->n->filesystems[i];

		if (f->unmounted || is_ignored(d, f->on))
			continue;
		if (f->on.kind == VP_BLOCK_LV && d->n->aii.ks.volgroup_required && !named[d->n->lvs[f->on.index].vg]) {
			named[d->n->lvs[f->on.index].vg] = true;
			line(d, d->mounts, "volgroup %s --noformat", vp_ks_word(d->k, d->n->vgs[d->n->lvs[f->on.index].vg].name));
		}
		mount_system(d, f);
	}
}

/* --- Data of the templates --- */

/* Disks that hold something. */
static bool is_used(const struct disks *d, unsigned disk)
{
	for (size_t i = 0; i < d->n->npartitions; i++)
		if (d->n->partitions[i].disk == disk)
			return true;
	return false;
}

static void add_devices(struct disks *d)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < d->n->ndisks; i++) {
		const struct vp_device *v = &d->n->devices[i];
		bool clear = is_named(d->k, &d->n->aii.ks.clearpart, i);
		double size = (double)d->n->disks[i].size / (double)VP_MIB, less = v->diff ? (double)v->diff / (double)VP_MIB : size;
		json_t *j;

		if (!clear && !is_used(d, i))
			continue;
		j = json_pack("{ss+ ss sb}", "device", "/dev/", d->n->disks[i].target, "label", v->label, "clear", clear);
		if (v->fraction > 0 && v->fraction * size < less)
			less = v->fraction * size;
		if (v->diff || v->fraction > 0)
			json_object_set_new(
				j, "limits",
				json_pack("{sI sI}", "min", (json_int_t)ceil(less < size ? size - less : 0), "max", (json_int_t)floor(size + less)));
		json_array_append_new(list, j);
	}
	json_object_set_new(d->k->ks, "devices", list);
}

static json_t *partition(const struct disks *d, unsigned i)
{
	const struct vp_partition *p = &d->n->partitions[i];
	const char *label = d->n->devices[p->disk].label;
	uint64_t offset = p->offset;
	json_t *flags = json_array();
	bool has = p->bootable;

	/* Room for the table that leads to it, which parted does not leave by itself. */
	if (!offset && !strcmp(label, "msdos") && !strcmp(p->type, "logical"))
		offset = VP_MIB;
	for (size_t f = 0; f < p->nflags; f++) {
		json_array_append_new(flags, json_string(p->flags[f]));
		has &= strcmp(p->flags[f], "boot") != 0;
	}
	if (has)
		json_array_append_new(flags, json_string("boot"));
	return json_pack("{ss+ ss si ss so so ss so}", "disk", "/dev/", d->n->disks[p->disk].target, "device",
			 path(d->k, (struct vp_ref){ VP_BLOCK_PARTITION, i }), "number", (int)p->number, "type", p->type, "size",
			 p->size ? json_integer((json_int_t)(p->size / VP_MIB)) : json_string("rest"), "offset",
			 offset ? json_integer((json_int_t)(offset / VP_MIB)) : json_string("none"), "label", label, "flags", flags);
}

static void add_raids(struct disks *d)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < d->n->nmds; i++)
		line(d, list, "%s%s", word(d, (struct vp_ref){ VP_BLOCK_MD, i }), devices(d, d->n->mds[i].devices, d->n->mds[i].ndevices));
	json_object_set_new(d->k->ks, "raids", list);
}

static int check_root(const struct vp_ks *k)
{
	for (size_t i = 0; i < k->n->nfilesystems; i++)
		if (!strcmp(k->n->filesystems[i].mountpoint, "/") && !k->n->filesystems[i].unmounted)
			return 0;
	return vp_fail(k->err, VP_E_MISSING, "/system/filesystems: none is mounted at /");
}

int vp_ks_disks(struct vp_ks *k)
{
	struct disks d = { .k = k, .n = k->n };
	json_t *list = json_array();

	if (k->n->ndisks && check_root(k))
		return json_decref(list), -1;
	json_object_set_new(k->ks, "remove", d.remove = json_array());
	json_object_set_new(k->ks, "create", d.create = json_array());
	json_object_set_new(k->ks, "format", d.format = json_array());
	json_object_set_new(k->ks, "mounts", d.mounts = json_array());
	add_devices(&d);
	add_raids(&d);
	for (unsigned i = 0; i < k->n->npartitions; i++)
		json_array_append_new(list, partition(&d, i));
	json_object_set_new(k->ks, "partitions", list);
	json_object_set_new(k->ks, "lvm", json_boolean(k->n->nlvs));
	remove_all(&d);
	create_all(&d);
	for (size_t i = 0; i < k->n->nfilesystems; i++)
		if (k->n->filesystems[i].on.kind != VP_BLOCK_DISK && vp_block_made(k->n->filesystems[i].on.kind))
			format_system(&d, &k->n->filesystems[i]);
	mount_all(&d);
	return 0;
}
