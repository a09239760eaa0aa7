// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include <linux/if_link.h>

#include "lan.h"
#include "links.h"

/* Timers are in hundredths of a second, as in sysfs. */
const struct vp_lan_row vp_lan_rows[VP_LAN__COUNT] = {
	[VP_LAN_KIND] = { "kind", NULL, VP_LAN_WORD, 0, .recreate = true },
	[VP_LAN_PARENT] = { "link", "vlan", VP_LAN_NAME, IFLA_LINK, .recreate = true },
	[VP_LAN_VLAN_ID] = { "id", "vlan", VP_LAN_U16, IFLA_VLAN_ID, .recreate = true },
	[VP_LAN_BOND_MODE] = { "mode", "bond", VP_LAN_U8, IFLA_BOND_MODE, .recreate = true,
			       .words = "balance-rr active-backup balance-xor broadcast 802.3ad balance-tlb balance-alb" },
	[VP_LAN_LACP_RATE] = { "lacp_rate", "bond", VP_LAN_U8, IFLA_BOND_AD_LACP_RATE, .recreate = true, .words = "slow fast" },
	[VP_LAN_MIIMON] = { "miimon", "bond", VP_LAN_U32, IFLA_BOND_MIIMON },
	[VP_LAN_XMIT_HASH] = { "xmit_hash_policy", "bond", VP_LAN_U8, IFLA_BOND_XMIT_HASH_POLICY,
			       .words = "layer2 layer3+4 layer2+3 encap2+3 encap3+4 vlan+srcmac" },
	[VP_LAN_MAC] = { "mac", NULL, VP_LAN_HWADDR, IFLA_ADDRESS },
	[VP_LAN_MTU] = { "mtu", NULL, VP_LAN_U32, IFLA_MTU },
	[VP_LAN_FORWARD_DELAY] = { "forward_delay", "bridge", VP_LAN_U32, IFLA_BR_FORWARD_DELAY },
	[VP_LAN_HELLO_TIME] = { "hello_time", "bridge", VP_LAN_U32, IFLA_BR_HELLO_TIME },
	[VP_LAN_MAX_AGE] = { "max_age", "bridge", VP_LAN_U32, IFLA_BR_MAX_AGE },
	[VP_LAN_AGEING_TIME] = { "ageing_time", "bridge", VP_LAN_U32, IFLA_BR_AGEING_TIME },
	[VP_LAN_PRIORITY] = { "priority", "bridge", VP_LAN_U16, IFLA_BR_PRIORITY },
	[VP_LAN_STP] = { "stp_state", "bridge", VP_LAN_U32, IFLA_BR_STP_STATE },
	[VP_LAN_VLAN_FILTERING] = { "vlan_filtering", "bridge", VP_LAN_U8, IFLA_BR_VLAN_FILTERING },
	[VP_LAN_SNOOPING] = { "multicast_snooping", "bridge", VP_LAN_U8, IFLA_BR_MCAST_SNOOPING },
	[VP_LAN_DEFAULT_PVID] = { "default_pvid", "bridge", VP_LAN_U16, IFLA_BR_VLAN_DEFAULT_PVID },
	[VP_LAN_PATH_COST] = { "path_cost", VP_LAN_PORT, VP_LAN_U32, IFLA_BRPORT_COST },
	[VP_LAN_PORT_PRIORITY] = { "port_priority", VP_LAN_PORT, VP_LAN_U16, IFLA_BRPORT_PRIORITY },
	[VP_LAN_VLANS] = { "vlans", NULL, VP_LAN_WORD, 0 },
	[VP_LAN_MASTER] = { "master", NULL, VP_LAN_NAME, IFLA_MASTER },
	[VP_LAN_UP] = { "up", NULL, VP_LAN_FLAG, 0 },
};

void vp_lan_free(struct vp_lan *l)
{
	free(l->links);
	free(l->addrs);
	free(l->routes);
	*l = (struct vp_lan){ 0 };
}

struct vp_lan_link *vp_lan_add(struct vp_lan *l, const char *name)
{
	struct vp_lan_link *link;

	l->links = vp_grow(l->links, l->nlinks, &l->linkscap, sizeof(*l->links));
	link = &l->links[l->nlinks++];
	*link = (struct vp_lan_link){ 0 };
	snprintf(link->name, sizeof(link->name), "%s", name);
	return link;
}

void vp_lan_set(struct vp_lan_link *link, enum vp_lan_attr attr, const char *value)
{
	snprintf(link->value[attr], sizeof(link->value[attr]), "%s", value);
	link->has |= 1u << attr;
}

const char *vp_lan_get(const struct vp_lan_link *link, enum vp_lan_attr attr)
{
	return link->has & 1u << attr ? link->value[attr] : "";
}

