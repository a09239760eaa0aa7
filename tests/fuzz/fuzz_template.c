// SPDX-License-Identifier: Apache-2.0
/* Input: a template, then lines "---" before a partial named p, and before JSON data. */
#include <stdlib.h>
#include <string.h>

#include "../../templates/mustache.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *only_p(void *arg, const char *name)
{
	return strcmp(name, "p") ? NULL : arg;
}

/* Cuts the text at the next separator; what is behind it, "" where there is none. */
static char *cut(char *text)
{
	char *end = strstr(text, "\n---\n");

	if (!end)
		return text + strlen(text);
	end[1] = '\0';
	return end + 5;
}

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void render(const char *template, char *partial, json_t *data, vp_escape_fn *escape)
{
	const struct vp_mustache_source source = { only_p, NULL, partial };
	struct vp_buf one = { 0 }, two = { 0 };
	struct vp_err err = { 0 };

	vp_buf_adds(&one, "kept");
	if (vp_mustache("t", template, data, escape, &source, &one, &err)) {
		must(err.code == VP_E_TEMPLATE && err.msg[0] && !strcmp(one.data, "kept"));
	} else {
		must(!vp_mustache("t", template, data, escape, &source, &two, &err));
		must(!strncmp(one.data, "kept", 4) && !strcmp(one.data + 4, vp_buf_str(&two)));
		must(strstr(template, "{{") || !strcmp(vp_buf_str(&two), template));
	}
	vp_buf_free(&one);
	vp_buf_free(&two);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static vp_escape_fn *const escapes[] = { vp_escape_xml, vp_escape_shell, vp_escape_line };
	char *template = vp_xcalloc(1, size + 1), *partial, *json;
	json_t *j;

	memcpy(template, data, size);
	partial = cut(template);
	json = cut(partial);
	j = json_loads(json, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	for (size_t i = 0; i < vp_count(escapes); i++)
		render(template, partial, j, escapes[i]);
	json_decref(j);
	free(template);
	return 0;
}
