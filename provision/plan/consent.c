// SPDX-License-Identifier: Apache-2.0
/* What an installation destroys, and who has to agree to it; which disks stay what they are. */
#include <string.h>

#include "plan.h"

static void disks_below(const struct vp_node *n, struct vp_ref ref, bool *on);

static void disks_of(const struct vp_node *n, const struct vp_ref *refs, size_t count, bool *on)
{
	for (size_t i = 0; i < count; i++)
		disks_below(n, refs[i], on);
}

/* Marks the disks that something lies on. */
static void disks_below(const struct vp_node *n, struct vp_ref ref, bool *on)
{
	switch (ref.kind) {
	case VP_BLOCK_DISK: on[ref.index] = true; break;
	case VP_BLOCK_PARTITION: on[n->partitions[ref.index].disk] = true; break;
	case VP_BLOCK_MD: disks_of(n, n->mds[ref.index].devices, n->mds[ref.index].ndevices, on); break;
	case VP_BLOCK_VG: disks_of(n, n->vgs[ref.index].devices, n->vgs[ref.index].ndevices, on); break;
	case VP_BLOCK_LV: disks_below(n, (struct vp_ref){ VP_BLOCK_VG, n->lvs[ref.index].vg }, on); break;
	case VP_BLOCK_NONE:
	case VP_BLOCK_FILE:
	case VP_BLOCK_FILESYSTEM: break;
	}
}

static bool is_cleared(const struct vp_node *n, size_t disk)
{
	const struct vp_words *w = &n->aii.ks.clearpart;

	for (size_t i = 0; i < w->n; i++)
		if (!strcmp(w->items[i], n->disks[disk].name) || !strcmp(w->items[i], n->disks[disk].target))
			return true;
	return false;
}

/* A kickstart does as AII: `preserve` keeps the device and not what is on it, and clearpart comes before everything. */
static bool is_kept(const struct vp_node *n, const struct vp_filesystem *f, size_t disk)
{
	if (n->install == VP_INSTALL_KICKSTART)
		return !f->format && !is_cleared(n, disk);
	return f->preserve || !f->format;
}

/* Its table is written, whether or not there is a file system on it. */
static bool is_partitioned(const struct vp_node *n, size_t disk)
{
	for (size_t i = 0; i < n->npartitions; i++)
		if (n->partitions[i].disk == disk)
			return true;
	return n->install == VP_INSTALL_KICKSTART && is_cleared(n, disk);
}

/* The file systems of a disk that are made anew, or (kept) that are not; comma-separated. */
static const char *filesystems(struct vp_arena *a, const struct vp_node *n, size_t disk, bool kept)
{
	const char *list = "";

	for (size_t i = 0; i < n->nfilesystems; i++) {
		const struct vp_filesystem *f = &n->filesystems[i];
		bool on[VP_MAX_DISKS] = { false };

		disks_below(n, f->on, on);
		if (vp_block_made(f->on.kind) && on[disk] && kept == is_kept(n, f, disk))
			list = vp_printf(a, "%s%s%s", list, *list ? ", " : "", f->mountpoint);
	}
	return list;
}

int vp_plan_loss(struct vp_world *w, const struct vp_node *n, const char **loss, struct vp_err *err)
{
	struct vp_arena *a = w->arena;

	*loss = "";
	for (size_t i = 0; i < n->ndisks; i++) {
		const char *anew = filesystems(a, n, i, false), *kept = filesystems(a, n, i, true);
		const struct vp_disk *d = &n->disks[i];
		struct vp_disk_info info = { 0 };
		int rc;

		if (!*anew && !*kept && is_partitioned(n, i))
			anew = "its partitions";
		rc = *anew ? w->disk->info(w->disk_ctx, d->path, &info, err) : 0;
		if (rc < 0)
			return -1;
		if (!rc || info.blank)
			continue;
		*loss = vp_printf(a, "%s%s%s (%s%s%s): %s made anew%s%s%s", *loss, **loss ? "; " : "", d->target, d->path, info.used ? ", " : "",
				  info.used ? vp_size_text(a, info.used) : "", anew, *kept ? ", " : "", kept, *kept ? " kept" : "");
	}
	return 0;
}

