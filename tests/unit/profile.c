// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "../../provision/profile/build.h"

struct world {
	struct vp_arena *a;
	struct vp_diags diags;
};

static int setup(void **state)
{
	struct world *w = vp_xcalloc(1, sizeof(*w));

	w->a = vp_arena_new();
	w->diags.arena = w->a;
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	vp_diags_free(&w->diags);
	vp_arena_free(w->a);
	free(w);
	return 0;
}

static struct vp_profile *parse(struct world *w, const char *text)
{
	return vp_profile_parse(w->a, "t", text, strlen(text), &w->diags);
}

static const char *in_tree(const char *path)
{
	static char full[4096];
	const char *top = getenv("VP_TOP");

	snprintf(full, sizeof(full), "%s/%s", top ? top : ".", path);
	return full;
}

static const char *shared(void)
{
	const char *dir = getenv("VP_SHARED");

	return dir ? dir : in_tree("../shared");
}

/* Types, keys, texts and order; lines only where asked for. */
static void assert_equal_trees(const struct vp_val *x, const struct vp_val *y)
{
	assert_int_equal(x->type, y->type);
	assert_int_equal(x->index, y->index);
	assert_int_equal(!x->key, !y->key);
	if (x->key)
		assert_string_equal(x->key, y->key);
	if (x->type >= VP_STRING) {
		assert_int_equal(x->len, y->len);
		assert_memory_equal(x->text, y->text, x->len + 1);
		return;
	}
	for (x = x->child, y = y->child; x && y; x = x->next, y = y->next)
		assert_equal_trees(x, y);
	assert_ptr_equal(x, y);
}

static struct world *walk_world;
static unsigned pairs;

static int compare_pair(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	size_t len = strlen(path);
	const char *json;
	struct vp_profile *x, *j;

	(void)st, (void)ftw;
	if (type != FTW_F || len < 4 || strcmp(path + len - 4, ".xml"))
		return 0;
	json = vp_printf(walk_world->a, "%.*s.json", (int)(len - 4), path);
	if (access(json, R_OK))
		return 0;
	x = vp_profile_read(walk_world->a, path, &walk_world->diags);
	j = vp_profile_read(walk_world->a, json, &walk_world->diags);
	if (!x || !j) {
		vp_diags_print(&walk_world->diags, stderr);
		print_message("%s cannot be read\n", path);
		return -1;
	}
	assert_equal_trees(x->root, j->root);
	pairs++;
	return 0;
}

static void xml_and_json_of_real_profiles_are_one_tree(void **state)
{
	char dir[5000];

	walk_world = *state;
	snprintf(dir, sizeof(dir), "%s/profiles", shared());
	if (access(dir, R_OK)) {
		print_message("skipped: no sample profiles at %s (set VP_SHARED)\n", dir);
		skip();
	}
	assert_int_equal(nftw(dir, compare_pair, 20, FTW_PHYS), 0);
	assert_int_equal(walk_world->diags.n, 0);
	assert_true(pairs > 50);
}

static void gzip_is_the_same_tree(void **state)
{
	struct world *w = *state;
	struct vp_profile *plain = vp_profile_read(w->a, in_tree("profiles/quickstart.xml"), &w->diags), *p;
	vp_cleanup(vp_buf_free) struct vp_buf data = { 0 };
	char packed[8192];
	z_stream z = { 0 };

	assert_non_null(plain);
	assert_int_equal(vp_read_file(in_tree("profiles/quickstart.xml"), 1 << 20, &data, NULL), 0);
	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = (unsigned char *)data.data;
	z.avail_in = (unsigned)data.len;
	z.next_out = (unsigned char *)packed;
	z.avail_out = sizeof(packed);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	p = vp_profile_parse(w->a, "gz", packed, z.total_out, &w->diags);
	assert_non_null(p);
	assert_equal_trees(plain->root, p->root);
	/* Cut anywhere: an error, never a crash or a tree. */
	for (size_t n = 2; n < z.total_out; n++)
		assert_null(vp_profile_parse(w->a, "gz", packed, n, &w->diags));
	deflateEnd(&z);
}

