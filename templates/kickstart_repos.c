// SPDX-License-Identifier: Apache-2.0
/* Kickstart: where the system comes from, and what yum installs once anaconda is done. "@PATTERN@" stands for the profile's repositories. */
#include <fnmatch.h>
#include <string.h>

#include "kickstart.h"

static const struct vp_software *software(const struct vp_ks *k)
{
	return &k->n->aii.software;
}

static const char *joined(struct vp_ks *k, const struct vp_words *list, const char *between)
{
	const char *text = "";

	for (size_t i = 0; i < list->n; i++)
		text = vp_printf(k->a, "%s%s%s", text, i ? between : "", list->items[i]);
	return text;
}

/* The longest pattern decides whether a repository is there at all (-1), off (0) or on (1). */
static int state_of(const struct vp_ks *k, const struct vp_repository *r)
{
	const struct vp_kickstart *s = &k->n->aii.ks;
	const struct vp_words *const lists[] = { &s->ignored_repos, &s->disabled_repos, &s->enabled_repos };
	int state = r->enabled;
	size_t longest = 0;

	for (int l = 0; l < 3; l++)
		for (size_t i = 0; i < lists[l]->n; i++)
			if (strlen(lists[l]->items[i]) > longest && !fnmatch(lists[l]->items[i], r->name, 0)) {
				longest = strlen(lists[l]->items[i]);
				state = l - 1;
			}
	return state;
}

/* HOST or HOST:PORT of the proxy; "" where there is none of that type. Any of several does. */
static const char *proxy(const struct vp_ks *k, const char *type)
{
	const struct vp_software *s = software(k);

	if (!*s->proxy_host || strcmp(s->proxy_type, type))
		return "";
	return vp_printf(k->a, "%.*s%s%s", (int)strcspn(s->proxy_host, ","), s->proxy_host, *s->proxy_port ? ":" : "", s->proxy_port);
}

/* A reverse proxy stands in for every server. */
static const char *through(const struct vp_ks *k, const char *text)
{
	const char *host = proxy(k, "reverse"), *place = strstr(text, "http://");

	place = place ? place : strstr(text, "https://");
	if (!*host || !place || !strchr(strchr(place, ':') + 3, '/'))
		return text;
	return vp_printf(k->a, "%.*s%s%s", (int)(strchr(place, ':') + 3 - text), text, host, strchr(strchr(place, ':') + 3, '/'));
}

static const char *proxy_of(const struct vp_ks *k, const struct vp_repository *r)
{
	const char *host = proxy(k, "forward");

	return *r->proxy ? r->proxy : *host ? vp_printf(k->a, "http://%s/", host) : "";
}

/* Words of a command, as its options. */
static json_t *options(const char *text, struct vp_ks *k)
{
	json_t *list = json_array();
	char *rest = vp_strdup(k->a, text), *one;

	while ((one = strsep(&rest, " ")))
		if (*one)
			json_array_append_new(list, json_string(one));
	return list;
}

/* "url @base*@": the text around it, the pattern; false where there is none. */
static bool split(struct vp_ks *k, const char *text, const char **before, const char **pattern, const char **after)
{
	const char *from = strchr(text, '@'), *to = from ? strchr(from + 1, '@') : NULL;

	if (!to || to == from + 1 || strchr(to + 1, '@'))
		return false;
	*before = vp_strndup(k->a, text, (size_t)(from - text));
	*pattern = vp_strndup(k->a, from + 1, (size_t)(to - from - 1));
	*after = to + 1;
	return true;
}

/* The next repository that is on and whose name fits; NULL past the last. */
static const struct vp_repository *next(const struct vp_ks *k, const char *pattern, size_t *i)
{
	while (*i < software(k)->nrepositories) {
		const struct vp_repository *r = &software(k)->repositories[(*i)++];

		if (state_of(k, r) > 0 && !fnmatch(pattern, r->name, 0))
			return r;
	}
	return NULL;
}

