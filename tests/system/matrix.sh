#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 5400
# Every fault at three moments of a real installation: early, before the configuration was taken; middle, while the image is unpacked; late, after the
# acknowledgement. MATRIX=all tries all of them (`make matrix`), two guests at a time; otherwise some of what
# faults.sh does not have.
#
# The guest is real: QEMU, ROM, iPXE, the shipped installer and GRUB; only the root image is a small one (tests/lib/tiny-image), and the installer
# asks a server of the test at each phase what to do (tests/lib/hooked), which is how faults inside the guest come about.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"

# fault | moment | state at the end | what the cause or the record of it has to say | times the disk was installed. A state "-" makes no sense: why.
table='
controller killed;early;up;;1
controller killed;middle;up;;1
controller killed;late;up;;1
ack dropped;early;-;there is none yet;0
ack dropped;middle;-;there is none yet;0
ack dropped;late;up;;1
ack repeated;early;up;ack refused: .* it has no configuration yet;1
ack repeated;middle;up;;1
ack repeated;late;up;;1
ack forged;early;up;ack refused: from 10.94.17.1, not the node.s address;1
ack forged;middle;up;ack refused: from 10.94.17.1, wrong token;1
ack forged;late;up;ack refused: from 10.94.17.1, not the node.s address;1
token replayed;early;up;configuration refused: from 10.94.17.1;1
token replayed;middle;up;configuration refused: it has been handed out;1
token replayed;late;up;configuration refused: from 10.94.17.1;1
guest reset;early;up;;1
guest reset;middle;failed;boot loader again;1
guest reset;late;up;;1
guest powered off;early;up;;1
guest powered off;middle;failed;the domain is shut off;1
guest powered off;late;failed;the domain is shut off;1
dnsmasq killed;early;up;dnsmasq died and is started again;1
dnsmasq killed;middle;up;dnsmasq died and is started again;1
dnsmasq killed;late;up;dnsmasq died and is started again;1
HTTP stalled;early;up;;1
HTTP stalled;middle;up;;1
HTTP stalled;late;up;;1
image truncated;early;failed;unpack: the root image did not arrive whole;1
image truncated;middle;failed;unpack: the root image did not arrive whole;1
image truncated;late;up;;1
image corrupted;early;failed;unpack: the root image did not arrive whole;1
image corrupted;middle;failed;unpack: the root image did not arrive whole;1
image corrupted;late;up;;1
disk full;early;failed;no space|paused;[01]
disk full;middle;failed;no space|paused;1
disk full;late;up|failed;^ *$|paused;1
disk too small;early;refused;need more than its 10 MiB;0
disk too small;middle;failed;does not fit;1
disk too small;late;-;it holds the system;0
wrong MAC;early;failed|stalled;nothing to boot|nothing was ever heard;0
wrong MAC;middle;up;;1
wrong MAC;late;up;;1
stale lease;early;up;;1
stale lease;middle;up;;1
stale lease;late;up;;1
two nodes, one address;early;refused;10.94.17.10;0
two nodes, one address;middle;up;;1
two nodes, one address;late;up;;1
kernel panic;early;up;;1
kernel panic;middle;failed;Kernel panic;1
kernel panic;late;failed;Kernel panic;1
'
hooked=${VP_BUILD:-$VP_TOP/build}/hooked
node=quickstart.vprov.test
url=http://10.94.17.1:8420

# --- One case, in namespaces of its own ---

vprov() { "$VPROV" "$@" --state-dir "$state"; }
sql() { sqlite3 -cmd '.timeout 10000' "$state/vprov.db" "$@"; }
console_has() { tr -d '\0' <"$state/console/$node.log" | grep -q "$1"; }
event_has() { sql "SELECT text FROM event" | grep -q "$1"; }
token() { sql "SELECT token FROM node WHERE name = '$node'"; }
life_is() { (($(sql "SELECT life FROM node WHERE name = '$node'") >= $1)); }
service() { cut -d ' ' -f 1 "$state/serve/ready"; }
# Once: who comes again is told nothing.
say_in_guest() { echo "$2" >"$dir/www/$1"; }
mark() { date +%s.%N >"$dir/when"; }
start_apply() { "$VPROV" apply "$@" --state-dir "$state" >>"$dir/out" 2>&1 </dev/null & apply=$!; }

