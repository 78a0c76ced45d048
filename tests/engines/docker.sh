#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Docker, with a daemon and a containerd of its own. usage: docker.sh [RUNTIME]; see README
. "$(dirname "$0")/lib.sh"
. "$here/checks.sh"
needs dockerd containerd containerd-shim-runc-v2
client=/usr/bin/docker
[ -x $client ] || client=$(command -v docker) || skip "docker is not installed"
cat >"$work/bin/docker" <<-END
	#!/bin/sh
	DOCKER_BUILDKIT=0 exec $client -H unix://$work/docker.sock "\$@"
END
chmod 755 "$work/bin/docker"
d=$work/d
mkdir -p "$d" && echo "{}" >"$d/daemon.json"
ln -s "$runtime" "$work/bin/runc"
printf '#!/bin/sh\nexec %s --determinism=strict "$@"\n' "$RUNTIME" >"$work/strict" && chmod 755 "$work/strict"

start_docker() {
	daemon docker dockerd --config-file "$d/daemon.json" --data-root "$d/data" --exec-root "$work/e" \
		-p "$work/docker.pid" -H "unix://$work/docker.sock" --bridge=none --iptables=false \
		--ip6tables=false --storage-driver "${STORAGE:-overlay2}" --live-restore \
		--add-runtime "detrun=$runtime" --add-runtime "strict=$work/strict" --default-runtime detrun \
		--default-ulimit nofile=1024:1024 "$@"
	till docker version || {
		tail -5 "$work/docker.log"
		skip "dockerd doesn't start here"
	}
}

test_info() {
	t "info" 0 docker info --format '{{.DefaultRuntime}} {{range $k, $v := .Runtimes}}{{$k}} {{end}}'
	out "detrun"
	t "import" 0 docker import -c 'CMD ["sh"]' "$img" bb
}

test_run() {
	basics docker
	t "run: by the runtime" 0 grep -c ' create --bundle' "$work/calls"
	t "run --init" 0 docker run --rm --network none --init bb sh -c 'ps | grep -c "[d]ocker-init"'
}

test_files() {
	mkdir -p "$d/vol" && echo there >"$d/vol/f"
	volumes docker "$d/vol"
	t "read-only" fail docker run --rm --network none --read-only bb sh -c 'echo x >/new'
	err 'read-only'
	t "masked" 0 docker run --rm --network none bb sh -c 'cat /proc/keys | wc -c'
	is 0
}

test_security() {
	privileges docker
	t "rlimits" 0 docker run --rm --network none --ulimit nofile=77:99 bb sh -c 'ulimit -n; ulimit -Hn'
	is "77
99"
	t "descriptors" 0 docker run --rm --network none bb ls -l /proc/self/fd
	lacks socket
}

test_terminal() {
	run_on_terminal docker
}

test_detached() {
	t "run -d" 0 docker run -d --name dd --network none -m 64m bb serve
	ok "it is ready" till eval 'docker logs dd | grep -q ready'
	t "ps" 0 docker ps --format '{{.Names}} {{.State}}'
	is "dd running"
	t "inspect" 0 docker inspect -f '{{.State.Status}} {{.HostConfig.Runtime}}' dd
	is "running detrun"
	t "top" 0 docker top dd
	out serve
	t "exec" 0 docker exec dd sh -c 'echo $((6 * 7))'
	is 42
	t "exec: exit code" 3 docker exec dd sh -c 'exit 3'
	t "exec: no such program" fail docker exec dd nothing
	out 'executable file not found in $PATH'
	t "exec: not a program" 126 docker exec dd /etc/passwd
	t "exec: environment, directory, user" 0 docker exec -e A=b -w /srv -u www dd \
		sh -c 'echo $A $(pwd) $(id -u)'
	is "b /srv 33"
	t "exec -i" 0 sh -c 'echo in | docker exec -i dd cat'
	is in
	t "exec -d" 0 docker exec -d dd sh -c 'echo made >/tmp/made'
	ok "exec -d: done" till docker exec dd test -e /tmp/made
	tty "exec -it" 6 'wait #
type tty\n
wait /dev/pts/
type exit 6\n' docker exec -it dd sh
	t "kill: another signal" 0 docker kill -s HUP dd
	ok "kill: has come" till eval 'docker logs dd | grep -q hup'
	t "pause" 0 docker pause dd
	t "pause: state" 0 docker inspect -f '{{.State.Status}}' dd
	is paused
	t "pause: no exec" fail docker exec dd true
	t "unpause" 0 docker unpause dd
	t "unpause: exec" 0 docker exec dd true
	t "update" 0 docker update --memory 48m --memory-swap 96m --cpus 0.7 --pids-limit 88 dd
	[ -n "$supervised" ] || {
		t "update: memory" 0 docker exec dd sh -c '
			cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null
			cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>/dev/null; :'
		is "50331648
88"
	}
	t "stats" 0 docker stats --no-stream --format '{{.Name}} {{.PIDs}}' dd
	out "dd "
	t "cp" 0 docker cp dd:/srv/index.html "$d/copied"
	ok "cp: here" grep -q hello "$d/copied"
	t "diff" 0 docker diff dd
	out "/tmp/made"
	t "stop" 0 docker stop -t 20 dd
	t "stop: exit code" 0 docker inspect -f '{{.State.Status}} {{.State.ExitCode}}' dd
	is "exited 7"
	t "stop: its last words" 0 docker logs dd
	out ended
	t "exec in a stopped one" fail docker exec dd true
	t "start again" 0 docker start dd
	t "restart" 0 docker restart -t 5 dd
	ok "restart: runs" till docker exec dd true
	t "kill" 0 docker kill dd
	t "killed" 0 docker inspect -f '{{.State.ExitCode}}' dd
	is 137
	t "rm" 0 docker rm dd
}

