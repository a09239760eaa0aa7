// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <microhttpd.h>

#include "../provision/state/ask.h"
#include "../provision/state/phase.h"
#include "../provision/state/service.h"
#include "agent.h"
#include "dhcp.h"
#include "strangers.h"
#include "stream.h"

#define MAX_CONNECTIONS 1024u
#define MAX_PER_ADDRESS 16u
#define MAX_REFUSALS	20u
#define REFUSAL_NS	UINT64_C(1000000000)
#define IDLE_SECONDS	120u
/* Bytes of a path that are shown. */
#define MAX_URL 200u
/* An installer that reports by itself is believed for so long before the bytes sent are counted instead. */
#define TRUST_NS (UINT64_C(5) * 1000000000)

/* A root image on its way to a node. */
struct download {
	struct download *next;
	char node[256];
	int fd;
	uint64_t first, size;
	/* Bytes of this connection that had been acknowledged before. */
	uint64_t base;
	unsigned percent;
	uint64_t told;
};

/* One address. */
struct front {
	struct vp_http *http;
	struct MHD_Daemon *daemon;
	char *address;
	struct vp_strangers *strangers;
	/* The one of the status page alone; over TLS. */
	bool status, tls;
};

struct vp_http {
	struct vp_state *state;
	const char *image_dir, *guest, *loader_dir;
	void (*changed)(void *arg);
	void *arg;
	struct front **fronts;
	size_t n, cap;
	unsigned port;
	/* The status page is on an address of its own. */
	bool apart;
	struct vp_board *board;
	struct vp_stream *stream;
	struct vp_tally tally;
	struct download *downloads;
	/* Refusals that may still be recorded; one more is earned every second. */
	unsigned allowance;
	uint64_t refused;
};

struct request {
	struct vp_arena *arena;
	struct vp_route route;
	/* Set where the route names a node, which is then proven to be the one that asks; or where the peer's address is a node's. */
	struct vp_node_row row;
	char peer[INET_ADDRSTRLEN];
	struct vp_buf body;
	struct download *download;
	/* As it was asked, without the part that holds the token. */
	char *line;
	/* Of a file: its size, what is sent of it, and what the connection had carried before. */
	uint64_t size, part, base;
	/* Of the answer; 0 as long as there is none. */
	unsigned status;
	/* What the connection had sent before. */
	uint64_t sent;
};

static enum MHD_Result reply(struct MHD_Connection *c, unsigned status, const char *type, const char *data, size_t len)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(len, (void *)data, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result rc;

	if (!r)
		return MHD_NO;
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
	rc = MHD_queue_response(c, status, r);
	MHD_destroy_response(r);
	return rc;
}

static enum MHD_Result say(struct MHD_Connection *c, unsigned status, const char *text)
{
	return reply(c, status, "text/plain; charset=utf-8", text, strlen(text));
}

static enum MHD_Result broken(struct MHD_Connection *c, const struct vp_err *err)
{
	vp_warn("boot service: %s", err->msg);
	return say(c, MHD_HTTP_INTERNAL_SERVER_ERROR, "the boot service failed\n");
}

static enum MHD_Result not_allowed(struct MHD_Connection *c, const char *allow)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT);
	enum MHD_Result rc;

	if (!r)
		return MHD_NO;
	MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, allow);
	rc = MHD_queue_response(c, MHD_HTTP_METHOD_NOT_ALLOWED, r);
	MHD_destroy_response(r);
	return rc;
}

/* Refusals are events, but whoever floods us with forgeries does not fill the database. */
static bool may_record(struct vp_http *h)
{
	uint64_t now = vp_now_ns(), earned = (now - h->refused) / REFUSAL_NS;

	if (earned) {
		h->refused = now;
		h->allowance = earned > MAX_REFUSALS - h->allowance ? MAX_REFUSALS : h->allowance + (unsigned)earned;
	}
	if (!h->allowance)
		return false;
	h->allowance--;
	return true;
}

static void note_refusal(struct vp_http *h, const struct request *q, const char *node, const char *why)
{
	h->tally.refused++;
	if (may_record(h))
		vp_state_event(h->state, node, "http", vp_printf(q->arena, "%s refused: from %s, %s", vp_route_info(q->route.id)->word, q->peer, why),
			       NULL);
}

static enum MHD_Result refuse(struct vp_http *h, struct MHD_Connection *c, const struct request *q, const char *why)
{
	note_refusal(h, q, q->route.node, why);
	return say(c, MHD_HTTP_FORBIDDEN, "refused\n");
}

/* --- Files --- */

/* Where the kernel and ramdisk are that the node was armed with. */
static const char *boot_dir(const struct vp_http *h, struct request *q)
{
	const char *key = q->row.image;

	/* A peer that is no node has none. */
	return key && *key && !strchr(key, '/') && *key != '.' ? vp_printf(q->arena, "%s/%s", h->image_dir, key) : h->image_dir;
}

