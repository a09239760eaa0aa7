// SPDX-License-Identifier: Apache-2.0
/*
 * What installers of distributions log (RFC 3164, RFC 5424) comes here by UDP: the newest line of each is evidence that it is alive, and the last one
 * says where it stopped. Anybody can send such a datagram, so it proves nothing more, and one a second of each node is written down.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../provision/state/phase.h"
#include "dhcp.h"

/* Senders in one second that are told apart; of two with the same place the later one is heard. */
#define SLOTS	  256
#define DATAGRAMS 1000

struct slot {
	struct in_addr from;
	char text[256];
	bool news;
};

struct vp_syslog {
	int *fds;
	size_t n;
	struct slot slots[SLOTS];
};

/* "Nov 25 10:11:12 " */
static bool is_stamp(const char *s, size_t len)
{
	static const char form[] = "Aaa 00 00:00:00 ";

	if (len < strlen(form))
		return false;
	for (size_t i = 0; form[i]; i++)
		if (form[i] == '0'		      ? !isdigit((unsigned char)s[i]) && s[i] != ' '
		    : isalpha((unsigned char)form[i]) ? !isalpha((unsigned char)s[i])
						      : s[i] != form[i])
			return false;
	return true;
}

void vp_syslog_text(const char *data, size_t len, char *out, size_t size)
{
	const char *end = data + len, *p = data;

	if (p < end && *p == '<') {
		const char *close = memchr(p, '>', len < 6 ? len : 6);

		p = close ? close + 1 : p;
	}
	if (is_stamp(p, (size_t)(end - p)))
		p += strlen("Nov 25 10:11:12 ");
	while (end > p && isspace((unsigned char)end[-1]))
		end--;
	len = (size_t)(end - p) < size - 1 ? (size_t)(end - p) : size - 1;
	memcpy(out, p, len);
	out[len] = '\0';
}

struct vp_syslog *vp_syslog_new(void)
{
	return vp_xcalloc(1, sizeof(struct vp_syslog));
}

static void close_all(struct vp_syslog *l)
{
	while (l->n)
		vp_closep(&l->fds[--l->n]);
	free(l->fds);
	l->fds = NULL;
}

int vp_syslog_listen(struct vp_syslog *l, const struct vp_serve_net *nets, size_t n, unsigned port, struct vp_err *err)
{
	close_all(l);
	l->fds = vp_xcalloc(n + 1, sizeof(*l->fds));
	for (size_t i = 0; i < n; i++) {
		struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
		int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

		if (fd >= 0)
			l->fds[l->n++] = fd;
		if (fd < 0 || inet_pton(AF_INET, nets[i].address, &at.sin_addr) != 1 || bind(fd, (const struct sockaddr *)&at, sizeof(at)))
			return vp_fail_errno(err, VP_E_NET, "what installers log: UDP port %u on %s", port, nets[i].address);
	}
	return 0;
}

int vp_syslog_fd(const struct vp_syslog *l, size_t i)
{
	return i < l->n ? l->fds[i] : -1;
}

void vp_syslog_read(struct vp_syslog *l)
{
	for (size_t i = 0; i < l->n; i++) {
		struct sockaddr_in from = { 0 };
		socklen_t len = sizeof(from);
		char data[1500], text[sizeof(l->slots[0].text)];
		ssize_t n;

		for (unsigned k = 0; k < DATAGRAMS && (n = recvfrom(l->fds[i], data, sizeof(data), 0, (struct sockaddr *)&from, &len)) >= 0; k++) {
			struct slot *s = &l->slots[(ntohl(from.sin_addr.s_addr) * 2654435761u >> 24) % SLOTS];

			len = sizeof(from);
			vp_syslog_text(data, (size_t)n, text, sizeof(text));
			if (!text[0])
				continue;
			s->from = from.sin_addr;
			memcpy(s->text, text, sizeof(text));
			s->news = true;
		}
	}
}

static int tell(struct vp_state *s, const struct slot *slot, struct vp_err *err)
{
	vp_cleanup(vp_arena_freep) struct vp_arena *a = vp_arena_new();
	struct vp_node_row row;
	char ip[INET_ADDRSTRLEN];
	int rc;

	inet_ntop(AF_INET, &slot->from, ip, sizeof(ip));
	rc = vp_state_node_by_ip(s, a, ip, &row, err);
	/* vprov's own installer reports by itself, with a secret. */
	if (rc != 1 || row.life < VP_CONFIG || row.life >= VP_UP || !row.kernel[0])
		return rc < 0 ? -1 : 0;
	return vp_phase_seen(s, row.name, vp_printf(a, "syslog: %s", slot->text), err);
}

int vp_syslog_tell(struct vp_syslog *l, struct vp_state *s, struct vp_err *err)
{
	for (size_t i = 0; i < SLOTS; i++) {
		bool news = l->slots[i].news;

		l->slots[i].news = false;
		if (news && tell(s, &l->slots[i], err))
			return -1;
	}
	return 0;
}

void vp_syslog_free(struct vp_syslog *l)
{
	if (!l)
		return;
	close_all(l);
	free(l);
}
