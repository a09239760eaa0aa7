// SPDX-License-Identifier: Apache-2.0
/*
 * The boot service's helper. The service reads what strangers send, so it has no privilege but those of the network: it is a child of this process
 * with a user of its own. What is left to do for root is done here: the few changes of the database that evidence leads to (ask.h), opening files
 * that a row names, reading the site configuration, and the directory of the service.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../provision/state/ask.h"
#include "dhcp.h"

#define TICK_MS 1000
/* So long the service may take to end its children. */
#define END_NS UINT64_C(15000000000)
/* A request is not begun and left half. */
#define REQUEST_SECONDS 10
/* Bytes of a certificate with its chain, and of its key. */
#define MAX_PEM (1u << 20)
/* In none of the ranges that Debian and systemd (systemd.io/UIDS-GIDS) give to users. */
#define PRIVATE_GROUP 61000

static const char *const loader_files[][3] = {
	{ "pxelinux.0", "/usr/lib/PXELINUX/pxelinux.0", "pxelinux" },
	{ "ldlinux.c32", "/usr/lib/syslinux/modules/bios/ldlinux.c32", "syslinux-common" },
	{ "snponly.efi", "/usr/lib/ipxe/snponly.efi", "ipxe" },
};

/* All that is made below STATE/serve but the lock: root's files, then the service's directories, which hold tokens. */
static const char *const made[] = { "ready", "hook", "events", "dnsmasq", "hosts", "opts", "names", "tftp", "tftp/pxelinux.cfg" };
#define FIRST_DIRECTORY 3

struct helper {
	const struct vp_serve_opts *o;
	struct vp_arena *arena;
	/* STATE/serve */
	const char *dir;
	/* Whom the service becomes; NULL: it stays who we are. */
	const struct passwd *user;
	struct passwd as;
	struct vp_state *state;
	int lock, hook, signals;
	/* Our ends of what the service asks by and is told by. */
	int ask, tell;
	pid_t service;
	/* When it was told to end; 0: it was not. */
	uint64_t ending;
	/* Started from a terminal, whose end is its end. */
	bool tty;
};

/* --- Who, and where --- */

/* Whether every directory above lets the user pass; what does not exist yet does not hinder. */
static bool passes(const char *path, const struct passwd *pw)
{
	vp_cleanup(vp_freep) char *copy = strdup(path);
	struct stat st;

	for (char *p = strrchr(copy, '/'); p && p > copy; p = strrchr(copy, '/')) {
		*p = '\0';
		if (!stat(copy, &st) && !(st.st_mode & S_IXOTH) && !(st.st_uid == pw->pw_uid && (st.st_mode & S_IXUSR)))
			return false;
	}
	return true;
}

/* Debian's dnsmasq is in a group that many share: such a user gets one that nobody is in. */
static void take_user(struct helper *h, const struct passwd *pw)
{
	const struct group *group = getgrgid(pw->pw_gid);
	bool own = group && !strcmp(group->gr_name, pw->pw_name);

	h->as = (struct passwd){ .pw_name = vp_strdup(h->arena, pw->pw_name), .pw_uid = pw->pw_uid, .pw_gid = own ? pw->pw_gid : PRIVATE_GROUP };
	h->user = &h->as;
}

static void pick_user(struct helper *h)
{
	static const char *const users[] = { "vprov", "dnsmasq", "nobody" };

	for (size_t i = 0; !geteuid() && i < vp_count(users) && !h->user; i++) {
		const struct passwd *pw = getpwnam(users[i]);

		if (pw && passes(h->dir, pw) && passes(vp_printf(h->arena, "%s/x", h->o->image_dir ? h->o->image_dir : ""), pw))
			take_user(h, pw);
	}
	if (!geteuid() && !h->user)
		vp_warn("the boot service runs as root: no other user can reach %s and %s", h->o->state_dir, h->o->image_dir);
}

