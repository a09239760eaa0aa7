#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 700
# The host's own network as files of the host's tools: systemd-networkd, ifupdown and NetworkManager read them, and make of them what vprov makes.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
[[ ! ${LONG:-} || ${VP_KERNEL:-} ]] || need_image
in_ns

work=$(mktemp -d)
cleanup rm -rf "$work"
cd "$work" || exit 1
hostname hv
# On a kernel that has all of it (its spanning tree changes the ageing time for a while, and is not what this is about): a bond with a VLAN, VLANs of ports, a VLAN of the host on the bridge.
more="" ports="" opts="" stp=true kernel="without VLANs" cards=(0 1)
if ip link add vptry type bond 2>/dev/null && ip link add link vptry name vptry.9 type vlan id 9 && ip link add vpbr type bridge vlan_filtering 1; then
	stp=false kernel="with VLANs" cards=(0 1 2 3)
	ports='"vprov": { "ports": { "eth0": { "pvid": 7, "tagged": [ "10-20", "30" ] }, "br0": { "pvid": 7, "tagged": [ "10" ] } } },'
	opts=', "vlan_filtering": "1", "default_pvid": "0"'
	more='"eth2": { "master": "bond0", "bootproto": "none" }, "eth3": { "master": "bond0", "bootproto": "none" },
	      "bond0": { "bonding_opts": { "mode": "active-backup", "miimon": "100" }, "ip": "10.11.0.1", "netmask": "255.255.255.0", "ipv6addr": "fd11::1/64" },
	      "bond0.5": { "vlan": true, "physdev": "bond0", "ip": "10.9.0.1", "netmask": "255.255.255.0",
	        "route": [ { "address": "198.51.100.0", "netmask": "255.255.255.0", "gateway": "10.9.0.9" } ] },
	      "br0.10": { "vlan": true, "physdev": "br0", "ip": "10.10.0.1", "netmask": "255.255.255.0" },'
fi
diag "kernel: $kernel"
for i in vptry.9 vptry vpbr; do ip link del $i 2>/dev/null; done
cat >hv.json <<END
{ "system": { "enclosure": { "type": "hypervisor" }, $ports
    "network": { "hostname": "hv", "domainname": "example.org", "default_gateway": "10.5.0.254", "interfaces": { $more
      "eth0": { "bridge": "br0", "bootproto": "none", "mtu": 1400, "bridging_opts": { "path_cost": "77", "priority": "11" } },
      "eth1": { "ip": "10.8.0.1", "netmask": "255.255.255.0" },
      "br0": { "type": "Bridge", "ip": "10.5.0.1", "netmask": "255.255.255.0", "stp": $stp, "delay": 4, "mtu": 1400, "ipv6addr": "fd05::2/64",
        "route": [ { "address": "192.0.2.0", "netmask": "255.255.255.0", "gateway": "10.5.0.9" } ],
        "aliases": { "a": { "ip": "10.7.0.1", "netmask": "255.255.0.0" } },
        "bridging_opts": { "hello_time": "300", "max_age": "900", "ageing_time": "12000", "priority": "8192", "multicast_snooping": "0" $opts } } } } },
  "hardware": { "cpu": [ { "cores": 1 } ], "ram": [ { "size": 256 } ],
    "cards": { "nic": { "eth0": { "hwaddr": "02:aa:00:00:00:01", "boot": true }, "eth1": { "hwaddr": "02:aa:00:00:00:02" },
      "eth2": { "hwaddr": "02:aa:00:00:00:03" }, "eth3": { "hwaddr": "02:aa:00:00:00:04" } } } } }
END
echo "network/manage = true" >site.conf
vp() { "$VPROV" "$1" --state-dir "$work/state" --config "$work/site.conf" "${@:2}"; }

ip netns add out
for i in "${cards[@]}"; do
	ip link add "eth$i" address 02:aa:00:00:00:0$((i + 1)) type veth peer name "far$i" netns out
	ip -n out link set "far$i" up
