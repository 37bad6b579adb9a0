#!/bin/sh
# SPDX-License-Identifier: GPL-2.0 OR MIT
#
# Installs the packages of a folder over a system that stays as it is, as dpkg would on a host, and makes an
# EROFS image of what that changed (tests/vm/run --layer). There are two users besides, one of them in
# group render. DKMS has not the kernel that runs here, so it is told which ones there are.
# Usage: layer.sh ROOT FOLDER NEXT IMAGE; NEXT has packages for an upgrade, which are put in /debs/next.
set -eu
[ -n "${OGPU_INSIDE:-}" ] || { echo "layer: runs in the build root: tools/build/in-root" >&2; exit 1; }
if [ "${OGPU_LAYER:-}" != entered ]; then
	OGPU_LAYER=entered exec unshare --mount --propagation unchanged sh "$0" "$@"
fi
system=$(cd "$1" && pwd -P)
debs=$(cd "$2" && pwd -P)
next=$(cd "$3" && pwd -P)
image=$4

# A file system of its own, whatever the tree is on.
work=$(mktemp -d)
mount -t tmpfs layer "$work"
mkdir "$work/upper" "$work/work" "$work/root"
mount -t overlay -o "lowerdir=$system,upperdir=$work/upper,workdir=$work/work" overlay "$work/root"
mount --rbind /proc "$work/root/proc"
mount --rbind /dev "$work/root/dev"
mkdir -p "$work/root/debs/next"
cp "$debs"/*.deb "$work/root/debs"
cp "$next"/*.deb "$work/root/debs/next"
rm -f "$work/root/debs"/*dbgsym*

cat >"$work/root/install" <<'SCRIPT'
set -eu
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
dpkg -i /debs/*.deb
for release in /lib/modules/*; do
	dkms autoinstall -k "${release##*/}"
done
dkms status
useradd --create-home --groups render alice
useradd --create-home bob
SCRIPT
chroot "$work/root" sh /install
rm "$work/root/install"
# What was started in there and is about to end may hold it for a moment; it writes nothing any more.
umount --recursive --lazy "$work/root"
mkfs.erofs --quiet "$image.new" "$work/upper"
mv "$image.new" "$image"
cd /
umount --lazy "$work"
rmdir "$work"
