#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Reading traces.
. "$(dirname "$0")/lib.sh"

t "a run to look at" 0 "$detrun" --trace "$work/tr" --chroot "$root" cat /etc/passwd
t "stat" 0 "$detrun" trace stat "$work/tr"
out openat
t "show one call" 0 "$detrun" trace show --syscall execve "$work/tr"
out 'execve("cat"'
t "nondet" 0 "$detrun" trace nondet "$work/tr"
out RDRAND

# code: bytes of RDRAND EAX behind the program's entry, and the same file without them
if command -v cc >/dev/null; then
	printf 'int main(void){return 0;}\n#ifdef RD\nunsigned f(void){unsigned x;__asm__ volatile("rdrand %%0":"=a"(x));return x;}\n#endif\n' >"$work/p.c"
	cc -O1 -o "$root/bin/without" "$work/p.c" && cc -O1 -DRD -o "$root/bin/with" "$work/p.c"
	t "a run of both" 0 "$detrun" --trace "$work/tc" --chroot "$root" sh -c '/bin/with; /bin/without'
	t "code" 0 "$detrun" trace code "$work/tc" "$root"
	out "rdrand 1  /bin/with"
	ok "only there" sh -c "! grep -q '/bin/without$' $work/out"
	t "code as JSON" 0 "$detrun" trace code --jsonl "$work/tc" "$root"
	out '{"path":"/bin/with","rdrand":1}'
	for n in 60 64 200; do
		head -c $n "$root/bin/with" >"$work/cut" && cat "$work/cut" >"$root/bin/with.new" && chmod 755 "$root/bin/with.new"
		mv "$root/bin/with" "$root/bin/with.whole" && mv "$root/bin/with.new" "$root/bin/with"
		t "a program cut at $n" 0 "$detrun" trace code "$work/tc" "$root"
		mv "$root/bin/with.whole" "$root/bin/with"
	done
fi
# what a library of the host's does in our own code before the program is none of its time
if command -v cc >/dev/null; then
	cat >"$work/late.c" <<'END'
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <x86intrin.h>
int execve(const char *path, char *const argv[], char *const env[])
{
	int n = atoi(getenv("LATE"));

	for (int i = 0; i < n; i++)
		__rdtsc();
	return (int) syscall(SYS_execve, path, argv, env);
}
END
	cc -O1 -w -D_GNU_SOURCE -shared -fPIC -o "$work/late.so" "$work/late.c" || exit 125
	t "the time is asked 3 times before the program" 0 env LATE=3 LD_PRELOAD="$work/late.so" "$detrun" --trace "$work/l3" true
	t "5 times in its replay" 0 env LATE=5 LD_PRELOAD="$work/late.so" "$detrun" replay "$work/l3"
fi
mkdir "$work/dir" && run_in() { (cd "$1" && shift && "$@"); }
t "a run of little" 0 run_in "$work/dir" "$detrun" --trace "$work/t8" true
touch "$work/dir/f"
t "another file" 1 "$detrun" replay "$work/t8"
err "expected: no more files"
# another one's trace: its maker would choose what its command writes to here
mkdir "$work/mine" "$work/theirs"
openssl genpkey -algorithm ed25519 -out "$work/k.pem" 2>/dev/null && openssl pkey -in "$work/k.pem" -pubout -out "$work/k.pub"
t "a trace of theirs" 0 run_in "$work/theirs" "$detrun" --key "$work/k.pem" --trace "$work/t9" \
	-v "$work/mine:/v" sh -c 'echo it >f; echo it >/v/f'
rm "$work/theirs/f" "$work/mine/f"
t "is not replayed where it says" 125 "$detrun" replay "$work/t9"
err "name it with --volume"
t "nor with its volume named" 125 "$detrun" replay -v "$work/mine:/v" "$work/t9"
err "name it with --build"
ok "nothing is written" test ! -e "$work/mine/f" -a ! -e "$work/theirs/f"
t "where it is told" 0 "$detrun" replay -v "$work/mine:/v" --build "$work/theirs" "$work/t9"
rm "$work/theirs/f" "$work/mine/f"
t "or by who is trusted" 0 "$detrun" replay --key "$work/k.pub" "$work/t9"
t "what is there by now" 1 "$detrun" replay --key "$work/k.pub" "$work/t9"
err "./f type=file"
sed -i 's/mine/none/' "$work/t9/host.json"
t "which they have not signed" 125 "$detrun" replay --key "$work/k.pub" "$work/t9"
err "host.json is not what was signed"
t "no root file system" 2 "$detrun" trace code "$work/tr" "$work/none"
err "$work/none"
# what an overlay hides is not there, though the directory has it
if mkdir "$root/usr/hides" && mknod "$root/usr/hides/it" c 0 0 2>/dev/null; then
	t "a file that an overlay hides" 0 "$detrun" --key "$work/k.pem" --trace "$work/hidden" --chroot "$root" pwd
	ok "is in no manifest" sh -c '! grep usr/hides/it "$1"/rootfs.*.mtree' - "$work/hidden"
	ok "its directory is" grep -q usr/hides "$work/hidden/rootfs.out.mtree"
