#!/usr/bin/env python3
# Ptys that the program makes: echo, line discipline and what comes in which order.
import fcntl, os, pty, select, signal, struct, termios, time

def child(what):
    pid, fd = pty.fork()
    if pid == 0:
        os.execvp("sh", ["sh", "-c", what])
    return pid, fd

def ready(fd, t=0):
    return bool(select.select([fd], [], [], t)[0])

pid, fd = child("read a; echo got $a; read b; echo got $b")
for key in "hello\n":
    os.write(fd, key.encode())
    print(ready(fd), os.read(fd, 100) if ready(fd) else b"")
while not ready(fd, 1) or b"got" not in os.read(fd, 100):
    pass
os.write(fd, b"x\x03y\n")  # ^C: a signal
out = b""
try:
    while True:
        d = os.read(fd, 100)
        if not d:
            break
        out += d
        print(len(d), end=" ")
except OSError as e:
    print(e)
print(out, os.waitpid(pid, 0)[1])

# More than a terminal holds, lines of all lengths, two writers
pid, fd = child("(i=0; while [ $i -lt 300 ]; do echo a $i; i=$((i + 1)); done) & "
                "head -c 20000 /dev/zero | tr '\\0' x; wait; stty size")
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 11, 22, 0, 0))
sizes = []
out = b""
try:
    while True:
        d = os.read(fd, 1000)
        sizes.append(len(d))
        out += d
except OSError:
    pass
print(len(out), sizes, hash(out), out[-8:], os.waitpid(pid, 0)[1])

# poll and epoll see a key's echo at once
m, s = pty.openpty()
e = select.epoll()
e.register(m, select.EPOLLIN)
e.register(s, select.EPOLLIN)
for i in range(5):
    os.write(m, b"k")
    print(e.poll(0, 4) == [(m, select.EPOLLIN)], os.read(m, 10))
os.write(m, b"\n")
print(sorted(x for x, _ in e.poll(0, 4)) == sorted([m, s]), os.read(s, 10), os.read(m, 10))
os.write(s, b"1\n2\n")
os.write(s, b"3\n")
print(os.read(m, 100))

# A paste: many lines at once, their echo; and in raw mode what waits for its reader
lines = b"".join(b"line %d\n" % i for i in range(150))
sizes = []
for i in range(4):
    os.write(m, lines[i * 300 : (i + 1) * 300])
    sizes.append(len(os.read(m, 4000)))
print(sizes, sum(os.read(s, 4000).count(b"\n") for _ in range(100)))
import tty
tty.setraw(s)
for i in range(4):
    os.write(m, bytes(range(256)) * 3)
    print(len(os.read(s, 4000)), ready(m))

# A terminal that is locked yet, and one whose other end is gone: errors of theirs, not of the disk
m = os.open("/dev/ptmx", os.O_RDWR | os.O_NOCTTY)
name = "/dev/pts/%d" % struct.unpack("I", fcntl.ioctl(m, 0x80045430, bytes(4)))  # TIOCGPTN
for lock in 1, 0:
    fcntl.ioctl(m, 0x40045431, struct.pack("i", lock))  # TIOCSPTLCK
    try:
        s = os.open(name, os.O_RDWR | os.O_NOCTTY)
        os.close(m)
        os.write(s, b"x")
    except OSError as e:
        print(lock, e)
