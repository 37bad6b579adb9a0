#!/bin/sh
# SPDX-License-Identifier: GPL-2.0 OR MIT
#
# A host with the packages, from boot to purge: runs as a service of it (tests/vm/run --system), prints TAP.
# With the argument "boot" only as far as the jobs of users, for another kernel. There are two cards; alice is in group render, bob is not. What takes a moment is asked for until it is so,
# or its limit is over.
set -u
# shellcheck source=tests/vm/guest/tap
. /run/tap
part=${1:-all}
LIMIT=$((60 * ${TEST_SCALE:-1}))
FIRMWARE=/usr/lib/firmware/ogpu
IMAGE=$FIRMWARE/4f470001.img
said=/run/said

explain() {
	tail -n 20 $said
	ogpu-smi doctor
	systemctl --no-pager --lines=5 status 'ogpu-fwload@*' 2>&1 | tail -n 30
}

# try NAME COMMAND...: a test whose output is shown if it fails
try() {
	name=$1
	shift
	"$@" >$said 2>&1
	result $? "$name"
}

# soon COMMAND...
soon() {
	timeout "$LIMIT" sh -c 'until "$@" >/run/soon 2>&1; do sleep 0.2; done' soon "$@"
	ret=$?
	cat /run/soon
	return $ret
}

not() {
	! "$@"
}

# there CARD...: their device files have come, and udev is done with them. A card runs a moment before.
there() {
	for card in "$@"; do
		try "the device file of $card is there" soon test -e "/dev/dri/by-path/pci-$card-render"
	done
	udevadm settle
}

# --- boot

try "the system is up, and no unit has failed" \
	sh -c "timeout $LIMIT systemctl is-system-running --wait || { systemctl --failed; false; }"
