#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 200
# compare and report, of samples that are known; the page in a real browser: on a desk, on a phone, and on paper.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
for p in sqlite3 chromium jq; do command -v $p >/dev/null || skip_all "$p is not installed"; done

work=$(mktemp -d)
cleanup rm -rf "$work"
log=${VP_BUILD:-$VP_TOP/build}/log
output=""
export ASAN_OPTIONS=detect_leaks=0
vprov() { "$VPROV" "$@" --state-dir "$work/state"; }
sql() { sqlite3 -cmd '.timeout 10000' "$work/state/vprov.db" "$@"; }
# runs NODE VIRT DRIVER METRIC UNIT VALUE... : a sample of each
runs() {
	local node=$1 virt=$2 driver=$3 metric=$4 unit=$5 i=0
	shift 5
	for v; do
		sql "INSERT INTO sample VALUES ('$node', 's$((++i > 3)).0$i', '$metric', '$unit', $v, 0, 'key-$virt', 'work', 'virt=$virt
disk_driver=$driver
machine=EPYC, 2 CPUs
', 0, julianday('now'))"
	done
}

exits 1 "there is nothing to compare" vprov compare
mkdir -p "$work/state"
exits 1 "a state is made" vprov verify --host nobody
exits 1 "which is empty" vprov compare
like "and it is told what to do" "$output" 'verify --suite standard'
runs host:h host virtio_blk disk.get_block KiB/s 200000 201000 199000 200500 199500 200100
runs a.example.org kvm virtio_blk disk.get_block KiB/s 195000 196000 194000 195500 194500 195100
runs b.example.org qemu ata_piix disk.get_block KiB/s 195100 196100 193900 195400 194600 195000
runs a.example.org kvm virtio_blk cpu.variates M/s 3.1 3.2 3.15

exits 0 "compare" vprov compare
like "the bare machine is the reference" "$output" 'host +6 +195\.4 MiB/s +0\.4 % +reference +1'
like "a loss has its interval" "$output" 'kvm +6 +190\.5 MiB/s +0\.4 % +2\.5 % \[2\.0, 3\.0\] +-'
like "what cannot be told apart has no rank" "$output" 'qemu .* -'
like "and what differs, too, is told" "$output" 'not only virt differs: also disk_driver'
exits 0 "by another property" vprov compare --by disk_driver
like "as asked" "$output" 'ata_piix +6'
is "for programs" "$(vprov compare --json | jq -c '[.metrics[0].groups[] | [.label, .rank]]')" '[["host",1],["kvm",null],["qemu",null]]'
is "of one node and the bare machine" "$(vprov compare --json a.example.org | jq -c '[.metrics[].groups[].label]')" '["host","kvm","kvm"]'

exits 2 "a report wants a file" vprov report
exits 2 "of a kind that it knows" vprov report -o "$work/report.pdf"
exits 0 "CSV" vprov report -o "$work/report.csv"
is "a line a sample" "$(wc -l <"$work/report.csv")" 22
is "as many fields in each" "$(awk -F, '{ print NF }' "$work/report.csv" | sort -u)" 17
exits 0 "JSON" vprov report -o "$work/report.json"
is "with all samples" "$(jq '.samples | length' "$work/report.json")" 21
exits 2 "a .hep.json is of one node" vprov report -o "$work/report.hep.json"

exits 0 "a page" vprov report -o "$work/report.html"
is "which needs nothing from elsewhere" "$(grep -cE '(src|href)=|url\(|@import|<script' "$work/report.html")" 0
is "and is well-formed enough for a parser of XML but for its head" "$(sed '1d; /<meta/d' "$work/report.html" | xmllint --noout - 2>&1)" ""
# browser OPTION... : what chromium makes of the page
browser() {
	timeout 60 chromium --headless --no-sandbox --disable-gpu --no-first-run --hide-scrollbars --user-data-dir="$work/browser" "$@" 2>"$work/chromium"
}
sed 's|</body>|<script>document.title = document.documentElement.scrollWidth + " " + [...document.querySelectorAll("svg rect.bar")].every(b => b.getBoundingClientRect().width > 20)</script></body>|' \
	"$work/report.html" >"$work/asked.html"
for width in 1100 500; do
	is "nothing sticks out of $width pixels, and bars have a width" \
		"$(browser --window-size=$width,900 --dump-dom "file://$work/asked.html" | grep -o '<title>[^<]*')" "<title>$width true"
	browser --window-size=$width,2400 --screenshot="$log/report-$width.png" "file://$work/report.html" >/dev/null
	ok "a picture of it, $width" test "$(stat -c %s "$log/report-$width.png")" -gt 30000
done
browser --print-to-pdf="$log/report.pdf" --no-pdf-header-footer "file://$work/report.html" >/dev/null
ok "it can be printed" grep -q '^%PDF' "$log/report.pdf"
done_testing
