# SPDX-License-Identifier: GPL-2.0 OR MIT
"""Takes the processor away from one thread now and then, as the host of a virtual machine does.

All other threads go on, which finds what a busy machine alone seldom shows: limits that count time
of somebody else, and tests that take it for granted who is first. What is stopped, by ptrace, are
running threads of QEMU and of the virtual card: a processor of the guest, one that plays firmware,
a slot, a compute unit.
"""

import contextlib
import ctypes
import os
import random
import threading

NAMES = ("ogpu-vgpu", "qemu-system-x86")
REST_S = 0.5		# between two
PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 17, 0x4206, 0x4207
WALL = 0x40000000	# of waitpid(): threads, too

ptrace = ctypes.CDLL(None, use_errno=True).ptrace
ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
ptrace.restype = ctypes.c_long


def read_stat(path):
    """Name, state and parent of a process or thread; None if it has ended."""
    try:
        with open(f"{path}/stat", encoding="utf-8", errors="replace") as stat:
            text = stat.read()
    except OSError:
        return None
    begin, end = text.index("("), text.rindex(")")
    state, parent = text[end + 2:].split()[:2]
    return text[begin + 1:end], state, int(parent)


def candidates():
    """Running threads of the machines that this process has started."""
    found = {int(pid): read_stat(f"/proc/{pid}") for pid in os.listdir("/proc") if pid.isdigit()}
    threads = []
    for pid, stat in found.items():
        if not stat or stat[0] not in NAMES:
            continue
        ancestor = stat[2]
        while ancestor != os.getpid() and found.get(ancestor):
            ancestor = found[ancestor][2]
        if ancestor != os.getpid():
            continue
        with contextlib.suppress(OSError):
            for tid in os.listdir(f"/proc/{pid}/task"):
                stat = read_stat(f"/proc/{pid}/task/{tid}")
                if stat and stat[1] == "R":
                    threads.append(int(tid))
    return threads


class Thief(threading.Thread):
    """Stops one thread after the other; the tracer of a thread is a thread, this one."""

    def __init__(self, seconds):
        super().__init__(daemon=True)
        self.seconds = seconds
        self.over = threading.Event()
        self.count = 0

    def steal(self, tid):
        if ptrace(PTRACE_SEIZE, tid, None, None):
            return
        with contextlib.suppress(ChildProcessError):
            ptrace(PTRACE_INTERRUPT, tid, None, None)
            os.waitpid(tid, WALL)
            self.over.wait(self.seconds)
            self.count += 1
        ptrace(PTRACE_DETACH, tid, None, None)

    def run(self):
        while not self.over.wait(REST_S):
            threads = candidates()
            if threads:
                self.steal(random.choice(threads))

    def end(self):
        self.over.set()
        self.join()
        return self.count
