// SPDX-License-Identifier: Apache-2.0
/* gate [TRIALS]: what the verdict does with nodes whose true loss is known. Exits 1 where it does not keep what it promises. */
#include <stdio.h>
#include <stdlib.h>

#include "simulate.h"

static const struct situation noises[] = {
	{ .cv = 0.01, .tau = 0.05, .base = 10 }, { .cv = 0.01, .slow = 0.1, .tau = 0.05, .base = 10 },
	{ .cv = 0.03, .tau = 0.05, .base = 10 }, { .cv = 0.03, .slow = 0.1, .tau = 0.05, .base = 10 },
	{ .cv = 0.10, .tau = 0.25, .base = 10 },
};

int main(int argc, char **argv)
{
	unsigned trials = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 4000;
	int rc = 0;

	printf("the gate: tolerance tau, %u simulated nodes each, baseline of 10 runs, blocks of %d; n by design for 95 %% power at 2 tau\n", trials,
	       VP_STAT_BLOCK);
	printf("%4s %5s %4s %3s %10s %6s %6s %6s %9s %s\n", "CV", "slow", "tau", "n", "true loss", "PASS", "FAIL", "?", "runs used", "one run fails");
	for (size_t i = 0; i < sizeof(noises) / sizeof(*noises); i++)
		for (int k = 0; k < 4; k++) {
			static const double losses[] = { 0, 0.6, 1, 2 };
			struct situation s = noises[i];
			struct outcome o;

			s.runs = (unsigned)vp_stat_design(s.cv, s.tau, s.base);
			s.runs = s.runs ? s.runs : VP_STAT_LOOKS * VP_STAT_BLOCK;
			s.loss = losses[k] * s.tau;
			o = simulate(&s, trials);
			printf("%3.0f%% %4.0f%% %3.0f%% %3u %9.1f%% %6.3f %6.3f %6.3f %9.1f %6.3f\n", 100 * s.cv, 100 * s.slow, 100 * s.tau, s.runs,
			       100 * s.loss, o.pass, o.fail, o.unclear, o.used, o.single);
			/* Three standard errors of a simulation are given to it. */
			if (losses[k] <= 1 && o.fail > VP_STAT_FALSE_FAIL + 3 * sqrt(VP_STAT_FALSE_FAIL / trials))
				rc = 1;
			if (losses[k] > 1 && s.slow <= 0 && o.fail < 0.95 - 3 * sqrt(0.95 * 0.05 / trials))
				rc = 1;
		}
	if (rc)
		puts("it does not keep: FAIL at most 1 % up to tau, at least 95 % at 2 tau");
	return rc;
}
