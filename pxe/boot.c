// SPDX-License-Identifier: Apache-2.0
#include "boot.h"

static const char *const names[] = {
	[VP_ANSWER_REFUSE] = "refuse", [VP_ANSWER_LOCAL] = "local", [VP_ANSWER_INSTALL] = "install", [VP_ANSWER_RESCUE] = "rescue"
};

enum fact {
	KNOWN = 1 << 0,
	RESCUE = 1 << 1,
	ARMED = 1 << 2,
	SOUND = 1 << 3,
	UNTAKEN = 1 << 4,
	EARLY = 1 << 5,
	SECRET = 1 << 6,
	IN_TIME = 1 << 7,
};

/*
 * The first rule that fits: all of `with` hold and none of `without`. "Armed", the count of configurations and the state say three times that a
 * node may be installed, so that no single wrong value can lead to a second installation.
 */
static const struct rule {
	unsigned with, without;
	enum vp_boot_answer answer;
	const char *why;
} rules[] = {
	{ 0, KNOWN, VP_ANSWER_REFUSE, "no node has this MAC address" },
	{ RESCUE, 0, VP_ANSWER_RESCUE, "rescue was asked for" },
	{ 0, ARMED, VP_ANSWER_LOCAL, "it is not armed" },
	{ 0, SOUND, VP_ANSWER_LOCAL, "its installation failed" },
	{ 0, UNTAKEN, VP_ANSWER_LOCAL, "its configuration was handed out" },
	{ 0, EARLY, VP_ANSWER_LOCAL, "in this state nothing is installed" },
	{ 0, SECRET, VP_ANSWER_LOCAL, "it has no token" },
	{ 0, IN_TIME, VP_ANSWER_LOCAL, "the time it was armed for has passed" },
	{ 0, 0, VP_ANSWER_INSTALL, "it is armed" },
};

static unsigned facts_of(const struct vp_node_row *r, double now)
{
	if (!r)
		return 0;
	return KNOWN | (r->rescue_until > now ? RESCUE : 0) | (r->armed ? ARMED : 0) | (r->health != VP_FAILED ? SOUND : 0) |
	       (r->installs ? 0 : UNTAKEN) | (r->life >= VP_ARMED && r->life < VP_CONFIG ? EARLY : 0) | (r->token[0] ? SECRET : 0) |
	       (r->armed_until <= 0 || r->armed_until > now ? IN_TIME : 0);
}

enum vp_boot_answer vp_boot_decide(const struct vp_node_row *row, double now, const char **why)
{
	const struct rule *r = rules;
	unsigned facts = facts_of(row, now);

	while ((facts & r->with) != r->with || facts & r->without)
		r++;
	if (why)
		*why = r->why;
	return r->answer;
}

double vp_boot_until(const struct vp_node_row *row, double now)
{
	switch (vp_boot_decide(row, now, NULL)) {
	case VP_ANSWER_RESCUE: return row->rescue_until;
	case VP_ANSWER_INSTALL: return row->armed_until;
	default: return 0;
	}
}

const char *vp_boot_answer_name(enum vp_boot_answer a)
{
	return names[a];
}
