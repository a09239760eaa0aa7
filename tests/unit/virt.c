// SPDX-License-Identifier: Apache-2.0
/* One table of behaviour, held by the fake and by libvirt's test driver; and the reading of /proc/cpuinfo. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../provision/hypervisor/embed.h"
#include "../../provision/hypervisor/virt.h"

#define UUID_A "6e9d5b32-0000-5000-8000-00000000000a"
#define UUID_B "6e9d5b32-0000-5000-8000-00000000000b"

static void domain(struct vp_buf *b, const char *name, const char *uuid, unsigned mib, const char *boot)
{
	b->len = 0;
	vp_buf_addf(b,
		    "<domain type='test'><name>%s</name><uuid>%s</uuid><memory unit='MiB'>%u</memory><vcpu placement='static'>2</vcpu>"
		    "<os><type arch='i686'>hvm</type><boot dev='%s'/></os><devices>"
		    "<disk type='file' device='disk'><source file='/n.img'/><target dev='vda' bus='virtio'/></disk></devices></domain>",
		    name, uuid, mib, boot);
}

static struct vp_hv *open_fake(void)
{
	return vp_hv_fake();
}

static struct vp_hv *open_test(void)
{
	const struct vp_hv_opts opts = { .connect = "test:///default" };
	struct vp_err err = { 0 };
	struct vp_hv *hv = vp_hv_open(&opts, &err);

	if (!hv)
		fail_msg("%s", err.msg);
	assert_string_equal(hv->type, "TEST");
	assert_string_equal(hv->uri, "test:///default");
	assert_true(hv->local);
	return hv;
}

static struct vp_virt_dom look(struct vp_hv *hv, const char *name)
{
	struct vp_virt_dom d;
	struct vp_err err = { 0 };
	int rc = hv->ops->lookup(hv, name, &d, &err);

	if (rc < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(rc, !!*d.uuid);
	return d;
}

/* A call that has to succeed. */
#define OK(call)                                                                                                                                     \
	do {                                                                                                                                         \
		struct vp_err err = { 0 };                                                                                                           \
		if (call)                                                                                                                            \
			fail_msg("%s", err.msg);                                                                                                     \
	} while (0)
/* A call that has to fail, with these words. */
#define NO(call, words)                                                                                                                              \
	do {                                                                                                                                         \
		struct vp_err err = { 0 };                                                                                                           \
		assert_int_equal(call, -1);                                                                                                          \
		assert_int_equal(err.code, VP_E_VIRT);                                                                                               \
		if (!strstr(err.msg, words))                                                                                                         \
			fail_msg("'%s' does not say '%s'", err.msg, words);                                                                          \
	} while (0)

static void check_define(struct vp_hv *hv)
{
	vp_cleanup(vp_buf_free) struct vp_buf xml = { 0 }, once = { 0 }, twice = { 0 };
	struct vp_virt_dom d;

	assert_string_equal(look(hv, "a").uuid, "");
	domain(&xml, "a", UUID_A, 128, "hd");
	OK(hv->ops->define(hv, xml.data, &err));
	d = look(hv, "a");
	assert_string_equal(d.uuid, UUID_A);
	assert_true(d.persistent);
	assert_false(d.active);
	assert_int_equal(d.memory, 0);
	assert_int_equal(d.vcpus, 2);
	assert_string_equal(d.state, "shut off (unknown)");

	OK(hv->ops->xml(hv, "a", &once, &err));
	OK(hv->ops->define(hv, once.data, &err));
	OK(hv->ops->xml(hv, "a", &twice, &err));
	assert_string_equal(once.data, twice.data);

	domain(&xml, "a", UUID_A, 256, "hd");
	OK(hv->ops->define(hv, xml.data, &err));
	OK(hv->ops->start(hv, "a", NULL, &err));
	assert_int_equal(look(hv, "a").memory, 256 * VP_MIB);
}

static void check_refusals(struct vp_hv *hv)
{
	vp_cleanup(vp_buf_free) struct vp_buf xml = { 0 };

	domain(&xml, "a", UUID_A, 128, "hd");
	OK(hv->ops->define(hv, xml.data, &err));
	domain(&xml, "a", UUID_B, 128, "hd");
	NO(hv->ops->define(hv, xml.data, &err), "domain 'a' already exists with uuid " UUID_A);
	domain(&xml, "b", UUID_A, 128, "hd");
	NO(hv->ops->define(hv, xml.data, &err), UUID_A);
	NO(hv->ops->define(hv, "<domain", &err), "define");
	NO(hv->ops->start(hv, "b", NULL, &err), "no such domain");
	NO(hv->ops->shutdown(hv, "b", &err), "no such domain");
	NO(hv->ops->shutdown(hv, "a", &err), "not running");
	NO(hv->ops->reset(hv, "b", &err), "no such domain");
	NO(hv->ops->xml(hv, "b", &xml, &err), "no such domain");
	OK(hv->ops->start(hv, "a", NULL, &err));
	NO(hv->ops->start(hv, "a", NULL, &err), "already running");
}

