// SPDX-License-Identifier: Apache-2.0
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <jansson.h>

#include "image.h"
#include "ramdisk.h"

/* Raise it when what is done with the inputs changes. */
#define FORMAT "vprov image 1"
/* Everything in the image is at most this old: 2023-11-14. */
#define EPOCH "1700000000"
#define BLOCK (1u << 20)
/* Free bytes that a build takes, with room. */
#define NEEDED (UINT64_C(2) << 30)

/* What a node and its installation need. */
static const char *const standard[] = { "initramfs-tools", "zstd",	"kmod",	 "udev",     "systemd-sysv",   "grub-pc-bin",
					"grub2-common",	   "e2fsprogs", "fdisk", "iproute2", "busybox-static", "openssh-server",
					"chrony",	   "bonnie++",	"iperf", "iperf3" };

/* Of installer_dir: what shapes the root image, and what shapes the ramdisk. */
static const char *const root_files[] = { "image-setup", "image-customize", "modules" };
static const char *const ramdisk_files[] = { "modules", "init", "look.sh", "make.sh", "udhcpc.script", "vprov-agent.service", "ssh-hostkeys.conf" };

struct build {
	struct vp_arena *a;
	const struct vp_image_opts *o;
	/* "deb URI SUITE COMPONENT" lines of this machine. */
	const char *sources;
	/* Digest of all that the root image is made from. */
	char key[65];
	/* DIR/work, and mmdebstrap's log in it. */
	const char *work, *log;
	struct vp_err *err;
};

static int tell(const struct build *b, const char *phase, int percent)
{
	if (b->o->progress && b->o->progress(b->o->arg, phase, percent))
		return vp_fail(b->err, VP_E_INTERRUPTED, "building the image was interrupted");
	return 0;
}

/* --- Keys --------------------------------------------------------------- */

static int add_files(struct build *b, const char *const *names, size_t n, struct vp_buf *text)
{
	char hex[65];

	for (size_t i = 0; i < n; i++) {
		if (vp_sha256_file(vp_printf(b->a, "%s/%s", b->o->installer_dir, names[i]), hex, b->err))
			return -1;
		vp_buf_addf(text, "%s %s\n", names[i], hex);
	}
	return 0;
}

