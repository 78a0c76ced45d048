#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Buildah with --isolation oci, as root and as an ordinary user. usage: buildah.sh [RUNTIME]; see
# README
. "$(dirname "$0")/lib.sh"
needs buildah newuidmap setpriv
be_user

setup_buildah() { # directory, prefix of the command
	local b=$1
	shift
	mkdir -p "$b/tmp"
	cat >"$b/storage.conf" <<-END
		[storage]
		driver = "${STORAGE:-overlay}"
		graphroot = "$b/storage"
		runroot = "$b/run"
		rootless_storage_path = "$b/storage"
	END
	cat >"$b/containers.conf" <<-END
		[containers]
		default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
	END
	cat >"$b/buildah" <<-END
		#!/bin/sh
		export CONTAINERS_STORAGE_CONF=$b/storage.conf CONTAINERS_CONF=$b/containers.conf
		export TMPDIR=$b/tmp BUILDAH_ISOLATION=oci BUILDAH_RUNTIME=$runtime
		cd $b
		exec $* $(command -v buildah) "\$@"
	END
	chmod 755 "$b/buildah"
}

test_buildah() { # directory, label, network
	local b=$1
	PATH=$b:$PATH
	echo "# $2"
	t "$2: from" 0 buildah from --network "$3" --name c0 scratch
	t "$2: add" 0 buildah add -q c0 "$img" /
	t "$2: run" 0 buildah run c0 -- echo hello
	is hello
	t "$2: run: no terminal, input" 0 sh -c 'echo in | buildah run c0 -- cat'
	is in
	t "$2: run: exit code" 9 buildah run c0 -- sh -c 'exit 9'
	t "$2: run: killed" 143 buildah run c0 -- sh -c 'sh -c "kill \$\$"; exit $?'
	t "$2: run: no such program" fail buildah run c0 -- nothing
	err 'executable file not found in $PATH'
	t "$2: run: it stays" 0 buildah run c0 -- sh -c 'echo kept >/kept; chown www:video /kept'
	t "$2: run: and is there" 0 buildah run c0 -- sh -c 'cat /kept; stat -c %U:%G /kept'
	is "kept
www:video"
	t "$2: run: user, directory, environment" 0 buildah run --user www --workingdir /srv --env A=b c0 \
		-- sh -c 'echo $(id -u) $(pwd) $A'
	is "33 /srv b"
	t "$2: run: volume" 0 buildah run -v "$b/containers.conf:/etc/c.conf:ro" c0 -- grep -c ulimits \
		/etc/c.conf
	is 1
	t "$2: run: capabilities" 0 buildah run --cap-drop all c0 -- grep CapEff /proc/self/status
	out 0000000000000000
	t "$2: run: host's network" 0 buildah run --network host c0 -- true
	t "$2: run: no network" 0 buildah run --network none c0 -- sh -c 'grep -c : /proc/net/dev'
	is 1
	tty "$2: run -t" 3 'wait #
type tty\n
wait /dev/
type exit 3\n' buildah run -t c0 -- sh
	t "$2: run: descriptors" 0 buildah run c0 -- ls -l /proc/self/fd
	lacks "$b"
	t "$2: run: hostname" 0 buildah run --hostname box c0 -- hostname
	is box
	t "$2: config, commit" 0 sh -c 'buildah config --cmd "cat /kept" c0 && buildah commit -q c0 img0'
	mkdir -p "$b/ctx" && echo file >"$b/ctx/file"
	cat >"$b/ctx/Containerfile" <<-'END'
		FROM localhost/img0 AS one
		ARG what=nothing
		RUN echo $what >/what && sleep 0.1 && ls -la / >/listing
		FROM localhost/img0
		COPY --from=one /what /listing /
		COPY --chown=www file /file
		RUN --mount=type=tmpfs,target=/t --mount=type=bind,source=.,target=/src \
			cp /src/file /t/ && cat /t/file >/from && test $(stat -c %U /file) = www
		USER www
		RUN test $(id -u) = 33 && ! touch /root/no
	END
	t "$2: build" 0 buildah build --network "$3" -q --build-arg what=this --layers -t built "$b/ctx"
	t "$2: build: from it" 0 buildah from --network "$3" --name c1 localhost/built
	t "$2: build: what it made" 0 buildah run --user root c1 -- cat /what /from
	is "this
file"
	t "$2: rm" 0 buildah rm -a
	t "$2: rmi" 0 buildah rmi -f -a
	ok "$2: by the runtime" grep -q ' \?create --bundle' "$work/calls"
	PATH=${PATH#*:}
}

setup_buildah "$work/root"
test_buildah "$work/root" root private
# shellcheck disable=SC2086
setup_buildah "$work/user/b" $as_user
chown -R "$user:$user" "$work/user/b"
: >"$work/calls"
test_buildah "$work/user/b" user none
nothing_left '/(buildah.*|conmon)$'
finish
