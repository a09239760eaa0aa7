// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "guest.h"

/* "http://1.2.3.4[:PORT]/path" -> address and path. */
static int parse_url(const char *url, struct sockaddr_in *to, char *host, size_t size, const char **path)
{
	const char *start, *colon;
	char *end = NULL;
	unsigned long port = 80;
	char ip[64];
	size_t n;

	if (strncmp(url, "http://", 7))
		return -1;
	start = url + 7;
	n = strcspn(start, "/");
	if (n >= size || n >= sizeof(ip))
		return -1;
	snprintf(host, size, "%.*s", (int)n, start);
	*path = start[n] ? start + n : "/";
	memcpy(ip, host, n + 1);
	colon = strchr(host, ':');
	if (colon) {
		ip[colon - host] = '\0';
		port = strtoul(colon + 1, &end, 10);
		if (end == colon + 1 || *end || !port || port > 65535)
			return -1;
	}
	*to = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	return inet_pton(AF_INET, ip, &to->sin_addr) == 1 ? 0 : -1;
}

static int connect_to(const struct sockaddr_in *to, int timeout_s)
{
	const struct timeval tv = { .tv_sec = timeout_s };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	/* On Linux the send timeout bounds connect(), too. */
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	if (!connect(fd, (const struct sockaddr *)to, sizeof(*to)))
		return fd;
	close(fd);
	return -1;
}

static int send_all(int fd, const void *data, size_t len)
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

/* One more piece from the peer; bytes, 0 at the end of the stream, -1. */
static ssize_t fill(struct vp_http *h)
{
	ssize_t n;

	do
		n = recv(h->fd, h->buf + h->len, sizeof(h->buf) - 1 - h->len, 0);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		h->len += (size_t)n;
	h->buf[h->len] = '\0';
	return n;
}

static void parse_field(struct vp_http *h, const char *line)
{
	unsigned long long v;

	if (!strncasecmp(line, "Content-Length:", 15) && sscanf(line + 15, "%llu", &v) == 1)
		h->left = v;
	else if (!strncasecmp(line, "Content-Range:", 14) && sscanf(line + 14, " bytes %llu-", &v) == 1)
		h->from = v;
}

/* The status line and the fields, all of which have to fit the buffer. */
static int read_head(struct vp_http *h)
{
	char *end;

	while (!(end = strstr(h->buf, "\r\n\r\n")))
		if (h->len == sizeof(h->buf) - 1 || fill(h) <= 0)
			return -1;
	*end = '\0';
	if (sscanf(h->buf, "HTTP/1.%*1d %3d", &h->status) != 1)
		return -1;
	h->left = UINT64_MAX;
	for (char *p = strstr(h->buf, "\r\n"); p; p = strstr(p, "\r\n"))
		parse_field(h, p += 2);
	h->pos = (size_t)(end + 4 - h->buf);
	return 0;
}

/* HTTP/1.0, so that no server answers in chunks: a body has a length or ends with the connection. */
int vp_http_open(struct vp_http *h, const char *method, const char *url, uint64_t from, const void *body, size_t len, int timeout_s)
{
	struct sockaddr_in to;
	const char *path;
	char host[64], head[2048];
	int n;

	*h = (struct vp_http){ .fd = -1 };
	if (parse_url(url, &to, host, sizeof(host), &path)) {
		fprintf(stderr, "vprov-guest: %s: not http://IPV4-ADDRESS[:PORT]/PATH\n", url);
		return -1;
	}
	n = snprintf(head, sizeof(head), "%s %s HTTP/1.0\r\nHost: %s\r\nUser-Agent: vprov-guest\r\nConnection: close\r\nContent-Length: %zu\r\n",
		     method, path, host, len);
	if (from && n > 0 && (size_t)n < sizeof(head))
		n += snprintf(head + n, sizeof(head) - (size_t)n, "Range: bytes=%llu-\r\n", (unsigned long long)from);
	if (n < 0 || (size_t)n > sizeof(head) - 3)
		return -1;
	memcpy(head + n, "\r\n", 3);
	h->fd = connect_to(&to, timeout_s);
	if (h->fd < 0)
		return -1;
	if (!send_all(h->fd, head, (size_t)n + 2) && !send_all(h->fd, body, len) && !read_head(h))
		return 0;
	vp_http_close(h);
	return -1;
}

ssize_t vp_http_read(struct vp_http *h, void *data, size_t n)
{
	if (!h->left)
		return 0;
	if (h->pos == h->len) {
		ssize_t got;

		h->pos = h->len = 0;
		got = fill(h);
		if (got < 0)
			return -1;
		if (!got)
			return h->left == UINT64_MAX ? 0 : -1;
	}
	if (n > h->len - h->pos)
		n = h->len - h->pos;
	if (n > h->left)
		n = (size_t)h->left;
	memcpy(data, h->buf + h->pos, n);
	h->pos += n;
	if (h->left != UINT64_MAX)
		h->left -= n;
	return (ssize_t)n;
}

void vp_http_close(struct vp_http *h)
{
	if (h->fd >= 0)
		close(h->fd);
	h->fd = -1;
}

int vp_http_call(const char *method, const char *url, const void *body, size_t len, char **out, size_t max, int timeout_s)
{
	struct vp_http h;
	size_t used = 0;
	ssize_t n = 0;
	char *text;

	if (vp_http_open(&h, method, url, 0, body, len, timeout_s))
		return -1;
	text = malloc(max + 1);
	while (text && used < max && (n = vp_http_read(&h, text + used, max - used)) > 0)
		used += (size_t)n;
	vp_http_close(&h);
	if (!text || n < 0) {
		free(text);
		return -1;
	}
	text[used] = '\0';
	if (out)
		*out = text;
	else
		free(text);
	return h.status;
}
