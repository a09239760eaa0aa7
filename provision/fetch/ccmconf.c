// SPDX-License-Identifier: Apache-2.0
/* /etc/ccm.conf as CCM reads it: lines "key value". */
#include <ctype.h>
#include <string.h>
#include <unistd.h>

#include "inside.h"

#define MAX_CONF (1u << 20)

#define AT(member) offsetof(struct vp_ccm, member)
/* Offsets that are none. */
#define SILENT	 ((size_t)-1)
#define FAILOVER ((size_t)-2)

/* Every key that CCM had, from 2008 on. */
static const struct {
	const char *key;
	size_t at;
	/* Where it cannot be done as it says. */
	const char *explained;
} keys[] = {
	{ "profile", AT(profile), NULL },
	{ "profile_failover", FAILOVER, NULL },
	{ "base_url", AT(base_url), NULL },
	{ "get_timeout", AT(get_timeout), NULL },
	{ "retrieve_retries", AT(retrieve_retries), NULL },
	{ "retrieve_wait", AT(retrieve_wait), NULL },
	{ "cert_file", AT(cert_file), NULL },
	{ "key_file", AT(key_file), NULL },
	{ "ca_file", AT(ca_file), NULL },
	{ "ca_dir", AT(ca_dir), NULL },
	{ "cache_root", SILENT, NULL },
	{ "lock_retries", SILENT, NULL },
	{ "lock_wait", SILENT, NULL },
	{ "principal", SILENT, NULL },
	{ "keytab", SILENT, NULL },
	{ "trust", SILENT, NULL },
	{ "dbformat", SILENT, NULL },
	{ "json_typed", SILENT, NULL },
	{ "tabcompletion", SILENT, NULL },
	{ "keep_old", SILENT, NULL },
	{ "purge_time", SILENT, NULL },
	{ "world_readable", SILENT, NULL },
	{ "group_readable", SILENT, NULL },
	{ "force", SILENT, NULL },
	{ "debug", SILENT, NULL },
	{ "name_template", SILENT, NULL },
	{ "context", SILENT, "a second profile that was merged into the first before 2012: not read; what it said is missing" },
	{ "context_url", SILENT, "a second profile that was merged into the first before 2012: not read; what it said is missing" },
	{ "preprocessor", SILENT, "a program that changed the profile before 2012: not run" },
};

static void take_failover(struct vp_arena *a, struct vp_ccm *c, const char *value)
{
	char *list = vp_strdup(a, value), *url;
	size_t cap = 0;

	c->nfailover = 0;
	c->failover = NULL;
	while ((url = strsep(&list, ", \t"))) {
		if (!*url)
			continue;
		c->failover = vp_grow_in(a, c->failover, c->nfailover, &cap, sizeof(*c->failover));
		c->failover[c->nfailover++] = url;
	}
}

static void take(struct vp_arena *a, struct vp_ccm *c, const char *key, const char *value, unsigned line, struct vp_diags *diags)
{
	for (size_t i = 0; i < vp_count(keys); i++) {
		if (strcmp(keys[i].key, key) != 0)
			continue;
		if (keys[i].explained)
			vp_diag(diags, VP_WARNING, VP_E_ODD, c->file, line, "", "%s: %s", key, keys[i].explained);
		else if (keys[i].at == FAILOVER)
			take_failover(a, c, value);
		else if (keys[i].at != SILENT)
			*(const char **)(void *)((char *)c + keys[i].at) = value;
		return;
	}
	vp_diag(diags, VP_WARNING, VP_E_ODD, c->file, line, "", "\"%s\" is no key that CCM knows or ever knew: ignored", vp_printable(a, key, 60));
}

static char *trim(char *s)
{
	char *end;

	s += strspn(s, " \t\r");
	end = s + strlen(s);
	while (end > s && isspace((unsigned char)end[-1]))
		*--end = '\0';
	return s;
}

static void take_line(struct vp_arena *a, struct vp_ccm *c, char *line, unsigned number, struct vp_diags *diags)
{
	char *value;

	line = trim(line);
	if (!*line || *line == '#')
		return;
	value = line + strcspn(line, " \t");
	if (!*value) {
		vp_diag(diags, VP_WARNING, VP_E_ODD, c->file, number, "", "\"%s\" has no value: ignored", vp_printable(a, line, 60));
		return;
	}
	*value++ = '\0';
	take(a, c, line, trim(value), number, diags);
}

