#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A container's cgroup and what is done by it, with the cgroups that this machine has, and in a
# mount namespace of its own with version 1 or version 2 alone.
[ "$(id -u)" = 0 ] || { echo "# skipped: root is needed"; echo "0 passed, 0 failed"; exit 0; }
command -v python3 >/dev/null || { echo "# skipped: python3 is needed"; echo "0 passed, 0 failed"; exit 0; }
top=/sys/fs/cgroup
if [ -z "${CGROUP_VIEW:-}" ]; then
	p=0 f=0 views=own
	if [ "$(stat -fc %T $top 2>/dev/null)" = tmpfs ] && [ -d $top/unified ]; then views="own v1 v2"; fi
	for CGROUP_VIEW in $views; do
		export CGROUP_VIEW
		echo "# cgroups: $CGROUP_VIEW"
		said=$(unshare -m bash "$0" "$@")
		code=$?
		echo "$said"
		read -r a b < <(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' <<<"$said")
		p=$((p + ${a:-0})) f=$((f + ${b:-0}))
		[ $code = 0 ] || [ "${b:-0}" != 0 ] || f=$((f + 1))
	done
	echo "$p passed, $f failed"
	[ $f = 0 ]
	exit
fi
case $CGROUP_VIEW in
v1) umount $top/unified || exit 125 ;;
v2) umount $top/* 2>/dev/null; umount $top && mount -t cgroup2 none $top || exit 125 ;;
esac
. "$(dirname "$0")/lib.sh"
. "$top/tests/run/bundlelib.sh"
cg=/sys/fs/cgroup
[ -w $cg ] || { echo "# skipped: no writable cgroups"; finish; exit; }
v2=; [ "$(stat -fc %T $cg)" = cgroup2fs ] && v2=1
for x in grep kill dd cp mkdir wc; do copy_program "$b/rootfs" "$(type -P $x)"; done
id=dt$$
off="$detrun --root $work/containers --determinism=off"
record="$detrun --root $work/containers --determinism=record"

# The container's directory of a controller, as the kernel tells it of a process in it.
dir() { # CONTROLLER PID
	local line
	if [ -n "$v2" ]; then
		line=$(grep ^0:: "/proc/$2/cgroup") && echo "$cg${line#0::}"
	else
		line=$(grep -E "^[0-9]+:([^:]*,)?$1(,[^:]*)?:" "/proc/$2/cgroup") &&
			echo "$cg/$1${line#*:*:}"
	fi
}
mounted() { if [ -n "$v2" ]; then grep -qw "$1" $cg/cgroup.controllers; else [ -d "$cg/$1" ]; fi; }
pid() { $off state "$1" | python3 -c 'import json,sys; print(json.load(sys.stdin)["pid"])'; }
is() { $off state "$1" | grep -q "\"status\": \"$2\""; }
value() { [ "$(cat "$1")" = "$2" ]; }
dead() { ! grep '^State:' "/proc/$1/status" 2>/dev/null | grep -v Z; }
left() { # nothing of it is there
	! find $cg -maxdepth 6 -type d -name "$1" 2>/dev/null | grep .
}
wait_for() { wait "$1"; }
stop() { $off delete --force "$1" >/dev/null 2>&1; }
begin() { # NAME MODE ID
	t "$1" 0 ${!2} create --trace none -b "$b" "$3"
	$off start "$3" || miss "$1" "does not start"
}
spin='sh("while :; do :; done")'

# --- making, joining, removing --------------------------------------------------------------------

for mode in off record; do
	bundle "$spin" "l['cgroupsPath'] = '/$id/deep/c'"
	begin "an absolute path, $mode" $mode $id
	p=$(pid $id)
	d=$(dir freezer "$p")
	h=$cg; [ -n "$v2" ] || h=$cg/freezer
	ok "it is there, $mode" test "$d" = "$h/$id/deep/c"
	ok "the process is in all hierarchies, $mode" test "$(grep -c ":/$id/deep/c$" "/proc/$p/cgroup")" = \
		"$(grep -c . <(ls -d $cg/*/$id/deep/c $cg/$id/deep/c 2>/dev/null))"
	t "ps, $mode" 0 $off ps -f json $id
	out "[$p]"
	t "a container in a cgroup with processes, $mode" 1 $off run -b "$b" ${id}b
	err "container's cgroup is not empty: 1 process(es) found"
	ok "which lives on, $mode" kill -0 "$p"
	mkdir "$d/sub"
	t "delete --force, $mode" 0 $off delete --force $id
	ok "nothing is left, $mode" left c
	ok "no process either, $mode" dead "$p"
