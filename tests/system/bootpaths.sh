#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 1500
# How machines get from their firmware to what they are told to boot. UEFI from nothing to a node that runs from its disk, and again from it three
# times, whatever the boot service says to others; and each firmware that asks the network first although it is to boot its disk.
# quickstart.sh has the BIOS with iPXE over HTTP.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
code=/usr/share/OVMF/OVMF_CODE_4M.fd vars=/usr/share/OVMF/OVMF_VARS_4M.fd
for p in sqlite3 virsh qemu-system-x86_64 dnsmasq; do command -v $p >/dev/null || skip_all "$p is not installed"; done
[[ -e $code ]] || skip_all "ovmf is not installed"
need_image grub-efi-amd64-bin dosfstools
in_ns

dir=$(mktemp -d) && chmod 755 "$dir"
cleanup rm -rf "$dir"
state=$dir/state node=quickstart.vprov.test
export ASAN_OPTIONS=detect_leaks=0
vprov() { "$VPROV" "$@" --state-dir "$state" --config "$dir/conf"; }
# shellcheck disable=SC2016 # expanded when it runs
cleanup eval 'vprov destroy -y -q "$node" &>/dev/null'
sed 's/>msdos</>gpt</; s/\(name="enabled">\)true/\1false/' "$VP_TOP/profiles/quickstart.xml" >"$dir/node.xml"
echo 'firmware = uefi' >"$dir/conf"
bridge=$(vprov show --json "$dir/node.xml" | jq -r '.nodes[0].bridges[0].name')

sql() { sqlite3 -cmd '.timeout 5000' "$state/vprov.db" "$@"; }
domain() { virsh -q -c "qemu:///embed?root=$state/qemu" "$@"; }
console() { tr -d '\r' <"$state/console/$node.log"; }
logins() { console | grep -ac 'login:'; }
told() { sql "SELECT count(*) FROM event WHERE node = '$1' AND text LIKE '$2'"; }
serve() {
	vprov serve >"$dir/serve.log" 2>&1 &
	service=$!
	wait_for 30 test -e "$state/serve/ready"
}
stop() {
	kill $service && wait $service
}

# --- UEFI: from nothing to a node ---
before=$(listing "$dir")
ok "UEFI: apply installs and boots" vprov apply "$dir/node.xml"
# shellcheck disable=SC2154 # tap.sh sets it
diag "$output"
is "the loader was iPXE, by HTTP" "$(told $node 'boot loader sent: GET /boot/ipxe')" 1
is "no file went over TFTP" "$(sql "SELECT count(*) FROM event WHERE text LIKE 'boot loader sent: %' AND text NOT LIKE '%GET /boot/ipxe'")" 0
like "its disk has an EFI system partition" "$(console)" "vprov: boot from disk"
exits 0 "plan is empty" vprov plan --exit-code "$dir/node.xml"
is "it has NVRAM of its own" "$(find "$state" -name '*_VARS.fd' | wc -l)" 1

# --- Again from the disk ---
# again NAME COMMAND... : it boots by that, from its disk
again() {
	local size
	n=$(logins) size=$(wc -c <"$state/console/$node.log")
	"${@:2}" || return
	ok "$1: it comes up" wait_for 400 more_logins
	like "$1: from its disk" "$(tail -c +"$size" "$state/console/$node.log")" "vprov: boot from disk"
	is "$1: installed once" "$(sql "SELECT installs FROM node WHERE name = '$node'")/$(console | grep -c 'vprov: unpack 0')" 1/1
}
more_logins() { (($(logins) > n)); }
restart() { domain destroy $node && domain start $node; }
wait_for 60 test ! -e "$state/serve/lock"
again "service off" restart
serve
again "service on" domain reset $node
mac=52:54:00:00:00:77
sql "INSERT INTO node (name, mac, ip, life, health, percent, since, last_evidence, token, armed, token_live, installs, json, config, image, task, reason, phase)
	SELECT 'other.vprov.test', '$mac', '10.94.17.77', 1, 0, 0, 0, 0, '0123456789abcdef0123456789abcdef', 1, 1, 0, replace(json, mac, '$mac'), 'NODE=x', image, '', '', ''
	FROM node WHERE name = '$node'"
again "another one armed" restart
domain destroy $node

