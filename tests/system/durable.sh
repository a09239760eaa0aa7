#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 900
# Power cuts: a real guest writes to a disk with the node's own settings, and all that the disk may hold afterwards is tried. An honest cache loses
# nothing that was acknowledged; one that drops flushes is found, and refused where a plan is made already.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
need_tiny_image
in_ns

dir=$(mktemp -d)
cleanup rm -rf "$dir"
state=$dir/state
node=quickstart.vprov.test
output=""
export ASAN_OPTIONS=detect_leaks=0 VPROV_CACHE=$VP_TINY
vprov() { "$VPROV" "$@" --state-dir "$state"; }
# shellcheck disable=SC2016 # expanded when it runs
cleanup eval 'vprov destroy -y -q "$node" &>/dev/null'
# Nothing is installed: its definition and its disk are what counts.
sed 's|>image<|>none<|; s|<long name="capacity">4096|<long name="capacity">64|; s|<long name="size">256</long>|<long name="size">16</long>|
	s|<boolean name="enabled">true|<boolean name="enabled">false|' "$VP_TOP/profiles/quickstart.xml" >"$dir/node.xml"
# cache MODE: as a site's own templates may have it
cache() {
	vprov destroy -y -q "$node" &>/dev/null
	rm -rf "$dir/templates"
	mkdir "$dir/templates"
	sed "s/cache='[^']*'/cache='$1'/" "$VP_TOP/templates/domain-disk.xml.mustache" >"$dir/templates/domain-disk.xml.mustache"
	printf 'templates = %s\n' "$dir/templates" >"$dir/vprov.conf"
	vprov apply --config "$dir/vprov.conf" "$dir/node.xml" >"$dir/out" 2>&1 </dev/null
	local rc=$?
	cat "$dir/out"
	return $rc
}

# Without O_DIRECT, as on tmpfs, there is no cache=none. With writethrough and directsync the guest flushes nothing, QEMU does.
modes=(writethrough writeback)
if dd if=/dev/zero of="$dir/direct" bs=4096 count=1 oflag=direct 2>"$dir/said"; then modes=(writethrough directsync writeback none); fi
for mode in "${modes[@]}"; do
	ok "a node with cache=$mode" cache "$mode"
	exits 0 "loses nothing" vprov verify --durability --json $node
	json=$(sed -n '/^{/,$p' <<<"$output" | jq -c '.durability[0]')
	diag "$json"
	is "it was that cache" "$(jq -r .cache <<<"$json")" "$mode"
	is "in no state at all" "$(jq '[.lost_states, .lost_most] == [0, 0] and .states > 100 and .records > 500' <<<"$json")" true
done
is "and its flushes are seen" "$(jq '.flushes > 60' <<<"$(vprov verify --durability --json $node | sed -n '/^{/,$p' | jq '.durability[0]')")" true

ok "a node whose cache drops flushes is made" cache unsafe
like "with a warning" "$(cat "$dir/out")" "warning: node $node: its definition says cache='unsafe'"
exits 4 "a power cut shows what it is" vprov verify --durability --json $node
diag "$output"
json=$(sed -n '/^{/,/^}/p' <<<"$output" | jq -c '.durability[0]')
is "records that had been acknowledged are gone" "$(jq '.lost_states > 100 and .lost_most > 100 and .flushes == 0' <<<"$json")" true
like "in a sentence, with its name" "$output" "cache='unsafe' loses what was acknowledged: in [0-9]+ of [0-9]+ states .*no flush of the guest ever reached the disk"
is "nothing is left of it" "$(find "$state/disks" -name '.*' -type f)" ""
sed -i 's|<nlist name="vprov">|&<string name="role">se-disk</string>|' "$dir/node.xml"
vprov destroy -y -q "$node"
exits 5 "on a storage element it is refused" vprov plan --config "$dir/vprov.conf" "$dir/node.xml"
like "and why" "$output" "cache='unsafe': what its disks acknowledged is gone after a power cut; a storage element needs another cache"
done_testing
