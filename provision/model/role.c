// SPDX-License-Identifier: Apache-2.0
/*
 * What a node is for. Packages are the stronger sign, then what ncm-metaconfig writes, then components: a worker node and a user interface share
 * most of these. ce, lfc, se-head, se-disk, wms, argus, top-bdii, bdii, wn and ui were seen in profiles of UMD-3; the others follow from the
 * names of their packages and components.
 */
#include <ctype.h>
#include <string.h>

#include "place.h"
#include "role.h"

/* Blank-separated words; the first role that matches decides. */
struct sign {
	const char *role;
	/* One of them. */
	const char *packages;
	/* Part of the name of a file of ncm-metaconfig. */
	const char *services;
	/* All of the first, none of the second. */
	const char *components, *absent;
};

static const struct sign signs[] = {
	{ "ce", "emi-cream-ce glite-CREAM nordugrid-arc-compute-element nordugrid-arc-arex htcondor-ce", "/glite-ce-cream /condor-ce/ /etc/arc.conf",
	  "gip2 glitestartup wmslb mysql", "wmsclient" },
	{ "se-head",
	  "dpm-server-mysql dpm-name-server-mysql emi-dpm_mysql glite-SE_dpm_mysql dmlite-dpmhead dmlite-dpmhead-dome emi-storm-backend-mp "
	  "storm-backend-server",
	  "", "dpmlfc mysql xrootd gip2", "" },
	{ "lfc", "emi-lfc_mysql lfc-server-mysql glite-LFC_mysql", "", "dpmlfc mysql", "xrootd" },
	{ "se-disk", "dpm-rfio-server emi-dpm_disk glite-SE_dpm_disk dmlite-dpmdisk dmlite-dpmdisk-dome", "", "dpmlfc xrootd", "mysql" },
	{ "wms", "emi-wms glite-WMS", "", "wmsclient wmslb glitestartup", "" },
	{ "lb", "emi-lb glite-LB", "", "wmslb glitestartup", "wmsclient gip2" },
	{ "argus", "emi-argus argus-authz argus-pap", "/argus/", "", "" },
	{ "top-bdii", "emi-bdii-top glite-BDII_top bdii-config-top", "", "", "" },
	{ "bdii", "emi-bdii-site glite-BDII_site bdii-config-site", "", "lcgbdii gip2", "lcas glitestartup dpmlfc mkgridmap" },
	{ "wn", "emi-wn glite-WN wn", "", "pbsclient pbsknownhosts", "gip2 pbsserver" },
	{ "vobox", "emi-vobox glite-VOBOX wlcg-vobox", "", "vobox", "" },
	{ "ui", "emi-ui glite-UI ui", "", "wmsclient gsissh", "gip2 pbsknownhosts" },
	{ "px", "emi-px glite-PX myproxy-server", "", "myproxy", "" },
	{ "voms", "emi-voms-mysql voms-admin-server", "", "", "" },
	{ "batch", "emi-torque-server torque-server", "", "pbsserver", "" },
	{ "squid", "frontier-squid squid", "/squid/squid.conf", "squid", "" },
	{ "hypervisor", "", "", "libvirtd", "" },
};

/* The key, escaped or not, is this word. */
static bool same(const char *key, const char *word, size_t len)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)word[i];

		if (key[0] == '_' && key[1] == digits[c >> 4] && key[2] == digits[c & 15])
			key += 3;
		else if (*key++ != word[i])
			return false;
	}
	return !*key;
}

/* Part of the key, escaped or not. */
static bool holds(const char *key, const char *word, size_t len)
{
	char raw[64] = "", escaped[3 * sizeof(raw)] = "";
	size_t n = 0;

	if (len >= sizeof(raw))
		return false;
	memcpy(raw, word, len);
	for (size_t i = 0; i < len; i++)
		n += (size_t)sprintf(escaped + n, isalnum((unsigned char)raw[i]) ? "%c" : "_%02x", (unsigned char)raw[i]);
	return strstr(key, escaped) || strstr(key, raw);
}

typedef bool match_fn(const char *key, const char *word, size_t len);

static bool matches_any(const char *key, const char *words, match_fn *match)
{
	while (*words) {
		size_t len = strcspn(words, " ");

		if (match(key, words, len))
			return true;
		words += len;
		words += strspn(words, " ");
	}
	return false;
}

static const struct vp_val *find_any(const struct vp_val *dict, const char *words, match_fn *match)
{
	for (const struct vp_val *v = *words && dict && dict->type == VP_DICT ? dict->child : NULL; v; v = v->next)
		if (matches_any(v->key, words, match))
			return v;
	return NULL;
}

/* By its first two letters, whether a key could be one of the packages: most of the thousands of a node are not. */
static unsigned char starts[256];

static void __attribute__((constructor)) index_packages(void)
{
	for (size_t i = 0; i < vp_count(signs); i++)
		for (const char *c = signs[i].packages; *c; c += strcspn(c, " "), c += strspn(c, " "))
			starts[(unsigned char)c[0]] |= (unsigned char)(1 << (c[1] & 7));
}

/* Position of the role, vp_count(signs) for none. */
static size_t by_packages(const struct vp_val *dict, const struct vp_val **why)
{
	size_t best = vp_count(signs);

	for (const struct vp_val *v = dict && dict->type == VP_DICT ? dict->child : NULL; v; v = v->next)
		for (size_t i = 0; i < best && *v->key && starts[(unsigned char)v->key[0]] >> (v->key[1] & 7) & 1; i++)
			if (matches_any(v->key, signs[i].packages, same)) {
				best = i;
				*why = v;
			}
	return best;
}

/* The first of the components, where all are there. */
static const struct vp_val *find_all(const struct vp_val *dict, const char *words)
{
	const struct vp_val *found = NULL;

	while (*words) {
		char word[64];
		size_t len = strcspn(words, " ");
		const struct vp_val *v;

		snprintf(word, sizeof(word), "%.*s", (int)len, words);
		v = find_any(dict, word, same);
		if (!v)
			return NULL;
		found = found ? found : v;
		words += len;
		words += strspn(words, " ");
	}
	return found;
}

const char *vp_role_of(const struct vp_profile *p, const struct vp_val **why)
{
	const struct vp_val *components = vp_get(p->root, "/software/components"), *services = vp_get(components, "metaconfig/services");
	size_t best;

	*why = vp_place_hypervisor(p);
	if (*why)
		return "hypervisor";
	best = by_packages(vp_get(p->root, "/software/packages"), why);
	if (best < vp_count(signs))
		return signs[best].role;
	for (size_t i = 0; i < vp_count(signs); i++)
		if ((*why = find_any(services, signs[i].services, holds)))
			return signs[i].role;
	for (size_t i = 0; i < vp_count(signs); i++)
		if ((*why = find_all(components, signs[i].components)) && !find_any(components, signs[i].absent, same))
			return signs[i].role;
	*why = NULL;
	return "";
}

const char *vp_role_name(unsigned i)
{
	return i < vp_count(signs) ? signs[i].role : NULL;
}
