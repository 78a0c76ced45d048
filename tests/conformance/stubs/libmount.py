# SPDX-License-Identifier: Apache-2.0
"""What crun's mount tests need of libmount's Python binding, which Debian doesn't have."""


class Fs:
    def __init__(self, line):
        before, after = line.split(" - ", 1)
        fields = before.split()
        self.target = fields[4]
        self.vfs_options = fields[5]
        self.fs_options = after.split()[2]


class Table:
    def __init__(self, path):
        with open(path) as f:
            self.mounts = [Fs(line) for line in f if " - " in line]

    def find_target(self, target):
        for m in reversed(self.mounts):
            if m.target == target:
                return m
        return None
