// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "bind.h"

static void digest(struct vp_arena *a, const char *uuid, const char *nic, char hex[65])
{
	const char *text = vp_printf(a, "%s/%s", uuid, nic);

	vp_sha256_hex(text, strlen(text), hex);
}

const char *vp_derive_mac(struct vp_arena *a, const char *uuid, const char *nic)
{
	char hex[65];

	digest(a, uuid, nic, hex);
	return vp_printf(a, "02:%.2s:%.2s:%.2s:%.2s:%.2s", hex, hex + 2, hex + 4, hex + 6, hex + 8);
}

const char *vp_derive_tap(struct vp_arena *a, const char *uuid, const char *nic)
{
	char hex[65];

	digest(a, uuid, nic, hex);
	return vp_printf(a, "vp%.12s", hex + 10);
}
