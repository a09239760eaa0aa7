/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vprov-guest: what runs inside nodes, in the installer ramdisk and in the
 * installed system. Static, one process, no configuration but what it is given.
 */
#ifndef VP_GUEST_H
#define VP_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "record.h"

/* Exit statuses: the other side could not be reached or broke off; it answered no. */
enum { VP_GUEST_OK = 0, VP_GUEST_FAILED = 1, VP_GUEST_USAGE = 2, VP_GUEST_REFUSED = 3 };

/* --- HTTP: one request a connection, numeric IPv4 addresses, no proxies, every wait bounded. --- */
struct vp_http {
	int fd;
	/* Status of the answer. */
	int status;
	/* Bytes of the body still to come; UINT64_MAX: until the peer closes. */
	uint64_t left;
	/* First byte of the body within the resource (Content-Range). */
	uint64_t from;
	/* Received and not consumed yet. */
	char buf[16384];
	size_t pos, len;
};
/* Sends the request and reads the head of the answer. Asks for the bytes from `from` on where that is not 0. 0 or -1 (no answer). */
int vp_http_open(struct vp_http *h, const char *method, const char *url, uint64_t from, const void *body, size_t len, int timeout_s);
/* Up to n bytes of the body; 0 at its end; -1 where the connection broke before. */
ssize_t vp_http_read(struct vp_http *h, void *data, size_t n);
void vp_http_close(struct vp_http *h);
/* A whole exchange. The body of the answer, at most max bytes, goes to *out (malloc, NUL-terminated; may be NULL). Status or -1. */
int vp_http_call(const char *method, const char *url, const void *body, size_t len, char **out, size_t max, int timeout_s);

/* --- The same over a virtio channel of the hypervisor, where there is one and the host listens at its other end. --- */
bool vp_channel_there(void);
/* As vp_http_call, for a path of the service. */
int vp_channel_call(const char *method, const char *path, const void *body, size_t len, char **out, size_t max, int timeout_s);

/* As dnsmasq's dhcp-script, by the name "hook": argv is what dnsmasq gives. Exit status. */
int vp_guest_hook(int argc, char **argv);

/* Writes `bytes` bytes of url to stdout, resuming where the connection breaks; exit status. */
int vp_guest_fetch(const char *url, const char *sha256, uint64_t bytes, const char *event_url);

/* The CPU kernel: prints a line per lap; 0, or -1 where laps disagree. Lap 0 is warm-up and not printed. */
int vp_guest_cpu(FILE *out, unsigned laps);
/* The sum that one lap ends in: VP_GUEST_ITERATIONS variates. */
double vp_guest_lap(void);
#define VP_GUEST_ITERATIONS 1250000u

/* Work at the same time as other nodes. */
struct vp_together_task {
	/* "cpu", "disk", "net" */
	const char *kind;
	/* Seconds before what counts, and of it. The work goes on until the host says stop. */
	unsigned warm, seconds;
	/* MiB that are written, over and over, in this directory. */
	unsigned mib;
	const char *dir;
	/* What is fetched, over and over. */
	const char *url;
	/* What the host says now: "... go TIME", "... stop", and its clock, "host=TIME" (malloc; NULL: no answer). Tells it something; 0 where it
	 * heard. */
	char *(*ask)(const void *agent);
	int (*tell)(const void *agent, const char *what);
	const void *agent;
};
/* What the workers did, line by line (provision/verify/together.h); 0 where it went to its end. */
int vp_guest_together(FILE *out, const struct vp_together_task *task);

/* Appends the proof (KEY=VALUE lines): what disk the root is on, what NIC holds the address, what hypervisor this is. */
void vp_guest_proof(FILE *out, const char *server);
/* Name of the whole disk below a device number ("vda"), "" if there is none (tmpfs). */
void vp_guest_disk_of(dev_t dev, char *name, size_t size);

/*
 * Leaves this program in the system below root, with what it has to know, and started at each boot (systemd, else rc.local): for the end of an
 * installation that is not vprov's own. Exit status.
 */
int vp_guest_setup(const char *root, const char *url, const char *node, const char *token);
/* Reports in and works on tasks until killed; exit status. */
int vp_guest_agent(const char *conf);

/* Compares the clocks with the host's, so many seconds idle and as many loaded; ask as above. 0 or -1. */
int vp_guest_clocks(FILE *out, unsigned seconds, char *(*ask)(const void *agent), const void *agent);

/* Writes records to a disk and says which are durable, a line each time, waiting for a line in between; exit status. */
int vp_guest_journal(const char *disk, unsigned transactions);

/* Seconds of a clock. */
double vp_guest_clock(int id);

#endif
