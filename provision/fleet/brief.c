// SPDX-License-Identifier: Apache-2.0
/* Numbers are 7 bits a byte, lowest first; texts have their length in front and a NUL behind, so that they can be used where they are. */
#include <stdlib.h>
#include <string.h>

#include "brief.h"

#define FORMAT 1

static void put(struct vp_buf *b, uint64_t v)
{
	unsigned char bytes[10];
	size_t n = 0;

	do {
		bytes[n++] = (unsigned char)((v & 0x7f) | (v > 0x7f ? 0x80 : 0));
		v >>= 7;
	} while (v);
	vp_buf_add(b, bytes, n);
}

static void put_text(struct vp_buf *b, const char *s)
{
	size_t len = s ? strlen(s) : 0;

	put(b, len);
	vp_buf_add(b, s ? s : "", len + 1);
}

struct cursor {
	const unsigned char *p, *end;
	bool bad;
};

static uint64_t get(struct cursor *c)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64 && c->p < c->end; shift += 7) {
		unsigned char byte = *c->p++;

		v |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return v;
	}
	c->bad = true;
	return 0;
}

static unsigned get_max(struct cursor *c, unsigned max)
{
	uint64_t v = get(c);

	c->bad |= v > max;
	return v > max ? 0 : (unsigned)v;
}

static const char *get_text(struct cursor *c)
{
	uint64_t len = get(c);
	const char *s = (const char *)c->p;

	if (c->bad || len >= (uint64_t)(c->end - c->p) || c->p[len] || memchr(c->p, 0, len)) {
		c->bad = true;
		return "";
	}
	c->p += len + 1;
	return s;
}

/* A count of things of at least `size` bytes each: more than there can be is no count. */
static size_t get_count(struct cursor *c, size_t size)
{
	uint64_t n = get(c);

	if (n > (uint64_t)(c->end - c->p) / size) {
		c->bad = true;
		return 0;
	}
	return (size_t)n;
}

/* --- What a machine claims. --- */

static bool is_given(const struct vp_node *n, const char *field)
{
	const struct vp_origin *o = vp_origin_of(n, field);

	return o && strncmp(o->path, "derived", 7) != 0;
}

static void put_claim(struct vp_buf *b, const struct vp_node *n, enum vp_claim_kind kind, const char *value, const char *address, const char *field)
{
	const struct vp_origin *o = vp_origin_of(n, field);
	/* A line of another file (the site configuration) is none of the profile. */
	unsigned line = o && o->line && !strcmp(o->file, n->file) ? o->line : 0;

	if (!*value)
		return;
	put(b, 1);
	put(b, kind);
	put_text(b, value);
	put_text(b, address);
	put(b, line);
	/* Nobody is sent to a place that is none. */
	put_text(b, !o ? "" : strncmp(o->path, "derived", 7) ? o->path : kind == VP_CLAIM_BRIDGE ? "derived" : "");
}

static void put_nic(struct vp_buf *b, const struct vp_node *n, const struct vp_nic *nic)
{
	bool guest = n->machine == VP_GUEST;
	char field[128];

	snprintf(field, sizeof(field), "nic.%s.mac", nic->name);
	put_claim(b, n, VP_CLAIM_MAC, nic->mac, "", field);
	snprintf(field, sizeof(field), "nic.%s.ip", nic->name);
	put_claim(b, n, VP_CLAIM_IP, nic->ip, "", field);
	if (guest)
		put_claim(b, n, VP_CLAIM_TAP, nic->tap, "", "");
	else
		put_claim(b, n, VP_CLAIM_CARD, nic->name, "", "");
}

