// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "proof.h"

/* Memory that a kernel may keep from its user: a quarter, and on small machines this much more. */
#define KERNEL_KEEPS_KIB 65536

/* Drivers (blank-separated, as sysfs calls them) by which a guest may see a device of the model. */
static const struct driver {
	const char *virt;
	const char *model;
	const char *drivers;
} disk_drivers[] = {
	{ "xen-para", "*", "vbd" },	{ "xen-hvm", "*", "vbd ata_piix ahci" }, { "*", "virtio", "virtio_blk" },
	{ "*", "ide", "ata_piix" },	{ "*", "sata", "ahci" },
	{ "*", "scsi", "virtio_scsi sym53c8xx mptspi megaraid_sas" },
}, nic_drivers[] = {
	{ "xen-para", "*", "vif" },	{ "xen-hvm", "*", "vif e1000 8139cp" },	 { "*", "virtio", "virtio_net" },
	{ "*", "e1000", "e1000" },	{ "*", "e1000e", "e1000e" },		 { "*", "rtl8139", "8139cp" },
};

const char *vp_proof_get(struct vp_arena *a, const char *proof, const char *key)
{
	size_t n = strlen(key);

	for (const char *line = proof; *line; line += strcspn(line, "\n"), line += *line == '\n')
		if (!strncmp(line, key, n) && line[n] == '=')
			return vp_printable(a, vp_strndup(a, line + n + 1, strcspn(line + n + 1, "\r\n")), 128);
	return "";
}

static const char *text(json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

/* True where the blank-separated list holds the word. */
static bool listed(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = list; n && *p; p += strcspn(p, " "), p += *p == ' ')
		if (strcspn(p, " ") == n && !strncmp(p, word, n))
			return true;
	return false;
}

/* NULL for a model that no row knows. */
static const char *drivers_of(const struct driver *rows, size_t n, const char *virt, const char *model)
{
	for (size_t i = 0; i < n; i++)
		if ((rows[i].virt[0] == '*' || !strcmp(rows[i].virt, virt)) && (rows[i].model[0] == '*' || !strcmp(rows[i].model, model)))
			return rows[i].drivers;
	return NULL;
}

json_t *vp_proof_boot_disk(json_t *disks)
{
	for (size_t i = 0; i < json_array_size(disks); i++)
		if (json_is_true(json_object_get(json_array_get(disks, i), "boot")))
			return json_array_get(disks, i);
	return json_array_get(disks, 0);
}

static const char *check_disk(struct vp_arena *a, const char *proof, json_t *expect)
{
	json_t *disk = vp_proof_boot_disk(json_object_get(expect, "disks"));
	const char *name = vp_proof_get(a, proof, "disk"), *driver = vp_proof_get(a, proof, "disk_driver");
	const char *drivers = drivers_of(disk_drivers, vp_count(disk_drivers), text(expect, "virt"), text(disk, "bus"));
	uint64_t want = (uint64_t)json_integer_value(json_object_get(disk, "size_mib")), bytes = 0;

	if (!*name)
		return "its root file system is on no disk";
	if (drivers && !listed(drivers, driver))
		return vp_printf(a, "its disk is driven by %s, not by %s", *driver ? driver : "nothing", drivers);
	if (!strcmp(driver, "virtio_blk") && strcmp(name, text(disk, "target")) != 0)
		return vp_printf(a, "its root file system is on %s, not on %s", name, text(disk, "target"));
	if (!vp_parse_u64(vp_proof_get(a, proof, "disk_bytes"), 0, UINT64_MAX, &bytes) || bytes / VP_MIB != want)
		return vp_printf(a, "its disk has %" PRIu64 " MiB, not %" PRIu64, bytes / VP_MIB, want);
	return "";
}

static const char *check_nic(struct vp_arena *a, const char *proof, json_t *expect)
{
	const char *mac = vp_proof_get(a, proof, "mac"), *driver = vp_proof_get(a, proof, "nic_driver"), *drivers;
	json_t *nics = json_object_get(expect, "nics"), *nic = NULL;

	for (size_t i = 0; i < json_array_size(nics) && !nic; i++)
		if (!strcasecmp(text(json_array_get(nics, i), "mac"), mac))
			nic = json_array_get(nics, i);
	if (!*mac || !nic)
		return vp_printf(a, "it talks through a NIC with the MAC '%s', which is none of its own", mac);
	drivers = drivers_of(nic_drivers, vp_count(nic_drivers), text(expect, "virt"), text(nic, "model"));
	if (drivers && !listed(drivers, driver))
		return vp_printf(a, "its NIC is driven by %s, not by %s", *driver ? driver : "nothing", drivers);
	return "";
}

/* What a Xen guest tells by its firmware: only HVM has any. */
static bool is_xen(struct vp_arena *a, const char *proof, bool hvm)
{
	return !strcmp(vp_proof_get(a, proof, "hypervisor_type"), "xen") && hvm == !strcmp(vp_proof_get(a, proof, "product"), "HVM domU");
}

static const char *check_hypervisor(struct vp_arena *a, const char *proof, json_t *expect)
{
	const char *virt = text(expect, "virt"), *name = vp_proof_get(a, proof, "hypervisor");
	bool ok;

	if (!strcmp(virt, "kvm"))
		ok = !strcmp(name, "KVMKVMKVM");
	else if (!strcmp(virt, "qemu"))
		ok = !strcmp(name, "TCGTCGTCGTCG");
	else
		ok = is_xen(a, proof, !strcmp(virt, "xen-hvm"));
	return ok ? "" : vp_printf(a, "it runs on '%s', which is not %s", *name ? name : vp_proof_get(a, proof, "hypervisor_type"), virt);
}

static const char *check_size(struct vp_arena *a, const char *proof, json_t *expect)
{
	uint64_t kib = (uint64_t)json_integer_value(json_object_get(expect, "memory_mib")) * 1024, cpus = 0, got = 0;
	uint64_t want = (uint64_t)json_integer_value(json_object_get(expect, "vcpus"));

	if (!vp_parse_u64(vp_proof_get(a, proof, "cpus"), 1, VP_MAX_VCPUS, &cpus) || cpus != want)
		return vp_printf(a, "it has %" PRIu64 " CPUs, not %" PRIu64, cpus, want);
	if (!vp_parse_u64(vp_proof_get(a, proof, "memory_kib"), 1, UINT64_MAX / 1024, &got) || got > kib || got + kib / 4 + KERNEL_KEEPS_KIB < kib)
		return vp_printf(a, "it has %" PRIu64 " MiB of memory, not %" PRIu64, got / 1024, kib / 1024);
	return "";
}

const char *vp_proof_check(struct vp_arena *a, const char *proof, json_t *expect)
{
	static const char *(*const checks[])(struct vp_arena *, const char *, json_t *) = { check_hypervisor, check_size, check_disk, check_nic };
	const char *host = vp_proof_get(a, proof, "hostname");

	if (!*proof)
		return "the guest sent no proof of what it is";
	/* The bare machine is what it is. */
	if (!strcmp(text(expect, "virt"), "host"))
		return *vp_proof_get(a, proof, "disk") ? "" : "its root file system is on no disk";
	if (strcmp(host, text(expect, "hostname")) != 0 && strcmp(host, text(expect, "name")) != 0)
		return vp_printf(a, "it calls itself '%s'", host);
	for (size_t i = 0; i < vp_count(checks); i++) {
		const char *why = checks[i](a, proof, expect);

		if (*why)
			return why;
	}
	return "";
}
