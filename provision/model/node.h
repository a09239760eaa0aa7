/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The node model: what a profile plus the site configuration say a machine is.
 * Sizes are bytes. Everything lives in the arena of the run; strings are never
 * NULL unless the comment says so ("" means not given).
 */
#ifndef VP_NODE_H
#define VP_NODE_H

#include "../profile/tree.h"
#include "aii.h"
#include "storage.h"
#include "hardware.h"
#include "network.h"

enum vp_virt { VP_KVM, VP_QEMU, VP_XEN_PARA, VP_XEN_HVM };
/* What of a node's frames is checked: nothing, the MAC of who sends, its IP addresses, too. */
enum vp_guard { VP_GUARD_NONE, VP_GUARD_MAC, VP_GUARD_ADDRESS };
enum vp_firmware { VP_BIOS, VP_UEFI };
/* All but image and none are a distribution's own installer, which boots over the network and reads a configuration. */
enum vp_install { VP_INSTALL_IMAGE, VP_INSTALL_KICKSTART, VP_INSTALL_PRESEED, VP_INSTALL_AUTOINSTALL, VP_INSTALL_NONE };
/* A hypervisor is where guests run: it has bridges and capacity, and is not made by vprov. */
enum vp_machine { VP_GUEST, VP_HYPERVISOR };

struct vp_disk {
	/* Key in the profile, unescaped: "sda". */
	const char *name;
	/* What the guest sees: "vda", "xvda", "hda"; from the bus and the position. */
	const char *target;
	/* virtio, ide, sata, scsi, xen */
	const char *bus;
	/* qcow2 or raw */
	const char *format;
	/* Its name in the domain's definition: the target, but under Xen "hda" may be what the guest sees as xvda. */
	const char *slot;
	/* Absolute path on the hypervisor; "" where no state directory was given. */
	const char *path;
	uint64_t size;
	bool boot;
	/* path is a block device, raw; it has to exist, and is never made or removed, unless it is a volume of a group that the site names. */
	bool block, volume;
	bool readonly;
	/* As libvirt has them; io "": libvirt's own choice. */
	const char *cache, *io, *discard;
	struct vp_drive drive;
};

/* How much a NIC may carry, each way; average 0: as much as there is. */
struct vp_bandwidth {
	/* Mbit/s; a peak of 0 is none. */
	unsigned average, peak;
	/* KiB that go at the peak, or unhindered. */
	unsigned burst;
};

struct vp_nic {
	const char *name;
	/* Lower case with colons. */
	const char *mac;
	/* virtio, e1000, netfront */
	const char *model;
	/* Name of the bridge it is a port of. */
	const char *bridge;
	/* Name of its tap, at most 15 bytes, derived from the node's UUID and the NIC's name. */
	const char *tap;
	/* "" for DHCP without a fixed address. IPv4 dotted. */
	const char *ip;
	unsigned prefix;
	const char *gateway;
	bool dhcp;
	bool boot;
	/* 0: default */
	unsigned mtu;
	/* Pairs of them, of a virtio NIC; each needs a processor of the guest to be of use. */
	unsigned queues;
	struct vp_bandwidth bandwidth;
	struct vp_card card;
};

struct vp_bridge {
	const char *name;
	/* Address of the host on it, "" where the bridge has to exist with one already. */
	const char *address;
	unsigned prefix;
	/* This machine's way to it, where the bridge is another machine's; "": a device of its name. */
	const char *interface;
	/* The device that leads out, and how much it carries each way (Mbit/s): shared in equal parts by the nodes. "" for no sharing. */
	const char *uplink;
	unsigned rate;
	/* Nothing is routed into it or out of it, and only vprov answers for DHCP. */
	bool isolated;
};

/* What a paravirtual guest boots without firmware: files of the hypervisor, "" for none. */
struct vp_direct {
	const char *kernel, *initrd, *cmdline;
	const char *bootloader, *bootargs;
};

#define VP_DEBIAN_MIRROR "http://deb.debian.org/debian"
#define VP_DEBIAN_SUITE	 "bookworm"

