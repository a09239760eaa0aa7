// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "embed.h"
#include "inside.h"

enum {
	MAX_WORDS = 1024,
	/* How long a daemon may take to answer an open; a first one may still be probing its emulators. */
	OPEN_SECONDS = 60,
	/* libvirt on Xen goes on "stopping" a domain after it said "shut off", and cannot look at it for as long. */
	STOPPING_SECONDS = 10,
	ASK_SECONDS = 2,
	SETTLE_SECONDS = 10,
};

#define SECOND UINT64_C(1000000000)

struct virt {
	struct vp_hv hv;
	virConnectPtr conn;
	/* Those that were ever asked for; they live as long as the process, since their threads may. */
	struct record *records;
};

static void freep_dom(virDomainPtr *dom)
{
	if (*dom)
		virDomainFree(*dom);
}
#define DOM vp_cleanup(freep_dom) virDomainPtr

virConnectPtr vp_virt_conn(struct vp_hv *hv)
{
	return ((struct virt *)hv)->conn;
}

/* --- Errors --- */

/* What libvirt's words do not say: the usual cause and the way out. */
static const struct {
	const char *words, *hint;
} hints[] = {
	{ "annot find suitable emulator", "; install the package qemu-system-x86" },
	{ "Cannot check QEMU binary", "; install the package qemu-system-x86" },
	{ "is not executable", "; install the package qemu-system-x86" },
	{ "could not find capabilities for arch", "; install the package qemu-system-x86" },
	{ "does not support virt type 'kvm'", "; KVM cannot run guests here, --virt qemu emulates them" },
	{ "could not find capabilities for domaintype=kvm", "; KVM cannot run guests here, --virt qemu emulates them" },
	{ "KVM kernel module", "; KVM cannot run guests here, --virt qemu emulates them" },
	{ "failed to initialize kvm", "; KVM cannot run guests here, --virt qemu emulates them" },
	{ "no connection driver available for qemu", "; install the package libvirt-daemon-driver-qemu" },
	{ "ailed to parse user", "; libvirt wants this system user to exist: `make deps` makes it, the package libvirt-daemon-system brings it" },
	{ "Failed to connect socket", "; does the daemon run, and may you use it (group libvirt)?" },
	{ "Permission denied", "; the hypervisor's user needs to read the file and to search the directories above it" },
	{ "too long", "; choose a shorter --state-dir" },
	{ "libxenlight failed to create new domain", "; the cause is in that host's /var/log/libvirt/libxl/libxl-driver.log and /var/log/xen" },
};

static const char *hint_for(const char *words)
{
	for (size_t i = 0; i < vp_count(hints); i++)
		if (strstr(words, hints[i].words))
			return hints[i].hint;
	return "";
}

/* libvirt's words as one line. */
static void flatten(char *out, size_t size, const char *words)
{
	size_t n;

	snprintf(out, size, "%s", words);
	for (n = strlen(out); n && strchr(" \n", out[n - 1]); n--)
		out[n - 1] = '\0';
	for (char *p = out; *p; p++)
		if (*p == '\n')
			*p = ' ';
}

int vp_virt_fail(struct vp_err *err, const char *verb, const char *name)
{
	char words[MAX_WORDS];

	flatten(words, sizeof(words), virGetLastErrorMessage());
	return vp_fail(err, VP_E_VIRT, "%s%s%s: %s%s", verb, *name ? " " : "", name, words, hint_for(words));
}

static void quiet(void *arg, virErrorPtr e)
{
	(void)arg;
	(void)e;
}

/* --- The event loop, without which the embedded driver and keepalive do not work --- */

static void tick(int timer, void *arg)
{
	(void)timer;
	(void)arg;
}

static void *loop(void *arg)
{
	while (!virEventRunDefaultImpl())
		;
	return arg;
}

