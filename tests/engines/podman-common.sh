# SPDX-License-Identifier: Apache-2.0
# What podman.sh and podman-rootless.sh have in common: a private Podman, and every command that
# works for both. `rootless` is empty or 1.
. "$here/checks.sh"
needs podman conmon

# What slirp4netns needs of whoever runs Podman.
has_tun() { command -v slirp4netns >/dev/null && ${rootless:+$as_user} test -w /dev/net/tun; }

# Podman's own directories are all in $pod, its network and locks in this test's namespaces.
setup_podman() { # prefix of the command
	local fs=overlay
	pod=$work/p
	mkdir -p "$pod/tmp" "$pod/net" "$pod/vol" && echo kept >"$pod/fd"
	echo there >"$pod/vol/f"
	cat >"$pod/containers.conf" <<-END
		[containers]
		default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
		log_driver = "k8s-file"
		pids_limit = ${PIDS_LIMIT:-2048}
		[network]
		network_backend = "netavark"
		network_config_dir = "$pod/net"
		[engine]
		cgroup_manager = "${CGROUP_MANAGER:-cgroupfs}"
		events_logger = "file"
		infra_image = "localhost/infra"
		infra_command = "/bin/serve"
		lock_type = "file"
		runtime = "detrun"
		runtime_supports_json = ["detrun"]
		runtime_supports_nocgroup = ["detrun"]
		tmp_dir = "$pod/tmp"
		volume_path = "$pod/volumes"
		[engine.runtimes]
		detrun = ["$runtime"]
	END
	cat >"$pod/storage.conf" <<-END
		[storage]
		driver = "${STORAGE:-$fs}"
		graphroot = "$pod/storage"
		runroot = "$pod/run"
		rootless_storage_path = "$pod/storage"
	END
	cat >"$work/bin/podman" <<-END
		#!/bin/sh
		export CONTAINERS_CONF=$pod/containers.conf CONTAINERS_STORAGE_CONF=$pod/storage.conf
		export TMPDIR=$pod/tmp
		cd $pod
		exec $* $(command -v podman) "\$@"
	END
	chmod 755 "$work/bin/podman"
	[ -z "$rootless" ] || chown -R "$user:$user" "$pod"
	podman import -c 'CMD ["sh"]' "$img" bb >"$work/out" 2>"$work/err" || {
		cat "$work/err"
		skip "podman cannot import an image here"
	}
	podman import -c 'CMD ["/bin/serve"]' "$img" infra >/dev/null 2>&1
}

test_run() {
	basics podman
	t "run: killed by a signal" 143 podman run --rm --network none bb sh -c 'sh -c "kill \$\$"; exit $?'
	t "run: bad working directory" fail podman run --rm --network none -w /etc/passwd bb true
	t "run: groups" 0 podman run --rm --network none -u www --group-add 77 bb id -G
	out 77
	# systemd inside makes cgroups: those of a supervised container are its own
	[ -z "$supervised" ] || t "run: --systemd=always" 0 podman run --rm --network none \
		--systemd=always bb sh -c 'mkdir /sys/fs/cgroup/init.scope && cd /sys/fs/cgroup/init.scope &&
			echo 1 >cgroup.procs && cat /proc/1/cgroup'
	[ -z "$supervised" ] || is "0::/init.scope"
	t "run: two runs, one name" 0 podman run --rm --name one --network none bb true
	t "run: the name is free again" 0 podman run --rm --name one --network none bb true
}

test_files() {
	volumes podman "$pod/vol"
	t "a file as a volume" 0 podman run --rm --network none -v "$pod/vol/f:/etc/new/f:ro" bb \
		cat /etc/new/f
	is there
	t "read-only" fail podman run --rm --network none --read-only --read-only-tmpfs=false bb \
		sh -c 'echo x >/new'
	err 'read-only'
	t "read-only, with its tmpfs" 0 podman run --rm --network none --read-only bb \
		sh -c 'echo x >/tmp/new && cat /tmp/new'
	t "device files" 0 podman run --rm --network none bb sh -c 'echo x >/dev/null && ls -l /dev/zero'
	t "masked" 0 podman run --rm --network none bb sh -c 'cat /proc/keys | wc -c; ls /proc/scsi | wc -l'
	is "0
0"
	t "/proc/sys is read-only" fail podman run --rm --network none bb \
		sh -c 'echo 1 >/proc/sys/kernel/panic'
}

