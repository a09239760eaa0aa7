#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 1500
# What the installer makes of disks: RAID, LVM, what is kept, what grows, what is never touched; by itself on small disks, and with LONG=1 a whole node.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
need_image mdadm lvm2
in_ns

dir=$(mktemp -d)
cleanup rm -rf "$dir"
export ASAN_OPTIONS=detect_leaks=0
# shellcheck source=tests/lib/ramdisk.sh
. "$VP_TOP/tests/lib/ramdisk.sh"

# fresh FILE MIB : a disk
fresh() {
	rm -f "$dir/$1"
	truncate -s "$2M" "$dir/$1"
}
sum() { cat "${@/#/$dir/}" | sha256sum; }

serve
small_image
fresh a 640
fresh b 640
fresh c 64
head -c 4000000 /dev/urandom | dd of="$dir/c" conv=notrunc status=none
disks=("raw:$dir/a" "raw:$dir/b")
data=$(sum c)

# layout HOME-MIB : two mirrors and a striped volume group
layout() {
	cat <<-EOF
		disk vda msdos 640
		disk vdb msdos 640
		disk vdc msdos 64
		partition vda1 1 64 bootable
		partition vda2 2 160
		partition vda3 3 0
		partition vdb1 1 64 bootable
		partition vdb2 2 160
		partition vdb3 3 0
		md md0 RAID1 0.90 64 0 vda1 vdb1
		md md1 RAID1 1.2 64 0 vda2 vdb2
		vg vg0 vda3 vdb3
		lv vg0/home vg0 home $1 64
		lv vg0/srv vg0 srv 0 0
		lv vg0/swap vg0 swap 64 0
		filesystem md1 / ext4 defaults '' format
		filesystem md0 /boot ext4 defaults '' format
		filesystem vg0/home /home ext4 defaults '' preserve
		filesystem vg0/srv /srv ext4 defaults '' format
		filesystem vg0/swap swap swap '' '' format
	EOF
}

# An earlier life: a volume group of the same name on a whole disk, an array with its superblock at the end of what will be a partition.
inside 'lvm pvcreate -q /dev/vda && lvm vgcreate -q vg0 /dev/vda && lvm lvcreate -q -L 32m -n home vg0
	dd if=/dev/vda of=/dev/vdb bs=512 seek=2048 count=64
	echo "2048,131072" | sfdisk -q /dev/vdb
	mdadm --create /dev/md7 --run --level=1 --metadata=1.0 --raid-devices=2 missing /dev/vdb1' "${disks[@]}"
install "${disks[@]}" "raw:$dir/c" < <(layout 64)
like "something else than what is to be preserved is a failure" "$outcome" "is to be preserved"
install "${disks[@]}" "raw:$dir/c" < <(layout 64 | sed s/preserve$/format/)
is "RAID and volumes are made on two disks, whatever an earlier life left there" "$outcome" acked
is "a disk of which the profile makes no use is not touched" "$(sum c)" "$data"
like "the phases are told" "$(<"$dir/events")" "partition 100.*format 100.*unpack 100.*ack 0"

see='mdadm -q --assemble /dev/md0 /dev/vda1 /dev/vdb1; mdadm -q --assemble /dev/md1 /dev/vda2 /dev/vdb2; lvm vgchange -q -ay; cat /proc/mdstat; lvm lvs --noheadings -o lv_full_name,lv_size,stripes --units m'
inside "$see; mount /dev/md1 /m && cat /m/etc/fstab /m/etc/mdadm/mdadm.conf /m/grub-install /m/boot/grub/grub.cfg; umount /m
	mount /dev/md0 /m && cat /m/grub/grub.cfg && (cpio -t </m/initrd.img-6); umount /m
	for d in vda vdb; do hexdump -n 2 -s 510 -e '/1 \"%02x\"' /dev/\$d; echo; done
	mount /dev/vg0/home /m && echo precious >/m/file; umount /m; mount /dev/vg0/srv /m && echo old >/m/file; umount /m" "${disks[@]}"
made=$output
like "both mirrors have two sides" "$made" 'md1 : active.*\[2/2\].*md0 : active.*\[2/2\]|md0 : active.*\[2/2\].*md1 : active.*\[2/2\]'
like "stripes as asked for" "$made" 'vg0/home +64.00m +2'
like "swap and srv" "$made" 'vg0/srv +[1-9][0-9]+.00m +1.*vg0/swap +64.00m +1'
like "fstab has them all by UUID" "$made" 'UUID=[^ ]+ / ext4.*UUID=[^ ]+ /boot ext4.*UUID=[^ ]+ /home ext4.*UUID=[^ ]+ /srv ext4.*UUID=[^ ]+ none swap'
like "mdadm.conf names the arrays" "$made" 'ARRAY /dev/md0 UUID=[0-9a-f:]+.*ARRAY /dev/md1 UUID='
like "the initrd has it, too" "$made" 'etc/mdadm/mdadm.conf'
like "the loader is on both disks that carry /boot" "$made" '/dev/vda.*/dev/vdb'
like "both can be booted from" "$made" $'55aa\n55aa'

