// SPDX-License-Identifier: Apache-2.0
/* The leases that dnsmasq keeps, once an address is another machine's. */
#include <string.h>
#include <strings.h>

#include "dhcp.h"

static bool is_anothers(const struct vp_node_rows *rows, const char *mac, const char *ip)
{
	for (size_t i = 0; i < rows->n; i++)
		if (!strcmp(rows->items[i].ip, ip))
			return strcasecmp(rows->items[i].mac, mac) != 0;
	return false;
}

size_t vp_leases_keep(const char *text, const struct vp_node_rows *rows, struct vp_buf *rest)
{
	size_t gone = 0;

	for (const char *line = text, *end; *line; line = end) {
		char mac[64] = "", ip[64] = "";

		end = line + strcspn(line, "\n");
		end += *end == '\n';
		/* Seconds since 1970, MAC, address, name, client identifier. */
		if (sscanf(line, "%*s %63s %63s", mac, ip) == 2 && is_anothers(rows, mac, ip))
			gone++;
		else
			vp_buf_add(rest, line, (size_t)(end - line));
	}
	return gone;
}