test_security() {
	privileges podman
	t "one capability" 0 podman run --rm --network none --cap-drop all --cap-add net_raw bb \
		grep CapEff /proc/self/status
	out 0000000000002000
	t "rlimits" 0 podman run --rm --network none --ulimit nofile=77:99 \
		--ulimit nproc=1000:1000 bb sh -c 'ulimit -n; ulimit -Hn'
	is "77
99"
	[ -n "$rootless" ] || t "the host's ipc" 0 podman run --rm --network none --ipc host bb true
	t "annotations" 0 podman run --rm --network none --annotation org.example.a=b bb true
	[ "$kind" != runc ] || return	# it has no --cgroup-manager
	t "without cgroups" 0 podman run --rm --network none --cgroups=disabled bb echo hello
	is hello
}

test_fds() {
	t "--preserve-fds" 0 bash -c 'exec 3<"$1"; podman run --rm --network none --preserve-fds 1 \
		bb sh -c "cat <&3"' - "$pod/fd"
	is kept
	t "descriptors" 0 bash -c 'exec 5<"$1"; podman run --rm --network none bb ls -l /proc/self/fd' \
		- "$pod/fd"
	lacks "$pod/fd"
}

test_terminal() {
	tty "run -t: a terminal" 0 'wait done' podman run -t --rm --network none bb \
		sh -c 'test -t 0 && test -t 1 && echo done'
	run_on_terminal podman
}

test_detached() {
	t "run -d" 0 podman run -d --name d --network none bb serve
	id=$(cat "$work/out")
	ok "it is ready" till eval 'podman logs d | grep -q ready'
	t "ps" 0 podman ps --format '{{.Names}} {{.Status}}'
	out "d Up"
	t "inspect" 0 podman inspect -f '{{.State.Status}} {{.OCIRuntime}} {{.State.Pid}}' d
	out "running detrun"
	t "the host sees its process" 0 sh -c 'kill -0 $(podman inspect -f "{{.State.Pid}}" d)'
	t "top" 0 podman top d pid comm
	out serve
	t "exec" 0 podman exec d sh -c 'echo $((6 * 7)); hostname'
	out 42
	t "exec: exit code" 3 podman exec d sh -c 'exit 3'
	t "exec: no such program" 127 podman exec d nothing
	t "exec: not a program" 126 podman exec d /etc/passwd
	t "exec: environment, directory, user" 0 podman exec -e A=b -w /srv -u www d \
		sh -c 'echo $A $(pwd) $(id -u)'
	is "b /srv 33"
	t "exec -i" 0 sh -c 'echo in | podman exec -i d cat'
	is in
	t "exec: sees the same processes" 0 podman exec d sh -c 'ps | grep -c "[s]erve"'
	t "exec -d" 0 podman exec -d d sh -c 'echo made >/tmp/made'
	ok "exec -d: done" till podman exec d test -e /tmp/made
	t "exec --preserve-fds" 0 bash -c 'exec 3<"$1"; podman exec --preserve-fds 1 d \
		sh -c "cat <&3"' - "$pod/fd"
	is kept
	tty "exec -it" 6 'wait #
type tty\n
wait /dev/pts/
type exit 6\n' podman exec -it d sh
	t "kill: another signal" 0 podman kill -s HUP d
	ok "kill: has come" till eval 'podman logs d | grep -q hup'
	t "cp into" 0 podman cp "$pod/fd" d:/tmp/copied
	t "cp: there" 0 podman exec d cat /tmp/copied
	is kept
	t "cp out of" 0 podman cp d:/srv/index.html "$pod/copied"
	ok "cp: here" grep -q hello "$pod/copied"
	t "stop" 0 podman stop -t 20 d
	t "stop: exit code" 0 podman inspect -f '{{.State.Status}} {{.State.ExitCode}}' d
	is "exited 7"
	t "stop: its last words" 0 podman logs d
	out ended
	t "exec in a stopped one" fail podman exec d true
	t "start again" 0 podman start d
	t "restart" 0 podman restart -t 5 d
	ok "restart: runs" till podman exec d true
	t "stop without mercy" 0 podman stop -t 0 d
	t "killed" 0 podman inspect -f '{{.State.ExitCode}}' d
	is 137
	t "rm" 0 podman rm d
}

