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

exits 5 "a ramdisk that is not there is found before anything is done" vprov plan "$dir/node.xml"
like "with its name and where it was said" "$output" 'node.xml.*netboot.initrd|site.*initrd.gz.gone'
diag "$output"
sed -i 's/\.gone$//' "$dir/site"
exits 3 "there is something to do" vprov plan --exit-code "$dir/node.xml"
unlike() { if [[ $2 =~ $3 ]]; then fail "$1" "$2"; else pass "$1"; fi; }
unlike "no root image is built" "$output" "image"

exits 1 "the installation does not come to its end" vprov apply "$dir/node.xml"
applied=$output
diag "$applied"
log=$(vprov log "$node")
diag "$log"
cp -r "$state" /tmp/os-state
done_testing
