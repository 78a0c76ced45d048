#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# From a fresh Debian 12 to the first result: installs what is needed, builds detrun, then builds
# one C program twice under different conditions and shows that nothing of them reached the result.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
build=${DETRUN_BUILD:-$top/build}

sh "$top/contrib/install-deps.sh" build
[ -f "$build/build.ninja" ] || meson setup "$build" "$top"
ninja -C "$build"
detrun=$build/runtime/detrun
[ -x "$detrun" ] || detrun=$build/detrun

work=$(mktemp -d "${TMPDIR:-/tmp}/detrun-quickstart.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
mkdir "$work/here" "$work/there"
cat >"$work/here/lottery.c" <<'END'
#include <stdio.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

int main(void)
{
	unsigned ticket = 0;
	time_t now = time(NULL);

	if (getrandom(&ticket, sizeof ticket, 0) != sizeof ticket)
		return 1;
	printf("built %s %s as %s\n", __DATE__, __TIME__, __FILE__);
	printf("pid %d, stack %p, ticket %u, %s", getpid(), (void *) &ticket, ticket, ctime(&now));
	return 0;
}
END
cp "$work/here/lottery.c" "$work/there/"
job='cc -O2 -g -o lottery "$PWD/lottery.c" && ./lottery >drawn && cat drawn'

run() { # name, command before the job
	( cd "$work/$1" && shift && "$@" )
}

hash() {
	( cd "$work/$1" && cat lottery drawn | sha256sum | cut -c1-64 )
}

root() { # of the trace: what the whole run comes down to
	sed -n 3p "$work/$1/checkpoint" | base64 -d | od -An -v -tx1 | tr -d ' \n'
}

echo
echo "== without detrun"
run here sh -c "$job"
plain1=$(hash here)
sleep 1
run there sh -c "$job"
plain2=$(hash there)
echo "sha256 here  $plain1"
echo "sha256 there $plain2"

rm -f "$work"/*/lottery "$work"/*/drawn
echo
echo "== with detrun: another directory, umask, locale, time zone, environment"
run here env TZ=UTC LC_ALL=C "$detrun" --trace "$work/trace1" sh -c "$job"
run there env TZ=Asia/Tokyo LANG=de_DE.UTF-8 WHATEVER=else sh -c \
	'umask 077; exec "$@"' - "$detrun" --trace "$work/trace2" sh -c "$job"
echo "sha256 here  $(hash here)"
echo "sha256 there $(hash there)"
echo "trace  here  $(root trace1)"
echo "trace  there $(root trace2)"
"$detrun" verify "$work/trace1"
"$detrun" verify "$work/trace2"

echo
if [ "$(hash here)" = "$(hash there)" ] && [ "$(root trace1)" = "$(root trace2)" ]; then
	echo "Two builds, one hash, one trace."
else
	echo "The two builds differ: that is a bug in detrun." >&2
	exit 1
fi
