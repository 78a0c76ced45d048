#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a run costs: CPU seconds (user and system, of every process there is) of detrun and of
# strace -f, as multiples of the bare command's. Everything on one CPU; medians; recording and
# signing on; commands take turns, so that a slow moment hits all three. Each does the same work: its
# environment is what detrun gives a program, and the files are new to git in all three.
#
# usage: bench.sh [-n RUNS] [-c CPU] [--chroot ROOTFS] [DETRUN] [CASE...]
# Cases: configure compile find dd spawn sha256 git. Exit status 1 if a target is missed.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
runs=5 cpu=0 chroot= detrun=
while [ $# -gt 0 ]; do
	case $1 in
	-n) runs=$2 && shift 2 ;;
	-c) cpu=$2 && shift 2 ;;
	--chroot) chroot=$2 && shift 2 ;;
	-*) sed -n 's/^# usage: /usage: /p' "$0" >&2 && exit 2 ;;
	*/*) detrun=$1 && shift ;;
	*) break ;;
	esac
done
only=" $* "
detrun=$(realpath "${detrun:-${DETRUN:-$top/build/runtime/detrun}}")
[ -x "$detrun" ] || { echo "$0: $detrun is not there" >&2; exit 125; }

work=$(mktemp -d "${DETRUN_TEST_DIR:-/var/tmp}/detrun-bench.XXXXXX") || exit 125
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM
mkdir "$work/home" "$work/case" "$work/traces"
unset LC_ALL LANGUAGE
export LANG=C.UTF-8 TZ=UTC HOME=$work/home XDG_DATA_HOME=$work/home XDG_CACHE_HOME=$work/cache
unset SOURCE_DATE_EPOCH
helper=$work/bench_cpu
${CC:-cc} -O2 -o "$helper" "$top/tests/bench/bench_cpu.c" || exit 125
have_strace=$(command -v strace)

missed=0 writes= ntraces=0

median() {
	sort -n "$1" 2>/dev/null | awk '{ v[NR] = $1 } END { if (NR) print v[int((NR + 1) / 2)]; else print 0 }'
}

fresh() { # the case's directory as it was before the first run, where the command writes to it
	if [ -z "$writes" ]; then
		cd "$work/case" || exit 125
		return
	fi
	rm -rf "$work/run"
	cp -a "$work/case" "$work/run"
	cd "$work/run" || exit 125
}

once() { # how, command...: one measured run
	local how=$1 code=0
	shift
	fresh
	case $how in
	native) set -- "$@" ;;
	strace) set -- strace -f -o /dev/null "$@" ;;
	detrun)
		ntraces=$((ntraces + 1)) # each a new one: ext4 is slow to make files after many were deleted
		set -- "$detrun" ${chroot:+--chroot "$chroot"} --trace "$work/traces/$ntraces" -- "$@"
		;;
	esac
	taskset -c "$cpu" "$helper" "$work/sec.$how" "$@" >"$work/out.$how" 2>"$work/err.$how" </dev/null || code=$?
	[ $code = 0 ] && return
	echo "$how failed with status $code: $(tail -1 "$work/err.$how")" >&2
	return 1
}

# name, target ratio, command...; the case's files are in $work/case
bench() {
	local name=$1 target=$2 how i n d s line
	shift 2
	case $name in
	configure | compile) writes=1 ;;
	*) writes= ;;
	esac
	[ "$only" = "  " ] || [[ $only == *" $name "* ]] || return
	rm -f "$work"/sec.*
	for how in native detrun ${have_strace:+strace}; do
		once $how "$@" || { missed=1 && printf '%-10s failed (%s)\n' "$name" $how && return; }
	done
	rm -f "$work"/sec.* # the first round warmed the caches
	for ((i = 0; i < runs; i++)); do
		for how in native detrun ${have_strace:+strace}; do
			once $how "$@"
		done
	done
	n=$(median "$work/sec.native") d=$(median "$work/sec.detrun") s=$(median "$work/sec.strace")
	line=$(awk -v name="$name" -v n="$n" -v d="$d" -v s="$s" -v t="$target" 'BEGIN {
		if (n <= 0) n = 0.001
		v = t == "-" ? "" : d / n <= t ? "met" : "MISSED"
		if (s > 0 && d > s) v = v " above strace"
		printf "%-10s %9.3f %9.3f %9.3f %8.2f %8.2f %7s  %s\n", name, n, d, s, d / n, s / n, t, v
	}')
	echo "$line"
	case $line in *MISSED* | *above*) missed=1 ;; esac
}

wants() {
	[ "$only" = "  " ] || [[ $only == *" $1 "* ]]
}

# --- what the cases need ------------------------------------------------------------------------

# A package's source as Debian has it, fetched with an apt configuration of our own.
source_of() { # package, directory to make
	local dir=${DETRUN_TEST_CACHE:-/var/cache/detrun-test}
	mkdir -p "$dir/src" 2>/dev/null && [ -w "$dir/src" ] || dir=$work
	"$top/tests/run/fetch-source.sh" bookworm "$1" "$dir/src" >"$work/fetch.log" 2>&1 || {
		echo "# no source of $1: $(tail -1 "$work/fetch.log")"
		return 1
	}
	mkdir -p "$2" && tar -C "$2" --strip-components=1 -xf "$dir"/src/"$1"_*.orig.tar.*
}

case_dir() {
	rm -rf "$work/case"
	mkdir "$work/case"
}

# One file of 13,656 lines: cmark's generated scanners.
case_compile() {
	source_of cmark "$work/cmark" || return 1
	case_dir
	cp "$work"/cmark/src/*.h "$work"/cmark/src/scanners.c "$work/case/"
	echo '#define CMARK_EXPORT' >"$work/case/cmark_export.h"
	: >"$work/case/cmark_version.h"
	: >"$work/case/config.h"
}

case_configure() {
	source_of zlib "$work/zlib" || return 1
	rm -rf "$work/case"
	cp -a "$work/zlib" "$work/case"
}

# A checkout that was copied, as into a container: git's index doesn't know the files by number and
# time, and each is read. Inside that is so for every checkout, as the host's numbers and times are
# not shown.
case_git() {
	rm -rf "$work/case"
	mkdir "$work/checkout"
	( cd "$work/checkout" && git init -q . && for i in $(seq 3000); do
		d=d$((i % 50))
		[ -d $d ] || mkdir $d
		echo "file $i" >$d/f$i
	done && git add . && git -c user.name=a -c user.email=a@b commit -qm all ) &&
		cp -a "$work/checkout" "$work/case"
}

echo "CPU seconds, median of $runs, on CPU $cpu; $(uname -srm)"
printf '%-10s %9s %9s %9s %8s %8s %7s\n' case native detrun strace det/nat str/nat target
if wants configure && case_configure; then
	bench configure 1.5 ./configure
fi
if wants compile && case_compile; then
	bench compile 1.2 gcc -O2 -DCMARK_INLINE=inline -I. -c -o scanners.o scanners.c
fi
case_dir
bench find 6 find /usr/share
bench dd 20 dd bs=1 count=100000 if=/dev/zero of=/dev/null
bench spawn 2 sh -c 'i=0; while [ $i -lt 200 ]; do /bin/true; i=$((i+1)); done'
head -c 24000000 /dev/urandom >"$work/case/data"
bench sha256 - sha256sum data
if wants git && command -v git >/dev/null; then
	case_git
	bench git - git --no-optional-locks status --short
fi
exit $missed
