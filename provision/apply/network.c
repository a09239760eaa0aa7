// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../plan/network.h"
#include "network.h"

/* How often a step that failed is tried again on the way back, and how long between. */
#define BACK_TRIES 20
#define TICK_MS	   100
/* A watchdog whose vprov has died knows it after that many; going back takes no more than these. */
#define SETTLE_TICKS 3
#define BACK_TICKS   600

static const char *pending_file(struct vp_arena *a, const char *dir)
{
	return vp_printf(a, "%s/network.pending", dir);
}

static const char *taken_file(struct vp_arena *a, const char *dir)
{
	return vp_printf(a, "%s/network.decided", dir);
}

/*
 * Locked by the watchdog for as long as it lives, however it ends: who waits for it waits until the way back is done, too.
 */
static int watch_lock(struct vp_arena *a, const char *dir, int flags)
{
	return open(vp_printf(a, "%s/network.watch", dir), O_RDWR | O_CLOEXEC | flags, 0600);
}

/* What was kept for `net down` before the change that is taken back; absent where nothing was. */
static const char *earlier_file(struct vp_arena *a, const char *dir)
{
	return vp_printf(a, "%s/network.earlier", dir);
}

/* A change that was taken back is none: what it would have been undone to would be out of date one day. */
static void forget_change(struct vp_arena *a, const char *dir)
{
	if (rename(earlier_file(a, dir), vp_network_file(a, dir)))
		unlink(vp_network_file(a, dir));
}

/* True for the one that decides. */
static bool take(struct vp_arena *a, const char *dir)
{
	return !rename(pending_file(a, dir), taken_file(a, dir));
}

/* --- Whether a host answers. --- */

static uint16_t checksum(const struct icmphdr *h)
{
	uint16_t words[sizeof(*h) / 2];
	uint32_t sum = 0;

	memcpy(words, h, sizeof(words));
	for (size_t i = 0; i < vp_count(words); i++)
		sum += words[i];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* The kernel puts the header of IPv4 in front of what it hands out. */
static bool is_reply(const unsigned char *p, ssize_t n, bool v6, uint16_t id)
{
	size_t skip = v6 ? 0 : (size_t)(p[0] & 15) * 4;
	struct icmphdr h;

	if (n < (ssize_t)(skip + sizeof(h)))
		return false;
	memcpy(&h, p + skip, sizeof(h));
	return h.type == (v6 ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY) && h.un.echo.id == id;
}

bool vp_answers(const char *ip)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} to = { .any.sa_family = strchr(ip, ':') ? AF_INET6 : AF_INET };
	bool v6 = to.any.sa_family == AF_INET6;
	struct icmphdr echo = { .type = v6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO, .un.echo.id = (uint16_t)getpid() };
	unsigned char answer[512];
	vp_cleanup(vp_closep) int fd = socket(to.any.sa_family, SOCK_RAW | SOCK_CLOEXEC, v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	int64_t end = (int64_t)vp_now_ns() + 1000000000, left;

	if (fd < 0 || inet_pton(to.any.sa_family, ip, v6 ? (void *)&to.v6.sin6_addr : (void *)&to.v4.sin_addr) != 1)
		return false;
	if (!v6)
		echo.checksum = checksum(&echo);
	if (sendto(fd, &echo, sizeof(echo), 0, &to.any, v6 ? sizeof(to.v6) : sizeof(to.v4)) < 0)
		return false;
	while ((left = end - (int64_t)vp_now_ns()) > 0) {
		struct pollfd p = { .fd = fd, .events = POLLIN };

		if (poll(&p, 1, (int)(left / 1000000) + 1) > 0 && is_reply(answer, recv(fd, answer, sizeof(answer), 0), v6, echo.un.echo.id))
			return true;
	}
	return false;
}

/* --- The way back. --- */

/* Everything that can be done is done: with a step that fails the others may still make the host reachable. */
static int go_back(struct vp_arena *a, struct vp_net *net, const char *network, const char *mark, struct vp_err *err)
{
	vp_cleanup(vp_lan_free) struct vp_lan want = { 0 };
	int rc = -1;

	if (!vp_lan_parse(network, &want))
		return vp_fail(err, VP_E_STATE, "what the network was before cannot be read");
	for (int i = 0; rc && i < BACK_TRIES; i++) {
		vp_cleanup(vp_lan_free) struct vp_lan live = { 0 };
		struct vp_lan_steps steps = { 0 };

		rc = vp_lan_read(net, &live, err);
		if (rc)
			continue;
		vp_lan_diff(a, &live, &want, mark, &steps);
		for (size_t k = 0; k < steps.n; k++)
			if (vp_lan_do(net, steps.items[k].dev, steps.items[k].from, steps.items[k].to, mark, err))
				rc = -1;
		if (rc)
			usleep(TICK_MS * 1000);
	}
	return rc;
}

