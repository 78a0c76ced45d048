/* SPDX-License-Identifier: Apache-2.0 */
/* Out of the namespaces, into another's memory, away from the supervisor: refused. */
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#include "guest.h"

static int child(void *arg)
{
	(void) arg;
	_exit(0);
}

static void say(const char *what, long r)
{
	printf("%s: %ld %s\n", what, r < 0 ? -1l : r, r < 0 ? strerrorname_np(errno) : "");
}

static void open_mem(pid_t pid)
{
	char path[64];
	int fd;

	snprintf(path, sizeof path, "/proc/%d/mem", pid);
	fd = open(path, O_RDWR);
	printf("%s of pid %d: %s\n", "mem", pid, fd < 0 ? "no" : "yes");
	if (fd >= 0 && pid != getpid()) {
		char b[8];

		printf("read %d\n", (int) pread(fd, b, 8, 0x400000) > 0);
	}
}

static void pause_(void)
{
	pause();
}

int main(void)
{
	static char stack[65536];
	static int there = 1;
	struct iovec v = { &there, sizeof there };
	uint64_t c3[11] = { CLONE_NEWUSER, 0, 0, 0, SIGCHLD };
	pid_t p = start(pause_), u;
	int nsfd;

	say("ptrace traceme", ptrace(PTRACE_TRACEME, 0, 0, 0));
	say("ptrace attach", ptrace(PTRACE_ATTACH, p, 0, 0));
	say("ptrace seize 1", ptrace(PTRACE_SEIZE, 1, 0, 0));
	say("process_vm_readv", process_vm_readv(p, &v, 1, &v, 1, 0));
	say("process_vm_writev", process_vm_writev(p, &v, 1, &v, 1, 0));
	say("process_vm_writev 1", process_vm_writev(1, &v, 1, &v, 1, 0));
	open_mem(p);
	open_mem(1);
	say("unshare user", unshare(CLONE_NEWUSER));
	say("unshare mount", unshare(CLONE_NEWNS));
	say("unshare pid", unshare(CLONE_NEWPID));
	say("unshare time", unshare(0x80));
	nsfd = open("/proc/self/ns/mnt", O_RDONLY);
	say("setns", setns(nsfd, 0));
	say("mount", mount("none", "/tmp", "tmpfs", 0, NULL));
	say("umount", umount2("/proc", MNT_DETACH));
	say("clone user", clone(child, stack + sizeof stack, CLONE_NEWUSER | SIGCHLD, NULL));
	say("clone pid", clone(child, stack + sizeof stack, CLONE_NEWPID | SIGCHLD, NULL));
	say("clone3", syscall(435, c3, sizeof c3));
	u = clone(child, stack + sizeof stack, CLONE_UNTRACED | SIGCHLD, NULL);
	say("clone untraced", u > 0 ? 1 : u);
	if (u > 0)
		CHECK(wait_of(u) == 0);
	say("pidfd_getfd", syscall(SYS_pidfd_getfd, syscall(SYS_pidfd_open, p, 0), 0, 0));
	say("bpf", syscall(SYS_bpf, 0, 0, 0));
	say("io_uring", syscall(425, 1, 0));
	say("userfaultfd", syscall(323, 0));
	say("TIOCSTI", syscall(SYS_ioctl, 0, 0x5412, "x"));
	say("TIOCSTI in the low word", syscall(SYS_ioctl, 0, 0x7fffffff00005412, "x"));
	say("TIOCLINUX in the low word", syscall(SYS_ioctl, 0, 0x10000541c, "x"));
	say("kexec", syscall(SYS_kexec_load, 0, 0, 0, 0));
	CHECK(kill(p, SIGKILL) == 0);
	wait_of(p);
	return 0;
}
