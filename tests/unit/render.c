// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <libxml/parser.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../templates/render.h"

/* A node as the binder would make it, in one piece, so that a copy of it can be changed. */
struct sample {
	struct vp_node node;
	struct vp_disk disks[2];
	struct vp_nic nics[2];
};

static struct vp_bridge bridges[] = { { .name = "vpbr0", .address = "192.0.2.1", .prefix = 24 }, { .name = "storage", .address = "" } };
static struct vp_partition partitions[] = {
	{ .name = "sda1", .size = 512 * VP_MIB, .number = 1, .bootable = true },
	{ .name = "sda2", .number = 2 },
	{ .name = "sdb1", .disk = 1, .size = 1024 * VP_MIB, .number = 1 },
};
static struct vp_filesystem filesystems[] = {
	{ .on = { VP_BLOCK_PARTITION, 0 }, .mountpoint = "/boot", .type = "ext3", .options = "defaults", .label = "boot", .format = true },
	{ .on = { VP_BLOCK_PARTITION, 1 }, .mountpoint = "/", .type = "ext4", .options = "noatime", .label = "", .format = true },
	{ .on = { VP_BLOCK_PARTITION, 2 }, .mountpoint = "/srv", .type = "xfs", .options = "", .label = "", .preserve = true },
};
static struct vp_device devices[] = { { .label = "msdos" }, { .label = "gpt" } };
static const char *nameservers[] = { "192.0.2.1", "198.51.100.53" };
static const char *keys[] = { "ssh-ed25519 AAAA admin@example.org" };
static const char *packages[] = { "bonnie++", "iperf3" };
static struct vp_origin origins[] = {
	{ .field = "memory", .value = "2048", .path = "/hardware/ram/0/size", .file = "wn01.xml", .line = 7 },
	{ .field = "uuid", .value = "", .path = "derived: name", .file = "" },
};

static const struct vp_node plain = {
	.name = "wn01.example.org",
	.hostname = "wn01",
	.domain = "example.org",
	.uuid = "6ba7b810-9dad-51d1-80b4-00c04fd430c8",
	.vcpus = 4,
	.sockets = 2,
	.memory = 2048 * VP_MIB,
	.ndisks = 2,
	.nnics = 2,
	.bridges = bridges,
	.nbridges = 2,
	.partitions = partitions,
	.npartitions = 3,
	.devices = devices,
	.filesystems = filesystems,
	.nfilesystems = 3,
	.nameservers = nameservers,
	.nnameservers = 2,
	.rootpw = "$6$salt$hash",
	.ssh_keys = keys,
	.nssh_keys = 1,
	.tuning = { .rng = true, .panic = true },
	.kernel_args = "quiet",
	.packages = packages,
	.npackages = 2,
	.verify = { true, 3, 5, 64 },
	.file = "wn01.xml",
	.digest = "00ff",
	.host = "",
	.role = "",
	.origins = origins,
	.norigins = 2,
};

/* Every kind of guest with several kinds of devices; each is rendered for its first boot and for those from disk. */
static const struct kind {
	const char *name, *bus, *prefix, *model;
	enum vp_virt virt;
	enum vp_firmware firmware;
	unsigned mtu;
	bool own_taps;
} kinds[] = {
	{ "kvm-virtio", "virtio", "vd", "virtio", VP_KVM, VP_BIOS, 0, true },
	{ "kvm-virtio-bridge", "virtio", "vd", "virtio", VP_KVM, VP_BIOS, 9000, false },
	{ "kvm-ide-e1000", "ide", "hd", "e1000", VP_KVM, VP_BIOS, 0, true },
	{ "kvm-scsi-uefi", "scsi", "sd", "virtio", VP_KVM, VP_UEFI, 1400, true },
	{ "qemu-virtio", "virtio", "vd", "virtio", VP_QEMU, VP_BIOS, 0, true },
	{ "qemu-sata-e1000", "sata", "sd", "e1000", VP_QEMU, VP_BIOS, 0, false },
	{ "xen-para", "xen", "xvd", "netfront", VP_XEN_PARA, VP_BIOS, 0, false },
	{ "xen-hvm-ide-e1000", "ide", "hd", "e1000", VP_XEN_HVM, VP_BIOS, 0, true },
	{ "xen-hvm-xen-netfront", "xen", "xvd", "netfront", VP_XEN_HVM, VP_BIOS, 0, false },
};