static void quickstart_pair_is_one_tree(void **state)
{
	struct world *w = *state;
	const char *xml = vp_strdup(w->a, in_tree("profiles/quickstart.xml"));
	struct vp_profile *x = vp_profile_read(w->a, xml, &w->diags), *j = vp_profile_read(w->a, in_tree("profiles/quickstart.json"), &w->diags);
	const struct vp_val *a, *b;

	assert_non_null(x);
	assert_non_null(j);
	assert_int_equal(strlen(x->digest), 64);
	assert_string_not_equal(x->digest, j->digest);
	/* Written in the order of people, so only values are compared. */
	a = vp_get(x->root, "/system/vprov/verify/disk_mib");
	b = vp_get(j->root, "/system/vprov/verify/disk_mib");
	assert_equal_trees(a, b);
	assert_equal_trees(vp_get(x->root, "/system"), vp_get(j->root, "/system"));
	assert_equal_trees(vp_get(x->root, "/hardware/cpu"), vp_get(j->root, "/hardware/cpu"));
}

static void lines_paths_and_lookup(void **state)
{
	struct world *w = *state;
	const char *const texts[] = {
		"<?xml version=\"1.0\"?>\n<nlist format=\"pan\" name=\"profile\">\n<nlist name=\"a\">\n<list name=\"l\">\n<long>1</long>\n"
		"<nlist><string name=\"k\">v\nw</string>\n</nlist></list></nlist><boolean name=\"b\">true</boolean></nlist>",
		"\n{ \"a\":\n {\n \"l\": [\n1,\n{\"k\": \"v\\nw\" \n}\n]}\n, \"b\":true}",
	};

	for (size_t i = 0; i < vp_count(texts); i++) {
		struct vp_profile *p = parse(w, texts[i]);
		const struct vp_val *v;

		assert_non_null(p);
		assert_int_equal(vp_get(p->root, "/a/l")->line, 4);
		assert_int_equal(vp_get(p->root, "/a/l/0")->line, 5);
		v = vp_get(p->root, "/a/l/1/k");
		assert_int_equal(v->line, 6);
		assert_string_equal(v->text, "v\nw");
		assert_string_equal(vp_path_of(w->a, v), "/a/l/1/k");
		assert_int_equal(vp_get(p->root, "/b")->type, VP_BOOL);
		assert_string_equal(vp_path_of(w->a, p->root), "/");
		assert_ptr_equal(vp_get(p->root, "/"), p->root);
		assert_null(vp_get(p->root, "/a/l/2"));
		assert_null(vp_get(p->root, "/a/l/-1"));
		assert_null(vp_get(p->root, "/a/l/99999999999999999999"));
		assert_null(vp_get(p->root, "/b/x"));
		assert_null(vp_get(p->root, "/a/"
					    "ll"));
	}
}

static void values_keep_their_text_and_type(void **state)
{
	struct world *w = *state;
	struct vp_profile *j =
		parse(w, "{\"l\":-12,\"d\":1.0E10,\"e\":1e5,\"s\":\"\\u0026\\u20ac\\ud83d\\ude00\\u0000x\",\"n\":{},\"a\":[],\"z\":\"\"}");
	struct vp_profile *x =
		parse(w, "<nlist><long name=\"l\">-12</long><double name=\"d\">1.0E10</double><double name=\"e\">1e5</double>"
			 "<string name=\"s\" encoding=\"base64\">JuKCrPCf\nmIAAeA==</string><nlist name=\"n\"/><list name=\"a\" checksum=\"q\"/>"
			 "<string name=\"z\" type=\"link\"/></nlist>");

	assert_non_null(j);
	assert_non_null(x);
	assert_equal_trees(j->root, x->root);
	assert_int_equal(vp_get(j->root, "l")->type, VP_LONG);
	assert_int_equal(vp_get(j->root, "e")->type, VP_DOUBLE);
	assert_string_equal(vp_get(j->root, "d")->text, "1.0E10");
	assert_int_equal(vp_get(j->root, "s")->len, 10);
	x = parse(w, "<nlist><string name=\"s\"> a<![CDATA[<b>]]>&#13;&amp; <!-- c -->\n</string></nlist>");
	assert_non_null(x);
	assert_string_equal(vp_get(x->root, "s")->text, " a<b>\r& \n");
	x = parse(w, "<nlist><string name=\"s\" encoding=\"base64,gzip\">H4sIAAAAAAAAA8tIzcnJBwCGphA2BQAAAA==</string></nlist>");
	assert_non_null(x);
	assert_string_equal(vp_get(x->root, "s")->text, "hello");
}

