#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `detrun run` with an OCI bundle, and the verbs that look at containers.
. "$(dirname "$0")/lib.sh"
command -v python3 >/dev/null || { echo "# skipped: python3 is needed"; exit 0; }
. "$top/tests/run/bundlelib.sh"
D="$detrun --root $work/containers"
u=bundle$$- # cgroups are named after containers, and are the machine's
args() { printf 'sh("""%s""")' "$1"; }

config "$(args 'id -u; uname -n; pwd; exit 5')"
t "a bundle by its path" 5 $D run --trace none "$b/"
out detrun
t "a bundle and an ID" 5 $D run --trace none -b "$b" "${u}1"
cd "$b"
t "the bundle here" 5 $D run --trace none "${u}1"
t "is gone afterwards" 1 $D state "${u}1"
err "container does not exist"
t "--keep" 5 $D run --trace none --keep "${u}1"
t "state" 0 $D state "${u}1"
out '"status": "stopped"'
out '"pid": 0'
out "\"bundle\": \"$b\""
t "twice" 1 $D run --trace none "${u}1"
err "container with given ID already exists"
t "kill of a stopped one" 1 $D kill "${u}1"
err "container not running"
t "delete" 0 $D delete "${u}1"
t "delete again" 1 $D delete "${u}1"
t "delete --force of none" 0 $D delete --force "${u}1"
t "a bad ID" 1 $D run --trace none -b "$b" 'a b'
err "invalid container ID"
t "no bundle" 1 $D run --trace none "$work/nothing/"
err "no bundle"

config 'p["args"] = ["nothing"]'
t "no such program" 1 $D run --trace none "${u}1"
err 'exec: "nothing": executable file not found in $PATH'
config 'p["args"] = ["/etc/passwd"]'
t "no program" 1 $D run --trace none "${u}1"
err 'exec: "/etc/passwd": permission denied'
mkdir -p "$work/lent/closed" && chmod 0 "$work/lent/closed"
config 'p["args"] = ["sh", "-c", "echo $A; pwd; ls /mnt; stat -c %a /m1; echo x > /new"]' \
	'p["env"] += ["A=there"]' 'p["cwd"] = "/tmp"' 'c["root"]["readonly"] = False' \
	'c["mounts"] += [{"destination": "/mnt", "type": "bind", "source": "/usr", "options": ["rbind", "ro"]}]' \
	"c['mounts'] += [{'destination': '/m2', 'type': 'bind', 'source': '$work/lent', 'options': ['bind']}]" \
	'c["mounts"] += [{"destination": "/m1", "type": "tmpfs", "source": "x", "options": ["mode=0711"]}]'
t "mounts, env, cwd" 0 $D run --trace none "${u}1"
out there
out lib
out 711
ok "the root file system is used in place" test -e "$b/rootfs/new"
config "$(args 'echo x > /new2')"
t "read-only root" 2 $D run --trace none "${u}1"
config "$(args 'cat /proc/keys; ls /proc/scsi; echo 1 > /proc/sys/kernel/panic')"
t "masked and read-only paths" 2 $D run --trace none "${u}1"
config "$(args 'ls -la /dev/null /dev/fd /dev/pts/ptmx; echo x > /dev/null')"
t "devices" 0 $D run --trace none "${u}1"
config 'p["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 77, "hard": 99}]' "$(args 'ulimit -n')"
t "rlimits" 0 $D run --trace none "${u}1"
out 77
config 'c["linux"]["intelRdt"] = {"closID": "x"}'
t "what is not there is refused by name" 1 $D run --trace none "${u}1"
err linux.intelRdt
config 'p["terminal"] = True'
t "a terminal needs somebody to have it" 1 $D run --detach --trace none "${u}1"
err "without setting console socket"

config "$(args 'read x; exit 3')"
mkfifo "$work/in"
$D run --trace none --pid-file "$work/pid" "${u}2" <>"$work/in" & run=$!
is() { $D state "$1" 2>/dev/null | grep -q "\"status\": \"$2\""; }
await is "${u}2" running
t "state of a running one" 0 $D state "${u}2"
out '"status": "running"'
out "\"pid\": $(cat "$work/pid")"
t "list" 0 $D list
out "${u}2"
t "list -q" 0 $D list -q
t "list --format json" 0 $D list --format json
out '"id":"'${u}2'"'
t "not deleted while it runs" 1 $D delete "${u}2"
err "cannot delete container ${u}2 that is not stopped"
t "kill" 0 $D kill "${u}2" KILL
wait $run
ok "ends it" test $? = 137