static int no_match(const struct vp_ks *k, const char *field, const char *pattern)
{
	return vp_fail(k->err, VP_E_REFERENCE, "/system/aii/osinstall/ks/%s: no repository of /software/repositories that is enabled fits \"%s\"",
		       field, pattern);
}

static int add_source(struct vp_ks *k)
{
	static const char *const methods[] = { "url", "nfs", "cdrom", "harddrive" };
	const char *text = k->n->aii.ks.installtype, *before, *pattern, *after;
	json_t *list;
	size_t i = 0;

	if (!*text)
		return vp_fail(k->err, VP_E_MISSING, "/system/aii/osinstall/ks/installtype: says where the system comes from: url --url http://...");
	if (split(k, text, &before, &pattern, &after)) {
		const struct vp_repository *r = next(k, pattern, &i);

		if (!r)
			return no_match(k, "installtype", pattern);
		text = vp_printf(k->a, "%s--url=%s%s", before, through(k, r->url), after);
		if (*proxy_of(k, r) && k->el >= 6)
			text = vp_printf(k->a, "%s --proxy=%s", text, proxy_of(k, r));
	} else {
		text = through(k, text);
	}
	list = options(text, k);
	json_object_set(k->ks, "method", json_array_get(list, 0));
	json_array_remove(list, 0);
	json_object_set_new(k->ks, "source", list);
	for (i = 0; i < vp_count(methods); i++)
		if (!strcmp(json_string_value(json_object_get(k->ks, "method")), methods[i]))
			return 0;
	return vp_fail(k->err, VP_E_VALUE, "/system/aii/osinstall/ks/installtype: \"%s\" is none of url, nfs, cdrom, harddrive",
		       json_string_value(json_object_get(k->ks, "method")));
}

/* The options that the repository's own settings make. */
static const char *repo_line(struct vp_ks *k, const struct vp_repository *r, const char *before, const char *after)
{
	const char *text = vp_printf(k->a, "%s--baseurl=%s%s --name=%s", before, through(k, r->url), after, r->name);

	if (k->el < 6)
		return text;
	if (r->excludepkgs.n)
		text = vp_printf(k->a, "%s --excludepkgs=%s", text, joined(k, &r->excludepkgs, ","));
	if (r->includepkgs.n)
		text = vp_printf(k->a, "%s --includepkgs=%s", text, joined(k, &r->includepkgs, ","));
	if (*proxy_of(k, r))
		text = vp_printf(k->a, "%s --proxy=%s", text, proxy_of(k, r));
	return text;
}

static int add_repos(struct vp_ks *k)
{
	const struct vp_words *repo = &k->n->aii.ks.repo;
	json_t *list = json_array();

	json_object_set_new(k->ks, "repos", list);
	for (size_t i = 0; i < repo->n; i++) {
		const char *before, *pattern, *after;
		const struct vp_repository *r;
		size_t at = 0, found = 0;

		if (!split(k, repo->items[i], &before, &pattern, &after)) {
			json_array_append_new(list, json_pack("{so}", "options", options(through(k, repo->items[i]), k)));
			continue;
		}
		for (; (r = next(k, pattern, &at)); found++)
			json_array_append_new(list, json_pack("{so}", "options", options(repo_line(k, r, before, after), k)));
		if (!found)
			return no_match(k, vp_printf(k->a, "repo/%zu", i), pattern);
	}
	return 0;
}

/* --- yum, in the installed system --- */

static void setting(json_t *list, const char *name, const char *value)
{
	json_array_append_new(list, json_sprintf("%s=%s", name, value));
}

