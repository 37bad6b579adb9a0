#!/bin/sh
# SPDX-License-Identifier: GPL-2.0 OR MIT
#
# ogpu-fwload and ogpu-fwsign against a fake sysfs tree: every exit code, every kind of bad input.
#
#	fwload.sh FOLDER-OF-PROGRAMS FOLDER-OF-TEST-PROGRAMS
#
# Prints TAP.

set -u
LC_ALL=C
export LC_ALL

FWLOAD=$1/ogpu-fwload
FWSIGN=$1/ogpu-fwsign
FAKE=$2/fake_card
EDIT=$2/edit_image
TREE=$(cd "$(dirname "$0")/../.." && pwd)
CROSS=${CROSS:-riscv64-unknown-elf-}

# Seconds: that nothing takes, and for what comes in the end, however busy the host is.
LIMIT=$((60 * ${TEST_SCALE:-1}))
PATIENT=$((20 * ${TEST_SCALE:-1}))

WORK=$(mktemp -d) || exit 1
trap 'rm -rf "$WORK"' EXIT
trap 'exit 1' INT TERM
cd "$WORK" || exit 1

SYS=$WORK/sys
CARD=0000:01:00.0
# shellcheck source=tests/vm/guest/tap
. "$TREE/tests/vm/guest/tap"
explain() {
	sed 's/^/out: /' out
	sed 's/^/err: /' err
}

# run NAME EXIT-CODE COMMAND...: a program ends with this code; output goes to files out and err.
# Whatever fails must say so in exactly one line on standard error.
run() {
	name=$1
	code=$2
	shift 2
	timeout $LIMIT "$@" >out 2>err
	got=$?
	good=0
	[ "$got" -eq "$code" ] || { good=1; echo "# exit code $got, expected $code"; }
	case $code in
	0 | 2 | 12) ;;
	*) [ "$(grep -vc ': warning: ' err)" -eq 1 ] || good=1 ;;
	esac
	grep -q 'runtime error\|AddressSanitizer' err && good=1
	result $good "$name"
}

# expect NAME PATTERN FILE: the last run wrote a line like this
expect() {
	grep -q -- "$2" "$3"
	result $? "$1"
}

attr() {
	echo "$3" >"$SYS/bus/pci/devices/$1/$2"
}

# make_card ADDRESS STATE [FIRMWARE-VERSION]
make_card() {
	pci=$SYS/bus/pci/devices/$1
	upload=$SYS/class/firmware/ogpu-$1
	rm -rf "$pci" "$upload"
	mkdir -p "$pci" "$upload" "$SYS/bus/pci/drivers/ogpu"
	ln -s ../../drivers/ogpu "$pci/driver"
	attr "$1" vendor 0x1234
	attr "$1" device 0x0601
	attr "$1" state "$2"
	attr "$1" board_id 0x4f470001
	attr "$1" hw_rev 1
	attr "$1" min_svn 3
	attr "$1" driver_abi 1
	attr "$1" firmware_abi_range 2-2
	attr "$1" firmware_version "${3:-}"
	attr "$1" firmware_build_id ""
	attr "$1" firmware_hash ""
	attr "$1" firmware_error ""
	attr "$1" last_error ""
	echo 0 >"$upload/loading"
	echo idle >"$upload/status"
	echo 0 >"$upload/remaining_size"
	: >"$upload/error"
	: >"$upload/data"
	: >"$upload/cancel"
}

# A function cannot be run by timeout(1).
cat >load.sh <<END
exec "$FWLOAD" load --sysfs-root="$SYS" --key=dev.pub "\$@"
END
LOAD="sh load.sh"

# --- key pairs and images

run "keygen" 0 "$FWSIGN" keygen --key=dev.key --public=dev.pub
run "keygen keeps an existing key" 1 "$FWSIGN" keygen --key=dev.key --public=dev.pub
run "keygen: one file for both" 64 "$FWSIGN" keygen --key=x.key --public=x.key
run "keygen keeps an existing public key" 1 "$FWSIGN" keygen --key=x.key --public=dev.pub
run "keygen: nowhere to write the public key" 1 "$FWSIGN" keygen --key=x.key --public=nothing/x.pub
[ ! -e x.key ]
result $? "no half of a pair is left"
run "another key" 0 "$FWSIGN" keygen --key=other.key --public=other.pub
[ "$(stat -c %a dev.key)" = 600 ]
result $? "private key is for its owner only"


