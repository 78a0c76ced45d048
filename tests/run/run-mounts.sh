#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Mounts and devices as config.json asks for them.
. "$(dirname "$0")/lib.sh"
command -v python3 >/dev/null || { echo "# skipped: python3 is needed"; exit 0; }
[ "$(id -u)" = 0 ] || { echo "# skipped: root is needed"; exit 0; }
. "$top/tests/run/bundlelib.sh"
src=$work/src
mkdir -p "$src/d/sub" "$src/over" "$src/up" "$src/wk" && chmod 755 "$src"
echo file >"$src/f" && echo deep >"$src/d/x" && ln -s f "$src/l" && echo low >"$src/over/low"
info='cat /proc/self/mountinfo'

# --- bind mounts ----------------------------------------------------------------------------------

bundle "m('/mnt', 'bind', '$src/d', 'rbind')" "m('/etc/a/b', 'bind', '$src/f', 'bind', 'ro', 'nosuid')" \
	"m('/m2', 'none', '$src/d', 'bind', 'nosuid', 'nodev', 'noexec', 'noatime', 'nodiratime', 'nosymfollow')" \
	"m('/m3', 'bind', '$src/d', 'bind', 'strictatime')" "sh('cat /etc/a/b /mnt/x; echo w > /mnt/w; $info')"
both "bind mounts" 0
out file
out deep
has /mnt rw
run "their flags" 0
has /etc/a/b ro nosuid
has /m2 rw nosuid nodev noexec noatime nodiratime nosymfollow
has /m3 rw !relatime !noatime
ok "written to the host's" test -s "$src/d/w"
rm -f "$src/d/w"
bundle "m('/mnt', 'bind', '$src/d', 'bind', 'ro')" "sh('echo w > /mnt/w')"
both "a read-only bind mount" 2
ok "nothing is written" test ! -e "$src/d/w"
bundle "m('/mnt', 'bind', '$src/nothing', 'bind')"
run "no source" 1
err 'detrun run failed: unable to start container process: error during container init: error mounting "'"$src/nothing"'" to rootfs at "/mnt"'
bundle "m('/etc/passwd', 'bind', '$src/d', 'bind')"
run "a directory on a file" 1
err "not a directory"
for at in / /.. /usr/..; do
	bundle "m('$at', 'bind', '$src/d', 'rbind')"
	both "over the root: $at" 1
	err "is on the top of the container's root"
done
bundle "m('/proc/nothing', 'bind', '$src/f', 'bind')"
both "where nothing can be made" 1
err '"/proc/nothing" cannot be mounted because it is inside /proc'
bundle "m('/mnt', 'bind', 'rootfs/etc', 'bind')" "sh('cat /mnt/passwd')"
run "a source below the bundle" 0
out root:x:0
bundle "m('/l2', 'bind', '$src/l', 'bind', 'src-nofollow')" "sh('ls -l /l2')"
run "a symlink is bound itself" 0
out "-> f"
ln -sfn tmp "$b/rootfs/dlink"
bundle "m('/dlink', 'bind', '$src/f', 'bind', 'dest-nofollow')" "sh('cat /dlink')"
run "a symlink is covered itself" 0
out file

bundle "m('/c1/l', 'bind', '$src/l', 'bind', 'copy-symlink')" "m('/c1/d', 'bind', '$src/d', 'bind', 'copy-symlink')" \
	"sh('ls -l /c1/l; cat /c1/d/x')"
run "a symlink is made again" 0
out "-> f"
out deep
bundle "m('/a1', 'bind', '$src/d', 'rbind')" "m('$b/rootfs/b1', 'bind', '$b/rootfs/a1', 'rbind')" "sh('cat /b1/x')"
both "a source in the container" 0
out deep

# --- the kernel's own file systems below a volume --------------------------------------------------

