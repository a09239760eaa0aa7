// SPDX-License-Identifier: Apache-2.0
#include "cmd.h"

int vp_cmd_schema(struct vp_ctx *c)
{
	if (c->markdown)
		vp_schema_markdown(stdout);
	else
		vp_schema_print(stdout);
	return VP_EXIT_OK;
}
