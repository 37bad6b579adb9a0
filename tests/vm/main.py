# SPDX-License-Identifier: GPL-2.0 OR MIT
"""tests/vm/run: boots a machine with OGPU cards, runs a command, judges the result."""

import argparse
import glob
import os
import secrets
import select
import shlex
import shutil
import signal
import sys
import termios
import time
import tty

import initramfs
import klog
import machine
import rootfs

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
KERNELS = ("7.3", "6.12", "6.12-rt", "debug")
EXIT_TIMEOUT = 124	# as timeout(1)
EXIT_REPORT = 123	# the kernel log has a report, the driver cannot be unloaded, a card crashed
EXIT_NOT_STARTED = 125
KEEP_RUNS = 30
BOOT_S = 120		# until the command runs, at least
REPORT_LINES = 25	# of the kernel log, to print with a report

USAGE = """tests/vm/run [OPTION...] [-- COMMAND...]

Exit status: the command's own; 123 if the kernel log has a fault report, the driver cannot be
unloaded or a card crashed; 124 after --timeout; 125 if the machine or the driver did not start.
One COMMAND argument is a line for the shell; several are a program and its arguments. Programs
in build/ (loader, demo, tests, kernels) and libogpu are in the machine already, in /ogpu.
"""


def parse(argv):
    p = argparse.ArgumentParser(prog="tests/vm/run", usage=USAGE, add_help=True)
    p.add_argument("--kernel", choices=KERNELS, default=os.environ.get("KERNEL", "7.3"))
    p.add_argument("--cards", type=int, default=1, help="number of cards (default 1)")
    p.add_argument("--iommu", nargs="?", const="intel", choices=("intel", "virtio"),
                   help="put the cards behind a virtual IOMMU")
    p.add_argument("--switch", type=int, default=0, metavar="N",
                   help="the first N cards are behind a PCIe switch, the others at ports of their own")
    p.add_argument("--smp", type=int, default=2)
    p.add_argument("--memory", help="guest memory (default 1G, debug kernel 2G)")
    p.add_argument("--timeout", type=float, default=300, 
                   help="seconds for the command and all that follows; what comes before it has as"
                   " many, or two minutes if that is longer")
    p.add_argument("--share", metavar="DIR", help="host folder, read-write at /share")
    p.add_argument("--add", metavar="PATH[:GUEST]", action="append", default=[],
                   help="file or folder for the machine (default place: /job); may be repeated")
    p.add_argument("--root", metavar="DIR", help="folder with a system, Debian for example, that"
                   " becomes / of the command; what it writes there is lost at the end")
    p.add_argument("--layer", metavar="FILE", help="EROFS image of an upper folder of overlayfs, whose"
                   " files are above those of --root")
    p.add_argument("--system", action="store_true", help="the system of --root boots with its own"
                   " init, which runs the command when all else is up; driver and firmware are its")
    p.add_argument("--module", metavar="PATH", help="ogpu.ko (default build/module/KERNEL/ogpu.ko)")
    p.add_argument("--module-params", default="", metavar="'A=1 B=2'")
    p.add_argument("--vgpu", metavar="PATH", help="virtual GPU (default build/vgpu/ogpu-vgpu)")
    p.add_argument("--no-strict", action="store_true",
                   help="cards that forgive what software does not say (ogpu-vgpu without --strict)")
    p.add_argument("--vgpu-args", metavar="'ARGS'", action="append", default=[],
                   help="more options for every card; repeated: for the first card, the second, and"
                   " so on, the last ones also for all that follow")
    p.add_argument("--loader", metavar="PATH", help="ogpu-fwload (default build/loader)")
    p.add_argument("--firmware", metavar="PATH", help="image (default build/firmware/ogpu-fw.img)")
    p.add_argument("--no-module", action="store_true", help="do not load ogpu.ko; it is there")
    p.add_argument("--no-firmware", action="store_true", help="do not run the loader")
    p.add_argument("--no-unload", action="store_true", help="do not unload ogpu.ko at the end")
    p.add_argument("--allow-report", metavar="REGEX", action="append", default=[],
                   help="a fault report that the test provokes on purpose")
    p.add_argument("--kmemleak", action="store_true", help="leak scan at the end (debug kernel)")
    p.add_argument("--icount", action="store_true",
                   help="count instructions: one CPU, 1 ns is one instruction")
    p.add_argument("--interactive", action="store_true", help="the command gets the terminal")
    p.add_argument("--append", action="append", default=[], help="more kernel command line")
    p.add_argument("--qemu-args", default="", metavar="'ARGS'")
    p.add_argument("--posted-writes-off", action="store_true")
    p.add_argument("--neighbour", action="store_true",
                   help="beside each card a function that has no driver")
    p.add_argument("--verbose", "-v", action="store_true", help="say what the harness does")
    p.add_argument("command", nargs="*")
    opts = p.parse_args(argv)
    opts.append = [word for text in opts.append for word in text.split()]
    opts.qemu_args = shlex.split(opts.qemu_args)
    opts.memory = opts.memory or ("2G" if opts.kernel == "debug" else "1G")
    opts.pref64 = "1G"
    if not opts.command and not opts.interactive:
        p.error("no command")
    if (opts.layer or opts.system) and not opts.root:
        p.error("--layer and --system need --root")
    if opts.system and (opts.interactive or opts.share):
        p.error("--system with --interactive or --share is not offered")
    opts.no_module = opts.no_module or opts.system
    return opts


