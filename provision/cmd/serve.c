// SPDX-License-Identifier: Apache-2.0
/* vprov serve: the boot service in the foreground. apply starts the same with --until-done. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "../../pxe/serve.h"
#include "../fetch/fetch.h"
#include "cmd.h"

/* Looks at the nodes' profiles when a note says that some have changed; in a thread, for a server of profiles may be slow. */
struct lookout {
	struct vp_ctx *c;
	const char *cache;
	int fd;
	pthread_t thread;
	bool begun;
	atomic_bool busy;
	volatile int stop;
};

/* SHA-256 of the profile as it is now; false where it cannot be read, which is no news. */
static bool digest_now(struct lookout *l, struct vp_arena *a, const char *profile, char digest[65])
{
	const struct vp_fetch_opts o = { .site = l->c->site, .cache = l->cache, .stop = &l->stop };
	struct vp_diags unheard = { .arena = a };
	struct vp_sources found = { 0 };
	struct vp_err err = { 0 };
	bool good;

	vp_sources_find(a, &profile, 1, &o, &found, &unheard);
	good = found.n == 1 && !unheard.errors && !vp_sha256_file(found.items[0].path, digest, &err);
	if (!good)
		vp_debug("%s: %s", profile, unheard.n ? unheard.items[0].message : err.msg);
	vp_diags_free(&unheard);
	return good;
}

static bool is_told(struct vp_state *s, struct vp_arena *a, const char *node, const char *text)
{
	struct vp_events events = { 0 };

	if (vp_state_events(s, a, node, 0, &events, NULL))
		return true;
	for (size_t i = 0; i < events.n; i++)
		if (!strcmp(events.items[i].source, "profile") && !strcmp(events.items[i].text, text))
			return true;
	return false;
}

static void look_at(struct lookout *l, struct vp_state *s, struct vp_arena *a, const struct vp_node_row *row)
{
	json_t *node = json_loads(row->json, 0, NULL);
	const char *profile = json_string_value(json_object_get(node, "profile"));
	const char *applied = json_string_value(json_object_get(node, "profile_digest"));
	char digest[65];

	/* stdin cannot be read again. */
	if (profile && applied && strcmp(profile, "-") && digest_now(l, a, profile, digest) && strcmp(digest, applied) != 0) {
		const char *text = vp_printf(a, "its profile changed (%.12s): vprov plan %s", digest, profile);

		if (!is_told(s, a, row->name, text)) {
			vp_say("%s: %s", row->name, text);
			vp_state_event(s, row->name, "profile", text, NULL);
		}
	}
	json_decref(node);
}

static void *look(void *arg)
{
	vp_cleanup(vp_arena_freep) struct vp_arena *a = vp_arena_new();
	vp_cleanup(vp_state_closep) struct vp_state *s = NULL;
	struct vp_node_rows rows = { 0 };
	struct lookout *l = arg;

	s = vp_state_open(l->c->state_dir, false, NULL);
	if (s && !vp_state_nodes(s, a, &rows, NULL))
		for (size_t i = 0; i < rows.n && !l->stop; i++)
			look_at(l, s, a, &rows.items[i]);
	atomic_store(&l->busy, false);
	return NULL;
}

static void notified(void *arg)
{
	struct lookout *l = arg;

	if (atomic_load(&l->busy) || !vp_notify_take(l->fd))
		return;
	if (l->begun)
		pthread_join(l->thread, NULL);
	atomic_store(&l->busy, true);
	l->begun = !pthread_create(&l->thread, NULL, look, l);
	if (!l->begun)
		atomic_store(&l->busy, false);
}

static void open_lookout(struct lookout *l)
{
	const char *port = vp_site_get(l->c->site, "notify_port");
	unsigned number = port ? (unsigned)atoi(port) : VP_NOTIFY_PORT;
	struct vp_err err = { 0 };

	l->fd = number ? vp_notify_open(number, &err) : -1;
	l->cache = vp_ctx_cache(l->c->arena);
	if (err.msg[0])
		vp_warn("%s", err.msg);
}

static void close_lookout(struct lookout *l)
{
	l->stop = 1;
	if (l->begun)
		pthread_join(l->thread, NULL);
	vp_closep(&l->fd);
}

static int read_status(const struct vp_ctx *c, struct vp_status_at *out, struct vp_err *err)
{
	return vp_status_read(c->arena, vp_site_get(c->site, "status_address"), vp_site_get(c->site, "status_cert"),
			      vp_site_get(c->site, "status_key"), out, err);
}

/* A configuration that is wrong leaves the last one in use. */
static int reread(void *arg, struct vp_status_at *status)
{
	struct lookout *l = arg;
	struct vp_err err = { 0 };
	struct vp_diags diags = { .arena = l->c->arena };
	struct vp_site *site = vp_site_read(l->c->arena, l->c->config, &diags);
	bool good = site && !diags.errors;

	if (good) {
		l->c->site = site;
		vp_say("the site configuration was read again");
	} else {
		vp_diags_print(&diags, stderr);
		vp_warn("the site configuration was read again, and is not used: what is wrong is above");
	}
	vp_diags_free(&diags);
	if (good && read_status(l->c, status, &err)) {
		vp_warn("status page: %s", err.msg);
		return -1;
	}
	return good ? 0 : -1;
}

static int serve_once(struct vp_ctx *c, struct lookout *l, struct vp_err *err)
{
	vp_cleanup(vp_arena_freep) struct vp_arena *a = vp_arena_new();
	struct vp_serve_opts o = { .state_dir = c->state_dir,
				   .hook = vp_printf(a, "%s/vprov-guest", vp_ctx_lib(c, "guest")),
				   .image_dir = vp_ctx_cache(a),
				   .port = vp_ctx_http_port(c),
				   .until_done = c->until_done,
				   .loader = vp_loader_find(vp_site_get(c->site, "loader")),
				   .notify_fd = l->fd,
				   .notified = notified,
				   .reread = reread,
				   .notified_arg = l };
	struct vp_state *s = vp_state_open(c->state_dir, false, err);
	int rc = -1;

	if (s && !read_status(c, &o.status, err))
		rc = vp_serve_nets(s, a, &o, err);
	vp_state_close(s);
	return rc ? -1 : vp_serve(&o, err);
}

int vp_cmd_serve(struct vp_ctx *c)
{
	struct lookout l = { .c = c };
	struct vp_err err = { 0 };
	int rc = vp_ctx_site(c);

	if (rc)
		return rc;
	open_lookout(&l);
	rc = serve_once(c, &l, &err);
	close_lookout(&l);
	if (vp_interrupted)
		return VP_EXIT_OK;
	return rc < 0 ? vp_ctx_error(c, &err) : rc;
}
