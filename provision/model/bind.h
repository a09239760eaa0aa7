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
	/* List of strings, as struct vp_words: a pointer and, right behind it, a size_t. */
	VP_K_STRINGS,
	/* A dict of scalars, as struct vp_words; the values are checked. */
	VP_K_PAIRS,
	VP_K_BOOL,
	VP_K_UINT,
	/* MiB in the profile, bytes in a uint64_t. */
	VP_K_MIB,
	/* One of `choices`, as the string. */
	VP_K_CHOICE,
	/* One of `choices`, as its position. */
	VP_K_ENUM,
	/* A double or a long, from min to max; max 0: of any size. */
	VP_K_DOUBLE,
};

enum vp_object {
	VP_O_SITE,
	VP_O_NAME,
	VP_O_ROLE,
	VP_O_NODE,
	VP_O_TUNING,
	VP_O_HARDWARE,
	VP_O_SYSTEM,
	VP_O_NETWORK,
	VP_O_CPU,
	VP_O_RAM,
	VP_O_DISK,
	VP_O_DRIVE,
	VP_O_NIC,
	VP_O_CARD,
	VP_O_INTERFACE,
	VP_O_ALIAS,
	VP_O_ROUTE,
	VP_O_DEVICE,
	VP_O_PARTITION,
	VP_O_MD,
	VP_O_VG,
	VP_O_LV,
	VP_O_FILE,
	VP_O_FILESYSTEM,
	VP_O_AII,
	/* Read by code: the rows are for those who ask which paths are known. */
	VP_O_CODE,
	VP_O__COUNT
};

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
	/* Name in vp_node.origins, and below the object's own part of it in JSON: "nic.*.card.driver"; NULL: not shown. */
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
	/* A wrong value is a warning, and counts as not given: for what is bound, but does not decide over the machine. */
	bool lenient;
	/* The site configuration decides over it, though it is in the profile. */
	bool late;
	/* Not repeated in messages. */
	bool secret;
	/* Offset of a bool (in bytes) that says whether there was a value or fallback; 0: none. */
	size_t given;
};

#define VP_OWN "/system/vprov/"

/* One table a file, rows_*.c. */
struct vp_rows {
	const struct vp_row *rows;
	size_t n;
};
#define VP_ROWS(array)                                                                                                                               \
	{                                                                                                                                            \
		array, vp_count(array)                                                                                                               \
	}
#define VP_AT(type, member) .offset = offsetof(struct type, member)
extern const struct vp_rows vp_rows_site, vp_rows_node, vp_rows_hardware, vp_rows_net, vp_rows_disk, vp_rows_aii, vp_rows_place;
#define VP_MAX_ROWS 512
/* Of all tables, by object and in the order of the tables. */
const struct vp_row *const *vp_rows_all(size_t *n);
/* Of one object, with what makes filling it fast. */
struct vp_rows_index {
	const struct vp_row *const *rows;
	size_t n;
	/* Of each row: the first one with the same place. */
	const unsigned short *first;
	/* The rows' paths as a tree, its root; 0 ends the lists. */
	unsigned short steps;
};
const struct vp_rows_index *vp_rows_of(enum vp_object object);
/* One element of a path; name "" for the root. */
struct vp_step {
	const char *name;
	bool star;
	unsigned short child, next;
	/* Position of the row that ends here, -1 for none. */
	short row;
};
const struct vp_step *vp_step_at(unsigned short step);

/* What the rows fill: parts of the model with the raw material that is only needed while binding. */
struct vp_node_in {
	struct vp_node n;
	struct vp_words xml;
	const char *uuid, *bridge_name, *bridge_address, *bridge_interface, *uplink;
	unsigned rate;
	bool isolated;
	/* Position in the choices, -1 for not given. */
	int install;
	bool virt_given, machine_given, bridge_given;
};
struct vp_disk_in {
	struct vp_disk d;
	const char *key, *dir;
};
struct vp_nic_in {
	struct vp_nic n;
	const char *netmask, *bootproto;
	/* OpenNebula's network. */
	const char *vnet;
};
struct vp_partition_in {
	struct vp_partition p;
	const char *holding_dev;
	bool aii;
};
struct vp_md_in {
	struct vp_md m;
	struct vp_words list;
};
struct vp_vg_in {
	struct vp_vg g;
	struct vp_words list;
};
struct vp_lv_in {
	struct vp_lv v;
	const char *group, *cache_lv;
};
struct vp_filesystem_in {
	struct vp_filesystem f;
	const char *block_device;
	bool mount, aii;
	const struct vp_val *at;
	/* Position in vp_layout.blocks; past the last one: in memory. */
	unsigned block;
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
	/* There was an error: there is no node. */
	bool failed;
};

