#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 1500
# A real KVM host: a guest installed on it over the network, from another machine than it, that then boots from its disk.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
# shellcheck source=tests/lib/hosts.sh
. "$(dirname "$0")/../lib/hosts.sh"
# shellcheck source=tests/lib/table.sh
. "$(dirname "$0")/../lib/table.sh"
for p in sqlite3 virsh virt-xml-validate qemu-system-x86_64 dnsmasq busybox zstd; do command -v $p >/dev/null || skip_all "$p is not installed"; done
need_host
need_tiny_image
in_ns

site kvm 3072
installed kvm1 10.94.17.11 kvm
like "kvm: it is a guest of KVM" "$(there dumpxml kvm1.vprov.test)" "<domain type='kvm'"
changed kvm1 kvm "$more_disk" "disk vdb plugged in"
gone kvm1 kvm
[[ ! -d $VP_SHARED/profiles ]] || work=$dir table "$uri" kvm qemu
done_testing
