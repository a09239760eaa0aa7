// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../pxe/dhcp.h"

static struct vp_arena *arena;

static const struct vp_dhcp_host fixed = { .name = "ce01.example.org",
					   .mac = "52:54:00:12:34:56",
					   .ip = "10.9.8.10",
					   .bridge = "vpbr0",
					   .gateway = "10.9.8.254",
					   .dns = "10.9.8.2,10.9.8.3",
					   .ntp = "10.9.8.4" };
static const struct vp_dhcp_host bare = {
	.name = "ce02", .mac = "52:54:00:12:34:57", .ip = "", .bridge = "vpbr0", .gateway = "", .dns = "", .ntp = ""
};

static char *golden(const char *name)
{
	const char *top = getenv("VP_TOP");

	return vp_printf(arena, "%s/tests/golden/pxe/%s", top ? top : ".", name);
}

/* Compares with the golden file; VP_REGENERATE=1 writes it. */
static void matches(const char *name, struct vp_buf *got)
{
	vp_cleanup(vp_buf_free) struct vp_buf want = { 0 };
	struct vp_err err = { 0 };

	if (getenv("VP_REGENERATE") && vp_write_file(golden(name), vp_buf_str(got), got->len, 0644, &err))
		fail_msg("%s", err.msg);
	if (vp_read_file(golden(name), 1 << 20, &want, &err))
		fail_msg("%s", err.msg);
	assert_string_equal(vp_buf_str(got), vp_buf_str(&want));
	vp_buf_free(got);
}

static void dnsmasq_of_two_networks(void **state)
{
	const struct vp_serve_net nets[] = { { "vpbr0", "10.9.8.1", 24 }, { "grid", "172.16.3.1", 22 } };
	static const char *const golden_of[] = { "dnsmasq.conf", "dnsmasq-grub.conf", "dnsmasq-pxelinux.conf" };
	struct vp_serve_opts o = { .state_dir = "/var/lib/vprov", .nets = nets, .nnets = 2, .nodes = 3, .port = 8420 };
	struct vp_buf out = { 0 };

	(void)state;
	for (int loader = VP_LOADER_IPXE; loader <= VP_LOADER_PXELINUX; loader++) {
		o.loader = (enum vp_loader)loader;
		vp_dnsmasq_conf(&o, false, &out);
		matches(golden_of[loader], &out);
	}
}

static void loaders_have_names(void **state)
{
	(void)state;
	assert_int_equal(vp_loader_find(NULL), VP_LOADER_IPXE);
	assert_int_equal(vp_loader_find("ipxe"), VP_LOADER_IPXE);
	assert_int_equal(vp_loader_find("grub"), VP_LOADER_GRUB);
	assert_int_equal(vp_loader_find("pxelinux"), VP_LOADER_PXELINUX);
}

static bool allows_transfers(size_t nodes, unsigned want)
{
	const struct vp_serve_opts o = { .state_dir = "/s", .nodes = nodes };
	vp_cleanup(vp_buf_free) struct vp_buf out = { 0 };

	vp_dnsmasq_conf(&o, false, &out);
	return strstr(out.data, vp_printf(arena, "tftp-max=%u\n", want));
}

static void tftp_is_sized_by_the_nodes(void **state)
{
	(void)state;
	assert_true(allows_transfers(0, 64));
	assert_true(allows_transfers(32, 64));
	assert_true(allows_transfers(33, 128));
	assert_true(allows_transfers(1000, 2048));
}

static void ranges_cover_the_network(void **state)
{
	static const struct {
		struct vp_serve_net net;
		const char *want;
	} cases[] = {
		{ { "b", "10.9.8.1", 24 }, "dhcp-range=10.9.8.1,10.9.8.254,255.255.255.0,12h\n" },
		{ { "b", "10.9.8.77", 30 }, "dhcp-range=10.9.8.77,10.9.8.78,255.255.255.252,12h\n" },
		{ { "b", "10.200.1.1", 8 }, "dhcp-range=10.0.0.1,10.255.255.254,255.0.0.0,12h\n" },
	};

	(void)state;
	for (size_t i = 0; i < vp_count(cases); i++) {
		const struct vp_serve_opts o = { .state_dir = "/s", .nets = &cases[i].net, .nnets = 1 };
		vp_cleanup(vp_buf_free) struct vp_buf out = { 0 };

		vp_dnsmasq_conf(&o, false, &out);
		assert_non_null(strstr(out.data, cases[i].want));
	}
}

