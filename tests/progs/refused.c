/* SPDX-License-Identifier: Apache-2.0 */
/* Interfaces that tell of the host, or work behind the supervisor's back: what they answer. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static void try(const char *name, long nr, long a, long b, long c)
{
	long r = syscall(nr, a, b, c, -1L, 0L);

	printf("%s: %s\n", name, r < 0 ? strerror(errno) : "works");
	if (r > 2)
		close((int) r);
}

int main(void)
{
	static char zero[256];

	try("fanotify_init", SYS_fanotify_init, 0, 0, 0);
	try("io_uring_setup", SYS_io_uring_setup, 1, (long) zero, 0);
	try("io_setup", SYS_io_setup, 1, (long) (zero + 128), 0);
	try("perf_event_open", SYS_perf_event_open, (long) zero, 0, -1);
	try("bpf", SYS_bpf, 0, (long) zero, 32);
	try("userfaultfd", SYS_userfaultfd, 1, 0, 0);
	try("keyctl", SYS_keyctl, 0, -3, 0);
	try("syslog", SYS_syslog, 10, 0, 0);
	try("kcmp", SYS_kcmp, getpid(), getpid(), 0);
	try("unknown 999", 999, 0, 0, 0);
	try("x32 getpid", 0x40000000 | SYS_getpid, 0, 0, 0);
	return 0;
}
