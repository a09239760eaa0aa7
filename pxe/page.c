// SPDX-License-Identifier: Apache-2.0
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../provision/state/row_json.h"
#include "../templates/mustache.h"
#include "http.h"
#include "status.h"

#define CONSOLE_LINES 14
#define MAX_LINE      180
#define MAX_NEWS      400
#define HIDDEN	      "[hidden]"

extern const char vp_page_css[], vp_page_js[], vp_page_icons[];

void vp_status_json(const struct vp_node_rows *rows, struct vp_buf *out)
{
	json_t *nodes = json_array(), *all = json_pack("{s:o}", "nodes", nodes);
	vp_cleanup(vp_freep) char *text = NULL;

	for (size_t i = 0; i < rows->n; i++)
		json_array_append_new(nodes, vp_node_row_json(&rows->items[i]));
	text = json_dumps(all, JSON_INDENT(2));
	vp_buf_adds(out, text ? text : "{}");
	vp_buf_adds(out, "\n");
	json_decref(all);
}

/* --- Text of others --- */

/* Characters that turn the direction of what follows could make one text look like another. */
static size_t turning_at(const char *p)
{
	static const char *const turning[] = { "\u200e", "\u200f", "\u202a", "\u202b", "\u202c", "\u202d",
					       "\u202e", "\u2066", "\u2067", "\u2068", "\u2069", "\u061c" };

	for (size_t i = 0; i < vp_count(turning); i++)
		if (!strncmp(p, turning[i], strlen(turning[i])))
			return strlen(turning[i]);
	return 0;
}

/* Length of the secret that begins here, 0 where there is none: 32 hex digits are a token, $x$... is a password hash. */
static size_t secret_at(const char *start, const char *p)
{
	static const char hex[] = "0123456789abcdef", crypt[] = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789$=,_-";
	size_t n = strspn(p, hex), id;

	if (n == 32 && (p == start || !strchr(hex, p[-1])))
		return n;
	if (*p != '$')
		return 0;
	id = strspn(p + 1, "0123456789abcdefghijklmnopqrstuvwxyz");
	n = strspn(p, crypt);
	return id && id < 8 && p[1 + id] == '$' && n > id + 10 ? n : 0;
}

char *vp_page_hide(struct vp_arena *a, const char *text)
{
	vp_cleanup(vp_buf_free) struct vp_buf out = { 0 };

	for (const char *p = text; *p;) {
		size_t secret = secret_at(text, p), turning = turning_at(p);

		if (secret)
			vp_buf_adds(&out, HIDDEN);
		else
			vp_buf_add(&out, turning ? "?" : p, 1);
		p += secret ? secret : turning ? turning : 1;
	}
	return vp_strdup(a, vp_buf_str(&out));
}

const char *vp_page_name(struct vp_arena *a, const char *name)
{
	return vp_page_hide(a, vp_printable(a, name, VP_MAX_NAME));
}

/* What a line shows in the end where the cursor went back to its beginning. */
static const char *overwritten(char *line)
{
	size_t len = strlen(line);
	const char *last;

	while (len && line[len - 1] == '\r')
		line[--len] = '\0';
	last = strrchr(line, '\r');
	return last ? last + 1 : line;
}

static const char *clean_line(struct vp_arena *a, const char *line)
{
	char *copy = vp_strdup(a, line);
	int at = 0;

	copy[vp_strip_terminal(&at, copy, strlen(copy))] = '\0';
	for (char *p = copy; *p; p++)
		if (*p == '\t')
			*p = ' ';
	return vp_page_hide(a, vp_printable(a, copy, MAX_LINE));
}

