// SPDX-License-Identifier: Apache-2.0
/* What an installation takes from /software: repositories, a proxy, versions of the packages that it begins with, settings of ccm. */
#include <string.h>

#include "bind.h"

/* A scalar that fits on a line, in the arena of the run; NULL for anything else. */
static const char *line(const struct vp_bind *b, const struct vp_val *v)
{
	return v && v->text && strlen(v->text) == v->len && vp_is_line.ok(v->text) ? vp_strdup(b->a, v->text) : NULL;
}

static const char *text_at(const struct vp_bind *b, const struct vp_val *dict, const char *key)
{
	const char *text = line(b, dict && dict->type == VP_DICT ? vp_child(dict, key) : NULL);

	return text ? text : "";
}

static bool is_true(const char *text)
{
	return !strcmp(text, "true") || !strcmp(text, "yes") || !strcmp(text, "1");
}

static void add_list(struct vp_bind *b, struct vp_words *list, const struct vp_val *v)
{
	for (const struct vp_val *item = v && v->type == VP_LIST ? v->child : NULL; item; item = item->next)
		if (line(b, item))
			vp_words_add(b->a, list, line(b, item));
}

/* A scalar as it is, booleans as 1 and 0; the items of a list with `between` between them. NULL for anything else. */
static const char *setting(struct vp_bind *b, const struct vp_val *v, const char *between)
{
	struct vp_words items = { 0 };
	const char *all = "";

	if (v->type == VP_BOOL)
		return is_true(v->text) ? "1" : "0";
	if (v->type != VP_LIST)
		return line(b, v);
	add_list(b, &items, v);
	for (size_t i = 0; i < items.n; i++)
		all = vp_printf(b->a, "%s%s%s", all, i ? between : "", items.items[i]);
	return all;
}

static void add_setting(struct vp_bind *b, struct vp_words *list, const struct vp_val *v, const char *between)
{
	const char *value = v ? setting(b, v, between) : NULL;

	if (!value || !*value)
		return;
	vp_words_add(b->a, list, vp_strdup(b->a, v->key));
	vp_words_add(b->a, list, value);
}

static void read_repository(struct vp_bind *b, const struct vp_val *v, struct vp_software *s)
{
	static const char *const options[] = { "gpgcheck", "repo_gpgcheck", "gpgkey", "gpgcakey", "priority" };
	const struct vp_val *protocols = vp_child(v, "protocols"), *enabled = vp_child(v, "enabled");
	struct vp_repository *r = &s->repositories[s->nrepositories];

	*r = (struct vp_repository){ .name = text_at(b, v, "name"), .proxy = text_at(b, v, "proxy"), .enabled = true };
	r->url = text_at(b, protocols && protocols->type == VP_LIST ? protocols->child : NULL, "url");
	if (enabled && enabled->text)
		r->enabled = is_true(enabled->text);
	add_list(b, &r->includepkgs, vp_child(v, "includepkgs"));
	add_list(b, &r->excludepkgs, vp_child(v, "excludepkgs"));
	for (size_t i = 0; i < vp_count(options); i++)
		add_setting(b, &r->options, vp_child(v, options[i]), " ");
	s->nrepositories += *r->name && *r->url;
}

static void read_repositories(struct vp_bind *b, struct vp_software *s)
{
	const struct vp_val *list = vp_find(b, "/software/repositories");
	size_t n = 0;

	for (const struct vp_val *v = list && list->type == VP_LIST ? list->child : NULL; v; v = v->next)
		n++;
	s->repositories = vp_alloc(b->a, (n + 1) * sizeof(*s->repositories));
	for (const struct vp_val *v = n ? list->child : NULL; v; v = v->next)
		if (v->type == VP_DICT)
			read_repository(b, v, s);
}

