// SPDX-License-Identifier: Apache-2.0
/* Each kind of resource: how it is found and how it is brought from one state to another. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../state/phase.h"
#include "../../templates/installer.h"
#include "../plan/network.h"
#include "../plan/traffic.h"
#include "post.h"

#define MTU_DEFAULT 1500

const char *vp_mark(struct vp_world *w)
{
	return vp_printf(w->arena, "vprov:%s", vp_state_id(w->state));
}

/* 1 ours, 0 absent, -1 foreign or error. */
static int own_link(struct vp_world *w, const char *name, struct vp_link *out, struct vp_err *err)
{
	struct vp_links links = { 0 };
	const struct vp_link *link;
	int rc = 0;

	if (w->net->ops->list(w->net, &links, err))
		return -1;
	link = vp_link_find(&links, name);
	if (link && !vp_link_owned(link, vp_mark(w)))
		rc = vp_fail(err, VP_E_NETOWN, "the device '%s' exists and is not vprov's", name);
	else if (link) {
		*out = *link;
		out->addrs = vp_alloc(w->arena, link->naddrs * sizeof(*link->addrs) + 1);
		if (link->naddrs)
			memcpy(out->addrs, link->addrs, link->naddrs * sizeof(*link->addrs));
		rc = 1;
	}
	vp_links_free(&links);
	return rc;
}

/* A foreign device of that name is not ours: absent, as far as the records go. */
static int probe_link(struct vp_world *w, const char *name, const char **data, struct vp_err *err)
{
	struct vp_link link = { 0 };
	struct vp_err local = { 0 };
	int rc = own_link(w, name, &link, &local);

	if (rc < 0 && local.code != VP_E_NETOWN) {
		*err = local;
		return -1;
	}
	if (rc != 1)
		return 0;
	if (link.kind == VP_LINK_TAP)
		*data = vp_printf(w->arena, "%s 0", link.master);
	else
		*data = link.naddrs ? vp_printf(w->arena, "%s/%u", link.addrs[0].ip, link.addrs[0].prefix) : "-";
	return 1;
}

/* A change of the host's own network is not a thing that is there or not: what is recorded are the links that vprov made. */
static int probe_step(struct vp_world *w, const char *name, const char **data, struct vp_err *err)
{
	vp_cleanup(vp_lan_free) struct vp_lan live = { 0 };
	const struct vp_lan_link *link;

	if (vp_lan_read(w->net, &live, err))
		return -1;
	link = vp_lan_find(&live, name);
	*data = "made";
	return link && !strcmp(link->alias, vp_network_mark(w->arena, vp_mark(w)));
}

static int set_step(struct vp_world *w, const struct vp_step *s, const char *from, const char *to, const char **data, struct vp_err *err)
{
	bool back = to == s->before;
	int rc;

	(void)from;
	if (vp_lan_do(w->net, s->name, back ? s->after : s->before, to, vp_network_mark(w->arena, vp_mark(w)), err))
		return -1;
	rc = probe_step(w, s->name, data, err);
	*data = rc == 1 ? *data : NULL;
	return rc < 0 ? -1 : 0;
}

static int set_bridge(struct vp_world *w, const struct vp_step *s, const char *from, const char *to, const char **data, struct vp_err *err)
{
	struct vp_link link = { 0 };
	char ip[64] = "";
	unsigned prefix = 0;
	int rc = own_link(w, s->name, &link, err);

	(void)from;
	if (rc < 0)
		return -1;
	*data = to;
	if (!to)
		return rc ? w->net->ops->link_del(w->net, s->name, err) : 0;
	if (!rc && w->net->ops->bridge_add(w->net, s->name, vp_mark(w), err))
		return -1;
	/* "-" is no address. */
	sscanf(to, "%63[^-/]/%u", ip, &prefix);
	for (size_t i = 0; i < link.naddrs; i++) {
		const struct vp_addr *a = &link.addrs[i];

		/* The kernel's own link-local addresses stay. */
		if (strncmp(a->ip, "fe80:", 5) && strcmp(a->ip, ip) && w->net->ops->addr_del(w->net, s->name, a->ip, a->prefix, err))
			return -1;
	}
	if (*ip && !vp_link_has_addr(&link, ip, prefix) && w->net->ops->addr_add(w->net, s->name, ip, prefix, err))
		return -1;
	return w->net->ops->set_up(w->net, s->name, true, err);
}

