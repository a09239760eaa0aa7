/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node -> what the installer of a distribution is booted with and reads. url is "http://ADDRESS:PORT", the boot service as the node reaches it;
 * token the secret of one installation. All of it calls back there: GET URL/guest/vprov-guest, POST URL/node/NAME/event, failed, ack.
 */
#ifndef VP_INSTALLER_H
#define VP_INSTALLER_H

#include "render.h"

struct vp_installer {
	/* Its configuration, handed out once; and what that has it run, "" for none. */
	const char *config, *script;
	/* The kernel's arguments, in one line. */
	const char *cmdline;
};
/* Everything of one installation by n->install, which is none of vprov's own methods; strings are in the arena. */
int vp_render_installer(struct vp_arena *a, const struct vp_render *r, const struct vp_node *n, const char *url, const char *token,
			struct vp_installer *out, struct vp_err *err);
/* The arguments alone; nothing for the other methods. */
void vp_installer_cmdline(const struct vp_node *n, const char *url, const char *token, struct vp_buf *out);

/* Debian's installer: answers for debconf; and the script, which makes the disks and tells how far it is. */
int vp_render_preseed(const struct vp_render *r, const struct vp_node *n, const char *url, const char *token, struct vp_buf *out, struct vp_err *err);
int vp_render_preseed_script(const struct vp_render *r, const struct vp_node *n, const char *url, const char *token, struct vp_buf *out,
			     struct vp_err *err);
/* Ubuntu's: user-data of cloud-init. */
int vp_render_autoinstall(const struct vp_render *r, const struct vp_node *n, const char *url, const char *token, struct vp_buf *out,
			  struct vp_err *err);

#endif