/* The path of the disk of that name in a recorded node; NULL for none. */
static const char *recorded_path(const json_t *node, const char *name)
{
	json_t *one;
	size_t i;

	json_array_foreach (json_object_get(node, "disks"), i, one) {
		const char *its = json_string_value(json_object_get(one, "name"));

		if (its && !strcmp(its, name))
			return json_string_value(json_object_get(one, "path"));
	}
	return NULL;
}

static bool same_dir(const char *a, const char *b)
{
	const char *x = strrchr(a, '/'), *y = strrchr(b, '/');

	return x && y && x - a == y - b && !strncmp(a, b, (size_t)(x - a));
}

int vp_plan_keep_disks(struct vp_world *w, struct vp_node *n, struct vp_err *err)
{
	struct vp_resources made = { 0 };
	const struct vp_resource *record;
	json_t *j;

	if (!w->state)
		return 0;
	if (vp_resources(w->state, w->arena, n->name, &made, err))
		return -1;
	record = vp_resource_find(&made, "node", n->name);
	j = record ? json_loads(record->data, 0, NULL) : NULL;
	for (size_t i = 0; i < n->ndisks; i++) {
		const char *path = recorded_path(j, n->disks[i].name);

		/* A disk that was kept when its node went has the name of an earlier version: what the guest called it. */
		if (!record)
			path = vp_printf(w->arena, "%.*s/%s-%s%s%s", (int)(strrchr(n->disks[i].path, '/') - n->disks[i].path), n->disks[i].path,
					 n->name, n->disks[i].target, n->disks[i].volume ? "" : ".", n->disks[i].volume ? "" : n->disks[i].format);
		if (path && strcmp(path, n->disks[i].path) && same_dir(path, n->disks[i].path) && vp_resource_find(&made, "disk", path))
			n->disks[i].path = vp_strdup(w->arena, path);
	}
	json_decref(j);
	return 0;
}

static const char *string_at(const json_t *j, const char *object, const char *key)
{
	const char *s = json_string_value(json_object_get(json_object_get(j, object), key));

	return s ? s : "";
}

/* True where the comma-separated list, or all of it, is the word. */
static bool says(const char *list, const char *word)
{
	size_t len = strlen(word);

	if (!strcmp(list, word))
		return true;
	for (const char *p = list; *p; p += strcspn(p, ",") + (p[strcspn(p, ",")] == ','))
		if (strcspn(p, ",") == len && !strncmp(p, word, len))
			return true;
	return false;
}

static int ask(const char *node, const char *word, bool production, const char *confirm, struct vp_err *err)
{
	/* The word of a protected node is not told: who has its profile knows it. */
	if (*word)
		return confirm && says(confirm, word)
			       ? 0
			       : vp_fail(err, VP_E_CONSENT, "node %s is protected, and %s", node,
					 confirm ? "--confirm says something else than its profile" : "its data goes with --confirm only");
	return confirm && says(confirm, node) ? 0
					      : vp_fail(err, VP_E_CONSENT, "node %s %s: --confirm %s says that its data may go", node,
							production ? "is in production" : "has disks that hold data", node);
}

int vp_plan_consent(struct vp_world *w, const char *node, const struct vp_node *want, bool holds_data, const char *confirm, struct vp_err *err)
{
	struct vp_node_row row = { 0 };
	int rc = w->state ? vp_state_node(w->state, w->arena, node, &row, err) : 0;
	bool production;
	const char *word;
	json_t *j;

	if (rc < 0)
		return rc;
	/* Armed and not begun: who armed it agreed. */
	if (rc && row.armed && holds_data && (row.armed_until <= 0 || row.armed_until > vp_wall()))
		return 0;
	j = rc ? json_loads(row.json, 0, NULL) : NULL;
	/* As it was applied: a profile that has lost its protection meanwhile does not protect less. */
	word = vp_strdup(w->arena, string_at(j, "aii", "protected"));
	production = !strcmp(string_at(j, "system", "state"), "production");
	json_decref(j);
	if (want) {
		word = *word ? word : want->aii.protection;
		production |= !strcmp(want->system.state, "production");
	}
	return holds_data || *word || production ? ask(node, word ? word : "", production, confirm, err) : 0;
}