static void unescape_is_pan_unescape(void **state)
{
	struct world *w = *state;
	static const char *const pairs_of[][2] = {
		{ "_2fdev_2fsda", "/dev/sda" },
		{ "_", "" },
		{ "cciss_2fc0d0", "cciss/c0d0" },
		{ "_30start", "0start" },
		{ "a_", "a_" },
		{ "a_2", "a_2" },
		{ "a_zz", "a_zz" },
		{ "_2F", "_2F" },
		{ "_5f_", "__" },
		{ "_00", "_00" },
	};

	for (size_t i = 0; i < vp_count(pairs_of); i++)
		assert_string_equal(vp_unescape(w->a, pairs_of[i][0]), pairs_of[i][1]);
}

struct bad {
	const char *text;
	enum vp_code code;
	unsigned line;
	const char *path, *message;
};

static const struct bad bad[] = {
	{ "", VP_E_SYNTAX, 1, "", "empty" },
	{ " \n\t\n", VP_E_SYNTAX, 1, "", "empty" },
	{ "\n\nhello", VP_E_SYNTAX, 3, "", "neither" },
	{ "\x7f\x45LF\x02\x01", VP_E_SYNTAX, 1, "", "neither" },
	{ "\x1f\x8bjunk", VP_E_SYNTAX, 0, "", "gzip" },
	/* XML */
	{ "<nlist>\n<nlist name=\"a\">\n", VP_E_SYNTAX, 3, "/a", "Premature end" },
	{ "<nlist>\n<nlist name=\"a\"></list></nlist>", VP_E_SYNTAX, 2, "/a", "mismatch" },
	{ "<nlist/><nlist/>", VP_E_SYNTAX, 1, "", "Extra content" },
	{ "<profile format=\"xmldb\"><a/></profile>", VP_E_SYNTAX, 1, "", "XMLDB" },
	{ "<profiles><profile mtime='1'>a.xml</profile></profiles>", VP_E_SYNTAX, 1, "", "list of profiles" },
	{ "<html></html>", VP_E_SYNTAX, 1, "", "<html>" },
	{ "<list/>", VP_E_SYNTAX, 1, "", "<list>" },
	{ "<nlist>\n<foo name=\"a\"/></nlist>", VP_E_SYNTAX, 2, "", "<foo>" },
	{ "<nlist>\n<string>a</string></nlist>", VP_E_SYNTAX, 2, "", "no name" },
	{ "<nlist><string name=\"a\">x\n<long name=\"b\">1</long></string></nlist>", VP_E_SYNTAX, 2, "", "inside" },
	{ "<?xml version=\"1.0\" encoding=\"UTF-16LE\"?>\n<nlist/>", VP_E_SYNTAX, 1, "", "" },
	{ "<?xml version=\"1.0\" encoding=\"US-ASCII\"?>\n<nlist><string name=\"a\">\xe9</string></nlist>", VP_E_SYNTAX, 2, "", "" },
	{ "<?xml version=\"1.0\" encoding=\"no-such-thing\"?>\n<nlist/>", VP_E_SYNTAX, 1, "", "no-such-thing" },
	{ "<nlist>\nhello</nlist>", VP_E_SYNTAX, 2, "", "outside" },
	{ "<!DOCTYPE nlist [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>\n<nlist><string name=\"a\">&e;</string></nlist>", VP_E_SYNTAX, 1, "",
	  "DOCTYPE" },
	{ "<nlist><string name=\"a\">&nope;</string></nlist>", VP_E_SYNTAX, 1, "", "nope" },
	{ "<nlist><string name=\"a\">\x01</string></nlist>", VP_E_SYNTAX, 1, "", "invalid Char" },
	{ "<nlist><string name=\"a\" encoding=\"base64\">####</string></nlist>", VP_E_SYNTAX, 1, "", "base64" },
	{ "<nlist><string name=\"a\" encoding=\"base64\">/w==</string></nlist>", VP_E_SYNTAX, 1, "", "UTF-8" },
	{ "<nlist><string name=\"a\" encoding=\"rot13\">x</string></nlist>", VP_E_SYNTAX, 1, "", "encoding" },
	{ "<nlist><nlist name=\"x\">\n<long name=\"a\">1.5</long></nlist></nlist>", VP_E_TYPE, 2, "/x/a", "1.5" },
	{ "<nlist><long name=\"a\">9223372036854775808</long></nlist>", VP_E_TYPE, 1, "/a", "64 bits" },
	{ "<nlist><long name=\"a\"/></nlist>", VP_E_TYPE, 1, "/a", "whole number" },
	{ "<nlist><double name=\"a\">x</double></nlist>", VP_E_TYPE, 1, "/a", "number" },
	{ "<nlist><boolean name=\"a\">yes</boolean></nlist>", VP_E_TYPE, 1, "/a", "true" },
	{ "<nlist><long name=\"b\">1</long>\n<long name=\"a\">1</long>\n<string name=\"b\"/></nlist>", VP_E_SYNTAX, 3, "/b", "twice" },
	{ "<nlist><long name=\"\">1</long></nlist>", VP_E_SYNTAX, 1, "", "key" },
	{ "<nlist><long name=\"a/b\">1</long></nlist>", VP_E_SYNTAX, 1, "", "key" },
	/* JSON */
	{ "{\"a\":\n{\"b\":1", VP_E_SYNTAX, 2, "/a", "ends early" },
	{ "{\"a\":1}\n}", VP_E_SYNTAX, 2, "", "follows" },
	{ "{\"a\":1,}", VP_E_SYNTAX, 1, "", "key" },
	{ "{\"a\":[1,]}", VP_E_SYNTAX, 1, "/a", "no value" },
	{ "{\"a\" 1}", VP_E_SYNTAX, 1, "", "colon" },
	{ "{\"a\":1 \"b\":2}", VP_E_SYNTAX, 1, "", "comma" },
	{ "{a:1}", VP_E_SYNTAX, 1, "", "key" },
	{ "{\"a\":null}", VP_E_SYNTAX, 1, "", "null" },
	{ "{\"a\":NaN}", VP_E_SYNTAX, 1, "", "no value" },
	{ "{\"a\":tru}", VP_E_SYNTAX, 1, "", "no value" },
	{ "{\"a\":01}", VP_E_SYNTAX, 1, "", "begins with 0" },
	{ "{\"a\":-}", VP_E_SYNTAX, 1, "", "no value" },
	{ "{\"a\":1.}", VP_E_SYNTAX, 1, "", "point" },
	{ "{\"a\":1e}", VP_E_SYNTAX, 1, "", "exponent" },
	{ "{\"a\":\"x\ny\"}", VP_E_SYNTAX, 1, "", "line break" },
	{ "{\"a\":\"\\q\"}", VP_E_SYNTAX, 1, "", "escape" },
	{ "{\"a\":\"\\ud800\"}", VP_E_SYNTAX, 1, "", "surrogate" },
	{ "{\"a\":\"\\udc00\"}", VP_E_SYNTAX, 1, "", "escape" },
	{ "{\"a\":\"\\u12g4\"}", VP_E_SYNTAX, 1, "", "escape" },
	{ "{\"a\\u0000b\":1}", VP_E_SYNTAX, 1, "", "NUL" },
	{ "{\"a\":1,\n\"c\":2,\n\"a\":3}", VP_E_SYNTAX, 3, "/a", "twice" },
	{ "{\"a\":99999999999999999999}", VP_E_TYPE, 1, "/a", "64 bits" },
	{ "{'a':1}", VP_E_SYNTAX, 1, "", "key" },
	{ "{/* c */}", VP_E_SYNTAX, 1, "", "key" },
};

