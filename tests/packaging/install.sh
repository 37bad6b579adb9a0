#!/bin/sh
# SPDX-License-Identifier: GPL-2.0 OR MIT
#
# "make install" from a tarball, as a distribution does it: flags and folders of its own, no network, no
# git, no build root. Prints TAP. Usage: install.sh FOLDER; FOLDER is for its files.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd -P)
work=$1
tree=$work/ogpu-tree
dest=$work/dest
lib=/usr/lib/x86_64-linux-gnu

# shellcheck source=tests/vm/guest/tap
. "$top/tests/vm/guest/tap"
explain() {
	[ ! -s "$work/why" ] || tail -30 "$work/why"
}

rm -rf "$work"
mkdir -p "$tree" "$dest"
cd "$top" || exit 1
git ls-files -co --exclude-standard | while read -r f; do [ -e "$f" ] && echo "$f"; done |
	tar -c -T - | tar -x -C "$tree"
echo tarball-1 >"$tree/BUILD_ID"

cd "$tree" || exit 1
unset MAKEFLAGS MFLAGS OGPU_INSIDE
GIT_CEILING_DIRECTORIES=$work OGPU_ROOT=$work/nothing unshare -n make install -j2 DESTDIR="$dest" \
	PREFIX=/usr LIBDIR=$lib FIRMWAREDIR=/usr/lib/firmware \
	CFLAGS="-g -O2 -fstack-protector-strong -fstack-clash-protection -Wformat -Werror=format-security" \
	CPPFLAGS="-Wdate-time -D_FORTIFY_SOURCE=2 -DFLAG_OF_THE_CALLER" LDFLAGS="-Wl,-z,relro -Wl,-z,now" \
	>"$work/why" 2>&1
result $? "builds and installs"

grep -i 'warning' "$work/why" >"$work/warnings"
[ ! -s "$work/warnings" ]
result $? "no warnings"

: >"$work/why"
(cd "$dest" && find . ! -type d | sed 's/^\.//' | sort) >"$work/list"
sed "s#LIB#$lib#" "$top/tests/packaging/installed" | grep '^/' | sort >"$work/wanted"
diff "$work/wanted" "$work/list" >"$work/why"
result $? "what is installed is the product, and no more"

find build -path '*test*' >"$work/why"
[ ! -s "$work/why" ]
result $? "no test was built"

# A bill of materials of the unpacked tarball: every file, with its hash and a licence; twice the same.
GIT_CEILING_DIRECTORIES=$work SOURCE_DATE_EPOCH=1 make sbom >"$work/why" 2>&1 && cp build/*.spdx.json "$work/sbom" &&
	GIT_CEILING_DIRECTORIES=$work SOURCE_DATE_EPOCH=1 make sbom >"$work/why" 2>&1 &&
	cmp build/*.spdx.json "$work/sbom" >>"$work/why" 2>&1
result $? "there is a bill of materials, always the same"
find . -path ./build -prune -o -type f -exec sha256sum {} + | sort -k2 >"$work/sums"
python3 - "$work/sbom" "$work/sums" >"$work/why" 2>&1 <<'END'
import json, sys
with open(sys.argv[1], encoding="utf-8") as f:
    sbom = json.load(f)
with open(sys.argv[2], encoding="utf-8") as f:
    sums = dict(reversed(line.split(maxsplit=1)) for line in f.read().splitlines())
files = {entry["fileName"]: entry for entry in sbom["files"]}
assert set(files) == set(sums), set(files) ^ set(sums)
for name, entry in files.items():
    assert {"algorithm": "SHA256", "checksumValue": sums[name]} in entry["checksums"], name
    assert entry["licenseConcluded"] in ("GPL-2.0 OR MIT", "MIT") or name.startswith("./LICENSES/"), (name, entry["licenseConcluded"])
assert files["./uapi/drm/ogpu_drm.h"]["licenseConcluded"] == "MIT"
assert len({entry["SPDXID"] for entry in sbom["files"] + sbom["packages"]}) == len(sbom["files"]) + len(sbom["packages"])
assert "libsodium" in {entry["name"] for entry in sbom["packages"]}
END
result $? "it has each file, with hash and licence"

PKG_CONFIG_PATH=$dest$lib/pkgconfig
export PKG_CONFIG_PATH
[ "$(pkg-config --variable=libdir libogpu)" = $lib ] &&
	[ "$(pkg-config --define-variable=prefix=/elsewhere --variable=includedir libogpu)" = /elsewhere/include ]
result $? "pkg-config tells where"

"$dest/usr/sbin/ogpu-fwload" info "$dest/usr/lib/firmware/ogpu/4f470001.img" >"$work/why" 2>&1
grep -q '^Build: *tarball-1$' "$work/why"
result $? "the image tells the build of the tarball"
"$dest/usr/sbin/ogpu-fwload" verify --key="$dest/usr/share/ogpu/keys" \
	"$dest/usr/lib/firmware/ogpu/4f470001.img" >"$work/why" 2>&1
result $? "the key that is installed is that of the image"

dest2=$work/dest2
OGPU_ROOT=$work/nothing make install DESTDIR="$dest2" CFLAGS="-g -O2" >"$work/why" 2>&1
"$dest2/usr/local/sbin/ogpu-fwload" --help >"$work/help" 2>&1
folder=$(cd "$dest2" && find . -name development.pub | sed 's#^\.##; s#/[^/]*$##')
grep -qF "$folder" "$work/help" && [ "$folder" = /usr/share/ogpu/keys ] || echo "key is in $folder" >>"$work/why"
grep -qF "$folder" "$work/help"
result $? "whatever the prefix, the key is where the loader looks"

grep -rl "$tree" "$dest" >"$work/why"
[ ! -s "$work/why" ]
result $? "no path of the build is in what is installed"

for f in "$dest/usr/bin/ogpu-vgpu" "$dest/usr/sbin/ogpu-fwload" "$dest$lib/libogpu.so.0"; do
	readelf -d "$f" | grep -q BIND_NOW || echo "$f: not linked with the caller's flags"
	readelf -s --wide "$f" | grep -q '_chk' || echo "$f: not built with the caller's flags"
done >"$work/why"
[ ! -s "$work/why" ]
result $? "flags of the caller count"

tap_end
