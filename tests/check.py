# SPDX-License-Identifier: GPL-2.0 OR MIT
"""Runs suites of tests, reads their TAP, prints one summary: make check, make check-debug.

As many suites run at a time as there are processors, what may take longest first; --lanes N changes
that. The summary tells the slowest tests of the machines.

Suites: host unit tests of the components (make check in each), static checks (tests/static/run),
builds of the module for kernels that no machine here runs (tests/kernels/run, if asked for),
and the programs and scripts of tests/selftests in test machines. Those whose source has lines
"VM: OPTIONS" run in a machine with these options of tests/vm/run, in one for each line; all others
of a kernel share one. With "VM-ALONE: OPTIONS" it has the machine for itself. A backslash at the end
of a line goes on with the next.
A line "ARGS KERNEL: ARGUMENTS" gives a program arguments on that kernel; a line "KERNELS: NAMES" says
on which ones alone the test can run.

With --steal MS single threads of the machines stand still for so long, again and again: steal.py.

All limits of time are for a usual machine. TEST_SCALE=N in the environment makes all of them N times
as long; the debug kernel has DEBUG_SCALE times more.
"""

import argparse
import collections
import concurrent.futures
import glob
import os
import re
import shlex
import signal
import subprocess
import threading
import time

import steal

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LOGS = f"{TOP}/build/check"
COMPONENTS = (("vgpu", "tools/vgpu"), ("loader", "firmware-loader"),
              ("smi", "tools/smi"), ("firmware", "firmware-loader/firmware"),
              ("libogpu", "uapi/libogpu"))
TAP = re.compile(r"^(?P<indent> *)(?P<not>not )?ok\b *(?P<number>\d+)? *(?:- )?(?P<name>.*)$")
TEST_END = re.compile(r"ogpu-test: end (\S+) (\d+)")
SKIP = re.compile(r"#\s*skip\S*\s*(.*)", re.IGNORECASE)
SKIP_STATUS = (4, 77)	# kselftest, automake
MAX_BOOTS = 4		# of one group: a test that takes the machine down costs a boot
MAX_LANES = 4		# a machine has two processors and its card's threads
MAX_SAID = 60		# lines that a failure repeats of what was printed before it
MAX_SLOW = 8		# of the slowest tests
SCALE = max(1, int(os.environ.get("TEST_SCALE", "1")))
DEBUG_SCALE = 4
# Limits, in seconds.
COMPONENT_S = 1200	# tests of a part, or of a package
SMALL_S = 60		# a script that does little
STATIC_S = 1200
KERNELS_S = 1800	# builds of the module for other kernels
MACHINE_TESTS_S = 600	# of the harness with its machines
SCRIPT_S = 240		# a test in a machine that does not tell its own
BOOT_S = 120		# of a machine before its tests, and after them
USUAL_S = 60		# what a test in a machine may take on average


running = set()		# processes of suites, for who interrupts them


class Totals:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.failures = []
        self.skips = []
        self.times = []			# seconds and name, of programs in machines
        self.said = collections.deque(maxlen=MAX_SAID)	# since the last result
        self.explaining = False		# the last result was a failure

    def add(self, suite, name, result, reason=""):
        if result == "passed":
            self.passed += 1
        elif result == "skipped":
            self.skipped += 1
            self.skips.append(f"{suite}: {name}: {reason or 'no reason given'}")
        else:
            self.failed += 1
            said = "".join(f"\n    {line}" for line in self.said)
            self.failures.append(f"{suite}: {name}" + (f": {reason}" if reason else "") + said)
        self.said.clear()
        self.explaining = result == "failed"

    def tap_line(self, suite, line, indent=0, prefix=""):
        """Counts a line if it is a TAP result with this indent; else keeps it for the next one."""
        match = TAP.match(line)
        if not match or len(match["indent"]) != indent:
            # Some say why before the result and some after it: it is kept for both.
            self.said.append(line)
            if self.explaining and line.lstrip().startswith("#"):
                self.failures[-1] += f"\n    {line}"
            return
        name = prefix + (match["name"].strip() or f"test {match['number']}")
        skip = SKIP.search(line)
        if match["not"]:
            self.add(suite, name, "failed")
        elif skip:
            self.add(suite, name.split("#")[0].strip(), "skipped", skip[1].strip())
        else:
            self.add(suite, name, "passed")

    def count(self):
        return self.passed + self.failed + self.skipped

    def take(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.failures += other.failures
        self.skips += other.skips
        self.times += other.times


class Progress:
    """One line per suite on the terminal, the whole output in build/check."""

    def __init__(self, totals, suite):
        self.totals = totals
        self.suite = suite
        self.before = (totals.passed, totals.failed, totals.skipped)
        self.began = time.monotonic()
        self.path = f"{LOGS}/{re.sub(r'[^a-z0-9.]+', '-', suite.lower()).strip('-')}.log"
        # pylint: disable=consider-using-with
        self.log = open(self.path, "w", encoding="utf-8")
        print(f"{suite} ...", flush=True)

    def end(self):
        self.log.close()
        t = self.totals
        passed, failed, skipped = (now - then for now, then in
                                   zip((t.passed, t.failed, t.skipped), self.before))
        print(f"{self.suite}: {passed} passed, {failed} failed, {skipped} skipped "
              f"({time.monotonic() - self.began:.0f} s)", flush=True)
        if failed:
            for line in t.failures[-failed:]:
                print(f"  FAILED {line.splitlines()[0]}", flush=True)
            print(f"  log: {self.path.replace(TOP + '/', '')}", flush=True)


def stream(command, log, timeout):
    """Runs a command; yields its lines and then its exit status. Ends its whole process group."""
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace",
                          start_new_session=True, cwd=TOP) as process:
        running.add(process)
        timer = threading.Timer(timeout, os.killpg, (process.pid, signal.SIGKILL))
        timer.start()
        try:
            for line in process.stdout:
                log.write(line)
                log.flush()
                yield line.rstrip("\n")
            status = process.wait()
        finally:
            running.discard(process)
            timer.cancel()
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
        yield status


