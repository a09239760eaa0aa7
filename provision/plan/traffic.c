// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>

#include "traffic.h"

static bool parse_mac(const char *text, unsigned char mac[6])
{
	return text && sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &mac[0], &mac[1], &mac[2], &mac[3], &mac[4], &mac[5]) == 6;
}

/* Answers the class that it had, 0 for none. */
static unsigned take_out(struct vp_share *s, const char *text)
{
	unsigned char mac[6];
	unsigned class = 0;

	for (size_t i = s->n; parse_mac(text, mac) && i-- > 0;)
		if (!memcmp(s->items[i].mac, mac, 6)) {
			class = s->items[i].class;
			s->items[i] = s->items[--s->n];
		}
	return class;
}

/* The NICs that a node has, and those that it had when it was recorded. */
static unsigned leave(struct vp_share *s, const char *record, const struct vp_node *n)
{
	json_t *node = record ? json_loads(record, 0, NULL) : NULL, *nic;
	unsigned class = 0, one;
	size_t i;

	json_array_foreach (json_object_get(node, "nics"), i, nic) {
		one = take_out(s, json_string_value(json_object_get(nic, "mac")));
		class = one ? one : class;
	}
	json_decref(node);
	for (i = 0; n && i < n->nnics; i++) {
		one = take_out(s, n->nics[i].mac);
		class = one ? one : class;
	}
	return class;
}

static unsigned free_class(const struct vp_share *s)
{
	unsigned class = VP_CLASS_FIRST;

	for (size_t i = 0; i < s->n; i++)
		if (s->items[i].class == class) {
			class ++;
			i = (size_t)-1;
		}
	return class;
}

static void join(struct vp_share *s, unsigned class, const struct vp_node *n, const struct vp_bridge *b)
{
	unsigned char mac[6];

	s->rate = b->rate;
	class = class ? class : free_class(s);
	for (size_t i = 0; i < n->nnics; i++)
		if (!strcmp(n->nics[i].bridge, b->name) && parse_mac(n->nics[i].mac, mac))
			vp_share_add(s, mac, class);
}

const char *vp_share_text(struct vp_arena *a, const char *now, const char *record, const struct vp_node *n, const struct vp_bridge *b)
{
	vp_cleanup(vp_buf_free) struct vp_buf out = { 0 };
	struct vp_share s = { 0 };
	unsigned class;

	if (now)
		vp_share_parse(now, &s);
	class = leave(&s, record, n);
	if (b)
		join(&s, class, n, b);
	if (s.n)
		vp_share_print(&s, &out);
	vp_share_free(&s);
	return out.len ? vp_strdup(a, out.data) : NULL;
}

const struct vp_bridge *vp_uplink_bridge(const struct vp_node *n, const char *uplink)
{
	for (size_t i = 0; i < n->nbridges; i++)
		if (*n->bridges[i].uplink && !strcmp(n->bridges[i].uplink, uplink))
			return &n->bridges[i];
	return NULL;
}

const char *vp_nic_limit(struct vp_arena *a, const struct vp_nic *nic)
{
	const struct vp_bandwidth *w = &nic->bandwidth;

	return w->average ? vp_printf(a, "%u %u %u", w->average, w->peak, w->burst) : NULL;
}
