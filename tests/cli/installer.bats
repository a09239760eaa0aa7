#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# timeout: 600
# What the installers of distributions are given: checked by the programs that read it.

setup() {
	cd "$VP_TOP" || exit
	export HOME=$BATS_TEST_TMPDIR ASAN_OPTIONS=detect_leaks=0
	out=$BATS_TEST_TMPDIR/out site=$BATS_TEST_TMPDIR/site
	unset LIBVIRT_DEFAULT_URI
	printf '%s\n' 'netboot/dir = /srv/tftp' 'netboot/iso = http://m.example.org/ubuntu.iso' 'netboot/args = debug' \
		'ssh_keys = ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJmZ0c9sN0wWlvBq6LbGm5r0yVQe2q0F1d3XoYb6a1Z2 a@b' >"$site"
	storage=$BATS_TEST_TMPDIR/storage.json
	cat >"$storage" <<-'EOF'
		{"hardware": {"cpu": [{"cores": 1}], "ram": [{"size": 1024}], "cards": {"nic": {"eth0": {"boot": true}}},
		 "harddisks": {"sda": {"capacity": 8192, "boot": true}, "sdb": {"capacity": 8192}, "sdc": {"capacity": 4096}, "sdd": {"capacity": 1024}}},
		 "system": {"network": {"hostname": "se01", "domainname": "example.org", "default_gateway": "10.9.8.1", "nameserver": ["10.9.8.1"],
		  "interfaces": {"eth0": {"ip": "10.9.8.10", "netmask": "255.255.255.0"}}},
		 "aii": {"osinstall": {"ks": {"ntpservers": ["ntp1.example.org", "it's \"one\""], "timezone": "Europe/Dublin", "keyboard": "uk"}}},
		 "blockdevices": {"physical_devs": {"sda": {"label": "gpt"}, "sdb": {"label": "gpt"}, "sdc": {"label": "msdos"}},
		  "partitions": {"sda1": {"holding_dev": "sda", "size": 512}, "sda2": {"holding_dev": "sda", "size": 2048}, "sda3": {"holding_dev": "sda"},
		   "sdb1": {"holding_dev": "sdb", "size": 2048}, "sdb2": {"holding_dev": "sdb"}, "sdc1": {"holding_dev": "sdc"}},
		  "md": {"md0": {"raid_level": "RAID1", "device_list": ["partitions/sda2", "partitions/sdb1"]}},
		  "volume_groups": {"vg0": {"device_list": ["partitions/sda3", "partitions/sdb2"]}},
		  "logical_volumes": {"root": {"volume_group": "vg0", "size": 3072}, "swap": {"volume_group": "vg0", "size": 512}, "home": {"volume_group": "vg0"}}},
		 "filesystems": [{"block_device": "partitions/sda1", "mountpoint": "/boot", "type": "ext3", "label": "boot"},
		  {"block_device": "logical_volumes/root", "mountpoint": "/", "type": "ext4"},
		  {"block_device": "logical_volumes/home", "mountpoint": "/home", "type": "xfs", "mountopts": "noatime"},
		  {"block_device": "logical_volumes/swap", "mountpoint": "swap", "type": "swap"},
		  {"block_device": "md/md0", "mountpoint": "/srv", "type": "ext4"},
		  {"block_device": "partitions/sdc1", "mountpoint": "/data", "type": "xfs", "preserve": true, "format": false}]}}
	EOF
}

# render KIND FILE... : one of the profiles that are shipped, or of the cases here
render() { "$VPROV" render -q -V kvm -C "$site" "$@" >"$out"; }

# each KIND COMMAND... : the command with the artefact of every profile
each() {
	local kind=$1 name
	shift
	for name in ce se-disk se-head squid wn1; do
		render "$kind" profiles/site/$name.example.org.xml && "$@" $name || return 1
	done
	render "$kind" profiles/quickstart.xml && "$@" quickstart && render "$kind" "$storage" && "$@" storage
}

is_preseed() {
	local said line
	said=$(debconf-set-selections -c "$out" 2>&1) || return 1
	echo "$1: $said"
	[ -z "$said" ] || return 1
	for line in grub-installer/bootdev\ string\ /dev/ passwd/root-password-crypted\ password\ ..* preseed/early_command\ string\ wget; do
		grep -q "^d-i $line" "$out" || return 1
	done
}

@test "every preseed is one by debconf's own check" {
	command -v debconf-set-selections
	each preseed is_preseed
	echo "d-i only" >"$out"
	run debconf-set-selections -c "$out"
	[ "$status" -ne 0 ]
}

is_shell() {
	dash -n "$out" || return
	command -v shellcheck >/dev/null || return 0
	shellcheck -s dash "$out"
}

@test "every script of a preseed passes shellcheck" {
	each preseed-script is_shell
}

@test "every autoinstall is YAML, and what it runs is shell" {
	[ -e /usr/lib/python3/dist-packages/yaml ] || skip "python3-yaml is not installed"
	each autoinstall /usr/bin/python3 tests/lib/autoinstall "$out"
}

@test "storage of a node with everything" {
	render preseed-script "$storage"
	diff -u tests/golden/installer/preseed.sh "$out" || { [ -n "${VP_REGENERATE:-}" ] && cp "$out" tests/golden/installer/preseed.sh; }
	render preseed "$storage"
	diff -u tests/golden/installer/preseed "$out" || { [ -n "${VP_REGENERATE:-}" ] && cp "$out" tests/golden/installer/preseed; }
	render autoinstall "$storage"
	diff -u tests/golden/installer/autoinstall "$out" || { [ -n "${VP_REGENERATE:-}" ] && cp "$out" tests/golden/installer/autoinstall; }
}

# same_arguments HOST : AII's, but where the kickstart comes from, are all there, but for what is named by the loader
same_arguments() {
	local word words
	read -ra words < <(sed -n 's/^ *append //p' "$VP_SHARED/aii-output/site-umd3-18.6.0/$1.example.org.pxelinux")
	render pxelinux "$VP_SHARED/profiles/site-umd3-18.6.0/$1.example.org.xml"
	grep -q "^KERNEL http://.*/boot/$1.example.org/kernel\$" "$out"
	for word in "${words[@]}"; do
		case $word in
		initrd=*) ;;
		ks=* | inst.ks=*) grep -qi "APPEND.* ${word%%=*}=http://[^ ]*/boot/$1.example.org/config?token=TOKEN" "$out" || { echo "$1: $word"; return 1; } ;;
		*) grep -qi "APPEND.*\b$word" "$out" || { echo "$1: $word"; return 1; } ;;
		esac
	done
}

@test "a kickstart is booted with what AII passes" {
	[ -d "$VP_SHARED/aii-output" ] || skip "no sample data"
	echo 'install = kickstart' >>"$site"
	for host in argus bdii cream lfc se-dpm-disk se-dpm-disk2 se-dpm-server topbdii ui wmslb wn wn2 wn3; do
		same_arguments $host
	done
}
