// SPDX-License-Identifier: Apache-2.0
/* Input: assignments to a domain's definition, "XPATH = VALUE" a line. What they make of it is XML with the node's name and UUID, or an error. */
#include <libxml/parser.h>
#include <stdlib.h>
#include <string.h>

#include "../../templates/render.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char domain[] =
	"<domain type='kvm'>\n  <name>n1.example.org</name>\n  <uuid>6ba7b810-9dad-11d1-80b4-00c04fd430c8</uuid>\n"
	"  <memory unit='MiB'>512</memory>\n  <devices>\n    <disk type='file'><driver cache='none'/><target dev='vda'/></disk>\n"
	"    <disk type='file'><target dev='vdb'/></disk>\n    <rng model='virtio'/>\n  </devices>\n</domain>\n";

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void check(const struct vp_buf *xml, const struct vp_buf *told, size_t n)
{
	xmlDoc *doc = xmlReadMemory(xml->data, (int)xml->len, NULL, NULL, XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	size_t lines = 0;

	must(doc);
	must(strstr(xml->data, "<name>n1.example.org</name>") && strstr(xml->data, "<uuid>6ba7b810-9dad-11d1-80b4-00c04fd430c8</uuid>"));
	for (const char *p = vp_buf_str(told); (p = strchr(p, '\n')); p++)
		lines++;
	must(lines <= n);
	xmlFreeDoc(doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = vp_xcalloc(1, size + 1), *save = NULL;
	struct vp_tweak tweaks[16];
	struct vp_buf xml = { 0 }, told = { 0 };
	struct vp_err err = { 0 };
	size_t n = 0;

	memcpy(text, data, size);
	for (char *line = strtok_r(text, "\n", &save); line && n < vp_count(tweaks); line = strtok_r(NULL, "\n", &save)) {
		char *value = strstr(line, " = ");

		if (value)
			*value = '\0';
		tweaks[n++] =
			(struct vp_tweak){ .path = line, .value = value ? value + 3 : "", .origin = "/system/vprov/xml", .file = "f", .line = 1 };
	}
	vp_buf_adds(&xml, domain);
	if (vp_assign(tweaks, n, &xml, 0, &told, &err))
		must(err.code == VP_E_VALUE && err.msg[0]);
	else
		check(&xml, &told, n);
	vp_buf_free(&xml);
	vp_buf_free(&told);
	free(text);
	return 0;
}
