// SPDX-License-Identifier: Apache-2.0
/* The boot service as a process of its own: it outlives the vprov that started it, and ends when no node needs it. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../pxe/serve.h"
#include "apply.h"

#define READY_MS 30000

static char *serve_path(struct vp_arena *a, const char *state_dir, const char *name)
{
	return vp_printf(a, "%s/serve/%s", state_dir, name);
}

bool vp_service_running(const char *state_dir)
{
	vp_cleanup(vp_arena_freep) struct vp_arena *a = vp_arena_new();
	vp_cleanup(vp_closep) int fd = open(serve_path(a, state_dir, "lock"), O_RDWR | O_CLOEXEC);

	return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK;
}

static pid_t service_pid(struct vp_arena *a, const char *state_dir)
{
	vp_cleanup(vp_buf_free) struct vp_buf text = { 0 };

	if (!vp_service_running(state_dir) || vp_read_file(serve_path(a, state_dir, "ready"), 256, &text, NULL))
		return -1;
	return (pid_t)atoi(vp_buf_str(&text));
}

/* In the child: a session of its own, its words in a file, nothing else inherited (above all not the lock of the state directory). */
static void become_service(const char *program, const char *log, const char *const *argv)
{
	int null = open("/dev/null", O_RDONLY), out = open(log, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	setsid();
	dup2(null, 0);
	dup2(out < 0 ? null : out, 1);
	dup2(out < 0 ? null : out, 2);
	syscall(SYS_close_range, 3u, ~0u, 0u);
	execv(program, (char **)argv);
	_exit(127);
}

static int wait_ready(struct vp_world *w, pid_t pid, const char *log, struct vp_err *err)
{
	const char *ready = serve_path(w->arena, w->state_dir, "ready");
	int status;

	for (int ms = 0; ms < READY_MS; ms += 50) {
		if (vp_exists(ready))
			return 0;
		if (waitpid(pid, &status, WNOHANG) == pid)
			return vp_fail(err, VP_E_DHCP, "the boot service did not start: %s", vp_tail(w->arena, log, 3));
		poll(NULL, 0, 50);
	}
	kill(pid, SIGTERM);
	return vp_fail(err, VP_E_HTTP, "the boot service was not ready after %d s: %s", READY_MS / 1000, vp_tail(w->arena, log, 3));
}

int vp_service_start(struct vp_world *w, struct vp_err *err)
{
	const char *argv[12] = { "vprov", "serve", "--until-done", "--state-dir", w->state_dir }, *log;
	char *dir = vp_printf(w->arena, "%s/serve", w->state_dir);
	pid_t pid;

	if (vp_service_running(w->state_dir))
		return 0;
	if (vp_mkdirs(dir, 0755, err) || vp_remove_tree(serve_path(w->arena, w->state_dir, "ready"), err))
		return -1;
	if (w->config) {
		argv[5] = "--config";
		argv[6] = w->config;
	}
	log = serve_path(w->arena, w->state_dir, "log");
	pid = fork();
	if (pid < 0)
		return vp_fail_errno(err, VP_E_HTTP, "starting the boot service");
	if (!pid)
		become_service(w->program, log, argv);
	return wait_ready(w, pid, log, err);
}

int vp_service_stop(const char *state_dir, struct vp_err *err)
{
	vp_cleanup(vp_arena_freep) struct vp_arena *a = vp_arena_new();
	pid_t pid = service_pid(a, state_dir);

	if (pid <= 0)
		return 0;
	kill(pid, SIGTERM);
	for (int ms = 0; ms < 10000; ms += 20) {
		waitpid(pid, NULL, WNOHANG);
		if (!vp_service_running(state_dir))
			return vp_remove_tree(vp_printf(a, "%s/serve", state_dir), err);
		poll(NULL, 0, 20);
	}
	return vp_fail(err, VP_E_HTTP, "the boot service (pid %d) does not end", (int)pid);
}

bool vp_service_idle(struct vp_world *w)
{
	struct vp_node_rows rows = { 0 };

	if (vp_state_nodes(w->state, w->arena, &rows, NULL))
		return false;
	for (size_t i = 0; i < rows.n; i++) {
		const struct vp_node_row *r = &rows.items[i];
		bool ended = r->health == VP_FAILED || r->health == VP_STALLED;

		if (r->rescue_until > vp_wall())
			return false;
		if (!ended && ((r->life >= VP_ARMED && r->life < VP_UP) || *r->task))
			return false;
	}
	return true;
}

char *vp_service_url(struct vp_world *w, const struct vp_node *n, struct vp_err *err)
{
	const char *bridge = n->nics[n->boot_nic].bridge, *address = "";
	const struct vp_link *link;
	struct vp_links links = { 0 };
	char *url = NULL;

	for (size_t i = 0; i < n->nbridges; i++)
		if (!strcmp(n->bridges[i].name, bridge))
			address = n->bridges[i].address;
	/* A bridge that is not vprov's: the address it has. */
	if (!*address && !w->net->ops->list(w->net, &links, err) && (link = vp_link_find(&links, bridge)))
		for (size_t i = 0; i < link->naddrs && !*address; i++)
			if (!strchr(link->addrs[i].ip, ':'))
				address = vp_strdup(w->arena, link->addrs[i].ip);
	vp_links_free(&links);
	if (*address)
		url = vp_printf(w->arena, "http://%s:%u", address, w->http_port ? w->http_port : VP_HTTP_PORT);
	else
		vp_fail(err, VP_E_NET, "bridge '%s' has no IPv4 address that the boot service could use", bridge);
	return url;
}
