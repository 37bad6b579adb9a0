#!/bin/sh
# SPDX-License-Identifier: GPL-2.0 OR MIT
#
# Builds the module as DKMS does, from the sources that its package has, with the command of dkms.conf.
# Prints TAP. Usage: dkms.sh FOLDER KERNEL...; FOLDER is for its files.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd -P)
work=$1
shift

# shellcheck source=tests/vm/guest/tap
. "$top/tests/vm/guest/tap"
explain() {
	[ ! -s "$work/log" ] || tail -20 "$work/log"
}

rm -rf "$work"
mkdir -p "$work/root"
unset MAKEFLAGS MFLAGS
make -s -C "$top" dkms-source DESTDIR="$work/root" PREFIX=/usr >"$work/log" 2>&1
version=$(cat "$top/driver/VERSION")
dkms_tree=$work/tree
parallel_jobs=$(nproc)
# DKMS reads it with bash, which has arrays.
[ "$(bash -c ". '$work/root/usr/src/ogpu-$version/dkms.conf'; echo \$PACKAGE_NAME-\$PACKAGE_VERSION" 2>>"$work/log")" = "ogpu-$version" ]
result $? "dkms.conf has the version of the release"

for kernel; do
	kernel_source_dir=/usr/src/linux-headers-$("$top/tools/build/headers" "$kernel")
	rm -rf "$dkms_tree"
	mkdir -p "$dkms_tree/ogpu/$version"
	cp -r "$work/root/usr/src/ogpu-$version" "$dkms_tree/ogpu/$version/build"
	export dkms_tree parallel_jobs kernel_source_dir
	bash -c ". '$dkms_tree/ogpu/$version/build/dkms.conf'; eval \"\${MAKE[0]}\"" >"$work/log" 2>&1
	result $? "builds for $kernel"
	grep -aq "version=$version" "$dkms_tree/ogpu/$version/build/driver/ogpu.ko"
	result $? "the module of $kernel has the version"
	modinfo -F alias "$dkms_tree/ogpu/$version/build/driver/ogpu.ko" | sort >"$work/aliases"
	sed -n 's:.*<modalias>\(.*\)</modalias>.*:\1:p' "$work/root/usr/share/metainfo/dev.ogpu.driver.metainfo.xml" |
		sort | diff "$work/aliases" - >"$work/log"
	result $? "software centres are told the cards of the module of $kernel"
	for option in $(bash -c ". '$dkms_tree/ogpu/$version/build/dkms.conf'; echo \$BUILD_EXCLUSIVE_CONFIG"); do
		grep -q "^$option=[ym]" "$kernel_source_dir/.config" || echo "$option is not set"
	done >"$work/log"
	[ ! -s "$work/log" ]
	result $? "DKMS does not leave $kernel out"
done
tap_end
