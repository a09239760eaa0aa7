// SPDX-License-Identifier: Apache-2.0
/* The binding table: every profile path that vprov reads, one row each. `vprov schema` prints it. */
#include <string.h>

#include "bind.h"

#define AT(type, member) .offset = offsetof(struct type, member)

const struct vp_row vp_rows[] = {
	{ "connect", VP_O_SITE, VP_K_STRING, .check = &vp_is_uri, .help = "libvirt connection; --connect decides over it" },
	{ "templates", VP_O_SITE, VP_K_STRING, .check = &vp_is_dir,
	  .help = "the site's own templates, each in place of the shipped one of that name" },
	{ "namespace", VP_O_SITE, VP_K_STRING, .check = &vp_is_uuid, .help = "namespace of the nodes' UUIDs" },

	{ "/system/network/hostname", VP_O_NAME, VP_K_STRING, AT(vp_node_in, n.hostname), .field = "hostname", .check = &vp_is_label,
	  .required = true, .help = "with the domain name it is the node's name" },
	{ "/system/network/domainname", VP_O_NAME, VP_K_STRING, AT(vp_node_in, n.domain), .field = "domain", .check = &vp_is_domain,
	  .help = "domain name" },

	{ VP_OWN "virt", VP_O_NODE, VP_K_ENUM, AT(vp_node_in, n.virt), .field = "virt", .choices = "kvm qemu xen-para xen-hvm", .fallback = "kvm",
	  .help = "kind of virtualisation; --virt decides over it" },
	{ VP_OWN "firmware", VP_O_NODE, VP_K_ENUM, AT(vp_node_in, n.firmware), .field = "firmware", .choices = "bios uefi",
	  .help = "firmware of the machine" },
	{ "/hardware/bios/bootmode", VP_O_NODE, VP_K_ENUM, AT(vp_node_in, n.firmware), .field = "firmware", .choices = "bios uefi",
	  .fallback = "bios", .help = "firmware of the machine" },
	{ VP_OWN "install", VP_O_NODE, VP_K_ENUM, AT(vp_node_in, install), .field = "install", .choices = "image none",
	  .help = "how the node gets its system; default image, or none where image cannot make the profile's file systems" },
	{ "/system/network/default_gateway", VP_O_NODE, VP_K_STRING, AT(vp_node_in, default_gateway), .check = &vp_is_host_ip,
	  .help = "gateway of the NIC in whose subnet it lies" },
	{ "/system/network/nameserver", VP_O_NODE, VP_K_STRINGS, AT(vp_node_in, n.nameservers), .field = "nameservers", .check = &vp_is_ip,
	  .help = "DNS servers" },
	{ VP_OWN "bridge/name", VP_O_NODE, VP_K_STRING, AT(vp_node_in, bridge_name), .field = "bridge.name", .check = &vp_is_ifname,
	  .fallback = "vprov0", .help = "bridge of all NICs that name none of their own" },
	{ VP_OWN "bridge/address", VP_O_NODE, VP_K_STRING, AT(vp_node_in, bridge_address), .field = "bridge.address", .check = &vp_is_cidr,
	  .help = "the host's address on that bridge; default the gateway, where it lies in the node's subnet" },
	{ VP_OWN "kernel_args", VP_O_NODE, VP_K_STRING, AT(vp_node_in, n.kernel_args), .field = "kernel_args", .check = &vp_is_args,
	  .help = "added to the installed system's kernel command line" },
	{ VP_OWN "rootpw", VP_O_NODE, VP_K_STRING, AT(vp_node_in, n.rootpw), .field = "rootpw", .check = &vp_is_crypt,
	  .help = "crypt(3) hash of root's password; none: no password opens the account" },
	{ "/system/aii/osinstall/ks/rootpw", VP_O_NODE, VP_K_STRING, AT(vp_node_in, n.rootpw), .field = "rootpw", .check = &vp_is_crypt,
	  .help = "the same" },
	{ VP_OWN "ssh_keys", VP_O_NODE, VP_K_STRINGS, AT(vp_node_in, n.ssh_keys), .field = "ssh_keys", .check = &vp_is_ssh_key,
	  .help = "keys that may log in as root" },
	{ VP_OWN "packages", VP_O_NODE, VP_K_STRINGS, AT(vp_node_in, n.packages), .field = "packages", .check = &vp_is_package,
	  .help = "packages of the root image beyond the standard list" },
	{ VP_OWN "verify/enabled", VP_O_NODE, VP_K_BOOL, AT(vp_node_in, n.verify.enabled), .field = "verify.enabled", .fallback = "true",
	  .help = "measure the node after its first boot from disk" },
	{ VP_OWN "verify/cpu_laps", VP_O_NODE, VP_K_UINT, AT(vp_node_in, n.verify.cpu_laps), .field = "verify.cpu_laps", .min = 1, .max = 1000000,
	  .fallback = "20", .help = "laps of the CPU kernel" },
	{ VP_OWN "verify/net_seconds", VP_O_NODE, VP_K_UINT, AT(vp_node_in, n.verify.net_seconds), .field = "verify.net_seconds", .min = 1,
	  .max = 3600, .unit = "s", .fallback = "5", .help = "network traffic in each direction" },
	{ VP_OWN "verify/disk_mib", VP_O_NODE, VP_K_UINT, AT(vp_node_in, n.verify.disk_mib), .field = "verify.disk_mib", .max = 1u << 24,
	  .unit = "MiB", .fallback = "0", .help = "file that bonnie++ writes; 0: twice the memory" },

	{ VP_OWN "deadline", VP_O_NODE, VP_K_UINT, AT(vp_node_in, n.deadline), .field = "deadline", .max = 86400, .unit = "s", .fallback = "0",
	  .help = "an installation without any news for so long has stalled; 0: 90 s, under software emulation 600 s" },

	{ "/hardware/cpu/*/cores", VP_O_CPU, VP_K_UINT, AT(vp_cpu_in, cores), .min = 1, .max = VP_MAX_VCPUS, .fallback = "1",
	  .help = "cores of one socket; the node has their sum" },
	{ "/hardware/ram/*/size", VP_O_RAM, VP_K_MIB, AT(vp_ram_in, size), .min = 1, .max = VP_MAX_MEMORY_MIB, .required = true,
	  .help = "one module of memory; the node has their sum" },

	{ "/hardware/harddisks/*/capacity", VP_O_DISK, VP_K_MIB, AT(vp_disk_in, d.size), .field = "disk.*.size", .min = 1, .max = VP_MAX_DISK_MIB,
	  .required = true, .help = "size of the disk" },
	{ "/hardware/harddisks/*/boot", VP_O_DISK, VP_K_BOOL, AT(vp_disk_in, d.boot), .help = "the disk to boot from; default the first by name" },
	{ VP_OWN "disks/*/bus", VP_O_DISK, VP_K_CHOICE, AT(vp_disk_in, d.bus), .field = "disk.*.bus", .choices = "virtio ide sata scsi xen",
	  .help = "bus of one disk" },
	{ VP_OWN "disk/bus", VP_O_DISK, VP_K_CHOICE, AT(vp_disk_in, d.bus), .field = "disk.*.bus", .choices = "virtio ide sata scsi xen",
	  .help = "bus of all disks; default virtio (kvm, qemu), xen (xen-para), ide (xen-hvm)" },
	{ VP_OWN "disks/*/format", VP_O_DISK, VP_K_CHOICE, AT(vp_disk_in, d.format), .field = "disk.*.format", .choices = "qcow2 raw",
	  .help = "image format of one disk" },
	{ VP_OWN "disk/format", VP_O_DISK, VP_K_CHOICE, AT(vp_disk_in, d.format), .field = "disk.*.format", .choices = "qcow2 raw",
	  .fallback = "qcow2", .help = "image format of all disks" },
	{ VP_OWN "disk/dir", VP_O_DISK, VP_K_STRING, AT(vp_disk_in, dir), .check = &vp_is_dir,
	  .help = "directory of the disk images; default disks/ in the state directory" },

	{ "/hardware/cards/nic/*/hwaddr", VP_O_NIC, VP_K_STRING, AT(vp_nic_in, n.mac), .field = "nic.*.mac", .check = &vp_is_mac,
	  .help = "MAC address; default one that follows from the node's name" },
	{ "/hardware/cards/nic/*/boot", VP_O_NIC, VP_K_BOOL, AT(vp_nic_in, n.boot),
	  .help = "the NIC to boot from: the first by name, else the first of all" },
	{ "/system/network/interfaces/*/ip", VP_O_NIC, VP_K_STRING, AT(vp_nic_in, n.ip), .field = "nic.*.ip", .check = &vp_is_host_ip,
	  .help = "address, of the bridge or bond where the NIC is part of one" },
	{ "/system/network/interfaces/*/netmask", VP_O_NIC, VP_K_STRING, AT(vp_nic_in, netmask), .check = &vp_is_netmask, .help = "netmask" },
	{ "/system/network/interfaces/*/gateway", VP_O_NIC, VP_K_STRING, AT(vp_nic_in, n.gateway), .field = "nic.*.gateway", .check = &vp_is_host_ip,
	  .help = "gateway of this NIC" },
	{ "/system/network/interfaces/*/bootproto", VP_O_NIC, VP_K_CHOICE, AT(vp_nic_in, bootproto), .choices = "static bootp dhcp none",
	  .help = "dhcp and bootp: the installed system asks for its address" },
	{ "/system/network/interfaces/*/mtu", VP_O_NIC, VP_K_UINT, AT(vp_nic_in, n.mtu), .field = "nic.*.mtu", .min = 576, .max = 65535,
	  .unit = "bytes", .help = "largest packet" },
	{ VP_OWN "nics/*/model", VP_O_NIC, VP_K_CHOICE, AT(vp_nic_in, n.model), .field = "nic.*.model", .choices = "virtio e1000 netfront",
	  .help = "model; default virtio (kvm, qemu), netfront (xen-para), e1000 (xen-hvm)" },
	{ VP_OWN "nics/*/bridge", VP_O_NIC, VP_K_STRING, AT(vp_nic_in, n.bridge), .field = "nic.*.bridge", .check = &vp_is_ifname,
	  .help = "bridge of one NIC" },

	{ "/system/blockdevices/physical_devs/*/label", VP_O_DEVICE, VP_K_STRING, AT(vp_device_in, label), .field = "disk.*.label",
	  .check = &vp_is_key, .help = "partition table: msdos or gpt" },
	{ "/system/blockdevices/partitions/*/holding_dev", VP_O_PARTITION, VP_K_STRING, AT(vp_partition_in, holding_dev), .check = &vp_is_key,
	  .required = true, .help = "the disk" },
	{ "/system/blockdevices/partitions/*/size", VP_O_PARTITION, VP_K_MIB, AT(vp_partition_in, p.size), .field = "partition.*.size", .min = 1,
	  .max = VP_MAX_DISK_MIB, .help = "size; none: the rest of the disk" },
	{ "/system/blockdevices/partitions/*/type", VP_O_PARTITION, VP_K_CHOICE, AT(vp_partition_in, type), .choices = "primary extended logical",
	  .fallback = "primary", .help = "kind in an msdos partition table" },
	{ "/system/blockdevices/partitions/*/flags/boot", VP_O_PARTITION, VP_K_BOOL, AT(vp_partition_in, p.bootable), .help = "active partition" },
	{ "/system/blockdevices/partitions/*/aii", VP_O_PARTITION, VP_K_BOOL, AT(vp_partition_in, aii), .fallback = "true",
	  .help = "false: not made by the installation" },

	{ "/system/filesystems/*/block_device", VP_O_FILESYSTEM, VP_K_STRING, AT(vp_filesystem_in, block_device), .check = &vp_is_key,
	  .required = true, .help = "path below /system/blockdevices" },
	{ "/system/filesystems/*/mountpoint", VP_O_FILESYSTEM, VP_K_STRING, AT(vp_filesystem_in, f.mountpoint), .check = &vp_is_mountpoint,
	  .required = true, .help = "where it is mounted, or swap" },
	{ "/system/filesystems/*/type", VP_O_FILESYSTEM, VP_K_STRING, AT(vp_filesystem_in, f.type), .check = &vp_is_key, .required = true,
	  .help = "kind of file system" },
	{ "/system/filesystems/*/mountopts", VP_O_FILESYSTEM, VP_K_STRING, AT(vp_filesystem_in, f.options), .check = &vp_is_options,
	  .fallback = "defaults", .help = "mount options" },
	{ "/system/filesystems/*/label", VP_O_FILESYSTEM, VP_K_STRING, AT(vp_filesystem_in, f.label), .check = &vp_is_fslabel,
	  .help = "label of the file system" },
	{ "/system/filesystems/*/format", VP_O_FILESYSTEM, VP_K_BOOL, AT(vp_filesystem_in, f.format), .fallback = "true", .help = "make it anew" },
	{ "/system/filesystems/*/preserve", VP_O_FILESYSTEM, VP_K_BOOL, AT(vp_filesystem_in, f.preserve), .fallback = "false",
	  .help = "keep what an earlier installation left" },
	{ "/system/filesystems/*/mount", VP_O_FILESYSTEM, VP_K_BOOL, AT(vp_filesystem_in, mount), .fallback = "true", .help = "mount it at boot" },
	{ "/system/filesystems/*/aii", VP_O_FILESYSTEM, VP_K_BOOL, AT(vp_filesystem_in, aii), .fallback = "true",
	  .help = "false: not made by the installation" },
};
const size_t vp_nrows = vp_count(vp_rows);

