#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What config.json says of a container's process: seccomp, hooks, scheduling, clocks, interfaces.
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" = 0 ] || { echo "# skipped: root is needed"; exit 0; }
command -v python3 >/dev/null || { echo "# skipped: python3 is needed"; exit 0; }
. "$top/tests/run/bundlelib.sh"
c=proc-$$
for p in grep mkdir true kill; do copy_program "$b/rootfs" "$(type -P $p)"; done
off="$detrun --root $work/containers --determinism=off"
record="$detrun --root $work/containers --determinism=record"
strict="$detrun --root $work/containers --determinism=strict"
cd "$b" || exit 125
args() { printf 'sh("""%s""")' "$1"; }

# --- seccomp --------------------------------------------------------------------------------------

for nnp in True False; do
	bundle "$(args 'mkdir /tmp/x || echo refused; mkdir --help >/dev/null && echo lives')" \
		"p['noNewPrivileges'] = $nnp" 'rule("SCMP_ACT_ERRNO", "mkdir", "mkdirat", errnoRet=1)'
	for mode in off record; do
		t "seccomp errno, $mode, no_new_privs $nnp" 0 ${!mode} run --trace none $c
		out refused
		out lives
		err "Operation not permitted"
	done
done
bundle "$(args 'mkdir /tmp/x; echo $?')" 'rule("SCMP_ACT_KILL_PROCESS", "mkdir", "mkdirat")'
for mode in off record; do
	t "seccomp kill, $mode" 0 ${!mode} run --trace none $c
	out 159
done
bundle "$(args 'mkdir /tmp/x; echo $?')" 'rule("SCMP_ACT_TRAP", "mkdir", "mkdirat")'
for mode in off record; do
	t "seccomp trap, $mode" 0 ${!mode} run --trace none $c
	out 159
done
bundle "$(args 'mkdir /tmp/x; uname -r >/dev/null; ls /tmp')" \
	'l["seccomp"] = {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"action": "SCMP_ACT_ALLOW",
	"names": "access arch_prctl brk clone clone3 close dup2 execve exit exit_group fcntl fstat futex getdents64 geteuid getegid getgid getpid getppid getrandom getuid ioctl lseek mmap mprotect munmap newfstatat open openat pipe2 pread64 prlimit64 read rseq rt_sigaction rt_sigprocmask rt_sigreturn set_robust_list set_tid_address stat statfs statx uname vfork wait4 write".split()}]}'
for mode in off record; do
	t "seccomp list of what is allowed, $mode" 0 ${!mode} run --trace none $c
	err "mkdir: cannot create directory"
done
t "seccomp, a trace" 0 $record run --trace "$work/t1" $c
t "seccomp, again" 0 $record run --trace "$work/t2" $c
ok "seccomp, the same trace" cmp "$work/t1/checkpoint" "$work/t2/checkpoint"
t "seccomp, replay" 0 "$detrun" replay "$work/t1"

# what the agent gets, and that its answer counts
cat >"$work/agent.py" <<'P'
import array, ctypes, fcntl, json, os, socket, struct, sys
path, log = sys.argv[1:]
s = socket.socket(socket.AF_UNIX)
s.bind(path)
s.listen(1)
c, _ = s.accept()
text, anc, _, _ = c.recvmsg(1 << 20, socket.CMSG_SPACE(16))
fds = array.array("i")
fds.frombytes(anc[0][2][:4])
open(log, "wb").write(text)
while True:
    buf = bytearray(80)
    try:
        fcntl.ioctl(fds[0], 0xC0502100, buf)
    except OSError:
        break
    ident, = struct.unpack_from("Q", buf)
    fcntl.ioctl(fds[0], 0xC0182101, bytearray(struct.pack("QqiI", ident, 0, -17, 0)))
P
bundle "$(args 'mkdir /tmp/x')" 'rule("SCMP_ACT_NOTIFY", "mkdir", "mkdirat", "sendmsg")' \
	"l['seccomp']['listenerPath'] = '$work/agent'" "l['seccomp']['listenerMetadata'] = 'meta'"
t "seccomp notify, no agent" 1 $off run $c
err "failed to connect with seccomp agent"
for nnp in True False; do
	sed -i "s/\"noNewPrivileges\": [a-z]*/\"noNewPrivileges\": ${nnp,}/" config.json
	python3 "$work/agent.py" "$work/agent" "$work/agent.log" & agent=$!
	await test -S "$work/agent"
	t "seccomp notify, no_new_privs $nnp" 1 timeout "$limit" $off run $c
	err "File exists"
	kill $agent 2>/dev/null
	rm -f "$work/agent"
	ok "seccomp notify: state, no_new_privs $nnp" python3 -c "
