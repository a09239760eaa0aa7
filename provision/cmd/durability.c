// SPDX-License-Identifier: Apache-2.0
/*
 * verify --durability: a guest of its own writes records to an empty disk that has the node's format and its definition's cache and I/O settings, in
 * the directory of the node's disks; QEMU logs what reaches that disk; then the power is cut, everywhere in that log.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../verify/durable.h"
#include "durability.h"

#define TRANSACTIONS "64"
#define DISK_MIB     16
/* A guest that boots under emulation on a busy machine, and each answer of it. */
#define BOOT_SECONDS 180
#define WORD_SECONDS 30
#define MAX_ACKS     1024

struct probe {
	struct vp_ctx *c;
	struct vp_world *w;
	const char *node;
	/* Of the definition's boot disk. */
	const char *format, *cache, *io, *dir;
	const char *disk, *log;
	struct vp_image image;
	bool kvm;
	/* QEMU, its words and ours. */
	pid_t pid;
	int in, out;
	char line[512];
	struct vp_durable_ack acks[MAX_ACKS];
	size_t nacks;
};

/* --- The settings --- */

/* Of the first such element in the text, as libvirt writes it; "" for none. */
static const char *attribute(struct vp_arena *a, const char *text, const char *element, const char *name)
{
	const char *at = strstr(text, element), *end = at ? strchr(at, '>') : NULL, *value = at ? strstr(at, name) : NULL;

	if (!end || !value || value > end)
		return "";
	value += strlen(name);
	return vp_strndup(a, value, strcspn(value, "'"));
}

/* As libvirt has it: what a site's own templates say is in it. */
static int read_settings(struct probe *p, struct vp_err *err)
{
	vp_cleanup(vp_buf_free) struct vp_buf xml = { 0 };
	struct vp_arena *a = p->c->arena;
	const char *disk, *end;
	char *slash;

	if (!p->w->hv || p->w->hv->ops->xml(p->w->hv, p->node, &xml, err))
		return -1;
	disk = strstr(vp_buf_str(&xml), " device='disk'>");
	end = disk ? strstr(disk, "</disk>") : NULL;
	disk = end ? vp_strndup(a, disk, (size_t)(end - disk)) : "";
	p->format = attribute(a, disk, "<driver ", " type='");
	p->cache = attribute(a, disk, "<driver ", " cache='");
	p->io = attribute(a, disk, "<driver ", " io='");
	p->dir = attribute(a, disk, "<source ", " file='");
	p->cache = *p->cache ? p->cache : "default";
	slash = strrchr(p->dir, '/');
	if (!slash)
		return vp_fail(err, VP_E_VERIFY,
			       "node %s has no disk in a file of this machine: what such a disk does in a power cut cannot be tried", p->node);
	p->dir = vp_strndup(a, p->dir, (size_t)(slash - p->dir));
	return 0;
}

/* What libvirt makes of the cache modes: whether the host's page cache is left out, flushes are dropped, and the guest is told of a cache to flush.
 */
static const struct mode {
	const char *name;
	bool direct, no_flush, write_cache;
} modes[] = {
	{ "default", false, false, true },	 { "none", true, false, true },	       { "writeback", false, false, true },
	{ "writethrough", false, false, false }, { "directsync", true, false, false }, { "unsafe", false, true, true },
};

static const struct mode *mode_of(const struct probe *p, struct vp_err *err)
{
	for (size_t i = 0; i < vp_count(modes); i++)
		if (!strcmp(modes[i].name, p->cache))
			return &modes[i];
	vp_fail(err, VP_E_VERIFY, "node %s: cache='%s' is not known", p->node, p->cache);
	return NULL;
}

/* --- The guest --- */

static int make_disk(struct probe *p, struct vp_err *err)
{
	const char *size = vp_printf(p->c->arena, "%dM", DISK_MIB);
	struct vp_child child = { .argv = (const char *const[]){ "qemu-img", "create", "-q", "-f", p->format, p->disk, size, NULL },
				  .timeout_ms = 60000 };

	return vp_run(&child, err) || vp_write_file(p->log, "", 0, 0600, err) ? -1 : 0;
}

static void child(struct probe *p, const struct mode *m, const int in[2], const int out[2])
{
	struct vp_arena *a = p->c->arena;
	const char *cache = vp_printf(a, "cache.direct=%s,cache.no-flush=%s", m->direct ? "on" : "off", m->no_flush ? "on" : "off");
	const char *aio = *p->io ? vp_printf(a, ",aio=%s", p->io) : "";
	const char *const argv[] = {
		"qemu-system-x86_64",
		"-nodefaults",
		"-no-user-config",
		"-machine",
		"q35",
		"-accel",
		p->kvm ? "kvm" : "tcg",
		"-cpu",
		p->kvm ? "host" : "max",
		"-m",
		"256",
		"-display",
		"none",
		"-serial",
		"stdio",
		"-no-reboot",
		"-kernel",
		p->image.vmlinuz,
		"-initrd",
		p->image.initrd,
		"-append",
		"console=ttyS0 quiet loglevel=0 panic=-1 rdinit=/usr/bin/vprov-guest -- journal /dev/vda " TRANSACTIONS,
		"-blockdev",
		vp_printf(a, "driver=file,node-name=f,filename=%s,%s%s", p->disk, cache, aio),
		"-blockdev",
		vp_printf(a, "driver=%s,node-name=d,file=f,%s", p->format, cache),
		"-blockdev",
		vp_printf(a, "driver=file,node-name=l,filename=%s", p->log),
		"-blockdev",
		vp_printf(a, "driver=blklogwrites,node-name=top,file=d,log=l,log-sector-size=512,log-super-update-interval=1,%s", cache),
		"-device",
		vp_printf(a, "virtio-blk-pci,drive=top,write-cache=%s", m->write_cache ? "on" : "off"),
		NULL,
	};

	dup2(in[0], 0);
	dup2(out[1], 1);
	execvp(argv[0], (char *const *)argv);
	_exit(127);
}