def local(path):
    """A path as the user knows it -> as it is inside the build root."""
    host = os.environ.get("OGPU_HOST_REPO")
    if host and path.startswith(host + "/"):
        return TOP + path[len(host):]
    return os.path.abspath(path)


def existing(path, how):
    if not os.path.exists(path):
        raise SystemExit(f"vm: {path.replace(TOP + '/', '')} is missing: {how}")
    return path


def make_job(opts, kernel, token):
    """Everything this run adds to the base file system, and the module's path."""
    job = initramfs.Job(kernel)
    module = local(opts.module or f"{TOP}/build/module/{opts.kernel}/ogpu.ko")
    if not opts.no_module:
        existing(module, f"run 'make modules KERNEL={opts.kernel}'")
    elif not os.path.exists(module):
        module = None
    firmware = not opts.no_module and not opts.no_firmware
    loader = local(opts.loader or f"{TOP}/build/loader/ogpu-fwload")
    image = local(opts.firmware or f"{TOP}/build/firmware/ogpu-fw.img")
    if firmware:
        existing(loader, "run 'make'")
        existing(image, "run 'make'")
    if os.path.exists(loader):
        job.file("/ogpu/bin/ogpu-fwload", loader)
    if os.path.exists(f"{TOP}/build/smi/ogpu-smi"):
        job.file("/ogpu/bin/ogpu-smi", f"{TOP}/build/smi/ogpu-smi")
    if os.path.exists(image):
        job.file("/lib/firmware/ogpu/4f470001.img", image)
    for key in glob.glob(f"{TOP}/build/keys/*.pub"):
        job.file("/etc/ogpu/keys.d/" + os.path.basename(key), key)
    for folder, guest in (("build/tests", "/ogpu/tests"), ("build/kernels", "/ogpu/kernels"),
                          ("build/demo", "/ogpu/demo"), ("build/bench", "/ogpu/bench")):
        for path in glob.glob(f"{TOP}/{folder}/*"):
            if os.path.isfile(path) and (os.access(path, os.X_OK) or path.endswith((".elf", ".png"))):
                job.file(f"{guest}/{os.path.basename(path)}", path)
    for script in glob.glob(f"{TOP}/tests/selftests/*.sh"):
        job.file("/ogpu/tests/" + os.path.basename(script), script, 0o755)
    for program in glob.glob(f"{TOP}/tests/vm/guest/*"):
        job.file("/ogpu/bin/" + os.path.basename(program), program, 0o755)
    for item in opts.add:
        path, _, guest = item.partition(":")
        path = existing(local(path), "--add needs a file or folder")
        guest = guest or "/job/" + os.path.basename(path)
        if os.path.isdir(path):
            job.tree(guest, path)
        else:
            job.file(guest, path)
            if opts.root:
                job.foreign.add(guest)	# the folder has its libraries

    line = opts.command[0] if len(opts.command) == 1 else shlex.join(opts.command)
    job.text("/job/command", (line or "exec sh -i") + "\n")
    size = os.get_terminal_size() if opts.interactive and os.isatty(1) else (0, 0)
    settings = {
        "TOKEN": token, "MODULE": "" if opts.no_module else "1", "MODULE_PARAMS": opts.module_params,
        "FIRMWARE": "1" if firmware else "", "UNLOAD": "" if opts.no_unload else "1",
        "SHARE": "1" if opts.share else "", "INTERACTIVE": "1" if opts.interactive else "",
        "KMEMLEAK": "1" if opts.kmemleak else "", "COLS": str(size[0] or 80), "ROWS": str(size[1] or 24),
        "ROOT": "1" if opts.root else "", "LAYER": "1" if opts.layer else "",
        "SYSTEM": "1" if opts.system else "", "CARDS": str(opts.cards), "KERNEL": opts.kernel, "IOMMU": opts.iommu or "",
    }
    job.text("/job/settings", "".join(f"{k}={shlex.quote(v)}\n" for k, v in settings.items()))
    return job, module


