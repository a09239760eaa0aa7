// SPDX-License-Identifier: Apache-2.0
/* Rows of the binding table. Keys of the site configuration that belong to no node. */
#include "bind.h"

static const struct vp_row rows[] = {
	{ "connect", VP_O_SITE, VP_K_STRINGS, .check = &vp_is_uri,
	  .help = "libvirt connection; --connect decides over it; given several times, each node goes to that of its host (" VP_OWN "host)" },
	{ "templates", VP_O_SITE, VP_K_STRING, .check = &vp_is_dir,
	  .help = "the site's own templates, each in place of the shipped one of that name" },
	{ "profiles", VP_O_SITE, VP_K_STRINGS, .check = &vp_is_place,
	  .help = "where host names and patterns are looked for: a directory, or the URL of a site; given several times, the next is asked where one "
		  "fails" },
	{ "ccm", VP_O_SITE, VP_K_STRING, .check = &vp_is_dir,
	  .help = "a ccm.conf: says where profiles are where \"profiles\" does not, and how servers are asked" },
	{ "cert_file", VP_O_SITE, VP_K_STRING, .check = &vp_is_dir, .help = "TLS client certificate (PEM) for servers of profiles" },
	{ "key_file", VP_O_SITE, VP_K_STRING, .check = &vp_is_dir, .help = "its key (PEM, without a passphrase)" },
	{ "ca_file", VP_O_SITE, VP_K_STRING, .check = &vp_is_dir, .help = "who is trusted to sign their certificates (PEM), and nobody else" },
	{ "ca_dir", VP_O_SITE, VP_K_STRING, .check = &vp_is_dir, .help = "the same as a directory of PEM files" },
	{ "get_timeout", VP_O_SITE, VP_K_UINT, .min = 1, .max = 86400, .unit = "s", .help = "how long a server of profiles may be silent (30)" },
	{ "retrieve_retries", VP_O_SITE, VP_K_UINT, .min = 1, .max = 1000, .help = "how often each is tried (3)" },
	{ "retrieve_wait", VP_O_SITE, VP_K_UINT, .min = 0, .max = 86400, .unit = "s", .help = "between two tries (2)" },
	{ "notify_port", VP_O_SITE, VP_K_UINT, .min = 0, .max = 65535,
	  .help = "UDP port for notes that profiles have changed, from SCDB or Aquilon (7777); 0: none" },
	{ "loader", VP_O_SITE, VP_K_ENUM, .choices = "ipxe grub pxelinux",
	  .help = "what boots from the network: iPXE, and pxelinux for a BIOS without it (ipxe, the default); the same, but GRUB for UEFI (grub); or "
		  "pxelinux "
		  "for every BIOS, even one that has iPXE (pxelinux)" },
	{ "status_address", VP_O_SITE, VP_K_STRING, .check = &vp_is_own_ip,
	  .help = "address of this machine for the status page and the metrics of the boot service, which then are nowhere else; without it they are "
		  "on all install networks, where guests can read them" },
	{ "status_cert", VP_O_SITE, VP_K_STRING, .check = &vp_is_dir,
	  .help = "certificate for status_address, with its chain (PEM): the status page is then at https://; read again on SIGHUP" },
	{ "status_key", VP_O_SITE, VP_K_STRING, .check = &vp_is_dir, .help = "its key (PEM, without a passphrase)" },
	{ "http_port", VP_O_SITE, VP_K_UINT, .min = 1, .max = 65535,
	  .help = "TCP port of the boot service (8420); 80 for kickstarts made for AII, which acknowledge to /cgi-bin/aii-installack.cgi there" },
	{ "max_installs", VP_O_SITE, VP_K_UINT, .min = 1, .max = 1000,
	  .help = "how many nodes are installed at a time, the others wait; without it as many as there are processors, and another one begins only "
		  "when processors and disks are not busy and there is memory for it" },
	{ "namespace", VP_O_SITE, VP_K_STRING, .check = &vp_is_uuid, .help = "namespace of the nodes' UUIDs" },
};
const struct vp_rows vp_rows_site = VP_ROWS(rows);
