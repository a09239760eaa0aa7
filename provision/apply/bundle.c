// SPDX-License-Identifier: Apache-2.0
/* All that is known of a failure in one file, for whoever looks at it later or elsewhere. */
#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "../state/phase.h"
#include "../state/row_json.h"
#include "post.h"

#define MAX_MEMBER (4u << 20)
#define MAX_EVENTS 2000

struct bundle {
	struct vp_world *w;
	const struct vp_node_row *row;
	struct archive *ar;
	/* Directory in the archive. */
	const char *top;
	/* What must not be in it, wherever it turns up. */
	const char **secrets;
	size_t nsecrets, cap;
	struct vp_err *err;
};

static void add_secret(struct bundle *b, const char *s)
{
	/* Shorter ones are no secrets, and would spoil words. */
	if (!s || strlen(s) < 8)
		return;
	b->secrets = vp_grow_in(b->w->arena, b->secrets, b->nsecrets, &b->cap, sizeof(*b->secrets));
	b->secrets[b->nsecrets++] = vp_strdup(b->w->arena, s);
}

/* Hashes of passwords, by their form: "$6$..."; what else is called a password. */
static bool is_secret(const char *key, const char *value)
{
	return (value[0] == '$' && value[1] && strchr(value + 1, '$')) || strstr(key, "rootpw") || strstr(key, "passw") || strstr(key, "token");
}

static void hide(struct bundle *b, const char *key, json_t *v)
{
	const char *name;
	json_t *item;
	size_t i;

	if (json_is_string(v) && is_secret(key, json_string_value(v))) {
		add_secret(b, json_string_value(v));
		json_string_set(v, *json_string_value(v) ? "(hidden)" : "");
	}
	json_object_foreach (v, name, item) {
		hide(b, name, item);
	}
	json_array_foreach (v, i, item) {
		hide(b, key, item);
	}
}

/* The same length stays, so that a picture or a table keeps its form. */
static void scrub(const struct bundle *b, char *data, size_t len)
{
	for (size_t i = 0; i < b->nsecrets; i++) {
		size_t n = strlen(b->secrets[i]);

		for (char *p = data; (p = memmem(p, len - (size_t)(p - data), b->secrets[i], n)); p += n)
			memset(p, '*', n);
	}
}

static int put(struct bundle *b, const char *name, char *data, size_t len)
{
	struct archive_entry *e = archive_entry_new();
	int rc;

	scrub(b, data, len);
	archive_entry_set_pathname(e, vp_printf(b->w->arena, "%s/%s", b->top, name));
	archive_entry_set_mode(e, S_IFREG | 0600);
	archive_entry_set_size(e, (int64_t)len);
	archive_entry_set_mtime(e, (time_t)vp_wall(), 0);
	rc = archive_write_header(b->ar, e);
	archive_entry_free(e);
	if (rc == ARCHIVE_OK && (!len || archive_write_data(b->ar, data, len) == (la_ssize_t)len))
		return 0;
	return vp_fail(b->err, VP_E_IO, "%s: %s", name, archive_error_string(b->ar));
}

static int put_json(struct bundle *b, const char *name, json_t *j)
{
	char *text = json_dumps(j, JSON_INDENT(2));
	int rc = text ? put(b, name, text, strlen(text)) : 0;

	free(text);
	json_decref(j);
	return rc;
}