test_more() {
	t "create" 0 podman create --name c --network none -i bb cat
	t "start -a -i" 0 sh -c 'echo through | podman start -a -i c'
	is through
	t "rm of a stopped one" 0 podman rm c
	t "init" 0 podman create --name c --network none bb sh -c 'exit 9'
	t "init: makes it" 0 podman init c
	t "init: its state" 0 podman inspect -f '{{.State.Status}}' c
	is initialized
	t "init: start" 0 podman start c
	t "wait" 0 podman wait c
	is 9
	t "rm -f of a stopped one" 0 podman rm -f c
	t "rm -f of a running one" 0 podman run -d --name c --network none bb forever
	t "rm -f: done" 0 podman rm -f -t 0 c
	t "rm -f of one only made" 0 podman create --name c --network none bb forever
	t "rm -f: init" 0 podman init c
	t "rm -f: done too" 0 podman rm -f c
	t "kill" 0 podman run -d --name c --network none bb forever
	t "kill: done" 0 podman kill c
	t "kill: exit code" 0 podman wait c
	is 137
	t "kill of a stopped one" fail podman kill c
	t "rm" 0 podman rm c
	t "attach" 0 podman run -d --name c --network none bb \
		sh -c 'until [ -e /tmp/end ]; do echo later; sleep 0.2; done; exit 4'
	t "attach: done" any attach_to podman c
	out later
	t "attach: exit code" 0 podman wait c
	is 4
	t "logs" 0 podman logs c
	out later
	t "logs: rm" 0 podman rm c
	t "health check" 0 podman run -d --name c --network none --health-cmd 'test -e /tmp/well' \
		--health-interval disable --health-retries 1 bb serve
	t "health check: ill" 1 podman healthcheck run c
	t "health check: cure" 0 podman exec c touch /tmp/well
	t "health check: well" 0 podman healthcheck run c
	t "health check: rm" 0 podman rm -f -t 0 c
	t "checkpoint is refused" fail podman container checkpoint nothing
	t "commit" 0 podman run --name c --network none bb sh -c 'echo new >/new'
	t "commit: an image" 0 podman commit -q c bb2
	t "commit: of it" 0 podman run --rm --network none bb2 cat /new
	is new
	t "export" 0 sh -c 'podman export -o "$1" c && tar -xO -f "$1" new' - "$pod/exported.tar"
	is new
	t "commit: rm" 0 podman rm c
	t "a timeout" fail podman run --rm --network none --timeout 2 bb forever
}

test_pods() {
	t "pod" 0 podman pod create --name p --network none --share net,uts,ipc --hostname podbox
	t "pod: two containers" 0 podman run -d --pod p --name p1 bb \
		sh -c 'httpd -f -p 8000 -h /srv'
	if [ -z "$supervised" ]; then
		t "pod: the other reaches the first" 0 podman run --rm --pod p bb \
			sh -c 'for i in $(seq 60); do wget -qO- http://127.0.0.1:8000/ && exit; sleep 1; done'
		is hello
	fi
	t "pod: one name" 0 podman exec p1 hostname
	is podbox
	t "pod ps" 0 podman pod ps --format '{{.Name}} {{.Status}} {{.NumberOfContainers}}'
	is "p Running 2"
	t "pod top" 0 podman pod top p
	out httpd
	t "pod stop" 0 podman pod stop -t 1 p
	t "pod start" 0 podman pod start p
	t "pod: again" 0 podman exec p1 true
	t "pod kill" 0 podman pod kill p
	t "pod rm" 0 podman pod rm -f -t 0 p
	t "pod without infra" 0 podman pod create --name q --infra=false
	t "pod without infra: run" 0 podman run --rm --pod q --network none bb echo hello
	is hello
	t "pod without infra: rm" 0 podman pod rm -f q
	t "pod with shared processes" 0 podman pod create --name r --network none --share pid,net
	t "pod: first" 0 podman run -d --pod r --name r1 bb forever
	t "pod: processes" 0 podman run --rm --pod r bb ps
	out /bin/forever
	t "pod rm 2" 0 podman pod rm -f -t 0 r
	cat >"$pod/kube.yaml" <<-'END'
		apiVersion: v1
		kind: Pod
		metadata:
		  name: k
		spec:
		  hostNetwork: true
		  containers:
		  - name: web
		    image: localhost/bb
		    command: [ "/bin/serve" ]
	END
	t "play kube" 0 podman play kube "$pod/kube.yaml"
	ok "play kube: runs" till eval 'podman logs k-web | grep -q ready'
	t "play kube: down" 0 podman play kube --down "$pod/kube.yaml"
	kube_more
}

