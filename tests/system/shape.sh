#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 120
# Limits of NICs, and an uplink that nodes share: real traffic of four nodes, of which one is greedy, through a link of 100 Mbit/s.
# shellcheck disable=SC2119 # listing takes directories or nothing
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
in_ns

work=$(mktemp -d)
cleanup rm -rf "$work"
cd "$work" || exit 1
seconds=4

# profile NUMBER [MORE of /system/vprov]
profile() {
	cat >"n$1.json" <<-END
		{ "system": {
		    "network": { "hostname": "n$1", "domainname": "example.org",
		                 "interfaces": { "eth0": { "ip": "10.99.0.1$1", "netmask": "255.255.255.0" } } },
		    "vprov": { "install": "none"${2:+, $2} } },
		  "hardware": {
		    "cpu": [ { "cores": 1 } ], "ram": [ { "size": 256 } ], "harddisks": { "sda": { "capacity": 64 } },
		    "cards": { "nic": { "eth0": { "boot": true, "hwaddr": "02:00:00:00:00:0$1" } } } } }
	END
}
# The same as parts of a whole; bridge [MORE]
bridge() { echo "\"bridge\": { \"name\": \"vptest\", \"address\": \"10.99.0.1/24\"${1:+, $1} }"; }
: >site.conf
net() { "$VPROV" net --state-dir "$work/state" --config "$work/site.conf" "$@"; }
tap_of() { net show "$1.json" | awk '$3 == "tap" { print $2; exit }'; }
rules() { tc qdisc show; for i in up0 ifb-up0; do tc class show dev $i; tc filter show dev $i; tc filter show dev $i ingress; done 2>/dev/null; }

# --- What is refused, before anything is made.
there=$(listing; rules)
profile 1 "$(bridge '"uplink": "up0", "rate": 100')"
exits 5 "an uplink that is not there" net up n1.json
like "is named, with its path" "$output" "no device 'up0'.*/system/vprov/bridge/uplink|/system/vprov/bridge/uplink.*no device 'up0'"
profile 1 "$(bridge '"uplink": "up0"')"
exits 5 "an uplink without its rate" net up n1.json
like "is named, too" "$output" "/system/vprov/bridge.*needs its rate"
profile 1 "$(bridge), \"nics\": { \"eth0\": { \"bandwidth\": { \"average\": 50, \"peak\": 40 } } }"
exits 5 "a peak below the average" net up n1.json
like "is named" "$output" "nics/eth0/bandwidth.*40 Mbit/s, is below the average"
profile 1 "$(bridge), \"nics\": { \"eth0\": { \"bandwidth\": { \"burst\": 64 } } }"
exits 5 "a burst without an average" net up n1.json
same "nothing was made" "$there" "$(listing; rules)"

# --- The world: host - up0 === sw0 - switch - sw1 === server. Both ends of the switch carry 100 Mbit/s.
for i in switch server 1 2 3 4; do ip netns add $i; done
ip link add up0 type veth peer name sw0 netns switch
ip -n switch link add sw1 type veth peer name eth0 netns server
ip -n switch link add name brsw type bridge
for i in sw0 sw1; do
	ip -n switch link set $i master brsw up
	tc -n switch qdisc add dev $i root tbf rate 100mbit burst 64k limit 250k
done
ip -n switch link set brsw up
# What one measurement has taught a host about the others is not for the next.
for i in server 1 2 3 4; do ip netns exec $i sysctl -q net.ipv4.tcp_no_metrics_save=1; done
ip -n server address add 10.99.0.100/24 dev eth0
ip -n server link set eth0 up
ip link set up0 up
for i in 1 2 3 4; do profile $i "$(bridge)"; done
ok "four nodes without limits" net up n?.json
ip link set up0 master vptest
for i in 1 2 3 4; do
	ip link add port$i master vptest type veth peer name eth0 address 02:00:00:00:00:0$i netns $i
	ip link set port$i up
	ip -n $i address add 10.99.0.1$i/24 dev eth0
	ip -n $i link set eth0 up
done