import json
j = json.load(open('$work/agent.log'))
assert j['fds'] == ['seccompFd'] and j['metadata'] == 'meta' and j['pid'] > 1, j
assert j['state']['id'] == '$c' and j['state']['bundle'] == '$b', j"
done
agent_up() {
	rm -f "$work/agent"
	python3 "$work/agent.py" "$work/agent" "$work/agent.log" 2>/dev/null & agent=$!
	await test -S "$work/agent"
}
agent_down() { kill $agent 2>/dev/null; wait $agent 2>/dev/null; rm -f "$work/agent"; }
t "seccomp notify, no agent, record" 1 $record run --trace none $c
err "failed to connect with seccomp agent"
agent_up
t "seccomp notify of what the supervisor has to see" 1 $record run --trace none $c
err "SCMP_ACT_NOTIFY for sendmsg would take it from the supervisor"
agent_down
config "$(args 'mkdir /tmp/x; mkdir /tmp/y; echo $?')" 'rule("SCMP_ACT_NOTIFY", "mkdir", "mkdirat")' \
	"l['seccomp']['listenerPath'] = '$work/agent'" "l['seccomp']['listenerMetadata'] = 'meta'"
t "seccomp notify, strict" 1 $strict run --trace none $c
err "SCMP_ACT_NOTIFY lets an agent outside answer"
agent_up
t "seccomp notify, record" 0 timeout "$limit" $record run --trace "$work/n1" $c
ok "the agent has answered both" test "$(grep -c "File exists" "$work/err")" = 2
ok "and was told who asks" grep -q '"pid":' "$work/agent.log"
agent_down
t "the trace says so" 0 "$detrun" trace nondet "$work/n1"
out "answered by an agent for seccomp"
t "and verifies" 0 "$detrun" verify --deep "$work/n1"
agent_up
t "but can't be replayed" 125 "$detrun" replay "$work/n1"
err "can't be replayed"
agent_down
agent_up
t "seccomp notify: create" 0 $record create --trace "$work/n2" $c </dev/null
agent_down
$record delete -f $c

# --- hooks ----------------------------------------------------------------------------------------

all='for k in "prestart createRuntime createContainer poststart poststop".split():
    c.setdefault("hooks", {})[k] = hook("(echo %s; cat; echo) >> '$work'/hooks.log" % k)
c["hooks"]["startContainer"] = hook("(echo startContainer; cat; echo) >> /hooks.log")'
# a name, a status, a name, a status ...
ran() {
	cat "$work/hooks.log" "$b/rootfs/hooks.log" 2>/dev/null |
		sed -n 's/.*"status":"\([a-z]*\)".*/\1/p; t; /^[a-zA-Z]\{1,\}$/p' | tr '\n' ' '
	rm -f "$work/hooks.log" "$b/rootfs/hooks.log"
}
want="prestart created createRuntime creating createContainer creating poststart running \
poststop stopped startContainer created "
bundle 'p["args"] = ["true"]' "$all"
stopped() { $off state $c | grep -q stopped; }
for mode in off record; do
	t "hooks, $mode" 0 ${!mode} run --trace none $c
	ok "hooks in order, $mode" test "$(ran)" = "$want"
	t "hooks, create, $mode" 0 ${!mode} create $c
	ok "hooks of create, $mode" test "$(ran)" = "${want%% poststart*} "
	t "hooks, start, $mode" 0 $off start $c
	await stopped
	ok "hooks of start, $mode" test "$(ran)" = "poststart running startContainer created "
	t "hooks, delete, $mode" 0 $off delete $c
	ok "hooks of delete, $mode" test "$(ran)" = "poststop stopped "
done
for k in prestart createRuntime createContainer startContainer poststart; do
	bundle "$(args 'echo ran')" "c['hooks'] = {'$k': hook('echo why >&2; exit 7')}"
	for mode in off record; do
		t "failing $k, $mode" 1 ${!mode} run --trace none $c
		err "error running $k hook #0: exit status 7, stdout: , stderr: why"
		ok "failing $k leaves nothing, $mode" test ! -e "$work/containers/$c"
	done
