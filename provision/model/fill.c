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
	path = v ? vp_path_of(b->a, v) : path;
	b->failed |= sev == VP_ERROR;
	for (size_t i = 0; i < b->diags->n; i++) {
		const struct vp_diag *d = &b->diags->items[i];

		if (d->severity == sev && !strcmp(d->path, path) && !strcmp(d->message, text) && !strcmp(d->file, b->profile->file))
			return;
	}
	vp_diag(b->diags, sev, code, b->profile->file, v ? v->line : 0, path, "%s", text);
}

const struct vp_val *vp_find(const struct vp_bind *b, const char *fmt, ...)
{
	char path[1024];
	va_list ap;
	int n;

	if (!strchr(fmt, '%'))
		return vp_get(b->profile->root, fmt);
	va_start(ap, fmt);
	n = vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	/* No path that vprov reads is that long: a key made it so. */
	return n < (int)sizeof(path) ? vp_get(b->profile->root, path) : NULL;
}

const struct vp_val *vp_child(const struct vp_val *dict, const char *key)
{
	const struct vp_val *c = dict && dict->type == VP_DICT ? dict->child : NULL;

	while (c && strcmp(c->key, key))
		c = c->next;
	return c;
}

static void add_origin(struct vp_bind *b, struct vp_origin o)
{
	struct vp_node *n = &b->node->n;

	n->origins = vp_grow_in(b->a, n->origins, n->norigins, &n->originscap, sizeof(o));
	n->origins[n->norigins++] = o;
}

/* The text with its first '*' replaced; in the arena, unless there is none. */
static const char *replace(struct vp_bind *b, const char *pattern, const char *with)
{
	const char *star = strchr(pattern, '*');
	size_t before = star ? (size_t)(star - pattern) : 0, len;
	char *text;

	if (!star || !with)
		return pattern;
	len = strlen(with);
	text = vp_alloc(b->a, strlen(pattern) + len);
	memcpy(text, pattern, before);
	memcpy(text + before, with, len);
	memcpy(text + before + len, star + 1, strlen(star + 1));
	return text;
}

const char *vp_field(struct vp_bind *b, const char *pattern, const char *name)
{
	return replace(b, pattern, name);
}

void vp_note_origin(struct vp_bind *b, const char *field, const char *value, const char *path, const struct vp_val *v)
{
	struct vp_origin o = { .path = path, .file = "" };

	o.field = vp_strdup(b->a, field);
	o.value = vp_strdup(b->a, value);
	if (v) {
		o.path = vp_path_of(b->a, v);
		o.file = b->node->n.file;
		o.line = v->line;
	}
	add_origin(b, o);
}

void vp_replace_origin(struct vp_bind *b, struct vp_origin o)
{
	struct vp_origin *known = (struct vp_origin *)vp_origin_of(&b->node->n, o.field);

	o.field = vp_strdup(b->a, o.field);
	o.value = vp_strdup(b->a, o.value);
	if (known)
		*known = o;
	else
		add_origin(b, o);
}

void vp_copy_origin(struct vp_bind *b, const char *from, const char *field)
{
	const struct vp_origin *known = vp_origin_of(&b->node->n, from);
	struct vp_origin o;

	if (!known)
		return;
	o = *known;
	o.field = vp_strdup(b->a, field);
	add_origin(b, o);
}

void vp_drop_origin(struct vp_bind *b, const char *field)
{
	struct vp_node *n = &b->node->n;
	size_t kept = 0;

	for (size_t i = 0; i < n->norigins; i++)
		if (strcmp(n->origins[i].field, field))
			n->origins[kept++] = n->origins[i];
	n->norigins = kept;
}

/* One run of vp_fill(). */
struct fill {
	struct vp_bind *b;
	const struct vp_target *t;
	const struct vp_rows_index *x;
	/* From the root to t->at. */
	const struct vp_val *chain[VP_MAX_DEPTH + 1];
	unsigned depth;
	/* Of each row: what the profile says, or NULL. */
	const struct vp_val *values[VP_MAX_ROWS];
	/* Of the first row of each place: it has a value. */
	bool filled[VP_MAX_ROWS];
};

