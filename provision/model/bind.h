/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The binding table and what works with it. Private to provision/model.
 * Each object of a node (the node, a disk, a NIC ...) is filled by the rows of its kind; what rows cannot say is code in bind.c and layout.c.
 */
#ifndef VP_BIND_H
#define VP_BIND_H

#include "node.h"

enum vp_kind {
	VP_K_STRING,
	/* List of strings: a pointer and, right behind it, a size_t. */
	VP_K_STRINGS,
	VP_K_BOOL,
	VP_K_UINT,
	/* MiB in the profile, bytes in a uint64_t. */
	VP_K_MIB,
	/* One of `choices`, as the string. */
	VP_K_CHOICE,
	/* One of `choices`, as its position. */
	VP_K_ENUM,
};

enum vp_object { VP_O_SITE, VP_O_NAME, VP_O_NODE, VP_O_CPU, VP_O_RAM, VP_O_DISK, VP_O_NIC, VP_O_DEVICE, VP_O_PARTITION, VP_O_FILESYSTEM };

struct vp_check {
	bool (*ok)(const char *text);
	/* "a host name (letters, digits, hyphens)" */
	const char *what;
};

struct vp_row {
	/* '*' stands for the object's key. Below VP_OWN the site configuration may say it, too; for VP_O_SITE, only there. */
	const char *path;
	enum vp_object object;
	enum vp_kind kind;
	/* In the object's struct. Rows with the same one are alternatives, in this order. */
	size_t offset;
	/* Name in vp_node.origins; NULL: not shown. */
	const char *field;
	const char *help;
	/* Of numbers. */
	uint64_t min, max;
	const char *unit;
	/* Blank-separated. */
	const char *choices;
	const struct vp_check *check;
	const char *fallback;
	bool required;
};

#define VP_OWN "/system/vprov/"

#define VP_MAX_ROWS 128
extern const struct vp_row vp_rows[];
extern const size_t vp_nrows;

/* What the rows fill: parts of the model with the raw material that is only needed while binding. */
struct vp_node_in {
	struct vp_node n;
	const char *default_gateway;
	const char *bridge_name, *bridge_address;
	/* Position in the choices, -1 for not given. */
	int install;
};
struct vp_cpu_in {
	unsigned cores;
};
struct vp_ram_in {
	uint64_t size;
};
struct vp_disk_in {
	struct vp_disk d;
	const char *key, *dir;
};
struct vp_nic_in {
	struct vp_nic n;
	const char *netmask, *bootproto;
};
struct vp_device_in {
	const char *label;
};
struct vp_partition_in {
	struct vp_partition p;
	const char *key, *holding_dev, *type;
	bool aii;
	const struct vp_val *at;
};
struct vp_filesystem_in {
	struct vp_filesystem f;
	const char *block_device;
	bool mount, aii;
	const struct vp_val *at;
};

/* One run of vp_bind(). */
struct vp_bind {
	struct vp_arena *a;
	const struct vp_profile *profile;
	const struct vp_site *site;
	const struct vp_bind_opts *opts;
	struct vp_diags *diags;
	struct vp_node_in *node;
	struct vp_disk_in *disks;
};

/* One object to be filled. */
struct vp_target {
	enum vp_object object;
	void *base;
	/* Stands for '*' in paths. */
	const char *key;
	/* The same below /system/network/interfaces, where it may be another one (its bridge or bond); NULL: key. */
	const char *net;
	/* Stands for '*' in fields; NULL: key. */
	const char *name;
};
void vp_fill(struct vp_bind *b, const struct vp_target *t);
/* Text into its place: NULL, or what it has to be (in the arena). */
const char *vp_row_store(struct vp_arena *a, const struct vp_row *row, const char *text, void *dest);
/* What a value has to be: "a long from 1 to 4096". */
const char *vp_row_wants(struct vp_arena *a, const struct vp_row *row);
/* True where each element of the path equals that of the pattern, or the pattern's is "*". */
bool vp_path_match(const char *pattern, const char *path);

/* A problem at a value of the profile; v NULL: at the path alone. */
void vp_problem(struct vp_bind *b, enum vp_severity sev, enum vp_code code, const struct vp_val *v, const char *path, const char *fmt, ...)
	VP_PRINTF(6, 7);
/* field is copied; value and path must live as long as the node. v may be NULL. */
void vp_note_origin(struct vp_bind *b, const char *field, const char *value, const char *path, const struct vp_val *v);
/* The same origin under another name, where one value goes to several places. */
void vp_copy_origin(struct vp_bind *b, const char *from, const char *field);
const struct vp_val *vp_find(const struct vp_bind *b, const char *fmt, ...) VP_PRINTF(2, 3);

/* Partitions, file systems and the install method; after the disks. */
void vp_bind_layout(struct vp_bind *b);

/* One line of the site configuration. */
struct vp_site_line {
	/* Of the section; NULL: all nodes. */
	const char *glob;
	const char *key, *value;
	unsigned line;
};
struct vp_site {
	const char *file;
	struct vp_site_line *lines;
	size_t n, cap;
};
/* The next line, from *pos, that decides this key for this node; NULL when there is none. */
const struct vp_site_line *vp_site_next(const struct vp_site *site, const char *node, const char *key, size_t *pos);

/* ident.c */
/* A locally administered unicast address that follows from the node and the NIC. */
const char *vp_derive_mac(struct vp_arena *a, const char *uuid, const char *nic);
const char *vp_derive_tap(struct vp_arena *a, const char *uuid, const char *nic);
/* text.c: IPv4 as numbers in host order. */
bool vp_ip4(const char *text, uint32_t *out);
char *vp_ip4_text(struct vp_arena *a, uint32_t ip);
bool vp_netmask(const char *text, unsigned *prefix);
bool vp_cidr(const char *text, uint32_t *ip, unsigned *prefix);
bool vp_same_net(uint32_t a, uint32_t b, unsigned prefix);

extern const struct vp_check vp_is_label, vp_is_domain, vp_is_ifname, vp_is_diskname, vp_is_mac, vp_is_ip, vp_is_host_ip, vp_is_netmask, vp_is_cidr,
	vp_is_dir, vp_is_args, vp_is_ssh_key, vp_is_crypt, vp_is_package, vp_is_mountpoint, vp_is_options, vp_is_fslabel, vp_is_uuid, vp_is_key,
	vp_is_uri;

#endif
