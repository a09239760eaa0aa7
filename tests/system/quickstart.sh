#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 1500
# The whole job on real parts: a profile becomes a network-installed, disk-booted, measured node; a second apply has nothing to do; a changed
# profile is one change; destroy leaves nothing.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
need_image
in_ns

dir=$(mktemp -d)
cleanup rm -rf "$dir"
state=$dir/state
profile=$dir/node.xml
node=quickstart.vprov.test
export ASAN_OPTIONS=detect_leaks=0
vprov() { "$VPROV" "$@" --state-dir "$state"; }
# shellcheck disable=SC2016 # expanded when it runs
cleanup eval 'vprov destroy -y -q "$node" &>/dev/null'
cp "$VP_TOP/profiles/quickstart.xml" "$profile"

before=$(listing "$dir")

exits 3 "plan says that there is something to do" vprov plan --exit-code "$profile"
ok "a plan makes nothing" test ! -e "$state"

ok "apply installs, boots and measures" vprov apply "$profile"
diag "$output"
applied=$output
like "it falls back to software emulation and says so" "$applied" "software emulation"
like "the table has the CPU" "$applied" cpu
like "the table has the network" "$applied" net
like "the table has the disk" "$applied" disk
like "which is measured, not the guest's memory" "$applied" "disk.get_block +[0-9].*disk.seeks +[0-9]"
like "it says where the time went" "$applied" "time in each state"

console=$(tr -d '\r' <"$state/console/$node.log")
like "the console shows the installer" "$console" "vprov: unpack"
like "the console shows the boot from disk after it" "${console##*vprov: reboot}" "login:"
is "the installer ran once" "$(grep -c 'vprov: unpack 0' <<<"$console")" 1

json=$(vprov status --json)
like "status: verified" "$json" '"state": "verified"'
ok "log has the life cycle" vprov log "$node"
like "log: acked" "$output" acked
like "log: iPXE, the ROM of the card, asked over HTTP" "$output" "boot loader sent: GET /boot/ipxe"
is "log: no file of a loader was needed" "$(grep -c 'boot loader sent: pxelinux.0' <<<"$output")" 0
like "log: disk-boot or up" "$output" "up"

start=$SECONDS
ok "apply again: exit 0" vprov apply "$profile"
is "apply again: nothing to do" "${output##*$'\n'}" "nothing to do"
diag "it took $((SECONDS - start)) s"
exits 0 "plan is empty" vprov plan --exit-code "$profile"

sed -i 's|\(<long name="size">\)1024\(</long>\)|\11280\2|' "$profile"
exits 3 "another memory is a change" vprov plan --exit-code "$profile"
is "it is one change" "$(grep -c '^change' <<<"$output")" 1
like "with the reason" "$output" "memory .*/hardware/ram"
ok "the plan is saved" vprov plan -o "$dir/saved.json" "$profile"
sed -i 's|1280</long>|1536</long>|' "$profile"
exits 1 "a saved plan is refused where it would be another one now" vprov apply "$dir/saved.json"
like "with its code" "$output" "VP-I04"
sed -i 's|1536</long>|1280</long>|' "$profile"
ok "apply of the saved plan makes it" vprov apply "$dir/saved.json"
exits 0 "plan is empty again" vprov plan --exit-code "$profile"
like "status says that the guest runs with the old memory" "$(vprov status)" "restart pending"
like "it was asked by its channel" "$(vprov log "$node")" "result bonnie of .* bytes, by its channel"

ok "destroy --keep-disks" vprov destroy -y --keep-disks "$node"
exits 3 "what it held is still there: a plan" vprov plan --exit-code "$profile"
like "says in capitals that an installation destroys it" "$output" "DESTROYS DATA: vda .*disks/.*: /.* made anew"
exits 1 "apply does not, without consent" vprov apply "$profile"
like "and says whose" "$output" "--confirm $node"
ok "nothing was begun" test ! -e "$state/qemu/run/$node.xml"
ok "destroy" vprov destroy -y "$node"
rm -rf "$state" "$dir/saved.json"
same "nothing is left" "$before" "$(listing "$dir")"
done_testing
