#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What config.json and `exec` declare shows in the canonical machine, the same each time.
. "$(dirname "$0")/lib.sh"
command -v python3 >/dev/null || { echo "# skipped: python3 is needed"; exit 0; }
[ "$(id -u)" = 0 ] || { echo "# skipped: root is needed"; exit 0; }
. "$top/tests/run/bundlelib.sh"
for p in grep kill; do copy_program "$b/rootfs" "$(type -P $p)"; done
record="$detrun --root $work/containers --determinism=record"

# Twice, with the same trace; a replay agrees.
twice() { # NAME STATUS [OPTION...]
	local what=$1 status=$2
	shift 2
	rm -rf "$work/1" "$work/2"
	t "$what" "$status" $record run "$@" --trace "$work/1" -b "$b" "c$$"
	cp "$work/out" "$work/first"
	t "$what, again" "$status" $record run "$@" --trace "$work/2" -b "$b" "c$$"
	ok "$what: the same trace" cmp "$work/1/checkpoint" "$work/2/checkpoint"
	t "$what: replay" 0 "$detrun" replay "$work/1"
	cp "$work/first" "$work/out"
}

# --- the host's namespaces ------------------------------------------------------------------------

sleep 600 & stranger=$!
bundle "sh('echo \$\$; kill -0 $stranger || echo unseen; ls -d /proc/[0-9]*')" "without('pid')"
twice "the host's processes are not there" 0
ok "it is process 1" test "$(head -1 "$work/out")" = 1
out unseen
ok "nor anybody in /proc but itself" test "$(grep -c /proc/ "$work/out")" = 1
bundle "sh('echo \$\$ /proc/self/fd/0')" "without('pid')" \
	"c['mounts'] = [x for x in c['mounts'] if x['type'] != 'proc']" \
	"m('/proc', 'none', '/proc', 'rbind', 'nosuid', 'nodev', 'noexec')"
twice "nor by a bind mount of /proc" 0
out "1 /proc/self/fd/0"
kill $stranger
bundle "sh('cat /etc/passwd')" "without('mount')" "l['maskedPaths'] = l['readonlyPaths'] = []" \
	"m('/mnt', 'tmpfs', 'tmpfs', 'mode=755')"
twice "mounts are the container's own" 0
ok "and not the host's" sh -c "! grep -q '$b' /proc/self/mountinfo"
# who joins what others made sees whose it is
unshare -n sleep 600 & stranger=$!
elsewhere() { [ "$(readlink "/proc/$stranger/ns/net")" != "$(readlink /proc/self/ns/net)" ]; }
await elsewhere
copy_program "$b/rootfs" "$(type -P readlink)"
bundle "sh('readlink /proc/self/ns/net /proc/self/ns/uts /proc/1/ns/net')" "without('network')" \
	"l['namespaces'].append({'type': 'network', 'path': '/proc/$stranger/ns/net'})" \
	"c['mounts'] = [x for x in c['mounts'] if x['type'] != 'sysfs']"
twice "a network that is joined" 0
ok "is the one" test "$(grep -cxF "$(readlink /proc/$stranger/ns/net)" "$work/out")" = 2
out "uts:[4026531838]"
t "but not in strict mode" 0 "$detrun" --root "$work/containers" run --determinism=strict --trace none -b "$b" "c$$"
ok "there it has its fixed number" test "$(grep -cxF "net:[4026531841]" "$work/out")" = 2
kill $stranger

# --- mounts, id maps ------------------------------------------------------------------------------

src=$work/src
mkdir -p "$src/sub" "$b/rootfs/mnt" "$b/rootfs/m2" && mount -t tmpfs -o nosuid,noatime x "$src" || exit 125
# not by a trap of ours: lib.sh has one
gone() { umount "$src" 2>/dev/null; }
info='cat /proc/self/mountinfo'
bundle "m('/mnt', 'bind', '$src', 'bind')" "m('/m2', 'tmpfs', 'tmpfs', 'noatime', 'suid')" \
	"sh('$info; grep /mnt /proc/mounts')"
