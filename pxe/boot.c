// SPDX-License-Identifier: Apache-2.0
#include "boot.h"

static const char *const names[] = { [VP_ANSWER_REFUSE] = "refuse", [VP_ANSWER_LOCAL] = "local", [VP_ANSWER_INSTALL] = "install" };

/*
 * The states in which an armed node may be installed: before it had its configuration. "armed" and the count of answers
 * say the same twice more, so that no single wrong value can lead to a second installation.
 */
static const bool may_install[VP_LIFE__COUNT] = {
	[VP_ARMED] = true,
	[VP_DHCP] = true,
	[VP_LOADER] = true,
	[VP_KERNEL] = true,
};

enum vp_boot_answer vp_boot_decide(const struct vp_node_row *row)
{
	if (!row)
		return VP_ANSWER_REFUSE;
	if (may_install[row->life] && row->armed && !row->installs && row->health != VP_FAILED && row->token[0])
		return VP_ANSWER_INSTALL;
	return VP_ANSWER_LOCAL;
}

const char *vp_boot_answer_name(enum vp_boot_answer a)
{
	return names[a];
}
