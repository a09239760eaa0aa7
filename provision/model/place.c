// SPDX-License-Identifier: Apache-2.0
/* What one profile says about the place of others; all statements about one node, by precedence. Applied to nodes by placed.c. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "bind.h"
#include "place.h"

#define XEN "/software/components/xen/"

/* One profile. */
struct reading {
	struct vp_arena *a;
	const struct vp_profile *p;
	struct vp_placements *out;
	struct vp_diags *diags;
	/* What the statements are about: this machine, or this cluster. */
	const char *host;
};

static const struct vp_val *first(const struct vp_val *v)
{
	return v && v->type < VP_STRING ? v->child : NULL;
}

static const struct vp_val *root(const struct reading *r, const char *path)
{
	return vp_get(r->p->root, path);
}

static void problem(struct reading *r, enum vp_severity sev, enum vp_code code, const struct vp_val *v, const char *fmt, ...) VP_PRINTF(5, 6);
static void problem(struct reading *r, enum vp_severity sev, enum vp_code code, const struct vp_val *v, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	vp_diag(r->diags, sev, code, r->p->file, v->line, vp_path_of(r->a, v), "%s", text);
}

static char *lower(struct vp_arena *a, const char *s)
{
	char *copy = vp_strdup(a, s);

	for (char *c = copy; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return copy;
}

/* A string that passes the check, in the arena; "" where there is none, or a wrong one, which is said. */
static const char *text(struct reading *r, const struct vp_val *v, const struct vp_check *check)
{
	if (!v)
		return "";
	if (v->type != VP_STRING)
		problem(r, VP_ERROR, VP_E_TYPE, v, "is a %s; it has to be a string: %s", vp_type_name(v->type), check->what);
	else if (v->len && (strlen(v->text) != v->len || !check->ok(v->text)))
		problem(r, VP_ERROR, VP_E_VALUE, v, "\"%s\" is not allowed; it has to be %s", v->text, check->what);
	else
		return vp_strdup(r->a, v->text);
	return "";
}

static uint64_t number(struct reading *r, const struct vp_val *v, uint64_t min, uint64_t max)
{
	uint64_t n = 0;

	if (v && (v->type < VP_STRING || !vp_parse_u64(v->text, min, max, &n)))
		problem(r, VP_ERROR, v->type == VP_LONG ? VP_E_VALUE : VP_E_TYPE, v, "has to be a long from %ju to %ju", (uintmax_t)min,
			(uintmax_t)max);
	return n;
}

/* Words that are compared only: never part of a path or a document. */
static bool any_text(const char *s)
{
	return strlen(s) <= VP_MAX_NAME;
}
static const struct vp_check is_text = { any_text, "a short text" };

static struct vp_placement *add(struct reading *r, enum vp_convention how, const char *guest, const struct vp_val *at)
{
	static const struct vp_direct nothing = { "", "", "", "", "" };
	struct vp_placements *o = r->out;

	o->items = vp_grow_in(r->a, o->items, o->n, &o->cap, sizeof(*o->items));
	o->items[o->n] = (struct vp_placement){
		.how = how,
		.guest = vp_strdup(r->a, guest),
		.host = r->host,
		.file = vp_strdup(r->a, r->p->file),
		.line = at->line,
		.path = vp_path_of(r->a, at),
		.virt = -1,
		.boot = nothing,
		.install = nothing,
	};
	return &o->items[o->n++];
}

/* "" where the profile has no host name. */
static const char *host_name(struct vp_arena *a, const struct vp_val *tree)
{
	const struct vp_val *h = vp_get(tree, "/system/network/hostname"), *d = vp_get(tree, "/system/network/domainname");
	bool domain = d && d->type == VP_STRING && d->len;

	if (!h || h->type != VP_STRING)
		return "";
	return lower(a, strchr(h->text, '.') || !domain ? h->text : vp_printf(a, "%s.%s", h->text, d->text));
}

/* --- Enclosures --- */

static bool is_text_of(const struct vp_val *v, const char *word)
{
	return v && v->type == VP_STRING && !strcmp(v->text, word);
}

static void take_enclosure(struct reading *r)
{
	const struct vp_val *e = root(r, "/system/enclosure"), *children = vp_get(e, "children");
	uint64_t max = number(r, vp_get(e, "maxchildren"), 0, VP_MAX_NODES), n = 0;

	if (!children || !is_text_of(vp_get(e, "type"), "hypervisor"))
		return;
	if (children->type != VP_LIST)
		problem(r, VP_ERROR, VP_E_TYPE, children, "is a %s; it has to be a list of profile names", vp_type_name(children->type));
	for (const struct vp_val *c = children->type == VP_LIST ? children->child : NULL; c; c = c->next, n++)
		if (*text(r, c, &is_text))
			add(r, VP_PLACE_ENCLOSURE, c->text, c);
	if (vp_get(e, "maxchildren") && n > max)
		problem(r, VP_WARNING, VP_E_ODD, children, "%ju guests, but maxchildren is %ju", (uintmax_t)n, (uintmax_t)max);
}

/* --- ncm-xen: what it wrote into the files of xm (ncm-xen:src/main/perl/xen.pm) --- */

static const char *unify_mac(struct vp_arena *a, const char *mac)
{
	char *copy = lower(a, mac);

	for (char *c = copy; (c = strchr(c, '-')); c++)
		*c = ':';
	return copy;
}

/* "mac=00:16:3E:00:00:12,bridge=xenbr0": of its other words (ip, script, model, type) none is about the place. */
static struct vp_place_nic read_vif(struct reading *r, const struct vp_val *v)
{
	struct vp_place_nic nic = { "", "" };
	char *rest, *word;

	if (v->type != VP_STRING) {
		problem(r, VP_ERROR, VP_E_TYPE, v, "is a %s; it has to be a string: mac=MAC,bridge=BRIDGE", vp_type_name(v->type));
		return nic;
	}
	rest = vp_strdup(r->a, v->text);
	while ((word = strsep(&rest, ","))) {
		word += strspn(word, " ");
		word[strcspn(word, " ")] = '\0';
		if (!strncmp(word, "mac=", 4) && vp_is_mac.ok(word + 4))
			nic.mac = unify_mac(r->a, word + 4);
		else if (!strncmp(word, "bridge=", 7) && vp_is_ifname.ok(word + 7))
			nic.bridge = word + 7;
		else if (!strncmp(word, "mac=", 4) || !strncmp(word, "bridge=", 7))
			problem(r, VP_ERROR, VP_E_VALUE, v, "\"%s\" is not allowed; it has to be %s", word,
				word[0] == 'm' ? vp_is_mac.what : vp_is_ifname.what);
	}
	return nic;
}

static size_t count(const struct vp_val *v)
{
	size_t n = 0;

	for (const struct vp_val *c = first(v); c; c = c->next)
		n++;
	return n;
}

/* The list, unless it is none or too long, which is said. */
static const struct vp_val *list_of(struct reading *r, const struct vp_val *v, size_t max)
{
	if (v && v->type != VP_LIST)
		problem(r, VP_ERROR, VP_E_TYPE, v, "is a %s; it has to be a list", vp_type_name(v->type));
	else if (v && count(v) > max)
		problem(r, VP_ERROR, VP_E_VALUE, v, "has more than %zu items", max);
	else
		return v;
	return NULL;
}

static void read_vifs(struct reading *r, struct vp_placement *p, const struct vp_val *list)
{
	list = list_of(r, list, VP_MAX_NICS);
	p->nics = vp_alloc(r->a, count(list) * sizeof(*p->nics) + 1);
	for (const struct vp_val *v = first(list); v; v = v->next)
		p->nics[p->nnics++] = read_vif(r, v);
}

/* Relative ones are below /dev, as xm has it. */
static const char *device_path(struct reading *r, const char *path)
{
	return *path == '/' ? path : vp_printf(r->a, "/dev/%s", path);
}

static const char *string_at(const struct vp_val *dict, const char *key)
{
	const struct vp_val *v = vp_get(dict, key);

	return v && v->type == VP_STRING ? v->text : "";
}

static void read_disk_dict(struct reading *r, struct vp_place_disk *d, const char **mode, const struct vp_val *v)
{
	const char *device = string_at(v, "hostdevice"), *volume = string_at(v, "hostvol"), *path = string_at(v, "path");

	d->type = text(r, vp_get(v, "type"), &vp_is_key);
	if (!strcmp(d->type, "lvm") && *device && *volume)
		d->path = device_path(r, vp_printf(r->a, "%s/%s", device, volume));
	else if (!strcmp(d->type, "phy") && *device)
		d->path = device_path(r, device);
	else if (strcmp(d->type, "lvm") && strcmp(d->type, "phy"))
		d->path = vp_strdup(r->a, path);
	d->target = text(r, vp_get(v, "guestdevice"), &vp_is_diskname);
	d->size = number(r, vp_get(v, "size"), 1, VP_MAX_DISK_MIB) * VP_MIB;
	*mode = string_at(v, "rw");
}

/* "phy:/dev/vg/lv,xvda,w" */
static void read_disk_text(struct reading *r, struct vp_place_disk *d, const char **mode, const struct vp_val *v)
{
	char *rest = vp_strdup(r->a, v->text), *source = strsep(&rest, ","), *colon = strrchr(source, ':');
	const char *target = rest ? strsep(&rest, ",") : "";

	d->path = colon ? colon + 1 : source;
	if (colon)
		*colon = '\0';
	d->type = colon ? source : "phy";
	if (!strcmp(d->type, "phy") && *d->path)
		d->path = device_path(r, d->path);
	d->target = vp_is_diskname.ok(target) ? target : "";
	*mode = rest ? rest : "";
	if (!*d->target)
		problem(r, VP_ERROR, VP_E_VALUE, v, "\"%s\" is not allowed; it has to be TYPE:PATH,DEVICE,MODE", v->text);
}

/* False for what is no disk of a node. */
static bool read_disk(struct reading *r, struct vp_place_disk *d, const struct vp_val *v)
{
	const char *mode = "";

	*d = (struct vp_place_disk){ .target = "", .type = "", .path = "" };
	if (v->type == VP_STRING && strstr(v->text, ":cdrom"))
		return false;
	if (v->type == VP_STRING)
		read_disk_text(r, d, &mode, v);
	else if (v->type == VP_DICT)
		read_disk_dict(r, d, &mode, v);
	else
		problem(r, VP_ERROR, VP_E_TYPE, v, "is a %s; it has to be a dict, or a string: phy:/dev/GROUP/VOLUME,xvda,w", vp_type_name(v->type));
	d->readonly = *mode == 'r' && mode[1] != 'w';
	if (!*d->target)
		return false;
	if (!vp_is_dir.ok(d->path)) {
		problem(r, VP_ERROR, *d->path ? VP_E_VALUE : VP_E_MISSING, v, "the path of %s on the hypervisor has to be %s", d->target,
			vp_is_dir.what);
		d->path = "";
	}
	if (isdigit((unsigned char)d->target[strlen(d->target) - 1]))
		problem(r, VP_WARNING, VP_E_ODD, v, "%s is a partition without a disk: left out", d->target);
	return !isdigit((unsigned char)d->target[strlen(d->target) - 1]);
}

static void read_disks(struct reading *r, struct vp_placement *p, const struct vp_val *list)
{
	list = list_of(r, list, VP_MAX_DISKS);
	p->disks = vp_alloc(r->a, count(list) * sizeof(*p->disks) + 1);
	for (const struct vp_val *v = first(list); v; v = v->next)
		p->ndisks += read_disk(r, &p->disks[p->ndisks], v);
}

/* Words of a command line, of which the first may be a device. */
static bool root_device(const char *s)
{
	return vp_is_args.ok(s + (*s == '/'));
}

static void read_boot(struct reading *r, struct vp_direct *b, const struct vp_val *options)
{
	static const struct vp_check is_root = { root_device, "a device and words of letters, digits, or any of . _ , : = / + @ -" };
	const char *device = text(r, vp_get(options, "root"), &is_root), *extra = text(r, vp_get(options, "extra"), &vp_is_args);

	b->kernel = text(r, vp_get(options, "kernel"), &vp_is_dir);
	b->initrd = text(r, vp_get(options, "ramdisk"), &vp_is_dir);
	b->bootloader = text(r, vp_get(options, "bootloader"), &vp_is_dir);
	b->bootargs = text(r, vp_get(options, "bootargs"), &vp_is_args);
	/* As xm made the command line of both. */
	b->cmdline = vp_printf(r->a, "%s%s%s%s", *device ? "root=" : "", device, *device && *extra ? " " : "", extra);
}

/* Files of the emulator stand where a paravirtual guest has its kernel. */
static bool is_hvm(const struct vp_val *options)
{
	const char *kernel = string_at(options, "kernel"), *name = strrchr(kernel, '/');

	return !strcmp(string_at(options, "builder"), "hvm") || !strcmp(name ? name + 1 : kernel, "hvmloader");
}

static void read_domain(struct reading *r, const struct vp_val *v)
{
	const struct vp_val *options = vp_get(v, "options"), *install = vp_get(v, "install_options"), *name = vp_get(options, "name");
	const char *key = vp_unescape(r->a, v->key);
	struct vp_placement *p;

	if (!options || options->type != VP_DICT) {
		problem(r, VP_ERROR, options ? VP_E_TYPE : VP_E_MISSING, options ? options : v, "there has to be a dict \"options\"");
		return;
	}
	p = add(r, VP_PLACE_XEN, name && *text(r, name, &vp_is_label) ? name->text : vp_is_label.ok(key) ? key : v->key, v);
	p->memory = number(r, vp_get(options, "memory"), VP_MIN_MEMORY_MIB, VP_MAX_MEMORY_MIB) * VP_MIB;
	p->vcpus = (unsigned)number(r, vp_get(options, "vcpus"), 1, VP_MAX_VCPUS);
	p->virt = is_hvm(options) ? VP_XEN_HVM : VP_XEN_PARA;
	read_vifs(r, p, vp_get(options, "vif"));
	read_disks(r, p, vp_get(options, "disk"));
	if (p->virt == VP_XEN_HVM)
		return;
	read_boot(r, &p->boot, options);
	if (install)
		read_boot(r, &p->install, install);
}

/* A map of the whole site, the same on each hypervisor, which names itself by its short name. */
static void read_guest_map(struct reading *r, const struct vp_val *v)
{
	const char *key = vp_unescape(r->a, v->key), *host = text(r, vp_get(v, "hypervisor_name"), &vp_is_label);
	const char *mac = text(r, vp_get(v, "guest_mac"), &vp_is_mac);
	struct vp_placement *p;

	if (!*host)
		return;
	p = add(r, VP_PLACE_GUEST_MAP, vp_is_label.ok(key) ? key : v->key, v);
	p->host = vp_place_names(host, r->host) ? r->host : lower(r->a, host);
	p->nics = vp_alloc(r->a, sizeof(*p->nics));
	p->nnics = *mac ? 1 : 0;
	p->nics[0] = (struct vp_place_nic){ unify_mac(r->a, mac), "" };
}

static void take_xen(struct reading *r)
{
	for (const struct vp_val *v = first(root(r, XEN "domains")); v; v = v->next)
		if (v->key && v->type == VP_DICT)
			read_domain(r, v);
	for (const struct vp_val *v = first(root(r, XEN "guest_map")); v; v = v->next)
		if (v->key && v->type == VP_DICT)
			read_guest_map(r, v);
}

/* --- Aquilon --- */

static uint64_t sum(struct reading *r, const struct vp_val *list, const char *key, uint64_t max)
{
	uint64_t n = 0;

	for (const struct vp_val *v = first(list); v; v = v->next)
		n += number(r, vp_get(v, key), 1, max);
	return n > max ? max : n;
}

static void read_machine(struct reading *r, const struct vp_val *v)
{
	const struct vp_val *hardware = vp_get(v, "hardware"), *cards = vp_get(hardware, "cards/nic"), *name = vp_get(v, "name");
	const char *fqdn = host_name(r->a, v), *given = name ? text(r, name, &vp_is_label) : v->key ? v->key : "";
	struct vp_placement *p;

	if (!*fqdn && !*given) {
		problem(r, VP_ERROR, VP_E_MISSING, v, "the virtual machine has no name");
		return;
	}
	p = add(r, VP_PLACE_AQUILON, *fqdn ? fqdn : given, v);
	p->whole = hardware && hardware->type == VP_DICT;
	p->memory = sum(r, vp_get(hardware, "ram"), "size", VP_MAX_MEMORY_MIB) * VP_MIB;
	p->vcpus = (unsigned)sum(r, vp_get(hardware, "cpu"), "cores", VP_MAX_VCPUS);
	p->nics = vp_alloc(r->a, count(cards) * sizeof(*p->nics) + 1);
	for (const struct vp_val *c = count(cards) > VP_MAX_NICS ? NULL : first(cards); c; c = c->next) {
		const char *group = string_at(c, "port_group"), *mac = string_at(c, "hwaddr");

		/* The hardware is checked where it is bound; a port group that can be no bridge is the site's to map. */
		p->nics[p->nnics++] =
			(struct vp_place_nic){ vp_is_mac.ok(mac) ? unify_mac(r->a, mac) : "", vp_is_ifname.ok(group) ? vp_strdup(r->a, group) : "" };
	}
}

static void take_cluster(struct reading *r)
{
	const struct vp_val *machines = root(r, "/system/resources/virtual_machine"), *cluster = root(r, "/system/cluster");
	bool hosts = machines || is_text_of(vp_get(cluster, "type"), "esx");

	for (const struct vp_val *v = first(machines); v; v = v->next)
		if (v->type == VP_DICT)
			read_machine(r, v);
		else
			problem(r, VP_ERROR, VP_E_TYPE, v, "is a %s; it has to be a dict", vp_type_name(v->type));
	for (const struct vp_val *v = hosts ? first(vp_get(cluster, "members")) : NULL; v; v = v->next)
		if (*text(r, v, &is_text))
			add(r, VP_PLACE_AQUILON, v->text, v)->member = true;
}

bool vp_is_cluster(const struct vp_profile *p)
{
	return vp_get(p->root, "/system/cluster") && !vp_get(p->root, "/hardware") && !vp_get(p->root, "/system/network/hostname");
}

/* --- What a hypervisor says about itself --- */

static bool names_itself(const struct vp_profile *p)
{
	const char *name = string_at(p->root, "system/network/hostname");

	for (const struct vp_val *v = first(vp_get(p->root, XEN "guest_map")); v; v = v->next)
		if (vp_place_names(string_at(v, "hypervisor_name"), name))
			return true;
	return false;
}

const struct vp_val *vp_place_hypervisor(const struct vp_profile *p)
{
	const struct vp_val *type = vp_get(p->root, "/system/enclosure/type"), *domains = vp_get(p->root, XEN "domains");

	if (is_text_of(type, "hypervisor"))
		return type;
	if (count(domains))
		return domains;
	return names_itself(p) ? vp_get(p->root, XEN "guest_map") : NULL;
}

struct bridges {
	struct vp_arena *a;
	const struct vp_profile *p;
	struct vp_bridge *items;
	size_t n, cap;
};

static struct vp_bridge *bridge_of(struct bridges *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->items[i].name, name))
			return &l->items[i];
	if (!vp_is_ifname.ok(name) || l->n == VP_MAX_BRIDGES)
		return NULL;
	l->items = vp_grow_in(l->a, l->items, l->n, &l->cap, sizeof(*l->items));
	l->items[l->n] = (struct vp_bridge){ .name = vp_strdup(l->a, name), .address = "", .interface = "", .uplink = "" };
	return &l->items[l->n++];
}

