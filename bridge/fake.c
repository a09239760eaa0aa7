// SPDX-License-Identifier: Apache-2.0
/* Fake back end: a world in memory that refuses what the kernel refuses, with the same errno. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "links.h"

#define MTU_DEFAULT    1500
#define MTU_MIN	       68
#define MTU_MAX_BRIDGE 65535
/* The tap driver keeps room for the Ethernet header. */
#define MTU_MAX_TAP 65521
/* The kernel's IFALIASZ, with its NUL. */
#define ALIAS_MAX 255

struct fake {
	struct vp_net net;
	struct vp_links links;
	struct vp_rules rules;
	/* The operation that fails, counted down; 0: none. */
	unsigned fail;
	int last_index;
};

static struct fake *fake_of(struct vp_net *net)
{
	return (struct fake *)net;
}

void vp_net_fake_fail(struct vp_net *net, unsigned k)
{
	fake_of(net)->fail = k;
}

static bool injected(struct fake *f)
{
	return f->fail && !--f->fail;
}

static struct vp_link *get(struct fake *f, const char *name)
{
	return (struct vp_link *)vp_link_find(&f->links, name);
}

/* What nearly every operation starts with: the device, or NULL with err filled. */
static struct vp_link *change(struct vp_net *net, const char *name, struct vp_err *err)
{
	struct fake *f = fake_of(net);
	struct vp_link *link = get(f, name);
	int error = injected(f) ? EIO : ENODEV;

	if (link && error == ENODEV)
		return link;
	vp_net_refuse(err, error, "", "%s", name);
	return NULL;
}

static int fake_list(struct vp_net *net, struct vp_links *out, struct vp_err *err)
{
	struct fake *f = fake_of(net);

	(void)err;
	vp_links_free(out);
	for (size_t i = 0; i < f->links.n; i++) {
		const struct vp_link *from = &f->links.items[i];
		struct vp_link *to = vp_links_add(out);

		*to = *from;
		to->addrs = NULL;
		to->naddrs = 0;
		for (size_t k = 0; k < from->naddrs; k++)
			vp_link_add_addr(to, from->addrs[k].ip, from->addrs[k].prefix);
	}
	vp_links_sort(out);
	return 0;
}

static int add(struct vp_net *net, enum vp_link_kind kind, const char *name, const char *alias, struct vp_err *err)
{
	struct fake *f = fake_of(net);
	unsigned char mac[6];
	struct vp_link *link;
	int error = 0;

	if (injected(f))
		error = EIO;
	else if (!vp_net_name_ok(name))
		error = EINVAL;
	else if (get(f, name))
		error = EEXIST;
	else if (strlen(alias) > ALIAS_MAX)
		error = ERANGE;
	if (error)
		return vp_net_refuse(err, error, "", "create %s %s", kind == VP_LINK_BRIDGE ? "bridge" : "tap", name);
	link = vp_links_add(&f->links);
	link->kind = kind;
	link->index = ++f->last_index;
	link->mtu = MTU_DEFAULT;
	snprintf(link->name, sizeof(link->name), "%s", name);
	snprintf(link->alias, sizeof(link->alias), "%s", alias);
	vp_net_bridge_mac(name, alias, mac);
	vp_net_mac_text(mac, link->mac);
	return 0;
}

static int fake_bridge_add(struct vp_net *net, const char *name, const char *alias, struct vp_err *err)
{
	return add(net, VP_LINK_BRIDGE, name, alias, err);
}

static int fake_tap_add(struct vp_net *net, const char *name, const struct vp_tap *how, const char *alias, struct vp_err *err)
{
	if (add(net, VP_LINK_TAP, name, alias, err))
		return -1;
	get(fake_of(net), name)->tap = *how;
	return 0;
}

static void drop_rule(struct vp_rules *r, size_t i)
{
	free(r->items[i].text);
	r->items[i] = r->items[--r->n];
}

static int fake_link_del(struct vp_net *net, const char *name, struct vp_err *err)
{
	struct fake *f = fake_of(net);
	struct vp_link *link = change(net, name, err);

	if (!link)
		return -1;
	for (size_t i = 0; i < f->links.n; i++)
		if (!strcmp(f->links.items[i].master, link->name))
			f->links.items[i].master[0] = '\0';
	for (size_t i = f->rules.n; i-- > 0;)
		if (!strcmp(f->rules.items[i].dev, link->name))
			drop_rule(&f->rules, i);
	free(link->addrs);
	*link = f->links.items[--f->links.n];
	return 0;
}

static int fake_set_master(struct vp_net *net, const char *port, const char *bridge, struct vp_err *err)
{
	struct vp_link *link = change(net, port, err);
	const struct vp_link *master;

	if (!link)
		return -1;
	if (!bridge || !*bridge) {
		link->master[0] = '\0';
		return 0;
	}
	master = get(fake_of(net), bridge);
	if (!master)
		return vp_net_refuse(err, ENODEV, "", "%s", bridge);
	if (master->kind != VP_LINK_BRIDGE)
		return vp_net_refuse(err, EOPNOTSUPP, "", "%s joins its bridge", port);
	if (link->kind == VP_LINK_BRIDGE)
		return vp_net_refuse(err, ELOOP, "", "%s joins its bridge", port);
	memcpy(link->master, master->name, sizeof(link->master));
	return 0;
}

