#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 1500
# A real KVM host: a guest installed on it over the network, from another machine than it, that then boots from its disk.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
# shellcheck source=tests/lib/hosts.sh
. "$(dirname "$0")/../lib/hosts.sh"
# shellcheck source=tests/lib/table.sh
. "$(dirname "$0")/../lib/table.sh"
for p in sqlite3 virsh xmllint qemu-system-x86_64 dnsmasq busybox zstd; do command -v $p >/dev/null || skip_all "$p is not installed"; done
need_host
need_tiny_image
in_ns

site kvm 3072
installed kvm1 10.94.17.11 kvm
like "kvm: it is a guest of KVM" "$(there dumpxml kvm1.vprov.test)" "<domain type='kvm'"
only=(--only "cpu,disk")
[[ ! ${LONG:-} ]] || only=()
measured kvm1 kvm "${only[@]}"
like "kvm: asked by its channel, through its host" "$(vprov log kvm1.vprov.test)" "result cpu of .* bytes, by its channel.*result bonnie of .* bytes, by its channel"
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
done_testing