static void bad_input_gets_one_clear_diagnostic(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < vp_count(bad); i++) {
		const struct bad *b = &bad[i];
		const struct vp_diag *d;

		w->diags.n = 0;
		if (parse(w, b->text))
			fail_msg("accepted: %s", b->text);
		if (w->diags.n != 1)
			vp_diags_print(&w->diags, stderr);
		assert_int_equal(w->diags.n, 1);
		d = &w->diags.items[0];
		if (d->code != b->code || d->line != b->line || strcmp(d->path, b->path) || !strstr(d->message, b->message) || !*d->message)
			fail_msg("%s\n gave %s line %u path \"%s\": %s", b->text, vp_code_text(d->code), d->line, d->path, d->message);
	}
}

/* n levels of lists in one dict, in either format. */
static struct vp_profile *nested(struct world *w, bool xml, unsigned n)
{
	vp_cleanup(vp_buf_free) struct vp_buf b = { 0 };

	vp_buf_adds(&b, xml ? "<nlist><list name=\"a\">" : "{\"a\":[");
	for (unsigned i = 0; i < n; i++)
		vp_buf_adds(&b, xml ? "<list>" : "[");
	for (unsigned i = 0; i < n; i++)
		vp_buf_adds(&b, xml ? "</list>" : "]");
	vp_buf_adds(&b, xml ? "</list></nlist>" : "]}");
	return vp_profile_parse(w->a, "nested", b.data, b.len, &w->diags);
}

