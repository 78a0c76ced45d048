/* SPDX-License-Identifier: Apache-2.0 */
/* A filter of the guest's own must not hide a call: neither a listener's nor an errno's. */
#include <linux/filter.h>
#include <linux/seccomp.h>

#include "guest.h"

static struct sock_filter deny_time[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clock_gettime, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_time, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_uname, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
};

int main(void)
{
	struct sock_fprog p = { sizeof deny_time / sizeof *deny_time, deny_time };
	struct timespec ts;
	long a, b, c;

	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	a = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &p);
	b = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &p);
	c = prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p, 0, 0);
	printf("listener %s, filter %s, prctl %s\n", a < 0 ? "no" : "yes", b < 0 ? "no" : "yes",
		c < 0 ? "no" : "yes");
	CHECK(a < 0);
	CHECK(syscall(SYS_clock_gettime, CLOCK_REALTIME, &ts) == 0);
	CHECK(!IS_REAL_TIME(ts.tv_sec));
	printf("time %ld\n", (long) ts.tv_sec);
	CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0) < 0);
	return 0;
}
