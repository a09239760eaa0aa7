// SPDX-License-Identifier: Apache-2.0
/* What the status page shows, kept up to date piece by piece: many may look, and looking must cost the nodes that boot next to nothing. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../provision/state/ask.h"
#include "../provision/state/service.h"
#include "../templates/render.h"
#include "status.h"

#define EVENTS	      12
#define CONSOLE_BYTES 8192
#define PAUSE_NS      UINT64_C(900000000)
/* At most this share of the time goes into looking: one in twenty. */
#define SHARE	 20
#define MAX_GONE 256

struct card {
	char *name;
	/* What the page says of it, and the board's clock when that last changed. */
	char *html;
	unsigned rank;
	uint64_t changed;
	/* What it was made of: a digest of the row, the last event, the console's file. */
	char row[65];
	int64_t event;
	ino_t inode;
	off_t size;
	struct timespec written;
};

struct vp_board {
	struct vp_state *state;
	const char *state_dir;
	struct card *cards;
	size_t n;
	/* Grows with every change; when the counts changed last; before when removed cards are not remembered any more. */
	uint64_t clock, counted, forgotten;
	struct vp_page_counts counts;
	/* Removed cards and when, for those who have to hear of it. */
	struct gone {
		char *name;
		uint64_t when;
	} * gone;
	size_t ngone, gonecap;
	int64_t version, event;
	uint64_t not_before;
};

struct vp_board *vp_board_new(struct vp_state *s, const char *state_dir)
{
	struct vp_board *b = vp_xcalloc(1, sizeof(*b));

	*b = (struct vp_board){ .state = s, .state_dir = state_dir, .version = -1, .clock = 1, .counted = 1 };
	return b;
}

static void free_card(struct card *c)
{
	free(c->name);
	free(c->html);
}

static void forget_gone(struct vp_board *b)
{
	b->forgotten = b->clock;
	for (size_t i = 0; i < b->ngone; i++)
		free(b->gone[i].name);
	b->ngone = 0;
}

void vp_board_free(struct vp_board *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < b->n; i++)
		free_card(&b->cards[i]);
	forget_gone(b);
	free(b->gone);
	free(b->cards);
	free(b);
}

/* --- Looking --- */

/* A name becomes a path here: one that is none has no console. */
static const char *console_path(const struct vp_board *b, struct vp_arena *a, const char *node)
{
	return *node != '.' && !strchr(node, '/') ? vp_console_path(a, b->state_dir, node) : NULL;
}

static bool console_changed(const struct vp_board *b, struct vp_arena *a, const struct card *c)
{
	const char *path = console_path(b, a, c->name);
	struct stat st = { 0 };

	if (!path || stat(path, &st))
		st = (struct stat){ 0 };
	return st.st_ino != c->inode || st.st_size != c->size || st.st_mtim.tv_sec != c->written.tv_sec || st.st_mtim.tv_nsec != c->written.tv_nsec;
}

/* End of the console's log; a guest can write as much as it likes. */
static const char *read_console(const struct vp_board *b, struct vp_arena *a, struct card *c)
{
	vp_cleanup(vp_closep) int fd = console_path(b, a, c->name) ? vp_state_file(b->state, c->name, VP_FILE_CONSOLE, NULL) : -1;
	char *bytes = vp_alloc(a, CONSOLE_BYTES);
	struct stat st = { 0 };
	off_t from;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st))
		st = (struct stat){ 0 };
	c->inode = st.st_ino;
	c->size = st.st_size;
	c->written = st.st_mtim;
	if (!st.st_size)
		return "";
	from = st.st_size > CONSOLE_BYTES ? st.st_size - CONSOLE_BYTES : 0;
	n = pread(fd, bytes, CONSOLE_BYTES, from);
	/* In the middle of the file it begins in the middle of a line. */
	for (; from && n > 0 && *bytes != '\n'; n--)
		bytes++;
	return n > 0 ? vp_page_console(a, bytes, (size_t)n) : "";
}

static void row_digest(struct vp_arena *a, const struct vp_node_row *r, char digest[65])
{
	const char *text = vp_printf(a, "%s|%s|%s|%s|%d|%d|%s|%u|%.3f|%.3f|%s|%s|%d", r->virt, r->host, r->mac, r->ip, r->life, r->health, r->phase,
				     r->percent, r->since, r->last_evidence, r->reason, r->seen, r->task[0] != 0);

	vp_sha256_hex(text, strlen(text), digest);
}

static int make_card(struct vp_board *b, struct vp_arena *a, struct card *c, const struct vp_node_row *row, struct vp_err *err)
{
	struct vp_page_node n = { .row = row };
	struct vp_buf html = { 0 };
	double left = -1;

	if (vp_state_last_events(b->state, a, row->name, EVENTS, &n.events, err) || vp_phase_rows(b->state, a, row->name, false, &n.phases, err) ||
	    vp_phase_eta(b->state, a, row, &left, err))
		return -1;
	/* Rounded, so that looking again does not make it another one. */
	n.eta = left < 0 ? 0 : round((vp_wall() + left) / 5) * 5;
	n.console = read_console(b, a, c);
	c->rank = vp_page_rank(row);
	vp_page_node(&n, &html);
	if (c->html && !strcmp(c->html, html.data)) {
		vp_buf_free(&html);
		return 0;
	}
	free(c->html);
	c->html = html.data;
	c->changed = ++b->clock;
	return 0;
}

static int64_t event_of(const struct vp_events *news, const char *node, int64_t old)
{
	for (size_t i = 0; i < news->n; i++)
		if (!strcmp(news->items[i].node, node))
			return news->items[i].id;
	return old;
}