/* A detached thread that leaves all signals to the others. */
static bool spawn(void *(*fn)(void *), void *arg)
{
	pthread_t thread;
	sigset_t all, old;
	bool ok;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	ok = !pthread_create(&thread, NULL, fn, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (ok)
		pthread_detach(thread);
	return ok;
}

static void start_libvirt(void)
{
	/* Its log would go to stderr; errors reach the user by virGetLastError() anyway. */
	setenv("LIBVIRT_LOG_OUTPUTS", "3:file:/dev/null", 0);
	virSetErrorFunc(NULL, quiet);
	/* The timer lets the loop notice descriptors that were added meanwhile. */
	if (virInitialize() || virEventRegisterDefaultImpl() || virEventAddTimeout(500, tick, NULL, NULL) < 0 || !spawn(loop, NULL))
		vp_warn("libvirt's event loop: %s", virGetLastErrorMessage());
}

/* --- Calls that may block for ever run in a thread that can be left behind --- */

struct call {
	void (*fn)(struct call *c);
	char uri[512];
	unsigned flags;
	virConnectPtr conn;
	virDomainPtr dom;
	int rc;
	char msg[MAX_WORDS];
	bool done, left;
	pthread_mutex_t lock;
	pthread_cond_t cond;
};

static void *call_thread(void *arg)
{
	struct call *c = arg;
	bool left;

	c->fn(c);
	pthread_mutex_lock(&c->lock);
	c->done = true;
	left = c->left;
	pthread_cond_signal(&c->cond);
	pthread_mutex_unlock(&c->lock);
	if (left)
		free(c);
	return NULL;
}

/* True where it ended in time: c is the caller's again. Otherwise it belongs to the thread. */
static bool call_within(struct call *c, time_t seconds)
{
	struct timespec until;
	bool done;

	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->cond, NULL);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += seconds;
	if (!spawn(call_thread, c)) {
		c->fn(c);
		return true;
	}
	pthread_mutex_lock(&c->lock);
	while (!c->done && pthread_cond_timedwait(&c->cond, &c->lock, &until) != ETIMEDOUT)
		;
	done = c->done;
	c->left = !done;
	pthread_mutex_unlock(&c->lock);
	return done;
}

/* --- Domains --- */

/* 1 found, 0 none, -1 error. */
static int find(struct vp_hv *hv, const char *name, virDomainPtr *dom, struct vp_err *err)
{
	*dom = virDomainLookupByName(vp_virt_conn(hv), name);
	if (*dom)
		return 1;
	return virGetLastErrorCode() == VIR_ERR_NO_DOMAIN ? 0 : vp_virt_fail(err, "look up", name);
}

/* As find(), for what needs the domain to be there. */
static int need(struct vp_hv *hv, const char *name, virDomainPtr *dom, struct vp_err *err)
{
	int rc = find(hv, name, dom, err);

	return rc ? rc : vp_fail(err, VP_E_VIRT, "%s: %s has no such domain", name, hv->uri);
}

static const char *const reasons_running[] = { "unknown",	"booted",   "migrated",		  "restored",
					       "from snapshot", "unpaused", "migration canceled", "save canceled",
					       "event wakeup",	"crashed",  "post-copy",	  "post-copy failed" };
static const char *const reasons_paused[] = {
	"unknown",	 "user",	  "migrating", "saving",  "dumping",	 "I/O error", "watchdog",
	"from snapshot", "shutting down", "snapshot",  "crashed", "starting up", "post-copy", "post-copy failed"
};
static const char *const reasons_shutdown[] = { "unknown", "user" };
static const char *const reasons_shutoff[] = {
	"unknown", "shutdown", "destroyed", "crashed", "migrated", "saved", "failed", "from snapshot", "daemon"
};
static const char *const reasons_crashed[] = { "unknown", "panicked" };
static const struct {
	const char *name;
	const char *const *reasons;
	size_t n;
} states[] = {
	[VIR_DOMAIN_NOSTATE] = { "no state", NULL, 0 },
	[VIR_DOMAIN_RUNNING] = { "running", reasons_running, vp_count(reasons_running) },
	[VIR_DOMAIN_BLOCKED] = { "blocked", NULL, 0 },
	[VIR_DOMAIN_PAUSED] = { "paused", reasons_paused, vp_count(reasons_paused) },
	[VIR_DOMAIN_SHUTDOWN] = { "shutting down", reasons_shutdown, vp_count(reasons_shutdown) },
	[VIR_DOMAIN_SHUTOFF] = { "shut off", reasons_shutoff, vp_count(reasons_shutoff) },
	[VIR_DOMAIN_CRASHED] = { "crashed", reasons_crashed, vp_count(reasons_crashed) },
	[VIR_DOMAIN_PMSUSPENDED] = { "suspended", NULL, 0 },
};

static void state_text(int state, int reason, char *out, size_t size)
{
	size_t s = (size_t)state, r = (size_t)reason;

	if (s >= vp_count(states))
		snprintf(out, size, "state %d", state);
	else if (r < states[s].n)
		snprintf(out, size, "%s (%s)", states[s].name, states[s].reasons[r]);
	else
		snprintf(out, size, "%s", states[s].name);
}

