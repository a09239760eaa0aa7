/* SPDX-License-Identifier: Apache-2.0 */
/* The commands: one file each, one table (main.c) that dispatches and prints the help. */
#ifndef VP_CMD_H
#define VP_CMD_H

#include <jansson.h>

#include "../../templates/render.h"
#include "../fleet/fleet.h"
#include "../hypervisor/virt.h"
#include "../state/state.h"

/* What every command gets. Everything lives until the program ends. */
struct vp_ctx {
	const char *command;
	struct vp_arena *arena;
	/* Options; NULL, false or -1 where not given. */
	const char *connect, *config, *output, *run, *confirm, *suite, *only, *peer, *recheck, *by;
	/* Every --connect; where there is one, that is `connect`. */
	const char *connects[8];
	size_t nconnects;
	/* Absolute. The program's own path as it was at the start: in a mount namespace of its own it cannot be asked for any more. */
	const char *program;
	const char *state_dir;
	int virt;
	/* render network --for */
	const char *tool;
	/* Seconds; 0: not given. */
	unsigned confirm_within;
	/* Of verify; 0: as many as its suite has, and no boot between them. */
	unsigned runs, boots;
	bool json, exit_code, watch, follow, restart, reinstall, until_done, yes, keep, unused, markdown, adopt, host, together, durability;
	/* What is left of the command line. */
	const char *const *args;
	size_t nargs;
	/* Read by vp_ctx_site(), once. */
	struct vp_site *site;
	struct vp_diags diags;
	/* Of vp_ctx_render(), freed at the end. */
	struct vp_render_memo *memo;
};

struct vp_cmd {
	const char *name;
	/* "PROFILE...", "[NODE...]" */
	const char *args;
	const char *summary;
	/* Answers the exit status. Prints its own output; errors by vp_ctx_error(). */
	int (*run)(struct vp_ctx *c);
	unsigned min_args, max_args;
};

int vp_cmd_check(struct vp_ctx *c);
int vp_cmd_show(struct vp_ctx *c);
int vp_cmd_render(struct vp_ctx *c);
int vp_cmd_plan(struct vp_ctx *c);
int vp_cmd_apply(struct vp_ctx *c);
int vp_cmd_status(struct vp_ctx *c);
int vp_cmd_log(struct vp_ctx *c);
int vp_cmd_console(struct vp_ctx *c);
int vp_cmd_verify(struct vp_ctx *c);
int vp_cmd_compare(struct vp_ctx *c);
int vp_cmd_report(struct vp_ctx *c);
int vp_cmd_rebuild(struct vp_ctx *c);
int vp_cmd_destroy(struct vp_ctx *c);
int vp_cmd_pxe(struct vp_ctx *c);
int vp_cmd_net(struct vp_ctx *c);
int vp_cmd_serve(struct vp_ctx *c);
int vp_cmd_schema(struct vp_ctx *c);
/* show --unused */
int vp_show_unused(struct vp_ctx *c);
int vp_cmd_version(struct vp_ctx *c);
/* Part of log: a table of the phases of a node's last installation; nothing where there was none. */
int vp_phases_print(struct vp_ctx *c, struct vp_state *s, const char *node, struct vp_err *err);
int vp_cmd_help(struct vp_ctx *c);

/* Prints "vprov: error: ... [VP-xxx]" and what to do next on stderr; answers the exit status of the code. */
int vp_ctx_error(const struct vp_ctx *c, const struct vp_err *err);
/* Path of this program. */
const char *vp_ctx_program(struct vp_ctx *c);
/* --state-dir, else /var/lib/vprov (root), else $XDG_STATE_HOME/vprov; absolute. */
const char *vp_ctx_state_dir(struct vp_ctx *c);
/* Site configuration (exit status 2 and printed diagnostics if it is wrong); 0 or an exit status. */
int vp_ctx_site(struct vp_ctx *c);
/* Of the boot service: the site key, else VP_HTTP_PORT. */
unsigned vp_ctx_http_port(const struct vp_ctx *c);
/* 0 where the site does not say. */
unsigned vp_ctx_max_installs(const struct vp_ctx *c);
/* Problems of the profiles on stderr: errors always, the rest unless quiet. */
void vp_ctx_diags(const struct vp_ctx *c);
/*
 * Site configuration, then the profiles of all arguments as one site; of *o only what is wanted has to be set. 0; VP_EXIT_PROFILE where c->diags has
 * errors (what is right is in out nevertheless); or another exit status, with the error printed. Only a wrong site configuration prints diagnostics.
 */
int vp_ctx_fleet(struct vp_ctx *c, struct vp_fleet_opts *o, struct vp_fleet *out);
/* The same for commands that want nodes; prints the diagnostics. */
int vp_ctx_nodes(struct vp_ctx *c, struct vp_nodes *out);
/* Renderer of this run: site's template directory, shipped one, state directory. */
struct vp_render vp_ctx_render(struct vp_ctx *c);
/* Where shipped parts are: $VPROV_LIB, the build tree beside the program, or PREFIX/lib/vprov. */
const char *vp_ctx_lib(struct vp_ctx *c, const char *part);
/*
 * Opens the state for reading: *s stays NULL where there is none yet. With `named`, every argument has to be a node of it.
 * 0, or an exit status after the message.
 */
int vp_ctx_state(struct vp_ctx *c, bool named, struct vp_state **s);
/*
 * Calls fn with a connection to a node's hypervisor (its URI), only to look. An embedded driver has one user at a time: the lock of
 * the state directory is held meanwhile, and VP_E_LOCKED says that another vprov is at work. fn's answer, or -1 with err filled.
 */
int vp_ctx_peek(struct vp_ctx *c, const char *uri, int (*fn)(struct vp_hv *hv, void *arg, struct vp_err *err), void *arg, struct vp_err *err);
/* Seconds since 1970 as "2026-11-21T21:43:10Z" (JSON), or in local time for people. */
const char *vp_ctx_time(struct vp_ctx *c, double t);
const char *vp_ctx_local_time(struct vp_ctx *c, double t);
/* The image cache: $VPROV_CACHE, else /var/cache/vprov (root), else $XDG_CACHE_HOME/vprov; in the arena. */
const char *vp_ctx_cache(struct vp_arena *a);
/* Dumps with stable key order and a newline; steals the reference. */
void vp_print_json(json_t *j);

#endif
