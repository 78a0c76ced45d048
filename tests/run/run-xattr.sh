#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Extended attributes in a bundle's root: user.* and capabilities, with a supervisor as without.
. "$(dirname "$0")/lib.sh"
command -v python3 >/dev/null || { echo "# skipped: python3 is needed"; exit 0; }
for p in setfattr getfattr setcap getcap; do
	command -v $p >/dev/null || PATH=$PATH:/usr/sbin:/sbin
	command -v $p >/dev/null || { echo "# skipped: $p is needed"; exit 0; }
done
touch "$work/probe" && setfattr -n user.a -v b "$work/probe" 2>/dev/null ||
	{ echo "# skipped: the file system of $work has no extended attributes"; exit 0; }
. "$top/tests/run/bundlelib.sh"
for p in setfattr getfattr setcap getcap; do copy_program "$b/rootfs" "$(command -v $p)"; done
fresh() { # the root as it was
	rm -f "$b/rootfs/home/"*
	mkdir -p "$b/rootfs/home" && echo 1 >"$b/rootfs/home/a" && echo 2 >"$b/rootfs/home/b"
	setfattr -n user.was -v there "$b/rootfs/home/b"
}
caps='for k in ("bounding", "effective", "permitted"): p["capabilities"][k] += ["CAP_SETFCAP"]'
root=0
[ "$(id -u)" = 0 ] && root=1

what='cd /home; getfattr -d b; setfattr -n user.x -v one a; setfattr -n user.a -v two a; getfattr -d a
	setfattr -x user.x a; getfattr -d a; getfattr -n user.x a; setfattr -x user.x a
	cp -p a c 2>/dev/null; getfattr -d c
	setfattr -n trusted.x -v 1 a; setfattr -n user.d -v 1 .; getfattr -d .; echo ended'
bundle "p['args'] = ['sh', '-c', '''$what''']" "$caps"
fresh
t "without a supervisor" 0 "$detrun" --root "$work/containers" --determinism=off run -b "$b" "c$$"
out 'user.was="there"'
fresh
t "recorded" 0 "$detrun" --root "$work/containers" run --trace "$work/tr1" "$b/"
out 'user.was="there"'
out 'user.a="two"'
out 'user.x="one"'
out ended
err 'a: user.x: No such attribute'
ok "it is on disk" sh -c "getfattr -d '$b/rootfs/home/a' | grep -q 'user.a=.two'"
ok "what was there is in the manifest" grep -q '^# xattr ./home/b user.was=7468657265' "$work/tr1/rootfs.in.mtree"
ok "what came is in that of the end" grep -q '^# xattr ./home/a user.a=74776f' "$work/tr1/rootfs.out.mtree"
fresh
t "again" 0 "$detrun" --root "$work/containers" run --trace "$work/tr2" "$b/"
ok "one trace" cmp "$work/tr1/checkpoint" "$work/tr2/checkpoint"
fresh
t "replay" 0 "$detrun" replay --bundle "$b" --trace none "$work/tr1"

bundle "p['args'] = ['setfattr', '-n', 'user.big', '-v', 'x' * 4000, '/home/a']"
fresh
t "more than a file system may have room for" 1 "$detrun" --root "$work/containers" run --trace none "$b/"
err 'No space left'

if [ $root = 1 ]; then
	bundle "p['args'] = ['sh', '-c', 'cd /home; setcap cap_net_raw+ep a && getcap a; setfattr -n user.y -v 1 a; getfattr -d a; chown 1:1 a; getcap a; echo ended']" \
		"$caps" 'for k in ("bounding", "effective", "permitted"): p["capabilities"][k] += ["CAP_CHOWN"]'
	for mode in off record; do
		fresh
		t "$mode: capabilities" 0 "$detrun" --root "$work/containers" --determinism=$mode run --trace none "$b/"
		out 'a cap_net_raw=ep'
		ok "$mode: once" test "$(grep -c cap_net_raw "$work/out")" = 1
	done
	bundle "p['args'] = ['sh', '-c', 'setcap cap_net_raw+ep /home/a']"
	for mode in off record; do
		fresh
		t "$mode: who lacks CAP_SETFCAP" 1 "$detrun" --root "$work/containers" --determinism=$mode run --trace none "$b/"
	done
fi
finish
