// SPDX-License-Identifier: Apache-2.0
/*
 * XML by libxml2's SAX interface: pan XML here, XMLDB in xmldb.c. A DOCTYPE ends the
 * reading, so there is no entity to expand and nothing to fetch.
 */
#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <nettle/base64.h>
#include <string.h>

#include "xml.h"

unsigned vp_xml_line(const struct vp_xml *x)
{
	xmlParserCtxtPtr ctxt = x->ctxt;

	return ctxt->input ? (unsigned)ctxt->input->line : 0;
}

/* Not from on_error(): libxml2 may be in the middle of changing its input there. */
void vp_xml_halt(struct vp_xml *x)
{
	x->stopped = true;
	xmlStopParser(x->ctxt);
}

void vp_xml_stop(struct vp_xml *x, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (!x->stopped) {
		va_start(ap, fmt);
		vsnprintf(text, sizeof(text), fmt, ap);
		va_end(ap);
		vp_build_fail(x->b, VP_E_SYNTAX, vp_xml_line(x), "%s", text);
	}
	vp_xml_halt(x);
}

static bool is(const xmlChar *s, const char *text)
{
	return !strcmp((const char *)s, text);
}

/* The names in pan XML as libxml2's dictionary has them: there, equal names are equal pointers. */
static void learn_names(struct vp_xml *x, xmlDictPtr dict)
{
	static const char *const names[] = {
		[VP_DICT] = "nlist", [VP_LIST] = "list", [VP_STRING] = "string", [VP_LONG] = "long", [VP_DOUBLE] = "double", [VP_BOOL] = "boolean",
	};

	for (size_t i = 0; i < vp_count(names); i++)
		x->types[i] = xmlDictLookup(dict, (const xmlChar *)names[i], -1);
	x->name = xmlDictLookup(dict, (const xmlChar *)"name", -1);
}

/* -1 where it is no pan element. */
static int type_of(const struct vp_xml *x, const xmlChar *name)
{
	for (size_t i = 0; i < vp_count(x->types); i++)
		if (x->types[i] == name)
			return (int)i;
	return -1;
}

enum vp_encoding vp_xml_encoding(struct vp_xml *x, const char *value, size_t len)
{
	static const char *const names[] = { "none", "base64", "base64,gzip" };

	for (size_t i = 0; i < vp_count(names); i++)
		if (len == strlen(names[i]) && !memcmp(value, names[i], len))
			return (enum vp_encoding)i;
	if (len)
		vp_xml_stop(x, "unknown encoding \"%.*s\"; base64 and base64,gzip are known", (int)(len < 40 ? len : 40), value);
	return VP_PLAIN;
}

void vp_xml_scalar(struct vp_xml *x, enum vp_type type, const char *key, enum vp_encoding encoding)
{
	x->in_scalar = true;
	x->type = type;
	x->key = key;
	x->encoding = encoding;
	x->line = vp_xml_line(x);
	x->text.len = 0;
}

/* The two attributes that mean something; all others (old compilers wrote several) are decoration. False where reading ended. */
static bool take_attributes(struct vp_xml *x, const struct vp_xml_attributes *a, bool keyed, const char **key, enum vp_encoding *encoding)
{
	const xmlChar **at = a->at;

	for (int i = 0; i < a->n && !x->stopped; i++, at += 5) {
		const char *value = (const char *)at[3];
		size_t len = (size_t)(at[4] - at[3]);

		if (at[0] == x->name) {
			*key = keyed ? vp_build_key(x->b, value, len, vp_xml_line(x)) : NULL;
			if (keyed && !*key)
				vp_xml_halt(x);
		} else if (is(at[0], "encoding")) {
			*encoding = vp_xml_encoding(x, value, len);
		}
	}
	return !x->stopped;
}

/* The first element is the root. */
static void start_pan(struct vp_xml *x, const xmlChar *name, const struct vp_xml_attributes *a)
{
	const struct vp_val *up = vp_build_current(x->b);
	bool keyed = up && up->type == VP_DICT;
	enum vp_encoding encoding = VP_PLAIN;
	const char *key = NULL;
	int type = type_of(x, name);

	if (type < 0)
		vp_xml_stop(x, "<%s> is no element of pan XML", name);
	else if (!take_attributes(x, a, keyed, &key, &encoding))
		return;
	else if (keyed && !key)
		vp_xml_stop(x, "<%s> has no name", name);
	else if (type != VP_DICT && type != VP_LIST)
		vp_xml_scalar(x, (enum vp_type)type, key, encoding);
	else if (vp_build_open(x->b, (enum vp_type)type, key, vp_xml_line(x)))
		vp_xml_halt(x);
}