/* The address of an interface becomes the bridge's, if that has none yet. */
static void give_address(struct bridges *l, struct vp_bridge *b, const struct vp_val *interface)
{
	const char *ip = string_at(interface, "ip");
	unsigned prefix;

	if (!b || *b->address || !vp_is_host_ip.ok(ip) || !vp_netmask(string_at(interface, "netmask"), &prefix))
		return;
	b->address = vp_strdup(l->a, ip);
	b->prefix = prefix;
}

static void bridges_of_interfaces(struct bridges *l)
{
	static const char *const words[] = { "bridge", "ovs_bridge" };
	const struct vp_val *all = vp_get(l->p->root, "/system/network/interfaces");

	for (const struct vp_val *v = first(all); v; v = v->next)
		if (v->key && (is_text_of(vp_get(v, "type"), "Bridge") || is_text_of(vp_get(v, "type"), "OVSBridge")))
			give_address(l, bridge_of(l, v->key), v);
	for (const struct vp_val *v = first(all); v; v = v->next)
		for (size_t w = 0; w < vp_count(words); w++) {
			const char *name = string_at(v, words[w]);
			struct vp_bridge *b = *name ? bridge_of(l, name) : NULL;

			/* Its own entry first; some sites have the address at the port alone. */
			if (b)
				give_address(l, b, vp_get(all, b->name));
			give_address(l, b, v);
		}
}

