#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Podman as an ordinary user. usage: podman-rootless.sh [RUNTIME]; see README
. "$(dirname "$0")/lib.sh"
needs newuidmap setpriv
be_user
rootless=1
. "$here/podman-common.sh"
# shellcheck disable=SC2086
setup_podman $as_user

test_ids() {
	t "keep-id" 0 podman run --rm --network none --userns keep-id bb id -u
	is "$user"
	t "ranges" 0 podman run --rm --network none bb cat /proc/self/uid_map
	real 65536
	t "a file of the user's is root's inside" 0 podman run --rm --network none \
		-v "$pod/vol:/v" bb stat -c %u /v/f
	is 0
}

# Without --root: Podman's helper is root in a user namespace, and the host's root has been here before.
test_state() {
	[ "$kind" = detrun ] || return 0
	mkdir -m 700 /run/detrun
	printf '#!/bin/sh\nexec %s %s "$@"\n' "$RUNTIME" "$flags" >"$work/rootless"
	chmod 755 "$work/rootless"
	t "state" 0 podman --runtime "$work/rootless" run -d --name s --network none bb serve
	ok "state: the user's" test -d "$work/user/run/detrun"
	ok "state: ready" till eval 'podman --runtime "$work/rootless" logs s | grep -q ready'
	t "state: stop" 0 podman --runtime "$work/rootless" stop -t 20 s
	t "state: rm" 0 podman --runtime "$work/rootless" rm s
}

for part in ${PARTS:-run files ids state security fds terminal detached more pods build settings volumes \
	build_mounts annotations}; do
	echo "# $part"
	"test_$part"
done
end_podman
finish
