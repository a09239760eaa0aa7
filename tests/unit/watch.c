// SPDX-License-Identifier: Apache-2.0
/* Following nodes over a fake hypervisor: what consoles say, another try, a hypervisor that does not answer, what is kept of a failure. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <archive.h>
#include <archive_entry.h>
#include <cmocka.h>

#include "../../provision/apply/post.h"
#include "../../provision/cmd/cmd.h"
#include "../../provision/state/db.h"
#include "../../provision/state/phase.h"

#define NODE "n1.example.org"
#define HASH "$6$saltsalt$0123456789abcdefghijklmnopqrstuvwxyz"

static struct vp_arena *arena;
static struct vp_world world;
static struct vp_hv *hv;
static char base[64];
/* Calls of the hypervisor; the first so many lookups fail; at the last two the node has its configuration, and is up. */
static unsigned starts, stops, lookups, deaf, config_at, up_at;
static bool dead_at_start, used_disk;
/* How often the boot service was asked for, and when the other installation ends; 0: never. */
static unsigned services, other_ends;
/* What the hypervisor says of a guest that runs; NULL: the truth. */
static const char *paused;

static int lookup(struct vp_hv *h, const char *name, struct vp_virt_dom *out, struct vp_err *err)
{
	int rc;

	(void)h;
	lookups++;
	if (config_at && lookups == config_at)
		assert_int_equal(vp_state_evidence(world.state, name, VP_EV_CONFIG, NULL, -1, "configuration handed out", err), 0);
	if (up_at && lookups >= up_at)
		assert_int_equal(vp_state_evidence(world.state, name, VP_EV_UP, NULL, -1, "root=vda1", err), 0);
	if (lookups <= deaf)
		return vp_fail(err, VP_E_VIRT, "end of file while reading data");
	rc = hv->ops->lookup(hv, name, out, err);
	if (rc == 1 && paused)
		snprintf(out->state, sizeof(out->state), "%s", paused);
	return rc;
}

static int start(struct vp_hv *h, const char *name, const char *xml, struct vp_err *err)
{
	(void)h;
	starts++;
	/* The installation's definition, not the disk's: the network second, but first where something is on the disk. */
	assert_non_null(strstr(xml, used_disk ? "<boot order='1'/>\n    </interface>" : "<boot order='2'/>\n    </interface>"));
	return dead_at_start ? vp_fail(err, VP_E_VIRT, "no more memory") : hv->ops->start(hv, name, xml, err);
}

static int stop(struct vp_hv *h, const char *name, struct vp_err *err)
{
	struct vp_node_row row;

	(void)h;
	stops++;
	/* Nobody gets the configuration while it is being stopped. */
	assert_int_equal(vp_state_node(world.state, arena, name, &row, err), 1);
	assert_false(row.armed);
	assert_int_equal(vp_state_take_config(world.state, name, err), 0);
	return hv->ops->destroy(hv, name, err);
}

static int stats(struct vp_hv *h, const char *name, struct vp_virt_stats *out, struct vp_err *err)
{
	(void)h;
	return hv->ops->stats(hv, name, out, err);
}

static int xml(struct vp_hv *h, const char *name, struct vp_buf *out, struct vp_err *err)
{
	(void)h;
	return hv->ops->xml(hv, name, out, err);
}

static int live_xml(struct vp_hv *h, const char *name, struct vp_buf *out, struct vp_err *err)
{
	(void)h;
	return hv->ops->live_xml(hv, name, out, err);
}

static int screenshot(struct vp_hv *h, const char *name, struct vp_buf *out, struct vp_err *err)
{
	(void)h;
	(void)name;
	(void)err;
	vp_buf_adds(out, "P6 1 1 255 \xff\xff\xff");
	return 0;
}

static const struct vp_hv_ops ops = {
	.lookup = lookup, .start = start, .destroy = stop, .stats = stats, .xml = xml, .live_xml = live_xml, .screenshot = screenshot
};
static struct vp_hv told_hv = { .ops = &ops, .local = true };

static int service(struct vp_world *w, struct vp_err *err)
{
	services++;
	/* Nothing begins while the other one has not ended. */
	if (other_ends && services <= other_ends)
		assert_int_equal(starts, 0);
	return services == other_ends ? vp_phase_stop(w->state, "other.example.org", err) : 0;
}

