/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a profile: read it, bind it; a tree that was read holds together, and a node that was bound keeps its promises. */
#ifndef FUZZ_PROFILE_H
#define FUZZ_PROFILE_H
#include <stdlib.h>
#include <string.h>

#include "../../provision/model/node.h"

/* Parents, positions and texts of every value. */
static void check_value(const struct vp_val *v)
{
	unsigned index = 0;

	if (v->type >= VP_STRING ? v->child || !v->text || v->text[v->len] : v->text != NULL)
		abort();
	for (const struct vp_val *c = v->child; c; c = c->next) {
		if (c->parent != v || c->index != index++ || !c->key != (v->type == VP_LIST))
			abort();
		check_value(c);
	}
}

static void try_profile(const uint8_t *data, size_t size)
{
	const struct vp_bind_opts opts = { .virt = -1, .state_dir = "/var/lib/vprov" };
	struct vp_arena *a = vp_arena_new();
	struct vp_diags diags = { .arena = a };
	struct vp_profile *p = vp_profile_parse(a, "fuzz", data, size, &diags);
	struct vp_node *n = NULL;

	if (!p != !!diags.errors)
		abort();
	if (p) {
		check_value(p->root);
		n = vp_bind(a, p, NULL, &opts, &diags);
		if (!n != !!diags.errors)
			abort();
	}
	/* What a bound node promises. */
	if (n && (!*n->name || !n->ndisks || !n->nnics || !n->memory || !n->vcpus || strpbrk(n->name, "/\n ") || n->boot_nic >= n->nnics))
		abort();
	vp_diags_free(&diags);
	vp_arena_free(a);
}

#endif
