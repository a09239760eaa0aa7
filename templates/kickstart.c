// SPDX-License-Identifier: Apache-2.0
/* Kickstart: the commands, and the parts put together. */
#include "kickstart.h"

#include <stdlib.h>
#include <string.h>

/* --- Words --- */

static bool is_plain(const char *s, size_t len)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-";

	return len && strspn(s, plain) >= len;
}

void vp_escape_word(struct vp_buf *out, const char *text, size_t len)
{
	if (is_plain(text, len)) {
		vp_buf_add(out, text, len);
		return;
	}
	vp_buf_adds(out, "'");
	for (size_t i = 0; i < len; i++)
		if (text[i] == '\'')
			vp_buf_adds(out, "'\\''");
		else
			vp_buf_add(out, (unsigned char)text[i] < ' ' ? " " : &text[i], 1);
	vp_buf_adds(out, "'");
}

const char *vp_ks_word(const struct vp_ks *k, const char *text)
{
	vp_cleanup(vp_buf_free) struct vp_buf b = { 0 };

	vp_escape_word(&b, text, strlen(text));
	return vp_strdup(k->a, vp_buf_str(&b));
}

static void set(struct vp_ks *k, const char *key, const char *text)
{
	json_object_set_new(k->ks, key, json_string(text));
}

static void set_flag(struct vp_ks *k, const char *key, bool value)
{
	json_object_set_new(k->ks, key, json_boolean(value));
}

static void add(json_t *list, const char *fmt, ...) VP_PRINTF(2, 3);
static void add(json_t *list, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	json_array_append_new(list, json_vsprintf(fmt, ap));
	va_end(ap);
}

static const char *joined(struct vp_ks *k, const struct vp_words *list)
{
	const char *text = "";

	for (size_t i = 0; i < list->n; i++)
		text = vp_printf(k->a, "%s%s%s", text, i ? "," : "", list->items[i]);
	return text;
}

static const char *fallback(const char *text, const char *other)
{
	return *text ? text : other;
}

/* --- Version --- */

/* The anaconda that each Enterprise Linux begins with. */
static const struct {
	unsigned el, major, minor;
} versions[] = { { 10, 40, 0 }, { 9, 34, 0 }, { 8, 29, 19 }, { 7, 19, 31 }, { 6, 13, 21 }, { 5, 11, 1 } };

/* As AII: a profile that does not say it means the lowest one that is supported. */
static int read_version(struct vp_ks *k)
{
	const char *text = fallback(k->n->aii.ks.version, "11.1");
	unsigned long major, minor = 0;
	char *end;

	major = strtoul(text, &end, 10);
	if (end != text && *end == '.')
		minor = strtoul(end + 1, &end, 10);
	if (end == text || (*end && *end != '.') || *text == '-')
		return vp_fail(k->err, VP_E_VALUE, "/system/aii/osinstall/ks/version: \"%s\" is no version of anaconda (19.31)", text);
	for (size_t i = 0; i < vp_count(versions) && !k->el; i++)
		if (major > versions[i].major || (major == versions[i].major && minor >= versions[i].minor))
			k->el = versions[i].el;
	if (!k->el)
		return vp_fail(k->err, VP_E_VALUE, "/system/aii/osinstall/ks/version: anaconda %s is older than 11.1, that of Enterprise Linux 5",
			       text);
	set(k, "version", text);
	json_object_set_new(k->ks, "system", json_sprintf("Enterprise Linux %u", k->el));
	for (unsigned el = 6; el <= 10; el++) {
		char key[8];

		snprintf(key, sizeof(key), "el%u", el);
		set_flag(k, key, k->el >= el);
	}
	set_flag(k, "before_el8", k->el < 8);
	/* What runs when anaconda itself gives up. */
	set(k, "failure", k->el >= 8 ? "%onerror" : k->el >= 6 ? "%traceback" : "");
	return 0;
}

/* --- Commands --- */

