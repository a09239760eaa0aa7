// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base.h"

void vp_closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

bool vp_exists(const char *path)
{
	struct stat st;

	return !lstat(path, &st);
}

int vp_read_file(const char *path, size_t max, struct vp_buf *out, struct vp_err *err)
{
	bool is_stdin = !strcmp(path, "-");
	vp_cleanup(vp_closep) int fd = is_stdin ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
	char block[65536];
	size_t total = 0;
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return vp_fail_errno(err, VP_E_IO, "%s", path);
	if (!fstat(fd, &st) && S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		return vp_fail_errno(err, VP_E_IO, "%s", path);
	}
	while ((n = read(fd, block, sizeof(block)))) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return vp_fail_errno(err, VP_E_IO, "%s", path);
		total += (size_t)n;
		if (total > max)
			return vp_fail(err, VP_E_LIMIT, "%s: larger than %zu bytes", path, max);
		vp_buf_add(out, block, (size_t)n);
	}
	return 0;
}

static int write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

static int sync_dir_of(const char *path)
{
	vp_cleanup(vp_freep) char *copy = strdup(path);
	vp_cleanup(vp_closep) int fd = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	return fd < 0 ? -1 : fsync(fd);
}

int vp_write_file(const char *path, const void *data, size_t len, mode_t mode, struct vp_err *err)
{
	vp_cleanup(vp_buf_free) struct vp_buf tmp = { 0 };
	vp_cleanup(vp_closep) int fd = -1;

	vp_buf_addf(&tmp, "%s.XXXXXX", path);
	fd = mkostemp(tmp.data, O_CLOEXEC);
	if (fd < 0)
		return vp_fail_errno(err, VP_E_IO, "%s", path);
	if (write_all(fd, data, len) || fchmod(fd, mode) || fsync(fd) || rename(tmp.data, path)) {
		int saved = errno;

		unlink(tmp.data);
		errno = saved;
		return vp_fail_errno(err, VP_E_IO, "%s", path);
	}
	if (sync_dir_of(path))
		return vp_fail_errno(err, VP_E_IO, "%s", path);
	return 0;
}

int vp_mkdirs(const char *path, mode_t mode, struct vp_err *err)
{
	vp_cleanup(vp_freep) char *copy = strdup(path);
	struct stat st;

	if (!copy)
		return vp_fail_errno(err, VP_E_IO, "%s", path);
	for (char *p = copy + 1;; p++) {
		char c = *p;

		if (c && c != '/')
			continue;
		*p = '\0';
		if (mkdir(copy, mode) && errno != EEXIST)
			return vp_fail_errno(err, VP_E_IO, "%s", copy);
		*p = c;
		if (!c)
			break;
	}
	if (stat(path, &st) || !S_ISDIR(st.st_mode)) {
		errno = ENOTDIR;
		return vp_fail_errno(err, VP_E_IO, "%s", path);
	}
	return 0;
}

/* Removes name below dirfd; a mount point below is EBUSY by the device check. */
static int remove_at(int dirfd, const char *name, dev_t dev)
{
	struct stat st;
	struct dirent *e;
	DIR *dir;
	int fd, rc = 0;

	if (!unlinkat(dirfd, name, 0) || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -1;
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	if (fstat(fd, &st) || st.st_dev != dev || !(dir = fdopendir(fd))) {
		close(fd);
		errno = EBUSY;
		return -1;
	}
	while (!rc && (e = readdir(dir)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			rc = remove_at(fd, e->d_name, dev);
	closedir(dir);
	/* Somebody else may be removing it, too. */
	return rc || !unlinkat(dirfd, name, AT_REMOVEDIR) || errno == ENOENT ? rc : -1;
}

int vp_remove_tree(const char *path, struct vp_err *err)
{
	struct stat st;

	if (lstat(path, &st))
		return errno == ENOENT ? 0 : vp_fail_errno(err, VP_E_IO, "%s", path);
	if (remove_at(AT_FDCWD, path, st.st_dev))
		return vp_fail_errno(err, VP_E_IO, "removing %s", path);
	return 0;
}

/* Terminal control sequences and control characters but line breaks go; in place. */
static void plain_text(char *s)
{
	char *to = s;

	while (*s) {
		if (*s == '\033' && s[1] == '[') {
			for (s += 2; *s && (*s < '@' || *s > '~'); s++)
				;
			s += *s != '\0';
		} else if (*s == '\033' && s[1]) {
			s += 2;
		} else if ((*s > 0 && *s < ' ' && *s != '\n') || *s == 0x7f) {
			s++;
		} else {
			*to++ = *s++;
		}
	}
	*to = '\0';
}

char *vp_tail(struct vp_arena *a, const char *path, unsigned lines)
{
	vp_cleanup(vp_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	char data[16384], *from;
	off_t size;
	ssize_t n;

	size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
	if (size < 0)
		return vp_strdup(a, "");
	n = pread(fd, data, sizeof(data) - 1, size > (off_t)sizeof(data) - 1 ? size - (off_t)sizeof(data) + 1 : 0);
	if (n <= 0)
		return vp_strdup(a, "");
	while (n && (data[n - 1] == '\n' || data[n - 1] == '\r'))
		n--;
	data[n] = '\0';
	for (from = data + n; from > data; from--)
		if (from[-1] == '\n' && !--lines)
			break;
	plain_text(from);
	return vp_strdup(a, from);
}

/* Of its lines the first is "some"; where `word` ends in it. */
static double pressure(const char *what, const char *word)
{
	vp_cleanup(vp_buf_free) struct vp_buf text = { 0 };
	char path[64];
	const char *at;

	snprintf(path, sizeof(path), "/proc/pressure/%s", what);
	at = vp_read_file(path, 4096, &text, NULL) ? NULL : strstr(vp_buf_str(&text), word);
	return at ? strtod(at + strlen(word), NULL) : 0;
}

double vp_pressure(const char *what, unsigned seconds)
{
	char word[32];

	snprintf(word, sizeof(word), " avg%u=", seconds);
	return pressure(what, word);
}