if mkdir -p "$work/k" && mount -t tmpfs none "$work/k" && mount --make-shared "$work/k" && mkdir "$work/k/proc" "$work/k/sys" &&
	mount -t proc proc "$work/k/proc" && mount -t sysfs sysfs "$work/k/sys" &&
	touch "$work/k/ns" && mount --bind /proc/self/ns/net "$work/k/ns"; then
	trap 'umount -R "$work/k"; rm -rf "$work"' EXIT
	bundle "m('/k', 'bind', '$work/k', 'rbind', 'rshared')" \
		"sh('ls /k /k/proc /k/sys; cat /k/ns; echo x >/k/new')"
	t "a volume with /proc and /sys in it" 0 "$detrun" --root "$work/containers" run --trace "$work/k1" -b "$b" "c$$"
	out proc
	ok "which are empty" lacks version
	ok "and /sys" lacks kernel
	ok "as the manifest has them" eval '! grep -q "^./k/\(proc\|sys\)/" "$work/k1/rootfs.in.mtree"'
	ok "what can't be read is listed" grep -q "^./k/ns " "$work/k1/rootfs.in.mtree"
	ok "outside they are there" test -e "$work/k/proc/self" -a -e "$work/k/sys/kernel"
	ok "nothing is mounted outside" test "$(grep -c " $work/k" /proc/self/mountinfo)" = 4
	ok "the volume is written to" test -s "$work/k/new"
	t "never under --strict" 1 "$detrun" --root "$work/containers" run --determinism=strict --trace none -b "$b" "c$$"
	err "k/ns for the manifest: invalid argument"
	run "without a supervisor all is there" 0
	out version
	out kernel
	umount -R "$work/k"
fi
trap 'rm -rf "$work"' EXIT

# --- what is locked in a user namespace ----------------------------------------------------------

mkdir "$work/locked" "$work/private" "$work/private/d" && echo secret >"$work/private/d/s"
chmod 700 "$work/private"
mkdir -p "$b/rootfs/mnt" "$b/rootfs/p" "$b/rootfs/i" "$b/rootfs/n"
mount -t tmpfs -o nosuid,nodev,noexec,noatime tmpfs "$work/locked" &&
	trap 'umount "$work/locked"; rm -rf "$work"' EXIT
bundle "user()" "m('/mnt', 'bind', '$work/locked', 'bind', 'ro')" "m('/p', 'bind', '$work/private/d', 'bind')" \
	"sh('cat /p/s; $info')"
both "locked flags stay" 0
out secret
has /mnt ro nosuid nodev noexec noatime
bundle "user()" "m('/mnt', 'bind', '$work/locked', 'bind', 'ro', 'exec')"
run "but not silently" 1
err "locked by the user namespace"
bundle "m('/mnt', 'bind', '$work/locked', 'bind', 'ro')" "sh('$info')"
run "root may take them away" 0
has /mnt ro !nosuid !noexec

# --- file systems ---------------------------------------------------------------------------------

