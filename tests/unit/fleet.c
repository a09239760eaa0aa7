// SPDX-License-Identifier: Apache-2.0
/* A site as one thing: what is kept of hosts, what is remembered between runs, and what only all of them together show. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../provision/fleet/brief.h"
#include "../../provision/fleet/cache.h"

struct world {
	struct vp_arena *a;
	struct vp_diags diags;
	struct vp_fleet_opts opts;
	/* Removed at the end: profiles, and what is remembered. */
	char *dir, *profiles;
	struct vp_fleet fleet;
};

static int setup(void **state)
{
	struct world *w = vp_xcalloc(1, sizeof(*w));
	const char *tmp = getenv("TMPDIR");

	w->a = vp_arena_new();
	w->diags.arena = w->a;
	w->dir = vp_printf(w->a, "%s/fleet-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(w->dir))
		return -1;
	w->profiles = vp_printf(w->a, "%s/profiles", w->dir);
	w->opts = (struct vp_fleet_opts){ .bind = { .virt = -1, .state_dir = "/s" }, .cache = vp_printf(w->a, "%s/cache", w->dir) };
	*state = w;
	return mkdir(w->profiles, 0755);
}

static int teardown(void **state)
{
	struct world *w = *state;

	vp_remove_tree(w->dir, NULL);
	vp_diags_free(&w->diags);
	vp_arena_free(w->a);
	free(w);
	return 0;
}

static char *path_of(struct world *w, const char *name)
{
	return vp_printf(w->a, "%s/%s", w->profiles, name);
}

static void write_text(const char *path, const char *text)
{
	struct vp_err err = { 0 };

	if (vp_write_file(path, text, strlen(text), 0644, &err))
		fail_msg("%s", err.msg);
}

/* Files are remembered only when they have not changed for a while. */
static void age(const char *path)
{
	struct timespec t[2] = { { time(NULL) - 100, 0 }, { time(NULL) - 100, 0 } };

	assert_int_equal(utimensat(AT_FDCWD, path, t, 0), 0);
}

/* One small host: its number is in its name, addresses and disk; more is put below /system. */
static char *host(struct world *w, unsigned i, const char *more)
{
	char *path = path_of(w, vp_printf(w->a, "n%04u.json", i));

	write_text(
		path,
		vp_printf(w->a,
			  "{\"hardware\": {\"cpu\": [{\"cores\": 2}], \"ram\": [{\"size\": 1024}], \"harddisks\": {\"sda\": {\"capacity\": 4096}},\n"
			  "\"cards\": {\"nic\": {\"eth0\": {\"hwaddr\": \"52:54:00:00:%02x:%02x\", \"boot\": true}}}},\n"
			  "\"system\": {\"network\": {\"hostname\": \"n%04u\", \"domainname\": \"example.org\",\n"
			  "\"interfaces\": {\"eth0\": {\n\"ip\": \"10.1.%u.%u\", \"netmask\": \"255.255.0.0\"}}}%s}}\n",
			  i / 200, i % 200, i, i / 200, i % 200 + 1, more));
	return path;
}

static void load(struct world *w)
{
	const char *args[] = { w->profiles };
	struct vp_err err = { 0 };

	vp_diags_free(&w->diags);
	if (vp_fleet_load(w->a, args, 1, &w->opts, &w->fleet, &w->diags, &err))
		fail_msg("%s", err.msg);
}

static const struct vp_diag *find(struct world *w, enum vp_severity sev, enum vp_code code, const char *words)
{
	for (size_t i = 0; i < w->diags.n; i++) {
		const struct vp_diag *d = &w->diags.items[i];

		if (d->severity == sev && d->code == code && strstr(d->message, words))
			return d;
	}
	vp_diags_print(&w->diags, stderr);
	fail_msg("nothing says \"%s\"", words);
	return NULL;
}

static void no_problems(struct world *w)
{
	if (w->diags.n) {
		vp_diags_print(&w->diags, stderr);
		fail_msg("there are problems");
	}
}

/* What the user sees of a fleet, as text. */
static char *shown(struct world *w)
{
	vp_cleanup(vp_buf_free) struct vp_buf t = { 0 };

	vp_diags_sort(&w->diags);
	for (size_t i = 0; i < w->diags.n; i++) {
		const struct vp_diag *d = &w->diags.items[i];

		vp_buf_addf(&t, "%d %d %s %u %s %s\n", (int)d->severity, (int)d->code, d->file, d->line, d->path, d->message);
	}
	vp_buf_addf(&t, "%u %u %u\n", w->diags.errors, w->diags.warnings, w->diags.dropped);
	for (size_t i = 0; i < w->fleet.nbriefs; i++) {
		const struct vp_brief *b = w->fleet.briefs[i];

		vp_buf_addf(&t, "%s %s %u %u %d %d %d %s %s %ju %ju %u %u %s %s\n", b->name, b->file, b->errors, b->warnings, (int)b->machine,
			    (int)b->virt, (int)b->install, b->role, b->host, (uintmax_t)b->memory, (uintmax_t)b->disk, b->vcpus, b->ndisks,
			    b->boot_nic, b->ip);
		for (size_t k = 0; k < b->nclaims; k++)
			vp_buf_addf(&t, "  %d %s %s %u %s\n", (int)b->claims[k].kind, b->claims[k].value, b->claims[k].address, b->claims[k].line,
				    b->claims[k].path);
	}
	return vp_strdup(w->a, t.data);
}

/* --- Hosts and what they share. --- */

static void hosts_by_name(void **state)
{
	struct world *w = *state;

	host(w, 2, "");
	host(w, 1, "");
	load(w);
	no_problems(w);
	assert_int_equal(w->fleet.nbriefs, 2);
	assert_int_equal(w->fleet.nodes.n, 0);
	assert_string_equal(w->fleet.briefs[0]->name, "n0001.example.org");
	assert_int_equal(w->fleet.briefs[0]->vcpus, 2);
	assert_int_equal(w->fleet.briefs[0]->memory, 1024 * VP_MIB);
	assert_string_equal(w->fleet.briefs[1]->ip, "10.1.0.3");
	w->opts.nodes = true;
	load(w);
	assert_int_equal(w->fleet.nodes.n, 2);
	assert_string_equal(w->fleet.nodes.items[1]->name, "n0002.example.org");
}

static void nodes_share_nothing(void **state)
{
	struct world *w = *state;
	const struct vp_diag *d;

	host(w, 1, "");
	write_text(path_of(w, "b.json"),
		   "{\"hardware\": {\"cpu\": [{}], \"ram\": [{\"size\": 1024}], \"harddisks\": {\"sda\": {\"capacity\": 4096}},\n"
		   "\"cards\": {\"nic\": {\"eth0\": {\"hwaddr\": \"52:54:00:00:00:01\"}}}},\n"
		   "\"system\": {\"network\": {\"hostname\": \"b\", \"domainname\": \"example.org\"}}}\n");
	load(w);
	assert_int_equal(w->diags.errors, 1);
	d = find(w, VP_ERROR, VP_E_CLASH, "the MAC address 52:54:00:00:00:01 of n0001.example.org is that of b.example.org, too");
	assert_string_equal(d->path, "/hardware/cards/nic/eth0/hwaddr");
	assert_int_equal(d->line, 2);
	assert_non_null(strstr(d->message, "/b.json:2)"));
}

/* Said once: not also of the UUID, taps and images that follow from the name. */
static void one_name_twice(void **state)
{
	struct world *w = *state;
	vp_cleanup(vp_buf_free) struct vp_buf data = { 0 };
	char *text;

	assert_int_equal(vp_read_file(host(w, 1, ""), VP_MAX_PROFILE, &data, NULL), 0);
	text = vp_strdup(w->a, data.data);
	memcpy(strstr(text, "52:54:00"), "52:54:01", 8);
	memcpy(strstr(text, "10.1.0.2"), "10.1.7.2", 8);
	memcpy(strstr(text, "n0001"), "N0001", 5);
	write_text(path_of(w, "other.json"), text);
	load(w);
	assert_int_equal(w->diags.n, 1);
	assert_string_equal(find(w, VP_ERROR, VP_E_CLASH, "the name n0001.example.org")->path, "/system/network/hostname");
}

static void one_uuid_twice(void **state)
{
	struct world *w = *state;
	const struct vp_diag *d;

	host(w, 1, ", \"vprov\": {\"uuid\": \"5E0B1C1E-6c0a-4d5f-9b1e-7d2f3c5a9e41\"}");
	host(w, 2, ", \"vprov\": {\n\"uuid\": \"5e0b1c1e-6c0a-4d5f-9b1e-7d2f3c5a9e41\"}");
	load(w);
	assert_int_equal(w->diags.errors, 1);
	d = find(w, VP_ERROR, VP_E_CLASH, "the UUID 5e0b1c1e-6c0a-4d5f-9b1e-7d2f3c5a9e41 of n0002.example.org is that of n0001.example.org, too");
	assert_string_equal(d->path, "/system/vprov/uuid");
	assert_int_equal(d->line, 6);
}

static void two_nics_with_one_address(void **state)
{
	struct world *w = *state;

	write_text(path_of(w, "a.json"),
		   "{\"hardware\": {\"cpu\": [{}], \"ram\": [{\"size\": 1024}], \"harddisks\": {\"sda\": {\"capacity\": 4096}},\n"
		   "\"cards\": {\"nic\": {\"eth0\": {\"hwaddr\": \"52:54:00:00:00:01\"},\n"
		   "\"eth1\": {\"hwaddr\": \"52-54-00-00-00-01\"}}}}, \"system\": {\"network\": {\"hostname\": \"a\"}}}\n");
	load(w);
	assert_int_equal(find(w, VP_ERROR, VP_E_CLASH, "the MAC address")->line, 3);
}

static void bridges_with_two_addresses(void **state)
{
	struct world *w = *state;

	host(w, 1, ", \"vprov\": {\"bridge\": {\"name\": \"br0\", \"address\": \"10.1.0.254/16\"}}");
	host(w, 2, ", \"vprov\": {\"bridge\": {\"name\": \"br0\", \"address\": \"10.1.0.253/16\"}}");
	host(w, 3, ", \"vprov\": {\"bridge\": {\"name\": \"br1\", \"address\": \"10.1.0.253/16\"}}");
	load(w);
	assert_int_equal(w->diags.errors, 1);
	find(w, VP_ERROR, VP_E_CLASH, "the bridge br0 has the address 10.1.0.253/16 for n0002.example.org, but 10.1.0.254/16 for n0001.example.org");
}

/* Bridges whose addresses are those of gateways: one line, whatever their number. */
static void guessed_addresses_of_bridges(void **state)
{
	struct world *w = *state;

	for (unsigned i = 1; i < 5; i++) {
		char *path = host(w, i, ""), *text;
		vp_cleanup(vp_buf_free) struct vp_buf data = { 0 };

		assert_int_equal(vp_read_file(path, VP_MAX_PROFILE, &data, NULL), 0);
		text = strstr(data.data, "\"interfaces\"");
		write_text(path, vp_printf(w->a, "%.*s\"default_gateway\": \"10.1.9.%u\", %s", (int)(text - data.data), data.data, i, text));
	}
	load(w);
	assert_int_equal(w->diags.n, 1);
	find(w, VP_WARNING, VP_E_CLASH, "10.1.9.2/16 for n0002.example.org, but 10.1.9.1/16 for n0001.example.org");
	find(w, VP_WARNING, VP_E_CLASH, "others for 2 more");
}

/* --- Guests and hypervisors. --- */

static void hypervisor(struct world *w, unsigned i, const char *children)
{
	host(w, i, vp_printf(w->a, ", \"enclosure\": {\"type\": \"hypervisor\", \"children\": [%s]}", children));
}

static void guests_of_hypervisors(void **state)
{
	struct world *w = *state;
	char *first;

	hypervisor(w, 9, "\"n0001\", \"profile_n0002.example.org\", \"gone\", \"away\"");
	host(w, 1, "");
	host(w, 2, "");
	host(w, 3, ", \"vprov\": {\"host\": \"nowhere.example.org\"}");
	host(w, 4, ", \"vprov\": {\"host\": \"n0005\"}");
	host(w, 5, "");
	load(w);
	assert_int_equal(w->diags.errors, 0);
	assert_string_equal(w->fleet.briefs[0]->name, "n0009.example.org");
	assert_int_equal(w->fleet.briefs[0]->machine, VP_HYPERVISOR);
	assert_string_equal(w->fleet.briefs[1]->host, "n0009.example.org");
	assert_string_equal(w->fleet.briefs[2]->host, "n0009.example.org");
	find(w, VP_WARNING, VP_E_REFERENCE, "machines that have no profiles here: away, gone");
	find(w, VP_WARNING, VP_E_REFERENCE, "n0003.example.org: on nowhere.example.org, which has no profile here");
	find(w, VP_WARNING, VP_E_REFERENCE, "n0004.example.org: on n0005.example.org, whose profile does not say that it is a hypervisor");
	find(w, VP_WARNING, VP_E_ODD, "nothing says where these run (physical machines, or guests without a host): n0005.example.org");
	find(w, VP_WARNING, VP_E_CAPACITY, "the 2 guests of n0009.example.org want 2 GiB of memory; it has 1 GiB");
	/* What was placed comes back placed from the cache. */
	first = shown(w);
	sleep(3);
	load(w);
	load(w);
	assert_string_equal(shown(w), first);
	/* Another hypervisor has it now: the guest's own file is as it was. */
	hypervisor(w, 9, "\"n0001\"");
	hypervisor(w, 8, "\"n0002\"");
	load(w);
	assert_string_equal(w->fleet.briefs[3]->name, "n0002.example.org");
	assert_string_equal(w->fleet.briefs[3]->host, "n0008.example.org");
}

static void more_virtual_cpus_than_there_are(void **state)
{
	struct world *w = *state;
	const char *children = "\"n0000\"";

	for (unsigned i = 0; i < 5; i++) {
		host(w, i, "");
		children = vp_printf(w->a, "%s, \"n%04u\"", children, i);
	}
	hypervisor(w, 9, children);
	load(w);
	find(w, VP_NOTE, VP_E_CAPACITY, "the 5 guests of n0009.example.org have 10 virtual CPUs; it has 2");
}

/* Two hosts may each have a bridge of the same name; a bridge named as the host's card is worth a word. */
static void bridges_of_hypervisors(void **state)
{
	struct world *w = *state;

	hypervisor(w, 8, "\"n0001\"");
	hypervisor(w, 9, "\"n0002\", \"n0003\"");
	host(w, 1, ", \"vprov\": {\"bridge\": {\"name\": \"br0\", \"address\": \"10.1.0.254/16\"}}");
	host(w, 2, ", \"vprov\": {\"bridge\": {\"name\": \"br0\", \"address\": \"10.1.0.253/16\"}}");
	host(w, 3, ", \"vprov\": {\"bridge\": {\"name\": \"eth0\", \"address\": \"10.1.0.252/16\"}}");
	load(w);
	assert_int_equal(w->diags.errors, 0);
	find(w, VP_WARNING, VP_E_CLASH, "the bridge eth0 of n0003.example.org is named as a network card of its host n0009.example.org");
}

static void nodes_of_hypervisors_come_first(void **state)
{
	struct world *w = *state;

	w->opts.nodes = true;
	hypervisor(w, 9, "\"n0001\"");
	host(w, 1, "");
	write_text(path_of(w, "wrong.json"), "{}");
	for (int round = 0; round < 2; round++) {
		load(w);
		assert_int_equal(w->fleet.nbriefs, 3);
		assert_int_equal(w->fleet.nodes.n, 2);
		assert_string_equal(w->fleet.nodes.items[0]->name, "n0009.example.org");
		assert_string_equal(w->fleet.nodes.items[1]->host, "n0009.example.org");
		assert_non_null(vp_origin_of(w->fleet.nodes.items[1], "memory"));
		/* By now everything is remembered, and nodes are there all the same. */
		sleep(3);
	}
}

static int name_it(void *arg, const struct vp_node *n, struct vp_buf *out, struct vp_err *err)
{
	unsigned *calls = arg;

	(*calls)++;
	if (!strncmp(n->name, "n0002", 5))
		return vp_fail(err, VP_E_TEMPLATE, "not %s", n->hostname);
	vp_buf_addf(out, "%s on %s", n->hostname, n->host);
	return 0;
}

static void what_is_made_of_machines(void **state)
{
	struct world *w = *state;
	unsigned calls = 0;

	w->opts.make = name_it;
	w->opts.arg = &calls;
	hypervisor(w, 9, "\"n0001\"");
	host(w, 1, "");
	host(w, 2, "");
	write_text(path_of(w, "wrong.json"), "{}");
	for (int round = 0; round < 2; round++) {
		load(w);
		assert_int_equal(w->fleet.nbriefs, 4);
		assert_int_equal(w->fleet.nodes.n, 0);
		for (unsigned i = 0; i < 4; i++) {
			const struct vp_brief *b = w->fleet.briefs[i];

			if (!strncmp(b->name, "n0001", 5))
				assert_string_equal(b->made, "n0001 on n0009.example.org");
			else if (!strncmp(b->name, "n0009", 5))
				assert_string_equal(b->made, "n0009 on ");
			else
				assert_null(b->made);
			if (!strncmp(b->name, "n0002", 5))
				assert_string_equal(b->failure->msg, "not n0002");
			else
				assert_null(b->failure);
		}
		/* By now everything is remembered, and made all the same. */
		sleep(3);
	}
	assert_true(calls >= 6);
}

/* --- Many. --- */

static void thousands_of_hosts(void **state)
{
	struct world *w = *state;

	for (unsigned i = 0; i < 2000; i++)
		host(w, i, i % 2 ? "" : ", \"vprov\": {\"deadline\": -1}");
	load(w);
	assert_int_equal(w->fleet.nbriefs, 2000);
	assert_int_equal(w->diags.errors, 1000);
	for (unsigned i = 0; i < 2000; i++) {
		assert_string_equal(w->fleet.briefs[i]->name, vp_printf(w->a, "n%04u.example.org", i));
		assert_int_equal(w->fleet.briefs[i]->errors, i % 2 ? 0 : 1);
	}
}

static _Noreturn void replace_files(struct world *w)
{
	for (unsigned i = 0;; i++) {
		char *path = path_of(w, vp_printf(w->a, "n%04u.json", i * 7 % 300));

		unlink(path);
		usleep(100);
		host(w, i * 7 % 300, "");
	}
}

/* Someone removes and replaces files all the time: each is there or not, and nothing else happens. */
static void files_that_come_and_go(void **state)
{
	struct world *w = *state;
	pid_t pid;

	for (unsigned i = 0; i < 300; i++)
		host(w, i, "");
	pid = fork();
	if (!pid)
		replace_files(w);

	for (int round = 0; round < 3; round++) {
		load(w);
		assert_true(w->fleet.nbriefs > 250);
		for (size_t i = 0; i < w->diags.n; i++)
			assert_true(w->diags.items[i].code == VP_E_READ || w->diags.items[i].code == VP_E_SYNTAX);
	}
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* --- What is remembered. --- */

/* The same again, with the problems of those that do not parse. */
static void what_is_unchanged_is_not_read(void **state)
{
	struct world *w = *state;
	struct stat st;
	char *first, *second, *path = host(w, 1, ""), *bad = path_of(w, "bad.json");

	write_text(bad, "{\"a\": }");
	age(path);
	age(bad);
	/* ctime cannot be set: what was written just now is not believed. */
	load(w);
	first = shown(w);
	assert_int_equal(stat(w->opts.cache, &st), 0);
	sleep(3);
	load(w);
	assert_string_equal(shown(w), first);
	load(w);
	second = shown(w);
	assert_string_equal(second, first);
	assert_int_equal(w->fleet.nbriefs, 2);
	assert_int_equal(w->diags.errors, 1);
}

static struct vp_cache *open_cache(struct world *w, const char *env)
{
	struct vp_cache *c = vp_cache_open(w->opts.cache, env);

	assert_non_null(c);
	return c;
}

static const struct vp_cache_key key = { "label", "/path", "" };

static struct stat old_file(void)
{
	struct stat st = { .st_dev = 1, .st_ino = 2, .st_size = 3, .st_mode = S_IFREG | 0644 };

	st.st_mtim.tv_sec = st.st_ctim.tv_sec = time(NULL) - 10;
	return st;
}

static bool has(struct world *w, const char *env, const struct vp_cache_key *k, const struct stat *st)
{
	struct vp_cache *c = open_cache(w, env);
	size_t len = 0;
	const void *data = vp_cache_get(c, w->a, k, st, &len);

	vp_cache_close(c);
	if (data)
		assert_true(len == 4 && !memcmp(data, "abcd", 4));
	return data != NULL;
}

static void keep(struct world *w, const struct stat *st)
{
	struct vp_cache *c = open_cache(w, "env");

	vp_cache_put(c, &key, st, "abcd", 4);
	vp_cache_close(c);
}

static void any_difference_is_another_file(void **state)
{
	struct world *w = *state;
	struct stat st = old_file(), other;

	keep(w, &st);
	assert_true(has(w, "env", &key, &st));
	assert_false(has(w, "other", &key, &st));
	assert_false(has(w, "env", &(struct vp_cache_key){ "other", "/path", "" }, &st));
	assert_false(has(w, "env", &(struct vp_cache_key){ "label", "/other", "" }, &st));
	assert_false(has(w, "env", &(struct vp_cache_key){ "label", "/path", "placed" }, &st));
	for (int i = 0; i < 5; i++) {
		other = st;
		other.st_dev += i == 0;
		other.st_ino += i == 1;
		other.st_size += i == 2;
		other.st_mtim.tv_nsec += i == 3;
		other.st_ctim.tv_nsec += i == 4;
		assert_false(has(w, "env", &key, &other));
	}
	assert_true(has(w, "env", &key, &st));
}

static void what_changed_just_now_is_not_kept(void **state)
{
	struct world *w = *state;
	struct stat st = old_file();

	clock_gettime(CLOCK_REALTIME, &st.st_mtim);
	keep(w, &st);
	assert_false(has(w, "env", &key, &st));
	st = old_file();
	clock_gettime(CLOCK_REALTIME, &st.st_ctim);
	keep(w, &st);
	assert_false(has(w, "env", &key, &st));
	/* A clock that is wrong is no reason either. */
	st = old_file();
	st.st_mtim.tv_sec += 1000;
	keep(w, &st);
	assert_false(has(w, "env", &key, &st));
}

static void damage(const char *path, off_t at, const char *bytes)
{
	int fd = open(path, O_WRONLY);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, strlen(bytes), at), (ssize_t)strlen(bytes));
	close(fd);
}