kube_more() { # an init container, volumes, a config map, fewer rights
	cat >"$pod/more.yaml" <<-END
		apiVersion: v1
		kind: ConfigMap
		metadata: {name: cm}
		data: {KEY: fromcm, file.txt: content}
		---
		apiVersion: v1
		kind: Pod
		metadata: {name: k2}
		spec:
		  hostNetwork: true
		  restartPolicy: Never
		  volumes:
		  - {name: empty, emptyDir: {}}
		  - {name: host, hostPath: {path: $pod/vol, type: Directory}}
		  - {name: cfg, configMap: {name: cm}}
		  initContainers:
		  - name: init
		    image: localhost/bb
		    command: [/bin/sh, -c, echo initialised >/e/i]
		    volumeMounts: [{name: empty, mountPath: /e}]
		  containers:
		  - name: a
		    image: localhost/bb
		    command: [/bin/sh, -c, 'cat /e/i /h/f /c/file.txt; echo " \$KEY \$POD"; id -u; touch /x; exit 4']
		    env: [{name: POD, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]
		    envFrom: [{configMapRef: {name: cm}}]
		    securityContext:
		      runAsUser: 33
		      readOnlyRootFilesystem: true
		      allowPrivilegeEscalation: false
		      capabilities: {drop: [ALL]}
		    volumeMounts:
		    - {name: empty, mountPath: /e}
		    - {name: host, mountPath: /h, readOnly: true}
		    - {name: cfg, mountPath: /c}
	END
	t "play kube, more" 0 podman play kube "$pod/more.yaml"
	ok "play kube, more: it ends" till eval "podman inspect -f '{{.State.Status}} {{.State.ExitCode}}' k2-a |
		grep -qx 'exited 4'"
	t "play kube, more: what it saw" 0 podman logs k2-a
	is "initialised
there
content fromcm k2
33"
	err 'read-only'
	t "play kube, more: down" 0 podman play kube --down "$pod/more.yaml"
}

test_build() {
	build_context "$pod/ctx" localhost/bb
	t "build" 0 podman build --isolation oci --network none -q -t made "$pod/ctx"
	ok "build: by the runtime" grep -q 'buildah' "$work/calls"
	built podman
	printf 'FROM localhost/bb\nRUN exit 12\n' >"$pod/ctx/Dockerfile"
	t "build: a failing step" 12 podman build --isolation oci --network none "$pod/ctx"
}

# What an image's author writes into its manifest, Podman hands on like the caller's annotations.
# What config.json looks like with options that are rarer.
test_settings() {
	[ ! -x /usr/libexec/podman/catatonit ] && ! command -v catatonit >/dev/null ||
		t "--init" 0 podman run --rm --network none --init bb \
			sh -c 'grep -q init /proc/1/comm'
	t "--pidfile" 0 podman run -d --name o --network none --pidfile "$pod/pidfile" bb forever
	ok "--pidfile: its pid" sh -c '[ "$(cat "$1")" = "$(podman inspect -f "{{.State.Pid}}" o)" ]' - \
		"$pod/pidfile"
	t "--pidfile: rm" 0 podman rm -f -t 0 o
	t "--userns=nomap, for ordinary users" any podman run --rm --network none --userns nomap bb id -u
	[ -z "$rootless" ] || is 0
	t "no new privileges" 0 podman run --rm --network none --security-opt no-new-privileges bb \
		grep NoNewPrivs /proc/self/status
	out 1
	t "no seccomp" 0 podman run --rm --network none --security-opt seccomp=unconfined bb \
		grep Seccomp: /proc/self/status
	real 0
	echo '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"],
		"action": "SCMP_ACT_ERRNO", "errnoRet": 13}]}' >"$pod/no-mkdir.json"
	t "a filter of one's own" fail podman run --rm --network none \
		--security-opt seccomp="$pod/no-mkdir.json" bb mkdir /tmp/x
	err "permission denied"
	t "more masked" 0 podman run --rm --network none --security-opt mask=/srv bb ls -A /srv
	is ''
	t "tmpfs with options" 0 podman run --rm --network none --tmpfs /t:size=64k,mode=1711,noexec bb \
		sh -c 'stat -c %a /t; df -k /t | tail -1 | tr -s " " | cut -d" " -f2; grep -c "/t .*noexec" /proc/mounts'
	is "1711