static int virt_lookup(struct vp_hv *hv, const char *name, struct vp_virt_dom *out, struct vp_err *err)
{
	DOM dom = NULL;
	virDomainInfo info;
	uint64_t since = vp_now_ns();
	int state, reason, rc = find(hv, name, &dom, err);

	*out = (struct vp_virt_dom){ 0 };
	if (rc <= 0)
		return rc;
	while (virDomainGetState(dom, &state, &reason, 0) || virDomainGetInfo(dom, &info) || virDomainGetUUIDString(dom, out->uuid)) {
		if (!strstr(virGetLastErrorMessage(), "libxl_domain_info") || since + STOPPING_SECONDS * SECOND < vp_now_ns())
			return vp_virt_fail(err, "look at", name);
		nanosleep(&(struct timespec){ .tv_nsec = 100000000 }, NULL);
	}
	out->persistent = virDomainIsPersistent(dom) == 1;
	out->active = virDomainIsActive(dom) == 1;
	out->memory = out->active ? (uint64_t)info.memory * 1024 : 0;
	out->vcpus = info.nrVirtCpu;
	state_text(state, reason, out->state, sizeof(out->state));
	return 1;
}

static int virt_xml(struct vp_hv *hv, const char *name, struct vp_buf *out, struct vp_err *err)
{
	DOM dom = NULL;
	vp_cleanup(vp_freep) char *xml = NULL;

	if (need(hv, name, &dom, err) < 0)
		return -1;
	xml = virDomainGetXMLDesc(dom, VIR_DOMAIN_XML_INACTIVE);
	if (!xml)
		return vp_virt_fail(err, "read", name);
	vp_buf_adds(out, xml);
	return 0;
}

static int virt_define(struct vp_hv *hv, const char *xml, struct vp_err *err)
{
	DOM dom = virDomainDefineXML(vp_virt_conn(hv), xml);

	return dom ? 0 : vp_virt_fail(err, "define", "");
}

static int start_once(struct vp_hv *hv, virDomainPtr dom, const char *xml)
{
	DOM first = NULL;

	if (!xml)
		return virDomainCreate(dom);
	first = virDomainCreateXML(vp_virt_conn(hv), xml, 0);
	return first ? 0 : -1;
}

/* Some drivers say that a domain has stopped while they are still busy with its end. */
static int virt_start(struct vp_hv *hv, const char *name, const char *xml, struct vp_err *err)
{
	DOM dom = NULL;
	uint64_t since = vp_now_ns();
	struct vp_err last;

	if (need(hv, name, &dom, err) < 0)
		return -1;
	for (;;) {
		last = (struct vp_err){ 0 };
		if (!start_once(hv, dom, xml))
			return 0;
		vp_virt_fail(&last, "start", name);
		if (!strstr(last.msg, "already active") || virDomainIsActive(dom) || vp_now_ns() - since > STOPPING_SECONDS * SECOND)
			return vp_fail(err, last.code, "%s", last.msg);
		nanosleep(&(struct timespec){ .tv_nsec = 100000000 }, NULL);
	}
}

static int virt_destroy(struct vp_hv *hv, const char *name, struct vp_err *err)
{
	DOM dom = NULL;
	int rc = find(hv, name, &dom, err);

	if (rc <= 0)
		return rc;
	if (virDomainDestroy(dom) && virGetLastErrorCode() != VIR_ERR_OPERATION_INVALID && virGetLastErrorCode() != VIR_ERR_NO_DOMAIN)
		return vp_virt_fail(err, "power off", name);
	return 0;
}

static void call_shutdown(struct call *c)
{
	c->rc = virDomainShutdown(c->dom);
	flatten(c->msg, sizeof(c->msg), virGetLastErrorMessage());
	virDomainFree(c->dom);
}

/* A guest that does not listen makes libvirt on Xen wait 40 s for its answer: nobody else has to. */
static int virt_shutdown(struct vp_hv *hv, const char *name, struct vp_err *err)
{
	struct call *c = vp_xcalloc(1, sizeof(*c));
	int rc = 0;

	c->fn = call_shutdown;
	if (need(hv, name, &c->dom, err) < 0)
		rc = -1;
	else if (!call_within(c, ASK_SECONDS))
		return 0;
	else if (c->rc)
		rc = vp_fail(err, VP_E_VIRT, "shut down %s: %s", name, c->msg);
	free(c);
	return rc;
}

