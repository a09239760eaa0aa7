#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# timeout: 600
# Profiles as sites have them (VP_SHARED/profiles): all are read, and all spellings of one host mean the same.
# shellcheck disable=SC2154
bats_require_minimum_version 1.5.0

setup() {
	shared=$VP_SHARED/profiles
	t=$BATS_TEST_TMPDIR
	export XDG_CACHE_HOME=$t/cache
	: >"$t/empty.conf"
	cd "$VP_TOP" || exit
}

vprov() {
	command "$VPROV" "$1" --state-dir "$t/state" --config "$t/empty.conf" "${@:2}"
}

need_shared() {
	[[ -d $shared ]] || skip "there are no sample profiles in $shared"
}

# What `show` says of a profile, to the byte. Nothing at all would be equal to nothing: there has to be one node.
shown() {
	vprov show --json "$1" | tee "$t/shown"
	jq -e '(.nodes | length) == 1' "$t/shown" >/dev/null
}

# same_as WANT FILE...: FILE says of the node what WANT holds.
same_as() {
	local f
	for f in "${@:2}"; do
		echo "$f"
		shown "$f" >"$t/have"
		cmp "$t/have" "$1" || return 1
	done
}

@test "the content says what a file is, not its name" {
	for f in profiles/site/*.xml; do
		shown "$f" >"$t/want"
		cp "$f" "$t/copy.json"
		gzip -c "$f" >"$t/packed.xml"
		same_as "$t/want" "$t/copy.json" "$t/packed.xml"
	done
	shown profiles/quickstart.xml >"$t/want"
	same_as "$t/want" profiles/quickstart.json
}

@test "XML, JSON and gzip of each host mean the same" {
	need_shared
	n=0
	for json in "$shared"/site-*/*.json "$shared"/xen-*/*.json; do
		shown "$json" >"$t/want"
		dir=${json%/*} name=$(basename "$json" .json)
		same_as "$t/want" "$dir/$name.xml"
		if [[ -e $dir/gz/$name.xml.gz ]]; then
			same_as "$t/want" "$dir/gz/$name.xml.gz" "$dir/gz/$name.json.gz"
			n=$((n + 1))
		fi
	done
	((n == 2))
}

@test "the forms of 2009 mean the same" {
	need_shared
	for f in "$shared"/panc-8.2.8/pan/*.xml; do
		shown "$f" >"$t/want"
		same_as "$t/want" "${f/pan\/profile/xmldb/profile}"
	done
}

# A fragment without a machine: the message has to name what is missing.
@test "every sample is read: a node, or a message that says what is missing" {
	need_shared
	n=0
	while read -r f; do
		n=$((n + 1))
		run vprov check "$f"
		[[ $status == 0 || $status == 5 ]] || { echo "exit $status: $f" "$output" && false; }
		[[ $output != *Sanitizer* && $output != *"runtime error"* ]]
		[[ $status == 0 || $output == *" error: "*"[VP-P"* ]] || { echo "$f" "$output" && false; }
		[[ $output != *"[VP-P02]"* ]] || [[ $f == *profiles-info* ]] || { echo "not read: $f" "$output" && false; }
	done < <(find "$shared" \( -name "*.xml" -o -name "*.json" -o -name "*.xml.gz" -o -name "*.json.gz" \) | sort)
	((n > 150))
}
