// SPDX-License-Identifier: Apache-2.0
#include <archive.h>
#include <archive_entry.h>
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ramdisk.h"

#define LIBS   "usr/lib/x86_64-linux-gnu/"
#define LOADER "ld-linux-x86-64.so.2"
#define BLOCK  (1u << 20)
/* No kernel, program, library or module is larger. */
#define MAX_FILE (256u << 20)

/* Programs of the ramdisk. */
static const char *const programs[] = { "usr/bin/busybox", "usr/bin/tar",     "usr/bin/zstd",  "usr/sbin/sfdisk",
					"usr/sbin/mke2fs", "usr/sbin/mkswap", "usr/sbin/blkid" };
/* Only where the image has them, with drivers that they need. */
static const struct extra {
	const char *program, *modules;
} extras[] = {
	{ "usr/sbin/mkfs.xfs", "" },
	{ "usr/sbin/mdadm", "raid0 raid1 raid10 raid456" },
	{ "usr/sbin/lvm", "dm_mod" },
};

/* vprov's own parts of the ramdisk, beside the guest program. */
static const struct part {
	const char *name;
	mode_t mode;
} parts[] = { { "init", 0755 },
	      { "look.sh", 0644 },
	      { "make.sh", 0644 },
	      { "udhcpc.script", 0755 },
	      { "vprov-agent.service", 0644 },
	      { "ssh-hostkeys.conf", 0644 } };

struct item {
	const char *path;
	/* Target of a symbolic link, or NULL. */
	const char *link;
	const char *data;
	size_t len;
	mode_t mode;
};

struct items {
	struct item *v;
	size_t n, cap;
};

struct ramdisk {
	struct vp_arena *a;
	/* What was read from the image; what goes into the ramdisk. */
	struct items image, out;
	/* Paths below kernel/ of the drivers, each after those it needs. */
	struct items modules;
	struct vp_err *err;
	int failed;
};

static struct item *find(const struct items *items, const char *path)
{
	for (size_t i = 0; i < items->n; i++)
		if (!strcmp(items->v[i].path, path))
			return &items->v[i];
	return NULL;
}

static struct item *add(struct items *items, struct item item)
{
	items->v = vp_grow(items->v, items->n, &items->cap, sizeof(*items->v));
	items->v[items->n] = item;
	return &items->v[items->n++];
}

static void close_reader(struct archive **ar)
{
	archive_read_free(*ar);
}

static void close_writer(struct archive **ar)
{
	archive_write_free(*ar);
}

static int archive_fail(struct vp_err *err, struct archive *ar, const char *what)
{
	return vp_fail(err, archive_errno(ar) == ENOSPC ? VP_E_NOSPACE : VP_E_IO, "%s: %s", what, archive_error_string(ar));
}

static int load(struct ramdisk *r, struct archive *ar, struct archive_entry *e, const char *path)
{
	int64_t size = archive_entry_size(e);
	const char *link = archive_entry_symlink(e);
	char *data;

	if (size < 0 || size > MAX_FILE)
		return vp_fail(r->err, VP_E_LIMIT, "%s: %lld bytes", path, (long long)size);
	data = vp_alloc(r->a, (size_t)size + 1);
	for (size_t got = 0; got < (size_t)size;) {
		la_ssize_t n = archive_read_data(ar, data + got, (size_t)size - got);

		if (n <= 0)
			return archive_fail(r->err, ar, path);
		got += (size_t)n;
	}
	add(&r->image, (struct item){ vp_strdup(r->a, path), link ? vp_strdup(r->a, link) : NULL, data, (size_t)size, archive_entry_mode(e) });
	return 0;
}

/* Takes every member that `wanted` names from the image. */
static int scan(struct ramdisk *r, const char *root, bool (*wanted)(const struct ramdisk *r, const char *path))
{
	vp_cleanup(close_reader) struct archive *ar = archive_read_new();
	struct archive_entry *e;
	int rc;

	archive_read_support_filter_all(ar);
	archive_read_support_format_tar(ar);
	if (archive_read_open_filename(ar, root, BLOCK))
		return archive_fail(r->err, ar, root);
	while ((rc = archive_read_next_header(ar, &e)) == ARCHIVE_OK || rc == ARCHIVE_WARN) {
		const char *path = archive_entry_pathname(e);

		if (!path || (archive_entry_filetype(e) != AE_IFREG && archive_entry_filetype(e) != AE_IFLNK))
			continue;
		path += strncmp(path, "./", 2) ? 0 : 2;
		if (wanted(r, path) && load(r, ar, e, path))
			return -1;
	}
	return rc == ARCHIVE_EOF ? 0 : archive_fail(r->err, ar, root);
}

