#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Files of the image that were changed in place.
. "$(dirname "$0")/lib.sh"

# by which path a file was changed is told by who is behind chroot(2)
copy_program "$root/usr/jail" "$(command -v mv)"
copy_program "$root" "$(command -v mv)"
copy_program "$root" "$(command -v chroot)"
echo f >"$root/usr/jail/f"
t "a file moved behind chroot(2)" 0 "$detrun" --trace none --chroot "$root" sh -c '
	echo outside >/g; was=$(stat -c "%i %X %Y %Z" /g)
	chroot /usr/jail /bin/mv /f /g
	echo "$was, $(stat -c "%i %X %Y %Z" /g)"
	[ "$was" = "$(stat -c "%i %X %Y %Z" /g)" ]'

# when memory gets short the kernel forgets which file of the image a copy is of: root can have that at once
if [ ! -w /proc/sys/vm/drop_caches ] || ! unshare -Urm true 2>/dev/null; then
	echo "# skipped: nobody but root may drop caches"
	finish
	exit
fi
cat >"$work/swap.c" <<'END'
#include <fcntl.h>
#include <stdio.h>
int main(int n, char **v) { return renameat2(AT_FDCWD, v[1], AT_FDCWD, v[2], RENAME_EXCHANGE) < 0; }
END
cc=${CC:-cc}
$cc -O1 -D_GNU_SOURCE -o "$work/swap" "$work/swap.c" || exit 125
copy_program "$root" "$work/swap"
for p in ln sync diff; do copy_program "$root" "$(command -v $p)"; done
mkdir -p "$root/usr/d/sub"
for f in 1 2 3 4 5 6 7 8 9 sub/1 twin.1 swap.1 swap.2; do echo "$f" >"$root/usr/d/$f"; done
ln "$root/usr/d/twin.1" "$root/usr/d/twin.2"
ln -s 1 "$root/usr/d/link"

cat >"$work/guest.sh" <<'END'
see() {
	cd /usr/d
	stat -c '%n %i %a %u:%g %X %Y %Z %h' * sub/*
}
cd /usr/d
see >/tmp/first
sleep 5
echo more >>1                   # opened to be written
: >2
chmod 600 3
chown 0:0 4
touch -d @1000 5
touch -a 6
mv 7 n7
ln 8 h8
mv 9 sub/9
chmod 700 sub
touch sub/1
chmod 640 twin.1
ln link hlink
swap swap.1 swap.2
sync
see >/tmp/before
echo ready
read x
see >/tmp/after

diff /tmp/before /tmp/after && echo the same
END

forget() { # when the program is ready
	await grep -q ready "$work/said" || return
	sync
	echo 2 >/proc/sys/vm/drop_caches
	echo 2 >/proc/sys/vm/drop_caches
	echo go
}

forgetting() {
	: >"$work/said"
	forget | "$@" >"$work/said"
	local r=$?
	cat "$work/said"
	return $r
}

t "a directory" 0 forgetting "$detrun" --trace none --chroot "$root" sh -c "$(cat "$work/guest.sh")"
out "the same"

# a bundle's root that somebody else has mounted, where no file can be looked up by its handle
b=$work/bundle
mkdir -p "$b/rootfs" "$work"/{upper,work}
(cd "$b" && "$detrun" spec --rootless) || exit 125
cat >"$work/mounted.sh" <<'END'
mount -t overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work,userxattr" overlay "$2/bundle/rootfs" || exit 125
shift 2
"$@"
END
mounted() { unshare -Urm sh "$work/mounted.sh" "$root" "$work" "$@"; }
python3 "$top/tests/run/config.py" "$b/config.json" "$b/config.json" 'c["root"]["readonly"] = False' \
	"sh(open('$work/guest.sh').read())" || exit 125
t "a bundle on an overlay" 0 forgetting mounted "$detrun" --root "$work/containers" run --trace none -b "$b" c1
out "the same"
finish
