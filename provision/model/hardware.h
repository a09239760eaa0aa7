/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a profile says about the machine beyond what decides over it: shown, and there for templates. Filled by rows (rows_hardware.c);
 * strings are never NULL, "" means not given; numbers that may be 0 have a has_.
 */
#ifndef VP_HARDWARE_H
#define VP_HARDWARE_H

#include "../base/base.h"
#include "words.h"

/* One socket. */
struct vp_socket {
	unsigned cores;
	/* Of the whole socket, 0 where not given. */
	unsigned max_threads;
	/* MHz; virtual processors have 0. */
	unsigned speed;
	bool has_speed;
	const char *model, *vendor, *manufacturer, *arch;
};

/* One module of memory. */
struct vp_module {
	uint64_t size;
	const char *data_rate;
};

/* What a NIC is said to be: a virtual one is something else. */
struct vp_card {
	/* "Broadcom Gigabit chip set" */
	const char *description;
	const char *driver, *media, *model, *manufacturer, *vendor, *role;
	/* Mbit/s, 0 where not given. */
	unsigned maxspeed;
	bool pxe, has_pxe;
};

/* The same of a disk. */
struct vp_drive {
	/* sata, sas, ide, scsi, nvme */
	const char *interface;
	const char *model;
	/* Between disk and number in the names of its partitions: "p" for cciss and nvme. */
	const char *part_prefix;
	/* "raid 0 port 1" where it is on a card's port; "" for one below /hardware/harddisks. */
	const char *port;
};

/* How the hypervisor runs the machine. */
struct vp_tuning {
	/* "host-passthrough", "host-model" or a model's name; "": what the template has. */
	const char *cpu_model;
	/* Of each core, 0: one. */
	unsigned threads;
	/* "VCPU=CPUSET", "emulator=CPUSET". */
	struct vp_words pin;
	/* none, 2M, 1G */
	const char *hugepages;
	/* Nodes of the host's memory that it is in, "" for any. */
	const char *memory_nodes;
	/* What a running guest may be given, bytes; 0: no more than it has. The same of processors. */
	uint64_t memory_max;
	unsigned vcpus_max;
	/* Threads for its disks beside the emulator's own. */
	unsigned iothreads;
	bool rng, panic, agent, channel;
	/* none, i6300esb; what it does. */
	const char *watchdog, *watchdog_action;
};

struct vp_benchmarks {
	double hepspec06, hepscore23, hpl, stream;
	bool has_hepspec06, has_hepscore23, has_hpl, has_stream;
};

struct vp_hardware {
	const char *nodename, *location, *serialnumber, *model, *vendor, *manufacturer, *support, *procured;
	struct {
		const char *continent, *country, *city, *campus, *building, *room;
	} sysloc;
	struct {
		const char *name, *row, *column;
	} rack;
	struct {
		const char *version, *releasedate;
	} bios;
	struct {
		unsigned unit, speed, word;
		bool has_unit;
		const char *parity;
	} serial;
	struct vp_benchmarks benchmarks;
};

/* /system: what the machine is used for. */
struct vp_system {
	/* production, standby, test, development, onloan ...; build, blind, ready, failed, install ... */
	const char *state, *build;
	const char *rootmail, *siterelease, *architecture, *kernel;
	struct {
		const char *distribution, *name, *major, *minor, *architecture;
	} os;
	struct {
		const char *name, *type;
	} cluster;
	struct {
		const char *type;
		/* 0 is an empty one. */
		unsigned maxchildren;
		bool has_maxchildren;
	} enclosure;
};

#endif