# received NODE : the time, and the bytes that its connections have brought so far, as their receiver has them
received() {
	local in=server end=sport
	[[ $direction == receive ]] && in=$1 end=dport
	ip netns exec "$in" ss -tinHO "$end = :520$1" | grep -o 'bytes_received:[0-9]*' | awk -F: -v t="$EPOCHREALTIME" '{ sum += $2 } END { printf "%s %d\n", t, sum }'
}
sockets() { ip netns exec server ss -tnH "$@" | wc -l; }
listening() { (($(sockets -l "sport = :520$1") > 0)); }
# The control connection of each, and what it measures by
connected() { (($(sockets state established 'sport >= :5201 and sport <= :5204') == 15)); }
# measure NAME transmit|receive: what each node gets while all of them want as much as possible; node 1 has eight connections.
# NAME.result: min/mean, total (Mbit/s), each
measure() {
	local name=$1 direction=$2 i pids=() reverse=
	[[ $direction == receive ]] && reverse=1
	# Servers of its own: one that has lost its client may be busy with it for a while, and turn the next one away.
	for i in 1 2 3 4; do
		ip netns exec server timeout $((seconds + 80)) iperf3 -s -p 520$i >/dev/null 2>&1 &
		pids+=($!)
		wait_for 20 listening $i
		ip netns exec $i timeout $((seconds + 80)) iperf3 -c 10.99.0.100 -p 520$i -t $((seconds + 60)) -P $((i == 1 ? 8 : 1)) \
			${reverse:+-R} >"$name.$i" 2>&1 &
		pids+=($!)
	done
	ok "$name: all of them are connected" wait_for 40 connected
	# Not the beginning, while they find out how much there is.
	sleep 2
	for i in 1 2 3 4; do received $i; done >"$name.before"
	sleep $seconds
	for i in 1 2 3 4; do received $i; done >"$name.after"
	kill "${pids[@]}"
	wait "${pids[@]}" 2>/dev/null
	paste "$name.before" "$name.after" | awk '
		{ v[NR] = ($4 - $2) * 8 / 1e6 / ($3 - $1); sum += v[NR]; if (NR == 1 || v[NR] < min) min = v[NR] }
		END { print sum ? min / (sum / NR) : 0, sum, v[1], v[2], v[3], v[4] }' >"$name.result"
	diag "$name: min/mean, total, each (Mbit/s): $(cat "$name.result")"
}
# fair NAME BEFORE: at least 0.9 of the mean for each, 95 % of the total before
fair() {
	local a=(0 0) b=(0 0)
	read -r -a a <"$1.result"
	read -r -a b <"$2.result"
	ok "$1: nobody has less than 0.9 of the mean (${a[0]:0:5}, before ${b[0]:0:5})" awk "BEGIN { exit !(${a[0]} >= 0.9) }"
	ok "$1: in all as much as before (${a[1]:0:5} of ${b[1]:0:5} Mbit/s)" awk "BEGIN { exit !(${a[1]} >= 0.95 * ${b[1]}) }"
}
# shellcheck disable=SC2016 # awk expands it
unfair() { ok "$1: the greedy one has more" awk '{ unfair = $1 < 0.8 } END { exit !unfair }' "$1.result"; }

ok "the server is reached" ip netns exec 4 busybox ping -c 1 -w 5 10.99.0.100
measure transmit-alone transmit
measure receive-alone receive
unfair transmit-alone
unfair receive-alone

# --- Shared.
before=$(listing; rules)
for i in 1 2 3 4; do profile $i "$(bridge '"uplink": "up0", "rate": 100')"; done
ok "the four share their uplink" net up n?.json
ok "up again" net up n?.json
is "nothing to do" "$output" "nothing to do"
measure transmit transmit
measure receive receive
fair transmit transmit-alone
fair receive receive-alone

# --- Somebody meddles.
shared=$(rules)
for what in "filter del dev up0" "qdisc del dev up0 root" "filter del dev ifb-up0" "qdisc del dev ifb-up0 root" "qdisc del dev up0 ingress" \
	"class change dev up0 parent 7670: classid 7670:1 htb rate 50mbit ceil 50mbit" \
	"class add dev ifb-up0 parent 7670:1 classid 7670:99 htb rate 1mbit"; do
	# shellcheck disable=SC2086
	ok "tc $what" tc $what
	exits 3 "is seen" "$VPROV" plan --exit-code --state-dir "$work/state" --config site.conf n1.json
	net up n1.json >/dev/null
	same "and repaired" "$(echo "$shared" | sed 's/fh 800::[0-9a-f]* order [0-9]*//; s/direct_packets_stat [0-9]*//' | sort)" \
		"$(rules | sed 's/fh 800::[0-9a-f]* order [0-9]*//; s/direct_packets_stat [0-9]*//' | sort)"
done
ip link del ifb-up0
net up n1.json >/dev/null
ok "the ifb is made again" ip link show dev ifb-up0

# --- Limits of one NIC.
profile 1 "$(bridge), \"nics\": { \"eth0\": { \"bandwidth\": { \"average\": 50, \"peak\": 80, \"burst\": 128 } } }"
ok "one leaves the share, and gets a limit" net up n1.json
is "its class is gone" "$(tc class show dev up0 | grep -c "7670:[2-5] ")" 3
tap=$(tap_of n1)
like "its tap has the limit" "$(tc qdisc show dev "$tap")" "tbf 7670: root .*rate 50Mbit burst 128Kb peakrate 80Mbit"
tc qdisc del dev "$tap" root
ok "up" net up n1.json
like "it comes back" "$(tc qdisc show dev "$tap")" "tbf 7670: root"
profile 1 "$(bridge)"
ok "no limit any more" net up n1.json
is "and none is left" "$(tc qdisc show dev "$tap" | grep -c tbf)" 0

# --- Gone.
for i in 1 2 3 4; do profile $i "$(bridge)"; done
ok "nobody shares any more" net up n?.json
same "nothing is left of it" "$before" "$(listing; rules)"

# --- What somebody else has made is not touched.
tc qdisc add dev up0 root handle 1: htb
profile 1 "$(bridge '"uplink": "up0", "rate": 100')"
there=$(listing; rules)
exits 1 "an uplink with another one's htb" net up n1.json
like "is refused" "$output" "somebody else, htb.*VP-N02"
tc qdisc del dev up0 root
tc qdisc add dev up0 ingress
tc filter add dev up0 ingress protocol all prio 1 u32 match u32 0 0 action mirred egress mirror dev lo
there=$(listing; rules)
exits 1 "an uplink whose received frames somebody filters" net up n1.json
like "is refused" "$output" "filtered \\(tc\\) by somebody else"
same "and left alone" "$there" "$(listing; rules)"
net down n?.json >/dev/null
done_testing
