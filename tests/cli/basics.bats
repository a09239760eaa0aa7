#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What every command promises: exit statuses, usage, help, output that cannot be written, a state directory that does not exist.
# shellcheck disable=SC2016,SC2154
bats_require_minimum_version 1.5.0

setup() {
	: "${VP_TOP:=$PWD}" "${VPROV:=$VP_TOP/build/vprov}"
	export VPROV_LIB=$VP_TOP
	state=$BATS_TEST_TMPDIR/state
	commands=$("$VPROV" help | sed -n '/^  [a-z]/s/^  \([a-z]*\) .*/\1/p')
}

@test "no command, an unknown one, an unknown option, too few arguments: usage, exit 2" {
	run -2 --separate-stderr "$VPROV"
	[[ $stderr == usage:* ]]
	run -2 --separate-stderr "$VPROV" nonsense
	[[ $stderr == *"no command 'nonsense'"*"vprov help"* && -z $output ]]
	run -2 --separate-stderr "$VPROV" status --nonsense
	[[ $stderr == *nonsense*"vprov help status"* && -z $output ]]
	run -2 --separate-stderr "$VPROV" console
	[[ $stderr == "usage: vprov console"* ]]
	run -2 --separate-stderr "$VPROV" log one two
	[[ $stderr == "usage: vprov log"* ]]
	run -2 --separate-stderr "$VPROV" status --virt vmware
	[[ $stderr == *vmware*xen-para* ]]
}

@test "an option of another command is refused" {
	run -2 "$VPROV" status --exit-code
	run -2 "$VPROV" log --watch
	run -2 "$VPROV" status --until-done
}

@test "help of every command" {
	[[ $commands == *apply*status*help* ]]
	for c in $commands; do
		run -0 "$VPROV" help "$c"
		[[ ${lines[0]} == "usage: vprov $c "* && $output == *--state-dir* ]]
		page=$output
		run -0 "$VPROV" "$c" --help
		[[ $output == "$page" ]]
	done
	run -0 "$VPROV" --help
	[[ ${lines[0]} == "usage: vprov COMMAND"* ]]
	run -2 "$VPROV" help nonsense
}

@test "help of every error code" {
	codes=$(sed -n 's/^VP_CODE([A-Z]*, "\(VP-[A-Z0-9]*\)".*/\1/p' "$VP_TOP/provision/base/codes.def")
	[[ $(wc -w <<<"$codes") -gt 20 ]]
	for code in $codes; do
		run -0 "$VPROV" help "$code"
		[[ ${lines[0]} == "$code: "* && $output == *"What to do: "*"Exit status "[0-9]. ]]
	done
	[[ -z $(sort <<<"$codes" | uniq -d) ]]
}

@test "version names the program and its libraries" {
	run -0 "$VPROV" version
	[[ ${lines[0]} == "vprov $(cat "$VP_TOP/VERSION" 2>/dev/null || echo 0.1.0)" && $output == *libvirt*jansson* || $output == *jansson*libvirt* ]]
	run -0 "$VPROV" version --json
	jq -e '.version and (.libraries.libvirt | test("^[0-9]+\\.[0-9]+"))' <<<"$output"
}

@test "a state directory that does not exist holds no nodes, and is not made" {
	run -0 --separate-stderr "$VPROV" status -s "$state"
	[[ $output == "no nodes" && -z $stderr ]]
	run -0 --separate-stderr "$VPROV" status -s "$state" --json
	[[ $(jq -c . <<<"$output") == '{"nodes":[]}' && -z $stderr ]]
	run -0 --separate-stderr "$VPROV" log -s "$state" --json
	[[ $(jq -c . <<<"$output") == '{"events":[]}' ]]
	run -0 --separate-stderr "$VPROV" status -s "$state" -q
	[[ -z $output$stderr ]]
	[[ ! -e $state ]]
}

@test "an unknown node: exit 1, with its code and what to do" {
	for c in status log console; do
		run -1 --separate-stderr "$VPROV" "$c" -s "$state" ghost
		[[ -z $output && ${stderr_lines[0]} == "vprov: error: "*"'ghost'"*"[VP-S05]" && ${stderr_lines[1]} == "  what to do: "* ]]
	done
	run -1 --separate-stderr "$VPROV" status -s "$state" $'gho\033[31mst'
	[[ $stderr != *$'\033'* ]]
	[[ ! -e $state ]]
}

