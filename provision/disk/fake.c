// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "disk.h"

struct image {
	char *path;
	struct vp_disk_info info;
};

struct vp_disk_fake {
	/* Sorted by path. */
	struct image *items;
	size_t n, cap;
	/* Counts down with each mutating operation; the one that makes it 0 fails. */
	unsigned fail;
};

struct vp_disk_fake *vp_disk_fake_new(void)
{
	return vp_xcalloc(1, sizeof(struct vp_disk_fake));
}

void vp_disk_fake_free(struct vp_disk_fake *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->items[i].path);
	free(f->items);
	free(f);
}

void vp_disk_fake_fail(struct vp_disk_fake *f, unsigned k)
{
	f->fail = k;
}

void vp_disk_fake_list(const struct vp_disk_fake *f, struct vp_buf *out)
{
	for (size_t i = 0; i < f->n; i++)
		vp_buf_addf(out, "%s %s %" PRIu64 "\n", f->items[i].path, f->items[i].info.format, f->items[i].info.size);
}

/* Position of path, or where it belongs. */
static size_t place(const struct vp_disk_fake *f, const char *path, bool *found)
{
	size_t i = 0;

	while (i < f->n && strcmp(f->items[i].path, path) < 0)
		i++;
	*found = i < f->n && !strcmp(f->items[i].path, path);
	return i;
}

static int injected(struct vp_disk_fake *f, const char *what, const char *path, struct vp_err *err)
{
	if (!f->fail || --f->fail)
		return 0;
	return vp_fail(err, VP_E_IO, "%s %s: injected failure", what, path);
}

static int fake_info(void *ctx, const char *path, struct vp_disk_info *out, struct vp_err *err)
{
	const struct vp_disk_fake *f = ctx;
	bool found;
	size_t i = place(f, path, &found);

	(void)err;
	if (found)
		*out = f->items[i].info;
	/* As a new volume is. */
	out->blank = found && !strstr(path, "used");
	return found;
}

static int fake_create(void *ctx, const char *path, const char *format, uint64_t size, struct vp_err *err)
{
	struct vp_disk_fake *f = ctx;
	struct image image = { .info.size = size };
	bool found;
	size_t i = place(f, path, &found);

	if (injected(f, "create", path, err))
		return -1;
	if (found)
		return vp_fail(err, VP_E_IO, "disk %s exists already", path);
	f->items = vp_grow(f->items, f->n, &f->cap, sizeof(image));
	memmove(&f->items[i + 1], &f->items[i], (f->n++ - i) * sizeof(image));
	image.path = vp_xcalloc(strlen(path) + 1, 1);
	strcpy(image.path, path);
	snprintf(image.info.format, sizeof(image.info.format), "%s", format);
	f->items[i] = image;
	return 0;
}

static int fake_remove(void *ctx, const char *path, struct vp_err *err)
{
	struct vp_disk_fake *f = ctx;
	bool found;
	size_t i = place(f, path, &found);

	if (injected(f, "remove", path, err))
		return -1;
	if (!found)
		return 0;
	free(f->items[i].path);
	memmove(&f->items[i], &f->items[i + 1], (--f->n - i) * sizeof(f->items[0]));
	return 0;
}

const struct vp_disk_ops vp_disk_fake = { fake_info, fake_create, fake_remove };
