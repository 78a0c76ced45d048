# SPDX-License-Identifier: Apache-2.0
# For tests/engines/*.sh: `. lib.sh "$@"` moves the test into namespaces and a cgroup of its own
# (mounts, network, processes: whatever an engine leaves behind ends with the test) and gives
#
#   $work       a private directory, with a short path (sockets are made in it)
#   $runtime    the program under test as the engines are told of it: $work/runtime, which starts
#               $RUNTIME (a name or path; default: $1, else $DETRUN, else this tree's build) with
#               --determinism=$MODE if MODE is set, and notes every call in $work/calls
#   $img        a tarball of a small image: busybox, users, a health check, a server
#
#   $supervised                not empty where the container is one of a repeatable run
#
#   needs PROGRAM...           skip this test where one of them isn't installed
#   t NAME STATUS COMMAND...   run it; its exit status has to be STATUS ("fail": anything but 0; "any")
#   out TEXT, lacks TEXT       standard output of the last t has to contain TEXT, or must not
#   real TEXT                  out, unless the container is supervised
#   err TEXT                   so has standard error
#   is TEXT                    standard output is this line
#   tty NAME STATUS SCRIPT COMMAND...   the same as t on a terminal (tests/run/on-terminal.py)
#   ok NAME COMMAND...         a condition
#   be_user, $as_user          an ordinary user with ranges; what to put before his commands
#   till COMMAND...            wait until it holds, at most two minutes
#   daemon NAME COMMAND...     start it, to be ended (by its pid) with the test; $work/NAME.log
#   nothing_left               no process, mount, cgroup, state of the runtime is left
#   finish                     the last line
set -u
umask 022
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
engine=$(basename "$0" .sh)

skip() {
	echo "# skipped: $engine: $*"
	exit 0
}

needs() {
	local p
	for p in "$@"; do
		command -v "$p" >/dev/null || skip "$p is not installed"
	done
}

PATH=$PATH:/usr/sbin:/sbin
RUNTIME=${RUNTIME:-${1:-${DETRUN:-$top/build/runtime/detrun}}}
RUNTIME=$(readlink -f "$(command -v "$RUNTIME" || echo "$RUNTIME")")
[ -x "$RUNTIME" ] || { echo "no program $RUNTIME" >&2; exit 125; }
kind=$(basename "$RUNTIME")
needs busybox python3 unshare
[ "$(id -u)" = 0 ] || skip "root is needed to begin with (also for the rootless part)"

