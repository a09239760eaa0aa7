// SPDX-License-Identifier: Apache-2.0
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cmd.h"

#define SITE_TEMPLATES "/etc/vprov/templates"

int vp_ctx_error(const struct vp_ctx *c, const struct vp_err *err)
{
	bool red = vp_out.color && isatty(STDERR_FILENO);

	(void)c;
	fprintf(stderr, "vprov: %serror:%s %s [%s]\n", red ? "\033[1;31m" : "", red ? "\033[0m" : "", err->msg, vp_code_text(err->code));
	fprintf(stderr, "  what to do: %s\n", vp_code_todo(err->code));
	return (int)vp_code_exit(err->code);
}

static const char *absolute(struct vp_ctx *c, const char *path)
{
	vp_cleanup(vp_freep) char *cwd = NULL;

	if (path[0] == '/')
		return path;
	cwd = getcwd(NULL, 0);
	return vp_printf(c->arena, "%s/%s", cwd ? cwd : "", path);
}

static const char *home_dir(void)
{
	const char *home = getenv("HOME");
	const struct passwd *pw;

	if (home && home[0] == '/')
		return home;
	pw = getpwuid(getuid());
	return pw ? pw->pw_dir : "/";
}

const char *vp_ctx_state_dir(struct vp_ctx *c)
{
	const char *xdg = getenv("XDG_STATE_HOME");

	if (c->state_dir)
		return absolute(c, c->state_dir);
	if (!geteuid())
		return "/var/lib/vprov";
	/* The XDG specification: a relative path is to be ignored. */
	if (xdg && xdg[0] == '/')
		return vp_printf(c->arena, "%s/vprov", xdg);
	return vp_printf(c->arena, "%s/.local/state/vprov", home_dir());
}

const char *vp_ctx_cache(struct vp_arena *a)
{
	const char *dir = getenv("VPROV_CACHE"), *xdg = getenv("XDG_CACHE_HOME");

	if (dir && dir[0] == '/')
		return dir;
	if (!geteuid())
		return "/var/cache/vprov";
	if (xdg && xdg[0] == '/')
		return vp_printf(a, "%s/vprov", xdg);
	return vp_printf(a, "%s/.cache/vprov", home_dir());
}

unsigned vp_ctx_http_port(const struct vp_ctx *c)
{
	const char *port = vp_site_get(c->site, "http_port");

	return port ? (unsigned)atoi(port) : VP_HTTP_PORT;
}

unsigned vp_ctx_max_installs(const struct vp_ctx *c)
{
	const char *max = vp_site_get(c->site, "max_installs");

	return max ? (unsigned)atoi(max) : 0;
}

void vp_ctx_diags(const struct vp_ctx *c)
{
	if (c->diags.errors || vp_out.level >= 0)
		vp_diags_print(&c->diags, stderr);
}

int vp_ctx_site(struct vp_ctx *c)
{
	if (c->site)
		return VP_EXIT_OK;
	c->site = vp_site_read(c->arena, c->config, &c->diags);
	if (c->site && !c->diags.errors)
		return VP_EXIT_OK;
	vp_ctx_diags(c);
	return VP_EXIT_USAGE;
}

/* The nodes that an earlier --virt made something else of. A state that cannot be read knows none. */
static void find_chosen(struct vp_ctx *c, struct vp_bind_opts *o)
{
	struct vp_state *s = c->virt < 0 ? vp_state_open(c->state_dir, true, NULL) : NULL;
	struct vp_node_rows rows = { 0 };
	struct vp_chosen *list;

	if (!s || vp_state_nodes(s, c->arena, &rows, NULL)) {
		vp_state_close(s);
		return;
	}
	list = vp_alloc(c->arena, (rows.n + 1) * sizeof(*list));
	for (size_t i = 0; i < rows.n; i++) {
		json_t *j = json_loads(rows.items[i].json, 0, NULL);
		const char *from = json_string_value(json_object_get(json_object_get(j, "origin"), "virt"));
		const char *virt = json_string_value(json_object_get(json_object_get(j, "values"), "virt"));
		const char *own = json_string_value(json_object_get(j, "own_virt"));

		if (from && virt && own && !strncmp(from, VP_VIRT_CHOSEN, strlen(VP_VIRT_CHOSEN)))
			list[o->nchosen++] = (struct vp_chosen){ rows.items[i].name, vp_virt_find(virt), vp_virt_find(own) };
		json_decref(j);
	}
	o->chosen = list;
	vp_state_close(s);
}

int vp_ctx_fleet(struct vp_ctx *c, struct vp_fleet_opts *o, struct vp_fleet *out)
{
	struct vp_err err = { 0 };
	int rc = vp_ctx_site(c);

	if (rc)
		return rc;
	o->bind = (struct vp_bind_opts){ .virt = c->virt, .state_dir = c->state_dir };
	if (o->nodes)
		find_chosen(c, &o->bind);
	o->cache = vp_ctx_cache(c->arena);
	o->stop = &vp_interrupted;
	o->site = c->site;
	if (vp_fleet_load(c->arena, c->args, c->nargs, o, out, &c->diags, &err))
		return vp_ctx_error(c, &err);
	if (vp_interrupted) {
		vp_fail(&err, VP_E_INTERRUPTED, "interrupted while profiles were read");
		return vp_ctx_error(c, &err);
	}
	return c->diags.errors ? VP_EXIT_PROFILE : VP_EXIT_OK;
}

