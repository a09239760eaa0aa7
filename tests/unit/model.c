// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../provision/model/bind.h"

/* Every path that vprov reads has a value here, so that each can be made wrong. */
static const char full[] =
	"{\"hardware\":{\"bios\":{\"bootmode\":\"bios\"},\"cpu\":[{\"cores\":2},{\"cores\":2}],\"ram\":[{\"size\":1024},{\"size\":512}],"
	"\"harddisks\":{\"sda\":{\"capacity\":4096,\"boot\":true},\"sdb\":{\"capacity\":1024}},"
	"\"cards\":{\"nic\":{\"eth0\":{\"hwaddr\":\"00-11-22-33-44-5A\",\"boot\":false},\"eth1\":{\"hwaddr\":\"00:11:22:33:44:5B\",\"boot\":\"true\"}"
	"}}},"
	"\"system\":{\"aii\":{\"osinstall\":{\"ks\":{\"rootpw\":\"$1$57qRuCXe$NPngMkg4BrLBf5hfJzJh21\"}}},"
	"\"network\":{\"hostname\":\"CE01\",\"domainname\":\"Example.org\",\"default_gateway\":\"10.1.2.1\",\"nameserver\":[\"10.1.2.3\",\"2001:db8::"
	"1\"],"
	"\"interfaces\":{\"eth0\":{\"bootproto\":\"dhcp\",\"onboot\":\"no\"},"
	"\"eth1\":{\"bootproto\":\"static\",\"ip\":\"10.1.2.10\",\"netmask\":\"255.255.255.0\",\"gateway\":\"10.1.2.1\",\"mtu\":9000}}},"
	"\"blockdevices\":{\"physical_devs\":{\"sda\":{\"label\":\"gpt\"},\"sdb\":{\"label\":\"msdos\"}},\"partitions\":{"
	"\"sda1\":{\"holding_dev\":\"sda\",\"size\":512,\"type\":\"primary\",\"flags\":{\"boot\":true},\"aii\":true},"
	"\"sda2\":{\"holding_dev\":\"sda\",\"type\":\"primary\"},\"sdb1\":{\"holding_dev\":\"sdb\",\"size\":256}}},"
	"\"filesystems\":[{\"block_device\":\"partitions/sda2\",\"mountpoint\":\"/\",\"type\":\"ext4\",\"mountopts\":\"noatime\",\"label\":\"root\","
	"\"format\":true,\"preserve\":false,\"mount\":true,\"aii\":true},"
	"{\"block_device\":\"partitions/sda1\",\"mountpoint\":\"/boot\",\"type\":\"ext3\"},"
	"{\"block_device\":\"partitions/sdb1\",\"mountpoint\":\"swap\",\"type\":\"swap\"}],"
	"\"vprov\":{\"virt\":\"kvm\",\"firmware\":\"bios\",\"install\":\"image\",\"deadline\":100,\"bridge\":{\"name\":\"vpbr0\",\"address\":\"10.1."
	"2.1/24\"},"
	"\"kernel_args\":\"quiet console=ttyS0\",\"rootpw\":\"$6$saltsalt$abcdefghijkl\","
	"\"ssh_keys\":[\"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJmZ0c9sN0wWlvBq6Lb admin@example.org\"],\"packages\":[\"htop\",\"g++\"],"
	"\"verify\":{\"enabled\":true,\"cpu_laps\":3,\"net_seconds\":1,\"disk_mib\":32},"
	"\"disk\":{\"bus\":\"virtio\",\"format\":\"qcow2\",\"dir\":\"/srv/vprov\"},\"disks\":{\"sdb\":{\"bus\":\"sata\",\"format\":\"raw\"}},"
	"\"nics\":{\"eth0\":{\"model\":\"e1000\",\"bridge\":\"storage\"}}}}}";

struct world {
	struct vp_arena *a;
	struct vp_diags diags;
	struct vp_site *site;
	struct vp_bind_opts opts;
	/* The profile as it is before binding. */
	json_t *json;
};

static int setup(void **state)
{
	struct world *w = vp_xcalloc(1, sizeof(*w));

	w->a = vp_arena_new();
	w->diags.arena = w->a;
	w->opts = (struct vp_bind_opts){ .virt = -1, .state_dir = "/s" };
	w->json = json_loads(full, 0, NULL);
	assert_non_null(w->json);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	json_decref(w->json);
	vp_diags_free(&w->diags);
	vp_arena_free(w->a);
	free(w);
	return 0;
}

static json_t *get(json_t *root, const char *path)
{
	char copy[256], *rest = copy, *name;

	snprintf(copy, sizeof(copy), "%s", path + 1);
	while ((name = strsep(&rest, "/")) && root)
		root = json_is_array(root) ? json_array_get(root, (size_t)atoi(name)) : json_object_get(root, name);
	return root;
}

/* Puts (JSON text) or, with NULL, removes a value. */
static void put(struct world *w, const char *path, const char *text)
{
	const char *last = strrchr(path, '/') + 1;
	char up[256];
	json_t *parent, *value = text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;

	snprintf(up, sizeof(up), "%.*s", (int)(last - path - 1), path);
	parent = *up ? get(w->json, up) : w->json;
	assert_non_null(parent);
	assert_true(value || !text);
	if (json_is_array(parent) && value)
		json_array_set_new(parent, (size_t)atoi(last), value);
	else if (json_is_array(parent))
		json_array_remove(parent, (size_t)atoi(last));
	else if (value)
		json_object_set_new(parent, last, value);
	else
		assert_int_equal(json_object_del(parent, last), 0);
}

