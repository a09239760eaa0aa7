#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The worked examples of profiles/: the site is right as a whole and renders; each broken profile is told what is wrong with it, and makes nothing.
# VP_REGENERATE=1 writes the golden files and the expected messages anew.
# shellcheck disable=SC2154
bats_require_minimum_version 1.5.0

setup() {
	cd "$VP_TOP" || exit
	t=$BATS_TEST_TMPDIR
	export HOME=$t XDG_CACHE_HOME=$t/cache
	unset LIBVIRT_DEFAULT_URI
	: >"$t/empty.conf"
	site=profiles/site/
	golden=$VP_TOP/tests/golden/site
	guests="ce se-head se-disk wn1 squid"
}

# Nothing is written there by what is called here: paths of the state directory are in what is rendered.
vprov() {
	command "$VPROV" "$1" --state-dir /var/lib/vprov-example --config "${conf-$t/empty.conf}" "${@:2}"
}

# same FILE: what comes in is what FILE holds.
same() {
	if [[ -n ${VP_REGENERATE-} ]]; then
		mkdir -p "${1%/*}"
		cat >"$1"
	else
		diff "$1" -
	fi
}

@test "the example site has no errors, no warnings and no clashes, with and without its site configuration" {
	for conf in "$t/empty.conf" profiles/vprov.conf; do
		run -0 vprov check --json "$site"
		[[ $(jq -c '[.diagnostics[] | select(.severity != "note")]' <<<"$output") == "[]" ]]
	done
	vprov check "$site" | same "$golden/check.txt"
}

@test "the profiles beside it are right, too" {
	run -0 vprov check --json profiles/
	[[ $(jq -c .diagnostics <<<"$output") == "[]" ]]
}

@test "each profile by itself" {
	for f in "$site"*.xml; do
		run -0 --separate-stderr vprov check "$f"
		[[ $output == *"${f##*/}"* || $output == "$(basename "$f" .xml): ok "* ]]
		[[ $stderr != *" error: "* ]]
	done
}

@test "every role, and every kind of virtual machine" {
	vprov show --json "$site" | jq -r '.nodes[] | "\(.name) \(.machine) \(.role) \(.virt) \(.host)"' | same "$golden/nodes.txt"
	for word in ce se-head se-disk wn squid kvm xen-para xen-hvm hypervisor; do grep -q " $word " "$golden/nodes.txt"; done
}

@test "the domain of each guest is the golden one, and libvirt takes it" {
	for g in $guests; do
		vprov render domain "$site" | awk -v name="$g" '$0 ~ "<name>" name "[.]" { on = 1 } /<domain / { text = "" } { text = text $0 "\n" } /<\/domain>/ { if (on) printf "%s", text; on = 0 }' \
			>"$t/$g.xml"
		same "$golden/$g.xml" <"$t/$g.xml"
		! command -v virsh >/dev/null || virsh -q -c test:///default define --validate "$golden/$g.xml"
	done
}

@test "everything else that render knows" {
	vprov render network --for networkd "$site" | same "$golden/network.txt"
	for g in ce se-head se-disk squid; do
		vprov render domain-install "$site$g.example.org.xml" | grep -F "<name>$g.example.org</name>"
	done
	for kind in pxelinux config; do
		run -0 --separate-stderr vprov render $kind "$site"
		for g in $guests; do [[ $output == *"$g.example.org"* ]]; done
	done
	vprov render dnsmasq "$site"ce.example.org.xml >"$t/dnsmasq.conf"
	! command -v dnsmasq >/dev/null || dnsmasq --test -C "$t/dnsmasq.conf"
}

@test "each broken profile gets exactly its message, exit status 5, and makes nothing" {
	cd profiles/broken
	shopt -s nullglob
	all=(*.xml *.json *.gz */)
	for f in "${all[@]}"; do
		name=${f%%.*} name=${name%/}
		run -5 vprov check "$f"
		if [[ -n ${VP_REGENERATE-} ]]; then
			printf '%s\n' "$output" >"$name.expected"
		fi
		diff "$name.expected" - <<<"$output"
		[[ $output != *$'\033'* ]]
		run -5 --separate-stderr vprov render domain "$f"
		[[ -z $output && -n $stderr ]]
		[[ ! -e /var/lib/vprov-example ]]
	done
	# Each has its own messages, and none is left over.
	told=(*.expected)
	[[ ${#told[@]} -eq ${#all[@]} ]]
}
