// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../templates/render.h"
#include "ask.h"
#include "db.h"
#include "phase.h"
#include "service.h"

#define TEXTS 3
/* Fixed part of a request; the texts follow, then the data. A length of ABSENT stands for NULL. */
#define ABSENT	 UINT32_MAX
#define MAX_TEXT (VP_MAX_EVENT + 1024)

struct head {
	uint32_t what;
	uint32_t length[TEXTS];
	uint64_t len;
	int64_t number[2];
	double time;
};

struct answer {
	int32_t rc;
	int32_t saved_errno;
	uint32_t code;
	char msg[sizeof(((struct vp_err *)NULL)->msg)];
};

int vp_send_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int vp_receive_all(int fd, void *data, size_t len)
{
	char *p = data;

	while (len) {
		ssize_t n = recv(fd, p, len, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

static int send_answer(int fd, const struct answer *a, int file)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec io = { (void *)a, sizeof(*a) };
	struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1 };

	if (file >= 0) {
		m.msg_control = control.bytes;
		m.msg_controllen = sizeof(control.bytes);
		*CMSG_FIRSTHDR(&m) = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), &file, sizeof(int));
	}
	return sendmsg(fd, &m, MSG_NOSIGNAL) == (ssize_t)sizeof(*a) ? 0 : -1;
}

/* *file: what came with it, or -1. */
static int receive_answer(int fd, struct answer *a, int *file)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec io = { a, sizeof(*a) };
	struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes) };
	ssize_t n;

	*file = -1;
	do
		n = recvmsg(fd, &m, MSG_WAITALL | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(*a))
		return -1;
	if (m.msg_controllen && CMSG_FIRSTHDR(&m) && CMSG_FIRSTHDR(&m)->cmsg_type == SCM_RIGHTS)
		memcpy(file, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(int));
	return 0;
}

static int ask_file(struct vp_state *s, const struct vp_ask *q, int *file, struct vp_err *err)
{
	struct head h = { .what = q->what, .len = q->len, .number = { q->number[0], q->number[1] }, .time = q->time };
	vp_cleanup(vp_buf_free) struct vp_buf all = { 0 };
	struct answer a = { 0 };

	for (size_t i = 0; i < TEXTS; i++)
		h.length[i] = q->text[i] ? (uint32_t)strnlen(q->text[i], MAX_TEXT) : ABSENT;
	vp_buf_add(&all, (const char *)&h, sizeof(h));
	for (size_t i = 0; i < TEXTS; i++)
		if (q->text[i])
			vp_buf_add(&all, q->text[i], h.length[i]);
	vp_buf_add(&all, q->data, q->len);
	if (vp_send_all(s->helper, all.data, all.len) || receive_answer(s->helper, &a, file))
		return vp_fail_errno(err, VP_E_HTTP, "the boot service's helper does not answer");
	if (a.rc < 0) {
		vp_fail(err, a.code < VP_E__COUNT ? (enum vp_code)a.code : VP_E_HTTP, "%.*s", (int)sizeof(a.msg), a.msg);
		errno = a.saved_errno;
	}
	return a.rc;
}

int vp_ask(struct vp_state *s, const struct vp_ask *q, struct vp_err *err)
{
	int file, rc = ask_file(s, q, &file, err);

	vp_closep(&file);
	return rc;
}

/* --- The helper's end --- */

static int open_file(struct vp_state *s, const char *node, int64_t which, struct vp_err *err)
{
	vp_cleanup(vp_arena_freep) struct vp_arena *a = vp_arena_new();
	struct vp_node_row row;
	struct stat st;
	const char *path;
	int fd;

	if (vp_state_node(s, a, node, &row, err) != 1)
		return vp_fail(err, VP_E_NOTFOUND, "no node '%s'", node);
	path = which == VP_FILE_KERNEL ? row.kernel : which == VP_FILE_INITRD ? row.initrd : vp_console_path(a, s->dir, row.name);
	/* A guest's log may be replaced while it is served; a link or a pipe in its place is not followed. */
	fd = *path == '/' ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | (which == VP_FILE_CONSOLE ? O_NOFOLLOW : 0)) : -1;
	if (fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode))
		return fd;
	vp_fail_errno(err, VP_E_IO, "%s", path);
	vp_closep(&fd);
	return -1;
}

int vp_state_file(struct vp_state *s, const char *node, enum vp_node_file which, struct vp_err *err)
{
	int file = -1;

	if (s->helper < 0)
		return open_file(s, node, which, err);
	return ask_file(s, &(struct vp_ask){ .what = VP_ASK_FILE, .text = { node }, .number = { which } }, &file, err) < 0 ? -1 : file;
}

/* A node may have gone since the service looked: that is no failure. */
static int check(struct vp_state *s, const char *node, double from, struct vp_err *err)
{
	vp_cleanup(vp_arena_freep) struct vp_arena *a = vp_arena_new();
	struct vp_node_row row;
	int rc = vp_state_node(s, a, node, &row, err);

	return rc == 1 ? vp_phase_check(s, a, &row, true, from, true, err) : rc;
}

