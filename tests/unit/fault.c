// SPDX-License-Identifier: Apache-2.0
/*
 * Transactions that go wrong, over a fake world: each change of the world fails once, for every one of them, and the world is as before;
 * vprov is killed after every change and every write of the journal, and the next run finishes.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../provision/apply/apply.h"

/* A killed process frees nothing: where a leak checker runs, it looks away for that long. */
void __lsan_disable(void) __attribute__((weak));
void __lsan_enable(void) __attribute__((weak));

/* Killed is the process here, not the machine: nothing has to reach a disk, and the tests take a tenth of the time. */
int fsync(int fd)
{
	(void)fd;
	return 0;
}

int fdatasync(int fd)
{
	(void)fd;
	return 0;
}

/* --- Faults: counted over the whole world, with the journal. --- */

static struct {
	/* 0: none */
	unsigned fail_at, kill_at;
	unsigned changes, points;
	sigjmp_buf dead;
} fault;

static int refused(struct vp_err *err)
{
	if (++fault.changes != fault.fail_at)
		return 0;
	vp_fail(err, VP_E_IO, "injected");
	errno = EIO;
	return -1;
}

static void point(void)
{
	if (++fault.points == fault.kill_at)
		siglongjmp(fault.dead, 1);
}

static int changed(int rc)
{
	if (!rc)
		point();
	return rc;
}

/* --- The fakes, with a fault before and a point of death after each change. --- */

static struct vp_net *net;
static struct vp_hv *hv;
static struct vp_disk_fake *disks;

static int net_list(struct vp_net *n, struct vp_links *out, struct vp_err *err)
{
	(void)n;
	return net->ops->list(net, out, err);
}

static int bridge_add(struct vp_net *n, const char *name, const char *alias, struct vp_err *err)
{
	(void)n;
	return refused(err) ? -1 : changed(net->ops->bridge_add(net, name, alias, err));
}

static int tap_add(struct vp_net *n, const char *name, const struct vp_tap *how, const char *alias, struct vp_err *err)
{
	(void)n;
	return refused(err) ? -1 : changed(net->ops->tap_add(net, name, how, alias, err));
}

static int link_del(struct vp_net *n, const char *name, struct vp_err *err)
{
	(void)n;
	return refused(err) ? -1 : changed(net->ops->link_del(net, name, err));
}

static int set_master(struct vp_net *n, const char *port, const char *bridge, struct vp_err *err)
{
	(void)n;
	return refused(err) ? -1 : changed(net->ops->set_master(net, port, bridge, err));
}

static int set_up(struct vp_net *n, const char *name, bool up, struct vp_err *err)
{
	(void)n;
	return refused(err) ? -1 : changed(net->ops->set_up(net, name, up, err));
}

static int set_mtu(struct vp_net *n, const char *name, unsigned mtu, struct vp_err *err)
{
	(void)n;
	return refused(err) ? -1 : changed(net->ops->set_mtu(net, name, mtu, err));
}

static int addr_add(struct vp_net *n, const char *name, const char *ip, unsigned prefix, struct vp_err *err)
{
	(void)n;
	return refused(err) ? -1 : changed(net->ops->addr_add(net, name, ip, prefix, err));
}

static int addr_del(struct vp_net *n, const char *name, const char *ip, unsigned prefix, struct vp_err *err)
{
	(void)n;
	return refused(err) ? -1 : changed(net->ops->addr_del(net, name, ip, prefix, err));
}

static int rules(struct vp_net *n, const char *mark, struct vp_rules *out, struct vp_err *err)
{
	(void)n;
	return net->ops->rules(net, mark, out, err);
}

static int rule_set(struct vp_net *n, enum vp_rule_kind kind, const char *dev, const char *text, const char *mark, struct vp_err *err)
{
	(void)n;
	return refused(err) ? -1 : changed(net->ops->rule_set(net, kind, dev, text, mark, err));
}

static const struct vp_net_ops net_ops = { net_list, bridge_add, tap_add,  link_del, set_master, set_up,
					   set_mtu,  addr_add,	 addr_del, rules,    rule_set,	 NULL };
