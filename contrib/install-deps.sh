#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Install what detrun needs on Debian 12: to build it, with `test` also to test it, with `engines` also
# to test it with Podman, Buildah, Docker and containerd, with `conformance` also for the suites of
# runc, crun and the OCI, with `kernels` also to test it on other kernels. `--list` only names packages.
set -eu

build='build-essential meson ninja-build pkg-config libssl-dev libyajl-dev libseccomp-dev
	libarchive-dev libcap-dev libzstd-dev zstd uidmap'
test='clang busybox-static faketime strace python3 perl git cmake dpkg-dev mmdebstrap openssl
	procps xz-utils e2fsprogs util-linux attr libcap2-bin'

engines='podman conmon netavark runc buildah docker.io containerd iptables iproute2 docker-compose systemd dbus
	dbus-user-session libpam-systemd containernetworking-plugins python3-grpcio catatonit slirp4netns passt'
conformance='bats jq gawk golang-go golang-github-blang-semver-dev golang-github-google-uuid-dev
	golang-github-hashicorp-go-multierror-dev golang-github-mrunalp-fileutils-dev
	golang-github-opencontainers-selinux-dev golang-github-opencontainers-specs-dev
	golang-github-sirupsen-logrus-dev golang-github-urfave-cli-dev
	golang-github-xeipuuv-gojsonschema-dev golang-gocapability-dev golang-golang-x-sys-dev'
kernels='qemu-system-x86 cpio'
# in such a machine
machine='busybox-static faketime strace python3 perl git gcc libc6-dev make libyajl2 libseccomp2
	libarchive13 libcap2 libzstd1 libssl3 zstd uidmap procps xz-utils e2fsprogs util-linux attr
	libcap2-bin openssl mount passwd login iproute2 kmod'

list=
[ "${1:-}" != --list ] || { list=1 && shift; }
case ${1:-build} in
build) want=$build ;;
test) want="$build $test" ;;
engines) want="$build $test $engines" ;;
conformance) want="$build $test $conformance" ;;
kernels) want="$build $test $kernels" ;;
machine) want=$machine ;;
*)
	echo "usage: $0 [--list] [build|test|engines|conformance|kernels|machine]" >&2
	exit 2
	;;
esac
# shellcheck disable=SC2086
[ -z "$list" ] || { echo $want && exit 0; }

missing=
for p in $want; do
	dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' ||
		missing="$missing $p"
done
[ -n "$missing" ] || exit 0

sudo=
if [ "$(id -u)" != 0 ]; then
	command -v sudo >/dev/null || {
		echo "$0: missing:$missing; run this as root, or install sudo" >&2
		exit 1
	}
	sudo=sudo
fi
$sudo apt-get update </dev/null
# shellcheck disable=SC2086
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing </dev/null