static const char *targets[][2] = { { "vda", "vdb" }, { "hda", "hdb" }, { "sda", "sdb" }, { "xvda", "xvdb" } };

static void fill(struct sample *s, const struct kind *k)
{
	*s = (struct sample){ .node = plain };
	s->node.virt = k->virt;
	s->node.firmware = k->firmware;
	for (size_t i = 0; i < vp_count(targets); i++)
		if (!strncmp(targets[i][0], k->prefix, strlen(k->prefix)))
			for (size_t d = 0; d < 2; d++)
				s->disks[d].target = targets[i][d];
	for (size_t d = 0; d < 2; d++) {
		s->disks[d] = (struct vp_disk){ .name = d ? "sdb" : "sda",
						.target = s->disks[d].target,
						.bus = k->bus,
						.format = d ? "raw" : "qcow2",
						.path = d ? "/srv/images/data disk.img" : "/var/lib/vprov/disks/wn01.example.org-sda.qcow2",
						.size = (d ? 2048 : 10240) * VP_MIB,
						.boot = !d };
		s->nics[d] = (struct vp_nic){ .name = d ? "eth1" : "eth0",
					      .mac = d ? "52:54:00:00:00:02" : "52:54:00:00:00:01",
					      .model = k->model,
					      .bridge = d ? "storage" : "vpbr0",
					      .tap = d ? "vp6ba7b810e1" : "vp6ba7b810e0",
					      .ip = d ? "" : "192.0.2.17",
					      .prefix = d ? 0 : 20,
					      .gateway = d ? "" : "192.0.2.1",
					      .dhcp = d,
					      .boot = !d,
					      .mtu = d ? k->mtu : 0 };
	}
	s->node.disks = s->disks;
	s->node.nics = s->nics;
}

/* Where the tree and this test's own files are. */
static char ship[4096], site[64];

static struct vp_render renderer(const struct kind *k)
{
	return (struct vp_render){ .ship_dir = ship,
				   .state_dir = "/var/lib/vprov",
				   .own_taps = k->own_taps,
				   .kernel = "/var/cache/vprov/vmlinuz",
				   .initrd = "/var/cache/vprov/initrd",
				   .cmdline = "console=hvc0 quiet" };
}

static void check_golden(const char *area, const char *name, const char *text)
{
	const char *top = getenv("VP_TOP");
	struct vp_buf path = { 0 }, golden = { 0 };
	struct vp_err err = { 0 };

	vp_buf_addf(&path, "%s/tests/golden/%s", top ? top : ".", area);
	if (getenv("VP_REGENERATE"))
		assert_int_equal(vp_mkdirs(path.data, 0755, &err), 0);
	vp_buf_addf(&path, "/%s", name);
	if (getenv("VP_REGENERATE"))
		assert_int_equal(vp_write_file(path.data, text, strlen(text), 0644, &err), 0);
	if (vp_read_file(path.data, VP_MAX_RENDER, &golden, &err))
		fail_msg("%s", err.msg);
	if (strcmp(vp_buf_str(&golden), text))
		fail_msg("%s differs from what is rendered now:\n%s", path.data, text);
	vp_buf_free(&path);
	vp_buf_free(&golden);
}

static void test_goldens(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * vp_count(kinds); i++) {
		const struct kind *k = &kinds[i / 2];
		struct vp_render r = renderer(k);
		struct vp_buf out = { 0 };
		struct vp_err err = { 0 };
		struct sample s;
		char name[80];

		fill(&s, k);
		if (vp_render_domain(&r, &s.node, i % 2 ? VP_BOOT_INSTALL : VP_BOOT_DISK, &out, &err))
			fail_msg("%s: %s", k->name, err.msg);
		snprintf(name, sizeof(name), "%s-%s.xml", k->name, i % 2 ? "install" : "disk");
		check_golden("domain", name, out.data);
		vp_buf_free(&out);
	}
}

