// SPDX-License-Identifier: Apache-2.0
#include <libxml/parser.h>
#include <libxml/relaxng.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "render.h"

/* One template or partial that was read. */
struct file {
	char *name;
	/* Of the nodes that it is for, "" for those without. */
	char *role;
	char *path;
	/* It is the site's own. */
	bool override;
	struct vp_buf text;
	struct file *next;
};

/* Forms of domains beyond this number are validated each time. */
#define MAX_FORMS 256

struct vp_render_memo {
	struct file *files;
	struct form {
		uint64_t hash;
		struct vp_buf text;
	} forms[MAX_FORMS];
	size_t n;
};

/* The files of one rendering. */
struct source {
	const struct vp_render *r;
	/* Has what the data leave out; NULL where they are whole. */
	const struct vp_node *node;
	/* Of the node, "" for none. */
	const char *role;
	struct file *files;
	/* The site's own files among them, for messages: ", PATH, PATH". */
	struct vp_buf overrides;
	/* Set by the first partial that could not be had. */
	bool failed;
	struct vp_err *err;
};

static void files_free(struct file *f)
{
	for (struct file *next; f; f = next) {
		next = f->next;
		vp_buf_free(&f->text);
		free(f->name);
		free(f->role);
		free(f->path);
		free(f);
	}
}

static void source_free(struct source *s)
{
	files_free(s->files);
	vp_buf_free(&s->overrides);
}

struct vp_render_memo *vp_render_memo_new(void)
{
	return vp_xcalloc(1, sizeof(struct vp_render_memo));
}

void vp_render_memo_free(struct vp_render_memo *m)
{
	files_free(m->files);
	for (size_t i = 0; i < m->n; i++)
		vp_buf_free(&m->forms[i].text);
	free(m);
}

static char *text_of(const char *fmt, ...) VP_PRINTF(1, 2);
static char *text_of(const char *fmt, ...)
{
	struct vp_buf b = { 0 };
	va_list ap;

	va_start(ap, fmt);
	vp_buf_vaddf(&b, fmt, ap);
	va_end(ap);
	return b.data;
}

/* A template cannot name a file outside the template directories. */
static bool plain_name(const char *name)
{
	return *name && *name != '.' && !name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")];
}

/* DIR/NAME.ROLE.mustache, else DIR/NAME.mustache; NULL where there is neither. */
static char *find_in(const struct source *s, const char *dir, const char *name)
{
	char *path = *s->role ? text_of("%s/%s.%s.mustache", dir, name, s->role) : NULL;

	if (path && vp_exists(path))
		return path;
	free(path);
	path = text_of("%s/%s.mustache", dir, name);
	if (vp_exists(path))
		return path;
	free(path);
	return NULL;
}

static void find(struct source *s, struct file *f)
{
	f->path = s->r->site_dir ? find_in(s, s->r->site_dir, f->name) : NULL;
	f->override = f->path;
	if (!f->path)
		f->path = find_in(s, s->r->ship_dir, f->name);
	if (!f->path)
		f->path = text_of("%s/%s.mustache", s->r->ship_dir, f->name);
}

static const struct file *used(struct source *s, const struct file *f)
{
	if (f->override && !(s->overrides.len && strstr(s->overrides.data, f->path)))
		vp_buf_addf(&s->overrides, "%s%s", s->overrides.len ? ", " : "", f->path);
	return f;
}

/* NULL with err filled. */
static const struct file *load(struct source *s, const char *name)
{
	struct file **list = s->r->memo ? &s->r->memo->files : &s->files, *f;

	for (f = *list; f; f = f->next)
		if (!strcmp(f->name, name) && !strcmp(f->role, s->role))
			return used(s, f);
	if (!plain_name(name)) {
		vp_fail(s->err, VP_E_TEMPLATE, "'%s' is no name of a template", name);
		return NULL;
	}
	f = vp_xcalloc(1, sizeof(*f));
	f->name = text_of("%s", name);
	f->role = text_of("%s", s->role);
	find(s, f);
	used(s, f);
	if (!vp_read_file(f->path, VP_MAX_TEMPLATE, &f->text, s->err)) {
		f->next = *list;
		*list = f;
		return f;
	}
	if (s->err)
		s->err->code = VP_E_TEMPLATE;
	vp_context(s->err, "template %s", name);
	files_free(f);
	return NULL;
}

