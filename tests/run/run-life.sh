#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The life of a container by create, start, kill and delete, with and without a supervisor; and that
# nothing is left of one, whoever dies when.
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" = 0 ] || { echo "# skipped: root is needed"; exit 0; }
command -v python3 >/dev/null || { echo "# skipped: python3 is needed"; exit 0; }
. "$top/tests/run/bundlelib.sh"
for p in true readlink tty; do copy_program "$b/rootfs" "$(PATH=/usr/bin:/bin type -P $p)"; done
S=$work/containers
u=life$$- # cgroups are named after containers, and are the machine's
cd "$b" || exit 125
D() { "$detrun" --root "$S" --determinism="${mode:-off}" "$@"; }
field() { python3 -c "import json,sys; print(json.load(open('$S/$1/state.json'))['$2'])"; }
status() { D state "$1" 2>/dev/null | sed -n 's/ *"status": "\([a-z]*\)".*/\1/p'; }
has_status() { [ "$(status "$1")" = "$2" ]; }
is() { await has_status "$@"; }
dead() { ! kill -0 "$1" 2>/dev/null || grep -q '^State:.Z' "/proc/$1/status"; }
gone() { await dead "$1"; }
grown() { await test -s "$1"; }
nothing_left() { # container
	local left
	left=$(find "$S/$1" /sys/fs/cgroup -maxdepth 4 -name "$1" 2>/dev/null
		grep "$b/rootfs" /proc/self/mountinfo)
	[ -z "$left" ] || { echo "# left of $1: $left"; false; }
}

for mode in off record; do
	config 'sh("echo out; echo err >&2; exit 3")'
	t "$mode: create" 0 D create --pid-file "$work/pid" ${u}c1
	ok "$mode: pid file" test "$(cat "$work/pid")" = "$(field ${u}c1 pid)"
	t "$mode: nothing has run" 0 D state ${u}c1
	out '"status": "created"'
	out "\"pid\": $(cat "$work/pid")"
	t "$mode: twice" 1 D create ${u}c1
	err "container with given ID already exists"
	t "$mode: list" 0 D list -q
	out "${u}c1"
	t "$mode: start" 0 D start ${u}c1
	ok "$mode: ends" is ${u}c1 stopped
	t "$mode: start again" 1 D start ${u}c1
	err "cannot start a container that has stopped"
	t "$mode: kill what has stopped" 1 D kill ${u}c1
	err "container not running"
	t "$mode: delete" 0 D delete ${u}c1
	ok "$mode: nothing is left" nothing_left ${u}c1

	"$detrun" --root "$S" --determinism=$mode create ${u}c2 >"$work/c2.out" 2>"$work/c2.err" </dev/null
	D start ${u}c2
	ok "$mode: stdout is the caller's of create" grown "$work/c2.out"
	ok "$mode: and stderr" grown "$work/c2.err"
	ok "$mode: it ends" is ${u}c2 stopped
	t "$mode: delete it" 0 D delete ${u}c2

	config 'sh("sleep 100")'
	t "$mode: one that stays" 0 D create ${u}c1
	t "$mode: delete of a created one needs no force" 0 D delete ${u}c1
	D create ${u}c1 && D start ${u}c1
	ok "$mode: runs" is ${u}c1 running
	t "$mode: start of a running one" 1 D start ${u}c1
	err "cannot start an already running container"
	t "$mode: delete of a running one" 1 D delete ${u}c1
	err "that is not stopped"
	t "$mode: kill" 0 D kill ${u}c1 KILL
	ok "$mode: is dead" is ${u}c1 stopped
	t "$mode: delete the killed" 0 D delete ${u}c1
	D create ${u}c1 && D start ${u}c1
	p=$(field ${u}c1 pid) s=$(field ${u}c1 shim)
	t "$mode: delete by force" 0 D delete --force ${u}c1
	ok "$mode: its process is gone" gone "$p"
	[ $mode = off ] || ok "$mode: its supervisor, too" gone "$s"
	ok "$mode: all of it" nothing_left ${u}c1

	t "$mode: run in the background" 0 D run -d --pid-file "$work/pid" ${u}c1
	ok "$mode: it runs" is ${u}c1 running
	D delete -f ${u}c1

	config 'p["args"] = ["nothing"]'
	t "$mode: a program that is not there, at create" 1 D create ${u}c1
	err 'exec: "nothing": executable file not found in $PATH'
	ok "$mode: leaves nothing" nothing_left ${u}c1
	config 'del c["process"]'
	t "$mode: no process" 0 D create ${u}c1
	t "$mode: can't be started" 1 D start ${u}c1
	err "without a process"
	D delete -f ${u}c1

	config 'sh("exec sleep 100")' 'p["terminal"] = True'
	t "$mode: a terminal needs somebody to have it" 1 D create ${u}c1
	err "without setting console socket"

	config 'sh("sleep 100")'
	for i in $(seq 40); do
		D create ${u}same >/dev/null 2>"$work/par.$i" && echo made >>"$work/par.made" &
	done
	wait $(jobs -p)
	ok "$mode: of many creates one succeeds" test "$(wc -l <"$work/par.made")" = 1
	rm -f "$work"/par.*
	t "$mode: that one starts" 0 D start ${u}same
	t "$mode: and goes" 0 D delete -f ${u}same
	ok "$mode: leaving nothing" nothing_left ${u}same