cat >program.S <<'END'
.globl _start
_start:
	wfi
	j _start
.data
	.word 1, 2, 3
.bss
	.space 64
END
"${CROSS}gcc" -march=rv32imc -mabi=ilp32 -nostdlib -Wl,-N,-Ttext=0x10000000,--no-warn-rwx-segments -o program.elf program.S ||
	exit 1

# sign OUTPUT [OPTION]...: an image that suits the card, unless options say otherwise
sign() {
	output=$1
	shift
	"$FWSIGN" sign --key=dev.key --output="$output" --version=1.2.3 --svn=3 --build-id=abc "$@" \
		program.elf
}

run "sign" 0 "$FWSIGN" sign --key=dev.key --output=good.img --version=1.2.3 --svn=3 \
	--build-id=abc --info="for tests" program.elf
sign again.img --info="for tests" && cmp -s good.img again.img
result $? "same input, same bytes"
# Signing elsewhere: OpenSSL has the private key in another form.
python3 -c 'import sys
seed = open("dev.key").read().strip()
sys.stdout.buffer.write(bytes.fromhex("302e020100300506032b657004220420" + seed))' |
	openssl pkey -inform DER -out dev.pem 2>err
run "prepare" 0 "$FWSIGN" prepare --public=dev.pub --output=prepared.img --version=1.2.3 --svn=3 \
	--build-id=abc --info="for tests" program.elf
run "an image that was prepared is worth nothing" 5 "$FWLOAD" verify --key=dev.pub prepared.img
run "openssl signs" 0 openssl pkeyutl -sign -rawin -inkey dev.pem -in prepared.img.tbs -out dev.sig
run "attach" 0 "$FWSIGN" attach --public=dev.pub --signature=dev.sig --output=attached.img prepared.img
cmp -s good.img attached.img
result $? "it is the image that sign makes"
run "attach: another key" 5 "$FWSIGN" attach --public=other.pub --signature=dev.sig --output=x.img \
	prepared.img
run "attach: onto what is read" 64 "$FWSIGN" attach --public=dev.pub --signature=dev.sig \
	--output=prepared.img prepared.img
head -c 63 dev.sig >bad.sig
run "attach: no signature" 5 "$FWSIGN" attach --public=dev.pub --signature=bad.sig --output=x.img \
	prepared.img
printf x >>bad.sig
run "attach: wrong signature" 5 "$FWSIGN" attach --public=dev.pub --signature=bad.sig --output=x.img \
	prepared.img
run "dump" 0 "$FWSIGN" dump good.img
expect "dump tells the version" '^Version: *1.2.3$' out
run "sign: not a program" 4 "$FWSIGN" sign --key=dev.key --output=x.img dev.pub
run "sign: program of the host" 4 "$FWSIGN" sign --key=dev.key --output=x.img "$FWSIGN"
run "sign: missing program" 1 "$FWSIGN" sign --key=dev.key --output=x.img nothing
cp dev.key kept.key
run "sign: into the key" 64 "$FWSIGN" sign --key=dev.key --output=./dev.key program.elf
cmp -s dev.key kept.key
result $? "the key is still there"
chmod 644 kept.key
run "sign: everybody knows the key" 5 "$FWSIGN" sign --key=kept.key --output=x.img program.elf
run "sign: not a key" 5 "$FWSIGN" sign --key=good.img --output=x.img program.elf
run "sign: version is no version" 64 "$FWSIGN" sign --version=1.2 program.elf
run "sign: nothing given" 64 "$FWSIGN" sign
run "fwsign: no command" 64 "$FWSIGN"
run "fwsign: unknown option" 64 "$FWSIGN" --nonsense
[ ! -e x.img ]
result $? "no image is left by a failed sign"

