// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../provision/state/ask.h"
#include "../provision/state/phase.h"
#include "../provision/state/service.h"
#include "dhcp.h"
#include "http.h"

#define SECOND	 UINT64_C(1000000000)
#define IDLE_NS	 (15 * SECOND)
#define READY_NS (20 * SECOND)
/* For so long a reload of dnsmasq waits for more that needs one. */
#define PUT_OFF_NS (5 * SECOND)
#define MAX_TRIES  3
/* dnsmasq may die so often within the window. */
#define MAX_DEATHS 3
#define WINDOW_NS  (60 * SECOND)
#define IPERF_PORT "5201"

struct serve {
	struct vp_serve_opts o;
	struct vp_arena *arena;
	struct vp_state *state;
	struct vp_http *http;
	/* STATE/serve */
	const char *dir;
	const char *tftp;
	/* It could not become another user. */
	bool root;
	int lock;
	int signals;
	/* Where the helper tells of another site configuration. */
	int tell;
	/* Where dnsmasq's script tells of leases and files. */
	int hook;
	/* When this service began, by the wall clock. */
	double begun;
	struct vp_proc dnsmasq;
	bool started, reload, ready;
	/* When the last file changed that the reload is for. It waits while a transaction records nodes, but not for ever: that may have been killed.
	 */
	uint64_t dirty;
	bool recording;
	/* Its last line, for the message if it dies. */
	char last[512];
	uint64_t since;
	unsigned deaths;
	uint64_t first_death;
	struct vp_buf conf;
	/* One per network; runs while a node of that network has a task. */
	struct vp_proc *iperf;
	int *ra;
	struct vp_syslog *syslog;
	bool *want_iperf;
	uint64_t iperf_since;
	struct vp_served_files files;
	int64_t version;
	/* When an answer changes by time alone; 0: never. */
	double expiry;
	/* Others are wanted than are served; what could not be done about that so often is tried again. */
	bool networks_changed;
	unsigned tries;
	uint64_t last_busy;
	/* When an unknown machine was last written down. */
	uint64_t stranger;
	/* Signals, dnsmasq's log, the helper, its script; then what HTTP, router solicitations and syslog need. */
	struct pollfd *pfd;
};

/* --- dnsmasq --- */

/* dnsmasq itself shares the port with another DHCP server without a word, and each would get some of the requests. */
static int check_port(const char *bridge, struct vp_err *err)
{
	const struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(67) };
	vp_cleanup(vp_closep) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, bridge, (socklen_t)strlen(bridge)) ||
	    bind(fd, (const struct sockaddr *)&any, sizeof(any)))
		return vp_fail_errno(err, VP_E_DHCP, "DHCP on %s: UDP port 67", bridge);
	return 0;
}

/* Leases of addresses that went to another machine: how many, and (where it does not run) what is left without them. */
static int stale_leases(struct serve *s, bool drop, size_t *n, struct vp_err *err)
{
	vp_cleanup(vp_arena_freep) struct vp_arena *a = vp_arena_new();
	vp_cleanup(vp_buf_free) struct vp_buf text = { 0 }, rest = { 0 };
	const char *path = vp_printf(a, "%s/dnsmasq/leases", s->dir);
	struct vp_node_rows rows = { 0 };

	*n = 0;
	if (!vp_exists(path))
		return 0;
	if (vp_read_file(path, VP_MAX_LEASES, &text, err) || vp_state_nodes(s->state, a, &rows, err))
		return -1;
	*n = vp_leases_keep(vp_buf_str(&text), &rows, &rest);
	return *n && drop ? vp_write_file(path, vp_buf_str(&rest), rest.len, 0644, err) : 0;
}

