// SPDX-License-Identifier: Apache-2.0
/*
 * Block devices and file systems of a profile: read, connected by their references, checked, put in an order in which they can be made.
 * Keys are compared as the profile writes them, and unescaped only for names; those of LVM are never escaped.
 */
#include <stdlib.h>
#include <string.h>

#include "bind.h"

/* Kept back for the partition tables at both ends of a disk. */
#define TABLE_SIZE (2 * VP_MIB)
/* What LVM allocates; a physical volume keeps back one for itself. */
#define EXTENT	       (4 * VP_MIB)
#define MAX_PARTITIONS 127

static const struct {
	const char *dict;
	const char *name;
} kinds[] = {
	[VP_BLOCK_NONE] = { NULL, "memory" },
	[VP_BLOCK_DISK] = { "physical_devs", "disk" },
	[VP_BLOCK_PARTITION] = { "partitions", "partition" },
	[VP_BLOCK_MD] = { "md", "md" },
	[VP_BLOCK_VG] = { "volume_groups", "volume_group" },
	[VP_BLOCK_LV] = { "logical_volumes", "logical_volume" },
	[VP_BLOCK_FILE] = { "files", "file" },
	[VP_BLOCK_FILESYSTEM] = { NULL, "filesystem" },
};

const char *vp_block_name(enum vp_block kind)
{
	return kinds[kind].name;
}

bool vp_block_made(enum vp_block kind)
{
	return kind != VP_BLOCK_NONE && kind != VP_BLOCK_FILE;
}

static void partition_path(const struct vp_node *n, const struct vp_partition *p, struct vp_buf *out)
{
	vp_buf_addf(out, "%s%u", n->disks[p->disk].target, p->number);
}

void vp_block_path(const struct vp_node *n, struct vp_ref ref, struct vp_buf *out)
{
	switch (ref.kind) {
	case VP_BLOCK_DISK: vp_buf_adds(out, n->disks[ref.index].target); return;
	case VP_BLOCK_PARTITION: partition_path(n, &n->partitions[ref.index], out); return;
	case VP_BLOCK_MD: vp_buf_adds(out, n->mds[ref.index].name); return;
	case VP_BLOCK_VG: vp_buf_adds(out, n->vgs[ref.index].name); return;
	case VP_BLOCK_LV: vp_buf_addf(out, "%s/%s", n->vgs[n->lvs[ref.index].vg].name, n->lvs[ref.index].name); return;
	case VP_BLOCK_FILE: vp_buf_adds(out, n->files[ref.index].name); return;
	case VP_BLOCK_FILESYSTEM: vp_buf_adds(out, n->filesystems[ref.index].mountpoint); return;
	case VP_BLOCK_NONE: return;
	}
}

void vp_trouble(struct vp_layout *l, bool lacking, enum vp_code code, const struct vp_val *at, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	l->troubles = vp_grow_in(l->b->a, l->troubles, l->ntroubles, &l->cap, sizeof(*l->troubles));
	l->troubles[l->ntroubles++] = (struct vp_trouble){ lacking, code, at, vp_strdup(l->b->a, text) };
}

const struct vp_blockdev *vp_block_next(const struct vp_layout *l, enum vp_block kind, const struct vp_blockdev *after)
{
	const struct vp_blockdev *end = l->blocks + l->nblocks;

	for (const struct vp_blockdev *d = after ? after + 1 : l->blocks; d && d < end; d++)
		if (d->kind == kind && !d->left)
			return d;
	return NULL;
}

/* The children of a dict that has to be one; NULL where there are none. */
static const struct vp_val *children(struct vp_layout *l, const char *path, enum vp_type type)
{
	const struct vp_val *v = vp_find(l->b, "%s", path);

	if (v && v->type != type) {
		vp_problem(l->b, VP_ERROR, VP_E_TYPE, v, "", "is a %s; it has to be a %s", vp_type_name(v->type), vp_type_name(type));
		return NULL;
	}
	return v ? v->child : NULL;
}

static const struct vp_val *blocks_of(struct vp_layout *l, enum vp_block kind)
{
	return children(l, vp_printf(l->b->a, "/system/blockdevices/%s", kinds[kind].dict), VP_DICT);
}

static struct vp_blockdev *add(struct vp_layout *l, enum vp_block kind, const char *key, const struct vp_val *at)
{
	struct vp_blockdev *d;

