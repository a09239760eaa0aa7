#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 400
# The host's own network: between random networks on the real kernel.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
in_ns

# Side by side, for the kernel takes its time when links go.
work=$(mktemp -d)
cleanup rm -rf "$work"
seed=${LAN_SEED:-$RANDOM}
for i in {0..7}; do "$VP_BUILD/lan" 25 $((seed + i)) >"$work/$i" 2>&1 & done
wait
is "200 random networks to 200 others: equal, fewest steps, undone exactly after each step" "$(grep -c 'wrong 0$' "$work"/? | grep -c ':1$')" 8
diag "seeds from $seed on: $(tail -qn 1 "$work"/?)"
done_testing
