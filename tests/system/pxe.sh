#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 300
# The boot service with a real dnsmasq and real clients behind a bridge: who gets what, who is refused, and what is left afterwards.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
for p in sqlite3 dnsmasq busybox ip iperf3; do command -v $p >/dev/null || skip_all "$p is not installed"; done
[[ -e /usr/lib/PXELINUX/pxelinux.0 ]] || skip_all "pxelinux is not installed"
in_ns

work=$(mktemp -d) && chmod 755 "$work"
cleanup rm -rf "$work"
state=$work/state cache=$work/cache
export VPROV_CACHE=$cache
digest=$(printf 'ab%.0s' {1..32})
token=0123456789abcdef0123456789abcdef
mac=52:54:00:00:00:01
mkdir -p "$cache/key"
head -c 3000000 /dev/urandom >"$cache/$digest.tar.zst"
echo kernel >"$cache/key/vmlinuz"
echo ramdisk >"$cache/key/initrd"

sql() { sqlite3 -cmd '.timeout 5000' "$state/vprov.db" "$@"; }
# node NAME MAC IP BRIDGE ADDRESS : an armed one
node() {
	local json
	json="{\"nics\": [{\"mac\": \"$2\", \"bridge\": \"$4\", \"gateway\": \"$5\"}], \"bridges\": [{\"name\": \"$4\", \"address\": \"$5\", \"prefix\": 24}]}"
	sql "INSERT OR REPLACE INTO node (name, mac, ip, life, health, percent, since, last_evidence, token, armed, token_live, installs, json, config,
		image, task, reason, phase) VALUES ('$1', '$2', '$3', 1, 0, 0, 0, 0, '$token', 1, 1, 0, '$json', 'NODE=''$1''', 'key', '', '', '')"
}
row() { sql "SELECT $1 FROM node WHERE name = 'n1.example.org'"; }
life_is() { [[ $(row life) == "$1" ]]; }
events() { sql "SELECT text FROM event WHERE node = 'n1.example.org' AND text LIKE '$1'"; }
# bridge NAME ADDRESS
bridge() { ip link add "$1" type bridge && ip address add "$2/24" dev "$1" && ip link set "$1" up; }
# client NAME BRIDGE MAC : a namespace with a network card on the bridge
client() {
	ip netns add "$1"
	ip link add "p$1" type veth peer name eth0 address "$3" netns "$1"
	ip link set "p$1" master "$2" up
	ip -n "$1" link set eth0 up
}
in_client() { ip netns exec "$1" "${@:2}"; }
dhcp() { in_client "$1" busybox udhcpc -f -q -n -t 4 -T 1 -A 1 -i eth0 -s "$work/udhcpc" "${@:2}"; }
get() { in_client "$1" busybox wget -q -O - "http://10.9.8.1:8420/$2" 2>&1; }
post() { in_client "$1" busybox wget -q -O - --post-data "$3" "http://10.9.8.1:8420/$2" 2>&1; }
tftp() { (cd "$work" && in_client "$1" busybox tftp -g -l out -r "$2" 10.9.8.1 && cat out); }
# shellcheck disable=SC2016 # awk expands it
answered() { [[ $(in_client "$1" awk '/Icmp6InRouterAdvertisements/ { print $2 }' /proc/net/snmp6) != 0 ]]; }
serve() { "$VPROV" serve --state-dir "$state" "$@" >"$work/log" 2>&1 & pid=$!; }
answer() { tftp a "pxelinux.cfg/01-${mac//:/-}"; }

cat >"$work/udhcpc" <<'EOF'
#!/bin/sh
[ "$1" = bound ] || exit 0
ip address flush dev $interface
ip address add $ip/24 dev $interface
echo "ip=$ip router=$router dns=$dns hostname=$hostname domain=$domain file=$boot_file"
EOF
chmod 755 "$work/udhcpc"

bridge brtest 10.9.8.1
bridge brother 10.9.7.1
client a brtest $mac
client b brtest 52:54:00:00:00:02
client c brtest 52:54:00:00:00:03
before=$(listing "$work/cache")

