#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 1200
# A real Xen host: guests installed on it over the network, from another machine than it, that then boot from their disks. One of them without a boot
# ROM (xen-para).
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
# shellcheck source=tests/lib/hosts.sh
. "$(dirname "$0")/../lib/hosts.sh"
for p in sqlite3 virsh qemu-system-x86_64 dnsmasq busybox zstd; do command -v $p >/dev/null || skip_all "$p is not installed"; done
need_host
need_tiny_image
in_ns

site xen 3072
installed para 10.94.17.10 xen-para
like "xen-para: it boots by pygrub" "$(there dumpxml --inactive para.vprov.test)" "<bootloader>.*pygrub"
gone para xen-para
done_testing