static char *dump(const struct vp_node *n)
{
	json_t *j = vp_node_json(n);
	char *text = json_dumps(j, JSON_INDENT(2));
	char *line = vp_xrealloc(text, strlen(text) + 2);

	json_decref(j);
	return strcat(line, "\n");
}

static void test_node_json(void **state)
{
	struct sample s;
	char *text;

	(void)state;
	fill(&s, &kinds[0]);
	text = dump(&s.node);
	check_golden("render", "node.json", text);
	free(text);
	/* Nothing at all, and what is not UTF-8. */
	s.node = (struct vp_node){ .name = "a\xff\xc3", .hostname = "" };
	text = dump(&s.node);
	assert_non_null(strstr(text, "\"name\": \"a??\""));
	free(text);
}

static void test_network(void **state)
{
	struct vp_render r = renderer(&kinds[1]);
	struct vp_buf out = { 0 };
	struct vp_err err = { 0 };
	struct sample s;
	json_t *j;

	(void)state;
	fill(&s, &kinds[1]);
	j = vp_node_json(&s.node);
	if (vp_render_text(&r, "network", j, vp_escape_line, &out, &err))
		fail_msg("%s", err.msg);
	check_golden("render", "network.txt", out.data);
	json_decref(j);
	vp_buf_free(&out);
}

/* What a hostile value must not change: the names of elements and of their attributes, in order. */
static void shape(const xmlNode *n, struct vp_buf *out)
{
	for (; n; n = n->next) {
		if (n->type != XML_ELEMENT_NODE)
			continue;
		vp_buf_addf(out, "<%s", n->name);
		for (const xmlAttr *a = n->properties; a; a = a->next)
			vp_buf_addf(out, " %s", a->name);
		shape(n->children, out);
		vp_buf_adds(out, ">");
	}
}

/* The shape of a rendered domain, "" where the schema refused a value; fails where what was rendered is no XML. */
static struct vp_buf shape_of(const struct kind *k, const struct vp_node *n, const char *what)
{
	struct vp_render r = renderer(k);
	struct vp_buf out = { 0 }, text = { 0 };
	struct vp_err err = { 0 };
	xmlDoc *doc;

	if (vp_render_domain(&r, n, VP_BOOT_INSTALL, &out, &err)) {
		if (err.code != VP_E_SCHEMA || strstr(err.msg, "not well-formed"))
			fail_msg("%s: %s: %s", k->name, what, err.msg);
		vp_buf_free(&out);
		return text;
	}
	doc = xmlReadMemory(out.data, (int)out.len, NULL, NULL, XML_PARSE_NONET);
	assert_non_null(doc);
	shape(xmlDocGetRootElement(doc), &text);
	xmlFreeDoc(doc);
	vp_buf_free(&out);
	return text;
}

static const char *const hostile[] = {
	"'/><evil a='", "\"/><evil/>", "</name><evil/>",	"]]><!--",	"-->", "&evil;&amp;&#0;", "{{>domain-life.xml}}{{{uuid}}}",
	"<![CDATA[",	"<?evil?>",    "/a' b='\n\r\t\x01\x7f", "\xef\xbf\xbf",
};