static uint64_t acked(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) ? 0 : info.tcpi_bytes_acked;
}

static void watch(struct vp_http *h, struct MHD_Connection *c, struct request *q, uint64_t first, uint64_t size)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct download *d = vp_xcalloc(1, sizeof(*d));

	*d = (struct download){ .next = h->downloads, .fd = info->connect_fd, .first = first, .size = size };
	d->base = acked(d->fd);
	snprintf(d->node, sizeof(d->node), "%s", q->row.name);
	h->downloads = q->download = d;
}

static enum MHD_Result send_part(struct MHD_Connection *c, int fd, uint64_t size, uint64_t first, uint64_t last, bool partial)
{
	struct MHD_Response *r = MHD_create_response_from_fd_at_offset64(size ? last - first + 1 : 0, fd, first);
	enum MHD_Result rc;
	char range[80];

	if (!r) {
		close(fd);
		return MHD_NO;
	}
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, "application/octet-stream");
	MHD_add_response_header(r, MHD_HTTP_HEADER_ACCEPT_RANGES, "bytes");
	if (partial) {
		snprintf(range, sizeof(range), "bytes %llu-%llu/%llu", (unsigned long long)first, (unsigned long long)last, (unsigned long long)size);
		MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_RANGE, range);
	}
	rc = MHD_queue_response(c, partial ? MHD_HTTP_PARTIAL_CONTENT : MHD_HTTP_OK, r);
	MHD_destroy_response(r);
	return rc;
}

/* fd is closed. */
static enum MHD_Result serve_open(struct vp_http *h, struct MHD_Connection *c, struct request *q, int fd)
{
	const char *range = MHD_lookup_connection_value(c, MHD_HEADER_KIND, MHD_HTTP_HEADER_RANGE);
	int part = 0;
	uint64_t size, first = 0, last;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		vp_closep(&fd);
		return say(c, MHD_HTTP_NOT_FOUND, "no such file\n");
	}
	size = (uint64_t)st.st_size;
	/* Without validators there is nothing that If-Range could match: all of it. */
	if (!MHD_lookup_connection_value(c, MHD_HEADER_KIND, MHD_HTTP_HEADER_IF_RANGE))
		part = vp_range_parse(range, size, &first, &last);
	if (part < 0) {
		close(fd);
		return say(c, MHD_HTTP_RANGE_NOT_SATISFIABLE, "beyond the end\n");
	}
	if (!part) {
		first = 0;
		last = size ? size - 1 : 0;
	}
	if (q->route.id == VP_ROUTE_IMAGE && q->row.name && size)
		watch(h, c, q, first, size);
	q->size = size;
	q->part = size ? last - first + 1 : 0;
	q->base = acked(MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd);
	return send_part(c, fd, size, first, last, part);
}

static enum MHD_Result serve_file(struct vp_http *h, struct MHD_Connection *c, struct request *q, const char *path)
{
	return serve_open(h, c, q, open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK));
}

/* A file that is booted: the first word of the kernel, and of the ramdisk. */
static void note_boot(struct vp_http *h, struct request *q, const char *path)
{
	enum vp_evidence ev = strcmp(q->route.file, "initrd") ? VP_EV_KERNEL : VP_EV_INITRD;

	if (q->row.life >= VP_ARMED && q->row.life < (ev == VP_EV_INITRD ? VP_CONFIG : VP_KERNEL))
		vp_state_evidence(h->state, q->row.name, ev, NULL, -1, vp_printf(q->arena, "GET %s", path), NULL);
}

static enum MHD_Result get_boot(struct vp_http *h, struct MHD_Connection *c, struct request *q)
{
	if (q->row.name)
		note_boot(h, q, vp_printf(q->arena, "/boot/%s", q->route.file));
	return serve_file(h, c, q, vp_printf(q->arena, "%s/%s", boot_dir(h, q), q->route.file));
}

/* This service as the peer reaches it. */
static const char *own_url(struct MHD_Connection *c, const struct request *q)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct sockaddr_in at = { 0 };
	socklen_t len = sizeof(at);
	char ip[INET_ADDRSTRLEN] = "";

	getsockname(info->connect_fd, (struct sockaddr *)&at, &len);
	inet_ntop(AF_INET, &at.sin_addr, ip, sizeof(ip));
	return vp_printf(q->arena, "http://%s:%u", ip, ntohs(at.sin_port));
}

static enum MHD_Result get_loader(struct vp_http *h, struct MHD_Connection *c, struct request *q)
{
	if (q->row.name && q->row.life < VP_CONFIG)
		vp_loader_asked(h->state, q->arena, &q->row, vp_printf(q->arena, "GET /boot/%s", q->route.file));
	return serve_file(h, c, q, vp_printf(q->arena, "%s/%s", h->loader_dir, q->route.file));
}

