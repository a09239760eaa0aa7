// SPDX-License-Identifier: Apache-2.0
#include "cmd.h"

int vp_cmd_schema(struct vp_ctx *c)
{
	(void)c;
	vp_schema_print(stdout);
	return VP_EXIT_OK;
}
