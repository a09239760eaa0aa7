/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hypervisor behind a table of operations: libvirt, and a fake that keeps
 * domains in memory. Only the files of this directory include libvirt.
 */
#ifndef VP_VIRT_H
#define VP_VIRT_H

#include "../base/base.h"

struct vp_virt_dom {
	/* "" where the domain is absent. */
	char uuid[37];
	bool persistent;
	bool active;
	/* libvirt's state and reason in words: "running (booted)", "crashed (panicked)". */
	char state[64];
	/* Memory as it is now, bytes (0 where inactive); virtual CPUs now. */
	uint64_t memory;
	unsigned vcpus;
};

/* Monotonic activity counters: no change for long means no progress. */
struct vp_virt_stats {
	uint64_t cpu_ns, block_bytes, net_bytes;
	/* Of cpu_ns, what its virtual processors used; 0 where the hypervisor does not say. */
	uint64_t vcpu_ns;
	/* How long these were ready to run and waited for a processor of the host, all together; UINT64_MAX where the hypervisor does not say. */
	uint64_t wait_ns;
	/* The same of all its threads, those that move its data, too; 0 where only the former is known. */
	uint64_t all_wait_ns;
};

/* What a host says that it can do. */
struct vp_virt_caps {
	/* libvirt's XML: of the host, and of domains of one kind; the latter is empty where there are none, with libvirt's words in why,
	 * and where a connection for reading may not ask, without words. */
	struct vp_buf host, domain, why;
	/* Bytes of the host's memory. */
	uint64_t memory;
};
void vp_virt_caps_free(struct vp_virt_caps *c);

/* One change of a running domain. */
enum vp_live_kind { VP_LIVE_MEMORY, VP_LIVE_VCPUS, VP_LIVE_ATTACH, VP_LIVE_DETACH, VP_LIVE_UPDATE };
struct vp_live_op {
	enum vp_live_kind kind;
	/* Bytes of memory, or processors. */
	uint64_t value;
	/* The device, and what of it tells it from others in libvirt's XML. */
	const char *xml, *mark;
	/* "memory 768 MiB", "disk vdb plugged in" */
	const char *what;
};

struct vp_hv;

struct vp_hv_ops {
	/* 1 found (out filled), 0 none, -1 error. */
	int (*lookup)(struct vp_hv *hv, const char *name, struct vp_virt_dom *out, struct vp_err *err);
	/* Persistent definition as libvirt would write it (inactive XML), appended to out. */
	int (*xml)(struct vp_hv *hv, const char *name, struct vp_buf *out, struct vp_err *err);
	/* Defines, or replaces the persistent definition of the same name and uuid. */
	int (*define)(struct vp_hv *hv, const char *xml, struct vp_err *err);
	/* Starts the persistent definition; or, with xml, this one for its first life only (same name and uuid). */
	int (*start)(struct vp_hv *hv, const char *name, const char *xml, struct vp_err *err);
	/* Power off at once; not running is success. */
	int (*destroy)(struct vp_hv *hv, const char *name, struct vp_err *err);
	/* Asks the guest; returns at once. */
	int (*shutdown)(struct vp_hv *hv, const char *name, struct vp_err *err);
	int (*reset)(struct vp_hv *hv, const char *name, struct vp_err *err);
	/* With NVRAM, managed save and snapshots' metadata; absent is success. */
	int (*undefine)(struct vp_hv *hv, const char *name, struct vp_err *err);
	/* Of the host, and of its domains of type "kvm", architecture "x86_64", machine "q35". May be missing (fakes). */
	int (*caps)(struct vp_hv *hv, const char *type, const char *arch, const char *machine, struct vp_virt_caps *out, struct vp_err *err);
	/* Whether the host has a network device of that name: 1, 0, -1 where libvirt cannot tell. As caps. */
	int (*has_link)(struct vp_hv *hv, const char *name);
	int (*stats)(struct vp_hv *hv, const char *name, struct vp_virt_stats *out, struct vp_err *err);
	/* Path of the pseudo-terminal of the running domain's serial console; VP_E_VIRT where it has none. */
	int (*console)(struct vp_hv *hv, const char *name, char *path, size_t size, struct vp_err *err);
	/*
	 * From now on what the running domain's console says is added to the file, until it stops or this process ends; nothing where that is done
	 * already. Where vp_hv.streams is true.
	 */
	int (*record)(struct vp_hv *hv, const char *name, const char *path, struct vp_err *err);
	/* The definition of a running domain's life, without its secrets. */
	int (*live_xml)(struct vp_hv *hv, const char *name, struct vp_buf *out, struct vp_err *err);
	/* Changes the running domain alone, not its persistent definition: 0 done; 1 hypervisor or guest refuse it (err says why); -1 failed. */
	int (*live)(struct vp_hv *hv, const char *name, const struct vp_live_op *op, struct vp_err *err);
	/* A picture of its first screen, PPM or PNG; VP_E_VIRT where it has none. */
	int (*screenshot)(struct vp_hv *hv, const char *name, struct vp_buf *out, struct vp_err *err);
	/*
	 * Opens the running domain's channel of that name: bytes to and from its guest. NULL where it has none, or somebody else has it open. The
	 * caller closes it, before the connection. May be missing (fakes).
	 */
	struct vp_channel *(*channel)(struct vp_hv *hv, const char *name, const char *port, struct vp_err *err);
	void (*close)(struct vp_hv *hv);
};

