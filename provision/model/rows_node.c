// SPDX-License-Identifier: Apache-2.0
/* Rows of the binding table. The machine itself: name, processors, memory, and what is below /system/vprov. */
#include "bind.h"

static const struct vp_row rows[] = {
	{ "/system/network/hostname", VP_O_NAME, VP_K_STRING, VP_AT(vp_node_in, n.hostname), .field = "hostname", .check = &vp_is_label,
	  .help = "required; with the domain name it is the node's name" },
	{ "/system/network/domainname", VP_O_NAME, VP_K_STRING, VP_AT(vp_node_in, n.domain), .field = "domain", .check = &vp_is_domain,
	  .help = "domain name" },
	{ VP_OWN "uuid", VP_O_NODE, VP_K_STRING, VP_AT(vp_node_in, uuid), .field = "uuid", .check = &vp_is_uuid,
	  .help = "of the domain; default version 5, from the node's name" },
	{ VP_OWN "virt", VP_O_NODE, VP_K_ENUM, VP_AT(vp_node_in, n.virt), .field = "virt", .choices = "kvm qemu xen-para xen-hvm",
	  .given = offsetof(struct vp_node_in, virt_given),
	  .help = "kind of virtualisation; --virt decides over it; default what the hypervisor's profile says, else kvm" },
	{ VP_OWN "firmware", VP_O_NODE, VP_K_ENUM, VP_AT(vp_node_in, n.firmware), .field = "firmware", .choices = "bios uefi",
	  .help = "firmware of the machine" },
	{ "/hardware/bios/bootmode", VP_O_NODE, VP_K_ENUM, VP_AT(vp_node_in, n.firmware), .field = "firmware", .choices = "bios uefi",
	  .fallback = "bios", .help = "firmware of the machine" },
	{ VP_OWN "install", VP_O_NODE, VP_K_ENUM, VP_AT(vp_node_in, install), .field = "install",
	  .choices = "image kickstart preseed autoinstall none",
	  .help = "how the node gets its system: vprov's own image, or the installer of a distribution; default image, or none where image cannot "
		  "make "
		  "the profile's file systems" },
	{ VP_OWN "netboot/kernel", VP_O_NODE, VP_K_STRING, VP_AT(vp_node_in, n.netboot.kernel), .field = "netboot.kernel", .check = &vp_is_bootfile,
	  .help = "kernel of the distribution's installer: a file of this machine, or a URL for the boot loader; default, for kickstart, AII's" },
	{ VP_OWN "netboot/initrd", VP_O_NODE, VP_K_STRING, VP_AT(vp_node_in, n.netboot.initrd), .field = "netboot.initrd", .check = &vp_is_bootfile,
	  .help = "its ramdisk, the same way" },
	{ VP_OWN "netboot/dir", VP_O_NODE, VP_K_STRING, VP_AT(vp_node_in, n.netboot.dir), .field = "netboot.dir", .check = &vp_is_dir,
	  .help = "AII's TFTP root: what the kernel and initrd of /system/aii/nbp/pxelinux are below" },
	{ VP_OWN "netboot/args", VP_O_NODE, VP_K_STRING, VP_AT(vp_node_in, n.netboot.args), .field = "netboot.args", .check = &vp_is_args,
	  .help = "added to the installer's kernel command line" },
	{ VP_OWN "netboot/mirror", VP_O_NODE, VP_K_STRING, VP_AT(vp_node_in, n.netboot.mirror), .field = "netboot.mirror", .check = &vp_is_url,
	  .help = "packages of Debian or Ubuntu; default, for preseed, http://deb.debian.org/debian" },
	{ VP_OWN "netboot/suite", VP_O_NODE, VP_K_STRING, VP_AT(vp_node_in, n.netboot.suite), .field = "netboot.suite", .check = &vp_is_package,
	  .help = "release of Debian; default bookworm" },
	{ VP_OWN "netboot/iso", VP_O_NODE, VP_K_STRING, VP_AT(vp_node_in, n.netboot.iso), .field = "netboot.iso", .check = &vp_is_url,
	  .help = "autoinstall: the live server image of Ubuntu, which its ramdisk fetches" },
	{ VP_OWN "bridge/name", VP_O_NODE, VP_K_STRING, VP_AT(vp_node_in, bridge_name), .field = "bridge.name", .check = &vp_is_ifname,
	  .help = "bridge of all NICs that name none of their own; default the one that the hypervisor's profile names, else vprov0" },
	{ VP_OWN "bridge/address", VP_O_NODE, VP_K_STRING, VP_AT(vp_node_in, bridge_address), .field = "bridge.address", .check = &vp_is_cidr,
	  .help = "the host's address on that bridge; default the gateway, where it lies in the node's subnet" },
	{ VP_OWN "bridge/interface", VP_O_NODE, VP_K_STRING, VP_AT(vp_node_in, bridge_interface), .field = "bridge.interface", .check = &vp_is_ifname,
	  .help = "where the hypervisor is another machine: the interface of this one, for the boot service, on the bridge's network; default one of "
		  "the bridge's name, else one with an address in the node's subnet" },
	{ VP_OWN "bridge/uplink", VP_O_NODE, VP_K_STRING, VP_AT(vp_node_in, uplink), .field = "bridge.uplink", .check = &vp_is_ifname,
	  .help = "device of that bridge that leads out: what it carries is shared in equal parts by the nodes, receiving and sending; default no "
		  "sharing" },
	{ VP_OWN "bridge/rate", VP_O_NODE, VP_K_UINT, VP_AT(vp_node_in, rate), .field = "bridge.rate", .min = 1, .max = 1000000, .unit = "Mbit/s",
	  .help = "how much the uplink carries each way; required with it" },
	{ VP_OWN "bridge/isolated", VP_O_NODE, VP_K_BOOL, VP_AT(vp_node_in, isolated), .field = "bridge.isolated", .fallback = "false",
	  .help = "this machine routes nothing into that bridge or out of it, and no answers for DHCP come in by its uplink" },
	{ VP_OWN "guard/level", VP_O_NODE, VP_K_ENUM, VP_AT(vp_node_in, n.guard), .field = "guard.level", .choices = "none mac address",
	  .fallback = "none", .help = "what is checked of each frame that the node sends: the MAC, the IP addresses, too" },
	{ VP_OWN "guard/addresses", VP_O_NODE, VP_K_STRINGS, VP_AT(vp_node_in, n.guard_addresses), .field = "guard.addresses", .check = &vp_is_ip,
	  .help = "more addresses that it may use, beside those in its profile" },
	{ VP_OWN "xml", VP_O_NODE, VP_K_STRINGS, VP_AT(vp_node_in, xml), .field = "xml", .check = &vp_is_assignment,
	  .help = "changes of the rendered definition of the domain: ./devices/disk[1]/driver/@cache = none; an attribute or element that is not "
		  "there "
		  "is made, an empty value removes it, and one that begins with /domain[@type='kvm'] is for such guests only" },
	{ VP_OWN "kernel_args", VP_O_NODE, VP_K_STRING, VP_AT(vp_node_in, n.kernel_args), .field = "kernel_args", .check = &vp_is_args,
	  .help = "added to the installed system's kernel command line" },
	{ VP_OWN "tap_owner", VP_O_NODE, VP_K_STRING, VP_AT(vp_node_in, n.tap_owner), .field = "tap_owner", .check = &vp_is_owner,
	  .help = "who may open its taps on this machine without privilege, where a QEMU that is not libvirt's shall; default root, or who runs "
		  "vprov" },
	{ VP_OWN "rootpw", VP_O_NODE, VP_K_STRING, VP_AT(vp_node_in, n.rootpw), .field = "rootpw", .check = &vp_is_crypt, .secret = true,
	  .help = "crypt(3) hash of root's password; none: no password opens the account" },
	{ VP_OWN "ssh_keys", VP_O_NODE, VP_K_STRINGS, VP_AT(vp_node_in, n.ssh_keys), .field = "ssh_keys", .check = &vp_is_ssh_key,
	  .help = "keys that may log in as root" },
	{ VP_OWN "packages", VP_O_NODE, VP_K_STRINGS, VP_AT(vp_node_in, n.packages), .field = "packages", .check = &vp_is_package,
	  .help = "packages of the root image beyond the standard list" },
	{ VP_OWN "verify/enabled", VP_O_NODE, VP_K_BOOL, VP_AT(vp_node_in, n.verify.enabled), .field = "verify.enabled", .fallback = "true",
	  .help = "measure the node after its first boot from disk" },
	{ VP_OWN "verify/cpu_laps", VP_O_NODE, VP_K_UINT, VP_AT(vp_node_in, n.verify.cpu_laps), .field = "verify.cpu_laps", .min = 1, .max = 1000000,
	  .fallback = "20", .help = "laps of the CPU kernel" },
	{ VP_OWN "verify/net_seconds", VP_O_NODE, VP_K_UINT, VP_AT(vp_node_in, n.verify.net_seconds), .field = "verify.net_seconds", .min = 1,
	  .max = 3600, .unit = "s", .fallback = "5", .help = "network traffic in each direction" },
	{ VP_OWN "verify/disk_mib", VP_O_NODE, VP_K_UINT, VP_AT(vp_node_in, n.verify.disk_mib), .field = "verify.disk_mib", .max = 1u << 24,
	  .unit = "MiB", .fallback = "0", .help = "file that bonnie++ writes; 0: twice the memory" },
	{ VP_OWN "verify/tolerances", VP_O_NODE, VP_K_STRINGS, VP_AT(vp_node_in, n.verify.tolerances), .field = "verify.tolerances",
	  .check = &vp_is_tolerance,
	  .help = "what may be lost against the baseline; the first pattern that fits a metric counts; a metric without one cannot fail by being "
		  "slow" },
	{ VP_OWN "verify/baseline", VP_O_NODE, VP_K_STRING, VP_AT(vp_node_in, n.verify.baseline), .field = "verify.baseline", .check = &vp_is_domain,
	  .fallback = "auto",
	  .help = "what it is compared with: host (the bare machine, measured by `vprov verify --host`), past (its own earlier runs), fleet (all "
		  "nodes of "
		  "its kind), the name of another node; auto: host if there is one, else fleet" },
	{ VP_OWN "deadline", VP_O_NODE, VP_K_UINT, VP_AT(vp_node_in, n.deadline), .field = "deadline", .max = 86400, .unit = "s", .fallback = "0",
	  .help = "an installation without any news for so long has stalled; 0: 90 s, under software emulation 600 s" },
/* clang-format off */
#define VP_PHASE(symbol, name, hardware, emulated, entered)                                                                                          \
	{ VP_OWN "deadlines/" name, VP_O_NODE, VP_K_UINT, VP_AT(vp_node_in, n.deadlines[VP_DEADLINE_##symbol]), .field = "deadlines." name,           \
	  .max = 604800, .unit = "s", .fallback = "0",                                                                                                \
	  .help = "how long the phase \"" name "\" of an installation may take, from when " entered "; 0: what earlier ones took tells, else "          \
		  #hardware " s, under software emulation " #emulated " s" },
#include "phases.def"
#undef VP_PHASE
	/* clang-format on */
	{ VP_OWN "retries", VP_O_NODE, VP_K_UINT, VP_AT(vp_node_in, n.retries), .field = "retries", .max = 2, .fallback = "1",
	  .help = "how often a machine is restarted that stopped before it had its configuration; after that, never" },
	{ VP_OWN "cpu/model", VP_O_TUNING, VP_K_STRING, VP_AT(vp_tuning, cpu_model), .field = "tuning.cpu_model", .check = &vp_is_model,
	  .help = "kvm: host-passthrough (the default), host-model, or a model's name, for guests that move between hosts; qemu: a model's name" },
	{ VP_OWN "cpu/threads", VP_O_TUNING, VP_K_UINT, VP_AT(vp_tuning, threads), .field = "tuning.threads", .min = 1, .max = 8,
	  .help = "threads of each core that the guest sees, where that divides its processors" },
	{ VP_OWN "cpu/pin", VP_O_TUNING, VP_K_STRINGS, VP_AT(vp_tuning, pin), .field = "tuning.pin", .check = &vp_is_pin,
	  .help = "processors of the host for one of the guest, or for the emulator's own threads" },
	{ VP_OWN "memory/hugepages", VP_O_TUNING, VP_K_CHOICE, VP_AT(vp_tuning, hugepages), .field = "tuning.hugepages", .choices = "none 2M 1G",
	  .fallback = "none", .help = "kvm, qemu: memory in huge pages that the host has set aside" },
	{ VP_OWN "memory/nodes", VP_O_TUNING, VP_K_STRING, VP_AT(vp_tuning, memory_nodes), .field = "tuning.memory_nodes", .check = &vp_is_cpuset,
	  .help = "kvm, qemu: NUMA nodes of the host that its memory is in, and nowhere else" },
	{ VP_OWN "memory/max", VP_O_TUNING, VP_K_MIB, VP_AT(vp_tuning, memory_max), .field = "tuning.memory_max", .min = 1, .max = VP_MAX_MEMORY_MIB,
	  .help = "what its memory may become while it runs; default what it has" },
	{ VP_OWN "cpu/max", VP_O_TUNING, VP_K_UINT, VP_AT(vp_tuning, vcpus_max), .field = "tuning.vcpus_max", .min = 1, .max = VP_MAX_VCPUS,
	  .help = "how many processors it may be given while it runs; default what it has" },
	{ VP_OWN "iothreads", VP_O_TUNING, VP_K_UINT, VP_AT(vp_tuning, iothreads), .field = "tuning.iothreads", .max = 64, .fallback = "0",
	  .help = "kvm, qemu: threads that serve virtio disks, in turn, instead of the emulator's main one" },
	{ VP_OWN "rng", VP_O_TUNING, VP_K_BOOL, VP_AT(vp_tuning, rng), .field = "tuning.rng", .fallback = "true",
	  .help = "kvm, qemu: random numbers from the host" },
	{ VP_OWN "panic", VP_O_TUNING, VP_K_BOOL, VP_AT(vp_tuning, panic), .field = "tuning.panic", .fallback = "true",
	  .help = "kvm, qemu: the device by which a guest tells that it panicked" },
	{ VP_OWN "agent", VP_O_TUNING, VP_K_BOOL, VP_AT(vp_tuning, agent), .field = "tuning.agent", .fallback = "false",
	  .help = "kvm, qemu: channel of the QEMU guest agent, for guests that run it" },
	{ VP_OWN "watchdog/model", VP_O_TUNING, VP_K_CHOICE, VP_AT(vp_tuning, watchdog), .field = "tuning.watchdog", .choices = "none i6300esb",
	  .fallback = "none", .help = "kvm, qemu: a watchdog, for guests that feed it" },
	{ VP_OWN "watchdog/action", VP_O_TUNING, VP_K_CHOICE, VP_AT(vp_tuning, watchdog_action), .field = "tuning.watchdog_action",
	  .choices = "reset poweroff pause none inject-nmi", .fallback = "reset", .help = "what happens when nobody feeds it" },
};
const struct vp_rows vp_rows_node = VP_ROWS(rows);
