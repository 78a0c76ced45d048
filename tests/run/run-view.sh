#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What config.json and `exec` declare shows in the canonical machine, the same each time.
. "$(dirname "$0")/lib.sh"
command -v python3 >/dev/null || { echo "# skipped: python3 is needed"; exit 0; }
[ "$(id -u)" = 0 ] || { echo "# skipped: root is needed"; exit 0; }
. "$top/tests/run/bundlelib.sh"
for p in grep kill; do copy_program "$b/rootfs" "$(type -P $p)"; done
record="$detrun --root $work/containers --determinism=record"

# Twice, with the same trace; a replay agrees.
twice() { # NAME STATUS [OPTION...]
	local what=$1 status=$2
	shift 2
	rm -rf "$work/1" "$work/2"
	t "$what" "$status" $record run "$@" --trace "$work/1" -b "$b" "c$$"
	cp "$work/out" "$work/first"
	t "$what, again" "$status" $record run "$@" --trace "$work/2" -b "$b" "c$$"
	ok "$what: the same trace" cmp "$work/1/checkpoint" "$work/2/checkpoint"
	t "$what: replay" 0 "$detrun" replay "$work/1"
	cp "$work/first" "$work/out"
}

# --- the host's namespaces ------------------------------------------------------------------------

sleep 600 & stranger=$!
bundle "sh('echo \$\$; kill -0 $stranger || echo unseen; ls -d /proc/[0-9]*')" "without('pid')"
twice "the host's processes are not there" 0
ok "it is process 1" test "$(head -1 "$work/out")" = 1
out unseen
ok "nor anybody in /proc but itself" test "$(grep -c /proc/ "$work/out")" = 1
bundle "sh('echo \$\$ /proc/self/fd/0')" "without('pid')" \
	"c['mounts'] = [x for x in c['mounts'] if x['type'] != 'proc']" \
	"m('/proc', 'none', '/proc', 'rbind', 'nosuid', 'nodev', 'noexec')"
twice "nor by a bind mount of /proc" 0
out "1 /proc/self/fd/0"
kill $stranger
bundle "sh('cat /etc/passwd')" "without('mount')" "l['maskedPaths'] = l['readonlyPaths'] = []" \
	"m('/mnt', 'tmpfs', 'tmpfs', 'mode=755')"
twice "mounts are the container's own" 0
ok "and not the host's" sh -c "! grep -q '$b' /proc/self/mountinfo"

finish
