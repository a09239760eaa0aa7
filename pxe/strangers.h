/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whoever is connected to one address of the boot service. Peers that are no nodes may hold only a part of the connections there are, and nobody
 * holds one without asking for something: so slow clients, from however many addresses, leave nodes alone. For the HTTP service only.
 */
#ifndef VP_STRANGERS_H
#define VP_STRANGERS_H

#include <sys/socket.h>

#include "../provision/state/state.h"

struct vp_strangers;
struct vp_peer;

struct vp_strangers *vp_strangers_new(struct vp_state *state);
void vp_strangers_free(struct vp_strangers *s);
/* Whether this peer may have one connection more. */
bool vp_strangers_admit(struct vp_strangers *s, const struct sockaddr *from);
/* A connection has begun; owned by s until it is told of the end. */
struct vp_peer *vp_strangers_begin(struct vp_strangers *s, int fd, const struct sockaddr *from);
void vp_strangers_end(struct vp_strangers *s, struct vp_peer *p);
/* Its request is complete up to the body, or answered. */
void vp_peer_asks(struct vp_peer *p, bool asking);
/* Once a second: who did not ask in time is disconnected. */
void vp_strangers_tick(struct vp_strangers *s);

#endif
