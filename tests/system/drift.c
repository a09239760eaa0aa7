// SPDX-License-Identifier: Apache-2.0
/* drift WANT HAVE : what of one definition is different in the other one, as a plan sees it; exit status 1 where something is. */
#include <stdio.h>

#include "../../provision/plan/plan.h"

int main(int argc, char **argv)
{
	struct vp_arena *a = vp_arena_new();
	struct vp_buf want = { 0 }, have = { 0 };
	struct vp_err err = { 0 };
	const char *said;

	if (argc != 3 || vp_read_file(argv[1], VP_MAX_RENDER, &want, &err) || vp_read_file(argv[2], VP_MAX_RENDER, &have, &err)) {
		fprintf(stderr, "%s\n", argc == 3 ? err.msg : "drift WANT HAVE");
		return 2;
	}
	said = vp_plan_drift(a, vp_buf_str(&want), vp_buf_str(&have));
	puts(said);
	return *said != '\0';
}
