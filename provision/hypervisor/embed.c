// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "embed.h"

static const char conf_mark[] = "# Written by vprov for libvirt's embedded driver. Without this line it is left as it is.\n";
/*
 * No daemon keeps logs, no cgroup or mount namespace is made (nothing of them stays behind, and a chroot or a container may lack
 * either), and as root QEMU runs as root: its images are below vprov's state directory, where no other user comes.
 */
static const char conf_text[] = "stdio_handler = \"file\"\nnamespaces = []\ncgroup_controllers = []\nsecurity_driver = \"none\"\n";
static const char conf_root[] = "user = \"root\"\ngroup = \"root\"\ndynamic_ownership = 0\nremember_owner = 0\n";

static int write_conf(const char *root, struct vp_err *err)
{
	vp_cleanup(vp_buf_free) struct vp_buf path = { 0 }, old = { 0 }, want = { 0 };

	vp_buf_addf(&path, "%s/etc", root);
	if (vp_mkdirs(path.data, 0700, err))
		return -1;
	vp_buf_adds(&path, "/qemu.conf");
	vp_buf_addf(&want, "%s%s%s", conf_mark, conf_text, geteuid() ? "" : conf_root);
	if (vp_exists(path.data)) {
		if (vp_read_file(path.data, VP_MAX_TEMPLATE, &old, err))
			return -1;
		if (strncmp(vp_buf_str(&old), conf_mark, strlen(conf_mark)) || !strcmp(old.data, want.data))
			return 0;
	}
	return vp_write_file(path.data, want.data, want.len, 0600, err);
}

bool vp_embed_root(const char *uri, char *out, size_t size)
{
	const char *p = strstr(uri, "root=");
	size_t n = 0;

	if (strncmp(uri, "qemu:///embed?", 14) || !p)
		return false;
	for (p += 5; *p && *p != '&' && n + 1 < size; p++) {
		unsigned byte;

		if (*p == '%' && sscanf(p + 1, "%2x", &byte) == 1) {
			out[n++] = (char)byte;
			p += 2;
		} else {
			out[n++] = *p;
		}
	}
	out[n] = '\0';
	return true;
}

void vp_embed_uri(const char *state_dir, struct vp_buf *out)
{
	vp_buf_adds(out, "qemu:///embed?root=");
	for (const char *p = state_dir; *p; p++)
		vp_buf_addf(out,
			    strchr("/._-", *p) || (*p >= '0' && *p <= '9') || (*p >= 'A' && *p <= 'Z') || (*p >= 'a' && *p <= 'z') ? "%c" : "%%%02X",
			    (unsigned char)*p);
	vp_buf_adds(out, "/qemu");
}

/* The process that has this root open, 0 where none: libvirt locks the first byte. */
static pid_t holder(const char *run)
{
	vp_cleanup(vp_buf_free) struct vp_buf path = { 0 };
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1 };
	vp_cleanup(vp_closep) int fd = -1;

	vp_buf_addf(&path, "%s/driver.pid", run);
	fd = open(path.data, O_RDWR | O_CLOEXEC);
	return fd >= 0 && !fcntl(fd, F_GETLK, &lock) && lock.l_type != F_UNLCK ? lock.l_pid : 0;
}

/* One that only looks is done in a moment. libvirt itself tries once, and then never again in the same process. */
static int wait_for_holder(const char *run, struct vp_err *err)
{
	pid_t pid = 0;

	for (int ms = 0; ms < 2000; ms += 50) {
		pid = holder(run);
		if (!pid)
			return 0;
		nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
	}
	return vp_fail(err, VP_E_LOCKED, "process %d has it open", (int)pid);
}

/*
 * Killed while it prepared a start, libvirt leaves a status that says "starting, process 0". Later it neither takes that up nor
 * forgets it: every call on the domain would time out for ever. There is no QEMU yet at that point.
 */
static void forget_unborn(const char *run, const char *file)
{
	vp_cleanup(vp_buf_free) struct vp_buf path = { 0 }, text = { 0 };
	const char *status;

	vp_buf_addf(&path, "%s/%s", run, file);
	if (!strstr(file, ".xml") || vp_read_file(path.data, VP_MAX_CHILD_OUTPUT, &text, NULL))
		return;
	status = strstr(vp_buf_str(&text), "<domstatus ");
	if (status && memmem(status, strcspn(status, ">"), " pid='0'", 8))
		unlink(path.data);
}

int vp_embed_prepare(const char *root, struct vp_err *err)
{
	vp_cleanup(vp_buf_free) struct vp_buf run = { 0 };
	DIR *dir;

	if (write_conf(root, err))
		return -1;
	vp_buf_addf(&run, "%s/run/qemu", root);
	if (wait_for_holder(run.data, err))
		return -1;
	dir = opendir(run.data);
	if (!dir)
		return 0;
	for (struct dirent *e; (e = readdir(dir));)
		forget_unborn(run.data, e->d_name);
	closedir(dir);
	return 0;
}

void vp_embed_forget(const char *root, const char *name)
{
	vp_cleanup(vp_buf_free) struct vp_buf path = { 0 };

	vp_buf_addf(&path, "%s/log/qemu/%s.log", root, name);
	unlink(path.data);
}