done

# --- the runtime is killed at any moment ---------------------------------------------------------
for mode in off record; do
	config 'sh("sleep 100")'
	left=0
	for us in 0 1 2 4 6 9 12 16 22 30 40 60; do
		"$detrun" --root "$S" --determinism=$mode create ${u}k >/dev/null 2>&1 </dev/null &
		sleep "0.0$(printf %02d $us)"
		kill -9 $! 2>/dev/null
		wait $! 2>/dev/null
		D delete --force ${u}k >"$work/k.out" 2>&1 || { left=1; cat "$work/k.out"; }
		nothing_left ${u}k || { left=1; echo "# left after ${us} ms"; }
	done
	ok "$mode: a create killed at any moment leaves nothing" test $left = 0
done
for mode in off record; do
	left=0
	for us in 0 1 2 3 5 8 13 21; do
		D create ${u}k
		for what in start delete; do
			"$detrun" --root "$S" --determinism=$mode $what ${u}k >/dev/null 2>&1 </dev/null &
			sleep "0.0$(printf %02d $us)"
			kill -9 $! 2>/dev/null
			wait $! 2>/dev/null
		done
		D delete --force ${u}k >"$work/k.out" 2>&1 || { left=1; cat "$work/k.out"; }
		nothing_left ${u}k || left=1
	done
	ok "$mode: nor does one whose start and delete are killed" test $left = 0
done
mode=record
D create ${u}k && D start ${u}k
ok "the supervisor's container runs" is ${u}k running
p=$(field ${u}k pid)
kill -9 "$(field ${u}k shim)"
ok "without the supervisor no process stays" gone "$p"
ok "and it has stopped" is ${u}k stopped
t "it can be deleted" 0 D delete ${u}k
ok "with all it had" nothing_left ${u}k

# --- what a state may say ------------------------------------------------------------------------
mode=off
sleep 100 &
other=$!
mkdir -p "$S/old" && printf '{"id":"old","pid":%d,"pidStart":1,"shim":%d,"shimStart":1,"later":{"x":[1]}}' $other $other >"$S/old/state.json"
ok "a pid that was reused is not the container's" is old stopped
t "and is not killed" 0 D delete --force old
ok "it lives" kill -0 $other
kill $other
mkdir "$S/empty"
t "a state without a file is listed" 0 D list
out empty
t "and deleted" 0 D delete empty
mkdir "$S/broken" && echo '{"id":' >"$S/broken/state.json"
t "a broken one doesn't hinder the others" 0 D list
t "and is deleted by force" 0 D delete --force broken
ok "wholly" nothing_left broken

# --- namespaces ----------------------------------------------------------------------------------
config 'sh("readlink /proc/self/ns/uts /proc/self/ns/net /proc/self/ns/ipc /proc/self/ns/mnt /proc/self/ns/pid; sleep 100")' 'without("cgroup")'
D create ${u}n1 >"$work/n1" </dev/null && D start ${u}n1 && grown "$work/n1"
p=$(field ${u}n1 pid)
config 'sh("readlink /proc/self/ns/uts /proc/self/ns/net /proc/self/ns/ipc /proc/self/ns/mnt /proc/self/ns/pid")' \
	"[join(t, '/proc/$p/ns/' + f) for t, f in (('uts', 'uts'), ('network', 'net'), ('ipc', 'ipc'), ('pid', 'pid'))]"
