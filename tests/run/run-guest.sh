#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Hostile and unlucky programs (tests/guest/*.c), each twice under different conditions: its own
# checks hold, nothing hangs, both runs have the same output and trace (calls come as notifications
# in the first; as ptrace stops in the second, whose CPU is said not to fault on CPUID). Then what
# befalls a run from outside. A program's comment says what is expected of it:
#   "expect: N."   its exit status, when not 0
#   "says: TEXT."  detrun's message contains TEXT; several are allowed
#   "limit: N."    seconds that one run may take
#   "skip."        not by itself: the second half runs it
#   "slow."        with DETRUN_SLOW=1 only
#   "reads its own code."  which has traps in it where the CPU cannot fault on CPUID
#
# usage: run-guest.sh DETRUN [NAME...]
. "$(dirname "$0")/lib.sh" "$@"
[ $# = 0 ] || shift
only=" $* "
cc=${CC:-cc}
mkdir "$work/guest"
"$detrun" --trace "$work/first" -- true >/dev/null 2>&1 # it makes a key, and says so

build() { # name
	$cc -O1 -w -D_GNU_SOURCE -pthread -o "$work/guest/$1" "$top/tests/guest/$1.c" &&
		touch -d @700000000 "$work/guest/$1"
}

guest_run() { # a|b, name
	local d=$work/$1/$2 cpuid=0
	! grep -q "reads its own code\." "$top/tests/guest/$2.c" || cpuid=1
	rm -rf "$d" "$work/trace.$1"
	mkdir -p "$d" && cp -p "$work/guest/$2" "$d/" && touch -d @700000000 "$d"
	(
		cd "$d" || exit 125
		[ "$1" = a ] || { umask 077; export TZ=Asia/Tokyo LC_ALL=C.UTF-8 EDITOR=ed DETRUN_NOTIFY=0 DETRUN_CPUID=$cpuid; ulimit -S -n 700; ulimit -S -f 1; }
		timeout -k 5 "$limit" "$detrun" --trace "$work/trace.$1" -- "./$2"
	) >"$work/out.$1" 2>"$work/err.$1" </dev/null
	echo "exit status $?" >>"$work/out.$1"
	sed -i '/^detrun: trace [0-9a-f]* in /d' "$work/err.$1"
}

check_guest() { # name
	local src=$top/tests/guest/$1.c want limit=$limit
	want=$(sed -n 's/.*expect: \([0-9]*\)\..*/\1/p' "$src")
	limit=$(sed -n "s/.*limit: \([0-9]*\)\..*/\1/p; \$a $limit" "$src" | head -1)
	guest_run a "$1"
	guest_run b "$1"
	cp "$work/out.a" "$work/out"
	cp "$work/err.a" "$work/err"
	[ "$(tail -1 "$work/out.a")" = "exit status ${want:-0}" ] || {
		miss "$1" "$(tail -1 "$work/out.a"), not ${want:-0}"
		return
	}
	for s in out err; do
		cmp -s "$work/$s.a" "$work/$s.b" || {
			miss "$1" "std$s differs: $(diff "$work/$s.a" "$work/$s.b" | sed -n 2,5p)"
			return
		}
	done
	while read -r text; do
		grep -qF -- "$text" "$work/err.a" || {
			miss "$1" "no \"$text\""
			return
		}
	done < <(grep -o 'says: [^.]*\.' "$src" | sed 's/^says: //; s/\.$//')
	[ "${want:-0}" = 125 ] || cmp -s "$work/trace.a/checkpoint" "$work/trace.b/checkpoint" || {
		miss "$1" "the traces differ"
		"$detrun" trace diff "$work/trace.a" "$work/trace.b" 2>&1 | head -20 | sed 's/^/#   /'
		return
	}
	pass "$1"
}

for f in "$top"/tests/guest/*.c; do
	n=$(basename "$f" .c)
	[ "$only" = "  " ] || [[ $only == *" $n "* ]] || continue
	! grep -q '^/\* library\.' "$f" || continue # another suite's
	[ -n "${DETRUN_SLOW:-}" ] || ! grep -q '^/\* slow\.' "$f" || continue
	build "$n" || { miss "$n" "does not compile"; continue; }
	grep -q '^/\* skip\.' "$f" || check_guest "$n"
done
[ "$only" = "  " ] || { finish; exit; }

# --- standard streams that are not what one hopes for -------------------------------------------

cp "$work/guest/"{stdio,epipe,herd} "$work/build/"
timed() { timeout -k 5 "$limit" "$detrun" --trace none -- "$@"; }

to_nobody() { timed ./epipe "$@" | head -c 1 >/dev/null; return "${PIPESTATUS[0]}"; }
t "standard output closed meanwhile" 141 to_nobody
t "standard output closed meanwhile, SIGPIPE ignored" 42 to_nobody ignore
closed_out() { timed sh -c 'echo lost; exit 3' >&-; }
t "standard output closed" 3 closed_out
closed_in() { timed ./stdio <&-; }
t "standard input closed" 0 closed_in
out "0 bytes"
closed_all() { timed sh -c 'exit 4' <&- >&- 2>&-; }
t "all three closed" 4 closed_all
head -c 20000000 /dev/zero | openssl enc -aes-128-ctr -K 0 -iv 0 2>/dev/null >"$work/random"
same_in() { [ "$(timed ./stdio <"$1")" = "$(./stdio <"$1")" ]; }
ok "20 MB of binary input, a file" same_in "$work/random"
piped_in() { [ "$(cat "$work/random" | timed ./stdio)" = "$(./stdio <"$work/random")" ]; }
ok "20 MB of binary input, a pipe" piped_in
ok "input that is never read" sh -c 'yes | timeout "$2" "$1" --trace none -- true' sh "$detrun" "$limit"
dir_in() { timed ./stdio </; }
t "standard input is a directory" 0 dir_in

# --- death from outside -------------------------------------------------------------------------

descendants() { # of $1, itself first
	echo "$1"
	for c in $(cat /proc/"$1"/task/*/children 2>/dev/null); do descendants "$c"; done
}