twice "how the host mounted a volume" 0
has /mnt rw nosuid noatime !relatime
has /m2 noatime !nosuid
has / !nosuid relatime
out "/mnt overlay rw,nosuid,noatime 0 0"
mount -o remount,bind,relatime,suid "$src"
t "is in the trace: replay, mounted in another way" 0 "$detrun" replay "$work/1"
mount -o remount,bind,noatime "$src"
t "but not in strict mode" 0 "$detrun" --root "$work/containers" run --determinism=strict --trace none -b "$b" "c$$"
has /mnt rw relatime !noatime
bundle "m('/mnt', 'bind', '$src', 'bind', 'nodev', 'relatime')" "sh('$info')"
twice "as config.json says" 0
has /mnt rw nodev relatime !nosuid !noatime
ok "that is no input" sh -c "! '$detrun' trace show '$work/1' | grep -q input"
gone
bundle "l['rootfsPropagation'] = 'shared'" "m('/m2', 'tmpfs', 'tmpfs', 'shared')" "sh('$info')"
twice "what is shared" 0
has / shared
has /m2 shared
has /proc !shared
bundle "sh('$info')"
twice "what is not" 0
has / !shared
cp "$(type -P id)" "$b/rootfs/bin/suid-id" && chmod 6755 "$b/rootfs/bin/suid-id"
bundle "sh('suid-id -u; suid-id -g')" "p['user'] = {'uid': 1234, 'gid': 1235}" "p['noNewPrivileges'] = False"
twice "nothing is suid" 0
ok "its user stays" test "$(tr '\n' ' ' <"$work/out")" = "1234 1235 "
rm "$b/rootfs/bin/suid-id"
bundle "sh('cat /proc/self/uid_map /proc/self/gid_map')"
twice "no user namespace" 0
out "         0          0 4294967295"
bundle "sh('cat /proc/self/uid_map /proc/self/gid_map')" "user()"
twice "ids of a user namespace" 0
ok "as they are" test "$(grep -c '^ *0 *100000 *65536$' "$work/out")" = 2
bundle "sh('cat /proc/self/uid_map /proc/self/gid_map')" "user(200000)"
t "replay where they are others" 0 "$detrun" replay "$work/1"
t "strict: without the host's" 0 "$detrun" --root "$work/containers" run --determinism=strict --trace none -b "$b" "c$$"
out "         0          0 4294967295"
bundle "sh('id -G; grep Groups /proc/self/status')" "p['user']['additionalGids'] = [7]" \
	"c['annotations'] = {'run.oci.keep_original_groups': '1'}"
cp "$b/config.json" "$work/keep.json"
with_groups() { # N...: the rest as with these groups
	python3 -c 'import os, sys; os.setgroups(eval(sys.argv[1])); os.execv(sys.argv[2], sys.argv[2:])' "$@"
}
plain=$record
record="with_groups [3,4] $plain"
twice "the caller's groups" 0
out "0 3 4"
ok "are seen" grep -q "^Groups:.3 4 *$" "$work/out"
record=$plain
t "are inputs" 0 with_groups [3] $record run --trace "$work/3" -b "$b" "c$$"
ok "of which others make another trace" sh -c "! cmp -s '$work/1/header.json' '$work/3/header.json'"
t "but not in strict mode" 0 with_groups [3,4] "$detrun" --root "$work/containers" run --determinism=strict --trace none -b "$b" "c$$"
out "0 7"

# --- cgroups --------------------------------------------------------------------------------------

