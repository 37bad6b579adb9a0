#!/bin/sh
# SPDX-License-Identifier: GPL-2.0 OR MIT
#
# Does the firmware come out the same, byte by byte, when it is built twice, in folders of different
# names? Prints TAP.
#
#	tests/firmware/same.sh FOLDER
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd -P)
out=${1:?usage: same.sh FOLDER}

rm -rf "$out"
for name in one another/folder; do
	mkdir -p "$out/$name"
	make --no-print-directory -C "$top/firmware-loader/firmware" O="$out/$name" \
		BUILD_ID=same all >"$out/build.log" 2>&1 || { cat "$out/build.log"; exit 1; }
done

# The program, and the image if there is a tool to sign it.
echo "TAP version 13"
status=0
count=0
for path in "$out"/one/ogpu-fw.*; do
	file=$(basename "$path")
	count=$((count + 1))
	if cmp "$path" "$out/another/folder/$file"; then
		echo "ok $count - same_$file"
	else
		echo "not ok $count - same_$file"
		status=1
	fi
done
echo "1..$count"
exit $status
