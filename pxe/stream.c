// SPDX-License-Identifier: Apache-2.0
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "stream.h"

#define MAX_LISTENERS 64u
#define MAX_OF_PEER   8u
#define BLOCK	      16384
#define HEARTBEAT_NS  (UINT64_C(15) * 1000000000)
/* Who has not taken what there was for so long is no longer there, or might as well not be. */
#define LAG_NS (UINT64_C(20) * 1000000000)

/*
 * What a listener is told is made when it can take it: from what it knows to what is. So nothing queues up for one that is slow, and one that is very
 * slow misses what was only for a moment.
 */
struct listener {
	struct listener *next;
	struct vp_stream *stream;
	struct MHD_Connection *connection;
	char peer[INET_ADDRSTRLEN];
	int fd;
	uint64_t seen;
	struct vp_buf out;
	size_t sent;
	/* Suspended: it has taken everything. Since when it has not, otherwise; and when anything was sent last. */
	bool idle;
	uint64_t moved, spoken;
	bool ending;
};

struct vp_stream {
	struct vp_board *board;
	struct vp_tally *tally;
	struct listener *all;
};

struct vp_stream *vp_stream_new(struct vp_board *b, struct vp_tally *t)
{
	struct vp_stream *s = vp_xcalloc(1, sizeof(*s));

	*s = (struct vp_stream){ .board = b, .tally = t };
	return s;
}

static void fill(struct listener *l)
{
	l->out.len = l->sent = 0;
	vp_board_events(l->stream->board, &l->seen, &l->out);
}

static ssize_t next_block(void *cls, uint64_t pos, char *buf, size_t max)
{
	struct listener *l = cls;
	size_t n;

	(void)pos;
	if (l->ending)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (l->sent == l->out.len)
		fill(l);
	n = l->out.len - l->sent < max ? l->out.len - l->sent : max;
	l->moved = vp_now_ns();
	if (!n) {
		l->idle = true;
		MHD_suspend_connection(l->connection);
		return 0;
	}
	memcpy(buf, l->out.data + l->sent, n);
	l->sent += n;
	l->spoken = l->moved;
	return (ssize_t)n;
}

static void closed(void *cls)
{
	struct listener *l = cls;

	for (struct listener **p = &l->stream->all; *p; p = &(*p)->next)
		if (*p == l) {
			*p = l->next;
			break;
		}
	l->stream->tally->listeners--;
	vp_buf_free(&l->out);
	free(l);
}

enum MHD_Result vp_stream_page(const struct vp_stream *s, struct MHD_Connection *c)
{
	vp_cleanup(vp_buf_free) struct vp_buf out = { 0 };
	struct MHD_Response *r;
	char nonce[33], policy[256];
	enum MHD_Result rc;

	vp_random_hex(nonce, 16);
	vp_board_page(s->board, nonce, &out);
	snprintf(policy, sizeof(policy),
		 "default-src 'none'; script-src 'nonce-%s'; style-src 'nonce-%s'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
		 "frame-ancestors 'none'",
		 nonce, nonce);
	r = MHD_create_response_from_buffer(out.len, out.data, MHD_RESPMEM_MUST_FREE);
	if (!r)
		return MHD_NO;
	out.data = NULL;
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, "text/html; charset=utf-8");
	MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	MHD_add_response_header(r, "Content-Security-Policy", policy);
	MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
	MHD_add_response_header(r, "Referrer-Policy", "no-referrer");
	rc = MHD_queue_response(c, MHD_HTTP_OK, r);
	MHD_destroy_response(r);
	return rc;
}

static bool full(const struct vp_stream *s, const char *peer)
{
	unsigned all = 0, same = 0;

	for (const struct listener *l = s->all; l; l = l->next) {
		all++;
		same += !strcmp(l->peer, peer);
	}
	return all >= MAX_LISTENERS || same >= MAX_OF_PEER;
}

static enum MHD_Result refuse(struct MHD_Connection *c)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT);
	enum MHD_Result rc;

	if (!r)
		return MHD_NO;
	MHD_add_response_header(r, MHD_HTTP_HEADER_RETRY_AFTER, "10");
	rc = MHD_queue_response(c, MHD_HTTP_SERVICE_UNAVAILABLE, r);
	MHD_destroy_response(r);
	return rc;
}

enum MHD_Result vp_stream_open(struct vp_stream *s, struct MHD_Connection *c, const char *peer)
{
	struct listener *l;
	struct MHD_Response *r;
	enum MHD_Result rc;

	if (full(s, peer))
		return refuse(c);
	l = vp_xcalloc(1, sizeof(*l));
	*l = (struct listener){ .next = s->all, .stream = s, .connection = c, .moved = vp_now_ns(), .spoken = vp_now_ns() };
	l->fd = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	snprintf(l->peer, sizeof(l->peer), "%s", peer);
	r = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, next_block, l, closed);
	if (!r) {
		free(l);
		return MHD_NO;
	}
	s->all = l;
	s->tally->listeners++;
	/* A peer that is gone without a word is noticed by the kernel, which has what was sent to it in its hands. */
	setsockopt(l->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &(unsigned){ LAG_NS / 1000000 }, sizeof(unsigned));
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, "text/event-stream");
	MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	/* nginx in front of it would collect them otherwise. */
	MHD_add_response_header(r, "X-Accel-Buffering", "no");
	rc = MHD_queue_response(c, MHD_HTTP_OK, r);
	MHD_destroy_response(r);
	return rc;
}

static void wake(struct listener *l)
{
	l->idle = false;
	l->moved = vp_now_ns();
	MHD_resume_connection(l->connection);
}

void vp_stream_tick(struct vp_stream *s)
{
	uint64_t now = vp_now_ns();
	struct vp_err err = { 0 };

	if (!s->all)
		return;
	if (vp_board_look(s->board, &err))
		vp_warn("status page: %s", err.msg);
	for (struct listener *l = s->all; l; l = l->next) {
		if (!l->idle) {
			/* libmicrohttpd finds the connection closed, and ends it. */
			if (now - l->moved > LAG_NS && !shutdown(l->fd, SHUT_RDWR)) {
				s->tally->dropped++;
				l->moved = now;
			}
			continue;
		}
		fill(l);
		if (!l->out.len && now - l->spoken > HEARTBEAT_NS)
			vp_buf_adds(&l->out, ":\n\n");
		if (l->out.len)
			wake(l);
	}
}

void vp_stream_end(struct vp_stream *s, const struct MHD_Daemon *d)
{
	for (struct listener *l = s->all; l; l = l->next) {
		if (MHD_get_connection_info(l->connection, MHD_CONNECTION_INFO_DAEMON)->daemon != d)
			continue;
		l->ending = true;
		if (l->idle)
			wake(l);
	}
}

void vp_stream_free(struct vp_stream *s)
{
	free(s);
}
