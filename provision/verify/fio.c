// SPDX-License-Identifier: Apache-2.0
/* fio --output-format=json, of one job or of a reported group. bw_mean and bw_dev are 0 for what is shorter than half a second; they are not used. */
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "tools.h"

/* Shorter ones say nothing. */
#define MIN_MS 100

static double get(json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

/* A percentile of a latency in microseconds; NaN where there is none. */
static double latency(json_t *lat, const char *percentile)
{
	double ns = get(json_object_get(lat, "percentile"), percentile);

	return ns > 0 ? ns / 1e3 : NAN;
}

static int add(struct vp_reading *out, const char *section, const char *what, const char *unit, double value, bool less, struct vp_err *err)
{
	return vp_figure_add(out, vp_printf(out->arena, "%s.%s", section, what), unit, value, less, err);
}

/* A bandwidth is bytes by milliseconds, and the number of requests fits its rate. */
static int sane(json_t *io, struct vp_err *err)
{
	double ms = get(io, "runtime"), bytes = get(io, "io_bytes"), bw = get(io, "bw_bytes"), n = get(io, "total_ios"), iops = get(io, "iops");

	if (ms < MIN_MS)
		return vp_fail(err, VP_E_VERIFY, "too short: %.0f ms", ms);
	if (!(bytes > 0) || !(bw > 0) || !(iops > 0))
		return vp_fail(err, VP_E_VERIFY, "nothing was transferred");
	if (fabs(bw * ms / 1e3 / bytes - 1) > 0.02 || fabs(iops * ms / 1e3 / n - 1) > 0.05)
		return vp_fail(err, VP_E_VERIFY, "its rates do not fit its bytes, requests and milliseconds");
	return 0;
}

static int section(struct vp_reading *out, json_t *job, const char *name, struct vp_err *err)
{
	json_t *io = json_object_get(job, name), *lat = json_object_get(io, "clat_ns");

	if (!(get(io, "total_ios") > 0))
		return 0;
	if (sane(io, err))
		return vp_context(err, "%s", name);
	return add(out, name, "bw", "KiB/s", get(io, "bw_bytes") / 1024, false, err) || add(out, name, "iops", "1/s", get(io, "iops"), false, err) ||
	       add(out, name, "p50", "us", latency(lat, "50.000000"), true, err) || add(out, name, "p99", "us", latency(lat, "99.000000"), true, err);
}

/* total_ios of "sync" is 0 even where latencies are there: their number counts. */
static int syncs(struct vp_reading *out, json_t *job, struct vp_err *err)
{
	json_t *lat = json_object_get(json_object_get(job, "sync"), "lat_ns");

	if (!(get(lat, "N") > 0))
		return 0;
	return add(out, "sync", "p50", "us", latency(lat, "50.000000"), true, err) ||
	       add(out, "sync", "p99", "us", latency(lat, "99.000000"), true, err);
}

static int whole(struct vp_reading *out, json_t *root, struct vp_err *err)
{
	json_t *jobs = json_object_get(root, "jobs"), *job = json_array_get(jobs, 0), *options = json_object_get(job, "job options");
	const char *bs = json_string_value(json_object_get(options, "bs")), *engine = json_string_value(json_object_get(options, "ioengine"));
	const char *depth = json_string_value(json_object_get(options, "iodepth"));

	if (json_array_size(jobs) != 1)
		return vp_fail(err, VP_E_VERIFY, "%zu jobs, not one: --group_reporting puts them together", json_array_size(jobs));
	if (get(job, "error") > 0 || get(job, "error") < 0)
		return vp_fail(err, VP_E_VERIFY, "the job ended with error %.0f", get(job, "error"));
	out->with = vp_printable(
		out->arena, vp_printf(out->arena, "bs=%s engine=%s depth=%s", bs ? bs : "4k", engine ? engine : "psync", depth ? depth : "1"), 100);
	if (section(out, job, "read", err) || section(out, job, "write", err) || section(out, job, "trim", err) || syncs(out, job, err))
		return -1;
	return out->n ? 0 : vp_fail(err, VP_E_VERIFY, "the job did nothing");
}

int vp_tool_fio(const struct vp_asked *asked, const char *text, struct vp_reading *out, struct vp_err *err)
{
	json_error_t where;
	json_t *root = json_loads(text, 0, &where);
	int rc;

	(void)asked;
	if (!root)
		return vp_fail(err, VP_E_VERIFY, "no JSON: line %d: %s", where.line, vp_printable(out->arena, where.text, 100));
	rc = whole(out, root, err);
	json_decref(root);
	return rc;
}
