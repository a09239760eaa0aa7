// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <ftw.h>
#include <libxml/parser.h>
#include <nettle/base64.h>
#include <stdlib.h>
#include <string.h>
#include <uchar.h>
#include <unistd.h>
#include <zlib.h>

#include "../../provision/profile/build.h"
#include "file.h"

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
static unsigned pairs[5];

/* A pan XML file and whatever else the compiler wrote of the same tree. */
static int compare_pair(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	static const char *const others[] = { "%.*s/%s.json", "%.*s/%s.json.gz", "%.*s/%s.xml.gz", "%.*s/gz/%s.json.gz", "%.*s/gz/%s.xml.gz" };
	size_t len = strlen(path);
	struct vp_profile *x = NULL;

	(void)st;
	if (type != FTW_F || len < 4 || strcmp(path + len - 4, ".xml"))
		return 0;
	for (size_t i = 0; i < vp_count(others); i++) {
		struct world *w = walk_world;
		const char *stem = vp_printf(w->a, "%.*s", (int)(len - 4 - (size_t)ftw->base), path + ftw->base);
		const char *other = vp_printf(w->a, others[i], ftw->base - 1, path, stem);
		struct vp_profile *y;

		if (access(other, R_OK))
			continue;
		x = x ? x : read_profile(w->a, path, &w->diags);
		y = read_profile(w->a, other, &w->diags);
		if (!x || !y) {
			vp_diags_print(&w->diags, stderr);
			print_message("%s cannot be read\n", other);
			return -1;
		}
		assert_equal_trees(x->root, y->root);
		pairs[i]++;
	}
	return 0;
}

static void all_formats_of_real_profiles_are_one_tree(void **state)
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
	assert_true(pairs[0] > 50);
	for (size_t i = 1; i < vp_count(pairs); i++)
		assert_true(pairs[i] > 1);
}

static struct vp_buf gzip(const void *data, size_t len)
{
	static unsigned char block[65536];
	struct vp_buf out = { 0 };
	z_stream z = { .next_in = (unsigned char *)(uintptr_t)data, .avail_in = (unsigned)len };

	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	do {
		z.next_out = block;
		z.avail_out = sizeof(block);
		assert_int_not_equal(deflate(&z, Z_FINISH), Z_STREAM_ERROR);
		vp_buf_add(&out, block, sizeof(block) - z.avail_out);
	} while (!z.avail_out);
	deflateEnd(&z);
	return out;
}

static void gzip_is_the_same_tree(void **state)
{
	struct world *w = *state;
	struct vp_profile *plain = read_profile(w->a, in_tree("profiles/quickstart.xml"), &w->diags), *p;
	vp_cleanup(vp_buf_free) struct vp_buf data = { 0 }, packed = { 0 };

	assert_non_null(plain);
	assert_int_equal(vp_read_file(in_tree("profiles/quickstart.xml"), 1 << 20, &data, NULL), 0);
	packed = gzip(data.data, data.len);
	p = vp_profile_parse(w->a, "gz", packed.data, packed.len, &w->diags);
	assert_non_null(p);
	assert_equal_trees(plain->root, p->root);
	/* Cut anywhere: an error, never a crash or a tree. */
	for (size_t n = 2; n < packed.len; n++)
		assert_null(vp_profile_parse(w->a, "gz", packed.data, n, &w->diags));
}