static void test_hostile(void **state)
{
	unsigned rendered = 0;

	(void)state;
	for (size_t i = 0; i < vp_count(kinds); i++) {
		struct sample s = { 0 };
		struct vp_buf before;
		const char **fields[] = { &s.node.name,	    &s.node.hostname,	&s.node.domain,	  &s.disks[0].name, &s.disks[0].target,
					  &s.disks[0].bus,  &s.disks[1].format, &s.disks[1].path, &s.nics[0].name,  &s.nics[0].mac,
					  &s.nics[1].model, &s.nics[0].bridge,	&s.nics[0].tap,	  &s.nics[0].ip,    &s.nics[0].gateway,
					  &s.node.rootpw,   &s.node.kernel_args };

		fill(&s, &kinds[i]);
		before = shape_of(&kinds[i], &s.node, "plain");
		assert_true(before.len > 100);
		for (size_t f = 0; f < vp_count(fields) * vp_count(hostile); f++) {
			struct vp_buf after;

			fill(&s, &kinds[i]);
			*fields[f / vp_count(hostile)] = hostile[f % vp_count(hostile)];
			after = shape_of(&kinds[i], &s.node, hostile[f % vp_count(hostile)]);
			if (after.len && strcmp(after.data, vp_buf_str(&before)))
				fail_msg("%s: '%s' made %s", kinds[i].name, hostile[f % vp_count(hostile)], after.data);
			rendered += after.len > 0;
			vp_buf_free(&after);
		}
		vp_buf_free(&before);
	}
	/* Most fields take any text: the test would prove nothing if the schema refused everything. */
	assert_true(rendered > vp_count(kinds) * vp_count(hostile) * 8);
}

/* A template of the site, by name; the text that the node then renders to, or the error. */
static struct vp_buf with_site(const char *name, const char *text, enum vp_boot boot, struct vp_err *err)
{
	struct vp_render r = renderer(&kinds[0]);
	struct vp_buf path = { 0 }, out = { 0 };
	struct sample s;

	*err = (struct vp_err){ 0 };
	fill(&s, &kinds[0]);
	r.site_dir = site;
	vp_buf_addf(&path, "%s/%s.mustache", site, name);
	assert_int_equal(vp_write_file(path.data, text, strlen(text), 0644, err), 0);
	vp_buf_adds(&out, "kept");
	if (vp_render_domain(&r, &s.node, boot, &out, err))
		assert_string_equal(out.data, "kept");
	unlink(path.data);
	vp_buf_free(&path);
	return out;
}

static void test_override(void **state)
{
	struct vp_err err;
	struct vp_buf out = with_site("domain-serial.xml", "<serial type='null'><target port='0'/></serial>\n", VP_BOOT_DISK, &err);

	(void)state;
	assert_string_equal(err.msg, "");
	assert_non_null(strstr(out.data, "kept<domain"));
	/* One partial is the site's, indented as the shipped one was; the others are the shipped ones. */
	assert_non_null(strstr(out.data, "\n    <serial type='null'>"));
	assert_null(strstr(out.data, "<log file"));
	assert_non_null(strstr(out.data, "<disk type='file'"));
	vp_buf_free(&out);
	out = with_site("domain-kvm.xml", "<domain type='kvm'><name>{{name}}</name><memory>1</memory><os><type>hvm</type></os></domain>",
			VP_BOOT_DISK, &err);
	assert_string_equal(out.data, "kept<domain type='kvm'><name>wn01.example.org</name><memory>1</memory><os><type>hvm</type></os></domain>");
	vp_buf_free(&out);
}

static void put_site(const char *name, const char *text)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s.mustache", site, name);
	if (text)
		assert_int_equal(vp_write_file(path, text, strlen(text), 0644, NULL), 0);
	else
		unlink(path);
}

/* NAME.ROLE is preferred, for a template as for a partial, by nodes of that role alone. */
static void test_role(void **state)
{
	static const char *const roles[] = { "wn", "ce", "", "../x" };
	struct vp_render r = renderer(&kinds[0]);

	(void)state;
	r.site_dir = site;
	put_site("page", "{{role}}: {{>part}}");
	put_site("page.wn", "worker {{>part}}");
	put_site("part", "all");
	put_site("part.ce", "ce");
	for (size_t i = 0; i < vp_count(roles); i++) {
		static const char *const want[] = { "worker all", "ce: ce", ": all", "../x: all" };
		vp_cleanup(vp_buf_free) struct vp_buf out = { 0 };
		struct vp_err err = { 0 };
		struct sample s;
		json_t *data;

		fill(&s, &kinds[0]);
		s.node.role = roles[i];
		data = vp_node_json(&s.node);
		assert_int_equal(vp_render_text(&r, "page", data, vp_escape_line, &out, &err), 0);
		assert_string_equal(out.data, want[i]);
		json_decref(data);
	}
	put_site("page", NULL);
	put_site("page.wn", NULL);
	put_site("part", NULL);
	put_site("part.ce", NULL);
}

