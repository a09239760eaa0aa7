// SPDX-License-Identifier: Apache-2.0
/* The channel to the host beside the network: a virtio port that udev may have named or not. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "guest.h"

#define PORTS "/sys/class/virtio-ports"
#define PORT  "vprov.0"

/* "vport1p2", or "". */
static void find_port(char *name, size_t size)
{
	DIR *d = opendir(PORTS);

	*name = '\0';
	for (const struct dirent *e; d && !*name && (e = readdir(d));) {
		char path[300], text[32] = "";
		FILE *f;

		snprintf(path, sizeof(path), PORTS "/%s/name", e->d_name);
		f = fopen(path, "re");
		if (f && fscanf(f, "%31s", text) == 1 && !strcmp(text, PORT))
			snprintf(name, size, "%s", e->d_name);
		if (f)
			fclose(f);
	}
	if (d)
		closedir(d);
}

/* -1 where there is none, another process has it, or nobody is at its other end. */
static int open_port(void)
{
	char name[256], path[300];
	struct pollfd p = { .events = POLLOUT };

	find_port(name, sizeof(name));
	snprintf(path, sizeof(path), "/dev/%s", name);
	p.fd = *name ? open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC) : -1;
	if (p.fd < 0)
		return -1;
	if (poll(&p, 1, 0) >= 0 && !(p.revents & (POLLHUP | POLLERR)))
		return p.fd;
	close(p.fd);
	return -1;
}

bool vp_channel_there(void)
{
	int fd = open_port();

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* One piece either way once the port is ready for it; -1 at the end of the time, or of the channel. */
static ssize_t move(int fd, short event, char *data, size_t n, double end)
{
	for (double now; (now = vp_guest_clock(CLOCK_MONOTONIC)) < end;) {
		struct pollfd p = { fd, event, 0 };
		ssize_t moved;

		if (poll(&p, 1, (int)((end - now) * 1000) + 1) < 0 && errno != EINTR)
			return -1;
		if (p.revents & POLLHUP)
			return -1;
		if (!(p.revents & event))
			continue;
		moved = event == POLLIN ? read(fd, data, n) : write(fd, data, n);
		if (moved > 0)
			return moved;
		if (moved < 0 && errno != EINTR && errno != EAGAIN)
			return -1;
	}
	return -1;
}

static int send_all(int fd, const char *data, size_t n, double end)
{
	while (n) {
		/* It is only read. */
		ssize_t w = move(fd, POLLOUT, (char *)(uintptr_t)data, n, end);

		if (w < 0)
			return -1;
		data += w;
		n -= (size_t)w;
	}
	return 0;
}

/* The status of the answer to that question, its body to text; -1. Others are of questions that nobody waits for any more. */
static int take_answer(int fd, const char *id, char *text, size_t max, double end)
{
	char head[128], got[32];
	size_t used, length;
	int status;

	for (;;) {
		used = 0;
		do
			if (used == sizeof(head) - 1 || move(fd, POLLIN, head + used, 1, end) != 1)
				return -1;
		while (head[used++] != '\n');
		head[used] = '\0';
		if (sscanf(head, "VPROV %31s %d %zu", got, &status, &length) != 3)
			continue;
		if (length > max)
			return -1;
		for (used = 0; used < length;) {
			ssize_t n = move(fd, POLLIN, text + used, length - used, end);

			if (n < 0)
				return -1;
			used += (size_t)n;
		}
		text[used] = '\0';
		if (!strcmp(got, id))
			return status;
	}
}

int vp_channel_call(const char *method, const char *path, const void *body, size_t len, char **out, size_t max, int timeout_s)
{
	double now = vp_guest_clock(CLOCK_MONOTONIC), end = now + timeout_s;
	char head[700], id[32], *text;
	int fd = open_port(), status = -1, n;

	if (fd < 0)
		return -1;
	snprintf(id, sizeof(id), "%x.%llx", (unsigned)getpid(), (unsigned long long)(now * 1e6));
	n = snprintf(head, sizeof(head), "VPROV %s %s %s %zu\n", id, method, path, len);
	text = malloc(max + 1);
	if (text && n > 0 && (size_t)n < sizeof(head) && !send_all(fd, head, (size_t)n, end) && !send_all(fd, body, len, end))
		status = take_answer(fd, id, text, max, end);
	close(fd);
	if (status < 0 || !out)
		free(text);
	else
		*out = text;
	return status;
}