done
bundle 'p["args"] = ["true"]' 'c["hooks"] = {"createRuntime": hook("sleep 30", timeout=1)}'
t "a hook's timeout" 1 $off run $c
err "hook ran past specified timeout of 1.0s"
bundle 'p["args"] = ["true"]' 'c["hooks"] = {"poststop": hook("exit 7") + hook("echo > '$work'/stopped")}'
t "failing poststop" 0 $off run $c
err "error running poststop hook #0: exit status 7"
ok "the next is run" test -e "$work/stopped"
bundle 'p["args"] = ["true"]' 'c["hooks"] = {"poststart": hook("exit 7")}'
t "create" 0 $off create $c
t "failing poststart fails start" 1 $off start $c
err "error running poststart hook #0"
t "and destroys the container" 1 $off state $c
err "container does not exist"
bundle 'p["args"] = ["true"]' 'c["hooks"] = {"createRuntime": hook("exit 7"), "poststop": hook("echo > '$work'/after")}'
t "failing createRuntime" 1 $off create $c
ok "poststop hooks are run then, too" test -e "$work/after"
bundle 'p["args"] = ["true"]' 'c["hooks"] = {k: hook("sed s/.*bundle...// | cut -d, -f1; echo E >&2")
    for k in ("createRuntime", "poststart", "poststop")}' \
	'c["annotations"] = {"run.oci.hooks.stdout": "'$work'/hooks.out", "run.oci.hooks.stderr": "'$work'/hooks.err"}'
ln -sfn "$b" "$work/other-name"
t "hooks' output in files: create" 0 $off create -b "$work/other-name" $c
t "hooks' output in files: start" 0 $off start $c
$off delete -f $c
ok "each has the bundle's name as it was said" test "$(grep -c "^$work/other-name\"$" "$work/hooks.out")" = 3
ok "and stderr in a file of its own" test "$(grep -c E "$work/hooks.err")" = 3
bundle 'p["args"] = ["true"]' 'rule("SCMP_ACT_KILL_PROCESS", "mkdir", "mkdirat")' \
	'c["hooks"] = {"startContainer": hook("exec mkdir /tmp/x")}'
for mode in off record; do
	t "seccomp holds startContainer hooks, $mode" 1 ${!mode} run --trace none $c
	err "error running startContainer hook #0: signal: bad system call"
done
bundle 'p["args"] = ["true"]' 'p["user"] = {"uid": 7, "gid": 8}' 'p["env"] += ["OF=process"]' \
	'c["hooks"] = {"startContainer": [{"path": "/bin/sh", "args": ["sh", "-c",
	"id >&2; echo $OF >&2; grep -E ^Cap[EP] /proc/self/status >&2; exit 1"]}]}'
for mode in off record; do
	t "startContainer hooks are the container's user, $mode" 1 ${!mode} run --trace none $c
	err "uid=7 gid=8 groups=8 process CapPrm: 0000000000000000 CapEff: 0000000000000000"
done
bundle 'p["args"] = ["ls", "/mnt/by-runtime", "/mnt/by-container"]' \
	'c["hooks"] = {"createContainer": hook("mkdir -p mnt/by-container; mount -t tmpfs x mnt/by-container; touch mnt/by-container/two"),
	"createRuntime": hook("nsenter -t $(sed s/.*pid.:// | sed s/,.*//) -m sh -c '\''mkdir -p $0/mnt/by-runtime; mount -t tmpfs x $0/mnt/by-runtime; touch $0/mnt/by-runtime/one'\'' '$b'/rootfs")}'
for mode in off record; do
	t "hooks mount into the container, $mode" 0 ${!mode} run --trace none $c
	out one
	out two
done
ok "and not into the host" test -z "$(ls "$b/rootfs/mnt/by-container" "$b/rootfs/mnt/by-runtime" | grep -E 'one|two')"
bundle 'p["args"] = ["cat", "/proc/sys/net/ipv4/ip_default_ttl"]' \
	'c["linux"]["sysctl"] = {"net.ipv4.ip_default_ttl": "77"}'
for mode in off record; do
	t "a sysctl, $mode" 0 ${!mode} run --trace none $c
	out 77
done
bundle 'p["args"] = ["cat", "/proc/self/limits"]' 'p["rlimits"] = [
	{"type": "RLIMIT_SIGPENDING", "soft": 100, "hard": 200}, {"type": "RLIMIT_CPU", "soft": 2, "hard": 3},
	{"type": "RLIMIT_NOFILE", "soft": 70, "hard": 80}]'