static int take_lock(struct helper *h, struct vp_err *err)
{
	const char *path = vp_printf(h->arena, "%s/lock", h->dir);
	struct stat mine, there;

	/* The holder removes the directory at its end: what was locked must still be what is there. */
	for (;;) {
		if (vp_mkdirs(h->dir, 0755, err))
			return -1;
		h->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
		if (h->lock < 0 && errno == ENOENT)
			continue;
		if (h->lock < 0)
			return vp_fail_errno(err, VP_E_IO, "%s", path);
		if (flock(h->lock, LOCK_EX | LOCK_NB)) {
			char holder[64] = "";
			ssize_t n = pread(h->lock, holder, sizeof(holder) - 1, 0);

			holder[n > 0 ? strcspn(holder, "\n") : 0] = '\0';
			vp_closep(&h->lock);
			h->lock = -1;
			return vp_fail(err, VP_E_LOCKED, "a boot service works on %s already (%s)", h->o->state_dir, holder);
		}
		if (!stat(path, &there) && !fstat(h->lock, &mine) && there.st_ino == mine.st_ino)
			break;
		close(h->lock);
	}
	if (ftruncate(h->lock, 0) || dprintf(h->lock, "pid %d\n", (int)getpid()) < 0)
		return vp_fail_errno(err, VP_E_IO, "%s", path);
	return 0;
}

static int put_loaders(struct helper *h, struct vp_err *err)
{
	for (size_t i = 0; i < vp_count(loader_files); i++) {
		vp_cleanup(vp_buf_free) struct vp_buf data = { 0 };

		if (vp_read_file(loader_files[i][1], 1 << 20, &data, err))
			return vp_context(err, "the boot loader (package %s)", loader_files[i][2]);
		if (vp_write_file(vp_printf(h->arena, "%s/tftp/%s", h->dir, loader_files[i][0]), data.data, data.len, 0644, err))
			return -1;
	}
	return 0;
}

/* What an earlier service left, a killed one even, goes; leases go, too: a node's address is in its row. */
static int prepare(struct helper *h, struct vp_err *err)
{
	for (size_t i = 0; i < vp_count(made); i++) {
		const char *path = vp_printf(h->arena, "%s/%s", h->dir, made[i]);

		if (vp_remove_tree(path, err) || (i >= FIRST_DIRECTORY && vp_mkdirs(path, 0700, err)))
			return -1;
	}
	if (put_loaders(h, err))
		return -1;
	/* Last: from here on they are another user's, who might put links there. */
	for (size_t i = FIRST_DIRECTORY; h->user && i < vp_count(made); i++)
		if (lchown(vp_printf(h->arena, "%s/%s", h->dir, made[i]), h->user->pw_uid, h->user->pw_gid))
			return vp_fail_errno(err, VP_E_IO, "%s/%s", h->dir, made[i]);
	h->hook = vp_hook_open(h->dir, h->o->hook, h->user, err);
	return h->hook < 0 ? -1 : 0;
}

/* The service may read the database, and what SQLite keeps beside it. */
static int share_database(struct helper *h, bool share, struct vp_err *err)
{
	static const char *const suffixes[] = { "", "-wal", "-shm" };

	for (size_t i = 0; h->user && i < vp_count(suffixes); i++) {
		const char *path = vp_printf(h->arena, "%s/vprov.db%s", h->o->state_dir, suffixes[i]);

		if ((chown(path, (uid_t)-1, share ? h->user->pw_gid : 0) || chmod(path, share ? 0640 : 0600)) && errno != ENOENT)
			return vp_fail_errno(err, VP_E_IO, "%s", path);
	}
	return 0;
}

static int set_up(struct helper *h, struct vp_err *err)
{
	pick_user(h);
	if (take_lock(h, err) || prepare(h, err))
		return -1;
	/* Makes or converts the tables. Not kept: the service inherits what is open here. */
	vp_state_close(h->state = vp_state_open(h->o->state_dir, false, err));
	if (!h->state)
		return -1;
	h->state = NULL;
	return share_database(h, true, err);
}

/* --- The status page's place --- */

