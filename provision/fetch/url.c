// SPDX-License-Identifier: Apache-2.0
/* URLs, as far as a site of profiles has them. */
#include <ctype.h>
#include <string.h>

#include "inside.h"

static bool is_index(const char *name)
{
	return !strcmp(name, "profiles-info.xml") || !strcmp(name, "profiles-info.xml.gz");
}

void vp_url_split(struct vp_arena *a, const char *url, struct vp_url *out)
{
	const char *host = strstr(url, "://") + 3;
	size_t end = strcspn(url, "?#"), slash = end;
	const char *name;

	while (slash > (size_t)(host - url) && url[slash - 1] != '/')
		slash--;
	/* "http://host" */
	if (slash <= (size_t)(host - url))
		slash = end;
	name = vp_strndup(a, url + slash, end - slash);
	out->profile = url[end] || (vp_has_suffix(name) && !is_index(name) && !vp_is_pattern(name));
	if (!out->profile && !is_index(name) && !vp_is_pattern(name)) {
		slash = end;
		name = "";
	}
	out->base = vp_printf(a, "%.*s%s", (int)slash, url, slash && url[slash - 1] == '/' ? "" : "/");
	out->name = out->profile ? vp_strdup(a, url + slash) : name;
}

char *vp_url_join(struct vp_arena *a, const char *base, const char *name)
{
	vp_cleanup(vp_buf_free) struct vp_buf out = { 0 };

	vp_buf_adds(&out, base);
	for (; *name; name++)
		if (isalnum((unsigned char)*name) || strchr("-._~/+@:,", *name))
			vp_buf_add(&out, name, 1);
		else
			vp_buf_addf(&out, "%%%02X", (unsigned char)*name);
	return vp_strdup(a, vp_buf_str(&out));
}

char *vp_url_shown(struct vp_arena *a, const char *url)
{
	const char *scheme = strstr(url, "://"), *host = scheme ? scheme + 3 : url;
	size_t authority = strcspn(host, "/?#");
	const char *at = memrchr(host, '@', authority);

	return vp_printable(a, at ? vp_printf(a, "%.*s%s", (int)(host - url), url, at + 1) : url, 1000);
}

static int hex_digit(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10 : -1;
}

char *vp_url_path(struct vp_arena *a, const char *url)
{
	const char *in = url + strlen("file://");
	char *path, *out;

	if (!strncmp(in, "localhost/", 10))
		in += 9;
	if (*in != '/')
		return NULL;
	path = out = vp_strdup(a, in);
	for (; *in; in++) {
		int high = *in == '%' ? hex_digit(in[1]) : -1, low = high < 0 ? -1 : hex_digit(in[2]);

		if (high >= 0 && low >= 0 && (high || low)) {
			*out++ = (char)(16 * high + low);
			in += 2;
		} else
			*out++ = *in;
	}
	*out = '\0';
	return path;
}
