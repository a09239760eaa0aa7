#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The runner itself: what it counts, above all where a suite does not end as it should.

# suite NAME LINES... : a system suite of these shell lines
suite() {
	local name=$1
	shift
	mkdir -p "$BATS_TEST_TMPDIR/system"
	printf '%s\n' '#!/bin/sh' "$@" >"$BATS_TEST_TMPDIR/system/$name.sh"
	chmod +x "$BATS_TEST_TMPDIR/system/$name.sh"
}

run_suites() {
	VP_BUILD=$BATS_TEST_TMPDIR run "$VP_TOP/tests/run" "$BATS_TEST_TMPDIR"/system/*.sh
	echo "$output"
}

# expect STATUS LASTLINE
expect() {
	[ "$status" -eq "$1" ]
	[ "${lines[-1]}" = "$2" ]
}

@test "passed, failed and skipped tests are counted, with the reason of the skip" {
	suite a 'echo 1..4' 'echo "ok 1 - x"' 'echo "not ok 2 - y"' 'echo "ok 3 - z # SKIP no tun here"' 'echo "ok 4"' 'exit 1'
	run_suites
	expect 1 "2 passed, 1 failed, 1 skipped"
	[[ $output == *"skipped: z: no tun here"* && $output == *"failed: y"* ]]
}

@test "all passed is exit status 0" {
	suite a 'echo "ok 1"' 'echo 1..1'
	run_suites
	expect 0 "1 passed, 0 failed, 0 skipped"
}

@test "a skip as cmocka writes it" {
	suite a 'echo 1..1' 'echo "no samples"' 'echo "not ok 1 # SKIP reads_samples"'
	run_suites
	expect 0 "0 passed, 0 failed, 1 skipped"
	[[ $output == *"skipped: reads_samples: no samples"* ]]
}

@test "a suite that is skipped as a whole" {
	suite a 'echo "1..0 # SKIP needs root"'
	run_suites
	expect 0 "0 passed, 0 failed, 1 skipped"
	[[ $output == *"the whole suite: needs root"* ]]
}

@test "a crash is one failure" {
	suite a 'echo 1..2' 'echo "ok 1"' 'kill -SEGV $$'
	run_suites
	expect 1 "1 passed, 1 failed, 0 skipped"
}

@test "no output at all is one failure, even with exit status 0" {
	suite a 'exit 0'
	run_suites
	expect 1 "0 passed, 1 failed, 0 skipped"
}

@test "fewer tests than planned are one failure" {
	suite a 'echo 1..3' 'echo "ok 1"' 'echo "ok 2"'
	run_suites
	expect 1 "2 passed, 1 failed, 0 skipped"
}

@test "an exit status that no failing test explains is one failure" {
	suite a 'echo 1..1' 'echo "ok 1"' 'exit 23'
	run_suites
	expect 1 "1 passed, 1 failed, 0 skipped"
}

@test "a suite that exceeds its deadline is ended, with what it started, and is one failure" {
	suite a '# timeout: 1' 'echo 1..1' "sleep 4321.$$ &" 'sleep 60'
	run_suites
	expect 1 "0 passed, 1 failed, 0 skipped"
	run grep -las "4321.$$" /proc/[0-9]*/cmdline
	[ -z "$output" ]
}

@test "a run that is ended ends its suites" {
	suite a 'echo 1..1' ": >$BATS_TEST_TMPDIR/begun" "sleep 8765.$$"
	VP_BUILD=$BATS_TEST_TMPDIR "$VP_TOP/tests/run" "$BATS_TEST_TMPDIR/system/a.sh" >"$BATS_TEST_TMPDIR/out" 3>&- &
	for _ in {1..100}; do
		[ ! -e "$BATS_TEST_TMPDIR/begun" ] || break
		sleep 0.1
	done
	kill $!
	status=0
	wait $! || status=$?
	[ "$status" -eq 130 ]
	run grep -las "8765.$$" /proc/[0-9]*/cmdline
	[ -z "$output" ]
}

@test "TMPDIR is a suite's own and is removed" {
	# shellcheck disable=SC2016 # the suite expands it
	suite a 'echo 1..1' 'echo "$TMPDIR" >'"$BATS_TEST_TMPDIR/where" 'touch "$TMPDIR/left"' 'echo "ok 1"'
	run_suites
	expect 0 "1 passed, 0 failed, 0 skipped"
	[ ! -e "$(cat "$BATS_TEST_TMPDIR/where")" ]
}

@test "no suites is a failure" {
	VP_BUILD=$BATS_TEST_TMPDIR run "$VP_TOP/tests/run"
	expect 1 "0 passed, 1 failed, 0 skipped"
}
