#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 300
# Evidence with a real dnsmasq and its script: leases and files sent whole count, what was broken off does not; a client that stops in any phase gets a
# verdict that names the phase and the last evidence, though nobody follows it.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
for p in sqlite3 dnsmasq busybox ip jq; do command -v $p >/dev/null || skip_all "$p is not installed"; done
[[ -e /usr/lib/PXELINUX/pxelinux.0 ]] || skip_all "pxelinux is not installed"
in_ns

work=$(mktemp -d) && chmod 755 "$work"
cleanup rm -rf "$work"
state=$work/state
export VPROV_CACHE=$work/cache
token=0123456789abcdef0123456789abcdef
url=http://10.9.8.1:8420
mkdir -p "$VPROV_CACHE/key"
head -c 300000 /dev/urandom >"$VPROV_CACHE/key/vmlinuz"
head -c 3000000 /dev/urandom >"$VPROV_CACHE/key/initrd"

sql() { sqlite3 -cmd '.timeout 9000' "$state/vprov.db" "$@"; }
# Each phase is given up after a second, which is three for who does not see whether the machine moves; the first has time.
limits='{\"power\": 600'
for p in dhcp loader kernel initrd config partition packages post ack reboot disk; do limits+=", \\\"$p\\\": 1"; done
limits=${limits//\\/}'}'
# node NAME NUMBER : an armed one, switched on
node() {
	local mac json
	mac=$(printf '52:54:00:00:00:%02x' "$2")
	json="{\"nics\": [{\"mac\": \"$mac\", \"bridge\": \"brtest\", \"gateway\": \"10.9.8.1\"}], \"deadline\": 3600, \"deadlines\": $limits,
		\"bridges\": [{\"name\": \"brtest\", \"address\": \"10.9.8.1\", \"prefix\": 24}]}"
	sql "INSERT OR REPLACE INTO node (name, mac, ip, virt, host, life, health, percent, since, last_evidence, token, armed, token_live, installs, json,
		config, image, task, reason, phase) VALUES ('$1', '$mac', '10.9.8.$((10 + $2))', 'kvm', '', 1, 0, 0, 0, strftime('%s', 'now'), '$token', 1, 1, 0,
		'$json', 'NODE=''$1''', 'key', '', '', '');
		INSERT INTO phase (node, run, phase, began, ended, evidence) VALUES ('$1', 1, 0, strftime('%s', 'now'), 0, 'switched on')"
}
# client NAME NUMBER : a namespace with the node's network card
client() {
	ip netns add "$1"
	ip link add "p$2" type veth peer name eth0 address "$(printf '52:54:00:00:00:%02x' "$2")" netns "$1"
	ip link set "p$2" master brtest up
	ip -n "$1" link set eth0 up
}
on() { ip netns exec "$1" "${@:2}"; }
dhcp() { on "$1" busybox udhcpc -f -q -n -t 8 -T 1 -A 1 -i eth0 -s "$work/udhcpc" >/dev/null 2>&1; }
# This client asks again after 50 ms, which on a busy machine ends the transfer that had begun ("read error"). As firmware does, it starts anew then.
tftp() { mkdir -p "$work/$1" && wait_for 10 on "$1" busybox tftp -g -l "$work/$1/out" -r "$2" 10.9.8.1; }
get() { on "$1" busybox wget -q -O /dev/null "$url/$2" 2>/dev/null; }
post() { on "$1" busybox wget -q -O /dev/null --post-data "$3" "$url/node/$1/$2?token=$token"; }
life() { sql "SELECT life FROM node WHERE name = '$1'"; }
life_is() { [[ $(life "$1") == "$2" ]]; }
reason() { sql "SELECT reason FROM node WHERE name = '$1'"; }
phases() { "$VPROV" log --json "$1" -s "$state" | jq -r '[.phases[].phase] | join(" ")'; }
serve() { "$VPROV" serve --state-dir "$state" >"$work/log" 2>&1 & pid=$!; }

cat >"$work/udhcpc" <<'EOS'
#!/bin/sh
[ "$1" = bound ] || exit 0
ip address flush dev $interface
ip address add $ip/24 dev $interface
EOS
chmod 755 "$work/udhcpc"
ip link add brtest type bridge && ip address add 10.9.8.1/24 dev brtest && ip link set brtest up

serve
wait_for 10 test -e "$state/serve/lock"
wait_for 10 sql "SELECT 1 FROM phase"
stops=(dhcp broken loader kernel initrd refused config partition packages post ack reboot)
for i in "${!stops[@]}"; do
	node "${stops[i]}" $((i + 1))
	client "${stops[i]}" $((i + 1))
done
ok "the service is ready" wait_for 20 test -e "$state/serve/ready"
is "its script runs as the user of dnsmasq" "$(stat -c '%U %a' "$state/serve/events")" "dnsmasq 600"