# --- Firmware that asks the network first ---
ip tuntap add tap0 mode tap && ip link set tap0 master "$bridge" up
# 16 bits: writes DISK to the serial port, and stops
printf '\xba\xf8\x03\xb0D\xee\xb0I\xee\xb0S\xee\xb0K\xee\xf4\xeb\xfd' >"$dir/sector"
truncate -s 1M "$dir/sector"
printf '\x55\xaa' | dd of="$dir/sector" bs=1 seek=510 conv=notrunc status=none
# boot NAME SECONDS PATTERN QEMU-OPTION... : until the console says it
boot() {
	local name=$1 seconds=$2 pattern=$3 pid
	rm -f "$dir/console"
	qemu-system-x86_64 -accel tcg -cpu max -m 1024 -display none -serial "file:$dir/console" -no-reboot \
		-netdev tap,id=n,ifname=tap0,script=no,downscript=no "${@:4}" &
	pid=$!
	ok "$name" wait_for "$seconds" grep -aq "$pattern" "$dir/console"
	kill $pid && wait $pid 2>/dev/null
}
card() { echo "virtio-net-pci,netdev=n,mac=$mac,bootindex=1${1:-}"; }
# shellcheck disable=SC2054 # commas of QEMU's
disk=(-drive "if=none,id=d,file=$dir/sector,format=raw,snapshot=on" -device virtio-blk-pci,drive=d,bootindex=2)
firmware=(-M q35 -drive "if=pflash,format=raw,readonly=on,file=$code" -drive "if=pflash,format=raw,snapshot=on,file=$vars")
# shellcheck disable=SC2054 # commas of QEMU's
installed=(-drive "if=none,id=d,file=$(find "$state" -name '*.qcow2'),format=qcow2,snapshot=on" -device virtio-blk-pci,drive=d,bootindex=2)

boot "UEFI without iPXE: its own PXE loads iPXE by TFTP, and that the installer" 300 'vprov: config 100' "${firmware[@]}" -device "$(card ,romfile=)"
ok "which is seen" test "$(told other.vprov.test 'boot loader sent: snponly.efi%')" -ge 1
ok "and then HTTP" test "$(told other.vprov.test 'boot loader sent: GET /boot/ipxe')" -ge 1
sql "UPDATE node SET life = 9, health = 0 WHERE name = 'other.vprov.test'"
boot "UEFI, network first: the disk" 200 'vprov: boot from disk' "${firmware[@]}" "${installed[@]}" -device "$(card)"
boot "BIOS with iPXE, network first: the disk" 100 DISK "${disk[@]}" -device "$(card)"
ok "both were told so" test "$(told other.vprov.test 'boot answer: local%')" -ge 2

stop
echo "loader = pxelinux" >>"$dir/conf"
serve
boot "BIOS with pxelinux, network first: the disk" 100 DISK "${disk[@]}" -device "$(card)"
sql "UPDATE node SET life = 1, armed = 1, installs = 0 WHERE name = 'other.vprov.test'"
boot "BIOS with pxelinux: the installer" 200 'vprov: config 100' -device "$(card)"
ok "which is seen" test "$(told other.vprov.test 'boot loader sent: pxelinux.0%')" -ge 1
stop
sql "UPDATE node SET life = 1, armed = 1, installs = 0 WHERE name = 'other.vprov.test'"
sed -i 's/^loader.*/loader = grub/' "$dir/conf"
serve
boot "UEFI with GRUB: the installer" 300 'vprov: config 100' "${firmware[@]}" -device "$(card ,romfile=)"
is "by HTTP" "$(told other.vprov.test 'boot loader sent: GET /boot/grub')" 1
boot "UEFI with GRUB, network first: the disk" 300 'vprov: boot from disk' "${firmware[@]}" "${installed[@]}" -device "$(card ,romfile=)"
stop

sql "DELETE FROM node WHERE name = 'other.vprov.test'"
ip link delete tap0
ok "destroy" vprov destroy -y "$node"
is "its NVRAM is gone" "$(find "$state" -name '*_VARS.fd')" ""
rm -rf "$state" "$dir/serve.log" "$dir/console" "$dir/sector"
same "nothing is left" "$before" "$(listing "$dir")"
done_testing