static int set_tap(struct vp_world *w, const struct vp_step *s, const char *from, const char *to, const char **data, struct vp_err *err)
{
	struct vp_link link = { 0 };
	int rc = own_link(w, s->name, &link, err);
	const char *bridge;
	struct vp_tap how;
	unsigned mtu;

	(void)from;
	if (rc < 0)
		return -1;
	*data = to;
	if (!to)
		return rc ? w->net->ops->link_del(w->net, s->name, err) : 0;
	bridge = vp_strndup(w->arena, to, strcspn(to, " "));
	vp_tap_parse(to, &mtu, &how);
	/* One that a guest has open is never taken from it. */
	if (rc && !link.carrier && !vp_tap_is(&link.tap, &how)) {
		if (w->net->ops->link_del(w->net, s->name, err))
			return -1;
		link = (struct vp_link){ 0 };
		rc = 0;
	}
	/* 0 is the default, also on the way back from another one. */
	mtu = mtu ? mtu : MTU_DEFAULT;
	if (!rc && w->net->ops->tap_add(w->net, s->name, &how, vp_mark(w), err))
		return -1;
	if ((rc ? link.mtu : MTU_DEFAULT) != mtu && w->net->ops->set_mtu(w->net, s->name, mtu, err))
		return -1;
	if (strcmp(link.master, bridge) && w->net->ops->set_master(w->net, s->name, bridge, err))
		return -1;
	return w->net->ops->set_up(w->net, s->name, true, err);
}

/* What could not be changed of its taps while the guest had them open. */
static int ready_taps(struct vp_world *w, const char *node, struct vp_err *err)
{
	struct vp_resources made = { 0 };
	const char *data;
	int rc = w->render.own_taps ? vp_resources(w->state, w->arena, node, &made, err) : 0;

	for (size_t i = 0; i < made.n && !rc; i++)
		if (!strcmp(made.items[i].kind, "tap"))
			rc = set_tap(w, &(struct vp_step){ .name = made.items[i].name }, NULL, made.items[i].data, &data, err);
	return rc;
}

static enum vp_rule_kind rule_of(enum vp_kind k)
{
	return k == VP_KIND_SHARE ? VP_RULE_SHARE : k == VP_KIND_GUARD ? VP_RULE_GUARD : VP_RULE_LIMIT;
}

static int probe_rule(struct vp_world *w, enum vp_kind kind, const char *name, const char **data, struct vp_err *err)
{
	vp_cleanup(vp_rules_free) struct vp_rules all = { 0 };
	const char *text;

	if (w->net->ops->rules(w->net, vp_mark(w), &all, err))
		return -1;
	text = vp_rule_find(&all, rule_of(kind), name);
	if (!text || !strncmp(text, VP_RULE_FOREIGN, strlen(VP_RULE_FOREIGN)))
		return 0;
	*data = vp_strdup(w->arena, text);
	return 1;
}

static int probe_share(struct vp_world *w, const char *name, const char **data, struct vp_err *err)
{
	return probe_rule(w, VP_KIND_SHARE, name, data, err);
}

static int probe_limit(struct vp_world *w, const char *name, const char **data, struct vp_err *err)
{
	return probe_rule(w, VP_KIND_LIMIT, name, data, err);
}

static int probe_guard(struct vp_world *w, const char *name, const char **data, struct vp_err *err)
{
	return probe_rule(w, VP_KIND_GUARD, name, data, err);
}

