#!/bin/sh
# SPDX-License-Identifier: GPL-2.0 OR MIT
#
# The library exports what its header declares, and nothing else, with the version of its map. Prints
# TAP. Usage: exports.sh LIBRARY HEADER
set -u
lib=$1
header=$2
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# A declaration ends with ");"; inline functions do not.
tr '\n' ' ' <"$header" | sed 's,/\*[^*]*\*\+\([^/*][^*]*\*\+\)*/,,g' |
	grep -oE '\bogpu_[a-z0-9_]+\([^;{}]*\);' | sed 's/(.*//' | sort -u >"$work/declared"
nm -D --defined-only --with-symbol-versions "$lib" | awk '$2 != "A" { print $3 }' |
	sort -u >"$work/exported"
sed 's/@@LIBOGPU_0$//' "$work/exported" >"$work/names"

echo 1..2
if [ -s "$work/declared" ] && cmp -s "$work/declared" "$work/names"; then
	echo "ok 1 - exports are what the header declares"
else
	echo "not ok 1 - exports are what the header declares"
	diff "$work/declared" "$work/names" | sed 's/^/# /'
fi
if grep -v '@@LIBOGPU_0$' "$work/exported"; then
	echo "not ok 2 - all have a version"
else
	echo "ok 2 - all have a version"
fi
