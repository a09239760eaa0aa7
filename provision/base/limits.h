/* SPDX-License-Identifier: Apache-2.0 */
/* Every limit in one place; each is tested at and past its edge. */
#ifndef VP_LIMITS_H
#define VP_LIMITS_H

#define VP_MAX_PROFILE	    (64u << 20) /* bytes of one profile, inflated, and of all its values that are packed in it; real ones are below 1 MiB */
#define VP_MAX_KEY	    2048	/* bytes of one key: an escaped path may have three for each of its own */
#define VP_MAX_DEPTH	    64		/* nesting of a profile; real ones stay below 20 */
#define VP_MAX_VALUES	    2000000	/* elements of one profile */
#define VP_MAX_PARSER	    (1u << 30)	/* memory of a child that parses */
#define VP_READ_SECONDS	    60		/* for parsing one profile; real ones take milliseconds */
#define VP_MAX_TEMPLATE	    (1u << 20)	/* bytes of one template */
#define VP_MAX_RENDER	    (16u << 20) /* bytes of one rendered text */
#define VP_MAX_PARTIALS	    32		/* nesting of template sections and partials */
#define VP_MAX_CHILD_OUTPUT (16u << 20)
#define VP_MAX_ASSIGNMENT   1024    /* bytes of one change of a domain's definition */
#define VP_MAX_ASSIGNMENTS  64	    /* of one node */
#define VP_MAX_XPATH	    1000000 /* operations of libxml2 for one of their paths */
#define VP_MAX_VCPUS	    4096
#define VP_MIN_MEMORY_MIB   64
#define VP_MAX_MEMORY_MIB   (16u << 20) /* 16 TiB */
#define VP_MAX_DISK_MIB	    (UINT64_C(1) << 30)
#define VP_MAX_DISKS	    26
#define VP_MAX_NICS	    32
#define VP_MAX_BRIDGES	    256 /* of one hypervisor */
#define VP_MAX_BLOCKS	    512 /* block devices of one node, and its file systems */
#define VP_MAX_NAME	    200 /* bytes of a node's name: it becomes part of file names */
#define VP_MAX_NODES	    100000
#define VP_MAX_INDEX	    (32u << 20) /* bytes of a profiles-info.xml, inflated */
#define VP_MAX_DIAGS	    1000	/* problems shown of one run */
#define VP_MAX_HTTP_BODY    (8u << 20)	/* bytes of one posted result */
#define VP_MAX_EVENT	    4096	/* bytes of one posted event */
#define VP_HTTP_PORT	    8420	/* of the boot service, on the bridges' addresses only */
#define VP_NOTIFY_PORT	    7777	/* UDP: notes that profiles have changed */
#define VP_NOTIFY_SECONDS   5		/* between two looks because of them */
#define VP_ARM_SECONDS	    86400	/* from arming until the boot service forgets it: nobody is reinstalled by a reboot next week */
#define VP_RESCUE_SECONDS   3600	/* of a rescue */
#define VP_SHUTDOWN_SECONDS 60		/* that a guest has for its end, before it is switched off */
#define VP_MAX_STRANGERS    1024	/* unknown MAC addresses that are remembered */
#define VP_MAX_LEASES	    (16u << 20) /* bytes of dnsmasq's lease file */
#define VP_CONSOLE_LINES    20		/* console lines shown with a failure */
#define VP_MAX_BUNDLES	    5		/* kept of one node's failures */
#define VP_MAX_SCREEN	    (16u << 20) /* bytes of a screenshot */
#define VP_MAX_CERTIFICATE  (64u << 20) /* bytes of a certificate: the raw outputs of some runs */

#endif