/* dnsmasq itself reads what was written; without it there is nothing to ask. */
static void dnsmasq_accepts_it(void **state)
{
	const struct vp_serve_net net = { "lo", "127.0.0.1", 8 };
	char dir[] = "/tmp/pxeconf.XXXXXX", *conf;
	struct vp_buf out = { 0 };
	struct vp_err err = { 0 };
	int rc;

	(void)state;
	if (!vp_exists("/usr/sbin/dnsmasq")) {
		print_message("dnsmasq is not installed\n");
		skip();
	}
	assert_non_null(mkdtemp(dir));
	const struct vp_serve_opts o = { .state_dir = dir, .nets = &net, .nnets = 1 };

	for (const char *const *d = (const char *const[]){ "hosts", "opts", "names", "tftp", NULL }; *d; d++)
		assert_int_equal(vp_mkdirs(vp_printf(arena, "%s/serve/%s", dir, *d), 0755, &err), 0);
	vp_dnsmasq_conf(&o, true, &out);
	conf = vp_printf(arena, "%s/dnsmasq.conf", dir);
	assert_int_equal(vp_write_file(conf, out.data, out.len, 0644, &err), 0);
	vp_buf_free(&out);
	rc = vp_run(
		&(struct vp_child){ .argv = (const char *const[]){ "/usr/sbin/dnsmasq", "--test", vp_printf(arena, "--conf-file=%s", conf), NULL } },
		&err);
	vp_remove_tree(dir, NULL);
	if (rc)
		fail_msg("%s", err.msg);
}

static void files_of_a_host(void **state)
{
	struct vp_buf out = { 0 };

	(void)state;
	vp_buf_adds(&out, "# hosts\n");
	vp_dnsmasq_host(&fixed, &out);
	vp_dnsmasq_host(&bare, &out);
	vp_buf_adds(&out, "# opts\n");
	vp_dnsmasq_options(&fixed, &out);
	vp_dnsmasq_options(&bare, &out);
	vp_buf_adds(&out, "# names\n");
	vp_dnsmasq_name(&fixed, &out);
	vp_dnsmasq_name(&bare, &out);
	matches("host", &out);
}

/* The answers, and what is booted elsewhere, in the language of one loader. */
static void answers(const char *file, void (*write)(enum vp_boot_answer, const struct vp_boot_what *, struct vp_buf *))
{
	static const struct vp_node_row image = { .name = "ce01.example.org", .token = "0123456789abcdef0123456789abcdef" };
	static const struct vp_node_row here = {
		.name = "ce01", .method = "preseed", .kernel = "/srv/linux", .initrd = "/srv/initrd.gz", .cmdline = "auto=true it's  \"a b\""
	};
	static const struct vp_node_row there = {
		.name = "ce01", .kernel = "https://m/vmlinuz", .initrd = "http://m/initrd", .cmdline = "inst.ks=x"
	};
	struct vp_boot_what what;
	struct vp_buf out = { 0 };

	for (int answer = VP_ANSWER_REFUSE; answer <= VP_ANSWER_RESCUE; answer++) {
		vp_boot_what(arena, &image, (enum vp_boot_answer)answer, "http://10.9.8.1:8420", &what);
		vp_buf_addf(&out, "# %s\n", vp_boot_answer_name((enum vp_boot_answer)answer));
		write((enum vp_boot_answer)answer, &what, &out);
	}
	vp_buf_adds(&out, "# an installer of this machine\n");
	vp_boot_what(arena, &here, VP_ANSWER_INSTALL, "http://10.9.8.1:8420", &what);
	write(VP_ANSWER_INSTALL, &what, &out);
	vp_buf_adds(&out, "# an installer elsewhere\n");
	vp_boot_what(arena, &there, VP_ANSWER_INSTALL, "http://10.9.8.1:8420", &what);
	write(VP_ANSWER_INSTALL, &what, &out);
	matches(file, &out);
}

static void every_loader_has_its_language(void **state)
{
	struct vp_buf out = { 0 };

	(void)state;
	answers("pxelinux.cfg", vp_pxelinux_conf);
	answers("script.ipxe", vp_ipxe_conf);
	answers("grub.cfg", vp_grub_conf);
	vp_grub_embedded(8420, &out);
	matches("grub-embedded.cfg", &out);
}

