// SPDX-License-Identifier: Apache-2.0
#include <archive.h>
#include <libsmartcols.h>
#include <libvirt/libvirt.h>
#include <libxml/xmlversion.h>
#include <microhttpd.h>
#include <nettle/version.h>
#include <sqlite3.h>
#include <string.h>
#include <zlib.h>

#include "cmd.h"

static const char *libvirt_version(struct vp_ctx *c)
{
	unsigned long v = 0;

	virGetVersion(&v, NULL, NULL);
	return vp_printf(c->arena, "%lu.%lu.%lu", v / 1000000, v / 1000 % 1000, v % 1000);
}

static const char *smartcols_version(void)
{
	const char *v = NULL;

	scols_get_library_version(&v);
	return v;
}

int vp_cmd_version(struct vp_ctx *c)
{
	const struct {
		const char *name, *version;
	} libraries[] = {
		{ "jansson", jansson_version_str() },
		{ "libarchive", archive_version_string() + strlen("libarchive ") },
		{ "libmicrohttpd", MHD_get_version() },
		{ "libsmartcols", smartcols_version() },
		{ "libvirt", libvirt_version(c) },
		{ "libxml2", LIBXML_DOTTED_VERSION },
		{ "nettle", vp_printf(c->arena, "%d.%d", nettle_version_major(), nettle_version_minor()) },
		{ "sqlite", sqlite3_libversion() },
		{ "zlib", zlibVersion() },
	};
	json_t *j = json_object();

	for (size_t i = 0; i < vp_count(libraries); i++)
		json_object_set_new(j, libraries[i].name, json_string(libraries[i].version));
	if (c->json) {
		vp_print_json(json_pack("{s:s, s:o}", "version", VP_VERSION, "libraries", j));
		return VP_EXIT_OK;
	}
	json_decref(j);
	printf("vprov %s\n", VP_VERSION);
	for (size_t i = 0; i < vp_count(libraries); i++)
		printf("%-14s %s\n", libraries[i].name, libraries[i].version);
	return VP_EXIT_OK;
}