done
find $cg -depth -type d -path "*/$id*" -exec rmdir {} + 2>/dev/null

bundle "$spin" "l['cgroupsPath'] = '/$id'"
for ((i = 0; i < 8; i++)); do
	{ $off create -b "$b" ${id}x$i </dev/null >/dev/null 2>&1 && echo made >"$work/made$i"; } &
done
wait
ok "of many with one cgroup one is made" test "$(cat "$work"/made? | wc -l)" = 1
ok "and lives" test "$($off list -q | grep -c "^${id}x")" = 1
for ((i = 0; i < 8; i++)); do stop ${id}x$i; done
ok "none is left" left $id

bundle "$spin"
begin "without a path" off $id
p=$(pid $id)
ok "it has the ID's name" test "$(basename "$(dir freezer "$p")")" = $id
t "as its process sees it" 0 $off exec $id cat /proc/self/cgroup
stop $id
bundle "$spin" "l['cgroupsPath'] = '../../../$id/../../$id'"
begin "a path that leads up" off $id
ok "leads nowhere else" test "$(basename "$(dir freezer "$(pid $id)")")" = $id
stop $id
bundle "sh('true')" "l['cgroupsPath'] = '/..'"
run "the root is no container's" 1
err "hierarchy's root"
bundle "sh('exit 3')"
run "run leaves none behind" 3
ok "really" left "c$$"
bundle "sh('true')" "p['args'] = ['/nothing']"
run "nor does one that fails" 1
ok "really not" left "c$$"
bundle "sh('cat /proc/self/cgroup')" "without('cgroup')"
t "disabled" 0 $off --cgroup-manager disabled run -b "$b" $id
ok "it stays where it was made" test "$(sort "$work/out")" = "$(sort /proc/self/cgroup)"
bundle "sh('true')" "l['resources'] = {'pids': {'limit': 5}}"
t "but not with limits" 1 $off --cgroup-manager disabled run -b "$b" $id
err "--cgroup-manager disabled"
t "a manager that is none" 1 $off --cgroup-manager x run -b "$b" $id
err "cgroupfs, systemd or disabled"

# --- freezing, killing ----------------------------------------------------------------------------

for mode in off record; do
	bundle "$spin"
	begin "one to be paused, $mode" $mode $id
	p=$(pid $id)
	t "resume of one that runs, $mode" 1 $off resume $id
	err "container not paused"
	t "pause, $mode" 0 $off pause $id
	ok "it is paused, $mode" is $id paused
	a=$(cut -d' ' -f14-15 "/proc/$p/stat")
	t "pause twice, $mode" 1 $off pause $id
	err "container not running"
	t "exec waits outside, $mode" 255 $off exec $id true
	err "cannot exec in a paused container (use --ignore-paused to override)"
	t "delete of a paused one, $mode" 1 $off delete $id
	err "that is not stopped: paused"
	ok "it has not run, $mode" test "$a" = "$(cut -d' ' -f14-15 "/proc/$p/stat")"
	t "resume, $mode" 0 $off resume $id
	ok "it runs, $mode" is $id running
	$off pause $id
	t "kill of a paused one, $mode" 0 $off kill $id KILL
	ok "it is dead, $mode" await is $id stopped
	t "ps of a dead one, $mode" 0 $off ps -f json $id
	out "[]"
	t "its delete, $mode" 0 $off delete $id
	begin "one more, $mode" $mode $id
	$off pause $id
	t "delete --force of a paused one, $mode" 0 $off delete --force $id
	ok "no trace of it, $mode" left $id
done
bundle 'sh("sleep 1000 & sleep 1000 & while :; do sleep 1000; done")'
begin "one with children" off $id
family() { [ "$($off ps -f json $id | grep -o , | wc -l)" -ge 2 ]; }
nobody() { [ "$($off ps -f json $id)" = '[]' ]; }
ok "ps sees them" await family
t "kill --all" 0 $off kill --all $id KILL
ok "all are dead" await nobody
stop $id
find $cg -type d -name "$id" -delete 2>/dev/null
f=$cg/freezer/$id; [ -z "$v2" ] || f=$cg/$id
mkdir -p $f
[ -n "$v2" ] || echo FROZEN >$f/freezer.state
[ -z "$v2" ] || echo 1 >$f/cgroup.freeze
bundle 'sh("true")' "l['cgroupsPath'] = '/$id'"
run "a frozen cgroup is refused" 1
err "container's cgroup unexpectedly frozen"
run "and still is" 1
[ -n "$v2" ] || echo THAWED >$f/freezer.state
[ -z "$v2" ] || echo 0 >$f/cgroup.freeze
run "a thawed one isn't" 0
rmdir $f 2>/dev/null

