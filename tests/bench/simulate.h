/* SPDX-License-Identifier: Apache-2.0 */
/* The gate, tried on nodes whose true loss is known. */
#ifndef VP_SIMULATE_H
#define VP_SIMULATE_H

#include <math.h>
#include <stdint.h>

#include "../../provision/verify/stat.h"

struct situation {
	/* Coefficient of variation of a run; share of runs that something disturbs, which take 5 to 25 % longer. */
	double cv, slow;
	double tau, loss;
	/* Runs of the baseline; of the node at most, in blocks. */
	unsigned base, runs;
};

struct outcome {
	double pass, fail, unclear;
	/* One run against the median of the baseline: how most tools do it. */
	double single;
	/* Runs that it took, on average. */
	double used;
};

/* xorshift64*, seeded: every run of it is the same. */
static uint64_t sim_state = UINT64_C(0x9E3779B97F4A7C15);

static double sim_uniform(void)
{
	sim_state ^= sim_state >> 12;
	sim_state ^= sim_state << 25;
	sim_state ^= sim_state >> 27;
	return ((double)((sim_state * UINT64_C(0x2545F4914F6CDD1D)) >> 11) + 0.5) * 0x1p-53;
}

static double sim_run(const struct situation *s, double speed)
{
	double noise = s->cv * sqrt(-2 * log(sim_uniform())) * cos(2 * M_PI * sim_uniform());
	double v = speed * exp(noise);

	return sim_uniform() < s->slow ? v / (1.05 + 0.2 * sim_uniform()) : v;
}

static struct outcome simulate(const struct situation *s, unsigned trials)
{
	struct outcome o = { 0 };
	double base[64], node[64];

	for (unsigned t = 0; t < trials; t++) {
		enum vp_gate gate = VP_GATE_UNCLEAR;
		unsigned n = 0;

		for (unsigned i = 0; i < s->base; i++)
			base[i] = sim_run(s, 100);
		for (unsigned look = 1; gate == VP_GATE_UNCLEAR && n < s->runs; look++) {
			for (unsigned i = 0; i < VP_STAT_BLOCK; i++)
				node[n++] = sim_run(s, 100 * (1 - s->loss));
			gate = vp_stat_compare(node, n, base, s->base, false, s->tau, n < s->runs ? look : VP_STAT_LOOKS).gate;
		}
		o.pass += gate == VP_GATE_PASS;
		o.fail += gate == VP_GATE_FAIL;
		o.unclear += gate == VP_GATE_UNCLEAR;
		o.single += node[0] < vp_stat_median(base, s->base) * (1 - s->tau);
		o.used += n;
	}
	o.pass /= trials;
	o.fail /= trials;
	o.unclear /= trials;
	o.single /= trials;
	o.used /= trials;
	return o;
}

#endif