static void quickstart_pair_is_one_tree(void **state)
{
	struct world *w = *state;
	const char *xml = vp_strdup(w->a, in_tree("profiles/quickstart.xml"));
	struct vp_profile *x = read_profile(w->a, xml, &w->diags), *j = read_profile(w->a, in_tree("profiles/quickstart.json"), &w->diags);
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

/* Everything that the old formatter writes, by hand: nested lists, keys that are no names, encodings, decoration. */
static void xmldb_is_the_same_tree(void **state)
{
	struct world *w = *state;
	struct vp_profile *d =
		parse(w, "<?xml version=\"1.0\"?>\n<profile format=\"xmldb\"><!-- c -->\n"
			 "<_786d6c666f6f type=\"long\" unencoded=\"xmlfoo\">-12</_786d6c666f6f>\n"
			 "<_31 unencoded=\"1\" type=\"string\" list=\"1\">&lt;a<![CDATA[<b>]]></_31><!-- c --><_31 unencoded=\"1\" type=\"boolean\" "
			 "list=\"1\">true</_31>"
			 "<l list=\"1\">\n<l list=\"2\" type=\"double\">1.0E10</l><l list=\"2\"><l list=\"3\" type=\"string\"/></l></l>"
			 "<l list=\"1\"><l list=\"1\" type=\"string\" encoding=\"base64\">AQ==</l></l>\n<l list=\"1\" checksum=\"q\" acl=\"r\"/>"
			 "<m list=\"1\" type=\"long\" derivation=\"x\">1</m><n type=\"nlist\"/></profile>");
	struct vp_profile *j =
		parse(w, "{\"xmlfoo\":-12,\"1\":[\"<a<b>\",true],\"l\":[[1.0E10,[\"\"]],{\"l\":[\"\\u0001\"]},{}],\"m\":[1],\"n\":{}}");

	assert_non_null(d);
	assert_non_null(j);
	assert_equal_trees(d->root, j->root);
	assert_int_equal(w->diags.n, 0);
	assert_int_equal(vp_get(d->root, "l/0/0")->line, 5);
	assert_non_null(parse(w, "<profile/>"));
	j = parse(w, "{\"a&<\\\"b\":\"&\"}");
	d = parse(w, "<profile><_61 unencoded=\"a&amp;&lt;&#34;b\" type=\"string\">&amp;</_61></profile>");
	assert_equal_trees(d->root, j->root);
	d = parse(w, "<nlist><string name=\"a&#38;&#x3c;&quot;b\">&#38;</string></nlist>");
	assert_equal_trees(d->root, j->root);
}

/* In pan order both, so that a list that is not there is seen at once. All that the format loses is lists without items. */
static void assert_equal_but_for_empty_lists(struct world *w, const struct vp_val *pan, const struct vp_val *xmldb, struct vp_buf *lost)
{
	const struct vp_val *y = xmldb->child;

	if (pan->type >= VP_STRING) {
		assert_equal_trees(pan, xmldb);
		return;
	}
	assert_int_equal(pan->type, xmldb->type);
	for (const struct vp_val *x = pan->child; x; x = x->next) {
		if (x->key && x->type == VP_LIST && !x->child && (!y || strcmp(x->key, y->key))) {
			vp_buf_addf(lost, "%s\n", vp_path_of(w->a, x));
			continue;
		}
		assert_non_null(y);
		assert_int_equal(!x->key, !y->key);
		if (x->key)
			assert_string_equal(x->key, y->key);
		if (x->type >= VP_STRING) {
			assert_int_equal(x->type, y->type);
			assert_int_equal(x->len, y->len);
			assert_memory_equal(x->text, y->text, x->len);
		} else {
			assert_equal_but_for_empty_lists(w, x, y, lost);
		}
		y = y->next;
	}
	assert_null(y);
}

static void xmldb_of_real_profiles_is_the_pan_tree(void **state)
{
	struct world *w = *state;
	static const struct {
		const char *name, *lost;
	} cases[] = {
		{ "cream",
		  "/software/components/gip2/ldifConfEntries/glite-ce-glue2.conf/CEParameters/Shares\n"
		  "/software/components/mkgridmap/entries/edg-mapfile/locals\n/software/components/nfs/mounts\n"
		  "/system/aii/osinstall/ks/bootdisk_order\n/system/aii/osinstall/ks/disabled_repos\n/system/aii/osinstall/ks/ignoredisk\n" },
		{ "se-dpm-disk",
		  "/software/components/mkgridmap/entries/edg-mapfile/locals\n/software/components/mkgridmap/entries/lcgdm-mapfile/locals\n"
		  "/system/aii/osinstall/ks/bootdisk_order\n/system/aii/osinstall/ks/disabled_repos\n/system/aii/osinstall/ks/ignoredisk\n" },
		{ "xen-guest", "/software/components/dirperm/paths\n/system/aii/osinstall/ks/bootdisk_order\n"
			       "/system/aii/osinstall/ks/disabled_repos\n/system/aii/osinstall/ks/ignoredisk\n" },
	};

	for (size_t i = 0; i < vp_count(cases); i++) {
		const char *dir = vp_printf(w->a, "%s/profiles/panc-8.2.8", shared());
		vp_cleanup(vp_buf_free) struct vp_buf lost = { 0 };
		struct vp_profile *pan, *xmldb;

		if (access(dir, R_OK)) {
			print_message("skipped: no sample profiles at %s (set VP_SHARED)\n", dir);
			skip();
		}
		pan = read_profile(w->a, vp_printf(w->a, "%s/pan/profile_%s.example.org.xml", dir, cases[i].name), &w->diags);
		xmldb = read_profile(w->a, vp_printf(w->a, "%s/xmldb/profile_%s.example.org.xml", dir, cases[i].name), &w->diags);
		assert_non_null(pan);
		assert_non_null(xmldb);
		assert_equal_but_for_empty_lists(w, pan->root, xmldb->root, &lost);
		assert_string_equal(vp_buf_str(&lost), cases[i].lost);
	}
	assert_int_equal(w->diags.n, 0);
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
	{ "<nlist format=\"xmldb\"/>", VP_E_SYNTAX, 1, "", "format=\"xmldb\": that of <nlist> is pan" },
	{ "<nlist><p:list xmlns:p=\"u\" name=\"a\"/></nlist>", VP_E_SYNTAX, 1, "", "<p:list>: a profile has no namespaces" },
	{ "<profiles><profile mtime='1'>a.xml</profile></profiles>", VP_E_SYNTAX, 1, "", "list of profiles" },
	{ "<html></html>", VP_E_SYNTAX, 1, "", "<html>" },
	{ "<list/>", VP_E_SYNTAX, 1, "", "<list>" },
	{ "<nlist>\n<foo name=\"a\"/></nlist>", VP_E_SYNTAX, 2, "", "<foo>" },
	{ "<nlist>\n<string>a</string></nlist>", VP_E_SYNTAX, 2, "", "no name" },
	{ "<nlist><string name=\"a\">x\n<long name=\"b\">1</long></string></nlist>", VP_E_SYNTAX, 2, "", "inside" },
	{ "<?xml version=\"1.0\" encoding=\"UTF-16LE\"?>\n<nlist/>", VP_E_SYNTAX, 1, "", "\"UTF-16LE\", which it does not have" },
	{ "<?xml version=\"1.0\" encoding=\"no-such-thing\"?>\n<nlist/>", VP_E_SYNTAX, 1, "", "no-such-thing" },
	{ "<nlist>\nhello</nlist>", VP_E_SYNTAX, 2, "", "outside" },
	{ "<!DOCTYPE nlist [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>\n<nlist><string name=\"a\">&e;</string></nlist>", VP_E_SYNTAX, 1, "",
	  "DOCTYPE" },
	{ "<nlist><string name=\"a\">&nope;</string></nlist>", VP_E_SYNTAX, 1, "", "nope" },
	{ "<nlist><string name=\"a\">\x01</string></nlist>", VP_E_SYNTAX, 1, "", "invalid Char" },
	{ "<nlist><string name=\"a\" encoding=\"base64\">####</string></nlist>", VP_E_SYNTAX, 1, "/a", "base64" },
	{ "<nlist><string name=\"a\" encoding=\"base64,gzip\">AAAA</string></nlist>", VP_E_SYNTAX, 1, "/a", "gzip" },
	{ "<nlist><string name=\"a\" encoding=\"rot13\">x</string></nlist>", VP_E_SYNTAX, 1, "", "encoding" },
	{ "<nlist><nlist name=\"x\">\n<long name=\"a\">1.5</long></nlist></nlist>", VP_E_TYPE, 2, "/x/a", "1.5" },
	{ "<nlist><long name=\"a\">9223372036854775808</long></nlist>", VP_E_TYPE, 1, "/a", "64 bits" },
	{ "<nlist><long name=\"a\"/></nlist>", VP_E_TYPE, 1, "/a", "whole number" },
	{ "<nlist><double name=\"a\">x</double></nlist>", VP_E_TYPE, 1, "/a", "number" },
	{ "<nlist><boolean name=\"a\">yes</boolean></nlist>", VP_E_TYPE, 1, "/a", "true" },
	{ "<nlist><long name=\"b\">1</long>\n<long name=\"a\">1</long>\n<string name=\"b\"/></nlist>", VP_E_SYNTAX, 3, "/b", "twice" },
	{ "<nlist><long name=\"\">1</long></nlist>", VP_E_SYNTAX, 1, "", "key" },
	{ "<nlist><long name=\"a/b\">1</long></nlist>", VP_E_SYNTAX, 1, "", "key" },
	/* XMLDB */
	{ "<profile format=\"pan\"/>", VP_E_SYNTAX, 1, "", "that of <profile> is xmldb" },
	{ "<profile>\n<a><size>\n 8192</size></a></profile>", VP_E_SYNTAX, 3, "/a/size",
	  "\"8192\" in <size>, which has no type: string, long, double or boolean, as in <size type=\"string\">" },
	{ "<profile>\n<a list=\"1\">x</a></profile>", VP_E_SYNTAX, 2, "/a/0", "\"x\" in <a>, which has no type" },
	{ "<profile>\nhello</profile>", VP_E_SYNTAX, 2, "", "text between elements: \"hello\"" },
	{ "<profile><a><b/>\nx</a></profile>", VP_E_SYNTAX, 2, "/a", "text between elements: \"x\"" },
	{ "<profile><a list=\"1\"/>x</profile>", VP_E_SYNTAX, 1, "/a", "text between elements: \"x\"" },
	{ "<profile>\n<a type=\"int\">1</a></profile>", VP_E_SYNTAX, 2, "", "<a type=\"int\">: the types are string" },
	{ "<profile>\n<a type=\"list\"/></profile>", VP_E_SYNTAX, 2, "", "a run of elements <a list=\"1\">" },
	{ "<profile><a list=\"0\"/></profile>", VP_E_SYNTAX, 1, "", "<a list=\"0\">: it is 1" },
	{ "<profile><a list=\"\"/></profile>", VP_E_SYNTAX, 1, "", "it is 1" },
	{ "<profile><a list=\"yes\"/></profile>", VP_E_SYNTAX, 1, "", "<a list=\"yes\">: it is 1" },
	{ "<profile><a list=\"99999999999999\"/></profile>", VP_E_SYNTAX, 1, "", "it is 1" },
	{ "<profile>\n<a list=\"2\" type=\"long\">1</a></profile>", VP_E_SYNTAX, 2, "", "<a list=\"2\"> stands only in <a list=\"1\">" },
	{ "<profile><a list=\"1\">\n<b list=\"2\"/></a></profile>", VP_E_SYNTAX, 2, "/a/0", "stands only in <b list=\"1\">" },
	{ "<profile><a list=\"1\"><b/>\n<a list=\"2\"/></a></profile>", VP_E_SYNTAX, 2, "/a/0", "with nothing else beside it" },
	{ "<profile><a list=\"1\"><a list=\"2\"/>\n<b/></a></profile>", VP_E_SYNTAX, 2, "/a/0", "its items are <a list=\"2\">" },
	{ "<profile><a list=\"1\"><a list=\"3\"/></a></profile>", VP_E_SYNTAX, 1, "/a/0", "stands only in <a list=\"2\">" },
	{ "<profile><cpu/>\n<cpu/></profile>", VP_E_SYNTAX, 2, "/cpu", "twice; first on line 1; the items of a list have list=\"1\"" },
	{ "<profile><a list=\"1\"/><b/>\n<a list=\"1\"/></profile>", VP_E_SYNTAX, 2, "/a", "follow one another" },
	{ "<profile><a type=\"string\">x\n<b/></a></profile>", VP_E_SYNTAX, 2, "", "<b> inside of a value" },
	{ "<profile><x>\n<a type=\"long\"> 1</a></x></profile>", VP_E_TYPE, 2, "/x/a", "\" 1\" is not a whole number" },
	{ "<profile><_2f unencoded=\"a/b\"/></profile>", VP_E_SYNTAX, 1, "", "key" },
	{ "<profile><a type=\"string\" encoding=\"rot13\">x</a></profile>", VP_E_SYNTAX, 1, "", "encoding" },
	{ "<profile><p:a xmlns:p=\"u\"/></profile>", VP_E_SYNTAX, 1, "", "namespaces" },
	{ "<profile>\n<a>", VP_E_SYNTAX, 2, "/a", "Premature end" },
	/* Encodings */
	{ "\xff\xfe<", VP_E_SYNTAX, 1, "", "UTF-16 with half" },
	{ "\xff\xfe\x3c\xdc", VP_E_SYNTAX, 1, "", "UTF-16 with half" },
	{ "\xfe\xff\xd8\x01", VP_E_SYNTAX, 1, "", "UTF-16 with half" },
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
		w->diags.n = 0;
		assert_non_null(nested(w, xml, VP_MAX_DEPTH - 2));
		assert_null(nested(w, xml, VP_MAX_DEPTH - 1));
		assert_limit(w);
		assert_null(nested(w, xml, 100000));
		assert_limit(w);
	}
}