static void check_end(struct vp_hv *hv)
{
	vp_cleanup(vp_buf_free) struct vp_buf xml = { 0 };

	OK(hv->ops->destroy(hv, "a", &err));
	OK(hv->ops->undefine(hv, "a", &err));
	domain(&xml, "a", UUID_A, 128, "hd");
	OK(hv->ops->define(hv, xml.data, &err));
	OK(hv->ops->destroy(hv, "a", &err));
	OK(hv->ops->start(hv, "a", NULL, &err));
	assert_string_equal(look(hv, "a").state, "running (booted)");
	OK(hv->ops->destroy(hv, "a", &err));
	assert_string_equal(look(hv, "a").state, "shut off (destroyed)");
	OK(hv->ops->start(hv, "a", NULL, &err));
	OK(hv->ops->shutdown(hv, "a", &err));
	assert_string_equal(look(hv, "a").state, "shut off (shutdown)");
	OK(hv->ops->start(hv, "a", NULL, &err));
	/* Without its definition it lives until it stops. */
	OK(hv->ops->undefine(hv, "a", &err));
	assert_false(look(hv, "a").persistent);
	assert_true(look(hv, "a").active);
	OK(hv->ops->undefine(hv, "a", &err));
	OK(hv->ops->destroy(hv, "a", &err));
	assert_string_equal(look(hv, "a").uuid, "");
}

/* The definition for the first life does not touch the persistent one, whether the start succeeds or not. */
static void check_first_life(struct vp_hv *hv)
{
	vp_cleanup(vp_buf_free) struct vp_buf disk = { 0 }, net = { 0 }, before = { 0 }, during = { 0 }, after = { 0 };

	domain(&disk, "a", UUID_A, 128, "hd");
	domain(&net, "a", UUID_A, 256, "network");
	NO(hv->ops->start(hv, "a", net.data, &err), "no such domain");
	OK(hv->ops->define(hv, disk.data, &err));
	OK(hv->ops->xml(hv, "a", &before, &err));
	OK(hv->ops->start(hv, "a", net.data, &err));
	assert_true(look(hv, "a").persistent);
	assert_int_equal(look(hv, "a").memory, 256 * VP_MIB);
	OK(hv->ops->xml(hv, "a", &during, &err));
	assert_string_equal(before.data, during.data);
	NO(hv->ops->start(hv, "a", net.data, &err), "already");
	OK(hv->ops->destroy(hv, "a", &err));
	assert_true(look(hv, "a").persistent);
	OK(hv->ops->xml(hv, "a", &after, &err));
	assert_string_equal(before.data, after.data);
	OK(hv->ops->start(hv, "a", NULL, &err));
	assert_int_equal(look(hv, "a").memory, 128 * VP_MIB);

	OK(hv->ops->destroy(hv, "a", &err));
	domain(&net, "a", UUID_B, 256, "network");
	NO(hv->ops->start(hv, "a", net.data, &err), UUID_A);
	during.len = 0;
	OK(hv->ops->xml(hv, "a", &during, &err));
	assert_string_equal(before.data, during.data);
}

/* A change of the persistent definition while the guest runs takes effect at its next start. */
static void check_redefine_running(struct vp_hv *hv)
{
	vp_cleanup(vp_buf_free) struct vp_buf xml = { 0 };

	domain(&xml, "a", UUID_A, 128, "hd");
	OK(hv->ops->define(hv, xml.data, &err));
	OK(hv->ops->start(hv, "a", NULL, &err));
	domain(&xml, "a", UUID_A, 256, "hd");
	OK(hv->ops->define(hv, xml.data, &err));
	assert_int_equal(look(hv, "a").memory, 128 * VP_MIB);
	OK(hv->ops->destroy(hv, "a", &err));
	OK(hv->ops->start(hv, "a", NULL, &err));
	assert_int_equal(look(hv, "a").memory, 256 * VP_MIB);
}

static void both(void (*check)(struct vp_hv *hv))
{
	static struct vp_hv *(*const openers[])(void) = { open_fake, open_test };

	for (size_t i = 0; i < vp_count(openers); i++) {
		struct vp_hv *hv = openers[i]();

		print_message("# %s\n", hv->uri);
		check(hv);
		hv->ops->close(hv);
	}
}

