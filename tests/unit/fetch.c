// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../provision/fetch/inside.h"

struct world {
	struct vp_arena *a;
	struct vp_diags diags;
	/* A directory of its own, which is the working directory. */
	char *dir;
	struct vp_fetch_opts o;
	struct vp_sources out;
};

static int setup(void **state)
{
	struct world *w = vp_xcalloc(1, sizeof(*w));
	const char *tmp = getenv("TMPDIR");

	w->a = vp_arena_new();
	w->diags.arena = w->a;
	w->dir = vp_printf(w->a, "%s/fetch.XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(w->dir));
	assert_int_equal(chdir(w->dir), 0);
	w->o.cache = vp_printf(w->a, "%s/cache", w->dir);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	assert_int_equal(chdir("/"), 0);
	vp_remove_tree(w->dir, NULL);
	vp_diags_free(&w->diags);
	vp_arena_free(w->a);
	free(w);
	return 0;
}

static void put(const char *file, const char *text)
{
	struct vp_err err = { 0 };
	const char *slash = strrchr(file, '/');
	char dir[200];

	snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - file) : 0, file);
	if (slash)
		assert_int_equal(vp_mkdirs(dir, 0755, &err), 0);
	assert_int_equal(vp_write_file(file, text, strlen(text), 0644, &err), 0);
}

/* The labels of what was asked for, blank-separated; what went wrong is in w->diags. */
static const char *find(struct world *w, const char *args)
{
	char *copy = vp_strdup(w->a, args), *word;
	const char *argv[20], *text = "";
	size_t n = 0;

	while ((word = strsep(&copy, " ")))
		argv[n++] = word;
	w->out = (struct vp_sources){ 0 };
	w->diags.n = w->diags.errors = w->diags.warnings = 0;
	vp_sources_find(w->a, argv, n, &w->o, &w->out, &w->diags);
	for (size_t i = 0; i < w->out.n; i++)
		if (!w->out.items[i].beside)
			text = vp_printf(w->a, "%s%s%s", text, *text ? " " : "", w->out.items[i].label);
	return text;
}

static const char *said(const struct world *w)
{
	const char *text = "";

	for (size_t i = 0; i < w->diags.n; i++)
		text = vp_printf(w->a, "%s%s: %s\n", text, w->diags.items[i].file, w->diags.items[i].message);
	return text;
}

static void says(const struct world *w, const char *text)
{
	if (!strstr(said(w), text))
		fail_msg("\"%s\" is not in: %s", text, said(w));
}

static void configure(struct world *w, const char *text)
{
	w->diags.n = w->diags.errors = 0;
	put("site.conf", text);
	w->o.site = vp_site_read(w->a, "site.conf", &w->diags);
	if (w->diags.errors)
		fail_msg("%s", said(w));
}

/* --- Names and directories --- */

static void a_directory_gives_one_profile_a_host(void **state)
{
	struct world *w = *state;

	put("d/b.xml", "");
	put("d/b.json", "");
	put("d/b.xml.gz", "");
	put("d/a.json.gz", "");
	put("d/a.json", "");
	put("d/a.dep", "");
	put("d/a.xml.dep", "");
	put("d/.hidden.xml", "");
	put("d/.xml", "");
	put("d/profiles-info.xml", "");
	put("d/a-b.xml", "");
	assert_string_equal(find(w, "d"), "d/a.json d/a-b.xml d/b.xml");
	assert_string_equal(find(w, "dir://d/"), "d/a.json d/a-b.xml d/b.xml");
	assert_int_equal(w->diags.n, 0);
}

static void the_same_profile_is_taken_once(void **state)
{
	struct world *w = *state;

	put("d/a.xml", "");
	put("d/b.xml", "");
	assert_int_equal(symlink("d", "e"), 0);
	assert_string_equal(find(w, "d/b.xml d e ./d/a.xml - -"), "d/b.xml d/a.xml -");
}

