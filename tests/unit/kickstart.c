// SPDX-License-Identifier: Apache-2.0
/*
 * Kickstarts: goldens of own profiles, and a check of every line against the commands that each version takes (tests/golden/kickstart/commands)
 * over own profiles and real ones.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <glob.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "../../templates/render.h"

/* The first anaconda of each. */
static const char *const versions[] = { [5] = "11.1", [6] = "13.21", [7] = "19.31", [8] = "29.19", [9] = "34.25", [10] = "40.22" };

static char top[4096], ship[4096];

struct world {
	struct vp_arena *a;
	struct vp_diags diags;
};

static struct world world_new(void)
{
	struct world w = { .a = vp_arena_new() };

	w.diags.arena = w.a;
	return w;
}

static void world_free(struct world *w)
{
	vp_diags_free(&w->diags);
	vp_arena_free(w->a);
}

/* NULL where the profile describes no machine. */
static struct vp_node *bind_file(struct world *w, const char *path)
{
	struct vp_bind_opts opts = { .virt = -1 };
	vp_cleanup(vp_buf_free) struct vp_buf text = { 0 };
	struct vp_err err = { 0 };
	struct vp_profile *p;

	w->diags.arena = w->a;
	if (vp_read_file(path, VP_MAX_PROFILE, &text, &err))
		fail_msg("%s", err.msg);
	p = vp_profile_parse(w->a, path, text.data, text.len, &w->diags);
	return p ? vp_bind(w->a, p, NULL, &opts, &w->diags) : NULL;
}

static struct vp_node *bind_own(struct world *w, const char *name)
{
	struct vp_node *n = bind_file(w, vp_printf(w->a, "%s/tests/golden/kickstart/%s.json", top, name));

	if (!n)
		fail_msg("%s.json describes no machine", name);
	return n;
}

static int render(const struct vp_node *n, const char *url, struct vp_buf *out, struct vp_err *err)
{
	const struct vp_render r = { .ship_dir = ship, .state_dir = "/var/lib/vprov" };

	return vp_render_kickstart(&r, n, url, *url ? "0123456789abcdef" : "", out, err);
}

/* --- The table of commands --- */

struct option {
	char *name;
	bool value, required;
	unsigned from, to;
};

struct command {
	char *name;
	bool repeats;
	unsigned from, to, least, most;
	struct option options[64];
	size_t n;
};

static struct command commands[64];
static size_t ncommands;

static void parse_range(const char *text, unsigned *from, unsigned *to)
{
	char *end;

	*from = (unsigned)strtoul(text, &end, 10);
	*to = *end != '-' ? *from : end[1] ? (unsigned)strtoul(end + 1, NULL, 10) : 99;
}

static void parse_option(struct command *c, char *word)
{
	struct option *o = &c->options[c->n++];
	char *at = strchr(word, '@');

	assert_true(c->n < vp_count(c->options));
	*o = (struct option){ .from = 0, .to = 99 };
	if (at) {
		parse_range(at + 1, &o->from, &o->to);
		*at = '\0';
	}
	o->required = word[strlen(word) - 1] == '!';
	word[strlen(word) - o->required] = '\0';
	o->value = word[strlen(word) - 1] == '=';
	word[strlen(word) - o->value] = '\0';
	o->name = word;
}

static void parse_command(char *line)
{
	struct command *c = &commands[ncommands++];
	char *word = strsep(&line, " ");

	assert_true(ncommands < vp_count(commands));
	c->repeats = *word == '+';
	c->name = word + c->repeats;
	parse_range(strsep(&line, " "), &c->from, &c->to);
	word = strsep(&line, " ");
	if (!strcmp(word, "any"))
		c->most = 99;
	else
		parse_range(word, &c->least, &c->most);
	while ((word = strsep(&line, " ")))
		parse_option(c, word);
}

static struct vp_buf table;

static void read_table(void)
{
	struct vp_err err = { 0 };
	char path[4200], *rest, *line;

	snprintf(path, sizeof(path), "%s/tests/golden/kickstart/commands", top);
	if (vp_read_file(path, VP_MAX_RENDER, &table, &err))
		fail_msg("%s", err.msg);
	for (rest = table.data; (line = strsep(&rest, "\n"));)
		if (*line && *line != '#')
			parse_command(line);
}

