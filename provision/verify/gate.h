/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VP_GATE_H
#define VP_GATE_H

#include "verify.h"

/* Compares a metric that was measured with what is known, and judges the loss, where a tolerance is set. */
/* What that metric may lose, as a share; NaN where nobody says. verify: of the node's JSON. */
double vp_gate_tolerance(struct vp_arena *a, json_t *verify, const char *metric);
void vp_gate(struct vp_arena *a, const struct vp_verification *v, struct vp_metric *m, json_t *expect, const struct vp_samples *known);

#endif
