// SPDX-License-Identifier: Apache-2.0
/* What a profile says beyond what decides over the machine: tolerance, interfaces, facts, where each value is from, what is not read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "../../provision/model/bind.h"
#include "../../provision/model/unused.h"
#include "../../templates/render.h"

/* With ' for ". The rest of a test's profile is put over it. */
static const char base[] = "{'hardware':{'cpu':[{'cores':2}],'ram':[{'size':1024}],'harddisks':{'sda':{'capacity':4096}},"
			   "'cards':{'nic':{'eth0':{'hwaddr':'00:11:22:33:44:55'}}}},"
			   "'system':{'network':{'hostname':'n','domainname':'example.org','interfaces':{}},'vprov':{'install':'none'}}}";

struct world {
	struct vp_arena *a;
	struct vp_diags diags;
};

static int setup(void **state)
{
	struct world *w = vp_xcalloc(1, sizeof(*w));

	w->a = vp_arena_new();
	w->diags.arena = w->a;
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	vp_diags_free(&w->diags);
	vp_arena_free(w->a);
	free(w);
	return 0;
}

static json_t *parsed(const char *text)
{
	char *copy = strdup(text);
	json_t *j;

	for (char *c = copy; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	j = json_loads(copy, 0, NULL);
	assert_non_null(j);
	free(copy);
	return j;
}

static char *profile_text(const char *more)
{
	json_t *j = parsed(base), *over = parsed(more);
	char *text;

	json_object_update_recursive(j, over);
	text = json_dumps(j, JSON_INDENT(1));
	json_decref(j);
	json_decref(over);
	return text;
}

/* The tree is gone when the node is looked at. */
static struct vp_node *bind(struct world *w, const char *more)
{
	const struct vp_bind_opts opts = { .virt = -1, .state_dir = "/s" };
	struct vp_arena *tree = vp_arena_new();
	char *text = profile_text(more);
	struct vp_profile *p = vp_profile_parse(tree, "t.json", text, strlen(text), &w->diags);
	struct vp_node *n = p ? vp_bind(w->a, p, NULL, &opts, &w->diags) : NULL;

	free(text);
	vp_arena_free(tree);
	return n;
}

static struct vp_node *bind_ok(struct world *w, const char *more)
{
	struct vp_node *n = bind(w, more);

	if (!n)
		vp_diags_print(&w->diags, stderr);
	assert_non_null(n);
	return n;
}

static const struct vp_diag *at(const struct world *w, enum vp_severity sev, const char *path)
{
	for (size_t i = 0; i < w->diags.n; i++)
		if (w->diags.items[i].severity == sev && !strcmp(w->diags.items[i].path, path))
			return &w->diags.items[i];
	return NULL;
}

static const struct vp_interface *interface(const struct vp_node *n, const char *name)
{
	for (size_t i = 0; i < n->network.ninterfaces; i++)
		if (!strcmp(n->network.interfaces[i].name, name))
			return &n->network.interfaces[i];
	fail_msg("no interface %s", name);
	return NULL;
}

#define NET(text) "{'system':{'network':{" text "}}}"
#define IFS(text) NET("'interfaces':{" text "}")
#define HW(text)  "{'hardware':{" text "}}"

static void interfaces_of_every_kind(void **state)
{
	static const char *const kinds[][2] = {
		{ "lo", "loopback" },
		{ "eth0", "ethernet" },
		{ "eth1", "ethernet" },
		{ "bond0", "bond" },
		{ "br0", "bridge" },
		{ "br1", "bridge" },
		{ "eth0.101", "vlan" },
		{ "vlan7", "vlan" },
		{ "ovs0", "ovsbridge" },
		{ "p1", "ovsport" },
		{ "gre1", "ovstunnel" },
		{ "ob0", "ovsbond" },
		{ "ib0", "infiniband" },
		{ "tun0", "ipip" },
		{ "a.b", "ethernet" },
		/* Nothing says it but what they are made of. */
		{ "bond1", "bond" },
		{ "br2", "bridge" },
		{ "eth2", "ethernet" },
	};
	struct world *w = *state;
	struct vp_node *n = bind_ok(
		w,
		IFS("'lo':{},'eth0':{'master':'bond0'},'eth1':{'master':'bond0','type':'Ethernet'},'bond0':{'bridge':'br0','bonding_opts':{'mode':4,"
		    "'miimon':100}},'br0':{'type':'Bridge','stp':true,'delay':0},'br1':{'stp':'no'},'eth0.101':{'vlan':true},'vlan7':{'physdev':'"
		    "bond0'},"
		    "'ovs0':{'type':'OVSBridge'},'p1':{'type':'OVSPort','ovs_bridge':'ovs0','ovs_opts':'tag=50'},'gre1':{'ovs_tunnel_type':'gre'},"
		    "'ob0':{'bond_ifaces':['eth0','eth1']},'ib0':{'type':'Infiniband'},'eth2':{'master':'bond1'},'bond1':{'bridge':'br2'},'br2':{},'"
		    "tun0':{'type':'IPIP','my_inner_prefix':20},'a.b':{}"));

	assert_int_equal(n->network.ninterfaces, vp_count(kinds));
	for (size_t i = 0; i < vp_count(kinds); i++)
		assert_string_equal(interface(n, kinds[i][0])->kind, kinds[i][1]);
	assert_int_equal(interface(n, "bond0")->ports.n, 2);
	assert_string_equal(interface(n, "bond0")->ports.items[1], "eth1");
	assert_string_equal(interface(n, "bond0")->bonding_opts.items[0], "mode");
	assert_string_equal(interface(n, "bond0")->bonding_opts.items[1], "4");
	assert_string_equal(interface(n, "br0")->ports.items[0], "bond0");
	/* Given as 0, which is not the same as not given. */
	assert_true(interface(n, "br0")->has_delay && interface(n, "br0")->has_stp && !interface(n, "br1")->stp && !interface(n, "br1")->has_delay);
	assert_int_equal(interface(n, "eth0.101")->vlan_id, 101);
	assert_string_equal(interface(n, "eth0.101")->ports.items[0], "eth0");
	assert_int_equal(interface(n, "vlan7")->vlan_id, 7);
	assert_string_equal(interface(n, "vlan7")->ports.items[0], "bond0");
	assert_int_equal(interface(n, "a.b")->vlan_id, 0);
	assert_string_equal(interface(n, "ovs0")->ports.items[0], "p1");
	assert_int_equal(interface(n, "ob0")->ports.n, 2);
	assert_int_equal(n->nnics, 1);
}

static void addresses_aliases_and_routes(void **state)
{
	struct world *w = *state;
	struct vp_node *n =
		bind_ok(w, IFS("'eth0':{'ip':'10.0.0.5','netmask':'255.255.255.0','broadcast':'10.0.0.255','mtu':9000,'nmcontrolled':false,"
			       "'ipv6addr':'2001:db8::5/64','ipv6addr_secondaries':['2001:db8::6/64'],'ipv6_autoconf':false,"
			       "'aliases':{'web':{'ip':'10.0.0.6','netmask':'255.255.255.0'}},"
			       "'route':[{'address':'10.9.0.0','netmask':'255.255.0.0','gateway':'10.0.0.1'},{'address':'2001:db8:1::',"
			       "'prefix':48,'gateway':'2001:db8::1'},{'command':'add default via 10.0.0.1'}]}"));
	const struct vp_interface *in = interface(n, "eth0");

	assert_int_equal(w->diags.n, 0);
	assert_int_equal(in->naliases, 1);
	assert_string_equal(in->aliases[0].name, "web");
	assert_string_equal(in->aliases[0].ip, "10.0.0.6");
	assert_int_equal(in->nroutes, 3);
	assert_string_equal(in->routes[0].netmask, "255.255.0.0");
	assert_true(in->routes[1].has_prefix && in->routes[1].prefix == 48 && !in->routes[0].has_prefix);
	assert_string_equal(in->routes[2].command, "add default via 10.0.0.1");
	assert_string_equal(in->ipv6addr, "2001:db8::5/64");
	assert_true(in->has_ipv6_autoconf && !in->ipv6_autoconf && in->has_nmcontrolled && !in->has_onboot);
	assert_string_equal(n->nics[0].ip, "10.0.0.5");
	assert_string_equal(vp_origin_of(n, "interface.eth0.alias.web.ip")->path, "/system/network/interfaces/eth0/aliases/web/ip");
	assert_string_equal(vp_origin_of(n, "interface.eth0.route.1.prefix")->path, "/system/network/interfaces/eth0/route/1/prefix");
}

static void ipv6_forbids_nothing(void **state)
{
	struct world *w = *state;
	struct vp_node *n = bind_ok(
		w, NET("'default_gateway':'2001:db8::1','nameserver':['2001:db8::53'],'ipv6':{'enabled':true,'default_gateway':'2001:db8::1'},"
		       "'interfaces':{'eth0':{'ip':'2001:db8::5','gateway':'2001:db8::1'}}"));

	assert_int_equal(w->diags.errors, 0);
	assert_string_equal(n->nics[0].ip, "");
	assert_true(n->nics[0].dhcp);
	assert_null(vp_origin_of(n, "nic.eth0.ip"));
	assert_string_equal(interface(n, "eth0")->ip, "2001:db8::5");
	assert_string_equal(n->network.ipv6.default_gateway, "2001:db8::1");
}

/* Booleans as strings mean what they say; in Perl, "false" is true. */
static void booleans_of_every_spelling(void **state)
{
	static const struct {
		const char *text;
		bool value;
	} spellings[] = { { "true", true }, { "false", false }, { "'true'", true }, { "'false'", false }, { "'yes'", true }, { "'no'", false } };
	struct world *w = *state;

	for (size_t i = 0; i < vp_count(spellings); i++) {
		char text[256];
		struct vp_node *n;

		snprintf(text, sizeof(text), IFS("'eth0':{'onboot':%s}"), spellings[i].text);
		n = bind_ok(w, text);
		assert_true(interface(n, "eth0")->has_onboot);
		assert_int_equal(interface(n, "eth0")->onboot, spellings[i].value);
		snprintf(text, sizeof(text), HW("'cards':{'nic':{'eth1':{'hwaddr':'00:11:22:33:44:56','boot':%s}}}"), spellings[i].text);
		assert_int_equal(bind_ok(w, text)->boot_nic, spellings[i].value);
	}
	assert_int_equal(w->diags.n, 0);
	assert_false(interface(bind_ok(w, IFS("'eth0':{'onboot':'maybe'}")), "eth0")->has_onboot);
	assert_non_null(at(w, VP_WARNING, "/system/network/interfaces/eth0/onboot"));
}

static void nics_as_sites_write_them(void **state)
{
	struct world *w = *state;
	struct vp_node *n;

	/* MACs of either case and with hyphens; a driver of the real card; the second one boots; the first has no address. */
	n = bind_ok(w, "{'hardware':{'cards':{'nic':{'eth0':{'hwaddr':'00-1B-2C-AA-BB-01','driver':'tg3','maxspeed':1000,'pxe':false},"
		       "'eth1':{'hwaddr':'00:1b:2c:aa:bb:02','boot':true}}}},'system':{'network':{'interfaces':{'eth0':{'bootproto':'none'},"
		       "'eth1':{'ip':'10.0.0.5','netmask':'255.255.255.0'}}}}}");
	assert_int_equal(w->diags.n, 0);
	assert_string_equal(n->nics[0].mac, "00:1b:2c:aa:bb:01");
	assert_string_equal(n->nics[0].card.driver, "tg3");
	assert_true(n->nics[0].card.has_pxe && n->nics[0].card.maxspeed == 1000);
	assert_int_equal(n->boot_nic, 1);
	assert_string_equal(n->nics[0].ip, "");
	assert_false(n->nics[0].dhcp);
	/* The address on both: the bridge's is the node's. */
	n = bind_ok(w, IFS("'eth0':{'bridge':'br0','ip':'10.0.0.7','netmask':'255.255.255.0'},'br0':{'ip':'10.0.0.5','netmask':'255.255.255.0'}"));
	assert_string_equal(n->nics[0].ip, "10.0.0.5");
	assert_string_equal(vp_origin_of(n, "nic.eth0.ip")->path, "/system/network/interfaces/br0/ip");
	/* A bridge that is nowhere. */
	bind_ok(w, IFS("'eth0':{'bridge':'br9','ip':'10.0.0.5','netmask':'255.255.255.0'}"));
	assert_non_null(at(w, VP_WARNING, "/system/network/interfaces/eth0/bridge"));
	/* The same error for two NICs on one bridge is one. */
	assert_null(bind(
		w, "{'hardware':{'cards':{'nic':{'eth1':{'hwaddr':'00:11:22:33:44:56'}}}},'system':{'network':{'interfaces':{'eth0':{'bridge':'br0'},"
		   "'eth1':{'bridge':'br0'},'br0':{'ip':'10.0.0.0','netmask':'255.255.255.0'}}}}}"));
	assert_int_equal(w->diags.errors, 1);
}

static void the_gateway_goes_where_gatewaydev_says(void **state)
{
	struct world *w = *state;
	struct vp_node *n =
		bind_ok(w, "{'hardware':{'cards':{'nic':{'eth1':{'hwaddr':'00:11:22:33:44:56'}}}},'system':{'network':{'default_gateway':'10.0.0.1',"
			   "'gatewaydev':'eth1','interfaces':{'eth0':{'ip':'10.0.0.5','netmask':'255.255.255.0'},"
			   "'eth1':{'ip':'10.0.0.6','netmask':'255.255.255.0'}}}}}");

	assert_string_equal(n->nics[0].gateway, "");
	assert_string_equal(n->nics[1].gateway, "10.0.0.1");
}

static void facts_are_lenient(void **state)
{
	static const char *const wrong[] = { "/hardware/cpu/0/speed",
					     "/hardware/cpu/0/model",
					     "/hardware/benchmarks/hepspec06",
					     "/hardware/benchmarks/HPL",
					     "/hardware/console/serial/word",
					     "/hardware/location",
					     "/system/state",
					     "/system/enclosure/maxchildren",
					     "/hardware/cards/nic/eth0/pxe",
					     "/hardware/harddisks/sda/interface",
					     "/system/network/gatewaydev" };
	struct world *w = *state;
	struct vp_node *n = bind_ok(w, "{'hardware':{'cpu':[{'cores':2,'speed':'fast','model':['x']}],'benchmarks':{'hepspec06':'lots','HPL':-1},"
				       "'console':{'serial':{'word':9}},'location':'a\\nb','cards':{'nic':{'eth0':{'pxe':7}}},"
				       "'harddisks':{'sda':{'interface':3}}},"
				       "'system':{'state':1,'enclosure':{'maxchildren':'many'},'network':{'gatewaydev':'../x'}}}");

	for (size_t i = 0; i < vp_count(wrong); i++)
		if (!at(w, VP_WARNING, wrong[i]))
			fail_msg("no warning at %s", wrong[i]);
	assert_int_equal(w->diags.n, vp_count(wrong));
	assert_false(n->cpus[0].has_speed || n->hardware.benchmarks.has_hepspec06 || n->hardware.benchmarks.has_hpl || n->nics[0].card.has_pxe);
	assert_string_equal(n->hardware.location, "");
	assert_string_equal(n->cpus[0].model, "");
	assert_null(vp_origin_of(n, "hardware.location"));
	w->diags.n = 0;
	n = bind_ok(w, "{'hardware':{'cpu':[{'cores':2,'speed':0,'max_threads':4,'vendor':'KVM'},{'cores':2}],'ram':[{'size':512},{'size':512}],"
		       "'benchmarks':{'hepspec06':80,'hepscore23':81.5,'HPL':1.5E2,'stream':0},'location':'room 1'},"
		       "'system':{'state':'production','build':'ready','rootmail':'root@example.org','os':{'version':{'major':'9'}},"
		       "'enclosure':{'type':'blade','maxchildren':0}}}");
	assert_int_equal(w->diags.n, 0);
	assert_true(n->cpus[0].has_speed && !n->cpus[1].has_speed);
	assert_int_equal(n->vcpus, 4);
	assert_int_equal(n->cpus[0].max_threads, 4);
	assert_int_equal(n->nram, 2);
	assert_int_equal(n->memory, 1024 * VP_MIB);
	assert_true(n->hardware.benchmarks.hepspec06 == 80 && n->hardware.benchmarks.hepscore23 == 81.5 && n->hardware.benchmarks.hpl == 150);
	assert_true(n->hardware.benchmarks.has_stream && n->hardware.benchmarks.stream == 0);
	assert_true(n->system.enclosure.has_maxchildren);
	assert_string_equal(n->system.os.major, "9");
}

static void disks_on_ports_of_cards(void **state)
{
	struct world *w = *state;
	json_t *j = parsed(base);
	char *text;
	struct vp_profile *p;
	struct vp_node *n;
	const struct vp_bind_opts opts = { .virt = -1 };

	json_object_del(json_object_get(j, "hardware"), "harddisks");
	json_object_set_new(json_object_get(json_object_get(j, "hardware"), "cards"), "raid",
			    parsed("{'_1':{'numberports':1,'ports':{'_0':{'capacity':3000,'interface':'sas'}}},'_0':{'ports':{'_0':{'capacity':1000},"
				   "'_1':{'capacity':2000,'boot':true}}}}"));
	json_object_set_new(json_object_get(json_object_get(j, "hardware"), "cards"), "sata", parsed("{'_0':{'ports':{'sdz':{'capacity':4000}}}}"));
	text = json_dumps(j, 0);
	p = vp_profile_parse(w->a, "t", text, strlen(text), &w->diags);
	n = vp_bind(w->a, p, NULL, &opts, &w->diags);
	assert_non_null(n);
	assert_int_equal(n->ndisks, 4);
	assert_string_equal(n->disks[0].name, "sda");
	assert_int_equal(n->disks[0].size, 1000 * VP_MIB);
	assert_true(n->disks[1].boot);
	assert_int_equal(n->disks[2].size, 3000 * VP_MIB);
	assert_string_equal(n->disks[2].drive.interface, "sas");
	assert_string_equal(n->disks[2].drive.port, "raid _1 port _0");
	assert_string_equal(n->disks[3].name, "sdz");
	assert_string_equal(vp_origin_of(n, "disk.sdc.size")->path, "/hardware/cards/raid/_1/ports/_0/capacity");
	/* Without a capacity: said where it has to be. */
	json_object_del(
		json_object_get(
			json_object_get(json_object_get(json_object_get(json_object_get(json_object_get(j, "hardware"), "cards"), "sata"), "_0"),
					"ports"),
			"sdz"),
		"capacity");
	free(text);
	text = json_dumps(j, 0);
	p = vp_profile_parse(w->a, "t", text, strlen(text), &w->diags);
	assert_null(vp_bind(w->a, p, NULL, &opts, &w->diags));
	assert_int_equal(w->diags.errors, 1);
	assert_non_null(at(w, VP_ERROR, "/hardware/cards/sata/_0/ports/sdz/capacity"));
	free(text);
	json_decref(j);
}

static bool is_empty(const json_t *v)
{
	return json_is_null(v) || json_is_false(v) || (json_is_string(v) && !*json_string_value(v)) ||
	       (json_is_integer(v) && !json_integer_value(v)) || (json_is_array(v) && !json_array_size(v)) ||
	       (json_is_object(v) && !json_object_size(v));
}

static const char *singular(const char *list)
{
	static const char *const words[][2] = { { "aliases", "alias" }, { "ram", "ram" }, { "creation", "creation" } };
	static char word[64];

	for (size_t i = 0; i < vp_count(words); i++)
		if (!strcmp(words[i][0], list))
			return words[i][1];
	snprintf(word, sizeof(word), "%.*s", (int)strlen(list) - 1, list);
	return word;
}

/* Every value that is there has an origin: by its path, where lists are in the singular and items have their names or positions. */
static void demand_origins(json_t *origin, json_t *v, const char *path, unsigned *seen)
{
	char name[1024];
	const char *key, *last = strrchr(path, '.');
	json_t *child;
	size_t i;

	if (is_empty(v) || json_object_get(origin, path)) {
		++*seen;
		return;
	}
	if (json_is_object(v)) {
		json_object_foreach (v, key, child) {
			if (!*path && !strcmp(key, "origin"))
				continue;
			snprintf(name, sizeof(name), "%s%s%s", path, *path ? "." : "", key);
			demand_origins(origin, child, name, seen);
		}
		return;
	}
	if (!json_is_array(v) || json_is_string(json_array_get(v, 0))) {
		size_t len = strlen(path);

		snprintf(name, sizeof(name), "%.*s", (int)len - 4, path);
		if (len < 5 || strcmp(path + len - 4, "_mib") || !json_object_get(origin, name))
			fail_msg("no origin for %s", path);
		++*seen;
		return;
	}
	json_array_foreach (v, i, child) {
		const char *id = json_string_value(json_object_get(child, "name"));
		char number[24];

		snprintf(number, sizeof(number), "%zu", i);
		snprintf(name, sizeof(name), "%.*s%s.%s", last ? (int)(last - path + 1) : 0, path, singular(last ? last + 1 : path),
			 id ? id : number);
		demand_origins(origin, child, name, seen);
	}
}

static void every_value_has_an_origin(void **state)
{
	struct world *w = *state;
	struct vp_node *n = bind_ok(
		w,
		"{'hardware':{'cpu':[{'cores':2,'speed':0,'model':'m'}],'benchmarks':{'stream':1},'bios':{'version':'1'},'location':'x',"
		"'harddisks':{'sda':{'interface':'sata'},'sdb':{'capacity':2000}},"
		"'cards':{'nic':{'eth0':{'driver':'d'},'eth1':{'hwaddr':'00:11:22:33:44:56','boot':true}}}},"
		"'system':{'state':'test','blockdevices':{'physical_devs':{'sda':{'label':'gpt'}},'partitions':{'sda1':{'holding_dev':'sda','size':"
		"100},"
		"'sda2':{'holding_dev':'sda'}},'volume_groups':{'vg':{'device_list':['partitions/"
		"sda2']}},'logical_volumes':{'lv':{'volume_group':'vg',"
		"'size':50}}},'filesystems':[{'block_device':'logical_volumes/lv','mountpoint':'/','type':'ext4'},{'block_device':'partitions/sda1',"
		"'mountpoint':'swap','type':'swap'}],'network':{'default_gateway':'10.0.0.1','nameserver':['10.0.0.3'],'interfaces':{"
		"'eth0':{'master':'bond0'},'bond0':{'bonding_opts':{'mode':1}},'eth1':{'ip':'10.0.0.5','netmask':'255.255.255.0','aliases':{'a':{'ip'"
		":"
		"'10.0.0.6'}},'route':[{'address':'10.9.0.0','prefix':16}]},'eth1.5':{}}},'vprov':{'kernel_args':'quiet','packages':['gdb']}}}");
	json_t *j = vp_node_json(n);
	static const char *const follow[] = { "bridge.", "partition.", "volume_group.", "logical_volume.", "filesystem.", "creation." };
	const char *field;
	json_t *path;
	unsigned seen = 0;

	demand_origins(json_object_get(j, "origin"), j, "", &seen);
	assert_true(seen > 150);
	/* What only follows from others are the names and numbers of devices: all else was noted. */
	json_object_foreach (json_object_get(j, "origin"), field, path) {
		bool follows = false;

		for (size_t i = 0; i < vp_count(follow); i++)
			follows |= !strncmp(field, follow[i], strlen(follow[i]));
		if (!follows && !strcmp(json_string_value(path), "derived"))
			fail_msg("nothing was noted for %s", field);
	}
	assert_string_equal(json_string_value(json_object_get(json_object_get(j, "origin"), "cpu.0.model")), "/hardware/cpu/0/model");
	json_decref(j);
}

static const struct vp_unused_group *group(const struct vp_unused *u, const char *path)
{
	for (size_t i = 0; i < u->n; i++)
		if (!strcmp(u->groups[i].path, path))
			return &u->groups[i];
	fail_msg("no group %s", path);
	return NULL;
}

static void what_is_not_read_is_told(void **state)
{
	struct world *w = *state;
	char *text = profile_text(
		"{'software':{'components':{'ssh':{'port':22,'list':[1,2]}},'packages':{'a':{}}},'metadata':{'x':'y'},"
		"'system':{'nonsense':{'deep':{'value':1,'other':2}},'typo':1,'vo':{'cms':{'name':'cms'}},'network':{'nameserver':['10.0.0.1',"
		"'10.0.0.2'],'interfaces':{'eth0':{'bonding_opts':{'mode':1},'ethtool':{'speed':1}}}}}}");
	struct vp_profile *p = vp_profile_parse(w->a, "t", text, strlen(text), &w->diags);
	struct vp_unused u;
	size_t known = 0;

	vp_unused_find(w->a, p, &u);
	free(text);
	assert_int_equal(group(&u, "/software/components/*")->n, 3);
	assert_non_null(group(&u, "/software/components/*")->reason);
	assert_int_equal(group(&u, "/system/network/interfaces/*/ethtool")->n, 1);
	assert_int_equal(group(&u, "/system/nonsense/deep")->n, 2);
	assert_string_equal(group(&u, "/system/nonsense/deep")->paths[0], "/system/nonsense/deep/value");
	assert_null(group(&u, "/system/nonsense/deep")->reason);
	assert_null(group(&u, "/system/typo")->reason);
	/* cores, size, capacity, hwaddr, names, install, two name servers, the mode of the bond. */
	assert_int_equal(u.read, 10);
	while (known < u.n && u.groups[known].reason)
		known++;
	for (size_t i = known; i < u.n; i++)
		assert_null(u.groups[i].reason);
	assert_int_equal(u.n - known, 2);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(interfaces_of_every_kind),	  TEST(addresses_aliases_and_routes), TEST(ipv6_forbids_nothing),
		TEST(booleans_of_every_spelling), TEST(nics_as_sites_write_them),     TEST(the_gateway_goes_where_gatewaydev_says),
		TEST(facts_are_lenient),	  TEST(disks_on_ports_of_cards),      TEST(every_value_has_an_origin),
		TEST(what_is_not_read_is_told),
	};

	return cmocka_run_group_tests_name("facts", tests, NULL, NULL);
}
