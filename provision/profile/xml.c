// SPDX-License-Identifier: Apache-2.0
/*
 * Pan XML by libxml2's SAX interface. A DOCTYPE ends the reading, so there is no
 * entity to expand and nothing to fetch.
 */
#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <nettle/base64.h>
#include <string.h>

#include "build.h"

struct reader {
	struct vp_builder *b;
	xmlParserCtxtPtr ctxt;
	/* The scalar that is being read. */
	bool in_scalar;
	enum vp_type type;
	unsigned line;
	struct vp_buf key, encoding, text;
	bool has_key;
	/* An error made the rest meaningless. */
	bool stopped;
};

static unsigned line_of(const struct reader *r)
{
	return r->ctxt->input ? (unsigned)r->ctxt->input->line : 0;
}

/* Nothing more is read. Not from on_error(): libxml2 may be in the middle of changing its input there. */
static void halt(struct reader *r)
{
	r->stopped = true;
	xmlStopParser(r->ctxt);
}

/* Only the first of such errors is told. */
static void stop(struct reader *r, const char *what)
{
	if (!r->stopped)
		vp_build_fail(r->b, VP_E_SYNTAX, line_of(r), "%s", what);
	halt(r);
}

static bool is(const xmlChar *s, const char *text)
{
	return !strcmp((const char *)s, text);
}

/* -1 where it is no pan element. */
static int type_of(const xmlChar *name)
{
	static const struct {
		const char *name;
		enum vp_type type;
	} types[] = {
		{ "nlist", VP_DICT }, { "list", VP_LIST },     { "string", VP_STRING },
		{ "long", VP_LONG },  { "double", VP_DOUBLE }, { "boolean", VP_BOOL },
	};

	for (size_t i = 0; i < vp_count(types); i++)
		if (is(name, types[i].name))
			return (int)types[i].type;
	return -1;
}

/* The two attributes that mean something; all others (old compilers wrote several) are decoration. */
static void take_attributes(struct reader *r, const xmlChar **attributes, int n)
{
	r->has_key = false;
	r->key.len = r->encoding.len = 0;
	vp_buf_adds(&r->key, "");
	vp_buf_adds(&r->encoding, "");
	for (int i = 0; i < n; i++, attributes += 5) {
		bool name = is(attributes[0], "name");

		if (!name && !is(attributes[0], "encoding"))
			continue;
		vp_buf_add(name ? &r->key : &r->encoding, attributes[3], (size_t)(attributes[4] - attributes[3]));
		r->has_key |= name;
	}
}

static bool root_is_wrong(struct reader *r, const xmlChar *name, const xmlChar **attributes, int n)
{
	for (int i = 0; i < n; i++, attributes += 5) {
		if (is(attributes[0], "format") && !strncmp((const char *)attributes[3], "xmldb", 5)) {
			stop(r, "the XMLDB format is not supported: compile the profile with `panc --formats pan`");
			return true;
		}
	}
	if (is(name, "profiles"))
		stop(r, "this is a list of profiles, not a profile");
	else if (type_of(name) != VP_DICT)
		stop(r, vp_printf(r->b->arena, "a profile begins with <nlist format=\"pan\">, not with <%s>", name));
	return r->stopped;
}

static void on_start(void *arg, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri, int nspaces, const xmlChar **spaces, int nattributes,
		     int ndefaults, const xmlChar **attributes)
{
	struct reader *r = arg;
	const struct vp_val *up = vp_build_current(r->b);
	int type = type_of(name);

	(void)prefix, (void)uri, (void)nspaces, (void)spaces, (void)ndefaults;
	if (r->stopped || (!up && root_is_wrong(r, name, attributes, nattributes)))
		return;
	if (type < 0 || r->in_scalar) {
		stop(r, vp_printf(r->b->arena, r->in_scalar ? "<%s> inside of a value" : "<%s> is no element of pan XML", name));
		return;
	}
	take_attributes(r, attributes, nattributes);
	if (up && up->type == VP_DICT && !r->has_key) {
		stop(r, vp_printf(r->b->arena, "<%s> has no name", name));
		return;
	}
	if (type == VP_DICT || type == VP_LIST) {
		const char *key = up && up->type == VP_DICT ? vp_buf_str(&r->key) : NULL;

		if (vp_build_open(r->b, (enum vp_type)type, key, line_of(r)))
			halt(r);
		return;
	}
	r->in_scalar = true;
	r->type = (enum vp_type)type;
	r->line = line_of(r);
	r->text.len = 0;
	vp_buf_adds(&r->text, "");
}