static void put_claims(struct vp_buf *b, const struct vp_node *n)
{
	char text[128];

	put_claim(b, n, VP_CLAIM_NAME, n->name, "", "hostname");
	/* A derived one follows from the name alone, and leads to no line of a profile. */
	put_claim(b, n, VP_CLAIM_UUID, is_given(n, "uuid") ? n->uuid : "", "", "uuid");
	for (size_t i = 0; i < n->nnics; i++)
		put_nic(b, n, &n->nics[i]);
	for (size_t i = 0; i < n->ndisks && n->machine == VP_GUEST; i++) {
		snprintf(text, sizeof(text), "disk.%s.path", n->disks[i].name);
		put_claim(b, n, VP_CLAIM_DISK, n->disks[i].path, "", text);
	}
	for (size_t i = 0; i < n->nbridges; i++) {
		const struct vp_bridge *br = &n->bridges[i];
		char address[64] = "";

		if (*br->address)
			snprintf(address, sizeof(address), "%s/%u", br->address, br->prefix);
		snprintf(text, sizeof(text), "bridge.%s.address", br->name);
		put_claim(b, n, VP_CLAIM_BRIDGE, br->name, address, text);
	}
	put(b, 0);
}

/* Twice: to count, and to take. */
static size_t take_claims(struct cursor *c, struct vp_claim *out)
{
	size_t n = 0;

	for (; get_max(c, 1) && !c->bad; n++) {
		struct vp_claim claim = { .kind = get_max(c, VP_CLAIM_CARD) };

		claim.value = get_text(c);
		claim.address = get_text(c);
		claim.line = get_max(c, UINT32_MAX);
		claim.path = get_text(c);
		if (out)
			out[n] = claim;
	}
	return n;
}

static void get_claims(struct vp_arena *a, struct cursor *c, struct vp_brief *b)
{
	struct cursor start = *c;

	b->nclaims = take_claims(c, NULL);
	if (c->bad || !b->nclaims)
		return;
	b->claims = vp_alloc(a, b->nclaims * sizeof(*b->claims));
	take_claims(&start, b->claims);
}

/* --- Problems. --- */

static void put_problems(struct vp_buf *b, const char *file, const struct vp_diags *diags)
{
	vp_cleanup(vp_buf_free) struct vp_buf text = { 0 };

	for (size_t i = 0; i < diags->n; i++) {
		const struct vp_diag *d = &diags->items[i];

		put(&text, d->severity);
		put(&text, d->code);
		/* Most are about the profile itself. */
		put_text(&text, strcmp(d->file, file) ? d->file : "");
		put(&text, d->line);
		put_text(&text, d->path);
		put_text(&text, d->message);
	}
	put(b, text.len);
	if (text.len)
		vp_buf_add(b, text.data, text.len);
}

static bool take_problem(struct cursor *c, const char *own, struct vp_diag *d)
{
	d->severity = get_max(c, VP_ERROR);
	d->code = get_max(c, VP_E__COUNT - 1);
	d->file = get_text(c);
	if (!*d->file)
		d->file = own;
	d->line = get_max(c, UINT32_MAX);
	d->path = get_text(c);
	d->message = get_text(c);
	return !c->bad;
}

static void get_problems(struct cursor *c, struct vp_brief *b)
{
	struct cursor inner;
	struct vp_diag d;

	b->nproblems = get_count(c, 1);
	b->problems = c->p;
	c->p += b->nproblems;
	inner = (struct cursor){ b->problems, c->p, c->bad };
	while (inner.p < inner.end && take_problem(&inner, "", &d))
		;
	c->bad |= inner.bad;
}

void vp_brief_problems(const struct vp_brief *b, struct vp_diags *diags)
{
	struct cursor c = { b->problems, (const unsigned char *)b->problems + b->nproblems, false };
	unsigned errors = diags->errors + b->errors, warnings = diags->warnings + b->warnings;
	struct vp_diag d;

	while (c.p < c.end && take_problem(&c, b->file, &d))
		vp_diag(diags, d.severity, d.code, d.file, d.line, d.path, "%s", d.message);
	/* What was more than is kept still counts. */
	diags->dropped += errors - diags->errors + warnings - diags->warnings;
	diags->errors = errors;
	diags->warnings = warnings;
}

