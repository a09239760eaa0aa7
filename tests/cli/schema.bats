#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The binding table as people see it: the reference page, and what of a profile no rule reads.
# shellcheck disable=SC2154
bats_require_minimum_version 1.5.0

setup() {
	: "${VP_TOP:=$PWD}" "${VPROV:=$VP_TOP/build/vprov}"
	export VPROV_LIB=$VP_TOP VPROV_CACHE=$BATS_TEST_TMPDIR/cache
	cd "$VP_TOP" || return 1
	cat >"$BATS_TEST_TMPDIR/n.json" <<-END
		{"hardware": {"cpu": [{"cores": 1, "power": 80}]}, "metadata": {"a": "b"},
		 "system": {"typo": {"x": {"y": {"z": 1, "w": 2}}}, "vo": {"cms": {"name": "cms"}}}}
	END
}

@test "docs/profile-reference.md is what the table says" {
	[[ -z ${VP_REGENERATE:-} ]] || "$VPROV" schema --markdown >docs/profile-reference.md
	"$VPROV" schema --markdown | diff docs/profile-reference.md -
}

@test "every path of the schema is on the reference page" {
	"$VPROV" schema | grep -E '^[/a-z]\S*$' | while read -r path; do
		grep -qF "| \`$path\` |" docs/profile-reference.md || { echo "$path"; exit 1; }
	done
}

@test "show --unused: grouped, with reasons; all paths with -v" {
	run -0 --separate-stderr "$VPROV" show --unused "$BATS_TEST_TMPDIR/n.json"
	[[ ${lines[0]} == *"n.json: 1 values are read, 3 ignored on purpose, 2 unknown" ]]
	[[ $output == *"1  /system/vo "*"virtual organisations"* ]]
	[[ $output == *"unknown:"*"2  /system/typo/x"* && $output != */typo/x/y* ]]
	run -0 --separate-stderr "$VPROV" show --unused -v "$BATS_TEST_TMPDIR/n.json"
	[[ $output == */system/typo/x/y/z* ]]
}

@test "show --unused: of a host that is named in its directory, not of the others" {
	run -0 --separate-stderr "$VPROV" show --unused profiles/site wn1
	[[ $output == *wn1.example.org.xml* && $output != *ce.example.org.xml* ]]
}

@test "the roles are listed" {
	run -0 "$VPROV" schema
	[[ $output == *"Grid roles"*": ce, "*", wn, "* ]]
}

@test "show --unused --json" {
	"$VPROV" show --unused --json "$BATS_TEST_TMPDIR/n.json" | jq -e '.profiles[0] | .read == 1 and (.unknown | length) == 1 and
		.unknown[0].paths == ["/system/typo/x/y/z", "/system/typo/x/y/w"] and all(.ignored[]; .reason != "")'
}

@test "show --unused: what cannot be read is an error" {
	echo '{' >"$BATS_TEST_TMPDIR/bad.json"
	run -5 --separate-stderr "$VPROV" show --unused "$BATS_TEST_TMPDIR/bad.json" "$BATS_TEST_TMPDIR/n.json"
	[[ $stderr == *bad.json* && $output == *n.json* ]]
}
