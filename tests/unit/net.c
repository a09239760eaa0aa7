// SPDX-License-Identifier: Apache-2.0
/* Host network: one table of operations against the fake and, in a network namespace of its own, the live back end. */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "../../bridge/net.h"

#define MARK "vprov:0123456789abcdef"

enum op { BRIDGE, TAP, DEL, MASTER, UP, DOWN, MTU, ADDR, NOADDR };

static const struct step {
	enum op op;
	const char *name;
	/* Alias, bridge or address. */
	const char *arg;
	unsigned num;
	/* 0: succeeds */
	int error;
} steps[] = {
	{ BRIDGE, "br0", MARK, 0, 0 },
	{ BRIDGE, "br0", MARK, 0, EEXIST },
	{ TAP, "br0", MARK, 0, EEXIST },
	{ TAP, "tap0", MARK, 0, 0 },
	{ TAP, "tap0", MARK, 0, EEXIST },
	{ BRIDGE, "tap0", MARK, 0, EEXIST },
	/* Names: 15 bytes are allowed. */
	{ BRIDGE, "b23456789012345", MARK, 0, 0 },
	{ BRIDGE, "b234567890123456", MARK, 0, EINVAL },
	{ TAP, "t23456789012345", MARK, 0, 0 },
	{ TAP, "t234567890123456", MARK, 0, EINVAL },
	{ BRIDGE, "", MARK, 0, EINVAL },
	{ TAP, "", MARK, 0, EINVAL },
	{ BRIDGE, "..", MARK, 0, EINVAL },
	{ BRIDGE, "a/b", MARK, 0, EINVAL },
	{ BRIDGE, "a b", MARK, 0, EINVAL },
	{ TAP, "a:b", MARK, 0, EINVAL },
	/* The kernel would make it "br1" and "tap1". */
	{ BRIDGE, "br%d", MARK, 0, EINVAL },
	{ TAP, "tap%d", MARK, 0, EINVAL },
	/* A mark that the kernel refuses: what was made for it has to be gone again. */
	{ BRIDGE, "br9", NULL, 0, ERANGE },
	{ TAP, "tap9", NULL, 0, ERANGE },
	{ DEL, "br9", NULL, 0, ENODEV },
	{ DEL, "tap9", NULL, 0, ENODEV },
	{ DEL, "name-that-is-too-long", NULL, 0, ENODEV },
	/* Ports. */
	{ MASTER, "tap0", "br0", 0, 0 },
	{ MASTER, "tap0", "br0", 0, 0 },
	{ MASTER, "tap0", "b23456789012345", 0, 0 },
	{ MASTER, "tap0", "br0", 0, 0 },
	{ MASTER, "t23456789012345", "br0", 0, 0 },
	{ MASTER, "t23456789012345", "", 0, 0 },
	{ MASTER, "t23456789012345", NULL, 0, 0 },
	{ MASTER, "tap0", "none", 0, ENODEV },
	{ MASTER, "none", "br0", 0, ENODEV },
	{ MASTER, "t23456789012345", "tap0", 0, EOPNOTSUPP },
	{ MASTER, "b23456789012345", "br0", 0, ELOOP },
	/* Flags and MTU. */
	{ UP, "br0", NULL, 0, 0 },
	{ UP, "br0", NULL, 0, 0 },
	{ UP, "tap0", NULL, 0, 0 },
	{ DOWN, "tap0", NULL, 0, 0 },
	{ UP, "none", NULL, 0, ENODEV },
	{ MTU, "t23456789012345", NULL, 9000, 0 },
	{ MTU, "t23456789012345", NULL, 65521, 0 },
	{ MTU, "t23456789012345", NULL, 65522, EINVAL },
	{ MTU, "t23456789012345", NULL, 68, 0 },
	{ MTU, "t23456789012345", NULL, 67, EINVAL },
	{ MTU, "b23456789012345", NULL, 65535, 0 },
	{ MTU, "b23456789012345", NULL, 65536, EINVAL },
	{ MTU, "none", NULL, 1500, ENODEV },
	/* Addresses. */
	{ ADDR, "br0", "192.0.2.1", 24, 0 },
	{ ADDR, "br0", "192.0.2.1", 24, EEXIST },
	{ ADDR, "br0", "192.0.2.1", 32, 0 },
	{ ADDR, "br0", "198.51.100.1", 31, 0 },
	{ ADDR, "br0", "192.0.2.1", 33, EINVAL },
	{ ADDR, "br0", "192.0.2.256", 24, EINVAL },
	{ ADDR, "br0", "", 24, EINVAL },
	{ ADDR, "br0", "2001:DB8:0:0:0::1", 64, 0 },
	{ ADDR, "br0", "2001:db8::1", 64, EEXIST },
	{ ADDR, "br0", "2001:db8::1", 48, EEXIST },
	{ ADDR, "br0", "2001:db8::1", 129, EINVAL },
	{ ADDR, "br0", "ff02::1234", 64, EADDRNOTAVAIL },
	{ ADDR, "none", "192.0.2.1", 24, ENODEV },
	{ ADDR, "b23456789012345", "203.0.113.1", 0, 0 },
	{ ADDR, "b23456789012345", "2001:db8:1::1", 128, 0 },
	{ NOADDR, "br0", "192.0.2.1", 32, 0 },
	{ NOADDR, "br0", "192.0.2.1", 32, EADDRNOTAVAIL },
	{ NOADDR, "br0", "192.0.2.9", 24, EADDRNOTAVAIL },
	{ NOADDR, "br0", "2001:db8::1", 48, EADDRNOTAVAIL },
	{ NOADDR, "br0", "2001:db8::9", 64, EADDRNOTAVAIL },
	{ NOADDR, "br0", "nonsense", 64, EINVAL },
	{ NOADDR, "none", "192.0.2.1", 24, ENODEV },
	{ NOADDR, "b23456789012345", "2001:db8:1:0::1", 128, 0 },
	/* A bridge with ports may go; its ports stay. */
	{ MASTER, "t23456789012345", "b23456789012345", 0, 0 },
	{ DEL, "b23456789012345", NULL, 0, 0 },
	{ DEL, "b23456789012345", NULL, 0, ENODEV },
	{ DEL, "t23456789012345", NULL, 0, 0 },
	{ TAP, "last", MARK, 0, 0 },
};

