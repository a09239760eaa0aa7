/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a disk holds after a power cut, at every instant at which it may happen. A guest writes records, flushes, and says which are durable; QEMU
 * logs everything that reaches the disk (blklogwrites, the format of the kernel's dm-log-writes). Of what was written since the last flush any part
 * may be there; what was before is. A disk may lose records that way only if nobody was told that they are durable.
 */
#ifndef VP_DURABLE_H
#define VP_DURABLE_H

#include "../base/base.h"

/* Up to where the log went when the guest's words came, and how many records it called durable. */
struct vp_durable_ack {
	uint64_t log_bytes;
	unsigned records;
};

struct vp_durable {
	/* Writes and flushes in the log, and states of the disk that were tried. */
	unsigned writes, flushes, states;
	/* Records that were called durable in all. */
	unsigned records;
	/* States in which such a record was not there, and the most that were lost in one. */
	unsigned lost_states, lost_most;
	/* The first such state, in words; "" for none. */
	const char *first;
};

/*
 * Tries every cut of the log: with each subset of the writes since the last flush where these are few, else with none, all, and each one missing; and
 * with each write torn at its sectors. -1 where the log is none.
 */
int vp_durable_replay(struct vp_arena *a, const void *log, size_t len, const struct vp_durable_ack *acks, size_t nacks, struct vp_durable *out,
		      struct vp_err *err);

#endif
