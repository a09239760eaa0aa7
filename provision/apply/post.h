/* SPDX-License-Identifier: Apache-2.0 */
/* What following a node is made of: console lines and what they mean, another try, and what is kept of a failure. */
#ifndef VP_POST_H
#define VP_POST_H

#include "apply.h"

/* --- Console --- */

enum vp_console_kind {
	/* Worth knowing; if nothing follows, it was the last evidence. */
	VP_CONSOLE_WARNING,
	/* It will not go on by itself. */
	VP_CONSOLE_FAILED,
	/* The installed system speaks. */
	VP_CONSOLE_DISK,
};

struct vp_console_pattern {
	/* Part of a line. */
	const char *text;
	enum vp_console_kind kind;
	/* In words. */
	const char *meaning;
	/* A prompt: no end of line follows. */
	bool prompt;
};

/* The first pattern that a line holds, or NULL. Control characters have been taken out. */
const struct vp_console_pattern *vp_console_match(const char *line);
/* Has what a running domain says written to its log, where the hypervisor does not; what cannot be had is missed. */
void vp_console_record(struct vp_world *w, const char *node);
/* What is kept of an earlier life (JSON, or ""), with where the console of the next one begins: it ends here. In w->arena. */
const char *vp_console_mark(struct vp_world *w, const char *node, const char *before);
/* That place, a byte offset; 0 where the node is up, and where there was no earlier life. */
off_t vp_console_begin(const struct vp_node_row *row);
/* Number of a pattern, below 64. */
unsigned vp_console_index(const struct vp_console_pattern *p);

/* --- A channel beside the network --- */

/* Of a node, NULL where it is not open. */
struct vp_port;
/*
 * Sees to it that what the node asks there is answered, where its hypervisor has the channel, until it is closed; tries again after a while, *tried.
 * Without one the node asks by HTTP. The name has to stay.
 */
void vp_port_serve(struct vp_world *w, const char *node, struct vp_port **port, double *tried);
void vp_port_close(struct vp_port **port);

/* --- How many at a time --- */

struct vp_capacity {
	/* Installations and measurements under way. */
	unsigned running;
	/* What the site allows; 0: by the figures that follow. */
	unsigned max;
	/* Processors of this machine. */
	unsigned cpus;
	/* Percent of the last 10 s in which a process waited for a processor, or for a disk (Linux's pressure stall information). */
	double cpu_pressure, io_pressure;
	/* Bytes that are free (0: not known), and that the next node needs. */
	uint64_t free_memory, memory;
	/* Since another one began. */
	uint64_t quiet_ns;
};
#define VP_BUSY_PERCENT 60
/* Fills cpus, the pressures and free_memory. */
void vp_capacity_measure(struct vp_capacity *c);
/* Whether one more may begin: pure. */
bool vp_admits(const struct vp_capacity *c);
/* The same for this node now. 1 it may begin, 0 it has to wait, -1 error. */
int vp_admit(struct vp_world *w, const struct vp_node *n, struct vp_err *err);
/* Whether the node is armed and off until it is its turn. */
bool vp_waits(struct vp_world *w, const struct vp_node_row *row);
/* Switches an armed node on for its installation; what runs already is success. */
int vp_begin_install(struct vp_world *w, const struct vp_node *n, struct vp_err *err);

/* What the node shall do once it is up: "verify RUN ..."; "" where it is not to be measured. */
const char *vp_verify_task(struct vp_arena *a, const struct vp_node *n);

/* --- Another try --- */

/* Whether a node that stopped may be restarted: its configuration is still there to be had, and fewer than its retries were used. */
bool vp_retry_allowed(struct vp_world *w, const struct vp_node_row *row);
/* Seconds to wait before that. */
double vp_retry_pause(struct vp_world *w, const struct vp_node_row *row);
/* Stops the machine, and starts it for its installation again. 1 done, 0 it took its configuration meanwhile, -1 error: then it is not armed. */
int vp_retry(struct vp_world *w, const struct vp_node *n, const struct vp_node_row *row, struct vp_err *err);

/* --- What is kept --- */

/*
 * STATE/bundles/NODE-TIME.tar.gz: console, screenshot, definitions, events, phases, the node without its secrets, the boot service's configuration
 * and log, the host. Path in w's arena; NULL with err. Of one node the newest VP_MAX_BUNDLES are kept.
 */
char *vp_bundle_make(struct vp_world *w, const struct vp_node_row *row, struct vp_err *err);
/* The newest of a node, "" for none. */
char *vp_bundle_find(struct vp_arena *a, const char *state_dir, const char *node);

#endif
