// SPDX-License-Identifier: Apache-2.0
/* serve STATE IMAGES BRIDGE ADDRESS PORT GUEST-PROGRAM: the boot service as `vprov apply` starts it, for one node, over a directory of one's own. */
#include <signal.h>
#include <stdlib.h>

#include "../../provision/state/state.h"
#include "../../pxe/serve.h"

/* A node on the bridge; without one the service has no network to work on. */
static int put_node(const char *dir, const struct vp_serve_net *net, struct vp_err *err)
{
	vp_cleanup(vp_arena_freep) struct vp_arena *a = vp_arena_new();
	const char *json = vp_printf(a,
				     "{\"nics\":[{\"mac\":\"52:54:00:00:00:01\",\"bridge\":\"%s\"}],"
				     "\"bridges\":[{\"name\":\"%s\",\"address\":\"%s\",\"prefix\":%u}]}",
				     net->bridge, net->bridge, net->address, net->prefix);
	struct vp_node_row row = { .name = "bench", .mac = "52:54:00:00:00:01", .json = json };
	vp_cleanup(vp_state_closep) struct vp_state *state = vp_state_open(dir, false, err);

	return state ? vp_state_put(state, &row, err) : -1;
}

int main(int argc, char **argv)
{
	struct vp_serve_net net = { .prefix = 24 };
	struct vp_serve_opts opts = { .nets = &net, .nnets = 1 };
	struct vp_err err = { 0 };

	if (argc != 7)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	opts.state_dir = argv[1];
	opts.image_dir = argv[2];
	net.bridge = argv[3];
	net.address = argv[4];
	opts.port = (unsigned)atoi(argv[5]);
	opts.hook = argv[6];
	if (!put_node(opts.state_dir, &net, &err) && !vp_serve(&opts, &err))
		return 0;
	fprintf(stderr, "serve: %s\n", err.msg);
	return 1;
}
