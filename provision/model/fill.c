// SPDX-License-Identifier: Apache-2.0
/* The engine of the binding table: values of the profile, else of the site configuration, else defaults, into objects. */
#include <string.h>

#include "bind.h"

void vp_problem(struct vp_bind *b, enum vp_severity sev, enum vp_code code, const struct vp_val *v, const char *path, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	vp_diag(b->diags, sev, code, b->profile->file, v ? v->line : 0, v ? vp_path_of(b->a, v) : path, "%s", text);
}

const struct vp_val *vp_find(const struct vp_bind *b, const char *fmt, ...)
{
	char path[1024];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	/* No path that vprov reads is that long: a key made it so. */
	return n < (int)sizeof(path) ? vp_get(b->profile->root, path) : NULL;
}

static void add_origin(struct vp_bind *b, struct vp_origin o)
{
	struct vp_node *n = &b->node->n;

	n->origins = vp_grow_in(b->a, n->origins, n->norigins, &n->originscap, sizeof(o));
	n->origins[n->norigins++] = o;
}

void vp_note_origin(struct vp_bind *b, const char *field, const char *value, const char *path, const struct vp_val *v)
{
	struct vp_origin o = { .field = vp_strdup(b->a, field), .value = value, .path = path, .file = "", .line = 0 };

	if (v) {
		o.path = vp_path_of(b->a, v);
		o.file = b->profile->file;
		o.line = v->line;
	}
	add_origin(b, o);
}

void vp_copy_origin(struct vp_bind *b, const char *from, const char *field)
{
	struct vp_origin o = *vp_origin_of(&b->node->n, from);

	o.field = vp_strdup(b->a, field);
	add_origin(b, o);
}

static void *dest_of(const struct vp_row *row, const struct vp_target *t)
{
	return (char *)t->base + row->offset;
}

/* A size as people read it; everything else as it is written. */
static const char *value_text(struct vp_bind *b, const struct vp_row *row, const struct vp_target *t, const char *text)
{
	const uint64_t *size = row->kind == VP_K_MIB ? dest_of(row, t) : NULL;

	return size && *size ? vp_size_text(b->a, *size) : text;
}

/* The text with its first '*' replaced. */
static const char *replace(struct vp_bind *b, const char *pattern, const char *with)
{
	const char *star = strchr(pattern, '*');

	return star && with ? vp_printf(b->a, "%.*s%s%s", (int)(star - pattern), pattern, with, star + 1) : pattern;
}

static const char *path_of(struct vp_bind *b, const struct vp_row *row, const struct vp_target *t)
{
	bool net = t->net && !strncmp(row->path, "/system/network/interfaces/", 27);

	return replace(b, row->path, net ? t->net : t->key);
}

static void note(struct vp_bind *b, const struct vp_row *row, const struct vp_target *t, struct vp_origin o)
{
	if (!row->field)
		return;
	o.field = replace(b, row->field, t->name ? t->name : t->key);
	add_origin(b, o);
}

/* One value into its place; the message is the same whatever is wrong with it: what it is, and what it has to be. */
static void store_value(struct vp_bind *b, const struct vp_row *row, const struct vp_val *v, void *dest)
{
	static const enum vp_type types[] = {
		[VP_K_STRING] = VP_STRING, [VP_K_STRINGS] = VP_STRING, [VP_K_BOOL] = VP_BOOL,	[VP_K_UINT] = VP_LONG,
		[VP_K_MIB] = VP_LONG,	   [VP_K_CHOICE] = VP_STRING,  [VP_K_ENUM] = VP_STRING,
	};
	bool word = row->kind == VP_K_BOOL && v->type == VP_STRING, nul = v->text && strlen(v->text) != v->len;
	const char *wants;

	/* Real profiles hold booleans as the strings "yes" and "true", too. */
	if (v->type != types[row->kind] && !word) {
		vp_problem(b, VP_ERROR, VP_E_TYPE, v, "", "is a %s; it has to be %s", vp_type_name(v->type), vp_row_wants(b->a, row));
		return;
	}
	wants = nul ? vp_row_wants(b->a, row) : vp_row_store(b->a, row, v->text, dest);
	if (wants)
		vp_problem(b, VP_ERROR, word ? VP_E_TYPE : VP_E_VALUE, v, "", "\"%s\" is not allowed; it has to be %s", v->text, wants);
}

/* "a, b" */
static const char *list_text(struct vp_bind *b, const struct vp_val *list)
{
	const char *text = "";

	for (const struct vp_val *v = list->child; v; v = v->next)
		text = vp_printf(b->a, "%s%s%s", text, *text ? ", " : "", v->text ? v->text : "");
	return text;
}

