// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include <nettle/sha2.h>

#include "guest.h"

/* Seconds without a single byte after which the server is given up. */
#define GIVE_UP 600
#define MIB	(1u << 20)

struct fetch {
	const char *url;
	const char *event_url;
	uint64_t bytes, done;
	struct sha256_ctx sha;
	/* When the last byte came; when progress may be told again, and how much was told. */
	double last_byte, tell_at;
	unsigned told;
};

/*
 * At most once a second and once a percent: a lost message costs nothing, the next one says more. And in no more than a tenth of the time: a server
 * that is slow to answer, or that cannot before the image is read, must not make the image slow.
 */
static void tell(struct fetch *f)
{
	unsigned percent = f->bytes ? (unsigned)(f->done * 100 / f->bytes) : 100;
	double now = vp_guest_clock(CLOCK_MONOTONIC);
	char text[64];

	if (!f->event_url || percent == f->told || now < f->tell_at)
		return;
	snprintf(text, sizeof(text), "unpack %u %llu of %llu MiB", percent, (unsigned long long)(f->done / MIB),
		 (unsigned long long)(f->bytes / MIB));
	vp_http_call("POST", f->event_url, text, strlen(text), NULL, 4096, 2);
	f->told = percent;
	f->tell_at = now + 1 + 11 * (vp_guest_clock(CLOCK_MONOTONIC) - now);
}

static int write_all(const char *p, size_t n)
{
	while (n) {
		ssize_t w = write(STDOUT_FILENO, p, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			return -1;
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

/* Takes what one connection gives. 0, or -1 where stdout is closed: nobody wants the rest. */
static int drain(struct fetch *f, struct vp_http *h)
{
	/* A server that ignores the range starts at 0: what is here already is skipped. */
	uint64_t skip = f->done - h->from;
	char block[sizeof(h->buf)];
	ssize_t n;

	while (f->done < f->bytes && (n = vp_http_read(h, block, sizeof(block))) > 0) {
		size_t off = skip < (size_t)n ? (size_t)skip : (size_t)n;
		size_t len = (size_t)n - off;

		skip -= off;
		if (len > f->bytes - f->done)
			len = (size_t)(f->bytes - f->done);
		f->last_byte = vp_guest_clock(CLOCK_MONOTONIC);
		sha256_update(&f->sha, len, (const uint8_t *)block + off);
		if (write_all(block + off, len))
			return -1;
		f->done += len;
		tell(f);
	}
	return 0;
}

/* One connection; 0 to go on, else the exit status. */
static int attempt(struct fetch *f)
{
	struct vp_http h;
	int rc = 0;

	if (vp_http_open(&h, "GET", f->url, f->done, NULL, 0, 20))
		return 0;
	if (h.status == 200 || h.status == 206) {
		if (h.from <= f->done && drain(f, &h)) {
			fprintf(stderr, "vprov-guest: output closed after %llu bytes\n", (unsigned long long)f->done);
			rc = VP_GUEST_FAILED;
		}
	} else if (h.status >= 400 && h.status < 500) {
		fprintf(stderr, "vprov-guest: %s: the server says %d\n", f->url, h.status);
		rc = VP_GUEST_REFUSED;
	}
	vp_http_close(&h);
	return rc;
}

static int check_digest(struct fetch *f, const char *sha256)
{
	uint8_t raw[SHA256_DIGEST_SIZE];
	char hex[2 * SHA256_DIGEST_SIZE + 1];

	sha256_digest(&f->sha, sizeof(raw), raw);
	for (size_t i = 0; i < sizeof(raw); i++)
		snprintf(hex + 2 * i, 3, "%02x", raw[i]);
	if (!strcasecmp(hex, sha256))
		return VP_GUEST_OK;
	fprintf(stderr, "vprov-guest: %s: SHA-256 is %s, not %s\n", f->url, hex, sha256);
	return VP_GUEST_FAILED;
}

int vp_guest_fetch(const char *url, const char *sha256, uint64_t bytes, const char *event_url)
{
	struct fetch f = { .url = url, .event_url = event_url, .bytes = bytes, .last_byte = vp_guest_clock(CLOCK_MONOTONIC) };
	unsigned wait = 0;

	sha256_init(&f.sha);
	while (f.done < f.bytes) {
		uint64_t before = f.done;
		int rc = attempt(&f);

		if (rc)
			return rc;
		if (f.done == f.bytes)
			break;
		if (vp_guest_clock(CLOCK_MONOTONIC) - f.last_byte > GIVE_UP) {
			fprintf(stderr, "vprov-guest: %s: nothing received for %d seconds\n", url, GIVE_UP);
			return VP_GUEST_FAILED;
		}
		wait = f.done > before ? 1 : wait < 8 ? wait * 2 + 1 : 15;
		fprintf(stderr, "vprov-guest: connection lost at %llu of %llu bytes, again in %u s\n", (unsigned long long)f.done,
			(unsigned long long)bytes, wait);
		sleep(wait);
	}
	return check_digest(&f, sha256);
}