	if (l->nblocks == l->room && !l->full)
		vp_problem(l->b, VP_ERROR, VP_E_LIMIT, NULL, "/system/blockdevices", "more than %d block devices", VP_MAX_BLOCKS);
	l->full |= l->nblocks == l->room;
	if (l->full)
		return NULL;
	d = &l->blocks[l->nblocks++];
	*d = (struct vp_blockdev){ .kind = kind, .key = key, .at = at };
	return d;
}

static unsigned find(const struct vp_layout *l, enum vp_block kind, const char *key)
{
	unsigned i = 0;

	while (i < l->nblocks && (l->blocks[i].kind != kind || strcmp(l->blocks[i].key, key)))
		i++;
	return i;
}

/* "partitions/sda1" */
static unsigned find_path(const struct vp_layout *l, const char *path)
{
	for (enum vp_block k = VP_BLOCK_DISK; k < VP_BLOCK_FILESYSTEM; k++) {
		size_t len = strlen(kinds[k].dict);

		if (!strncmp(path, kinds[k].dict, len) && path[len] == '/')
			return find(l, k, path + len + 1);
	}
	return l->nblocks;
}

/* Hardware RAID and the like: said once, at its place. */
static bool foreign(const char *path)
{
	return !strncmp(path, "vxvm/", 5) || !strncmp(path, "hwraid/", 7);
}

static void tell_foreign(struct vp_layout *l)
{
	static const char *const dicts[][2] = { { "vxvm", "volumes of Veritas" }, { "hwraid", "hardware RAID" } };

	for (size_t i = 0; i < vp_count(dicts); i++) {
		const struct vp_val *v = vp_find(l->b, "/system/blockdevices/%s", dicts[i][0]);

		if (v && v->type == VP_DICT && v->child)
			vp_problem(l->b, VP_WARNING, VP_E_ODD, v, "", "a virtual machine has no %s: left out, with what is on it", dicts[i][1]);
	}
}

/* --- Reading: each kind into its own struct --- */

static void check_name(struct vp_layout *l, const struct vp_val *v, const char *name, const struct vp_check *check)
{
	if (!check->ok(name))
		vp_problem(l->b, VP_ERROR, VP_E_VALUE, v, "", "\"%s\" has to be %s", name, check->what);
}

static void add_disks(struct vp_layout *l)
{
	struct vp_node *n = &l->b->node->n;
	struct vp_blockdev *d;

	for (unsigned i = 0; i < n->ndisks; i++) {
		d = add(l, VP_BLOCK_DISK, l->b->disks[i].key, vp_find(l->b, "/system/blockdevices/physical_devs/%s", l->b->disks[i].key));
		d->index = i;
		d->size = n->disks[i].size;
		vp_fill(l->b, &(struct vp_target){ .object = VP_O_DEVICE,
						   .base = &n->devices[i],
						   .key = d->key,
						   .at = d->at && d->at->type == VP_DICT ? d->at : NULL,
						   .name = n->disks[i].name });
	}
	for (const struct vp_val *v = blocks_of(l, VP_BLOCK_DISK); v; v = v->next) {
		if (find(l, VP_BLOCK_DISK, v->key) < l->nblocks || !(d = add(l, VP_BLOCK_DISK, v->key, v)))
			continue;
		d->left = true;
		vp_problem(l->b, VP_WARNING, VP_E_ODD, v, "", "is no disk below /hardware/harddisks: left out, with what is on it");
	}
}

/* Those that are true; the rows have "boot" only, of which the installer makes use. */
static void read_flags(struct vp_layout *l, struct vp_partition *p, const struct vp_val *dict)
{
	unsigned n = 0;

	for (const struct vp_val *v = dict && dict->type == VP_DICT ? dict->child : NULL; v; v = v->next)
		n++;
	p->flags = vp_alloc(l->b->a, (n + 1) * sizeof(*p->flags));
	for (const struct vp_val *v = n ? dict->child : NULL; v; v = v->next)
		if (v->text && vp_is_key.ok(v->key) && (!strcmp(v->text, "true") || !strcmp(v->text, "yes")))
			p->flags[p->nflags++] = vp_strdup(l->b->a, v->key);
}

/* The 2 of "sda2" and "nvme0n1p2"; 0 where the name ends otherwise. */
static unsigned number_of(const char *key, const char *disk)
{
	size_t len = strlen(disk);
	const char *rest = key + len;
	uint64_t number;

	if (strncmp(key, disk, len))
		return 0;
	return vp_parse_u64(*rest == 'p' ? rest + 1 : rest, 1, MAX_PARTITIONS, &number) ? (unsigned)number : 0;
}

static void fill(struct vp_layout *l, enum vp_object object, void *base, const struct vp_val *v, const char *name)
{
	vp_fill(l->b, &(struct vp_target){ .object = object, .base = base, .key = v->key, .at = v, .name = name });
}

