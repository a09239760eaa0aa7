// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <string.h>

#include "serve.h"

#define TFTP_MIN 64

static const char *const loaders[] = { [VP_LOADER_IPXE] = "ipxe", [VP_LOADER_GRUB] = "grub", [VP_LOADER_PXELINUX] = "pxelinux" };

enum vp_loader vp_loader_find(const char *name)
{
	for (size_t i = 0; name && i < vp_count(loaders); i++)
		if (!strcmp(loaders[i], name))
			return (enum vp_loader)i;
	return VP_LOADER_IPXE;
}

/*
 * Above tftp-max dnsmasq does not queue: the surplus clients starve. A node that boots has one transfer open, and an aborted one
 * may linger. A power of two, so that a node more does not mean another configuration.
 */
static size_t tftp_max(size_t nodes)
{
	size_t max = TFTP_MIN;

	while (max < 2 * nodes)
		max *= 2;
	return max;
}

static void add_range(const struct vp_serve_net *net, struct vp_buf *out)
{
	uint32_t mask = net->prefix ? ~UINT32_C(0) << (32 - net->prefix) : 0;
	char first[INET_ADDRSTRLEN], last[INET_ADDRSTRLEN], netmask[INET_ADDRSTRLEN];
	struct in_addr a = { 0 }, addr;

	inet_pton(AF_INET, net->address, &a);
	addr.s_addr = htonl((ntohl(a.s_addr) & mask) + 1);
	inet_ntop(AF_INET, &addr, first, sizeof(first));
	addr.s_addr = htonl((ntohl(a.s_addr) | ~mask) - 1);
	inet_ntop(AF_INET, &addr, last, sizeof(last));
	addr.s_addr = htonl(mask);
	inet_ntop(AF_INET, &addr, netmask, sizeof(netmask));
	/* Not "static": nodes without a fixed address get one from the range. Unknown ones are ignored below. */
	vp_buf_addf(out, "interface=%s\ndhcp-range=%s,%s,%s,12h\n", net->bridge, first, last, netmask);
}

/*
 * Which file a client is told to boot. One loader goes over TFTP, or none where the client has iPXE already; the rest is HTTP. dnsmasq sets the
 * bridge's name as a tag by itself. iPXE puts its MAC address into the URL.
 */
static void add_boot(const struct vp_serve_opts *o, struct vp_buf *out)
{
	const char *efi = o->loader == VP_LOADER_GRUB ? "grubx64.efi" : "snponly.efi";

	vp_buf_adds(out, "dhcp-userclass=set:ipxe,iPXE\n");
	for (const char *const *arch = (const char *const[]){ "7", "9", "16", NULL }; *arch; arch++)
		vp_buf_addf(out, "dhcp-match=set:efi,option:client-arch,%s\n", *arch);
	vp_buf_adds(out, "dhcp-match=set:efi-http,option:client-arch,16\ndhcp-option-force=tag:efi-http,tag:!ipxe,option:vendor-class,HTTPClient\n");
	for (size_t i = 0; i < o->nnets; i++) {
		const struct vp_serve_net *n = &o->nets[i];

		vp_buf_addf(out, "dhcp-boot=tag:%s,tag:ipxe%s,http://%s:%u/boot/ipxe?mac=${netX/mac}\n", n->bridge,
			    o->loader == VP_LOADER_PXELINUX ? ",tag:efi" : "", n->address, o->port);
		vp_buf_addf(out, "dhcp-boot=tag:%s,tag:!ipxe,tag:efi-http,http://%s:%u/boot/%s\n", n->bridge, n->address, o->port, efi);
	}
	vp_buf_addf(out, "dhcp-boot=tag:!ipxe,tag:efi,tag:!efi-http,%s\ndhcp-boot=pxelinux.0\n", efi);
}

