// SPDX-License-Identifier: Apache-2.0
/* What strangers send to the boot service: a path, an event, a Range header, a line of dnsmasq's log, a note of its script, a frame on a channel; all
 * six from the same bytes. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../../pxe/agent.h"
#include "../../pxe/dhcp.h"
#include "../../pxe/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* Every part can be a file name, and together they give the path back. */
static void try_route(const char *path)
{
	static const char *const format[] = {
		[VP_ROUTE_PAGE] = "/",
		[VP_ROUTE_STATUS] = "/status.json",
		[VP_ROUTE_BOOT] = "/boot/%3$s",
		[VP_ROUTE_LOADER] = "/boot/%3$s",
		[VP_ROUTE_ANSWER] = "/boot/%3$s",
		[VP_ROUTE_IMAGE] = "/image/%3$s",
		[VP_ROUTE_INSTALLER] = "/boot/%1$s/%3$s",
		[VP_ROUTE_CONFIG] = "/boot/%1$s/config",
		[VP_ROUTE_SEED] = "/boot/%1$s/%5$s/%3$s",
		[VP_ROUTE_GUEST] = "/guest/%3$s",
		[VP_ROUTE_EVENT] = "/node/%1$s/event",
		[VP_ROUTE_ACK] = "/node/%1$s/ack",
		[VP_ROUTE_FAILED] = "/node/%1$s/failed",
		[VP_ROUTE_UP] = "/node/%1$s/up",
		[VP_ROUTE_TASK] = "/node/%1$s/task",
		[VP_ROUTE_LIVE] = "/live",
		[VP_ROUTE_METRICS] = "/metrics",
		[VP_ROUTE_RESULT] = "/node/%1$s/result/%2$s/%4$s",
	};
	struct vp_route r;
	char again[1024];

	vp_route_parse(path, &r);
	if (r.id == VP_ROUTE__NONE)
		return;
	for (const char *const *part = (const char *const[]){ r.node, r.run, r.file, r.name, r.token, NULL }; *part; part++)
		must(!**part || (**part != '.' && !strchr(*part, '/')));
	snprintf(again, sizeof(again), format[r.id], r.node, r.run, r.file, r.name, r.token);
	must(!strcmp(again, path));
	must(vp_route_allows(r.id, "GET") != vp_route_allows(r.id, "POST"));
}

static void try_event(const char *data, size_t size)
{
	char phase[VP_MAX_EVENT + 1], text[VP_MAX_EVENT + 1];
	unsigned percent = 101;

	if (vp_event_parse(data, size, phase, &percent, text))
		must(size <= VP_MAX_EVENT && phase[0] && strlen(phase) <= 32 && percent <= 100 && strlen(text) < size);
}

static void try_range(const char *text, uint64_t size)
{
	uint64_t first, last;

	if (vp_range_parse(text, size, &first, &last) == 1)
		must(first <= last && last < size);
}

static void try_log(const char *line)
{
	struct vp_dhcp_log l;

	vp_dhcp_log_parse(line, "/tftp", &l);
	if (l.kind == VP_LOG_UNSENT)
		must(strstr(line, l.file) && strstr(line, l.ip));
}

static void try_note(const char *data, size_t size)
{
	struct vp_hook h;
	char text[256];

	vp_hook_parse(data, size, "/tftp", &h);
	if (h.kind == VP_HOOK_NONE)
		return;
	/* It says again what was said, but for the size of letters, zeros before the number, and which of two words for a lease. */
	if (h.kind == VP_HOOK_LEASE)
		snprintf(text, sizeof(text), " %s %s", h.mac, h.ip);
	else
		snprintf(text, sizeof(text), "%llu %s /tftp/%s", (unsigned long long)h.bytes, h.ip, h.file);
	must(size >= strlen(text) && !strncasecmp(data + size - strlen(text), text, strlen(text)));
	for (const char *c = h.file; *c; c++)
		must((unsigned char)*c >= ' ');
}

/* However it is cut, each look takes something away or waits for more of the same line. */
static void try_frame(const char *data, size_t size)
{
	struct vp_frame f;
	int rc = size ? vp_frame_parse(data, size, &f) : 0;

	if (rc > 0)
		must(f.head <= size && data[f.head - 1] == '\n' && *f.id && *f.method && *f.path && f.length <= VP_MAX_HTTP_BODY);
	else if (rc < 0)
		must(f.head && f.head <= size);
	else
		must(!size || !memchr(data, '\n', size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	/* cppcheck-suppress uninitdata ; the pointer is looked at, not what is there */
	must(text);
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	try_route(text);
	/* Without a NUL behind it, as it comes. */
	try_event((const char *)data, size);
	try_note((const char *)data, size);
	try_frame((const char *)data, size);
	for (const uint64_t *n = (const uint64_t[]){ 0, 1, 1000, UINT64_C(1) << 62, 0 }, *end = n + 4; n < end; n++)
		try_range(text, *n);
	text[strcspn(text, "\n")] = '\0';
	try_log(text);
	free(text);
	return 0;
}