static void add_firewall(struct vp_ks *k)
{
	const struct vp_kickstart *s = &k->n->aii.ks;
	json_t *list = json_array();

	add(list, "--%s", s->firewall ? "enabled" : "disabled");
	for (size_t i = 0; i < s->firewall_trusted.n && s->firewall; i++)
		add(list, "--trust=%s", s->firewall_trusted.items[i]);
	for (size_t i = 0; i < s->firewall_services.n && s->firewall; i++)
		add(list, k->el >= 6 ? "--service=%s" : "--%s", s->firewall_services.items[i]);
	for (size_t i = 0; i < s->firewall_ports.n && s->firewall; i++)
		add(list, "--port=%s:tcp", s->firewall_ports.items[i]);
	json_object_set_new(k->ks, "firewall", list);
}

static void add_services(struct vp_ks *k)
{
	const struct vp_kickstart *s = &k->n->aii.ks;
	json_t *list = json_array(), *old = json_array();

	if (s->disable_service.n)
		add(list, "--disabled=%s", joined(k, &s->disable_service));
	if (s->enable_service.n)
		add(list, "--enabled=%s", joined(k, &s->enable_service));
	if (json_array_size(list))
		json_object_set_new(k->ks, "services", json_pack("{sO}", "options", list));
	json_decref(list);
	for (size_t i = 0; i < s->disable_service.n && k->el < 7; i++)
		add(old, "%s", s->disable_service.items[i]);
	json_object_set_new(k->ks, "old_services", old);
}

static void add_bootloader(struct vp_ks *k)
{
	const struct vp_kickstart *s = &k->n->aii.ks;
	struct vp_words order = { 0 };
	json_t *list = json_array();

	for (size_t i = 0; i < s->bootdisk_order.n; i++)
		if (vp_ks_disk(k, s->bootdisk_order.items[i]))
			vp_words_add(k->a, &order, vp_ks_disk(k, s->bootdisk_order.items[i]));
	add(list, "--location=%s", fallback(s->bootloader_location, "mbr"));
	if (order.n)
		add(list, "--driveorder=%s", joined(k, &order));
	if (*s->bootloader_append)
		add(list, "--append=%s", s->bootloader_append);
	if (*s->bootloader_password)
		add(list, k->el >= 6 ? "--password=%s" : "--md5pass=%s", s->bootloader_password);
	if (*s->bootloader_password && k->el >= 6)
		add(list, "--iscrypted");
	if (s->leavebootorder && k->el >= 7)
		add(list, "--leavebootorder");
	json_object_set_new(k->ks, "bootloader", list);
	set_flag(k, "old_grub", k->el < 7 && !strcmp(fallback(s->bootloader_location, "mbr"), "mbr"));
	set_flag(k, "pxeboot", s->pxeboot);
}

static bool has_word(const struct vp_words *list, const char *word)
{
	for (size_t i = 0; i < list->n; i++)
		if (!strcmp(list->items[i], word))
			return true;
	return false;
}

/* authconfig's options; its successor has profiles instead, of which the default does what AII's default options say. */
static void add_auth(struct vp_ks *k)
{
	const struct vp_words *auth = &k->n->aii.ks.auth;
	const char *text = "auth";

	for (size_t i = 0; i < auth->n; i++)
		text = vp_printf(k->a, "%s %s", text, vp_ks_word(k, vp_printf(k->a, "--%s", auth->items[i])));
	if (k->el >= 8)
		text = has_word(auth, "enablewinbind") ? "authselect select winbind" : has_word(auth, "enablesssd") ? "authselect select sssd" : "";
	if (k->el >= 8 && *text && has_word(auth, "enablemkhomedir"))
		text = vp_printf(k->a, "%s with-mkhomedir", text);
	set(k, "auth", auth->n ? text : "");
}