static void read_partition(struct vp_layout *l, struct vp_blockdev *d)
{
	struct vp_partition_in *in = d->in = vp_alloc(l->b->a, sizeof(*in));

	in->p.name = vp_unescape(l->b->a, d->key);
	check_name(l, d->at, in->p.name, &vp_is_diskname);
	fill(l, VP_O_PARTITION, in, d->at, in->p.name);
	read_flags(l, &in->p, vp_child(d->at, "flags"));
	in->p.number = number_of(d->key, in->holding_dev);
	d->size = in->p.size;
	d->left = !in->aii;
}

static void read_md(struct vp_layout *l, struct vp_blockdev *d)
{
	struct vp_md_in *in = d->in = vp_alloc(l->b->a, sizeof(*in));

	in->m.name = vp_unescape(l->b->a, d->key);
	check_name(l, d->at, in->m.name, &vp_is_diskname);
	fill(l, VP_O_MD, in, d->at, in->m.name);
}

static void read_vg(struct vp_layout *l, struct vp_blockdev *d)
{
	struct vp_vg_in *in = d->in = vp_alloc(l->b->a, sizeof(*in));

	in->g.name = vp_strdup(l->b->a, d->key);
	check_name(l, d->at, in->g.name, &vp_is_volume);
	fill(l, VP_O_VG, in, d->at, in->g.name);
}

static void read_lv(struct vp_layout *l, struct vp_blockdev *d)
{
	struct vp_lv_in *in = d->in = vp_alloc(l->b->a, sizeof(*in));

	in->v.name = vp_strdup(l->b->a, d->key);
	check_name(l, d->at, in->v.name, &vp_is_volume);
	fill(l, VP_O_LV, in, d->at, in->v.name);
	d->size = in->v.size;
}

static void read_file(struct vp_layout *l, struct vp_blockdev *d)
{
	struct vp_file *in = d->in = vp_alloc(l->b->a, sizeof(*in));

	in->name = vp_unescape(l->b->a, d->key);
	if (!vp_is_dir.ok(in->name)) {
		vp_problem(l->b, VP_WARNING, VP_E_VALUE, d->at, "", "\"%s\" has to be %s: left out", in->name, vp_is_dir.what);
		d->left = true;
	}
	fill(l, VP_O_FILE, in, d->at, in->name);
	d->size = in->size;
}

static void read_blocks(struct vp_layout *l, enum vp_block kind, void (*read)(struct vp_layout *, struct vp_blockdev *))
{
	for (const struct vp_val *v = blocks_of(l, kind); v; v = v->next) {
		struct vp_blockdev *d = NULL;

		if (v->type != VP_DICT)
			vp_problem(l->b, VP_ERROR, VP_E_TYPE, v, "", "is a %s; it has to be a dict", vp_type_name(v->type));
		else
			d = add(l, kind, v->key, v);
		if (d)
			read(l, d);
	}
}

static int by_position(const void *left, const void *right)
{
	const struct vp_blockdev *a = left, *b = right;
	const struct vp_partition_in *p = a->in, *q = b->in;
	int rc = a->kind == VP_BLOCK_PARTITION ? strcmp(p->holding_dev, q->holding_dev) : 0;

	if (!rc && a->kind == VP_BLOCK_PARTITION && p->p.number != q->p.number)
		rc = p->p.number < q->p.number ? -1 : 1;
	return rc ? rc : strcmp(a->key, b->key);
}

static void sort_kind(struct vp_layout *l, enum vp_block kind)
{
	unsigned first = 0, n = 0;

	for (unsigned i = l->nblocks; i-- > 0;)
		if (l->blocks[i].kind == kind)
			n++, first = i;
	if (n)
		qsort(l->blocks + first, n, sizeof(*l->blocks), by_position);
}

/* --- References --- */

/* Position d is made of position p, where there is one. */
static void depend(struct vp_layout *l, struct vp_blockdev *d, unsigned p)
{
	unsigned *more = vp_alloc(l->b->a, (d->nparts + 1) * sizeof(*more));

	if (p == l->nblocks) {
		d->left = true;
		return;
	}
	if (d->nparts)
		memcpy(more, d->parts, d->nparts * sizeof(*more));
	more[d->nparts++] = p;
	d->parts = more;
}

