# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# For system tests: TAP, a namespace, cleanups, listings. A script sources it, calls in_ns or need_root first and done_testing last;
# one that dies on its way prints no plan, and the runner counts that as a failure.
set -uo pipefail
shopt -s inherit_errexit
tests=0 cleanups=()
lib=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
VP_TOP=${VP_TOP:-$(cd "$lib/../.." && pwd)}
VP_SHARED=${VP_SHARED:-$VP_TOP/../shared}
VPROV=${VPROV:-$VP_TOP/build/vprov}
export VP_TOP VP_SHARED VPROV

# diag TEXT... : comment lines
diag() { printf '# %s\n' "${*//$'\n'/$'\n'# }"; }

# skip_all REASON
skip_all() {
	echo "1..0 # SKIP $*"
	exit 0
}

need_root() { ((EUID == 0)) || skip_all "needs root"; }

# in_ns: goes on in namespaces of its own, with the machine's /dev/kvm in sight where kvm_trap is set
in_ns() {
	[[ ${VP_NS:-} == 1 ]] && return
	need_root
	exec "$lib/ns" ${kvm_trap:+--kvm-trap} bash "$0"
}

# need_image [PACKAGE...]: the root image with these is in the cache, its kernel and ramdisk in $VP_IMAGE_DIR; before in_ns, which has no way
# to the packages
# shellcheck disable=SC2120 # suites pass them
need_image() {
	[[ ${VP_NS:-} == 1 ]] && return
	need_root
	local said
	said=$("${VP_BUILD:-$VP_TOP/build}/image" "${VP_BUILD:-$VP_TOP/build}/guest" "$VP_TOP/pxe/installer" "$@" 2>&1) || { echo "Bail out! no root image: ${said//$'\n'/ }"; exit 1; }
	export VP_IMAGE_DIR=${said##*$'\n'} VP_ROOT_IMAGE=${said%%$'\n'*}
}

# need_tiny_image [INSTALLER-DIR [MIB]]: VP_TINY is an image cache of its own, which goes with the suite, with a root image that installs and boots in
# seconds, MIB more of it to unpack
# shellcheck disable=SC2119,SC2120 # no packages; some pass none
need_tiny_image() {
	[[ ${VP_NS:-} == 1 ]] && return
	need_image
	local said
	export VP_TINY=${TMPDIR:-/tmp}/tiny
	said=$("$lib/tiny-image" "$VP_TINY" "${VP_BUILD:-$VP_TOP/build}" "${1:-$VP_TOP/pxe/installer}" "${2:-4}" 2>&1) || { echo "Bail out! no small image: ${said//$'\n'/ }"; exit 1; }
}

# The real image that suites share which want a kernel with all drivers, or UEFI: one build for all of them. A profile that asks for that kernel by a
# device (e1000, SCSI) asks for the rest by this.
# shellcheck disable=SC2034 # suites use it
real_packages="linux-image-amd64 grub-efi-amd64-bin dosfstools" \
	other_packages='<list name="packages"><string>grub-efi-amd64-bin</string><string>dosfstools</string></list>'

pass() { echo "ok $((++tests)) - $1"; }

# fail DESCRIPTION [DIAGNOSTICS]
fail() {
	echo "not ok $((++tests)) - $1"
	[[ ${2:-} ]] && diag "$2"
	return 0
}

# skip DESCRIPTION REASON
skip() { echo "ok $((++tests)) - $1 # SKIP $2"; }

# ok DESCRIPTION COMMAND... : it exits 0
ok() { exits 0 "$@"; }

# exits STATUS DESCRIPTION COMMAND... ; its output is in $output
exits() {
	local want=$1 what=$2 status=0
	shift 2
	output=$("$@" 2>&1 </dev/null) || status=$?
	if ((status == want)); then pass "$what"; else fail "$what" "exit status $status instead of $want: $*"$'\n'"$output"; fi
}

# is DESCRIPTION GOT WANT
is() { if [[ $2 == "$3" ]]; then pass "$1"; else fail "$1" "got:  $2"$'\n'"want: $3"; fi; }

# like DESCRIPTION GOT REGEX
like() { if [[ $2 =~ $3 ]]; then pass "$1"; else fail "$1" "got:         $2"$'\n'"not matched: $3"; fi; }

# cleanup COMMAND... : run at the end, the last one first
cleanup() { cleanups+=("${*@Q}"); }
run_cleanups() {
	local i
	for ((i = ${#cleanups[@]} - 1; i >= 0; i--)); do eval "${cleanups[i]}"; done
}
trap run_cleanups EXIT

# listing [DIRECTORY...] : links, addresses, routes, processes, mounts, files. Two are equal where nothing was left behind. What the kernel
# changes by itself, with a delay, is left out: carrier, link-local addresses, the MAC of a bridge that has none of its own.
# shellcheck disable=SC2120 # some pass none
listing() {
	local p l args processes=()
	for l in /sys/class/net/*; do
		p=$(readlink "$l/master")
		echo "link ${l##*/} $(($(<"$l/flags") & 1 ? 1 : 0)) mtu $(<"$l/mtu") master ${p##*/} alias $(<"$l/ifalias")"
	done
	ip -o address show scope global | awk '{ print "address", $2, $4 }'
	{ ip route show table all; ip -6 route show table all; } | sed '/fe80::\|ff00::/d; s/ linkdown//; s/^/route /' | sort -u
	for p in /proc/[0-9]*; do
		mapfile -d '' -t args 2>/dev/null <"$p/cmdline" || continue
		((${#args[@]} == 0)) || processes+=("process ${args[*]}")
	done
	printf '%s\n' "${processes[@]}" | sort
	sed 's/^[0-9]* [0-9]* [^ ]* [^ ]* \([^ ]*\) .* - \([^ ]*\) .*/mount \1 \2/' /proc/self/mountinfo | sort
	(($#)) && find "$@" -printf 'file %y %p\n' | sort
	return 0
}

# same DESCRIPTION BEFORE AFTER : two listings
same() { if [[ $2 == "$3" ]]; then pass "$1"; else fail "$1" "$(diff <(echo "$2") <(echo "$3"))"; fi; }

# wait_for SECONDS COMMAND... : until it exits 0
wait_for() {
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		((SECONDS < end)) || return 1
		sleep 0.5
	done
}

done_testing() { echo "1..$tests"; }