/* What is recorded of a guard is what was asked for, and how it looks live: the one does not show in the other. */
static int set_guard(struct vp_world *w, const struct vp_step *s, const char *from, const char *to, const char **data, struct vp_err *err)
{
	const char *want = to ? vp_strndup(w->arena, to, strcspn(to, VP_GUARD_LIVE)) : NULL, *live = "";

	(void)from;
	*data = to;
	if (w->net->ops->rule_set(w->net, VP_RULE_GUARD, s->name, want, vp_mark(w), err))
		return -1;
	if (want && probe_guard(w, s->name, &live, err) < 0)
		return -1;
	*data = want ? vp_guard_record(w->arena, want, live) : NULL;
	return 0;
}

static int set_rule(struct vp_world *w, const struct vp_step *s, const char *from, const char *to, const char **data, struct vp_err *err)
{
	(void)from;
	*data = to;
	return w->net->ops->rule_set(w->net, rule_of(s->kind), s->name, to, vp_mark(w), err);
}

static int probe_disk(struct vp_world *w, const char *name, const char **data, struct vp_err *err)
{
	struct vp_disk_info info;
	int rc = w->disk->info(w->disk_ctx, name, &info, err);

	if (rc == 1)
		*data = vp_printf(w->arena, "%s %llu", info.format, (unsigned long long)info.size);
	return rc;
}

static int set_disk(struct vp_world *w, const struct vp_step *s, const char *from, const char *to, const char **data, struct vp_err *err)
{
	char format[16] = "";
	unsigned long long size = 0;

	*data = to;
	if (!to)
		return w->disk->remove(w->disk_ctx, s->name, err);
	/* A removed image cannot be had back: the undo of a removal does not exist, and plans never change one. */
	if (from)
		return vp_fail(err, VP_E_PROTECTED, "%s: an image is never changed in place", s->name);
	sscanf(to, "%15s %llu", format, &size);
	return w->disk->create(w->disk_ctx, s->name, format, size, err);
}

/* 1 where the domain is there and is the recorded node's (same UUID), 0 where not, -1 error. */
static int own_domain(struct vp_world *w, const char *name, struct vp_virt_dom *dom, struct vp_err *err)
{
	struct vp_node_row row;
	int rc = w->hv ? w->hv->ops->lookup(w->hv, name, dom, err) : 0;

	if (rc != 1)
		return rc;
	rc = vp_state_node(w->state, w->arena, name, &row, err);
	return rc < 0 ? -1 : rc && !strcasecmp(row.uuid, dom->uuid);
}

static int probe_domain(struct vp_world *w, const char *name, const char **data, struct vp_err *err)
{
	vp_cleanup(vp_buf_free) struct vp_buf xml = { 0 };
	struct vp_virt_dom dom;
	char digest[65];
	int rc = own_domain(w, name, &dom, err);

	if (rc != 1)
		return rc;
	if (w->hv->ops->xml(w->hv, name, &xml, err))
		return -1;
	vp_sha256_hex(xml.data, xml.len, digest);
	/* What vprov rendered is not known any more: the next plan redefines it, which changes nothing where it is right. */
	*data = vp_printf(w->arena, "%s\n", digest);
	return 1;
}

/* The guest is asked first: what it has not written yet would be lost. Not when it goes for good. */
static int stop_guest(struct vp_hv *hv, const struct vp_step *s, struct vp_err *err)
{
	struct vp_virt_dom dom = { .active = true };
	double until = vp_wall() + VP_SHUTDOWN_SECONDS;

	if (s->want && (s->action == VP_STOP || s->kind == VP_KIND_FORMER) && hv->ops->shutdown && !hv->ops->shutdown(hv, s->name, NULL))
		while (vp_wall() < until && !vp_interrupted && hv->ops->lookup(hv, s->name, &dom, err) == 1 && dom.active)
			usleep(500000);
	return hv->ops->destroy(hv, s->name, err);
}

