// SPDX-License-Identifier: Apache-2.0
/* What the installers of Debian and Ubuntu read, from templates: the node's JSON, and what they want to be told otherwise. */
#include <stdlib.h>
#include <string.h>

#include "installer_inside.h"

static void keep(struct vp_kept *k, const struct vp_node *n, struct vp_ref ref)
{
	const struct vp_ref *parts = NULL;
	size_t nparts = 0;

	if (ref.kind == VP_BLOCK_NONE || k->of[ref.kind][ref.index])
		return;
	k->of[ref.kind][ref.index] = true;
	switch (ref.kind) {
	case VP_BLOCK_PARTITION: keep(k, n, (struct vp_ref){ VP_BLOCK_DISK, n->partitions[ref.index].disk }); return;
	case VP_BLOCK_LV: keep(k, n, (struct vp_ref){ VP_BLOCK_VG, n->lvs[ref.index].vg }); return;
	case VP_BLOCK_MD:
		parts = n->mds[ref.index].devices;
		nparts = n->mds[ref.index].ndevices;
		break;
	case VP_BLOCK_VG:
		parts = n->vgs[ref.index].devices;
		nparts = n->vgs[ref.index].ndevices;
		break;
	default: return;
	}
	for (size_t i = 0; i < nparts; i++)
		keep(k, n, parts[i]);
}

/* Answers whether anything is kept at all. */
static bool find_kept(struct vp_kept *k, const struct vp_node *n)
{
	bool any = false;

	for (size_t i = 0; i < n->nfilesystems; i++) {
		const struct vp_filesystem *f = &n->filesystems[i];

		if (!vp_block_made(f->on.kind) || (!f->preserve && f->format))
			continue;
		keep(k, n, f->on);
		any = true;
	}
	return any;
}

static bool has_flag(const struct vp_partition *p, const char *flag)
{
	for (size_t i = 0; i < p->nflags; i++)
		if (!strcmp(p->flags[i], flag))
			return true;
	return false;
}

static bool is_made_of(const struct vp_ref *parts, size_t n, unsigned partition)
{
	for (size_t i = 0; i < n; i++)
		if (parts[i].kind == VP_BLOCK_PARTITION && parts[i].index == partition)
			return true;
	return false;
}

static const struct vp_filesystem *filesystem_on(const struct vp_node *n, enum vp_block kind, unsigned index)
{
	for (size_t i = 0; i < n->nfilesystems; i++)
		if (n->filesystems[i].on.kind == kind && n->filesystems[i].on.index == index)
			return &n->filesystems[i];
	return NULL;
}

const char *vp_partition_use(const struct vp_node *n, unsigned i)
{
	const struct vp_partition *p = &n->partitions[i];
	const struct vp_filesystem *f = filesystem_on(n, VP_BLOCK_PARTITION, i);

	if (!strcmp(p->type, "extended"))
		return "extended";
	if (has_flag(p, "bios_grub"))
		return "bios";
	if (f && !strcmp(f->mountpoint, "/boot/efi"))
		return "esp";
	if (f && !strcmp(f->type, "swap"))
		return "swap";
	for (size_t k = 0; k < n->nvgs; k++)
		if (is_made_of(n->vgs[k].devices, n->vgs[k].ndevices, i))
			return "lvm";
	for (size_t k = 0; k < n->nmds; k++)
		if (is_made_of(n->mds[k].devices, n->mds[k].ndevices, i))
			return "raid";
	return "";
}

/* As sfdisk calls it, in both kinds of tables. */
static const char *sfdisk_type(const char *use)
{
	static const char *const types[][2] = { { "bios", "21686148-6449-6E6F-744E-656564454649" },
						{ "esp", "U" },
						{ "lvm", "V" },
						{ "raid", "R" },
						{ "swap", "S" },
						{ "extended", "E" } };

	for (size_t i = 0; i < vp_count(types); i++)
		if (!strcmp(types[i][0], use))
			return types[i][1];
	return "L";
}

bool vp_needs_bios_partition(const struct vp_node *n, unsigned disk)
{
	if (n->firmware != VP_BIOS || strcmp(n->devices[disk].label, "gpt") || !n->disks[disk].boot)
		return false;
	for (unsigned i = 0; i < n->npartitions; i++)
		if (n->partitions[i].disk == disk && has_flag(&n->partitions[i], "bios_grub"))
			return false;
	return true;
}

