// SPDX-License-Identifier: Apache-2.0
/* The installer of a distribution: where its kernel and ramdisk are, and what it has to be told. */
#include <string.h>

#include "bind.h"

/* One of the two files that are booted. */
struct file {
	/* "kernel" */
	const char *name;
	/* What AII says. */
	const char *aii;
	const char **to;
};

static void derive(struct vp_bind *b, const char *field, const char **to, const char *value, const char *path)
{
	*to = value;
	vp_note_origin(b, field, value, path, NULL);
}

/* Below AII's TFTP root, or a URL. */
static bool take_from_aii(struct vp_bind *b, const struct file *f)
{
	const char *path = vp_printf(b->a, "/system/aii/nbp/pxelinux/%s", f->name), *value = f->aii;
	const struct vp_val *at = vp_find(b, "%s", path);

	if (!vp_is_url.ok(value) && !*b->node->n.netboot.dir) {
		vp_problem(b, VP_ERROR, VP_E_MISSING, at, "",
			   "it is a file below AII's TFTP root: say where that is (netboot/dir in the site configuration), or give the whole path "
			   "(netboot/%s)",
			   f->name);
		return true;
	}
	if (!vp_is_url.ok(value))
		value = vp_printf(b->a, "%s/%s", b->node->n.netboot.dir, value);
	if (!vp_is_bootfile.ok(value)) {
		vp_problem(b, VP_ERROR, VP_E_VALUE, at, "",
			   "this is no name of one file: give it as netboot/%s, in the profile (" VP_OWN "netboot/%s) or the site configuration",
			   f->name, f->name);
		return true;
	}
	derive(b, vp_printf(b->a, "netboot.%s", f->name), f->to, value, path);
	return true;
}

static void settle_file(struct vp_bind *b, const struct file *f)
{
	const char *method = vp_install_name(b->node->n.install);

	if (**f->to || (b->node->n.install == VP_INSTALL_KICKSTART && *f->aii && take_from_aii(b, f)))
		return;
	vp_problem(b, VP_ERROR, VP_E_MISSING, NULL, vp_printf(b->a, VP_OWN "netboot/%s", f->name),
		   "is missing: the method %s boots the distribution's installer; name its %s here, or netboot/%s in the site configuration", method,
		   f->name, f->name);
}

static void settle_debian(struct vp_bind *b, struct vp_netboot *nb)
{
	if (!*nb->mirror)
		derive(b, "netboot.mirror", &nb->mirror, VP_DEBIAN_MIRROR, "default");
	if (!*nb->suite)
		derive(b, "netboot.suite", &nb->suite, VP_DEBIAN_SUITE, "default");
	/* busybox cannot. */
	if (strncmp(nb->mirror, "http://", 7))
		vp_problem(b, VP_ERROR, VP_E_VALUE, vp_find(b, VP_OWN "netboot/mirror"), VP_OWN "netboot/mirror",
			   "the Debian installer fetches its parts by http only");
}

static bool is_mounted(const struct vp_node *n, const char *mountpoint)
{
	for (size_t i = 0; i < n->nfilesystems; i++)
		if (!strcmp(n->filesystems[i].mountpoint, mountpoint))
			return true;
	return false;
}

/* What no installer could do with these disks; and what vprov's templates for Debian and Ubuntu do not ask of theirs. */
static void check_storage(struct vp_bind *b)
{
	const struct vp_node *n = &b->node->n;
	const struct vp_val *systems = vp_find(b, "/system/filesystems"), *blocks = vp_find(b, "/system/blockdevices");
	const char *method = vp_install_name(n->install);

	if (!is_mounted(n, "/"))
		vp_problem(b, VP_ERROR, VP_E_MISSING, systems, "/system/filesystems", "the method %s needs a file system mounted at /", method);
	if (n->install == VP_INSTALL_KICKSTART)
		return;
	if (n->firmware == VP_UEFI && !is_mounted(n, "/boot/efi"))
		vp_problem(b, VP_ERROR, VP_E_MISSING, systems, "/system/filesystems",
			   "the method %s needs the EFI system partition of a machine with UEFI, a vfat mounted at /boot/efi", method);
	for (size_t i = 0; i < n->npartitions; i++)
		if (n->partitions[i].offset)
			vp_problem(b, VP_ERROR, VP_E_VALUE, blocks, "/system/blockdevices", "the method %s leaves no gap before %s", method,
				   n->partitions[i].name);
	for (size_t i = 0; i < n->nlvs; i++)
		if (n->lvs[i].cache.kind != VP_BLOCK_NONE)
			vp_problem(b, VP_ERROR, VP_E_VALUE, blocks, "/system/blockdevices", "the method %s makes no cache for %s", method,
				   n->lvs[i].name);
}

void vp_bind_netboot(struct vp_bind *b)
{
	struct vp_node *n = &b->node->n;
	const struct file files[] = { { "kernel", n->aii.pxelinux.kernel, &n->netboot.kernel },
				      { "initrd", n->aii.pxelinux.initrd, &n->netboot.initrd } };

	if (!vp_install_foreign(n->install))
		return;
	for (size_t i = 0; i < vp_count(files); i++)
		settle_file(b, &files[i]);
	check_storage(b);
	if (n->install == VP_INSTALL_PRESEED)
		settle_debian(b, &n->netboot);
	if (n->install == VP_INSTALL_AUTOINSTALL && !*n->netboot.iso)
		vp_problem(b, VP_ERROR, VP_E_MISSING, NULL, VP_OWN "netboot/iso",
			   "is missing: the ramdisk of Ubuntu's installer fetches its live system; give the URL of the live server image");
	if (n->virt == VP_XEN_PARA)
		vp_problem(b, VP_ERROR, VP_E_VALUE, vp_find(b, VP_OWN "install"), VP_OWN "install",
			   "a xen-para guest has no boot ROM: it cannot boot the installer of %s over the network", vp_install_name(n->install));
}