/* Xen's network-bridge script moves the address of the card to the bridge. A bridge "xenbrN" without a card has ethN. */
static void bridges_of_xen(struct bridges *l)
{
	for (const struct vp_val *v = first(vp_get(l->p->root, XEN "network/bridges")); v; v = v->next) {
		struct vp_bridge *b = v->key ? bridge_of(l, v->key) : NULL;
		const char *card = string_at(v, "netdev");

		if (b && !*card && !strncmp(v->key, "xenbr", 5))
			card = vp_printf(l->a, "eth%s", v->key + 5);
		if (b)
			give_address(l, b, vp_get(vp_get(l->p->root, "/system/network/interfaces"), b->name));
		if (vp_is_ifname.ok(card))
			give_address(l, b, vp_get(vp_get(l->p->root, "/system/network/interfaces"), card));
	}
}

/* With an address first, then by name. */
static int by_use(const void *left, const void *right)
{
	const struct vp_bridge *a = left, *b = right;

	if (!*a->address != !*b->address)
		return !*a->address - !*b->address;
	return strcmp(a->name, b->name);
}

struct vp_bridge *vp_place_bridges(struct vp_arena *a, const struct vp_profile *p, size_t *n)
{
	struct bridges l = { .a = a, .p = p };

	bridges_of_interfaces(&l);
	bridges_of_xen(&l);
	if (l.n)
		qsort(l.items, l.n, sizeof(*l.items), by_use);
	*n = l.n;
	return l.items;
}