static struct vp_net faulty_net = { &net_ops };

static int disk_info(void *ctx, const char *path, struct vp_disk_info *out, struct vp_err *err)
{
	return vp_disk_fake.info(ctx, path, out, err);
}

static int disk_create(void *ctx, const char *path, const char *format, uint64_t size, struct vp_err *err)
{
	return refused(err) ? -1 : changed(vp_disk_fake.create(ctx, path, format, size, err));
}

static int disk_remove(void *ctx, const char *path, struct vp_err *err)
{
	return refused(err) ? -1 : changed(vp_disk_fake.remove(ctx, path, err));
}

static const struct vp_disk_ops disk_ops = { disk_info, disk_create, disk_remove };

/* The one that nodes are made on, and another one that they may go to. */
static struct vp_hv *far;
static struct vp_hv faulty_far;

static struct vp_hv *real_of(const struct vp_hv *h)
{
	return h == &faulty_far ? far : hv;
}

static int hv_lookup(struct vp_hv *h, const char *name, struct vp_virt_dom *out, struct vp_err *err)
{
	struct vp_hv *real = real_of(h);

	return real->ops->lookup(real, name, out, err);
}

static int hv_xml(struct vp_hv *h, const char *name, struct vp_buf *out, struct vp_err *err)
{
	struct vp_hv *real = real_of(h);

	return real->ops->xml(real, name, out, err);
}

static int hv_define(struct vp_hv *h, const char *xml, struct vp_err *err)
{
	struct vp_hv *real = real_of(h);

	return refused(err) ? -1 : changed(real->ops->define(real, xml, err));
}

static int hv_start(struct vp_hv *h, const char *name, const char *xml, struct vp_err *err)
{
	struct vp_hv *real = real_of(h);

	return refused(err) ? -1 : changed(real->ops->start(real, name, xml, err));
}

static int hv_destroy(struct vp_hv *h, const char *name, struct vp_err *err)
{
	struct vp_hv *real = real_of(h);

	return refused(err) ? -1 : changed(real->ops->destroy(real, name, err));
}

static int hv_undefine(struct vp_hv *h, const char *name, struct vp_err *err)
{
	struct vp_hv *real = real_of(h);

	return refused(err) ? -1 : changed(real->ops->undefine(real, name, err));
}

static int hv_live_xml(struct vp_hv *h, const char *name, struct vp_buf *out, struct vp_err *err)
{
	struct vp_hv *real = real_of(h);

	return real->ops->live_xml(real, name, out, err);
}

static int hv_live(struct vp_hv *h, const char *name, const struct vp_live_op *op, struct vp_err *err)
{
	struct vp_hv *real = real_of(h);

	return refused(err) ? -1 : changed(real->ops->live(real, name, op, err));
}

static const struct vp_hv_ops hv_ops = { .live_xml = hv_live_xml,
					 .live = hv_live,
					 .lookup = hv_lookup,
					 .xml = hv_xml,
					 .define = hv_define,
					 .start = hv_start,
					 .destroy = hv_destroy,
					 .undefine = hv_undefine };
static struct vp_hv faulty_hv = { .ops = &hv_ops, .uri = "fake:///", .local = true, .type = "FAKE" };
static struct vp_hv faulty_far = { .ops = &hv_ops, .uri = "fake://far/", .local = true, .type = "FAKE" };

static struct vp_hv *former(struct vp_world *w, const char *uri, struct vp_err *err)
{
	(void)w;
	(void)err;
	return !strcmp(uri, faulty_far.uri) ? &faulty_far : &faulty_hv;
}

/* --- One world, and the profiles that it shall become. --- */

static char base[512];
static struct vp_arena *arena;
static struct vp_world world;
/* What both nodes are. */
static const char *virt = "qemu";

/* Two nodes on one bridge; `second` is what changes: the bridge's address, the memory, and of the first node the MTU and a NIC more; the
 * limits of NICs, and the sharing of the uplink. */
