// SPDX-License-Identifier: Apache-2.0
/* Assignments to a rendered domain, by XPath: what no row of the profile can say. */
#include <libxml/chvalid.h>
#include <libxml/parser.h>
#include <libxml/xpath.h>
#include <libxml/xpathInternals.h>
#include <string.h>

#include "render.h"

/* One assignment at work. */
struct assign {
	const struct vp_tweak *t;
	xmlXPathContext *x;
	/* Where the steps of its path end: bytes. */
	size_t ends[VP_MAX_ASSIGNMENT];
	size_t nends;
	struct vp_buf before;
	struct vp_err *err;
};

static int wrong(const struct assign *a, const char *fmt, ...) VP_PRINTF(2, 3);
static int wrong(const struct assign *a, const char *fmt, ...)
{
	const struct vp_tweak *t = a->t;
	char text[1500];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return vp_fail(a->err, VP_E_VALUE, "%s:%u: %s: %s: %s", t->file, t->line, t->origin, t->path, text);
}

/* A step ends at each '/' that is in no condition, and at the end. */
static void find_steps(struct assign *a)
{
	const char *s = a->t->path;
	int depth = 0;
	char quote = 0;

	a->nends = 0;
	for (size_t i = 0; s[i]; i++) {
		if (quote)
			quote = s[i] == quote ? 0 : quote;
		else if (strchr("'\"", s[i]))
			quote = s[i];
		else
			depth += !!strchr("[(", s[i]) - !!strchr("])", s[i]);
		if (!s[i + 1] || (!quote && !depth && s[i] != '/' && s[i + 1] == '/'))
			a->ends[a->nends++] = i + 1;
	}
}

/* What the first steps of the path lead to; NULL with err filled. */
static xmlXPathObject *find(const struct assign *a, size_t steps)
{
	vp_cleanup(vp_buf_free) struct vp_buf path = { 0 };
	xmlXPathObject *o;

	vp_buf_add(&path, a->t->path, a->ends[steps - 1]);
	a->x->node = xmlDocGetRootElement(a->x->doc);
	a->x->opCount = 0;
	xmlResetError(&a->x->lastError);
	o = xmlXPathEval((const xmlChar *)path.data, a->x);
	if (o && o->type == XPATH_NODESET)
		return o;
	if (o)
		wrong(a, "leads to no element or attribute");
	else if (a->x->lastError.code == XML_XPATH_EXPR_ERROR + XPATH_OP_LIMIT_EXCEEDED - XPATH_EXPR_ERROR)
		wrong(a, "takes too long");
	else
		wrong(a, "is no XPath");
	xmlXPathFreeObject(o);
	return NULL;
}

static int count(const xmlXPathObject *o)
{
	return o->nodesetval ? o->nodesetval->nodeNr : 0;
}

/* Letters and the like at s, with the prefix of a namespace; 0 where there is no name. */
static size_t name_at(const char *s)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", more[] = "0123456789_.:-";
	size_t n = 0;

	while (s[n] && (strchr(letters, s[n]) || (n && strchr(more, s[n]))))
		n++;
	return n;
}

/* The namespace of "qemu:arg", made known to the document; NULL for a name without. */
static xmlNs *namespace_of(const struct assign *a, const char *name, size_t len)
{
	vp_cleanup(vp_buf_free) struct vp_buf prefix = { 0 };
	const char *colon = memchr(name, ':', len);
	xmlNode *root = xmlDocGetRootElement(a->x->doc);
	const xmlChar *href;
	xmlNs *ns;

	if (!colon)
		return NULL;
	vp_buf_add(&prefix, name, (size_t)(colon - name));
	ns = xmlSearchNs(a->x->doc, root, (const xmlChar *)prefix.data);
	href = xmlXPathNsLookup(a->x, (const xmlChar *)prefix.data);
	return ns || !href ? ns : xmlNewNs(root, href, (const xmlChar *)prefix.data);
}

static const char *local(const char *name)
{
	const char *colon = strchr(name, ':');

	return colon ? colon + 1 : name;
}

/* [@NAME='VALUE'] at s, set in the element (NULL: nowhere); its length, 0 where it is something else. */
static size_t condition(xmlNode *element, const char *s)
{
	vp_cleanup(vp_buf_free) struct vp_buf name = { 0 }, value = { 0 };
	size_t n = strncmp(s, "[@", 2) ? 0 : name_at(s + 2), len;
	const char *v = s + 2 + n + 2;

	if (!n || s[2 + n] != '=' || !strchr("'\"", v[-1]))
		return 0;
	len = strcspn(v, (const char[]){ v[-1], '\0' });
	if (v[len] != v[-1] || v[len + 1] != ']')
		return 0;
	vp_buf_add(&name, s + 2, n);
	vp_buf_add(&value, v, len);
	if (element)
		xmlSetProp(element, (const xmlChar *)name.data, (const xmlChar *)vp_buf_str(&value));
	return (size_t)(v + len + 2 - s);
}