static const char *load_partial(void *arg, const char *name)
{
	struct source *s = arg;
	const struct file *f = s->failed ? NULL : load(s, name);

	s->failed = !f;
	return f ? vp_buf_str(&f->text) : NULL;
}

static json_t *load_member(void *arg, const char *name)
{
	const struct source *s = arg;

	return s->node ? vp_node_part(s->node, name) : NULL;
}

/* Names the site's files that had a part in a failure. */
static int blame(struct source *s)
{
	return s->overrides.len ? vp_context(s->err, "with the site's %s", s->overrides.data) : -1;
}

static void cut(struct vp_buf *b, size_t len)
{
	b->len = len;
	if (b->data)
		b->data[len] = '\0';
}

static int render(struct source *s, const char *name, json_t *data, vp_escape_fn *escape, struct vp_buf *out)
{
	const struct vp_mustache_source source = { load_partial, load_member, s };
	const char *role = json_string_value(json_object_get(data, "role"));
	const struct file *f;
	struct vp_err other;
	size_t start = out->len;

	s->role = role ? role : "";
	f = load(s, name);
	if (!f)
		return -1;
	/* Where a partial could not be had, that is the reason, whatever the engine makes of the rest. */
	if (!vp_mustache(f->path, vp_buf_str(&f->text), data, escape, &source, out, &other) && !s->failed)
		return 0;
	cut(out, start);
	if (s->failed)
		return vp_context(s->err, "%s", f->path);
	vp_fail(s->err, VP_E_TEMPLATE, "%s", other.msg);
	return blame(s);
}

int vp_render_text(const struct vp_render *r, const char *template_name, json_t *data, vp_escape_fn *escape, struct vp_buf *out, struct vp_err *err)
{
	vp_cleanup(source_free) struct source s = { .r = r, .err = err };

	return render(&s, template_name, data, escape, out);
}

char *vp_console_path(struct vp_arena *a, const char *state_dir, const char *node)
{
	return vp_printf(a, "%s/console/%s.log", state_dir, node);
}

/* --- What domain templates see beside the node. --- */

/* Ports of a Q35 board that are free for what is plugged in while it runs. */
#define SPARE_PORTS 4

static bool is_xen(const struct vp_node *n)
{
	return n->virt == VP_XEN_PARA || n->virt == VP_XEN_HVM;
}

static bool has_bus(const struct vp_node *n, const char *bus)
{
	for (size_t i = 0; i < n->ndisks; i++)
		if (!strcmp(n->disks[i].bus, bus))
			return true;
	return false;
}

/*
 * The model as libvirt wants it. A paravirtual guest has none but its own. Under Xen-HVM "netfront" is a NIC without a boot ROM: for the first
 * boot from the network libxl adds an emulated one with the same address, which the guest's Xen driver puts aside.
 */
static const char *nic_model(const struct vp_node *n, const struct vp_nic *c, enum vp_boot boot)
{
	bool netfront = !strcmp(c->model, "netfront");

	if (n->virt == VP_XEN_PARA || (netfront && c->boot && boot != VP_BOOT_DISK))
		return "";
	return c->model;
}

/* Boot order by device. Disk before network: an empty disk falls through, an installed one does not. */
static void add_devices(json_t *j, const struct vp_node *n, enum vp_boot boot)
{
	json_t *disks = json_object_get(j, "disks"), *nics = json_object_get(j, "nics");
	bool ordered = !is_xen(n);

	for (size_t i = 0; i < n->ndisks; i++) {
		json_object_set_new(json_array_get(disks, i), "order",
				    json_integer(!ordered || !n->disks[i].boot ? 0
						 : boot == VP_BOOT_NETWORK     ? 2
									       : 1));
		json_object_set_new(json_array_get(disks, i), "block", json_boolean(n->disks[i].block));
		/* Xen's kernel serves a block device itself. */
		json_object_set_new(json_array_get(disks, i), "driver", json_string(is_xen(n) && n->disks[i].block ? "phy" : "qemu"));
	}
	for (size_t i = 0; i < n->nnics; i++) {
		const struct vp_nic *c = &n->nics[i];
		json_t *nic = json_array_get(nics, i);

		json_object_set_new(nic, "order", json_integer(!ordered || boot == VP_BOOT_DISK || !c->boot ? 0 : boot == VP_BOOT_NETWORK ? 1 : 2));
		json_object_set_new(nic, "model", json_string(nic_model(n, c, boot)));
		/* libvirt counts in kilobytes a second. */
		if (c->bandwidth.average)
			json_object_set_new(nic, "limit",
					    json_pack("{si si si}", "average", c->bandwidth.average * 125, "peak", c->bandwidth.peak * 125, "burst",
						      c->bandwidth.burst));
		/* Xen's tools name their devices themselves, and add to a name that is given: too long for a network device. */
		if (is_xen(n))
			json_object_set_new(nic, "tap", json_string(""));
	}
}

