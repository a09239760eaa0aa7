# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Every profile that describes a machine, on a driver of libvirt's: rendered, valid by the schema, defined, read back, found unchanged. Needs tap.sh
# before it, and `vprov` and `work`, a directory.

# machines : the profiles of one machine each
machines() { find "$VP_SHARED/profiles" "$VP_TOP/profiles/site" "$VP_TOP/profiles/quickstart.xml" -type f \( -name '*.xml' -o -name '*.json' -o -name '*.gz' \) | sort; }

# shellcheck disable=SC2154 # work is the suite's
# table URI VIRT... : a row of each in $work/table, a test of each
table() {
	local uri=$1 virt file name out said
	local -i all valid defined same
	for virt in "${@:2}"; do
		all=0 valid=0 defined=0 same=0 said=
		while read -r file; do
			# One that describes no machine, or a hypervisor, gives nothing.
			"$VPROV" render --state-dir "$work/state" --connect "$uri" --virt "$virt" domain "$file" >"$work/want" 2>"$work/why" || { grep -q 'VP-T0' "$work/why" && all+=1 said+="$file: $(<"$work/why")"$'\n'; continue; }
			[[ $(grep -c '<domain' "$work/want") == 1 ]] || continue
			all+=1
			name=$(sed -n 's|.*<name>\(.*\)</name>.*|\1|p' "$work/want")
			out=$(virt-xml-validate "$work/want" domain 2>&1) && valid+=1 || said+="$file: $out"$'\n'
			if virsh -q -c "$uri" "define $work/want; dumpxml --inactive $name" >"$work/have" 2>"$work/why"; then
				defined+=1
				sed -i '/^Domain /d' "$work/have"
				if out=$("$VP_BUILD/drift" "$work/want" "$work/have"); then same+=1; else said+="$file: $out"$'\n'; fi
			else
				said+="$file: $(<"$work/why")"$'\n'
			fi
			# Xen has no NVRAM.
			[[ $uri == test:* ]] || virsh -q -c "$uri" undefine --nvram "$name" &>/dev/null || virsh -q -c "$uri" undefine "$name" &>/dev/null
		done < <(machines)
		printf '%-40s %-9s %3d machines, %3d valid, %3d defined, %3d unchanged\n' "$uri" "$virt" $all $valid $defined $same >>"$work/table"
		diag "$(tail -n 1 "$work/table")"
		if ((all > 20 && valid == all && defined == all && same == all)); then pass "$virt on $uri: every machine"; else fail "$virt on $uri: every machine" "$said"; fi
	done
}
