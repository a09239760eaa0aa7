// SPDX-License-Identifier: Apache-2.0
/*
 * A CPU kernel that proves itself: normal variates by Kinderman and Monahan's
 * ratio of uniforms (what DB12 spends its time in) from a seeded generator, so
 * that every lap on every sound machine ends in the same sum. A wrong sum is a
 * machine that computes wrongly, however fast.
 */
#include <math.h>
#include <time.h>

#include "guest.h"

#define SEED UINT64_C(0x9E3779B97F4A7C15)

double vp_guest_clock(int id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* xorshift64*: 53 bits as a double in [0,1). */
static double uniform(uint64_t *s)
{
	*s ^= *s >> 12;
	*s ^= *s << 25;
	*s ^= *s >> 27;
	return (double)((*s * UINT64_C(0x2545F4914F6CDD1D)) >> 11) * 0x1p-53;
}

static double variate(uint64_t *s, double mu, double sigma)
{
	const double magic = 4 * exp(-0.5) / sqrt(2.0);
	double z, u1, u2;

	do {
		u1 = uniform(s);
		u2 = 1 - uniform(s);
		z = magic * (u1 - 0.5) / u2;
	} while (z * z / 4 > -log(u2));
	return mu + z * sigma;
}

double vp_guest_lap(void)
{
	uint64_t state = SEED;
	double m = 0, m2 = 0, p = 0, p2 = 0;

	for (unsigned i = 0; i < VP_GUEST_ITERATIONS; i++) {
		double t = variate(&state, 10, 1);

		m += t;
		m2 += t * t;
		p += t;
		p2 += t * t;
	}
	return m + m2 + p + p2;
}

int vp_guest_cpu(FILE *out, unsigned laps)
{
	double first = vp_guest_lap();
	int rc = 0;

	for (unsigned i = 1; i <= laps; i++) {
		double wall = vp_guest_clock(CLOCK_MONOTONIC), cpu = vp_guest_clock(CLOCK_PROCESS_CPUTIME_ID), sum = vp_guest_lap();

		cpu = vp_guest_clock(CLOCK_PROCESS_CPUTIME_ID) - cpu;
		wall = vp_guest_clock(CLOCK_MONOTONIC) - wall;
		fprintf(out, "lap=%u iterations=%u wall=%.9f cpu=%.9f checksum=%.6f\n", i, VP_GUEST_ITERATIONS, wall, cpu, sum);
		if (sum < first || sum > first)
			rc = -1;
	}
	return rc;
}
