#!/bin/sh
# SPDX-License-Identifier: GPL-2.0 OR MIT
#
# The demo behind a virtual IOMMU: the card reaches only what the driver has mapped for it.
#
# VM: --iommu
. tap

set -- /sys/kernel/iommu_groups/*
[ -e "$1" ]
result $? "an IOMMU is at work"
/ogpu/demo/ogpu-demo
result $? "demo"
tap_end
