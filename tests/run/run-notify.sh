#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# NOTIFY_SOCKET: a container says that it is ready, and whoever runs it passes that on.
. "$(dirname "$0")/lib.sh" "$@"
command -v python3 >/dev/null || { echo "# skipped: python3 is needed"; exit 0; }
. "$top/tests/run/bundlelib.sh"
${CC:-cc} -O1 -w -D_GNU_SOURCE -static -o "$b/rootfs/bin/notify" "$top/tests/guest/notify.c" || exit 125
D="$detrun --root $work/containers"
host=$work/host.sock log=$work/log
abstract=@detrun-test-$$

serve() { # PATH
	: >"$log"
	python3 "$top/tests/run/notify-server.py" "$1" "$log" &
	server=$!
	trap 'kill $server 2>/dev/null; chmod -R u+rwX "$work"; rm -rf "$work"' EXIT
	until [ -s "$log" ]; do sleep 0.05; done
	seen=1
}

heard() {
	tail -n +$((seen + 1)) "$log" | sed 's/^\(MAINPID=\)[1-9][0-9]*$/\1/' >"$work/said"
	[ "$(wc -l <"$work/said")" -ge "$1" ]
}

said() { # MESSAGE...: all that came since; MAINPID without its number
	await heard $#
	seen=$((seen + $(wc -l <"$work/said")))
	if [ "$(cat "$work/said")" = "$(printf '%s\n' "$@")" ]; then pass "$name: said"; else
		miss "$name" "said: $(cat "$work/said")"
	fi
}

program() { bundle "p['args'] = ['notify'$(printf ", '%s'" "$@")]; p['cwd'] = '/'"; }

serve "$host"
export NOTIFY_SOCKET=$host
program 0
run "foreground" 0
out "$host/notify"
said READY=1 MAINPID=

program 0 connect
t "create" 0 $D --determinism=off create -b "$b" c </dev/null
said
t "start waits until it is ready" 0 $D start c
said READY=1 MAINPID= BARRIER=1
$D delete -f c

bundle "sh('sleep 0.2')"
t "start doesn't wait for one that ends" 0 $D --determinism=off run -d -b "$b" c
said
$D delete -f c

program 0
t "detached" 0 $D --determinism=off run -d -b "$b" c
said READY=1 MAINPID= BARRIER=1
$D delete -f c

[ -n "${rootless:-}" ] || bundle "user()" "p['args'] = ['notify']"
[ -n "${rootless:-}" ] || chown -R 100000:100000 "$b/rootfs"
run "in a user namespace" 0
said READY=1 MAINPID=

program 30 connect
t "recorded" 0 $D run --trace "$work/a" -b "$b" c
out "19 of 19"
said READY=1 MAINPID=

t "recorded, created and started" 0 $D create --trace "$work/b" -b "$b" c
t "recorded: start" 0 $D start c
said READY=1 MAINPID=
until $D state c | grep -q stopped; do sleep 0.05; done
$D delete c
ok "the same trace" "$detrun" trace diff "$work/a" "$work/b"

kill $server
rm -f "$host"
t "recorded, nobody listens" 0 $D run --trace "$work/c" -b "$b" c
err "connect to NOTIFY_SOCKET $host"
ok "the same trace then" "$detrun" trace diff "$work/a" "$work/c"
unset NOTIFY_SOCKET
t "replay" 0 "$detrun" replay -b "$b" "$work/a"

program 0
NOTIFY_SOCKET=$host run "nobody listens" 0
err "connect to NOTIFY_SOCKET $host"
run "no NOTIFY_SOCKET" 99

serve "$abstract"
export NOTIFY_SOCKET=$abstract
run "an abstract name" 0
out "/run/notify/notify"
said READY=1 MAINPID=
finish