static void a_damaged_cache_is_no_error(void **state)
{
	struct world *w = *state;
	char *path = vp_printf(w->a, "%s/fleet.db", w->opts.cache), *first;
	struct stat st = old_file(), now;

	host(w, 1, "");
	load(w);
	first = shown(w);
	keep(w, &st);
	assert_int_equal(stat(path, &now), 0);
	for (off_t at = 0; at < now.st_size; at += 97) {
		/* Whether the run before could use it depends on what was damaged; a useless one was removed. */
		if (access(path, F_OK))
			keep(w, &st);
		damage(path, at, "damaged");
		has(w, "env", &key, &st);
		load(w);
		assert_string_equal(shown(w), first);
	}
	/* No database at all, an empty one, half of one. */
	write_text(path, "this is no database, whatever its name says: it is text, and long enough to be looked at as a database header is\n");
	load(w);
	assert_string_equal(shown(w), first);
	/* A useless one was removed, and the next is a good one again. */
	keep(w, &st);
	assert_true(has(w, "env", &key, &st));
	assert_int_equal(truncate(path, now.st_size / 2), 0);
	load(w);
	assert_string_equal(shown(w), first);
	keep(w, &st);
	assert_int_equal(truncate(path, 0), 0);
	load(w);
	assert_string_equal(shown(w), first);
	keep(w, &st);
	assert_true(has(w, "env", &key, &st));
}

