// SPDX-License-Identifier: Apache-2.0
/* Follows nodes from power-on to the verdict: evidence, deadlines, progress lines. */
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../cmd/cmd.h"
#include "../state/phase.h"
#include "../verify/cost.h"
#include "../verify/verify.h"
#include "post.h"

#define POLL_MS 300
/* Counters that moved within so many seconds move. */
#define MOVING 15
/* Between two attempts to reach a hypervisor that does not answer, and until a node behind it is given up. */
#define REOPEN	 10
#define PATIENCE 1800

struct tracked {
	const char *name;
	/* To start it from; NULL where nobody said. */
	const struct vp_node *want;
	struct vp_node_row row;
	/* Expected node, for the judgement. */
	json_t *json;
	/* How much of the console log was read. */
	off_t console, begin;
	/* End of the last line that was read, where it was cut. */
	char line[512];
	/* Bytes moved by disk and network, and when that last changed. */
	uint64_t activity;
	double active;
	/* Last line shown. */
	char shown[256];
	double begun;
	/* Console patterns that were told. */
	uint64_t told;
	/* The run that it measures, and what its counters said meanwhile. */
	char run[128];
	struct vp_buf cost;
	/* Where it asks while it measures, and when that was tried. */
	struct vp_port *port;
	double tried;
	/* When it will be restarted; 0: it will not. */
	double retry;
	/* Since when its hypervisor has not answered; 0: it does. */
	double unknown;
	/* Where what is known of its failure is kept; "" for nowhere. */
	const char *bundle;
	/* Its installer has ended its first life; the second one was begun here. */
	bool second;
	/* It was being installed when this began, so that its times are news. */
	bool fresh;
	bool ended;
	/* Exit status of this node once ended. */
	int status;
};

struct watch {
	struct vp_world *w;
	struct tracked *nodes;
	size_t n;
	/* Lines of the live display now on the terminal. */
	unsigned lines;
	double polled;
	double reopened;
};

static const char *phase_of(struct watch *wt, const struct tracked *t)
{
	struct vp_phase_rows rows = { 0 };

	if (vp_phase_rows(wt->w->state, wt->w->arena, t->name, false, &rows, NULL) || !rows.n)
		return vp_life_name(t->row.life);
	return vp_phase_info(rows.items[rows.n - 1].phase)->name;
}

/* As it is shown: without what would spoil a message, and the blank behind a prompt. */
static const char *words_of(struct watch *wt, const char *line)
{
	char *words = vp_printable(wt->w->arena, line, 200);
	size_t n = strlen(words);

	while (n && words[n - 1] == ' ')
		words[--n] = '\0';
	return words;
}

static int console_warning(struct watch *wt, struct tracked *t, const struct vp_console_pattern *p, const char *line, struct vp_err *err)
{
	uint64_t bit = UINT64_C(1) << vp_console_index(p);
	const char *text = vp_printf(wt->w->arena, "%s: %s", p->meaning, words_of(wt, line));

	/* Each once: a disk that fails says so for hours. */
	if (t->told & bit || t->row.life >= VP_UP)
		return 0;
	t->told |= bit;
	t->row.seen = vp_printf(wt->w->arena, "console: %s", text);
	return vp_state_event(wt->w->state, t->name, "console", text, err) || vp_phase_seen(wt->w->state, t->name, t->row.seen, err) ? -1 : 0;
}

