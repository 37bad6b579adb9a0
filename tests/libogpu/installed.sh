#!/bin/sh
# SPDX-License-Identifier: GPL-2.0 OR MIT
#
# Kernels are built with what an installed libogpu.pc says, where the C library of the host has its
# headers in the same prefix, as in /usr: none of those may get into a kernel.
# Usage: installed.sh FOLDER KERNEL...; FOLDER is for its files. Prints TAP.
set -u
here=$(cd "$(dirname "$0")" && pwd -P)
dir=$1
shift
rm -rf "$dir"
make -s -C "$here/../../uapi/libogpu" O="$dir/build" DESTDIR="$dir/root" PREFIX=/usr install || exit 1

# The host's headers; those that picolibc has too, and one that only it may find.
for h in stdint stddef string math limits; do
	echo "#error this is <$h.h> of the host" >"$dir/root/usr/include/$h.h"
done

pc() {
	PKG_CONFIG_PATH=$dir/root/usr/lib/pkgconfig \
		pkg-config --define-variable=prefix="$dir/root/usr" "$@" libogpu
}
number=0
for kernel; do
	number=$((number + 1))
	name=$(basename "$kernel" .c)
	# shellcheck disable=SC2046
	if riscv64-unknown-elf-gcc $(pc --variable=kernel_cflags) -Wall -Wextra -Werror "$kernel" \
		$(pc --variable=kernel_ldflags) -o "$dir/$name.elf" 2>"$dir/$name.log"; then
		echo "ok $number - built with the installed files: $name"
	else
		echo "not ok $number - built with the installed files: $name"
		head -5 "$dir/$name.log" | sed 's/^/# /'
	fi
done
echo "1..$number"
