#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 300
# A hypervisor that is another machine: a real libvirtd with a host name of its own, over TCP. Disks are made there by its storage pools, and go again.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
for p in virsh libvirtd qemu-img qemu-io jq; do command -v $p >/dev/null || skip_all "$p is not installed"; done
in_ns

dir=$(mktemp -d) && chmod 755 "$dir"
cleanup rm -rf "$dir"
state=$dir/state node=quickstart.vprov.test far=/var/lib/vprov-guests
for d in /etc/libvirt /var/lib/libvirt /var/cache/libvirt /var/log/libvirt; do mkdir -p $d && mount -t tmpfs tmpfs $d; done
printf '%s\n' 'listen_tls = 0' 'listen_tcp = 1' 'auth_tcp = "none"' 'listen_addr = "127.0.0.1"' >/etc/libvirt/libvirtd.conf
printf '%s\n' 'stdio_handler = "file"' 'user = "root"' 'group = "root"' 'namespaces = []' 'cgroup_controllers = []' >/etc/libvirt/qemu.conf
# It has no UEFI firmware for guests.
for d in /usr/share/OVMF /usr/share/qemu/firmware; do [[ ! -d $d ]] || mount -t tmpfs tmpfs $d; done
unshare --uts sh -c 'hostname far; exec libvirtd -l' >"$dir/libvirtd.log" 2>&1 &
uri=qemu+tcp://127.0.0.1/system
there() { virsh -q -c $uri "$@"; }
wait_for 30 there version || { echo "Bail out! libvirtd: $(tail -n 3 "$dir/libvirtd.log")"; exit 1; }
ip link add vprov0 type bridge
ip address add 10.94.17.1/24 dev vprov0
ip link set vprov0 up
vprov() { "$VPROV" "$@" --state-dir "$state" --connect $uri --virt "${virt:-qemu}"; }
export ASAN_OPTIONS=detect_leaks=0
what_is_there() {
	there list --all
	there pool-list --all
	ls -la $far 2>/dev/null
}
# profile INSTALL MIB FORMAT [DIRECTORY]
profile() {
	sed "s/>image</>$1</; s/>4096</>$2</; s/>1024</>256</
		s|<nlist name=\"vprov\">|&<nlist name=\"disk\"><string name=\"format\">$3</string>${4:+<string name=\"dir\">$4</string>}</nlist>|" \
		"$VP_TOP/profiles/quickstart.xml" >"$dir/node.xml"
}

before=$(what_is_there)
profile none 700 qcow2
exits 3 "a plan says what would be done there" vprov plan --exit-code "$dir/node.xml"
like "with the path that it has there" "$output" "create *disk *$far/$node-sda.qcow2"
same "and makes nothing" "$before" "$(what_is_there)"
ok "apply" vprov apply "$dir/node.xml"
disk=$far/$node-sda.qcow2
is "the disk is there, as asked for" "$(qemu-img info -U --output=json $disk | jq -c '[.format, ."virtual-size"]')" "[\"qcow2\",$((700 << 20))]"
is "for its hypervisor only" "$(stat -c %a $disk)" 600
is "in a pool of that directory" "$(there vol-list vprov-var-lib-vprov-guests | awk '{ print $2 }')" "$disk"
like "the guest runs from it" "$(there domstate $node)$(there domblklist $node)" "running.*$disk"
exits 0 "a second plan is empty" vprov plan --exit-code "$dir/node.xml"
there destroy $node
cp $disk "$dir/empty"

profile image 700 qcow2
is "a disk that no guest has written to can go" "$(vprov plan "$dir/node.xml" | grep -c DESTROYS)" 0
qemu-io -f qcow2 -c 'write -P 7 500M 64k' $disk >/dev/null
like "one that holds data is told" "$(vprov plan "$dir/node.xml")" "DESTROYS DATA: .*$disk"
profile none 800 qcow2
exits 5 "its size cannot be changed" vprov plan "$dir/node.xml"
like "which is said" "$output" "would destroy its data"
ok "destroy" vprov destroy -y --confirm $node $node
same "leaves nothing there" "$before" "$(what_is_there)"

# A directory of somebody else's, which has a pool already
mkdir "$dir/pool"
there pool-create-as mine dir --target "$dir/pool" >/dev/null
profile none 64 raw "$dir/pool"
echo precious >"$dir/pool/$node-sda.raw"
exits 5 "a file of that name is not touched" vprov apply "$dir/node.xml"
like "and told" "$output" "exists and was not made by vprov"
is "nor made anew" "$(cat "$dir/pool/$node-sda.raw")" precious
rm "$dir/pool/$node-sda.raw"
ok "apply" vprov apply "$dir/node.xml"
is "the disk is in that pool" "$(there vol-list mine | awk '{ print $2 }')" "$dir/pool/$node-sda.raw"
ok "it is sparse" test "$(stat -c %b "$dir/pool/$node-sda.raw")" -lt 100
ok "destroy" vprov destroy -y $node
is "the pool stays, empty" "$(there pool-list --all | awk '{ print $1, $2 }')$(ls "$dir/pool")" "mine active"
# A file system that cannot hold it
mkdir "$dir/small" && mount -t tmpfs -o size=8m tmpfs "$dir/small"
there pool-create-as small dir --target "$dir/small" >/dev/null
profile none 64 raw "$dir/small"
exits 5 "what does not fit is refused" vprov plan "$dir/node.xml"
like "with the room there is" "$output" "does not fit into the storage pool .*8 MiB"
profile none 64 raw /dev/nogroup
exits 5 "a volume group that is no pool is refused" vprov plan "$dir/node.xml"
like "with what to do" "$output" "no storage pool .* has the volume group .*pool-define-as NAME logical --target /dev/nogroup"

