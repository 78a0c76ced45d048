#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every verb of a container's life is killed at its system calls, and has them fail; so is the
# supervisor. Whatever died or failed, `delete --force` leaves no process, mount, cgroup, socket or
# file. STRESS=N takes every Nth system call only, STRESS=1 all of them.
. "$(dirname "$0")/lib.sh"
for p in python3 strace unshare; do
	command -v $p >/dev/null || { echo "# skipped: $p is needed"; exit 0; }
done
[ "$(id -u)" = 0 ] || { echo "# skipped: root is needed"; exit 0; }
b=$work/bundle
mkdir "$b" && cp -a "$root" "$b/rootfs"
copy_program "$b/rootfs" "$(PATH=/usr/bin:/bin type -P true)"
${CC:-cc} -O1 -w -D_GNU_SOURCE -shared -fPIC -o "$work/nomem.so" "$top/tests/guest/nomem.c" 2>"$work/cc.log" ||
	echo "# no C compiler: nothing runs out of memory"
# Namespaces of their own make everything that is left ours. Who traces may not be PID 1.
unshare -m -p -f -n -i --mount-proc sh -c '
	mount -t tmpfs tmpfs /dev/shm && mount -t tmpfs tmpfs /run && python3 "$@"; exit $?' \
	sh "$top/tests/run/stress.py" "$detrun" "$b" "$work" "${STRESS:-32}"
