/* SPDX-License-Identifier: Apache-2.0 */
/* Gate 0: was the right object measured? */
#ifndef VP_PROOF_H
#define VP_PROOF_H

#include <jansson.h>

#include "../base/base.h"

/* Value of a KEY=VALUE line, in the arena; "" where there is none. */
const char *vp_proof_get(struct vp_arena *a, const char *proof, const char *key);
/* Of a node's disks: the element with a true "boot", or the first. */
json_t *vp_proof_boot_disk(json_t *disks);
/* "" where the guest's proof is that of the node in `expect`; otherwise what differs. */
const char *vp_proof_check(struct vp_arena *a, const char *proof, json_t *expect);

#endif