/* The whole table: what a state and a time lead to where the rest is as it should be, and where one thing is not. */
static void boot_decisions(void **state)
{
	const double now = 1000;
	const struct {
		const char *name;
		struct vp_node_row row;
	} cases[] = {
		{ "armed", { .armed = true, .token = "t" } },
		{ "armed, some time left", { .armed = true, .token = "t", .armed_until = now + 1 } },
		{ "armed, no time left", { .armed = true, .token = "t", .armed_until = now } },
		{ "armed, without a token", { .armed = true, .token = "" } },
		{ "armed, configuration taken", { .armed = true, .token = "t", .installs = 1 } },
		{ "armed, failed", { .armed = true, .token = "t", .health = VP_FAILED } },
		{ "armed, stalled", { .armed = true, .token = "t", .health = VP_STALLED } },
		{ "not armed", { .token = "t" } },
		{ "rescue", { .token = "t", .rescue_until = now + 1 } },
		{ "rescue, failed", { .token = "t", .rescue_until = now + 1, .health = VP_FAILED } },
		{ "rescue, time over", { .token = "t", .rescue_until = now } },
	};
	struct vp_buf out = { 0 };
	enum vp_boot_answer a;
	const char *why;

	(void)state;
	a = vp_boot_decide(NULL, now, &why);
	vp_buf_addf(&out, "unknown MAC | %s | %s\n", vp_boot_answer_name(a), why);
	for (size_t i = 0; i < vp_count(cases); i++)
		for (int life = 0; life < VP_LIFE__COUNT; life++) {
			struct vp_node_row r = cases[i].row;

			r.life = (enum vp_life)life;
			a = vp_boot_decide(&r, now, &why);
			vp_buf_addf(&out, "%s | %s | %s | %s | until %.0f\n", cases[i].name, vp_life_name(r.life), vp_boot_answer_name(a), why,
				    vp_boot_until(&r, now));
		}
	matches("boot-decision", &out);
}

static void log_lines(void **state)
{
	static const struct {
		const char *line;
		enum vp_dhcp_kind kind;
		const char *ip, *file;
	} cases[] = {
		{ "dnsmasq[40]: started, version 2.90 cachesize 150", VP_LOG_STARTED, "", "" },
		{ "dnsmasq-dhcp[40]: 452316031 DHCPDISCOVER(br0) 52:54:00:00:00:99 ignored", VP_LOG_STRANGER, "", "" },
		{ "dnsmasq-dhcp[40]: 4 DHCPDISCOVER(br0) 10.9.8.13 52:54:00:00:00:99 ignored", VP_LOG_STRANGER, "", "" },
		{ "dnsmasq-dhcp[40]: 4 DHCPDISCOVER(br0) 52:54:00:00:00:99 no address available", VP_LOG_OTHER, NULL, NULL },
		{ "dnsmasq-dhcp[40]: 4 DHCPDISCOVER(br0) 52:54:00:00:00:99:01 ignored", VP_LOG_OTHER, NULL, NULL },
		{ "dnsmasq-tftp[40]: failed sending /s/tftp/pxelinux.0 to 10.9.8.13", VP_LOG_UNSENT, "10.9.8.13", "pxelinux.0" },
		{ "dnsmasq-tftp[40]: failed sending /s/tftp/pxelinux.cfg/01-52-54-00-00-00-01 to 10.9.8.13", VP_LOG_UNSENT, "10.9.8.13",
		  "pxelinux.cfg/01-52-54-00-00-00-01" },
		{ "dnsmasq-tftp[40]: failed sending /s/tftpx/pxelinux.0 to 10.9.8.13", VP_LOG_OTHER, "", "" },
		{ "dnsmasq-tftp[40]: failed sending /s/tftp/pxelinux.0 to 10.9.8", VP_LOG_OTHER, NULL, NULL },
		{ "dnsmasq-tftp[40]: failed sending /s/tftp/pxelinux.0", VP_LOG_OTHER, NULL, NULL },
		{ "dnsmasq-tftp[40]: sent /s/tftp/pxelinux.0 to 10.9.8.13", VP_LOG_OTHER, "", "" },
		{ "dnsmasq-dhcp[40]: 452316031 DHCPACK(br0) 10.9.8.13 52:54:00:00:00:01 n1", VP_LOG_OTHER, "", "" },
		/* What a client can write into the log is behind something of dnsmasq's own. */
		{ "dnsmasq-dhcp[40]: 1 client provides name: dnsmasq-tftp[40]: failed sending /s/tftp/x to 10.9.8.13", VP_LOG_OTHER, "", "" },
		{ "dnsmasq-dhcp[40]: 1 vendor class: dnsmasq[1]: started, version", VP_LOG_OTHER, "", "" },
		{ "", VP_LOG_OTHER, "", "" },
	};

	(void)state;
	for (size_t i = 0; i < vp_count(cases); i++) {
		struct vp_dhcp_log l;

		vp_dhcp_log_parse(cases[i].line, "/s/tftp", &l);
		assert_int_equal(l.kind, cases[i].kind);
		if (!cases[i].ip)
			continue;
		assert_string_equal(l.ip, cases[i].ip);
		assert_string_equal(l.file, cases[i].file);
	}
}