static int console_line(struct watch *wt, struct tracked *t, const char *line, struct vp_err *err)
{
	const struct vp_console_pattern *p = vp_console_match(line);
	enum vp_health health = t->row.health;
	enum vp_evidence ev;

	line = p ? strstr(line, p->text) : line;
	/* What a distribution's installer runs in looks like an installed system. */
	if (!p || (p->kind == VP_CONSOLE_DISK && t->row.life < VP_ACKED && *t->row.kernel))
		return 0;
	if (p->kind == VP_CONSOLE_WARNING)
		return console_warning(wt, t, p, line, err);
	ev = p->kind == VP_CONSOLE_FAILED ? VP_EV_FAILED : VP_EV_DISK;
	if (vp_life_next(t->row.life, ev, &health) == t->row.life && health == t->row.health)
		return 0;
	if (ev == VP_EV_DISK)
		return vp_state_evidence(wt->w->state, t->name, ev, NULL, -1, words_of(wt, line), err);
	return vp_state_evidence(wt->w->state, t->name, ev, NULL, -1,
				 vp_printf(wt->w->arena, "%s: the console says \"%s\" (in phase %s, after %s)", p->meaning, words_of(wt, line),
					   phase_of(wt, t), *t->row.seen ? t->row.seen : "nothing"),
				 err);
}

/* Reads what the console has grown by in this life; whole lines are looked at once. */
static int read_console(struct watch *wt, struct tracked *t, struct vp_err *err)
{
	vp_cleanup(vp_closep) int fd = open(vp_console_path(wt->w->arena, wt->w->state_dir, t->name), O_RDONLY | O_CLOEXEC);
	const struct vp_console_pattern *p;
	char block[8192], before[sizeof(t->line)];
	off_t begin = vp_console_begin(&t->row);
	struct stat st;
	size_t used;
	ssize_t n;

	if (begin != t->begin && t->console < begin) {
		t->console = begin;
		t->line[0] = '\0';
	}
	t->begin = begin;
	/* virtlogd begins a new file when one is large. */
	if (fd >= 0 && !fstat(fd, &st) && st.st_size < t->console) {
		t->console = 0;
		t->line[0] = '\0';
	}
	used = strlen(t->line);
	while (fd >= 0 && (n = pread(fd, block, sizeof(block), t->console)) > 0) {
		t->console += n;
		memcpy(before, t->line, sizeof(before));
		for (ssize_t i = 0; i < n; i++) {
			if (block[i] == '\n' || used == sizeof(t->line) - 1) {
				if (console_line(wt, t, t->line, err)) {
					/* It is read again, where this was not the end. */
					t->console -= n;
					memcpy(t->line, before, sizeof(before));
					return -1;
				}
				used = 0;
			}
			if (block[i] != '\n' && block[i] != '\r' && block[i])
				t->line[used++] = block[i];
			t->line[used] = '\0';
		}
	}
	p = vp_console_match(t->line);
	return p && p->prompt ? console_line(wt, t, t->line, err) : 0;
}

/* A connection that broke does not come back by itself; the driver in this process has none. */
static void reopen(struct watch *wt)
{
	const struct vp_hv_opts o = { .connect = wt->w->hv->uri, .state_dir = wt->w->state_dir };
	double now = vp_wall();
	struct vp_hv *hv;

	if (now - wt->reopened < REOPEN || strstr(wt->w->hv->uri, "/embed") || !strstr(wt->w->hv->uri, "://"))
		return;
	wt->reopened = now;
	hv = vp_hv_open(&o, NULL);
	if (!hv)
		return;
	wt->w->hv->ops->close(wt->w->hv);
	wt->w->hv = hv;
	if (!hv->local)
		wt->w->disk_ctx = hv;
}

/* It could not be asked for: that is no failure of the node, which may well go on. */
static int be_unknown(struct watch *wt, struct tracked *t, const char *why, struct vp_err *err)
{
	reopen(wt);
	if (t->unknown > 0)
		return 0;
	t->unknown = vp_wall();
	return vp_state_health(wt->w->state, t->name, VP_UNKNOWN, vp_printf(wt->w->arena, "the hypervisor does not answer: %s", why), err);
}

/*
 * Without a boot ROM the installer's kernel is that of the first life, which therefore ends where another machine restarts. Whether the installation
 * is complete its disk tells: an incomplete one has no boot loader.
 */
static bool may_go_on(const struct tracked *t, const struct vp_virt_dom *dom)
{
	return !strcmp(t->row.virt, "xen-para") && t->row.life >= VP_CONFIG && t->row.life <= VP_ACKED && !t->second &&
	       !strstr(dom->state, "crashed");
}

