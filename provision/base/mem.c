// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>

#include "base.h"

struct block {
	struct block *next;
	size_t used, size;
	_Alignas(max_align_t) char data[];
};

struct vp_arena {
	/* The first is the one that is being filled. */
	struct block *blocks;
};

#define BLOCK_SIZE 65536

static void *checked(void *p)
{
	if (!p) {
		fputs("vprov: out of memory\n", stderr);
		abort();
	}
	return p;
}

void *vp_xcalloc(size_t n, size_t size)
{
	return checked(calloc(n ? n : 1, size ? size : 1));
}

void *vp_xrealloc(void *p, size_t size)
{
	return checked(realloc(p, size ? size : 1));
}

void *vp_grow(void *items, size_t n, size_t *cap, size_t size)
{
	size_t want;

	if (n < *cap)
		return items;
	want = *cap ? *cap * 2 : 16;
	items = checked(reallocarray(items, want, size));
	memset((char *)items + *cap * size, 0, (want - *cap) * size);
	*cap = want;
	return items;
}

struct vp_arena *vp_arena_new(void)
{
	return vp_xcalloc(1, sizeof(struct vp_arena));
}

void vp_arena_free(struct vp_arena *a)
{
	if (!a)
		return;
	for (struct block *b = a->blocks, *next; b; b = next) {
		next = b->next;
		free(b);
	}
	free(a);
}

void vp_arena_freep(struct vp_arena **a)
{
	vp_arena_free(*a);
}

static struct block *add_block(struct vp_arena *a, size_t size)
{
	size_t room = size > BLOCK_SIZE ? size : BLOCK_SIZE;
	struct block *b = vp_xrealloc(NULL, sizeof(*b) + room);

	b->size = room;
	b->used = 0;
	/* A huge one does not end the filling of the one before. */
	if (b->size > BLOCK_SIZE && a->blocks) {
		b->next = a->blocks->next;
		a->blocks->next = b;
	} else {
		b->next = a->blocks;
		a->blocks = b;
	}
	return b;
}

/* size bytes with whatever is in them, at a multiple of align. */
static void *take(struct vp_arena *a, size_t size, size_t align)
{
	struct block *b = a->blocks;
	size_t at = b ? (b->used + align - 1) & ~(align - 1) : 0;

	if (!b || at > b->size || b->size - at < size) {
		b = add_block(a, size);
		at = 0;
	}
	b->used = at + size;
	return b->data + at;
}

void *vp_alloc(struct vp_arena *a, size_t size)
{
	return memset(take(a, size, _Alignof(max_align_t)), 0, size);
}

char *vp_strndup(struct vp_arena *a, const char *s, size_t len)
{
	char *p = take(a, len + 1, 1);

	memcpy(p, s, len);
	p[len] = '\0';
	return p;
}

char *vp_strdup(struct vp_arena *a, const char *s)
{
	return vp_strndup(a, s, strlen(s));
}

char *vp_printf(struct vp_arena *a, const char *fmt, ...)
{
	va_list ap;
	int n;
	char *p;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	p = take(a, (size_t)n + 1, 1);
	va_start(ap, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return p;
}

void *vp_grow_in(struct vp_arena *a, void *items, size_t n, size_t *cap, size_t size)
{
	void *more;

	if (n < *cap)
		return items;
	*cap = *cap ? *cap * 2 : 16;
	more = vp_alloc(a, *cap * size);
	if (n)
		memcpy(more, items, n * size);
	return more;
}

void vp_buf_add(struct vp_buf *b, const void *data, size_t len)
{
	if (b->len + len + 1 > b->cap) {
		size_t cap = b->cap ? b->cap : 256;

		while (cap < b->len + len + 1)
			cap *= 2;
		b->data = vp_xrealloc(b->data, cap);
		b->cap = cap;
	}
	if (len)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void vp_buf_adds(struct vp_buf *b, const char *s)
{
	vp_buf_add(b, s, strlen(s));
}

void vp_buf_vaddf(struct vp_buf *b, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	vp_buf_add(b, "", 0);
	if (b->len + (size_t)n + 1 > b->cap) {
		b->cap = b->len + (size_t)n + 1 + b->cap;
		b->data = vp_xrealloc(b->data, b->cap);
	}
	vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
	b->len += (size_t)n;
}

void vp_buf_addf(struct vp_buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vp_buf_vaddf(b, fmt, ap);
	va_end(ap);
}

const char *vp_buf_str(const struct vp_buf *b)
{
	return b->data ? b->data : "";
}

void vp_buf_free(struct vp_buf *b)
{
	free(b->data);
	*b = (struct vp_buf){ 0 };
}

void vp_freep(void *p)
{
	free(*(void **)p);
}