/* The end of a file; nothing where there is none. */
static int put_file(struct bundle *b, const char *name, const char *path)
{
	vp_cleanup(vp_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
	vp_cleanup(vp_freep) char *data = NULL;
	ssize_t n;

	if (size < 0)
		return 0;
	data = vp_xcalloc(1, MAX_MEMBER);
	n = pread(fd, data, MAX_MEMBER, size > (off_t)MAX_MEMBER ? size - (off_t)MAX_MEMBER : 0);
	return n < 0 ? 0 : put(b, name, data, (size_t)n);
}

static int put_events(struct bundle *b)
{
	vp_cleanup(vp_buf_free) struct vp_buf out = { 0 };
	struct vp_events ev = { 0 };

	if (vp_state_events(b->w->state, b->w->arena, b->row->name, 0, &ev, b->err))
		return -1;
	for (size_t i = ev.n > MAX_EVENTS ? ev.n - MAX_EVENTS : 0; i < ev.n; i++)
		vp_buf_addf(&out, "%.3f %s %s\n", ev.items[i].time, ev.items[i].source, ev.items[i].text);
	return put(b, "events.txt", out.len ? out.data : (char[]){ "" }, out.len);
}

static int put_phases(struct bundle *b)
{
	struct vp_phase_rows rows = { 0 };

	return vp_phase_rows(b->w->state, b->w->arena, b->row->name, true, &rows, b->err) ? -1 : put_json(b, "phases.json", vp_phase_json(&rows));
}

/* What the hypervisor has; one that does not answer, or has no screen, is no reason to lose the rest. */
static int put_domain(struct bundle *b)
{
	static const struct {
		const char *name;
		size_t op;
	} parts[] = { { "domain.xml", offsetof(struct vp_hv_ops, xml) },
		      { "domain-live.xml", offsetof(struct vp_hv_ops, live_xml) },
		      { "screen", offsetof(struct vp_hv_ops, screenshot) } };
	struct vp_hv *hv = b->w->hv;
	int rc = 0;

	for (size_t i = 0; hv && !rc && i < vp_count(parts); i++) {
		int (*op)(struct vp_hv * hv, const char *name, struct vp_buf *out, struct vp_err *err);
		vp_cleanup(vp_buf_free) struct vp_buf out = { 0 };

		memcpy(&op, (const char *)hv->ops + parts[i].op, sizeof(op));
		if (!op(hv, b->row->name, &out, NULL) && out.len)
			rc = put(b,
				 !strncmp(out.data, "\x89PNG", 4) ? "screen.png"
				 : !strncmp(out.data, "P6", 2)	  ? "screen.ppm"
								  : parts[i].name,
				 out.data, out.len);
	}
	return rc;
}

static int put_host(struct bundle *b)
{
	vp_cleanup(vp_buf_free) struct vp_buf out = { 0 };
	struct utsname u = { 0 };
	struct sysinfo si = { 0 };
	struct statvfs fs = { 0 };

	uname(&u);
	sysinfo(&si);
	statvfs(b->w->state_dir, &fs);
	vp_buf_addf(&out, "vprov %s\nkernel %s %s %s\nprocessors %ld\nload %.2f\n", VP_VERSION, u.sysname, u.release, u.machine,
		    sysconf(_SC_NPROCESSORS_ONLN), (double)si.loads[0] / (1 << SI_LOAD_SHIFT));
	vp_buf_addf(&out, "memory %s, free %s\n", vp_size_text(b->w->arena, (uint64_t)si.totalram * si.mem_unit),
		    vp_size_text(b->w->arena, (uint64_t)si.freeram * si.mem_unit));
	vp_buf_addf(&out, "state directory %s, free %s\nhypervisor %s\n", b->w->state_dir,
		    vp_size_text(b->w->arena, (uint64_t)fs.f_bavail * fs.f_frsize), b->w->hv ? b->w->hv->uri : "none");
	return put(b, "host.txt", out.data, out.len);
}

static int fill(struct bundle *b)
{
	struct vp_arena *a = b->w->arena;
	const char *serve = vp_printf(a, "%s/serve", b->w->state_dir);
	json_t *node = json_loads(b->row->json ? b->row->json : "", 0, NULL);
	char *verdict = vp_printf(a, "%s: %s\nlast evidence: %s\n", vp_health_name(b->row->health), b->row->reason, b->row->seen);

	if (!node)
		node = json_object();
	add_secret(b, b->row->token);
	hide(b, "", node);
	/* The small and telling ones first: a disk that becomes full cuts off the end. */
	return put(b, "verdict.txt", verdict, strlen(verdict)) || put_json(b, "node.json", node) ||
			       put_json(b, "row.json", vp_node_row_json(b->row)) || put_phases(b) || put_events(b) || put_host(b) ||
			       put_file(b, "dnsmasq.conf", vp_printf(a, "%s/dnsmasq/dnsmasq.conf", serve)) ||
			       put_file(b, "serve.log", vp_printf(a, "%s/log", serve)) ||
			       put_file(b, "console.log", vp_console_path(a, b->w->state_dir, b->row->name)) || put_domain(b)
		       ? -1
		       : 0;
}

/* "NODE-20261121T214310Z.tar.gz": the stamp, or NULL where it is of another node. */
static const char *stamp_of(const char *file, const char *node)
{
	size_t n = strlen(node);

	if (strncmp(file, node, n) || file[n] != '-' || strlen(file + n + 1) != strlen("20261121T214310Z.tar.gz") ||
	    strcmp(file + n + 1 + 16, ".tar.gz") != 0)
		return NULL;
	return file + n + 1;
}

static int newest_first(const void *x, const void *y)
{
	return -strcmp(*(const char *const *)x, *(const char *const *)y);
}

static const char **all_of(struct vp_arena *a, const char *dir, const char *node, size_t *n)
{
	const char **files = NULL;
	size_t cap = 0;
	DIR *d = opendir(dir);

	*n = 0;
	for (struct dirent *e; d && (e = readdir(d));) {
		if (!stamp_of(e->d_name, node))
			continue;
		files = vp_grow_in(a, files, *n, &cap, sizeof(*files));
		files[(*n)++] = vp_strdup(a, e->d_name);
	}
	if (d)
		closedir(d);
	if (*n)
		qsort(files, *n, sizeof(*files), newest_first);
	return files;
}

char *vp_bundle_find(struct vp_arena *a, const char *state_dir, const char *node)
{
	const char *dir = vp_printf(a, "%s/bundles", state_dir);
	size_t n;
	const char **files = all_of(a, dir, node, &n);

	return n ? vp_printf(a, "%s/%s", dir, files[0]) : vp_strdup(a, "");
}

static int write_bundle(struct bundle *b, const char *path)
{
	int rc;

	b->ar = archive_write_new();
	archive_write_add_filter_gzip(b->ar);
	archive_write_set_format_pax_restricted(b->ar);
	rc = archive_write_open_filename(b->ar, path) == ARCHIVE_OK ? fill(b) : vp_fail(b->err, VP_E_IO, "%s: %s", path, archive_error_string(b->ar));
	if (archive_write_close(b->ar) != ARCHIVE_OK && !rc)
		rc = vp_fail(b->err, VP_E_IO, "%s: %s", path, archive_error_string(b->ar));
	archive_write_free(b->ar);
	return rc;
}

char *vp_bundle_make(struct vp_world *w, const struct vp_node_row *row, struct vp_err *err)
{
	const char *dir = vp_printf(w->arena, "%s/bundles", w->state_dir);
	struct bundle b = { .w = w, .row = row, .err = err };
	time_t now = (time_t)vp_wall();
	char stamp[32], *path, *tmp;
	const char **files;
	size_t n;

	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", gmtime(&now));
	b.top = vp_printf(w->arena, "%s-%s", row->name, stamp);
	path = vp_printf(w->arena, "%s/%s.tar.gz", dir, b.top);
	tmp = vp_printf(w->arena, "%s/.%s", dir, row->name);
	if (vp_mkdirs(dir, 0700, err))
		return NULL;
	/* Nobody else reads what consoles say; libarchive keeps the mode of a file that is there. */
	unlink(tmp);
	vp_closep(&(int){ open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600) });
	if (write_bundle(&b, tmp) || rename(tmp, path)) {
		unlink(tmp);
		if (!err->msg[0])
			vp_fail_errno(err, VP_E_IO, "%s", path);
		return NULL;
	}
	files = all_of(w->arena, dir, row->name, &n);
	for (size_t i = VP_MAX_BUNDLES; i < n; i++)
		unlink(vp_printf(w->arena, "%s/%s", dir, files[i]));
	return path;
}
