#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Podman and conmon as root with the runtime under test. usage: podman.sh [RUNTIME]; see README
. "$(dirname "$0")/lib.sh"
rootless=
. "$here/podman-common.sh"
setup_podman

test_resources() {
	limits podman
	resources podman
	t "id maps" 0 podman run --rm --network none --uidmap 0:100000:1000 --gidmap 0:200000:1000 bb \
		cat /proc/self/uid_map
	real 100000
	t "a cgroup parent" 0 podman run --rm --network none --cgroup-parent /dtparent bb true
	t "cgroupns=private" 0 podman run --rm --network none --cgroupns private bb true
	t "cgroupns=host" 0 podman run --rm --network none --cgroupns host bb true
}

test_pause() {
	t "pause" 0 podman run -d --name d --network none -m 64m bb serve
	ok "pause: ready" till eval 'podman logs d | grep -q ready'
	t "pause: done" 0 podman pause d
	t "pause: state" 0 podman ps --format '{{.Names}} {{.Status}}' --filter status=paused
	out d
	t "pause: no exec" fail podman exec d true
	t "unpause" 0 podman unpause d
	t "unpause: exec" 0 podman exec d true
	t "stats" 0 podman stats --no-stream --format '{{.Name}} {{.PIDs}}' d
	out "d "
	if podman update --help >/dev/null 2>&1; then
		t "update" 0 podman update --memory 48m --cpus 0.7 d
		pid=$(podman inspect -f '{{.State.Pid}}' d)
		t "update: memory" 0 sh -c 'cat $(sed -n "s|^.*:memory:|/sys/fs/cgroup/memory|p
			s|^0::|/sys/fs/cgroup|p" /proc/$1/cgroup | sed "s|$|/memory.limit_in_bytes|;p
			s|limit_in_bytes$|max|") 2>/dev/null; :' - "$pid"
		is 50331648
	fi
	t "pause: again" 0 podman pause d
	t "pause: no stop of a paused one" fail podman stop -t 1 d
	t "pause: kill of a paused one" 0 podman kill d
	t "pause: start of what was killed paused" 0 podman start d
	t "pause: and again" 0 podman pause d
	t "pause: rm -f" 0 podman rm -f -t 0 d
	t "pause: a pod" 0 podman run -d --pod new:pp --name pp1 --network none bb serve
	t "pause: a pod's" 0 podman pod pause pp
	t "pause: its state" 0 podman pod ps --format '{{.Status}}'
	is Paused
	t "unpause: a pod's" 0 podman pod unpause pp
	t "unpause: exec in the pod" 0 podman exec pp1 echo alive
	is alive
	t "pause: pod rm" 0 podman pod rm -f -t 0 pp
}

test_network() {
	command -v netavark >/dev/null || [ -x /usr/lib/podman/netavark ] || return 0
	podman run --rm bb true >/dev/null 2>&1 || {
		echo "# no bridge network: $(podman run --rm bb true 2>&1 | tail -1)"
		return 0
	}
	t "bridge: an address" 0 podman run --rm bb ip -4 addr show eth0
	out 10.88.0.
	t "bridge: a server" 0 podman run -d --name web -p 127.0.0.1:18080:8000 bb \
		httpd -f -p 8000 -h /srv
	addr=$(podman inspect -f '{{.NetworkSettings.IPAddress}}' web)
	ok "bridge: from the host" till busybox wget -qO- "http://$addr:8000/"
	t "bridge: from another" 0 podman run --rm bb wget -qO- "http://$addr:8000/"
	is hello
	t "bridge: names" 0 podman run --rm --add-host here:10.0.0.1 bb cat /etc/hosts
	out here
	t "bridge: resolv.conf" 0 podman run --rm --dns 10.9.8.7 bb cat /etc/resolv.conf
	out 10.9.8.7
	t "joining a network" 0 podman run --rm --network container:web bb \
		wget -qO- http://127.0.0.1:8000/
	is hello
	t "bridge: rm" 0 podman rm -f -t 0 web
}