/* Whether a line "deb URI SUITE COMPONENT" is of the suite, its updates or its security fixes. */
static bool of_suite(const char *line, const char *suite)
{
	size_t n = strlen(suite);
	const char *at = strchr(line, ' ');

	at = at ? strchr(at + 1, ' ') : NULL;
	return at && !strncmp(at + 1, suite, n) && (at[n + 1] == ' ' || at[n + 1] == '-');
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list_sources(struct build *b)
{
	const char *argv[] = {
		"apt-get", "indextargets", "--format", "deb $(REPO_URI) $(RELEASE) $(COMPONENT)", "Identifier: Packages", "Origin: Debian", NULL
	};
	vp_cleanup(vp_buf_free) struct vp_buf text = { 0 }, out = { 0 };
	char *lines[64], *save = NULL;
	size_t n = 0;

	if (vp_run(&(struct vp_child){ .argv = argv, .out = &text, .timeout_ms = 60000 }, b->err))
		return -1;
	for (char *line = text.len ? strtok_r(text.data, "\n", &save) : NULL; line && n < vp_count(lines); line = strtok_r(NULL, "\n", &save))
		if (of_suite(line, b->o->suite))
			lines[n++] = line;
	qsort(lines, n, sizeof(lines[0]), compare_lines);
	for (size_t i = 0; i < n; i++)
		if (!i || strcmp(lines[i], lines[i - 1]) != 0)
			vp_buf_addf(&out, "%s\n", lines[i]);
	b->sources = vp_strdup(b->a, vp_buf_str(&out));
	return 0;
}

/* A digest of the state of apt's files: listing the sources takes apt most of a second, and seldom changes. */
static void apt_state(char hex[65])
{
	vp_cleanup(vp_buf_free) struct vp_buf text = { 0 };
	glob_t g = { 0 };
	struct stat st;

	glob("/etc/apt/sources.list.d/*", 0, NULL, &g);
	glob("/etc/apt/sources.list", GLOB_APPEND, NULL, &g);
	glob("/var/lib/apt/lists", GLOB_APPEND, NULL, &g);
	for (size_t i = 0; i < g.gl_pathc; i++)
		if (!stat(g.gl_pathv[i], &st))
			vp_buf_addf(&text, "%s %lld %lld.%09ld\n", g.gl_pathv[i], (long long)st.st_size, (long long)st.st_mtim.tv_sec,
				    st.st_mtim.tv_nsec);
	globfree(&g);
	vp_sha256_hex(vp_buf_str(&text), text.len, hex);
}

/* The sources as noted when apt's files were as they are now. */
static bool recall_sources(struct build *b, const char *note, const char *state)
{
	vp_cleanup(vp_buf_free) struct vp_buf text = { 0 };

	if (vp_read_file(note, BLOCK, &text, NULL) || text.len < 66 || strncmp(text.data, state, 64) != 0)
		return false;
	b->sources = vp_strdup(b->a, text.data + 65);
	return true;
}

/* The machine's own sources; what they are is known once their lists have been fetched. */
static int read_sources(struct build *b)
{
	const char *note = vp_printf(b->a, "%s/sources.%s", b->o->dir, b->o->suite), *text;
	char state[65];

	apt_state(state);
	if (recall_sources(b, note, state))
		return 0;
	if (list_sources(b))
		return vp_context(b->err, "package sources");
	text = vp_printf(b->a, "%s\n%s", state, b->sources);
	if (*b->sources) {
		/* Only a shortcut for the next time: a cache that is not ours to write does without. */
		vp_write_file(note, text, strlen(text), 0644, NULL);
		return 0;
	}
	if (geteuid() == 0 &&
	    vp_run(&(struct vp_child){ .argv = (const char *[]){ "apt-get", "-qq", "update", NULL }, .timeout_ms = 300000 }, b->err))
		return vp_context(b->err, "package sources");
	if (list_sources(b))
		return vp_context(b->err, "package sources");
	return *b->sources ? 0 : vp_fail(b->err, VP_E_TOOL, "this machine has no package source of Debian %s (tried `apt-get update`)", b->o->suite);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* "a,b,c", the same in whatever order the site names them. A kernel among its packages takes the place of the standard one, which has few drivers. */
static const char *packages(struct build *b)
{
	size_t n = b->o->npackages, size = n * sizeof(*b->o->packages);
	const char **more = vp_alloc(b->a, size + 1), *kernel = "linux-image-cloud-amd64", *list;

	if (n)
		memcpy(more, b->o->packages, size);
	qsort(more, n, sizeof(*more), by_text);
	for (size_t i = 0; i < n; i++)
		if (!strncmp(more[i], "linux-image-", 12))
			kernel = more[i];
	list = kernel;
	for (size_t i = 0; i < vp_count(standard); i++)
		list = vp_printf(b->a, "%s,%s", list, standard[i]);
	for (size_t i = 0; i < n; i++)
		if (strcmp(kernel, more[i]) && (!i || strcmp(more[i], more[i - 1])))
			list = vp_printf(b->a, "%s,%s", list, more[i]);
	return list;
}

static int root_key(struct build *b)
{
	vp_cleanup(vp_buf_free) struct vp_buf text = { 0 };

	if (read_sources(b))
		return -1;
	vp_buf_addf(&text, FORMAT "\n%s\n%s\n%s", b->o->suite, packages(b), b->sources);
	if (add_files(b, root_files, vp_count(root_files), &text))
		return -1;
	vp_sha256_hex(text.data, text.len, b->key);
	return 0;
}

/* Where kernel and ramdisk of a root image are: by its digest and what else the ramdisk is made from. */
static int ramdisk_dir(struct build *b, struct vp_image *out)
{
	vp_cleanup(vp_buf_free) struct vp_buf text = { 0 };
	char hex[65];

	if (vp_sha256_file(vp_printf(b->a, "%s/vprov-guest", b->o->guest_dir), hex, b->err))
		return -1;
	vp_buf_addf(&text, FORMAT "\n%s\nvprov-guest %s\n", out->digest, hex);
	if (add_files(b, ramdisk_files, vp_count(ramdisk_files), &text))
		return -1;
	vp_sha256_hex(text.data, text.len, hex);
	out->dir = vp_printf(b->a, "%s/%.16s", b->o->dir, hex);
	out->vmlinuz = vp_printf(b->a, "%s/vmlinuz", out->dir);
	out->initrd = vp_printf(b->a, "%s/initrd", out->dir);
	return 0;
}

/* --- The cache ------------------------------------------------------------ */

static const char *root_json(const struct build *b)
{
	return vp_printf(b->a, "%s/%.16s.json", b->o->dir, b->key);
}

/* What is known of the root image of this key: 1 it is there, whole; 0 not. */
static int find_root(struct build *b, struct vp_image *out)
{
	json_t *j = json_load_file(root_json(b), 0, NULL);
	const char *digest = "";
	json_int_t packed = 0, unpacked = 0;
	struct stat st;

	if (j && !json_unpack(j, "{s:s, s:I, s:I}", "digest", &digest, "packed", &packed, "unpacked", &unpacked) && strlen(digest) == 64) {
		memcpy(out->digest, digest, 65);
		out->root = vp_printf(b->a, "%s/%s.tar.zst", b->o->dir, digest);
	}
	json_decref(j);
	if (!out->root || stat(out->root, &st) || st.st_size != packed)
		return 0;
	out->packed = (uint64_t)packed;
	out->unpacked = (uint64_t)unpacked;
	return 1;
}

static int find(struct build *b, struct vp_image *out)
{
	*out = (struct vp_image){ 0 };
	if (!find_root(b, out))
		return 0;
	if (ramdisk_dir(b, out))
		return -1;
	return vp_exists(out->vmlinuz) && vp_exists(out->initrd) ? 1 : 0;
}

int vp_image_find(struct vp_arena *a, const struct vp_image_opts *o, struct vp_image *out, struct vp_err *err)
{
	struct build b = { .a = a, .o = o, .err = err };

	if (root_key(&b))
		return vp_context(err, "root image");
	return find(&b, out);
}

/* One builder at a time; the lock goes with the process. */
static int lock(struct build *b)
{
	const char *path = vp_printf(b->a, "%s/lock", b->o->dir);
	int fd;

	if (vp_mkdirs(b->o->dir, 0755, b->err))
		return -1;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return vp_fail_errno(b->err, VP_E_IO, "%s", path);
	while (flock(fd, LOCK_EX | LOCK_NB)) {
		if (tell(b, "waiting for another build", -1)) {
			close(fd);
			return -1;
		}
		usleep(200000);
	}
	return fd;
}

/* --- Building --------------------------------------------------------------- */

/* mmdebstrap's own words, and how far it is when it says them. */
static const struct step {
	const char *text;
	int percent;
} steps[] = {
	{ "running apt-get update", 2 },
	{ "downloading packages with apt", 6 },
	{ "extracting archives", 14 },
	{ "installing essential packages", 20 },
	{ "installing remaining packages", 38 },
	{ "cleaning package lists", 85 },
	{ "creating tarball", 90 },
	{ "removing tempdir", 96 },
};

static int tick(void *arg)
{
	vp_cleanup(vp_buf_free) struct vp_buf text = { 0 };
	struct build *b = arg;
	int percent = 0;

	if (!vp_read_file(b->log, BLOCK, &text, NULL))
		for (size_t i = 0; i < vp_count(steps); i++)
			if (strstr(vp_buf_str(&text), steps[i].text))
				percent = steps[i].percent;
	return b->o->progress ? b->o->progress(b->o->arg, "packages", percent) : 0;
}

/* How this machine's apt reaches its sources (proxies, certificates, checks), for the apt that builds the image; nothing of it stays there. */
static int write_apt_conf(struct build *b, const char *path)
{
	static const char *const names[] = { "Acquire::http::", "Acquire::https::", "Acquire::Check-", "Acquire::Retries", "Acquire::ForceIPv" };
	vp_cleanup(vp_buf_free) struct vp_buf all = { 0 }, conf = { 0 };
	const char *proxy = getenv("http_proxy");
	char *save = NULL;

	if (vp_run(&(struct vp_child){ .argv = (const char *[]){ "apt-config", "dump", NULL }, .out = &all, .timeout_ms = 60000 }, b->err))
		return -1;
	if (proxy && *proxy && !strpbrk(proxy, "\"\n"))
		vp_buf_addf(&conf, "Acquire::http::Proxy \"%s\";\n", proxy);
	for (char *line = all.len ? strtok_r(all.data, "\n", &save) : NULL; line; line = strtok_r(NULL, "\n", &save))
		for (size_t i = 0; i < vp_count(names); i++)
			if (!strncmp(line, names[i], strlen(names[i])))
				vp_buf_addf(&conf, "%s\n", line);
	return vp_write_file(path, vp_buf_str(&conf), conf.len, 0600, b->err);
}

/*
 * mmdebstrap in mount and pid namespaces of its own that end with it: whenever this process goes, so does everything it mounted and
 * started. Where / is no mount point (a plain chroot) its propagation cannot be changed; there it is private already.
 */
static int run_mmdebstrap(struct build *b, const char *tar)
{
	const char *conf = vp_printf(b->a, "%s/apt.conf", b->work);
	struct statx stx = { 0 };
	/* The initrd is made once, by the customize hook, not by the kernel's package. */
	const char *argv[] = { "env",
			       "INITRD=No",
			       "SOURCE_DATE_EPOCH=" EPOCH,
			       vp_printf(b->a, "TMPDIR=%s", b->work),
			       "unshare",
			       "--mount",
			       "--pid",
			       "--fork",
			       "--kill-child",
			       "--mount-proc",
			       "--propagation",
			       "private",
			       "mmdebstrap",
			       "--mode=root",
			       "--variant=minbase",
			       vp_printf(b->a, "--logfile=%s", b->log),
			       vp_printf(b->a, "--include=%s", packages(b)),
			       vp_printf(b->a, "--aptopt=%s", conf),
			       vp_printf(b->a, "--setup-hook=%s/image-setup", b->o->installer_dir),
			       vp_printf(b->a, "--customize-hook=%s/image-customize", b->o->installer_dir),
			       b->o->suite,
			       tar,
			       "-",
			       NULL };

	if (!statx(AT_FDCWD, "/", 0, STATX_BASIC_STATS, &stx) && !(stx.stx_attributes & STATX_ATTR_MOUNT_ROOT))
		argv[11] = "unchanged";
	if (write_apt_conf(b, conf))
		return -1;
	if (!vp_run(&(struct vp_child){ .argv = argv, .input = b->sources, .tick = tick, .tick_arg = b }, b->err))
		return 0;
	return vp_context(b->err, "mmdebstrap said:\n%s\n", vp_tail(b->a, b->log, 8));
}

static void close_writer(struct archive **ar)
{
	archive_write_free(*ar);
}

/* Compresses the tar file; its size goes to *unpacked. */
static int compress(struct build *b, const char *tar, const char *to, uint64_t *unpacked)
{
	vp_cleanup(close_writer) struct archive *ar = archive_write_new();
	vp_cleanup(vp_closep) int fd = open(tar, O_RDONLY | O_CLOEXEC);
	vp_cleanup(vp_freep) char *block = vp_xcalloc(1, BLOCK);
	struct archive_entry *e = archive_entry_new();
	struct stat st = { 0 };
	ssize_t n = 0;
	int rc;

	archive_write_set_format_raw(ar);
	archive_write_add_filter_zstd(ar);
	archive_entry_set_filetype(e, AE_IFREG);
	rc = archive_write_open_filename(ar, to);
	rc = rc ? rc : archive_write_header(ar, e);
	archive_entry_free(e);
	if (!rc && (fd < 0 || fstat(fd, &st)))
		return vp_fail_errno(b->err, VP_E_IO, "%s", tar);
	while (!rc && (n = read(fd, block, BLOCK)) > 0) {
		rc = archive_write_data(ar, block, (size_t)n) == n ? 0 : ARCHIVE_FATAL;
		*unpacked += (uint64_t)n;
		if (!rc && tell(b, "archive", (int)(*unpacked * 100 / (uint64_t)st.st_size)))
			return -1;
	}
	if (n < 0)
		return vp_fail_errno(b->err, VP_E_IO, "%s", tar);
	rc = rc ? rc : archive_write_close(ar);
	return rc ? vp_fail(b->err, archive_errno(ar) == ENOSPC ? VP_E_NOSPACE : VP_E_IO, "%s: %s", to, archive_error_string(ar)) : 0;
}

static int check_space(struct build *b)
{
	struct statvfs fs;

	if (statvfs(b->o->dir, &fs))
		return vp_fail_errno(b->err, VP_E_IO, "%s", b->o->dir);
	if ((uint64_t)fs.f_bavail * fs.f_frsize >= NEEDED)
		return 0;
	return vp_fail(b->err, VP_E_NOSPACE, "%s has %s free; building the root image takes %s", b->o->dir,
		       vp_size_text(b->a, (uint64_t)fs.f_bavail * fs.f_frsize), vp_size_text(b->a, NEEDED));
}

/* The root image, published under its digest; then the key's record, which makes it count. */
static int build_root(struct build *b)
{
	const char *tar = vp_printf(b->a, "%s/root.tar", b->work), *zst = vp_printf(b->a, "%s/root.tar.zst", b->work), *text;
	uint64_t unpacked = 0;
	struct stat st;
	char hex[65];

	if (geteuid())
		return vp_fail(b->err, VP_E_PRIVILEGE, "building it with mmdebstrap takes root");
	if (check_space(b) || run_mmdebstrap(b, tar) || compress(b, tar, zst, &unpacked) || vp_sha256_file(zst, hex, b->err))
		return -1;
	if (stat(zst, &st) || rename(zst, vp_printf(b->a, "%s/%s.tar.zst", b->o->dir, hex)))
		return vp_fail_errno(b->err, VP_E_IO, "%s", zst);
	text = vp_printf(b->a, "{\"digest\": \"%s\", \"packed\": %llu, \"unpacked\": %llu}\n", hex, (unsigned long long)st.st_size,
			 (unsigned long long)unpacked);
	return vp_write_file(root_json(b), text, strlen(text), 0644, b->err);
}

static int build_ramdisk(struct build *b, struct vp_image *out)
{
	const char *dir = vp_printf(b->a, "%s/ramdisk", b->work), *text;

	if (tell(b, "ramdisk", -1) || ramdisk_dir(b, out) || vp_mkdirs(dir, 0755, b->err) ||
	    vp_ramdisk_build(out->root, b->o->guest_dir, b->o->installer_dir, dir, b->err))
		return -1;
	text = vp_printf(b->a, "{\"root\": \"%s.tar.zst\", \"packed\": %llu, \"unpacked\": %llu}\n", out->digest, (unsigned long long)out->packed,
			 (unsigned long long)out->unpacked);
	if (vp_write_file(vp_printf(b->a, "%s/image.json", dir), text, strlen(text), 0644, b->err) || vp_remove_tree(out->dir, b->err))
		return -1;
	return rename(dir, out->dir) ? vp_fail_errno(b->err, VP_E_IO, "%s", out->dir) : 0;
}

static int build(struct build *b, struct vp_image *out)
{
	int rc = find(b, out);

	if (rc)
		return rc < 0 ? -1 : 0;
	b->work = vp_printf(b->a, "%s/work", b->o->dir);
	b->log = vp_printf(b->a, "%s/mmdebstrap.log", b->o->dir);
	/* What a killed builder left. */
	if (vp_remove_tree(b->work, b->err) || vp_mkdirs(b->work, 0755, b->err))
		return -1;
	rc = !out->packed ? build_root(b) : 0;
	if (!rc && !find_root(b, out))
		rc = vp_fail(b->err, VP_E_BUG, "the image that was just built is not in the cache");
	rc = rc ? rc : build_ramdisk(b, out);
	out->built = true;
	return vp_remove_tree(b->work, rc ? NULL : b->err) || rc ? -1 : 0;
}

int vp_image_build(struct vp_arena *a, const struct vp_image_opts *o, struct vp_image *out, struct vp_err *err)
{
	struct build b = { .a = a, .o = o, .err = err };
	vp_cleanup(vp_closep) int fd = -1;

	if (root_key(&b))
		return vp_context(err, "root image");
	fd = lock(&b);
	return fd < 0 || build(&b, out) ? vp_context(err, "root image") : 0;
}
