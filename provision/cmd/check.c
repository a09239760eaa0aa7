// SPDX-License-Identifier: Apache-2.0
#include "cmd.h"

static json_t *diag_json(const struct vp_diag *d)
{
	static const char *const words[] = { "note", "warning", "error" };

	return json_pack("{s:s, s:i, s:s, s:s, s:s, s:s}", "file", d->file, "line", (int)d->line, "path", d->path, "code", vp_code_text(d->code),
			 "severity", words[d->severity], "message", d->message);
}

static void print_json(struct vp_ctx *c)
{
	json_t *list = json_array();

	vp_diags_sort(&c->diags);
	for (size_t i = 0; i < c->diags.n; i++)
		json_array_append_new(list, diag_json(&c->diags.items[i]));
	vp_print_json(json_pack("{s:o}", "diagnostics", list));
}

static void print_ok(struct vp_ctx *c, const struct vp_node *n)
{
	const struct vp_nic *nic = &n->nics[n->boot_nic];
	uint64_t disk = 0;

	for (size_t i = 0; i < n->ndisks; i++)
		disk += n->disks[i].size;
	vp_say("%s: ok (%u vCPU%s, %s, %zu disk%s of %s, boots from %s %s, %s, install %s)", n->name, n->vcpus, n->vcpus == 1 ? "" : "s",
	       vp_size_text(c->arena, n->memory), n->ndisks, n->ndisks == 1 ? "" : "s", vp_size_text(c->arena, disk), nic->name,
	       *nic->ip ? nic->ip : "by DHCP", vp_virt_name(n->virt), vp_install_name(n->install));
}

int vp_cmd_check(struct vp_ctx *c)
{
	const struct vp_bind_opts opts = { .virt = c->virt, .state_dir = c->state_dir };
	struct vp_nodes nodes = { 0 };
	int rc;

	if (!c->json) {
		rc = vp_ctx_nodes(c, &nodes);
		for (size_t i = 0; i < nodes.n && !rc; i++)
			print_ok(c, nodes.items[i]);
		return rc;
	}
	c->site = vp_site_read(c->arena, c->config, &c->diags);
	rc = c->diags.errors ? VP_EXIT_USAGE : VP_EXIT_OK;
	if (!rc) {
		vp_nodes_load(c->arena, c->args, c->nargs, c->site, &opts, &nodes, &c->diags);
		rc = c->diags.errors ? VP_EXIT_PROFILE : VP_EXIT_OK;
	}
	print_json(c);
	return rc;
}
