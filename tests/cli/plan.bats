#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What a plan says about a world in which nothing was made yet; it needs no root and makes nothing.

setup() {
	: "${VPROV:?the program}" "${VP_TOP:=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}"
	cd "$BATS_TEST_TMPDIR" || exit
	cp "$VP_TOP/profiles/quickstart.xml" node.xml
	unset LIBVIRT_DEFAULT_URI
}

plan() { run "$VPROV" plan --state-dir "$BATS_TEST_TMPDIR/state" "$@"; }

# problem FILE-EDIT CODE TEXT : the plan of the edited profile ends with 5, the code, the text, and nothing made
problem() {
	sed -i "$1" node.xml
	plan node.xml
	[ "$status" -eq 5 ]
	[[ $output == *"[$2]"* ]]
	[[ $output == *$3* ]]
	[[ $output == *node.xml:*/* ]]
	[ ! -e state ]
}

@test "everything is to be made, in order" {
	plan node.xml
	[ "$status" -eq 0 ]
	kinds=$(sed -n 's/^[a-z]* *\(bridge\|tap\|disk\|node\|domain\|power\|verify\) .*/\1/p' <<<"$output" | xargs)
	[ "$kinds" = "bridge tap disk node domain power verify" ]
	[ ! -e state ]
}

@test "what is assigned in the domain is told with its place" {
	echo "xml = ./devices/disk[1]/driver/@cache = none" >conf
	plan --config conf node.xml
	[ "$status" -eq 0 ]
	[[ $output == *"note: quickstart.vprov.test: its definition: ./devices/disk[1]/driver/@cache = none, was writeback (site:xml, conf:1)"* ]]
	echo "xml = ./devices/disk[7]/driver/@cache = none" >conf
	plan --config conf node.xml
	[ "$status" -eq 5 ]
	[[ $output == *"conf:1: site:xml: ./devices/disk[7]/driver/@cache: leads to nothing from 'disk[7]' on"* ]]
}

@test "--exit-code" {
	plan --exit-code node.xml
	[ "$status" -eq 3 ]
}

@test "--json has the documented keys" {
	plan --json node.xml
	[ "$status" -eq 0 ]
	for key in steps action target risk before after why; do [[ $output == *"\"$key\":"* ]]; done
}

@test "a saved plan is a file that says what it was made from" {
	plan -o saved.json node.xml
	[ "$status" -eq 0 ]
	grep -q '"vprov_plan": 1' saved.json
	grep -q "$BATS_TEST_TMPDIR/node.xml" saved.json
	[ "$(stat -c %a saved.json)" = 600 ]
}

@test "a plan that cannot be saved is an error" {
	plan -o absent/saved.json node.xml
	[ "$status" -eq 1 ]
	[[ $output == *absent/saved.json* ]]
}

@test "a bridge that does not exist and cannot be made" {
	problem '/<string name="address">/d; /default_gateway/d' VP-P07 "there is no bridge 'vprov0'"
}

@test "a bridge whose name is a device that is no bridge" {
	problem 's|<nlist name="bridge">|&<string name="name">lo</string>|; /<string name="name">vprov0/d' VP-N02 "is no bridge"
}

@test "a disk larger than the file system" {
	problem 's|>msdos<|>gpt<|; s|<long name="capacity">4096|<long name="capacity">1000000000|' VP-S02 "larger than the file system"
}

@test "new images that do not fit together" {
	mib=$(($(df --output=size -m . | tail -n 1) * 6 / 10))
	for h in a b; do
		sed "s|\"quickstart\"|\"$h\"|; s|>quickstart<|>$h<|; s|10\.94\.17\.10|10.94.17.3$((16#$h - 10))|; s|>msdos<|>gpt<|
			s|<long name=\"capacity\">4096|<long name=\"capacity\">$mib|" node.xml >$h.xml
	done
	plan a.xml b.xml
	[ "$status" -eq 0 ]
	[[ $output == *"note: 2 new disk images may grow to "*"; the file system of $BATS_TEST_TMPDIR/state/disks has "*" free now"* ]]
}

@test "a disk image that is there and not vprov's is left alone" {
	mkdir -p state/disks
	echo precious >state/disks/quickstart.vprov.test-sda.qcow2
	plan node.xml
	[ "$status" -ne 0 ]
	[ "$(cat state/disks/quickstart.vprov.test-sda.qcow2)" = precious ]
	run "$VPROV" apply --state-dir "$BATS_TEST_TMPDIR/state" node.xml
	[ "$status" -ne 0 ]
	[ "$(cat state/disks/quickstart.vprov.test-sda.qcow2)" = precious ]
}