static char long_mark[300];

/* Root's only, one queue. */
static const struct vp_tap roots = { .owner = (uid_t)-1, .group = (gid_t)-1 };

static int run_step(struct vp_net *net, const struct step *s, struct vp_err *err)
{
	const char *alias = s->arg ? s->arg : long_mark;

	switch (s->op) {
	case BRIDGE: return net->ops->bridge_add(net, s->name, alias, err);
	case TAP: return net->ops->tap_add(net, s->name, &roots, alias, err);
	case DEL: return net->ops->link_del(net, s->name, err);
	case MASTER: return net->ops->set_master(net, s->name, s->arg, err);
	case UP: return net->ops->set_up(net, s->name, true, err);
	case DOWN: return net->ops->set_up(net, s->name, false, err);
	case MTU: return net->ops->set_mtu(net, s->name, s->num, err);
	case ADDR: return net->ops->addr_add(net, s->name, s->arg, s->num, err);
	case NOADDR: return net->ops->addr_del(net, s->name, s->arg, s->num, err);
	}
	return -1;
}

static void expect_step(const char *world, struct vp_net *net, size_t i)
{
	struct vp_err err = { 0 };
	int rc, error;

	errno = 0;
	rc = run_step(net, &steps[i], &err);
	error = rc ? errno : 0;
	if (error != steps[i].error)
		fail_msg("%s, step %zu (%s %s): %s instead of %s: %s", world, i, steps[i].name, steps[i].arg ? steps[i].arg : "-",
			 strerrorname_np(error), strerrorname_np(steps[i].error), err.msg);
	if (rc)
		assert_true(err.code == VP_E_NET && *err.msg);
}

/* A live world in a fresh network namespace; skips where that is not permitted. */
static struct vp_net *fresh_live(void)
{
	struct vp_err err = { 0 };
	struct vp_net *net;

	if (unshare(CLONE_NEWNET)) {
		print_message("no network namespace of our own: %s\n", strerror(errno));
		skip();
	}
	if (access("/dev/net/tun", R_OK | W_OK)) {
		print_message("/dev/net/tun: %s\n", strerror(errno));
		skip();
	}
	net = vp_net_open(&err);
	if (!net)
		fail_msg("%s", err.msg);
	return net;
}