test_hooks() {
	mkdir -p "$pod/hooks.d"
	cat >"$pod/hook" <<-END
		#!/bin/sh
		echo "\$1 \$(grep -o '"status": *"[a-z]*"' | tr -d '" ')" >>$pod/hooked
	END
	chmod 755 "$pod/hook"
	for stage in prestart createRuntime createContainer poststart poststop; do
		path=$pod/hook
		cat >"$pod/hooks.d/$stage.json" <<-END
			{ "version": "1.0.0", "hook": { "path": "$path", "args": ["hook", "$stage"] },
			  "when": { "always": true }, "stages": ["$stage"] }
		END
	done
	# The host's path is gone when startContainer runs, and to be seen for the others.
	t "hooks" 0 podman --hooks-dir "$pod/hooks.d" run --rm --network none bb true
	ok "hooks: createRuntime" grep -q '^createRuntime status:creating' "$pod/hooked"
	ok "hooks: createContainer" grep -q '^createContainer status:creating' "$pod/hooked"
	ok "hooks: poststart" grep -q '^poststart status:' "$pod/hooked"
	ok "hooks: poststop" till grep -q '^poststop status:stopped' "$pod/hooked"
}

# What a supervised container has besides: the same again, and the proof of it.
test_record() {
	local i prog='date; head -c 8 /dev/urandom | od -An -tx1; ls -la /srv /bin >/tmp/l; env; cat /etc/hosts'
	[ -n "$supervised" ] || return 0
	mkdir "$pod/t1" "$pod/t2" "$pod/t3" "$pod/t4" "$pod/t5"
	for i in 1 2 3 4 5; do # Podman writes maps in another order each time
		t "record: run $i" 0 podman run --rm --network none --name box --hostname box \
			--annotation "org.detrun.trace=$pod/t$i" bb sh -c "$prog"
		mv "$work/out" "$work/out$i"
	done
	for i in 2 3 4 5; do
		ok "record: the same output" cmp "$work/out1" "$work/out$i"
		ok "record: the same trace root" cmp "$pod/t1/checkpoint" "$pod/t$i/checkpoint"
	done
	rm -rf "$pod/t3" && mkdir "$pod/t3"
	t "record: another seed" 0 podman run --rm --network none --name box --hostname box \
		--annotation "org.detrun.trace=$pod/t3" --annotation org.detrun.seed=other bb sh -c "$prog"
	ok "record: another output" sh -c '! cmp "$1" "$2"' - "$work/out" "$work/out1"
	ok "record: verified" "$RUNTIME" verify "$pod/t1"
	t "record: no place of an image's choice" fail podman run --rm --network none \
		--annotation "org.detrun.trace=$pod/nowhere" bb true
	err "make the directory"
	t "record: server and client" 0 podman run --rm --network none bb sh -c '
		httpd -p 127.0.0.1:8000 -h /srv && wget -qO- http://127.0.0.1:8000/index.html'
	is hello
	t "record: off by annotation" 0 podman run --rm --network none \
		--annotation org.detrun.determinism=off bb date
	[ -n "${MODE:-}" ] || out "$(date +%Y)"
	t "record: exec, with its trace" 0 podman run -d --network none --name box \
		--annotation "org.detrun.trace=$(rm -rf "$pod/t3"; mkdir "$pod/t3"; echo "$pod/t3")" bb serve
	ok "record: ready" till eval 'podman logs box | grep -q ready'
	t "record: exec" 0 podman exec box echo inside
	t "record: stop" 0 podman stop -t 20 box
	t "record: rm" 0 podman rm box
	ok "record: verified, exec and signal included" "$RUNTIME" verify "$pod/t3"
	ok "record: they are in it" sh -c '"$1" trace show "$2" | grep -c "+++ input"' - "$RUNTIME" "$pod/t3"
}

