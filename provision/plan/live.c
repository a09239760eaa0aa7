// SPDX-License-Identifier: Apache-2.0
/*
 * What of a running domain can be made as its definition says while it runs, and what only the next start brings. What is only of how a domain
 * starts (boot order, kernel, firmware) is no difference: the first life has another one than all later ones.
 */
#include <libxml/parser.h>
#include <libxml/xpath.h>
#include <stdlib.h>
#include <string.h>

#include "plan.h"

struct side {
	xmlDoc *doc;
	xmlXPathContext *path;
};

struct live {
	struct vp_arena *a;
	bool xen;
	/* Wanted, running, and what the running one was before (of which only devices are looked at; may be empty). */
	struct side want, now, old;
	struct vp_live *out;
	struct vp_buf rest;
};

static struct side read_side(const char *xml)
{
	struct side s = { .doc = xml ? xmlReadMemory(xml, (int)strlen(xml), NULL, NULL,
						     XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NOBLANKS)
				     : NULL };

	s.path = s.doc ? xmlXPathNewContext(s.doc) : NULL;
	return s;
}

static void drop_side(struct side *s)
{
	xmlXPathFreeContext(s->path);
	xmlFreeDoc(s->doc);
}

static xmlNode *node_at(const struct side *s, const char *path)
{
	xmlXPathObject *o = s->path ? xmlXPathEvalExpression((const xmlChar *)path, s->path) : NULL;
	xmlNode *n = o && o->nodesetval && o->nodesetval->nodeNr ? o->nodesetval->nodeTab[0] : NULL;

	xmlXPathFreeObject(o);
	return n;
}

static const char *text_at(const struct live *l, const struct side *s, const char *path)
{
	xmlXPathObject *o = s->path ? xmlXPathEvalExpression((const xmlChar *)vp_printf(l->a, "string(%s)", path), s->path) : NULL;
	const char *text = o && o->stringval ? vp_strdup(l->a, (const char *)o->stringval) : "";

	xmlXPathFreeObject(o);
	return text;
}

static void cut(const struct side *s, const char *path)
{
	xmlNode *n;

	while ((n = node_at(s, path))) {
		xmlUnlinkNode(n);
		xmlFreeNode(n);
	}
}

static const char *dump(const struct live *l, xmlNode *n)
{
	xmlBuffer *b = xmlBufferCreate();
	const char *text;

	xmlNodeDump(b, n->doc, n, 0, 0);
	text = vp_strdup(l->a, (const char *)xmlBufferContent(b));
	xmlBufferFree(b);
	return text;
}

static void add(struct live *l, enum vp_live_kind kind, uint64_t value, const char *xml, const char *mark, const char *what)
{
	struct vp_live *o = l->out;

	o->ops = vp_grow_in(l->a, o->ops, o->n, &o->cap, sizeof(*o->ops));
	o->ops[o->n++] = (struct vp_live_op){ .kind = kind, .value = value, .xml = xml, .mark = mark, .what = what };
}

static void later(struct live *l, const char *what)
{
	vp_buf_addf(&l->rest, "%s%s", l->rest.len ? ", " : "", what);
}

/* --- Memory and processors: a current value below a maximum, which is of the next start --- */

static uint64_t kib_at(const struct live *l, const struct side *s, const char *name)
{
	const char *number = text_at(l, s, vp_printf(l->a, "/domain/%s", name)), *unit = text_at(l, s, vp_printf(l->a, "/domain/%s/@unit", name));

	return vp_plan_bytes(number, *unit ? unit : NULL) / 1024;
}

static void memory(struct live *l)
{
	uint64_t most = kib_at(l, &l->now, "memory"), want = kib_at(l, &l->want, "currentMemory"), now = kib_at(l, &l->now, "currentMemory");
	const char *what;

	want = want ? want : kib_at(l, &l->want, "memory");
	now = now ? now : most;
	what = vp_printf(l->a, "memory %s", vp_size_text(l->a, want * 1024));
	if (vp_virt_same_memory(now, want))
		return;
	if (want > most)
		later(l, vp_printf(l->a, "%s (it was started with at most %s)", what, vp_size_text(l->a, most * 1024)));
	else
		add(l, VP_LIVE_MEMORY, want * 1024, NULL, "", what);
}

