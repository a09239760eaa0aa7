#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 2400
# How machines get from their firmware to what they are told to boot. UEFI, a BIOS with pxelinux over TFTP and, with LONG=1, one with iPXE over
# HTTP, which all other suites have: from nothing to a node that runs from its disk, and again from it, whatever the boot service says to others; and
# firmware that asks the network first although it is to boot its disk. The root image is a small one; quickstart.sh has the real one.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
for p in sqlite3 virsh qemu-system-x86_64 dnsmasq; do command -v $p >/dev/null || skip_all "$p is not installed"; done
[[ -e /usr/share/OVMF/OVMF_CODE_4M.fd ]] || skip_all "ovmf is not installed"
VP_PACKAGES=$real_packages need_tiny_image
in_ns

dir=$(mktemp -d) && chmod 755 "$dir"
cleanup rm -rf "$dir"
state=$dir/state node=quickstart.vprov.test
export ASAN_OPTIONS=detect_leaks=0
vprov() { "$VPROV" "$@" --state-dir "$state" --config "$dir/conf"; }
# shellcheck disable=SC2016 # expanded when it runs
cleanup eval 'vprov destroy -y -q "$node" &>/dev/null'
export VPROV_CACHE=$VP_TINY
sed 's/\(name="enabled">\)true/\1false/; s/>4096</>400</; s/\(name="size">\)256</\116</; s/\(name="size">\)1024</\1512</' "$VP_TOP/profiles/quickstart.xml" >"$dir/small.xml"
sed 's/>msdos</>gpt</; s/>400</>500</' "$dir/small.xml" >"$dir/node.xml"
: >"$dir/conf"
bridge=$(vprov show --json "$dir/node.xml" | jq -r '.nodes[0].bridges[0].name')

sql() { sqlite3 -cmd '.timeout 5000' "$state/vprov.db" "$@"; }
domain() { virsh -q -c "qemu:///embed?root=$state/qemu" "$@"; }
console() { tr -d '\r' <"$state/console/$node.log"; }
logins() { console | grep -ac 'login:'; }
told() { sql "SELECT count(*) FROM event WHERE node = '$1' AND text LIKE '$2'"; }
serve() {
	# Not the function: the process to end is that of the program.
	"$VPROV" serve --state-dir "$state" --config "$dir/conf" >"$dir/serve.log" 2>&1 &
	service=$!
	wait_for 600 test -e "$state/serve/ready"
}
stop() {
	kill $service && wait $service
	is "the boot service ends when it is told to" $? 0
}

# --- Again from the disk ---
# again NAME COMMAND... : it boots by that, from its disk
again() {
	local size
	n=$(logins) size=$(wc -c <"$state/console/$node.log")
	ok "$1: it starts again" "${@:2}"
	ok "$1: it comes up" wait_for 600 more_logins
	like "$1: from its disk" "$(tail -c +"$size" "$state/console/$node.log")" "vprov: boot from disk"
	is "$1: installed once" "$(sql "SELECT installs FROM node WHERE name = '$node'")/$(console | grep -c 'vprov: unpack 0')" 1/1
}
more_logins() { (($(logins) > n)); }
# libvirt says "not running" of what it has just ended
off() { domain destroy $node &>/dev/null || domain domstate $node 2>/dev/null | grep -q 'shut off'; }
restart() { off && domain start $node; }
# again_and_again NAME : the service is on at the end
again_and_again() {
	ok "$1: the boot service ends by itself" wait_for 600 test ! -e "$state/serve/lock"
	n=0
	ok "$1: it asks for a login" wait_for 600 more_logins
	[[ ! ${LONG:-} ]] || again "$1, service off" restart
	serve
	[[ ! ${LONG:-} ]] || again "$1, service on" domain reset $node
	sql "INSERT INTO node (name, mac, ip, life, health, percent, since, last_evidence, token, armed, token_live, installs, json, config, image, task, reason, phase)
		SELECT 'other.vprov.test', '$mac', '10.94.17.77', 1, 0, 0, 0, 0, '0123456789abcdef0123456789abcdef', 1, 1, 0, replace(json, mac, '$mac'), 'NODE=x', image, '', '', ''
		FROM node WHERE name = '$node'"
	again "$1, another one armed" restart
	ok "$1: it is switched off" off
}
mac=52:54:00:00:00:77

