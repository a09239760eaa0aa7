// SPDX-License-Identifier: Apache-2.0
/* Our own kernel (provision/guest/cpu.c): a line for each lap. A machine that computes wrongly has no speed. */
#include <math.h>
#include <string.h>

#include "tools.h"

/* A lap above this is no sample: the vCPU did something else meanwhile, and the guest knew. */
#define MAX_WALL_PER_CPU 1.02

struct laps {
	unsigned n, quiet;
	double wall, busy;
};

static int lap(struct vp_reading *out, const char *line, struct laps *laps, struct vp_err *err)
{
	char checksum[64], end;
	double iterations, w, c;
	unsigned got;

	if (sscanf(line, "lap=%u iterations=%lf wall=%lf cpu=%lf checksum=%63s %c", &got, &iterations, &w, &c, checksum, &end) != 5)
		return vp_fail(err, VP_E_VERIFY, "unknown line '%s'", vp_printable(out->arena, line, 80));
	if (got != ++laps->n)
		return vp_fail(err, VP_E_VERIFY, "lap %u where lap %u was due", got, laps->n);
	if (!(w > 0) || !(c > 0) || !(iterations > 0) || !isfinite(w + c + iterations))
		return vp_fail(err, VP_E_VERIFY, "lap %u took no time or did nothing", got);
	/* No process gets more CPU than there is time: one of the clocks stands still, or was stepped. */
	if (c > w * 1.05)
		return vp_fail(err, VP_E_VERIFY, "lap %u used %.3f s of CPU in %.3f s: one of the guest's clocks is wrong", got, c, w);
	if (strcmp(checksum, VP_CPU_CHECKSUM) != 0) {
		out->wrong =
			vp_printf(out->arena, "it computes wrongly: checksum %s, not %s", vp_printable(out->arena, checksum, 40), VP_CPU_CHECKSUM);
		return vp_fail(err, VP_E_VERIFY, "%s", out->wrong);
	}
	laps->wall += w;
	laps->busy += c;
	if (w > c * MAX_WALL_PER_CPU)
		return 0;
	laps->quiet++;
	return vp_figure_add(out, "variates", "M/s", iterations / w / 1e6, false, err);
}

int vp_tool_cpu(const struct vp_asked *asked, const char *text, struct vp_reading *out, struct vp_err *err)
{
	char *copy = vp_strdup(out->arena, text), *save = NULL;
	struct laps laps = { 0 };

	if (text[strlen(text) - 1] != '\n')
		return vp_fail(err, VP_E_VERIFY, "its last line is cut short");
	for (char *line = strtok_r(copy, "\r\n", &save); line; line = strtok_r(NULL, "\r\n", &save))
		if (lap(out, line, &laps, err))
			return -1;
	if (asked->streams && laps.n != asked->streams)
		return vp_fail(err, VP_E_VERIFY, "%u laps of %u", laps.n, asked->streams);
	if (2 * laps.quiet < laps.n)
		return vp_fail(err, VP_E_VERIFY, "wall clock %.2f times the CPU time: its vCPU was shared", laps.wall / laps.busy);
	return 0;
}
