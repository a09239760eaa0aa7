/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan is data: what would be done, to what, why, at what risk. It is made by
 * looking at the desired nodes and the live world, and changes neither.
 */
#ifndef VP_PLAN_H
#define VP_PLAN_H

#include <jansson.h>

#include "../../bridge/net.h"
#include "../../templates/render.h"
#include "../disk/disk.h"
#include "../disk/image.h"
#include "../hypervisor/virt.h"
#include "../state/journal.h"

/* Everything that a plan looks at and an apply changes: live, or fake. */
struct vp_world {
	struct vp_arena *arena;
	const char *state_dir;
	/* NULL: nothing was ever made. */
	struct vp_state *state;
	/* NULL: no domains exist yet (the embedded driver was never used). */
	struct vp_hv *hv;
	struct vp_net *net;
	const struct vp_disk_ops *disk;
	void *disk_ctx;
	struct vp_render render;
	/* Makes the boot service run (idempotent). NULL in a fake world. */
	int (*service)(struct vp_world *w, struct vp_err *err);
	/* Root image of a node, found or (build) made; NULL in a fake world. 1 there, 0 not, -1 error. */
	int (*image)(struct vp_world *w, const struct vp_node *n, bool build, struct vp_image *out, struct vp_err *err);
	/* This program, to start the boot service from. */
	const char *program;
	/* Site configuration file as given, for the boot service; NULL for the default. */
	const char *config;
	/* Of the boot service. */
	unsigned http_port;
	/* Installations at a time; 0: as the machine can take. When the last one was begun. */
	unsigned max_installs;
	uint64_t admitted_ns;
	/* Installed nodes whose domain changed are restarted; installed ones are installed anew. */
	bool restart, reinstall;
	/* A connection to another hypervisor, which the world closes; NULL with err. May be missing (fakes). */
	struct vp_hv *(*former)(struct vp_world *w, const char *uri, struct vp_err *err);
	struct vp_hv *formers[8];
};

/* In the order in which they are made; removal goes the other way. */
enum vp_kind {
	VP_KIND_IMAGE,
	/* One change of the host's own network (bridge/lan.h); not a thing: what is recorded are the links that were made. */
	VP_KIND_LINK,
	VP_KIND_BRIDGE,
	VP_KIND_TAP,
	VP_KIND_SHARE,
	VP_KIND_LIMIT,
	VP_KIND_GUARD,
	VP_KIND_DISK,
	VP_KIND_NODE,
	/* Kernel and ramdisk of an installation, on the machine of the hypervisor. */
	VP_KIND_BOOT,
	/* The domain of a node on the hypervisor that it leaves. */
	VP_KIND_FORMER,
	VP_KIND_DOMAIN,
	VP_KIND_POWER,
	VP_KIND_VERIFY,
	VP_KIND__COUNT
};
enum vp_action { VP_CREATE, VP_CHANGE, VP_REMOVE, VP_START, VP_STOP, VP_INSTALL, VP_RESUME, VP_RUN };

/* What takes the place of the state directory where the hypervisor is another machine. */
#define VP_REMOTE_DIR "/var/lib/vprov-guests"

struct vp_step {
	enum vp_kind kind;
	enum vp_action action;
	/* Name of a device (share, limit: of that which is ruled), disk path, node name. */
	const char *name;
	/* Owner; "" for what nodes share. */
	const char *node;
	/* "none", "live" (a running guest is changed), "restart" (takes effect at the next start), "destroys data" */
	const char *risk;
	/* What is and what shall be, as the kind writes it; NULL for nothing. */
	const char *before, *after;
	/* For people: one line. */
	const char *why;
	/* What data goes, in words: "vda (PATH, 2 GiB): / made anew, /home kept"; NULL for none. */
	const char *loss;
	/* Of a running guest's domain: what is changed at once, and what the next start brings; NULL for nothing. */
	const char *live, *later;
	/* Desired node; NULL for removals. */
	const struct vp_node *want;
	/* Of the same kind: lower first. */
	unsigned order;
	/* The hypervisor that `before` is of, where that is not the world's: the node comes from there. NULL: none. */
	const char *from_host;
};

/* What a power step leads to, beside "install" and "disk": a system that was installed for something else, and its installation over that. */
#define VP_POWER_CARRIED   "carried"
#define VP_POWER_REINSTALL "reinstall"

struct vp_plan {
	struct vp_step *items;
	size_t n, cap;
	/* Nothing to do, but worth saying: "restart pending". */
	const char **notes;
	size_t nnotes, notescap;
	/* The host's own network as it is, as far as the plan has to do with it (vp_lan_print()); NULL where no step changes it. */
	const char *network;
	/* What moved with its port though the profile does not know of it, in the same form. */
	const char *carried;
};

/*
 * A tap as it is recorded: "BRIDGE MTU", then "queues" where it has several, then "uid U" and "gid G" where they are not who runs vprov. In the
 * arena. Back again: the MTU (0: the default), and how it is made.
 */
const char *vp_tap_record(struct vp_arena *a, const char *bridge, unsigned mtu, const struct vp_tap *how);
void vp_tap_parse(const char *record, unsigned *mtu, struct vp_tap *how);
/* It is one like that. */
bool vp_tap_is(const struct vp_tap *is, const struct vp_tap *want);
/*
 * What has to be done for these nodes. Problems that only the world shows (unknown bridge, disk larger than the space,
 * a foreign device or domain of that name) go to diags; the plan is not to be used when there were errors.
 */
int vp_plan_make(struct vp_world *w, const struct vp_nodes *nodes, struct vp_plan *out, struct vp_diags *diags, struct vp_err *err);
/*
 * Before a plan: disks that vprov made for the node stay where they are, whatever they would be called if they were made now. Images of another
 * directory than the profile's are left to the plan.
 */