static void connect_partition(struct vp_layout *l, struct vp_blockdev *d)
{
	struct vp_partition_in *in = d->in;
	unsigned disk = find(l, VP_BLOCK_DISK, in->holding_dev);

	if (disk == l->nblocks && *in->holding_dev && in->aii)
		vp_problem(l->b, VP_ERROR, VP_E_REFERENCE, d->at, "", "its holding_dev \"%s\" is no disk below /hardware/harddisks", in->holding_dev);
	else if (disk < l->nblocks && !l->blocks[disk].left && in->aii && !in->p.number) {
		vp_trouble(l, false, VP_E_VALUE, d->at, "the name does not say which partition of %s it is", in->holding_dev);
		d->left = true;
	}
	depend(l, d, disk);
}

static void connect_list(struct vp_layout *l, struct vp_blockdev *d, const struct vp_words *list)
{
	const struct vp_val *given = vp_child(d->at, "device_list");

	for (size_t i = 0; i < list->n; i++) {
		unsigned part = find_path(l, list->items[i]);
		bool wrong = part < l->nblocks && (l->blocks[part].kind == VP_BLOCK_VG || l->blocks[part].kind == VP_BLOCK_FILE);

		if (wrong || (part == l->nblocks && !foreign(list->items[i])))
			vp_problem(l->b, VP_ERROR, VP_E_REFERENCE, given, "", "there is no device \"%s\" below /system/blockdevices", list->items[i]);
		depend(l, d, wrong ? l->nblocks : part);
	}
	if (given && !list->n) {
		vp_trouble(l, false, VP_E_VALUE, given, "names no device");
		d->left = true;
	}
}

static void connect_lv(struct vp_layout *l, struct vp_blockdev *d)
{
	struct vp_lv_in *in = d->in;
	unsigned group = find(l, VP_BLOCK_VG, in->group), cache = *in->cache_lv ? find(l, VP_BLOCK_LV, in->cache_lv) : l->nblocks;

	if (group == l->nblocks && *in->group)
		vp_problem(l->b, VP_ERROR, VP_E_REFERENCE, vp_child(d->at, "volume_group"), "", "there is no volume group \"%s\"", in->group);
	depend(l, d, group);
	if (cache < l->nblocks)
		depend(l, d, cache);
	else if (*in->cache_lv)
		vp_problem(l->b, VP_ERROR, VP_E_REFERENCE, d->at, "", "there is no logical volume \"%s\" to be its cache", in->cache_lv);
}

static void connect(struct vp_layout *l, struct vp_blockdev *d)
{
	switch (d->kind) {
	case VP_BLOCK_PARTITION: connect_partition(l, d); return;
	case VP_BLOCK_MD: connect_list(l, d, &((struct vp_md_in *)d->in)->list); return;
	case VP_BLOCK_VG: connect_list(l, d, &((struct vp_vg_in *)d->in)->list); return;
	case VP_BLOCK_LV: connect_lv(l, d); return;
	default: return;
	}
}

/* A device holds one thing only. */
static void claim(struct vp_layout *l, struct vp_blockdev *part, const char *user, const struct vp_val *at)
{
	const struct vp_partition_in *p = part->kind == VP_BLOCK_PARTITION ? part->in : NULL;
	const char *name = vp_printf(l->b->a, "%s/%s", kinds[part->kind].dict, part->key);

	if (part->user)
		vp_trouble(l, false, VP_E_VALUE, at, "%s holds %s already", name, part->user);
	else if (p && !strcmp(p->p.type, "extended"))
		vp_trouble(l, false, VP_E_VALUE, at, "%s is an extended partition: it holds logical ones and nothing else", name);
	else
		part->user = user;
}

static uint64_t extents(uint64_t size)
{
	return size / EXTENT * EXTENT;
}

/* What RAID makes of its parts. */
static uint64_t md_size(const struct vp_layout *l, const struct vp_blockdev *d)
{
	const struct vp_md_in *in = d->in;
	uint64_t least = UINT64_MAX, sum = 0, n = d->nparts > in->m.spares ? d->nparts - in->m.spares : 1;

	for (unsigned i = 0; i < d->nparts; i++) {
		uint64_t size = l->blocks[d->parts[i]].size;

		sum += size;
		least = size < least ? size : least;
	}
	if (!d->nparts || !least)
		return 0;
	if (!strcmp(in->m.level, "RAID0"))
		return sum;
	if (!strcmp(in->m.level, "RAID1"))
		return least;
	if (!strcmp(in->m.level, "RAID10"))
		return least * n / 2;
	return least * (n - (n > 2 && !strcmp(in->m.level, "RAID6") ? 2 : n > 1 ? 1 : 0));
}

