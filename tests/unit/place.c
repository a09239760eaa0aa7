// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../provision/model/bind.h"
#include "../../provision/model/place.h"
#include "../../provision/model/role.h"
#include "file.h"

struct world {
	struct vp_arena *a;
	struct vp_diags diags;
	struct vp_placements all;
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

/* Apostrophes stand for quotation marks. */
static struct vp_profile *parse(struct world *w, const char *file, const char *text)
{
	char *json = vp_strdup(w->a, text);

	for (char *c = json; (c = strchr(c, '\'')); c++)
		*c = '"';
	return vp_profile_parse(w->a, file, json, strlen(json), &w->diags);
}

#define NETWORK(name) "'network':{'hostname':'" name "','domainname':'Example.org'}"

static void take(struct world *w, const char *file, const char *text)
{
	struct vp_profile *p = parse(w, file, text);

	assert_non_null(p);
	vp_placements_of(w->a, p, &w->all, &w->diags);
}

/* A hypervisor with one component xen. */
static void take_xen(struct world *w, const char *name, const char *xen)
{
	take(w, vp_printf(w->a, "%s.json", name),
	     vp_printf(w->a, "{'system':{'network':{'hostname':'%s','domainname':'example.org'}},'software':{'components':{'xen':{%s}}}}", name,
		       xen));
}

static void no_problem(struct world *w)
{
	vp_diags_print(&w->diags, stderr);
	assert_int_equal(w->diags.n, 0);
}

static const struct vp_placement *merge(struct world *w, const char *node)
{
	return vp_placement_merge(w->a, &w->all, node, "", &w->diags);
}

/* The only problem there is. */
static void one_problem(struct world *w, enum vp_severity sev, enum vp_code code, const char *path, const char *words)
{
	assert_int_equal(w->diags.n, 1);
	assert_int_equal(w->diags.items[0].severity, sev);
	assert_int_equal(w->diags.items[0].code, code);
	assert_string_equal(w->diags.items[0].path, path);
	assert_non_null(strstr(w->diags.items[0].message, words));
}

static void test_names(void **state)
{
	(void)state;
	assert_true(vp_place_names("wn", "wn.example.org"));
	assert_true(vp_place_names("WN.Example.org", "wn.example.org"));
	assert_true(vp_place_names("profile_wn", "wn.example.org"));
	assert_true(vp_place_names("profile_wn.example.org", "wn.example.org"));
	assert_true(vp_place_names("hosts/wn.example.org", "wn.example.org"));
	assert_true(vp_place_names("wn.example.org", "wn"));
	assert_false(vp_place_names("wn", "wn2.example.org"));
	assert_false(vp_place_names("wn2", "wn.example.org"));
	assert_false(vp_place_names("wn.example.com", "wn.example.org"));
	assert_false(vp_place_names("", "wn.example.org"));
	assert_false(vp_place_names("profile_", "wn.example.org"));
}

static void test_enclosure(void **state)
{
	struct world *w = *state;
	const struct vp_placement *p;

	take(w, "hv.json",
	     "{'system':{" NETWORK("HV") ",'enclosure':{'type':'hypervisor','maxchildren':2,'children':['a','profile_b.example.org']}}}");
	take(w, "chassis.json", "{'system':{" NETWORK("chassis") ",'enclosure':{'type':'blade','children':['a']}}}");
	no_problem(w);
	p = merge(w, "b.example.org");
	assert_non_null(p);
	assert_int_equal(p->how, VP_PLACE_ENCLOSURE);
	assert_string_equal(p->host, "hv.example.org");
	assert_string_equal(p->file, "hv.json");
	assert_string_equal(p->path, "/system/enclosure/children/1");
	assert_int_equal(p->virt, -1);
	assert_int_equal(p->memory, 0);
	assert_string_equal(p->boot.kernel, "");
	assert_null(p->next);
	assert_string_equal(merge(w, "a.example.org")->host, "hv.example.org");
	assert_null(merge(w, "c.example.org"));
	no_problem(w);
}

static void test_full_enclosure(void **state)
{
	struct world *w = *state;

	take(w, "hv.json", "{'system':{" NETWORK("hv") ",'enclosure':{'type':'hypervisor','maxchildren':1,'children':['a','b']}}}");
	one_problem(w, VP_WARNING, VP_E_ODD, "/system/enclosure/children", "2 guests, but maxchildren is 1");
}

static void test_bad_enclosure(void **state)
{
	struct world *w = *state;

	take(w, "hv.json", "{'system':{" NETWORK("hv") ",'enclosure':{'type':'hypervisor','children':{'a':1}}}}");
	one_problem(w, VP_ERROR, VP_E_TYPE, "/system/enclosure/children", "has to be a list");
}

static void test_xen(void **state)
{
	struct world *w = *state;
	const struct vp_placement *p;

	take_xen(w, "dom0",
		 "'domains':{'g':{'auto':true,'options':{'name':'g.example.org','memory':512,'vcpus':2,'bootloader':'/usr/bin/pygrub','bootargs':'',"
		 "'vif':['mac=00:16:3E:00:00:0A, bridge=xenbr1','ip=10.0.0.1','script=vif-nat'],'disk':["
		 "{'type':'lvm','hostdevice':'vg.01','hostvol':'g','guestdevice':'xvda','rw':'w','size':2048},"
		 "{'type':'phy','hostdevice':'sdc','guestdevice':'xvdb','rw':'r'},"
		 "{'type':'file','path':'/srv/g.img','guestdevice':'xvdc','rw':'w','size':1},"
		 "'phy:/dev/vg/two,xvdd,w','tap:aio:/srv/x.img,xvde,r','phy:cdrom,hdc:cdrom,r']},"
		 "'install_options':{'kernel':'/boot/vmlinuz-i','ramdisk':'/boot/initrd-i','root':'/dev/xvda1 ro','extra':'ks=http'}},"
		 "'h':{'options':{'name':'h','memory':1024,'builder':'hvm','kernel':'/usr/lib/xen/boot/hvmloader'}}}");
	no_problem(w);
	p = merge(w, "g.example.org");
	assert_int_equal(p->how, VP_PLACE_XEN);
	assert_int_equal(p->virt, VP_XEN_PARA);
	assert_int_equal(p->memory, 512 * VP_MIB);
	assert_int_equal(p->vcpus, 2);
	assert_string_equal(p->path, "/software/components/xen/domains/g");
	assert_int_equal(p->nnics, 3);
	assert_string_equal(p->nics[0].mac, "00:16:3e:00:00:0a");
	assert_string_equal(p->nics[0].bridge, "xenbr1");
	assert_string_equal(p->nics[1].mac, "");
	assert_int_equal(p->ndisks, 5);
	assert_string_equal(p->disks[0].type, "lvm");
	assert_string_equal(p->disks[0].path, "/dev/vg.01/g");
	assert_string_equal(p->disks[0].target, "xvda");
	assert_int_equal(p->disks[0].size, 2048 * VP_MIB);
	assert_false(p->disks[0].readonly);
	assert_string_equal(p->disks[1].path, "/dev/sdc");
	assert_true(p->disks[1].readonly);
	assert_string_equal(p->disks[2].path, "/srv/g.img");
	assert_string_equal(p->disks[3].path, "/dev/vg/two");
	assert_string_equal(p->disks[3].type, "phy");
	assert_string_equal(p->disks[4].type, "tap:aio");
	assert_string_equal(p->disks[4].path, "/srv/x.img");
	assert_true(p->disks[4].readonly);
	assert_string_equal(p->boot.bootloader, "/usr/bin/pygrub");
	assert_string_equal(p->install.kernel, "/boot/vmlinuz-i");
	assert_string_equal(p->install.cmdline, "root=/dev/xvda1 ro ks=http");
	p = merge(w, "h.example.org");
	assert_int_equal(p->virt, VP_XEN_HVM);
	assert_int_equal(p->vcpus, 0);
	assert_string_equal(p->boot.kernel, "");
}

/* Each wrong value is said at its place, and counts as not given. */
static void test_bad_xen(void **state)
{
	static const struct {
		const char *options, *path;
		enum vp_code code;
	} bad[] = {
		{ "'memory':'much'", "options/memory", VP_E_TYPE },
		{ "'memory':1", "options/memory", VP_E_VALUE },
		{ "'vcpus':0", "options/vcpus", VP_E_VALUE },
		{ "'vif':'mac=00:16:3e:00:00:0a'", "options/vif", VP_E_TYPE },
		{ "'vif':[7]", "options/vif/0", VP_E_TYPE },
		{ "'vif':['mac=01:16:3e:00:00:0a']", "options/vif/0", VP_E_VALUE },
		{ "'vif':['bridge=a/b']", "options/vif/0", VP_E_VALUE },
		{ "'disk':[7]", "options/disk/0", VP_E_TYPE },
		{ "'disk':['phy']", "options/disk/0", VP_E_VALUE },
		{ "'disk':['file:../x,xvda,w']", "options/disk/0", VP_E_VALUE },
		{ "'disk':[{'type':'lvm','hostdevice':'vg','hostvol':'../../sda','guestdevice':'xvda'}]", "options/disk/0", VP_E_VALUE },
		{ "'disk':[{'type':'lvm','hostdevice':'vg','guestdevice':'xvda'}]", "options/disk/0", VP_E_MISSING },
		{ "'kernel':'/boot/a b'", "options/kernel", VP_E_VALUE },
		{ "'extra':'a<b'", "options/extra", VP_E_VALUE },
	};

	for (size_t i = 0; i < vp_count(bad); i++) {
		struct world *w = *state;

		take_xen(w, "dom0", vp_printf(w->a, "'domains':{'g':{'options':{%s}}}", bad[i].options));
		if (w->diags.n != 1)
			print_message("%s: %zu problems\n", bad[i].options, w->diags.n);
		one_problem(w, VP_ERROR, bad[i].code, vp_printf(w->a, "/software/components/xen/domains/g/%s", bad[i].path), "has to be");
		teardown(state);
		setup(state);
	}
}

static void test_partition_disk(void **state)
{
	struct world *w = *state;

	take_xen(w, "dom0", "'domains':{'g':{'options':{'disk':['phy:/dev/vg/a,xvda1,w','phy:/dev/vg/b,xvdb,w']}}}");
	one_problem(w, VP_WARNING, VP_E_ODD, "/software/components/xen/domains/g/options/disk/0", "partition");
	assert_int_equal(merge(w, "g")->ndisks, 1);
}

static const char cluster[] =
	"{'system':{'cluster':{'name':'utecl1','type':'esx','members':['evh1.example.org']},'resources':{'virtual_machine':%s}}}";
#define EVM                                                                                                                                          \
	"'hardware':{'ram':[{'size':1024},{'size':512}],'cpu':[{'cores':2},{'cores':2}],'cards':{'nic':{'eth0':{'hwaddr':'00-50-56-01-20-0A',"       \
	"'port_group':'user-v710'}}}}"

static void test_aquilon(void **state)
{
	static const char *const forms[] = {
		"[{'name':'evm1'," EVM ",'system':{'network':{'hostname':'desk1','domainname':'example.org'}}},{'name':'evm2'," EVM "}]",
		"{'x':{'name':'evm1'," EVM ",'system':{'network':{'hostname':'desk1','domainname':'example.org'}}},'evm2':{" EVM "}}",
	};

	for (size_t i = 0; i < vp_count(forms); i++) {
		struct world *w = *state;
		const struct vp_placement *p;
		struct vp_profile *tree = parse(w, "utecl1.json", vp_printf(w->a, cluster, forms[i]));

		assert_true(vp_is_cluster(tree));
		vp_placements_of(w->a, tree, &w->all, &w->diags);
		no_problem(w);
		p = merge(w, "desk1.example.org");
		assert_int_equal(p->how, VP_PLACE_AQUILON);
		assert_string_equal(p->host, "utecl1");
		assert_true(p->whole);
		assert_int_equal(p->memory, 1536 * VP_MIB);
		assert_int_equal(p->vcpus, 4);
		assert_string_equal(p->nics[0].mac, "00:50:56:01:20:0a");
		assert_string_equal(p->nics[0].bridge, "user-v710");
		assert_non_null(vp_get(tree->root, p->path));
		assert_true(merge(w, "evm2")->whole);
		assert_null(merge(w, "evm1"));
		assert_true(merge(w, "evh1.example.org")->member);
		teardown(state);
		setup(state);
	}
}

static void test_no_cluster(void **state)
{
	struct world *w = *state;

	assert_false(vp_is_cluster(parse(w, "a", "{'hardware':{},'system':{'cluster':{'name':'c'}}}")));
	assert_false(vp_is_cluster(parse(w, "a", "{'system':{'cluster':{'name':'c'}," NETWORK("h") "}}")));
	assert_false(vp_is_cluster(parse(w, "a", "{'system':{}}")));
	/* Members of any other cluster are plain nodes. */
	take(w, "c.json", "{'system':{'cluster':{'name':'c','type':'compute','members':['h.example.org']}}}");
	assert_null(merge(w, "h.example.org"));
	no_problem(w);
}

/* Of two that place the same guest, the later convention decides; the others are behind it. */
static void test_precedence(void **state)
{
	struct world *w = *state;
	const struct vp_placement *p;

	take(w, "hv.json",
	     "{'system':{" NETWORK("hv") ",'enclosure':{'type':'hypervisor','children':['g']}},'software':{'components':{'xen':{"
					 "'domains':{'g':{'options':{'name':'g','memory':512}}},'guest_map':{'g':{'hypervisor_name':'HV','guest_mac':"
					 "'00:16:3E:00:00:0A'}}}}}}");
	p = merge(w, "g.example.org");
	no_problem(w);
	assert_int_equal(p->how, VP_PLACE_XEN);
	assert_int_equal(p->next->how, VP_PLACE_ENCLOSURE);
	assert_int_equal(p->next->next->how, VP_PLACE_GUEST_MAP);
	assert_string_equal(p->next->next->host, "hv.example.org");
	assert_string_equal(p->next->next->nics[0].mac, "00:16:3e:00:00:0a");
	assert_null(p->next->next->next);
}

static void test_two_hypervisors(void **state)
{
	struct world *w = *state;

	take_xen(w, "a", "'domains':{'g.example.org':{'options':{'memory':512}}}");
	take_xen(w, "b", "'domains':{'x':{'options':{'name':'g.example.org','memory':512}}}");
	assert_non_null(merge(w, "g.example.org"));
	one_problem(w, VP_ERROR, VP_E_CLASH, "/software/components/xen/domains/x", "g.example.org is placed on b.example.org, and on a.example.org");
	assert_non_null(strstr(w->diags.items[0].message, "a.json"));
	assert_string_equal(w->diags.items[0].file, "b.json");
}

static void test_twice_on_one(void **state)
{
	struct world *w = *state;

	take_xen(w, "a", "'domains':{'g':{'options':{'name':'g'}},'h':{'options':{'name':'g'}}}");
	assert_non_null(merge(w, "g.example.org"));
	one_problem(w, VP_ERROR, VP_E_CLASH, "/software/components/xen/domains/h", "twice");
}

/* The same profile in two forms says one thing. */
static void test_two_forms(void **state)
{
	struct world *w = *state;

	take_xen(w, "a", "'domains':{'g':{'options':{'name':'g'}}}");
	take_xen(w, "A", "'domains':{'g':{'options':{'name':'g'}}}");
	assert_null(merge(w, "g.example.org")->next);
	no_problem(w);
}

static void test_guest_map(void **state)
{
	struct world *w = *state;

	/* A map of the site, on each hypervisor. */
	take_xen(w, "a", "'guest_map':{'g':{'hypervisor_name':'a'},'h':{'hypervisor_name':'a'}},'domains':{'g':{'options':{'name':'g'}}}");
	take_xen(w, "b", "'guest_map':{'g':{'hypervisor_name':'a'},'h':{'hypervisor_name':'a'}},'domains':{'h':{'options':{'name':'h'}}}");
	assert_string_equal(merge(w, "g.example.org")->host, "a.example.org");
	no_problem(w);
	assert_string_equal(merge(w, "h.example.org")->host, "b.example.org");
	assert_true(w->diags.n > 0);
	for (size_t i = 0; i < w->diags.n; i++)
		assert_int_equal(w->diags.items[i].severity, VP_WARNING);
	assert_non_null(strstr(w->diags.items[0].message, "h runs on a"));
	assert_non_null(strstr(w->diags.items[0].message, "but on b.example.org"));
}

static void test_own_host(void **state)
{
	struct world *w = *state;
	const struct vp_placement *p;

	take(w, "a.json",
	     "{'system':{'network':{'hostname':'a','domainname':'example.org','interfaces':{'br9':{'type':'Bridge','ip':'10.9.0.1','netmask':'255."
	     "255.0.0'"
	     "}}},'enclosure':{'type':'hypervisor','children':['g']}}}");
	take(w, "b.json", "{'system':{'network':{'hostname':'b','domainname':'example.org','interfaces':{'eth0':{'bridge':'br1'}}}}}");
	p = vp_placement_merge(w->a, &w->all, "h.example.org", "b", &w->diags);
	assert_int_equal(p->how, VP_PLACE_HOST);
	assert_string_equal(p->bridges[0].name, "br1");
	no_problem(w);
	p = vp_placement_merge(w->a, &w->all, "g.example.org", "b.example.org", &w->diags);
	assert_string_equal(p->bridges[0].name, "br1");
	one_problem(w, VP_WARNING, VP_E_ODD, "/system/enclosure/children/0", "b.example.org by its own profile");
}

static void test_bridges(void **state)
{
	struct world *w = *state;
	const struct vp_placement *p;

	take(w, "hv.json",
	     "{'system':{'network':{'hostname':'hv','interfaces':{"
	     "'eth0':{'bridge':'br0','ip':'10.0.0.2','netmask':'255.255.255.0'},'br0':{'type':'Bridge','ip':'10.0.0.3','netmask':'255.255.255.0'},"
	     "'eth1':{'bridge':'br-a'},'eth2':{'ovs_bridge':'ovs','ip':'10.2.0.2','netmask':'255.255.255.0'},"
	     "'eth3':{'ip':'10.3.0.2','netmask':'255.255.0.0'},'bad':{'bridge':'a b'}}}},"
	     "'software':{'components':{'xen':{'domains':{'g':{'options':{'name':'g'}}},'network':{'bridges':{'xenbr3':{}}}}}}}");
	p = merge(w, "g");
	no_problem(w);
	assert_int_equal(p->nbridges, 4);
	assert_string_equal(p->bridges[0].name, "br0");
	assert_string_equal(p->bridges[0].address, "10.0.0.3");
	assert_string_equal(p->bridges[1].name, "ovs");
	assert_string_equal(p->bridges[2].name, "xenbr3");
	assert_string_equal(p->bridges[2].address, "10.3.0.2");
	assert_int_equal(p->bridges[2].prefix, 16);
	assert_string_equal(p->bridges[3].name, "br-a");
	assert_string_equal(p->bridges[3].address, "");
}

/* Thousands: found by name, not by walking. */
static void test_many(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 2000; i++)
		take(w, "h.json",
		     vp_printf(w->a,
			       "{'system':{'network':{'hostname':'h%d','domainname':'o.org'},'enclosure':{'type':'hypervisor','children':['g%d']}}}",
			       i, 1999 - i));
	for (int i = 0; i < 2000; i++)
		assert_string_equal(merge(w, vp_printf(w->a, "g%d.o.org", i))->host, vp_printf(w->a, "h%d.o.org", 1999 - i));
	no_problem(w);
}