static struct vp_node *make_node(const char *more)
{
	char *text = vp_printf(arena,
			       "{\"system\": {\"network\": {\"hostname\": \"n1\", \"domainname\": \"example.org\", \"interfaces\": {\"eth0\":"
			       " {\"ip\": \"10.99.0.11\", \"netmask\": \"255.255.255.0\"}}}, \"vprov\": {\"virt\": \"qemu\", \"rootpw\": \"" HASH
			       "\", \"verify\": {\"enabled\": false}, \"bridge\": {\"name\": \"vptest\", \"address\": \"10.99.0.1/24\"}%s}},"
			       "\"hardware\": {\"cpu\": [{\"cores\": 1}], \"ram\": [{\"size\": 512}], \"harddisks\": {\"sda\": {\"capacity\": 4096}},"
			       " \"cards\": {\"nic\": {\"eth0\": {\"boot\": true}}}}}",
			       more);
	const struct vp_bind_opts opts = { .virt = -1, .state_dir = world.state_dir };
	struct vp_diags diags = { .arena = arena };
	struct vp_profile *p = vp_profile_parse(arena, "n1.json", text, strlen(text), &diags);
	struct vp_node *n = p ? vp_bind(arena, p, NULL, &opts, &diags) : NULL;

	if (diags.errors)
		vp_diags_print(&diags, stderr);
	assert_int_equal(diags.errors, 0);
	vp_diags_free(&diags);
	return n;
}

static struct vp_node_row row_now(void)
{
	struct vp_node_row row;

	assert_int_equal(vp_state_node(world.state, arena, NODE, &row, NULL), 1);
	return row;
}

/* The node, armed and switched on. */
static struct vp_node *install(const char *more)
{
	struct vp_node *n = make_node(more);
	struct vp_buf text = { 0 };
	struct vp_err err = { 0 };
	struct vp_node_row row = { .name = n->name,
				   .uuid = n->uuid,
				   .virt = "qemu",
				   .mac = n->nics[0].mac,
				   .ip = "10.99.0.11",
				   .life = VP_ARMED,
				   .armed = true,
				   .token_live = true,
				   .token = "0123456789abcdef0123456789abcdef",
				   .json = vp_node_record(arena, n) };

	assert_int_equal(vp_state_put(world.state, &row, &err), 0);
	assert_int_equal(vp_phase_begin(world.state, NODE, "switched on", &err), 0);
	if (vp_render_domain(&world.render, n, VP_BOOT_DISK, &text, &err) || hv->ops->define(hv, text.data, &err) ||
	    hv->ops->start(hv, NODE, NULL, &err))
		fail_msg("%s", err.msg);
	vp_buf_free(&text);
	return n;
}

static int follow(const struct vp_node *n)
{
	const char *const names[] = { NODE };
	struct vp_err err = { 0 };
	int rc = vp_watch(&world, names, &n, 1, &err);

	if (err.msg[0])
		print_message("%s\n", err.msg);
	return rc;
}

static void console_says(const char *text)
{
	const char *path = vp_console_path(arena, world.state_dir, NODE);
	char *dir = vp_strdup(arena, path);

	*strrchr(dir, '/') = '\0';
	assert_int_equal(vp_mkdirs(dir, 0755, NULL), 0);
	assert_int_equal(vp_write_file(path, text, strlen(text), 0644, NULL), 0);
}

static int setup(void **state)
{
	const char *tmp = getenv("TMPDIR"), *top = getenv("VP_TOP");

	(void)state;
	snprintf(base, sizeof(base), "%s/vpwatch.XXXXXX", tmp && strlen(tmp) < 40 ? tmp : "/tmp");
	assert_non_null(mkdtemp(base));
	arena = vp_arena_new();
	hv = vp_hv_fake();
	starts = stops = lookups = deaf = config_at = up_at = services = other_ends = 0;
	dead_at_start = used_disk = false;
	paused = NULL;
	vp_out.level = -1;
	world = (struct vp_world){ .arena = arena, .state_dir = base, .hv = &told_hv, .service = service, .disk = &vp_disk_fake };
	world.disk_ctx = vp_disk_fake_new();
	world.render = (struct vp_render){ .ship_dir = vp_printf(arena, "%s/templates", top ? top : "."), .state_dir = base, .own_taps = true };
	world.state = vp_state_open(base, false, NULL);
	assert_non_null(world.state);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	vp_state_close(world.state);
	hv->ops->close(hv);
	vp_disk_fake_free(world.disk_ctx);
	vp_remove_tree(base, NULL);
	vp_arena_free(arena);
	return 0;
}

