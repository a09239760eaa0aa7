// SPDX-License-Identifier: Apache-2.0
/*
 * A domain's definition as libvirt has it beside the one that vprov rendered. Only what the latter says is looked for: what libvirt adds, reorders or
 * writes in another unit is no difference.
 */
#include <ctype.h>
#include <libxml/parser.h>
#include <stdlib.h>
#include <string.h>

#include "plan.h"

struct drift {
	struct vp_arena *a;
	/* Differences; NULL: only whether there are any counts. */
	struct vp_buf *told;
};

static const char *attribute(struct vp_arena *a, const xmlNode *n, const char *name)
{
	xmlChar *value = xmlGetProp((xmlNode *)n, (const xmlChar *)name);
	const char *copy = value ? vp_strdup(a, (const char *)value) : NULL;

	xmlFree(value);
	return copy;
}

/* Of an element without elements in it, without the blanks around it. */
static const char *content(struct vp_arena *a, const xmlNode *n)
{
	xmlChar *text = xmlNodeGetContent((xmlNode *)n);
	const char *s = text ? (const char *)text : "";
	size_t len;

	s += strspn(s, " \t\n");
	len = strlen(s);
	while (len && isspace((unsigned char)s[len - 1]))
		len--;
	s = vp_strndup(a, s, len);
	xmlFree(text);
	return s;
}

static bool is_named(const xmlNode *n, const char *name)
{
	return !strcmp((const char *)n->name, name);
}

uint64_t vp_plan_bytes(const char *number, const char *unit)
{
	static const struct {
		const char *name;
		unsigned shift;
	} units[] = { { "b", 0 }, { "bytes", 0 }, { "KiB", 10 }, { "k", 10 }, { "MiB", 20 }, { "M", 20 }, { "GiB", 30 }, { "G", 30 } };
	uint64_t n = strtoull(number, NULL, 10);

	for (size_t i = 0; unit && i < vp_count(units); i++)
		if (!strcmp(unit, units[i].name))
			return n << units[i].shift;
	return n << 10;
}

static bool same_size(const struct drift *d, const xmlNode *want, const xmlNode *have, const char *x, const char *y)
{
	return vp_plan_bytes(x, attribute(d->a, want, "unit")) == vp_plan_bytes(y, attribute(d->a, have, "unit"));
}

/* "q35" is the newest of its kind: libvirt writes which that is. */
static bool same_machine(const char *want, const char *have)
{
	const char *kind = !strcmp(want, "pc") ? "pc-i440fx-" : !strcmp(want, "q35") ? "pc-q35-" : NULL;

	return kind && !strncmp(have, kind, strlen(kind));
}

static bool same_value(const struct drift *d, const xmlNode *want, const xmlNode *have, const char *name, const char *x, const char *y)
{
	if (!strcmp(name, "unit"))
		return true;
	if (!y)
		return false;
	if (!strcmp(x, y) || (!strcmp(name, "address") && !strcasecmp(x, y)) || (!strcmp(name, "machine") && same_machine(x, y)))
		return true;
	return attribute(d->a, want, "unit") && (!*name || !strcmp(name, "size")) && same_size(d, want, have, x, y);
}

/* "./devices/disk[vda]/driver" */
static const char *place(const struct drift *d, const xmlNode *n)
{
	return n->parent && n->parent->type == XML_ELEMENT_NODE ? vp_printf(d->a, "%s/%s", place(d, n->parent), n->name) : ".";
}

static bool differs(const struct drift *d, const xmlNode *at, const char *name, const char *want, const char *have)
{
	if (d->told)
		vp_buf_addf(d->told, "%s%s%s%s is %s instead of %s", d->told->len ? ", " : "", place(d, at), *name ? "/@" : "", name,
			    have ? have : "missing", want);
	return true;
}

static bool compare(const struct drift *d, const xmlNode *want, const xmlNode *have);

/* What devices are told apart by. */
static const char *key_of(struct vp_arena *a, const xmlNode *n)
{
	static const char *const keys[][3] = { { "disk", "target", "dev" }, { "interface", "mac", "address" } };

	for (size_t i = 0; i < vp_count(keys); i++)
		for (const xmlNode *c = is_named(n, keys[i][0]) ? n->children : NULL; c; c = c->next)
			if (c->type == XML_ELEMENT_NODE && is_named(c, keys[i][1]))
				return attribute(a, c, keys[i][2]);
	return NULL;
}

/* The element that stands for the wanted one: of its key; else one in which nothing is different; else any of its name. */
static const xmlNode *counterpart(const struct drift *d, const xmlNode *want, const xmlNode *parent)
{
	const struct drift quiet = { .a = d->a };
	const char *key = key_of(d->a, want), *its;
	const xmlNode *some = NULL;

	for (const xmlNode *c = parent->children; c; c = c->next) {
		if (c->type != XML_ELEMENT_NODE || xmlStrcmp(c->name, want->name))
			continue;
		its = key ? key_of(d->a, c) : NULL;
		if (key ? its && !strcasecmp(key, its) : !compare(&quiet, want, c))
			return c;
		some = some || key ? some : c;
	}
	return some;
}

static bool has_elements(const xmlNode *n)
{
	return xmlFirstElementChild((xmlNode *)n);
}

/* True where something of the wanted element is not in the other one. */
static bool compare(const struct drift *d, const xmlNode *want, const xmlNode *have)
{
	bool different = false;

	for (const xmlAttr *at = want->properties; at; at = at->next) {
		const char *name = (const char *)at->name, *x = attribute(d->a, want, name), *y = attribute(d->a, have, name);

		if (!same_value(d, want, have, name, x, y))
			different |= differs(d, want, name, x, y);
	}
	if (!has_elements(want)) {
		const char *x = content(d->a, want), *y = content(d->a, have);

		if (*x && !same_value(d, want, have, "", x, y))
			different |= differs(d, want, "", x, y);
	}
	for (const xmlNode *c = want->children; c; c = c->next) {
		const xmlNode *other = c->type == XML_ELEMENT_NODE ? counterpart(d, c, have) : NULL;

		if (other)
			different |= compare(d, c, other);
		else if (c->type == XML_ELEMENT_NODE)
			different |= differs(d, c, "", key_of(d->a, c) ? key_of(d->a, c) : "there", NULL);
	}
	return different;
}

const char *vp_plan_drift(struct vp_arena *a, const char *want, const char *have)
{
	vp_cleanup(vp_buf_free) struct vp_buf told = { 0 };
	const struct drift d = { .a = a, .told = &told };
	int options = XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING;
	xmlDoc *x = xmlReadMemory(want, (int)strlen(want), NULL, NULL, options);
	xmlDoc *y = xmlReadMemory(have, (int)strlen(have), NULL, NULL, options);

	if (x && y)
		compare(&d, xmlDocGetRootElement(x), xmlDocGetRootElement(y));
	else
		vp_buf_adds(&told, "it cannot be read");
	xmlFreeDoc(x);
	xmlFreeDoc(y);
	return vp_strdup(a, vp_buf_str(&told));
}