bool vp_lan_is(const struct vp_lan_link *link, const char *kind)
{
	return !strcmp(vp_lan_get(link, VP_LAN_KIND), kind);
}

struct vp_lan_link *vp_lan_find(const struct vp_lan *l, const char *name)
{
	for (size_t i = 0; i < l->nlinks; i++)
		if (!strcmp(l->links[i].name, name))
			return &l->links[i];
	return NULL;
}

bool vp_lan_has_addr(const struct vp_lan *l, const char *dev, const char *text)
{
	for (size_t i = 0; i < l->naddrs; i++)
		if (!strcmp(l->addrs[i].dev, dev) && !strcmp(l->addrs[i].text, text))
			return true;
	return false;
}

/* "IP/PREFIX" in the one form that compares; net: with the host's part cleared. */
static bool canonical(const char *text, bool net, struct vp_ip *ip, unsigned *prefix)
{
	char address[46];
	size_t n = strcspn(text, "/");
	uint64_t p = 0;

	if (n >= sizeof(address))
		return false;
	memcpy(address, text, n);
	address[n] = '\0';
	p = strchr(address, ':') ? 128 : 32;
	if ((text[n] && !vp_parse_u64(text + n + 1, 0, p, &p)) || !vp_ip_parse(address, (unsigned)p, ip))
		return false;
	*prefix = (unsigned)p;
	for (size_t i = 0; net && i < ip->len; i++)
		ip->bytes[i] &= (unsigned char)(p >= 8 * i + 8 ? 0xff : p <= 8 * i ? 0 : 0xff00 >> (p - 8 * i));
	return inet_ntop(ip->family, ip->bytes, ip->text, sizeof(ip->text));
}

bool vp_lan_within(const char *ip, const char *net)
{
	struct vp_ip a, b;
	unsigned p, full;
	char text[64];

	if (!canonical(net, true, &a, &p) || !canonical(ip, false, &b, &full) || a.family != b.family)
		return false;
	snprintf(text, sizeof(text), "%s/%u", b.text, p);
	return canonical(text, true, &b, &full) && !strcmp(a.text, b.text);
}

bool vp_lan_add_addr(struct vp_lan *l, const char *dev, const char *text)
{
	struct vp_lan_addr *a;
	struct vp_ip ip;
	unsigned prefix;
	char form[52];

	if (!canonical(text, false, &ip, &prefix))
		return false;
	snprintf(form, sizeof(form), "%s/%u", ip.text, prefix);
	if (vp_lan_has_addr(l, dev, form))
		return true;
	l->addrs = vp_grow(l->addrs, l->naddrs, &l->addrscap, sizeof(*l->addrs));
	a = &l->addrs[l->naddrs++];
	*a = (struct vp_lan_addr){ .seq = (unsigned)l->naddrs };
	snprintf(a->dev, sizeof(a->dev), "%s", dev);
	snprintf(a->text, sizeof(a->text), "%s", form);
	return true;
}

/* The protocol of routes that an administrator has set. */
#define PROTO_STATIC 4

bool vp_lan_add_route(struct vp_lan *l, const char *dev, const char *to, const char *via, unsigned metric)
{
	struct vp_lan_route *r;
	struct vp_ip net, gw = { 0 };
	unsigned prefix, full;

	if (*via && !canonical(via, false, &gw, &full))
		return false;
	if (!strcmp(to, "default"))
		to = strchr(via, ':') ? "::/0" : "0.0.0.0/0";
	if (!canonical(to, true, &net, &prefix) || (*via && gw.family != net.family))
		return false;
	l->routes = vp_grow(l->routes, l->nroutes, &l->routescap, sizeof(*l->routes));
	r = &l->routes[l->nroutes++];
	/* The kernel's own default for IPv6. */
	*r = (struct vp_lan_route){ .metric = net.family == AF_INET6 && !metric ? 1024 : metric, .proto = PROTO_STATIC };
	snprintf(r->dev, sizeof(r->dev), "%s", dev);
	snprintf(r->to, sizeof(r->to), "%s/%u", net.text, prefix);
	snprintf(r->via, sizeof(r->via), "%s", gw.text);
	return true;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct vp_lan_link *)a)->name, ((const struct vp_lan_link *)b)->name);
}

static int by_addr(const void *a, const void *b)
{
	const struct vp_lan_addr *x = a, *y = b;
	int rc = strcmp(x->dev, y->dev);

	return rc ? rc : strcmp(x->text, y->text);
}

/* What the kernel tells two routes apart by comes first. */
static int by_route(const void *a, const void *b)
{
	const struct vp_lan_route *x = a, *y = b;
	int rc = strcmp(x->to, y->to);

	if (!rc && x->metric != y->metric)
		rc = x->metric < y->metric ? -1 : 1;
	rc = rc ? rc : strcmp(x->dev, y->dev);
	return rc ? rc : strcmp(x->via, y->via);
}

