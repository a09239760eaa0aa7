// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base.h"

#define TICK_MS 200

volatile int vp_interrupted;

char *vp_which(struct vp_arena *a, const char *program)
{
	const char *path = getenv("PATH");

	if (!path || !*path)
		path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	for (const char *end; *path; path = *end ? end + 1 : end) {
		char *full;

		end = strchrnul(path, ':');
		full = vp_printf(a, "%.*s/%s", (int)(end - path), path, program);
		if (!access(full, X_OK))
			return full;
	}
	return NULL;
}

static void child_exec(const struct vp_child *c, const char *program, int in, int out, int errfd, pid_t parent)
{
	sigset_t none;
	char *env[64];
	size_t n = 0;

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	dup2(in, 0);
	dup2(out, 1);
	dup2(errfd, 2);
	syscall(SYS_close_range, 3u, ~0u, 0u);
	for (const char *const *name = (const char *const[]){ "PATH", "HOME", "TMPDIR", NULL }; *name; name++) {
		const char *value = getenv(*name);
		char *line = NULL;

		if (value && asprintf(&line, "%s=%s", *name, value) > 0)
			env[n++] = line;
	}
	env[n++] = strdup("LANG=C.UTF-8");
	for (const char *const *e = c->env; e && *e && n + 1 < vp_count(env); e++)
		env[n++] = (char *)*e;
	env[n] = NULL;
	execve(program, (char **)c->argv, env);
	_exit(127);
}

struct pipes {
	int in[2], out[2], err[2];
};

static void close_all(int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

/* Moves what is ready; false when both outputs have ended. */
static bool pump(const struct vp_child *c, struct pipes *p, const char **input, size_t *left, struct vp_buf *errtext)
{
	struct pollfd pfd[3] = { { p->out[0], POLLIN, 0 }, { p->err[0], POLLIN, 0 }, { p->in[1], POLLOUT, 0 } };
	struct vp_buf *to[2] = { c->out, errtext };
	char block[16384];

	if (p->out[0] < 0 && p->err[0] < 0)
		return false;
	if (poll(pfd, 3, TICK_MS) < 0)
		return true;
	for (int i = 0; i < 2; i++) {
		int *fd = i ? &p->err[0] : &p->out[0];
		ssize_t n;

		if (*fd < 0 || !pfd[i].revents)
			continue;
		n = read(*fd, block, sizeof(block));
		if (n <= 0 && !(n < 0 && errno == EINTR)) {
			close(*fd);
			*fd = -1;
		} else if (n > 0 && to[i] && to[i]->len < VP_MAX_CHILD_OUTPUT) {
			vp_buf_add(to[i], block, (size_t)n);
		}
	}
	if (p->in[1] >= 0 && pfd[2].revents) {
		ssize_t n = *left ? write(p->in[1], *input, *left) : 0;

		if (n > 0) {
			*input += n;
			*left -= (size_t)n;
		}
		if (!*left || (n < 0 && errno != EAGAIN && errno != EINTR)) {
			close(p->in[1]);
			p->in[1] = -1;
		}
	}
	return true;
}

static int report(const struct vp_child *c, int status, const char *why, const struct vp_buf *errtext, struct vp_err *err)
{
	vp_cleanup(vp_buf_free) struct vp_buf cmd = { 0 };
	const char *text = vp_buf_str(errtext), *last = text;
	size_t len = errtext->len;

	for (const char *const *a = c->argv; *a && cmd.len < 300; a++)
		vp_buf_addf(&cmd, "%s%s", a == c->argv ? "" : " ", *a);
	while (len && (text[len - 1] == '\n' || text[len - 1] == '\r'))
		len--;
	for (size_t i = 0; i < len; i++)
		if (text[i] == '\n')
			last = text + i + 1;
	if (why)
		return vp_fail(err, VP_E_TOOL, "`%s`: %s", cmd.data, why);
	if (WIFSIGNALED(status))
		return vp_fail(err, VP_E_TOOL, "`%s` was killed by signal %d", cmd.data, WTERMSIG(status));
	return vp_fail(err, VP_E_TOOL, "`%s` exited with status %d%s%.*s", cmd.data, WEXITSTATUS(status), len ? ": " : "", (int)(text + len - last),
		       last);
}

int vp_run(const struct vp_child *c, struct vp_err *err)
{
	vp_cleanup(vp_arena_freep) struct vp_arena *a = vp_arena_new();
	vp_cleanup(vp_buf_free) struct vp_buf errtext = { 0 };
	struct pipes p = { { -1, -1 }, { -1, -1 }, { -1, -1 } };
	uint64_t deadline = c->timeout_ms ? vp_now_ns() + (uint64_t)c->timeout_ms * 1000000 : 0;
	const char *program = strchr(c->argv[0], '/') ? c->argv[0] : vp_which(a, c->argv[0]);
	const char *input = c->input ? c->input : "", *why = NULL;
	size_t left = strlen(input);
	pid_t pid, self = getpid();
	int status = 0;

	if (!program)
		return vp_fail(err, VP_E_TOOL, "the program '%s' is not installed", c->argv[0]);
	if (pipe2(p.in, O_CLOEXEC) || pipe2(p.out, O_CLOEXEC) || pipe2(p.err, O_CLOEXEC) || (pid = fork()) < 0) {
		vp_fail_errno(err, VP_E_TOOL, "%s", c->argv[0]);
		close_all((int *)&p, 6);
		return -1;
	}
	if (!pid)
		child_exec(c, program, p.in[0], p.out[1], p.err[1], self);
	/* Here as well: whoever is first, the group exists before anything is sent to it. */
	setpgid(pid, pid);
	close_all((int[]){ p.in[0], p.out[1], p.err[1] }, 3);
	p.in[0] = p.out[1] = p.err[1] = -1;
	fcntl(p.in[1], F_SETFL, O_NONBLOCK);
	/* A daemonised grandchild may hold the pipes open: what counts is the child itself. */
	for (bool more = true; !why;) {
		if (more)
			more = pump(c, &p, &input, &left, &errtext);
		else
			poll(NULL, 0, 2);
		if (waitpid(pid, &status, WNOHANG) == pid) {
			pid = -1;
			while (more && poll(&(struct pollfd){ p.out[0], POLLIN, 0 }, 1, 0) > 0)
				more = pump(c, &p, &input, &left, &errtext);
			break;
		}
		if (deadline && vp_now_ns() > deadline)
			why = "took too long and was ended";
		else if (c->tick && c->tick(c->tick_arg))
			why = "was ended on request";
	}
	if (pid > 0) {
		kill(-pid, SIGKILL);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	while (p.err[0] >= 0 && poll(&(struct pollfd){ p.err[0], POLLIN, 0 }, 1, 0) > 0)
		pump(c, &p, &input, &left, &errtext);
	close_all((int *)&p, 6);
	if (c->errout)
		vp_buf_add(c->errout, vp_buf_str(&errtext), errtext.len);
	return why || status ? report(c, status, why, &errtext, err) : 0;
}
