#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 180
# The installed units under systemd itself, which is init of a namespace: the host's network comes up as at boot, the boot service answers with all that
# the unit denies it, is read again, killed and started again, and leaves nothing when it stops.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
init=/lib/systemd/systemd
for p in $init systemctl systemd-sysusers nsenter curl jq sqlite3 dnsmasq busybox; do command -v "$p" >/dev/null || skip_all "$p is not installed"; done
in_ns

work=$(mktemp -d) && chmod 755 "$work"
cleanup rm -rf "$work"
cd "$work" || exit 1
for d in /run /var/log /var/lib/vprov /var/cache/vprov /usr/local; do
	mkdir -p $d
	mount -t tmpfs tmpfs $d
done
cp -a /etc "$work/etc" && mount --bind "$work/etc" /etc
cleanup umount /etc
make -s -C "$VP_TOP" install BUILD="${VP_BUILD:-$VP_TOP/build}" PREFIX=/usr/local >/dev/null 2>&1
systemd-sysusers /usr/local/lib/sysusers.d/vprov.conf 2>/dev/null

# Nothing of the machine's own boots: what the early targets want is masked, but for the journal.
mkdir -p none/system cgroup
for u in /lib/systemd/system/{sysinit,sockets,timers,paths,local-fs,basic}.target.wants/*; do
	[[ $u == *journald* ]] || ln -sf /dev/null "none/system/${u##*/}"
done
printf '[Unit]\nRequires=basic.target\nAfter=basic.target\nAllowIsolate=yes\n' >none/system/default.target
mount --bind none/system /etc/systemd/system
cleanup umount /etc/systemd/system
mount -t cgroup2 cgroup cgroup 2>mount.txt || skip_all "no cgroup can be made here: $(<mount.txt)"
group=$work/cgroup/vprov-test.$$
mkdir "$group" 2>/dev/null || skip_all "no cgroup can be made here"
cleanup eval "find '$group' -depth -type d -exec rmdir {} +; umount '$work/cgroup'"
cat >boot <<'BOOT'
mount --make-rprivate /
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t cgroup2 cgroup /sys/fs/cgroup
exec env -i container=vprov PATH=/usr/sbin:/usr/bin:/sbin:/bin "$1" --log-target=journal --show-status=0
BOOT
# shellcheck disable=SC2016 # the inner shell expands it
sh -c 'echo $$ >"$1/cgroup.procs" && exec unshare --mount --pid --uts --ipc --cgroup --fork --kill-child sh boot "$2"' sh "$group" $init </dev/null >init.log 2>&1 &
outer=$!
cleanup eval "kill -9 $outer; wait $outer 2>/dev/null; sleep 1"
pid() { pgrep -P $outer; }
wait_for 10 pid
# With its root, which in a chroot is not that of the mounts.
inside() { nsenter -t "$(pid)" --mount --root --pid --uts --ipc --cgroup -- "$@"; }
# What the units said comes with what failed.
cleanup eval 'inside journalctl -q --no-pager -o cat -u vprov-net -u vprov | sed "s/^/# /"'
running() { [[ $(inside systemctl is-system-running) == running ]]; }
ok "systemd runs" wait_for 30 running

# --- The host's network, as at boot ---
mkdir profiles
cat >"profiles/$(hostname).json" <<JSON
{ "system": { "enclosure": { "type": "hypervisor" }, "network": { "hostname": "$(hostname)", "domainname": "example.org",
    "interfaces": { "eth0": { "bridge": "br0" }, "br0": { "type": "Bridge", "ip": "10.9.0.1", "netmask": "255.255.255.0", "bootproto": "static" } } } },
  "hardware": { "cpu": [ { "cores": 1 } ], "ram": [ { "size": 256 } ], "cards": { "nic": { "eth0": { "hwaddr": "02:aa:00:00:00:01", "boot": true } } } } }
JSON
ip link add eth0 address 02:aa:00:00:00:01 type veth peer name wire
ip netns add client
ip link set wire netns client name eth0
mkdir -p /etc/vprov
printf 'network/manage = true\nprofiles = %s/profiles\n' "$work" >/etc/vprov/vprov.conf
ok "vprov-net.service brings it up" inside systemctl start vprov-net
like "the bridge is there" "$(ip -br address show br0)" '10\.9\.0\.1/24'
is "with its port" "$(ip -j link show eth0 | jq -r '.[0].master')" br0

# --- The boot service ---
db=/var/lib/vprov/vprov.db mac=52:54:00:00:00:01
digest=$(printf 'ab%.0s' {1..32})
sql() { sqlite3 -cmd '.timeout 5000' $db "$@"; }
get() { ip netns exec client curl -s -m 5 "http://10.9.0.1:8420/$1"; }
state() { inside systemctl show -P "$1" vprov; }
ok "vprov.service starts" inside systemctl start vprov
is "one process may write the database, another one works" "$(inside ps -o user= -p "$(state MainPID)") $(inside ps -o user= --ppid "$(state MainPID)" | sort -u)" "root vprov"
sql "INSERT INTO node (name, mac, ip, life, health, percent, since, last_evidence, token, armed, token_live, installs, json, config, image, task, reason, phase)
	VALUES ('n1.example.org', '$mac', '10.9.0.7', 1, 0, 0, 0, 0, '0123456789abcdef0123456789abcdef', 1, 1, 0,
	'{\"nics\": [{\"mac\": \"$mac\", \"bridge\": \"br0\", \"gateway\": \"10.9.0.1\"}], \"bridges\": [{\"name\": \"br0\", \"address\": \"10.9.0.1\", \"prefix\": 24}]}',
	'NODE=n1.example.org
IMAGE=$digest.tar.zst
', 'key', '', '', '')"
ok "it serves the bridge" wait_for 20 test -e /var/lib/vprov/serve/ready
ip -n client link set lo up
ip -n client link set eth0 address $mac up
# shellcheck disable=SC2016 # the script expands it
printf '#!/bin/sh\n[ "$1" = bound ] && ip address add "$ip/$mask" dev "$interface" && echo "$ip $hostname" >%s/lease\nexit 0\n' "$work" >lease.sh
chmod 755 lease.sh
ok "DHCP answers" ip netns exec client busybox udhcpc -f -q -n -t 8 -T 1 -i eth0 -s "$work/lease.sh"
is "with the node's address and name" "$(<lease)" "10.9.0.7 n1"
like "it has its configuration, which is once" "$(get boot/n1.example.org/config?token=0123456789abcdef0123456789abcdef)" '^NODE=n1\.example\.org'
is "the helper wrote that down" "$(sql 'SELECT installs FROM node')" 1
like "nothing it needed was denied" "$(inside journalctl -q --no-pager -o cat -u vprov | grep -ic 'denied\|not permitted')" '^0$'

ok "reload" inside systemctl reload vprov
again() { inside journalctl -q --no-pager -o cat -u vprov | grep -q "$1"; }
ok "the site configuration is read again" wait_for 10 again 'the site configuration was read again'
main=$(state MainPID)
inside kill -9 "$main"
restarted() { [[ $(state MainPID) != "$main" && $(state ActiveState) == active ]]; }
ok "killed, it is started again" wait_for 20 restarted
answers() { get metrics; }
ok "and answers" wait_for 20 answers
like "with what it knew" "$(get status.json | jq -c '.nodes[0] | [.name, .state]')" '^\["n1\.example\.org","config"\]$'
ok "stop" inside systemctl stop vprov
is "nothing of it is left" "$(inside ps -eo args= | grep -c '^/usr/local/bin/vprov\|dnsmasq')" 0
ok "the host's network stays" test -e /sys/class/net/br0
done_testing