/* A guest on its hypervisor's volume, with the hypervisor's boot loader or kernel. */
static void test_placed(void **state)
{
	const struct kind *k = &kinds[6];
	struct vp_render r = renderer(k);
	struct vp_buf out = { 0 };
	struct vp_err err = { 0 };
	struct sample s;

	(void)state;
	fill(&s, k);
	s.disks[0].block = s.disks[1].readonly = true;
	s.disks[0].slot = "hda";
	s.disks[0].format = "raw";
	s.disks[0].path = "/dev/vg/wn01";
	s.node.boot.bootloader = "/usr/bin/pygrub";
	assert_int_equal(vp_render_domain(&r, &s.node, VP_BOOT_DISK, &out, &err), 0);
	assert_non_null(strstr(out.data, "<disk type='block' device='disk'>"));
	assert_non_null(strstr(out.data, "<source dev='/dev/vg/wn01'/>\n      <target dev='hda' bus='xen'/>\n    </disk>"));
	assert_non_null(strstr(out.data, "<target dev='xvdb' bus='xen'/>\n      <readonly/>"));
	assert_non_null(strstr(out.data, "<bootloader>/usr/bin/pygrub</bootloader>"));
	vp_buf_free(&out);
	s.node.boot = (struct vp_direct){ .kernel = "/boot/k", .initrd = "/boot/i", .cmdline = "root=/dev/xvda1" };
	assert_int_equal(vp_render_domain(&r, &s.node, VP_BOOT_DISK, &out, &err), 0);
	assert_null(strstr(out.data, "bootloader"));
	assert_non_null(strstr(out.data, "<kernel>/boot/k</kernel>"));
	assert_non_null(strstr(out.data, "<on_reboot>restart</on_reboot>"));
	vp_buf_free(&out);
}

/* What makes a domain of a known form wrong; without a memo each is refused by the schema. */
static void bad_mac(struct sample *s)
{
	s->nics[0].mac = "52:54:00:00:00:zz";
}

static void bad_group(struct sample *s)
{
	s->nics[0].mac = "01:54:00:00:00:01";
}

static void bad_uuid(struct sample *s)
{
	strcpy(s->node.uuid, "none");
}

static void bad_mtu(struct sample *s)
{
	s->nics[0].mtu = 7;
	s->nics[0].model = "a b";
}

/* A form that is known to be valid saves a validation, changes no output, and hides nothing that is wrong. */
static void test_forms(void **state)
{
	static void (*const spoil[])(struct sample *) = { bad_mac, bad_group, bad_uuid, bad_mtu };
	struct vp_render_memo *memo = vp_render_memo_new();
	struct vp_buf plain_text = { 0 }, text = { 0 };
	struct vp_err err = { 0 };
	struct sample s;

	(void)state;
	for (size_t k = 0; k < vp_count(kinds); k++)
		for (int other = 0; other < 2; other++) {
			struct vp_render r = renderer(&kinds[k]);

			fill(&s, &kinds[k]);
			if (other) {
				s.node.name = "wn-two.example.org";
				s.node.uuid[0] = '7';
				s.nics[0].mac = "52:54:00:00:aa:bb";
				s.nics[0].tap = "vp0123456789ab";
				s.disks[0].path = "/var/lib/vprov/disks/wn-two.example.org-sda.qcow2";
			}
			text.len = plain_text.len = 0;
			assert_int_equal(vp_render_domain(&r, &s.node, VP_BOOT_DISK, &plain_text, &err), 0);
			r.memo = memo;
			assert_int_equal(vp_render_domain(&r, &s.node, VP_BOOT_DISK, &text, &err), 0);
			assert_string_equal(text.data, plain_text.data);
		}
	for (size_t i = 0; i < vp_count(spoil); i++) {
		struct vp_render r = renderer(&kinds[0]);

		fill(&s, &kinds[0]);
		spoil[i](&s);
		assert_int_equal(vp_render_domain(&r, &s.node, VP_BOOT_DISK, &text, &err), -1);
		r.memo = memo;
		assert_int_equal(vp_render_domain(&r, &s.node, VP_BOOT_DISK, &text, &err), -1);
		assert_int_equal(err.code, VP_E_SCHEMA);
	}
	vp_buf_free(&plain_text);
	vp_buf_free(&text);
	vp_render_memo_free(memo);
}

