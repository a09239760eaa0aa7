// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "dhcp.h"

#define MAX_LINE 8192

/* The user that programs without privileges have where the service has to stay root. */
static void be_nobody(void)
{
	const struct passwd *pw = getpwnam("nobody");

	if (!pw || setgroups(0, NULL) || setgid(pw->pw_gid) || setuid(pw->pw_uid))
		_exit(126);
}

/* As bits; children may have them, too. */
static int set_capabilities(uint64_t keep)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	for (unsigned i = 0; i < 2; i++)
		data[i].effective = data[i].permitted = data[i].inheritable = (uint32_t)(keep >> (32 * i));
	return (int)syscall(SYS_capset, &head, data);
}

int vp_become(const struct passwd *user, struct vp_err *err)
{
	/* Ports below 1024; DHCP's raw answers, router solicitations; ARP entries of those whom DHCP answers. */
	static const unsigned net[] = { CAP_NET_BIND_SERVICE, CAP_NET_RAW, CAP_NET_ADMIN };
	uint64_t keep = 0;

	for (size_t i = 0; i < vp_count(net); i++)
		keep |= UINT64_C(1) << net[i];
	if (prctl(PR_SET_KEEPCAPS, 1) || setgroups(0, NULL) || setresgid(user->pw_gid, user->pw_gid, user->pw_gid) ||
	    setresuid(user->pw_uid, user->pw_uid, user->pw_uid) || set_capabilities(keep) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return vp_fail_errno(err, VP_E_IO, "becoming user '%s'", user->pw_name);
	for (size_t i = 0; i < vp_count(net); i++)
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, net[i], 0, 0))
			return vp_fail_errno(err, VP_E_IO, "keeping the privileges of the network");
	return 0;
}

static void allow(int rules, const char *path, uint64_t access)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = access, .parent_fd = open(path, O_PATH | O_CLOEXEC) };

	if (rule.parent_fd >= 0) {
		syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0u);
		close(rule.parent_fd);
	}
}

/* A kernel without landlock confines nothing: then the user's own rights are all there is. */
static void confine(const char *writes)
{
	static const char *const programs[] = { "/usr", "/lib", "/lib64", "/bin", "/sbin", "/etc", "/proc", "/sys" };
	const uint64_t all = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;
	const uint64_t look = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
	const struct landlock_ruleset_attr attr = { .handled_access_fs = all };
	int rules = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0u);

	if (rules < 0)
		return;
	for (size_t i = 0; i < vp_count(programs); i++)
		allow(rules, programs[i], look);
	allow(rules, "/dev", look | LANDLOCK_ACCESS_FS_WRITE_FILE);
	allow(rules, writes, all);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || syscall(SYS_landlock_restrict_self, rules, 0u))
		_exit(126);
	close(rules);
}

static void run_program(const char *const *argv, const char *writes, bool net, int errfd, pid_t keeper)
{
	static const char *const env[] = { "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", NULL };
	int null = open("/dev/null", O_RDWR);
	sigset_t none;

	confine(writes);
	if (!net && !geteuid())
		be_nobody();
	if (!net)
		prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	/* After the change of user, which would clear it. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != keeper)
		_exit(126);
	dup2(null, 0);
	dup2(null, 1);
	dup2(errfd, 2);
	syscall(SYS_close_range, 3u, ~0u, 0u);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	execvpe(argv[0], (char *const *)argv, (char *const *)env);
	dprintf(2, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

/* Waits for the program and passes on what it is told; the kernel sends SIGTERM when vprov is gone. */
static void keep(pid_t program)
{
	const struct timespec patience = { .tv_sec = 2 };
	sigset_t set;
	int sig, status;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGCHLD);
	do {
		sig = sigwaitinfo(&set, NULL);
		if (sig == SIGHUP || sig == SIGTERM)
			kill(program, sig);
		if (waitpid(program, &status, WNOHANG) == program)
			_exit(0);
	} while (sig != SIGTERM);
	sigdelset(&set, SIGHUP);
	sigdelset(&set, SIGTERM);
	sigtimedwait(&set, NULL, &patience);
	kill(program, SIGKILL);
	_exit(0);
}

static void be_keeper(const char *const *argv, const char *writes, bool net, int errfd, int lock, pid_t parent)
{
	sigset_t all;
	pid_t program, self = getpid();

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	/* Not the terminal's business: Ctrl-C is for vprov. */
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(126);
	program = fork();
	if (!program)
		run_program(argv, writes, net, errfd, self);
	if (program < 0)
		_exit(126);
	if (lock > 3)
		syscall(SYS_close_range, 3u, (unsigned)lock - 1, 0u);
	syscall(SYS_close_range, lock < 3 ? 3u : (unsigned)lock + 1, ~0u, 0u);
	keep(program);
}

int vp_proc_start(struct vp_proc *p, const char *const *argv, const char *writes, bool net, int lock, struct vp_err *err)
{
	pid_t self = getpid();
	int fds[2];

	if (pipe2(fds, O_CLOEXEC))
		return vp_fail_errno(err, VP_E_TOOL, "%s", argv[0]);
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	p->pid = fork();
	if (!p->pid)
		be_keeper(argv, writes, net, fds[1], lock, self);
	close(fds[1]);
	p->fd = fds[0];
	p->line.len = 0;
	if (p->pid > 0)
		return 0;
	p->pid = 0;
	close(p->fd);
	p->fd = -1;
	return vp_fail_errno(err, VP_E_TOOL, "%s", argv[0]);
}

const char *vp_proc_line(struct vp_proc *p)
{
	char c;

	/* A byte at a time would be slow for a stream; a log has a few hundred bytes a second. */
	if (p->line.len && !p->line.data[p->line.len - 1])
		p->line.len = 0;
	while (p->fd >= 0 && read(p->fd, &c, 1) == 1) {
		if (c == '\n') {
			vp_buf_add(&p->line, "", 1);
			return p->line.data;
		}
		if (p->line.len < MAX_LINE && c)
			vp_buf_add(&p->line, &c, 1);
	}
	return NULL;
}

void vp_proc_reload(const struct vp_proc *p)
{
	if (p->pid)
		kill(p->pid, SIGHUP);
}

bool vp_proc_ended(struct vp_proc *p)
{
	if (!p->pid || waitpid(p->pid, NULL, WNOHANG) != p->pid)
		return false;
	p->pid = 0;
	return true;
}

void vp_proc_stop(struct vp_proc *p)
{
	if (p->pid) {
		kill(p->pid, SIGTERM);
		while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
			;
		p->pid = 0;
	}
	vp_closep(&p->fd);
	p->fd = -1;
	vp_buf_free(&p->line);
}
