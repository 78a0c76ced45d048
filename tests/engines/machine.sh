#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# For systemd.sh, as the first process in namespaces of its own: systemd, over this machine's files.
# usage: machine.sh hybrid|v2 UID DIRECTORY...: an ordinary user's; what is not copied, but shared
view=$1 user=$2
shift 2
m=/run/machine

must() { "$@" || { echo "failed: $*"; exit 1; }; }

must mkdir -p $m
must mount -t tmpfs -o mode=755 machine $m
must mkdir $m/upper $m/work $m/root
must mount -t overlay -o "lowerdir=/,upperdir=$m/upper,workdir=$m/work" root $m/root
must cd $m/root
must mount -t proc proc proc
must mount -t sysfs sysfs sys
for d in run tmp dev; do must mount -t tmpfs -o mode=755 $d $d; done
chmod 1777 tmp
for d; do
	must mkdir -p "./$d"
	must mount --bind "$d" "./$d"
done
for f in null zero full random urandom tty; do
	: >dev/$f
	must mount --bind /dev/$f dev/$f
done
ln -s /proc/self/fd dev/fd
ln -s pts/ptmx dev/ptmx
mkdir dev/pts dev/shm
must mount -t devpts -o newinstance,ptmxmode=666,mode=620 pts dev/pts

if [ "$view" = v2 ]; then
	must mount -t cgroup2 cgroup2 sys/fs/cgroup
else
	must mount -t tmpfs -o mode=755 cgroup sys/fs/cgroup
	for c in $(sed -n 's/^[0-9]*:\([a-z][^:]*\):.*/\1/p' /proc/self/cgroup); do
		d=sys/fs/cgroup/${c#name=}
		must mkdir "$d"
		case $c in
		name=*) must mount -t cgroup -o "none,$c" cgroup "$d" ;;
		*) must mount -t cgroup -o "$c" cgroup "$d" ;;
		esac
	done
	must mkdir sys/fs/cgroup/unified
	must mount -t cgroup2 cgroup2 sys/fs/cgroup/unified
fi

# Nothing of what this machine would start, nothing of the kernel's that is everybody's.
units=etc/systemd/system
rm -rf $units
mkdir -p $units
: >etc/fstab
for d in sysctl modules-load remount-fs udevd udev-trigger; do
	ln -s /dev/null $units/systemd-$d.service
done
echo "dtuser:*:$user:$user::/:/bin/sh" >>etc/passwd
echo "dtuser:x:$user:" >>etc/group
echo "dtuser:1000000:65536" | tee etc/subuid >etc/subgid

must pivot_root . mnt
must umount -l /mnt
exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb LC_ALL=C.UTF-8 \
	/lib/systemd/systemd --system --unit=basic.target