/* --- How many at a time --- */

static void test_admits(void **state)
{
	static const struct {
		struct vp_capacity c;
		bool admitted;
	} cases[] = {
		/* Alone: always, however busy the machine is. */
		{ { .cpus = 1, .cpu_pressure = 99, .io_pressure = 99, .free_memory = 1, .memory = 2 }, true },
		{ { .running = 1, .max = 1 }, false },
		{ { .running = 1, .max = 2, .cpus = 1, .cpu_pressure = 99 }, true },
		{ { .running = 3, .max = 2, .cpus = 64, .quiet_ns = ~0ull }, false },
		{ { .running = 1, .cpus = 2, .quiet_ns = ~0ull }, true },
		{ { .running = 2, .cpus = 2, .quiet_ns = ~0ull }, false },
		{ { .running = 1, .cpus = 2, .quiet_ns = 1000000000 }, false },
		{ { .running = 1, .cpus = 2, .cpu_pressure = VP_BUSY_PERCENT, .quiet_ns = ~0ull }, false },
		{ { .running = 1, .cpus = 2, .io_pressure = VP_BUSY_PERCENT, .quiet_ns = ~0ull }, false },
		{ { .running = 1, .cpus = 2, .free_memory = 1 << 20, .memory = 1 << 20, .quiet_ns = ~0ull }, false },
		{ { .running = 1, .cpus = 2, .free_memory = 1 << 21, .memory = 1 << 20, .quiet_ns = ~0ull }, true },
	};
	struct vp_capacity here = { 0 };

	(void)state;
	for (size_t i = 0; i < vp_count(cases); i++)
		if (vp_admits(&cases[i].c) != cases[i].admitted)
			fail_msg("case %zu", i);
	vp_capacity_measure(&here);
	assert_in_range(here.cpus, 1, 1 << 20);
	assert_true(here.free_memory > 1 << 20);
	assert_true(here.cpu_pressure >= 0 && here.cpu_pressure <= 100 && here.io_pressure >= 0 && here.io_pressure <= 100);
}

static void test_waits_for_its_turn(void **state)
{
	struct vp_node *n = install("");
	struct vp_node_row other = row_now();
	struct vp_err err = { 0 };

	(void)state;
	/* Ours is armed and off, another one is being installed. */
	assert_int_equal(vp_phase_stop(world.state, NODE, &err), 0);
	assert_int_equal(hv->ops->destroy(hv, NODE, &err), 0);
	other.name = "other.example.org";
	other.uuid = "00000000-0000-4000-8000-000000000002";
	other.mac = "52:54:00:00:00:02";
	other.ip = "10.99.0.12";
	assert_int_equal(vp_state_put(world.state, &other, &err), 0);
	assert_int_equal(vp_phase_begin(world.state, other.name, "switched on", &err), 0);
	world.max_installs = 1;
	other_ends = 2;
	config_at = 2;
	up_at = 3;
	assert_int_equal(follow(n), VP_EXIT_OK);
	assert_true(services >= other_ends);
	assert_int_equal(starts, 1);
	assert_int_equal(row_now().life, VP_UP);
}

static void test_cannot_be_switched_on(void **state)
{
	struct vp_node *n = install(", \"retries\": 0");
	struct vp_err err = { 0 };

	(void)state;
	assert_int_equal(vp_phase_stop(world.state, NODE, &err), 0);
	assert_int_equal(hv->ops->destroy(hv, NODE, &err), 0);
	dead_at_start = true;
	assert_int_equal(follow(n), VP_EXIT_FAILED);
	assert_string_equal(row_now().reason, "it could not be switched on: no more memory");
}

/* --- Console --- */

