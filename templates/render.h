/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node -> text. A template NAME.mustache is looked for in the site's directory
 * (/etc/vprov/templates, or the site key "templates") first, then in the shipped
 * one; each file and each partial is overridden by itself. NAME.ROLE.mustache in the same directory is preferred for nodes of that role.
 */
#ifndef VP_RENDER_H
#define VP_RENDER_H

#include "../provision/model/node.h"
#include "mustache.h"

struct vp_render {
	/* Site's directory; NULL for none. */
	const char *site_dir;
	/* Shipped templates. */
	const char *ship_dir;
	/* Absolute. */
	const char *state_dir;
	/* Embedded or local hypervisor: taps and console logs are vprov's own; false: libvirt makes taps on the bridge, and consoles are streams. */
	bool own_taps;
	/* The installer's kernel, ramdisk and arguments, as the hypervisor finds them: for guests without a boot ROM (xen-para) only. May be NULL. */
	const char *kernel, *initrd, *cmdline;
	/* Is told what the node's assignments (vp_node.xml) changed, a line each; NULL: nobody. */
	struct vp_buf *assigned;
	/* What is kept between renderings of one run: templates, and forms of domains that are known to be valid. NULL: nothing. */
	struct vp_render_memo *memo;
};
/* Never fails; everything in it is of the templates as they were when first read. */
struct vp_render_memo *vp_render_memo_new(void);
void vp_render_memo_free(struct vp_render_memo *m);

/* Which life a domain definition is for: the persistent one boots from disk only; the first one disk, then network, or the other way round. */
enum vp_boot { VP_BOOT_DISK, VP_BOOT_INSTALL, VP_BOOT_NETWORK };

/*
 * The whole node as JSON: what templates see and what `show --json` prints (with "origin": {field: path}).
 * New reference.
 */
json_t *vp_node_json(const struct vp_node *n);
/* The same in two steps, for those who render thousands: what every domain is made of; any other part by its key, NULL where there is none. */
json_t *vp_node_head(const struct vp_node *n);
json_t *vp_node_part(const struct vp_node *n, const char *key);
/*
 * Makes the node's assignments in the domain that xml holds from start on. VP_E_VALUE with file, line and path of one that cannot be made. The
 * result is not validated. told: as vp_render.assigned.
 */
int vp_assign(const struct vp_tweak *tweaks, size_t n, struct vp_buf *xml, size_t start, struct vp_buf *told, struct vp_err *err);
/*
 * Domain XML with the node's assignments made in it, validated against libvirt's domain.rng where that is installed (VP_E_SCHEMA with libxml2's
 * words). The first call of a process reads the schema. From the network, a xen-para node without r->kernel is refused (VP_E_VIRT).
 */
int vp_render_domain(const struct vp_render *r, const struct vp_node *n, enum vp_boot boot, struct vp_buf *out, struct vp_err *err);
/* Any other template, with data (borrowed): vp_node_json() and what else it needs. A partial that does not exist is an error. */
int vp_render_text(const struct vp_render *r, const char *template_name, json_t *data, vp_escape_fn *escape, struct vp_buf *out, struct vp_err *err);
/*
 * Kickstart of an Enterprise Linux 5 to 10, from what the profile says for AII (docs/vprov.8.scd, KICKSTART). Its scripts talk to the boot service
 * at url with the token: POST URL/node/NAME/event, ack, failed; url and token "": to nobody, and the acknowledgements go where the profile says.
 * VP_E_MISSING or VP_E_VALUE, with the profile's path, where the profile does not say what a kickstart needs, or says what it cannot have.
 */
int vp_render_kickstart(const struct vp_render *r, const struct vp_node *n, const char *url, const char *token, struct vp_buf *out,
			struct vp_err *err);
/* The serial console's log: STATE/console/NAME.log */
char *vp_console_path(struct vp_arena *a, const char *state_dir, const char *node);

#endif
