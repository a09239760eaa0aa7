// SPDX-License-Identifier: Apache-2.0
/* A domain's definition against what its host says that it can do. Some of that is known to be untrue, and is not relied on: the emulators and
 * loaders that libvirt names on Xen, and KVM on a machine whose processor has none (vp_kvm_usable()). */
#include <libxml/parser.h>
#include <libxml/xpath.h>
#include <stdlib.h>
#include <string.h>

#include "plan.h"

struct wish {
	struct vp_world *w;
	const struct vp_node *n;
	/* The definition; what libvirt says of the host, and of such domains there (NULL: nothing). */
	xmlXPathContext *want, *host, *can;
	const char *type, *os, *arch, *machine;
	vp_lack_fn *say;
	void *arg;
};

static xmlXPathContext *parse(const char *xml)
{
	xmlDoc *doc = xmlReadMemory(xml, (int)strlen(xml), NULL, NULL, XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);

	return doc ? xmlXPathNewContext(doc) : NULL;
}

static void drop(xmlXPathContext *x)
{
	xmlDoc *doc = x ? x->doc : NULL;

	xmlXPathFreeContext(x);
	xmlFreeDoc(doc);
}

/* The path's text in the arena, "" where it leads nowhere. What is put into paths are libvirt's own words. */
static const char *text_at(struct vp_arena *a, xmlXPathContext *x, const char *path)
{
	xmlXPathObject *o = x ? xmlXPathEvalExpression((const xmlChar *)vp_printf(a, "string(%s)", path), x) : NULL;
	const char *text = o && o->stringval ? vp_strdup(a, (const char *)o->stringval) : "";

	xmlXPathFreeObject(o);
	return text;
}

static bool has(const struct wish *k, xmlXPathContext *x, const char *path)
{
	return !strcmp(text_at(k->w->arena, x, vp_printf(k->w->arena, "boolean(%s)", path)), "true");
}

static void lack(const struct wish *k, const char *field, const char *what)
{
	k->say(k->arg, field, what);
}

/* --- The kind of guest --- */

static const char *no_type(const struct wish *k)
{
	struct vp_arena *a = k->w->arena;
	const char *uri = k->w->hv->uri;
	bool xen = !strcmp(k->w->hv->type, "Xen"), wants_xen = !strcmp(k->type, "xen");

	if (wants_xen && !xen)
		return vp_printf(a, "%s is no Xen host: name one (--connect xen:///system), or run the node there with --virt kvm", uri);
	if (!wants_xen && xen)
		return vp_printf(a, "%s is a Xen host: --virt xen-para or xen-hvm there, or name another one (--connect)", uri);
	if (wants_xen)
		return vp_printf(a,
				 "the Xen of %s has no %s guests: that takes VT-x or SVM, which its processor has not, or its firmware switches off; "
				 "--virt xen-para does without",
				 uri, k->os);
	if (!has(k, k->host, vp_printf(a, "/capabilities/guest/arch[@name='%s']", k->arch)))
		return vp_printf(a, "%s has no emulator of %s: install the package qemu-system-x86 there", uri, k->arch);
	return vp_printf(
		a,
		"%s has no %s guests: that takes VT-x or SVM in its processor, switched on in its firmware, and the module kvm_intel or kvm_amd; "
		"--virt qemu emulates the node, about 20 times slower",
		uri, k->type);
}

static bool check_type(const struct wish *k)
{
	const char *guest =
		vp_printf(k->w->arena, "/capabilities/guest[os_type='%s']/arch[@name='%s']", strcmp(k->os, "linux") ? k->os : "xen", k->arch);

	if (!has(k, k->host, vp_printf(k->w->arena, "%s/domain[@type='%s']", guest, k->type))) {
		lack(k, "virt", no_type(k));
		return false;
	}
	if (*k->machine && !has(k, k->host, vp_printf(k->w->arena, "%s//machine[.='%s' or @canonical='%s']", guest, k->machine, k->machine))) {
		lack(k, "virt",
		     vp_printf(k->w->arena, "%s knows no machine '%s'; the newest of its own is called %s", k->w->hv->uri, k->machine,
			       text_at(k->w->arena, k->host, vp_printf(k->w->arena, "%s//machine[1]", guest))));
		return false;
	}
	return true;
}

/* --- Its parts --- */

static void check_size(const struct wish *k, uint64_t memory)
{
	struct vp_arena *a = k->w->arena;
	const char *most = text_at(a, k->can, "/domainCapabilities/vcpu/@max");
	uint64_t bytes = vp_node_memory_max(k->n);
	unsigned all = vp_node_vcpus_max(k->n);

	if (*most && all > (unsigned)atoi(most))
		lack(k, k->n->vcpus < all ? "tuning.vcpus_max" : "vcpus",
		     vp_printf(a, "%u processors; such a guest has at most %s on %s", all, most, k->w->hv->uri));
	if (memory && bytes > memory)
		lack(k, k->n->memory < bytes ? "tuning.memory_max" : "memory",
		     vp_printf(a, "%s of memory; %s has %s in all", vp_size_text(a, bytes), k->w->hv->uri, vp_size_text(a, memory)));
}