static int virt_reset(struct vp_hv *hv, const char *name, struct vp_err *err)
{
	DOM dom = NULL;

	if (need(hv, name, &dom, err) < 0)
		return -1;
	return virDomainReset(dom, 0) ? vp_virt_fail(err, "reset", name) : 0;
}

static int virt_undefine(struct vp_hv *hv, const char *name, struct vp_err *err)
{
	/* Most first: drivers refuse the flags that they do not know. */
	static const unsigned flags[] = { VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA |
						  VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA | VIR_DOMAIN_UNDEFINE_NVRAM,
					  VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA, VIR_DOMAIN_UNDEFINE_MANAGED_SAVE,
					  0 };
	char root[PATH_MAX];
	DOM dom = NULL;
	int active, rc = find(hv, name, &dom, err);

	if (rc <= 0 || !virDomainIsPersistent(dom))
		return rc < 0 ? -1 : 0;
	active = virDomainIsActive(dom);
	for (size_t i = 0; i < vp_count(flags); i++) {
		if (!virDomainUndefineFlags(dom, flags[i])) {
			if (!active && vp_embed_root(hv->uri, root, sizeof(root)))
				vp_embed_forget(root, name);
			return 0;
		}
		if (virGetLastErrorCode() != VIR_ERR_INVALID_ARG && virGetLastErrorCode() != VIR_ERR_NO_SUPPORT)
			break;
	}
	return vp_virt_fail(err, "undefine", name);
}

static int virt_has_link(struct vp_hv *hv, const char *name)
{
	virInterfacePtr link = virInterfaceLookupByName(vp_virt_conn(hv), name);

	if (link)
		virInterfaceFree(link);
	return link ? 1 : virGetLastErrorCode() == VIR_ERR_NO_INTERFACE ? 0 : -1;
}

void vp_virt_caps_free(struct vp_virt_caps *c)
{
	vp_buf_free(&c->host);
	vp_buf_free(&c->domain);
	vp_buf_free(&c->why);
}

static int virt_caps(struct vp_hv *hv, const char *type, const char *arch, const char *machine, struct vp_virt_caps *out, struct vp_err *err)
{
	virConnectPtr conn = vp_virt_conn(hv);
	vp_cleanup(vp_freep) char *host = virConnectGetCapabilities(conn);
	vp_cleanup(vp_freep) char *domain = NULL;
	char words[MAX_WORDS];
	virNodeInfo info;

	*out = (struct vp_virt_caps){ 0 };
	if (!host || virNodeGetInfo(conn, &info))
		return vp_virt_fail(err, "look at what can be done by", hv->uri);
	vp_buf_adds(&out->host, host);
	out->memory = (uint64_t)info.memory * 1024;
	domain = virConnectGetDomainCapabilities(conn, NULL, arch, machine, type, 0);
	if (domain) {
		vp_buf_adds(&out->domain, domain);
		return 0;
	}
	/* Who only reads may not ask this. */
	if (virGetLastErrorCode() == VIR_ERR_OPERATION_DENIED)
		return 0;
	flatten(words, sizeof(words), virGetLastErrorMessage());
	vp_buf_addf(&out->why, "%s%s", words, hint_for(words));
	return 0;
}

/* The value after `attr='` in the first `element` at or after *at, as libvirt writes its XML; *at moves behind the element's start. */
static bool next_value(const char **at, const char *element, const char *attr, char *out, size_t size)
{
	const char *p = strstr(*at, element), *end;

	if (!p)
		return false;
	*at = p + 1;
	end = strstr(p + 1, "\n    <");
	p = strstr(p, attr);
	*out = '\0';
	if (p && (!end || p < end)) {
		p += strlen(attr);
		snprintf(out, size, "%.*s", (int)strcspn(p, "'"), p);
	}
	return true;
}

static uint64_t vcpu_time(virDomainPtr dom, unsigned n)
{
	virVcpuInfoPtr vcpus = vp_xcalloc(n + 1, sizeof(*vcpus));
	int got = virDomainGetVcpus(dom, vcpus, (int)n, NULL, 0);
	uint64_t ns = 0;

	for (int i = 0; i < got; i++)
		ns += vcpus[i].cpuTime;
	free(vcpus);
	return ns;
}

