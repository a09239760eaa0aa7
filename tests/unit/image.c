// SPDX-License-Identifier: Apache-2.0
/* The root image's cache and the ramdisk, with a package source and a mmdebstrap of our own; namespaces are the real ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <archive.h>
#include <archive_entry.h>
#include <elf.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../provision/disk/image.h"
#include "../../provision/disk/ramdisk.h"
#include "../../templates/mustache.h"

static const char *const parts[] = { "init",	    "look.sh",	      "make.sh", "udhcpc.script", "vprov-agent.service", "ssh-hostkeys.conf",
				     "image-setup", "image-customize" };

struct world {
	struct vp_arena *a;
	const char *dir;
	struct vp_image_opts o;
	struct vp_err err;
};

static const char *at(struct world *w, const char *name)
{
	return vp_printf(w->a, "%s/%s", w->dir, name);
}

static void write_text(struct world *w, const char *name, const char *text, mode_t mode)
{
	assert_int_equal(vp_write_file(at(w, name), text, strlen(text), mode, &w->err), 0);
}

static void add_member(struct archive *ar, const char *path, const void *data, size_t len, const char *link)
{
	struct archive_entry *e = archive_entry_new();

	archive_entry_set_pathname(e, path);
	archive_entry_set_filetype(e, link ? AE_IFLNK : AE_IFREG);
	archive_entry_set_perm(e, 0755);
	archive_entry_set_size(e, (int64_t)len);
	if (link)
		archive_entry_set_symlink(e, link);
	assert_int_equal(archive_write_header(ar, e), ARCHIVE_OK);
	if (len)
		assert_int_equal(archive_write_data(ar, data, len), (int)len);
	archive_entry_free(e);
}

/* An ELF file that needs one library, or none. */
struct elf {
	Elf64_Ehdr h;
	Elf64_Shdr s[2];
	Elf64_Dyn d[2];
	char strings[16];
};

static struct elf make_elf(const char *needs)
{
	struct elf e = { 0 };

	memcpy(e.h.e_ident, ELFMAG, SELFMAG);
	e.h.e_ident[EI_CLASS] = ELFCLASS64;
	e.h.e_ident[EI_DATA] = ELFDATA2LSB;
	e.h.e_shentsize = sizeof(Elf64_Shdr);
	e.h.e_shoff = offsetof(struct elf, s);
	e.h.e_shnum = needs ? 2 : 0;
	e.s[0] = (Elf64_Shdr){ .sh_type = SHT_DYNAMIC, .sh_link = 1, .sh_offset = offsetof(struct elf, d), .sh_size = sizeof(e.d) };
	e.s[1] = (Elf64_Shdr){ .sh_type = SHT_STRTAB, .sh_offset = offsetof(struct elf, strings), .sh_size = sizeof(e.strings) };
	e.d[0] = (Elf64_Dyn){ .d_tag = DT_NEEDED, .d_un.d_val = 1 };
	snprintf(e.strings + 1, sizeof(e.strings) - 1, "%s", needs ? needs : "");
	return e;
}

#define LIBS	"./usr/lib/x86_64-linux-gnu/"
#define MODULES "./usr/lib/modules/6.1/"

