# SPDX-License-Identifier: GPL-2.0 OR MIT
"""Tests of the harness itself, prints TAP: without a machine, or with the argument "machine" of what
a run must say about its end."""

import io
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(1, os.path.dirname(sys.path[0]))
# pylint: disable=wrong-import-position
import check
import klog
import main
from cpio import Cpio

BAD = """
[   10.1] WARNING: CPU: 0 PID: 1 at drivers/gpu/drm/drm_mm.c:965 drm_mm_takedown+0x1f/0x30
<4>[    1.2] WARNING: drivers/gpu/drm/ogpu/x.c:1 at f+0x1/0x2, CPU#1: swapper/1
<1>[    1.2] BUG: kernel NULL pointer dereference, address: 0000000000000008
[    1.2][   T12] BUG: KASAN: slab-use-after-free in ogpu_x+0x1/0x2 [ogpu]
BUG kmalloc-64 (Not tainted): Redzone overwritten
BUG: sleeping function called from invalid context at kernel/locking/mutex.c:1
Oops: 0002 [#1] PREEMPT SMP
Oops: general protection fault, probably for non-canonical address 0xdead
kernel BUG at lib/list_debug.c:50!
Kernel panic - not syncing: Fatal exception
UBSAN: shift-out-of-bounds in x.c:3:2
WARNING: possible circular locking dependency detected
WARNING: possible recursive locking detected
WARNING: suspicious RCU usage
INFO: task ogpu-bench:123 blocked for more than 120 seconds.
rcu: INFO: rcu_preempt self-detected stall on CPU
ODEBUG: free active (active state 0) object: 1 object type: timer_list
DMA-API: ogpu 0000:01:00.0: device driver failed to check map error
refcount_t: underflow; use-after-free.
list_del corruption. prev->next should be x
irq 27: nobody cared (try booting with the "irqpoll" option)
------------[ cut here ]------------
""".strip().splitlines()

GOOD = """
[    0.1] NMI watchdog: Enabled. Permanently consumes one hw-PMU counter.
[    0.0] lockdep: fixing up alternatives.
kasan: KernelAddressSanitizer initialized (generic)
DMA-API: preallocated 65536 debug entries
DMA-API: debugging enabled by kernel config
kmemleak: Kernel memory leak detector disabled
ogpu: loading out-of-tree module taints kernel.
ogpu 0000:01:00.0: [drm] firmware 0.1.0 is running
Warning: unable to open an initial console.
PCI: System does not support PCI
INFO: NMI handler (nmi_cpu_backtrace_handler) took too long to run: 1.275 msecs
""".strip().splitlines()

LEAK = """
unreferenced object 0xffff88800a051200 (size 128):
  comm "modprobe", pid 64, jiffies 4294896404
  hex dump (first 32 bytes):
    00 12 05 0a 80 88 ff ff 00 12 05 0a 80 88 ff ff  ................
  backtrace (crc 56725736):
    kmemleak_alloc+0x28/0x30
    __kmalloc_cache_noprof+0x343/0x590
    {}+0xc6/0x370
    ttm_pool_type_init+0x9c/0x1a0
""".strip()


class Collect(main.Output):
    """An output that keeps what it would print."""

    def __init__(self, folder):
        super().__init__("@token", folder)
        self.text = b""

    def _emit(self, data):
        if self.section:
            self.section.write(data)
        else:
            self.text += data


def stream_of(chunk):
    data = (b"a\n\n@token start\nhello\n\n@tok\nx\n@token fail it broke\n"
            b"\n@token dmesg\n<6>line\n\n@token exit 7 512\n")
    with tempfile.TemporaryDirectory() as folder:
        out = Collect(folder)
        for i in range(0, len(data), chunk):
            out.feed(data[i:i + chunk])
        with open(f"{folder}/dmesg.log", "rb") as f:
            log = f.read()
    return (out.text, out.failures, out.exit, log, out.started is not None)


def archive():
    buf = io.BytesIO()
    cpio = Cpio(buf)
    cpio.data("/a/b/file", b"12345")
    cpio.symlink("/a/link", "b/file")
    cpio.close()
    done = subprocess.run(["cpio", "-tv", "--quiet"], input=buf.getvalue(), capture_output=True,
                          check=True)
    return done.stdout.decode()


def test_of(lines):
    """What tests/check reads in the source of a test."""
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/x.c", "w", encoding="utf-8") as f:
            f.write(lines)
        machines, args, kernels = check.wishes(f"{folder}/x.c")
    test = check.Test("/ogpu/tests/x", machines[0], args, kernels)
    return [options for _, options in machines], test.command("7.3"), test.command("debug"), test.kernels


def cards_of(*vgpu_args):
    """What each of three cards is told of --vgpu-args."""
    opts = main.parse([*(word for args in vgpu_args for word in ("--vgpu-args", args)), "true"])
    usual = main.card_options(main.parse(["true"]), 0)
    return [main.card_options(opts, n)[len(usual):] for n in range(3)]