def make_run_dir():
    base = f"{TOP}/build/vm"
    os.makedirs(base, exist_ok=True)
    run_dir = f"{base}/{time.strftime('%m%d-%H%M%S')}-{os.getpid()}"
    os.mkdir(run_dir)
    # Named by their time. Other machines begin and end at this moment.
    runs = sorted(glob.glob(f"{base}/[0-9]*-[0-9]*-[0-9]*"))
    for old in runs[:-KEEP_RUNS]:
        pid = old.rsplit("-", 1)[1]
        if not os.path.exists(f"/proc/{pid}"):
            shutil.rmtree(old, ignore_errors=True)
    return run_dir


class Output:
    """Splits the job's serial line into what the job prints and what init reports."""

    def __init__(self, token, run_dir):
        self.token = b"\n" + token.encode() + b" "
        self.pending = b""
        self.section = None		# file that takes what init sends besides the job's output
        self.run_dir = run_dir
        self.failures = []
        self.booted = False		# init runs
        self.started = None		# when the job began
        self.exit = None

    def feed(self, data):
        self.pending += data
        while True:
            at = self.pending.find(self.token)
            if at < 0:
                break
            end = self.pending.find(b"\n", at + 1)
            if end < 0:
                self._emit(self.pending[:at])
                self.pending = self.pending[at:]
                return
            self._emit(self.pending[:at])
            line = self.pending[at + len(self.token):end].decode(errors="replace").strip()
            self.pending = self.pending[end + 1:]
            self._report(line)
        # Keep back what may be the beginning of a token.
        keep = 0
        for n in range(min(len(self.token) - 1, len(self.pending)), 0, -1):
            if self.token.startswith(self.pending[-n:]):
                keep = n
                break
        self._emit(self.pending[:len(self.pending) - keep])
        self.pending = self.pending[len(self.pending) - keep:]

    def _emit(self, data):
        if self.section:
            self.section.write(data)
        elif data:
            os.write(1, data)

    def _report(self, line):
        word, _, rest = line.partition(" ")
        if word == "fail":
            self.failures.append(rest)
        elif word == "booted":
            self.booted = True
        elif word == "start":
            self.started = time.monotonic()
        elif word in ("dmesg", "kmemleak"):
            if self.section:
                self.section.close()
            # pylint: disable=consider-using-with
            self.section = open(f"{self.run_dir}/{word}.log", "wb")
        elif word == "exit":
            code, taint = rest.split()
            self.exit = (int(code), int(taint))
        if self.exit and self.section:
            self.section.close()
            self.section = None


def run_job(vm, output, opts):
    """Moves bytes until the job has ended, QEMU has died or the time is over."""
    sources = [vm.output, vm.qmp]
    if opts.interactive:
        sources.append(sys.stdin)
    while output.exit is None:
        end = output.started + opts.timeout if output.started else \
            vm.started + max(opts.timeout, BOOT_S)
        left = end - time.monotonic()
        if left <= 0 and not opts.interactive:
            return "timeout"
        ready, _, _ = select.select(sources, [], [], None if opts.interactive else left)
        if vm.qmp in ready:
            data = vm.qmp.recv(65536)
            if b'"event": "STOP"' in data:
                return "died"
            if b'"event": "SUSPEND"' in data:
                vm.qmp_send("system_wakeup")
            if not data:
                sources.remove(vm.qmp)
        if vm.output in ready:
            data = vm.output.recv(65536)
            if not data:
                return "died"
            output.feed(data)
        if opts.interactive and sys.stdin in ready:
            data = os.read(0, 4096)
            if data:
                vm.output.sendall(data)
            else:
                sources.remove(sys.stdin)
    return "ended"


def read_lines(path):
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8", errors="replace") as f:
        return f.read().splitlines()


def judge(opts, run_dir, output, how, problems):
    """Exit status of the run; says on stderr what was wrong."""
    failures = list(output.failures)
    lines = read_lines(f"{run_dir}/dmesg.log" if how == "ended" else f"{run_dir}/console.log")
    if how == "timeout":
        # What the watchdog's NMI prints is no report of its own.
        end = next((n for n, line in enumerate(lines) if "NMI received" in line), len(lines))
        lines = lines[:end]
    reports = [line for line in klog.reports(lines)
               if not any(klog.re.search(pattern, line) for pattern in opts.allow_report)]
    failures += ["kernel log: " + line for line in reports]
    failures += ["leaked: " + leak for leak in klog.leaks(read_lines(f"{run_dir}/kmemleak.log"))]
    failures += [p for p in problems if p]
    status = EXIT_REPORT
    if how == "timeout":
        failures.insert(0, f"no end after {opts.timeout:.0f} s; tasks are in the kernel log")
        status = EXIT_TIMEOUT
    elif how == "died":
        failures.insert(0, "the machine ended by itself")
    else:
        code, taint = output.exit
        if not opts.allow_report:
            failures += [f"kernel is tainted: {name}" for name in klog.taints(taint)]
        if code:
            status = code
        elif not failures:
            return 0
    log = "dmesg.log" if how == "ended" else "console.log"
    for line in failures[:20]:
        print(f"vm: {line}", file=sys.stderr)
    if reports:
        at = next(n for n, line in enumerate(lines) if line.rstrip().endswith(reports[0]))
        for line in lines[at:at + REPORT_LINES]:
            print(f"vm:   {line}", file=sys.stderr)
    where = run_dir.replace(TOP + "/", "")
    print(f"vm: kernel log: {where}/{log}", file=sys.stderr)
    return status