static void many_profiles_keep_their_order(void **state)
{
	struct world *w = *state;
	char name[40];

	for (unsigned i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "d/n%03u.xml", i);
		put(name, "");
	}
	find(w, "d d");
	assert_int_equal(w->out.n, 1000);
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "d/n%03u.xml", i);
		assert_string_equal(w->out.items[i].path, name);
	}
}

static void names_are_looked_for_in_the_place_before_them(void **state)
{
	struct world *w = *state;

	put("d/profile_wn1.example.org.xml", "");
	put("d/wn2.example.org.json.gz", "");
	put("d/ce.example.org.xml", "");
	put("d/clusters/c1.xml", "");
	assert_string_equal(find(w, "d wn*"), "d/profile_wn1.example.org.xml d/wn2.example.org.json.gz");
	assert_string_equal(find(w, "d WN1"), "d/profile_wn1.example.org.xml");
	assert_string_equal(find(w, "d WN1.EXAMPLE.org"), "d/profile_wn1.example.org.xml");
	assert_string_equal(find(w, "d wn2.example.org wn1.example.org"), "d/wn2.example.org.json.gz d/profile_wn1.example.org.xml");
	assert_string_equal(find(w, "d profile_wn1.example.org.xml"), "d/profile_wn1.example.org.xml");
	assert_string_equal(find(w, "d clusters/c*"), "d/clusters/c1.xml");
	assert_int_equal(w->diags.n, 0);
	assert_string_equal(find(w, "d wn"), "");
	says(w, "wn: there is no profile of that name (d)");
	assert_string_equal(find(w, "d wn1.example.com"), "");
	assert_string_equal(find(w, "d x*"), "");
	says(w, "x*: no profile has such a name (d)");
	assert_string_equal(find(w, "d clusters/../ce*"), "");
	says(w, "none can be \"..\"");
}

/* The others of the directory come along, once, and only where some are named: they may say where those run. */
static void others_come_along_with_names(void **state)
{
	struct world *w = *state;

	put("d/wn1.xml", "");
	put("d/wn2.xml", "");
	put("d/xen.xml", "");
	assert_string_equal(find(w, "d wn2"), "d/wn2.xml");
	assert_int_equal(w->out.n, 3);
	assert_string_equal(find(w, "d wn2 xen"), "d/wn2.xml d/xen.xml");
	assert_int_equal(w->out.n, 3);
	assert_string_equal(find(w, "d wn2 d/wn1.xml"), "d/wn2.xml d/wn1.xml");
	assert_string_equal(find(w, "d/wn1.xml"), "d/wn1.xml");
	assert_int_equal(w->out.n, 1);
	find(w, "d nobody");
	assert_int_equal(w->out.n, 0);
}

static void a_short_name_has_to_be_one_host(void **state)
{
	struct world *w = *state;

	put("d/wn1.a.org.xml", "");
	put("d/wn1.b.org.xml", "");
	put("e/wn1.a.org.xml", "");
	put("e/wn1.xml", "");
	assert_string_equal(find(w, "d wn1"), "");
	says(w, "wn1: the name is that of several: wn1.a.org, wn1.b.org");
	assert_string_equal(find(w, "e wn1"), "e/wn1.xml");
	assert_string_equal(find(w, "e wn1.c.org"), "e/wn1.xml");
}

static void names_are_looked_for_where_the_site_configuration_says(void **state)
{
	struct world *w = *state;

	put("d/wn1.xml", "");
	assert_string_equal(find(w, "wn1"), "");
	says(w, "wn1: no such file or directory, nor is it known where to look");
	configure(w, vp_printf(w->a, "profiles = %s/d\n", w->dir));
	assert_string_equal(find(w, "wn1"), vp_printf(w->a, "%s/d/wn1.xml", w->dir));
	assert_int_equal(w->diags.n, 0);
	assert_string_equal(find(w, "wn1.xml"), "wn1.xml");
}

static void what_is_not_there_is_told(void **state)
{
	struct world *w = *state;

	put("empty/x.txt", "");
	assert_string_equal(find(w, "empty dir://none ssh://host/x"), "");
	says(w, "empty: the directory holds no profiles");
	says(w, "none: No such file or directory");
	says(w, "ssh://host/x: not a URL");
	/* For its reader to tell. */
	assert_string_equal(find(w, "none.xml ./none"), "none.xml ./none");
}