/* The step of that position, without the slashes before it. */
static const char *step_at(const struct assign *a, size_t step, size_t *len)
{
	const char *s = a->t->path + a->ends[step - 1];
	size_t slashes = strspn(s, "/");

	*len = a->ends[step] - a->ends[step - 1] - slashes;
	return s + slashes;
}

/* A name, with conditions that say what attributes the element has; or, at the end, an attribute. */
static bool can_make(const struct assign *a, size_t step)
{
	size_t len, n;
	const char *s = step_at(a, step, &len);

	/* Anything below, at whatever depth, is nothing that could be made. */
	if (!strncmp(a->t->path + a->ends[step - 1], "//", 2))
		return false;
	if (*s == '@')
		return name_at(s + 1) + 1 == len && step + 1 == a->nends;
	n = name_at(s);
	for (size_t c = 1; n && n < len && c; n += c)
		c = condition(NULL, s + n);
	return n == len;
}

static xmlNode *make(const struct assign *a, xmlNode *parent, size_t step)
{
	vp_cleanup(vp_buf_free) struct vp_buf name = { 0 };
	size_t len, n;
	const char *s = step_at(a, step, &len);
	bool attribute = *s == '@';
	xmlNode *made;

	s += attribute;
	len -= attribute;
	n = name_at(s);
	vp_buf_add(&name, s, n);
	if (attribute)
		return (xmlNode *)xmlSetProp(parent, (const xmlChar *)name.data, (const xmlChar *)"");
	made = xmlNewChild(parent, namespace_of(a, name.data, n), (const xmlChar *)local(name.data), NULL);
	while (n < len)
		n += condition(made, s + n);
	return made;
}

/* Makes what is missing of the path below each of what there is of it. */
static int make_rest(const struct assign *a)
{
	xmlXPathObject *o = NULL;
	size_t steps = a->nends;

	do {
		xmlXPathFreeObject(o);
		o = --steps ? find(a, steps) : NULL;
	} while (o && !count(o));
	if (!o)
		return wrong(a, "leads to nothing in this domain");
	for (size_t i = steps; i < a->nends; i++)
		if (!can_make(a, i)) {
			size_t len;
			const char *s = step_at(a, i, &len);

			xmlXPathFreeObject(o);
			return wrong(a, "leads to nothing from '%.*s' on, and vprov cannot make that", (int)len, s);
		}
	for (int k = 0; k < count(o); k++) {
		xmlNode *at = o->nodesetval->nodeTab[k];

		for (size_t i = steps; at->type == XML_ELEMENT_NODE && i < a->nends; i++)
			at = make(a, at, i);
	}
	xmlXPathFreeObject(o);
	return 0;
}

static void note_before(struct assign *a, xmlNode *node)
{
	xmlChar *text = xmlNodeGetContent(node);

	if (text && *text && !a->before.len && !xmlFirstElementChild(node))
		vp_buf_adds(&a->before, (const char *)text);
	xmlFree(text);
}

static void set_node(struct assign *a, xmlNode *node)
{
	const xmlChar *value = (const xmlChar *)a->t->value;

	note_before(a, node);
	if (node->type == XML_ATTRIBUTE_NODE && *value) {
		xmlSetNsProp(node->parent, node->ns, node->name, value);
	} else if (node->type == XML_ATTRIBUTE_NODE) {
		xmlRemoveProp((xmlAttr *)node);
	} else if (*value) {
		xmlNodeSetContent(node, NULL);
		xmlNodeAddContent(node, value);
	} else {
		xmlUnlinkNode(node);
		xmlFreeNode(node);
	}
}

/* The last in the document first: what is inside another one is done with before that goes. */
static int set_all(struct assign *a, xmlXPathObject *o)
{
	const xmlNode *root = xmlDocGetRootElement(a->x->doc);

	for (int i = 0; i < count(o); i++) {
		const xmlNode *node = o->nodesetval->nodeTab[i];

		if (node == root || (node->type != XML_ELEMENT_NODE && node->type != XML_ATTRIBUTE_NODE))
			return wrong(a, "leads to something else than an element or attribute in the domain");
	}
	xmlXPathNodeSetSort(o->nodesetval);
	for (int i = count(o); i--;)
		set_node(a, o->nodesetval->nodeTab[i]);
	/* They may be gone. */
	if (o->nodesetval)
		o->nodesetval->nodeNr = 0;
	return 0;
}

