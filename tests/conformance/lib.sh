# SPDX-License-Identifier: Apache-2.0
# For bats.sh, crun.sh and runtime-tools.sh: how a suite of others is run, case by case.
#
# usage: SUITE.sh [-m hybrid|v1|v2] [-d off|record|strict] [-o DIR] [-l LABEL] [-n NAME]
#                 [-t SECONDS] RUNTIME [PATTERN]
#
#   -m   cgroups as they are (hybrid), or in a private mount namespace version 1 or 2 alone
#   -d   DETRUN_DETERMINISM for the runtime
#   -o   where results go: DIR/SUITE-MODE-LABEL.tsv, a line "case<TAB>ok|fail|skip|hang" each,
#        and what a case printed in DIR/SUITE-MODE-LABEL.log/
#   -l   the runtime's name in results (default: its file name, with -d its mode)
#   -n   the name to call the runtime by: some cases look for it in its help
#   -t   seconds a case may take (default 90)
#
# DETRUN_SUITES is the directory that prepare.sh filled. Each case has its own mount and pid
# namespace, so that nothing of it outlives it, its own directory
# and a terminal.
set -u
umask 022
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
suites=${DETRUN_SUITES:-/var/tmp/detrun-suites}
mode=hybrid determinism= out=$PWD label= called= limit=90

die() { echo "$0: $*" >&2; exit 125; }

while getopts m:d:o:l:n:t: opt; do
	case $opt in
	m) mode=$OPTARG ;;
	d) determinism=$OPTARG ;;
	o) out=$OPTARG ;;
	l) label=$OPTARG ;;
	n) called=$OPTARG ;;
	t) limit=$OPTARG ;;
	*) sed -n 's/^# usage: /usage: /p' "$here/lib.sh" >&2 && exit 2 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -ge 1 ] || die "no runtime named"
[ "$(id -u)" = 0 ] || die "the suites need root"
runtime=$(command -v "$1") || die "no program $1"
runtime=$(readlink -f "$runtime")
pattern=${2:-}
suite=${0##*/} suite=${suite%.sh}
label=${label:-${runtime##*/}${determinism:+-$determinism}}
case $mode in hybrid | v1 | v2) ;; *) die "no mode $mode" ;; esac

results=$out/$suite-$mode-$label.tsv logs=$out/$suite-$mode-$label.log
mkdir -p "$logs" || exit 125
work=$(mktemp -d "${TMPDIR:-/tmp}/conformance.XXXXXX") || exit 125
chmod 755 "$work"
trap 'rm -rf --one-file-system "$work"' EXIT
[ -n "$pattern" ] || : >"$results"

if [ -n "$called" ]; then
	mkdir "$work/called" && ln -s "$runtime" "$work/called/$called"
	runtime=$work/called/$called
fi
if [ -n "$determinism" ]; then
	printf '#!/bin/sh\nDETRUN_DETERMINISM=%s exec %s "$@"\n' "$determinism" "$runtime" \
		>"$work/${runtime##*/}"
	chmod 755 "$work/${runtime##*/}"
	runtime=$work/${runtime##*/}
	# traces; and the key, which the first run makes. Not in /tmp, which some cases mount
	XDG_STATE_HOME=$(mktemp -d /var/tmp/conformance.XXXXXX) || exit 125
	export XDG_STATE_HOME
	trap 'rm -rf --one-file-system "$work" "$XDG_STATE_HOME"' EXIT
	[ "$determinism" = off ] || (cd "$XDG_STATE_HOME" && "$runtime" --trace=none /bin/true) ||
		(cd "$XDG_STATE_HOME" && "$runtime" /bin/true) >"$work/out" 2>&1
fi

# In the case's namespaces: the wanted cgroups, then the case.
cat >"$work/enter" <<-'EOF'
	#!/bin/bash
	# usage: enter MODE COMMAND...
	one_version() {
		case $1 in
		v1)
			! mountpoint -q /sys/fs/cgroup/unified || umount /sys/fs/cgroup/unified
			;;
		v2)
			while mountpoint -q /sys/fs/cgroup; do umount -R -l /sys/fs/cgroup || return; done
			mount -t cgroup2 cgroup2 /sys/fs/cgroup
			;;
		esac
	}
	one_version "$1" || exit 125
	shift
	/usr/bin/python3 "$0.py" "$@"
	exit $?
EOF
cp "$here/on-tty.py" "$work/enter.py"
chmod 755 "$work/enter"

# Two runs of one suite give their containers the same names, and so the same cgroups.
exec 9>"${TMPDIR:-/tmp}/.conformance-$suite.lock"

# Cgroups that a killed case left: only names these suites give, and only when empty.
sweep_cgroups() {
	find /sys/fs/cgroup -depth -mindepth 1 -type d \
		\( -path '*/runc-cgroups-integration-test*' -o -name 'test_*' -o -name 'test-tmp*' \
		-o -name 'test_busybox*' -o -name 'testcontainer*' \
		-o -regex '.*/[0-9a-f]*-[0-9a-f]*-[0-9a-f]*-[0-9a-f]*-[0-9a-f]*' \) \
		-mmin +3 -exec rmdir {} + 2>/dev/null
}

# A frozen process outlives even its pid namespace: crun's test of delete leaves one, and crun
# itself in runc's of a frozen cgroup.
thaw() {
	local f
	for f in /sys/fs/cgroup/freezer/frozen \
		/sys/fs/cgroup/freezer/runc-cgroups-integration-test/*; do
		grep -qs FROZEN "$f/freezer.state" || continue
		echo THAWED >"$f/freezer.state"
		sleep 0.2
	done
	[ ! -d /sys/fs/cgroup/freezer/frozen ] || rmdir /sys/fs/cgroup/freezer/frozen 2>/dev/null
}

# Run one case's command in its namespaces; its directory is $case_dir. 137 is a case that hung.
run_case() { # LOG COMMAND...
	local log=$1 code
	shift
	case_dir=$work/case
	mkdir -p "$case_dir" && chmod 755 "$case_dir"
	flock 9
	TMPDIR=$case_dir timeout -s KILL "$limit" \
		unshare --mount --pid --fork --kill-child --mount-proc \
		"$work/enter" "$mode" "$@" >"$log" 2>&1 9>&-
	code=$?
	flock -u 9
	[ $code != 137 ] && [ "${suite}" = bats ] || thaw
	rm -rf --one-file-system "$case_dir"
	return $code
}

result() { # CASE ok|fail|skip|hang
	if [ -n "$pattern" ] && [ -f "$results" ]; then
		awk -F'\t' -v c="$1" '$1 != c' "$results" >"$work/results" &&
			cp "$work/results" "$results"
	fi
	printf '%s\t%s\n' "$1" "$2" >>"$results"
	[ -z "${VERBOSE:-}" ] || printf '%s\t%s\n' "$2" "$1"
}

log_name() { printf '%s/%s' "$logs" "$(printf %s "$1" | tr -c 'A-Za-z0-9._-' _ | cut -c1-120)"; }

wanted() { [ -z "$pattern" ] || [[ $1 =~ $pattern ]]; }

finish() {
	sweep_cgroups
	awk -F'\t' -v name="$suite $mode $label" '
		{ n[$2]++ }
		END { printf "%s: %d ok, %d fail, %d hang, %d skip\n", name, n["ok"], n["fail"],
			n["hang"], n["skip"] }' "$results"
}