/* XMLDB: a list and n levels of lists in it; one more level where the innermost one has an item. */
static struct vp_profile *nested_xmldb(struct world *w, unsigned n, bool item)
{
	vp_cleanup(vp_buf_free) struct vp_buf b = { 0 };

	vp_buf_adds(&b, "<profile>");
	for (unsigned i = 1; i <= n; i++)
		vp_buf_addf(&b, "<a list=\"%u\">", i);
	if (item)
		vp_buf_addf(&b, "<a list=\"%u\"/>", n + 1);
	for (unsigned i = 1; i <= n; i++)
		vp_buf_adds(&b, "</a>");
	vp_buf_adds(&b, "</profile>");
	return vp_profile_parse(w->a, "nested", b.data, b.len, &w->diags);
}

static void depth_of_xmldb_is_limited(void **state)
{
	struct world *w = *state;

	assert_non_null(nested_xmldb(w, VP_MAX_DEPTH - 2, false));
	assert_null(nested_xmldb(w, VP_MAX_DEPTH - 2, true));
	assert_limit(w);
	assert_null(nested_xmldb(w, VP_MAX_DEPTH - 1, false));
	assert_limit(w);
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
	size_t n = VP_MAX_PROFILE + 1;
	char *text = vp_xcalloc(n + 1, 1);

	memset(text, ' ', n);
	text[0] = '{';
	text[1] = '}';
	assert_non_null(vp_profile_parse(w->a, "big", text, n - 1, &w->diags));
	assert_null(vp_profile_parse(w->a, "big", text, n, &w->diags));
	assert_limit(w);
	/* The same packed: small on disk, too large inflated. */
	bomb = gzip(text, n - 1);
	assert_non_null(vp_profile_parse(w->a, "bomb", bomb.data, bomb.len, &w->diags));
	vp_buf_free(&bomb);
	bomb = gzip(text, n);
	free(text);
	assert_true(bomb.len < VP_MAX_PROFILE / 100);
	assert_null(vp_profile_parse(w->a, "bomb", bomb.data, bomb.len, &w->diags));
	assert_limit(w);
}

