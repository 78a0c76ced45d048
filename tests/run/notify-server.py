#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# What systemd's end of NOTIFY_SOCKET gets, a line for each message.
# usage: notify-server.py PATH LOG    '@' begins an abstract name
import os, socket, sys

path, log = sys.argv[1], open(sys.argv[2], "wb", buffering=0)
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("\0" + path[1:] if path[0] == "@" else path)
log.write(b"listening\n")
while True:
    data, fds, _, _ = socket.recv_fds(s, 4096, 8)
    log.write(data.replace(b"\n", b"|") + b"\n")
    for fd in fds:
        os.close(fd)
