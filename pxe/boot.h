/* SPDX-License-Identifier: Apache-2.0 */
/* The boot decision: a pure function of the node's state. */
#ifndef VP_BOOT_H
#define VP_BOOT_H

#include "../provision/state/state.h"

enum vp_boot_answer { VP_ANSWER_REFUSE, VP_ANSWER_LOCAL, VP_ANSWER_INSTALL };

/* row NULL: an unknown MAC. Install only while armed and no configuration was handed out; everything else known boots its disk. */
enum vp_boot_answer vp_boot_decide(const struct vp_node_row *row);
const char *vp_boot_answer_name(enum vp_boot_answer a);

#endif
