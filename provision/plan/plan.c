// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "../hypervisor/storage.h"
#include "network.h"
#include "traffic.h"

static const char *const kind_names[VP_KIND__COUNT] = { "image", "link", "bridge", "tap",    "share",  "limit", "guard",
							"disk",	 "node", "boot",   "former", "domain", "power", "verify" };
static const char *const action_names[] = { "create", "change", "remove", "start", "stop", "install", "resume", "run" };

const char *vp_kind_name(enum vp_kind k)
{
	return kind_names[k];
}

int vp_kind_find(const char *name)
{
	for (int k = 0; k < VP_KIND__COUNT; k++)
		if (!strcmp(kind_names[k], name))
			return k;
	return -1;
}

const char *vp_action_name(enum vp_action a)
{
	return action_names[a];
}

/* One file system that gets new images. */
struct space {
	unsigned long id;
	/* Bytes. */
	uint64_t wanted, available;
	unsigned disks;
	const char *dir;
};

/* What one planning run looks at. */
struct look {
	struct vp_world *w;
	struct vp_arena *a;
	struct vp_links links;
	struct vp_rules rules;
	struct vp_resources made;
	struct vp_plan *plan;
	struct vp_diags *diags;
	struct vp_err *err;
	const char *mark;
	struct space *spaces;
	size_t nspaces, spacescap;
	/* Of the node that is being planned: it runs with something else than its next start would give it. */
	bool pending;
	/* One of its taps is not as it shall be, and in use. */
	bool tap_waits;
};

static struct vp_step *add(struct look *l, enum vp_kind kind, enum vp_action action, const char *name, const struct vp_node *n, const char *before,
			   const char *after, const char *why)
{
	struct vp_plan *p = l->plan;
	struct vp_step *s;

	p->items = vp_grow_in(l->a, p->items, p->n, &p->cap, sizeof(*p->items));
	s = &p->items[p->n++];
	*s = (struct vp_step){ .kind = kind,
			       .action = action,
			       .name = name,
			       .node = n && kind != VP_KIND_BRIDGE && kind != VP_KIND_SHARE ? n->name : "",
			       .risk = "none",
			       .before = before,
			       .after = after,
			       .why = why,
			       .want = n };
	return s;
}

static void note(struct look *l, const char *text)
{
	struct vp_plan *p = l->plan;

	p->notes = vp_grow_in(l->a, p->notes, p->nnotes, &p->notescap, sizeof(*p->notes));
	p->notes[p->nnotes++] = text;
}

void vp_plan_problem(struct vp_diags *d, enum vp_severity severity, const struct vp_node *n, const char *field, enum vp_code code, const char *what)
{
	const struct vp_origin *o = vp_origin_of(n, field);

	vp_diag(d, severity, code,
		o && o->file && *o->file ? o->file
		: n->file		 ? n->file
					 : n->name,
		o ? o->line : 0, o ? o->path : "", "node %s: %s", n->name, what);
}

static void problem(struct look *l, const struct vp_node *n, const char *field, enum vp_code code, const char *what)
{
	vp_plan_problem(l->diags, VP_ERROR, n, field, code, what);
}

static struct vp_step *step_of(const struct look *l, enum vp_kind kind, const char *name)
{
	for (size_t i = 0; i < l->plan->n; i++)
		if (l->plan->items[i].kind == kind && !strcmp(l->plan->items[i].name, name))
			return &l->plan->items[i];
	return NULL;
}

static bool planned(const struct look *l, enum vp_kind kind, const char *name)
{
	return step_of(l, kind, name);
}

static void plan_bridge(struct look *l, const struct vp_node *n, const struct vp_bridge *b)
{
	const struct vp_link *link = vp_link_find(&l->links, b->name);
	const struct vp_resource *made = vp_resource_find(&l->made, "bridge", b->name);
	const char *want = *b->address ? vp_printf(l->a, "%s/%u", b->address, b->prefix) : "-";
	const struct vp_origin *o = vp_origin_of(n, "bridge.name");
	const char *why = vp_printf(l->a, "node %s is on it%s%s", n->name, o ? ", by " : "", o ? o->path : "");

	/* One of the host's own network is made first. */
	if (planned(l, VP_KIND_BRIDGE, b->name) || (!link && planned(l, VP_KIND_LINK, b->name)))
		return;
	if (!link && !*b->address) {
		problem(l, n, "bridge.name", VP_E_REFERENCE,
			vp_printf(l->a, "there is no bridge '%s', and without an address for it (/system/vprov/bridge/address) vprov cannot make one",
				  b->name));
	} else if (!link) {
		add(l, VP_KIND_BRIDGE, VP_CREATE, b->name, n, NULL, want, why);
	} else if (link->kind != VP_LINK_BRIDGE) {
		problem(l, n, "bridge.name", VP_E_NETOWN, vp_printf(l->a, "'%s' exists and is no bridge", b->name));
	} else if (!vp_link_owned(link, l->mark)) {
		/* Somebody else's bridge is used as it is. */
		if (*b->address && !vp_link_has_addr(link, b->address, b->prefix))
			problem(l, n, "bridge.address", VP_E_NETOWN,
				vp_printf(l->a, "bridge '%s' is not vprov's and has not the address %s", b->name, want));
	} else if (!made || strcmp(made->data, want) || !link->up || (*b->address && !vp_link_has_addr(link, b->address, b->prefix))) {
		add(l, VP_KIND_BRIDGE, made ? VP_CHANGE : VP_CREATE, b->name, n, made ? made->data : NULL, want,
		    made && strcmp(made->data, want) ? "the address in the profile changed" : "it was changed outside vprov");
	}
}

const char *vp_tap_record(struct vp_arena *a, const char *bridge, unsigned mtu, const struct vp_tap *how)
{
	bool usual = how->owner == geteuid() && how->group == (gid_t)-1;
	const char *uid = usual || how->owner == (uid_t)-1 ? "" : vp_printf(a, " uid %u", how->owner);
	const char *gid = how->group == (gid_t)-1 ? "" : vp_printf(a, " gid %u", how->group);

	return vp_printf(a, "%s %u%s%s%s", bridge, mtu, how->multi_queue ? " queues" : "", uid, gid);
}

void vp_tap_parse(const char *record, unsigned *mtu, struct vp_tap *how)
{
	const char *at = record + strcspn(record, " "), *uid = strstr(at, " uid "), *gid = strstr(at, " gid ");

	*mtu = (unsigned)strtoul(at, NULL, 10);
	how->multi_queue = strstr(at, " queues");
	how->owner = uid ? (uid_t)strtoul(uid + 5, NULL, 10) : gid ? (uid_t)-1 : geteuid();
	how->group = gid ? (gid_t)strtoul(gid + 5, NULL, 10) : (gid_t)-1;
}

