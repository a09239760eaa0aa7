# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=dash
#
# Part of the installer. What the profile wants on the disks, what is there, what of it stays. All of that is known, and what
# is wrong with it told, before anything is written: an installation that cannot keep what it has to keep leaves everything.
#
# Tables below $W, a line each:
#   disks        DISK LABEL MIB
#   partitions   DISK PARTITION NUMBER MIB FLAG
#   mds          NAME LEVEL METADATA CHUNK-KIB SPARES
#   lvs          DEVICE GROUP NAME MIB STRIPE-KIB
#   filesystems  DEVICE TYPE ACTION MOUNTPOINT
#   made-of      NAME PART...
#   table.DISK   PARTITION NUMBER START SIZE FLAG: as it is to be, in sectors; SIZE 0: to the end
# Lists of names, between blanks:
#   KEEP   what is to be kept where it is there, with all that it is made of; KEPT: what of it is there
#   MAKE   devices that get a file system; WRITE: disks that are written to, all others stay as they are
#   GROWN  partitions and volumes that are kept and become larger
W=/run/want

# has LIST NAME
has() {
	case " $1 " in *" $2 "*) return 0 ;; esac
	return 1
}

# wrong TEXT: a reason not to begin; all of them are told at once
wrong() {
	echo "$*" >>"$W/wrong"
}

# --- what the profile wants -----------------------------------------------------

want_disk() {
	DISKNAMES="$DISKNAMES $1"
	echo "$1 ${2:-msdos} $3" >>"$W/disks"
}

want_partition() {
	echo "$(whole "$1" "$2") $1 $2 $3 ${4:--}" >>"$W/partitions"
	echo "$1 $(whole "$1" "$2")" >>"$W/made-of"
}

want_md() {
	echo "$1 $2 $3 $4 $5" >>"$W/mds"
	name=$1
	shift 5
	echo "$name $*" >>"$W/made-of"
}

want_vg() {
	VGS="$VGS $1"
	echo "$*" >>"$W/made-of"
}

want_lv() {
	echo "$*" >>"$W/lvs"
	echo "$1 $2" >>"$W/made-of"
}

want_filesystem() {
	echo "$1 $3 $6 $2" >>"$W/filesystems"
}

# used NAME: something is made of it, or a file system is on it
used() {
	awk -v d="$1" '$1 == d { found = 1 } END { exit !found }' "$W/filesystems" || has "$PARTS" "$1"
}

parts_of() {
	awk -v d="$1" '$1 == d { for (i = 2; i <= NF; i++) print $i }' "$W/made-of"
}

# below NAME: it and all that it is made of, in one line
below() {
	printf '%s ' "$1"
	for b in $(parts_of "$1"); do
		below "$b"
	done
}

disks_of() {
	for b in $(below "$1"); do
		! has "$DISKNAMES" "$b" || echo "$b"
	done | sort -u
}

# Whether it lies, also in part, on a disk that is written to
written() {
	for disk in $(disks_of "$1"); do
		! has "$WRITE" "$disk" || return 0
	done
	return 1
}

mountpoint_of() {
	awk -v d="$1" '$1 == d { sub(/^[^ ]* [^ ]* [^ ]* /, ""); print; exit }' "$W/filesystems"
}

want() {
	DISKNAMES='' VGS='' PARTS=''
	mkdir -p "$W"
	for table in disks partitions mds lvs filesystems made-of wrong; do
		: >"$W/$table"
	done
	for kind in disk partition md vg lv filesystem; do
		each $kind want_$kind
	done
	PARTS=$(sed 's/^[^ ]* //' "$W/made-of" | tr '\n' ' ')
	[ ! -s "$W/mds" ] || [ -x /usr/sbin/mdadm ] || fail "the root image has no mdadm"
	[ -z "$VGS" ] || [ -x /usr/sbin/lvm ] || fail "the root image has no lvm2"
}

# --- what is there ---------------------------------------------------------------

# bytes DEVICE FIRST COUNT, in hexadecimal
bytes() {
	dd if="/dev/$1" bs=1 skip="$2" count="$3" 2>/dev/null | hexdump -v -e '/1 "%02x"'
}

blank() {
	[ "$(dd if="/dev/$1" bs=1M count=1 2>/dev/null | tr -d '\0' | wc -c)" = 0 ]
}

# tag UUID|TYPE DEVICE: of what is on it
tag() {
	/usr/sbin/blkid -p -s "$1" -o value "/dev/$2"
}

# sys DEVICE size|start: in sectors
sys() {
	cat "/sys/class/block/$1/$2"
}

