#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 300
# The boot service as the service of a site: its page in a real browser, metrics, changes of networks and configuration without a break, its own death.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
for p in sqlite3 dnsmasq ip chromium curl jq openssl; do command -v $p >/dev/null || skip_all "$p is not installed"; done
in_ns

work=$(mktemp -d) && chmod 755 "$work"
cleanup rm -rf "$work"
output="" state=$work/state log=$work/log
export VPROV_CACHE=$work/cache
digest=$(printf 'ab%.0s' {1..32})
token=0123456789abcdef0123456789abcdef
mkdir -p "$work/cache/key"
head -c 20000000 /dev/urandom >"$work/cache/$digest.tar.zst"
echo kernel >"$work/cache/key/vmlinuz"
echo ramdisk >"$work/cache/key/initrd"

sql() { sqlite3 -cmd '.timeout 10000' "$state/vprov.db" "$@"; }
# node NAME LAST-OCTET BRIDGE NET [LIFE] : an armed one
node() {
	local json="{\"nics\": [{\"mac\": \"52:54:00:00:00:$2\", \"bridge\": \"$3\", \"gateway\": \"$4.1\"}], \"bridges\": [{\"name\": \"$3\", \"address\": \"$4.1\", \"prefix\": 24}]}"
	sql "INSERT OR REPLACE INTO node (name, mac, ip, life, health, percent, since, last_evidence, token, armed, token_live, installs, json, config,
		image, task, reason, phase, virt, host) VALUES ('$1', '52:54:00:00:00:$2', '$4.$2', ${5:-1}, 0, 0, unixepoch(), unixepoch(), '$token', 1, 1, 0,
		'$json', 'NODE=''$1''', 'key', '', '', '', 'qemu', 'qemu:///system')"
}
bridge() { ip link add "$1" type bridge && ip address add "$2/24" dev "$1" && ip link set "$1" up; }
serve() { "$VPROV" serve -v --state-dir "$state" --config "$work/conf" >>"$log" 2>&1 </dev/null & pid=$!; }
url=http://10.9.8.1:8420
get() { curl -s -m 10 "$@"; }
metric() { get "$url/metrics" | awk -v name="$1" '$1 == name { print $2 }'; }
# shellcheck disable=SC2009 # sees the log, not processes
reloads() { grep -c 'dnsmasq reads its files again' "$log"; }
# browse URL : opens it in a browser that is told what to do over a pipe (DevTools protocol: JSON, each with a NUL behind it)
browse() {
	mkfifo "$work/to" "$work/from"
	chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync \
		--hide-scrollbars --user-data-dir="$work/browser" --remote-debugging-pipe about:blank 3<"$work/to" 4>"$work/from" >/dev/null 2>"$work/chromium" &
	cleanup kill $!
	exec 7>"$work/to" 8<"$work/from"
	rm "$work/to" "$work/from"
	session=$(cdp Target.attachToTarget "{\"flatten\": true, \"targetId\": $(cdp Target.createTarget '{"url": "about:blank"}' | jq .result.targetId)}" | jq .result.sessionId)
	cdp Log.enable >/dev/null
	cdp Page.navigate "{\"url\": \"$1\"}" >/dev/null
}
# cdp METHOD [PARAMETERS] : its answer
cdp() {
	local id=$RANDOM message
	printf '{"id": %d, "method": "%s", "params": %s%s}\0' $id "$1" "${2:-{\}}" "${session:+, \"sessionId\": $session}" >&7
	while IFS= read -r -d '' -t 30 -u 8 message; do
		[[ $message == *'"Log.entryAdded"'* ]] && echo "$message" >>"$work/complaints"
		[[ $(jq .id <<<"$message") == "$id" ]] && echo "$message" && return
	done
	return 1
}
# js EXPRESSION : its value
js() { cdp Runtime.evaluate "$(jq -n --arg e "$1" '{expression: $e, returnByValue: true}')" | jq -r .result.result.value; }
# shows REGEX EXPRESSION
shows() { [[ $(js "$2") =~ $1 ]]; }
# picture WIDTH SCHEME : a PNG file beside the logs
picture() {
	cdp Emulation.setDeviceMetricsOverride "{\"width\": $1, \"height\": 800, \"deviceScaleFactor\": 1, \"mobile\": false}" >/dev/null
	cdp Emulation.setEmulatedMedia "{\"features\": [{\"name\": \"prefers-color-scheme\", \"value\": \"$2\"}]}" >/dev/null
	cdp Page.captureScreenshot | jq -r .result.data | base64 -d >"${VP_BUILD:-$VP_TOP/build}/log/page-$1-$2.png"
}

