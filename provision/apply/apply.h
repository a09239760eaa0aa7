/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plan -> world. Every step is journaled before it touches anything; a failure
 * undoes the steps of this run in reverse order; a killed run is recovered by
 * looking at the world.
 */
#ifndef VP_APPLY_H
#define VP_APPLY_H

#include "../plan/plan.h"

/*
 * One kind of resource. `set` turns `from` into `to` (NULL: absent) and is idempotent: it looks before it acts, so that it can be
 * repeated after a crash. What shall be recorded goes to *data (NULL: gone).
 */
struct vp_kind_ops {
	/* 1 exists and is vprov's (data filled), 0 not, -1 error. */
	int (*probe)(struct vp_world *w, const char *name, const char **data, struct vp_err *err);
	int (*set)(struct vp_world *w, const struct vp_step *s, const char *from, const char *to, const char **data, struct vp_err *err);
};
extern const struct vp_kind_ops vp_kind_ops[VP_KIND__COUNT];

/* Told of each step that is done. May be NULL. */
typedef void vp_step_fn(const struct vp_step *s);

/* Carries out the plan. On failure (-1) everything of this run is undone and err says which step failed; -2: undoing failed, too, and err says that.
 */
int vp_apply(struct vp_world *w, const struct vp_plan *p, vp_step_fn *report, struct vp_err *err);
/* The same, forward only: goes on after failures, answers -1 with the first. For removals. */
int vp_apply_removal(struct vp_world *w, const struct vp_plan *p, vp_step_fn *report, struct vp_err *err);
/* Brings the records of a run that died in line with the world. Call with the lock held, before planning. */
int vp_recover(struct vp_world *w, struct vp_err *err);

/*
 * Arms a node for one installation, with a new token; what is armed already stays so. before: NULL, or what vp_disarm() brings back (the node's
 * row in the form that vp_rearm() makes), which arms whatever the state.
 */
int vp_arm(struct vp_world *w, const struct vp_node *n, const char *before, struct vp_err *err);
/* The same for a node that has a system, or whose installation failed; VP_E_RUNNING where it runs, or is being installed. */
int vp_rearm(struct vp_world *w, const struct vp_node *n, struct vp_err *err);
/* A node with a system is about to start as something else: it has to report in again, and is measured again. vp_disarm() takes it back. */
int vp_carry(struct vp_world *w, const struct vp_node *n, struct vp_err *err);
/* The definition that an installation is started with: disk before network, or the other way round where the boot disk is not blank. */
int vp_first_life(struct vp_world *w, const struct vp_node *n, struct vp_buf *xml, struct vp_err *err);
/* A rescue ends; else an installation does, however far it is: the node is what it was before it was armed. Stop its machine first. */
int vp_disarm(struct vp_world *w, const char *node, struct vp_err *err);
/* For VP_RESCUE_SECONDS it boots the ramdisk with a shell on its console; a domain is started. VP_E_RUNNING as above. */
int vp_rescue(struct vp_world *w, const struct vp_node *n, struct vp_err *err);

/* --- Hypervisors on other machines, and guests without a boot ROM (remote.c) --- */

/*
 * Where a node's things are when its hypervisor is another machine: images below /var/lib/vprov-guests there instead of the state directory here, and
 * the boot service on the interface of this machine that leads to the network of the bridge there (bridge.interface and address; "" where none does).
 */
int vp_remote_fit(struct vp_world *w, struct vp_node *n, struct vp_err *err);
/*
 * The kernel and ramdisk that the boot service would hand out, as files DIR.kernel and DIR.initrd of the hypervisor's machine: DIR for a node, in
 * the arena; putting them there in place of others; 1 where they are there, 0 where not; removing them.
 */
char *vp_boot_dir(struct vp_world *w, const char *node);
int vp_boot_upload(struct vp_world *w, const struct vp_node *n, struct vp_err *err);
int vp_boot_uploaded(struct vp_world *w, const char *dir, struct vp_err *err);
int vp_boot_remove(struct vp_world *w, const char *dir, struct vp_err *err);
/* How a life from the network is rendered: the world's way, for xen-para with the kernel that its hypervisor starts. The node is armed already. */
int vp_direct_boot(struct vp_world *w, const struct vp_node *n, bool rescue, struct vp_render *r, struct vp_err *err);

/* The mark on links: "vprov:STATE-ID". */
const char *vp_mark(struct vp_world *w);

/* The boot service as a process of its own. Starting an already running one is success. */
int vp_service_start(struct vp_world *w, struct vp_err *err);
bool vp_service_running(const char *state_dir);
int vp_service_stop(const char *state_dir, struct vp_err *err);
/* True where no node needs it: none installs, none has a task. */
bool vp_service_idle(struct vp_world *w);
/* Its HTTP address for a node, "http://10.94.17.1:8420", in the arena of w; NULL with err. */
char *vp_service_url(struct vp_world *w, const struct vp_node *n, struct vp_err *err);

/*
 * Follows the nodes until each is verified (or up, where it has no verification), failed or stalled; shows progress.
 * A node that stopped before it had its configuration is restarted, by what wants[i] says (wants, or one of it, may be NULL: not). Of a failure, what
 * is known is kept (post.h). Answers an exit status.
 */
int vp_watch(struct vp_world *w, const char *const *names, const struct vp_node *const *wants, size_t n, struct vp_err *err);

#endif