/* The tree is gone when the node is looked at. */
static struct vp_node *bind_as(struct world *w, const char *file)
{
	struct vp_arena *tree = vp_arena_new();
	char *text = json_dumps(w->json, JSON_INDENT(1)), *name = vp_strdup(tree, file);
	struct vp_profile *p = vp_profile_parse(tree, name, text, strlen(text), &w->diags);
	struct vp_node *n = p ? vp_bind(w->a, p, w->site, &w->opts, &w->diags) : NULL;

	free(text);
	vp_arena_free(tree);
	return n;
}

static struct vp_node *bind(struct world *w)
{
	return bind_as(w, "t.json");
}

static struct vp_node *bind_ok(struct world *w)
{
	struct vp_node *n = bind(w);

	if (!n)
		vp_diags_print(&w->diags, stderr);
	assert_non_null(n);
	return n;
}

static const struct vp_diag *find_diag(const struct world *w, enum vp_code code, const char *path)
{
	for (size_t i = 0; i < w->diags.n; i++)
		if (w->diags.items[i].code == code && !strcmp(w->diags.items[i].path, path))
			return &w->diags.items[i];
	return NULL;
}

/* A template for mkstemp(). */
static char *temp(struct world *w)
{
	const char *dir = getenv("TMPDIR");

	return vp_printf(w->a, "%s/vprov-model-XXXXXX", dir ? dir : "/tmp");
}

static void read_site(struct world *w, const char *text)
{
	char *file = temp(w);
	int fd = mkstemp(file);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	w->site = vp_site_read(w->a, file, &w->diags);
	unlink(file);
}

static void everything_is_bound(void **state)
{
	struct world *w = *state;
	struct vp_node *n = bind_ok(w);

	assert_int_equal(w->diags.n, 0);
	assert_string_equal(n->name, "ce01.example.org");
	assert_string_equal(n->hostname, "ce01");
	assert_int_equal(n->vcpus, 4);
	assert_int_equal(n->sockets, 2);
	assert_int_equal(n->memory, 1536 * VP_MIB);
	assert_int_equal(n->ndisks, 2);
	assert_string_equal(n->disks[0].target, "vda");
	assert_string_equal(n->disks[0].path, "/srv/vprov/ce01.example.org-sda.qcow2");
	assert_true(n->disks[0].boot);
	assert_string_equal(n->disks[1].target, "sda");
	assert_string_equal(n->disks[1].path, "/srv/vprov/ce01.example.org-sdb.raw");
	assert_string_equal(n->devices[0].label, "gpt");
	assert_int_equal(n->nnics, 2);
	assert_int_equal(n->boot_nic, 1);
	assert_string_equal(n->nics[0].mac, "00:11:22:33:44:5a");
	assert_string_equal(n->nics[0].model, "e1000");
	assert_string_equal(n->nics[0].bridge, "storage");
	assert_true(n->nics[0].dhcp);
	assert_string_equal(n->nics[1].ip, "10.1.2.10");
	assert_int_equal(n->nics[1].prefix, 24);
	assert_string_equal(n->nics[1].gateway, "10.1.2.1");
	assert_int_equal(n->nics[1].mtu, 9000);
	assert_true(n->nics[1].boot && !n->nics[1].dhcp && !n->nics[0].boot);
	assert_true(strlen(n->nics[1].tap) <= 15);
	assert_string_not_equal(n->nics[0].tap, n->nics[1].tap);
	assert_int_equal(n->nbridges, 2);
	assert_string_equal(n->bridges[0].name, "storage");
	assert_string_equal(n->bridges[0].address, "");
	assert_string_equal(n->bridges[1].address, "10.1.2.1");
	assert_int_equal(n->bridges[1].prefix, 24);
	assert_int_equal(n->npartitions, 3);
	assert_int_equal(n->partitions[0].size, 512 * VP_MIB);
	assert_true(n->partitions[0].bootable);
	assert_int_equal(n->partitions[1].size, 0);
	assert_int_equal(n->partitions[1].number, 2);
	assert_int_equal(n->partitions[2].disk, 1);
	/* Parents before what is mounted below them. */
	assert_string_equal(n->filesystems[0].mountpoint, "/");
	assert_int_equal(n->filesystems[0].on.kind, VP_BLOCK_PARTITION);
	assert_int_equal(n->filesystems[0].on.index, 1);
	assert_string_equal(n->filesystems[0].options, "noatime");
	assert_string_equal(n->filesystems[1].mountpoint, "/boot");
	assert_string_equal(n->filesystems[2].type, "swap");
	assert_int_equal(n->nnameservers, 2);
	assert_string_equal(n->rootpw, "$6$saltsalt$abcdefghijkl");
	assert_int_equal(n->npackages, 2);
	assert_string_equal(n->packages[1], "g++");
	assert_int_equal(n->nssh_keys, 1);
	assert_int_equal(n->verify.disk_mib, 32);
	assert_string_equal(vp_origin_of(n, "nic.eth1.ip")->path, "/system/network/interfaces/eth1/ip");
	assert_string_equal(vp_origin_of(n, "nic.eth1.bridge")->path, "/system/vprov/bridge/name");
	assert_true(vp_origin_of(n, "memory")->line > 1);
	assert_null(vp_origin_of(n, "nothing"));
	for (size_t i = 0; i < n->norigins; i++)
		assert_true(strlen(n->origins[i].field) && n->origins[i].value && strlen(n->origins[i].path) && n->origins[i].file);
}

