// SPDX-License-Identifier: Apache-2.0
#include <time.h>

#include "../state/phase.h"
#include "cmd.h"

static json_t *event_json(struct vp_ctx *c, const struct vp_event *e)
{
	return json_pack("{s:I, s:s, s:s, s:s, s:s}", "id", (json_int_t)e->id, "time", vp_ctx_time(c, e->time), "node", e->node, "source", e->source,
			 "text", e->text);
}

/* {"events":[...]}, of one node also {"phases":[...]}. */
static void print_events(struct vp_ctx *c, const struct vp_events *events, const struct vp_phase_rows *phases)
{
	json_t *list = json_array();

	for (size_t i = 0; i < events->n; i++) {
		const struct vp_event *e = &events->items[i];

		if (c->json)
			json_array_append_new(list, event_json(c, e));
		else
			printf("%s  %s  %-9s  %s\n", vp_ctx_local_time(c, e->time), e->node, e->source, e->text);
	}
	if (c->json)
		vp_print_json(json_pack("{s:O, s:o*}", "events", list, "phases", phases ? vp_phase_json(phases) : NULL));
	json_decref(list);
}

/* One line per event: a document would never end. */
static void print_stream(struct vp_ctx *c, const struct vp_events *events)
{
	for (size_t i = 0; c->json && i < events->n; i++) {
		json_t *j = event_json(c, &events->items[i]);

		json_dumpf(j, stdout, JSON_COMPACT);
		putchar('\n');
		json_decref(j);
	}
	if (!c->json)
		print_events(c, events, NULL);
}

/* What came since *last. */
static int print_new(struct vp_ctx *c, struct vp_state *s, const char *node, int64_t *last)
{
	struct vp_events events = { 0 };
	struct vp_err err = { 0 };

	if (vp_state_events(s, c->arena, node, *last, &events, &err))
		return vp_ctx_error(c, &err);
	print_stream(c, &events);
	if (events.n)
		*last = events.items[events.n - 1].id;
	return fflush(stdout) ? VP_EXIT_FAILED : VP_EXIT_OK;
}

static int follow(struct vp_ctx *c, struct vp_state *s, const char *node)
{
	const struct timespec pause = { .tv_nsec = 300000000 };
	int64_t last = 0;
	int rc = VP_EXIT_OK;

	while (!rc && !vp_interrupted) {
		struct vp_ctx round = *c;

		round.arena = vp_arena_new();
		rc = print_new(&round, s, node, &last);
		vp_arena_free(round.arena);
		if (!rc)
			nanosleep(&pause, NULL);
	}
	return rc;
}

int vp_cmd_log(struct vp_ctx *c)
{
	vp_cleanup(vp_state_closep) struct vp_state *s = NULL;
	const char *node = c->nargs ? c->args[0] : NULL;
	struct vp_events events = { 0 };
	struct vp_phase_rows phases = { 0 };
	struct vp_err err = { 0 };
	int rc = vp_ctx_state(c, true, &s);

	if (rc)
		return rc;
	if (s && c->follow)
		return follow(c, s, node);
	if (s &&
	    (vp_state_events(s, c->arena, node, 0, &events, &err) || (node && c->json && vp_phase_rows(s, c->arena, node, false, &phases, &err))))
		return vp_ctx_error(c, &err);
	print_events(c, &events, node ? &phases : NULL);
	return s && node && !c->json && vp_phases_print(c, s, node, &err) ? vp_ctx_error(c, &err) : VP_EXIT_OK;
}
