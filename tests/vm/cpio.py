# SPDX-License-Identifier: GPL-2.0 OR MIT
"""Writes a newc cpio archive, the format of an initramfs: same input, same bytes, no root needed."""

import os
import stat


class Cpio:
    def __init__(self, stream):
        self.stream = stream
        self.inode = 0
        self.names = set()

    def _entry(self, name, mode, data=b"", rdev=(0, 0)):
        name = name.strip("/")
        raw = name.encode() + b"\0"
        self.inode += 1
        fields = [self.inode, mode, 0, 0, 1, 0, len(data), 0, 0, rdev[0], rdev[1], len(raw), 0]
        header = b"070701" + b"".join(b"%08X" % f for f in fields)
        self.stream.write(header + raw)
        self.stream.write(b"\0" * (-(len(header) + len(raw)) % 4))
        self.stream.write(data)
        self.stream.write(b"\0" * (-len(data) % 4))
        self.names.add(name)

    def directory(self, name):
        """Adds a directory and the ones above it; one that is there already is left alone."""
        name = name.strip("/")
        if name and name not in self.names:
            self.directory(os.path.dirname(name))
            self._entry(name, stat.S_IFDIR | 0o755)

    def data(self, name, data, mode=0o644):
        self.directory(os.path.dirname(name))
        self._entry(name, stat.S_IFREG | mode, data)

    def symlink(self, name, target):
        self.directory(os.path.dirname(name))
        self._entry(name, stat.S_IFLNK | 0o777, target.encode())

    def char_device(self, name, major, minor):
        self.directory(os.path.dirname(name))
        self._entry(name, stat.S_IFCHR | 0o600, rdev=(major, minor))

    def close(self):
        self.inode = -1
        self._entry("TRAILER!!!", 0)
        self.stream.write(b"\0" * (-self.stream.tell() % 512))