static int begin_second(struct watch *wt, struct tracked *t, struct vp_err *err)
{
	struct vp_hv *hv = wt->w->hv;
	struct vp_err why = { 0 };

	t->second = true;
	if (hv->ops->start(hv, t->name, NULL, &why))
		return vp_state_health(wt->w->state, t->name, VP_FAILED,
				       vp_printf(wt->w->arena, "it does not start from its disk (in phase %s): %s", phase_of(wt, t), why.msg), err);
	vp_console_record(wt->w, t->name);
	return vp_state_event(wt->w->state, t->name, "vprov", "its first life has ended; started from its disk", err);
}

/* What the hypervisor says: gone, crashed, or how busy. 0 it runs, 1 nothing more to be asked, -1 error. */
static int look_at_domain(struct watch *wt, struct tracked *t, struct vp_err *err)
{
	struct vp_hv *hv = wt->w->hv;
	struct vp_virt_dom dom = { 0 };
	struct vp_virt_stats st = { 0 };
	struct vp_err words = { 0 };
	int rc = hv->ops->lookup(hv, t->name, &dom, &words);

	if (rc < 0)
		return be_unknown(wt, t, words.msg, err) ? -1 : 1;
	if (t->unknown > 0) {
		t->unknown = 0;
		if (t->row.health == VP_UNKNOWN && vp_phase_again(wt->w->state, t->name, err))
			return -1;
	}
	if (rc && !dom.active && may_go_on(t, &dom))
		return begin_second(wt, t, err) ? -1 : 1;
	/* A guest that QEMU has stopped because its disk failed counts as active. */
	if (!rc || !dom.active || !strcmp(dom.state, "paused (I/O error)")) {
		const char *why = *t->row.task ? vp_printf(wt->w->arena, "the domain is %s in the middle of a measurement", rc ? dom.state : "gone")
					       : vp_printf(wt->w->arena, "the domain is %s (in phase %s, after %s)", rc ? dom.state : "gone",
							   phase_of(wt, t), *t->row.seen ? t->row.seen : "nothing was heard of it");

		return vp_state_health(wt->w->state, t->name, VP_FAILED, why, err) ? -1 : 1;
	}
	vp_console_record(wt->w, t->name);
	if (!hv->ops->stats(hv, t->name, &st, NULL) && st.block_bytes + st.net_bytes != t->activity) {
		t->activity = st.block_bytes + st.net_bytes;
		t->active = vp_wall();
	}
	return 0;
}

/* A line for each look while it measures. */
static void note_cost(struct watch *wt, struct tracked *t)
{
	struct vp_virt_stats st = { 0 };

	if (sscanf(t->row.task, "verify %127s", t->run) != 1 || !wt->w->hv || wt->w->hv->ops->stats(wt->w->hv, t->name, &st, NULL) || !st.vcpu_ns)
		return;
	vp_buf_addf(&t->cost, "%s%.3f %ju %ju %ju %ju", t->cost.len ? "" : VP_COST_HEADER, vp_wall(), (uintmax_t)st.cpu_ns, (uintmax_t)st.vcpu_ns,
		    (uintmax_t)st.block_bytes, (uintmax_t)st.net_bytes);
	if (st.wait_ns != UINT64_MAX)
		vp_buf_addf(&t->cost, " %ju", (uintmax_t)st.wait_ns);
	if (st.wait_ns != UINT64_MAX && st.all_wait_ns)
		vp_buf_addf(&t->cost, " %ju", (uintmax_t)st.all_wait_ns);
	vp_buf_addf(&t->cost, "\n");
}

static int keep_cost(struct watch *wt, struct tracked *t, struct vp_err *err)
{
	int rc = t->cost.len ? vp_state_result_put(wt->w->state, t->name, t->run, "cost", vp_buf_str(&t->cost), t->cost.len, err) : 0;

	vp_buf_free(&t->cost);
	t->cost = (struct vp_buf){ 0 };
	return rc;
}

