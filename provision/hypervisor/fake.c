// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>

#include "virt.h"

struct dom {
	char *name;
	char uuid[37];
	/* Persistent definition; NULL for none. */
	char *xml;
	/* What it runs with; NULL while it does not run. */
	char *live;
	const char *state;
};

struct fake {
	struct vp_hv hv;
	struct dom *items;
	size_t n, cap;
	/* Counts down with each change; the one that makes it 0 fails. */
	unsigned fail;
};

static struct fake *fake_of(struct vp_hv *hv)
{
	return (struct fake *)hv;
}

static struct dom *find(struct vp_hv *hv, const char *name)
{
	struct fake *f = fake_of(hv);

	for (size_t i = 0; i < f->n; i++)
		if (!strcmp(f->items[i].name, name))
			return &f->items[i];
	return NULL;
}

static struct dom *need(struct vp_hv *hv, const char *name, struct vp_err *err)
{
	struct dom *d = find(hv, name);

	if (!d)
		vp_fail(err, VP_E_VIRT, "%s: %s has no such domain", name, hv->uri);
	return d;
}

static int injected(struct vp_hv *hv, const char *verb, struct vp_err *err)
{
	struct fake *f = fake_of(hv);

	if (!f->fail || --f->fail)
		return 0;
	return vp_fail(err, VP_E_VIRT, "%s: injected failure", verb);
}

/* Text of the first element of that name; "" where there is none. */
static char *element(const char *xml, const char *name)
{
	char open[32];
	const char *p;

	snprintf(open, sizeof(open), "<%s", name);
	for (p = strstr(xml, open); p && !strchr(" >", p[strlen(open)]); p = strstr(p + 1, open))
		;
	p = p ? strchr(p, '>') : NULL;
	return p ? strndup(p + 1, strcspn(p + 1, "<")) : strdup("");
}

/* Name and uuid of a definition; both have to be there. */
static int identify(const char *xml, char **name, char **uuid, struct vp_err *err)
{
	*name = element(xml, "name");
	*uuid = element(xml, "uuid");
	if (!strstr(xml, "<domain") || !strstr(xml, "</domain>") || !**name || strlen(*uuid) != 36)
		return vp_fail(err, VP_E_VIRT, "define: not a domain with a name and a uuid");
	return 0;
}

/* The domain that the definition is for, NULL where new. Name and uuid belong together, as in libvirt. */
static int match(struct vp_hv *hv, const char *name, const char *uuid, struct dom **out, struct vp_err *err)
{
	struct fake *f = fake_of(hv);

	*out = find(hv, name);
	if (*out && strcmp((*out)->uuid, uuid))
		return vp_fail(err, VP_E_VIRT, "define: operation failed: domain '%s' already exists with uuid %s", name, (*out)->uuid);
	for (size_t i = 0; i < f->n && !*out; i++)
		if (!strcmp(f->items[i].uuid, uuid))
			return vp_fail(err, VP_E_VIRT, "define: operation failed: domain '%s' is already defined with uuid %s", f->items[i].name,
				       uuid);
	return 0;
}

static int fake_lookup(struct vp_hv *hv, const char *name, struct vp_virt_dom *out, struct vp_err *err)
{
	const struct dom *d = find(hv, name);
	vp_cleanup(vp_freep) char *memory = NULL, *vcpu = NULL;
	const char *xml, *unit;
	uint64_t n = 0;

	(void)err;
	*out = (struct vp_virt_dom){ 0 };
	if (!d)
		return 0;
	xml = d->live ? d->live : d->xml;
	memory = element(xml, strstr(xml, "<currentMemory") ? "currentMemory" : "memory");
	vcpu = element(xml, "vcpu");
	unit = strstr(xml, "<memory unit='MiB'");
	*out = (struct vp_virt_dom){ .persistent = d->xml, .active = d->live, .vcpus = (unsigned)strtoul(vcpu, NULL, 10) };
	if (d->live && vp_parse_u64(memory, 0, UINT64_MAX >> 20, &n))
		out->memory = n << (unit ? 20 : 10);
	memcpy(out->uuid, d->uuid, sizeof(out->uuid));
	snprintf(out->state, sizeof(out->state), "%s", d->state);
	return 1;
}

static int fake_xml(struct vp_hv *hv, const char *name, struct vp_buf *out, struct vp_err *err)
{
	const struct dom *d = need(hv, name, err);

	if (!d)
		return -1;
	vp_buf_adds(out, d->xml ? d->xml : d->live);
	return 0;
}

static int fake_define(struct vp_hv *hv, const char *xml, struct vp_err *err)
{
	struct fake *f = fake_of(hv);
	vp_cleanup(vp_freep) char *name = NULL, *uuid = NULL;
	struct dom *d;

	if (identify(xml, &name, &uuid, err) || match(hv, name, uuid, &d, err) || injected(hv, "define", err))
		return -1;
	if (!d) {
		f->items = vp_grow(f->items, f->n, &f->cap, sizeof(*f->items));
		d = &f->items[f->n++];
		*d = (struct dom){ .name = strdup(name), .state = "shut off (unknown)" };
		memcpy(d->uuid, uuid, sizeof(d->uuid));
	}
	free(d->xml);
	d->xml = strdup(xml);
	return 0;
}

