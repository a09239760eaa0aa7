# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=dash
#
# Part of the installer. Makes what look.sh has found to be made: partition tables, arrays, volume groups and volumes, file systems.

# The machine has no udev: LVM makes its own device nodes, and asks nobody which disks there are
lvm_conf() {
	mkdir -p /etc/lvm
	cat >/etc/lvm/lvm.conf <<-EOF
		devices {
			obtain_device_list_from_udev = 0
			md_component_checks = "full"
		}
		activation {
			udev_sync = 0
			udev_rules = 0
		}
		backup {
			backup = 0
			archive = 0
		}
	EOF
}

# wipe DEVICE: no signature of an earlier life at either end
wipe() {
	run dd if=/dev/zero of="/dev/$1" bs=1M count=1 conv=notrunc
	run dd if=/dev/zero of="/dev/$1" bs=512 seek=$(($(blockdev --getsz "/dev/$1") - 2048)) count=2048 conv=notrunc
}

# What was only looked at, on the disks that are written to
release() {
	for vg in $VGS; do
		! has "$KEEP" "$vg" || ! written "$vg" || lvm vgchange -an "$vg" >>"$LOG" 2>&1
	done
	while read -r md _; do
		[ ! -b "/dev/$md" ] || ! written "$md" || mdadm --stop "/dev/$md" >>"$LOG" 2>&1
	done <"$W/mds"
}

# --- partitions ------------------------------------------------------------------

# What a partition is for, as sfdisk calls it
purpose() {
	if [ "$1" = "$ESP" ]; then
		echo U
		return
	fi
	case $(awk -v d="$1" '$1 == d { print $2; exit }' "$W/filesystems") in
	swap)
		echo S
		return
		;;
	?*)
		echo L
		return
		;;
	esac
	user=$(awk -v d="$1" '{ for (i = 2; i <= NF; i++) if ($i == d) print $1 }' "$W/made-of")
	if has "$VGS" "$user"; then echo V; elif [ -n "$user" ]; then echo R; else echo L; fi
}

# write_table DISK LABEL
write_table() {
	{
		if [ "$2" = gpt ]; then
			printf 'label: gpt\nlabel-id: %s\nfirst-lba: 34\n' "$(fs_uuid "$1")"
			echo "128 : start=34, size=2014, type=$(gap_type)"
		else
			printf 'label: dos\nlabel-id: 0x%s\n' "$(fs_uuid "$1" | cut -c1-8)"
		fi
		while read -r name number start size flag; do
			[ "$size" = 0 ] && size='' || size="size=$size, "
			[ "$flag$2" = bootablemsdos ] && flag=', bootable' || flag=''
			echo "$number : start=$start, ${size}type=$(purpose "$name")$flag"
		done <"$W/table.$1"
	} >/run/sfdisk
	cat /run/sfdisk >>"$LOG"
	run sfdisk --quiet --wipe never --wipe-partitions never "/dev/$1" </run/sfdisk
}

# make_disk DISK LABEL: a partition table with a first sector that sends the BIOS on to the next boot device (int 18h) and
# carries no signature
make_disk() {
	has "$WRITE" "$1" || return 0
	has "$KEPT" "$1" || wipe "$1"
	[ -s "$W/table.$1" ] || return 0
	same_table "$1" "$2" || write_table "$1" "$2"
	run unsign "$1"
	printf '\315\030' | run dd of="/dev/$1" bs=1 count=2 conv=notrunc
	DISKS="$DISKS $1:$2"
	while read -r name _; do
		has "$KEPT" "$name" || wipe "$name"
	done <"$W/table.$1"
}

# --- arrays and volumes ----------------------------------------------------------

