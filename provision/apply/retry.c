// SPDX-License-Identifier: Apache-2.0
/* Another try, where nothing can be lost by it: an installation that never had its configuration has not touched a disk. */
#include <string.h>

#include "../state/phase.h"
#include "post.h"

/* Seconds before the first; each further one waits four times as long. */
#define PAUSE 5

static const char again[] = "restarted: ";

/* How many of the newest runs were tries. */
static unsigned used(struct vp_world *w, const char *node)
{
	struct vp_phase_rows rows = { 0 };
	unsigned n = 0;

	if (vp_phase_rows(w->state, w->arena, node, true, &rows, NULL))
		return ~0u;
	for (size_t i = rows.n; i--;) {
		if (i && rows.items[i].run == rows.items[i - 1].run)
			continue;
		if (strncmp(rows.items[i].evidence, again, strlen(again)) != 0)
			break;
		n++;
	}
	return n;
}

bool vp_retry_allowed(struct vp_world *w, const struct vp_node_row *row)
{
	json_t *node = json_loads(row->json ? row->json : "", 0, NULL);
	json_int_t retries = json_integer_value(json_object_get(node, "retries"));

	json_decref(node);
	return row->armed && !row->installs && row->life >= VP_ARMED && row->life < VP_CONFIG && used(w, row->name) < (unsigned)retries;
}

double vp_retry_pause(struct vp_world *w, const struct vp_node_row *row)
{
	double pause = PAUSE;

	for (unsigned n = used(w, row->name); n && n < 8; n--)
		pause *= 4;
	return pause;
}

int vp_retry(struct vp_world *w, const struct vp_node *n, const struct vp_node_row *row, struct vp_err *err)
{
	vp_cleanup(vp_buf_free) struct vp_buf xml = { 0 };
	const char *how = vp_printf(w->arena, "%s%s", again, row->reason);
	int rc;

	if (vp_first_life(w, n, &xml, err))
		return -1;
	/* Until the machine is off, nobody gets the configuration: it would be stopped in the middle of an installation. */
	rc = vp_phase_hold(w->state, n->name, err);
	if (rc != 1)
		return rc;
	if (w->hv->ops->destroy(w->hv, n->name, err) || vp_phase_rearm(w->state, n->name, how, vp_console_mark(w, n->name, row->before), err) ||
	    w->hv->ops->start(w->hv, n->name, xml.data, err))
		return -1;
	return 1;
}