# An installation that was interrupted has left a table without its signature, so that no BIOS would boot from the disk
resign() {
	[ "$(bytes "$1" 0 2)" = cd18 ] && [ "$(bytes "$1" 510 2)" = 0000 ] || return 0
	SIGNED="$SIGNED $1"
	printf '\125\252' | run dd of="/dev/$1" bs=1 seek=510 count=2 conv=notrunc
	run blockdev --rereadpt "/dev/$1"
}

# Those of which the profile makes use, and only those, are looked at
look_disk() {
	used "$1" || return 0
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		[ -b "/dev/$1" ] && break
		sleep 1
	done
	if [ ! -b "/dev/$1" ]; then
		wrong "there is no disk $1; the profile has one of $3 MiB"
	elif [ $(($(sys "$1" size) / 2048)) -lt "$3" ]; then
		wrong "disk $1 has $(($(sys "$1" size) / 2048)) MiB; the profile has one of $3 MiB"
	else
		USED="$USED $1"
		! blank "$1" || BLANK="$BLANK $1"
		resign "$1"
	fi
}

# md_value KEY DEVICE: of the superblock of a part of an array
md_value() {
	mdadm --examine --export "/dev/$2" 2>/dev/null | sed -n "s/^MD_$1=//p"
}

look_md() {
	found='' lacking='' array=''
	has "$KEEP" "$1" || return 0
	for part in $(parts_of "$1"); do
		id=$(md_value UUID "$part")
		if [ -n "$id" ] && [ "${array:-$id}" = "$id" ]; then
			array=$id level=$(md_value LEVEL "$part") found="$found /dev/$part"
		else
			lacking="$lacking $part"
		fi
	done
	[ -n "$found" ] || return 0
	[ -z "$lacking" ] || wrong "$1 is to be kept, but is not on$lacking"
	[ "$level" = "$(echo "$2" | tr '[:upper:]' '[:lower:]')" ] || wrong "$1 is to be kept, but is $level; the profile says $2"
	# shellcheck disable=SC2086 # a list
	mdadm --assemble --readonly "/dev/$1" $found >>"$LOG" 2>&1 || wrong "$1 is to be kept, but cannot be assembled"
}

# lvm_value COMMAND FIELD SELECTION: sizes in MiB
lvm_value() {
	lvm "$1" --noheadings --nosuffix --units m -o "$2" -S "$3" 2>>"$LOG" | sed 's/^ *//; s/\.00$//; s/ *$//'
}

# The group that a part is in
group_of() {
	lvm pvs --noheadings -o vg_name "/dev/$1" 2>/dev/null | tr -d ' '
}

look_vg() {
	has "$KEEP" "$1" || return 0
	case $(lvm_value vgs vg_uuid "vg_name=$1" | wc -l) in
	0) return 0 ;;
	1) ;;
	*) wrong "volume group $1 is to be kept, but there are several of that name" ;;
	esac
	parts=$(for part in $(parts_of "$1"); do readlink -f "/dev/$part"; done | tr '\n' ' ')
	for pv in $(lvm_value pvs pv_name "vg_name=$1"); do
		has "$parts" "$(readlink -f "$pv")" || wrong "volume group $1 is to be kept, but is also on $pv, which the profile does not give it"
	done
	lvm vgchange -ay "$1" >>"$LOG" 2>&1 || wrong "volume group $1 is to be kept, but cannot be activated"
}

note_keep() {
	while read -r dev _ action _; do
		[ "$action" = format ] || KEEP="$KEEP $(below "$dev")"
	done <"$W/filesystems"
}

# What is there of what is to be kept
look() {
	USED='' BLANK='' KEEP=''
	note_keep
	while read -r disk label mib; do
		look_disk "$disk" "$label" "$mib"
	done <"$W/disks"
	while read -r name level _; do
		look_md "$name" "$level"
	done <"$W/mds"
	for vg in $VGS; do
		look_vg "$vg"
	done
}

# --- what stays ------------------------------------------------------------------

# decide DEVICE TYPE ACTION MOUNTPOINT
decide() {
	is=''
	if [ "$3" = format ]; then
		MAKE="$MAKE $1"
		return
	fi
	[ ! -b "/dev/$1" ] || is=$(tag TYPE "$1")
	if [ "$is" = "$2" ]; then
		KEPT="$KEPT $(below "$1")"
	elif [ -n "$is" ]; then
		wrong "$1 ($4) is to be preserved as $2, but holds $is"
	elif [ "$3" = keep ]; then
		wrong "$1 ($4) is not to be formatted, but there is no file system on it"
	elif [ -b "/dev/$1" ] && ! blank "$1"; then
		wrong "$1 ($4) is to be preserved, but there is no file system on it"
	else
		ABSENT="$ABSENT $1"
	fi
}