/* --- Lists of profiles --- */

static const char *index_of(struct world *w, const char *text, struct vp_err *err)
{
	struct vp_listing l = { 0 };
	const char *all = "";

	w->diags.n = w->diags.warnings = 0;
	*err = (struct vp_err){ 0 };
	if (vp_index_read(w->a, "i", text, strlen(text), &l, &w->diags, err))
		return NULL;
	for (size_t i = 0; i < l.n; i++)
		all = vp_printf(w->a, "%s%s:%llu ", all, l.items[i].name, (unsigned long long)l.items[i].mtime);
	return all;
}

static void both_kinds_of_lists_are_read(void **state)
{
	struct world *w = *state;
	struct vp_err err;

	/* SCDB: milliseconds, everything that is there. */
	assert_string_equal(
		index_of(w,
			 "<?xml version='1.0' encoding='utf-8'?>\n<profiles>\n"
			 "<profile mtime='1795289657059'>b.dep</profile><profile mtime='1795289657061'>b.json</profile>"
			 "<profile mtime='1795289657059'>b.xml</profile><profile mtime='1795289657059'>profiles-info.xml</profile></profiles>",
			 &err),
		"b.xml:1795289657059 ");
	/* Aquilon: seconds. */
	assert_string_equal(index_of(w,
				     "<profiles><profile mtime='1795289657'>clusters/c.xml</profile><profile mtime=\"5\"> a&amp;b.xml.gz\n</profile>"
				     "<profile>n.json</profile></profiles>",
				     &err),
			    "a&b.xml.gz:5000 clusters/c.xml:1795289657000 n.json:0 ");
	/* The newer one, where they are not of one run of the compiler. */
	assert_string_equal(index_of(w, "<profiles><profile mtime='1000'>a.xml</profile><profile mtime='1061'>a.json</profile></profiles>", &err),
			    "a.json:1061000 ");
	assert_string_equal(index_of(w, "<profiles/>", &err), "");
	assert_int_equal(w->diags.n, 0);
}

static void names_that_lead_elsewhere_are_not_taken(void **state)
{
	struct world *w = *state;
	struct vp_err err;

	assert_string_equal(index_of(w,
				     "<profiles><profile>../a.xml</profile><profile>x/../../a.xml</profile><profile>/etc/a.xml</profile>"
				     "<profile>a\tb.xml</profile><profile>x/..</profile><profile>a..b.xml</profile></profiles>",
				     &err),
			    "a..b.xml:0 ");
	assert_int_equal(w->diags.warnings, 5);
	says(w, "\"../a.xml\" leads out of the directory of the list: not taken");
	says(w, "\"/etc/a.xml\" is not below the directory");
	says(w, "has control characters");
}

static void what_is_no_list_is_an_error(void **state)
{
	struct world *w = *state;
	static const char *const bad[][2] = {
		{ "", "the file is empty" },
		{ "<html></html>", "begins with <profiles>, not with <html>" },
		{ "<profiles><profile>a.xml</profile>", "i:1:" },
		{ "<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><profiles><profile>&a;</profile></profiles>", "no DOCTYPE" },
		{ "<profiles><profile>&a;</profile></profiles>", "Entity 'a' not defined" },
		{ "\x1f\x8b garbage", "i: the gzip data" },
	};
	struct vp_err err;

	for (size_t i = 0; i < vp_count(bad); i++) {
		assert_null(index_of(w, bad[i][0], &err));
		if (!strstr(err.msg, bad[i][1]))
			fail_msg("%s: %s", bad[i][0], err.msg);
	}
}

