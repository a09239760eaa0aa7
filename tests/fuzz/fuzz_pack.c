// SPDX-License-Identifier: Apache-2.0
/* What a child that was taken over could answer; what is accepted is packed again, and then stays the same. */
#include "../../provision/profile/pack.h"
#include "profile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Unpacks and packs again; false where it is refused. */
static bool again(struct vp_arena *a, const void *data, size_t len, struct vp_buf *out)
{
	struct vp_diags diags = { .arena = a };
	struct vp_profile *p;
	bool ok = !vp_unpack(a, "fuzz", data, len, &p, &diags);

	if (ok && !p != !!diags.errors)
		abort();
	if (ok)
		vp_pack(out, p, &diags, true);
	if (ok && p)
		try_tree(a, p, &diags);
	vp_diags_free(&diags);
	return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vp_arena *a = vp_arena_new();
	struct vp_buf once = { 0 }, twice = { 0 };

	if (again(a, data, size, &once) &&
	    (!again(a, once.data, once.len, &twice) || once.len != twice.len || memcmp(once.data, twice.data, once.len)))
		abort();
	vp_buf_free(&once);
	vp_buf_free(&twice);
	vp_arena_free(a);
	return 0;
}