static void check_firmware(const struct wish *k)
{
	static const char enumeration[] = "/domainCapabilities/os/enum[@name='firmware']";

	if (has(k, k->want, "/domain/os/@firmware[.='efi']") && has(k, k->can, enumeration) &&
	    !has(k, k->can, vp_printf(k->w->arena, "%s/value[.='efi']", enumeration)))
		lack(k, "firmware",
		     vp_printf(k->w->arena, "%s has no UEFI firmware for guests: install the package ovmf there, or say bios", k->w->hv->uri));
}

static void check_cpu(const struct wish *k)
{
	static const char models[] = "/domainCapabilities/cpu/mode[@name='custom']/model";
	struct vp_arena *a = k->w->arena;
	const char *model = text_at(a, k->want, "/domain/cpu/model");

	if (*model && has(k, k->can, models) && !has(k, k->can, vp_printf(a, "%s[.='%s' and not(@usable='no')]", models, model)))
		lack(k, "tuning.cpu_model",
		     vp_printf(a, "the processors of %s cannot be '%s' for a guest; `virsh -c %s domcapabilities` lists those that they can be",
			       k->w->hv->uri, model, k->w->hv->uri));
	if (has(k, k->want, "/domain/cpu[@mode='host-model']") &&
	    has(k, k->can, "/domainCapabilities/cpu/mode[@name='host-model' and @supported='no']"))
		lack(k, "tuning.cpu_model", vp_printf(a, "%s has no host-model for such a guest: name a model", k->w->hv->uri));
}

/* How many there are, not how many are free: the node itself may have them. */
static void check_pages(const struct wish *k)
{
	struct vp_arena *a = k->w->arena;
	const char *size = text_at(a, k->want, "/domain/memoryBacking/hugepages/page/@size");
	const char *all = text_at(a, k->host, vp_printf(a, "sum(/capabilities/host/topology/cells/cell/pages[@unit='KiB' and @size='%s'])", size));
	uint64_t kib = strtoull(size, NULL, 10), pages = strtoull(all, NULL, 10);

	if (kib && has(k, k->host, "/capabilities/host/topology/cells/cell/pages") && pages * kib * 1024 < vp_node_memory_max(k->n))
		lack(k, "tuning.hugepages",
		     vp_printf(a, "%s has %ju huge pages of %s, too few for %s: set them aside there (vm.nr_hugepages, or hugepages= at boot)",
			       k->w->hv->uri, (uintmax_t)pages, vp_size_text(a, kib * 1024), vp_size_text(a, vp_node_memory_max(k->n))));
}

static void check_disks(const struct wish *k)
{
	static const char enumeration[] = "/domainCapabilities/devices/disk/enum[@name='bus']";
	struct vp_arena *a = k->w->arena;

	for (size_t i = 0; i < k->n->ndisks && has(k, k->can, vp_printf(a, "%s/value", enumeration)); i++) {
		const char *bus = text_at(a, k->want, vp_printf(a, "/domain/devices/disk[%zu]/target/@bus", i + 1));

		if (*bus && !has(k, k->can, vp_printf(a, "%s/value[.='%s']", enumeration, bus)))
			lack(k, vp_printf(a, "disk.%s.bus", k->n->disks[i].name),
			     vp_printf(a, "disk %s: %s has no bus '%s' for such a guest", k->n->disks[i].name, k->w->hv->uri, bus));
	}
}

/* Here plan_bridge() has looked. */
static void check_bridges(const struct wish *k)
{
	struct vp_arena *a = k->w->arena;

	for (size_t i = 0; !k->w->hv->local && i < k->n->nbridges; i++)
		if (!k->w->hv->ops->has_link(k->w->hv, k->n->bridges[i].name))
			lack(k, "bridge.name",
			     vp_printf(a, "there is no bridge '%s' on %s: make it there, or name one that it has (bridge/name)",
				       k->n->bridges[i].name, k->w->hv->uri));
}

int vp_plan_lacks(struct vp_world *w, const struct vp_node *n, const char *xml, vp_lack_fn *say, void *arg, struct vp_err *err)
{
	struct wish k = { .w = w, .n = n, .say = say, .arg = arg };
	struct vp_virt_caps caps = { 0 };
	int rc = 0;

	if (!w->hv || !w->hv->ops->caps || !strcmp(w->hv->type, "TEST"))
		return 0;
	k.want = parse(xml);
	k.type = text_at(w->arena, k.want, "/domain/@type");
	k.os = text_at(w->arena, k.want, "/domain/os/type");
	k.arch = text_at(w->arena, k.want, "/domain/os/type/@arch");
	k.machine = text_at(w->arena, k.want, "/domain/os/type/@machine");
	rc = w->hv->ops->caps(w->hv, k.type, k.arch, *k.machine ? k.machine : NULL, &caps, err);
	if (!rc) {
		k.host = parse(vp_buf_str(&caps.host));
		k.can = parse(vp_buf_str(&caps.domain));
	}
	if (k.host && check_type(&k)) {
		if (!k.can && caps.why.len)
			lack(&k, "virt", vp_printf(w->arena, "%s can run no such guest: %s", w->hv->uri, vp_buf_str(&caps.why)));
		check_size(&k, caps.memory);
		check_firmware(&k);
		check_cpu(&k);
		check_pages(&k);
		check_disks(&k);
	}
	if (k.host)
		check_bridges(&k);
	drop(k.want);
	drop(k.host);
	drop(k.can);
	vp_virt_caps_free(&caps);
	return rc;
}
