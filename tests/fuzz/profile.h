/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a profile: read it, bind it; a tree that was read holds together and can be written and read again, and a node that was bound keeps
 * its promises. */
#ifndef FUZZ_PROFILE_H
#define FUZZ_PROFILE_H
#include <nettle/base64.h>
#include <stdlib.h>
#include <string.h>

#include "../../provision/model/place.h"

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

static void write_key(struct vp_buf *b, const char *key)
{
	vp_buf_adds(b, " name=\"");
	for (; *key; key++)
		if (strchr("<&\"", *key))
			vp_buf_addf(b, "&#%d;", *key);
		else
			vp_buf_add(b, key, 1);
	vp_buf_adds(b, "\"");
}

/* As pan XML, with all strings in base64. */
static void write_value(struct vp_buf *b, const struct vp_val *v)
{
	static const char *const tags[] = { "nlist", "list", "string", "long", "double", "boolean" };

	vp_buf_addf(b, "<%s", tags[v->type]);
	if (v->key)
		write_key(b, v->key);
	vp_buf_adds(b, v->type == VP_STRING ? " encoding=\"base64\">" : ">");
	for (const struct vp_val *c = v->child; c; c = c->next)
		write_value(b, c);
	if (v->type == VP_STRING) {
		char *base64 = malloc(BASE64_ENCODE_RAW_LENGTH(v->len) + 1);

		base64_encode_raw(base64, v->len, (const uint8_t *)v->text);
		vp_buf_add(b, base64, BASE64_ENCODE_RAW_LENGTH(v->len));
		free(base64);
	} else if (v->text) {
		vp_buf_add(b, v->text, v->len);
	}
	vp_buf_addf(b, "</%s>", tags[v->type]);
}

static void check_equal(const struct vp_val *a, const struct vp_val *b)
{
	if (a->type != b->type || (a->key && strcmp(a->key, b->key)) || a->len != b->len || (a->len && memcmp(a->text, b->text, a->len)))
		abort();
	for (a = a->child, b = b->child; a && b; a = a->next, b = b->next)
		check_equal(a, b);
	if (a || b)
		abort();
}

/* Whatever format it came in, what was read can be written and read again. Not where a key has what XML cannot hold, or where it grows too much. */
static void check_again(struct vp_arena *a, const struct vp_val *root)
{
	struct vp_diags diags = { .arena = a };
	struct vp_profile *p;
	struct vp_buf b = { 0 };

	write_value(&b, root);
	if (b.len <= VP_MAX_PROFILE && !memmem(b.data, b.len, "\xef\xbf\xbe", 3) && !memmem(b.data, b.len, "\xef\xbf\xbf", 3)) {
		p = vp_profile_parse(a, "again", b.data, b.len, &diags);
		if (!p || diags.n)
			abort();
		check_equal(root, p->root);
	}
	vp_diags_free(&diags);
	vp_buf_free(&b);
}

/* Binds it; diags holds no errors before. */
static void try_tree(struct vp_arena *a, const struct vp_profile *p, struct vp_diags *diags)
{
	const struct vp_bind_opts opts = { .virt = -1, .state_dir = "/var/lib/vprov" };
	struct vp_placements all = { 0 };
	struct vp_diags others = { .arena = a };
	struct vp_node *n;

	check_value(p->root);
	vp_placements_of(a, p, &all, &others);
	/* Sorting moves them. */
	for (size_t i = 0; i < all.n; i++)
		vp_placement_merge(a, &all, vp_strdup(a, all.items[i].guest), all.items[i].host, &others);
	vp_diags_free(&others);
	n = vp_bind(a, p, NULL, &opts, diags);
	if (!n != !!diags->errors)
		abort();
	/* What a bound node promises. */
	if (n && (!*n->name || (n->machine == VP_GUEST && !n->ndisks) || !n->nnics || !n->memory || !n->vcpus || strpbrk(n->name, "/\n ") ||
		  n->boot_nic >= n->nnics))
		abort();
}

static inline void try_profile(const uint8_t *data, size_t size)
{
	struct vp_arena *a = vp_arena_new();
	struct vp_diags diags = { .arena = a };
	struct vp_profile *p = vp_profile_parse(a, "fuzz", data, size, &diags);

	if (!p != !!diags.errors)
		abort();
	if (p) {
		check_again(a, p->root);
		try_tree(a, p, &diags);
	}
	vp_diags_free(&diags);
	vp_arena_free(a);
}

#endif
