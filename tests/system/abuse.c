// SPDX-License-Identifier: Apache-2.0
/*
 * abuse headers|bodies|readers|silent SERVER PORT FIRST ADDRESSES EACH PATH SECONDS : slow HTTP clients, EACH from each of ADDRESSES consecutive
 * addresses from FIRST on, all open at once. headers: a byte of a header every second, without end; bodies: the same of a body;
 * readers: they ask for PATH and read nothing; silent: they say nothing. Prints how many the server has open at the beginning and at the end.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../provision/base/base.h"

#define MAX 2000

static int open_one(uint32_t from, const struct sockaddr_in *to)
{
	const struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(from) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	/* Little of what is not read may be on its way. */
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &(int){ 4096 }, sizeof(int));
	if (bind(fd, (const struct sockaddr *)&at, sizeof(at)) || (connect(fd, (const struct sockaddr *)to, sizeof(*to)) && errno != EINPROGRESS)) {
		perror("abuse");
		exit(2);
	}
	return fd;
}

/* Connected, and not closed by the other side. A reader has unread bytes: only an error or a hang-up is the end of it. */
static bool is_open(int fd, bool reads)
{
	struct pollfd p = { fd, POLLIN | POLLOUT | POLLRDHUP, 0 };
	char c;

	if (fd < 0 || poll(&p, 1, 0) <= 0 || p.revents & (POLLERR | POLLHUP) || !(p.revents & (POLLOUT | POLLIN)))
		return false;
	return reads || (!(p.revents & POLLRDHUP) && recv(fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) != 0);
}

static unsigned count(const int *fds, unsigned n, bool reads)
{
	unsigned open = 0;

	for (unsigned i = 0; i < n; i++)
		open += is_open(fds[i], reads);
	return open;
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	static int fds[MAX];
	char start[512] = "";
	struct in_addr first;
	unsigned n = 0;
	bool reads;

	if (argc != 9 || inet_pton(AF_INET, argv[2], &to.sin_addr) != 1 || inet_pton(AF_INET, argv[4], &first) != 1)
		return 2;
	setrlimit(RLIMIT_NOFILE, &(struct rlimit){ MAX + 50, MAX + 50 });
	to.sin_port = htons((uint16_t)atoi(argv[3]));
	reads = !strcmp(argv[1], "readers");
	if (reads)
		snprintf(start, sizeof(start), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", argv[7]);
	else if (!strcmp(argv[1], "bodies"))
		snprintf(start, sizeof(start), "POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: 4000\r\n\r\n", argv[7]);
	else if (!strcmp(argv[1], "headers"))
		snprintf(start, sizeof(start), "GET %s HTTP/1.1\r\nHost: a\r\nX-Slow: ", argv[7]);
	for (int i = 0; i < atoi(argv[5]); i++)
		for (int k = 0; k < atoi(argv[6]) && n < MAX; k++)
			fds[n++] = open_one(ntohl(first.s_addr) + (uint32_t)i, &to);
	sleep(2);
	for (unsigned i = 0; i < n; i++)
		(void)!send(fds[i], start, strlen(start), MSG_NOSIGNAL);
	sleep(1);
	printf("%u of %u open\n", count(fds, n, reads), n);
	fflush(stdout);
	for (int s = 0; s < atoi(argv[8]); s++) {
		sleep(1);
		for (unsigned i = 0; i < n && !reads && *start; i++)
			(void)!send(fds[i], "a", 1, MSG_NOSIGNAL);
	}
	printf("%u of %u still open\n", count(fds, n, reads), n);
	return 0;
}