static void others_caches_are_left_alone(void **state)
{
	struct world *w = *state;
	char *path = vp_printf(w->a, "%s/fleet.db", w->opts.cache);
	struct stat st = old_file(), now;

	keep(w, &st);
	/* Somebody else could have written what it says. */
	assert_int_equal(chmod(path, 0666), 0);
	assert_null(vp_cache_open(w->opts.cache, "env"));
	assert_int_equal(chmod(path, 0600), 0);
	assert_true(has(w, "env", &key, &st));
	assert_int_equal(rename(path, vp_printf(w->a, "%s/elsewhere", w->opts.cache)), 0);
	assert_int_equal(symlink("elsewhere", path), 0);
	assert_null(vp_cache_open(w->opts.cache, "env"));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(chmod(w->opts.cache, 0777), 0);
	assert_null(vp_cache_open(w->opts.cache, "env"));
	assert_int_equal(chmod(w->opts.cache, 0755), 0);
	/* A database of another program: the number is its, not vprov's. */
	assert_int_equal(rename(vp_printf(w->a, "%s/elsewhere", w->opts.cache), path), 0);
	damage(path, 68, "else");
	host(w, 1, "");
	load(w);
	no_problems(w);
	assert_int_equal(stat(path, &now), 0);
	/* No directory can be made here. */
	w->opts.cache = "/proc/none";
	load(w);
	no_problems(w);
	assert_int_equal(w->fleet.nbriefs, 1);
}