static const struct broken {
	const char *name, *text;
	enum vp_code code;
	const char *words[3];
} broken[] = {
	{ "domain-nic.xml",
	  "<interface type='bridge'><source brigde='{{bridge}}'/></interface>",
	  VP_E_SCHEMA,
	  { "/domain-nic.xml.mustache", "domain-kvm.xml.mustache", "devices" } },
	{ "domain-disk.xml", "<disk>", VP_E_SCHEMA, { "/domain-disk.xml.mustache", "not well-formed: line " } },
	{ "domain-kvm.xml", "", VP_E_SCHEMA, { "/domain-kvm.xml.mustache", "not well-formed" } },
	{ "domain-kvm.xml", "<domain/>", VP_E_SCHEMA, { "/domain-kvm.xml.mustache", "line 1" } },
	{ "domain-life.xml", "x\n{{#kernel}}\n", VP_E_TEMPLATE, { "/domain-life.xml.mustache", "domain-life.xml:2: unclosed section kernel" } },
	{ "domain-life.xml", "{{>missing}}", VP_E_TEMPLATE, { "missing", "No such file" } },
	{ "domain-life.xml", "{{>../../etc/passwd}}", VP_E_TEMPLATE, { "'../../etc/passwd' is no name of a template" } },
	{ "domain-life.xml", "{{>domain-life.xml}}", VP_E_TEMPLATE, { "nested too deeply" } },
	{ "domain-life.xml", "{{disks}}", VP_E_TEMPLATE, { "domain-life.xml:1: a list or an object is no text (disks)" } },
};

static void test_broken(void **state)
{
	(void)state;
	for (size_t i = 0; i < vp_count(broken); i++) {
		const struct broken *b = &broken[i];
		struct vp_err err;
		struct vp_buf out = with_site(b->name, b->text, VP_BOOT_INSTALL, &err);

		if (err.code != b->code)
			fail_msg("%s '%s': code %d: %s", b->name, b->text, err.code, err.msg);
		for (size_t w = 0; w < vp_count(b->words) && b->words[w]; w++)
			if (!strstr(err.msg, b->words[w]))
				fail_msg("%s '%s': no '%s' in: %s", b->name, b->text, b->words[w], err.msg);
		vp_buf_free(&out);
	}
}

static void test_no_boot_rom(void **state)
{
	const struct kind para = { .virt = VP_XEN_PARA, .bus = "xen", .prefix = "xvd", .model = "netfront" };
	struct vp_render r = { .ship_dir = ship, .state_dir = "/s" };
	struct vp_buf out = { 0 };
	struct vp_err err = { 0 };
	struct sample s;

	(void)state;
	fill(&s, &para);
	assert_int_equal(vp_render_domain(&r, &s.node, VP_BOOT_INSTALL, &out, &err), -1);
	assert_int_equal(err.code, VP_E_VIRT);
	assert_int_equal(vp_render_domain(&r, &s.node, VP_BOOT_DISK, &out, &err), 0);
	vp_buf_free(&out);
}

