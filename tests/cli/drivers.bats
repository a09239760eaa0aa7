#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What runs benchmarks that a site brings, with stand-ins for these: they lie about how it went.
bats_require_minimum_version 1.5.0

setup() {
	work=$(mktemp -d)
	export PATH="$work/bin:$PATH" SPEC="$work/spec" WORK="$work/hepscore"
	mkdir -p "$work/bin" "$SPEC/result"
	echo ':' >"$SPEC/shrc"
	drivers=$VP_TOP/profiles/verify.d
}
teardown() { rm -rf "$work"; }
# program NAME : its text on standard input
program() {
	cat >"$work/bin/$1"
	chmod 755 "$work/bin/$1"
}

@test "HEP-SPEC06: the files of this run, of every copy, with their names" {
	touch -d '1 day ago' "$SPEC/result/CINT2006.001.ref.txt"
	program runspec <<-'RUN'
		#!/bin/sh
		echo "444.namd 8020 739 10.9 *" >"result/CFP2006.1$$.ref.txt"
		echo "471.omnetpp 6250 700 8.9 *" >"result/CINT2006.1$$.ref.txt"
	RUN
	run --separate-stderr "$drivers/hep.hs06"
	[ "$status" -eq 0 ]
	[ "$(grep -c '^==> result/C.*2006\..*\.ref\.txt <==$' <<<"$output")" -eq $((2 * $(getconf _NPROCESSORS_ONLN))) ]
	[[ $output != *2006.001.ref* ]]
}

@test "HEP-SPEC06: a copy that fails, one that leaves nothing, and no tree at all" {
	program runspec <<<$'#!/bin/sh\necho "specmake: Error 2"; exit 3'
	run "$drivers/hep.hs06"
	[ "$status" -eq 1 ] && [[ $output == *"specmake: Error 2" ]]
	program runspec <<<$'#!/bin/sh\nexit 0'
	run "$drivers/hep.hs06"
	[ "$status" -eq 1 ] && [[ $output == *"left no results" ]]
	rm "$SPEC/shrc"
	run -127 "$drivers/hep.hs06"
}

@test "HEPscore: what hep-score leaves, or why it left nothing" {
	run -127 "$drivers/hep.hepscore"
	# shellcheck disable=SC2016 # of the stand-in
	program hep-score <<<$'#!/bin/sh\necho "{\\"score\\": 1}" >"$2"'
	run "$drivers/hep.hepscore"
	[ "$status" -eq 0 ] && [ "$output" = '{"score": 1}' ]
	program hep-score <<<$'#!/bin/sh\necho "no space for images"; exit 0'
	run "$drivers/hep.hepscore"
	[ "$status" -eq 1 ] && [ "$output" = "no space for images" ]
	[ ! -e "$WORK" ]
}

@test "fio and iperf 2 themselves: what they print is read" {
	TIME=1 SIZE=16m DIR=$work run --separate-stderr "$drivers/local.fio"
	[ "$status" -eq 0 ]
	[ "$(jq '.jobs[0].read.total_ios > 0 and .jobs[0].write.total_ios > 0' <<<"$output")" = true ]
	[ -z "$(find "$work" -name 'vprov-fio*')" ]
	iperf -s >/dev/null 2>&1 3>&- &
	server=$!
	sleep 1
	PEER=127.0.0.1 TIME=1 STREAMS=2 run "$drivers/peer.iperf2"
	kill $server
	[ "$status" -eq 0 ]
	[ "$(grep -cE '^[0-9.]+,127\.0\.0\.1,[0-9]+,127\.0\.0\.1,5001,[0-9]+,0\.0-[0-9.]+,[0-9]+,[0-9]+$' <<<"$output")" -eq 2 ]
}

@test "a directory that is no NFS is not measured as one; nor is a peer that nobody named" {
	DIR=$work run "$drivers/nfs.bonnie"
	[ "$status" -eq 1 ] && [[ $output == *", not nfs" ]]
	run "$drivers/peer.iperf2"
	[ "$status" -eq 1 ] && [[ $output == "no peer: "* ]]
}
