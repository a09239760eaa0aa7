# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Every profile that describes a machine, on a driver of libvirt's: rendered, valid by the schema, defined, read back, found unchanged. Needs tap.sh
# before it, and `work`, a directory.

# shellcheck disable=SC2154 # work is the suite's
# render_machines URI VIRT : one file for each profile of one machine in $work/VIRT, once; what was refused is in refused there
render_machines() {
	local dir=$work/$2 file name
	[[ ! -d $dir ]] || return 0
	mkdir "$dir"
	: >"$dir/refused"
	# One that describes no machine, or a hypervisor, gives nothing; it does so as every kind of guest.
	[[ -s $work/machines ]] || find "$VP_SHARED/profiles" "$VP_TOP/profiles/site" "$VP_TOP/profiles/quickstart.xml" -type f \( -name '*.xml' -o -name '*.json' -o -name '*.gz' \) |
		sort >"$work/machines"
	while read -r file; do
		name=${file#"$VP_SHARED"} name=${name#"$VP_TOP"} name=${name//\//-}.xml
		if "$VP_BUILD/vprov" render --state-dir "$work/state" --connect "$1" --virt "$2" domain "$file" >"$dir/$name" 2>"$work/why" </dev/null; then
			[[ $(grep -c '<domain' "$dir/$name") == 1 ]] && echo "$file" && continue
		elif grep -q 'VP-T0' "$work/why"; then
			echo "$file: $(<"$work/why")" >>"$dir/refused"
			echo "$file"
		fi
		rm "$dir/$name"
	done <"$work/machines" >"$work/rest"
	mv "$work/rest" "$work/machines"
}

# table URI VIRT... : a row of each in $work/table, a test of each
table() {
	local uri=$1 virt said files rng=/usr/share/libvirt/schemas/domain.rng
	local -i all valid defined same
	for virt in "${@:2}"; do
		render_machines "$uri" "$virt"
		files=("$work/$virt"/*.xml)
		said=$(<"$work/$virt/refused")
		all=$((${#files[@]} + $(wc -l <"$work/$virt/refused")))
		said+=$(xmllint --noout --relaxng $rng "${files[@]}" 2>&1 | tee "$work/said" | grep -v ' validates$')
		valid=$(grep -c ' validates$' "$work/said")
		said+=$("$VP_BUILD/drift" "$uri" "${files[@]}" 2>&1)
		[[ $said =~ ([0-9]+)" defined, "([0-9]+)" unchanged"$ ]] && defined=${BASH_REMATCH[1]} same=${BASH_REMATCH[2]} || defined=0 same=0
		printf '%-40s %-9s %3d machines, %3d valid, %3d defined, %3d unchanged\n' "$uri" "$virt" $all "$valid" $defined $same >>"$work/table"
		diag "$(tail -n 1 "$work/table")"
		if ((all > 20 && valid == all && defined == all && same == all)); then pass "$virt on $uri: every machine"; else fail "$virt on $uri: every machine" "$said"; fi
	done
}