for mode in off record; do
	t "rlimits, $mode" 0 ${!mode} run --trace none $c
	for want in "pending signals *100 *200" "cpu time *2 *3" "open files *70 *80"; do
		ok "rlimits, $mode: $want" grep -q "$want" "$work/out"
	done
done
bundle 'p["args"] = ["true"]' 'c["hooks"] = {"poststart": [{"path": "sh"}]}'
t "a hook's path is absolute" 1 $off run $c
err "hooks.poststart[0].path"

# --- the process ----------------------------------------------------------------------------------

bundle "$(args 'cat /proc/self/oom_score_adj; nice; umask; grep -E "^(Cap|Groups)" /proc/self/status')" \
	'p["oomScoreAdj"] = 321' 'p["scheduler"] = {"policy": "SCHED_BATCH", "nice": 3}' \
	'p["ioPriority"] = {"class": "IOPRIO_CLASS_BE", "priority": 6}' 'p["user"]["umask"] = 0o27' \
	'p["user"]["additionalGids"] = [5, 77]' \
	'p["capabilities"] = {k: ["CAP_KILL"] for k in ("effective", "permitted")}' \
	'p["capabilities"]["bounding"] = ["CAP_KILL", "CAP_NO_SUCH"]'
copy_program "$b/rootfs" "$(type -P nice)"
for mode in off record; do
	t "oom score, nice, umask, groups, capabilities, $mode" 0 ${!mode} run --trace none $c
	out 321
	out 3
	out 0027
	out "5 77"
	out "CapPrm:	0000000000000020"
	out "CapBnd:	0000000000000020"
	out "CapInh:	0000000000000000"
	out "CapAmb:	0000000000000000"
	err 'unknown capability "CAP_NO_SUCH"'
done
bundle "$(args 'grep -E "^(NoNewPrivs|Seccomp)" /proc/self/status')" 'rule("SCMP_ACT_ERRNO", "mkdir")'
for mode in off record; do
	t "what a process reads of itself, $mode" 0 ${!mode} run --trace none $c
	out "NoNewPrivs:	1"
	out "Seccomp:	2"
	out "Seccomp_filters:	1"
done
bundle 'p["args"] = ["grep", "CapAmb", "/proc/self/status"]' \
	'p["capabilities"]["inheritable"] = ["CAP_KILL"]' 'p["capabilities"]["ambient"] = ["CAP_KILL", "CAP_CHOWN"]'
t "an ambient capability that can't be raised" 0 $off run $c
out "CapAmb:	0000000000000020"
err "can't raise ambient capability CAP_CHOWN: operation not permitted"
bundle 'p["args"] = ["grep", "CapAmb", "/proc/self/status"]' \
	'p["capabilities"]["inheritable"] = []' 'p["capabilities"]["ambient"] = ["CAP_KILL"]'
t "ambient ones, and none inheritable" 0 $off run $c
out "CapAmb:	0000000000000000"
ok "nothing is said" test ! -s "$work/err"
bundle "$(args 'uname -m; cat /proc/self/personality')" 'l["personality"] = {"domain": "LINUX32"}'
t "personality, off" 0 $off run $c
out i686
out 00000008
t "personality, record" 0 $record run --trace none $c
out i686
bundle "$(args 'cat /proc/self/timens_offsets')" 'l["namespaces"].append({"type": "time"})' \
	'l["timeOffsets"] = {"monotonic": {"secs": 111}, "boottime": {"secs": 222, "nanosecs": 333}}'
for mode in off record; do
	t "time offsets, $mode" 0 ${!mode} run --trace none $c
	ok "monotonic, $mode" grep -Eq 'monotonic +111 +0' "$work/out"
	ok "boottime, $mode" grep -Eq 'boottime +222 +333' "$work/out"
done
bundle "$(args 'cat /proc/uptime')" 'l["namespaces"].append({"type": "time"})' \
	'l["timeOffsets"] = {"boottime": {"secs": 50000}}'
t "the virtual clock has an offset" 0 $record run --trace none $c
out "50100."
bundle 'p["args"] = ["true"]' 'l["namespaces"].append({"type": "time"})' \
	'l["timeOffsets"] = {"boottime": {"secs": -1}}'
