// SPDX-License-Identifier: Apache-2.0
#include <string.h>
#include <time.h>

#include "../provision/state/row_json.h"
#include "../templates/mustache.h"
#include "http.h"

void vp_status_json(const struct vp_node_rows *rows, struct vp_buf *out)
{
	json_t *nodes = json_array(), *all = json_pack("{s:o}", "nodes", nodes);
	vp_cleanup(vp_freep) char *text = NULL;

	for (size_t i = 0; i < rows->n; i++)
		json_array_append_new(nodes, vp_node_row_json(&rows->items[i]));
	text = json_dumps(all, JSON_INDENT(2));
	vp_buf_adds(out, text ? text : "{}");
	vp_buf_adds(out, "\n");
	json_decref(all);
}

static void cell(struct vp_buf *out, const char *text)
{
	vp_buf_adds(out, "<td>");
	vp_escape_xml(out, text, strlen(text));
}

static void row(struct vp_buf *out, const struct vp_node_row *r)
{
	time_t since = (time_t)r->since;
	char when[32] = "";
	struct tm tm;

	if (r->since > 0 && gmtime_r(&since, &tm))
		strftime(when, sizeof(when), "%F %T UTC", &tm);
	vp_buf_addf(out, "<tr class=\"%s\">", vp_health_name(r->health));
	cell(out, r->name);
	cell(out, vp_life_name(r->life));
	cell(out, vp_health_name(r->health));
	cell(out, r->phase);
	vp_buf_addf(out, r->phase[0] ? "<td>%u %%" : "<td>", r->percent);
	cell(out, when);
	cell(out, r->virt);
	cell(out, r->reason);
	vp_buf_adds(out, "\n");
}

void vp_status_page(const struct vp_node_rows *rows, struct vp_buf *out)
{
	vp_buf_adds(
		out,
		"<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta http-equiv=\"refresh\" content=\"5\"><title>vprov</title>\n"
		"<style>body{font:14px sans-serif;margin:2em}td,th{text-align:left;padding:.2em 1em .2em 0}"
		".failed td,.stalled td{color:#b00}.slow td{color:#960}</style></head><body><h1>vprov</h1>\n"
		"<table><tr><th>node<th>state<th>health<th>phase<th>progress<th>since<th>virt<th>reason\n");
	for (size_t i = 0; i < rows->n; i++)
		row(out, &rows->items[i]);
	vp_buf_addf(out, "</table>\n<p>%zu nodes; <a href=\"/status.json\">status.json</a></p></body></html>\n", rows->n);
}