static uint64_t vg_size(const struct vp_layout *l, const struct vp_blockdev *d)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < d->nparts; i++) {
		uint64_t size = l->blocks[d->parts[i]].size;

		if (!size)
			return 0;
		sum += size > EXTENT ? extents(size - EXTENT) : 0;
	}
	return sum;
}

static const char *below_blockdevices(struct vp_layout *l, const struct vp_blockdev *d)
{
	return vp_printf(l->b->a, "%s/%s", kinds[d->kind].dict, d->key);
}

/* Depth first: every part before what is made of it. What is made of something left out is left out. */
static void settle(struct vp_layout *l, unsigned i)
{
	struct vp_blockdev *d = &l->blocks[i];

	d->mark = VP_OPEN;
	for (unsigned k = 0; k < d->nparts; k++) {
		struct vp_blockdev *part = &l->blocks[d->parts[k]];

		if (part->mark == VP_UNSEEN)
			settle(l, d->parts[k]);
		if (part->mark == VP_OPEN)
			vp_problem(l->b, VP_ERROR, VP_E_REFERENCE, d->at, "", "is made of %s, which is made of it", below_blockdevices(l, part));
		d->left |= part->left || part->mark == VP_OPEN;
	}
	d->mark = VP_SEEN;
	for (unsigned k = 0; k < d->nparts && !d->left; k++)
		if (d->kind == VP_BLOCK_MD || d->kind == VP_BLOCK_VG)
			claim(l, &l->blocks[d->parts[k]], below_blockdevices(l, d), d->at);
		else
			l->blocks[d->parts[k]].user = kinds[d->kind].dict;
	if (d->kind == VP_BLOCK_MD)
		d->size = md_size(l, d);
	else if (d->kind == VP_BLOCK_VG)
		d->size = vg_size(l, d);
	if (!d->left)
		l->order[l->norder++] = i;
}

/* --- Sizes --- */

static struct vp_partition *partition(const struct vp_blockdev *d)
{
	return &((struct vp_partition_in *)d->in)->p;
}

static bool is_type(const struct vp_blockdev *d, const char *type)
{
	return !strcmp(partition(d)->type, type);
}

/* Partitions of one disk, or the logical ones of its extended one, in their order. */
static void check_room(struct vp_layout *l, unsigned disk, const char *what, uint64_t size, uint64_t sum, bool logical, bool extended)
{
	struct vp_blockdev *rest = NULL, *last = NULL;

	for (unsigned i = 0; i < l->nblocks; i++) {
		struct vp_blockdev *d = &l->blocks[i];

		if (d->kind != VP_BLOCK_PARTITION || d->left || l->blocks[d->parts[0]].index != disk ||
		    (extended && is_type(d, "logical") != logical))
			continue;
		last = d;
		sum += d->size + partition(d)->offset;
		if (!d->size && rest)
			vp_trouble(l, false, VP_E_VALUE, d->at, "has no size, as %s: only one can be the rest", rest->key);
		if (!d->size)
			rest = d;
	}
	if (last && size && (rest ? sum >= size : sum > size))
		vp_trouble(l, false, VP_E_SPACE, last->at, "the partitions of %s need more than its %s (%s%s with the partition table)", what,
			   vp_size_text(l->b->a, size), vp_size_text(l->b->a, sum), rest ? " and a rest" : "");
	else if (rest)
		rest->size = (size - sum) / VP_MIB * VP_MIB;
	/* Partitions are made in order: what follows the rest needs its room. */
	if (rest && rest != last)
		partition(rest)->size = rest->size;
}

static void check_disk(struct vp_layout *l, unsigned disk)
{
	const struct vp_blockdev *extended = NULL, *d = NULL;
	struct vp_node *n = &l->b->node->n;

	while ((d = vp_block_next(l, VP_BLOCK_PARTITION, d)))
		if (l->blocks[d->parts[0]].index == disk && is_type(d, "extended"))
			extended = d;
	check_room(l, disk, n->disks[disk].name, n->disks[disk].size, TABLE_SIZE, false, extended);
	if (extended)
		check_room(l, disk, extended->key, extended->size, 0, true, true);
}

static void check_group(struct vp_layout *l, const struct vp_blockdev *group)
{
	const struct vp_blockdev *d = NULL, *rest = NULL;
	uint64_t sum = 0;

	while ((d = vp_block_next(l, VP_BLOCK_LV, d))) {
		if (&l->blocks[d->parts[0]] != group)
			continue;
		sum += extents(d->size + EXTENT - 1);
		if (!d->size && rest)
			vp_trouble(l, false, VP_E_VALUE, d->at, "has no size, as %s: only one can be the rest", rest->key);
		if (!d->size)
			rest = d;
	}
	if (group->size && (rest ? sum >= group->size : sum > group->size))
		vp_trouble(l, false, VP_E_SPACE, group->at, "its logical volumes need more than its %s (%s%s)", vp_size_text(l->b->a, group->size),
			   vp_size_text(l->b->a, sum), rest ? " and a rest" : "");
}