static void two_at_once(void **state)
{
	struct world *w = *state;
	struct stat st = old_file();
	unsigned kept = 0;
	pid_t pids[4];
	int status;

	for (unsigned p = 0; p < vp_count(pids); p++) {
		pids[p] = fork();
		if (pids[p])
			continue;
		for (unsigned round = 0; round < 5; round++) {
			struct vp_cache *c = vp_cache_open(w->opts.cache, "env");

			for (unsigned i = 0; i < 600; i++) {
				char path[32];
				size_t len;

				snprintf(path, sizeof(path), "/%u/%u", p, i);
				vp_cache_get(c, w->a, &(struct vp_cache_key){ "x", path, "" }, &st, &len);
				vp_cache_put(c, &(struct vp_cache_key){ "x", path, "" }, &st, "abcd", 4);
			}
			vp_cache_close(c);
		}
		_exit(0);
	}
	for (unsigned p = 0; p < vp_count(pids); p++) {
		assert_int_equal(waitpid(pids[p], &status, 0), pids[p]);
		assert_int_equal(status, 0);
	}
	/* Who had to wait too long kept nothing of it; but what is there is whole, and some of it is. */
	for (unsigned i = 0; i < vp_count(pids) * 600; i++)
		kept += has(w, "env", &(struct vp_cache_key){ "x", vp_printf(w->a, "/%u/%u", i / 600, i % 600), "" }, &st);
	assert_true(kept >= 256);
}

