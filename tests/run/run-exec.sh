#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `detrun exec`: a further process in a container, without a supervisor and with one.
. "$(dirname "$0")/lib.sh"
command -v python3 >/dev/null || { echo "# skipped: python3 is needed"; exit 0; }
. "$top/tests/run/bundlelib.sh"
for p in stty tty readlink head wc seq; do copy_program "$b/rootfs" "$(command -v $p)"; done
py=$(PATH=/usr/bin:/bin command -v python3 || command -v python3)
cp "$top/tests/run/on-terminal.py" "$work/"
D="$detrun --root $work/containers"
echo 'someone:x:1234:1234::/home/someone:/bin/sh' >>"$b/rootfs/etc/passwd"

up() { # id, mode: a container that waits for a signal
	$D create --determinism="$2" --trace "$work/tr-$1" -b "$b" "$1" </dev/null >"$work/$1.out" 2>&1 &&
		$D start "$1"
}
stopped() { $D state "$1" | grep -q '"stopped"'; }
until_stopped() { await stopped "$1"; }
pid_of() { $D state "$1" | sed -n 's/.*"pid": \([0-9]*\).*/\1/p'; }

common() { # id: what is the same in both modes
	local c=$1 n
	t "$c: a process" 7 $D exec "$c" sh -c 'id -u; pwd; exit 7'
	out 0
	t "$c: it dies of a signal" 137 $D exec "$c" sh -c 'kill -9 $$'
	t "$c: where, what, who" 0 $D exec --cwd /tmp -e A=b --env C=d -e A=e "$c" sh -c 'pwd; echo $A $C $HOME'
	out /tmp
	out "e d /root"
	if [ -z "${rootless:-}" ]; then
		t "$c: another user" 0 $D exec -u 1234:55 -g 77 -g 78 "$c" sh -c 'id -u; id -g; id -G; echo $HOME'
		out 1234
		out "55 77 78"
		out /home/someone
	fi
	t "$c: capabilities" 0 $D exec -c CAP_SYS_NICE "$c" sh -c 'cat /proc/self/status'
	t "$c: no new privileges, as its first process" 0 $D exec "$c" cat /proc/self/status
	out "NoNewPrivs:	1"
	t "$c: no new privileges, asked for" 0 $D exec --no-new-privs "$c" cat /proc/self/status
	out "NoNewPrivs:	1"
	t "$c: new privileges, asked for" 0 $D exec --no-new-privs=false "$c" cat /proc/self/status
	out "NoNewPrivs:	0"
	t "$c: no such program" 255 $D exec "$c" nothing
	err 'exec failed: unable to start container process: exec: "nothing": executable file not found in $PATH'
	t "$c: no program" 255 $D exec "$c" /etc/passwd
	err 'exec: "/etc/passwd": permission denied'
	t "$c: no such directory" 255 $D exec --cwd /nowhere "$c" id
	err 'chdir to cwd ("/nowhere") set in config.json failed: no such file or directory'
	t "$c: no command" 255 $D exec "$c"
	err 'process args cannot be empty'
	t "$c: a bad user" 255 $D exec -u 4294967296 "$c" id
	t "$c: a terminal needs a socket when detached" 255 $D exec -d -t "$c" id
	err 'without setting console socket'
	echo '{"args":["sh","-c","echo $F; pwd"],"cwd":"/proc","env":["F=file","PATH=/bin"],"user":{"uid":0,"gid":0}}' >"$work/p.json"
	t "$c: --process" 0 $D exec --process "$work/p.json" "$c"
	out file
	out /proc
	t "$c: what it reads" 0 sh -c "echo from outside | $D exec $c cat"
	out "from outside"
	t "$c: much" 0 sh -c "$D exec $c seq 200000 | wc -l"
	out 200000
	t "$c: no descriptor but its own" 0 $D exec "$c" sh -c 'cd /proc/self/fd; echo *; exec 3</; ls -l /proc/self/fd'
	if grep -q " -> .*$work/containers" "$work/out"; then miss "$name" "a descriptor of ours"; fi
	for n in $(seq 3 20); do
		$D exec --cwd "/proc/self/fd/$n" "$c" pwd >"$work/out" 2>&1 &&
			miss "$c: a directory by descriptor $n" "let in"
	done
	pass "$c: no directory by a descriptor"
	t "$c: detached" 0 $D exec -d --pid-file "$work/pid" "$c" sleep 1000
	ok "$c: runs" kill -0 "$(cat "$work/pid")"
	ok "$c: in the container" [ "$(readlink /proc/"$(cat "$work/pid")"/ns/pid)" = "$(readlink /proc/"$(pid_of "$c")"/ns/pid)" ]
	kill -9 "$(cat "$work/pid")"
	for n in 1 2 3 4 5 6; do $D exec "$c" sh -c "echo p$n; exit $n" >"$work/many.$n" & done
	for n in 1 2 3 4 5 6; do wait -n; done
	t "$c: many at once" 0 cat "$work"/many.?
	for n in 1 2 3 4 5 6; do out p$n; done
	$D exec "$c" sleep 1000 </dev/null >/dev/null 2>&1 &
	n=$!
	until $D exec "$c" sh -c 'cat /proc/[0-9]*/cmdline' | tr '\0' ' ' | grep -q 'sleep 1000'; do sleep 0.1; done
	kill -9 $n
	wait $n 2>/dev/null
	t "$c: its command killed" 0 $D exec "$c" sh -c 'echo still there'
	out "still there"
	cat >"$work/script" <<-'S'
		wait # 
		type stty size; tty\r
		wait 33 77
		wait /dev/pts/
		wait # 
		size 20 60
		insist stty${IFS}size\r 20 60
		type echo over$((40+2))\r
		wait over42
		wait # 
		type sleep 1000\r
		sleep 0.3
		insist \x03 # 
		type exit 6\r
	S
	t "$c: a terminal" 6 "$py" "$work/on-terminal.py" "$work/script" $D exec -t -e PS1='# ' "$c" sh -i
}

