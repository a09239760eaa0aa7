// SPDX-License-Identifier: Apache-2.0
/*
 * What may come out of a tap, and through a bridge: nftables. All of a state directory is in tables of its name, in one chain for each device,
 * which hangs on the tap itself: this works on every kernel, also where the bridge family lacks "meta", and costs other devices nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "links.h"

/* Each change is one transaction of nft: it happens as a whole or not at all. */
#define NFT_TIMEOUT_MS 30000
/* Before what a site's own tables do. */
#define PRIORITY "-300"

static const char *const families[] = { "netdev", "inet", "bridge" };

/* "vprov:0123..." as the name of a table. */
static void table_name(const char *mark, char name[64])
{
	snprintf(name, 64, "%s", mark);
	for (char *c = name; *c; c++)
		*c = *c == ':' || *c == '-' ? '_' : *c;
}

static int nft(const char *const *argv, const char *input, struct vp_buf *out, struct vp_err *err)
{
	vp_cleanup(vp_buf_free) struct vp_buf said = { 0 };
	const struct vp_child child = { .argv = argv, .input = input, .out = out, .errout = &said, .timeout_ms = NFT_TIMEOUT_MS };
	const char *text;

	if (!vp_run(&child, err))
		return 0;
	/* The reason comes first, then the place. */
	text = vp_buf_str(&said);
	return *text ? vp_fail(err, VP_E_TOOL, "nft: %.*s", (int)strcspn(text, "\n"), text) : -1;
}

static bool have_nft(void)
{
	struct vp_arena *a = vp_arena_new();
	bool have = vp_which(a, "nft");

	vp_arena_free(a);
	return have;
}

/* What nft says of vprov's tables; "" where there are none. */
static int list(const char *mark, struct vp_buf *out, struct vp_err *err)
{
	vp_cleanup(vp_buf_free) struct vp_buf tables = { 0 };
	char table[64], line[96];

	if (!have_nft())
		return 0;
	table_name(mark, table);
	if (nft((const char *const[]){ "nft", "list", "tables", NULL }, NULL, &tables, err))
		return -1;
	for (size_t i = 0; i < vp_count(families); i++) {
		snprintf(line, sizeof(line), "table %s %s\n", families[i], table);
		/* Without the counts. */
		if (strstr(vp_buf_str(&tables), line) &&
		    nft((const char *const[]){ "nft", "-s", "list", "table", families[i], table, NULL }, NULL, out, err))
			return -1;
	}
	return 0;
}

/* Calls for each chain of a listing: its name, and its text. */
static void each_chain(const char *text, void (*found)(const char *name, const char *text, size_t len, void *arg), void *arg)
{
	for (const char *c = text; (c = strstr(c, "\tchain "));) {
		const char *end = strstr(c, "\n\t}"), *brace = strchr(c, ' ');
		char name[16];

		if (!end || sscanf(brace, " %15s", name) != 1)
			return;
		found(name, c, (size_t)(end - c), arg);
		c = end;
	}
}

/* A rule is known by a digest: what nft prints is its own way of saying what it was told. A bridge has a chain in both tables. */
static void add_digest(const char *name, const char *text, size_t len, void *arg)
{
	struct vp_rules *out = arg;
	const char *before = vp_rule_find(out, VP_RULE_GUARD, name);
	vp_cleanup(vp_buf_free) struct vp_buf all = { 0 };
	char hex[65];

	vp_buf_adds(&all, before ? before : "");
	vp_buf_add(&all, text, len);
	vp_sha256_hex(all.data, all.len, hex);
	hex[16] = '\0';
	if (!before) {
		vp_rules_add(out, VP_RULE_GUARD, name, hex);
		return;
	}
	for (size_t i = 0; i < out->n; i++)
		if (out->items[i].text == before)
			memcpy(out->items[i].text, hex, sizeof("0123456789abcdef"));
}

