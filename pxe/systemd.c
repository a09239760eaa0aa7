// SPDX-License-Identifier: Apache-2.0
/* The notification protocol of sd_notify(3): a datagram to a socket whose name is in the environment. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "serve.h"

void vp_tell_systemd(const char *text)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	vp_cleanup(vp_closep) int fd = -1;
	size_t len = path ? strlen(path) : 0;

	if ((len && *path != '/' && *path != '@') || !len || len >= sizeof(to.sun_path))
		return;
	memcpy(to.sun_path, path, len);
	/* An abstract name. */
	if (*path == '@')
		to.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 ||
	    sendto(fd, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *)&to, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0)
		vp_debug("the service manager could not be told: %s", text);
}