static int probe_former(struct vp_world *w, const char *name, const char **data, struct vp_err *err)
{
	(void)w;
	(void)name;
	(void)data;
	(void)err;
	/* The next plan asks that hypervisor again. */
	return 0;
}

/* "running|off", the hypervisor, its definition there; a line each. */
static int set_former(struct vp_world *w, const struct vp_step *s, const char *from, const char *to, const char **data, struct vp_err *err)
{
	const char *what = to ? to : from, *uri = what ? strchr(what, '\n') + 1 : "", *xml = strchr(uri, '\n');
	struct vp_hv *hv = xml ? w->former(w, vp_strndup(w->arena, uri, (size_t)(xml - uri)), err) : NULL;
	struct vp_virt_dom dom = { 0 };
	int rc = hv ? hv->ops->lookup(hv, s->name, &dom, err) : -1;

	*data = NULL;
	if (rc < 0)
		return -1;
	if (to && (hv->ops->define(hv, xml + 1, err) || (!strncmp(to, "running", 7) && !dom.active && hv->ops->start(hv, s->name, NULL, err))))
		return -1;
	if (to || !rc)
		return 0;
	return (dom.active && stop_guest(hv, s, err)) || hv->ops->undefine(hv, s->name, err) ? -1 : 0;
}

static int drop_domain(struct vp_world *w, const char *name, struct vp_err *err)
{
	struct vp_virt_dom dom;
	int rc = own_domain(w, name, &dom, err);

	if (rc <= 0)
		return rc;
	/* The step that stops it may have failed, or been of a run that was killed: an undefined guest would run on unknown. */
	return w->hv->ops->destroy(w->hv, name, err) || w->hv->ops->undefine(w->hv, name, err) ? -1 : 0;
}

/* The running guest, where the step says so; what it, or its hypervisor, refuses comes with its next start, and is added to refused. */
static int change_running(struct vp_world *w, const struct vp_step *s, const char *xml, bool back, struct vp_buf *refused, struct vp_err *err)
{
	vp_cleanup(vp_buf_free) struct vp_buf now = { 0 };
	const char *other = back ? s->after : s->before;
	struct vp_virt_dom dom = { 0 };
	struct vp_live live;
	int rc = s->live ? w->hv->ops->lookup(w->hv, s->name, &dom, err) : 0;

	if (rc < 0 || !dom.active)
		return rc < 0 ? -1 : 0;
	if (w->hv->ops->live_xml(w->hv, s->name, &now, err))
		return -1;
	vp_plan_live(w->arena, w->hv, xml, vp_buf_str(&now), other ? vp_plan_recorded(other) : NULL, NULL, &live);
	for (size_t i = 0; i < live.n; i++) {
		struct vp_err why = { 0 };

		rc = w->hv->ops->live(w->hv, s->name, &live.ops[i], &why);
		if (rc < 0)
			return vp_fail(err, why.code, "%s", why.msg);
		if (!rc)
			continue;
		vp_warn("%s; it comes with the next start", why.msg);
		vp_buf_addf(refused, "\t%s", live.ops[i].what);
	}
	return 0;
}

static int set_domain(struct vp_world *w, const struct vp_step *s, const char *from, const char *to, const char **data, struct vp_err *err)
{
	vp_cleanup(vp_buf_free) struct vp_buf live = { 0 }, refused = { 0 };
	const char *xml = to && *to != '<' && strchr(to, '\n') ? strchr(to, '\n') + 1 : to;
	char digest[65];

	(void)from;
	/* What was before is a domain of another hypervisor, which has it back by a step of its own. */
	*data = s->from_host ? to : NULL;
	if (!to || (s->from_host && to == s->before))
		return drop_domain(w, s->name, err);
	if (w->hv->ops->define(w->hv, xml, err) || change_running(w, s, xml, to == s->before, &refused, err) ||
	    w->hv->ops->xml(w->hv, s->name, &live, err))
		return -1;
	vp_sha256_hex(live.data, live.len, digest);
	*data = vp_printf(w->arena, "%s%s\n%s", digest, vp_buf_str(&refused), xml);
	return 0;
}

