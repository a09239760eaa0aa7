/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What moving data costs the host beyond what the guest's own processors used: in device emulation, vhost and copying; and what the host kept from
 * them. From the hypervisor's counters, which a guest cannot touch.
 */
#ifndef VP_COST_H
#define VP_COST_H

#include "../state/state.h"

/*
 * First line of the result "cost", before the counters: seconds since 1970; nanoseconds of all threads of the machine, and of its virtual processors
 * alone; bytes of all its disks, and of its cards; and where that is known, nanoseconds that its virtual processors were ready and waited for one of
 * the host's, and that all of its threads did. They are libvirt's, as of `virsh domstats`;
 * under software emulation it knows no threads of virtual processors, and these are read from /proc.
 */
#define VP_COST_HEADER "source=hypervisor time cpu_ns vcpu_ns block_bytes net_bytes wait_ns all_wait_ns\n"

/*
 * CPU seconds per GiB beyond the virtual processors' own, of the measurement whose result is `what`: "bonnie" moves its disk's bytes, the iperf3 ones
 * its cards'. NaN where it moved too little, or what there is does not cover it; *why says so. Results of one run, with their times.
 */
double vp_cost(struct vp_arena *a, const struct vp_result *results, size_t n, const char *what, const char **why);

/*
 * What the host left it during that measurement, at least, as a share. Of "cpu": how long its processors ran, of the time in which they could. Of
 * others: of all the time, what is left when its threads waited one after the other, and for the network the far end, on the same host, as long
 * again. A guest cannot see this. NaN where it is not known.
 */
double vp_cost_left(struct vp_arena *a, const struct vp_result *results, size_t n, const char *what);

#endif
