// SPDX-License-Identifier: Apache-2.0
/* The kernel arguments of each distribution's installer. */
#include <stdlib.h>
#include <string.h>

#include "installer.h"

/* Of anaconda: the first versions with names of their own ("inst."), and with bonds. */
#define EL7 1931
#define EL6 1321

/* "13.21.117" -> 1321; where nothing is said, the oldest, as AII has it. */
static unsigned version_of(const struct vp_node *n)
{
	const char *s = n->aii.ks.version, *dot = strchr(s, '.');
	unsigned minor = dot ? (unsigned)atoi(dot + 1) : 0;

	return *s ? (unsigned)atoi(s) * 100 + (minor > 99 ? 99 : minor) : 1101;
}

static const struct vp_interface *interface(const struct vp_node *n, const char *name)
{
	for (size_t i = 0; i < n->network.ninterfaces; i++)
		if (!strcmp(n->network.interfaces[i].name, name))
			return &n->network.interfaces[i];
	return NULL;
}

/* The card that the loader came over, for those who ask for it in pxelinux's way. */
static void add_bootif(const struct vp_node *n, struct vp_buf *out)
{
	const char *mac = n->nics[n->boot_nic].mac;

	vp_buf_adds(out, " BOOTIF=01-");
	for (const char *p = mac; *p; p++)
		vp_buf_add(out, *p == ':' ? "-" : p, 1);
}

/* Where there is a bond above the device, its arguments; the bond's name, else the device's. */
static const char *add_bond(const struct vp_node *n, const char *dev, struct vp_buf *out)
{
	const struct vp_interface *in = interface(n, dev), *bond = in && *in->master ? interface(n, in->master) : NULL;

	if (!bond)
		return dev;
	vp_buf_addf(out, " bond=%s:%s", bond->name, dev);
	for (size_t i = 0; i < n->network.ninterfaces; i++) {
		const struct vp_interface *m = &n->network.interfaces[i];

		if (!strcmp(m->master, bond->name) && strcmp(m->name, dev))
			vp_buf_addf(out, ",%s", m->name);
	}
	for (size_t i = 0; i + 1 < bond->bonding_opts.n; i += 2)
		vp_buf_addf(out, "%c%s=%s", i ? ',' : ':', bond->bonding_opts.items[i], bond->bonding_opts.items[i + 1]);
	return bond->name;
}

/* The address is that of the bridge where the device is a port of one, or of what the profile names. */
static void add_static(const struct vp_node *n, const char *dev, struct vp_buf *out)
{
	const struct vp_interface *in = interface(n, dev), *with = in;
	const char *above = in && *in->bridge ? in->bridge : in ? in->ovs_bridge : "", *gateway;

	if (*n->aii.pxelinux.ipdev)
		with = interface(n, n->aii.pxelinux.ipdev);
	else if (*above)
		with = interface(n, above);
	if (!with || !*with->ip)
		return;
	gateway = *with->gateway ? with->gateway : n->network.default_gateway;
	vp_buf_addf(out, " ip=%s::%s:%s:%s:%s:none", with->ip, gateway, with->netmask, n->name, dev);
}

static void add_network(const struct vp_node *n, const char *dev, struct vp_buf *out)
{
	const char *proto = n->aii.ks.bootproto;

	for (size_t i = 0; n->aii.pxelinux.setifnames && i < n->nnics; i++)
		vp_buf_addf(out, " ifname=%s:%s", n->nics[i].name, n->nics[i].mac);
	if (!strcmp(proto, "static"))
		add_static(n, dev, out);
	else
		vp_buf_addf(out, " ip=%s", *proto ? proto : "dhcp");
	for (size_t i = 0; i < n->nnameservers; i++)
		vp_buf_addf(out, " nameserver=%s", n->nameservers[i]);
	if (!strcmp(n->aii.ks.selinux, "disabled"))
		vp_buf_adds(out, " selinux=0");
}

