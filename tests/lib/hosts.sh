# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Real hypervisors for system tests: the machine of tests/hosts under QEMU, its network card on a bridge of the test's namespace.
# Needs tap.sh before it.

# need_host : the machine is in the cache, its directory in $VP_HOST_DIR; before in_ns, which has no way to the packages
need_host() {
	[[ ${VP_NS:-} == 1 ]] && return
	need_root
	local said
	said=$("$VP_TOP/tests/hosts/build" 2>&1) || { echo "Bail out! no test host: ${said//$'\n'/ }"; exit 1; }
	export VP_HOST_DIR=${said##*$'\n'}
}

# start_host xen|kvm LINK BRIDGE ADDRESS MIB : boots it as such a hypervisor, its network card on the bridge LINK of this namespace and on BRIDGE in
# there, which has the address; $uri is libvirt's. A test of its own. Its console stays in build/log. One of each kind may run.
start_host() {
	local kind=$1 link=$2 bridge=$3 mib=$5 machine
	host_address=$4 host_serial=${VP_BUILD:-$VP_TOP/build}/log/host-$kind.log
	mkdir -p "${host_serial%/*}"
	# TCG offers what Xen, or an old guest under it, cannot live with: SMAP at an IRET in ring 3; an intercept of RDTSCP that looks like RDTSC's;
	# state components whose size a guest does not believe. And what makes it slow: a fifth level of page tables, walked for each level of a guest's
	# own; copies byte by byte.
	# shellcheck disable=SC2054 # commas of QEMU's
	machine=(-name "host-$kind" -nodefaults -display none -no-reboot -machine pc -accel tcg,thread=multi -cpu max,-smap,-rdtscp,-pku,-mpx,-xsave,-la57,-erms
		-smp 1 -m "$mib" -drive "file=$VP_HOST_DIR/disk,if=virtio,format=raw,snapshot=on,cache=unsafe"
		-netdev "tap,id=n,ifname=host-$kind,script=no,downscript=no" -device "virtio-net-pci,netdev=n,romfile=,mac=52:54:00:00:00:0${host_address##*.}" -device virtio-rng-pci
		-serial "file:$host_serial" -pidfile "/run/host-$kind.pid" -daemonize)
	local append="quiet mitigations=off host.name=$kind-host host.bridge=$bridge host.ip=$host_address/24"
	ip tuntap add "host-$kind" mode tap
	ip link set "host-$kind" master "$link" up
	if [[ $kind == xen ]]; then
		machine+=(-kernel "$VP_HOST_DIR/xen" -append "dom0_mem=1024M,max:1024M com1=115200,8n1 console=com1 noreboot bootscrub=0 spec-ctrl=no"
			-initrd "$VP_HOST_DIR/vmlinuz console=hvc0 $append,$VP_HOST_DIR/initrd")
		uri=xen+tcp://$host_address/system
	else
		machine+=(-kernel "$VP_HOST_DIR/vmlinuz" -initrd "$VP_HOST_DIR/initrd" -append "console=ttyS0 $append")
		uri=qemu+tcp://$host_address/system
	fi
	cleanup stop_host "$kind"
	if qemu-system-x86_64 "${machine[@]}" && wait_for 300 host_answers "$kind"; then
		pass "the $kind host boots"
	else
		fail "the $kind host boots" "$(tail -n 20 "$host_serial")"
	fi
}
host_answers() { kill -0 "$(<"/run/host-$1.pid")" && timeout 30 virsh -q -c "$uri" list; }

stop_host() {
	[[ -e /run/host-$1.pid ]] || return 0
	kill "$(<"/run/host-$1.pid")" 2>/dev/null
	wait_for 10 test ! -e "/run/host-$1.pid"
	ip link delete "host-$1"
}

# on_host COMMAND... : runs it there, by the shell; its output and its status
on_host() {
	local said
	said=$(printf '{ %s\n} </dev/null 2>&1\necho "[$?]"\nexit\n' "$*" | busybox nc "$host_address" 2323)
	sed '$d' <<<"$said"
	return "$(sed -n '$s/^\[\([0-9]*\)]$/\1/p' <<<"$said" | grep . || echo 255)"
}

# --- A site with one such host: nodes are installed on it from this namespace ---

# site xen|kvm MIB : the host, on a network that this namespace serves
site() {
	dir=$(mktemp -d) && chmod 755 "$dir"
	cleanup rm -rf "$dir"
	state=$dir/state
	export ASAN_OPTIONS=detect_leaks=0 VPROV_CACHE=$VP_TINY
	ip link add lan0 type bridge
	ip address add 10.94.17.1/24 dev lan0
	ip link set lan0 up
	# It is not the hardware that vprov takes it for; and each character on the emulated serial port of a Xen-HVM guest takes it a millisecond.
	{ echo 'deadline = 1200'; echo 'kernel_args = quiet'; printf 'deadlines/%s = 1200\n' power dhcp loader kernel initrd config partition packages post ack reboot disk; } >"$dir/conf"
	start_host "$1" lan0 vprov0 10.94.17.2 "$2"
}
vprov() { "$VPROV" "$@" --state-dir "$state" --connect "$uri" --config "$dir/conf"; }
there() { virsh -q -c "$uri" "$@"; }
sql() { sqlite3 -cmd '.timeout 5000' "$state/vprov.db" "$@"; }
console() { tr -d '\r' <"$state/console/$1.vprov.test.log"; }

# profile NAME IP VIRT : its disk on the bus $bus, where that is set, which takes a kernel with all drivers
profile() {
	sed "s/>quickstart</>$1</; s/10\.94\.17\.10</$2</; s/>kvm</>$3</; s/>1024</>512</; s/>4096</>1024</; s/\(name=\"enabled\">\)true/\1false/; s/\(disk_mib\">\)1280/\164/
		s|<nlist name=\"vprov\">|&<nlist name=\"disk\"><string name=\"format\">raw</string>${bus:+<string name=\"bus\">$bus</string>}</nlist>${bus:+$other_packages}|" \
		"$VP_TOP/profiles/quickstart.xml" >"$dir/$1.xml"
}

# what_is_there : all that a node could leave
what_is_there() {
	there list --all
	there pool-list --all
	on_host 'ls /var/lib /var/lib/libvirt/images; ip -br link'
}

# installed NAME IP VIRT : such a node from nothing to its disk
installed() {
	local node=$1.vprov.test
	profile "$@"
	before=$(what_is_there)
	exits 3 "$3: plan" vprov plan --exit-code "$dir/$1.xml"
	same "$3: which makes nothing there" "$(what_is_there)" "$before"
	ok "$3: apply installs and boots it" vprov apply "$dir/$1.xml"
	# shellcheck disable=SC2154 # tap.sh sets it
	diag "$output"
	like "$3: the installer was there, then the disk's system" "$(console "$1")" "vprov: unpack 0.*vprov: reboot.*$1 login:"
	is "$3: installed once, and up" "$(sql "SELECT installs, life, health FROM node WHERE name = '$node'")" "1|9|0"
	exits 0 "$3: a second plan is empty" vprov plan --exit-code "$dir/$1.xml"
}

# changed NAME VIRT SED WHAT : it runs on, with what that makes of its profile, and back
changed() {
	cp "$dir/$1.xml" "$dir/as-it-was"
	sed -i "$3" "$dir/$1.xml"
	exits 3 "$2: a change of the running guest" vprov plan --exit-code "$dir/$1.xml"
	like "$2: which is made at once" "$output" "\[live\].*live: $4"
	ok "$2: apply" vprov apply "$dir/$1.xml"
	exits 0 "$2: a second plan is empty" vprov plan --exit-code "$dir/$1.xml"
	diag "$output"
	is "$2: nothing is pending" "$output" "nothing to do"
	cp "$dir/as-it-was" "$dir/$1.xml"
	ok "$2: and back" vprov apply "$dir/$1.xml"
	diag "$output"
	exits 0 "$2: which is all, too" vprov plan --exit-code "$dir/$1.xml"
}
# shellcheck disable=SC2034 # suites use it
more_disk='s|<nlist name="harddisks">|&<nlist name="sdb"><long name="capacity">64</long></nlist>|'

# measured NAME VIRT [VERIFY-OPTION...] : nothing is wrong with it. That the processor of its host, which has one, had to do something else as well
# has to be said, and may be.
measured() {
	local said shared status=0
	output=$(vprov verify --json "${@:3}" "$1.vprov.test" 2>&1 </dev/null) || status=$?
	diag "$output"
	said=$(sed -n '/^{/,$p' <<<"$output" | jq -r '.nodes[0].metrics[] | "\(.name) \(.verdict) \(.reason)"')
	shared='^cpu\.variates void cpu: wall clock [0-9.]+ times the CPU time: its vCPU was shared$'
	like "$2: it is measured" "$said" "^cpu\.variates (pass|void) "
	is "$2: and nothing is wrong" "$status $(grep -E ' (fail|void) ' <<<"$said" | grep -vE "$shared")" "$(grep -qE "$shared" <<<"$said" && echo 4 || echo 0) "
}

# carried NAME VIRT : the installed node goes on as that, on the host of $uri, without an installation
carried() {
	local node=$1.vprov.test log=$state/console/$1.vprov.test.log said
	exits 3 "$2: plan" vprov plan --virt "$2" --exit-code "$dir/$1.xml"
	like "$2: which says what it will be" "$output" "$node goes on as $2, was .*MAC and IP addresses stay"
	said=$(stat -c %s "$log")
	ok "$2: it goes on from the same disk" vprov apply --virt "$2" "$dir/$1.xml"
	diag "$output"
	like "$2: its system, with its files" "$(tail -c "+$((said + 1))" "$log" | tr -d '\r')" "$1: carried.*$1 login:"
	is "$2: installed once, and up" "$(sql "SELECT installs, life, health, virt, host FROM node WHERE name = '$node'")" "1|9|0|$2|$uri"
	exits 0 "$2: a second plan is empty" vprov plan --virt "$2" --exit-code "$dir/$1.xml"
}

# gone NAME VIRT
gone() {
	ok "$2: destroy" vprov destroy -y "$1.vprov.test"
	same "$2: nothing is left there" "$before" "$(what_is_there)"
}
