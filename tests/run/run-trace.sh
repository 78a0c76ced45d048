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
t "no root file system" 2 "$detrun" trace code "$work/tr" "$work/none"
err "$work/none"
finish
