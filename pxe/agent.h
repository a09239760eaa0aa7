/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent of an installed node asks: what it shall do, and where its results go. It asks by HTTP, or over a channel of its hypervisor, in
 * frames: "VPROV ID METHOD PATH LENGTH\n" and LENGTH bytes, answered by "VPROV ID STATUS LENGTH\n" and LENGTH bytes.
 */
#ifndef VP_AGENT_H
#define VP_AGENT_H

#include "../provision/state/state.h"

/* The channel's name. */
#define VP_PORT "vprov.0"

/* Its task, or "none", and this machine's time, by which it measures. */
const char *vp_agent_task(struct vp_arena *a, const struct vp_node_row *row);
/* Keeps a result. 200; 409 where the node was not asked for that run; 0 where it could not be kept (err). */
unsigned vp_agent_result(struct vp_state *s, struct vp_arena *a, const struct vp_node_row *row, const char *run, const char *name,
			 const struct vp_buf *body, const char *way, struct vp_err *err);

struct vp_frame {
	char id[32], method[8], path[512];
	/* Bytes of the first line, and of what follows it. */
	size_t head, length;
};
/* Reads the head of a frame at the beginning of n bytes: 1 it is one, 0 more bytes are needed, -1 it is none: out->head bytes are to be skipped. */
int vp_frame_parse(const char *data, size_t n, struct vp_frame *out);
/*
 * Takes a whole frame of that node's from the beginning of `in` and appends the answer to `out`; what is no frame is dropped. 1 taken, 0 nothing
 * whole is there, -1 a result could not be kept (err; the guest is told so and tries again).
 */
int vp_agent_frame(struct vp_state *s, const char *node, struct vp_buf *in, struct vp_buf *out, struct vp_err *err);

#endif
