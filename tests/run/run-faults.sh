#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Full disks and dead peers: a line that names the fault, nothing half-written, nothing left, and
# what was recorded until then still verifies. (tests/run/run-stress.sh has the faults of single calls.)
. "$(dirname "$0")/lib.sh"
command -v python3 >/dev/null || { echo "# skipped: python3 is needed"; exit 0; }
[ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null || { echo "# skipped: root is needed"; exit 0; }
. "$top/tests/run/bundlelib.sh"
S=$work/containers id=fault$$
D() { "$detrun" --root "$S" --determinism="${mode:-off}" "$@"; }
one_line() { [ "$(grep -vc '^detrun: warning: ' "$work/err")" = 1 ]; }
status() { D state $id 2>/dev/null | sed -n 's/ *"status": "\([a-z]*\)".*/\1/p'; }
has_status() { [ "$(status)" = "$1" ]; }
is() { await has_status "$1"; }
shim() { sed -n 's/.*"shim":\([0-9]*\),.*/\1/p' "$S/$id/state.json"; }
cgroups() { find /sys/fs/cgroup -maxdepth 4 -name $id 2>/dev/null; }
mkdir "$work/small"
small() { # SIZE COMMAND...: with a disk of that size at $work/small
	unshare -m sh -c 'mount -t tmpfs -o size="$2" tmpfs "$1" && shift 2 && exec "$@"' sh "$work/small" "$@"
}

# --- full disks -----------------------------------------------------------------------------------

bundle "sh('echo ran')"
life() { # in the small disk: one life; says what it met and what it left
	"$1" --root "$2" --determinism=$3 create -b "$4" $5 && "$1" --root "$2" start $5
	made=$?
	"$1" --root "$2" delete --force $5 || echo "delete: $?"
	[ -z "$(ls -A "$2")" ] || echo "left: $(find "$2")"
	exit $made
}
for mode in off record; do
	bad= full=0
	for k in 4 8 12 16 20 24 32 48 64; do
		small ${k}k bash -c "$(declare -f life); life \"\$@\"" sh "$detrun" "$work/small" $mode "$b" $id \
			>"$work/out" 2>"$work/err" </dev/null
		got=$?
		[ "$(grep -v '^ran$' "$work/out")" = "" ] || bad="$bad ${k}k: $(cat "$work/out")"
		[ $got = 0 ] && continue
		full=$((full + 1))
		one_line && grep -q "no space left on device" "$work/err" || bad="$bad ${k}k: $(cat "$work/err")"
	done
	ok "$mode: states on disks too small for them ($full of 9):$bad" test -z "$bad" -a $full -gt 1
	ok "$mode: no cgroup is left of them" test -z "$(cgroups)"
done

cd "$work/build" || exit 125
t "a layer on a full disk" 125 small 8k "$detrun" --trace none --output "$work/small/o.tar" --chroot "$root" \
	-- sh -c 'cat /bin/* >/big'
err "write the layer: no space left on device"
kept() { "$detrun" --trace none --keep "$work/small" --chroot "$root" -- sh -c 'cat /bin/* >/big; echo a >/a'
	code=$?; ls -A "$work/small"; exit $code; }
t "kept files on a full disk" 125 small 8k bash -c "$(declare -f kept); detrun='$detrun' work='$work' root='$root' kept"
err "no space left on device"
ok "none is half there" test ! -s "$work/out"
full() { (cd "$work/small" && "$detrun" --trace none "$@" -- sh -c 'cat /bin/* >big; echo $?'); }
t "/build on a full disk is no result of the program's" 125 small 64k bash -c "$(declare -f full); detrun='$detrun' work='$work' full"
err "write to /build/big of the container (the host has to have room for it): no space left on device"
t "a volume neither" 125 small 64k "$detrun" --trace none -v "$work/small:/v" -- sh -c 'cat /bin/* >/v/big; echo $?'
err "write to /v/big of the container"
bundle "m('/v', 'bind', '$work/small', 'bind')" "sh('cat /bin/* >/v/big; echo \$?')"
for mode in record; do
	t "nor one of a bundle" 1 small 64k "$detrun" --root "$S" run --trace none -b "$b" $id
	err "write to /v/big of the container"
done
mode=off
for v in list "trace show $work/tr" "state $id" --version --help; do
	bundle "sh('sleep 100')"
	[ "$v" != "state $id" ] || D run -d -b "$b" $id >/dev/null 2>&1 </dev/null
	[ "$v" != "trace show $work/tr" ] || "$detrun" --trace "$work/tr" -- true 2>/dev/null
	fully() { "$detrun" --root "$S" $v >/dev/full; }
	t "$v to a full disk" $([[ $v == trace* ]] && echo 2 || echo 1) fully
	err "write to standard output: no space left on device"
done
D delete --force $id
for mode in off record; do
	t "$mode: a pid file on a full disk" 1 D create -b "$b" --pid-file /dev/full $id
	err "write /dev/full: no space left on device"
	ok "$mode: which is the device that it was" test -c /dev/full
	ok "$mode: and nothing is left" test -z "$(ls -A "$S")$(cgroups)"
done
mode=off
D --log /dev/full delete nothing >"$work/out" 2>"$work/err"
name="a log on a full disk"
err "container does not exist"

# --- dead peers -----------------------------------------------------------------------------------

mode=record
mkdir "$work/kept"
bundle "sh('while :; do cat /etc/passwd >/tmp/x; done')" \
	"c['annotations'] = {'org.detrun.trace': '$work/kept'}"
D create -b "$b" $id >/dev/null 2>&1 </dev/null
D start $id
await test -s "$work/kept/index.dtx"
kill -9 "$(shim)"
ok "a dead supervisor's container has stopped" is stopped
t "its trace is not whole" 1 "$detrun" verify "$work/kept"
cp -a "$work/kept" "$work/cut"
t "but can be made so" 0 "$detrun" trace recover "$work/cut"
t "up to where it ended" 0 "$detrun" verify "$work/cut"
t "exec says so" 255 D exec $id true
err "stopped container"
t "and kill" 1 D kill $id TERM
err "container not running"
t "delete cleans" 0 D delete $id
ok "everything" test -z "$(ls -A "$S")$(cgroups)"

# who made it and waits for it: create's caller, with the terminal's other end
cat >"$work/engine.py" <<'P'
import os, socket, subprocess, sys, time
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen(1)
subprocess.check_call(sys.argv[2:], stdin=subprocess.DEVNULL)
c = s.accept()[0]
c.recvmsg(100, 1000)
open(sys.argv[1] + ".up", "w")
time.sleep(1000)
P
for mode in off record; do
	bundle "p['terminal'] = True" "sh('while sleep 0.1; do echo x; done')"
	rm -f "$work/sock" "$work/sock.up"
	python3 "$work/engine.py" "$work/sock" "$detrun" --root "$S" --determinism=$mode create -b "$b" \
		--console-socket "$work/sock" $id 2>"$work/engine.err" &
	engine=$!
	await test -e "$work/sock.up"
	D start $id
	ok "$mode: a container whose engine dies" is running
	kill -9 $engine
	wait $engine 2>/dev/null
	t "$mode: is there for the next" 0 D state $id
	t "$mode: which can end it" 0 D delete --force $id
	ok "$mode: wholly" test -z "$(ls -A "$S")$(cgroups)"
done

# the key goes while it runs: it was read before
mode=record
openssl genpkey -algorithm ed25519 -out "$work/key.pem" 2>/dev/null
mkfifo "$work/go"
"$detrun" --trace "$work/keyed" --key "$work/key.pem" -- sh -c 'echo there; read x' <"$work/go" >"$work/out" 2>&1 &
run=$!
exec 9>"$work/go"
await grep -q there "$work/out"
openssl pkey -in "$work/key.pem" -pubout -out "$work/pub.pem" && rm "$work/key.pem"
exec 9>&-
wait $run
t "a key that goes during the run has signed" 0 "$detrun" verify --key "$work/pub.pem" "$work/keyed"
finish