# create_md NAME LEVEL METADATA CHUNK-KIB SPARES PART...
create_md() {
	name=$1 level=$(echo "$2" | tr '[:upper:]' '[:lower:]') metadata=$3 chunk=$4 spares=$5
	shift 5
	# What was never written need not be equal on both sides: to copy it would fill sparse images, and the first minutes.
	case $level in
	raid1) chunk=--assume-clean ;;
	raid10) chunk="--assume-clean --chunk=$chunk" ;;
	*) chunk="--chunk=$chunk" ;;
	esac
	[ "$spares" = 0 ] || chunk="$chunk --spare-devices=$spares"
	# shellcheck disable=SC2086 # options
	run mdadm --create "/dev/$name" --run --quiet --level="$level" --metadata="$metadata" --uuid="$(fs_uuid "$name" | tr -d -)" \
		--homehost="$HOST" --raid-devices=$(($# - spares)) $chunk "$@"
	wipe "$name"
}

make_md() {
	written "$1" || return 0
	parts=$(for part in $(parts_of "$1"); do echo "/dev/$part"; done)
	# shellcheck disable=SC2086 # lists
	if has "$KEPT" "$1"; then run mdadm --assemble --run "/dev/$1" $parts; else create_md "$@" $parts; fi
}

# An identifier as LVM writes it
pv_uuid() {
	fs_uuid "$1" | tr -d - | sed 's/^\(.\{6\}\)\(.\{4\}\)\(.\{4\}\)\(.\{4\}\)\(.\{4\}\)\(.\{4\}\)/\1-\2-\3-\4-\5-\6-/'
}

make_vg() {
	written "$1" || return 0
	for part in $(parts_of "$1"); do
		if has "$KEPT" "$1" && [ "$(group_of "$part")" = "$1" ]; then
			! has "$GROWN" "$part" || run lvm pvresize "/dev/$part"
			continue
		fi
		run lvm pvcreate -ff -y --norestorefile --uuid "$(pv_uuid "$part")" "/dev/$part"
		if [ -n "$(lvm_value vgs vg_name "vg_name=$1")" ]; then
			run lvm vgextend "$1" "/dev/$part"
		else
			run lvm vgcreate -y "$1" "/dev/$part"
		fi
	done
	for lv in $(lvm_value lvs lv_name "vg_name=$1"); do
		has "$KEPT" "$1/$lv" || run lvm lvremove -y "$1/$lv"
	done
	run lvm vgchange -ay "$1"
}

# room VG MIB: a clear word where it is missing
room() {
	free=$(lvm_value vgs vg_free "vg_name=$1")
	[ "${free%.*}" -ge "$2" ] || fail "volume group $1 has $free MiB left; $3 takes $2 MiB"
}

# make_lv DEVICE GROUP NAME MIB STRIPE-KIB
make_lv() {
	written "$2" || return 0
	stripes=$(parts_of "$2" | wc -l)
	[ "$5" != 0 ] && [ "$stripes" -gt 1 ] && stripes="-i $stripes -I ${5}k" || stripes=''
	# shellcheck disable=SC2086 # options
	if ! has "$KEPT" "$1"; then
		room "$2" "$4" "$1"
		if [ "$4" = 0 ]; then size='-l 100%FREE'; else size="-L ${4}m"; fi
		run lvm lvcreate -y -n "$3" $size $stripes "$2"
		wipe "$1"
	elif has "$GROWN" "$1"; then
		if [ "$4" = 0 ]; then size='-l +100%FREE'; else size="-L ${4}m"; fi
		run lvm lvextend $size "$1"
	fi
}

# Those that take the rest come last
make_volumes() {
	while read -r name level metadata chunk spares; do
		make_md "$name" "$level" "$metadata" "$chunk" "$spares"
	done <"$W/mds"
	for vg in $VGS; do
		make_vg "$vg"
	done
	for rest in no yes; do
		while read -r dev vg name mib stripe; do
			[ "$rest" = "$([ "$mib" = 0 ] && echo yes || echo no)" ] || continue
			make_lv "$dev" "$vg" "$name" "$mib" "$stripe"
		done <"$W/lvs"
	done
}

partition_all() {
	phase partition 0
	DISKS=''
	[ ! -x /usr/sbin/lvm ] || lvm_conf
	want
	check_storage
	release
	while read -r disk label _; do
		make_disk "$disk" "$label"
	done <"$W/disks"
	make_volumes
	phase partition 100
}

# --- file systems ----------------------------------------------------------------

# make_fs DEVICE MOUNTPOINT TYPE OPTIONS LABEL
make_fs() {
	has "$MAKE" "$1" || return 0
	dev=/dev/$1 id=$(fs_uuid "$1")
	[ -b "$dev" ] || fail "there is no device $1"
	case $3 in
	swap) run /usr/sbin/mkswap -U "$id" ${5:+-L "$5"} "$dev" ;;
	ext2 | ext3 | ext4) run /usr/sbin/mke2fs -q -F -t "$3" -U "$id" -E "hash_seed=$id" ${5:+-L "$5"} "$dev" ;;
	xfs)
		[ -x /usr/sbin/mkfs.xfs ] || fail "$1: the root image has no mkfs.xfs; it takes the package xfsprogs"
		run /usr/sbin/mkfs.xfs -q -f -m "uuid=$id" ${5:+-L "$5"} "$dev"
		;;
	*) fail "no idea how to make a file system of type '$3' on $1" ;;
	esac
}

