/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The node model: what a profile plus the site configuration say a machine is.
 * Sizes are bytes. Everything lives in the arena of the run; strings are never
 * NULL unless the comment says so ("" means not given).
 */
#ifndef VP_NODE_H
#define VP_NODE_H

#include "../profile/tree.h"

enum vp_virt { VP_KVM, VP_QEMU, VP_XEN_PARA, VP_XEN_HVM };
enum vp_firmware { VP_BIOS, VP_UEFI };
enum vp_install { VP_INSTALL_IMAGE, VP_INSTALL_NONE };

struct vp_disk {
	/* Key in the profile, unescaped: "sda". */
	const char *name;
	/* What the guest sees: "vda", "xvda", "hda"; from the bus and the position. */
	const char *target;
	/* virtio, ide, sata, scsi, xen */
	const char *bus;
	/* qcow2 or raw */
	const char *format;
	/* Absolute path on the hypervisor; "" where no state directory was given. */
	const char *path;
	uint64_t size;
	bool boot;
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
};

struct vp_partition {
	/* "sda1", unescaped; `disk` indexes vp_node.disks. */
	const char *name;
	unsigned disk;
	/* 0: the rest of the disk. */
	uint64_t size;
	/* Position on its disk, from 1: the number in the partition table. */
	unsigned number;
	bool bootable;
};

struct vp_filesystem {
	/* Indexes vp_node.partitions. */
	unsigned partition;
	/* "/", "/boot", "swap" ... */
	const char *mountpoint;
	/* ext4, ext3, xfs, swap ... */
	const char *type;
	const char *options;
	const char *label;
	bool format;
	bool preserve;
};

struct vp_bridge {
	const char *name;
	/* Address of the host on it, "" where the bridge has to exist with one already. */
	const char *address;
	unsigned prefix;
};

struct vp_verify {
	bool enabled;
	/* Laps of the CPU kernel; seconds of network traffic; MiB of the file bonnie++ writes (0: twice the memory). */
	unsigned cpu_laps;
	unsigned net_seconds;
	unsigned disk_mib;
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

struct vp_node {
	/* FQDN where the profile has a domain name, else the host name. */
	const char *name;
	const char *hostname;
	const char *domain;
	/* Version 5, from the site's namespace and the name. */
	char uuid[37];
	enum vp_virt virt;
	enum vp_firmware firmware;
	enum vp_install install;
	unsigned vcpus;
	unsigned sockets;
	uint64_t memory;
	struct vp_disk *disks;
	size_t ndisks;
	struct vp_nic *nics;
	size_t nnics;
	/* Index of the NIC it boots from. */
	size_t boot_nic;
	struct vp_bridge *bridges;
	size_t nbridges;
	struct vp_partition *partitions;
	size_t npartitions;
	/* msdos or gpt, one per disk. */
	const char **labels;
	struct vp_filesystem *filesystems;
	size_t nfilesystems;
	const char **nameservers;
	size_t nnameservers;
	/* crypt(3) hash, "" for a locked password. */
	const char *rootpw;
	/* authorized_keys lines. */
	const char **ssh_keys;
	size_t nssh_keys;
	/* Added to the installed system's kernel command line. */
	const char *kernel_args;
	/* Packages of the root image beyond the standard list. */
	const char **packages;
	size_t npackages;
	struct vp_verify verify;
	/* Seconds without news after which an installation has stalled; 0: by the kind of virtualisation. */
	unsigned deadline;
	const struct vp_profile *profile;
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
 * ("bridge/name = vpbr0"); "[node GLOB]" starts lines for some nodes only. file may be NULL: /etc/vprov/vprov.conf, if it is there.
 */
struct vp_site *vp_site_read(struct vp_arena *a, const char *file, struct vp_diags *diags);
/* Value of a key that belongs to no node ("connect"); NULL where not set. */
const char *vp_site_get(const struct vp_site *site, const char *key);

/* Options of the command line that decide over the profile. */
struct vp_bind_opts {
	/* -1: not given */
	int virt;
	const char *state_dir;
};

/*
 * Binds one profile to a node; problems go to diags. NULL if there was an error: a node that is returned is valid.
 */
struct vp_node *vp_bind(struct vp_arena *a, const struct vp_profile *p, const struct vp_site *site, const struct vp_bind_opts *opts,
			struct vp_diags *diags);
/* Reads and binds files and directories of profiles, then looks for clashes over all of them. Sorted by name. */
void vp_nodes_load(struct vp_arena *a, const char *const *paths, size_t n, const struct vp_site *site, const struct vp_bind_opts *opts,
		   struct vp_nodes *out, struct vp_diags *diags);
/* The origin of a field, or NULL. */
const struct vp_origin *vp_origin_of(const struct vp_node *n, const char *field);

/* The reference page of the binding table (profile paths, types, defaults), as text for `vprov schema`. */
void vp_schema_print(FILE *f);

/* Names as in profiles and options; NULL or -1 where there is none. */
const char *vp_virt_name(enum vp_virt v);
int vp_virt_find(const char *name);
const char *vp_firmware_name(enum vp_firmware f);
const char *vp_install_name(enum vp_install i);

#endif
