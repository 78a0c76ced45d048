#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Fetch the suites from Debian's source packages and build what they need.
# usage: prepare.sh [DIR]    DIR: default DETRUN_SUITES or /var/tmp/detrun-suites
#
# RUNC_FROM, CRUN_FROM, TOOLS_FROM name the Debian suites (default sid, trixie, trixie: the newest
# that work together). RUNTIMES=1 also fetches runc and crun of RUNC_FROM and CRUN_BIN_FROM (sid),
# with the libraries they need beside them, to compare with: DIR/bin/runc, DIR/bin/crun.
#
# Needed packages: build-essential libseccomp-dev bats jq gawk busybox-static xz-utils golang-go,
# golang-*-dev as in tools(), with RUNTIMES=1 patchelf.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
dir=${1:-${DETRUN_SUITES:-/var/tmp/detrun-suites}}
mkdir -p "$dir"
dir=$(realpath "$dir")
mirror=${DETRUN_TEST_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' |
	grep -m1 '/debian/*$' || :)}
[ -n "$mirror" ] || { echo "$0: no Debian mirror in apt's sources" >&2; exit 1; }
tmp=$(mktemp -d "$dir/.prepare.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
export HOME="${HOME:-$dir}" # Go keeps its cache there

# apt with a configuration of its own: the machine's isn't changed.
private_apt() { # SUITE COMMAND...
	local apt=$dir/.apt-$1 key=/usr/share/keyrings/debian-archive-keyring.gpg s=$1
	shift
	if [ ! -d "$apt/lists" ]; then
		mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
		: >"$apt/status"
		printf '%s [signed-by='$key'] %s %s main\n' deb "$mirror" "$s" deb-src "$mirror" "$s" \
			>"$apt/sources.list"
	fi
	cat >"$apt/conf" <<-EOF
		Dir::State "$apt"; Dir::State::lists "$apt/lists"; Dir::State::status "$apt/status";
		Dir::Cache "$apt/cache"; Dir::Etc::sourcelist "$apt/sources.list";
		Dir::Etc::sourceparts "-"; APT::Sandbox::User "root"; APT::Get::List-Cleanup "0";
	EOF
	[ -n "$(ls "$apt"/lists/*_Sources* 2>/dev/null)" ] ||
		APT_CONFIG=$apt/conf apt-get -qq update
	APT_CONFIG=$apt/conf "$@"
}

# The upstream part is enough: mirrors at times lack the rest.
source_of() { # SUITE PACKAGE NAME
	local got
	[ ! -d "$dir/$3" ] || return 0
	mkdir -p "$tmp/$3"
	(cd "$tmp/$3" && private_apt "$1" apt-get -qq source --download-only "$2" ||
		echo "(incomplete)")
	got=$(find "$tmp/$3" -name '*.orig.tar.?z' | head -1)
	[ -n "$got" ] || { echo "$0: no source of $2 in $1" >&2; exit 1; }
	mkdir "$tmp/$3/x"
	tar -C "$tmp/$3/x" --strip-components=1 -xf "$got"
	mv "$tmp/$3/x" "$dir/$3"
	basename "$got" >"$dir/$3/.from"
}

binaries_of() { # SUITE DIR PACKAGE...
	local s=$1 to=$2 d
	shift 2
	mkdir -p "$tmp/debs" "$to"
	(cd "$tmp/debs" && private_apt "$s" apt-get -qq download "$@")
	for d in "$tmp"/debs/*.deb; do dpkg -x "$d" "$to"; done
	rm -rf "$tmp/debs"
}

suite_runc() {
	local from=${RUNC_FROM:-sid} h
	source_of "$from" runc runc
	mkdir -p "$dir/runc/tests/cmd/_bin"
	if [ ! -x "$dir/runc/tests/cmd/_bin/recvtty" ]; then
		binaries_of "$from" "$dir/deb/runc" runc
		for h in recvtty sd-helper seccompagent fs-idmap pidfd-kill remap-rootfs; do
			[ ! -x "$dir/deb/runc/usr/sbin/$h" ] ||
				cp "$dir/deb/runc/usr/sbin/$h" "$dir/runc/tests/cmd/_bin/"
		done
	fi
	[ -f "$dir/images/debian.tar" ] || bash "$here/images.sh" "$dir/images"
	h=$dir/runc/tests/integration/testdata
	cp "$dir/images/busybox.tar" "$h/busybox-amd64.tar.xz"
	cp "$dir/images/debian.tar" "$h/debian-amd64.tar.xz"
}

suite_crun() {
	source_of "${CRUN_FROM:-trixie}" crun crun
	printf '#define HAVE_%s 1\n' SECCOMP ERROR_H LINUX_IOPRIO_H >"$tmp/config.h"
	gcc -O1 -I"$tmp" -static "$dir/crun/tests/init.c" -o "$dir/crun/tests/init" -lseccomp
}

# Modules come from golang-github-{blang-semver,google-uuid,hashicorp-go-multierror,
# mrunalp-fileutils,opencontainers-selinux,opencontainers-specs,urfave-cli,xeipuuv-gojsonschema,
# sirupsen-logrus}-dev, golang-gocapability-dev and golang-golang-x-sys-dev.
suite_tools() {
	local src=$dir/go/src/github.com p
	source_of "${TOOLS_FROM:-trixie}" golang-github-opencontainers-runtime-tools runtime-tools
	mkdir -p "$src/opencontainers" "$src/mndrix" "$dir/runtime-tools/bin"
	ln -sfn "$dir/runtime-tools" "$src/opencontainers/runtime-tools"
	rm -rf "$src/mndrix/tap-go"
	cp -r "$here/tap" "$src/mndrix/tap-go"
	export GO111MODULE=off GOPATH=$dir/go:/usr/share/gocode
	cd "$src/opencontainers/runtime-tools"
	CGO_ENABLED=0 go build -tags 'netgo osusergo' -o runtimetest ./cmd/runtimetest
	for p in validation/*/*.go; do
		case $p in validation/util/*) continue ;; esac
		p=${p%/*}
		[ -x "bin/${p##*/}" ] || go build -p 1 -o "bin/${p##*/}" ./"$p"/*.go
	done
}

# Newer programs than this machine's libraries allow: with their own loader.
runtimes() {
	local b l
	binaries_of "${RUNC_FROM:-sid}" "$dir/deb/runc" runc
	binaries_of "${CRUN_BIN_FROM:-sid}" "$dir/deb/crun" crun libc6 libseccomp2 libcap2 \
		libsystemd0 libjson-c5 libblake3-0
	mkdir -p "$dir/lib" "$dir/bin"
	find "$dir/deb/crun" -name '*.so*' -exec cp -L {} "$dir/lib/" \;
	cp "$dir/deb/runc/usr/sbin/runc" "$dir/deb/crun/usr/bin/crun" "$dir/bin/"
	for b in runc crun; do
		patchelf --set-interpreter "$dir/lib/ld-linux-x86-64.so.2" --force-rpath \
			--set-rpath "$dir/lib" "$dir/bin/$b"
		for l in $(ldd "$dir/bin/$b" | sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p'); do
			[ -e "$dir/lib/${l##*/}" ] || cp -L "$l" "$dir/lib/"
		done
		"$dir/bin/$b" --version | head -1
	done
}

suite_runc
suite_crun
suite_tools
[ -z "${RUNTIMES:-}" ] || runtimes