static int start_dnsmasq(struct serve *s, struct vp_err *err)
{
	const char *file = vp_printf(s->arena, "%s/dnsmasq/dnsmasq.conf", s->dir), *conf = vp_printf(s->arena, "--conf-file=%s", file);
	const struct vp_child test = { .argv = (const char *const[]){ "dnsmasq", "--test", conf, NULL }, .timeout_ms = 10000 };
	const char *const argv[] = { "dnsmasq", conf, NULL };
	size_t stale;

	for (size_t i = 0; i < s->o.nnets; i++)
		if (check_port(s->o.nets[i].bridge, err))
			return -1;
	if (stale_leases(s, true, &stale, err) || vp_write_file(file, s->conf.data, s->conf.len, 0644, err))
		return -1;
	if (vp_run(&test, err)) {
		err->code = vp_exists("/usr/sbin/dnsmasq") ? VP_E_DHCP : VP_E_TOOL;
		return -1;
	}
	s->started = s->reload = false;
	s->since = vp_now_ns();
	s->last[0] = '\0';
	return vp_proc_start(&s->dnsmasq, argv, s->dir, true, s->lock, err);
}

static int dnsmasq_died(struct serve *s, struct vp_err *err)
{
	uint64_t now = vp_now_ns();

	vp_proc_stop(&s->dnsmasq);
	if (now - s->first_death > WINDOW_NS) {
		s->first_death = now;
		s->deaths = 0;
	}
	/* What it cannot start with it will not be able to start with a second later. */
	if (!s->started || ++s->deaths > MAX_DEATHS)
		return vp_fail(err, VP_E_DHCP, "dnsmasq ended%s%s", s->last[0] ? ": " : " without a word", s->last);
	vp_state_event(s->state, NULL, "dhcp", vp_printf(s->arena, "dnsmasq died and is started again%s%s", s->last[0] ? ": " : "", s->last), NULL);
	vp_http_dnsmasq_restarted(s->http);
	return start_dnsmasq(s, err);
}

static void on_lease(struct serve *s, struct vp_arena *a, const struct vp_hook *h)
{
	struct vp_node_row row;

	if (vp_state_node_by_mac(s->state, a, h->mac, &row, NULL) != 1)
		return;
	vp_state_lease(s->state, row.name, h->ip, NULL);
	vp_state_evidence(s->state, row.name, VP_EV_LEASE, NULL, -1, vp_printf(a, "lease %s for %s", h->ip, h->mac), NULL);
}

/*
 * Whether the node was given a lease after its configuration, as a machine that starts again is. That a loader was sent proves nothing by itself:
 * dnsmasq says so of transfers that were broken off or never begun, too, and may say it minutes later (a request that was sent twice).
 */
static bool leased_since_config(struct serve *s, struct vp_arena *a, const struct vp_node_row *row)
{
	struct vp_events ev = { 0 };

	if (vp_state_events(s->state, a, row->name, 0, &ev, NULL))
		return true;
	for (size_t i = ev.n; i--;) {
		if (!strcmp(ev.items[i].source, "dhcp"))
			return true;
		if (!strcmp(ev.items[i].source, "life") && !strcmp(ev.items[i].text, vp_life_name(VP_CONFIG)))
			return false;
	}
	return true;
}

static void on_sent(struct serve *s, struct vp_arena *a, const struct vp_hook *h)
{
	struct vp_node_row row;

	if (vp_state_node_by_ip(s->state, a, h->ip, &row, NULL) != 1)
		return;
	if (!strncmp(h->file, "pxelinux.cfg/", 13)) {
		const char *why, *answer = vp_boot_answer_name(vp_boot_decide(&row, vp_wall(), &why));

		vp_state_event(s->state, row.name, "tftp", vp_printf(a, "boot answer: %s (%s)", answer, why), NULL);
		if (row.life < VP_UP)
			vp_phase_seen(s->state, row.name, vp_printf(a, "tftp: boot answer: %s", answer), NULL);
	} else if (!strcmp(h->file, "pxelinux.0") || (strstr(h->file, ".efi") && row.life < VP_CONFIG)) {
		/* UEFI's loaders fetch their configuration next, by which what they are told is known. */
		if (row.life < VP_CONFIG || row.life >= VP_ACKED || leased_since_config(s, a, &row))
			vp_loader_asked(s->state, a, &row, vp_printf(a, "%s, %llu bytes", h->file, (unsigned long long)h->bytes));
	}
}

