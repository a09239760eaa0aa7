/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP half of the boot service; for the files of this directory only. Single-threaded: the caller polls and runs it. */
#ifndef VP_HTTP_H
#define VP_HTTP_H

#include "serve.h"

enum vp_route_id {
	VP_ROUTE_PAGE,
	VP_ROUTE_STATUS,
	VP_ROUTE_BOOT,
	VP_ROUTE_LOADER,
	VP_ROUTE_ANSWER,
	VP_ROUTE_IMAGE,
	VP_ROUTE_INSTALLER,
	VP_ROUTE_CONFIG,
	VP_ROUTE_SEED,
	VP_ROUTE_GUEST,
	VP_ROUTE_EVENT,
	VP_ROUTE_ACK,
	VP_ROUTE_FAILED,
	VP_ROUTE_UP,
	VP_ROUTE_TASK,
	VP_ROUTE_RESULT,
	/* The acknowledgement of unmodified kickstarts, as Quattor's AII takes it. */
	VP_ROUTE_AII,
	VP_ROUTE_LIVE,
	VP_ROUTE_METRICS,
	VP_ROUTE__NONE,
};

/* What a path names; parts that it does not have are "". Every part is safe as a file name: no '/', no leading dot. */
struct vp_route {
	enum vp_route_id id;
	char node[256];
	/* The secret, where the path holds it: for clients that put a file name after what they are given. */
	char token[80];
	/* File of the image cache. */
	char file[80];
	char run[80];
	char name[80];
};

struct vp_route_info {
	const char *pattern;
	/* As the Allow header names them. */
	const char *methods;
	/* Bytes of a body. */
	size_t max_body;
	/* Word in events: "ack refused: ..." */
	const char *word;
};

/* Never fails: id is VP_ROUTE__NONE where there is no such resource. */
void vp_route_parse(const char *path, struct vp_route *out);
const struct vp_route_info *vp_route_info(enum vp_route_id id);
bool vp_route_allows(enum vp_route_id id, const char *method);

/* "PHASE PERCENT [text]"; false where it is not. The buffers hold VP_MAX_EVENT + 1 bytes. */
bool vp_event_parse(const char *body, size_t len, char *phase, unsigned *percent, char *text);
/* Range header for a resource of `size` bytes: 1 first and last byte are set, 0 send all of it, -1 it cannot be satisfied. */
int vp_range_parse(const char *range, uint64_t size, uint64_t *first, uint64_t *last);
/* A name of a node, run or result: letters, digits, "-_.:+", not starting with a dot. */
bool vp_safe_name(const char *s, size_t len);

/* {"nodes":[{"name","state","health","since","reason","virt","host","progress"}]} */
void vp_status_json(const struct vp_node_rows *rows, struct vp_buf *out);

struct vp_http;
struct vp_http_opts {
	struct vp_state *state;
	const char *image_dir;
	/* Holds the loaders, as TFTP serves them. */
	const char *loader_dir;
	/* Consoles are below it; NULL: none. */
	const char *state_dir;
	/* The program of installed nodes; NULL: none. */
	const char *guest;
	/* Addresses to listen on, nothing else. */
	const char *const *addresses;
	size_t naddresses;
	struct vp_status_at status;
	/* 0: the kernel chooses. */
	unsigned port;
	/* The boot answer of a node changed: publish it now, before the request is answered. */
	void (*changed)(void *arg);
	void *arg;
};
struct vp_http *vp_http_start(const struct vp_http_opts *o, struct vp_err *err);
/* Other addresses; what goes over those that stay is not disturbed. After a failure it still listens on some. */
int vp_http_listen(struct vp_http *h, const char *const *addresses, size_t n, struct vp_err *err);
/* Moves the status page and metrics there. */
int vp_http_apart(struct vp_http *h, const struct vp_status_at *at, struct vp_err *err);
/* For the metrics. */
void vp_http_dnsmasq_restarted(struct vp_http *h);
unsigned vp_http_port(const struct vp_http *h);
/* The i-th descriptor to poll for input, -1 after the last. */
int vp_http_fd(const struct vp_http *h, size_t i);
/* Does what can be done now; answers the milliseconds until it has to be called even if nothing is readable, -1 never. */
int vp_http_run(struct vp_http *h);
/* Once a second: the progress of image downloads becomes evidence, and open status pages are told what is new. */
void vp_http_tick(struct vp_http *h);
void vp_http_stop(struct vp_http *h);

#endif