mkdir "$b/rootfs/t1757" "$b/rootfs/cp" && chmod 1757 "$b/rootfs/t1757" && chmod 711 "$b/rootfs/cp"
echo there >"$b/rootfs/cp/there" && ln -s there "$b/rootfs/cp/ln"
bundle "m('/t1', 'tmpfs', 'tmpfs', 'size=1m', 'mode=0711')" "m('/t1757', 'tmpfs', 'tmpfs', 'nosuid')" \
	"m('/ro', 'tmpfs', 'tmpfs', 'ro', 'noexec')" "m('/ro/in', 'bind', '$src/d', 'bind')" \
	"m('/cp', 'tmpfs', 'tmpfs', 'tmpcopyup')" "m('rel/x', 'tmpfs', 'tmpfs')" \
	"m('/mq', 'mqueue', 'mqueue')" "m('/ram', 'ramfs', 'ramfs', 'nodev')" \
	"m('/p2', 'proc', 'proc')" "sh('''stat -c %n=%a /t1 /t1757 /cp; cat /cp/ln /ro/in/x; echo x > /cp/new
	touch /ro/x || echo refused; $info''')"
run "file systems" 0
out /t1=711
out /t1757=1757
out /cp=711
out there
out deep
out refused
has /t1 size=1024k
has /ro ro noexec
has /rel/x rw
has /ram nodev
ok "copied up, not written through" test ! -e "$b/rootfs/cp/new"
copy_program "$b/rootfs" "$(type -P dd)"
bundle "m('/t1', 'tmpfs', 'tmpfs', 'size=1m')" \
	"sh('dd if=/dev/zero of=/t1/x bs=64k count=40 || echo full; stat -c %s /t1/x; cat /etc/passwd >/t1/y || echo too')"
both "a full tmpfs is for the programs to know" 0
out full
out 1048576
out too
bundle "m('/o', 'overlay', 'overlay', 'lowerdir=$src/over,upperdir=$src/up,workdir=$src/wk')" \
	"sh('cat /o/low; echo x > /o/high')"
both "an overlay with options" 0
out low
ok "writes above" test -e "$src/up/high" -a ! -e "$src/over/high"
long=$work/$(printf 'x%.0s' {1..200})
mkdir -p "$long/$(printf 'y%.0s' {1..100})" && touch "$long/$(printf 'y%.0s' {1..100})/z"
bundle "m('/o', 'overlay', 'overlay', 'lowerdir=$long/$(printf 'y%.0s' {1..100}):$src/over')" "sh('ls /o')"
run "options longer than fsconfig takes" 0
out z
out low
bundle "m('/t', 'tmpfs', 'tmpfs', 'iversion', 'mand')" "sh('$info')"
run "iversion, mand" 0
has /t rw
bundle "m('/t', 'tmpfs', 'tmpfs')" "m('/t', 'tmpfs', 'tmpfs', 'remount', 'ro', 'nosuid')" \
	"m('/t2', 'tmpfs', 'tmpfs', 'nodev')" "m('/t2', 'none', 'x', 'remount', 'bind', 'noexec')" \
	"m('/t3', 'tmpfs', 'tmpfs', 'size=1m')" "m('/t3', 'tmpfs', 'tmpfs', 'remount', 'size=2m')" "sh('$info')"
run "remount" 0
has /t3 size=2048k
has /t ro nosuid
has /t2 noexec !nodev
bundle "m('/t', 'nonsense', 'x')"
run "no such file system" 1
err 'error mounting "x" to rootfs at "/t": nonsense file system: no such device'
bundle "m('/t', 'tmpfs', 'x', 'frobnicate=1')"
run "no such option" 1
err "Unknown parameter 'frobnicate'"

# --- propagation ----------------------------------------------------------------------------------

bundle "m('/s', 'bind', '$src/d', 'rbind', 'rshared')" "m('/u', 'bind', '$src/d', 'bind', 'unbindable')" \
	"m('/p', 'tmpfs', 'tmpfs', 'private')" "sh('$info')"
run "propagation" 0
has /s shared
has /u unbindable
has /p !shared
for p in shared rshared slave rslave private rprivate unbindable; do
	bundle "l['rootfsPropagation'] = '$p'" "m('/p', 'tmpfs', 'tmpfs')" "sh('$info')"
	run "rootfsPropagation $p" 0
	case $p in
	shared) has / shared && has /p !shared ;;
	rshared) has / shared && has /p shared ;;
	unbindable) has / unbindable ;;
	*) has / !shared ;;
	esac
done

# The host's mounts in a namespace of its own, shared: what the container mounts below a shared bind
# mount comes out, its root does not, and the host keeps what it had.
cat >"$work/shared.sh" <<'S'
mount --make-rshared / && mount -t tmpfs tmpfs "$1/peer" && mkdir "$1/peer/at" && mount --make-shared "$1/peer"
before=$(grep -c . /proc/self/mountinfo)
"$2" --root "$1/containers" --determinism=off run -b "$3" shared$$ >/dev/null 2>&1 || echo failed
grep -c " $1/peer/at " /proc/self/mountinfo
grep -c . /proc/self/mountinfo | { read n; echo more $((n - before)); }
S
mkdir "$work/peer"
bundle "l['rootfsPropagation'] = 'rshared'" "m('/peer', 'bind', '$work/peer', 'rbind', 'rshared')" \
	"p['capabilities']['bounding'] += ['CAP_SYS_ADMIN']" "p['capabilities']['effective'] += ['CAP_SYS_ADMIN']" \
	"p['capabilities']['permitted'] += ['CAP_SYS_ADMIN']" "sh('mount -t tmpfs x /peer/at')"
cp -L "$(command -v mount)" "$b/rootfs/bin/mount"
for l in $(ldd "$(command -v mount)" | grep -o '/[^ ]*'); do
	[ -e "$b/rootfs$l" ] || { mkdir -p "$b/rootfs${l%/*}" && cp -L "$l" "$b/rootfs$l"; }
done
t "a shared mount" 0 unshare -m sh "$work/shared.sh" "$work" "$detrun" "$b"
ok "comes out" test "$(cat "$work/out")" = "1
more 1"

# --- recursive attributes, id maps ----------------------------------------------------------------

cat >"$work/rec.sh" <<'S'
mount -t tmpfs tmpfs "$1/src/d/sub" && exec "$2" --root "$1/containers" --determinism=off run -b "$3" rec$$
S
bundle "m('/ro', 'bind', '$src/d', 'rbind', 'ro')" "m('/rro', 'bind', '$src/d', 'rbind', 'rro', 'rnosuid', 'rnoatime')" \
	"m('/rrw', 'bind', '$src/d', 'rbind', 'rro', 'rrw')" "sh('$info')"
t "attributes of a tree" 0 unshare -m sh "$work/rec.sh" "$work" "$detrun" "$b"
has /ro ro
has /ro/sub rw
has /rro ro nosuid noatime
has /rro/sub ro nosuid noatime
has /rrw/sub rw
cat >"$work/volume.sh" <<'S'
mount -t tmpfs tmpfs "$1/src/d/sub" && exec "$2" --trace none -v "$1/src/d:/v:ro" -- sh -c 'echo x > /v/sub/x'
S
t "a read-only volume" 2 unshare -m sh "$work/volume.sh" "$work" "$detrun"
err "Read-only file system"
maps='dict(uidMappings=[{"containerID": 0, "hostID": 100000, "size": 65536}], gidMappings=[{"containerID": 0, "hostID": 200000, "size": 65536}])'
id_maps() {
	local how
	bundle "m('/i', 'bind', '$src/d', 'bind', **$maps)" "sh('stat -c %u:%g /i/x')"
	run "an id map" 0
	out 100000:200000
	bundle "user()" "m('/i', 'bind', '$src/d', 'bind', 'idmap')" "m('/n', 'bind', '$src/d', 'bind')" \
		"sh('stat -c %n=%u:%g /i/x /n/x; touch /i/new')"
	run "the container's own" 0
	out /i/x=0:0
	out /n/x=65534:65534
	ok "what is written has the owner outside" test "$(stat -c %u "$src/d/new")" = 0
	for how in 'idmap=uids=0-100000-5#5-7-1;gids=0-200000-1=0:65534' 'idmap=uids=@0-3-1;gids=@0-4-1=3:4'; do
		bundle "user()" "m('/i', 'bind', '$src/d', 'bind', '${how%=*}')" "sh('stat -c %u:%g /i/x')"
		run "its id map in words: ${how%=*}" 0
		out "${how##*=}"
	done
	bundle "user()" "m('/i', 'bind', '$src/d', 'bind')" "m('/n', 'bind', '$b/rootfs/i', 'bind', 'idmap')" \
		"sh('stat -c %n=%u:%g /i/x /n/x')"
	run "of a source in the container" 0
	out /i/x=65534:65534
	out /n/x=0:0
}
if [ "$(stat -f -c %T "$src/d")" = tmpfs ] && [ "$(printf '%s\n' "$(uname -r)" 6.3 | sort -V | head -1)" != 6.3 ]; then
	echo "# skipped: id maps (tmpfs has them since Linux 6.3; set TMPDIR)"
else
	id_maps
fi
bundle "m('/i', 'bind', '$src/d', 'bind', 'idmap')"
run "an id map without a user namespace" 1
err "needs a user namespace or uidMappings and gidMappings"
bundle "m('/i', 'bind', '/proc/self', 'bind', **$maps)"
run "a file system that has none" 1
err "failed to set MOUNT_ATTR_IDMAP on /proc/self"

mkdir -p "$b/rootfs/masked"
bundle "l['maskedPaths'] = ['/masked']" "sh('true')"
t "a masked directory" 0 "$detrun" --root "$work/containers" --determinism=off create -b "$b" "m$$"
pid=$("$detrun" --root "$work/containers" state "m$$" | sed -n 's/.*"pid": \([0-9]*\).*/\1/p')
ok "nothing of it is open" sh -c '! ls -l "/proc/$1/fd" | grep masked' - "$pid"
"$detrun" --root "$work/containers" delete -f "m$$"

# --- places ---------------------------------------------------------------------------------------

ln -sfn ../../../../../../away "$b/rootfs/out" && ln -sfn /far/too "$b/rootfs/abs"
bundle "m('/a/../dots/./x', 'tmpfs', 'tmpfs')" "m('/../../up', 'tmpfs', 'tmpfs')" "m('/out/x', 'tmpfs', 'tmpfs')" \
	"m('/abs/y', 'tmpfs', 'tmpfs')" "sh('$info')"
run "dots and dangling symlinks" 0
has /dots/x rw
has /up rw
has /away/x rw
has /far/too/y rw
ok "stay in the root" test -d "$b/rootfs/away/x" -a ! -e /away -a ! -e "$work/away"
ln -sfn loop "$b/rootfs/loop"
bundle "m('/loop/x', 'tmpfs', 'tmpfs')"
run "a loop of symlinks" 1
err "too many levels of symbolic links"

# --- devices, covered paths -----------------------------------------------------------------------

mkdir -p "$b/rootfs/m/d" && echo s >"$b/rootfs/m/f" && touch "$b/rootfs/m/d/z"
bundle "l['devices'] = [dict(path='/dev/foo', type='c', major=1, minor=5, fileMode=0o640, uid=5, gid=6),
	dict(path='/dev/d/bar', type='b', major=7, minor=0), dict(path='/dev/fifo', type='p')]" \
	"l['maskedPaths'] = ['/m/f', '/m/d', '/m/no', '/m/f/no']" "l['readonlyPaths'] = ['/tmp', '/m/no']" \
	"sh('stat -c %n=%F,%t:%T,%a,%u:%g /dev/foo /dev/d/bar /dev/fifo /dev/null; cat /m/f; ls /m/d; touch /tmp/x; echo end')"
both "devices and covered paths" 0
out "/dev/foo=character special file,1:5,640,5:6"
out "/dev/d/bar=block special file,7:0,666"
out "/dev/fifo=fifo"
out "/dev/null=character special file,1:3,666,0:0"
err "Read-only file system"
ok "covered" test "$(sed -n '5,$p' "$work/out")" = end
bundle "user()" "sh('for d in null zero full random urandom tty; do stat -c %n=%F /dev/\$d; done; echo x > /dev/null')"
both "devices in a user namespace" 0
out "/dev/urandom=character special file"
bundle "user()" "l['devices'] = [dict(path='/dev/own', type='c', major=1, minor=5, fileMode=0o640, uid=5, gid=6)]" \
	"sh('stat -c %n=%F,%t:%T,%a,%u:%g /dev/own')"
run "one with an owner" 0
out "/dev/own=character special file,1:5,640,5:6"
bundle "l['maskedPaths'] = ['/m', '/tmp']" "sh('[ \$(stat -c %d /m) = \$(stat -c %d /tmp) ] && echo one; touch /m/x')"
run "masked directories" 1
out one
copy_program "$b/rootfs" "$(command -v unshare)"
bundle "[p['capabilities'][k].append('CAP_SETFCAP') for k in ('bounding', 'effective', 'permitted')]" \
	"sh('unshare -mrpf mount -t proc none /proc && echo bare')"
t "--no-pivot" 32 "$detrun" --root "$work/containers" --determinism=off run --no-pivot -b "$b" "c$$"
err "permission denied"
bundle "c['mounts'] = [x for x in c['mounts'] if not x['destination'].startswith('/dev')]" \
	"m('/dev', 'bind', '$work/devices', 'rbind')" "sh('test -e /dev/null')"
mkdir "$work/devices"
run "a /dev of the host's" 1
ok "is left as it is" test -z "$(ls -A "$work/devices")"
bundle "c['mounts'] = [x for x in c['mounts'] if x['destination'] != '/dev']" "m('/dev', 'tmpfs', 'tmpfs', 'ro')" \
	"sh('echo x > /dev/null; touch /dev/x')"
run "a read-only /dev" 1
err "Read-only file system"
bundle "l['sysctl'] = {'net.ipv4.ip_forward': '1', 'kernel/msgmax': '9999'}" \
	"sh('cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax')"
run "sysctl" 0
out 9999

# --- cgroups --------------------------------------------------------------------------------------

if grep -q ' - cgroup cgroup ' /proc/self/mountinfo; then
	cg="m('/sys/fs/cgroup', 'cgroup', 'cgroup', 'nosuid', 'noexec', 'nodev', 'relatime'"
	bundle "c['mounts'] = [x for x in c['mounts'] if x['type'] != 'cgroup']" "$cg)" "without('cgroup')" \
		"sh('test -w /sys/fs/cgroup/pids/cgroup.procs && cat /sys/fs/cgroup/pids/cgroup.procs; $info')"
	run "cgroups of version 1" 0
	ok "show its own" test "$(head -1 "$work/out")" = 1
	has /sys/fs/cgroup rw nosuid
	has /sys/fs/cgroup/pids rw nosuid pids
	bundle "c['mounts'] = [x for x in c['mounts'] if x['type'] != 'cgroup']" "$cg, 'ro')" "without('cgroup')" \
		"l['namespaces'].append({'type': 'cgroup'})" "sh('$info')"
	run "with a namespace, read-only" 0
	ok "begin at its own" grep -q ' / /sys/fs/cgroup/pids ro' "$work/out"
	has /sys/fs/cgroup ro
fi
finish