/* Holds the token: for the node itself only, known by its address and, where its loader says that, its card. */
static enum MHD_Result get_answer(struct vp_http *h, struct MHD_Connection *c, struct request *q)
{
	const char *mac = MHD_lookup_connection_value(c, MHD_GET_ARGUMENT_KIND, "mac"), *why;
	vp_cleanup(vp_buf_free) struct vp_buf out = { 0 };
	struct vp_boot_what what;
	enum vp_boot_answer answer;

	if (!q->row.name || (mac && strcasecmp(mac, q->row.mac)))
		return refuse(h, c, q, q->row.name ? "another node's card" : "no node has this address");
	answer = vp_boot_decide(&q->row, vp_wall(), &why);
	vp_boot_what(q->arena, &q->row, answer, own_url(c, q), &what);
	(q->route.file[0] == 'i' ? vp_ipxe_conf : vp_grub_conf)(answer, &what, &out);
	vp_state_event(h->state, q->row.name, "http", vp_printf(q->arena, "boot answer: %s (%s)", vp_boot_answer_name(answer), why), NULL);
	/* A rescue is no sign of anything. */
	if (answer != VP_ANSWER_RESCUE)
		vp_loader_asked(h->state, q->arena, &q->row, vp_printf(q->arena, "GET /boot/%s", q->route.file));
	return reply(c, MHD_HTTP_OK, "text/plain; charset=utf-8", out.data, out.len);
}

static enum MHD_Result get_image(struct vp_http *h, struct MHD_Connection *c, struct request *q)
{
	return serve_file(h, c, q, vp_printf(q->arena, "%s/%s", h->image_dir, q->route.file));
}

/* The path is the row's, never the request's: nothing but what the node was armed with can be had. */
static enum MHD_Result get_installer(struct vp_http *h, struct MHD_Connection *c, struct request *q)
{
	enum vp_node_file which = strcmp(q->route.file, "kernel") ? VP_FILE_INITRD : VP_FILE_KERNEL;

	if ((which == VP_FILE_KERNEL ? q->row.kernel : q->row.initrd)[0] != '/')
		return say(c, MHD_HTTP_NOT_FOUND, "no such file\n");
	note_boot(h, q, vp_printf(q->arena, "/boot/%s/%s", q->row.name, q->route.file));
	return serve_open(h, c, q, vp_state_file(h->state, q->row.name, which, NULL));
}

static enum MHD_Result get_guest(struct vp_http *h, struct MHD_Connection *c, struct request *q)
{
	return h->guest ? serve_file(h, c, q, h->guest) : say(c, MHD_HTTP_NOT_FOUND, "no such file\n");
}

/* --- Status --- */

static enum MHD_Result get_status(struct vp_http *h, struct MHD_Connection *c, struct request *q)
{
	vp_cleanup(vp_buf_free) struct vp_buf out = { 0 };
	struct vp_node_rows rows = { 0 };
	struct vp_err err = { 0 };

	if (vp_state_nodes(h->state, q->arena, &rows, &err))
		return broken(c, &err);
	vp_status_json(&rows, &out);
	return reply(c, MHD_HTTP_OK, "application/json", out.data, out.len);
}

static enum MHD_Result get_page(struct vp_http *h, struct MHD_Connection *c, struct request *q)
{
	struct vp_err err = { 0 };

	(void)q;
	return vp_board_look(h->board, &err) ? broken(c, &err) : vp_stream_page(h->stream, c);
}

static enum MHD_Result get_live(struct vp_http *h, struct MHD_Connection *c, struct request *q)
{
	return vp_stream_open(h->stream, c, q->peer);
}

static enum MHD_Result get_metrics(struct vp_http *h, struct MHD_Connection *c, struct request *q)
{
	vp_cleanup(vp_buf_free) struct vp_buf out = { 0 };
	struct vp_err err = { 0 };

	(void)q;
	if (vp_metrics(h->state, &h->tally, &out, &err))
		return broken(c, &err);
	return reply(c, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", out.data, out.len);
}

/* --- What a node tells and asks; that it is the node has been checked before. --- */

static enum MHD_Result evidence(struct vp_http *h, struct MHD_Connection *c, const struct request *q, enum vp_evidence ev, const char *phase,
				int percent, const char *text)
{
	struct vp_err err = { 0 };

	if (vp_state_evidence(h->state, q->row.name, ev, phase, percent, text, &err))
		return broken(c, &err);
	return say(c, MHD_HTTP_OK, "ok\n");
}

static enum MHD_Result get_config(struct vp_http *h, struct MHD_Connection *c, struct request *q)
{
	struct vp_err err = { 0 };
	int rc = vp_state_take_config(h->state, q->row.name, &err);