t "joined namespaces" 0 D run ${u}n2
ok "are the other's" test "$(sed -n '1,3p;5p' "$work/n1")" = "$(sed -n '1,3p;5p' "$work/out")"
ok "but for what was not named" test "$(sed -n 4p "$work/n1")" != "$(sed -n 4p "$work/out")"
D delete -f ${u}n1
unshare -U -n sleep 100 &
other=$!
elsewhere() { [ "$(readlink "/proc/$1/ns/user")" != "$(readlink /proc/self/ns/user)" ]; }
await elsewhere $other
for f in uid_map gid_map; do echo 0 100000 65536 >/proc/$other/$f; done
config 'sh("readlink /proc/self/ns/user /proc/self/ns/net; cat /proc/self/uid_map")' \
	"[join(t, '/proc/$other/ns/' + f) for t, f in (('user', 'user'), ('network', 'net'))]"
t "a joined user namespace, and what belongs to it" 0 D run ${u}n7
out "$(readlink /proc/$other/ns/user)"
out "$(readlink /proc/$other/ns/net)"
out 100000
kill $other
config 'sh("cat /proc/self/uid_map")' 'c["linux"]["namespaces"] += [{"type": "user"}]' \
	'join("network", "/proc/self/ns/net")' 'c["mounts"] = c["mounts"][:1]' \
	'c["linux"]["uidMappings"] = c["linux"]["gidMappings"] = [{"containerID": 0, "hostID": 200000, "size": 65536}]'
t "a new one, and what belongs to ours" 0 D run ${u}n8
out 200000
config 'sh("readlink /proc/self/ns/pid /proc/self/ns/net; sleep 100 & exec sleep 100")' 'without("pid", "network")'
D create ${u}n3 >"$work/n3" </dev/null && D start ${u}n3 && grown "$work/n3"
ok "namespaces that are not named are ours" test "$(cat "$work/n3")" = "$(readlink /proc/self/ns/pid /proc/self/ns/net)"
t "kill --all reaches all of them" 0 D kill --all ${u}n3 KILL
ok "first of all the first" is ${u}n3 stopped
t "delete without a PID namespace" 0 D delete -f ${u}n3
ok "takes everybody" nothing_left ${u}n3
config 'sh("cat /proc/self/mountinfo >/tmp/n")' 'without("mount")' 'c["root"]["readonly"] = False' \
	'c["linux"]["maskedPaths"] = []' 'c["linux"]["readonlyPaths"] = []' \
	'c["mounts"] = [{"destination": "/proc", "type": "proc", "source": "proc"}]'
t "no mount namespace" 0 unshare -m --propagation private "$detrun" --root "$S" --determinism=off run ${u}n4
ok "leaves no mount behind" nothing_left ${u}n4
mode=record
t "supervised it has one all the same" 0 D run --trace none ${u}n5
ok "which leaves no mount behind" nothing_left ${u}n5
config 'sh("readlink /proc/self/ns/net; exit 4")' "without('network')" \
	"c['linux']['namespaces'].append({'type': 'network', 'path': '/proc/self/ns/net'})"
t "supervised in a joined network" 4 D run --trace none ${u}n6

# --- the way to the runtime's own file -----------------------------------------------------------
mode=off
config 'sh("sleep 100")'
D create ${u}x1
ok "what is ours inside is not the host's file to write to" python3 - "$(field ${u}x1 pid)" <<'P'
import errno, os, signal, sys, time
pid = int(sys.argv[1])
fd = os.open("/proc/%d/exe" % pid, os.O_PATH)
os.kill(pid, signal.SIGKILL)
for i in range(100):
    try:
        os.open("/proc/self/fd/%d" % fd, os.O_WRONLY)
        sys.exit(1)
    except OSError as e:
        if e.errno in (errno.EROFS, errno.EPERM):
            sys.exit(0)
        time.sleep(0.1)
sys.exit(2)
P
D delete -f ${u}x1

# --- the terminal, and traces that stay ----------------------------------------------------------
cat >"$work/recv.py" <<'P'
import array, os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen(1)
c = s.accept()[0]
msg, anc, _, _ = c.recvmsg(100, 1000)
fd = array.array("i", anc[0][2])[0]
os.write(fd, b"typed\n")
text = b""
while True:
    try:
        got = os.read(fd, 1000)
    except OSError:
        break
    if not got:
        break
    text += got
    open(sys.argv[2], "wb").write(text)
