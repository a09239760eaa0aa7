// SPDX-License-Identifier: Apache-2.0
/* Block devices, file systems and AII's part of a profile: own small profiles, and real ones against what AII itself makes of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <glob.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "../../provision/plan/plan.h"

static const char machine[] = "{\"hardware\":{\"cpu\":[{\"cores\":1}],\"ram\":[{\"size\":1024}],\"cards\":{\"nic\":{\"eth0\":{\"boot\":true}}},"
			      "\"harddisks\":{\"sda\":{\"capacity\":10240},\"sdb\":{\"capacity\":4096},\"sdc\":{\"capacity\":4096}}},"
			      "\"system\":{\"network\":{\"hostname\":\"n\",\"domainname\":\"example.org\"}}}";

struct world {
	struct vp_arena *a;
	struct vp_diags diags;
	struct vp_bind_opts opts;
	struct vp_site *site;
};

static int setup(void **state)
{
	struct world *w = vp_xcalloc(1, sizeof(*w));

	w->a = vp_arena_new();
	w->diags.arena = w->a;
	w->opts = (struct vp_bind_opts){ .virt = -1 };
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

static struct vp_node *bind_json(struct world *w, json_t *j)
{
	char *text = json_dumps(j, JSON_INDENT(1));
	struct vp_profile *p = vp_profile_parse(w->a, "t.json", text, strlen(text), &w->diags);
	struct vp_node *n = p ? vp_bind(w->a, p, w->site, &w->opts, &w->diags) : NULL;

	free(text);
	return n;
}

/* The machine with these below /system: JSON with ' for ". */
static json_t *with(const char *system)
{
	json_t *j = json_loads(machine, 0, NULL), *more;
	char *text = strdup(system);

	for (char *c = text; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	more = json_loads(text, 0, NULL);
	if (!more)
		fail_msg("not JSON: %s", text);
	json_object_update(json_object_get(j, "system"), more);
	json_decref(more);
	free(text);
	return j;
}

static struct vp_node *bind(struct world *w, const char *system)
{
	json_t *j = with(system);
	struct vp_node *n = bind_json(w, j);

	json_decref(j);
	return n;
}

static struct vp_node *bind_ok(struct world *w, const char *system)
{
	struct vp_node *n = bind(w, system);

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

static const char *path(struct world *w, const struct vp_node *n, struct vp_ref ref)
{
	struct vp_buf b = { 0 };
	const char *text;

	vp_block_path(n, ref, &b);
	text = vp_strdup(w->a, vp_buf_str(&b));
	vp_buf_free(&b);
	return text;
}

/* "disk vda, partition vda1, ..." */
static const char *creation(struct world *w, const struct vp_node *n)
{
	const char *text = "";

	for (size_t i = 0; i < n->ncreation; i++)
		text = vp_printf(w->a, "%s%s%s %s", text, *text ? ", " : "", vp_block_name(n->creation[i].kind), path(w, n, n->creation[i]));
	return text;
}

#define PARTS                                                                                                                                        \
	"'partitions':{'sda1':{'holding_dev':'sda','size':1024,'flags':{'boot':true,'bios_grub':true,'LVM':false}},"                                 \
	"'sda2':{'holding_dev':'sda','type':'extended'},'sda5':{'holding_dev':'sda','type':'logical','size':2048},"                                  \
	"'sdb1':{'holding_dev':'sdb','offset':1,'ksopts':'--grow'}}"

static void everything_is_bound(void **state)
{
	struct world *w = *state;
	struct vp_node *n = bind_ok(
		w,
		"{'blockdevices':{'physical_devs':{'sda':{'label':'msdos','readahead':256,'device_path':'card/port','validate':{'size':"
		"{'diff':100,'fraction':0.001}}}}," PARTS
		",'md':{'md_2fdata':{'device_list':['partitions/sda5','partitions/sdb1'],'raid_level':'RAID1','metadata':'1.2'}},"
		"'volume_groups':{'vg_data':{'device_list':['md/md_2fdata','physical_devs/sdc']}},"
		"'logical_volumes':{'a_rest':{'volume_group':'vg_data'},'lv0':{'volume_group':'vg_data','size':100,'stripe_size':64,'type':'striped',"
		"'cache':{'cache_lv':'pool','cachemode':'writeback'}},'pool':{'volume_group':'vg_data','size':64,'chunksize':32}},"
		"'files':{'_2fsrv_2fx_2eimg':{'size':10,'owner':'u','group':'g','permissions':384}},'tmpfs':{}},"
		"'filesystems':[{'block_device':'partitions/sda1','mountpoint':'/','type':'ext4','label':'sixteen-letters-','freq':1,'pass':2,"
		"'quota':90,'mkfsopts':'-m 1','ksfsformat':true,'format':true,'preserve':true,'mount':false},"
		"{'block_device':'logical_volumes/lv0','mountpoint':'/data','type':'xfs'},"
		"{'block_device':'logical_volumes/a_rest','mountpoint':'swap','type':'swap'},"
		"{'block_device':'files/_2fsrv_2fx_2eimg','mountpoint':'/x','type':'ext3'},"
		"{'block_device':'tmpfs','mountpoint':'/tmp','type':'tmpfs'}]}");

	assert_int_equal(w->diags.n, 1);
	assert_int_equal(n->install, VP_INSTALL_NONE);
	assert_string_equal(n->devices[0].label, "msdos");
	assert_int_equal(n->devices[0].readahead, 256);
	assert_string_equal(n->devices[0].hardware, "card/port");
	assert_true(n->devices[0].diff == 100 * VP_MIB && n->devices[0].fraction > 0.0009 && n->devices[0].fraction < 0.0011);
	assert_int_equal(n->npartitions, 4);
	assert_int_equal(n->partitions[0].nflags, 2);
	assert_string_equal(n->partitions[0].flags[1], "bios_grub");
	assert_string_equal(n->partitions[1].type, "extended");
	assert_int_equal(n->partitions[3].offset, VP_MIB);
	assert_string_equal(n->partitions[3].ksopts, "--grow");
	assert_string_equal(n->mds[0].name, "md/data");
	assert_string_equal(n->mds[0].metadata, "1.2");
	assert_int_equal(n->mds[0].stripe_kib, 64);
	assert_int_equal(n->vgs[0].ndevices, 2);
	/* LVM's names are never escaped, whatever they look like. */
	assert_string_equal(n->vgs[0].name, "vg_data");
	assert_int_equal(n->nlvs, 3);
	assert_string_equal(n->lvs[1].type, "striped");
	assert_string_equal(path(w, n, n->lvs[1].cache), "vg_data/pool");
	assert_string_equal(n->lvs[1].cache_mode, "writeback");
	assert_int_equal(n->lvs[2].chunk_kib, 32);
	assert_string_equal(n->files[0].name, "/srv/x.img");
	assert_int_equal(n->files[0].permissions, 384);
	assert_int_equal(n->nfilesystems, 5);
	assert_string_equal(n->filesystems[0].options, "noauto,defaults");
	assert_string_equal(n->filesystems[0].mkfsopts, "-m 1");
	assert_int_equal(n->filesystems[0].quota, 90);
	assert_true(n->filesystems[0].ksfsformat && n->filesystems[0].preserve);
	assert_int_equal(n->filesystems[2].on.kind, VP_BLOCK_NONE);
	assert_string_equal(creation(w, n),
			    "disk vda, disk vdb, disk vdc, partition vda1, partition vda2, partition vda5, partition vdb1, md md/data, "
			    "volume_group vg_data, logical_volume vg_data/pool, logical_volume vg_data/lv0, "
			    "logical_volume vg_data/a_rest, filesystem /, filesystem /data, filesystem swap, file /srv/x.img, "
			    "filesystem /x");
	assert_string_equal(vp_origin_of(n, "logical_volume.lv0.size")->path, "/system/blockdevices/logical_volumes/lv0/size");
	assert_string_equal(vp_origin_of(n, "filesystem./data.type")->path, "/system/filesystems/1/type");
	assert_string_equal(vp_origin_of(n, "md.md/data.level")->value, "RAID1");
	assert_string_equal(vp_origin_of(n, "volume_group.vg_data.devices")->value, "md/md_2fdata, physical_devs/sdc");
}

#define VG(members, volumes)                                                                                                                         \
	"{'blockdevices':{'partitions':{'sda1':{'holding_dev':'sda','size':1024},'sda2':{'holding_dev':'sda','size':101}},"                          \
	"'volume_groups':{'vg':{'device_list':[" members "]}},'logical_volumes':{" volumes "}},"                                                     \
	"'filesystems':[{'block_device':'partitions/sda2','mountpoint':'/','type':'ext4'}]}"
#define ROOT_AND(home)	  "{'block_device':'partitions/sda1','mountpoint':'/','type':'ext4','format':true}," home
#define ROOT_AND_HOME	  ROOT_AND("{'block_device':'partitions/sda2','mountpoint':'/home','type':'ext4','format':true,'preserve':true}")
#define ROOT_AND_OLD	  ROOT_AND("{'block_device':'partitions/sda2','mountpoint':'/home','type':'ext4','format':false}")
#define FS(systems)	  "{'blockdevices':{" PARTS "},'filesystems':[" systems "]}"
#define PARTITIONS(parts) "{'blockdevices':{'partitions':{" parts "}},'filesystems':[]}"

/* What it says, the code, the path, and whether it is an error whatever the method. */
static const struct {
	const char *system;
	enum vp_code code;
	const char *at;
	bool always;
} mistakes[] = {
	{ VG("'partitions/sda1','partitions/sda9'", ""), VP_E_REFERENCE, "/system/blockdevices/volume_groups/vg/device_list", true },
	{ VG("'volume_groups/vg'", ""), VP_E_REFERENCE, "/system/blockdevices/volume_groups/vg/device_list", true },
	{ VG("", ""), VP_E_VALUE, "/system/blockdevices/volume_groups/vg/device_list", false },
	{ VG("'partitions/sda1'", "'l':{'volume_group':'other'}"), VP_E_REFERENCE, "/system/blockdevices/logical_volumes/l/volume_group", true },
	{ VG("'partitions/sda1'", "'l':{'size':1}"), VP_E_MISSING, "/system/blockdevices/logical_volumes/l/volume_group", true },
	{ VG("'partitions/sda1'", "'l':{'volume_group':'vg','cache':{'cache_lv':'m'}}"), VP_E_REFERENCE, "/system/blockdevices/logical_volumes/l",
	  true },
	/* 1024 MiB less one extent for LVM itself; sizes are rounded up to extents. */
	{ VG("'partitions/sda1'", "'l':{'volume_group':'vg','size':1017},'m':{'volume_group':'vg','size':1}"), VP_E_SPACE,
	  "/system/blockdevices/volume_groups/vg", false },
	{ VG("'partitions/sda1'", "'l':{'volume_group':'vg','size':1020},'m':{'volume_group':'vg'}"), VP_E_SPACE,
	  "/system/blockdevices/volume_groups/vg", false },
	{ VG("'partitions/sda1'", "'l':{'volume_group':'vg'},'m':{'volume_group':'vg'}"), VP_E_VALUE, "/system/blockdevices/logical_volumes/m",
	  false },
	{ VG("'partitions/sda1','partitions/sda2'", ""), VP_E_VALUE, "/system/filesystems/0", false },
	{ VG("'physical_devs/sda'", ""), VP_E_VALUE, "/system/blockdevices/volume_groups/vg", false },
	{ VG("'logical_volumes/l'", "'l':{'volume_group':'vg','size':10}"), VP_E_REFERENCE, "/system/blockdevices/logical_volumes/l", true },
	{ VG("'partitions/sda1'", "'-l':{'volume_group':'vg','size':10}"), VP_E_VALUE, "/system/blockdevices/logical_volumes/-l", true },
	{ VG("'partitions/sda1'", "'l':7"), VP_E_TYPE, "/system/blockdevices/logical_volumes/l", true },
	{ "{'blockdevices':{" PARTS ",'volume_groups':{'v':{'device_list':['partitions/sda5']},'w':{'device_list':['partitions/sda5']}}}}",
	  VP_E_VALUE, "/system/blockdevices/volume_groups/w", false },
	{ "{'blockdevices':{" PARTS ",'md':{'m':{'device_list':['md/n'],'raid_level':'RAID0'},'n':{'device_list':['md/m'],'raid_level':'RAID0'}}}}",
	  VP_E_REFERENCE, "/system/blockdevices/md/n", true },
	{ "{'blockdevices':{" PARTS ",'md':{'m':{'device_list':['partitions/sda5'],'raid_level':'RAID7'}}}}", VP_E_VALUE,
	  "/system/blockdevices/md/m/raid_level", true },
	{ "{'blockdevices':{" PARTS ",'md':{'_2e_2e':{'device_list':['partitions/sda5'],'raid_level':'RAID0'}}}}", VP_E_VALUE,
	  "/system/blockdevices/md/_2e_2e", true },
	{ FS("{'block_device':'partitions/sda2','mountpoint':'/','type':'ext4'}"), VP_E_VALUE, "/system/filesystems/0", false },
	{ FS("{'block_device':'partitions/sda7','mountpoint':'/','type':'ext4'}"), VP_E_REFERENCE, "/system/filesystems/0", true },
	{ FS("{'block_device':'nothing','mountpoint':'/','type':'ext4'}"), VP_E_REFERENCE, "/system/filesystems/0", true },
	{ FS("{'block_device':'partitions/sda1','mountpoint':'/','type':'ext4'},{'block_device':'tmpfs','mountpoint':'/','type':'tmpfs'}"),
	  VP_E_VALUE, "/system/filesystems/1", false },
	{ FS("7"), VP_E_TYPE, "/system/filesystems/0", true },
	{ PARTITIONS("'sda1':{'holding_dev':'sda','type':'extended','size':100},'sda5':{'holding_dev':'sda','type':'logical','size':101}"),
	  VP_E_SPACE, "/system/blockdevices/partitions/sda5", false },
	{ PARTITIONS("'sda1':{'holding_dev':'sda','size':10239}"), VP_E_SPACE, "/system/blockdevices/partitions/sda1", false },
	{ PARTITIONS("'sda1':{'holding_dev':'sdz','size':10}"), VP_E_REFERENCE, "/system/blockdevices/partitions/sda1", true },
	{ PARTITIONS("'data':{'holding_dev':'sda','size':10}"), VP_E_VALUE, "/system/blockdevices/partitions/data", false },
};

static void each_mistake_is_named(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < vp_count(mistakes); i++) {
		for (int image = 0; image < 2; image++) {
			json_t *j = with(mistakes[i].system);
			const struct vp_diag *d;
			struct vp_node *n;

			json_object_set_new(json_object_get(j, "system"), "vprov", json_pack("{s:s}", "install", image ? "image" : "none"));
			w->diags.n = w->diags.errors = w->diags.warnings = 0;
			n = bind_json(w, j);
			json_decref(j);
			d = find_diag(w, mistakes[i].code, mistakes[i].at);
			if (!d || (image && n) || !n != (image || mistakes[i].always)) {
				vp_diags_print(&w->diags, stderr);
				fail_msg("%s (%s): no %s at %s, or of the wrong weight", mistakes[i].system, image ? "image" : "none",
					 vp_code_text(mistakes[i].code), mistakes[i].at);
			}
		}
	}
}

static void what_fits_exactly_is_right(void **state)
{
	static const char *const right[] = {
		VG("'partitions/sda1'", "'l':{'volume_group':'vg','size':1016},'m':{'volume_group':'vg','size':1}"),
		VG("'partitions/sda1'", "'l':{'volume_group':'vg','size':1016},'m':{'volume_group':'vg'}"),
		PARTITIONS("'sda1':{'holding_dev':'sda','type':'extended','size':100},'sda5':{'holding_dev':'sda','type':'logical','size':100}"),
		PARTITIONS("'sda1':{'holding_dev':'sda','size':10238}"),
	};
	struct world *w = *state;

	for (size_t i = 0; i < vp_count(right); i++) {
		w->diags.n = 0;
		bind_ok(w, right[i]);
		/* What the method image lacks, and that alone. */
		if (w->diags.n > 1 || (w->diags.n && w->diags.items[0].code != VP_E_ODD)) {
			vp_diags_print(&w->diags, stderr);
			fail_msg("%s", right[i]);
		}
	}
}

#define LAYOUT(md, vg, lv, system)                                                                                                                   \
	"{'blockdevices':{'partitions':{'sda1':{'holding_dev':'sda','size':512},'sda2':{'holding_dev':'sda'},'sdb1':{'holding_dev':'sdb'}},"         \
	"'md':{" md "},'volume_groups':{" vg "},'logical_volumes':{" lv "}},'filesystems':[" system "]}"
#define ROOT(on) "{'block_device':'" on "','mountpoint':'/','type':'xfs'}"
#define GROUP	 "'g':{'device_list':['partitions/sda2','partitions/sdb1']}"
#define MIRROR	 "'md0':{'device_list':['partitions/sda2','partitions/sdb1'],'raid_level':'RAID1'}"

/* What is not made by the method image says so where it is asked for; "" is made. */
static void what_image_makes(void **state)
{
	static const struct {
		const char *system, *refused;
	} layouts[] = {
		{ LAYOUT(MIRROR, "", "", ROOT("md/md0")), "" },
		{ LAYOUT("", GROUP, "'l':{'volume_group':'g'}", ROOT("logical_volumes/l")), "" },
		{ LAYOUT(MIRROR, "'g':{'device_list':['md/md0','physical_devs/sdc']}", "'l':{'volume_group':'g','type':'striped','stripe_size':64}",
			 ROOT("partitions/sda1") ",{'block_device':'logical_volumes/l','mountpoint':'swap','type':'swap'}"),
		  "" },
		{ LAYOUT("", "", "", ROOT("partitions/sda1") ",{'block_device':'physical_devs/sdc','mountpoint':'/c','type':'ext4'}"), "" },
		{ LAYOUT("", "", "", ROOT("physical_devs/sdc")), "boots from partitions: / is on sdc as a whole" },
		{ LAYOUT("", "'g':{'device_list':['partitions/sda2','physical_devs/sdc']}", "'l':{'volume_group':'g'}", ROOT("logical_volumes/l")),
		  "boots from partitions: / is on sdc as a whole" },
		{ LAYOUT("", GROUP, "'l':{'volume_group':'g','type':'thin'}", ROOT("partitions/sda1")), "none of type thin" },
		{ LAYOUT("", GROUP, "'c':{'volume_group':'g','size':9},'l':{'volume_group':'g','size':9,'cache':{'cache_lv':'c'}}",
			 ROOT("partitions/sda1")),
		  "makes no caches" },
		{ LAYOUT("'md0':{'device_list':['partitions/sda2','partitions/sdb1'],'raid_level':'RAID5'}", "", "", ROOT("md/md0")),
		  "RAID5 of at least 3 devices" },
		{ LAYOUT("'md0':{'device_list':['partitions/sda2','partitions/sdb1'],'raid_level':'RAID1','num_spares':1}", "", "", ROOT("md/md0")),
		  "RAID1 of at least 2 devices" },
		{ LAYOUT("'md0':{'device_list':['partitions/sda2','partitions/sdb1'],'raid_level':'RAID1','metadata':'imsm'}", "", "",
			 ROOT("md/md0")),
		  "no RAID of the kind imsm" },
		{ LAYOUT(MIRROR ",'md1':{'device_list':['md/md0','physical_devs/sdc'],'raid_level':'RAID1'}", "", "", ROOT("md/md1")),
		  "makes no RAID of RAID" },
		{ LAYOUT("", GROUP ",'h':{'device_list':['logical_volumes/l']}", "'l':{'volume_group':'g'}", ROOT("partitions/sda1")),
		  "no volume group of logical volumes" },
	};
	struct world *w = *state;

	for (size_t i = 0; i < vp_count(layouts); i++) {
		const struct vp_node *n;

		w->diags.n = w->diags.errors = w->diags.warnings = 0;
		n = bind_ok(w, layouts[i].system);
		if (!*layouts[i].refused) {
			assert_int_equal(w->diags.n, 0);
			assert_int_equal(n->install, VP_INSTALL_IMAGE);
		} else if (n->install != VP_INSTALL_NONE || w->diags.n != 1 || !strstr(w->diags.items[0].message, layouts[i].refused)) {
			vp_diags_print(&w->diags, stderr);
			fail_msg("%s: not refused with %s", layouts[i].system, layouts[i].refused);
		}
	}
}

/* A root image holds what its node's storage takes, and no other node's image changes by that. */
static void packages_follow_from_storage(void **state)
{
	struct world *w = *state;
	const char *own[] = { "htop", "lvm2" };
	struct vp_node *n = bind_ok(w, "{}");
	const char **list;
	size_t count;

	vp_storage_packages(w->a, n, &count);
	assert_int_equal(count, 0);
	n = bind_ok(w, LAYOUT(MIRROR, "'g':{'device_list':['md/md0']}", "'l':{'volume_group':'g'}", ROOT("partitions/sda1")));
	n->packages = own;
	n->npackages = 2;
	list = vp_storage_packages(w->a, n, &count);
	assert_int_equal(count, 4);
	assert_string_equal(list[1], "lvm2");
	assert_string_equal(list[2], "xfsprogs");
	assert_string_equal(list[3], "mdadm");
	/* A card that is no virtual one, a controller that is none: another kernel, unless there is one already. */
	n = bind_ok(w, "{}");
	n->nics[0].model = "e1000";
	list = vp_storage_packages(w->a, n, &count);
	assert_int_equal(count, 1);
	assert_string_equal(list[0], "linux-image-amd64");
	n->nics[0].model = "virtio";
	n->disks[0].bus = "sata";
	vp_storage_packages(w->a, n, &count);
	assert_int_equal(count, 1);
	n->packages = (const char *[]){ "linux-image-6.1.0-rt-amd64" };
	n->npackages = 1;
	vp_storage_packages(w->a, n, &count);
	assert_int_equal(count, 1);
}

static void what_is_left_out_takes_along_what_is_on_it(void **state)
{
	struct world *w = *state;
	struct vp_node *n = bind_ok(
		w, "{'blockdevices':{'physical_devs':{'mapper_2fx':{'label':'gpt'}},'partitions':{'sda1':{'holding_dev':'sda','size':10,'aii':false},"
		   "'sda2':{'holding_dev':'sda','size':10},'mapper_2fxp1':{'holding_dev':'mapper_2fx'}},"
		   "'volume_groups':{'v':{'device_list':['partitions/sda1']},'x':{'device_list':['partitions/mapper_2fxp1']},"
		   "'h':{'device_list':['hwraid/u0']}},'logical_volumes':{'l':{'volume_group':'v'}},"
		   "'hwraid':{'u0':{'device_list':[]}},'vxvm':{'g':{'v':{'volume':'v'}}}},"
		   "'filesystems':[{'block_device':'logical_volumes/l','mountpoint':'/l','type':'ext4'},"
		   "{'block_device':'partitions/gone','mountpoint':'/gone','type':'ext4','aii':false},"
		   "{'block_device':'vxvm/g/v','mountpoint':'/v','type':'vxfs'},{'block_device':'partitions/sda2','mountpoint':'/','type':'ext4'}]}");

	assert_int_equal(n->npartitions, 1);
	assert_int_equal(n->nvgs + n->nlvs, 0);
	assert_int_equal(n->nfilesystems, 1);
	assert_string_equal(n->filesystems[0].mountpoint, "/");
	assert_non_null(find_diag(w, VP_E_ODD, "/system/blockdevices/physical_devs/mapper_2fx"));
	assert_non_null(find_diag(w, VP_E_ODD, "/system/blockdevices/hwraid"));
	assert_non_null(find_diag(w, VP_E_ODD, "/system/blockdevices/vxvm"));
	assert_int_equal(w->diags.errors, 0);
}

/* A value that does not decide is a warning; but image, which would not do what is asked, is no more. */
static void wrong_values_that_do_not_decide(void **state)
{
	struct world *w = *state;
	struct vp_node *n;

	n = bind_ok(w, "{'blockdevices':{'partitions':{'sda1':{'holding_dev':'sda'}}},'filesystems':["
		       "{'block_device':'partitions/sda1','mountpoint':'/','type':'ext4','mountopts':'one two','pass':'x'}]}");
	assert_string_equal(n->filesystems[0].options, "defaults");
	assert_non_null(find_diag(w, VP_E_VALUE, "/system/filesystems/0/mountopts"));
	assert_non_null(find_diag(w, VP_E_TYPE, "/system/filesystems/0/pass"));
	assert_int_equal(n->install, VP_INSTALL_NONE);
	w->diags.n = 0;
	n = bind_ok(w,
		    "{'filesystems':[{'block_device':'partitions/sda1','mountpoint':'/','type':'ext4'},{'block_device':'tmpfs','mountpoint':'/tmp',"
		    "'type':'tmpfs'}],'blockdevices':{'partitions':{'sda1':{'holding_dev':'sda'}}}}");
	/* Memory is nothing to be made. */
	assert_int_equal(n->install, VP_INSTALL_IMAGE);
	assert_int_equal(w->diags.n, 0);
}

static void no_more_than_the_limit(void **state)
{
	struct world *w = *state;

	/* The disks count. */
	for (unsigned more = 0; more < 2; more++) {
		json_t *j = with("{'blockdevices':{'partitions':{}},'filesystems':[],'vprov':{'install':'none'}}");
		json_t *parts = json_object_get(json_object_get(json_object_get(j, "system"), "blockdevices"), "partitions");

		for (unsigned i = 0; i < VP_MAX_BLOCKS - 3 + more; i++)
			json_object_set_new(parts, vp_printf(w->a, "sda%u", i + 1),
					    json_pack("{s:s, s:i, s:b}", "holding_dev", "sda", "size", 1, "aii", 0));
		w->diags.n = 0;
		assert_int_equal(!bind_json(w, j), more);
		assert_int_equal(!find_diag(w, VP_E_LIMIT, "/system/blockdevices"), !more);
		json_decref(j);
	}
}

#define AII(text) "{'aii':{" text "}}"

static void what_aii_reads(void **state)
{
	struct world *w = *state;
	struct vp_node *n = bind_ok(
		w,
		AII("'nbp':{'pxelinux':{'kernel':'k','initrd':'@i-*@','ksdevice':'eth0','setifnames':true,'ramdisk_size':32}},"
		    "'osinstall':{'ks':{'installtype':'nfs --server s.example.org "
		    "--dir=/d','acklist':['http://a/1','http://a/2'],'ackurl':'http://old',"
		    "'rootpw':'plain-secret','clearpart':['sda','/dev/sdb','hda'],'ignoredisk':['sdz'],'lang':7,'logging':{'host':'l','port':514}}},"
		    "'dhcp':{'tftpserver':'t','options':{'default-lease-time':60,'wrong':{}}},'protected':'id_1',"
		    "'hooks':{'install':[{'module':'opennebula','vm':true},{'module':'second'}],'remove':[{'x':1}]},'discovery':{'dhcp':{'enabled':"
		    "true}}"));

	assert_string_equal(n->aii.pxelinux.initrd, "@i-*@");
	assert_true(n->aii.pxelinux.setifnames);
	assert_int_equal(n->aii.pxelinux.ramdisk_mib, 32);
	assert_string_equal(n->aii.ks.method, "nfs");
	assert_string_equal(n->aii.ks.server, "s.example.org");
	assert_string_equal(n->aii.ks.dir, "/d");
	assert_string_equal(n->aii.ks.url, "");
	assert_int_equal(n->aii.ks.acks.n, 2);
	assert_string_equal(n->aii.ks.acks.items[1], "http://a/2");
	assert_int_equal(n->aii.ks.log_port, 514);
	assert_string_equal(n->aii.ks.lang, "");
	assert_int_equal(n->aii.options.n, 2);
	assert_string_equal(n->aii.options.items[1], "60");
	assert_int_equal(n->aii.hooks.n, 2);
	assert_string_equal(n->aii.hooks.items[0], "install opennebula");
	assert_string_equal(n->aii.discovery.items[0], "dhcp");
	assert_string_equal(n->aii.protection, "id_1");
	assert_string_equal(n->rootpw, "");
	/* Of the names of disks, the one that is none. */
	assert_non_null(find_diag(w, VP_E_ODD, "/system/aii/osinstall/ks/clearpart/2"));
	assert_non_null(find_diag(w, VP_E_TYPE, "/system/aii/osinstall/ks/lang"));
	assert_non_null(find_diag(w, VP_E_TYPE, "/system/aii/dhcp/options/wrong"));
	assert_non_null(find_diag(w, VP_E_VALUE, "/system/aii/osinstall/ks/rootpw"));
	assert_int_equal(w->diags.n, 4);
	for (size_t i = 0; i < w->diags.n; i++)
		assert_null(strstr(w->diags.items[i].message, "plain-secret"));
	n = bind_ok(w, AII("'osinstall':{'ks':{'installtype':'url --url  http://s/x','ackurl':'http://old'}}"));
	assert_string_equal(n->aii.ks.url, "http://s/x");
	assert_string_equal(n->aii.ks.acks.items[0], "http://old");
	n = bind_ok(w, AII("'osinstall':{'ks':{'installtype':'  url  --  '}}"));
	assert_string_equal(n->aii.ks.url, "");
	assert_null(bind(w, AII("'protected':['x']")));
}

/* A protected node, as last applied. */
static void protected_nodes_ask_for_their_word(void **state)
{
	struct world *w = *state;
	const char *tmp = getenv("TMPDIR");
	char *dir = vp_printf(w->a, "%s/vprov-storage-XXXXXX", tmp ? tmp : "/tmp");
	struct vp_node_row row = { .name = "n", .uuid = "", .virt = "kvm", .host = "", .mac = "", .ip = "", .phase = "", .reason = "", .token = "" };
	struct vp_world world = { .arena = w->a };
	struct vp_err err = { 0 };

	assert_non_null(mkdtemp(dir));
	world.state = vp_state_open(dir, false, &err);
	assert_non_null(world.state);
	row.config = row.image = row.task = "";
	row.json = "{\"aii\": {\"protected\": \"id_1\"}}";
	assert_int_equal(vp_state_put(world.state, &row, &err), 0);
	assert_int_equal(vp_plan_consent(&world, "n", NULL, false, NULL, &err), -1);
	assert_int_equal(err.code, VP_E_CONSENT);
	/* It is not told: who has the profile knows it. */
	assert_null(strstr(err.msg, "id_1"));
	assert_int_equal(vp_plan_consent(&world, "n", NULL, false, "id_", &err), -1);
	assert_int_equal(vp_plan_consent(&world, "n", NULL, false, "id_1", &err), 0);
	assert_int_equal(vp_plan_consent(&world, "other", NULL, false, NULL, &err), 0);
	assert_int_equal(vp_plan_consent(&world, "n", NULL, true, "n", &err), -1);
	assert_int_equal(vp_plan_consent(&world, "n", NULL, true, "other,id_1", &err), 0);
	row.json = "{\"aii\": {}}";
	assert_int_equal(vp_state_put(world.state, &row, &err), 0);
	assert_int_equal(vp_plan_consent(&world, "n", NULL, false, NULL, &err), 0);
	/* Neither protected nor in production, but there is data: its name. */
	assert_int_equal(vp_plan_consent(&world, "n", NULL, true, NULL, &err), -1);
	assert_non_null(strstr(err.msg, "--confirm n "));
	assert_int_equal(vp_plan_consent(&world, "n", NULL, true, "nn,m", &err), -1);
	assert_int_equal(vp_plan_consent(&world, "n", NULL, true, "m,n", &err), 0);
	row.json = "{\"system\": {\"state\": \"production\"}}";
	assert_int_equal(vp_state_put(world.state, &row, &err), 0);
	assert_int_equal(vp_plan_consent(&world, "n", NULL, false, NULL, &err), -1);
	assert_non_null(strstr(err.msg, "in production"));
	assert_int_equal(vp_plan_consent(&world, "n", NULL, false, "n", &err), 0);
	/* Whoever armed it has agreed. */
	row.armed = true;
	assert_int_equal(vp_state_put(world.state, &row, &err), 0);
	assert_int_equal(vp_plan_consent(&world, "n", NULL, true, NULL, &err), 0);
	vp_state_close(world.state);
	assert_int_equal(vp_remove_tree(dir, &err), 0);
}

/* What the plan says in capitals is what the installer does: a kickstart keeps less than vprov's own. */
static void loss_is_told_as_it_is(void **state)
{
	static const struct {
		enum vp_install install;
		const char *clearpart, *system, *loss;
	} cases[] = {
		{ VP_INSTALL_IMAGE, NULL, FS(ROOT_AND_HOME), "vda (/x/used): / made anew, /home kept" },
		{ VP_INSTALL_KICKSTART, NULL, FS(ROOT_AND_HOME), "vda (/x/used): /, /home made anew" },
		{ VP_INSTALL_KICKSTART, NULL, FS(ROOT_AND_OLD), "vda (/x/used): / made anew, /home kept" },
		{ VP_INSTALL_KICKSTART, "sda", FS(ROOT_AND_OLD), "vda (/x/used): /, /home made anew" },
		{ VP_INSTALL_KICKSTART, "sdb", FS(ROOT_AND_OLD), "vda (/x/used): / made anew, /home kept" },
	};
	struct world *w = *state;
	struct vp_disk_fake *disks = vp_disk_fake_new();
	struct vp_world world = { .arena = w->a, .disk = &vp_disk_fake, .disk_ctx = disks };
	struct vp_err err = { 0 };
	const char *loss;

	assert_int_equal(vp_disk_fake.create(disks, "/x/used", "qcow2", 1, &err), 0);
	for (size_t i = 0; i < vp_count(cases); i++) {
		struct vp_node *n = bind_ok(w, cases[i].system);

		n->install = cases[i].install;
		n->disks[0].path = "/x/used";
		if (cases[i].clearpart)
			n->aii.ks.clearpart = (struct vp_words){ .items = (const char **)&cases[i].clearpart, .n = 1 };
		assert_int_equal(vp_plan_loss(&world, n, &loss, &err), 0);
		assert_string_equal(loss, cases[i].loss);
		/* Partitions alone are something, too. */
		n->nfilesystems = 0;
		assert_int_equal(vp_plan_loss(&world, n, &loss, &err), 0);
		assert_string_equal(loss, "vda (/x/used): its partitions made anew");
		n->disks[0].path = "/x/new";
		assert_int_equal(vp_plan_loss(&world, n, &loss, &err), 0);
		assert_string_equal(loss, "");
	}
	vp_disk_fake_free(disks);
}

/* --- Real profiles --- */

static const char *shared(struct world *w, const char *name)
{
	const char *dir = getenv("VP_SHARED");

	return dir ? vp_printf(w->a, "%s/%s", dir, name) : NULL;
}

/* Fragments have no machine: they get one. */
static json_t *load(struct world *w, const char *file)
{
	json_t *j = json_load_file(file, 0, NULL), *own = json_loads(machine, 0, NULL), *hardware, *system;

	(void)w;
	if (!json_object_get(j, "system") || !own)
		fail_msg("%s", file);
	hardware = json_object_get(j, "hardware");
	if (!hardware)
		json_object_set_new(j, "hardware", hardware = json_object());
	json_object_update_missing(hardware, json_object_get(own, "hardware"));
	system = json_object_get(j, "system");
	json_object_set(system, "network", json_object_get(json_object_get(own, "system"), "network"));
	json_decref(own);
	return j;
}

static void add_line(struct world *w, struct vp_words *list, const char *fmt, const char *a, const char *b, const char *c)
{
	const char **more = vp_alloc(w->a, (list->n + 1) * sizeof(*more));

	if (list->n)
		memcpy(more, list->items, list->n * sizeof(*more));
	more[list->n++] = vp_printf(w->a, "%s %s %s %s", fmt, a, b, c);
	list->items = more;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const char *joined(struct world *w, struct vp_words *list)
{
	const char *text = "";

	if (list->n)
		qsort(list->items, list->n, sizeof(*list->items), by_text);
	for (size_t i = 0; i < list->n; i++)
		if (!i || strcmp(list->items[i], list->items[i - 1]))
			text = vp_printf(w->a, "%s%s\n", text, list->items[i]);
	return text;
}

/* The value of "--name=" in a line. */
static const char *option(struct world *w, const char *line, const char *name)
{
	const char *at = strstr(line, name);

	return at ? vp_strndup(w->a, at + strlen(name), strcspn(at + strlen(name), " \n")) : "";
}

/* What AII's kickstart makes: its part, raid, volgroup and logvol lines, the partitions and file systems of its %pre. */
static void aii_line(struct world *w, struct vp_words *out, const char *line)
{
	char one[256] = "", two[256] = "", three[256] = "";

	if (sscanf(line, "part %255s --onpart %255s", one, two) == 2)
		add_line(w, out, "part", one, two, "");
	else if (sscanf(line, "volgroup %255s", one) == 1)
		add_line(w, out, "volgroup", one, "", "");
	else if (sscanf(line, "logvol %255s", one) == 1)
		add_line(w, out, "logvol", one, option(w, line, "--vgname="), option(w, line, "--name="));
	else if (sscanf(line, "raid %255s", one) == 1)
		add_line(w, out, "raid", one, option(w, line, "--device="), "");
	else if (sscanf(line, " wipe_metadata /dev/%255s", one) == 1 && strpbrk(one, "0123456789"))
		add_line(w, out, "partition", one, "", "");
	else if (sscanf(line, "mkfs.%255s /dev/%255s", two, three) == 2)
		add_line(w, out, "mkfs", two, three, "");
	else if (sscanf(line, "mkswap /dev/%255s", one) == 1)
		add_line(w, out, "mkfs", "swap", one, "");
}

static const char *aii_makes(struct world *w, const char *file)
{
	struct vp_words lines = { 0 };
	struct vp_buf text = { 0 };
	char *line, *rest;

	assert_int_equal(vp_read_file(file, 1 << 20, &text, NULL), 0);
	rest = text.data;
	while ((line = strsep(&rest, "\n")))
		aii_line(w, &lines, line);
	vp_buf_free(&text);
	return joined(w, &lines);
}

/* The same of a node, with the disks' names as in the profile. */
static const char *node_makes(struct world *w, const struct vp_node *n)
{
	struct vp_words lines = { 0 };

	for (size_t i = 0; i < n->npartitions; i++)
		add_line(w, &lines, "partition", n->partitions[i].name, "", "");
	for (size_t i = 0; i < n->nfilesystems; i++) {
		const struct vp_filesystem *f = &n->filesystems[i];
		const char *dev = path(w, n, f->on);

		if (f->on.kind == VP_BLOCK_PARTITION)
			add_line(w, &lines, "part", f->mountpoint, dev = n->partitions[f->on.index].name, "");
		else if (f->on.kind == VP_BLOCK_MD)
			add_line(w, &lines, "raid", f->mountpoint, dev, "");
		else if (f->on.kind == VP_BLOCK_LV) {
			const struct vp_lv *v = &n->lvs[f->on.index];

			add_line(w, &lines, "logvol", f->mountpoint, n->vgs[v->vg].name, v->name);
			if (n->aii.ks.volgroup_required)
				add_line(w, &lines, "volgroup", n->vgs[v->vg].name, "", "");
		}
		if (f->format)
			add_line(w, &lines, "mkfs", f->type, dev, "");
	}
	return joined(w, &lines);
}

static void aii_makes_the_same(void **state)
{
	static const char *const sets[][2] = { { "aii-output/site-umd3-18.6.0", "profiles/site-umd3-18.6.0" },
					       { "aii-output/xen-14.8.0", "profiles/xen-14.8.0" },
					       { "aii-output/unit-tests-ks", "profiles/unit-tests/quattor+aii/aii-ks" } };
	struct world *w = *state;
	unsigned seen = 0;

	if (!shared(w, ""))
		skip();
	for (size_t s = 0; s < vp_count(sets); s++) {
		glob_t files = { 0 };

		if (glob(vp_printf(w->a, "%s/*.ks-commands", shared(w, sets[s][0])), 0, NULL, &files))
			fail_msg("nothing in %s", sets[s][0]);
		for (size_t i = 0; i < files.gl_pathc; i++, seen++) {
			char *name = vp_strdup(w->a, strrchr(files.gl_pathv[i], '/') + 1);
			struct vp_node *n;
			json_t *j;

			*strstr(name, ".ks-commands") = '\0';
			j = load(w, vp_printf(w->a, "%s/%s.json", shared(w, sets[s][1]), name));
			n = bind_json(w, j);
			if (!n)
				vp_diags_print(&w->diags, stderr);
			assert_non_null(n);
			/* A hypervisor is not installed. Where a profile says nothing, vprov has a layout of its own, and AII none. */
			if (n->machine == VP_GUEST && json_object_get(json_object_get(j, "system"), "filesystems"))
				assert_string_equal(node_makes(w, n), aii_makes(w, files.gl_pathv[i]));
			json_decref(j);
		}
		globfree(&files);
	}
	assert_true(seen >= 25);
}

static void fragments_of_unit_tests(void **state)
{
	static const char *const patterns[] = {
		"profiles/unit-tests/quattor+ncm-lib-blockdevices/src/test/resources/*/*.json",
		"profiles/unit-tests/quattor+configuration-modules-core/ncm-filesystems/*.json",
		"profiles/unit-tests/quattor+aii/aii-pxelinux/*.json",
	};
	struct world *w = *state;
	unsigned seen = 0;

	if (!shared(w, ""))
		skip();
	for (size_t p = 0; p < vp_count(patterns); p++) {
		glob_t files = { 0 };

		if (glob(shared(w, patterns[p]), 0, NULL, &files))
			fail_msg("nothing is %s", patterns[p]);
		for (size_t i = 0; i < files.gl_pathc; i++, seen++) {
			json_t *j = load(w, files.gl_pathv[i]);

			w->diags.n = 0;
			/* One of them names a partition that it has not. */
			if (!bind_json(w, j) && !find_diag(w, VP_E_REFERENCE, "/system/blockdevices/md/md_2fmyname/device_list")) {
				vp_diags_print(&w->diags, stderr);
				fail_msg("%s", files.gl_pathv[i]);
			}
			json_decref(j);
		}
		globfree(&files);
	}
	assert_true(seen >= 15);
}

#define UEFI(devs, parts, systems)                                                                                                                   \
	"{'vprov':{'firmware':'uefi','install':'image'},'blockdevices':{'physical_devs':{" devs "},'partitions':{" parts                             \
	"'sda2':{'holding_dev':'sda'}}},'filesystems':[" systems "{'block_device':'partitions/sda2','mountpoint':'/','type':'ext4'}]}"
#define ESP_PART  "'sda1':{'holding_dev':'sda','size':100},"
#define ESP(more) "{'block_device':'partitions/sda1','mountpoint':'/boot/efi'," more "},"

/* UEFI needs a table that it reads, and may have a partition of its own, which nothing in it outlives. */
static void uefi_has_its_rules(void **state)
{
	static const struct {
		const char *system, *at;
	} cases[] = {
		{ UEFI("", ESP_PART, ESP("'type':'vfat'")), NULL },
		{ UEFI("'sda':{'label':'gpt'}", ESP_PART, ESP("'type':'vfat'")), NULL },
		{ UEFI("'sdb':{'label':'msdos'}", ESP_PART, ESP("'type':'vfat'")), NULL },
		{ UEFI("'sda':{'label':'msdos'}", ESP_PART, ESP("'type':'vfat'")), "/system/blockdevices/physical_devs/sda/label" },
		{ UEFI("", ESP_PART, ESP("'type':'ext4'")), "/system/filesystems/0/type" },
		{ UEFI("", ESP_PART, ESP("'type':'vfat','preserve':true")), "/system/filesystems/0" },
		{ UEFI("", ESP_PART, ESP("'type':'vfat','format':false")), "/system/filesystems/0" },
	};
	struct world *w = *state;

	for (size_t i = 0; i < vp_count(cases); i++) {
		struct vp_node *n;

		w->diags.n = w->diags.errors = w->diags.warnings = 0;
		n = bind(w, cases[i].system);
		if (!n != !!cases[i].at || (cases[i].at && !find_diag(w, VP_E_VALUE, cases[i].at))) {
			vp_diags_print(&w->diags, stderr);
			fail_msg("%s", cases[i].system);
		}
		if (!n)
			continue;
		assert_string_equal(n->devices[0].label, "gpt");
		assert_false(vp_is_esp(n, &n->filesystems[0]));
		assert_true(vp_is_esp(n, &n->filesystems[1]));
		n->firmware = VP_BIOS;
		assert_false(vp_is_esp(n, &n->filesystems[1]));
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(everything_is_bound),
		TEST(each_mistake_is_named),
		TEST(what_fits_exactly_is_right),
		TEST(what_image_makes),
		TEST(packages_follow_from_storage),
		TEST(what_is_left_out_takes_along_what_is_on_it),
		TEST(wrong_values_that_do_not_decide),
		TEST(no_more_than_the_limit),
		TEST(what_aii_reads),
		TEST(protected_nodes_ask_for_their_word),
		TEST(loss_is_told_as_it_is),
		TEST(aii_makes_the_same),
		TEST(fragments_of_unit_tests),
		TEST(uefi_has_its_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