# --- Two hypervisors in one run: this machine's own, and that one ---
here="qemu:///embed?root=$state/qemu"
mkdir "$dir/two"
two() { "$VPROV" "$1" --virt qemu --state-dir "$state" --connect "$here" --connect $uri "${@:2}"; }
# one NAME IP HOST
one() {
	profile none 64 raw
	sed "s/>quickstart</>$1</; s/10\.94\.17\.10</$2</; s|<nlist name=\"vprov\">|&${3:+<string name=\"host\">$3</string>}|" "$dir/node.xml" >"$dir/two/$1.xml"
}
one near 10.94.17.21 localhost
one afar 10.94.17.22
exits 2 "of several hypervisors each node says which is its" two plan "$dir/two"
like "or is told to" "$output" "afar.vprov.test: it names no hypervisor, and there are several: .*/system/vprov/host"
one afar 10.94.17.22 127.0.0.1
exits 3 "two nodes on two hypervisors: a plan" two plan --exit-code "$dir/two"
like "of each" "$output" "on qemu\+tcp.*create *disk *$far/afar.*on qemu:///embed.*create *disk *$state/disks/near"
is "in one text for programs, too" "$(two plan --json "$dir/two" | jq -r '[.steps[] | select(.action == "create") | .target | select(startswith("domain"))] | sort | join(" ")')" \
	"domain afar.vprov.test domain near.vprov.test"
exits 2 "which is not saved" two plan -o "$dir/saved" "$dir/two"
ok "apply" two apply "$dir/two"
diag "$output"
like "one runs here" "$(virsh -q -c "$here" list --name)" "^near.vprov.test"
like "one there" "$(there list --name)" "^afar.vprov.test"
exits 0 "a second plan is empty" two plan --exit-code "$dir/two"
exits 0 "without --connect each stays where it is" "$VPROV" plan --virt qemu --state-dir "$state" --exit-code "$dir/two"
is "status knows both" "$(two status --json | jq -r '[.nodes[].host] | sort | join(" ")')" "$uri $here"
printf 'connect = %s\n' "$here" $uri >"$dir/site"
exits 0 "the site's configuration names them as well" "$VPROV" plan --virt qemu --state-dir "$state" --config "$dir/site" --exit-code "$dir/two"
ok "destroy finds both" "$VPROV" destroy -y --state-dir "$state" near.vprov.test afar.vprov.test
is "nothing is left" "$(there list --all --name; virsh -q -c "$here" list --all --name; ls $far 2>/dev/null)" ""

# --- What its host cannot do ---
# lacks DESCRIPTION PATTERN ARGUMENT... : plan refuses, and says so
lacks() {
	exits 5 "$1 is refused" vprov plan "$dir/node.xml" "${@:3}"
	like "$1: what to do" "$output" "$2.*VP-V03"
}
profile none 64 raw
virt=kvm lacks "KVM where there is none" "no kvm guests: .*VT-x or SVM .*kvm_amd; --virt qemu"
virt=xen-para lacks "Xen where there is none" "is no Xen host: name one .*--virt kvm"
profile none 64 raw
sed -i 's|<nlist name="vprov">|&<nlist name="cpu"><string name="model">Cray</string></nlist>|' "$dir/node.xml"
lacks "a processor that nobody knows" "/system/vprov/cpu/model.* cannot be 'Cray' for a guest; .*domcapabilities"
profile none 64 raw
sed -i 's|<nlist name="vprov">|&<nlist name="memory"><string name="hugepages">2M</string></nlist>|' "$dir/node.xml"
lacks "huge pages that the host has not" "/system/vprov/memory/hugepages.* has 0 huge pages of 2 MiB, too few for .*vm.nr_hugepages"
profile none 64 raw
sed -i 's|<nlist name="vprov">|&<string name="firmware">uefi</string>|' "$dir/node.xml"
lacks "UEFI without its firmware" "/system/vprov/firmware.*install the package ovmf"
profile none 64 raw
sed -i 's/>256</>1048576</' "$dir/node.xml"
lacks "more memory than the host has" "/hardware/ram.*1 TiB of memory; .* in all"
profile none 64 raw
sed -i 's/>vprov0</>nobr0</' "$dir/node.xml"
lacks "a bridge that is not there" "/system/vprov/bridge/name.*no bridge 'nobr0'"
mkdir "$dir/templates"
sed "s/machine='[^']*'/machine='pc-q35-99'/" "$VP_TOP/templates/domain-qemu-os.xml.mustache" >"$dir/templates/domain-qemu-os.xml.mustache"
echo "templates = $dir/templates" >"$dir/conf"
profile none 64 raw
lacks "a machine that its emulator does not know" "knows no machine 'pc-q35-99'; the newest .*pc-" --config "$dir/conf"
kill %%
wait
for emulator in /usr/bin/qemu-system-*; do mount --bind /dev/null "$emulator"; done
rm -rf /var/cache/libvirt/*
unshare --uts sh -c 'hostname far; exec libvirtd -l' >"$dir/libvirtd.log" 2>&1 &
wait_for 30 there list
lacks "a host without an emulator" "no emulator of x86_64: install the package qemu-system-x86"
kill %%
wait
umount "$dir/small"
done_testing
