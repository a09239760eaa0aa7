#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 300
# The host's own network by its profile: shown, made, taken back; its uplink moves into a bridge under a TCP connection, and back when nobody confirms.
# shellcheck disable=SC2119 # listing takes directories or nothing
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
in_ns

work=$(mktemp -d)
cleanup rm -rf "$work"
cd "$work" || exit 1
hostname hv

# profile [INTERFACES]: the host, with eth0 in br0 where nothing else is said
profile() {
	local all=${1:-'"eth0": { "bridge": "br0", "bootproto": "none" }, "br0": { "type": "Bridge", "ip": "10.5.0.1", "netmask": "255.255.255.0" }'}
	cat >hv.json <<-END
		{ "system": { "enclosure": { "type": "hypervisor" },
		    "network": { "hostname": "hv", "domainname": "example.org", "default_gateway": "10.5.0.254", "interfaces": { $all } } },
		  "hardware": { "cpu": [ { "cores": 1 } ], "ram": [ { "size": 256 } ],
		    "cards": { "nic": { "eth0": { "hwaddr": "02:aa:00:00:00:01", "boot": true } } } } }
	END
}
vp() { "$VPROV" "$1" --state-dir "$work/state" --config "$work/site.conf" "${@:2}"; }
net() { vp net "$@"; }
# state: what there is, without what the kernel does in its own time
state() { listing | grep -v '^process\|^mount'; ip -o -d link | grep -o '[a-z0-9]*\(@[a-z0-9]*\)*: .*link/ether [0-9a-f:]*' | sed 's/<.*link/link/'; }
# option DEVICE KIND NAME
option() { ip -d -j link show dev "$1" | jq -r ".[0].linkinfo.info_data.$2"; }
reached() { ip netns exec out busybox ping -c 1 -w 1 10.5.0.1; }

ip netns add out
ip link add eth0 address 02:aa:00:00:00:01 type veth peer name far netns out
ip -n out address add 10.5.0.254/24 dev far
ip -n out address add fd05::fe/64 dev far nodad
ip -n out link set far up
ip address add 10.5.0.1/24 dev eth0
ip address add 10.6.0.1/24 dev eth0
ip address add fd05::1/64 dev eth0 nodad
ip link set eth0 up
ip route add default via 10.5.0.254
ip route add 172.20.0.0/16 via 10.5.0.253 metric 7
ip neighbour add 10.5.0.77 lladdr 02:00:00:00:00:77 dev eth0
wait_for 10 reached
: >site.conf
profile
before=$(state)

# --- Nothing without being told to.
ok "a hypervisor whose network is not vprov's" net up hv.json
same "is left alone" "$before" "$(state)"
echo "network/manage = true" >site.conf
hostname other
ok "another hypervisor's profile" net up hv.json
same "changes nothing here" "$before" "$(state)"
hostname hv

# --- Shown, planned, made.
ok "show" net show hv.json
like "both sides and the difference" "$output" "br0 +address +absent +10.5.0.1/24 +differs"
like "what the profile does not know of moves along" "$output" "br0 +address +absent +10.6.0.1/24"
like "in JSON, too" "$(net show --json hv.json | jq -c '.host[] | select(.device == "eth0" and .what == "master")')" '"live":"","wanted":"br0","differs":true'
exits 3 "plan" vp plan --exit-code hv.json
like "says the steps" "$output" "change +link +eth0: master none -> br0, by /system/network/interfaces/eth0"
like "routes, too" "$output" "change +link +br0: route 0.0.0.0/0 over br0 through 10.5.0.254, before over eth0 through 10.5.0.254"
same "neither changes anything" "$before" "$(state)"
ok "up" net up hv.json
is "the address is the bridge's" "$(ip -o -4 address show dev br0 | awk '{ print $4 }' | sort | xargs) $(ip -o address show dev eth0 scope global)" "10.5.0.1/24 10.6.0.1/24 "
is "the default route, too" "$(ip route show default)" "default via 10.5.0.254 dev br0 proto static "
like "and the other one" "$(ip route)" "172.20.0.0/16 via 10.5.0.253 dev br0 proto static metric 7"
is "the MAC" "$(cat /sys/class/net/br0/address)" 02:aa:00:00:00:01
like "what is known of neighbours" "$(ip neighbour show dev br0)" "10.5.0.77 lladdr 02:00:00:00:00:77 PERMANENT"
ok "the host is reached" reached
ok "up again" net up hv.json
is "nothing to do" "$output" "nothing to do"
exits 0 "nothing is planned" vp plan --exit-code hv.json
ok "no difference is shown" net show hv.json
is "none" "$(echo "$output" | grep -c differs)" 0

