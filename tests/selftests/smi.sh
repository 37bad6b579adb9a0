#!/bin/sh
# SPDX-License-Identifier: GPL-2.0 OR MIT
#
# ogpu-smi with two cards: it says of each fault what it is, while the card is silent, and repairs what
# can be repaired; the other card stays ok throughout.
#
# One of its cards is gone at the end.
#
# VM-ALONE: --cards 2
. tap
LIMIT=$((60 * ${TEST_SCALE:-1}))
explain() {
	cat out err
}

address() {
	n=0
	for path in /sys/bus/pci/drivers/ogpu/0*; do
		[ $n = "$1" ] && echo "${path##*/}"
		n=$((n + 1))
	done
}
FIRST=$(address 0)
SECOND=$(address 1)

# smi NAME EXIT-CODE ARGUMENT...
smi() {
	name=$1
	code=$2
	shift 2
	timeout $LIMIT ogpu-smi --read-timeout=20 "$@" >out 2>err
	got=$?
	[ $got -eq "$code" ] || echo "# exit code $got, expected $code"
	[ $got -eq "$code" ]
	result $? "$name"
}

# verdict_is CARD WORD: now or soon, since the driver has to notice first
verdict_is() {
	timeout $LIMIT sh -c "until ogpu-smi doctor -d $1 >out 2>err; grep -q '^$1: $2: ' out; do usleep 100000; done"
	result $? "$2"
}

smi "both work" 0 doctor
smi "list" 0 list
[ "$(grep -c ' running .* ok ' out)" = 2 ]
result $? "list shows both"
smi "sensors and link" 0 show --json -d "$FIRST"
! grep -q '"temp_gpu_mdeg":.*null\|"power_uw":.*null\|"bad_pages_lost":.*null\|"resets":.*null' out
result $? "no number is missing"
smi "manifest" 0 manifest
[ "$(grep -c "hash $(cat "/sys/bus/pci/devices/$FIRST/firmware_hash")" out)" = 2 ]
result $? "manifest tells the hash"
smi "CDI" 0 cdi
grep -q '"/dev/dri/renderD129"' out
result $? "CDI names the render nodes"

sleep 1000 8<>/dev/dri/renderD128 &
client=$!
timeout $LIMIT sh -c 'until ogpu-smi ps >out 2>err && grep -q " sleep$" out; do usleep 100000; done'
result $? "ps shows a program"
kill $client
wait $client 2>/dev/null

smi "limit the power" 0 power-cap 40 -d "$FIRST"
grep -q '^40000000$' "/sys/bus/pci/devices/$FIRST"/hwmon/hwmon*/power1_cap
result $? "the card has the limit"
smi "too much power" 64 power-cap 4000 -d "$FIRST"

# Events are told from when its last card's file is open.
listens() {
	timeout $LIMIT sh -c 'until [ "$(ls -l /proc/'"$1"'/fd | grep -c "/events$")" -ge '"$2"' ]; do usleep 100000; done'
}

ogpu-smi events --count=2 --timeout=60 -d "$FIRST" >events 2>&1 &
events=$!
listens $events 1
timeout $LIMIT ogpu-smi reset -d "$FIRST" >out 2>err
result $? "reset one"
smi "reset is counted" 0 show -d "$FIRST"
grep -q 'resets  *1$' out
result $? "once"
wait $events
grep -q "$FIRST change state=resetting" events && grep -q 'state=running' events
result $? "its events were told"

# Of a card that is running: the reason of a reset, with its number. Fewer events may not be told of.
ogpu-smi events --json --count=3 --timeout=60 -d "$FIRST" >events 2>&1 &
events=$!
listens $events 1
vgpuctl -c 0 '{"cmd":"inject","fault":"mc-crash"}' >/dev/null
wait $events
grep -q '"action":"event","event":3,"seq":[0-9]*,"text":"resetting the card: firmware crashed; action: restart job"' events
result $? "why a card was reset is told"

# Faults. The driver recovers from some; the verdict is that of the moment.
# One that is too hot starts no firmware.
vgpuctl -c 0 '{"cmd":"set","temp_mdeg":500000}' >/dev/null
verdict_is "$FIRST" needs-reset
smi "the other one works" 0 doctor -d "$SECOND"
smi "the worst one counts" 25 doctor
vgpuctl -c 0 '{"cmd":"set","temp_mdeg":40000}' >/dev/null
timeout $LIMIT ogpu-smi reset --timeout=60 >out 2>err
result $? "reset of those that need it"
smi "it works again, with the firmware that it had" 0 doctor

vgpuctl -c 0 '{"cmd":"set","temp_mdeg":100000}' >/dev/null
verdict_is "$FIRST" degraded
vgpuctl -c 0 '{"cmd":"set","temp_mdeg":40000}' >/dev/null
verdict_is "$FIRST" ok

smi "bug report" 0 bug-report --output=report
grep -q 'debug/dri/.*/firmware_log' report && grep -q 'ogpu .*firmware .* is running' report
result $? "with the logs of firmware and driver"
! grep -q 'No such file' report
result $? "nothing is missing"

vgpuctl -c 0 '{"cmd":"inject","fault":"gone"}' >/dev/null
verdict_is "$FIRST" needs-power-cycle
smi "the other one still works" 0 doctor -d "$SECOND"
echo 0 >"/sys/bus/pci/devices/$SECOND/firmware_kept"
echo "$SECOND" >/sys/bus/pci/drivers/ogpu/unbind
verdict_is "$SECOND" needs-driver
echo "$SECOND" >/sys/bus/pci/drivers/ogpu/bind
verdict_is "$SECOND" needs-firmware
smi "what to do is said" 24 doctor -d "$SECOND"
grep -q 'next: ogpu-fwload load' out
result $? "with the command"
smi "metrics of all that" 0 metrics
grep -q "ogpu_verdict{card=\"$FIRST\".*verdict=\"needs-power-cycle\"} 1" out
result $? "metrics tell the verdict"
tap_end
