# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
# The installer without vprov around it, for system tests: its ramdisk in a plain QEMU, a web server with CGI in the place of the boot service, a
# root image that holds just what it looks for. Needs $dir, and $VP_IMAGE_DIR of need_image.
url=http://10.0.2.2:8077/cgi-bin/v

# boot CMDLINE INITRD DISK... : one life of a machine, its console in $dir/console; DISK is FORMAT:FILE
boot() {
	local cmdline=$1 initrd=$2 disk disks=()
	shift 2
	for disk; do disks+=(-drive "file=${disk#*:},format=${disk%%:*},if=virtio,cache=unsafe"); done
	timeout 600 qemu-system-x86_64 -accel tcg -cpu max,-erms,-la57,-smap -m 768 -nodefaults -nographic -serial "file:$dir/console" -no-reboot \
		-kernel "$VP_IMAGE_DIR/vmlinuz" -initrd "$initrd" -append "console=ttyS0 quiet panic=1 $cmdline" \
		-netdev user,id=n -device virtio-net-pci,netdev=n,romfile= "${disks[@]}" </dev/null &>"$dir/qemu.log"
}

# small_image: the root image; what it holds beyond the needful is in $dir/more
small_image() {
	local r=$dir/root lib
	mkdir -p "$r"/{bin,usr/{bin,sbin,lib/systemd,lib/x86_64-linux-gnu,local/sbin},boot/grub,etc/{default,systemd/{network,system/multi-user.target.wants}},var/log,root,dev,proc,sys} "$dir/more"
	cp "$(command -v busybox)" "$r/bin/busybox"
	ln -sf busybox "$r/bin/sh"
	cp /usr/sbin/resize2fs "$r/usr/sbin/"
	for lib in $(ldd /usr/sbin/resize2fs | grep -o '/lib/[^ ]*'); do cp -L "$lib" "$r/usr/lib/x86_64-linux-gnu/"; done
	# shellcheck disable=SC2016 # it is a script's
	printf '#!/bin/sh\necho "$@" >>/grub-install\n' >"$r/usr/sbin/grub-install"
	chmod 755 "$r/usr/sbin/grub-install"
	touch "$r/usr/lib/systemd/systemd" "$r/boot/vmlinuz-6" "$r/boot/initrd.img-6"
	tar -C "$r" -cf - . -C "$dir/more" . | zstd -q -f -o "$dir/www/image"
}

# serve: takes the installer's messages to $dir/{events,failed,acked}, gives it $dir/conf
serve() {
	mkdir -p "$dir/www/cgi-bin"
	cat >"$dir/www/cgi-bin/v" <<-EOF
		#!/bin/sh
		printf 'Content-Type: text/plain\r\n\r\n'
		case \$PATH_INFO in
		*/config) cat $dir/conf ;;
		*/failed) cat >$dir/failed ;;
		*/ack) : >$dir/acked ;;
		*) cat >>$dir/events ;;
		esac
	EOF
	chmod 755 "$dir/www/cgi-bin/v"
	busybox httpd -f -p 127.0.0.1:8077 -h "$dir/www" &
	cleanup kill $!
}

# install DISK... : the storage lines of the configuration are stdin; $outcome is "acked", or the reason given
install() {
	rm -f "$dir"/{failed,acked,events}
	{
		printf '%s\n' NODE=n.t HOST=n DOMAIN=t UUID=7a0a1a3e-1111-4222-8333-444455556666 VIRT=qemu "ROOTPW=''" "KERNEL_ARGS=''"
		echo IMAGE_URL=http://10.0.2.2:8077/image IMAGE_SHA256="$(sha256sum <"$dir/www/image" | cut -c1-64)"
		echo IMAGE_BYTES="$(stat -c %s "$dir/www/image")"
		cat
	} >"$dir/conf"
	boot "vprov.url=$url vprov.node=n vprov.token=t" "$VP_IMAGE_DIR/initrd" "$@"
	if [[ -e $dir/acked ]]; then outcome=acked; else outcome=$(head -n 1 "$dir/failed" || tail -n 5 "$dir/console"); fi
}

# inside SCRIPT DISK... : runs it in the ramdisk in place of the installer, all drivers loaded; its output is $output
inside() {
	mkdir -p "$dir/inside"
	cat >"$dir/inside/script" <<-EOF
		#!/usr/bin/busybox sh
		export PATH=/usr/sbin:/usr/bin
		busybox mount -t proc proc /proc
		mount -t devtmpfs dev /dev
		mount -t sysfs sys /sys
		mount -t tmpfs tmpfs /run
		while read -r module; do insmod \$module 2>/dev/null; done </modules.list
		sed -n '/^lvm_conf/,/^}/p' /make.sh >/run/lvm_conf
		. /run/lvm_conf
		lvm_conf
		mkdir -p /m
		exec >/dev/ttyS0 2>&1
		# The BIOS has left the cursor somewhere.
		printf '\n<begin>\n'
		$1
		echo "<end>"
		sync
		sleep 1
		poweroff -f
	EOF
	chmod 755 "$dir/inside/script"
	shift
	cp "$VP_IMAGE_DIR/initrd" "$dir/inside.initrd"
	truncate -s %4 "$dir/inside.initrd"
	(cd "$dir/inside" && echo script | busybox cpio -o -H newc) >>"$dir/inside.initrd" 2>/dev/null
	boot rdinit=/script "$dir/inside.initrd" "$@"
	output=$(tr -d '\r' <"$dir/console" | sed -n '/^<begin>$/,/^<end>$/p')
}
