// SPDX-License-Identifier: Apache-2.0
/*
 * HEP-SPEC06, from the .txt files that SPEC's runspec leaves, and HEPscore, from JSON.
 *
 * HEP-SPEC06 of a machine is the sum over copies of the geometric mean of seven ratios. The published recipe takes the logarithms by `bc` with
 * scale=2, which cuts them: it reads 8.33 where 8.4034 is right. Here they are doubles. 32 and 64 bits differ by a third: the mode is part of the
 * name.
 */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools.h"

#define COPIES 1024

static const char *const all_cpp[] = { "444.namd", "447.dealII", "450.soplex", "453.povray", "471.omnetpp", "473.astar", "483.xalancbmk" };
enum { PROGRAMS = vp_count(all_cpp) };

struct copy {
	unsigned number;
	/* 0 where not seen. */
	double ratio[PROGRAMS];
};

struct spec {
	struct copy *copies;
	size_t n, cap;
	bool m32, m64;
};

static int program_of(const char *line)
{
	for (size_t i = 0; i < PROGRAMS; i++)
		if (!strncmp(line, all_cpp[i], strlen(all_cpp[i])) && line[strlen(all_cpp[i])] == ' ')
			return (int)i;
	return -1;
}

/* "==> result/CINT2006.003.ref.txt <==": what follows belongs to copy 3. */
static struct copy *copy_of(struct vp_arena *a, struct spec *s, const char *line, struct vp_err *err)
{
	const char *at = strstr(line, "2006.");
	unsigned number;

	if (!at || sscanf(at, "2006.%u.", &number) != 1) {
		vp_fail(err, VP_E_VERIFY, "no result of SPEC: '%s'", vp_printable(a, line, 80));
		return NULL;
	}
	for (size_t i = 0; i < s->n; i++)
		if (s->copies[i].number == number)
			return &s->copies[i];
	if (s->n == COPIES) {
		vp_fail(err, VP_E_VERIFY, "more than %d copies", COPIES);
		return NULL;
	}
	s->copies = vp_grow_in(a, s->copies, s->n, &s->cap, sizeof(*s->copies));
	s->copies[s->n] = (struct copy){ .number = number };
	return &s->copies[s->n++];
}

/* "444.namd  8020  739  10.9  *": the median of the iterations, told twice, once in a summary. */
static int median_line(struct copy *c, int program, const char *line, struct vp_err *err)
{
	double reference, seconds, ratio;
	char star, more;

	if (sscanf(line, "%*s %lf %lf %lf %c %c", &reference, &seconds, &ratio, &star, &more) != 4 || star != '*')
		return vp_fail(err, VP_E_VERIFY, "copy %03u: %s: no result in its line", c->number, all_cpp[program]);
	if (!(ratio > 0) || !(seconds > 0) || !isfinite(ratio + seconds) || fabs(reference / seconds / ratio - 1) > 0.01)
		return vp_fail(err, VP_E_VERIFY, "copy %03u: %s: its ratio does not fit its seconds", c->number, all_cpp[program]);
	if (c->ratio[program] > 0 && fabs(c->ratio[program] / ratio - 1) > 1e-9)
		return vp_fail(err, VP_E_VERIFY, "copy %03u: %s: two different medians", c->number, all_cpp[program]);
	c->ratio[program] = ratio;
	return 0;
}

static int spec_line(struct vp_arena *a, struct spec *s, struct copy **now, const char *line, struct vp_err *err)
{
	size_t len = strlen(line);
	int program;

	if (!strncmp(line, "==> ", 4)) {
		*now = copy_of(a, s, line, err);
		return *now ? 0 : -1;
	}
	s->m32 = s->m32 || strstr(line, "-m32");
	s->m64 = s->m64 || strstr(line, "-m64");
	while (len && (line[len - 1] == ' ' || line[len - 1] == '\r'))
		len--;
	program = program_of(line);
	if (program >= 0 && strstr(line, " RE"))
		return vp_fail(err, VP_E_VERIFY, "%s ended with an error", all_cpp[program]);
	if (program < 0 || !len || line[len - 1] != '*')
		return 0;
	if (!*now)
		return vp_fail(err, VP_E_VERIFY, "results without the name of their file");
	return median_line(*now, program, line, err);
}

