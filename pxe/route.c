// SPDX-License-Identifier: Apache-2.0
/* Everything the boot service reads from strangers, as pure functions. */
#include <string.h>

#include "http.h"

/* %n node, %t token, %i DIGEST.tar.zst, %r run, %a name of a result, %e NAME.efi; %b, %c, %k, %s, %g: one of the files below. */
static const struct vp_route_info routes[] = {
	[VP_ROUTE_PAGE] = { "/", "GET, HEAD", 0, "page" },
	[VP_ROUTE_STATUS] = { "/status.json", "GET, HEAD", 0, "status" },
	[VP_ROUTE_BOOT] = { "/boot/%b", "GET, HEAD", 0, "boot file" },
	[VP_ROUTE_LOADER] = { "/boot/%e", "GET, HEAD", 0, "loader" },
	[VP_ROUTE_ANSWER] = { "/boot/%c", "GET", 0, "boot answer" },
	[VP_ROUTE_IMAGE] = { "/image/%i", "GET, HEAD", 0, "image" },
	/* No HEAD: it would use up what can be had only once, or show what a GET might then not give. */
	[VP_ROUTE_CONFIG] = { "/boot/%n/config", "GET", 0, "configuration" },
	[VP_ROUTE_INSTALLER] = { "/boot/%n/%k", "GET, HEAD", 0, "installer" },
	[VP_ROUTE_SEED] = { "/boot/%n/%t/%s", "GET", 0, "configuration" },
	[VP_ROUTE_GUEST] = { "/guest/%g", "GET, HEAD", 0, "program" },
	[VP_ROUTE_EVENT] = { "/node/%n/event", "POST", VP_MAX_EVENT, "event" },
	[VP_ROUTE_ACK] = { "/node/%n/ack", "POST", VP_MAX_EVENT, "ack" },
	[VP_ROUTE_FAILED] = { "/node/%n/failed", "POST", VP_MAX_EVENT, "failure" },
	[VP_ROUTE_UP] = { "/node/%n/up", "POST", VP_MAX_EVENT, "report" },
	[VP_ROUTE_TASK] = { "/node/%n/task", "GET", 0, "task" },
	[VP_ROUTE_RESULT] = { "/node/%n/result/%r/%a", "POST", VP_MAX_HTTP_BODY, "result" },
	[VP_ROUTE_AII] = { "/cgi-bin/aii-installack.cgi", "GET", 0, "ack" },
	[VP_ROUTE_LIVE] = { "/live", "GET", 0, "status" },
	[VP_ROUTE_METRICS] = { "/metrics", "GET, HEAD", 0, "metrics" },
	[VP_ROUTE__NONE] = { "", "", 0, "" },
};

bool vp_safe_name(const char *s, size_t len)
{
	static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:+";

	for (size_t i = 0; i < len; i++)
		if (!s[i] || !strchr(safe, s[i]))
			return false;
	return len && s[0] != '.';
}

static bool is_image(const char *s, size_t len)
{
	return len == 64 + strlen(".tar.zst") && strspn(s, "0123456789abcdef") == 64 && !memcmp(s + 64, ".tar.zst", 8);
}

/* The files that a letter stands for; true for every other letter. */
static bool is_listed(char letter, const char *s, size_t len)
{
	static const struct {
		char letter;
		const char *files[5];
	} lists[] = { { 'b', { "vmlinuz", "initrd" } },
		      { 'c', { "ipxe", "grub" } },
		      { 'k', { "kernel", "initrd" } },
		      { 's', { "user-data", "meta-data", "vendor-data", "script" } },
		      { 'g', { "vprov-guest" } } };

	for (size_t i = 0; i < vp_count(lists); i++) {
		if (lists[i].letter != letter)
			continue;
		for (const char *const *f = lists[i].files; *f; f++)
			if (strlen(*f) == len && !memcmp(*f, s, len))
				return true;
		return false;
	}
	return true;
}

static bool is_efi(const char *s, size_t len)
{
	return len > 4 && !memcmp(s + len - 4, ".efi", 4);
}

static bool fits(char letter, const char *s, size_t len)
{
	switch (letter) {
	case 'i': return is_image(s, len);
	case 'e': return is_efi(s, len);
	default: return is_listed(letter, s, len);
	}
}