_Static_assert(vp_count(vp_rows) <= VP_MAX_ROWS, "VP_MAX_ROWS");
_Static_assert(offsetof(struct vp_node, nssh_keys) == offsetof(struct vp_node, ssh_keys) + sizeof(char *), "VP_K_STRINGS");
_Static_assert(offsetof(struct vp_node, npackages) == offsetof(struct vp_node, packages) + sizeof(char *), "VP_K_STRINGS");
_Static_assert(offsetof(struct vp_node, nnameservers) == offsetof(struct vp_node, nameservers) + sizeof(char *), "VP_K_STRINGS");

bool vp_path_match(const char *pattern, const char *path)
{
	for (;;) {
		size_t n = strcspn(pattern, "/"), m = strcspn(path, "/");

		if (!(n == 1 && *pattern == '*' && m) && (n != m || strncmp(pattern, path, n)))
			return false;
		pattern += n;
		path += m;
		if (!*pattern || !*path)
			return *pattern == *path;
		pattern++;
		path++;
	}
}

/* Position of the word in the blank-separated list, -1 for none. */
static int choice(const char *choices, const char *text)
{
	size_t len = strlen(text);
	int at = 0;

	for (const char *p = choices; *p; p += strspn(p, " "), at++) {
		size_t n = strcspn(p, " ");

		if (n == len && !strncmp(p, text, n))
			return at;
		p += n;
	}
	return -1;
}