static void hook_notes(void **state)
{
	static const struct {
		const char *note;
		enum vp_hook_kind kind;
		const char *ip, *mac, *file;
		unsigned bytes;
	} cases[] = {
		{ "add 52:54:00:00:00:0A 10.9.8.13", VP_HOOK_LEASE, "10.9.8.13", "52:54:00:00:00:0a", "", 0 },
		{ "old 52:54:00:00:00:01 10.9.8.13", VP_HOOK_LEASE, "10.9.8.13", "52:54:00:00:00:01", "", 0 },
		{ "tftp 42430 10.9.8.13 /s/tftp/pxelinux.0", VP_HOOK_SENT, "10.9.8.13", "", "pxelinux.0", 42430 },
		{ "tftp 0 10.9.8.13 /s/tftp/a b", VP_HOOK_SENT, "10.9.8.13", "", "a b", 0 },
		{ "del 52:54:00:00:00:01 10.9.8.13", VP_HOOK_NONE, "", "", "", 0 },
		{ "add 52:54:00:00:00:01", VP_HOOK_NONE, "", "", "", 0 },
		{ "add 52:54:00:00:00:01 ", VP_HOOK_NONE, "", "", "", 0 },
		{ "add 52:54:00:00:00:01 10.9.8.13 name", VP_HOOK_NONE, "", "", "", 0 },
		{ "add 52:54:00:00:00:01 10.9.8", VP_HOOK_NONE, "", "", "", 0 },
		{ "add 52:54:00:00:00:0g 10.9.8.13", VP_HOOK_NONE, "", "", "", 0 },
		/* As dnsmasq writes what is no Ethernet. */
		{ "add 06-52:54:00:00:00:01 10.9.8.13", VP_HOOK_NONE, "", "", "", 0 },
		{ "tftp -1 10.9.8.13 /s/tftp/pxelinux.0", VP_HOOK_NONE, "", "", "", 0 },
		{ "tftp 99999999999999999999 10.9.8.13 /s/tftp/pxelinux.0", VP_HOOK_NONE, "", "", "", 0 },
		{ "tftp 1 10.9.8.13 /s/tftpx/pxelinux.0", VP_HOOK_NONE, "", "", "", 0 },
		{ "tftp 1 10.9.8.13 /etc/passwd", VP_HOOK_NONE, "", "", "", 0 },
		{ "tftp 1 10.9.8.13 /s/tftp/", VP_HOOK_NONE, "", "", "", 0 },
		{ "tftp 1 10.9.8.13 /s/tftp/a\nb", VP_HOOK_NONE, "", "", "", 0 },
		{ "tftp 1 fe80::1 /s/tftp/a", VP_HOOK_NONE, "", "", "", 0 },
		{ "", VP_HOOK_NONE, "", "", "", 0 },
		{ "add", VP_HOOK_NONE, "", "", "", 0 },
	};
	char large[2000];
	struct vp_hook h;

	(void)state;
	for (size_t i = 0; i < vp_count(cases); i++) {
		vp_hook_parse(cases[i].note, strlen(cases[i].note), "/s/tftp", &h);
		if (h.kind != cases[i].kind)
			fail_msg("case %zu: %d", i, h.kind);
		assert_string_equal(h.ip, cases[i].ip);
		assert_string_equal(h.mac, cases[i].mac);
		assert_string_equal(h.file, cases[i].file);
		assert_int_equal(h.bytes, cases[i].bytes);
	}
	/* At the edge of a name's length, beyond it, and beyond that of a note; a NUL ends nothing. */
	for (size_t n = 60; n < sizeof(large); n += n < 70 ? 1 : 400) {
		int head = snprintf(large, sizeof(large), "tftp 1 10.9.8.13 /s/tftp/");

		memset(large + head, 'x', n);
		vp_hook_parse(large, (size_t)head + n < sizeof(large) ? (size_t)head + n : sizeof(large), "/s/tftp", &h);
		assert_int_equal(h.kind, n < 64 ? VP_HOOK_SENT : VP_HOOK_NONE);
	}
	vp_hook_parse("tftp 1 10.9.8.13 /s/tftp/a\0b", 28, "/s/tftp", &h);
	assert_int_equal(h.kind, VP_HOOK_NONE);
}