/* Whether the domain is such as its path begins with: /domain[@type='kvm'] */
static int applies(const struct assign *a)
{
	xmlXPathObject *o;
	int n;

	if (strncmp(a->t->path, "/domain[", 8))
		return 1;
	o = find(a, 1);
	n = o ? count(o) > 0 : -1;
	xmlXPathFreeObject(o);
	return n;
}

static void tell(const struct assign *a, const char *what, struct vp_buf *told)
{
	const struct vp_tweak *t = a->t;

	if (!told)
		return;
	vp_buf_addf(told, "%s %s", t->path, what);
	if (a->before.len)
		vp_buf_addf(told, ", was %s", a->before.data);
	vp_buf_addf(told, " (%s, %s:%u)\n", t->origin, t->file, t->line);
}

/* What XML can hold. */
static bool is_text(const char *s)
{
	if (!xmlCheckUTF8((const unsigned char *)s))
		return false;
	for (int len, c; *s; s += len) {
		len = (int)strlen(s);
		c = xmlGetUTF8Char((const unsigned char *)s, &len);
		if (c < 0 || !xmlIsCharQ((unsigned)c))
			return false;
	}
	return true;
}

static int make_one(struct assign *a, struct vp_buf *told)
{
	vp_cleanup(vp_buf_free) struct vp_buf what = { 0 };
	xmlXPathObject *o;
	int rc;

	if (!is_text(a->t->path) || !is_text(a->t->value))
		return wrong(a, "that is no text that XML can hold");
	find_steps(a);
	rc = applies(a);
	if (rc <= 0)
		tell(a, "is for another kind of guest", rc ? NULL : told);
	if (rc <= 0)
		return rc;
	o = find(a, a->nends);
	if (!o)
		return -1;
	if (!count(o)) {
		xmlXPathFreeObject(o);
		if (*a->t->value && make_rest(a))
			return -1;
		o = find(a, a->nends);
	}
	rc = o ? set_all(a, o) : -1;
	vp_buf_addf(&what, *a->t->value ? "= %s" : "removed%s", a->t->value);
	if (!rc)
		tell(a, what.data, told);
	xmlXPathFreeObject(o);
	return rc;
}

static void quiet(void *arg, xmlErrorPtr e)
{
	(void)arg;
	(void)e;
}

/* What vprov knows the domain by. */
static char *identity(xmlXPathContext *x)
{
	xmlXPathObject *o = xmlXPathEval((const xmlChar *)"concat(/domain/name, ' ', /domain/uuid)", x);
	char *text = o && o->stringval ? (char *)xmlStrdup(o->stringval) : NULL;

	xmlXPathFreeObject(o);
	return text;
}

static int make_all(const struct vp_tweak *tweaks, size_t n, xmlXPathContext *x, struct vp_buf *told, struct vp_err *err)
{
	char *before = identity(x), *after;
	int rc = 0;

	for (size_t i = 0; i < n && !rc; i++) {
		struct assign a = { .t = &tweaks[i], .x = x, .err = err };

		rc = make_one(&a, told);
		after = identity(x);
		if (!rc && (!before || !after || strcmp(before, after)))
			rc = wrong(&a, "name and UUID are what vprov knows the domain by");
		xmlFree(after);
		vp_buf_free(&a.before);
	}
	xmlFree(before);
	return rc;
}

static xmlXPathContext *context_of(xmlDoc *doc)
{
	static const char *const names[][2] = { { "qemu", "http://libvirt.org/schemas/domain/qemu/1.0" },
						{ "xen", "http://libvirt.org/schemas/domain/xen/1.0" },
						{ "vprov", "urn:vprov:node" } };
	xmlXPathContext *x = xmlXPathNewContext(doc);

	for (size_t i = 0; i < vp_count(names); i++)
		xmlXPathRegisterNs(x, (const xmlChar *)names[i][0], (const xmlChar *)names[i][1]);
	x->opLimit = VP_MAX_XPATH;
	x->error = quiet;
	return x;
}

int vp_assign(const struct vp_tweak *tweaks, size_t n, struct vp_buf *xml, size_t start, struct vp_buf *told, struct vp_err *err)
{
	xmlDoc *doc = xmlReadMemory(vp_buf_str(xml) + start, (int)(xml->len - start), NULL, "UTF-8",
				    XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	xmlXPathContext *x;
	xmlBuffer *text;
	int rc;

	/* Whoever validates it says what is wrong. */
	if (!doc)
		return 0;
	x = context_of(doc);
	rc = make_all(tweaks, n, x, told, err);
	text = xmlBufferCreate();
	if (!rc && xmlNodeDump(text, doc, xmlDocGetRootElement(doc), 0, 0) > 0) {
		xml->len = start;
		vp_buf_addf(xml, "%s\n", (const char *)xmlBufferContent(text));
	}
	xmlBufferFree(text);
	xmlXPathFreeContext(x);
	xmlFreeDoc(doc);
	return rc;
}
