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
/* Number of a pattern, below 64. */
unsigned vp_console_index(const struct vp_console_pattern *p);

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