static void remove_card(struct vp_board *b, struct card *c)
{
	if (b->ngone == MAX_GONE)
		forget_gone(b);
	b->gone = vp_grow(b->gone, b->ngone, &b->gonecap, sizeof(*b->gone));
	b->gone[b->ngone++] = (struct gone){ .name = c->name, .when = ++b->clock };
	free(c->html);
}

/* Both lists are sorted by name. */
static int merge(struct vp_board *b, struct vp_arena *a, const struct vp_node_rows *rows, const struct vp_events *news, struct vp_err *err)
{
	struct card *cards = vp_xcalloc(rows->n + 1, sizeof(*cards));
	size_t old = 0;
	int rc = 0;

	for (size_t i = 0; i < rows->n; i++) {
		const struct vp_node_row *r = &rows->items[i];
		struct card *c = &cards[i];
		int64_t event;
		char digest[65];

		while (old < b->n && strcmp(b->cards[old].name, r->name) < 0)
			remove_card(b, &b->cards[old++]);
		*c = old < b->n && !strcmp(b->cards[old].name, r->name) ? b->cards[old++] : (struct card){ .name = strdup(r->name) };
		row_digest(a, r, digest);
		event = event_of(news, r->name, c->event);
		if (!rc && (!c->html || strcmp(digest, c->row) || event != c->event || console_changed(b, a, c)))
			rc = make_card(b, a, c, r, err);
		memcpy(c->row, digest, sizeof(digest));
		c->event = event;
	}
	while (old < b->n)
		remove_card(b, &b->cards[old++]);
	free(b->cards);
	b->cards = cards;
	b->n = rows->n;
	return rc;
}

static int look(struct vp_board *b, struct vp_arena *a, struct vp_err *err)
{
	struct vp_page_counts counts = { 0 };
	struct vp_node_rows rows = { 0 };
	struct vp_events news = { 0 };

	if (vp_state_nodes(b->state, a, &rows, err) || vp_state_news(b->state, a, b->event, &news, err))
		return -1;
	for (size_t i = 0; i < news.n; i++)
		b->event = news.items[i].id > b->event ? news.items[i].id : b->event;
	for (size_t i = 0; i < rows.n; i++)
		vp_page_count(&counts, &rows.items[i]);
	if (memcmp(&counts, &b->counts, sizeof(counts))) {
		b->counts = counts;
		b->counted = ++b->clock;
	}
	return merge(b, a, &rows, &news, err);
}

static bool something_changed(struct vp_board *b, struct vp_arena *a)
{
	int64_t version = vp_state_version(b->state);
	bool changed = version < 0 || version != b->version;

	b->version = version;
	for (size_t i = 0; i < b->n && !changed; i++)
		changed = console_changed(b, a, &b->cards[i]);
	return changed;
}

int vp_board_look(struct vp_board *b, struct vp_err *err)
{
	vp_cleanup(vp_arena_freep) struct vp_arena *a = NULL;
	uint64_t begun = vp_now_ns(), took;
	int rc = 0;

	if (begun < b->not_before)
		return 0;
	a = vp_arena_new();
	if (something_changed(b, a))
		rc = look(b, a, err);
	if (rc)
		b->version = -1;
	took = vp_now_ns() - begun;
	b->not_before = begun + (took * SHARE > PAUSE_NS ? took * SHARE : PAUSE_NS);
	return rc;
}

/* --- Showing --- */

void vp_board_page(const struct vp_board *b, const char *nonce, struct vp_buf *out)
{
	vp_page_head(&b->counts, nonce, out);
	for (unsigned rank = 0; rank < VP_PAGE_RANKS; rank++)
		for (size_t i = 0; i < b->n; i++)
			if (b->cards[i].rank == rank)
				vp_buf_adds(out, b->cards[i].html);
	vp_page_tail(nonce, out);
}

/* A field of an event that has lines of its own. */
static void add_data(struct vp_buf *out, const char *text)
{
	while (*text) {
		size_t n = strcspn(text, "\r\n");

		vp_buf_adds(out, "data: ");
		vp_buf_add(out, text, n);
		vp_buf_adds(out, "\n");
		text += n;
		text += *text != 0;
	}
}

void vp_board_events(const struct vp_board *b, uint64_t *seen, struct vp_buf *out)
{
	vp_cleanup(vp_arena_freep) struct vp_arena *a = vp_arena_new();
	vp_cleanup(vp_buf_free) struct vp_buf counts = { 0 };

	if (*seen < b->forgotten)
		*seen = 0;
	if (!*seen) {
		vp_buf_adds(out, "event: names\ndata: \n");
		for (size_t i = 0; i < b->n; i++)
			add_data(out, vp_page_name(a, b->cards[i].name));
		vp_buf_adds(out, "\n");
	}
	for (size_t i = 0; i < b->ngone && *seen; i++)
		if (b->gone[i].when > *seen)
			vp_buf_addf(out, "event: gone\ndata: %s\n\n", vp_page_name(a, b->gone[i].name));
	for (size_t i = 0; i < b->n; i++) {
		if (b->cards[i].changed <= *seen)
			continue;
		vp_buf_adds(out, "event: node\n");
		add_data(out, vp_page_name(a, b->cards[i].name));
		add_data(out, b->cards[i].html);
		vp_buf_adds(out, "\n");
	}
	if (b->counted > *seen) {
		vp_page_counts(&b->counts, &counts);
		vp_buf_adds(out, "event: counts\n");
		add_data(out, vp_buf_str(&counts));
		vp_buf_adds(out, "\n");
	}
	*seen = b->clock;
}
