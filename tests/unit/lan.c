// SPDX-License-Identifier: Apache-2.0
/* The host's own network: texts, and the order of steps, of kinds of link that the machine's own kernel may not have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../bridge/lan.h"

#define MARK "vprov:1/host"

static void parse(const char *text, struct vp_lan *out)
{
	assert_true(vp_lan_parse(text, out));
	for (size_t i = 0; i < out->nlinks; i++)
		if (vp_lan_find(out, out->links[i].name)->has & 1u << VP_LAN_KIND)
			memcpy(out->links[i].alias, MARK, sizeof(MARK));
}

/* The steps from one text to another, a line each, as people see them. */
static void expect(const char *from, const char *to, const char *steps)
{
	struct vp_arena *a = vp_arena_new();
	struct vp_lan live, want;
	struct vp_lan_steps out = { 0 };
	struct vp_buf text = { 0 };

	parse(from, &live);
	parse(to, &want);
	vp_lan_diff(a, &live, &want, MARK, &out);
	for (size_t i = 0; i < out.n; i++)
		vp_buf_addf(&text, "%s: %s\n", out.items[i].dev, vp_lan_step_text(a, out.items[i].from, out.items[i].to));
	assert_string_equal(vp_buf_str(&text), steps);
	vp_buf_free(&text);
	vp_lan_free(&live);
	vp_lan_free(&want);
	vp_arena_free(a);
}

static void texts(void **state)
{
	static const char text[] = "link br0 kind=bridge mac=02:00:00:00:00:01 mtu=1500 stp_state=0 master= up=1\n"
				   "link eth0 master=br0 up=1\n"
				   "address br0 10.0.0.9/24\naddress br0 10.0.0.10/24\naddress br0 fd00::1/64\n"
				   "route br0 0.0.0.0/0 via=10.0.0.254 metric=0 proto=4 src=\n";
	static const char *const bad[] = { "link",
					   "link a/b",
					   "link a kind",
					   "link a what=1",
					   "address a",
					   "address a 10.0.0.500/24",
					   "route a",
					   "route a 10.0.0.0/8 via=fd00::1",
					   "route a 10.0.0.0/8 color=red",
					   "port a",
					   "port a b/c",
					   "other a b" };
	struct vp_buf out = { 0 };
	struct vp_lan l;

	(void)state;
	assert_true(vp_lan_parse(text, &l));
	/* Addresses keep their order: the first is what the host speaks as. */
	vp_lan_print(&l, &out);
	assert_string_equal(vp_buf_str(&out), text);
	vp_buf_free(&out);
	vp_lan_free(&l);
	for (size_t i = 0; i < vp_count(bad); i++)
		assert_false(vp_lan_parse(bad[i], &l));
	assert_true(vp_lan_within("10.0.0.7", "10.0.0.1/24") && !vp_lan_within("10.0.1.7", "10.0.0.1/24") && vp_lan_within("fd00::5", "fd00::1/64"));
}

static void uplink(void **state)
{
	(void)state;
	expect("link eth0 master= up=1\naddress eth0 10.0.0.1/24\nroute eth0 0.0.0.0/0 via=10.0.0.254\n",
	       "link br0 kind=bridge up=1\nlink eth0 master=br0 up=1\naddress br0 10.0.0.1/24\nroute br0 0.0.0.0/0 via=10.0.0.254\n",
	       "br0: link br0 kind=bridge up=1\n"
	       "eth0: master none -> br0\n"
	       "br0: address 10.0.0.1/24\n"
	       "br0: route 0.0.0.0/0 over br0 through 10.0.0.254, before over eth0 through 10.0.0.254\n"
	       "eth0: no address 10.0.0.1/24\n");
}