/* --- File systems --- */

/* What the file system is on; false where it is left out, for a reason that was said. */
static bool connect_system(struct vp_layout *l, struct vp_filesystem_in *in, unsigned *block)
{
	const char *dev = in->block_device;
	size_t len = strcspn(dev, "/");

	*block = l->nblocks;
	/* Paths of a kernel's own file systems need no key. */
	if ((len == 5 && !strncmp(dev, "tmpfs", 5)) || (len == 4 && !strncmp(dev, "proc", 4)))
		return true;
	if (foreign(dev))
		return false;
	*block = find_path(l, dev);
	if (*block == l->nblocks || l->blocks[*block].kind == VP_BLOCK_VG) {
		vp_problem(l->b, VP_ERROR, VP_E_REFERENCE, in->at, "", "its block_device %s does not exist", dev);
		return false;
	}
	return !l->blocks[*block].left;
}

/* Of origins: the mount point where it is one, else the device. */
static const char *system_name(struct vp_bind *b, const struct vp_val *v)
{
	const struct vp_val *point = vp_child(v, "mountpoint"), *dev = vp_child(v, "block_device");
	const char *text = point && point->text && *point->text == '/' ? point->text : dev && dev->text ? dev->text : "";

	return vp_strdup(b->a, text);
}

static bool mounted_twice(const struct vp_layout *l, const struct vp_filesystem_in *in)
{
	for (size_t i = 0; i < l->nsystems; i++)
		if (!strcmp(l->systems[i].f.mountpoint, in->f.mountpoint))
			return strcmp(in->f.mountpoint, "swap");
	return false;
}

static void read_system(struct vp_layout *l, const struct vp_val *v)
{
	struct vp_filesystem_in in = { .at = v };
	struct vp_bind *b = l->b;
	unsigned block, warnings = b->diags->warnings;

	in.f.name = system_name(b, v);
	vp_fill(b, &(struct vp_target){ .object = VP_O_FILESYSTEM, .base = &in, .key = vp_printf(b->a, "%u", v->index), .at = v, .name = in.f.name });
	if (!in.aii && (block = find_path(l, in.block_device)) < l->nblocks)
		l->blocks[block].later = true;
	if (!in.aii || !*in.block_device || !*in.f.mountpoint || !*in.f.type || !connect_system(l, &in, &block))
		return;
	if (b->diags->warnings != warnings)
		vp_trouble(l, true, VP_E_VALUE, v, "the method image takes all values of a file system or none");
	if (block < l->nblocks)
		claim(l, &l->blocks[block], vp_printf(b->a, "the file system of %s", in.f.mountpoint), v);
	in.block = block;
	in.f.unmounted = !in.mount;
	if (!in.mount)
		in.f.options = vp_printf(b->a, "noauto,%s", in.f.options);
	if (mounted_twice(l, &in))
		vp_trouble(l, false, VP_E_VALUE, v, "%s is mounted twice", in.f.mountpoint);
	l->systems[l->nsystems++] = in;
}

static int by_mountpoint(const void *left, const void *right)
{
	const struct vp_filesystem_in *a = left, *b = right;
	int rc = strcmp(a->f.mountpoint, b->f.mountpoint);

	return rc ? rc : (a->at->index > b->at->index) - (a->at->index < b->at->index);
}

static void read_systems(struct vp_layout *l)
{
	unsigned n = 0;

	for (const struct vp_val *v = children(l, "/system/filesystems", VP_LIST); v; v = v->next) {
		if (n++ == VP_MAX_BLOCKS) {
			vp_problem(l->b, VP_ERROR, VP_E_LIMIT, v, "", "more than %d file systems", VP_MAX_BLOCKS);
			break;
		}
		if (v->type == VP_DICT)
			read_system(l, v);
		else
			vp_problem(l->b, VP_ERROR, VP_E_TYPE, v, "", "is a %s; it has to be a dict", vp_type_name(v->type));
	}
	if (l->nsystems)
		qsort(l->systems, l->nsystems, sizeof(*l->systems), by_mountpoint);
}