static unsigned vcpus_at(const struct live *l, const struct side *s)
{
	const char *current = text_at(l, s, "/domain/vcpu/@current");

	return (unsigned)atoi(*current ? current : text_at(l, s, "/domain/vcpu"));
}

static void vcpus(struct live *l)
{
	unsigned want = vcpus_at(l, &l->want), now = vcpus_at(l, &l->now), most = (unsigned)atoi(text_at(l, &l->now, "/domain/vcpu"));
	const char *fixed = text_at(l, &l->now, "count(/domain/vcpus/vcpu[@enabled='yes' and @hotpluggable='no'])");
	/* QEMU 7.2 dies when it takes an emulated one away. */
	bool stays = !l->xen && (want < (unsigned)atoi(fixed) || strcmp(text_at(l, &l->now, "/domain/@type"), "kvm") != 0);
	const char *what = vp_printf(l->a, "%u processor%s", want, want == 1 ? "" : "s");

	if (want == now)
		return;
	if (want > most)
		later(l, vp_printf(l->a, "%s (it was started with at most %u)", what, most));
	else if (want < now && stays)
		later(l, vp_printf(l->a, "%s (those that it has stay)", what));
	else
		add(l, VP_LIVE_VCPUS, want, NULL, "", what);
}

/* --- Devices --- */

static const struct {
	const char *element, *key, *mark;
} kinds[] = {
	{ "disk", "target/@dev", "<target dev='%s'" },
	{ "interface", "mac/@address", "<mac address='%s'" },
};

static const char *device_path(const struct live *l, size_t kind, const char *key)
{
	const char *lower = "translate(%s,'ABCDEF','abcdef')", *at = kinds[kind].key;

	if (kind == 0)
		return vp_printf(l->a, "/domain/devices/disk[%s='%s']", at, key);
	at = vp_printf(l->a, lower, at);
	return vp_printf(l->a, "/domain/devices/interface[%s=%s]", at, vp_printf(l->a, lower, vp_printf(l->a, "'%s'", key)));
}

/* Buses that take a disk while the guest runs. */
static bool takes(const struct live *l, size_t kind, const struct side *s, const char *path)
{
	const char *bus = text_at(l, s, vp_printf(l->a, "%s/target/@bus", path));

	if (kind == 1)
		return true;
	if (l->xen)
		return !strcmp(bus, "xen");
	return !strcmp(bus, "virtio") ||
	       (!strcmp(bus, "scsi") && node_at(&l->now, "/domain/devices/controller[@type='scsi' and @model='virtio-scsi']"));
}

static void plug(struct live *l, size_t kind, const struct side *from, const char *path, const char *key, enum vp_live_kind how)
{
	const char *what = vp_printf(l->a, "%s %s %s", kinds[kind].element, key, how == VP_LIVE_ATTACH ? "plugged in" : "unplugged");

	if (takes(l, kind, from, path))
		add(l, how, 0, dump(l, node_at(from, path)), vp_printf(l->a, kinds[kind].mark, key), what);
	else
		later(l, vp_printf(l->a, "%s (not possible on its bus while it runs)", what));
}

/* A limit alone can be changed; libvirt wants all else of the device as it is. */
static void limit(struct live *l, const char *path, const char *key)
{
	const char *at = vp_printf(l->a, "%s/bandwidth", path);
	xmlNode *want = node_at(&l->want, at), *now = node_at(&l->now, at), *device = node_at(&l->now, path), *copy;

	if (want ? now && !*vp_plan_drift(l->a, dump(l, want), dump(l, now)) : !now)
		return;
	if (l->xen) {
		later(l, vp_printf(l->a, "bandwidth of %s (libvirt's driver for Xen cannot change it)", key));
	} else {
		if (now) {
			xmlUnlinkNode(now);
			xmlFreeNode(now);
		}
		copy = want ? xmlDocCopyNode(want, l->now.doc, 1) : NULL;
		if (copy)
			xmlAddChild(device, copy);
		add(l, VP_LIVE_UPDATE, 0, dump(l, device), "", vp_printf(l->a, "bandwidth of %s", key));
	}
	cut(&l->want, at);
}