static void assert_limit(struct world *w)
{
	assert_int_equal(w->diags.n, 1);
	assert_int_equal(w->diags.items[0].code, VP_E_LIMIT);
	w->diags.n = 0;
}

static void depth_is_limited(void **state)
{
	struct world *w = *state;

	for (int xml = 0; xml < 2; xml++) {
		assert_non_null(nested(w, xml, VP_MAX_DEPTH - 2));
		assert_null(nested(w, xml, VP_MAX_DEPTH - 1));
		assert_limit(w);
		assert_null(nested(w, xml, 100000));
		assert_limit(w);
	}
}

/* A list of n numbers: n + 2 values. */
static struct vp_profile *many(struct world *w, size_t n)
{
	vp_cleanup(vp_buf_free) struct vp_buf b = { 0 };

	vp_buf_adds(&b, "{\"a\":[");
	for (size_t i = 0; i < n; i++)
		vp_buf_adds(&b, i ? ",0" : "0");
	vp_buf_adds(&b, "]}");
	return vp_profile_parse(w->a, "many", b.data, b.len, &w->diags);
}

static void values_are_limited(void **state)
{
	struct world *w = *state;

	assert_non_null(many(w, VP_MAX_VALUES - 2));
	assert_null(many(w, VP_MAX_VALUES - 1));
	assert_limit(w);
}