/* "USER", "USER:GROUP", ":GROUP", by name or number, of this machine; false where it has none of that name. */
static bool find_owner(struct vp_arena *a, const char *text, struct vp_tap *how)
{
	const char *user = vp_strndup(a, text, strcspn(text, ":")), *group = text[strlen(user)] ? text + strlen(user) + 1 : "";
	/* Where nobody is named no directory service is asked for nobody. */
	const struct passwd *pw = *user ? getpwnam(user) : NULL;
	const struct group *gr = *group ? getgrnam(group) : NULL;
	uint64_t id;

	*how = (struct vp_tap){ .owner = *text ? (uid_t)-1 : geteuid(), .group = (gid_t)-1 };
	if (pw || vp_parse_u64(user, 0, INT32_MAX, &id))
		how->owner = pw ? pw->pw_uid : (uid_t)id;
	if (gr || vp_parse_u64(group, 0, INT32_MAX, &id))
		how->group = gr ? gr->gr_gid : (gid_t)id;
	return (!*user || how->owner != (uid_t)-1) && (!*group || how->group != (gid_t)-1);
}

bool vp_tap_is(const struct vp_tap *is, const struct vp_tap *want)
{
	return is->multi_queue == want->multi_queue && is->owner == want->owner && is->group == want->group;
}

static void plan_tap(struct look *l, const struct vp_node *n, const struct vp_nic *nic)
{
	const struct vp_link *link = vp_link_find(&l->links, nic->tap);
	const struct vp_resource *made = vp_resource_find(&l->made, "tap", nic->tap);
	const char *want, *why = vp_printf(l->a, "NIC %s of %s", nic->name, n->name);
	struct vp_tap how;
	bool is, waits;

	if (!find_owner(l->a, n->tap_owner, &how))
		problem(l, n, "tap_owner", VP_E_REFERENCE, vp_printf(l->a, "this machine has no user or group as in '%s'", n->tap_owner));
	how.multi_queue = nic->queues > 1;
	want = vp_tap_record(l->a, nic->bridge, nic->mtu, &how);
	is = link && vp_tap_is(&link->tap, &how);
	waits = link && link->carrier && !is;
	l->tap_waits |= waits;

	if (!link)
		add(l, VP_KIND_TAP, VP_CREATE, nic->tap, n, NULL, want, why);
	else if (!vp_link_owned(link, l->mark))
		problem(l, n, vp_printf(l->a, "nic.%s.name", nic->name), VP_E_NETOWN,
			vp_printf(l->a, "a device named '%s' exists and is not vprov's", nic->tap));
	else if (!(waits && !l->w->restart) && (!made || strcmp(made->data, want) || strcmp(link->master, nic->bridge) || !link->up || !is))
		add(l, VP_KIND_TAP, made ? VP_CHANGE : VP_CREATE, nic->tap, n, made ? made->data : NULL, want,
		    made && strcmp(made->data, want) ? why : "it was changed outside vprov");
}

const char *vp_plan_path(const struct vp_step *s)
{
	const struct vp_node *n = s->want;
	const struct vp_origin *o = NULL;

	if (!n)
		return "";
	if (s->kind == VP_KIND_LINK)
		return vp_network_path(n, s->name);
	for (size_t i = 0; i < n->nnics; i++)
		if (!strcmp(n->nics[i].tap, s->name)) {
			char field[64];

			snprintf(field, sizeof(field), "nic.%s.name", n->nics[i].name);
			o = vp_origin_of(n, field);
		}
	if (s->kind == VP_KIND_BRIDGE || s->kind == VP_KIND_SHARE)
		o = vp_origin_of(n, s->kind == VP_KIND_BRIDGE ? "bridge.name" : "bridge.uplink");
	return o ? o->path : "";
}

static void change_step(struct vp_step *s, const char *before, const char *after)
{
	s->after = after;
	s->action = !after ? VP_REMOVE : before ? VP_CHANGE : VP_CREATE;
}

/* One share as it is, recorded and live, beside what it shall be. */
static void plan_share(struct look *l, const struct vp_node *n, const char *uplink, const char *old, const struct vp_bridge *b)
{
	const struct vp_resource *made = vp_resource_find(&l->made, "share", uplink);
	const char *live = vp_rule_find(&l->rules, VP_RULE_SHARE, uplink), *before = made ? made->data : NULL;
	struct vp_step *s = step_of(l, VP_KIND_SHARE, uplink);
	const char *want = vp_share_text(l->a, s ? s->after : before, old, n, b);

	if (b && !vp_link_find(&l->links, uplink))
		problem(l, n, "bridge.uplink", VP_E_REFERENCE, vp_printf(l->a, "there is no device '%s' whose traffic could be shared", uplink));
	else if (b && live && !strncmp(live, VP_RULE_FOREIGN, strlen(VP_RULE_FOREIGN)))
		problem(l, n, "bridge.uplink", VP_E_NETOWN,
			vp_printf(l->a, "'%s' has a queueing discipline (tc) of somebody else, %s", uplink, live + strlen(VP_RULE_FOREIGN)));
	else if (s)
		change_step(s, before, want);
	else if (want && (!before || strcmp(want, before) || (b && (!live || strcmp(want, live)))))
		add(l, VP_KIND_SHARE, made ? VP_CHANGE : VP_CREATE, uplink, n, before, want,
		    before && !strcmp(want, before) ? "it was changed outside vprov" : vp_printf(l->a, "%s and who uses it", uplink));
	else if (!want && made)
		add(l, VP_KIND_SHARE, VP_REMOVE, uplink, n, before, NULL, "nobody uses it any more");
}

static void plan_shares(struct look *l, const struct vp_node *n, const char *old)
{
	for (size_t i = 0; i < n->nbridges; i++)
		if (*n->bridges[i].uplink)
			plan_share(l, n, n->bridges[i].uplink, old, &n->bridges[i]);
	for (size_t i = 0; i < l->made.n; i++)
		if (!strcmp(l->made.items[i].kind, "share") && !vp_uplink_bridge(n, l->made.items[i].name))
			plan_share(l, n, l->made.items[i].name, old, NULL);
}

static const char bridge_rule[] = "the bridge is isolated";