/* Two strings that inflate to n bytes together, in a profile of 100 bytes itself. */
static struct vp_profile *packed_strings(struct world *w, size_t n, bool packed)
{
	vp_cleanup(vp_buf_free) struct vp_buf b = { 0 }, gz = { 0 };
	char *text = vp_xcalloc(n, 1);

	memset(text, 'x', n);
	vp_buf_adds(&b, "<nlist><list name=\"a\">");
	for (int i = 0; i < 2; i++) {
		vp_cleanup(vp_buf_free) struct vp_buf one = gzip(text, i ? n - n / 2 : n / 2);
		char *base64 = vp_xcalloc(BASE64_ENCODE_RAW_LENGTH(one.len) + 1, 1);

		base64_encode_raw(base64, one.len, (uint8_t *)one.data);
		vp_buf_addf(&b, "<string encoding=\"base64,gzip\">%s</string>", base64);
		free(base64);
	}
	vp_buf_adds(&b, "</list></nlist>");
	free(text);
	if (!packed)
		return vp_profile_parse(w->a, "bombs", b.data, b.len, &w->diags);
	gz = gzip(b.data, b.len);
	return vp_profile_parse(w->a, "bombs", gz.data, gz.len, &w->diags);
}

static void what_inflates_is_limited_in_all(void **state)
{
	struct world *w = *state;
	struct vp_profile *p = packed_strings(w, VP_MAX_PROFILE, false);

	assert_non_null(p);
	assert_int_equal(vp_get(p->root, "a/0")->len + vp_get(p->root, "a/1")->len, VP_MAX_PROFILE);
	assert_null(packed_strings(w, VP_MAX_PROFILE + 1, false));
	assert_int_equal(w->diags.items[0].line, 1);
	assert_limit(w);
	/* With what the file itself was packed into. */
	assert_null(packed_strings(w, VP_MAX_PROFILE, true));
	assert_limit(w);
}

