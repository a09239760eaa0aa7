/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes of the network that one may be logged in over: what was is kept for `net down`, and a watchdog process, which outlives this one, brings it
 * back unless the change is confirmed. What waits for confirmation is STATE/network.pending, whose renaming decides between the two.
 */
#ifndef VP_APPLY_NETWORK_H
#define VP_APPLY_NETWORK_H

#include "apply.h"

struct vp_confirm {
	/* 0: nobody needs to confirm. */
	unsigned seconds;
	/* Addresses; all of them answering is a confirmation, too. */
	struct vp_words answers;
	/* The watchdog is told by it that all is done; -1 for none. */
	int fd;
};

/*
 * vp_apply(), around what it does to the host's own network. Nothing is begun while an earlier change waits. 0 with *waits (may be NULL) where the
 * change is done and waits for its confirmation.
 */
int vp_network_apply(struct vp_world *w, const struct vp_plan *p, struct vp_confirm *confirm, vp_step_fn *report, bool *waits, struct vp_err *err);
/* Waits until it is decided, and until the way back is done; 0: confirmed. */
int vp_network_decided(struct vp_world *w, struct vp_err *err);
/* Before anything is read: a watchdog that goes back comes to its end. */
int vp_network_settle(struct vp_arena *a, const char *dir, struct vp_err *err);
/* VP_E_NOTPENDING where nothing waits. */
int vp_network_confirm(struct vp_arena *a, const char *state_dir, struct vp_err *err);
int vp_network_rollback(struct vp_world *w, vp_step_fn *report, struct vp_err *err);
/* An echo request is answered within a second. */
bool vp_answers(const char *ip);

#endif
