/* SPDX-License-Identifier: Apache-2.0 */
/* What was measured, as a page, as a table and as JSON. */
#ifndef VP_REPORT_H
#define VP_REPORT_H

#include "../state/phase.h"
#include "compare.h"
#include "verify.h"

struct vp_report_node {
	struct vp_node_row row;
	/* Its last session; v.n is 0 where it was never measured. */
	struct vp_verification v;
	/* Of its last installation. */
	struct vp_phase_rows phases;
};

struct vp_report {
	/* When, as text; what this machine is. */
	const char *time, *host;
	const struct vp_samples *samples;
	struct vp_report_node *nodes;
	size_t n;
	/* A property of the environment. */
	const char *by;
};

/* What the template report.html shows: texts, and places in percent of a figure's width. New reference. */
json_t *vp_report_page(struct vp_arena *a, const struct vp_report *r);
/* Of what was measured together: the total by the number of guests, where there is more than one. New reference. */
json_t *vp_report_curves(struct vp_arena *a, const struct vp_samples *s);
/* A line for each sample, with a header. */
void vp_report_csv(struct vp_arena *a, const struct vp_report *r, struct vp_buf *out);
/* {"time","host","nodes","comparison","samples"}; new reference. */
json_t *vp_report_json(struct vp_arena *a, const struct vp_report *r);
/* One node in the shape of hep-benchmark-suite's JSON 3.1, which HEPiX's tools read; fields that it does not have are left out. New reference. */
json_t *vp_report_hep(struct vp_arena *a, const struct vp_report *r);

#endif
