#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The same trace root and the same output on every kernel and CPU: small programs, a compiler and the
# build of a package. Prints a line for each, to be compared with another machine's.
#
# usage: roots.sh DETRUN ROOTFS [FILE]
# ROOTFS: a directory with gcc, make, dpkg-dev, perl, python3, openssl. FILE: what was printed
# elsewhere; then it is compared, and counted.
set -u
detrun=$(readlink -f "$1") rootfs=$(readlink -f "$2") want=${3:-}
work=$(mktemp -d "${TMPDIR:-/var/tmp}/detrun-roots.XXXXXX") || exit 125
trap 'rm -rf "$work"' EXIT
export HOME=$work
passed=0 failed=0

package() { # DIR
	mkdir -p "$1/debian/source"
	cat >"$1/hello.c" <<-'EOF'
		#include <stdio.h>
		int main(void) { return puts("hello of " __DATE__) < 0; }
	EOF
	cat >"$1/debian/control" <<-'EOF'
		Source: hello
		Maintainer: Nobody <nobody@example.org>
		Standards-Version: 4.6.2

		Package: hello
		Architecture: any
		Depends: ${shlibs:Depends}
		Description: says so
	EOF
	cat >"$1/debian/changelog" <<-'EOF'
		hello (1.0) unstable; urgency=low

		  * The only one.

		 -- Nobody <nobody@example.org>  Sun, 08 Aug 1993 22:00:00 +0000
	EOF
	cat >"$1/debian/rules" <<-'EOF'
		#!/usr/bin/make -f
		.RECIPEPREFIX = >
		build build-arch build-indep: hello
		hello: hello.c
		> gcc -O2 -g -o hello hello.c
		binary binary-arch: hello
		> install -D hello debian/hello/usr/bin/hello
		> dpkg-shlibdeps debian/hello/usr/bin/hello
		> mkdir -p debian/hello/DEBIAN
		> dpkg-gencontrol -phello -Pdebian/hello
		> dpkg-deb --root-owner-group --build debian/hello ..
		binary-indep:
		clean:
		> rm -rf hello debian/hello debian/files debian/substvars
	EOF
	chmod 755 "$1/debian/rules"
	echo '3.0 (native)' >"$1/debian/source/format"
}

show() { # name, command...
	local name=$1 line code
	shift
	rm -rf "$work/b" "$work/t"
	mkdir -p "$work/b/hello-1.0"
	package "$work/b/hello-1.0"
	cp "$work/b/hello-1.0/hello.c" "$work/b/"
	(cd "$work/b" && umask 022 && "$detrun" --chroot "$rootfs" --trace "$work/t" -- "$@") \
		>"$work/out" 2>"$work/err" </dev/null
	code=$?
	line="$name $(cat "$work/out" "$work/b/"*.deb 2>/dev/null | sha256sum | cut -c-16)"
	line="$line $(sed -n 3p "$work/t/checkpoint")"
	if [ $code != 0 ]; then
		echo "not ok - $name: exit status $code"
		tail -3 "$work/err" | sed 's/^/#   /'
		failed=$((failed + 1))
	elif [ -z "$want" ]; then
		echo "$line"
	elif grep -qxF -- "$line" "$want"; then
		echo "ok - $name"
		passed=$((passed + 1))
	else
		echo "not ok - $name: $line"
		grep "^$name " "$want" | sed 's/^/#   elsewhere: /'
		tail -3 "$work/err" | sed 's/^/#   /'
		failed=$((failed + 1))
		[ -z "${KEEP:-}" ] || cp -a "$work/t" "$KEEP/$name"
	fi
}

show true /bin/true
show ls sh -c 'ls -l /usr/bin | sha256sum'
show python3 python3 -c 'import hashlib, ssl; print(hash("a"), hashlib.sha256(b"x").hexdigest())'
show perl perl -e 'print join(",", %ENV), rand, "\n"'
show openssl openssl dgst -sha256 /etc/passwd
show gcc sh -c 'gcc -O2 -o hello hello.c && ./hello'
show native gcc -march=native -Q --help=target
show package sh -c 'cd hello-1.0 && dpkg-buildpackage -us -uc -b -d && dpkg-deb -c ../*.deb'
[ -z "$want" ] || echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
