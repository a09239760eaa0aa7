// SPDX-License-Identifier: Apache-2.0
/* Arming by hand: what the boot service answers a node that is there already. */
#include <string.h>

#include "../state/phase.h"
#include "apply.h"
#include "post.h"

/* What comes back when the arming is taken back: the system on the disk, and the secret by which it reports. */
static const char *kept(struct vp_arena *a, const struct vp_node_row *r)
{
	json_t *j = json_pack("{s:i, s:i, s:s, s:s, s:b, s:i, s:s}", "life", (int)r->life, "health", (int)r->health, "reason", r->reason, "token",
			      r->token, "token_live", r->token_live, "installs", (int)r->installs, "image", r->image);
	char *text = json_dumps(j, JSON_COMPACT), *copy = vp_strdup(a, text);

	free(text);
	json_decref(j);
	return copy;
}

static const char *text_at(struct vp_arena *a, const json_t *j, const char *key)
{
	const char *s = json_string_value(json_object_get(j, key));

	return s ? vp_strdup(a, s) : "";
}

static void restore(struct vp_arena *a, struct vp_node_row *r)
{
	json_t *j = json_loads(r->before, 0, NULL);
	json_int_t life = json_integer_value(json_object_get(j, "life")), health = json_integer_value(json_object_get(j, "health"));

	r->life = life > 0 && life < VP_LIFE__COUNT ? (enum vp_life)life : VP_DEFINED;
	r->health = health > 0 && health < VP_HEALTH__COUNT ? (enum vp_health)health : VP_OK;
	r->reason = text_at(a, j, "reason");
	r->token = text_at(a, j, "token");
	r->token_live = json_is_true(json_object_get(j, "token_live"));
	r->installs = (unsigned)json_integer_value(json_object_get(j, "installs"));
	r->image = text_at(a, j, "image");
	r->config = r->task = r->before = "";
	r->armed = false;
	r->since = vp_wall();
	json_decref(j);
}

/* Whoever runs cannot be told by its boot service what to do. 1 a guest that is off, 0 no guest, -1 it runs, or error. */
static int find_off(struct vp_world *w, const char *node, struct vp_err *err)
{
	struct vp_virt_dom dom = { 0 };
	int rc = w->hv ? w->hv->ops->lookup(w->hv, node, &dom, err) : 0;

	return rc == 1 && dom.active ? vp_fail(err, VP_E_RUNNING, "node %s is running", node) : rc;
}

static bool installing(const struct vp_node_row *r)
{
	return r->life >= VP_ARMED && r->life < VP_UP && r->health != VP_FAILED && r->health != VP_STALLED;
}

int vp_rearm(struct vp_world *w, const struct vp_node *n, struct vp_err *err)
{
	struct vp_node_row row;

	if (vp_state_node(w->state, w->arena, n->name, &row, err) != 1)
		return vp_fail(err, VP_E_NOTFOUND, "there is no node '%s'", n->name);
	if (find_off(w, n->name, err) < 0)
		return -1;
	if (row.life >= VP_CONFIG && installing(&row))
		return vp_fail(err, VP_E_RUNNING, "node %s: its installation is under way (%s)", n->name, vp_life_name(row.life));
	return vp_arm(w, n, row.life >= VP_UP ? kept(w->arena, &row) : row.before, err);
}

int vp_carry(struct vp_world *w, const struct vp_node *n, struct vp_err *err)
{
	struct vp_node_row row;

	if (vp_state_node(w->state, w->arena, n->name, &row, err) != 1)
		return vp_fail(err, VP_E_NOTFOUND, "there is no node '%s'", n->name);
	row.before = vp_console_mark(w, n->name, row.life >= VP_UP ? kept(w->arena, &row) : row.before);
	row.life = VP_ACKED;
	row.health = VP_OK;
	row.since = row.last_evidence = vp_wall();
	row.reason = row.phase = "";
	row.token_live = true;
	row.task = vp_verify_task(w->arena, n);
	if (vp_state_put(w->state, &row, err) || vp_phase_begin(w->state, n->name, "switched on", err) ||
	    vp_phase_enter(w->state, n->name, VP_PHASE_REBOOT, vp_printf(w->arena, "it goes on as %s", row.virt), err))
		return -1;
	return vp_state_event(w->state, n->name, "vprov", vp_printf(w->arena, "it goes on as %s, from the same disk", row.virt), err);
}

int vp_disarm(struct vp_world *w, const char *node, struct vp_err *err)
{
	struct vp_node_row row;
	int rc = vp_state_node(w->state, w->arena, node, &row, err);

	if (rc != 1)
		return rc;
	if (row.rescue_until > vp_wall())
		row.rescue_until = 0;
	else if (row.life < VP_UP)
		restore(w->arena, &row);
	return vp_state_put(w->state, &row, err);
}

static int start_rescue(struct vp_world *w, const struct vp_node *n, struct vp_err *err)
{
	vp_cleanup(vp_buf_free) struct vp_buf xml = { 0 };
	struct vp_render r;

	if (vp_direct_boot(w, n, true, &r, err) || (n->virt == VP_XEN_PARA && !w->hv->local && vp_boot_upload(w, n, err)) ||
	    vp_render_domain(&r, n, VP_BOOT_NETWORK, &xml, err) || (w->service && w->service(w, err)))
		return -1;
	return w->hv->ops->start(w->hv, n->name, xml.data, err);
}

int vp_rescue(struct vp_world *w, const struct vp_node *n, struct vp_err *err)
{
	struct vp_image image = { 0 };
	struct vp_node_row row;
	int guest, rc = vp_state_node(w->state, w->arena, n->name, &row, err);

	if (rc != 1)
		return rc ? -1 : vp_fail(err, VP_E_NOTFOUND, "there is no node '%s'", n->name);
	if (installing(&row))
		return vp_fail(err, VP_E_RUNNING, "node %s: its installation is under way (%s)", n->name, vp_life_name(row.life));
	guest = find_off(w, n->name, err);
	if (guest < 0)
		return -1;
	rc = w->image ? w->image(w, n, true, &image, err) : 0;
	if (rc < 0)
		return vp_context(err, "the rescue system of %s", n->name);
	row.image = rc ? strrchr(image.dir, '/') + 1 : row.image;
	row.rescue_until = vp_wall() + VP_RESCUE_SECONDS;
	if (vp_state_put(w->state, &row, err) || vp_state_event(w->state, n->name, "vprov", "rescue was asked for", err))
		return -1;
	return guest ? start_rescue(w, n, err) : 0;
}