void vp_lan_sort(struct vp_lan *l)
{
	if (l->nlinks)
		qsort(l->links, l->nlinks, sizeof(*l->links), by_name);
	if (l->naddrs)
		qsort(l->addrs, l->naddrs, sizeof(*l->addrs), by_addr);
	if (l->nroutes)
		qsort(l->routes, l->nroutes, sizeof(*l->routes), by_route);
}

/* --- As text. --- */

static int by_seq(const void *a, const void *b)
{
	const struct vp_lan_addr *x = *(const struct vp_lan_addr *const *)a, *y = *(const struct vp_lan_addr *const *)b;

	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

/* Of one device, or of all (NULL), in their order. */
static void print_addrs(const struct vp_lan *l, const char *dev, struct vp_buf *out)
{
	vp_cleanup(vp_freep) const struct vp_lan_addr **list = vp_xcalloc(l->naddrs + 1, sizeof(*list));
	size_t n = 0;

	for (size_t i = 0; i < l->naddrs; i++)
		if (!dev || !strcmp(l->addrs[i].dev, dev))
			list[n++] = &l->addrs[i];
	if (n)
		qsort(list, n, sizeof(*list), by_seq);
	for (size_t i = 0; i < n; i++)
		vp_buf_addf(out, "address %s %s\n", list[i]->dev, list[i]->text);
}

static void print_route(const struct vp_lan_route *r, struct vp_buf *out)
{
	vp_buf_addf(out, "route %s %s via=%s metric=%u proto=%u src=%s\n", r->dev, r->to, r->via, r->metric, r->proto, r->src);
}

bool vp_lan_of_port(int attr)
{
	return attr == VP_LAN_VLANS || (vp_lan_rows[attr].kind && !strcmp(vp_lan_rows[attr].kind, VP_LAN_PORT));
}

void vp_lan_print_port(const struct vp_lan_link *port, struct vp_buf *out)
{
	for (int i = 0; i < VP_LAN__COUNT; i++)
		if (vp_lan_of_port(i) && port->has & 1u << i)
			vp_buf_addf(out, " %s=%s", vp_lan_rows[i].name, port->value[i]);
}

static void print_link(const struct vp_lan_link *link, struct vp_buf *out)
{
	vp_buf_addf(out, "link %s", link->name);
	for (int i = 0; i < VP_LAN__COUNT; i++)
		if (link->has & 1u << i)
			vp_buf_addf(out, " %s=%s", vp_lan_rows[i].name, link->value[i]);
	vp_buf_adds(out, "\n");
}

void vp_lan_print(const struct vp_lan *l, struct vp_buf *out)
{
	for (size_t i = 0; i < l->nlinks; i++)
		print_link(&l->links[i], out);
	print_addrs(l, NULL, out);
	for (size_t i = 0; i < l->nroutes; i++)
		print_route(&l->routes[i], out);
}

void vp_lan_print_link(const struct vp_lan *l, const struct vp_lan_link *link, struct vp_buf *out)
{
	const char *name = link->name;

	print_link(link, out);
	for (size_t i = 0; i < l->nlinks; i++)
		if (!strcmp(vp_lan_get(&l->links[i], VP_LAN_MASTER), name)) {
			vp_buf_addf(out, "port %s %s", name, l->links[i].name);
			vp_lan_print_port(&l->links[i], out);
			vp_buf_adds(out, "\n");
		}
	print_addrs(l, name, out);
	for (size_t i = 0; i < l->nroutes; i++)
		if (!strcmp(l->routes[i].dev, name))
			print_route(&l->routes[i], out);
}

static bool parse_attr(struct vp_lan_link *link, char *word)
{
	char *eq = strchr(word, '=');

	if (!eq)
		return false;
	*eq = '\0';
	for (int i = 0; i < VP_LAN__COUNT; i++)
		if (!strcmp(vp_lan_rows[i].name, word)) {
			vp_lan_set(link, (enum vp_lan_attr)i, eq + 1);
			return true;
		}
	return false;
}

static bool parse_attrs(struct vp_lan_link *link, char **save)
{
	for (char *word; (word = strtok_r(NULL, " ", save));)
		if (!parse_attr(link, word))
			return false;
	return true;
}

static bool parse_route(struct vp_lan *out, const char *dev, char **save)
{
	const char *to = strtok_r(NULL, " ", save);
	char via[46] = "", src[46] = "", *word;
	unsigned metric = 0, proto = PROTO_STATIC;

	while (to && (word = strtok_r(NULL, " ", save)))
		if (!strncmp(word, "via=", 4))
			snprintf(via, sizeof(via), "%s", word + 4);
		else if (!strncmp(word, "src=", 4))
			snprintf(src, sizeof(src), "%s", word + 4);
		else if (sscanf(word, "metric=%u", &metric) != 1 && sscanf(word, "proto=%u", &proto) != 1)
			return false;
	if (!to || !vp_lan_add_route(out, dev, to, via, metric))
		return false;
	out->routes[out->nroutes - 1].proto = (unsigned char)proto;
	memcpy(out->routes[out->nroutes - 1].src, src, sizeof(src));
	return true;
}

static bool parse_line(char *line, struct vp_lan *out)
{
	char *save = NULL, *what = strtok_r(line, " ", &save), *dev = strtok_r(NULL, " ", &save), *word;
	struct vp_lan_link *link;

	if (!what || !dev || !vp_net_name_ok(dev))
		return false;
	if (!strcmp(what, "address"))
		return (word = strtok_r(NULL, " ", &save)) && vp_lan_add_addr(out, dev, word);
	if (!strcmp(what, "route"))
		return parse_route(out, dev, &save);
	/* Of a port only its master is said, and what it is there. */
	if (!strcmp(what, "port")) {
		word = strtok_r(NULL, " ", &save);
		if (!word || !vp_net_name_ok(word))
			return false;
		link = vp_lan_add(out, word);
		vp_lan_set(link, VP_LAN_MASTER, dev);
		return parse_attrs(link, &save);
	}
	if (strcmp(what, "link"))
		return false;
	link = vp_lan_add(out, dev);
	link->exact = true;
	return parse_attrs(link, &save);
}

bool vp_lan_parse_port(const char *text, struct vp_lan_link *out)
{
	char copy[1024], *save = NULL;
	size_t n = strlen(text);

	*out = (struct vp_lan_link){ 0 };
	if (n >= sizeof(copy))
		return false;
	memcpy(copy, text, n + 1);
	for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save))
		if (strcmp(word, &VP_LAN_AND_DOWN[1]) && !parse_attr(out, word))
			return false;
	return true;
}