# What is to be preserved and not there is made on disks that are empty, or beside something that is preserved
absent() {
	for disk in $(disks_of "$1"); do
		has "$BLANK $KEPT" "$disk" || ! has "$USED" "$disk" ||
			wrong "$1 ($(mountpoint_of "$1")) is to be preserved, but is not on $disk, which holds other things"
	done
	MAKE="$MAKE $1"
}

# What has no file system by the profile stays beside what is kept
decide_unused() {
	while read -r disk name _; do
		! has "$KEPT" "$disk" || used "$name" || [ ! -b "/dev/$name" ] || KEPT="$KEPT $name"
	done <"$W/partitions"
	while read -r name vg _; do
		! has "$KEPT" "$vg" || used "$name" || [ ! -b "/dev/$name" ] || KEPT="$KEPT $name"
	done <"$W/lvs"
}

# place PARTITION MIB: where it is to be, from $POS on
place() {
	start=$POS size=$(($2 * 2048))
	has "$KEPT" "$1" || return 0
	start=$(sys "$1" start) had=$(sys "$1" size)
	[ "$start" -ge "$POS" ] || wrong "$1 is to be kept, but would have to move: it begins at $((start / 2048)) MiB, and what is before it needs $((POS / 2048)) MiB"
	if [ "$2" = 0 ]; then
		if [ $((END - start - had)) -gt 4096 ]; then GROWN="$GROWN $1"; else size=$had; fi
	elif [ "$size" -lt "$had" ]; then
		wrong "$1 is to be kept, but would have to shrink: it has $((had / 2048)) MiB, the profile says $2 MiB"
	elif [ "$size" -gt "$had" ]; then
		GROWN="$GROWN $1"
	fi
}

# layout DISK: its partitions one after the other, those that are kept where they are
layout() {
	POS=2048 END=$(sys "$1" size)
	while read -r disk name number mib flag; do
		[ "$disk" = "$1" ] || continue
		place "$name" "$mib"
		echo "$name $number $start $size $flag"
		POS=$((start + size))
	done <"$W/partitions" >"$W/table.$1"
	[ "$POS" -le "$END" ] || wrong "disk $1 has $((END / 2048)) MiB; its partitions end at $((POS / 2048)) MiB"
}

label_of() {
	sfdisk --dump "/dev/$1" 2>/dev/null | sed -n 's/^label: //p' | sed 's/dos/msdos/'
}

# same_table DISK LABEL: what is there is what is to be
same_table() {
	[ "$(label_of "$1")" = "$2" ] || return 1
	parts=0
	while read -r name _ start size _; do
		[ -e "/sys/class/block/$name" ] && [ "$(sys "$name" start)" = "$start" ] || return 1
		[ "$size" = 0 ] || [ "$(sys "$name" size)" = "$size" ] || return 1
		! has "$GROWN" "$name" || return 1
		parts=$((parts + 1))
	done <"$W/table.$1"
	[ "$2" != gpt ] || parts=$((parts + 1))
	[ "$(find "/sys/block/$1/" -name partition | wc -l)" = $parts ]
}

# settle DISK LABEL: whether it is written to
settle() {
	if has "$MADE_ON $BLANK" "$1"; then
		WRITE="$WRITE $1"
	elif [ -s "$W/table.$1" ] && ! same_table "$1" "$2"; then
		WRITE="$WRITE $1"
		has "$KEPT" "$1" || wrong "disk $1 has other partitions than the profile, and no file system is made on it: it is not emptied for nothing"
	fi
	! has "$KEPT" "$1" || [ ! -s "$W/table.$1" ] || [ "$(label_of "$1")" = "$2" ] ||
		wrong "disk $1 is to be kept, but has a partition table of type $(label_of "$1"), and the profile says $2"
}

# Software RAID has its superblock at one of the ends
check_grown() {
	for name in $GROWN; do
		! awk 'NR == FNR { md[$1]; next } $1 in md' "$W/mds" "$W/made-of" | grep -qw "$name" || wrong "$name is to be kept as a part of an array, which cannot grow"
	done
}

# check_lv DEVICE GROUP NAME MIB: of a group that is kept; what it needs is added to $NEED, and $REST is the one that takes the rest
check_lv() {
	had=0 need=$((($4 + EXTENT - 1) / EXTENT * EXTENT))
	if has "$KEPT" "$1"; then
		had=$(lvm_value lvs lv_size "vg_name=$2 && lv_name=$3")
		[ "$4" = 0 ] || [ "$need" -ge "$had" ] || wrong "$1 is to be kept, but would have to shrink: it has $had MiB, the profile says $4 MiB"
		[ "$need" -le "$had" ] || GROWN="$GROWN $1"
		[ "$4" != 0 ] || REST=$1
	fi
	[ "$need" -gt "$had" ] || need=$had
	NEED=$((NEED + need))
}

