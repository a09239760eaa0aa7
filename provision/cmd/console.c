// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "cmd.h"

/* Ctrl-] as with telnet and virsh. */
#define ESCAPE '\x1d'

static int write_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t done = write(fd, p, n);

		if (done < 0 && errno == EINTR && !vp_interrupted)
			continue;
		if (done < 0)
			return -1;
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

/* --- The log --- */

/* Prints what is there from *from on. */
static int print_log(int fd, off_t *from, int *at)
{
	char block[16384];
	ssize_t n;

	while (!vp_interrupted && (n = pread(fd, block, sizeof(block), *from)) > 0) {
		*from += n;
		if (write_all(STDOUT_FILENO, block, vp_out.tty ? vp_strip_terminal(at, block, (size_t)n) : (size_t)n))
			return -1;
	}
	return 0;
}

static int show_log(struct vp_ctx *c, const char *path)
{
	const struct timespec pause = { .tv_nsec = 200000000 };
	vp_cleanup(vp_closep) int fd = -1;
	struct vp_err err = { 0 };
	off_t from = 0;
	struct stat st;
	int at = 0;

	for (;;) {
		if (fd < 0)
			fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (fd < 0 && errno != ENOENT) {
			vp_fail_errno(&err, VP_E_IO, "%s", path);
			return vp_ctx_error(c, &err);
		}
		/* A new installation starts a new log. */
		if (fd >= 0 && !fstat(fd, &st) && st.st_size < from)
			from = 0;
		if (fd >= 0 && print_log(fd, &from, &at)) {
			vp_fail_errno(&err, VP_E_IO, "writing the console");
			return errno == EPIPE ? VP_EXIT_OK : vp_ctx_error(c, &err);
		}
		if (!c->follow || vp_interrupted)
			break;
		nanosleep(&pause, NULL);
	}
	if (fd < 0 && !c->follow)
		vp_warn("%s has written nothing to its console yet", c->args[0]);
	return VP_EXIT_OK;
}

/* --- The live console --- */

struct pty {
	const char *node;
	char path[256];
};

static int find_pty(struct vp_hv *hv, void *arg, struct vp_err *err)
{
	struct pty *p = arg;

	return hv->ops->console(hv, p->node, p->path, sizeof(p->path), err);
}

/* Bytes both ways until the escape key, or until the guest's end closes. */
static void relay(int pty)
{
	char block[4096];

	while (!vp_interrupted) {
		struct pollfd fds[] = { { STDIN_FILENO, POLLIN, 0 }, { pty, POLLIN, 0 } };
		ssize_t n;

		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[1].revents) {
			n = read(pty, block, sizeof(block));
			if (n <= 0 || write_all(STDOUT_FILENO, block, (size_t)n))
				return;
		}
		if (fds[0].revents) {
			const char *end;

			n = read(STDIN_FILENO, block, sizeof(block));
			end = n > 0 ? memchr(block, ESCAPE, (size_t)n) : NULL;
			if (n <= 0 || write_all(pty, block, end ? (size_t)(end - block) : (size_t)n) || end)
				return;
		}
	}
}

static int attach(struct vp_ctx *c, const char *path)
{
	vp_cleanup(vp_closep) int pty = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct termios old, raw;
	struct vp_err err = { 0 };

	if (pty < 0 || tcgetattr(STDIN_FILENO, &old)) {
		vp_fail_errno(&err, VP_E_IO, "console %s", path);
		return vp_ctx_error(c, &err);
	}
	fprintf(stderr, "Connected to the console of %s; Ctrl-] leaves it.\n", c->args[0]);
	raw = old;
	cfmakeraw(&raw);
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	relay(pty);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
	fputs("\nDisconnected.\n", stderr);
	return VP_EXIT_OK;
}

int vp_cmd_console(struct vp_ctx *c)
{
	vp_cleanup(vp_state_closep) struct vp_state *s = NULL;
	struct pty pty = { .node = c->args[0] };
	struct vp_node_row row;
	struct vp_err err = { 0 };
	int rc = vp_ctx_state(c, true, &s);

	if (rc)
		return rc;
	if (vp_state_node(s, c->arena, c->args[0], &row, &err) < 0)
		return vp_ctx_error(c, &err);
	if (!c->follow && vp_out.tty && isatty(STDIN_FILENO)) {
		if (!vp_ctx_peek(c, row.host, find_pty, &pty, &err))
			return attach(c, pty.path);
		vp_warn("no live console, this is its log: %s", err.msg);
	}
	return show_log(c, vp_console_path(c->arena, c->state_dir, row.name));
}
