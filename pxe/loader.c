// SPDX-License-Identifier: Apache-2.0
/* The boot answer for loaders that fetch everything over HTTP. */
#include <string.h>

#include "serve.h"

static bool boots(enum vp_boot_answer answer)
{
	return answer == VP_ANSWER_INSTALL || answer == VP_ANSWER_RESCUE;
}

/*
 * The disk: a BIOS reads its first sector, which has to carry a signature; UEFI goes on with its next boot option only where the loader ends
 * with an error. The ramdisk has a name, for as an EFI program the kernel asks for it by that.
 */
void vp_ipxe_conf(enum vp_boot_answer answer, const struct vp_boot_what *what, struct vp_buf *out)
{
	vp_buf_addf(out, "#!ipxe\necho vprov: %s\n", vp_boot_answer_name(answer));
	if (boots(answer))
		vp_buf_addf(out, "kernel --name kernel %s initrd=initrd %s\ninitrd --name initrd %s\nboot\n", what->kernel, what->cmdline,
			    what->initrd);
	else
		vp_buf_adds(out, "iseq ${platform} pcbios && sanboot --no-describe --drive 0x80 ||\nexit 1\n");
}

/* "http://HOST/path" as "(http,HOST)/path"; GRUB has nothing for other schemes, and says so. */
static void add_place(const char *url, struct vp_buf *out)
{
	size_t host = strncmp(url, "http://", 7) ? 0 : strcspn(url + 7, "/");

	if (host)
		vp_buf_addf(out, "(http,%.*s)%s", (int)host, url + 7, url + 7 + host);
	else
		vp_buf_adds(out, url);
}

/* Each argument in quotes of its own: in GRUB's language they may hold what they like. */
static void add_arguments(const char *line, struct vp_buf *out)
{
	for (size_t n; *(line += strspn(line, " ")); line += n) {
		n = strcspn(line, " ");
		vp_buf_adds(out, " '");
		for (size_t i = 0; i < n; i++)
			if (line[i] == '\'')
				vp_buf_adds(out, "'\\''");
			else
				vp_buf_add(out, line + i, 1);
		vp_buf_adds(out, "'");
	}
}

/* Its "exit" would be a success, after which UEFI looks no further: so it starts the disk's loader itself. */
void vp_grub_conf(enum vp_boot_answer answer, const struct vp_boot_what *what, struct vp_buf *out)
{
	vp_buf_addf(out, "set timeout=0\nset default=0\nmenuentry 'vprov: %s' {\n\techo 'vprov: %s'\n", vp_boot_answer_name(answer),
		    vp_boot_answer_name(answer));
	if (boots(answer)) {
		vp_buf_adds(out, "\tlinux ");
		add_place(what->kernel, out);
		add_arguments(what->cmdline, out);
		vp_buf_adds(out, "\n\tinitrd ");
		add_place(what->initrd, out);
		vp_buf_adds(out, "\n}\n");
	} else {
		vp_buf_adds(out, "\tsearch --no-floppy --set=root --file " VP_ESP_LOADER "\n\tchainloader " VP_ESP_LOADER "\n}\n");
	}
}

void vp_grub_embedded(unsigned port, struct vp_buf *out)
{
	vp_buf_addf(out, "net_bootp\nconfigfile (http,$net_default_server:%u)/boot/grub?mac=$net_default_mac\n", port);
}