sign other-board.img --board=0x4f470002
sign other-device.img --device=0x0602
sign late-rev.img --hw-rev=2-9
sign late-abi.img --driver-abi=2-3
sign late-messages.img --fw-abi=3-4
sign old-svn.img --svn=2
sign newer.img --version=1.3.0
"$FWSIGN" sign --key=other.key --output=other-key.img --version=1.2.3 --svn=3 program.elf
size=$(stat -c %s good.img)
head -c $((size - 1)) good.img >short.img
"$EDIT" good.img altered.img - $((size - 40)):1=0x55
"$EDIT" good.img old-format.img dev.key 4:2=1
"$EDIT" good.img newer-unsigned.img - 16:2=9
"$EDIT" good.img no-code.img dev.key 52:4=0

# --- usage

run "help" 0 "$FWLOAD" --help
expect "help lists the exit codes" '^  11  cancelled$' out
run "version" 0 "$FWLOAD" --version
run "no command" 64 "$FWLOAD"
run "unknown command" 64 "$FWLOAD" fly
run "unknown option" 64 "$FWLOAD" list --fly
run "file missing on the command line" 64 "$FWLOAD" verify
run "one file too many" 64 "$FWLOAD" info good.img good.img
run "bad timeout" 64 "$FWLOAD" load --timeout=0 good.img
run "--all and --device" 64 "$FWLOAD" load --all --device=x good.img

# --- info, verify: need neither card nor root

run "info" 0 "$FWLOAD" info good.img
expect "info tells the security version" '^Security version: 3$' out
run "info as JSON" 0 "$FWLOAD" info --json good.img
expect "JSON has the board" '"board_id":.*"0x4f470001"' out
run "info of a damaged image" 4 "$FWLOAD" info short.img
run "info of a missing file" 1 "$FWLOAD" info nothing.img
run "verify" 0 "$FWLOAD" verify --key=dev.pub good.img
run "verify quietly" 0 "$FWLOAD" verify --quiet --key=dev.pub good.img
[ ! -s out ]
result $? "quiet is quiet"
mkdir keys
cp dev.pub other.pub keys
run "verify with a folder of keys" 0 "$FWLOAD" verify --key=keys other-key.img
cp dev.pub keys/crlf.pub
printf '\r\n' >>keys/crlf.pub
ln -s nothing keys/dangling.pub
run "verify with a folder of good and bad keys" 0 "$FWLOAD" verify --key=keys other-key.img
expect "bad ones are named" 'warning: key left out: keys/crlf.pub' err
cp other.pub keys/other.revoked
run "verify: revoked key" 5 "$FWLOAD" verify --key=keys other-key.img
expect "that is told" 'keys/other.revoked revokes' err
odd=$(printf 'odd\033[2J\377 name.img')
cp good.img "$odd"
run "verify: odd file name" 0 "$FWLOAD" verify --json --key=dev.pub "$odd"
python3 -c 'import json, sys; json.loads(open("out", "rb").read().decode())'
result $? "JSON is JSON"
run "verify: odd name of nothing" 1 "$FWLOAD" verify --key=dev.pub "$odd.x"
! grep -q "$(printf '\033')" err
result $? "nothing controls the terminal"
run "verify: truncated" 4 "$FWLOAD" verify --key=dev.pub short.img
: >empty.img
run "verify: empty" 4 "$FWLOAD" verify --key=dev.pub empty.img
mkfifo pipe.img
run "verify: a pipe" 1 "$FWLOAD" verify --key=dev.pub pipe.img
run "verify: a device" 1 "$FWLOAD" verify --key=dev.pub /dev/zero
run "verify: no code at the entry" 4 "$FWLOAD" verify --key=dev.pub no-code.img
run "verify: the format before this one" 4 "$FWLOAD" verify --key=dev.pub old-format.img
expect "it says what to do" 'format is not version 2; get an image' err
run "verify: altered" 5 "$FWLOAD" verify --key=dev.pub altered.img
run "verify: altered header" 5 "$FWLOAD" verify --key=dev.pub newer-unsigned.img
run "verify: another key" 5 "$FWLOAD" verify --key=dev.pub other-key.img
run "verify: key file is none" 5 "$FWLOAD" verify --key=good.img good.img
run "verify: no key file" 5 "$FWLOAD" verify --key=nothing.pub good.img
if xz -k good.img && zstd -q good.img -o good.img.zst; then
	run "verify: xz" 0 "$FWLOAD" verify --key=dev.pub good.img.xz
	run "verify: zstd" 0 "$FWLOAD" verify --key=dev.pub good.img.zst
	head -c 200 good.img.xz >short.xz
	head -c 200 good.img.zst >short.zst
	run "verify: truncated xz" 4 "$FWLOAD" verify --key=dev.pub short.xz
	run "verify: truncated zstd" 4 "$FWLOAD" verify --key=dev.pub short.zst
	head -c 100000000 /dev/zero | xz >bomb.xz
	run "verify: more in it than fits" 4 "$FWLOAD" verify --key=dev.pub bomb.xz
