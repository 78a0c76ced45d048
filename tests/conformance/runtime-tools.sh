#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The OCI runtime-tools' validation programs with any runtime; lib.sh has the options. A program
# is a case: it passes when it ends well and reports no failed test. Those about hooks report
# nothing when all is well, and a diagnostic otherwise.
. "$(dirname "$0")/lib.sh"
tests=$suites/runtime-tools
[ -x "$tests/bin/default" ] || die "no $tests/bin: prepare.sh makes it"

printf '#!/bin/sh\nexec %s --root "$TMPDIR/state" "$@"\n' "$runtime" >"$work/rt"
chmod 755 "$work/rt"

one() { # PROGRAM
	local log code
	wanted "$1" || return 0
	log=$(log_name "$1")
	run_case "$log" sh -c 'cd "$2" && RUNTIME="$1" exec "bin/$3"' sh "$work/rt" "$tests" "$1"
	code=$?
	if [ $code = 137 ]; then
		result "$1" hang
	elif [ $code != 0 ] || grep -v '# TODO' "$log" | grep -q '^ *not ok'; then
		result "$1" fail
	elif grep '^ok ' "$log" | grep -qv '# SKIP'; then
		result "$1" ok
	elif grep -q '^ok .*# SKIP' "$log"; then
		result "$1" skip
	elif grep -q '^ *"error": ' "$log"; then
		result "$1" fail
	else
		result "$1" ok
	fi
}

for program in "$tests"/bin/*; do
	one "${program##*/}"
done
finish
