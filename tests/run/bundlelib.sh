# SPDX-License-Identifier: Apache-2.0
# For suites of many bundles, after lib.sh:
#
#   bundle CODE...    a config.json made by `detrun spec`, changed by lines of Python: c is the config,
#                     p its process, l its linux, m(DEST, TYPE, SOURCE, OPTION...) adds a mount,
#                     sh(TEXT) sets the command, user() adds a user namespace
#   run NAME STATUS   run it without a supervisor; out and err look at what it said
#   both NAME STATUS  run it recorded as well, which has to end the same
b=$work/bundle
mkdir "$b" && cp -a "$root" "$b/rootfs"
[ "$(id -u)" = 0 ] || rootless=1
( cd "$b" && "$detrun" spec ${rootless:+--rootless} ) || exit 125
mv "$b/config.json" "$work/template.json"

bundle() {
	python3 - "$work/template.json" "$b/config.json" "$@" <<-'P' || exit 125
		import json, os, sys
		c = json.load(open(sys.argv[1]))
		p, l = c["process"], c["linux"]
		p["terminal"] = False
		c["root"]["readonly"] = False
		def m(dest, type, source, *options, **more):
		    c["mounts"].append(dict(destination=dest, type=type, source=source,
		                            options=list(options), **more))
		def sh(text):
		    p["args"] = ["sh", "-c", text]
		def user(first=100000):
		    l["namespaces"].append({"type": "user"})
		    l["uidMappings"] = l["gidMappings"] = [
		        {"containerID": 0, "hostID": first, "size": 65536}]
		def without(*types):
		    l["namespaces"] = [n for n in l["namespaces"] if n["type"] not in types]
		for code in sys.argv[3:]:
		    exec(code)
		json.dump(c, open(sys.argv[2], "w"))
	P
}

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
