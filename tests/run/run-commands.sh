#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every command of commands.txt, twice under different conditions, through the host door: same
# output, status, files and trace. usage: run-commands.sh [DETRUN] [PATTERN]
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/tests/run/conditions.sh"
[ $# = 0 ] || shift
pattern=${1:-}
passed=0 failed=0 skipped=0
conditions_setup

not_ok() { # command, reason...
	echo "not ok - $1: $2"
	shift 2
	printf '%s\n' "$@" | head -30 | cut -c1-300 | sed 's/^/#   /'
	failed=$((failed + 1))
}

run_in() { # condition, command
	local d=$work/$1/run t=$work/home_$1/trace
	rm -rf "$d" "$t"
	mkdir -m 755 "$d"
	[ "$1" = a ] || [ -z "$other_user" ] || chown "$other_user" "$d"
	"in_$1" "$d" timeout -k 5 "${COMMAND_TIMEOUT:-120}" "$work/detrun" --key "$work/key.pem" \
		--trace "$t" -- sh -c "$2" >"$work/out.$1" 2>"$work/err.$1" </dev/null
	echo "exit status $?" >>"$work/out.$1"
	sed -i '/^detrun: trace [0-9a-f]* in /d' "$work/err.$1"
	( cd "$d" && find . -type f -print0 | LC_ALL=C sort -z | xargs -0r sha256sum ) >"$work/files.$1"
	( cd "$d" && find . -mindepth 1 -printf '%T@ %m %p\n' | LC_ALL=C sort -k3 ) >>"$work/files.$1"
}

check() { # command
	local cmd=$1 why
	run_in a "$cmd"
	run_in b "$cmd"
	case $(tail -1 "$work/out.a") in
	*' 12[45]') not_ok "$cmd" "$(tail -1 "$work/out.a")" "$(tail -5 "$work/err.a")" && return ;;
	esac
	for what in out err files; do
		cmp -s "$work/$what.a" "$work/$what.b" && continue
		not_ok "$cmd" "$what differs" "$(diff "$work/$what.a" "$work/$what.b")" \
			"$(explain_bundles "$work/home_a/trace" "$work/home_b/trace")"
		return
	done
	why=$(same_bundle "$work/home_a/trace" "$work/home_b/trace") || {
		not_ok "$cmd" "the traces differ" "$why" \
			"$(explain_bundles "$work/home_a/trace" "$work/home_b/trace")"
		return
	}
	echo "ok - $cmd" | cut -c1-100
	[ -z "${SHOW:-}" ] || cat "$work/out.a" "$work/err.a"
	passed=$((passed + 1))
}

load_start 1500
while IFS= read -r line; do
	case $line in '' | '#'*) continue ;; esac
	need=${line%%: *}
	[ -z "$pattern" ] || [[ $line == *$pattern* ]] || continue
	cpuid=0
	[ "$need" != java ] || cpuid=1 # asks in code that it makes, which is not found where nothing faults
	if ! PATH=/usr/sbin:/usr/bin:/sbin:/bin command -v "$need" >/dev/null; then
		skipped=$((skipped + 1))
		continue
	fi
	check "${line#*: }"
done <"$top/tests/run/commands.txt"
load_stop
echo "# $skipped commands are not installed here"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
