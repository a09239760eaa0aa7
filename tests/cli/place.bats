#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Guests where their hypervisor's profile has them: what ncm-xen would have written for xm, and what vprov makes of it, line by line.

setup() {
	cd "$VP_TOP" || exit
	export HOME=$BATS_TEST_TMPDIR
	dir=$BATS_TEST_TMPDIR
	unset LIBVIRT_DEFAULT_URI
}

vp() {
	local command=$1
	shift
	"$VPROV" "$command" --state-dir "$dir/state" "$@" 2>"$dir/err" || { cat "$dir/err"; false; }
}

# The domains of a hypervisor's JSON profile, as ncm-xen read them.
by_ncm_xen() {
	jq -r '.software.components.xen.domains[].options
		| . as $o
		| "\($o.name) memory \($o.memory)", "\($o.name) vcpus \($o.vcpus)", "\($o.name) bootloader \($o.bootloader // "-")",
		  ($o.disk[] | (if .type == "lvm" then "phy:/dev/\(.hostdevice)/\(.hostvol)" elif .type == "phy" then "phy:/dev/\(.hostdevice)"
			else "file:\(.path)" end) as $s | "\($o.name) disk \($s),\(.guestdevice),\(.rw) \(.size // "-")"),
		  ($o.vif[] | (capture("mac=(?<m>[0-9A-Fa-f:]+)").m | ascii_downcase) as $m
			| "\($o.name) vif \($m) \((capture("bridge=(?<b>[^,]+)").b) // "xenbr0")")' "$1" | sort
}

# The same of the nodes, from their JSON.
by_vprov() {
	vp show --json "$@" | jq -r '.nodes[] | select(.host != "")
		| . as $n
		| "\(.name) memory \(.memory_mib)", "\(.name) vcpus \(.vcpus)", "\(.name) bootloader \(.boot.bootloader // "-")",
		  (.disks[] | "\($n.name) disk \(if .type == "block" then "phy" else "file" end):\(.path),\(.slot),\(if .readonly then "r" else "w" end) \(.size_mib)"),
		  (.nics[] | "\($n.name) vif \(.mac) \(.bridge)")' | sort
}


# One element or attribute of a domain.
xml() {
	xmllint --xpath "string($2)" "$1"
}

write_site() {
	cat >"$dir/dom0.json" <<-'END'
		{"hardware": {"cpu": [{"cores": 8}], "ram": [{"size": 16384}], "cards": {"nic": {"eth0": {"hwaddr": "00:16:3E:0A:00:01", "boot": true}}}},
		 "system": {"network": {"hostname": "dom0", "domainname": "example.org", "interfaces": {"eth0": {"ip": "192.0.2.2", "netmask": "255.255.255.0"}}}},
		 "software": {"components": {"xen": {"network": {"bridges": {"xenbr0": {"netdev": "eth0"}, "xenbr1": {"netdev": "eth1"}}}, "domains": {
		  "g1.example.org": {"auto": true, "options": {"name": "g1.example.org", "memory": 1024, "vcpus": 2, "bootloader": "/usr/bin/pygrub", "bootargs": "",
		   "vif": ["mac=00:16:3E:0A:00:0A", "mac=00:16:3E:0A:00:0B,bridge=xenbr1"], "disk": [
		    {"type": "lvm", "hostdevice": "vg", "hostvol": "g1", "guestdevice": "hda", "rw": "w", "size": 4096},
		    {"type": "file", "path": "/srv/g1.img", "guestdevice": "hdb", "rw": "r", "size": 64}]}},
		  "g2.example.org": {"options": {"name": "g2.example.org", "memory": 512, "vcpus": 1, "kernel": "/boot/vmlinuz-xen", "ramdisk": "/boot/initrd-xen",
		   "root": "/dev/xvda1 ro", "vif": ["mac=00:16:3E:0A:00:0C,bridge=xenbr0"], "disk": [
		    {"type": "phy", "hostdevice": "sdc", "guestdevice": "xvda", "rw": "w", "size": 2048}]}}}}}}}
	END
	guest g1 192.0.2.11 '{"eth0": {"hwaddr": "00:16:3E:0A:00:0A"}, "eth1": {"hwaddr": "00:16:3E:0A:00:0B"}}' \
		'{"hda": {"capacity": 4096}, "hdb": {"capacity": 64}}' 2 1024
	guest g2 192.0.2.12 '{"eth0": {"hwaddr": "00:16:3E:0A:00:0C"}}' '{"xvda": {"capacity": 2048}}' 1 512
}

