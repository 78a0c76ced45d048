#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# --input-times: make over several runs, and times that are inputs of a run.
. "$(dirname "$0")/lib.sh"
command -v make >/dev/null || { echo "# skipped: make is needed"; exit 0; }

project() { # into the directory $1: two parts, and what is made of both
	mkdir -p "$1/sub" && cd "$1" || exit 125
	printf '%s\n' 'all: sub/a.out b.out both' 'sub/a.out: sub/a head; cat $^ >$@' \
		'b.out: b head; cat $^ >$@' 'both: sub/a.out b.out; cat $^ >$@' >Makefile
	echo a >sub/a && echo b >b && echo head >head
}
mk() { "$detrun" "${door[@]}" --input-times kept --trace none make "$@"; }
new_trace() { sed -n 's/^detrun: trace \([0-9a-f]*\) in.*/\1/p'; }
# What a run says of a tree of these times, and its trace's root.
look() { # directory
	(cd "$1" && "$detrun" --input-times kept --trace "$1.trace" \
		sh -c "stat -c '%n %y %x %z %w' . sub sub/a b link; make; date +%s.%N >when" 2>&1)
}
# A run's own time is never ahead of ours: what is edited now is newer than all that was made.
edit() { echo more >>"$1"; }

copy_program "$root" "$(command -v make)"
for way in host chroot; do
	[ $way = host ] && door=() || door=(--chroot "$root")
	project "$work/$way"
	t "$way: all is made" 0 mk

	t "$way: a second run has nothing to do" 0 mk
	out 'Nothing to be done'
	t "$way: make -q agrees" 0 mk -q
	edit sub/a
	t "$way: after an edit" 0 mk
	out 'cat sub/a head >sub/a.out'
	out 'cat sub/a.out b.out >both'
	ok "$way: just what depends on it" lacks b.out:
	ok "$way: and nothing else" lacks 'cat b head'
	ok "$way: it is in it" grep -q more both
	t "$way: and again nothing to do" 0 mk -q
	edit b && sleep 0.01 && edit head
	t "$way: two edits" 0 mk
	out 'cat b head >b.out'
	out 'cat sub/a head >sub/a.out'
	t "$way: what slept is not from tomorrow" 0 "$detrun" "${door[@]}" --input-times kept \
		--trace none sh -c 'sleep 2; cat b head >b.out; cat sub/a.out b.out >both'
	edit b
	t "$way: an edit right after that" 1 mk -q
	t "$way: is made" 0 mk
	t "$way: native make agrees" 0 make -q
	t "$way: without the option nothing was edited" 0 "$detrun" "${door[@]}" --trace none make -q
done

project "$work/one" && ln -s b link
touch -d '2001-02-03 04:05:06.123456789 UTC' b && touch -h -d '1999-01-01 UTC' link
cp -a "$work/one" "$work/two" && cp -a "$work/one" "$work/other" && cp -a "$work/one" "$work/early"
touch -d '2001-02-03 04:05:06.123456788 UTC' "$work/other/b"
look "$work/one" >"$work/one.out"
ok "inputs show the times they have" grep -q '^b 2001-02-03 04:05:06.123456789 +0000 2001-02-03' \
	"$work/one.out"
ok "links, too" grep -q '^link 1999-01-01 00:00:00' "$work/one.out"
newest=$(stat -c %.9Y "$work/one/sub/a" "$work/one/sub" "$work/one/head" "$work/one" | sort -n | tail -1)
ok "the clock starts with the newest" python3 -c 'import sys; from decimal import Decimal as D
s, e = D(sys.argv[1]), D(sys.argv[2]); sys.exit(not s - 60 < e < s + 60)' \
	"$(cat "$work/one/when")" "$newest"
TZ=Asia/Tokyo look "$work/two" >"$work/two.out"
ok "a copy of these times is the same run" cmp <(new_trace <"$work/one.out") <(new_trace <"$work/two.out")
ok "with one trace root" test -n "$(new_trace <"$work/one.out")"
look "$work/other" >"$work/other.out"
ok "a nanosecond is another input" test "$(new_trace <"$work/one.out")" != \
	"$(new_trace <"$work/other.out")"
if can_be_users; then
	for kind in one ranges; do
		rm -rf "$work/$kind.copy" && mkdir "$work/$kind.copy"
		cp -a "$work/early" "$work/$kind.copy/p" && chmod 755 "$work/$kind.copy"
		chown -R --no-dereference "$([ $kind = one ] && echo 54321 || echo 54322)" "$work/$kind.copy"
		as $kind sh -c 'cd "$1/p" && "$2" --input-times kept --trace ../t sh -c "$3" 2>&1' sh \
			"$work/$kind.copy" "$detrun" \
			"stat -c '%n %y %x %z %w' . sub sub/a b link; make; date +%s.%N >when" >"$work/$kind.out"
		ok "of another user, $kind" cmp <(new_trace <"$work/one.out") <(new_trace <"$work/$kind.out")
	done
fi

cp -a "$work/early" "$work/again"
t "replay, of the same times" 0 "$detrun" replay --build "$work/again" "$work/one.trace"
touch -d '2002-01-01 UTC' "$work/early/b"
t "replay, of another time" 1 "$detrun" replay --build "$work/early" "$work/one.trace"
t "the trace verifies" 0 "$detrun" verify "$work/one.trace"
ok "its header says so" grep -q '"inputTimes":"kept"' "$work/one.trace/header.json"

mkdir "$work/lent" && cd "$work/lent" || exit 125
echo x >"$work/single" && touch -d '2003-03-03 03:03:03 UTC' "$work/single"
mkdir "$work/vol" && echo y >"$work/vol/y" && touch -d '2004-04-04 04:04:04 UTC' "$work/vol/y"
for mode in ro snapshot; do
	t "volumes: $mode" 0 "$detrun" --input-times kept -v "$work/single:/build2:ro" \
		-v "$work/vol:/vol:$mode" --trace "$work/$mode.trace" stat -c '%n %y' /build2 /vol/y /bin/sh
	out '/build2 2003-03-03 03:03:03.000000000'
	out '/vol/y 2004-04-04 04:04:04.000000000'
	out '/bin/sh 1993-08-08 22:00:00.000000000'
done
ok "a single file's time is in the manifest" grep -q time=1046660583.0 "$work/ro.trace/rootfs.in.mtree"
t "--epoch in the past does not hide what is newer" 0 "$detrun" --input-times kept --epoch 1000 \
	-v "$work/vol:/vol:ro" --trace none sh -c 'stat -c %Y /vol/y /bin/sh; echo $SOURCE_DATE_EPOCH'
out 1081051444
ok "and is what the root file system shows" test "$(sed -n 2,3p "$work/out" | sort -u)" = 1000
t "--epoch in the future" 0 "$detrun" --input-times kept --epoch 3000000000 --trace none \
	sh -c 'touch new; stat -c %Y new'
out 3000000000
ok "which is told" grep -q 'ahead of the clock' "$work/err"
t "another word" 125 "$detrun" --input-times disk true
err 'epoch or kept expected'
finish