/* A root image in small: two programs need a library that needs another; a driver needs two more. */
static void make_tar(struct world *w, const char *name, const char *skip)
{
	static const char dep[] = "kernel/x/failover.ko:\nkernel/x/virtio_net.ko: kernel/x/net_failover.ko kernel/x/failover.ko\n"
				  "kernel/x/net_failover.ko: kernel/x/failover.ko\nkernel/x/unwanted.ko:\n";
	const struct elf plain = make_elf(NULL), first = make_elf("liba.so.1"), second = make_elf("libb.so.1");
	const struct {
		const char *path;
		const void *data;
		size_t len;
		const char *link;
	} members[] = {
		{ "./boot/vmlinuz-6.1", "kernel", 6, NULL },
		{ "./usr/bin/busybox", &plain, sizeof(plain), NULL },
		{ "./usr/bin/tar", &first, sizeof(first), NULL },
		{ "./usr/bin/zstd", &first, sizeof(first), NULL },
		{ "./usr/sbin/sfdisk", &plain, sizeof(plain), NULL },
		{ "./usr/sbin/mke2fs", &plain, sizeof(plain), NULL },
		{ "./usr/sbin/blkid", &plain, sizeof(plain), NULL },
		{ "./usr/sbin/mkswap", &plain, sizeof(plain), NULL },
		{ LIBS "liba.so.1", NULL, 0, "liba.so.1.2" },
		{ LIBS "liba.so.1.2", &second, sizeof(second), NULL },
		{ LIBS "libb.so.1", &plain, sizeof(plain), NULL },
		{ LIBS "libc-unused.so.1", &plain, sizeof(plain), NULL },
		{ LIBS "ld-linux-x86-64.so.2", &plain, sizeof(plain), NULL },
		{ MODULES "modules.dep", dep, sizeof(dep) - 1, NULL },
		{ MODULES "kernel/x/failover.ko", "one", 3, NULL },
		{ MODULES "kernel/x/net_failover.ko", "two", 3, NULL },
		{ MODULES "kernel/x/virtio_net.ko", "three", 5, NULL },
		{ MODULES "kernel/x/unwanted.ko", "four", 4, NULL },
	};
	struct archive *ar = archive_write_new();

	archive_write_set_format_gnutar(ar);
	assert_int_equal(archive_write_open_filename(ar, at(w, name)), ARCHIVE_OK);
	for (size_t i = 0; i < vp_count(members); i++)
		if (!skip || !strstr(members[i].path, skip))
			add_member(ar, members[i].path, members[i].data, members[i].len, members[i].link);
	assert_int_equal(archive_write_close(ar), ARCHIVE_OK);
	archive_write_free(ar);
}

static int setup(void **state)
{
	struct vp_arena *a = vp_arena_new();
	struct world *w = vp_alloc(a, sizeof(*w));
	char dir[] = "/tmp/vprov-image-XXXXXX";

	w->a = a;
	w->dir = vp_strdup(a, mkdtemp(dir));
	assert_int_equal(vp_mkdirs(at(w, "installer"), 0755, &w->err) | vp_mkdirs(at(w, "bin"), 0755, &w->err), 0);
	for (size_t i = 0; i < vp_count(parts); i++)
		write_text(w, vp_printf(a, "installer/%s", parts[i]), parts[i], 0755);
	write_text(w, "installer/modules", "# drivers\nvirtio-net\nnot_in_this_kernel\n", 0644);
	write_text(w, "bin/vprov-guest", "guest", 0755);
	make_tar(w, "root.tar", NULL);
	w->o = (struct vp_image_opts){ .dir = at(w, "cache"), .suite = "bookworm", .guest_dir = at(w, "bin"), .installer_dir = at(w, "installer") };
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	vp_remove_tree(w->dir, NULL);
	vp_arena_free(w->a);
	return 0;
}

/* Programs of ours in front of the machine's: apt-get lists sources out of order and twice; mmdebstrap notes that it ran. */
static void fake_tools(struct world *w)
{
	write_text(w, "bin/apt-get",
		   "#!/bin/sh\necho deb http://b/ bookworm-updates main\necho deb http://a/ bookworm main\necho deb http://a/ bookworm main\n"
		   "echo deb http://c/ trixie main\necho deb http://d/ bookworms main\n",
		   0755);
	write_text(w, "bin/apt-config", "#!/bin/sh\necho 'Acquire::http::Proxy \"http://proxy/\";'\necho 'APT::Other \"x\";'\n", 0755);
	write_text(w, "bin/mmdebstrap",
		   vp_printf(w->a,
			     "#!/bin/sh\ncat >%s/sources\necho run >>%s/runs\n"
			     "for a; do case $a in --aptopt=*) cp ${a#*=} %s/apt.conf;; esac; done\n"
			     "while [ -e %s/hang ]; do date +%%N >>%s/beat; sleep 0.05; done\n"
			     "[ ! -e %s/broken ] || { echo 'E: no such package' >%s/cache/mmdebstrap.log; exit 1; }\n"
			     "while [ $# -gt 2 ]; do shift; done\ncp %s/root.tar $1\n",
			     w->dir, w->dir, w->dir, w->dir, w->dir, w->dir, w->dir, w->dir),
		   0755);
	setenv("PATH", vp_printf(w->a, "%s:/usr/sbin:/usr/bin:/sbin:/bin", at(w, "bin")), 1);
	if (geteuid()) {
		print_message("needs root\n");
		skip();
	}
}