/* The root says which XML it is. */
static void judge_root(struct vp_xml *x, const xmlChar *name, const struct vp_xml_attributes *a)
{
	const xmlChar **at = a->at;
	const char *format;

	x->xmldb = is(name, "profile");
	format = x->xmldb ? "xmldb" : "pan";
	if (is(name, "profiles"))
		vp_xml_stop(x, "this is a list of profiles, not a profile");
	else if (!x->xmldb && !is(name, "nlist"))
		vp_xml_stop(x, "a profile begins with <nlist format=\"pan\"> or <profile format=\"xmldb\">, not with <%.100s>", name);
	for (int i = 0; i < a->n && !x->stopped; i++, at += 5) {
		size_t len = (size_t)(at[4] - at[3]);

		if (is(at[0], "format") && (len != strlen(format) || memcmp(at[3], format, len)))
			vp_xml_stop(x, "format=\"%.*s\": that of <%s> is %s", (int)(len < 40 ? len : 40), at[3], name, format);
	}
	if (x->xmldb)
		x->b->twice = "; the items of a list have list=\"1\" and follow one another";
}

static void on_start(void *arg, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri, int nspaces, const xmlChar **spaces, int nattributes,
		     int ndefaults, const xmlChar **attributes)
{
	struct vp_xml *x = arg;
	const struct vp_xml_attributes a = { .at = attributes, .n = nattributes };

	(void)uri, (void)nspaces, (void)spaces, (void)ndefaults;
	if (!x->stopped && !x->b->depth)
		judge_root(x, name, &a);
	if (x->stopped)
		return;
	if (x->in_scalar)
		vp_xml_stop(x, "<%s> inside of a value", name);
	else if (prefix)
		vp_xml_stop(x, "<%s:%s>: a profile has no namespaces", prefix, name);
	else if (x->xmldb)
		vp_xmldb_start(x, (const char *)name, &a);
	else
		start_pan(x, name, &a);
}

/* Unpacks x->text, within the limit of all the profile, not of this value. NULL, or what is wrong. */
static const char *unpack(struct vp_xml *x, bool *limit)
{
	struct vp_buf inflated = { 0 };
	const char *wrong = vp_inflate(x->text.data, x->text.len, VP_MAX_PROFILE - x->b->inflated, &inflated, limit);

	x->b->inflated += inflated.len;
	vp_buf_free(&x->text);
	x->text = inflated;
	return wrong;
}

/* Decodes x->text. NULL, or what is wrong. */
static const char *decode(struct vp_xml *x, bool *limit)
{
	struct base64_decode_ctx ctx;
	size_t len = x->text.len;

	base64_decode_init(&ctx);
	vp_buf_add(&x->text, "", 0);
	if (!base64_decode_update(&ctx, &len, (uint8_t *)x->text.data, len, x->text.data) || !base64_decode_final(&ctx))
		return "this is not base64";
	x->text.len = len;
	return x->encoding == VP_BASE64_GZIP ? unpack(x, limit) : NULL;
}

/* Of a value that is encoded; it is in the tree whatever happens, so that messages can name it. */
static void end_encoded(struct vp_xml *x)
{
	struct vp_builder *b = x->b;
	bool limit = false, repaired;
	const char *wrong = decode(x, &limit), *path;

	repaired = !wrong && vp_utf8_repair(&x->text);
	if (vp_build_scalar(b, wrong ? VP_STRING : x->type, x->key, vp_buf_str(&x->text), x->text.len, x->line)) {
		vp_xml_halt(x);
		return;
	}
	path = wrong || repaired ? vp_path_of(b->arena, b->stack[b->depth - 1].last) : NULL;
	if (repaired)
		vp_diag(b->diags, VP_WARNING, VP_E_ODD, b->file, x->line, path, "the decoded value is not UTF-8: read as Latin-1 where it is not");
	if (!wrong)
		return;
	b->errors++;
	vp_diag(b->diags, VP_ERROR, limit ? VP_E_LIMIT : VP_E_SYNTAX, b->file, x->line, path, "%s", wrong);
	if (limit)
		vp_xml_halt(x);
}

static void end_scalar(struct vp_xml *x)
{
	x->in_scalar = false;
	if (x->encoding != VP_PLAIN)
		end_encoded(x);
	else if (vp_build_scalar(x->b, x->type, x->key, vp_buf_str(&x->text), x->text.len, x->line))
		vp_xml_halt(x);
}