def run_tap(totals, suite, command, timeout):
    """
    A command that prints TAP. One that fails without saying which test did counts as one. The limit
    is multiplied by SCALE here.
    """
    progress = Progress(totals, suite)
    before, failed, status = totals.count(), totals.failed, None
    for line in stream(command, progress.log, timeout * SCALE):
        if isinstance(line, int):
            status = line
        else:
            totals.tap_line(suite, line)
    if status and totals.failed == failed:
        totals.add(suite, "exit status", "failed", f"status {status}")
    elif not status and totals.count() == before:
        totals.add(suite, "all", "skipped", "it has no tests")
    progress.end()


class Suite:
    """Something that runs beside others: run(totals) takes at most limit seconds."""

    def __init__(self, limit, run, *args):
        self.limit = limit
        self.run = run
        self.args = args

    def __call__(self):
        totals = Totals()
        try:
            self.run(totals, *self.args)
        except Exception as error:	# pylint: disable=broad-exception-caught
            totals.add(str(self.args[0]), "the harness itself", "failed", repr(error))
        return totals


def tap_suite(name, command, limit):
    return Suite(limit, run_tap, name, command, limit)


def host_suites():
    yield tap_suite("host harness", ["python3", "-B", "tests/vm/selftest.py"], SMALL_S)
    for name, folder in COMPONENTS:
        command = ["make", "--no-print-directory", "-C", folder, f"O={TOP}/build/{name}", "check"]
        yield tap_suite(f"host {name}", command, COMPONENT_S)
    yield tap_suite("host packaging", ["tests/packaging/install.sh", f"{TOP}/build/packaging"],
                    COMPONENT_S)
    yield tap_suite("host completion",
                    ["tests/packaging/completion.sh",
                     f"{TOP}/build/loader/ogpu-fwload", "firmware-loader/completion.bash",
                     f"{TOP}/build/loader/ogpu-fwsign", "firmware-loader/completion-fwsign.bash",
                     f"{TOP}/build/smi/ogpu-smi", "tools/smi/completion.bash",
                     f"{TOP}/build/vgpu/ogpu-vgpu", "tools/vgpu/completion.bash",
                     f"{TOP}/build/demo/ogpu-demo", "tools/demo/completion.bash"], SMALL_S)
    # The other kernel's DKMS build is a part of make check-installed.
    yield tap_suite("host DKMS", ["tests/packaging/dkms.sh", f"{TOP}/build/dkms", "7.3"],
                    COMPONENT_S)


class Test:
    """A program or script for the test machine, and the machine that it wants."""

    def __init__(self, path, machine, args, kernels, limit=SCRIPT_S):
        self.name = os.path.basename(path)
        alone, options = machine
        self.group = (options, self.name if alone else "")
        self.limit = limit		# seconds that it may take
        self.path = path
        self.args = args		# by kernel
        self.kernels = kernels		# the only ones; empty: all

    def command(self, kernel):
        return " ".join([self.path, *shlex.split(self.args.get(kernel, ""))])


