#!/usr/bin/env python3
# TCP over loopback in bulk: in which pieces what was sent in one piece arrives.
import select, socket, threading

def pieces(sizes, most, method):
    server = socket.create_server(("127.0.0.1", 0))
    got = []

    def send():
        s = socket.create_connection(server.getsockname())
        for n in sizes:
            s.sendall(bytes(n))
        s.close()

    t = threading.Thread(target=send)
    t.start()
    c, _ = server.accept()
    while True:
        if method == "select":
            select.select([c], [], [])
        data = c.recvmsg(most)[0] if method == "recvmsg" else c.recv(most)
        if not data:
            break
        got.append(len(data))
    t.join()
    c.close()
    server.close()
    return got

for method in "recv", "select", "recvmsg":
    for sizes in [8 << 20], [70000] * 20, [5] * 300, [1 << 20, 17, 300000] * 3:
        for most in 65536, 1 << 20:
            print(method, most, pieces(sizes, most, method))

several = [None] * 4

def one(i):
    several[i] = pieces([100000 * (i + 1)] * 8, 1 << 18, "recv")

threads = [threading.Thread(target=one, args=(i,)) for i in range(4)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(several)