static void on_end(void *arg, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
	struct vp_xml *x = arg;

	(void)name, (void)prefix, (void)uri;
	if (x->stopped)
		return;
	if (x->in_scalar)
		end_scalar(x);
	else if (x->xmldb)
		vp_xmldb_end(x);
	else
		vp_build_close(x->b);
}

/* Between elements it is a line break and many spaces, mostly. */
static bool is_blank(const xmlChar *text, int len)
{
	int i = 0;

	while (i < len && (text[i] == '\n' || text[i] == ' ' || text[i] == '\t' || text[i] == '\r')) {
		i++;
		while (len - i >= 8 && !memcmp(text + i, "        ", 8))
			i += 8;
	}
	return i >= len;
}

static void on_text(void *arg, const xmlChar *text, int len)
{
	struct vp_xml *x = arg;

	if (x->stopped)
		return;
	if (x->in_scalar)
		vp_buf_add(&x->text, text, (size_t)len);
	else if (!is_blank(text, len) && x->xmldb)
		vp_xmldb_text(x, (const char *)text, (size_t)len);
	else if (!is_blank(text, len))
		vp_xml_stop(x, "text outside of a value");
}

static void on_doctype(void *arg, const xmlChar *name, const xmlChar *public_id, const xmlChar *system_id)
{
	(void)name, (void)public_id, (void)system_id;
	vp_xml_stop(arg, "a profile has no DOCTYPE");
}

static void on_error(void *arg, xmlErrorPtr e)
{
	struct vp_xml *x = arg;
	size_t len = e->message ? strcspn(e->message, "\n") : 0;

	if (e->level == XML_ERR_WARNING || x->stopped || e->code == XML_ERR_USER_STOP)
		return;
	x->stopped = true;
	vp_build_fail(x->b, VP_E_SYNTAX, e->line > 0 ? (unsigned)e->line : vp_xml_line(x), "%.*s", (int)len, e->message ? e->message : "");
}

struct source {
	const char *data;
	size_t len;
};

/* Piece by piece: from memory as a whole, libxml2 would read a copy of all. */
static int more(void *arg, char *out, int max)
{
	struct source *s = arg;
	size_t n = s->len < (size_t)max ? s->len : (size_t)max;

	memcpy(out, s->data, n);
	s->data += n;
	s->len -= n;
	return (int)n;
}

void vp_xml_read(struct vp_builder *b, const char *data, size_t len)
{
	struct vp_xml x = { .b = b };
	struct source source = { .data = data, .len = len };
	xmlStructuredErrorFunc others = xmlStructuredError;
	void *others_arg = xmlStructuredErrorContext;
	xmlParserCtxtPtr ctxt;

	xmlInitParser();
	x.ctxt = ctxt = xmlCreateIOParserCtxt(NULL, NULL, more, NULL, &source, XML_CHAR_ENCODING_NONE);
	if (!ctxt) {
		vp_build_fail(b, VP_E_SYNTAX, 1, "libxml2 cannot read this");
		return;
	}
	/*
	 * HUGE only lifts libxml2's own limits; ours are lower where it matters. The bytes are UTF-8, whatever they declare. Without NOENT an "&amp;"
	 * in an attribute would stay "&#38;"; without a DOCTYPE there is no other entity.
	 */
	xmlCtxtUseOptions(ctxt, XML_PARSE_NONET | XML_PARSE_HUGE | XML_PARSE_IGNORE_ENC | XML_PARSE_NOENT);
	*ctxt->sax = (xmlSAXHandler){
		.initialized = XML_SAX2_MAGIC,
		.startElementNs = on_start,
		.endElementNs = on_end,
		.characters = on_text,
		/* The same function: then libxml2 does not try to find out which blanks matter. */
		.ignorableWhitespace = on_text,
		.cdataBlock = on_text,
		.internalSubset = on_doctype,
		.serror = on_error,
	};
	ctxt->userData = &x;
	learn_names(&x, ctxt->dict);
	/* What libxml2 cannot tie to a parser would go to stderr. */
	xmlSetStructuredErrorFunc(&x, on_error);
	xmlParseDocument(ctxt);
	xmlSetStructuredErrorFunc(others_arg, others);
	if (!b->errors && (!b->root || b->depth))
		vp_build_fail(b, VP_E_SYNTAX, vp_xml_line(&x), "the profile ends early");
	xmlFreeParserCtxt(ctxt);
	vp_buf_free(&x.text);
}