@test "a damaged state database is told, not overwritten" {
	mkdir "$state"
	head -c 8192 /dev/zero | tr '\0' x >"$state/vprov.db"
	cp "$state/vprov.db" "$BATS_TEST_TMPDIR/before"
	run -1 --separate-stderr "$VPROV" status -s "$state"
	[[ $stderr == *"[VP-S04]"* && $stderr == *vprov.db* ]]
	cmp "$state/vprov.db" "$BATS_TEST_TMPDIR/before"
}

@test "output that cannot be written: exit 1" {
	for args in version help "help VP-P02" "status -s $state" "status -s $state --json" "log -s $state --json"; do
		# shellcheck disable=SC2086
		run -1 --separate-stderr bash -c '"$0" "$@" >/dev/full' "$VPROV" $args
		[[ $stderr == *"No space left"* ]]
		# shellcheck disable=SC2086
		run -1 bash -c '"$0" "$@" >&-' "$VPROV" $args
	done
}

@test "a reader that goes away is no error worth a message" {
	run -0 --separate-stderr bash -c 'set -o pipefail; "$0" help | head -n 1' "$VPROV"
	[[ -z $stderr ]]
}

@test "no control sequence where the output is no terminal; on one, none with NO_COLOR or --no-color" {
	run -1 "$VPROV" status -s "$state" ghost
	[[ $output != *$'\033'* ]]
	tty() { env "$1" TERM=xterm script -qec "$VPROV status -s $state ghost ${2-}" /dev/null </dev/null || true; }
	[[ $(tty -uNO_COLOR) == *$'\033'* ]]
	[[ $(tty NO_COLOR=1) != *$'\033'* ]]
	[[ $(tty -uNO_COLOR --no-color) != *$'\033'* ]]
}

@test "without privilege: the home directory's state, and no complaint about what only root may do" {
	if [[ $(id -u) != 0 ]]; then
		skip "only root can become somebody else"
	fi
	# By its descriptor: the directories above it may be closed to others.
	exec 9<"$VPROV"
	as() { setpriv --reuid 65534 --regid 65534 --clear-groups env -u XDG_STATE_HOME HOME=/nowhere "$@"; }
	vprov=/proc/self/fd/9
	run -0 --separate-stderr as "$vprov" status
	[[ $output == "no nodes" && -z $stderr ]]
	run -1 --separate-stderr as "$vprov" status ghost
	[[ $stderr == *" /nowhere/.local/state/vprov "* ]]
	run -1 --separate-stderr as XDG_STATE_HOME=/somewhere "$vprov" status ghost
	[[ $stderr == *" /somewhere/vprov "* ]]
	run -1 --separate-stderr as XDG_STATE_HOME=relative "$vprov" status ghost
	[[ $stderr == *" /nowhere/.local/state/vprov "* ]]
}

@test "a relative state directory is below the working directory" {
	cd "$BATS_TEST_TMPDIR"
	run -1 --separate-stderr "$VPROV" status -s here ghost
	[[ $stderr == *" $BATS_TEST_TMPDIR/here "* ]]
}

@test "pxe: what it knows, and what it says where there is nothing" {
	run -2 "$VPROV" pxe frobnicate
	[[ $output == *"usage: vprov pxe"* ]]
	run -2 "$VPROV" pxe arm
	run -0 "$VPROV" pxe list --state-dir "$BATS_TEST_TMPDIR/none"
	[[ $output == "no nodes" ]]
	run -0 "$VPROV" pxe list --adopt --json --state-dir "$BATS_TEST_TMPDIR/none"
	[[ $(jq -c . <<<"$output") == '{"nodes":[],"strangers":[]}' ]]
	run -1 "$VPROV" pxe arm ghost --state-dir "$BATS_TEST_TMPDIR/none"
	[[ $output == *"there is no node 'ghost'"*VP-S05* ]]
}