over() { # id: ask it to end
	t "$1: TERM" 0 $D kill "$1" TERM
	ok "$1: has stopped" until_stopped "$1"
	t "$1: exec into a stopped one" 255 $D exec "$1" id
	err 'cannot exec in a stopped container'
	t "$1: delete" 0 $D delete "$1"
}

wait_for_term='p["args"] = ["sh", "-c", "trap \"exit 0\" TERM; while :; do sleep 1; done"]'
config "$wait_for_term"
t "none such" 255 $D exec nothing id
err "exec failed: container does not exist"
for mode in off record; do
	c=exec-$mode-$$
	ok "$c: up" up "$c" $mode
	common "$c"
	if $D pause "$c" 2>/dev/null; then
		t "$c: exec into a paused one" 255 $D exec "$c" id
		err 'cannot exec in a paused container'
		$D resume "$c"
		t "$c: resumed" 0 $D exec "$c" id
	fi
	over "$c"
done
tr=$work/tr-exec-record-$$
t "the trace verifies" 0 "$detrun" verify --deep "$tr"
t "it has what came from outside" 0 "$detrun" trace show "$tr"
out '"from outside\n"'
out '/nowhere'
t "a replay" 0 "$detrun" replay --bundle "$b" --trace none "$tr"
err "is the same"

# One that hardly ever waits: what comes is recorded where the replay finds the place again.
config 'p["args"] = ["sh", "-c", "trap \"exit 0\" TERM; while :; do sleep 0.01; done"]'
differ=
for n in $(seq 12); do
	c=exec-often-$n-$$
	up "$c" record
	for i in 1 2 3; do $D exec "$c" id -u </dev/null >/dev/null; done
	$D kill "$c" TERM
	until_stopped "$c"
	$D delete "$c"
	"$detrun" replay --bundle "$b" --trace none "$work/tr-$c" >"$work/out" 2>"$work/err" </dev/null ||
		differ="$differ $n: $(sed -n 1,3p "$work/err" | cut -c1-150)"
done
ok "replays of what came while it ran:$differ" test -z "$differ"

config 'p["args"] = ["sh", "-c", "while :; do :; done"]'
c=exec-busy-$$
ok "$c: up" up "$c" record
t "$c: exec into one that only computes" 0 timeout "$limit" $D exec "$c" sh -c 'echo quick'
out quick
t "$c: delete" 0 $D delete -f "$c"

