#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# crun's Python tests with any runtime in crun's place; lib.sh has the options. CRUN_SUITE names
# one of several versions' directories below DETRUN_SUITES.
. "$(dirname "$0")/lib.sh"
tests=$suites/${CRUN_SUITE:-crun}/tests
[ -x "$tests/init" ] || die "no $tests/init: prepare.sh makes it"
python=${PYTHON:-/usr/bin/python3}
export PYTHONPATH=$here/stubs:$tests PYTHONDONTWRITEBYTECODE=1

case ${runtime##*/} in
runc*)
	export RUNC_BEHIND=$runtime
	cp "$here/stubs/runc-as-crun" "$work/runc"
	runtime=$work/runc
	;;
esac

cases() { # MODULE
	"$python" -c '
import importlib, sys
for name in importlib.import_module(sys.argv[1]).all_tests: print(name)' "$1"
}

one() { # MODULE NAME
	local id="$1: $2" log code
	wanted "$id" || return 0
	log=$(log_name "$id")
	run_case "$log" sh -c 'cd "$TMPDIR" && exec env OCI_RUNTIME="$1" INIT="$2" RUN_TESTS="$3" \
		"$4" "$5"' sh "$runtime" "$tests/init" "$2" "$python" "$tests/$1.py"
	code=$?
	if [ $code = 137 ]; then
		result "$id" hang
	elif grep -q 'not ok 1 - ' "$log"; then
		result "$id" fail
	elif grep -q 'ok 1 - .*#SKIP' "$log"; then
		result "$id" skip
	elif grep -q 'ok 1 - ' "$log"; then
		result "$id" ok
	else
		result "$id" fail
	fi
}

for file in "$tests"/test_*.py; do
	module=${file##*/} module=${module%.py}
	for name in $(cases "$module"); do
		one "$module" "$name"
	done
done
finish
