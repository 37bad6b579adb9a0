#!/bin/sh
# SPDX-License-Identifier: GPL-2.0 OR MIT
#
# The demo, and memory of programs, behind a virtual IOMMU: the card reaches only what the driver
# has mapped for it.
#
# VM: --iommu
. tap
explain() {
	cat out.log
}

set -- /sys/kernel/iommu_groups/*
[ -e "$1" ]
result $? "an IOMMU is at work"
/ogpu/demo/ogpu-demo >out.log 2>&1
result $? "demo"
/ogpu/tests/userptr both_ways hole dontneed_in_mid_job fork_in_mid_job file parts >out.log 2>&1
result $? "memory of programs"
tap_end
