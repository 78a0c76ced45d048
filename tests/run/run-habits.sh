#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What runc and crun are used to do beyond the specification, and their users with them.
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" = 0 ] || { echo "# skipped: root is needed"; exit 0; }
command -v python3 >/dev/null || { echo "# skipped: python3 is needed"; exit 0; }
. "$top/tests/run/bundlelib.sh"
S=$work/containers
u=habits$$-
cd "$b" || exit 125
D() { "$detrun" --root "$S" --determinism="${mode:-off}" "$@"; }

mv rootfs/etc/passwd rootfs/usr/passwd && ln -s ../usr/passwd rootfs/etc/passwd
for mode in off record; do
	config 'sh("echo $HOME")' 'p["user"] = {"uid": 33, "gid": 33}'
	t "$mode: HOME is the user's of the image" 0 D run "${u}1"
	out /srv/www
	config 'sh("echo $HOME")' 'p["user"] = {"uid": 4711, "gid": 1}' 'p["env"].append("HOME=")'
	t "$mode: an empty HOME of nobody's is the root" 0 D run "${u}1"
	ok "$mode: just that" grep -qx / "$work/out"
	config 'p["args"] = ["env"]' 'p["env"] += ["A=1", "B=2", "A=3"]'
	t "$mode: the last of one name is meant" 0 D run "${u}1"
	out A=3
	ok "$mode: and the others are gone" lacks A=1
	config 'sh("pwd")' 'p["cwd"] = "/not/yet"'
	t "$mode: a missing working directory is made" 0 D run "${u}1"
	out /not/yet
	rm -rf rootfs/not
done

mode=off
config 'sh("echo $LISTEN_FDS $LISTEN_PID; ls -l /proc/self/fd")'
t "sockets of activation are passed on" 0 env LISTEN_FDS=1 "$detrun" --root "$S" \
	--determinism=off run "${u}1" 3</dev/null
out '1 1'
t "descriptors that are not there are not missed" 0 D run --preserve-fds 20 "${u}1" 3</dev/null
ok "and nothing of detrun's is among them" sh -c '! grep -E "socket:|pipe:.*> *[4-9]|anon_inode" "$1" |
	grep -vE " [0-2] -> "' sh "$work/out"
t "of activation all may be missing" 0 env LISTEN_FDS=1 sh -c 'exec 3<&-; exec "$@"' - "$detrun" \
	--root "$S" --determinism=off run "${u}1"
t "all of them missing is a mistake" 1 sh -c 'exec 3<&-; exec "$@"' - "$detrun" --root "$S" \
	--determinism=off run --preserve-fds 1 "${u}1"
err "preserved-fd 0"
t "list of a root that is not there" 1 "$detrun" --root "$work/nowhere" list
ok "does not make it" test ! -e "$work/nowhere"
config 'p["args"] = ["sleep", "100"]'
mv config.json other.json
t "config.json by another name" 0 D run -d --config other.json "${u}1" </dev/null
t "exec knows it, too" 0 D exec "${u}1" sh -c 'exit 0'
t "signal 0 only looks" 0 D kill "${u}1" 0
t "an unknown signal" 1 D kill "${u}1" 65
t "state begins as runc's" 0 D state "${u}1"
ok "with the version" sh -c 'sed -n 2p "$1" | grep -q ociVersion' sh "$work/out"
mv other.json config.json
t "one more" 0 D run -d "${u}2" </dev/null
t "no such pattern" 1 D delete --force --regex "["
t "delete by a pattern" 0 D delete --force --regex "^${u}[12]\$"
t "both are gone" 0 D list -q
ok "none is listed" lacks "$u"
D create "${u}3" </dev/null >/dev/null 2>&1
t "a created container can be asked to end" 0 D kill "${u}3" TERM
ended() { D state "${u}3" | grep -q stopped; }
ok "and does" await ended
D delete --force "${u}3"
config 'c["linux"]["namespaces"].append({"type": "user"})' 'c["linux"].pop("uidMappings", 0)' \
	'sh("cat /proc/self/uid_map")' 'c["linux"]["resources"] = {}'
t "a user namespace without maps has the caller's ids" 0 D run "${u}1"
ok "from 0 on" grep -qE '^ *0 +0 ' "$work/out"

# what the image has where something else is wanted
for mode in off record; do
	config 'sh("cat /proc/self/mountinfo")' 'l["maskedPaths"] += 2 * ["/masked"]' \
		'c["root"]["readonly"] = False'
	mkdir rootfs/masked
	t "$mode: masked twice" 0 D run "${u}1"
	ok "$mode: is masked once" test "$(grep -c /masked "$work/out")" = 1
	rmdir rootfs/masked
	mkdir rootfs/data && mknod rootfs/data/null c 1 3
	config 'sh("echo x >/data/null")' \
		'l["devices"] = [{"path": "/data/null", "type": "c", "major": 1, "minor": 3}]'
	t "$mode: a device that is there" 0 D run "${u}1"
	rm rootfs/data/null && mknod rootfs/data/null c 1 5
	t "$mode: another device" 1 D run "${u}1"
	err "/data/null has incorrect major:minor: 1:5 doesn't match expected 1:3"
	rm rootfs/data/null && echo keep >rootfs/data/null
	t "$mode: a file" 1 D run "${u}1"
	err "/data/null has incorrect ftype"
	ok "$mode: which stays" grep -q keep rootfs/data/null
	rm -r rootfs/data
done

# Without a mount namespace of its own its mounts are the host's: here, a private one.
mode=off
shared() { unshare -m --propagation private bash -c "cd '$b'; D() { '$detrun' --root '$S' \
	--determinism=off \"\$@\"; }; $1"; }
unshared="ns = l['namespaces']; ns[:] = [n for n in ns if n['type'] != 'mount']"
bare="l.pop('maskedPaths'); l.pop('readonlyPaths'); c['root']['readonly'] = False"
config "sh('sleep 100')" "$unshared; $bare"
t "mounts in the host's namespace" 0 shared "D run -d ${u}1 </dev/null >/dev/null 2>&1 &&
	mountpoint -q rootfs && mountpoint -q rootfs/proc && D delete -f ${u}1 &&
	! mountpoint -q rootfs/proc && ! mountpoint -q rootfs"
t "but not who was there before" 0 shared "mount --bind rootfs rootfs
	D run -d ${u}1 </dev/null >/dev/null 2>&1; D delete -f ${u}1; mountpoint -q rootfs &&
	umount rootfs && ! mountpoint -q rootfs"
config "sh('true')" "$unshared; $bare" 'c["hooks"] = {"createRuntime": [{"path": "/bin/false"}]}'
t "nor of one that failed" 0 shared "! D run ${u}1 2>/dev/null && ! mountpoint -q rootfs/proc &&
	! mountpoint -q rootfs"
config "sh('true')" "$unshared; $bare"
t "--no-pivot there" 1 D run --no-pivot "${u}1"
err "unable to use no-pivot without a private MNT namespace"
config "sh('true')" "$unshared; $bare" 'l["rootfsPropagation"] = "rslave"'
t "propagation there" 1 D run "${u}1"
err "unable to set rootfs propagation without a private MNT namespace"
finish
