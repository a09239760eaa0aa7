/* SPDX-License-Identifier: Apache-2.0 */
/* The few columns that the boot service changes by itself, and how it notices changes of others. */
#ifndef VP_SERVICE_H
#define VP_SERVICE_H

#include "state.h"

/* A number that grows whenever the database was changed, by this process or another; -1 on failure. */
int64_t vp_state_version(struct vp_state *s);
/* The address that DHCP gave to a node that has none yet; a fixed one is left alone. */
int vp_state_lease(struct vp_state *s, const char *node, const char *ip, struct vp_err *err);
/* The run is complete: clears the task if it is still this run's. */
int vp_state_task_done(struct vp_state *s, const char *node, const char *run, struct vp_err *err);

/* A MAC address that is no node's asked for a lease on a bridge. At most VP_MAX_STRANGERS are remembered, the last ones. */
int vp_state_stranger(struct vp_state *s, const char *mac, const char *bridge, struct vp_err *err);
struct vp_stranger {
	const char *mac, *bridge;
	/* Seconds since 1970. */
	double first, last;
	int64_t requests;
};
struct vp_strangers {
	struct vp_stranger *items;
	size_t n, cap;
};
/* Those that have not become nodes meanwhile, the last one first. */
int vp_state_strangers(struct vp_state *s, struct vp_arena *a, struct vp_strangers *out, struct vp_err *err);
/* A transaction is under way that is recording nodes: the journal's last record is one. */
bool vp_state_recording(struct vp_state *s);
/* The last n events of a node, oldest first. */
int vp_state_last_events(struct vp_state *s, struct vp_arena *a, const char *node, unsigned n, struct vp_events *out, struct vp_err *err);
/* Which nodes had events after that one, each with its last one's id. */
int vp_state_news(struct vp_state *s, struct vp_arena *a, int64_t after, struct vp_events *out, struct vp_err *err);
/* Installations begun, succeeded and failed since the database exists, whatever became of the nodes. */
struct vp_counters {
	int64_t begun, succeeded, failed;
};
int vp_state_counters(struct vp_state *s, struct vp_counters *out, struct vp_err *err);
/* How many phases of that number took at most `le` seconds (the last: infinite), all together `sum`, in successful installations. */
struct vp_phase_bucket {
	int phase;
	double le, sum;
	int64_t n;
};
struct vp_phase_buckets {
	struct vp_phase_bucket *items;
	size_t n, cap;
};
/* By phase and le. */
int vp_state_phases(struct vp_state *s, struct vp_arena *a, struct vp_phase_buckets *out, struct vp_err *err);

#endif
