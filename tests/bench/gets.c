// SPDX-License-Identifier: Apache-2.0
/* gets ADDRESS PORT PATH CONNECTIONS TOTAL : so many GETs of a small file over so many connections that stay open; each has one on its way at a time.
 */
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX 256

struct get {
	int fd;
	char data[65536];
	size_t len;
};

static char request[512];
static unsigned sent;

static void ask(struct get *g)
{
	g->len = 0;
	sent++;
	if (write(g->fd, request, strlen(request)) != (ssize_t)strlen(request))
		exit(1);
}

/* True once the answer is whole: a head, and as many bytes as it says. */
static int take(struct get *g)
{
	ssize_t n = read(g->fd, g->data + g->len, sizeof(g->data) - 1 - g->len);
	const char *end, *length;

	if (n <= 0)
		exit(1);
	g->len += (size_t)n;
	g->data[g->len] = '\0';
	end = strstr(g->data, "\r\n\r\n");
	length = strcasestr(g->data, "\r\nContent-Length:");
	if (!end)
		return 0;
	if (strncmp(g->data, "HTTP/1.1 200", 12) != 0 || !length)
		exit(1);
	return g->len >= (size_t)(end + 4 - g->data) + strtoul(length + 17, NULL, 10);
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	static struct get gets[MAX];
	static struct pollfd fds[MAX];
	unsigned n, total, done = 0;

	if (argc != 6 || (n = (unsigned)atoi(argv[4])) < 1 || n > MAX)
		return 2;
	to.sin_port = htons((unsigned short)atoi(argv[2]));
	inet_pton(AF_INET, argv[1], &to.sin_addr);
	total = (unsigned)atoi(argv[5]);
	snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: bench\r\n\r\n", argv[3]);
	for (unsigned i = 0; i < n; i++) {
		gets[i].fd = socket(AF_INET, SOCK_STREAM, 0);
		if (connect(gets[i].fd, (const struct sockaddr *)&to, sizeof(to)))
			return 1;
		fds[i] = (struct pollfd){ gets[i].fd, POLLIN, 0 };
		ask(&gets[i]);
	}
	while (done < total && poll(fds, n, 10000) > 0)
		for (unsigned i = 0; i < n; i++)
			if (fds[i].revents && take(&gets[i])) {
				done++;
				if (sent < total)
					ask(&gets[i]);
			}
	return done < total;
}
