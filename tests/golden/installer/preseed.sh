#!/bin/sh
# What the Debian installer of 'se01.example.org' runs for vprov: it tells the boot service how far it is, makes the disks, and leaves the agent behind.
URL='http://10.9.8.1:8420' NODE='se01.example.org' TOKEN='TOKEN'
HOST='se01' DOMAIN='example.org'
SELF=/tmp/vprov GUEST=/tmp/vprov-guest T=/target

# --- telling ---

say() {
	logger -t vprov -- "$*"
	echo "vprov: $*" >/dev/console
}

# post WHAT: stdin goes to the boot service
post() {
	"$GUEST" post "$URL/node/$NODE/$1?token=$TOKEN" -
}

# phase NAME PERCENT [TEXT]
phase() {
	say "$*"
	echo "$*" | post event
}

# Says why, and ends: an installer that waits for somebody to answer would wait for ever.
fail() {
	say "FAILED: $*"
	for _ in 1 2 3 4 5; do
		{ echo "$*" && tail -n 20 /var/log/syslog | sed "s/$TOKEN/.../g"; } | head -c 4000 | post failed && break
		sleep 2
	done
	say "powering off"
	sync
	sleep 1
	poweroff -f
	sleep 60
}

# run COMMAND...: its output goes to the installer's log; a failure is the end
run() {
	log-output -t vprov "$@" || fail "'$*' failed"
}

# --- the installer's own steps, from its log ---

# item NAME: the installer begins a step
item() {
	case $1 in
	choose-mirror | download-installer) phase components 0 "$1" ;;
	disk-detect | partman-base) phase partition 0 "$1" ;;
	bootstrap-base) phase packages 0 "$1" ;;
	apt-setup-udeb | pkgsel) phase packages 60 "$1" ;;
	grub-installer) phase bootloader 0 "$1" ;;
	finish-install) phase configure 0 "$1" ;;
	esac
}

# complain TEXT: with nobody to ask, a step that fails is tried again for ever
complain() {
	[ "$1" = "$COMPLAINT" ] || TIMES=0
	COMPLAINT=$1 TIMES=$((TIMES + 1))
	[ "$TIMES" -lt 3 ] || fail "$1${DETAIL:+ ($DETAIL)}"
}

follow() {
	COMPLAINT='' TIMES=0 DETAIL=''
	tail -n 5000 -f /var/log/syslog | while read -r line; do
		# The console is kept, and shown.
		case $line in *"$TOKEN"*) line="${line%%"$TOKEN"*}...${line#*"$TOKEN"}" ;; esac
		echo "$line" >/dev/console
		case $line in
		*"Menu item '"*"' selected"*)
			line=${line#*"Menu item '"}
			item "${line%%"'"*}"
			;;
		*"Menu item '"*"' failed"* | *"Configuring '"*"' failed with error code"*) fail "${line#*"main-menu["*": "}" ;;
		*" net-retriever: error: "*) DETAIL=${line#*" net-retriever: "} ;;
		*"WARNING **: "* | *"not supported by selected mirror"*) complain "$(echo "$line" | sed 's/^.* \([a-z-]*\)\[[0-9]*\]: [A-Z* ]*: /\1: /')" ;;
		esac
	done
}

hook() {
	printf '#!/bin/sh\nexec sh %s %s\n' "$SELF" "$2" >"$1"
	chmod 755 "$1"
}

start() {
	wget -q -O "$GUEST" "$URL/guest/vprov-guest" || fail "GET /guest/vprov-guest failed"
	chmod 755 "$GUEST"
	phase config 100 "taken by the Debian installer"
	sh "$SELF" follow </dev/null >/dev/null 2>&1 3>&- 4>&- 5>&- 6>&- &
	# Once all parts of the installer are there, partman's place is taken; before the next step begins.
	hook /tmp/vprov-disks disks
	echo 'cp /tmp/vprov-disks /var/lib/dpkg/info/partman-base.postinst' >>/var/lib/dpkg/info/download-installer.postinst
	hook /usr/lib/finish-install.d/60vprov configure
	hook /usr/lib/finish-install.d/96vprov ack
	anna-install fdisk-udeb mdadm-udeb lvm2-udeb
}

# --- disks ---

blank() {
	[ "$(dd if="/dev/$1" bs=1M count=1 2>/dev/null | tr -d '\0' | wc -c)" = 0 ]
}

# want DEVICE: it is there, or comes within 10 s
want() {
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		[ -b "/dev/$1" ] && return
		sleep 1
	done
	fail "there is no device $1"
}