static int probe_node(struct vp_world *w, const char *name, const char **data, struct vp_err *err)
{
	struct vp_node_row row;
	int rc = vp_state_node(w->state, w->arena, name, &row, err);

	if (rc == 1)
		*data = row.json;
	return rc;
}

/* As it was recorded before a change that is undone: what the row has beside it. */
static void fill_back(struct vp_node_row *row, struct vp_world *w, const struct vp_step *s, const char *record)
{
	json_t *j = json_loads(record, 0, NULL);
	const char *virt = json_string_value(json_object_get(j, "virt"));

	if (virt)
		row->virt = vp_strdup(w->arena, virt);
	row->host = s->from_host ? s->from_host : row->host;
	json_decref(j);
}

static void fill_row(struct vp_node_row *row, const struct vp_world *w, const struct vp_node *n, const char *record)
{
	const struct vp_nic *nic = &n->nics[n->boot_nic];

	row->name = n->name;
	row->uuid = n->uuid;
	row->virt = vp_virt_name(n->virt);
	row->host = w->hv ? w->hv->uri : "";
	row->mac = nic->mac;
	row->ip = nic->ip;
	row->json = record;
}

static int drop_node(struct vp_world *w, const char *name, struct vp_err *err)
{
	/* The console log belongs to the node as its disks do. */
	return vp_state_drop(w->state, name, err) || vp_remove_tree(vp_console_path(w->arena, w->state_dir, name), err) ? -1 : 0;
}

static int set_node(struct vp_world *w, const struct vp_step *s, const char *from, const char *to, const char **data, struct vp_err *err)
{
	struct vp_node_row row = { .since = vp_wall() };
	int rc = vp_state_node(w->state, w->arena, s->name, &row, err);

	*data = to;
	if (rc < 0)
		return -1;
	if (!to)
		return drop_node(w, s->name, err);
	if (to == from)
		return 0;
	if (s->want)
		fill_row(&row, w, s->want, to);
	if (to == s->before)
		fill_back(&row, w, s, to);
	row.json = to;
	return vp_state_put(w->state, &row, err);
}

static int probe_power(struct vp_world *w, const char *name, const char **data, struct vp_err *err)
{
	struct vp_virt_dom dom;
	int rc = w->hv ? w->hv->ops->lookup(w->hv, name, &dom, err) : 0;

	(void)data;
	return rc < 0 ? -1 : 0;
}

/* The install configuration, as the boot service will hand it out. */
static int render_config(struct vp_world *w, const struct vp_node *n, const struct vp_image *image, struct vp_node_row *row, struct vp_err *err)
{
	vp_cleanup(vp_buf_free) struct vp_buf text = { 0 };
	char *url = vp_service_url(w, n, err), token[33];
	json_t *data;
	int rc;

	if (!url)
		return -1;
	data = vp_node_json(n);
	vp_random_hex(token, 16);
	row->token = vp_strdup(w->arena, token);
	json_object_update_new(data, json_pack("{s:s, s:s, s:s+++, s:s, s:I}", "server", url, "token", token, "image_url", url, "/image/",
					       image->digest, ".tar.zst", "image_sha256", image->digest, "image_bytes", (json_int_t)image->packed));
	rc = vp_render_text(&w->render, "install.conf", data, vp_escape_shell, &text, err);
	json_decref(data);
	row->config = vp_strdup(w->arena, vp_buf_str(&text));
	row->image = strrchr(image->dir, '/') + 1;
	return rc;
}