static void add_kernel(json_t *j, const char *kernel, const char *initrd, const char *cmdline)
{
	json_object_set_new(j, "kernel", json_string(kernel));
	json_object_set_new(j, "initrd", json_string(initrd ? initrd : ""));
	json_object_set_new(j, "cmdline", json_string(cmdline ? cmdline : ""));
}

/* A paravirtual guest boots what its hypervisor has for it, or from its disk. */
static void add_para(json_t *j, const struct vp_render *r, const struct vp_node *n, enum vp_boot boot)
{
	const struct vp_direct *d = &n->boot;

	if (boot != VP_BOOT_DISK)
		add_kernel(j, r->kernel, r->initrd, r->cmdline);
	else if (d->kernel && *d->kernel)
		add_kernel(j, d->kernel, d->initrd, d->cmdline);
	json_object_set_new(j, "once", json_boolean(boot != VP_BOOT_DISK));
	json_object_set_new(j, "bootloader", json_string(d->bootloader && *d->bootloader ? d->bootloader : "pygrub"));
	/* Quietly, or it would wait in its menu. */
	json_object_set_new(j, "bootargs", json_string(d->bootargs && *d->bootargs ? d->bootargs : "-q"));
}

/* "0=2-3", "emulator=0" */
static json_t *pins(const struct vp_node *n, bool emulator)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n->tuning.pin.n; i++) {
		const char *text = n->tuning.pin.items[i], *set = strchr(text, '=') + 1;

		if ((*text == 'e') == emulator)
			json_array_append_new(list, json_pack("{ss# ss}", "vcpu", text, (int)(set - text - 1), "cpuset", set));
	}
	return list;
}

/* Threads of the emulator in turn, from 1, for the disks that can have one. */
static void add_iothreads(json_t *j, const struct vp_node *n)
{
	unsigned at = 0;

	for (size_t i = 0; i < n->ndisks && n->tuning.iothreads; i++)
		if (!strcmp(n->disks[i].bus, "virtio"))
			json_object_set_new(json_array_get(json_object_get(j, "disks"), i), "iothread", json_integer(at++ % n->tuning.iothreads + 1));
	json_object_set_new(j, "iothreads", json_integer(n->tuning.iothreads));
}

static void add_topology(json_t *j, const struct vp_node *n)
{
	unsigned threads = n->tuning.threads ? n->tuning.threads : 1, all = vp_node_vcpus_max(n);

	if (n->sockets && all % (n->sockets * threads) == 0)
		json_object_set_new(j, "topology",
				    json_pack("{si si si}", "sockets", n->sockets, "cores", all / n->sockets / threads, "threads", threads));
}

static void add_tuning(json_t *j, const struct vp_node *n)
{
	const struct vp_tuning *t = &n->tuning;
	const char *model = t->cpu_model ? t->cpu_model : "", *pages = t->hugepages ? t->hugepages : "none";
	bool mode = !strcmp(model, "host-model") || !strcmp(model, "host-passthrough");

	/* Emulation has no processor of the host to pass on. */
	json_object_set_new(j, "mode", json_string(n->virt == VP_QEMU ? "maximum" : mode ? model : "host-passthrough"));
	json_object_set_new(j, "cpu_name", json_string(mode ? "" : model));
	json_object_set_new(j, "emulated", json_boolean(n->virt == VP_QEMU && (mode || !*model)));
	json_object_set_new(j, "hugepages_kib", json_integer(!strcmp(pages, "2M") ? 2048 : !strcmp(pages, "1G") ? 1 << 20 : 0));
	json_object_set_new(j, "vcpus_max", json_integer(vp_node_vcpus_max(n)));
	json_object_set_new(j, "vcpus_grow", json_boolean(vp_node_vcpus_max(n) > n->vcpus));
	json_object_set_new(j, "memory_max_mib", json_integer((json_int_t)(vp_node_memory_max(n) / VP_MIB)));
	json_object_set_new(j, "memory_grows", json_boolean(vp_node_memory_max(n) > n->memory));
	json_object_set_new(j, "watched", json_boolean(t->watchdog && strcmp(t->watchdog, "none") != 0));
	json_object_set_new(j, "pins", pins(n, false));
	json_object_set_new(j, "emulator_pins", pins(n, true));
	json_object_set_new(j, "pinned", json_boolean(t->pin.n > 0));
	add_iothreads(j, n);
	add_topology(j, n);
}