/* What a real compiler made: ncm-xen's domains for two guests. */
static void test_real_xen(void **state)
{
	struct world *w = *state;
	const char *shared = getenv("VP_SHARED");
	const char *file = vp_printf(w->a, "%s/profiles/xen-14.8.0/xen-host.example.org.xml", shared ? shared : "../shared");
	const struct vp_placement *p;

	if (!vp_exists(file))
		skip();
	vp_placements_of(w->a, read_profile(w->a, file, &w->diags), &w->all, &w->diags);
	no_problem(w);
	p = merge(w, "wn.example.org");
	assert_string_equal(p->host, "xen-host.example.org");
	assert_string_equal(p->disks[0].path, "/dev/vg.01/wn.example.org");
	assert_string_equal(p->nics[1].mac, "00:00:1a:1a:3b:db");
	assert_string_equal(p->bridges[0].name, "xenbr0");
	assert_string_equal(p->bridges[0].address, "192.168.0.17");
	assert_int_equal(merge(w, "xen-guest.example.org")->memory, 256 * VP_MIB);
}

/* --- What is said, in the node --- */

#define GUEST(more)                                                                                                                                  \
	"{'hardware':{'cpu':[{'cores':1}],'ram':[{'size':512}],'harddisks':{'sda':{'capacity':1024},'sdb':{'capacity':64}},"                         \
	"'cards':{'nic':{'eth0':{'hwaddr':'00:16:3E:00:00:0A','boot':true},'eth1':{'hwaddr':'00:16:3E:00:00:0B'}}}},"                                \
	"'system':{'network':{'hostname':'g','domainname':'example.org','interfaces':{'eth0':{'ip':'10.0.0.9','netmask':'255.255.255.0'}}}" more     \
	"}}"