char *vp_page_console(struct vp_arena *a, const char *bytes, size_t len)
{
	const char *lines[CONSOLE_LINES] = { 0 };
	vp_cleanup(vp_buf_free) struct vp_buf out = { 0 };
	char *copy = vp_alloc(a, len + 1), *rest = copy;
	size_t n = 0;

	for (size_t i = 0, k = 0; i < len; i++)
		if (bytes[i])
			copy[k++] = bytes[i];
	for (char *line; (line = strsep(&rest, "\n"));) {
		const char *text = clean_line(a, overwritten(line));

		/* Empty lines would push out what was said. */
		if (text[strspn(text, " ")])
			lines[n++ % CONSOLE_LINES] = text;
	}
	for (size_t i = n > CONSOLE_LINES ? n - CONSOLE_LINES : 0; i < n; i++)
		vp_buf_addf(&out, "%s%s", out.len ? "\n" : "", lines[i % CONSOLE_LINES]);
	return vp_strdup(a, vp_buf_str(&out));
}

/* --- One node --- */

enum what { BUSY, WAIT, DONE, SLOW, BAD };
static const char *const classes[] = { [BUSY] = "busy", [WAIT] = "wait", [DONE] = "done", [SLOW] = "slow busy", [BAD] = "bad" };
static const char *const icons[] = { [BUSY] = "busy", [WAIT] = "wait", [DONE] = "done", [SLOW] = "slow", [BAD] = "bad" };

static enum what what_of(const struct vp_node_row *r)
{
	if (r->health == VP_FAILED || r->health == VP_STALLED || r->health == VP_UNKNOWN)
		return BAD;
	if (r->health == VP_SLOW)
		return SLOW;
	if (r->life >= VP_UP)
		return r->task && *r->task ? BUSY : DONE;
	return r->life <= VP_ARMED ? WAIT : BUSY;
}

unsigned vp_page_rank(const struct vp_node_row *row)
{
	static const unsigned ranks[VP_PAGE_RANKS] = { [BAD] = 0, [SLOW] = 1, [BUSY] = 2, [WAIT] = 3, [DONE] = 4 };

	return ranks[what_of(row)];
}

void vp_page_count(struct vp_page_counts *c, const struct vp_node_row *row)
{
	enum what w = what_of(row);

	c->all++;
	c->busy += w == BUSY || w == SLOW;
	c->wait += w == WAIT;
	c->done += w == DONE;
	c->slow += w == SLOW;
	c->bad += w == BAD;
}

static void escape(struct vp_buf *out, const char *text)
{
	vp_escape_xml(out, text, strlen(text));
}

static void add_text(struct vp_arena *a, struct vp_buf *out, const char *text, size_t max)
{
	escape(out, vp_page_hide(a, vp_printable(a, text ? text : "", max)));
}

/* A moment as the clock shows it; the page's script turns it into a duration that runs. */
static void add_time(struct vp_buf *out, const char *kind, double t)
{
	time_t s = (time_t)t;
	char when[32];
	struct tm tm;

	if (t <= 0 || !gmtime_r(&s, &tm)) {
		vp_buf_adds(out, "<span class=\"none\">–</span>");
		return;
	}
	strftime(when, sizeof(when), "%FT%TZ", &tm);
	vp_buf_addf(out, "<time datetime=\"%s\" data-%s=\"%.0f\">", when, kind, t);
	strftime(when, sizeof(when), vp_wall() - t < 43200 && vp_wall() - t > -43200 ? "%T" : "%F %R", &tm);
	vp_buf_addf(out, "%s</time>", when);
}

/* "unpack 40 %", or where it is, in words. */
static const char *where(struct vp_arena *a, const struct vp_node_row *r, const struct vp_phase_row *last, enum what w)
{
	const char *phase = vp_page_hide(a, vp_printable(a, r->phase ? r->phase : "", 40));

	if (w == WAIT)
		return r->life == VP_ARMED ? "armed" : "not installed";
	if (w == BUSY && r->life >= VP_UP)
		return "being measured";
	if (w == DONE)
		return r->life == VP_VERIFIED ? "measured, good" : "runs from its disk";
	if (phase[0])
		return vp_printf(a, "%s %u %%", phase, r->percent);
	return last ? vp_phase_info(last->phase)->name : vp_life_name(r->life);
}

static void segment(struct vp_buf *out, unsigned i, double width, const char *class)
{
	vp_buf_addf(out, "<rect x=\"%u\" width=\"%.1f\" height=\"6\" class=\"%s\"/>", i * 12, width, class);
}

