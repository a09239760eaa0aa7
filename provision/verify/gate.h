/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VP_GATE_H
#define VP_GATE_H

#include "verify.h"

/* Compares a metric that was measured with what is known, and judges the loss, where a tolerance is set. */
void vp_gate(struct vp_arena *a, const struct vp_verification *v, struct vp_metric *m, json_t *expect, const struct vp_samples *known);

#endif