static void on_unsent(struct serve *s, struct vp_arena *a, const struct vp_dhcp_log *l)
{
	struct vp_node_row row;
	const char *text;

	if (vp_state_node_by_ip(s->state, a, l->ip, &row, NULL) != 1 || row.life < VP_ARMED || row.life >= VP_UP)
		return;
	text = vp_printf(a, "%s was not sent whole: the node broke off, or took none of it", l->file);
	vp_state_event(s->state, row.name, "tftp", text, NULL);
	vp_phase_seen(s->state, row.name, vp_printf(a, "tftp: %s", text), NULL);
}

static void read_hook(struct serve *s)
{
	vp_cleanup(vp_arena_freep) struct vp_arena *a = vp_arena_new();
	struct vp_hook h;
	char note[1024];
	ssize_t n;

	while ((n = recv(s->hook, note, sizeof(note), 0)) >= 0) {
		vp_hook_parse(note, (size_t)n, s->tftp, &h);
		if (h.kind == VP_HOOK_LEASE)
			on_lease(s, a, &h);
		else if (h.kind == VP_HOOK_SENT)
			on_sent(s, a, &h);
	}
}

/* Whoever makes up addresses does not keep the database busy. */
static void on_stranger(struct serve *s, const struct vp_dhcp_log *l)
{
	uint64_t now = vp_now_ns();

	if (now - s->stranger < SECOND)
		return;
	s->stranger = now;
	vp_state_stranger(s->state, l->mac, l->bridge, NULL);
}

static void read_log(struct serve *s)
{
	vp_cleanup(vp_arena_freep) struct vp_arena *a = vp_arena_new();
	struct vp_dhcp_log l;
	const char *line;

	while ((line = vp_proc_line(&s->dnsmasq))) {
		vp_dhcp_log_parse(line, s->tftp, &l);
		/* What "dnsmasq-dhcp" and "dnsmasq-tftp" say is of clients, no reason to end. */
		if (strncmp(line, "dnsmasq-", 8))
			snprintf(s->last, sizeof(s->last), "%s", line);
		vp_debug("%s", line);
		if (l.kind == VP_LOG_UNSENT)
			on_unsent(s, a, &l);
		else if (l.kind == VP_LOG_STRANGER)
			on_stranger(s, &l);
		else if (l.kind == VP_LOG_STARTED)
			s->started = true;
	}
}

/*
 * Nobody may be following any more. What moves inside of a machine is not seen from here: each gets the longest time that one who sees it would
 * give; and what was not served while there was no service is not held against it.
 */
static int judge(struct serve *s, struct vp_err *err)
{
	vp_cleanup(vp_arena_freep) struct vp_arena *a = vp_arena_new();
	struct vp_node_rows rows = { 0 };

	if (vp_state_installing(s->state, a, &rows, err))
		return -1;
	for (size_t i = 0; i < rows.n; i++)
		if (vp_phase_check(s->state, a, &rows.items[i], true, s->begun, true, err))
			return -1;
	return 0;
}

/* --- What the rows say --- */

/* First IPv4 address of an interface; false where it has none. */
static bool live_address(struct vp_arena *a, const char *name, struct vp_serve_net *net)
{
	struct ifaddrs *all, *i;
	bool found = false;

	if (getifaddrs(&all))
		return false;
	for (i = all; i && !found; i = i->ifa_next) {
		char text[INET_ADDRSTRLEN];

		if (strcmp(i->ifa_name, name) || !i->ifa_addr || i->ifa_addr->sa_family != AF_INET)
			continue;
		inet_ntop(AF_INET, &((struct sockaddr_in *)(void *)i->ifa_addr)->sin_addr, text, sizeof(text));
		net->address = vp_strdup(a, text);
		net->prefix = (unsigned)__builtin_popcount(((struct sockaddr_in *)(void *)i->ifa_netmask)->sin_addr.s_addr);
		found = true;
	}
	freeifaddrs(all);
	return found;
}

