#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# --systemd-cgroup, with a manager of our own on a bus of our own in systemd's place.
[ "$(id -u)" = 0 ] || { echo "# skipped: root is needed"; echo "0 passed, 0 failed"; exit 0; }
if [ -z "${SYSTEMD_VIEW:-}" ]; then
	SYSTEMD_VIEW=1 exec unshare -m bash "$0" "$@"
fi
. "$(dirname "$0")/lib.sh"
. "$top/tests/run/bundlelib.sh"
id=sd$$
sd="$detrun --root $work/containers --determinism=off --systemd-cgroup"
state() { $sd state "$1"; }

mkdir -p /run/systemd && mount -t tmpfs none /run/systemd || exit 125
bundle 'sh("true")' "l['cgroupsPath'] = 'a.slice:b:$id'"
t "without systemd" 1 $sd run -b "$b" $id
err "systemd not running on this host, cannot use systemd cgroups manager"
mkdir /run/systemd/system
export DBUS_SYSTEM_BUS_ADDRESS=unix:path=$work/nobus
t "without a bus" 1 $sd run -b "$b" $id
err "connect to systemd's system bus"

python=
for p in /usr/bin/python3 python3; do
	$p -c 'import dbus, dbus.mainloop.glib; from gi.repository import GLib' 2>/dev/null && python=$p && break
done
if [ -z "$python" ] || ! command -v dbus-daemon >/dev/null || [ ! -w /sys/fs/cgroup ]; then
	echo "# skipped: dbus-daemon and python3 with dbus and gi are needed"
	finish
	exit
fi
cat >"$work/bus.conf" <<-C
	<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
	 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
	<busconfig><type>session</type><listen>unix:path=$work/bus</listen>
	<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow receive_sender="*" eavesdrop="true"/><allow own="*"/>
	</policy></busconfig>
C
dbus-daemon --config-file="$work/bus.conf" --nofork >"$work/bus.log" 2>&1 &
daemon=$!
export DBUS_SYSTEM_BUS_ADDRESS=unix:path=$work/bus
await test -S "$work/bus"
: >"$work/calls"
$python "$top/tests/run/mock-systemd.py" "unix:path=$work/bus" "$work/calls" >"$work/mock.log" 2>&1 &
mock=$!
trap 'kill $daemon $mock 2>/dev/null; umount /run/systemd; rm -rf "$work"' EXIT
ok "the bus is there" await grep -q ready "$work/calls"

bundle 'sh("cat /proc/self/cgroup")' "l['cgroupsPath'] = 'dt-test.slice:pre:$id'" "without('cgroup')"
t "a scope" 0 $sd run -b "$b" $id
out "/dt.slice/dt-test.slice/pre-$id.scope"
[ ! -f /sys/fs/cgroup/cgroup.controllers ] || sed -i '/^0::/!d' "$work/out" # others are not mounted
ok "in every hierarchy" test "$(grep -c "/dt.slice/dt-test.slice/pre-$id.scope" "$work/out")" = \
	"$(grep -c . "$work/out")"
ok "it was asked for" grep -q "start pre-$id.scope replace .*Delegate=1.*Slice=dt-test.slice" "$work/calls"
ok "it was stopped" grep -q "stop pre-$id.scope" "$work/calls"
ok "it is gone" test -z "$(find /sys/fs/cgroup -maxdepth 5 -name "pre-$id.scope")"

bundle 'sh("while :; do :; done")' "l['resources'] = {'memory': {'limit': 67108864}, 'pids': {'limit': 9},
	'cpu': {'shares': 1024, 'quota': 25000, 'period': 100000}}"
if ! [ -f /sys/fs/cgroup/cgroup.controllers ] || grep -qw memory /sys/fs/cgroup/cgroup.controllers; then
	t "limits" 0 $sd create -b "$b" $id
	$sd start $id
	ok "systemd knows them" grep -qE "set detrun-$id.scope Memory(Max|Limit)=67108864 CPU(Weight=100|Shares=1024) CPUQuotaPerSecUSec=250000 TasksMax=9" "$work/calls"
	t "update" 0 $sd update --pids-limit -1 $id
	ok "it knows the new ones" grep -q "set detrun-$id.scope TasksMax=18446744073709551615" "$work/calls"
	t "pause" 0 $sd pause $id
	t "delete --force" 0 $sd delete --force $id
	ok "nothing is left" test -z "$(find /sys/fs/cgroup -maxdepth 5 -name "detrun-$id.scope")"
fi
for x in a:b "/abs" 'a.slice:b:c:d' 'a--b.slice:x:y' '-a.slice:x:y' 'a/b.slice:x:y' 'noslice:x:y'; do
	bundle 'sh("true")' "l['cgroupsPath'] = '$x'"
	t "the path $x" 1 $sd run -b "$b" $id
done
err "invalid slice name: noslice"
kill $mock
bundle 'sh("true")' "l['cgroupsPath'] = ':p:$id'"
t "a manager that is gone" 1 $sd run -b "$b" $id
find /sys/fs/cgroup -depth -path "*/dt.slice*" -type d -exec rmdir {} + 2>/dev/null
rmdir /sys/fs/cgroup/system.slice /sys/fs/cgroup/*/system.slice 2>/dev/null # if nobody else's
finish