static int fake_start(struct vp_hv *hv, const char *name, const char *xml, struct vp_err *err)
{
	struct dom *d = need(hv, name, err), *same = NULL;
	vp_cleanup(vp_freep) char *xml_name = NULL, *uuid = NULL;

	if (!d)
		return -1;
	if (xml && (identify(xml, &xml_name, &uuid, err) || match(hv, xml_name, uuid, &same, err)))
		return -1;
	if (xml && same != d)
		return vp_fail(err, VP_E_VIRT, "start %s: the definition is of %s", name, xml_name);
	if (d->live)
		return vp_fail(err, VP_E_VIRT, "start %s: domain is already running", name);
	if (injected(hv, "start", err))
		return -1;
	d->live = strdup(xml ? xml : d->xml);
	d->state = "running (booted)";
	return 0;
}

static void drop(struct fake *f, struct dom *d)
{
	free(d->name);
	free(d->xml);
	free(d->live);
	*d = f->items[--f->n];
}

static void stop(struct vp_hv *hv, struct dom *d, const char *state)
{
	vp_freep(&d->live);
	d->live = NULL;
	d->state = state;
	if (!d->xml)
		drop(fake_of(hv), d);
}

static int fake_destroy(struct vp_hv *hv, const char *name, struct vp_err *err)
{
	struct dom *d = find(hv, name);

	if (!d || !d->live)
		return 0;
	if (injected(hv, "destroy", err))
		return -1;
	stop(hv, d, "shut off (destroyed)");
	return 0;
}

static struct dom *need_running(struct vp_hv *hv, const char *verb, const char *name, struct vp_err *err)
{
	struct dom *d = need(hv, name, err);

	if (d && !d->live) {
		vp_fail(err, VP_E_VIRT, "%s %s: domain is not running", verb, name);
		return NULL;
	}
	return d && !injected(hv, verb, err) ? d : NULL;
}

static int fake_shutdown(struct vp_hv *hv, const char *name, struct vp_err *err)
{
	struct dom *d = need_running(hv, "shut down", name, err);

	if (!d)
		return -1;
	stop(hv, d, "shut off (shutdown)");
	return 0;
}

static int fake_reset(struct vp_hv *hv, const char *name, struct vp_err *err)
{
	return need_running(hv, "reset", name, err) ? 0 : -1;
}

static int fake_undefine(struct vp_hv *hv, const char *name, struct vp_err *err)
{
	struct dom *d = find(hv, name);

	if (!d || !d->xml)
		return 0;
	if (injected(hv, "undefine", err))
		return -1;
	free(d->xml);
	d->xml = NULL;
	if (!d->live)
		drop(fake_of(hv), d);
	return 0;
}

static int fake_stats(struct vp_hv *hv, const char *name, struct vp_virt_stats *out, struct vp_err *err)
{
	*out = (struct vp_virt_stats){ 0 };
	return need(hv, name, err) ? 0 : -1;
}

static int fake_live_xml(struct vp_hv *hv, const char *name, struct vp_buf *out, struct vp_err *err)
{
	const struct dom *d = need(hv, name, err);

	if (!d)
		return -1;
	if (!d->live)
		return vp_fail(err, VP_E_VIRT, "%s does not run", name);
	vp_buf_adds(out, d->live);
	return 0;
}

/* All at once: what runs is as the persistent definition says. */
static int fake_live(struct vp_hv *hv, const char *name, const struct vp_live_op *op, struct vp_err *err)
{
	struct dom *d = need_running(hv, op->what, name, err);

	if (!d || !d->xml)
		return -1;
	free(d->live);
	d->live = strdup(d->xml);
	return 0;
}

static int fake_record(struct vp_hv *hv, const char *name, const char *path, struct vp_err *err)
{
	(void)path;
	return need(hv, name, err) ? 0 : -1;
}

static int fake_screenshot(struct vp_hv *hv, const char *name, struct vp_buf *out, struct vp_err *err)
{
	(void)hv;
	(void)out;
	return vp_fail(err, VP_E_VIRT, "%s has no screen", name);
}

static int fake_console(struct vp_hv *hv, const char *name, char *path, size_t size, struct vp_err *err)
{
	(void)hv;
	(void)path;
	(void)size;
	return vp_fail(err, VP_E_VIRT, "%s has no pseudo-terminal as its console, or does not run", name);
}

static void fake_close(struct vp_hv *hv)
{
	struct fake *f = fake_of(hv);

	while (f->n)
		drop(f, &f->items[f->n - 1]);
	free(f->items);
	free(f);
}

static const struct vp_hv_ops fake_ops = {
	.lookup = fake_lookup,
	.xml = fake_xml,
	.define = fake_define,
	.start = fake_start,
	.destroy = fake_destroy,
	.shutdown = fake_shutdown,
	.reset = fake_reset,
	.undefine = fake_undefine,
	.stats = fake_stats,
	.console = fake_console,
	.record = fake_record,
	.live_xml = fake_live_xml,
	.live = fake_live,
	.screenshot = fake_screenshot,
	.close = fake_close,
};

struct vp_hv *vp_hv_fake(void)
{
	struct fake *f = vp_xcalloc(1, sizeof(*f));

	f->hv = (struct vp_hv){ .ops = &fake_ops, .uri = "fake:///", .local = true, .type = "FAKE" };
	return &f->hv;
}

void vp_hv_fake_fail(struct vp_hv *hv, unsigned k)
{
	fake_of(hv)->fail = k;
}

void vp_hv_fake_poweroff(struct vp_hv *hv, const char *name)
{
	struct dom *d = find(hv, name);

	if (d && d->live)
		stop(hv, d, "shut off (shutdown)");
}
