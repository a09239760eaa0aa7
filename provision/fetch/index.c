// SPDX-License-Identifier: Apache-2.0
/* profiles-info.xml: <profiles><profile mtime='N'>FILE</profile>...</profiles> */
#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <string.h>

#include "../profile/build.h"
#include "inside.h"

#define MAX_ENTRY 500
/* Milliseconds since 1970 are above this, seconds below, for some thousand years. */
#define LEAST_MS 100000000000u

struct index {
	struct vp_arena *a;
	const char *label;
	struct vp_listing *out;
	struct vp_diags *diags;
	struct vp_err *err;
	xmlParserCtxtPtr ctxt;
	unsigned depth;
	/* Between <profile> and </profile>. */
	bool inside;
	uint64_t mtime;
	struct vp_buf text;
	bool stopped;
};

static unsigned line_of(const struct index *x)
{
	return x->ctxt->input ? (unsigned)x->ctxt->input->line : 0;
}

/* Not from on_error(): libxml2 may be in the middle of changing its input there. */
static void stop(struct index *x, const char *why)
{
	if (!x->stopped)
		vp_fail(x->err, VP_E_SYNTAX, "%s:%u: %s", x->label, line_of(x), why);
	x->stopped = true;
	xmlStopParser(x->ctxt);
}

static uint64_t mtime_of(const struct index *x, const xmlChar **attributes, int n)
{
	uint64_t value = 0;

	for (int i = 0; i < n; i++, attributes += 5)
		if (!strcmp((const char *)attributes[0], "mtime"))
			vp_parse_u64(vp_printf(x->a, "%.*s", (int)(attributes[4] - attributes[3]), (const char *)attributes[3]), 0, INT64_MAX / 1000,
				     &value);
	return value > LEAST_MS ? value : 1000 * value;
}

static void on_start(void *arg, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri, int nspaces, const xmlChar **spaces, int nattributes,
		     int ndefaults, const xmlChar **attributes)
{
	struct index *x = arg;

	(void)prefix, (void)uri, (void)nspaces, (void)spaces, (void)ndefaults;
	if (x->stopped)
		return;
	if (!x->depth++) {
		if (strcmp((const char *)name, "profiles") != 0)
			stop(x, vp_printf(x->a, "a list of profiles begins with <profiles>, not with <%.60s>", (const char *)name));
		return;
	}
	x->inside = x->depth == 2 && !strcmp((const char *)name, "profile");
	x->text.len = 0;
	x->mtime = x->inside ? mtime_of(x, attributes, nattributes) : 0;
}

static void on_text(void *arg, const xmlChar *text, int len)
{
	struct index *x = arg;

	if (!x->stopped && x->inside && x->text.len <= MAX_ENTRY)
		vp_buf_add(&x->text, text, (size_t)len);
}

/* NULL, or why it is not taken. */
static const char *what_is_wrong(const char *name)
{
	if (strlen(name) > MAX_ENTRY)
		return "is too long for a name";
	if (name[0] == '/' || strchr(name, '\\'))
		return "is not below the directory of the list";
	for (const char *part = name; part; part = strchr(part, '/')) {
		part += *part == '/';
		if (!strncmp(part, "..", 2) && (part[2] == '/' || !part[2]))
			return "leads out of the directory of the list";
	}
	for (const char *c = name; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return "has control characters";
	return NULL;
}

static void take(struct index *x)
{
	char *name = vp_strdup(x->a, vp_buf_str(&x->text)), *end;
	const char *wrong;

	name += strspn(name, " \t\r\n");
	end = name + strlen(name);
	while (end > name && strchr(" \t\r\n", end[-1]))
		*--end = '\0';
	wrong = what_is_wrong(name);
	if (wrong)
		vp_diag(x->diags, VP_WARNING, VP_E_ODD, x->label, line_of(x), "", "\"%s\" %s: not taken", vp_printable(x->a, name, 100), wrong);
	else if (x->out->n == VP_MAX_NODES)
		stop(x, vp_printf(x->a, "more than %d profiles", VP_MAX_NODES));
	else
		vp_list_add(x->a, x->out, name, x->mtime);
}

static void on_end(void *arg, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
	struct index *x = arg;

	(void)name, (void)prefix, (void)uri;
	if (x->stopped)
		return;
	if (x->inside && x->depth == 2)
		take(x);
	x->depth--;
	x->inside = false;
}

static void on_doctype(void *arg, const xmlChar *name, const xmlChar *public_id, const xmlChar *system_id)
{
	(void)name, (void)public_id, (void)system_id;
	stop(arg, "a list of profiles has no DOCTYPE");
}

static void on_error(void *arg, xmlErrorPtr e)
{
	struct index *x = arg;
	size_t len = e->message ? strcspn(e->message, "\n") : 0;

	if (e->level == XML_ERR_WARNING || x->stopped || e->code == XML_ERR_USER_STOP)
		return;
	x->stopped = true;
	vp_fail(x->err, VP_E_SYNTAX, "%s:%d: %.*s", x->label, e->line, (int)len, e->message ? e->message : "");
}

static int parse(struct index *x, const char *data, size_t len)
{
	xmlStructuredErrorFunc others = xmlStructuredError;
	void *others_arg = xmlStructuredErrorContext;

	xmlInitParser();
	x->ctxt = xmlCreateMemoryParserCtxt(data, (int)len);
	if (!x->ctxt)
		return vp_fail(x->err, VP_E_SYNTAX, "%s: the file is empty", x->label);
	xmlCtxtUseOptions(x->ctxt, XML_PARSE_NONET);
	*x->ctxt->sax = (xmlSAXHandler){
		.initialized = XML_SAX2_MAGIC,
		.startElementNs = on_start,
		.endElementNs = on_end,
		.characters = on_text,
		.cdataBlock = on_text,
		.internalSubset = on_doctype,
		.serror = on_error,
	};
	x->ctxt->userData = x;
	/* What libxml2 cannot tie to a parser (conversion of encodings) would go to stderr. */
	xmlSetStructuredErrorFunc(x, on_error);
	xmlParseDocument(x->ctxt);
	xmlSetStructuredErrorFunc(others_arg, others);
	xmlFreeParserCtxt(x->ctxt);
	vp_buf_free(&x->text);
	if (!x->stopped && x->depth)
		return vp_fail(x->err, VP_E_SYNTAX, "%s: the list ends early", x->label);
	return x->stopped ? -1 : 0;
}

int vp_index_read(struct vp_arena *a, const char *label, const void *data, size_t len, struct vp_listing *out, struct vp_diags *diags,
		  struct vp_err *err)
{
	struct index x = { .a = a, .label = label, .out = out, .diags = diags, .err = err };
	vp_cleanup(vp_buf_free) struct vp_buf plain = { 0 };
	const char *wrong = NULL;
	bool limit;

	if (len > 1 && !memcmp(data, "\x1f\x8b", 2))
		wrong = vp_inflate(data, len, VP_MAX_INDEX, &plain, &limit);
	else
		vp_buf_add(&plain, data, len);
	if (wrong)
		return vp_fail(err, VP_E_SYNTAX, "%s: %s", label, wrong);
	if (parse(&x, vp_buf_str(&plain), plain.len))
		return -1;
	vp_list_finish(out);
	return 0;
}
