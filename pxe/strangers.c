// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "strangers.h"

/* Half of the connections that the service takes. */
#define MAX_STRANGERS 512u
/* A request line and its headers, of the slowest that may be meant seriously. */
#define ASK_NS (UINT64_C(20) * 1000000000)

struct vp_peer {
	struct vp_peer *next, **link;
	int fd;
	bool stranger;
	/* When it began to be waited for; 0 while it is answered. */
	uint64_t since;
};

struct vp_strangers {
	struct vp_state *state;
	struct vp_peer *peers;
	unsigned n;
};

struct vp_strangers *vp_strangers_new(struct vp_state *state)
{
	struct vp_strangers *s = vp_xcalloc(1, sizeof(*s));

	s->state = state;
	return s;
}

void vp_strangers_free(struct vp_strangers *s)
{
	if (!s)
		return;
	while (s->peers)
		vp_strangers_end(s, s->peers);
	free(s);
}

static bool is_node(const struct vp_strangers *s, const struct sockaddr *from)
{
	vp_cleanup(vp_arena_freep) struct vp_arena *a = vp_arena_new();
	const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)from;
	char ip[INET_ADDRSTRLEN];
	struct vp_node_row row;

	return in->sin_family == AF_INET && inet_ntop(AF_INET, &in->sin_addr, ip, sizeof(ip)) &&
	       vp_state_node_by_ip(s->state, a, ip, &row, NULL) == 1;
}

bool vp_strangers_admit(struct vp_strangers *s, const struct sockaddr *from)
{
	return s->n < MAX_STRANGERS || is_node(s, from);
}

struct vp_peer *vp_strangers_begin(struct vp_strangers *s, int fd, const struct sockaddr *from)
{
	struct vp_peer *p = vp_xcalloc(1, sizeof(*p));

	*p = (struct vp_peer){ .next = s->peers, .link = &s->peers, .fd = fd, .stranger = !is_node(s, from), .since = vp_now_ns() };
	if (p->next)
		p->next->link = &p->next;
	s->peers = p;
	s->n += p->stranger;
	return p;
}

void vp_strangers_end(struct vp_strangers *s, struct vp_peer *p)
{
	if (!p)
		return;
	*p->link = p->next;
	if (p->next)
		p->next->link = p->link;
	s->n -= p->stranger;
	free(p);
}

void vp_peer_asks(struct vp_peer *p, bool asking)
{
	if (p)
		p->since = asking ? 0 : vp_now_ns();
}

void vp_strangers_tick(struct vp_strangers *s)
{
	uint64_t now = vp_now_ns();

	/* The server finds the end of the connection, and closes it. */
	for (const struct vp_peer *p = s->peers; p; p = p->next)
		if (p->since && now - p->since > ASK_NS)
			shutdown(p->fd, SHUT_RDWR);
}