install "${disks[@]}" "raw:$dir/c" < <(layout 96)
is "the same node again" "$outcome" acked
inside "$see; mount /dev/vg0/home /m && cat /m/file && df -m /m; umount /m; mount /dev/vg0/srv /m && ls /m; umount /m
	mount /dev/md1 /m && ls /m; umount /m
	lvm pvcreate -q -y -ff /dev/vdc && lvm vgcreate -q vg9 /dev/vdc" "${disks[@]}" "raw:$dir/c"
like "what is preserved is there" "$output" precious
like "it has grown, with its file system" "$output" 'vg0/home +96.00m +2.* (8[0-9]|9[0-9]) +[0-9]+ +[0-9]+ +[0-9]+% /m'
if [[ $output != *$'\nfile\n'* ]]; then pass "what is not is new"; else fail "what is not is new" "$output"; fi

before=$(sum a b c)
install "${disks[@]}" < <(layout 64)
like "what would have to shrink is a failure" "$outcome" 'partition: vg0/home is to be kept, but would have to shrink: it has 96 MiB, the profile says 64 MiB'
install "${disks[@]}" < <(layout 96 | sed 's/^partition vda2 2 160/partition vda2 2 200/')
like "so is what would have to move" "$outcome" 'vda3 is to be kept, but would have to move: it begins at 225 MiB, and what is before it needs 265 MiB'
install "${disks[@]}" "raw:$dir/c" < <(layout 96 | sed 's/ vg0 / vg9 /; s/vg0/vg9/g; s/preserve$/format/')
like "so is a volume group of the same name on a disk that is not touched" "$outcome" '/dev/vdc holds a volume group vg9 already'
install "${disks[@]}" < <({ layout 96 | sed 's/^disk vda.*/disk vda msdos 900/' && printf '%s\n' 'disk vdx gpt 10' 'partition vdx1 1 8'; })
like "so are a disk that is too small and one that is not there" "$outcome" 'disk vda has 640 MiB; the profile has one of 900 MiB; there is no disk vdx'
is "nothing was written then" "$(sum a b c)" "$before"

# Plain partitions, a table of the other kind: the last one grows with its disk, a whole data disk is kept.
fresh a 300
fresh b 64
plain() {
	cat <<-EOF
		disk vda gpt $1
		disk vdb gpt 64
		partition vda1 1 100
		partition vda2 2 0
		partition vdb1 1 0
		filesystem vda1 / ext4 defaults '' format
		filesystem vda2 /data ext4 defaults '' preserve
		filesystem vdb1 /srv ext4 defaults '' preserve
	EOF
}
install "${disks[@]}" < <(plain 300)
is "what is to be preserved is made on empty disks" "$outcome" acked
inside 'mount /dev/vda2 /m && echo precious >/m/file; umount /m; mount /dev/vda1 /m && echo old >/m/file; umount /m' "${disks[@]}"
truncate -s 400M "$dir/a"
data=$(sum b)
install "${disks[@]}" < <(plain 400)
is "a second time, on a larger disk" "$outcome" acked
is "a disk with nothing but what is preserved is not written to" "$(sum b)" "$data"
inside 'mount /dev/vda2 /m && cat /m/file && df -m /m; umount /m; mount /dev/vda1 /m && ls /m; umount /m' "${disks[@]}"
like "the partition at the end has grown with its file system" "$output" $'precious.* 2[5-9][0-9] +[0-9]+ +[0-9]+ +[0-9]+% /m'
head -c 90000000 /dev/urandom >"$dir/more/large"
small_image
install "${disks[@]}" < <(plain 400)
like "an image that does not fit: which file system, how large" "$outcome" 'unpack: the root image does not fit, vda1 \(/\) of [0-9]+ MiB is full'
is "then no disk can be booted from" "$(od -An -tx1 -j 510 -N 2 "$dir/a")" " 00 00"
rm "$dir/more/large"
small_image
install "${disks[@]}" < <(plain 400)
is "the next installation finds the table of one that failed, and keeps what it has to" "$outcome" acked
is "which still can be booted from" "$(od -An -tx1 -j 510 -N 2 "$dir/a")" " 55 aa"

[[ ${LONG:-} ]] || { done_testing; exit; }
state=$dir/state profile=$dir/node.xml node=storage.vprov.test
vprov() { "$VPROV" "$@" --state-dir "$state"; }
# shellcheck disable=SC2016 # expanded when it runs
cleanup eval 'vprov destroy -y -q -P "$node" "$node" &>/dev/null'
cp "$VP_TOP/profiles/storage.xml" "$profile"
ok "a whole node, booted from RAID" vprov apply "$profile"
diag "$output"
console=$(tr -d '\r' <"$state/console/$node.log")
if [[ ${console##*vprov: reboot} == *"Mounted"*"home.mount"* ]]; then pass "it came up from its disks"; else fail "it came up from its disks"; fi
like "status: up" "$(vprov status --json)" '"state": "(up|verified)"'
ok "it goes, its disks stay" vprov destroy -y -k -P "$node" "$node"
exits 1 "without --confirm nothing that is there is installed over" vprov apply "$profile"
like "which says what would be lost" "$output" "DESTROYS DATA"
done_testing