static void nets_of(struct vp_arena *a, const struct vp_node_rows *rows, struct vp_serve_opts *o)
{
	struct vp_serve_net *nets = NULL, net;
	struct vp_dhcp_host host;
	size_t cap = 0;

	o->nnets = 0;
	for (size_t i = 0; i < rows->n; i++) {
		bool known = false;

		if (!vp_dhcp_host_of(a, &rows->items[i], &host, &net))
			continue;
		for (size_t k = 0; k < o->nnets && !known; k++)
			known = !strcmp(nets[k].bridge, net.bridge);
		if (known || (!net.address[0] && !live_address(a, net.bridge, &net)) || net.prefix < 8 || net.prefix > 30)
			continue;
		nets = vp_grow_in(a, nets, o->nnets, &cap, sizeof(*nets));
		nets[o->nnets++] = net;
	}
	o->nets = nets;
	o->nodes = rows->n;
}

int vp_serve_nets(struct vp_state *s, struct vp_arena *a, struct vp_serve_opts *o, struct vp_err *err)
{
	struct vp_node_rows rows = { 0 };

	if (vp_state_nodes(s, a, &rows, err))
		return -1;
	nets_of(a, &rows, o);
	return 0;
}

static bool same_nets(const struct vp_serve_opts *x, const struct vp_serve_opts *y)
{
	if (x->nnets != y->nnets)
		return false;
	for (size_t i = 0; i < x->nnets; i++)
		if (strcmp(x->nets[i].bridge, y->nets[i].bridge) || strcmp(x->nets[i].address, y->nets[i].address) ||
		    x->nets[i].prefix != y->nets[i].prefix)
			return false;
	return true;
}

static bool busy(const struct vp_node_row *r)
{
	if (r->rescue_until > vp_wall())
		return true;
	if (r->life >= VP_UP)
		return r->task[0];
	return r->life >= VP_ARMED && r->health != VP_FAILED && r->health != VP_STALLED;
}

static void want_iperf(struct serve *s, struct vp_arena *a, const struct vp_node_row *row)
{
	struct vp_serve_net net;
	struct vp_dhcp_host host;

	if (!row->task[0] || row->life < VP_UP || !vp_dhcp_host_of(a, row, &host, &net))
		return;
	for (size_t i = 0; i < s->o.nnets; i++)
		if (!strcmp(s->o.nets[i].bridge, net.bridge))
			s->want_iperf[i] = true;
}

static int configure(struct serve *s, struct vp_err *err)
{
	struct vp_buf conf = { 0 };

	vp_dnsmasq_conf(&s->o, s->root, &conf);
	if (!strcmp(vp_buf_str(&conf), vp_buf_str(&s->conf))) {
		vp_buf_free(&conf);
		return 0;
	}
	vp_buf_free(&s->conf);
	s->conf = conf;
	vp_proc_stop(&s->dnsmasq);
	return start_dnsmasq(s, err);
}

static void note_expiry(struct serve *s, const struct vp_node_row *row)
{
	double until = vp_boot_until(row, vp_wall());

	if (until > 0 && (s->expiry <= 0 || until < s->expiry))
		s->expiry = until;
}