/* The process of a guest of QEMU on this machine, by what libvirt calls it; 0 for none. */
static long process_of(const char *name)
{
	char want[256], path[64], line[512];
	DIR *d = opendir("/proc");
	long found = 0;

	snprintf(want, sizeof(want), "guest=%s,", name);
	for (struct dirent *e; d && !found && (e = readdir(d));) {
		long pid = strtol(e->d_name, NULL, 10);
		FILE *f;
		size_t n;

		snprintf(path, sizeof(path), "/proc/%ld/cmdline", pid);
		f = pid > 0 ? fopen(path, "re") : NULL;
		n = f ? fread(line, 1, sizeof(line) - 1, f) : 0;
		if (f)
			fclose(f);
		for (size_t i = 0; i < n && !found; i += strnlen(line + i, n - i) + 1) {
			line[n] = '\0';
			found = !strncmp(line + i, want, strlen(want)) ? pid : 0;
		}
	}
	if (d)
		closedir(d);
	return found;
}

/* The first line of a file of that thread; false where it is gone. */
static bool thread_line(long pid, const char *thread, const char *file, char *line, size_t size)
{
	char path[96];
	FILE *f;
	bool got;

	snprintf(path, sizeof(path), "/proc/%ld/task/%.20s/%s", pid, thread, file);
	f = fopen(path, "re");
	got = f && fgets(line, (int)size, f);
	if (f)
		fclose(f);
	return got;
}

/* Under software emulation libvirt knows no threads of virtual processors; QEMU calls them "CPU 0/TCG". schedstat: what they ran, and waited. */
static void thread_times(const char *name, struct vp_virt_stats *out)
{
	char path[64], line[512];
	long pid = process_of(name);
	unsigned long long ran, waited, vcpus = 0, wait = 0;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%ld/task", pid);
	d = pid ? opendir(path) : NULL;
	for (struct dirent *e; d && (e = readdir(d));) {
		bool vcpu = *e->d_name != '.' && thread_line(pid, e->d_name, "comm", line, sizeof(line)) && !strncmp(line, "CPU ", 4);

		if (*e->d_name == '.' || !thread_line(pid, e->d_name, "schedstat", line, sizeof(line)) ||
		    sscanf(line, "%llu %llu", &ran, &waited) != 2)
			continue;
		out->all_wait_ns += waited;
		vcpus += vcpu ? ran : 0;
		wait += vcpu ? waited : 0;
	}
	if (d)
		closedir(d);
	if (out->vcpu_ns || !vcpus)
		return;
	out->vcpu_ns = vcpus;
	out->wait_ns = wait;
}

/* As `virsh domstats --vcpu`: vcpu.N.delay. */
static uint64_t wait_time(virDomainPtr dom)
{
	virDomainPtr doms[] = { dom, NULL };
	virDomainStatsRecordPtr *records = NULL;
	uint64_t ns = UINT64_MAX;

	if (virDomainListGetStats(doms, VIR_DOMAIN_STATS_VCPU, &records, 0) < 1)
		return ns;
	for (int i = 0; i < records[0]->nparams; i++) {
		const virTypedParameter *p = &records[0]->params[i];
		const char *dot = strrchr(p->field, '.');

		if (dot && !strcmp(dot, ".delay") && p->type == VIR_TYPED_PARAM_ULLONG)
			ns = (ns == UINT64_MAX ? 0 : ns) + p->value.ul;
	}
	virDomainStatsRecordListFree(records);
	return ns;
}

static int virt_stats(struct vp_hv *hv, const char *name, struct vp_virt_stats *out, struct vp_err *err)
{
	DOM dom = NULL;
	vp_cleanup(vp_freep) char *xml = NULL;
	virDomainInfo info;
	char dev[64];

	*out = (struct vp_virt_stats){ 0 };
	if (need(hv, name, &dom, err) < 0)
		return -1;
	xml = virDomainGetXMLDesc(dom, 0);
	if (!xml || virDomainGetInfo(dom, &info))
		return vp_virt_fail(err, "read the counters of", name);
	out->vcpu_ns = vcpu_time(dom, info.nrVirtCpu);
	out->wait_ns = out->vcpu_ns ? wait_time(dom) : UINT64_MAX;
	if (hv->local)
		thread_times(name, out);
	out->cpu_ns = info.cpuTime;
	for (const char *at = xml; next_value(&at, "\n    <disk ", "<target dev='", dev, sizeof(dev));) {
		virDomainBlockStatsStruct s;

		if (*dev && !virDomainBlockStats(dom, dev, &s, sizeof(s)) && s.rd_bytes >= 0 && s.wr_bytes >= 0)
			out->block_bytes += (uint64_t)s.rd_bytes + (uint64_t)s.wr_bytes;
	}
	for (const char *at = xml; next_value(&at, "\n    <interface ", "<target dev='", dev, sizeof(dev));) {
		virDomainInterfaceStatsStruct s;

		if (*dev && !virDomainInterfaceStats(dom, dev, &s, sizeof(s)) && s.rx_bytes >= 0 && s.tx_bytes >= 0)
			out->net_bytes += (uint64_t)s.rx_bytes + (uint64_t)s.tx_bytes;
	}
	return 0;
}

