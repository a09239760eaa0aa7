/* SPDX-License-Identifier: Apache-2.0 */
/* What a figure depends on: only figures of equal environments may be compared, and which part has to be equal depends on the question. */
#ifndef VP_ENVIRON_H
#define VP_ENVIRON_H

#include <jansson.h>

#include "../base/base.h"

/* KEY=VALUE lines from the guest's proof, the host's facts (may be NULL), the node's JSON, and what the tool says. */
const char *vp_environ(struct vp_arena *a, const char *proof, const char *host, json_t *expect, const char *tool, const char *with);
/* 12 hex digits: of all of it; and of the machine and the tool alone, which does not change with the hypervisor. "" for "". */
const char *vp_environ_key(struct vp_arena *a, const char *env);
const char *vp_environ_work(struct vp_arena *a, const char *env);
/* The node is no guest, but the machine itself. */
bool vp_environ_is_bare(json_t *expect);

#endif
