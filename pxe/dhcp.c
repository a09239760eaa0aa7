// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "dhcp.h"
#include "http.h"

/* --- Log --- */

/* "dnsmasq-tftp[123]: rest", possibly with a date before; NULL where another program or part of it speaks. */
static const char *after_tag(const char *line, const char *tag)
{
	const char *p = strstr(line, tag);

	p = p ? strstr(p, "]: ") : NULL;
	return p ? p + 3 : NULL;
}

/* Copies up to the stop character; false where it does not fit or does not come. */
static bool copy_until(const char **p, char stop, char *out, size_t size)
{
	const char *end = strchr(*p, stop);
	size_t n = end ? (size_t)(end - *p) : size;

	if (n >= size)
		return false;
	memcpy(out, *p, n);
	out[n] = '\0';
	*p += n + 1;
	return true;
}

static bool is_ip(const char *s)
{
	struct in_addr a;

	return inet_pton(AF_INET, s, &a) == 1;
}

/* "12345 DHCPDISCOVER(vpbr0) [10.9.8.10 ]52:54:00:00:00:99 ignored": of a machine that is no node. */
static void parse_stranger(const char *p, struct vp_dhcp_log *out)
{
	char word[32];

	p += strspn(p, "0123456789");
	p += *p == ' ';
	if (strncmp(p, "DHCPDISCOVER(", 13))
		return;
	p += 13;
	if (!copy_until(&p, ')', out->bridge, sizeof(out->bridge)) || *p++ != ' ' || !copy_until(&p, ' ', word, sizeof(word)))
		return;
	if (is_ip(word) && !copy_until(&p, ' ', word, sizeof(word)))
		return;
	if (strlen(word) == 17 && !strcmp(p, "ignored")) {
		memcpy(out->mac, word, sizeof(out->mac));
		out->kind = VP_LOG_STRANGER;
	}
}

/* "failed sending ROOT/pxelinux.0 to 10.9.8.10" */
static void parse_unsent(const char *p, const char *root, struct vp_dhcp_log *out)
{
	static const char words[] = "failed sending ";
	size_t n = strlen(root);

	if (strncmp(p, words, strlen(words)) || strncmp(p + strlen(words), root, n) || p[strlen(words) + n] != '/')
		return;
	p += strlen(words) + n + 1;
	if (!copy_until(&p, ' ', out->file, sizeof(out->file)) || strncmp(p, "to ", 3))
		return;
	snprintf(out->ip, sizeof(out->ip), "%.15s", p + 3);
	if (is_ip(out->ip))
		out->kind = VP_LOG_UNSENT;
}

void vp_dhcp_log_parse(const char *line, const char *tftp_root, struct vp_dhcp_log *out)
{
	const char *p;

	*out = (struct vp_dhcp_log){ .kind = VP_LOG_OTHER };
	if (!strncmp(line, "dnsmasq-dhcp[", 13) && (p = after_tag(line, "dnsmasq-dhcp[")))
		parse_stranger(p, out);
	else if (!strncmp(line, "dnsmasq-tftp[", 13) && (p = after_tag(line, "dnsmasq-tftp[")))
		parse_unsent(p, tftp_root, out);
	else if (!strncmp(line, "dnsmasq[", 8) && (p = after_tag(line, "dnsmasq[")) && !strncmp(p, "started, ", 9))
		out->kind = VP_LOG_STARTED;
}

/* --- Rows --- */

static const char *text_of(struct vp_arena *a, const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? vp_strdup(a, s) : "";
}

static const json_t *find(const json_t *list, const char *key, const char *value)
{
	const json_t *item;
	size_t i;

	json_array_foreach (list, i, item) {
		const char *s = json_string_value(json_object_get(item, key));

		if (s && !strcmp(s, value))
			return item;
	}
	return NULL;
}

static bool is_mac(const char *s)
{
	return strlen(s) == 17 && strspn(s, "0123456789abcdef:") == 17;
}

/* The binder has checked all of this; the database may have been written by anyone since. */
static bool usable(const struct vp_dhcp_host *h, const struct vp_serve_net *net)
{
	return vp_safe_name(h->name, strlen(h->name)) && is_mac(h->mac) && (!h->ip[0] || is_ip(h->ip)) && (!h->gateway[0] || is_ip(h->gateway)) &&
	       vp_safe_name(net->bridge, strlen(net->bridge)) && strlen(net->bridge) < 16;
}

/* "10.0.0.1,10.0.0.2": DHCP has no names. */
static const char *addresses(struct vp_arena *a, const json_t *list)
{
	const char *text = "";
	const json_t *item;
	size_t i;

	json_array_foreach (list, i, item) {
		const char *s = json_string_value(item);

		if (s && is_ip(s))
			text = vp_printf(a, "%s%s%s", text, *text ? "," : "", s);
	}
	return text;
}

static const json_t *inside(const json_t *j, const char *a, const char *b, const char *c)
{
	return json_object_get(json_object_get(json_object_get(j, a), b), c);
}

