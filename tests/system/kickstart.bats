#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# timeout: 600
bats_require_minimum_version 1.5.0

# Kickstarts: against what AII makes of the same profiles, by shellcheck, and what %pre really does to disks.

setup() {
	cd "$VP_TOP" || exit
	export HOME=$BATS_TEST_TMPDIR
	own=tests/golden/kickstart
}

render() {
	"$VPROV" render -q --virt kvm --state-dir "$BATS_TEST_TMPDIR/state" kickstart "$1"
}

# A profile as a machine that vprov can make: fragments get what they lack (a processor, cards, a disk with a root), and hosts of Xen become guests.
# shellcheck disable=SC2016 # jq's
complete='
	(.system.network.interfaces | to_entries | map(select(.value.bonding_opts | not)) | map(.key)) as $nics
	| del(.software.components.xen, .system.enclosure)
	| .hardware.cpu //= [{cores: 1}] | .hardware.ram //= [{size: 1024}]
	| .hardware.cards.nic //= ($nics | to_entries | map({key: .value, value: {hwaddr: "52:54:00:00:00:0\(.key)", boot: (.key == 0)}}) | from_entries)
	| .hardware.harddisks //= {added: {capacity: 4000}}
	| if .system.filesystems and (.system.filesystems | all(.mountpoint != "/")) then
		.hardware.harddisks.added = {capacity: 4000} | .system.blockdevices.physical_devs.added = {label: "msdos"}
		| .system.blockdevices.partitions.added1 = {holding_dev: "added", type: "primary"}
		| .system.filesystems += [{block_device: "partitions/added1", mountpoint: "/", type: "ext3", format: true, preserve: true, mount: true}]
	  else . end'

# Addresses, names and a hash in the fragments that no machine could have.
# shellcheck disable=SC2016 # a hash
valid='s/\<1\.2\.3\.0\>/1.2.3.9/; s/\<nm\([12]\)\>/192.0.2.\1/; s/veryverysecret/$1$57qRuCXe$NPngMkg4BrLBf5hfJzJh21/'

