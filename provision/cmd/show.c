// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "cmd.h"

/* Lines of the profile itself need no file name. */
static const char *where(struct vp_ctx *c, const struct vp_node *n, const struct vp_origin *o)
{
	if (!o->line)
		return o->path;
	if (!strcmp(o->file, n->file))
		return vp_printf(c->arena, "%s, line %u", o->path, o->line);
	return vp_printf(c->arena, "%s, %s:%u", o->path, o->file, o->line);
}

/* A hash is nothing for a screen. */
static const char *shown(struct vp_ctx *c, const struct vp_origin *o)
{
	return strcmp(o->field, "rootpw") ? vp_printable(c->arena, o->value, 60) : "(set)";
}

/* Longer values move only their own line to the right. */
#define VALUE_WIDTH 24

static void print_node(struct vp_ctx *c, const struct vp_node *n)
{
	int field = 0, value = 0;

	for (size_t i = 0; i < n->norigins; i++) {
		int f = (int)strlen(n->origins[i].field), v = (int)strlen(shown(c, &n->origins[i]));

		field = f > field ? f : field;
		value = v > value && v <= VALUE_WIDTH ? v : value;
	}
	for (size_t i = 0; i < n->norigins; i++)
		printf("  %-*s  %-*s  %s\n", field, n->origins[i].field, value, shown(c, &n->origins[i]), where(c, n, &n->origins[i]));
}

int vp_cmd_show(struct vp_ctx *c)
{
	struct vp_nodes nodes = { 0 };
	json_t *list;
	int rc;

	if (c->unused)
		return vp_show_unused(c);
	rc = vp_ctx_nodes(c, &nodes);
	/* What is right is shown, whatever else is wrong. */
	if (rc && !nodes.n)
		return rc;
	if (!c->json) {
		for (size_t i = 0; i < nodes.n; i++) {
			printf("%s%s (%s)\n", i ? "\n" : "", nodes.items[i]->name, vp_printable(c->arena, nodes.items[i]->file, 500));
			print_node(c, nodes.items[i]);
		}
		return rc;
	}
	list = json_array();
	for (size_t i = 0; i < nodes.n; i++)
		json_array_append_new(list, vp_node_json(nodes.items[i]));
	vp_print_json(json_pack("{s:o}", "nodes", list));
	return rc;
}