cat >"$work/limits" <<-'L'
	cd /sys/fs/cgroup
	for f in cgroup.controllers cpu.max cpu.weight cpuset.cpus.effective memory.max memory.low \
		memory.swap.max memory.high pids.max cpu/cpu.cfs_quota_us memory/memory.limit_in_bytes \
		memory/memory.soft_limit_in_bytes memory/memory.oom_control cpuset/cpuset.mems \
		cpu.idle cpu.max.burst io.weight blkio/blkio.weight pids/pids.max; do
		echo $f: $(cat $f)
	done
	stat -f -c %t .
	sleep 1 & echo procs $(cat cgroup.procs) tasks $(cat pids/tasks) now $(cat pids.current); wait
	for d in */; do [ -L ${d%/} ] || echo a cgroup $d; done
	cat /proc/self/cgroup /proc/self/mountinfo
	mkdir x || ls memory.current || echo nothing else
L
has_lines() { while read -r l; do grep -qxF -- "$l" "$work/out" || { echo "no $l"; return 1; }; done; }
bundle "sh(open('$work/limits').read())" "l['resources']['pids'] = {'limit': 77}" "user()" \
	"l['resources']['memory'] = {'limit': 67108864, 'reservation': 1048576, 'swap': 67108864,
		'disableOOMKiller': True}" "l['resources']['blockIO'] = {'weight': 500}" \
	"l['resources']['cpu'] = {'quota': 50000, 'period': 200000, 'shares': 512,
		'mems': '0', 'burst': 1000}"
twice "limits" 0
ok "are those of config.json" has_lines <<-'L'
	cgroup.controllers: cpuset cpu io memory pids
	cpu.max: 50000 200000
	cpuset.cpus.effective: 0
	memory.max: 67108864
	memory.low: 1048576
	memory.swap.max: 0
	memory.high: max
	pids.max: 77
	cpu/cpu.cfs_quota_us: 50000
	memory/memory.limit_in_bytes: 67108864
	memory/memory.soft_limit_in_bytes: 1048576
	memory/memory.oom_control: oom_kill_disable 1 under_oom 0 oom_kill 0
	cpuset/cpuset.mems: 0
	cpu.idle: 0
	cpu.max.burst: 1000
	io.weight: default 4950
	blkio/blkio.weight: 500
	pids/pids.max: 77
	63677270
	0::/
	nothing else
L
ok "who is there" grep -Eqx 'procs 1 [0-9]+ [0-9]+ tasks 1 [0-9]+ [0-9]+ now 3' "$work/out"
bundle "sh(open('$work/limits').read())"
twice "no limits" 0
ok "are the maximum" has_lines <<-'L'
	cpu.max: max 100000
	cpu.weight: 100
	memory.max: max
	memory.low: 0
	memory.swap.max: max
	pids.max: max
	cpu/cpu.cfs_quota_us: -1
	memory/memory.limit_in_bytes: 9223372036854771712
	memory/memory.soft_limit_in_bytes: 9223372036854771712
	memory/memory.oom_control: oom_kill_disable 0 under_oom 0 oom_kill 0
	cpuset/cpuset.mems:
	io.weight: default 100
L
ok "there is one cgroup" sh -c "! grep '^a cgroup' '$work/out'"
has /sys/fs/cgroup ro
out " - cgroup2 cgroup2 rw"

# Those that it may make are its own as well.
for p in mkdir rmdir rm ln; do copy_program "$b/rootfs" "$(type -P $p)"; done
cat >"$work/nest" <<-'L'
	cd /sys/fs/cgroup
	mkdir a a/b && echo made $(cat a/cgroup.type) $(cat a/memory.max) $(cat a/cgroup.procs)
	echo $$ >a/b/cgroup.procs
	echo "moved $(cat /proc/self/cgroup) $(cat a/cgroup.events)"
	echo "members $(cat a/b/cgroup.procs | grep -cx $$) $(cat cgroup.procs | grep -cx $$)"
	rmdir a/b 2>/dev/null || echo busy b
	rmdir a 2>/dev/null || echo busy a
	echo +pids +memory >cgroup.subtree_control && echo controllers $(cat a/cgroup.controllers)
	echo -memory >cgroup.subtree_control && echo fewer $(cat a/cgroup.controllers)
	(echo +cpu >a/cgroup.subtree_control) 2>/dev/null || echo not handed on
	echo 1000 >a/pids.max && echo 9 >a/pids.max && echo limit $(cat a/pids.max)
	(echo 1 >a/cgroup.events) 2>/dev/null || echo only read
	(echo 1 >a/cgroup.threads) 2>/dev/null || echo no threads
	(echo 9999 >a/cgroup.procs) 2>/dev/null || echo nobody
	rm a/cgroup.events && ln -s /bin/target a/cgroup.events
	echo 0 >cgroup.procs && echo "back $(cat /proc/self/cgroup) $(cat a/b/cgroup.events)"
	echo "kept $(cat /bin/target)"
	rm a/cgroup.events
	rmdir a/b && rmdir a && echo gone
	(cat a/cgroup.procs) 2>/dev/null || echo no more
