// SPDX-License-Identifier: Apache-2.0
/*
 * killed N STATE-DIR CONFIG SECONDS up|down PROFILE : `vprov net` that is killed at its n-th write of the journal; there is one before each step and
 * one after it. Exit status 0 where it came to its end before.
 */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../provision/cmd/cmd.h"
#include "../../provision/state/journal.h"

static int left;

static void count(void)
{
	if (!--left)
		kill(getpid(), SIGKILL);
}

int main(int argc, char **argv)
{
	struct vp_ctx c = { .command = "net", .virt = -1 };

	if (argc != 7)
		return 2;
	left = atoi(argv[1]);
	vp_journal_hook = count;
	c.arena = vp_arena_new();
	c.diags.arena = c.arena;
	c.program = vp_ctx_program(&c);
	c.state_dir = argv[2];
	c.config = argv[3];
	c.confirm_within = (unsigned)atoi(argv[4]);
	c.args = (const char *const *)argv + 5;
	c.nargs = 2;
	return vp_cmd_net(&c);
}