/* Silence, or a phase that does not end; traffic on disk or network stretches a deadline, not for ever. */
static int look(struct watch *wt, struct tracked *t, struct vp_err *err)
{
	int rc = look_at_domain(wt, t, err);

	if (rc)
		return rc < 0 ? -1 : 0;
	return vp_phase_check(wt->w->state, wt->w->arena, &t->row, vp_wall() - t->active < MOVING, 0, true, err);
}

static void print_console_tail(struct watch *wt, const struct tracked *t)
{
	const char *path = vp_console_path(wt->w->arena, wt->w->state_dir, t->name), *tail = vp_tail(wt->w->arena, path, VP_CONSOLE_LINES);

	if (*tail)
		fprintf(stderr, "--- last lines of %s\n%s\n---\n", path, tail);
}

static int end_node(struct watch *wt, struct tracked *t, int status, struct vp_err *err)
{
	struct vp_err lost = { 0 };

	t->ended = true;
	t->status = status;
	vp_port_close(&t->port);
	if (status == VP_EXIT_FAILED) {
		t->bundle = vp_bundle_make(wt->w, &t->row, &lost);
		if (!t->bundle)
			vp_warn("%s: what is known of the failure could not be kept: %s", t->name, lost.msg);
	}
	if (!status || !*t->row.task)
		return 0;
	/* Given up: nobody waits for the measurement any more, and the boot service need not. */
	t->row.task = "";
	return vp_state_put(wt->w->state, &t->row, err);
}

/* The verdict in one sentence: of the metric that made it. */
static const char *verdict_text(struct watch *wt, const struct vp_verification *v)
{
	size_t i = 0;

	while (i + 1 < v->n && v->metrics[i].verdict != v->verdict)
		i++;
	if (v->verdict == VP_PASS || !v->n)
		return "every measurement is good";
	return vp_printf(wt->w->arena, "%s: %s: %s", vp_verdict_name(v->verdict), v->metrics[i].name, v->metrics[i].reason);
}

/* All results are in: the verdict. */
static int judge_results(struct watch *wt, struct tracked *t, struct vp_err *err)
{
	struct vp_verification v = { 0 };
	bool good;

	if (keep_cost(wt, t, err) || vp_verify_finish(wt->w->state, wt->w->arena, t->name, t->json, &v, err))
		return -1;
	good = v.verdict == VP_PASS || v.verdict == VP_INCONCLUSIVE;
	if (vp_state_evidence(wt->w->state, t->name, good ? VP_EV_VERIFIED : VP_EV_VERIFY_FAILED, NULL, -1, verdict_text(wt, &v), err) ||
	    vp_state_node(wt->w->state, wt->w->arena, t->name, &t->row, err) != 1)
		return -1;
	return end_node(wt, t, good ? VP_EXIT_OK : VP_EXIT_VERIFY, err);
}

/* It stopped. Where nothing can be lost by it, it is given another chance, after a while. */
static int stopped(struct watch *wt, struct tracked *t, struct vp_err *err)
{
	struct vp_err why = { 0 };
	double now = vp_wall();
	int rc;

	if (!t->retry && (!t->want || !vp_retry_allowed(wt->w, &t->row)))
		return end_node(wt, t, VP_EXIT_FAILED, err);
	if (!t->retry) {
		t->retry = now + vp_retry_pause(wt->w, &t->row);
		return vp_state_event(wt->w->state, t->name, "vprov",
				      vp_printf(wt->w->arena, "it had no configuration yet, so it is restarted in %.0f s", t->retry - now), err);
	}
	if (now < t->retry)
		return 0;
	t->retry = 0;
	t->told = 0;
	rc = vp_retry(wt->w, t->want, &t->row, &why);
	if (rc == 1)
		return 0;
	/* Its first failure stays the reason. */
	if (rc < 0 && vp_state_event(wt->w->state, t->name, "vprov", vp_printf(wt->w->arena, "it cannot be restarted: %s", why.msg), err))
		return -1;
	if (rc < 0 && vp_state_health(wt->w->state, t->name, VP_FAILED, t->row.reason, err))
		return -1;
	t->row.health = VP_FAILED;
	return end_node(wt, t, VP_EXIT_FAILED, err);
}

