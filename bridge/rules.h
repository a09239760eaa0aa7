/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What rules the traffic of a device, as a text of one line: how fast it goes, and what may pass. Desired and live are written alike, so that
 * two rules are the same where their texts are.
 */
#ifndef VP_RULES_H
#define VP_RULES_H

#include "../provision/base/base.h"

struct vp_net;

enum vp_rule_kind {
	/*
	 * Of an uplink: "RATE MAC=CLASS ...", RATE being the link's in Mbit/s. The classes (VP_CLASS_FIRST to VP_CLASS_LAST), and the host as one
	 * more, get equal parts of it in each direction as long as they want more; entries are sorted.
	 */
	VP_RULE_SHARE,
	/*
	 * What may come out of a tap: "[limit AVERAGE BURST, ]mac MAC ..., from ADDRESS ...[, any6]", in Mbit/s and KiB; without "mac" everything,
	 * without "from" from any address of these MACs. Through a bridge: "isolated [UPLINK]". The live text is a digest.
	 */
	VP_RULE_GUARD,
	/* Of a tap, what it is given: "AVERAGE PEAK BURST" in Mbit/s (PEAK 0: none) and KiB. */
	VP_RULE_LIMIT,
};

#define VP_CLASS_FIRST 2
#define VP_CLASS_LAST  0x6fff
/* Live only. Another one's queueing discipline, which is not replaced: "foreign KIND". At the end of a share: something of it is missing. */
#define VP_RULE_FOREIGN "foreign "
#define VP_RULE_DAMAGED " damaged"

struct vp_rule {
	enum vp_rule_kind kind;
	char dev[16];
	char *text;
};

struct vp_rules {
	struct vp_rule *items;
	size_t n, cap;
};

void vp_rules_free(struct vp_rules *r);
void vp_rules_add(struct vp_rules *r, enum vp_rule_kind kind, const char *dev, const char *text);
/* Its text; NULL where there is none. */
const char *vp_rule_find(const struct vp_rules *r, enum vp_rule_kind kind, const char *dev);

/* One node's NIC at an uplink. */
struct vp_sharer {
	unsigned char mac[6];
	unsigned class;
};
struct vp_share {
	/* Mbit/s */
	unsigned rate;
	/* Sorted by MAC. */
	struct vp_sharer *items;
	size_t n, cap;
};
/* False where the text is none, out has what could be read; free in any case. */
bool vp_share_parse(const char *text, struct vp_share *out);
void vp_share_print(struct vp_share *s, struct vp_buf *out);
void vp_share_add(struct vp_share *s, const unsigned char mac[6], unsigned class);
const struct vp_sharer *vp_share_find(const struct vp_share *s, const unsigned char mac[6]);
void vp_share_free(struct vp_share *s);

/* The live back end's traffic control (shape.c), see struct vp_net_ops. */
int vp_shape_list(struct vp_net *net, struct vp_rules *out, struct vp_err *err);
int vp_shape_share(struct vp_net *net, const char *dev, const char *text, const char *mark, struct vp_err *err);
int vp_shape_limit(struct vp_net *net, const char *dev, const char *text, struct vp_err *err);
/* Its filters (guard.c). */
int vp_guard_list(const char *mark, struct vp_rules *out, struct vp_err *err);
int vp_guard_set(const char *dev, const char *text, const char *mark, struct vp_err *err);

#endif