	if (rc < 0)
		return broken(c, &err);
	if (!rc) {
		vp_state_event(h->state, q->row.name, "http", "configuration refused: it has been handed out, or the node is not armed", NULL);
		return say(c, MHD_HTTP_CONFLICT, "handed out before\n");
	}
	/* From here on the network answers "boot from disk", whatever becomes of this response. */
	h->changed(h->arg);
	if (vp_state_evidence(h->state, q->row.name, VP_EV_CONFIG, NULL, -1, "configuration handed out", &err))
		return broken(c, &err);
	return reply(c, MHD_HTTP_OK, "text/plain; charset=utf-8", q->row.config, strlen(q->row.config));
}

static enum MHD_Result post_event(struct vp_http *h, struct MHD_Connection *c, struct request *q)
{
	char phase[VP_MAX_EVENT + 1], text[VP_MAX_EVENT + 1];
	unsigned percent;

	if (!vp_event_parse(vp_buf_str(&q->body), q->body.len, phase, &percent, text))
		return say(c, MHD_HTTP_BAD_REQUEST, "expected: PHASE PERCENT [text]\n");
	for (struct download *d = h->downloads; d; d = d->next)
		if (!strcmp(d->node, q->row.name))
			d->told = vp_now_ns();
	if (!strcmp(phase, q->row.phase) && percent == q->row.percent)
		return say(c, MHD_HTTP_OK, "ok\n");
	return evidence(h, c, q, VP_EV_PHASE, phase, (int)percent, vp_printf(q->arena, "%s %u %%%s%s", phase, percent, text[0] ? ": " : "", text));
}

/* cloud-init's three files: user-data is the configuration; what is beside it holds no secret. */
static enum MHD_Result get_seed(struct vp_http *h, struct MHD_Connection *c, struct request *q)
{
	if (!strcmp(q->route.file, "user-data"))
		return get_config(h, c, q);
	if (!strcmp(q->route.file, "script"))
		return q->row.script[0] ? say(c, MHD_HTTP_OK, q->row.script) : say(c, MHD_HTTP_NOT_FOUND, "no such file\n");
	if (!strcmp(q->route.file, "vendor-data"))
		return say(c, MHD_HTTP_OK, "");
	return say(c, MHD_HTTP_OK,
		   vp_printf(q->arena, "instance-id: %s\nlocal-hostname: %.*s\n", q->row.uuid, (int)strcspn(q->row.name, "."), q->row.name));
}

static enum MHD_Result post_ack(struct vp_http *h, struct MHD_Connection *c, struct request *q)
{
	enum MHD_Result rc;

	/* Repeated: said already, nothing changes. */
	if (q->row.life >= VP_ACKED)
		return say(c, MHD_HTTP_OK, "ok\n");
	/* It would disarm a node that has nothing on its disk. */
	if (q->row.life < VP_CONFIG)
		return refuse(h, c, q, "it has no configuration yet");
	rc = evidence(h, c, q, VP_EV_ACK, NULL, -1, "installation acknowledged");
	h->changed(h->arg);
	return rc;
}

/* "[ERROR] aii-installack: ...", as aii-installack.cgi says it; its status 200 is kept for what was done. */
static enum MHD_Result refuse_aii(struct vp_http *h, struct MHD_Connection *c, const struct request *q, const char *why)
{
	note_refusal(h, q, q->row.name, why);
	return say(c, MHD_HTTP_FORBIDDEN, vp_printf(q->arena, "[ERROR] aii-installack: %s\n", why));
}

/*
 * Who asks is told by the address that DHCP gave it: a kickstart that knows nothing of vprov has no token. node=, which AII believes, has to be the
 * node's name; cdburl= and bootconf= mean nothing here. It cannot lead to an installation, only end one.
 */
static enum MHD_Result get_aii(struct vp_http *h, struct MHD_Connection *c, struct request *q)
{
	const char *claim = MHD_lookup_connection_value(c, MHD_GET_ARGUMENT_KIND, "node"), *name = q->row.name;
	struct vp_err err = { 0 };
	size_t host;

	if (!name)
		return refuse_aii(h, c, q, vp_printf(q->arena, "invalid hostname (%s)", q->peer));
	host = strcspn(name, ".");
	if (claim && *claim && strcmp(claim, name) && (strncmp(claim, name, host) || claim[host]))
		return refuse_aii(h, c, q, vp_printf(q->arena, "%s is not '%.200s'", q->peer, claim));
	if (q->row.life < VP_LOADER)
		return refuse_aii(h, c, q, vp_printf(q->arena, "host '%s' is not being installed", name));
	if (q->row.life < VP_ACKED) {
		if (vp_state_evidence(h->state, name, VP_EV_ACK, NULL, -1, "installation acknowledged (aii-installack.cgi)", &err))
			return broken(c, &err);
		h->changed(h->arg);
	}
	return say(c, MHD_HTTP_OK, vp_printf(q->arena, "[INFO] aii-installack: host '%s' configured to boot from local disk\n", name));
}

static enum MHD_Result post_failed(struct vp_http *h, struct MHD_Connection *c, struct request *q)
{
	const char *why = vp_buf_str(&q->body);

