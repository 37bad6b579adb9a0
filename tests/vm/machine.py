# SPDX-License-Identifier: GPL-2.0 OR MIT
"""The virtual machine: card processes, QEMU, its two serial lines and the watchdog."""

import ctypes
import json
import mmap
import os
import select
import shutil
import signal
import socket
import subprocess
import time

QEMU = "qemu-system-x86_64"
END_S = 60	# for a process to begin or to end when told to, however busy the host is


def die_with_parent():
    """Asks the kernel to end this child when the harness ends, however it ends."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def accelerator(folder, kernel_image):
    """
    "kvm" if a kernel really boots under it, else "tcg". Probed once per host boot. That /dev/kvm
    opens and runs a few instructions proves nothing: without hardware support it may interpret
    real mode and give up later.
    """
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as f:
        boot = f.read().strip()
    cache = f"{folder}/accelerator"
    try:
        with open(cache, encoding="ascii") as f:
            words = f.read().split()
            if words[0] == boot:
                return words[1]
    except (OSError, IndexError):
        pass
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        capable = bool({"vmx", "svm"} & set(f.read().split()))
    answer = "tcg"
    if capable and os.access("/dev/kvm", os.R_OK | os.W_OK):
        # Without a file system the kernel panics, which resets, which ends QEMU with status 0.
        try:
            done = subprocess.run(
                [QEMU, "-accel", "kvm", "-cpu", "host", "-m", "256", "-nodefaults", "-M", "q35",
                 "-no-user-config", "-display", "none", "-no-reboot", "-kernel", kernel_image,
                 "-append", "panic=-1 quiet"],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                timeout=10, check=False)
            if done.returncode == 0:
                answer = "kvm"
        except subprocess.TimeoutExpired:
            pass
    with open(cache + f".{os.getpid()}", "w", encoding="ascii") as f:
        f.write(f"{boot} {answer}\n")
    os.rename(cache + f".{os.getpid()}", cache)
    return answer


def host_tsc_khz():
    """
    Rate of the host's time stamp counter, which a machine without KVM has for its own. Left to
    itself the guest's kernel compares it with an emulated timer; on a loaded host it has found a
    fourteenth of the rate that way, and then everything in the machine timed out too soon.
    """
    # rdtsc; shl $32, %rdx; or %rdx, %rax; ret
    code = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(bytes.fromhex("0f31 48c1e220 4809d0 c3"))
    rdtsc = ctypes.CFUNCTYPE(ctypes.c_uint64)(ctypes.addressof(ctypes.c_char.from_buffer(code)))

    def sample():
        """Both clocks at one moment: the pair that was read with the least in between."""
        tries = [(time.monotonic_ns(), rdtsc(), time.monotonic_ns()) for _ in range(100)]
        before, ticks, after = min(tries, key=lambda t: t[2] - t[0])
        return (before + after) / 2, ticks

    began, first = sample()
    time.sleep(0.05)
    ended, last = sample()
    return round((last - first) * 1e6 / (ended - began))


class Card:
    """One ogpu-vgpu process. It says that it is ready once its socket takes connections."""

    def __init__(self, program, run_dir, index, options):
        self.index = index
        self.socket = f"{run_dir}/card{index}.sock"
        self.control = f"{run_dir}/control{index}.sock"
        self.log_path = f"{run_dir}/card{index}.log"
        self.status_path = f"{run_dir}/card{index}.status"
        with open(self.log_path, "wb") as log:
            # pylint: disable=consider-using-with
            self.process = subprocess.Popen(
                [program, "--socket", self.socket, "--control", self.control, *options],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
                preexec_fn=die_with_parent)
        ready, _, _ = select.select([self.process.stdout], [], [], END_S)
        line = self.process.stdout.readline() if ready else b""
        if not line.startswith(b"ogpu-vgpu: ready"):
            self.process.kill()
            self.process.wait()
            with open(self.log_path, encoding="utf-8", errors="replace") as log:
                raise SystemExit(f"vm: {program} did not start:\n{log.read()}")

    def stop(self):
        """Ends the process, keeps its last memory figures; text about a crash, or None."""
        if self.process.poll() is None:
            shutil.copyfile(f"/proc/{self.process.pid}/status", self.status_path)
            self.process.terminate()
            try:
                self.process.wait(END_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                return f"card {self.index}: ogpu-vgpu did not end when told to"
        status = self.process.returncode
        if status in (0, -signal.SIGTERM):
            return None
        return f"card {self.index}: ogpu-vgpu ended with status {status}, see {self.log_path}"


class Machine:
    """QEMU with stock devices. The caller reads .output; see service()."""

    def __init__(self, run_dir, kernel_image, initrd, cards, opts):
        self.run_dir = run_dir
        self.output, out_end = socket.socketpair()
        self.qmp, qmp_end = socket.socketpair()
        command = self.command(kernel_image, initrd, cards, opts, out_end.fileno(),
                               qmp_end.fileno())
        with open(f"{run_dir}/qemu.cmd", "w", encoding="utf-8") as f:
            f.write(" ".join(command) + "\n")
        with open(f"{run_dir}/qemu.log", "wb") as log:
            # pylint: disable=consider-using-with
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                pass_fds=(out_end.fileno(), qmp_end.fileno()), preexec_fn=die_with_parent)
        out_end.close()
        qmp_end.close()
        self.started = time.monotonic()
        self.qmp_send("qmp_capabilities")

    def command(self, kernel_image, initrd, cards, opts, out_fd, qmp_fd):
        if opts.icount:
            # While the CPU sleeps, its time goes on as the host's: were it to jump to the next
            # timer (sleep=off), every timeout would be over before the card could do its work.
            accel = ["-accel", "tcg", "-icount", "shift=0", "-seed", "42",
                     "-rtc", "base=2026-01-01T00:00:00,clock=vm"]
        elif opts.accel == "kvm":
            accel = ["-accel", "kvm"]
        else:
            accel = ["-accel", "tcg,thread=multi"]
        # Emulated "rep movsb" goes byte by byte; without these flags the kernel avoids it. The
        # vendor keeps SeaBIOS from placing BARs in AMD's HyperTransport hole; 4-level tables
        # make page walks cheaper.
        cpu = "host" if opts.accel == "kvm" and not opts.icount else \
            "max,-erms,-fsrm,-fsrs,-la57,vendor=GenuineIntel"
        iommu = []
        split = ""
        if opts.iommu == "intel":
            iommu = ["-device", "intel-iommu,caching-mode=on,intremap=off"]
        elif opts.iommu == "virtio":
            iommu = ["-device", "virtio-iommu-pci"]
        command = [
            QEMU, "-no-user-config", "-nodefaults", "-display", "none", "-no-reboot",
            "-machine", f"q35,memory-backend=mem,vmport=off,usb=off,smbus=off{split}",
            "-object", f"memory-backend-memfd,id=mem,size={opts.memory},share=on",
            "-m", opts.memory, "-cpu", cpu, "-smp", str(1 if opts.icount else opts.smp), *accel,
            # ACPI hotplug would take the ports from pciehp and break the secondary bus reset.
            "-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off",
            *iommu,
            "-chardev", f"file,id=console,path={self.run_dir}/console.log",
            "-serial", "chardev:console",
            "-chardev", f"socket,id=output,fd={out_fd}",
            "-serial", "chardev:output",
            "-chardev", f"socket,id=qmp,fd={qmp_fd}", "-mon", "chardev=qmp,mode=control",
            "-kernel", kernel_image, "-initrd", initrd, "-append", kernel_command_line(opts),
        ]
        if opts.share:
            command += ["-fsdev", f"local,id=share,path={opts.share},security_model=none",
                        "-device", "virtio-9p-pci,fsdev=share,mount_tag=share"]
        for name, image in (("root", opts.root), ("layer", opts.layer)):
            if image:
                command += ["-drive", f"file={image},format=raw,if=none,id={name},readonly=on",
                            "-device", f"virtio-blk-pci,drive={name}"]
        if cards:
            command += ["-device", "virtio-serial-pci,max_ports=31"]
        if opts.switch:
            command += ["-device", "pcie-root-port,id=trunk,slot=30,chassis=30,"
                        f"mem-reserve=256M,pref64-reserve={opts.pref64}",
                        "-device", "x3130-upstream,id=switch,bus=trunk"]
        for card in cards:
            n = card.index
            device = {"driver": "vfio-user-pci", "id": f"gpu{n}", "bus": f"port{n}",
                      "socket": {"type": "unix", "path": card.socket}}
            if opts.neighbour:
                device["multifunction"] = True
            if opts.posted_writes_off:
                device["x-no-posted-writes"] = True
            port = f"pcie-root-port,id=port{n},slot={n + 1},chassis={n + 1}," \
                f"mem-reserve=64M,pref64-reserve={opts.pref64}"
            if n < opts.switch:
                port = f"xio3130-downstream,id=port{n},bus=switch,slot={n + 1},chassis={n + 1}"
            command += [
                "-device", port,
                "-device", json.dumps(device),
                *(["-device", f"pci-testdev,bus=port{n},addr=0.1"] if opts.neighbour else []),
                "-chardev", f"socket,id=control{n},path={card.control}",
                "-device", f"virtserialport,chardev=control{n},name=ogpu.control.{n}",
            ]
        return command + opts.qemu_args

    def qmp_send(self, command, **arguments):
        message = {"execute": command}
        if arguments:
            message["arguments"] = arguments
        try:
            self.qmp.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            pass

    def quit(self):
        """Ends QEMU at once; text about a crash, or None."""
        self.qmp_send("quit")
        return self.wait_end(END_S)

    def dump_and_end(self):
        """
        For a machine that hangs: an NMI makes the kernel panic, and the panic prints every task,
        the locks and a backtrace of every CPU (unknown_nmi_panic, panic_print) even if no
        interrupt is served any more. Then the machine resets, which ends QEMU.
        """
        self.qmp_send("inject-nmi")
        self.wait_end(END_S)

    def wait_end(self, seconds):
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return "QEMU did not end when told to"
        if self.process.returncode:
            return f"QEMU ended with status {self.process.returncode}, see {self.run_dir}/qemu.log"
        return None

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def kernel_command_line(opts):
    words = [
        "console=ttyS0", "loglevel=7", "log_buf_len=8M", "printk.devkmsg=on",
        # Bounded ends: a panic resets, and a reset ends QEMU.
        "panic=-1", "unknown_nmi_panic", "panic_print=0x49",
        # The emulated machine may not get a CPU for seconds: no reports about that.
        "nowatchdog", "rcupdate.rcu_cpu_stall_timeout=120", "tsc=reliable",
        # Faster boot: devices that are not there are not looked for.
        "i8042.noaux", "i8042.nokbd", "i8042.nopnp", "no_timer_check", "random.trust_cpu=on",
        "mitigations=off", "audit=0", "selinux=0", "apparmor=0", "cryptomgr.notests",
    ]
    if opts.icount:
        words += ["nokaslr"]
        words.remove("mitigations=off")
    elif opts.accel == "tcg":
        words += [f"tsc_early_khz={host_tsc_khz()}"]
    if opts.iommu == "intel":
        words += ["intel_iommu=on"]
    if opts.kmemleak:
        words += ["kmemleak=on"]
    return " ".join(words + opts.append)
