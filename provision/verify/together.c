// SPDX-License-Identifier: Apache-2.0
#include <libsmartcols.h>
#include <math.h>
#include <string.h>

#include "environ.h"
#include "proof.h"
#include "together.h"
#include "tools.h"

/* A result may be so long on its way; a guest's clock may run so much otherwise (reference: NTP gives up at 500 ppm). */
#define LATE_SECONDS 30.0
#define CLOCK_SHARE  0.001

struct piece {
	unsigned worker;
	double from, to, done;
};

struct pair {
	double guest, host, round;
};

/* What a guest told. */
struct told {
	struct vp_arena *a;
	char kind[16];
	unsigned workers, warm, seconds;
	/* The instant, by the host's clock. */
	double go;
	struct piece *pieces;
	size_t n, cap;
	struct pair *pairs;
	size_t npairs, pairs_cap;
	/* The guest's clock: host = offset + rate * guest. */
	double offset, rate, slack;
	bool ended;
};

static const char *result_text(struct vp_arena *a, const struct vp_results *raw, const char *name, double *when)
{
	for (size_t i = 0; raw && i < raw->n; i++)
		if (!strcmp(raw->items[i].name, name)) {
			if (when)
				*when = raw->items[i].time;
			return vp_strndup(a, raw->items[i].data, raw->items[i].len);
		}
	return NULL;
}

/* --- One guest --- */

static const char *take_lap(struct told *t, const char *line)
{
	struct piece p;
	double sum;
	char more;

	if (sscanf(line, "lap %u %lf %lf %lf %lf %c", &p.worker, &p.from, &p.to, &p.done, &sum, &more) != 5 || p.worker >= t->workers ||
	    !isfinite(p.from + p.to + p.done) || !(p.to > p.from) || !(p.done > 0))
		return vp_printf(t->a, "unknown line '%s'", vp_printable(t->a, line, 80));
	if (!strcmp(t->kind, "cpu") && fabs(sum - strtod(VP_CPU_CHECKSUM, NULL)) > 1e-6)
		return "wrong";
	t->pieces = vp_grow_in(t->a, t->pieces, t->n, &t->cap, sizeof(*t->pieces));
	t->pieces[t->n++] = p;
	return "";
}

static const char *take_clock(struct told *t, const char *line)
{
	double sent, host, got;
	char more;

	if (sscanf(line, "clock %lf %lf %lf %c", &sent, &host, &got, &more) != 3 || !isfinite(sent + host + got) || !(got >= sent))
		return vp_printf(t->a, "unknown line '%s'", vp_printable(t->a, line, 80));
	t->pairs = vp_grow_in(t->a, t->pairs, t->npairs, &t->pairs_cap, sizeof(*t->pairs));
	t->pairs[t->npairs++] = (struct pair){ (sent + got) / 2, host, got - sent };
	return "";
}

static const char *take_line(struct told *t, const char *line)
{
	double here;

	if (t->ended)
		return "something follows its end";
	if (!t->workers)
		return sscanf(line, "kind=%15s warm=%u seconds=%u workers=%u", t->kind, &t->warm, &t->seconds, &t->workers) == 4 && t->workers &&
				       t->workers <= VP_MAX_VCPUS
			       ? ""
			       : vp_printf(t->a, "it did nothing: %s", vp_printable(t->a, line, 80));
	if (!strncmp(line, "lap ", 4))
		return take_lap(t, line);
	if (!strncmp(line, "clock ", 6))
		return take_clock(t, line);
	if (!strncmp(line, "wrong ", 6))
		return strcmp(t->kind, "cpu") ? "its disk refused what was written" : "wrong";
	if (!strcmp(line, "given up"))
		return "it gave up waiting for the others";
	t->ended = !strcmp(line, "end");
	return t->ended || (sscanf(line, "go %lf %lf", &t->go, &here) == 2 && isfinite(t->go))
		       ? ""
		       : vp_printf(t->a, "unknown line '%s'", vp_printable(t->a, line, 80));
}