#define NIC(mac, bridge, gateway) "{\"mac\": \"" mac "\", \"bridge\": \"" bridge "\", \"gateway\": \"" gateway "\"}"
#define JSON(nics)		  "{\"nics\": [" nics "], \"bridges\": [{\"name\": \"vpbr0\", \"address\": \"10.9.8.1\", \"prefix\": 24}]}"
#define MAC			  "52:54:00:12:34:56"

static void rows_become_hosts(void **state)
{
	static const struct {
		const char *name, *mac, *ip, *json;
		bool ok;
	} cases[] = {
		{ "a.b", MAC, "10.9.8.10", JSON(NIC("52:54:00:00:00:01", "x", "") "," NIC(MAC, "vpbr0", "10.9.8.254")), true },
		{ "a.b", MAC, "", JSON(NIC(MAC, "vpbr0", "")), true },
		{ "a.b", MAC, "10.9.8.10", JSON(NIC("52:54:00:00:00:01", "vpbr0", "")), false },
		{ "a.b", MAC, "10.9.8.10", "{", false },
		{ "a.b", MAC, "10.9.8.10", "", false },
		{ "a.b", MAC, "10.9.8.10\n", JSON(NIC(MAC, "vpbr0", "")), false },
		{ "a.b", MAC, "10.9.8.10", JSON(NIC(MAC, "vpbr0", "10.9.8.1,x")), false },
		{ "a.b", MAC, "10.9.8.10", JSON(NIC(MAC, "", "")), false },
		{ "a.b", MAC, "10.9.8.10", JSON(NIC(MAC, "../x", "")), false },
		{ "a.b", MAC, "10.9.8.10", JSON(NIC(MAC, "longer-than-an-interface", "")), false },
		{ "../a", MAC, "10.9.8.10", JSON(NIC(MAC, "vpbr0", "")), false },
		{ "a,b", MAC, "10.9.8.10", JSON(NIC(MAC, "vpbr0", "")), false },
		{ "a\nb", MAC, "10.9.8.10", JSON(NIC(MAC, "vpbr0", "")), false },
		{ "a.b", "52:54:00:12:34:5,", "10.9.8.10", JSON(NIC("52:54:00:12:34:5,", "vpbr0", "")), false },
	};

	(void)state;
	for (size_t i = 0; i < vp_count(cases); i++) {
		const struct vp_node_row row = { .name = cases[i].name, .mac = cases[i].mac, .ip = cases[i].ip, .json = cases[i].json };
		struct vp_dhcp_host h;
		struct vp_serve_net n;

		assert_int_equal(vp_dhcp_host_of(arena, &row, &h, &n), cases[i].ok);
		if (!cases[i].ok)
			continue;
		assert_string_equal(h.bridge, "vpbr0");
		assert_string_equal(n.address, "10.9.8.1");
		assert_int_equal(n.prefix, 24);
	}
}

static void put(struct vp_served_files *f, const char *path, const char *text, bool reload)
{
	f->items = vp_grow_in(f->arena, f->items, f->n, &f->cap, sizeof(*f->items));
	f->items[f->n++] = (struct vp_served){ path, text, reload };
}

static const char *content(const char *dir, const char *path)
{
	vp_cleanup(vp_buf_free) struct vp_buf b = { 0 };

	return vp_read_file(vp_printf(arena, "%s/%s", dir, path), 100, &b, NULL) ? "absent" : vp_strdup(arena, vp_buf_str(&b));
}