# A cgroup in every hierarchy, the root of all cgroups for what runs in it.
own_cgroup=/dte.$$
make_cgroup() {
	local d
	for d in /sys/fs/cgroup /sys/fs/cgroup/*; do
		[ -w "$d/cgroup.procs" ] && [ ! -L "$d" ] || continue
		mkdir "$d$own_cgroup" || return
		[ ! -e "$d/cpuset.cpus" ] || for f in cpuset.cpus cpuset.mems; do
			cat "$d/$f" >"$d$own_cgroup/$f"
		done
		echo "$1" >"$d$own_cgroup/cgroup.procs" || return
	done
}

remove_cgroup() {
	find /sys/fs/cgroup -depth -type d -path "*$own_cgroup*" -exec rmdir {} + 2>/dev/null
}

# Called inside, as the first process: mounts the cgroups as they are outside.
mount_cgroups() {
	local d options
	awk '$5 ~ "^/sys/fs/cgroup/" { for (i = 6; $i != "-"; i++); print $5, $(i + 1), $(i + 3) }' \
		/proc/self/mountinfo >"$work/cgroups"
	[ -s "$work/cgroups" ] || {
		umount /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup
		return
	}
	mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup || return
	while read -r d type options; do
		mkdir -p "$d" || return
		case $options in
		rw,name=* | rw,xattr,name=*) options=none,name=${options##*name=} ;;
		*) options=${options#rw,} ;;
		esac
		[ "$type" = cgroup ] || options=defaults
		mount -t "$type" -o "$options" cgroup "$d" || return
	done <"$work/cgroups"
}

if [ -z "${ENGINES_INSIDE:-}" ]; then
	ENGINES_INSIDE=$(mktemp -d /tmp/dte.XXXXXX) || exit 125
	# where every user can run it, and under a path without a space
	install -D -m 755 "$RUNTIME" "$ENGINES_INSIDE/program/$kind" || exit 125
	RUNTIME=$ENGINES_INSIDE/program/$kind
	export ENGINES_INSIDE RUNTIME
	(
		make_cgroup "$BASHPID" || exit 125
		exec unshare --mount --net --pid --cgroup --fork --kill-child --mount-proc \
			--propagation private bash "$0"
	)
	code=$?
	remove_cgroup
	[ -n "${KEEP:-}" ] || rm -rf --one-file-system "$ENGINES_INSIDE"
	exit $code
fi

export LC_ALL=C.UTF-8
unset XDG_RUNTIME_DIR XDG_CONFIG_HOME XDG_DATA_HOME DETRUN_DETERMINISM SOURCE_DATE_EPOCH
work=$ENGINES_INSIDE
chmod 755 "$work"
daemons=
passed=0 failed=0 name=
# What an engine keeps outside the directories it can be told: of this test only.
mount -t tmpfs -o mode=755 tmpfs /run && mkdir -p /run/lock /run/user || exit 125
mount -t tmpfs -o mode=1777 tmpfs /dev/shm || exit 125
mount_cgroups || { echo "# the cgroups can't be mounted anew: as they are" && umount -l /sys/fs/cgroup; }
busybox ip link set lo up
mkdir -p "$work/bin" "$work/home" "$work/tmp" "$work/state" && chmod 1777 "$work/tmp" "$work/state"
export HOME=$work/home TMPDIR=$work/tmp PATH="$work/bin:$PATH"
cd "$work" || exit 125

# --- results --------------------------------------------------------------------------------------

pass() { echo "ok - $1"; passed=$((passed + 1)); }

miss() { # name, reason
	echo "not ok - $1: $2"
	sed 's/^/#   out: /' "$work/out" 2>/dev/null | tail -8
	sed 's/^/#   err: /' "$work/err" 2>/dev/null | tail -8
	failed=$((failed + 1))
	[ -z "${STOP_AT_FAILURE:-}" ] || exit 1
}

quick() { # functions are the test's own, and end
	if declare -F "$1" >/dev/null; then "$@"; else timeout -k 5 "${LIMIT:-100}" "$@"; fi
}

judge() { # wanted, got
	case $1 in
	"$2" | any) pass "$name" ;;
	fail) if [ "$2" != 0 ]; then pass "$name"; else miss "$name" "no failure"; fi ;;
	*) miss "$name" "exit status $2, not $1" ;;
	esac
}

anew() { rm -f "$work/out" "$work/err"; } # what still runs writes to the old ones

t() {
	local want=$2
	name=$1
	shift 2
	anew
	quick "$@" >"$work/out" 2>"$work/err" </dev/null
	judge "$want" $?
}

tty() {
	local want=$2
	name=$1
	printf '%s\n' "$3" >"$work/keys"
	shift 3
	anew
	LIMIT=100 quick python3 "$top/tests/run/on-terminal.py" "$work/keys" "$@" >"$work/out" 2>"$work/err" \
		</dev/null
	judge "$want" $?
}

out() {
	if grep -qF -- "$1" "$work/out"; then pass "$name: $1"; else miss "$name" "no \"$1\""; fi
}

lacks() {
	if grep -qF -- "$1" "$work/out"; then miss "$name" "\"$1\""; else pass "$name: no $1"; fi
}

real() { # the same where the kernel's own state is shown
	[ -n "$supervised" ] || out "$1"
}

err() {
	if grep -qiF -- "$1" "$work/err"; then pass "$name: $1"; else miss "$name" "no \"$1\""; fi
}

is() {
	if [ "$(tr -d '\r' <"$work/out")" = "$1" ]; then pass "$name: $1"; else
		miss "$name" "not \"$1\""
	fi
}

ok() {
	name=$1
	shift
	anew
	if quick "$@" >"$work/out" 2>"$work/err" </dev/null; then pass "$name"; else
		miss "$name" "exit status $?"
	fi
}

till() {
	local i
	for ((i = 0; i < ${TILL:-600}; i++)); do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.2
	done
	return 1
}

run_on_terminal() { # podman|docker: a shell, its size, ^C
	tty "run -it" 5 'wait #
type tty\n
wait /dev/pts/0
type exit 5\n' "$1" run -it --rm --network none bb sh
	tty "run -it: its size" 0 'wait ready
insist \n 33 77
size 40 100
insist \n 40 100
type \x04' "$1" run -it --rm --network none bb \
		sh -c 'echo ready; while read x; do stty size; done'
	tty "run -it: ^C" 130 'wait ready
type \x03' "$1" run -it --rm --network none bb sh -c '
		trap "exit 130" INT; echo ready; while :; do sleep 0.1; done'
}

attach_to() { # podman|docker CONTAINER: one that says "later" until /tmp/end is there
	local attached code
	timeout -k 5 "${LIMIT:-100}" "$1" attach --no-stdin "$2" >"$work/attached" 2>&1 &
	attached=$!
	till grep -q later "$work/attached"
	"$1" exec "$2" touch /tmp/end
	wait $attached
	code=$?
	cat "$work/attached"
	return $code
}

# --- the runtime ----------------------------------------------------------------------------------

flags=
[ "$kind" != detrun ] || flags=${MODE:+--determinism=$MODE}
# A supervised container sees a canonical machine: what the kernel really has is not shown.
supervised=
[ "$kind" != detrun ] || [ "${MODE:-}" = off ] || supervised=1
runtime=$work/runtime
# --root is first: an engine that has its own says so later.
cat >"$runtime" <<-END
	#!/bin/sh
	echo "\$*" >>$work/calls
	exec $RUNTIME --root $work/state $flags "\$@"
END
chmod 755 "$runtime"
: >"$work/calls" && chmod 666 "$work/calls"
echo "# $engine with $RUNTIME $flags"

# --- an image -------------------------------------------------------------------------------------

make_image() { # directory
	local a
	mkdir -p "$1"/{bin,etc,tmp,root,proc,sys,dev,srv,var}
	chmod 1777 "$1/tmp"
	cp -L "$(command -v busybox)" "$1/bin/busybox"
	for a in $(busybox --list); do
		[ "$a" = busybox ] || ln -sf busybox "$1/bin/$a"
	done
	printf '%s\n' root:x:0:0:root:/root:/bin/sh www:x:33:34:www:/srv:/bin/sh >"$1/etc/passwd"
	printf '%s\n' root:x:0: www:x:34: video:x:44:www >"$1/etc/group"
	echo hello >"$1/srv/index.html"
	cat >"$1/bin/serve" <<-'END'
		#!/bin/sh
		trap 'echo ended; exit 7' TERM
		trap 'echo hup' HUP
		mkfifo /tmp/requests 2>/dev/null
		exec 3<>/tmp/requests
		echo ready
		while :; do read -r x <&3; done
	END
	# No sleep: where time is virtual, it passes at once when nothing else is to be done.
	cat >"$1/bin/forever" <<-'END'
		#!/bin/sh
		mkfifo /tmp/never 2>/dev/null
		read -r x <>/tmp/never
	END
	chmod 755 "$1/bin/serve" "$1/bin/forever"
}
make_image "$work/image"
img=$work/image.tar
tar -C "$work/image" --sort=name --owner=0 --group=0 --numeric-owner -cf "$img" .

# --- users ----------------------------------------------------------------------------------------

# An ordinary user of this test only, with ranges: in an /etc of its own.
user=54322
be_user() {
	mkdir -p "$work/user/run" /run/etc/upper /run/etc/work
	chmod 700 "$work/user/run"
	chown "$user:$user" "$work/user" "$work/user/run"
	mount -t overlay -o lowerdir=/etc,upperdir=/run/etc/upper,workdir=/run/etc/work etc /etc ||
		skip "no overlay over /etc"
	# on a line of its own, whatever the last one ends with
	printf '\n%s\n' "dtuser:x:$user:$user::$work/user:/bin/sh" >>/etc/passwd
	printf '\n%s\n' "dtuser:x:$user:" >>/etc/group
	echo "dtuser:1000000:65536" | tee /etc/subuid >/etc/subgid
}

as_user="setpriv --reuid $user --regid $user --clear-groups"
as_user="$as_user env HOME=$work/user XDG_RUNTIME_DIR=$work/user/run USER=dtuser"

# --- beginning and end ----------------------------------------------------------------------------

daemon() {
	local n=$1
	shift
	"$@" >"$work/$n.log" 2>&1 </dev/null &
	daemons="$! $daemons"
}

end_daemons() {
	local p
	for p in $daemons; do
		kill "$p" 2>/dev/null
		wait "$p" 2>/dev/null
	done
	daemons=
}

strays() { # processes of this test but for itself, its daemons and their children
	local all # no pipe: a process of it that is about to be executed has no arguments yet
	all=$(ps -ww -eo pid=,ppid=,stat=,args=)
	awk -v d=" $daemons " -v me="bash $0" '
		{ a = $0; sub(/^ *([^ ]+ +){3}/, "", a) }
		$1 == 1 || $3 ~ /^Z/ || a == me || a ~ /^ps -/ { next }
		a ~ /^[^ ]*conmon .* --exit-delay / { next } # an exec by API, kept by Podman for who asks later
		!index(d, " " $1 " ") && !index(d, " " $2 " ")' <<<"$all"
}

mounts_left() { grep -E " $work/(state|rt)" /proc/self/mountinfo; }

cgroups_left() { # but those that match
	local d=2
	[ ! -e /sys/fs/cgroup/cgroup.procs ] || d=1
	find /sys/fs/cgroup -mindepth $d -type d 2>/dev/null | grep -vE "$1"
}

nothing_left() { # but cgroups of the engine's own: a regular expression
	till eval_empty strays
	ok "no process is left" eval_empty strays
	ok "no state of the runtime is left" sh -c 'ls -A "$1" | grep -v "^[.]seccomp-"
		[ -z "$(ls -A "$1" | grep -v "^[.]seccomp-")" ]' - "$work/state"
	ok "no mount of the runtime is left" eval_empty mounts_left
	ok "no cgroup is left" eval_empty cgroups_left "$1"
}

eval_empty() { # the function prints nothing
	local got
	got=$("$@")
	echo "$got"
	[ -z "$got" ]
}

trap end_daemons EXIT

finish() {
	echo "$passed passed, $failed failed"
	[ "$failed" = 0 ]
}