/* Reads all rows and makes files, children and answers what they ask for. */
static int sync_rows(struct serve *s, struct vp_err *err)
{
	struct vp_served_files want = { .arena = vp_arena_new() };
	struct vp_serve_opts now = s->o;
	struct vp_node_rows rows = { 0 };
	bool dirty = false;
	int rc = vp_state_nodes(s->state, want.arena, &rows, err);

	s->expiry = 0;
	memset(s->want_iperf, 0, s->o.nnets * sizeof(*s->want_iperf));
	for (size_t i = 0; !rc && i < rows.n; i++) {
		vp_served_add(&want, &rows.items[i], &s->o, vp_http_port(s->http));
		want_iperf(s, want.arena, &rows.items[i]);
		note_expiry(s, &rows.items[i]);
		if (busy(&rows.items[i]))
			s->last_busy = vp_now_ns();
	}
	if (!rc) {
		nets_of(want.arena, &rows, &now);
		s->networks_changed |= !same_nets(&now, &s->o);
		s->o.nodes = rows.n;
		rc = vp_served_sync(s->dir, &s->files, &want, &dirty, err);
	}
	if (dirty) {
		s->reload = true;
		s->dirty = vp_now_ns();
	}
	if (rc) {
		vp_arena_free(want.arena);
		return rc;
	}
	vp_arena_free(s->files.arena);
	s->files = want;
	return s->o.nnets ? configure(s, err) : 0;
}

/* --- Other networks --- */

static void announce(const struct serve *s)
{
	if (!s->o.nnets)
		vp_say("no node has a network yet; waiting for `vprov apply`");
	for (size_t i = 0; i < s->o.nnets; i++)
		vp_say("serving %s: DHCP, TFTP, DNS; http://%s:%u/", s->o.nets[i].bridge, s->o.nets[i].address, s->o.port);
}

/* What is kept for each network: of one that stays it stays. */
static void take_nets(struct serve *s, const struct vp_serve_net *nets, size_t n)
{
	struct vp_proc *iperf = vp_alloc(s->arena, (n + 1) * sizeof(*iperf));
	int *ra = vp_alloc(s->arena, (n + 1) * sizeof(*ra));

	for (size_t i = 0; i < n; i++) {
		iperf[i].fd = ra[i] = -1;
		for (size_t k = 0; k < s->o.nnets; k++)
			if (s->ra[k] >= 0 && !strcmp(s->o.nets[k].bridge, nets[i].bridge) && !strcmp(s->o.nets[k].address, nets[i].address)) {
				iperf[i] = s->iperf[k];
				ra[i] = s->ra[k];
				s->iperf[k] = (struct vp_proc){ .fd = -1 };
				s->ra[k] = -1;
			}
		if (ra[i] < 0)
			ra[i] = vp_ra_open(nets[i].bridge);
	}
	for (size_t k = 0; k < s->o.nnets; k++) {
		vp_proc_stop(&s->iperf[k]);
		vp_closep(&s->ra[k]);
	}
	s->iperf = iperf;
	s->ra = ra;
	s->want_iperf = vp_alloc(s->arena, (n + 1) * sizeof(*s->want_iperf));
	s->pfd = vp_alloc(s->arena, (5 + 3 * n) * sizeof(*s->pfd));
	s->o.nets = nets;
	s->o.nnets = n;
}

static int listen_there(struct serve *s, struct vp_err *err)
{
	const char **addresses = vp_alloc(s->arena, (s->o.nnets + 1) * sizeof(*addresses));
	struct vp_err deaf = { 0 };

	for (size_t i = 0; i < s->o.nnets; i++)
		addresses[i] = s->o.nets[i].address;
	if (vp_http_listen(s->http, addresses, s->o.nnets, err))
		return -1;
	/* A port that is taken costs evidence, no installation. */
	if (vp_syslog_listen(s->syslog, s->o.nets, s->o.nnets, vp_http_port(s->http), &deaf))
		vp_warn("%s", deaf.msg);
	return 0;
}

