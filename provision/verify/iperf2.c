// SPDX-License-Identifier: Apache-2.0
/*
 * iperf 2, -y C: a row for each stream (and for each interval with -i), of 9 fields, for UDP of 14:
 * time,source,port,destination,port,id,start-end,bytes,bits/s[,jitter ms,lost,packets,percent,out of order].
 * What is known of it: 2.0.4 adds a row with id -1 for -P, 2.1 does not; the time may be that of 1970; rows of streams come in any order; start and
 * end are rounded to 0.1 s, so that a rate cannot be computed again from them, only checked; a server prints banners in between, and all its tests
 * one after the other; a UDP client without its server's report prints what it sent, with -1 packets; and after a refused connection there is
 * nothing.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools.h"

#define TCP_FIELDS 9
#define UDP_FIELDS 14
/* Start and end may each be off by half of 0.1 s, and streams end a little apart. */
#define ROUNDED 0.1
#define APART	0.35

struct row {
	/* Port that received; iperf prints the sender first, whoever it is. */
	unsigned port;
	/* -1: all streams together. */
	int id;
	double start, end, bytes, bps;
	/* UDP only, else NaN. */
	double jitter, lost, packets;
};

struct rows {
	struct row *items;
	size_t n, cap;
};

static bool is_banner(const char *line)
{
	static const char *const starts[] = { "------",		  "Client connecting to ", "Server listening on ",
					      "TCP window size",  "UDP buffer size",	   "Receiving ",
					      "Sending ",	  "Setting UDP",	   "Read buffer size",
					      "Write buffer size" };

	for (size_t i = 0; i < vp_count(starts); i++)
		if (!strncmp(line, starts[i], strlen(starts[i])))
			return true;
	return !*line;
}

static double plain(struct vp_field f)
{
	char rest;
	double v = vp_field_number(f, &rest);

	return rest ? NAN : v;
}

/* "0.0-10.0" */
static bool interval(struct vp_field f, struct row *out)
{
	const char *minus = memchr(f.text, '-', f.len);

	if (!minus)
		return false;
	out->start = plain((struct vp_field){ f.text, (size_t)(minus - f.text) });
	out->end = plain((struct vp_field){ minus + 1, f.len - (size_t)(minus - f.text) - 1 });
	return out->start >= 0 && out->end > out->start;
}

static bool udp_part(const struct vp_field *f, struct row *out)
{
	out->jitter = plain(f[9]);
	out->lost = plain(f[10]);
	/* -1: the server's report never came. */
	out->packets = f[11].len == 2 && !memcmp(f[11].text, "-1", 2) ? -1 : plain(f[11]);
	return out->jitter >= 0 && out->lost >= 0 && !isnan(out->packets);
}

/* Who it belongs to. The total of 2.0.4 may leave out its peers. */
static bool stream_of(const struct vp_field *f, bool all, struct row *out)
{
	double port = f[4].len || !all ? plain(f[4]) : 0, id = all ? -1 : plain(f[5]);

	if (!(port >= 0 && port <= 65535) || !(id >= -1 && id <= 1e6))
		return false;
	out->port = (unsigned)port;
	out->id = (int)id;
	return true;
}

static int read_row(const char *line, struct row *out, struct vp_err *err)
{
	struct vp_field f[UDP_FIELDS];
	size_t n = vp_fields(line, f, vp_count(f));
	bool all = n > 5 && f[5].len == 2 && !memcmp(f[5].text, "-1", 2);

	*out = (struct row){ .jitter = NAN, .lost = NAN, .packets = NAN };
	if (n != TCP_FIELDS && n != UDP_FIELDS)
		return vp_fail(err, VP_E_VERIFY, "a row has 9 or 14 fields, this one %zu", n);
	if (strspn(f[0].text, "0123456789.") < f[0].len || f[0].len < 14)
		return vp_fail(err, VP_E_VERIFY, "a row begins with the time");
	out->bytes = plain(f[7]);
	out->bps = plain(f[8]);
	if (!interval(f[6], out) || !(out->bytes > 0) || !(out->bps > 0) || !stream_of(f, all, out) || (n == UDP_FIELDS && !udp_part(f, out)))
		return vp_fail(err, VP_E_VERIFY, "a row with figures that are none, or nothing transferred");
	if (fabs(out->bps * (out->end - out->start) / (out->bytes * 8) - 1) > ROUNDED / (out->end - out->start) + 0.01)
		return vp_fail(err, VP_E_VERIFY, "a row whose rate does not fit its bytes and seconds");
	return 0;
}

