// SPDX-License-Identifier: Apache-2.0
/*
 * XMLDB, the second XML of the compiler until 2012, and the readable one: the name of an element is its key, its type is an attribute (none: a
 * dict), and a list is a run of equal elements with list="1". Items that are lists hold equal elements with list="2", and so on.
 */
#include <string.h>

#include "xml.h"

struct element {
	const char *name;
	/* VP_DICT also for what may turn out to be a list. */
	enum vp_type type;
	enum vp_encoding encoding;
	unsigned list;
	/* The key, where it is no possible name of an element. NULL: the name is the key. */
	const char *unencoded;
	size_t unencoded_len;
};

static bool is(const char *text, const char *s, size_t len)
{
	return !strncmp(text, s, len) && !text[len];
}

static void take_type(struct vp_xml *x, struct element *e, const char *value, size_t len)
{
	static const enum vp_type types[] = { VP_STRING, VP_LONG, VP_DOUBLE, VP_BOOL };

	if (is("nlist", value, len))
		return;
	for (size_t i = 0; i < vp_count(types); i++) {
		if (is(vp_type_name(types[i]), value, len)) {
			e->type = types[i];
			return;
		}
	}
	if (is("list", value, len))
		vp_xml_stop(x, "<%s type=\"list\">: in XMLDB a list is a run of elements <%s list=\"1\">", e->name, e->name);
	else
		vp_xml_stop(x, "<%s type=\"%.*s\">: the types are string, long, double and boolean", e->name, (int)(len < 40 ? len : 40), value);
}

static void take_list(struct vp_xml *x, struct element *e, const char *value, size_t len)
{
	for (size_t i = 0; i < len && e->list <= VP_MAX_DEPTH; i++)
		e->list = value[i] >= '0' && value[i] <= '9' ? e->list * 10 + (unsigned)(value[i] - '0') : VP_MAX_DEPTH + 1;
	if (!e->list || e->list > VP_MAX_DEPTH)
		vp_xml_stop(x, "<%s list=\"%.*s\">: it is 1 for the items of a list, 2 for those of a list in a list", e->name,
			    (int)(len < 40 ? len : 40), value);
}

/* Others (checksum, acl, derivation) are decoration. False where reading ended. */
static bool take_attributes(struct vp_xml *x, struct element *e, const struct vp_xml_attributes *a)
{
	const unsigned char **at = a->at;

	for (int i = 0; i < a->n && !x->stopped; i++, at += 5) {
		const char *name = (const char *)at[0], *value = (const char *)at[3];
		size_t len = (size_t)(at[4] - at[3]);

		if (!strcmp(name, "type")) {
			take_type(x, e, value, len);
		} else if (!strcmp(name, "list")) {
			take_list(x, e, value, len);
		} else if (!strcmp(name, "encoding")) {
			e->encoding = vp_xml_encoding(x, value, len);
		} else if (!strcmp(name, "unencoded")) {
			e->unencoded = value;
			e->unencoded_len = len;
		}
	}
	return !x->stopped;
}

static bool open_level(struct vp_xml *x, enum vp_type type, const char *key, struct vp_xml_level level)
{
	if (vp_build_open(x->b, type, key, vp_xml_line(x))) {
		vp_xml_halt(x);
		return false;
	}
	x->levels[x->b->depth - 1] = level;
	return true;
}

/* Is this an item of a list that is itself an item of one? The first one makes it a list. */
static bool is_inner_item(struct vp_xml *x, const struct element *e)
{
	const struct vp_xml_level *up = &x->levels[x->b->depth - 1];
	struct vp_val *in = vp_build_current(x->b);
	bool fits = up->list && e->list == up->list + 1 && e->name == up->name;

	if (in->type == VP_LIST && !fits)
		vp_xml_stop(x, "<%s> in a list of lists: its items are <%s list=\"%u\">", e->name, up->name, up->list + 1);
	else if (e->list > 1 && (!fits || (in->type == VP_DICT && in->child)))
		vp_xml_stop(x, "<%s list=\"%u\"> stands only in <%s list=\"%u\">, with nothing else beside it", e->name, e->list, e->name,
			    e->list - 1);
	else if (fits)
		in->type = VP_LIST;
	return fits;
}

/* Finds the place of an element: its key, NULL for items. Opens the list where it is the first item. False where reading ended. */
static bool place(struct vp_xml *x, const struct element *e, const char **key)
{
	const struct vp_xml_level *up = &x->levels[x->b->depth - 1];

	*key = NULL;
	if (up->run && e->list == 1 && e->name == up->name)
		return true;
	if (up->run)
		vp_build_close(x->b);
	if (is_inner_item(x, e) || x->stopped)
		return !x->stopped;
	*key = e->unencoded ? vp_build_key(x->b, e->unencoded, e->unencoded_len, vp_xml_line(x))
			    : vp_build_key(x->b, e->name, strlen(e->name), vp_xml_line(x));
	if (!*key) {
		vp_xml_halt(x);
		return false;
	}
	if (!e->list)
		return true;
	if (!open_level(x, VP_LIST, *key, (struct vp_xml_level){ .name = e->name, .run = true }))
		return false;
	*key = NULL;
	return true;
}

void vp_xmldb_start(struct vp_xml *x, const char *name, const struct vp_xml_attributes *a)
{
	struct element e = { .name = name, .type = VP_DICT };
	const char *key = NULL;

	if (x->b->depth && (!take_attributes(x, &e, a) || !place(x, &e, &key)))
		return;
	if (e.type == VP_DICT)
		open_level(x, VP_DICT, key, (struct vp_xml_level){ .name = name, .list = e.list });
	else
		vp_xml_scalar(x, e.type, key, e.encoding);
}

void vp_xmldb_end(struct vp_xml *x)
{
	if (x->levels[x->b->depth - 1].run)
		vp_build_close(x->b);
	vp_build_close(x->b);
}

void vp_xmldb_text(struct vp_xml *x, const char *text, size_t len)
{
	const struct vp_xml_level *up = x->b->depth ? &x->levels[x->b->depth - 1] : NULL;
	size_t blank = strspn(text, " \t\r\n");

	text += blank;
	len -= blank;
	if (!up || x->b->depth == 1 || up->run || vp_build_current(x->b)->child)
		vp_xml_stop(x, "text between elements: \"%.*s\"", (int)(len < 40 ? len : 40), text);
	else
		vp_xml_stop(x, "\"%.*s\" in <%s>, which has no type: string, long, double or boolean, as in <%s type=\"string\">",
			    (int)(len < 40 ? len : 40), text, up->name, up->name);
}
