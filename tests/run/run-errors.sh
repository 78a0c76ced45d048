#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Whatever goes wrong: one line that names the object, the cause and the cure.
. "$(dirname "$0")/lib.sh"
in_root() { "$detrun" --trace none --chroot "$root" "$@"; }

one_line() { [ "$(grep -c . "$work/err")" = 1 ]; }
bad() { # NAME STATUS TEXT COMMAND...
	local text=$3
	t "$1" "$2" "${@:4}"
	err "$text"
	ok "$name: one line" one_line
}

bad "not found" 127 'exec: "nothing": executable file not found in $PATH' in_root nothing
bad "not found by path" 127 'no such file or directory' in_root /no/thing
bad "not executable" 126 'permission denied' in_root /etc/passwd
bad "a directory" 126 'is a directory' in_root /etc
printf '\177ELF garbage' >"$root/bin/garbage" && chmod 755 "$root/bin/garbage"
bad "no program format" 126 'exec format error' in_root garbage
bad "no root file system" 125 "$work/none" "$detrun" --trace none --chroot "$work/none" id
echo hello >"$work/text"
bad "no archive" 125 "$work/text" "$detrun" --trace none --chroot "$work/text" id
tar -C "$root" -cf - . | head -c 20000 >"$work/cut.tar"
bad "half an archive" 125 cut.tar "$detrun" --trace none --chroot "$work/cut.tar" id
bad "an unknown option" 125 "--nonsense" "$detrun" --nonsense id
bad "no command" 125 "no command" "$detrun" --chroot "$root"
bad "a bad epoch" 125 "--epoch" in_root --epoch tomorrow id
SOURCE_DATE_EPOCH=x bad "a bad SOURCE_DATE_EPOCH" 125 "SOURCE_DATE_EPOCH" in_root id
bad "a bad CPU" 125 "--cpu" in_root --cpu z80 id
bad "too many CPUs" 125 "--cpus" in_root --cpus 100000 id
bad "a user too large" 125 "--user" in_root -u 4294967295 id
bad "a user unknown" 125 "no user nobody-here" in_root -u nobody-here id
bad "a volume without target" 125 "--volume" in_root -v /usr id
bad "a volume that is not there" 125 "/not/there" in_root -v /not/there:/x id
bad "a volume's mode" 125 "unknown mode" in_root -v /usr:/x:rx id
bad "a variable that is not there" 125 "NOT_THERE" in_root -e NOT_THERE id
bad "network and strict" 125 "--strict" in_root --strict --network host id
bad "a trace where the program writes" 125 "inside" "$detrun" --trace here --chroot "$root" id
bad "detrun's own state where the program writes" 125 "holds detrun's own state" env -C "$work" \
	"$detrun" --chroot "$root" id
mkdir "$work/full" && touch "$work/full/x"
bad "a trace over something" 125 "not empty" "$detrun" --trace "$work/full" --chroot "$root" id
bad "no key" 125 "$work/no.pem" "$detrun" --trace "$work/t" --key "$work/no.pem" --chroot "$root" id
bad "a trace that is none" 125 "$work/none" "$detrun" replay "$work/none"
echo bad >"$root/etc/passwd2" && rm -f "$root/etc/passwd" && mkfifo "$root/etc/passwd"
bad "a passwd that is a pipe" 125 "no user www" in_root -u www id
rm "$root/etc/passwd" && ln -s /etc/shadow "$root/etc/passwd"
bad "a passwd that is a link" 125 "no user www" in_root -u www id
rm "$root/etc/passwd" && cp /etc/passwd "$root/etc/passwd"

mkdir "$work/bin" && ln -s / "$root/out" && ln -s /nothing/at/all "$root/dangling"
t "a volume through a link stays inside" 0 in_root -v "$work/bin:/out/etc/new" ls -d /etc/new
ok "nothing made outside" test ! -e /etc/new
t "a volume on a dangling link too" 0 in_root -v "$work/bin:/dangling/x" ls -d /nothing/at/all/x
ok "nothing made there either" test ! -e /nothing

if [ "$(id -u)" = 0 ] && command -v setpriv unshare >/dev/null; then
	no_userns() { # the sysctl is a user namespace's own: that of one that may have none
		unshare -U -r sh -c 'echo 0 > /proc/sys/user/max_user_namespaces; exec "$@"' sh "$@"
	}
	yama() { # as a kernel with Yama would show it
		unshare -m sh -c 'mount -t tmpfs none /proc/sys/kernel && mkdir /proc/sys/kernel/yama &&
			echo 3 > /proc/sys/kernel/yama/ptrace_scope && exec "$@"' sh "$@"
	}
	bad "nothing may be traced" 125 "/proc/sys/kernel/yama/ptrace_scope is 3" yama \
		"$detrun" --trace none --chroot "$root" id
	restricted() { # as Ubuntu shows it; with something over a part of /proc no other can be mounted
		unshare -m sh -c 'mount -t tmpfs none /proc/sys/kernel &&
			echo 1 > /proc/sys/kernel/apparmor_restrict_unprivileged_userns && exec "$@"' sh "$@"
	}
	bad "user namespaces without rights" 125 "contrib/apparmor" restricted \
		"$detrun" --trace none --chroot "$root" id
	bad "no user namespaces" 125 "/proc/sys/user/max_user_namespaces" no_userns \
		"$detrun" --trace none --chroot "$root" id
	full() {
		unshare -m sh -c 'mount -t tmpfs -o size=300k tmpfs "$0" && cd / && exec "$@"' \
			"$work/full" "$@"
	}
	mkdir "$work/empty"
	t "a full disk" 125 full env XDG_STATE_HOME="$work/full" "$detrun" --trace "$work/full/t" \
		--chroot "$root" sh -c 'i=0; while [ $i -lt 200000 ]; do ls /nothing 2>/dev/null; i=$((i+1)); done'
	err "no space left"
fi
finish