static const char dom0[] =
	"{'system':{'network':{'hostname':'dom0','domainname':'example.org','interfaces':{'eth0':{'ip':'10.0.0.1','netmask':'255.255.255.0'}}}},"
	"'software':{'components':{'xen':{'network':{'bridges':{'xenbr0':{'netdev':'eth0'},'xenbr1':{'netdev':'eth1'}}},"
	"'domains':{'g':{'options':{'name':'g','memory':256,'vcpus':2,'bootloader':'/usr/bin/pygrub',"
	"'vif':['mac=00:16:3E:00:00:0A','mac=00:16:3E:00:00:0B,bridge=xenbr1'],"
	"'disk':[{'type':'lvm','hostdevice':'vg','hostvol':'g','guestdevice':'sda','rw':'w','size':2048},'file:/srv/b.img,sdb,r']}}}}}}}";

static struct vp_node *bind(struct world *w, const char *text, const char *site, int virt)
{
	struct vp_bind_opts opts = { .virt = virt, .state_dir = "/s" };
	struct vp_profile *p = parse(w, "g.json", text);
	char file[] = "/tmp/vprov-place-XXXXXX";
	int fd = mkstemp(file);
	struct vp_site *s;

	assert_true(write(fd, site, strlen(site)) == (ssize_t)strlen(site));
	s = vp_site_read(w->a, file, &w->diags);
	close(fd);
	unlink(file);
	opts.placement = merge(w, "g.example.org");
	return vp_bind(w->a, p, s, &opts, &w->diags);
}

