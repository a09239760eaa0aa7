// SPDX-License-Identifier: Apache-2.0
/* vprov serve: the boot service in the foreground. apply starts the same with --until-done. */
#include <poll.h>

#include "../../pxe/serve.h"
#include "cmd.h"

static void announce(const struct vp_serve_opts *o)
{
	if (!o->nnets)
		vp_say("no node has a network yet; waiting for `vprov apply`");
	for (size_t i = 0; i < o->nnets; i++)
		vp_say("serving %s: DHCP, TFTP, DNS; http://%s:%u/", o->nets[i].bridge, o->nets[i].address, o->port);
}

/* With the networks that the nodes have now. 1: they have changed. */
static int serve_once(struct vp_ctx *c, struct vp_err *err)
{
	vp_cleanup(vp_arena_freep) struct vp_arena *a = vp_arena_new();
	struct vp_serve_opts o = { .state_dir = c->state_dir, .image_dir = vp_ctx_cache(a), .port = VP_HTTP_PORT, .until_done = c->until_done };
	struct vp_state *s = vp_state_open(c->state_dir, false, err);
	int rc;

	if (!s)
		return -1;
	rc = vp_serve_nets(s, a, &o, err);
	vp_state_close(s);
	if (rc)
		return -1;
	announce(&o);
	return vp_serve(&o, err);
}

int vp_cmd_serve(struct vp_ctx *c)
{
	unsigned retries = 0;
	struct vp_err err = { 0 };
	int rc;

	/* A change of networks starts it over; what it then cannot do at once, because a port is not free yet for one, it tries again. */
	while ((rc = serve_once(c, &err)) && !vp_interrupted) {
		if (rc == 1) {
			retries = 3;
			continue;
		}
		if (!retries--)
			return vp_ctx_error(c, &err);
		vp_warn("%s; trying again", err.msg);
		poll(NULL, 0, 1000);
	}
	return VP_EXIT_OK;
}
