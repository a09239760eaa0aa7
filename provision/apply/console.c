// SPDX-License-Identifier: Apache-2.0
/* What consoles say, and what it means. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "post.h"

/* The first that fits decides: what ends an installation stands before what is only odd. */
static const struct vp_console_pattern patterns[] = {
	{ "Kernel panic - not syncing", VP_CONSOLE_FAILED, "the kernel panicked", false },
	/* Firmware */
	{ "No bootable device", VP_CONSOLE_FAILED, "the firmware found nothing to boot", false },
	{ "No bootable option or device was found", VP_CONSOLE_FAILED, "the firmware found nothing to boot", false },
	{ "UEFI Interactive Shell", VP_CONSOLE_FAILED, "the firmware found nothing to boot and opened its shell", false },
	/* Boot loaders */
	{ "Could not find kernel image:", VP_CONSOLE_FAILED, "the boot loader did not get its kernel", false },
	{ "Failed to load ldlinux.c32", VP_CONSOLE_FAILED, "the boot loader did not get its second part", false },
	{ "grub rescue>", VP_CONSOLE_FAILED, "the disk's boot loader is incomplete", true },
	/* Ramdisks */
	{ "Entering emergency mode", VP_CONSOLE_FAILED, "the ramdisk gave up and opened a shell", false },
	{ "You are in emergency mode", VP_CONSOLE_FAILED, "the system gave up booting and opened a shell", false },
	{ "Dropping to a shell!", VP_CONSOLE_FAILED, "the ramdisk did not find the root file system", false },
	{ "(initramfs)", VP_CONSOLE_FAILED, "the ramdisk opened a shell", true },
	/* Installers of operating systems */
	{ "problem occurred on line", VP_CONSOLE_FAILED, "anaconda does not accept its kickstart", false },
	{ "exception report", VP_CONSOLE_FAILED, "anaconda crashed", false },
	{ "Pane is dead", VP_CONSOLE_FAILED, "anaconda ended", false },
	{ "nstallation step failed", VP_CONSOLE_FAILED, "a step of debian-installer failed", false },
	{ "Failed to retrieve the preconfiguration file", VP_CONSOLE_FAILED, "debian-installer did not get its preseed", false },
	{ "failed to fetch kickstart", VP_CONSOLE_WARNING, "anaconda did not get its kickstart", false },
	{ "Bad archive mirror", VP_CONSOLE_WARNING, "debian-installer cannot use its mirror", false },
	{ "[!!] ", VP_CONSOLE_WARNING, "debian-installer asks, and nobody answers", false },
	{ "dracut-initqueue timeout", VP_CONSOLE_WARNING, "the ramdisk waits for a device or the network", false },
	/* Network boot: the slash tells an error from the banner, which names the site as well. */
	{ "ipxe.org/", VP_CONSOLE_WARNING, "iPXE reports an error", false },
	{ "PXE-E", VP_CONSOLE_WARNING, "the network boot ROM reports an error", false },
	/* Kernels */
	{ "Out of memory: Kill", VP_CONSOLE_WARNING, "the kernel ended a process for want of memory", false },
	{ "blocked for more than", VP_CONSOLE_WARNING, "a task hangs", false },
	{ "soft lockup - CPU#", VP_CONSOLE_WARNING, "a CPU hangs", false },
	{ "EXT4-fs error", VP_CONSOLE_WARNING, "a file system is damaged", false },
	{ "Metadata corruption detected", VP_CONSOLE_WARNING, "a file system is damaged", false },
	{ "metadata I/O error", VP_CONSOLE_WARNING, "a file system cannot be written or read", false },
	{ "Remounting filesystem read-only", VP_CONSOLE_WARNING, "a file system cannot be written any more", false },
	{ "I/O error, dev ", VP_CONSOLE_WARNING, "a disk cannot be written or read", false },
	{ "No space left on device", VP_CONSOLE_WARNING, "a disk is full", false },
	/* The installed system */
	{ " login:", VP_CONSOLE_DISK, "login prompt", true },
	{ "GRUB loading", VP_CONSOLE_DISK, "boot loader of the disk", false },
	{ "Welcome to GRUB", VP_CONSOLE_DISK, "boot loader of the disk", false },
	{ "systemd[1]: ", VP_CONSOLE_DISK, "init of the installed system", false },
};
_Static_assert(vp_count(patterns) <= 64, "those seen are a set of bits");

void vp_console_record(struct vp_world *w, const char *node)
{
	struct vp_err err = { 0 };

	if (w->hv->streams && w->hv->ops->record(w->hv, node, vp_console_path(w->arena, w->state_dir, node), &err))
		vp_debug("%s", err.msg);
}

const char *vp_console_mark(struct vp_world *w, const char *node, const char *before)
{
	json_t *j = json_loads(before, 0, NULL);
	struct stat st = { 0 };
	char *text;
	const char *copy;

	if (!j)
		j = json_object();
	if (stat(vp_console_path(w->arena, w->state_dir, node), &st))
		st.st_size = 0;
	json_object_set_new(j, "console", json_integer(st.st_size));
	text = json_dumps(j, JSON_COMPACT);
	copy = vp_strdup(w->arena, text ? text : "");
	free(text);
	json_decref(j);
	return copy;
}

off_t vp_console_begin(const struct vp_node_row *row)
{
	json_t *j = row->life < VP_UP && row->before ? json_loads(row->before, 0, NULL) : NULL;
	off_t at = (off_t)json_integer_value(json_object_get(j, "console"));

	json_decref(j);
	return at;
}

const struct vp_console_pattern *vp_console_match(const char *line)
{
	for (size_t i = 0; i < vp_count(patterns); i++)
		if (strstr(line, patterns[i].text))
			return &patterns[i];
	return NULL;
}

unsigned vp_console_index(const struct vp_console_pattern *p)
{
	return (unsigned)(p - patterns);
}