static int start(struct probe *p, struct vp_err *err)
{
	const struct mode *m = mode_of(p, err);
	int in[2], out[2];

	if (!m || pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
		return m ? vp_fail(err, VP_E_IO, "pipe: %m") : -1;
	p->pid = fork();
	if (!p->pid)
		child(p, m, in, out);
	close(in[0]);
	close(out[1]);
	p->in = in[1];
	p->out = out[0];
	return p->pid > 0 ? 0 : vp_fail(err, VP_E_IO, "fork: %m");
}

static void cut(struct probe *p)
{
	if (p->pid > 0) {
		kill(p->pid, SIGKILL);
		waitpid(p->pid, NULL, 0);
		close(p->in);
		close(p->out);
	}
	p->pid = 0;
}

/* The next line of its console; false where none comes. */
static bool next_line(struct probe *p, double seconds)
{
	double end = vp_wall() + seconds;
	size_t n = 0;

	while (vp_wall() < end && !vp_interrupted) {
		char ch;

		if (poll(&(struct pollfd){ p->out, POLLIN, 0 }, 1, 200) <= 0)
			continue;
		if (read(p->out, &ch, 1) != 1)
			return false;
		if (ch == '\n') {
			p->line[n] = '\0';
			return true;
		}
		if (n < sizeof(p->line) - 1)
			p->line[n++] = ch;
	}
	return false;
}

/* Each promise, with the place in the log where it was made; the guest goes on only when that is noted. */
static int follow(struct probe *p, struct vp_err *err)
{
	double patience = BOOT_SECONDS;

	while (next_line(p, patience)) {
		const char *at = strstr(p->line, "vprov-journal ");
		unsigned records;
		struct stat st;

		if (!at)
			continue;
		patience = WORD_SECONDS;
		if (!strcmp(at + 14, "ends") || !strncmp(at + 14, "ends\r", 5))
			return 0;
		if (sscanf(at, "vprov-journal failed %u", &records) == 1)
			return vp_fail(err, VP_E_VERIFY, "node %s: its disk refused record %u", p->node, records);
		if (sscanf(at, "vprov-journal durable %u", &records) != 1 || p->nacks == MAX_ACKS)
			continue;
		if (stat(p->log, &st))
			return vp_fail(err, VP_E_IO, "%s: %m", p->log);
		p->acks[p->nacks++] = (struct vp_durable_ack){ (uint64_t)st.st_size, records };
		if (write(p->in, "\n", 1) != 1)
			break;
	}
	return vp_interrupted ? vp_fail(err, VP_E_INTERRUPTED, "interrupted")
			      : vp_fail(err, VP_E_VERIFY, "the guest that tries %s's disk said nothing for %.0f s: %s", p->node, patience,
					vp_printable(p->c->arena, p->line, 120));
}

static int replay(struct probe *p, struct vp_durable *out, struct vp_err *err)
{
	vp_cleanup(vp_buf_free) struct vp_buf log = { 0 };

	return vp_read_file(p->log, 256u << 20, &log, err) || vp_durable_replay(p->c->arena, log.data, log.len, p->acks, p->nacks, out, err) ? -1 : 0;
}

static int try(struct probe *p, struct vp_durable *out, struct vp_err *err)
{
	struct vp_node want = { 0 };
	int rc = p->w->image(p->w, &want, true, &p->image, err) == 1 ? 0 : -1;

	p->kvm = vp_kvm_usable(&(const char *){ NULL });
	if (!rc)
		rc = make_disk(p, err) || start(p, err) || follow(p, err) ? -1 : 0;
	cut(p);
	rc = rc ? rc : replay(p, out, err);
	/* Only what was made here. */
	unlink(p->disk);
	unlink(p->log);
	return rc;
}

static int verdict(const struct probe *p, const struct vp_durable *d, struct vp_err *err)
{
	if (d->lost_states)
		return vp_fail(err, VP_E_VERIFY,
			       "node %s: cache='%s' loses what was acknowledged: in %u of %u states after a power cut, up to %u records; %s%s",
			       p->node, p->cache, d->lost_states, d->states, d->lost_most, d->first,
			       d->flushes ? "" : "; no flush of the guest ever reached the disk");
	if (!d->flushes)
		return vp_fail(err, VP_E_VERIFY, "node %s: no flush of the guest reached the disk (cache='%s')", p->node, p->cache);
	return 0;
}

int vp_durability(struct vp_ctx *c, const char *node, struct vp_world *w, json_t *list, struct vp_err *err)
{
	struct probe p = { .c = c, .w = w, .node = node };
	struct vp_durable d = { 0 };

	if (read_settings(&p, err))
		return -1;
	p.disk = vp_printf(c->arena, "%s/.durability-%d", p.dir, (int)getpid());
	p.log = vp_printf(c->arena, "%s.log", p.disk);
	if (try(&p, &d, err))
		return -1;
	json_array_append_new(list,
			      json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:s}", "node", node, "cache", p.cache, "format", p.format,
					"io", p.io, "records", (int)d.records, "writes", (int)d.writes, "flushes", (int)d.flushes, "states",
					(int)d.states, "lost_states", (int)d.lost_states, "lost_most", (int)d.lost_most, "first", d.first));
	if (!c->json)
		vp_say("%s: cache='%s', %s: %u records called durable, %u writes, %u flushes; %u states after a power cut, %u of them without a "
		       "record "
		       "that was acknowledged",
		       node, p.cache, p.format, d.records, d.writes, d.flushes, d.states, d.lost_states);
	return verdict(&p, &d, err);
}