static int spec_score(const struct spec *s, double *out, struct vp_err *err)
{
	*out = 0;
	for (size_t i = 0; i < s->n; i++) {
		double logs = 0;

		for (size_t k = 0; k < PROGRAMS; k++) {
			if (!(s->copies[i].ratio[k] > 0))
				return vp_fail(err, VP_E_VERIFY, "copy %03u: %s has no result", s->copies[i].number, all_cpp[k]);
			logs += log(s->copies[i].ratio[k]);
		}
		*out += exp(logs / PROGRAMS);
	}
	return 0;
}

static int put_score(struct vp_reading *out, unsigned bits, size_t copies, double score, struct vp_err *err)
{
	out->with = vp_printf(out->arena, "copies=%zu", copies);
	return vp_figure_add(out, bits == 32 ? "hs06_32" : "hs06_64", "HS06", score, false, err);
}

int vp_tool_hs06(const struct vp_asked *asked, const char *text, struct vp_reading *out, struct vp_err *err)
{
	char *copy = vp_strdup(out->arena, text), *save = NULL;
	struct copy *now = NULL;
	struct spec s = { 0 };
	double score;

	if (text[strlen(text) - 1] != '\n')
		return vp_fail(err, VP_E_VERIFY, "its last line is cut short");
	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (spec_line(out->arena, &s, &now, line, err))
			return -1;
	if (!s.n)
		return vp_fail(err, VP_E_VERIFY, "no result of SPEC");
	if (asked->streams && s.n != asked->streams)
		return vp_fail(err, VP_E_VERIFY, "%zu copies of %u", s.n, asked->streams);
	if (s.m32 && s.m64)
		return vp_fail(err, VP_E_VERIFY, "results of 32 and 64 bits together");
	if (!s.m32 && !s.m64 && asked->bits != 32 && asked->bits != 64)
		return vp_fail(err, VP_E_VERIFY, "nothing says whether it is 32 or 64 bits, which differ by a third");
	if (asked->bits && ((asked->bits == 32 && s.m64) || (asked->bits == 64 && s.m32)))
		return vp_fail(err, VP_E_VERIFY, "it was to be %u bits, and is not", asked->bits);
	return spec_score(&s, &score, err) || put_score(out, s.m32 || (!s.m64 && asked->bits == 32) ? 32 : 64, s.n, score, err);
}

/* --- JSON --- */

/* Version 2.0 has numbers as texts here and there. NaN where there is none. */
static double figure(json_t *v)
{
	const char *text = json_string_value(v);
	char rest;
	double d;

	if (json_is_number(v))
		return json_number_value(v);
	if (!text)
		return NAN;
	d = vp_field_number((struct vp_field){ text, strlen(text) }, &rest);
	return rest ? NAN : d;
}

static double member(json_t *object, const char *key)
{
	return figure(json_object_get(object, key));
}

/* The score again from the workloads' own: geometric mean of score by reference, times the scale. NaN where they are not all there. */
static double again(json_t *score)
{
	json_t *list = json_object_get(score, "wl-scores"), *workload;
	double logs = 0, scale = member(json_object_get(score, "settings"), "scaling");
	const char *name;
	size_t n = 0;

	json_object_foreach (list, name, workload) {
		const char *key;
		json_t *v;

		json_object_foreach (workload, key, v) {
			size_t len = strlen(key);
			char ref[256];

			if (len > 4 && !strcmp(key + len - 4, "_ref"))
				continue;
			snprintf(ref, sizeof(ref), "%s_ref", key);
			logs += log(figure(v) / member(workload, ref));
			n++;
		}
	}
	return n ? exp(logs / (double)n) * scale : NAN;
}

