#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The tests on other kernels: Debian's own, of several releases, each booted in a machine that QEMU
# emulates (no KVM is needed), over a small root file system of the release this is built on. The
# emulated CPU cannot fault on CPUID, which many machines can't. First whether programs and the build
# of a package have the same trace roots there as here (roots.sh).
#
# usage: run.sh [-k RELEASE,...] [DETRUN [SUITE...]]
# RELEASE: of Debian, whose stock kernel it is (bookworm,trixie); SUITE: tests/run/run-SUITE.sh.
# As root, with what `contrib/install-deps.sh kernels` installs. DETRUN_KERNELS=DIR keeps what was
# downloaded.
set -u
here=$(cd "$(dirname "$0")" && pwd)
top=${here%/tests/kernels}
releases=bookworm,trixie
[ "${1:-}" = -k ] && releases=$2 && shift 2
detrun=$(readlink -f "${1:-${DETRUN:-$top/build/runtime/detrun}}")
shift
suites=${*:-chroot mounts security exec}
work=$(mktemp -d "${TMPDIR:-/var/tmp}/detrun-kernels.XXXXXX") || exit 125
trap 'rm -rf "$work"' EXIT
keep=${DETRUN_KERNELS:-$work}
limit=${RUN_TIMEOUT:-1500}
passed=0 failed=0
mkdir -p "$keep" || exit 125

die() {
	echo "FAIL $*"
	echo "0 passed, 1 failed"
	exit 1
}

# Debian's packages, unpacked in DIR once.
debian() { # DIR, mmdebstrap's arguments
	local dir=$1
	shift
	[ -d "$dir" ] && return 0
	rm -rf "$dir.new"
	mmdebstrap --quiet "$@" "$dir.new" >"$work/log" 2>&1 || {
		tail -5 "$work/log"
		echo "# skipped: no packages (mmdebstrap $*)"
		echo "0 passed, 0 failed"
		exit 0
	}
	mv "$dir.new" "$dir"
}

# Enough to find the disk; the rest is loaded from there.
initrd() { # the kernel's DIR, its version, the file
	local i=$work/initrd m
	rm -rf "$i" && mkdir -p "$i"/{bin,dev,root,mod} && cp "$(command -v busybox)" "$i/bin/busybox"
	for m in virtio virtio_ring virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_blk; do
		find "$1" -path "*/$2/*" -name "$m.ko*" -exec cp {} "$i/mod/" \;
	done
	find "$i/mod" -name '*.xz' -exec xz -d {} +
	cat >"$i/init" <<-'EOF'
		#!/bin/busybox sh
		/bin/busybox mount -t devtmpfs dev /dev
		for m in virtio virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_blk; do
			[ ! -f /mod/$m.ko ] || /bin/busybox insmod /mod/$m.ko 2>/dev/null
		done
		while ! [ -b /dev/vda ]; do /bin/busybox sleep 1; done
		/bin/busybox mount -t ext4 /dev/vda /root &&
			exec /bin/busybox switch_root /root /srv/init
	EOF
	chmod 755 "$i/init"
	(cd "$i" && find . | cpio --quiet -o -H newc | gzip) >"$3"
}

# What the machine's are compared with, of this one as it is, and without what its CPU can.
roots() {
	bash "$here/roots.sh" "$detrun" "$keep/small" >"$work/roots" || die "trace roots of this machine"
	echo "== roots here, without faults on CPUID"
	DETRUN_CPUID=0 bash "$here/roots.sh" "$detrun" "$keep/small" "$work/roots" | tee "$work/out"
	count "$work/out"
}

count() { # file with sums
	local sum
	sum=$(awk '/^[0-9]+ passed, [0-9]+ failed$/ { p += $1; f += $3 } END { print p + 0, f + 0 }' "$1")
	passed=$((passed + ${sum% *})) failed=$((failed + ${sum#* }))
}

job() {
	echo 'uname -rv'
	echo "echo '== roots'; timeout $limit bash tests/kernels/roots.sh /srv/detrun/build/runtime/detrun" \
		'/srv/small /srv/roots 2>&1 | grep -v "^ok"'
	for s in $suites; do
		echo "echo '== $s'; timeout $limit bash tests/run/run-$s.sh /srv/detrun/build/runtime/detrun" \
			'>/srv/log 2>&1; grep -A4 "^not ok" /srv/log; tail -1 /srv/log'
	done
	echo 'echo the end'
}

disk() { # the kernel's DIR, its version
	local root=$keep/root
	rm -rf "$root/srv" && mkdir "$root/srv" || die "prepare $root"
	mkdir -p "$root/usr/lib/modules"
	cp -a "$(dirname "$(find "$1" -type d -path "*/modules/$2" | head -1)")"/. "$root/usr/lib/modules/"
	chroot "$root" depmod "$2" || die "the modules of Linux $2"
	mkdir -p "$root/srv/detrun/build/runtime"
	(cd "$top" && tar -cf - tests docs contrib README.md) | tar -C "$root/srv/detrun" -xf -
	cp "$detrun" "$root/srv/detrun/build/runtime/"
	chown -R 0:0 "$root/srv"
	install -m 755 "$here/init" "$root/srv/init"
	cp -a "$keep/small" "$root/srv/small" && cp "$work/roots" "$root/srv/roots" || die "copy $keep/small"
	job >"$root/srv/job"
	rm -f "$work/disk" && truncate -s 4G "$work/disk" && mkfs.ext4 -q -d "$root" "$work/disk" ||
		die "make the disk"
}

boot() { # kernel
	timeout --foreground -k 10 $((limit * 2)) qemu-system-x86_64 -accel tcg -cpu max -m 3072 -smp 2 \
		-kernel "$1" -initrd "$work/initrd.gz" -drive "file=$work/disk,if=virtio,format=raw" \
		-append 'console=ttyS0 panic=-1 loglevel=3 no_timer_check' -nographic -no-reboot </dev/null 2>&1 |
		tr -d '\r' | tee "$work/console" | grep --line-buffered -E '^(==|not ok|#|[0-9]+ passed)'
}

kernel() { # release
	local dir=$keep/kernel-$1 version
	debian "$dir" --variant=extract --include=linux-image-cloud-amd64 "$1"
	version=$(cd "$dir/boot" && ls vmlinuz-*) && version=${version#vmlinuz-}
	initrd "$dir" "$version" "$work/initrd.gz"
	disk "$dir" "$version"
	echo "=== $1: Linux $version"
	boot "$dir/boot/vmlinuz-$version"
	count "$work/console"
	grep -q '^the end' "$work/console" || {
		tail -5 "$work/console"
		echo "not ok - Linux $version came to no end"
		failed=$((failed + 1))
	}
}

command -v qemu-system-x86_64 >/dev/null || die "no qemu-system-x86_64: contrib/install-deps.sh kernels"
# shellcheck disable=SC1091
. /etc/os-release
debian "$keep/root" --variant=apt \
	--include="$(sh "$top/contrib/install-deps.sh" --list machine | tr ' ' ,)" "$VERSION_CODENAME"
debian "$keep/small" --variant=minbase --include=gcc,libc6-dev,make,dpkg-dev,python3,perl,openssl \
	"$VERSION_CODENAME"
roots
for r in ${releases//,/ }; do
	kernel "$r"
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
