// SPDX-License-Identifier: Apache-2.0
/*
 * iperf3 -J. It exits with 0 and prints well-formed JSON for a refused connection, for a server that is busy, and for a test without a byte. The
 * receiver's figure counts, although the client calls it the sender's ("sender": true in sum_received).
 */
#include <jansson.h>
#include <math.h>

#include "tools.h"

struct test {
	double planned, streams;
	bool udp, reverse;
};

static double get(json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

static int sane(const struct test *t, json_t *sum, struct vp_err *err)
{
	double seconds = get(sum, "seconds"), bytes = get(sum, "bytes"), bps = get(sum, "bits_per_second");

	if (!(seconds > 0) || !(bytes > 0) || !(bps > 0))
		return vp_fail(err, VP_E_VERIFY, "the receiver saw nothing");
	if (seconds < t->planned / 2)
		return vp_fail(err, VP_E_VERIFY, "cut short, %.1f of %.0f s", seconds, t->planned);
	if (fabs(bps * seconds / (bytes * 8) - 1) > 0.05)
		return vp_fail(err, VP_E_VERIFY, "its rate does not fit its bytes and seconds");
	return 0;
}

static int udp_figures(struct vp_reading *out, json_t *sum, const char *prefix, struct vp_err *err)
{
	double lost = get(sum, "lost_packets"), packets = get(sum, "packets"), jitter = get(sum, "jitter_ms");

	if (!(packets > 0) || lost < 0 || lost > packets || fabs(get(sum, "lost_percent") - 100 * lost / packets) > 0.1)
		return vp_fail(err, VP_E_VERIFY, "its lost packets do not fit its packets");
	return vp_figure_add(out, vp_printf(out->arena, "%s.delivered", prefix), "%", lost < packets ? 100 - 100 * lost / packets : -1, false, err) ||
	       vp_figure_add(out, vp_printf(out->arena, "%s.jitter", prefix), "ms", jitter > 0 ? jitter : NAN, true, err);
}

static int direction(struct vp_reading *out, const struct test *t, json_t *end, const char *key, bool back, struct vp_err *err)
{
	const char *name = t->reverse != back ? "receive" : "send";
	json_t *sum = json_object_get(end, key);

	if (sane(t, sum, err) || vp_figure_add(out, name, "Mbit/s", get(sum, "bits_per_second") / 1e6, false, err))
		return -1;
	return t->udp ? udp_figures(out, sum, name, err) : 0;
}

static int whole(struct vp_reading *out, const struct vp_asked *asked, json_t *root, struct vp_err *err)
{
	json_t *end = json_object_get(root, "end"), *start = json_object_get(json_object_get(root, "start"), "test_start");
	const char *error = json_string_value(json_object_get(root, "error")), *protocol = json_string_value(json_object_get(start, "protocol"));
	const char *congestion = json_string_value(json_object_get(end, "sender_tcp_congestion"));
	struct test t = { get(start, "duration"), get(start, "num_streams"), protocol && protocol[0] == 'U', get(start, "reverse") > 0 };

	if (error)
		return vp_fail(err, VP_E_VERIFY, "%s", vp_printable(out->arena, error, 200));
	if (asked->seconds && fabs(t.planned - asked->seconds) > 0.5)
		return vp_fail(err, VP_E_VERIFY, "it was to run for %u s, not for %.0f", asked->seconds, t.planned);
	if (asked->streams && t.streams + 0.5 < asked->streams)
		return vp_fail(err, VP_E_VERIFY, "%.0f streams of %u", t.streams, asked->streams);
	if (congestion)
		out->with = vp_printf(out->arena, "congestion=%s", vp_printable(out->arena, congestion, 32));
	if (direction(out, &t, end, "sum_received", false, err))
		return -1;
	return json_object_get(end, "sum_received_bidir_reverse") ? direction(out, &t, end, "sum_received_bidir_reverse", true, err) : 0;
}

int vp_tool_iperf3(const struct vp_asked *asked, const char *text, struct vp_reading *out, struct vp_err *err)
{
	json_error_t where;
	json_t *root = json_loads(text, 0, &where);
	int rc;

	if (!root)
		return vp_fail(err, VP_E_VERIFY, "no JSON: line %d: %s", where.line, vp_printable(out->arena, where.text, 100));
	rc = whole(out, asked, root, err);
	json_decref(root);
	return rc;
}
