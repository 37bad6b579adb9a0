#!/bin/sh
# SPDX-License-Identifier: GPL-2.0 OR MIT
#
# The demo behind a virtual IOMMU: the card reaches only what the driver has mapped for it.
#
# VM: --iommu
n=0
for group in /sys/kernel/iommu_groups/*; do
	[ -e "$group" ] && n=$((n + 1))
done
if [ $n = 0 ]; then
	echo "not ok 1 - an IOMMU is at work"
	exit 1
fi
echo "ok 1 - an IOMMU is at work"
if /ogpu/demo/ogpu-demo; then
	echo "ok 2 - demo"
else
	echo "not ok 2 - demo"
	exit 1
fi
