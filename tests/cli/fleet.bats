#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A site as one thing: what is seen of clashes, of hypervisors, and of a second run.

bats_require_minimum_version 1.5.0

setup() {
	cd "$VP_TOP" || exit
	t=$BATS_TEST_TMPDIR
	: >"$t/site.conf"
	mkdir -m 755 "$t/cache" "$t/site"
	export VPROV_CACHE=$t/cache
	for h in "a 30" "b 31" "c 31"; do
		sed "s/\"quickstart\"/\"${h% *}\"/; s/10\.94\.17\.10/10.94.17.${h#* }/" profiles/quickstart.json >"$t/site/${h% *}.json"
	done
}

vprov() {
	command "$VPROV" "$1" --state-dir "$t/state" --config "$t/site.conf" "${@:2}"
}

@test "check: clashes name both, the right one is ok, and the second run says the same" {
	run -5 --separate-stderr vprov check "$t/site"
	[[ $stderr == *"the IP address 10.94.17.31 of c.vprov.test is that of b.vprov.test, too ($t/site/b.json:"* ]]
	[[ $output == *"a.vprov.test: ok ("* ]]
	[[ $output != *"b.vprov.test: ok"* && $output == *"3 hosts: 1 ok, 0 with warnings, 2 wrong"* ]]
	first=$output$stderr
	sleep 3
	run -5 --separate-stderr vprov check "$t/site"
	run -5 --separate-stderr vprov check -v "$t/site"
	[[ $stderr == *"3 profiles: 3 as they were, 0 to be read"* ]]
	run -5 --separate-stderr vprov check "$t/site"
	[[ $output$stderr == "$first" ]]
	run -5 --separate-stderr vprov check --json "$t/site"
	[ "$(jq '[.diagnostics[] | select(.severity == "error" and .code == "VP-P08")] | length' <<<"$output")" -ge 1 ]
	[ ! -e "$t/state" ]
}

@test "plan shows what is needed and ends with 5; apply does nothing" {
	run -5 --separate-stderr vprov plan "$t/site"
	[[ $output == *"a.vprov.test"* && $output == *"c.vprov.test"* && $stderr == *"[VP-P08]"* ]]
	run -5 vprov plan --output "$t/saved" "$t/site"
	[ ! -e "$t/saved" ]
	run -5 --separate-stderr vprov apply "$t/site"
	[[ -z $output && $stderr == *"[VP-P08]"* ]]
	[ ! -e "$t/state" ]
}

@test "a cache that cannot be used is no error, and is said with -v" {
	rm "$t/site/c.json"
	printf 'no database' >"$t/cache/fleet.db"
	chmod 600 "$t/cache/fleet.db"
	run -0 --separate-stderr vprov check -v "$t/site"
	[[ $stderr == *"fleet.db"*"going on without"* ]]
	VPROV_CACHE=/proc/none run -0 --separate-stderr vprov check "$t/site"
	[[ -z $stderr ]]
}

@test "a host that is named in its directory runs where the others' profiles place it" {
	run -0 vprov check profiles/site wn1
	[[ $output == "wn1.example.org: ok"*xen-para*"on xen1.example.org)" ]]
	# Alone it knows of no hypervisor.
	run -0 vprov check profiles/site/wn1.example.org.xml
	[[ $output != *xen1* ]]
}
