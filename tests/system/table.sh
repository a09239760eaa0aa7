#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 300
# Every profile that describes a machine, as each kind of guest, on the drivers that need no other machine. Xen's and KVM's are in hypervisors.sh.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
# shellcheck source=tests/lib/table.sh
. "$(dirname "$0")/../lib/table.sh"
for p in virsh xmllint qemu-system-x86_64; do command -v $p >/dev/null || skip_all "$p is not installed"; done
[[ -d $VP_SHARED/profiles ]] || skip_all "there are no profiles in $VP_SHARED"
in_ns

work=$(mktemp -d)
cleanup rm -rf "$work"
table test:///default kvm qemu xen-para xen-hvm
mkdir -p "$work/root/etc"
printf '%s\n' 'stdio_handler = "file"' 'user = "root"' 'group = "root"' 'namespaces = []' 'cgroup_controllers = []' >"$work/root/etc/qemu.conf"
table "qemu:///embed?root=$work/root" qemu
done_testing
