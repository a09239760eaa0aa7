// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <libxml/parser.h>

#include "../../provision/plan/plan.h"

static const char want[] = "<domain type='kvm'><name>n</name><memory unit='MiB'>512</memory><vcpu>1</vcpu><os><type machine='q35'>hvm</type></os>"
			   "<memoryBacking><hugepages><page size='2' unit='MiB'/></hugepages></memoryBacking>"
			   "<devices><disk type='file'><driver cache='none'/><target dev='vda'/></disk><disk type='file'><driver "
			   "cache='none'/><target dev='vdb'/></disk>"
			   "<interface type='bridge'><mac address='02:00:00:00:00:0a'/><model type='virtio'/></interface><rng "
			   "model='virtio'><backend>/dev/x</backend></rng>"
			   "<panic model='isa'/></devices></domain>";

/* What becomes of the wanted definition, and what is said of that; NULL: nothing. */
static const struct {
	const char *from, *to, *said;
} cases[] = {
	{ "<name>", "<name>", NULL },
	/* libvirt's own spelling, and what it adds. */
	{ "<memory unit='MiB'>512<", "<memory unit='KiB'>524288<", NULL },
	{ "<memory unit='MiB'>512<", "<memory>524288<", NULL },
	{ "size='2' unit='MiB'", "size='2048' unit='KiB'", NULL },
	{ "machine='q35'", "machine='pc-q35-7.2'", NULL },
	{ "<vcpu>1</vcpu>", "<vcpu placement='static'>\n 1\n</vcpu><resource/>", NULL },
	{ "02:00:00:00:00:0a", "02:00:00:00:00:0A", NULL },
	{ "<panic model='isa'/>", "<panic model='hyperv'/><panic model='isa'/>", NULL },
	{ "<devices>", "<devices><disk type='block'><driver cache='unsafe'/><target dev='vdz'/></disk><watchdog/>", NULL },
	/* What is different. */
	{ "type='kvm'", "type='qemu'", "./@type is qemu instead of kvm" },
	{ "512", "1024", "./memory is 1024 instead of 512" },
	{ "size='2'", "size='1024'", "./memoryBacking/hugepages/page/@size is 1024 instead of 2" },
	{ "machine='q35'", "machine='pc-i440fx-7.2'", "./os/type/@machine is pc-i440fx-7.2 instead of q35" },
	{ "cache='none'/><target dev='vdb'", "cache='unsafe'/><target dev='vdb'", "./devices/disk/driver/@cache is unsafe instead of none" },
	{ "dev='vdb'", "dev='vdc'", "./devices/disk is missing instead of vdb" },
	{ "<model type='virtio'/>", "", "./devices/interface/model is missing instead of there" },
	{ "/dev/x", "/dev/y", "./devices/rng/backend is /dev/y instead of /dev/x" },
	{ "<panic model='isa'/>", "", "./devices/panic is missing instead of there" },
	{ "<name>", "<name", "it cannot be read" },
};

static void test_drift(void **state)
{
	(void)state;
	for (size_t i = 0; i < vp_count(cases); i++) {
		struct vp_arena *a = vp_arena_new();
		const char *at = strstr(want, cases[i].from);
		const char *have = vp_printf(a, "%.*s%s%s", (int)(at - want), want, cases[i].to, at + strlen(cases[i].from));
		const char *said = vp_plan_drift(a, want, have);

		if (strcmp(said, cases[i].said ? cases[i].said : ""))
			fail_msg("%s -> %s: '%s'", cases[i].from, cases[i].to, said);
		vp_arena_free(a);
	}
}

/* The order of devices is libvirt's. */
static void test_order(void **state)
{
	static const char two[] =
		"<domain><devices><disk><target dev='vda'/></disk><disk><target dev='vdb'/></disk><panic model='isa'/></devices></domain>";
	static const char turned[] =
		"<domain><devices><panic model='isa'/><disk><target dev='vdb'/></disk><disk><target dev='vda'/></disk></devices></domain>";
	struct vp_arena *a = vp_arena_new();

	(void)state;
	assert_string_equal(vp_plan_drift(a, two, turned), "");
	vp_arena_free(a);
}

/* --- What is made of a running domain --- */

#define RUNS                                                                                                                                         \
	"<domain type='%s'><memory>524288</memory><currentMemory>262144</currentMemory><vcpu current='2'>4</vcpu><os><boot dev='network'/></os>"     \
	"<devices><disk><driver cache='none'/><target dev='vda' bus='virtio'/><boot order='1'/></disk><disk><target dev='vdx' bus='virtio'/></disk>" \
	"<interface><mac address='02:00:00:00:00:0a'/><model type='virtio'/><bandwidth><inbound average='1'/></bandwidth></interface></devices>"     \
	"</domain>"

