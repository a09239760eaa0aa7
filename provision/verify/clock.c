// SPDX-License-Identifier: Apache-2.0
/* The guest's clocks against the host's (provision/guest/clock.c): drift by least squares through the quickest answer of each second. */
#include <math.h>
#include <string.h>

#include "clock.h"
#include "tools.h"

/* Seconds of the least phase that tells anything. */
#define LEAST 5
/* More than this NTP does not hold. */
#define NTP_PPM 500.0
/* On a host so busy that answers take their time, a drift cannot be told. */
#define UNSURE_PPM 200.0

struct look {
	double host, round;
	/* At the middle of the exchange: monotonic, raw, real. */
	double at[3];
};

struct phase {
	struct look looks[600];
	size_t n;
};

static int read_line(struct vp_arena *a, const char *line, struct phase phases[2], struct vp_err *err)
{
	double sent, host, got, real, raw, half;
	struct phase *p;
	char name[16], more;

	if (sscanf(line, "%15s %lf %lf %lf %lf %lf %c", name, &sent, &host, &got, &real, &raw, &more) != 6 ||
	    !isfinite(sent + host + got + real + raw) || got < sent || (strcmp(name, "idle") != 0 && strcmp(name, "loaded") != 0))
		return vp_fail(err, VP_E_VERIFY, "unknown line '%s'", vp_printable(a, line, 80));
	p = &phases[*name == 'l'];
	if (p->n == vp_count(p->looks))
		return vp_fail(err, VP_E_VERIFY, "too many lines");
	half = (got - sent) / 2;
	if (p->n && host < p->looks[p->n - 1].host)
		return vp_fail(err, VP_E_VERIFY, "the host's clock was set back meanwhile");
	p->looks[p->n++] = (struct look){ host, got - sent, { got - half, raw - half, real - half } };
	return 0;
}

/* The quickest answer of each second of the host's, in place. */
static size_t quickest(struct phase *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++) {
		bool same = n && floor(p->looks[i].host) <= floor(p->looks[n - 1].host);

		if (!same)
			p->looks[n++] = p->looks[i];
		else if (p->looks[i].round < p->looks[n - 1].round)
			p->looks[n - 1] = p->looks[i];
	}
	return n;
}

/* Of what the clock is ahead, over the host's time. */
static struct vp_drift_ppm slope(const struct phase *p, size_t n, int clock)
{
	const struct look *first = &p->looks[0];
	double sx = 0, sy = 0, sxx = 0, sxy = 0, rest = 0, slope, mean;

	for (size_t i = 0; i < n; i++) {
		double x = p->looks[i].host - first->host, y = p->looks[i].at[clock] - first->at[clock] - x;

		sx += x;
		sy += y;
		sxx += x * x;
		sxy += x * y;
	}
	slope = (sxy - sx * sy / (double)n) / (sxx - sx * sx / (double)n);
	mean = (sy - slope * sx) / (double)n;
	for (size_t i = 0; i < n; i++) {
		double x = p->looks[i].host - first->host, y = p->looks[i].at[clock] - first->at[clock] - x;

		rest += (y - mean - slope * x) * (y - mean - slope * x);
	}
	return (struct vp_drift_ppm){ 1e6 * slope,
				      1e6 * vp_stat_student(0.975, (double)n - 2) * sqrt(rest / ((double)n - 2) / (sxx - sx * sx / (double)n)) };
}

static int evaluate(struct phase *phases, struct vp_clocks *out, struct vp_err *err)
{
	const struct look *best = NULL;

	for (int i = 0; i < 2; i++) {
		size_t n = quickest(&phases[i]);

		if (n < LEAST)
			return vp_fail(err, VP_E_VERIFY, "the host answered in %zu seconds only", n);
		out->monotonic[i] = slope(&phases[i], n, 0);
		out->raw[i] = slope(&phases[i], n, 1);
		out->real[i] = slope(&phases[i], n, 2);
		for (size_t k = 0; k < n; k++)
			best = !best || phases[i].looks[k].round < best->round ? &phases[i].looks[k] : best;
	}
	out->offset = best->at[2] - best->host;
	return 0;
}

int vp_clocks_read(struct vp_arena *a, const char *text, struct vp_clocks *out, struct vp_err *err)
{
	struct phase *phases = vp_alloc(a, 2 * sizeof(*phases));
	char *copy = vp_strdup(a, text), *save = NULL, *line = strtok_r(copy, "\r\n", &save);
	unsigned seconds;
	int ntp;

	memset(phases, 0, 2 * sizeof(*phases));
	if (!line || sscanf(line, "seconds=%u ntp=%d", &seconds, &ntp) != 2)
		return vp_fail(err, VP_E_VERIFY, "it does not begin as it should");
	out->ntp = ntp == 1;
	while ((line = strtok_r(NULL, "\r\n", &save)) && strcmp(line, "end") != 0)
		if (read_line(a, line, phases, err))
			return -1;
	if (!line || strtok_r(NULL, "\r\n", &save))
		return vp_fail(err, VP_E_VERIFY, line ? "something follows its end" : "it has no end");
	return evaluate(phases, out, err);
}

static int add(struct vp_reading *r, const char *name, struct vp_drift_ppm d, struct vp_err *err)
{
	/* A figure is above zero; a thousandth of a ppm is as good as none. One that is too unsure is none at all. */
	return vp_figure_add(r, name, "ppm", d.unsure > UNSURE_PPM ? NAN : fmax(fabs(d.ppm), 1e-3), true, err);
}

int vp_tool_clock(const struct vp_asked *asked, const char *text, struct vp_reading *out, struct vp_err *err)
{
	static const char *const words[] = { "idle", "loaded" };
	struct vp_clocks c = { 0 };

	(void)asked;
	if (vp_clocks_read(out->arena, text, &c, err))
		return -1;
	out->with = c.ntp ? "ntp" : "";
	for (int i = 0; i < 2; i++) {
		if (fabs(c.raw[i].ppm) - c.raw[i].unsure > NTP_PPM) {
			out->wrong = vp_printf(out->arena, "its clock drifts by %+.0f ppm (+-%.0f) when %s: no NTP holds more than %.0f",
					       c.raw[i].ppm, c.raw[i].unsure, words[i], NTP_PPM);
			return vp_fail(err, VP_E_VERIFY, "%s", out->wrong);
		}
		if (add(out, i ? "drift_loaded" : "drift_idle", c.raw[i], err) || (c.ntp && add(out, i ? "ntp_loaded" : "ntp_idle", c.real[i], err)))
			return -1;
	}
	return vp_figure_add(out, "offset", "ms", fmax(1e3 * fabs(c.offset), 1e-6), true, err);
}