64
1"
	t "an image as a volume" 0 podman run --rm --network none --mount type=image,src=bb,dst=/i bb \
		cat /i/srv/index.html
	is hello
	t "a sysctl" 0 podman run --rm --network none --sysctl net.ipv4.ip_forward=1 bb \
		cat /proc/sys/net/ipv4/ip_forward
	is 1
	t "a sysctl of the host's" fail podman run --rm --network none --sysctl vm.swappiness=1 bb true
	t "a device" 0 podman run --rm --network none --device /dev/null:/dev/mine bb sh -c 'echo x >/dev/mine'
	t "none such" fail podman run --rm --network none --device /dev/nosuch bb true
	t "--umask, --oom-score-adj" 0 podman run --rm --network none --umask 0077 --oom-score-adj 321 bb \
		sh -c 'umask; cat /proc/self/oom_score_adj'
	is "0077
321"
}

test_volumes() {
	echo secret >"$pod/secret"
	t "secrets" 0 podman secret create s1 "$pod/secret"
	t "secrets: a file" 0 podman run --rm --network none --secret s1,mode=0400,uid=33 bb \
		sh -c 'stat -c %a:%u /run/secrets/s1; cat /run/secrets/s1'
	is "400:33
secret"
	t "secrets: in the environment" 0 podman run --rm --network none --secret s1,type=env,target=S bb \
		sh -c 'echo $S'
	is secret
	t "secrets: rm" 0 podman secret rm s1
	t "a volume that forgets" 0 podman run --rm --network none -v "$pod/vol:/v:O" bb \
		sh -c 'echo new >/v/new; cat /v/f /v/new'
	is "there
new"
	ok "has forgotten" test ! -e "$pod/vol/new"
	mkdir -p "$pod/given" && echo a >"$pod/given/a"
	[ -z "$rootless" ] || chown -R "$user:$user" "$pod/given"
	t "a volume given away" 0 podman run --rm --network none -u 33:34 -v "$pod/given:/v:U" bb \
		sh -c 'stat -c %u:%g /v/a; echo b >/v/b'
	is 33:34
	t "a volume with a name" 0 podman run --rm --network none -v named:/srv bb sh -c \
		'cat /srv/index.html; echo 2 >/srv/2'
	is hello
	t "is kept" 0 podman run --rm --network none -v named:/x bb cat /x/2
	is 2
	t "until it is removed" 0 podman volume rm named
	t "diff" 0 podman run --name o1 --network none bb sh -c 'echo n >/new; rm /srv/index.html'
	t "diff: of it" 0 podman diff o1
	out "A /new"
	out "D /srv/index.html"
	t "rename" 0 podman rename o1 o2
	t "clone" 0 podman container clone o2 o3
	[ -n "$rootless" ] && ! has_tun || t "clone: start" 0 podman start -a o3 # with a network
	t "clone: rm" 0 podman rm o2 o3
	t "cp into what is mounted" 0 podman run -d --name o --network none --tmpfs /t -v "$pod/vol:/v" bb forever
	t "cp: done" 0 sh -c 'podman cp "$1" o:/t/x && podman exec o cat /t/x && podman cp "$1" o:/v/x' - \
		"$pod/secret"
	is secret
	ok "cp: in the volume" cmp "$pod/secret" "$pod/vol/x"
	t "cp: back" 0 sh -c 'podman cp o:/t/x - | tar -xO'
	is secret
	t "cp: rm" 0 podman rm -f -t 0 o
}