# --- The page ---

bridge brtest 10.9.8.1
ip address add 10.9.8.10/24 dev brtest
bridge brother 10.9.7.1
: >"$work/conf"
serve
wait_for 10 test -e "$state/serve/lock"
node n1.example.org 10 brtest 10.9.8
ok "the service gets ready" wait_for 20 test -e "$state/serve/ready"

curl -sN "$url/live" >"$work/live" &
listener=$!
ok "a listener is told what there is" wait_for 10 grep -q 'data-name="n1.example.org"' "$work/live"
is "and counted" "$(metric vprov_page_listeners)" 1
get --interface 10.9.8.10 "$url/boot/vmlinuz" >/dev/null
ok "and told what a node does" wait_for 10 grep -q '>kernel<' "$work/live"
is "not when it will be up, for nobody knows" "$(grep -c 'data-eta="[0-9]' "$work/live")" 0
# Six installations of its class took 20 s for each phase from kernel (3) to disk (11).
sql "INSERT INTO history (class, phase, seconds) SELECT 'qemu/image//', p.value, 20 FROM json_each('[3,4,5,6,7,8,9,10,11]') p, json_each('[1,2,3,4,5,6]')"
mkdir -p "$state/console"
printf 'GRUB loading.\r\n\033[31mvprov.token=%s\033[0m <script>document.title = "taken"</script>\n' $token >"$state/console/n1.example.org.log"
ok "and what its console says" wait_for 10 grep -q 'GRUB loading.' "$work/live"
is "but no secret" "$(grep -c $token "$work/live")" 0
eta=$(sed -n 's/.*data-eta="\([0-9]*\)".*/\1/p' "$work/live" | tail -n 1)
ok "and when it will be up, by what others took" test "$((${eta:-0} - $(date +%s)))" -gt 100 -a "$((${eta:-0} - $(date +%s)))" -lt 190
kill $listener

session=""
: >"$work/complaints"
browse "$url/#n1.example.org"
ok "a browser runs the page" wait_for 30 shows '^live$' 'document.getElementById("link").className'
is "and opens the node that it was asked for" "$(js 'document.querySelector("tr.more.open").id')" m-n1.example.org
like "it has the end of the console" "$(js 'document.querySelector("tr.more.open pre").textContent')" '^GRUB loading.*<script>document.title'
sql "UPDATE node SET health = 3, reason = '<script>document.title = \"taken\"</script> no disk'"
ok "it is told of a failure" wait_for 10 shows '^failed$' 'document.querySelector(".badge").textContent'
is "says it to those who listen" "$(js 'document.getElementById("news").textContent')" 'n1.example.org: failed'
like "shows why" "$(js 'document.querySelector(".news .why").textContent')" '^<script>.* no disk$'
is "keeps open what was" "$(js 'document.querySelector("tr.more.open").id')" m-n1.example.org
like "and runs nothing of that" "$(js document.title)" '^vprov on '
for i in {11..19}; do node "n$i.example.org" "$i" brtest 10.9.8 $((i % 10)); done
ok "nodes appear" wait_for 10 shows '^10$' 'document.getElementById("nodes").tBodies.length'
is "the one that needs somebody is the first" "$(js 'document.getElementById("nodes").tBodies[0].dataset.name')" n1.example.org
js 'document.querySelector(".tile.bad").click()' >/dev/null
is "a count is a filter" "$(js '[...document.getElementById("nodes").tBodies].filter(b => b.offsetHeight).length')" 1
js 'document.querySelector(".tile.all").click()' >/dev/null
sql "DELETE FROM node WHERE name = 'n19.example.org'"
ok "and disappear" wait_for 10 shows '^9$' 'document.getElementById("nodes").tBodies.length'
is "no secret is in the document" "$(js 'document.documentElement.outerHTML' | grep -c $token)" 0
for width in 1280 400; do
	is "nothing sticks out of $width pixels" "$(picture $width light; js 'document.documentElement.scrollWidth')" $width
	for scheme in light dark; do
		picture $width $scheme
		# One colour would be some kilobytes.
		ok "a picture of it, $width $scheme" test "$(stat -c %s "${VP_BUILD:-$VP_TOP/build}/log/page-$width-$scheme.png")" -gt 15000
	done