fi

# --- list, status

run "list: no sysfs" 3 "$FWLOAD" list --sysfs-root="$WORK/nothing"
mkdir -p "$SYS/bus/pci/devices/0000:00:00.0"
attr 0000:00:00.0 vendor 0x8086
attr 0000:00:00.0 device 0x0601
run "list: no card" 0 "$FWLOAD" list --sysfs-root="$SYS"
run "load: no card" 3 $LOAD good.img
run "cancel: no card" 3 "$FWLOAD" cancel --sysfs-root="$SYS"
make_card $CARD awaiting-firmware
make_card 0000:02:00.0 running 1.0.0
run "list" 0 "$FWLOAD" list --sysfs-root="$SYS"
expect "list tells the state" "^$CARD *awaiting-firmware *0x4f470001 *1 *3 *-$" out
expect "list tells the firmware" '^0000:02:00.0 .* 1.0.0$' out
run "list as JSON" 0 "$FWLOAD" list --json --sysfs-root="$SYS"
expect "JSON tells the state" '"state":.*"awaiting-firmware"' out
run "list one" 0 "$FWLOAD" list --device=02:00.0 --sysfs-root="$SYS"
[ "$(wc -l <out)" -eq 2 ]
result $? "one card is listed"
run "status" 0 "$FWLOAD" status --sysfs-root="$SYS"
run "status: no such card" 3 "$FWLOAD" status --device=03:00.0 --sysfs-root="$SYS"
run "load: which card?" 64 $LOAD good.img

# --- load: refused before the card is touched

untouched() {
	[ ! -s "$SYS/class/firmware/ogpu-$CARD/data" ] &&
		[ "$(cat "$SYS/class/firmware/ogpu-$CARD/loading")" = 0 ]
	result $? "card was not touched"
}

rm -r "$SYS/bus/pci/devices/0000:02:00.0"
run "load: truncated" 4 $LOAD short.img
run "load: altered" 5 $LOAD altered.img
run "load: another key" 5 $LOAD other-key.img
run "load: another board" 6 $LOAD other-board.img
run "load: another device" 6 $LOAD other-device.img
run "load: another revision" 6 $LOAD late-rev.img
run "load: another driver ABI" 6 $LOAD late-abi.img
run "load: another firmware ABI" 6 $LOAD late-messages.img
run "load: older security version" 7 $LOAD old-svn.img
run "verify for the card" 0 "$FWLOAD" verify --all --key=dev.pub --sysfs-root="$SYS" good.img
run "verify: not for the card" 6 "$FWLOAD" verify --all --key=dev.pub --sysfs-root="$SYS" \
	other-board.img
run "load: missing file" 1 $LOAD nothing.img
run "load: no file for the board" 13 $LOAD --firmware-dir="$WORK"
run "load: no such card" 3 $LOAD --device=0000:09:00.0 good.img
run "load: no such card in time" 3 $LOAD --device=0000:09:00.0 --wait --timeout=1 good.img
run "dry run" 0 $LOAD --dry-run good.img
expect "dry run tells what it would do" 'would load firmware 1.2.3' out
untouched