/* A distribution's installer. */
struct vp_netboot {
	/* Absolute paths on the machine of the boot service, or URLs (http, https) for the boot loader. */
	const char *kernel, *initrd;
	/* Where kernels are that AII names below its TFTP root. */
	const char *dir;
	/* More of its kernel arguments. */
	const char *args;
	/* URL of the distribution's packages, and its release. */
	const char *mirror, *suite;
	/* URL of the live system that subiquity runs in. */
	const char *iso;
};

struct vp_verify {
	bool enabled;
	/* Laps of the CPU kernel; seconds of network traffic; MiB of the file bonnie++ writes (0: twice the memory). */
	unsigned cpu_laps;
	unsigned net_seconds;
	/* How long each kind of work is counted where several nodes are measured together; the longest of theirs counts. */
	unsigned together_seconds;
	unsigned disk_mib;
	/* "METRIC=PERCENT", METRIC a glob: what may be lost against the baseline; the first that fits a metric counts. */
	const char **tolerances;
	size_t ntolerances;
	/* What it is compared with: "auto", "host", "past", "fleet", or the name of a node. */
	const char *baseline;
};

/* One assignment to the rendered definition of the domain; the value "" removes what the path leads to. */
struct vp_tweak {
	/* XPath, from the domain. */
	const char *path, *value;
	/* As in struct vp_origin. */
	const char *origin, *file;
	unsigned line;
};

/* Where one value of the model came from; field is dotted: "memory", "nic.eth0.mac". */
struct vp_origin {
	const char *field;
	/* Value as text. */
	const char *value;
	/* Profile path, "site:KEY", "default", "derived: ..." or "option --virt". */
	const char *path;
	const char *file;
	unsigned line;
};

/* In the order of the phases. */
enum {
#define VP_PHASE(symbol, name, hardware, emulated, entered) VP_DEADLINE_##symbol,
#include "phases.def"
#undef VP_PHASE
	VP_DEADLINES
};

struct vp_node {
	/* FQDN where the profile has a domain name, else the host name. */
	const char *name;
	const char *hostname;
	const char *domain;
	/* Lower case; where none is given, version 5 from the site's namespace and the name. */
	char uuid[37];
	enum vp_virt virt;
	enum vp_firmware firmware;
	enum vp_install install;
	struct vp_netboot netboot;
	unsigned vcpus;
	unsigned sockets;
	uint64_t memory;
	/* One for each of the sockets, and modules of the memory. */
	struct vp_socket *cpus;
	struct vp_module *ram;
	size_t nram;
	struct vp_hardware hardware;
	struct vp_tuning tuning;
	struct vp_system system;
	struct vp_network network;
	struct vp_disk *disks;
	size_t ndisks;
	struct vp_nic *nics;
	size_t nnics;
	enum vp_guard guard;
	/* More addresses that it may use. */
	const char **guard_addresses;
	size_t nguard_addresses;
	/* Index of the NIC it boots from. */
	size_t boot_nic;
	struct vp_bridge *bridges;
	size_t nbridges;
	/* One per disk. */
	struct vp_device *devices;
	struct vp_partition *partitions;
	size_t npartitions;
	struct vp_md *mds;
	size_t nmds;
	struct vp_vg *vgs;
	size_t nvgs;
	struct vp_lv *lvs;
	size_t nlvs;
	struct vp_file *files;
	size_t nfiles;
	/* Sorted by mount point: what others are mounted below comes first. */
	struct vp_filesystem *filesystems;
	size_t nfilesystems;
	/* All of these and the disks that are used, each after what it is made of. */
	struct vp_ref *creation;
	size_t ncreation;
	struct vp_aii aii;
	const char **nameservers;
	size_t nnameservers;
	/* crypt(3) hash, "" for a locked password. */
	const char *rootpw;
	/* authorized_keys lines. */
	const char **ssh_keys;
	size_t nssh_keys;
	/* Added to the installed system's kernel command line. */
	const char *kernel_args;
	/* Who may open its taps without privilege, "USER:GROUP"; "": root, or who runs vprov. */
	const char *tap_owner;
	/* Packages of the root image beyond the standard list. */
	const char **packages;
	size_t npackages;
	struct vp_verify verify;
	/* Seconds without news after which an installation has stalled; 0: by the kind of virtualisation. */
	unsigned deadline;
	/* Seconds that each phase of the installation may take; 0: as earlier ones did. */
	unsigned deadlines[VP_DEADLINES];
	struct vp_tweak *xml;
	size_t nxml;
	/* How often an installation that did not get as far as its configuration is begun again. */
	unsigned retries;
	enum vp_machine machine;
	/* What it would be without --virt; it is something else, by an earlier one. */
	enum vp_virt own_virt;
	bool virt_kept;
	/* As its hypervisor's profile says it: every life; the installation. */
	struct vp_direct boot, boot_install;
	/* Name of its hypervisor or cluster, "" where nothing says it. */
	const char *host;
	/* Grid role, "" where none is recognised: role.h lists them. */
	const char *role;
	/* As vp_profile.file and .digest: the tree itself may be gone. */
	const char *file;
	char digest[65];
	struct vp_origin *origins;
	size_t norigins, originscap;
};