static void size_is_limited(void **state)
{
	struct world *w = *state;
	vp_cleanup(vp_buf_free) struct vp_buf bomb = { 0 };
	static char block[65536];
	size_t n = VP_MAX_PROFILE + 1;
	char *text = vp_xcalloc(n + 1, 1);
	z_stream z = { 0 };

	memset(text, ' ', n);
	text[0] = '{';
	text[1] = '}';
	assert_non_null(vp_profile_parse(w->a, "big", text, n - 1, &w->diags));
	assert_null(vp_profile_parse(w->a, "big", text, n, &w->diags));
	assert_limit(w);
	/* The same packed: small on disk, too large inflated. */
	assert_int_equal(deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = (unsigned char *)text;
	z.avail_in = (unsigned)n;
	do {
		z.next_out = (unsigned char *)block;
		z.avail_out = sizeof(block);
		assert_int_not_equal(deflate(&z, Z_FINISH), Z_STREAM_ERROR);
		vp_buf_add(&bomb, block, sizeof(block) - z.avail_out);
	} while (!z.avail_out);
	deflateEnd(&z);
	free(text);
	assert_true(bomb.len < VP_MAX_PROFILE / 100);
	assert_null(vp_profile_parse(w->a, "bomb", bomb.data, bomb.len, &w->diags));
	assert_limit(w);
}

static void long_strings_are_no_problem(void **state)
{
	struct world *w = *state;
	size_t n = 20u << 20;
	vp_cleanup(vp_buf_free) struct vp_buf b = { 0 };
	char *text = vp_xcalloc(n + 1, 1);

	memset(text, 'x', n);
	vp_buf_addf(&b, "<nlist><string name=\"a\">%s</string></nlist>", text);
	free(text);
	assert_int_equal(vp_get(vp_profile_parse(w->a, "long", b.data, b.len, &w->diags)->root, "a")->len, n);
}

/* What the .gz writers of the compiler do in a C locale. */
static void latin1_is_read_with_a_warning(void **state)
{
	struct world *w = *state;
	static const char *const texts[] = {
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<nlist><string name=\"s\">h\xe9llo</string></nlist>",
		"{\n\"s\":\"h\xe9llo\"}",
	};

	for (size_t i = 0; i < vp_count(texts); i++) {
		struct vp_profile *p = parse(w, texts[i]);

		assert_non_null(p);
		assert_string_equal(vp_get(p->root, "s")->text, "h\xc3\xa9llo");
		assert_int_equal(w->diags.n, i + 1);
		assert_int_equal(w->diags.items[i].severity, VP_WARNING);
		assert_int_equal(w->diags.items[i].line, 2);
	}
	assert_int_equal(w->diags.errors, 0);
	/* A declared encoding is converted, and no reason for a warning. */
	assert_string_equal(
		vp_get(parse(w, "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><nlist><string name=\"s\">\xe9</string></nlist>")->root, "s")->text,
		"\xc3\xa9");
	assert_int_equal(w->diags.n, 2);
	assert_non_null(parse(w, "\xef\xbb\xbf{}"));
}

static void utf8_is_checked_to_the_letter(void **state)
{
	static const struct {
		const char *text;
		size_t valid;
	} cases[] = {
		{ "abc", 3 },
		{ "\xc3\xa9", 2 },
		{ "\xc0\x80", 0 },
		{ "\xc1\xbf", 0 },
		{ "a\xe0\x9f\xbf", 1 },
		{ "\xed\xa0\x80", 0 },
		{ "\xf0\x9f\x98\x80", 4 },
		{ "\xf0\x8f\xbf\xbf", 0 },
		{ "\xf4\x90\x80\x80", 0 },
		{ "\xf5\x80\x80\x80", 0 },
		{ "\xe2\x82", 0 },
		{ "\x80", 0 },
	};

	(void)state;
	for (size_t i = 0; i < vp_count(cases); i++)
		assert_int_equal(vp_utf8_valid(cases[i].text, strlen(cases[i].text)), cases[i].valid);
}

static void diagnostics_are_sorted_counted_and_harmless(void **state)
{
	struct world *w = *state;
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	vp_diag(&w->diags, VP_ERROR, VP_E_VALUE, "b", 3, "/p", "second\x1b[31m\xc2\x9b \xff");
	vp_diag(&w->diags, VP_WARNING, VP_E_ODD, "b", 2, "/q", "first");
	vp_diag(&w->diags, VP_NOTE, VP_E_ODD, "a", 9, "", "zeroth");
	vp_diags_print(&w->diags, f);
	fclose(f);
	assert_string_equal(text, "a:9: note: zeroth [VP-P10]\nb:2: warning: /q: first [VP-P10]\n"
				  "b:3: error: /p: second?[31m?? ? [VP-P05]\n1 error, 1 warning\n");
	free(text);
	for (unsigned i = 0; i < VP_MAX_DIAGS; i++)
		vp_diag(&w->diags, VP_ERROR, VP_E_VALUE, "c", i, "", "again");
	assert_int_equal(w->diags.n, VP_MAX_DIAGS);
	assert_int_equal(w->diags.dropped, 3);
	assert_int_equal(w->diags.errors, VP_MAX_DIAGS + 1);
}

static void unreadable_files(void **state)
{
	struct world *w = *state;

	assert_null(vp_profile_read(w->a, "/nonexistent/x.xml", &w->diags));
	assert_int_equal(w->diags.items[0].code, VP_E_READ);
	assert_string_equal(w->diags.items[0].file, "/nonexistent/x.xml");
	assert_string_equal(w->diags.items[0].message, "No such file or directory");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(xml_and_json_of_real_profiles_are_one_tree),
		TEST(gzip_is_the_same_tree),
		TEST(quickstart_pair_is_one_tree),
		TEST(lines_paths_and_lookup),
		TEST(values_keep_their_text_and_type),
		TEST(unescape_is_pan_unescape),
		TEST(bad_input_gets_one_clear_diagnostic),
		TEST(depth_is_limited),
		TEST(values_are_limited),
		TEST(size_is_limited),
		TEST(long_strings_are_no_problem),
		TEST(latin1_is_read_with_a_warning),
		TEST(utf8_is_checked_to_the_letter),
		TEST(diagnostics_are_sorted_counted_and_harmless),
		TEST(unreadable_files),
	};

	return cmocka_run_group_tests_name("profile", tests, NULL, NULL);
}
