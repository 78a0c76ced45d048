#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Two runs that compute, at once, on a machine with two CPUs or more: how much longer than one alone
# do they take? 1 where each has a CPU of its own, 2 where they share one. Each run is bound to one
# CPU, and may begin on the other's.
#
# usage: pair.sh [-n ROUNDS] [DETRUN]
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
rounds=5
[ "${1:-}" = -n ] && rounds=$2 && shift 2
detrun=$(realpath "${1:-${DETRUN:-$top/build/runtime/detrun}}")
work=$(mktemp -d) || exit 125
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 125

one() {
	# shellcheck disable=SC2016
	"$detrun" --trace none sh -c 'i=0; while [ $i -lt 12000000 ]; do i=$((i+1)); done' || exit 1
}

took() { # command...: seconds
	local s=$EPOCHREALTIME
	"$@"
	awk "BEGIN { print $EPOCHREALTIME - $s }"
}

both() {
	one &
	one
	wait
}

for ((i = 0; i < rounds; i++)); do
	alone=$(took one) two=$(took both)
	awk "BEGIN { printf \"alone %.1f s, two at once %.1f s: %.2f\n\", $alone, $two, $two / $alone }"
done
