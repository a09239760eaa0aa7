// SPDX-License-Identifier: Apache-2.0
/*
 * What dnsmasq runs for each lease and each file sent (dhcp-script): one datagram to the boot service, then the end. It runs on the host, under
 * dnsmasq's user, through a link in the service's directory, beside which the socket is. A service that is gone, or does not read, costs it
 * two seconds at most; dnsmasq goes on meanwhile.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "guest.h"

#define MAX_NOTE 1024

/* To where the link is that was run: its path may be longer than an address of a socket. */
static int go_beside(void)
{
	const char *self = (const char *)getauxval(AT_EXECFN), *slash = self ? strrchr(self, '/') : NULL;
	char dir[4096];
	int n = slash ? snprintf(dir, sizeof(dir), "%.*s/", (int)(slash - self), self) : -1;

	return n > 0 && (size_t)n < sizeof(dir) ? chdir(dir) : -1;
}

/* "add MAC IP", "old MAC IP" where a client was given its address again, "tftp BYTES IP PATH"; 0 where there is nothing to say. */
static int note(int argc, char **argv, char *out)
{
	int n = 0;

	if (argc >= 4 && (!strcmp(argv[1], "add") || (!strcmp(argv[1], "old") && !getenv("DNSMASQ_DATA_MISSING"))))
		n = snprintf(out, MAX_NOTE, "%s %s %s", argv[1], argv[2], argv[3]);
	else if (argc == 5 && !strcmp(argv[1], "tftp"))
		n = snprintf(out, MAX_NOTE, "tftp %s %s %s", argv[2], argv[3], argv[4]);
	return n < MAX_NOTE ? n : 0;
}

int vp_guest_hook(int argc, char **argv)
{
	const struct timeval patience = { .tv_sec = 2 };
	const struct sockaddr_un to = { .sun_family = AF_UNIX, .sun_path = "events" };
	char text[MAX_NOTE];
	int fd, n = note(argc, argv, text);

	/* Leases that end, and what dnsmasq says of all it knows when it reads its files again, are no news. */
	if (n <= 0)
		return VP_GUEST_OK;
	fd = go_beside() ? -1 : socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) ||
	    sendto(fd, text, (size_t)n, 0, (const struct sockaddr *)&to, sizeof(to)) != n)
		return VP_GUEST_FAILED;
	return VP_GUEST_OK;
}