# --- Every attribute, set live and compared with what iproute2 says.
profile '"eth0": { "bridge": "br0", "bootproto": "none", "mtu": 1400, "bridging_opts": { "path_cost": "77", "priority": "11" } },
	"br0": { "type": "Bridge", "ip": "10.5.0.1", "netmask": "255.255.255.0", "stp": true,
	"delay": 4, "mtu": 1400, "ipv6addr": "fd05::2/64", "route": [ { "address": "192.0.2.0", "netmask": "255.255.255.0", "gateway": "10.5.0.9" } ],
	"aliases": { "a": { "ip": "10.7.0.1", "netmask": "255.255.0.0" } },
	"bridging_opts": { "hello_time": "300", "max_age": "900", "ageing_time": "12000", "priority": "8192", "multicast_snooping": "0" } }'
ok "more of the bridge" net up hv.json
for i in stp_state=1 forward_delay=400 hello_time=300 max_age=900 ageing_time=12000 priority=8192 mcast_snooping=0; do
	is "$i" "$(option br0 "${i%=*}")" "${i#*=}"
done
is "the port" "$(bridge -d -j link show dev eth0 | jq -c '.[] | [.cost, .priority]')" "[77,11]"
is "MTU of the bridge" "$(ip -j link show dev br0 | jq '.[0].mtu')" 1400
is "of its port" "$(ip -j link show dev eth0 | jq '.[0].mtu')" 1400
like "a further address" "$(ip -j address show dev br0 | jq -c '.[0].addr_info[] | [.local, .prefixlen]')" '\["10.7.0.1",16\]'
like "of IPv6" "$(ip -j address show dev br0 | jq -c '.[0].addr_info[] | [.local, .prefixlen]')" '\["fd05::2",64\]'
like "a route" "$(ip route)" "192.0.2.0/24 via 10.5.0.9 dev br0"
ok "again" net up hv.json
is "nothing to do" "$output" "nothing to do"
ip link set br0 type bridge ageing_time 5000
ok "after a meddler" net show hv.json
like "the difference is shown" "$output" "br0 +ageing_time +5000 +12000 +differs"
ok "it is repaired" net up hv.json
is "to what is wanted" "$(option br0 ageing_time)" 12000
# Its port begins anew.
ip link set eth0 down
ip link set eth0 up
settling() { [[ $(option br0 topology_change) == 1 ]]; }
ok "the kernel ages faster while the spanning tree settles" wait_for 60 settling
sed 's/"stp": true/"stp": false/' hv.json >off.json
ok "which is switched off meanwhile" net up off.json
ok "again" net up off.json
is "nothing to do: what comes after is not told" "$output" "nothing to do"
ok "on again" net up hv.json

# --- What the kernel refuses in the middle is taken back, and said with all that is known.
there=$(state)
cp hv.json before.json
profile '"eth0": { "bridge": "br0", "bootproto": "none", "mtu": 1400 }, "br0": { "type": "Bridge", "ip": "10.5.0.1", "netmask": "255.255.255.0",
	"mtu": 1300, "bridging_opts": { "hello_time": "99999" } }'
exits 1 "a timer that the kernel does not take" net up hv.json
like "the request, the device, the path" "$output" "change link br0 \(/system/network/interfaces/br0\): hello_time 99999 of br0: Numerical result out of range \(RTM_NEWLINK\)"
same "and nothing was changed" "$there" "$(state)"
cp before.json hv.json

# --- Taken back.
ok "down" net down hv.json
same "as before" "$before" "$(state)"
ok "down again" net down hv.json
is "nothing to do" "$output" "nothing to do"

# --- What cannot be done is said before anything is.
profile '"eth0": {}, "eth7": { "bridge": "br0" }, "br0": { "type": "Bridge" }'
exits 5 "a device that is not there" net up hv.json
like "is named with its path" "$output" "/system/network/interfaces/eth7.*no device 'eth7'"
# try KIND NAME REST...: whether this kernel has it
try() { ip link add "$@" 2>/dev/null && ip link del "$2"; }
if ! try link eth0 name vptry type vlan id 9; then
	profile '"eth0": {}, "eth0.9": { "ip": "10.9.0.1", "netmask": "255.255.255.0" }'
	exits 5 "a VLAN on a kernel without" net up hv.json
	like "is said at plan time, in the kernel's words" "$output" "eth0.9: .*Operation not supported"
fi
if ! { ip link add vptry type bridge && ip link set vptry type bridge vlan_filtering 1; } 2>/dev/null; then
	profile '"eth0": { "bridge": "br0" }, "br0": { "type": "Bridge", "bridging_opts": { "vlan_filtering": "1" } }'
	exits 5 "VLAN filtering on a kernel without" net up hv.json
	like "is said, too" "$output" "br0: .*Operation not supported"
	profile '"eth0": { "bridge": "br0" }, "br0": { "type": "Bridge" }'
	sed -i 's/{ "system": {/& "vprov": { "ports": { "eth0": { "pvid": 7 } } },/' hv.json
	exits 5 "VLANs of a port" net up hv.json
	like "as well, with its path" "$output" "/system/network/interfaces/eth0.*eth0: .*VLANs.*Operation not supported"