/* One root on the whole boot disk, for profiles that say nothing. */
static void default_layout(struct vp_layout *l)
{
	struct vp_bind *b = l->b;
	struct vp_node *n = &b->node->n;
	unsigned disk = 0;
	struct vp_partition_in *in = vp_alloc(b->a, sizeof(*in));
	struct vp_blockdev *d;
	const char *name;

	while (disk + 1 < n->ndisks && !n->disks[disk].boot)
		disk++;
	name = n->disks[disk].name;
	*in = (struct vp_partition_in){ .p = { .number = 1, .type = "primary", .ksopts = "", .bootable = true }, .holding_dev = "", .aii = true };
	in->p.name = vp_printf(b->a, "%s%s1", name, strchr("0123456789", name[strlen(name) - 1]) ? "p" : "");
	d = add(l, VP_BLOCK_PARTITION, in->p.name, NULL);
	d->in = in;
	depend(l, d, disk);
	l->systems[l->nsystems++] = (struct vp_filesystem_in){
		.f = { .name = "/", .mountpoint = "/", .type = "ext4", .options = "defaults", .label = "", .mkfsopts = "", .format = true },
		.block = (unsigned)n->ndisks
	};
	vp_note_origin(b, "filesystem./.type", "ext4", "default", NULL);
}

static unsigned count(const struct vp_val *v)
{
	unsigned n = 0;

	for (; v; v = v->next)
		n++;
	return n;
}

/* Room for all that are there, within the limit; false where there are none but the disks. */
static bool make_room(struct vp_layout *l)
{
	unsigned n = (unsigned)l->b->node->n.ndisks, disks = n, systems = count(children(l, "/system/filesystems", VP_LIST));

	for (enum vp_block k = VP_BLOCK_DISK; k < VP_BLOCK_FILESYSTEM; k++)
		n += count(blocks_of(l, k));
	l->room = n < VP_MAX_BLOCKS ? n + 1 : VP_MAX_BLOCKS;
	l->blocks = vp_alloc(l->b->a, l->room * sizeof(*l->blocks));
	l->order = vp_alloc(l->b->a, l->room * sizeof(*l->order));
	l->systems = vp_alloc(l->b->a, (systems < VP_MAX_BLOCKS ? systems + 1 : VP_MAX_BLOCKS) * sizeof(*l->systems));
	return systems || n - disks > count(blocks_of(l, VP_BLOCK_DISK));
}

static void read_all(struct vp_layout *l)
{
	static void (*const readers[])(struct vp_layout *, struct vp_blockdev *) = {
		[VP_BLOCK_PARTITION] = read_partition, [VP_BLOCK_MD] = read_md, [VP_BLOCK_VG] = read_vg, [VP_BLOCK_LV] = read_lv,
		[VP_BLOCK_FILE] = read_file,
	};

	for (enum vp_block k = VP_BLOCK_PARTITION; k < VP_BLOCK_FILESYSTEM; k++) {
		read_blocks(l, k, readers[k]);
		sort_kind(l, k);
	}
	tell_foreign(l);
	for (unsigned i = 0; i < l->nblocks; i++)
		connect(l, &l->blocks[i]);
}

/* Kinds up to this one; of logical volumes, those that take the rest come after those with a size. */
static void settle_kinds(struct vp_layout *l, enum vp_block upto, bool rest)
{
	for (unsigned i = 0; i < l->nblocks; i++)
		if (l->blocks[i].mark == VP_UNSEEN && l->blocks[i].kind <= upto && (rest || l->blocks[i].kind != VP_BLOCK_LV || l->blocks[i].size))
			settle(l, i);
}

void vp_read_storage(struct vp_layout *l)
{
	const struct vp_blockdev *group = NULL;
	bool given = make_room(l);

	add_disks(l);
	if (given)
		read_all(l);
	else
		default_layout(l);
	/* What is made of a partition wants to know how much the rest is. */
	settle_kinds(l, VP_BLOCK_PARTITION, true);
	for (unsigned i = 0; i < l->b->node->n.ndisks; i++)
		check_disk(l, i);
	settle_kinds(l, VP_BLOCK_FILE, false);
	settle_kinds(l, VP_BLOCK_FILE, true);
	while ((group = vp_block_next(l, VP_BLOCK_VG, group)))
		check_group(l, group);
	if (given)
		read_systems(l);
}

/* --- Into the node --- */

static struct vp_ref ref(const struct vp_layout *l, unsigned block)
{
	if (block == l->nblocks)
		return (struct vp_ref){ VP_BLOCK_NONE, 0 };
	return (struct vp_ref){ l->blocks[block].kind, l->blocks[block].index };
}