/* --- Records. --- */

static struct vp_buf make_record(struct world *w)
{
	static struct vp_origin origins[] = { { "nic.eth0.mac", "m", "/hardware/x", "f.xml", 7 } };
	static struct vp_nic nics[] = { { .name = "eth0", .mac = "52:54:00:00:00:01", .tap = "vptap", .ip = "10.0.0.1", .bridge = "br0" } };
	static struct vp_disk disks[] = { { .name = "sda", .path = "/s/a.qcow2", .size = 5 }, { .name = "sdb", .path = "", .size = 6 } };
	static struct vp_bridge bridges[] = { { .name = "br0", .address = "10.0.0.254", .prefix = 24, .interface = "", .uplink = "" } };
	static struct vp_place_disk place_disks[] = { { "xvda", "lvm", "/dev/vg/a", 9, true } };
	static struct vp_place_nic place_nics[] = { { "52:54:00:00:00:02", "xenbr0" } };
	static struct vp_placement says[] = { { .how = VP_PLACE_XEN,
						.guest = "g",
						.host = "h",
						.file = "f.xml",
						.line = 3,
						.path = "/p",
						.virt = VP_XEN_PARA,
						.memory = UINT64_C(1) << 40,
						.vcpus = 300,
						.disks = place_disks,
						.ndisks = 1,
						.nics = place_nics,
						.nnics = 1,
						.boot = { "k", "i", "c", "b", "a" },
						.install = { "k2", "i2", "c2", "b2", "a2" },
						.bridges = bridges,
						.nbridges = 1,
						.whole = true,
						.member = true } };
	struct vp_node node = { .name = "a.b",
				.uuid = "u",
				.virt = VP_XEN_HVM,
				.install = VP_INSTALL_NONE,
				.vcpus = 3,
				.memory = UINT64_C(1) << 34,
				.disks = disks,
				.ndisks = 2,
				.nics = nics,
				.nnics = 1,
				.bridges = bridges,
				.nbridges = 1,
				.host = "hv",
				.role = "wn",
				.file = "f.xml",
				.origins = origins,
				.norigins = 1 };
	struct vp_brief_in in[] = { { .kind = VP_BRIEF_HOST, .node = &node, .at = "", .diags = { .arena = w->a } },
				    { .kind = VP_BRIEF_MACHINE, .name = "wrong", .at = "/vm/0", .diags = { .arena = w->a } } };
	struct vp_buf b = { 0 };