	return evidence(h, c, q, VP_EV_FAILED, NULL, -1, why[0] ? why : "the installer failed and gave no reason");
}

static enum MHD_Result post_up(struct vp_http *h, struct MHD_Connection *c, struct request *q)
{
	char *proof = vp_strdup(q->arena, vp_buf_str(&q->body));

	/* Every later boot reports, too. */
	if (q->row.life >= VP_UP)
		return say(c, MHD_HTTP_OK, "ok\n");
	for (char *p = proof; *p; p++)
		if (*p == '\n')
			*p = ' ';
	return evidence(h, c, q, VP_EV_UP, NULL, -1, proof);
}

static enum MHD_Result get_task(struct vp_http *h, struct MHD_Connection *c, struct request *q)
{
	(void)h;
	return say(c, MHD_HTTP_OK, vp_agent_task(q->arena, &q->row));
}

static enum MHD_Result post_result(struct vp_http *h, struct MHD_Connection *c, struct request *q)
{
	struct vp_err err = { 0 };
	unsigned status = vp_agent_result(h->state, q->arena, &q->row, q->route.run, q->route.name, &q->body, "", &err);

	return status ? say(c, status, status == MHD_HTTP_OK ? "ok\n" : "no such run\n") : broken(c, &err);
}

static enum MHD_Result (*const handlers[])(struct vp_http *h, struct MHD_Connection *c, struct request *q) = {
	[VP_ROUTE_PAGE] = get_page,	  [VP_ROUTE_STATUS] = get_status,	[VP_ROUTE_BOOT] = get_boot,
	[VP_ROUTE_IMAGE] = get_image,	  [VP_ROUTE_CONFIG] = get_config,	[VP_ROUTE_EVENT] = post_event,
	[VP_ROUTE_ACK] = post_ack,	  [VP_ROUTE_FAILED] = post_failed,	[VP_ROUTE_UP] = post_up,
	[VP_ROUTE_TASK] = get_task,	  [VP_ROUTE_RESULT] = post_result,	[VP_ROUTE_AII] = get_aii,
	[VP_ROUTE_LOADER] = get_loader,	  [VP_ROUTE_ANSWER] = get_answer,	[VP_ROUTE_LIVE] = get_live,
	[VP_ROUTE_METRICS] = get_metrics, [VP_ROUTE_INSTALLER] = get_installer, [VP_ROUTE_SEED] = get_seed,
	[VP_ROUTE_GUEST] = get_guest,
};

/* --- Checks before anything is read or done --- */

static void peer_of(struct MHD_Connection *c, char peer[INET_ADDRSTRLEN])
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)info->client_addr;

	if (in->sin_family != AF_INET || !inet_ntop(AF_INET, &in->sin_addr, peer, INET_ADDRSTRLEN))
		peer[0] = '\0';
}

/* A loader has no token; what it gets is no secret, and for a node that is to be installed only. */
static enum MHD_Result check_armed(struct vp_http *h, struct MHD_Connection *c, struct request *q, bool *refused)
{
	if (!q->row.ip[0] || strcmp(q->row.ip, q->peer))
		return refuse(h, c, q, "not the node's address");
	if (vp_boot_decide(&q->row, vp_wall(), NULL) != VP_ANSWER_INSTALL)
		return refuse(h, c, q, "the node is not armed");
	*refused = false;
	return MHD_YES;
}

/* MHD_YES: the node that is named is the one that asks. Otherwise the refusal is queued, *refused tells. */
static enum MHD_Result check_node(struct vp_http *h, struct MHD_Connection *c, struct request *q, bool *refused)
{
	const char *token = MHD_lookup_connection_value(c, MHD_GET_ARGUMENT_KIND, "token");
	struct vp_err err = { 0 };
	int rc = vp_state_node(h->state, q->arena, q->route.node, &q->row, &err);

	*refused = true;
	if (rc < 0)
		return broken(c, &err);
	if (!rc)
		return say(c, MHD_HTTP_FORBIDDEN, "refused\n");
	if (q->route.id == VP_ROUTE_INSTALLER)
		return check_armed(h, c, q, refused);
	if (q->route.token[0])
		token = q->route.token;
	if (!token || !q->row.token[0] || !vp_equal_secret(q->row.token, token))
		return refuse(h, c, q, "wrong token");
	if (!q->row.ip[0] || strcmp(q->row.ip, q->peer))
		return refuse(h, c, q, "not the node's address");
	if (!q->row.token_live && q->row.life < VP_UP)
		return refuse(h, c, q, "the token has ended");
	*refused = false;
	return MHD_YES;
}