for mode in off record; do # by somebody else, where only a thaw lets it die
	[ -z "$v2" ] || break
	f=$cg/freezer/${id}frozen
	mkdir $f
	bundle "sh('(while :; do sleep 1; done) & while :; do sleep 1; done')" \
		"$([ $mode = off ] && echo "without('pid')")"
	begin "one that is frozen elsewhere, $mode" $mode $id
	p=$($off ps -f json $id | tr -dc '0-9,')
	for x in ${p//,/ }; do echo "$x" >$f/cgroup.procs; done
	echo FROZEN >$f/freezer.state
	t "its delete --force, $mode" 0 timeout 20 $off delete --force $id
	ok "nobody is frozen there, $mode" rmdir $f
	[ ! -d $f ] || { echo THAWED >$f/freezer.state; stop $id; rmdir $f; }
done

# --- a supervised one does not notice -------------------------------------------------------------

bundle "p['args'] = ['sh', '-c', 'i=0; while [ \$i -lt 100000 ]; do i=\$((i+1)); done; sleep 1; cat /proc/uptime']"
t "without a pause" 0 $detrun --root "$work/containers" run --trace "$work/quiet" -b "$b" $id
cp "$work/out" "$work/quiet.out"
$record create --trace "$work/paused" -b "$b" $id </dev/null >"$work/paused.out" 2>/dev/null
$record start $id
for x in 1 2 3; do # wherever it is by then
	$record pause $id 2>/dev/null || break
	[ -n "$v2" ] || $record update --pids-limit $((100 + x)) $id
	$record resume $id
done
ok "it ends after its pauses" await is $id stopped
$record delete $id
ok "the same output" cmp "$work/quiet.out" "$work/paused.out"
t "the same trace" 0 "$detrun" trace diff "$work/quiet" "$work/paused"
out "no difference"

# Frozen between a call and its look at it, a task makes the call again: no stop follows.
bundle "p['args'] = ['sh', '-c', 'i=0; while [ \$i -lt 30000 ]; do i=\$((i+1)); : </etc/passwd; done']"
begin "one that makes calls" record $id
f=$(dir freezer "$(pid $id)")
if [ -n "$v2" ]; then set -- "$f/cgroup.freeze" 1 0; else set -- "$f/freezer.state" FROZEN THAWED; fi
exec 9<> <(:)
for x in $(seq 2000); do
	echo $2 >"$1" && echo $3 >"$1" || break # it has ended, and its cgroup
	read -t 0.003 -u 9
done 2>/dev/null
exec 9>&-
ok "it ends, wherever it was frozen" await is $id stopped
$record delete $id

# The supervisor looks at who waits every second, also while they are frozen.
bundle "p['args'] = ['sleep', '1000']"
for net in own shared; do
	[ $net = own ] || bundle "p['args'] = ['sleep', '1000']" "without('network')"
	begin "an idle one, its network is $net" record $id
	for x in 1 2 3; do
		$record pause $id
		sleep 1.1
		$record resume $id
		t "it answers after pause $x, $net" 0 timeout "$limit" $record exec $id cat /dev/null
	done
	stop $id
done

# --- devices --------------------------------------------------------------------------------------

try='for d in null zero kmsg; do dd if=/dev/$d of=/dev/null bs=1 count=0 2>/dev/null && echo "reads $d"; (: >/dev/$d) 2>/dev/null && echo "writes $d"; done; true'
kmsg='[p["capabilities"][k].append("CAP_SYSLOG") for k in ("bounding", "effective", "permitted")]
l["devices"] = [{"path": "/dev/kmsg", "type": "c", "major": 1, "minor": 11}]'
devices() { echo "l['resources'] = {'devices': [{'allow': False, 'access': 'rwm'}, $1]}"; }
bundle "sh('''$try''')" "$kmsg" "$(devices '')"
run "standard devices alone" 0
for x in "reads null" "writes null" "reads zero" "writes zero"; do out "$x"; done
ok "no other" lacks kmsg
bundle "sh('''$try''')" "$kmsg" "$(devices '{"allow": True, "type": "c", "major": 1, "minor": 11, "access": "r"}')"
run "one to read" 0
out "reads kmsg"
ok "not to write" lacks "writes kmsg"
bundle "sh('''$try''')" "$kmsg" "$(devices '{"allow": True, "type": "c", "major": 1, "minor": 11, "access": "rw"}, {"allow": False, "type": "c", "major": 1, "minor": 11, "access": "w"}')"
run "a later rule wins" 0
out "reads kmsg"
ok "for what it says" lacks "writes kmsg"
bundle "sh('''$try''')" "$kmsg" "$(devices '{"allow": True, "access": "rwm"}')"
run "all of them" 0
out "writes kmsg"

# --- limits ---------------------------------------------------------------------------------------

all() { for c; do mounted "$c" || return; done; }
if [ -z "$v2" ] && all memory cpu cpuset pids; then
	bundle "$spin" "l['resources'] = {'memory': {'limit': 67108864, 'reservation': 33554432,
		'swap': 134217728, 'swappiness': 40}, 'cpu': {'shares': 512, 'quota': 50000,
		'period': 100000, 'cpus': '0', 'mems': '0'}, 'pids': {'limit': 77}}"
	for mode in off record; do
		begin "limits, $mode" $mode $id
		p=$(pid $id)
		m=$(dir memory "$p") c=$(dir cpu "$p") s=$(dir cpuset "$p") n=$(dir pids "$p")
		ok "memory, $mode" value "$m/memory.limit_in_bytes" 67108864
		ok "soft, $mode" value "$m/memory.soft_limit_in_bytes" 33554432
		ok "swap, $mode" value "$m/memory.memsw.limit_in_bytes" 134217728
		ok "swappiness, $mode" value "$m/memory.swappiness" 40
		ok "shares, $mode" value "$c/cpu.shares" 512
		ok "quota, $mode" value "$c/cpu.cfs_quota_us" 50000
		ok "cpus, $mode" value "$s/cpuset.cpus" 0
		ok "pids, $mode" value "$n/pids.max" 77
		t "update, $mode" 0 $off update $id --memory 32m --memory-swap 48M --pids-limit -1 --cpu-share 600
		ok "memory changed, $mode" value "$m/memory.limit_in_bytes" 33554432
		ok "swap changed, $mode" value "$m/memory.memsw.limit_in_bytes" 50331648
		ok "pids freed, $mode" value "$n/pids.max" max
		ok "shares changed, $mode" value "$c/cpu.shares" 600
		ok "the rest is as it was, $mode" value "$c/cpu.cfs_quota_us" 50000
		echo '{"memory": {"limit": 134217728, "swap": -1}, "pids": {"limit": 0}}' >"$work/r.json"
		t "update by a file, $mode" 0 $off update -r "$work/r.json" $id
		ok "memory grew, $mode" value "$m/memory.limit_in_bytes" 134217728
		ok "zero is a limit, $mode" value "$n/pids.max" 1
		t "update without one, $mode" 0 $off update --memory 128m $id
		ok "is no change, $mode" value "$n/pids.max" 1
		t "too little memory, $mode" 1 $off update --memory 4096 $id
		err "unable to set memory limit to 4096 (current usage: "
		t "statistics, $mode" 0 $off events --stats $id
		out '{"type":"stats","id":"'$id'","data":{'
		ok "they are JSON, $mode" python3 -c 'import json,sys; d = json.load(open(sys.argv[1]))["data"]