static void read_spma(struct vp_bind *b, struct vp_software *s)
{
	const struct vp_val *spma = vp_find(b, "/software/components/spma"), *yum = spma ? vp_child(spma, "main_options") : NULL;

	s->proxy_host = s->proxy_port = s->proxy_type = "";
	if (is_true(text_at(b, spma, "proxy"))) {
		s->proxy_host = text_at(b, spma, "proxyhost");
		s->proxy_port = text_at(b, spma, "proxyport");
		s->proxy_type = text_at(b, spma, "proxytype");
	}
	s->obsoletes = is_true(text_at(b, spma, "process_obsoletes"));
	for (const struct vp_val *v = yum && yum->type == VP_DICT ? yum->child : NULL; v; v = v->next)
		add_setting(b, &s->yum, v, strcmp(v->key, "exclude") ? "," : " ");
}

/* Not ccm.conf's, but the component's own; the profile's place may be said elsewhere. */
static bool is_ccm_setting(const char *key)
{
	static const char *const others[] = { "active", "dispatch", "dependencies", "configFile", "version", "profile" };

	for (size_t i = 0; i < vp_count(others); i++)
		if (!strcmp(key, others[i]))
			return false;
	return true;
}

static void read_ccm(struct vp_bind *b, struct vp_software *s)
{
	const struct vp_val *ccm = vp_find(b, "/software/components/ccm");
	const char *profile = *b->node->n.aii.ks.node_profile ? b->node->n.aii.ks.node_profile : text_at(b, ccm, "profile");

	if (*profile) {
		vp_words_add(b->a, &s->ccm, "profile");
		vp_words_add(b->a, &s->ccm, profile);
	}
	for (const struct vp_val *v = *profile && ccm && ccm->type == VP_DICT ? ccm->child : NULL; v; v = v->next)
		if (is_ccm_setting(v->key))
			add_setting(b, &s->ccm, v, ",");
}

static void add_package(struct vp_bind *b, struct vp_software *s, const char *name, const char *asked)
{
	if (!vp_is_line.ok(name) || !vp_is_line.ok(asked))
		return;
	vp_words_add(b->a, &s->packages, name);
	vp_words_add(b->a, &s->packages, asked);
}

/* {"_36_2e1": {"arch": {"x86_64": "repository"}}}: versions that the profile has locked; {} where it takes any. */
static void read_package(struct vp_bind *b, struct vp_software *s, const struct vp_val *v)
{
	const char *name = vp_unescape(b->a, v->key);

	if (v->type != VP_DICT || !v->child)
		add_package(b, s, name, name);
	for (const struct vp_val *version = v->type == VP_DICT ? v->child : NULL; version; version = version->next) {
		const char *asked = vp_printf(b->a, "%s-%s", name, vp_unescape(b->a, version->key));
		const struct vp_val *arch = version->type == VP_DICT ? vp_child(version, "arch") : NULL;

		if (!arch || arch->type != VP_DICT || !arch->child)
			add_package(b, s, name, asked);
		for (const struct vp_val *a = arch && arch->type == VP_DICT ? arch->child : NULL; a; a = a->next)
			add_package(b, s, name, vp_printf(b->a, "%s.%s", asked, a->key));
	}
}

/* Those that the first configuration needs: the others are installed by it. */
static bool is_first(const struct vp_kickstart *ks, const char *name)
{
	if (!strncmp(name, "ncm-spma", 8) || !strncmp(name, "ncm-grub", 8) || (ks->kernelinpost && !strncmp(name, "kernel", 6)))
		return true;
	for (size_t i = 0; i < ks->base_packages.n; i++)
		if (!strcmp(ks->base_packages.items[i], name))
			return true;
	return false;
}

void vp_bind_software(struct vp_bind *b)
{
	const struct vp_val *packages = vp_find(b, "/software/packages");
	struct vp_software *s = &b->node->n.aii.software;

	read_repositories(b, s);
	read_spma(b, s);
	read_ccm(b, s);
	for (const struct vp_val *v = packages && packages->type == VP_DICT ? packages->child : NULL; v; v = v->next)
		if (is_first(&b->node->n.aii.ks, vp_unescape(b->a, v->key)))
			read_package(b, s, v);
}
