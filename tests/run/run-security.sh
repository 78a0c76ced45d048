#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Hostile root file systems, and what a container must not get hold of while it is set up.
. "$(dirname "$0")/lib.sh"
command -v python3 >/dev/null || { echo "# skipped: python3 is needed"; exit 0; }
[ "$(id -u)" = 0 ] || { echo "# skipped: root is needed"; exit 0; }
. "$top/tests/run/bundlelib.sh"
info='cat /proc/self/mountinfo'
fresh() { rm -rf "$b/rootfs" && cp -a "$root" "$b/rootfs"; }
nodev="c['mounts'] = [x for x in c['mounts'] if not x['destination'].startswith('/dev')]"
noproc="c['mounts'] = [x for x in c['mounts'] if x['destination'] != '/proc']"

# --- settings go to a procfs, whatever the image has on /proc --------------------------------------

mkdir -p "$work/evil/self" "$work/evil/sys/net/ipv4"
for f in sys/net/ipv4/ip_forward self/oom_score_adj self/uid_map; do echo untouched >"$work/evil/$f"; done
# ptrace, attr and the like: all of these are settings through /proc
proc="l['sysctl'] = {'net.ipv4.ip_forward': '1'}"
oom="p['oomScoreAdj'] = 321"
after="m('/see', 'proc', 'proc')" # the container's own view, to see the effect
look="sh('cat /see/sys/net/ipv4/ip_forward /see/self/oom_score_adj')"
evil() { [ "$(cat "$work/evil/sys/net/ipv4/ip_forward" "$work/evil/self/oom_score_adj" "$work/evil/self/uid_map" |
	sort -u)" = untouched ]; }

for kind in symlink directory tmpfs; do
	fresh
	case $kind in
	symlink) rmdir "$b/rootfs/proc" && cp -a "$work/evil" "$b/rootfs/evil" && ln -s evil "$b/rootfs/proc" ;;
	directory) rmdir "$b/rootfs/proc" && cp -a "$work/evil" "$b/rootfs/proc" ;;
	tmpfs) mount -t tmpfs tmpfs "$b/rootfs/proc" && cp -a "$work/evil/." "$b/rootfs/proc/" ;;
	esac
	bundle "$noproc" "$after" "$proc" "$oom" "$look" "l['maskedPaths'] = l['readonlyPaths'] = []"
	run "/proc of the image is a $kind" 0
	out 321
	ok "and the sysctl is set" test "$(head -1 "$work/out")" = 1
	ok "nothing is written to it" sh -c "! grep -rL untouched '$b/rootfs/proc/' | grep ."
	[ $kind != tmpfs ] || umount "$b/rootfs/proc"
done
fresh
rmdir "$b/rootfs/proc" && ln -s tmp "$b/rootfs/proc"
bundle
run "a procfs through a symlink" 1
err 'filesystem "proc" must be mounted on ordinary directory'
fresh
[ ! -d "$b/rootfs/sys" ] || rmdir "$b/rootfs/sys"
ln -s tmp "$b/rootfs/sys"
bundle
both "a sysfs through a symlink" 1
err "must be mounted on ordinary directory"
fresh
ln -s ../proc "$b/rootfs/way"
for at in /proc/sys /way/sys /way/self/attr /proc/1; do
	bundle "m('$at', 'tmpfs', 'tmpfs')"
	run "a mount on $at" 1
	err "cannot be mounted because it is inside /proc"
done
for at in /proc /way; do
	bundle "m('$at', 'tmpfs', 'tmpfs')"
	run "a mount on $at" 1
	err "cannot be mounted because it is not of type proc"
done
bundle "m('/proc/uptime', 'bind', '/etc/hostname', 'bind')"
run "but what lxcfs shows may be" 0

# --- nothing of ours through the image's /dev -----------------------------------------------------

mkdir "$work/vol" && echo secret >"$work/secret"
vol="m('/vol', 'bind', '$work/vol', 'bind')"
for d in dev dev/pts; do
	fresh
	mkdir -p "$b/rootfs/dev"
	[ -d "$b/rootfs/$d" ] && rmdir "$b/rootfs/$d"
	ln -s /vol "$b/rootfs/$d"
	bundle "$nodev" "$vol" "p['terminal'] = $([ $d = dev ] && echo False || echo True)"
	t "/$d of the image is a symlink" 1 timeout "$limit" "$detrun" --root "$work/containers" \
		--determinism=off run -b "$b" "c$$"
	ok "no device in the volume" test -z "$(ls -A "$work/vol")"
