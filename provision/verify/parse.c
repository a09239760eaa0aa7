// SPDX-License-Identifier: Apache-2.0
/* What the tools print, with the lies that they are known for refused. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "verify.h"

/* Fields before the first figure, without and with the two fields on seeks that 1.98 added. */
#define BONNIE_OLD_FIELDS 48
#define BONNIE_NEW_FIELDS 50
#define BONNIE_OLD_FIRST  7
#define BONNIE_NEW_FIRST  9
#define BONNIE_SIZE	  5

struct field {
	const char *text;
	size_t len;
};

/* Splits one line at commas; the number of fields, or 0 where there are more than max. */
static size_t split(const char *line, struct field *out, size_t max)
{
	size_t n = 0;

	for (const char *p = line;; p++) {
		size_t len = strcspn(p, ",\r\n");

		if (n == max)
			return 0;
		out[n++] = (struct field){ p, len };
		p += len;
		if (*p != ',')
			return n;
	}
}

/* A finite number that is not negative, with nothing but `suffix` letters behind it; NaN otherwise. *rest is what follows. */
static double number(struct field f, char *rest)
{
	char text[64], *end;
	double v;

	*rest = '\0';
	if (!f.len || f.len >= sizeof(text) || f.text[0] < '0' || f.text[0] > '9')
		return NAN;
	memcpy(text, f.text, f.len);
	text[f.len] = '\0';
	v = strtod(text, &end);
	*rest = *end;
	return isfinite(v) && (!*end || !end[1]) ? v : NAN;
}

/* bonnie++ prints pluses for a phase that was too short to measure: missing, not zero. */
static int figure(struct field f, double *out, struct vp_err *err)
{
	char rest;

	*out = NAN;
	if (strspn(f.text, "+") >= f.len)
		return 0;
	*out = number(f, &rest);
	if (!(*out > 0) || rest)
		return vp_fail(err, VP_E_VERIFY, "bonnie++: '%.*s' is no figure", (int)f.len, f.text);
	return 0;
}

static int file_size(struct field f, double *mib, struct vp_err *err)
{
	char unit;

	*mib = NAN;
	if (!f.len)
		return 0;
	*mib = number(f, &unit);
	if (unit == 'G' || unit == 'g')
		*mib *= 1024;
	else if (unit == 'k' || unit == 'K')
		*mib /= 1024;
	else if (unit && unit != 'M' && unit != 'm')
		*mib = NAN;
	if (isnan(*mib))
		return vp_fail(err, VP_E_VERIFY, "bonnie++: '%.*s' is no file size", (int)f.len, f.text);
	return 0;
}

int vp_bonnie_parse(const char *csv, struct vp_bonnie *out, struct vp_err *err)
{
	double *const figures[] = { &out->putc, &out->put_block, &out->rewrite, &out->getc, &out->get_block, &out->seeks };
	struct field f[BONNIE_NEW_FIELDS];
	size_t n = split(csv, f, vp_count(f));
	size_t first = n == BONNIE_NEW_FIELDS ? BONNIE_NEW_FIRST : BONNIE_OLD_FIRST;

	if (n != BONNIE_OLD_FIELDS && n != BONNIE_NEW_FIELDS)
		return vp_fail(err, VP_E_VERIFY, "bonnie++: a row has %d or %d fields, this one %s%zu", BONNIE_OLD_FIELDS, BONNIE_NEW_FIELDS,
			       n ? "" : "more than ", n ? n : vp_count(f));
	if (file_size(f[BONNIE_SIZE], &out->size_mib, err))
		return -1;
	for (size_t i = 0; i < vp_count(figures); i++)
		if (figure(f[first + 2 * i], figures[i], err))
			return -1;
	return 0;
}

/* Refused, cut short, or without a byte: iperf3 exits 0 and prints well-formed JSON for all of these. */
static int iperf3_sane(json_t *root, const struct vp_iperf *i, double planned, double bytes, struct vp_err *err)
{
	const char *error = json_string_value(json_object_get(root, "error"));

	if (error)
		return vp_fail(err, VP_E_VERIFY, "iperf3: %s", error);
	if (!(i->seconds > 0) || !(bytes > 0) || !(i->bps > 0))
		return vp_fail(err, VP_E_VERIFY, "iperf3: the receiver saw nothing");
	if (i->seconds < planned / 2)
		return vp_fail(err, VP_E_VERIFY, "iperf3: cut short, %.1f of %.0f s", i->seconds, planned);
	if (fabs(i->bps * i->seconds / (bytes * 8) - 1) > 0.05)
		return vp_fail(err, VP_E_VERIFY, "iperf3: its rate does not fit its bytes and seconds");
	return 0;
}

int vp_iperf3_parse(const char *json, struct vp_iperf *out, struct vp_err *err)
{
	json_error_t where;
	json_t *root = json_loads(json, 0, &where);
	json_t *sum = json_object_get(json_object_get(root, "end"), "sum_received");
	json_t *test = json_object_get(json_object_get(root, "start"), "test_start");
	const char *congestion = json_string_value(json_object_get(json_object_get(root, "end"), "sender_tcp_congestion"));
	int rc;

	if (!root)
		return vp_fail(err, VP_E_VERIFY, "iperf3: no JSON: line %d: %s", where.line, where.text);
	*out = (struct vp_iperf){
		.bps = json_number_value(json_object_get(sum, "bits_per_second")),
		.seconds = json_number_value(json_object_get(sum, "seconds")),
		.reverse = json_integer_value(json_object_get(test, "reverse")) != 0,
	};
	snprintf(out->congestion, sizeof(out->congestion), "%s", congestion ? congestion : "");
	rc = iperf3_sane(root, out, json_number_value(json_object_get(test, "duration")), json_number_value(json_object_get(sum, "bytes")), err);
	json_decref(root);
	return rc;
}

static int cpu_line(struct vp_arena *a, const char *line, struct vp_cpu *out, struct vp_err *err)
{
	struct vp_cpu_lap lap;
	char checksum[sizeof(out->checksum)], end;
	unsigned n;

	if (sscanf(line, "lap=%u iterations=%lf wall=%lf cpu=%lf checksum=%63s %c", &n, &lap.iterations, &lap.wall, &lap.cpu, checksum, &end) != 5)
		return vp_fail(err, VP_E_VERIFY, "cpu: unknown line '%s'", vp_printable(a, line, 80));
	if (n != out->n + 1)
		return vp_fail(err, VP_E_VERIFY, "cpu: lap %u where lap %zu was due", n, out->n + 1);
	if (!(lap.wall > 0) || !(lap.cpu > 0) || !(lap.iterations > 0) || !isfinite(lap.wall + lap.cpu + lap.iterations))
		return vp_fail(err, VP_E_VERIFY, "cpu: lap %u took no time or did nothing", n);
	if (!out->n || !strcmp(out->checksum, VP_CPU_CHECKSUM))
		strcpy(out->checksum, checksum);
	out->laps = vp_grow_in(a, out->laps, out->n, &out->cap, sizeof(lap));
	out->laps[out->n++] = lap;
	return 0;
}

int vp_cpu_parse(struct vp_arena *a, const char *text, struct vp_cpu *out, struct vp_err *err)
{
	char *copy = vp_strdup(a, text), *save = NULL;

	*out = (struct vp_cpu){ 0 };
	for (char *line = strtok_r(copy, "\r\n", &save); line; line = strtok_r(NULL, "\r\n", &save))
		if (cpu_line(a, line, out, err))
			return -1;
	return out->n ? 0 : vp_fail(err, VP_E_VERIFY, "cpu: no lap");
}
