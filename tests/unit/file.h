/* SPDX-License-Identifier: Apache-2.0 */
/* A profile of a test's own, parsed in this process. */
#ifndef TEST_FILE_H
#define TEST_FILE_H
#include "../../provision/profile/tree.h"

static struct vp_profile *read_profile(struct vp_arena *a, const char *file, struct vp_diags *diags)
{
	vp_cleanup(vp_buf_free) struct vp_buf data = { 0 };

	if (vp_read_file(file, VP_MAX_PROFILE, &data, NULL))
		return NULL;
	return vp_profile_parse(a, file, vp_buf_str(&data), data.len, diags);
}

#endif
