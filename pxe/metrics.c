// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>
#include <math.h>

#include "../provision/state/phase.h"
#include "../provision/state/service.h"
#include "metrics.h"

static void head(struct vp_buf *out, const char *name, const char *type, const char *help)
{
	vp_buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void single(struct vp_buf *out, const char *name, const char *type, const char *help, uint64_t value)
{
	head(out, name, type, help);
	vp_buf_addf(out, "%s %" PRIu64 "\n", name, value);
}

void vp_tally_request(struct vp_tally *t, enum vp_route_id route, unsigned status, uint64_t bytes)
{
	size_t i = 0;

	t->bytes[route] += bytes;
	/* The last one is for whatever does not fit. */
	while (i + 1 < VP_TALLY_STATUS && t->statuses[i] && t->statuses[i] != status)
		i++;
	t->statuses[i] = i + 1 < VP_TALLY_STATUS ? status : 0;
	t->requests[route][i]++;
}

/* The path, with a star for what differs. */
static const char *route_label(struct vp_arena *a, enum vp_route_id id)
{
	char *label = vp_strdup(a, id == VP_ROUTE__NONE ? "none" : vp_route_info(id)->pattern), *to = label;

	for (const char *p = label; *p; p++)
		*to++ = *p != '%' ? *p : *++p ? '*' : '%';
	*to = '\0';
	return label;
}

static void add_nodes(struct vp_buf *out, const struct vp_node_rows *rows)
{
	unsigned n[VP_LIFE__COUNT][VP_HEALTH__COUNT] = { 0 };

	for (size_t i = 0; i < rows->n; i++)
		if (rows->items[i].life < VP_LIFE__COUNT && rows->items[i].health < VP_HEALTH__COUNT)
			n[rows->items[i].life][rows->items[i].health]++;
	head(out, "vprov_nodes", "gauge", "Nodes by state of the life cycle and health.");
	for (unsigned l = 0; l < VP_LIFE__COUNT; l++)
		for (unsigned h = 0; h < VP_HEALTH__COUNT; h++)
			vp_buf_addf(out, "vprov_nodes{state=\"%s\",health=\"%s\"} %u\n", vp_life_name(l), vp_health_name(h), n[l][h]);
}

static void add_requests(struct vp_arena *a, struct vp_buf *out, const struct vp_tally *t)
{
	head(out, "vprov_http_requests_total", "counter", "HTTP requests answered, by resource and status.");
	for (unsigned r = 0; r <= VP_ROUTE__NONE; r++)
		for (unsigned i = 0; i < VP_TALLY_STATUS; i++)
			if (t->requests[r][i])
				vp_buf_addf(out, "vprov_http_requests_total{route=\"%s\",status=\"%u\"} %" PRIu64 "\n", route_label(a, r),
					    t->statuses[i], t->requests[r][i]);
	head(out, "vprov_http_sent_bytes_total", "counter", "Bytes sent over HTTP, headers included, by resource; counted when a request ends.");
	for (unsigned r = 0; r <= VP_ROUTE__NONE; r++)
		if (t->bytes[r])
			vp_buf_addf(out, "vprov_http_sent_bytes_total{route=\"%s\"} %" PRIu64 "\n", route_label(a, r), t->bytes[r]);
}

static void add_phases(struct vp_buf *out, const struct vp_phase_buckets *b)
{
	head(out, "vprov_phase_seconds", "histogram", "How long the phases of successful installations took.");
	for (size_t i = 0; i < b->n; i++) {
		const struct vp_phase_bucket *p = &b->items[i];
		const char *name = p->phase >= 0 && p->phase < VP_PHASE__COUNT ? vp_phase_info((enum vp_phase)p->phase)->name : "unknown";

		if (!isinf(p->le)) {
			vp_buf_addf(out, "vprov_phase_seconds_bucket{phase=\"%s\",le=\"%g\"} %" PRId64 "\n", name, p->le, p->n);
			continue;
		}
		vp_buf_addf(out, "vprov_phase_seconds_bucket{phase=\"%s\",le=\"+Inf\"} %" PRId64 "\n", name, p->n);
		vp_buf_addf(out, "vprov_phase_seconds_sum{phase=\"%s\"} %.3f\nvprov_phase_seconds_count{phase=\"%s\"} %" PRId64 "\n", name, p->sum,
			    name, p->n);
	}
}

int vp_metrics(struct vp_state *s, const struct vp_tally *t, struct vp_buf *out, struct vp_err *err)
{
	vp_cleanup(vp_arena_freep) struct vp_arena *a = vp_arena_new();
	struct vp_node_rows rows = { 0 };
	struct vp_phase_buckets phases = { 0 };
	struct vp_counters c = { 0 };

	if (vp_state_nodes(s, a, &rows, err) || vp_state_counters(s, &c, err) || vp_state_phases(s, a, &phases, err))
		return -1;
	head(out, "vprov_build_info", "gauge", "The program; always 1.");
	vp_buf_adds(out, "vprov_build_info{version=\"" VP_VERSION "\"} 1\n");
	add_nodes(out, &rows);
	single(out, "vprov_installs_begun_total", "counter", "Install configurations handed out, since the state directory exists.",
	       (uint64_t)c.begun);
	single(out, "vprov_installs_succeeded_total", "counter", "Nodes that came up from their disk.", (uint64_t)c.succeeded);
	single(out, "vprov_installs_failed_total", "counter", "Installations that failed.", (uint64_t)c.failed);
	add_phases(out, &phases);
	add_requests(a, out, t);
	single(out, "vprov_http_refused_total", "counter", "Requests with a wrong token, from a wrong address, or too late.", t->refused);
	single(out, "vprov_dnsmasq_restarts_total", "counter", "Times that dnsmasq had to be started again.", t->dnsmasq_restarts);
	single(out, "vprov_page_listeners", "gauge", "Open status pages that are told of changes.", t->listeners);
	single(out, "vprov_page_listeners_dropped_total", "counter", "Status pages that did not read what they were told.", t->dropped);
	return 0;
}