done
is "the browser complains about nothing" "$(<"$work/complaints")" ""

# --- Metrics: names, types, no sample twice, none without its type ---

# shellcheck disable=SC2016 # awk expands it
strict='
/^# HELP [a-z_]+ ./ { help[$3] = 1; next }
/^# TYPE [a-z_]+ (counter|gauge|histogram)$/ { if (type[$3]++ || !help[$3]) print "type: " $0; next }
/^[a-z_]+(\{([a-z_]+="[^"\\]*",?)+\})? [0-9.e+]+$/ {
	name = $0; sub(/[{ ].*/, "", name); base = name; sub(/_(bucket|sum|count)$/, "", base)
	if (!type[name] && !type[base]) print "no type: " $0
	key = $0; sub(/ [^ ]*$/, "", key); if (seen[key]++) print "twice: " $0
	samples++; next
}
{ print "not understood: " $0 }
END { if (samples < 50) print "only " samples + 0 " samples" }'
get -D "$work/head" "$url/metrics" >"$work/metrics"
is "metrics are well-formed" "$(awk "$strict" "$work/metrics")" ""
like "of the version that they say" "$(<"$work/head")" 'Content-Type: text/plain; version=0.0.4'
is "the failure is counted" "$(metric vprov_installs_failed_total)" 1
sql "UPDATE node SET installs = installs + 1, health = 0 WHERE name = 'n1.example.org'"

# --- Other networks, another configuration: nothing breaks ---

curl -s --limit-rate 2M "$url/image/$digest.tar.zst" >"$work/image" &
client=$!
node n3.example.org 30 brother 10.9.7
ok "another network is served" wait_for 15 get -f -o /dev/null http://10.9.7.1:8420/status.json
echo 'status_address = 10.9.7.9' >"$work/conf"
ip address add 10.9.7.9/24 dev brother
kill -HUP $pid
ok "the status page moves when it is told to" wait_for 10 get -f -o /dev/null http://10.9.7.9:8420/
is "and is not on the networks any more" "$(get -o /dev/null -w '%{http_code}' "$url/")$(get -o /dev/null -w '%{http_code}' "$url/metrics")" 404404
is "nor is anything else there" "$(get -o /dev/null -w '%{http_code}' http://10.9.7.9:8420/boot/vmlinuz)" 404
echo 'status_adress = 10.9.7.9' >"$work/conf"
kill -HUP $pid
ok "a wrong configuration is told" wait_for 10 grep -q 'is not used' "$log"
ok "and not used" get -f -o /dev/null http://10.9.7.9:8420/
sql "DELETE FROM node WHERE name = 'n3.example.org'"
ok "a network without nodes is not served any more" wait_for 15 sh -c "! ss -Hltn | grep -q 10.9.7.1:8420"
ok "the transfer was still under way" kill -0 $client
wait $client
is "and arrived whole" "$(sha256sum <"$work/image")" "$(sha256sum <"$work/cache/$digest.tar.zst")"
for i in 1 2; do openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=$i -addext subjectAltName=IP:10.9.7.9 -keyout "$work/$i.key" -out "$work/$i.pem" 2>/dev/null; done
printf 'status_address = 10.9.7.9\nstatus_cert = %s\nstatus_key = %s\n' "$work/1.pem" "$work/1.key" >"$work/conf"
kill -HUP $pid
secure=https://10.9.7.9:8420
ok "with a certificate it is there over TLS" wait_for 10 get -f --cacert "$work/1.pem" -o /dev/null $secure/
is "and not without" "$(get -o /dev/null -w '%{http_code}' http://10.9.7.9:8420/)" 000
like "its changes come, too" "$(get -N --max-time 3 --cacert "$work/1.pem" $secure/live)" '^(id|event|data|retry): '
cp "$work/2.pem" "$work/1.pem" && cp "$work/2.key" "$work/1.key"
kill -HUP $pid
ok "a renewed certificate is taken" wait_for 10 get -f --cacert "$work/2.pem" -o /dev/null $secure/
echo 'status_cert = /nowhere' >>"$work/conf" && sed -i '2d' "$work/conf"
kill -HUP $pid
ok "one that is not there is told" wait_for 10 grep -q 'status page: the certificate of the status page: .*/nowhere' "$log"
ok "and the last one stays in use" get -f --cacert "$work/2.pem" -o /dev/null $secure/
echo 'status_address = 10.9.7.9' >"$work/conf"
kill -HUP $pid
ok "without one it is plain again" wait_for 10 get -f -o /dev/null http://10.9.7.9:8420/
: >"$work/conf"
kill -HUP $pid
ok "the status page comes back" wait_for 10 get -f -o /dev/null "$url/"

sleep 2
before=$(reloads)
sql "INSERT INTO journal (kind, name) VALUES ('node', 'x')"
for i in {40..59}; do node "m$i.example.org" "$i" brtest 10.9.8; ((i % 8)) || sleep 1.2; done
sql "DELETE FROM journal"
ok "twenty new nodes are told to dnsmasq" wait_for 10 test -e "$state/serve/hosts/m59.example.org"
sleep 3
is "at once" "$(($(reloads) - before))" 1

# --- Its own death in the middle of an installation ---

sql "UPDATE node SET life = 4, armed = 1, installs = 0 WHERE name = 'n1.example.org'"
is "a node has its configuration" "$(get --interface 10.9.8.10 "$url/boot/n1.example.org/config?token=$token")" "NODE='n1.example.org'"
guest=${VP_BUILD:-$VP_TOP/build}/guest/vprov-guest
sum=$(sha256sum <"$work/cache/$digest.tar.zst")
bash -c "'$guest' fetch '$url/image/$digest.tar.zst' ${sum%% *} 20000000 2>'$work/fetch' | { head -c 3000000; sleep 4; cat; }" >"$work/image2" &
client=$!
wait_for 10 test -s "$work/image2"
kill -9 $pid
wait $pid 2>/dev/null
ok "killed, it takes dnsmasq along" wait_for 10 sh -c '! pidof dnsmasq'
serve
ok "another one takes over" wait_for 20 test -e "$state/serve/ready"
wait $client
like "the client noticed" "$(<"$work/fetch")" 'connection lost at [0-9]+ of 20000000'
is "and has it whole all the same" "$(sha256sum <"$work/image2")" "$sum"
is "the configuration is not handed out again" "$(get --interface 10.9.8.10 -o /dev/null -w '%{http_code}' "$url/boot/n1.example.org/config?token=$token")" 409
is "what was counted is still known" "$(metric vprov_installs_begun_total)" 2
kill $pid
wait $pid
is "it ends when it is asked to" $? 0

printf 'status_cert = %s\n' "$work/1.pem" >"$work/conf"
exits 2 "a certificate without its key is refused" "$VPROV" serve --state-dir "$state" --config "$work/conf"
like "as a fault of the configuration" "$output" 'status_key.*VP-U02'
printf 'status_address = 10.9.8.1\nstatus_cert = %s\nstatus_key = %s\n' "$work/1.pem" "$work/1.pem" >"$work/conf"
exits 2 "so is a key that is none" "$VPROV" serve --state-dir "$state" --config "$work/conf"

# --- The unit file ---

make -s -C "$VP_TOP" install BUILD="${VP_BUILD:-$VP_TOP/build}" DESTDIR="$work/root" PREFIX=/usr >/dev/null 2>&1
unit=$work/root/usr/lib/systemd/system/vprov.service
ok "the unit file is installed" grep -q '^ExecStart=/usr/bin/vprov serve$' "$unit"
if command -v systemd-analyze >/dev/null; then
	mkdir "$work/unit"
	sed "s|/usr/bin/vprov|$VPROV|" "$unit" >"$work/unit/vprov.service"
	ok "and systemd understands it" systemd-analyze verify --man=no "$work/unit/vprov.service"
	is "without a word" "$output" ""
	exposure=$(systemd-analyze security --offline=true --no-pager "$work/unit/vprov.service" 2>&1 | sed -n 's/.*Overall exposure level[^:]*: \([0-9]*\)\..*/\1/p')
	diag "exposure: $exposure"
	ok "what it may do is little" test "${exposure:-10}" -lt 5
else
	skip "the unit file is checked" "systemd-analyze is not installed"
fi
done_testing