static const char *origin(const struct vp_node *n, const char *field)
{
	const struct vp_origin *o = vp_origin_of(n, field);

	assert_non_null(o);
	return o->path;
}

static void assert_origin(const struct vp_node *n, const char *field, const char *path, const char *file)
{
	assert_string_equal(origin(n, field), path);
	assert_string_equal(vp_origin_of(n, field)->file, file);
}

#define DOMAIN "/software/components/xen/domains/g/options/"

static void test_bind(void **state)
{
	struct world *w = *state;
	const struct vp_node *n;

	take(w, "dom0.json", dom0);
	n = bind(w, GUEST(""), "", -1);
	assert_non_null(n);
	assert_int_equal(n->virt, VP_XEN_PARA);
	assert_string_equal(n->host, "dom0.example.org");
	assert_int_equal(n->machine, VP_GUEST);
	assert_int_equal(n->memory, 256 * VP_MIB);
	assert_origin(n, "memory", DOMAIN "memory", "dom0.json");
	assert_int_equal(n->vcpus, 2);
	assert_origin(n, "vcpus", DOMAIN "vcpus", "dom0.json");
	assert_origin(n, "host", "/software/components/xen/domains/g", "dom0.json");
	assert_string_equal(n->boot.bootloader, "/usr/bin/pygrub");
	assert_origin(n, "boot.bootloader", DOMAIN "bootloader", "dom0.json");
	assert_true(n->disks[0].block);
	assert_string_equal(n->disks[0].path, "/dev/vg/g");
	assert_string_equal(n->disks[0].format, "raw");
	assert_string_equal(n->disks[0].slot, "sda");
	assert_string_equal(n->disks[0].target, "xvde");
	assert_int_equal(n->disks[0].size, 2048 * VP_MIB);
	assert_origin(n, "disk.sda.path", DOMAIN "disk/0", "dom0.json");
	assert_origin(n, "disk.sda.size", DOMAIN "disk/0/size", "dom0.json");
	assert_false(n->disks[1].block);
	assert_true(n->disks[1].readonly);
	assert_string_equal(n->disks[1].path, "/srv/b.img");
	assert_int_equal(n->disks[1].size, 64 * VP_MIB);
	assert_string_equal(n->nics[0].bridge, "xenbr0");
	assert_origin(n, "nic.eth0.bridge", "derived: bridge of dom0.example.org", "");
	assert_string_equal(n->nics[1].bridge, "xenbr1");
	assert_origin(n, "nic.eth1.bridge", DOMAIN "vif/1", "dom0.json");
	assert_string_equal(n->bridges[0].address, "10.0.0.1");
	assert_string_equal(n->bridges[1].address, "");
	/* Memory, processors and the size of a disk contradict the guest's own hardware. */
	assert_int_equal(w->diags.n, 3);
	for (size_t i = 0; i < w->diags.n; i++) {
		assert_int_equal(w->diags.items[i].severity, VP_WARNING);
		assert_string_equal(w->diags.items[i].file, "g.json");
		assert_non_null(strstr(w->diags.items[i].message, "by the ncm-xen of dom0.example.org (dom0.json:1), which decides"));
	}
}

