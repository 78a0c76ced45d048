#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# runc's bats tests with any runtime in runc's place; lib.sh has the options. RUNC_SUITE names
# one of several versions' directories below DETRUN_SUITES.
. "$(dirname "$0")/lib.sh"
tests=$suites/${RUNC_SUITE:-runc}/tests/integration
[ -d "$tests" ] || die "no $tests: prepare.sh makes it"

escape() { sed 's/[][\\.*^$+?(){}|]/\\&/g' <<<"$1"; }

one() { # FILE NAME
	local file=$1 name=$2 id log code
	id="${file%.bats}: $name"
	wanted "$id" || return 0
	log=$(log_name "$id")
	run_case "$log" env RUNC="$runtime" \
		RECVTTY="$tests/../cmd/_bin/recvtty" SECCOMPAGENT="$tests/../cmd/_bin/seccompagent" \
		bats --tap -f "^$(escape "$name")\$" "$tests/$file"
	code=$?
	if [ $code = 137 ]; then
		result "$id" hang
	elif grep -q '^ok 1 .*# skip' "$log"; then
		result "$id" skip
	elif [ $code = 0 ] && grep -q '^ok 1 ' "$log"; then
		result "$id" ok
	else
		result "$id" fail
	fi
}

for file in "$tests"/*.bats; do
	file=${file##*/}
	while IFS= read -r name; do
		one "$file" "$name"
	done < <(sed -n 's/^@test "\(.*\)" {.*$/\1/p' "$tests/$file" | sed 's/\\\(["$`\\]\)/\1/g')
done
finish
