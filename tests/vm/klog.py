# SPDX-License-Identifier: GPL-2.0 OR MIT
"""Finds reports of kernel faults in a kernel log. Any of them fails a run."""

import re

# What the kernel prints when something is wrong, whatever the machine and the configuration.
REPORT = re.compile(r"""
    \bWARNING:\s
  | \bBUG:\s | \bBUG\ (?:kmalloc|drm|ogpu|Acpi)?[\w-]*.*\((?:Not\ tainted|Tainted)
  | \bOops\b | general\ protection\ fault | \bkernel\ BUG\ at\b | Kernel\ panic | double\ fault
  | \bKASAN\b: | \bUBSAN: | \bKCSAN: | \bKFENCE:
  | INFO:\ (?:task|possible|rcu|trying|suspicious|inconsistent|lockdep)
  | rcu:\ INFO: | possible\ (?:circular|recursive|irq)\ .*locking | suspicious\ RCU\ usage
  | (?:HARDIRQ|SOFTIRQ)-(?:safe|ON-W) | inconsistent\ lock\ state
  | bad\ unlock\ balance | lock\ held\ when\ returning | held\ lock\ freed
  | sleeping\ function\ called | scheduling\ while\ atomic
  | ODEBUG: | DMA-API:\ (?!preallocated|debugging|disabled|dma_debug|trying)
  | refcount_t: | list_(?:add|del)\ corruption | (?:slab|object)\ .*already\ free
  | \bleaked\b
  | Memory\ manager\ not\ clean | nobody\ cared
  | workqueue:\ .*hogged\ CPU\ for\ >\d+us\ 1\d\d\d+\ times
  | Call\ Trace: | cut\ here
""", re.VERBOSE)

# Not faults: what a boot of Debian's kernels in QEMU prints on its own.
HARMLESS = re.compile(r"""
    NMI\ watchdog:\ (?:Enabled|Perf|Disabled|Delayed)
  | lockdep:\ (?:fixing|.*lock\ debugging\ disabled)
  | kasan:\ KernelAddressSanitizer\ initialized
  | INFO:\ lockdep\ is\ turned\ off
""", re.VERBOSE)

PREFIX = re.compile(r"^(?:<\d+>)?\[\s*[\d.]+\]\s*(?:\[[ TC]\s*\d+\]\s*)?")

# /proc/sys/kernel/tainted bits that mean trouble; an external, unsigned module sets others. That of a
# soft lockup is set by who makes software fences, and by nobody else: the watchdog is off.
TAINTS = {4: "machine check", 5: "bad page", 7: "oops", 9: "warning"}

# Leaks of the kernel itself: all these functions in the backtrace.
KNOWN_LEAKS = (
    # TTM of 7.3 makes its global page pools' lists with list_lru_init() when the first device
    # comes, and never frees them when the last one has gone.
    ("__list_lru_init", "ttm_pool_type_init"),
)


def leaks(lines):
    """Unreferenced objects in the text of debugfs' kmemleak, one line each."""
    objects = []
    for line in lines:
        if line.startswith("unreferenced object"):
            objects.append([])
        if objects:
            objects[-1].append(line.strip())
    found = []
    for lines_of_object in objects:
        start = next((n for n, l in enumerate(lines_of_object) if l.startswith("backtrace")), 0)
        trace = [line.split("+")[0] for line in lines_of_object[start + 1:]]
        if not any(all(name in trace for name in known) for known in KNOWN_LEAKS):
            found.append(" < ".join(name for name in trace[:8] if name))
    return found


def reports(lines):
    """The lines of a log that report faults, without time stamps."""
    found = []
    for line in lines:
        if REPORT.search(line) and not HARMLESS.search(line):
            found.append(PREFIX.sub("", line).rstrip())
    return found


def taints(value):
    return [name for bit, name in TAINTS.items() if value & (1 << bit)]