echo transferring >"$SYS/class/firmware/ogpu-$CARD/status"
run "load: upload in progress" 8 $LOAD good.img
run "load: upload in progress, and goes on" 10 $LOAD --wait --timeout=1 good.img
echo idle >"$SYS/class/firmware/ogpu-$CARD/status"
attr $CARD state booting
run "load: card is booting" 8 $LOAD good.img
attr $CARD state awaiting-firmware
lock=$SYS/run/ogpu/$CARD.lock
flock "$lock" timeout $LIMIT sh load.sh good.img >out 2>err
[ $? -eq 8 ]
result $? "load: another loader is at work"
[ "$(stat -c %a "$lock")" = 600 ] && [ "$(stat -c %a "$SYS/run/ogpu")" = 755 ]
result $? "nobody else can hold the lock"
run "load: what everybody can lock does not matter" 0 \
	flock "$SYS/class/firmware/ogpu-$CARD/loading" $LOAD --dry-run good.img
chmod 777 "$SYS/run/ogpu"
run "load: folder of the lock belongs to everybody" 1 $LOAD --dry-run good.img
rm -r "$SYS/run"
: >"$SYS/run"
run "load: no folder for the lock" 1 $LOAD --dry-run good.img
rm "$SYS/run"
make_card $CARD running 1.0.0
run "load: other firmware runs" 8 $LOAD good.img
make_card $CARD running 1.2.3
run "load: it runs already" 2 $LOAD good.img
attr $CARD firmware_build_id abc
run "load: it runs already, same build" 2 $LOAD --json good.img
expect "JSON says so" '"result":.*"nothing-to-do"' out
attr $CARD firmware_build_id abd
run "load: another build runs" 8 $LOAD good.img
attr $CARD firmware_build_id abc
attr $CARD firmware_hash "$("$FWLOAD" info good.img | sed -n 's/^Signed hash: *//p')"
run "load: it runs already, same hash" 2 $LOAD good.img
attr $CARD firmware_version 9.9.9
run "load: it runs already, whatever it says" 2 $LOAD good.img
attr $CARD firmware_version 1.2.3
attr $CARD firmware_hash "$("$FWLOAD" info newer.img | sed -n 's/^Signed hash: *//p')"
run "load: another image of the same version and build runs" 8 $LOAD good.img
untouched

make_card $CARD awaiting-firmware
rm "$SYS/bus/pci/devices/$CARD/driver"
run "load: driver is not bound" 3 $LOAD good.img
expect "it may have refused the card" 'loaded but not bound to this card; .* kernel log' err
ln -s ../../drivers/vfio-pci "$SYS/bus/pci/devices/$CARD/driver"
run "load: another driver" 3 $LOAD good.img
expect "it is named" 'driver vfio-pci is bound to this card' err
rm -r "$SYS/bus/pci/devices/$CARD/driver" "$SYS/bus/pci/drivers/ogpu"
run "load: no driver" 3 $LOAD good.img
expect "the module is not loaded" 'load the module ogpu$' err
make_card $CARD awaiting-firmware
rm -r "$SYS/class/firmware/ogpu-$CARD"
run "load: no upload device" 3 $LOAD good.img
make_card $CARD awaiting-firmware
rm "$SYS/bus/pci/devices/$CARD/board_id"
run "load: driver does not tell the board" 9 $LOAD good.img

# --- pending, update

make_card $CARD running 1.2.3
attr $CARD firmware_hash "$("$FWLOAD" info newer.img | sed -n 's/^Signed hash: *//p')"
FW="--sysfs-root=$SYS --key=dev.pub"
run "pending: another image" 12 "$FWLOAD" pending $FW good.img
expect "it is said" 'is installed, signed hash' out
run "pending: as JSON" 12 "$FWLOAD" pending --json $FW good.img
expect "JSON says so" '"result":.*"update-pending"' out
run "pending: it runs" 0 "$FWLOAD" pending $FW newer.img
run "pending: it would be refused" 7 "$FWLOAD" pending $FW old-svn.img
make_card 0000:02:00.0 running 1.2.3
attr 0000:02:00.0 min_svn 9
run "pending: one would be refused" 7 "$FWLOAD" pending $FW good.img
rm -r "$SYS/bus/pci/devices/0000:02:00.0" "$SYS/class/firmware/ogpu-0000:02:00.0"
run "pending: no card" 3 "$FWLOAD" pending --device=x $FW good.img
run "update: the card is in use" 8 "$FWLOAD" update $FW good.img
expect "how to have it" 'update --reset' err
run "update: it runs" 2 "$FWLOAD" update --reset $FW newer.img
untouched
run "options that mean nothing" 64 "$FWLOAD" list --force
run "options that mean nothing: update" 64 "$FWLOAD" update --force

