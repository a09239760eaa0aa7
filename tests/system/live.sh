#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 1500
# A running guest is changed: memory, processors, disks and NICs come and go while it runs, and the plan says what takes a restart. Its profile is
# one for Xen all the time. Then its disk goes on on other devices, and with LONG=1
# is installed anew.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
for p in jq virsh xmllint; do command -v $p >/dev/null || skip_all "$p is not installed"; done
hooked=${VP_BUILD:-$VP_TOP/build}/live-hooked
if [[ ${VP_NS:-} != 1 ]]; then
	"$lib/hooked" "$hooked" "${VP_BUILD:-$VP_TOP/build}"
	# e1000 takes a kernel that has its driver; the guest has no udev that would load those of the balloon and the power button.
	export VP_PACKAGES=$real_packages VP_DRIVERS="virtio_balloon button evdev"
fi
need_tiny_image
in_ns

dir=$(mktemp -d) && chmod 755 "$dir"
cleanup rm -rf "$dir"
state=$dir/state node=quickstart.vprov.test
export ASAN_OPTIONS=detect_leaks=0 VPROV_CACHE=$VP_TINY
vprov() { "$VPROV" "$@" --state-dir "$state"; }
# shellcheck disable=SC2016 # expanded when it runs
cleanup eval 'vprov destroy -y -q "$node" &>/dev/null'
uri="qemu:///embed?root=$state/qemu"
there() { virsh -q -c "$uri" "$@"; }
# value XPATH [--inactive] : of the domain
value() { there dumpxml "${@:2}" $node | xmllint --xpath "string($1)" -; }

# profile VPROV-PART [DISK] [NIC] : 256 MiB, one processor
profile() {
	sed "s|<boolean name=\"enabled\">true|<boolean name=\"enabled\">false|; s|<long name=\"capacity\">4096|<long name=\"capacity\">900|
		s|<long name=\"size\">1024|<long name=\"size\">${memory:-256}|; s|<long name=\"cores\">[0-9]*|<long name=\"cores\">${cores:-1}|
		s|>kvm<|>${own:-xen-para}<|; s|<nlist name=\"vprov\">|&$1|; s|<nlist name=\"harddisks\">|&${2:-}|; s|<nlist name=\"nic\">|&${3:-}|" "$VP_TOP/profiles/quickstart.xml" >"$dir/node.xml"
}
queues='<nlist name="nics"><nlist name="eth0"><long name="queues">2</long></nlist></nlist>'
sizes='<nlist name="memory"><long name="max">512</long></nlist><nlist name="cpu"><long name="max">2</long></nlist>'
grows=$sizes$queues
disk='<nlist name="sdb"><long name="capacity">64</long></nlist>'
nic='<nlist name="eth1"><string name="hwaddr">52:54:00:00:00:77</string></nlist>'
mkdir -p "$dir/www/cgi-bin"
cp "$hooked/say" "$dir/www/cgi-bin"

profile "$grows"
ok "a node whose profile is one for Xen is installed" vprov apply --virt qemu "$dir/node.xml"
busybox httpd -f -p 8421 -h "$dir/www" & httpd=$!
cleanup kill $httpd
# inside COMMANDS : the guest's shell does them; what they say
inside() {
	local log=$state/console/$node.log said
	said=$(stat -c %s "$log")
	echo "{ $1; } >/dev/ttyS0 2>&1; echo =end >/dev/ttyS0" >"$dir/www/new" && mv "$dir/www/new" "$dir/www/hand"
	wait_for 60 eval "tail -c +$((said + 1)) '$log' | grep -q =end"
	tail -c +$((said + 1)) "$log" | tr -d '\r'
}
id=$(value /domain/@id)
# One of them is idle while there is one processor.
is "its NIC has two queues" "$(ip -d -j link show type tun | jq -c '[.[].linkinfo.info_data | .numqueues + .numdisabled]')" "[2]"

memory=384 cores=2 profile "$grows" "$disk" "$nic"
exits 3 "more memory, a processor, a disk, a NIC: a plan" vprov plan --exit-code "$dir/node.xml"
like "which says that it is done while it runs" "$output" "domain  $node: .*\[live\].*live: memory 384 MiB, 2 processors, disk vdb plugged in, interface 52:54:00:00:00:77 plugged in"
if [[ $output != *"next start"* ]]; then pass "and nothing takes a restart"; else fail "and nothing takes a restart" "$output"; fi
ok "apply" vprov apply "$dir/node.xml"
diag "$output"
exits 0 "a second plan is empty" vprov plan --exit-code "$dir/node.xml"
diag "$output"
is "nothing waits for a restart" "$(vprov status --json | jq '.nodes[0].restart_pending')" false
is "the same life of it" "$(value /domain/@id)" "$id"
for what in /domain/currentMemory /domain/vcpu/@current 'count(/domain/devices/disk)' 'count(/domain/devices/interface)'; do
	is "running and persistent definition agree: $what" "$(value "$what")" "$(value "$what" --inactive)"
done
said=$(inside 'ls -d /sys/block/vdb /sys/devices/system/cpu/cpu1; cat /sys/class/net/*/address; free -m')
diag "$said"
like "the guest has them" "$said" "/sys/block/vdb.*52:54:00:00:00:77|52:54:00:00:00:77.*/sys/block/vdb"
like "and the processor" "$said" "/sys/devices/system/cpu/cpu1"

