// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "../plan/network.h"
#include "lan.h"
#include "table.h"

struct showing {
	struct vp_table *table;
	json_t *json;
	struct vp_arena *a;
};

static void row(struct showing *s, const char *dev, const char *what, const char *live, const char *want)
{
	bool differs = strcmp(live, want);

	if (s->table)
		vp_table_row(s->table, (const char *const[]){ dev, what, live, want, differs ? "differs" : "", NULL });
	if (s->json)
		json_array_append_new(s->json, json_pack("{s:s, s:s, s:s, s:s, s:b}", "device", dev, "what", what, "live", live, "wanted", want,
							 "differs", differs));
}

static void show_link(struct showing *s, const struct vp_lan_link *live, const struct vp_lan_link *want)
{
	for (int i = 0; i < VP_LAN__COUNT; i++)
		if (want->has & 1u << i)
			row(s, want->name, vp_lan_rows[i].name, live ? vp_lan_get(live, (enum vp_lan_attr)i) : "absent", want->value[i]);
}

static void show_addrs(struct showing *s, const char *dev, bool exact, const struct vp_lan *live, const struct vp_lan *want)
{
	for (size_t i = 0; i < want->naddrs; i++)
		if (!strcmp(want->addrs[i].dev, dev))
			row(s, dev, "address", vp_lan_has_addr(live, dev, want->addrs[i].text) ? want->addrs[i].text : "absent", want->addrs[i].text);
	/* More is nothing to change where the link is somebody else's. */
	for (size_t i = 0; i < live->naddrs; i++)
		if (!strcmp(live->addrs[i].dev, dev) && !vp_lan_has_addr(want, dev, live->addrs[i].text))
			row(s, dev, "address", live->addrs[i].text, exact ? "absent" : live->addrs[i].text);
}

static const char *route_text(struct showing *s, const struct vp_lan_route *r)
{
	return vp_printf(s->a, "%s%s%s%s", r->dev, *r->via ? " through " : "", r->via, *r->src ? vp_printf(s->a, " from %s", r->src) : "");
}

static void show_routes(struct showing *s, const struct vp_lan *live, const struct vp_lan *want)
{
	for (size_t i = 0; i < want->nroutes; i++) {
		const struct vp_lan_route *w = &want->routes[i], *now = NULL;

		for (size_t k = 0; k < live->nroutes; k++)
			if (!strcmp(live->routes[k].to, w->to) && live->routes[k].metric == w->metric)
				now = &live->routes[k];
		row(s, w->dev, vp_printf(s->a, "route %s", w->to), now ? route_text(s, now) : "absent", route_text(s, w));
	}
}

/* Problems are said by the plan. */
static void not_here(void *arg, const char *field, const char *what)
{
	(void)arg;
	(void)field;
	(void)what;
}

int vp_lan_show(struct vp_world *w, const struct vp_node *n, json_t *json, struct vp_err *err)
{
	vp_cleanup(vp_lan_free) struct vp_lan live = { 0 }, want = { 0 };
	struct showing s = { .json = json, .a = w->arena };

	if (!vp_network_here(n))
		return 0;
	if (vp_lan_read(w->net, &live, err))
		return -1;
	vp_network_want(w->arena, n, &live, w->state ? vp_network_mark(w->arena, vp_mark(w)) : "", vp_network_carried(w), &want, not_here, NULL);
	if (!json)
		s.table = vp_table_new((const char *const[]){ "DEVICE", "WHAT", "LIVE", "WANTED", "", NULL });
	for (size_t i = 0; i < want.nlinks; i++) {
		show_link(&s, vp_lan_find(&live, want.links[i].name), &want.links[i]);
		show_addrs(&s, want.links[i].name, want.links[i].exact, &live, &want);
	}
	show_routes(&s, &live, &want);
	if (s.table)
		vp_table_print(s.table, stdout);
	return 0;
}

static const char *const rule_names[] = { [VP_RULE_SHARE] = "share", [VP_RULE_GUARD] = "guard", [VP_RULE_LIMIT] = "limit" };

void vp_rules_show(struct vp_world *w, json_t *json)
{
	vp_cleanup(vp_rules_free) struct vp_rules all = { 0 };
	struct vp_table *t;

	if (!w->state || w->net->ops->rules(w->net, vp_mark(w), &all, NULL) || (!all.n && !json))
		return;
	t = json ? NULL : vp_table_new((const char *const[]){ "DEVICE", "RULE", "IS", NULL });
	for (size_t i = 0; i < all.n; i++) {
		const struct vp_rule *r = &all.items[i];

		if (t)
			vp_table_row(t, (const char *const[]){ r->dev, rule_names[r->kind], r->text, NULL });
		else
			json_array_append_new(json, json_pack("{s:s, s:s, s:s}", "device", r->dev, "rule", rule_names[r->kind], "is", r->text));
	}
	if (t)
		vp_table_print(t, stdout);
}