static const char *contents(struct world *w, const char *name)
{
	struct vp_buf b = { 0 };
	const char *text;

	if (vp_read_file(at(w, name), 1u << 20, &b, NULL))
		return "";
	text = vp_strdup(w->a, vp_buf_str(&b));
	vp_buf_free(&b);
	return text;
}

/* What the archive holds: "PATH LENGTH" per regular file, "PATH" for the rest. */
static const char *listing(struct world *w, const char *path, const char *want, const char **data)
{
	struct archive *ar = archive_read_new();
	struct vp_buf b = { 0 };
	struct archive_entry *e;
	const char *text;

	archive_read_support_filter_all(ar);
	archive_read_support_format_all(ar);
	assert_int_equal(archive_read_open_filename(ar, path, 65536), ARCHIVE_OK);
	while (archive_read_next_header(ar, &e) == ARCHIVE_OK) {
		const char *name = archive_entry_pathname(e);

		vp_buf_addf(&b, "%s\n", name);
		if (want && !strcmp(name, want)) {
			char *d = vp_alloc(w->a, 4096);

			archive_read_data(ar, d, 4095);
			*data = d;
		}
	}
	archive_read_free(ar);
	text = vp_strdup(w->a, vp_buf_str(&b));
	vp_buf_free(&b);
	return text;
}

/* Values that would do harm if a shell saw more in them than text. */
static const char *const hostile[] = { "plain",	 "",	  "two words", "it's",	  "$(touch pwned)", "`touch pwned`", "\"; touch pwned; \"",
				       "a\nb=c", "\\'\n", "*",	       "$HOME ~", "'; exit 3; '",   "\xc3\xa9\t#x" };

/* The configuration as the installer reads it: every setting and every argument comes back as it was. */
static void test_configuration(void **state)
{
	static const char script[] = "cd $1; disk() { :; }; partition() { :; }; nic() { :; }; nameserver() { :; }\n"
				     "filesystem() { printf '%s|' $# \"$@\"; }\nssh_key() { printf '%s|' $# \"$1\"; }\n"
				     ". ./conf\nprintf '%s|' \"$NODE\" \"$KERNEL_ARGS\"\n";
	const char *top = getenv("VP_TOP");
	struct world *w = *state;
	struct vp_buf text = { 0 };

	assert_int_equal(vp_read_file(vp_printf(w->a, "%s/templates/install.conf.mustache", top ? top : "."), VP_MAX_TEMPLATE, &text, &w->err), 0);
	for (size_t i = 0; i < vp_count(hostile); i++) {
		const char *v = hostile[i];
		json_t *data = json_pack("{s:s, s:s, s:[{s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:b}], s:[s]}", "name", v, "kernel_args", v,
					 "filesystems", "device", "vda1", "mountpoint", v, "type", "ext4", "options", v, "label", v, "format", 1,
					 "preserve", 0, "made", 1, "ssh_keys", v);
		struct vp_buf conf = { 0 }, out = { 0 };

		assert_int_equal(vp_mustache("install.conf", vp_buf_str(&text), data, vp_escape_shell, NULL, &conf, &w->err), 0);
		write_text(w, "conf", vp_buf_str(&conf), 0644);
		if (vp_run(&(struct vp_child){ .argv = (const char *[]){ "sh", "-c", script, "sh", w->dir, NULL }, .out = &out }, &w->err))
			fail_msg("%s", w->err.msg);
		assert_string_equal(vp_buf_str(&out), vp_printf(w->a, "6|vda1|%s|ext4|%s|%s|format|1|%s|%s|%s|", v, v, v, v, v, v));
		assert_false(vp_exists(at(w, "pwned")));
		json_decref(data);
		vp_buf_free(&conf);
		vp_buf_free(&out);
	}
	vp_buf_free(&text);
}

