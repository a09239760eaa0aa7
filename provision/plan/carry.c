// SPDX-License-Identifier: Apache-2.0
/*
 * A node goes on as something else, from the same disk. What vprov's own installer makes can: file systems are found by their UUIDs, the boot loader
 * is one for BIOS and for pygrub, the initial ramdisk has the drivers of all hypervisors, NICs are told apart by their MAC addresses, and the console
 * is whichever is there.
 */
#include <string.h>

#include "plan.h"

static bool has_system(const struct vp_node_row *row, const struct vp_node *n)
{
	/* After it was carried over it is "acked" until it reports in. */
	return row && (row->life >= VP_UP || n->install == VP_INSTALL_NONE || (row->life >= VP_ACKED && *row->before && !row->armed));
}

bool vp_plan_carries(const struct vp_node_row *row, const struct vp_node *n, const char *host)
{
	return has_system(row, n) && (strcmp(row->virt, vp_virt_name(n->virt)) || (host && *row->host && strcmp(row->host, host)));
}

/* A member of the record of the node as it was applied; "" where there is none. */
static const char *recorded(struct vp_arena *a, const json_t *j, const char *key)
{
	const char *s = json_string_value(json_object_get(j, key));

	return s ? vp_strdup(a, s) : "";
}

const char *vp_plan_carry_lacks(struct vp_arena *a, const struct vp_node_row *row, const struct vp_node *n, const char **field)
{
	json_t *j = json_loads(row->json, 0, NULL);
	const char *firmware = recorded(a, j, "firmware"), *now = vp_firmware_name(n->firmware);

	json_decref(j);
	*field = "firmware";
	if (*firmware && strcmp(firmware, now))
		return vp_printf(a, "it was installed for %s, and has no boot loader for %s: --reinstall installs it anew", firmware, now);
	return NULL;
}

static const char *console(const char *virt)
{
	return !strcmp(virt, "xen-para") ? "hvc0" : "ttyS0";
}

/* "sda is vda, was xvda" of each disk, as the guest sees them. */
static const char *disks(struct vp_arena *a, const json_t *record, const struct vp_node *n)
{
	const char *text = "";
	json_t *one;
	size_t i;

	json_array_foreach (json_object_get(record, "disks"), i, one) {
		const char *was = recorded(a, one, "target"), *name = recorded(a, one, "name");

		for (size_t k = 0; k < n->ndisks; k++)
			if (!strcmp(n->disks[k].name, name) && strcmp(n->disks[k].target, was))
				text = vp_printf(a, "%s; disk %s is %s, was %s", text, name, n->disks[k].target, was);
	}
	return text;
}

const char *vp_plan_carry_note(struct vp_arena *a, const struct vp_node_row *row, const struct vp_node *n)
{
	json_t *j = json_loads(row->json, 0, NULL);
	const char *virt = vp_virt_name(n->virt), *text;

	text = vp_printf(a, "%s goes on as %s, was %s, from the same disk%s", n->name, virt, row->virt, disks(a, j, n));
	json_decref(j);
	if (strcmp(console(virt), console(row->virt)))
		text = vp_printf(a, "%s; console %s, was %s", text, console(virt), console(row->virt));
	if (n->install != VP_INSTALL_IMAGE)
		text = vp_printf(a, "%s; its system was not made by vprov (%s): it has to mount by UUID or label, and to have the drivers", text,
				 vp_install_name(n->install));
	return vp_printf(a, "%s; MAC and IP addresses stay; --virt %s takes it back", text, row->virt);
}

/* "6.1.0-57-cloud-amd64"; "" where it has not told. */
static const char *kernel_of(struct vp_world *w, const char *node)
{
	struct vp_events all = { 0 };
	const char *kernel = "";

	if (vp_state_events(w->state, w->arena, node, 0, &all, NULL))
		return "";
	for (size_t i = 0; i < all.n; i++) {
		const char *at = strcmp(all.items[i].source, "node") ? NULL : strstr(all.items[i].text, " kernel=");

		if (at)
			kernel = vp_strndup(w->arena, at + 8, strcspn(at + 8, " "));
	}
	return kernel;
}

const char *vp_plan_kernel_lacks(struct vp_world *w, const struct vp_node *n, const char **field)
{
	const char *kernel;

	/* Under Xen its own drivers take them. */
	for (size_t i = 0; i < n->nnics && (n->virt == VP_KVM || n->virt == VP_QEMU); i++) {
		if (strcmp(n->nics[i].model, "e1000") != 0)
			continue;
		kernel = kernel_of(w, n->name);
		*field = vp_printf(w->arena, "nic.%s.model", n->nics[i].name);
		if (strstr(kernel, "-cloud-"))
			return vp_printf(
				w->arena,
				"NIC %s is an e1000, for which its kernel (%s) has no driver: install linux-image-amd64 in it and boot that, or say "
				"--reinstall",
				n->nics[i].name, kernel);
	}
	return NULL;
}