/* Its turn has come, or not. That it cannot be switched on is no failure of the others. */
static int be_next(struct watch *wt, struct tracked *t, struct vp_err *err)
{
	struct vp_err why = { 0 };
	int rc = t->want ? vp_admit(wt->w, t->want, err) : 0;

	if (rc <= 0 || !vp_begin_install(wt->w, t->want, &why))
		return rc < 0 ? -1 : 0;
	return vp_state_health(wt->w->state, t->name, VP_FAILED, vp_printf(wt->w->arena, "it could not be switched on: %s", why.msg), err);
}

/* The row of the last round is gone with its memory: where it cannot be read, what is shown of it is empty. */
static int read_row(struct watch *wt, struct tracked *t, struct vp_err *err)
{
	int rc;

	t->row = (struct vp_node_row){
		.name = t->name, .life = t->row.life, .health = t->row.health, .phase = "", .reason = "", .seen = "", .task = "", .json = ""
	};
	rc = vp_state_node(wt->w->state, wt->w->arena, t->name, &t->row, err);
	return rc == 1 ? 0 : rc ? -1 : vp_fail(err, VP_E_NOTFOUND, "node %s disappeared", t->name);
}

static int step_node(struct watch *wt, struct tracked *t, bool now, struct vp_err *err)
{
	struct vp_node_row *r = &t->row;

	if (read_row(wt, t, err))
		return -1;
	if (r->health == VP_FAILED || r->health == VP_STALLED)
		return stopped(wt, t, err);
	/* News came before the end of the pause. */
	t->retry = 0;
	if (t->unknown > 0 && vp_wall() - t->unknown > PATIENCE)
		return end_node(wt, t, VP_EXIT_FAILED, err);
	if (r->life == VP_VERIFIED && !*r->task)
		return end_node(wt, t, VP_EXIT_OK, err);
	if (r->life >= VP_UP && !*r->task)
		/* Not measured by itself, perhaps, but when it was asked for. */
		return *t->run || json_is_true(json_object_get(json_object_get(t->json, "verify"), "enabled")) ? judge_results(wt, t, err)
													       : end_node(wt, t, VP_EXIT_OK, err);
	if (vp_waits(wt->w, r))
		return now ? be_next(wt, t, err) : 0;
	if (r->life >= VP_UP) {
		vp_port_serve(wt->w, t->name, &t->port, &t->tried);
		note_cost(wt, t);
	}
	if (read_console(wt, t, err))
		return -1;
	return now ? look(wt, t, err) : 0;
}

/* --- Display --- */

static const char *describe(struct watch *wt, const struct tracked *t)
{
	const struct vp_node_row *r = &t->row;
	const char *state = r->health == VP_OK ? vp_life_name(r->life) : vp_health_name(r->health);

	if (r->life == VP_INSTALLING && r->health <= VP_SLOW)
		return vp_printf(wt->w->arena, "%s: %s %u%%", state, r->phase, r->percent);
	if (r->life == VP_UP && r->health == VP_OK)
		return vp_printf(wt->w->arena, "%s%s%s", state, *r->task ? ": verifying" : "", r->phase);
	if (vp_waits(wt->w, r))
		return vp_printf(wt->w->arena, "%s: waits until others are installed", state);
	return vp_printf(wt->w->arena, "%s%s%s", state, r->health == VP_OK ? "" : ": ", r->health == VP_OK ? "" : r->reason);
}

static void bar(char *out, unsigned percent)
{
	for (unsigned i = 0; i < 20; i++)
		out[i] = i * 5 < percent ? '#' : '.';
	out[20] = '\0';
}

