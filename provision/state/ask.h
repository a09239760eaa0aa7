/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the boot service asks of its helper. The service speaks with the network and has no privilege: it reads the database, and cannot change it,
 * for what root does later is written there. The helper makes those few changes that evidence of nodes leads to, and opens those files that only
 * root may read. Functions of state.h, service.h and phase.h that the service uses ask by themselves where the database was opened by
 * vp_state_open_asking(); all others fail there.
 */
#ifndef VP_ASK_H
#define VP_ASK_H

#include "state.h"

enum vp_ask_what {
	VP_ASK_NOTHING,
	VP_ASK_EVENT,
	VP_ASK_EVIDENCE,
	VP_ASK_TAKE_CONFIG,
	VP_ASK_RESULT,
	VP_ASK_LEASE,
	VP_ASK_TASK_DONE,
	VP_ASK_STRANGER,
	VP_ASK_SEEN,
	VP_ASK_ENTER,
	VP_ASK_CHECK,
	VP_ASK_FILE,
	VP_ASK_READY,
};

struct vp_ask {
	enum vp_ask_what what;
	/* By the asked function's parameters, in their order; NULL is passed on. */
	const char *text[3];
	int64_t number[2];
	double time;
	const void *data;
	size_t len;
};

/* Sends it and waits for the answer: what the function answers there, with err filled as there. */
int vp_ask(struct vp_state *s, const struct vp_ask *q, struct vp_err *err);

/*
 * The helper's end: one request is read, done and answered. -1 where there will be no more: the other end is gone, or does not speak so. ready: the
 * service works; port 0 where it has nothing to serve yet.
 */
int vp_ask_answer(struct vp_state *s, int fd, int (*ready)(void *arg, unsigned port, struct vp_err *err), void *arg);

/* All of it, over a stream; -1 where the other end is gone. */
int vp_send_all(int fd, const void *data, size_t len);
int vp_receive_all(int fd, void *data, size_t len);

/* Files that a node's row names. */
enum vp_node_file { VP_FILE_KERNEL, VP_FILE_INITRD, VP_FILE_CONSOLE };
/* Open for reading, a regular file; -1 with err and errno. */
int vp_state_file(struct vp_state *s, const char *node, enum vp_node_file which, struct vp_err *err);
/* The service's end: the database for reading, changes asked of fd, which stays the caller's. The helper has the database open already. */
struct vp_state *vp_state_open_asking(const char *dir, int fd, struct vp_err *err);

#endif