static void identity_is_stable(void **state)
{
	struct world *w = *state;
	struct vp_node *a, *b, *c;
	char uuid[37];

	put(w, "/hardware/cards/nic/eth1/hwaddr", NULL);
	a = bind_ok(w);
	put(w, "/hardware/ram/0/size", "2048");
	b = bind_ok(w);
	assert_string_equal(a->uuid, b->uuid);
	assert_int_equal(a->uuid[14], '5');
	assert_string_equal(a->nics[1].mac, b->nics[1].mac);
	assert_string_equal(a->nics[1].tap, b->nics[1].tap);
	/* Locally administered, one card's own. */
	assert_memory_equal(a->nics[1].mac, "02:", 3);
	put(w, "/system/network/hostname", "\"ce02\"");
	c = bind_ok(w);
	assert_string_not_equal(a->uuid, c->uuid);
	assert_string_not_equal(a->nics[1].mac, c->nics[1].mac);
	assert_string_not_equal(a->nics[1].tap, c->nics[1].tap);
	read_site(w, "namespace = 6ba7b810-9dad-11d1-80b4-00c04fd430c8\n");
	c = bind_ok(w);
	vp_uuid5("6ba7b810-9dad-11d1-80b4-00c04fd430c8", "ce02.example.org", uuid);
	assert_string_equal(c->uuid, uuid);
}

static void one_profile_fits_every_virtualisation(void **state)
{
	static const struct {
		const char *bus, *target, *model;
	} expect[] = { { "virtio", "vda", "virtio" }, { "virtio", "vda", "virtio" }, { "xen", "xvda", "netfront" }, { "ide", "xvda", "e1000" } };
	struct world *w = *state;

	put(w, "/system/vprov/disk/bus", NULL);
	put(w, "/system/vprov/nics", NULL);
	for (int v = 0; v < 4; v++) {
		struct vp_node *n;

		w->opts.virt = v;
		n = bind_ok(w);
		assert_int_equal(n->virt, v);
		assert_string_equal(vp_origin_of(n, "virt")->path, "option --virt");
		assert_string_equal(n->disks[0].bus, expect[v].bus);
		assert_string_equal(n->disks[0].target, expect[v].target);
		assert_string_equal(n->nics[0].model, expect[v].model);
		assert_int_equal(vp_virt_find(vp_virt_name((enum vp_virt)v)), v);
		/* sdb asks for sata, which Xen has not: said, and replaced. */
		assert_true(!find_diag(w, VP_E_ODD, "disk.sdb.bus") == (v < VP_XEN_PARA));
	}
	assert_int_equal(vp_virt_find("vmware"), -1);
}

static void defaults_without_any_layout(void **state)
{
	struct world *w = *state;
	struct vp_node *n;

	put(w, "/system/blockdevices", NULL);
	put(w, "/system/filesystems", NULL);
	put(w, "/system/vprov", NULL);
	put(w, "/hardware/harddisks/sda/boot", "false");
	put(w, "/hardware/harddisks/sdb/boot", "\"yes\"");
	n = bind_ok(w);
	assert_int_equal(n->install, VP_INSTALL_IMAGE);
	assert_int_equal(n->npartitions, 1);
	assert_int_equal(n->partitions[0].disk, 1);
	assert_true(n->disks[1].boot && !n->disks[0].boot);
	assert_string_equal(n->partitions[0].name, "sdb1");
	assert_string_equal(n->filesystems[0].type, "ext4");
	assert_string_equal(n->devices[1].label, "msdos");
	assert_string_equal(n->nics[1].bridge, "vprov0");
	/* The host plays the gateway. */
	assert_string_equal(n->bridges[0].address, "10.1.2.1");
	assert_int_equal(n->bridges[0].prefix, 24);
	assert_string_equal(n->rootpw, "$1$57qRuCXe$NPngMkg4BrLBf5hfJzJh21");
	assert_string_equal(n->disks[0].path, "/s/disks/ce01.example.org-sda.qcow2");
	assert_true(n->verify.enabled);
	w->opts.state_dir = NULL;
	assert_string_equal(bind_ok(w)->disks[0].path, "");
}

static void what_image_cannot_make(void **state)
{
	struct world *w = *state;
	struct vp_node *n;

	put(w, "/system/filesystems/2/block_device", "\"logical_volumes/swap\"");
	put(w, "/system/blockdevices/volume_groups", "{\"vg\":{\"device_list\":[\"partitions/sdb1\"]}}");
	put(w, "/system/blockdevices/logical_volumes", "{\"swap\":{\"volume_group\":\"vg\",\"type\":\"thin\"}}");
	assert_null(bind(w));
	assert_non_null(find_diag(w, VP_E_VALUE, "/system/blockdevices/logical_volumes/swap/type"));
	/* The same profile without a word on how to install it: a warning. */
	put(w, "/system/vprov/install", NULL);
	w->diags.n = 0;
	n = bind_ok(w);
	assert_int_equal(n->install, VP_INSTALL_NONE);
	assert_int_equal(w->diags.n, 1);
	assert_int_equal(w->diags.items[0].severity, VP_WARNING);
	/* And where it was meant, nothing. */
	put(w, "/system/vprov/install", "\"none\"");
	w->diags.n = 0;
	bind_ok(w);
	assert_int_equal(w->diags.n, 0);
	read_site(w, "install = image");
	put(w, "/system/vprov/install", NULL);
	assert_null(bind(w));
}