done
# facts: the live state that the profile decides over
facts() {
	bridge -d -j link show dev eth0 | jq -r '.[] | "port \(.ifname) \(.cost) \(.priority)"'
	[[ ! $more ]] || bridge -j vlan | jq -c 'sort_by(.ifname)[] | select(.ifname | test("^(eth|br)"))'
	ip -d -j link | jq -r '.[] | select(.linkinfo.info_kind == "bond" or .linkinfo.info_kind == "vlan") | "\(.ifname) \(.link) \(.linkinfo.info_data | [.mode, .miimon, .id])"' | sort
	ip -d -j link | jq -r 'sort_by(.ifname)[] | select(.ifname | test("^(eth|br)")) | "\(.ifname) \(.address) mtu \(.mtu) master \(.master) up \(.flags | index("UP") != null)",
		(select(.linkinfo.info_kind == "bridge") | .linkinfo.info_data | "bridge \(.forward_delay) \(.hello_time) \(.max_age) \(.ageing_time) \(.priority) \(.stp_state) \(.mcast_snooping)")'
	ip -j address | jq -r '.[] | .ifname as $n | .addr_info[] | select(.scope == "global") | "address \($n) \(.local)/\(.prefixlen)"' | sort
	{ ip -j route; ip -6 -j route; } | jq -r '.[] | select(.protocol != "kernel") | "route \(.dst) \(.gateway) \(.dev)"' | sort
}
# write TOOL: its files, where the tool looks for them
write() {
	vp render --for "$1" network hv.json | awk '/^# FILE: / { f = $3; system("mkdir -p $(dirname " f ")"); next } { print > f }'
}
# as_made: it is as vprov has made it
as_made() { [[ $(facts) == "$made" ]]; }
# clean: what a tool has made, without it
clean() {
	for i in br0.10 bond0.5 br0 bond0; do ip link del $i 2>/dev/null; done
	for i in "${cards[@]}"; do
		ip link set "eth$i" down
		ip address flush dev "eth$i"
		ip link set "eth$i" mtu 1500 nomaster
	done
}

# What it was is down, with addresses of nobody: "down" would give that back.
ok "by vprov" vp net up hv.json
made=$(facts)
like "it is what it is to be compared with" "$made" "bridge 400 300 900 12000 8192 [01] 0.*address br0 10.7.0.1/16.*route 192.0.2.0/24 10.5.0.9 br0"
vp net down hv.json >/dev/null
clean
exits 2 "a tool that there is not" vp render --for wicked network hv.json
# Without udev, which sees the machine's own devices only, these tools look at /sys: a container's is not to be written. Links' attributes are.
mount -o remount,bind,ro /sys
mount --bind /sys/devices/virtual/net /sys/devices/virtual/net
mount -o remount,bind,rw /sys/devices/virtual/net

if [[ -x /lib/systemd/systemd-networkd ]]; then
	mount -t tmpfs tmpfs /etc/systemd/network
	write networkd
	install -d -o systemd-network -g systemd-network /run/systemd/netif{,/links,/leases,/lldp}
	/lib/systemd/systemd-networkd >networkd.log 2>&1 &
	pid=$!
	wait_for 60 as_made
	is "systemd-networkd makes the same" "$(facts)" "$made"
	is "and understands every line" "$(grep -i 'unknown\|invalid\|ignoring\|failed to parse' networkd.log)" ""
	kill $pid
	wait $pid 2>/dev/null
	clean
else
	skip "systemd-networkd" "it is not here"
fi

