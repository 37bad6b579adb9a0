#!/bin/sh
# SPDX-License-Identifier: GPL-2.0 OR MIT
#
# Two cards in one machine: both work at the same time, and one goes on when the other is unbound.
#
# VM: --cards 2
. tap
explain() {
	cat one.log two.log
}

set -- /dev/dri/renderD*
[ $# = 2 ]
result $? "two render nodes"
/ogpu/demo/ogpu-demo --node="$1" >one.log 2>&1 &
first=$!
/ogpu/demo/ogpu-demo --node="$2" >two.log 2>&1
result $? "demo on the second card"
wait $first
result $? "demo on the first card at the same time"

address=$(basename "$(readlink -f "/sys/class/drm/${1##*/}/device")")
driver=/sys/bus/pci/drivers/ogpu
echo "$address" >$driver/unbind
[ ! -e "$1" ]
result $? "the first card is unbound"
/ogpu/demo/ogpu-demo --node="$2" >two.log 2>&1
result $? "demo on the second card without the first"
echo "$address" >$driver/bind && [ "$(cat "/sys/bus/pci/devices/$address/state")" = running ]
result $? "the first card is back"
/ogpu/demo/ogpu-demo --node="$1" >one.log 2>&1
result $? "demo on the first card"
tap_end