static void test_define(void **state)
{
	(void)state;
	both(check_define);
}

static void test_refusals(void **state)
{
	(void)state;
	both(check_refusals);
}

static void test_end(void **state)
{
	(void)state;
	both(check_end);
}

static void test_first_life(void **state)
{
	(void)state;
	both(check_first_life);
}

static void test_redefine_running(void **state)
{
	(void)state;
	both(check_redefine_running);
}

/* Every change can be made to fail, and then changes nothing. */
static void test_injected(void **state)
{
	struct vp_hv *hv = vp_hv_fake();
	vp_cleanup(vp_buf_free) struct vp_buf xml = { 0 };

	(void)state;
	domain(&xml, "a", UUID_A, 128, "hd");
	vp_hv_fake_fail(hv, 2);
	OK(hv->ops->define(hv, xml.data, &err));
	NO(hv->ops->start(hv, "a", NULL, &err), "injected");
	assert_false(look(hv, "a").active);
	OK(hv->ops->start(hv, "a", NULL, &err));
	vp_hv_fake_fail(hv, 1);
	NO(hv->ops->destroy(hv, "a", &err), "injected");
	assert_true(look(hv, "a").active);
	vp_hv_fake_poweroff(hv, "a");
	assert_string_equal(look(hv, "a").state, "shut off (shutdown)");
	vp_hv_fake_fail(hv, 1);
	NO(hv->ops->undefine(hv, "a", &err), "injected");
	assert_true(look(hv, "a").persistent);
	vp_hv_fake_fail(hv, 0);
	OK(hv->ops->undefine(hv, "a", &err));
	assert_string_equal(look(hv, "a").uuid, "");
	hv->ops->close(hv);
}

static void test_unreachable(void **state)
{
	static const char *const uris[] = { "qemu+unix:///system?socket=/nonexistent/sock", "nonsense:///", "test+tcp://127.0.0.1:1/default", "" };
	struct vp_hv_opts opts = { 0 };

	(void)state;
	for (size_t i = 0; *uris[i]; i++) {
		struct vp_err err = { 0 };

		opts.connect = uris[i];
		assert_null(vp_hv_open(&opts, &err));
		assert_int_equal(err.code, VP_E_NOHYPERVISOR);
		assert_non_null(strstr(err.msg, uris[i]));
	}
}

/* An explicit connection decides over the site's, and that over the environment. */
static void test_order(void **state)
{
	struct vp_hv_opts opts = { .connect = "test:///default", .site_connect = "nonsense:///", .state_dir = "/nonexistent" };
	struct vp_err err = { 0 };
	struct vp_hv *hv = open_test();

	(void)state;
	hv->ops->close(hv);
	setenv("LIBVIRT_DEFAULT_URI", "nonsense:///", 1);
	hv = vp_hv_open(&opts, &err);
	assert_non_null(hv);
	hv->ops->close(hv);
	opts.connect = NULL;
	assert_null(vp_hv_open(&opts, &err));
	opts.site_connect = "test:///default";
	hv = vp_hv_open(&opts, &err);
	assert_non_null(hv);
	hv->ops->close(hv);
	setenv("LIBVIRT_DEFAULT_URI", "test:///default", 1);
	opts.site_connect = NULL;
	hv = vp_hv_open(&opts, &err);
	assert_non_null(hv);
	assert_string_equal(hv->uri, "test:///default");
	hv->ops->close(hv);
	unsetenv("LIBVIRT_DEFAULT_URI");
}

static void put(const char *root, const char *name, const char *text)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	assert_int_equal(vp_write_file(path, text, strlen(text), 0600, NULL), 0);
}

static bool there(const char *root, const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	return vp_exists(path);
}

#define UNBORN "<!-- x -->\n<domstatus state='paused' reason='starting up' pid='0'>\n  <domain/>\n</domstatus>\n"

