#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A machine with systemd as its first process, made of this one's files: --systemd-cgroup, Podman with
# its systemd cgroup manager, as root and (on v2) as an ordinary user with a session of his own.
# usage: systemd.sh [RUNTIME]; VIEWS="hybrid v2"; see README
. "$(dirname "$0")/lib.sh"
systemd=/lib/systemd/systemd
[ -x $systemd ] || skip "systemd is not installed"
needs dbus-daemon nsenter setpriv podman conmon newuidmap
rootless= CGROUP_MANAGER=systemd LIMIT=120
. "$here/podman-common.sh"

inside() { # a command in the machine
	nsenter -t "$first" -m -u -i -n -p -C "--root=/proc/$first/root" "--wd=/proc/$first/root" \
		env PATH="$PATH" LC_ALL=C.UTF-8 "$@"
}

up() { inside systemctl is-system-running | grep -qE 'running|degraded'; }

start_machine() { # view
	unshare --mount --pid --cgroup --ipc --uts --fork --kill-child --mount-proc \
		--propagation private bash "$here/machine.sh" "$1" $user "$work" "$(dirname "$RUNTIME")" \
		>"$work/machine.log" 2>&1 </dev/null &
	machine=$!
	till pgrep -P $machine
	first=$(pgrep -P $machine)
	till up || {
		tail -5 "$work/machine.log"
		skip "systemd doesn't run here as the first process ($1)"
	}
	inside systemctl start dbus.service
}

end_machine() {
	[ -z "$first" ] || kill -9 "$first"
	wait "$machine" 2>/dev/null
	find /sys/fs/cgroup -mindepth 1 -depth -type d -exec rmdir {} + 2>/dev/null # those that are empty
	first=
}

scope_of() { # property
	inside systemctl show -P "$1" "$unit"
}

container_scopes() { find /sys/fs/cgroup -type d -name "${1:-dt-*.scope}"; }

test_direct() { # view
	local b=$work/bundle id=dt$1 limits
	unit=dt-$id.scope
	mkdir -p "$b" && [ -d "$b/rootfs" ] || cp -a "$work/image" "$b/rootfs"
	rm -f "$b/config.json"
	(cd "$b" && "$runtime" spec)
	limits='{}'
	[ "$1" = v2 ] || limits='{"memory": {"limit": 67108864}, "pids": {"limit": 20},
		"cpu": {"shares": 512, "quota": 25000, "period": 100000}}'
	python3 - "$b/config.json" "$id" "$limits" <<-'P'
		import json, sys
		c = json.load(open(sys.argv[1]))
		c['process'].update(terminal=False, args=['serve'])
		c['root']['readonly'] = False
		c['linux'].update(cgroupsPath='dt.slice:dt:' + sys.argv[2], resources=json.loads(sys.argv[3]))
		json.dump(c, open(sys.argv[1], 'w'))
	P
	t "$1: create" 0 inside "$runtime" --systemd-cgroup create -b "$b" "$id"
	t "$1: start" 0 inside "$runtime" --systemd-cgroup start "$id"
	t "$1: the scope" 0 scope_of ActiveState
	is active
	t "$1: its slice" 0 scope_of ControlGroup
	is "/dt.slice/$unit"
	t "$1: it is ours" 0 scope_of Delegate
	is yes
	t "$1: exec" 0 inside "$runtime" exec "$id" echo hello
	is hello
	if [ "$1" != v2 ]; then
		t "$1: limits" 0 scope_of MemoryLimit
		is 67108864
		t "$1: update" 0 inside "$runtime" --systemd-cgroup update --memory 50331648 --pids-limit 30 "$id"
		t "$1: systemd's" 0 scope_of TasksMax
		is 30
		t "$1: reload" 0 inside systemctl daemon-reload
		t "$1: what it leaves" 0 cat "/sys/fs/cgroup/memory/dt.slice/$unit/memory.limit_in_bytes" \
			"/sys/fs/cgroup/pids/dt.slice/$unit/pids.max"
		is "50331648
30"
		t "$1: devices stay denied" 0 cat "/sys/fs/cgroup/devices/dt.slice/$unit/devices.list"
		lacks 'a *:*'
	fi
	t "$1: pause" 0 inside "$runtime" --systemd-cgroup pause "$id"
	t "$1: resume" 0 inside "$runtime" --systemd-cgroup resume "$id"
	t "$1: delete" 0 inside "$runtime" --systemd-cgroup delete --force "$id"
	t "$1: the scope is gone" 0 scope_of LoadState
	is not-found
	ok "$1: in every hierarchy" eval_empty container_scopes
}

# Scopes of containers are started while the slice is: what is missed then was missed now and then.
test_slices() { # label
	local i
	for i in 1 2 3 4 5 6; do
		inside systemctl stop machine.slice 2>/dev/null
		t "$1: a new slice" 0 podman run --rm --network none bb true
	done
}

test_podman_scopes() { # label
	t "$1: run -d" 0 podman run -d --name d --network none bb serve
	unit=libpod-$(podman inspect -f '{{.Id}}' d).scope
	ok "$1: ready" till eval 'podman logs d | grep -q ready'
	t "$1: exec" 0 podman exec d echo inside
	is inside
	t "$1: the scope" 0 container_scopes "$unit"
	out "$unit"
	t "$1: pause" 0 podman pause d
	t "$1: unpause" 0 podman unpause d
	t "$1: stop" 0 podman stop -t 20 d
	t "$1: exit code" 0 podman inspect -f '{{.State.ExitCode}}' d
	is 7
	ok "$1: no scope" eval_empty container_scopes "$unit"
	t "$1: start again" 0 podman start d
	t "$1: rm -f" 0 podman rm -f -t 1 d
	ok "$1: nor now" eval_empty container_scopes "$unit"
}

# Its own paths are below $work, which is the machine's, too.
podman_as() { # command
	rm -f "$work/bin/podman" # of before
	hash -r
	setup_podman nsenter -t "$first" -m -u -i -n -p -C "--root=/proc/$first/root" \
		"--wd=/proc/$first/root" "$@"
}

# A session: the user's own manager, asked on the user's own bus.
test_user() {
	rootless=1
	rm -rf "$work/p" && mkdir -p "$work/user" && chown $user:$user "$work/user"
	t "rootless: a session" 0 inside systemctl start user@$user.service
	podman_as systemd-run -q --wait --pipe --collect --uid=$user --slice=user-$user.slice \
		-p Delegate=yes -E XDG_RUNTIME_DIR=/run/user/$user -E HOME="$work/user" -E PATH="$PATH" \
		-E DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/$user/bus \
		-E CONTAINERS_CONF="$work/p/containers.conf" \
		-E CONTAINERS_STORAGE_CONF="$work/p/storage.conf" -E TMPDIR="$work/p/tmp"
	test_podman_scopes rootless
	podman rm -fa -t 0 >/dev/null 2>&1
}

for view in ${VIEWS:-hybrid v2}; do
	echo "# $view"
	start_machine "$view"
	test_direct "$view"
	[ "$view" != v2 ] || PIDS_LIMIT=0 # the controller is v1's here
	podman_as
	test_slices "$view"
	test_podman_scopes "$view"
	[ "$view" = v2 ] || test_pods
	podman rm -fa -t 0 >/dev/null 2>&1
	[ "$view" != v2 ] || test_user
	end_machine
done
finish