/* How many texts there have to be; of an event the node may be absent, of evidence the phase's name. */
static bool is_whole(const struct vp_ask *q)
{
	static const bool must[][TEXTS] = {
		[VP_ASK_EVENT] = { false, true, true },
		[VP_ASK_EVIDENCE] = { true, false, true },
		[VP_ASK_TAKE_CONFIG] = { true },
		[VP_ASK_RESULT] = { true, true, true },
		[VP_ASK_LEASE] = { true, true },
		[VP_ASK_TASK_DONE] = { true, true },
		[VP_ASK_STRANGER] = { true, true },
		[VP_ASK_SEEN] = { true, true },
		[VP_ASK_ENTER] = { true, true },
		[VP_ASK_CHECK] = { true },
		[VP_ASK_FILE] = { true },
	};

	if (q->what >= vp_count(must))
		return false;
	for (size_t i = 0; i < TEXTS; i++)
		if (must[q->what][i] && !q->text[i])
			return false;
	return true;
}

static int carry_out(struct vp_state *s, const struct vp_ask *q, int *file, struct vp_err *err)
{
	const char *const *t = q->text;

	if (!is_whole(q))
		return vp_fail(err, VP_E_HTTP, "not a request of the boot service's");
	switch (q->what) {
	case VP_ASK_EVENT: return vp_state_event(s, t[0], t[1], t[2], err);
	case VP_ASK_EVIDENCE:
		return q->number[0] < 0 || q->number[0] >= VP_EV__COUNT
			       ? vp_fail(err, VP_E_HTTP, "no such evidence")
			       : vp_state_evidence(s, t[0], (enum vp_evidence)q->number[0], t[1], (int)q->number[1], t[2], err);
	case VP_ASK_TAKE_CONFIG: return vp_state_take_config(s, t[0], err);
	case VP_ASK_RESULT: return vp_state_result_put(s, t[0], t[1], t[2], q->data, q->len, err);
	case VP_ASK_LEASE: return vp_state_lease(s, t[0], t[1], err);
	case VP_ASK_TASK_DONE: return vp_state_task_done(s, t[0], t[1], err);
	case VP_ASK_STRANGER: return vp_state_stranger(s, t[0], t[1], err);
	case VP_ASK_SEEN: return vp_phase_seen(s, t[0], t[1], err);
	case VP_ASK_ENTER:
		return q->number[0] < 0 || q->number[0] >= VP_PHASE__COUNT ? vp_fail(err, VP_E_HTTP, "no such phase")
									   : vp_phase_enter(s, t[0], (enum vp_phase)q->number[0], t[1], err);
	case VP_ASK_CHECK: return check(s, t[0], q->time, err);
	case VP_ASK_FILE: *file = open_file(s, t[0], q->number[0], err); return *file < 0 ? -1 : 0;
	case VP_ASK_NOTHING:
	case VP_ASK_READY: break;
	}
	return vp_fail(err, VP_E_HTTP, "not a request of the boot service's");
}

/* Strings in the arena. -1: the other end is gone, or what it sends is none. */
static int receive(int fd, struct vp_arena *a, struct vp_ask *q)
{
	struct head h;

	if (vp_receive_all(fd, &h, sizeof(h)) || h.len > VP_MAX_HTTP_BODY)
		return -1;
	*q = (struct vp_ask){ .what = (enum vp_ask_what)h.what, .number = { h.number[0], h.number[1] }, .time = h.time, .len = (size_t)h.len };
	for (size_t i = 0; i < TEXTS; i++) {
		char *text;

		if (h.length[i] == ABSENT)
			continue;
		if (h.length[i] > MAX_TEXT)
			return -1;
		text = vp_alloc(a, h.length[i] + 1);
		if (vp_receive_all(fd, text, h.length[i]))
			return -1;
		/* It may end in a terminal of root's. */
		q->text[i] = vp_printable_lines(a, text, MAX_TEXT, "\n");
	}
	q->data = vp_alloc(a, q->len + 1);
	return vp_receive_all(fd, (void *)q->data, q->len);
}

int vp_ask_answer(struct vp_state *s, int fd, int (*ready)(void *arg, unsigned port, struct vp_err *err), void *arg)
{
	vp_cleanup(vp_arena_freep) struct vp_arena *a = vp_arena_new();
	vp_cleanup(vp_closep) int file = -1;
	struct answer answer = { 0 };
	struct vp_err err = { 0 };
	struct vp_ask q;

	if (receive(fd, a, &q))
		return -1;
	answer.rc = q.what == VP_ASK_READY ? ready(arg, (unsigned)q.number[0], &err) : carry_out(s, &q, &file, &err);
	answer.saved_errno = errno;
	answer.code = err.code;
	memcpy(answer.msg, err.msg, sizeof(answer.msg));
	return send_answer(fd, &answer, file);
}
