// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../apply/network.h"
#include "../hypervisor/storage.h"
#include "world.h"

/* What the image hook needs beyond the world; one per process. */
static struct vp_ctx *context;

static void show_build(const char *phase, int percent)
{
	static char shown[32];

	if (vp_out.level < 0)
		return;
	if (vp_out.tty && percent >= 0)
		printf("\r\033[Kroot image: %s %d%%", phase, percent);
	else if (vp_out.tty)
		printf("\r\033[Kroot image: %s", phase);
	else if (strcmp(shown, phase))
		printf("root image: %s\n", phase);
	snprintf(shown, sizeof(shown), "%s", phase);
	fflush(stdout);
}

static int build_progress(void *arg, const char *phase, int percent)
{
	(void)arg;
	show_build(phase, percent);
	return vp_interrupted;
}

static int find_image(struct vp_world *w, const struct vp_node *n, bool build, struct vp_image *out, struct vp_err *err)
{
	size_t npackages;
	const char **packages = vp_storage_packages(w->arena, n, &npackages);
	const struct vp_image_opts o = {
		.dir = vp_ctx_cache(w->arena),
		.suite = "bookworm",
		.packages = packages,
		.npackages = npackages,
		.guest_dir = vp_ctx_lib(context, "guest"),
		.installer_dir = vp_ctx_lib(context, "installer"),
		.progress = build_progress,
	};
	int rc;

	if (!build)
		return vp_image_find(w->arena, &o, out, err);
	rc = vp_image_build(w->arena, &o, out, err);
	if (vp_out.tty && vp_out.level >= 0)
		fputs("\r\033[K", stdout);
	return rc ? -1 : 1;
}

static int fail(const struct vp_ctx *c, struct vp_world *w, const struct vp_err *err)
{
	vp_world_close(w);
	return vp_ctx_error(c, err);
}

/* A hypervisor that was never used has nothing to look at; opening it would only leave traces. */
static bool hypervisor_needed(const struct vp_ctx *c, bool change)
{
	return change || c->connect || vp_site_get(c->site, "connect") || getenv("LIBVIRT_DEFAULT_URI") ||
	       vp_exists(vp_printf(c->arena, "%s/qemu", c->state_dir)) || !access("/run/libvirt", F_OK);
}

static struct vp_hv *open_former(struct vp_world *w, const char *uri, struct vp_err *err)
{
	size_t i = 0;

	for (; i < vp_count(w->formers) && w->formers[i]; i++)
		if (!strcmp(w->formers[i]->uri, uri))
			return w->formers[i];
	if (i == vp_count(w->formers)) {
		vp_fail(err, VP_E_NOHYPERVISOR, "nodes of more than %zu other hypervisors at a time", i);
		return NULL;
	}
	w->formers[i] = vp_hv_open(&(struct vp_hv_opts){ .connect = uri, .state_dir = w->state_dir, .readonly = w->hv->readonly }, err);
	return w->formers[i];
}

int vp_world_open(struct vp_ctx *c, bool change, struct vp_world *w)
{
	struct vp_hv_opts hv = { .connect = c->connect, .state_dir = c->state_dir, .readonly = !change };
	struct vp_err err = { 0 };
	int rc = vp_ctx_site(c);

	*w = (struct vp_world){ .arena = c->arena,
				.state_dir = c->state_dir,
				.disk = &vp_disk_live,
				.program = c->program,
				.config = c->config,
				.restart = c->restart,
				.reinstall = c->reinstall,
				.former = open_former };
	context = c;
	if (rc)
		return rc;
	w->http_port = vp_ctx_http_port(c);
	w->max_installs = vp_ctx_max_installs(c);
	hv.site_connect = vp_site_get(c->site, "connect");
	w->render = vp_ctx_render(c);
	w->service = vp_service_start;
	w->image = find_image;
	if (change && (vp_state_lock(c->state_dir, c->command, &err) < 0 || vp_network_settle(c->arena, c->state_dir, &err)))
		return fail(c, w, &err);
	/* Single-threaded until here: libvirt and its threads come next. */
	if (vp_kvm_hide(&err) < 0)
		vp_debug("%s", err.msg);
	w->state = vp_state_open(c->state_dir, !change, &err);
	if (!w->state && (change || err.code != VP_E_NOTFOUND))
		return fail(c, w, &err);
	w->net = vp_net_open(&err);
	if (!w->net)
		return fail(c, w, &err);
	if (hypervisor_needed(c, change)) {
		w->hv = vp_hv_open(&hv, &err);
		if (!w->hv)
			return fail(c, w, &err);
		w->render.own_taps = w->hv->local;
		if (!w->hv->local) {
			w->disk = &vp_hv_disk;
			w->disk_ctx = w->hv;
		}
	}
	return change && vp_recover(w, &err) ? fail(c, w, &err) : VP_EXIT_OK;
}

