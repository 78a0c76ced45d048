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

for part in ${PARTS:-run files ids security fds terminal detached more pods build annotations}; do
	echo "# $part"
	"test_$part"
done
end_podman
finish