# room_of PARTITION DISK: once it has joined a group, or a little less
room_of() {
	while read -r name _ start size _; do
		[ "$name" = "$1" ] || continue
		[ "$size" != 0 ] || size=$(($(sys "$2" size) - start))
		echo $((size / 2048 - 8))
		return
	done <"$W/table.$2"
	echo 0
}

check_vg() {
	has "$KEPT" "$1" || return 0
	NEED=0 REST='' EXTENT=$(lvm_value vgs vg_extent_size "vg_name=$1") room=$(lvm_value vgs vg_size "vg_name=$1")
	while read -r dev vg name mib _; do
		[ "$vg" != "$1" ] || check_lv "$dev" "$vg" "$name" "$mib"
	done <"$W/lvs"
	for part in $(parts_of "$1"); do
		if [ "$(group_of "$part")" != "$1" ]; then
			room=$((room + $(room_of "$part" "$(disks_of "$part" | head -n 1)"))) GROWN="$GROWN $1"
		elif has "$GROWN" "$part"; then
			room=$((room + $(room_of "$part" "$(disks_of "$part")") - $(sys "$part" size) / 2048))
		fi
	done
	[ "$NEED" -le "$room" ] || wrong "volume group $1 is to be kept, and has $room MiB; its volumes need $NEED MiB"
	[ -z "$REST" ] || [ $((room - NEED)) -lt "$EXTENT" ] || GROWN="$GROWN $REST"
}

# A group or an array of the same name from an earlier life, on a disk that stays as it is, would be taken for ours
check_stale() {
	for vg in $VGS; do
		! has "$KEPT" "$vg" || continue
		for pv in $(lvm_value pvs pv_name "vg_name=$vg"); do
			stale "${pv#/dev/}" || ! written "$vg" || wrong "$pv holds a volume group $vg already, and is not written to: the profile cannot make another one"
		done
	done
	while read -r md _; do
		id=$(fs_uuid "$md" | tr -d -)
		for sys in /sys/class/block/*; do
			has "$KEPT" "$md" || stale "${sys##*/}" || [ "$(md_value UUID "${sys##*/}" | tr -d :)" != "$id" ] ||
				wrong "${sys##*/} holds a part of an earlier $md, and is not written to"
		done
	done <"$W/mds"
}

# Whether what is on it goes
stale() {
	disk=$1
	[ ! -e "/sys/class/block/$1/partition" ] || disk=$(basename "$(dirname "$(readlink -f "/sys/class/block/$1")")")
	has "$WRITE" "$disk" || [ "$(cat "/sys/class/block/$disk/size" 2>/dev/null || echo 0)" = 0 ]
}

# What is made, grown, booted from, or filled from the image lies on disks that are written to
note_written() {
	while read -r dev _ _ mountpoint; do
		! has "$KEPT" "$dev" || ! filled "$mountpoint" || MADE_ON="$MADE_ON $(disks_of "$dev" | tr '\n' ' ')"
	done <"$W/filesystems"
	for dev in $MAKE $GROWN $(boot_device); do
		MADE_ON="$MADE_ON $(disks_of "$dev" | tr '\n' ' ')"
	done
}

decide_all() {
	KEPT='' MAKE='' ABSENT=''
	while read -r dev type action mountpoint; do
		decide "$dev" "$type" "$action" "$mountpoint"
	done <"$W/filesystems"
	for dev in $ABSENT; do
		absent "$dev"
	done
	decide_unused
}

# Nothing is written before all of this has been found good
check_storage() {
	WRITE='' GROWN='' MADE_ON=''
	look
	decide_all
	for disk in $USED; do
		layout "$disk"
	done
	check_grown
	for vg in $VGS; do
		check_vg "$vg"
	done
	note_written
	while read -r disk label _; do
		! has "$USED" "$disk" || settle "$disk" "$label"
	done <"$W/disks"
	[ -s "$W/wrong" ] || check_stale
	say "kept:$(for d in $KEPT; do echo " $d"; done | sort -u | tr -d '\n'); written to:$WRITE"
	if [ -s "$W/wrong" ]; then
		release
		fail "$(awk '{ printf "%s%s", sep, $0; sep = "; " }' "$W/wrong")"
	fi
}

# Where the boot loader finds its files
boot_device() {
	for point in /boot /; do
		awk -v p="$point" '$4 == p && NF == 4 { print $1; found = 1 } END { exit !found }' "$W/filesystems" && return
	done
	fail "the profile has no file system for /"
}
