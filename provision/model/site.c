// SPDX-License-Identifier: Apache-2.0
#include <ctype.h>
#include <string.h>

#include "bind.h"

#define DEFAULT_FILE "/etc/vprov/vprov.conf"
#define MAX_SITE     (1u << 20)

/* The row that a key of the file belongs to, or NULL. */
static const struct vp_row *row_of(const char *key)
{
	size_t n;
	const struct vp_row *const *rows = vp_rows_all(&n);

	for (size_t i = 0; i < n; i++) {
		const struct vp_row *r = rows[i];
		const char *pattern = r->path;

		if (r->object != VP_O_SITE && strncmp(pattern, VP_OWN, strlen(VP_OWN)))
			continue;
		if (vp_path_match(r->object == VP_O_SITE ? pattern : pattern + strlen(VP_OWN), key))
			return r;
	}
	return NULL;
}

static bool is_list(const struct vp_row *row)
{
	return row->kind == VP_K_STRINGS;
}

/* NULL, or what is wrong with the line. */
static const char *check_line(struct vp_arena *a, const struct vp_site *s, const struct vp_site_line *l)
{
	const struct vp_row *row = row_of(l->key);
	union {
		uint64_t number;
		const char *list[2];
	} value = { 0 };
	const char *wants;

	if (!row)
		return vp_printf(a, "unknown key \"%s\"", l->key);
	if (row->object == VP_O_SITE && l->glob)
		return vp_printf(a, "%s is one for all nodes: it goes before the first section", l->key);
	if (row->object == VP_O_ROLE && l->role)
		return vp_printf(a, "%s cannot depend on the role", l->key);
	wants = vp_row_store(a, row, l->value, &value);
	if (wants)
		return vp_printf(a, "%s = \"%s\": it has to be %s", l->key, l->value, wants);
	for (size_t i = s->n; i-- > 0 && !is_list(row) && s->lines[i].glob == l->glob;)
		if (!strcmp(s->lines[i].key, l->key))
			return vp_printf(a, "%s is there twice; first on line %u", l->key, s->lines[i].line);
	return NULL;
}

static char *trim(char *s)
{
	char *end = s + strlen(s);

	while (end > s && isspace((unsigned char)end[-1]))
		*--end = '\0';
	return s + strspn(s, " \t");
}

/* "[node GLOB]", "[role GLOB]"; fills what the lines after it inherit. */
static const char *section(struct vp_arena *a, char *text, struct vp_site_line *in)
{
	static const char wrong[] = "a section is written [node GLOB] or [role GLOB]";
	size_t len = strlen(text);

	if ((strncmp(text, "[node", 5) && strncmp(text, "[role", 5)) || !isspace((unsigned char)text[5]) || text[len - 1] != ']')
		return wrong;
	text[len - 1] = '\0';
	in->role = text[1] == 'r';
	in->glob = vp_strdup(a, trim(text + 6));
	return *in->glob ? NULL : wrong;
}

static const char *take_line(struct vp_arena *a, struct vp_site *s, char *text, struct vp_site_line *in)
{
	struct vp_site_line l = *in;
	char *equals;
	const char *wrong;

	text = trim(text);
	if (!*text || *text == '#')
		return NULL;
	if (*text == '[')
		return section(a, text, in);
	equals = strchr(text, '=');
	if (!equals)
		return "neither \"key = value\" nor a section nor a # comment";
	*equals = '\0';
	l.key = vp_strdup(a, trim(text));
	l.value = vp_strdup(a, trim(equals + 1));
	wrong = check_line(a, s, &l);
	if (wrong)
		return wrong;
	s->lines = vp_grow_in(a, s->lines, s->n, &s->cap, sizeof(*s->lines));
	s->lines[s->n++] = l;
	return NULL;
}

static void parse(struct vp_arena *a, struct vp_site *s, char *text, struct vp_diags *diags)
{
	struct vp_site_line in = { 0 };
	const char *wrong;

	for (char *line; (line = strsep(&text, "\n"));) {
		in.line++;
		wrong = take_line(a, s, line, &in);
		if (wrong)
			vp_diag(diags, VP_ERROR, VP_E_CONFIG, s->file, in.line, "", "%s", wrong);
	}
}

struct vp_site *vp_site_read(struct vp_arena *a, const char *file, struct vp_diags *diags)
{
	struct vp_site *s = vp_alloc(a, sizeof(*s));
	vp_cleanup(vp_buf_free) struct vp_buf data = { 0 };
	struct vp_err err = { 0 };

	s->file = file ? vp_strdup(a, file) : DEFAULT_FILE;
	if (!file && !vp_exists(DEFAULT_FILE))
		return s;
	if (vp_read_file(s->file, MAX_SITE, &data, &err)) {
		vp_diag(diags, VP_ERROR, VP_E_CONFIG, "", 0, "", "%s", err.msg);
		return NULL;
	}
	vp_sha256_hex(vp_buf_str(&data), data.len, s->digest);
	if (memchr(vp_buf_str(&data), '\0', data.len))
		vp_diag(diags, VP_ERROR, VP_E_CONFIG, s->file, 0, "", "has NUL characters: no text file");
	else if (data.len)
		parse(a, s, data.data, diags);
	return s;
}

static bool is_for(const struct vp_site_line *l, const struct vp_node *n)
{
	return !l->glob || (n && vp_glob(l->glob, l->role ? n->role : n->name));
}

const struct vp_site_line *vp_site_next(const struct vp_site *site, const struct vp_node *n, const char *key, size_t *pos)
{
	while (site && *pos < site->n) {
		const struct vp_site_line *l = &site->lines[(*pos)++];

		if (is_for(l, n) && vp_path_match(l->key, key))
			return l;
	}
	return NULL;
}

const char *vp_site_get(const struct vp_site *site, const char *key)
{
	size_t pos = 0;
	const struct vp_site_line *l = vp_site_next(site, NULL, key, &pos);

	return l ? l->value : NULL;
}

const char *const *vp_site_all(const struct vp_site *site, struct vp_arena *a, const char *key, size_t *n)
{
	const char **all = NULL;
	size_t pos = 0, cap = 0;

	*n = 0;
	for (const struct vp_site_line *l; (l = vp_site_next(site, NULL, key, &pos));) {
		all = vp_grow_in(a, all, *n, &cap, sizeof(*all));
		all[(*n)++] = l->value;
	}
	return all;
}

const char *vp_site_digest(const struct vp_site *site)
{
	return site->digest;
}