done
fresh
mkdir -p "$b/rootfs/dev" && ln -s /vol/made "$b/rootfs/dev/null" && ln -s /vol/made "$b/rootfs/dev/console"
bundle "$nodev" "$vol"
run "/dev/null of the image is a symlink" 1
err "a symlink of the root file system is in its way"
ok "nothing is made where it points" test -z "$(ls -A "$work/vol")"
fresh
mkdir -p "$b/rootfs/dev" && echo mine >"$b/rootfs/dev/null" && mknod "$b/rootfs/dev/zero" c 1 11
echo top >"$b/rootfs/masked"
bundle "$nodev" "l['maskedPaths'] = ['/masked']" "sh('stat -c %n=%F,%t:%T /dev/null /dev/zero /masked; cat /masked')"
both "/dev/null of the image is a file" 0
for f in /dev/null=x,1:3 /dev/zero=x,1:5 /masked=x,1:3; do out "${f/x/character special file}"; done
ok "what is masked is" test "$(wc -l <"$work/out")" = 3
ok "and the image is as it was" test "$(cat "$b/rootfs/dev/null")" = mine
fresh
mkdir -p "$b/rootfs/dev/pts" && mkfifo "$b/rootfs/dev/pts/ptmx" && ln -s /vol/c "$b/rootfs/dev/console"
bundle "$nodev" "$vol" "p['terminal'] = True"
t "a terminal without a devpts" 1 timeout "$limit" "$detrun" --root "$work/containers" --determinism=off \
	run -b "$b" "c$$"
err "no devpts"
ok "nothing is made of it" test -z "$(ls -A "$work/vol")"

# --- file descriptors -----------------------------------------------------------------------------

fresh
mkdir "$work/host" && echo marker >"$work/host/marker"
leak() { # many of the host's directories are open in the caller
	( for fd in $(seq 3 255); do eval "exec $fd<'$work/host'"; done 2>/dev/null; "$@" )
}
bundle "sh('echo \$(ls /proc/self/fd)')"
t "the guest's descriptors" 0 leak "$detrun" --root "$work/containers" --determinism=off run -b "$b" "c$$"
ok "are three, and ls's own" test "$(cat "$work/out")" = "0 1 2 3"
t "recorded as well" 0 leak "$detrun" --root "$work/containers" run --trace none -b "$b" "c$$"
ok "they are" test "$(cat "$work/out")" = "0 1 2 3"

bundle "sh('sleep 100')"
C() { "$detrun" --root "$work/containers" "$@" </dev/null >/dev/null 2>&1; }
leak "$detrun" --root "$work/containers" run -d -b "$b" "c$$" </dev/null >/dev/null 2>&1
shim=$(sed -n 's/.*"shim":\([0-9]*\),.*/\1/p' "$work/containers/c$$/state.json")
fds() { for f in "/proc/$shim/fd/"*; do readlink "$f"; done | sort; }
outsiders() { C exec "c$$" true; C exec "c$$" /nothing; C kill "c$$" CONT; C pause "c$$"; C resume "c$$"; }
outsiders # what is opened once is open from then on
fds >"$work/fds.before"
ok "the supervisor keeps none of its caller's" sh -c "test -s '$work/fds.before' && ! grep '$work/host' '$work/fds.before'"
for i in $(seq 5); do outsiders; done
no_more_fds() { fds | comm -13 "$work/fds.before" - >"$work/fds.more"; [ ! -s "$work/fds.more" ]; }
ok "nor of what comes and goes" await no_more_fds # it may be in the middle of something
C delete --force "c$$"
escaped=0 entered=0
bundle "p['cwd'] = '/proc/self/fd/FD'" "sh('cat marker ../host/marker /proc/self/cwd/marker')"
cp "$b/config.json" "$work/cwd.json"
try_fds() {
	for fd in $(seq 3 255); do
		sed "s|/proc/self/fd/FD|/proc/self/fd/$fd|" "$work/cwd.json" >"$b/config.json"
		"$detrun" --root "$work/containers" --determinism=off run -b "$b" "c$$" >"$work/fd.out" 2>&1 &&
			entered=$((entered + 1))
		! grep -q '^marker' "$work/fd.out" || escaped=$((escaped + 1))
	done
	echo "$entered entered, $escaped out"
}
leak try_fds >"$work/fds"
ok "no way out by the working directory ($(cat "$work/fds"))" grep -qx "0 entered, 0 out" "$work/fds"

# --- the runtime's own file -----------------------------------------------------------------------

before=$(cksum <"$detrun")
fresh
copy_program "$b/rootfs" "$detrun"
rm "$b/rootfs/bin/${detrun##*/}"
if ${CC:-cc} -w -shared -fPIC -o "$b/rootfs/evil.so" "$top/tests/guest/overwrite.c" 2>"$work/cc.log"; then
	bundle "p['args'] = ['/proc/self/exe']" "p['env'].append('LD_PRELOAD=/evil.so')"
	cp "$detrun" "$work/exe" && before2=$(cksum <"$work/exe")
	# detached: as long as the runtime runs, nobody can write to it anyway
	"$work/exe" --root "$work/containers" --determinism=off run -d -b "$b" "e$$" >"$work/exe.out" 2>&1 </dev/null
	await grep -q tried "$work/exe.out"
	"$work/exe" --root "$work/containers" delete --force "e$$"
	ok "an image whose entrypoint is /proc/self/exe writes to it in vain" test "$(cat "$work/exe.out")" = tried
	ok "it is as it was" test "$(cksum <"$work/exe")" = "$before2"
else
	echo "# skipped: no C compiler"
fi
bundle "sh('for p in 1 self \$PPID; do echo x >> /proc/\$p/exe; done; echo tried')" "without('pid')"
run "programs that write to those of the host" 0
ok "the runtime is as it was" test "$(cksum <"$detrun")" = "$before"