/* A value, or each one of a list. */
static void store_all(struct vp_bind *b, const struct vp_row *row, const struct vp_val *v, void *dest)
{
	if (row->kind != VP_K_STRINGS || v->type != VP_LIST) {
		store_value(b, row, v, dest);
		return;
	}
	for (const struct vp_val *c = v->child; c; c = c->next)
		store_value(b, row, c, dest);
}

static bool from_profile(struct vp_bind *b, const struct vp_row *row, const struct vp_target *t)
{
	const struct vp_val *v = vp_find(b, "%s", path_of(b, row, t));
	struct vp_origin o = { .path = "" };

	if (!v)
		return false;
	o.path = vp_path_of(b->a, v);
	o.file = b->profile->file;
	o.line = v->line;
	store_all(b, row, v, dest_of(row, t));
	o.value = v->type == VP_LIST ? list_text(b, v) : value_text(b, row, t, v->text ? v->text : "");
	note(b, row, t, o);
	return true;
}

/* The profile's value for a place that another row filled already: not used, but not wrong either. */
static void check_unused(struct vp_bind *b, const struct vp_row *row, const struct vp_target *t)
{
	const struct vp_val *v = vp_find(b, "%s", path_of(b, row, t));
	uint64_t scratch[2] = { 0 };

	if (v)
		store_all(b, row, v, scratch);
}

static bool from_site(struct vp_bind *b, const struct vp_row *row, const struct vp_target *t)
{
	struct vp_origin o = { .value = "" };
	const char *path = path_of(b, row, t);
	const struct vp_site_line *l, *last = NULL;
	size_t pos = 0;

	if (strncmp(path, VP_OWN, strlen(VP_OWN)))
		return false;
	path += strlen(VP_OWN);
	while ((l = vp_site_next(b->site, b->node->n.name, path, &pos))) {
		/* Checked when the file was read. The last one holds; of lists, all. */
		vp_row_store(b->a, row, l->value, dest_of(row, t));
		o.value = row->kind == VP_K_STRINGS && last ? vp_printf(b->a, "%s, %s", o.value, l->value) : l->value;
		last = l;
	}
	if (!last)
		return false;
	o.path = vp_printf(b->a, "site:%s", last->key);
	o.file = b->site->file;
	o.line = last->line;
	note(b, row, t, o);
	return true;
}

static bool from_fallback(struct vp_bind *b, const struct vp_row *row, const struct vp_target *t)
{
	if (!row->fallback)
		return false;
	vp_row_store(b->a, row, row->fallback, dest_of(row, t));
	note(b, row, t, (struct vp_origin){ .value = row->fallback, .path = "default", .file = "" });
	return true;
}

/* Whether a row before or after this one, for the same place, had a value. */
static bool is_filled(const bool *done, const struct vp_row *row)
{
	for (size_t i = 0; i < vp_nrows; i++)
		if (done[i] && vp_rows[i].object == row->object && vp_rows[i].offset == row->offset)
			return true;
	return false;
}

/* A missing string is "" for everyone who reads the model. */
static void finish_row(struct vp_bind *b, const struct vp_row *row, const struct vp_target *t, bool filled)
{
	const char **text = dest_of(row, t);

	if ((row->kind == VP_K_STRING || row->kind == VP_K_CHOICE) && !*text)
		*text = "";
	if (row->required && !filled)
		vp_problem(b, VP_ERROR, VP_E_MISSING, NULL, path_of(b, row, t), "is missing; it has to be %s", vp_row_wants(b->a, row));
}

void vp_fill(struct vp_bind *b, const struct vp_target *t)
{
	static bool (*const sources[])(struct vp_bind *, const struct vp_row *, const struct vp_target *) = { from_profile, from_site,
													      from_fallback };
	bool done[VP_MAX_ROWS] = { false };

	for (size_t s = 0; s < vp_count(sources); s++)
		for (size_t i = 0; i < vp_nrows; i++)
			if (vp_rows[i].object == t->object && !is_filled(done, &vp_rows[i]))
				done[i] = sources[s](b, &vp_rows[i], t);
			else if (vp_rows[i].object == t->object && sources[s] == from_profile)
				check_unused(b, &vp_rows[i], t);
	for (size_t i = 0; i < vp_nrows; i++)
		if (vp_rows[i].object == t->object)
			finish_row(b, &vp_rows[i], t, is_filled(done, &vp_rows[i]));
}