int vp_plan_keep_disks(struct vp_world *w, struct vp_node *n, struct vp_err *err);
/* A tap or bridge of vprov's that no record names: plans remove it, unless it is in use. */
bool vp_link_orphan(const struct vp_link *link, const char *mark, const struct vp_resources *made);
/* What has to be done to remove one node, with what it alone uses; keep_disks leaves its images. want (may be NULL) says what a node is
 * of which the state has no record, only devices. */
int vp_plan_destroy(struct vp_world *w, const char *node, const struct vp_node *want, bool keep_disks, struct vp_plan *out, struct vp_err *err);

/* The host in a URI, not ended by NUL; *len is 0 where there is none. Whether two are of one machine. */
const char *vp_host_part(const char *uri, size_t *len);
bool vp_same_machine(const char *a, const char *b);

/* A problem that only the world shows, at the place in the profile that asks for it. */
void vp_plan_problem(struct vp_diags *d, enum vp_severity severity, const struct vp_node *n, const char *field, enum vp_code code, const char *what);

/* Told of a lack: the field of the model that asks for what is not there, and what to do. */
typedef void vp_lack_fn(void *arg, const char *field, const char *what);
/*
 * What of a domain's definition its host cannot do, by what libvirt says of the host: type, machine, firmware, processors, memory, buses of disks
 * and, on another machine, bridges. Nothing is told where libvirt cannot say it. -1 where it cannot be asked.
 */
int vp_plan_lacks(struct vp_world *w, const struct vp_node *n, const char *xml, vp_lack_fn *say, void *arg, struct vp_err *err);

/*
 * Whether a node whose row this is (NULL: none) has a system on its disks that was installed, or is run, as something else than it shall be: another
 * kind of virtualisation, or (host) on a hypervisor where its domain is not any more.
 */
bool vp_plan_carries(const struct vp_node_row *row, const struct vp_node *n, const char *host);
/* Why such a system could not boot then: the field of the model that is in the way, and what to do. NULL: nothing is. */
const char *vp_plan_carry_lacks(struct vp_arena *a, const struct vp_node_row *row, const struct vp_node *n, const char **field);
/* The driver that the installed kernel, as the node last told it, has not for what the node shall have now; NULL: none that is known. */
const char *vp_plan_kernel_lacks(struct vp_world *w, const struct vp_node *n, const char **field);
/* What is different for it, in words. */
const char *vp_plan_carry_note(struct vp_arena *a, const struct vp_node_row *row, const struct vp_node *n);

/*
 * What of the wanted definition is different in the other one, "./vcpu is 2 instead of 1, ..."; "" for nothing. What the wanted one does not say may
 * be anything, and libvirt's own spelling of it is no difference.
 */
const char *vp_plan_drift(struct vp_arena *a, const char *want, const char *have);

/* Bytes of a number in one of libvirt's units; NULL: KiB. */
uint64_t vp_plan_bytes(const char *number, const char *unit);

/* How a running domain becomes as its definition says. */
struct vp_live {
	struct vp_live_op *ops;
	size_t n, cap;
	/* In words, what takes its next start; "" for nothing. */
	const char *later;
};
/*
 * What brings the running definition `now` to the wanted one: changes that the hypervisor can make while it runs, and what takes a restart. Only
 * devices of the old definition (NULL: none) are unplugged. refused: the first line of the domain's record, with what was refused earlier, a tab
 * before each; NULL: nothing.
 */
void vp_plan_live(struct vp_arena *a, const struct vp_hv *hv, const char *want, const char *now, const char *old, const char *refused,
		  struct vp_live *out);
bool vp_live_refused(const char *refused, const struct vp_live_op *op);
/* Where the profile says what this step of the network is about, as far as it is known; "". */
const char *vp_plan_path(const struct vp_step *s);
/* The definition in a domain's record ("DIGEST[TAB REFUSED]...\nXML"), or the text itself. */
const char *vp_plan_recorded(const char *data);

/* What installing the node destroys, as in vp_step.loss; "" where its disks are absent, blank, or only hold what is kept. */
int vp_plan_loss(struct vp_world *w, const struct vp_node *n, const char **loss, struct vp_err *err);
/*
 * VP_E_CONSENT where the data of a node may not go. `confirm` (NULL: nothing), a word or several with commas between them, has to hold what
 * /system/aii/protected says, in the profile as last applied or else in `want` (may be NULL); where that says nothing, the node's name, if its
 * disks hold data or it is in production (/system/state).
 */
int vp_plan_consent(struct vp_world *w, const char *node, const struct vp_node *want, bool holds_data, const char *confirm, struct vp_err *err);

/* The deadlines of a node's installation that are not the default ones, and where they come from; "" for none, NULL on failure. */
char *vp_plan_deadlines(struct vp_world *w, const struct vp_node *n, struct vp_err *err);

/* {"steps":[{"action","target","risk","before","after","why"}]}, and "loss" where data goes; new reference. */
json_t *vp_plan_json(const struct vp_plan *p);
void vp_plan_print(const struct vp_plan *p, FILE *f);
const char *vp_kind_name(enum vp_kind k);
int vp_kind_find(const char *name);
const char *vp_action_name(enum vp_action a);

/*
 * The recorded form of a node: vp_node_json() plus "values" {field: value} of every origin. Text in the arena.
 * vp_node_why() names the fields in which two recorded forms differ: "memory 1024 -> 2048 (/hardware/ram/0/size)"; "" for none.
 */
char *vp_node_record(struct vp_arena *a, const struct vp_node *n);
char *vp_node_why(struct vp_arena *a, const char *before, const char *after);

#endif
