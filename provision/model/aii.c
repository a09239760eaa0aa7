// SPDX-License-Identifier: Apache-2.0
/* What AII reads of a profile: what its rows cannot say. */
#include <string.h>

#include "bind.h"

/* "url --url http://server/path", "nfs --server NAME --dir PATH", "cdrom": as kickstart has it. */
static void split_source(struct vp_bind *b, struct vp_kickstart *ks)
{
	static const char *const methods[] = { "url", "nfs", "cdrom", "harddrive" };
	static const struct {
		const char *name;
		size_t offset;
	} options[] = { { "--url", offsetof(struct vp_kickstart, url) },
			{ "--server", offsetof(struct vp_kickstart, server) },
			{ "--dir", offsetof(struct vp_kickstart, dir) } };
	char *rest = vp_strdup(b->a, ks->installtype), *word = strsep(&rest, " ");
	const char **to = NULL;

	ks->method = ks->url = ks->server = ks->dir = "";
	for (size_t i = 0; i < vp_count(methods); i++)
		if (!strcmp(word, methods[i]))
			ks->method = methods[i];
	while ((word = strsep(&rest, " "))) {
		size_t name = strcspn(word, "=");

		if (!*word)
			continue;
		if (to && strncmp(word, "--", 2)) {
			*to = word;
			to = NULL;
			continue;
		}
		to = NULL;
		for (size_t i = 0; i < vp_count(options); i++)
			if (strlen(options[i].name) == name && !strncmp(word, options[i].name, name))
				to = (const char **)((char *)ks + options[i].offset);
		if (!to || !word[name])
			continue;
		*to = word + name + 1;
		to = NULL;
	}
}

static void add_word(struct vp_bind *b, struct vp_words *list, const char *word)
{
	const char **more = vp_alloc(b->a, (list->n + 1) * sizeof(*more));

	if (list->n)
		memcpy(more, list->items, list->n * sizeof(*more));
	more[list->n++] = word;
	list->items = more;
}

static bool good(const struct vp_val *v, const char *text)
{
	return text && vp_is_line.ok(text) && (!v || !v->text || strlen(v->text) == v->len);
}

/* A hook is a list of modules, in the order in which they are called. */
static void read_hook(struct vp_bind *b, struct vp_aii *aii, const struct vp_val *list)
{
	for (const struct vp_val *v = list->type == VP_LIST ? list->child : NULL; v; v = v->next) {
		const struct vp_val *module = vp_child(v, "module");

		if (aii->hooks.n < VP_MAX_BLOCKS && module && good(module, module->text) && good(NULL, list->key))
			add_word(b, &aii->hooks, vp_printf(b->a, "%s %s", list->key, module->text));
	}
}

static void read_plugins(struct vp_bind *b, struct vp_aii *aii)
{
	const struct vp_val *hooks = vp_find(b, "/system/aii/hooks"), *discovery = vp_find(b, "/system/aii/discovery");

	for (const struct vp_val *v = hooks && hooks->type == VP_DICT ? hooks->child : NULL; v; v = v->next)
		read_hook(b, aii, v);
	for (const struct vp_val *v = discovery && discovery->type == VP_DICT ? discovery->child : NULL; v; v = v->next)
		if (aii->discovery.n < VP_MAX_BLOCKS && good(NULL, v->key))
			add_word(b, &aii->discovery, vp_strdup(b->a, v->key));
}

/* Disks go by their names in the profile, or as keys of it; the guest may call them otherwise. */
static void check_disks(struct vp_bind *b, const char *path)
{
	const struct vp_val *list = vp_find(b, "/system/aii/osinstall/ks/%s", path);

	for (const struct vp_val *v = list && list->type == VP_LIST ? list->child : NULL; v; v = v->next) {
		const char *name = v->text ? v->text : "";
		bool known = false;

		name += strncmp(name, "/dev/", 5) ? 0 : 5;
		for (size_t i = 0; i < b->node->n.ndisks; i++)
			known |= !strcmp(b->disks[i].key, name) || !strcmp(b->disks[i].d.name, name);
		if (!known && *name)
			vp_problem(b, VP_WARNING, VP_E_ODD, v, "", "there is no disk \"%s\" below /hardware/harddisks", vp_printable(b->a, name, 64));
	}
}

void vp_bind_aii(struct vp_bind *b)
{
	struct vp_aii *aii = &b->node->n.aii;
	const struct vp_val *at = vp_find(b, "/system/aii");

	vp_fill(b, &(struct vp_target){ .object = VP_O_AII, .base = aii });
	split_source(b, &aii->ks);
	vp_bind_software(b);
	if (!at)
		return;
	read_plugins(b, aii);
	check_disks(b, "clearpart");
	check_disks(b, "bootdisk_order");
}

/* What no row fills. */
static const struct {
	const char *name;
	enum vp_aii_kind kind;
	size_t offset;
} more[] = {
	{ "ks.method", VP_AII_STRING, offsetof(struct vp_aii, ks.method) }, { "ks.url", VP_AII_STRING, offsetof(struct vp_aii, ks.url) },
	{ "ks.server", VP_AII_STRING, offsetof(struct vp_aii, ks.server) }, { "ks.dir", VP_AII_STRING, offsetof(struct vp_aii, ks.dir) },
	{ "hooks", VP_AII_WORDS, offsetof(struct vp_aii, hooks) },	    { "discovery", VP_AII_WORDS, offsetof(struct vp_aii, discovery) },
};

bool vp_aii_value(const struct vp_aii *aii, size_t i, const char **name, enum vp_aii_kind *kind, const void **value)
{
	static const enum vp_aii_kind kinds[] = {
		[VP_K_STRING] = VP_AII_STRING, [VP_K_STRINGS] = VP_AII_WORDS, [VP_K_PAIRS] = VP_AII_PAIRS,
		[VP_K_BOOL] = VP_AII_BOOL,     [VP_K_UINT] = VP_AII_UINT,
	};
	const struct vp_rows_index *x = vp_rows_of(VP_O_AII);

	if (i >= x->n + vp_count(more))
		return false;
	if (i < x->n) {
		*name = x->rows[i]->field + strlen("aii.");
		*kind = kinds[x->rows[i]->kind];
		*value = (const char *)aii + x->rows[i]->offset;
	} else {
		*name = more[i - x->n].name;
		*kind = more[i - x->n].kind;
		*value = (const char *)aii + more[i - x->n].offset;
	}
	return true;
}