# --- BIOS: from nothing to a node ---
for loader in ${LONG:+ipxe} pxelinux; do
	echo "loader = $loader" >"$dir/conf"
	before=$(listing "$dir")
	ok "BIOS, $loader: apply installs and boots" vprov apply "$dir/small.xml"
	like "BIOS, $loader: that was its loader" "$(sql "SELECT text FROM event WHERE text LIKE 'boot loader sent: %'")" "^boot loader sent: $([[ $loader == ipxe ]] && echo 'GET /boot/ipxe' || echo 'pxelinux.0, ')[^$'\n']*$"
	again_and_again "BIOS, $loader"
	stop
	sql "DELETE FROM node WHERE name = 'other.vprov.test'"
	ok "BIOS, $loader: destroy" vprov destroy -y "$node"
	rm -rf "$state" "$dir/serve.log"
	same "BIOS, $loader: nothing is left" "$before" "$(listing "$dir")"
done
printf '%s\n' 'firmware = uefi' 'packages = linux-image-amd64' >"$dir/conf"

# --- UEFI: from nothing to a node ---
before=$(listing "$dir")
ok "UEFI: apply installs and boots" vprov apply "$dir/node.xml"
# shellcheck disable=SC2154 # tap.sh sets it
diag "$output"
is "the loader was iPXE, by HTTP" "$(told $node 'boot loader sent: GET /boot/ipxe')" 1
is "no file went over TFTP" "$(sql "SELECT count(*) FROM event WHERE text LIKE 'boot loader sent: %' AND text NOT LIKE '%GET /boot/ipxe'")" 0
like "and it boots from its disk" "$(console)" "vprov: boot from disk"
exits 0 "plan is empty" vprov plan --exit-code "$dir/node.xml"
is "it has NVRAM of its own" "$(find "$state" -name '*_VARS.fd' | wc -l)" 1

again_and_again UEFI

# --- Firmware that asks the network first ---
ip tuntap add tap0 mode tap && ip link set tap0 master "$bridge" up
# 16 bits: writes DISK to the serial port, and stops
printf '\xba\xf8\x03\xb0D\xee\xb0I\xee\xb0S\xee\xb0K\xee\xf4\xeb\xfd' >"$dir/sector"
truncate -s 1M "$dir/sector"
printf '\x55\xaa' | dd of="$dir/sector" bs=1 seek=510 conv=notrunc status=none
# boot NAME PATTERN QEMU-OPTION... : until the console says it
boot() {
	local name=$1 pattern=$2 pid
	rm -f "$dir/console"
	qemu-system-x86_64 -accel tcg -cpu max,-erms,-la57,-smap -m 1024 -display none -serial "file:$dir/console" -no-reboot \
		-netdev tap,id=n,ifname=tap0,script=no,downscript=no -device "virtio-net-pci,netdev=n,mac=$mac,bootindex=1" "${@:3}" &
	pid=$!
	ok "$name" wait_for 600 grep -aq "$pattern" "$dir/console"
	kill $pid && wait $pid 2>/dev/null
}
# shellcheck disable=SC2054 # commas of QEMU's
disk=(-drive "if=none,id=d,file=$dir/sector,format=raw,snapshot=on" -device virtio-blk-pci,drive=d,bootindex=2)
sql "UPDATE node SET life = 9, health = 0 WHERE name = 'other.vprov.test'"
boot "BIOS with iPXE, network first: the disk" DISK "${disk[@]}"
local=$(told other.vprov.test 'boot answer: local%')
ok "it was told so" test "$local" -ge 1

stop
echo "loader = pxelinux" >>"$dir/conf"
serve
boot "BIOS with pxelinux, network first: the disk" DISK "${disk[@]}"
ok "it was told so again" test "$(told other.vprov.test 'boot answer: local%')" -gt "$local"
stop

sql "DELETE FROM node WHERE name = 'other.vprov.test'"
ip link delete tap0
ok "destroy" vprov destroy -y "$node"
is "its NVRAM is gone" "$(find "$state" -name '*_VARS.fd')" ""
rm -rf "$state" "$dir/serve.log" "$dir/console" "$dir/sector"
same "nothing is left" "$before" "$(listing "$dir")"
done_testing