struct vp_site;

struct vp_nodes {
	struct vp_node **items;
	size_t n, cap;
};

/*
 * The site configuration: defaults for everything under /system/vprov/, one "key = value" a line, where key is the path below it
 * ("bridge/name = vpbr0"); "[node GLOB]" and "[role GLOB]" start lines for some nodes only. file may be NULL: /etc/vprov/vprov.conf, if it is there.
 */
struct vp_site *vp_site_read(struct vp_arena *a, const char *file, struct vp_diags *diags);
/* Value of a key that belongs to no node ("connect"); NULL where not set. */
const char *vp_site_get(const struct vp_site *site, const char *key);
/* Changes with the bytes of the file; "" where there is none. */
const char *vp_site_digest(const struct vp_site *site);
/* All values, in their order, of a key that may be given several times; *n is 0 where not set. */
const char *const *vp_site_all(const struct vp_site *site, struct vp_arena *a, const char *key, size_t *n);

/* How the origin of such a value begins. */
#define VP_VIRT_CHOSEN "option --virt"

/* A node that --virt was given for: it stays that until the option is given again, or its profile (own) says something else than then. */
struct vp_chosen {
	const char *name;
	int virt, own;
};

/* Options of the command line that decide over the profile. */
struct vp_bind_opts {
	const struct vp_chosen *chosen;
	size_t nchosen;
	/* -1: not given */
	int virt;
	const char *state_dir;
	/* What other profiles say about where this node runs (place.h); NULL: nothing. */
	const struct vp_placement *placement;
};

/*
 * Binds one profile to a node; problems go to diags. NULL if there was an error: a node that is returned is valid. Nothing in the node
 * points into p, which may be freed; p->root may be a part of a tree (a virtual machine in a cluster's profile).
 */
struct vp_node *vp_bind(struct vp_arena *a, const struct vp_profile *p, const struct vp_site *site, const struct vp_bind_opts *opts,
			struct vp_diags *diags);
/* What it may have while it runs, at least what it has; bytes, processors. */
uint64_t vp_node_memory_max(const struct vp_node *n);
unsigned vp_node_vcpus_max(const struct vp_node *n);
/* The origin of a field, or NULL. */
const struct vp_origin *vp_origin_of(const struct vp_node *n, const char *field);

/* The reference page of the binding table (profile paths, types, defaults), as text for `vprov schema`. */
void vp_schema_print(FILE *f);
/* The same as docs/profile-reference.md, with what is ignored on purpose. */
void vp_schema_markdown(FILE *f);

/* Names as in profiles and options; NULL or -1 where there is none. */
const char *vp_virt_name(enum vp_virt v);
int vp_virt_find(const char *name);
const char *vp_firmware_name(enum vp_firmware f);
const char *vp_install_name(enum vp_install i);
int vp_install_find(const char *name);
/* True for the methods that boot a distribution's installer. */
bool vp_install_foreign(enum vp_install i);

#endif
