// SPDX-License-Identifier: Apache-2.0
/*
 * What this machine really is, from the kernel and the CPU: a benchmark counts
 * only if it ran on the disk, the NIC and the hypervisor that were meant.
 */
#include <arpa/inet.h>
#include <cpuid.h>
#include <dirent.h>
#include <ifaddrs.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "guest.h"

/* First line of a small file; "" where there is none. */
static void read_line(const char *path, char *text, size_t size)
{
	FILE *f = fopen(path, "re");

	if (!f || !fgets(text, (int)size, f))
		text[0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	if (f)
		fclose(f);
}

/* Last component of what a link points to; "" where it is none. */
static void link_name(const char *path, char *name, size_t size)
{
	char to[PATH_MAX];
	ssize_t n = readlink(path, to, sizeof(to) - 1);
	const char *slash;

	to[n < 0 ? 0 : n] = '\0';
	slash = strrchr(to, '/');
	snprintf(name, size, "%.*s", (int)size - 1, slash ? slash + 1 : to);
}

/* The first by name of what a RAID array or logical volume lies on, in place of its own path in sysfs; false for other devices. */
static bool go_below(char real[PATH_MAX])
{
	char path[PATH_MAX + 16], first[NAME_MAX + 1] = "";
	DIR *d;

	snprintf(path, sizeof(path), "%s/slaves", real);
	d = opendir(path);
	for (struct dirent *e; d && (e = readdir(d));)
		if (e->d_name[0] != '.' && (!*first || strcmp(e->d_name, first) < 0))
			snprintf(first, sizeof(first), "%s", e->d_name);
	if (d)
		closedir(d);
	snprintf(path, sizeof(path), "/sys/class/block/%s", first);
	return *first && realpath(path, real);
}

void vp_guest_disk_of(dev_t dev, char *name, size_t size)
{
	char path[PATH_MAX + 16], real[PATH_MAX], *slash;

	name[0] = '\0';
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u", major(dev), minor(dev));
	if (!realpath(path, real))
		return;
	for (int level = 0; level < 8 && go_below(real); level++)
		;
	snprintf(path, sizeof(path), "%s/partition", real);
	if (!access(path, F_OK))
		*strrchr(real, '/') = '\0';
	slash = strrchr(real, '/');
	snprintf(name, size, "%s", slash + 1);
}

/* The driver: the first parent device that has one beyond the SCSI layer's own ("virtio_blk", "ata_piix", "vbd"). */
static void driver_of(const char *sys, char *driver, size_t size)
{
	char path[PATH_MAX], link[PATH_MAX + 16];

	driver[0] = '\0';
	if (!realpath(sys, path))
		return;
	for (char *slash; strlen(path) > strlen("/sys/devices"); *slash = '\0') {
		snprintf(link, sizeof(link), "%s/driver", path);
		link_name(link, driver, size);
		if (*driver && strcmp(driver, "sd") != 0)
			return;
		slash = strrchr(path, '/');
	}
}

static void prove_disk(FILE *out)
{
	char disk[64], path[160], driver[64], size[32];
	struct stat st;

	if (stat("/", &st))
		return;
	vp_guest_disk_of(st.st_dev, disk, sizeof(disk));
	snprintf(path, sizeof(path), "/sys/block/%s/device", disk);
	driver_of(path, driver, sizeof(driver));
	snprintf(path, sizeof(path), "/sys/block/%s/size", disk);
	read_line(path, size, sizeof(size));
	fprintf(out, "disk=%s\ndisk_driver=%s\ndisk_bytes=%llu\nroot_dev=%u:%u\n", disk, driver, strtoull(size, NULL, 10) * 512, major(st.st_dev),
		minor(st.st_dev));
}

/* The address this machine talks to the server from. */
static bool own_address(const char *server, struct in_addr *own)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9) };
	socklen_t len = sizeof(to);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool ok = fd >= 0 && inet_pton(AF_INET, server, &to.sin_addr) == 1 && !connect(fd, (struct sockaddr *)&to, sizeof(to)) &&
		  !getsockname(fd, (struct sockaddr *)&to, &len);

	if (fd >= 0)
		close(fd);
	*own = to.sin_addr;
	return ok;
}

static void prove_nic(FILE *out, const char *server)
{
	char path[128], driver[64], mac[32], ip[INET_ADDRSTRLEN];
	struct ifaddrs *all = NULL;
	struct in_addr own;

	if (!own_address(server, &own) || getifaddrs(&all))
		return;
	for (struct ifaddrs *i = all; i; i = i->ifa_next) {
		const struct sockaddr_in *a = (const void *)i->ifa_addr;

		if (!a || a->sin_family != AF_INET || a->sin_addr.s_addr != own.s_addr)
			continue;
		snprintf(path, sizeof(path), "/sys/class/net/%s/address", i->ifa_name);
		read_line(path, mac, sizeof(mac));
		snprintf(path, sizeof(path), "/sys/class/net/%s/device", i->ifa_name);
		driver_of(path, driver, sizeof(driver));
		fprintf(out, "nic=%s\nnic_driver=%s\nmac=%s\nip=%s\n", i->ifa_name, driver, mac, inet_ntop(AF_INET, &own, ip, sizeof(ip)));
		break;
	}
	freeifaddrs(all);
}

/* The 12 bytes of CPUID leaf 0x40000000: "KVMKVMKVM", "TCGTCGTCGTCG", "XenVMMXenVMM", "Microsoft Hv". A PV guest of Xen has none: sysfs. */
static void prove_hypervisor(FILE *out)
{
	unsigned eax, regs[3] = { 0 };
	char name[13] = "", type[32], product[64];

	__cpuid(1, eax, regs[0], regs[1], regs[2]);
	if (regs[1] >> 31) {
		__cpuid(0x40000000, eax, regs[0], regs[1], regs[2]);
		memcpy(name, regs, 12);
	}
	for (char *p = name; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	read_line("/sys/hypervisor/type", type, sizeof(type));
	read_line("/sys/class/dmi/id/product_name", product, sizeof(product));
	fprintf(out, "hypervisor=%s\nhypervisor_type=%s\nproduct=%s\n", name, type, product);
}

void vp_guest_proof(FILE *out, const char *server)
{
	char clocksource[64];
	struct utsname u;

	prove_disk(out);
	prove_nic(out, server);
	prove_hypervisor(out);
	read_line("/sys/devices/system/clocksource/clocksource0/current_clocksource", clocksource, sizeof(clocksource));
	uname(&u);
	fprintf(out, "hostname=%s\nkernel=%s\nclocksource=%s\ncpus=%ld\nmemory_kib=%llu\nuptime=%.2f\n", u.nodename, u.release, clocksource,
		sysconf(_SC_NPROCESSORS_ONLN), (unsigned long long)sysconf(_SC_PHYS_PAGES) * (unsigned long long)sysconf(_SC_PAGESIZE) / 1024,
		vp_guest_clock(CLOCK_BOOTTIME));
}