/* The same for the installer of a distribution, with what it boots. */
static int render_installer(struct vp_world *w, const struct vp_node *n, struct vp_node_row *row, struct vp_err *err)
{
	char *url = vp_service_url(w, n, err), token[33];
	struct vp_installer in;

	vp_random_hex(token, 16);
	if (!url || vp_render_installer(w->arena, &w->render, n, url, token, &in, err))
		return -1;
	row->token = vp_strdup(w->arena, token);
	row->kernel = n->netboot.kernel;
	row->initrd = n->netboot.initrd;
	row->cmdline = in.cmdline;
	row->config = in.config;
	row->script = in.script;
	row->image = "";
	return 0;
}

/* In a fake world there is nothing to install from. */
static int prepare_install(struct vp_world *w, const struct vp_node *n, struct vp_node_row *row, struct vp_err *err)
{
	struct vp_image image = { 0 };
	int rc;

	row->method = vp_install_name(n->install);
	row->kernel = row->initrd = row->cmdline = row->script = "";
	if (!w->image)
		return 0;
	if (vp_install_foreign(n->install))
		return render_installer(w, n, row, err);
	rc = w->image(w, n, false, &image, err);
	if (!rc)
		return vp_fail(err, VP_E_MOVED, "the root image of %s is not in the cache any more", n->name);
	return rc == 1 ? render_config(w, n, &image, row, err) : -1;
}

const char *vp_verify_task(struct vp_arena *a, const struct vp_node *n)
{
	time_t now = (time_t)vp_wall();
	char stamp[32];

	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", gmtime(&now));
	return n->verify.enabled ? vp_printf(a, "verify %s %u %u %u", stamp, n->verify.cpu_laps, n->verify.net_seconds, n->verify.disk_mib) : "";
}

int vp_arm(struct vp_world *w, const struct vp_node *n, const char *before, struct vp_err *err)
{
	struct vp_node_row row;

	if (vp_state_node(w->state, w->arena, n->name, &row, err) != 1)
		return vp_fail(err, VP_E_BUG, "node %s is not recorded", n->name);
	/* Repeated after a crash: what was armed stays armed with the same secret, from now on. */
	if (row.life != VP_DEFINED && !before) {
		row.armed_until = vp_wall() + VP_ARM_SECONDS;
		return row.armed ? vp_state_put(w->state, &row, err) : 0;
	}
	if (prepare_install(w, n, &row, err))
		return -1;
	row.life = VP_ARMED;
	row.health = VP_OK;
	row.since = row.last_evidence = vp_wall();
	row.reason = row.phase = "";
	row.percent = row.installs = 0;
	row.armed = row.token_live = true;
	row.armed_until = vp_wall() + VP_ARM_SECONDS;
	row.rescue_until = 0;
	row.before = vp_console_mark(w, n->name, before ? before : "");
	row.task = vp_verify_task(w->arena, n);
	return vp_state_put(w->state, &row, err) || vp_state_event(w->state, n->name, "life", "armed", err) ? -1 : 0;
}

/* What is on a disk already may boot: then the network comes first, and the disk when it says so. */
int vp_first_life(struct vp_world *w, const struct vp_node *n, struct vp_buf *xml, struct vp_err *err)
{
	enum vp_boot boot = VP_BOOT_INSTALL;
	struct vp_render r;

	if (vp_direct_boot(w, n, false, &r, err))
		return -1;
	for (size_t i = 0; i < n->ndisks; i++) {
		struct vp_disk_info info = { 0 };
		int rc = w->disk->info(w->disk_ctx, n->disks[i].path, &info, err);

		if (rc < 0)
			return -1;
		if (rc && !info.blank && n->disks[i].boot)
			boot = VP_BOOT_NETWORK;
	}
	return vp_render_domain(&r, n, boot, xml, err);
}