/* One for each device that takes one (with the random numbers, the balloon, the channels and SCSI), and those that are free. */
static json_t *ports(const struct vp_node *n)
{
	size_t used = n->nnics + 1 + n->tuning.rng + (n->tuning.agent || n->tuning.channel) + has_bus(n, "scsi");
	json_t *list = json_array();

	for (size_t i = 0; i < n->ndisks; i++)
		used += !strcmp(n->disks[i].bus, "virtio");
	for (size_t i = 0; i < used + SPARE_PORTS; i++)
		json_array_append_new(list, json_integer((json_int_t)i));
	return list;
}

/*
 * The embedded driver has the channel's socket below the state directory, STATE/qemu/lib/qemu/channel/target/domain-ID-NAME/vprov.0, with 20
 * characters of the name at most. A guest whose path is too long for a socket would not start: it goes without.
 */
static bool has_channel(const struct vp_render *r, const struct vp_node *n)
{
	size_t name = strlen(n->name) < 20 ? strlen(n->name) : 20;
	size_t path = strlen(r->state_dir) + strlen("/qemu/lib/qemu/channel/target/domain-99-") + name + strlen("/vprov.0");

	return n->tuning.channel && (!r->own_taps || path < sizeof(((struct sockaddr_un *)0)->sun_path));
}

static json_t *domain_json(const struct vp_render *r, const struct vp_node *n, const char *console, enum vp_boot boot)
{
	json_t *j = vp_node_head(n);

	json_object_set_new(j, "console", json_string(r->own_taps && !is_xen(n) ? console : ""));
	json_object_set_new(j, "channel", json_boolean(has_channel(r, n)));
	json_object_set_new(j, "xen", json_boolean(is_xen(n)));
	json_object_set_new(j, "own_taps", json_boolean(r->own_taps && !is_xen(n)));
	json_object_set_new(j, "machine", json_string(has_bus(n, "ide") ? "pc" : "q35"));
	json_object_set_new(j, "q35", json_boolean(!has_bus(n, "ide")));
	json_object_set_new(j, "ports", ports(n));
	json_object_set_new(j, "scsi", json_boolean(has_bus(n, "scsi")));
	json_object_set_new(j, "uefi", json_boolean(n->firmware == VP_UEFI));
	json_object_set_new(j, "network_first", json_boolean(boot == VP_BOOT_NETWORK));
	json_object_set_new(j, "network_second", json_boolean(boot == VP_BOOT_INSTALL));
	add_tuning(j, n);
	if (n->virt == VP_XEN_PARA)
		add_para(j, r, n, boot);
	add_devices(j, n, boot);
	return j;
}

/* --- libvirt's schema: read once, kept for the life of the process. --- */

static xmlRelaxNG *schema;

static void ignore(void *arg, xmlErrorPtr e)
{
	(void)arg;
	(void)e;
}

static void read_schema(void)
{
	static const char *const places[] = { "/usr/share/libvirt/schemas/domain.rng", "/usr/local/share/libvirt/schemas/domain.rng" };

	for (size_t i = 0; i < vp_count(places) && !schema; i++) {
		xmlRelaxNGParserCtxt *ctxt = vp_exists(places[i]) ? xmlRelaxNGNewParserCtxt(places[i]) : NULL;

		if (!ctxt)
			continue;
		xmlRelaxNGSetParserStructuredErrors(ctxt, ignore, NULL);
		schema = xmlRelaxNGParse(ctxt);
		xmlRelaxNGFreeParserCtxt(ctxt);
	}
}

