// SPDX-License-Identifier: Apache-2.0
/* What is different where the hypervisor is another machine, and for guests whose hypervisor boots the installer's kernel itself. */
#include <stdlib.h>
#include <string.h>

#include "../../pxe/serve.h"
#include "../hypervisor/storage.h"
#include "apply.h"

/* All files there are in one directory: a storage pool has no others below it. */
static void move_disk(struct vp_world *w, struct vp_disk *d)
{
	const char *here = vp_printf(w->arena, "%s/disks/", w->state_dir);

	if (!strncmp(d->path, here, strlen(here)))
		d->path = vp_printf(w->arena, "%s/%s", VP_REMOTE_DIR, d->path + strlen(here));
}

static bool same_net(const struct vp_addr *a, const char *ip, unsigned prefix)
{
	uint32_t here, there;

	return a->prefix == prefix && vp_ip4(a->ip, &here) && vp_ip4(ip, &there) && vp_same_net(here, there, prefix);
}

/* The address by which the link reaches the NIC's network; NULL where it does not. */
static const struct vp_addr *way_to(const struct vp_link *link, const struct vp_bridge *br, const struct vp_nic *nic)
{
	bool named = !strcmp(link->name, *br->interface ? br->interface : br->name);
	uint32_t ip;

	for (size_t i = 0; i < link->naddrs; i++)
		if (named ? vp_ip4(link->addrs[i].ip, &ip) : !*br->interface && same_net(&link->addrs[i], nic->ip, nic->prefix))
			return &link->addrs[i];
	return NULL;
}

/* The boot service of this machine works on the interface that leads to the network of that machine's bridge. */
static void find_way(struct vp_world *w, const struct vp_links *links, struct vp_bridge *br, const struct vp_nic *nic)
{
	const struct vp_link *named = vp_link_find(links, *br->interface ? br->interface : br->name);
	const struct vp_addr *found = named ? way_to(named, br, nic) : NULL;

	br->address = "";
	for (size_t i = 0; !found && i < links->n; i++) {
		found = way_to(&links->items[i], br, nic);
		named = &links->items[i];
	}
	if (!found)
		return;
	br->interface = vp_strdup(w->arena, named->name);
	br->address = vp_strdup(w->arena, found->ip);
	br->prefix = found->prefix;
}

int vp_remote_fit(struct vp_world *w, struct vp_node *n, struct vp_err *err)
{
	struct vp_links links = { 0 };

	for (size_t i = 0; i < n->ndisks; i++)
		move_disk(w, &n->disks[i]);
	if (w->net->ops->list(w->net, &links, err))
		return -1;
	for (size_t i = 0; n->nnics && i < n->nbridges; i++)
		if (!strcmp(n->bridges[i].name, n->nics[n->boot_nic].bridge))
			find_way(w, &links, &n->bridges[i], &n->nics[n->boot_nic]);
	vp_links_free(&links);
	return 0;
}

/* --- Kernel and ramdisk --- */

char *vp_boot_dir(struct vp_world *w, const char *node)
{
	return vp_printf(w->arena, "%s/%s", VP_REMOTE_DIR, node);
}

/* Where they are here. */
static int boot_files(struct vp_world *w, const struct vp_node *n, const char *files[2], struct vp_err *err)
{
	struct vp_image image = { 0 };
	int rc;

	if (vp_install_foreign(n->install)) {
		files[0] = n->netboot.kernel;
		files[1] = n->netboot.initrd;
		return 0;
	}
	rc = w->image(w, n, false, &image, err);
	if (!rc)
		return vp_fail(err, VP_E_MOVED, "the root image of %s is not in the cache any more", n->name);
	files[0] = image.vmlinuz;
	files[1] = image.initrd;
	return rc == 1 ? 0 : -1;
}

static const char *const suffixes[2] = { "kernel", "initrd" };

int vp_boot_upload(struct vp_world *w, const struct vp_node *n, struct vp_err *err)
{
	const char *files[2] = { "", "" }, *dir = vp_boot_dir(w, n->name);

	if (boot_files(w, n, files, err))
		return -1;
	for (size_t i = 0; i < vp_count(files); i++)
		if (vp_hv_upload(w->hv, files[i], vp_printf(w->arena, "%s.%s", dir, suffixes[i]), err))
			return -1;
	return 0;
}

/* 1 there, 0 not, -1 error. */
int vp_boot_uploaded(struct vp_world *w, const char *dir, struct vp_err *err)
{
	struct vp_disk_info info;

	return w->disk->info(w->disk_ctx, vp_printf(w->arena, "%s.%s", dir, suffixes[1]), &info, err);
}

int vp_boot_remove(struct vp_world *w, const char *dir, struct vp_err *err)
{
	for (size_t i = 0; i < vp_count(suffixes); i++)
		if (w->disk->remove(w->disk_ctx, vp_printf(w->arena, "%s.%s", dir, suffixes[i]), err))
			return -1;
	return 0;
}

int vp_direct_boot(struct vp_world *w, const struct vp_node *n, bool rescue, struct vp_render *r, struct vp_err *err)
{
	struct vp_boot_what what;
	struct vp_node_row row;
	const char *files[2] = { "", "" };
	char *url;

	*r = w->render;
	if (n->virt != VP_XEN_PARA || !w->image)
		return 0;
	url = vp_service_url(w, n, err);
	if (!url || vp_state_node(w->state, w->arena, n->name, &row, err) != 1 || boot_files(w, n, files, err))
		return -1;
	vp_boot_what(w->arena, &row, rescue ? VP_ANSWER_RESCUE : VP_ANSWER_INSTALL, url, &what);
	for (size_t i = 0; i < vp_count(files) && !w->hv->local; i++)
		files[i] = vp_printf(w->arena, "%s.%s", vp_boot_dir(w, n->name), suffixes[i]);
	r->kernel = files[0];
	r->initrd = files[1];
	r->cmdline = what.cmdline;
	return 0;
}
