#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The doors without a verb: exit statuses, options, volumes, outputs, users, signals.
. "$(dirname "$0")/lib.sh"

in_root() { "$detrun" --trace none --chroot "$root" "$@"; }

t "status is the command's" 7 in_root sh -c 'exit 7'
t "a signal gives 128 + its number" 143 in_root sh -c 'kill -TERM $$'
t "a crash too" 139 in_root sh -c 'kill -SEGV $$'
t "-- ends the options" 0 in_root -- sh -c 'echo hi'
out hi
t "root inside" 0 in_root id -u
out 0
t "the current directory is /build" 0 in_root sh -c 'pwd; echo x > made'
out /build
ok "and is written" test -f made
t "--workdir" 0 in_root -w /var/new pwd
out /var/new
t "the environment is fixed" 0 env FOO=leak "$detrun" --trace none --chroot "$root" env
out "SOURCE_DATE_EPOCH=744847200"
ok "nothing leaks" lacks leak
t "--env takes from outside" 0 env FOO=bar "$detrun" --trace none --chroot "$root" -e FOO -e A=b env
out FOO=bar
out A=b
t "--user by name" 0 in_root -u www sh -c 'id -u; id -g; echo $HOME'
out /srv/www
out 33
t "--user by number" 0 in_root -u 1000:1001 id -g
out 1001
t "a FIFO that a user may not open" 1 in_root -u 1000:1001 sh -c 'mkfifo -m 0 /tmp/f; cat /tmp/f'
err "Permission denied"
t "and one that he may" 0 in_root -u 1000:1001 sh -c 'mkfifo -m 600 /tmp/f; echo hello >/tmp/f & cat /tmp/f'
out hello
u_can() { t "a user: $2" "$1" in_root -u www sh -c "$2"; }
u_can 0 'cd /tmp && touch f && chmod 600 f && mkdir d && rm f && test -w /tmp'
u_can 1 'mkdir /x'
u_can 1 'rm /etc/passwd'
u_can 1 'chown 0 /etc/passwd'
u_can 1 'touch /etc/passwd'
u_can 1 'stat /root/x'
u_can 1 'cat /root/x'
u_can 2 'cd /root'
u_can 1 'chmod 666 /etc/passwd'
u_can 2 'ls /root'
u_can 1 'rm /tmp/link'
u_can 126 '/etc/group'
u_can 1 'mkdir /etc/passwd/x'
err "Not a directory"
u_can 2 ': >/root'
err "Is a directory"
u_can 1 'mknod /tmp/n c 1 3'
u_can 1 'mknod /etc/passwd c 1 3'
err "File exists"
u_can 0 'touch -d @99999999999 /tmp/x; test $(stat -c %Y /tmp/x) -gt 9000000000'
u_can 0 'cd /tmp; mkdir -m 400 p; exec 9<p; chmod 711 /proc/self/fd/9; test $(stat -c %a p) = 711'
u_can 1 'chmod 711 /proc/self/fd/99'
err "No such file"
t "--hostname" 0 in_root --hostname box uname -n
out box
t "--cpus" 0 in_root --cpus 3 nproc
out 3
t "stdin passes" 0 sh -c "echo in | '$detrun' --trace none --chroot '$root' cat"
out in
t "--stdin=none doesn't" 0 sh -c "echo in | '$detrun' --trace none --stdin=none --chroot '$root' cat"
ok "nothing came" lacks in
t "only three descriptors" 0 sh -c "exec 7</dev/null; '$detrun' --trace none --chroot '$root' ls /proc/self/fd"
ok "not the caller's" lacks 7
t "directories of /proc with a slash" 0 in_root ls -d /proc/sys/ /proc//sys/kernel// /proc/self/fd/
t "and what isn't there" 2 in_root ls -d /proc/scsi/

t "the root file system is written" 0 in_root sh -c 'echo x > /etc/new; rm /etc/group; ls /etc'
out new
ok "and unchanged" sh -c "test ! -e $root/etc/new && test -e $root/etc/group"
secrets='cat /etc/shadow /etc/gshadow; ls -s /etc/opasswd; ls /root'
for o in kernel copy; do
	t "what only root may read is empty, $o" 0 in_root --overlay=$o sh -c "$secrets"
	ok "for root too, $o" lacks secret
	ok "but accounts have no password, $o" cmp "$work/out" - <<-'END'
		root:*:::::::
		www:*:::::::
		root:*::
		www:*::
		video:*::
		0 /etc/opasswd
	END
done
t "--overlay=copy" 0 in_root --overlay=copy sh -c 'rm /etc/group; ls /etc'
ok "copies" test -e "$root/etc/group"