static void addresses_of_bridges_and_bonds(void **state)
{
	struct world *w = *state;
	struct vp_node *n;

	put(w, "/system/network/interfaces",
	    "{\"br0\":{\"ip\":\"10.1.2.9\",\"netmask\":\"255.255.255.0\",\"type\":\"Bridge\"},\"bond0\":{\"bridge\":\"br0\",\"bonding_opts\":{}},"
	    "\"eth1\":{\"master\":\"bond0\",\"bootproto\":\"none\"},\"eth0\":{\"bootproto\":\"none\"},\"eth0.101\":{\"vlan\":true},"
	    "\"lo\":{\"ip\":\"127.0.0.1\"}}");
	put(w, "/system/vprov/nics", NULL);
	n = bind_ok(w);
	assert_int_equal(w->diags.n, 0);
	assert_string_equal(n->nics[1].ip, "10.1.2.9");
	assert_string_equal(n->nics[1].gateway, "10.1.2.1");
	assert_string_equal(n->nics[0].ip, "");
	assert_false(n->nics[0].dhcp);
	/* Without cards, the interfaces that could be some. */
	put(w, "/hardware/cards", NULL);
	n = bind_ok(w);
	assert_int_equal(n->nnics, 2);
	assert_string_equal(n->nics[0].name, "eth0");
	/* eth0 boots now: it needs an address to be installed. */
	assert_true(n->nics[0].boot && n->nics[0].dhcp);
	/* Bridges that name each other end somewhere. */
	put(w, "/system/network/interfaces", "{\"eth0\":{\"bridge\":\"eth1\"},\"eth1\":{\"bridge\":\"eth0\"},\"eth2\":{}}");
	assert_int_equal(bind_ok(w)->nnics, 1);
}

static void site_configuration_fills_gaps(void **state)
{
	struct world *w = *state;
	struct vp_node *n;

	put(w, "/system/vprov", "{\"verify\":{\"cpu_laps\":3}}");
	read_site(w, "# comment\nvirt = qemu\nverify/cpu_laps = 9\nverify/net_seconds=7\n bridge/name =  br7 \nconnect = test:///default\n"
		     "packages = htop\npackages = gdb\nnics/eth0/model = virtio\n[node CE*.example.org]\nnics/*/model = e1000\ndisk/bus = sata\n"
		     "[node wn*]\nvirt = xen-para\n");
	assert_int_equal(w->diags.n, 0);
	assert_string_equal(vp_site_get(w->site, "connect"), "test:///default");
	assert_null(vp_site_get(w->site, "templates"));
	n = bind_ok(w);
	assert_int_equal(n->virt, VP_QEMU);
	assert_int_equal(n->verify.cpu_laps, 3);
	assert_int_equal(n->verify.net_seconds, 7);
	assert_string_equal(n->nics[0].bridge, "br7");
	assert_string_equal(n->nics[0].model, "e1000");
	assert_string_equal(n->disks[1].target, "sdb");
	assert_int_equal(n->npackages, 2);
	assert_string_equal(n->packages[1], "gdb");
	assert_string_equal(vp_origin_of(n, "virt")->path, "site:virt");
	assert_int_equal(vp_origin_of(n, "virt")->line, 2);
}

/* Where the path ends, whatever its conditions hold; and each of them has a place of its own. */
static void assignments_to_the_domain(void **state)
{
	static const char in_profile[] = "[\"./devices/disk[target/@dev = 'a=b']/driver/@cache=none\", \"./title = x = y\", \"./devices/rng =\"]";
	struct world *w = *state;
	struct vp_node *n;

	put(w, "/system/vprov/xml", in_profile);
	n = bind_ok(w);
	assert_int_equal(n->nxml, 3);
	assert_string_equal(n->xml[0].path, "./devices/disk[target/@dev = 'a=b']/driver/@cache");
	assert_string_equal(n->xml[0].value, "none");
	assert_string_equal(n->xml[1].path, "./title");
	assert_string_equal(n->xml[1].value, "x = y");
	assert_string_equal(n->xml[2].value, "");
	assert_string_equal(n->xml[2].origin, "/system/vprov/xml/2");
	assert_true(n->xml[2].line);
	put(w, "/system/vprov/xml", NULL);
	read_site(w, "xml = ./memory = 1\n[node ce*]\nxml = ./title = x\n");
	n = bind_ok(w);
	assert_int_equal(n->nxml, 2);
	assert_string_equal(n->xml[1].path, "./title");
	assert_string_equal(n->xml[1].origin, "site:xml");
	assert_int_equal(n->xml[1].line, 3);
}

static void site_configuration_is_checked(void **state)
{
	static const char *const wrong[] = {
		"virt = vmware",
		"nonsense = 1",
		"virt kvm",
		"[nodes x]\n",
		"[node ]",
		"virt = kvm\nvirt = qemu",
		"bridge/name = ../../x",
		"nics/eth0/mac = x",
		"verify/cpu_laps = 0",
		"deadline = soon",
		"packages = a b",
		"ssh_keys = rm -rf",
		"namespace = 12",
		"connect = qemu:///s '",
		"[node x]\nconnect = a:b",
		"[",
		"= kvm",
		"hostname = x",
	};
	struct world *w = *state;

	for (size_t i = 0; i < vp_count(wrong); i++) {
		w->diags.n = w->diags.errors = 0;
		read_site(w, wrong[i]);
		if (w->diags.errors != 1 || w->diags.items[0].code != VP_E_CONFIG || !w->diags.items[0].line)
			fail_msg("accepted: %s", wrong[i]);
	}
	w->diags.n = w->diags.errors = 0;
	assert_null(vp_site_read(w->a, "/nonexistent", &w->diags));
	assert_int_equal(w->diags.items[0].code, VP_E_CONFIG);
	read_site(w, "");
	assert_non_null(w->site);
}

