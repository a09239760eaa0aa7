#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 300
# Strangers on the nodes' network: a thousand slow HTTP clients, requests that are too large, malformed or meant for others, garbage for DHCP and
# TFTP. All of it is refused, a node that installs is served meanwhile, and the service is as large afterwards as before.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
for p in sqlite3 dnsmasq busybox ip curl; do command -v $p >/dev/null || skip_all "$p is not installed"; done
[[ -e /usr/lib/PXELINUX/pxelinux.0 ]] || skip_all "pxelinux is not installed"
in_ns

work=$(mktemp -d) && chmod 755 "$work"
cleanup rm -rf "$work"
state=$work/state
export VPROV_CACHE=$work/cache
# What was freed shall be gone, where the sanitizer would keep it for a while.
export ASAN_OPTIONS=detect_leaks=0:quarantine_size_mb=0:thread_local_quarantine_size_kb=0
abuse=${VP_BUILD:-$VP_TOP/build}/abuse
# MiB that the service may have grown by in the end
bound=16
digest=$(printf 'ab%.0s' {1..32})
mkdir -p "$VPROV_CACHE/key"
head -c 20000000 /dev/urandom >"$VPROV_CACHE/$digest.tar.zst"
head -c 300000 /dev/urandom >"$VPROV_CACHE/key/vmlinuz"

sql() { sqlite3 -cmd '.timeout 10000' "$state/vprov.db" "$@"; }
token() { printf '%032x' "$1"; }
# node N : armed
node() {
	local json
	json="{\"nics\": [{\"mac\": \"52:54:00:00:00:0$1\", \"bridge\": \"brtest\", \"gateway\": \"10.9.0.1\"}],
		\"bridges\": [{\"name\": \"brtest\", \"address\": \"10.9.0.1\", \"prefix\": 16}]}"
	sql "INSERT INTO node (name, mac, ip, life, health, percent, since, last_evidence, token, armed, token_live, installs, json, config, image, task,
		reason, phase) VALUES ('n$1', '52:54:00:00:00:0$1', '10.9.8.$1', 1, 0, 0, 0, 0, '$(token "$1")', 1, 1, 0, '$json', 'NODE=n$1', 'key', '', '', '')"
}
client() {
	ip netns add "$1"
	ip link add "p$1" type veth peer name eth0 address "$2" netns "$1"
	ip link set "p$1" master brtest up
	ip -n "$1" link set eth0 up
}
# as CLIENT ARGUMENTS-OF-CURL... PATH : the status, 000 where there was no answer; the body is in $work/body
as() { ip netns exec "$1" curl -s -m 15 --path-as-is -o "$work/body" -w '%{http_code}' "${@:2:$#-2}" "http://10.9.0.1:8420${*: -1}"; }
slow() { ip netns exec stranger "$abuse" "$1" 10.9.0.1 8420 10.9.5.1 "$2" 16 "$3" "$4" >"$work/slow" 2>&1 & slow=$!; sleep 4; }
rss() { awk '/VmRSS/ { print $2 }' "/proc/$pid/status"; }
alive() { [[ -e /proc/$pid && $(as node /boot/vmlinuz) == 200 ]] && cmp -s "$work/body" "$VPROV_CACHE/key/vmlinuz"; }
dhcp() { ip netns exec node busybox udhcpc -f -q -n -t 4 -T 2 -A 1 -i eth0 -s "$work/udhcpc"; }

# shellcheck disable=SC2016 # sh expands it
printf '#!/bin/sh\n[ "$1" != bound ] || echo "ip=$ip"\n' >"$work/udhcpc"
chmod 755 "$work/udhcpc"
ip link add brtest type bridge && ip address add 10.9.0.1/16 dev brtest && ip link set brtest up
client node 52:54:00:00:00:01
client stranger 52:54:00:00:99:01
ip -n node address add 10.9.8.1/16 dev eth0
for i in {1..80}; do echo "address add 10.9.5.$i/16 dev eth0"; done | ip -n stranger -batch -
"$VPROV" serve --state-dir "$state" >"$work/log" 2>&1 & pid=$!
wait_for 20 test -e "$state/serve/lock"
for i in 1 2 3; do node $i; done
ok "the service runs" wait_for 30 test -e "$state/serve/ready"
sleep 1

# --- Slow clients; a node installs meanwhile ---
slow readers 63 "/image/$digest.tar.zst" 5
like "a thousand clients read slowly" "$(<"$work/slow")" "open"
is "the node gets its kernel" "$(as node /boot/vmlinuz)" 200
is "its configuration" "$(as node "/boot/n1/config?token=$(token 1)")" 200
is "and its image" "$(as node "/image/$digest.tar.zst")/$(sha256sum <"$work/body")" "200/$(sha256sum <"$VPROV_CACHE/$digest.tar.zst")"
wait $slow
diag "$(<"$work/slow")"
# As large as it was with as many clients as it takes: what it has freed it may use again.
before=$(rss)
slow headers 80 /boot/vmlinuz 22
is "more than there is room for send their headers slowly: the node reports" "$(as node --data 'unpack 40 x' "/node/n1/event?token=$(token 1)")" 200
like "most of the strangers are not let in" "$(<"$work/slow")" "^([0-9]|[0-9][0-9]|[1-4][0-9][0-9]|50[0-9]|51[0-2]) of 1280 open"
is "and is acknowledged" "$(as node --data '' "/node/n1/ack?token=$(token 1)")" 200
wait $slow
like "who does not come to the point is disconnected" "$(tail -n 1 "$work/slow")" "^0 of 1280 still open"
slow bodies 63 "/node/n2/event?token=$(token 2)" 2
ok "with slow bodies the node is served, too" alive
wait $slow
like "slow bodies are not waited for" "$(tail -n 1 "$work/slow")" "^0 of 1008 still open"

