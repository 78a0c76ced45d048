#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Compare results case by case.
# usage: compare.sh OURS.tsv OTHER.tsv...
#
# Prints the sums, the cases where OURS is below the best of the others (exit status 1 if there
# are any), and those that nobody passes. A case that OURS skips, and another passes, is below.
set -eu
[ $# -ge 1 ] || { sed -n 's/^# usage: /usage: /p' "$0" >&2; exit 2; }
exec awk -F'\t' '
	FNR == 1 { name[++files] = FILENAME; sub(/.*\//, "", name[files]); sub(/\.tsv$/, "", name[files]) }
	{ r[files, $1] = $2; n[files, $2]++; if (!($1 in seen)) { seen[$1] = 1; order[++cases] = $1 } }
	END {
		printf "%-40s %5s %5s %5s %5s\n", "", "ok", "fail", "hang", "skip"
		for (f = 1; f <= files; f++)
			printf "%-40s %5d %5d %5d %5d\n", name[f], n[f, "ok"], n[f, "fail"],
				n[f, "hang"], n[f, "skip"]
		for (i = 1; i <= cases; i++) {
			c = order[i]
			who = ""
			skipped = 0
			for (f = 2; f <= files; f++) {
				if (r[f, c] == "ok")
					who = who " " name[f]
				if (r[f, c] == "skip")
					skipped++
			}
			if (r[1, c] == "ok") {
				if (files > 1 && who == "")
					above = above "\n  " c
			} else if (who != "") {
				below = below "\n  " c " (" (r[1, c] ? r[1, c] : "not run") "; ok:" who ")"
				lost++
			} else if (skipped < files - 1 || (r[1, c] != "skip" && files == 1))
				nobody = nobody "\n  " c " (" r[1, c] ")"
		}
		if (below != "") print "\nbelow the best of the others:" below
		if (above != "") print "\npassed by ours alone:" above
		if (nobody != "") print "\npassed by nobody:" nobody
		exit lost > 0
	}' "$@"
