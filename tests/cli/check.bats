#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Bad profiles: exit status, code, line, path and words of the message; and nothing is made.

bats_require_minimum_version 1.5.0

setup() {
	cd "$VP_TOP" || exit
	t=$BATS_TEST_TMPDIR
	: >"$t/site.conf"
}

vprov() {
	command "$VPROV" "$1" --state-dir "$t/state" --config "$t/site.conf" "${@:2}"
}

# The command fails with status 5 and one of its lines has all of the words; no state is made.
refuses() {
	run ! vprov check "$@"
	[ "$status" -eq 5 ] || { echo "exit $status of: $*" "$output" && false; }
	[ ! -e "$t/state" ]
}

says() {
	local line word
	while IFS= read -r line; do
		for word; do [[ $line == *"$word"* ]] || continue 2; done
		return 0
	done <<<"$output"
	echo "nothing in this says: $*" "$output"
	return 1
}

# variant NAME SED: quickstart.json, changed (the change has to be one).
variant() {
	sed -E "$2" profiles/quickstart.json >"$t/$1.json"
	! cmp -s profiles/quickstart.json "$t/$1.json" || { echo "no change by $2" && false; }
}

# wrong CODE PATH TEXT SED...: each change alone gives this diagnostic.
wrong() {
	local sed
	for sed in "${@:4}"; do
		variant x "$sed"
		refuses "$t/x.json"
		says "x.json" "error: $2: " "$3" "[$1]"
	done
}

@test "the shipped profile is right in both formats, and from stdin" {
	run vprov check profiles/quickstart.xml
	[ "$status" -eq 0 ]
	says "quickstart.vprov.test: ok (1 vCPU, 1 GiB, 1 disk of 4 GiB, boots from eth0 10.94.17.10, kvm, install image)"
	run --separate-stderr vprov check --json profiles/quickstart.json
	[ "$status" -eq 0 ]
	[ "$(tr -d ' \n' <<<"$output")" = '{"diagnostics":[]}' ]
	vprov check - <profiles/quickstart.xml
	gzip -c profiles/quickstart.xml | vprov check -
}

@test "files that are not there, not readable, empty, or no files" {
	refuses "$t/none.xml"
	says "none.xml: error: No such file" "[VP-P01]"
	: >"$t/empty.xml"
	refuses "$t/empty.xml"
	says "empty.xml:1: error: the file is empty" "[VP-P02]"
	mkdir "$t/dir"
	refuses "$t/dir"
	says "dir: error: the directory holds no profiles" "[VP-P01]"
}

@test "too large, too deep, too many, and small only while packed" {
	{ printf '{"a":"' && head -c 68000000 /dev/zero | tr '\0' x && printf '"}'; } >"$t/large.json"
	refuses "$t/large.json"
	says "large.json: error: larger than" "[VP-P03]"
	gzip -1 "$t/large.json"
	refuses "$t/large.json.gz"
	says "large.json.gz: error: the gzip data of this profile inflate to more than 64 MiB" "[VP-P03]"
	{ printf '{"a":' && head -c 100000 /dev/zero | tr '\0' '['; } >"$t/deep.json"
	refuses "$t/deep.json"
	says "deep.json:1: error:" "deeper than 64 levels" "[VP-P03]"
	{ printf '<nlist>' && printf '<nlist name="x%s">' {1..100}; } >"$t/deep.xml"
	refuses "$t/deep.xml"
	says "deeper than 64 levels" "[VP-P03]"
	{ printf '{"a":[0' && head -c 4000000 /dev/zero | sed 's/\x00\x00/,1/g' && printf ']}'; } >"$t/many.json"
	refuses "$t/many.json"
	says "more than 2000000 values" "[VP-P03]"
}

@test "wrong types" {
	wrong VP-P04 /hardware/cpu/0/cores 'is a string; it has to be a long' 's/"cores": 1/"cores": "one"/'
	wrong VP-P04 /hardware/ram/0/size 'is a double' 's/"size": 1024/"size": 0.5/'
	wrong VP-P04 /hardware/cards/nic/eth0/boot 'it has to be a boolean' 's/"boot": true \} \}/"boot": 1 } }/'
	wrong VP-P04 /system/filesystems 'is a dict; it has to be a list' '/"filesystems": \[/,/\],/c "filesystems": {},'
	wrong VP-P04 /system/network/hostname 'is a boolean' 's/"quickstart"/true/'
}

@test "missing values" {
	wrong VP-P06 /hardware/cpu 'one item per processor' '/"cpu"/d'
	wrong VP-P06 /hardware/ram 'one item per module' '/"ram"/d'
	wrong VP-P06 /hardware/ram/0/size 'is missing; it has to be a long' 's/"size": 1024//'
	wrong VP-P06 /hardware/harddisks '1 to 26 disks' '/"harddisks"/d'
	wrong VP-P06 /system/network/hostname 'is missing' '/"hostname"/d'
	wrong VP-P06 /system/network/interfaces/eth0/ip 'no netmask' 's/, "netmask": "[0-9.]+"//'
	wrong VP-P06 /hardware/cards/nic '1 to 32 NICs' '/"cards"/d; /"eth0"/d; s/(4096 \} \}),/\1/'
	wrong VP-P06 /system/filesystems 'mounted at /' 's/"mountpoint": "\/"/"mountpoint": "\/srv"/'
}