# --- Requests ---
big=$work/big
head -c 9000000 /dev/zero >"$big"
post_big() { as node -H 'Expect:' "$@" --data-binary "@$big" "/node/n1/result/r/cpu?token=$(token 1)"; }
is "a body that is too large is refused by its length" "$(post_big)" 413
like "and ended where it has none" "$(post_big -H 'Transfer-Encoding: chunked')" "000|413"
like "an event as well" "$(as node -H 'Expect:' --data-binary "@$big" "/node/n1/event?token=$(token 1)")" "000|413"
for size in 20000 200000 2000000; do
	printf 'X: %s\n' "$(head -c $size /dev/zero | tr '\0' x)" >"$work/header"
	like "a header of $size bytes" "$(as stranger -H "@$work/header" /boot/vmlinuz)" "000|4.."
done
like "an address of 100 KB" "$(as stranger "/$(head -c 100000 /dev/zero | tr '\0' a)")" "000|4.."

bad='' got=''
for path in /../../etc/passwd /boot/../../etc/passwd /boot/..%2f..%2fetc%2fpasswd /boot/%2e%2e/%2e%2e/etc/passwd /boot/..%252f..%252fetc/passwd \
	'/boot/..\..\etc\passwd' /boot/%5c..%5c..%5cetc%5cpasswd /image/../../../etc/passwd /image/%2e%2e%2f%2e%2e%2fvprov.db /boot/%c0%ae%c0%ae/x \
	/boot/vmlinuz%00.txt /boot//vmlinuz /boot/./vmlinuz /boot/vmlinuz/ //etc/passwd /node/../config /node/%2e/event /boot/n1/../n2/config; do
	got=$(as stranger "$path")
	[[ $got =~ ^4 ]] || bad+="$path: $got; "
	! grep -q 'root:' "$work/body" || bad+="$path: passwd; "
done
is "no path leaves what is served" "$bad" ""
bad=''
for method in PUT DELETE PATCH OPTIONS TRACE CONNECT PROPFIND get "$(printf 'A%.0s' {1..5000})"; do
	for path in / /boot/vmlinuz "/boot/n2/config?token=$(token 2)" "/node/n2/ack?token=$(token 2)"; do
		got=$(as stranger -X "$method" "$path")
		[[ $got =~ ^(4|000|501) ]] || bad+="${method:0:10} $path: $got; "
	done
done
is "no other method does anything" "$bad" ""
bad=''
for who in node stranger; do
	for path in "/boot/n2/config?token=$(token 2)" "/boot/n2/config?token=$(token 1)" "/boot/n2/config" "/boot/n2/config?token=" "/boot/none/config?token=$(token 1)" \
		"/boot/n3/config?token=$(token 3)&token=$(token 3)"; do
		got=$(as $who "$path")
		[[ $got == 403 ]] || bad+="$who $path: $got; "
		! grep -q NODE= "$work/body" || bad+="$who $path: has it; "
	done
done
is "nobody gets another node's configuration" "$bad" ""
is "and it is still there for who it is for" "$(sql "SELECT count(*) FROM node WHERE armed = 1 AND installs = 0 AND name IN ('n2', 'n3')")" 2

# --- DHCP and TFTP ---
udp() { ip netns exec stranger busybox nc -u -w 1 10.9.0.1 "$1" >/dev/null 2>&1; }
garbage=()
for port in 67 69 53; do
	head -c 100000 /dev/urandom | split -b 1300 --filter "ip netns exec stranger busybox nc -u -w 0 10.9.0.1 $port" 2>/dev/null &
	garbage+=($!)
done
# A request whose options run over its end, one without an end, one with an address length of 255
{ printf '\001\001\006\000abcd'; head -c 228 /dev/zero; printf '\143\202\123\143\065\001\001\014\377name'; } | udp 67
{ printf '\001\001\377\000abcd'; head -c 228 /dev/zero; printf '\143\202\123\143'; head -c 300 /dev/urandom; } | udp 67
for name in ../../../../etc/passwd /etc/passwd "$state/vprov.db" pxelinux.cfg/../../hook "$(head -c 500 /dev/zero | tr '\0' a)"; do
	printf '\000\001%s\000octet\000blksize\00099999999999\000' "$name" | ip netns exec stranger busybox nc -u -w 1 10.9.0.1 69 2>/dev/null
done >"$work/tftp"
printf '\000\001no-end-of-the-name' | udp 69
printf '\000\377' | udp 69
wait "${garbage[@]}"
is "TFTP gives nothing away" "$(grep -c -a 'root:\|SQLite' "$work/tftp")" 0
ok "DHCP still serves the node" dhcp
like "with its address" "$output" "ip=10.9.8.1"
ok "TFTP, too" ip netns exec node busybox tftp -g -l "$work/loader" -r pxelinux.0 10.9.0.1
ok "and so does HTTP" alive
is "the service has not been started again" "$(cut -d ' ' -f 1 "$state/serve/ready")" "$pid"
is "its other nodes are as they were" "$(sql "SELECT group_concat(life) FROM node WHERE name IN ('n2', 'n3')")" "1,1"
after=$(rss)
diag "resident: $before KiB before, $after KiB after"
is "its memory is as large as before, within $bound MiB" "$((after - before < bound * 1024))" 1
kill $pid
wait $pid
is "it ends well" $? 0
done_testing