static void show_live(struct watch *wt)
{
	struct winsize ws = { .ws_col = 80 };

	ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws);
	if (wt->lines)
		printf("\033[%uA", wt->lines);
	for (size_t i = 0; i < wt->n; i++) {
		const struct tracked *t = &wt->nodes[i];
		/* Overall progress by state, and inside the installation by percent. */
		unsigned percent = t->row.life * 100 / VP_VERIFIED;
		char b[21], text[512];
		int s = (int)(vp_wall() - t->begun);

		if (t->row.life == VP_INSTALLING)
			percent += t->row.percent / (100 / (100 / VP_VERIFIED));
		bar(b, percent > 100 ? 100 : percent);
		snprintf(text, sizeof(text), "%-20s [%s] %3d:%02d  %s", t->name, b, s / 60, s % 60, describe(wt, t));
		printf("\r\033[K%.*s\n", ws.ws_col ? ws.ws_col - 1 : 79, text);
	}
	wt->lines = (unsigned)wt->n;
	fflush(stdout);
}

static void show(struct watch *wt)
{
	if (vp_out.level < 0)
		return;
	if (vp_out.tty) {
		show_live(wt);
		return;
	}
	for (size_t i = 0; i < wt->n; i++) {
		struct tracked *t = &wt->nodes[i];
		const char *text = describe(wt, t);
		char key[256];

		/* A plain log gets a line per state, phase and quarter, not one per percent. */
		snprintf(key, sizeof(key), "%d %d %s %u", t->row.life, t->row.health, t->row.phase, t->row.percent / 25);
		if (!strcmp(key, t->shown))
			continue;
		memcpy(t->shown, key, sizeof(key));
		vp_say("%s: %s (%.0f s)", t->name, text, vp_wall() - t->begun);
	}
}

/* Where the time went, from the events of the life cycle. */
static void print_times(struct watch *wt, const struct tracked *t)
{
	struct vp_events ev = { 0 };
	vp_cleanup(vp_buf_free) struct vp_buf out = { 0 };
	double from = 0;
	const char *name = NULL;

	if (vp_out.level < 0 || vp_state_events(wt->w->state, wt->w->arena, t->name, 0, &ev, NULL))
		return;
	for (size_t i = 0; i < ev.n; i++) {
		if (strcmp(ev.items[i].source, "life"))
			continue;
		if (name)
			vp_buf_addf(&out, "%s%s %.1f s", out.len ? ", " : "", name, ev.items[i].time - from);
		name = ev.items[i].text;
		from = ev.items[i].time;
	}
	if (out.len)
		vp_say("%s: time in each state: %s", t->name, out.data);
}

static int conclude(struct watch *wt)
{
	int status = VP_EXIT_OK;

	for (size_t i = 0; i < wt->n; i++) {
		const struct tracked *t = &wt->nodes[i];
		struct vp_err e = { .code = t->row.health == VP_STALLED ? VP_E_STALLED : VP_E_INSTALL };
		struct vp_verification v = { 0 };

		if (t->fresh)
			print_times(wt, t);
		if (t->status == VP_EXIT_FAILED) {
			print_console_tail(wt, t);
			snprintf(e.msg, sizeof(e.msg), "node %s: %s", t->name, t->row.reason);
			vp_ctx_error(NULL, &e);
			if (t->bundle)
				fprintf(stderr, "all that is known of it: %s\n", t->bundle);
		} else if (vp_out.level >= 0 && (t->status || t->row.life == VP_VERIFIED) &&
			   /* Of one that is up and no more, an older run is of what it was before. */
			   !vp_verify_stored(wt->w->state, wt->w->arena, t->name, NULL, t->json, NULL, NULL, &v, NULL)) {
			vp_verify_print(&v, stdout);
		}
		if (t->status && (!status || t->status == VP_EXIT_FAILED))
			status = t->status;
	}
	return status;
}

static bool all_ended(const struct watch *wt)
{
	for (size_t i = 0; i < wt->n; i++)
		if (!wt->nodes[i].ended)
			return false;
	return true;
}

