// SPDX-License-Identifier: Apache-2.0
/* compare and report: what is known of all runs, as a table, a page, CSV or JSON. */
#include <stdlib.h>
#include <string.h>

#include "../verify/report.h"
#include "cmd.h"

/* Of the nodes that were named, or of all; "host:NAME" names the bare machine. */
static void only_named(const struct vp_ctx *c, struct vp_samples *s)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->n && c->nargs; i++)
		for (size_t k = 0; k < c->nargs; k++)
			if (!strcmp(c->args[k], s->items[i].node) || !strncmp(s->items[i].node, "host:", 5)) {
				s->items[kept++] = s->items[i];
				break;
			}
	s->n = c->nargs ? kept : s->n;
}

static int read_samples(struct vp_ctx *c, struct vp_state **s, struct vp_samples *out, struct vp_err *err)
{
	*s = vp_state_open(c->state_dir, true, err);
	if (!*s || vp_samples(*s, c->arena, out, err))
		return -1;
	only_named(c, out);
	return out->n ? 0 : vp_fail(err, VP_E_NOTFOUND, "nothing was measured: `vprov verify --suite standard NODE`");
}

int vp_cmd_compare(struct vp_ctx *c)
{
	vp_cleanup(vp_state_closep) struct vp_state *s = NULL;
	struct vp_samples samples = { 0 };
	struct vp_comparisons comparisons;
	struct vp_err err = { 0 };

	if (read_samples(c, &s, &samples, &err))
		return vp_ctx_error(c, &err);
	vp_compare(c->arena, &samples, c->by ? c->by : "virt", &comparisons);
	if (c->json)
		vp_print_json(vp_compare_json(&comparisons));
	else
		vp_compare_print(&comparisons, stdout);
	return VP_EXIT_OK;
}

static bool named(const struct vp_ctx *c, const char *name)
{
	for (size_t i = 0; i < c->nargs; i++)
		if (!strcmp(c->args[i], name))
			return true;
	return !c->nargs;
}

static int read_node(struct vp_ctx *c, struct vp_state *s, struct vp_report_node *n, struct vp_err *err)
{
	json_t *expect = json_loads(n->row.json, 0, NULL);
	struct vp_err none = { 0 };
	int rc = vp_verify_stored(s, c->arena, n->row.name, NULL, expect, NULL, NULL, &n->v, &none);

	json_decref(expect);
	if (rc && none.code != VP_E_NOTFOUND) {
		*err = none;
		return -1;
	}
	if (rc)
		n->v.n = 0;
	return vp_phase_rows(s, c->arena, n->row.name, false, &n->phases, err);
}

static int read_nodes(struct vp_ctx *c, struct vp_state *s, struct vp_report *r, struct vp_err *err)
{
	struct vp_node_rows rows = { 0 };

	if (vp_state_nodes(s, c->arena, &rows, err))
		return -1;
	r->nodes = vp_alloc(c->arena, (rows.n + 1) * sizeof(*r->nodes));
	for (size_t i = 0; i < rows.n; i++) {
		struct vp_report_node *n = &r->nodes[r->n];

		if (!named(c, rows.items[i].name))
			continue;
		*n = (struct vp_report_node){ .row = rows.items[i] };
		if (read_node(c, s, n, err))
			return -1;
		r->n++;
	}
	return 0;
}

static int put_json(json_t *j, struct vp_buf *out)
{
	char *text = json_dumps(j, JSON_INDENT(1) | JSON_REAL_PRECISION(9));

	vp_buf_addf(out, "%s\n", text);
	free(text);
	json_decref(j);
	return 0;
}

static bool ends(const char *path, const char *suffix)
{
	size_t n = strlen(path), m = strlen(suffix);

	return n > m && !strcmp(path + n - m, suffix);
}

/* By the name of the file. */
static int write_as(struct vp_ctx *c, const struct vp_report *r, struct vp_buf *out, struct vp_err *err)
{
	struct vp_render render = vp_ctx_render(c);
	json_t *data;
	int rc;

	if (ends(c->output, ".csv")) {
		vp_report_csv(c->arena, r, out);
		return 0;
	}
	if (ends(c->output, ".hep.json"))
		return r->n == 1 ? put_json(vp_report_hep(c->arena, r), out) : vp_fail(err, VP_E_USAGE, "a .hep.json is of one node: name it");
	if (ends(c->output, ".json"))
		return put_json(vp_report_json(c->arena, r), out);
	if (!ends(c->output, ".html"))
		return vp_fail(err, VP_E_USAGE, "%s: not .html, .csv, .json or .hep.json", c->output);
	data = vp_report_page(c->arena, r);
	rc = vp_render_text(&render, "report.html", data, vp_escape_xml, out, err);
	json_decref(data);
	return rc;
}

int vp_cmd_report(struct vp_ctx *c)
{
	vp_cleanup(vp_state_closep) struct vp_state *s = NULL;
	vp_cleanup(vp_buf_free) struct vp_buf out = { 0 };
	struct vp_samples samples = { 0 };
	struct vp_report r = { .samples = &samples, .by = c->by ? c->by : "virt" };
	struct vp_err err = { 0 };
	int rc = vp_ctx_site(c);

	if (rc)
		return rc;
	r.time = vp_ctx_time(c, vp_wall());
	r.host = vp_verify_host(c->arena);
	if (!c->output)
		rc = vp_fail(&err, VP_E_USAGE, "where to: -o FILE, .html, .csv, .json or .hep.json");
	if (rc || read_samples(c, &s, &samples, &err) || read_nodes(c, s, &r, &err) || write_as(c, &r, &out, &err) ||
	    vp_write_file(c->output, vp_buf_str(&out), out.len, 0644, &err))
		return vp_ctx_error(c, &err);
	vp_say("%s: %zu samples of %zu nodes", c->output, samples.n, r.n);
	return VP_EXIT_OK;
}
