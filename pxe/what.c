// SPDX-License-Identifier: Apache-2.0
/* What a node boots from the network; every loader's configuration is made of it. */
#include <string.h>

#include "serve.h"

/* A file of this machine goes through the service, which gives it to this node only. */
static const char *url_of(struct vp_arena *a, const struct vp_node_row *row, const char *url, const char *place, const char *file)
{
	return place[0] == '/' ? vp_printf(a, "%s/boot/%s/%s", url, row->name, file) : place;
}

void vp_boot_what(struct vp_arena *a, const struct vp_node_row *row, enum vp_boot_answer answer, const char *url, struct vp_boot_what *out)
{
	bool rescue = answer == VP_ANSWER_RESCUE;
	/* The last one is the installer's. */
	const char *virt = row->virt ? row->virt : "", *console = !strcmp(virt, "xen-para") ? "hvc0" : "tty0 console=ttyS0,115200n8";
	/* A busy host may keep ticks from an emulated machine just while its kernel counts them, which then panics. */
	const char *timer = !strcmp(virt, "qemu") ? " no_timer_check" : "";

	if (!rescue && row->kernel && row->kernel[0]) {
		*out = (struct vp_boot_what){ url_of(a, row, url, row->kernel, "kernel"), url_of(a, row, url, row->initrd, "initrd"), row->cmdline };
		return;
	}
	*out = (struct vp_boot_what){ vp_printf(a, "%s/boot/vmlinuz", url), vp_printf(a, "%s/boot/initrd", url),
				      vp_printf(a, "console=%s vprov.url=%s vprov.node=%s %s%s quiet panic=30%s", console, url, row->name,
						rescue ? "vprov.rescue=1" : "vprov.token=", rescue ? "" : row->token, timer) };
}
