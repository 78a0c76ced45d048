#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Names that are made up, and the shell's own numbers.
for i in 1 2 3; do
	f=$(mktemp ./prog-mktemp.XXXXXX) || exit 1
	echo "$f"
	rm -f "$f"
done
d=$(mktemp -d) || exit 1
echo "$d"
ls -ldi "$d"
rmdir "$d"
echo "pid $$ ppid $PPID"
(echo "subshell" && sh -c 'echo $PPID')
sleep 0 & echo "background $!"
wait
date '+%s.%N %Z'
[ -z "$BASH_VERSION" ] || echo "$RANDOM $SECONDS"
bash -c 'echo $RANDOM $RANDOM $SECONDS $EPOCHREALTIME $BASHPID' 2>/dev/null
exit 0