static struct vp_node *make_node(int node, bool second, struct vp_diags *diags)
{
	bool more = second && node == 1;
	char *text =
		vp_printf(arena,
			  "{\"system\": {\"network\": {\"hostname\": \"n%d\", \"domainname\": \"example.org\", \"interfaces\": {\"eth0\":"
			  "  {\"ip\": \"10.99.0.1%d\", \"netmask\": \"255.255.255.0\"%s}}},"
			  " \"vprov\": {\"install\": \"%s\", \"virt\": \"%s\", \"memory\": {\"max\": 2048}, \"bridge\": {\"name\": \"vptest\", "
			  "\"address\": \"10.99.0.%d/24\"%s}%s}},"
			  "\"hardware\": {\"cpu\": [{\"cores\": 1}], \"ram\": [{\"size\": %d}], \"harddisks\": {\"sda\": {\"capacity\": 4096}},"
			  " \"cards\": {\"nic\": {\"eth0\": {\"boot\": true}%s}}}}",
			  node, node, more ? ", \"mtu\": 1400" : "", node == 1 ? "image" : "none", virt, second ? 2 : 1,
			  second ? ", \"uplink\": \"up0\", \"rate\": 1000, \"isolated\": true" : "",
			  second == (node == 1) ? ", \"nics\": {\"eth0\": {\"bandwidth\": {\"average\": 100}}}, \"guard\": {\"level\": \"mac\"}" : "",
			  second ? 1024 : 512, more ? ", \"eth1\": {}" : "");
	const struct vp_bind_opts opts = { .virt = -1, .state_dir = world.state_dir };
	struct vp_profile *p = vp_profile_parse(arena, vp_printf(arena, "n%d.json", node), text, strlen(text), diags);

	return p ? vp_bind(arena, p, NULL, &opts, diags) : NULL;
}

static struct vp_nodes load(bool second)
{
	struct vp_diags diags = { .arena = arena };
	struct vp_nodes nodes = { .n = 2, .cap = 2 };

	nodes.items = vp_alloc(arena, 2 * sizeof(*nodes.items));
	for (int i = 0; i < 2; i++)
		nodes.items[i] = make_node(i + 1, second, &diags);
	if (diags.errors)
		vp_diags_print(&diags, stderr);
	assert_int_equal(diags.errors, 0);
	vp_diags_free(&diags);
	return nodes;
}

static void open_state(void)
{
	struct vp_err err = { 0 };

	world.state = vp_state_open(world.state_dir, false, &err);
	if (!world.state)
		fail_msg("%s", err.msg);
}

static void new_world(void)
{
	const char *top = getenv("VP_TOP");

	arena = vp_arena_new();
	net = vp_net_fake();
	assert_int_equal(net->ops->tap_add(net, "up0", &(struct vp_tap){ 0 }, "another one's", NULL), 0);
	hv = vp_hv_fake();
	far = vp_hv_fake();
	virt = "qemu";
	disks = vp_disk_fake_new();
	fault.fail_at = fault.kill_at = 0;
	world = (struct vp_world){ .arena = arena,
				   .max_installs = 2,
				   .state_dir = vp_printf(arena, "%s/state", base),
				   .hv = &faulty_hv,
				   .former = former,
				   .net = &faulty_net,
				   .disk = &disk_ops,
				   .disk_ctx = disks };
	/* A test that failed leaves its state. */
	assert_int_equal(vp_remove_tree(world.state_dir, NULL), 0);
	world.render =
		(struct vp_render){ .ship_dir = vp_printf(arena, "%s/templates", top ? top : "."), .state_dir = world.state_dir, .own_taps = true };
	open_state();
}

static void end_world(void)
{
	vp_state_close(world.state);
	net->ops->close(net);
	hv->ops->close(hv);
	far->ops->close(far);
	vp_disk_fake_free(disks);
	assert_int_equal(vp_remove_tree(world.state_dir, NULL), 0);
	vp_arena_free(arena);
}