guest() {
	jq -n --arg name "$1" --arg ip "$2" --argjson nics "$3" --argjson disks "$4" --argjson cores "$5" --argjson mib "$6" \
		'{hardware: {cpu: [{cores: $cores}], ram: [{size: $mib}], harddisks: $disks, cards: {nic: $nics}},
		  system: {network: {hostname: $name, domainname: "example.org", interfaces: {eth0: {ip: $ip, netmask: "255.255.255.0"}}}}}' >"$dir/$1.json"
}

@test "guests are planned as ncm-xen would have configured them" {
	write_site
	by_ncm_xen "$dir/dom0.json" >"$dir/expected"
	[ "$(wc -l <"$dir/expected")" -eq 12 ]
	by_vprov "$dir"/{dom0,g1,g2}.json | diff "$dir/expected" -
}

@test "the domain has the hypervisor's devices, loader and kernel" {
	write_site
	mkdir "$dir/g1"
	cp "$dir/g1.json" "$dir/dom0.json" "$dir/g1"
	vp render domain "$dir/g1" >"$dir/g1.xml"
	[ "$(xml "$dir/g1.xml" /domain/@type)" = xen ]
	[ "$(xml "$dir/g1.xml" /domain/bootloader)" = /usr/bin/pygrub ]
	[ "$(xml "$dir/g1.xml" '//disk[1]/@type')" = block ]
	[ "$(xml "$dir/g1.xml" '//disk[1]/source/@dev')" = /dev/vg/g1 ]
	[ "$(xml "$dir/g1.xml" '//disk[1]/target/@dev')" = hda ]
	[ "$(xml "$dir/g1.xml" 'count(//disk[1]/readonly)')" = 0 ]
	[ "$(xml "$dir/g1.xml" '//disk[2]/source/@file')" = /srv/g1.img ]
	[ "$(xml "$dir/g1.xml" 'count(//disk[2]/readonly)')" = 1 ]
	[ "$(xml "$dir/g1.xml" '//interface[1]/source/@bridge')" = xenbr0 ]
	[ "$(xml "$dir/g1.xml" '//interface[2]/source/@bridge')" = xenbr1 ]
	[ "$(xml "$dir/g1.xml" /domain/on_reboot)" = restart ]
	mkdir "$dir/g2"
	cp "$dir/g2.json" "$dir/dom0.json" "$dir/g2"
	vp render domain "$dir/g2" >"$dir/g2.xml"
	[ "$(xml "$dir/g2.xml" /domain/os/kernel)" = /boot/vmlinuz-xen ]
	[ "$(xml "$dir/g2.xml" /domain/os/initrd)" = /boot/initrd-xen ]
	[ "$(xml "$dir/g2.xml" /domain/os/cmdline)" = "root=/dev/xvda1 ro" ]
	[ "$(xml "$dir/g2.xml" /domain/on_reboot)" = restart ]
	[ "$(xml "$dir/g2.xml" 'count(/domain/bootloader)')" = 0 ]
}

@test "show says who decided" {
	write_site
	vp show "$dir/g1.json" "$dir/dom0.json" >"$dir/out"
	grep -E "^  memory +1 GiB +/software/components/xen/domains/g1.example.org/options/memory, $dir/dom0.json:[0-9]+$" "$dir/out"
	grep -E "^  host +dom0.example.org +/software/components/xen/domains/g1.example.org, $dir/dom0.json:[0-9]+$" "$dir/out"
	vp show --virt kvm "$dir/g1.json" "$dir/dom0.json" | grep -E "^  virt +kvm +option --virt$"
}

@test "two hypervisors cannot have the same guest" {
	write_site
	jq '.system.network.hostname = "dom1" | .system.network.interfaces.eth0.ip = "192.0.2.3" | .hardware.cards.nic.eth0.hwaddr = "00:16:3E:0A:00:02"
		| del(.software.components.xen.domains["g2.example.org"])' "$dir/dom0.json" >"$dir/dom1.json"
	run "$VPROV" check --state-dir "$dir/state" "$dir"/*.json
	[ "$status" -eq 5 ]
	[[ $output == *"g1.example.org is placed on dom1.example.org, and on dom0.example.org, too ($dir/dom0.json:"* ]]
	[[ $output != *"g2.example.org is placed"* ]]
}

@test "a real hypervisor's guests: line by line what ncm-xen would have written" {
	real=$VP_SHARED/profiles/xen-14.8.0
	[ -e "$real" ] || skip "there are no sample profiles beside the tree"
	by_ncm_xen "$real/xen-host.example.org.json" | diff tests/golden/place/xen-14.8.0.txt -
	for form in json xml; do
		# Guests with the address of a host are wrong, and shown all the same: each by itself.
		for name in wn xen-guest; do
			by_vprov "$real/$name.example.org.$form" "$real/xen-host.example.org.$form"
		done | sort | diff tests/golden/place/xen-14.8.0.txt -
	done
}