# Podman's API, asked by Docker's client.
test_service() {
	local client sock=$work/podman.sock
	client=$(command -v docker) || return 0
	client="env DOCKER_HOST=unix://$sock DOCKER_BUILDKIT=0 $client"
	daemon service podman system service -t 0 "unix://$sock"
	ok "service" till $client version
	t "service: run" 0 $client run --rm --network none localhost/bb echo hello
	is hello
	t "service: run -i" 0 sh -c "echo through | $client run -i --rm --network none localhost/bb cat"
	is through
	t "service: run -d" 0 $client run -d --name api --network none localhost/bb serve
	t "service: exec" 4 $client exec api sh -c 'echo inside; exit 4'
	is inside
	t "service: top" 0 $client top api
	out serve
	t "checkpoint of a running one" fail podman container checkpoint api
	if command -v criu >/dev/null; then err 'does not support checkpoint'; else err 'requires at least CRIU'; fi
	t "service: stop" 0 $client stop api
	t "service: rm" 0 $client rm api
	mkdir -p "$pod/api" && printf 'FROM localhost/bb\nRUN echo built >/b\n' >"$pod/api/Dockerfile"
	t "service: build" 0 $client build -q -t api "$pod/api"
	t "service: run what was built" 0 $client run --rm --network none api cat /b
	is built
	end_daemons
}

# What podman hands to its own helpers, and how it meets the network.
test_options() {
	t "volume with the container's owner" 0 podman run --rm --network none --uidmap 0:100000:1000 \
		-v "$pod/vol:/v:U" bb stat -c %u /v/f
	is 0
	t "the host's name" 0 podman run --rm --network none --uts host bb uname -n
	is "$(uname -n)"
	t "cgroups=no-conmon" 0 podman run --rm --network none --cgroups no-conmon bb true
	t "sdnotify=conmon" 0 podman run --rm --network none --sdnotify conmon bb true
	has_tun || return 0
	t "slirp4netns" 0 podman run --rm --network slirp4netns bb ip -4 addr show tap0
	out 10.0.2.100
}

# conmon by itself, as CRI-O and Podman call it.
test_conmon() {
	local b=$work/bundle
	mkdir -p "$b" && cp -a "$work/image" "$b/rootfs"
	(cd "$b" && "$runtime" spec) || { miss "conmon: spec" "no config.json"; return; }
	sed -i 's/"terminal": *true/"terminal": false/; s/"sh"/"serve"/
		s/"readonly": *true/"readonly": false/' "$b/config.json"
	t "conmon: create" 0 conmon --api-version 1 -c cm1 -u cm1 -n cm1 -r "$runtime" -b "$b" \
		-p "$b/pidfile" --conmon-pidfile "$b/conmon.pid" --exit-dir "$b" --full-attach \
		--socket-dir-path "$b" -l k8s-file:"$b/ctr.log" --log-level error
	ok "conmon: pid file" till test -s "$b/pidfile"
	t "conmon: state" 0 "$runtime" state cm1
	out '"created"'
	t "conmon: start" 0 "$runtime" start cm1
	ok "conmon: its output" till grep -q 'stdout F ready' "$b/ctr.log"
	t "conmon: ps" 0 "$runtime" ps --format json cm1
	t "conmon: exec" 0 "$runtime" exec cm1 echo inside
	is inside
	t "conmon: kill" 0 "$runtime" kill cm1 TERM
	ok "conmon: exit file" till test -s "$b/cm1"
	ok "conmon: exit code" grep -qx 7 "$b/cm1"
	ok "conmon: last words" till grep -q 'stdout F ended' "$b/ctr.log"
	t "conmon: stopped" 0 "$runtime" state cm1
	out '"stopped"'
	t "conmon: delete" 0 "$runtime" delete cm1
}

for part in ${PARTS:-run files security fds terminal detached more resources pause network pods \
	hooks build service settings volumes build_mounts options conmon record annotations}; do
	echo "# $part"
	"test_$part"
done
end_podman
finish