mkdir -p "$work/vol/sub" && echo data >"$work/vol/file"
t "a volume read-only" 1 in_root -v "$work/vol:/v:ro" sh -c 'cat /v/file; echo x > /v/x || exit 1'
out data
t "a volume to write" 0 in_root -v "$work/vol:/v" sh -c 'echo x > /v/x'
ok "is written" test -e "$work/vol/x"
t "a snapshot" 0 in_root -v "$work/vol:/v:snapshot" sh -c 'rm /v/file; echo y > /v/y; ls /v'
out y
ok "is not" sh -c "test -e $work/vol/file && test ! -e $work/vol/y"
t "a volume can be /build" 0 in_root -v "$work/vol:/build:ro" ls
out file

t "--output and --keep" 0 in_root --output "$work/o.tar" --keep "$work/k" sh -c 'echo x > /etc/new'
ok "the layer has it" sh -c "tar tf $work/o.tar | grep -qx etc/new"
ok "and nothing of what is hidden" sh -c "! tar tf $work/o.tar | grep -q shadow"
ok "the copy has it" test -f "$work/k/etc/new"
changes='echo x >/etc/a; rm /etc/passwd; rm /etc/group; mkdir -p /srv/d; touch /srv/d/e'
(umask 077 && in_root --keep "$work/k1" sh -c "$changes") && sleep 1.1
t "--keep again, another umask" 0 in_root --keep "$work/k2" sh -c "$changes"
listing() { (cd "$1" && find . -mindepth 1 -printf '%p %M %s %T@ %l\n' | sort); }
ok "what is kept differs in nothing" sh -c '[ -n "$1" ] && [ "$1" = "$2" ]' - \
	"$(listing "$work/k1")" "$(listing "$work/k2")"
t "--dry-run" 0 in_root --dry-run id
out root-overlay
tar -C "$root" -cf "$work/root.tar" .
t "a tarball" 0 "$detrun" --trace none --chroot "$work/root.tar" cat /etc/passwd
out www
t "the host's own" 0 "$detrun" --trace none sh -c 'ls /; touch /tmp/x && ! touch /usr/x'
out usr
t "what changed of it" 0 "$detrun" --trace none --keep "$work/k3" --output "$work/k3.tar" sh -c '
	mkdir -p /srv/a/b && echo x >/srv/a/b/c && chmod 700 /opt && echo y >>/etc/hosts && rm /etc/hostname'
ok "is no more than that" test "$(cd "$work/k3" && find . -mindepth 1 -printf '%P %m\n' | sort | tr '\n' ,)" = \
	"etc 755,etc/hosts 644,opt 700,srv 755,srv/a 755,srv/a/b 755,srv/a/b/c 644,"
ok "in the layer, too" sh -c 'tar tf "$1" | tr "\n" " " | grep -qx "etc/ etc/hosts opt/ srv/ srv/a/ srv/a/b/ srv/a/b/c "' \
	- "$work/k3.tar"

