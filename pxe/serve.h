/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The boot service: dnsmasq (DHCP, TFTP, DNS) and an HTTP server, for the nodes of
 * one state directory, on the bridges these nodes boot from. It is a process of
 * its own, so that killing `vprov apply` does not take it away from a guest that
 * installs; it ends by itself when no node needs it any more.
 *
 * HTTP, all below http://BRIDGE-ADDRESS:PORT:
 *   GET  /boot/vmlinuz, /boot/initrd      files of the image cache (Range is honoured)
 *   GET  /boot/ipxe?mac=M, /boot/grub?mac=M  the boot answer, for the loader of the node whose address the peer has (403 where M is not its MAC)
 *   GET  /boot/snponly.efi, ...           the loaders themselves, for UEFI that boots over HTTP
 *   GET  /image/DIGEST.tar.zst            root image
 *   GET  /boot/NODE/kernel, /boot/NODE/initrd  of a distribution's installer: files that the node's row names, for the armed node's address
 *   GET  /guest/vprov-guest               the program of installed nodes
 *   GET  /boot/NODE/config?token=T        install configuration, once (KEY='value' lines, shell quoting); 409 afterwards
 *   GET  /boot/NODE/T/user-data           the same for cloud-init, once; meta-data and vendor-data beside it as often as they are asked for
 *   GET  /boot/NODE/T/script              what the configuration has a distribution's installer run
 *   POST /node/NODE/event?token=T         body: "PHASE PERCENT [text]"
 *   POST /node/NODE/ack?token=T           end of the installation
 *   POST /node/NODE/failed?token=T        body: the reason
 *   POST /node/NODE/up?token=T            body: proof lines KEY=VALUE of the installed system
 *   GET  /node/NODE/task?token=T          vp_node_row.task and a line "host=TIME", this machine's clock; or "none"
 *   POST /node/NODE/result/RUN/NAME?token=T  raw output of one tool; NAME "done" ends the run and clears the task
 *   GET  /cgi-bin/aii-installack.cgi      end of the installation, from kickstarts that are made for AII: the address alone says who it is
 *   GET  /                                status page; /live: its changes as server-sent events; /status.json; /metrics for Prometheus
 * UDP, same address and port: syslog of distributions' installers.
 * The address of the peer must be the node's own: a right token from elsewhere, or a wrong token, is 403 and an event.
 */
#ifndef VP_SERVE_H
#define VP_SERVE_H

#include "boot.h"

/* One network the service works on. */
struct vp_serve_net {
	const char *bridge;
	const char *address;
	unsigned prefix;
};

/*
 * What clients are given, by what they are. A BIOS that asks for PXE: pxelinux, always; its files and its configuration go over TFTP. iPXE, be it
 * a card's ROM, QEMU's or Xen's: a script over HTTP. UEFI: iPXE, or GRUB where the site wants that; neither is signed, for Secure Boot. PXELINUX is
 * for sites whose iPXE is too old for HTTP: BIOS clients all get pxelinux, UEFI as with IPXE.
 */
enum vp_loader { VP_LOADER_IPXE, VP_LOADER_GRUB, VP_LOADER_PXELINUX };
/* By the site's name for it; NULL is the default, ipxe. */
enum vp_loader vp_loader_find(const char *name);

/* Where the status page and metrics are, instead of on all addresses; address NULL: there. Over TLS where there are a certificate (with its chain)
 * and its key, both as PEM text. */
struct vp_status_at {
	const char *address;
	const char *certificate, *key;
};

/* PEM files are named; text in the arena. VP_E_CONFIG where one is missing. */
int vp_status_read(struct vp_arena *a, const char *address, const char *certificate, const char *key, struct vp_status_at *out, struct vp_err *err);

struct vp_serve_opts {
	const char *state_dir;
	/* vprov-guest: what dnsmasq runs for each lease and file sent, and installed nodes get. */
	const char *hook;
	/* The image cache: vmlinuz, initrd, DIGEST.tar.zst. */
	const char *image_dir;
	const struct vp_serve_net *nets;
	size_t nnets;
	/* HTTP port; 0 lets the kernel choose. */
	unsigned port;
	/* End by itself when no node is between armed and up, or has a task (true for apply's own). */
	bool until_done;
	/* In the helper: becomes readable where `notified` has something to do; that is called every second as well. -1: none. */
	int notify_fd;
	void (*notified)(void *arg);
	void *notified_arg;
	struct vp_status_at status;
	/* In the helper, on SIGHUP, with notified_arg: the site configuration may have changed; 0 where *status is filled anew, or nothing changes.
	 */
	int (*reread)(void *arg, struct vp_status_at *status);
	/* How many nodes there are: sizes tftp-max. vp_serve() counts them itself. */
	size_t nodes;
	enum vp_loader loader;
};

