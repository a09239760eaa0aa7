/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VP_CLOCK_H
#define VP_CLOCK_H

#include "../base/base.h"

/* How much faster than the host's a clock runs, in parts of a million, and how unsure that is (95 %). */
struct vp_drift_ppm {
	double ppm, unsure;
};

struct vp_clocks {
	/* Of what durations are measured with; and, without NTP's hand on it, of the machine's own oscillator. Idle and loaded. */
	struct vp_drift_ppm monotonic[2], raw[2], real[2];
	/* Seconds by which its time of day is ahead of the host's; an NTP daemon has it in hand, as the kernel says. */
	double offset;
	bool ntp;
};

/* The output of vp_guest_clocks(). -1 with VP_E_VERIFY. */
int vp_clocks_read(struct vp_arena *a, const char *text, struct vp_clocks *out, struct vp_err *err);

#endif
