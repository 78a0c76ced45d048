#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Terminals: an interactive shell with job control, ^C, sizes; its replay; pipes in their place.
. "$(dirname "$0")/lib.sh"
command -v python3 >/dev/null || { echo "# skipped: python3 is needed"; exit 0; }
for p in stty tty; do copy_program "$root" "$(command -v $p)"; done
py=$(PATH=/usr/bin:/bin command -v python3 || command -v python3)
pty="$py $work/on-terminal.py"
cp "$top/tests/run/on-terminal.py" "$work/"
script() { cat >"$work/script" && chmod 644 "$work/script"; }
events() { "$detrun" trace show "$1" | grep -c "$2"; }

# Between two sleeps the terminal's foreground is the group of one that has ended: a ^C then is nobody's.
script <<'S'
wait # 
type stty size; tty\r
wait 33 77
wait /dev/pts/0
wait # 
type cat\r
type hello\r
wait hello\r\nhello
type abc\x03
wait ^C
wait # 
type sleep 100 & jobs; fg\r
wait sleep 100
wait # 
type cat\r
type there\r
wait there\r\nthere
type \x1a
wait topped
wait # 
type fg\r
wait cat\r\n
type line\r
wait line\r\nline
type \x04
wait # 
size 20 60
type stty size\r
wait 20 60
wait # 
type while sleep 1; do :; done\r
sleep 0.3
insist \x03 # 
type while :; do :; done\r
sleep 0.5
type \x03
wait #\x20
type read x; echo got $x\r
type foo\r
wait got foo
wait # 
type ls -l /dev/console; stty -a </dev/console | cat; exit 7\r
S
t "an interactive shell" 7 $pty "$work/script" "$detrun" --chroot "$root" -t --trace "$work/tr" \
	--env PS1='# ' sh -i
out "136, 0"
t "its replay" 0 "$detrun" replay "$work/tr"
out "got foo"
err "is the same"
ok "the size is an input" test "$(events "$work/tr" 'input 1')" -ge 1

t "pipes in place of a terminal" 3 sh -c \
	"printf 'cat\nline\n' | $detrun --chroot $root -t --trace $work/tr2 sh -c 'stty size; cat; exit 3'"
out "24 80"
out line
t "their replay" 0 "$detrun" replay "$work/tr2"
for i in 3 4; do
	t "--strict $i" 0 $pty /dev/null "$detrun" --chroot "$root" --strict -t --trace "$work/tr$i" \
		sh -c 'stty size; cat; echo end'
	out "24 80"
	out end
done
ok "is the same twice" "$detrun" trace diff "$work/tr3" "$work/tr4"
t "no terminal unless asked for" 1 $pty /dev/null "$detrun" --chroot "$root" --trace none tty
out "not a tty"
script <<'S'
wait up
kill detrun-shim
S
t "a dead supervisor leaves the caller's terminal as it was" 125 $pty "$work/script" \
	"$detrun" --chroot "$root" -t --trace none sh -c 'echo up; cat'

# a bundle as `detrun spec` makes it
b=$work/bundle
mkdir "$b" && cp -a "$root" "$b/rootfs"
[ "$(id -u)" = 0 ] || rootless=--rootless
(cd "$b" && "$detrun" spec ${rootless:-}) || exit 125
script <<'S'
wait # 
type stty size; tty; exit 5\r
wait 33 77
wait /dev/pts/0
S
t "detrun spec's own bundle" 5 $pty "$work/script" "$detrun" --root "$work/c" run \
	--trace "$work/tr5" "$b/"
t "its replay" 0 "$detrun" replay "$work/tr5"
sed -i 's/"terminal": true/"terminal": true, "consoleSize": {"height": 11, "width": 22}/' "$b/config.json"
script <<'S'
wait # 
type stty size; exit\r
wait 11 22
S
t "consoleSize" 0 $pty "$work/script" "$detrun" --root "$work/c" run --trace none "$b/"
sed -i 's/"\/dev\/pts"/"\/dev\/other"/' "$b/config.json"
t "no devpts" 1 "$detrun" --root "$work/c" run --trace none "$b/"
err "process.terminal"
if can_be_users; then
	script <<-'S'
		wait $ 
		type stty size; tty; exit 4\r
		wait 33 77
		wait /dev/pts/0
	S
	for user in one ranges; do
		t "user with $user" 4 as $user $pty "$work/script" "$detrun" --chroot "$root" -t \
			--trace none --env PS1='$ ' sh -i
	done
fi
finish