config 'p["args"] = ["sh", "-c", "while :; do sleep 1000; done"]'
c=exec-deaf-$$
ok "$c: up" up "$c" record
t "$c: a signal that process 1 has no handler for" 0 $D kill "$c" TERM
t "$c: is for nobody" 0 timeout "$limit" $D exec "$c" sh -c 'echo still there'
out "still there"
t "$c: KILL" 0 $D kill "$c" KILL
ok "$c: has stopped" until_stopped "$c"
t "$c: delete" 0 $D delete "$c"

# One that `run` waits for: named, it sleeps in real time, so that others can speak to it.
config 'p["args"] = ["sleep", "100000"]'
c=exec-named-$$
$D run --trace "$work/tr-$c" -b "$b" "$c" </dev/null >"$work/$c.out" 2>&1 &
runs=$!
until $D state "$c" 2>/dev/null | grep -q '"running"' || ! kill -0 $runs 2>/dev/null; do sleep 0.1; done
t "$c: exec beside run" 0 timeout "$limit" $D exec "$c" sh -c 'echo beside'
out beside
t "$c: KILL" 0 $D kill "$c" KILL
t "$c: run ends" 137 wait $runs
t "$c: replay" 0 "$detrun" replay --bundle "$b" --trace none "$work/tr-$c"
config 'p["args"] = ["sh", "-c", "sleep 0.5 & sleep 1; wait; cat /proc/uptime"]'
$D run --trace "$work/tr-named" -b "$b" "$c" </dev/null >"$work/named.out" 2>/dev/null
$D run --trace "$work/tr-unnamed" "$b/" </dev/null >"$work/unnamed.out" 2>/dev/null
ok "where time passes is not in what it does" cmp "$work/named.out" "$work/unnamed.out"
ok "nor in the trace" cmp "$work/tr-named/checkpoint" "$work/tr-unnamed/checkpoint"
config 'p["args"] = ["sleep", "100000"]'
t "nothing sleeps in real time under --strict" 0 timeout "$limit" $D run --strict --trace none -b "$b" "$c"
t "nor without a name" 0 timeout "$limit" $D run --trace none "$b/"

# before the start: a preparation
prepared='p["args"] = ["sh", "-c", "cat /prepared; sh -c \"exec cat /proc/self/stat\" | cut -d\\  -f1; :"]'
copy_program "$b/rootfs" "$(command -v cut)"
config "$prepared" 'c["root"]["readonly"] = False'
for mode in off record strict; do
	for n in 1 2; do
		c=exec-early-$mode-$n-$$
		rm -f "$b/rootfs/prepared"
		$D create --determinism=$mode --trace "$work/tr-$mode-$n" -b "$b" "$c" </dev/null >"$work/$c.out" 2>&1
		for i in $(seq $n); do
			t "$c: exec before the start" 0 $D exec "$c" sh -c 'id -u >/prepared; cat /prepared; cat </dev/null'
			out 0
		done
		ok "$c: is created" sh -c "$D state $c | grep -q created"
		t "$c: start" 0 $D start "$c"
		ok "$c: has stopped" until_stopped "$c"
		ok "$c: what was prepared is there" grep -qx 0 "$work/$c.out"
		$D delete "$c"
	done
	[ $mode = off ] && continue
	ok "$mode: how much was prepared can't be seen" cmp "$work/$c.out" "$work/exec-early-$mode-1-$$.out"
	ok "$mode: and not in the trace" cmp "$work/tr-$mode-1/checkpoint" "$work/tr-$mode-2/checkpoint"
	t "$mode: replay" 0 "$detrun" replay --bundle "$b" --trace none "$work/tr-$mode-1"
done
c=exec-early-left-$$
$D create --determinism=record --trace none -b "$b" "$c" </dev/null >"$work/$c.out" 2>&1
t "$c: exec that stays" 0 $D exec -d "$c" sh -c 'sleep 1000' </dev/null
t "$c: start" 1 $D start "$c"
err "a process that exec has added before the start is still there"
$D delete -f "$c"

config "$wait_for_term"
c=exec-strict-$$
ok "$c: up" up "$c" strict
t "$c: refused" 255 $D exec "$c" id
err "--determinism=strict refuses"
$D delete -f "$c" >/dev/null 2>&1
finish
