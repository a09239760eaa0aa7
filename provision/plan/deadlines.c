// SPDX-License-Identifier: Apache-2.0
#include "../state/phase.h"
#include "plan.h"

char *vp_plan_deadlines(struct vp_world *w, const struct vp_node *n, struct vp_err *err)
{
	const struct vp_node_row row = {
		.name = n->name, .virt = vp_virt_name(n->virt), .method = vp_install_name(n->install), .json = vp_node_record(w->arena, n)
	};
	vp_cleanup(vp_buf_free) struct vp_buf out = { 0 };

	for (int p = 0; w->state && p < VP_PHASE_UP; p++) {
		struct vp_limit l;

		if (vp_phase_limit(w->state, w->arena, &row, (enum vp_phase)p, &l, err))
			return NULL;
		if (l.from != VP_LIMIT_DEFAULT)
			vp_buf_addf(&out, "%s%s %.0f s (%s)", out.len ? ", " : "", vp_phase_info((enum vp_phase)p)->name, l.seconds,
				    vp_limit_text(w->arena, &l));
	}
	return vp_strdup(w->arena, vp_buf_str(&out));
}