# table DISK LABEL yes|no: stdin is sfdisk's language; a disk that holds something to be kept has its table already
table() {
	want "$1"
	if [ "$3" = yes ] && ! blank "$1"; then
		say "$1 holds data that is kept: its partitions stay as they are"
		OLD="$OLD $1"
		cat >/dev/null
		return
	fi
	sectors=$(cat "/sys/class/block/$1/size")
	run dd if=/dev/zero of="/dev/$1" bs=1M count=1 conv=notrunc
	run dd if=/dev/zero of="/dev/$1" bs=512 seek=$((sectors - 2048)) count=2048 conv=notrunc
	{
		echo "label: $2"
		[ "$2" != gpt ] || echo "first-lba: 34"
		cat
	} >/tmp/vprov-table
	log-output -t vprov cat /tmp/vprov-table
	run sh -c "sfdisk --quiet --wipe always --wipe-partitions always /dev/$1 </tmp/vprov-table"
	update-dev
}

# raid NAME LEVEL MEMBERS SPARES CHUNK METADATA yes|no DEVICE...
raid() {
	[ "$7" = yes ] && [ -b "/dev/$1" ] && return
	name=$1 options="--level=${2#RAID} --raid-devices=$3" level=$2
	[ "$4" = 0 ] || options="$options --spare-devices=$4"
	[ "$5" = 0 ] || [ "$level" = RAID1 ] || options="$options --chunk=$5"
	[ -z "$6" ] || options="$options --metadata=$6"
	shift 7
	devs=
	for dev; do
		want "$dev"
		devs="$devs /dev/$dev"
	done
	# shellcheck disable=SC2086 # lists
	run mdadm --create "/dev/$name" --run --force $options $devs
}

# group NAME yes|no DEVICE...
group() {
	vg=$1
	[ "$2" = yes ] && vgs "$vg" >/dev/null 2>&1 && return
	shift 2
	devs=
	for dev; do
		want "$dev"
		run pvcreate -ff -y "/dev/$dev"
		devs="$devs /dev/$dev"
	done
	# shellcheck disable=SC2086 # a list
	run vgcreate "$vg" $devs
}

# volume NAME GROUP MIB STRIPE CHUNK TYPE yes|no
volume() {
	[ -b "/dev/$2/$1" ] && return
	size="-L ${3}m"
	[ "$3" != 0 ] || size="-l 100%FREE"
	type=
	[ -z "$6" ] || type="--type $6"
	stripes=
	[ "$4" = 0 ] || stripes="-I ${4}k -i $(vgs --noheadings -o pv_count "$2" | tr -d ' ')"
	# shellcheck disable=SC2086 # lists
	run lvcreate -y -W y -n "$1" $size $type $stripes "$2"
}

# make DEVICE MOUNTPOINT TYPE LABEL OPTIONS format|preserve|keep: what is to be kept is made only where nothing is
make() {
	want "$1"
	if [ "$6" != format ]; then
		[ -z "$(block-attr --type "/dev/$1")" ] || return 0
		[ "$6" = preserve ] || return 0
		case " $OLD " in *" ${1%%[0-9]*} "*) fail "$1 ($2) is to be preserved, but there is no file system on it" ;; esac
	fi
	# shellcheck disable=SC2086 # options are words
	case $3 in
	swap) run mkswap ${4:+-L "$4"} $5 "/dev/$1" ;;
	ext2 | ext3 | ext4) run "mkfs.$3" -q -F ${4:+-L "$4"} $5 "/dev/$1" ;;
	xfs) run mkfs.xfs -q -f ${4:+-L "$4"} $5 "/dev/$1" ;;
	btrfs) run mkfs.btrfs -q -f ${4:+-L "$4"} $5 "/dev/$1" ;;
	vfat) run mkfs.vfat -F 32 ${4:+-n "$4"} $5 "/dev/$1" ;;
	*) fail "no idea how to make a file system of type '$3' on $1" ;;
	esac
}

# name_of DEVICE lvm|plain: for fstab
name_of() {
	if [ "$2" = lvm ]; then echo "/dev/$1"; else echo "UUID=$(block-attr --uuid "/dev/$1")"; fi
}

# use DEVICE MOUNTPOINT TYPE OPTIONS lvm|plain: mounted, and in fstab
use() {
	if [ "$3" = swap ]; then
		run swapon "/dev/$1"
		echo "$(name_of "$1" "$5") none swap ${4:-sw} 0 0" >>/tmp/vprov-fstab
		return
	fi
	mkdir -p "$T$2"
	run mount -t "$3" "/dev/$1" "$T$2"
	pass=2
	[ "$2" != / ] || pass=1
	echo "$(name_of "$1" "$5") $2 $3 ${4:-defaults} 0 $pass" >>/tmp/vprov-fstab
}