/* One object to be filled. */
struct vp_target {
	enum vp_object object;
	void *base;
	/* Stands for '*' in paths, but not in those that lead to `at`. */
	const char *key;
	/* The object's own dict; NULL: the one that key leads to. */
	const struct vp_val *at;
	/* Stands for '*' in fields; NULL: key. */
	const char *name;
};
void vp_fill(struct vp_bind *b, const struct vp_target *t);
/* Text into its place: NULL, or what it has to be (in the arena). */
const char *vp_row_store(struct vp_arena *a, const struct vp_row *row, const char *text, void *dest);
/* text has to live as long as the list. */
void vp_words_add(struct vp_arena *a, struct vp_words *list, const char *text);
/* What a value has to be: "a long from 1 to 4096". */
const char *vp_row_wants(struct vp_arena *a, const struct vp_row *row);
/* True where each element of the path equals that of the pattern, or the pattern's is "*". */
bool vp_path_match(const char *pattern, const char *path);

/* A problem at a value of the profile; v NULL: at the path alone. One that was told already is not told again. */
void vp_problem(struct vp_bind *b, enum vp_severity sev, enum vp_code code, const struct vp_val *v, const char *path, const char *fmt, ...)
	VP_PRINTF(6, 7);
/* The name of a field, "nic.*.mac" for one NIC: for the functions below. */
const char *vp_field(struct vp_bind *b, const char *pattern, const char *name);
/* field and value are copied; path must live as long as the node. v may be NULL. */
void vp_note_origin(struct vp_bind *b, const char *field, const char *value, const char *path, const struct vp_val *v);
/* The same origin under another name, where one value goes to several places; nothing where there is none. */
void vp_copy_origin(struct vp_bind *b, const char *from, const char *field);
void vp_drop_origin(struct vp_bind *b, const char *field);
/* Child of a dict, or NULL. */
const struct vp_val *vp_child(const struct vp_val *dict, const char *key);
const struct vp_val *vp_find(const struct vp_bind *b, const char *fmt, ...) VP_PRINTF(2, 3);

/* As vp_note_origin(), in place of what was noted before; o.field and o.value are copied. */
void vp_replace_origin(struct vp_bind *b, struct vp_origin o);

/* --- placed.c: what other profiles say about the node, into it --- */
/* The name of a virtual machine that has none but in its cluster; "" for none. */
const char *vp_placed_name(const struct vp_bind *b);
/* Kind of machine and of virtualisation, host, direct boot; after the node's rows. */
void vp_placed_node(struct vp_bind *b);
void vp_placed_size(struct vp_bind *b);
/* False where nobody but the node itself says where this disk is. */
bool vp_placed_disk(struct vp_bind *b, size_t i);
/* After the disks, after the NICs: what was said about others than there are. */
void vp_placed_unused(struct vp_bind *b);
/* Bridge, and MAC address where the profile has none. */
void vp_placed_nic(struct vp_bind *b, struct vp_nic_in *in, size_t i);
/* The host's bridge of that name, or NULL. */
const struct vp_bridge *vp_placed_bridge(const struct vp_bind *b, const char *name);
void vp_bind_role(struct vp_bind *b);

/* Block devices, file systems and the install method; after the disks. */
void vp_bind_layout(struct vp_bind *b);
/* After the disks. */
void vp_bind_aii(struct vp_bind *b);
/* Repositories and packages of the installation; lenient: what is odd in there is left out. */
void vp_bind_software(struct vp_bind *b);
/* The installer that the node boots; after the method and what AII says. */
void vp_bind_netboot(struct vp_bind *b);