/*
 * Runs in the foreground until SIGTERM, SIGINT, or done (from a terminal also until SIGHUP). Ready is told by the file STATE/serve/ready
 * ("pid port\n"), and to systemd. Networks that nodes get and lose later are served, or not, without a break for the others.
 *
 * Root becomes two processes: this one stays and is the service's helper (helper.c); the service itself is its child, a user without privilege
 * but for the network. Both return: the exit status of the program, or -1 with err where nobody has told of a failure yet.
 */
int vp_serve(const struct vp_serve_opts *o, struct vp_err *err);
/* The networks that the nodes in the state database boot from, in the arena; the address of a bridge that is not vprov's is the live one. */
int vp_serve_nets(struct vp_state *s, struct vp_arena *a, struct vp_serve_opts *o, struct vp_err *err);

/* A line for the service manager, where one waits for it. */
void vp_tell_systemd(const char *text);

/* One node as dnsmasq must know it. */
struct vp_dhcp_host {
	const char *name;
	const char *mac;
	/* "" for an address from the range. */
	const char *ip;
	const char *bridge;
	/* "" for none. */
	const char *gateway;
	/* Addresses with commas between; dns "": the service itself, ntp "": none. */
	const char *dns, *ntp;
};
/* What the row of a node says to DHCP; false where it has no network to boot from, or holds what may not go into a file. */
bool vp_dhcp_host_of(struct vp_arena *a, const struct vp_node_row *row, struct vp_dhcp_host *host, struct vp_serve_net *net);
/* dnsmasq's configuration (golden-tested), root: for one that has to stay root; hosts are files of their own in STATE/serve/hosts/. */
void vp_dnsmasq_conf(const struct vp_serve_opts *o, bool root, struct vp_buf *out);
/* STATE/serve/hosts/NAME: "MAC,set:vp-NAME,IP,HOSTNAME" */
void vp_dnsmasq_host(const struct vp_dhcp_host *h, struct vp_buf *out);
/* STATE/serve/opts/NAME: router, domain, DNS and NTP by the tag vp-NAME. */
void vp_dnsmasq_options(const struct vp_dhcp_host *h, struct vp_buf *out);
/* STATE/serve/names/NAME: "IP FQDN HOSTNAME"; nothing where the address is not known. */
void vp_dnsmasq_name(const struct vp_dhcp_host *h, struct vp_buf *out);
/* What a node that installs, or is to be rescued, boots, whatever its loader: URLs, and the kernel's arguments in one line. Strings are in the arena.
 */
struct vp_boot_what {
	const char *kernel, *initrd, *cmdline;
};
/* By what the row was armed with, or the ramdisk with a shell where the answer is rescue; url is "http://ADDRESS:PORT", the service as the node
 * reaches it. */
void vp_boot_what(struct vp_arena *a, const struct vp_node_row *row, enum vp_boot_answer answer, const char *url, struct vp_boot_what *out);
/* The pxelinux configuration of one MAC for a decision; what is read for "install" and "rescue" only. */
void vp_pxelinux_conf(enum vp_boot_answer answer, const struct vp_boot_what *what, struct vp_buf *out);

/* The same as a script for iPXE, and as a grub.cfg. */
void vp_ipxe_conf(enum vp_boot_answer answer, const struct vp_boot_what *what, struct vp_buf *out);
void vp_grub_conf(enum vp_boot_answer answer, const struct vp_boot_what *what, struct vp_buf *out);
/* The configuration that GRUB carries in itself: it fetches the one of the node. */
void vp_grub_embedded(unsigned port, struct vp_buf *out);
/* Where removable media have their loader, and the installer puts the disk's. */
#define VP_ESP_LOADER "/EFI/BOOT/BOOTX64.EFI"

#endif
