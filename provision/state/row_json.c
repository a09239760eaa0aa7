// SPDX-License-Identifier: Apache-2.0
#include <time.h>

#include "row_json.h"

const char *vp_node_state(const struct vp_node_row *r)
{
	return r->health == VP_OK ? vp_life_name(r->life) : vp_health_name(r->health);
}

json_t *vp_node_row_json(const struct vp_node_row *r)
{
	time_t s = (time_t)r->since;
	char since[32];
	struct tm tm;

	gmtime_r(&s, &tm);
	strftime(since, sizeof(since), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:s, s:s, s:s, s:s}", "name", r->name, "state", vp_node_state(r), "since", since,
			 "reason", r->reason, "virt", r->virt, "host", r->host, "phase", r->phase, "progress",
			 *r->phase ? json_integer(r->percent) : json_null(), "life", vp_life_name(r->life), "health", vp_health_name(r->health),
			 "mac", r->mac, "ip", r->ip);
}