static void list(struct vp_net *net, struct vp_links *out)
{
	struct vp_err err = { 0 };

	if (net->ops->list(net, out, &err))
		fail_msg("%s", err.msg);
}

/* Everything that was decided by the caller: no index, no random MAC of a tap; lo left out. */
static void describe(struct vp_net *net, struct vp_buf *out)
{
	vp_cleanup(vp_links_free) struct vp_links links = { 0 };

	list(net, &links);
	for (size_t i = 0; i < links.n; i++) {
		const struct vp_link *l = &links.items[i];

		if (!strcmp(l->name, "lo"))
			continue;
		vp_buf_addf(out, "%s kind %d %s master '%s' alias '%s' mtu %u%s%s", l->name, l->kind, l->up ? "up" : "down", l->master, l->alias,
			    l->mtu, l->kind == VP_LINK_BRIDGE ? " mac " : "", l->kind == VP_LINK_BRIDGE ? l->mac : "");
		for (size_t k = 0; k < l->naddrs; k++)
			vp_buf_addf(out, " %s/%u", l->addrs[k].ip, l->addrs[k].prefix);
		vp_buf_adds(out, "\n");
	}
}

static void expect_same(struct vp_net *fake, struct vp_net *live, size_t step)
{
	vp_cleanup(vp_buf_free) struct vp_buf a = { 0 };
	vp_cleanup(vp_buf_free) struct vp_buf b = { 0 };

	describe(fake, &a);
	describe(live, &b);
	if (strcmp(vp_buf_str(&a), vp_buf_str(&b)))
		fail_msg("after step %zu the fake has\n%sand the kernel\n%s", step, vp_buf_str(&a), vp_buf_str(&b));
}

static void test_table_fake(void **state)
{
	struct vp_net *fake = vp_net_fake();

	(void)state;
	for (size_t i = 0; i < vp_count(steps); i++)
		expect_step("fake", fake, i);
	fake->ops->close(fake);
}

static void test_table_live(void **state)
{
	struct vp_net *live = fresh_live();
	struct vp_net *fake = vp_net_fake();

	(void)state;
	for (size_t i = 0; i < vp_count(steps); i++) {
		expect_step("fake", fake, i);
		expect_step("live", live, i);
		expect_same(fake, live, i);
	}
	fake->ops->close(fake);
	live->ops->close(live);
}

/* --- The witness: iproute2's view of the same namespace. --- */

static json_t *ip_json(void)
{
	vp_cleanup(vp_buf_free) struct vp_buf out = { 0 };
	const char *argv[] = { "ip", "-json", "-details", "address", "show", NULL };
	struct vp_child c = { .argv = argv, .out = &out };
	struct vp_err err = { 0 };
	json_t *j;

	if (vp_run(&c, &err))
		fail_msg("%s", err.msg);
	j = json_loads(vp_buf_str(&out), 0, NULL);
	assert_non_null(j);
	return j;
}

static const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static bool has_flag(const json_t *link, const char *flag)
{
	json_t *f;
	size_t i;

	json_array_foreach (json_object_get(link, "flags"), i, f)
		if (!strcmp(json_string_value(f), flag))
			return true;
	return false;
}

static size_t count_addrs(const json_t *link, const struct vp_link *l)
{
	size_t i, n = 0;
	json_t *a;

	json_array_foreach (json_object_get(link, "addr_info"), i, a) {
		if (!strcmp(text_of(a, "family"), "inet6") && !strcmp(text_of(a, "scope"), "link"))
			continue;
		assert_true(vp_link_has_addr(l, text_of(a, "local"), (unsigned)json_integer_value(json_object_get(a, "prefixlen"))));
		n++;
	}
	return n;
}

