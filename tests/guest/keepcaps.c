/* SPDX-License-Identifier: Apache-2.0 */
/* How a daemon gives up root but for what it still needs: capabilities kept over a change of user. */
#include <grp.h>
#include <linux/capability.h>

#include "guest.h"

static struct __user_cap_data_struct d[2];

static int caps(int nr)
{
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };

	return (int) syscall(nr, &h, d);
}

static void has(unsigned effective, unsigned permitted)
{
	CHECK(caps(SYS_capget) == 0);
	CHECK(d[0].effective == effective && d[0].permitted == permitted);
}

static void without(void)
{
	CHECK(setresuid(1000, 1000, 0) == 0);
	CHECK(caps(SYS_capget) == 0 && !d[0].effective && d[0].permitted);
	CHECK(setresuid(-1, 0, -1) == 0 && setgid(7) == 0);
	CHECK(setuid(1000) == 0);
	has(0, 0);
	CHECK(setuid(0) < 0 && errno == EPERM);
	CHECK(setgid(8) < 0 && errno == EPERM);
	d[0].permitted = 1;
	CHECK(caps(SYS_capset) < 0 && errno == EPERM);
}

static void with(void)
{
	unsigned ids = 1 << CAP_SETUID | 1 << CAP_SETGID;

	CHECK(prctl(PR_GET_KEEPCAPS) == 0 && prctl(PR_SET_KEEPCAPS, 1) == 0);
	CHECK(prctl(PR_GET_KEEPCAPS) == 1);
	CHECK(setuid(1000) == 0);
	CHECK(caps(SYS_capget) == 0 && !d[0].effective && (d[0].permitted & ids) == ids);
	CHECK(setgroups(0, NULL) < 0 && errno == EPERM);
	d[0].effective = d[0].permitted = ids;
	d[1] = (struct __user_cap_data_struct) { 0 };
	CHECK(caps(SYS_capset) == 0);
	has(ids, ids);
	CHECK(setgroups(0, NULL) == 0 && setgid(1000) == 0);
	d[0].permitted |= 1 << CAP_KILL;
	CHECK(caps(SYS_capset) < 0 && errno == EPERM);
	d[0].effective = d[0].permitted = 0;
	CHECK(caps(SYS_capset) == 0);
	CHECK(setgid(0) < 0 && errno == EPERM);
	execl("/bin/sh", "sh", "-c", "grep -E 'Cap(Prm|Eff)' /proc/self/status", NULL);
}

int main(void)
{
	CHECK(wait_of(start(without)) == 0);
	CHECK(wait_of(start(with)) == 0);
	return 0;
}