static void test_patterns(void **state)
{
	static const char *const kinds[] = { "warning", "failed", "disk" };
	const char *dir = vp_printf(arena, "%s/tests/golden/console", getenv("VP_TOP") ? getenv("VP_TOP") : ".");
	struct vp_buf lines = { 0 }, want = { 0 }, got = { 0 };
	struct vp_err err = { 0 };
	uint64_t met = 0;

	(void)state;
	assert_int_equal(vp_read_file(vp_printf(arena, "%s/lines", dir), 1 << 20, &lines, &err), 0);
	for (char *rest = lines.data, *line; (line = strsep(&rest, "\n")) && rest;) {
		const struct vp_console_pattern *p = vp_console_match(line);

		vp_buf_addf(&got, "%s: %s: %s\n", p ? kinds[p->kind] : "-", p ? p->meaning : "-", line);
		met |= p ? UINT64_C(1) << vp_console_index(p) : 0;
	}
	/* A real line for every pattern. */
	assert_int_equal(met & (met + 1), 0);
	if (getenv("VP_REGENERATE"))
		assert_int_equal(vp_write_file(vp_printf(arena, "%s/meanings", dir), got.data, got.len, 0644, &err), 0);
	assert_int_equal(vp_read_file(vp_printf(arena, "%s/meanings", dir), 1 << 20, &want, &err), 0);
	assert_string_equal(got.data, want.data);
	vp_buf_free(&lines);
	vp_buf_free(&want);
	vp_buf_free(&got);
}

static void test_console_fails(void **state)
{
	struct vp_node_row row;

	(void)state;
	install(", \"retries\": 0");
	/* What it said in an earlier life is none of it. */
	console_says("No bootable device.\r\n");
	row = row_now();
	row.before = vp_console_mark(&world, NODE, "");
	assert_int_equal(vp_state_put(world.state, &row, NULL), 0);
	assert_int_equal(vp_state_evidence(world.state, NODE, VP_EV_LEASE, NULL, -1, "lease 10.99.0.11", NULL), 0);
	console_says("No bootable device.\r\nPXE-E18: Server response timeout.\r\nPXE-E18: Server response timeout.\r\ngrub rescue> ");
	assert_int_equal(follow(NULL), VP_EXIT_FAILED);
	row = row_now();
	assert_int_equal(row.health, VP_FAILED);
	assert_string_equal(row.reason, "the disk's boot loader is incomplete: the console says \"grub rescue>\" (in phase dhcp, after console: the"
					" network boot ROM reports an error: PXE-E18: Server response timeout.)");
}

/* virtlogd has begun a new file since the node was armed: all of it is of this life. */
static void test_console_begins_anew(void **state)
{
	struct vp_node_row row;

	(void)state;
	install(", \"retries\": 0");
	console_says("No bootable device.\r\n");
	row = row_now();
	row.before = vp_console_mark(&world, NODE, "");
	assert_int_equal(vp_state_put(world.state, &row, NULL), 0);
	console_says("grub rescue> ");
	assert_int_equal(follow(NULL), VP_EXIT_FAILED);
	assert_non_null(strstr(row_now().reason, "the disk's boot loader is incomplete"));
}

