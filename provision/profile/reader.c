// SPDX-License-Identifier: Apache-2.0
/*
 * The parent opens files and hands the descriptors to its children, job i to child i modulo their number, AHEAD jobs before their answers are
 * taken: what is sent then fits into any socket, so the parent never waits to send, and answers can be taken in order.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pack.h"
#include "reader.h"
#include "sandbox.h"

#define AHEAD	    4
#define MAX_WORKERS 16
#define TICK_MS	    200
#define BLOCK	    262144
/* Beyond it, memory goes back to the system after the profile that needed it. */
#define MUCH (1u << 20)
/* A tree may be larger than its text, by what each value takes. */
#define MAX_ANSWER (4u * VP_MAX_PROFILE)

struct answer {
	uint32_t size;
	/* Bits of vp_sandbox_enter(). */
	uint32_t refused;
};

struct worker {
	pid_t pid;
	int fd;
};

/* A job that was opened and not yet answered. */
struct opened {
	/* -1: failed, why is in `failure`. */
	int fd;
	struct stat st;
	struct vp_err failure;
};

struct reading {
	const struct vp_read_job *jobs;
	size_t n;
	bool whole;
	unsigned seconds;
	struct worker workers[MAX_WORKERS];
	unsigned nworkers;
	struct opened ring[MAX_WORKERS * AHEAD];
	/* The next job to be opened. */
	size_t next;
	/* What was said of refused guards. */
	unsigned explained;
	/* The answer that is looked at. */
	struct vp_buf in;
};

/* --- The child --- */

/* Waits for the next job. -1: there will be none. */
static int take_job(bool *whole)
{
	union {
		struct cmsghdr head;
		char data[CMSG_SPACE(sizeof(int))];
	} control;
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
	int fd;

	if (recvmsg(VP_SANDBOX_FD, &m, 0) != 1 || m.msg_controllen < sizeof(control.head) || control.head.cmsg_type != SCM_RIGHTS)
		return -1;
	memcpy(&fd, CMSG_DATA(&control.head), sizeof(fd));
	*whole = byte;
	return fd;
}

static int read_all(int fd, struct vp_buf *out)
{
	ssize_t n;

	out->len = 0;
	do {
		if (out->cap < out->len + BLOCK + 1) {
			out->cap = 2 * out->cap + BLOCK + 1;
			out->data = vp_xrealloc(out->data, out->cap);
		}
		n = pread(fd, out->data + out->len, out->cap - out->len - 1, (off_t)out->len);
		if (n < 0)
			return -1;
		out->len += (size_t)n;
	} while (n && out->len <= VP_MAX_PROFILE);
	return 0;
}

static void send_all(const char *data, size_t len)
{
	while (len) {
		ssize_t n = send(VP_SANDBOX_FD, data, len, MSG_NOSIGNAL);

		if (n < 0)
			_exit(0);
		data += n;
		len -= (size_t)n;
	}
}

static void parse(const struct vp_buf *data, struct vp_buf *out, bool readable, bool whole)
{
	vp_cleanup(vp_arena_freep) struct vp_arena *a = vp_arena_new();
	vp_cleanup(vp_diags_free) struct vp_diags diags = { .arena = a };
	struct vp_profile *p = NULL;

	/* The parent puts the name in. */
	if (readable)
		p = vp_profile_parse(a, "", data->data, data->len, &diags);
	else
		vp_diag(&diags, VP_ERROR, VP_E_READ, "", 0, "", "%s", strerrordesc_np(errno));
	vp_pack(out, p, &diags, whole);
}

static _Noreturn void child(int fd)
{
	struct answer head = { .refused = vp_sandbox_enter(fd) };
	struct vp_buf data = { 0 }, out = { 0 };
	bool whole;

	while ((fd = take_job(&whole)) >= 0) {
		int rc = read_all(fd, &data);

		out.len = 0;
		vp_buf_add(&out, &head, sizeof(head));
		parse(&data, &out, !rc, whole);
		close(fd);
		((struct answer *)out.data)->size = (uint32_t)(out.len - sizeof(head));
		send_all(out.data, out.len);
		if (data.cap > MUCH || out.cap > MUCH) {
			vp_buf_free(&data);
			vp_buf_free(&out);
			malloc_trim(0);
		}
	}
	_exit(0);
}

/* --- The parent --- */

static int start(struct worker *w, struct vp_err *err)
{
	int pair[2];

	w->fd = -1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return vp_fail_errno(err, VP_E_IO, "starting a process that parses");
	w->pid = fork();
	if (!w->pid) {
		/* No handler of the parent's; and the terminal's interrupt is for the parent. */
		for (int sig = 1; sig < SIGRTMIN; sig++)
			signal(sig, sig == SIGINT || sig == SIGQUIT ? SIG_IGN : SIG_DFL);
		child(pair[1]);
	}
	close(pair[1]);
	if (w->pid < 0) {
		close(pair[0]);
		return vp_fail_errno(err, VP_E_IO, "starting a process that parses");
	}
	w->fd = pair[0];
	return 0;
}

