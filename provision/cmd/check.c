// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>

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

static void print_brief(struct vp_ctx *c, const struct vp_brief *b)
{
	vp_cleanup(vp_buf_free) struct vp_buf t = { 0 };

	vp_buf_addf(&t, "%s: ok (%s%u vCPU%s, %s", b->name, b->machine == VP_HYPERVISOR ? "hypervisor, " : "", b->vcpus, b->vcpus == 1 ? "" : "s",
		    vp_size_text(c->arena, b->memory));
	if (b->machine == VP_GUEST)
		vp_buf_addf(&t, ", %u disk%s of %s, boots from %s %s, %s, install %s", b->ndisks, b->ndisks == 1 ? "" : "s",
			    vp_size_text(c->arena, b->disk), b->boot_nic, *b->ip ? b->ip : "by DHCP", vp_virt_name(b->virt),
			    vp_install_name(b->install));
	vp_say("%s%s%s%s%s)", t.data, *b->role ? ", role " : "", b->role, *b->host ? ", on " : "", b->host);
}

/* "wn 12, ce 1": the most frequent first. */
struct role {
	const char *name;
	size_t n;
};

static int by_name(const void *left, const void *right)
{
	return strcmp(((const struct role *)left)->name, ((const struct role *)right)->name);
}

static int by_number(const void *left, const void *right)
{
	const struct role *a = left, *b = right;

	return a->n == b->n ? strcmp(a->name, b->name) : (a->n < b->n) - (a->n > b->n);
}

static const char *roles_text(struct vp_ctx *c, const struct vp_fleet *f)
{
	struct role *r = vp_alloc(c->arena, (f->nbriefs + 1) * sizeof(*r));
	vp_cleanup(vp_buf_free) struct vp_buf t = { 0 };
	size_t n = 0, all = 0;

	for (size_t i = 0; i < f->nbriefs; i++)
		if (*f->briefs[i]->role)
			r[all++] = (struct role){ f->briefs[i]->role, 1 };
	qsort(r, all, sizeof(*r), by_name);
	for (size_t i = 0; i < all; i++)
		if (n && !strcmp(r[n - 1].name, r[i].name))
			r[n - 1].n++;
		else
			r[n++] = r[i];
	qsort(r, n, sizeof(*r), by_number);
	for (size_t i = 0; i < n; i++)
		vp_buf_addf(&t, "%s%s %zu", i ? ", " : "; ", r[i].name, r[i].n);
	return vp_strdup(c->arena, vp_buf_str(&t));
}

static bool is_wrong(const struct vp_brief *b)
{
	return b->errors || b->clashes;
}

/* Of more than one host. */
static void print_summary(struct vp_ctx *c, const struct vp_fleet *f)
{
	size_t wrong = 0, warned = 0;

	for (size_t i = 0; i < f->nbriefs; i++) {
		wrong += is_wrong(f->briefs[i]);
		warned += !is_wrong(f->briefs[i]) && f->briefs[i]->warnings;
	}
	if (f->nbriefs > 1)
		vp_say("%zu hosts: %zu ok, %zu with warnings, %zu wrong%s", f->nbriefs, f->nbriefs - wrong - warned, warned, wrong, roles_text(c, f));
}

int vp_cmd_check(struct vp_ctx *c)
{
	struct vp_fleet_opts opts = { 0 };
	struct vp_fleet fleet = { 0 };
	int rc;

	if (c->json && !c->site) {
		c->site = vp_site_read(c->arena, c->config, &c->diags);
		if (c->diags.errors) {
			print_json(c);
			return VP_EXIT_USAGE;
		}
	}
	rc = vp_ctx_fleet(c, &opts, &fleet);
	if (rc && rc != VP_EXIT_PROFILE)
		return rc;
	if (c->json) {
		print_json(c);
		return rc;
	}
	vp_ctx_diags(c);
	for (size_t i = 0; vp_out.level >= 0 && i < fleet.nbriefs; i++)
		if (!is_wrong(fleet.briefs[i]))
			print_brief(c, fleet.briefs[i]);
	print_summary(c, &fleet);
	return rc;
}
