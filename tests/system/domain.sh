#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 300
# The golden domains and libvirt's real QEMU driver: it takes each of them, and guests with empty disks show on their consoles what they boot from.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
for p in virsh qemu-img qemu-system-x86_64 ip; do command -v $p >/dev/null || skip_all "$p is not installed"; done
in_ns

work=$(mktemp -d)
cleanup rm -rf "$work"
golden=$VP_TOP/tests/golden/domain
name=wn01.example.org

# use ROOT : the embedded driver with this root, for virsh
use() {
	uri="qemu:///embed?root=$work/$1"
	mkdir -p "$work/$1/etc"
	printf '%s\n' 'stdio_handler = "file"' 'user = "root"' 'group = "root"' 'namespaces = []' 'cgroup_controllers = []' >"$work/$1/etc/qemu.conf"
}

# emulated GOLDEN : as it is, but for software emulation where it says KVM
emulated() { sed "s/<domain type='kvm'>/<domain type='qemu'>/; s/mode='host-passthrough'/mode='maximum'/" "$golden/$1.xml"; }

kept() { virsh -q -c "$uri" dumpxml --inactive $name 2>/dev/null; }

use define
for f in "$golden"/{kvm,qemu}-*.xml; do
	f=${f##*/} f=${f%.xml}
	emulated "$f" >"$work/one.xml"
	ok "$f: defined" timeout 100 virsh -q -c "$uri" define --validate "$work/one.xml"
	first=$(kept)
	like "$f: kept" "$first" "vprov:node .*machine='pc-"
	virsh -q -c "$uri" define "$work/one.xml" >/dev/null 2>&1
	same "$f: defined again, nothing changes" "$first" "$(kept)"
done

# console GOLDEN : boots it with empty disks, one CPU, little memory and no boot service, until the firmware gives up; its console
console() {
	local d=$work/$1 pid
	mkdir -p "$d/console"
	use "$1"
	qemu-img create -q -f qcow2 "$d/a" 64M && truncate -s 64M "$d/b"
	emulated "$1" | sed "s#/var/lib/vprov/disks/[^']*#$d/a#; s#/srv/images/[^']*#$d/b#; s#/var/lib/vprov/console#$d/console#
		s#>2048<#>128<#; s#>4</vcpu>#>1</vcpu>#; /<topology/d" >"$d.xml"
	virsh -q -c "$uri" "define $d.xml; start $name" >"$d.virsh" 2>&1 || { diag "$(<"$d.virsh")"; return; }
	wait_for 90 grep -q 'No bootable device' "$d/console/$name.log"
	tr -d '\r' <"$d/console/$name.log"
	for pid in $(pidof qemu-system-x86_64); do kill "$pid"; done
	wait_for 10 eval '! pidof qemu-system-x86_64'
}

ip link add br0 type bridge && ip link set br0 up
for tap in vp6ba7b810e0 vp6ba7b810e1; do ip tuntap add $tap mode tap && ip link set $tap master br0 up; done
for kind in kvm-virtio kvm-ide-e1000; do
	text=$(console $kind-install)
	like "$kind-install: the disk, then the network" "$text" 'Booting from Hard Disk.*not a bootable disk.*Booting from ROM.*net0: 52:54:00:00:00:01 .*No bootable device'
	text=$(console $kind-disk)
	like "$kind-disk: the disk" "$text" 'Booting from Hard Disk.*not a bootable disk.*No bootable device'
	is "$kind-disk: no network" "$(grep -c 'iPXE' <<<"$text")" 0
done
done_testing