@test "absurd sizes and numbers" {
	wrong VP-P05 /hardware/cpu/0/cores 'from 1 to 4096' 's/"cores": 1/"cores": 0/' 's/"cores": 1/"cores": -4/' 's/"cores": 1/"cores": 4097/'
	wrong VP-P05 /hardware/ram/0/size 'MiB' 's/"size": 1024/"size": 0/' 's/"size": 1024/"size": 9223372036854775807/'
	wrong VP-P05 /hardware/ram '64 MiB' 's/"size": 1024/"size": 63/'
	wrong VP-P05 /hardware/harddisks/sda/capacity 'from 1 to 1073741824 MiB' 's/4096/0/' 's/4096/1073741825/'
	wrong VP-P09 /system/blockdevices/partitions/sda2 'need more than its 256 MiB' 's/4096/256/'
	wrong VP-P09 /system/blockdevices/partitions/sda2 'need more than its 4 GiB' 's/"size": 256/"size": 4096/'
	wrong VP-P05 /system/vprov/verify/cpu_laps 'from 1 to 1000000' 's/"cpu_laps": 5/"cpu_laps": 0/'
}

@test "addresses that cannot be" {
	wrong VP-P05 /system/network/interfaces/eth0/ip 'address' 's/17\.10"/17.256"/' 's/10\.94\.17\.10"/224.0.0.1"/'
	wrong VP-P05 /system/network/interfaces/eth0/ip 'network address' 's/17\.10"/17.0"/'
	wrong VP-P05 /system/network/interfaces/eth0/ip 'broadcast address' 's/17\.10"/17.255"/'
	wrong VP-P05 /system/network/interfaces/eth0/ip "host's own address on vprov0" 's/17\.10"/17.1"/'
	wrong VP-P05 /system/network/interfaces/eth0/ip 'outside of the subnet of the bridge' 's/10\.94\.17\.10"/10.94.18.10"/'
	wrong VP-P05 /system/network/interfaces/eth0/netmask 'a netmask' 's/255\.255\.255\.0/255.0.255.0/'
	wrong VP-P05 /hardware/cards/nic/eth0/hwaddr 'MAC address of one card' \
		's/"boot": true \} \}/"boot": true, "hwaddr": "52:54:00:12:34" } }/' 's/"boot": true \} \}/"boot": true, "hwaddr": "ff:ff:ff:ff:ff:ff" } }/'
	wrong VP-P05 /system/vprov/bridge/address 'prefix length' 's/17\.1\/24/17.1/'
}

@test "references to nothing, and what the method image cannot make" {
	wrong VP-P07 /system/blockdevices/partitions/sda2 'no disk below /hardware/harddisks' 's/"sda", "size"/"sdx", "size"/'
	wrong VP-P07 /system/filesystems/1 'does not exist' 's/partitions\/sda2/partitions\/sda7/'
	wrong VP-P07 /system/vprov/nics/eth9 'no NIC of that name' 's/"virt": "kvm"/"virt": "kvm", "nics": { "eth9": { "model": "e1000" } }/'
	wrong VP-P05 /system/blockdevices/md/md0 'RAID1 of at least 2 devices' \
		's/partitions\/sda2/md\/md0/; s/"partitions": \{/"md": { "md0": { "device_list": [ "partitions\/sda2" ], "raid_level": "RAID1" } }, &/'
	wrong VP-P05 /system/filesystems/0 'no file systems of type zfs' 's/ext4/zfs/'
	wrong VP-P05 /system/vprov/virt 'one of: kvm qemu' 's/"kvm"/"vmware"/'
	wrong VP-P05 /system/vprov/brigde/name 'knows no such path' 's/"bridge": \{/"brigde": {/'
}