# --- load: what driver and card may do

# play SCENARIO [ARGUMENT]: a fresh card that will behave like this
play() {
	make_card $CARD awaiting-firmware
	"$FAKE" "$SYS" $CARD "$@" || exit 1
}

play boot
run "load" 0 $LOAD good.img
expect "load tells what runs" "^$CARD: runs firmware 1.2.3 from good.img$" out
cmp -s good.img "$SYS/class/firmware/ogpu-$CARD/data"
result $? "the whole image was uploaded"
run "load again" 2 $LOAD good.img
play boot
run "load by the upload device's name, JSON" 0 $LOAD --json --device=ogpu-$CARD good.img
expect "JSON tells success" '"result":.*"ok"' out
play boot
run "load xz" 0 $LOAD good.img.xz
cmp -s good.img "$SYS/class/firmware/ogpu-$CARD/data"
result $? "it was uploaded uncompressed"
mkdir firmware
cp good.img.zst firmware/4f470001.img.zst
play boot
run "load the file for the board" 0 $LOAD --quiet --firmware-dir=firmware
[ ! -s out ] && [ ! -s err ]
result $? "quiet is quiet"
play boot
run "load without verification" 0 $LOAD --no-verify-signature other-key.img
expect "it is logged" 'warning: .* signature not checked' err
play boot
run "load by force" 0 $LOAD --force old-svn.img
expect "that is logged, too" 'warning: .* security version not checked' err

play refuse preparing:firmware-invalid:format
run "card refuses: structure" 4 $LOAD good.img
play refuse programming:firmware-invalid:signature
run "card refuses: signature" 5 $LOAD good.img
play refuse programming:firmware-invalid:key
run "card refuses: key" 5 $LOAD good.img
play refuse programming:firmware-invalid:board
run "card refuses: board" 6 $LOAD good.img
play refuse programming:firmware-invalid:svn
run "card refuses: security version" 7 $LOAD good.img
play refuse preparing:invalid-file-size
run "driver refuses the size" 4 $LOAD good.img
play refuse preparing:device-busy
run "driver is busy" 8 $LOAD good.img
play refuse transferring:read-write-error
run "transfer fails" 9 $LOAD good.img
play refuse programming:hw-error
run "card is broken" 9 $LOAD good.img
play refuse programming:timeout
run "card does not answer" 10 $LOAD good.img
play silent
run "nothing ever runs" 10 $LOAD --timeout=1 good.img
play boot 1.0.0
run "firmware says that it is another version" 0 $LOAD --timeout=$PATIENT good.img
expect "that is told" 'warning: .* version 1.0.0, build .* its image says 1.2.3' err
play other
run "something else runs" 8 $LOAD --timeout=$PATIENT good.img
expect "that is told, too" 'another upload came in between' err
play late
run "the upload ends when time is over, and the card runs" 0 $LOAD --timeout=5 good.img
play busy
run "reset during the upload" 8 $LOAD good.img
expect "the driver's reason is told" 'broken off: card was reset during the upload' err
play busy
run "reset during the upload: try again" 0 $LOAD --wait good.img
play silent
strace -f -c -o syscalls timeout $LIMIT sh load.sh --timeout=2 good.img >out 2>err
calls=$(awk '$NF == "openat" || $NF == "open" { n += $4 } END { print n + 0 }' syscalls)
[ "$calls" -gt 0 ] && [ "$calls" -lt 1200 ] || echo "# $calls files opened in two seconds"
[ "$calls" -gt 0 ] && [ "$calls" -lt 1200 ]
result $? "it waits without taking the CPU"
play gone
run "card is unplugged" 9 $LOAD good.img
play abort
run "another program aborts" 8 $LOAD good.img
# The key that everybody has is worth nothing on a board that somebody makes.
install -m 600 "$TREE/firmware-loader/development.key" everybody.key
"$FWSIGN" sign --key=everybody.key --output=everybody.img --version=1.2.3 --svn=3 program.elf
"$FWSIGN" sign --key=everybody.key --output=board.img --version=1.2.3 --svn=3 --board=0x4f470002 \
	program.elf