/* A rule of one device; made: as it is recorded, now: as it would be recorded if it were as wanted, NULL where it is not there. */
static void plan_rule(struct look *l, const struct vp_node *n, enum vp_kind kind, const char *dev, const char *want, const char *now, const char *why)
{
	const struct vp_resource *made = vp_resource_find(&l->made, vp_kind_name(kind), dev);
	bool same = made && want && !strncmp(made->data, want, strlen(want)) && strchr(VP_GUARD_LIVE, made->data[strlen(want)]);
	struct vp_step *s = NULL;

	if (planned(l, kind, dev))
		return;
	if (!want && made)
		s = add(l, kind, VP_REMOVE, dev, n, made->data, NULL, "the profile does not ask for it any more");
	else if (want && (!made || !now || strcmp(made->data, now)))
		s = add(l, kind, made ? VP_CHANGE : VP_CREATE, dev, n, made ? made->data : NULL, want, same ? "it was changed outside vprov" : why);
	/* That of a bridge is shared, as the bridge is. */
	if (s && why == bridge_rule)
		s->node = "";
}

static void plan_guard(struct look *l, const struct vp_node *n, const char *dev, const char *want, const char *why)
{
	const char *live = vp_rule_find(&l->rules, VP_RULE_GUARD, dev);

	if (want && !vp_which(l->a, "nft"))
		problem(l, n, why == bridge_rule ? "bridge.isolated" : "guard.level", VP_E_LACK,
			vp_printf(l->a, "what may pass %s cannot be guarded: there is no program nft (package nftables)", dev));
	plan_rule(l, n, VP_KIND_GUARD, dev, want, want && live ? vp_guard_record(l->a, want, live) : NULL, why);
}

static void plan_rules(struct look *l, const struct vp_node *n)
{
	for (size_t i = 0; i < n->nnics; i++) {
		const struct vp_nic *nic = &n->nics[i];
		const char *why = vp_printf(l->a, "NIC %s of %s", nic->name, n->name), *limit = vp_nic_limit(l->a, nic);
		const char *live = vp_rule_find(&l->rules, VP_RULE_LIMIT, nic->tap);

		plan_rule(l, n, VP_KIND_LIMIT, nic->tap, limit, limit && live && !strcmp(live, limit) ? limit : NULL, why);
		plan_guard(l, n, nic->tap, vp_nic_guard(l->a, n, nic), why);
	}
	for (size_t i = 0; i < n->nbridges; i++)
		plan_guard(l, n, n->bridges[i].name, vp_bridge_guard(l->a, &n->bridges[i]), bridge_rule);
}

static void add_space(struct look *l, const struct statvfs *vfs, const char *dir, uint64_t size)
{
	size_t i = 0;

	while (i < l->nspaces && l->spaces[i].id != vfs->f_fsid)
		i++;
	if (i == l->nspaces) {
		l->spaces = vp_grow_in(l->a, l->spaces, l->nspaces, &l->spacescap, sizeof(*l->spaces));
		l->spaces[l->nspaces++] = (struct space){ .id = vfs->f_fsid, .available = (uint64_t)vfs->f_bavail * vfs->f_frsize, .dir = dir };
	}
	l->spaces[i].wanted += size;
	l->spaces[i].disks++;
}

/* What they may grow to, all together. */
static void note_space(struct look *l)
{
	for (size_t i = 0; i < l->nspaces; i++) {
		const struct space *s = &l->spaces[i];

		if (s->wanted > s->available)
			note(l, vp_printf(l->a, "%u new disk image%s may grow to %s; the file system of %s has %s free now", s->disks,
					  s->disks == 1 ? "" : "s", vp_size_text(l->a, s->wanted), s->dir, vp_size_text(l->a, s->available)));
	}
}

static void check_space(struct look *l, const struct vp_node *n, const struct vp_disk *d)
{
	const char *slash = strrchr(d->path, '/'), *field = vp_printf(l->a, "disk.%s.size", d->name);
	char *dir = vp_strndup(l->a, d->path, slash ? (size_t)(slash - d->path) : 0);
	const char *wanted = vp_strdup(l->a, dir);
	struct statvfs vfs;

	/* The directory may not exist yet: the nearest one that does is on the same file system. */
	while (*dir && statvfs(dir, &vfs))
		*strrchr(dir, '/') = '\0';
	if (!*dir && statvfs("/", &vfs))
		return;
	if (d->size > (uint64_t)vfs.f_blocks * vfs.f_frsize)
		problem(l, n, field, VP_E_NOSPACE,
			vp_printf(l->a, "disk %s of %s is larger than the file system of %s, which has %s", d->name, vp_size_text(l->a, d->size),
				  d->path, vp_size_text(l->a, (uint64_t)vfs.f_blocks * vfs.f_frsize)));
	else
		add_space(l, &vfs, wanted, d->size);
}

/* The hypervisor's volume: vprov neither makes nor removes it. */
static int plan_volume(struct look *l, const struct vp_node *n, const struct vp_disk *d)
{
	struct vp_disk_info info = { 0 };
	int rc = l->w->disk->info(l->w->disk_ctx, d->path, &info, l->err);

	if (!rc)
		note(l, vp_printf(l->a, "disk %s of %s: %s, %s, has to exist on %s before the node starts: vprov makes no volumes", d->name, n->name,
				  d->path, vp_size_text(l->a, d->size), n->host && *n->host ? n->host : "the hypervisor"));
	else if (rc > 0 && info.size < d->size)
		problem(l, n, vp_printf(l->a, "disk.%s.size", d->name), VP_E_NOSPACE,
			vp_printf(l->a, "%s has %s, less than the %s of disk %s", d->path, vp_size_text(l->a, info.size), vp_size_text(l->a, d->size),
				  d->name));
	return rc < 0 ? rc : 0;
}

/* On another machine its storage pool says it; a group has no room for what it may grow to only later. */
static int check_pool(struct look *l, const struct vp_node *n, const struct vp_disk *d)
{
	uint64_t total = 0, avail = 0;
	int rc = vp_hv_room(l->w->hv, d->path, &total, &avail, l->err);
	const char *field = vp_printf(l->a, "disk.%s.size", d->name);

	if (rc == 1 && d->size > (d->volume ? avail : total))
		problem(l, n, field, VP_E_NOSPACE,
			vp_printf(l->a, "disk %s of %s does not fit into the storage pool of %s on %s: %s, %s of it free", d->name,
				  vp_size_text(l->a, d->size), d->path, l->w->hv->uri, vp_size_text(l->a, total), vp_size_text(l->a, avail)));
	else if (!rc && d->volume)
		problem(l, n, field, VP_E_REFERENCE,
			vp_printf(l->a,
				  "no storage pool of %s has the volume group of %s; `virsh -c %s pool-define-as NAME logical --target %.*s` and "
				  "`pool-start NAME` make one of a group",
				  l->w->hv->uri, d->path, l->w->hv->uri, (int)(strrchr(d->path, '/') - d->path), d->path));
	return rc < 0 ? -1 : 0;
}