/* Path, value; what is in the domain then, or (refused) in the message; what is not there any more. */
static const struct {
	const char *path, *value;
	bool refused;
	const char *has, *not ;
} assignments[] = {
	{ "./devices/disk[1]/driver/@cache", "none", false, "cache=\"none\"", NULL },
	{ "./devices/disk/driver/@cache", "none", false, "cache=\"none\"", "writeback" },
	{ "./devices/disk[target/@dev='vdb']/driver/@io", "threads", false, "io=\"threads\"", NULL },
	{ "./memory", "4096", false, ">4096</memory>", ">2048<" },
	{ "./devices/rng", "", false, NULL, "<rng" },
	{ "./devices/disk/driver/@cache", "", false, NULL, "cache=" },
	{ "./devices/nosuch", "", false, NULL, "nosuch" },
	{ "./cputune/vcpupin[@vcpu='0']/@cpuset", "1-3", false, "<vcpupin vcpu=\"0\" cpuset=\"1-3\"/>", NULL },
	{ "./title", "a < b & c", false, "<title>a &lt; b &amp; c</title>", NULL },
	{ "./qemu:commandline/qemu:arg/@value", "-x", false, "xmlns:qemu=", NULL },
	{ "/domain[@type='xen']/devices/disk[1]/driver/@cache", "none", false, "writeback", "cache=\"none\"" },
	{ "./devices/dsk[2]/@x", "y", true, "'dsk[2]'", NULL },
	{ ".//dsk/@x", "y", true, "leads to nothing", NULL },
	{ "./devices/disk/@nosuch", "y", true, "schema", NULL },
	{ "./nosuch", "y", true, "schema", NULL },
	{ "./name", "other", true, "name and UUID", NULL },
	{ "./uuid", "", true, "name and UUID", NULL },
	{ ".", "x", true, "something else", NULL },
	{ ".//*", "", true, "name and UUID", NULL },
	{ ".//*", "x", true, "name and UUID", NULL },
	{ "./namespace::*", "x", true, "something else", NULL },
	{ "./count(x)/@y[", "x", true, "no XPath", NULL },
	{ "//*[count(//*[count(//*[count(//*[count(//*)>1])>1])>1])>1]/@x", "y", true, "too long", NULL },
};

static void test_assignments(void **state)
{
	struct vp_render r = renderer(&kinds[0]);

	(void)state;
	for (size_t i = 0; i < vp_count(assignments); i++) {
		struct vp_tweak t = { assignments[i].path, assignments[i].value, "/system/vprov/xml/2", "wn01.xml", 33 };
		struct vp_buf out = { 0 }, told = { 0 };
		struct vp_err err = { 0 };
		struct sample s;
		int rc;

		fill(&s, &kinds[0]);
		s.node.xml = &t;
		s.node.nxml = 1;
		r.assigned = &told;
		rc = vp_render_domain(&r, &s.node, VP_BOOT_DISK, &out, &err);
		if (rc ? !assignments[i].refused || err.code != VP_E_VALUE || !strstr(err.msg, "wn01.xml:33: /system/vprov/xml/2")
		       : assignments[i].refused || !strstr(vp_buf_str(&told), "(/system/vprov/xml/2, wn01.xml:33)\n"))
			fail_msg("%s: %d %s%s", t.path, rc, err.msg, vp_buf_str(&told));
		if (assignments[i].has && !strstr(rc ? err.msg : vp_buf_str(&out), assignments[i].has))
			fail_msg("%s: no '%s' in %s%s", t.path, assignments[i].has, err.msg, vp_buf_str(&out));
		if (assignments[i].not &&strstr(vp_buf_str(&out), assignments[i].not ))
			fail_msg("%s: '%s' in %s", t.path, assignments[i].not, vp_buf_str(&out));
		vp_buf_free(&out);
		vp_buf_free(&told);
	}
}

static int setup(void **state)
{
	const char *top = getenv("VP_TOP"), *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(ship, sizeof(ship), "%s/templates", top ? top : ".");
	snprintf(site, sizeof(site), "%s/vprov-site.XXXXXX", tmp && strlen(tmp) < 40 ? tmp : "/tmp");
	return mkdtemp(site) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	xmlCleanupParser();
	return rmdir(site);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_goldens), cmocka_unit_test(test_node_json),   cmocka_unit_test(test_network),
		cmocka_unit_test(test_hostile), cmocka_unit_test(test_override),    cmocka_unit_test(test_forms),
		cmocka_unit_test(test_broken),	cmocka_unit_test(test_no_boot_rom), cmocka_unit_test(test_role),
		cmocka_unit_test(test_placed),	cmocka_unit_test(test_assignments),
	};

	return cmocka_run_group_tests_name("render", tests, setup, teardown);
}
