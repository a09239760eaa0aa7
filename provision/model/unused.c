// SPDX-License-Identifier: Apache-2.0
#include "unused.h"

#include <stdlib.h>
#include <string.h>

#include "bind.h"

/* What code reads without a row: placements (place.c) and roles (role.c). */
static const char *const by_code[] = {
	"/system/enclosure/children",	    "/system/resources/virtual_machine",  "/system/cluster/members",
	"/software/components/xen/domains", "/software/components/xen/guest_map", "/software/components/xen/network",
};

/* The first that fits is the reason; a pattern stands for everything below it, too. */
static const struct {
	const char *pattern, *reason;
} ignored[] = {
	{ "/software/components/*", "configured by Quattor's components in the node; which there are shows its role" },
	{ "/software/packages/*", "installed by Quattor in the node; which there are shows its role" },
	{ "/software/groups", "installed by Quattor in the node" },
	{ "/system/vo", "virtual organisations: for the services in the node" },
	{ "/system/glite", "grid middleware: for the services in the node" },
	{ "/system/edg", "grid middleware: for the services in the node" },
	{ "/system/monitoring", "monitoring: for the services in the node" },
	{ "/system/accounts", "accounts: made by Quattor in the node" },
	{ "/metadata", "how the profile was compiled" },
	{ "/hardware/cpu/*", "a virtual processor has no parts, power or serial number" },
	{ "/hardware/ram/*", "a virtual memory has no parts or serial numbers" },
	{ "/hardware/harddisks/*", "a virtual disk has no parts or serial number" },
	{ "/hardware/cards/nic/*", "a virtual machine has cards and drivers of its own" },
	{ "/hardware/cards/ib", "a virtual machine has no InfiniBand card" },
	{ "/hardware/cards/gpu", "a virtual machine has no GPU" },
	{ "/hardware/cards/bmc", "a virtual machine has no BMC" },
	{ "/hardware/cards/fca", "a virtual machine has no Fibre Channel card" },
	{ "/hardware/cards/*/*", "a virtual machine has controllers of its own" },
	{ "/hardware/console", "a virtual machine has a console of its own" },
	{ "/hardware/sensors", "a virtual machine has no sensors" },
	{ "/hardware/options", "for the management of real machines" },
	{ "/system/network/interfaces/*/ethtool", "settings of a real card" },
	{ "/system/network/interfaces/*/offload", "settings of a real card" },
	{ "/system/network/interfaces/*/ring", "settings of a real card" },
	{ "/system/network/interfaces/*/driver", "a virtual machine has cards and drivers of its own" },
	{ "/system/network/interfaces/*/rule", "routing policy: configured in the node" },
	{ "/system/network/interfaces/*/plugin", "configured in the node" },
	{ "/system/network/routing_table", "routing policy: configured in the node" },
	{ "/system/network/routers", "for routing daemons in the node" },
	{ "/system/network/vips", "addresses that services in the node take up" },
	{ "/system/network/manage_vips", "configured in the node" },
	{ "/system/network/manage_dns", "configured in the node" },
	{ "/system/network/device_config", "settings of NetworkManager in the node" },
	{ "/system/network/clean_inactive_conn", "settings of NetworkManager in the node" },
	{ "/system/network/set_hwaddr", "configured in the node" },
	{ "/system/network/nozeroconf", "configured in the node" },
	{ "/system/network/nmcontrolled", "configured in the node" },
	{ "/system/opennebula", "for OpenNebula's own scheduler and permissions" },
	{ "/system/aii/osinstall", "details of the kickstart" },
	{ "/system/aii/hooks", "arguments of AII's hooks" },
	{ "/system/aii/discovery", "arguments of AII's plugins" },
	{ "/system/cluster", "book-keeping of the cluster" },
	{ "/system/personality", "book-keeping of Aquilon" },
	{ "/system/archetype", "book-keeping of Aquilon" },
	{ "/system/resources", "resources of Aquilon's clusters other than virtual machines" },
};

bool vp_ignored_at(size_t i, const char **pattern, const char **reason)
{
	if (i >= vp_count(ignored))
		return false;
	*pattern = ignored[i].pattern;
	*reason = ignored[i].reason;
	return true;
}