/* What goes takes its VLANs along; two that change their numbers must not meet; a parent is large enough before its child is made. */
static void vlans(void **state)
{
	(void)state;
	expect("link a kind=vlan link=eth0 id=5\nlink b kind=vlan link=eth0 id=6\nlink eth0 up=1 mtu=1500\n",
	       "link a kind=vlan link=eth0 id=6 mtu=9000\nlink b kind=vlan link=eth0 id=5\nlink eth0 up=1 mtu=9000\n",
	       "a: no link a kind=vlan link=eth0 id=5\n"
	       "b: no link b kind=vlan link=eth0 id=6\n"
	       "eth0: mtu 1500 -> 9000\n"
	       "a: link a kind=vlan link=eth0 id=6 mtu=9000\n"
	       "b: link b kind=vlan link=eth0 id=5\n");
	expect("link bond0 kind=bond mode=802.3ad\nlink v kind=vlan link=bond0 id=5\nlink w kind=vlan link=v id=6\n",
	       "link bond0 kind=bond mode=active-backup\nlink v kind=vlan link=bond0 id=5\n",
	       "w: no link w kind=vlan link=v id=6\n"
	       "v: no link v kind=vlan link=bond0 id=5\n"
	       "bond0: no link bond0 kind=bond mode=802.3ad\n"
	       "bond0: link bond0 kind=bond mode=active-backup\n"
	       "v: link v kind=vlan link=bond0 id=5\n");
	/* A child may not be larger than its parent. */
	expect("link eth0 mtu=9000 up=1\nlink v kind=vlan link=eth0 id=5 mtu=9000 up=1\n",
	       "link eth0 mtu=1500 up=0\nlink v kind=vlan link=eth0 id=5 mtu=1500 up=0\n",
	       "v: mtu 9000 -> 1500\neth0: mtu 9000 -> 1500\nv: up 1 -> 0\neth0: up 1 -> 0\n");
}

/* Joining takes a link down, with what it carries; what is set of a member is lost when it leaves. */
static void bonds(void **state)
{
	(void)state;
	expect("link eth0 master= up=1\nlink eth1 master= up=0\naddress eth0 10.0.0.1/24\n",
	       "link bond0 kind=bond mode=balance-rr up=1\nlink eth0 master=bond0\nlink eth1 master=bond0\naddress bond0 10.0.0.1/24\n",
	       "bond0: link bond0 kind=bond mode=balance-rr up=1\n"
	       "bond0: address 10.0.0.1/24\n"
	       "eth0: no address 10.0.0.1/24\n"
	       "eth0: master none -> bond0\n"
	       "eth1: master none -> bond0\n");
	expect("link bond0 kind=bond mode=balance-rr up=1\nlink br0 kind=bridge\nlink eth0 master=bond0\nlink eth1 master=bond0\n",
	       "link bond0 kind=bond mode=balance-rr up=1\nlink br0 kind=bridge\nlink eth0 master= mtu=1400 up=1\nlink eth1 master=br0 mtu=1400 "
	       "up=1\n",
	       "eth0: master bond0 -> none\n"
	       "eth0: up 1\n"
	       "eth0: mtu 1400\n"
	       "eth1: master bond0 -> br0\n"
	       "eth1: mtu 1400\n"
	       "eth1: up 1\n");
}

/* What a port is to its bridge comes and goes with it, and is had back. */
static void ports(void **state)
{
	static const char *const bad[] = { "0", "4095", "a", "1p-2", "5-4", "1up", "1-2p" };
	unsigned char vlans[VP_LAN_NVLANS];
	char text[VP_LAN_VALUE];

	(void)state;
	expect("link br0 kind=bridge\nlink br1 kind=bridge\nlink eth0 master=br0 path_cost=4 vlans=1pu\nlink eth1 master=br0 path_cost=4 vlans=1pu\n",
	       "link br0 kind=bridge vlans=1pu\nlink br1 kind=bridge\nlink eth0 master=br1 vlans=7pu,10-20\nlink eth1 master=br0 path_cost=5 "
	       "vlans=2-3\n",
	       "br0: vlans 1pu\n"
	       "eth1: path_cost 4 -> 5\n"
	       "eth1: vlans 1pu -> 2-3\n"
	       "eth0: master br0 -> br1 with vlans=7pu,10-20\n");
	assert_true(vp_lan_vlans_parse("5,6,7u,3pu", vlans) && vp_lan_vlans_text(vlans, text));
	assert_string_equal(text, "3pu,5-6,7u");
	for (size_t i = 0; i < vp_count(bad); i++)
		assert_false(vp_lan_vlans_parse(bad[i], vlans));
	/* More ranges than a text holds. */
	memset(vlans, 0, sizeof(vlans));
	for (unsigned i = 1; i < 200; i += 2)
		vlans[i] = VP_LAN_TAGGED;
	assert_false(vp_lan_vlans_text(vlans, text));
}

/* Only what is marked goes; a link that the other does not ask about is left alone. */
static void others(void **state)
{
	(void)state;
	expect("link theirs up=1\nlink eth9 up=1\naddress eth9 10.9.0.1/24\nlink old kind=bridge\n", "", "old: no link old kind=bridge\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(texts), cmocka_unit_test(uplink), cmocka_unit_test(vlans),
					    cmocka_unit_test(bonds), cmocka_unit_test(ports),  cmocka_unit_test(others) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