static int virt_console(struct vp_hv *hv, const char *name, char *path, size_t size, struct vp_err *err)
{
	DOM dom = NULL;
	vp_cleanup(vp_freep) char *xml = NULL;
	const char *at;

	if (!hv->local)
		return vp_fail(err, VP_E_VIRT, "the console of %s is on another machine, at %s", name, hv->uri);
	if (need(hv, name, &dom, err) < 0)
		return -1;
	xml = virDomainGetXMLDesc(dom, 0);
	if (!xml)
		return vp_virt_fail(err, "read", name);
	at = xml;
	while (next_value(&at, "\n    <console type='pty'", "tty='", path, size))
		if (*path)
			return 0;
	return vp_fail(err, VP_E_VIRT, "%s has no pseudo-terminal as its console, or does not run", name);
}

/* --- Consoles that the hypervisor writes nowhere --- */

struct record {
	struct record *next;
	char *name;
	int fd;
	virStreamPtr stream;
	/* Its thread is at work; the rest is the thread's then. */
	atomic_bool busy;
};

static void *record_thread(void *arg)
{
	struct record *r = arg;
	char block[4096];
	int n;

	while ((n = virStreamRecv(r->stream, block, sizeof(block))) > 0)
		for (ssize_t at = 0, done; at < n; at += done) {
			done = write(r->fd, block + at, (size_t)(n - at));
			if (done <= 0)
				break;
		}
	/* The domain has stopped, or the connection is gone. */
	virStreamAbort(r->stream);
	virStreamFree(r->stream);
	close(r->fd);
	atomic_store(&r->busy, false);
	return NULL;
}

static struct record *record_of(struct virt *v, const char *name)
{
	struct record *r = v->records;

	while (r && strcmp(r->name, name) != 0)
		r = r->next;
	if (r)
		return r;
	r = vp_xcalloc(1, sizeof(*r));
	r->name = vp_xcalloc(strlen(name) + 1, 1);
	strcpy(r->name, name);
	r->next = v->records;
	v->records = r;
	return r;
}

static int virt_record(struct vp_hv *hv, const char *name, const char *path, struct vp_err *err)
{
	struct record *r = record_of((struct virt *)hv, name);
	DOM dom = NULL;

	if (atomic_load(&r->busy))
		return 0;
	if (need(hv, name, &dom, err) < 0)
		return -1;
	r->stream = virStreamNew(vp_virt_conn(hv), 0);
	if (!r->stream || virDomainOpenConsole(dom, NULL, r->stream, 0)) {
		vp_virt_fail(err, "open the console of", name);
		if (r->stream)
			virStreamFree(r->stream);
		return -1;
	}
	r->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	atomic_store(&r->busy, true);
	if (r->fd >= 0 && spawn(record_thread, r))
		return 0;
	atomic_store(&r->busy, false);
	virStreamAbort(r->stream);
	virStreamFree(r->stream);
	return vp_fail_errno(err, VP_E_IO, "%s", path);
}

static int virt_live_xml(struct vp_hv *hv, const char *name, struct vp_buf *out, struct vp_err *err)
{
	DOM dom = NULL;
	vp_cleanup(vp_freep) char *xml = NULL;

	if (need(hv, name, &dom, err) < 0)
		return -1;
	xml = virDomainIsActive(dom) == 1 ? virDomainGetXMLDesc(dom, 0) : NULL;
	if (!xml)
		return vp_fail(err, VP_E_VIRT, "%s does not run", name);
	vp_buf_adds(out, xml);
	return 0;
}

static int virt_screenshot(struct vp_hv *hv, const char *name, struct vp_buf *out, struct vp_err *err)
{
	DOM dom = NULL;
	vp_cleanup(vp_freep) char *type = NULL;
	virStreamPtr st;
	char block[65536];
	int n = -1;

	if (need(hv, name, &dom, err) < 0)
		return -1;
	st = virStreamNew(vp_virt_conn(hv), 0);
	type = st ? virDomainScreenshot(dom, st, 0, 0) : NULL;
	while (type && (n = virStreamRecv(st, block, sizeof(block))) > 0 && out->len + (size_t)n <= VP_MAX_SCREEN)
		vp_buf_add(out, block, (size_t)n);
	if (n) {
		vp_virt_fail(err, "take a picture of", name);
		if (type)
			virStreamAbort(st);
	} else {
		virStreamFinish(st);
	}
	if (st)
		virStreamFree(st);
	return n ? -1 : 0;
}