static void describe_links(struct vp_buf *out)
{
	vp_cleanup(vp_links_free) struct vp_links links = { 0 };

	assert_int_equal(net->ops->list(net, &links, NULL), 0);
	for (size_t i = 0; i < links.n; i++) {
		const struct vp_link *l = &links.items[i];

		vp_buf_addf(out, "link %s %s master '%s' mtu %u %s", l->name, l->up ? "up" : "down", l->master, l->mtu,
			    vp_link_owned(l, vp_mark(&world)) ? "ours" : "foreign");
		for (size_t k = 0; k < l->naddrs; k++)
			vp_buf_addf(out, " %s/%u", l->addrs[k].ip, l->addrs[k].prefix);
		vp_buf_adds(out, "\n");
	}
}

static void describe_rules(struct vp_buf *out)
{
	vp_cleanup(vp_rules_free) struct vp_rules all = { 0 };

	assert_int_equal(net->ops->rules(net, vp_mark(&world), &all, NULL), 0);
	for (int kind = VP_RULE_SHARE; kind <= VP_RULE_LIMIT; kind++)
		for (size_t i = 0; i < all.n; i++)
			if ((int)all.items[i].kind == kind)
				vp_buf_addf(out, "rule %d of %s: %s\n", kind, all.items[i].dev, all.items[i].text);
}

static void describe_domain(struct vp_buf *out, struct vp_hv *on, const char *name)
{
	vp_cleanup(vp_buf_free) struct vp_buf xml = { 0 };
	struct vp_virt_dom dom;
	char digest[65];

	if (on->ops->lookup(on, name, &dom, NULL) != 1)
		return;
	assert_int_equal(on->ops->xml(on, name, &xml, NULL), 0);
	vp_sha256_hex(xml.data, xml.len, digest);
	vp_buf_addf(out, "domain %s%s %s with %ju, %s\n", on == far ? "far " : "", name, dom.active ? "active" : "inactive", (uintmax_t)dom.memory,
		    digest);
}

/* Everything there is, and everything that is recorded. */
static char *describe(void)
{
	struct vp_node_rows rows = { 0 };
	struct vp_resources made = { 0 };
	struct vp_records open = { 0 };
	struct vp_buf out = { 0 };
	char *text;

	describe_links(&out);
	describe_rules(&out);
	vp_disk_fake_list(disks, &out);
	for (int i = 0; i < 4; i++)
		describe_domain(&out, i < 2 ? hv : far, i % 2 ? "n2.example.org" : "n1.example.org");
	assert_int_equal(vp_state_nodes(world.state, arena, &rows, NULL), 0);
	for (size_t i = 0; i < rows.n; i++)
		vp_buf_addf(&out, "node %s %s, %s on %s, secret %d, armed %d, %s\n", rows.items[i].name, vp_life_name(rows.items[i].life),
			    rows.items[i].virt, rows.items[i].host, *rows.items[i].token != '\0', rows.items[i].armed, rows.items[i].json);
	assert_int_equal(vp_resources(world.state, arena, NULL, &made, NULL), 0);
	for (size_t i = 0; i < made.n; i++)
		vp_buf_addf(&out, "made %s %s for '%s': %s\n", made.items[i].kind, made.items[i].name, made.items[i].node, made.items[i].data);
	assert_int_equal(vp_journal_open(world.state, arena, &open, NULL), 0);
	for (size_t i = 0; i < open.n; i++)
		vp_buf_addf(&out, "open %s %s %s\n", open.items[i].action, open.items[i].kind, open.items[i].name);
	text = vp_strdup(arena, vp_buf_str(&out));
	vp_buf_free(&out);
	return text;
}

static void expect_same(const char *when, unsigned k, const char *want)
{
	const char *got = describe();

	if (strcmp(got, want))
		fail_msg("%s %u, the world is\n%sinstead of\n%s", when, k, got, want);
}

/* --- What is done to it. --- */

static struct vp_plan plan_for(bool second)
{
	struct vp_diags diags = { .arena = arena };
	struct vp_nodes nodes = load(second);
	struct vp_plan plan = { 0 };
	struct vp_err err = { 0 };

	if (vp_plan_make(&world, &nodes, &plan, &diags, &err))
		fail_msg("%s", err.msg);
	if (diags.errors)
		vp_diags_print(&diags, stderr);
	assert_int_equal(diags.errors, 0);
	vp_diags_free(&diags);
	return plan;
}