static int check_room(struct look *l, const struct vp_node *n, const struct vp_disk *d)
{
	if (l->w->hv && !l->w->hv->local)
		return check_pool(l, n, d);
	if (d->volume)
		problem(l, n, vp_printf(l->a, "disk.%s.size", d->name), VP_E_VALUE,
			vp_printf(l->a, "%s: volumes of a group are made on other machines only; here, make it and name it by its path", d->path));
	else
		check_space(l, n, d);
	return 0;
}

static int plan_disk(struct look *l, const struct vp_node *n, const struct vp_disk *d, const struct vp_node_row *carried)
{
	const struct vp_resource *made = vp_resource_find(&l->made, "disk", d->path);
	const char *want = vp_printf(l->a, "%s %llu", d->format, (unsigned long long)d->size);
	const char *field = vp_printf(l->a, "disk.%s.size", d->name);
	struct vp_disk_info info;
	int rc = l->w->disk->info(l->w->disk_ctx, d->path, &info, l->err);

	if (rc < 0)
		return rc;
	if (!rc && carried) {
		problem(l, n, field, VP_E_REFERENCE,
			vp_printf(l->a, "%s of disk %s is not on %s: bring it there from %s, or say --reinstall", d->path, d->name,
				  l->w->hv ? l->w->hv->uri : "this machine", carried->host));
	} else if (!rc) {
		if (check_room(l, n, d))
			return -1;
		add(l, VP_KIND_DISK, VP_CREATE, d->path, n, NULL, want,
		    vp_printf(l->a, "disk %s of %s, %s", d->name, n->name, vp_size_text(l->a, d->size)));
	} else if (!made) {
		problem(l, n, field, VP_E_PROTECTED, vp_printf(l->a, "%s exists and was not made by vprov; it is left alone", d->path));
	} else if ((d->volume ? info.size < d->size : info.size != d->size) || strcmp(info.format, d->format)) {
		problem(l, n, field, VP_E_PROTECTED,
			vp_printf(l->a, "%s is a %s image of %s; making it a %s image of %s would destroy its data", d->path, info.format,
				  vp_size_text(l->a, info.size), d->format, vp_size_text(l->a, d->size)));
	}
	return 0;
}

/* The digest of the definition as libvirt wrote it when vprov defined it is the first line of the domain's record; the rest is our XML. */
const char *vp_plan_recorded(const char *data)
{
	const char *nl = strchr(data, '\n');

	return nl ? nl + 1 : data;
}

struct lacking {
	struct look *l;
	const struct vp_node *n;
};

static void say_lack(void *arg, const char *field, const char *what)
{
	const struct lacking *k = arg;

	problem(k->l, k->n, field, VP_E_CAPABLE, what);
}

/* What the node's assignments change in its domain, where that is made or changed. */
static void note_assigned(struct look *l, const struct vp_node *n, const struct vp_buf *assigned)
{
	for (const char *p = vp_buf_str(assigned); *p; p += strcspn(p, "\n") + 1)
		note(l, vp_printf(l->a, "%s: its definition: %.*s", n->name, (int)strcspn(p, "\n"), p));
}

/*
 * A cache that drops what the guest flushes: a power cut takes what was acknowledged, and no check of the file system sees it. Where others keep
 * their data that is refused.
 */
static void check_caches(struct look *l, const struct vp_node *n, const char *xml)
{
	static const char what[] = "its definition says cache='unsafe': what its disks acknowledged is gone after a power cut";

	if (!strstr(xml, " cache='unsafe'") && !strstr(xml, " cache=\"unsafe\""))
		return;
	if (!strncmp(n->role, "se", 2))
		problem(l, n, "role", VP_E_CAPABLE, vp_printf(l->a, "%s; a storage element needs another cache in domain-disk.xml", what));
	else
		vp_warn("node %s: %s", n->name, what);
}

const char *vp_host_part(const char *uri, size_t *len)
{
	const char *slashes = strstr(uri, "://"), *at;

	uri = slashes ? slashes + 3 : "";
	*len = strcspn(uri, "/:");
	at = memchr(uri, '@', *len);
	*len -= at ? (size_t)(at + 1 - uri) : 0;
	return at ? at + 1 : uri;
}

/* One machine runs one hypervisor: where the other one answers there, the former is not there any more. */
bool vp_same_machine(const char *a, const char *b)
{
	size_t x, y;

	a = vp_host_part(a, &x);
	b = vp_host_part(b, &y);
	return x == y && !strncmp(a, b, x);
}

/* The node's domain on the hypervisor that it was made on: stopped and undefined there before it is defined here. */
static int plan_former(struct look *l, const struct vp_node *n, const struct vp_node_row *row)
{
	vp_cleanup(vp_buf_free) struct vp_buf xml = { 0 };
	struct vp_virt_dom dom = { 0 };
	struct vp_err why = { 0 };
	struct vp_hv *hv = l->w->former ? l->w->former(l->w, row->host, &why) : NULL;
	int rc;

	if (!hv && !vp_same_machine(row->host, l->w->hv->uri))
		problem(l, n, "virt", VP_E_NOHYPERVISOR,
			vp_printf(l->a, "it runs on %s, for all that is known, and that cannot be asked: %s", row->host, why.msg));
	rc = hv ? hv->ops->lookup(hv, n->name, &dom, l->err) : 0;
	if (rc <= 0 || strcasecmp(dom.uuid, row->uuid))
		return rc < 0 ? -1 : 0;
	if (hv->ops->xml(hv, n->name, &xml, l->err))
		return -1;
	add(l, VP_KIND_FORMER, VP_REMOVE, n->name, n, vp_printf(l->a, "%s\n%s\n%s", dom.active ? "running" : "off", row->host, vp_buf_str(&xml)),
	    NULL, vp_printf(l->a, "it leaves %s", row->host))
		->risk = "restart";
	return 0;
}

/* The definition of an installation's first life is another one than all others: it stays what it is until its end. */
static bool is_settled(const struct vp_node *n, const struct vp_node_row *row)
{
	return row && !strcmp(row->virt, vp_virt_name(n->virt)) && (row->life >= VP_UP || n->install == VP_INSTALL_NONE);
}