# Of what is kept, only where the root image has files is written to
filled() {
	case $1 in
	/ | /boot | /etc | /opt | /root | /usr | /usr/* | /var | /var/cache | /var/lib | /var/log | /var/spool) return 0 ;;
	esac
	return 1
}

# mount_fs DEVICE MOUNTPOINT TYPE ...: those whose mount point has $DEPTH slashes
mount_fs() {
	[ "$3" != swap ] || return 0
	slashes=$(printf %s "${2%/}" | tr -dc / | wc -c)
	[ "$slashes" -eq "$DEPTH" ] || return 0
	mkdir -p "$T$2"
	has "$MAKE" "$1" || filled "$2" || return 0
	run mount -t "$3" "/dev/$1" "$T$2"
}

mount_all() {
	mkdir -p "$T"
	for DEPTH in 0 1 2 3 4 5 6 7 8; do
		each filesystem mount_fs
		[ "$DEPTH" -gt 0 ] || grep -q " $T " /proc/mounts || fail "the profile has no file system for /"
	done
}

format_all() {
	phase format 0
	each filesystem make_fs
	mount_all
	phase format 100
}

# grow_fs DEVICE MOUNTPOINT TYPE ...: one that is kept, on something that has become larger; with the image's own tools
grow_fs() {
	! has "$MAKE" "$1" && has "$GROWN" "$1" && [ "$3" != swap ] || return 0
	mkdir -p "$T$2"
	grep -q "^/dev/$1 $T$2 " /proc/mounts || run mount -t "$3" "/dev/$1" "$T$2"
	export LD_LIBRARY_PATH="$T/usr/lib/x86_64-linux-gnu"
	case $3 in
	ext*) run "$T/usr/sbin/resize2fs" "/dev/$1" ;;
	xfs) run "$T/usr/sbin/xfs_growfs" "$T$2" ;;
	esac
	unset LD_LIBRARY_PATH
}

# --- the installed system ----------------------------------------------------------

# Arrays get the names of the profile, in the initrd already; the next one that the system makes takes them from the file
mdadm_conf() {
	[ -s "$W/mds" ] || return 0
	mkdir -p "$T/etc/mdadm" /run/initrd/etc/mdadm
	while read -r md _; do
		echo "ARRAY /dev/$md UUID=$(mdadm --detail --export "/dev/$md" | sed -n 's/^MD_UUID=//p')"
	done <"$W/mds" >"$T/etc/mdadm/mdadm.conf"
	cp "$T/etc/mdadm/mdadm.conf" /run/initrd/etc/mdadm/
	for initrd in "$T"/boot/initrd.img-*; do
		# An archive begins at a multiple of four.
		size=$(wc -c <"$initrd")
		head -c $((-size & 3)) /dev/zero >>"$initrd"
		(cd /run/initrd && find . | cpio -o -H newc) >>"$initrd" 2>>"$LOG" || fail "$initrd could not be written"
	done
}

# What the installation has opened; after the file systems are unmounted
close_volumes() {
	for vg in $VGS; do
		if written "$vg" || has "$KEPT" "$vg"; then run lvm vgchange -an "$vg"; fi
	done
	while read -r md _; do
		[ ! -b "/dev/$md" ] || run mdadm --stop "/dev/$md"
	done <"$W/mds"
}
