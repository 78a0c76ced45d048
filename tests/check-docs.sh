#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What is generated is what is committed, what is linked exists, what is claimed is there.
# usage: check-docs.sh DETRUN
set -u
detrun=$(realpath "${1:?usage: $0 DETRUN}")
cd "$(dirname "$0")/.." || exit 1

passed=0 failed=0 tmp=$(mktemp)
trap 'rm -f "$tmp"' EXIT

check() { # description, command
	what=$1
	shift
	if "$@" >"$tmp" 2>&1; then
		passed=$((passed + 1))
	else
		echo "FAIL $what"
		head -20 "$tmp" | sed 's/^/  /'
		failed=$((failed + 1))
	fi
}

same_table() {
	"$detrun" syscalls --format=md | diff -u docs/syscalls.md -
}

one_row_each() { # every line of the table's body names another number
	"$detrun" syscalls --format=md | sed -n 's/^| *\([0-9][0-9]*\) *|.*/\1/p' | sort |
		uniq -d | grep . && return 1
	return 0
}

links() { # of one markdown file, relative ones
	dir=$(dirname "$1") bad=0
	for l in $(grep -o '](.[^) ]*)' "$1" | sed 's/^](//; s/)$//; s/#.*//' | grep -v '^http'); do
		[ -e "$dir/$l" ] || {
			echo "$1: $l does not exist"
			bad=1
		}
	done
	return $bad
}

named_programs() { # every test that docs/determinism.md names is in the tree
	bad=0
	for p in $(grep -o 'progs/[a-z_0-9]*\.[a-z]*' docs/determinism.md | sort -u); do
		[ -f "tests/$p" ] || {
			echo "$p: no such program"
			bad=1
		}
	done
	return $bad
}

check 'docs/syscalls.md is not what `detrun syscalls --format=md` prints' same_table
check 'a syscall number has two rows' one_row_each
check 'docs/determinism.md names a test that is not there' named_programs
for f in README.md docs/*.md docs/*/*.md; do
	[ -f "$f" ] && check "$f: a link leads nowhere" links "$f"
done
check 'NEWS has no entry for this version' grep -qF \
	"$("$detrun" --version | sed -n 's/^detrun version //p')" NEWS

echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
