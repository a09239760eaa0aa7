// SPDX-License-Identifier: Apache-2.0
/* serve STATE IMAGES BRIDGE ADDRESS PORT: the boot service as `vprov apply` starts it, over a directory of one's own. */
#include <stdlib.h>

#include "../../provision/state/state.h"
#include "../../pxe/serve.h"

int main(int argc, char **argv)
{
	struct vp_serve_net net = { .prefix = 24 };
	struct vp_serve_opts opts = { .nets = &net, .nnets = 1 };
	struct vp_err err = { 0 };
	struct vp_state *state;

	if (argc != 6)
		return 2;
	opts.state_dir = argv[1];
	opts.image_dir = argv[2];
	net.bridge = argv[3];
	net.address = argv[4];
	opts.port = (unsigned)atoi(argv[5]);
	state = vp_state_open(opts.state_dir, false, &err);
	if (state) {
		vp_state_close(state);
		if (!vp_serve(&opts, &err))
			return 0;
	}
	fprintf(stderr, "serve: %s\n", err.msg);
	return 1;
}
