# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# To be sourced. Two conditions under which a run must come out the same:
#
#   in_a DIR COMMAND...   this user, umask 022, LANG=C, TZ=UTC, a bare environment
#   in_b DIR COMMAND...   an ordinary user (when this one is root), umask 077, LANG=de_DE.UTF-8,
#                         TZ=Asia/Tokyo, more environment, lower limits, on tmpfs (where /dev/shm
#                         is one), ten hours earlier (where faketime is there), and while
#                         load_start's process keeps a CPU busy, without seccomp notifications
#
# Needs $detrun, the program under test; makes $work, a scratch directory that is gone at exit,
# $work/detrun, a copy of the program that every user can run, and $work/key.pem to sign with.

detrun=$(realpath "${DETRUN:-${1:-build/runtime/detrun}}") || exit 125
[ -x "$detrun" ] || {
	echo "$0: $detrun is not there; build first, or say DETRUN=PATH" >&2
	exit 125
}

other_user=
shm=
faketime_lib=
load_pid=

conditions_setup() {
	umask 022
	work=$(mktemp -d "${DETRUN_TEST_DIR:-/tmp}/detrun-test.XXXXXX") || exit 125
	trap conditions_clean EXIT
	trap 'exit 130' HUP INT TERM
	chmod 755 "$work"
	install -m 755 "$detrun" "$work/detrun"
	mkdir -m 755 "$work/a" "$work/home_a" "$work/cache_b"
	conditions_tmpfs
	openssl genpkey -algorithm ed25519 -out "$work/key.pem" 2>/dev/null &&
		openssl pkey -in "$work/key.pem" -pubout -out "$work/pub.pem" 2>/dev/null ||
		{ echo "no key: openssl failed" >&2; exit 125; }
	chmod 644 "$work/key.pem" "$work/pub.pem"
	conditions_user
	faketime_lib=$(find /usr/lib -name libfaketime.so.1 2>/dev/null | head -1)
	[ -n "$faketime_lib" ] || echo "# no libfaketime: the host's date stays the same"
}

# The second run's directories, on another kind of file system.
conditions_tmpfs() {
	shm=$(mktemp -d /dev/shm/detrun-test.XXXXXX 2>/dev/null)
	if [ -z "$shm" ] || [ "$(stat -f -c %T "$shm")" != tmpfs ] || ! cp /bin/true "$shm/" ||
		! "$shm/true" 2>/dev/null; then
		[ -z "$shm" ] || rm -rf "$shm"
		shm=
		mkdir -m 755 "$work/b" "$work/home_b"
		echo "# no tmpfs to execute from: both runs are on the file system of $work"
		return
	fi
	rm "$shm/true"
	chmod 755 "$shm"
	mkdir -m 755 "$shm/b" "$shm/home_b"
	ln -s "$shm/b" "$shm/home_b" "$work/"
}

# The other user: the ordinary one who runs this, or one made for the occasion.
conditions_user() {
	if [ "$(id -u)" != 0 ]; then
		echo "# not root: both runs are by $(id -un)"
		return
	fi
	local name=detrun-test$$
	if useradd --no-create-home --home-dir "$work/home_b" --shell /bin/sh "$name" 2>/dev/null; then
		other_user=$name
		chown "$name" "$work/b/" "$work/home_b/" "$work/cache_b"
	else
		echo "# no user could be made: both runs are by root"
	fi
}

conditions_clean() {
	load_stop
	[ -z "$other_user" ] || userdel "$other_user" 2>/dev/null
	if [ -n "${KEEP:-}" ]; then
		echo "# kept: $work"
	else
		chmod -R u+rwX "$work" ${shm:+"$shm"} 2>/dev/null
		rm -rf "$work" ${shm:+"$shm"}
	fi
}

load_start() { # it ends by itself after a while, whatever happens to us
	timeout "${1:-600}" sh -c 'while :; do :; done' &
	load_pid=$!
}

load_stop() {
	[ -z "$load_pid" ] && return
	kill "$load_pid" 2>/dev/null
	wait "$load_pid" 2>/dev/null
	load_pid=
}

in_a() {
	local dir=$1
	shift
	( umask 022 && cd "$dir" &&
		exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME="$work/home_a" LANG=C TZ=UTC "$@" )
}

in_b() {
	local dir=$1 as=() fake=()
	shift
	[ -z "$other_user" ] || as=(setpriv --reuid "$other_user" --regid "$other_user" --clear-groups)
	[ -z "$faketime_lib" ] ||
		fake=(LD_PRELOAD="$faketime_lib" FAKETIME=-10h FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1)
	( umask 077 && cd "$dir" && ulimit -S -n 512 && ulimit -S -s 4096 &&
		exec "${as[@]}" env -i PATH=/usr/local/bin:/usr/bin:/bin:/usr/games HOME="$work/home_b" \
			XDG_CACHE_HOME="$work/cache_b" LANG=de_DE.UTF-8 \
			LC_ALL=de_DE.UTF-8 TZ=Asia/Tokyo EDITOR=true MAKEFLAGS=-s PYTHONHASHSEED=7 DETRUN_NOTIFY=0 DETRUN_CPUID="${cpuid:-0}" \
			A_LONG_NAME="$(printf '%0300d' 0)" "${fake[@]}" "$@" )
}

# The root of a bundle's trace, in hex: third line of its checkpoint.
trace_root() {
	sed -n 3p "$1/checkpoint" 2>/dev/null | base64 -d 2>/dev/null | od -An -v -tx1 | tr -d ' \n'
}

# What two bundles must have in common; prints what they have not.
same_bundle() {
	local f bad=0
	for f in header.json events.dtr index.dtx rootfs.in.mtree rootfs.out.mtree checkpoint; do
		[ -e "$1/$f" ] || [ -e "$2/$f" ] || continue
		cmp -s "$1/$f" "$2/$f" && continue
		echo "$f differs"
		bad=1
	done
	[ -n "$(trace_root "$1")" ] || {
		echo "no trace root in $1"
		bad=1
	}
	return $bad
}

# Where two bundles part, for people.
explain_bundles() {
	local f
	for f in header.json rootfs.in.mtree; do
		cmp -s "$1/$f" "$2/$f" && continue
		diff <(tr ',' '\n' <"$1/$f") <(tr ',' '\n' <"$2/$f") | head -6
	done
	timeout 60 "$detrun" trace diff "$1" "$2" 2>&1 | head -30
}