static void a_file_url_asks_the_list(void **state)
{
	struct world *w = *state;

	put("d/a.xml", "");
	put("d/b.xml.gz", "");
	put("d/c.xml", "");
	put("d/clusters/x y.xml", "");
	put("d/profiles-info.xml", "<profiles><profile>a.xml</profile><profile>b.xml</profile><profile>clusters/x y.xml</profile></profiles>");
	assert_string_equal(find(w, vp_printf(w->a, "file://%s/d", w->dir)),
			    vp_printf(w->a, "%s/d/a.xml %s/d/b.xml.gz %s/d/clusters/x y.xml", w->dir, w->dir, w->dir));
	assert_string_equal(find(w, "d/profiles-info.xml b"), "d/b.xml.gz");
	assert_string_equal(find(w, vp_printf(w->a, "file://localhost%s/d/clusters/x%%20y.xml", w->dir)),
			    vp_printf(w->a, "%s/d/clusters/x y.xml", w->dir));
	assert_int_equal(w->diags.n, 0);
	assert_string_equal(find(w, "file://elsewhere/d"), "");
	says(w, "three slashes");
}

/* --- ccm.conf --- */

static void ccm_conf_is_read_as_it_is(void **state)
{
	struct world *w = *state;
	struct vp_ccm c;
	const char *const *urls;
	size_t n;

	put("ccm.conf", "# a comment\n\nprofile   https://cdb.example.org/profiles/profile___HOST__.__DOMAIN__.xml \n"
			"profile_failover https://a/$host.xml,http://b/x.xml\ncert_file\t/c.pem\nget_timeout 7\ndebug 5\nlock_wait 3\n"
			"trust host/a.example.org@B\ncontext http://x/\nprofil x\nforce\n");
	assert_true(vp_ccm_read(w->a, "ccm.conf", &c, &w->diags));
	urls = vp_ccm_urls(w->a, &c, "WN1.Example.org", &n, &w->diags);
	assert_int_equal(n, 3);
	assert_string_equal(urls[0], "https://cdb.example.org/profiles/profile_wn1.Example.org.xml");
	assert_string_equal(urls[1], "https://a/wn1.xml");
	assert_string_equal(urls[2], "http://b/x.xml");
	assert_string_equal(c.cert_file, "/c.pem");
	assert_string_equal(c.get_timeout, "7");
	assert_null(c.ca_dir);
	assert_int_equal(w->diags.warnings, 3);
	assert_int_equal(w->diags.errors, 0);
	says(w, "context: a second profile that was merged");
	says(w, "\"profil\" is no key");
	says(w, "\"force\" has no value");
	assert_null(vp_ccm_urls(w->a, &c, "wn1", &n, &w->diags));
	says(w, "the domain of \"wn1\" is not known");
}

static void ccm_conf_finds_profiles(void **state)
{
	struct world *w = *state;

	put("d/profile_wn1.xml", "");
	put("d/profile_wn2.xml", "");
	put("a.conf", vp_printf(w->a, "base_url file://%s/d\nprofile __HOST__\n", w->dir));
	put("b.conf", vp_printf(w->a, "profile file://%s/d/profile_wn1.xml\n", w->dir));
	put("c.conf", "profile wn1\n");
	put("d.conf", "cert_file /c.pem\n");
	assert_string_equal(find(w, "a.conf wn1 WN2"), vp_printf(w->a, "%s/d/profile_wn1.xml %s/d/profile_wn2.xml", w->dir, w->dir));
	assert_string_equal(find(w, "a.conf wn*"), vp_printf(w->a, "%s/d/profile_wn1.xml %s/d/profile_wn2.xml", w->dir, w->dir));
	assert_string_equal(find(w, "b.conf"), vp_printf(w->a, "%s/d/profile_wn1.xml", w->dir));
	assert_string_equal(find(w, "b.conf wn2"), vp_printf(w->a, "%s/d/profile_wn2.xml", w->dir));
	assert_int_equal(w->diags.n, 0);
	assert_string_equal(find(w, "c.conf"), "");
	says(w, "the profile \"wn1\" is no URL, and there is no base_url");
	assert_string_equal(find(w, "d.conf"), "");
	says(w, "cert_file: No such file");
	configure(w, vp_printf(w->a, "ccm = %s/a.conf\n", w->dir));
	assert_string_equal(find(w, "wn2"), vp_printf(w->a, "%s/d/profile_wn2.xml", w->dir));
}

/* --- URLs --- */