static void find_chain(struct fill *f)
{
	unsigned n = 0;

	for (const struct vp_val *v = f->t->at; v; v = v == f->b->profile->root ? NULL : v->parent)
		n++;
	if (n > vp_count(f->chain))
		return;
	f->depth = n;
	for (const struct vp_val *v = f->t->at; n; v = v->parent)
		f->chain[--n] = v;
}

/* What the profile has at this step of the paths and below it; level is the number of elements so far. */
static void find_values(struct fill *f, unsigned short at, const struct vp_val *v, unsigned level)
{
	const struct vp_step *s = vp_step_at(at);

	if (s->row >= 0)
		f->values[s->row] = v;
	for (unsigned short c = s->child; c; c = vp_step_at(c)->next) {
		const struct vp_step *to = vp_step_at(c);
		const char *key = to->star ? f->t->key : to->name;
		const struct vp_val *child;

		if (to->star && level + 1 < f->depth && f->chain[level] == v)
			child = f->chain[level + 1];
		else
			child = !key ? NULL : v->type == VP_LIST ? vp_get(v, key) : vp_child(v, key);
		if (child)
			find_values(f, c, child, level + 1);
	}
}

static void *dest_of(const struct fill *f, size_t i)
{
	return (char *)f->t->base + f->x->rows[i]->offset;
}

static void note(struct fill *f, const struct vp_row *row, struct vp_origin o)
{
	if (!row->field)
		return;
	o.field = replace(f->b, row->field, f->t->name ? f->t->name : f->t->key);
	add_origin(f->b, o);
}

/* Real profiles hold booleans as the strings "yes" and "true", too; a double may be written as a long, and an option of a dict is any scalar. */
static bool type_fits(const struct vp_row *row, enum vp_type type)
{
	static const enum vp_type types[] = {
		[VP_K_STRING] = VP_STRING, [VP_K_STRINGS] = VP_STRING, [VP_K_BOOL] = VP_BOOL,	  [VP_K_UINT] = VP_LONG,    [VP_K_MIB] = VP_LONG,
		[VP_K_CHOICE] = VP_STRING, [VP_K_ENUM] = VP_STRING,    [VP_K_DOUBLE] = VP_DOUBLE, [VP_K_PAIRS] = VP_STRING,
	};

	if (row->kind == VP_K_PAIRS)
		return type >= VP_STRING;
	return type == types[row->kind] || (row->kind == VP_K_BOOL && type == VP_STRING) || (row->kind == VP_K_DOUBLE && type == VP_LONG);
}

/* Another object has the same value and said so, as an error. */
static bool already_said(const struct vp_bind *b, const char *path)
{
	for (size_t i = 0; i < b->diags->n; i++)
		if (b->diags->items[i].severity == VP_ERROR && !strcmp(b->diags->items[i].path, path) &&
		    !strcmp(b->diags->items[i].file, b->profile->file))
			return true;
	return false;
}

/* One value into its place; the message is the same whatever is wrong with it: what it is, and what it has to be. */
static bool store_value(struct vp_bind *b, const struct vp_row *row, const struct vp_val *v, void *dest)
{
	bool word = row->kind == VP_K_BOOL && v->type == VP_STRING, nul = v->text && strlen(v->text) != v->len;
	enum vp_severity sev = row->lenient ? VP_WARNING : VP_ERROR;
	const char *wants, *left = row->lenient ? ": left out" : "";
	bool fits = type_fits(row, v->type);

	wants = !fits || nul ? vp_row_wants(b->a, row) : vp_row_store(b->a, row, v->text, dest);
	if (!wants || (row->lenient && already_said(b, vp_path_of(b->a, v))))
		return !wants;
	if (!fits)
		vp_problem(b, sev, VP_E_TYPE, v, "", "is a %s; it has to be %s%s", vp_type_name(v->type), wants, left);
	else
		vp_problem(b, sev, word ? VP_E_TYPE : VP_E_VALUE, v, "", "%s is not allowed; it has to be %s%s",
			   row->secret ? "what it says" : vp_printf(b->a, "\"%s\"", v->text), wants, left);
	return false;
}