/* A key of n bytes in each format. */
static struct vp_profile *keyed(struct world *w, int format, size_t n)
{
	static const char *const texts[] = { "<nlist><long name=\"%s\">1</long></nlist>", "{\"%s\":1}", "<profile><%s type=\"long\">1</%s></profile>",
					     "<profile><_78 type=\"long\" unencoded=\"%s\">1</_78></profile>" };
	char *key = vp_xcalloc(n + 1, 1);
	vp_cleanup(vp_buf_free) struct vp_buf b = { 0 };

	memset(key, 'k', n);
	vp_buf_addf(&b, texts[format], key, key);
	free(key);
	return vp_profile_parse(w->a, "key", b.data, b.len, &w->diags);
}

static void keys_are_limited(void **state)
{
	struct world *w = *state;

	for (int format = 0; format < 4; format++) {
		assert_non_null(keyed(w, format, VP_MAX_KEY));
		assert_null(keyed(w, format, VP_MAX_KEY + 1));
		assert_limit(w);
	}
}

/* Reading ends at a number of errors: each costs a message with its path. */
static void errors_are_limited(void **state)
{
	static const char *const texts[] = { "{\"a\":[",       "99999999999999999999,", "0]}", "<nlist><list name=\"a\">",
					     "<long>x</long>", "</list></nlist>" };
	struct world *w = *state;

	for (size_t i = 0; i < vp_count(texts); i += 3) {
		vp_cleanup(vp_buf_free) struct vp_buf b = { 0 };

		w->diags.n = w->diags.errors = w->diags.dropped = 0;
		vp_buf_adds(&b, texts[i]);
		for (unsigned n = 0; n < 10 * VP_MAX_DIAGS; n++)
			vp_buf_adds(&b, texts[i + 1]);
		vp_buf_adds(&b, texts[i + 2]);
		assert_null(vp_profile_parse(w->a, "errors", b.data, b.len, &w->diags));
		assert_int_equal(w->diags.errors, VP_MAX_DIAGS + 1);
	}
}

