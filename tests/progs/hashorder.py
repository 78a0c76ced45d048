#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Python's hash order, identities, and the modules that make things up.
import os
import random
import tempfile
import threading
import time
import uuid

words = "the quick brown fox jumps over the lazy dog".split()
print(list(set(words)))
print(hash("detrun"), hash(b"detrun"), hash(1.5))
print(hex(id(object())), object())
print(random.random(), random.randint(0, 10**9), os.urandom(8).hex())
print(uuid.uuid4(), uuid.uuid1())
print(tempfile.mktemp(dir="/tmp"))
print(time.time(), time.monotonic(), time.perf_counter_ns(), time.process_time())
print(os.getpid(), threading.get_ident(), threading.get_native_id(), os.cpu_count())
print(os.listdir("/etc")[:10], next(os.scandir("/usr")).name)
order = []
threads = [threading.Thread(target=lambda i=i: [order.append(i) for _ in range(3)]) for i in range(5)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(order)
