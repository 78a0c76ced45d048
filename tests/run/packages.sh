#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Real Debian packages from Debian's own source, each built twice with dpkg-buildpackage under
# different conditions (see conditions.sh): same .deb, .buildinfo and .changes, same trace, and the
# trace verifies. Slow, and needs the network once; what was fetched or made is kept in
# ${DETRUN_TEST_CACHE:-/var/cache/detrun-test}. Chroots that are there already are used when
# DETRUN_TEST_CHROOTS names a directory with SUITE.tar in it.
#
# usage: packages.sh [DETRUN] [SUITE/PACKAGE...]
# default: bookworm/hello bookworm/zlib bookworm/cjson bullseye/hello trixie/hello
# KEEP=1 leaves the scratch directory; BUILD_TIMEOUT is for one build, in seconds.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/tests/run/conditions.sh"
[ $# = 0 ] || shift
[ $# != 0 ] || set -- bookworm/hello bookworm/zlib bookworm/cjson bullseye/hello trixie/hello
cache=${DETRUN_TEST_CACHE:-/var/cache/detrun-test}
mkdir -p "$cache/src" "$cache/chroots" 2>/dev/null && [ -w "$cache/chroots" ] || {
	cache=${XDG_CACHE_HOME:-$HOME/.cache}/detrun-test
	mkdir -p "$cache/src" "$cache/chroots" || exit 125
}
passed=0 failed=0
conditions_setup


ok() {
	echo "ok - $1"
	passed=$((passed + 1))
}

not_ok() {
	echo "not ok - $1: $2"
	shift 2
	[ $# = 0 ] || printf '%s\n' "$@" | tail -40 | cut -c1-400 | sed 's/^/#   /'
	failed=$((failed + 1))
}

# Build dependencies are part of the chroot: one for each release, with those of all packages here.
chroot_tar() { # suite: prints the tarball's path
	local suite=$1 tar=$cache/chroots/$1.tar include=debhelper,texinfo,help2man
	[ "$suite" != bookworm ] || include=$include,cmake,gcc-multilib,python3
	if [ -r "${DETRUN_TEST_CHROOTS:-/nonexistent}/$suite.tar" ]; then
		echo "$DETRUN_TEST_CHROOTS/$suite.tar"
		return
	fi
	[ -e "$tar" ] || {
		mmdebstrap --variant=buildd --include="$include" "$suite" "$cache/chroots/new.$suite.tar" \
			>"$tar.log" 2>&1 </dev/null && mv "$cache/chroots/new.$suite.tar" "$tar" || {
			tail -3 "$tar.log" >&2
			return 1
		}
		chmod 644 "$tar"
	}
	echo "$tar"
}

# A mirror may have dropped what a release's list names: bookworm's source will do as well then.
get_source() { # suite, package
	"$top/tests/run/fetch-source.sh" "$1" "$2" "$cache/src/$1" >"$work/fetch.log" 2>&1 && return
	[ "$1" != bookworm ] || return
	echo "# $1/$2: $(tail -1 "$work/fetch.log"); taking bookworm's source"
	"$top/tests/run/fetch-source.sh" bookworm "$2" "$cache/src/bookworm" >"$work/fetch.log" 2>&1 &&
		cp "$cache/src/bookworm/$2"_* "$cache/src/$1/"
}

unpack() { # condition, suite, package: the build directory with the source
	local d=$work/$1/$2-$3 dsc
	dsc=$(ls "$cache/src/$2/$3"_*.dsc | head -1)
	rm -rf "$d"
	mkdir "$d"
	( cd "$d" && umask 022 && dpkg-source -q --no-check -x "$dsc" source >/dev/null 2>&1 ) || return 1
	[ "$1" = a ] || [ -z "$other_user" ] || chown -R "$other_user" "$d"
}

build() { # condition, suite, package, tarball
	local c=$1 what=$2-$3
	"in_$c" "$work/$c/$what" timeout -k 10 "${BUILD_TIMEOUT:-1500}" "$work/detrun" --chroot "$4" \
		--stdin none --workdir /build/source --key "$work/key.pem" \
		--trace "$work/home_$c/trace.$what" -- dpkg-buildpackage -us -uc -b \
		>"$work/log.$c.$what" 2>&1 </dev/null
	local status=$?
	sed -i '/^detrun: trace [0-9a-f]* in /d' "$work/log.$c.$what" # the place differs, as it should
	return $status
}

products() { # condition, suite, package: "sha256  name" of what a build leaves
	( cd "$work/$1/$2-$3" && find . -maxdepth 1 -type f ! -name '*.orig.*' | LC_ALL=C sort | xargs -r sha256sum )
}

check_traces() { # suite, package
	local what=$1-$2 why
	local ta=$work/home_a/trace.$what tb=$work/home_b/trace.$what c
	why=$(same_bundle "$ta" "$tb") && ok "$1/$2: one trace root, $(trace_root "$ta")" ||
		not_ok "$1/$2: traces" "$why" "$(explain_bundles "$ta" "$tb")"
	for c in a b; do
		why=$("$detrun" verify --deep --key "$work/pub.pem" "$work/home_$c/trace.$what" 2>&1) &&
			ok "$1/$2: trace $c verifies" || not_ok "$1/$2: verify $c" "$why"
	done
}

check_package() { # suite, package
	local suite=$1 p=$2 tar c s
	local what=$suite-$p
	tar=$(chroot_tar "$suite") || { not_ok "$suite/$p" "no chroot of $suite"; return; }
	get_source "$suite" "$p" || {
		not_ok "$suite/$p" "no source" "$(tail -3 "$work/fetch.log")"
		return
	}
	for c in a b; do
		unpack $c "$suite" "$p" || { not_ok "$suite/$p" "the source does not unpack"; return; }
		s=$SECONDS
		[ $c = a ] || load_start "${BUILD_TIMEOUT:-1500}"
		build $c "$suite" "$p" "$tar"
		s2=$?
		load_stop
		echo "# $suite/$p: build $c, status $s2, $((SECONDS - s)) s"
		[ $s2 = 0 ] || { not_ok "$suite/$p: build $c" "status $s2" "$(tail -15 "$work/log.$c.$what")"; return; }
	done
	products a "$suite" "$p" >"$work/sums.a"
	products b "$suite" "$p" >"$work/sums.b"
	if ! grep -q '\.deb$' "$work/sums.a"; then
		not_ok "$suite/$p" "no .deb was made" "$(tail -5 "$work/log.a.$what")"
	elif cmp -s "$work/sums.a" "$work/sums.b"; then
		ok "$suite/$p: $(wc -l <"$work/sums.a") files identical"
		sed 's/^/#   /' "$work/sums.a"
	else
		not_ok "$suite/$p: products" "they differ" "$(diff "$work/sums.a" "$work/sums.b")"
	fi
	cmp -s "$work/log.a.$what" "$work/log.b.$what" && ok "$suite/$p: the build log is the same" ||
		not_ok "$suite/$p: build log" "it differs" "$(diff "$work/log.a.$what" "$work/log.b.$what" | head -20)"
	check_traces "$suite" "$p"
	[ -n "${KEEP:-}" ] || rm -rf "$work"/[ab]/"$what" "$work"/home_[ab]/"trace.$what"
}

for sp in "$@"; do
	check_package "${sp%%/*}" "${sp#*/}"
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