@test "what AII makes of the sample profiles, but for listed differences" {
	[ -d "$VP_SHARED/aii-output" ] || skip "AII's output for the sample profiles is not there"
	local f dir name profile mapping n=0 seen=$BATS_TEST_TMPDIR/seen
	for f in "$VP_SHARED"/aii-output/*/*.ks-commands; do
		name=$(basename "$f" .ks-commands) dir=$(basename "$(dirname "$f")")
		[ "$dir" != unit-tests-ks ] || dir=unit-tests/quattor+aii/aii-ks
		profile=$BATS_TEST_TMPDIR/profile.json
		sed "$valid" "$VP_SHARED/profiles/$dir/$name.json" | jq "$complete" >"$profile"
		mapping=$(jq -r '[.hardware.harddisks | keys[]] | to_entries | map("vd" + ([97 + .key] | implode) + "=" + .value) | join(" ")' "$profile")
		render "$profile" >"$BATS_TEST_TMPDIR/ks" || { echo "$name is not rendered"; false; }
		tests/lib/kickstart-effects -v names="$mapping" "$BATS_TEST_TMPDIR/ks" | grep -v added1 | sort -u >"$BATS_TEST_TMPDIR/ours.all"
		grep -v '^size ' "$BATS_TEST_TMPDIR/ours.all" >"$BATS_TEST_TMPDIR/ours"
		tests/lib/kickstart-effects -v names= <(sed "$valid" "$f") | sort -u >"$BATS_TEST_TMPDIR/aii"
		diff "$BATS_TEST_TMPDIR/aii" "$BATS_TEST_TMPDIR/ours" | sed -n "s/^</-/p; s/^>/+/p" | sed "s|$| ($name)|" >>"$seen"
		# Sizes are not in AII's output: they are the profile's.
		jq -r '.system.blockdevices | (.partitions // {} | to_entries[] | select(.value.aii != false)), (.logical_volumes // {} | to_entries[])
			| "size \(.key) \(if .value.size then "\(.value.size)" + (if .value.volume_group then "M" else "" end) else "rest" end)"' "$profile" |
			grep -v added1 | sort -u >"$BATS_TEST_TMPDIR/sizes"
		diff "$BATS_TEST_TMPDIR/sizes" <(grep '^size ' "$BATS_TEST_TMPDIR/ours.all") | sed -n "s/^</- profile:/p; s/^>/+ profile:/p" | sed "s|$| ($name)|" >>"$seen"
		n=$((n + 1))
	done
	[ "$n" -ge 29 ]
	# Each difference with the list's pattern that it fits; "unlisted", "gone": nobody's, nothing's.
	awk 'FNR == NR { if (/^[-+]/) { p[++n] = $0; hit[n] = 0 } next }
		{ line = $0; sub(/ \([^(]*\)$/, "", line); found = 0
		for (i = 1; i <= n; i++) { q = p[i]; star = q ~ /\*$/; sub(/\*$/, "", q)
			if (star ? index(line, q) == 1 : line == q) { hit[i]++; found = 1; break } }
		if (!found) print "unlisted: " $0 }
		END { for (i = 1; i <= n; i++) if (!hit[i]) print "gone: " p[i] }' "$own/aii-differences" "$seen" >"$BATS_TEST_TMPDIR/verdict"
	cat "$BATS_TEST_TMPDIR/verdict"
	[ ! -s "$BATS_TEST_TMPDIR/verdict" ]
}

# scripts KICKSTART DIRECTORY: each script of it in a file of its own, also those that are written by others.
scripts() {
	mkdir -p "$2"
	awk -v dir="$2" '
		/^%(pre|post|onerror|traceback)/ { out = dir "/" ++n; if (!/--interpreter=\/bin\/bash/) exit 1; print "#!/bin/bash" >out; next }
		/^%/ { out = ""; next }
		out == "" { next }
		{ print >out }
		/<<.END_OF_POST_REBOOT.$/ { inner = dir "/" ++n; next }
		/^END_OF_POST_REBOOT$/ { inner = "" }
		inner { print >inner }' "$1"
}

@test "shellcheck finds nothing in the scripts of the goldens" {
	command -v shellcheck >/dev/null || skip "shellcheck is not installed"
	local f
	for f in "$own"/*.ks; do
		scripts "$f" "$BATS_TEST_TMPDIR/$(basename "$f")"
		[ "$(find "$BATS_TEST_TMPDIR/$(basename "$f")" -type f | wc -l)" -ge 3 ]
		shellcheck "$BATS_TEST_TMPDIR/$(basename "$f")"/*
	done
}

@test "a site's own section replaces the shipped one" {
	mkdir "$BATS_TEST_TMPDIR/templates"
	echo 'echo {{name}} of our own' >"$BATS_TEST_TMPDIR/templates/kickstart-hook-post-install.mustache"
	echo "templates = $BATS_TEST_TMPDIR/templates" >"$BATS_TEST_TMPDIR/vprov.conf"
	"$VPROV" render -q --config "$BATS_TEST_TMPDIR/vprov.conf" kickstart "$own/el5.json" >"$BATS_TEST_TMPDIR/ks"
	grep -qx 'echo el5.example.org of our own' "$BATS_TEST_TMPDIR/ks"
	diff <(grep -v 'of our own' "$BATS_TEST_TMPDIR/ks") <(render "$own/el5.json")
}

@test "what no kickstart can be made of is told by its path" {
	jq 'del(.system.aii.osinstall.ks.installtype)' "$own/el9.json" >"$BATS_TEST_TMPDIR/p.json"
	run -5 render "$BATS_TEST_TMPDIR/p.json"
	[[ $output == *"el9.example.org: no kickstart: /system/aii/osinstall/ks/installtype: says"*VP-P06* ]]
}

# --- What %pre does. Partitions are real ones, on loop devices; LVM and RAID, which containers do not have, are tools that remember. ---

# Tests run where /dev has no disks: nodes are made for those of their own.
# shellcheck disable=SC2016 # for a tool
nodes='for p in /sys/class/block/"$1"p*; do
	[ ! -e "$p/dev" ] || [ -b "/dev/${p##*/}" ] || mknod "/dev/${p##*/}" b $(tr : " " <"$p/dev")
done
for p in /dev/"$1"p*; do [ -e "/sys/class/block/${p##*/}" ] || rm -f "$p"; done'

# disk NAME GIB: a loop device, known by that name to prepare().
disk() {
	local loop
	if [ "$(id -u)" != 0 ] || ! command -v parted >/dev/null; then skip "no root, or no parted"; fi
	[ -e /dev/loop-control ] || mknod /dev/loop-control c 10 237 || skip "no device nodes can be made"
	for loop in {0..31}; do [ -e "/dev/loop$loop" ] || mknod "/dev/loop$loop" b 7 "$loop"; done
	truncate -s "$2G" "$BATS_TEST_TMPDIR/$1"
	loop=$(losetup --find --show --partscan "$BATS_TEST_TMPDIR/$1" 2>&1) || skip "no loop devices: $loop"
	loops+=("$loop")
	names+=(-e "s#/dev/$1\\([0-9]\\)#${loop}p\\1#g" -e "s#/dev/$1#$loop#g")
}

teardown() {
	local l
	for l in "${loops[@]}"; do losetup --detach "$l"; done
}

# prepare KICKSTART: its %pre as $BATS_TEST_TMPDIR/pre, for these disks, with all files in $BATS_TEST_TMPDIR.
prepare() {
	scripts "$1" "$BATS_TEST_TMPDIR/scripts"
	sed "${names[@]}" -e "s#/proc/mdstat#$BATS_TEST_TMPDIR/mdstat#g; s#/dev/pts/0#/dev/null#g; s#/dev/console#/dev/null#g" \
		-e "s#/tmp/#$BATS_TEST_TMPDIR/#g" "$BATS_TEST_TMPDIR/scripts/1" >"$BATS_TEST_TMPDIR/pre"
	mkdir -p "$BATS_TEST_TMPDIR/bin" "$BATS_TEST_TMPDIR/lvm"
	touch "$BATS_TEST_TMPDIR/mdstat"
	fakes
}

# shellcheck disable=SC2016,SC2028 # for the tools
fakes() {
	local bin=$BATS_TEST_TMPDIR/bin tool
	printf '#!/bin/bash\nPATH=${PATH#*:} parted "$@"\nstatus=$?\nset -- "$(printf "%%s\\n" "$@" | sed -n "s#^/dev/##p")"\n%s\nexit $status\n' "$nodes" >"$bin/parted"
	{
		printf '#!/bin/bash\ncd %q/lvm || exit\n' "$BATS_TEST_TMPDIR"
		echo '
		last=${!#} group=${last%%/*}
		case $1 in
		lvdisplay) [ -e "lv.${last/\//.}" ]; exit ;;
		vgdisplay) [ -e "vg.$last" ]; exit ;;
		pvs) for g in vg.*; do [ ! -e "$g" ] || while read -r pv; do echo "  $pv ${g#vg.}"; done <"$g"; done; exit ;;
		lvs) case $* in *--noheadings*) ls | sed -n "s/^lv\.$last\./  /p" ;; esac; exit ;;
		vgscan | vgchange) exit ;;
		esac
		echo "lvm $*" >>../calls
		case $1 in
		vgcreate) printf "%s\n" "${@:3}" >"vg.$2" ;;
		vgremove) rm "vg.$last" ;;
		lvcreate) while [ "$1" != -n ]; do shift; done; touch "lv.$last.$2" ;;
		lvremove) last=${last#/dev/}; rm "lv.${last/\//.}" ;;
		esac'
	} >"$bin/lvm"
	printf '#!/bin/bash\ncd %q || exit\necho "mdadm $*" >>calls\ncase $1 in --create) echo "${3##*/} : active" >>mdstat ;; --stop) sed -i "/^${2##*/} /d" mdstat ;; *) exit 1 ;; esac\n' \
		"$BATS_TEST_TMPDIR" >"$bin/mdadm"
	for tool in udevadm dmsetup; do printf '#!/bin/sh\n' >"$bin/$tool"; done
	# What is on a volume or a RAID has no device here.
	for tool in mkfs.ext3 mkfs.ext4 mkfs.xfs mkswap wipefs; do
		printf '#!/bin/bash\necho "%s $*" >>%q/calls\n[ ! -b "${!#}" ] || PATH=${PATH#*:} %s "$@"\n' "$tool" "$BATS_TEST_TMPDIR" "$tool" >"$bin/$tool"
	done
	chmod +x "$bin"/*
}

pre() {
	: >"$BATS_TEST_TMPDIR/calls"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH bash "$BATS_TEST_TMPDIR/pre" || { cat "$BATS_TEST_TMPDIR/pre-log.log"; false; }
}

# called TEXT: a tool was, with this.
called() { grep -qF -- "$1" "$BATS_TEST_TMPDIR/calls" || { echo "not called: $1"; cat "$BATS_TEST_TMPDIR/calls"; false; }; }
not_called() { ! grep -F -- "$1" "$BATS_TEST_TMPDIR/calls"; }

@test "pre: partitions where the profile has them; what is preserved stays" {
	disk vda 1
	# As in the golden, but small: all of it is read below.
	jq '.hardware.harddisks.sda.capacity = 1024 | .system.blockdevices.partitions |=
		(.sda1.size = 64 | .sda2.size = 256 | .sda5.size = 64 | .sda6.size = 128)' "$own/el5.json" >"$BATS_TEST_TMPDIR/p.json"
	render "$BATS_TEST_TMPDIR/p.json" >"$BATS_TEST_TMPDIR/ks"
	prepare "$BATS_TEST_TMPDIR/ks"
	pre
	# Start and size in MiB, kind, flags: the first at 1 MiB, each behind the one before, the logical ones behind the table that leads to them.
	parted "${loops[0]}" -s -m unit MiB print | awk -F: '/^[0-9]/ { print $1, $2, $4, $7 }' >"$BATS_TEST_TMPDIR/table"
	cat "$BATS_TEST_TMPDIR/table"
	diff "$BATS_TEST_TMPDIR/table" - <<-END
		1 1.00MiB 64.0MiB boot;
		2 65.0MiB 256MiB ;
		3 321MiB 703MiB lba;
		5 322MiB 64.0MiB ;
		6 390MiB 128MiB ;
	END
	[ "$(blkid -p -s TYPE -o value "${loops[0]}p6")" = ext3 ]
	[ "$(blkid -p -s LABEL -o value "${loops[0]}p2")" = root ]
	grep -qx 'part /data --onpart=vda6 --noformat' "$BATS_TEST_TMPDIR/vprov-storage.ks"
	# Data in both: the second time, one keeps it.
	local root kept
	kept=$(blkid -p -s UUID -o value "${loops[0]}p6") root=$(blkid -p -s UUID -o value "${loops[0]}p2")
	echo kept | debugfs -w -R 'write /dev/stdin kept' "${loops[0]}p6" 2>/dev/null
	sync
	sha256sum "${loops[0]}p6" >"$BATS_TEST_TMPDIR/sum"
	pre
	sha256sum -c "$BATS_TEST_TMPDIR/sum"
	not_called 'mkfs.ext3 -m 0'
	[ "$(blkid -p -s UUID -o value "${loops[0]}p6")" = "$kept" ]
	[ "$(blkid -p -s UUID -o value "${loops[0]}p2")" != "$root" ]
	parted "${loops[0]}" -s -m unit MiB print | awk -F: '/^[0-9]/ { print $1, $2, $4, $7 }' | diff "$BATS_TEST_TMPDIR/table" -
}

@test "pre: a disk that holds something without partitions is not touched" {
	disk vda 1
	render "$own/el5.json" >"$BATS_TEST_TMPDIR/ks"
	prepare "$BATS_TEST_TMPDIR/ks"
	mkfs.ext4 -q "${loops[0]}"
	run ! pre
	[ "$(blkid -p -s TYPE -o value "${loops[0]}")" = ext4 ]
	grep -q '^FAILED: partition' "$BATS_TEST_TMPDIR/pre-log.log"
	[ ! -e "$BATS_TEST_TMPDIR/vprov-storage.ks" ]
}

@test "pre: RAID and volumes are made once; what is preserved stays, what is not is made anew" {
	disk vda 40
	disk vdb 40
	disk vdc 100
	jq 'del(.system.aii.osinstall.ks.logging)' "$own/el6.json" >"$BATS_TEST_TMPDIR/p.json"
	render "$BATS_TEST_TMPDIR/p.json" >"$BATS_TEST_TMPDIR/ks"
	prepare "$BATS_TEST_TMPDIR/ks"
	pre
	called "mdadm --create --run /dev/md0 --level=1 --metadata=0.90 --raid-devices=2 ${loops[0]}p1 ${loops[1]}p1"
	called "mdadm --create --run /dev/md1 --level=1 --metadata=0.90 --raid-devices=2 ${loops[0]}p2 ${loops[1]}p2"
	called "lvm vgcreate vg.01 /dev/md1"
	called "lvm vgcreate data ${loops[2]}p1"
	called "lvm lvcreate -n root -L 8192M vg.01"
	called "lvm lvcreate -n pool -l 99%FREE data"
	called "mkfs.xfs -f /dev/data/pool"
	# The one that takes the rest comes last.
	[ "$(grep -n 'lvcreate -n var' "$BATS_TEST_TMPDIR/calls" | cut -d: -f1)" -gt "$(grep -n 'lvcreate -n swap' "$BATS_TEST_TMPDIR/calls" | cut -d: -f1)" ]
	parted "${loops[0]}" -s print | grep -q raid
	pre
	called "lvm lvremove --force /dev/vg.01/root"
	called "lvm vgremove vg.01"
	called "mdadm --stop /dev/md1"
	called "lvm lvcreate -n root -L 8192M vg.01"
	called "mkfs.ext4 /dev/vg.01/root"
	not_called ' data'
	not_called /dev/data
	not_called "${loops[2]}"
}

@test "pre: a disk of another size stops the installation" {
	disk vda 40
	disk vdb 40
	disk vdc 99
	jq 'del(.system.aii.osinstall.ks.logging)' "$own/el6.json" >"$BATS_TEST_TMPDIR/p.json"
	render "$BATS_TEST_TMPDIR/p.json" >"$BATS_TEST_TMPDIR/ks"
	prepare "$BATS_TEST_TMPDIR/ks"
	run ! pre
	grep -q "^FAILED: partition: ${loops[2]} has 101376 MiB instead of 102300 to 102500" "$BATS_TEST_TMPDIR/pre-log.log"
	[ "$(wipefs "${loops[0]}")" = "" ]
	[ ! -e "$BATS_TEST_TMPDIR/vprov-storage.ks" ]
}
