// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "environ.h"
#include "proof.h"
#include "verify.h"

/* Lines that stay the same on another hypervisor. */
static const char *const work_keys[] = { "machine=", "tool=", "with=", "seconds=" };

static const char *text(json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

bool vp_environ_is_bare(json_t *expect)
{
	return !strcmp(text(expect, "virt"), "host");
}

const char *vp_environ(struct vp_arena *a, const char *proof, const char *host, json_t *expect, const char *tool, const char *with)
{
	static const char *const of_proof[] = { "hypervisor", "cpus", "disk_driver", "nic_driver", "kernel", "clocksource" };
	static const char *const of_host[] = { "machine", "host_kernel", "governor" };
	json_t *verify = json_object_get(expect, "verify");
	vp_cleanup(vp_buf_free) struct vp_buf b = { 0 };

	vp_buf_addf(&b, "virt=%s\nmemory_mib=%jd\n", vp_printable(a, text(expect, "virt"), 32),
		    (intmax_t)json_integer_value(json_object_get(expect, "memory_mib")));
	vp_buf_addf(&b, "disk_format=%s\n", vp_printable(a, text(vp_proof_boot_disk(json_object_get(expect, "disks")), "format"), 32));
	for (size_t i = 0; i < vp_count(of_proof); i++)
		vp_buf_addf(&b, "%s=%s\n", of_proof[i], vp_proof_get(a, proof, of_proof[i]));
	for (size_t i = 0; i < vp_count(of_host); i++)
		vp_buf_addf(&b, "%s=%s\n", of_host[i], vp_proof_get(a, host ? host : "", of_host[i]));
	vp_buf_addf(&b, "tool=%s\nwith=%s\n", tool, with);
	if (!strcmp(tool, "iperf3"))
		vp_buf_addf(&b, "seconds=%jd\n", (intmax_t)json_integer_value(json_object_get(verify, "net_seconds")));
	return vp_strdup(a, vp_buf_str(&b));
}

static const char *digest(struct vp_arena *a, const char *env)
{
	char hex[65];

	if (!*env)
		return "";
	vp_sha256_hex(env, strlen(env), hex);
	return vp_strndup(a, hex, 12);
}

const char *vp_environ_key(struct vp_arena *a, const char *env)
{
	return digest(a, env);
}

const char *vp_environ_work(struct vp_arena *a, const char *env)
{
	vp_cleanup(vp_buf_free) struct vp_buf b = { 0 };

	for (const char *line = env; *line; line += strcspn(line, "\n"), line += *line == '\n')
		for (size_t i = 0; i < vp_count(work_keys); i++)
			if (!strncmp(line, work_keys[i], strlen(work_keys[i])))
				vp_buf_addf(&b, "%.*s\n", (int)strcspn(line, "\n"), line);
	return digest(a, vp_buf_str(&b));
}

/* The first line of a file, or what follows "KEY :" in it; "" where there is none. */
static const char *fact(struct vp_arena *a, const char *path, const char *key)
{
	FILE *f = fopen(path, "re");
	char line[512];
	const char *found = "";

	while (f && !*found && fgets(line, sizeof(line), f)) {
		const char *colon = strchr(line, ':');

		line[strcspn(line, "\n")] = '\0';
		if (!key)
			found = vp_printable(a, line, 128);
		else if (!strncmp(line, key, strlen(key)) && colon)
			found = vp_printable(a, colon + 1 + strspn(colon + 1, " "), 128);
	}
	if (f)
		fclose(f);
	return found;
}

const char *vp_verify_host(struct vp_arena *a)
{
	const char *cpu = fact(a, "/proc/cpuinfo", "model name");
	struct utsname u;

	uname(&u);
	return vp_printf(a, "machine=%s, %ld CPUs\nhost_kernel=%s\ngovernor=%s\nhugepages=%s\ncpu_pressure=%.1f\nvprov=%s\n", *cpu ? cpu : u.machine,
			 sysconf(_SC_NPROCESSORS_CONF), u.release, fact(a, "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", NULL),
			 fact(a, "/sys/kernel/mm/transparent_hugepage/enabled", NULL), vp_pressure("cpu", 60), VP_VERSION);
}
