// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "cost.h"
#include "environ.h"
#include "gate.h"
#include "proof.h"
#include "tools.h"
#include "verify.h"

/* Of a guest's clock against the host's, over a run: what a result may take on its way, and what is then still too much. */
#define CLOCK_SECONDS 2.0
#define CLOCK_SHARE   0.02
/* And where it compared itself with the host's. */
#define CLOCK_PPM 1000.0
/* A measurement of the network may have this much company, by the cards' own counters: headers, acknowledgements, its result. */
#define NET_SHARE 1.3
#define NET_SLACK 8e6
/* So many runs in a hundred may be void before what the others say is void, too. */
#define MAX_VOID 34

struct run {
	const char *id;
	/* Its results in raw. */
	size_t first, n;
	const char *proof;
	/* Why nothing of it counts; "" where it does. */
	const char *wrong;
};

struct judge {
	struct vp_arena *arena;
	const struct vp_results *raw;
	json_t *expect;
	const struct vp_samples *known;
	struct vp_verification *v;
	struct run *runs;
	size_t nruns, cap;
	/* Groups of metrics that were asked for; "": all. */
	const char *only;
	/* Whom they measured the network to besides. */
	const char *peer;
};

/* What is measured always, in this order. */
static const struct row {
	const char *metric, *unit;
	/* Which output, of which tool, and which figure in it. */
	const char *result, *tool, *figure;
	/* On the bare machine there is nobody to talk to. */
	bool network;
} rows[] = {
	{ "cpu.variates", "M/s", "cpu", "cpu", "variates", false },
	{ "disk.put_block", "KiB/s", "bonnie", "bonnie", "put_block", false },
	{ "disk.rewrite", "KiB/s", "bonnie", "bonnie", "rewrite", false },
	{ "disk.get_block", "KiB/s", "bonnie", "bonnie", "get_block", false },
	{ "disk.seeks", "1/s", "bonnie", "bonnie", "seeks", false },
	{ "net.send", "Mbit/s", "iperf3_send", "iperf3", "send", true },
	{ "net.receive", "Mbit/s", "iperf3_receive", "iperf3", "receive", true },
}, optional[] = {
	/* To another guest, or a machine that was named. */
	{ "net.peer_send", "Mbit/s", "peer_send", "iperf3", "send", true },
	{ "net.peer_receive", "Mbit/s", "peer_receive", "iperf3", "receive", true },
	{ "disk.fdatasync", "us", "fio", "fio", "sync.p50", true },
	{ "disk.fdatasync_p99", "us", "fio", "fio", "sync.p99", true },
	{ "clock.drift_idle", "ppm", "clock", "clock", "drift_idle", true },
	{ "clock.drift_loaded", "ppm", "clock", "clock", "drift_loaded", true },
	{ "clock.ntp_idle", "ppm", "clock", "clock", "ntp_idle", true },
	{ "clock.ntp_loaded", "ppm", "clock", "clock", "ntp_loaded", true },
	{ "clock.offset", "ms", "clock", "clock", "offset", true },
	/* From the hypervisor's counters beside the results (cost.h). */
	{ "cost.disk", "s/GiB", "bonnie", "cost", "", true },
	{ "cost.send", "s/GiB", "iperf3_send", "cost", "", true },
	{ "cost.receive", "s/GiB", "iperf3_receive", "cost", "", true },
};

const char *vp_verify_session(struct vp_arena *a, const char *run)
{
	return vp_strndup(a, run, strcspn(run, "."));
}

static const struct vp_result *find_result(const struct judge *j, const struct run *run, const char *name)
{
	for (size_t i = run->first; i < run->first + run->n; i++)
		if (!strcmp(j->raw->items[i].name, name))
			return &j->raw->items[i];
	return NULL;
}

/* The first run that has it. */
static const struct run *find_any(const struct judge *j, const char *name)
{
	for (size_t i = 0; i < j->nruns; i++)
		if (find_result(j, &j->runs[i], name))
			return &j->runs[i];
	return NULL;
}

/* A result as text; NULL where it did not arrive. The tools speak ASCII: anything else must reach neither terminals nor JSON. */
static const char *raw_text(const struct judge *j, const struct run *run, const char *name)
{
	const struct vp_result *r = find_result(j, run, name);
	char *text;

	if (!r)
		return NULL;
	text = vp_alloc(j->arena, r->len + 1);
	for (size_t k = 0; k < r->len; k++) {
		char ch = r->data[k];

		text[k] = (ch >= ' ' && ch <= '~') || ch == '\n' || ch == '\r' || ch == '\t' ? ch : '?';
	}
	return text;
}