/* The first two things libxml2 says: the first is the innermost. */
static void collect(void *arg, xmlErrorPtr e)
{
	struct vp_buf *b = arg;

	if (b->len > 200)
		return;
	vp_buf_adds(b, b->len ? "; " : "");
	if (e->line > 0)
		vp_buf_addf(b, "line %d: ", e->line);
	vp_buf_adds(b, e->message ? e->message : "");
	while (b->len && b->data[b->len - 1] == '\n')
		b->data[--b->len] = '\0';
}

static int check_schema(xmlDoc *doc, struct vp_err *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	vp_cleanup(vp_buf_free) struct vp_buf words = { 0 };
	xmlRelaxNGValidCtxt *ctxt;
	int rc;

	pthread_once(&once, read_schema);
	ctxt = schema ? xmlRelaxNGNewValidCtxt(schema) : NULL;
	if (!ctxt)
		return 0;
	xmlRelaxNGSetValidStructuredErrors(ctxt, collect, &words);
	rc = xmlRelaxNGValidateDoc(ctxt, doc);
	xmlRelaxNGFreeValidCtxt(ctxt);
	return rc ? vp_fail(err, VP_E_SCHEMA, "%s", vp_buf_str(&words)) : 0;
}

static int check_domain(const struct vp_buf *xml, size_t start, struct vp_err *err)
{
	xmlParserCtxt *ctxt = xmlNewParserCtxt();
	const xmlError *e;
	xmlDoc *doc;
	int rc;

	doc = xmlCtxtReadMemory(ctxt, vp_buf_str(xml) + start, (int)(xml->len - start), NULL, "UTF-8",
				XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	e = xmlCtxtGetLastError(ctxt);
	if (doc)
		rc = check_schema(doc, err);
	else
		rc = vp_fail(err, VP_E_SCHEMA, "not well-formed: line %d: %.200s", e ? e->line : 0, e && e->message ? e->message : "empty");
	xmlFreeDoc(doc);
	xmlFreeParserCtxt(ctxt);
	return rc;
}

/*
 * --- Forms: validation takes most of the time of a rendering, and nodes of one kind differ in names and addresses only. What libvirt's schema
 * takes in such a place, it takes for every other value of that class. So a domain whose text is that of a valid one but for these is valid.
 */

enum class { PLAIN = 1, UUID, MAC, PATH };

/* The values that are a node's own. */
struct identity {
	struct own {
		const char *value;
		size_t len;
		char class;
	} own[3 + 2 * VP_MAX_NICS + VP_MAX_DISKS];
	size_t n;
};

static bool is_of(enum class c, const char *s, size_t len)
{
	static const char *const sets[] = {
		[PLAIN] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-",
		[UUID] = "0123456789abcdef-",
		[MAC] = "0123456789abcdef:",
		[PATH] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/-",
	};

	if (strspn(s, sets[c]) < len)
		return false;
	if (c == MAC)
		return len == 17 && strchr("02468ace", s[1]) && s[2] == ':' && s[5] == ':' && s[8] == ':' && s[11] == ':' && s[14] == ':';
	return c == UUID ? len == 36 : c == PATH ? s[0] == '/' : len > 1;
}

static void add_own(struct identity *id, enum class class, const char *value)
{
	size_t len = strlen(value);

	if (len && is_of(class, value, len))
		id->own[id->n++] = (struct own){ value, len, (char)class };
}

/* A console's log is a path that is named after the node. */
static void identity_of(const struct vp_node *n, const char *console, struct identity *id)
{
	id->n = 0;
	add_own(id, PLAIN, n->name);
	add_own(id, UUID, n->uuid);
	add_own(id, PATH, console);
	for (size_t i = 0; i < n->nnics; i++) {
		add_own(id, MAC, n->nics[i].mac);
		add_own(id, PLAIN, n->nics[i].tap);
	}
	for (size_t i = 0; i < n->ndisks; i++)
		add_own(id, PATH, n->disks[i].path);
}

/* The value that text begins with; NULL for none. */
static const struct own *own_at(const struct identity *id, const char *text)
{
	for (size_t i = 0; i < id->n; i++) {
		const struct own *o = &id->own[i];

		if (*text == *o->value && !strncmp(text, o->value, o->len) && text[o->len] && strchr("<'\"", text[o->len]))
			return o;
	}
	return NULL;
}

/* The text with its class in the place of each value that is the node's own. */
static void form_of(const struct identity *id, const char *xml, struct vp_buf *out)
{
	while (*xml) {
		size_t copy = strcspn(xml, ">'\"");
		const struct own *o;

		if (xml[copy])
			copy++;
		vp_buf_add(out, xml, copy);
		xml += copy;
		o = own_at(id, xml);
		if (!o)
			continue;
		vp_buf_add(out, &o->class, 1);
		xml += o->len;
	}
}

static uint64_t hash_of(const struct vp_buf *b)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < b->len; i++)
		h = (h ^ (unsigned char)b->data[i]) * UINT64_C(0x100000001b3);
	return h;
}