t "but none below zero" 1 $record run --trace none $c
err linux.timeOffsets
bundle 'p["args"] = ["true"]' 'l["namespaces"].append({"type": "time"})'
t "a time namespace under the supervisor" 0 $record run --trace none $c
bundle 'p["args"] = ["cat", "/proc/sys/net/ipv4/ip_forward"]' 'l["sysctl"] = {"net.ipv4.ip_forward": "1"}'
for mode in off record; do
	t "sysctl, $mode" 0 ${!mode} run --trace none $c
	ok "is set, $mode" grep -qx 1 "$work/out"
done
# an exec that gains capabilities gets random addresses
bundle "$(args 'cat /proc/self/maps; grep Cap /proc/self/status')" \
	'p["capabilities"] = {"permitted": ["CAP_KILL"], "effective": ["CAP_KILL"], "inheritable": ["CAP_CHOWN"], "bounding": ["CAP_KILL", "CAP_CHOWN"]}'
t "less permitted than bounded" 0 $record run --trace "$work/g1" $c
out "CapPrm:	0000000000000020"
t "again" 0 $record run --trace "$work/g2" $c
ok "has the same addresses" cmp "$work/g1/checkpoint" "$work/g2/checkpoint"
cp "$b/rootfs/bin/cat" "$b/rootfs/bin/capcat"
if setcap cap_net_raw+ep "$b/rootfs/bin/capcat" 2>/dev/null; then
	bundle "$(args 'capcat /proc/self/maps')" 'p["user"] = {"uid": 7, "gid": 8}' \
		'p["capabilities"]["bounding"] = ["CAP_NET_RAW"]'
	t "a file's capabilities" 0 $record run --trace "$work/g3" $c
	t "again" 0 $record run --trace "$work/g4" $c
	ok "has the same addresses, too" cmp "$work/g3/checkpoint" "$work/g4/checkpoint"
fi
if ! grep -q Y /sys/module/apparmor/parameters/enabled 2>/dev/null; then
	bundle 'p["args"] = ["true"]' 'p["apparmorProfile"] = "x"'
	t "AppArmor that is not there" 1 $off run $c
	err "apparmor: config provided but apparmor not supported"
fi

bundle 'p["args"] = ["stat", "-c", "%a", "/m"]' 'l["mountLabel"] = "system_u:object_r:x_t:s0:c1,c2"' \
	'c["mounts"].append({"destination": "/m", "type": "tmpfs", "options": ["mode=\"0711\"", "size=1m"]})'
t "quoted options; a label without SELinux" 0 $off run $c
out 711

# --- interfaces -----------------------------------------------------------------------------------

if ip link add detrun-a type veth peer name detrun-b 2>/dev/null; then
	ip addr add 198.51.100.1/24 dev detrun-a
	ip addr add 2001:db8::1/64 dev detrun-a nodad
	copy_program "$b/rootfs" "$(type -P ip)"
	bundle 'p["args"] = ["ip", "addr", "show", "eth7"]' 'l["netDevices"] = {"detrun-a": {"name": "eth7"}}'
	t "an interface moves in" 0 $off run $c
	out "eth7"
	out "inet 198.51.100.1/24"
	out "inet6 2001:db8::1/64"
	out ",UP"
	ip link del detrun-b 2>/dev/null
	ip link add detrun-a type veth peer name detrun-b
	bundle 'p["args"] = ["sleep", "60"]' 'l["netDevices"] = {"detrun-a": {"name": "eth7"}}'
	t "create with an interface" 0 $off create $c
	t "start" 0 $off start $c
	t "exec beside it" 0 $off exec $c ip link show eth7
	out eth7
	$off delete -f $c
	ip link del detrun-b 2>/dev/null
	t "an interface that is not there" 1 $off run $c
	err "linux.netDevices: interface detrun-a"
	bundle 'p["args"] = ["true"]' 'l["netDevices"] = {"lo": {"name": "a/b"}}'
	t "a bad name" 1 $off run $c
	err "invalid name of an interface"
fi

# --- without privileges ---------------------------------------------------------------------------