static void doubt(struct vp_metric *m, enum vp_verdict verdict, const char *reason)
{
	m->verdict = verdict;
	m->reason = reason;
}

/* --- One run --- */

struct timing {
	double start, end;
	int status;
	/* What all cards moved meanwhile; 0: not told. What its program said last. */
	double net_bytes;
	const char *said;
};

/* What the guest told of a measurement: by its own clock, in seconds since it booted. */
static bool timing_of(const struct judge *j, const struct run *run, const char *result, struct timing *out)
{
	const char *timings = raw_text(j, run, "timings"), *line;

	line = timings ? strstr(timings, vp_printf(j->arena, "name=%s ", result)) : NULL;
	*out = (struct timing){ .said = "" };
	if (!line)
		return false;
	line = vp_strndup(j->arena, line, strcspn(line, "\n"));
	if (strstr(line, " net_bytes="))
		out->net_bytes = strtod(strstr(line, " net_bytes=") + 11, NULL);
	if (strstr(line, " said="))
		out->said = vp_printable(j->arena, strstr(line, " said=") + 6, 120);
	return sscanf(line, "name=%*s start=%lf end=%lf status=%d", &out->start, &out->end, &out->status) == 3;
}

/* The one that came last of those whose times the guest told. */
static const struct vp_result *last_timed(const struct judge *j, const struct run *run, struct timing *out)
{
	const struct vp_result *last = NULL;

	for (size_t i = run->first; i < run->first + run->n; i++) {
		const struct vp_result *r = &j->raw->items[i];
		struct timing t;

		if ((last && r->time <= last->time) || !timing_of(j, run, r->name, &t))
			continue;
		last = r;
		*out = t;
	}
	return last;
}

/*
 * A result is sent when it is there, and the host notes by its own clock when it came. A guest whose clock runs otherwise measured all its speeds
 * wrongly, however well they look. "" where the two agree, or where too little is known.
 */
static const char *check_clock(const struct judge *j, const struct run *run)
{
	struct timing from, to = { 0 };
	const struct vp_result *first = find_result(j, run, "proof"), *last = last_timed(j, run, &to);
	double guest, host;

	if (!first || !last || first == last || !(first->time > 0) || !timing_of(j, run, "proof", &from))
		return "";
	guest = to.end - from.end;
	host = last->time - first->time;
	if (fabs(guest - host) <= CLOCK_SECONDS + CLOCK_SHARE * host)
		return "";
	return vp_printf(j->arena, "its clock is wrong: it counted %.1f s where %.1f s went by", guest, host);
}

/* What it compared itself: over two times some seconds, so that a clock that runs a thousandth too fast is seen. */
static const char *check_drift(const struct judge *j, const struct run *run)
{
	const char *text = raw_text(j, run, "clock");
	struct vp_clocks c;
	struct vp_err err = { 0 };

	if (!text || vp_clocks_read(j->arena, text, &c, &err))
		return "";
	for (int i = 0; i < 2; i++)
		if (fabs(c.monotonic[i].ppm) - c.monotonic[i].unsure > CLOCK_PPM)
			return vp_printf(j->arena, "its clock is wrong: it gains %+.0f ppm on the host's", c.monotonic[i].ppm);
	return "";
}

static void add_run(struct judge *j, size_t i)
{
	struct run *run;

	j->runs = vp_grow_in(j->arena, j->runs, j->nruns, &j->cap, sizeof(*run));
	run = &j->runs[j->nruns++];
	*run = (struct run){ .id = j->raw->items[i].run, .first = i, .wrong = "" };
	while (i + run->n < j->raw->n && !strcmp(j->raw->items[i + run->n].run, run->id))
		run->n++;
	run->proof = raw_text(j, run, "proof");
	run->wrong = vp_proof_check(j->arena, run->proof ? run->proof : "", j->expect);
	if (*run->wrong)
		run->wrong = vp_printf(j->arena, "not the node that was meant: %s", run->wrong);
	else
		run->wrong = check_clock(j, run);
	if (!*run->wrong)
		run->wrong = check_drift(j, run);
	run->proof = run->proof ? run->proof : "";
}

