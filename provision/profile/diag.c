// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "build.h"

#define MAX_TEXT 500
/* Profiles of a site come from the same templates: what so many of them get is shown once. */
#define ALIKE 3

/* Any bytes as text that is safe for terminals and JSON: no control characters (C1 ones neither), valid UTF-8. */
static char *clean(struct vp_arena *a, const char *s)
{
	char *text = vp_printable(a, s, MAX_TEXT), *p = text;
	size_t len = strlen(p), good;

	while ((good = vp_utf8_valid(p, len)) < len) {
		p[good] = '?';
		p += good + 1;
		len -= good + 1;
	}
	for (p = text; (p = strchr(p, 0xc2)); p++)
		if ((unsigned char)p[1] < 0xa0)
			p[0] = p[1] = '?';
	return text;
}

void vp_diag(struct vp_diags *d, enum vp_severity sev, enum vp_code code, const char *file, unsigned line, const char *path, const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	d->errors += sev == VP_ERROR;
	d->warnings += sev == VP_WARNING;
	if (!d->n)
		d->kept_errors = 0;
	/* Errors are not lost behind warnings. */
	if ((sev == VP_ERROR ? d->kept_errors : d->n - d->kept_errors) >= VP_MAX_DIAGS) {
		d->dropped++;
		return;
	}
	d->kept_errors += sev == VP_ERROR;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	d->items = vp_grow(d->items, d->n, &d->cap, sizeof(*d->items));
	d->items[d->n++] = (struct vp_diag){
		.severity = sev,
		.code = code,
		.file = clean(d->arena, file),
		.line = line,
		.path = clean(d->arena, path),
		.message = clean(d->arena, text),
	};
}

void vp_diags_add(struct vp_diags *d, const struct vp_diags *from)
{
	unsigned errors = d->errors + from->errors, warnings = d->warnings + from->warnings;

	for (size_t i = 0; i < from->n; i++) {
		const struct vp_diag *one = &from->items[i];

		vp_diag(d, one->severity, one->code, one->file, one->line, one->path, "%s", one->message);
	}
	d->errors = errors;
	d->warnings = warnings;
	d->dropped += from->dropped;
}

static int by_place(const void *left, const void *right)
{
	const struct vp_diag *a = left, *b = right;
	int rc = strcmp(a->file, b->file);

	if (!rc)
		rc = (a->line > b->line) - (a->line < b->line);
	if (!rc)
		rc = strcmp(a->path, b->path);
	return rc ? rc : strcmp(a->message, b->message);
}

static int by_text(const void *left, const void *right)
{
	const struct vp_diag *a = *(const struct vp_diag *const *)left, *b = *(const struct vp_diag *const *)right;
	int rc = strcmp(a->message, b->message);

	return rc ? rc : (a > b) - (a < b);
}

/* For each of the sorted items: how many warnings like it follow and are not shown; -1 for those. NULL where all are shown. */
static const int *fold(const struct vp_diags *d)
{
	const struct vp_diag **list = vp_alloc(d->arena, d->n * sizeof(*list));
	int *more = vp_alloc(d->arena, d->n * sizeof(*more));
	size_t n = 0, end;

	for (size_t i = 0; i < d->n; i++)
		if (d->items[i].severity != VP_ERROR)
			list[n++] = &d->items[i];
	qsort(list, n, sizeof(*list), by_text);
	for (size_t i = 0; i < n; i = end) {
		for (end = i + 1; end < n && !strcmp(list[i]->message, list[end]->message); end++)
			;
		if (end - i <= ALIKE)
			continue;
		more[list[i] - d->items] = (int)(end - i - 1);
		for (size_t k = i + 1; k < end; k++)
			more[list[k] - d->items] = -1;
	}
	return more;
}

static void print_one(const struct vp_diag *d, int more, bool color, FILE *f)
{
	static const char *const words[] = { "note", "warning", "error" };
	static const char *const colors[] = { "\033[36m", "\033[33m", "\033[1;31m" };

	if (d->file[0])
		fprintf(f, "%s:", d->file);
	if (d->line)
		fprintf(f, "%u:", d->line);
	fprintf(f, "%s%s%s:%s %s%s%s [%s]", d->file[0] ? " " : "", color ? colors[d->severity] : "", words[d->severity], color ? "\033[0m" : "",
		d->path, d->path[0] ? ": " : "", d->message, vp_code_text(d->code));
	if (more)
		fprintf(f, " (and %d more such lines: --verbose)", more);
	fputc('\n', f);
}

/* Only the order changes; callers have the same set. */
void vp_diags_sort(const struct vp_diags *d)
{
	if (d->n)
		qsort(d->items, d->n, sizeof(*d->items), by_place);
}

void vp_diags_print(const struct vp_diags *d, FILE *f)
{
	bool color = vp_out.color && isatty(fileno(f));
	const int *more;

	if (!d->n)
		return;
	vp_diags_sort(d);
	more = vp_out.level > 0 ? NULL : fold(d);
	for (size_t i = 0; i < d->n; i++)
		if (!more || more[i] >= 0)
			print_one(&d->items[i], more ? more[i] : 0, color, f);
	if (d->dropped)
		fprintf(f, "... and %u more\n", d->dropped);
	if (d->errors || d->warnings)
		fprintf(f, "%u error%s, %u warning%s\n", d->errors, d->errors == 1 ? "" : "s", d->warnings, d->warnings == 1 ? "" : "s");
}

void vp_diags_free(struct vp_diags *d)
{
	free(d->items);
	*d = (struct vp_diags){ .arena = d->arena };
}
