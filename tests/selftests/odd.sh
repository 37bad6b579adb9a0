#!/bin/sh
# SPDX-License-Identifier: GPL-2.0 OR MIT
#
# A card unlike the usual one: some compute units are fused off, there is one slot of each kind,
# and few queues.
#
# VM: --vgpu-args '--cus 8 --fused 0,3,7 --compute-slots 1 --copy-slots 1 --doorbells 8'
. tap
explain() {
	cat out.log
}

/ogpu/demo/ogpu-demo >out.log 2>&1
result $? "demo"
grep -q '^Card .* 5 compute units' out.log
result $? "fused-off compute units do not count"
/ogpu/tests/queue state_counts destroy_lets_jobs_finish vm_destroyed_first >out.log 2>&1
result $? "queues"
/ogpu/tests/live function_reset >out.log 2>&1
result $? "programs share the slots, and a reset"
tap_end