/* What of the wanted definition, which is the running one but for this, is made at once, and what later. */
static const struct {
	const char *driver, *from, *to, *live, *later;
} changes[] = {
	{ "QEMU", "<boot dev='network'/>", "<boot dev='hd'/>", "", "" },
	{ "QEMU", "<boot order='1'/>", "", "", "" },
	{ "QEMU", ">262144<", ">393216<", "memory 384 MiB", "" },
	{ "QEMU", ">262144<", ">264000<", "", "" },
	{ "QEMU", ">524288</memory><currentMemory>262144<", ">1048576</memory><currentMemory>262144<", "", "" },
	{ "QEMU", "<currentMemory>262144</currentMemory>", "", "memory 512 MiB", "" },
	{ "QEMU", ">524288</memory><currentMemory>262144<", ">1048576</memory><currentMemory>1048576<", "",
	  "memory 1 GiB (it was started with at most 512 MiB)" },
	{ "QEMU", "current='2'", "current='4'", "4 processors", "" },
	{ "QEMU", "current='2'>4", "current='6'>8", "", "6 processors (it was started with at most 4)" },
	{ "QEMU", "current='2'", "current='1'", "", "1 processor (those that it has stay)" },
	{ "KVM", "current='2'", "current='1'", "1 processor", "" },
	{ "Xen", "current='2'", "current='1'", "1 processor", "" },
	{ "QEMU", "<devices>", "<devices><disk><target dev='vdb' bus='virtio'/></disk>", "disk vdb plugged in", "" },
	{ "QEMU", "<devices>", "<devices><disk><target dev='hda' bus='ide'/></disk>", "",
	  "disk hda plugged in (not possible on its bus while it runs)" },
	{ "QEMU", "<devices>", "<devices><disk><target dev='sda' bus='scsi'/></disk>", "",
	  "disk sda plugged in (not possible on its bus while it runs)" },
	{ "Xen", "<devices>", "<devices><disk><target dev='xvdb' bus='xen'/></disk>", "disk xvdb plugged in", "" },
	{ "QEMU", "<driver cache='none'/>", "<driver cache='writeback'/>", "", "./devices/disk/driver/@cache is none instead of writeback" },
	{ "QEMU", "<devices>", "<devices><interface><mac address='02:00:00:00:00:0B'/></interface>", "interface 02:00:00:00:00:0B plugged in", "" },
	{ "QEMU", "average='1'", "average='2'", "bandwidth of 02:00:00:00:00:0a", "" },
	{ "QEMU", "<bandwidth><inbound average='1'/></bandwidth>", "", "bandwidth of 02:00:00:00:00:0a", "" },
	{ "Xen", "average='1'", "average='2'", "", "bandwidth of 02:00:00:00:00:0a (libvirt's driver for Xen cannot change it)" },
	{ "QEMU", "<model type='virtio'/>", "<model type='e1000'/>", "", "./devices/interface/model/@type is virtio instead of e1000" },
	{ "QEMU", "type='qemu'", "type='kvm'", "", "./@type is qemu instead of kvm" },
	/* A device of somebody else's stays, one that the definition had goes. */
	{ "QEMU", "<disk><target dev='vdx' bus='virtio'/></disk>", "", "", "" },
	{ "old", "<disk><target dev='vdx' bus='virtio'/></disk>", "", "disk vdx unplugged", "" },
};

static void test_live(void **state)
{
	(void)state;
	for (size_t i = 0; i < vp_count(changes); i++) {
		struct vp_arena *a = vp_arena_new();
		bool old = !strcmp(changes[i].driver, "old"), kvm = !strcmp(changes[i].driver, "KVM");
		struct vp_hv hv = { .type = "QEMU" };
		const char *now = vp_printf(a, RUNS, kvm ? "kvm" : "qemu"), *at = strstr(now, changes[i].from), *live = "";
		const char *wanted = vp_printf(a, "%.*s%s%s", (int)(at - now), now, changes[i].to, at + strlen(changes[i].from));
		struct vp_live out;

		snprintf(hv.type, sizeof(hv.type), "%s", !strcmp(changes[i].driver, "Xen") ? "Xen" : "QEMU");
		vp_plan_live(a, &hv, wanted, now, old ? now : NULL, NULL, &out);
		for (size_t k = 0; k < out.n; k++)
			live = vp_printf(a, "%s%s", live, out.ops[k].what);
		if (strcmp(live, changes[i].live) || strcmp(out.later, changes[i].later))
			fail_msg("%s, %s: live '%s', later '%s'", changes[i].driver, changes[i].to, live, out.later);
		vp_arena_free(a);
	}
}

/* What was refused once comes with the next start; a wish that is another one is tried. */
static void test_refused(void **state)
{
	struct vp_arena *a = vp_arena_new();
	const struct vp_hv hv = { .type = "QEMU" };
	const char *now = vp_printf(a, RUNS, "qemu");
	const char *wanted =
		vp_printf(a, "%.*s<currentMemory>393216%s", (int)(strstr(now, "<currentMemory>") - now), now, strstr(now, "</currentMemory>"));
	struct vp_live out;

	(void)state;
	vp_plan_live(a, &hv, wanted, now, NULL, "0123\tmemory 384 MiB\tdisk vdb plugged in\n<domain/>", &out);
	assert_int_equal(out.n, 0);
	assert_string_equal(out.later, "memory 384 MiB");
	vp_plan_live(a, &hv, wanted, now, NULL, "0123\tmemory 38 MiB\n<domain/>", &out);
	assert_int_equal(out.n, 1);
	assert_string_equal(out.later, "");
	vp_arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_drift), cmocka_unit_test(test_order), cmocka_unit_test(test_live),
					    cmocka_unit_test(test_refused) };
	int rc = cmocka_run_group_tests_name("drift", tests, NULL, NULL);

	xmlCleanupParser();
	return rc;
}