/* --- The check: the first thing that is wrong, as text; NULL for nothing --- */

struct check {
	struct vp_arena *a;
	unsigned el, line;
	const char *wrong;
	unsigned seen[vp_count(commands)];
	/* Points where something is mounted, volume groups. */
	struct vp_words mounted;
	/* Name of the open section, "" for commands. */
	const char *section;
};

static void wrong(struct check *c, const char *fmt, ...) VP_PRINTF(2, 3);
static void wrong(struct check *c, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (!c->wrong)
		c->wrong = vp_printf(c->a, "EL%u, line %u: %s", c->el, c->line, text);
}

/* As a shell would, without expanding anything: also pykickstart's rule. */
static size_t split(struct check *c, const char *line, const char **words, size_t max)
{
	size_t n = 0;

	for (;;) {
		char *word = vp_alloc(c->a, strlen(line) + 1), *to = word, quote = '\0';

		line += strspn(line, " \t");
		if (!*line || n == max)
			return n;
		for (; *line && (quote || (*line != ' ' && *line != '\t')); line++)
			if (quote ? *line == quote : *line == '\'' || *line == '"')
				quote = quote ? '\0' : *line;
			else if (*line == '\\' && quote != '\'' && line[1])
				*to++ = *++line;
			else
				*to++ = *line;
		if (quote)
			wrong(c, "no closing quotation");
		words[n++] = word;
	}
}

static const struct option *find_option(struct check *c, const struct command *cmd, const char *word, size_t len)
{
	for (size_t i = 0; i < cmd->n; i++) {
		const struct option *o = &cmd->options[i];

		if (strlen(o->name) != len || strncmp(o->name, word, len))
			continue;
		if (c->el < o->from || c->el > o->to)
			wrong(c, "%s has no option %s in this version", cmd->name, o->name);
		return o;
	}
	wrong(c, "%s has no option %.*s", cmd->name, (int)len, word);
	return NULL;
}

static void check_words(struct check *c, const struct command *cmd, const char **words, size_t n)
{
	bool given[vp_count(cmd->options)] = { false };
	unsigned others = 0;

	for (size_t i = 1; i < n; i++) {
		size_t len = strcspn(words[i], "=");
		const struct option *o;

		if (strncmp(words[i], "--", 2)) {
			others++;
			continue;
		}
		o = find_option(c, cmd, words[i], len);
		if (!o)
			return;
		given[o - cmd->options] = true;
		if (!o->value && words[i][len])
			wrong(c, "%s %s takes no value", cmd->name, o->name);
		else if (o->value && !words[i][len] && (++i == n || !strncmp(words[i], "--", 2)))
			wrong(c, "%s %s needs a value", cmd->name, o->name);
		else if (o->value && words[i][len] && !words[i][len + 1])
			wrong(c, "%s %s has an empty value", cmd->name, o->name);
	}
	for (size_t i = 0; i < cmd->n; i++)
		if (cmd->options[i].required && !given[i])
			wrong(c, "%s needs %s", cmd->name, cmd->options[i].name);
	if (others < cmd->least || others > cmd->most)
		wrong(c, "%s has %u arguments", cmd->name, others);
}

/* AII names a volume group once for each of its volumes. */
static void check_once(struct check *c, const char *command, const char *what)
{
	static const char *const those[] = { "part", "raid", "logvol", "volgroup" };
	const char *key = vp_printf(c->a, "%s%s", strcmp(command, "volgroup") ? "" : "volgroup ", what);
	const char **more;

	for (size_t i = 0; i < vp_count(those); i++) {
		if (strcmp(command, those[i]))
			continue;
		for (size_t k = 0; k < c->mounted.n && strcmp(what, "swap"); k++)
			if (!strcmp(c->mounted.items[k], key))
				wrong(c, "%s %s a second time", command, what);
		more = vp_alloc(c->a, (c->mounted.n + 1) * sizeof(*more));
		if (c->mounted.n)
			memcpy(more, c->mounted.items, c->mounted.n * sizeof(*more));
		more[c->mounted.n++] = key;
		c->mounted.items = more;
		return;
	}
}

