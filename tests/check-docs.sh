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

verbs() {
	"$detrun" --help | sed -n '/^VERBS/,/^$/s/^  \([a-z]*\) .*/\1/p'
}

options() { # [VERB]
	"$detrun" ${1:-} --help | grep -o '^ *\(-[a-z], \)\{0,1\}--[a-z-]*' | sed 's/.*--//; /^help$/d'
}

verbs_told() { # each has a page, of its own or with another one, which detrun(1) names
	bad=0
	for v in $(verbs); do
		grep -q "^\(.*[ ,]\)\{0,1\}\*\*\([a-z|*]*|\)\{0,1\}$v\b" docs/man/detrun.1.md ||
			{ echo "detrun(1) says nothing of $v" && bad=1; }
	done
	for f in docs/man/detrun-*.md; do
		n=${f#docs/man/}
		grep -q "\*\*${n%.1.md}\*\*(1)" docs/man/detrun.1.md || { echo "detrun(1) doesn't name $n" && bad=1; }
	done
	return $bad
}

options_told() { # [VERB]: those that it has are in its page
	f=docs/man/detrun${1:+-$1}.1.md bad=0
	case ${1:-} in resume) f=docs/man/detrun-pause.1.md ;; list | start) f=docs/man/detrun-state.1.md ;; esac
	[ -f $f ] || f=docs/man/detrun.1.md
	for o in $(options ${1:-}); do
		grep -qF -- "**-\\-$o**" $f || { echo "$f says nothing of --$o" && bad=1; }
	done
	return $bad
}

completed() { # WORDS...: what completion makes of the last one
	bash -c '. contrib/completions/detrun.bash; COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_detrun "$1" "${!#}" "${COMP_WORDS[COMP_CWORD - 1]}"; printf "%s\n" "${COMPREPLY[@]}"' bash "$@"
}

completion() {
	completed "$detrun" cre | grep -qx create && completed "$detrun" exec --proc | grep -qx -- --process-label &&
		completed "$detrun" --debug update --mem | grep -qx -- --memory-swap &&
		completed "$detrun" trace co | grep -qx code
}

check 'docs/syscalls.md is not what `detrun syscalls --format=md` prints' same_table
check 'a syscall number has two rows' one_row_each
check 'docs/determinism.md names a test that is not there' named_programs
for f in README.md docs/*.md docs/*/*.md; do
	[ -f "$f" ] && check "$f: a link leads nowhere" links "$f"
done
check 'detrun(1) is not complete' verbs_told
for v in '' $(verbs); do
	check "options of ${v:-detrun} are not told" options_told $v
done
check 'completion knows other verbs or options' completion
check 'NEWS has no entry for this version' grep -qF \
	"$("$detrun" --version | sed -n 's/^detrun version //p')" NEWS

echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
