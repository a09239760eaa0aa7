#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 120
# The tests' own tools: the namespaces hold what they promise, and the listings notice what is left behind.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
need_root
ns=$VP_TOP/tests/lib/ns
work=$(mktemp -d)
cleanup rm -rf --one-file-system "$work"
outside() { ip -br link; awk '{ print $5 }' /proc/self/mountinfo; uname -n; }
before=$(outside)

exits 7 "the exit status is passed on" "$ns" sh -c 'exit 7'
exits 137 "a signal, too" "$ns" sh -c 'kill -9 $$'
is "stdin as well" "$(echo hello | "$ns" cat)" hello
is "only lo, and it is up" "$("$ns" ip -br link | awk '{ print $1, $4 }')" "lo <LOOPBACK,UP,LOWER_UP>"
ok "/dev is complete, without kvm" "$ns" sh -c 'test -c /dev/net/tun && test -e /dev/fd/0 && test -c /dev/ptmx && : >/dev/null && test ! -e /dev/kvm'
if [[ -e /dev/kvm ]]; then
	ok "with --kvm-trap the machine's /dev/kvm is there" "$ns" --kvm-trap test -c /dev/kvm
else
	skip "with --kvm-trap the machine's /dev/kvm is there" "this machine has none"
fi
is "/run is fresh but for lock" "$("$ns" ls -A /run | grep -vx mount) $("$ns" ls -A /run/lock)" "lock "
is "/sys is the namespace's" "$("$ns" ls /sys/class/net)" lo
ok "ip netns works" "$ns" sh -c 'ip netns add a && ip netns exec a true'
ok "namespaces in namespaces" "$ns" "$ns" test ! -e /dev/kvm
exits 130 "SIGINT is not ignored" "$ns" sh -c 'kill -INT $$; exit 1'

# What COMMAND leaves running ends with it.
"$ns" sh -c 'sleep 4321 & ip link add br0 type bridge; hostname inside; mount -t tmpfs tmpfs /mnt' >/dev/null 2>&1
left() {
	local all=(/proc/[0-9]*/cmdline)
	grep -lzx 4321 "${all[@]}" 2>/dev/null
}
gone() { [[ ! $(left) ]]; }
wait_for 10 gone
is "nothing runs on" "$(left)" ""
# ... also when the runner's deadline ends it.
exits 124 "a deadline" timeout 1 "$ns" sh -c 'sleep 4321 & sleep 4321'
wait_for 10 gone
is "nothing runs on" "$(left)" ""

# A root directory that is no mount, as in a chroot.
root=$work/root
in_chroot() {
	# shellcheck disable=SC2016 # the inner shell expands it
	unshare --mount bash -c '
		set -e
		mount --make-rprivate /
		for d in /*; do
			case $d in
			/proc | /sys | /dev | /run) mkdir "$0$d"; mount --rbind $d "$0$d" ;;
			*) if [[ -L $d ]]; then cp -a $d "$0$d"; elif [[ -d $d ]]; then mkdir "$0$d"; mount --bind $d "$0$d"; fi ;;
			esac
		done
		exec chroot "$0" "$@"' "$root" "$@"
}
mkdir "$root"
if mountpoint -q /; then
	ok "in a chroot" in_chroot sh -c "cd '$VP_TOP/tests' && '$ns' sh -c 'test ! -e /dev/kvm && ip netns add a && ip netns exec a pwd'"
	is "the directory is kept" "$output" "$VP_TOP/tests"
else
	skip "in a chroot" "this is one, and everything above was in it"
fi
is "the machine is as before" "$(outside)" "$before"

# The listings see what is left behind.
# shellcheck disable=SC2016 # the inner shell expands it
seen=$("$ns" bash -c '. "$0"; a=$(listing /run); [[ $a == "$(listing /run)" ]] || echo unsteady
	ip link add br0 type bridge; ip address add 192.0.2.1/24 dev br0; ip link set br0 up; sleep 50 & mount -t tmpfs tmpfs /mnt; touch /run/x
	diff <(echo "$a") <(listing /run)' "$VP_TOP/tests/lib/tap.sh" | sed -n 's/^> \([a-z]*\) .*/\1/p' | sort -u | xargs)
is "every kind of leftover is listed" "$seen" "address file link mount process route"
done_testing