/* Reads an output; where it holds nothing to rely on, m says why. A status above 0 is believed, 0 is not. */
static bool read_output(const struct judge *j, const struct run *run, struct vp_metric *m, const struct row *row, struct vp_reading *out)
{
	const char *text = raw_text(j, run, row->result);
	struct timing t;
	struct vp_err err = { 0 };

	timing_of(j, run, row->result, &t);
	if (*run->wrong)
		doubt(m, VP_VOID, run->wrong);
	else if (t.status == 127)
		doubt(m, VP_INCONCLUSIVE, vp_printf(j->arena, "its tool for '%s' is not installed in the guest", row->result));
	else if (!text)
		doubt(m, VP_VOID, vp_printf(j->arena, "the guest sent no '%s'", row->result));
	else if (t.status && *t.said)
		doubt(m, VP_VOID, vp_printf(j->arena, "'%s' failed in the guest: %s", row->result, t.said));
	else if (vp_tool_read(j->arena, row->tool, NULL, text, out, &err) && out->wrong)
		doubt(m, VP_FAIL, out->wrong);
	else if (err.msg[0])
		doubt(m, VP_VOID, vp_strdup(j->arena, err.msg));
	else if (t.status)
		doubt(m, VP_VOID, vp_printf(j->arena, "'%s' failed in the guest (status %d)", row->result, t.status));
	else
		return true;
	return false;
}

/* What the host spent on it; nothing where it was not measured itself. */
static double run_cost(struct judge *j, const struct run *run, struct vp_metric *m, const struct row *row)
{
	const char *why = run->wrong;
	double value = *why ? NAN : vp_cost(j->arena, &j->raw->items[run->first], run->n, row->result, &why);

	m->less = true;
	if (*why)
		doubt(m, *run->wrong ? VP_VOID : VP_INCONCLUSIVE, why);
	else if (!m->env)
		m->env = vp_environ(j->arena, run->proof, raw_text(j, run, "host"), j->expect, vp_printf(j->arena, "cost.%s", row->result), "");
	return value;
}

/* Whether the cards moved what was measured, and little else. */
static bool is_alone(struct judge *j, const struct run *run, struct vp_metric *m, const struct row *row, double mbit)
{
	double seconds = (double)json_integer_value(json_object_get(json_object_get(j->expect, "verify"), "net_seconds"));
	struct timing t;

	timing_of(j, run, row->result, &t);
	if (strcmp(row->tool, "iperf3") != 0 || !(t.net_bytes > 0) || t.net_bytes <= mbit * 1e6 / 8 * seconds * NET_SHARE + NET_SLACK)
		return true;
	doubt(m, VP_VOID,
	      vp_printf(j->arena, "its network was not its own: it carried %.0f MB, of which %.0f were the measurement's", t.net_bytes / 1e6,
			mbit / 8 * seconds));
	return false;
}

/* The median of one run's figures; NaN, and m says why, where there is none. */
static double run_value(struct judge *j, const struct run *run, struct vp_metric *m, const struct row *row)
{
	struct vp_reading reading = { 0 };
	double *laps;
	size_t n = 0;
	bool there = false;

	if (!strcmp(row->tool, "cost"))
		return run_cost(j, run, m, row);
	if (!read_output(j, run, m, row, &reading))
		return NAN;
	laps = vp_alloc(j->arena, (reading.n + 1) * sizeof(*laps));
	for (size_t i = 0; i < reading.n; i++) {
		if (strcmp(reading.items[i].name, row->figure) != 0)
			continue;
		there = true;
		m->less = reading.items[i].less;
		if (!isnan(reading.items[i].value))
			laps[n++] = reading.items[i].value;
	}
	if (!there)
		doubt(m, VP_VOID, vp_printf(j->arena, "%s measured something else", row->tool));
	else if (!n)
		doubt(m, VP_INCONCLUSIVE, "too short to be measured: it needs a larger file");
	else if (!m->env)
		m->env = vp_environ(j->arena, run->proof, raw_text(j, run, "host"), j->expect, row->tool,
				    strncmp(row->result, "peer_", 5) ? reading.with : vp_printf(j->arena, "%s,peer=%s", reading.with, j->peer));
	if (n && !is_alone(j, run, m, row, vp_stat_median(laps, n)))
		return NAN;
	return vp_stat_median(laps, n);
}

/* --- All runs of a metric --- */

