// SPDX-License-Identifier: Apache-2.0
/* How many installations run at a time. Too many at once starve each other of disk and processors, until deadlines pass that none had deserved. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../state/phase.h"
#include "post.h"

/* Without max_installs: what begins needs as long to be seen in the figures. */
#define PACE_NS (UINT64_C(10) * 1000000000)

/* Bytes that can be had without swapping; 0 where that is not known. */
static uint64_t free_memory(void)
{
	vp_cleanup(vp_buf_free) struct vp_buf text = { 0 };
	const char *at = vp_read_file("/proc/meminfo", 65536, &text, NULL) ? NULL : strstr(vp_buf_str(&text), "MemAvailable:");

	return at ? strtoull(at + strlen("MemAvailable:"), NULL, 10) * 1024 : 0;
}

void vp_capacity_measure(struct vp_capacity *c)
{
	c->cpus = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
	c->cpu_pressure = vp_pressure("cpu", 10);
	c->io_pressure = vp_pressure("io", 10);
	c->free_memory = free_memory();
}

bool vp_admits(const struct vp_capacity *c)
{
	/* What does not fit even alone says so itself, which is better than to wait for ever. */
	if (!c->running)
		return true;
	if (c->max)
		return c->running < c->max;
	return c->running < c->cpus && c->cpu_pressure < VP_BUSY_PERCENT && c->io_pressure < VP_BUSY_PERCENT &&
	       (!c->free_memory || c->free_memory > c->memory) && c->quiet_ns >= PACE_NS;
}

/* Installations under way, and measurements, which what installs beside them would falsify. */
static int count(struct vp_world *w, unsigned *running, struct vp_err *err)
{
	struct vp_node_rows rows = { 0 };

	if (vp_state_nodes(w->state, w->arena, &rows, err))
		return -1;
	*running = 0;
	for (size_t i = 0; i < rows.n; i++) {
		const struct vp_node_row *r = &rows.items[i];
		bool over = r->health == VP_FAILED || r->health == VP_STALLED;
		int on = over || r->life < VP_ARMED ? 0 : r->life >= VP_UP ? r->task[0] != '\0' : vp_phase_open(w->state, r->name, err);

		if (on < 0)
			return -1;
		*running += on == 1;
	}
	return 0;
}

int vp_admit(struct vp_world *w, const struct vp_node *n, struct vp_err *err)
{
	struct vp_capacity c = { .max = w->max_installs, .memory = n->memory, .quiet_ns = vp_now_ns() - w->admitted_ns };
	int rc;

	if (count(w, &c.running, err))
		return -1;
	vp_capacity_measure(&c);
	rc = vp_admits(&c);
	if (rc)
		w->admitted_ns = vp_now_ns();
	return rc;
}

bool vp_waits(struct vp_world *w, const struct vp_node_row *row)
{
	return row->life == VP_ARMED && row->armed && row->health == VP_OK && !vp_phase_open(w->state, row->name, NULL);
}