static int hepscore(struct vp_reading *out, json_t *score, bool needs_status, struct vp_err *err)
{
	const char *status = json_string_value(json_object_get(score, "status"));
	double value = member(score, "score"), check = again(score);

	if ((status || needs_status) && (!status || strcmp(status, "success") != 0))
		return vp_fail(err, VP_E_VERIFY, "its status is '%s'", vp_printable(out->arena, status ? status : "", 40));
	if (!(value > 0))
		return vp_fail(err, VP_E_VERIFY, "a workload failed: it has no score");
	/* Where it has a score for each workload, the whole has to follow from them: it is rounded at each step, to four places. */
	if (json_object_get(score, "wl-scores") && !(fabs(check / value - 1) < 2e-3))
		return vp_fail(err, VP_E_VERIFY, "its score %.2f does not follow from its workloads', which make %.2f", value, check);
	return vp_figure_add(out, "hepscore", "HS23", value, false, err);
}

/* {"score", "copies", "bmks": {"453.povray": [ratio of each copy]}} */
static int hs06_json(struct vp_reading *out, json_t *score, unsigned bits, struct vp_err *err)
{
	json_t *bmks = json_object_get(score, "bmks");
	struct spec s = { 0 };
	double sum;

	s.n = (size_t)(member(score, "copies") > 0 && member(score, "copies") <= COPIES ? member(score, "copies") : 0);
	s.copies = vp_alloc(out->arena, (s.n + 1) * sizeof(*s.copies));
	if (!s.n || json_object_size(bmks) != PROGRAMS)
		return vp_fail(err, VP_E_VERIFY, "hs06_%u: %zu of %d programs", bits, json_object_size(bmks), PROGRAMS);
	for (size_t k = 0; k < PROGRAMS; k++)
		for (size_t i = 0; i < s.n; i++) {
			s.copies[i].number = (unsigned)i;
			s.copies[i].ratio[k] = figure(json_array_get(json_object_get(bmks, all_cpp[k]), i));
		}
	if (spec_score(&s, &sum, err))
		return -1;
	if (fabs(sum / member(score, "score") - 1) > 0.01)
		return vp_fail(err, VP_E_VERIFY, "hs06_%u: its score %.2f does not follow from its programs', which make %.2f", bits,
			       member(score, "score"), sum);
	return put_score(out, bits, s.n, sum, err);
}

static int suite(struct vp_reading *out, json_t *root, const char *version, struct vp_err *err)
{
	/* Version 2.0 has other keys about the host, and no status. */
	json_t *profiles = json_object_get(root, "profiles"), *hs;

	hs = json_object_get(profiles, "hepscore");
	if (hs && hepscore(out, hs, strcmp(version, "2.0") != 0, err))
		return -1;
	hs = json_object_get(profiles, "hs06_32");
	if (hs && hs06_json(out, hs, 32, err))
		return -1;
	hs = json_object_get(profiles, "hs06_64");
	if (hs && hs06_json(out, hs, 64, err))
		return -1;
	return out->n ? 0 : vp_fail(err, VP_E_VERIFY, "neither HEPscore nor HEP-SPEC06 in it");
}

int vp_tool_hepscore(const struct vp_asked *asked, const char *text, struct vp_reading *out, struct vp_err *err)
{
	static const char *const known[] = { "2.0", "2.1", "2.2", "3.0", "3.1" };
	json_error_t where;
	json_t *root = json_loads(text, 0, &where);
	const char *version = json_string_value(json_object_get(root, "json_version"));
	size_t i = 0;
	int rc;

	(void)asked;
	if (!root)
		return vp_fail(err, VP_E_VERIFY, "no JSON: line %d: %s", where.line, vp_printable(out->arena, where.text, 100));
	while (version && i < vp_count(known) && strcmp(version, known[i]) != 0)
		i++;
	if (version && i == vp_count(known))
		rc = vp_fail(err, VP_E_VERIFY, "json_version '%s' is not known", vp_printable(out->arena, version, 20));
	else if (version)
		rc = suite(out, root, version, err);
	else
		rc = hepscore(out, root, true, err);
	json_decref(root);
	return rc;
}
