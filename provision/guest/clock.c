// SPDX-License-Identifier: Apache-2.0
/* This machine's clocks against the host's, first idle, then with all processors at work: what the host says its time is, between two looks at ours.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "guest.h"

#define INTERVAL_US 250000

/* False where the host does not tell its time. PHASE, ours before and after the answer (CLOCK_MONOTONIC), the host's in it, and what the others of
 * ours say then. */
static bool compare(FILE *out, const char *phase, unsigned seconds, char *(*ask)(const void *), const void *agent)
{
	double end = vp_guest_clock(CLOCK_MONOTONIC) + seconds;

	for (double sent; (sent = vp_guest_clock(CLOCK_MONOTONIC)) < end; usleep(INTERVAL_US)) {
		char *answer = ask(agent), *host = answer ? strstr(answer, "host=") : NULL;
		double got = vp_guest_clock(CLOCK_MONOTONIC), real = vp_guest_clock(CLOCK_REALTIME), raw = vp_guest_clock(CLOCK_MONOTONIC_RAW);

		if (host)
			fprintf(out, "%s %.6f %.6f %.6f %.6f %.6f\n", phase, sent, strtod(host + 5, NULL), got, real, raw);
		free(answer);
		if (answer && !host)
			return false;
	}
	return true;
}

int vp_guest_clocks(FILE *out, unsigned seconds, char *(*ask)(const void *agent), const void *agent)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	pid_t *pids = calloc(cpus > 0 ? (size_t)cpus : 1, sizeof(*pids));
	struct timex t = { 0 };
	int state = adjtimex(&t);

	if (!pids)
		return -1;
	fprintf(out, "seconds=%u ntp=%d frequency_ppm=%.3f tick=%ld\n", seconds, state != TIME_ERROR && !(t.status & STA_UNSYNC),
		(double)t.freq / 65536, t.tick);
	if (!compare(out, "idle", seconds, ask, agent)) {
		free(pids);
		return -1;
	}
	for (long i = 0; i < cpus; i++) {
		pids[i] = fork();
		if (!pids[i])
			for (;;)
				vp_guest_lap();
	}
	compare(out, "loaded", seconds, ask, agent);
	for (long i = 0; i < cpus; i++)
		if (pids[i] > 0) {
			kill(pids[i], SIGKILL);
			waitpid(pids[i], NULL, 0);
		}
	free(pids);
	fprintf(out, "end\n");
	return 0;
}