L
echo mine >"$b/rootfs/bin/target"
for how in "next(m for m in c['mounts'] if m['type'] == 'cgroup')['options'].remove('ro')" \
	"c['mounts'].append({'destination': '/sys/fs/cgroup/systemd', 'type': 'bind', 'source':
		'$work/bundle/rootfs/srv', 'options': ['bind']})"; do
	bundle "sh(open('$work/nest').read())" "$how"
	twice "cgroups inside" 0
	ok "are made, joined and removed" has_lines <<-'L'
		made domain max
		moved 0::/a/b populated 1
		frozen 0
		members 1 0
		busy b
		busy a
		controllers memory pids
		fewer pids
		not handed on
		limit 9
		only read
		no threads
		nobody
		back 0::/ populated 0
		kept mine
		gone
		no more
	L
	t "in strict mode, too" 0 "$detrun" --root "$work/containers" run --determinism=strict \
		--trace none -b "$b" "c$$"
	out "moved 0::/a/b"
done

# --- a time namespace -----------------------------------------------------------------------------

up() { # ID: the bundle's container, waiting
	t "$1: create" 0 $record create --trace "$work/tr-$1" -b "$b" "$1"
	t "$1: start" 0 $record start "$1"
}
down() { $record delete -f "$1"; }
bundle "sh('cd /sys/fs/cgroup; mkdir a; echo 1 >a/cgroup.procs; echo +pids >cgroup.subtree_control; exec sleep 1000')" \
	"next(m for m in c['mounts'] if m['type'] == 'cgroup')['options'].remove('ro')"
up v9
moved() { $record exec v9 grep -q pids /sys/fs/cgroup/cgroup.subtree_control; }
ok "it has handed controllers on" await moved
t "who is added is where the first process is" 0 $record exec v9 cat /proc/self/cgroup
out "0::/a"
down v9
t "a replay agrees" 0 "$detrun" replay "$work/tr-v9"
bundle "p['args'] = ['sleep', '1000']" "l['namespaces'].append({'type': 'time'})" \
	"l['timeOffsets'] = {'monotonic': {'secs': 7881, 'nanosecs': 2718281}, 'boottime': {'secs': 1337}}"
up v0
pid=$($record state v0 | sed -n 's/.*"pid": \([0-9]*\).*/\1/p')
bundle "sh('cat /proc/self/timens_offsets /proc/uptime')" \
	"l['namespaces'].append({'type': 'time', 'path': '/proc/$pid/ns/time'})"
twice "another container's time namespace" 0
ok "has its offsets" test "$(tr -s ' \n' ' ' <"$work/out")" = "monotonic 7881 2718281 boottime 1337 0 1437.00 1293.30 "
down v0

# --- more than one would read ---------------------------------------------------------------------

