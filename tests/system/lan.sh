#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 4500
# The host's own network: between random networks on the real kernel, and on a guest's, which has VLANs, bonds and VLAN filtering.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
need_image
in_ns

# Side by side, for the kernel takes its time when links go.
work=$(mktemp -d)
cleanup rm -rf "$work"
seed=${LAN_SEED:-$RANDOM}
for i in {0..7}; do "$VP_BUILD/lan" 25 $((seed + i)) >"$work/$i" 2>&1 & done
wait
is "200 random networks to 200 others: equal, fewest steps, undone exactly after each step" "$(grep -c 'wrong 0$' "$work"/? | grep -c ':1$')" 8
diag "seeds from $seed on: $(tail -qn 1 "$work"/?)"
for i in {0..7}; do grep -q 'wrong 0$' "$work/$i" || diag "$((seed + i)): $(tail -n 60 "$work/$i")"; done

# --- The same program in one guest with Debian's kernel: 200 pairs there, with LONG=1, are half an hour.
guest_pairs=${LONG:+200}
guest_pairs=${guest_pairs:-6}
guest=$work/guest
mkdir -p "$guest"/{bin,dev,proc,sys,tmp,m} "$work/image"
zstd -qdc "$VP_ROOT_IMAGE" | tar -x -C "$work/image" --wildcards '*usr/lib/modules/*'
modules=$(echo "$work"/image/usr/lib/modules/*)
for m in veth bridge 8021q bonding; do grep "/$m\.ko:" "$modules/modules.dep"; done |
	awk '{ for (i = NF; i > 1; i--) print $i; sub(/:/, "", $1); print $1 }' | awk '!seen[$0]++' |
	while read -r m; do
		cp "$modules/$m" "$guest/m/"
		echo "/m/${m##*/}"
	done >"$guest/modules"
cp "$(command -v busybox)" "$guest/bin/busybox"
ln -s busybox "$guest/bin/sh"
cp "$VP_BUILD/lan" "$(command -v ip)" "$guest/bin/"
for lib in $(ldd "$VP_BUILD/lan" "$(command -v ip)" | grep -o '/lib[^ ]*' | sort -u); do
	mkdir -p "$guest${lib%/*}"
	cp -L "$lib" "$guest$lib"
done
cat >"$guest/init" <<END
#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
/bin/busybox mount -t devtmpfs dev /dev
export PATH=/bin
for m in \$(busybox cat /modules); do busybox insmod \$m max_bonds=0 2>/dev/null || busybox insmod \$m; done
lan $guest_pairs $seed
echo "status \$?"
busybox poweroff -f
END
chmod 755 "$guest/init"
(cd "$guest" && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1) >"$work/initrd"
timeout $((300 + guest_pairs * 20)) qemu-system-x86_64 -accel tcg -cpu max,-erms,-la57,-smap -m 512 -nodefaults -nographic -serial stdio -no-reboot -kernel "$VP_IMAGE_DIR/vmlinuz" -initrd "$work/initrd" \
	-append "console=ttyS0 quiet panic=1 rcupdate.rcu_expedited=1" </dev/null >"$work/console" 2>&1
like "the same with VLANs, bonds and VLAN filtering, in a guest" "$(tr -d '\r' <"$work/console")" "vlan 1 bond 1 filtering 1; wrong 0"$'\n'"status 0"
diag "$(tail -n 60 "$work/console")"
done_testing