static void test_ramdisk(void **state)
{
	struct world *w = *state;
	const char *order = "", *list;
	char one[65], two[65];

	assert_int_equal(vp_ramdisk_build(at(w, "root.tar"), w->o.guest_dir, w->o.installer_dir, w->dir, &w->err), 0);
	list = listing(w, at(w, "initrd"), "modules.list", &order);
	assert_string_equal(order, "/modules/failover.ko\n/modules/net_failover.ko\n/modules/virtio_net.ko\n");
	assert_string_equal(contents(w, "vmlinuz"), "kernel");
	for (const char *const *p = (const char *const[]){ "init\n", "usr/bin/vprov-guest\n", "usr/lib/x86_64-linux-gnu/liba.so.1\n",
							   "usr/lib/x86_64-linux-gnu/libb.so.1\n", "modules/virtio_net.ko\n", NULL };
	     *p; p++)
		assert_non_null(strstr(list, *p));
	assert_null(strstr(list, "unused"));
	assert_null(strstr(list, "unwanted"));
	assert_int_equal(vp_sha256_file(at(w, "initrd"), one, &w->err), 0);
	assert_int_equal(vp_ramdisk_build(at(w, "root.tar"), w->o.guest_dir, w->o.installer_dir, w->dir, &w->err), 0);
	assert_int_equal(vp_sha256_file(at(w, "initrd"), two, &w->err), 0);
	assert_string_equal(one, two);
}

static void test_ramdisk_incomplete(void **state)
{
	static const char *const needed[] = { "libb.so.1", "vmlinuz", "sfdisk", "net_failover", "modules.dep", "ld-linux" };
	struct world *w = *state;

	for (size_t i = 0; i < vp_count(needed); i++) {
		make_tar(w, "less.tar", needed[i]);
		assert_int_equal(vp_ramdisk_build(at(w, "less.tar"), w->o.guest_dir, w->o.installer_dir, w->dir, &w->err), -1);
		if (strcmp(needed[i], "vmlinuz") != 0 && strcmp(needed[i], "modules.dep") != 0)
			assert_non_null(strstr(w->err.msg, needed[i]));
	}
	assert_int_equal(truncate(at(w, "root.tar"), 4000), 0);
	assert_int_equal(vp_ramdisk_build(at(w, "root.tar"), w->o.guest_dir, w->o.installer_dir, w->dir, &w->err), -1);
}

static void count_name(void *arg, const char *name)
{
	(void)name;
	++*(unsigned *)arg;
}