$D run --trace none --pid-file "$work/pid2" c3 <>"$work/in" & run=$!
await is c3 running
kill -9 $run
wait $run 2>/dev/null
await is c3 stopped
t "a dead runtime's container is stopped" 0 $D state c3
out '"status": "stopped"'
ok "and its process gone" await sh -c "! grep -q '^State:.[^ZX]' /proc/$(cat "$work/pid2")/status"
t "and can be deleted" 0 $D delete c3
ok "nothing is left" sh -c "test -z \"\$(ls $work/containers)\""

config "$(args 'id -u; ls -la /; echo done')"
t "a trace" 0 $D run --trace "$work/t1" "${u}1"
t "again" 0 $D run --trace "$work/t2" "${u}1"
ok "is the same" cmp "$work/t1/checkpoint" "$work/t2/checkpoint"
t "verifies" 0 "$detrun" verify "$work/t1"
t "is replayed" 0 "$detrun" replay "$work/t1"


config "$(args 'uname -n')" 'c["linux"]["namespaces"] = [n for n in c["linux"]["namespaces"] if n["type"] != "uts"]' \
	'c.pop("hostname", None)'
t "the caller's host name" 0 $D run --trace "$work/t3" "${u}1"
out "$(uname -n)"
t "is replayed, too" 0 "$detrun" replay "$work/t3"
config "$(args true)" 'c["mounts"].append({"destination": "/hp", "type": "bind", "source": "/proc", "options": ["rbind", "ro"]})'
t "the host's /proc somewhere" 1 $D run "${u}1"
err "what the kernel shows in /proc is different each time"
config "$(args /etc/passwd/x)" 'p["args"] = ["/etc/passwd/x"]'
for mode in off record; do
	t "$mode: below a file" 1 $D --determinism=$mode run "${u}1"
	err 'stat /etc/passwd/x: not a directory'
done

if can_be_users; then
	mkdir "$work/user54321" && cp -a "$b" "$work/user54321/b"
	chown -R 54321:54321 "$work/user54321"
	b=$work/user54321/b
	t "rootless: spec" 0 as one sh -c "cd $b && rm config.json && '$detrun' spec --rootless"
	python3 - "$b/config.json" <<-'P'
		import json, sys
		c = json.load(open(sys.argv[1]))
		c["process"]["terminal"] = False
		c["process"]["args"] = ["sh", "-c", "id -u; ls /proc/self /sys /dev/pts; exit 6"]
		json.dump(c, open(sys.argv[1], "w"))
	P
	t "rootless: run" 6 as one "$detrun" --root "$work/user54321/state" run --trace none \
		"$b/"
	out 0
fi
# The first process dies of a fault, though the kernel would let nothing but SIGKILL end it while it is traced.
if command -v cc >/dev/null; then
	cat >"$work/fault.c" <<-'END'
	void _start(void)
	{
		FAULT;
		for (;;)
			__asm__("syscall" :: "a"(231), "D"(7)); /* exit_group(7) */
	}
	END
	faults() { # NAME STATUS CODE
		cc -O1 -nostdlib -static -fno-stack-protector -DFAULT="$3" -o "$b/rootfs/bin/fault" "$work/fault.c" || exit 125
		bundle 'p["args"] = ["/bin/fault"]' "${@:4}"
		both "the first process dies of $1" "$2"
	}
	faults "SIGSEGV" 139 '*(volatile int *) 8 = 1'
	faults "SIGILL" 132 '__asm__ volatile("ud2")'
	faults "SIGTRAP" 133 '__asm__ volatile("int3")'
	faults "SIGFPE" 136 '__asm__ volatile("xor %%eax,%%eax; xor %%edx,%%edx; div %%eax" ::: "eax", "edx")'
	faults "SIGSYS" 159 '__asm__ volatile("mov $83,%%eax; syscall" ::: "eax", "rcx", "r11")' \
		'l["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_TRAP"}]}'
	t "a fault is replayed: run" 159 "$detrun" --root "$work/containers" run --trace "$work/tf" -b "$b" "c$$"
	t "a fault is replayed" 0 "$detrun" replay "$work/tf"
	"$detrun" --root "$work/containers" create --trace none -b "$b" "c$$" </dev/null >/dev/null 2>&1
	"$detrun" --root "$work/containers" start "c$$"
	stopped() { "$detrun" --root "$work/containers" state "c$$" | grep -q '"stopped"'; }
	ok "a fault of a started one ends it" await stopped
	"$detrun" --root "$work/containers" delete --force "c$$"
fi
bundle "sh('ulimit -t 1; while :; do :; done')"
both "a limit of CPU time ends a loop" 137
finish
