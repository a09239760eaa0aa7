/* SPDX-License-Identifier: Apache-2.0 */
/* Taking away from a process whatever parsing does not need. Private to provision/profile. */
#ifndef VP_SANDBOX_H
#define VP_SANDBOX_H

#include "../base/base.h"

/* The only descriptor that is left. */
#define VP_SANDBOX_FD 3

/*
 * For good: no other descriptors, no files, no network, no other processes, no root, VP_MAX_PARSER more bytes of memory; any other system call
 * than those for memory, pread, recvmsg and send kills. Returns a bit for each guard that the kernel refused; the others hold.
 */
unsigned vp_sandbox_enter(int fd);
/* One vp_debug() line for each of these bits. */
void vp_sandbox_explain(unsigned refused);

#endif
