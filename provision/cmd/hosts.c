// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hosts.h"
#include "world.h"

/* Without its domain where one of them has none. */
static bool same_name(const char *a, size_t n, const char *b)
{
	size_t m = strlen(b), x = strcspn(a, "."), y = strcspn(b, ".");

	if (n == m && !strncasecmp(a, b, n))
		return true;
	return (x >= n) != (y == m) && (x < n ? x : n) == y && !strncasecmp(a, b, y);
}

/* A URI without a host is of this machine. */
static bool is_host(const char *uri, const char *host)
{
	char here[256] = "";
	size_t n;
	const char *at = vp_host_part(uri, &n);

	if (n)
		return same_name(at, n, host);
	gethostname(here, sizeof(here) - 1);
	return !strcmp(host, "localhost") || same_name(here, strlen(here), host);
}

const char *vp_hypervisor_of(struct vp_ctx *c, const char *host, const char *row_host, bool *lost)
{
	const char *const *all = c->connects;
	size_t n = c->nconnects;

	*lost = false;
	if (n == 1)
		return all[0];
	if (!n)
		all = vp_site_all(c->site, c->arena, "connect", &n);
	for (size_t i = 0; i < n && host && *host; i++)
		if (is_host(all[i], host))
			return all[i];
	/* The same machine may be reached, or run, by another one now. */
	for (size_t i = 0; i < n && row_host && *row_host; i++)
		if (vp_same_machine(all[i], row_host))
			return all[i];
	if (!c->nconnects && row_host && *row_host)
		return row_host;
	*lost = n > 1;
	return n == 1 ? all[0] : NULL;
}

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static void stop_child(int sig, pid_t pid)
{
	if (sig)
		kill(pid, sig);
}

/* Its output is added to said, where that is wanted. */
static int in_child(struct vp_ctx *c, const size_t *which, size_t n, vp_some_fn *fn, void *arg, struct vp_buf *said)
{
	int pipes[2] = { -1, -1 }, status = 0;
	char block[4096];
	bool told = false;
	ssize_t got;
	pid_t pid;

	fflush(NULL);
	if ((said && pipe(pipes)) || (pid = fork()) < 0)
		return VP_EXIT_FAILED;
	if (!pid) {
		if (said)
			dup2(pipes[1], STDOUT_FILENO);
		status = fn(c, which, n, arg);
		fflush(NULL);
		_exit(status);
	}
	if (said) {
		close(pipes[1]);
		while ((got = read(pipes[0], block, sizeof(block))) > 0 || (got < 0 && errno == EINTR))
			vp_buf_add(said, block, got > 0 ? (size_t)got : 0);
		close(pipes[0]);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		if (vp_interrupted && !told) {
			told = true;
			stop_child(vp_interrupted, pid);
		}
	return WIFEXITED(status) ? WEXITSTATUS(status) : VP_EXIT_FAILED;
}

/* Lists of the same name become one. */
static void merge(json_t *all, const char *text)
{
	json_t *one = json_loads(text, 0, NULL), *list;
	const char *name;

	json_object_foreach (one, name, list)
		if (!json_object_get(all, name))
			json_object_set(all, name, list);
		else
			json_array_extend(json_object_get(all, name), list);
	json_decref(one);
}

/* Failure is worse than pending changes. */
static int worse(int a, int b)
{
	return !a || (a == VP_EXIT_PENDING && b) ? b : a;
}

int vp_each_hypervisor(struct vp_ctx *c, const char *const *uris, size_t n, vp_some_fn *fn, void *arg)
{
	size_t *which = vp_alloc(c->arena, (n + 1) * sizeof(*which)), m, groups = 0;
	bool *done = vp_alloc(c->arena, n + 1);
	json_t *all = c->json ? json_object() : NULL;
	const char *given = c->connect;
	int rc = VP_EXIT_OK;

	for (size_t i = 1; i < n; i++)
		groups += !same(uris[i], uris[0]);
	for (size_t i = 0; i < n && rc != VP_EXIT_INTERRUPTED; i++) {
		vp_cleanup(vp_buf_free) struct vp_buf said = { 0 };

		if (done[i])
			continue;
		m = 0;
		for (size_t k = i; k < n; k++)
			if (same(uris[k], uris[i])) {
				which[m++] = k;
				done[k] = true;
			}
		c->connect = uris[i] ? uris[i] : given;
		if (groups && !c->json)
			vp_say("on %s:", uris[i] ? uris[i] : "the default hypervisor");
		rc = worse(rc, groups ? in_child(c, which, m, fn, arg, all ? &said : NULL) : fn(c, which, m, arg));
		if (groups && all)
			merge(all, vp_buf_str(&said));
	}
	if (groups && json_object_size(all))
		vp_print_json(json_incref(all));
	json_decref(all);
	return rc;
}

struct theirs {
	int (*fn)(struct vp_ctx *c, void *arg);
	void *arg;
};

static int do_theirs(struct vp_ctx *c, const size_t *which, size_t n, void *arg)
{
	const struct theirs *t = arg;
	const char **some = vp_alloc(c->arena, (n + 1) * sizeof(*some)), *const *args = c->args;
	size_t nargs = c->nargs;
	int rc;

	for (size_t i = 0; i < n; i++)
		some[i] = args[which[i]];
	c->args = some;
	c->nargs = n;
	rc = t->fn(c, t->arg);
	c->args = args;
	c->nargs = nargs;
	return rc;
}

int vp_on_their_hypervisors(struct vp_ctx *c, int (*fn)(struct vp_ctx *c, void *arg), void *arg)
{
	const char **uris = vp_alloc(c->arena, (c->nargs + 1) * sizeof(*uris)), *first = NULL;
	struct vp_state *s = vp_state_open(c->state_dir, true, NULL);
	struct vp_node_row row;
	int rc = vp_ctx_site(c);
	bool lost;

	for (size_t i = 0; i < c->nargs && !rc && s; i++)
		if (vp_state_node(s, c->arena, c->args[i], &row, NULL) == 1) {
			uris[i] = vp_hypervisor_of(c, NULL, row.host, &lost);
			first = first ? first : uris[i];
		}
	vp_state_close(s);
	for (size_t i = 0; i < c->nargs; i++)
		uris[i] = uris[i] ? uris[i] : first;
	return rc ? rc : vp_each_hypervisor(c, uris, c->nargs, do_theirs, &(struct theirs){ fn, arg });
}
