#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Root file systems like those that runc's tests would download, made of this machine's packages.
# usage: images.sh DIR: makes DIR/busybox.tar, DIR/debian.tar, DIR/hello.tar
set -eu
dir=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$dir"

users() { # ROOT
	mkdir -p "$1"/{dev,etc,home,root,tmp,usr,var/spool/mail}
	chmod 1777 "$1/tmp" && chmod 700 "$1/root"
	cat >"$1/etc/passwd" <<-'EOF'
		root:x:0:0:root:/root:/bin/sh
		daemon:x:1:1:daemon:/usr/sbin:/bin/false
		bin:x:2:2:bin:/bin:/bin/false
		sys:x:3:3:sys:/dev:/bin/false
		sync:x:4:100:sync:/bin:/bin/sync
		mail:x:8:8:mail:/var/spool/mail:/bin/false
		www-data:x:33:33:www-data:/var/www:/bin/false
		operator:x:37:37:Operator:/var:/bin/false
		nobody:x:65534:65534:nobody:/home:/bin/false
	EOF
	cat >"$1/etc/group" <<-'EOF'
		root:x:0:
		daemon:x:1:
		bin:x:2:
		sys:x:3:
		tty:x:5:
		disk:x:6:
		mail:x:8:
		www-data:x:33:
		operator:x:37:
		users:x:100:
		nobody:x:65534:
	EOF
	printf 'root:*:::::::\n' >"$1/etc/shadow"
}

busybox() {
	local root=$work/busybox b name
	users "$root"
	mkdir -p "$root"/{bin,lib,usr/bin,usr/sbin,var/www}
	b=$(type -P busybox)
	cp "$b" "$root/bin/busybox"
	for name in $("$b" --list); do
		[ "$name" = busybox ] || ln -f "$root/bin/busybox" "$root/bin/$name"
	done
	ln -s ../../bin/env "$root/usr/bin/env"
	tar -C "$root" --numeric-owner --owner=0 --group=0 -cf "$dir/busybox.tar" .
}

libraries() { # FILES on stdin
	xargs -r ldd 2>/dev/null | grep -o '/[^ ]*' | grep -v ':$' | sort -u
}

debian() {
	local root=$work/debian
	users "$root"
	mkdir -p "$root"/{proc,sys,usr/{bin,sbin,lib,lib64}}
	for d in bin sbin lib lib64; do ln -s "usr/$d" "$root/$d"; done
	dpkg -L base-files bash dash coreutils util-linux mount libc-bin grep sed findutils mawk \
		libc6 tar procps debianutils | grep -v -e /usr/share -e /locale -e /gconv -e '/[.]$' |
		while IFS= read -r f; do
			if [ -f "$f" ]; then echo "$f"; fi
		done >"$work/files"
	libraries <"$work/files" >>"$work/files"
	sort -u "$work/files" | while IFS= read -r f; do
		case $f in /etc/passwd | /etc/group | /etc/shadow) continue ;; esac
		mkdir -p "$root${f%/*}"
		cp -P "$f" "$root$f"
		[ ! -L "$f" ] || { t=$(readlink -f "$f"); mkdir -p "$root${t%/*}"; cp "$t" "$root$t"; }
	done
	[ -e "$root/usr/bin/awk" ] || ln -s mawk "$root/usr/bin/awk"
	/sbin/ldconfig -r "$root"
	tar -C "$root" --numeric-owner --owner=0 --group=0 -cf "$dir/debian.tar" .
}

hello() {
	local root=$work/hello
	mkdir -p "$root"
	printf '#include <stdio.h>\nint main(void) { return puts("Hello from Docker!") < 0; }\n' |
		gcc -static -xc -o "$root/hello" -
	tar -C "$root" --numeric-owner --owner=0 --group=0 -cf "$dir/hello.tar" .
}

busybox
debian
hello
ls -l "$dir"