/* How the running guest becomes as it is wanted; nothing where it does not run. made: its record. */
static int look_at_running(struct look *l, const struct vp_node *n, const struct vp_virt_dom *dom, const char *want, const char *made,
			   struct vp_live *out)
{
	vp_cleanup(vp_buf_free) struct vp_buf now = { 0 };

	*out = (struct vp_live){ .later = "" };
	if (!dom->active)
		return 0;
	if (l->w->hv->ops->live_xml(l->w->hv, n->name, &now, l->err))
		return -1;
	vp_plan_live(l->a, l->w->hv, want, now.data, made ? vp_plan_recorded(made) : NULL, made, out);
	return 0;
}

static void tell_running(struct look *l, struct vp_step *s, const struct vp_live *live)
{
	const char *text = NULL;

	/* A restart brings all of it. */
	for (size_t i = 0; i < live->n && !(l->w->restart && *live->later); i++)
		text = vp_printf(l->a, "%s%s%s", text ? text : "", text ? ", " : "", live->ops[i].what);
	s->live = text;
	s->later = *live->later ? live->later : NULL;
	s->risk = s->later ? "restart" : text ? "live" : s->risk;
}

/* moved: the row of a node that comes from another hypervisor; NULL for others. */
static int add_domain(struct look *l, const struct vp_node *n, const char *want, const char *record, const struct vp_node_row *moved)
{
	const struct vp_resource *made = vp_resource_find(&l->made, "domain", n->name), *old = vp_resource_find(&l->made, "node", n->name);
	struct vp_step *s;

	if (vp_plan_lacks(l->w, n, want, say_lack, &(struct lacking){ l, n }, l->err) || (moved && plan_former(l, n, moved)))
		return -1;
	s = add(l, VP_KIND_DOMAIN, moved ? VP_CHANGE : VP_CREATE, n->name, n, moved && made ? made->data : NULL, want,
		moved ? vp_printf(l->a, "it comes from %s: %s", moved->host, old ? vp_node_why(l->a, old->data, record) : "")
		      : vp_printf(l->a, "%s, %u vCPU, %s", vp_virt_name(n->virt), n->vcpus, vp_size_text(l->a, n->memory)));
	s->from_host = moved ? moved->host : NULL;
	return 0;
}

/* Where the definition, or the running guest, is not as wanted. */
static int change_domain(struct look *l, const struct vp_node *n, const char *want, const char *record, const struct vp_node_row *row,
			 const struct vp_virt_dom *dom)
{
	const struct vp_resource *made = vp_resource_find(&l->made, "domain", n->name), *old = vp_resource_find(&l->made, "node", n->name);
	const char *mine = made ? vp_plan_recorded(made->data) : "", *why = old ? vp_node_why(l->a, old->data, record) : "", *drift = "";
	vp_cleanup(vp_buf_free) struct vp_buf kept = { 0 };
	struct vp_live live = { .later = "" };
	struct vp_step *s;
	char digest[65];
	bool same;

	if (l->w->hv->ops->xml(l->w->hv, n->name, &kept, l->err) ||
	    (is_settled(n, row) && look_at_running(l, n, dom, want, made ? made->data : NULL, &live)))
		return -1;
	vp_sha256_hex(kept.data, kept.len, digest);
	/* The digest is the quick answer: it is as it was when vprov defined it. */
	same = made && !strcmp(mine, want) && (!strncmp(made->data, digest, 64) || !*(drift = vp_plan_drift(l->a, want, kept.data)));
	l->pending = *live.later;
	if (same && !live.n && l->pending)
		note(l, vp_printf(l->a, "%s: restart pending (vprov apply --restart): %s", n->name, live.later));
	if (same && !live.n)
		return 0;
	if (vp_plan_lacks(l->w, n, want, say_lack, &(struct lacking){ l, n }, l->err))
		return -1;
	s = add(l, VP_KIND_DOMAIN, VP_CHANGE, n->name, n, *mine ? made->data : vp_strdup(l->a, vp_buf_str(&kept)), want,
		*why			  ? why
		: same			  ? "the running guest is not as its definition says"
		: made && !*mine	  ? "an earlier run was interrupted"
		: strcmp(mine, want) != 0 ? "its template changed"
					  : vp_printf(l->a, "it was changed outside vprov: %s", drift));
	if (dom->active && !is_settled(n, row))
		s->risk = "restart";
	tell_running(l, s, &live);
	return 0;
}

/* row: NULL where the node is not known; moved: it comes from another hypervisor. */
static int plan_domain(struct look *l, const struct vp_node *n, const char *record, const struct vp_node_row *row, bool moved,
		       struct vp_virt_dom *dom)
{
	vp_cleanup(vp_buf_free) struct vp_buf xml = { 0 }, assigned = { 0 };
	struct vp_render r = l->w->render;
	const char *want;
	int rc;

	*dom = (struct vp_virt_dom){ 0 };
	l->pending = false;
	r.assigned = &assigned;
	if (vp_render_domain(&r, n, VP_BOOT_DISK, &xml, l->err))
		return -1;
	want = vp_strdup(l->a, xml.data);
	check_caches(l, n, want);
	rc = l->w->hv ? l->w->hv->ops->lookup(l->w->hv, n->name, dom, l->err) : 0;
	if (rc > 0 && strcasecmp(dom->uuid, n->uuid) != 0) {
		problem(l, n, "uuid", VP_E_PROTECTED,
			vp_printf(l->a, "a domain of that name with another UUID (%s) exists: it is not vprov's", dom->uuid));
		return 0;
	}
	if (rc >= 0)
		rc = rc ? change_domain(l, n, want, record, row, dom) : add_domain(l, n, want, record, moved ? row : NULL);
	if (planned(l, VP_KIND_DOMAIN, n->name))
		note_assigned(l, n, &assigned);
	return rc;
}

/* A guest without a boot ROM gets the installer's kernel from its hypervisor, which has to have it. */
static void plan_boot(struct look *l, const struct vp_node *n)
{
	const char *dir = vp_printf(l->a, VP_REMOTE_DIR "/%s", n->name);
	const struct vp_resource *made = vp_resource_find(&l->made, "boot", dir);

	if (n->virt == VP_XEN_PARA && l->w->hv && !l->w->hv->local)
		add(l, VP_KIND_BOOT, made ? VP_CHANGE : VP_CREATE, dir, n, made ? made->data : NULL, "the installer",
		    vp_printf(l->a, "kernel and ramdisk of the installation, for %s", l->w->hv->uri));
}

