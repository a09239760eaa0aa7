// SPDX-License-Identifier: Apache-2.0
/* Rows of the binding table. Processors and memory; what is said about the machine and its use, which decides nothing and so is lenient. */
#include "bind.h"

#define FACT(path_, object_, at_, field_, help_)                                                                                                     \
	{                                                                                                                                            \
		path_, object_, VP_K_STRING, at_, .field = field_, .check = &vp_is_line, .lenient = true, .help = help_                              \
	}
#define HARDWARE(path, member, field, help) FACT("/hardware/" path, VP_O_HARDWARE, VP_AT(vp_hardware, member), "hardware." field, help)
#define SYSTEM(path, member, field, help)   FACT("/system/" path, VP_O_SYSTEM, VP_AT(vp_system, member), "system." field, help)
#define BENCHMARK(path, member, unit_, help_)                                                                                                        \
	{                                                                                                                                            \
		"/hardware/benchmarks/" path, VP_O_HARDWARE, VP_K_DOUBLE, VP_AT(vp_hardware, benchmarks.member),                                     \
			.given = offsetof(struct vp_hardware, benchmarks.has_##member), .field = "hardware.benchmarks." #member, .unit = unit_,      \
			.lenient = true, .help = help_                                                                                               \
	}

static const struct vp_row rows[] = {
	{ "/hardware/cpu/*/cores", VP_O_CPU, VP_K_UINT, VP_AT(vp_socket, cores), .field = "cpu.*.cores", .min = 1, .max = VP_MAX_VCPUS,
	  .fallback = "1", .help = "cores of one socket; the node has their sum" },
	{ "/hardware/cpu/*/max_threads", VP_O_CPU, VP_K_UINT, VP_AT(vp_socket, max_threads), .field = "cpu.*.max_threads", .min = 1,
	  .max = VP_MAX_VCPUS * 8, .lenient = true, .help = "threads of one socket; a virtual machine has one for each core" },
	{ "/hardware/cpu/*/speed", VP_O_CPU, VP_K_UINT, VP_AT(vp_socket, speed), .field = "cpu.*.speed", .max = 1000000, .unit = "MHz",
	  .lenient = true, .given = offsetof(struct vp_socket, has_speed), .help = "clock" },
	FACT("/hardware/cpu/*/model", VP_O_CPU, VP_AT(vp_socket, model), "cpu.*.model", "model"),
	FACT("/hardware/cpu/*/vendor", VP_O_CPU, VP_AT(vp_socket, vendor), "cpu.*.vendor", "vendor"),
	FACT("/hardware/cpu/*/manufacturer", VP_O_CPU, VP_AT(vp_socket, manufacturer), "cpu.*.manufacturer", "manufacturer"),
	FACT("/hardware/cpu/*/arch", VP_O_CPU, VP_AT(vp_socket, arch), "cpu.*.arch", "architecture"),
	{ "/hardware/ram/*/size", VP_O_RAM, VP_K_MIB, VP_AT(vp_module, size), .field = "ram.*.size", .min = 1, .max = VP_MAX_MEMORY_MIB,
	  .required = true, .help = "one module of memory; the node has their sum" },
	FACT("/hardware/ram/*/data_rate", VP_O_RAM, VP_AT(vp_module, data_rate), "ram.*.data_rate", "speed of the module"),
	HARDWARE("nodename", nodename, "nodename", "the machine's name"),
	HARDWARE("location", location, "location", "where it is; of a guest of QWG's Xen templates, its host"),
	HARDWARE("serialnumber", serialnumber, "serialnumber", "serial number"),
	HARDWARE("model", model, "model", "model"),
	HARDWARE("vendor", vendor, "vendor", "vendor"),
	HARDWARE("manufacturer", manufacturer, "manufacturer", "manufacturer"),
	HARDWARE("support", support, "support", "date its support ends"),
	HARDWARE("procured", procured, "procured", "date it was bought"),
	HARDWARE("sysloc/continent", sysloc.continent, "sysloc.continent", "continent"),
	HARDWARE("sysloc/country", sysloc.country, "sysloc.country", "country"),
	HARDWARE("sysloc/city", sysloc.city, "sysloc.city", "city"),
	HARDWARE("sysloc/campus", sysloc.campus, "sysloc.campus", "campus"),
	HARDWARE("sysloc/building", sysloc.building, "sysloc.building", "building"),
	HARDWARE("sysloc/room", sysloc.room, "sysloc.room", "room"),
	HARDWARE("rack/name", rack.name, "rack.name", "rack"),
	HARDWARE("rack/row", rack.row, "rack.row", "row of racks"),
	HARDWARE("rack/column", rack.column, "rack.column", "column of racks"),
	HARDWARE("bios/version", bios.version, "bios.version", "version of the firmware"),
	HARDWARE("bios/releasedate", bios.releasedate, "bios.releasedate", "date of the firmware"),
	{ "/hardware/console/serial/unit", VP_O_HARDWARE, VP_K_UINT, VP_AT(vp_hardware, serial.unit),
	  .given = offsetof(struct vp_hardware, serial.has_unit), .field = "hardware.serial.unit", .max = 255, .lenient = true,
	  .help = "serial console: number of the port" },
	{ "/hardware/console/serial/speed", VP_O_HARDWARE, VP_K_UINT, VP_AT(vp_hardware, serial.speed), .field = "hardware.serial.speed", .min = 50,
	  .max = 4000000, .unit = "bit/s", .lenient = true, .help = "serial console: speed" },
	{ "/hardware/console/serial/word", VP_O_HARDWARE, VP_K_UINT, VP_AT(vp_hardware, serial.word), .field = "hardware.serial.word", .min = 5,
	  .max = 8, .unit = "bit", .lenient = true, .help = "serial console: length of a word" },
	HARDWARE("console/serial/parity", serial.parity, "serial.parity", "serial console: parity"),
	BENCHMARK("hepspec06", hepspec06, "HS06", "declared result of HEP-SPEC06"),
	BENCHMARK("hepscore23", hepscore23, "HS23", "declared result of HEPScore23"),
	BENCHMARK("HPL", hpl, "Gflop/s", "declared result of HPL"),
	BENCHMARK("stream", stream, "MB/s", "declared result of STREAM, triad"),
	SYSTEM("state", state, "state", "production, standby, test, development, onloan ..."),
	SYSTEM("build", build, "build", "build, blind, ready, failed, install ..."),
	SYSTEM("rootmail", rootmail, "rootmail", "who gets root's mail"),
	SYSTEM("siterelease", siterelease, "siterelease", "release of the site's templates"),
	SYSTEM("architecture", architecture, "architecture", "architecture of the operating system"),
	SYSTEM("os/architecture", os.architecture, "os.architecture", "architecture of the operating system"),
	SYSTEM("os/distribution/name", os.distribution, "os.distribution", "distribution"),
	SYSTEM("os/version/name", os.name, "os.name", "version of the distribution"),
	SYSTEM("os/version/major", os.major, "os.major", "major version"),
	SYSTEM("os/version/minor", os.minor, "os.minor", "minor version"),
	SYSTEM("kernel/version", kernel, "kernel", "version of the kernel"),
	SYSTEM("cluster/name", cluster.name, "cluster.name", "cluster the machine belongs to"),
	SYSTEM("cluster/type", cluster.type, "cluster.type", "kind of cluster"),
	SYSTEM("enclosure/type", enclosure.type, "enclosure.type", "blade, dumb or hypervisor: what its children are"),
	{ "/system/enclosure/maxchildren", VP_O_SYSTEM, VP_K_UINT, VP_AT(vp_system, enclosure.maxchildren),
	  .given = offsetof(struct vp_system, enclosure.has_maxchildren), .field = "system.enclosure.maxchildren", .max = 1000000, .lenient = true,
	  .help = "most children it has room for" },
};
const struct vp_rows vp_rows_hardware = VP_ROWS(rows);
