/* SPDX-License-Identifier: Apache-2.0 */
/* A node's row as `status --json` and the boot service's /status.json show it. */
#ifndef VP_ROW_JSON_H
#define VP_ROW_JSON_H

#include <jansson.h>

#include "state.h"

/* The state in one word: where it is, or, where something is wrong, what. Static. */
const char *vp_node_state(const struct vp_node_row *r);
/* {"name","state","since","reason","virt","host","progress",...} without secrets; new reference. */
json_t *vp_node_row_json(const struct vp_node_row *r);

#endif
