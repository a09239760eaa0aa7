// SPDX-License-Identifier: Apache-2.0
/* Notes that profiles have changed, as SCDB and Aquilon send them: UDP, "cdb" or "ccm", a NUL, seconds since 1970. Anybody can send one. */
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fetch.h"

/* Of one call: a flood is left to the next one. */
#define MAX_NOTES 1000

int vp_notify_open(unsigned port, struct vp_err *err)
{
	const struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
	const struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	const int no = 0;
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bool bound = fd >= 0 && !setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof(no)) &&
		     !bind(fd, (const struct sockaddr *)(const void *)&six, sizeof(six));

	if (!bound && errno != EADDRINUSE) {
		/* A kernel without IPv6. */
		vp_closep(&fd);
		fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		bound = fd >= 0 && !bind(fd, (const struct sockaddr *)(const void *)&four, sizeof(four));
	}
	if (bound)
		return fd;
	vp_fail_errno(err, VP_E_IO, "listening on UDP port %u for notes that profiles changed", port);
	vp_closep(&fd);
	return -1;
}

bool vp_notify_is(const char *data, size_t len)
{
	if (len < 5 || len > 24 || (memcmp(data, "cdb", 4) != 0 && memcmp(data, "ccm", 4) != 0))
		return false;
	for (size_t i = 4; i < len; i++)
		if (!isdigit((unsigned char)data[i]))
			return false;
	return true;
}

bool vp_notify_take(int fd)
{
	static uint64_t last;
	static bool pending;
	char data[64];
	ssize_t n;

	for (unsigned i = 0; i < MAX_NOTES && (n = recv(fd, data, sizeof(data), MSG_DONTWAIT | MSG_TRUNC)) >= 0; i++)
		pending |= (size_t)n <= sizeof(data) && vp_notify_is(data, (size_t)n);
	if (!pending || (last && vp_now_ns() - last < VP_NOTIFY_SECONDS * UINT64_C(1000000000)))
		return false;
	pending = false;
	last = vp_now_ns();
	return true;
}