def wishes(source):
    """
    The machines that a test asks for, as whether it wants to be alone there and their options;
    arguments by kernel, and its kernels.
    """
    with open(source, encoding="utf-8", errors="replace") as f:
        head = "\n".join(f.read().splitlines()[:40])
    head = re.sub(r"\\\n[\s*#/]*", "", head)
    found = re.findall(r"^[\s*#/]*VM(-ALONE)?: *(--.*?) *(?:\*/)?$", head, re.MULTILINE)
    args = re.findall(r"^[\s*#/]*ARGS (\S+): *(.*?) *(?:\*/)?$", head, re.MULTILINE)
    kernels = re.findall(r"^[\s*#/]*KERNELS: *(.*?) *(?:\*/)?$", head, re.MULTILINE)
    return found or [("", "")], dict(args), " ".join(kernels).split()


def limit_of(source):
    """The seconds that all tests of a program may take together, as it says itself."""
    with open(source, encoding="utf-8", errors="replace") as f:
        if '#include "harness.h"' not in f.read():
            return SCRIPT_S
    program = f"{TOP}/build/tests/{os.path.basename(source).removesuffix('.c')}"
    said = subprocess.run([program, "--limit"], capture_output=True, text=True, check=True)
    return max(SCRIPT_S, int(said.stdout))


def selftests(names):
    """All tests: build/tests/NAME with source NAME.c, and tests/selftests/NAME.sh."""
    tests = []
    for source in sorted(glob.glob(f"{TOP}/tests/selftests/*")):
        base, extension = os.path.splitext(os.path.basename(source))
        if extension == ".sh":
            base += ".sh"
        elif extension != ".c" or not os.access(f"{TOP}/build/tests/{base}", os.X_OK):
            continue
        machines, args, kernels = wishes(source)
        limit = limit_of(source)
        tests += [Test(f"/ogpu/tests/{base}", machine, args, kernels, limit)
                  for machine in machines]
    return [t for t in tests if not names or t.name in names or t.name.split(".")[0] in names]


class Boot:
    """One run of the test machine: attributes what it prints to tests."""

    def __init__(self, totals, suite, kernel):
        self.totals = totals
        self.suite = suite
        self.kernel = kernel
        self.current = None
        self.done = []
        self.kunit = False
        self.before_kunit = 0
        self.began = 0			# the current test
        self.problems = 0

    def run(self, tests, machine, timeout, scale, log):
        debug = self.kernel == "debug"
        kunit = debug and not machine
        lines = []
        if kunit:
            lines.append("echo 'ogpu-test: kunit'; run-kunit; echo 'ogpu-test: kunit-end'")
        lines.append(f"export TEST_SCALE={scale}")
        lines += [f"run-tests {t.limit * scale} {shlex.quote(t.command(self.kernel))}"
                  for t in tests]
        command = ["tests/vm/run", "--kernel", self.kernel, "--timeout", str(timeout),
                   *(["--kmemleak"] if debug else []), *shlex.split(machine), "--",
                   "\n".join(lines)]
        status = None
        for line in stream(command, log, 2 * timeout + BOOT_S * SCALE):
            if isinstance(line, int):
                status = line
            else:
                self.line(line)
        if self.current:
            name, _ = self.current
            self.totals.add(self.suite, name, "failed", "the machine ended during this test")
            self.done.append(name)
        return status

    def line(self, line):
        words = line.split()
        if line == "ogpu-test: kunit":
            self.kunit = True
            self.before_kunit = self.totals.count()
        elif line == "ogpu-test: kunit-end":
            self.kunit = False
            if self.totals.count() == self.before_kunit:
                self.totals.add(self.suite, "kunit", "failed", "no case has run")
        elif self.kunit:
            # Cases stand four spaces behind the suites that they belong to.
            self.totals.tap_line(self.suite, line, indent=4, prefix="kunit ")
        elif line.startswith("ogpu-test: begin "):
            self.current = (words[2], (self.totals.count(), self.totals.failed))
            self.began = time.monotonic()
            self.totals.said.clear()
        elif (ended := TEST_END.match(line)) and self.current:
            self.end(ended[1], int(ended[2]))
        elif line.startswith("vm: kernel log: build/") or line.startswith("vm: tcg"):
            pass
        elif line.startswith("vm: "):
            self.problems += 1
            self.totals.said.append(line)
        elif self.current:
            self.totals.tap_line(self.suite, line, prefix=self.current[0] + ": ")

    def end(self, name, status):
        count, failed = self.current[1]
        self.current = None
        self.done.append(name)
        self.totals.times.append((time.monotonic() - self.began, f"{self.suite}: {name}"))
        if status in SKIP_STATUS and self.totals.count() == count:
            self.totals.add(self.suite, name, "skipped", "the program gave no reason")
        elif status and status not in SKIP_STATUS and self.totals.failed == failed:
            reason = "killed after its time" if status == 137 else f"exit status {status}"
            self.totals.add(self.suite, name, "failed", reason)
        elif not status and self.totals.count() == count:
            self.totals.add(self.suite, name, "passed")


