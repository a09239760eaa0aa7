// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "verify.h"

int vp_verify_stored(struct vp_state *s, struct vp_arena *a, const char *node, const char *run, json_t *expect, struct vp_results *raw,
		     struct vp_samples *known, struct vp_verification *out, struct vp_err *err)
{
	struct vp_results own_raw = { 0 };
	struct vp_samples own_known = { 0 };

	raw = raw ? raw : &own_raw;
	known = known ? known : &own_known;
	if (vp_state_results(s, a, node, run, raw, err) || vp_samples(s, a, known, err))
		return -1;
	if (!raw->n)
		return vp_fail(err, VP_E_NOTFOUND, "node %s has no such run", node);
	vp_verify_judge(a, node, raw, expect, known, out);
	return 0;
}

/* Of a sample of which the host kept more than this to itself, nobody knows what it would have been: nothing to compare others with. */
#define KEPT 0.5

static int keep(struct vp_state *s, const struct vp_verification *v, struct vp_err *err)
{
	for (size_t i = 0; i < v->n; i++) {
		const struct vp_metric *m = &v->metrics[i];

		for (size_t k = 0; k < m->nsamples && m->verdict != VP_VOID; k++) {
			bool bad = m->verdict == VP_FAIL || m->left[k] < 1 - KEPT;
			const struct vp_sample x = { v->node, m->runs[k], m->name, m->unit, m->samples[k], m->less,
						     m->key,  m->work,	  m->env,  bad,	    vp_wall() };

			if (vp_sample_put(s, &x, err))
				return -1;
		}
	}
	return 0;
}

/* What this machine is, beside the results of every run that has none yet. */
static int add_host(struct vp_state *s, struct vp_arena *a, const char *node, const char *run, struct vp_err *err)
{
	struct vp_results raw = { 0 };
	const char *last = "", *facts = vp_verify_host(a);

	if (vp_state_results(s, a, node, run, &raw, err))
		return -1;
	for (size_t i = 0; i < raw.n; i++) {
		bool there = false;

		for (size_t k = 0; k < raw.n; k++)
			there = there || (!strcmp(raw.items[k].run, raw.items[i].run) && !strcmp(raw.items[k].name, "host"));
		if (!there && strcmp(last, raw.items[i].run) != 0 &&
		    vp_state_result_put(s, node, raw.items[i].run, "host", facts, strlen(facts), err))
			return -1;
		last = raw.items[i].run;
	}
	return 0;
}

int vp_verify_finish(struct vp_state *s, struct vp_arena *a, const char *node, json_t *expect, struct vp_verification *out, struct vp_err *err)
{
	return add_host(s, a, node, NULL, err) || vp_verify_stored(s, a, node, NULL, expect, NULL, NULL, out, err) || keep(s, out, err) ? -1 : 0;
}