/* Some runs gave a value, others a reason. */
static void settle(struct judge *j, struct vp_metric *m, size_t bad)
{
	const char *why = vp_printf(j->arena, "%zu of %zu runs left out: %s", bad, j->nruns, m->reason);

	m->value = vp_stat_median(m->samples, m->nsamples);
	if (m->verdict == VP_FAIL || !m->nsamples || !bad)
		return;
	doubt(m, bad * 100 > j->nruns * MAX_VOID ? m->verdict : VP_PASS, why);
}

static double pressure_of(const struct judge *j, const struct run *run)
{
	const char *host = raw_text(j, run, "host");
	double p = strtod(vp_proof_get(j->arena, host ? host : "", "cpu_pressure"), NULL);

	return p > 0 ? p : 0;
}

static void judge_row(struct judge *j, const struct row *row)
{
	struct vp_verification *v = j->v;
	struct vp_metric *m;
	size_t bad = 0;

	v->metrics = vp_grow_in(j->arena, v->metrics, v->n, &v->cap, sizeof(*m));
	m = &v->metrics[v->n++];
	*m = (struct vp_metric){ .name = row->metric, .unit = row->unit, .verdict = VP_PASS, .reason = "", .base = "", .tolerance = NAN };
	m->samples = vp_alloc(j->arena, (j->nruns + 1) * sizeof(*m->samples));
	m->runs = vp_alloc(j->arena, (j->nruns + 1) * sizeof(*m->runs));
	m->left = vp_alloc(j->arena, (j->nruns + 1) * sizeof(*m->left));
	for (size_t i = 0; i < j->nruns && m->verdict != VP_FAIL; i++) {
		struct vp_metric one = *m;
		double value;

		doubt(&one, VP_PASS, "");
		value = run_value(j, &j->runs[i], &one, row);
		m->env = one.env;
		m->less = one.less;
		if (one.verdict == VP_PASS) {
			m->samples[m->nsamples] = value;
			m->left[m->nsamples] = vp_cost_left(j->arena, &j->raw->items[j->runs[i].first], j->runs[i].n, row->result);
			m->pressure = fmax(m->pressure, pressure_of(j, &j->runs[i]));
			m->runs[m->nsamples++] = j->runs[i].id;
		} else if (!bad++ || one.verdict == VP_FAIL) {
			doubt(m, one.verdict, one.reason);
		}
	}
	settle(j, m, bad);
	m->env = m->env ? m->env : "";
	m->key = vp_environ_key(j->arena, m->env);
	m->work = vp_environ_work(j->arena, m->env);
	if (m->verdict == VP_PASS)
		vp_gate(j->arena, j->v, m, j->expect, j->known);
}

/* A site's own test "NAME.TOOL": every figure that its first sound run has is a metric NAME.FIGURE. */
static void judge_own(struct judge *j, const char *result)
{
	const char *dot = strrchr(result, '.');
	struct vp_reading reading = { 0 };
	struct vp_err err;

	if (!dot || dot == result || !vp_tool_known(dot + 1))
		return;
	for (size_t i = 0; i < j->nruns && !reading.n; i++) {
		const char *text = raw_text(j, &j->runs[i], result);

		if (text && vp_tool_read(j->arena, dot + 1, NULL, text, &reading, &err))
			reading.n = 0;
	}
	if (!reading.n) {
		judge_row(j, &(struct row){ vp_strndup(j->arena, result, (size_t)(dot - result)), "", result, dot + 1, "", false });
		return;
	}
	for (size_t i = 0; i < reading.n; i++) {
		const char *name = vp_printf(j->arena, "%.*s.%s", (int)(dot - result), result, reading.items[i].name);

		if (vp_reading_find(&reading, reading.items[i].name) == &reading.items[i])
			judge_row(j, &(struct row){ name, reading.items[i].unit, result, dot + 1, reading.items[i].name, false });
	}
}

/* Results of the first run that has them: a test that one run lacks is a run that is void. */
static void judge_owns(struct judge *j)
{
	for (size_t i = 0; i < j->raw->n; i++) {
		bool again = false;

		for (size_t k = 0; k < i; k++)
			again = again || !strcmp(j->raw->items[k].name, j->raw->items[i].name);
		if (!again)
			judge_own(j, vp_printable(j->arena, j->raw->items[i].name, 64));
	}
}