/* Transfers over HTTP on networks that stay go on; dnsmasq has to be started anew, for it reads its networks only then. */
static int change_nets(struct serve *s, struct vp_err *err)
{
	vp_cleanup(vp_arena_freep) struct vp_arena *a = vp_arena_new();
	struct vp_serve_opts now = { 0 };
	struct vp_node_rows rows = { 0 };

	if (vp_state_nodes(s->state, a, &rows, err))
		return -1;
	nets_of(s->arena, &rows, &now);
	if (!same_nets(&now, &s->o))
		take_nets(s, now.nets, now.nnets);
	/* Whatever it runs with is not what is wanted. */
	vp_buf_free(&s->conf);
	if (listen_there(s, err) || sync_rows(s, err))
		return -1;
	if (!s->o.nnets) {
		vp_proc_stop(&s->dnsmasq);
		s->started = false;
	}
	announce(s);
	return 0;
}

/* A bridge may be there before its address is. The service of one apply says in the end what it cannot do; the site's goes on trying. */
static int renew(struct serve *s, struct vp_err *err)
{
	struct vp_err why = { 0 };

	if (!change_nets(s, &why)) {
		s->networks_changed = false;
		s->tries = 0;
		return 0;
	}
	vp_buf_free(&s->conf);
	vp_proc_stop(&s->dnsmasq);
	if (s->o.until_done && s->tries >= MAX_TRIES) {
		*err = why;
		return -1;
	}
	if (s->tries++ < MAX_TRIES)
		vp_warn("%s; trying again", why.msg);
	return 0;
}

/* What the helper read. */
static int read_status(struct serve *s, struct vp_err *err)
{
	if (vp_status_receive(s->tell, s->arena, &s->o.status))
		return vp_fail(err, VP_E_HTTP, "the boot service's helper is gone");
	return 0;
}

static int reread(struct serve *s, struct vp_err *err)
{
	struct vp_err why = { 0 };

	if (read_status(s, err))
		return -1;
	/* Where it cannot be had there, it is nowhere. */
	if (vp_http_apart(s->http, &s->o.status, &why))
		vp_warn("status page: %s", why.msg);
	return sync_rows(s, err);
}

/* The answer of a node has changed; a failure is not silent, and the database refuses a second configuration in any case. */
static void on_changed(void *arg)
{
	struct vp_err err = { 0 };

	if (sync_rows(arg, &err))
		vp_warn("boot service: %s", err.msg);
}

/* --- The loop --- */

static void keep_iperf(struct serve *s)
{
	uint64_t now = vp_now_ns();

	for (size_t i = 0; i < s->o.nnets; i++) {
		const char *const argv[] = { "iperf3", "-s", "-B", s->o.nets[i].address, "-p", IPERF_PORT, NULL };

		while (vp_proc_line(&s->iperf[i]))
			;
		if (vp_proc_ended(&s->iperf[i]) || (!s->want_iperf[i] && s->iperf[i].pid))
			vp_proc_stop(&s->iperf[i]);
		if (s->want_iperf[i] && !s->iperf[i].pid && now - s->iperf_since >= SECOND) {
			vp_proc_start(&s->iperf[i], argv, "/tmp", false, s->lock, NULL);
			s->iperf_since = now;
		}
	}
}

static int tell_ready(struct serve *s, struct vp_err *err)
{
	if (!s->started || s->ready)
		return 0;
	s->ready = true;
	vp_debug("boot service ready on port %u", vp_http_port(s->http));
	return vp_ask(s->state, &(struct vp_ask){ .what = VP_ASK_READY, .number = { vp_http_port(s->http) } }, err);
}

/* Once a second. 0 go on, 1 end, -1 failure. */
static int tick(struct serve *s, struct vp_err *err)
{
	int64_t version = vp_state_version(s->state);

	/* Asked before the rows are read: what was recorded when it is over is then among them. */
	s->recording = vp_state_recording(s->state);
	if (version < 0 || version != s->version || (s->expiry > 0 && vp_wall() >= s->expiry)) {
		if (sync_rows(s, err))
			return -1;
		s->version = version;
	} else if (s->last_busy && s->o.until_done && vp_now_ns() - s->last_busy > IDLE_NS) {
		return sync_rows(s, err) ? -1 : vp_now_ns() - s->last_busy > IDLE_NS;
	}
	vp_http_tick(s->http);
	if (vp_syslog_tell(s->syslog, s->state, err) || judge(s, err))
		return -1;
	keep_iperf(s);
	if (s->networks_changed)
		return renew(s, err);
	if (s->o.nnets && !s->started && vp_now_ns() - s->since > READY_NS)
		return vp_fail(err, VP_E_DHCP, "dnsmasq does not get ready: %s", s->last);
	return 0;
}