def run_machine(opts, run_dir, kernel_image, output):
    """One machine with its cards: how it ended, what was wrong with them then, and its seconds."""
    vgpu = local(opts.vgpu or f"{TOP}/build/vgpu/ogpu-vgpu")
    cards, vm, problems, terminal = [], None, [], None
    try:
        for n in range(opts.cards):
            cards.append(machine.Card(vgpu, run_dir, n, card_options(opts, n)))
        vm = machine.Machine(run_dir, kernel_image, f"{run_dir}/initrd", cards, opts)
        if opts.interactive and os.isatty(0):
            terminal = termios.tcgetattr(0)
            tty.setraw(0)
        how = run_job(vm, output, opts)
        if how == "timeout":
            vm.dump_and_end()
        else:
            problems.append(vm.quit())
        problems += [card.stop() for card in cards]
        cards = []
    finally:
        if terminal:
            termios.tcsetattr(0, termios.TCSADRAIN, terminal)
        if vm:
            vm.kill()
        for card in cards:
            card.process.kill()
    if opts.verbose:
        started = f"{output.started - vm.started:.1f} s to the command, " if output.started else ""
        print(f"vm: {opts.accel}, {started}{time.monotonic() - vm.started:.1f} s in all, "
              f"{run_dir.replace(TOP + '/', '')}", file=sys.stderr)
    return how, problems


def main():
    opts = parse(sys.argv[1:])
    run_dir = make_run_dir()
    token = "@" + secrets.token_hex(8)
    opts.share = local(opts.share) if opts.share else None
    opts.root = rootfs.image(f"{TOP}/build/vm", local(opts.root)) if opts.root else None
    opts.layer = existing(local(opts.layer), "--layer needs an image") if opts.layer else None
    kernel = initramfs.Kernel(TOP, opts.kernel)
    if opts.root and "erofs" not in kernel.modules:
        raise SystemExit(f"vm: --root: kernel {opts.kernel} has no EROFS")
    opts.accel = machine.accelerator(f"{TOP}/build/vm", kernel.image)
    job, module = make_job(opts, kernel, token)
    if opts.cards:
        existing(local(opts.vgpu or f"{TOP}/build/vgpu/ogpu-vgpu"), "run 'make'")

    initrd = f"{run_dir}/initrd"
    with open(initrd, "wb") as f:
        with open(initramfs.base(TOP, kernel), "rb") as base:
            shutil.copyfileobj(base, f)
        job.write(f, module, search=(f"{TOP}/build/libogpu",))

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(EXIT_TIMEOUT))
    try:
        output = Output(token, run_dir)
        how, problems = run_machine(opts, run_dir, kernel.image, output)
        # Emulated CPUs sometimes run code that another is patching, and the kernel dies as it
        # starts. Before init runs nothing of ours does but the card, which must be in order.
        if how == "died" and opts.accel == "tcg" and not output.booted and not any(problems):
            print("vm: tcg: the kernel died before init, once more", file=sys.stderr)
            os.rename(f"{run_dir}/console.log", f"{run_dir}/console.first.log")
            output = Output(token, run_dir)
            how, problems = run_machine(opts, run_dir, kernel.image, output)
    except KeyboardInterrupt:
        print("vm: interrupted", file=sys.stderr)
        raise SystemExit(130) from None
    finally:
        os.unlink(initrd)
    raise SystemExit(judge(opts, run_dir, output, how, problems))


def card_options(opts, index):
    """Options of one card. Those of --vgpu-args come last, so they win; {n} is the card's number."""
    key = f"{TOP}/build/keys/dev.pub"
    options = ["--uuid", f"6f677075-0000-4000-8000-{index:012d}"]
    if os.path.exists(key):
        options += ["--root-key", key]
    if not opts.no_strict:
        options.append("--strict")
    more = opts.vgpu_args[min(index, len(opts.vgpu_args) - 1)] if opts.vgpu_args else ""
    return options + [word.replace("{n}", str(index)) for word in shlex.split(more)]


def run():
    """main(), with one exit status for everything that kept the machine from starting."""
    try:
        main()
    except SystemExit as end:
        if not isinstance(end.code, str):
            raise
        print(end.code, file=sys.stderr)
        raise SystemExit(EXIT_NOT_STARTED) from None


if __name__ == "__main__":
    run()