/* Neither waits: bytes that came or went, 0 for none now, -1 where it has ended. */
ssize_t vp_channel_read(struct vp_channel *c, void *data, size_t n);
ssize_t vp_channel_write(struct vp_channel *c, const void *data, size_t n);
void vp_channel_close(struct vp_channel *c);

struct vp_hv {
	const struct vp_hv_ops *ops;
	/* As opened. */
	char uri[512];
	/* The hypervisor is this machine: paths and taps are ours. */
	bool local;
	/* Nobody writes consoles to files of this machine. */
	bool streams;
	/* Opened for looking only, whatever the connection could do. */
	bool readonly;
	/* The driver's type: "QEMU", "Xen", "TEST". */
	char type[16];
};

struct vp_hv_opts {
	/* Explicit URI, or NULL: site's, then $LIBVIRT_DEFAULT_URI, then a system daemon that answers, then the embedded driver. */
	const char *connect;
	const char *site_connect;
	/* For the embedded driver's root: STATE/qemu. */
	const char *state_dir;
	/* Reading only: may be served by a read-only connection. */
	bool readonly;
};

/* NULL with VP_E_NOHYPERVISOR. Libvirt's own chatter on stderr is silenced; its words are in err. */
struct vp_hv *vp_hv_open(const struct vp_hv_opts *o, struct vp_err *err);

/* Whether that is the memory that was asked for: a guest gives back all but some pages, and Xen counts its own share in or not. */
bool vp_virt_same_memory(uint64_t is, uint64_t asked);

/* Domains in memory, with libvirt's answers; never fails. */
struct vp_hv *vp_hv_fake(void);
/* The k-th change from now on (1: the next) of a fake fails with VP_E_VIRT and changes nothing; 0: none. */
void vp_hv_fake_fail(struct vp_hv *hv, unsigned k);
/* The guest of a fake powers itself off. */
void vp_hv_fake_poweroff(struct vp_hv *hv, const char *name);

/*
 * Whether KVM can run guests here: /dev/kvm opens and the CPU has vmx or svm. Where not, *why says what is missing (static).
 * A /dev/kvm that exists without either is the misleading kind: guests hang in it and libvirt probes it for 40 s.
 */
bool vp_kvm_usable(const char **why);
/* Whether the text of /proc/cpuinfo has one of those flags. */
bool vp_cpu_virtualises(const char *cpuinfo);
/*
 * Before any thread and any libvirt call: hides an unusable /dev/kvm from this process and its children in a mount namespace of
 * their own. 1 hidden, 0 nothing to hide, -1 not permitted (err).
 */
int vp_kvm_hide(struct vp_err *err);
/*
 * First thing in main(): as PID 1 of a container goes on in a child, and this process reaps. libvirt waits 40 s for the end of
 * every QEMU whose zombie nobody collects.
 */
void vp_be_init(void);

#endif