static void check_command(struct check *c, const char *line)
{
	const char *words[128];
	size_t n = split(c, line, words, vp_count(words));

	for (size_t i = 0; n && i < ncommands; i++) {
		if (strcmp(commands[i].name, words[0]))
			continue;
		if (c->el < commands[i].from || c->el > commands[i].to)
			wrong(c, "there is no command %s in this version", words[0]);
		if (c->seen[i]++ && !commands[i].repeats)
			wrong(c, "%s a second time", words[0]);
		check_words(c, &commands[i], words, n);
		if (n > 1)
			check_once(c, words[0], words[1]);
		return;
	}
	if (n)
		wrong(c, "there is no command %s", words[0]);
}

/* What a script writes into a file: the lines of its here-document. */
static const char *document(struct check *c, const char *text, const char *file)
{
	const char *start = strstr(text, vp_printf(c->a, "\ncat >%s <<'END_OF_STORAGE'\n", file)), *end;

	start = start ? strchr(start + 1, '\n') + 1 : NULL;
	end = start ? strstr(start, "END_OF_STORAGE\n") : NULL;
	return end ? vp_strndup(c->a, start, (size_t)(end - start)) : NULL;
}

static void check_include(struct check *c, const char *text, const char *file)
{
	const char *lines = document(c, text, file);
	char *rest = lines ? vp_strdup(c->a, lines) : NULL, *line;

	if (!lines)
		wrong(c, "nothing writes the included %s", file);
	while (rest && (line = strsep(&rest, "\n")))
		if (*line)
			check_command(c, line);
}

/* From EL6 on each section has its own end, before nothing has. */
static void check_section(struct check *c, const char *line)
{
	const char *section = vp_strndup(c->a, line, strcspn(line, " "));

	if (!strcmp(section, "%end")) {
		if (c->el < 6 || !*c->section)
			wrong(c, "%%end without a section, or in a version that has none");
		c->section = "";
		return;
	}
	if (*c->section && c->el >= 6)
		wrong(c, "%s inside of %s", section, c->section);
	c->section = section;
	check_command(c, line);
}

static const char *check(struct vp_arena *a, unsigned el, const char *text)
{
	struct check c = { .a = a, .el = el, .section = "" };
	char *rest = vp_strdup(a, text), *line;

	while ((line = strsep(&rest, "\n"))) {
		c.line++;
		if (!strncmp(line, "%include ", 9) && !*c.section)
			check_include(&c, text, line + 9);
		else if (*line == '%')
			check_section(&c, line);
		else if (*line && *line != '#' && !*c.section)
			check_command(&c, line);
	}
	if (*c.section && el >= 6)
		wrong(&c, "%s has no %%end", c.section);
	for (size_t i = 0; i < ncommands; i++)
		if (!c.seen[i] && (!strcmp(commands[i].name, "bootloader") || !strcmp(commands[i].name, "%packages")))
			wrong(&c, "there is no %s", commands[i].name);
	return c.wrong;
}

/* --- Tests --- */

/* The check itself sees what is wrong. */
static void test_check(void **state)
{
	static const struct {
		unsigned el;
		const char *text, *want;
	} cases[] = {
		{ 6, "bootloader\n%packages\n%end\n", NULL },
		{ 5, "bootloader\n%packages\n", NULL },
		{ 5, "bootloader\n%packages\n%end\n", "%end" },
		{ 8, "install\nbootloader\n%packages\n%end\n", "no command install in this version" },
		{ 9, "auth --enableshadow\nbootloader\n%packages\n%end\n", "no command auth in this version" },
		{ 7, "bootlaoder\n", "no command bootlaoder" },
		{ 7, "bootloader --location\n", "needs a value" },
		{ 7, "bootloader --location=\n", "empty value" },
		{ 6, "bootloader --leavebootorder\n", "no option --leavebootorder in this version" },
		{ 7, "bootloader 'a\n", "no closing quotation" },
		{ 6, "bootloader\n%packages\n", "has no %end" },
		{ 6, "bootloader\n%packages\n%post\n%end\n", "inside of %packages" },
		{ 6, "volgroup vg --noformat\nvolgroup vg --noformat\n", "a second time" },
		{ 6, "logvol / --name=x\n", "needs --vgname" },
		{ 6, "lang en de\n", "2 arguments" },
		{ 6, "%include /tmp/x\n", "nothing writes" },
		{ 6, "bootloader\nbootloader\n", "a second time" },
		{ 6, "bootloader\n", "no %packages" },
	};

	(void)state;
	for (size_t i = 0; i < vp_count(cases); i++) {
		vp_cleanup(vp_arena_freep) struct vp_arena *a = vp_arena_new();
		const char *got = check(a, cases[i].el, cases[i].text);

		if (!cases[i].want != !got || (got && !strstr(got, cases[i].want)))
			fail_msg("%s: %s instead of %s", cases[i].text, got ? got : "nothing", cases[i].want ? cases[i].want : "nothing");
	}
}