/* path, JSON text (NULL removes it), code and path of the diagnostic. */
static const struct {
	const char *path, *text;
	enum vp_code code;
	const char *at;
} mistakes[] = {
	{ "/hardware/cpu", NULL, VP_E_MISSING, "/hardware/cpu" },
	{ "/hardware/cpu", "[]", VP_E_TYPE, "/hardware/cpu" },
	{ "/hardware/cpu", "{\"a\":{}}", VP_E_TYPE, "/hardware/cpu" },
	{ "/hardware/cpu/0/cores", "0", VP_E_VALUE, "/hardware/cpu/0/cores" },
	{ "/hardware/cpu/0/cores", "4096", VP_E_VALUE, "/hardware/cpu" },
	{ "/hardware/cpu/0/cores", "4097", VP_E_VALUE, "/hardware/cpu/0/cores" },
	{ "/hardware/cpu/0/cores", "\"2\"", VP_E_TYPE, "/hardware/cpu/0/cores" },
	{ "/system/vprov/xml", "[\"./memory = 1\", \"memory = 1\"]", VP_E_VALUE, "/system/vprov/xml/1" },
	{ "/system/vprov/cpu", "{\"pin\":[\"0=1\",\"x=1\"]}", VP_E_VALUE, "/system/vprov/cpu/pin/1" },
	{ "/system/vprov/cpu", "{\"pin\":[\"0=1,\"]}", VP_E_VALUE, "/system/vprov/cpu/pin/0" },
	{ "/system/vprov/cpu", "{\"model\":\"a b\"}", VP_E_VALUE, "/system/vprov/cpu/model" },
	{ "/system/vprov/cpu", "{\"threads\":0}", VP_E_VALUE, "/system/vprov/cpu/threads" },
	{ "/system/vprov/memory", "{\"hugepages\":\"4K\"}", VP_E_VALUE, "/system/vprov/memory/hugepages" },
	{ "/system/vprov/disk", "{\"io\":\"native\"}", VP_E_VALUE, "/system/vprov/disk/io" },
	{ "/system/vprov/xml", "[\"./memory\"]", VP_E_VALUE, "/system/vprov/xml/0" },
	{ "/system/vprov/xml", "[\"./memory[@unit = 'KiB'\"]", VP_E_VALUE, "/system/vprov/xml/0" },
	{ "/system/vprov/xml", "[\"./memory = 1\\n2\"]", VP_E_VALUE, "/system/vprov/xml/0" },
	{ "/hardware/ram", NULL, VP_E_MISSING, "/hardware/ram" },
	{ "/hardware/ram", "[{\"size\":63}]", VP_E_VALUE, "/hardware/ram" },
	{ "/hardware/ram/0/size", "0", VP_E_VALUE, "/hardware/ram/0/size" },
	{ "/hardware/ram/0/size", "16777216", VP_E_VALUE, "/hardware/ram" },
	{ "/hardware/ram/0/size", "512.5", VP_E_TYPE, "/hardware/ram/0/size" },
	{ "/hardware/ram/1", "{}", VP_E_MISSING, "/hardware/ram/1/size" },
	{ "/hardware/harddisks", NULL, VP_E_MISSING, "/hardware/harddisks" },
	{ "/hardware/harddisks", "[]", VP_E_TYPE, "/hardware/harddisks" },
	{ "/hardware/harddisks/sda/capacity", "1073741825", VP_E_VALUE, "/hardware/harddisks/sda/capacity" },
	{ "/hardware/harddisks/sda/capacity", NULL, VP_E_MISSING, "/hardware/harddisks/sda/capacity" },
	{ "/hardware/harddisks/_2e_2e_2fx", "{\"capacity\":5}", VP_E_VALUE, "/hardware/harddisks/_2e_2e_2fx" },
	{ "/hardware/harddisks/sda/capacity", "514", VP_E_SPACE, "/system/blockdevices/partitions/sda2" },
	{ "/hardware/cards/nic", "{\"eth/0\":{}}", VP_E_SYNTAX, "/hardware/cards/nic" },
	{ "/hardware/cards/nic/averyveryverylongname", "{}", VP_E_VALUE, "/hardware/cards/nic/averyveryverylongname" },
	{ "/hardware/cards/nic/eth0/hwaddr", "\"01:11:22:33:44:55\"", VP_E_VALUE, "/hardware/cards/nic/eth0/hwaddr" },
	{ "/hardware/cards/nic/eth0/hwaddr", "\"00:00:00:00:00:00\"", VP_E_VALUE, "/hardware/cards/nic/eth0/hwaddr" },
	{ "/hardware/cards/nic/eth0/boot", "1", VP_E_TYPE, "/hardware/cards/nic/eth0/boot" },
	{ "/system/network/hostname", NULL, VP_E_MISSING, "/system/network/hostname" },
	{ "/system/network/hostname", "\"ce_01\"", VP_E_VALUE, "/system/network/hostname" },
	{ "/system/network/hostname", "\"-ce\"", VP_E_VALUE, "/system/network/hostname" },
	{ "/system/network/interfaces/eth1/ip", "\"10.1.2.0\"", VP_E_VALUE, "/system/network/interfaces/eth1/ip" },
	{ "/system/network/interfaces/eth1/ip", "\"10.1.2.255\"", VP_E_VALUE, "/system/network/interfaces/eth1/ip" },
	{ "/system/network/interfaces/eth1/ip", "\"10.1.2.1\"", VP_E_VALUE, "/system/network/interfaces/eth1/ip" },
	{ "/system/network/interfaces/eth1/ip", "\"10.1.3.10\"", VP_E_VALUE, "/system/network/interfaces/eth1/ip" },
	{ "/system/network/interfaces/eth1/ip", "\"010.1.2.10\"", VP_E_VALUE, "/system/network/interfaces/eth1/ip" },
	{ "/system/network/interfaces/eth1/ip", "\"127.0.0.1\"", VP_E_VALUE, "/system/network/interfaces/eth1/ip" },
	{ "/system/network/interfaces/eth1/netmask", "\"255.0.255.0\"", VP_E_VALUE, "/system/network/interfaces/eth1/netmask" },
	{ "/system/network/interfaces/eth1/netmask", NULL, VP_E_MISSING, "/system/network/interfaces/eth1/ip" },
	{ "/system/network/interfaces/eth1/bootproto", "\"ppp\"", VP_E_VALUE, "/system/network/interfaces/eth1/bootproto" },
	{ "/system/network/interfaces/eth1/mtu", "68", VP_E_VALUE, "/system/network/interfaces/eth1/mtu" },
	{ "/system/network/nameserver/0", "7", VP_E_TYPE, "/system/network/nameserver/0" },
	{ "/system/blockdevices/partitions", "[]", VP_E_TYPE, "/system/blockdevices/partitions" },
	{ "/system/blockdevices/partitions/sda1/holding_dev", "\"sdz\"", VP_E_REFERENCE, "/system/blockdevices/partitions/sda1" },
	{ "/system/blockdevices/partitions/sda1/holding_dev", NULL, VP_E_MISSING, "/system/blockdevices/partitions/sda1/holding_dev" },
	{ "/system/blockdevices/partitions/sda1/size", "4096", VP_E_SPACE, "/system/blockdevices/partitions/sda2" },
	{ "/system/blockdevices/partitions/sda1/size", NULL, VP_E_VALUE, "/system/blockdevices/partitions/sda2" },
	{ "/system/blockdevices/partitions/sda1/type", "\"logical\"", VP_E_VALUE, "/system/blockdevices/partitions/sda1" },
	{ "/system/blockdevices/partitions/sda4", "{\"holding_dev\":\"sda\",\"size\":1}", VP_E_VALUE, "/system/blockdevices/partitions/sda4" },
	{ "/system/blockdevices/partitions/x1", "{\"holding_dev\":\"sda\",\"size\":1}", VP_E_VALUE, "/system/blockdevices/partitions/x1" },
	{ "/system/blockdevices/physical_devs/sda/label", "\"bsd\"", VP_E_VALUE, "/system/blockdevices/physical_devs/sda/label" },
	{ "/system/filesystems", "{}", VP_E_TYPE, "/system/filesystems" },
	{ "/system/filesystems/0", NULL, VP_E_MISSING, "/system/filesystems" },
	{ "/system/filesystems/1/mountpoint", "\"/\"", VP_E_VALUE, "/system/filesystems/1" },
	{ "/system/filesystems/1/block_device", "\"partitions/sda2\"", VP_E_VALUE, "/system/filesystems/1" },
	{ "/system/filesystems/1/block_device", "\"partitions/sda9\"", VP_E_REFERENCE, "/system/filesystems/1" },
	{ "/system/filesystems/1/block_device", "\"md/md0\"", VP_E_REFERENCE, "/system/filesystems/1" },
	{ "/system/filesystems/1/type", "\"zfs\"", VP_E_VALUE, "/system/filesystems/1" },
	{ "/system/filesystems/1/type", "\"vfat\"", VP_E_VALUE, "/system/filesystems/1" },
	{ "/system/filesystems/1/mountpoint", "\"/1/2/3/4/5/6/7/8/9\"", VP_E_VALUE, "/system/filesystems/1/mountpoint" },
	{ "/hardware/harddisks/sdb/capacity", "2097153", VP_E_VALUE, "/system/blockdevices/physical_devs/sdb/label" },
	{ "/system/blockdevices/partitions",
	  "{\"sdb1\":{\"holding_dev\":\"sdb\",\"size\":1},\"sdb2\":{\"holding_dev\":\"sdb\",\"size\":1},"
	  "\"sdb3\":{\"holding_dev\":\"sdb\",\"size\":1},"
	  "\"sdb4\":{\"holding_dev\":\"sdb\",\"size\":1},\"sdb5\":{\"holding_dev\":\"sdb\",\"size\":1}}",
	  VP_E_VALUE, "/system/blockdevices/physical_devs/sdb/label" },
	{ "/system/filesystems/1/mountpoint", "\"/../x\"", VP_E_VALUE, "/system/filesystems/1/mountpoint" },
	{ "/system/filesystems/2/mountpoint", "\"/x\"", VP_E_VALUE, "/system/filesystems/2" },
	{ "/system/vprov/virt", "\"vmware\"", VP_E_VALUE, "/system/vprov/virt" },
	{ "/system/vprov/vitr", "\"kvm\"", VP_E_VALUE, "/system/vprov/vitr" },
	{ "/system/vprov/bridge/adress", "\"10.1.2.1/24\"", VP_E_VALUE, "/system/vprov/bridge/adress" },
	{ "/system/vprov/bridge/address", "\"10.1.2.0/24\"", VP_E_VALUE, "/system/vprov/bridge/address" },
	{ "/system/vprov/bridge/address", "\"10.1.2.10/24\"", VP_E_VALUE, "/system/network/interfaces/eth1/ip" },
	{ "/system/vprov/nics/eth7", "{\"model\":\"e1000\"}", VP_E_REFERENCE, "/system/vprov/nics/eth7" },
	{ "/system/vprov/disks/sdz", "{\"bus\":\"ide\"}", VP_E_REFERENCE, "/system/vprov/disks/sdz" },
	{ "/system/vprov/verify/cpu_laps", "1000001", VP_E_VALUE, "/system/vprov/verify/cpu_laps" },
	{ "/system/vprov/packages/0", "\"-o\"", VP_E_VALUE, "/system/vprov/packages/0" },
};

