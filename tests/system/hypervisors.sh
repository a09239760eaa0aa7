#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 3600
# A real Xen host and a real KVM host: on each a guest is installed over the network, from another machine than it, that then boots from its disk, is
# changed, measured and removed; the one of Xen, which has no boot ROM (xen-para), goes on from its disk on KVM. With LONG=1 also as a Xen-HVM guest and
# back, which is a quarter of an hour more, and all is measured.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
# shellcheck source=tests/lib/hosts.sh
. "$(dirname "$0")/../lib/hosts.sh"
# shellcheck source=tests/lib/table.sh
. "$(dirname "$0")/../lib/table.sh"
for p in debugfs sqlite3 virsh xmllint qemu-system-x86_64 dnsmasq busybox zstd; do command -v $p >/dev/null || skip_all "$p is not installed"; done
need_host
[[ ! ${LONG:-} ]] || export VP_PACKAGES=$real_packages
need_tiny_image
in_ns

site xen 3072
installed para 10.94.17.10 xen-para
on_xen=$before
like "xen-para: it boots by pygrub" "$(there dumpxml --inactive para.vprov.test)" "<bootloader>.*pygrub"
captured=$VP_SHARED/hosts/captured/live-pv.cfg
if [[ -e $captured ]]; then
	keys() { sed -n 's/^\([a-z_]*\) = .*/\1/p' "$@" | sort; }
	there dumpxml --inactive para.vprov.test >"$dir/para.domain"
	there domxml-to-native xen-xl "$dir/para.domain" >"$dir/para.cfg"
	is "xen-para: beside what was written by hand it differs in what it boots, as docs/hypervisors.md says" \
		"$(comm -3 <(keys "$dir/para.cfg") <(keys "$captured") | xargs)" "bootargs bootloader cmdline kernel ramdisk"
fi
changed para xen-para "s/>512</>384</; $more_disk" "memory 384 MiB, disk xvdb plugged in"
only=(--only cpu)
[[ ! ${LONG:-} ]] || only=()
measured para xen-para "${only[@]}"

[[ ! -d $VP_SHARED/profiles ]] || work=$dir table "$uri" xen-para xen-hvm

