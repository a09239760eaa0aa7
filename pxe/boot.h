/* SPDX-License-Identifier: Apache-2.0 */
/* The boot decision: a pure function of a node's state and the time. */
#ifndef VP_BOOT_H
#define VP_BOOT_H

#include "../provision/state/state.h"

enum vp_boot_answer { VP_ANSWER_REFUSE, VP_ANSWER_LOCAL, VP_ANSWER_INSTALL, VP_ANSWER_RESCUE };

/*
 * row NULL: an unknown MAC; now: seconds since 1970. The first rule of the table in boot.c that fits decides; *why, where wanted, says which in
 * words. Install only while armed, in time, and before any configuration was handed out; everything else that is known boots its disk.
 */
enum vp_boot_answer vp_boot_decide(const struct vp_node_row *row, double now, const char **why);
/* When the answer changes by time alone; 0: never. */
double vp_boot_until(const struct vp_node_row *row, double now);
const char *vp_boot_answer_name(enum vp_boot_answer a);

#endif
