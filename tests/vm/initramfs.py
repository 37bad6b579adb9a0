# SPDX-License-Identifier: GPL-2.0 OR MIT
"""Builds the guest's memory file system.

Two archives, one behind the other: the base (busybox, C library, kernel modules of the machine),
which is made once per kernel and kept, and the job (module, firmware, programs, command), which
is made for every run. Shared libraries of programs are found with ldd and added.
"""

import contextlib
import glob
import hashlib
import lzma
import os
import subprocess
import tempfile
import time

from cpio import Cpio

HERE = os.path.dirname(os.path.abspath(__file__))
MAX_AGE_S = 3600	# of an archive that nobody has used since

# Modules of the machine and of the graphics core; those that a kernel has built in or does not
# have are skipped. EROFS of 6.12 asks for a checksum by name, which no list of dependencies has.
# What ogpu.ko needs besides comes with the job.
BASE_MODULES = """
    virtio_pci virtio_console 9pnet_virtio 9p virtio_iommu virtio_blk
    crc32c_generic erofs overlay
    drm drm_exec drm_gpuvm drm_ttm_helper gpu-sched ttm hwmon vgem udmabuf virtio_gpu aer_inject zram
""".split()


class Kernel:
    """An unpacked kernel: build/kernel/NAME/usr/lib/modules/RELEASE/{vmlinuz,kernel,modules.dep}."""

    def __init__(self, top, name):
        self.name = name
        found = glob.glob(f"{top}/build/kernel/{name}/usr/lib/modules/*/vmlinuz")
        if len(found) != 1:
            how = "make debug-kernel" if name == "debug" else f"tools/build/kernels {name}"
            raise SystemExit(f"vm: no kernel in build/kernel/{name}: run '{how}'")
        self.image = found[0]
        self.dir = os.path.dirname(self.image)
        self.release = os.path.basename(self.dir)
        self.modules = {}
        with open(f"{self.dir}/modules.dep", encoding="ascii") as f:
            for line in f:
                path, deps = line.split(":", 1)
                self.modules[module_name(path)] = (path, [module_name(d) for d in deps.split()])

    def closure(self, names):
        """Paths of these modules and all they need."""
        todo, seen = list(names), {}
        while todo:
            name = module_name(todo.pop())
            if name in self.modules and name not in seen:
                path, deps = self.modules[name]
                seen[name] = path
                todo += deps
        return seen


def module_name(path):
    return os.path.basename(path).split(".ko")[0].replace("-", "_")


def read(path):
    with open(path, "rb") as f:
        return f.read()


def read_module(path):
    data = read(path)
    return lzma.decompress(data) if path.endswith(".xz") else data


def strip_debug(path):
    """Contents of an ELF file without debug information; other files as they are."""
    data = read(path)
    if data[:4] != b"\x7fELF" or int.from_bytes(data[18:20], "little") not in (3, 62):
        return data
    with tempfile.NamedTemporaryFile() as out:
        done = subprocess.run(["strip", "--strip-debug", "-o", out.name, path], check=False)
        return read(out.name) if done.returncode == 0 else data


def libraries(paths, search=()):
    """Shared libraries of these programs: {path in guest: path here}."""
    found = {}
    env = dict(os.environ, LD_LIBRARY_PATH=":".join(search))
    for path in paths:
        if read(path)[:4] != b"\x7fELF":
            continue
        out = subprocess.run(["ldd", path], capture_output=True, text=True, env=env, check=False)
        for line in out.stdout.splitlines():
            words = line.split()
            if "not found" in line:
                raise SystemExit(f"vm: {path} needs {words[0]}, which is not in the build root")
            if "=>" in words:
                found["/lib/" + words[0]] = os.path.realpath(words[2])
            elif words and words[0].startswith("/"):
                found[words[0]] = os.path.realpath(words[0])
    return found