static int create(struct vp_err *err)
{
	struct vp_plan plan = plan_for(false);

	return vp_apply(&world, &plan, NULL, err);
}

static int change(struct vp_err *err)
{
	struct vp_plan plan = plan_for(true);

	return vp_apply(&world, &plan, NULL, err);
}

static int destroy(struct vp_err *err)
{
	static const char *const names[] = { "n1.example.org", "n2.example.org" };

	for (size_t i = 0; i < vp_count(names); i++) {
		struct vp_plan plan = { 0 };

		if (vp_plan_destroy(&world, names[i], NULL, false, &plan, err) || vp_apply_removal(&world, &plan, NULL, err))
			return -1;
	}
	return 0;
}

static int nothing(struct vp_err *err)
{
	(void)err;
	return 0;
}

/* The installation is over: from then on a plan can be empty. */
static void finish(void)
{
	struct vp_node_row row;

	assert_int_equal(vp_state_node(world.state, arena, "n1.example.org", &row, NULL), 1);
	row.life = VP_VERIFIED;
	row.armed = false;
	assert_int_equal(vp_state_put(world.state, &row, NULL), 0);
}

static int create_and_finish(struct vp_err *err)
{
	int rc = create(err);

	if (!rc)
		finish();
	return rc;
}

typedef int (*action)(struct vp_err *err);

static void must(action what)
{
	struct vp_err err = { 0 };

	if (what(&err))
		fail_msg("%s", err.msg);
}

/* The world that the action makes where nothing goes wrong. */
static void without_fault(action before, action what, struct vp_buf *out)
{
	new_world();
	must(before);
	must(what);
	vp_buf_adds(out, describe());
	end_world();
}

/* The k-th change fails, for every k; until one run needs fewer. */
static void fail_each(action before, action what, bool undone)
{
	vp_cleanup(vp_buf_free) struct vp_buf want = { 0 };
	bool failed = true;

	without_fault(before, what, &want);
	for (unsigned k = 1; failed; k++) {
		struct vp_err err = { 0 };
		char *start;

		new_world();
		must(before);
		start = describe();
		fault.changes = 0;
		fault.fail_at = k;
		failed = what(&err);
		fault.fail_at = 0;
		if (strstr(err.msg, "undoing"))
			fail_msg("undo after failure of change %u: %s", k, err.msg);
		if (failed && undone)
			expect_same("undone after failure of change", k, start);
		if (failed)
			must(what);
		expect_same("repeated after failure of change", k, vp_buf_str(&want));
		assert_true(failed || k > 3);
		end_world();
	}
}

static bool killed(action what, unsigned k)
{
	struct vp_err err = { 0 };
	volatile bool dead = true;

	fault.points = 0;
	fault.kill_at = k;
	if (__lsan_disable)
		__lsan_disable();
	if (!sigsetjmp(fault.dead, 0)) {
		if (what(&err))
			fail_msg("%s", err.msg);
		dead = false;
	}
	if (__lsan_enable)
		__lsan_enable();
	fault.kill_at = 0;
	return dead;
}

/* Killed at every point; the next run recovers and does the same again. */
static void kill_each(action before, action what)
{
	vp_cleanup(vp_buf_free) struct vp_buf want = { 0 };
	bool dead = true;

	without_fault(before, what, &want);
	for (unsigned k = 1; dead; k++) {
		struct vp_err err = { 0 };

		new_world();
		must(before);
		dead = killed(what, k);
		vp_state_close(world.state);
		open_state();
		if (vp_recover(&world, &err))
			fail_msg("recovery after kill %u: %s", k, err.msg);
		/* A failure on top of it; then it works. */
		fault.changes = 0;
		fault.fail_at = dead ? 1 + k % 5 : 0;
		if (dead && what(&err) && strstr(err.msg, "undoing"))
			fail_msg("undo after kill %u: %s", k, err.msg);
		fault.fail_at = 0;
		must(what);
		expect_same("after kill", k, vp_buf_str(&want));
		assert_true(dead || k > 20);
		end_world();
	}
}