fi
rm -r "$root/usr/hides"
# the files afterwards: over an image only what its layer above has is looked at, in a copy everything
for p in mv ln cp dd chgrp truncate sync; do
	copy_program "$root" "$(command -v $p)"
done
mkdir -p "$root"/usr/{deep/a/b/c,tree/sub,other,over,swap,old} "$work/vol/a/b"
for f in deep/a/b/c/f deep/a/f tree/f tree/sub/f other/f over/f old/f; do echo "$f" >"$root/usr/$f"; done
ln "$root/usr/deep/a/f" "$root/usr/other/hard" && ln -s f "$root/usr/other/link" && mkfifo "$root/usr/other/pipe"
echo secret >"$root/usr/other/secret" && chmod 600 "$root/usr/other/secret"
echo v >"$work/vol/a/b/f" && echo w >"$work/vol/f"
hard='
	cd /usr
	echo new >deep/a/b/c/new                  # below many
	mv tree moved; mv old over/old            # directories of the image
	rm -r over/f; mkdir over/f; echo x >over/f/x
	rm -r swap; echo now a file >swap
	rm other/f; mkdir other/f
	cat other/hard                            # it has another name
	chmod 775 deep; chmod 4755 deep/a/b/c/f; chown 33:34 deep/a/b; chown 5 moved/f
	touch moved/sub/f; : >>/etc/group         # opened, not changed
	printf R | dd of=/etc/passwd conv=notrunc 2>/dev/null
	ln deep/a/b/c/f hard; ls -i deep/a/b/c hard; ln -s nowhere other/new; rm other/link
	mknod null c 1 3; mkfifo other/p2; rm other/pipe
	mkdir -p "a b/c#d=\\"; cp -a deep copy; truncate -s 10 moved/f
	mkdir /tmp/x; echo t >/tmp/x/t; echo v >/v/a/b/g; rm /v/f; chmod 600 /v/a/b/f
	chmod 644 other/secret; chmod 700 over; rm -r /var; mkdir /var
'
for o in kernel copy; do
	rm -rf "$work/v" && cp -a "$work/vol" "$work/v"
	t "hard things, $o" 0 "$detrun" --key "$work/k.pem" --trace "$work/h-$o" --overlay=$o -v "$work/v:/v" --chroot "$root" sh -c "$hard"
	rm -rf "$work/v" && cp -a "$work/vol" "$work/v"
	t "again, $o" 0 "$detrun" replay --key "$work/k.pub" "$work/h-$o"
	t "verified" 0 "$detrun" verify --deep --key "$work/k.pub" "$work/h-$o"
done
ok "the files before are the same" cmp "$work"/h-{kernel,copy}/rootfs.in.mtree
ok "and those afterwards" cmp "$work"/h-{kernel,copy}/rootfs.out.mtree
ok "not those before" sh -c '! cmp -s "$1/rootfs.in.mtree" "$1/rootfs.out.mtree"' - "$work/h-kernel"
# whose a file of an archive is, is not on the disk: a copy's files have other numbers
mkdir "$work/more" && echo ours >"$work/more/ours" && cp "$root/bin/cat" "$work/more/setid"
tar -C "$root" --owner=0 --group=0 -cf "$work/root.tar" . &&
	tar -C "$work/more" --owner=33 --group=34 --mode=6755 -rf "$work/root.tar" ./setid ./ours || exit 125
for o in kernel copy; do
	t "an archive, $o" 0 "$detrun" --key "$work/k.pem" --trace "$work/a-$o" --overlay=$o --chroot "$work/root.tar" \
		stat -c '%n %a %u:%g' /setid /ours
	out '/setid 6755 33:34'
	t "an archive, $o, again" 0 "$detrun" replay --key "$work/k.pub" "$work/a-$o"
done
ok "its files before are the same" cmp "$work"/a-{kernel,copy}/rootfs.in.mtree
for f in 'moved/sub/f type=file uid=0' 'moved/f type=file uid=5 gid=0' 'swap type=file' 'deep/a/b type=dir uid=33 gid=34' \
	'deep/a/b/c/f type=file uid=0 gid=0 mode=04755'; do
	ok "$f" grep -q "^./usr/$f" "$work/h-kernel/rootfs.out.mtree"
done
finish