static bool truth(const char *text, bool *out)
{
	static const char *const words[] = { "false", "true", "no", "yes" };

	for (size_t i = 0; i < vp_count(words); i++)
		if (!strcmp(text, words[i])) {
			*out = i & 1;
			return true;
		}
	return false;
}

static void append_string(struct vp_arena *a, const char *text, void *dest)
{
	struct {
		const char **items;
		size_t n;
	} *list = dest;
	const char **more = vp_alloc(a, (list->n + 1) * sizeof(*more));

	if (list->n)
		memcpy(more, list->items, list->n * sizeof(*more));
	more[list->n++] = text;
	list->items = more;
}

const char *vp_row_store(struct vp_arena *a, const struct vp_row *row, const char *text, void *dest)
{
	uint64_t number;
	int at = -1;

	switch (row->kind) {
	case VP_K_BOOL: return truth(text, dest) ? NULL : vp_row_wants(a, row);
	case VP_K_UINT:
	case VP_K_MIB:
		if (!vp_parse_u64(text, row->min, row->max, &number))
			return vp_row_wants(a, row);
		if (row->kind == VP_K_MIB)
			*(uint64_t *)dest = number * VP_MIB;
		else
			*(unsigned *)dest = (unsigned)number;
		return NULL;
	case VP_K_CHOICE:
	case VP_K_ENUM:
		at = choice(row->choices, text);
		if (at < 0)
			return vp_row_wants(a, row);
		if (row->kind == VP_K_ENUM)
			*(int *)dest = at;
		else
			*(const char **)dest = vp_strdup(a, text);
		return NULL;
	case VP_K_STRING:
	case VP_K_STRINGS: break;
	}
	if (!row->check->ok(text))
		return vp_row_wants(a, row);
	text = vp_strdup(a, text);
	if (row->kind == VP_K_STRINGS)
		append_string(a, text, dest);
	else
		*(const char **)dest = text;
	return NULL;
}