static void test_embed_files(void **state)
{
	const char *tmp = getenv("TMPDIR");
	char root[256], run[300], conf[300];
	vp_cleanup(vp_buf_free) struct vp_buf text = { 0 };
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1 };
	pid_t pid;
	int fd, status;

	(void)state;
	snprintf(root, sizeof(root), "%s/vp-embed-XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(root));
	snprintf(run, sizeof(run), "%s/run/qemu", root);
	snprintf(conf, sizeof(conf), "%s/etc/qemu.conf", root);
	assert_int_equal(vp_mkdirs(run, 0700, NULL), 0);
	put(run, "a.xml", UNBORN);
	put(run, "b.xml", "<domstatus state='running' reason='booted' pid='77'>\n <x pid='0'/></domstatus>");
	put(run, "driver.pid", "1\n");

	/* While the driver is at work elsewhere, its files are its own. */
	fd = open(strcat(strcpy(conf, run), "/driver.pid"), O_RDWR);
	pid = fork();
	if (!pid) {
		/* Locks are those of a process: this one sees its parent's. */
		struct vp_err err = { 0 };

		while (fcntl(fd, F_GETLK, &lock) || lock.l_type == F_UNLCK)
			lock.l_type = F_WRLCK;
		_exit(vp_embed_prepare(root, &err) && err.code == VP_E_LOCKED ? 0 : 1);
	}
	assert_int_equal(fcntl(fd, F_SETLK, &lock), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(fd);
	assert_true(there(run, "a.xml"));

	assert_int_equal(vp_embed_prepare(root, NULL), 0);
	assert_false(there(run, "a.xml"));
	assert_true(there(run, "b.xml"));

	/* Written once, and again after a new version; left alone once it is someone else's. */
	snprintf(conf, sizeof(conf), "%s/etc/qemu.conf", root);
	assert_int_equal(vp_read_file(conf, 4096, &text, NULL), 0);
	assert_non_null(strstr(text.data, "stdio_handler"));
	put(root, "etc/qemu.conf", "max_files = 7\n");
	assert_int_equal(vp_embed_prepare(root, NULL), 0);
	text.len = 0;
	assert_int_equal(vp_read_file(conf, 4096, &text, NULL), 0);
	assert_string_equal(text.data, "max_files = 7\n");
	assert_int_equal(vp_remove_tree(root, NULL), 0);
}

static void test_embed_uri(void **state)
{
	vp_cleanup(vp_buf_free) struct vp_buf uri = { 0 };
	char root[64];

	(void)state;
	vp_embed_uri("/a b/c%d&e", &uri);
	assert_string_equal(uri.data, "qemu:///embed?root=/a%20b/c%25d%26e/qemu");
	assert_true(vp_embed_root(uri.data, root, sizeof(root)));
	assert_string_equal(root, "/a b/c%d&e/qemu");
	assert_true(vp_embed_root("qemu:///embed?x=1&root=/r&y=2", root, sizeof(root)));
	assert_string_equal(root, "/r");
	assert_false(vp_embed_root("qemu:///system", root, sizeof(root)));
}

/* Looking at what was never used leaves no trace. */
static void test_never_used(void **state)
{
	const struct vp_hv_opts opts = { .connect = "qemu:///embed?root=/nonexistent/vp", .readonly = true };
	struct vp_hv *hv = vp_hv_open(&opts, NULL);

	(void)state;
	assert_non_null(hv);
	assert_string_equal(hv->uri, opts.connect);
	assert_string_equal(look(hv, "a").uuid, "");
	hv->ops->close(hv);
	assert_false(vp_exists("/nonexistent"));
}

static void test_cpuinfo(void **state)
{
	static const struct {
		const char *text;
		bool want;
	} cases[] = {
		{ "", false },
		{ "processor\t: 0\nflags\t\t: fpu vme vmx ssse3\n", true },
		{ "processor\t: 0\nflags\t\t: fpu svm\n", true },
		{ "flags\t\t: vmx", true },
		{ "flags\t\t: fpu vme ssse3\n\nprocessor\t: 1\nflags\t\t: fpu svm ssse3\n", true },
		{ "flags\t\t: fpu vme hypervisor\n", false },
		{ "flags\t\t: fpu svm_lock avmx vmx_tertiary\n", false },
		{ "model name\t: vmx svm\nflags\t\t: fpu\n", false },
		{ "flags\t\t: fpu\nvmx flags\t: vnmi\n", false },
		{ "flags\t\t: fpu\nbugs\t\t: vmx\n", false },
		{ "flags", false },
		{ "flags\t\t:\n", false },
	};

	(void)state;
	for (size_t i = 0; i < vp_count(cases); i++)
		if (vp_cpu_virtualises(cases[i].text) != cases[i].want)
			fail_msg("case %zu: %s", i, cases[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_define),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_first_life),
		cmocka_unit_test(test_redefine_running),
		cmocka_unit_test(test_injected),
		cmocka_unit_test(test_unreachable),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_embed_files),
		cmocka_unit_test(test_embed_uri),
		cmocka_unit_test(test_never_used),
		cmocka_unit_test(test_cpuinfo),
	};

	return cmocka_run_group_tests_name("virt", tests, NULL, NULL);
}
