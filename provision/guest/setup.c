// SPDX-License-Identifier: Apache-2.0
/* What an installer leaves in the system it has made, below ROOT: this program, what it has to know, and that it is started. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guest.h"

#define PROGRAM "/usr/local/sbin/vprov-guest"
#define UNITS	"/etc/systemd/system"
#define RC	"/etc/rc.d/rc.local"

static const char unit[] = "[Unit]\n"
			   "Description=vprov agent: reports in and measures on request\n"
			   "ConditionPathExists=/etc/vprov/agent.conf\n"
			   "After=network.target\n"
			   "\n"
			   "[Service]\n"
			   "ExecStart=" PROGRAM " agent\n"
			   "Restart=on-failure\n"
			   "RestartSec=30\n"
			   "\n"
			   "[Install]\n"
			   "WantedBy=multi-user.target\n";

static char path[4096];

static const char *below(const char *root, const char *name)
{
	snprintf(path, sizeof(path), "%s%s", strcmp(root, "/") ? root : "", name);
	return path;
}

/* All directories that lead to it. */
static void make_dirs(const char *file)
{
	char dir[4096];

	snprintf(dir, sizeof(dir), "%s", file);
	for (char *p = dir + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		mkdir(dir, 0755);
		*p = '/';
	}
}

static int put(const char *file, const char *text, int flags, mode_t mode)
{
	size_t len = strlen(text);
	int fd;

	make_dirs(file);
	fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC | flags, mode);
	if (fd < 0 || fchmod(fd, mode) || write(fd, text, len) != (ssize_t)len || close(fd)) {
		perror(file);
		return -1;
	}
	return 0;
}

static int copy_self(const char *file)
{
	int in = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), out, rc = -1;
	struct stat st;
	ssize_t n = 0;

	make_dirs(file);
	/* It may run from there already; then it is in its place. */
	unlink(file);
	out = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	if (in >= 0 && out >= 0 && !fstat(in, &st)) {
		for (off_t at = 0; at < st.st_size && (n = sendfile(out, in, &at, (size_t)(st.st_size - at))) > 0;)
			;
		rc = n > 0 && !fchmod(out, 0755) ? 0 : -1;
	}
	if (rc)
		perror(file);
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	return rc;
}

/* By systemd, or, where a system is older, at the end of its start. */
static int enable(const char *root)
{
	char target[4096];

	if (access(below(root, "/lib/systemd/systemd"), F_OK) && access(below(root, "/usr/lib/systemd/systemd"), F_OK))
		return put(below(root, RC), PROGRAM " agent </dev/null >/dev/null 2>&1 &\n", O_APPEND, 0755);
	if (put(below(root, UNITS "/vprov-agent.service"), unit, O_TRUNC, 0644))
		return -1;
	snprintf(target, sizeof(target), "%s", below(root, UNITS "/multi-user.target.wants/vprov-agent.service"));
	make_dirs(target);
	if (!symlink("../vprov-agent.service", target) || errno == EEXIST)
		return 0;
	perror(target);
	return -1;
}

int vp_guest_setup(const char *root, const char *url, const char *node, const char *token)
{
	char conf[1024];

	snprintf(conf, sizeof(conf), "url=%s\nnode=%s\ntoken=%s\n", url, node, token);
	if (copy_self(below(root, PROGRAM)) || put(below(root, "/etc/vprov/agent.conf"), conf, O_TRUNC, 0600) || enable(root))
		return VP_GUEST_FAILED;
	return VP_GUEST_OK;
}
