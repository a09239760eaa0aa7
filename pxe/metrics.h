/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics of the boot service; for the files of this directory only. */
#ifndef VP_METRICS_H
#define VP_METRICS_H

#include "http.h"

#define VP_TALLY_STATUS 16
/* Counted while this process runs. */
struct vp_tally {
	/* Requests by route and, in the order in which they were met, status. */
	uint64_t requests[VP_ROUTE__NONE + 1][VP_TALLY_STATUS];
	uint64_t bytes[VP_ROUTE__NONE + 1];
	unsigned statuses[VP_TALLY_STATUS];
	uint64_t refused, dropped, dnsmasq_restarts;
	/* Open now. */
	unsigned listeners, connections;
};
void vp_tally_request(struct vp_tally *t, enum vp_route_id route, unsigned status, uint64_t bytes);
/* Prometheus text format 0.0.4. */
int vp_metrics(struct vp_state *s, const struct vp_tally *t, struct vp_buf *out, struct vp_err *err);

#endif