/* Killed while it is created, and then not wanted any more: nothing is left. */
static void test_kill_then_destroy(void **state)
{
	vp_cleanup(vp_buf_free) struct vp_buf want = { 0 };
	bool dead = true;

	(void)state;
	without_fault(nothing, nothing, &want);
	for (unsigned k = 1; dead; k++) {
		struct vp_err err = { 0 };

		new_world();
		dead = killed(create, k);
		if (vp_recover(&world, &err))
			fail_msg("recovery after kill %u: %s", k, err.msg);
		must(destroy);
		expect_same("destroyed after kill", k, vp_buf_str(&want));
		end_world();
	}
}

static void test_fail_create(void **state)
{
	(void)state;
	fail_each(nothing, create, true);
}

static void test_fail_change(void **state)
{
	(void)state;
	fail_each(create_and_finish, change, true);
}

static void test_fail_destroy(void **state)
{
	(void)state;
	fail_each(create_and_finish, destroy, false);
}

static void test_kill_create(void **state)
{
	(void)state;
	kill_each(nothing, create);
}

static void test_kill_change(void **state)
{
	(void)state;
	kill_each(create_and_finish, change);
}

static void test_kill_destroy(void **state)
{
	(void)state;
	kill_each(create_and_finish, destroy);
}

/* Other virtualisation, same hypervisor; and another one. */
static int carry(struct vp_err *err)
{
	int rc;

	virt = "kvm";
	rc = create(err);
	virt = "qemu";
	return rc;
}

static int carry_far(struct vp_err *err)
{
	int rc;

	world.hv = &faulty_far;
	rc = carry(err);
	world.hv = &faulty_hv;
	return rc;
}

static void test_fail_carry(void **state)
{
	(void)state;
	fail_each(create_and_finish, carry, true);
	fail_each(create_and_finish, carry_far, true);
}

/* The node starts anew, as something else, and has to report in; its domain is in one place only. */
static void test_carry(void **state)
{
	struct vp_virt_dom dom;
	struct vp_node_row row;
	struct vp_plan plan;

	(void)state;
	new_world();
	must(create_and_finish);
	world.hv = &faulty_far;
	virt = "kvm";
	plan = plan_for(false);
	assert_int_equal(plan.nnotes, 2);
	assert_non_null(strstr(plan.notes[0], "n1.example.org goes on as kvm, was qemu"));
	assert_int_equal(vp_mkdirs(vp_printf(arena, "%s/console", world.state_dir), 0755, NULL), 0);
	assert_int_equal(vp_write_file(vp_console_path(arena, world.state_dir, "n1.example.org"), "old life", 8, 0600, NULL), 0);
	must(carry_far);
	world.hv = &faulty_far;
	virt = "kvm";
	assert_int_equal(vp_state_node(world.state, arena, "n1.example.org", &row, NULL), 1);
	assert_string_equal(row.virt, "kvm");
	assert_string_equal(row.host, faulty_far.uri);
	assert_int_equal(row.life, VP_ACKED);
	assert_true(row.token_live && !row.armed);
	/* What its console said before is not of this life. */
	assert_non_null(strstr(row.before, "\"console\":8"));
	assert_int_equal(hv->ops->lookup(hv, "n1.example.org", &dom, NULL), 0);
	assert_int_equal(far->ops->lookup(far, "n1.example.org", &dom, NULL), 1);
	assert_true(dom.active);
	/* Back, before it was ever up. */
	world.hv = &faulty_hv;
	must(create);
	virt = "qemu";
	must(create);
	assert_int_equal(vp_state_node(world.state, arena, "n1.example.org", &row, NULL), 1);
	assert_string_equal(row.virt, "qemu");
	assert_string_equal(row.host, faulty_hv.uri);
	assert_int_equal(far->ops->lookup(far, "n1.example.org", &dom, NULL), 0);
	finish();
	plan = plan_for(false);
	assert_int_equal(plan.n, 0);
	end_world();
}