/* dnsmasq reads its files again; it cannot be told to forget a lease, so then it starts anew, which takes it a moment. */
static int reload(struct serve *s, struct vp_err *err)
{
	size_t stale;

	if (stale_leases(s, false, &stale, err))
		return -1;
	vp_debug("dnsmasq %s", stale ? "starts anew, for an address has another owner" : "reads its files again");
	s->reload = false;
	if (!stale) {
		vp_proc_reload(&s->dnsmasq);
		return 0;
	}
	vp_proc_stop(&s->dnsmasq);
	vp_http_dnsmasq_restarted(s->http);
	return start_dnsmasq(s, err);
}

/* What has become ready. 0 go on, 1 end, -1 failure. */
static int react(struct serve *s, struct vp_err *err)
{
	struct signalfd_siginfo si;

	while (read(s->signals, &si, sizeof(si)) == sizeof(si)) {
		/* SIGHUP is the helper's business. */
		if (si.ssi_signo != SIGCHLD && si.ssi_signo != SIGHUP)
			return 1;
	}
	read_log(s);
	if (vp_proc_ended(&s->dnsmasq)) {
		read_log(s);
		if (dnsmasq_died(s, err))
			return -1;
	}
	if (s->reload && s->started && !(s->recording && vp_now_ns() - s->dirty < PUT_OFF_NS) && reload(s, err))
		return -1;
	return tell_ready(s, err);
}

static nfds_t fill_pfd(struct serve *s)
{
	struct pollfd *pfd = s->pfd;
	nfds_t n = 4;

	pfd[0] = (struct pollfd){ s->signals, POLLIN, 0 };
	pfd[1] = (struct pollfd){ s->dnsmasq.fd, POLLIN, 0 };
	pfd[2] = (struct pollfd){ s->tell, POLLIN, 0 };
	pfd[3] = (struct pollfd){ s->hook, POLLIN, 0 };
	for (int i = 0, fd; (fd = vp_http_fd(s->http, (size_t)i)) >= 0; i++)
		pfd[n++] = (struct pollfd){ fd, POLLIN, 0 };
	for (size_t i = 0; i < s->o.nnets; i++) {
		pfd[n++] = (struct pollfd){ s->ra[i], POLLIN, 0 };
		pfd[n++] = (struct pollfd){ vp_syslog_fd(s->syslog, i), POLLIN, 0 };
	}
	return n;
}

static int loop(struct serve *s, struct vp_err *err)
{
	uint64_t next = 0, now;
	int rc = 0;

	s->last_busy = vp_now_ns();
	while (!rc) {
		int wait = vp_http_run(s->http);
		nfds_t n = fill_pfd(s);

		now = vp_now_ns();
		if (now >= next) {
			rc = tick(s, err);
			next = now + SECOND;
			continue;
		}
		if (wait < 0 || (uint64_t)wait * 1000000 > next - now)
			wait = (int)((next - now) / 1000000) + 1;
		if ((poll(s->pfd, n, wait) > 0 && (s->pfd[0].revents || s->pfd[1].revents)) || s->reload)
			rc = react(s, err);
		if (s->pfd[3].revents)
			read_hook(s);
		if (!rc && s->pfd[2].revents)
			rc = reread(s, err);
		vp_syslog_read(s->syslog);
		for (size_t i = 0; i < s->o.nnets; i++)
			vp_ra_answer(s->ra[i]);
	}
	return rc;
}

