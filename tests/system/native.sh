#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 120
# What QEMU is started with for a node, beside what virt-install would have made of the same machine: the differences are those of
# docs/hypervisors.md (tests/golden/native). Nothing is started.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
for p in libvirtd virsh virt-install qemu-system-x86_64; do command -v $p >/dev/null || skip_all "$p is not installed"; done
in_ns

work=$(mktemp -d)
cleanup rm -rf "$work"
uri=qemu:///system
mkdir -p "$work/disks"
for d in /etc/libvirt /var/lib/libvirt /var/cache/libvirt /var/log/libvirt; do mkdir -p $d && mount -t tmpfs tmpfs $d; done
printf '%s\n' 'auth_unix_rw = "none"' >/etc/libvirt/libvirtd.conf
printf '%s\n' 'stdio_handler = "file"' 'user = "root"' 'group = "root"' 'namespaces = []' 'cgroup_controllers = []' >/etc/libvirt/qemu.conf
libvirtd >"$work/libvirtd.log" 2>&1 &
cleanup kill $!
wait_for 30 virsh -q -c $uri list || { echo "Bail out! libvirtd: $(tail -n 3 "$work/libvirtd.log")"; exit 1; }
name=quickstart.vprov.test
golden=$VP_TOP/tests/golden/native
disk=$work/disks/disk.qcow2
qemu-img create -q -f qcow2 "$disk" 4G

# native XML : an option of QEMU's a line, without what is of this run or of the place of a device on its bus
native() {
	virsh -q -c "$uri" domxml-to-native qemu-argv "$1" 2>"$work/why" | tr -d '\\\n' | sed 's/ -/\n-/g' | sed "1d; s#$work#WORK#g; s#domain--\\?[0-9]*-[a-z.]*#DOMAIN#g; s#WORK/disks/[^'\", ]*#DISK#g
		s#,addr=0x[0-9a-f.x]*##g; s#,bus=pci[e.0-9]*##g; s#[\"a-z]*bus\":\"pci[e.0-9]*\",##g; s#,\"addr\":\"[^\"]*\"##g; s#uuid [-0-9a-f]*#uuid UUID#
		s#\"mac\":\"[0-9a-f:]*\"#\"mac\":\"MAC\"#; s#,file=/[^ ]*##; s#host_mtu=[0-9]*#host_mtu#" | grep -v '^-device .*pcie-root-port' | sort
}
VPROV_CACHE=$work/cache "$VPROV" render --virt qemu --state-dir "$work/state" domain "$VP_TOP/profiles/quickstart.xml" >"$work/ours.xml" 2>/dev/null
# The tap is made by vprov; the conversion makes none.
sed -i "s#<source file='[^']*'/>#<source file='$disk'/>#; s#<interface type='ethernet'>#<interface type='user'>#; /<target dev='vp/d; /<mtu/d" "$work/ours.xml"
ok "virt-install describes the machine" eval "virt-install --connect $uri --print-xml --import --osinfo debian11 --graphics none --virt-type qemu --name $name \
	--memory 1024 --vcpus 1 --disk '$disk' --network user,model=virtio >'$work/theirs.xml'"
native "$work/ours.xml" >"$work/ours"
native "$work/theirs.xml" >"$work/theirs"
like "both are taken by libvirt" "$(wc -l <"$work/ours") $(wc -l <"$work/theirs") $(<"$work/why")" "^[2-9][0-9] [2-9][0-9] "
diff "$work/theirs" "$work/ours" | grep '^[<>]' >"$work/diff"
[[ ! ${VP_REGENERATE:-} ]] || cp "$work/diff" "$golden/virt-install"
same "the differences are those that are known" "$(<"$golden/virt-install")" "$(<"$work/diff")"
done_testing