/* Disks that get a partition table; all others are left alone. */
static json_t *tables(const struct vp_node *n, const struct vp_kept *k)
{
	json_t *list = json_array();

	for (unsigned d = 0; d < n->ndisks; d++) {
		json_t *parts = json_array();

		for (unsigned i = 0; i < n->npartitions; i++) {
			const struct vp_partition *p = &n->partitions[i];

			if (p->disk == d)
				json_array_append_new(parts, json_pack("{si sI ss sb}", "number", p->number, "size_mib",
								       (json_int_t)(p->size / VP_MIB), "type", sfdisk_type(vp_partition_use(n, i)),
								       "bootable", p->bootable && !strcmp(n->devices[d].label, "msdos")));
		}
		if (json_array_size(parts))
			json_array_append_new(list, json_pack("{ss ss sb sb sO}", "target", n->disks[d].target, "label",
							      strcmp(n->devices[d].label, "gpt") ? "dos" : "gpt", "kept", k->of[VP_BLOCK_DISK][d],
							      "bios", vp_needs_bios_partition(n, d), "partitions", parts));
		json_decref(parts);
	}
	return list;
}

/* The element of a part of the node's JSON, with whether it is kept. */
static json_t *element(const json_t *node, const char *part, const struct vp_kept *k, struct vp_ref ref)
{
	json_t *j = json_copy(json_array_get(json_object_get(node, part), ref.index));

	json_object_set_new(j, "kept", json_boolean(k->of[ref.kind][ref.index]));
	return j;
}

/* RAID, volume groups and volumes, each after what it is made of: {"make_md": {...}}, {"make_vg": {...}} or {"make_lv": {...}}. */
static json_t *blocks(const struct vp_node *n, const json_t *node, const struct vp_kept *k)
{
	static const struct {
		const char *part, *key;
	} kinds[] = {
		[VP_BLOCK_MD] = { "md", "make_md" }, [VP_BLOCK_VG] = { "volume_groups", "make_vg" }, [VP_BLOCK_LV] = { "logical_volumes", "make_lv" }
	};
	json_t *list = json_array();

	for (size_t i = 0; i < n->ncreation; i++) {
		struct vp_ref ref = n->creation[i];
		json_t *j;

		if (ref.kind >= vp_count(kinds) || !kinds[ref.kind].part)
			continue;
		j = element(node, kinds[ref.kind].part, k, ref);
		if (ref.kind == VP_BLOCK_MD)
			json_object_set_new(j, "members", json_integer((json_int_t)(n->mds[ref.index].ndevices - n->mds[ref.index].spares)));
		json_array_append_new(list, json_pack("{so}", kinds[ref.kind].key, j));
	}
	return list;
}

static bool uses(const struct vp_node *n, const char *type)
{
	for (size_t i = 0; i < n->nfilesystems; i++)
		if (vp_block_made(n->filesystems[i].on.kind) && !strcmp(n->filesystems[i].type, type))
			return true;
	return false;
}

/* Programs that the installed system needs for its own disks, for measurements and for being reached. */
static json_t *needed(const struct vp_node *n)
{
	const struct {
		bool wanted;
		const char *package;
	} all[] = {
		{ true, "openssh-server" },
		{ n->nvgs, "lvm2" },
		{ n->nmds, "mdadm" },
		{ uses(n, "xfs"), "xfsprogs" },
		{ uses(n, "btrfs"), "btrfs-progs" },
		{ uses(n, "vfat"), "dosfstools" },
		{ n->verify.enabled, "bonnie++" },
		{ n->verify.enabled, "iperf3" },
	};
	json_t *list = json_array();

	for (size_t i = 0; i < vp_count(all); i++)
		if (all[i].wanted)
			json_array_append_new(list, json_string(all[i].package));
	for (size_t i = 0; i < n->npackages; i++)
		json_array_append_new(list, json_string(n->packages[i]));
	return list;
}

/* "--utc Europe/Paris" -> "Europe/Paris" */
static const char *last_word(const char *text, const char *otherwise)
{
	const char *blank = strrchr(text, ' ');

	return !*text ? otherwise : blank ? blank + 1 : text;
}

/* The mirror's URL in two parts. */
static void set_debian(json_t *j, const struct vp_netboot *nb)
{
	const char *url = *nb->mirror ? nb->mirror : VP_DEBIAN_MIRROR, *host = strstr(url, "://") + 3, *dir = host + strcspn(host, "/");

	json_object_set_new(j, "mirror", json_string(nb->mirror));
	json_object_set_new(j, "mirror_host", json_stringn(host, (size_t)(dir - host)));
	json_object_set_new(j, "mirror_dir", json_string(*dir ? dir : "/"));
	json_object_set_new(j, "suite", json_string(*nb->suite ? nb->suite : VP_DEBIAN_SUITE));
}

