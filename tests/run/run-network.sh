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

net() { "$detrun" --network host "$@"; }

python3 "$work/peer.py" serve "$work/port" &
await test -s "$work/port"
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
# --- the clock: a network of its own, whose loopback has an address like any other's --------------

cat >"$work/clock.py" <<'PY'
import os, socket, sys, threading, time
# clock.py ADDRESS PROGRAM...: the server in this network; the program asks it
s = socket.create_server((sys.argv[1], 0))
def serve():
    while True:
        c, _ = s.accept()
        c.sendall(b'x')
        c.close()
threading.Thread(target=serve, daemon=True).start()
r = os.spawnvp(os.P_WAIT, sys.argv[2], sys.argv[2:] + [sys.argv[1], str(s.getsockname()[1])])
os._exit(r)
PY
cat >asks.py <<'PY'
import os, socket, sys, time
def year(): return time.gmtime().tm_year
before, since = year(), time.monotonic()
c = socket.create_connection((sys.argv[1], int(sys.argv[2])))
asked = year()
c.recv(1)
open('new', 'w').close()
print(before, asked, 'now' if year() >= 2024 else year(), time.monotonic() - since < 100,
      time.gmtime(os.stat('new').st_mtime).tm_year == year())
PY
apart() { # ADDRESS OPTION...
	local a=$1
	shift
	unshare $([ "$(id -u)" = 0 ] || echo -r) -n sh -c 'ip link set lo up && ip addr add 192.0.2.1/32 dev lo && exec "$@"' sh \
		python3 "$work/clock.py" "$a" "$detrun" --network host "$@" python3 asks.py
}
if apart 192.0.2.1 --trace none >/dev/null 2>&1; then
	t "the first word from outside sets the clock" 0 apart 192.0.2.1 --trace "$work/clock"
	out "1993 1993 now True True"
	t "as an input of the run" 0 "$detrun" trace nondet "$work/clock"
	out "1 x  external inputs"
	t "not one from inside" 0 apart 127.0.0.1 --trace none
	out "1993 1993 1993 True True"
	t "not where an epoch was chosen" 0 apart 192.0.2.1 --epoch 1000000000 --trace none
	out "2001 2001 2001 True True"
else
	echo "# no network of our own, or no ip(8): the clock is not tried"
fi

t "without, nothing can come" 125 "$detrun" --trace none python3 -c \
	"import socket; socket.create_server(('127.0.0.1', 0)).accept()"
err deadlock
finish
