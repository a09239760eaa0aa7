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
# there, which has the address; $uri is libvirt's. A test of its own. Its console stays in build/log.
start_host() {
	local kind=$1 link=$2 bridge=$3 mib=$5 machine
	host_address=$4 host_serial=${VP_BUILD:-$VP_TOP/build}/log/host-$kind.log
	mkdir -p "${host_serial%/*}"
	# TCG offers what Xen, or an old guest under it, cannot live with: SMAP at an IRET in ring 3; an intercept of RDTSCP that looks like RDTSC's;
	# state components whose size a guest does not believe.
	# shellcheck disable=SC2054 # commas of QEMU's
	machine=(-name "host-$kind" -nodefaults -display none -no-reboot -machine pc -accel tcg,thread=multi -cpu max,-smap,-rdtscp,-pku,-mpx,-xsave
		-smp 1 -m "$mib" -drive "file=$VP_HOST_DIR/disk,if=virtio,format=raw,snapshot=on,cache=unsafe"
		-netdev tap,id=n,ifname=host0,script=no,downscript=no -device virtio-net-pci,netdev=n,romfile= -device virtio-rng-pci
		-serial "file:$host_serial" -pidfile /run/host.pid -daemonize)
	local append="quiet mitigations=off host.name=$kind-host host.bridge=$bridge host.ip=$host_address/24"
	ip tuntap add host0 mode tap
	ip link set host0 master "$link" up
	if [[ $kind == xen ]]; then
		machine+=(-kernel "$VP_HOST_DIR/xen" -append "dom0_mem=1024M,max:1024M com1=115200,8n1 console=com1 noreboot bootscrub=0 spec-ctrl=no"
			-initrd "$VP_HOST_DIR/vmlinuz console=hvc0 $append,$VP_HOST_DIR/initrd")
		uri=xen+tcp://$host_address/system
	else
		machine+=(-kernel "$VP_HOST_DIR/vmlinuz" -initrd "$VP_HOST_DIR/initrd" -append "console=ttyS0 $append")
		uri=qemu+tcp://$host_address/system
	fi
	cleanup stop_host
	if qemu-system-x86_64 "${machine[@]}" && wait_for 300 host_answers; then
		pass "the $kind host boots"
	else
		fail "the $kind host boots" "$(tail -n 20 "$host_serial")"
	fi
}
host_answers() { kill -0 "$(</run/host.pid)" && timeout 15 virsh -q -c "$uri" version; }

stop_host() {
	[[ -e /run/host.pid ]] || return 0
	kill "$(</run/host.pid)" 2>/dev/null
	wait_for 10 test ! -e /run/host.pid
	ip link delete host0
}

# on_host COMMAND... : runs it there, by the shell; its output and its status
on_host() {
	local said
	said=$(printf '{ %s\n} </dev/null 2>&1\necho "[$?]"\nexit\n' "$*" | busybox nc "$host_address" 2323)
	sed '$d' <<<"$said"
	return "$(sed -n '$s/^\[\([0-9]*\)]$/\1/p' <<<"$said" | grep . || echo 255)"
}