P
for mode in off record; do
	config 'sh("tty; read x; echo got $x; sleep 100")' 'p["terminal"] = True'
	rm -f "$work/sock"
	python3 "$work/recv.py" "$work/sock" "$work/shown" &
	await test -S "$work/sock"
	t "$mode: the terminal goes to the console socket" 0 D create --console-socket "$work/sock" ${u}tty1
	t "$mode: start with it" 0 D start ${u}tty1
	await grep -qs "got typed" "$work/shown"
	ok "$mode: it is the program's" grep -q "/dev/pts/0" "$work/shown"
	ok "$mode: both ways" grep -q "got typed" "$work/shown"
	D delete -f ${u}tty1
	wait
	rm -f "$work/shown"
done
config 'sh("echo traced")' 'c["annotations"] = {"org.detrun.determinism": "record", "org.detrun.trace": "'"$work/trace"'"}'
t "an annotation names no place that isn't there" 1 "$detrun" --root "$S" create ${u}a1
err "make the directory $work/trace first"
mkdir "$work/trace" && touch "$work/trace/x"
t "nor one with something in it" 1 "$detrun" --root "$S" create ${u}a1
err "has to be an empty directory"
rm "$work/trace/x"
t "annotations choose" 0 "$detrun" --root "$S" create ${u}a1
t "start what they chose" 0 D start ${u}a1
ok "it ends" is ${u}a1 stopped
t "delete leaves the trace" 0 D delete ${u}a1
t "which verifies" 0 "$detrun" verify "$work/trace"
config 'sh("true")' 'c["annotations"] = {"org.detrun.determinism": "often"}'
t "a word that is none" 1 "$detrun" --root "$S" create ${u}a2
err "is none of strict, record and off"

# Its last thread waits in the kernel for all others to be reaped.
if ${CC:-cc} -O1 -w -D_GNU_SOURCE -pthread -static -o "$b/rootfs/bin/first_threads" "$top/tests/guest/first_threads.c" \
	2>"$work/cc.log"; then
	for mode in off record; do
		for end in main:5 thread:6 alone:6 fault:139; do
			config "p['args'] = ['first_threads', '${end%:*}']"
			t "$mode: a first process with threads and children: ${end%:*}" "${end#*:}" \
				timeout -k 5 "$limit" "$detrun" --root "$S" --determinism=$mode run ${u}t1
			D delete -f ${u}t1 2>/dev/null
		done
		config "p['args'] = ['first_threads', 'never']"
		"$detrun" --root "$S" --determinism=$mode create ${u}t1 >"$work/t1.out" 2>&1 </dev/null
		t "$mode: one that stays" 0 D start ${u}t1
		ok "$mode: is there" grown "$work/t1.out"
		t "$mode: and is killed" 0 D kill ${u}t1 KILL
		ok "$mode: stops" is ${u}t1 stopped
		t "$mode: delete it" 0 D delete -f ${u}t1
		ok "$mode: nothing is left" nothing_left ${u}t1
	done
else
	echo "# skipped: threads ($(tail -1 "$work/cc.log"))"
fi

# A trace that nobody asked for lies in /run, and must not fill it.
copy_program "$b/rootfs" "$(PATH=/usr/bin:/bin type -P dd)"
S=$work/little
config 'sh("dd if=/dev/urandom of=/dev/null bs=64 count=150000; exit 7")'
if mkdir "$S" && mount -t tmpfs -o size=8m none "$S"; then
	trap 'umount -l "$work/little"; chmod -R u+rwX "$work" 2>/dev/null; rm -rf "$work"' EXIT
	mode=record
	t "much to trace" 0 D create ${u}m1
	t "in a small place" 0 D start ${u}m1
	ok "to its end" is ${u}m1 stopped
	t "a trace of the newest part verifies" 0 "$detrun" verify "$S/${u}m1/trace"
	out "exit status 7"
	t "but not in full" 1 "$detrun" verify --full "$S/${u}m1/trace"
	err "events 16384 to 32767 were not kept"
	t "what is there can be shown" 0 "$detrun" trace show --syscall exit_group "$S/${u}m1/trace"
	out "exit_group(7)"
	err "were not kept"
	D delete ${u}m1
	mkdir "$work/all"
	t "one with a place of its own" 7 D run --trace "$work/all" ${u}m2
	t "is kept whole" 0 "$detrun" verify --full "$work/all"
fi
finish