/* Whether the pattern fits the path, or the beginning of it. */
static bool leads_to(const char *pattern, const char *path)
{
	while (*pattern) {
		size_t n = strcspn(++pattern, "/"), m = *path ? strcspn(++path, "/") : 0;

		if (!m || ((n != 1 || *pattern != '*') && (n != m || strncmp(pattern, path, n))))
			return false;
		pattern += n;
		path += m;
	}
	return true;
}

struct search {
	struct vp_arena *a;
	struct vp_unused *out;
	/* Group of each row of the table, as position + 1. */
	size_t of_ignored[vp_count(ignored)];
};

static bool is_read(const char *path)
{
	size_t n;
	const struct vp_row *const *rows = vp_rows_all(&n);

	for (size_t i = 0; i < n; i++) {
		/* What is below a list or dict that is read belongs to it. */
		bool below = rows[i]->kind == VP_K_STRINGS || rows[i]->kind == VP_K_PAIRS;

		if (*rows[i]->path == '/' && (below ? leads_to(rows[i]->path, path) : vp_path_match(rows[i]->path, path)))
			return true;
	}
	for (size_t i = 0; i < vp_count(by_code); i++)
		if (leads_to(by_code[i], path))
			return true;
	return false;
}

/* The first three elements: "/system/aii/nbp". */
static size_t head_of(const char *path)
{
	size_t len = 0;

	for (int i = 0; i < 3 && path[len]; i++)
		len += 1 + strcspn(path + len + 1, "/");
	return len;
}

static struct vp_unused_group *new_group(struct search *s, const char *path, const char *reason)
{
	struct vp_unused *u = s->out;

	u->groups = vp_grow_in(s->a, u->groups, u->n, &u->cap, sizeof(*u->groups));
	u->groups[u->n] = (struct vp_unused_group){ .path = path, .reason = reason };
	return &u->groups[u->n++];
}

static struct vp_unused_group *group_of(struct search *s, const char *path)
{
	size_t len = head_of(path);

	for (size_t i = 0; i < vp_count(ignored); i++)
		if (leads_to(ignored[i].pattern, path)) {
			if (!s->of_ignored[i]) {
				new_group(s, ignored[i].pattern, ignored[i].reason);
				s->of_ignored[i] = s->out->n;
			}
			return &s->out->groups[s->of_ignored[i] - 1];
		}
	for (size_t i = s->out->n; i-- > 0;) {
		struct vp_unused_group *g = &s->out->groups[i];

		if (!g->reason && strlen(g->path) == len && !strncmp(g->path, path, len))
			return g;
	}
	return new_group(s, vp_strndup(s->a, path, len), NULL);
}

static void look(struct search *s, const struct vp_val *v)
{
	struct vp_unused_group *g;
	const char *path;

	for (const struct vp_val *c = v->type >= VP_STRING ? NULL : v->child; c; c = c->next)
		look(s, c);
	if (v->type < VP_STRING)
		return;
	path = vp_path_of(s->a, v);
	if (is_read(path)) {
		s->out->read++;
		return;
	}
	g = group_of(s, path);
	g->paths = vp_grow_in(s->a, g->paths, g->n, &g->cap, sizeof(*g->paths));
	g->paths[g->n++] = path;
}

static size_t rank(const struct vp_unused_group *g)
{
	size_t i = 0;

	while (g->reason && i < vp_count(ignored) && g->path != ignored[i].pattern)
		i++;
	return g->reason ? i : vp_count(ignored);
}

static int by_rank(const void *left, const void *right)
{
	const struct vp_unused_group *a = left, *b = right;
	size_t i = rank(a), k = rank(b);

	return i != k ? (i > k) - (i < k) : strcmp(a->path, b->path);
}

void vp_unused_find(struct vp_arena *a, const struct vp_profile *p, struct vp_unused *out)
{
	struct search s = { .a = a, .out = out };

	*out = (struct vp_unused){ 0 };
	look(&s, p->root);
	if (out->n)
		qsort(out->groups, out->n, sizeof(*out->groups), by_rank);
}