int vp_ctx_nodes(struct vp_ctx *c, struct vp_nodes *out)
{
	struct vp_fleet_opts opts = { .nodes = true };
	struct vp_fleet fleet = { 0 };
	int rc = vp_ctx_fleet(c, &opts, &fleet);

	*out = fleet.nodes;
	if (!rc || rc == VP_EXIT_PROFILE)
		vp_ctx_diags(c);
	return rc;
}

/* Before any connection is open: a URI without an authority is this machine's, and so are all that are tried where none is given. */
static bool local_uri(const struct vp_ctx *c)
{
	const char *uri = c->connect, *at;

	if (!uri && c->site)
		uri = vp_site_get(c->site, "connect");
	if (!uri)
		uri = getenv("LIBVIRT_DEFAULT_URI");
	if (!uri || !*uri)
		return true;
	at = strstr(uri, "://");
	return at && at[3] == '/' && strncmp(uri, "test:", 5);
}

struct vp_render vp_ctx_render(struct vp_ctx *c)
{
	const char *dir = c->site ? vp_site_get(c->site, "templates") : NULL;

	if (!c->memo)
		c->memo = vp_render_memo_new();
	return (struct vp_render){
		.site_dir = dir				? dir
			    : vp_exists(SITE_TEMPLATES) ? SITE_TEMPLATES
							: NULL,
		.ship_dir = vp_ctx_lib(c, "templates"),
		.state_dir = c->state_dir,
		.own_taps = local_uri(c),
		.memo = c->memo,
	};
}

const char *vp_ctx_program(struct vp_ctx *c)
{
	char exe[4096];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe));

	return vp_strndup(c->arena, exe, n < 0 ? 0 : (size_t)n);
}

/* "/a/b/c" -> "/a/b" */
static const char *parent(struct vp_ctx *c, const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? vp_strndup(c->arena, path, (size_t)(slash - path)) : "";
}

const char *vp_ctx_lib(struct vp_ctx *c, const char *part)
{
	const char *lib = getenv("VPROV_LIB");
	const char *dir, *top;

	if (lib && *lib)
		return absolute(c, vp_printf(c->arena, "%s/%s", lib, part));
	dir = parent(c, c->program);
	top = parent(c, dir);
	if (!vp_exists(vp_printf(c->arena, "%s/templates", top)) || !vp_exists(vp_printf(c->arena, "%s/pxe", top)))
		return vp_printf(c->arena, "%s/lib/vprov/%s", top, part);
	if (!strcmp(part, "guest"))
		return vp_printf(c->arena, "%s/guest", dir);
	return vp_printf(c->arena, "%s/%s%s", top, strcmp(part, "installer") ? "" : "pxe/", part);
}

int vp_ctx_state(struct vp_ctx *c, bool named, struct vp_state **s)
{
	struct vp_err err = { 0 };
	struct vp_node_row row;
	const char *unknown = NULL;

	*s = vp_state_open(c->state_dir, true, &err);
	if (!*s && err.code != VP_E_NOTFOUND)
		return vp_ctx_error(c, &err);
	for (size_t i = 0; named && i < c->nargs && !unknown; i++) {
		int found = *s ? vp_state_node(*s, c->arena, c->args[i], &row, &err) : 0;

		if (found < 0)
			return vp_ctx_error(c, &err);
		if (!found)
			unknown = vp_printable(c->arena, c->args[i], 256);
	}
	if (!unknown)
		return VP_EXIT_OK;
	err = (struct vp_err){ 0 };
	vp_fail(&err, VP_E_NOTFOUND, "no node '%s' in %s", unknown, c->state_dir);
	return vp_ctx_error(c, &err);
}

int vp_ctx_peek(struct vp_ctx *c, const char *uri, int (*fn)(struct vp_hv *hv, void *arg, struct vp_err *err), void *arg, struct vp_err *err)
{
	const struct vp_hv_opts o = { .connect = uri, .state_dir = c->state_dir, .readonly = true };
	vp_cleanup(vp_closep) int lock = -1;
	static bool hidden;
	struct vp_hv *hv;
	int rc;

	if (!strncmp(uri, "qemu:///embed", 13)) {
		lock = vp_state_lock(c->state_dir, c->command, err);
		if (lock < 0)
			return -1;
	}
	/* Before libvirt's threads are there, that is: once. */
	if (!hidden && vp_kvm_hide(NULL) < 0)
		vp_debug("/dev/kvm cannot be hidden: libvirt may be slow");
	hidden = true;
	hv = vp_hv_open(&o, err);
	if (!hv)
		return -1;
	rc = fn(hv, arg, err);
	hv->ops->close(hv);
	return rc;
}

const char *vp_ctx_time(struct vp_ctx *c, double t)
{
	time_t s = (time_t)t;
	char text[32];
	struct tm tm;

	gmtime_r(&s, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return vp_strdup(c->arena, text);
}

const char *vp_ctx_local_time(struct vp_ctx *c, double t)
{
	time_t s = (time_t)t;
	char text[32];
	struct tm tm;

	localtime_r(&s, &tm);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	return vp_strdup(c->arena, text);
}

void vp_print_json(json_t *j)
{
	json_dumpf(j, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
	putchar('\n');
	json_decref(j);
}