/* Steps of which `at` is the one that it is in, from 0; that it is passed, is being done, failed or is to come is in the words beside it, too. */
static void add_steps(struct vp_buf *out, const struct vp_node_row *r, enum what w, unsigned at, unsigned n)
{
	double share = r->phase && *r->phase ? (r->percent > 100 ? 100 : r->percent) * 0.08 : 3;

	vp_buf_addf(out, "<svg class=\"track\" viewBox=\"0 0 %u 6\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"step %u of %u\">",
		    n * 12 - 2, at < n ? at + 1 : n, n);
	for (unsigned i = 0; i < n; i++) {
		bool now = i == at && w != DONE;

		segment(out, i, 10, now && w == BAD ? "stop" : i < at || w == DONE ? "past" : "rest");
		if (now && w != BAD && w != WAIT)
			segment(out, i, 2 + share, "now");
	}
	vp_buf_adds(out, "</svg>");
}

/* By phases where they are known, else by the states of the life cycle. */
static void add_track(struct vp_arena *a, struct vp_buf *out, const struct vp_page_node *n, enum what w)
{
	const struct vp_node_row *r = n->row;
	const struct vp_phase_row *last = n->phases.n ? &n->phases.items[n->phases.n - 1] : NULL;

	if (last && r->life < VP_UP && r->life > VP_DEFINED)
		add_steps(out, r, w, last->phase, VP_PHASE__COUNT);
	else
		add_steps(out, r, w, r->life ? r->life - 1 : VP_UP, r->life >= VP_UP && r->task && *r->task ? VP_VERIFIED : VP_UP);
	vp_buf_adds(out, "<span class=\"where\">");
	escape(out, where(a, r, last, w));
	vp_buf_adds(out, "</span>");
}

static void add_name(struct vp_buf *out, const char *name)
{
	vp_buf_adds(out, "<b>");
	vp_escape_xml(out, name, strcspn(name, "."));
	vp_buf_adds(out, "</b>");
	escape(out, name + strcspn(name, "."));
}

static const struct vp_event *last_event(const struct vp_page_node *n)
{
	/* That its state changed is in the other columns. */
	for (size_t i = n->events.n; i--;)
		if (strcmp(n->events.items[i].source, "life"))
			return &n->events.items[i];
	return NULL;
}

static void add_news(struct vp_arena *a, struct vp_buf *out, const struct vp_page_node *n)
{
	const struct vp_event *e = last_event(n);

	if (n->row->reason && *n->row->reason) {
		vp_buf_adds(out, "<span class=\"why\">");
		add_text(a, out, n->row->reason, MAX_NEWS);
	} else if (n->row->seen && *n->row->seen && n->row->life < VP_UP) {
		vp_buf_adds(out, "<span>");
		add_text(a, out, n->row->seen, MAX_NEWS);
	} else if (e) {
		vp_buf_adds(out, "<span><span class=\"source\">");
		add_text(a, out, e->source, 20);
		vp_buf_adds(out, "</span> ");
		add_text(a, out, e->text, MAX_NEWS);
	} else {
		vp_buf_adds(out, "<span class=\"none\">nothing heard yet");
	}
	vp_buf_adds(out, "</span>");
}

static void fact(struct vp_arena *a, struct vp_buf *out, const char *name, const char *value)
{
	if (!value || !*value)
		return;
	vp_buf_addf(out, "<dt>%s</dt><dd>", name);
	add_text(a, out, value, MAX_NEWS);
	vp_buf_adds(out, "</dd>");
}

static void add_facts(struct vp_arena *a, struct vp_buf *out, const struct vp_page_node *n)
{
	const struct vp_node_row *r = n->row;

	vp_buf_adds(out, "<dl>");
	fact(a, out, "State", vp_printf(a, "%s, %s", vp_life_name(r->life), vp_health_name(r->health)));
	fact(a, out, "Reason", r->reason);
	fact(a, out, "Address", r->ip);
	fact(a, out, "MAC", r->mac);
	fact(a, out, "Virtualisation", r->virt);
	fact(a, out, "Hypervisor", r->host);
	vp_buf_adds(out, "<dt>Last evidence</dt><dd>");
	add_time(out, "ago", r->last_evidence);
	vp_buf_adds(out, "</dd></dl>");
}