if can_be_users; then
	u=$work/user54321/b
	mkdir -p "$u" && cp -a "$b/rootfs" "$u/rootfs"
	bundle "$(args 'cat /proc/self/oom_score_adj; mkdir /tmp/x || echo refused; cat /proc/self/timens_offsets')" \
		'rule("SCMP_ACT_ERRNO", "mkdir", "mkdirat")' 'p["oomScoreAdj"] = 500' \
		'p["noNewPrivileges"] = False' 'l["timeOffsets"] = {"boottime": {"secs": 5}}' \
		'l["namespaces"] += [{"type": "time"}, {"type": "user"}]' \
		'l["uidMappings"] = l["gidMappings"] = [{"containerID": 0, "hostID": 54321, "size": 1}]' \
		'del l["resources"]; c["mounts"] = [m for m in c["mounts"] if m["type"] in ("proc", "tmpfs")]' \
		'c["hooks"] = {"createRuntime": hook("exit 0"), "startContainer": hook("exit 0")}'
	cp config.json "$u/" && chown -R 54321:54321 "$work/user54321"
	for mode in off record; do
		t "rootless, $mode" 0 as one "$detrun" --determinism=$mode \
			--root "$work/user54321/state" run --trace none "$u/"
		out 500
		out refused
		ok "rootless: boottime, $mode" grep -Eq 'boottime +5 +0' "$work/out"
	done
fi

# --- the command line -----------------------------------------------------------------------------

t "features" 0 "$detrun" features
ok "features is JSON with what runc's has" python3 -c "
import json
f = json.load(open('$work/out'))
assert f['ociVersionMin'] == '1.0.0' and len(f['hooks']) == 6
l = f['linux']
assert l['seccomp']['enabled'] and 'SCMP_ACT_NOTIFY' in l['seccomp']['actions']
assert 'SCMP_ARCH_X86_64' in l['seccomp']['archs'] and len(l['seccomp']['operators']) == 7
assert l['cgroup']['v1'] and l['cgroup']['v2'] and 'rbind' in f['mountOptions']
assert 'CAP_SYS_ADMIN' in l['capabilities'] and 'time' in l['namespaces']"
t "checkpoint" 1 "$detrun" checkpoint $c
err "checkpoint is not supported"
t "a probe for checkpoint" 1 "$detrun" checkpoint --help
t "restore" 1 "$detrun" restore $c
err "restore is not supported"
for v in --version -v "--root $work/containers -v"; do
	t "version: $v" 0 "$detrun" $v
	ok "version: $v: is it" grep -q "^spec: 1[.]" "$work/out"
done
t "no version: an option that is none" 125 "$detrun" --nothing -v
t "version" 0 "$detrun" --version
ok "version as dockerd reads it" sh -c "head -1 '$work/out' | grep -Eq '^detrun version [0-9.]+$'"
out "commit: "
out "spec: 1."
t "help" 0 "$detrun" help
out "detrun - Open Container Initiative runtime"
t "help VERB" 0 "$detrun" help spec
out "detrun spec - write config.json"
ln -s "$detrun" "$work/other"
t "by another name" 0 "$work/other" spec -h
out "other spec [options]"
t "help of nothing" 125 "$detrun" help nothing
err 'no help topic for "nothing"'
t "neither verb nor program" 127 "$detrun" puase x
err 'exec: "puase": executable file not found in $PATH, and no verb of detrun'
t "and its help" 127 "$detrun" puase -h
err "No help topic for 'puase'"
t "flags of runc" 0 "$detrun" --root "$work/containers" --debug --criu x --systemd-cgroup --rootless auto list -q
t "a bad --rootless" 125 "$detrun" --rootless maybe list
err "true, false or auto"
t "a bad --log-format" 125 "$detrun" --log-format xml list
err "text or json"
t "a log that can't be opened" 1 "$detrun" --log /nowhere/log list
err "open log /nowhere/log"

log="$off --log $work/log --log-format json"
one_object() { python3 -c "
import json
j = json.load(open('$work/log'))
assert j['level'] == '$1' and '$2' in j['msg'] and sorted(j) == ['level', 'msg', 'time'], j"; }
bundle 'p["args"] = ["nothing"]' 'p["capabilities"]["bounding"].append("CAP_NO_SUCH")'
t "a failure with a warning" 1 $log create $c
err 'exec: "nothing": executable file not found in $PATH'
ok "is one JSON object" one_object error "executable file not found"
rm -f "$work/log"
bundle 'p["args"] = ["true"]' 'p["capabilities"]["bounding"].append("CAP_NO_SUCH")'
t "a warning" 0 $log run $c
ok "is one JSON object too" one_object warning CAP_NO_SUCH
ok "and nowhere else" test ! -s "$work/err"

ok "nothing is left" sh -c "test -z \"\$(ls $work/containers)\""
finish
