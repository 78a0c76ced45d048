#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Fetch a Debian source package, with an apt configuration of its own: the host's lists, sources and
# state are neither used nor changed (its proxy and transport settings are used).
# usage: fetch-source.sh SUITE PACKAGE DIR    DIR gets the .dsc and what it names
set -eu
suite=$1 package=$2 dir=$3
# The mirror that this machine's apt uses, unless another is named.
mirror=${DETRUN_TEST_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' | grep -m1 '/debian/*$' || :)}
[ -n "$mirror" ] || {
	echo "$0: no Debian mirror in apt's sources (run apt-get update, or set DETRUN_TEST_MIRROR)" >&2
	exit 1
}
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

mkdir -p "$dir"
dir=$(realpath "$dir")
apt=$dir/.apt-$suite
[ -z "$(ls "$dir/${package}"_*.dsc 2>/dev/null)" ] || exit 0

mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/etc"
: >"$apt/status"
echo "deb-src [signed-by=$keyring] $mirror $suite main" >"$apt/etc/sources.list"

apt_get() {
	apt-get -q -o Dir::State="$apt" -o Dir::State::lists="$apt/lists" -o Dir::Cache="$apt/cache" \
		-o Dir::State::status="$apt/status" -o Dir::Etc::sourcelist="$apt/etc/sources.list" \
		-o Dir::Etc::sourceparts=/dev/null -o APT::Sandbox::User= -o APT::Get::List-Cleanup=0 "$@"
}

[ -n "$(ls "$apt"/lists/*_Sources* 2>/dev/null)" ] || apt_get update
tmp=$(mktemp -d "$dir/.fetch.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
( cd "$tmp" && apt_get source --download-only "$package/$suite" || apt_get source --download-only "$package" )
# The .dsc last: it says that all is there.
find "$tmp" -type f ! -name '*.dsc' -exec mv -f {} "$dir/" \;
find "$tmp" -type f -name '*.dsc' -exec mv -f {} "$dir/" \;