/* Name and value of each child that is right. */
static bool store_pairs(struct vp_bind *b, const struct vp_row *row, const struct vp_val *dict, struct vp_words *list)
{
	for (const struct vp_val *c = dict->child; c; c = c->next) {
		size_t n = list->n;

		if (vp_row_store(b->a, row, c->key, list) || !store_value(b, row, c, list))
			list->n = n;
	}
	return list->n;
}

/* A value, or each one of a list or dict. False where a lenient row has nothing of it. */
static bool store_all(struct vp_bind *b, const struct vp_row *row, const struct vp_val *v, void *dest)
{
	bool any = false;

	if (row->kind == VP_K_PAIRS && v->type == VP_DICT)
		any = store_pairs(b, row, v, dest);
	else if (row->kind == VP_K_STRINGS && v->type == VP_LIST)
		for (const struct vp_val *c = v->child; c; c = c->next)
			any |= store_value(b, row, c, dest);
	else
		any = row->kind != VP_K_PAIRS && store_value(b, row, v, dest);
	if (row->kind == VP_K_PAIRS && v->type != VP_DICT)
		vp_problem(b, row->lenient ? VP_WARNING : VP_ERROR, VP_E_TYPE, v, "", "is a %s; it has to be %s", vp_type_name(v->type),
			   vp_row_wants(b->a, row));
	return any || !row->lenient;
}

/* The value as people read it, in the arena. */
static const char *value_text(struct vp_bind *b, const struct vp_row *row, const struct vp_val *v, const void *dest)
{
	const struct vp_words *list = dest;
	const char *text = "";

	if (row->kind == VP_K_MIB)
		return vp_size_text(b->a, *(const uint64_t *)dest);
	if (row->kind != VP_K_STRINGS && row->kind != VP_K_PAIRS)
		return vp_strdup(b->a, v->text ? v->text : "");
	for (size_t i = 0; i < list->n; i++)
		text = vp_printf(b->a, "%s%s%s", text, row->kind == VP_K_PAIRS && i % 2 ? "=" : i ? ", " : "", list->items[i]);
	return text;
}

static bool from_profile(struct fill *f, size_t i)
{
	const struct vp_row *row = f->x->rows[i];
	const struct vp_val *v = f->values[i];
	struct vp_bind *b = f->b;

	if (!v || !store_all(b, row, v, dest_of(f, i)))
		return false;
	/* An empty list or dict decides, but is no value; and not every format has one. */
	if (row->field && (v->child || v->type >= VP_STRING))
		note(f, row,
		     (struct vp_origin){
			     .value = value_text(b, row, v, dest_of(f, i)), .path = vp_path_of(b->a, v), .file = b->node->n.file, .line = v->line });
	return true;
}

/* The profile's value for a place that another row filled already: not used, but not wrong either. */
static void check_unused(struct fill *f, size_t i)
{
	uint64_t scratch[2] = { 0 };

	if (f->values[i])
		store_all(f->b, f->x->rows[i], f->values[i], scratch);
}

static void take_value(struct fill *f, size_t i)
{
	bool *filled = &f->filled[f->x->first[i]];

	if (!*filled)
		*filled = from_profile(f, i);
	else
		check_unused(f, i);
}