	vp_diag(&in[0].diags, VP_WARNING, VP_E_ODD, "f.xml", 4, "/q", "odd");
	vp_diag(&in[1].diags, VP_ERROR, VP_E_VALUE, "other.xml", 5, "/r", "wrong");
	vp_record_pack(&b, "f.xml", in, 2, &(struct vp_placements){ .items = says, .n = 1 });
	vp_diags_free(&in[0].diags);
	vp_diags_free(&in[1].diags);
	return b;
}

static void check_statement(const struct vp_placement *s)
{
	assert_int_equal(s->how, VP_PLACE_XEN);
	assert_string_equal(s->guest, "g");
	assert_string_equal(s->host, "h");
	assert_string_equal(s->file, "f.xml");
	assert_int_equal(s->line, 3);
	assert_string_equal(s->path, "/p");
	assert_int_equal(s->virt, VP_XEN_PARA);
	assert_true(s->memory == UINT64_C(1) << 40);
	assert_int_equal(s->vcpus, 300);
	assert_int_equal(s->ndisks, 1);
	assert_string_equal(s->disks[0].target, "xvda");
	assert_string_equal(s->disks[0].type, "lvm");
	assert_string_equal(s->disks[0].path, "/dev/vg/a");
	assert_int_equal(s->disks[0].size, 9);
	assert_true(s->disks[0].readonly);
	assert_int_equal(s->nnics, 1);
	assert_string_equal(s->nics[0].mac, "52:54:00:00:00:02");
	assert_string_equal(s->nics[0].bridge, "xenbr0");
	assert_string_equal(s->boot.kernel, "k");
	assert_string_equal(s->boot.bootargs, "a");
	assert_string_equal(s->install.initrd, "i2");
	assert_string_equal(s->install.cmdline, "c2");
	assert_string_equal(s->install.bootloader, "b2");
	assert_int_equal(s->nbridges, 1);
	assert_string_equal(s->bridges[0].address, "10.0.0.254");
	assert_int_equal(s->bridges[0].prefix, 24);
	assert_true(s->whole && s->member && !s->next);
}