/* The node's own words, then the site's, decide over the hypervisor's. */
static void test_bind_precedence(void **state)
{
	struct world *w = *state;
	const struct vp_node *n;

	take(w, "dom0.json", dom0);
	n = bind(w, GUEST(",'vprov':{'virt':'xen-hvm','host':'other.example.org'}"), "bridge/name = br9\ndisk/dir = /srv/images\n", -1);
	assert_non_null(n);
	assert_int_equal(n->virt, VP_XEN_HVM);
	assert_string_equal(n->host, "other.example.org");
	assert_string_equal(n->nics[1].bridge, "br9");
	assert_origin(n, "nic.eth1.bridge", "site:bridge/name", vp_origin_of(n, "bridge.name")->file);
	assert_false(n->disks[0].block);
	assert_string_equal(n->disks[0].path, "/srv/images/g.example.org-sda.qcow2");
	assert_string_equal(n->boot.bootloader, "");
	n = bind(w, GUEST(""), "virt = qemu\n", -1);
	assert_int_equal(n->virt, VP_QEMU);
	assert_string_equal(origin(n, "virt"), "site:virt");
	n = bind(w, GUEST(",'vprov':{'virt':'xen-hvm'}"), "virt = qemu\n", VP_KVM);
	assert_int_equal(n->virt, VP_KVM);
	assert_string_equal(origin(n, "virt"), "option --virt");
	/* The volume stays where it is; its name in the guest is that of the bus. */
	assert_true(n->disks[0].block);
	assert_string_equal(n->disks[0].target, "vda");
}