# The node's profile: small, not measured. deadline SECONDS, disk MIB
profile() {
	sed "s|<boolean name=\"enabled\">true|<boolean name=\"enabled\">false|; s|<long name=\"capacity\">4096|<long name=\"capacity\">$2|
		s|<long name=\"size\">256</long>|<long name=\"size\">16</long>|; s|<long name=\"size\">1024|<long name=\"size\">256|
		s|<nlist name=\"vprov\">|&<long name=\"deadline\">$1</long>|" "$VP_TOP/profiles/quickstart.xml" >"$dir/node.xml"
}

# until_moment: the fault's moment has come; answers 1 where it does not
until_moment() {
	case $moment in
	early) wait_for 120 event_has "boot loader sent" ;;
	middle) wait_for 240 console_has "vprov: unpack 0" && sleep 1 ;;
	late) wait_for 400 life_is 7 ;;
	esac
}

# with_address IP COMMAND... : from a machine on the bridge that has this address
with_address() {
	ip netns add stranger && ip link add st0 type veth peer name eth0 netns stranger && ip link set st0 master vprov0 up
	ip -n stranger link set eth0 up
	ip -n stranger address add "$1/24" dev eth0
	ip netns exec stranger "${@:2}"
	ip netns delete stranger
}

# ask METHOD PATH : from this machine, which is not the node
ask() {
	if [[ $1 == POST ]]; then busybox wget -q -O /dev/null --post-data "" "$url$2"; else busybox wget -q -O "$dir/got" "$url$2"; fi 2>>"$dir/asked"
	return 0
}

# What the guest's shell expands is none of this one's business.
# shellcheck disable=SC2016
before_power() {
	case $fault/$moment in
	'ack repeated/early') say_in_guest network-100 'for i in 1 2 3; do post ack </dev/null; done' ;;
	'ack repeated/middle') say_in_guest unpack-0 'for i in 1 2 3; do post ack </dev/null; done' ;;
	'ack repeated/late') say_in_guest reboot-100 'for i in 1 2 3; do post ack </dev/null; done' ;;
	'token replayed/middle') say_in_guest partition-0 'vprov-guest get "$URL/boot/$KEY/config?token=$TOKEN" >/dev/null 2>&1' ;;
	'guest reset/early') say_in_guest network-100 'echo b >/proc/sysrq-trigger' ;;
	'guest reset/middle') say_in_guest unpack-0 'echo b >/proc/sysrq-trigger' ;;
	'guest reset/late') say_in_guest reboot-100 'echo b >/proc/sysrq-trigger' ;;
	'kernel panic/early') say_in_guest network-100 'echo c >/proc/sysrq-trigger' ;;
	'kernel panic/middle') say_in_guest unpack-0 'echo c >/proc/sysrq-trigger' ;;
	'kernel panic/late') say_in_guest bootloader-100 'echo "echo c >/proc/sysrq-trigger" >$T/hook; chmod 755 $T/hook' ;;
	'disk too small/early') profile 600 10 ;;
	'disk too small/middle') profile 600 60 ;;
	'wrong MAC/early') profile 5 400 ;;
	'disk full/'*)
		mkdir -p "$state/disks" && mount -t tmpfs -o size=420m tmpfs "$state/disks"
		;;
	'two nodes, one address/early') sed 's|<string name="hostname">quickstart|<string name="hostname">second|; s|vprov0|vprov1|' "$dir/node.xml" >"$dir/second.xml" ;;
	esac
}

