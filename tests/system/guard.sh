#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 120
# What a node may send, and what gets into an isolated bridge: real frames through real taps and nftables.
# shellcheck disable=SC2119 # listing takes directories or nothing
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
in_ns

work=$(mktemp -d)
cleanup rm -rf "$work"
cd "$work" || exit 1

# profile NUMBER [SITE-LINE...] : and the site configuration
profile() {
	cat >"n$1.json" <<-END
		{ "system": {
		    "network": { "hostname": "n$1", "domainname": "example.org",
		                 "interfaces": { "eth0": { "ip": "10.99.0.1$1", "netmask": "255.255.255.0", "ipv6addr": "2001:db8::1$1/64" } } },
		    "vprov": { "install": "none", "bridge": { "name": "vptest", "address": "10.99.0.1/24" } } },
		  "hardware": {
		    "cpu": [ { "cores": 1 } ], "ram": [ { "size": 256 } ], "harddisks": { "sda": { "capacity": 64 } },
		    "cards": { "nic": { "eth0": { "boot": true, "hwaddr": "02:00:00:00:00:0$1" } } } } }
	END
	shift
	printf '%s\n' "$@" >site.conf
}
net() { "$VPROV" net --state-dir "$work/state" --config "$work/site.conf" "$@"; }
tap_of() { net show "$1.json" | awk '$3 == "tap" { print $2; exit }'; }
guards() { nft -s list ruleset; }
# passing: the names of the frames that leave the tap
passing() { "$VP_BUILD/frames" "$tap" far | awk '/ passes$/ { printf "%s ", $1 }'; }

# --- Bad input.
profile 1 "guard/level = everything"
exits 2 "a level that there is not" net up n1.json
like "is named" "$output" "guard/level.*none.*mac.*address|site.conf:1.*guard/level"
profile 1 "guard/level = address" "guard/addresses = 10.99.0.500"
exits 2 "an address that is none" net up n1.json
like "is named" "$output" "site.conf:2.*guard/addresses"
is "nothing was made" "$(guards)" ""

# --- Frames.
profile 2 ""
profile 1 ""
net up n1.json n2.json >/dev/null
tap=$(tap_of n1)
ip link add port type veth peer name far
ip link set port master vptest up
ip link set far up
before=$(listing; guards)
all=$(passing)
is "without a guard everything passes" "$all" "arp-own arp-probe arp-ip-other arp-hw-other ip-own ip-other ip-more ip-zero mac-other dhcp-request dhcp-offer ip6-link \
ip6-own ip6-other dhcp6-answer router neighbour-own neighbour-other vlan vlan-vlan stp "
profile 1 "guard/level = mac"
mkdir empty
exits 5 "a guard where nft is not installed" env PATH="$work/empty" "$VPROV" net --state-dir "$work/state" --config "$work/site.conf" up n1.json
like "is refused before anything is done" "$output" "no program nft \\(package nftables\\)"
ok "the MAC is checked" net up n1.json
is "what passes then" "$(passing)" "arp-own arp-probe arp-ip-other ip-own ip-other ip-more ip-zero dhcp-request ip6-link ip6-own ip6-other neighbour-own neighbour-other "
profile 1 "guard/level = address"
ok "the addresses are checked" net up n1.json
is "what passes then" "$(passing)" "arp-own arp-probe ip-own dhcp-request ip6-link ip6-own neighbour-own "
ok "up again" net up n1.json
is "nothing to do" "$output" "nothing to do"
profile 1 "guard/level = address" "guard/addresses = 10.99.0.50"
ok "one more address" net up n1.json
is "what passes then" "$(passing)" "arp-own arp-probe ip-own ip-more dhcp-request ip6-link ip6-own neighbour-own "
ok "the other node is guarded, too" net up n1.json n2.json
table=$(nft list tables | awk '$2 == "netdev" { print $3 }')
is "in one table" "$(guards | grep -c chain)" 2

# --- Somebody meddles.
guarded=$(guards)
for what in "flush ruleset" "delete chain netdev $table $tap" "flush chain netdev $table $tap" "insert rule netdev $table $tap accept"; do
	# shellcheck disable=SC2086
	ok "nft $what" nft $what
	exits 3 "is seen" "$VPROV" plan --exit-code --state-dir "$work/state" --config site.conf n1.json
	net up n1.json n2.json >/dev/null
	is "and repaired" "$(guards | sort)" "$(sort <<<"$guarded")"
done
nft add table inet theirs
nft add chain inet theirs c "{ type filter hook input priority 0; }"

# --- What the node sends is limited, too: all of it passes, but not all at once.
profile 1 "nics/eth0/bandwidth/average = 8"
ok "no guard, but a limit" net up n1.json
is "everything passes" "$(passing)" "$all"
like "what is above it is dropped" "$(guards)" "limit rate over (1000000 bytes|976 kbytes)/second"

# --- Gone.
profile 1 ""
ok "no guard any more" net up n1.json n2.json
is "what others have made stays" "$(nft list tables)" "table inet theirs"
nft delete table inet theirs
same "nothing else is left" "$before" "$(listing; guards)"

# --- An isolated bridge: nothing is routed between it and others, and nobody else offers addresses there.
for i in a b; do ip netns add $i; done
ip link add toa master vptest type veth peer name eth0 netns a
ip link add tob type veth peer name eth0 netns b
ip -n a address add 10.99.0.21/24 dev eth0
ip -n b address add 10.98.0.21/24 dev eth0
ip address add 10.98.0.1/24 dev tob
ip link set toa up
ip link set tob up
for i in a b; do
	ip -n $i link set eth0 up
	ip -n $i route add default via "10.9$([[ $i == a ]] && echo 9 || echo 8).0.1"
done
sysctl -q net.ipv4.ip_forward=1
reaches() { ip netns exec "$1" busybox ping -c 1 -w 2 "$2"; }
ok "this machine routes between the bridges" reaches a 10.98.0.21
profile 1 "bridge/isolated = true" "bridge/uplink = out" "bridge/rate = 1000"
ip tuntap add out mode tap
ip link set out master vptest up
ok "one is isolated" net up n1.json
ok "up again" net up n1.json
is "nothing to do" "$output" "nothing to do"
exits 1 "nothing gets out of it" reaches a 10.98.0.21
exits 1 "nothing gets into it" reaches b 10.99.0.21
ok "this machine itself is reached" reaches a 10.99.0.1
tap=out
is "frames from outside are shared, too" "$(tc filter show dev out ingress | grep -c ifb-out)" 1
is "no address is offered from outside" "$(passing)" "$(sed "s/dhcp-offer //; s/dhcp6-answer //; s/router //" <<<"$all")"
net down n1.json >/dev/null
like "it stays isolated as long as another node is on it" "$(guards)" "hook forward"
net down n2.json >/dev/null
is "then it is not" "$(guards)" ""
done_testing