mkdir -p "$work/much/a" "$b/rootfs/much"
truncate -s 2000000000 "$work/much/a/huge" && echo little >"$work/much/b"
bundle "m('//much/', 'bind', '$work/much', 'bind')" "sh('cat /much/b; echo x >/much/new-\$(date +%s)')"
copy_program "$b/rootfs" "$(type -P date)"
t "a volume with a huge file" 0 $record run --trace "$work/m1" -b "$b" "c$$"
out little
ok "which is only listed" grep -q '^./much/a/huge .*size=2000000000$' "$work/m1/rootfs.in.mtree"
ok "as after the run" grep -q '^./much/a/huge .*size=2000000000$' "$work/m1/rootfs.out.mtree"
ok "unlike others" grep -q '^./much/b .* sha256=' "$work/m1/rootfs.in.mtree"
ok "and what was written" grep -q '^./much/new-.* sha256=' "$work/m1/rootfs.out.mtree"
t "the trace says so" 0 "$detrun" trace nondet "$work/m1"
out "only names and sizes"
t "and verifies" 0 "$detrun" verify --deep "$work/m1"
rm "$work"/much/new-*
t "and is replayed" 0 "$detrun" replay "$work/m1"

mkdir "$work/many" "$work/many/0" "$work/many/1" "$b/rootfs/many"
(cd "$work/many/0" && seq 100000 | xargs touch) && touch "$work/many/1/in"
bundle "m('/many', 'bind', '$work/many', 'bind')" "sh('cd /many && mkdir 2 && cat 1/in && echo x >2/new')"
t "a volume of very many files" 0 $record run --trace "$work/m2" -b "$b" "c$$"
ok "of some directories only the name" grep -q '^./many/1 ' "$work/m2/rootfs.in.mtree"
ok "is listed" eval '! grep -q "^./many/1/in " "$work/m2/rootfs.in.mtree"'
ok "unlike what was written" grep -q '^./many/2/new .* sha256=' "$work/m2/rootfs.out.mtree"
t "the trace says that, too" 0 "$detrun" trace nondet "$work/m2"
out "too many files to be listed"
rm -r "$work/many/2"
t "it is replayed" 0 "$detrun" replay "$work/m2"
rm -r "$work/many"

# --- a program that can't be executed -------------------------------------------------------------

printf '#!/no/such/interpreter\n' >"$b/rootfs/bin/orphan" && chmod 755 "$b/rootfs/bin/orphan"
printf garbage >"$b/rootfs/bin/garbage" && chmod 755 "$b/rootfs/bin/garbage"
gone() { "$detrun" --root "$work/containers" state "c$$" | grep -q '"stopped"'; }
no_program() { # its name, what is said of it
	bundle "p['args'] = ['/bin/$1']"
	for mode in off record; do
		t "$1, $mode" 255 "$detrun" --root "$work/containers" --determinism=$mode run -b "$b" "c$$"
		ok "says so, and nothing else, $mode" test "$(cat "$work/err")" = "exec /bin/$1: $2"
		"$detrun" --root "$work/containers" --determinism=$mode create -b "$b" "c$$" >"$work/log" 2>&1 </dev/null
		t "$1: start, $mode" 0 "$detrun" --root "$work/containers" start "c$$"
		ok "$1: stopped, $mode" await gone
		ok "$1: said in its log, $mode" test "$(cat "$work/log")" = "exec /bin/$1: $2"
		"$detrun" --root "$work/containers" delete "c$$"
	done
}
no_program orphan 'no such file or directory'
no_program garbage 'exec format error'
mkdir "$work/garbage"
t "garbage, for a trace" 255 "$detrun" --root "$work/containers" run --trace "$work/garbage" -b "$b" "c$$"
t "garbage: verified" 0 "$detrun" verify --deep "$work/garbage"

# --- how much of /proc config.json asks for -------------------------------------------------------

bundle "next(x for x in c['mounts'] if x['destination'] == '/proc')['options'] = ['nosuid', 'hidepid=2', 'subset=pid']" \
	"sh('grep \" /proc \" /proc/self/mountinfo /proc/self/mounts; cat /proc/meminfo')"
