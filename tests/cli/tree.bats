#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The tree around the program: manual page, package list, installation.

setup() {
	cd "$VP_TOP" || exit
}

@test "the manual page has every command and option, and no other" {
	page=docs/vprov.8.scd
	"$VPROV" help | sed -n 's/^  \([a-z]\+\) .*/\1/p' | sort >"$BATS_TEST_TMPDIR/have"
	sed -n '/^# COMMANDS/,/^# OPTIONS/ s/^\*\([a-z]\+\)\*.*/\1/p' $page | sort >"$BATS_TEST_TMPDIR/told"
	[ -s "$BATS_TEST_TMPDIR/have" ]
	diff "$BATS_TEST_TMPDIR/have" "$BATS_TEST_TMPDIR/told"
	while read -r c; do "$VPROV" help "$c"; done <"$BATS_TEST_TMPDIR/told" |
		sed -n 's/^  -\(.\), --\([a-z-]*\).*/\1 \2/p' | sort -u >"$BATS_TEST_TMPDIR/have"
	sed -n '/^# OPTIONS/,/^# EXIT/ s/^\*-\(.\)\*, \*--\([a-z-]*\)\*.*/\1 \2/p' $page | sort -u >"$BATS_TEST_TMPDIR/told"
	[ -s "$BATS_TEST_TMPDIR/have" ]
	diff "$BATS_TEST_TMPDIR/have" "$BATS_TEST_TMPDIR/told"
}

@test "every line of packages.list names a package and a known group" {
	run awk '!/^#/ && NF && ($2 !~ /^(build|run|test|bench|lint|fuzz)$/ || $1 !~ /^[a-z0-9][a-z0-9.+-]+$/ || NF < 2) { print }' packages.list
	[ -z "$output" ]
}

@test "every error code is explained" {
	run grep -c '^VP_CODE(' provision/base/codes.def
	[ "$output" -gt 20 ]
	sed -n 's/^VP_CODE([A-Z]*, "\([^"]*\)".*/\1/p' provision/base/codes.def | while read -r code; do
		"$VPROV" help "$code" | grep -q 'What to do: ..*'
	done
}

@test "what is installed works, and uninstall removes it" {
	d=$BATS_TEST_TMPDIR/dest
	make -s BUILD="$VP_BUILD" DESTDIR="$d" PREFIX=/usr install
	[ -s "$d/usr/share/man/man8/vprov.8" ]
	"$d/usr/bin/vprov" render --state-dir "$BATS_TEST_TMPDIR/state" domain profiles/quickstart.xml >"$BATS_TEST_TMPDIR/installed.xml"
	"$VPROV" render --state-dir "$BATS_TEST_TMPDIR/state" domain profiles/quickstart.xml | diff - "$BATS_TEST_TMPDIR/installed.xml"
	for part in templates installer guest; do [ -n "$(ls "$d/usr/lib/vprov/$part")" ]; done
	run grep -rla "$VP_TOP" "$d"
	[ -z "$output" ]
	make -s BUILD="$VP_BUILD" DESTDIR="$d" PREFIX=/usr uninstall
	[ -z "$(find "$d" ! -type d)" ]
}
