// SPDX-License-Identifier: Apache-2.0
/* The node's disks as curtin's storage configuration, version 1: a flat list, each item after what it refers to. */
#include <string.h>

#include "installer_inside.h"

struct list {
	const struct vp_node *n;
	const struct vp_kept *k;
	json_t *items;
};

/* The id of an item: its kind, and what it is called. */
static json_t *id_of(const struct list *l, struct vp_ref ref)
{
	vp_cleanup(vp_buf_free) struct vp_buf name = { 0 };

	if (ref.kind == VP_BLOCK_VG)
		return json_sprintf("vg-%s", l->n->vgs[ref.index].name);
	vp_block_path(l->n, ref, &name);
	return json_string(vp_buf_str(&name));
}

static json_t *ids_of(const struct list *l, const struct vp_ref *refs, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, id_of(l, refs[i]));
	return list;
}

/* What is kept has to be there; what is made anew loses what was there. */
static void add(struct list *l, json_t *item, bool kept, const char *wipe)
{
	json_object_set_new(item, "preserve", json_boolean(kept));
	if (!kept && wipe)
		json_object_set_new(item, "wipe", json_string(wipe));
	json_array_append_new(l->items, item);
}

static unsigned last_number(const struct vp_node *n, unsigned disk)
{
	unsigned last = 0;

	for (size_t i = 0; i < n->npartitions; i++)
		if (n->partitions[i].disk == disk && n->partitions[i].number > last)
			last = n->partitions[i].number;
	return last;
}

/* The rest of the disk, in bytes, where something comes after it; else -1, as curtin has it. */
static json_int_t rest_of(const struct vp_node *n, unsigned disk, bool more)
{
	uint64_t used = 3 * VP_MIB;

	for (size_t i = 0; i < n->npartitions; i++)
		if (n->partitions[i].disk == disk)
			used += n->partitions[i].size;
	return more && used < n->disks[disk].size ? (json_int_t)(n->disks[disk].size - used) : -1;
}

static const char *flag_of(const struct vp_partition *p, const char *use)
{
	static const char *const flags[][2] = { { "bios", "bios_grub" }, { "esp", "boot" },  { "lvm", "lvm" },
						{ "raid", "raid" },	 { "swap", "swap" }, { "extended", "extended" } };

	for (size_t i = 0; i < vp_count(flags); i++)
		if (!strcmp(flags[i][0], use))
			return flags[i][1];
	return !strcmp(p->type, "logical") ? "logical" : p->bootable ? "boot" : NULL;
}

static void add_partition(struct list *l, unsigned i, bool more)
{
	const struct vp_partition *p = &l->n->partitions[i];
	const char *use = vp_partition_use(l->n, i), *flag = flag_of(p, use);
	json_t *item = json_pack("{so ss so si sI}", "id", id_of(l, (struct vp_ref){ VP_BLOCK_PARTITION, i }), "type", "partition", "device",
				 id_of(l, (struct vp_ref){ VP_BLOCK_DISK, p->disk }), "number", p->number, "size",
				 p->size ? (json_int_t)p->size : rest_of(l->n, p->disk, more));

	if (flag)
		json_object_set_new(item, "flag", json_string(flag));
	if (!strcmp(use, "esp"))
		json_object_set_new(item, "grub_device", json_true());
	add(l, item, l->k->of[VP_BLOCK_PARTITION][i], !strcmp(use, "extended") ? NULL : "superblock");
}

static void add_disk(struct list *l, unsigned d)
{
	const struct vp_node *n = l->n;
	bool kept = l->k->of[VP_BLOCK_DISK][d], bios = !kept && vp_needs_bios_partition(n, d);
	struct vp_ref ref = { VP_BLOCK_DISK, d };
	json_t *item = json_pack("{so ss so sb}", "id", id_of(l, ref), "type", "disk", "path", json_sprintf("/dev/%s", n->disks[d].target),
				 "grub_device", n->disks[d].boot && n->firmware == VP_BIOS);

	if (last_number(n, d))
		json_object_set_new(item, "ptable", json_string(n->devices[d].label));
	add(l, item, kept, "superblock-recursive");
	for (unsigned i = 0; i < n->npartitions; i++)
		if (n->partitions[i].disk == d)
			add_partition(l, i, bios);
	if (bios)
		add(l,
		    json_pack("{so ss so si sI ss}", "id", json_sprintf("bios-%s", n->disks[d].target), "type", "partition", "device", id_of(l, ref),
			      "number", last_number(n, d) + 1, "size", (json_int_t)VP_MIB, "flag", "bios_grub"),
		    false, NULL);
}

