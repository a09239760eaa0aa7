// SPDX-License-Identifier: Apache-2.0
/* What the kernel lacks, found by trying: kernels answer differently, and modules are loaded when they are asked for. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lan.h"

#define TRY_NAME "vptry"
#define TRY_BASE "vptry0"

static int make(struct vp_net *net, const struct vp_lan_link *link, struct vp_err *err)
{
	vp_cleanup(vp_buf_free) struct vp_buf text = { 0 };
	struct vp_lan one = { .links = (struct vp_lan_link *)link, .nlinks = 1 };

	vp_lan_print(&one, &text);
	return vp_lan_do(net, link->name, NULL, vp_buf_str(&text), "vprov:try", err);
}

/* Whose own attributes are tried; what it is made of is something else here. */
static struct vp_lan_link stand_in(const struct vp_lan_link *link)
{
	struct vp_lan_link try = *link;

	try.has &= ~(1u << VP_LAN_MASTER | 1u << VP_LAN_PATH_COST | 1u << VP_LAN_PORT_PRIORITY | 1u << VP_LAN_MTU | 1u << VP_LAN_UP);
	snprintf(try.name, sizeof(try.name), TRY_NAME);
	if (*vp_lan_get(link, VP_LAN_PARENT))
		vp_lan_set(&try, VP_LAN_PARENT, TRY_BASE);
	return try;
}

/* Those of a port are tried as those of a bridge. */
static void try_vlans(struct vp_net *net, const struct vp_lan_link *link, FILE *out)
{
	struct vp_err err = { 0 };

	errno = 0;
	if (*vp_lan_get(link, VP_LAN_VLANS) && vp_lan_do(net, TRY_BASE, NULL, "vlans 2", "vprov:try", &err) && errno == EOPNOTSUPP)
		fprintf(out, "%s %s\n", link->name, err.msg);
}

static void try_all(const struct vp_lan *want, FILE *out)
{
	struct vp_net *net = vp_net_open(NULL);
	struct vp_lan_link base = { .name = TRY_BASE };

	vp_lan_set(&base, VP_LAN_KIND, "bridge");
	if (!net || make(net, &base, NULL))
		return;
	for (size_t i = 0; i < want->nlinks; i++) {
		struct vp_lan_link try = stand_in(&want->links[i]);
		struct vp_err err = { 0 };

		if (!(want->links[i].has & 1u << VP_LAN_KIND)) {
			try_vlans(net, &want->links[i], out);
			continue;
		}
		errno = 0;
		if (make(net, &try, &err) && errno == EOPNOTSUPP)
			fprintf(out, "%s %s\n", want->links[i].name, err.msg);
		vp_lan_do(net, TRY_NAME, "link " TRY_NAME, NULL, "vprov:try", NULL);
	}
	net->ops->close(net);
}

static pid_t start(const struct vp_lan *want, int fds[2])
{
	pid_t pid = fork();
	FILE *out;

	if (pid)
		return pid;
	out = fdopen(fds[1], "w");
	/* Without privilege a user namespace gives as much as is needed, where the machine allows it. */
	if (out && !unshare(geteuid() ? CLONE_NEWUSER | CLONE_NEWNET : CLONE_NEWNET)) {
		try_all(want, out);
		fflush(out);
	}
	_exit(0);
}

void vp_lan_lacks(const struct vp_lan *want, void (*told)(void *arg, const char *dev, const char *what), void *arg)
{
	int fds[2];
	char line[512];
	pid_t pid;
	FILE *in;

	if (pipe(fds))
		return;
	pid = start(want, fds);
	close(fds[1]);
	in = fdopen(fds[0], "r");
	while (in && fgets(line, sizeof(line), in)) {
		char *space = strchr(line, ' ');

		line[strcspn(line, "\n")] = '\0';
		if (space) {
			*space = '\0';
			told(arg, line, space + 1);
		}
	}
	if (in)
		fclose(in);
	if (pid > 0)
		waitpid(pid, NULL, 0);
}
