#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 1500
# Wrong worlds, in a real guest: another disk where its own should be, a full one, somebody else on its network, a clock that lags, no network at all, a
# guest that dies.
# Each has the right verdict, told in one sentence.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
hooked=${VP_BUILD:-$VP_TOP/build}/hooked
[[ ${VP_NS:-} == 1 ]] || "$lib/hooked" "$hooked" "${VP_BUILD:-$VP_TOP/build}"
need_tiny_image
in_ns

dir=$(mktemp -d) && chmod 755 "$dir"
cleanup rm -rf "$dir"
state=$dir/state
node=quickstart.vprov.test
output=""
export ASAN_OPTIONS=detect_leaks=0 VPROV_CACHE=$VP_TINY
vprov() { "$VPROV" "$@" --state-dir "$state"; }
# shellcheck disable=SC2016 # expanded when it runs
cleanup eval 'vprov destroy -y -q "$node" &>/dev/null'
sed 's|<boolean name="enabled">true|<boolean name="enabled">false|; s|<long name="capacity">4096|<long name="capacity">600|
	s|<long name="size">256</long>|<long name="size">16</long>|; s|<long name="size">1024|<long name="size">256|
	s|<long name="disk_mib">1280|<long name="disk_mib">64|' "$VP_TOP/profiles/quickstart.xml" >"$dir/node.xml"
mkdir -p "$dir/www/cgi-bin"
cp "$hooked/say" "$dir/www/cgi-bin"
truncate -s 4G "$dir/www/big"

exits 0 "a node is installed" vprov apply "$dir/node.xml"
busybox httpd -f -p 8421 -h "$dir/www" & httpd=$!
cleanup kill $httpd
# hand COMMANDS : the guest's shell does them
hand() { echo "$1" >"$dir/www/new" && mv "$dir/www/new" "$dir/www/hand" && wait_for 60 test ! -e "$dir/www/hand" && sleep 3; }
# judged WHAT METRIC SENTENCE [TASKS] : verify fails, and the metric is void for that reason
judged() {
	exits 4 "$1" vprov verify --only "${4:-${2%%.*}}" --json $node
	said=$(sed -n '/^{/,$p' <<<"$output" | jq -r ".nodes[0].metrics[] | select(.name == \"$2\") | .verdict + \": \" + .reason")
	diag "$said"
	like "and says so" "$said" "$3"
	is "in one sentence" "$(wc -l <<<"$said")" 1
}

# well WHAT COMMAND... : as exits 0. That the test's own hand in the guest took a part of its processor is told, and asked again.
well() {
	for _ in 1 2 3; do
		output=$("${@:2}" 2>&1 </dev/null) && pass "$1" && return
		[[ $output == *"its vCPU was shared"* ]] || break
	done
	fail "$1" "$output"
}

well "as it should be" vprov verify --json $node
json=$(sed -n '/^{/,$p' <<<"$output")
diag "$(jq -c '.nodes[0].metrics[] | [.name, .verdict, .value, .reason]' <<<"$json")"
is "nothing fails" "$(jq '[.nodes[0].metrics[].verdict | select(. == "fail" or . == "void")] | length' <<<"$json")" 0
# How its clock drifts under load, a busy host may not be able to tell.
like "all of it is measured, and what it costs the host" "$(jq -c '[.nodes[0].metrics[].name | select(startswith("net") or startswith("clock") or . == "cost.disk")]' <<<"$json")" \
	'"net.send","net.receive","clock.drift_idle",("clock.drift_loaded",)?"clock.offset","cost.disk"'

hand 'mount -t tmpfs tmpfs /var/tmp'
judged "the wrong disk" disk.put_block "^void: 'bonnie' failed in the guest: /var/tmp/vprov-verify is not on the root disk$"
hand 'umount /var/tmp; dd if=/dev/zero of=/fill bs=1M 2>/dev/null'
# It is idle again when it takes something else.
hand :
judged "a full disk" disk.put_block "^void: 'bonnie' failed in the guest: .*(write|No space)"
hand 'rm -f /fill; (while [ ! -e /run/enough ]; do wget -q -O /dev/null http://10.94.17.1:8421/big; done) &'
judged "somebody else on its network" net.receive "^void: its network was not its own: it carried [0-9]+ MB, of which [0-9]+ were the measurement's$"
hand 'touch /run/enough; killall wget; adjtimex -t 9900 >/dev/null'
judged "a clock that lags" cpu.variates "^void: its clock is wrong: it gains -[0-9]+ ppm on the host's$" cpu,clock
hand 'adjtimex -t 10000 >/dev/null'
tap=$(sqlite3 "$state/vprov.db" "SELECT name FROM resource WHERE kind = 'tap'")
ip link set "$tap" down
exits 4 "a network that is gone" vprov verify --only cpu,net --json $node
json=$(sed -n '/^{/,$p' <<<"$output")
diag "$(jq -c '.nodes[0].metrics[] | [.name, .verdict, .value, .reason]' <<<"$json")"
like "is told of in one sentence" "$(jq -r '.nodes[0].metrics[] | select(.name == "net.send") | .verdict + ": " + .reason' <<<"$json")" \
	"^void: iperf3: unable to connect to server: [^"$'\n'"]*(unreachable|timed out|No route)[^"$'\n'"]*$"
like "the rest is measured all the same" "$(vprov log $node | grep 'result cpu' | tail -n 1)" "$(jq -r '.nodes[0].run' <<<"$json"), .*, by its channel"
ip link set "$tap" up
well "all is well again" vprov verify --only cpu,net $node
diag "$output"

vprov verify $node >"$dir/out" 2>&1 </dev/null & pid=$!
ok "it measures" wait_for 120 eval "sqlite3 '$state/vprov.db' 'SELECT text FROM event ORDER BY id DESC LIMIT 1' | grep -q 'result cpu of'"
kill -9 "$(pgrep -f "guest=$node,")"
wait $pid
like "a guest that dies in the middle is told, too" "$? $(cat "$dir/out")" "^1 .*the domain is shut off \(crashed\) in the middle of a measurement"
done_testing