static int read_rows(struct vp_arena *a, const char *text, struct rows *out, struct vp_err *err)
{
	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		const char *one = vp_strndup(a, line, strcspn(line, "\r\n"));

		if (is_banner(one))
			continue;
		if (line[strcspn(line, "\n")] != '\n')
			return vp_fail(err, VP_E_VERIFY, "its last row is cut short");
		if (one[0] < '0' || one[0] > '9')
			return vp_fail(err, VP_E_VERIFY, "no row: '%s'", vp_printable(a, one, 60));
		out->items = vp_grow_in(a, out->items, out->n, &out->cap, sizeof(*out->items));
		if (read_row(one, &out->items[out->n++], err))
			return -1;
	}
	return out->n ? 0 : vp_fail(err, VP_E_VERIFY, "no row: its connection was refused, or it was killed");
}

/* With -i a stream has a row for each interval and then one for all of it: that one is kept, if the others fit it. */
static int keep_totals(struct rows *rows, struct vp_err *err)
{
	size_t kept = 0;

	for (size_t i = 0; i < rows->n; i++) {
		const struct row *last = &rows->items[i];
		double bytes = 0, end = 0;
		size_t parts = 0;
		bool later = false;

		for (size_t k = 0; k < rows->n; k++) {
			const struct row *r = &rows->items[k];

			if (r->id != last->id || r->port != last->port)
				continue;
			later = later || k > i;
			if (k == i)
				continue;
			parts++;
			bytes += r->bytes;
			end = r->end > end ? r->end : end;
		}
		if (later)
			continue;
		if (last->start > 0 || (parts && (end > last->end + ROUNDED || end < last->end - 1.5 || bytes > last->bytes * 1.01)))
			return vp_fail(err, VP_E_VERIFY, "stream %d ends in the middle: it has no total", last->id);
		rows->items[kept++] = *last;
	}
	rows->n = kept;
	return 0;
}

/* One direction. */
struct way {
	double bps, lost, packets, jitter, end, first, sum;
	size_t streams;
	bool udp;
};

static int add_stream(struct way *w, const struct row *r, struct vp_err *err)
{
	if (r->id < 0) {
		w->sum = r->bps;
		return 0;
	}
	if (w->streams && (fabs(r->end - w->end) > APART || w->udp != !isnan(r->jitter)))
		return vp_fail(err, VP_E_VERIFY, "streams of different tests: one took %.1f s, another %.1f", w->end, r->end);
	if (r->packets < 0)
		return vp_fail(err, VP_E_VERIFY, "the receiver's report did not come: this is only what was sent");
	if (r->lost > r->packets)
		return vp_fail(err, VP_E_VERIFY, "more packets were lost than sent");
	w->udp = !isnan(r->jitter);
	w->end = r->end;
	w->bps += r->bps;
	w->streams++;
	if (w->udp) {
		w->lost += r->lost;
		w->packets += r->packets;
		w->jitter = r->jitter > w->jitter ? r->jitter : w->jitter;
	}
	return 0;
}

static int put_way(const struct vp_asked *asked, const struct way *w, bool back, struct vp_reading *out, struct vp_err *err)
{
	if (!w->streams)
		return 0;
	if (asked->streams && w->streams != asked->streams)
		return vp_fail(err, VP_E_VERIFY, "%zu streams of %u", w->streams, asked->streams);
	if (asked->seconds && w->end < asked->seconds * 0.9)
		return vp_fail(err, VP_E_VERIFY, "cut short, %.1f of %u s", w->end, asked->seconds);
	if (w->sum > 0 && fabs(w->sum / w->bps - 1) > 0.05)
		return vp_fail(err, VP_E_VERIFY, "its total is not the sum of its streams");
	if (vp_figure_add(out, back ? "receive" : "send", "Mbit/s", w->bps / 1e6, false, err))
		return -1;
	if (!w->udp)
		return 0;
	/* Jitter below a microsecond is printed as 0.000. */
	return vp_figure_add(out, back ? "receive.delivered" : "send.delivered", "%", w->packets > w->lost ? 100 - 100 * w->lost / w->packets : -1,
			     false, err) ||
	       vp_figure_add(out, back ? "receive.jitter" : "send.jitter", "ms", w->jitter > 0 ? w->jitter : NAN, true, err);
}

int vp_tool_iperf2(const struct vp_asked *asked, const char *text, struct vp_reading *out, struct vp_err *err)
{
	struct rows rows = { 0 };
	struct way ways[2] = { 0 };

	if (read_rows(out->arena, text, &rows, err) || keep_totals(&rows, err))
		return -1;
	for (size_t i = 0; i < rows.n; i++) {
		const struct row *r = &rows.items[i];
		unsigned server = asked->port ? asked->port : rows.items[0].port;

		if (!asked->port && r->id >= 0 && r->port != server)
			return vp_fail(err, VP_E_VERIFY, "two directions, and nothing says which is which: the server's port is not known");
		if (add_stream(&ways[r->id >= 0 && r->port != server], r, err))
			return -1;
	}
	if (!ways[0].streams && !ways[1].streams)
		return vp_fail(err, VP_E_VERIFY, "a total without streams");
	return put_way(asked, &ways[0], false, out, err) || put_way(asked, &ways[1], true, out, err) ? -1 : 0;
}