/* Its status. It has nothing to put in order. */
static int end(struct worker *w)
{
	int status = 0;

	if (w->fd < 0)
		return 0;
	close(w->fd);
	w->fd = -1;
	kill(w->pid, SIGKILL);
	while (waitpid(w->pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

/* As many as could be started; one failure is none where there is another. */
static int start_all(struct reading *r, unsigned want, struct vp_err *err)
{
	while (r->nworkers < want && !start(&r->workers[r->nworkers], r->nworkers ? NULL : err))
		r->nworkers++;
	return r->nworkers ? 0 : -1;
}

static unsigned usable_cpus(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) ? 1 : (unsigned)CPU_COUNT(&set);
}

/* Waits as long as it takes, and not beyond an interrupt. False then. */
static bool wait_for(int fd, uint64_t deadline)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	while (poll(&p, 1, TICK_MS) <= 0)
		if (vp_interrupted || (deadline && vp_now_ns() > deadline))
			return false;
	return true;
}

/* What comes out of a pipe, as a file: whoever parses has a file that ends. */
static int gather(int from, struct vp_err *err)
{
	vp_cleanup(vp_freep) char *block = vp_xcalloc(1, BLOCK);
	int fd = memfd_create("profile", MFD_CLOEXEC);
	size_t total = 0;
	ssize_t n;

	if (fd < 0)
		return vp_fail_errno(err, VP_E_READ, "memfd");
	while (wait_for(from, 0) && (n = read(from, block, BLOCK))) {
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		total += n > 0 ? (size_t)n : 0;
		if (n < 0 || write(fd, block, (size_t)n) != n)
			vp_fail(err, VP_E_READ, "%s", strerror(errno));
		else if (total > VP_MAX_PROFILE)
			vp_fail(err, VP_E_LIMIT, "larger than %u MiB", VP_MAX_PROFILE >> 20);
		else
			continue;
		close(fd);
		return -1;
	}
	return fd;
}

/* A descriptor of a regular file; -1 with err, which does not name the file. */
static int open_job(const char *path, struct stat *st, struct vp_err *err)
{
	bool is_stdin = !strcmp(path, "-");
	int fd = is_stdin ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), copy;

	if (fd < 0 || fstat(fd, st)) {
		vp_fail(err, VP_E_READ, "%s", strerror(errno));
	} else if (S_ISDIR(st->st_mode)) {
		vp_fail(err, VP_E_READ, "%s", strerror(EISDIR));
	} else if (!S_ISREG(st->st_mode) && !S_ISFIFO(st->st_mode) && !is_stdin) {
		vp_fail(err, VP_E_READ, "neither a regular file nor a pipe");
	} else if (S_ISREG(st->st_mode) && st->st_size > VP_MAX_PROFILE) {
		vp_fail(err, VP_E_LIMIT, "larger than %u MiB", VP_MAX_PROFILE >> 20);
	} else if (S_ISREG(st->st_mode) && !is_stdin) {
		return fd;
	} else {
		copy = gather(fd, err);
		close(fd);
		return copy;
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

static struct opened *opened(struct reading *r, size_t job)
{
	return &r->ring[job % ((size_t)r->nworkers * AHEAD)];
}

/* Where the child is gone, that is found out when its answer is waited for. */
static void send_job(struct reading *r, size_t job)
{
	union {
		struct cmsghdr head;
		char data[CMSG_SPACE(sizeof(int))];
	} control = { .head = { .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS } };
	char byte = r->whole;
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control.data) };

	memcpy(CMSG_DATA(&control.head), &opened(r, job)->fd, sizeof(int));
	if (opened(r, job)->fd >= 0)
		sendmsg(r->workers[job % r->nworkers].fd, &m, MSG_NOSIGNAL);
}

static void open_ahead(struct reading *r, size_t job)
{
	for (; r->next < r->n && r->next < job + (size_t)r->nworkers * AHEAD; r->next++) {
		struct opened *o = opened(r, r->next);

		*o = (struct opened){ .fd = -1 };
		o->fd = open_job(r->jobs[r->next].path, &o->st, &o->failure);
		send_job(r, r->next);
	}
}

static void close_job(struct reading *r, size_t job)
{
	vp_closep(&opened(r, job)->fd);
	opened(r, job)->fd = -1;
}

/* Exactly len more bytes into r->in, which grows as they come. False: the child ended or took too long. */
static bool receive(struct reading *r, int fd, size_t len, uint64_t deadline)
{
	while (len) {
		size_t part = len < BLOCK ? len : BLOCK;
		ssize_t n;

		if (r->in.cap < r->in.len + part + 1) {
			r->in.cap = 2 * r->in.cap + part + 1;
			r->in.data = vp_xrealloc(r->in.data, r->in.cap);
		}
		n = recv(fd, r->in.data + r->in.len, part, MSG_DONTWAIT);
		if (n < 0 && (errno == EINTR || (errno == EAGAIN && wait_for(fd, deadline))))
			continue;
		if (n <= 0)
			return false;
		r->in.len += (size_t)n;
		len -= (size_t)n;
	}
	return true;
}