/* An older guest compares no clocks, most have no NTP daemon that holds one, and nobody may have looked at the hypervisor's counters. */
static bool is_there(struct judge *j, const struct row *row)
{
	const struct run *run = find_any(j, strcmp(row->tool, "cost") ? row->result : "cost");
	const char *text = run ? raw_text(j, run, row->result) : NULL;

	return run && (strncmp(row->figure, "ntp_", 4) != 0 || (text && strstr(text, " ntp=1 ")));
}

/* Where too little was moved to tell what it costs, that is no doubt about the node. */
static void judge_optional(struct judge *j)
{
	for (size_t i = 0; i < vp_count(optional); i++) {
		if ((vp_environ_is_bare(j->expect) && strcmp(optional[i].tool, "fio") != 0) || !is_there(j, &optional[i]))
			continue;
		judge_row(j, &optional[i]);
		if (j->v->metrics[j->v->n - 1].verdict == VP_INCONCLUSIVE && !j->v->metrics[j->v->n - 1].nsamples)
			j->v->n--;
	}
}

/* Whether metrics of that name's group were asked for at all. */
static bool is_meant(const struct judge *j, const char *metric)
{
	size_t n = strcspn(metric, ".");

	for (const char *at = j->only; *at; at += strcspn(at, ","), at += *at == ',')
		if (strcspn(at, ",") == n && !strncmp(at, metric, n))
			return true;
	return !*j->only;
}

/* What the session was to be. */
static void read_design(struct judge *j)
{
	const struct run *run = find_any(j, "design");
	const char *text = run ? raw_text(j, run, "design") : "";
	size_t runs = strtoul(vp_proof_get(j->arena, text, "runs"), NULL, 10);

	j->only = vp_proof_get(j->arena, text, "only");
	j->peer = vp_proof_get(j->arena, text, "peer");
	j->v->look = j->nruns < runs && j->nruns / VP_STAT_BLOCK < VP_STAT_LOOKS ? (unsigned)(j->nruns / VP_STAT_BLOCK) : VP_STAT_LOOKS;
	j->v->look = j->v->look ? j->v->look : 1;
}

enum vp_verdict vp_verdict_worse(enum vp_verdict a, enum vp_verdict b)
{
	static const int rank[] = { [VP_PASS] = 0, [VP_INCONCLUSIVE] = 1, [VP_FAIL] = 2, [VP_VOID] = 3 };

	return rank[a] > rank[b] ? a : b;
}

static const char *object_of(struct vp_arena *a, const char *proof)
{
	const char *hypervisor = vp_proof_get(a, proof, "hypervisor");

	return vp_printf(a, "%s (%s), %s (%s), %s, kernel %s", vp_proof_get(a, proof, "disk"), vp_proof_get(a, proof, "disk_driver"),
			 vp_proof_get(a, proof, "nic"), vp_proof_get(a, proof, "nic_driver"),
			 *hypervisor ? hypervisor : vp_proof_get(a, proof, "hypervisor_type"), vp_proof_get(a, proof, "kernel"));
}

void vp_verify_judge(struct vp_arena *a, const char *node, const struct vp_results *raw, json_t *expect, const struct vp_samples *known,
		     struct vp_verification *out)
{
	struct judge j = { .arena = a, .raw = raw, .expect = expect, .known = known, .v = out };
	bool bare = vp_environ_is_bare(expect);

	*out = (struct vp_verification){ .node = node, .run = raw->n ? raw->items[0].run : "", .verdict = VP_PASS, .object = "" };
	for (size_t i = 0; i < raw->n; i += j.runs[j.nruns - 1].n)
		add_run(&j, i);
	/* Nothing at all came: still every metric says so. */
	if (!j.nruns) {
		j.runs = vp_alloc(a, sizeof(*j.runs));
		j.runs[j.nruns++] = (struct run){ .id = "", .proof = "", .wrong = "nothing was measured" };
	}
	out->nruns = j.nruns;
	read_design(&j);
	if (j.nruns > 1)
		out->run = vp_verify_session(a, out->run);
	if (*j.runs[0].proof)
		out->object = object_of(a, j.runs[0].proof);
	for (size_t i = 0; i < vp_count(rows); i++)
		if ((!bare || !rows[i].network) && is_meant(&j, rows[i].metric))
			judge_row(&j, &rows[i]);
	judge_optional(&j);
	judge_owns(&j);
	for (size_t i = 0; i < out->n; i++)
		out->verdict = vp_verdict_worse(out->verdict, out->metrics[i].verdict);
}