static json_t *yum_repository(struct vp_ks *k, const struct vp_repository *r)
{
	json_t *list = json_array();

	setting(list, "name", r->name);
	setting(list, "baseurl", through(k, r->url));
	/* One that is down must not keep a node from being installed from the others. */
	setting(list, "skip_if_unavailable", "1");
	setting(list, "enabled", state_of(k, r) > 0 ? "1" : "0");
	if (*proxy_of(k, r))
		setting(list, "proxy", proxy_of(k, r));
	if (r->excludepkgs.n)
		setting(list, "exclude", joined(k, &r->excludepkgs, " "));
	if (r->includepkgs.n)
		setting(list, "includepkgs", joined(k, &r->includepkgs, " "));
	for (size_t i = 0; i + 1 < r->options.n; i += 2)
		setting(list, r->options.items[i], r->options.items[i + 1]);
	return json_pack("{ss so}", "name", r->name, "options", list);
}

static json_t *yum_options(const struct vp_ks *k)
{
	const struct vp_software *s = software(k);
	const char *const defaults[][2] = { { "cachedir", "/var/cache/yum/$basearch/$releasever" },
					    { "keepcache", "0" },
					    { "logfile", "/var/log/yum.log" },
					    { "exactarch", "1" },
					    { "gpgcheck", "1" },
					    { "plugins", "1" },
					    { "installonly_limit", "3" },
					    { "clean_dependencies_on_remove", "1" },
					    { "reposdir", "/var/tmp/aii/yum/repos" },
					    { "obsoletes", s->obsoletes ? "1" : "0" } };
	json_t *values = json_object(), *list = json_array(), *value;
	const char *name;

	for (size_t i = 0; i < vp_count(defaults); i++)
		json_object_set_new(values, defaults[i][0], json_string(defaults[i][1]));
	for (size_t i = 0; i + 1 < s->yum.n; i += 2)
		json_object_set_new(values, s->yum.items[i], json_string(s->yum.items[i + 1]));
	json_object_foreach (values, name, value) {
		setting(list, name, json_string_value(value));
	}
	json_decref(values);
	return list;
}

/* Whether a locked package's name is a pattern that covers this one: "kernel*" of some version must not bring in another kernel-firmware. */
static bool is_covered(const struct vp_words *all, size_t i)
{
	if (strcmp(all->items[i], all->items[i + 1]))
		return false;
	for (size_t k = 0; k + 1 < all->n; k += 2)
		if (strcmp(all->items[k], all->items[k + 1]) && !fnmatch(all->items[k], all->items[i], 0))
			return true;
	return false;
}

/* Those that must not come in, then the others. */
static json_t *wanted(const struct vp_ks *k, const struct vp_words *later)
{
	const struct vp_words *first = &software(k)->packages;
	json_t *list = json_array();

	for (size_t i = 0; i < later->n; i++)
		if (*later->items[i] == '-')
			json_array_append_new(list, json_sprintf("--exclude=%s", later->items[i] + 1));
	for (size_t i = 0; i < later->n; i++)
		if (*later->items[i] != '-')
			json_array_append_new(list, json_string(later->items[i]));
	for (size_t i = 0; i + 1 < first->n; i += 2)
		if (!is_covered(first, i))
			json_array_append_new(list, json_string(first->items[i + 1]));
	return list;
}

static void add_yum(struct vp_ks *k, const struct vp_words *later)
{
	json_t *repositories = json_array(), *packages = wanted(k, later), *yum;

	for (size_t i = 0; i < software(k)->nrepositories; i++)
		if (state_of(k, &software(k)->repositories[i]) >= 0)
			json_array_append_new(repositories, yum_repository(k, &software(k)->repositories[i]));
	yum = json_pack("{so so}", "options", yum_options(k), "repositories", repositories);
	if (json_array_size(packages))
		json_object_set_new(yum, "install", json_pack("{ss sO}", "manager", k->el >= 8 ? "dnf" : "yum", "packages", packages));
	json_decref(packages);
	if (software(k)->nrepositories)
		json_object_set(k->ks, "yum", yum);
	json_decref(yum);
}

int vp_ks_repos(struct vp_ks *k, const struct vp_words *later)
{
	if (add_source(k) || add_repos(k))
		return -1;
	add_yum(k, later);
	return 0;
}
