/* SPDX-License-Identifier: Apache-2.0 */
/* An arena for each test. */
#ifndef TEST_ARENA_H
#define TEST_ARENA_H
#include "../../provision/base/base.h"

static struct vp_arena *arena;

static int setup(void **state)
{
	(void)state;
	arena = vp_arena_new();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	vp_arena_free(arena);
	return 0;
}

#endif