int vp_guard_list(const char *mark, struct vp_rules *out, struct vp_err *err)
{
	vp_cleanup(vp_buf_free) struct vp_buf text = { 0 };

	if (list(mark, &text, err))
		return vp_context(err, "list guards");
	each_chain(vp_buf_str(&text), add_digest, out);
	return 0;
}

/* --- From a text to the rules of a chain. --- */

/* The words that follow `key` in "key word word, key word", as "{ word, word }" with `more` before them; false where there is no key. */
static bool words(const char *text, const char *key, const char *more, bool v6, struct vp_buf *out)
{
	const char *at = strstr(text, key);
	bool any = *more;
	char word[64];
	int used;

	if (!at)
		return false;
	vp_buf_addf(out, "{ %s", more);
	for (at += strlen(key); sscanf(at, " %63[^ ,]%n", word, &used) == 1; at += used) {
		if (strcmp(key, "mac ") && !strchr(word, ':') == v6)
			continue;
		vp_buf_addf(out, "%s%s", any ? ", " : "", word);
		any = true;
	}
	vp_buf_adds(out, " }");
	return true;
}

/* The IPv6 addresses of a rule as the numbers that raw bytes are compared with. */
static void numbers(const char *text, struct vp_buf *out)
{
	struct vp_ip ip;
	char word[64];
	int used;

	vp_buf_adds(out, "{ 0x0");
	for (const char *at = strstr(text, "from ") + 5; sscanf(at, " %63[^ ,]%n", word, &used) == 1; at += used) {
		if (!vp_ip_parse(word, 0, &ip) || ip.len != sizeof(ip.bytes))
			continue;
		vp_buf_adds(out, ", 0x");
		for (size_t i = 0; i < ip.len; i++)
			vp_buf_addf(out, "%02x", ip.bytes[i]);
	}
	vp_buf_adds(out, " }");
}

/*
 * Nobody but vprov answers for DHCP, and nobody but routers are routers. What has no address to be checked may come from anywhere; tagged frames,
 * frames of the spanning tree and everything that is neither IP nor ARP end here.
 */
static void tap_rules(const char *text, struct vp_buf *out)
{
	const bool from = strstr(text, "from "), any6 = strstr(text, "any6");

	vp_buf_adds(out, "ether type 8021q drop\nether type 8021ad drop\nether saddr != ");
	words(text, "mac ", "", false, out);
	vp_buf_adds(out, " drop\nether type arp arp saddr ether != ");
	words(text, "mac ", "", false, out);
	vp_buf_adds(out, " drop\nudp sport 67 drop\nudp sport 547 drop\nicmpv6 type { nd-router-advert, nd-redirect } drop\n");
	if (!from) {
		vp_buf_adds(out, "ether type { arp, ip, ip6 } accept\n");
		return;
	}
	vp_buf_adds(out, "ether type arp arp saddr ip ");
	words(text, "from ", "0.0.0.0", false, out);
	vp_buf_adds(out, " accept\nip saddr 0.0.0.0 udp sport 68 udp dport 67 accept\nip saddr ");
	words(text, "from ", "", false, out);
	vp_buf_adds(out, " accept\n");
	if (any6) {
		vp_buf_adds(out, "ether type ip6 accept\n");
		return;
	}
	/* The address that a neighbour advertisement speaks of is at byte 8; those of the link, which guests choose, begin with fe80::/10. */
	vp_buf_adds(out, "icmpv6 type nd-neighbor-advert @th,64,10 != 0x3fa @th,64,128 != ");
	numbers(text, out);
	vp_buf_adds(out, " drop\nip6 saddr ");
	words(text, "from ", "::, fe80::/10", true, out);
	vp_buf_adds(out, " accept\n");
}