/* --- Briefs. --- */

static void put_node(struct vp_buf *b, const struct vp_node *n)
{
	const struct vp_nic *nic = n->nnics ? &n->nics[n->boot_nic] : NULL;
	uint64_t disk = 0;

	for (size_t i = 0; i < n->ndisks; i++)
		disk += n->disks[i].size;
	put(b, n->machine);
	put(b, n->virt);
	put(b, n->install);
	put_text(b, n->role);
	put_text(b, n->host);
	put(b, n->memory);
	put(b, disk);
	put(b, n->vcpus);
	put(b, n->ndisks);
	put_text(b, nic ? nic->name : "");
	put_text(b, nic ? nic->ip : "");
	put_claims(b, n);
}

static void put_brief(struct vp_buf *b, const char *file, const struct vp_brief_in *in)
{
	put(b, in->kind);
	put_text(b, in->node ? in->node->name : in->name);
	put_text(b, in->at);
	put(b, in->diags.errors);
	put(b, in->diags.warnings);
	put_problems(b, file, &in->diags);
	put(b, !!in->node);
	if (in->node)
		put_node(b, in->node);
}

static void get_node(struct vp_arena *a, struct cursor *c, struct vp_brief *b)
{
	b->machine = get_max(c, VP_HYPERVISOR);
	b->virt = get_max(c, VP_XEN_HVM);
	b->install = get_max(c, VP_INSTALL_NONE);
	b->role = get_text(c);
	b->host = get_text(c);
	b->memory = get(c);
	b->disk = get(c);
	b->vcpus = get_max(c, UINT32_MAX);
	b->ndisks = get_max(c, UINT32_MAX);
	b->boot_nic = get_text(c);
	b->ip = get_text(c);
	get_claims(a, c, b);
}

static void get_brief(struct vp_arena *a, struct cursor *c, struct vp_brief *b)
{
	b->kind = get_max(c, VP_BRIEF_MACHINE);
	b->name = get_text(c);
	b->at = get_text(c);
	b->errors = get_max(c, UINT32_MAX);
	b->warnings = get_max(c, UINT32_MAX);
	get_problems(c, b);
	b->role = b->host = b->boot_nic = b->ip = "";
	if (get_max(c, 1))
		get_node(a, c, b);
}

/* --- Statements about others. Every field: what is not here would be gone in the next run. --- */
_Static_assert(sizeof(struct vp_placement) == 216, "vp_placement changed: pack and unpack all of it");

static void put_direct(struct vp_buf *b, const struct vp_direct *d)
{
	put_text(b, d->kernel);
	put_text(b, d->initrd);
	put_text(b, d->cmdline);
	put_text(b, d->bootloader);
	put_text(b, d->bootargs);
}

static void get_direct(struct cursor *c, struct vp_direct *d)
{
	d->kernel = get_text(c);
	d->initrd = get_text(c);
	d->cmdline = get_text(c);
	d->bootloader = get_text(c);
	d->bootargs = get_text(c);
}

static void put_place_devices(struct vp_buf *b, const struct vp_placement *p)
{
	put(b, p->ndisks);
	for (size_t i = 0; i < p->ndisks; i++) {
		put_text(b, p->disks[i].target);
		put_text(b, p->disks[i].type);
		put_text(b, p->disks[i].path);
		put(b, p->disks[i].size);
		put(b, p->disks[i].readonly);
	}
	put(b, p->nnics);
	for (size_t i = 0; i < p->nnics; i++) {
		put_text(b, p->nics[i].mac);
		put_text(b, p->nics[i].bridge);
	}
	put(b, p->nbridges);
	for (size_t i = 0; i < p->nbridges; i++) {
		put_text(b, p->bridges[i].name);
		put_text(b, p->bridges[i].address);
		put(b, p->bridges[i].prefix);
	}
}

