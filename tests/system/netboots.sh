#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 300
# Two hundred machines boot from the network at once, half by pxelinux, half by iPXE: each gets its lease, its loader, its kernel and one installation. And sixty hold a TFTP
# transfer open at the same time.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
for p in sqlite3 dnsmasq ip; do command -v $p >/dev/null || skip_all "$p is not installed"; done
[[ -e /usr/lib/PXELINUX/pxelinux.0 ]] || skip_all "pxelinux is not installed"
in_ns

work=$(mktemp -d) && chmod 755 "$work"
cleanup rm -rf "$work"
state=$work/state
export VPROV_CACHE=$work/cache
netboot=${VP_BUILD:-$VP_TOP/build}/netboot
nodes=200
digest=$(printf 'ab%.0s' {1..32})
mkdir -p "$VPROV_CACHE/key"
head -c 500000 /dev/urandom >"$VPROV_CACHE/$digest.tar.zst"
head -c 700000 /dev/urandom >"$VPROV_CACHE/key/vmlinuz"
head -c 300000 /dev/urandom >"$VPROV_CACHE/key/initrd"

sql() { sqlite3 -cmd '.timeout 10000' "$state/vprov.db" "$@"; }
serve() { "$VPROV" serve --state-dir "$state" >"$work/log" 2>&1 & pid=$!; }
rows() { sql "SELECT count(*) FROM node WHERE $1"; }

# One namespace, in which every machine has an interface with its own MAC on the bridge.
ip link add brtest type bridge && ip address add 10.9.0.1/16 dev brtest && ip link set brtest up
ip netns add clients
ip link add up0 type veth peer name eth0 netns clients
ip link set up0 master brtest up
ip -n clients link set eth0 up
# shellcheck disable=SC2016 # sh expands it
ip netns exec clients sh -c 'for f in all default; do echo 1 >/proc/sys/net/ipv4/conf/$f/arp_ignore; echo 2 >/proc/sys/net/ipv4/conf/$f/arp_announce
	echo 0 >/proc/sys/net/ipv4/conf/$f/rp_filter; echo 1 >/proc/sys/net/ipv6/conf/$f/disable_ipv6; done'
for ((i = 1; i <= nodes; i++)); do
	mac=$(printf '52:54:00:00:%02x:%02x' $((i / 256)) $((i % 256)))
	if ((i % 2)); then loader=pxelinux; else loader=ipxe; fi
	ip=10.9.1.$i name=n$i.example.org token=$(printf '%032x' "$i")
	echo "link add m$i link eth0 address $mac type macvlan mode private"
	echo "link set m$i up"
	echo "$loader m$i $mac $ip $name" >&3
	json="{\"nics\": [{\"mac\": \"$mac\", \"bridge\": \"brtest\", \"gateway\": \"10.9.0.1\"}], \"bridges\": [{\"name\": \"brtest\", \"address\": \"10.9.0.1\", \"prefix\": 16}]}"
	echo "INSERT INTO node (name, mac, ip, life, health, percent, since, last_evidence, token, armed, token_live, installs, json, config, image, task,
		reason, phase) VALUES ('$name', '$mac', '$ip', 1, 0, 0, 0, 0, '$token', 1, 1, 0, '$json', 'NODE=$name
IMAGE=$digest.tar.zst
', 'key', '', '', '');" >&4
done >"$work/links" 3>"$work/clients" 4>"$work/sql"
ok "a machine has a network card" ip -n clients -batch "$work/links"

serve
wait_for 10 test -e "$state/serve/lock"
(echo 'BEGIN;'; cat "$work/sql"; echo 'COMMIT;') | sql
ok "the service serves all of them" wait_for 30 test -e "$state/serve/ready"
wait_for 10 sh -c "test \$(ls '$state/serve/hosts' | wc -l) = $nodes"
sleep 2
# clients MODE FILE : all lines of the file at once
clients() { ip netns exec clients "$netboot" "$1" 10.9.0.1 "$VPROV_CACHE" <"$2"; }
start=$SECONDS
exits 0 "$nodes machines boot and are installed at once" clients install "$work/clients"
diag "${output##*$'\n'}, in $((SECONDS - start)) s"
is "each was handed one installation" "$(rows 'installs = 1 AND armed = 0')" $nodes
is "each is up from its disk and well" "$(rows 'life = 9 AND health = 0')" $nodes
is "each acknowledged once" "$(sql "SELECT count(*), count(DISTINCT node) FROM event WHERE text = 'installation acknowledged'")" "$nodes|$nodes"
bad=$(sql "SELECT node FROM event WHERE text LIKE '%loader again%' LIMIT 1")
is "no loader was asked for twice" "${bad:+$bad: $(sql "SELECT source, text FROM event WHERE node = '$bad' ORDER BY id")}" ""

# As for a site of sixty: dnsmasq's limit follows the number of nodes.
held=60
head -n $held "$work/clients" >"$work/held"
sql "DELETE FROM node WHERE CAST(substr(name, 2) AS INTEGER) > $held"
wait_for 20 grep -q 'tftp-max=128' "$state/serve/dnsmasq/dnsmasq.conf"
sleep 2
cp -a "$state/serve" "$work/few"
exits 0 "$held TFTP clients at once: none starves" clients tftp "$work/held"
diag "${output##*$'\n'}"
kill $pid
wait $pid
sed -i "s|$state/serve|$work/few|; s/tftp-max=.*/tftp-max=50/" "$work/few/dnsmasq/dnsmasq.conf"
dnsmasq --user=dnsmasq --conf-file="$work/few/dnsmasq/dnsmasq.conf" 2>"$work/dnsmasq.log" & pid=$!
wait_for 10 grep -q started "$work/dnsmasq.log"
exits 1 "with dnsmasq's own limit of 50, some do" clients tftp "$work/held"
like "namely those above it" "${output##*$'\n'}" "^$held clients, (9|10) failed"
kill $pid
done_testing
