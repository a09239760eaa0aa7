// SPDX-License-Identifier: Apache-2.0
/* image GUEST-DIR INSTALLER-DIR [PACKAGE...] : makes sure that the root image is in the cache, where the network can still be reached; prints its
 * path, and the directory of its kernel and ramdisk. */
#include "../../provision/cmd/cmd.h"
#include "../../provision/disk/image.h"

int main(int argc, char **argv)
{
	vp_cleanup(vp_arena_freep) struct vp_arena *a = vp_arena_new();
	struct vp_image_opts o = { .dir = vp_ctx_cache(a), .suite = "bookworm" };
	struct vp_image image;
	struct vp_err err;

	if (argc < 3)
		return VP_EXIT_USAGE;
	o.guest_dir = argv[1];
	o.installer_dir = argv[2];
	o.packages = (const char **)argv + 3;
	o.npackages = (size_t)argc - 3;
	if (!vp_image_build(a, &o, &image, &err)) {
		printf("%s\n%s\n", image.root, image.dir);
		return VP_EXIT_OK;
	}
	fprintf(stderr, "%s\n", err.msg);
	return VP_EXIT_FAILED;
}