static void add_phases(struct vp_buf *out, const struct vp_phase_rows *phases)
{
	if (!phases->n)
		return;
	vp_buf_adds(out, "<h3>Phases</h3><ol class=\"phases\">");
	for (size_t i = 0; i < phases->n; i++) {
		const struct vp_phase_row *p = &phases->items[i];

		vp_buf_addf(out, "<li>%s ", vp_phase_info(p->phase)->name);
		if (p->ended > 0)
			vp_buf_addf(out, "<span>%.1f s</span>", p->ended - p->began);
		else
			add_time(out, "since", p->began);
		vp_buf_adds(out, "</li>");
	}
	vp_buf_adds(out, "</ol>");
}

static void add_events(struct vp_arena *a, struct vp_buf *out, const struct vp_events *events)
{
	vp_buf_adds(out, "<ol class=\"events\">");
	for (size_t i = events->n; i--;) {
		vp_buf_adds(out, "<li>");
		add_time(out, "at", events->items[i].time);
		vp_buf_adds(out, " <span class=\"source\">");
		add_text(a, out, events->items[i].source, 20);
		vp_buf_adds(out, "</span> ");
		add_text(a, out, events->items[i].text, MAX_NEWS);
		vp_buf_adds(out, "</li>");
	}
	vp_buf_adds(out, "</ol>");
}

static void add_details(struct vp_arena *a, struct vp_buf *out, const struct vp_page_node *n, const char *name)
{
	vp_buf_adds(out, "<tr class=\"more\" role=\"row\" id=\"m-");
	escape(out, name);
	vp_buf_adds(out, "\"><td colspan=\"6\" role=\"cell\"><details><summary>Details</summary><div class=\"cols\"><section><h3>Node</h3>");
	add_facts(a, out, n);
	add_phases(out, &n->phases);
	vp_buf_adds(out, "</section><section><h3>Events, newest first</h3>");
	add_events(a, out, &n->events);
	vp_buf_adds(out, "</section><section class=\"console\"><h3>Console, last lines</h3>");
	if (n->console && *n->console) {
		vp_buf_adds(out, "<pre tabindex=\"0\" role=\"group\" aria-label=\"Console of ");
		escape(out, name);
		vp_buf_adds(out, "\">");
		escape(out, n->console);
		vp_buf_adds(out, "</pre>");
	} else {
		vp_buf_adds(out, "<p class=\"none\">It has written nothing.</p>");
	}
	vp_buf_adds(out, "</section></div></details></td></tr>");
}

static void cell(struct vp_buf *out, const char *head)
{
	vp_buf_addf(out, "</td><td role=\"cell\" class=\"%s\">", head);
}

void vp_page_node(const struct vp_page_node *n, struct vp_buf *out)
{
	vp_cleanup(vp_arena_freep) struct vp_arena *a = vp_arena_new();
	const char *name = vp_page_name(a, n->row->name);
	enum what w = what_of(n->row);

	vp_buf_adds(out, "<tbody role=\"rowgroup\" data-name=\"");
	escape(out, name);
	vp_buf_addf(out, "\" data-rank=\"%u\" class=\"%s\"><tr class=\"node\" role=\"row\"><th scope=\"row\" role=\"rowheader\" class=\"name\">",
		    vp_page_rank(n->row), classes[w]);
	vp_buf_adds(out, "<button type=\"button\" class=\"fold\" aria-expanded=\"false\" aria-controls=\"m-");
	escape(out, name);
	vp_buf_adds(out, "\" aria-label=\"Details\"></button><span class=\"full\">");
	add_name(out, name);
	vp_buf_addf(
		out,
		"</span></th><td role=\"cell\" class=\"state\"><span class=\"badge\"><svg aria-hidden=\"true\"><use href=\"#i-%s\"/></svg>%s</span>",
		icons[w], vp_node_state(n->row));
	cell(out, "progress");
	add_track(a, out, n, w);
	cell(out, "elapsed");
	add_time(out, "since", w == DONE || w == WAIT || !n->phases.n ? n->row->since : n->phases.items[0].began);
	cell(out, "left");
	add_time(out, "eta", w == BUSY || w == SLOW ? n->eta : 0);
	cell(out, "news");
	add_news(a, out, n);
	vp_buf_adds(out, "</td></tr>");
	add_details(a, out, n, name);
	vp_buf_adds(out, "</tbody>\n");
}

