// SPDX-License-Identifier: Apache-2.0
/* What the root image of a node has to hold because of its storage and its devices. */
#include <string.h>

#include "node.h"

static bool has_xfs(const struct vp_node *n)
{
	for (size_t i = 0; i < n->nfilesystems; i++)
		if (vp_block_made(n->filesystems[i].on.kind) && !strcmp(n->filesystems[i].type, "xfs"))
			return true;
	return false;
}

static bool has_md(const struct vp_node *n)
{
	return n->nmds;
}

static bool has_vg(const struct vp_node *n)
{
	return n->nvgs;
}

static bool has_uefi(const struct vp_node *n)
{
	return n->firmware == VP_UEFI;
}

/* The standard kernel is made for clouds: it drives what is virtual, and IDE, but no real card and no AHCI. */
static bool has_real_devices(const struct vp_node *n)
{
	for (size_t i = 0; i < n->npackages; i++)
		if (!strncmp(n->packages[i], "linux-image-", 12))
			return false;
	for (size_t i = 0; i < n->nnics; i++)
		if (!strncmp(n->nics[i].model, "e1000", 5) || !strncmp(n->nics[i].model, "rtl", 3))
			return true;
	for (size_t i = 0; i < n->ndisks; i++)
		if (!strcmp(n->disks[i].bus, "sata"))
			return true;
	return false;
}

static bool listed(const char *const *list, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(list[i], name))
			return true;
	return false;
}

const char **vp_storage_packages(struct vp_arena *a, const struct vp_node *n, size_t *count)
{
	static const struct {
		const char *package;
		bool (*needed)(const struct vp_node *n);
	} rules[] = {
		{ "xfsprogs", has_xfs },    { "mdadm", has_md },
		{ "lvm2", has_vg },	    { "grub-efi-amd64-bin", has_uefi },
		{ "dosfstools", has_uefi }, { "linux-image-amd64", has_real_devices },
	};
	const char **all = vp_alloc(a, (n->npackages + vp_count(rules)) * sizeof(*all));

	if (n->npackages)
		memcpy(all, n->packages, n->npackages * sizeof(*all));
	*count = n->npackages;
	for (size_t i = 0; i < vp_count(rules); i++)
		if (rules[i].needed(n) && !listed(all, *count, rules[i].package))
			all[(*count)++] = rules[i].package;
	return all;
}
