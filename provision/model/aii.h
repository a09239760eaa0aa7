/* SPDX-License-Identifier: Apache-2.0 */
/* What AII reads of a profile (/system/aii): network boot, kickstart, DHCP, hooks, protection. Strings are never NULL, "" means not given. */
#ifndef VP_AII_H
#define VP_AII_H

#include "../base/base.h"
#include "words.h"

/* /system/aii/nbp/pxelinux */
struct vp_pxelinux {
	/* Relative to the TFTP root, or a URL, or a pattern between '@'. */
	const char *kernel, *initrd;
	/* Interface, MAC address, "bootif" or "link". */
	const char *ksdevice;
	const char *kslocation, *label, *append, *updates, *ipdev;
	/* Configurations of their own, by file name. */
	const char *rescue, *livecd, *firmware;
	bool setifnames, efi_name_lookup;
	unsigned ramdisk_mib;
};

/* One of /software/repositories. */
struct vp_repository {
	const char *name, *url, *proxy;
	bool enabled;
	struct vp_words includepkgs, excludepkgs;
	/* Further settings of yum: name, value, name, value ... */
	struct vp_words options;
};

/* What the installation of a node takes from /software. */
struct vp_software {
	struct vp_repository *repositories;
	size_t nrepositories;
	/* The site's proxy as SPMA has it: several hosts with commas between; type "forward" or "reverse"; host "" where there is none. */
	const char *proxy_host, *proxy_port, *proxy_type;
	bool obsoletes;
	/* Settings of yum and of ccm.conf: name, value ... */
	struct vp_words yum, ccm;
	/* Names of packages, with what yum is asked for: "kernel", "kernel-2.6.32-431.x86_64"; those of one name follow each other. */
	struct vp_words packages;
};

/* /system/aii/osinstall/ks */
struct vp_kickstart {
	/* As given, and its parts: method "url" with `url`, "nfs" with `server` and `dir`, "cdrom", "harddrive"; "" where it is none of these. */
	const char *installtype;
	const char *method, *url, *server, *dir;
	/* acklist, else ackurl. */
	struct vp_words acks;
	/* dhcp or static */
	const char *bootproto;
	const char *protocol, *node_profile, *rootpw, *version, *timezone, *lang, *keyboard, *selinux;
	struct vp_words packages, base_packages, packages_args, clearpart, ignoredisk, bootdisk_order, auth, repo, ignored_repos, enabled_repos,
		disabled_repos, ntpservers, enable_service, disable_service;
	const char *bootloader_location, *bootloader_append, *bootloader_password;
	/* Where the installation logs to. */
	const char *log_host, *log_level, *log_method, *log_protocol;
	unsigned log_port;
	bool log_console, has_log_console, log_aii;
	/* URLs. */
	const char *pre_install, *post_install, *post_reboot;
	bool eula, cmdline, packagesinpost, kernelinpost, leavebootorder, pxeboot, enable_sshd, lvmforce, volgroup_required, part_label, bonding,
		has_bonding, clearmbr, has_clearmbr, init_spma_ignore_deps, mail_success;
	/* SMTP server of the mails. */
	const char *mail_smtp;
	const char *installnumber;
	struct vp_words driverdisk;
	/* Of the installed system. */
	bool firewall, has_firewall;
	struct vp_words firewall_trusted, firewall_services, firewall_ports;
};

struct vp_aii {
	struct vp_pxelinux pxelinux;
	struct vp_kickstart ks;
	struct vp_software software;
	/* next-server and file name of DHCP; options as name, value, name, value ... */
	const char *tftpserver, *filename;
	struct vp_words options;
	bool verifyhostname;
	/* "HOOK MODULE" of each hook; the plugins below /system/aii/discovery. */
	struct vp_words hooks, discovery;
	/* Who wants to destroy the node has to repeat it. */
	const char *protection;
};

/* What is in there, for JSON: value i, "ks.lang" and where it is. False past the end. Values that were not given are skipped by the caller. */
enum vp_aii_kind { VP_AII_STRING, VP_AII_WORDS, VP_AII_PAIRS, VP_AII_BOOL, VP_AII_UINT };
bool vp_aii_value(const struct vp_aii *aii, size_t i, const char **name, enum vp_aii_kind *kind, const void **value);

#endif
