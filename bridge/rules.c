// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>

#include "rules.h"

void vp_rules_free(struct vp_rules *r)
{
	for (size_t i = 0; i < r->n; i++)
		free(r->items[i].text);
	free(r->items);
	*r = (struct vp_rules){ 0 };
}

void vp_rules_add(struct vp_rules *r, enum vp_rule_kind kind, const char *dev, const char *text)
{
	struct vp_rule *one;

	r->items = vp_grow(r->items, r->n, &r->cap, sizeof(*r->items));
	one = &r->items[r->n++];
	*one = (struct vp_rule){ .kind = kind, .text = vp_xcalloc(1, strlen(text) + 1) };
	memcpy(one->text, text, strlen(text));
	snprintf(one->dev, sizeof(one->dev), "%s", dev);
}

const char *vp_rule_find(const struct vp_rules *r, enum vp_rule_kind kind, const char *dev)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->items[i].kind == kind && !strcmp(r->items[i].dev, dev))
			return r->items[i].text;
	return NULL;
}

void vp_share_free(struct vp_share *s)
{
	free(s->items);
	*s = (struct vp_share){ 0 };
}

void vp_share_add(struct vp_share *s, const unsigned char mac[6], unsigned class)
{
	s->items = vp_grow(s->items, s->n, &s->cap, sizeof(*s->items));
	memcpy(s->items[s->n].mac, mac, 6);
	s->items[s->n++].class = class;
}

const struct vp_sharer *vp_share_find(const struct vp_share *s, const unsigned char mac[6])
{
	for (size_t i = 0; i < s->n; i++)
		if (!memcmp(s->items[i].mac, mac, 6))
			return &s->items[i];
	return NULL;
}

bool vp_share_parse(const char *text, struct vp_share *out)
{
	int used = 0;
	unsigned class;
	unsigned char m[6];

	*out = (struct vp_share){ 0 };
	if (sscanf(text, "%u%n", &out->rate, &used) != 1)
		return false;
	for (text += used; *text && strcmp(text, VP_RULE_DAMAGED); text += used) {
		if (sscanf(text, " %hhx:%hhx:%hhx:%hhx:%hhx:%hhx=%u%n", &m[0], &m[1], &m[2], &m[3], &m[4], &m[5], &class, &used) != 7 ||
		    class < VP_CLASS_FIRST || class > VP_CLASS_LAST)
			return false;
		vp_share_add(out, m, class);
	}
	return true;
}

static int by_mac(const void *a, const void *b)
{
	return memcmp(((const struct vp_sharer *)a)->mac, ((const struct vp_sharer *)b)->mac, 6);
}

void vp_share_print(struct vp_share *s, struct vp_buf *out)
{
	if (s->n)
		qsort(s->items, s->n, sizeof(*s->items), by_mac);
	vp_buf_addf(out, "%u", s->rate);
	for (size_t i = 0; i < s->n; i++) {
		const unsigned char *m = s->items[i].mac;

		vp_buf_addf(out, " %02x:%02x:%02x:%02x:%02x:%02x=%u", m[0], m[1], m[2], m[3], m[4], m[5], s->items[i].class);
	}
}
