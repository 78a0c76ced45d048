# SPDX-License-Identifier: Apache-2.0
# For suites of many bundles, after lib.sh:
#
#   config CODE...    a config.json made by `detrun spec`, changed by lines of Python (see config.py)
#   bundle CODE...    the same with a root that may be written
#   run NAME STATUS   run it without a supervisor; out and err look at what it said
#   both NAME STATUS  run it recorded as well, which has to end the same
b=$work/bundle
mkdir "$b" && cp -a "$root" "$b/rootfs"
[ "$(id -u)" = 0 ] || rootless=1
( cd "$b" && "$detrun" spec ${rootless:+--rootless} ) || exit 125
mv "$b/config.json" "$work/template.json"

config() { python3 "$top/tests/run/config.py" "$work/template.json" "$b/config.json" "$@" || exit 125; }
bundle() { config 'c["root"]["readonly"] = False' "$@"; }

run() {
	t "$1" "$2" "$detrun" --root "$work/containers" --determinism=off run -b "$b" "c$$"
}

both() {
	t "$1, recorded" "$2" "$detrun" --root "$work/containers" run --trace none -b "$b" "c$$"
	run "$1" "$2"
}

# The options of the mount at DEST, as the last run's mountinfo has them: before and after the dash.
opts() { awk -v d="$1" '$5 == d { o = $6; for (i = 7; $i != "-"; i++) o = o " " $i
	o = o " " $(i + 3) } END { print o }' "$work/out"; }
has() { # DEST WORD...
	local d=$1 o w
	shift
	o=" $(opts "$d" | tr , ' ') "
	for w; do
		case $w in
		!*) [[ $o != *" ${w#!} "* ]] || { miss "$name: $d" "\"${w#!}\" in $o" && return; } ;;
		*) [[ $o == *" $w "* || $o == *" $w:"* ]] || { miss "$name: $d" "no \"$w\" in $o" && return; } ;;
		esac
	done
	pass "$name: $d $*"
}