assert d["memory"]["usage"]["limit"] == 134217728 and d["pids"]["current"] >= 1
assert d["cpu"]["usage"]["total"] > 0 and d["cpuset"]["cpus"] == [0]' "$work/out"
		stop $id
	done
	for x in "--memory 1q" "--memory -2" "--cpu-share x" "--resources /nothing"; do
		begin "one more" off $id
		t "update $x" 1 $off update $x $id
		stop $id
	done
	t "update of nobody" 1 $off update --memory 1m nobody
	err "container does not exist"
	bundle 'sh("x=0123456789; while :; do x=$x$x; done")' \
		"l['resources'] = {'memory': {'limit': 16777216, 'swap': 16777216}}"
	$off create -b "$b" $id </dev/null >/dev/null 2>&1
	$off events $id >"$work/events" 2>&1 &
	watcher=$!
	watches() { ls -l "/proc/$watcher/fd" | grep -q eventfd; }
	ok "events looks" await watches
	$off start $id
	t "out of memory" 0 wait_for $watcher
	ok "it is told" grep -q '{"type":"oom","id":"'$id'"}' "$work/events"
	stop $id
	bundle 'sh("true")' "l['resources'] = {'unified': {'memory.max': '5'}}"
	run "unified on v1" 1
	err "invalid configuration: cannot use unified on cgroup v1"