/* With what it takes to fetch its configuration from this service in it; Debian's own for the network has no HTTP. */
static int make_grub(struct serve *s, struct vp_err *err)
{
	vp_cleanup(vp_buf_free) struct vp_buf text = { 0 };
	const char *conf = vp_printf(s->arena, "%s/dnsmasq/grub.cfg", s->dir), *out = vp_printf(s->arena, "%s/grubx64.efi", s->tftp);
	const struct vp_child child = { .argv = (const char *const[]){ "grub-mkimage", "--format=x86_64-efi", "--prefix=/grub", "--config", conf,
								       "--output", out, "efinet", "http", "normal", "configfile", "linux", "chain",
								       "echo", "search_fs_file", "part_gpt", "part_msdos", "fat", NULL },
					.timeout_ms = 60000 };

	vp_grub_embedded(s->o.port, &text);
	if (vp_write_file(conf, text.data, text.len, 0644, err) || vp_run(&child, err))
		return vp_context(err, "the boot loader (packages grub-efi-amd64-bin and grub-common)");
	return chmod(out, 0644) ? vp_fail_errno(err, VP_E_IO, "%s", out) : 0;
}

static int setup(struct serve *s, const struct vp_serving *at, struct vp_err *err)
{
	struct vp_http_opts http = { .image_dir = s->o.image_dir,
				     .guest = vp_printf(s->arena, "%s/hook", s->dir),
				     .state_dir = s->o.state_dir,
				     .port = s->o.port,
				     .changed = on_changed,
				     .arg = s };

	/* Sent once the helper has the database open. */
	if (read_status(s, err))
		return -1;
	s->state = vp_state_open_asking(s->o.state_dir, at->ask, err);
	if (!s->state)
		return -1;
	http.status = s->o.status;
	http.loader_dir = s->tftp;
	http.state = s->state;
	s->http = vp_http_start(&http, err);
	if (!s->http || listen_there(s, err))
		return -1;
	s->o.port = vp_http_port(s->http);
	announce(s);
	if (!s->o.nnets && vp_ask(s->state, &(struct vp_ask){ .what = VP_ASK_READY }, err))
		return -1;
	return (s->o.loader == VP_LOADER_GRUB && make_grub(s, err)) || sync_rows(s, err) ? -1 : 0;
}

static void teardown(struct serve *s)
{
	vp_proc_stop(&s->dnsmasq);
	for (size_t i = 0; i < s->o.nnets; i++) {
		vp_proc_stop(&s->iperf[i]);
		vp_closep(&s->ra[i]);
	}
	vp_http_stop(s->http);
	vp_syslog_free(s->syslog);
	vp_state_close(s->state);
	vp_arena_free(s->files.arena);
	vp_buf_free(&s->conf);
}

int vp_serve_nodes(const struct vp_serve_opts *o, const struct vp_serving *at, struct vp_err *err)
{
	vp_cleanup(vp_arena_freep) struct vp_arena *a = vp_arena_new();
	struct serve s = { .o = *o,
			   .arena = a,
			   .root = !geteuid(),
			   .lock = at->lock,
			   .hook = at->hook,
			   .tell = at->tell,
			   .begun = vp_wall(),
			   .dnsmasq = { .fd = -1 },
			   .version = -1 };
	sigset_t set;
	int rc;

	s.dir = vp_printf(a, "%s/serve", o->state_dir);
	s.tftp = vp_printf(a, "%s/tftp", s.dir);
	s.o.nnets = 0;
	s.syslog = vp_syslog_new();
	take_nets(&s, o->nets, o->nnets);
	sigprocmask(SIG_BLOCK, NULL, &set);
	s.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	rc = setup(&s, at, err);
	if (!rc)
		rc = loop(&s, err);
	teardown(&s);
	vp_closep(&s.signals);
	return rc < 0 ? -1 : 0;
}
