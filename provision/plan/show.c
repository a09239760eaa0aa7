// SPDX-License-Identifier: Apache-2.0
/* The plan and the recorded node as text and JSON. */
#include <stdlib.h>
#include <string.h>

#include "plan.h"

/* Long texts (XML, records) are shown by their digest in plans for people, whole in JSON. */
json_t *vp_plan_json(const struct vp_plan *p)
{
	json_t *steps = json_array(), *notes = json_array();

	for (size_t i = 0; i < p->n; i++) {
		const struct vp_step *s = &p->items[i];

		json_array_append_new(steps,
				      json_pack("{s:s, s:s++, s:s, s:s, s:s, s:s?, s:s?, s:s*, s:s*, s:s*}", "action", vp_action_name(s->action),
						"target", vp_kind_name(s->kind), " ", s->name, "node", s->node, "risk", s->risk, "why", s->why,
						"before", s->before, "after", s->after, "loss", s->loss, "live", s->live, "restart", s->later));
	}
	for (size_t i = 0; i < p->nnotes; i++)
		json_array_append_new(notes, json_string(p->notes[i]));
	return json_pack("{s:o, s:o}", "steps", steps, "notes", notes);
}

void vp_plan_print(const struct vp_plan *p, FILE *f)
{
	static const char *const color[] = { [VP_CREATE] = "32", [VP_CHANGE] = "33",  [VP_REMOVE] = "31", [VP_START] = "32",
					     [VP_STOP] = "31",	 [VP_INSTALL] = "32", [VP_RESUME] = "32", [VP_RUN] = "32" };

	for (size_t i = 0; i < p->n; i++) {
		const struct vp_step *s = &p->items[i];

		fprintf(f, "%s%s%s%-8s%s %-7s %s: %s", vp_out.color ? "\033[" : "", vp_out.color ? color[s->action] : "", vp_out.color ? "m" : "",
			vp_action_name(s->action), vp_out.color ? "\033[0m" : "", vp_kind_name(s->kind), s->name, s->why);
		if (strcmp(s->risk, "none") && !s->loss)
			fprintf(f, " [%s]", s->risk);
		fputc('\n', f);
		if (s->live)
			fprintf(f, "         live: %s\n", s->live);
		if (s->later)
			fprintf(f, "         at its next start: %s\n", s->later);
		if (s->loss)
			fprintf(f, "%s         DESTROYS DATA: %s%s\n", vp_out.color ? "\033[1;31m" : "", s->loss, vp_out.color ? "\033[0m" : "");
	}
	for (size_t i = 0; i < p->nnotes; i++)
		fprintf(f, "note: %s\n", p->notes[i]);
	if (!p->n)
		fputs("nothing to do\n", f);
	else
		fprintf(f, "%zu step%s\n", p->n, p->n == 1 ? "" : "s");
}

char *vp_node_record(struct vp_arena *a, const struct vp_node *n)
{
	json_t *j = vp_node_json(n), *values = json_object();
	vp_cleanup(vp_freep) char *real = NULL;
	char *text, *copy;

	for (size_t i = 0; i < n->norigins; i++)
		json_object_set_new(values, n->origins[i].field, json_string(n->origins[i].value));
	json_object_set_new(j, "values", values);
	json_object_set_new(j, "own_virt", json_string(vp_virt_name(n->own_virt)));
	/* Who looks for changes of the profile later does so from elsewhere. */
	if (strcmp(n->file, "-") && !strstr(n->file, "://") && (real = realpath(n->file, NULL)))
		json_object_set_new(j, "profile", json_string(real));
	text = json_dumps(j, JSON_COMPACT | JSON_SORT_KEYS);
	copy = vp_strdup(a, text);
	free(text);
	json_decref(j);
	return copy;
}

static void one_change(struct vp_buf *out, const char *field, json_t *from, json_t *to, json_t *origin)
{
	const char *path = json_string_value(json_object_get(origin, field));

	vp_buf_addf(out, "%s%s %s -> %s", out->len ? ", " : "", field, from ? json_string_value(from) : "(none)",
		    to ? json_string_value(to) : "(none)");
	if (path)
		vp_buf_addf(out, " (%s)", path);
}

char *vp_node_why(struct vp_arena *a, const char *before, const char *after)
{
	json_t *x = json_loads(before, 0, NULL), *y = json_loads(after, 0, NULL), *value;
	json_t *from = json_object_get(x, "values"), *to = json_object_get(y, "values"), *origin = json_object_get(y, "origin");
	vp_cleanup(vp_buf_free) struct vp_buf out = { 0 };
	const char *field;
	char *copy;

	json_object_foreach (to, field, value)
		if (!json_equal(value, json_object_get(from, field)))
			one_change(&out, field, json_object_get(from, field), value, origin);
	json_object_foreach (from, field, value)
		if (!json_object_get(to, field))
			one_change(&out, field, value, NULL, origin);
	copy = vp_strdup(a, vp_buf_str(&out));
	json_decref(x);
	json_decref(y);
	return copy;
}
