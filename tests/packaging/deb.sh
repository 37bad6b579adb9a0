#!/bin/sh
# SPDX-License-Identifier: GPL-2.0 OR MIT
#
# Installs the packages of a folder over a copy of the root that this runs in, which stays as it is, tries
# them, and purges them. The one for DKMS is left out, for that is not in the root. Prints TAP.
# Usage: deb.sh FOLDER
set -u
[ -n "${OGPU_INSIDE:-}" ] || { echo "Bail out! runs in the build root: tools/build/in-root"; exit 1; }
debs=$(cd "$1" && pwd -P) || exit 1

if [ "${OGPU_TRY:-}" != entered ]; then
	OGPU_TRY=entered exec unshare --mount --propagation unchanged sh "$0" "$debs"
fi

# shellcheck source=tests/vm/guest/tap
. "$(dirname "$0")/../vm/guest/tap"
explain() {
	tail -20 "$work/log"
}
work=$(mktemp -d) || exit 1
mount -t tmpfs try "$work" && mkdir "$work/upper" "$work/work" "$work/root" &&
	mount -t overlay -o "lowerdir=/,upperdir=$work/upper,workdir=$work/work" overlay "$work/root" &&
	mount -t proc proc "$work/root/proc" || {
	echo "Bail out! cannot make a copy of the root"
	exit 1
}
mkdir "$work/root/debs"
cp "$debs"/*.deb "$work/root/debs"
rm -f "$work/root/debs"/*dkms* "$work/root/debs"/*dbgsym*
inside() {
	chroot "$work/root" sh -c "$1" >"$work/log" 2>&1
}

inside 'for deb in debs/*.deb; do dpkg-deb -c $deb | grep -v "/$" | awk "{ print \$6 }"; done | sort | uniq -d | grep .'
[ $? -eq 1 ]
result $? "nothing is in two packages"
inside 'DEBIAN_FRONTEND=noninteractive dpkg -i debs/*.deb'
result $? "install"
inside 'ogpu-fwload verify /usr/lib/firmware/ogpu/4f470001.img'
result $? "the image is signed with a key that is trusted"
inside 'ogpu-smi --version && ogpu-vgpu --version && ogpu-demo --help && man -w ogpu-smi'
result $? "programs start"
cat >"$work/root/try.c" <<'END'
#include <ogpu.h>
int main(void)
{
	struct ogpu_device *dev;

	return ogpu_device_open("/nothing", &dev) ? 0 : 1;
}
END
# shellcheck disable=SC2016
inside 'cc -o try try.c $(pkg-config --cflags --libs libogpu libdrm) && ./try && readelf -d try | grep -q "libogpu.so.0"'
result $? "a program is built with the library, and runs"
inside 'DEBIAN_FRONTEND=noninteractive dpkg -i debs/*.deb'
result $? "install once more"
inside 'dpkg -P ogpu-demo ogpu-vgpu firmware-ogpu ogpu-tools libogpu-dev libogpu0'
result $? "purge"
inside 'find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /debs -o -path /mnt -o -path /tmp -o -path /var/cache \) -prune -o -name "*ogpu*" -print | grep -v "^/etc/ogpu-root$\|^/try" | grep .'
[ $? -eq 1 ]
result $? "nothing is left"
cd /
umount "$work/root/proc" "$work/root" "$work"
rmdir "$work"
tap_end