/* --- The watchdog. --- */

struct watch {
	const char *dir, *network, *mark;
	unsigned seconds;
	struct vp_words answers;
	/* To vprov; and what says to others that this one lives. */
	int fd, lock;
};

static volatile int told_to_end;

static void on_term(int sig)
{
	told_to_end = sig;
}

static bool all_answer(const struct vp_words *hosts)
{
	for (size_t i = 0; i < hosts->n; i++)
		if (!vp_answers(hosts->items[i]))
			return false;
	return hosts->n;
}

/* False: vprov died before it was done. */
static bool still_working(int *fd)
{
	struct pollfd p = { .fd = *fd, .events = POLLIN };
	char done;

	if (*fd < 0 || poll(&p, 1, 0) <= 0)
		return true;
	if (read(*fd, &done, 1) != 1)
		return false;
	close(*fd);
	*fd = -1;
	return true;
}

static void note(struct vp_arena *a, const struct watch *w, const char *text)
{
	FILE *f = fopen(vp_printf(a, "%s/network.log", w->dir), "ae");

	if (!f)
		return;
	fprintf(f, "%.0f %s\n", vp_wall(), text);
	fclose(f);
}

/* Where that fails, all of it waits again: for another try by hand. */
static void bring_back(struct vp_arena *a, const struct watch *w, struct vp_net *net, const char *why)
{
	struct vp_err err = { 0 };

	note(a, w, vp_printf(a, "%s: going back", why));
	if (!go_back(a, net, w->network, w->mark, &err)) {
		forget_change(a, w->dir);
		note(a, w, "gone back");
		return;
	}
	note(a, w, vp_printf(a, "going back failed: %s", err.msg));
	rename(taken_file(a, w->dir), pending_file(a, w->dir));
}

static void watch(struct vp_arena *a, struct watch *w, struct vp_net *net)
{
	uint64_t end = vp_now_ns() + w->seconds * UINT64_C(1000000000);
	const char *why = "not confirmed in time";

	while (vp_now_ns() < end && !told_to_end) {
		if (access(pending_file(a, w->dir), F_OK))
			return;
		if (!still_working(&w->fd)) {
			why = "vprov died";
			break;
		}
		if (w->fd < 0 && all_answer(&w->answers)) {
			if (take(a, w->dir))
				note(a, w, "confirmed by answers");
			return;
		}
		usleep(TICK_MS * 1000);
	}
	if (take(a, w->dir))
		bring_back(a, w, net, why);
}

/* Nothing of the parent's stays open: neither the lock of the state directory nor the terminal that a login waits for. */
static void become_watchdog(struct watch *w)
{
	const struct sigaction term = { .sa_handler = on_term };
	int null = open("/dev/null", O_RDWR), fd = fcntl(w->fd, F_DUPFD, 5), lock = fcntl(w->lock, F_DUPFD, 5);
	struct vp_arena *a = vp_arena_new();
	struct vp_net *net;

	setsid();
	if (chdir("/"))
		_exit(1);
	for (int i = 0; i < 3; i++)
		dup2(null, i);
	w->fd = dup2(fd, 3);
	w->lock = dup2(lock, 4);
	close_range(5, ~0u, 0);
	net = vp_net_open(NULL);
	if (!net || w->fd < 0 || w->lock < 0 || write(w->fd, "", 1) != 1)
		_exit(1);
	sigaction(SIGTERM, &term, NULL);
	signal(SIGHUP, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	watch(a, w, net);
	_exit(0);
}

/* Double, so that nobody has to reap it. Nothing is changed unless it says that it could go back. */
static int start_watchdog(struct vp_arena *a, struct watch *w, int *fd, struct vp_err *err)
{
	vp_cleanup(vp_closep) int lock = watch_lock(a, w->dir, O_CREAT);
	int fds[2];
	char ready;
	pid_t pid;

	if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB) || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		return vp_fail_errno(err, VP_E_IO, "watchdog");
	pid = fork();
	if (!pid) {
		w->fd = fds[1];
		w->lock = lock;
		close(fds[0]);
		if (fork())
			_exit(0);
		become_watchdog(w);
	}
	close(fds[1]);
	*fd = fds[0];
	if (pid < 0 || waitpid(pid, NULL, 0) != pid || read(*fd, &ready, 1) != 1) {
		close(*fd);
		return vp_fail(err, VP_E_IO, "the watchdog that would take the change back cannot be started");
	}
	return 0;
}