static unsigned entities_asked_for;

static xmlParserInputPtr no_entity(const char *url, const char *id, xmlParserCtxtPtr ctxt)
{
	(void)url, (void)id, (void)ctxt;
	entities_asked_for++;
	return NULL;
}

static void nothing_outside_of_the_profile_is_read(void **state)
{
	static const char *const texts[] = {
		"<!DOCTYPE nlist SYSTEM \"http://127.0.0.1:1/x.dtd\"><nlist><string name=\"a\">x</string></nlist>",
		"<!DOCTYPE nlist [<!ENTITY e SYSTEM \"file:///etc/hostname\">]><nlist><string name=\"a\">&e;</string></nlist>",
		"<!DOCTYPE nlist [<!ENTITY % p SYSTEM \"file:///etc/hostname\">%p;]><nlist><string name=\"a\">x</string></nlist>",
		"<!DOCTYPE nlist [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;&a;\">]><nlist><string name=\"a\">&b;</string></nlist>",
		"<profile><i:include xmlns:i=\"http://www.w3.org/2001/XInclude\" href=\"file:///etc/hostname\"/></profile>",
	};
	struct world *w = *state;
	xmlExternalEntityLoader others = xmlGetExternalEntityLoader();

	xmlSetExternalEntityLoader(no_entity);
	for (size_t i = 0; i < vp_count(texts); i++) {
		assert_null(parse(w, texts[i]));
		assert_int_equal(w->diags.n, i + 1);
	}
	xmlSetExternalEntityLoader(others);
	assert_int_equal(entities_asked_for, 0);
	/* A style sheet is a hint for browsers. */
	assert_non_null(parse(w, "<?xml version=\"1.0\"?><?xml-stylesheet href=\"file:///etc/hostname\"?><nlist/>"));
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

/* What the .gz writers of the compiler do in other locales than UTF-8, and what people's editors do. */
static void every_encoding_is_the_same_tree(void **state)
{
	struct world *w = *state;
	struct vp_profile *plain = parse(w, "{\"s\":\"h\u00e9llo\",\"t\":\"a\\nb\"}");
#define XML(declaration, e, eol)                                                                                                                     \
	declaration eol "<nlist>" eol "<string name=\"s\">h" e "llo</string>" eol "<string name=\"t\">a" eol "b</string>" eol "</nlist>" eol
#define BYTES(text) text, sizeof(text) - 1
	static const struct {
		const char *text;
		size_t len;
		/* Of the warning, 0: none. */
		unsigned line;
	} cases[] = {
		{ BYTES(XML("<?xml version=\"1.0\" encoding=\"UTF-8\"?>", "\xc3\xa9", "\n")), 0 },
		{ BYTES(XML("<?xml version=\"1.0\" encoding=\"UTF-8\"?>", "\xc3\xa9", "\r\n")), 0 },
		{ BYTES(XML("", "\xc3\xa9", "\n")), 0 },
		{ BYTES(XML("", "&#xe9;", "\n")), 0 },
		{ BYTES(XML("\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"UTF-8\"?>", "\xc3\xa9", "\n")), 0 },
		{ BYTES(XML("<?xml version=\"1.0\" encoding=\"UTF-8\"?>", "\xe9", "\n")), 3 },
		{ BYTES(XML("", "\xe9", "\n")), 3 },
		{ BYTES(XML("<?xml version='1.0' encoding='us-ascii'?>", "\xe9", "\n")), 3 },
		{ BYTES(XML("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>", "\xe9", "\n")), 0 },
		{ BYTES(XML("<?xml version = '1.0' encoding = 'iso-8859-1' ?>", "\xe9", "\r\n")), 0 },
		{ BYTES("{\"s\":\"h\xc3\xa9llo\",\"t\":\"a\\nb\"}"), 0 },
		{ BYTES("\xef\xbb\xbf{\"s\":\"h\xc3\xa9llo\",\r\n\"t\":\"a\\nb\"}\r\n"), 0 },
		{ BYTES("{\n\"s\":\"h\xe9llo\",\"t\":\"a\\nb\"}"), 2 },
		{ BYTES("<profile format=\"xmldb\">\n<s type=\"string\">h\xe9llo</s><t type=\"string\">a\r\nb</t></profile>"), 2 },
		{ BYTES("<profile>\n<s type=\"string\" encoding=\"base64\">aMOpbGxv</s><t type=\"string\">a\nb</t></profile>"), 0 },
		/* Its bytes in the locale of the build host. */
		{ BYTES("<profile>\n<s type=\"string\" encoding=\"base64\">aOlsbG8=</s><t type=\"string\">a\nb</t></profile>"), 2 },
		{ BYTES("<nlist>\n\n<string name=\"s\" encoding=\"base64\">aOlsbG8=</string><string name=\"t\" "
			"encoding=\"none\">a\nb</string></nlist>"),
		  3 },
	};

	assert_non_null(plain);
	for (size_t i = 0; i < vp_count(cases); i++) {
		struct vp_profile *p = vp_profile_parse(w->a, "t", cases[i].text, cases[i].len, &w->diags);

		if (!p || w->diags.n != !!cases[i].line) {
			vp_diags_print(&w->diags, stderr);
			fail_msg("case %zu", i);
		}
		assert_equal_trees(plain->root, p->root);
		if (cases[i].line) {
			assert_int_equal(w->diags.items[0].severity, VP_WARNING);
			assert_int_equal(w->diags.items[0].code, VP_E_ODD);
			assert_int_equal(w->diags.items[0].line, cases[i].line);
		}
		w->diags.n = 0;
	}
#undef XML
#undef BYTES
}

/* In both orders of bytes, with and without their mark, whatever the declaration says. */
static void utf16_is_the_same_tree(void **state)
{
	struct world *w = *state;
	static const char16_t *const texts[] = {
		u"\ufeff<?xml version=\"1.0\" encoding=\"UTF-16\"?>\n<nlist><string name=\"s\">h\u00e9 \u20ac \U0001f600</string></nlist>",
		u"<?xml version=\"1.0\"?><profile><s type=\"string\">h\u00e9 \u20ac \U0001f600</s></profile>",
		u"\ufeff{\"s\":\"h\u00e9 \u20ac \U0001f600\"}",
		u"{\"s\":\"h\u00e9 \u20ac \U0001f600\"}",
	};
	struct vp_profile *plain = parse(w, "{\"s\":\"h\u00e9 \u20ac \U0001f600\"}");

	for (size_t i = 0; i < vp_count(texts); i++) {
		for (int big = 0; big < 2; big++) {
			vp_cleanup(vp_buf_free) struct vp_buf b = { 0 };
			struct vp_profile *p;

			for (const char16_t *c = texts[i]; *c; c++)
				vp_buf_add(&b, (const char[]){ (char)(big ? *c >> 8 : *c), (char)(big ? *c : *c >> 8) }, 2);
			p = vp_profile_parse(w->a, "t", b.data, b.len, &w->diags);
			assert_non_null(p);
			assert_equal_trees(plain->root, p->root);
		}
	}
	assert_int_equal(w->diags.n, 0);
}

/* The bytes of all characters above ASCII, three for two in UTF-16: larger as UTF-8. */
static void conversion_is_limited(void **state)
{
	struct world *w = *state;
	static const char *const head = "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><nlist><string name=\"a\">", *const tail =
															     "</string></nlist>";

	for (unsigned past = 0; past < 2; past++) {
		size_t n = (VP_MAX_PROFILE - strlen(head) - strlen(tail)) / 2, odd = (strlen(head) + strlen(tail)) % 2;
		char *text = vp_xcalloc(n + 2, 1);
		vp_cleanup(vp_buf_free) struct vp_buf b = { 0 };

		memset(text, 0xe9, n);
		vp_buf_addf(&b, "%s%s%.*s%s", head, text, (int)(odd + past), "xx", tail);
		free(text);
		if (past)
			assert_null(vp_profile_parse(w->a, "grows", b.data, b.len, &w->diags));
		else
			assert_non_null(vp_profile_parse(w->a, "grows", b.data, b.len, &w->diags));
	}
	assert_limit(w);
}

/* C strings cannot hold it; it ends no profile early either. */
static void nul_characters_are_refused(void **state)
{
	static const struct {
		const char *text;
		size_t len;
	} cases[] = {
		{ "<nlist>\n</nlist>\0", 17 }, { "<nlist>\n<string name=\"a\">\0</string></nlist>", 44 }, { "{\n\"a\0\":1}", 9 }, { "{\n}\0x", 5 }
	};
	struct world *w = *state;

	for (size_t i = 0; i < vp_count(cases); i++) {
		assert_null(vp_profile_parse(w->a, "t", cases[i].text, cases[i].len, &w->diags));
		assert_int_equal(w->diags.n, 1);
		assert_int_equal(w->diags.items[0].line, 2);
		assert_non_null(strstr(w->diags.items[0].message, "NUL"));
		w->diags.n = 0;
	}
}

/* Of compilers before 2010. They meant something to the configuration of a node, and never change a value. */
static void old_attributes_are_decoration(void **state)
{
	struct world *w = *state;
	struct vp_profile *j = parse(w, "{\"a\":\"/x\",\"b\":[\"y\"],\"c\":1}");
	struct vp_profile *p =
		parse(w, "<nlist format=\"pan\" name=\"profile\" acl=\"r\"><string name=\"a\" type=\"link\" checksum=\"0f\" "
			 "derivation=\"t.tpl,u.tpl\">/x</string>"
			 "<list name=\"b\" usertype=\"u\" description=\"d\"><string type=\"fetch\" name=\"ignored/here\">y</string></list>"
			 "<long utype=\"t\" name=\"c\">1</long></nlist>");

	assert_non_null(p);
	assert_equal_trees(j->root, p->root);
	p = parse(w, "<profile format=\"xmldb\" acl=\"r\"><a type=\"string\" checksum=\"0f\" derivation=\"t.tpl\">/x</a><b type=\"string\" "
		     "list=\"1\" utype=\"u\">y</b>"
		     "<c usertype=\"t\" type=\"long\">1</c></profile>");
	assert_non_null(p);
	assert_equal_trees(j->root, p->root);
	assert_int_equal(w->diags.n, 0);
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
	/* Errors and others are counted apart: none is lost behind the other. */
	assert_int_equal(w->diags.n, VP_MAX_DIAGS + 2);
	assert_int_equal(w->diags.dropped, 1);
	assert_int_equal(w->diags.errors, VP_MAX_DIAGS + 1);
}

static void warnings_that_say_the_same_are_one_line(void **state)
{
	struct world *w = *state;
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	for (unsigned i = 1; i <= 5; i++) {
		vp_diag(&w->diags, VP_WARNING, VP_E_ODD, vp_printf(w->a, "h%u", 6 - i), i, "/p", "odd");
		vp_diag(&w->diags, VP_ERROR, VP_E_VALUE, vp_printf(w->a, "h%u", i), 9, "", "wrong");
	}
	for (unsigned i = 1; i <= 3; i++)
		vp_diag(&w->diags, VP_WARNING, VP_E_ODD, "few", i, "", "rare");
	vp_diags_print(&w->diags, f);
	fflush(f);
	assert_string_equal(text,
			    "few:1: warning: rare [VP-P10]\nfew:2: warning: rare [VP-P10]\nfew:3: warning: rare [VP-P10]\n"
			    "h1:5: warning: /p: odd [VP-P10] (and 4 more such lines: --verbose)\nh1:9: error: wrong [VP-P05]\n"
			    "h2:9: error: wrong [VP-P05]\nh3:9: error: wrong [VP-P05]\nh4:9: error: wrong [VP-P05]\nh5:9: error: wrong [VP-P05]\n"
			    "5 errors, 8 warnings\n");
	rewind(f);
	vp_out.level = 1;
	vp_diags_print(&w->diags, f);
	vp_out.level = 0;
	fclose(f);
	assert_non_null(strstr(text, "h5:1: warning: /p: odd [VP-P10]\n"));
	free(text);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_formats_of_real_profiles_are_one_tree),
		TEST(gzip_is_the_same_tree),
		TEST(quickstart_pair_is_one_tree),
		TEST(lines_paths_and_lookup),
		TEST(values_keep_their_text_and_type),
		TEST(xmldb_is_the_same_tree),
		TEST(xmldb_of_real_profiles_is_the_pan_tree),
		TEST(unescape_is_pan_unescape),
		TEST(bad_input_gets_one_clear_diagnostic),
		TEST(depth_is_limited),
		TEST(depth_of_xmldb_is_limited),
		TEST(values_are_limited),
		TEST(size_is_limited),
		TEST(what_inflates_is_limited_in_all),
		TEST(keys_are_limited),
		TEST(errors_are_limited),
		TEST(nothing_outside_of_the_profile_is_read),
		TEST(long_strings_are_no_problem),
		TEST(every_encoding_is_the_same_tree),
		TEST(utf16_is_the_same_tree),
		TEST(conversion_is_limited),
		TEST(nul_characters_are_refused),
		TEST(old_attributes_are_decoration),
		TEST(utf8_is_checked_to_the_letter),
		TEST(diagnostics_are_sorted_counted_and_harmless),
		TEST(warnings_that_say_the_same_are_one_line),
	};

	return cmocka_run_group_tests_name("profile", tests, NULL, NULL);
}