const char *vp_row_wants(struct vp_arena *a, const struct vp_row *row)
{
	const char *unit = row->kind == VP_K_MIB ? "MiB" : row->unit;

	switch (row->kind) {
	case VP_K_BOOL: return "a boolean";
	case VP_K_UINT:
	case VP_K_MIB: return vp_printf(a, "a long from %ju to %ju%s%s", (uintmax_t)row->min, (uintmax_t)row->max, unit ? " " : "", unit ? unit : "");
	case VP_K_CHOICE:
	case VP_K_ENUM: return vp_printf(a, "one of: %s", row->choices);
	case VP_K_STRINGS: return vp_printf(a, "a list of strings, each %s", row->check->what);
	case VP_K_STRING: break;
	}
	return vp_printf(a, "a string: %s", row->check->what);
}

static void print_rows(struct vp_arena *a, bool site, FILE *f)
{
	for (size_t i = 0; i < vp_nrows; i++) {
		const struct vp_row *r = &vp_rows[i];

		if (site != (r->object == VP_O_SITE))
			continue;
		fprintf(f, "%s\n    %s; %s", r->path, r->help, vp_row_wants(a, r));
		if (r->fallback)
			fprintf(f, "; default %s", r->fallback);
		fprintf(f, "%s\n", r->required ? "; required" : "");
	}
}

void vp_schema_print(FILE *f)
{
	vp_cleanup(vp_arena_freep) struct vp_arena *a = vp_arena_new();

	fputs("Profile paths that vprov reads; all others are ignored, but none may be below " VP_OWN " that is not here.\n"
	      "'*' stands for any key or position. What is below " VP_OWN " may also stand in the site configuration,\n"
	      "as \"key = value\" with the path below it as the key (\"bridge/name = vpbr0\"), after \"[node GLOB]\" for some nodes only.\n\n",
	      f);
	print_rows(a, false, f);
	fputs("\nKeys of the site configuration alone:\n\n", f);
	print_rows(a, true, f);
}