/* Decodes r->text in place; NULL, or what is wrong. */
static const char *decode(struct reader *r)
{
	const char *how = vp_buf_str(&r->encoding), *wrong = NULL;
	struct base64_decode_ctx ctx;
	struct vp_buf inflated = { 0 };
	size_t len = r->text.len;

	if (!how[0] || !strcmp(how, "none"))
		return NULL;
	if (strncmp(how, "base64", 6) || (how[6] && strcmp(how + 6, ",gzip")))
		return "unknown encoding; base64 is known";
	base64_decode_init(&ctx);
	if (!base64_decode_update(&ctx, &len, (uint8_t *)r->text.data, len, r->text.data) || !base64_decode_final(&ctx))
		return "this is not base64";
	r->text.len = len;
	if (how[6]) {
		wrong = vp_inflate(r->text.data, len, &inflated);
		vp_buf_free(&r->text);
		r->text = inflated;
		vp_buf_adds(&r->text, "");
	}
	if (!wrong && vp_utf8_valid(r->text.data, r->text.len) < r->text.len)
		wrong = "the decoded value is not UTF-8";
	return wrong;
}

static void on_end(void *arg, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
	struct reader *r = arg;
	const struct vp_val *up = vp_build_current(r->b);
	const char *wrong;

	(void)name, (void)prefix, (void)uri;
	if (r->stopped)
		return;
	if (!r->in_scalar) {
		vp_build_close(r->b);
		return;
	}
	r->in_scalar = false;
	wrong = decode(r);
	if (wrong)
		stop(r, wrong);
	else if (vp_build_scalar(r->b, r->type, up->type == VP_DICT ? vp_buf_str(&r->key) : NULL, r->text.data, r->text.len, r->line))
		halt(r);
}

static void on_text(void *arg, const xmlChar *text, int len)
{
	struct reader *r = arg;

	if (r->stopped)
		return;
	if (r->in_scalar) {
		vp_buf_add(&r->text, text, (size_t)len);
		return;
	}
	for (int i = 0; i < len; i++)
		if (!strchr(" \t\r\n", text[i])) {
			stop(r, "text outside of a value");
			return;
		}
}

static void on_doctype(void *arg, const xmlChar *name, const xmlChar *public_id, const xmlChar *system_id)
{
	(void)name, (void)public_id, (void)system_id;
	stop(arg, "a profile has no DOCTYPE");
}

static void on_error(void *arg, xmlErrorPtr e)
{
	struct reader *r = arg;
	size_t len = e->message ? strcspn(e->message, "\n") : 0;

	if (e->level == XML_ERR_WARNING || r->stopped || e->code == XML_ERR_USER_STOP)
		return;
	r->stopped = true;
	vp_build_fail(r->b, VP_E_SYNTAX, e->line > 0 ? (unsigned)e->line : line_of(r), "%.*s", (int)len, e->message ? e->message : "");
}

void vp_xml_read(struct vp_builder *b, const char *data, size_t len)
{
	struct reader r = { .b = b };
	xmlStructuredErrorFunc others = xmlStructuredError;
	void *others_arg = xmlStructuredErrorContext;

	xmlInitParser();
	r.ctxt = xmlCreateMemoryParserCtxt(data, (int)len);
	if (!r.ctxt) {
		vp_build_fail(b, VP_E_SYNTAX, 1, "libxml2 cannot read this");
		return;
	}
	/* HUGE only lifts libxml2's own limits; ours are lower where it matters. */
	xmlCtxtUseOptions(r.ctxt, XML_PARSE_NONET | XML_PARSE_HUGE);
	*r.ctxt->sax = (xmlSAXHandler){
		.initialized = XML_SAX2_MAGIC,
		.startElementNs = on_start,
		.endElementNs = on_end,
		.characters = on_text,
		.cdataBlock = on_text,
		.internalSubset = on_doctype,
		.serror = on_error,
	};
	r.ctxt->userData = &r;
	/* What libxml2 cannot tie to a parser (conversion of encodings) would go to stderr. */
	xmlSetStructuredErrorFunc(&r, on_error);
	xmlParseDocument(r.ctxt);
	xmlSetStructuredErrorFunc(others_arg, others);
	if (!b->errors && (!b->root || b->depth))
		vp_build_fail(b, VP_E_SYNTAX, line_of(&r), "the profile ends early");
	xmlFreeParserCtxt(r.ctxt);
	vp_buf_free(&r.key);
	vp_buf_free(&r.encoding);
	vp_buf_free(&r.text);
}