# Root's is sealed by a file system, where the path allows; --debug says how.
if [ "$(id -u)" = 0 ]; then
	bundle "sh('true')"
	mkdir "$work/a:b" && cp "$detrun" "$work/a:b/exe"
	for by in "$detrun" "$work/a:b/exe"; do
		"$by" --root "$work/containers" --debug --determinism=off run -b "$b" "e$$" 2>&1 </dev/null
	done | sed -n 's/.*exeseal: using \(.*\) for sealed.*/\1/p' >"$work/exe.out"
	ok "sealed by an overlay, or a mount ($(head -1 "$work/exe.out"))" grep -qxE "overlayfs|a read-only mount" "$work/exe.out"
	ok "a path that an overlay can't have is sealed by a mount" \
		test "$(sed -n 2p "$work/exe.out")" = "a read-only mount"
fi

# A command without a bundle: nothing of it is a clone, but nothing inside gets at it.
mkdir "$work/door" && cp "$detrun" "$work/exe" && before2=$(cksum <"$work/exe")
printf '#!/proc/self/exe\n' >"$work/door/script" && chmod +x "$work/door/script"
for first in /proc/self/exe ./script; do
	(cd "$work/door" && "$work/exe" --trace none -- "$first") >"$work/exe.out" 2>&1 </dev/null
	ok "$first is not the runtime" test "$? $(grep -c "detrun's own file" "$work/exe.out")" = "125 1"
done
(cd "$work/door" && "$work/exe" --trace none -- sh -c 'cat /proc/1/exe || echo x >>/proc/1/exe || echo tried') \
	>"$work/exe.out" 2>/dev/null </dev/null
ok "PID 1 shows nothing of it" test "$(cat "$work/exe.out")" = tried
(cd "$work/door" && cp "$work/exe" there && "$work/exe" --trace none -- ./there --version) >"$work/exe.out" 2>&1 </dev/null
ok "a copy of it is a program like others" grep -q version "$work/exe.out"
ok "it is as it was after all that" test "$(cksum <"$work/exe")" = "$before2"

# --- two containers race over a volume ------------------------------------------------------------

mkdir "$work/race" "$work/escape" && chmod 777 "$work/race"
cc=${CC:-cc}
if $cc -O1 -w -D_GNU_SOURCE -static -o "$work/swap" "$top/tests/guest/swap.c" 2>"$work/cc.log"; then
	fresh
	cp "$work/swap" "$b/rootfs/bin/swap"
	v="m('/vol', 'bind', '$work/race', 'bind')"
	bundle "$v" "p['args'] = ['swap', '/vol', '$work/escape']"
	"$detrun" --root "$work/containers" --determinism=off run -b "$b" "swap$$" </dev/null >"$work/swap.log" 2>&1 &
	swapper=$!
	mkdir "$work/b2"
	turns=0 won=0
	bundle "$v" "[m('/vol/name/TURN.%d' % i, 'tmpfs', 'tmpfs') for i in range(40)]" "sh('true')" \
		"c['root']['path'] = '$b/rootfs'"
	for i in $(seq 50); do
		sed "s|TURN|$i|" "$b/config.json" >"$work/b2/config.json"
		"$detrun" --root "$work/containers" --determinism=off run -b "$work/b2" "r$$" </dev/null \
			>>"$work/race.log" 2>&1 && won=$((won + 1))
		turns=$((turns + 40))
	done
	touch "$work/race/stop"
	wait $swapper
	ok "the swapper ran to its end" test $? = 0
	ok "nothing gets out in $turns turns of a race ($won containers ran)" test -z "$(ls -A "$work/escape")"
	ok "the container's own tree had it" test -d "$b/rootfs$work/escape"
else
	echo "# skipped: no static C library"
fi

# --- privileges -----------------------------------------------------------------------------------

fresh
bundle "sh('cat /proc/self/status')"
run "capabilities" 0
ok "none inheritable, none ambient" test "$(sed -n 's/^Cap\(Inh\|Amb\):\t*//p' "$work/out" | sort -u)" = 0000000000000000
for id in 4294967295 4294967296 -1 1e3; do
	bundle "p['user']['uid'] = $id"
	run "uid $id" 1
	err "process.user.uid"
done
for id in 2147483648 4294967295 99999999999 -1 0x10 1: ' 1'; do
	t "-u '$id'" 125 "$detrun" --chroot "$root" -u "$id" -- true
done
for file in passwd group; do
	for kind in fifo device huge symlink; do
		cp -a "$root" "$work/users" && rm "$work/users/etc/$file"
		case $kind in
		fifo) mkfifo "$work/users/etc/$file" ;;
		device) mknod "$work/users/etc/$file" c 1 5 ;;
		huge) truncate -s 1G "$work/users/etc/$file" ;;
		symlink) ln -s "$work/secret" "$work/users/etc/$file" ;;
		esac
		t "users of an image whose $file is a $kind" 125 timeout "$limit" "$detrun" --chroot "$work/users" \
			-u www:video -- true
		rm -rf "$work/users"
	done
done
finish