static void take_host(struct reading *r)
{
	size_t n;
	struct vp_bridge *bridges = vp_place_bridges(r->a, r->p, &n);
	struct vp_placement *p;

	if (!n && !vp_place_hypervisor(r->p))
		return;
	p = add(r, VP_PLACE_HOST, "", root(r, "/system/network/hostname"));
	p->bridges = bridges;
	p->nbridges = n;
}

void vp_placements_of(struct vp_arena *a, const struct vp_profile *p, struct vp_placements *out, struct vp_diags *diags)
{
	struct reading r = { .a = a, .p = p, .out = out, .diags = diags, .host = host_name(a, p->root) };

	if (vp_is_cluster(p)) {
		r.host = lower(a, text(&r, vp_get(p->root, "/system/cluster/name"), &is_text));
		take_cluster(&r);
		return;
	}
	/* A machine without a name is an error of its own, and nothing can run on it. */
	if (!*r.host)
		return;
	take_host(&r);
	take_enclosure(&r);
	take_cluster(&r);
	take_xen(&r);
}

/* --- All statements about one node --- */

/* Without the directory and the prefix of a profile's name. */
static const char *bare(const char *name)
{
	const char *slash = strrchr(name, '/');

	name = slash ? slash + 1 : name;
	return strncasecmp(name, "profile_", 8) ? name : name + 8;
}