/* The surest pair among those that are told of by `first` (before the work) or not. */
static const struct pair *surest(const struct told *t, bool first)
{
	const struct pair *best = NULL;

	for (size_t i = 0; i < t->npairs; i++)
		if ((t->pairs[i].host < t->go) == first && (!best || t->pairs[i].round < best->round))
			best = &t->pairs[i];
	return best;
}

/* From one answer of the host before the work and one after it. "" or why its times cannot be relied on. */
static const char *fit_clock(struct told *t)
{
	const struct pair *x = surest(t, true), *y = surest(t, false);
	double unsure;

	if (!x || !y || !(y->guest > x->guest))
		return "it has not compared its clock with the host's";
	t->rate = (y->host - x->host) / (y->guest - x->guest);
	t->offset = x->host - t->rate * x->guest;
	t->slack = fmax(x->round, y->round) / 2;
	unsure = (x->round + y->round) / 2 / (y->guest - x->guest);
	if (fabs(t->rate - 1) > CLOCK_SHARE + unsure)
		return vp_printf(t->a, "its clock is wrong: it counted %.2f s where %.2f s went by", y->guest - x->guest, y->host - x->host);
	return "";
}

static double host_time(const struct told *t, double guest)
{
	return t->offset + t->rate * guest;
}

/* From when to when all of its workers were at work, within the time that counts: of pieces that lie across an edge only the inside counts. */
static const char *bounds(const struct told *t, struct vp_part *part)
{
	double begin = t->go + t->warm, end = begin + t->seconds;

	part->from = -INFINITY;
	part->to = INFINITY;
	for (unsigned w = 0; w < t->workers; w++) {
		double from = INFINITY, to = -INFINITY, before = -INFINITY;

		for (size_t i = 0; i < t->n; i++) {
			double at = host_time(t, t->pieces[i].from), till = host_time(t, t->pieces[i].to);

			if (t->pieces[i].worker != w)
				continue;
			if (at < before - 1e-5)
				return "its pieces of work overlap";
			before = till;
			from = fmin(from, at);
			to = fmax(to, till);
		}
		if (!(fmax(from, begin) < fmin(to, end)))
			return "it did no work in the time that counts";
		part->from = fmax(part->from, fmax(from, begin));
		part->to = fmin(part->to, fmin(to, end));
	}
	return part->from < part->to ? "" : "its workers did not work at the same time";
}

/* Work of all its workers between two times, a second; pieces that lie across an edge count by their share. */
static double rate_between(const struct told *t, double from, double to)
{
	double done = 0;

	for (size_t i = 0; i < t->n; i++) {
		double at = host_time(t, t->pieces[i].from), till = host_time(t, t->pieces[i].to);
		double share = (fmin(till, to) - fmax(at, from)) / (till - at);

		done += share > 0 ? share * t->pieces[i].done : 0;
	}
	return done / (to - from);
}

/* What came when it could not have been done yet, or long after, was timed by a clock that lies. */
static const char *check_arrival(const struct told *t, const struct vp_part *part, double came)
{
	double last = -INFINITY;

	for (size_t i = 0; i < t->n; i++)
		last = fmax(last, host_time(t, t->pieces[i].to));
	if (!(came > 0) || (last < came + 0.5 && came < last + LATE_SECONDS))
		return "";
	(void)part;
	return vp_printf(t->a, "its clock is wrong: it worked until %.1f s after its result came", last - came);
}

static const char *read_text(struct told *t, const char *text)
{
	char *copy = vp_strdup(t->a, text), *save = NULL;

	for (char *line = strtok_r(copy, "\r\n", &save); line; line = strtok_r(NULL, "\r\n", &save)) {
		const char *why = take_line(t, line);

		if (*why)
			return why;
	}
	return t->ended ? "" : "what it told is cut short";
}