profile "$grows"
exits 3 "less again: a plan" vprov plan --exit-code "$dir/node.xml"
like "it goes while it runs, but for the processor" "$output" \
	"\[restart\].*live: memory 256 MiB, disk vdb unplugged, interface 52:54:00:00:00:77 unplugged.*at its next start: 1 processor \(those that it has stay\)"
ok "apply" vprov apply "$dir/node.xml"
diag "$output"
exits 0 "a second plan is empty, too" vprov plan --exit-code "$dir/node.xml"
like "and says what waits" "$output" "restart pending .*1 processor"
like "the disk's image stays" "$output" "sdb.qcow2 is no longer in the profile; it is left alone"
said=$(inside 'ls /sys/block; cat /sys/class/net/*/address')
if [[ $said != *vdb* && $said != *52:54:00:00:00:77* ]]; then pass "the guest has them no more"; else fail "the guest has them no more" "$said"; fi
is "nor the host its tap" "$(ip -br link | grep -c "^vp[0-9a-f]* ")" 1
is "still the same life of it" "$(value /domain/@id)" "$id"

there setmem $node 300M --live
exits 3 "what is changed outside vprov is seen in the running guest, too" vprov plan --exit-code "$dir/node.xml"
like "and would be put right" "$output" "the running guest is not as its definition says.*live: memory 256 MiB"
ok "as it is by apply" vprov apply "$dir/node.xml"
memory=1024 profile "$grows"
exits 3 "more than it was started with" vprov plan --exit-code "$dir/node.xml"
like "takes a restart" "$output" "\[restart\].*at its next start: memory 1 GiB \(it was started with at most 512 MiB\)"
ok "apply" vprov apply "$dir/node.xml"
like "says so, too" "$output" "next start of the guest.*memory 1 GiB"
is "the guest has what it had" "$(value /domain/memory)" $((512 * 1024))
exits 0 "a second plan is empty" vprov plan --exit-code "$dir/node.xml"
like "and says what waits" "$output" "restart pending .*memory 1 GiB"
ok "apply --restart" vprov apply --restart "$dir/node.xml"
is "another life, with it" "$(value /domain/currentMemory)" $((1024 * 1024))
exits 0 "nothing is left to do" vprov plan --exit-code "$dir/node.xml"
if [[ $output != *pending* ]]; then pass "nor pending"; else fail "nor pending" "$output"; fi

# What --virt has chosen
memory=1024 profile "$grows"
exits 0 "without --virt it stays what it is" vprov plan --exit-code "$dir/node.xml"
like "and says why" "$output" "stays qemu, by an earlier --virt; its profile says xen-para"
exits 5 "--virt with what the profile says is another wish" vprov plan --virt xen-para "$dir/node.xml"
like "which this machine cannot fulfil" "$output" "is no Xen host"
own=xen-hvm memory=1024 profile "$grows"
exits 5 "so is a profile that says something else than then" vprov plan "$dir/node.xml"
own=qemu memory=1024 profile "$grows"
exits 0 "or the same" vprov plan --exit-code "$dir/node.xml"
if [[ $output != *stays* ]]; then pass "which needs no word"; else fail "which needs no word" "$output"; fi

# The same disk on other devices
inside "echo carried >/precious; sync" >/dev/null
profile "$sizes$other_packages<nlist name=\"disk\"><string name=\"bus\">ide</string></nlist><nlist name=\"nics\"><nlist name=\"eth0\"><string name=\"model\">e1000</string></nlist></nlist>"
exits 3 "IDE and e1000: a plan" vprov plan --exit-code "$dir/node.xml"
like "takes a restart" "$output" "\[restart\]"
ok "apply --restart" vprov apply --restart "$dir/node.xml"
diag "$output"
like "it is another board" "$(value /domain/os/type/@machine) $(value /domain/devices/disk/target/@bus) $(value /domain/devices/interface/model/@type)" "^pc-i440fx.* ide e1000$"
said=$(inside 'cat /precious; hostname; ip address; ls /sys/block')
diag "$said"
like "with its file, name and address" "$said" "carried.*quickstart.*10\.94\.17\.10"
like "on that disk" "$said" "sda"
is "its NIC has one queue" "$(ip -d -j link show type tun | jq -c '[.[].linkinfo.info_data.multi_queue]')" "[false]"
exits 0 "a second plan is empty" vprov plan --exit-code "$dir/node.xml"

# A new installation
exits 3 "--reinstall: a plan" vprov plan --reinstall --exit-code "$dir/node.xml"
like "says in capitals what goes" "$output" "install  power .*--reinstall.*DESTROYS DATA: "
exits 1 "not without consent" vprov apply --reinstall "$dir/node.xml"
like "which is the node's name" "$output" "--confirm $node"
exits 1 "not with another's" vprov apply --reinstall -P other.vprov.test "$dir/node.xml"
like "it runs on, with its file" "$(inside 'cat /precious')" "carried"
[[ ${LONG:-} ]] || { done_testing; exit; }
ok "with consent" vprov apply --reinstall -P $node "$dir/node.xml"
diag "$output"
if [[ $(inside 'ls /') != *precious* ]]; then pass "it is a new system"; else fail "it is a new system"; fi
is "installed once, and up" "$(sqlite3 -cmd '.timeout 5000' "$state/vprov.db" "SELECT installs, life, health FROM node")" "1|9|0"
exits 0 "a second plan is empty" vprov plan --exit-code "$dir/node.xml"
done_testing