static void tap_chain(const char *tap, const char *text, const char *table, struct vp_buf *out)
{
	const bool guarded = strstr(text, "mac ");
	unsigned rate, burst;

	vp_buf_addf(out, "add table netdev %s\nadd chain netdev %s %s { type filter hook ingress device \"%s\" priority " PRIORITY "; policy %s; }\n",
		    table, table, tap, tap, guarded ? "drop" : "accept");
	vp_buf_addf(out, "table netdev %s {\nchain %s {\n", table, tap);
	if (sscanf(text, "limit %u %u", &rate, &burst) == 2)
		vp_buf_addf(out, "limit rate over %llu bytes/second burst %llu bytes counter drop\n", rate * 125000ULL, burst * 1024ULL);
	if (guarded) {
		tap_rules(text, out);
		vp_buf_adds(out, "counter\n");
	}
	vp_buf_adds(out, "}\n}\n");
}

/*
 * Nothing is routed in or out; from the uplink come neither offers of addresses nor routers. That is not looked at on the uplink itself, as with
 * taps: what goes through an ifb, because it is shared, is not seen there.
 */
static void bridge_chain(const char *bridge, const char *text, const char *table, struct vp_buf *out)
{
	char uplink[16];

	vp_buf_addf(out,
		    "table inet %s {\nchain %s {\ntype filter hook forward priority " PRIORITY "; policy accept;\n"
		    "iifname \"%s\" oifname != \"%s\" counter drop\noifname \"%s\" iifname != \"%s\" counter drop\n}\n}\n",
		    table, bridge, bridge, bridge, bridge, bridge);
	if (sscanf(text, "isolated %15s", uplink) == 1)
		vp_buf_addf(out,
			    "table bridge %s {\nchain %s {\ntype filter hook prerouting priority " PRIORITY "; policy accept;\n"
			    "iifname \"%s\" udp sport 67 counter drop\niifname \"%s\" udp sport 547 counter drop\n"
			    "iifname \"%s\" icmpv6 type nd-router-advert counter drop\n}\n}\n",
			    table, bridge, uplink, uplink, uplink);
}

/* --- Changes. --- */

struct found {
	const char *name;
	bool there;
	size_t others;
};

static void look(const char *name, const char *text, size_t len, void *arg)
{
	struct found *f = arg;

	(void)text;
	(void)len;
	if (strcmp(name, f->name))
		f->others++;
	else
		f->there = true;
}

/* The chain of a device goes; with the last one, its table. */
static int drop_old(const char *family, const char *table, const char *dev, struct vp_buf *script, struct vp_err *err)
{
	vp_cleanup(vp_buf_free) struct vp_buf tables = { 0 }, text = { 0 };
	struct found f = { .name = dev };
	char line[96];

	snprintf(line, sizeof(line), "table %s %s\n", family, table);
	if (nft((const char *const[]){ "nft", "list", "tables", NULL }, NULL, &tables, err))
		return -1;
	if (!strstr(vp_buf_str(&tables), line))
		return 0;
	if (nft((const char *const[]){ "nft", "-s", "list", "table", family, table, NULL }, NULL, &text, err))
		return -1;
	each_chain(vp_buf_str(&text), look, &f);
	if (!f.others)
		vp_buf_addf(script, "delete table %s %s\n", family, table);
	else if (f.there)
		vp_buf_addf(script, "delete chain %s %s %s\n", family, table, dev);
	return 0;
}

int vp_guard_set(const char *dev, const char *text, const char *mark, struct vp_err *err)
{
	vp_cleanup(vp_buf_free) struct vp_buf script = { 0 };
	char table[64];

	if (!have_nft())
		return text ? vp_fail(err, VP_E_TOOL, "guard %s: nft is not there (package nftables)", dev) : 0;
	table_name(mark, table);
	for (size_t i = 0; i < vp_count(families); i++)
		if (drop_old(families[i], table, dev, &script, err))
			return vp_context(err, "guard %s", dev);
	if (text && !strncmp(text, "isolated", 8))
		bridge_chain(dev, text, table, &script);
	else if (text)
		tap_chain(dev, text, table, &script);
	if (!script.len)
		return 0;
	return nft((const char *const[]){ "nft", "-f", "-", NULL }, vp_buf_str(&script), NULL, err) ? vp_context(err, "guard %s", dev) : 0;
}