static void expect_link(const json_t *seen, const struct vp_link *l)
{
	static const char *const kinds[] = { [VP_LINK_OTHER] = "", [VP_LINK_BRIDGE] = "bridge", [VP_LINK_TAP] = "tun" };
	const json_t *info = json_object_get(seen, "linkinfo"), *data = json_object_get(info, "info_data");

	assert_int_equal(json_integer_value(json_object_get(seen, "ifindex")), l->index);
	assert_int_equal(json_integer_value(json_object_get(seen, "mtu")), l->mtu);
	assert_string_equal(text_of(seen, "master"), l->master);
	assert_string_equal(text_of(seen, "ifalias"), l->alias);
	assert_string_equal(text_of(seen, "address"), l->mac);
	assert_int_equal(has_flag(seen, "UP"), l->up);
	assert_int_equal(count_addrs(seen, l), l->naddrs);
	assert_string_equal(text_of(info, "info_kind"), kinds[l->kind]);
	if (l->kind == VP_LINK_BRIDGE) {
		assert_int_equal(json_integer_value(json_object_get(data, "stp_state")), 0);
		assert_int_equal(json_integer_value(json_object_get(data, "forward_delay")), 0);
	}
	if (l->kind == VP_LINK_TAP) {
		assert_string_equal(text_of(data, "type"), "tap");
		assert_true(json_is_true(json_object_get(data, "persist")));
		assert_true(json_is_true(json_object_get(data, "vnet_hdr")));
		assert_true(json_is_false(json_object_get(data, "multi_queue")));
		assert_false(json_is_true(json_object_get(data, "pi")));
	}
}

static void test_witness(void **state)
{
	vp_cleanup(vp_links_free) struct vp_links links = { 0 };
	struct vp_net *live = fresh_live();
	size_t i;
	json_t *seen, *link;

	(void)state;
	for (i = 0; i < vp_count(steps); i++)
		expect_step("live", live, i);
	list(live, &links);
	seen = ip_json();
	assert_int_equal(json_array_size(seen), links.n);
	json_array_foreach (seen, i, link) {
		const struct vp_link *l = vp_link_find(&links, text_of(link, "ifname"));

		assert_non_null(l);
		/* A tap's kind is our word for it, lo and others have none. */
		if (strcmp(l->name, "lo"))
			expect_link(link, l);
	}
	json_decref(seen);
	live->ops->close(live);
}

static void ip_cmd(const char *a, const char *b, const char *c, const char *d, const char *e, const char *f)
{
	const char *argv[] = { "ip", a, b, c, d, e, f, NULL };
	struct vp_child child = { .argv = argv };
	struct vp_err err = { 0 };

	if (vp_run(&child, &err))
		fail_msg("%s", err.msg);
}

/* Whose a tap is, and how often it can be opened, is read back; a group alone has no owner beside it. */
static void test_taps(void **state)
{
	static const struct vp_tap all[] = { { 0, (gid_t)-1, false }, { 65534, 1, true }, { (uid_t)-1, 65534, false } };
	vp_cleanup(vp_links_free) struct vp_links links = { 0 };
	struct vp_net *live = fresh_live();
	struct vp_err err = { 0 };

	(void)state;
	for (size_t i = 0; i < vp_count(all); i++) {
		const struct vp_link *link;

		assert_int_equal(live->ops->tap_add(live, "tap0", &all[i], MARK, &err), 0);
		list(live, &links);
		link = vp_link_find(&links, "tap0");
		assert_int_equal(link->tap.owner, all[i].owner);
		assert_int_equal(link->tap.group, all[i].group);
		assert_int_equal(link->tap.multi_queue, all[i].multi_queue);
		assert_int_equal(live->ops->link_del(live, "tap0", &err), 0);
	}
	live->ops->close(live);
}

/* A vprov that was killed between making a bridge and marking it: the bridge is known as its own, and a foreign one is not. */
static void test_owned(void **state)
{
	vp_cleanup(vp_links_free) struct vp_links links = { 0 };
	struct vp_net *live = fresh_live();
	struct vp_err err = { 0 };

	(void)state;
	assert_int_equal(live->ops->bridge_add(live, "br0", MARK, &err), 0);
	assert_int_equal(live->ops->tap_add(live, "tap0", &roots, MARK, &err), 0);
	ip_cmd("link", "add", "br1", "type", "bridge", NULL);
	list(live, &links);
	assert_true(vp_link_owned(vp_link_find(&links, "br0"), MARK));
	assert_false(vp_link_owned(vp_link_find(&links, "br0"), "vprov:another"));
	assert_true(vp_link_owned(vp_link_find(&links, "tap0"), MARK));
	assert_false(vp_link_owned(vp_link_find(&links, "br1"), MARK));
	ip_cmd("link", "set", "br0", "alias", "", NULL);
	ip_cmd("link", "set", "tap0", "alias", "", NULL);
	list(live, &links);
	assert_string_equal(vp_link_find(&links, "br0")->alias, "");
	assert_true(vp_link_owned(vp_link_find(&links, "br0"), MARK));
	assert_false(vp_link_owned(vp_link_find(&links, "br0"), "vprov:another"));
	assert_false(vp_link_owned(vp_link_find(&links, "tap0"), MARK));
	live->ops->close(live);
}