static void add_logging(struct vp_ks *k)
{
	const struct vp_kickstart *s = &k->n->aii.ks;
	bool netcat = !strcmp(fallback(s->log_method, "netcat"), "netcat"), udp = !strcmp(fallback(s->log_protocol, "udp"), "udp");
	unsigned port = s->log_port ? s->log_port : 514;
	json_t *list = json_array();

	set_flag(k, "console", s->log_console || !s->has_log_console);
	if (*s->log_host) {
		add(list, "--host=%s", s->log_host);
		add(list, "--port=%u", port);
		if (*s->log_level && k->el < 9)
			add(list, "--level=%s", s->log_level);
		json_object_set_new(k->ks, "logging", json_pack("{sO}", "options", list));
	}
	json_decref(list);
	if (*s->log_host && s->log_aii)
		json_object_set_new(k->ks, "remote",
				    json_pack("{ss si ss sb sb}", "host", s->log_host, "port", (int)port, "protocol", udp ? "udp" : "tcp", "netcat",
					      netcat, "udp", udp));
}

static void add_settings(struct vp_ks *k)
{
	const struct vp_kickstart *s = &k->n->aii.ks;

	set(k, "lang", fallback(s->lang, "en_US.UTF-8"));
	set(k, "keyboard", fallback(s->keyboard, "us"));
	set(k, "timezone", fallback(s->timezone, "UTC"));
	set(k, "ntp", k->el == 7 || k->el == 8 ? joined(k, &s->ntpservers) : "");
	json_object_set_new(k->ks, "timesources", json_array());
	for (size_t i = 0; i < s->ntpservers.n && k->el >= 9; i++)
		add(json_object_get(k->ks, "timesources"), "%s", s->ntpservers.items[i]);
	set(k, "rootpw", k->n->rootpw);
	set(k, "sshpw", s->enable_sshd && k->el >= 6 ? k->n->rootpw : "");
	set(k, "selinux", s->selinux);
	set_flag(k, "noselinux", !strcmp(s->selinux, "disabled"));
	set_flag(k, "eula", s->eula && k->el >= 7);
	set_flag(k, "cmdline", s->cmdline);
	set_flag(k, "zerombr", s->clearmbr || !s->has_clearmbr);
	set(k, "installnumber", k->el == 5 ? s->installnumber : "");
	json_object_set_new(k->ks, "driverdisks", json_array());
	for (size_t i = 0; i < s->driverdisk.n; i++)
		add(json_object_get(k->ks, "driverdisks"), "%s", s->driverdisk.items[i]);
	set_flag(k, "lvmforce", s->lvmforce);
}

/* --- Network --- */

static const struct vp_interface *find_interface(const struct vp_ks *k, const char *name)
{
	for (size_t i = 0; i < k->n->network.ninterfaces; i++)
		if (!strcmp(k->n->network.interfaces[i].name, name))
			return &k->n->network.interfaces[i];
	return NULL;
}

/* The bond above a card: its members, this one first, and its options. */
static void add_bond(struct vp_ks *k, json_t *list, const char *device, const struct vp_interface *bond)
{
	const char *members = device, *options = "";

	for (size_t i = 0; i < bond->ports.n; i++)
		if (strcmp(bond->ports.items[i], device))
			members = vp_printf(k->a, "%s,%s", members, bond->ports.items[i]);
	for (size_t i = 0; i + 1 < bond->bonding_opts.n; i += 2)
		options = vp_printf(k->a, "%s%s%s=%s", options, i ? "," : "", bond->bonding_opts.items[i], bond->bonding_opts.items[i + 1]);
	add(list, "--bondslaves=%s", members);
	if (*options)
		add(list, "--bondopts=%s", options);
}

static void add_address(struct vp_ks *k, json_t *list, const struct vp_interface *in)
{
	const char *gateway = *in->gateway ? in->gateway : k->n->network.default_gateway;
	struct vp_words servers = { k->n->nameservers, k->el >= 6 ? k->n->nnameservers : k->n->nnameservers > 0 };

	add(list, "--hostname=%s", k->n->name);
	if (servers.n)
		add(list, "--nameserver=%s", joined(k, &servers));
	else
		add(list, "--nodns");
	add(list, "--ip=%s", in->ip);
	add(list, "--netmask=%s", in->netmask);
	if (in->mtu)
		add(list, "--mtu=%u", in->mtu);
	if (*gateway)
		add(list, "--gateway=%s", gateway);
}