static bool too_large(struct MHD_Connection *c, size_t max)
{
	const char *length = MHD_lookup_connection_value(c, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
	uint64_t n;

	return length && !vp_parse_u64(length, 0, max, &n);
}

static bool for_people(enum vp_route_id id)
{
	return id == VP_ROUTE_PAGE || id == VP_ROUTE_STATUS || id == VP_ROUTE_LIVE || id == VP_ROUTE_METRICS;
}

/* What the connection was given to send so far, whether or not it has left already. */
static uint64_t sent_by(struct MHD_Connection *c)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);
	int fd = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) ? 0 : info.tcpi_bytes_sent - info.tcpi_bytes_retrans + info.tcpi_notsent_bytes;
}

/* All that the request line and headers decide; *done where the response is queued. */
static enum MHD_Result begin(const struct front *f, struct MHD_Connection *c, struct request *q, const char *url, const char *method, bool *done)
{
	const struct vp_route_info *info;
	struct vp_http *h = f->http;
	enum MHD_Result rc = MHD_YES;

	vp_route_parse(url, &q->route);
	peer_of(c, q->peer);
	q->sent = sent_by(c);
	*done = true;
	if (h->apart && for_people(q->route.id) != f->status)
		q->route.id = VP_ROUTE__NONE;
	if (q->route.id == VP_ROUTE__NONE)
		return say(c, MHD_HTTP_NOT_FOUND, "no such resource\n");
	info = vp_route_info(q->route.id);
	if (!vp_route_allows(q->route.id, method))
		return not_allowed(c, info->methods);
	*done = false;
	if (q->route.node[0])
		rc = check_node(h, c, q, done);
	else if (vp_state_node_by_ip(h->state, q->arena, q->peer, &q->row, NULL) != 1)
		q->row = (struct vp_node_row){ 0 };
	if (!*done && too_large(c, info->max_body)) {
		*done = true;
		return say(c, MHD_HTTP_CONTENT_TOO_LARGE, "too large\n");
	}
	return rc;
}

static enum MHD_Result take(struct vp_http *h, struct MHD_Connection *c, struct request *q, const char *data, size_t *len)
{
	if (*len) {
		/* A body without a length that does not end: nothing can be answered in the middle of it. */
		if (q->body.len + *len > vp_route_info(q->route.id)->max_body)
			return MHD_NO;
		vp_buf_add(&q->body, data, *len);
		*len = 0;
		return MHD_YES;
	}
	return handlers[q->route.id](h, c, q);
}

static struct vp_peer *connected(struct MHD_Connection *c)
{
	return MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *c, const char *url, const char *method, const char *version, const char *data,
				  size_t *len, void **con)
{
	const union MHD_ConnectionInfo *info;
	const struct front *f = cls;
	struct request *q = *con;
	enum MHD_Result rc;
	bool done;

	(void)version;
	if (!q) {
		*con = q = vp_xcalloc(1, sizeof(*q));
		vp_peer_asks(connected(c), true);
		q->arena = vp_arena_new();
		q->line = vp_printf(q->arena, "%s %s", method, vp_printable(q->arena, url, MAX_URL));
		rc = begin(f, c, q, url, method, &done);
	} else {
		rc = take(f->http, c, q, data, len);
	}
	info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_HTTP_STATUS);
	if (info)
		q->status = info->http_status;
	return rc;
}

/* "GET /boot/initrd: 200, 3612345 bytes"; of what did not arrive whole, how much did. */
static const char *describe(struct MHD_Connection *c, const struct request *q, bool whole)
{
	uint64_t sent;

	if (!q->part)
		return vp_printf(q->arena, "%s: %u%s", q->line, q->status, whole ? "" : ", the connection broke");
	if (whole)
		return vp_printf(q->arena, "%s: %u, %llu bytes", q->line, q->status, (unsigned long long)q->part);
	/* With the head of the answer, which is not worth telling apart. */
	sent = acked(MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd) - q->base;
	return vp_printf(q->arena, "%s: %u, broken off after %llu of %llu bytes", q->line, q->status,
			 (unsigned long long)(sent < q->part ? sent : q->part), (unsigned long long)q->part);
}

/* The last request of a node that is being installed, whatever the answer was; what it posted is evidence by itself. */
static void note_request(struct vp_http *h, struct MHD_Connection *c, const struct request *q, bool whole)
{
	struct vp_node_row row;
	const char *text;

	if (!q->status || (q->status == MHD_HTTP_OK && !strncmp(q->line, "POST ", 5)) ||
	    vp_state_node_by_ip(h->state, q->arena, q->peer, &row, NULL) != 1 || row.life < VP_ARMED || row.life >= VP_UP || row.health == VP_FAILED)
		return;
	text = vp_printf(q->arena, "http: %s", describe(c, q, whole));
	if (q->route.id == VP_ROUTE_CONFIG)
		vp_phase_enter(h->state, row.name, VP_PHASE_CONFIG, text, NULL);
	vp_phase_seen(h->state, row.name, text, NULL);
}

