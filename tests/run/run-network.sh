#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What comes by a network that is shared with the outside: waited for, in real time.
. "$(dirname "$0")/lib.sh"
command -v python3 >/dev/null || { echo "# skipped: python3 is needed"; echo "0 passed, 0 failed"; exit 0; }

cat >"$work/peer.py" <<'PY'
import socket, sys, time
# peer.py serve FILE: one answer, late; peer.py ask FILE: ask the port in FILE once it is there
if sys.argv[1] == 'serve':
    s = socket.create_server(('127.0.0.1', 0))
    open(sys.argv[2] + '.new', 'w').write(str(s.getsockname()[1]))
    import os; os.rename(sys.argv[2] + '.new', sys.argv[2])
    c, _ = s.accept()
    c.recv(100)
    time.sleep(0.3)
    c.sendall(b'an answer from outside\n')
else:
    for _ in range(600):
        try:
            c = socket.create_connection(('127.0.0.1', int(open(sys.argv[2]).read())), 1)
            break
        except (OSError, ValueError):
            time.sleep(0.1)
    c.sendall(b'a question')
    print(c.recv(100).decode())
PY
cat >client.py <<'PY'
import socket, sys
c = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
c.sendall(b'a question\n')
print(c.recv(100).decode())
PY
cat >server.py <<'PY'
import socket
s = socket.create_server(('127.0.0.1', 0))
open('port', 'w').write(str(s.getsockname()[1]))
c, _ = s.accept()
print('asked:', c.recv(100).decode())
c.sendall(b'an answer from inside\n')
PY
wait_file() { for _ in $(seq 600); do [ -s "$1" ] && return; sleep 0.1; done; }

net() { "$detrun" --network host "$@"; }

python3 "$work/peer.py" serve "$work/port" &
wait_file "$work/port"
t "a client inside" 0 net --trace "$work/tr" python3 client.py "$(cat "$work/port")"
out "an answer from outside"
wait
t "its trace says so" 0 "$detrun" trace nondet "$work/tr"
out "the network is shared with the outside"
t "and verifies" 0 "$detrun" verify "$work/tr"

python3 "$work/peer.py" ask "$work/build/port" >"$work/asked" &
t "a server inside" 0 net --trace none python3 server.py
out "asked: a question"
wait
ok "is answered" grep -q "an answer from inside" "$work/asked"

t "its interfaces are told" 0 net --trace none python3 -c \
	"import socket; print([n for i, n in socket.if_nameindex()], socket.socket(socket.AF_NETLINK, 3, 0))"
out "'lo'"
t "a peer that isn't there" 1 net --trace none python3 -c \
	"import socket; socket.create_connection(('127.0.0.1', 1))"
err "Connection refused"
t "without, nothing can come" 125 "$detrun" --trace none python3 -c \
	"import socket; socket.create_server(('127.0.0.1', 0)).accept()"
err deadlock
finish