# A file on its disk, and what shows it at each start
there destroy para.vprov.test
far=/var/lib/vprov-guests/para.vprov.test-sda.raw
# move_disk FROM TO : the machine is off; between two hosts nobody but the admin moves it
move_disk() {
	virsh -q -c "$1" vol-download "$far" "$dir/disk" --sparse
	virsh -q -c "$2" pool-create-as moved dir --target "${far%/*}" --build &>/dev/null
	virsh -q -c "$2" vol-create-as moved "${far##*/}" 1G --format raw &>/dev/null
	[[ ! ${3:-} ]] || "$3"
	virsh -q -c "$2" vol-upload "$far" "$dir/disk" --sparse
}
# shellcheck disable=SC2317 # move_disk calls it
mark() {
	echo carried >"$dir/precious"
	# It also gives itself a kernel of another name, once, as an update does.
	cat >"$dir/hook" <<-'HOOK'
		for c in $(cat /sys/class/tty/console/active); do echo "$(cat /etc/hostname): $(cat /precious) $(grep -o kernel=new /proc/cmdline)" >"/dev/$c"; done 2>/dev/null
		if [ ! -e /boot/vmlinuz-new ]; then
			old=$(ls /boot/vmlinuz-*)
			old=${old#*-}
			mv "/boot/vmlinuz-$old" /boot/vmlinuz-new
			mv "/boot/initrd.img-$old" /boot/initrd.img-new
			sed -i "s/vmlinuz-$old/vmlinuz-new/; s/img-$old/img-new/; s/ ro / ro kernel=new /" /boot/grub/grub.cfg
			sync
		fi
	HOOK
	printf '%s\n' "write $dir/precious precious" "write $dir/hook hook" "sif hook mode 0100755" | debugfs -w "$dir/disk?offset=1048576" &>/dev/null
}
xen_uri=$uri
start_host kvm lan0 vprov0 10.94.17.3 3072
kvm_uri=$uri
exits 5 "kvm: not without its disk" vprov plan --virt kvm "$dir/para.xml"
like "kvm: which is elsewhere" "$output" "is not on .*10.94.17.3.*: bring it there from ${xen_uri//+/.}, or say --reinstall"
move_disk "$xen_uri" "$kvm_uri" mark
carried para kvm
like "kvm: it is a guest of KVM" "$(there dumpxml para.vprov.test)" "<domain type='kvm'.*dev='vda'"
is "kvm: its domain on the other host is gone" "$(virsh -q -c "$xen_uri" list --all --name | grep para)" ""
if [[ ${LONG:-} ]]; then
	there destroy para.vprov.test
else
	ok "kvm: destroy" vprov destroy -y para.vprov.test
	is "kvm: nothing is left there" "$(there list --all --name | wc -w) $(on_host "ls ${far%/*} | wc -l")" "0 0"
	stop_host xen
fi

installed kvm1 10.94.17.11 kvm
like "kvm: it is a guest of KVM" "$(there dumpxml kvm1.vprov.test)" "<domain type='kvm'"
measured kvm1 kvm "${only[@]}"
like "kvm: asked by its channel, through its host" "$(vprov log kvm1.vprov.test)" "result cpu of .* bytes, by its channel"
changed kvm1 kvm "$more_disk" "disk vdb plugged in"
gone kvm1 kvm

# A volume group there: its volumes are made and removed, and it holds what it holds
# shellcheck disable=SC2016 # that machine's shell expands it
on_host 'truncate -s 256M /var/tmp/pv && d=$(losetup -f --show /var/tmp/pv) && pvcreate -q $d && vgcreate -q guests $d'
there pool-define-as guests logical --target /dev/guests >/dev/null
there pool-start guests >/dev/null
profile lvm 10.94.17.12 kvm
sed -i 's|>raw<|&/string><string name="dir">/dev/guests<|; s/>1024</>96</; s/>image</>none</' "$dir/lvm.xml"
volumes() { on_host 'lvs --noheadings -o vg_name,lv_name,lv_size --units m' | tr -s ' '; }
ok "lvm: apply" vprov apply "$dir/lvm.xml"
diag "$output"
is "lvm: its disk is a volume of that group" "$(volumes)" " guests lvm.vprov.test-sda 96.00m"
like "lvm: which the guest has" "$(there domblklist lvm.vprov.test) $(there domstate lvm.vprov.test)" "/dev/guests/lvm.vprov.test-sda.*running"
exits 0 "lvm: a second plan is empty" vprov plan --exit-code "$dir/lvm.xml"
profile more 10.94.17.13 kvm
sed -i 's|>raw<|&/string><string name="dir">/dev/guests<|; s/>1024</>200</; s/>image</>none</' "$dir/more.xml"
exits 5 "lvm: a group that is full is refused" vprov plan "$dir/more.xml"
like "lvm: with the room there is" "$output" "disk sda of 200 MiB does not fit into the storage pool of /dev/guests/.*252 MiB, 156 MiB of it free"
exits 5 "lvm: a volume keeps its size" vprov plan <(sed 's/>96</>128</' "$dir/lvm.xml")
ok "lvm: destroy" vprov destroy -y lvm.vprov.test
is "lvm: and it is gone" "$(volumes)" ""

[[ ! -d $VP_SHARED/profiles ]] || work=$dir table "$uri" kvm qemu

if [[ ${LONG:-} ]]; then
	move_disk "$kvm_uri" "$xen_uri"
	uri=$xen_uri
	# The BIOS reads IDE word by word, each of which takes an emulated host a millisecond, and SCSI by DMA.
	bus=scsi profile para 10.94.17.10 xen-para
	carried para xen-hvm
	like "xen-hvm: it is a guest of that kind" "$(there dumpxml para.vprov.test)" "machine='xenfv'.*bus='scsi'"
	carried para xen-para
	like "xen-para: pygrub boots the kernel that the guest has given itself meanwhile" "$(console para | grep '^para: carried' | tail -n 1)" "kernel=new"
	is "xen-para: its domain on the other host is gone" "$(virsh -q -c "$kvm_uri" list --all --name | grep para)" ""
	stop_host kvm
	host_address=10.94.17.2 before=$on_xen
	gone para xen-para
	bus=scsi installed hvm 10.94.17.12 xen-hvm
	like "xen-hvm: by its ROM, over HTTP" "$(vprov log hvm.vprov.test)" "boot loader sent: GET /boot/ipxe"
	like "xen-hvm: Xen's own drivers have its disk and its NIC" "$(vprov log hvm.vprov.test)" "disk=xvda disk_driver=vbd.*nic_driver=vif.*hypervisor_type=xen product=HVM"
	measured hvm xen-hvm
	gone hvm xen-hvm
fi
done_testing
