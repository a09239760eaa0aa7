/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The status page and its live updates. Whoever is on an install network may read them: nothing here is secret, and everything that
 * comes from a node is hostile. For the files of this directory only.
 */
#ifndef VP_STATUS_H
#define VP_STATUS_H

#include "../provision/state/phase.h"

/* --- The page: text made of what is given, nothing else --- */

/* What it shows of one node. */
struct vp_page_node {
	const struct vp_node_row *row;
	/* Those of its newest installation. */
	struct vp_phase_rows phases;
	/* Seconds since 1970: when it should be up by what earlier installations took; 0: not known. */
	double eta;
	/* Some of the last, oldest first. */
	struct vp_events events;
	/* End of its console, as vp_page_console() leaves it. */
	const char *console;
};

/* How many nodes are what; each is in one of them, slow ones are counted as busy, too. */
struct vp_page_counts {
	size_t all, busy, wait, done, slow, bad;
};
void vp_page_count(struct vp_page_counts *c, const struct vp_node_row *row);

/* Nodes are shown by rank, then by name: first those that need somebody. */
#define VP_PAGE_RANKS 5
unsigned vp_page_rank(const struct vp_node_row *row);
/* One <tbody>. The same text as long as nothing but the clock changed. */
void vp_page_node(const struct vp_page_node *n, struct vp_buf *out);
/* The list of counts. */
void vp_page_counts(const struct vp_page_counts *c, struct vp_buf *out);
/* What goes before the nodes and after them. The nonce lets the page's own script and style run, and no others. */
void vp_page_head(const struct vp_page_counts *c, const char *nonce, struct vp_buf *out);
void vp_page_tail(const char *nonce, struct vp_buf *out);

/* The last lines of a console as text: no control sequences, overwritten lines as they ended, long ones cut, secrets hidden. In the arena. */
char *vp_page_console(struct vp_arena *a, const char *bytes, size_t len);
/* Text in which tokens and password hashes are "[hidden]" and nothing changes its direction; in the arena. */
char *vp_page_hide(struct vp_arena *a, const char *text);
/* A node's name as the page has it; in the arena. */
const char *vp_page_name(struct vp_arena *a, const char *name);

/* --- What is shown now, and who listens --- */

struct vp_board;
struct vp_board *vp_board_new(struct vp_state *s, const char *state_dir);
void vp_board_free(struct vp_board *b);
/* Looks at state and consoles, but never spends more than a small share of the time on it: called too early it does nothing. */
int vp_board_look(struct vp_board *b, struct vp_err *err);
void vp_board_page(const struct vp_board *b, const char *nonce, struct vp_buf *out);
/* What has changed since *seen (0: everything) as server-sent events; *seen is now. Nothing where nothing has. */
void vp_board_events(const struct vp_board *b, uint64_t *seen, struct vp_buf *out);

#endif