/* Every truncation and every changed byte is survived (the sanitizers watch). */
static void test_elf_damaged(void **state)
{
	struct elf e = make_elf("liba.so.1");
	unsigned n = 0;

	(void)state;
	assert_int_equal(vp_elf_needed(&e, sizeof(e), count_name, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(vp_elf_needed("#!/bin/sh\n", 10, count_name, &n), -1);
	for (size_t len = 0; len < sizeof(e); len++) {
		void *copy = malloc(len ? len : 1);

		memcpy(copy, &e, len);
		vp_elf_needed(copy, len, count_name, &n);
		free(copy);
	}
	for (size_t i = 0; i < sizeof(e); i++) {
		struct elf bad = e;

		((unsigned char *)&bad)[i] ^= 0xff;
		vp_elf_needed(&bad, sizeof(bad), count_name, &n);
	}
}

static void build(struct world *w, struct vp_image *out)
{
	if (vp_image_build(w->a, &w->o, out, &w->err))
		fail_msg("%s", w->err.msg);
}

static void test_cache(void **state)
{
	struct world *w = *state;
	struct vp_image one, two;

	fake_tools(w);
	assert_int_equal(vp_image_find(w->a, &w->o, &one, &w->err), 0);
	build(w, &one);
	assert_true(one.built);
	assert_string_equal(contents(w, "sources"), "deb http://a/ bookworm main\ndeb http://b/ bookworm-updates main\n");
	assert_string_equal(contents(w, "apt.conf"), "Acquire::http::Proxy \"http://proxy/\";\n");
	build(w, &two);
	assert_false(two.built);
	assert_string_equal(one.dir, two.dir);
	assert_string_equal(one.digest, two.digest);
	assert_int_equal(vp_image_find(w->a, &w->o, &two, &w->err), 1);
	assert_string_equal(contents(w, "runs"), "run\n");
	assert_non_null(strstr(listing(w, one.root, NULL, NULL), "./usr/bin/tar\n"));
	assert_false(vp_exists(at(w, "cache/work")));
}

static void test_key(void **state)
{
	struct world *w = *state;
	const char *more[] = { "fio" };
	struct vp_image one, two;

	fake_tools(w);
	build(w, &one);
	/* The installer alone: the root image stays. */
	write_text(w, "installer/init", "changed", 0755);
	assert_int_equal(vp_image_find(w->a, &w->o, &two, &w->err), 0);
	build(w, &two);
	assert_string_not_equal(one.dir, two.dir);
	assert_string_equal(one.digest, two.digest);
	assert_string_equal(contents(w, "runs"), "run\n");
	/* What the root image is made from. */
	w->o.packages = more;
	w->o.npackages = 1;
	build(w, &two);
	assert_string_equal(contents(w, "runs"), "run\nrun\n");
	write_text(w, "installer/modules", "virtio_net\n", 0644);
	build(w, &two);
	assert_string_equal(contents(w, "runs"), "run\nrun\nrun\n");
	/* A damaged cache is noticed. */
	assert_int_equal(truncate(two.root, 10), 0);
	build(w, &two);
	assert_string_equal(contents(w, "runs"), "run\nrun\nrun\nrun\n");
}

static void test_failure(void **state)
{
	struct world *w = *state;
	struct vp_image one;

	fake_tools(w);
	write_text(w, "broken", "", 0644);
	assert_int_equal(vp_image_build(w->a, &w->o, &one, &w->err), -1);
	assert_int_equal(w->err.code, VP_E_TOOL);
	assert_non_null(strstr(w->err.msg, "E: no such package"));
	assert_false(vp_exists(at(w, "cache/work")));
	assert_int_equal(vp_image_find(w->a, &w->o, &one, &w->err), 0);
	/* Noted while apt's files stay as they are; without the note apt is asked again. */
	write_text(w, "bin/apt-get", "#!/bin/sh\n", 0755);
	assert_int_equal(vp_image_find(w->a, &w->o, &one, &w->err), 0);
	assert_int_equal(unlink(at(w, "cache/sources.bookworm")), 0);
	assert_int_equal(vp_image_build(w->a, &w->o, &one, &w->err), -1);
	assert_non_null(strstr(w->err.msg, "no package source of Debian bookworm"));
}

static off_t size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? 0 : st.st_size;
}

/* kill -9 of the builder ends what it started, and the next build does not trip over what it left. */
static void test_killed(void **state)
{
	struct world *w = *state;
	struct vp_image one;
	off_t before;
	pid_t pid;

	fake_tools(w);
	write_text(w, "hang", "", 0644);
	pid = fork();
	if (!pid)
		_exit(vp_image_build(w->a, &w->o, &one, &w->err) ? 1 : 0);
	for (int i = 0; i < 500 && !size_of(at(w, "beat")); i++)
		usleep(20000);
	assert_true(size_of(at(w, "beat")) > 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	usleep(300000);
	before = size_of(at(w, "beat"));
	usleep(500000);
	assert_int_equal(size_of(at(w, "beat")), before);
	assert_int_equal(vp_image_find(w->a, &w->o, &one, &w->err), 0);
	assert_int_equal(unlink(at(w, "hang")), 0);
	build(w, &one);
	assert_true(one.built);
}

/* Once mmdebstrap is at work. */
static int stop(void *arg, const char *phase, int percent)
{
	struct world *w = arg;

	(void)percent;
	return !strcmp(phase, "packages") && size_of(at(w, "beat"));
}

static void test_interrupted(void **state)
{
	struct world *w = *state;
	struct vp_image one;

	fake_tools(w);
	write_text(w, "hang", "", 0644);
	w->o.progress = stop;
	w->o.arg = w;
	assert_int_equal(vp_image_build(w->a, &w->o, &one, &w->err), -1);
	assert_false(vp_exists(at(w, "cache/work")));
	w->o.progress = NULL;
	assert_int_equal(unlink(at(w, "hang")), 0);
	build(w, &one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_configuration, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ramdisk, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ramdisk_incomplete, setup, teardown),
		cmocka_unit_test(test_elf_damaged),
		cmocka_unit_test_setup_teardown(test_cache, setup, teardown),
		cmocka_unit_test_setup_teardown(test_key, setup, teardown),
		cmocka_unit_test_setup_teardown(test_failure, setup, teardown),
		cmocka_unit_test_setup_teardown(test_killed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_interrupted, setup, teardown),
	};

	return cmocka_run_group_tests_name("image", tests, NULL, NULL);
}
