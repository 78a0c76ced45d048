#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Install what the tests need, build, run every suite, sum up. Suites print "N passed, M failed".
#
# usage: all.sh [--slow] [--no-install] [--no-build] [SUITE...]
# Suites: unit layers docs, every tests/run/run-NAME.sh by its NAME, progs. --slow adds the real
# packages (the better part of an hour, and the network). engines, only when named: Podman, Buildah,
# Docker, containerd and systemd, those that are installed (contrib/install-deps.sh engines), as root.
set -u
cd "$(dirname "$0")/.." || exit 125
top=$PWD
build=${DETRUN_BUILD:-$top/build}
slow= install=1 make=1
while [ $# -gt 0 ]; do
	case $1 in
	--slow) slow=1 && export DETRUN_SLOW=1 && shift ;;
	--no-install) install= && shift ;;
	--no-build) install= make= && shift ;;
	-*) sed -n 's/^# usage: /usage: /p' "$0" >&2 && exit 2 ;;
	*) break ;;
	esac
done
only=" $* "
passed=0 failed=0 bad=

wants() {
	[ "$only" = "  " ] || [[ $only == *" $1 "* ]]
}

# Run a suite, show it, add its last sum to the total. A suite that ends badly without having
# counted a failure (or without having counted anything) counts as one.
suite() { # name, command...
	local name=$1 code p f log
	shift
	wants "$name" || return 0
	log=$(mktemp) || exit 125
	echo "== $name"
	timeout -k 10 "${SUITE_TIMEOUT:-1800}" "$@" </dev/null 2>&1 | tee "$log"
	code=${PIPESTATUS[0]}
	read -r p f < <(sed -n 's/^\([0-9]\{1,\}\) passed, \([0-9]\{1,\}\) failed.*$/\1 \2/p' "$log" | tail -1)
	p=${p:-0} f=${f:-0}
	if [ "$code" != 0 ] && [ "$f" = 0 ]; then
		f=1
		echo "suite $name: exit status $code$(why "$code")"
	elif [ "$code" = 0 ] && [ "$((p + f))" = 0 ] && ! grep -q '^# skipped' "$log"; then
		f=1
		echo "suite $name: counted nothing"
	fi
	[ "$f" = 0 ] || bad="$bad
  $name: $f failed; $(grep -m1 -E '^(FAIL|not ok|.*: error|.*ERROR)' "$log" || tail -1 "$log")"
	passed=$((passed + p)) failed=$((failed + f))
	rm -f "$log"
}

why() {
	case $1 in
	124 | 137) echo ' (out of time)' ;;
	esac
}

units() { # every unit test's program by itself: its own sum, and one line when it dies
	local t p f code out sp=0 sf=0
	for t in "$build"/tests/unit/unit-* "$build"/tests/sys/sys-*; do
		[ -f "$t" ] && [ -x "$t" ] || continue
		case $t in # the world of a handler's test lives as long as its process
		*/sys/*) export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 ;;
		esac
		out=$(cd "$top" && timeout -k 5 300 "$t" 2>&1 </dev/null)
		code=$?
		read -r p f < <(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' <<<"$out" | tail -1)
		p=${p:-0} f=${f:-0}
		if [ $code != 0 ]; then
			[ "$f" -gt 0 ] || f=1
			echo "FAIL ${t##*/} (exit status $code)"
			grep -v '^[0-9]* passed' <<<"$out" | tail -25 | sed 's/^/  /'
		else
			echo "ok   ${t##*/}: $p"
		fi
		sp=$((sp + p)) sf=$((sf + f))
	done
	echo "$sp passed, $sf failed"
	[ $sf = 0 ]
}

[ -z "$install" ] || sh contrib/install-deps.sh test || exit 125
[ -f "$build/build.ninja" ] || meson setup "$build" >/dev/null || exit 125
[ -z "$make" ] || ninja -C "$build" || {
	echo "the build failed"
	echo "0 passed, 1 failed"
	exit 1
}
export DETRUN=$build/runtime/detrun DETRUN_BUILD=$build
export -f units
export build top

suite unit bash -c units
suite layers sh tests/check-layers.sh
suite docs sh tests/check-docs.sh "$DETRUN"
for s in tests/run/run-*.sh; do
	[ -f "$s" ] || continue
	n=${s##*/run-}
	suite "${n%.sh}" bash "$s" "$DETRUN"
done
suite progs bash tests/run/progs.sh "$DETRUN"
if [[ $only == *" engines "* ]]; then
	for e in podman podman-rootless systemd buildah docker containerd cri; do
		for m in ${MODE:-off record}; do
			only=" engine-$e-$m " MODE=$m suite "engine-$e-$m" bash "tests/engines/$e.sh" "$DETRUN"
		done
	done
fi
if [ -n "$slow" ] || [[ $only == *" packages "* ]]; then
	SUITE_TIMEOUT=7200 suite packages bash tests/run/packages.sh "$DETRUN"
fi

echo "=="
[ -z "$bad" ] || echo "failed suites:$bad"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