static void urls_are_taken_apart(void **state)
{
	static const struct {
		const char *url, *base, *name;
		bool profile;
	} cases[] = {
		{ "https://h/p/", "https://h/p/", "", false },
		{ "https://h/p", "https://h/p/", "", false },
		{ "https://h", "https://h/", "", false },
		{ "https://h/p/wn.xml", "https://h/p/", "wn.xml", true },
		{ "https://h/p/profiles-info.xml.gz", "https://h/p/", "profiles-info.xml.gz", false },
		{ "https://h/p/wn*", "https://h/p/", "wn*", false },
		{ "https://h/get?host=wn/1", "https://h/", "get?host=wn/1", true },
	};
	struct world *w = *state;

	for (size_t i = 0; i < vp_count(cases); i++) {
		struct vp_url u;

		vp_url_split(w->a, cases[i].url, &u);
		assert_string_equal(u.base, cases[i].base);
		assert_string_equal(u.name, cases[i].name);
		assert_int_equal(u.profile, cases[i].profile);
	}
	assert_string_equal(vp_url_join(w->a, "http://h/", "clusters/a b?#%.xml"), "http://h/clusters/a%20b%3F%23%25.xml");
	assert_string_equal(vp_url_shown(w->a, "https://me:secret@h/p@q"), "https://h/p@q");
	assert_string_equal(vp_url_shown(w->a, "https://h/p@q"), "https://h/p@q");
}

/* --- What is kept --- */

static struct vp_kept object(struct world *w, const struct vp_store *s, const char *name, const char *text)
{
	char sha[65];
	struct vp_err err = { 0 };

	put("tmp", text);
	assert_int_equal(vp_object_put(w->a, s, "tmp", sha, &err), 0);
	assert_false(vp_exists("tmp"));
	return (struct vp_kept){ name, name, vp_strdup(w->a, sha), "\"e\"", "Mon, 23 Nov 2026 22:15:33 GMT", 1795472133 };
}

