#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Start to exit of /bin/true in a bundle of busybox: detrun without and with a supervisor, and what
# else is installed of crun and runc. Milliseconds (median and least), CPU milliseconds, and the
# peak memory of the largest process. All take turns, in an order that changes: namespaces are taken
# down late, at the cost of who comes next. Cgroups are v1 only, in a private mount
# namespace, because crun refuses to start on a hybrid machine.
#
# usage: oci.sh [-n RUNS] [-c CPU] [DETRUN]     as root; CPU: bind all to one. Exit status 1 if a target is missed.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
runs=50 cpu= detrun=
while [ $# -gt 0 ]; do
	case $1 in
	-n) runs=$2 && shift 2 ;;
	-c) cpu=$2 && shift 2 ;;
	-*) sed -n 's/^# usage: /usage: /p' "$0" >&2 && exit 2 ;;
	*) detrun=$1 && shift ;;
	esac
done
detrun=$(realpath "${detrun:-${DETRUN:-$top/build/runtime/detrun}}")
[ -x "$detrun" ] || { echo "$0: $detrun is not there" >&2; exit 125; }
if [ -z "${OCI_BENCH_INSIDE:-}" ]; then
	OCI_BENCH_INSIDE=1 exec unshare --mount --propagation private bash "$0" -n "$runs" ${cpu:+-c "$cpu"} "$detrun"
fi
[ -d /sys/fs/cgroup/unified ] && umount /sys/fs/cgroup/unified 2>/dev/null

work=$(mktemp -d "${DETRUN_TEST_DIR:-/tmp}/detrun-oci.XXXXXX") || exit 125
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM
export LC_ALL=C HOME=$work XDG_DATA_HOME=$work/home XDG_CACHE_HOME=$work/cache
unset SOURCE_DATE_EPOCH DETRUN_DETERMINISM XDG_RUNTIME_DIR
helper=$work/bench_cpu
${CC:-cc} -O2 -o "$helper" "$top/tests/bench/bench_cpu.c" || exit 125
busybox=$(command -v busybox) || { echo "# skipped: busybox is not installed"; exit 0; }

mkdir -p "$work/bundle/rootfs/bin" "$work/state"
cp "$busybox" "$work/bundle/rootfs/bin/busybox"
ln -s busybox "$work/bundle/rootfs/bin/true"
"$detrun" spec --bundle "$work/bundle" || exit 125
python3 - "$work/bundle/config.json" <<'EOF' || exit 125
import json, sys
c = json.load(open(sys.argv[1]))
c["process"]["args"] = ["/bin/true"]
c["process"]["terminal"] = False
c["ociVersion"] = "1.0.2"  # older runtimes know none of today
json.dump(c, open(sys.argv[1], "w"))
EOF

once() { # who
	local who=$1
	set -- run --bundle "$work/bundle" "bench$RANDOM$RANDOM"
	case $who in
	off) set -- "$detrun" --root "$work/state/detrun" --determinism=off "$@" ;;
	record) set -- "$detrun" --root "$work/state/detrun" --determinism=record "$@" ;;
	*) set -- "$who" --root "$work/state/$who" "$@" ;;
	esac
	${cpu:+taskset -c "$cpu"} "$helper" "$work/t.$who" "$@" </dev/null >"$work/out" 2>&1 && return
	echo "$who failed: $(tail -1 "$work/out")" >&2
	return 1
}

all=
for who in off record crun runc; do
	case $who in crun | runc) command -v $who >/dev/null || continue ;; esac
	once $who || continue
	rm -f "$work/t.$who"
	all="$all $who"
done
order=$all
for ((i = 0; i < runs; i++)); do
	for who in $order; do
		once "$who"
	done
	order=$(for who in $all; do echo "$who"; done | shuf | tr '\n' ' ') # who follows whom matters
done

stat_of() { # who, column, "median" or "least"
	sort -n -k "$2,$2" "$work/t.$1" | awk -v c="$2" -v how="$3" '{ v[NR] = $c }
		END { print NR ? v[how == "least" ? 1 : int((NR + 1) / 2)] : 0 }'
}

missed=0
target() { # text, value, limit
	awk -v t="$1" -v v="$2" -v l="$3" 'BEGIN { ok = v <= l; printf "%s: %.2f, target %.2f: %s\n", t, v, l, ok ? "met" : "MISSED"; exit !ok }' || missed=1
}

echo "start to exit of /bin/true, $runs runs each; $(uname -srm)"
printf '%-8s %10s %10s %10s %10s\n' runtime 'median ms' 'least ms' 'CPU ms' 'peak KiB'
for who in $all; do
	printf '%-8s %10.1f %10.1f %10.1f %10d\n' "$who" \
		"$(stat_of "$who" 2 median | awk '{ print $1 * 1000 }')" \
		"$(stat_of "$who" 2 least | awk '{ print $1 * 1000 }')" \
		"$(stat_of "$who" 1 median | awk '{ print $1 * 1000 }')" "$(stat_of "$who" 3 median)"
done
case " $all " in
*" off "*" crun "*)
	c=$(stat_of crun 2 median)
	target "off / crun, time" "$(awk -v a="$(stat_of off 2 median)" -v b="$c" 'BEGIN { print a / b }')" 1
	target "off / crun, memory" "$(awk -v a="$(stat_of off 3 median)" -v b="$(stat_of crun 3 median)" 'BEGIN { print a / b }')" 1
	target "record / crun, time" "$(awk -v a="$(stat_of record 2 median)" -v b="$c" 'BEGIN { print a / b }')" 3
	;;
esac
exit $missed