void vp_dnsmasq_conf(const struct vp_serve_opts *o, bool root, struct vp_buf *out)
{
	/* Started by root it would become another user, who may reach nothing where this is asked for. */
	vp_buf_addf(out, "# Written by vprov; changes are lost.\nkeep-in-foreground\n%spid-file=\nlog-facility=-\nlog-dhcp\n",
		    root ? "user=root\n" : "");
	/* Sockets on the addresses of these bridges only; a bridge that is made again is picked up. */
	vp_buf_adds(out, "bind-dynamic\nexcept-interface=lo\n");
	for (size_t i = 0; i < o->nnets; i++)
		add_range(&o->nets[i], out);
	vp_buf_addf(out,
		    "dhcp-ignore=tag:!known\ndhcp-authoritative\ndhcp-leasefile=%s/serve/dnsmasq/leases\n"
		    "dhcp-hostsfile=%s/serve/hosts\ndhcp-optsfile=%s/serve/opts\ndhcp-option=option:dns-server,0.0.0.0\n"
		    /* iPXE need not wait 3 s for a proxy DHCP server. */
		    "dhcp-option=encap:175,176,1b\n",
		    o->state_dir, o->state_dir, o->state_dir);
	/* Renewals, too: a machine that boots again has its lease already. */
	vp_buf_addf(out, "dhcp-script=%s/serve/hook\nscript-on-renewal\n", o->state_dir);
	add_boot(o, out);
	vp_buf_addf(out, "no-resolv\nno-hosts\naddn-hosts=%s/serve/names\ndomain-needed\nbogus-priv\nfilter-AAAA\nlocal-ttl=10\n", o->state_dir);
	vp_buf_addf(out, "enable-tftp\ntftp-root=%s/serve/tftp\ntftp-max=%zu\n", o->state_dir, tftp_max(o->nodes));
}

/* Length of the first label. */
static int label(const char *name)
{
	return (int)strcspn(name, ".");
}

void vp_dnsmasq_host(const struct vp_dhcp_host *h, struct vp_buf *out)
{
	vp_buf_addf(out, "%s,set:vp-%s,%s%s%.*s\n", h->mac, h->name, h->ip, h->ip[0] ? "," : "", label(h->name), h->name);
}

void vp_dnsmasq_options(const struct vp_dhcp_host *h, struct vp_buf *out)
{
	const char *domain = h->name + label(h->name);

	/* Without a value it is not sent: else dnsmasq would name itself as the router. */
	vp_buf_addf(out, "tag:vp-%s,option:router%s%s\n", h->name, h->gateway[0] ? "," : "", h->gateway);
	if (domain[0])
		vp_buf_addf(out, "tag:vp-%s,option:domain-name,%s\n", h->name, domain + 1);
	if (h->dns[0])
		vp_buf_addf(out, "tag:vp-%s,option:dns-server,%s\n", h->name, h->dns);
	if (h->ntp[0])
		vp_buf_addf(out, "tag:vp-%s,option:ntp-server,%s\n", h->name, h->ntp);
}

void vp_dnsmasq_name(const struct vp_dhcp_host *h, struct vp_buf *out)
{
	if (!h->ip[0])
		return;
	vp_buf_addf(out, "%s %s", h->ip, h->name);
	if (h->name[label(h->name)])
		vp_buf_addf(out, " %.*s", label(h->name), h->name);
	vp_buf_adds(out, "\n");
}

void vp_pxelinux_conf(enum vp_boot_answer answer, const struct vp_boot_what *what, struct vp_buf *out)
{
	const char *name;

	if (answer != VP_ANSWER_INSTALL && answer != VP_ANSWER_RESCUE) {
		vp_buf_adds(out, "DEFAULT local\nLABEL local\nLOCALBOOT 0\n");
		return;
	}
	name = vp_boot_answer_name(answer);
	vp_buf_addf(out, "DEFAULT %s\nLABEL %s\nKERNEL %s\nINITRD %s\nAPPEND %s\n", name, name, what->kernel, what->initrd, what->cmdline);
}