/* A boot service that hangs in the middle of a change is no reason to leave the nodes alone. */
static bool held(struct vp_err *err)
{
	if (err->code != VP_E_LOCKED)
		return false;
	vp_warn("%s; trying again", err->msg);
	*err = (struct vp_err){ 0 };
	return true;
}

/* What is still shown of a node that ended. */
static void keep_end(struct tracked *t, struct vp_arena *a)
{
	t->bundle = t->bundle ? vp_strdup(a, t->bundle) : NULL;
	t->row = (struct vp_node_row){ .name = t->name,
				       .life = t->row.life,
				       .health = t->row.health,
				       .phase = vp_strdup(a, t->row.phase),
				       .percent = t->row.percent,
				       .reason = vp_strdup(a, t->row.reason),
				       .task = vp_strdup(a, t->row.task) };
}

/* One round, in memory of its own: they are many, for hours. */
static int step_all(struct watch *wt, bool look, struct vp_err *err)
{
	struct vp_arena *keep = wt->w->arena;
	int rc = 0;

	wt->w->arena = vp_arena_new();
	for (size_t i = 0; i < wt->n && !rc; i++) {
		struct tracked *t = &wt->nodes[i];

		if (t->ended)
			continue;
		rc = step_node(wt, t, look, err) && !held(err) ? -1 : 0;
		if (t->ended)
			keep_end(t, keep);
	}
	show(wt);
	vp_arena_free(wt->w->arena);
	wt->w->arena = keep;
	return rc;
}

static int loop(struct watch *wt, struct vp_err *err)
{
	while (!all_ended(wt)) {
		double now = vp_wall();
		bool look = now - wt->polled > 2;

		if (vp_interrupted)
			return vp_fail(err, VP_E_INTERRUPTED, "interrupted; what was begun goes on in the guest and the boot service");
		if (look) {
			wt->polled = now;
			/* It may have seen before us that the last one is up. */
			if (!vp_service_running(wt->w->state_dir) && !vp_service_idle(wt->w)) {
				vp_warn("the boot service is gone; starting it again");
				if (wt->w->service(wt->w, err))
					return -1;
			}
		}
		if (step_all(wt, look, err))
			return -1;
		if (!all_ended(wt))
			poll(NULL, 0, POLL_MS);
	}
	return 0;
}

/* Waiting again for what was given up earlier, or for what nobody looked at for long, is a new chance. */
static int give_chance(struct watch *wt, struct tracked *t, struct vp_err *err)
{
	struct vp_node_row row = t->row;

	if (row.health == VP_FAILED || row.life >= VP_UP)
		return 0;
	if (vp_phase_check(wt->w->state, wt->w->arena, &row, false, 0, false, err))
		return -1;
	return row.health == VP_OK ? 0 : vp_phase_again(wt->w->state, t->name, err);
}

int vp_watch(struct vp_world *w, const char *const *names, const struct vp_node *const *wants, size_t n, struct vp_err *err)
{
	struct watch wt = { .w = w, .n = n, .nodes = vp_alloc(w->arena, n * sizeof(struct tracked)) };
	int rc = 0;

	for (size_t i = 0; i < n && !rc; i++) {
		struct tracked *t = &wt.nodes[i];

		t->name = names[i];
		t->begun = vp_wall();
		rc = vp_state_node(w->state, w->arena, names[i], &t->row, err) == 1 ? 0 : -1;
		t->fresh = t->row.life < VP_UP;
		t->json = json_loads(t->row.json ? t->row.json : "", 0, NULL);
		t->want = wants ? wants[i] : NULL;
		rc = rc ? rc : give_chance(&wt, t, err);
	}
	if (!rc)
		rc = loop(&wt, err);
	if (!rc)
		rc = conclude(&wt);
	else
		rc = vp_ctx_error(NULL, err);
	for (size_t i = 0; i < n; i++) {
		vp_port_close(&wt.nodes[i].port);
		vp_buf_free(&wt.nodes[i].cost);
		json_decref(wt.nodes[i].json);
	}
	return rc;
}