static void records_come_back_as_they_were(void **state)
{
	struct world *w = *state;
	vp_cleanup(vp_buf_free) struct vp_buf b = make_record(w);
	struct vp_record r;
	const struct vp_brief *brief;

	assert_true(vp_record_unpack(w->a, b.data, b.len, "f.xml", &r));
	assert_int_equal(r.nbriefs, 2);
	brief = &r.briefs[0];
	assert_string_equal(brief->name, "a.b");
	assert_int_equal(brief->warnings, 1);
	assert_int_equal(brief->virt, VP_XEN_HVM);
	assert_int_equal(brief->install, VP_INSTALL_NONE);
	assert_string_equal(brief->role, "wn");
	assert_string_equal(brief->host, "hv");
	assert_true(brief->memory == UINT64_C(1) << 34);
	assert_int_equal(brief->disk, 11);
	assert_int_equal(brief->ndisks, 2);
	assert_string_equal(brief->boot_nic, "eth0");
	/* Name, MAC, IP, tap, one disk with a path, one bridge. */
	assert_int_equal(brief->nclaims, 6);
	assert_int_equal(brief->claims[1].kind, VP_CLAIM_MAC);
	assert_int_equal(brief->claims[1].line, 7);
	assert_string_equal(brief->claims[1].path, "/hardware/x");
	assert_string_equal(brief->claims[5].address, "10.0.0.254/24");
	assert_int_equal(r.briefs[1].kind, VP_BRIEF_MACHINE);
	assert_string_equal(r.briefs[1].name, "wrong");
	assert_string_equal(r.briefs[1].at, "/vm/0");
	assert_int_equal(r.briefs[1].errors, 1);
	assert_int_equal(r.says.n, 1);
	check_statement(&r.says.items[0]);
	for (size_t i = 0; i < 2; i++)
		vp_brief_problems(&r.briefs[i], &w->diags);
	assert_string_equal(find(w, VP_WARNING, VP_E_ODD, "odd")->file, "f.xml");
	assert_string_equal(find(w, VP_ERROR, VP_E_VALUE, "wrong")->file, "other.xml");
}