static bool is_program(const char *path)
{
	for (size_t i = 0; i < vp_count(programs); i++)
		if (!strcmp(programs[i], path))
			return true;
	for (size_t i = 0; i < vp_count(extras); i++)
		if (!strcmp(extras[i].program, path))
			return true;
	return false;
}

/* "usr/lib/modules/VERSION/kernel/..." -> "kernel/..."; NULL for other paths. */
static const char *below_modules(const char *path)
{
	const char *slash;

	if (strncmp(path, "usr/lib/modules/", 16))
		return NULL;
	slash = strchr(path + 16, '/');
	return slash ? slash + 1 : NULL;
}

/* First pass: the kernel, what depends on what, programs, all libraries. */
static bool first_pass(const struct ramdisk *r, const char *path)
{
	const char *below = below_modules(path);

	(void)r;
	if (below)
		return !strcmp(below, "modules.dep");
	return !strncmp(path, "boot/vmlinuz-", 13) || is_program(path) ||
	       (!strncmp(path, LIBS, strlen(LIBS)) && !strchr(path + strlen(LIBS), '/') && strstr(path, ".so"));
}

/* Second pass: the drivers that are known to be needed by now. */
static bool second_pass(const struct ramdisk *r, const char *path)
{
	const char *below = below_modules(path);

	return below && find(&r->modules, below);
}

static void put(struct ramdisk *r, const char *path, mode_t mode, const char *data, size_t len)
{
	if (!find(&r->out, path))
		add(&r->out, (struct item){ vp_strdup(r->a, path), NULL, data, len, S_IFREG | mode });
}

static void put_link(struct ramdisk *r, const char *path, const char *to)
{
	add(&r->out, (struct item){ path, to, NULL, 0, S_IFLNK | 0777 });
}

int vp_elf_needed(const void *data, size_t len, void (*fn)(void *arg, const char *name), void *arg)
{
	const unsigned char *base = data;
	const Elf64_Shdr *dynamic = NULL, *strings;
	Elf64_Ehdr h;

	if (len < sizeof(h) || memcmp(base, ELFMAG, SELFMAG) || base[EI_CLASS] != ELFCLASS64 || base[EI_DATA] != ELFDATA2LSB)
		return -1;
	memcpy(&h, base, sizeof(h));
	if (h.e_shentsize != sizeof(Elf64_Shdr) || h.e_shoff % 8 || h.e_shoff > len || h.e_shnum > (len - h.e_shoff) / sizeof(Elf64_Shdr))
		return -1;
	const Elf64_Shdr *s = (const void *)(base + h.e_shoff);

	for (unsigned i = 0; i < h.e_shnum; i++)
		if (s[i].sh_type == SHT_DYNAMIC)
			dynamic = &s[i];
	if (!dynamic)
		return 0;
	if (dynamic->sh_link >= h.e_shnum || dynamic->sh_offset > len || dynamic->sh_size > len - dynamic->sh_offset)
		return -1;
	strings = &s[dynamic->sh_link];
	if (strings->sh_offset > len || !strings->sh_size || strings->sh_size > len - strings->sh_offset ||
	    base[strings->sh_offset + strings->sh_size - 1])
		return -1;
	for (uint64_t off = 0; off + sizeof(Elf64_Dyn) <= dynamic->sh_size; off += sizeof(Elf64_Dyn)) {
		Elf64_Dyn d;

		memcpy(&d, base + dynamic->sh_offset + off, sizeof(d));
		if (d.d_tag == DT_NEEDED && d.d_un.d_val < strings->sh_size)
			fn(arg, (const char *)base + strings->sh_offset + d.d_un.d_val);
	}
	return 0;
}

static void put_elf(struct ramdisk *r, const char *path, mode_t mode, const struct item *file);

/* A library by its name, through the links that lead to it, under that name; with its own libraries. */
static void put_library(void *arg, const char *name)
{
	struct ramdisk *r = arg;
	const char *path = vp_printf(r->a, LIBS "%s", name);
	const struct item *file = find(&r->image, path);

	for (int i = 0; file && file->link && i < 8; i++)
		file = find(&r->image, vp_printf(r->a, LIBS "%s", file->link));
	if (find(&r->out, path))
		return;
	if (file && !file->link)
		put_elf(r, path, 0755, file);
	else if (!r->failed)
		r->failed = vp_fail(r->err, VP_E_TOOL, "the root image has no library '%s'", name);
}