void vp_world_close(struct vp_world *w)
{
	for (size_t i = 0; i < vp_count(w->formers) && w->formers[i]; i++)
		w->formers[i]->ops->close(w->formers[i]);
	if (w->hv)
		w->hv->ops->close(w->hv);
	if (w->net) {
		vp_debug("netlink: %u dumps", vp_net_dumps);
		w->net->ops->close(w->net);
	}
	vp_state_close(w->state);
	*w = (struct vp_world){ 0 };
}

void vp_world_report(const struct vp_step *s)
{
	vp_say("%s %s %s: done", vp_action_name(s->action), vp_kind_name(s->kind), s->name);
}

static void fit_kvm(struct vp_nodes *nodes)
{
	const char *why;
	bool said = false;

	if (vp_kvm_usable(&why))
		return;
	for (size_t i = 0; i < nodes->n; i++) {
		struct vp_node *n = nodes->items[i];

		if (n->virt != VP_KVM)
			continue;
		n->virt = VP_QEMU;
		if (!said && vp_out.level >= 0)
			fprintf(stderr, "vprov: KVM cannot run guests here (%s): using software emulation, about 20 times slower\n", why);
		said = true;
	}
}

int vp_world_fit(struct vp_world *w, struct vp_nodes *nodes, struct vp_err *err)
{
	if (!w->hv || w->hv->local)
		fit_kvm(nodes);
	for (size_t i = 0; w->hv && !w->hv->local && i < nodes->n; i++)
		if (vp_remote_fit(w, nodes->items[i], err))
			return -1;
	for (size_t i = 0; i < nodes->n; i++)
		if (vp_plan_keep_disks(w, nodes->items[i], err))
			return -1;
	return 0;
}

int vp_world_node(struct vp_ctx *c, struct vp_world *w, const struct vp_node_row *row, struct vp_node **out, struct vp_err *err)
{
	json_t *j = json_loads(row->json, 0, NULL);
	const char *profile = json_string_value(json_object_get(j, "profile"));
	const char *path = vp_strdup(c->arena, profile ? profile : "");
	struct vp_ctx one = *c;
	struct vp_nodes nodes = { 0 };

	json_decref(j);
	*out = NULL;
	if (!*path || !strcmp(path, "-"))
		return vp_fail(err, VP_E_NOTFOUND, "node %s was applied from standard input: there is no profile to read again", row->name);
	one.args = &path;
	one.nargs = 1;
	if (vp_ctx_nodes(&one, &nodes))
		return vp_fail(err, VP_E_NOTFOUND, "node %s: its profile %s cannot be used", row->name, path);
	if (vp_world_fit(w, &nodes, err))
		return -1;
	for (size_t i = 0; i < nodes.n && !*out; i++)
		if (!strcmp(nodes.items[i]->name, row->name))
			*out = nodes.items[i];
	return *out ? 0 : vp_fail(err, VP_E_NOTFOUND, "%s holds no node %s any more", path, row->name);
}
