#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 2400
# What goes wrong during a real installation: vprov and its boot service killed, the ack forged, repeated and lost, the guest reset.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
need_tiny_image "" 24
in_ns

dir=$(mktemp -d)
cleanup rm -rf "$dir"
state=$dir/state
node=quickstart.vprov.test
url=http://10.94.17.1:8420
console=$state/console/$node.log
export ASAN_OPTIONS=detect_leaks=0 VPROV_CACHE=$VP_TINY
vprov() { "$VPROV" "$@" --state-dir "$state"; }
# shellcheck disable=SC2016 # expanded when it runs
cleanup eval 'vprov destroy -y -q "$node" &>/dev/null'

# Without measurement: it is not what is tried here.
sed 's|<boolean name="enabled">true|<boolean name="enabled">false|' "$VP_TOP/profiles/quickstart.xml" >"$dir/node.xml"

# The program itself, not a shell around it, is what is killed later.
begin() { "$VPROV" apply "$dir/${1:-node}.xml" --state-dir "$state" >"$dir/out" 2>&1 </dev/null & apply=$!; }
state_is() { vprov status --json | grep -q "\"state\": \"$1\""; }
console_has() { grep -q "$1" "$console"; }
token() { sed -n 's/.*vprov.token=\([0-9a-f]*\).*/\1/p' "$state"/serve/tftp/pxelinux.cfg/01-*; }
# post PATH: the HTTP status of the answer
post() { busybox wget -S -O /dev/null --post-data "" "$url$1" 2>&1 | sed -n 's|.*HTTP/1.1 \([0-9]*\).*|\1|p;T;q'; }
# libvirt says "not running" of what it has just ended
off() { virsh -q -c "qemu:///embed?root=$state/qemu" destroy "$node" &>/dev/null || virsh -q -c "qemu:///embed?root=$state/qemu" domstate "$node" 2>/dev/null | grep -q 'shut off'; }
serve_pid() { cut -d' ' -f1 "$state/serve/ready"; }

begin
ok "the node is armed" wait_for 600 test -s "$state/serve/ready"
wait_for 30 token
secret=$(token)
ok "the installer unpacks" wait_for 600 console_has "vprov: unpack"

is "an ack with the right token from another address is refused" "$(post "/node/$node/ack?token=$secret")" 403
is "a wrong token is refused" "$(post "/node/$node/ack?token=${secret//[0-9]/a}")" 403
is "the configuration is not given twice" "$(busybox wget -S -O /dev/null "$url/boot/$node/config?token=$secret" 2>&1 | grep -c 'HTTP/1.1 200')" 0
ok "the node still installs" state_is installing
ok "the forgery is on record" vprov log "$node"
like "with its address" "$output" "10.94.17.1"

kill -9 $apply
wait $apply 2>/dev/null
ok "the boot service outlives a killed apply" test -e "/proc/$(serve_pid)"
service=$(serve_pid)
kill -9 "$service"
sleep 3
begin
ok "apply goes on with both killed" wait_for 60 grep -q installing "$dir/out"

# The ack is lost: from the boot loader's installation on nobody answers.
ok "the boot loader is written" wait_for 600 console_has "vprov: bootloader"
service=$(serve_pid)
kill -STOP "$service"
ok "the guest restarts without an answer to its ack" wait_for 600 console_has "login:"
kill -CONT "$service"
wait $apply
is "apply ends well" $? 0
diag "$(tr -d '\0' <"$dir/out")"
ok "the node is up" state_is up
is "it was installed once" "$(grep -c 'vprov: unpack 0' "$console")" 1
like "an ack after the fact changes nothing" "$(post "/node/$node/ack?token=$secret"; vprov status)" "up"
exits 0 "nothing to do" vprov plan --exit-code "$dir/node.xml"

# From nothing again; a reset half-way through the unpacking.
exits 1 "it is not rebuilt without consent" vprov rebuild "$node"
like "which is asked for" "$output" "--confirm $node"
"$VPROV" rebuild --confirm "$node" "$node" --state-dir "$state" >"$dir/out" 2>&1 </dev/null & apply=$!
ok "a second installation begins" wait_for 600 state_is installing
sleep 5
kill -9 $apply
wait $apply 2>/dev/null
ok "the guest is reset" virsh -q -c "qemu:///embed?root=$state/qemu" reset "$node"
begin
wait $apply
is "apply fails" $? 1
out=$(cat "$dir/out")
diag "$out"
like "and says why" "$out" "did not boot from its disk|boot loader again"
is "it was not installed again" "$(grep -c 'vprov: unpack 0' "$console")" 1
exits 1 "another apply refuses" vprov apply "$dir/node.xml"
like "and says what to do" "$output" "vprov destroy"

# By hand: once more, over what is left on the disk; then a rescue.
exits 1 "it is not armed while it runs" vprov pxe arm --confirm "$node" "$node"
like "and vprov says so" "$output" "VP-I06"
ok "its firmware gives up" wait_for 200 console_has "No bootable device"
off
exits 1 "nor without consent" vprov pxe arm "$node"
like "which is asked for" "$output" "DESTROYS DATA: vda .*--confirm $node"
ok "it is, with consent" vprov pxe arm --confirm "$node" "$node"
like "the boot service will say install" "$(vprov pxe list)" "$node .* install "
ok "apply installs it" vprov apply "$dir/node.xml"
ok "the node is up" state_is up
is "by the second installation" "$(grep -c 'vprov: unpack 0' "$console")" 2
is "which was one" "$(vprov log --json "$node" | jq '[.events[] | select(.text == "configuration handed out")] | length')" 2
off
ok "armed once more" vprov pxe arm --confirm "$node" "$node"
ok "and disarmed" vprov pxe disarm "$node"
like "it is what it was" "$(vprov status --json)" '"life": "up"'
ok "it is rescued" vprov pxe rescue "$node"
ok "with a shell on its console" wait_for 600 console_has "vprov: rescue system of $node, .*vda1"
off
ok "the rescue is over" vprov pxe disarm "$node"
like "which the boot service says" "$(vprov pxe list)" "$node .* local "
like "and apply starts it from its disk" "$(vprov plan "$dir/node.xml")" "^start .*it is switched off"
ok "destroy" vprov destroy -y "$node"

# Silence: nobody answers the guest's DHCP requests.
sed 's|<nlist name="vprov">|&<long name="deadline">5</long><long name="retries">0</long>|' "$dir/node.xml" >"$dir/silent.xml"
begin silent
wait_for 60 test -s "$state/serve/ready"
service=$(serve_pid)
kill -STOP "$service"
wait $apply
is "a stalled installation ends apply" $? 1
out=$(cat "$dir/out")
diag "$out"
like "as stalled" "$out" "VP-I02"
like "with the phase, the last evidence and the time" "$out" "stopped in phase (power: nothing|(dhcp|loader) after ).* \([0-9]+ s"
like "and the deadline" "$out" "it may be silent for 5 s"
bundle=$(sed -n 's/^all that is known of it: //p' "$dir/out")
like "what is known is kept" "$(tar -tf "$bundle")" "verdict.txt.*console.log.*domain-live.xml"
is "without the token" "$(tar -xOf "$bundle" | grep -ac "$(sqlite3 "$state/vprov.db" "SELECT token FROM node")")" 0
like "status says where" "$(vprov status)" "kept in $bundle"
like "and the console" "$out" "last lines of $console"
kill -CONT "$service"
ok "destroy of a stalled node" vprov destroy -y "$node"
like "says what it leaves" "$output" "kept in $bundle"
is "no process is left" "$(pgrep -c 'qemu|dnsmasq')" 0
done_testing