/* Whatever version the profile names, with and without a boot service. */
static void check_versions(struct vp_node *n)
{
	for (unsigned el = 5; el <= 10; el++)
		for (int service = 0; service < 2; service++) {
			vp_cleanup(vp_arena_freep) struct vp_arena *a = vp_arena_new();
			vp_cleanup(vp_buf_free) struct vp_buf out = { 0 };
			struct vp_err err = { 0 };
			const char *bad;

			n->aii.ks.version = versions[el];
			if (render(n, service ? "http://192.0.2.1:8420" : "", &out, &err))
				fail_msg("%s: %s", n->name, err.msg);
			bad = check(a, el, out.data);
			if (bad)
				fail_msg("%s: %s", n->name, bad);
		}
}

static const char *const own[] = { "el5", "el6", "el7", "el9" };

static void test_own_syntax(void **state)
{
	(void)state;
	for (size_t i = 0; i < vp_count(own); i++) {
		struct world w = world_new();

		check_versions(bind_own(&w, own[i]));
		world_free(&w);
	}
}

static void test_shared_syntax(void **state)
{
	const char *shared = getenv("VP_SHARED");
	char pattern[4200];
	glob_t found = { 0 };
	unsigned checked = 0;

	(void)state;
	snprintf(pattern, sizeof(pattern), "%s/profiles/*/*.json", shared ? shared : "/nonexistent");
	if (glob(pattern, 0, NULL, &found)) {
		print_message("the sample profiles are not there\n");
		skip();
	}
	for (size_t i = 0; i < found.gl_pathc; i++) {
		struct world w = world_new();
		struct vp_node *n = bind_file(&w, found.gl_pathv[i]);

		if (n && n->machine == VP_GUEST && *n->aii.ks.installtype) {
			check_versions(n);
			checked++;
		}
		world_free(&w);
	}
	globfree(&found);
	if (checked < 15)
		fail_msg("only %u profiles have a kickstart", checked);
}

static void check_golden(const char *name, const char *text)
{
	struct vp_buf golden = { 0 };
	struct vp_err err = { 0 };
	char path[4200];

	snprintf(path, sizeof(path), "%s/tests/golden/kickstart/%s.ks", top, name);
	if (getenv("VP_REGENERATE"))
		assert_int_equal(vp_write_file(path, text, strlen(text), 0644, &err), 0);
	if (vp_read_file(path, VP_MAX_RENDER, &golden, &err))
		fail_msg("%s", err.msg);
	if (strcmp(vp_buf_str(&golden), text))
		fail_msg("%s differs from what is rendered now:\n%s", path, text);
	vp_buf_free(&golden);
}

static void test_goldens(void **state)
{
	(void)state;
	for (size_t i = 0; i < vp_count(own); i++) {
		struct world w = world_new();
		struct vp_buf out = { 0 };
		struct vp_err err = { 0 };

		/* Two of them for a boot service: one old, one new. */
		if (render(bind_own(&w, own[i]), i % 3 ? "" : "http://192.0.2.1:8420", &out, &err))
			fail_msg("%s: %s", own[i], err.msg);
		check_golden(own[i], out.data);
		vp_buf_free(&out);
		world_free(&w);
	}
}

