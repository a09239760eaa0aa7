// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <fcntl.h>
#include <unistd.h>

#include <nettle/sha1.h>
#include <nettle/sha2.h>

#include "base.h"

struct vp_out vp_out;

static void line(FILE *f, const char *prefix, const char *fmt, va_list ap)
{
	fputs(prefix, f);
	vfprintf(f, fmt, ap);
	fputc('\n', f);
}

void vp_warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	line(stderr, vp_out.color ? "vprov: \033[33mwarning:\033[0m " : "vprov: warning: ", fmt, ap);
	va_end(ap);
}

void vp_say(const char *fmt, ...)
{
	va_list ap;

	if (vp_out.level < 0)
		return;
	va_start(ap, fmt);
	line(stdout, "", fmt, ap);
	va_end(ap);
	fflush(stdout);
}

void vp_debug(const char *fmt, ...)
{
	va_list ap;

	if (vp_out.level < 1)
		return;
	va_start(ap, fmt);
	line(stderr, "vprov: ", fmt, ap);
	va_end(ap);
}

static void hex_of(const uint8_t *bytes, size_t n, char *hex)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		hex[2 * i] = digits[bytes[i] >> 4];
		hex[2 * i + 1] = digits[bytes[i] & 15];
	}
	hex[2 * n] = '\0';
}

void vp_sha256_hex(const void *data, size_t len, char hex[65])
{
	uint8_t digest[SHA256_DIGEST_SIZE];
	struct sha256_ctx c;

	sha256_init(&c);
	sha256_update(&c, len, data);
	sha256_digest(&c, sizeof(digest), digest);
	hex_of(digest, sizeof(digest), hex);
}

int vp_sha256_file(const char *path, char hex[65], struct vp_err *err)
{
	vp_cleanup(vp_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t digest[SHA256_DIGEST_SIZE], block[65536];
	struct sha256_ctx c;
	ssize_t n;

	if (fd < 0)
		return vp_fail_errno(err, VP_E_IO, "%s", path);
	sha256_init(&c);
	while ((n = read(fd, block, sizeof(block))) > 0)
		sha256_update(&c, (size_t)n, block);
	if (n < 0)
		return vp_fail_errno(err, VP_E_IO, "%s", path);
	sha256_digest(&c, sizeof(digest), digest);
	hex_of(digest, sizeof(digest), hex);
	return 0;
}

void vp_uuid5(const char *space, const char *name, char uuid[37])
{
	uint8_t ns[16] = { 0 }, d[SHA1_DIGEST_SIZE];
	struct sha1_ctx c;
	size_t nibble = 0;
	char hex[33];

	for (const char *p = space; *p && nibble < 32; p++) {
		const char digit[2] = { *p, 0 };

		if (*p == '-')
			continue;
		ns[nibble / 2] = (uint8_t)(ns[nibble / 2] << 4 | strtoul(digit, NULL, 16));
		nibble++;
	}
	sha1_init(&c);
	sha1_update(&c, sizeof(ns), ns);
	sha1_update(&c, strlen(name), (const uint8_t *)name);
	sha1_digest(&c, sizeof(d), d);
	d[6] = (d[6] & 0x0f) | 0x50;
	d[8] = (d[8] & 0x3f) | 0x80;
	hex_of(d, 16, hex);
	snprintf(uuid, 37, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

void vp_random_hex(char *hex, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t byte;

		while (getrandom(&byte, 1, 0) != 1)
			;
		hex_of(&byte, 1, hex + 2 * i);
	}
}

bool vp_equal_secret(const char *a, const char *b)
{
	size_t n = strlen(a);
	unsigned diff = 0;

	if (strlen(b) != n)
		return false;
	for (size_t i = 0; i < n; i++)
		diff |= (unsigned)(a[i] ^ b[i]);
	return !diff;
}

uint64_t vp_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * UINT64_C(1000000000) + (uint64_t)ts.tv_nsec;
}

double vp_wall(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

bool vp_parse_u64(const char *s, uint64_t min, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (!*s)
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9' || __builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, (uint64_t)(*s - '0'), &v))
			return false;
	}
	if (v < min || v > max)
		return false;
	*out = v;
	return true;
}

bool vp_glob(const char *pattern, const char *text)
{
	return !fnmatch(pattern, text, FNM_CASEFOLD);
}

/* Length of the UTF-8 sequence at s that may be shown, 0 where there is none: no control characters (C0, C1, DEL), no overlong forms. */
static size_t printable_at(const unsigned char *s)
{
	size_t n = *s < 0x80 ? 1 : *s >= 0xc2 && *s < 0xe0 ? 2 : *s >= 0xe0 && *s < 0xf0 ? 3 : *s >= 0xf0 && *s < 0xf5 ? 4 : 0;

	if (n == 1)
		return *s >= ' ' && *s != 0x7f;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((*s == 0xc2 && s[1] < 0xa0) || (*s == 0xe0 && s[1] < 0xa0) || (*s == 0xed && s[1] > 0x9f) || (*s == 0xf0 && s[1] < 0x90) ||
	    (*s == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

char *vp_printable(struct vp_arena *a, const char *s, size_t max)
{
	size_t len = strlen(s), used = 0;
	char *p = vp_strndup(a, s, len < max ? len : max);

	while (*s) {
		size_t n = printable_at((const unsigned char *)s);

		if (used + (n ? n : 1) > max)
			break;
		if (n)
			memcpy(p + used, s, n);
		else
			p[used] = '?';
		used += n ? n : 1;
		s += n ? n : 1;
	}
	p[used] = '\0';
	return p;
}

char *vp_printable_lines(struct vp_arena *a, const char *s, size_t max, const char *between)
{
	vp_cleanup(vp_buf_free) struct vp_buf b = { 0 };

	for (size_t len, used; *s && (used = b.len + (b.len ? strlen(between) : 0)) < max; s += len + (s[len] == '\n')) {
		len = strcspn(s, "\n");
		if (len)
			vp_buf_addf(&b, "%s%s", b.len ? between : "", vp_printable(a, vp_strndup(a, s, len), max - used));
	}
	return vp_strdup(a, vp_buf_str(&b));
}

char *vp_size_text(struct vp_arena *a, uint64_t bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB" };
	double v = (double)bytes;
	size_t u = 0;

	for (; v >= 1024 && u + 1 < vp_count(units); u++)
		v /= 1024;
	return vp_printf(a, v == (double)(uint64_t)v ? "%.0f %s" : "%.1f %s", v, units[u]);
}

size_t vp_strip_terminal(int *at, char *p, size_t n)
{
	enum { PLAIN, ESC, CSI, STRING };
	size_t out = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned char ch = (unsigned char)p[i];

		if (*at == STRING)
			*at = ch == '\a' ? PLAIN : ch == '\033' ? ESC : STRING;
		else if (*at == CSI)
			*at = ch >= '@' && ch <= '~' ? PLAIN : CSI;
		else if (*at == ESC)
			*at = ch == '[' ? CSI : strchr("]P^_X", ch) && ch ? STRING : ch >= ' ' && ch <= '/' ? ESC : PLAIN;
		else if (ch == '\033')
			*at = ESC;
		else if (ch == '\n' || ch == '\t' || (ch >= ' ' && ch != 0x7f))
			p[out++] = (char)ch;
	}
	return out;
}