# Python sources whose compiled modules are up to date by the disk's times, and others
py=$work/py
pyc() { # name, flags, time, size
	local w v
	printf '\xa7\x0d\x0d\x0a' >"$py/__pycache__/$1.cpython-311.pyc"
	for w in "$2" "$3" "$4"; do
		v=$(printf '\\x%02x\\x%02x\\x%02x\\x%02x' $((w & 255)) $((w >> 8 & 255)) $((w >> 16 & 255)) $((w >> 24)))
		printf "$v" >>"$py/__pycache__/$1.cpython-311.pyc"
	done
}
mkdir -p "$py/__pycache__"
for m in a as b c d e; do echo 'x = 1' >"$py/$m.py"; done
touch -d @1700000000 "$py"/*.py
pyc a 0 1700000000 6 && pyc b 0 1700000001 6 && pyc c 0 1700000000 7 && pyc d 1 1700000000 6
pyc e 0 1700000000 6 && echo short >"$py/__pycache__/as.cpython-311.pyc"
t "times of Python's sources" 0 "$detrun" --trace "$work/tpy" -v "$py:/py" sh -c \
	'ls /py >/dev/null; cd /py && stat -c "%n %Y" *.py; touch e.py; stat -c "%n %Y" e.py | cut -c1-12'
ok "are those of the modules" test "$(cat "$work/out")" = "a.py 1700000000
as.py 744847200
b.py 744847200
c.py 744847200
d.py 744847200
e.py 1700000000
e.py 7448472"
ok "are those of the manifest" sh -c 'grep -c "^./a.py .*time=1700000000" "$1"/rootfs.in.mtree' - "$work/tpy"
touch -d @1700000000 "$py/e.py"
t "and of a replay" 0 "$detrun" replay "$work/tpy"

t "a trace" 0 "$detrun" --trace "$work/t1" --chroot "$root" sh -c 'id; ls -la /'
err "detrun: trace "
t "verifies" 0 "$detrun" verify "$work/t1"
t "is replayed" 0 "$detrun" replay "$work/t1"
t "anything that is no verb is a command" 0 "$detrun" --trace none --chroot "$root" -- id -u

# --- asked to end ---
ask() { # signal, command...: 2 s later
	local sig=$1 p
	shift
	"$@" </dev/zero >/dev/null & p=$!
	sleep 2
	kill "-$sig" $p
	wait $p
}
t "TERM ends a loop" 143 ask TERM "$detrun" --trace none --chroot "$root" sh -c 'while :; do :; done'
t "a handler is heard" 9 ask TERM "$detrun" --trace none --chroot "$root" sh -c \
	'trap "exit 9" TERM; while :; do :; done'
mkfifo "$work/fifo"
waiting() { exec "$@" <>"$work/fifo"; }
ask_waiting() { # the same of a program that waits for input
	local sig=$1 p
	shift
	waiting "$@" & p=$!
	sleep 2
	kill "-$sig" $p
	wait $p
}
t "TERM ends a wait for input" 143 ask_waiting TERM "$detrun" --trace none --chroot "$root" cat
t "a handler is heard in it" 9 ask_waiting TERM "$detrun" --trace none --chroot "$root" sh -c \
	'trap "exit 9" TERM; read x; exit 1'
t "killed" 137 ask_waiting KILL "$detrun" --trace none --chroot "$root" sh -c "read x; : $work"
sleep 1
runs_on() { ps axo args | grep -F ": $work" | grep -qv grep; }
ok "nothing runs on" eval '! runs_on'
in_root id >/dev/null
ok "nothing lies about" sh -c "test -z \"\$(ls $work/state/detrun/run)\""

# --- users ---
same_root() { # the signed note but for the signatures
	[ "$(head -3 "$1/checkpoint")" = "$(head -3 "$2/checkpoint")" ]
}
if can_be_users; then
	chmod 755 "$work" "$root"
	cp -a "$root" "$work/mine" && chown -R 54321:54321 "$work/mine"
	for who in one ranges; do
		uid=$([ $who = one ] && echo 54321 || echo 54322)
		t "$who: root inside" 0 as $who "$detrun" --trace none --chroot "$root" sh -c \
			'id -u; touch a; chown 33:34 a; stat -c %u:%g a'
		out 33:34
		ok "$who: theirs outside" sh -c "test \$(stat -c %u $work/user$uid/build/a) = $uid"
		rm -f "$work/user$uid/build/a"
		t "$who: a trace" 0 as $who "$detrun" --trace "$work/user$uid/t" --chroot "$root" \
			sh -c 'id; ls -la / /etc; cat /etc/shadow; echo hi > x; rm x'
		mkdir -p "$work/all" && chmod 1777 "$work/all"
		t "$who: in a directory for all" 0 as $who sh -c 'cd "$1" && shift && exec "$@"' - "$work/all" \
			"$detrun" --trace none --chroot "$root" sh -c "echo hi >$who"
		ok "$who: what was made is there" test -s "$work/all/$who"
		ok "$who: nothing lies about" sh -c "test -z \"\$(ls $work/user$uid/state/detrun/run)\""
	done
	t "in place" 0 as one "$detrun" --trace none --chroot "$work/mine" id -u
	rm -rf "$work"/build/*
	t "root: the same" 0 "$detrun" --trace "$work/t" --chroot "$root" \
		sh -c 'id; ls -la / /etc; cat /etc/shadow; echo hi > x; rm x'
	for u in 54321 54322; do
		ok "root and user $u leave one trace" same_root "$work/t" "$work/user$u/t"
	done
else
	echo "# skipped: users (root, setpriv, unshare and newuidmap are needed)"
fi
for n in '[stack]' '[vdso]'; do
	cp "$root/bin/cat" "$root/bin/$n"
	t "a program called $n" 0 "$detrun" --trace none --chroot "$root" "/bin/$n" /etc/passwd
done
# the supervisor copies an image's file up for the program: signals that it gets, its own clock's among them,
# don't end that
for p in mv ln seq; do copy_program "$root" "$(command -v $p)"; done
mkdir -p "$root/usr/many/more"
head -c 300000 /dev/urandom >"$work/some"
for i in $(seq 150); do cp "$work/some" "$root/usr/many/$i"; done
pester() {
	local p shim=
	"$@" &
	p=$!
	await eval 'shim=$(pgrep -P $p detrun-shim) || ! kill -0 $p'
	while kill -WINCH $shim 2>/dev/null; do :; done
	wait $p
}
t "signals to the supervisor" 0 pester "$detrun" --trace none --chroot "$root" sh -c '
	mv /usr/many /usr/moved || exit
	for i in $(seq 75); do ln /usr/moved/$i /usr/moved/more/$i || exit; done
	cd /usr/moved && ls && ls more'
ok "all have moved" test "$(wc -l <"$work/out")" = 226
rm -rf "$root/usr/many"
finish
