// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox.h"

#define NOBODY 65534

/* Kernel headers may be older than the kernel: numbers and sizes as in linux/landlock.h of 6.12. */
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_restrict_self  446
#endif
struct landlock {
	uint64_t fs, net, scoped;
};

static const char *const guards[] = { "descriptors cannot be closed", "no limits of memory", "user cannot be changed", "no landlock", "no seccomp" };
enum { DESCRIPTORS, LIMITS, USER, LANDLOCK, SECCOMP };

/* fd becomes VP_SANDBOX_FD; standard ones lead nowhere, except where a sanitizer has to be heard. */
static bool close_others(int fd)
{
	int null = open("/dev/null", O_RDWR);

	for (int i = 0; i < 3; i++) {
#ifdef __SANITIZE_ADDRESS__
		if (i == STDERR_FILENO)
			continue;
#endif
		if (null >= 0)
			dup2(null, i);
		else if (i != fd)
			close(i);
	}
	/* To itself it does nothing. */
	return dup2(fd, VP_SANDBOX_FD) >= 0 && !syscall(SYS_close_range, VP_SANDBOX_FD + 1u, ~0u, 0u);
}

/* Address space of this process: the parent's, which may be large, with the stacks of its threads. */
static rlim_t memory_now(void)
{
	vp_cleanup(vp_buf_free) struct vp_buf text = { 0 };

	if (vp_read_file("/proc/self/statm", 4096, &text, NULL))
		return 0;
	return (rlim_t)strtoull(vp_buf_str(&text), NULL, 10) * (rlim_t)sysconf(_SC_PAGESIZE);
}

static bool limit(rlim_t memory)
{
	const struct {
		__rlimit_resource_t what;
		rlim_t max;
	} limits[] = {
		{ RLIMIT_CORE, 0 },
		{ RLIMIT_NPROC, 0 },
		/* One profile at a time. */
		{ RLIMIT_NOFILE, VP_SANDBOX_FD + 2 },
#ifndef __SANITIZE_ADDRESS__
		{ RLIMIT_FSIZE, 0 },
		{ RLIMIT_AS, memory + VP_MAX_PARSER },
#endif
	};
	bool ok = true;

	(void)memory;
	for (size_t i = 0; i < vp_count(limits); i++)
		ok &= !setrlimit(limits[i].what, &(struct rlimit){ limits[i].max, limits[i].max });
	return ok;
}

static bool become_nobody(void)
{
	return geteuid() || (!setgroups(0, NULL) && !setresgid(NOBODY, NOBODY, NOBODY) && !setresuid(NOBODY, NOBODY, NOBODY));
}

/* All that this kernel knows to forbid; nothing is allowed back. */
static bool lock_files(void)
{
	/* Access rights to files, by version of the interface. */
	static const unsigned char rights[] = { 0, 13, 14, 15, 15, 16 };
	long version = syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, 1u);
	struct landlock l = { .net = 3, .scoped = 3 };
	int fd;

	if (version < 1)
		return false;
	l.fs = (UINT64_C(1) << rights[version < 5 ? version : 5]) - 1;
	fd = (int)syscall(SYS_landlock_create_ruleset, &l, version < 4 ? sizeof(l.fs) : version < 6 ? 2 * sizeof(l.fs) : sizeof(l), 0u);
	if (fd < 0 || syscall(SYS_landlock_restrict_self, fd, 0u))
		return false;
	close(fd);
	return true;
}

static bool allow_calls(scmp_filter_ctx ctx)
{
	static const int calls[] = {
		SCMP_SYS(pread64),
		SCMP_SYS(recvmsg),
		SCMP_SYS(sendto),
		SCMP_SYS(close),
		SCMP_SYS(brk),
		SCMP_SYS(munmap),
		SCMP_SYS(mremap),
		SCMP_SYS(madvise),
		SCMP_SYS(futex),
		SCMP_SYS(rt_sigprocmask),
		SCMP_SYS(rt_sigreturn),
		SCMP_SYS(restart_syscall),
		SCMP_SYS(getpid),
		SCMP_SYS(gettid),
		SCMP_SYS(clock_gettime),
		SCMP_SYS(exit),
		SCMP_SYS(exit_group),
		/* qsort() asks how much memory there is. */
		SCMP_SYS(sysinfo),
#ifdef __SANITIZE_ADDRESS__
		/* Of the sanitizer. */
		SCMP_SYS(getrandom),
		SCMP_SYS(sigaltstack),
		SCMP_SYS(sched_yield),
		SCMP_SYS(rt_sigaction),
#endif
	};
	const struct scmp_arg_cmp not_code = { .arg = 2, .op = SCMP_CMP_MASKED_EQ, .datum_a = PROT_EXEC, .datum_b = 0 };
	const struct scmp_arg_cmp itself = { .arg = 0, .op = SCMP_CMP_EQ, .datum_a = (scmp_datum_t)getpid() };
	const struct scmp_arg_cmp to_stderr = { .arg = 0, .op = SCMP_CMP_EQ, .datum_a = STDERR_FILENO };
	bool ok = true;

	for (size_t i = 0; i < vp_count(calls); i++)
		ok &= !seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 0);
	ok &= !seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, not_code);
	ok &= !seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, not_code);
	/* abort(), after its last words: how running out of memory ends. */
	ok &= !seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, itself);
	ok &= !seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(write), 1, to_stderr);
	return ok;
}

static bool filter_calls(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	bool ok = ctx && !seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) && allow_calls(ctx) && !seccomp_load(ctx);

	if (ctx)
		seccomp_release(ctx);
	return ok;
}

unsigned vp_sandbox_enter(int fd)
{
	pid_t parent = getppid();
	rlim_t memory = memory_now();
	unsigned refused = 0;

	refused |= (unsigned)!close_others(fd) << DESCRIPTORS;
	refused |= (unsigned)!become_nobody() << USER;
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	/* Changing the user undoes it, so only now. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);
	refused |= (unsigned)!lock_files() << LANDLOCK;
	refused |= (unsigned)!limit(memory) << LIMITS;
	refused |= (unsigned)!filter_calls() << SECCOMP;
	return refused;
}

void vp_sandbox_explain(unsigned refused)
{
	for (size_t i = 0; i < vp_count(guards); i++)
		if (refused & 1u << i)
			vp_debug("parsing without one of its guards: %s here", guards[i]);
}
