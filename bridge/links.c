// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "links.h"

void vp_links_free(struct vp_links *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->items[i].addrs);
	free(l->items);
	*l = (struct vp_links){ 0 };
}

const struct vp_link *vp_link_find(const struct vp_links *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->items[i].name, name))
			return &l->items[i];
	return NULL;
}

bool vp_link_has_addr(const struct vp_link *l, const char *ip, unsigned prefix)
{
	struct vp_ip want;

	if (!vp_ip_parse(ip, prefix, &want))
		return false;
	for (size_t i = 0; i < l->naddrs; i++)
		if (l->addrs[i].prefix == prefix && !strcmp(l->addrs[i].ip, want.text))
			return true;
	return false;
}

struct vp_link *vp_links_add(struct vp_links *l)
{
	struct vp_link *link;

	l->items = vp_grow(l->items, l->n, &l->cap, sizeof(*l->items));
	link = &l->items[l->n++];
	*link = (struct vp_link){ 0 };
	return link;
}

void vp_link_add_addr(struct vp_link *l, const char *ip, unsigned prefix)
{
	struct vp_addr *a;

	l->addrs = vp_xrealloc(l->addrs, (l->naddrs + 1) * sizeof(*l->addrs));
	a = &l->addrs[l->naddrs++];
	*a = (struct vp_addr){ .prefix = prefix };
	snprintf(a->ip, sizeof(a->ip), "%s", ip);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct vp_link *)a)->name, ((const struct vp_link *)b)->name);
}

void vp_links_sort(struct vp_links *l)
{
	if (l->n)
		qsort(l->items, l->n, sizeof(*l->items), by_name);
}

bool vp_ip_parse(const char *ip, unsigned prefix, struct vp_ip *out)
{
	out->family = strchr(ip, ':') ? AF_INET6 : AF_INET;
	out->len = out->family == AF_INET6 ? 16 : 4;
	if (inet_pton(out->family, ip, out->bytes) != 1 || prefix > out->len * 8)
		return false;
	return inet_ntop(out->family, out->bytes, out->text, sizeof(out->text));
}

bool vp_net_name_ok(const char *name)
{
	size_t n = strlen(name);

	if (!n || n > 15 || !strcmp(name, ".") || !strcmp(name, ".."))
		return false;
	for (; *name; name++)
		if (*name == '/' || *name == ':' || *name == '%' || isspace((unsigned char)*name))
			return false;
	return true;
}

void vp_net_bridge_mac(const char *name, const char *alias, unsigned char mac[6])
{
	vp_cleanup(vp_buf_free) struct vp_buf seed = { 0 };
	char hex[65];

	vp_buf_addf(&seed, "%s/%s", alias, name);
	vp_sha256_hex(seed.data, seed.len, hex);
	mac[0] = 0x02;
	for (size_t i = 1; i < 6; i++) {
		const char byte[3] = { hex[2 * i], hex[2 * i + 1], '\0' };

		mac[i] = (unsigned char)strtoul(byte, NULL, 16);
	}
}

void vp_net_mac_text(const unsigned char mac[6], char text[18])
{
	snprintf(text, 18, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}

bool vp_link_owned(const struct vp_link *l, const char *mark)
{
	unsigned char mac[6];
	char text[18];

	if (*l->alias || l->kind != VP_LINK_BRIDGE)
		return !strcmp(l->alias, mark);
	vp_net_bridge_mac(l->name, mark, mac);
	vp_net_mac_text(mac, text);
	return !strcmp(l->mac, text);
}

static const char *reason(int error)
{
	switch (error) {
	case EEXIST: return "exists already";
	case ENODEV: return "no such device";
	case EPERM: return "not permitted: this needs root, or the capability CAP_NET_ADMIN";
	default: return strerror(error);
	}
}

int vp_net_vrefuse(struct vp_err *err, int error, const char *why, const char *what, va_list ap)
{
	enum vp_code code = error == EPERM ? VP_E_PRIVILEGE : VP_E_NET;
	char text[128];

	vsnprintf(text, sizeof(text), what, ap);
	vp_fail(err, code, "%s: %s%s%s%s", text, reason(error), *why ? " (" : "", why, *why ? ")" : "");
	errno = error;
	return -1;
}

int vp_net_refuse(struct vp_err *err, int error, const char *why, const char *what, ...)
{
	va_list ap;

	va_start(ap, what);
	vp_net_vrefuse(err, error, why, what, ap);
	va_end(ap);
	return -1;
}