static struct vp_ref *refs(const struct vp_layout *l, const struct vp_blockdev *d)
{
	struct vp_ref *list = vp_alloc(l->b->a, (d->nparts + 1) * sizeof(*list));

	for (unsigned i = 0; i < d->nparts; i++)
		list[i] = ref(l, d->parts[i]);
	return list;
}

/* The place of a block in the node's arrays; makes room for all of the kind with the first. */
static void number(struct vp_layout *l)
{
	unsigned next[VP_BLOCK_FILESYSTEM] = { 0 };
	struct vp_node *n = &l->b->node->n;

	for (unsigned i = 0; i < l->nblocks; i++)
		if (!l->blocks[i].left && l->blocks[i].kind != VP_BLOCK_DISK)
			l->blocks[i].index = next[l->blocks[i].kind]++;
	n->partitions = vp_alloc(l->b->a, (next[VP_BLOCK_PARTITION] + 1) * sizeof(*n->partitions));
	n->mds = vp_alloc(l->b->a, (next[VP_BLOCK_MD] + 1) * sizeof(*n->mds));
	n->vgs = vp_alloc(l->b->a, (next[VP_BLOCK_VG] + 1) * sizeof(*n->vgs));
	n->lvs = vp_alloc(l->b->a, (next[VP_BLOCK_LV] + 1) * sizeof(*n->lvs));
	n->files = vp_alloc(l->b->a, (next[VP_BLOCK_FILE] + 1) * sizeof(*n->files));
}

static void publish_lv(struct vp_layout *l, const struct vp_blockdev *d)
{
	struct vp_node *n = &l->b->node->n;
	struct vp_lv *v = &n->lvs[n->nlvs++];

	*v = ((struct vp_lv_in *)d->in)->v;
	v->vg = l->blocks[d->parts[0]].index;
	if (d->nparts > 1)
		v->cache = ref(l, d->parts[1]);
}

static void publish_block(struct vp_layout *l, const struct vp_blockdev *d)
{
	struct vp_node *n = &l->b->node->n;

	switch (d->kind) {
	case VP_BLOCK_PARTITION:
		n->partitions[n->npartitions] = *partition(d);
		n->partitions[n->npartitions++].disk = l->blocks[d->parts[0]].index;
		return;
	case VP_BLOCK_MD:
		n->mds[n->nmds] = ((struct vp_md_in *)d->in)->m;
		n->mds[n->nmds].devices = refs(l, d);
		n->mds[n->nmds++].ndevices = d->nparts;
		return;
	case VP_BLOCK_VG:
		n->vgs[n->nvgs] = ((struct vp_vg_in *)d->in)->g;
		n->vgs[n->nvgs].devices = refs(l, d);
		n->vgs[n->nvgs++].ndevices = d->nparts;
		return;
	case VP_BLOCK_LV: publish_lv(l, d); return;
	case VP_BLOCK_FILE: n->files[n->nfiles++] = *(struct vp_file *)d->in; return;
	default: return;
	}
}

/* What file systems are on, the file systems, and the files that lie in them. */
static void publish_order(struct vp_layout *l)
{
	struct vp_node *n = &l->b->node->n;

	n->creation = vp_alloc(l->b->a, (l->norder + n->nfilesystems + 1) * sizeof(*n->creation));
	for (int file = 0; file < 2; file++) {
		for (unsigned i = 0; i < l->norder; i++) {
			const struct vp_blockdev *d = &l->blocks[l->order[i]];

			if ((d->kind == VP_BLOCK_FILE) == file && (d->kind != VP_BLOCK_DISK || d->user))
				n->creation[n->ncreation++] = ref(l, l->order[i]);
		}
		for (unsigned i = 0; i < n->nfilesystems; i++)
			if (file ? n->filesystems[i].on.kind == VP_BLOCK_FILE : vp_block_made(n->filesystems[i].on.kind))
				n->creation[n->ncreation++] = (struct vp_ref){ VP_BLOCK_FILESYSTEM, i };
	}
}

void vp_publish_storage(struct vp_layout *l)
{
	struct vp_node *n = &l->b->node->n;

	number(l);
	for (unsigned i = 0; i < l->nblocks; i++)
		if (!l->blocks[i].left)
			publish_block(l, &l->blocks[i]);
	n->filesystems = vp_alloc(l->b->a, (l->nsystems + 1) * sizeof(*n->filesystems));
	for (size_t i = 0; i < l->nsystems; i++) {
		n->filesystems[n->nfilesystems] = l->systems[i].f;
		n->filesystems[n->nfilesystems++].on = ref(l, l->systems[i].block);
	}
	publish_order(l);
}
