#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 900
# A distribution's own installer from our boot service: the real debian-installer boots over PXE, takes its preseed and says how far it gets. The
# mirror here has no parts of the installer, so it cannot come to its end: then it has to say why, and never to begin again.
# shellcheck source=tests/lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"
di=/usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64
[[ -e $di/linux ]] || skip_all "debian-installer-12-netboot-amd64 is not installed"
command -v busybox >/dev/null || skip_all "busybox is not installed"
in_ns

dir=$(mktemp -d) && chmod 755 "$dir"
cleanup rm -rf "$dir"
state=$dir/state
node=quickstart.vprov.test
export ASAN_OPTIONS=detect_leaks=0
vprov() { "$VPROV" "$@" --state-dir "$state" --config "$dir/site"; }
row() { sqlite3 -cmd '.timeout 5000' "$state/vprov.db" "SELECT $1 FROM node"; }
# shellcheck disable=SC2016 # expanded when it runs
cleanup eval 'vprov destroy -y -q "$node" &>/dev/null'
sed 's|name="install">image|name="install">preseed|' "$VP_TOP/profiles/quickstart.xml" >"$dir/node.xml"
printf '%s\n' "netboot/kernel = $di/linux" "netboot/initrd = $di/initrd.gz.gone" "netboot/mirror = http://10.94.17.1:81/debian" \
	"kernel_args = quiet" >"$dir/site"
release=$dir/www/debian/dists/bookworm
mkdir -p "$release/main/binary-amd64"
echo 'Architecture: amd64' >"$release/main/binary-amd64/Release"
printf 'Suite: stable\nCodename: bookworm\nArchitectures: amd64\nComponents: main\n' >"$release/Release"
busybox httpd -p 81 -h "$dir/www"

like_not() { if [[ $2 =~ $3 ]]; then fail "$1" "$2"; else pass "$1"; fi; }

exits 5 "a ramdisk that is not there is found before anything is done" vprov plan "$dir/node.xml"
# shellcheck disable=SC2154 # set by exits
like "with its name, and where it was said" "$output" 'site:netboot/initrd: .*initrd.gz.gone: No such file'
sed -i 's/\.gone$//' "$dir/site"
exits 3 "there is something to do" vprov plan --exit-code "$dir/node.xml"
like_not "no root image is built" "$output" "image"

while sleep 0.5; do row seen 2>/dev/null; done >"$dir/seen" &
poll=$!
exits 1 "the installation does not come to its end" vprov apply "$dir/node.xml"
diag "$output"
kill $poll
like "what it logged came here by syslog" "$(sort -u "$dir/seen")" 'syslog: [a-z-]+(\[[0-9]+\])?: '
like "the verdict names what the installer stopped at" "$output" "failed: anna: bad d-i Packages file \(error: dists/bookworm/Release is unsigned"
is "it is one, and the node is not armed any more" "$(row 'method, installs, armed, health')" 'preseed|1|0|3'
log=$(vprov log "$node")
like "it booted the installer's kernel from the service" "$log" "GET /boot/$node/kernel"
like "its ramdisk, too" "$log" "GET /boot/$node/initrd"
like "it had its configuration" "$log" "configuration handed out"
like "it said that it had taken it" "$log" "taken by the Debian installer"

console=$(tr -d '\r' <"$state/console/$node.log")
like "the installer loaded the preseed" "$console" "preseed: successfully loaded preseed file from http://10.94.17.1:8420/boot/$node/config"
like "and ran its command" "$console" "preseed: running preseed command preseed/early_command"
like "the answers were used" "$console" "localechooser: info: debian-installer/locale preseeded to 'en_US.UTF-8'"
like "the mirror, too" "$console" "http://10.94.17.1:81/debian/dists/bookworm/Release"
is "no complaint about any of them" "$(grep -iE 'debconf.*(warning|error)|preseed.*(error|warning|fail)|load_error|unknown (question|type)' <<<"$console")" ""
like "disks are not partman's any more" "$console" "Queueing udeb fdisk-udeb for later installation"
is "the secret is not on the console" "$(grep -c "$(row token)" "$state/console/$node.log")" 0
like "it switched itself off" "$console" "vprov: powering off"

exits 1 "it is not installed a second time by itself" vprov apply "$dir/node.xml"
like "and what to do is said" "$output" "its installation failed: anna"
is "it is still one" "$(row installs)" 1
ok "destroy" vprov destroy -y "$node"
done_testing