/* What AII's PXE configuration passes, in its order, to the same versions; the kickstart comes from here, and what is logged goes here, where the
 * profile does not say where to. */
static void kickstart(const struct vp_node *n, const char *url, const char *token, struct vp_buf *out)
{
	const struct vp_kickstart *ks = &n->aii.ks;
	const struct vp_pxelinux *p = &n->aii.pxelinux;
	unsigned version = version_of(n);
	const char *inst = version >= EL7 ? "inst." : "", *dev = *p->ksdevice ? p->ksdevice : "bootif";
	bool word = !strcmp(dev, "bootif") || !strcmp(dev, "link");

	vp_buf_addf(out, "ramdisk=32768 %sks=%s/boot/%s/config?token=%s", inst, url, n->name, token);
	if (*ks->url)
		vp_buf_addf(out, version >= EL7 ? " inst.repo=%s" : " method=%s", ks->url);
	if (version >= EL6)
		dev = add_bond(n, dev, out);
	vp_buf_addf(out, " %s=%s", version >= EL7 && !word ? "bootdev" : "ksdevice", dev);
	add_bootif(n, out);
	if (*p->updates)
		vp_buf_addf(out, " %supdates=%s", inst, p->updates);
	if (*ks->log_host)
		vp_buf_addf(out, " %ssyslog=%s:%u", inst, ks->log_host, ks->log_port ? ks->log_port : 514);
	else
		vp_buf_addf(out, " %ssyslog=%s", inst, url + 7);
	if (*ks->log_host && *ks->log_level)
		vp_buf_addf(out, " %sloglevel=%s", inst, ks->log_level);
	if (version >= EL7) {
		vp_buf_addf(out, "%s%s", ks->enable_sshd ? " inst.sshd" : "", ks->cmdline ? " inst.cmdline" : "");
		add_network(n, dev, out);
	}
	if (*p->append)
		vp_buf_addf(out, " %s", p->append);
}

/* What is asked before the configuration can be fetched; nothing is asked on the screen. */
static void preseed(const struct vp_node *n, const char *url, const char *token, struct vp_buf *out)
{
	vp_buf_addf(out,
		    "quiet auto=true priority=critical TERM=dumb DEBIAN_FRONTEND=noninteractive url=%s/boot/%s/config?token=%s hostname=%s domain=%s",
		    url, n->name, token, n->hostname, n->domain);
	vp_buf_addf(out, " log_host=%.*s log_port=%s", (int)strcspn(url + 7, ":"), url + 7, strrchr(url, ':') + 1);
	vp_buf_adds(out, " interface=auto");
	add_bootif(n, out);
}

/* Without cloud-config-url, cloud-init would take the image's URL for its configuration. */
static void autoinstall(const struct vp_node *n, const char *url, const char *token, struct vp_buf *out)
{
	vp_buf_addf(out, "root=/dev/ram0 ramdisk_size=1500000 ip=dhcp");
	add_bootif(n, out);
	vp_buf_addf(out, " url=%s cloud-config-url=/dev/null autoinstall ds=nocloud-net;s=%s/boot/%s/%s/", n->netboot.iso, url, n->name, token);
}

void vp_installer_cmdline(const struct vp_node *n, const char *url, const char *token, struct vp_buf *out)
{
	static void (*const makers[])(const struct vp_node *n, const char *url, const char *token, struct vp_buf *out) = {
		[VP_INSTALL_KICKSTART] = kickstart, [VP_INSTALL_PRESEED] = preseed, [VP_INSTALL_AUTOINSTALL] = autoinstall
	};

	if (!vp_install_foreign(n->install))
		return;
	makers[n->install](n, url, token, out);
	if (*n->netboot.args)
		vp_buf_addf(out, " %s", n->netboot.args);
	/* The last one is where the installer speaks: the console that is kept. */
	vp_buf_adds(out, " console=tty0 console=ttyS0,115200n8");
}