static void each_mistake_is_named_with_its_path(void **state)
{
	struct world *w = *state;

	assert_non_null(bind(w));
	for (size_t i = 0; i < vp_count(mistakes); i++) {
		const struct vp_diag *d;

		json_decref(w->json);
		w->json = json_loads(full, 0, NULL);
		w->diags.n = 0;
		put(w, mistakes[i].path, mistakes[i].text);
		if (bind(w))
			fail_msg("accepted: %s %s", mistakes[i].path, mistakes[i].text ? mistakes[i].text : "removed");
		d = find_diag(w, mistakes[i].code, mistakes[i].at);
		if (!d || !d->message[0]) {
			vp_diags_print(&w->diags, stderr);
			fail_msg("%s %s: no %s at %s", mistakes[i].path, mistakes[i].text ? mistakes[i].text : "removed",
				 vp_code_text(mistakes[i].code), mistakes[i].at);
		}
	}
}

static void all_mistakes_at_once(void **state)
{
	struct world *w = *state;

	put(w, "/hardware/cpu/0/cores", "0");
	put(w, "/hardware/ram/0/size", "\"x\"");
	put(w, "/system/network/hostname", NULL);
	put(w, "/hardware/cards/nic/eth0/hwaddr", "\"x\"");
	put(w, "/system/vprov/virt", "7");
	assert_null(bind(w));
	assert_int_equal(w->diags.errors, 5);
	for (size_t i = 0; i < w->diags.n; i++)
		assert_true(w->diags.items[i].line || w->diags.items[i].code == VP_E_MISSING);
}

