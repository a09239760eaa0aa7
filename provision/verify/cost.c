// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <string.h>

#include "cost.h"

/* Below this the rest of what the guest does costs more than what is measured. */
#define LEAST_GIB 0.03
/* Counters may be looked at so much before or after the measurement, in seconds. */
#define BEYOND 3.0

struct counters {
	double time, cpu, vcpu, block, net;
	/* NaN where the hypervisor does not say. */
	double wait, all;
};

/* An older version did not look at the last of them. */
static const char header[] = "source=hypervisor time cpu_ns vcpu_ns block_bytes net_bytes";

/* Lines of the result: at `at`, between the two that lie around it. False where they do not. */
static bool counters_at(const char *text, double at, struct counters *out)
{
	struct counters before = { 0 }, c;
	bool there = false;

	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		double share;

		c.wait = c.all = NAN;
		if (sscanf(line, "%lf %lf %lf %lf %lf%*[ ]%lf%*[ ]%lf", &c.time, &c.cpu, &c.vcpu, &c.block, &c.net, &c.wait, &c.all) < 5 ||
		    c.time < before.time)
			continue;
		if (c.time < at) {
			before = c;
			there = true;
			continue;
		}
		share = there ? (at - before.time) / (c.time - before.time) : 1;
		if ((there ? c.time - before.time : c.time - at) > BEYOND)
			return false;
		before = there ? before : c;
		*out = (struct counters){ at,
					  before.cpu + share * (c.cpu - before.cpu),
					  before.vcpu + share * (c.vcpu - before.vcpu),
					  before.block + share * (c.block - before.block),
					  before.net + share * (c.net - before.net),
					  before.wait + share * (c.wait - before.wait),
					  before.all + share * (c.all - before.all) };
		return true;
	}
	*out = before;
	return there && at - before.time <= BEYOND;
}

/* When that result came, and the one before it: a measurement begins when the one before it was told. */
static bool times_of(const struct vp_result *results, size_t n, const char *what, double *from, double *to)
{
	*from = *to = 0;
	for (size_t i = 0; i < n; i++)
		if (!strcmp(results[i].name, what))
			*to = results[i].time;
	for (size_t i = 0; i < n; i++)
		if (strcmp(results[i].name, "cost") != 0 && strcmp(results[i].name, "host") != 0 && strcmp(results[i].name, "design") != 0 &&
		    results[i].time < *to)
			*from = fmax(*from, results[i].time);
	return *from > 0 && *to > *from;
}

/* The counters when it began and when it ended; false where they do not cover it. */
static bool around(struct vp_arena *a, const struct vp_result *results, size_t n, const char *what, struct counters *begin, struct counters *end)
{
	const char *text = NULL;
	double from, to;

	for (size_t i = 0; i < n; i++)
		if (!strcmp(results[i].name, "cost"))
			text = vp_strndup(a, results[i].data, results[i].len);
	return text && !strncmp(text, header, strlen(header)) && times_of(results, n, what, &from, &to) && counters_at(text, from, begin) &&
	       counters_at(text, to, end);
}

double vp_cost(struct vp_arena *a, const struct vp_result *results, size_t n, const char *what, const char **why)
{
	struct counters begin, end;
	double gib, seconds;

	*why = "";
	if (!around(a, results, n, what, &begin, &end)) {
		*why = "the hypervisor's counters do not cover it";
		return NAN;
	}
	gib = (strcmp(what, "bonnie") ? end.net - begin.net : end.block - begin.block) / 0x1p30;
	seconds = (end.cpu - begin.cpu - (end.vcpu - begin.vcpu)) / 1e9;
	if (!(end.vcpu > begin.vcpu))
		*why = "the hypervisor does not tell what its processors used";
	else if (!(gib >= LEAST_GIB))
		*why = vp_printf(a, "%.0f MiB are too few to tell", fmax(gib, 0) * 1024);
	else if (seconds < 0)
		*why = "its processors used more than the whole of it: the hypervisor's counters are wrong";
	return **why ? NAN : fmax(seconds, 1e-6) / gib;
}

double vp_cost_left(struct vp_arena *a, const struct vp_result *results, size_t n, const char *what)
{
	struct counters begin, end;
	double ran, waited, left;

	if (!around(a, results, n, what, &begin, &end))
		return NAN;
	ran = end.vcpu - begin.vcpu;
	waited = end.wait - begin.wait;
	if (!strcmp(what, "cpu"))
		return waited >= 0 && ran > 0 ? ran / (ran + waited) : NAN;
	left = fmax(1 - (end.all - begin.all) / 1e9 / (end.time - begin.time), 0);
	return isnan(end.all - begin.all) ? NAN : strncmp(what, "iperf3", 6) && strncmp(what, "peer_", 5) ? left : left * left;
}