static void only_what_changed_is_written(void **state)
{
	struct vp_served_files none = { .arena = arena }, one = { .arena = arena }, two = { .arena = arena };
	char dir[] = "/tmp/pxeconf.XXXXXX";
	struct vp_err err = { 0 };
	bool reload = false;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(vp_mkdirs(vp_printf(arena, "%s/dnsmasq", dir), 0755, &err), 0);
	put(&one, "c", "3", true);
	put(&one, "a", "1", true);
	put(&one, "b", "2", false);
	assert_int_equal(vp_served_sync(dir, &none, &one, &reload, &err), 0);
	assert_true(reload);
	assert_string_equal(content(dir, "a"), "1");
	assert_string_equal(content(dir, "c"), "3");
	/* Nothing changed: nothing is written, even where somebody else did. */
	reload = false;
	assert_int_equal(truncate(vp_printf(arena, "%s/a", dir), 0), 0);
	put(&two, "a", "1", true);
	put(&two, "b", "new", false);
	put(&two, "c", "3", true);
	assert_int_equal(vp_served_sync(dir, &one, &two, &reload, &err), 0);
	assert_false(reload);
	assert_string_equal(content(dir, "a"), "");
	assert_string_equal(content(dir, "b"), "new");
	assert_int_equal(vp_served_sync(dir, &two, &none, &reload, &err), 0);
	assert_true(reload);
	assert_string_equal(content(dir, "b"), "absent");
	assert_int_equal(vp_remove_tree(dir, &err), 0);
	/* A directory that is gone is told. */
	assert_int_equal(vp_served_sync(dir, &none, &one, &reload, &err), -1);
	assert_int_equal(err.code, VP_E_IO);
}

/* A lease goes with its address: what another machine had is not kept, however its MAC is written. */
static void test_leases(void **state)
{
	static const char text[] = "1795600000 52:54:00:00:00:01 10.9.8.10 old *\n"
				   "1795600000 52:54:00:00:00:0A 10.9.8.11 n2 01:52:54:00:00:00:0a\n"
				   "1795600000 52:54:00:00:00:99 10.9.8.99 * *\n"
				   "duid 00:01\n"
				   "1795600000 52:54:00:00:00:02 10.9.8.10 cut";
	struct vp_node_row nodes[] = { { .name = "n1", .mac = "52:54:00:00:00:03", .ip = "10.9.8.10" },
				       { .name = "n2", .mac = "52:54:00:00:00:0a", .ip = "10.9.8.11" } };
	const struct vp_node_rows rows = { .items = nodes, .n = 2 };
	struct vp_buf rest = { 0 };

	(void)state;
	assert_int_equal(vp_leases_keep(text, &rows, &rest), 2);
	assert_string_equal(vp_buf_str(&rest), "1795600000 52:54:00:00:00:0A 10.9.8.11 n2 01:52:54:00:00:00:0a\n"
					       "1795600000 52:54:00:00:00:99 10.9.8.99 * *\nduid 00:01\n");
	vp_buf_free(&rest);
	assert_int_equal(vp_leases_keep("", &rows, &rest), 0);
	vp_buf_free(&rest);
}

static void test_syslog(void **state)
{
	static const char *const cases[][2] = { { "<30>Nov 25 10:11:12 anaconda: installing glibc\n", "anaconda: installing glibc" },
						{ "<30>Nov  5 10:11:12 main-menu[221]: x", "main-menu[221]: x" },
						{ "<165>1 2026-11-25T10:11:12Z n1 app - - - text", "1 2026-11-25T10:11:12Z n1 app - - - text" },
						{ "no priority", "no priority" },
						{ "<1234567>x", "<1234567>x" },
						{ "<", "<" },
						{ "<>", "" },
						{ "", "" },
						{ " \n\n", "" } };
	char out[64];

	(void)state;
	for (size_t i = 0; i < vp_count(cases); i++) {
		/* Without what ends a string. */
		size_t n = strlen(cases[i][0]);
		char *data = vp_xcalloc(1, n + 1);

		memcpy(data, cases[i][0], n);
		data = vp_xrealloc(data, n ? n : 1);
		vp_syslog_text(data, n, out, sizeof(out));
		assert_string_equal(out, cases[i][1]);
		free(data);
	}
	vp_syslog_text("abcdef", 6, out, 4);
	assert_string_equal(out, "abc");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_leases),
		cmocka_unit_test(test_syslog),
		cmocka_unit_test(dnsmasq_of_two_networks),
		cmocka_unit_test(tftp_is_sized_by_the_nodes),
		cmocka_unit_test(ranges_cover_the_network),
		cmocka_unit_test(dnsmasq_accepts_it),
		cmocka_unit_test(files_of_a_host),
		cmocka_unit_test(every_loader_has_its_language),
		cmocka_unit_test(loaders_have_names),
		cmocka_unit_test(boot_decisions),
		cmocka_unit_test(log_lines),
		cmocka_unit_test(hook_notes),
		cmocka_unit_test(rows_become_hosts),
		cmocka_unit_test(only_what_changed_is_written),
	};
	int rc;

	arena = vp_arena_new();
	rc = cmocka_run_group_tests_name("pxeconf", tests, NULL, NULL);
	vp_arena_free(arena);
	return rc;
}
