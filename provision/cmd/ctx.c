// SPDX-License-Identifier: Apache-2.0
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
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

/* Errors always, the rest unless quiet. */
static void print_diags(const struct vp_ctx *c)
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
	print_diags(c);
	return VP_EXIT_USAGE;
}

int vp_ctx_nodes(struct vp_ctx *c, struct vp_nodes *out)
{
	const struct vp_bind_opts opts = { .virt = c->virt, .state_dir = c->state_dir };
	int rc = vp_ctx_site(c);

	if (rc)
		return rc;
	vp_nodes_load(c->arena, c->args, c->nargs, c->site, &opts, out, &c->diags);
	print_diags(c);
	return c->diags.errors ? VP_EXIT_PROFILE : VP_EXIT_OK;
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

	return (struct vp_render){
		.site_dir = dir				? dir
			    : vp_exists(SITE_TEMPLATES) ? SITE_TEMPLATES
							: NULL,
		.ship_dir = vp_ctx_lib(c, "templates"),
		.state_dir = c->state_dir,
		.own_taps = local_uri(c),
	};
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
	char exe[4096];
	ssize_t n;

	if (lib && *lib)
		return absolute(c, vp_printf(c->arena, "%s/%s", lib, part));
	n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	exe[n < 0 ? 0 : n] = '\0';
	dir = parent(c, exe);
	top = parent(c, dir);
	if (!vp_exists(vp_printf(c->arena, "%s/templates", top)) || !vp_exists(vp_printf(c->arena, "%s/pxe", top)))
		return vp_printf(c->arena, "%s/lib/vprov/%s", top, part);
	if (!strcmp(part, "guest"))
		return vp_printf(c->arena, "%s/guest", dir);
	return vp_printf(c->arena, "%s/%s%s", top, strcmp(part, "installer") ? "" : "pxe/", part);
}

void vp_print_json(json_t *j)
{
	json_dumpf(j, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
	putchar('\n');
	json_decref(j);
}