/* Which interface it is installed over. */
static int add_static(struct vp_ks *k, json_t *list)
{
	const char *ksdevice = k->n->aii.pxelinux.ksdevice, *ipdev = k->n->aii.pxelinux.ipdev;
	const char *device = *ksdevice ? ksdevice : k->n->nics[k->n->boot_nic].name;
	const struct vp_interface *in = find_interface(k, device), *from;
	bool bonding = k->el >= 6 && (k->n->aii.ks.bonding || !k->n->aii.ks.has_bonding);

	if (!in)
		return vp_fail(k->err, VP_E_VALUE,
			       "/system/aii/nbp/pxelinux/ksdevice: \"%s\" is no interface of the profile: a static address needs one", device);
	from = *ipdev && find_interface(k, ipdev) ? find_interface(k, ipdev) : in;
	if (bonding && *in->master && find_interface(k, in->master)) {
		add_bond(k, list, device, find_interface(k, in->master));
		in = find_interface(k, in->master);
		device = in->name;
		from = *ipdev && find_interface(k, ipdev) ? from : in;
	}
	/* Without the bond, its address on one of its cards. */
	if (!*from->ip && find_interface(k, from->master))
		from = find_interface(k, from->master);
	if (in->vlan_id && in->ports.n && k->el >= 6) {
		device = in->ports.items[0];
		add(list, "--vlanid=%u", in->vlan_id);
	}
	if (!*ipdev && find_interface(k, *in->bridge ? in->bridge : in->ovs_bridge))
		from = find_interface(k, *in->bridge ? in->bridge : in->ovs_bridge);
	if (!*from->ip || !*from->netmask)
		return vp_fail(k->err, VP_E_MISSING, "/system/network/interfaces/%s/ip: a static installation needs it, and the netmask", from->name);
	add(list, "--device=%s", device);
	add_address(k, list, from);
	return 0;
}

static int add_network(struct vp_ks *k)
{
	bool dhcp = strcmp(k->n->aii.ks.bootproto, "static") != 0;
	json_t *list = json_array();

	json_object_set_new(k->ks, "network", list);
	add(list, "--bootproto=%s", dhcp ? "dhcp" : "static");
	if (!dhcp)
		return add_static(k, list);
	if (k->el >= 7)
		add(list, "--hostname=%s", k->n->name);
	return 0;
}

/* --- Packages --- */

/* A line of %packages must not become anything else. */
static int check_packages(struct vp_ks *k, const struct vp_words *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (strchr("%#", *list->items[i]))
			return vp_fail(k->err, VP_E_VALUE, "/system/aii/osinstall/ks/packages/%zu: \"%s\" is no package", i, list->items[i]);
	return 0;
}

/* The profile's, and what the scripts need. */
static struct vp_words all_packages(struct vp_ks *k)
{
	const struct vp_kickstart *s = &k->n->aii.ks;
	struct vp_words all = { 0 };

	for (size_t i = 0; i < s->packages.n; i++)
		vp_words_add(k->a, &all, s->packages.items[i]);
	vp_words_add(k->a, &all, "bind-utils");
	if (s->log_aii && *s->log_host && !strcmp(fallback(s->log_method, "netcat"), "netcat"))
		vp_words_add(k->a, &all, "nc");
	return all;
}

