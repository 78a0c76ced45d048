#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# containerd by itself, with ctr. usage: containerd.sh [RUNTIME]; see README
. "$(dirname "$0")/lib.sh"
needs containerd ctr containerd-shim-runc-v2
. "$here/containerd-common.sh"
cat >"$c/config.toml" <<-END
	version = 2
	root = "$c/root"
	state = "$c/state"
	disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
	[grpc]
	address = "$work/c.sock"
END
ctr_in tests
R="--runc-binary $runtime --snapshotter ${STORAGE:-native}"

test_run() {
	t "run" 0 ctr run $R --rm localhost/bb:latest c0 echo hello
	is hello
	t "run: by the runtime" 0 grep -c ' create --bundle' "$work/calls"
	t "run: exit code" 42 ctr run $R --rm localhost/bb:latest c0 sh -c 'exit 42'
	t "run: no such program" fail ctr run $R --rm localhost/bb:latest c0 nothing
	err 'executable file not found in $PATH'
	t "run: input" 0 sh -c 'seq 20000 | ctr run "$@"' - $R --rm localhost/bb:latest c0 \
		sh -c 'head -n 20000 | wc -l'
	is 20000
	t "run: environment, directory" 0 ctr run $R --rm --env A=b --cwd /srv localhost/bb:latest c0 \
		sh -c 'echo $A $(pwd)'
	is "b /srv"
	mkdir -p "$c/vol" && echo there >"$c/vol/f"
	t "run: a mount" 0 ctr run $R --rm --mount "type=bind,src=$c/vol,dst=/v,options=rbind:ro" \
		localhost/bb:latest c0 cat /v/f
	is there
	t "run: read-only" fail ctr run $R --rm --read-only localhost/bb:latest c0 sh -c 'echo x >/new'
	t "run: seccomp" 0 ctr run $R --rm --seccomp localhost/bb:latest c0 \
		grep Seccomp: /proc/self/status
	real 2
	t "run: the host's network" 0 ctr run $R --rm --net-host localhost/bb:latest c0 true
	t "run: memory" 0 ctr run $R --rm --memory-limit 67108864 localhost/bb:latest c0 sh -c '
		cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null; :'
	t "run: again" 0 sh -c 'for i in 1 2 3 4 5; do ctr run "$@" || exit; done' - $R --rm \
		localhost/bb:latest c0 true
}

test_terminal() {
	tty "run -t" 5 'wait #
type tty\n
wait /dev/pts/0
type exit 5\n' ctr run $R --rm -t localhost/bb:latest c0 sh
	tty "run -t: its size" 0 'wait ready
insist \n 33 77
size 40 100
insist \n 40 100
type \x04' ctr run $R --rm -t localhost/bb:latest c0 \
		sh -c 'echo ready; while read x; do stty size; done'
}

test_task() {
	t "run -d" 0 ctr run $R -d --log-uri "file://$c/log" --memory-limit 67108864 \
		localhost/bb:latest c1 serve
	ok "it is ready" till grep -q ready "$c/log"
	t "task ls" 0 ctr task ls
	out RUNNING
	t "task ps" 0 ctr task ps c1
	t "exec" 0 ctr task exec --exec-id e1 c1 echo inside
	is inside
	t "exec: exit code" 3 ctr task exec --exec-id e2 c1 sh -c 'exit 3'
	t "exec: user, directory" 0 ctr task exec --exec-id e3 --user www --cwd /srv c1 \
		sh -c 'echo $(id -u) $(pwd)'
	is "33 /srv"
	t "exec: no such program" fail ctr task exec --exec-id e4 c1 nothing
	tty "exec -t" 6 'wait #
type tty\n
wait /dev/pts/
type exit 6\n' ctr task exec --exec-id e5 -t c1 sh
	t "exec -d" 0 ctr task exec -d --exec-id e6 --log-uri "file://$c/log2" c1 \
		sh -c 'echo made >/tmp/made'
	ok "exec -d: done" till ctr task exec --exec-id e7 c1 test -e /tmp/made
	t "pause" 0 ctr task pause c1
	t "pause: state" 0 ctr task ls
	out PAUSED
	t "resume" 0 ctr task resume c1
	t "resume: exec" 0 ctr task exec --exec-id e8 c1 true
	t "metrics" 0 ctr task metrics c1
	out memory
	t "checkpoint is refused" fail ctr task checkpoint c1
	t "kill: another signal" 0 ctr task kill -s HUP c1
	ok "kill: has come" till grep -q hup "$c/log"
	t "kill" 0 ctr task kill -s TERM c1
	ok "kill: stopped" till eval 'ctr task ls | grep -q STOPPED'
	ok "kill: last words" till grep -q ended "$c/log"
	t "task rm" any ctr task rm c1	# it tells the exit code
	err 7
	t "container rm" 0 ctr container rm c1
	t "kill -9" 0 ctr run $R -d --null-io localhost/bb:latest c2 forever
	t "kill -9: done" 0 ctr task kill -s KILL c2
	ok "kill -9: stopped" till eval 'ctr task ls | grep -q STOPPED'
	t "task rm -f" any ctr task rm -f c2
	t "container rm 2" 0 ctr container rm c2
}

save_image bb sh
start_containerd
t "import" 0 ctr image import --snapshotter "${STORAGE:-native}" "$c/bb.tar"
for part in ${PARTS:-run terminal task}; do
	echo "# $part"
	"test_$part"
done
end_daemons
nothing_left '/tests$'
finish
