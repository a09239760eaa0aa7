/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The boot service: dnsmasq (DHCP, TFTP, DNS) and an HTTP server, for the nodes of
 * one state directory, on the bridges these nodes boot from. It is a process of
 * its own, so that killing `vprov apply` does not take it away from a guest that
 * installs; it ends by itself when no node needs it any more.
 *
 * HTTP, all below http://BRIDGE-ADDRESS:PORT:
 *   GET  /boot/vmlinuz, /boot/initrd      files of the image cache (Range is honoured)
 *   GET  /image/DIGEST.tar.zst            root image
 *   GET  /boot/NODE/config?token=T        install configuration, once (KEY='value' lines, shell quoting); 409 afterwards
 *   POST /node/NODE/event?token=T         body: "PHASE PERCENT [text]"
 *   POST /node/NODE/ack?token=T           end of the installation
 *   POST /node/NODE/failed?token=T        body: the reason
 *   POST /node/NODE/up?token=T            body: proof lines KEY=VALUE of the installed system
 *   GET  /node/NODE/task?token=T          vp_node_row.task, or "none"
 *   POST /node/NODE/result/RUN/NAME?token=T  raw output of one tool; NAME "done" ends the run and clears the task
 *   GET  /cgi-bin/aii-installack.cgi      end of the installation, from kickstarts that are made for AII: the address alone says who it is
 *   GET  /                                status page, plain HTML; GET /status.json
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

struct vp_serve_opts {
	const char *state_dir;
	/* vprov-guest: what dnsmasq runs for each lease and file sent. */
	const char *hook;
	/* The image cache: vmlinuz, initrd, DIGEST.tar.zst. */
	const char *image_dir;
	const struct vp_serve_net *nets;
	size_t nnets;
	/* HTTP port; 0 lets the kernel choose. */
	unsigned port;
	/* End by itself when no node is between armed and up, or has a task (true for apply's own). */
	bool until_done;
	/* Becomes readable where `notified` has something to do; that is called every second as well. -1: none. */
	int notify_fd;
	void (*notified)(void *arg);
	void *notified_arg;
	/* How many nodes there are: sizes tftp-max. vp_serve() counts them itself. */
	size_t nodes;
};

/*
 * Runs in the foreground until SIGTERM, SIGINT, SIGHUP, or done: 0. Ready is told by the file STATE/serve/ready ("pid port\n").
 * 1: a node wants a bridge that is not among o->nets; call again with all of them.
 */
int vp_serve(const struct vp_serve_opts *o, struct vp_err *err);
/* The networks that the nodes in the state database boot from, in the arena; the address of a bridge that is not vprov's is the live one. */
int vp_serve_nets(struct vp_state *s, struct vp_arena *a, struct vp_serve_opts *o, struct vp_err *err);

/* One node as dnsmasq must know it. */
struct vp_dhcp_host {
	const char *name;
	const char *mac;
	/* "" for an address from the range. */
	const char *ip;
	const char *bridge;
	/* "" for none. */
	const char *gateway;
};
/* dnsmasq's configuration (golden-tested); hosts are files of their own in STATE/serve/hosts/. */
void vp_dnsmasq_conf(const struct vp_serve_opts *o, const char *user, struct vp_buf *out);
/* STATE/serve/hosts/NAME: "MAC,set:vp-NAME,IP,HOSTNAME" */
void vp_dnsmasq_host(const struct vp_dhcp_host *h, struct vp_buf *out);
/* STATE/serve/opts/NAME: router and domain by the tag vp-NAME. */
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

#endif