static void set_locale(json_t *j, const struct vp_kickstart *ks)
{
	json_object_set_new(j, "timezone", json_string(last_word(ks->timezone, "Etc/UTC")));
	json_object_set_new(j, "locale",
			    *ks->lang ? json_sprintf("%s%s", ks->lang, strchr(ks->lang, '.') ? "" : ".UTF-8") : json_string("en_US.UTF-8"));
	json_object_set_new(j, "keyboard", json_string(*ks->keyboard ? ks->keyboard : "us"));
}

/* What templates ask for that the JSON of a list element does not say. */
static void complete(json_t *j, const struct vp_node *n)
{
	json_t *item;
	size_t i;

	json_array_foreach (json_object_get(j, "filesystems"), i, item) {
		json_object_set_new(item, "lvm", json_boolean(n->filesystems[i].on.kind == VP_BLOCK_LV));
	}
	json_array_foreach (json_object_get(j, "nics"), i, item) {
		json_object_set_new(item, "address", json_sprintf("%s/%u", n->nics[i].ip, n->nics[i].prefix));
	}
}

static const char *boot_disk(const struct vp_node *n)
{
	for (size_t i = 0; i < n->ndisks; i++)
		if (n->disks[i].boot)
			return n->disks[i].target;
	return n->ndisks ? n->disks[0].target : "";
}

/* The node as templates see it, with all of the above. */
static json_t *data_of(const struct vp_node *n, const char *url, const char *token)
{
	const struct vp_words *servers = &n->aii.ks.ntpservers;
	struct vp_kept *k = vp_xcalloc(1, sizeof(*k));
	json_t *j = vp_node_json(n), *ntp = json_array();
	bool kept = find_kept(k, n);

	for (size_t i = 0; i < servers->n; i++)
		json_array_append_new(ntp, json_string(servers->items[i]));
	complete(j, n);
	json_object_update_new(j, json_pack("{ss ss so so so so so ss sb sb sb sb sb}", "server", url, "token", token, "tables", tables(n, k),
					    "blocks", blocks(n, j, k), "storage", vp_curtin_storage(n, k), "needed", needed(n), "ntp", ntp,
					    "boot_disk", boot_disk(n), "has_ntp", servers->n > 0, "has_md", n->nmds > 0, "has_lvm", n->nvgs > 0,
					    "has_kept", kept, "has_nameservers", n->nnameservers > 0));
	set_debian(j, &n->netboot);
	set_locale(j, &n->aii.ks);
	free(k);
	return j;
}

static int text(const struct vp_render *r, const char *template, json_t *data, vp_escape_fn *escape, struct vp_buf *out, struct vp_err *err)
{
	int rc = vp_render_text(r, template, data, escape, out, err);

	json_decref(data);
	return rc;
}

int vp_render_preseed(const struct vp_render *r, const struct vp_node *n, const char *url, const char *token, struct vp_buf *out, struct vp_err *err)
{
	return text(r, "preseed", data_of(n, url, token), vp_escape_line, out, err);
}

int vp_render_preseed_script(const struct vp_render *r, const struct vp_node *n, const char *url, const char *token, struct vp_buf *out,
			     struct vp_err *err)
{
	return text(r, "preseed.sh", data_of(n, url, token), vp_escape_shell, out, err);
}

int vp_render_autoinstall(const struct vp_render *r, const struct vp_node *n, const char *url, const char *token, struct vp_buf *out,
			  struct vp_err *err)
{
	return text(r, "autoinstall", data_of(n, url, token), vp_escape_json, out, err);
}

int vp_render_installer(struct vp_arena *a, const struct vp_render *r, const struct vp_node *n, const char *url, const char *token,
			struct vp_installer *out, struct vp_err *err)
{
	static int (*const makers[])(const struct vp_render *r, const struct vp_node *n, const char *url, const char *token, struct vp_buf *out,
				     struct vp_err *err) = { [VP_INSTALL_KICKSTART] = vp_render_kickstart,
							     [VP_INSTALL_PRESEED] = vp_render_preseed,
							     [VP_INSTALL_AUTOINSTALL] = vp_render_autoinstall };
	vp_cleanup(vp_buf_free) struct vp_buf config = { 0 }, script = { 0 }, cmdline = { 0 };

	if (makers[n->install](r, n, url, token, &config, err))
		return -1;
	if (n->install == VP_INSTALL_PRESEED && vp_render_preseed_script(r, n, url, token, &script, err))
		return -1;
	vp_installer_cmdline(n, url, token, &cmdline);
	*out = (struct vp_installer){ vp_strdup(a, vp_buf_str(&config)), vp_strdup(a, vp_buf_str(&script)), vp_strdup(a, vp_buf_str(&cmdline)) };
	return 0;
}