static void test_bind_opennebula(void **state)
{
	static const char one[] = ",'opennebula':{'diskdriver':'raw','vnet':{'eth0':'one-net','eth1':'no bridge/name'},'graphics':'SPICE'}";
	struct world *w = *state;
	struct vp_node *n = bind(w, vp_printf(w->a, GUEST("%s"), one), "", -1);

	assert_non_null(n);
	assert_string_equal(n->disks[0].format, "raw");
	assert_string_equal(origin(n, "disk.sda.format"), "/system/opennebula/diskdriver");
	assert_string_equal(n->nics[0].bridge, "one-net");
	assert_string_equal(origin(n, "nic.eth0.bridge"), "/system/opennebula/vnet/eth0");
	assert_string_equal(n->nics[1].bridge, "vprov0");
	one_problem(w, VP_WARNING, VP_E_VALUE, "/system/opennebula/vnet/eth1", "left out");
	n = bind(w, vp_printf(w->a, GUEST("%s"), one), "disk/format = qcow2\nbridge/name = br9\n", -1);
	assert_string_equal(n->disks[0].format, "qcow2");
	assert_string_equal(n->nics[0].bridge, "br9");
	/* Stronger than the hypervisor's. */
	take(w, "dom0.json", dom0);
	n = bind(w, vp_printf(w->a, GUEST("%s"), ",'opennebula':{'vnet':{'eth1':'one-net'}}"), "", -1);
	assert_string_equal(n->nics[1].bridge, "one-net");
}

/* A card without an address of its own has that of its place; what fits nothing is said. */
static void test_bind_nics(void **state)
{
	struct world *w = *state;
	struct vp_node *n;

	take_xen(w, "dom0", "'domains':{'g':{'options':{'name':'g','vif':['mac=00:16:3e:00:00:0c,bridge=b1','bridge=b2']}}}");
	n = bind(w,
		 "{'hardware':{'cpu':[{}],'ram':[{'size':512}],'harddisks':{'sda':{'capacity':1024}}},"
		 "'system':{'network':{'hostname':'g','domainname':'example.org','interfaces':{'eth0':{'ip':'10.0.0.9','netmask':'255.255.255.0'},"
		 "'eth1':{'ip':'10.1.0.9','netmask':'255.255.255.0'}}}}}",
		 "", -1);
	no_problem(w);
	assert_string_equal(n->nics[0].mac, "00:16:3e:00:00:0c");
	assert_string_equal(origin(n, "nic.eth0.mac"), DOMAIN "vif/0");
	assert_string_equal(n->nics[0].bridge, "b1");
	assert_string_equal(n->nics[1].bridge, "b2");
	assert_non_null(bind(w, GUEST(""), "", -1));
	assert_int_equal(w->diags.n, 2);
	assert_string_equal(w->diags.items[0].path, "/hardware/cards/nic/eth0");
	assert_non_null(strstr(w->diags.items[0].message, "00:16:3e:00:00:0a here, but no card of that address"));
	assert_string_equal(w->diags.items[1].path, "/hardware/cards/nic");
	assert_non_null(strstr(w->diags.items[1].message, "no card 00:16:3e:00:00:0c here, but one"));
}

static void test_bind_hypervisor(void **state)
{
	struct world *w = *state;
	const struct vp_node *n;

	n = bind(w,
		 "{'hardware':{'cpu':[{'cores':8}],'ram':[{'size':65536}],'cards':{'nic':{'eth0':{'hwaddr':'00:16:3E:00:00:0A'}}}},"
		 "'system':{'network':{'hostname':'hv','interfaces':{'eth0':{'bridge':'br0'},'br0':{'type':'Bridge','ip':'10.0.0.1',"
		 "'netmask':'255.255.0.0'}}},'enclosure':{'type':'hypervisor','children':['g']}}}",
		 "", -1);
	no_problem(w);
	assert_int_equal(n->machine, VP_HYPERVISOR);
	assert_string_equal(origin(n, "machine"), "/system/enclosure/type");
	assert_string_equal(n->role, "hypervisor");
	assert_int_equal(n->install, VP_INSTALL_NONE);
	assert_int_equal(n->ndisks, 0);
	assert_int_equal(n->nbridges, 1);
	assert_string_equal(n->bridges[0].name, "br0");
	assert_int_equal(n->bridges[0].prefix, 16);
	assert_string_equal(n->nics[0].bridge, "");
	assert_int_equal(n->vcpus, 8);
	/* Where it is placed itself, or says so, it is made. */
	assert_int_equal(bind(w, GUEST(",'enclosure':{'type':'hypervisor','children':[]},'vprov':{'machine':'guest'}"), "", -1)->machine, VP_GUEST);
	take(w, "hv.json", "{'system':{" NETWORK("hv") ",'enclosure':{'type':'hypervisor','children':['g']}}}");
	assert_int_equal(bind(w, GUEST(",'enclosure':{'type':'hypervisor','children':[]}"), "", -1)->machine, VP_GUEST);
}