test_more() {
	t "create" 0 docker create --name cc --network none -i bb cat
	t "start -a -i" 0 sh -c 'echo through | docker start -a -i cc'
	is through
	t "rm" 0 docker rm cc
	t "wait" 0 docker run -d --name cc --network none bb \
		sh -c 'until [ -e /tmp/end ]; do echo later; sleep 0.2; done; exit 9'
	t "attach" 9 attach_to docker cc
	out later
	t "wait: code" 0 docker wait cc
	is 9
	t "logs" 0 docker logs cc
	out later
	t "rm -f of a stopped one" 0 docker rm -f cc
	t "rm -f of a running one" 0 docker run -d --name cc --network none bb forever
	t "rm -f: done" 0 docker rm -f cc
	t "health check" 0 docker run -d --name cc --network none --health-cmd 'test -e /tmp/well' \
		--health-interval 1s --health-retries 1 bb serve
	ok "health check: ill" till eval "docker inspect -f '{{.State.Health.Status}}' cc | grep -qx unhealthy"
	t "health check: cure" 0 docker exec cc touch /tmp/well
	ok "health check: well" till eval "docker inspect -f '{{.State.Health.Status}}' cc | grep -qx healthy"
	t "health check: rm" 0 docker rm -f cc
	t "restart policy" 0 docker run -d --name cc --network none --restart on-failure:2 bb \
		sh -c 'echo once more; exit 1'
	ok "restart policy: thrice" till eval '[ "$(docker logs cc | grep -c once)" = 3 ]'
	t "restart policy: rm" 0 docker rm -f cc
	t "commit" 0 docker run --name cc --network none bb sh -c 'echo new >/new'
	t "commit: an image" 0 docker commit cc bb2
	t "commit: of it" 0 docker run --rm --network none bb2 cat /new
	is new
	t "commit: rm" 0 docker rm cc
	t "a server" 0 docker run -d --name cc --network none bb httpd -f -p 8000 -h /srv
	t "joining its network" 0 docker run --rm --network container:cc bb \
		sh -c 'for i in $(seq 60); do wget -qO- http://127.0.0.1:8000/ && exit; sleep 1; done'
	is hello
	if [ -z "$supervised" ]; then
		t "joining its processes" 0 docker run --rm --network none --pid container:cc bb ps
		out httpd
	fi
	t "a server: rm" 0 docker rm -f cc
}

# dockerd deletes at once what did not start, and forgets what it finds alive then: a shim, a cgroup.
test_start_fails() {
	[ -n "$supervised" ] || return 0
	mkdir -p "$d/ns" && touch "$d/ns/net" && mount --bind /proc/self/ns/net "$d/ns/net"
	t "start fails" 125 docker run --rm --runtime strict --network none -v "$d/ns:/v" bb true
	err "for the manifest: invalid argument"
	t "start fails: nothing is left" 0 ls "$work/e/runtime-runc/moby"
	is ""
	t "start fails: but under record" 0 docker run --rm --network none -v "$d/ns:/v" bb ls /v
	is net
	umount "$d/ns/net"
}

# All that the daemon keeps, with the root of this very container in it.
test_much() {
	t "the daemon's directory as a volume" 0 docker run --rm --network none -v "$d/data:/v:ro" bb \
		sh -c 'ls -d /v/overlay2/*/merged/bin | wc -l; ls /v/overlay2/*/merged/proc | grep -c version; :'
	[ -z "$supervised" ] || is "1
0"
}

test_resources() {
	[ -n "$supervised" ] || limits docker
	resources docker
}

test_build() {
	build_context "$d/ctx" bb
	t "build" 0 docker build --network none -q -t made "$d/ctx"
	built docker
	printf 'FROM bb\nRUN exit 12\n' >"$d/ctx/Dockerfile"
	t "build: a failing step" fail docker build --network none "$d/ctx"
	err 'non-zero code: 12'
	t "build: clean" 0 docker container prune -f
}

