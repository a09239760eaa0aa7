/* SPDX-License-Identifier: Apache-2.0 */
/* The DHCP half of the boot service: dnsmasq, its log, and the files it reads; for the files of this directory only. */
#ifndef VP_DHCP_H
#define VP_DHCP_H

#include <pwd.h>

#include "serve.h"

/* --- Its log: what the hook cannot tell --- */
enum vp_dhcp_kind { VP_LOG_OTHER, VP_LOG_STARTED, VP_LOG_UNSENT, VP_LOG_STRANGER };

struct vp_dhcp_log {
	enum vp_dhcp_kind kind;
	/* Of a file that TFTP did not send whole: to whom, and its name below the TFTP root. */
	char ip[16];
	char file[64];
	/* Of a machine that is no node and asked for an address: its MAC, and where. */
	char mac[18];
	char bridge[16];
};

/* One line without its end. tftp_root as in the configuration. */
void vp_dhcp_log_parse(const char *line, const char *tftp_root, struct vp_dhcp_log *out);

/* --- Its hook: a datagram from vprov-guest, which dnsmasq runs --- */
enum vp_hook_kind { VP_HOOK_NONE, VP_HOOK_LEASE, VP_HOOK_SENT };

struct vp_hook {
	enum vp_hook_kind kind;
	char ip[16];
	/* Of a lease, in small letters. */
	char mac[18];
	/* Of a file that was sent whole: below the TFTP root; its size. */
	char file[64];
	uint64_t bytes;
};

/* VP_HOOK_NONE where it is not of that form: whoever may write to the socket is not believed more than that. */
void vp_hook_parse(const char *data, size_t len, const char *tftp_root, struct vp_hook *out);
/* Makes STATE/serve/hook, a copy of the program, and the socket beside it, for that user (NULL: who we are). fd, or -1. */
int vp_hook_open(const char *dir, const char *program, const struct passwd *user, struct vp_err *err);

/* --- Who the service is --- */
/* This process becomes that user for good, with no privilege but those of the network, which its children have, too. */
int vp_become(const struct passwd *user, struct vp_err *err);

/* What the helper and the service share. Descriptors are the caller's. */
struct vp_serving {
	/* Where the service asks (ask.h), and where it is told of the status page. */
	int ask, tell;
	/* Where dnsmasq's script tells of leases and files; the lock of STATE/serve. */
	int hook, lock;
};
/* The service itself; blocked signals end it. */
int vp_serve_nodes(const struct vp_serve_opts *o, const struct vp_serving *at, struct vp_err *err);
/* Where the status page shall be, over a stream; -1 where the other end is gone. Received strings are in the arena. */
int vp_status_send(int fd, const struct vp_status_at *at);
int vp_status_receive(int fd, struct vp_arena *a, struct vp_status_at *at);

/* --- Its files --- */
/* Evidence of a node that was sent a loader, or its loader's configuration: of progress, or of not having booted from its disk. */
void vp_loader_asked(struct vp_state *s, struct vp_arena *a, const struct vp_node_row *row, const char *how);

struct vp_served {
	/* Below STATE/serve. */
	const char *path;
	const char *text;
	/* dnsmasq reads it again only when it is told to. */
	bool reload;
};

/* All files of all nodes, sorted by path; in the arena. */
struct vp_served_files {
	struct vp_arena *arena;
	struct vp_served *items;
	size_t n, cap;
};

void vp_served_add(struct vp_served_files *f, const struct vp_node_row *row, const struct vp_serve_opts *o, unsigned port);
/* Makes the directory hold `want` where it held `have` before; *reload where dnsmasq has to be told. */
int vp_served_sync(const char *dir, const struct vp_served_files *have, struct vp_served_files *want, bool *reload, struct vp_err *err);

/*
 * What is kept of dnsmasq's lease file: all but the leases of addresses that by the rows are another machine's, of which the number is told. dnsmasq
 * gives no such address to its new owner, and 2.90 ends with a segmentation fault when told to read of it.
 */
size_t vp_leases_keep(const char *text, const struct vp_node_rows *rows, struct vp_buf *rest);

/* --- Router solicitations --- */
/* Socket to poll for input; -1 where the machine has no IPv6, which is no failure. */
int vp_ra_open(const char *bridge);
void vp_ra_answer(int fd);

/* --- What installers of distributions log --- */
struct vp_syslog;
/* Never fails; free with vp_syslog_free(), which takes NULL. */
struct vp_syslog *vp_syslog_new(void);
/* Listens for it on these networks instead of others, UDP. */
int vp_syslog_listen(struct vp_syslog *l, const struct vp_serve_net *nets, size_t n, unsigned port, struct vp_err *err);
/* The i-th descriptor to poll for input, -1 after the last. */
int vp_syslog_fd(const struct vp_syslog *l, size_t i);
void vp_syslog_read(struct vp_syslog *l);
/* Once a second: the newest line of each node that is being installed is its last evidence. */
int vp_syslog_tell(struct vp_syslog *l, struct vp_state *s, struct vp_err *err);
void vp_syslog_free(struct vp_syslog *l);
/* A datagram without priority and time; size at least 1. */
void vp_syslog_text(const char *data, size_t len, char *out, size_t size);

/* --- Children that end when this process ends, however it ends. --- */
struct vp_proc {
	/* Of the process that looks after it; 0 where there is none. */
	pid_t pid;
	/* What it writes to stderr; not blocking. */
	int fd;
	/* The line that is not complete yet. */
	struct vp_buf line;
};

/*
 * lock is the only descriptor that goes along: a lock is held until the last child is gone. It may write below `writes`, and read what programs
 * need, nothing else, where the kernel knows landlock. net: it keeps our privileges, which are of the network.
 */
int vp_proc_start(struct vp_proc *p, const char *const *argv, const char *writes, bool net, int lock, struct vp_err *err);
/* The next whole line, NUL-terminated and valid until the next call; NULL where there is none now. */
const char *vp_proc_line(struct vp_proc *p);
void vp_proc_reload(const struct vp_proc *p);
/* True once after it has ended. */
bool vp_proc_ended(struct vp_proc *p);
void vp_proc_stop(struct vp_proc *p);

#endif
