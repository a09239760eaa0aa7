// SPDX-License-Identifier: Apache-2.0
/* What no two machines may have: sorted, then neighbours are compared. */
#include <stdlib.h>
#include <string.h>

#include "brief.h"

struct entry {
	struct vp_brief *brief;
	const struct vp_claim *claim;
	/* Hypervisor on which it has to be the only one; "" for all machines (and where no host is known). */
	const char *scope;
};

static const char *const what[] = { "name", "MAC address", "IP address", "UUID", "tap name", "disk image", "bridge", "card" };

/* A card and a bridge of the same name are neighbours, the card first. */
static int rank(const struct vp_claim *c)
{
	return c->kind == VP_CLAIM_CARD ? VP_CLAIM_BRIDGE : (int)c->kind;
}

static int same_thing(const struct entry *a, const struct entry *b)
{
	int rc = rank(a->claim) - rank(b->claim);

	if (!rc)
		rc = strcmp(a->scope, b->scope);
	return rc ? rc : strcmp(a->claim->value, b->claim->value);
}

/* In the order of reading: the later one is blamed. */
static int by_claim(const void *left, const void *right)
{
	const struct entry *a = left, *b = right;
	int rc = same_thing(a, b);

	if (!rc)
		rc = (int)b->claim->kind - (int)a->claim->kind;
	if (!rc)
		rc = (a->brief->order > b->brief->order) - (a->brief->order < b->brief->order);
	return rc ? rc : (a->claim > b->claim) - (a->claim < b->claim);
}

/* "" where the profile gives none. */
static const char *uuid_of(const struct vp_brief *b)
{
	for (size_t i = 0; i < b->nclaims; i++)
		if (b->claims[i].kind == VP_CLAIM_UUID)
			return b->claims[i].value;
	return "";
}

/* Machines of one name have the same taps and disks as well, and those of one UUID the same taps: the name or UUID alone is said. */
static bool follows(const struct entry *a, const struct entry *b)
{
	if (a->claim->kind == VP_CLAIM_TAP && *uuid_of(a->brief) && !strcmp(uuid_of(a->brief), uuid_of(b->brief)))
		return a->brief != b->brief;
	return a->claim->kind != VP_CLAIM_NAME && a->brief != b->brief && !strcmp(a->brief->name, b->brief->name) && !b->claim->line;
}

/* A bridge has the address of the gateway that its guests use: nobody states it. */
static bool is_derived(const struct entry *e)
{
	return !strcmp(e->claim->path, "derived");
}

static void say(struct vp_diags *diags, enum vp_severity sev, const struct entry *at, const char *fmt, ...) VP_PRINTF(4, 5);
static void say(struct vp_diags *diags, enum vp_severity sev, const struct entry *at, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	vp_diag(diags, sev, VP_E_CLASH, at->brief->file, at->claim->line, is_derived(at) ? "" : at->claim->path, "%s", text);
}

static const char *on(const struct entry *e)
{
	return *e->scope ? " on " : "";
}

/* The address of a bond is that of each of its cards: said once, at one place. */
static bool is_shared(const struct entry *a, const struct entry *b)
{
	return a->claim->kind == VP_CLAIM_IP && a->brief == b->brief && !strcmp(a->claim->path, b->claim->path);
}

static void compare(struct vp_diags *diags, const struct entry *x, const struct entry *y)
{
	if (follows(x, y) || is_shared(x, y))
		return;
	x->brief->clashes = y->brief->clashes = true;
	say(diags, VP_ERROR, y, "the %s %s of %s is that of %s, too (%s:%u)", what[y->claim->kind], y->claim->value, y->brief->name, x->brief->name,
	    x->brief->file, x->claim->line);
}

/* All that is said of one bridge of one host. An address that vprov made up from a gateway gives way; two that are stated do not. */
static void compare_bridges(struct vp_diags *diags, const struct entry *e, size_t n)
{
	const struct entry *first = NULL, *guess = NULL;
	size_t others = 0;

	for (size_t i = 0; i < n; i++) {
		if (!*e[i].claim->address)
			continue;
		if (!first) {
			first = &e[i];
		} else if (strcmp(first->claim->address, e[i].claim->address)) {
			if (is_derived(first) || is_derived(&e[i])) {
				guess = others++ ? guess : &e[i];
				continue;
			}
			first->brief->clashes = e[i].brief->clashes = true;
			say(diags, VP_ERROR, &e[i], "the bridge %s%s%s has the address %s for %s, but %s for %s (%s:%u)", e[i].claim->value,
			    on(first), first->scope, e[i].claim->address, e[i].brief->name, first->claim->address, first->brief->name,
			    first->brief->file, first->claim->line);
		}
	}
	if (guess)
		say(diags, VP_WARNING, guess,
		    "the bridge %s%s%s would have the address %s for %s, but %s for %s (%s), and others for %zu more: they need bridges of their own",
		    guess->claim->value, on(guess), guess->scope, guess->claim->address, guess->brief->name, first->claim->address,
		    first->brief->name, first->brief->file, others - 1);
}

/* Xen's own scripts once did this; everything else loses the host its network. */
static void compare_card(struct vp_diags *diags, const struct entry *e, size_t n)
{
	for (size_t i = 1; i < n && e[0].claim->kind == VP_CLAIM_CARD; i++)
		if (e[i].claim->kind == VP_CLAIM_BRIDGE && e[i].brief != e[0].brief) {
			say(diags, VP_WARNING, &e[i], "the bridge %s of %s is named as a network card of its host %s (%s)", e[i].claim->value,
			    e[i].brief->name, e[0].brief->name, e[0].brief->file);
			return;
		}
}

static size_t add_all(const struct vp_site_view *v, struct entry *out)
{
	size_t n = 0;

	for (size_t i = 0; i < v->n; i++) {
		struct vp_brief *b = v->briefs[i];
		const char *scope = vp_fleet_scope(v, b);

		for (size_t k = 0; k < b->nclaims; k++, n++)
			if (out)
				out[n] = (struct entry){ b, &b->claims[k], b->claims[k].kind >= VP_CLAIM_TAP ? scope : "" };
	}
	return n;
}

void vp_fleet_clashes(const struct vp_site_view *v)
{
	size_t n = add_all(v, NULL);
	struct entry *e = vp_xcalloc(n, sizeof(*e));

	add_all(v, e);
	qsort(e, n, sizeof(*e), by_claim);
	for (size_t i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && !same_thing(&e[i], &e[end]); end++)
			if (rank(e[i].claim) != VP_CLAIM_BRIDGE)
				compare(v->diags, &e[end - 1], &e[end]);
		if (rank(e[i].claim) == VP_CLAIM_BRIDGE) {
			compare_bridges(v->diags, e + i, end - i);
			compare_card(v->diags, e + i, end - i);
		}
	}
	free(e);
}