static bool from_site(struct fill *f, size_t i)
{
	struct vp_bind *b = f->b;
	const struct vp_row *row = f->x->rows[i];
	struct vp_origin o = { .value = "" };
	const struct vp_site_line *l, *last = NULL;
	const char *path;
	size_t pos = 0;

	if (!b->site || !b->site->n || strncmp(row->path, VP_OWN, strlen(VP_OWN)))
		return false;
	path = replace(b, row->path + strlen(VP_OWN), f->t->key);
	while ((l = vp_site_next(b->site, &b->node->n, path, &pos))) {
		/* Checked when the file was read. The last one holds; of lists, all. */
		vp_row_store(b->a, row, l->value, dest_of(f, i));
		o.value = row->kind == VP_K_STRINGS && last ? vp_printf(b->a, "%s, %s", o.value, l->value) : l->value;
		last = l;
	}
	if (!last)
		return false;
	o.path = vp_printf(b->a, "site:%s", last->key);
	o.file = b->site->file;
	o.line = last->line;
	note(f, row, o);
	return true;
}

static bool from_fallback(struct fill *f, size_t i)
{
	const struct vp_row *row = f->x->rows[i];

	if (!row->fallback)
		return false;
	vp_row_store(f->b->a, row, row->fallback, dest_of(f, i));
	note(f, row, (struct vp_origin){ .value = row->fallback, .path = "default", .file = "" });
	return true;
}

/* What is left of a row's path below the object's own dict; NULL where the path does not lead there. */
static const char *below(const struct fill *f, const struct vp_row *row)
{
	const char *path = row->path;

	for (unsigned i = 1; i < f->depth; i++) {
		size_t len = strcspn(++path, "/");
		const char *key = f->chain[i]->key;
		bool star = len == 1 && *path == '*';

		if (!star && (!key || strlen(key) != len || strncmp(key, path, len)))
			return NULL;
		path += len;
		if (*path != '/')
			return NULL;
	}
	return path;
}

/* Said at one of the rows with that place: the one that belongs to the object's own dict. */
static void tell_missing(struct fill *f, const struct vp_row *row)
{
	const char *rest = f->depth ? below(f, row) : NULL, *path;

	if (f->depth && !rest)
		return;
	path = rest ? vp_printf(f->b->a, "%s%s", vp_path_of(f->b->a, f->t->at), rest) : replace(f->b, row->path, f->t->key);
	vp_problem(f->b, VP_ERROR, VP_E_MISSING, NULL, path, "is missing; it has to be %s", vp_row_wants(f->b->a, row));
}

/* A missing string is "" for everyone who reads the model. */
static void finish_row(struct fill *f, size_t i)
{
	const struct vp_row *row = f->x->rows[i];
	const char **text = dest_of(f, i);
	bool filled = f->filled[f->x->first[i]];

	if ((row->kind == VP_K_STRING || row->kind == VP_K_CHOICE) && !*text)
		*text = "";
	if (row->required && !filled)
		tell_missing(f, row);
	if (row->given && filled)
		*((bool *)f->t->base + row->given) = true;
}

void vp_fill(struct vp_bind *b, const struct vp_target *t)
{
	struct fill f;
	const struct vp_rows_index *x = vp_rows_of(t->object);

	f.b = b;
	f.t = t;
	f.x = x;
	f.depth = 0;
	memset(f.values, 0, x->n * sizeof(f.values[0]));
	memset(f.filled, 0, x->n * sizeof(f.filled[0]));
	find_chain(&f);
	find_values(&f, x->steps, b->profile->root, 0);
	for (size_t i = 0; i < x->n; i++)
		if (!x->rows[i]->late)
			take_value(&f, i);
	for (size_t i = 0; i < x->n; i++)
		f.filled[x->first[i]] = f.filled[x->first[i]] || from_site(&f, i);
	for (size_t i = 0; i < x->n; i++)
		if (x->rows[i]->late)
			take_value(&f, i);
	for (size_t i = 0; i < x->n; i++)
		f.filled[x->first[i]] = f.filled[x->first[i]] || from_fallback(&f, i);
	for (size_t i = 0; i < x->n; i++)
		finish_row(&f, i);
}