@test "hostile strings" {
	# shellcheck disable=SC2016 # nothing is to expand
	wrong VP-P05 /system/network/hostname 'a host name' \
		's/"quickstart"/"..\/..\/etc\/cron.d\/x"/' 's/"quickstart"/"$(reboot)"/' "s/\"quickstart\"/\"a';reboot;'\"/" 's/"quickstart"/"a\\nb"/' \
		's/"quickstart"/"<b>"/' 's/"quickstart"/"a\\u0000b"/' 's/"quickstart"/"--yes"/' 's/"quickstart"/""/'
	wrong VP-P05 /system/vprov/bridge/name 'a device name' 's/"vprov0"/"..\/eth0"/' 's/"vprov0"/"a-name-that-is-too-long"/' 's/"vprov0"/"a b"/'
	wrong VP-P05 /system/vprov/kernel_args 'words of letters' 's/"virt"/"kernel_args": "init=\/bin\/sh\\nlabel evil", "virt"/'
	wrong VP-P05 /system/vprov/ssh_keys/0 'without options' 's/"virt"/"ssh_keys": [ "command=\\"id\\" ssh-rsa AAAA" ], "virt"/'
	wrong VP-P05 /system/vprov/packages/0 'Debian package' 's/"virt"/"packages": [ "--allow-untrusted" ], "virt"/'
	wrong VP-P05 /system/vprov/disk/dir 'an absolute path' 's/"virt"/"disk": { "dir": "\/srv\/..\/etc" }, "virt"/'
	wrong VP-P05 /system/filesystems/0/mountpoint 'an absolute path' 's/"mountpoint": "\/"/"mountpoint": "\/;reboot"/'
	wrong VP-P02 /system/network/interfaces 'no key may have' 's/"eth0": \{ "bootproto"/"..\/x": { "bootproto"/'
	# What comes back to the terminal holds no control characters.
	variant x 's/"quickstart"/"a\\u001b[2J\\u009b31m"/'
	refuses "$t/x.json"
	[[ $output != *[$'\x1b']* && $output != *$'\u9b'* ]]
}

@test "two nodes with one name, MAC or IP address" {
	mkdir "$t/two"
	mac='s/"boot": true \} \}/"boot": true, "hwaddr": "52:54:00:00:00:01" } }/'
	variant two/a "$mac"
	variant two/b "${mac/00:01/00:02}"
	refuses "$t/two"
	says "two/b.json:" "error: /system/network/hostname: the name quickstart.vprov.test" "two/a.json:" "[VP-P08]"
	says "error: /system/network/interfaces/eth0/ip: the IP address 10.94.17.10" "[VP-P08]"
	variant two/b "$mac; s/\"quickstart\"/\"other\"/; s/17\.10\"/17.11\"/"
	refuses "$t/two/b.json" "$t/two/a.json"
	says "two/a.json:" "error: /hardware/cards/nic/eth0/hwaddr: the MAC address 52:54:00:00:00:01" "is that of other.vprov.test" "[VP-P08]"
	says "1 error, 0 warnings"
	variant two/b "${mac/00:01/00:02}; s/\"quickstart\"/\"other\"/; s/17\.10\"/17.11\"/"
	vprov check "$t/two"
}

@test "all problems at once, in order, and as JSON" {
	variant x 's/"cores": 1/"cores": 0/; s/"quickstart"/"a b"/; s/"kvm"/"vmware"/'
	refuses "$t/x.json"
	[ "${#lines[@]}" -eq 4 ]
	[[ ${lines[0]} == *x.json:3:* && ${lines[1]} == *x.json:10:* && ${lines[2]} == *x.json:30:* && ${lines[3]} == "3 errors, 0 warnings" ]]
	refuses --json "$t/x.json"
	[ "$(sed -n 's/.*"line": \([0-9]*\).*/\1/p' <<<"$output" | tr '\n' ' ')" = "3 10 30 " ]
	for key in file line path code severity message; do [ "$(grep -c "\"$key\": " <<<"$output")" -eq 3 ]; done
	says '"code": "VP-P05"'
}

@test "apply and plan refuse what check refuses" {
	variant x 's/"cores": 1/"cores": 0/'
	for command in plan apply render\ domain show; do
		# shellcheck disable=SC2086 # a command and its kind
		run -5 vprov $command "$t/x.json"
		says "/hardware/cpu/0/cores"
		[ ! -e "$t/state" ]
	done
}

@test "a wrong site configuration is a usage error with its line" {
	printf 'virt = kvm\n\nvirtt = kvm\n[node x\nbridge/name = a/b\n' >"$t/site.conf"
	run -2 vprov check profiles/quickstart.xml
	says 'site.conf:3: error: unknown key "virtt"' "[VP-U02]"
	says 'site.conf:4: error:' "[VP-U02]"
	says 'site.conf:5: error: bridge/name = "a/b": it has to be a string: a device name' "[VP-U02]"
	run -2 vprov check --json profiles/quickstart.xml
	says '"code": "VP-U02"'
}

@test "show: every value with where it came from" {
	printf 'disk/format = raw\n' >"$t/site.conf"
	run vprov show profiles/quickstart.xml
	[ "$status" -eq 0 ]
	says "memory " "1 GiB" "/hardware/ram, line "
	says "disk.sda.format " "raw" "site:disk/format, $t/site.conf:1"
	says "firmware " "bios" "default"
	says "nic.eth0.mac " "02:" "derived: UUID and NIC name"
	run vprov show --virt xen-para --json profiles/quickstart.xml
	says '"virt": "xen-para"'
	says '"virt": "option --virt"'
	says '"target": "xvda"'
}

@test "schema: the paths, and what each has to be" {
	run vprov schema
	[ "$status" -eq 0 ]
	says "/hardware/ram/*/size"
	says "a long from 1 to 16777216 MiB"
}