static void unwatch(struct vp_http *h, struct download *d)
{
	for (struct download **p = &h->downloads; *p; p = &(*p)->next)
		if (*p == d) {
			*p = d->next;
			free(d);
			return;
		}
}

static void on_completed(void *cls, struct MHD_Connection *c, void **con, enum MHD_RequestTerminationCode why)
{
	struct request *q = *con;
	struct vp_http *h = cls;
	uint64_t sent;

	if (!q)
		return;
	vp_peer_asks(connected(c), false);
	note_request(h, c, q, why == MHD_REQUEST_TERMINATED_COMPLETED_OK);
	unwatch(h, q->download);
	sent = sent_by(c);
	vp_tally_request(&h->tally, q->route.id, q->status, sent > q->sent ? sent - q->sent : 0);
	vp_buf_free(&q->body);
	vp_arena_free(q->arena);
	free(q);
	*con = NULL;
}

static void on_log(void *cls, const char *fmt, va_list ap)
{
	char line[512];

	(void)cls;
	vsnprintf(line, sizeof(line), fmt, ap);
	line[strcspn(line, "\n")] = '\0';
	vp_debug("http: %s", line);
}

/* --- Life of the service --- */

static int listen_on(const char *address, unsigned port, struct vp_err *err)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd, yes = 1;

	if (inet_pton(AF_INET, address, &to.sin_addr) != 1)
		return vp_fail(err, VP_E_HTTP, "'%s' is no IPv4 address", address);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return vp_fail_errno(err, VP_E_HTTP, "socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (!bind(fd, (const struct sockaddr *)&to, sizeof(to)) && !listen(fd, 256))
		return fd;
	vp_fail_errno(err, VP_E_HTTP, "listening on %s port %u", address, port);
	close(fd);
	return -1;
}

static enum MHD_Result on_accept(void *cls, const struct sockaddr *from, socklen_t len)
{
	const struct front *f = cls;

	(void)len;
	return vp_strangers_admit(f->strangers, from) ? MHD_YES : MHD_NO;
}

static void on_connection(void *cls, struct MHD_Connection *c, void **context, enum MHD_ConnectionNotificationCode what)
{
	const struct front *f = cls;

	if (what == MHD_CONNECTION_NOTIFY_CLOSED)
		vp_strangers_end(f->strangers, *context);
	else
		*context = vp_strangers_begin(f->strangers, MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd,
					      MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr);
}

/* tls: certificate and key, or no more options. */
static struct MHD_Daemon *start_one(struct front *f, int fd, struct MHD_OptionItem *tls)
{
	unsigned flags = MHD_USE_EPOLL | MHD_USE_ERROR_LOG | MHD_ALLOW_SUSPEND_RESUME | (tls->option == MHD_OPTION_END ? 0 : MHD_USE_TLS);

	return MHD_start_daemon(flags, 0, on_accept, f, on_request, f, MHD_OPTION_ARRAY, tls, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
				MHD_OPTION_LISTEN_SOCKET, (MHD_socket)fd, MHD_OPTION_CONNECTION_LIMIT, MAX_CONNECTIONS,
				MHD_OPTION_PER_IP_CONNECTION_LIMIT, MAX_PER_ADDRESS, MHD_OPTION_CONNECTION_TIMEOUT, IDLE_SECONDS,
				/* Without this it would not use sendfile(). */
				MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_NOTIFY_COMPLETED, on_completed, f->http,
				MHD_OPTION_NOTIFY_CONNECTION, on_connection, f, MHD_OPTION_END);
}

static int add_front(struct vp_http *h, const char *address, bool status, struct MHD_OptionItem *tls, struct vp_err *err)
{
	int fd = listen_on(address, h->port, err);
	struct front *f = vp_xcalloc(1, sizeof(*f));
	struct sockaddr_in at = { 0 };
	socklen_t len = sizeof(at);

	*f = (struct front){ .http = h, .status = status, .tls = tls->option != MHD_OPTION_END, .strangers = vp_strangers_new(h->state) };
	if (fd < 0 || getsockname(fd, (struct sockaddr *)&at, &len) || !(f->daemon = start_one(f, fd, tls))) {
		if (fd >= 0) {
			if (tls->option == MHD_OPTION_END)
				vp_fail_errno(err, VP_E_HTTP, "serving on %s", address);
			else
				vp_fail(err, VP_E_CONFIG, "serving on %s: its certificate and key are not such, or do not belong together", address);
			close(fd);
		}
		vp_strangers_free(f->strangers);
		free(f);
		return -1;
	}
	f->address = strdup(address);
	h->fronts = vp_grow(h->fronts, h->n, &h->cap, sizeof(struct front *));
	h->fronts[h->n++] = f;
	h->port = ntohs(at.sin_port);
	return 0;
}

