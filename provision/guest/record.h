/* SPDX-License-Identifier: Apache-2.0 */
/* What a record of the journal holds: said once, for the guest that writes it and the host that looks for it. */
#ifndef VP_GUEST_RECORD_H
#define VP_GUEST_RECORD_H

#include <stdint.h>

/* One sector: it is there or not, never half. */
#define VP_GUEST_RECORD 512u

static inline void vp_guest_record(unsigned seq, char *out)
{
	uint64_t s = (UINT64_C(0x9E3779B97F4A7C15) ^ seq) * UINT64_C(0xBF58476D1CE4E5B9) | 1;

	for (unsigned i = 0; i < VP_GUEST_RECORD; i++) {
		s ^= s >> 12;
		s ^= s << 25;
		s ^= s >> 27;
		out[i] = (char)(s >> 56);
	}
}

#endif
