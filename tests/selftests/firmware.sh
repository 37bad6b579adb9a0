#!/bin/sh
# SPDX-License-Identifier: GPL-2.0 OR MIT
#
# Firmware upload with the real driver and a virtual card: bad images, uploads at the wrong moment,
# cards that disappear. Runs in a test machine whose card has no firmware yet:
#
#	make -C tests/loader images
#	tests/vm/run --no-firmware --add build/loader/tests/images -- /ogpu/tests/firmware.sh
#
# VM: --no-firmware --add build/loader/tests/images
#
# Prints TAP.

set -u
. tap
I=/job/images

for path in /sys/class/firmware/ogpu-*; do
	[ -e "$path" ] || { echo "Bail out! no card"; exit 1; }
	CARD=${path##*/ogpu-}
	break
done
PCI=/sys/bus/pci/devices/$CARD
FW=/sys/class/firmware/ogpu-$CARD
DRIVER=/sys/bus/pci/drivers/ogpu

explain() {
	[ -f /tmp/err ] && cat /tmp/err
	echo "state $(cat "$PCI/state"), $(cat "$PCI/firmware_error"): $(cat "$PCI/last_error")"
	echo "upload $(cat "$FW/status"), error $(cat "$FW/error")"
}

# load NAME EXIT-CODE ARGUMENT...
load() {
	name=$1
	code=$2
	shift 2
	timeout 60 ogpu-fwload load "$@" >/tmp/out 2>/tmp/err
	got=$?
	[ $got -eq "$code" ] || echo "# exit code $got, expected $code"
	[ $got -eq "$code" ]
	result $? "$name"
}

state_is() {
	[ "$(cat "$PCI/state")" = "$1" ]
	result $? "state is $1"
}

reason_is() {
	[ "$(cat "$PCI/firmware_error")" = "$1" ] && [ -n "$(cat "$PCI/last_error")" ]
	result $? "driver says why: $1"
}

# until_attr SECONDS FILE PATTERN: an attribute that cannot be waited for in another way
until_attr() {
	timeout "$1" sh -c "until grep -q '$3' '$2' 2>/dev/null; do usleep 2000; done"
}

# Like any program would do it, without the loader's checks.
raw_upload() {
	echo 1 >"$FW/loading"
	cat "$1" >"$FW/data"
	echo 0 >"$FW/loading"
	until_attr 30 "$FW/status" '^idle$'
	cat "$FW/error"
}

rebind() {
	echo 0 >"$PCI/firmware_kept"
	echo "$CARD" >$DRIVER/unbind
	echo "$CARD" >$DRIVER/bind
}

nodes() {
	ls /dev/dri/renderD* 2>/dev/null | wc -l
}

# --- before any firmware

state_is awaiting-firmware
[ -z "$(cat "$PCI/firmware_version")" ] && [ "$(cat "$PCI/firmware_error")" = none ]
result $? "no firmware, no complaint"
[ "$(nodes)" -eq 0 ]
result $? "no render node"
[ "ogpu-fwload $(cat /sys/module/ogpu/version)" = "$(ogpu-fwload --version)" ]
result $? "the module tells its version"
ogpu-fwload list >/tmp/out 2>/tmp/err && grep -q "^$CARD *awaiting-firmware" /tmp/out
result $? "list"

# --- what the loader refuses

load "loader: truncated" 4 $I/truncated.img
load "loader: entry outside the code" 4 $I/no-entry.img
load "loader: altered code" 5 $I/altered-code.img
load "loader: altered version" 5 $I/altered-version.img
load "loader: another key" 5 $I/other-key.img
load "loader: another device" 6 $I/other-device.img
load "loader: another board" 6 $I/other-board.img
load "loader: another revision" 6 $I/other-rev.img
load "loader: another ABI" 6 $I/other-abi.img
load "loader: another firmware ABI" 6 $I/other-messages.img
load "loader: the format before this one" 4 $I/old-format.img
load "loader: dry run" 0 --dry-run $I/good.img
[ "$(cat "$PCI/firmware_error")" = none ]
result $? "the card saw nothing of that"
[ "$(stat -c %a "/run/ogpu/$CARD.lock")" = 600 ]
result $? "nobody but root can lock the card"

# --- what driver and boot ROM refuse when the loader does not look

load "boot ROM: altered code" 5 --no-verify-signature $I/altered-code.img
reason_is hash
load "boot ROM: altered version" 5 --no-verify-signature $I/altered-version.img
reason_is signature
load "boot ROM: another key" 5 --key=$I/other.pub $I/other-key.img
reason_is key
load "driver: another device" 6 --force $I/other-device.img
load "driver: another board" 6 --force $I/other-board.img
reason_is board
load "driver: another revision" 6 --force $I/other-rev.img
load "driver: another ABI" 6 --force $I/other-abi.img
reason_is abi
load "driver: another firmware ABI" 6 --force $I/other-messages.img
reason_is abi
state_is awaiting-firmware

size=$(stat -c %s $I/good.img)
bad=0
cut=1
while [ $cut -lt "$size" ]; do
	head -c $cut $I/good.img >/tmp/cut.img
	error=$(raw_upload /tmp/cut.img)
	[ "$error" = preparing:firmware-invalid ] || { bad=1; echo "# $cut bytes: $error"; }
	# Every member of header and table, then in larger steps.
	cut=$((cut < 640 ? cut + 4 : cut + 509))
done
head -c $((size - 1)) $I/good.img >/tmp/cut.img
[ "$(raw_upload /tmp/cut.img)" = preparing:firmware-invalid ] || bad=1
result $bad "driver: truncated anywhere"
reason_is format
[ "$(raw_upload $I/no-entry.img)" = preparing:firmware-invalid ]
result $? "driver: entry outside the code"
[ "$(raw_upload $I/old-format.img)" = preparing:firmware-invalid ]
result $? "driver: the format before this one"
head -c 1048577 /dev/zero >/tmp/large.img
[ "$(raw_upload /tmp/large.img)" = preparing:invalid-file-size ]
result $? "driver: too large"
state_is awaiting-firmware

# --- firmware that does not work

load "firmware crashes" 9 $I/crash.img
state_is awaiting-firmware
load "firmware hangs" 9 $I/hang.img
state_is awaiting-firmware
load "firmware is silent" 10 $I/silent.img
state_is awaiting-firmware
# As fast as when it dies later: a request of its own waits for half a minute, for a busy host.
begin=$(cut -d. -f1 /proc/uptime)
load "firmware dies of its first request" 9 $I/deaf.img
took=$(($(cut -d. -f1 /proc/uptime) - begin))
echo "# took $took s"
[ $took -le $((15 * ${TEST_SCALE:-1})) ]
result $? "that takes seconds"
grep -q "firmware crashed" "$PCI/last_error"
result $? "and the reason is told"
state_is awaiting-firmware

# --- uploads at the wrong moment; silent firmware keeps an upload going

# start_silent: an upload that goes on in the background
start_silent() {
	ogpu-fwload load "$@" $I/silent.img >/tmp/bg.out 2>/tmp/bg.err &
	loader=$!
	until_attr 20 "$FW/status" '^programming$'
}

# ended NAME EXIT-CODE...: how the upload in the background ended
ended() {
	name=$1
	shift
	wait $loader
	got=$?
	cp /tmp/bg.err /tmp/err
	for code; do
		[ $got -eq "$code" ] && { result 0 "$name"; return; }
	done
	echo "# exit code $got, expected $*"
	result 1 "$name"
}

# All of this while the driver waits for it.
echo $((5000 * ${TEST_SCALE:-1})) >/sys/module/ogpu/parameters/fw_timeout_ms
start_silent
load "another loader is at work" 8 $I/good.img
state_is booting
ogpu-fwload cancel >/tmp/out 2>/tmp/err
result $? "cancel"
ended "the cancelled loader says so" 11
echo 5000 >/sys/module/ogpu/parameters/fw_timeout_ms
state_is awaiting-firmware
start_silent
kill -INT $loader
ended "SIGINT cancels" 11
state_is awaiting-firmware
start_silent --timeout=1
ended "time limit of the loader" 10
until_attr 20 "$FW/status" '^idle$'
state_is awaiting-firmware

start_silent
echo "$CARD" >$DRIVER/unbind
# Cancelled by the driver or gone, as the loader happens to look.
ended "unbound during an upload" 9 11
[ ! -e "$FW" ] && [ "$(cat "$PCI/state" 2>/dev/null)" = "" ]
result $? "nothing is left of the driver"
load "no driver" 3 $I/good.img
echo "$CARD" >$DRIVER/bind
state_is awaiting-firmware

start_silent
echo 1 >"$PCI/remove"
ended "removed during an upload" 9 11
load "no card" 3 $I/good.img
echo 1 >/sys/bus/pci/rescan
until_attr 20 "$PCI/state" awaiting-firmware
state_is awaiting-firmware

# --- firmware that works

load "load what is installed for the board" 0
state_is running
[ "$(cat "$PCI/firmware_error")" = none ] && [ -z "$(cat "$PCI/last_error")" ]
result $? "nothing to complain about"
version=$(ogpu-fwload info $I/good.img | sed -n 's/^Version: *//p')
[ "$(cat "$PCI/firmware_version")" = "$version" ]
result $? "firmware tells its version"
[ "$(cat "$PCI/firmware_hash")" = "$(ogpu-fwload info $I/good.img | sed -n 's/^Signed hash: *//p')" ] &&
	[ "$(cat "$PCI/firmware_key")" = "$(ogpu-fwload info $I/good.img | sed -n 's/^Key: *//p')" ]
result $? "card tells what runs: the file's hash and key"
[ "$(nodes)" -eq 1 ]
result $? "there is a render node"
load "load it again" 2 $I/good.img
load "load something else" 8 $I/silent.img
ogpu-fwload pending >/tmp/out 2>/tmp/err
result $? "no update is pending"
mkdir -p /lib/firmware/updates/ogpu
cp $I/svn-7.img /lib/firmware/updates/ogpu/4f470001.img
ogpu-fwload pending >/tmp/out 2>/tmp/err
[ $? -eq 12 ]
result $? "the administrator's image goes before the distribution's"
rm -r /lib/firmware/updates
ogpu-fwload pending $I/svn-7.img >/tmp/out 2>/tmp/err
[ $? -eq 12 ]
result $? "an update is pending"
ogpu-fwload update --reset $I/svn-7.img >/tmp/out 2>/tmp/err
result $? "update a card that runs"
[ "$(cat "$PCI/firmware_svn")" = 7 ]
result $? "it runs the new firmware"
ogpu-fwload update --reset >/tmp/out 2>/tmp/err
result $? "back to what is installed"
load "load it by force" 8 --force $I/good.img
[ "$(raw_upload $I/good.img)" = preparing:device-busy ]
result $? "driver: card works"
[ "$(raw_upload $I/truncated.img)" = preparing:device-busy ]
result $? "driver: card works, whatever comes"
state_is running
rebind
state_is awaiting-firmware
load "load after rebind" 0 $I/good.img
state_is running
rebind

# Whatever the moment of a reset, the image is booted after it.
bad=0
for i in 1 2 3 4 5; do
	ogpu-fwload load $I/good.img >/tmp/out 2>/tmp/err &
	loader=$!
	echo 1 >"$PCI/reset"
	wait $loader || { bad=1; echo "# exit code $?"; explain; }
	grep -q '^running$' "$PCI/state" || { bad=1; explain; }
	rebind
done
result $bad "reset while the firmware is loaded"

# --- security version: the fuses are blown while the card is in use

vgpuctl '{"cmd":"set","fuse_svn":7}' >/tmp/out 2>/tmp/err
result $? "raise the fuse counter"
[ "$(cat "$PCI/min_svn")" -eq 7 ]
result $? "driver tells"
state_is awaiting-firmware
load "loader: older security version" 7 $I/good.img
load "loader: much older" 7 $I/svn-0.img
load "driver: older security version" 7 --force $I/good.img
reason_is svn
state_is awaiting-firmware
load "same security version" 0 $I/svn-7.img
state_is running
vgpuctl '{"cmd":"set","fuse_svn":0}' >/tmp/out 2>/tmp/err
result $? "lower the fuse counter again, as only a virtual card can"
# set_svn N: the administrator raises it
set_svn() {
	sh -c "echo $1 >$PCI/min_svn" 2>/dev/null
}
! set_svn 8 && ! set_svn nonsense && [ "$(cat "$PCI/min_svn")" -eq 0 ]
result $? "no later security version than that of what runs"
set_svn 5 && [ "$(cat "$PCI/min_svn")" -eq 5 ]
result $? "raise the fuse counter by firmware"
! set_svn 4 && [ "$(cat "$PCI/min_svn")" -eq 5 ]
result $? "there is no way back"
vgpuctl '{"cmd":"set","fuse_svn":0}' >/tmp/out 2>/tmp/err
result $? "but for a virtual card"
rebind

# --- keys: one is revoked while the card is in use

vgpuctl '{"cmd":"set","revoked_keys":1}' >/tmp/out 2>/tmp/err
result $? "revoke the key"
load "boot ROM: revoked key" 5 $I/good.img
reason_is revoked
state_is awaiting-firmware
vgpuctl '{"cmd":"set","revoked_keys":0}' >/tmp/out 2>/tmp/err
result $? "make it good again, as only a virtual card can"

# --- a card that falls off the bus; it stays away as long as the machine is on

start_silent
vgpuctl '{"cmd":"inject","fault":"gone"}' >/tmp/out 2>/tmp/err
result $? "the card is gone"
ended "gone during an upload" 9
# It might have come back.
until_attr 20 "$PCI/state" '^gone$'
state_is gone
[ -n "$(cat "$PCI/last_error")" ] && [ "$(nodes)" -eq 0 ]
result $? "driver says why, and there is no render node"
load "load into a card that is gone" 9 $I/good.img
echo "$CARD" >$DRIVER/unbind
[ ! -e "$FW" ]
result $? "nothing is left of the driver"

tap_end
