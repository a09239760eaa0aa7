#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 300
# vprov net up, down, show: real bridges and taps in a network namespace.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
in_ns

work=$(mktemp -d)
cleanup rm -rf "$work"
cd "$work" || exit 1

# profile HOSTNAME ADDRESS BRIDGE BRIDGE-ADDRESS [NICS]
profile() {
	cat >"$1.json" <<-END
		{ "system": {
		    "network": { "hostname": "$1", "domainname": "example.org",
		                 "interfaces": { "eth0": { "ip": "$2", "netmask": "255.255.255.0" } } },
		    "vprov": { "install": "none", "bridge": { "name": "$3" ${4:+, \"address\": \"$4\"} } } },
		  "hardware": {
		    "cpu": [ { "cores": 1 } ], "ram": [ { "size": 256 } ], "harddisks": { "sda": { "capacity": 64 } },
		    "cards": { "nic": { ${5:-\"eth0\": { \"boot\": true \}} } } } }
	END
}

: >site.conf
net() { "$VPROV" net --state-dir "$work/state" --config "$work/site.conf" "$@"; }
# tap_of NODE: the tap that its profile asks for
tap_of() { net show "$1.json" | awk '$3 == "tap" { print $2; exit }'; }
addresses() { ip -o address show dev "$1" scope global | awk '{ print $4 }'; }
master() { ip -o link show dev "$1" | sed -n 's/.* master \([^ ]*\) .*/\1/p'; }

for i in a b; do ip netns add $i; done
profile n1 10.99.0.11 vptest 10.99.0.1/24
profile n2 10.99.0.12 vptest 10.99.0.1/24
# The state directory and libvirt's own traces are not what this is about: the first run makes them, the listings compare after that.
net up n1.json >/dev/null && net down n1.json >/dev/null
before=$(listing /run)

ok "show without profiles" net show
ok "show of what is not there" net show n1.json n2.json
like "it names what is to be made" "$output" "vptest +bridge +absent +10.99.0.1/24 +create"
same "show changes nothing" "$before" "$(listing /run)"

# --- Up, again, and what came of it.
ok "up" net up n1.json n2.json
tap1=$(tap_of n1) tap2=$(tap_of n2)
is "the bridge's address" "$(addresses vptest)" 10.99.0.1/24
is "one tap is its port" "$(master "$tap1")" vptest
is "the other tap, too" "$(master "$tap2")" vptest
like "the tap is up" "$(ip -o link show dev "$tap1")" "[<,]UP[,>]"
like "no spanning tree, no forward delay" "$(ip -d -o link show dev vptest)" "forward_delay 0 .*stp_state 0"
like "all of them are marked" "$(ip -o link show)" "vptest.*alias vprov:[0-9a-f]{16}.*$tap1.*alias vprov:"
mac=$(cat /sys/class/net/vptest/address)
ok "up again" net up n1.json n2.json
is "nothing to do" "$output" "nothing to do"
ok "show" net show
like "the bridge is vprov's" "$output" "vptest +bridge +vprov +up +- +10.99.0.1/24"
ok "show with profiles and --json" net show --json n1.json
like "nothing to do in JSON" "$output" '"action": "".*"action": ""'
is "the bridge's MAC does not follow its ports" "$(cat /sys/class/net/vptest/address)" "$mac"

# --- Traffic: two more network namespaces on the bridge, and the host itself.
for i in a b; do
	ip link add port-$i type veth peer name eth0 netns $i
	ip link set port-$i master vptest up
	ip -n $i link set eth0 up
done
ip -n a address add 10.99.0.21/24 dev eth0
ip -n b address add 10.99.0.22/24 dev eth0
ok "two guests reach each other" ip netns exec a busybox ping -c 1 -w 5 10.99.0.22
ok "a guest reaches the host" ip netns exec b busybox ping -c 1 -w 5 10.99.0.1
ip link del port-a
ip link del port-b

# --- Somebody meddles.
ip link set "$tap1" nomaster
ip address del 10.99.0.1/24 dev vptest
ok "show after a meddler" net show n1.json
like "the lost address is seen" "$output" "vptest +bridge +up +10.99.0.1/24 +change"
ok "up repairs it" net up n1.json
is "the address is back" "$(addresses vptest)" 10.99.0.1/24
is "the port is back" "$(master "$tap1")" vptest

# --- Killed between making the bridge and marking it: it is still known as vprov's.
ip link set vptest alias ""
ok "up with an unmarked bridge" net up n1.json n2.json
is "nothing to do" "$output" "nothing to do"

# --- A running guest's tap is not taken away.
qemu-system-x86_64 -machine none -accel tcg -display none -monitor none -serial none \
	-netdev "tap,id=n,ifname=$tap1,script=no,downscript=no" </dev/null >qemu.log 2>&1 &
guest=$!
if wait_for 20 grep -q 1 "/sys/class/net/$tap1/carrier"; then
	ok "show with a guest" net show
	like "the tap is in use" "$output" "$tap1 +tap +vprov +up, in use"
	exits 1 "down with a guest" net down n1.json
	like "it is refused" "$output" "$tap1: a running guest uses it"
	ok "the tap is still there" ip link show dev "$tap1"
else
	fail "a guest opens the tap" "$(cat qemu.log)"
fi
kill $guest
wait $guest 2>/dev/null

# --- Down: the bridge goes with the last one that uses it.
ok "down of one" net down n1.json
ok "the bridge stays for the other" ip link show dev vptest
exits 1 "the tap is gone" ip link show dev "$tap1"
ok "down of the other" net down n2.json
same "nothing is left" "$before" "$(listing /run)"
ok "down again" net down n1.json n2.json
is "nothing to do" "$output" "nothing to do"

# --- An existing bridge is used as it is.
ip link add theirs type bridge
ip address add 10.98.0.1/24 dev theirs
ip link set theirs up
profile n3 10.98.0.11 theirs 10.98.0.1/24
profile n4 10.98.0.12 theirs 10.98.0.2/24
there=$(listing /run)
ok "up on an existing bridge" net up n3.json
is "its tap is a port of it" "$(master "$(tap_of n3)")" theirs
is "the bridge got no mark" "$(ip -o link show dev theirs | grep -c alias)" 0
with3=$(listing /run)
exits 1 "up with another address for an existing bridge" net up n4.json
like "it is refused" "$output" "VP-N02"
same "and nothing changed" "$with3" "$(listing /run)"
ok "down" net down n3.json
same "the bridge is as it was" "$there" "$(listing /run)"
ip link del theirs

# --- Foreign devices with the names that are wanted.
tap3=$(tap_of n3)
profile n3 10.98.0.11 vptest 10.98.0.1/24
ip tuntap add "$tap3" mode tap
there=$(listing /run)
exits 1 "a foreign tap of that name" net up n3.json
like "it is refused" "$output" "'$tap3' exists and is not vprov's.*VP-N02"
same "and nothing changed" "$there" "$(listing /run)"
ip link del "$tap3"
ip link add vptest type veth peer name other
there=$(listing /run)
exits 1 "a foreign device with the bridge's name" net up n1.json
like "it is refused" "$output" "'vptest' exists and is no bridge.*VP-N02"
same "and nothing changed" "$there" "$(listing /run)"
ip link del vptest
profile n5 10.97.0.11 nobridge ""
exits 5 "a bridge that neither exists nor has an address" net up n5.json
like "the message says so" "$output" "no bridge 'nobridge'"

# --- Killed at any time: the next run goes on from what it finds.
# killed SECONDS ARG... : vprov net, killed after so long
killed() { { timeout -s KILL "$1" "$VPROV" net -q --state-dir "$work/state" --config "$work/site.conf" "${@:2}"; } >/dev/null 2>&1; }
rounds=0 broken=""
for ms in 005 010 015 020 025 030 035 040 045 050 060 070 080 090 100 120 150 200 300 400; do
	killed 0.$ms up n1.json n2.json
	net down n1.json n2.json >out 2>&1 || broken+="down after up was killed at $ms ms: $(<out)"$'\n'
	[[ $(listing /run) == "$before" ]] || broken+="something is left after up was killed at $ms ms"$'\n'
	net up n1.json n2.json >out 2>&1 || broken+="up: $(<out)"$'\n'
	killed 0.$ms down n1.json n2.json
	net up n1.json n2.json >out 2>&1 || broken+="up after down was killed at $ms ms: $(<out)"$'\n'
	[[ $(addresses vptest) == 10.99.0.1/24 && $(master "$tap1") == vptest && $(master "$tap2") == vptest ]] ||
		broken+="not whole after down was killed at $ms ms"$'\n'
	net down n1.json n2.json >out 2>&1 || broken+="down: $(<out)"$'\n'
	((++rounds))
done
is "40 kills: each time the next run finishes" "$rounds $broken" "20 "
same "nothing is left" "$before" "$(listing /run)"

# --- What the kernel refuses is said with the profile's path, the device, the request and its words.
profile n6 10.99.0.16 vptest 10.99.0.1/24
sed -i 's|"netmask": "255.255.255.0"|&, "mtu": 65535|' n6.json
exits 1 "more than a tap can carry" net up n6.json
like "it is refused" "$output" "create tap vp[0-9a-f]* \(/hardware/cards/nic/eth0\): MTU 65535 of vp[0-9a-f]*: Invalid argument \(RTM_NEWLINK: mtu greater than device maximum\)"
same "nothing is left" "$before" "$(listing /run)"

# --- Several queues, somebody else's tap. It is made again where that changes, but for one that is in use.
profile n6 10.99.0.16 vptest 10.99.0.1/24
sed -i 's|"install": "none"|&, "tap_owner": "nobody:daemon", "nics": { "eth0": { "queues": 3 } }|' n6.json
ok "up with queues and an owner" net up n6.json
tap6=$(tap_of n6)
about() { ip -d -j link show dev "$tap6" | jq -c '.[0].linkinfo.info_data | [.multi_queue, .vnet_hdr, .user, .group]'; }
is "it has them" "$(about)" '[true,true,"nobody","daemon"]'
# opens USER:GROUP QUEUES : a QEMU of theirs has them
opens() {
	setpriv --reuid "${1%:*}" --regid "${1#*:}" --clear-groups --bounding-set -all qemu-system-x86_64 -machine none -accel tcg -display none -monitor none -serial none \
		-netdev "tap,id=n,ifname=$tap6,script=no,downscript=no,vhost=off,queues=$2" </dev/null >qemu.log 2>&1 &
	guest=$!
	wait_for 20 eval "grep -q 1 /sys/class/net/$tap6/carrier || ! kill -0 $guest" && kill -0 $guest
}
chmod 666 /dev/net/tun
exits 1 "another user cannot open it" opens daemon:daemon 3
exits 1 "nor its owner in another group" opens nobody:nogroup 3
opens nobody:daemon 3
is "its owner has three queues of it" "$(ip -d -j link show dev "$tap6" | jq '.[0].linkinfo.info_data.numqueues')" 3
sed -i 's|"nobody:daemon", |":daemon", |; s|"queues": 3|"queues": 1|' n6.json
ok "another wish while it is used" net up n6.json
like "waits" "$("$VPROV" plan --virt qemu --state-dir "$work/state" --config "$work/site.conf" n6.json)" "n6.*restart pending .*: queues or owner of a tap"
is "until then it is as it was" "$(about)" '[true,true,"nobody","daemon"]'
kill $guest
wait $guest 2>/dev/null
ok "when it is not" net up n6.json
is "it is made again" "$(about)" '[false,true,null,"daemon"]'
ok "again" net up n6.json
is "nothing to do" "$output" "nothing to do"
sed -i 's|":daemon"|"nobody:nosuchgroup"|' n6.json
exits 5 "a group that is not there" net up n6.json
like "it is refused" "$output" "no user or group as in 'nobody:nosuchgroup'"
net down n6.json >/dev/null
same "nothing is left" "$before" "$(listing /run)"

# --- Orphans: marked, but of no node that is known. What is somebody else's, or in use, stays.
net up n1.json n2.json >/dev/null
mark=$(cat /sys/class/net/vptest/ifalias)
for i in dead used other; do
	ip tuntap add $i mode tap
	ip link set $i master vptest alias "$mark" up
done
ip link set other alias vprov:0123456789abcdef
ip link add deadbr type bridge
ip link set deadbr alias "$mark"
qemu-system-x86_64 -machine none -accel tcg -display none -monitor none -serial none -netdev "tap,id=n,ifname=used,script=no,downscript=no" </dev/null >qemu.log 2>&1 &
guest=$!
wait_for 20 grep -q 1 /sys/class/net/used/carrier
like "an orphan is shown" "$(net show)" "dead +tap +vprov, orphan"
exits 3 "it is planned to go" "$VPROV" plan --exit-code --virt qemu --state-dir "$work/state" --config "$work/site.conf" n1.json
like "with the reason" "$output" "remove +tap +dead: its node is gone"
ok "up removes it" net up n1.json
is "the dead ones are gone" "$(ip -o link show | grep -c ': dead')" 0
is "what is used or another's is not, nor are other nodes' taps" "$(for i in used other "$tap1" "$tap2"; do master "$i"; done | xargs)" "vptest vptest vptest vptest"
kill $guest
wait $guest 2>/dev/null
ip link del other
ok "when it is not used any more" net up n1.json
exits 1 "it goes, too" ip link show dev used
net down n1.json n2.json >/dev/null
same "nothing is left" "$before" "$(listing /run)"

exits 2 "an unknown action" net sideways n1.json
exits 2 "up without a profile" net up
done_testing