/* The installation, and what goes with it. */
static int add_install(struct look *l, const struct vp_node *n, const char *from, const char *to, const char *why)
{
	struct vp_step *s = add(l, VP_KIND_POWER, VP_INSTALL, n->name, n, from, to, why);

	if (vp_plan_loss(l->w, n, &s->loss, l->err))
		return -1;
	plan_boot(l, n);
	if (*s->loss)
		s->risk = "destroys data";
	else
		s->loss = NULL;
	return 0;
}

/* What the recorded state of a node asks for, beyond its resources. */
static void add_stop(struct look *l, const struct vp_node *n, const struct vp_virt_dom *dom, const char *why)
{
	if (dom->active)
		add(l, VP_KIND_POWER, VP_STOP, n->name, n, "running", NULL, why)->risk = "restart";
}

static void plan_carry(struct look *l, const struct vp_node *n, const struct vp_node_row *row, const struct vp_virt_dom *dom)
{
	const char *why = vp_printf(l->a, "from %s to %s, without an installation", row->virt, vp_virt_name(n->virt)), *field;
	const char *lack = vp_plan_carry_lacks(l->a, row, n, &field);

	if (lack)
		problem(l, n, field, VP_E_CAPABLE, lack);
	add_stop(l, n, dom, why);
	/* What was not installed by vprov does not report in. */
	add(l, VP_KIND_POWER, VP_START, n->name, n, NULL, n->install == VP_INSTALL_NONE ? "disk" : VP_POWER_CARRIED, why);
	note(l, vp_plan_carry_note(l->a, row, n));
}

static int plan_life(struct look *l, const struct vp_node *n, const struct vp_node_row *row, const struct vp_virt_dom *dom, const char *record,
		     bool carried)
{
	bool fresh = !row || row->life == VP_DEFINED, again = l->w->reinstall && !fresh && n->install != VP_INSTALL_NONE;
	const char *from = dom->active ? "running" : NULL;

	if (again) {
		add_stop(l, n, dom, "--reinstall");
		if (add_install(l, n, NULL, VP_POWER_REINSTALL, "--reinstall"))
			return -1;
	} else if (carried) {
		plan_carry(l, n, row, dom);
	} else if (!fresh && row->life < VP_UP && row->health == VP_FAILED) {
		return vp_fail(l->err, VP_E_INSTALL, "node %s: its installation failed: %s; `vprov destroy %s` makes room for a new one", n->name,
			       row->reason, n->name);
	} else if (fresh && n->install != VP_INSTALL_NONE) {
		if (add_install(l, n, from, "install", "it was never installed"))
			return -1;
	} else if (!fresh && row->life < VP_UP && dom->active) {
		add(l, VP_KIND_POWER, VP_RESUME, n->name, n, from, "running",
		    vp_printf(l->a, "its installation is under way (%s)", vp_life_name(row->life)));
	} else if (!fresh && row->armed) {
		if (add_install(l, n, NULL, "install", "it was armed, but has not begun"))
			return -1;
	} else if (!fresh && row->life < VP_UP) {
		add(l, VP_KIND_POWER, VP_START, n->name, n, NULL, "disk",
		    vp_printf(l->a, "it went off during its installation (%s): whether it is complete, its disk will tell", vp_life_name(row->life)));
	} else if (!dom->active) {
		add(l, VP_KIND_POWER, VP_START, n->name, n, NULL, "disk", "it is switched off");
	} else if ((l->pending || l->tap_waits) && l->w->restart) {
		add_stop(l, n, dom, "--restart");
		add(l, VP_KIND_POWER, VP_START, n->name, n, NULL, "disk", "--restart");
	}
	if (n->verify.enabled && n->install != VP_INSTALL_NONE && (fresh || again || carried || row->life < VP_VERIFIED))
		add(l, VP_KIND_VERIFY, VP_RUN, n->name, n, NULL, record,
		    carried				  ? vp_printf(l->a, "as %s", vp_virt_name(n->virt))
		    : fresh || again || row->life < VP_UP ? "after the first boot"
							  : "it was never verified");
	return 0;
}

/* Taps that the node had and no longer wants. Its disks are never removed by a changed profile. */
static void plan_leftovers(struct look *l, const struct vp_node *n, const struct vp_virt_dom *dom)
{
	const struct vp_step *s = step_of(l, VP_KIND_DOMAIN, n->name);
	bool kept = dom->active && !l->w->restart && !(s && s->live && strstr(s->live, "unplugged"));

	for (size_t i = 0; i < l->made.n; i++) {
		const struct vp_resource *r = &l->made.items[i];
		bool wanted = false;

		if (strcmp(r->node, n->name))
			continue;
		for (size_t k = 0; k < n->nnics; k++)
			wanted |= !strcmp(r->name, n->nics[k].tap);
		for (size_t k = 0; k < n->ndisks; k++)
			wanted |= !strcmp(r->kind, "disk") && !strcmp(r->name, n->disks[k].path);
		if (!wanted && kept && !strcmp(r->kind, "tap"))
			note(l, vp_printf(l->a, "%s: %s is no longer in the profile; it goes after the guest's next start", n->name, r->name));
		else if (!wanted && kept && (!strcmp(r->kind, "limit") || !strcmp(r->kind, "guard")))
			continue;
		else if (!wanted && (!strcmp(r->kind, "tap") || !strcmp(r->kind, "limit") || !strcmp(r->kind, "guard")))
			add(l, (enum vp_kind)vp_kind_find(r->kind), VP_REMOVE, r->name, n, r->data, NULL, "the profile has no such NIC any more");
		else if (!wanted && !strcmp(r->kind, "disk"))
			note(l, vp_printf(l->a, "%s: %s is no longer in the profile; it is left alone", n->name, r->name));
	}
}

/* The boot service, on this machine, hands out what is no URL. */
static void check_installer(struct look *l, const struct vp_node *n)
{
	const char *const files[][2] = { { "netboot.kernel", n->netboot.kernel }, { "netboot.initrd", n->netboot.initrd } };

	for (size_t i = 0; i < vp_count(files); i++)
		if (files[i][1][0] == '/' && access(files[i][1], R_OK))
			problem(l, n, files[i][0], VP_E_REFERENCE,
				vp_printf(l->a, "%s: %s; the installer of %s is booted from there", files[i][1], strerror(errno),
					  vp_install_name(n->install)));
}

static bool has_ports(const struct look *l, const char *bridge)
{
	for (size_t i = 0; i < l->links.n; i++)
		if (!strcmp(l->links.items[i].master, bridge))
			return true;
	return false;
}

