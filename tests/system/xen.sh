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

dir=$(mktemp -d) && chmod 755 "$dir"
cleanup rm -rf "$dir"
state=$dir/state
export ASAN_OPTIONS=detect_leaks=0
ip link add lan0 type bridge
ip address add 10.94.17.1/24 dev lan0
ip link set lan0 up
start_host xen lan0 vprov0 10.94.17.2 3072
vprov() { "$VPROV" "$@" --state-dir "$state" --connect "$uri" --config "$dir/conf"; }
there() { virsh -q -c "$uri" "$@"; }
sql() { sqlite3 -cmd '.timeout 5000' "$state/vprov.db" "$@"; }
# It is not the hardware that vprov takes it for.
{ echo 'deadline = 1200'; printf 'deadlines/%s = 1200\n' power dhcp loader kernel initrd config partition packages post ack reboot disk; } >"$dir/conf"
console() { tr -d '\r' <"$state/console/$1.vprov.test.log"; }

# profile NAME MAC IP VIRT
profile() {
	sed "s/>quickstart</>$1</; s/10\.94\.17\.10</$2</; s/>kvm</>$3</; s/>1024</>512</; s/>4096</>1024</; s/\(name=\"enabled\">\)true/\1false/
		s|<nlist name=\"vprov\">|&<nlist name=\"disk\"><string name=\"format\">raw</string></nlist>|" \
		"$VP_TOP/profiles/quickstart.xml" >"$dir/$1.xml"
}

# what_is_there : all that a node could leave
what_is_there() {
	there list --all
	there pool-list --all
	on_host 'ls /var/lib /var/lib/libvirt/images; ip -br link'
}

profile para 10.94.17.10 xen-para
before=$(what_is_there)
exits 3 "xen-para: plan" vprov plan --exit-code "$dir/para.xml"
diag "$output"
is "which makes nothing there" "$(what_is_there)" "$before"
ok "xen-para: apply installs and boots it" vprov apply "$dir/para.xml"
diag "$output"
like "the installer was there" "$(console para)" "vprov: unpack 0"
like "and the console goes on with the disk's system" "$(console para)" "vprov: reboot.*para login:"
is "it was installed once" "$(sql "SELECT installs, life, health FROM node WHERE name = 'para.vprov.test'")" "1|9|0"
like "it boots by pygrub" "$(there dumpxml --inactive para.vprov.test)" "<bootloader>.*pygrub"
exits 0 "a second plan is empty" vprov plan --exit-code "$dir/para.xml"
diag "$output"
ok "destroy" vprov destroy -y para.vprov.test
diag "$output"
same "nothing is left there" "$before" "$(what_is_there)"
done_testing