test_build_mounts() {
	mkdir -p "$pod/bm/sub" && echo inside >"$pod/bm/sub/s" && echo secret >"$pod/secret"
	cat >"$pod/bm/Dockerfile" <<-'END'
		FROM localhost/bb AS one
		RUN --mount=type=cache,target=/cache,id=k echo c >>/cache/f; wc -l </cache/f >/n
		RUN --mount=type=secret,id=s,target=/etc/s,mode=0440,uid=33 stat -c "secret %u:%a" /etc/s
		RUN --mount=type=bind,source=sub,target=/b cat /b/s
		RUN --mount=type=tmpfs,target=/t echo t >/t/x && cat /t/x
		FROM localhost/bb
		COPY --from=one /n /n
		RUN --mount=type=bind,from=one,source=/srv,target=/o cat /o/index.html
		USER www
		WORKDIR /made
		RUN id -un; pwd
		CMD ["cat", "/n"]
	END
	[ -z "$rootless" ] || chown -R "$user:$user" "$pod/bm" "$pod/secret"
	t "build with mounts" 0 podman build --isolation oci --network none --secret id=s,src="$pod/secret" \
		--ulimit nofile=99:99 --shm-size 1m -t mounted "$pod/bm"
	out "secret 33:440"
	out inside
	out hello
	out /made
	t "build with mounts: the image" 0 podman run --rm --network none mounted
	is 1
}

test_annotations() {
	local plain=$work/plain year
	[ "$kind" = detrun ] || return 0
	year=$(date +%Y)
	printf '#!/bin/sh\nexec %s --root %s "$@"\n' "$RUNTIME" "$work/state" >"$plain"
	chmod 755 "$plain"
	mkdir -p "$pod/of" "$pod/place" && echo 'FROM localhost/bb' >"$pod/of/Dockerfile"
	[ -z "$rootless" ] || chown "$user:$user" "$pod/of" "$pod/place"
	t "annotations: an image with some" 0 podman build -q --isolation chroot \
		--annotation org.detrun.determinism=off --annotation "org.detrun.trace=$pod/place" \
		--annotation org.detrun.seed=bad --annotation io.container.manager=other -t says "$pod/of"
	t "annotations: the image's choice is not obeyed" 0 podman --runtime "$plain" run --rm \
		--network none says date +%Y
	is 1993
	ok "annotations: nor does it choose a place" sh -c '[ -z "$(ls -A "$1")" ]' - "$pod/place"
	t "annotations: the caller's is, with such an image, too" 0 podman --runtime "$plain" run --rm \
		--network none --annotation org.detrun.epoch=86400 says date +%Y
	is 1970
	t "annotations: off by the caller" 0 podman --runtime "$plain" run --rm --network none \
		--annotation org.detrun.determinism=off bb date +%Y
	is "$year"
	t "annotations: whose, if the list is gone" 0 podman --runtime "$plain" create --name an \
		--network none --annotation org.detrun.determinism=off bb true
	ok "annotations: gone" sh -c 'mv "$1"/storage/*-images "$1/away"' - "$pod"
	t "annotations: then none is obeyed" fail podman --runtime "$plain" start an
	err "annotation org.detrun.determinism: can't tell an image's from the caller's"
	ok "annotations: back" sh -c 'rm -rf "$1"/storage/*-images; mv "$1/away" "$1/storage/$2-images"' \
		- "$pod" "${STORAGE:-overlay}"
	t "annotations: rm" 0 podman rm an
}

end_podman() {
	podman rm -fa -t 0 >/dev/null 2>&1
	[ -z "$rootless" ] || podman system migrate >/dev/null 2>&1
	nothing_left '/(libpod_parent(\/[0-9a-f]{64})?|conmon|dtparent)$'
	podman rmi -fa >/dev/null 2>&1
}
