#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Layers point downwards only: runtime/base < oci < rootfs < shim < runtime. A file includes headers
# of its own layer and of those before it. And the top level holds what belongs there.
set -u
cd "$(dirname "$0")/.." || exit 1

passed=0 failed=0

fail() {
	echo "FAIL $*"
	failed=$((failed + 1))
}

pass() {
	passed=$((passed + 1))
}

rank() { # of a path from the top; nothing if it is in no layer
	case $1 in
	runtime/base/*) echo 1 ;;
	oci/*) echo 2 ;;
	rootfs/*) echo 3 ;;
	shim/*) echo 4 ;;
	runtime/*) echo 5 ;;
	esac
}

includes() { # lines "number:header" of a file's own includes
	sed -n 's/^[ \t]*#[ \t]*include[ \t]*"\([^"]*\)".*/\1/p' "$1"
}

for f in $(find runtime oci rootfs shim -name '*.[ch]' | LC_ALL=C sort); do
	mine=$(rank "$f") bad=
	for h in $(includes "$f"); do
		r=$(rank "$h")
		if [ -z "$r" ]; then
			bad="$bad $h(not a path from the top)"
		elif [ "$r" -gt "$mine" ]; then
			bad="$bad $h(upwards)"
		elif [ ! -f "$h" ] && [ "${h%.inc}" = "$h" ]; then # an .inc is made by the build
			bad="$bad $h(missing)"
		fi
	done
	if [ -n "$bad" ]; then
		fail "$f includes$bad"
	else
		pass
	fi
done

want='LICENSE NEWS README.md contrib docs meson.build oci rootfs runtime shim tests'
if [ -d .git ] && command -v git >/dev/null && git rev-parse -q HEAD >/dev/null 2>&1; then
	have=$(git ls-files | cut -d/ -f1)
else
	have=$(ls)
fi
have=$(echo "$have" | grep -v -e '^\.' -e '^build' | LC_ALL=C sort -u | tr '\n' ' ')
if [ "$have" = "$want " ]; then
	pass
else
	fail "top level is: $have; expected: $want"
fi

for f in $(find runtime oci rootfs shim tests -name '*.[ch]' | LC_ALL=C sort); do
	case $(head -1 "$f") in
	'/* SPDX-License-Identifier: Apache-2.0 */') pass ;;
	*) fail "$f: the first line is not the licence" ;;
	esac
done

echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