begin_herd() { # [ARG]: $herd is detrun's pid, $all everybody's
	rm -f "$work/fifo" "$work/out" && mkfifo "$work/fifo"
	"$detrun" --trace "$work/trace.herd.$RANDOM$RANDOM" -- ./herd "$@" \
		<"$work/fifo" >"$work/out" 2>"$work/err" &
	herd=$!
	exec 9>"$work/fifo"
	await grep -q there "$work/out"
	all=$(descendants $herd)
	shim=
	for p in $all; do
		[ "$(cat /proc/"$p"/comm 2>/dev/null)" = detrun-shim ] && shim=$p
	done
}

end_herd() { # sets $got: detrun's status
	timeout "$limit" tail -s 0.1 --pid=$herd -f /dev/null 9>&- || kill -9 $herd
	wait $herd 2>/dev/null
	got=$?
	exec 9>&-
}

nobody_there() {
	local p
	for p in $all; do
		[ ! -d "/proc/$p" ] || grep -q '^State:.Z' "/proc/$p/status" 2>/dev/null || return 1
	done
}

nobody_left() { await nobody_there; }

nothing_left() { # of the private directories, and no mount
	[ -z "$(ls -A "$work/state/detrun/run" 2>/dev/null)" ] && ! grep -q "$work" /proc/mounts &&
		! ls "/dev/shm/detrun-$(id -u)/run" 2>/dev/null | grep -q "^$herd\."
}

death() { # NAME STATUS TEXT-ON-STDERR COMMAND [HERD-ARG]
	begin_herd ${5:-}
	ok "$1: $(wc -w <<<"$all") processes" test "$(wc -w <<<"$all")" -gt 200
	eval "$4"
	end_herd
	name=$1
	if [ $got = "$2" ]; then pass "$1: status"; else miss "$1" "exit status $got, not $2"; fi
	[ -z "$3" ] || err "$3"
	ok "$1: nobody is left" nobody_left
}

death "supervisor killed" 125 "killed by signal 9" 'kill -9 $shim'
ok "supervisor killed: nothing is left" nothing_left
death "SIGTERM" 143 "" 'kill $herd'
ok "SIGTERM: nothing is left" nothing_left
death "SIGINT" 130 "" 'kill -INT $herd'
ok "SIGINT: nothing is left" nothing_left
death "SIGTERM ignored inside" 143 "" 'kill $herd' ignore
ok "SIGTERM ignored inside: nothing is left" nothing_left
death "detrun killed" 137 "" 'kill -9 $herd'
t "the next run" 0 timed true
ok "the next run cleans up" nothing_left
death "input ends" 7 "" 'exec 9>&-'

# --- full disks ---------------------------------------------------------------------------------

one_line() { [ "$(grep -c . "$work/err")" = 1 ]; }
if [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
	small() { # MOUNT-POINT COMMAND...: with a small tmpfs there
		unshare -m sh -c 'mount -t tmpfs -o size=${SIZE:-256k} none "$1" || exit 77; shift; exec "$@"' \
			sh "$@"
	}
	mkdir "$work/small"
	t "trace on a full disk" 125 small "$work/small" timeout -k 5 "$limit" "$detrun" \
		--trace "$work/small/t" --chroot "$root" -- \
		sh -c 'i=0; while [ $i -lt 60000 ]; do i=$((i+1)); [ -e /etc/$i$i$i ]; done'
	err "no space left"
	ok "trace on a full disk: one line" one_line
	mkdir -p "$work/state"
	SIZE=2m t "the container's disk is full" 125 small "$work/state" timeout -k 5 "$limit" "$detrun" \
		--trace none --chroot "$root" -- \
		sh -c 'while cat /bin/* >>/tmp/big; do :; done; exit 9'
	err "no space left"
	ok "the container's disk is full: one line" one_line
fi
finish
