#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 2900
# Two real guests measured at the same time, with LONG=1 four: the barrier, the common window, the total; then also what is said where one is killed
# meanwhile, which wrong.sh has of one by itself.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
need_tiny_image
in_ns

dir=$(mktemp -d)
cleanup rm -rf "$dir"
state=$dir/state
output=""
export ASAN_OPTIONS=detect_leaks=0 VPROV_CACHE=$VP_TINY
vprov() { "$VPROV" "$@" --state-dir "$state"; }
n=2
[[ ! ${LONG:-} ]] || n=4
mapfile -t nodes < <(seq -f n%g.vprov.test $n)
# shellcheck disable=SC2016 # expanded when it runs
cleanup eval 'vprov destroy -y -q "${nodes[@]}" &>/dev/null'
for ((i = 1; i <= n; i++)); do
	sed "s|<boolean name=\"enabled\">true|<boolean name=\"enabled\">false|; s|<long name=\"capacity\">4096|<long name=\"capacity\">400|
		s|<long name=\"size\">256</long>|<long name=\"size\">16</long>|; s|<long name=\"size\">1024|<long name=\"size\">256|
		s|<string name=\"hostname\">quickstart|<string name=\"hostname\">n$i|; s|10.94.17.10<|10.94.17.1$i<|
		s|<long name=\"disk_mib\">1280|<long name=\"together_seconds\">15</long><long name=\"disk_mib\">32|" "$VP_TOP/profiles/quickstart.xml" >"$dir/n$i.xml"
done

exits 0 "$n nodes are installed" vprov apply "$dir"/n?.xml
[[ $output != *rror* ]] || diag "$output"

exits 0 "they work together" vprov verify --together --json "${nodes[@]}"
json=$(sed -n '/^{/,$p' <<<"$output")
diag "$(jq -c '.together[] | [.kind, .verdict, .reason, .overlap, .total, .naive, .fairness, .jain, [.nodes[].rate]]' <<<"$json")"
is "on the CPU, the disk and the network" "$(jq -c '[.together[] | [.kind, .verdict]]' <<<"$json")" '[["cpu","pass"],["disk","pass"],["net","pass"]]'
like "how fair that is, is a metric" "$(jq -c '[.nodes[0].metrics[].name]' <<<"$json")" '"together.cpu.fairness".*"together.net.fairness"'
is "at the same time" "$(jq '[.together[].overlap >= 0.95] | all' <<<"$json")" true
is "the total is that of all" "$(jq '[.together[] | (.total - ([.nodes[].rate] | add) | fabs) < 1e-6 * .total] | all' <<<"$json")" true
is "each has its share" "$(jq '[.together[].nodes[].rate > 0] | all' <<<"$json")" true
exits 2 "what they do not do together cannot be asked for" vprov verify --together --only cpu,clock "${nodes[0]}"
exits 0 "one of them by itself" vprov verify --together --only cpu "${nodes[0]}"
like "is measured in the same way" "$output" 'cpu of 1 together'
is "on what was asked for" "$(grep -c 'of 1 together' <<<"$output")" 1
exits 0 "what more of them bring is compared" vprov compare --by vms --json
like "by their number" "$(jq -c '[.metrics[] | select(.metric == "together.cpu") | .groups[].label] | sort' <<<"$output")" "\\[\"1\",\"$n\"]"

[[ ${LONG:-} ]] || { done_testing; exit; }
vprov verify --together "${nodes[@]}" >"$dir/out" 2>&1 </dev/null & pid=$!
# shellcheck disable=SC2016
ok "once more, they have begun" wait_for 200 eval 'sqlite3 "$state/vprov.db" "SELECT task FROM node" | grep -q " go "'
sleep 10
kill -9 "$(pgrep -f "guest=${nodes[2]},")"
wait $pid
is "a guest that is killed meanwhile ends it" $? 4
diag "$(cat "$dir/out")"
like "void, and it is said which, in a sentence" "$(cat "$dir/out")" "^cpu of 4 together, run [^ ]*: void: n3.vprov.test: its machine went off in the middle"
is "and no more is tried" "$(grep -c together, "$dir/out")" 1
done_testing
