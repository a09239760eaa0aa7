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

const char *vp_guard_record(struct vp_arena *a, const char *want, const char *live)
{
	return vp_printf(a, "%s" VP_GUARD_LIVE "%s", want, live);
}

const char *vp_bridge_guard(struct vp_arena *a, const struct vp_bridge *b)
{
	return b->isolated ? vp_printf(a, "isolated%s%s", *b->uplink ? " " : "", b->uplink) : NULL;
}

/* The interface that is the NIC, or is made of it and has its address. */
static bool is_over(const struct vp_interface *in, const struct vp_nic *nic)
{
	for (size_t i = 0; i < in->ports.n; i++)
		if (!strcmp(in->ports.items[i], nic->name))
			return true;
	return !strcmp(in->name, nic->name);
}

/* Each once, without its prefix; all of a link are allowed anyhow. */
static void add_address(struct vp_buf *out, const char *address)
{
	size_t len = strcspn(address, "/");
	char word[64];

	if (!len || len > 45 || !strncasecmp(address, "fe80:", 5))
		return;
	snprintf(word, sizeof(word), " %.*s ", (int)len, address);
	vp_buf_adds(out, " ");
	if (strstr(vp_buf_str(out), word))
		out->data[--out->len] = '\0';
	else
		vp_buf_add(out, word + 1, len);
}

static void add_addresses(const struct vp_node *n, const struct vp_nic *nic, struct vp_buf *out)
{
	bool any6 = false;

	vp_buf_adds(out, ", from");
	add_address(out, nic->ip);
	for (size_t i = 0; i < n->nguard_addresses; i++)
		add_address(out, n->guard_addresses[i]);
	for (size_t i = 0; i < n->network.ninterfaces; i++) {
		const struct vp_interface *in = &n->network.interfaces[i];

		if (!is_over(in, nic))
			continue;
		any6 |= in->ipv6_autoconf;
		add_address(out, in->ip);
		add_address(out, in->ipv6addr);
		for (size_t k = 0; k < in->ipv6addr_secondaries.n; k++)
			add_address(out, in->ipv6addr_secondaries.items[k]);
		for (size_t k = 0; k < in->naliases; k++)
			add_address(out, in->aliases[k].ip);
	}
	vp_buf_adds(out, any6 ? ", any6" : "");
}

const char *vp_nic_guard(struct vp_arena *a, const struct vp_node *n, const struct vp_nic *nic)
{
	vp_cleanup(vp_buf_free) struct vp_buf out = { 0 };

	if (nic->bandwidth.average)
		vp_buf_addf(&out, "limit %u %u", nic->bandwidth.average, nic->bandwidth.burst);
	if (n->guard != VP_GUARD_NONE) {
		vp_buf_adds(&out, out.len ? ", mac" : "mac");
		/* Those of one node are no secret from each other: a bond uses one on all its NICs. */
		for (size_t i = 0; i < n->nnics; i++)
			vp_buf_addf(&out, " %s", n->nics[i].mac);
	}
	if (n->guard == VP_GUARD_ADDRESS && *nic->ip)
		add_addresses(n, nic, &out);
	return out.len ? vp_strdup(a, out.data) : NULL;
}