/* A member of a cluster is one of its hypervisors; a virtual machine without a profile has the name that the cluster gives it. */
static void test_bind_cluster(void **state)
{
	struct world *w = *state;
	struct vp_bind_opts opts = { .virt = -1, .state_dir = "/s" };
	struct vp_profile *p, part;
	const struct vp_node *n;

	p = parse(w, "c.json",
		  "{'system':{'cluster':{'name':'c1','type':'esx','members':['g.example.org']},'resources':{'virtual_machine':[{'name':'evm2','"
		  "hardware':"
		  "{'cpu':[{'cores':2}],'ram':[{'size':512}],'harddisks':{'sda':{'capacity':1024,'path':'evm2/sda.vmdk'}},"
		  "'cards':{'nic':{'eth0':{'hwaddr':'00:50:56:01:20:0A','port_group':'user-v710'}}}}}]}}}");
	vp_placements_of(w->a, p, &w->all, &w->diags);
	n = bind(w, GUEST(""), "", -1);
	assert_int_equal(n->machine, VP_HYPERVISOR);
	assert_string_equal(n->host, "c1");
	assert_int_equal(n->memory, 512 * VP_MIB);
	opts.placement = merge(w, "evm2");
	part = *p;
	part.root = (struct vp_val *)vp_get(p->root, opts.placement->path);
	n = vp_bind(w->a, &part, NULL, &opts, &w->diags);
	no_problem(w);
	assert_string_equal(n->name, "evm2");
	assert_string_equal(n->host, "c1");
	assert_int_equal(n->vcpus, 2);
	assert_string_equal(n->nics[0].bridge, "user-v710");
	assert_string_equal(origin(n, "nic.eth0.bridge"), "/system/resources/virtual_machine/0");
}

/* --- Roles --- */

static const char *role_of(struct world *w, const char *software)
{
	const struct vp_val *why;

	return vp_role_of(parse(w, "r.json", vp_printf(w->a, "{'software':{%s}}", software)), &why);
}

static void test_roles(void **state)
{
	static const struct {
		const char *software, *role;
	} cases[] = {
		{ "", "" },
		{ "'packages':{'kernel':{},'e':{},'emi_2dversion':{},'emi_2dwn_2dextra':{}}", "" },
		{ "'packages':{'emi_2dwn':{}}", "wn" },
		{ "'packages':{'emi-wn':{}}", "wn" },
		{ "'packages':{'emi_2dlfc_5fmysql':{}}", "lfc" },
		{ "'packages':{'emi_2dtorque_2dserver':{},'emi_2dcream_2dce':{}}", "ce" },
		{ "'packages':{'nordugrid_2darc_2darex':{}}", "ce" },
		{ "'packages':{'htcondor_2dce':{}}", "ce" },
		{ "'packages':{'frontier_2dsquid':{}}", "squid" },
		{ "'packages':{'emi_2dui':{}},'components':{'pbsclient':{},'pbsknownhosts':{}}", "ui" },
		{ "'components':{'pbsclient':{},'pbsknownhosts':{}}", "wn" },
		{ "'components':{'pbsclient':{},'pbsknownhosts':{},'gip2':{}}", "" },
		{ "'components':{'gip2':{},'glitestartup':{},'wmslb':{},'mysql':{}}", "ce" },
		{ "'components':{'metaconfig':{'services':{'_2fetc_2fglite_2dce_2dcream_2fx_2econf':{}}}}", "ce" },
		{ "'components':{'metaconfig':{'services':{'_2fetc_2farc_2econf':{}}}}", "ce" },
		{ "'components':{'dpmlfc':{},'mysql':{},'xrootd':{},'gip2':{}}", "se-head" },
		{ "'components':{'dpmlfc':{},'xrootd':{}}", "se-disk" },
		{ "'components':{'dpmlfc':{},'mysql':{}}", "lfc" },
		{ "'components':{'lcgbdii':{},'gip2':{}}", "bdii" },
		{ "'components':{'wmsclient':{},'wmslb':{},'glitestartup':{}}", "wms" },
		{ "'components':{'wmsclient':{},'gsissh':{}}", "ui" },
		{ "'components':{'libvirtd':{}}", "hypervisor" },
		{ "'components':{'xen':{'domains':{'g':{}}}},'packages':{'emi_2dwn':{}}", "hypervisor" },
		{ "'packages':['emi-wn'],'components':7", "" },
	};
	struct world *w = *state;

	for (size_t i = 0; i < vp_count(cases); i++) {
		const char *role = role_of(w, cases[i].software);

		if (strcmp(role, cases[i].role))
			print_message("%s: \"%s\"\n", cases[i].software, role);
		assert_string_equal(role, cases[i].role);
	}
	assert_string_equal(vp_role_name(0), "ce");
	assert_null(vp_role_name(1000));
}

static const char *shared_file(struct world *w, const char *name)
{
	const char *shared = getenv("VP_SHARED");

	return vp_printf(w->a, "%s/profiles/%s", shared ? shared : "../shared", name);
}