static const char *const hostile[] = {
	"a\nb",
	"$(reboot)",
	"`id`",
	"'; reboot; '",
	"\" onload=\"x",
	"../../etc/passwd",
	"/etc/../x",
	"<script>",
	"a b\tc",
	"\x1b[31mred",
	"%n%s%n",
	"\xe2\x80\xae",
	"a;b",
	"a|b",
	"a\\b",
	"&amp;",
	"${IFS}x$IFS",
	"*",
	"\xf0\x9f\x98\x80",
	"--help",
	"!x",
	"#x",
};

/* Every string of the profile in turn becomes each of these; the node must not come to be. */
static void try_hostile(struct world *w, json_t *v, unsigned *tried)
{
	for (void *it = json_object_iter(v); it; it = json_object_iter_next(v, it)) {
		const char *key = json_object_iter_key(it);
		json_t *child = json_object_iter_value(it), *keep;

		if (!json_is_string(child)) {
			try_hostile(w, child, tried);
			continue;
		}
		/* Not read by vprov; a warning. */
		if (!strcmp(key, "onboot") || v == get(w->json, "/system/aii/osinstall/ks"))
			continue;
		keep = json_deep_copy(child);
		for (size_t i = 0; i < vp_count(hostile); i++, ++*tried) {
			json_object_iter_set_new(v, it, json_string(hostile[i]));
			w->diags.n = 0;
			if (bind(w))
				fail_msg("%s took \"%s\"", key, hostile[i]);
		}
		json_object_iter_set_new(v, it, json_stringn("a\0b", 3));
		if (bind(w))
			fail_msg("%s took a NUL", key);
		json_object_iter_set_new(v, it, keep);
	}
	for (size_t i = 0; i < json_array_size(v); i++)
		try_hostile(w, json_array_get(v, i), tried);
}

static void hostile_strings_get_nowhere(void **state)
{
	struct world *w = *state;
	unsigned tried = 0;

	try_hostile(w, w->json, &tried);
	assert_true(tried > 700);
	assert_non_null(bind(w));
}

static void hostile_keys_get_nowhere(void **state)
{
	static const char *const places[] = { "/hardware/harddisks", "/hardware/cards/nic" };
	struct world *w = *state;

	for (size_t p = 0; p < vp_count(places); p++)
		for (size_t i = 0; i < vp_count(hostile); i++) {
			json_object_set_new(get(w->json, places[p]), hostile[i], json_pack("{s:i}", "capacity", 64));
			if (bind(w))
				fail_msg("%s took the key \"%s\"", places[p], hostile[i]);
			json_object_del(get(w->json, places[p]), hostile[i]);
		}
	assert_non_null(bind(w));
}

static void schema_names_every_row(void **state)
{
	size_t len, nrows;
	const struct vp_row *const *rows = vp_rows_all(&nrows);
	char *text = NULL;
	FILE *f = open_memstream(&text, &len);

	(void)state;
	vp_schema_print(f);
	fclose(f);
	for (size_t i = 0; i < nrows; i++) {
		assert_non_null(strstr(text, rows[i]->path));
		assert_true(rows[i]->help && *rows[i]->help);
		/* A row can be checked in one way, and its default passes. */
		if (rows[i]->kind == VP_K_STRING || rows[i]->kind == VP_K_STRINGS)
			assert_non_null(rows[i]->check);
	}
	free(text);
}

