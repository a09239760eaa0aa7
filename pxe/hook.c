// SPDX-License-Identifier: Apache-2.0
/* What dnsmasq tells through its script: leases given, files sent whole. */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "dhcp.h"

#define MAX_PROGRAM (16u << 20)

/* The next word, which ends at a space; the last one (rest) takes what is left. False where it is empty or does not fit. */
static bool word(const char **p, bool rest, char *out, size_t size)
{
	size_t n = rest ? strlen(*p) : strcspn(*p, " ");

	if (!n || n >= size || (!rest && !(*p)[n]))
		return false;
	memcpy(out, *p, n);
	out[n] = '\0';
	*p += n + !rest;
	return true;
}

static bool is_mac(char *s)
{
	for (size_t i = 0; i < 17; i++) {
		if (i % 3 == 2 ? s[i] != ':' : !isxdigit((unsigned char)s[i]))
			return false;
		s[i] = (char)tolower((unsigned char)s[i]);
	}
	return !s[17];
}

static bool is_address(const char *s)
{
	struct in_addr a;

	return inet_pton(AF_INET, s, &a) == 1;
}

static bool parse_lease(const char *p, struct vp_hook *out)
{
	char mac[18];

	if (!word(&p, false, mac, sizeof(mac)) || strlen(mac) != 17 || !is_mac(mac) || !word(&p, true, out->ip, sizeof(out->ip)) ||
	    !is_address(out->ip))
		return false;
	memcpy(out->mac, mac, sizeof(mac));
	return true;
}

static bool parse_sent(const char *p, const char *root, struct vp_hook *out)
{
	char bytes[20];
	size_t n = strlen(root);

	if (!word(&p, false, bytes, sizeof(bytes)) || !vp_parse_u64(bytes, 0, INT64_MAX, &out->bytes) || !word(&p, false, out->ip, sizeof(out->ip)) ||
	    !is_address(out->ip) || strncmp(p, root, n) || p[n] != '/')
		return false;
	p += n + 1;
	for (const char *c = p; *c; c++)
		if ((unsigned char)*c < ' ')
			return false;
	return word(&p, true, out->file, sizeof(out->file));
}

void vp_hook_parse(const char *data, size_t len, const char *tftp_root, struct vp_hook *out)
{
	char text[1024], action[8];
	const char *p = text;
	struct vp_hook h = { 0 };

	*out = h;
	if (len >= sizeof(text) || memchr(data, '\0', len))
		return;
	memcpy(text, data, len);
	text[len] = '\0';
	if (!word(&p, false, action, sizeof(action)))
		return;
	if ((!strcmp(action, "add") || !strcmp(action, "old")) && parse_lease(p, &h))
		h.kind = VP_HOOK_LEASE;
	else if (!strcmp(action, "tftp") && parse_sent(p, tftp_root, &h))
		h.kind = VP_HOOK_SENT;
	if (h.kind != VP_HOOK_NONE)
		*out = h;
}

int vp_hook_open(const char *dir, const char *program, const struct passwd *user, struct vp_err *err)
{
	vp_cleanup(vp_arena_freep) struct vp_arena *a = vp_arena_new();
	vp_cleanup(vp_closep) int at_dir = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	const char *path = vp_printf(a, "%s/events", dir);
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	vp_cleanup(vp_buf_free) struct vp_buf data = { 0 };
	int fd;

	if (vp_read_file(program, MAX_PROGRAM, &data, err) || vp_write_file(vp_printf(a, "%s/hook", dir), data.data, data.len, 0755, err) ||
	    vp_remove_tree(path, err))
		return -1;
	/* The path itself may be longer than an address of a socket. */
	snprintf(at.sun_path, sizeof(at.sun_path), "/proc/self/fd/%d/events", at_dir);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return vp_fail_errno(err, VP_E_IO, "socket");
	/* For that user alone. */
	if (!bind(fd, (const struct sockaddr *)&at, sizeof(at)) && !chmod(path, 0600) && (!user || !chown(path, user->pw_uid, user->pw_gid)))
		return fd;
	vp_fail_errno(err, VP_E_IO, "%s", path);
	close(fd);
	return -1;
}