bool vp_place_names(const char *guest, const char *node)
{
	size_t len;

	guest = bare(guest);
	len = strcspn(guest, ".");
	if (!len)
		return false;
	if (!guest[len] || !strchr(node, '.'))
		return len == strcspn(node, ".") && !strncasecmp(guest, node, len);
	return !strcasecmp(guest, node);
}

/* What it is found by: the guest, or the host where it is about that. */
static const char *subject(const struct vp_placement *p)
{
	return bare(p->how == VP_PLACE_HOST ? p->host : p->guest);
}

static int compare_labels(const char *a, const char *b)
{
	size_t n = strcspn(a, "."), m = strcspn(b, ".");
	int rc = strncasecmp(a, b, n < m ? n : m);

	return rc ? rc : (n > m) - (n < m);
}

/* By subject; then the one that decides first, whatever the order of reading was. */
static int by_subject(const void *left, const void *right)
{
	const struct vp_placement *a = left, *b = right;
	int rc = compare_labels(subject(a), subject(b));

	if (!rc)
		rc = (int)b->how - (int)a->how;
	if (!rc)
		rc = strcmp(a->host, b->host);
	if (!rc)
		rc = strcmp(a->file, b->file);
	return rc ? rc : strcmp(a->path, b->path);
}

/* The first whose subject has this label. */
static size_t find_label(struct vp_placements *all, const char *name)
{
	size_t low = 0, high;

	if (all->sorted != all->n)
		qsort(all->items, all->n, sizeof(*all->items), by_subject);
	all->sorted = high = all->n;
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (compare_labels(subject(&all->items[mid]), name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool is_cluster(const struct vp_placement *p)
{
	return p->how == VP_PLACE_AQUILON;
}

/* Two statements about one guest, the deciding one first. */
static void compare(const struct vp_placement *p, const struct vp_placement *q, struct vp_diags *diags)
{
	bool same = vp_place_names(q->host, p->host);

	if (q->how == VP_PLACE_GUEST_MAP) {
		if (!same && !is_cluster(p))
			vp_diag(diags, VP_WARNING, VP_E_ODD, q->file, q->line, q->path,
				"%s runs on %s by this map, but on %s by %s (%s:%u), which decides", bare(q->guest), q->host, p->host, p->path,
				p->file, p->line);
		return;
	}
	/* A cluster holds the hypervisor that the other one names. */
	if (is_cluster(p) != is_cluster(q) || p->member || q->member)
		return;
	if (!same)
		vp_diag(diags, VP_ERROR, VP_E_CLASH, q->file, q->line, q->path, "%s is placed on %s, and on %s, too (%s:%u)", bare(q->guest), q->host,
			p->host, p->file, p->line);
	else if (p->how == q->how && strcmp(p->path, q->path))
		vp_diag(diags, VP_ERROR, VP_E_CLASH, q->file, q->line, q->path, "%s is placed on %s twice: also by %s (%s:%u)", bare(q->guest),
			q->host, p->path, p->file, p->line);
}

/* The same statement, read from another form of the profile or, of a map, from another hypervisor. */
static bool repeats(const struct vp_placement *p, const struct vp_placement *q)
{
	return p->how == q->how && !strcmp(p->host, q->host) && (!strcmp(p->path, q->path) || p->how == VP_PLACE_GUEST_MAP);
}

static const struct vp_placement *find_host(struct vp_placements *all, const char *host)
{
	for (size_t i = find_label(all, host); i < all->n && !compare_labels(subject(&all->items[i]), host); i++)
		if (all->items[i].how == VP_PLACE_HOST && vp_place_names(host, all->items[i].host))
			return &all->items[i];
	return NULL;
}

/* Copies of what is said about the node, linked; the head decides. */
static struct vp_placement *chain(struct vp_arena *a, struct vp_placements *all, const char *node, struct vp_diags *diags)
{
	struct vp_placement *head = NULL, *last = NULL;

	for (size_t i = find_label(all, node); i < all->n && !compare_labels(subject(&all->items[i]), node); i++) {
		const struct vp_placement *p = &all->items[i];
		struct vp_placement *copy;

		if (p->how == VP_PLACE_HOST || !vp_place_names(p->guest, node) || vp_place_names(p->host, node) || (last && repeats(last, p)))
			continue;
		if (head)
			compare(head, p, diags);
		copy = vp_alloc(a, sizeof(*copy));
		*copy = *p;
		copy->next = NULL;
		if (last)
			last->next = copy;
		else
			head = copy;
		last = copy;
	}
	return head;
}

const struct vp_placement *vp_placement_merge(struct vp_arena *a, struct vp_placements *all, const char *node, const char *own_host,
					      struct vp_diags *diags)
{
	struct vp_placement *head = chain(a, all, node, diags);
	const struct vp_placement *host;

	if (head && *own_host && !vp_place_names(own_host, head->host) && !is_cluster(head))
		vp_diag(diags, VP_WARNING, VP_E_ODD, head->file, head->line, head->path,
			"%s runs on %s by this, but on %s by its own profile, which decides", node, head->host, own_host);
	host = *own_host || head ? find_host(all, *own_host ? own_host : head->host) : NULL;
	if (!head && host) {
		head = vp_alloc(a, sizeof(*head));
		*head = *host;
	} else if (host) {
		head->bridges = host->bridges;
		head->nbridges = host->nbridges;
	}
	return head;
}

const char *vp_convention_name(enum vp_convention c)
{
	static const char *const names[] = { "hypervisor", "guest_map of ncm-xen", "enclosure", "Aquilon", "ncm-xen" };

	return names[c];
}