static void walk(struct world *w, const struct vp_record *r)
{
	size_t sum = 0;

	for (size_t i = 0; i < r->nbriefs; i++) {
		vp_brief_problems(&r->briefs[i], &w->diags);
		for (size_t k = 0; k < r->briefs[i].nclaims; k++)
			sum += strlen(r->briefs[i].claims[k].value) + strlen(r->briefs[i].claims[k].path);
	}
	for (size_t i = 0; i < r->says.n; i++)
		sum += strlen(r->says.items[i].guest);
	assert_true(sum < 100000);
	vp_diags_free(&w->diags);
}

/* Cut off anywhere, or with any byte changed: refused, or read within its bounds. */
static void damaged_records(void **state)
{
	struct world *w = *state;
	vp_cleanup(vp_buf_free) struct vp_buf b = make_record(w);
	struct vp_record r;

	for (size_t len = 0; len < b.len; len++) {
		/* Exactly as long as it is: a sanitizer sees every byte beyond. */
		char *cut = memcpy(vp_xcalloc(1, len), b.data, len);

		assert_false(vp_record_unpack(w->a, cut, len, "f", &r));
		free(cut);
	}
	for (size_t at = 0; at < b.len; at++)
		for (int v = 0; v < 256; v += 15) {
			char *copy = memcpy(vp_xcalloc(1, b.len), b.data, b.len);
			vp_cleanup(vp_arena_freep) struct vp_arena *a = vp_arena_new();

			copy[at] = (char)v;
			if (vp_record_unpack(a, copy, b.len, "f", &r))
				walk(w, &r);
			free(copy);
		}
}

/* --- Real profiles. --- */

static void real_profiles_of_a_site(void **state)
{
	struct world *w = *state;
	const char *shared = getenv("VP_SHARED");
	const struct vp_node *cream;

	w->profiles = vp_printf(w->a, "%s/profiles/site-umd3-18.6.0", shared ? shared : "../shared");
	if (access(w->profiles, R_OK)) {
		print_message("skipped: no sample profiles at %s (set VP_SHARED)\n", w->profiles);
		skip();
	}
	w->opts.nodes = true;
	load(w);
	assert_int_equal(w->fleet.nbriefs, 13);
	assert_int_equal(w->fleet.nodes.n, 13);
	/* What is wrong with them is real. */
	assert_int_equal(w->diags.errors, 4);
	find(w, VP_ERROR, VP_E_CLASH, "of wn.example.org is that of wmslb.example.org, too");
	find(w, VP_ERROR, VP_E_CLASH, "of wn3.example.org is that of wn2.example.org, too");
	cream = w->fleet.nodes.items[2];
	assert_string_equal(cream->name, "cream.example.org");
	assert_int_equal(cream->vcpus, 8);
	assert_int_equal(cream->memory, 8192 * VP_MIB);
	assert_string_equal(cream->nics[cream->boot_nic].name, "eth1");
	assert_string_equal(cream->nics[1].ip, "192.168.0.22");
	assert_int_equal(cream->nics[1].prefix, 21);
	assert_string_equal(cream->bridges[0].address, "192.168.0.254");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(hosts_by_name),
		TEST(nodes_share_nothing),
		TEST(one_name_twice),
		TEST(one_uuid_twice),
		TEST(two_nics_with_one_address),
		TEST(bridges_with_two_addresses),
		TEST(guessed_addresses_of_bridges),
		TEST(guests_of_hypervisors),
		TEST(more_virtual_cpus_than_there_are),
		TEST(bridges_of_hypervisors),
		TEST(nodes_of_hypervisors_come_first),
		TEST(what_is_made_of_machines),
		TEST(thousands_of_hosts),
		TEST(files_that_come_and_go),
		TEST(what_is_unchanged_is_not_read),
		TEST(any_difference_is_another_file),
		TEST(what_changed_just_now_is_not_kept),
		TEST(a_damaged_cache_is_no_error),
		TEST(others_caches_are_left_alone),
		TEST(two_at_once),
		TEST(records_come_back_as_they_were),
		TEST(damaged_records),
		TEST(real_profiles_of_a_site),
	};

	return cmocka_run_group_tests_name("fleet", tests, NULL, NULL);
}
