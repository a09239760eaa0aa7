#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154
# The artefacts of a profile, and what libvirt and dnsmasq think of them.

setup() {
	cd "$VP_TOP" || exit
	export HOME=$BATS_TEST_TMPDIR
	out=$BATS_TEST_TMPDIR/out
	unset LIBVIRT_DEFAULT_URI
}

render() {
	"$VPROV" render --state-dir "$BATS_TEST_TMPDIR/state" "$@"
}

@test "libvirt takes every golden domain, by its schema" {
	command -v virsh >/dev/null || skip "virsh is not installed"
	for f in tests/golden/domain/*.xml; do
		virsh -q -c test:///default define --validate "$f"
	done
}

@test "libvirt keeps what a golden domain says" {
	command -v virsh >/dev/null || skip "virsh is not installed"
	virsh -q -c test:///default "define tests/golden/domain/kvm-virtio-install.xml; dumpxml --inactive wn01.example.org" >"$out"
	for s in "<uuid>6ba7b810-9dad-51d1-80b4-00c04fd430c8</uuid>" "<boot order='1'/>" "<boot order='2'/>" "<bios useserial='yes'/>" \
		"<target dev='vp6ba7b810e0' managed='no'/>" "<log file='/var/lib/vprov/console/wn01.example.org.log' append='on'/>" \
		"<vprov:node xmlns:vprov=\"urn:vprov:node\"" "mode='host-passthrough'" "<panic model='isa'/>"; do
		grep -F "$s" "$out"
	done
}

@test "render domain: what libvirt takes, twice the same, for every kind of guest" {
	for virt in kvm qemu xen-para xen-hvm; do
		render --virt $virt domain profiles/quickstart.xml >"$out"
		render --virt $virt domain profiles/quickstart.xml | cmp - "$out"
		xmllint --noout "$out"
		! command -v virsh >/dev/null || virsh -q -c test:///default define --validate "$out"
	done
}

@test "render domain: who makes the tap limits it: another machine's libvirt, or vprov" {
	printf 'nics/eth0/bandwidth/%s\n' "average = 100" "peak = 200" >"$BATS_TEST_TMPDIR/site.conf"
	render --connect qemu+ssh://other.example.org/system --config "$BATS_TEST_TMPDIR/site.conf" domain profiles/quickstart.xml >"$out"
	xmllint --xpath '//interface/bandwidth/inbound[@average="12500" and @peak="25000" and @burst="610"]' "$out"
	xmllint --xpath '//interface/bandwidth/outbound[@average="12500"]' "$out"
	! command -v virsh >/dev/null || virsh -q -c test:///default define --validate "$out"
	render --config "$BATS_TEST_TMPDIR/site.conf" domain profiles/quickstart.xml >"$out"
	run ! grep bandwidth "$out"
}

@test "render domain: a channel, unless the profile has none or its socket's path is too long" {
	local channel="<target type='virtio' name='vprov.0'/>" deep
	deep=/$(printf 'd%.0s' {1..60})
	"$VPROV" render --state-dir /s --virt kvm domain profiles/quickstart.xml | grep -F "$channel"
	run ! grep -F "$channel" <("$VPROV" render --state-dir "$deep" --virt kvm domain profiles/quickstart.xml)
	"$VPROV" render --state-dir "$deep" --connect qemu+tcp://h/system --virt kvm domain profiles/quickstart.xml | grep -F "$channel"
	echo "channel = false" >"$BATS_TEST_TMPDIR/site.conf"
	run ! grep -F "$channel" <("$VPROV" render --state-dir /s --config "$BATS_TEST_TMPDIR/site.conf" --virt kvm domain profiles/quickstart.xml)
}

@test "render domain: how the hypervisor runs it, and libvirt takes and keeps it" {
	printf '%s\n' "cpu/model = EPYC" "cpu/threads = 2" "cpu/pin = 0=2" "cpu/pin = 1=3,5-6" "cpu/pin = emulator=0-1" "memory/hugepages = 2M" \
		"memory/nodes = 0" "iothreads = 2" "agent = true" "rng = false" "panic = false" "watchdog/model = i6300esb" "watchdog/action = poweroff" \
		"disk/cache = none" "disk/io = native" "disk/discard = ignore" >"$BATS_TEST_TMPDIR/site.conf"
	sed 's|name="cores">1<|name="cores">2<|' profiles/quickstart.xml >"$BATS_TEST_TMPDIR/node.xml"
	render --virt kvm --config "$BATS_TEST_TMPDIR/site.conf" domain "$BATS_TEST_TMPDIR/node.xml" >"$out"
	if command -v virsh >/dev/null; then
		virsh -q -c test:///default define --validate "$out"
		virsh -q -c test:///default "define $out; dumpxml --inactive quickstart.vprov.test" >"$out.back"
		mv "$out.back" "$out"
	fi
	for path in 'cpu[@mode="custom"]/model[.="EPYC" and @fallback="forbid"]' 'cpu/topology[@sockets="1" and @cores="1" and @threads="2"]' \
		'cputune/vcpupin[@vcpu="0" and @cpuset="2"]' 'cputune/vcpupin[@vcpu="1" and @cpuset="3,5-6"]' 'cputune/emulatorpin[@cpuset="0-1"]' \
		'memoryBacking/hugepages/page[@size="2048"]' 'numatune/memory[@mode="strict" and @nodeset="0"]' 'iothreads[.=2]' \
		'devices/channel/target[@name="org.qemu.guest_agent.0"]' 'devices/watchdog[@model="i6300esb" and @action="poweroff"]' \
		'devices/disk/driver[@cache="none" and @io="native" and @iothread="1" and @discard="ignore"]'; do
		xmllint --xpath "/domain/$path" "$out"
	done
	run ! grep -E '<rng|<panic' "$out"
	for virt in qemu xen-para xen-hvm; do
		render --virt $virt --config "$BATS_TEST_TMPDIR/site.conf" domain "$BATS_TEST_TMPDIR/node.xml" >"$out"
		xmllint --xpath '/domain/cputune/vcpupin[@vcpu="1"]' "$out"
	done
	run ! grep -E 'watchdog|hugepages|iothread|cache=' "$out"
}

@test "render domain: assignments are made in it, libvirt takes it, and it says where they come from" {
	printf '%s\n' "xml = ./devices/disk[1]/driver/@cache = none" "xml = ./devices/watchdog[@model='i6300esb']/@action = poweroff" >"$BATS_TEST_TMPDIR/site.conf"
	render --virt kvm --config "$BATS_TEST_TMPDIR/site.conf" domain profiles/quickstart.xml >"$out"
	[ "$(xmllint --xpath 'string(//disk/driver/@cache)' "$out")" = none ]
	xmllint --xpath '//devices/watchdog[@model="i6300esb" and @action="poweroff"]' "$out"
	grep -F "<!-- ./devices/disk[1]/driver/@cache = none, was writeback (site:xml, $BATS_TEST_TMPDIR/site.conf:1) -->" "$out"
	! command -v virsh >/dev/null || virsh -q -c test:///default define --validate "$out"
}

@test "render domain: an assignment that makes it invalid is named with its place" {
	sed 's|<nlist name="vprov">|&<list name="xml"><string>./memory = 9</string><string>./devices/disk/@bus = x</string></list>|' \
		profiles/quickstart.xml >"$BATS_TEST_TMPDIR/node.xml"
	run --separate-stderr render domain "$BATS_TEST_TMPDIR/node.xml"
	[ "$status" -eq 5 ]
	[ "$output" = "" ]
	[[ $stderr == *"node.xml:"*": /system/vprov/xml/1: ./devices/disk/@bus: not valid by libvirt's schema: "*"[VP-P05]"* ]]
}

@test "render domain-install: the network comes after the disk" {
	render --virt qemu domain-install profiles/quickstart.xml >"$out"
	[ "$(xmllint --xpath 'string(//disk/boot/@order)' "$out")" = 1 ]
	[ "$(xmllint --xpath 'string(//interface/boot/@order)' "$out")" = 2 ]
	render --virt qemu domain profiles/quickstart.xml >"$out"
	[ "$(xmllint --xpath 'count(//interface/boot)' "$out")" = 0 ]
}

@test "render dnsmasq: dnsmasq takes it" {
	render dnsmasq profiles/quickstart.xml >"$out"
	command -v dnsmasq >/dev/null || skip "dnsmasq is not installed"
	dnsmasq --test -C "$out"
	echo "loader = grub" >"$BATS_TEST_TMPDIR/conf"
	render --config "$BATS_TEST_TMPDIR/conf" dnsmasq profiles/quickstart.xml | grep '^dhcp-boot=.*grubx64.efi'
}

@test "render pxelinux, ipxe, grub, network, config" {
	render pxelinux profiles/quickstart.xml | grep 'vprov.token=TOKEN'
	render ipxe profiles/quickstart.xml | grep '^kernel .*vprov.token=TOKEN'
	render grub profiles/quickstart.xml | grep "linux (http,.*'vprov.token=TOKEN'"
	render network profiles/quickstart.xml | grep '^tap vp'
	render config profiles/quickstart.xml >"$out"
	sh -n "$out"
	grep "^IMAGE_URL='http:.*DIGEST" "$out"
}

@test "render config: RAID, volumes and what is kept, as the installer reads them" {
	render config profiles/storage.xml >"$out"
	[[ $(sh -c 'for f in disk partition md vg lv filesystem; do eval "$f() { echo $f \$*; }"; done; nic() { :; }; nameserver() { :; }; . "$1"' sh "$out") == "\
disk vda msdos 2560
disk vdb msdos 2560
disk vdc msdos 64
partition vda1 1 192 bootable
partition vda2 2 1280
partition vda3 3 0
partition vdb1 1 192 bootable
partition vdb2 2 1280
partition vdb3 3 0
md md0 RAID1 0.90 64 0 vda1 vdb1
md md1 RAID1 1.2 64 0 vda2 vdb2
md md2 RAID1 1.2 64 0 vda3 vdb3
vg vg0 md2
lv vg0/home vg0 home 256 0
lv vg0/srv vg0 srv 256 0
lv vg0/swap vg0 swap 128 0
filesystem md1 / ext4 defaults format
filesystem md0 /boot ext4 defaults format
filesystem vg0/home /home ext4 defaults preserve
filesystem vg0/srv /srv ext4 defaults format
filesystem vg0/swap swap swap defaults format" ]]
}

@test "a site's template wins, and is named when it is wrong" {
	mkdir "$BATS_TEST_TMPDIR/t"
	echo "templates = $BATS_TEST_TMPDIR/t" >"$BATS_TEST_TMPDIR/conf"
	echo "<memballoon model='none'/>{{! the site's }}" >"$BATS_TEST_TMPDIR/t/domain-serial.xml.mustache"
	run render --config "$BATS_TEST_TMPDIR/conf" --virt kvm domain profiles/quickstart.xml
	[ "$status" -eq 1 ]
	[[ $output == *"$BATS_TEST_TMPDIR/t/domain-serial.xml.mustache"*VP-T02* ]]
	echo "{{#a}}" >"$BATS_TEST_TMPDIR/t/domain-serial.xml.mustache"
	run render --config "$BATS_TEST_TMPDIR/conf" --virt kvm domain profiles/quickstart.xml
	[ "$status" -eq 1 ]
	[[ $output == *"domain-serial.xml:1: unclosed section a"*VP-T01* ]]
	: >"$BATS_TEST_TMPDIR/t/domain-serial.xml.mustache"
	run render --config "$BATS_TEST_TMPDIR/conf" --virt kvm domain profiles/quickstart.xml
	[ "$status" -eq 0 ]
	[[ $output != *"<serial"* ]]
}

@test "an unknown kind is a usage error that lists the kinds" {
	run render floppy profiles/quickstart.xml
	[ "$status" -eq 2 ]
	[[ $output == *"domain domain-install pxelinux dnsmasq config network"* ]]
}
