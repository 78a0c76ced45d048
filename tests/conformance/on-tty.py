#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""usage: on-tty.py COMMAND...: run it on a terminal of its own; what it prints goes to stdout,
and to an end comes this program when COMMAND ends, whoever else still holds the terminal."""
import fcntl
import os
import select
import signal
import struct
import sys
import termios


def copy(master, seconds):
    while select.select([master], [], [], seconds)[0]:
        try:
            data = os.read(master, 65536)
        except OSError:
            return
        if not data:
            return
        os.write(1, data.replace(b"\r\n", b"\n"))


master, slave = os.openpty()
fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
done_r, done_w = os.pipe()
os.set_blocking(done_w, False)
signal.set_wakeup_fd(done_w)
signal.signal(signal.SIGCHLD, lambda *_: None)
pid = os.fork()
if pid == 0:
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for fd in (0, 1, 2):
        os.dup2(slave, fd)
    os.closerange(3, 64)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.execvp(sys.argv[1], sys.argv[1:])
# The slave stays open here: a terminal must not hang up between two commands that hold it.
while True:
    ready = select.select([master, done_r], [], [])[0]
    if master in ready:
        copy(master, 0)
    if done_r in ready:
        os.read(done_r, 64)
        got, status = os.waitpid(pid, os.WNOHANG)
        if got == pid:
            break
copy(master, 0)
sys.exit(os.waitstatus_to_exitcode(status) & 0xff)