static void test_second_plan_is_empty(void **state)
{
	struct vp_plan plan;

	(void)state;
	new_world();
	must(create_and_finish);
	plan = plan_for(false);
	assert_int_equal(plan.n, 0);
	assert_int_not_equal(plan_for(true).n, 0);
	must(change);
	plan = plan_for(true);
	assert_int_equal(plan.n, 0);
	must(destroy);
	end_world();
}

/* What a running guest can be given is given at once; not while it is being installed. */
static void test_live(void **state)
{
	struct vp_virt_dom dom;
	struct vp_plan plan;

	(void)state;
	new_world();
	must(create);
	plan = plan_for(true);
	for (size_t i = 0; i < plan.n; i++)
		if (plan.items[i].kind == VP_KIND_DOMAIN) {
			bool installs = !strcmp(plan.items[i].name, "n1.example.org");

			assert_string_equal(plan.items[i].risk, installs ? "restart" : "live");
			assert_string_equal(plan.items[i].live ? plan.items[i].live : "", installs ? "" : "memory 1 GiB");
		}
	must(change);
	assert_int_equal(hv->ops->lookup(hv, "n1.example.org", &dom, NULL), 1);
	assert_int_equal(dom.memory, 512 * VP_MIB);
	assert_int_equal(hv->ops->lookup(hv, "n2.example.org", &dom, NULL), 1);
	assert_int_equal(dom.memory, 1024 * VP_MIB);
	must(destroy);
	end_world();
}

/* The kernel that the node told is asked whether it has a driver. */
static void test_kernel(void **state)
{
	static const char *const kernels[] = { "6.1.0-57-cloud-amd64", "6.1.0-57-amd64" };

	(void)state;
	new_world();
	must(create_and_finish);
	for (size_t i = 0; i < vp_count(kernels); i++) {
		struct vp_diags diags = { .arena = arena };
		struct vp_nodes nodes = load(false);
		struct vp_plan plan = { 0 };

		assert_int_equal(
			vp_state_event(world.state, "n1.example.org", "node", vp_printf(arena, "disk=vda kernel=%s cpus=1", kernels[i]), NULL), 0);
		nodes.items[0]->nics[0].model = "e1000";
		assert_int_equal(vp_plan_make(&world, &nodes, &plan, &diags, NULL), 0);
		assert_int_equal(diags.errors, i ? 0 : 1);
		if (!i)
			assert_non_null(strstr(diags.items[0].message, "no driver"));
		vp_diags_free(&diags);
	}
	must(destroy);
	end_world();
}

/* The installation says that this disk's data goes. */
static bool loses(const struct vp_plan *plan, const char *path)
{
	for (size_t i = 0; i < plan->n; i++)
		if (plan->items[i].loss)
			return plan->items[i].action == VP_INSTALL && !strcmp(plan->items[i].risk, "destroys data") &&
			       strstr(plan->items[i].loss, path);
	return false;
}

/* A volume of the hypervisor is neither made nor removed, and installed on with consent only where it holds something. */
static void test_volume(void **state)
{
	static const uint64_t sizes[] = { 0, VP_MIB, UINT64_C(1) << 50, UINT64_C(1) << 50 };

	(void)state;
	for (size_t i = 0; i < vp_count(sizes); i++) {
		struct vp_diags diags = { 0 };
		struct vp_plan plan = { 0 };
		struct vp_err err = { 0 };
		struct vp_nodes nodes;
		struct vp_disk *d;

		new_world();
		diags.arena = arena;
		nodes = load(false);
		d = &nodes.items[0]->disks[0];
		d->block = true;
		/* The fake's name for one that holds data. */
		d->path = i < 3 ? "/dev/vg/volume" : "/dev/vg/used";
		if (sizes[i])
			assert_int_equal(disk_ops.create(disks, d->path, "raw", sizes[i], &err), 0);
		assert_int_equal(vp_plan_make(&world, &nodes, &plan, &diags, &err), 0);
		for (size_t k = 0; k < plan.n; k++)
			assert_string_not_equal(plan.items[k].name, d->path);
		assert_int_equal(plan.nnotes, !sizes[i]);
		if (!sizes[i])
			assert_non_null(strstr(plan.notes[0], "/dev/vg/volume"));
		assert_int_equal(diags.errors, i == 1);
		if (diags.errors)
			assert_int_equal(diags.items[0].code, VP_E_NOSPACE);
		else
			assert_int_equal(loses(&plan, d->path), i == 3);
		vp_diags_free(&diags);
		end_world();
	}
}