/* One segment into the part that the letter names. */
static bool take(struct vp_route *r, char letter, const char *s, size_t len)
{
	char *part = letter == 'n' ? r->node : letter == 't' ? r->token : letter == 'r' ? r->run : letter == 'a' ? r->name : r->file;
	size_t size = letter == 'n' ? sizeof(r->node) : sizeof(r->file);

	if (len >= size || !vp_safe_name(s, len) || !fits(letter, s, len))
		return false;
	memcpy(part, s, len);
	part[len] = '\0';
	return true;
}

static bool matches(const char *pattern, const char *path, struct vp_route *r)
{
	while (*pattern) {
		size_t len = strcspn(path, "/");

		if (*pattern != '%') {
			if (*pattern++ != *path++)
				return false;
			continue;
		}
		if (!take(r, pattern[1], path, len))
			return false;
		pattern += 2;
		path += len;
	}
	return !*path;
}

void vp_route_parse(const char *path, struct vp_route *out)
{
	for (int id = 0; id < VP_ROUTE__NONE; id++) {
		*out = (struct vp_route){ .id = (enum vp_route_id)id };
		if (matches(routes[id].pattern, path, out))
			return;
	}
	*out = (struct vp_route){ .id = VP_ROUTE__NONE };
}

const struct vp_route_info *vp_route_info(enum vp_route_id id)
{
	return &routes[id];
}

bool vp_route_allows(enum vp_route_id id, const char *method)
{
	const char *all = routes[id].methods;
	size_t n = strlen(method);

	for (const char *p = all; n && (p = strstr(p, method)); p += n)
		if ((p == all || p[-1] == ' ') && (p[n] == ',' || !p[n]))
			return true;
	return false;
}

/* Cuts the next word of a text that is not NUL-terminated. */
static size_t word(const char **p, const char *end, const char **start)
{
	while (*p < end && **p == ' ')
		++*p;
	*start = *p;
	while (*p < end && **p != ' ' && **p != '\n')
		++*p;
	return (size_t)(*p - *start);
}

bool vp_event_parse(const char *body, size_t len, char *phase, unsigned *percent, char *text)
{
	const char *p = body, *end = body + len, *s;
	char number[4];
	uint64_t value;
	size_t n;

	if (len > VP_MAX_EVENT)
		return false;
	while (end > body && (end[-1] == '\n' || end[-1] == '\r'))
		end--;
	n = word(&p, end, &s);
	if (n > 32 || !vp_safe_name(s, n))
		return false;
	memcpy(phase, s, n);
	phase[n] = '\0';
	n = word(&p, end, &s);
	if (!n || n >= sizeof(number))
		return false;
	memcpy(number, s, n);
	number[n] = '\0';
	if (!vp_parse_u64(number, 0, 100, &value))
		return false;
	*percent = (unsigned)value;
	while (p < end && *p == ' ')
		p++;
	n = (size_t)(end - p);
	memcpy(text, p, n);
	text[n] = '\0';
	return true;
}

/* Decimal digits up to `stop`; false where there are none, too many, or others. */
static bool number_until(const char **p, char stop, uint64_t *out)
{
	size_t n = strspn(*p, "0123456789");
	char digits[20];

	if (!n || n >= sizeof(digits) || (*p)[n] != stop)
		return false;
	memcpy(digits, *p, n);
	digits[n] = '\0';
	*p += n;
	return vp_parse_u64(digits, 0, INT64_MAX, out);
}

int vp_range_parse(const char *range, uint64_t size, uint64_t *first, uint64_t *last)
{
	const char *p = range;
	uint64_t n = INT64_MAX;

	if (!range || strncmp(range, "bytes=", 6))
		return 0;
	p += 6;
	if (*p == '-') {
		p++;
		if (!number_until(&p, '\0', &n))
			return 0;
		if (!n || !size)
			return -1;
		*first = n > size ? 0 : size - n;
		*last = size - 1;
		return 1;
	}
	if (!number_until(&p, '-', first))
		return 0;
	p++;
	*last = size - 1;
	/* Several ranges, or what is no range at all, are answered with everything: RFC 9110 lets a server ignore the header. */
	if (*p && (!number_until(&p, '\0', &n) || n < *first))
		return 0;
	if (*first >= size)
		return -1;
	if (n < *last)
		*last = n;
	return 1;
}