static void virt_close(struct vp_hv *hv)
{
	virConnectClose(vp_virt_conn(hv));
	free(hv);
}

static const struct vp_hv_ops virt_ops = {
	.lookup = virt_lookup,
	.xml = virt_xml,
	.define = virt_define,
	.start = virt_start,
	.destroy = virt_destroy,
	.shutdown = virt_shutdown,
	.reset = virt_reset,
	.undefine = virt_undefine,
	.caps = virt_caps,
	.has_link = virt_has_link,
	.stats = virt_stats,
	.console = virt_console,
	.record = virt_record,
	.live_xml = virt_live_xml,
	.live = vp_virt_live,
	.screenshot = virt_screenshot,
	.channel = vp_virt_channel,
	.close = virt_close,
};

/* --- Connections --- */

static void call_open(struct call *c)
{
	c->conn = c->flags & VIR_CONNECT_RO ? virConnectOpenReadOnly(c->uri) : virConnectOpen(c->uri);
	if (!c->conn)
		flatten(c->msg, sizeof(c->msg), virGetLastErrorMessage());
}

/* "qemu+ssh://root@kvm03:22/system": "kvm03"; "" where there is none. */
static void host_of(const char *uri, char *out, size_t size)
{
	const char *host = strstr(uri, "://");

	*out = '\0';
	if (!host)
		return;
	host += 3;
	if (memchr(host, '@', strcspn(host, "/?")))
		host = strchr(host, '@') + 1;
	snprintf(out, size, "%.*s", (int)strcspn(host, *host == '[' ? "]" : ":/?"), host);
}

/* Without a host the hypervisor is here. A loopback address may be a tunnel: then the far end's name tells. */
static bool is_local(const char *uri, virConnectPtr conn)
{
	vp_cleanup(vp_freep) char *far = NULL;
	char here[256] = "", name[256];

	host_of(uri, name, sizeof(name));
	if (!*name)
		return true;
	if (strcmp(name, "localhost") && strcmp(name, "127.0.0.1") && strcmp(name, "[::1"))
		return false;
	far = virConnectGetHostname(conn);
	return far && !gethostname(here, sizeof(here) - 1) && !strcmp(far, here);
}

static struct vp_hv *open_uri(const char *uri, bool readonly, struct vp_err *err)
{
	struct call *c;
	struct virt *v = NULL;

	if (strlen(uri) >= sizeof(c->uri)) {
		vp_fail(err, VP_E_NOHYPERVISOR, "%s: longer than %zu bytes", uri, sizeof(c->uri) - 1);
		return NULL;
	}
	c = vp_xcalloc(1, sizeof(*c));
	c->fn = call_open;
	c->flags = readonly ? VIR_CONNECT_RO : 0;
	snprintf(c->uri, sizeof(c->uri), "%s", uri);
	if (!call_within(c, OPEN_SECONDS)) {
		vp_fail(err, VP_E_NOHYPERVISOR, "%s: no answer within %d s", uri, OPEN_SECONDS);
		return NULL;
	}
	if (c->conn) {
		v = vp_xcalloc(1, sizeof(*v));
		v->conn = c->conn;
		v->hv.ops = &virt_ops;
		v->hv.local = is_local(uri, c->conn);
		snprintf(v->hv.uri, sizeof(v->hv.uri), "%s", uri);
		snprintf(v->hv.type, sizeof(v->hv.type), "%s", virConnectGetType(c->conn));
		v->hv.streams = !v->hv.local || !strcmp(v->hv.type, "Xen");
		/* Refused by drivers in this process, which need none. */
		virConnectSetKeepAlive(c->conn, 5, 6);
	} else if (strstr(c->msg, "acquire pid file")) {
		vp_fail(err, VP_E_LOCKED, "%s: another process has it open: %s", uri, c->msg);
	} else {
		vp_fail(err, VP_E_NOHYPERVISOR, "%s: %s%s", uri, c->msg, hint_for(c->msg));
	}
	free(c);
	return v ? &v->hv : NULL;
}