static void test_real_roles(void **state)
{
	static const char *const hosts[][2] = {
		{ "site-umd3-18.6.0/argus", "argus" },
		{ "site-umd3-18.6.0/bdii", "bdii" },
		{ "site-umd3-18.6.0/cream", "ce" },
		{ "site-umd3-18.6.0/lfc", "lfc" },
		{ "site-umd3-18.6.0/se-dpm-disk", "se-disk" },
		{ "site-umd3-18.6.0/se-dpm-disk2", "se-disk" },
		{ "site-umd3-18.6.0/se-dpm-server", "se-head" },
		{ "site-umd3-18.6.0/topbdii", "top-bdii" },
		{ "site-umd3-18.6.0/ui", "ui" },
		{ "site-umd3-18.6.0/wmslb", "wms" },
		{ "site-umd3-18.6.0/wn", "wn" },
		{ "site-umd3-18.6.0/wn2", "wn" },
		{ "site-umd3-18.6.0/wn3", "wn" },
		{ "xen-14.8.0/wn", "wn" },
		{ "xen-14.8.0/xen-guest", "" },
		{ "xen-14.8.0/xen-host", "hypervisor" },
	};
	static const char *const forms[] = { "xml", "json" };
	struct world *w = *state;
	const struct vp_val *why;

	for (size_t i = 0; i < vp_count(hosts) * vp_count(forms); i++) {
		const char *const *h = hosts[i / 2];
		const char *file = shared_file(w, vp_printf(w->a, "%s.example.org.%s", h[0], forms[i % 2]));

		if (!vp_exists(file))
			skip();
		assert_string_equal(vp_role_of(read_profile(w->a, file, &w->diags), &why), h[1]);
		assert_true(!*h[1] == !why);
	}
}

/* The role is known before the site's lines are looked at, and may be one of them. */
static void test_role_sections(void **state)
{
	static const char site[] = "virt = kvm\n[role w?]\nvirt = qemu\ndisk/format = raw\n[node g*]\nbridge/name = br9\n[role ce]\nvirt = xen-hvm\n";
	static const char wn[] = GUEST("") "";
	char *text;
	struct world *w = *state;
	const struct vp_node *n;

	text = vp_strdup(w->a, wn);
	text[strlen(text) - 1] = '\0';
	n = bind(w, vp_printf(w->a, "%s,'software':{'packages':{'emi_2dwn':{}}}}", text), site, -1);
	no_problem(w);
	assert_string_equal(n->role, "wn");
	assert_string_equal(origin(n, "role"), "/software/packages/emi_2dwn");
	assert_int_equal(n->virt, VP_QEMU);
	assert_string_equal(n->disks[0].format, "raw");
	assert_string_equal(n->nics[0].bridge, "br9");
	n = bind(w, wn, site, -1);
	assert_int_equal(n->virt, VP_KVM);
	assert_string_equal(n->role, "");
	/* By the site, for some nodes; by the node itself. */
	n = bind(w, wn, vp_printf(w->a, "[node g*]\nrole = ce\n%s", site), -1);
	assert_string_equal(n->role, "ce");
	assert_int_equal(n->virt, VP_XEN_HVM);
	n = bind(w, GUEST(",'vprov':{'role':'wx'}"), vp_printf(w->a, "[node g*]\nrole = ce\n%s", site), -1);
	assert_string_equal(n->role, "wx");
	assert_int_equal(n->virt, VP_QEMU);
	no_problem(w);
}

static void test_bad_sections(void **state)
{
	static const char *const bad[][2] = {
		{ "[role wn]\nrole = ce\n", "cannot depend on the role" },
		{ "[role wn]\nconnect = qemu:///system\n", "before the first section" },
		{ "[role]\n", "[node GLOB] or [role GLOB]" },
		{ "[roles wn]\n", "[node GLOB] or [role GLOB]" },
		{ "[role ]\n", "[node GLOB] or [role GLOB]" },
		{ "role = ../x\n", "letters, digits and hyphens" },
		{ "role = a.b\n", "letters, digits and hyphens" },
	};

	for (size_t i = 0; i < vp_count(bad); i++) {
		struct world *w = *state;

		(void)bind(w, GUEST(""), bad[i][0], -1);
		one_problem(w, VP_ERROR, VP_E_CONFIG, "", bad[i][1]);
		teardown(state);
		setup(state);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_enclosure, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_enclosure, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_enclosure, setup, teardown),
		cmocka_unit_test_setup_teardown(test_xen, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_xen, setup, teardown),
		cmocka_unit_test_setup_teardown(test_partition_disk, setup, teardown),
		cmocka_unit_test_setup_teardown(test_aquilon, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_cluster, setup, teardown),
		cmocka_unit_test_setup_teardown(test_precedence, setup, teardown),
		cmocka_unit_test_setup_teardown(test_two_hypervisors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_twice_on_one, setup, teardown),
		cmocka_unit_test_setup_teardown(test_two_forms, setup, teardown),
		cmocka_unit_test_setup_teardown(test_guest_map, setup, teardown),
		cmocka_unit_test_setup_teardown(test_own_host, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bridges, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many, setup, teardown),
		cmocka_unit_test_setup_teardown(test_real_xen, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bind, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bind_precedence, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bind_opennebula, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bind_nics, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bind_hypervisor, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bind_cluster, setup, teardown),
		cmocka_unit_test_setup_teardown(test_roles, setup, teardown),
		cmocka_unit_test_setup_teardown(test_real_roles, setup, teardown),
		cmocka_unit_test_setup_teardown(test_role_sections, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_sections, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
