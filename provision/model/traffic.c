// SPDX-License-Identifier: Apache-2.0
/* How much a NIC may carry, and what the nodes on a bridge share. */
#include <string.h>

#include "bind.h"

#define BURST_MIN 64 /* KiB */

void vp_bind_bandwidth(struct vp_bind *b, struct vp_nic_in *in)
{
	struct vp_bandwidth *w = &in->n.bandwidth;
	const char *path = vp_printf(b->a, VP_OWN "nics/%s/bandwidth", in->n.name);

	if (!w->average) {
		if (w->peak || w->burst)
			vp_problem(b, VP_ERROR, VP_E_MISSING, vp_find(b, "%s", path), path, "a peak or a burst is one above an average");
		return;
	}
	if (w->peak && w->peak < w->average)
		vp_problem(b, VP_ERROR, VP_E_VALUE, vp_find(b, "%s/peak", path), path, "the peak, %u Mbit/s, is below the average, %u Mbit/s",
			   w->peak, w->average);
	if (w->burst)
		return;
	/* Mbit/s times 1000000 / 8 / 1024 / 20. */
	w->burst = (unsigned)((uint64_t)w->average * 50000 / 8192);
	if (w->burst < BURST_MIN)
		w->burst = BURST_MIN;
	vp_note_origin(b, vp_field(b, "nic.*.bandwidth.burst", in->n.name), vp_printf(b->a, "%u", w->burst), "derived: 50 ms of the average", NULL);
}

void vp_bind_uplink(struct vp_bind *b)
{
	struct vp_node_in *in = b->node;
	const char *path = VP_OWN "bridge";

	if (!*in->uplink != !in->rate)
		vp_problem(b, VP_ERROR, VP_E_MISSING, vp_find(b, "%s", path), path,
			   *in->uplink ? "the uplink needs its rate" : "a rate is one of an uplink");
	for (size_t i = 0; i < in->n.nbridges; i++) {
		struct vp_bridge *br = &in->n.bridges[i];

		if (strcmp(br->name, in->bridge_name))
			continue;
		br->uplink = in->uplink;
		br->rate = in->rate;
		br->isolated = in->isolated;
	}
	if (*in->uplink && !strcmp(in->uplink, in->bridge_name))
		vp_problem(b, VP_ERROR, VP_E_VALUE, vp_find(b, "%s/uplink", path), path, "%s is the bridge itself", in->uplink);
}