twice "a part of /proc" 1
out "- proc proc rw,hidepid=invisible,subset=pid"
out "/proc/self/mounts:proc /proc proc rw,nosuid,relatime,hidepid=invisible,subset=pid 0 0"

# --- interfaces, and the options of what is mounted where something would be in any case ----------

bundle "sh('cd /sys/class/net && echo * && cat lo/operstate lo/mtu; grep /run /proc/mounts')" \
	"c['mounts'].append({'destination': '/run', 'type': 'tmpfs', 'source': 'x', 'options': ['mode=751']})"
twice "a network of its own" 0
ok "has lo; /run has its mode" test "$(tr '\n' ' ' <"$work/out")" = \
	"lo unknown 65536 tmpfs /run tmpfs rw,relatime,mode=751 0 0 "
mkdir "$b/rootfs/s" "$b/rootfs/p"
bundle "sh('stat -f -c \"%b %f\" /s /dev/shm; stat -f -c %b /p; grep \" /[ps] \" /proc/mounts; exec 3</s; stat -Lf -c %b /proc/self/fd/3')" \
	"c['mounts'].append({'destination': '/s', 'type': 'tmpfs', 'source': 'x', 'options': ['size=1m']})" \
	"c['mounts'].append({'destination': '/p', 'type': 'tmpfs', 'source': 'x', 'options': ['size=3%']})"
twice "tmpfs of a size" 0
ok "has it; a part of the host's memory is not told" test "$(tr '\n' ' ' <"$work/out")" = \
	"256 256 16384 16384 16777216 tmpfs /p tmpfs rw,relatime,mode=755 0 0 tmpfs /s tmpfs rw,relatime,mode=755,size=1024k 0 0 256 "
bundle "sh('cd /sys/class/net')" "l['namespaces'] = [n for n in l['namespaces'] if n['type'] != 'network']"
t "of the host's nothing is told" 2 "$detrun" --root "$work/containers" run --trace=none -b "$b" "c$$"

# --- CPUs, scheduling, priorities -----------------------------------------------------------------

copy_program "$b/rootfs" "$(type -P chrt)"
copy_program "$b/rootfs" "$(type -P ionice)"
cpus="grep Cpus_allowed_list /proc/self/status; nproc; cat /sys/devices/system/cpu/online"
bundle "sh('$cpus')"
twice "one CPU" 0
ok "has number 0" test "$(tr -s ' \t\n' ' ' <"$work/out")" = "Cpus_allowed_list: 0 1 0 "
bundle "sh('$cpus')"
twice "as many as --cpus says" 0 --cpus 3
ok "are three" test "$(tr -s ' \t\n' ' ' <"$work/out")" = "Cpus_allowed_list: 0-2 3 0-2 "
if [ "$(nproc)" -gt 1 ]; then
	bundle "sh('$cpus')" "l['resources']['cpu'] = {'cpus': '0-1'}"
	twice "the CPUs that config.json names" 0
	ok "are two" test "$(tr -s ' \t\n' ' ' <"$work/out")" = "Cpus_allowed_list: 0-1 2 0-1 "
	bundle "sh('$cpus')" "l['resources']['cpu'] = {'cpus': '1'}"
	twice "one of two" 0
	ok "is the second" test "$(tr -s ' \t\n' ' ' <"$work/out")" = "Cpus_allowed_list: 1 1 0-1 "
	bundle "p['args'] = ['sleep', '1000']" "p['execCPUAffinity'] = {'initial': '0', 'final': '1'}" \
		"p['scheduler'] = {'policy': 'SCHED_BATCH'}" \
		"p['ioPriority'] = {'class': 'IOPRIO_CLASS_BE', 'priority': 4}"
	up v1
	t "exec on its CPUs" 0 $record exec v1 sh -c "$cpus"
	ok "is on the second" test "$(tr -s ' \t\n' ' ' <"$work/out")" = "Cpus_allowed_list: 1 1 0-1 "
	t "exec: scheduler, I/O priority" 0 $record exec v1 sh -c 'chrt -p $$; ionice'
	out SCHED_BATCH
	out "best-effort: prio 4"
	echo '{"args":["sh","-c","chrt -p $$; ionice"],"cwd":"/","env":["PATH=/bin"],
		"ioPriority":{"class":"IOPRIO_CLASS_IDLE"},"scheduler":{"policy":"SCHED_IDLE"}}' >"$work/p.json"
	t "exec: its own" 0 $record exec --process "$work/p.json" v1
	out SCHED_IDLE
	out idle
	down v1
	t "replay of what was added" 0 "$detrun" replay "$work/tr-v1"