/* One thing below /system/blockdevices. */
struct vp_blockdev {
	enum vp_block kind;
	/* As in the profile. */
	const char *key;
	/* NULL for a disk of which nothing more is said. */
	const struct vp_val *at;
	/* Of its kind: struct vp_partition_in, vp_md_in, vp_vg_in, vp_lv_in, vp_file. */
	void *in;
	/* What it is made of, as positions in vp_layout.blocks. */
	unsigned *parts;
	unsigned nparts;
	/* The path of what is made of it; NULL: nothing. */
	const char *user;
	/* Not made by an installation: the profile says so, or it is on what cannot be made. */
	bool left;
	/* Its file system is made in the running node, not by the installation. */
	bool later;
	enum { VP_UNSEEN, VP_OPEN, VP_SEEN } mark;
	/* 0: not known. */
	uint64_t size;
	/* In the node's array of its kind; for a disk from the start. */
	unsigned index;
};

/* A problem whose weight depends on the install method: an error where the machine would be installed from it. */
struct vp_trouble {
	/* Only what `image` lacks, not a mistake of the profile. */
	bool lacking;
	enum vp_code code;
	const struct vp_val *at;
	const char *text;
};

struct vp_layout {
	struct vp_bind *b;
	/* By kind; partitions by disk and number. */
	struct vp_blockdev *blocks;
	unsigned nblocks, room;
	/* There were more than a node may have, which was said. */
	bool full;
	/* Positions of those that are made, each after its parts. */
	unsigned *order;
	unsigned norder;
	struct vp_filesystem_in *systems;
	size_t nsystems;
	struct vp_trouble *troubles;
	size_t ntroubles, cap;
};
void vp_trouble(struct vp_layout *l, bool lacking, enum vp_code code, const struct vp_val *at, const char *fmt, ...) VP_PRINTF(5, 6);
/* storage.c: blocks and file systems into l; then, whatever the method, into the node. */
void vp_read_storage(struct vp_layout *l);
void vp_publish_storage(struct vp_layout *l);
/* The nth block of a kind that is made, NULL past the last. */
const struct vp_blockdev *vp_block_next(const struct vp_layout *l, enum vp_block kind, const struct vp_blockdev *after);

/* What is configured above the NICs; after them. */
void vp_bind_interfaces(struct vp_bind *b);
/* Limits of one NIC; the uplink of the bridges, which have to be there. */
void vp_bind_bandwidth(struct vp_bind *b, struct vp_nic_in *in);
void vp_bind_uplink(struct vp_bind *b);
/* Children of a dict, sorted by name; NULL-terminated, in the arena. An error where the path is something else. */
const struct vp_val **vp_sorted_children(struct vp_bind *b, const char *path);

/* One line of the site configuration. */
struct vp_site_line {
	/* Of the section, for names or roles; NULL: all nodes. */
	const char *glob;
	bool role;
	const char *key, *value;
	unsigned line;
};
struct vp_site {
	const char *file;
	/* Of its bytes; "" where there is no file. */
	char digest[65];
	struct vp_site_line *lines;
	size_t n, cap;
};
/* The next line, from *pos, that decides this key for this node (NULL: for none); NULL when there is none. */
const struct vp_site_line *vp_site_next(const struct vp_site *site, const struct vp_node *n, const char *key, size_t *pos);

/* ident.c */
/* A locally administered unicast address that follows from the node and the NIC. */
const char *vp_derive_mac(struct vp_arena *a, const char *uuid, const char *nic);
const char *vp_derive_tap(struct vp_arena *a, const char *uuid, const char *nic);
/* Where the path of "PATH = VALUE" ends and the value begins; false where it is no such text. */
bool vp_assignment(const char *text, size_t *path, const char **value);
extern const struct vp_check vp_is_label, vp_is_domain, vp_is_ifname, vp_is_diskname, vp_is_mac, vp_is_ip, vp_is_host_ip, vp_is_own_ip, vp_is_netmask,
	vp_is_cidr, vp_is_dir, vp_is_args, vp_is_ssh_key, vp_is_crypt, vp_is_package, vp_is_mountpoint, vp_is_options, vp_is_fslabel, vp_is_uuid,
	vp_is_key, vp_is_uri, vp_is_place, vp_is_bootfile, vp_is_url, vp_is_line, vp_is_address, vp_is_volume, vp_is_tolerance, vp_is_assignment,
	vp_is_cpuset, vp_is_pin, vp_is_model, vp_is_vlans, vp_is_owner;

#endif
