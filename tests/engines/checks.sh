# SPDX-License-Identifier: Apache-2.0
# What Podman and Docker are asked alike, with the image bb: each function's first argument is the
# engine's command.

basics() {
	t "run" 0 "$1" run --rm --network none bb echo hello
	is hello
	t "run: exit code" 42 "$1" run --rm --network none bb sh -c 'exit 42'
	t "run: no such program" 127 "$1" run --rm --network none bb nothing
	err 'executable file not found in $PATH'
	t "run: no such path" 127 "$1" run --rm --network none bb /bin/nothing
	err 'no such file or directory'
	t "run: not a program" 126 "$1" run --rm --network none bb /etc/passwd
	err 'permission denied'
	t "run: a directory" 126 "$1" run --rm --network none bb /etc
	t "run: standard error" 0 "$1" run --rm --network none bb sh -c 'echo a; echo b >&2'
	is a
	err b
	t "run -i" 0 sh -c 'seq 20000 | $0 run -i --rm --network none bb sh -c "cat | wc -l"' "$1"
	is 20000
	t "run: much output" 0 sh -c '$0 run --rm --network none bb seq 100000 | md5sum' "$1"
	is "$(seq 100000 | md5sum)"
	t "run: environment, directory, user, names" 0 "$1" run --rm --network none -e A=b -w /srv \
		-u www:video --hostname box bb sh -c 'echo $A $(pwd) $(id -u):$(id -g) $(hostname)'
	is "b /srv 33:44 box"
	t "many at once" 0 bash -c 'for i in 1 2 3 4 5 6; do
		$0 run --rm --network none bb echo "n$i" & p="$p $!"; done
		for i in $p; do wait $i || exit; done' "$1"
	ok "many: all" test "$(grep -c '^n[1-6]$' "$work/out")" = 6
}

volumes() { # engine, a directory with a file "f" that says "there"
	t "volume" 0 "$1" run --rm --network none -v "$2:/v" bb sh -c 'cat /v/f; echo x >/v/g'
	is there
	ok "volume: written" grep -q x "$2/g"
	t "volume, read-only" fail "$1" run --rm --network none -v "$2:/v:ro" bb sh -c 'echo x >/v/h'
	err 'read-only'
	t "volume in /proc" fail "$1" run --rm --network none -v "$2/f:/proc/nothing" bb true
	err 'inside /proc'
	printf garbage >"$2/garbage" && chmod 755 "$2/garbage"
	t "no program's format" 0 "$1" run -d --name nf --network none -v "$2:/v" bb /v/garbage
	ok "no program's format: it ends" till eval "$1 inspect -f '{{.State.Status}}' nf | grep -qx exited"
	t "no program's format: its log" 0 sh -c '$0 logs nf 2>&1' "$1"
	out "exec /v/garbage: exec format error"
	t "no program's format: rm" 0 "$1" rm nf
	t "named volume" 0 "$1" run --rm --network none -v named:/srv bb cat /srv/index.html
	is hello
	t "tmpfs" 0 "$1" run --rm --network none --tmpfs /t:size=1m,mode=700 bb stat -c %a /t
	is 700
	t "shm" 0 "$1" run --rm --network none --shm-size 2m bb df -k /dev/shm
	real 2048
}

privileges() {
	t "capabilities dropped" 0 "$1" run --rm --network none --cap-drop all bb \
		grep CapEff /proc/self/status
	out 0000000000000000
	t "no new privileges" 0 "$1" run --rm --network none --security-opt no-new-privileges bb \
		grep NoNewPrivs /proc/self/status
	real 1
	t "seccomp by default" 0 "$1" run --rm --network none bb grep Seccomp: /proc/self/status
	real 2
	t "seccomp unconfined" 0 "$1" run --rm --network none --security-opt seccomp=unconfined bb \
		echo hello
	is hello
	if [ -z "$supervised" ]; then
		t "sysctl" 0 "$1" run --rm --network none --sysctl net.ipv4.ip_default_ttl=77 bb \
			cat /proc/sys/net/ipv4/ip_default_ttl
		is 77
		t "the host's processes" 0 "$1" run --rm --network none --pid host bb sh -c '[ $$ != 1 ]'
	else
		t "the host's processes are not there" 0 "$1" run --rm --network none --pid host bb \
			sh -c 'echo $$'
		is 1
	fi
	t "the host's network" 0 "$1" run --rm --network host bb true
	t "the host's uts" 0 "$1" run --rm --network none --uts host bb true
}

limits() { # as the container sees them
	t "memory, pids" 0 "$1" run --rm --network none -m 64m --pids-limit 77 bb sh -c '
		cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes || cat memory.max
		cat pids/pids.max || cat pids.max' 2>/dev/null
	is "67108864
77"
	t "cpus" 0 "$1" run --rm --network none --cpus 0.5 --cpu-shares 512 bb sh -c '
		cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us || cut -d" " -f1 /sys/fs/cgroup/cpu.max'
	is 50000
}

resources() {
	t "out of memory" 137 "$1" run --network none --name oom -m 16m --memory-swap 16m bb \
		sh -c 'x=$(yes 0123456789 | head -c 64m | cat); echo no'
	t "out of memory: is told" 0 "$1" inspect -f '{{.State.OOMKilled}}' oom
	[ "$1" = podman ] || is true	# with version 1 it is not told of other runtimes' either
	t "out of memory: rm" 0 "$1" rm oom
	t "devices" 0 "$1" run --rm --network none --device /dev/zero:/dev/nought bb \
		sh -c 'head -c 3 /dev/nought | wc -c'
	is 3
	t "devices are denied" fail "$1" run --rm --network none --cap-add mknod bb \
		sh -c 'mknod /tmp/d b 7 0 && head -c 1 /tmp/d'
	t "oom score" 0 "$1" run --rm --network none --oom-score-adj 77 bb cat /proc/self/oom_score_adj
	[ -n "$supervised" ] || is 77
}

build_context() { # directory, its image's name
	mkdir -p "$1" && echo copied >"$1/file"
	cat >"$1/Dockerfile" <<-END
		FROM $2
		ENV WHO=built
		WORKDIR /w
		COPY file /w/
		RUN echo \$WHO >a && cat file >>a && id -u >>a
		RUN chown www:video a && chmod 640 a
		USER www
		RUN id -u >/tmp/b
		CMD ["cat", "/w/a", "/tmp/b"]
	END
}

built() { # engine: what came of build_context's, an image "made"
	t "build: run" 0 "$1" run --rm --network none made
	is "built
copied
0
33"
	t "build: owner" 0 "$1" run --rm --network none made stat -c '%U:%G %a' a
	is "www:video 640"
}