static void put_elf(struct ramdisk *r, const char *path, mode_t mode, const struct item *file)
{
	put(r, path, mode, file->data, file->len);
	if (vp_elf_needed(file->data, file->len, put_library, r) && !r->failed)
		r->failed = vp_fail(r->err, VP_E_TOOL, "%s is not a program of this architecture", path);
}

static int put_programs(struct ramdisk *r)
{
	for (size_t i = 0; i < vp_count(programs) + vp_count(extras); i++) {
		const char *path = i < vp_count(programs) ? programs[i] : extras[i - vp_count(programs)].program;
		const struct item *file = find(&r->image, path);

		if (file && !file->link)
			put_elf(r, path, 0755, file);
		else if (i < vp_count(programs))
			return vp_fail(r->err, VP_E_TOOL, "the root image has no %s", path);
	}
	put_library(r, LOADER);
	return r->failed;
}

/* The file name of a module path without directory and ".ko", with '-' as '_'. */
static bool module_is(const char *path, size_t len, const char *name, size_t namelen)
{
	const char *start = path + len;

	while (start > path && start[-1] != '/')
		start--;
	if ((size_t)(path + len - start) < 3 || (size_t)(path + len - start) - 3 != namelen)
		return false;
	for (size_t i = 0; i < namelen; i++)
		if ((start[i] == '-' ? '_' : start[i]) != (name[i] == '-' ? '_' : name[i]))
			return false;
	return true;
}

/* A line "PATH: DEP DEP ..." of modules.dep, all dependencies in it, the deepest one last: so loaded from the end. */
static void take_dep_line(struct ramdisk *r, const char *line, size_t len)
{
	const char *end = line + len;

	while (end > line) {
		const char *start = end;

		while (start > line && start[-1] != ' ')
			start--;
		size_t n = (size_t)(end - start);

		if (n && start[n - 1] == ':')
			n--;
		if (n) {
			char *path = vp_strndup(r->a, start, n);

			if (!find(&r->modules, path))
				add(&r->modules, (struct item){ .path = path });
		}
		end = start > line ? start - 1 : line;
	}
}

/* Looks up one driver; one that the kernel has built in, or not at all, is left out. */
static void want_module(struct ramdisk *r, const struct item *dep, const char *name, size_t namelen)
{
	for (const char *line = dep->data, *end; *line; line = *end ? end + 1 : end) {
		const char *colon = strchr(line, ':');

		end = strchrnul(line, '\n');
		if (colon && colon < end && module_is(line, (size_t)(colon - line), name, namelen)) {
			take_dep_line(r, line, (size_t)(end - line));
			return;
		}
	}
}

static void want_words(struct ramdisk *r, const struct item *dep, const char *words)
{
	for (size_t n; *words; words += n + (words[n] == ' ')) {
		n = strcspn(words, " ");
		want_module(r, dep, words, n);
	}
}

static const struct item *find_below(const struct items *items, const char *below)
{
	for (size_t i = 0; i < items->n; i++) {
		const char *b = below_modules(items->v[i].path);

		if (b && !strcmp(b, below))
			return &items->v[i];
	}
	return NULL;
}

static int put_modules(struct ramdisk *r, const char *root, const char *installer_dir)
{
	vp_cleanup(vp_buf_free) struct vp_buf list = { 0 }, order = { 0 };
	const struct item *dep = find_below(&r->image, "modules.dep");

	if (!dep)
		return vp_fail(r->err, VP_E_TOOL, "the root image has no kernel modules");
	if (vp_read_file(vp_printf(r->a, "%s/modules", installer_dir), BLOCK, &list, r->err))
		return -1;
	for (const char *p = vp_buf_str(&list), *end; *p; p = *end ? end + 1 : end) {
		end = strchrnul(p, '\n');
		if (*p != '#' && end > p)
			want_module(r, dep, p, (size_t)(end - p));
	}
	for (size_t i = 0; i < vp_count(extras); i++)
		if (find(&r->image, extras[i].program))
			want_words(r, dep, extras[i].modules);
	if (scan(r, root, second_pass))
		return -1;
	for (size_t i = 0; i < r->modules.n; i++) {
		const struct item *file = find_below(&r->image, r->modules.v[i].path);
		const char *path = vp_printf(r->a, "modules/%s", strrchr(r->modules.v[i].path, '/') + 1);

		if (!file)
			return vp_fail(r->err, VP_E_TOOL, "the root image has no module %s", r->modules.v[i].path);
		put(r, path, 0644, file->data, file->len);
		vp_buf_addf(&order, "/%s\n", path);
	}
	put(r, "modules.list", 0644, vp_strdup(r->a, vp_buf_str(&order)), order.len);
	return 0;
}

