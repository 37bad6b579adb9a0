# SPDX-License-Identifier: GPL-2.0 OR MIT
"""Makes an image of a folder that is to be the root of the machine: read-only, EROFS.

It is kept in build/vm until a file of the folder has changed. The machine writes into memory above
it (tests/vm/init), so any number of machines can use one image.
"""

import fcntl
import glob
import hashlib
import os
import subprocess


def fingerprint(folder):
    """Changes if a file of the folder is added, removed, replaced or written."""
    key = hashlib.sha256()
    for path, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(folders + names):
            full = os.path.join(path, name)
            stat = os.lstat(full)
            key.update(f"{full} {stat.st_mode} {stat.st_uid} {stat.st_gid} {stat.st_size}"
                       f" {stat.st_mtime_ns}\n".encode(errors="surrogateescape"))
    return key.hexdigest()[:16]


def image(cache, folder):
    """Path of the image of a folder, made if it is missing or out of date."""
    if not os.path.isdir(folder):
        raise SystemExit(f"vm: --root {folder} is no folder")
    prefix = f"{cache}/root-{hashlib.sha256(folder.encode()).hexdigest()[:8]}-"
    with open(f"{cache}/.root.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        dest = f"{prefix}{fingerprint(folder)}.erofs"
        if os.path.exists(dest):
            return dest
        for old in glob.glob(f"{prefix}*"):
            os.unlink(old)
        done = subprocess.run(["mkfs.erofs", "--quiet", f"{prefix}new", folder], check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            raise SystemExit(f"vm: no image of {folder}:\n{done.stdout}")
        os.rename(f"{prefix}new", dest)
        return dest