/* Another process hangs in the middle of a change, and what the console said meanwhile is not lost. */
static void test_database_is_held(void **state)
{
	int ready[2], status;
	char c;
	pid_t pid;

	(void)state;
	install(", \"retries\": 0");
	console_says("grub rescue> ");
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (!pid) {
		struct vp_state *s = vp_state_open(base, false, NULL);

		if (!s || vp_db_begin(s, NULL) || write(ready[1], "x", 1) != 1)
			_exit(1);
		/* Longer than anybody waits for a lock. */
		sleep(17);
		_exit(0);
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	assert_int_equal(follow(NULL), VP_EXIT_FAILED);
	assert_int_equal(row_now().health, VP_FAILED);
	assert_non_null(strstr(row_now().reason, "grub rescue>"));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(ready[0]);
	close(ready[1]);
}

/* --- Another try --- */

static unsigned runs(void)
{
	struct vp_phase_rows rows = { 0 };

	assert_int_equal(vp_phase_rows(world.state, arena, NODE, true, &rows, NULL), 0);
	return rows.n ? (unsigned)rows.items[rows.n - 1].run : 0;
}

static void test_one_more_try(void **state)
{
	struct vp_node_row row;

	(void)state;
	assert_int_equal(follow(install(", \"deadlines\": {\"power\": 1}")), VP_EXIT_FAILED);
	assert_int_equal(stops, 1);
	assert_int_equal(starts, 1);
	assert_int_equal(runs(), 2);
	row = row_now();
	assert_int_equal(row.health, VP_STALLED);
	assert_int_equal(row.life, VP_ARMED);
	assert_true(row.armed && !row.installs);
	assert_non_null(strstr(row.reason, "stopped in phase power: nothing was ever heard of it"));
	/* Asked to wait once more, it has had its tries. */
	assert_int_equal(follow(make_node(", \"deadlines\": {\"power\": 1}")), VP_EXIT_FAILED);
	assert_int_equal(starts, 1);
}

/* What is on its disk would boot: the network comes first in the second try, too. */
static void test_another_try_over_a_system(void **state)
{
	struct vp_node *n = install(", \"deadlines\": {\"power\": 1}");

	(void)state;
	used_disk = true;
	/* The fake's name for one that holds data. */
	n->disks[0].path = "/x/used";
	assert_int_equal(vp_disk_fake.create(world.disk_ctx, n->disks[0].path, "qcow2", n->disks[0].size, NULL), 0);
	assert_int_equal(follow(n), VP_EXIT_FAILED);
	assert_int_equal(starts, 1);
}

/* A full file system below an image: QEMU stops the guest, which is active nevertheless. */
static void test_paused_by_its_disk(void **state)
{
	const struct vp_node *n = install("");

	(void)state;
	paused = "paused (I/O error)";
	assert_int_equal(follow(n), VP_EXIT_FAILED);
	assert_int_equal(row_now().health, VP_FAILED);
	assert_non_null(strstr(row_now().reason, "the domain is paused (I/O error)"));
}

static void test_no_try_after_the_configuration(void **state)
{
	const struct vp_node *n = install(", \"deadlines\": {\"config\": 1}");

	(void)state;
	assert_int_equal(vp_state_take_config(world.state, NODE, NULL), 1);
	assert_int_equal(vp_state_evidence(world.state, NODE, VP_EV_CONFIG, NULL, -1, "configuration handed out", NULL), 0);
	assert_int_equal(follow(n), VP_EXIT_FAILED);
	assert_int_equal(stops + starts, 0);
	assert_non_null(strstr(row_now().reason, "stopped in phase config after http: configuration handed out ("));
}

static void test_it_cannot_be_started(void **state)
{
	(void)state;
	dead_at_start = true;
	assert_int_equal(follow(install(", \"deadlines\": {\"power\": 1}")), VP_EXIT_FAILED);
	assert_int_equal(stops + starts, 2);
	assert_int_equal(row_now().health, VP_FAILED);
	assert_non_null(strstr(row_now().reason, "stopped in phase power"));
}

/* --- A hypervisor that does not answer --- */

static void test_unknown_is_no_failure(void **state)
{
	struct vp_events ev = { 0 };
	bool told = false;

	(void)state;
	install("");
	assert_int_equal(vp_state_evidence(world.state, NODE, VP_EV_CONFIG, NULL, -1, "configuration handed out", NULL), 0);
	deaf = 2;
	up_at = 3;
	assert_int_equal(follow(NULL), VP_EXIT_OK);
	assert_int_equal(row_now().health, VP_OK);
	assert_int_equal(row_now().life, VP_UP);
	assert_int_equal(vp_state_events(world.state, arena, NODE, 0, &ev, NULL), 0);
	for (size_t i = 0; i < ev.n; i++)
		told |= !strcmp(ev.items[i].text, "the hypervisor does not answer: end of file while reading data");
	assert_true(told);
}

/* --- What is kept --- */

/* Names of the members, a line each; all their bytes together in *all. */
static char *members(const char *path, struct vp_buf *all)
{
	struct archive *ar = archive_read_new();
	struct archive_entry *e;
	char *names = vp_strdup(arena, "");

	archive_read_support_filter_all(ar);
	archive_read_support_format_all(ar);
	assert_int_equal(archive_read_open_filename(ar, path, 4096), ARCHIVE_OK);
	while (archive_read_next_header(ar, &e) == ARCHIVE_OK) {
		char block[4096];
		la_ssize_t n;

		names = vp_printf(arena, "%s%s\n", names, strrchr(archive_entry_pathname(e), '/') + 1);
		while ((n = archive_read_data(ar, block, sizeof(block))) > 0)
			vp_buf_add(all, block, (size_t)n);
	}
	archive_read_free(ar);
	return names;
}

static void test_bundle(void **state)
{
	struct vp_buf all = { 0 };
	struct stat st;
	const char *path;

	(void)state;
	install(", \"retries\": 0, \"deadlines\": {\"power\": 1}");
	console_says("[    0.0] Kernel command line: vprov.token=0123456789abcdef0123456789abcdef quiet\nroot:" HASH ":19000\n");
	assert_int_equal(follow(NULL), VP_EXIT_FAILED);
	path = vp_bundle_find(arena, base, NODE);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_string_equal(members(path, &all), "verdict.txt\nnode.json\nrow.json\nphases.json\nevents.txt\nhost.txt\nconsole.log\ndomain.xml\n"
						 "domain-live.xml\nscreen.ppm\n");
	vp_buf_add(&all, "", 1);
	for (size_t i = 0; i + 1 < all.len; i++)
		all.data[i] = all.data[i] ? all.data[i] : ' ';
	assert_null(strstr(all.data, "0123456789abcdef"));
	assert_null(strstr(all.data, "saltsalt"));
	assert_non_null(strstr(all.data, "vprov.token=********************************"));
	assert_non_null(strstr(all.data, "stalled: stopped in phase power"));
	assert_non_null(strstr(all.data, "<domain type='qemu'"));
	vp_buf_free(&all);
	assert_string_equal(vp_bundle_find(arena, base, "n1.example"), "");
	assert_string_equal(vp_bundle_find(arena, base, "n1"), "");
}

static void test_bundles_are_few(void **state)
{
	struct vp_node_row row = { 0 };
	const char *dir = vp_printf(arena, "%s/bundles", base), *newest;
	struct vp_err err = { 0 };

	(void)state;
	install("");
	row = row_now();
	assert_int_equal(vp_mkdirs(dir, 0700, NULL), 0);
	for (int i = 0; i < 9; i++)
		assert_int_equal(vp_write_file(vp_printf(arena, "%s/" NODE "-2020010%dT000000Z.tar.gz", dir, i), "x", 1, 0600, NULL), 0);
	assert_int_equal(vp_write_file(vp_printf(arena, "%s/n2-20200101T000000Z.tar.gz", dir), "x", 1, 0600, NULL), 0);
	newest = vp_bundle_make(&world, &row, &err);
	assert_non_null(newest);
	assert_string_equal(vp_bundle_find(arena, base, NODE), newest);
	assert_false(vp_exists(vp_printf(arena, "%s/" NODE "-20200104T000000Z.tar.gz", dir)));
	assert_true(vp_exists(vp_printf(arena, "%s/" NODE "-20200105T000000Z.tar.gz", dir)));
	assert_true(vp_exists(vp_printf(arena, "%s/n2-20200101T000000Z.tar.gz", dir)));
}

/* Where nothing can be kept, the failure is told all the same, and nothing half-made stays. */
static void test_no_room(void **state)
{
	(void)state;
	install(", \"retries\": 0, \"deadlines\": {\"power\": 1}");
	assert_int_equal(vp_write_file(vp_printf(arena, "%s/bundles", base), "", 0, 0600, NULL), 0);
	assert_int_equal(follow(NULL), VP_EXIT_FAILED);
	assert_int_equal(row_now().health, VP_STALLED);
	assert_string_equal(vp_bundle_find(arena, base, NODE), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_admits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_waits_for_its_turn, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cannot_be_switched_on, setup, teardown),
		cmocka_unit_test_setup_teardown(test_patterns, setup, teardown),
		cmocka_unit_test_setup_teardown(test_console_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(test_console_begins_anew, setup, teardown),
		cmocka_unit_test_setup_teardown(test_database_is_held, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_more_try, setup, teardown),
		cmocka_unit_test_setup_teardown(test_another_try_over_a_system, setup, teardown),
		cmocka_unit_test_setup_teardown(test_paused_by_its_disk, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_try_after_the_configuration, setup, teardown),
		cmocka_unit_test_setup_teardown(test_it_cannot_be_started, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unknown_is_no_failure, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bundle, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bundles_are_few, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_room, setup, teardown),
	};

	return cmocka_run_group_tests_name("watch", tests, NULL, NULL);
}