/* What carries the mark and belongs to no node that is known: its node has died with its record. What is in use stays. */
static void plan_orphans(struct look *l)
{
	for (size_t i = 0; l->w->state && l->w->render.own_taps && i < l->links.n; i++) {
		const struct vp_link *link = &l->links.items[i];
		enum vp_kind kind = link->kind == VP_LINK_BRIDGE ? VP_KIND_BRIDGE : VP_KIND_TAP;
		const char *before;

		if (!vp_link_orphan(link, l->mark, &l->made) || planned(l, kind, link->name) ||
		    (kind == VP_KIND_BRIDGE ? has_ports(l, link->name) : link->carrier))
			continue;
		before = kind == VP_KIND_TAP ? vp_printf(l->a, "%s %u", link->master, link->mtu)
			 : link->naddrs	     ? vp_printf(l->a, "%s/%u", link->addrs[0].ip, link->addrs[0].prefix)
					     : "-";
		add(l, kind, VP_REMOVE, vp_strdup(l->a, link->name), NULL, before, NULL, "its node is gone");
	}
}

bool vp_link_orphan(const struct vp_link *link, const char *mark, const struct vp_resources *made)
{
	return link->kind != VP_LINK_OTHER && vp_link_owned(link, mark) &&
	       !vp_resource_find(made, link->kind == VP_LINK_BRIDGE ? "bridge" : "tap", link->name);
}

/* Its domain was made on another hypervisor than this one, and is not here. */
static int is_moved(struct look *l, const struct vp_node *n, const struct vp_node_row *row, bool *moved)
{
	struct vp_virt_dom dom;
	int rc;

	if (!l->w->hv || !*row->host || !strcmp(row->host, l->w->hv->uri))
		return 0;
	rc = l->w->hv->ops->lookup(l->w->hv, n->name, &dom, l->err);
	*moved = !rc;
	return rc < 0 ? -1 : 0;
}

static int plan_node(struct look *l, const struct vp_node *n)
{
	const struct vp_resource *old = vp_resource_find(&l->made, "node", n->name);
	const char *record = vp_node_record(l->a, n), *why, *lack, *field;
	struct vp_node_row row;
	struct vp_virt_dom dom;
	int found = l->w->state ? vp_state_node(l->w->state, l->a, n->name, &row, l->err) : 0;
	bool install = n->install != VP_INSTALL_NONE && (!found || row.life == VP_DEFINED || l->w->reinstall), carried = false, moved = false;
	struct vp_image image;

	if (found < 0 || (found && is_moved(l, n, &row, &moved)))
		return -1;
	if (n->virt_kept)
		note(l, vp_printf(l->a, "%s stays %s, by an earlier --virt; its profile says %s (--virt %s makes it that)", n->name,
				  vp_virt_name(n->virt), vp_virt_name(n->own_virt), vp_virt_name(n->own_virt)));
	carried = found && vp_plan_carries(&row, n, moved ? l->w->hv->uri : NULL);
	if (moved && !carried && row.life >= VP_ARMED && row.health < VP_STALLED)
		problem(l, n, "virt", VP_E_RUNNING,
			vp_printf(l->a, "it is being installed on %s (%s); let that end first", row.host, vp_life_name(row.life)));
	if (install && vp_install_foreign(n->install))
		check_installer(l, n);
	if (install && n->install == VP_INSTALL_IMAGE && l->w->image && !planned(l, VP_KIND_IMAGE, "root")) {
		int rc = l->w->image(l->w, n, false, &image, l->err);

		if (rc < 0)
			return rc;
		if (!rc)
			add(l, VP_KIND_IMAGE, VP_CREATE, "root", n, NULL, "root", "the root image is not in the cache");
	}
	l->tap_waits = false;
	if (l->w->render.own_taps) {
		for (size_t i = 0; i < n->nbridges; i++)
			plan_bridge(l, n, &n->bridges[i]);
		for (size_t i = 0; i < n->nnics; i++)
			plan_tap(l, n, &n->nics[i]);
		if (l->tap_waits && !l->w->restart)
			note(l, vp_printf(l->a, "%s: restart pending (vprov apply --restart): queues or owner of a tap", n->name));
		plan_rules(l, n);
		plan_shares(l, n, old ? old->data : NULL);
	}
	for (size_t i = 0; i < n->ndisks; i++)
		if (n->disks[i].block && !n->disks[i].volume ? plan_volume(l, n, &n->disks[i])
							     : plan_disk(l, n, &n->disks[i], carried && !l->w->reinstall ? &row : NULL))
			return -1;
	if (!old)
		add(l, VP_KIND_NODE, VP_CREATE, n->name, n, NULL, record, "it is new");
	why = old ? vp_node_why(l->a, old->data, record) : "";
	if (plan_domain(l, n, record, found ? &row : NULL, moved, &dom))
		return -1;
	if (found && row.life >= VP_UP && !l->w->reinstall && planned(l, VP_KIND_DOMAIN, n->name) && (lack = vp_plan_kernel_lacks(l->w, n, &field)))
		problem(l, n, field, VP_E_CAPABLE, lack);
	/* A change of the domain carries the record along; what does not show in the domain is a change of the record alone. */
	if (old && *why && !planned(l, VP_KIND_DOMAIN, n->name))
		add(l, VP_KIND_NODE, VP_CHANGE, n->name, n, old->data, record, why);
	plan_leftovers(l, n, &dom);
	return plan_life(l, n, found ? &row : NULL, &dom, record, carried);
}

static int by_kind(const void *a, const void *b)
{
	const struct vp_step *x = a, *y = b;
	int rc;

	if (x->kind != y->kind)
		return (int)x->kind - (int)y->kind;
	if (x->order != y->order)
		return x->order < y->order ? -1 : 1;
	rc = strcmp(x->node, y->node);
	if (!rc)
		rc = strcmp(x->name, y->name);
	/* Stop before anything else. */
	return rc ? rc : (y->action == VP_STOP) - (x->action == VP_STOP);
}

/* What a guest uses goes after its domain has changed. */
static bool is_last(const struct vp_step *s)
{
	return s->action == VP_REMOVE && (s->kind == VP_KIND_TAP || s->kind == VP_KIND_LIMIT || s->kind == VP_KIND_GUARD);
}

static int by_need(const void *a, const void *b)
{
	int rc = is_last(a) - is_last(b);

	return rc ? rc : by_kind(a, b);
}

