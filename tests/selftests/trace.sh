#!/bin/sh
# SPDX-License-Identifier: GPL-2.0 OR MIT
#
# Each tracepoint of the driver tells what it is for (docs/driver.md): jobs that go well and one
# that fails, messages of firmware, a card that is reset.
. tap
trace=/sys/kernel/tracing
explain() {
	grep -v '^#' trace.txt | cut -c 1-120 | tail -n 40
}
# A line with this event and this text, in what was recorded.
recorded() {
	grep -q "ogpu_$1: dev=0000:.*$2" trace.txt
	result $? "$1: $3"
}

: >trace.txt
[ -d "$trace/events/ogpu" ]
result $? "there are tracepoints"
echo >"$trace/trace"
echo 1 >"$trace/events/ogpu/enable"

/ogpu/tests/state packet >out.log 2>&1
result $? "a job that fails"
address=$(basename "$(readlink -f /sys/class/drm/renderD128/device)")
state=/sys/bus/pci/devices/$address/state
vgpuctl '{"cmd":"inject","fault":"mc-crash"}' >/dev/null
left=$((300 * ${TEST_SCALE:-1}))
while [ "$(cat "$trace/trace" | grep -c 'ogpu_state: .*state=running')" = 0 ] && [ $left -gt 0 ]; do
	sleep 0.1
	left=$((left - 1))
done
[ "$(cat "$state")" = running ]
result $? "a reset"
echo 0 >"$trace/events/ogpu/enable"
cat "$trace/trace" >trace.txt

recorded request "type=0x3 " "the driver has a queue made"
recorded reply "type=0x3 status=0" "firmware has made it"
recorded submit "job=1 client=[1-9][0-9]* bytes=8 waits=0" "a job of a program"
recorded run "job=1\$" "it is on the ring"
recorded event "type=0x1 " "hardware tells of its end"
recorded signal "job=1 error=0" "its fence signals"
recorded event "type=0x4002 " "firmware tells of an error"
recorded queue_error "code=1" "the queue fails"
recorded signal "job=4 error=-5" "the fence of the job that failed"
recorded reset "why=\"firmware crashed\"" "recovery begins"
recorded state "state=resetting" "so the state changes"
recorded state "state=running" "and the card is back"

# The way of the first job of the program's queue.
queue=$(sed -n 's/.*ogpu_queue_error: .*queue=\([0-9]*\) code=1.*/\1/p' trace.txt | head -n 1)
grep "queue=$queue job=1\>" trace.txt | grep -o 'ogpu_[a-z]*:' | tr -d '\n' >order
[ "$(cat order)" = ogpu_submit:ogpu_run:ogpu_signal: ]
result $? "in this order"
tap_end
