// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "../apply/post.h"
#include "hosts.h"
#include "world.h"

static bool known(struct vp_world *w, const char *node, struct vp_err *err)
{
	struct vp_resources made = { 0 };
	struct vp_node_row row;

	if (vp_state_node(w->state, w->arena, node, &row, err) == 1)
		return true;
	return !vp_resources(w->state, w->arena, node, &made, err) && made.n;
}

/* Data goes only with consent: --yes, or an answer at the terminal. */
static bool consent(struct vp_ctx *c, const struct vp_plan *plan)
{
	char answer[16];

	if (c->yes || !isatty(STDIN_FILENO))
		return true;
	vp_plan_print(plan, stdout);
	fputs("Destroy it? [y/N] ", stdout);
	fflush(stdout);
	return fgets(answer, sizeof(answer), stdin) && !strncasecmp(answer, "y", 1);
}

static int destroy_one(struct vp_ctx *c, struct vp_world *w, const char *node)
{
	struct vp_plan plan = { 0 };
	struct vp_err err = { 0 };
	const char *kept;

	if (!known(w, node, &err)) {
		vp_fail(&err, VP_E_NOTFOUND, "there is no node '%s'", node);
		return vp_ctx_error(c, &err);
	}
	if (vp_plan_consent(w, node, NULL, false, c->confirm, &err) || vp_plan_destroy(w, node, NULL, c->keep, &plan, &err))
		return vp_ctx_error(c, &err);
	if (!consent(c, &plan)) {
		vp_say("%s: left as it is", node);
		return VP_EXIT_FAILED;
	}
	if (vp_apply_removal(w, &plan, vp_world_report, &err))
		return vp_ctx_error(c, &err);
	vp_say("%s: gone", node);
	/* Evidence outlives what it is about. */
	kept = vp_bundle_find(c->arena, c->state_dir, node);
	if (*kept)
		vp_say("%s: what is known of its last failure is kept in %s", node, kept);
	return VP_EXIT_OK;
}

/* Without a node left, the boot service and empty directories go, too. */
static void sweep(struct vp_world *w)
{
	struct vp_node_rows rows = { 0 };
	struct vp_err err = { 0 };

	if (vp_state_nodes(w->state, w->arena, &rows, &err) || (!rows.n && vp_service_stop(w->state_dir, &err)))
		vp_warn("%s", err.msg);
	if (rows.n)
		return;
	/* A service that could not start leaves its log. */
	vp_remove_tree(vp_printf(w->arena, "%s/serve", w->state_dir), NULL);
	rmdir(vp_printf(w->arena, "%s/disks", w->state_dir));
	rmdir(vp_printf(w->arena, "%s/console", w->state_dir));
}

static int destroy_all(struct vp_ctx *c, void *arg)
{
	struct vp_world w;
	int rc = vp_world_open(c, true, &w), worst = rc;

	(void)arg;
	for (size_t i = 0; !rc && i < c->nargs; i++) {
		int one = destroy_one(c, &w, c->args[i]);

		worst = one ? one : worst;
	}
	if (!rc) {
		sweep(&w);
		vp_world_close(&w);
	}
	return worst;
}

int vp_cmd_destroy(struct vp_ctx *c)
{
	return vp_on_their_hypervisors(c, destroy_all, NULL);
}
