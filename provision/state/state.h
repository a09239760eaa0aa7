/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What vprov knows about the world it made: nodes, resources, the journal,
 * events, results. One SQLite file, STATE/vprov.db (WAL, synchronous=FULL).
 * Several processes may have it open; the lock of the state directory decides
 * who may change the world.
 */
#ifndef VP_STATE_H
#define VP_STATE_H

#include "../base/base.h"
#include "life.h"

struct vp_state;

/* The row of one node. Strings are in the arena that was given. */
struct vp_node_row {
	const char *name;
	const char *uuid;
	/* kvm, qemu, xen-para, xen-hvm */
	const char *virt;
	/* libvirt URI it lives on. */
	const char *host;
	/* MAC of the boot NIC and its fixed address, as DHCP hands it out. */
	const char *mac;
	const char *ip;
	enum vp_life life;
	enum vp_health health;
	/* Phase of the installer ("unpack") or "" ; percent of it, 0 to 100. */
	const char *phase;
	unsigned percent;
	/* Seconds since 1970 when `life` was entered, and of the last evidence of any kind. */
	double since, last_evidence;
	/* Why it failed, stalled or is unknown. */
	const char *reason;
	/* The last evidence in words, with who saw it: "http: GET /boot/ce01/config: 409"; "" for none since it was armed. */
	const char *seen;
	/* One install's secret, 32 hex digits; "" when there is none. */
	const char *token;
	/* True from arming until the configuration was fetched: the only time the boot service answers "install". */
	bool armed;
	/* True from arming until the node is up: results and acks of this token are accepted. */
	bool token_live;
	/* Count of "install" answers of this arming: never above 1. */
	unsigned installs;
	/* Seconds since 1970 until which it may be installed (0: for ever), and until which it boots the rescue system (0: not). */
	double armed_until, rescue_until;
	/* What was armed over: the row of a system that is still on its disk (JSON), "" for none. */
	const char *before;
	/* Desired node as last applied (JSON of vp_node_json()), and its install configuration as served. */
	const char *json;
	const char *config;
	/* Directory in the image cache of the kernel and ramdisk it was armed with. */
	const char *image;
	/* What the node shall do when it asks: "verify RUN CPU_LAPS NET_SECONDS DISK_MIB", "" for nothing. */
	const char *task;
	/* How it is installed, by its name in profiles; "" is "image". */
	const char *method;
	/* What it was armed with: its installer's kernel and ramdisk, absolute paths here or URLs, and the kernel's arguments; "" for image. */
	const char *kernel, *initrd, *cmdline;
	/* What its configuration has the installer run; holds no secret but the token. */
	const char *script;
};

struct vp_node_rows {
	struct vp_node_row *items;
	size_t n, cap;
};

/* Makes the directory and database if absent. readonly: VP_E_NOTFOUND where there is none. */
struct vp_state *vp_state_open(const char *dir, bool readonly, struct vp_err *err);
void vp_state_close(struct vp_state *s);
void vp_state_closep(struct vp_state **s);
/* The random identity of this state directory (16 hex digits): the mark on everything it makes. Owned by s. */
const char *vp_state_id(struct vp_state *s);

/* The exclusive lock of the state directory, held until the process ends or the fd is closed; VP_E_LOCKED names the holder's pid and command. */
int vp_state_lock(const char *dir, const char *command, struct vp_err *err);

int vp_state_nodes(struct vp_state *s, struct vp_arena *a, struct vp_node_rows *out, struct vp_err *err);
/* Those between armed and up whose health is ok or slow: what deadlines are for. */
int vp_state_installing(struct vp_state *s, struct vp_arena *a, struct vp_node_rows *out, struct vp_err *err);
/* 1 found, 0 none, -1 error. */
int vp_state_node(struct vp_state *s, struct vp_arena *a, const char *name, struct vp_node_row *out, struct vp_err *err);
int vp_state_node_by_mac(struct vp_state *s, struct vp_arena *a, const char *mac, struct vp_node_row *out, struct vp_err *err);
int vp_state_node_by_ip(struct vp_state *s, struct vp_arena *a, const char *ip, struct vp_node_row *out, struct vp_err *err);
/* Inserts or replaces the whole row. */
int vp_state_put(struct vp_state *s, const struct vp_node_row *row, struct vp_err *err);
int vp_state_drop(struct vp_state *s, const char *name, struct vp_err *err);

/*
 * Applies one piece of evidence to a node by vp_life_next() and records it as an event, in one transaction, so that two processes
 * cannot lose each other's. `text` is kept (printable, cut to VP_MAX_EVENT). percent < 0: unchanged; phase NULL: unchanged.
 */
int vp_state_evidence(struct vp_state *s, const char *node, enum vp_evidence ev, const char *phase, int percent, const char *text,
		      struct vp_err *err);
/* Ends a node's progress with a health and a reason (stalled, failed, unknown, ok). */
int vp_state_health(struct vp_state *s, const char *node, enum vp_health health, const char *reason, struct vp_err *err);
/*
 * The one-time answer: true exactly once per arming, when the configuration is handed out; in one transaction.
 * 1 yes, 0 no, -1 error.
 */
int vp_state_take_config(struct vp_state *s, const char *node, struct vp_err *err);

struct vp_event {
	int64_t id;
	double time;
	const char *node;
	/* "dhcp", "loader", "tftp", "http", "installer", "console", "vprov" ... */
	const char *source;
	const char *text;
};
struct vp_events {
	struct vp_event *items;
	size_t n, cap;
};
int vp_state_event(struct vp_state *s, const char *node, const char *source, const char *text, struct vp_err *err);
/* Events of a node (NULL: all) with id > after, oldest first. */
int vp_state_events(struct vp_state *s, struct vp_arena *a, const char *node, int64_t after, struct vp_events *out, struct vp_err *err);

/* Raw outputs of a verification run, verbatim. run is a text that sorts by time. */
int vp_state_result_put(struct vp_state *s, const char *node, const char *run, const char *name, const void *data, size_t len, struct vp_err *err);
struct vp_result {
	const char *run;
	const char *name;
	const char *data;
	size_t len;
	double time;
};
struct vp_results {
	struct vp_result *items;
	size_t n, cap;
};
/*
 * All of one run, or of a session: the runs "SESSION.01", "SESSION.02" ... run NULL: the newest session of that node, which may be of one run, but
 * not one of work with others ("together-..."). By run.
 */
int vp_state_results(struct vp_state *s, struct vp_arena *a, const char *node, const char *run, struct vp_results *out, struct vp_err *err);

#endif