/* --- Around vp_apply(). --- */

/* Of each link what it was when vprov first touched it; what vprov made was not there. */
static void keep_link(const struct vp_lan *now, const struct vp_lan_link *link, struct vp_lan *kept)
{
	*vp_lan_add(kept, link->name) = *link;
	for (size_t i = 0; i < now->naddrs; i++)
		if (!strcmp(now->addrs[i].dev, link->name))
			vp_lan_add_addr(kept, link->name, now->addrs[i].text);
	for (size_t i = 0; i < now->nroutes; i++)
		if (!strcmp(now->routes[i].dev, link->name) &&
		    vp_lan_add_route(kept, link->name, now->routes[i].to, now->routes[i].via, now->routes[i].metric))
			kept->routes[kept->nroutes - 1] = now->routes[i];
}

static int keep(struct vp_world *w, const struct vp_plan *p, struct vp_err *err)
{
	const char *file = vp_network_file(w->arena, w->state_dir), *earlier = earlier_file(w->arena, w->state_dir);
	vp_cleanup(vp_lan_free) struct vp_lan kept = { 0 }, now = { 0 };
	vp_cleanup(vp_buf_free) struct vp_buf text = { 0 };
	struct vp_resources made = { 0 };

	if (vp_resources(w->state, w->arena, NULL, &made, err) || (vp_exists(file) && vp_read_file(file, VP_MIB, &text, err)))
		return -1;
	unlink(earlier);
	if (text.len && vp_write_file(earlier, text.data, text.len, 0600, err))
		return -1;
	if (!vp_lan_parse(vp_buf_str(&text), &kept) || !vp_lan_parse(p->network, &now))
		return vp_fail(err, VP_E_STATE, "%s cannot be read", file);
	for (size_t i = 0; i < now.nlinks; i++)
		if (!vp_lan_find(&kept, now.links[i].name) && !vp_resource_find(&made, "link", now.links[i].name))
			keep_link(&now, &now.links[i], &kept);
	text.len = 0;
	vp_lan_print(&kept, &text);
	if (p->carried && vp_write_file(vp_printf(w->arena, "%s/network.carried", w->state_dir), p->carried, strlen(p->carried), 0600, err))
		return -1;
	return vp_write_file(file, text.data, text.len, 0600, err);
}

static int begin(struct vp_world *w, const struct vp_plan *p, struct vp_confirm *confirm, struct vp_err *err)
{
	const char *pending = pending_file(w->arena, w->state_dir);
	struct watch watched = {
		.dir = w->state_dir, .network = p->network, .mark = vp_network_mark(w->arena, vp_mark(w)), .seconds = confirm ? confirm->seconds : 0
	};

	if (vp_exists(pending))
		return vp_fail(err, VP_E_PENDING, "an earlier change of the network waits for confirmation");
	if (keep(w, p, err))
		return -1;
	if (!watched.seconds)
		return 0;
	watched.answers = confirm->answers;
	if (vp_write_file(pending, p->network, strlen(p->network), 0600, err))
		return -1;
	if (!start_watchdog(w->arena, &watched, &confirm->fd, err))
		return 0;
	unlink(pending);
	return -1;
}

int vp_network_apply(struct vp_world *w, const struct vp_plan *p, struct vp_confirm *confirm, vp_step_fn *report, bool *waits, struct vp_err *err)
{
	int rc;

	if (waits)
		*waits = false;
	if (!p->network)
		return vp_apply(w, p, report, err);
	if (begin(w, p, confirm, err))
		return -1;
	rc = vp_apply(w, p, report, err);
	if (rc == -1)
		forget_change(w->arena, w->state_dir);
	if (!confirm || !confirm->seconds)
		return rc;
	/* What failed was undone; where that failed, too, the watchdog sees no "done". */
	if (rc == -1 && take(w->arena, w->state_dir))
		return -1;
	if (!rc && send(confirm->fd, "", 1, MSG_NOSIGNAL) != 1)
		vp_warn("the watchdog is gone; `vprov net rollback` goes back");
	close(confirm->fd);
	if (waits)
		*waits = !rc;
	return rc;
}