bool vp_ccm_read(struct vp_arena *a, const char *file, struct vp_ccm *out, struct vp_diags *diags)
{
	vp_cleanup(vp_buf_free) struct vp_buf data = { 0 };
	struct vp_err err = { 0 };
	unsigned number = 0;
	char *text;

	*out = (struct vp_ccm){ .file = file };
	if (vp_read_file(file, MAX_CONF, &data, &err)) {
		vp_diag(diags, VP_ERROR, VP_E_CONFIG, "", 0, "", "%s", err.msg);
		return false;
	}
	text = vp_strdup(a, vp_buf_str(&data));
	for (char *line; (line = strsep(&text, "\n"));)
		take_line(a, out, line, ++number, diags);
	return true;
}

/* --- URLs --- */

static const char *const host_words[] = { "__HOST__", "$host" }, *const domain_words[] = { "__DOMAIN__", "$domain" };

/* Length of the word at s, 0 where it is none of them. */
static size_t word_at(const char *s, const char *const *words)
{
	for (size_t i = 0; i < 2; i++)
		if (!strncmp(s, words[i], strlen(words[i])))
			return strlen(words[i]);
	return 0;
}

static const char *expand(struct vp_arena *a, const char *text, const char *host)
{
	vp_cleanup(vp_buf_free) struct vp_buf out = { 0 };
	size_t len = strcspn(host, "."), n;

	while (*text)
		if ((n = word_at(text, host_words))) {
			for (size_t i = 0; i < len; i++)
				vp_buf_add(&out, &(char){ (char)tolower((unsigned char)host[i]) }, 1);
			text += n;
		} else if ((n = word_at(text, domain_words))) {
			vp_buf_adds(&out, host[len] ? host + len + 1 : "");
			text += n;
		} else
			vp_buf_add(&out, text++, 1);
	return vp_strdup(a, vp_buf_str(&out));
}

static bool mentions(const char *text, const char *const *words)
{
	for (; text && *text; text++)
		if (word_at(text, words))
			return true;
	return false;
}

bool vp_ccm_for_all(const struct vp_ccm *c)
{
	return mentions(c->profile, host_words);
}

/* A bare name is that of a profile below base_url. */
static const char *url_of(struct vp_arena *a, const struct vp_ccm *c, const char *text, const char *host, struct vp_diags *diags)
{
	const char *url = expand(a, text, host);

	if (mentions(text, domain_words) && !strchr(host, '.'))
		vp_diag(diags, VP_ERROR, VP_E_CONFIG, c->file, 0, "", "%s: the domain of \"%s\" is not known; give the name with it", text, host);
	else if (strstr(url, "://"))
		return url;
	else if (!c->base_url)
		vp_diag(diags, VP_ERROR, VP_E_CONFIG, c->file, 0, "", "the profile \"%s\" is no URL, and there is no base_url", url);
	else
		return vp_printf(a, "%s/profile_%s.xml", c->base_url, url);
	return NULL;
}

static const char *own_name(struct vp_arena *a)
{
	char name[256] = "";

	gethostname(name, sizeof(name) - 1);
	return vp_strdup(a, name);
}

const char *const *vp_ccm_urls(struct vp_arena *a, const struct vp_ccm *c, const char *host, size_t *n, struct vp_diags *diags)
{
	const char **urls = vp_alloc(a, (c->nfailover + 1) * sizeof(*urls));

	*n = 0;
	if (!c->profile) {
		vp_diag(diags, VP_ERROR, VP_E_CONFIG, c->file, 0, "", "it does not say where the profile is (\"profile\")");
		return NULL;
	}
	host = host ? host : own_name(a);
	for (size_t i = 0; i <= c->nfailover; i++) {
		urls[*n] = url_of(a, c, i ? c->failover[i - 1] : c->profile, host, diags);
		if (!urls[*n])
			return NULL;
		(*n)++;
	}
	return urls;
}