static void a_version_comes_back_as_it_was(void **state)
{
	struct world *w = *state;
	struct vp_version v = vp_no_version, back;
	struct vp_store s;
	struct vp_err err = { 0 };
	struct vp_kept k;
	struct stat before, after;

	assert_int_equal(vp_store_open(w->a, w->o.cache, "http://h/", NULL, &s, &err), 0);
	assert_false(vp_version_load(w->a, &s, VP_WHOLE, &back));
	v.index = object(w, &s, "profiles-info.xml", "<profiles/>");
	k = object(w, &s, "b.xml", "B");
	vp_version_add(w->a, &v, &k);
	k = object(w, &s, "a.xml", "A");
	vp_version_add(w->a, &v, &k);
	assert_int_equal(vp_version_save(w->a, &s, VP_WHOLE, &v, &err), 0);
	assert_true(vp_version_load(w->a, &s, VP_WHOLE, &back));
	assert_int_equal(back.n, 2);
	assert_string_equal(back.items[0].name, "a.xml");
	assert_string_equal(back.items[0].etag, "\"e\"");
	assert_int_equal(back.items[1].modified_at, 1795472133);
	assert_string_equal(vp_version_find(&back, "a.xml")->sha, k.sha);
	assert_null(vp_version_find(&back, "c.xml"));
	/* The same content again leaves the file alone. */
	assert_int_equal(stat(vp_object_path(w->a, &s, k.sha), &before), 0);
	object(w, &s, "a.xml", "A");
	assert_int_equal(stat(vp_object_path(w->a, &s, k.sha), &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	/* What nobody refers to goes, and only that. */
	k = object(w, &s, "c.xml", "C");
	vp_store_clean(w->a, &s);
	assert_false(vp_exists(vp_object_path(w->a, &s, k.sha)));
	assert_true(vp_version_load(w->a, &s, VP_WHOLE, &back));
	/* A version of which something is gone is none. */
	assert_int_equal(unlink(vp_object_path(w->a, &s, back.items[1].sha)), 0);
	assert_false(vp_version_load(w->a, &s, VP_WHOLE, &back));
	assert_int_equal(back.n, 0);
	vp_store_close(&s);
}

static void a_whole_site_supersedes_single_hosts(void **state)
{
	struct world *w = *state;
	struct vp_version v = vp_no_version, back;
	struct vp_store s;
	struct vp_err err = { 0 };

	assert_int_equal(vp_store_open(w->a, w->o.cache, "http://h/", NULL, &s, &err), 0);
	v.index = object(w, &s, "profiles-info.xml", "<profiles/>");
	assert_int_equal(vp_version_save(w->a, &s, VP_HOSTS, &v, &err), 0);
	assert_true(vp_version_load(w->a, &s, VP_HOSTS, &back));
	assert_false(vp_version_load(w->a, &s, VP_WHOLE, &back));
	assert_int_equal(vp_version_save(w->a, &s, VP_WHOLE, &v, &err), 0);
	assert_false(vp_version_load(w->a, &s, VP_HOSTS, &back));
	vp_store_close(&s);
}

static void damaged_versions_are_none(void **state)
{
	static const char *const bad[] = { "", "vprov-fetch 2\n\t\t\t\t\t0\n", "vprov-fetch 1\n", "vprov-fetch 1\na\tb\n",
					   "vprov-fetch 1\na\tb\t../lock\t\t\t0\n" };
	struct world *w = *state;
	struct vp_version back;
	struct vp_store s;
	struct vp_err err = { 0 };

	assert_int_equal(vp_store_open(w->a, w->o.cache, "http://h/", NULL, &s, &err), 0);
	for (size_t i = 0; i < vp_count(bad); i++) {
		put(vp_printf(w->a, "%s/whole", s.dir), bad[i]);
		assert_false(vp_version_load(w->a, &s, VP_WHOLE, &back));
	}
	vp_store_close(&s);
}

/* --- Notes --- */

static void only_well_formed_notes_count(void **state)
{
	static const struct {
		const char *data;
		size_t len;
		bool good;
	} notes[] = {
		{ "cdb\0001795289657", 14, true },
		{ "ccm\0001", 5, true },
		{ "ccm\000", 4, false },
		{ "ccm 1795289657", 14, false },
		{ "cdb\0001795289657\n", 15, false },
		{ "xyz\0001", 5, false },
		{ "", 0, false },
		{ "cdb\000123456789012345678901", 25, false },
	};

	(void)state;
	for (size_t i = 0; i < vp_count(notes); i++)
		assert_int_equal(vp_notify_is(notes[i].data, notes[i].len), notes[i].good);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_directory_gives_one_profile_a_host, setup, teardown),
		cmocka_unit_test_setup_teardown(the_same_profile_is_taken_once, setup, teardown),
		cmocka_unit_test_setup_teardown(many_profiles_keep_their_order, setup, teardown),
		cmocka_unit_test_setup_teardown(names_are_looked_for_in_the_place_before_them, setup, teardown),
		cmocka_unit_test_setup_teardown(a_short_name_has_to_be_one_host, setup, teardown),
		cmocka_unit_test_setup_teardown(others_come_along_with_names, setup, teardown),
		cmocka_unit_test_setup_teardown(names_are_looked_for_where_the_site_configuration_says, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_not_there_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(both_kinds_of_lists_are_read, setup, teardown),
		cmocka_unit_test_setup_teardown(names_that_lead_elsewhere_are_not_taken, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_no_list_is_an_error, setup, teardown),
		cmocka_unit_test_setup_teardown(a_file_url_asks_the_list, setup, teardown),
		cmocka_unit_test_setup_teardown(ccm_conf_is_read_as_it_is, setup, teardown),
		cmocka_unit_test_setup_teardown(ccm_conf_finds_profiles, setup, teardown),
		cmocka_unit_test_setup_teardown(urls_are_taken_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(a_version_comes_back_as_it_was, setup, teardown),
		cmocka_unit_test_setup_teardown(a_whole_site_supersedes_single_hosts, setup, teardown),
		cmocka_unit_test_setup_teardown(damaged_versions_are_none, setup, teardown),
		cmocka_unit_test_setup_teardown(only_well_formed_notes_count, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