static const char *read_part(struct told *t, struct vp_part *part, const char *kind)
{
	const char *proof = result_text(t->a, part->raw, "proof", NULL), *text, *why;
	double came = 0;

	if (part->gone)
		return "its machine went off in the middle";
	text = result_text(t->a, part->raw, "together", &came);
	why = vp_proof_check(t->a, proof ? proof : "", part->expect);
	if (*why)
		return vp_printf(t->a, "not the node that was meant: %s", why);
	part->env = vp_environ(t->a, proof, result_text(t->a, part->raw, "host", NULL), part->expect, vp_printf(t->a, "together.%s", kind), "");
	if (!text)
		return "nothing came of it before the end";
	why = read_text(t, text);
	if (*why)
		return why;
	if (strcmp(t->kind, kind) != 0 || !(t->go > 0))
		return "it did something else than it was asked for";
	why = fit_clock(t);
	why = *why ? why : bounds(t, part);
	part->workers = t->workers;
	part->slack = t->slack;
	part->drift = 1 / t->rate - 1;
	return *why ? why : check_arrival(t, part, came);
}

/* --- All of them --- */

static void judge_all(struct vp_arena *a, struct vp_together *out, const struct told *told)
{
	double from = -INFINITY, to = INFINITY, first = INFINITY, last = -INFINITY, *rates = vp_alloc(a, out->n * sizeof(*rates));

	for (size_t i = 0; i < out->n; i++) {
		from = fmax(from, out->parts[i].from);
		to = fmin(to, out->parts[i].to);
		first = fmin(first, out->parts[i].from);
		last = fmax(last, out->parts[i].to);
	}
	out->window = fmax(to - from, 0);
	out->overlap = out->window / (last - first);
	for (size_t i = 0; i < out->n && out->window > 0; i++) {
		struct vp_part *p = &out->parts[i];

		p->alone = rate_between(&told[i], p->from, p->to);
		p->rate = rates[i] = rate_between(&told[i], from, to);
		out->total += p->rate;
		out->naive += p->alone;
	}
	out->fairness = vp_stat_fairness(rates, out->n);
	out->jain = vp_stat_jain(rates, out->n);
	if (out->overlap < VP_TOGETHER_OVERLAP) {
		out->verdict = VP_VOID;
		out->reason = vp_printf(a, "they worked at the same time for %.0f %% of the time only", 100 * out->overlap);
	}
}

void vp_together_judge(struct vp_arena *a, const char *run, const char *kind, struct vp_part *parts, size_t n, struct vp_together *out)
{
	struct told *told = vp_alloc(a, (n + 1) * sizeof(*told));

	*out = (struct vp_together){
		.kind = kind, .unit = strcmp(kind, "cpu") ? "MiB/s" : "M/s", .run = run, .parts = parts, .n = n, .verdict = VP_PASS, .reason = ""
	};
	for (size_t i = 0; i < n; i++) {
		struct vp_part *p = &parts[i];

		told[i] = (struct told){ .a = a };
		p->env = "";
		p->reason = read_part(&told[i], p, kind);
		if (!*p->reason && fabs(told[i].go - told[0].go) > 1e-3)
			p->reason = "it began at another time than the others";
		p->wrong = !strcmp(p->reason, "wrong");
		if (p->wrong)
			p->reason = "it computes wrongly";
		if (*p->reason && (out->verdict == VP_PASS || p->wrong)) {
			out->verdict = p->wrong ? VP_FAIL : VP_VOID;
			out->reason = vp_printf(a, "%s: %s", p->node, p->reason);
		}
	}
	if (out->verdict == VP_PASS && n)
		judge_all(a, out, told);
}

/* --- For people, programs, and later --- */

static void add_part(struct libscols_table *table, const struct vp_together *t, const struct vp_part *p)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);
	char text[64];

	scols_line_set_data(line, 0, p->node);
	snprintf(text, sizeof(text), "%.3f %s", p->rate, t->unit);
	scols_line_set_data(line, 1, *p->reason ? "-" : text);
	snprintf(text, sizeof(text), "%.3f", p->alone);
	scols_line_set_data(line, 2, *p->reason ? "-" : text);
	snprintf(text, sizeof(text), "%+.0f ppm", 1e6 * p->drift);
	scols_line_set_data(line, 3, *p->reason ? "-" : text);
	scols_line_set_data(line, 4, p->reason);
}

