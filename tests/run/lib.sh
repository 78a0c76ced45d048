# SPDX-License-Identifier: Apache-2.0
# For tests/run/run-*.sh: `. lib.sh "$@"` gives a scratch directory $work, in it $detrun, a copy that
# every user can run, a small root file system $root, and:
#
#   t NAME STATUS COMMAND...   run it; its exit status has to be STATUS
#   out TEXT                   standard output of the last t has to contain TEXT
#   err TEXT                   one line of standard error has to contain TEXT
#   ok NAME COMMAND...         a condition
#   await COMMAND...           one that comes true sooner or later: at the latest after two minutes
#   $limit                     seconds for what may hang, many times what a slow machine takes
#   as one|ranges COMMAND...   as an ordinary user, with one id or with ranges (root only)
#
# The last line of a script is `finish`.
set -u
umask 022
top=$(cd "$(dirname "$0")/../.." && pwd)
detrun=$(readlink -f "${1:-${DETRUN:-$top/build/runtime/detrun}}")
work=$(mktemp -d "${TMPDIR:-/tmp}/detrun-run.XXXXXX") || exit 125
chmod 755 "$work"
install -D -m 755 "$detrun" "$work/program/detrun" || exit 125
detrun=$work/program/detrun
trap 'chmod -R u+rwX "$work" 2>/dev/null; rm -rf "$work"' EXIT
export HOME=$work/home XDG_STATE_HOME=$work/state XDG_CACHE_HOME=$work/cache
export XDG_DATA_HOME=$work/data XDG_RUNTIME_DIR=$work/runtime
unset SOURCE_DATE_EPOCH
mkdir -p "$HOME" "$XDG_RUNTIME_DIR" "$work/build"
cd "$work/build" || exit 125
passed=0 failed=0 name=
limit=${RUN_TIMEOUT:-300}

pass() { echo "ok - $1"; passed=$((passed + 1)); }

miss() { # name, reason
	echo "not ok - $1: $2"
	sed 's/^/#   out: /' "$work/out" 2>/dev/null | head -5
	sed 's/^/#   err: /' "$work/err" 2>/dev/null | head -5
	failed=$((failed + 1))
}

t() {
	local want=$2 got
	name=$1
	shift 2
	rm -f "$work/out" "$work/err" # what still runs writes to the old ones
	"$@" >"$work/out" 2>"$work/err" </dev/null
	got=$?
	if [ "$got" = "$want" ]; then pass "$name"; else miss "$name" "exit status $got, not $want"; fi
}

out() { if grep -qF -- "$1" "$work/out"; then pass "$name: out"; else miss "$name" "no \"$1\""; fi; }

err() {
	if [ "$(grep -cF -- "$1" "$work/err")" = 1 ]; then pass "$name: err"; else
		miss "$name" "not one line with \"$1\""
	fi
}

lacks() { ! grep -qF -- "$1" "$work/out"; }

ok() {
	local what=$1
	shift
	if "$@" >"$work/ok.out" 2>&1; then pass "$what"; else miss "$what" "no"; fi
}

await() {
	local end=$((SECONDS + 120))
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.05
	done
}

finish() {
	echo "$passed passed, $failed failed"
	[ "$failed" = 0 ]
}

# --- a root file system with a shell ------------------------------------------------------------

copy_program() { # into $1
	local l
	mkdir -p "$1/bin"
	cp -L "$2" "$1/bin/"
	for l in $(ldd "$2" 2>/dev/null | grep -o '/[^ ]*'); do
		[ -e "$1$l" ] || { mkdir -p "$1${l%/*}" && cp -L "$l" "$1$l"; }
	done
}

make_root() {
	local p
	mkdir -p "$1"/{etc,tmp,proc,root,usr,var}
	chmod 1777 "$1/tmp"
	for p in sh cat chmod chown env id ls mkdir mkfifo mknod nproc pwd rm sleep stat touch uname; do
		copy_program "$1" "$(command -v $p 2>/dev/null | grep / || echo /bin/$p)"
	done
	echo 'root:x:0:0:root:/root:/bin/sh' >"$1/etc/passwd"
	echo 'www:x:33:34:www:/srv/www:/bin/sh' >>"$1/etc/passwd"
	printf 'root:x:0:\nwww:x:34:\nvideo:x:44:\n' >"$1/etc/group"
	for p in shadow gshadow opasswd; do echo secret >"$1/etc/$p" && chmod 600 "$1/etc/$p"; done
	echo x >"$1/root/x" && chmod 700 "$1/root"
	ln -s /proc/self/fd/1 "$1/tmp/link"
}
root=$work/root
make_root "$root"

# --- users ----------------------------------------------------------------------------------------

can_be_users() { [ "$(id -u)" = 0 ] && command -v setpriv unshare newuidmap >/dev/null; }

# Their names and ranges are seen only by the command: bind mounts in a namespace of its own.
as() {
	local uid home
	case $1 in
	one) uid=54321 ;;
	ranges) uid=54322 ;;
	esac
	shift
	home=$work/user$uid
	mkdir -p "$home/build" "$home/etc" && chown "$uid:$uid" "$home" "$home/build"
	{ cat /etc/passwd; echo "dt$uid:x:$uid:$uid::$home:/bin/sh"; } >"$home/etc/passwd"
	{ cat /etc/group; echo "dt$uid:x:$uid:"; } >"$home/etc/group"
	echo "dt54322:1000000:65536" >"$home/etc/subuid"
	cp "$home/etc/subuid" "$home/etc/subgid"
	touch /etc/subuid /etc/subgid
	unshare -m sh -c '
		home=$1 uid=$2; shift 2
		for f in passwd group subuid subgid; do mount --bind "$home/etc/$f" /etc/$f || exit; done
		cd "$home/build" || exit
		export HOME=$home XDG_STATE_HOME=$home/state XDG_CACHE_HOME=$home/cache
		export XDG_DATA_HOME=$home/data XDG_RUNTIME_DIR=$home/runtime
		exec setpriv --reuid "$uid" --regid "$uid" --clear-groups "$@"' \
		sh "$home" "$uid" "$@"
}