inject() {
	local t
	mark
	case $fault in
	'controller killed') kill -9 "$apply"; wait "$apply"; sleep 2; start_apply "$dir/node.xml" ;;
	'ack dropped') ;;
	'ack forged')
		t=$(token)
		[[ $moment != middle ]] || t=${t//[0-9]/a}
		ask POST "/node/$node/ack?token=$t"
		;;
	'token replayed') [[ $moment == middle ]] || ask GET "/boot/$node/config?token=$(token)" ;;
	'guest powered off') pkill -KILL qemu-system ;;
	'dnsmasq killed') pkill -KILL -x dnsmasq ;;
	'HTTP stalled') t=$(service); kill -STOP "$t"; sleep 15; kill -CONT "$t" ;;
	'image truncated') truncate -s 9000000 "$VPROV_CACHE"/*.tar.zst ;;
	'image corrupted') t=$(echo "$VPROV_CACHE"/*.tar.zst); head -c 100000 /dev/urandom | dd of="$t" bs=1000 seek=$(($(stat -c %s "$t") / 1000 - 200)) conv=notrunc status=none ;;
	'disk full') dd if=/dev/zero of="$state/disks/filler" bs=64k status=none 2>/dev/null ;;
	'wrong MAC') sql "UPDATE node SET mac = '52:54:00:99:99:99', json = replace(json, mac, '52:54:00:99:99:99') WHERE name = '$node'" ;;
	'stale lease') echo "$(($(date +%s) + 40000)) 52:54:00:99:99:99 10.94.17.10 another *" >>"$state/serve/dnsmasq/leases"; pkill -KILL -x dnsmasq ;;
	'two nodes, one address') with_address 10.94.17.10 sh -c 'busybox arping -q -U -c 3 -I eth0 10.94.17.10; sleep 7' ;;
	esac
}

# The acknowledgement goes while the service does not answer.
drop_ack() {
	wait_for 300 console_has "vprov: bootloader 100" || wait_for 60 console_has "vprov: bootloader"
	mark
	t=$(service)
	kill -STOP "$t"
	wait_for 200 console_has "login:"
	kill -CONT "$t"
}

# Prints "state;cause;seconds;installs"
conclude() {
	local state_is=refused cause='' when noticed=-
	if [[ -e $state/vprov.db && $(sql "SELECT count(*) FROM node") != 0 ]]; then
		state_is=$(sql "SELECT CASE health WHEN 3 THEN 'failed' WHEN 2 THEN 'stalled' ELSE CASE life WHEN 9 THEN 'up' ELSE 'life ' || life END END FROM node")
		cause=$(sql "SELECT reason FROM node" | head -n 1)
		when=$(cat "$dir/when" 2>/dev/null || stat -c %.9Y "$dir/www/said" 2>/dev/null || echo 0)
		noticed=$(sql "SELECT printf('%.0f s', max(time) - $when) FROM event")
		[[ $state_is != up ]] || cause=$(sql "SELECT text FROM event WHERE text LIKE '%refused%' OR text LIKE '%died%' ORDER BY id DESC LIMIT 1")
		[[ $state_is != up ]] || noticed="up ${noticed% s} s"
	else
		cause=$(grep -E 'error' "$dir/out" | head -n 1)
	fi
	printf '%s;%s;%s;%s\n' "$state_is" "$(tr ';\n' ', ' <<<"$cause" | cut -c 1-400)" "$noticed" \
		"$(tr -d '\0' <"$state/console/$node.log" 2>/dev/null | grep -c 'vprov: partition 0')"
}

one_case() {
	fault=${MATRIX_CASE%/*} moment=${MATRIX_CASE#*/} dir=$(mktemp -d)
	cleanup rm -rf "$dir"
	chmod 755 "$dir"
	state=$dir/state
	export VPROV_CACHE=$dir/cache VPROV_LIB=$hooked ASAN_OPTIONS=detect_leaks=0
	cp -r "$VP_TINY" "$VPROV_CACHE"
	mkdir -p "$dir/www/cgi-bin"
	cp "$hooked/say" "$dir/www/cgi-bin"
	profile 600 400
	before_power
	busybox httpd -f -p 8421 -h "$dir/www" & httpd=$!
	local profiles=("$dir/node.xml")
	[[ ! -e $dir/second.xml ]] || profiles+=("$dir/second.xml")
	start_apply "${profiles[@]}"
	if [[ $fault == 'ack dropped' ]]; then
		drop_ack
	elif [[ $fault/$moment == 'wrong MAC/early' ]]; then
		wait_for 60 token >/dev/null; wait_for 60 test -s "$state/serve/ready"; inject
	elif [[ $fault/$moment == @(disk too small/*|two nodes, one address/early) ]]; then
		mark
	elif [[ $(ls "$dir/www") != cgi-bin ]]; then
		: # the guest does it to itself
	elif until_moment; then
		inject
	else
		echo "the moment did not come" >>"$dir/out"
	fi
	wait "$apply"
	conclude >"$MATRIX_OUT"
	{ echo "--- $MATRIX_CASE"; cat "$dir/out"; vprov log "$node"; tail -n 5 "$state/console/$node.log" | tr -d '\0'; } >"$MATRIX_OUT.log" 2>&1
	vprov destroy -y -q --confirm "$node" "$node" &>/dev/null || vprov destroy -y -q "$node" &>/dev/null
	kill $httpd
	mountpoint -q "$state/disks" && umount "$state/disks"
	return 0
}

if [[ ${MATRIX_CASE:-} ]]; then
	one_case
	exit 0
fi

# --- All of them ---

if [[ ${VP_NS:-} != 1 ]]; then
	for p in sqlite3 dnsmasq busybox virsh qemu-system-x86_64; do command -v $p >/dev/null || skip_all "$p is not installed"; done
	"$lib/hooked" "$hooked" "${VP_BUILD:-$VP_TOP/build}"
fi
need_tiny_image "$hooked/installer" 4
in_ns

work=$(mktemp -d) && chmod 755 "$work"
cleanup rm -rf "$work"
# What is tried: everything, or what a pattern of "FAULT/MOMENT" says
some='(guest powered off|disk full|kernel panic)/middle|(image corrupted|disk too small|two nodes).*/early'
guests=1 rows=()
[[ ! ${MATRIX:-} ]] || some=${MATRIX/#all/.} guests=2
while IFS= read -r row; do
	IFS=';' read -r fault moment _ <<<"$row"
	[[ $fault && $fault/$moment =~ $some ]] && rows+=("$row")
done <<<"$table"

for i in "${!rows[@]}"; do
	IFS=';' read -r fault moment want _ _ <<<"${rows[i]}"
	[[ $want != - ]] || continue
	while (($(jobs -rp | wc -l) >= ${MATRIX_GUESTS:-$guests})); do wait -n; done
	MATRIX_CASE="$fault/$moment" MATRIX_OUT=$work/$i VP_NS='' "$lib/ns" bash "$0" >"$work/$i.err" 2>&1 </dev/null &
done
wait

printf -v lines '%-23s %-7s %-8s %-8s %-4s %s\n' fault moment final noticed inst. cause
for i in "${!rows[@]}"; do
	IFS=';' read -r fault moment want cause installs <<<"${rows[i]}"
	if [[ $want == - ]]; then
		printf -v line '%-23s %-7s %-8s %-8s %-4s %s' "$fault" "$moment" - - - "$cause"
		lines+=$line$'\n'
		continue
	fi
	IFS=';' read -r got why noticed times <<<"$(cat "$work/$i" 2>/dev/null)"
	printf -v line '%-23s %-7s %-8s %-8s %-4s %.120s' "$fault" "$moment" "$got" "$noticed" "$times" "$why"
	lines+=$line$'\n'
	if [[ $got =~ ^($want)$ && $why =~ $cause && $times =~ ^$installs$ ]]; then
		pass "$fault, $moment: $want"
	else
		fail "$fault, $moment: $want" "wanted: $want, '$cause', $installs times"$'\n'"$line"$'\n'"$(tail -n 60 "$work/$i.log" "$work/$i.err" 2>/dev/null)"
	fi
done
diag "$lines"
echo "$lines" >"${VP_BUILD:-$VP_TOP/build}/log/matrix.txt"
done_testing
