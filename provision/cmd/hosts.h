/* SPDX-License-Identifier: Apache-2.0 */
/* Runs over several hypervisors: each has the nodes that are its. */
#ifndef VP_CMD_HOSTS_H
#define VP_CMD_HOSTS_H

#include "cmd.h"

/*
 * The hypervisor of a node: the only --connect; of several (or of those in the site configuration) the one whose host is the node's; the one that it
 * was made on (row, NULL: none); the only one in the site configuration. NULL: the default. *lost: several were given, and none of them is it.
 */
const char *vp_hypervisor_of(struct vp_ctx *c, const char *host, const char *row_host, bool *lost);

/* Of n things, those with these indices, on c->connect. Answers an exit status. */
typedef int vp_some_fn(struct vp_ctx *c, const size_t *which, size_t n, void *arg);
/*
 * fn for the things of each hypervisor: by itself where there is one, otherwise in a child each, one after the other, since libvirt has one embedded
 * driver a process. What children print as JSON is put together. The worst of their exit statuses; nothing after an interruption.
 */
int vp_each_hypervisor(struct vp_ctx *c, const char *const *uris, size_t n, vp_some_fn *fn, void *arg);

/* fn for the nodes that c->args names, on the hypervisors that they were made on (or the only --connect). Unknown ones are of the first. */
int vp_on_their_hypervisors(struct vp_ctx *c, int (*fn)(struct vp_ctx *c, void *arg), void *arg);

#endif
