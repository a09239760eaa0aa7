// SPDX-License-Identifier: Apache-2.0
#include "sample.h"
#include "db.h"

int vp_sample_put(struct vp_state *s, const struct vp_sample *x, struct vp_err *err)
{
	return vp_db_exec(s, err,
			  "INSERT OR REPLACE INTO sample (node, run, metric, unit, value, less, key, work, env, bad, time)"
			  " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
			  "ssssdisssid", x->node, x->run, x->metric, x->unit, x->value, (int64_t)x->less, x->key, x->work, x->env, (int64_t)x->bad,
			  x->time);
}

int vp_samples(struct vp_state *s, struct vp_arena *a, struct vp_samples *out, struct vp_err *err)
{
	vp_cleanup(vp_db_finalizep) sqlite3_stmt *st = vp_db_query(
		s, err, "SELECT node, run, metric, unit, value, less, key, work, env, bad, time FROM sample ORDER BY time, run, metric", "");
	int rc;

	if (!st)
		return -1;
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		out->items = vp_grow_in(a, out->items, out->n, &out->cap, sizeof(*out->items));
		out->items[out->n++] = (struct vp_sample){
			.node = vp_db_text(a, st, 0),
			.run = vp_db_text(a, st, 1),
			.metric = vp_db_text(a, st, 2),
			.unit = vp_db_text(a, st, 3),
			.value = sqlite3_column_double(st, 4),
			.less = sqlite3_column_int(st, 5),
			.key = vp_db_text(a, st, 6),
			.work = vp_db_text(a, st, 7),
			.env = vp_db_text(a, st, 8),
			.bad = sqlite3_column_int(st, 9),
			.time = sqlite3_column_double(st, 10),
		};
	}
	return rc == SQLITE_DONE ? 0 : vp_db_fail(s, "reading samples", err);
}