static void devices(struct live *l, size_t kind)
{
	const char *all = vp_printf(l->a, "/domain/devices/%s", kinds[kind].element), *path, *key;

	/* What is dealt with goes from the wanted side: what stays is for the next start. */
	for (unsigned i = 1; node_at(&l->want, vp_printf(l->a, "%s[%u]", all, i)); i++) {
		key = text_at(l, &l->want, vp_printf(l->a, "%s[%u]/%s", all, i, kinds[kind].key));
		path = device_path(l, kind, key);
		if (!node_at(&l->now, path)) {
			plug(l, kind, &l->want, path, key, VP_LIVE_ATTACH);
			cut(&l->want, path);
			i--;
		} else if (kind == 1) {
			limit(l, path, key);
		}
	}
	for (unsigned i = 1; node_at(&l->old, vp_printf(l->a, "%s[%u]", all, i)); i++) {
		key = text_at(l, &l->old, vp_printf(l->a, "%s[%u]/%s", all, i, kinds[kind].key));
		path = device_path(l, kind, key);
		if (node_at(&l->now, path) && !node_at(&l->want, path))
			plug(l, kind, &l->now, path, key, VP_LIVE_DETACH);
	}
}

static void begin_only(const struct side *s)
{
	static const char *const paths[] = {
		"/domain/memory",	  "/domain/currentMemory",
		"/domain/vcpu",		  "/domain/os",
		"/domain/bootloader",	  "/domain/on_reboot",
		"/domain/metadata",	  "/domain/bootloader_args",
		"/domain/devices/*/boot", "/domain/devices/interface/rom",
	};

	for (size_t i = 0; i < vp_count(paths); i++)
		cut(s, paths[i]);
}

/* Of what does not show in the running domain, what has changed in the definition. */
static void restart_only(struct live *l, const char *want, const char *old)
{
	static const char *const paths[] = { "/domain/memory", "/domain/currentMemory", "/domain/vcpu", "/domain/devices/disk",
					     "/domain/devices/interface" };
	struct side s = read_side(want);
	const char *drift;

	for (size_t i = 0; s.doc && i < vp_count(paths); i++)
		cut(&s, paths[i]);
	drift = s.doc ? vp_plan_drift(l->a, dump(l, xmlDocGetRootElement(s.doc)), old) : "";
	if (*drift)
		later(l, drift);
	drop_side(&s);
}

static void forget(struct vp_live *out, const char *refused)
{
	size_t n = 0;

	for (size_t i = 0; i < out->n; i++)
		if (!vp_live_refused(refused, &out->ops[i]))
			out->ops[n++] = out->ops[i];
	out->n = n;
}

void vp_plan_live(struct vp_arena *a, const struct vp_hv *hv, const char *want, const char *now, const char *old, const char *refused,
		  struct vp_live *out)
{
	struct live l = {
		.a = a, .xen = !strcmp(hv->type, "Xen"), .want = read_side(want), .now = read_side(now), .old = read_side(old), .out = out
	};
	const char *drift;

	*out = (struct vp_live){ .later = "" };
	if (l.want.doc && l.now.doc) {
		memory(&l);
		vcpus(&l);
		for (size_t i = 0; i < vp_count(kinds); i++)
			devices(&l, i);
		for (size_t i = 0; i < out->n; i++)
			if (vp_live_refused(refused, &out->ops[i]))
				later(&l, out->ops[i].what);
		begin_only(&l.want);
		drift = vp_plan_drift(a, dump(&l, xmlDocGetRootElement(l.want.doc)), now);
		if (*drift)
			later(&l, drift);
		else if (old)
			restart_only(&l, want, old);
	}
	forget(out, refused);
	out->later = vp_strdup(a, vp_buf_str(&l.rest));
	vp_buf_free(&l.rest);
	drop_side(&l.want);
	drop_side(&l.now);
	drop_side(&l.old);
}

bool vp_live_refused(const char *refused, const struct vp_live_op *op)
{
	const char *at = refused ? strstr(refused, op->what) : NULL;

	/* Each is on a line of its own, after a tab. */
	return at && at > refused && at[-1] == '\t' && strchr("\t\n", at[strlen(op->what)]);
}
