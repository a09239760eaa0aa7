/* SPDX-License-Identifier: Apache-2.0 */
/* The live world of one run: what plan, apply, destroy and verify look at. */
#ifndef VP_WORLD_H
#define VP_WORLD_H

#include "../apply/apply.h"
#include "cmd.h"

/*
 * Opens everything. change: takes the lock of the state directory (the command's name goes into it), creates what is absent and
 * recovers a run that died; otherwise nothing is made and absent parts stay NULL. 0 or an exit status, with the error printed.
 */
int vp_world_open(struct vp_ctx *c, bool change, struct vp_world *w);
void vp_world_close(struct vp_world *w);
/* A node of the state, from the profile that it was applied from, as that is now. Its problems are printed. */
int vp_world_node(struct vp_ctx *c, struct vp_world *w, const struct vp_node_row *row, struct vp_node **out, struct vp_err *err);
/* One line for a step that is done: the vp_step_fn of every command. */
void vp_world_report(const struct vp_step *s);
/*
 * Nodes as they can be on that hypervisor: those that ask for KVM where it cannot run guests become software-emulated ones, with a message that says
 * so; on another machine things are elsewhere (vp_remote_fit()).
 */
int vp_world_fit(struct vp_world *w, struct vp_nodes *nodes, struct vp_err *err);

#endif