/* The last line of the log, without its time. */
static const char *last_note(struct vp_arena *a, const char *dir)
{
	vp_cleanup(vp_buf_free) struct vp_buf text = { 0 };
	const char *line, *word;

	if (vp_read_file(vp_printf(a, "%s/network.log", dir), VP_MIB, &text, NULL) || !text.len)
		return "";
	text.data[text.len - 1] = '\0';
	line = strrchr(text.data, '\n');
	word = strchr(line ? line + 1 : text.data, ' ');
	return word ? vp_printf(a, "%s", word + 1) : "";
}

/* False after so many ticks, or where interrupted. */
static bool watchdog_ended(struct vp_arena *a, const char *dir, unsigned ticks)
{
	vp_cleanup(vp_closep) int lock = watch_lock(a, dir, 0);

	for (unsigned i = 0; lock >= 0 && flock(lock, LOCK_SH | LOCK_NB); i++) {
		if (i == ticks || vp_interrupted)
			return false;
		usleep(TICK_MS * 1000);
	}
	return true;
}

int vp_network_settle(struct vp_arena *a, const char *dir, struct vp_err *err)
{
	for (int i = 0; i < SETTLE_TICKS && vp_exists(pending_file(a, dir)); i++)
		usleep(TICK_MS * 1000);
	if (vp_exists(pending_file(a, dir)) || watchdog_ended(a, dir, BACK_TICKS))
		return 0;
	return vp_fail(err, VP_E_LOCKED, "an earlier change of the network is still being taken back: %s/network.log", dir);
}

int vp_network_decided(struct vp_world *w, struct vp_err *err)
{
	const char *said;

	if (!watchdog_ended(w->arena, w->state_dir, ~0u))
		return vp_fail(err, VP_E_INTERRUPTED, "interrupted while the change waits for answers: `vprov net confirm` keeps it");
	said = last_note(w->arena, w->state_dir);
	if (!strncmp(said, "going back failed", 17))
		return vp_fail(err, VP_E_NET, "nobody has confirmed the change, and %s; once more: vprov net rollback", said);
	if (vp_exists(pending_file(w->arena, w->state_dir)))
		return vp_fail(err, VP_E_NET, "the watchdog has died: the change stays until `vprov net rollback`");
	if (strcmp(said, "gone back"))
		return 0;
	return vp_fail(err, VP_E_NET, "nobody has confirmed the change: the network is as it was");
}

static int nothing_waits(struct vp_arena *a, const char *dir, struct vp_err *err)
{
	const char *last = last_note(a, dir);

	return vp_fail(err, VP_E_NOTPENDING, "no change of the network waits%s%s", *last ? "; of the last one: " : "", last);
}

int vp_network_confirm(struct vp_arena *a, const char *state_dir, struct vp_err *err)
{
	struct watch w = { .dir = state_dir };

	/* Before the rename, which is what others wait for. */
	if (!vp_exists(pending_file(a, state_dir)))
		return nothing_waits(a, state_dir, err);
	note(a, &w, "confirmed");
	return take(a, state_dir) ? 0 : nothing_waits(a, state_dir, err);
}

int vp_network_rollback(struct vp_world *w, vp_step_fn *report, struct vp_err *err)
{
	vp_cleanup(vp_buf_free) struct vp_buf text = { 0 };
	const char *taken = taken_file(w->arena, w->state_dir);
	struct vp_plan plan = { 0 };

	if (!take(w->arena, w->state_dir))
		return nothing_waits(w->arena, w->state_dir, err);
	if (vp_read_file(taken, VP_MIB, &text, err) || vp_plan_network_back(w, NULL, vp_mark(w), vp_buf_str(&text), &plan, err) ||
	    vp_apply(w, &plan, report, err)) {
		rename(taken, pending_file(w->arena, w->state_dir));
		return -1;
	}
	forget_change(w->arena, w->state_dir);
	note(w->arena, &(struct watch){ .dir = w->state_dir }, "taken back by hand");
	return 0;
}