/* The answer into r->in. NULL, or why there is none. */
static const char *await(struct reading *r, const struct worker *w)
{
	uint64_t deadline = vp_now_ns() + r->seconds * UINT64_C(1000000000);
	struct answer head;

	r->in.len = 0;
	if (!receive(r, w->fd, sizeof(head), deadline))
		return vp_now_ns() > deadline ? "took too long" : "ended";
	memcpy(&head, r->in.data, sizeof(head));
	if (head.size > MAX_ANSWER)
		return "answered nonsense";
	vp_sandbox_explain(head.refused & ~r->explained);
	r->explained |= head.refused;
	r->in.len = 0;
	if (!receive(r, w->fd, head.size, deadline))
		return vp_now_ns() > deadline ? "took too long" : "ended";
	return NULL;
}

static const char *hint(int sig)
{
	switch (sig) {
	case SIGSYS: return ", doing what no parser needs to do";
	case SIGABRT: return ", out of memory";
	case SIGKILL: return ", perhaps for lack of memory";
	default: return "";
	}
}

/* One error for this job; a new child, and what the old one had not come to yet. */
static int replace(struct reading *r, size_t job, const char *why, struct vp_diags *diags, struct vp_err *err)
{
	struct worker *w = &r->workers[job % r->nworkers];
	/* Of one that ended by itself, this is what it ended with. */
	int status = end(w);

	if (!strcmp(why, "ended") && WIFSIGNALED(status))
		vp_diag(diags, VP_ERROR, VP_E_PARSER, r->jobs[job].label, 0, "", "the process that parsed it was ended by SIG%s%s",
			sigabbrev_np(WTERMSIG(status)), hint(WTERMSIG(status)));
	else
		vp_diag(diags, VP_ERROR, VP_E_PARSER, r->jobs[job].label, 0, "", "the process that parsed it %s", why);
	if (start(w, err))
		return -1;
	for (size_t i = job + r->nworkers; i < r->next; i += r->nworkers)
		send_job(r, i);
	return 0;
}

/* Tree and diagnostics of one job, from its child. */
static int collect(struct reading *r, size_t job, struct vp_arena *a, struct vp_profile **p, struct vp_diags *diags, struct vp_err *err)
{
	const struct opened *o = opened(r, job);
	const char *why;

	*p = NULL;
	if (o->fd < 0) {
		vp_diag(diags, VP_ERROR, o->failure.code, r->jobs[job].label, 0, "", "%s", o->failure.msg);
		return 0;
	}
	why = await(r, &r->workers[job % r->nworkers]);
	if (vp_interrupted)
		return vp_fail(err, VP_E_INTERRUPTED, "interrupted while reading profiles");
	if (!why && !vp_unpack(a, r->jobs[job].label, r->in.data, r->in.len, p, diags))
		return 0;
	vp_diags_free(diags);
	*diags = (struct vp_diags){ .arena = a };
	return replace(r, job, why ? why : "answered nonsense", diags, err);
}

static int read_job(struct reading *r, size_t job, vp_read_fn *done, void *arg, struct vp_err *err)
{
	vp_cleanup(vp_arena_freep) struct vp_arena *a = vp_arena_new();
	vp_cleanup(vp_diags_free) struct vp_diags diags = { .arena = a };
	struct vp_profile *p;
	int rc;

	open_ahead(r, job);
	if (collect(r, job, a, &p, &diags, err))
		return -1;
	rc = done(arg, job, p, &opened(r, job)->st, &diags);
	close_job(r, job);
	return rc;
}

int vp_read_profiles(const struct vp_read_job *jobs, size_t n, const struct vp_read_opts *o, vp_read_fn *done, void *arg, struct vp_err *err)
{
	vp_cleanup(vp_freep) struct reading *r = vp_xcalloc(1, sizeof(*r));
	unsigned want = o->workers ? o->workers : usable_cpus();
	int rc = 0;

	if (!n)
		return 0;
	r->jobs = jobs;
	r->n = n;
	r->whole = o->whole;
	r->seconds = o->seconds ? o->seconds : VP_READ_SECONDS;
	want = want < MAX_WORKERS ? want : MAX_WORKERS;
	if (start_all(r, want < n ? want : (unsigned)n, err))
		return -1;
	for (size_t i = 0; i < n && !rc; i++) {
		rc = read_job(r, i, done, arg, err);
		if (r->in.cap > MUCH) {
			vp_buf_free(&r->in);
			malloc_trim(0);
		}
		if (rc)
			for (; i < r->next; i++)
				close_job(r, i);
	}
	for (unsigned i = 0; i < r->nworkers; i++)
		end(&r->workers[i]);
	vp_buf_free(&r->in);
	return rc;
}