static json_t *raid(const struct list *l, struct vp_ref ref)
{
	const struct vp_md *m = &l->n->mds[ref.index];
	size_t members = m->ndevices - m->spares;
	json_t *item = json_pack("{so ss ss ss so so}", "id", id_of(l, ref), "type", "raid", "name", m->name, "raidlevel", m->level + strlen("RAID"),
				 "devices", ids_of(l, m->devices, members), "spare_devices", ids_of(l, m->devices + members, m->spares));

	if (*m->metadata)
		json_object_set_new(item, "metadata", json_string(m->metadata));
	return item;
}

static void add_block(struct list *l, struct vp_ref ref)
{
	bool kept = l->k->of[ref.kind][ref.index];
	const struct vp_vg *g;
	const struct vp_lv *v;
	json_t *item;

	switch (ref.kind) {
	case VP_BLOCK_MD: add(l, raid(l, ref), kept, NULL); return;
	case VP_BLOCK_VG:
		g = &l->n->vgs[ref.index];
		add(l,
		    json_pack("{so ss ss so}", "id", id_of(l, ref), "type", "lvm_volgroup", "name", g->name, "devices",
			      ids_of(l, g->devices, g->ndevices)),
		    kept, NULL);
		return;
	case VP_BLOCK_LV:
		v = &l->n->lvs[ref.index];
		item = json_pack("{so ss ss so}", "id", id_of(l, ref), "type", "lvm_partition", "name", v->name, "volgroup",
				 id_of(l, (struct vp_ref){ VP_BLOCK_VG, v->vg }));
		/* Without a size it is the rest of the group. */
		if (v->size)
			json_object_set_new(item, "size", json_integer((json_int_t)v->size));
		add(l, item, kept, "superblock");
		return;
	default: return;
	}
}

static void add_filesystem(struct list *l, const struct vp_filesystem *f)
{
	vp_cleanup(vp_buf_free) struct vp_buf name = { 0 };
	bool swap = !strcmp(f->type, "swap");
	json_t *format;

	vp_block_path(l->n, f->on, &name);
	format = json_pack("{so ss ss so}", "id", json_sprintf("format-%s", vp_buf_str(&name)), "type", "format", "fstype",
			   !strcmp(f->type, "vfat") ? "fat32" : f->type, "volume", id_of(l, f->on));
	if (*f->label)
		json_object_set_new(format, "label", json_string(f->label));
	add(l, format, f->preserve || !f->format, NULL);
	json_array_append_new(l->items, json_pack("{so ss so ss so*}", "id", json_sprintf("mount-%s", vp_buf_str(&name)), "type", "mount", "device",
						  json_sprintf("format-%s", vp_buf_str(&name)), "path", swap ? "" : f->mountpoint, "options",
						  *f->options && !swap ? json_string(f->options) : NULL));
}

/* Disks that nothing is made on are not named: they are left alone. */
static bool is_used(const struct vp_node *n, unsigned disk)
{
	for (size_t i = 0; i < n->ncreation; i++)
		if (n->creation[i].kind == VP_BLOCK_DISK && n->creation[i].index == disk)
			return true;
	return last_number(n, disk);
}

json_t *vp_curtin_storage(const struct vp_node *n, const struct vp_kept *k)
{
	struct list l = { n, k, json_array() };
	json_t *texts = json_array(), *item;
	size_t i;

	for (unsigned d = 0; d < n->ndisks; d++)
		if (is_used(n, d))
			add_disk(&l, d);
	for (i = 0; i < n->ncreation; i++)
		add_block(&l, n->creation[i]);
	for (i = 0; i < n->nfilesystems; i++)
		if (vp_block_made(n->filesystems[i].on.kind))
			add_filesystem(&l, &n->filesystems[i]);
	json_array_foreach (l.items, i, item) {
		char *text = json_dumps(item, 0);

		json_array_append_new(texts, json_string(text));
		free(text);
	}
	json_decref(l.items);
	return texts;
}