static int put_file(struct ramdisk *r, const char *from, const char *path, mode_t mode)
{
	vp_cleanup(vp_buf_free) struct vp_buf b = { 0 };

	if (vp_read_file(from, MAX_FILE, &b, r->err))
		return -1;
	put(r, path, mode, vp_strndup(r->a, vp_buf_str(&b), b.len), b.len);
	return 0;
}

static int put_parts(struct ramdisk *r, const char *guest_dir, const char *installer_dir)
{
	static const char *const dirs[] = { "dev",
					    "proc",
					    "sys",
					    "run",
					    "tmp",
					    "target",
					    "modules",
					    "usr",
					    "usr/bin",
					    "usr/sbin",
					    "usr/lib",
					    "usr/lib64",
					    "usr/lib/x86_64-linux-gnu" };

	for (size_t i = 0; i < vp_count(dirs); i++)
		add(&r->out, (struct item){ .path = dirs[i], .mode = S_IFDIR | 0755 });
	put_link(r, "bin", "usr/bin");
	put_link(r, "sbin", "usr/sbin");
	put_link(r, "lib", "usr/lib");
	put_link(r, "lib64", "usr/lib64");
	put_link(r, "usr/lib64/" LOADER, "../lib/x86_64-linux-gnu/" LOADER);
	put_link(r, "usr/bin/sh", "busybox");
	for (size_t i = 0; i < vp_count(parts); i++)
		if (put_file(r, vp_printf(r->a, "%s/%s", installer_dir, parts[i].name), parts[i].name, parts[i].mode))
			return -1;
	return put_file(r, vp_printf(r->a, "%s/vprov-guest", guest_dir), "usr/bin/vprov-guest", 0755);
}

static int write_item(struct archive *ar, const struct item *i)
{
	struct archive_entry *e = archive_entry_new();
	int rc;

	archive_entry_set_pathname(e, i->path);
	archive_entry_set_mode(e, i->mode);
	archive_entry_set_size(e, (int64_t)i->len);
	archive_entry_set_mtime(e, 0, 0);
	archive_entry_set_nlink(e, 1);
	if (i->link)
		archive_entry_set_symlink(e, i->link);
	rc = archive_write_header(ar, e);
	if (!rc && i->len && archive_write_data(ar, i->data, i->len) != (la_ssize_t)i->len)
		rc = ARCHIVE_FATAL;
	archive_entry_free(e);
	return rc;
}

static int write_initrd(struct ramdisk *r, const char *path)
{
	vp_cleanup(close_writer) struct archive *ar = archive_write_new();
	int rc;

	archive_write_add_filter_zstd(ar);
	archive_write_set_filter_option(ar, "zstd", "compression-level", "15");
	archive_write_set_format_cpio_newc(ar);
	rc = archive_write_open_filename(ar, path);
	for (size_t i = 0; !rc && i < r->out.n; i++)
		rc = write_item(ar, &r->out.v[i]);
	if (!rc)
		rc = archive_write_close(ar);
	return rc ? archive_fail(r->err, ar, path) : 0;
}

/* The newest kernel: the last one in the order of names. */
static const struct item *kernel(const struct ramdisk *r)
{
	const struct item *best = NULL;

	for (size_t i = 0; i < r->image.n; i++)
		if (!strncmp(r->image.v[i].path, "boot/vmlinuz-", 13) && (!best || strcmp(r->image.v[i].path, best->path) > 0))
			best = &r->image.v[i];
	return best;
}

static int build(struct ramdisk *r, const char *root, const char *guest_dir, const char *installer_dir, const char *dir)
{
	const struct item *k;

	if (scan(r, root, first_pass))
		return -1;
	k = kernel(r);
	if (!k)
		return vp_fail(r->err, VP_E_TOOL, "the root image has no kernel");
	/* Before the second pass, which moves the list of what was read. */
	if (vp_write_file(vp_printf(r->a, "%s/vmlinuz", dir), k->data, k->len, 0644, r->err))
		return -1;
	if (put_parts(r, guest_dir, installer_dir) || put_programs(r) || put_modules(r, root, installer_dir))
		return -1;
	return write_initrd(r, vp_printf(r->a, "%s/initrd", dir));
}

int vp_ramdisk_build(const char *root, const char *guest_dir, const char *installer_dir, const char *dir, struct vp_err *err)
{
	vp_cleanup(vp_arena_freep) struct vp_arena *a = vp_arena_new();
	struct ramdisk r = { .a = a, .err = err };
	int rc = build(&r, root, guest_dir, installer_dir, dir);

	free(r.image.v);
	free(r.out.v);
	free(r.modules.v);
	return rc ? vp_context(err, "installer ramdisk") : 0;
}