def base(top, kernel, extra_programs=()):
    """Path of the base archive of a kernel, made if it is missing or out of date."""
    programs = ["/bin/busybox", *extra_programs]
    key = hashlib.sha256()
    for path in (f"{HERE}/init", f"{HERE}/initramfs.py", f"{HERE}/cpio.py", *programs):
        key.update(read(path))
    for path in (kernel.image, f"{kernel.dir}/modules.dep"):
        stat = os.stat(path)
        key.update(f"{path} {stat.st_size} {stat.st_mtime_ns}".encode())
    dest = f"{top}/build/vm/base-{kernel.name}-{key.hexdigest()[:16]}.cpio"
    if os.path.exists(dest):
        os.utime(dest)
        return dest
    # Other machines are starting with others at this moment.
    for old in glob.glob(f"{top}/build/vm/base-{kernel.name}-*.cpio"):
        with contextlib.suppress(FileNotFoundError):
            if os.path.getmtime(old) < time.time() - MAX_AGE_S:
                os.unlink(old)
    with tempfile.NamedTemporaryFile(dir=f"{top}/build/vm", delete=False) as out:
        cpio = Cpio(out)
        for name in "bin dev etc lib proc root run share sys tmp".split():
            cpio.directory(name)
        cpio.symlink("/lib64", "lib")
        cpio.symlink("/sbin", "bin")
        cpio.symlink("/usr", ".")
        cpio.char_device("/dev/console", 5, 1)
        cpio.data("/etc/passwd", b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n")
        cpio.data("/etc/group", b"root:x:0:\nnogroup:x:65534:\n")
        cpio.data("/init", read(f"{HERE}/init"), 0o755)
        for path in programs:
            cpio.data("/bin/" + os.path.basename(path), strip_debug(path), 0o755)
        for guest, path in sorted(libraries(programs).items()):
            cpio.data(guest.replace("/lib64/", "/lib/"), read(path), 0o755)
        deps = ""
        closure = kernel.closure(BASE_MODULES)
        for name, path in sorted(closure.items()):
            target = f"kernel/{name}.ko"
            cpio.data(f"/lib/modules/{kernel.release}/{target}", read_module(f"{kernel.dir}/{path}"))
            deps += dep_line(kernel, name)
        cpio.data(f"/lib/modules/{kernel.release}/modules.dep", deps.encode())
        cpio.close()
    os.rename(out.name, dest)
    return dest


def dep_line(kernel, name):
    needs = " ".join(f"kernel/{d}.ko" for d in kernel.modules[name][1])
    return f"kernel/{name}.ko: {needs}\n"


class Job:
    """What one run adds: files by guest path."""

    def __init__(self, kernel):
        self.kernel = kernel
        self.files = {}
        self.modes = {}
        self.foreign = set()	# guest paths of programs that find their libraries elsewhere

    def file(self, guest, path, mode=None):
        self.files[guest] = path
        if mode:
            self.modes[guest] = mode

    def text(self, guest, text, mode=0o644):
        self.files[guest] = text.encode()
        self.modes[guest] = mode

    def tree(self, guest, path):
        for folder, _, names in os.walk(path):
            for name in names:
                full = os.path.join(folder, name)
                self.file(os.path.join(guest, os.path.relpath(full, path)), full)

    def write(self, stream, module=None, search=()):
        """Appends the archive to a stream. search: folders of our own shared libraries."""
        cpio = Cpio(stream)
        base_modules = self.kernel.closure(BASE_MODULES)
        deps = "".join(dep_line(self.kernel, n) for n in sorted(base_modules))
        root = f"/lib/modules/{self.kernel.release}"
        if module:
            out = subprocess.run(["modinfo", "-F", "depends", module], capture_output=True,
                                 text=True, check=True).stdout.strip()
            closure = self.kernel.closure(out.split(",") if out else [])
            for name, path in sorted(closure.items()):
                if name not in base_modules:
                    data = read_module(f"{self.kernel.dir}/{path}")
                    cpio.data(f"{root}/kernel/{name}.ko", data)
                    deps += dep_line(self.kernel, name)
            needs = " ".join(f"kernel/{n}.ko" for n in load_order(self.kernel, closure))
            deps += f"ogpu.ko: {needs}\n"
            cpio.data(f"{root}/ogpu.ko", strip_debug(module))
        cpio.data(f"{root}/modules.dep", deps.encode())

        programs = [p for guest, p in self.files.items() if guest not in self.foreign
                    and isinstance(p, str) and os.access(p, os.X_OK)]
        base_libs = libraries(["/bin/busybox"])
        for guest, path in sorted(libraries(programs, search).items()):
            if guest not in base_libs:
                cpio.data(guest.replace("/lib64/", "/lib/"), strip_debug(path), 0o755)
        for guest, source in sorted(self.files.items()):
            if isinstance(source, bytes):
                cpio.data(guest, source, self.modes[guest])
            elif os.path.islink(source):
                cpio.symlink(guest, os.readlink(source))
            else:
                mode = self.modes.get(guest, 0o755 if os.access(source, os.X_OK) else 0o644)
                cpio.data(guest, strip_debug(source), mode)
        cpio.close()


def load_order(kernel, closure):
    """busybox loads what stands behind the colon from the right to the left."""
    order = []

    def visit(name):
        for dep in kernel.modules[name][1]:
            visit(dep)
        if name not in order:
            order.append(name)

    for name in sorted(closure):
        visit(name)
    return reversed(order)