/* Devices that are neither bridge nor tap are listed as such, with their names as masters of others where they are. */
static void test_foreign(void **state)
{
	vp_cleanup(vp_links_free) struct vp_links links = { 0 };
	struct vp_net *live = fresh_live();

	(void)state;
	ip_cmd("link", "add", "wire", "type", "veth", NULL);
	ip_cmd("tuntap", "add", "tun0", "mode", "tun", NULL);
	list(live, &links);
	assert_int_equal(vp_link_find(&links, "tun0")->kind, VP_LINK_OTHER);
	assert_int_equal(vp_link_find(&links, "wire")->kind, VP_LINK_OTHER);
	assert_int_equal(vp_link_find(&links, "lo")->kind, VP_LINK_OTHER);
	live->ops->close(live);
}

/* More than fits into one datagram, and with a second writer that changes the table all the time. */
static void test_many(void **state)
{
	vp_cleanup(vp_links_free) struct vp_links links = { 0 };
	struct vp_net *live = fresh_live();
	struct vp_err err = { 0 };
	char name[16];
	pid_t pid;

	(void)state;
	for (int i = 0; i < 120; i++) {
		snprintf(name, sizeof(name), "br%d", i);
		assert_int_equal(live->ops->bridge_add(live, name, MARK, &err), 0);
	}
	pid = fork();
	if (!pid) {
		struct vp_net *other = vp_net_open(NULL);

		alarm(60);
		while (other && !other->ops->bridge_add(other, "busy", MARK, NULL))
			other->ops->link_del(other, "busy", NULL);
		_exit(1);
	}
	for (int i = 0; i < 20; i++) {
		int rc = live->ops->list(live, &links, &err);

		/* Never a list with holes: complete, or refused because it would not hold still. */
		if (rc)
			assert_int_equal(errno, EINTR);
		else
			assert_true(links.n == 121 || links.n == 122);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	list(live, &links);
	assert_true(links.n == 121 || links.n == 122);
	live->ops->close(live);
}

static void test_no_privilege(void **state)
{
	struct vp_net *live = fresh_live();
	int status;
	pid_t pid = fork();

	(void)state;
	if (!pid) {
		struct vp_err a = { 0 }, b = { 0 };
		bool good = !setgid(65534) && !setuid(65534);

		good &= live->ops->bridge_add(live, "br0", MARK, &a) && errno == EPERM && a.code == VP_E_PRIVILEGE && strstr(a.msg, "root");
		good &= live->ops->tap_add(live, "tap0", &roots, MARK, &b) && errno == EPERM && b.code == VP_E_PRIVILEGE;
		_exit(good ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	live->ops->close(live);
}

/* The k-th operation fails, for every k: EIO, and the world is what the operations before it made of it. */
static void test_injection(void **state)
{
	(void)state;
	for (unsigned k = 1; k <= vp_count(steps); k++) {
		vp_cleanup(vp_buf_free) struct vp_buf before = { 0 };
		vp_cleanup(vp_buf_free) struct vp_buf after = { 0 };
		struct vp_net *fake = vp_net_fake();
		struct vp_err err = { 0 };

		vp_net_fake_fail(fake, k);
		for (unsigned i = 0; i + 1 < k; i++)
			expect_step("fake", fake, i);
		describe(fake, &before);
		assert_int_equal(run_step(fake, &steps[k - 1], &err), -1);
		assert_int_equal(errno, EIO);
		describe(fake, &after);
		assert_string_equal(vp_buf_str(&before), vp_buf_str(&after));
		expect_step("fake", fake, k - 1);
		fake->ops->close(fake);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table_fake), cmocka_unit_test(test_table_live),	cmocka_unit_test(test_witness),
		cmocka_unit_test(test_taps),	   cmocka_unit_test(test_owned),	cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_many),	   cmocka_unit_test(test_no_privilege), cmocka_unit_test(test_injection),
	};

	memset(long_mark, 'x', sizeof(long_mark) - 1);
	return cmocka_run_group_tests_name("net", tests, NULL, NULL);
}
