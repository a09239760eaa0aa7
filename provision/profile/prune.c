// SPDX-License-Identifier: Apache-2.0
/* What the model reads of a profile: most of it, in values, are settings of software on the node. */
#include <string.h>

#include "pack.h"

/* The first that matches decides; "*" is any rest of a key. What is below none of them is kept. */
static const struct {
	const char *path;
	enum vp_keep keep;
} rules[] = {
	/* Roles are told by what is there, whatever its settings (role.c); versions are asked for of what an installation needs (software.c). */
	{ "software/packages/kernel*", VP_KEEP_WHOLE },
	{ "software/packages/ncm_*", VP_KEEP_WHOLE },
	{ "software/packages/perl_*", VP_KEEP_WHOLE },
	{ "software/packages/ccm", VP_KEEP_WHOLE },
	{ "software/packages/cdp_*", VP_KEEP_WHOLE },
	{ "software/packages/*", VP_KEEP_KEY },
	{ "software/packages", VP_KEEP_SOME },
	/* Hypervisors that describe their guests (place.c). */
	{ "software/components/xen", VP_KEEP_WHOLE },
	/* What installs packages (software.c). */
	{ "software/components/ccm", VP_KEEP_WHOLE },
	{ "software/components/spma/proxy*", VP_KEEP_WHOLE },
	{ "software/components/spma/process_obsoletes", VP_KEEP_WHOLE },
	{ "software/components/spma/main_options", VP_KEEP_WHOLE },
	{ "software/components/spma/*", VP_KEEP_NONE },
	{ "software/components/spma", VP_KEEP_SOME },
	{ "software/repositories", VP_KEEP_WHOLE },
	{ "software/components/metaconfig/services/*", VP_KEEP_KEY },
	{ "software/components/metaconfig/services", VP_KEEP_SOME },
	{ "software/components/metaconfig/*", VP_KEEP_NONE },
	{ "software/components/metaconfig", VP_KEEP_SOME },
	{ "software/components/*", VP_KEEP_KEY },
	{ "software/components", VP_KEEP_SOME },
	{ "software/*", VP_KEEP_NONE },
	{ "software", VP_KEEP_SOME },
	{ "system/vo/*", VP_KEEP_KEY },
	{ "system/vo", VP_KEEP_SOME },
	{ "system", VP_KEEP_SOME },
};

static bool matches(const char *path, const char *const *keys, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t len = strcspn(path, "/"), same = len && path[len - 1] == '*' ? len - 1 : len;

		if (!len || strncmp(path, keys[i], same) || (same == len && keys[i][len]))
			return false;
		path += len + (path[len] == '/');
	}
	return !*path;
}

enum vp_keep vp_prune(const char *const *keys, size_t n)
{
	if (!n)
		return VP_KEEP_SOME;
	for (size_t i = 0; i < vp_count(rules); i++)
		if (matches(rules[i].path, keys, n))
			return rules[i].keep;
	return VP_KEEP_WHOLE;
}