# install NAME : as far as its name says
install() {
	dhcp "$1"
	[[ $1 == dhcp ]] && return
	if [[ $1 == broken ]]; then
		# Nobody reads: the client has the first block, and no more.
		mkdir -p "$work/broken" && mkfifo "$work/broken/pipe"
		on broken timeout 2 busybox tftp -g -l "$work/broken/pipe" -r pxelinux.0 10.9.8.1
		return
	fi
	tftp "$1" pxelinux.0
	[[ $1 == loader ]] && return
	# A loader starts for a while; dnsmasq's word of it would come after the kernel's otherwise, on a busy machine.
	wait_for 2 life_is "$1" 3
	get "$1" boot/vmlinuz
	[[ $1 == kernel ]] && return
	get "$1" boot/initrd
	[[ $1 == initrd ]] && return
	if [[ $1 == refused ]]; then
		get "$1" "boot/$1/config?token=${token//[0-9]/a}"
		return
	fi
	get "$1" "boot/$1/config?token=$token"
	[[ $1 == config ]] && return
	post "$1" event 'partition 10'
	[[ $1 == partition ]] && return
	post "$1" event 'unpack 40 of the image'
	[[ $1 == packages ]] && return
	post "$1" event 'bootloader 0'
	[[ $1 == post ]] && return
	post "$1" ack ''
	[[ $1 == ack ]] && return
	post "$1" event 'reboot 100'
}
begun=()
for s in "${stops[@]}"; do install "$s" & begun+=($!); done
wait "${begun[@]}"
all_stalled() { [[ $(sql "SELECT count(*) FROM node WHERE health = 2") == "${#stops[@]}" ]]; }
ok "every client that stopped has its verdict" wait_for 60 all_stalled

# verdict NAME PHASE EVIDENCE
verdict() { like "$1: $2" "$(reason "$1")" "^stopped in phase $2 after $3 \([0-9]+ s ago\); the deadline of this phase is 1 s \(given; three times"; }
verdict dhcp dhcp "dhcp: lease 10.9.8.11 for 52:54:00:00:00:01"
verdict broken dhcp "(dhcp: lease|tftp: pxelinux.0 was not sent whole).*"
is "a transfer that was broken off is no evidence" "$(sql "SELECT count(*) FROM event WHERE node = 'broken' AND text LIKE 'boot loader sent%'")" 0
verdict loader loader "loader: boot loader sent: pxelinux.0, $(stat -c %s /usr/lib/PXELINUX/pxelinux.0) bytes"
verdict kernel kernel "http: GET /boot/vmlinuz: 200, 300000 bytes"
verdict initrd initrd "http: GET /boot/initrd: 200, 3000000 bytes"
verdict refused config "http: GET /boot/refused/config: 403"
verdict config config "http: GET /boot/config/config: 200"
verdict partition partition "installer: partition 10 %"
verdict packages packages "installer: unpack 40 %: of the image"
verdict post post "installer: bootloader 0 %"
verdict ack ack "installer: installation acknowledged"
verdict reboot reboot "installer: reboot 100 %"
is "phases are kept" "$(phases reboot)" "power dhcp loader kernel initrd config partition packages post ack reboot"
like "log prints them" "$("$VPROV" log reboot -s "$state" -v | tail -12)" "packages .* s +installer: unpack 40 %: of the image +1 s \(given\)"
is "status has them" "$("$VPROV" status reboot --json -s "$state" | jq -r '.nodes[0] | "\(.state) \(.phases | length) \(.phases[-1].ended != null) \(.eta)"')" \
	"stalled 11 true null"
is "nobody was installed twice" "$(sql "SELECT max(installs) FROM node")" 1

# What dnsmasq repeats of leases that it knows is no news.
sql "UPDATE node SET life = 1, health = 0, armed = 1, installs = 0 WHERE name = 'dhcp'"
node other 100
wait_for 10 test -e "$state/serve/hosts/other"
sleep 2
is "leases that dnsmasq reads again are no evidence" "$(life dhcp)" 1
ok "the node asks again" dhcp dhcp
ok "which is" wait_for 10 life_is dhcp 2

# A service that does not read costs the clients nothing.
sql "UPDATE node SET life = 1, health = 0 WHERE name = 'dhcp'"
kill -STOP $pid
served=0
for _ in $(seq 15); do tftp dhcp pxelinux.0 && ((served++)); done
is "dnsmasq serves on while the service stands still" $served 15
kill -CONT $pid
ok "and what was sent is known afterwards" wait_for 20 life_is dhcp 3
exits 2 "others cannot tell it anything" setpriv --reuid=nobody --clear-groups busybox sh -c "test -w '$state/serve/events' && exit 0; exit 2"

kill -TERM $pid
wait $pid
is "it ends" $? 0
ok "with its script and socket" test ! -e "$state/serve"

# Neither service nor apply: who looks gets the verdict, and nothing is written.
sql "UPDATE node SET life = 2, health = 0, last_evidence = strftime('%s', 'now') - 60 WHERE name = 'dhcp';
	UPDATE phase SET ended = 0, began = began - 60 WHERE node = 'dhcp' AND id = (SELECT max(id) FROM phase WHERE node = 'dhcp')"
is "status judges by itself" "$("$VPROV" status dhcp --json -s "$state" | jq -r '.nodes[0].state')" stalled
is "and leaves the database as it is" "$(sql "SELECT health FROM node WHERE name = 'dhcp'")" 0
done_testing