int vp_status_send(int fd, const struct vp_status_at *at)
{
	const char *const text[] = { at->address, at->certificate, at->key };

	for (size_t i = 0; i < vp_count(text); i++) {
		uint32_t len = text[i] ? (uint32_t)strlen(text[i]) : UINT32_MAX;

		if (vp_send_all(fd, &len, sizeof(len)) || (text[i] && vp_send_all(fd, text[i], len)))
			return -1;
	}
	return 0;
}

int vp_status_receive(int fd, struct vp_arena *a, struct vp_status_at *at)
{
	const char **const text[] = { &at->address, &at->certificate, &at->key };

	for (size_t i = 0; i < vp_count(text); i++) {
		uint32_t len;
		char *p = NULL;

		if (vp_receive_all(fd, &len, sizeof(len)) || (len != UINT32_MAX && len > MAX_PEM))
			return -1;
		if (len != UINT32_MAX) {
			p = vp_alloc(a, len + 1);
			if (vp_receive_all(fd, p, len))
				return -1;
		}
		*text[i] = p;
	}
	return 0;
}

static int read_pem(struct vp_arena *a, const char *what, const char *path, const char **out, struct vp_err *err)
{
	vp_cleanup(vp_buf_free) struct vp_buf text = { 0 };

	if (vp_read_file(path, MAX_PEM, &text, err))
		return vp_context(err, "the %s of the status page", what);
	*out = vp_strdup(a, vp_buf_str(&text));
	return 0;
}

int vp_status_read(struct vp_arena *a, const char *address, const char *certificate, const char *key, struct vp_status_at *out, struct vp_err *err)
{
	struct vp_status_at at = { .address = address };

	if (!certificate != !key || (key && !address))
		return vp_fail(err, VP_E_CONFIG, "status_cert and status_key need each other, and status_address");
	if (key && (read_pem(a, "certificate", certificate, &at.certificate, err) || read_pem(a, "key", key, &at.key, err)))
		return -1;
	*out = at;
	return 0;
}

/* --- The loop --- */

static int tell_ready(void *arg, unsigned port, struct vp_err *err)
{
	const struct helper *h = arg;
	const char *text = vp_printf(h->arena, "%d %u\n", (int)getpid(), port);

	vp_tell_systemd("READY=1");
	return port ? vp_write_file(vp_printf(h->arena, "%s/ready", h->dir), text, strlen(text), 0644, err) : 0;
}

static void reread(struct helper *h)
{
	struct vp_status_at at;

	if (h->o->reread && !h->o->reread(h->o->notified_arg, &at) && vp_status_send(h->tell, &at))
		vp_warn("the boot service could not be told of the site configuration");
}

static void end_service(struct helper *h)
{
	if (!h->ending)
		h->ending = vp_now_ns();
	kill(h->service, SIGTERM);
}

static void take_signals(struct helper *h)
{
	struct signalfd_siginfo si;

	while (read(h->signals, &si, sizeof(si)) == sizeof(si)) {
		if (si.ssi_signo == SIGHUP && !h->tty)
			reread(h);
		else if (si.ssi_signo != SIGCHLD)
			end_service(h);
	}
}

/* Until the service has ended: its exit status, or -1. */
static int help(struct helper *h, struct vp_err *err)
{
	bool asks = true;
	int status;

	while (waitpid(h->service, &status, WNOHANG) != h->service) {
		struct pollfd pfd[] = { { h->signals, POLLIN, 0 },
					{ asks ? h->ask : -1, POLLIN, 0 },
					{ h->o->notified ? h->o->notify_fd : -1, POLLIN, 0 } };

		poll(pfd, vp_count(pfd), TICK_MS);
		take_signals(h);
		/* Whoever has taken it over is not spoken with. */
		if (pfd[1].revents && vp_ask_answer(h->state, h->ask, tell_ready, h)) {
			asks = false;
			end_service(h);
		}
		if (h->o->notified)
			h->o->notified(h->o->notified_arg);
		if (h->ending && vp_now_ns() - h->ending > END_NS)
			kill(h->service, SIGKILL);
	}
	h->service = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : vp_fail(err, VP_E_HTTP, "the boot service was ended by signal %d", WTERMSIG(status));
}