try "both cards run" soon ogpu-smi doctor
# shellcheck disable=SC2046
set -- $(ogpu-smi list | awk 'NR > 1 { print $1 }')
[ $# = 2 ]
result $? "there are two"
FIRST=${1:-none}
SECOND=${2:-none}
there "$FIRST" "$SECOND"
try "nobody has logged in" sh -c '[ -z "$(who)" ]'

by_udev() {
	for card in "$FIRST" "$SECOND"; do
		systemctl show -p Result -p ExecMainStatus -p ExecMainStartTimestamp "ogpu-fwload@ogpu-$card" >/run/unit
		cat /run/unit
		grep -q '^Result=success' /run/unit && grep -q '^ExecMainStatus=0' /run/unit &&
			grep -q '^ExecMainStartTimestamp=.' /run/unit || return 1
	done
}
try "their firmware came from the units that udev wants" by_udev
try "the module is the one of DKMS" sh -c "modinfo -n ogpu | grep /updates/dkms/"
try "it is signed with the key of this host" sh -c "modinfo -F signer ogpu | grep 'DKMS module signing key'"

nodes() {
	stat -c '%U:%G %a' /dev/dri/renderD* >/run/nodes
	cat /run/nodes
	[ "$(grep -cx 'root:render 660' /run/nodes)" = 2 ]
}
try "render nodes belong to group render" nodes
try "sensors knows the cards" sh -c "sensors 2>/dev/null | grep -A9 '^ogpu-pci-' | grep C"

# --- containers

# cdi CARDS: their device files, as container engines find them
cdi() {
	[ "$(grep -o '/dev/dri/renderD[0-9]*' /run/cdi/ogpu.json | sort -u | wc -l)" = "$1" ] &&
		[ "$(stat -c '%U %a' /run/cdi/ogpu.json)" = "root 644" ]
}
try "both cards are in /run/cdi, for everybody to read" cdi 2

# --- users

# job USER CARD
job() {
	runuser -u "$1" -- ogpu-demo --node "/dev/dri/by-path/pci-$2-render"
}
try "a user in group render runs jobs on one card" job alice "$FIRST"
try "and on the other" job alice "$SECOND"
try "a user who is not in it cannot" not job bob "$FIRST"
[ "$part" != boot ] || tap_end

# --- cards that go and come

echo "$FIRST" >/sys/bus/pci/drivers/ogpu/unbind
ogpu-smi doctor --read-timeout="$LIMIT" -d "$FIRST" >$said
[ $? = 23 ]
result $? "without its driver the verdict of a card is needs-driver"
udevadm settle
try "and it is not in /run/cdi" cdi 1
echo "$FIRST" >/sys/bus/pci/drivers/ogpu/bind
try "a card that is bound again runs" soon ogpu-smi doctor -d "$FIRST"
try "and does jobs, as soon as udev has been there" \
	soon runuser -u alice -- ogpu-demo --node "/dev/dri/by-path/pci-$FIRST-render"

# --- cards that take no new programs

# A later rule of the host.
mkdir -p /run/udev/rules.d
echo 'SUBSYSTEM=="drm", KERNEL=="renderD*", MODE="0666"' >/run/udev/rules.d/99-local.rules
udevadm control --reload
try "a card is drained" ogpu-smi drain -d "$FIRST"
udevadm settle
[ "$(stat -L -c %a "/dev/dri/by-path/pci-$FIRST-render")" = 0 ]
result $? "its device file is closed, and udev has left it so"
rm /run/udev/rules.d/99-local.rules
udevadm control --reload
try "nobody gets it" not job alice "$FIRST"
try "nor do containers" cdi 1
try "the other one is as before" job alice "$SECOND"
echo "$FIRST" >/sys/bus/pci/drivers/ogpu/unbind
udevadm settle
echo "$FIRST" >/sys/bus/pci/drivers/ogpu/bind
try "it is bound again" soon ogpu-smi doctor -d "$FIRST"
there "$FIRST"
try "it stays drained" not job alice "$FIRST"
[ "$(stat -L -c %a "/dev/dri/by-path/pci-$FIRST-render")" = 0 ]
result $? "its device file is closed"
try "it is returned" ogpu-smi return -d "$FIRST"
udevadm settle
try "everybody gets it again" job alice "$FIRST"
try "and so do containers" cdi 2

# --- the module goes and comes

try "the module can be unloaded" modprobe -r ogpu
try "no render node is left" soon sh -c '! ls /dev/dri/renderD*'
try "and loaded" modprobe ogpu
try "both cards get their firmware again" soon ogpu-smi doctor
try "and do jobs" soon runuser -u alice -- ogpu-demo --node "/dev/dri/by-path/pci-$SECOND-render"

# --- firmware that cannot be loaded: a failed unit that says why

# A module that is loaded anew has kept no firmware.
reload() {
	modprobe -r ogpu && systemctl reset-failed 'ogpu-fwload@*' 2>/dev/null
	udevadm settle
	since=$(date +'%Y-%m-%d %H:%M:%S')
	modprobe ogpu
}
# fails NAME CARD EXIT-STATUS TEXT
fails() {
	try "$1: the unit has failed" soon systemctl is-failed "ogpu-fwload@ogpu-$2"
	try "$1: with its exit status" \
		sh -c "systemctl show -p ExecMainStatus ogpu-fwload@ogpu-$2 | grep -x ExecMainStatus=$3"
	try "$1: the journal says why" soon \
		sh -c "journalctl --since '$since' -u ogpu-fwload@ogpu-$2 | grep '$4'"
	ogpu-smi doctor --read-timeout="$LIMIT" -d "$2" >$said
	[ $? = 24 ]
	result $? "$1: the verdict is needs-firmware"
}
cp $IMAGE /run/good.img
rm $IMAGE
reload
fails "no image" "$FIRST" 13 "needs $FIRMWARE/4f470001.img, which is not there\|needs /lib/firmware/ogpu/4f470001.img"
head -c 3000 /run/good.img >$IMAGE
reload
fails "image cut short" "$FIRST" 4 "$(basename $IMAGE): "
cp /run/good.img $IMAGE
printf X | dd of=$IMAGE bs=1 seek=1000 conv=notrunc status=none
reload
fails "image that was changed" "$FIRST" 5 'get the file again'
cp /run/good.img $IMAGE
mkdir -p /etc/ogpu/keys.d
ln -s /dev/null /etc/ogpu/keys.d/development.pub
reload
fails "image of a key that is masked" "$FIRST" 5 'not among the 0 trusted keys'
rm /etc/ogpu/keys.d/development.pub
rmdir -p /etc/ogpu/keys.d 2>/dev/null
# The second card has been told to accept no firmware as old as this.
try "a card is told to refuse old firmware" vgpuctl -c 1 '{"cmd":"set","fuse_svn":9}'
reload
fails "image that is too old for a card" "$SECOND" 7 'accepts 9 and later'
try "the other card takes it" soon ogpu-smi doctor -d "$FIRST"
try "the card is told to accept it again" vgpuctl -c 1 '{"cmd":"set","fuse_svn":0}'

# --- upgrade while programs use the cards

jobs_go_on() {
	while [ ! -e /run/jobs-stop ]; do
		job alice "$SECOND" || return 1
		echo 1 >>/run/jobs
	done
}
# One more has been done since now.
another_job() {
	jobs_before=$(wc -l </run/jobs)
	soon sh -c "[ \$(wc -l </run/jobs) -gt $((jobs_before + 1)) ]"
}
: >/run/jobs
reload
try "both cards run" soon ogpu-smi doctor
there "$FIRST" "$SECOND"
jobs_go_on >/run/jobs-said 2>&1 &
jobs=$!
try "jobs go on" another_job
hash=$(cat "/sys/bus/pci/devices/$FIRST/firmware_hash")
try "upgrade of all but the module" sh -c 'dpkg -i /debs/next/*.deb'
try "jobs still go on" another_job
[ "$(cat "/sys/bus/pci/devices/$FIRST/firmware_hash")" = "$hash" ]
result $? "cards run the firmware that they had"
ogpu-fwload pending >$said 2>&1
[ $? = 12 ]
result $? "an update is pending"
touch /run/jobs-stop
wait $jobs
ret=$?
tail -n 20 /run/jobs-said >$said
result $ret "no job has failed"
try "the update" ogpu-fwload update --all --reset
try "nothing is pending any more" ogpu-fwload pending
[ "$(cat "/sys/bus/pci/devices/$FIRST/firmware_svn")" = 7 ]
result $? "the new firmware runs"
udevadm settle
try "and does jobs" job alice "$FIRST"

# --- the package of the firmware, installed on a host that runs

try "the firmware is removed" dpkg -P firmware-ogpu
[ ! -e $FIRMWARE ]
result $? "nothing of it is left"
reload
try "a card waits for firmware" soon systemctl is-failed "ogpu-fwload@ogpu-$FIRST"
try "the other one, too" soon systemctl is-failed "ogpu-fwload@ogpu-$SECOND"
try "the package is installed" dpkg -i /debs/firmware-ogpu_*.deb
try "both cards run now, without a boot" ogpu-smi doctor --read-timeout="$LIMIT"
try "no unit is left that failed for want of it" not systemctl is-failed "ogpu-fwload@ogpu-$FIRST" "ogpu-fwload@ogpu-$SECOND"
try "and do jobs" soon runuser -u alice -- ogpu-demo --node "/dev/dri/by-path/pci-$FIRST-render"

# --- purge

try "the module is unloaded" modprobe -r ogpu
try "purge" dpkg -P ogpu-dkms ogpu-demo ogpu-vgpu firmware-ogpu ogpu-tools libogpu-dev libogpu0
# shellcheck disable=SC2016
try "no file is left" \
	sh -c '! find / -xdev -path /debs -prune -o -iname "*ogpu*" -print | grep -v "^/etc/ogpu-root$" | grep .'
try "nor in /run" sh -c '! [ -e /run/ogpu ] && ! [ -e /run/cdi/ogpu.json ]'
try "no module is left" not modinfo ogpu
try "dpkg knows none of it" sh -c '! dpkg -l | grep "ogpu"'
tap_end