bool vp_lan_parse(const char *text, struct vp_lan *out)
{
	vp_cleanup(vp_freep) char *copy = vp_xcalloc(1, strlen(text) + 1);
	char *save = NULL;

	memcpy(copy, text, strlen(text));
	*out = (struct vp_lan){ 0 };
	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (!parse_line(line, out)) {
			vp_lan_free(out);
			return false;
		}
	vp_lan_sort(out);
	return true;
}

/* --- VLANs of a port. --- */

/* "10-20pu" */
static bool parse_vlan(char *word, unsigned char vlans[VP_LAN_NVLANS])
{
	size_t n = strlen(word);
	unsigned char flags = VP_LAN_TAGGED;
	uint64_t first, last;
	char *dash;

	if (n && word[n - 1] == 'u') {
		flags |= VP_LAN_UNTAGGED;
		word[--n] = '\0';
	}
	if (n && word[n - 1] == 'p') {
		flags |= VP_LAN_PVID;
		word[--n] = '\0';
	}
	dash = strchr(word, '-');
	if (dash)
		*dash = '\0';
	if (!vp_parse_u64(word, 1, VP_LAN_NVLANS - 2, &first) || !vp_parse_u64(dash ? dash + 1 : word, first, VP_LAN_NVLANS - 2, &last) ||
	    (flags & VP_LAN_PVID && first != last))
		return false;
	memset(vlans + first, flags, last - first + 1);
	return true;
}

bool vp_lan_vlans_parse(const char *text, unsigned char vlans[VP_LAN_NVLANS])
{
	char copy[VP_LAN_VALUE], *save = NULL;
	size_t n = strlen(text);

	memset(vlans, 0, VP_LAN_NVLANS);
	if (n >= sizeof(copy))
		return false;
	memcpy(copy, text, n + 1);
	for (char *word = strtok_r(copy, ",", &save); word; word = strtok_r(NULL, ",", &save))
		if (!parse_vlan(word, vlans))
			return false;
	return true;
}

bool vp_lan_vlans_text(const unsigned char vlans[VP_LAN_NVLANS], char text[VP_LAN_VALUE])
{
	size_t len = 0;

	text[0] = '\0';
	for (unsigned first = 1, last; first < VP_LAN_NVLANS - 1; first = last + 1) {
		char range[12] = "";

		last = first;
		while (vlans[first] && last + 1 < VP_LAN_NVLANS - 1 && vlans[last + 1] == vlans[first])
			last++;
		if (!vlans[first])
			continue;
		if (last > first)
			snprintf(range, sizeof(range), "-%u", last);
		len += (size_t)snprintf(text + len, VP_LAN_VALUE - len, "%s%u%s%s%s", len ? "," : "", first, range,
					vlans[first] & VP_LAN_PVID ? "p" : "", vlans[first] & VP_LAN_UNTAGGED ? "u" : "");
		if (len >= VP_LAN_VALUE)
			return false;
	}
	return true;
}
