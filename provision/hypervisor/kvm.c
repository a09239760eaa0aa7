// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "virt.h"

bool vp_cpu_virtualises(const char *cpuinfo)
{
	for (const char *line = cpuinfo; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, "flags", 5))
			continue;
		for (const char *word = line + strcspn(line, " \t\n"); *word == ' ' || *word == '\t'; word += strcspn(word, " \t\n")) {
			word += strspn(word, " \t");
			if ((!strncmp(word, "vmx", 3) || !strncmp(word, "svm", 3)) && strchr(" \t\n", word[3]))
				return true;
		}
	}
	return false;
}

/* 1 opens, 0 not. */
static int opens(void)
{
	vp_cleanup(vp_closep) int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	return fd >= 0;
}

/* Why a hidden /dev/kvm was hidden: asked later, the hiding itself would be the answer. */
static const char *hidden;

bool vp_kvm_usable(const char **why)
{
	vp_cleanup(vp_buf_free) struct vp_buf cpuinfo = { 0 };

	*why = hidden;
	if (hidden)
		return false;
	if (!opens()) {
		*why = errno == ENOENT ? "there is no /dev/kvm" : "/dev/kvm cannot be opened";
		return false;
	}
	if (vp_read_file("/proc/cpuinfo", VP_MAX_CHILD_OUTPUT, &cpuinfo, NULL) || !vp_cpu_virtualises(vp_buf_str(&cpuinfo))) {
		*why = "/dev/kvm exists, but the CPU has neither vmx nor svm";
		return false;
	}
	return true;
}

/*
 * A regular file, read-only, makes access(W_OK) fail: libvirt then does not ask QEMU about KVM at all. (Anything that root may
 * write, /dev/null for one, makes it ask again and again.)
 */
int vp_kvm_hide(struct vp_err *err)
{
	const char *why;

	if (!opens() || vp_kvm_usable(&why))
		return 0;
	if (unshare(CLONE_NEWNS))
		return vp_fail_errno(err, VP_E_PRIVILEGE, "a mount namespace to hide /dev/kvm in");
	/* In a chroot / need not be a mount; then /dev has to be one, or the host would lose its /dev/kvm, too. */
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) && mount(NULL, "/dev", NULL, MS_REC | MS_SLAVE, NULL))
		return vp_fail_errno(err, VP_E_PRIVILEGE, "keeping the hiding of /dev/kvm private");
	if (mount("/proc/version", "/dev/kvm", NULL, MS_BIND, NULL) || mount(NULL, "/dev/kvm", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL))
		return vp_fail_errno(err, VP_E_PRIVILEGE, "hiding /dev/kvm");
	hidden = why;
	return 1;
}

bool vp_virt_same_memory(uint64_t is, uint64_t asked)
{
	return (is > asked ? is - asked : asked - is) <= asked / 64;
}