fi
if mounted memory; then
	dd if=/dev/zero of="$b/rootfs/large" bs=1M count=100 status=none
	for how in 'dd if=/dev/zero of=/t/x bs=1M count=100' 'cp /large /t/x' \
		'ulimit -f 1000000; dd if=/dev/zero of=/t/x bs=1M count=100'; do
		bundle "m('/t', 'tmpfs', 'tmpfs', 'size=200m')" "sh('$how')" \
			"l['resources'] = {'memory': {'limit': 33554432, 'swap': 33554432}}"
		for mode in off record; do
			t "what is written to a tmpfs counts, $mode: $how" 137 ${!mode} run --trace none -b "$b" $id
		done
	done
	rm "$b/rootfs/large"
fi
if mounted hugetlb || [ "$CGROUP_VIEW$v2" = own ] && grep -qw hugetlb $cg/unified/cgroup.controllers 2>/dev/null; then
	bundle "$spin" "l['resources'] = {'hugepageLimits': [{'pageSize': '2MB', 'limit': 4194304}]}"
	begin "huge pages" off $id
	u=$cg/unified; [ -d $u ] || u=$cg
	f=$(find $u $cg/hugetlb -path "*/$id/hugetlb.2MB.max" -o -path "*/$id/hugetlb.2MB.limit_in_bytes" 2>/dev/null | head -1)
	ok "their limit" value "$f" 4194304
	stop $id
fi
bundle 'sh("true")' "l['resources'] = {'network': {'classID': 5}}"
if ! mounted net_cls; then
	run "a controller that is not there" 1
	err "net_cls"
fi
if [ -n "$v2" ]; then
	bundle 'sh("true")' "l['resources'] = {'unified': {'foo.bar': '5'}}"
	run "unified of a controller that is not there" 1
	err 'controller `foo` is not available'
	bundle 'sh("true")' "l['resources'] = {'unified': {'../x': '5'}}"
	run "unified with a slash" 1
	err "must be a file name"
fi

# --- exec -----------------------------------------------------------------------------------------

bundle "$spin" "without('cgroup')"
begin "one to join" off $id
p=$(pid $id)
t "exec joins" 0 $off exec $id cat /proc/self/cgroup
ok "all of them" test "$(cat "$work/out")" = "$(cat "/proc/$p/cgroup")"
if [ -z "$v2" ]; then
	mkdir "$(dir pids "$p")/sub"
	t "exec below" 0 $off exec --cgroup pids:sub $id cat /proc/self/cgroup
	out "$id/sub"
fi
if [ -n "$v2" ]; then
	mkdir "$cg/${id}moved" && echo "$p" >"$cg/${id}moved/cgroup.procs" && rmdir "$(dir freezer "$p" |
		sed "s,/[^/]*\$,/$id,")"
	t "exec follows who has left a cgroup that is gone" 0 $off exec $id cat /proc/self/cgroup
	out "0::/${id}moved"
	stop $id
	rmdir "$cg/${id}moved"
	begin "one more to join" off $id
	p=$(pid $id)
fi
for x in nothing ../..; do
	t "exec in $x" 255 $off exec --cgroup $x $id true
	err "error adding pid "
done
stop $id

# --- users ----------------------------------------------------------------------------------------

if can_be_users; then
	mv "$work/template.json" "$work/root.json"
	(cd "$b" && rm -f config.json && "$detrun" spec --rootless && mv config.json "$work/template.json")
	sed -i 's/"hostID": 0/"hostID": 54321/' "$work/template.json"
	chmod 755 "$b" "$work" && chmod -R a+rX "$b/rootfs"
	u="as one $detrun --determinism=off"
	bundle 'sh("cat /proc/self/cgroup; echo here")'
	t "an ordinary user" 0 $u run -b "$b" $id
	out here
	bundle 'sh("true")' "l['resources'] = {'pids': {'limit': 5}}"
	t "limits for nobody" 1 $u run -b "$b" $id
	err "limit"
	bundle 'sh("true")' "l['cgroupsPath'] = '/$id/x'"
	t "nor a path" 1 $u run -b "$b" $id
	err "permission denied"
	ok "nothing was made" left $id
	mv "$work/root.json" "$work/template.json"
fi
finish