/* Later, from all repositories: everything but what must not come in at all. */
static int add_packages(struct vp_ks *k)
{
	const struct vp_kickstart *s = &k->n->aii.ks;
	struct vp_words all = all_packages(k), later = { 0 };
	json_t *now = json_array(), *args = json_array();

	json_object_set_new(k->ks, "packages", now);
	json_object_set_new(k->ks, "packages_args", args);
	for (size_t i = 0; i < s->packages_args.n; i++)
		if (strcmp(s->packages_args.items[i], "--resolvedeps"))
			add(args, "%s", s->packages_args.items[i]);
	for (size_t i = 0; i < all.n; i++) {
		if (!s->packagesinpost || *all.items[i] == '-')
			add(now, "%s", all.items[i]);
		if (s->packagesinpost && (*all.items[i] != '-' || k->el >= 7))
			vp_words_add(k->a, &later, all.items[i]);
	}
	return check_packages(k, &all) || vp_ks_repos(k, &later) ? -1 : 0;
}

/* --- Scripts --- */

/* In a URL of a script LOCALHOST stands for the server that gave out the kickstart. */
static void add_script(struct vp_ks *k, const char *key, const char *script, const char *url)
{
	const char *place = strstr(script, "LOCALHOST"), *host = strstr(url, "://");

	if (place && host)
		script = vp_printf(k->a, "%.*s%.*s%s", (int)(place - script), script, (int)strcspn(host + 3, ":/"), host + 3, place + 9);
	set(k, key, script);
}

static void add_scripts(struct vp_ks *k, const char *url)
{
	const struct vp_kickstart *s = &k->n->aii.ks;
	const struct vp_words *ccm = &k->n->aii.software.ccm;
	json_t *hooks = json_object(), *acks = json_array(), *settings = json_array();

	add_script(k, "pre_install", s->pre_install, url);
	add_script(k, "post_install", s->post_install, url);
	add_script(k, "post_reboot", s->post_reboot, url);
	for (size_t i = 0; i < s->acks.n; i++)
		add(acks, "%s", s->acks.items[i]);
	json_object_set_new(k->ks, "acks", acks);
	for (size_t i = 0; i < k->n->aii.hooks.n; i++) {
		const char *hook = k->n->aii.hooks.items[i];
		size_t len = strcspn(hook, " ");

		if (!json_object_getn(hooks, hook, len))
			json_object_setn_new(hooks, hook, len, json_array());
		add(json_object_getn(hooks, hook, len), "%s", hook + len + 1);
	}
	json_object_set_new(k->ks, "hooks", hooks);
	for (size_t i = 0; i + 1 < ccm->n; i += 2)
		add(settings, "%s %s", ccm->items[i], ccm->items[i + 1]);
	set_flag(k, "quattor", ccm->n);
	json_object_set_new(k->ks, "ccm", settings);
	set_flag(k, "ignore_deps", s->init_spma_ignore_deps);
	set(k, "rootmail", k->n->system.rootmail);
	set(k, "smtp", s->mail_smtp);
	set_flag(k, "mail_success", s->mail_success);
}

static int fill(struct vp_ks *k, const char *url)
{
	if (read_version(k))
		return -1;
	add_settings(k);
	add_auth(k);
	add_firewall(k);
	add_services(k);
	add_bootloader(k);
	add_logging(k);
	add_scripts(k, url);
	return add_network(k) || add_packages(k) || vp_ks_disks(k) ? -1 : 0;
}

int vp_render_kickstart(const struct vp_render *r, const struct vp_node *n, const char *url, const char *token, struct vp_buf *out,
			struct vp_err *err)
{
	vp_cleanup(vp_arena_freep) struct vp_arena *a = vp_arena_new();
	struct vp_ks k = { .n = n, .a = a, .ks = json_object(), .err = err };
	json_t *data = vp_node_json(n);
	int rc = fill(&k, url);

	json_object_set_new(data, "ks", k.ks);
	json_object_set_new(data, "url", json_string(url));
	json_object_set_new(data, "token", json_string(token));
	rc = rc ? vp_context(err, "%s: no kickstart", n->name) : vp_render_text(r, "kickstart", data, vp_escape_word, out, err);
	json_decref(data);
	return rc;
}