/* --- Around the nodes --- */

void vp_page_counts(const struct vp_page_counts *c, struct vp_buf *out)
{
	const struct {
		const char *key, *label;
		size_t n;
	} tiles[] = { { "all", "nodes", c->all },  { "busy", "in progress", c->busy }, { "wait", "waiting", c->wait },
		      { "done", "done", c->done }, { "slow", "slow", c->slow },	       { "bad", "need attention", c->bad } };

	for (size_t i = 0; i < vp_count(tiles); i++)
		vp_buf_addf(out,
			    "<button type=\"button\" class=\"tile %s%s\" data-show=\"%s\" aria-pressed=\"%s\"><b>%zu</b> <span>%s</span></button>",
			    tiles[i].key, tiles[i].n ? "" : " zero", tiles[i].key, i ? "false" : "true", tiles[i].n, tiles[i].label);
}

void vp_page_head(const struct vp_page_counts *c, const char *nonce, struct vp_buf *out)
{
	char host[65] = "";

	gethostname(host, sizeof(host) - 1);
	vp_buf_adds(out,
		    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n"
		    "<noscript><meta http-equiv=\"refresh\" content=\"5\"></noscript>\n<title>vprov on ");
	escape(out, host);
	vp_buf_addf(out, "</title>\n<style nonce=\"%s\">\n%s</style>\n</head>\n<body>\n%s", nonce, vp_page_css, vp_page_icons);
	vp_buf_adds(out, "<header><h1><svg aria-hidden=\"true\"><use href=\"#i-mark\"/></svg>vprov <span>on ");
	escape(out, host);
	vp_buf_addf(out, "</span></h1><p id=\"link\" data-now=\"%.3f\"><svg aria-hidden=\"true\"><use href=\"#i-dot\"/></svg><span>as of ",
		    vp_wall());
	add_time(out, "at", vp_wall());
	vp_buf_adds(out, " UTC</span></p></header>\n<main>\n<div id=\"counts\" role=\"group\" aria-label=\"Nodes by state\">");
	vp_page_counts(c, out);
	vp_buf_adds(out, "</div>\n<p id=\"news\" class=\"unseen\" role=\"status\" aria-live=\"polite\"></p>\n"
			 "<table id=\"nodes\" role=\"table\"><caption class=\"unseen\">Nodes and what they are doing</caption>\n"
			 "<thead role=\"rowgroup\"><tr role=\"row\">");
	for (const char *const *h = (const char *const[]){ "Node", "State", "Progress", "Elapsed", "Left", "Last news", NULL }; *h; h++)
		vp_buf_addf(out, "<th scope=\"col\" role=\"columnheader\">%s</th>", *h);
	vp_buf_adds(out, "</tr></thead>\n");
}

void vp_page_tail(const char *nonce, struct vp_buf *out)
{
	vp_buf_addf(out,
		    "</table>\n<p id=\"empty\">No node yet. <code>vprov apply PROFILE</code> makes one, and it appears here.</p>\n</main>\n"
		    "<footer><a href=\"status.json\">status.json</a> <a href=\"metrics\">metrics</a> <span>vprov " VP_VERSION
		    "</span></footer>\n<script nonce=\"%s\">\n%s</script>\n</body>\n</html>\n",
		    nonce, vp_page_js);
}