# The builder inside dockerd, which takes the runc of its PATH: that is a link to the runtime here.
test_buildkit() {
	local build="env DOCKER_BUILDKIT=1 DOCKER_HOST=unix://$work/docker.sock $client build"
	$build --help | grep -q -- --secret || {
		echo "# skipped: $client has no BuildKit"
		return 0
	}
	mkdir -p "$d/bk/sub" && echo inside >"$d/bk/sub/s" && echo secret >"$d/secret"
	cat >"$d/bk/Dockerfile" <<-'END'
		FROM bb AS one
		RUN --mount=type=cache,target=/cache echo c >>/cache/f; wc -l </cache/f >/n
		RUN --mount=type=secret,id=s,uid=33,mode=0440 stat -c "secret %u:%a" /run/secrets/s
		RUN --mount=type=bind,source=sub,target=/b cat /b/s
		RUN --mount=type=tmpfs,target=/t echo t >/t/x && grep -c " /t tmpfs" /proc/mounts
		FROM bb
		COPY --from=one /n /n
		WORKDIR /made
		USER www
		RUN echo "as $(id -un) in $(pwd)"
		CMD ["cat", "/n"]
	END
	t "BuildKit" 0 $build --network none --progress plain --secret "id=s,src=$d/secret" -t bk "$d/bk"
	err "secret 33:440"
	err inside
	err "as www in /made"
	ok "BuildKit: by the runtime" grep -q ' run --bundle .*/buildkit/' "$work/calls"
	t "BuildKit: the image" 0 docker run --rm --network none bk
	is 1
	printf 'FROM bb\nRUN exit 12\n' >"$d/bk/Dockerfile"
	t "BuildKit: a failing step" fail $build --network none --progress plain "$d/bk"
	err 'exit code: 12'
}

# A network of its own, names in it, a health check, a published port, a build.
test_compose() {
	command -v docker-compose >/dev/null || {
		echo "# skipped: docker-compose is not installed"
		return 0
	}
	compose="env DOCKER_HOST=unix://$work/docker.sock DOCKER_BUILDKIT=0 COMPOSE_DOCKER_CLI_BUILD=0
		docker-compose -f $d/proj/compose.yml"
	mkdir -p "$d/proj" && printf 'FROM bb\nRUN echo built >/b\n' >"$d/proj/Dockerfile"
	cat >"$d/proj/compose.yml" <<-'END'
		version: "3"
		services:
		  web:
		    image: bb
		    command: ["httpd", "-f", "-p", "8000", "-h", "/srv"]
		    ports: ["127.0.0.1:18081:8000"]
		    healthcheck: {test: ["CMD", "wget", "-qO-", "http://127.0.0.1:8000/"], interval: 1s}
		  client:
		    image: bb
		    depends_on: [web]
		    command: ["sh", "-c", "until wget -qO- http://web:8000/; do sleep 1; done; exit 3"]
		  built:
		    build: .
		    command: ["cat", "/b"]
		    network_mode: none
	END
	t "compose: build" 0 $compose build
	t "compose: up" 0 $compose up -d
	ok "compose: healthy" till eval '$compose ps | grep -q "(healthy)"'
	ok "compose: by its name" till eval '$compose ps | grep -q "Exit 3"'
	t "compose: logs" 0 $compose logs --no-color
	out '| hello'
	out '| built'
	ok "compose: from outside" till busybox wget -qO- http://127.0.0.1:18081/
	t "compose: exec" 0 $compose exec -T web echo inside
	is inside
	t "compose: run" 5 $compose run --rm -T client sh -c 'exit 5'
	t "compose: stop" 0 $compose stop -t 2
	t "compose: down" 0 $compose down
}

# The daemon goes and comes back; containers live on.
test_daemon() {
	t "daemon: a container" 0 docker run -d --name cc --network none bb serve
	end_daemons
	start_docker
	t "daemon: still there" 0 docker ps --format '{{.Names}} {{.State}}'
	is "cc running"
	t "daemon: exec" 0 docker exec cc echo hello
	is hello
	t "daemon: stop" 0 docker stop -t 20 cc
	t "daemon: exit code" 0 docker inspect -f '{{.State.ExitCode}}' cc
	is 7
	t "daemon: rm" 0 docker rm cc
}

start_docker
for part in info ${PARTS:-run files security terminal detached more start_fails much resources build buildkit compose daemon}; do
	echo "# $part"
	"test_$part"
done
containers=$(docker ps -aq)
# shellcheck disable=SC2086
[ -z "$containers" ] || docker rm -f $containers >/dev/null 2>&1
end_daemons
nothing_left '/docker(/buildkit)?$'
finish