void vp_placement_pack(struct vp_buf *b, const struct vp_placement *p)
{
	put(b, p->how);
	put_text(b, p->guest);
	put_text(b, p->host);
	put_text(b, p->file);
	put(b, p->line);
	put_text(b, p->path);
	put(b, (uint64_t)p->virt + 1);
	put(b, p->memory);
	put(b, p->vcpus);
	put_place_devices(b, p);
	put_direct(b, &p->boot);
	put_direct(b, &p->install);
	put(b, p->whole);
	put(b, p->member);
}

static void get_place_devices(struct vp_arena *a, struct cursor *c, struct vp_placement *p)
{
	p->ndisks = get_count(c, 8);
	p->disks = vp_alloc(a, p->ndisks * sizeof(*p->disks));
	for (size_t i = 0; i < p->ndisks; i++) {
		p->disks[i].target = get_text(c);
		p->disks[i].type = get_text(c);
		p->disks[i].path = get_text(c);
		p->disks[i].size = get(c);
		p->disks[i].readonly = get_max(c, 1);
	}
	p->nnics = get_count(c, 4);
	p->nics = vp_alloc(a, p->nnics * sizeof(*p->nics));
	for (size_t i = 0; i < p->nnics; i++) {
		p->nics[i].mac = get_text(c);
		p->nics[i].bridge = get_text(c);
	}
	p->nbridges = get_count(c, 5);
	p->bridges = vp_alloc(a, p->nbridges * sizeof(*p->bridges));
	for (size_t i = 0; i < p->nbridges; i++) {
		p->bridges[i].name = get_text(c);
		p->bridges[i].address = get_text(c);
		p->bridges[i].prefix = get_max(c, 128);
	}
}

static void get_placement(struct vp_arena *a, struct cursor *c, struct vp_placement *p)
{
	p->how = get_max(c, VP_PLACE_XEN);
	p->guest = get_text(c);
	p->host = get_text(c);
	p->file = get_text(c);
	p->line = get_max(c, UINT32_MAX);
	p->path = get_text(c);
	p->virt = (int)get_max(c, VP_XEN_HVM + 1) - 1;
	p->memory = get(c);
	p->vcpus = get_max(c, UINT32_MAX);
	get_place_devices(a, c, p);
	get_direct(c, &p->boot);
	get_direct(c, &p->install);
	p->whole = get_max(c, 1);
	p->member = get_max(c, 1);
}

/* --- Records. --- */

void vp_record_pack(struct vp_buf *out, const char *file, const struct vp_brief_in *in, size_t n, const struct vp_placements *says)
{
	put(out, FORMAT);
	put(out, n);
	for (size_t i = 0; i < n; i++)
		put_brief(out, file, &in[i]);
	put(out, says->n);
	for (size_t i = 0; i < says->n; i++)
		vp_placement_pack(out, &says->items[i]);
}

bool vp_record_unpack(struct vp_arena *a, const void *data, size_t len, const char *file, struct vp_record *out)
{
	struct cursor c = { data, (const unsigned char *)data + len, false };

	*out = (struct vp_record){ 0 };
	if (get(&c) != FORMAT)
		return false;
	/* Seven bytes are the least that a brief takes, nineteen a statement. */
	out->nbriefs = get_count(&c, 7);
	out->briefs = vp_alloc(a, out->nbriefs * sizeof(*out->briefs));
	for (size_t i = 0; i < out->nbriefs && !c.bad; i++) {
		out->briefs[i].file = file;
		get_brief(a, &c, &out->briefs[i]);
	}
	out->says.n = out->says.cap = get_count(&c, 19);
	out->says.items = vp_alloc(a, out->says.n * sizeof(*out->says.items));
	for (size_t i = 0; i < out->says.n && !c.bad; i++)
		get_placement(a, &c, &out->says.items[i]);
	return !c.bad && out->nbriefs && c.p == c.end;
}