static void remove_front(struct vp_http *h, size_t i)
{
	struct front *f = h->fronts[i];

	/* Who is suspended there cannot be ended: all are woken. */
	vp_stream_end(h->stream, f->daemon);
	MHD_stop_daemon(f->daemon);
	vp_strangers_free(f->strangers);
	free(f->address);
	free(f);
	h->fronts[i] = h->fronts[--h->n];
}

static bool listed(const char *const *addresses, size_t n, const char *address)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(addresses[i], address))
			return true;
	return false;
}

int vp_http_listen(struct vp_http *h, const char *const *addresses, size_t n, struct vp_err *err)
{
	struct MHD_OptionItem plain = { .option = MHD_OPTION_END };

	for (size_t i = h->n; i--;)
		if (!h->fronts[i]->status && !listed(addresses, n, h->fronts[i]->address))
			remove_front(h, i);
	for (size_t i = 0; i < n; i++) {
		bool there = false;

		for (size_t k = 0; k < h->n && !there; k++)
			there = !h->fronts[k]->status && !strcmp(h->fronts[k]->address, addresses[i]);
		if (!there && add_front(h, addresses[i], false, &plain, err))
			return -1;
	}
	return 0;
}

int vp_http_apart(struct vp_http *h, const struct vp_status_at *at, struct vp_err *err)
{
	struct MHD_OptionItem tls[3] = { { .option = MHD_OPTION_END } };
	bool there = false;

	if (at->key) {
		tls[0] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)at->certificate };
		tls[1] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)at->key };
		tls[2].option = MHD_OPTION_END;
	}
	h->apart = at->address;
	for (size_t i = h->n; i--;)
		if (h->fronts[i]->status) {
			there = at->address && !at->key && !h->fronts[i]->tls && !strcmp(at->address, h->fronts[i]->address);
			if (!there)
				remove_front(h, i);
		}
	return at->address && !there ? add_front(h, at->address, true, tls, err) : 0;
}

struct vp_http *vp_http_start(const struct vp_http_opts *o, struct vp_err *err)
{
	struct vp_http *h = vp_xcalloc(1, sizeof(*h));

	signal(SIGPIPE, SIG_IGN);
	*h = (struct vp_http){ .state = o->state,
			       .image_dir = o->image_dir,
			       .guest = o->guest,
			       .loader_dir = o->loader_dir,
			       .changed = o->changed,
			       .arg = o->arg,
			       .port = o->port };
	h->board = vp_board_new(o->state, o->state_dir);
	h->stream = vp_stream_new(h->board, &h->tally);
	if (vp_http_listen(h, o->addresses, o->naddresses, err) || vp_http_apart(h, &o->status, err)) {
		vp_http_stop(h);
		return NULL;
	}
	return h;
}

void vp_http_dnsmasq_restarted(struct vp_http *h)
{
	h->tally.dnsmasq_restarts++;
}

unsigned vp_http_port(const struct vp_http *h)
{
	return h->port;
}

int vp_http_fd(const struct vp_http *h, size_t i)
{
	return i < h->n ? MHD_get_daemon_info(h->fronts[i]->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd : -1;
}

int vp_http_run(struct vp_http *h)
{
	int wait = -1;

	for (size_t i = 0; i < h->n; i++) {
		MHD_UNSIGNED_LONG_LONG ms;

		MHD_run(h->fronts[i]->daemon);
		if (MHD_get_timeout(h->fronts[i]->daemon, &ms) == MHD_YES && (wait < 0 || ms < (unsigned)wait))
			wait = ms > 60000 ? 60000 : (int)ms;
	}
	return wait;
}

void vp_http_tick(struct vp_http *h)
{
	uint64_t now = vp_now_ns();

	for (struct download *d = h->downloads; d; d = d->next) {
		uint64_t have = d->first + acked(d->fd) - d->base;
		unsigned percent = have >= d->size ? 100 : (unsigned)(have * 100 / d->size);
		char text[64];

		if (percent == d->percent || (d->told && now - d->told < TRUST_NS))
			continue;
		d->percent = percent;
		snprintf(text, sizeof(text), "%u %% of the root image sent", percent);
		vp_state_evidence(h->state, d->node, VP_EV_PHASE, "unpack", (int)percent, text, NULL);
	}
	vp_stream_tick(h->stream);
	for (size_t i = 0; i < h->n; i++)
		vp_strangers_tick(h->fronts[i]->strangers);
}

void vp_http_stop(struct vp_http *h)
{
	if (!h)
		return;
	while (h->n)
		remove_front(h, h->n - 1);
	vp_stream_free(h->stream);
	vp_board_free(h->board);
	free(h->fronts);
	free(h);
}