static int start(struct helper *h, struct vp_serving *at, struct vp_err *err)
{
	const struct timeval patience = { .tv_sec = REQUEST_SECONDS };
	int ask[2], tell[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ask) || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, tell))
		return vp_fail_errno(err, VP_E_IO, "socket");
	setsockopt(ask[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(tell[0], SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	h->service = fork();
	if (h->service < 0)
		return vp_fail_errno(err, VP_E_HTTP, "starting the boot service");
	close(ask[!h->service ? 0 : 1]);
	close(tell[!h->service ? 0 : 1]);
	h->ask = ask[0];
	h->tell = tell[0];
	*at = (struct vp_serving){ .ask = ask[1], .tell = tell[1], .hook = h->hook, .lock = h->lock };
	return 0;
}

/* In the child. */
static int be_service(struct helper *h, const struct vp_serving *at, pid_t helper, struct vp_err *err)
{
	if (h->user && vp_become(h->user, err))
		return -1;
	/* After the change of user, which would clear it. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	return getppid() != helper ? vp_fail(err, VP_E_HTTP, "its helper is gone") : vp_serve_nodes(h->o, at, err);
}

/* In the parent; the database is opened here, so that the service does not inherit it. */
static int be_helper(struct helper *h, struct vp_err *err)
{
	sigset_t blocked;

	vp_closep(&h->hook);
	h->hook = -1;
	sigprocmask(SIG_BLOCK, NULL, &blocked);
	h->signals = signalfd(-1, &blocked, SFD_CLOEXEC | SFD_NONBLOCK);
	h->state = vp_state_open(h->o->state_dir, false, err);
	if (h->state && !vp_status_send(h->tell, &h->o->status))
		return help(h, err);
	kill(h->service, SIGKILL);
	waitpid(h->service, NULL, 0);
	return -1;
}

static void tear_down(struct helper *h, bool failed)
{
	vp_state_close(h->state);
	if (h->lock >= 0)
		share_database(h, false, NULL);
	/* The lock goes with the directory, while it is still held. After a failure the service's own words stay. */
	if (h->lock >= 0 && !failed)
		vp_remove_tree(h->dir, NULL);
	for (size_t i = 0; h->lock >= 0 && failed && i < vp_count(made); i++)
		vp_remove_tree(vp_printf(h->arena, "%s/%s", h->dir, made[i]), NULL);
	vp_closep(&h->lock);
	vp_closep(&h->hook);
	vp_closep(&h->signals);
	vp_closep(&h->ask);
	vp_closep(&h->tell);
}

int vp_serve(const struct vp_serve_opts *o, struct vp_err *err)
{
	vp_cleanup(vp_arena_freep) struct vp_arena *a = vp_arena_new();
	struct helper h = { .o = o, .arena = a, .lock = -1, .hook = -1, .signals = -1, .ask = -1, .tell = -1, .tty = isatty(STDIN_FILENO) };
	struct vp_serving at = { 0 };
	pid_t self = getpid();
	sigset_t set, old;
	int rc;

	h.dir = vp_printf(a, "%s/serve", o->state_dir);
	sigemptyset(&set);
	for (const int *sig = (const int[]){ SIGTERM, SIGINT, SIGHUP, SIGCHLD, 0 }; *sig; sig++)
		sigaddset(&set, *sig);
	sigprocmask(SIG_BLOCK, &set, &old);
	rc = set_up(&h, err) || start(&h, &at, err) ? -1 : 0;
	if (!rc && !h.service) {
		rc = be_service(&h, &at, self, err);
	} else {
		if (!rc)
			rc = be_helper(&h, err);
		tear_down(&h, rc != 0);
	}
	sigprocmask(SIG_SETMASK, &old, NULL);
	return rc;
}
