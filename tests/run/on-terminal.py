#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""on-terminal.py SCRIPT COMMAND...: run a command on a terminal of 33 rows, 77 columns, as SCRIPT says.

Lines: "wait TEXT" (in what is shown after the last one), "type TEXT", "insist KEY TEXT" (the key every
3 seconds until TEXT is shown), "size ROWS COLUMNS", "sleep SECONDS", "kill NAME" (a child of that name). Escapes as in Python. What was shown goes to
standard output; the exit status is the command's, 99 when a wait was in vain, 98 when the terminal
is left in another mode than before.
"""
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

LIMIT = 60


def child_named(pid, name):
    for p in open(f"/proc/{pid}/task/{pid}/children").read().split():
        if open(f"/proc/{p}/comm").read().strip() == name:
            return int(p)
    raise SystemExit(f"no {name}")


class Session:
    def __init__(self, argv):
        self.shown, self.seen = b"", 0
        self.master, self.slave = pty.openpty()
        self.size(33, 77)
        self.before = termios.tcgetattr(self.slave)
        self.pid = os.fork()
        if not self.pid:
            os.setsid()
            fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)
            for fd in range(3):
                os.dup2(self.slave, fd)
            os.close(self.master)
            os.close(self.slave)
            os.execvp(argv[0], argv)

    def size(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def look(self):
        if select.select([self.master], [], [], 0.2)[0]:
            self.shown += os.read(self.master, 65536)

    def wait(self, text, key=b""):
        start, typed = time.time(), 0
        while text not in self.shown[self.seen:]:
            if time.time() > start + LIMIT:
                self.shown += b"\n*** not seen: " + text
                os.kill(self.pid, signal.SIGTERM)
                return False
            if key and time.time() >= start + 3 * typed:
                os.write(self.master, key)
                typed += 1
            self.look()
        self.seen = self.shown.index(text, self.seen) + len(text)
        return True

    def step(self, verb, arg):
        if verb == "wait":
            return self.wait(arg)
        if verb == "insist":
            key, _, text = arg.partition(b" ")
            return self.wait(text, key)
        if verb == "type":
            os.write(self.master, arg)
        elif verb == "size":
            self.size(*map(int, arg.split()))
        elif verb == "sleep":
            time.sleep(float(arg))
        elif verb == "kill":
            os.kill(child_named(self.pid, arg.decode()), signal.SIGKILL)
        return True

    def end(self):
        status, end = None, time.time() + LIMIT
        while status is None and time.time() < end:
            self.look()
            pid, st = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                status = os.waitstatus_to_exitcode(st)
        self.look()
        if status is None:
            os.kill(self.pid, signal.SIGKILL)
            return 99
        return status if termios.tcgetattr(self.slave) == self.before else 98


def main():
    session, ok = Session(sys.argv[2:]), True
    for line in open(sys.argv[1]):
        verb, _, arg = line.rstrip("\n").partition(" ")
        arg = arg.encode().decode("unicode_escape").encode("latin1")
        if not session.step(verb, arg):
            ok = False
            break
    status = session.end()
    sys.stdout.buffer.write(session.shown)
    return status if ok else 99


sys.exit(main())
