// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "../provision/state/service.h"
#include "agent.h"
#include "http.h"

const char *vp_agent_task(struct vp_arena *a, const struct vp_node_row *row)
{
	return *row->task ? vp_printf(a, "%s\nhost=%.6f\n", row->task, vp_wall()) : "none\n";
}

unsigned vp_agent_result(struct vp_state *s, struct vp_arena *a, const struct vp_node_row *row, const char *run, const char *name,
			 const struct vp_buf *body, const char *way, struct vp_err *err)
{
	const char *want = vp_printf(a, "verify %s ", run), *have = vp_printf(a, "%s ", row->task);
	bool mine = !strncmp(have, want, strlen(want)), done = !strcmp(name, "done");

	/* A repeated "done" finds no task any more: that is what it wanted. */
	if (!mine)
		return done ? 200 : 409;
	if (done ? vp_state_task_done(s, row->name, run, err) : vp_state_result_put(s, row->name, run, name, vp_buf_str(body), body->len, err))
		return 0;
	vp_state_event(s, row->name, "node", vp_printf(a, "result %s of %s, %zu bytes%s", name, run, body->len, way), NULL);
	return 200;
}

int vp_frame_parse(const char *data, size_t n, struct vp_frame *out)
{
	static const char magic[] = "VPROV ";
	const char *end = memchr(data, '\n', n);
	char line[640], length[16];
	int used = 0;
	uint64_t v;

	*out = (struct vp_frame){ .head = end ? (size_t)(end - data) + 1 : n };
	if (memcmp(data, magic, n < strlen(magic) ? n : strlen(magic)) || out->head >= sizeof(line))
		return -1;
	if (!end)
		return 0;
	memcpy(line, data, out->head);
	line[out->head - 1] = '\0';
	if (memchr(line, '\0', out->head - 1) ||
	    sscanf(line, "VPROV %31[0-9a-f.] %7[A-Z] %511[!-~] %15[0-9]%n", out->id, out->method, out->path, length, &used) != 4 || line[used] ||
	    !vp_parse_u64(length, 0, VP_MAX_HTTP_BODY, &v))
		return -1;
	out->length = (size_t)v;
	return 1;
}

/* Drops the first n bytes. */
static void cut(struct vp_buf *b, size_t n)
{
	memmove(b->data, b->data + n, b->len - n);
	b->len -= n;
	b->data[b->len] = '\0';
}

/* The status of the answer, and its body; 0 with err. */
static unsigned answer(struct vp_state *s, struct vp_arena *a, const char *node, const struct vp_frame *f, const struct vp_buf *body,
		       const char **text, struct vp_err *err)
{
	struct vp_node_row row;
	struct vp_route r;

	vp_route_parse(f->path, &r);
	/* Whose channel it is, its hypervisor knows: no secret is needed, and no other name believed. */
	if (r.id == VP_ROUTE__NONE || strcmp(r.node, node) != 0)
		return 404;
	if (!vp_route_allows(r.id, f->method))
		return 405;
	if (vp_state_node(s, a, node, &row, err) != 1)
		return 0;
	/* That it is up is told by the network that it is up on. */
	if (row.life < VP_UP)
		return 409;
	switch (r.id) {
	case VP_ROUTE_TASK: *text = vp_agent_task(a, &row); return 200;
	case VP_ROUTE_RESULT: return vp_agent_result(s, a, &row, r.run, r.name, body, ", by its channel", err);
	default: return 404;
	}
}

int vp_agent_frame(struct vp_state *s, const char *node, struct vp_buf *in, struct vp_buf *out, struct vp_err *err)
{
	vp_cleanup(vp_arena_freep) struct vp_arena *a = vp_arena_new();
	const char *text = "";
	struct vp_buf body;
	struct vp_frame f;
	unsigned status;
	int rc = 0;

	while (in->len && (rc = vp_frame_parse(in->data, in->len, &f)) < 0)
		cut(in, f.head);
	if (rc <= 0 || in->len - f.head < f.length)
		return 0;
	body = (struct vp_buf){ 0 };
	vp_buf_add(&body, in->data + f.head, f.length);
	cut(in, f.head + f.length);
	status = answer(s, a, node, &f, &body, &text, err);
	vp_buf_free(&body);
	vp_buf_addf(out, "VPROV %s %u %zu\n%s", f.id, status ? status : 500, strlen(text), text);
	return status ? 1 : -1;
}