if type ifup brctl &>/dev/null; then
	mount -t tmpfs tmpfs /etc/network/interfaces.d
	write ifupdown
	mkdir -p /run/network
	ok "ifupdown understands it" ifquery -i /etc/network/interfaces.d/vprov --list -a
	mount -o remount,bind,rw /sys
	ok "ifup" ifup -a -i /etc/network/interfaces.d/vprov
	diag "$output"
	is "ifupdown makes the same" "$(facts)" "$made"
	ok "ifdown" ifdown -a -i /etc/network/interfaces.d/vprov
	mount -o remount,bind,ro /sys
	clean
else
	skip "ifupdown" "it is not here, or bridge-utils is not"
fi

if type NetworkManager dbus-daemon &>/dev/null; then
	mount -t tmpfs tmpfs /etc/NetworkManager
	mount -t tmpfs tmpfs /var/lib/NetworkManager
	write NetworkManager
	chmod 600 /etc/NetworkManager/system-connections/*
	printf '[main]\nplugins=keyfile\ndhcp=internal\ndns=none\nno-auto-default=*\n[keyfile]\nunmanaged-devices=none\n' >/etc/NetworkManager/NetworkManager.conf
	mkdir -p /run/dbus
	dbus-daemon --system --nofork --nopidfile >dbus.log 2>&1 &
	bus=$!
	wait_for 10 test -S /run/dbus/system_bus_socket
	NetworkManager --no-daemon >nm.log 2>&1 &
	pid=$!
	wait_for 60 as_made
	is "NetworkManager makes the same" "$(facts)" "$made"
	is "and loads every file" "$(nmcli -g NAME connection show --active | grep -c vprov-)" "$(find /etc/NetworkManager/system-connections -type f | wc -l)"
	is "without complaint" "$(grep -i '<warn>' nm.log | grep -i 'keyfile\|settings\|vlan\|option')" ""
	diag "$(grep -i '<warn>\|<error>' nm.log)"
	kill $pid
	wait $pid 2>/dev/null
	kill $bus
	clean
else
	skip "NetworkManager" "it is not here"
fi

# No parser of ifcfg is packaged for Debian: they are read by a shell there, too.
vp render --for ifcfg network hv.json | awk '/^# FILE: / { n = split($3, a, "/"); f = a[n]; next } { print > f }'
# shellcheck disable=SC2016 # the inner shell expands it
vlans=${opts:+default_pvid=0 } filter=${opts:+vlan_filtering=1} on=${opts:+no}
is "ifcfg files are shell's" "$(sh -euc '. ./ifcfg-br0; echo "$TYPE $STP $DELAY $IPADDR0/$PREFIX0 $IPADDR1/$PREFIX1 $BRIDGING_OPTS"')" \
	"Bridge ${on:-yes} 4 10.5.0.1/24 10.7.0.1/16 ${vlans}hello_time=300 max_age=900 ageing_time=12000 priority=8192 multicast_snooping=0 $filter"
is "of a port, too" "$(sh -euc '. ./ifcfg-eth0; echo "$BRIDGE $BRIDGING_OPTS"')" "br0 path_cost=77 priority=11"
is "routes are ip's" "$(cat route-br0)" "0.0.0.0/0 via 10.5.0.254 dev br0
192.0.2.0/24 via 10.5.0.9 dev br0"

sed "s|@PREFIX@/bin/vprov|$VPROV|" "$VP_TOP/bridge/vprov-net.service.in" >vprov-net.service
ok "systemd understands the unit" systemd-analyze verify --man=no "$work/vprov-net.service"
is "without complaint" "$(grep vprov-net <<<"$output")" ""

# --- With LONG=1 all of it once more on Debian's kernel, which has what this one may lack.
if [[ ${LONG:-} && ! ${VP_KERNEL:-} ]]; then
	"$lib/debian-kernel" 400 "$VP_TOP/tests/system/persist.sh" >there 2>&1
	diag "$(cat there)"
	is "the same on a kernel with VLANs: what failed" "$(grep '^not ok' there)" ""
	like "to the end" "$(cat there)" "kernel: with VLANs.*1\.\.[0-9]+.*status 0"
fi
done_testing
