#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The three suites with detrun, against the lists of what it passes: expected/SUITE-MODE.txt has
# a case per line. The last line is "N passed, M failed": listed cases that pass, or don't.
# usage: all.sh DETRUN [MODE...]    MODE: off, record (default: off)
#
# Needs root, the network for prepare.sh the first time, and some minutes. SUITES limits it to
# some of "bats crun runtime-tools", BATS_ONLY to those of runc's cases that match; OUT keeps the
# results there.
set -u
here=$(cd "$(dirname "$0")" && pwd)
detrun=$(readlink -f "${1:?usage: $0 DETRUN [MODE...]}")
shift
[ $# -gt 0 ] || set -- off
out=${OUT:-$(mktemp -d "${TMPDIR:-/tmp}/conformance-all.XXXXXX")} || exit 125
[ -n "${OUT:-}" ] || trap 'rm -rf "$out"' EXIT
passed=0 failed=0
if [ "$(id -u)" != 0 ]; then
	echo "# skipped: the suites need root"
	exit 0
fi
bash "$here/prepare.sh" || { echo "0 passed, 1 failed"; exit 1; }

only() { # SUITE
	[ "$1" = bats ] || return 0
	printf %s "${BATS_ONLY:-}"
}

check() { # RESULTS EXPECTED PATTERN
	local case got
	while IFS= read -r case; do
		[ -z "$3" ] || [[ $case =~ $3 ]] || continue
		got=$(awk -F'\t' -v c="$case" '$1 == c { print $2 }' "$1")
		if [ "$got" = ok ]; then
			passed=$((passed + 1))
		else
			failed=$((failed + 1))
			echo "FAIL ${1##*/}: $case (${got:-not run})"
		fi
	done <"$2"
}

# The suites at the same time: they wait more than they compute.
for mode in "$@"; do
	for suite in ${SUITES:-runtime-tools crun bats}; do
		[ -f "$here/expected/$suite-$mode.txt" ] || continue
		bash "$here/$suite.sh" -t 60 -d "$mode" -o "$out" -l "detrun-$mode" \
			-n "$([ $suite = bats ] && echo runc || echo detrun)" "$detrun" \
			${BATS_ONLY:+"$(only "$suite")"} 2>&1 |
			grep -v '^rmdir: \|Killed' &
	done
	wait
	for suite in ${SUITES:-runtime-tools crun bats}; do
		[ -f "$here/expected/$suite-$mode.txt" ] || continue
		check "$out/$suite-hybrid-detrun-$mode.tsv" "$here/expected/$suite-$mode.txt" \
			"$(only "$suite")"
	done
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
