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

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_drift), cmocka_unit_test(test_order) };
	int rc = cmocka_run_group_tests_name("drift", tests, NULL, NULL);

	xmlCleanupParser();
	return rc;
}