else
	echo "# skipped: a second CPU is needed"
fi
bundle "sh('true')" "l['resources']['cpu'] = {'cpus': '0'}" \
	"p['scheduler'] = {'policy': 'SCHED_DEADLINE', 'runtime': 42000, 'deadline': 1000000, 'period': 1000000}"
t "a deadline on some CPUs" 1 $record run -b "$b" "c$$"
err "process scheduler can't be used together with AllowedCPUs"

# --- limits and capabilities ----------------------------------------------------------------------

limits="sed -n '/^Max \(cpu\|file size\|processes\|msgqueue\)/s/  */ /gp' /proc/self/limits; grep Cap /proc/self/status"
copy_program "$b/rootfs" "$(type -P sed)"
bundle "p['args'] = ['sleep', '1000']" \
	"p['rlimits'] = [{'type': 'RLIMIT_NPROC', 'soft': 10, 'hard': 20}, {'type': 'RLIMIT_FSIZE', 'soft': 9999, 'hard': 9999}]" \
	"p['capabilities'] = {k: ['CAP_KILL'] for k in ('bounding', 'effective', 'permitted')}"
up v2
t "exec: the container's limits" 0 $record exec v2 sh -c "$limits"
out "Max file size 9999 9999 bytes"
out "Max processes 10 20 processes"
echo '{"args":["sh","-c","sed -n s/\\ \\ */\\ /gp /proc/self/limits; grep Cap /proc/self/status"],"cwd":"/",
	"env":["PATH=/bin"],"rlimits":[{"type":"RLIMIT_CPU","soft":7,"hard":8},{"type":"RLIMIT_NPROC","soft":5,"hard":6}],
	"capabilities":{"bounding":["CAP_KILL","CAP_CHOWN"],"effective":["CAP_KILL"],"permitted":["CAP_KILL"]}}' \
	>"$work/p.json"
t "exec: limits of its own" 0 $record exec --process "$work/p.json" v2
out "Max cpu time 7 8 seconds"
out "Max processes 5 6 processes"
ok "exec: capabilities of its own" grep -q "CapBnd:.*21$" "$work/out"
t "exec: a capability more" 0 $record exec --cap CAP_SYS_NICE v2 sh -c "grep Cap /proc/self/status"
ok "exec: it has it" grep -q "CapPrm:.*800020$" "$work/out"
down v2
t "replay of their limits" 0 "$detrun" replay "$work/tr-v2"

if ${CC:-cc} -O1 -w -static -D_GNU_SOURCE -o "$b/rootfs/bin/shown" "$top/tests/guest/caps_shown.c" 2>"$work/cc.log"; then
	bundle "p['args'] = ['shown']" \
		"p['capabilities'] = {'bounding': ['CAP_KILL', 'CAP_CHOWN'], 'inheritable': ['CAP_KILL', 'CAP_CHOWN'], 'permitted': ['CAP_CHOWN'], 'effective': ['CAP_CHOWN']}"
	twice "what can only be inherited" 0
	ok "is the same by capget" sh -c "[ \"\$(sort -u '$work/out' | tr -d '\n\t')\" = \
		'capget 0000000000000000 status 0000000000000000capget 0000000000000021 status 0000000000000021' ]"
else
	echo "# skipped: no C compiler"
fi

finish