serve
ok "without any node it waits" wait_for 5 test -e "$state/serve/lock"
node n1.example.org $mac 10.9.8.10 brtest 10.9.8.1
ok "a node's network is served as soon as there is one" wait_for 10 test -e "$state/serve/ready"
is "ready names the process and the port" "$(cat "$state/serve/ready")" "$pid 8420"
exits 1 "a second service on the same state is refused" "$VPROV" serve --state-dir "$state"
like "and told who has it" "$output" "pid $pid"
# Two processes: one of them runs the script.
is "dnsmasq is not root" "$(for p in $(pidof dnsmasq); do stat -c %U "/proc/$p"; done | sort -u)" dnsmasq
service=$(ss -Hltnp sport = :8420 | grep -o 'pid=[0-9]*' | head -n 1)
service=${service#pid=}
is "nor is the service" "$(ps -o user= -p "$service")" dnsmasq
is "which has the privileges of the network alone" "$(grep ^CapEff "/proc/$service/status" | cut -f 2)" 0000000000003400
exits 8 "and may not write the database" setpriv --reuid=dnsmasq --regid="$(stat -c %g "$state/vprov.db")" --clear-groups \
	sqlite3 "$state/vprov.db" "UPDATE node SET json = '{}'"
like "though it reads it" "$(setpriv --reuid=dnsmasq --regid="$(stat -c %g "$state/vprov.db")" --clear-groups \
	sqlite3 -readonly "$state/vprov.db" "SELECT name FROM node")" n1.example.org
exits 1 "others do not read it" setpriv --reuid=nobody --regid=nogroup --clear-groups sqlite3 -readonly "$state/vprov.db" "SELECT name FROM node"
is "DHCP is bound to the bridge" "$(ss -Hlun 'sport = :67' | awk '{print $4}')" '0.0.0.0%brtest:67'
is "nothing listens elsewhere" "$(ss -Hltn | awk '$4 !~ /%brtest:53$/ {print $4}' | sort -u | paste -sd ' ')" '10.9.8.1:53 10.9.8.1:8420'

ok "the node gets its address" dhcp a
like "and its options" "$output" "ip=10.9.8.10 router=10.9.8.1 dns=10.9.8.1 hostname=n1 domain=example.org file=pxelinux.0"
exits 1 "a stranger gets nothing" dhcp b
ip -n b address add 10.9.8.66/24 dev eth0
like "but is listed" "$("$VPROV" pxe list --adopt --state-dir "$state")" "52:54:00:00:00:02 *brtest"
ok "the lease is evidence" wait_for 5 life_is 2
ok "the guest's own name resolves" in_client a busybox nslookup n1.example.org 10.9.8.1

ip -n a link set eth0 down && ip -n a link set eth0 up
ok "a client that asks for an IPv6 router is told that there is none" wait_for 10 answered a
is "and has none" "$(ip -n a -6 route show default)" ""
ok "the node gets its address again" dhcp a

# Option 93 is the architecture, 77 the user class.
ok "iPXE gets its address" dhcp a -x 0x4d:69505845
# shellcheck disable=SC2016 # iPXE expands it
like "and a script over HTTP" "$output" 'file=http://10.9.8.1:8420/boot/ipxe\?mac=\$\{netX/mac\}$'
ok "UEFI gets its address" dhcp a -x 0x5d:0007
like "and iPXE by TFTP" "$output" 'file=snponly.efi$'
is "which is there" "$(tftp a snponly.efi | sha256sum)" "$(sha256sum </usr/lib/ipxe/snponly.efi)"
ok "UEFI that boots over HTTP gets its address" dhcp a -x 0x5d:0010
like "and iPXE by HTTP" "$output" 'file=http://10.9.8.1:8420/boot/snponly.efi$'
is "which is there, too" "$(get a boot/snponly.efi | sha256sum)" "$(sha256sum </usr/lib/ipxe/snponly.efi)"
like "the script is to install" "$(get a "boot/ipxe?mac=$mac")" "kernel .*http://10.9.8.1:8420/boot/vmlinuz.*vprov.token=$token"
like "but not for another card" "$(get a "boot/ipxe?mac=52:54:00:00:00:02")" 403
like "and not for a stranger" "$(get b boot/ipxe)$(get b "boot/grub?mac=$mac")" 403.*403
is "the loader is sent" "$(tftp a pxelinux.0 | sha256sum)" "$(sha256sum </usr/lib/PXELINUX/pxelinux.0)"
sleep 1
is "which is evidence" "$(row life)" 3
like "the boot answer is to install" "$(answer)" "KERNEL http://10.9.8.1:8420/boot/vmlinuz.*vprov.token=$token"
is "the kernel is the one of the node's image" "$(get a boot/vmlinuz)" kernel
is "the ramdisk, too" "$(get a boot/initrd)" ramdisk
is "which is evidence" "$(row life)" 4
is "the image arrives whole" "$(get a "image/$digest.tar.zst" | sha256sum)" "$(sha256sum <"$cache/$digest.tar.zst")"

like "a configuration for another address is refused" "$(get b "boot/n1.example.org/config?token=$token")" 403
like "with a wrong token, too" "$(get a "boot/n1.example.org/config?token=x")" 403
is "and the node is still armed" "$(row 'armed, installs')" '1|0'
is "the node gets it" "$(get a "boot/n1.example.org/config?token=$token")" "NODE='n1.example.org'"
like "once" "$(get a "boot/n1.example.org/config?token=$token")" 409
like "from now on the answer is the disk" "$(answer)" "LOCALBOOT 0"
is "one installation was handed out" "$(row 'life, armed, installs')" '5|0|1'

post a "node/n1.example.org/event?token=$token" 'unpack 40 of the image' >/dev/null
is "progress is told" "$(row 'life, phase, percent')" '6|unpack|40'
# logs CLIENT LINE : as an installer's syslogd does
# shellcheck disable=SC2016 # the inner shell expands it
logs() { in_client "$1" bash -c 'echo "$1" >/dev/udp/10.9.8.1/8420' _ "$2"; }
logs a '<30>Nov 25 10:11:12 anaconda: not asked for'
sleep 2
is "what vprov's own installer may have logged is none" "$(row "seen LIKE 'syslog:%'")" 0
sql "UPDATE node SET kernel = '/boot/vmlinuz'"
logs b '<30>Nov 25 10:11:12 anaconda: of another'
logs a $'<30>Nov 25 10:11:12 anaconda: installing glibc\e[31m (12/300)\n'
seen_is() { [[ $(row seen) == "$1" ]]; }
ok "what an installer of a distribution logs is evidence" wait_for 5 seen_is 'syslog: anaconda: installing glibc?[31m (12/300)'
sql "UPDATE node SET kernel = ''"
like "a forged ack is refused" "$(post b "node/n1.example.org/ack?token=$token" '')" 403
is "and seen" "$(events 'ack refused%')" "ack refused: from 10.9.8.66, not the node's address"
is "and changes nothing" "$(row life)" 6
is "the node's own ack is taken" "$(post a "node/n1.example.org/ack?token=$token" '')" ok
is "twice" "$(post a "node/n1.example.org/ack?token=$token" '')" ok
is "as one" "$(row life)/$(events 'installation ack%' | wc -l)" 7/1
tftp a pxelinux.0 >/dev/null
sleep 1
is "asking for the loader after it is none: the network may come first" "$(row 'life, health')" '7|0'
sql "UPDATE node SET life = 6"
tftp a pxelinux.0 >/dev/null
sleep 1
is "that a loader was sent is no failure by itself" "$(row health)" 0
dhcp a >/dev/null
tftp a pxelinux.0 >/dev/null
sleep 1
is "asking for it before is a failure" "$(row health)" 3
like "that says why" "$(row reason)" "did not boot from its disk"

# An arming and a rescue end by themselves.
until=$(($(date +%s) + 8))
sql "UPDATE node SET life = 9, health = 0, rescue_until = $until"
sleep 2
like "a rescue is answered" "$(answer)" "vprov.rescue=1"
is "without a token" "$(answer | grep -c "$token")" 0
sql "UPDATE node SET life = 1, armed = 1, installs = 0, rescue_until = 0, armed_until = $until"
sleep 2
like "an arming is answered" "$(answer)" "DEFAULT install"
like "and said by pxe list" "$("$VPROV" pxe list --state-dir "$state" --json)" '"answer": "install"'
ok "until its time is over" wait_for 15 eval 'answer | grep -q LOCALBOOT'
like "then a configuration is not handed out any more" "$(get a "boot/n1.example.org/config?token=$token")" 409
like "and pxe list says why" "$("$VPROV" pxe list --state-dir "$state")" "local .*the time it was armed for has passed"

sql "UPDATE node SET health = 0, life = 9, task = 'verify R1 1 2 3'"
ok "iperf3 listens while there is a task" wait_for 5 sh -c "ss -Hltn | grep -q 10.9.8.1:5201"
like "the node asks for its task, and what time it is here" "$(get a "node/n1.example.org/task?token=$token")" "^verify R1 1 2 3"$'\n'"host=$(date +%s | cut -c 1-8)[0-9]*\.[0-9]+$"
ok "the network is measured" in_client a iperf3 -c 10.9.8.1 -t 1
is "results are taken" "$(post a "node/n1.example.org/result/R1/cpu?token=$token" 'raw output')" ok
is "and kept" "$(sql "SELECT run, name, data FROM result")" 'R1|cpu|raw output'
is "the run ends" "$(post a "node/n1.example.org/result/R1/done?token=$token" '')" ok
is "and so does the task" "$(get a "node/n1.example.org/task?token=$token")" none
ok "and iperf3" wait_for 5 sh -c "! ss -Hltn | grep -q 5201"

like "the page shows the node" "$(get b '')" "n1.example.org"
like "without its secret" "$(get b '' | grep -c $token)/$(get b status.json | grep -c $token)" '0/0'

for port in 67 69 53; do head -c 60000 /dev/urandom | split -b 1400 --filter "ip netns exec b busybox nc -u -w 1 10.9.8.1 $port" 2>/dev/null; done
for _ in 1 2 3 4 5; do head -c 20000 /dev/urandom | in_client b busybox nc -w 1 10.9.8.1 8420 >/dev/null; done
printf 'GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n' | in_client b busybox nc -w 1 10.9.8.1 8420 >"$work/out"
like "paths cannot leave the resources" "$(head -1 "$work/out")" 404
ok "it survives garbage" get a status.json
ok "and so does DHCP" dhcp a

node n2.example.org 52:54:00:00:00:03 '' brtest 10.9.8.1
wait_for 30 dhcp c
ok "a node without an address gets one" dhcp c
lease=$(sed -n 's/^ip=\([0-9.]*\) .*/\1/p' <<<"$output")
is "which is remembered" "$(sql "SELECT ip FROM node WHERE name = 'n2.example.org'")" "$lease"
sql "DELETE FROM node WHERE name = 'n2.example.org'"
sleep 2
ip -n c address flush dev eth0
exits 1 "a node that is gone gets nothing any more" dhcp c

# shellcheck disable=SC2046 # several
kill -9 $(pidof dnsmasq)
sleep 2
ok "a killed dnsmasq is started again" dhcp a

node n3.example.org 52:54:00:00:00:07 10.9.7.10 brother 10.9.7.1
ok "a second network is served, too" wait_for 10 sh -c "ss -Hltn | grep -q 10.9.7.1:8420"
sql "DELETE FROM node WHERE name = 'n3.example.org'"
ok "and no longer, once it has no node" wait_for 10 sh -c "! ss -Hltn | grep -q 10.9.7.1:8420"
ok "the first one still is" wait_for 10 sh -c "ss -Hltn | grep -q 10.9.8.1:8420"

kill -TERM $pid
wait $pid
is "it ends when it is asked to" $? 0
diag "$(tail -n 3 "$work/log")"
same "and leaves nothing" "$before" "$(listing "$work/cache")"
ok "not even its directory" test ! -e "$state/serve"

# Behind a directory that is closed to others only root can read: then dnsmasq stays root.
chmod 700 "$work"
serve
ok "a closed state directory works, too" wait_for 10 test -e "$state/serve/ready"
ok "and the loader can be had" cmp <(tftp a pxelinux.0) /usr/lib/PXELINUX/pxelinux.0
kill -9 $pid
wait $pid 2>/dev/null
ok "killed, its children end, too" wait_for 5 sh -c '! pidof dnsmasq iperf3'
serve
wait_for 10 grep -q "^$pid " "$state/serve/ready"
pkill -KILL -P $pid -x vprov
wait $pid
is "a service that dies takes its helper along" $? 1
like "which says so" "$(<"$work/log")" "ended by signal 9"
ok "and its children" wait_for 5 sh -c '! pidof dnsmasq iperf3'
serve --until-done
ok "the next one starts over what was left" wait_for 10 test -e "$state/serve/ready"
ok "and ends by itself when no node needs it" wait_for 25 test ! -e "$state/serve"

chmod 755 "$work"

# Somebody else's DHCP server.
dnsmasq --conf-file=/dev/null --no-daemon --port=0 --interface=brtest --bind-interfaces --dhcp-range=10.9.8.100,10.9.8.110 --pid-file= \
	--dhcp-leasefile="$work/foreign" 2>/dev/null &
other=$!
wait_for 5 sh -c 'ss -Hlun | grep -q :67'
exits 1 "a taken DHCP port is an error" "$VPROV" serve --state-dir "$state"
like "that tells" "$output" 'VP-B01'
like "what dnsmasq said" "$output" "[Aa]ddress already in use"
kill $other
done_testing
