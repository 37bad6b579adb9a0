#!/bin/sh
# SPDX-License-Identifier: GPL-2.0 OR MIT
#
# Makes packages of a later version of those in a folder, for upgrades: the same files, but for the firmware,
# which gets security version 7. The module's is left out: to build it takes longer than all else.
# Usage: next-version.sh FOLDER OUT EDIT-IMAGE
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd -P)
debs=$1
out=$2
edit=$3

rm -rf "$out"
mkdir -p "$out"
# Nobody else may read what signs.
install -m 600 "$top/firmware-loader/development.key" "$out/key"
for deb in "$debs"/*.deb; do
	name=${deb##*/}
	case $name in
	*dkms* | *dbgsym*) continue ;;
	esac
	dpkg-deb -R "$deb" "$out/tree"
	# Also where one wants another of the very same version.
	sed -i -e 's/^Version: .*/&+next/' -e 's/(= \([^)]*\))/(= \1+next)/' "$out/tree/DEBIAN/control"
	image=$out/tree/usr/lib/firmware/ogpu/4f470001.img
	if [ -e "$image" ]; then
		"$edit" "$image" "$out/image" "$out/key" 24:4=7
		mv "$out/image" "$image"
	fi
	dpkg-deb --root-owner-group -Zgzip -b "$out/tree" "$out/$name" >/dev/null
	rm -r "$out/tree"
done
rm "$out/key"