bool vp_dhcp_host_of(struct vp_arena *a, const struct vp_node_row *row, struct vp_dhcp_host *host, struct vp_serve_net *net)
{
	json_t *node = json_loads(row->json, 0, NULL);
	const json_t *nic = find(json_object_get(node, "nics"), "mac", row->mac), *bridge;
	bool ok;

	*host = (struct vp_dhcp_host){ .name = row->name,
				       .mac = row->mac,
				       .ip = row->ip,
				       .bridge = text_of(a, nic, "bridge"),
				       .gateway = text_of(a, nic, "gateway"),
				       .dns = addresses(a, json_object_get(node, "nameservers")),
				       .ntp = addresses(a, inside(node, "aii", "ks", "ntpservers")) };
	bridge = find(json_object_get(node, "bridges"), "name", host->bridge);
	/* The bridge may be on another machine. */
	if (*text_of(a, bridge, "interface"))
		host->bridge = text_of(a, bridge, "interface");
	*net = (struct vp_serve_net){ .bridge = host->bridge,
				      .address = text_of(a, bridge, "address"),
				      .prefix = (unsigned)json_integer_value(json_object_get(bridge, "prefix")) };
	ok = nic && usable(host, net);
	json_decref(node);
	return ok;
}

/* --- Files --- */

static void add(struct vp_served_files *f, const char *path, const struct vp_buf *text, bool reload)
{
	if (!text->len)
		return;
	f->items = vp_grow_in(f->arena, f->items, f->n, &f->cap, sizeof(*f->items));
	f->items[f->n++] = (struct vp_served){ path, vp_strdup(f->arena, text->data), reload };
}

static const struct vp_serve_net *net_of(const struct vp_serve_opts *o, const char *bridge)
{
	for (size_t i = 0; i < o->nnets; i++)
		if (!strcmp(o->nets[i].bridge, bridge))
			return &o->nets[i];
	return NULL;
}

static void add_boot(struct vp_served_files *f, const struct vp_node_row *row, const struct vp_serve_net *net, unsigned port)
{
	vp_cleanup(vp_buf_free) struct vp_buf text = { 0 };
	char *path = vp_printf(f->arena, "tftp/pxelinux.cfg/01-%s", row->mac);
	enum vp_boot_answer answer;
	struct vp_boot_what what;

	for (char *p = path + strlen(path) - 17; *p; p++)
		if (*p == ':')
			*p = '-';
	answer = vp_boot_decide(row, vp_wall(), NULL);
	vp_boot_what(f->arena, row, answer, vp_printf(f->arena, "http://%s:%u", net->address, port), &what);
	vp_pxelinux_conf(answer, &what, &text);
	add(f, path, &text, false);
}

void vp_served_add(struct vp_served_files *f, const struct vp_node_row *row, const struct vp_serve_opts *o, unsigned port)
{
	static const struct {
		const char *dir;
		void (*write)(const struct vp_dhcp_host *h, struct vp_buf *out);
	} kinds[] = { { "hosts", vp_dnsmasq_host }, { "opts", vp_dnsmasq_options }, { "names", vp_dnsmasq_name } };
	const struct vp_serve_net *net;
	struct vp_serve_net said;
	struct vp_dhcp_host host;

	if (!vp_dhcp_host_of(f->arena, row, &host, &said) || !(net = net_of(o, host.bridge)))
		return;
	for (size_t i = 0; i < vp_count(kinds); i++) {
		vp_cleanup(vp_buf_free) struct vp_buf text = { 0 };

		kinds[i].write(&host, &text);
		add(f, vp_printf(f->arena, "%s/%s", kinds[i].dir, row->name), &text, true);
	}
	add_boot(f, row, net, port);
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct vp_served *)a)->path, ((const struct vp_served *)b)->path);
}

/* Whole or not at all, but without fsync: after a crash of the machine the service writes everything anew. */
static int publish(const char *dir, const struct vp_served *s, struct vp_err *err)
{
	vp_cleanup(vp_arena_freep) struct vp_arena *a = vp_arena_new();
	const char *tmp = vp_printf(a, "%s/dnsmasq/tmp", dir), *path = vp_printf(a, "%s/%s", dir, s->path);
	vp_cleanup(vp_closep) int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	size_t len = strlen(s->text);

	if (fd < 0 || write(fd, s->text, len) != (ssize_t)len || rename(tmp, path))
		return vp_fail_errno(err, VP_E_IO, "%s", path);
	return 0;
}

static int withdraw(const char *dir, const struct vp_served *s, struct vp_err *err)
{
	vp_cleanup(vp_arena_freep) struct vp_arena *a = vp_arena_new();

	return vp_remove_tree(vp_printf(a, "%s/%s", dir, s->path), err);
}

int vp_served_sync(const char *dir, const struct vp_served_files *have, struct vp_served_files *want, bool *reload, struct vp_err *err)
{
	size_t h = 0, w = 0;

	if (want->n)
		qsort(want->items, want->n, sizeof(*want->items), by_path);
	while (h < have->n || w < want->n) {
		const struct vp_served *old = h < have->n ? &have->items[h] : NULL, *new = w < want->n ? &want->items[w] : NULL;
		int cmp = !old ? 1 : !new ? -1 : by_path(old, new);
		bool change = cmp || strcmp(old->text, new->text) != 0;

		h += cmp <= 0;
		w += cmp >= 0;
		if (!change)
			continue;
		/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): cmp is -1 only where there is an old one, 1 only where there is a new one */
		*reload |= (cmp < 0 ? old : new)->reload;
		if (cmp < 0 ? withdraw(dir, old, err) : publish(dir, new, err))
			return -1;
	}
	return 0;
}