/* Rules cost a dump more: most sites have none. */
static bool ruled(const struct vp_nodes *nodes)
{
	for (size_t i = 0; i < nodes->n; i++) {
		const struct vp_node *n = nodes->items[i];

		for (size_t k = 0; k < n->nbridges; k++)
			if (*n->bridges[k].uplink || n->bridges[k].isolated)
				return true;
		for (size_t k = 0; k < n->nnics; k++)
			if (n->nics[k].bandwidth.average || n->guard != VP_GUARD_NONE)
				return true;
	}
	return false;
}

static int look_around(struct look *l, const struct vp_nodes *nodes)
{
	const struct vp_net_ops *net = l->w->net ? l->w->net->ops : NULL;

	if (net && net->list(l->w->net, &l->links, l->err))
		return -1;
	if (net && ruled(nodes) && net->rules(l->w->net, l->mark, &l->rules, l->err))
		return -1;
	return l->w->state ? vp_resources(l->w->state, l->a, NULL, &l->made, l->err) : 0;
}

/* One run works on one hypervisor, whatever the profiles say. */
static void note_hosts(struct look *l, const struct vp_nodes *nodes)
{
	const struct vp_node *first = NULL;

	for (size_t i = 0; i < nodes->n; i++) {
		const struct vp_node *n = nodes->items[i];

		if (n->machine == VP_HYPERVISOR || !n->host || !*n->host)
			continue;
		if (!first)
			first = n;
		if (strcmp(n->host, first->host)) {
			note(l, vp_printf(l->a, "%s runs on %s, %s on %s: all are planned on the one hypervisor that vprov is connected to",
					  first->name, first->host, n->name, n->host));
			return;
		}
	}
}

/* Of those that will be installed: when each phase would be given up. */
static int note_deadlines(struct look *l, struct vp_err *err)
{
	for (size_t i = 0; i < l->plan->n; i++) {
		const struct vp_step *s = &l->plan->items[i];
		const char *text = s->action == VP_INSTALL && s->want ? vp_plan_deadlines(l->w, s->want, err) : "";

		if (!text)
			return -1;
		if (*text)
			note(l, vp_printf(l->a, "%s: deadlines: %s", s->name, text));
	}
	return 0;
}

/* Of a hypervisor only the network is made, and only of this one. */
static int plan_host(struct look *l, const struct vp_node *n)
{
	if (vp_network_managed(n))
		return vp_plan_network(l->w, n, l->mark, l->plan, l->diags, l->err);
	note(l, vp_printf(l->a, "%s is a hypervisor: vprov makes its guests, not itself%s", n->name,
			  vp_network_here(n) ? "; network/manage in the site configuration is for its network" : ""));
	return 0;
}

int vp_plan_make(struct vp_world *w, const struct vp_nodes *nodes, struct vp_plan *out, struct vp_diags *diags, struct vp_err *err)
{
	struct look l = { .w = w, .a = w->arena, .plan = out, .diags = diags, .err = err };
	int rc;

	l.mark = vp_printf(w->arena, "vprov:%s", w->state ? vp_state_id(w->state) : "");
	rc = look_around(&l, nodes);
	for (size_t i = 0; !rc && i < nodes->n; i++)
		if (nodes->items[i]->machine == VP_HYPERVISOR)
			rc = plan_host(&l, nodes->items[i]);
	for (size_t i = 0; !rc && i < nodes->n; i++)
		if (nodes->items[i]->machine != VP_HYPERVISOR)
			rc = plan_node(&l, nodes->items[i]);
	if (!rc)
		plan_orphans(&l);
	note_hosts(&l, nodes);
	note_space(&l);
	rc = rc ? rc : note_deadlines(&l, err);
	vp_links_free(&l.links);
	vp_rules_free(&l.rules);
	if (!rc && out->n)
		qsort(out->items, out->n, sizeof(*out->items), by_need);
	return rc;
}

/* Whether any other node has a tap on this bridge. */
static bool bridge_shared(const struct look *l, const char *bridge, const char *node)
{
	for (size_t i = 0; i < l->made.n; i++) {
		const struct vp_resource *r = &l->made.items[i];
		size_t n = strlen(bridge);

		if (!strcmp(r->kind, "tap") && strcmp(r->node, node) && !strncmp(r->data, bridge, n) && r->data[n] == ' ')
			return true;
	}
	return false;
}

/* The share of an uplink without a node that goes. */
static void unshare(struct look *l, const struct vp_resource *r, const char *node, const struct vp_node *want)
{
	const struct vp_resource *record = vp_resource_find(&l->made, "node", node);
	const char *left = vp_share_text(l->a, r->data, record ? record->data : NULL, want, NULL);

	if (!left || strcmp(left, r->data))
		add(l, VP_KIND_SHARE, left ? VP_CHANGE : VP_REMOVE, r->name, NULL, r->data, left, "destroy");
}

static int by_kind_down(const void *a, const void *b)
{
	return by_kind(b, a);
}

int vp_plan_destroy(struct vp_world *w, const char *node, const struct vp_node *want, bool keep_disks, struct vp_plan *out, struct vp_err *err)
{
	struct look l = { .w = w, .a = w->arena, .plan = out, .err = err };
	struct vp_virt_dom dom = { 0 };
	struct vp_step *s;

	if (vp_resources(w->state, w->arena, NULL, &l.made, err))
		return -1;
	if (w->hv && vp_resource_find(&l.made, "domain", node) && w->hv->ops->lookup(w->hv, node, &dom, err) < 0)
		return -1;
	if (dom.active)
		add(&l, VP_KIND_POWER, VP_STOP, node, NULL, "running", NULL, "destroy")->node = node;
	for (size_t i = 0; i < l.made.n; i++) {
		const struct vp_resource *r = &l.made.items[i];
		enum vp_kind kind = (enum vp_kind)vp_kind_find(r->kind);
		bool mine = !strcmp(r->node, node);

		if (kind == VP_KIND_BRIDGE || (kind == VP_KIND_GUARD && !*r->node))
			mine = !bridge_shared(&l, r->name, node);
		if (kind == VP_KIND_SHARE)
			unshare(&l, r, node, want);
		if (!mine || (keep_disks && kind == VP_KIND_DISK))
			continue;
		s = add(&l, kind, VP_REMOVE, r->name, NULL, r->data, NULL, "destroy");
		s->node = r->node;
		if (kind == VP_KIND_DISK) {
			s->risk = "destroys data";
			s->loss = vp_printf(l.a, "%s, all of it", r->name);
		}
	}
	if (out->n)
		qsort(out->items, out->n, sizeof(*out->items), by_kind_down);
	return 0;
}
