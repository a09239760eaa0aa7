// SPDX-License-Identifier: Apache-2.0
/* The phases of a node's last installation, for `log`. */
#include "../state/phase.h"
#include "cmd.h"
#include "table.h"

static const char *took(struct vp_ctx *c, const struct vp_phase_row *r)
{
	if (r->phase == VP_PHASE_UP)
		return "";
	return r->ended > 0 ? vp_printf(c->arena, "%.1f s", r->ended - r->began) : vp_printf(c->arena, "%.0f s so far", vp_wall() - r->began);
}

/* "60 s (default)" */
static const char *deadline(struct vp_ctx *c, struct vp_state *s, const struct vp_node_row *row, enum vp_phase phase)
{
	struct vp_limit l;

	if (phase == VP_PHASE_UP || vp_phase_limit(s, c->arena, row, phase, &l, NULL) || l.seconds <= 0)
		return "";
	return vp_printf(c->arena, "%.0f s (%s)", l.seconds, vp_limit_text(c->arena, &l));
}

int vp_phases_print(struct vp_ctx *c, struct vp_state *s, const char *node, struct vp_err *err)
{
	/* With -v there is one column more. */
	static const char *const columns[] = { "PHASE", "BEGAN", "TOOK", "EVIDENCE", "DEADLINE", NULL }, *const few[] = { "PHASE", "BEGAN", "TOOK",
															  "EVIDENCE", NULL };
	struct vp_phase_rows rows = { 0 };
	struct vp_node_row row;
	struct vp_table *t;

	if (vp_phase_rows(s, c->arena, node, false, &rows, err) || vp_state_node(s, c->arena, node, &row, err) < 0)
		return -1;
	if (!rows.n)
		return 0;
	putchar('\n');
	t = vp_table_new(vp_out.level > 0 ? columns : few);
	for (size_t i = 0; i < rows.n; i++) {
		const struct vp_phase_row *r = &rows.items[i];

		vp_table_row(t, (const char *const[]){ vp_phase_info(r->phase)->name, vp_ctx_local_time(c, r->began), took(c, r), r->evidence,
						       vp_out.level > 0 ? deadline(c, s, &row, r->phase) : NULL, NULL });
	}
	vp_table_print(t, stdout);
	return 0;
}