static int fake_set_up(struct vp_net *net, const char *name, bool up, struct vp_err *err)
{
	struct vp_link *link = change(net, name, err);

	if (!link)
		return -1;
	link->up = up;
	return 0;
}

static int fake_set_mtu(struct vp_net *net, const char *name, unsigned mtu, struct vp_err *err)
{
	struct vp_link *link = change(net, name, err);

	if (!link)
		return -1;
	if (mtu < MTU_MIN || mtu > (link->kind == VP_LINK_TAP ? MTU_MAX_TAP : MTU_MAX_BRIDGE))
		return vp_net_refuse(err, EINVAL, "", "MTU %u of %s", mtu, name);
	link->mtu = mtu;
	return 0;
}

/* The kernel knows an IPv6 address once per device, an IPv4 address once per prefix. */
static bool clashes(const struct vp_link *link, const struct vp_ip *ip, unsigned prefix)
{
	for (size_t i = 0; i < link->naddrs; i++)
		if (!strcmp(link->addrs[i].ip, ip->text) && (ip->family == AF_INET6 || link->addrs[i].prefix == prefix))
			return true;
	return false;
}

static int fake_addr_add(struct vp_net *net, const char *name, const char *ip, unsigned prefix, struct vp_err *err)
{
	struct vp_link *link = change(net, name, err);
	struct vp_ip addr;
	int error = 0;

	if (!link)
		return -1;
	if (!vp_ip_parse(ip, prefix, &addr))
		error = EINVAL;
	else if (addr.family == AF_INET6 && addr.bytes[0] == 0xff)
		error = EADDRNOTAVAIL;
	else if (clashes(link, &addr, prefix))
		error = EEXIST;
	if (error)
		return vp_net_refuse(err, error, "", "add address %s/%u on %s", ip, prefix, name);
	vp_link_add_addr(link, addr.text, prefix);
	return 0;
}

static int fake_addr_del(struct vp_net *net, const char *name, const char *ip, unsigned prefix, struct vp_err *err)
{
	struct vp_link *link = change(net, name, err);
	struct vp_ip addr;

	if (!link)
		return -1;
	if (!vp_ip_parse(ip, prefix, &addr))
		return vp_net_refuse(err, EINVAL, "", "address %s/%u on %s", ip, prefix, name);
	for (size_t i = 0; i < link->naddrs; i++) {
		if (strcmp(link->addrs[i].ip, addr.text) || link->addrs[i].prefix != prefix)
			continue;
		memmove(&link->addrs[i], &link->addrs[i + 1], (--link->naddrs - i) * sizeof(*link->addrs));
		return 0;
	}
	return vp_net_refuse(err, EADDRNOTAVAIL, "", "remove address %s/%u on %s", addr.text, prefix, name);
}

static int fake_rules(struct vp_net *net, const char *mark, struct vp_rules *out, struct vp_err *err)
{
	const struct vp_rules *all = &fake_of(net)->rules;

	(void)mark;
	(void)err;
	for (size_t i = 0; i < all->n; i++)
		vp_rules_add(out, all->items[i].kind, all->items[i].dev, all->items[i].text);
	return 0;
}

static int fake_rule_set(struct vp_net *net, enum vp_rule_kind kind, const char *dev, const char *text, const char *mark, struct vp_err *err)
{
	struct vp_rules *all = &fake_of(net)->rules;

	(void)mark;
	if (!change(net, dev, err))
		return text || errno != ENODEV ? -1 : 0;
	for (size_t i = all->n; i-- > 0;)
		if (all->items[i].kind == kind && !strcmp(all->items[i].dev, dev))
			drop_rule(all, i);
	if (text)
		vp_rules_add(all, kind, dev, text);
	return 0;
}

static void fake_close(struct vp_net *net)
{
	vp_rules_free(&fake_of(net)->rules);
	vp_links_free(&fake_of(net)->links);
	free(net);
}

static const struct vp_net_ops fake_ops = {
	.list = fake_list,
	.bridge_add = fake_bridge_add,
	.tap_add = fake_tap_add,
	.link_del = fake_link_del,
	.set_master = fake_set_master,
	.set_up = fake_set_up,
	.set_mtu = fake_set_mtu,
	.addr_add = fake_addr_add,
	.addr_del = fake_addr_del,
	.rules = fake_rules,
	.rule_set = fake_rule_set,
	.close = fake_close,
};

struct vp_net *vp_net_fake(void)
{
	struct fake *f = vp_xcalloc(1, sizeof(*f));

	f->net.ops = &fake_ops;
	return &f->net;
}