int vp_begin_install(struct vp_world *w, const struct vp_node *n, struct vp_err *err)
{
	vp_cleanup(vp_buf_free) struct vp_buf xml = { 0 };
	char *console = vp_console_path(w->arena, w->state_dir, n->name);
	struct vp_virt_dom dom = { 0 };

	if (w->hv->ops->lookup(w->hv, n->name, &dom, err) < 0 || vp_arm(w, n, NULL, err) || vp_first_life(w, n, &xml, err))
		return -1;
	*strrchr(console, '/') = '\0';
	if (!dom.active && (vp_mkdirs(console, 0755, err) || w->hv->ops->start(w->hv, n->name, xml.data, err)))
		return -1;
	vp_console_record(w, n->name);
	return vp_phase_begin(w->state, n->name, "switched on", err);
}

static int start_install(struct vp_world *w, const struct vp_node *n, struct vp_err *err)
{
	int rc;

	if (vp_arm(w, n, NULL, err) || (w->service && w->service(w, err)))
		return -1;
	rc = vp_admit(w, n, err);
	return rc > 0 ? vp_begin_install(w, n, err)
	       : rc   ? -1
		      : vp_state_event(w->state, n->name, "vprov", "it waits until others are installed", err);
}

static int set_power(struct vp_world *w, const struct vp_step *s, const char *from, const char *to, const char **data, struct vp_err *err)
{
	struct vp_virt_dom dom = { 0 };
	int rc = own_domain(w, s->name, &dom, err);

	*data = NULL;
	if (rc < 0)
		return -1;
	if (!to) {
		if (rc && dom.active && stop_guest(w->hv, s, err))
			return -1;
		return from && (!strcmp(from, VP_POWER_CARRIED) || !strcmp(from, VP_POWER_REINSTALL)) ? vp_disarm(w, s->name, err) : 0;
	}
	if (!rc)
		return vp_fail(err, VP_E_VIRT, "there is no domain %s of ours", s->name);
	if (dom.active)
		return !strcmp(to, "install") && s->want ? vp_arm(w, s->want, NULL, err) || (w->service && w->service(w, err)) : 0;
	if (!strcmp(to, VP_POWER_REINSTALL) && vp_rearm(w, s->want, err))
		return -1;
	if (!strcmp(to, "install") || !strcmp(to, VP_POWER_REINSTALL))
		return start_install(w, s->want, err);
	if (!strcmp(to, VP_POWER_CARRIED) && (vp_carry(w, s->want, err) || (w->service && w->service(w, err))))
		return -1;
	/* A node that is not installed has no log of its own yet, nor has the directory of them. */
	if (ready_taps(w, s->name, err) || vp_mkdirs(vp_printf(w->arena, "%s/console", w->state_dir), 0755, err) ||
	    w->hv->ops->start(w->hv, s->name, NULL, err))
		return -1;
	vp_console_record(w, s->name);
	return 0;
}

static int probe_boot(struct vp_world *w, const char *name, const char **data, struct vp_err *err)
{
	*data = "";
	return vp_boot_uploaded(w, name, err);
}

static int set_boot(struct vp_world *w, const struct vp_step *s, const char *from, const char *to, const char **data, struct vp_err *err)
{
	*data = to;
	if (to == from)
		return 0;
	return to && s->want ? vp_boot_upload(w, s->want, err) : vp_boot_remove(w, s->name, err);
}

const struct vp_kind_ops vp_kind_ops[VP_KIND__COUNT] = {
	[VP_KIND_GUARD] = { probe_guard, set_guard },	 [VP_KIND_SHARE] = { probe_share, set_rule },
	[VP_KIND_LIMIT] = { probe_limit, set_rule },	 [VP_KIND_BRIDGE] = { probe_link, set_bridge },
	[VP_KIND_TAP] = { probe_link, set_tap },	 [VP_KIND_DISK] = { probe_disk, set_disk },
	[VP_KIND_NODE] = { probe_node, set_node },	 [VP_KIND_BOOT] = { probe_boot, set_boot },
	[VP_KIND_DOMAIN] = { probe_domain, set_domain }, [VP_KIND_POWER] = { probe_power, set_power },
	[VP_KIND_FORMER] = { probe_former, set_former }, [VP_KIND_LINK] = { probe_step, set_step },
};
