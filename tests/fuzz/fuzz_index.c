// SPDX-License-Identifier: Apache-2.0
/* A server's list of profiles: whatever is taken from it can become a URL or a path below its directory. */
#include <stdlib.h>
#include <string.h>

#include "../../provision/fetch/inside.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vp_arena *a = vp_arena_new();
	struct vp_diags diags = { .arena = a };
	struct vp_listing l = { 0 };
	struct vp_err err = { 0 };
	int rc = vp_index_read(a, "fuzz", data, size, &l, &diags, &err);

	if (!rc != !err.msg[0])
		abort();
	for (size_t i = 0; i < l.n && !rc; i++) {
		const char *name = l.items[i].name;

		if (!*name || *name == '/' || !strncmp(name, "../", 3) || strstr(name, "/../") || strpbrk(name, "\t\n\r") || !vp_has_suffix(name))
			abort();
	}
	vp_diags_free(&diags);
	vp_arena_free(a);
	return 0;
}
