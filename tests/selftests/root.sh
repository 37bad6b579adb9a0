#!/bin/sh
# SPDX-License-Identifier: GPL-2.0 OR MIT
#
# A folder of the host as the machine's root (tests/vm/run --root): its programs find the card, and
# may change everything for themselves.
#
# VM: --root build/tests/tree
# The debug kernel has no EROFS.
# KERNELS: 7.3 6.12
. tap
explain() {
	mount
	ls /
}

[ "$(cat /etc/tree)" = "of the host" ] && [ ! -e /init ]
result $? "the folder is the root"
[ -c /dev/dri/renderD128 ] && [ -d /sys/module/ogpu ] && [ -w /tmp ] && [ -e /proc/self/exe ]
result $? "the card and the kernel's file systems are there"
echo changed >/etc/tree && rm /bin/ls && mkdir -p /new/folder && [ "$(cat /etc/tree)" = changed ]
result $? "files can be changed, removed and added"
[ "/proc/$$/exe" -ef /bin/busybox ]
result $? "the command's shell is the one of the folder"
[ -z "${LD_LIBRARY_PATH:-}" ] && [ "$OMP_WAIT_POLICY" = passive ]
result $? "programs get their own libraries, and threads that do not spin"
tap_end