def boot_limit(tests, scale):
    """Seconds for a boot and these tests, of which one may take all that it may."""
    return (BOOT_S + USUAL_S * len(tests) + max(t.limit for t in tests)) * scale


def machine_suite(totals, kernel, group, tests, scale):
    """All tests of one group, in one boot if none takes the machine down."""
    machine, alone = group
    suite = " ".join(word for word in (f"kernel {kernel}", machine, alone) if word)
    progress = Progress(totals, suite)
    left = list(tests)
    for boot_number in range(MAX_BOOTS):
        boot = Boot(totals, suite, kernel)
        status = boot.run(left, machine, boot_limit(left, scale), scale, progress.log)
        left = [t for t in left if t.name not in boot.done]
        name = f"kernel log and clean end of machine {boot_number + 1}"
        if status == 0 and not boot.problems:
            totals.add(suite, name, "passed")
        else:
            totals.add(suite, name, "failed", f"status {status}")
        if not left or not boot.done:
            break
    for test in left:
        totals.add(suite, test.name, "failed", "not run, because the machine ended before")
    progress.end()


def groups(tests):
    found = {}
    for test in tests:
        found.setdefault(test.group, []).append(test)
    return sorted(found.items())


def run_suites(totals, suites, lanes):
    """Those that may take longest begin first, so that no lane waits for long at the end."""
    suites.sort(key=lambda suite: -suite.limit)
    with concurrent.futures.ThreadPoolExecutor(lanes) as pool:
        try:
            for done in concurrent.futures.as_completed([pool.submit(suite) for suite in suites]):
                totals.take(done.result())
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in list(running):
                os.killpg(process.pid, signal.SIGTERM)
            raise


def main():
    p = argparse.ArgumentParser(prog="tests/check", description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--kernels", default="7.3,6.12", help="stock kernels, by commas")
    p.add_argument("--debug", action="store_true", help="only the debug kernel, with KUnit")
    p.add_argument("--only", default="host,static,vm", help="kinds of suites, by commas; kernels is one more")
    p.add_argument("--tests", default="", help="names of tests for the test machine, by commas")
    p.add_argument("--lanes", type=int, default=min(os.cpu_count() or 1, MAX_LANES),
                   help="suites at a time")
    p.add_argument("--steal", type=int, default=0, metavar="MS",
                   help="have single threads of the machines stand still for so long")
    opts = p.parse_args()
    kinds = opts.only.split(",")
    kernels = ["debug"] if opts.debug else opts.kernels.split(",")
    os.makedirs(LOGS, exist_ok=True)
    totals = Totals()
    suites = []

    if not opts.debug:
        if "host" in kinds:
            suites += host_suites()
        if "static" in kinds:
            suites.append(tap_suite("static checks", ["tests/static/run"], STATIC_S))
        if "kernels" in kinds:
            suites.append(tap_suite("other kernels", ["tests/kernels/run"], KERNELS_S))
    if "vm" in kinds:
        if not opts.debug and not opts.tests:
            suites.append(tap_suite("harness in a machine",
                                    ["python3", "-B", "tests/vm/selftest.py", "machine"],
                                    MACHINE_TESTS_S))
        tests = selftests([n for n in opts.tests.split(",") if n])
        for kernel in kernels:
            steps = [["tools/build/module", kernel]]
            if kernel.endswith("-rt"):
                steps.insert(0, ["tools/build/kernels", kernel])
            if any(subprocess.run(step, cwd=TOP, check=False).returncode for step in steps):
                totals.add(f"kernel {kernel}", "build of ogpu.ko", "failed")
                continue
            fit = [t for t in tests if not t.kernels or kernel in t.kernels]
            scale = SCALE * DEBUG_SCALE if kernel == "debug" else SCALE
            for group, members in groups(fit):
                suites.append(Suite(boot_limit(members, scale), machine_suite,
                                    kernel, group, members, scale))
    thief = steal.Thief(opts.steal / 1000) if opts.steal else None
    if thief:
        thief.start()
    run_suites(totals, suites, opts.lanes)

    print()
    if thief:
        print(f"stolen:  {thief.end()} times {opts.steal} ms")
    for seconds, name in sorted(totals.times, reverse=True)[:MAX_SLOW]:
        print(f"slow:    {seconds:.0f} s  {name}")
    for line in totals.skips:
        print(f"skipped: {line}")
    for line in totals.failures:
        print(f"FAILED:  {line}")
    print(f"{totals.passed} passed, {totals.failed} failed, {totals.skipped} skipped")
    raise SystemExit(1 if totals.failed else 0)


if __name__ == "__main__":
    main()