/* What no kickstart can be made of is refused, with the path. */
static void test_refused(void **state)
{
	struct world w = world_new();
	const struct {
		const char *version, *installtype, *bootproto, *ksdevice, *package, *want;
	} cases[] = {
		{ "9.2", "cdrom", "dhcp", "eth0", "curl", "/system/aii/osinstall/ks/version: anaconda 9.2 is older" },
		{ "new", "cdrom", "dhcp", "eth0", "curl", "/system/aii/osinstall/ks/version: \"new\"" },
		{ "19.31", "", "dhcp", "eth0", "curl", "/system/aii/osinstall/ks/installtype: says" },
		{ "19.31", "floppy", "dhcp", "eth0", "curl", "/system/aii/osinstall/ks/installtype: \"floppy\"" },
		{ "19.31", "url @other*@", "dhcp", "eth0", "curl", "/system/aii/osinstall/ks/installtype: no repository" },
		{ "19.31", "cdrom", "static", "bootif", "curl", "/system/aii/nbp/pxelinux/ksdevice: \"bootif\"" },
		{ "19.31", "cdrom", "dhcp", "eth0", "%end", "/system/aii/osinstall/ks/packages/0: \"%end\"" },
	};

	(void)state;
	for (size_t i = 0; i < vp_count(cases); i++) {
		struct vp_node *n = bind_own(&w, "el9");
		struct vp_buf out = { 0 };
		struct vp_err err = { 0 };

		n->aii.ks.version = cases[i].version;
		n->aii.ks.installtype = cases[i].installtype;
		n->aii.ks.bootproto = cases[i].bootproto;
		n->aii.pxelinux.ksdevice = cases[i].ksdevice;
		n->aii.ks.packages.items[0] = cases[i].package;
		assert_int_equal(render(n, "", &out, &err), -1);
		assert_int_equal(out.len, 0);
		if (!strstr(err.msg, cases[i].want))
			fail_msg("%s instead of %s", err.msg, cases[i].want);
	}
	world_free(&w);
}

static void test_no_root(void **state)
{
	struct world w = world_new();
	struct vp_node *n = bind_own(&w, "el9");
	struct vp_buf out = { 0 };
	struct vp_err err = { 0 };

	(void)state;
	for (size_t i = 0; i < n->nfilesystems; i++)
		if (!strcmp(n->filesystems[i].mountpoint, "/"))
			n->filesystems[i].mountpoint = "/other";
	assert_int_equal(render(n, "", &out, &err), -1);
	assert_int_equal(err.code, VP_E_MISSING);
	assert_non_null(strstr(err.msg, "/system/filesystems: none is mounted at /"));
	world_free(&w);
}

/* The secret is in the kickstart that the boot service gives out, and in no other. */
static void test_service(void **state)
{
	struct world w = world_new();
	struct vp_node *n = bind_own(&w, "el6");
	struct vp_buf with = { 0 }, without = { 0 };
	struct vp_err err = { 0 };

	(void)state;
	assert_int_equal(render(n, "http://192.0.2.1:8420", &with, &err), 0);
	assert_int_equal(render(n, "", &without, &err), 0);
	assert_non_null(strstr(with.data, "url=http://192.0.2.1:8420/node/el6.example.org/\"$1?token=\"0123456789abcdef"));
	assert_non_null(strstr(with.data, "%traceback"));
	assert_non_null(strstr(with.data, "userscript http://192.0.2.1/scripts/after.sh"));
	assert_null(strstr(with.data, "aii-installack.cgi"));
	assert_null(strstr(without.data, "token"));
	assert_null(strstr(without.data, "%traceback"));
	assert_non_null(strstr(without.data, "get http://aii.example.org/cgi-bin/aii-installack.cgi"));
	vp_buf_free(&with);
	vp_buf_free(&without);
	world_free(&w);
}

int main(void)
{
	const char *given = getenv("VP_TOP");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_check),	cmocka_unit_test(test_own_syntax), cmocka_unit_test(test_shared_syntax),
		cmocka_unit_test(test_goldens), cmocka_unit_test(test_refused),	   cmocka_unit_test(test_no_root),
		cmocka_unit_test(test_service),
	};
	int failed;

	snprintf(top, sizeof(top), "%.4000s", given ? given : ".");
	snprintf(ship, sizeof(ship), "%.4000s/templates", top);
	read_table();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	vp_buf_free(&table);
	return failed;
}