cat >load-everybody.sh <<END
exec "$FWLOAD" load --sysfs-root="$SYS" --key="$TREE/firmware-loader/development.pub" "\$@"
END
play boot
run "development key: a virtual card" 0 sh load-everybody.sh everybody.img
make_card $CARD awaiting-firmware
attr $CARD board_id 0x4f470002
run "development key: another board" 5 sh load-everybody.sh board.img
expect "that is told" 'development key, which everybody has' err
untouched
make_card $CARD awaiting-firmware
attr $CARD device 0x0602
"$FAKE" "$SYS" $CARD boot || exit 1
run "a card with an ID that only the driver knows" 0 $LOAD other-device.img
play stuck
run "upload hangs" 10 $LOAD --timeout=1 good.img

# --- cancel

make_card $CARD awaiting-firmware
run "cancel: nothing to cancel" 2 "$FWLOAD" cancel --sysfs-root="$SYS"
play stuck
sh load.sh --timeout=$PATIENT good.img >load.out 2>load.err &
loader=$!
# The card says when it is in the middle of it.
timeout $LIMIT sh -c "until grep -q transferring '$SYS/class/firmware/ogpu-$CARD/status'; do :; done"
run "cancel" 0 "$FWLOAD" cancel --sysfs-root="$SYS"
wait $loader
[ $? -eq 11 ]
result $? "a cancelled load says so"
play stuck
sh load.sh --timeout=$PATIENT good.img >load.out 2>load.err &
loader=$!
timeout $LIMIT sh -c "until grep -q transferring '$SYS/class/firmware/ogpu-$CARD/status'; do :; done"
kill -TERM $loader
wait $loader
[ $? -eq 11 ]
result $? "a signal cancels"
play silent
sh load.sh --timeout=$PATIENT good.img >load.out 2>load.err &
loader=$!
data=$SYS/class/firmware/ogpu-$CARD/data
timeout $LIMIT sh -c "until cmp -s good.img '$data'; do :; done"
kill -TERM $loader
wait $loader
[ $? -eq 11 ]
result $? "a signal ends the wait for firmware that does not run"

# --- a card on its way

play boot
pci=$SYS/bus/pci/devices/$CARD
mv "$pci/board_id" board_id
mv "$pci/driver" driver
mkfifo "$pci/board_id"
ln "$pci/board_id" fifo
# At the first look there is no driver, and board_id is empty. The last command is for a loader that
# looks again before board_id is complete.
timeout $LIMIT sh -c ": >'$pci/board_id'; mv driver '$pci/driver'
	mv board_id '$pci/board_id'; : <>fifo" &
run "load waits for driver and attributes" 0 $LOAD --all --wait --firmware-dir=firmware
wait $!

# --- several cards

make_card $CARD awaiting-firmware
make_card 0000:02:00.0 running 1.2.3
"$FAKE" "$SYS" $CARD boot || exit 1
run "load all" 0 $LOAD --all --json good.img
[ "$(grep -c '"address"' out)" -eq 2 ]
result $? "JSON tells of both"
run "load all again" 2 $LOAD --all good.img
make_card $CARD awaiting-firmware
"$FAKE" "$SYS" $CARD refuse programming:hw-error || exit 1
run "one of two fails" 9 $LOAD --all --json good.img
expect "JSON tells of the other" '"result":.*"nothing-to-do"' out
make_card 0000:02:00.0 awaiting-firmware
"$FAKE" "$SYS" 0000:02:00.0 boot || exit 1
rm "$SYS/bus/pci/devices/$CARD/driver"
run "one of two never gets its driver" 3 $LOAD --all --wait --timeout=5 good.img
expect "the other one was loaded" '^0000:02:00.0: runs firmware 1.2.3' out

tap_end