disks() {
	phase partition 10
	for module in md-mod raid0 raid1 raid10 raid456 dm-mod; do
		modprobe -q "$module"
	done
	OLD=
	mdadm --assemble --scan >/dev/null 2>&1
	vgchange -ay >/dev/null 2>&1
	table 'vda' 'gpt' no <<-EOF
		128 : start=34, size=2014, type=21686148-6449-6E6F-744E-656564454649
		1 : size=512MiB, type=L
		2 : size=2048MiB, type=R
		3 : type=V
	EOF
	table 'vdb' 'gpt' no <<-EOF
		1 : size=2048MiB, type=R
		2 : type=V
	EOF
	table 'vdc' 'dos' yes <<-EOF
		1 : type=L
	EOF
	raid 'md0' 'RAID1' '2' '0' '64' '0.90' no 'vda2' 'vdb1'
	group 'vg0' no 'vda3' 'vdb2'
	volume 'root' 'vg0' '3072' '0' '0' '' no
	volume 'swap' 'vg0' '512' '0' '0' '' no
	volume 'home' 'vg0' '0' '0' '0' '' no
	phase format 0
	make 'vg0/root' '/' 'ext4' '' '' format
	make 'vda1' '/boot' 'ext3' 'boot' '' format
	make 'vdc1' '/data' 'xfs' '' '' preserve
	make 'vg0/home' '/home' 'xfs' '' '' format
	make 'md0' '/srv' 'ext4' '' '' format
	make 'vg0/swap' 'swap' 'swap' '' '' format
	: >/tmp/vprov-fstab
	use 'vg0/root' '/' 'ext4' 'defaults' lvm
	use 'vda1' '/boot' 'ext3' 'defaults' plain
	use 'vdc1' '/data' 'xfs' 'defaults' plain
	use 'vg0/home' '/home' 'xfs' 'noatime' lvm
	use 'md0' '/srv' 'ext4' 'defaults' plain
	use 'vg0/swap' 'swap' 'swap' 'defaults' lvm
	mkdir -p "$T/etc"
	cp /tmp/vprov-fstab "$T/etc/fstab"
	phase format 100
}

# --- the installed system ---

# nic NAME MAC IP PREFIX GATEWAY MTU dhcp|static: matched by MAC, so that it works whatever the kernel calls it
nic() {
	{
		printf '[Match]\nMACAddress=%s\n\n[Network]\n' "$2"
		if [ "$7" = dhcp ]; then
			printf 'DHCP=ipv4\n\n[DHCPv4]\nClientIdentifier=mac\n'
		elif [ -n "$3" ]; then
			printf 'Address=%s/%s\n' "$3" "$4"
			[ -z "$5" ] || printf 'Gateway=%s\n' "$5"
		fi
		[ "$6" = 0 ] || printf '\n[Link]\nMTUBytes=%s\n' "$6"
	} >"$T/etc/systemd/network/20-$1.network"
	printf '[Match]\nMACAddress=%s\n\n[Link]\nName=%s\n' "$2" "$1" >"$T/etc/systemd/network/20-$1.link"
	[ -n "$ADDRESSED" ] || [ -z "$3" ] || echo "$3 ${DOMAIN:+$HOST.$DOMAIN }$HOST" >>"$T/etc/hosts"
	ADDRESSED=$ADDRESSED$3
}

configure() {
	phase configure 50
	printf '127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n' >"$T/etc/hosts"
	printf 'auto lo\niface lo inet loopback\n' >"$T/etc/network/interfaces"
	mkdir -p "$T/etc/systemd/network"
	ADDRESSED=
	nic 'eth0' '02:7f:2c:a4:50:ba' '10.9.8.10' '24' '10.9.8.1' '0' static
	[ -n "$ADDRESSED" ] || echo "127.0.1.1 ${DOMAIN:+$HOST.$DOMAIN }$HOST" >>"$T/etc/hosts"
	{
		[ -z "$DOMAIN" ] || echo "search $DOMAIN"
		echo nameserver '10.9.8.1'
	} >/tmp/vprov-resolv
	if grep -q nameserver /tmp/vprov-resolv; then
		cp /tmp/vprov-resolv "$T/etc/resolv.conf"
	fi
	mkdir -p "$T/etc/systemd/timesyncd.conf.d"
	echo '[Time]' >"$T/etc/systemd/timesyncd.conf.d/vprov.conf"
	echo NTP='ntp1.example.org'' ''it'\''s "one"'' ' >>"$T/etc/systemd/timesyncd.conf.d/vprov.conf"
	run chroot "$T" systemctl enable systemd-networkd
	run "$GUEST" setup "$T" "$URL" "$NODE" "$TOKEN"
}

# keys KEY...: may log in as root
keys() {
	[ $# -gt 0 ] || return 0
	(umask 077 && mkdir -p "$T/root/.ssh" && printf '%s\n' "$@" >"$T/root/.ssh/authorized_keys") || fail "the keys could not be written"
}

# The file systems are unmounted: now it is complete.
ack() {
	phase ack 0
	for _ in 1 2 3 4 5; do
		post ack </dev/null && break
		sleep 2
	done
}

action=$1
shift
"$action" "$@"