static void patterns(void **state)
{
	(void)state;
	assert_true(vp_path_match("/a/*/c", "/a/b/c"));
	assert_false(vp_path_match("/a/*/c", "/a/b"));
	assert_false(vp_path_match("/a/*", "/a/b/c"));
	assert_false(vp_path_match("/a/*/c", "/a//c"));
	assert_false(vp_path_match("/a", "/ab"));
	assert_true(vp_path_match("nics/*/model", "nics/*/model"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* Each case is the site configuration alone, and AII's part of the profile; wrong: where an error is told. */
static void what_an_installer_boots(void **state)
{
	static const struct {
		const char *site, *aii, *kernel, *initrd, *wrong;
	} cases[] = {
		{ "install = preseed", "{}", "", "", "/system/vprov/netboot/kernel" },
		{ "install = preseed\nnetboot/kernel = /di/linux", "{}", "", "", "/system/vprov/netboot/initrd" },
		{ "install = preseed\nnetboot/kernel = /di/linux\nnetboot/initrd = https://m/initrd", "{}", "/di/linux", "https://m/initrd", NULL },
		/* Debian's installer is not what AII names. */
		{ "install = preseed\nnetboot/dir = /tftp", "{\"kernel\":\"sl/k\",\"initrd\":\"sl/i\"}", "", "", "/system/vprov/netboot/kernel" },
		{ "install = kickstart\nnetboot/dir = /tftp", "{\"kernel\":\"sl/k\",\"initrd\":\"sl/i\"}", "/tftp/sl/k", "/tftp/sl/i", NULL },
		{ "install = kickstart\nnetboot/kernel = /k\nnetboot/dir = /t", "{\"kernel\":\"sl/k\",\"initrd\":\"http://m/i\"}", "/k", "http://m/i",
		  NULL },
		{ "install = kickstart", "{\"kernel\":\"sl/k\",\"initrd\":\"sl/i\"}", "", "", "/system/aii/nbp/pxelinux/kernel" },
		{ "install = kickstart\nnetboot/dir = /t", "{\"kernel\":\"@sl.*@\",\"initrd\":\"i\"}", "", "", "/system/aii/nbp/pxelinux/kernel" },
		{ "install = kickstart\nnetboot/dir = /t", "{\"kernel\":\"../k\",\"initrd\":\"i\"}", "", "", "/system/aii/nbp/pxelinux/kernel" },
		{ "install = autoinstall\nnetboot/kernel = /k\nnetboot/initrd = /i", "{}", "", "", "/system/vprov/netboot/iso" },
		{ "install = autoinstall\nnetboot/kernel = /k\nnetboot/initrd = /i\nnetboot/iso = http://m/u.iso", "{}", "/k", "/i", NULL },
		{ "install = preseed\nnetboot/kernel = /k\nnetboot/initrd = /i\nnetboot/mirror = https://m/debian", "{}", "", "",
		  "/system/vprov/netboot/mirror" },
		{ "install = preseed\nnetboot/kernel = /k\nnetboot/initrd = /i\nvirt = xen-para", "{}", "", "", "/system/vprov/install" },
		/* vprov's own method has its own. */
		{ "install = image", "{\"kernel\":\"@sl.*@\"}", "", "", NULL },
	};
	struct world *w = *state;

	put(w, "/system/vprov/install", NULL);
	put(w, "/system/vprov/virt", NULL);
	for (size_t i = 0; i < vp_count(cases); i++) {
		struct vp_node *n;

		w->diags.n = w->diags.errors = 0;
		put(w, "/system/aii/nbp", vp_printf(w->a, "{\"pxelinux\":%s}", cases[i].aii));
		read_site(w, cases[i].site);
		n = bind(w);
		assert_int_equal(!n, cases[i].wrong != NULL);
		if (!n && !find_diag(w, VP_E_MISSING, cases[i].wrong))
			assert_non_null(find_diag(w, VP_E_VALUE, cases[i].wrong));
		if (!n)
			continue;
		assert_string_equal(n->netboot.kernel, cases[i].kernel);
		assert_string_equal(n->netboot.initrd, cases[i].initrd);
		if (n->install == VP_INSTALL_PRESEED)
			assert_string_equal(n->netboot.suite, "bookworm");
		if (strstr(cases[i].kernel, "sl"))
			assert_string_equal(vp_origin_of(n, "netboot.kernel")->path, "/system/aii/nbp/pxelinux/kernel");
	}
	/* Disks that an installer would not make as they are asked for. */
	read_site(w, "install = preseed\nnetboot/kernel = /k\nnetboot/initrd = /i");
	put(w, "/system/vprov/firmware", "\"uefi\"");
	w->diags.n = w->diags.errors = 0;
	assert_null(bind(w));
	assert_non_null(strstr(find_diag(w, VP_E_MISSING, "/system/filesystems")->message, "/boot/efi"));
	put(w, "/system/vprov/firmware", "\"bios\"");
	put(w, "/system/filesystems/0", NULL);
	w->diags.n = w->diags.errors = 0;
	assert_null(bind(w));
	assert_non_null(strstr(find_diag(w, VP_E_MISSING, "/system/filesystems")->message, "mounted at /"));
	for (int m = VP_INSTALL_IMAGE; m <= VP_INSTALL_NONE; m++)
		assert_int_equal(vp_install_find(vp_install_name((enum vp_install)m)), m);
	assert_int_equal(vp_install_find("floppy"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(everything_is_bound),
		TEST(identity_is_stable),
		TEST(one_profile_fits_every_virtualisation),
		TEST(defaults_without_any_layout),
		TEST(what_image_cannot_make),
		TEST(what_an_installer_boots),
		TEST(addresses_of_bridges_and_bonds),
		TEST(site_configuration_fills_gaps),
		TEST(assignments_to_the_domain),
		TEST(site_configuration_is_checked),
		TEST(each_mistake_is_named_with_its_path),
		TEST(all_mistakes_at_once),
		TEST(hostile_strings_get_nowhere),
		TEST(hostile_keys_get_nowhere),
		TEST(schema_names_every_row),
		TEST(patterns),
	};

	return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
