#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every program of tests/progs, twice under different conditions: same output, same exit status,
# same trace; both traces verify, and one is replayed. A new program is one file there, C or a script; nothing here
# names any. Three marks in a program's text are understood:
#   "compile this in the container"   (C) the compiler's run is part of the run; host door only
#   "skip-door: chroot|host"          not through that door
#   "skip-native:"                    not without detrun: it would change the host
#
# usage: progs.sh [DETRUN] [NAME...]     e.g. progs.sh build/runtime/detrun time threads
# KEEP=1 leaves the scratch directory with all traces.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/tests/run/conditions.sh"
[ $# = 0 ] || shift
only=" $* "
cc=${CC:-cc}

passed=0 failed=0 differs=0 native=0
conditions_setup

ok() {
	echo "ok - $1"
	passed=$((passed + 1))
}

not_ok() { # name, reason...
	echo "not ok - $1: $2"
	shift 2
	[ $# = 0 ] || printf '%s\n' "$@" | head -40 | cut -c1-300 | sed 's/^/#   /'
	failed=$((failed + 1))
}

# --- the programs and a root file system for them ---------------------------------------------

build_programs() { # into $work/progs, everything that can be run
	local f n
	mkdir "$work/progs"
	for f in "$top"/tests/progs/*; do
		n=${f##*/}
		[ "$only" = "  " ] || [[ $only == *" ${n%.*} "* ]] || continue
		case $n in
		*.c)
			if grep -q 'compile this in the container' "$f"; then
				cp "$f" "$work/progs/$n"
			else
				$cc -O1 -w -D_GNU_SOURCE -pthread -o "$work/progs/${n%.c}" "$f" -ldl -lm ||
					not_ok "$n" "does not compile"
			fi
			;;
		*.sh | *.py | *.pl) install -m 755 "$f" "$work/progs/$n" ;;
		esac
	done
	chmod -R a+rX "$work/progs"
	touch -d @700000000 "$work"/progs/*
}

copy_libs() { # of an executable, into the root file system
	local l
	for l in $(ldd "$1" 2>/dev/null | grep -o '/[^ ]*'); do
		[ -e "$work/root$l" ] || {
			mkdir -p "$work/root${l%/*}"
			cp -L "$l" "$work/root$l"
		}
	done
}

make_root() {
	local r=$work/root a f
	mkdir -p "$r"/{bin,etc,usr/bin,usr/share,proc,sys,dev,tmp,root,build,progs}
	chmod 1777 "$r/tmp"
	if [ -x /bin/busybox ]; then
		cp /bin/busybox "$r/bin/"
		for a in $(/bin/busybox --list); do
			[ "$a" = busybox ] || ln -s busybox "$r/bin/$a"
		done
	else
		echo "# no busybox: no scripts in the small root file system"
	fi
	echo 'root:x:0:0:root:/root:/bin/sh' >"$r/etc/passwd"
	echo 'root:x:0:' >"$r/etc/group"
	for a in zebra alpha mid 10 9 .hidden; do # names in an order that no directory gives back
		echo "$a" >"$r/usr/share/$a"
		echo "$a" >"$r/etc/$a.conf"
	done
	for f in "$work"/progs/*; do
		cp -p "$f" "$r/progs/"
		copy_libs "$f"
	done
	# A program may load this one at run time.
	[ -e /lib/x86_64-linux-gnu/libgcc_s.so.1 ] && mkdir -p "$r/lib/x86_64-linux-gnu" &&
		cp -L /lib/x86_64-linux-gnu/libgcc_s.so.1 "$r/lib/x86_64-linux-gnu/"
	ln "$r/etc/group" "$r/etc/group.again"
	ln "$r/etc/passwd" "$work/passwd.elsewhere" # a copy of the tree has one name for it
	chmod -R a+rX "$r"
}

# --- one program ------------------------------------------------------------------------------

door_of() { # does this program go through this door?
	local src
	src=$(ls "$top/tests/progs/${1%.*}".* | head -1)
	! grep -q "skip-door: $2" "$src" || return 1
	[ "$2" = host ] && return 0
	case $1 in
	*.c | *.py | *.pl) return 1 ;;
	*.sh) [ -e "$work/root/bin/busybox" ] ;;
	esac
}

command_of() { # sets cmd: what is run, in /build or from /progs
	case $2.$1 in
	host.*.c) cmd=(sh -c "cc -o prog $1 && ./prog") ;;
	host.*) cmd=("./$1") ;;
	chroot.*.sh) cmd=(/bin/sh "/progs/$1") ;;
	chroot.*) cmd=("/progs/$1") ;;
	esac
}

fresh_dir() { # condition, name: the directory the run starts in
	local d=$work/$1/$2
	rm -rf "$d"
	mkdir -p "$d"
	[ "${3:-}" != host ] || cp -p "$work/progs/$2" "$d/"
	chmod 755 "$d"
	touch -h -d @700000000 "$d"/* 2>/dev/null
	[ "$1" = b ] || [ "${3:-}" != host ] || ln -f "$d/$2" "$d.elsewhere"
	[ "$1" = a ] || [ -z "$other_user" ] || chown -R "$other_user" "$d"
}

run_one() { # condition, name, door, command...: output and status beside the directory
	local c=$1 n=$2 door=$3 t rest=()
	shift 3
	t=$work/home_$c/trace.$door.$n
	[ "$door" != chroot ] || rest=(--chroot "$work/root")
	"in_$c" "$work/$c/$n" timeout -k 5 "${PROG_TIMEOUT:-60}" "$work/detrun" "${rest[@]}" \
		--key "$work/key.pem" --trace "$t" -- "$@" \
		>"$work/out.$c" 2>"$work/err.$c" </dev/null
	echo "exit status $?" >>"$work/out.$c"
	sed -i '/^detrun: trace [0-9a-f]* in /d' "$work/err.$c" # the place differs, as it should
}

native_differs() { # informational: what the host alone makes of it
	local n=$1 c
	[ -z "${NO_NATIVE:-}" ] || return
	! grep -qs "skip-native:" "$top/tests/progs/${n%.*}".* || return # it would change the host
	command_of "$n" host
	for c in a b; do
		fresh_dir $c "$n" host
		"in_$c" "$work/$c/$n" timeout -k 5 20 "${cmd[@]}" >"$work/out.n$c" 2>&1 </dev/null
	done
	native=$((native + 1))
	cmp -s "$work/out.na" "$work/out.nb" && echo "# $n: the same twice on the host, too" && return
	differs=$((differs + 1))
}

check_one() { # name, door
	local n=$1 door=$2 what ta tb
	what="$door/$n"
	command_of "$n" "$door"
	fresh_dir a "$n" "$door"
	fresh_dir b "$n" "$door"
	run_one a "$n" "$door" "${cmd[@]}"
	run_one b "$n" "$door" "${cmd[@]}"
	ta=$work/home_a/trace.$door.$n tb=$work/home_b/trace.$door.$n
	case $(tail -1 "$work/out.a") in
	*' 12[4567]') not_ok "$what" "$(tail -1 "$work/out.a")" "$(tail -3 "$work/err.a")" && return ;;
	esac
	cmp -s "$work/out.a" "$work/out.b" || {
		not_ok "$what" "the output differs" "$(diff "$work/out.a" "$work/out.b")" \
			"$(tail -2 "$work/err.a")" "$(tail -2 "$work/err.b")"
		return
	}
	cmp -s "$work/err.a" "$work/err.b" || {
		not_ok "$what" "standard error differs" "$(diff "$work/err.a" "$work/err.b")"
		return
	}
	what_differs=$(same_bundle "$ta" "$tb") || {
		not_ok "$what" "the traces differ" "$what_differs" "$(explain_bundles "$ta" "$tb")"
		return
	}
	for t in "$ta" "$tb"; do
		verdict=$("$detrun" verify --deep --key "$work/pub.pem" "$t" 2>&1 </dev/null) || {
			not_ok "$what" "verify" "$verdict"
			return
		}
	done
	fresh_dir a "$n" "$door"
	verdict=$(in_a "$work/a/$n" timeout -k 5 "${PROG_TIMEOUT:-60}" "$work/detrun" replay --key "$work/pub.pem" "$ta" 2>&1 \
		</dev/null) || {
		not_ok "$what" "replay" "$(tail -5 <<<"$verdict")"
		return
	}
	ok "$what"
	rm -rf "$ta" "$tb"
}

build_programs
make_root
chmod 755 "$work/home_a" "$work/home_b"
load_start 1500
for f in "$work"/progs/*; do
	n=${f##*/}
	native_differs "$n"
	for door in chroot host; do
		door_of "$n" $door && check_one "$n" $door
	done
done
load_stop
echo "# on the host alone, $differs of $native programs print something else the second time"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