static bool is_known(const struct vp_render_memo *m, uint64_t hash, const struct vp_buf *form)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->forms[i].hash == hash && m->forms[i].text.len == form->len && !memcmp(m->forms[i].text.data, form->data, form->len))
			return true;
	return false;
}

static int check_form(const struct vp_render *r, const struct vp_node *n, const char *console, const struct vp_buf *xml, size_t start,
		      struct vp_err *err)
{
	struct vp_buf form = { 0 };
	struct identity id;
	uint64_t hash;
	int rc = 0;

	if (!r->memo)
		return check_domain(xml, start, err);
	identity_of(n, console, &id);
	form_of(&id, vp_buf_str(xml) + start, &form);
	hash = hash_of(&form);
	if (!is_known(r->memo, hash, &form)) {
		rc = check_domain(xml, start, err);
		if (!rc && r->memo->n < MAX_FORMS) {
			r->memo->forms[r->memo->n++] = (struct form){ hash, form };
			return 0;
		}
	}
	vp_buf_free(&form);
	return rc;
}

/* What the node's assignments make of a valid domain; the first one after which it is not valid is named. */
static int assign(const struct vp_render *r, const struct vp_node *n, struct vp_buf *out, size_t start, struct vp_err *err)
{
	vp_cleanup(vp_buf_free) struct vp_buf plain = { 0 };
	int rc;

	vp_buf_adds(&plain, vp_buf_str(out) + start);
	rc = vp_assign(n->xml, n->nxml, out, start, r->assigned, err);
	if (rc || !check_domain(out, start, err))
		return rc;
	for (size_t i = 0; i < n->nxml; i++) {
		vp_cleanup(vp_buf_free) struct vp_buf some = { 0 };
		struct vp_err other;

		vp_buf_adds(&some, vp_buf_str(&plain));
		/* The template's own mistake. */
		if (!i && check_domain(&some, 0, err))
			return -1;
		if (!vp_assign(n->xml, i + 1, &some, 0, NULL, NULL) && check_domain(&some, 0, &other))
			return vp_fail(err, VP_E_VALUE, "%s:%u: %s: %s: not valid by libvirt's schema: %s", n->xml[i].file, n->xml[i].line,
				       n->xml[i].origin, n->xml[i].path, other.msg);
	}
	return -1;
}

int vp_render_domain(const struct vp_render *r, const struct vp_node *n, enum vp_boot boot, struct vp_buf *out, struct vp_err *err)
{
	vp_cleanup(source_free) struct source s = { .r = r, .node = n, .err = err };
	vp_cleanup(vp_freep) char *name = text_of("domain-%s.xml", vp_virt_name(n->virt));
	vp_cleanup(vp_arena_freep) struct vp_arena *a = vp_arena_new();
	const char *console = vp_console_path(a, r->state_dir, n->name);
	size_t start = out->len;
	json_t *data;
	int rc;

	if (n->virt == VP_XEN_PARA && boot != VP_BOOT_DISK && !r->kernel)
		return vp_fail(err, VP_E_VIRT,
			       "%s: a xen-para guest has no boot ROM: it cannot be installed over the network without the installer's kernel",
			       n->name);
	data = domain_json(r, n, console, boot);
	rc = render(&s, name, data, vp_escape_xml, out);
	json_decref(data);
	if (rc)
		return -1;
	rc = n->nxml ? assign(r, n, out, start, err) : check_form(r, n, console, out, start, err);
	if (!rc)
		return 0;
	cut(out, start);
	if (err && err->code == VP_E_VALUE)
		return -1;
	vp_context(err, "%s.mustache", name);
	return blame(&s);
}