fi
ip link del vptry 2>/dev/null
same "and nothing was changed" "$before" "$(state)"
ip link add br0 type veth peer name br0peer
profile
there=$(state)
exits 1 "another's device of that name" net up hv.json
like "is not replaced" "$output" "'br0' is not vprov's.*VP-N02"
same "and nothing was changed" "$there" "$(state)"
ip link del br0

# --- The uplink moves, and back, under a TCP connection and a ping.
ip netns exec out iperf3 -s -D -I "$work/iperf.pid" >/dev/null
cleanup eval "kill \$(tr -d '\\0' <$work/iperf.pid)"
listens() { ip netns exec out ss -tlnH | grep -q ':5201 '; }
wait_for 10 listens
iperf3 -c 10.5.0.254 -B 10.5.0.1 -t 12 -b 200M -J >stream.json &
stream=$!
ip netns exec out busybox ping -i 0.1 -w 11 10.5.0.1 >ping.txt &
ping=$!
sleep 2
ok "up, to be confirmed" net up --confirm-within 60 hv.json
ok "confirmed" net confirm
exits 1 "twice" net confirm
sleep 2
ok "down" net down hv.json
sleep 1
ok "up, and nobody confirms" net up --confirm-within 2 hv.json
sed 's/"type": "Bridge"/&, "mtu": 1400/' hv.json >other.json
exits 1 "another change has to wait" net up other.json
gone() { [[ ! -e /sys/class/net/br0 ]]; }
ok "it goes back" wait_for 10 gone
wait $ping
wait $stream
is "the stream came to its end" $? 0
ok "over one connection, with something in each second" jq -e '(.end.streams | length) == 1 and all(.intervals[]; .sum.bytes > 0)' stream.json
lost=$(awk '/packets transmitted/ { print $1 - $4 }' ping.txt)
ok "at most 3 pings lost ($lost)" test "${lost:-100}" -le 3
same "as before" "$before" "$(state)"
exits 1 "nothing waits" net rollback
ok "up" net up --confirm-within 60 hv.json
ok "rollback by hand" net rollback
same "as before" "$before" "$(state)"
ok "apply does the same" vp apply --confirm-within 3 hv.json
like "and says how it is confirmed" "$output" "within 3 seconds: vprov net confirm"
ok "it is made" test -e /sys/class/net/br0
ok "and goes back, too" wait_for 10 gone
went_back() { tail -n 1 state/network.log | grep -q 'gone back$'; }
wait_for 10 went_back
same "as before" "$before" "$(state)"

# --- Confirmed by answers, or by none.
printf 'network/manage = true\nnetwork/answers = 10.5.0.254\n' >site.conf
ok "a host answers" net up --confirm-within 20 hv.json
ok "that is enough" test ! -e state/network.pending
net down hv.json >/dev/null
printf 'network/manage = true\nnetwork/answers = 10.5.0.99\n' >site.conf
# many routes, so that going back takes a while
seq -f 'route add 172.21.%g.0/24 via 10.5.0.253' 0 120 | ip -batch -
there=$(state)
exits 1 "another does not" net up --confirm-within 10 hv.json
same "as before, once it is said" "$there" "$(state)"
like "in so many words" "$output" "nobody has confirmed the change: the network is as it was"
exits 1 "nothing is left to confirm" net confirm
like "nor is it a node" "$output" "no change of the network waits; of the last one: gone back .*VP-N04"
seq -f 'route del 172.21.%g.0/24 via 10.5.0.253' 0 120 | ip -batch -
echo "network/manage = true" >site.conf

# --- Killed before and after each step: without vprov, it is as it was within the time.
k=0 broken=""
while ((++k < 100)); do
	"$VP_BUILD/killed" $k "$work/state" "$work/site.conf" 20 up hv.json >/dev/null 2>&1 && break
	wait_for 10 reached || broken+="not reached after a kill at write $k"$'\n'
	settled() { [[ ! -e state/network.pending && $(tail -n 1 state/network.log) == *"gone back" && $(state) == "$before" ]]; }
	wait_for 10 settled || broken+="not as before after a kill at write $k: $(diff <(echo "$before") <(state))"$'\n'
done
net confirm
is "killed at each of $((k - 1)) writes: reached again, and as before" "$broken" ""
ok "that many" test $k -gt 15
ok "the last one came to its end" test -e /sys/class/net/br0
net down hv.json >/dev/null
same "as before" "$before" "$(state)"
done_testing