/* True where something listens. */
static bool listens(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	vp_cleanup(vp_closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	return fd >= 0 && !connect(fd, (struct sockaddr *)&addr, sizeof(addr));
}

/* NULL where no system daemon answers, without err; a daemon that listens and then says nothing is an error, not "none". */
static struct vp_hv *open_system(bool readonly, struct vp_err *err)
{
	static const struct {
		const char *socket, *uri;
	} daemons[] = {
		{ "/run/libvirt/libvirt-sock", "qemu:///system" },
		{ "/run/libvirt/libvirt-sock", "xen:///system" },
		{ "/run/libvirt/virtqemud-sock", "qemu:///system" },
		{ "/run/libvirt/virtxend-sock", "xen:///system" },
	};

	for (size_t i = 0; i < vp_count(daemons); i++) {
		struct vp_err ignored = { 0 };
		struct vp_hv *hv = listens(daemons[i].socket) ? open_uri(daemons[i].uri, readonly, &ignored) : NULL;

		if (hv)
			return hv;
		if (strstr(ignored.msg, "no answer")) {
			*err = ignored;
			return NULL;
		}
	}
	return NULL;
}

/* False while the driver is busy with it, or with the end of a guest that powered itself off while nobody looked. */
static bool settled(virDomainPtr dom)
{
	virDomainControlInfo info;
	int state;

	if (virDomainGetState(dom, &state, NULL, 0) || virDomainGetControlInfo(dom, &info, 0))
		return true;
	return state != VIR_DOMAIN_SHUTDOWN && info.state != VIR_DOMAIN_CONTROL_JOB && info.state != VIR_DOMAIN_CONTROL_OCCUPIED;
}

/*
 * The embedded driver takes up its running domains in threads of its own. Until it has, an order to destroy looks like a lost guest,
 * and counters fail.
 */
static void settle(struct vp_hv *hv)
{
	virDomainPtr *doms = NULL;
	int n = virConnectListAllDomains(vp_virt_conn(hv), &doms, VIR_CONNECT_LIST_DOMAINS_ACTIVE);

	for (int i = 0; i < n; i++) {
		for (int ms = 0; ms < SETTLE_SECONDS * 1000 && !settled(doms[i]); ms += 5)
			nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
		virDomainFree(doms[i]);
	}
	free(doms);
}

/* What is on a volume of another machine is told to those only who could change it. */
static struct vp_hv *open_readonly(const char *uri, struct vp_err *err)
{
	char host[256];
	struct vp_hv *hv;

	host_of(uri, host, sizeof(host));
	hv = *host ? open_uri(uri, false, err) : NULL;
	return hv || (*host && err->code == VP_E_NOHYPERVISOR && strstr(err->msg, "no answer")) ? hv : open_uri(uri, true, err);
}

static struct vp_hv *open_any(const char *uri, bool readonly, struct vp_err *err)
{
	char root[PATH_MAX];
	bool embed = vp_embed_root(uri, root, sizeof(root));
	struct vp_hv *hv;

	if (embed && readonly && access(root, F_OK) && errno == ENOENT) {
		/* Never used: it has no domains, and looking leaves no traces. */
		hv = vp_hv_fake();
		snprintf(hv->uri, sizeof(hv->uri), "%s", uri);
		snprintf(hv->type, sizeof(hv->type), "QEMU");
		return hv;
	}
	if (embed && vp_embed_prepare(root, err)) {
		vp_context(err, "%s", uri);
		return NULL;
	}
	hv = readonly ? open_readonly(uri, err) : open_uri(uri, false, err);
	if (hv)
		hv->readonly = readonly;
	if (hv && embed)
		settle(hv);
	return hv;
}

struct vp_hv *vp_hv_open(const struct vp_hv_opts *o, struct vp_err *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	vp_cleanup(vp_buf_free) struct vp_buf embed = { 0 };
	struct vp_err system = { 0 };
	const char *uri = o->connect ? o->connect : o->site_connect;
	struct vp_hv *hv;

	pthread_once(&once, start_libvirt);
	if (!uri || !*uri)
		uri = getenv("LIBVIRT_DEFAULT_URI");
	if (uri && *uri)
		return open_any(uri, o->readonly, err);
	hv = open_system(o->readonly, &system);
	if (hv)
		return hv;
	if (*system.msg) {
		vp_fail(err, system.code, "%s", system.msg);
		return NULL;
	}
	vp_embed_uri(o->state_dir, &embed);
	return open_any(embed.data, o->readonly, err);
}