def tests():
    yield "a test without wishes", test_of("/* x */\n") == (
        [""], "/ogpu/tests/x", "/ogpu/tests/x", [])
    yield "machines, arguments and kernels of a test", test_of(
        "/*\n * VM: --cards 2\n * VM: --iommu\n * ARGS debug: --jobs  9\n"
        " * KERNELS: 7.3 debug\n */\n") == (
        ["--cards 2", "--iommu"], "/ogpu/tests/x", "/ogpu/tests/x --jobs 9", ["7.3", "debug"])
    yield "options of a machine on two lines", test_of(
        "/*\n * VM: --cards 2 \\\n *     --iommu\n */\n")[0] == ["--cards 2 --iommu"]
    source = f"{check.TOP}/tests/selftests"
    yield "limit of a program", check.limit_of(f"{source}/stress.c") > check.SCRIPT_S
    yield "limit of a program without a harness", \
        check.limit_of(f"{source}/header_only.c") == check.SCRIPT_S
    with tempfile.TemporaryDirectory() as folder:
        made = []
        for name, line in (("a", "VM: --cards 2"), ("b", "VM-ALONE: --cards 2"),
                           ("c", "VM: --cards 2"), ("d", "VM-ALONE: --cards 2")):
            with open(f"{folder}/{name}.c", "w", encoding="utf-8") as f:
                f.write(f"/*\n * {line}\n */\n")
            made.append(check.Test(name, check.wishes(f"{folder}/{name}.c")[0][0], {}, []))
        yield "a machine for one test alone", [
            (key, [t.name for t in members]) for key, members in check.groups(made)] == [
            (("--cards 2", ""), ["a", "c"]), (("--cards 2", "b"), ["b"]),
            (("--cards 2", "d"), ["d"])]
    yield "no options for cards", cards_of() == [[], [], []]
    yield "options for every card", cards_of("--cus {n}") == [["--cus", str(n)] for n in range(3)]
    yield "options for each card", cards_of("--cus 2", "--cus 9") == [
        ["--cus", "2"], ["--cus", "9"], ["--cus", "9"]]
    for line in BAD:
        yield f"a report: {line[:60]}", bool(klog.reports([line]))
    for line in GOOD:
        yield f"no report: {line[:60]}", not klog.reports([line])
    leaks = LEAK.format("ogpu_x") + "\n" + LEAK.format("__list_lru_init")
    yield "leaks, but for those of the kernel", len(klog.leaks(leaks.splitlines())) == 1
    yield "taint bits", klog.taints(1 << 9 | 1 << 12) == ["warning"]
    want = (b"a\nhello\n\n@tok\nx", ["it broke"], (7, 512), b"<6>line\n", True)
    yield "output in one piece", stream_of(10000) == want
    yield "output in pieces", all(stream_of(n) == want for n in (1, 2, 3, 7, 13))
    listing = archive()
    yield "archive", all(word in listing for word in ("a/b/file", "a/link -> b/file", "drwxr-xr-x"))


def ends_with(status, said, *args, log=""):
    """Whether a run of a machine without driver ends so, says so and leaves so in the kernel log."""
    done = subprocess.run(["tests/vm/run", "--no-module", *args], cwd=main.TOP, check=False,
                          capture_output=True, text=True)
    output = done.stdout + done.stderr
    good = done.returncode == status and said in output
    place = re.search(r"^vm: kernel log: (\S+/\S+)$", output, re.MULTILINE)
    if log:
        good = good and place and any(log in line for line in main.read_lines(place[1]))
    if not good:
        print(f"# status {done.returncode}, said:")
        for line in output.splitlines()[-10:]:
            print(f"# {line}")
    return good


def machine_tests():
    yield "status of the command", ends_with(7, "hello", "--", "echo hello; exit 7")
    yield "a kernel warning fails a run", ends_with(
        main.EXIT_REPORT, "vm: kernel log: WARNING", "--",
        "echo '<4>WARNING: CPU: 0 PID: 1 at selftest.c:1 selftest+0x1/0x2' >/dev/kmsg")
    yield "unless it is expected", ends_with(
        0, "", "--allow-report", "at selftest.c", "--",
        "echo '<4>WARNING: CPU: 0 PID: 1 at selftest.c:1 selftest+0x1/0x2' >/dev/kmsg")
    yield "an oops fails a run", ends_with(
        main.EXIT_REPORT, "the machine ended by itself", "--", "echo c >/proc/sysrq-trigger")
    yield "a hang ends with the tasks in the log", ends_with(
        main.EXIT_TIMEOUT, "no end after 20 s; tasks are in the kernel log", "--timeout", "20",
        "--", "mkfifo /tmp/never; cat /tmp/never", log="task:cat ")


def run():
    failed = number = 0
    found = machine_tests() if sys.argv[1:] == ["machine"] else tests()
    for number, (name, passed) in enumerate(found, 1):
        failed += not passed
        print(f"{'ok' if passed else 'not ok'} {number} - {name.replace('#', '')}", flush=True)
    print(f"1..{number}")
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    run()