void vp_together_print(const struct vp_together *t, FILE *f)
{
	static const char *const columns[] = { "NODE", "WITH ALL", "BY ITSELF", "CLOCK", "REASON" };
	struct libscols_table *table = scols_new_table();

	fprintf(f, "%s of %zu together, run %s: %s%s%s\n", t->kind, t->n, t->run, vp_verdict_name(t->verdict), *t->reason ? ": " : "", t->reason);
	for (size_t i = 0; i < vp_count(columns); i++)
		scols_table_new_column(table, columns[i], 0, i && i < 4 ? SCOLS_FL_RIGHT : 0);
	scols_table_set_stream(table, f);
	for (size_t i = 0; i < t->n; i++)
		add_part(table, t, &t->parts[i]);
	scols_print_table(table);
	scols_unref_table(table);
	if (t->window > 0)
		fprintf(f,
			"total %.3f %s in the %.1f s in which all worked, overlap %.3f (the sum of what each says by itself is %.3f); fairness: "
			"smallest by mean %.2f, Jain %.3f\n",
			t->total, t->unit, t->window, t->overlap, t->naive, t->fairness, t->jain);
}

json_t *vp_together_json(const struct vp_together *t)
{
	json_t *parts = json_array();

	for (size_t i = 0; i < t->n; i++) {
		const struct vp_part *p = &t->parts[i];

		json_array_append_new(parts, json_pack("{s:s, s:f, s:f, s:f, s:s}", "node", p->node, "rate", p->rate, "alone", p->alone, "drift_ppm",
						       isfinite(p->drift) ? 1e6 * p->drift : 0.0, "reason", p->reason));
	}
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:f, s:f, s:f, s:f, s:f, s:f, s:o}", "kind", t->kind, "run", t->run, "unit", t->unit, "verdict",
			 vp_verdict_name(t->verdict), "reason", t->reason, "total", t->total, "naive", t->naive, "window", t->window, "overlap",
			 t->overlap, "fairness", t->fairness, "jain", t->jain, "nodes", parts);
}

static int keep(struct vp_state *s, struct vp_arena *a, const struct vp_together *t, const char *node, const char *metric, const char *unit,
		double value, const char *env, struct vp_err *err)
{
	const struct vp_sample x = {
		node, t->run, metric, unit, value, false, vp_environ_key(a, env), vp_environ_work(a, env), env, false, vp_wall()
	};

	return vp_sample_put(s, &x, err);
}

int vp_together_keep(struct vp_state *s, struct vp_arena *a, const struct vp_together *t, struct vp_err *err)
{
	const char *metric = vp_printf(a, "together.%s", t->kind), *each = vp_printf(a, "%s.each", metric), *all, *env;

	if (t->verdict == VP_VOID || t->verdict == VP_FAIL || !(t->total > 0))
		return 0;
	for (size_t i = 0; i < t->n; i++) {
		const struct vp_part *p = &t->parts[i];

		if (p->rate > 0 && keep(s, a, t, p->node, each, t->unit, p->rate, vp_printf(a, "%svms=%zu\n", p->env, t->n), err))
			return -1;
	}
	all = vp_printf(a, "%zu together", t->n);
	env = vp_printf(a, "%svms=%zu\n", t->parts[0].env, t->n);
	return keep(s, a, t, all, metric, t->unit, t->total, env, err) ||
			       (t->n > 1 && (keep(s, a, t, all, vp_printf(a, "%s.fairness", metric), "of the mean", t->fairness, env, err) ||
					     keep(s, a, t, all, vp_printf(a, "%s.jain", metric), "Jain", t->jain, env, err)))
		       ? -1
		       : 0;
}