/* A disk that was made under another name stays where it is, also when it outlives its node. */
static void test_old_names(void **state)
{
	struct vp_err err = { 0 };
	struct vp_plan plan = { 0 };
	struct vp_diags diags = { 0 };
	struct vp_nodes nodes;
	const char *old;

	(void)state;
	new_world();
	diags.arena = arena;
	old = vp_printf(arena, "%s/disks/n1.example.org-vda.qcow2", world.state_dir);
	nodes = load(false);
	nodes.items[0]->disks[0].path = old;
	assert_int_equal(vp_plan_make(&world, &nodes, &plan, &diags, &err), 0);
	assert_int_equal(vp_apply(&world, &plan, NULL, &err), 0);
	finish();
	for (int gone = 0; gone < 2; gone++) {
		plan = (struct vp_plan){ 0 };
		if (gone) {
			assert_int_equal(vp_plan_destroy(&world, "n1.example.org", NULL, true, &plan, &err), 0);
			assert_int_equal(vp_apply_removal(&world, &plan, NULL, &err), 0);
			plan = (struct vp_plan){ 0 };
		}
		nodes = load(false);
		assert_string_not_equal(nodes.items[0]->disks[0].path, old);
		for (size_t i = 0; i < nodes.n; i++)
			assert_int_equal(vp_plan_keep_disks(&world, nodes.items[i], &err), 0);
		assert_string_equal(nodes.items[0]->disks[0].path, old);
		assert_non_null(strstr(nodes.items[1]->disks[0].path, "/disks/n2.example.org-sda.qcow2"));
		assert_int_equal(vp_plan_make(&world, &nodes, &plan, &diags, &err), 0);
		if (!gone)
			assert_int_equal(plan.n, 0);
		for (size_t k = 0; k < plan.n; k++)
			assert_int_not_equal(plan.items[k].kind, VP_KIND_DISK);
	}
	vp_diags_free(&diags);
	end_world();
}

/* One run works on one hypervisor: said where the profiles name several. */
static void test_hosts(void **state)
{
	(void)state;
	for (int several = 0; several < 2; several++) {
		struct vp_diags diags = { 0 };
		struct vp_plan plan = { 0 };
		struct vp_err err = { 0 };
		struct vp_nodes nodes;

		new_world();
		diags.arena = arena;
		nodes = load(false);
		assert_true(nodes.n > 1);
		for (size_t i = 0; i < nodes.n; i++)
			nodes.items[i]->host = several && i ? "xen2.example.org" : "xen1.example.org";
		assert_int_equal(vp_plan_make(&world, &nodes, &plan, &diags, &err), 0);
		assert_int_equal(plan.nnotes, several);
		if (several)
			assert_non_null(strstr(plan.notes[0], "xen2.example.org"));
		vp_diags_free(&diags);
		end_world();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_second_plan_is_empty), cmocka_unit_test(test_live),	 cmocka_unit_test(test_kernel),
		cmocka_unit_test(test_fail_create),	     cmocka_unit_test(test_fail_change), cmocka_unit_test(test_fail_destroy),
		cmocka_unit_test(test_kill_create),	     cmocka_unit_test(test_kill_change), cmocka_unit_test(test_kill_destroy),
		cmocka_unit_test(test_kill_then_destroy),    cmocka_unit_test(test_volume),	 cmocka_unit_test(test_carry),
		cmocka_unit_test(test_fail_carry),	     cmocka_unit_test(test_old_names),	 cmocka_unit_test(test_hosts),
	};
	const char *tmp = getenv("TMPDIR");
	int rc;

	snprintf(base, sizeof(base), "%s/vprov-fault.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(base))
		return 1;
	vp_journal_hook = point;
	rc = cmocka_run_group_tests_name("fault", tests, NULL, NULL);
	vp_remove_tree(base, NULL);
	return rc;
}
